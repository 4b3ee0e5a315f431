//! IPv4 addresses inside IPv6 ones (RFC 6052) and how a host learns the prefix (RFC 7050).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The name whose IPv6 addresses the operator makes from the two that it has in IPv4.
pub(super) const WELL_KNOWN_NAME: &str = "ipv4only.arpa";

/// Those two (RFC 7050 section 2.2).
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// Lengths of prefixes, the most usual first.
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

/// A NAT64's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    octets: [u8; 16],
    bits: u8,
}

impl Prefix {
    /// `64:ff9b::/96`, which a network without its own uses (RFC 6052 section 2.1).
    pub(super) const WELL_KNOWN: Self =
        Self { octets: [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bits: 96 };

    /// Nothing for lengths other than 32, 40, 48, 56, 64 and 96.
    pub(super) fn new(prefix: Ipv6Addr, bits: u8) -> Option<Self> {
        LENGTHS.contains(&bits).then(|| {
            let mask = u128::MAX << (128 - u32::from(bits));
            Self { octets: (u128::from(prefix) & mask).to_be_bytes(), bits }
        })
    }

    /// The prefix with which an operator's name server has made addresses of [`WELL_KNOWN_NAME`].
    pub(super) fn discover(addresses: &[IpAddr]) -> Option<Self> {
        let v6 = || {
            addresses.iter().filter_map(|address| match address {
                IpAddr::V6(address) => Some(*address),
                IpAddr::V4(_) => None,
            })
        };
        LENGTHS.into_iter().find_map(|bits| {
            v6().find_map(|address| {
                let prefix = Self::new(address, bits)?;
                WELL_KNOWN.iter().any(|known| prefix.embed(*known) == address).then_some(prefix)
            })
        })
    }

    /// Where the octets of an IPv4 address go: octet 8 stays zero.
    fn places(self) -> impl Iterator<Item = usize> {
        (usize::from(self.bits) / 8..16).filter(|at| *at != 8).take(4)
    }

    /// The IPv6 address that stands for `address`.
    pub(super) fn embed(self, address: Ipv4Addr) -> Ipv6Addr {
        let mut octets = self.octets;
        for (at, octet) in self.places().zip(address.octets()) {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        Ipv6Addr::from(octets)
    }

    /// The IPv4 address that `address` stands for.
    pub(super) fn extract(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let octets = address.octets();
        let mut four = [0; 4];
        for (at, octet) in self.places().zip(&mut four) {
            *octet = *octets.get(at)?;
        }
        let four = Ipv4Addr::from(four);
        (self.embed(four) == address).then_some(four)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_are_embedded_as_the_table_of_rfc_6052_has_it() {
        let address = Ipv4Addr::new(192, 0, 2, 33);
        for (prefix, bits, whole) in [
            ("2001:db8::", 32, "2001:db8:c000:221::"),
            ("2001:db8:100::", 40, "2001:db8:1c0:2:21::"),
            ("2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::", 96, "64:ff9b::192.0.2.33"),
        ] {
            let prefix = Prefix::new(v6(prefix), bits).unwrap();
            assert_eq!(prefix.embed(address), v6(whole), "{bits}");
            assert_eq!(prefix.extract(v6(whole)), Some(address), "{bits}");
            assert_eq!(prefix.extract(v6("2001:db9::1")), None);
            let known = IpAddr::from(prefix.embed(WELL_KNOWN[1]));
            assert_eq!(Prefix::discover(&[known]), Some(prefix), "{bits}");
        }
        assert_eq!(Prefix::new(v6("2001:db8::"), 33), None);
    }

    #[test]
    fn prefix_is_not_made_up_from_addresses_that_are_of_the_name_itself() {
        let addresses = ["2001:db8::1".parse().unwrap(), IpAddr::from(WELL_KNOWN[0])];
        assert_eq!(Prefix::discover(&addresses), None);
        assert_eq!(Prefix::discover(&[]), None);
    }
}

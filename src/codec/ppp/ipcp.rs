//! Options of the Internet Protocol Control Protocol (RFC 1332 section 3, RFC 1877).

use std::net::Ipv4Addr;

use super::control::RawOption;

/// What modules tell as name servers while their context is not up.
pub const PLACEHOLDER_DNS: [Ipv4Addr; 2] =
    [Ipv4Addr::new(10, 11, 12, 13), Ipv4Addr::new(10, 11, 12, 14)];

/// A configuration option of IPCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpcpOption {
    /// IP-Compression-Protocol (2): its protocol, `002d` is Van Jacobson, and its parameters.
    Compression {
        /// Its protocol number.
        protocol: u16,
        /// What follows it.
        data: Vec<u8>,
    },
    /// IP-Address (3).
    Address(Ipv4Addr),
    /// Primary DNS server (129).
    PrimaryDns(Ipv4Addr),
    /// Primary NetBIOS name server (130).
    PrimaryNbns(Ipv4Addr),
    /// Secondary DNS server (131).
    SecondaryDns(Ipv4Addr),
    /// Secondary NetBIOS name server (132).
    SecondaryNbns(Ipv4Addr),
    /// Any other, and known ones whose length is wrong.
    Other(RawOption),
}

impl From<RawOption> for IpcpOption {
    fn from(option: RawOption) -> Self {
        match (option.kind, option.data.as_slice()) {
            (2, &[a, b, ref data @ ..]) => {
                Self::Compression { protocol: u16::from_be_bytes([a, b]), data: data.to_vec() }
            }
            (3, &[a, b, c, d]) => Self::Address([a, b, c, d].into()),
            (129, &[a, b, c, d]) => Self::PrimaryDns([a, b, c, d].into()),
            (130, &[a, b, c, d]) => Self::PrimaryNbns([a, b, c, d].into()),
            (131, &[a, b, c, d]) => Self::SecondaryDns([a, b, c, d].into()),
            (132, &[a, b, c, d]) => Self::SecondaryNbns([a, b, c, d].into()),
            _ => Self::Other(option),
        }
    }
}

impl From<&IpcpOption> for RawOption {
    fn from(option: &IpcpOption) -> Self {
        let (kind, address) = match option {
            IpcpOption::Compression { protocol, data } => {
                return Self { kind: 2, data: [&protocol.to_be_bytes(), &data[..]].concat() };
            }
            IpcpOption::Address(address) => (3, address),
            IpcpOption::PrimaryDns(address) => (129, address),
            IpcpOption::PrimaryNbns(address) => (130, address),
            IpcpOption::SecondaryDns(address) => (131, address),
            IpcpOption::SecondaryNbns(address) => (132, address),
            IpcpOption::Other(option) => return option.clone(),
        };
        Self { kind, data: address.octets().to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::{decode_options, encode_options};
    use super::*;

    #[test]
    fn options_of_a_usual_request_are_read_and_written() {
        // VJ with 16 slots, address 0.0.0.0, both DNS servers (RFC 1332 section 3, RFC 1877).
        let wire = hex::decode(
            "0206002d0f010306000000008106000000008306000000008206000000008406ffffffff0103aa",
        )
        .unwrap();
        let options: Vec<IpcpOption> =
            decode_options(&wire).unwrap().into_iter().map(IpcpOption::from).collect();
        assert_eq!(
            options,
            [
                IpcpOption::Compression { protocol: 0x002D, data: vec![15, 1] },
                IpcpOption::Address(Ipv4Addr::UNSPECIFIED),
                IpcpOption::PrimaryDns(Ipv4Addr::UNSPECIFIED),
                IpcpOption::SecondaryDns(Ipv4Addr::UNSPECIFIED),
                IpcpOption::PrimaryNbns(Ipv4Addr::UNSPECIFIED),
                IpcpOption::SecondaryNbns(Ipv4Addr::BROADCAST),
                IpcpOption::Other(RawOption { kind: 1, data: vec![0xAA] }),
            ]
        );
        let raw: Vec<RawOption> = options.iter().map(RawOption::from).collect();
        assert_eq!(encode_options(&raw), wire);
    }
}

//! Options of the IPv6 Control Protocol (RFC 5072 section 4).

use super::control::RawOption;

/// A configuration option of IPv6CP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ipv6cpOption {
    /// Interface-Identifier (1); zero asks for one.
    InterfaceId(u64),
    /// Any other, and known ones whose length is wrong.
    Other(RawOption),
}

impl From<RawOption> for Ipv6cpOption {
    fn from(option: RawOption) -> Self {
        match (option.kind, <[u8; 8]>::try_from(option.data.as_slice())) {
            (1, Ok(octets)) => Self::InterfaceId(u64::from_be_bytes(octets)),
            _ => Self::Other(option),
        }
    }
}

impl From<&Ipv6cpOption> for RawOption {
    fn from(option: &Ipv6cpOption) -> Self {
        match option {
            Ipv6cpOption::InterfaceId(id) => Self { kind: 1, data: id.to_be_bytes().to_vec() },
            Ipv6cpOption::Other(option) => option.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::{decode_options, encode_options};
    use super::*;

    #[test]
    fn identifier_of_eight_octets_is_read_and_others_are_kept() {
        // RFC 5072 section 4.1: type 1, length 10; a compression protocol of RFC 2472; a short one.
        let wire = hex::decode("010a021122fffe3344550204004f0104aabb").unwrap();
        let options: Vec<Ipv6cpOption> =
            decode_options(&wire).unwrap().into_iter().map(Ipv6cpOption::from).collect();
        assert_eq!(
            options,
            [
                Ipv6cpOption::InterfaceId(0x0211_22FF_FE33_4455),
                Ipv6cpOption::Other(RawOption { kind: 2, data: vec![0x00, 0x4F] }),
                Ipv6cpOption::Other(RawOption { kind: 1, data: vec![0xAA, 0xBB] }),
            ]
        );
        let raw: Vec<RawOption> = options.iter().map(RawOption::from).collect();
        assert_eq!(encode_options(&raw), wire);
    }
}

//! Options of the Link Control Protocol (RFC 1661 section 6, RFC 1662 section 7.1).

use super::control::RawOption;

/// A configuration option of LCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LcpOption {
    /// Maximum-Receive-Unit (1), octets.
    Mru(u16),
    /// Async-Control-Character-Map (2).
    Accm(u32),
    /// Authentication-Protocol (3).
    Auth {
        /// Its protocol number.
        protocol: u16,
        /// What follows it; for CHAP the algorithm, `05` is MD5.
        data: Vec<u8>,
    },
    /// Magic-Number (5).
    Magic(u32),
    /// Protocol-Field-Compression (7).
    Pfc,
    /// Address-and-Control-Field-Compression (8).
    Acfc,
    /// Any other, and known ones whose length is wrong.
    Other(RawOption),
}

impl From<RawOption> for LcpOption {
    fn from(option: RawOption) -> Self {
        match (option.kind, option.data.as_slice()) {
            (1, &[a, b]) => Self::Mru(u16::from_be_bytes([a, b])),
            (2, &[a, b, c, d]) => Self::Accm(u32::from_be_bytes([a, b, c, d])),
            (3, &[a, b, ref data @ ..]) => {
                Self::Auth { protocol: u16::from_be_bytes([a, b]), data: data.to_vec() }
            }
            (5, &[a, b, c, d]) => Self::Magic(u32::from_be_bytes([a, b, c, d])),
            (7, []) => Self::Pfc,
            (8, []) => Self::Acfc,
            _ => Self::Other(option),
        }
    }
}

impl From<&LcpOption> for RawOption {
    fn from(option: &LcpOption) -> Self {
        let (kind, data) = match option {
            LcpOption::Mru(mru) => (1, mru.to_be_bytes().to_vec()),
            LcpOption::Accm(map) => (2, map.to_be_bytes().to_vec()),
            LcpOption::Auth { protocol, data } => {
                (3, [&protocol.to_be_bytes(), &data[..]].concat())
            }
            LcpOption::Magic(number) => (5, number.to_be_bytes().to_vec()),
            LcpOption::Pfc => (7, Vec::new()),
            LcpOption::Acfc => (8, Vec::new()),
            LcpOption::Other(option) => return option.clone(),
        };
        Self { kind, data }
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::{decode_options, encode_options};
    use super::*;

    #[test]
    fn options_of_a_usual_request_are_read_and_written() {
        // MRU 1500, ACCM 0, CHAP with MD5, magic, PFC, ACFC (RFC 1661 section 6).
        let wire = hex::decode("010405dc0206000000000305c2230505061234567807020802").unwrap();
        let options: Vec<LcpOption> =
            decode_options(&wire).unwrap().into_iter().map(LcpOption::from).collect();
        assert_eq!(
            options,
            [
                LcpOption::Mru(1500),
                LcpOption::Accm(0),
                LcpOption::Auth { protocol: 0xC223, data: vec![5] },
                LcpOption::Magic(0x1234_5678),
                LcpOption::Pfc,
                LcpOption::Acfc,
            ]
        );
        let raw: Vec<RawOption> = options.iter().map(RawOption::from).collect();
        assert_eq!(encode_options(&raw), wire);
    }

    #[test]
    fn known_option_of_wrong_length_is_kept_as_it_is() {
        let odd = RawOption { kind: 1, data: vec![1, 2, 3] };
        assert_eq!(LcpOption::from(odd.clone()), LcpOption::Other(odd));
    }
}

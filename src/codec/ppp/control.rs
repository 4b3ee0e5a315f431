//! Control packets and their options, common to LCP and the network control protocols (RFC 1661
//! sections 5 and 6).

use crate::codec::{DecodeError, DecodeErrorKind};

/// PPP protocol numbers (IANA "PPP DLL Protocol Numbers").
pub mod protocol {
    /// Internet Protocol version 4.
    pub const IP: u16 = 0x0021;
    /// Internet Protocol version 6.
    pub const IPV6: u16 = 0x0057;
    /// Internet Protocol Control Protocol.
    pub const IPCP: u16 = 0x8021;
    /// IPv6 Control Protocol.
    pub const IPV6CP: u16 = 0x8057;
    /// Compression Control Protocol.
    pub const CCP: u16 = 0x80FD;
    /// Link Control Protocol.
    pub const LCP: u16 = 0xC021;
    /// Password Authentication Protocol.
    pub const PAP: u16 = 0xC023;
    /// Challenge Handshake Authentication Protocol.
    pub const CHAP: u16 = 0xC223;
}

/// Codes of control packets (RFC 1661 section 5, RFC 1570, RFC 1334, RFC 1994).
pub mod code {
    /// Configure-Request.
    pub const CONFIGURE_REQUEST: u8 = 1;
    /// Configure-Ack.
    pub const CONFIGURE_ACK: u8 = 2;
    /// Configure-Nak.
    pub const CONFIGURE_NAK: u8 = 3;
    /// Configure-Reject.
    pub const CONFIGURE_REJECT: u8 = 4;
    /// Terminate-Request.
    pub const TERMINATE_REQUEST: u8 = 5;
    /// Terminate-Ack.
    pub const TERMINATE_ACK: u8 = 6;
    /// Code-Reject.
    pub const CODE_REJECT: u8 = 7;
    /// Protocol-Reject.
    pub const PROTOCOL_REJECT: u8 = 8;
    /// Echo-Request.
    pub const ECHO_REQUEST: u8 = 9;
    /// Echo-Reply.
    pub const ECHO_REPLY: u8 = 10;
    /// Discard-Request.
    pub const DISCARD_REQUEST: u8 = 11;
    /// Identification (RFC 1570 section 2.1).
    pub const IDENTIFICATION: u8 = 12;
    /// Time-Remaining (RFC 1570 section 2.2).
    pub const TIME_REMAINING: u8 = 13;

    /// PAP Authenticate-Request.
    pub const PAP_REQUEST: u8 = 1;
    /// PAP Authenticate-Ack.
    pub const PAP_ACK: u8 = 2;
    /// PAP Authenticate-Nak.
    pub const PAP_NAK: u8 = 3;

    /// CHAP Challenge.
    pub const CHAP_CHALLENGE: u8 = 1;
    /// CHAP Response.
    pub const CHAP_RESPONSE: u8 = 2;
    /// CHAP Success.
    pub const CHAP_SUCCESS: u8 = 3;
    /// CHAP Failure.
    pub const CHAP_FAILURE: u8 = 4;
}

/// Options of one packet that are looked at. The largest set in use has about ten; a packet of
/// 1500 octets could carry 748.
pub const MAX_OPTIONS: usize = 64;

/// Code, Identifier, Length.
const HEADER: usize = 4;

/// A control packet of any protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPacket {
    /// What it is; see [`code`].
    pub code: u8,
    /// Joins requests and replies.
    pub identifier: u8,
    /// What follows the length.
    pub data: Vec<u8>,
}

impl ControlPacket {
    /// Joins the three.
    #[must_use]
    pub fn new(code: u8, identifier: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { code, identifier, data: data.into() }
    }

    /// Reads a packet; octets behind its length are padding.
    ///
    /// # Errors
    /// When the length is below four or beyond the input.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let [code, identifier, high, low, data @ ..] = octets else {
            return Err(DecodeError { field: "Code", offset: 0, kind: DecodeErrorKind::Truncated });
        };
        let declared = usize::from(u16::from_be_bytes([*high, *low]));
        let data = declared.checked_sub(HEADER).and_then(|length| data.get(..length)).ok_or(
            DecodeError {
                field: "Length",
                offset: 2,
                kind: DecodeErrorKind::LengthExceedsInput { declared },
            },
        )?;
        Ok(Self { code: *code, identifier: *identifier, data: data.to_vec() })
    }

    /// The packet's octets; data beyond what the length field can say is cut off.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let data = self.data.get(..usize::from(u16::MAX) - HEADER).unwrap_or(&self.data);
        let length = u16::try_from(data.len() + HEADER).unwrap_or(u16::MAX);
        let mut octets = Vec::with_capacity(data.len() + HEADER);
        octets.extend_from_slice(&[self.code, self.identifier]);
        octets.extend_from_slice(&length.to_be_bytes());
        octets.extend_from_slice(data);
        octets
    }
}

/// A configuration option as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawOption {
    /// Type.
    pub kind: u8,
    /// What follows type and length; at most 253 octets are sent.
    pub data: Vec<u8>,
}

/// Reads the options of a Configure packet.
///
/// # Errors
/// When an option's length is below two or beyond the input, or there are more than
/// [`MAX_OPTIONS`].
pub fn decode_options(octets: &[u8]) -> Result<Vec<RawOption>, DecodeError> {
    let mut options = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() {
        let error = |kind| DecodeError { field: "Option", offset: octets.len() - rest.len(), kind };
        let [kind, length, ..] = rest else {
            return Err(error(DecodeErrorKind::Truncated));
        };
        let length = usize::from(*length);
        let Some((option, behind)) = rest.split_at_checked(length) else {
            return Err(error(DecodeErrorKind::LengthExceedsInput { declared: length }));
        };
        let Some(data) = option.get(2..) else {
            return Err(error(DecodeErrorKind::InvalidValue(length as u8)));
        };
        if options.len() == MAX_OPTIONS {
            return Err(error(DecodeErrorKind::LimitExceeded { limit: MAX_OPTIONS }));
        }
        options.push(RawOption { kind: *kind, data: data.to_vec() });
        rest = behind;
    }
    Ok(options)
}

/// The octets of options, in order.
#[must_use]
pub fn encode_options(options: &[RawOption]) -> Vec<u8> {
    let mut octets = Vec::new();
    for option in options {
        let data = option.data.get(..253).unwrap_or(&option.data);
        octets.push(option.kind);
        octets.push(u8::try_from(data.len() + 2).unwrap_or(u8::MAX));
        octets.extend_from_slice(data);
    }
    octets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padding_behind_the_length_is_ignored() {
        let packet = ControlPacket::decode(&[9, 7, 0, 8, 1, 2, 3, 4, 0, 0, 0]);
        assert_eq!(packet, Ok(ControlPacket::new(9, 7, [1, 2, 3, 4])));
    }

    #[test]
    fn length_below_the_header_or_beyond_the_input_is_an_error() {
        for octets in [&[1, 1, 0, 3][..], &[1, 1, 0, 5], &[1, 1, 0], &[]] {
            assert!(ControlPacket::decode(octets).is_err(), "{octets:?}");
        }
    }

    #[test]
    fn option_with_impossible_length_is_an_error_with_its_offset() {
        for octets in [&[5, 2, 3, 0][..], &[5, 2, 3, 1], &[5, 2, 3, 7, 0], &[5, 2, 3]] {
            assert_eq!(decode_options(octets).map_err(|error| error.offset), Err(2), "{octets:?}");
        }
    }

    #[test]
    fn more_options_than_the_limit_are_an_error() {
        assert!(decode_options(&[7, 2].repeat(MAX_OPTIONS)).is_ok());
        assert!(decode_options(&[7, 2].repeat(MAX_OPTIONS + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_packet_that_decodes_encodes_to_itself(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(packet) = ControlPacket::decode(&octets) {
                let again = packet.encode();
                prop_assert_eq!(octets.get(..again.len()), Some(again.as_slice()));
            }
        }

        #[test]
        fn any_options_that_decode_encode_to_themselves(octets in proptest::collection::vec(0..12_u8, 0..64)) {
            if let Ok(options) = decode_options(&octets) {
                prop_assert_eq!(encode_options(&options), octets);
            }
        }
    }
}

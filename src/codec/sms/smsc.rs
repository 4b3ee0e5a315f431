//! How AT commands carry TPDUs: hexadecimal, with the service centre's address in front
//! (3GPP TS 27.005 clause 3.1, `<pdu>`).

use super::{EncodeError, MAX_TPDU, SmsAddress};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Longest service centre address, its length octet not counted.
const MAX_SMSC: usize = 11;

/// Splits the service centre address off; what is left is the TPDU.
///
/// # Errors
/// When the announced address is longer than the octets.
pub fn split_smsc(octets: &[u8]) -> Result<(Option<SmsAddress>, &[u8]), DecodeError> {
    let error = |kind| DecodeError { field: "SMSC", offset: 0, kind };
    let (length, rest) = octets.split_first().ok_or_else(|| error(DecodeErrorKind::Truncated))?;
    let declared = usize::from(*length);
    if declared > MAX_SMSC {
        return Err(error(DecodeErrorKind::LimitExceeded { limit: MAX_SMSC }));
    }
    let (address, tpdu) = rest
        .split_at_checked(declared)
        .ok_or_else(|| error(DecodeErrorKind::LengthExceedsInput { declared }))?;
    Ok((SmsAddress::from_octets(address), tpdu))
}

/// Puts the service centre address in front of a TPDU; a single zero octet when there is none.
///
/// # Errors
/// When the address does not fit.
pub fn join_smsc(smsc: Option<&SmsAddress>, tpdu: &[u8]) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(tpdu.len() + 1 + MAX_SMSC);
    match smsc {
        Some(address) => address.write_smsc(&mut out)?,
        None => out.push(0),
    }
    out.extend(tpdu);
    Ok(out)
}

/// Octets of a line of hexadecimal digits; blanks between them are skipped.
///
/// # Errors
/// Names the first character that is no digit, or an odd number of them.
pub fn from_hex(text: &str) -> Result<Vec<u8>, DecodeError> {
    let error = |offset, kind| DecodeError { field: "hexadecimal digits", offset, kind };
    let limit = 2 * (MAX_TPDU + 1 + MAX_SMSC);
    let mut octets = Vec::new();
    let mut high = None;
    for (offset, character) in text.bytes().enumerate() {
        if character.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(character).to_digit(16).and_then(|it| u8::try_from(it).ok());
        let digit = digit.ok_or_else(|| error(offset, DecodeErrorKind::InvalidValue(character)))?;
        if octets.len() >= limit {
            return Err(error(offset, DecodeErrorKind::LimitExceeded { limit }));
        }
        match high.take() {
            None => high = Some(digit),
            Some(high) => octets.push(high << 4 | digit),
        }
    }
    if high.is_some() {
        return Err(error(text.len(), DecodeErrorKind::Truncated));
    }
    Ok(octets)
}

/// Upper-case hexadecimal digits, as AT commands want them.
#[must_use]
pub fn to_hex(octets: &[u8]) -> String {
    hex::encode_upper(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_with_and_without_address() {
        let octets = from_hex("07 91 447779070088 04 05").unwrap();
        let (smsc, tpdu) = split_smsc(&octets).unwrap();
        assert_eq!(smsc.clone().unwrap().to_string(), "+447797700088");
        assert_eq!(tpdu, [4, 5]);
        assert_eq!(join_smsc(smsc.as_ref(), tpdu).unwrap(), octets);
        assert_eq!(split_smsc(&[0, 4, 5]).unwrap(), (None, &[4, 5][..]));
        assert_eq!(join_smsc(None, &[4]).unwrap(), [0, 4]);
    }

    #[test]
    fn impossible_prefix_is_an_error() {
        assert!(split_smsc(&[]).is_err());
        assert!(split_smsc(&[7, 0x91, 0x44]).is_err());
        assert!(split_smsc(&[0x44; 80]).is_err());
    }

    #[test]
    fn bad_hexadecimal_is_named_with_its_place() {
        assert_eq!(from_hex("0a 0B").unwrap(), [10, 11]);
        assert_eq!(from_hex("0g").unwrap_err().offset, 1);
        assert_eq!(from_hex("0").unwrap_err().kind, DecodeErrorKind::Truncated);
        assert!(from_hex(&"0".repeat(5000)).is_err());
    }
}

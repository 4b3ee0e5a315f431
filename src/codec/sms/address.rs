//! Address fields (3GPP TS 23.040 clause 9.1.2.5).

use std::fmt;

use super::reader::Reader;
use super::{EncodeError, alphabet};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::model::{Address, redact};

/// Type-of-address of a number in international form.
const INTERNATIONAL: u8 = 0x91;
/// Type-of-address of a number in unknown form: national numbers and short codes.
const UNKNOWN: u8 = 0x81;
/// Type-of-address of a name in the GSM 7-bit default alphabet.
const ALPHANUMERIC: u8 = 0xd0;
/// Semi-octets in one address (clause 9.1.2.5: at most ten octets of value).
const MAX_SEMI_OCTETS: usize = 20;

/// The value of each semi-octet; 0x0F is the filler.
const DIGITS: [char; 15] =
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'a', 'b', 'c'];

/// An originating, destination, recipient or service centre address. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SmsAddress {
    /// Type-of-address as on the wire: extension bit, type of number, numbering plan.
    pub type_of_address: u8,
    /// Digits (also `*`, `#`, `a`, `b`, `c`) without `+`, or the name.
    pub text: String,
}

impl SmsAddress {
    /// From text as people write it: `+` and digits become an international number, digits a
    /// number of unknown type, anything else a name.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        let (type_of_address, digits) = match text.strip_prefix('+') {
            Some(rest) => (INTERNATIONAL, rest),
            None => (UNKNOWN, text),
        };
        if !digits.is_empty() && digits.chars().all(|digit| DIGITS.contains(&digit)) {
            Self { type_of_address, text: digits.to_owned() }
        } else {
            Self { type_of_address: ALPHANUMERIC, text: text.to_owned() }
        }
    }

    /// Type of number, 0 to 7.
    #[must_use]
    pub const fn type_of_number(&self) -> u8 {
        (self.type_of_address >> 4) & 0b111
    }

    /// Whether this is a name and no number.
    #[must_use]
    pub const fn is_alphanumeric(&self) -> bool {
        self.type_of_number() == 5
    }

    /// Whether this is a number in international form.
    #[must_use]
    pub const fn is_international(&self) -> bool {
        self.type_of_number() == 1
    }

    /// The same in the words of the domain.
    #[must_use]
    pub fn to_address(&self) -> Address {
        if self.is_alphanumeric() {
            Address::Other { text: self.text.clone(), kind: None }
        } else {
            Address::from_wire(&self.to_string())
        }
    }

    /// Reads length, type and value; the length counts useful semi-octets.
    pub(super) fn read(field: &'static str, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let semi_octets = usize::from(reader.octet(field)?);
        if semi_octets > MAX_SEMI_OCTETS {
            return Err(DecodeError {
                field,
                offset,
                kind: DecodeErrorKind::LimitExceeded { limit: MAX_SEMI_OCTETS },
            });
        }
        let type_of_address = reader.octet(field)?;
        let value = reader.take(field, semi_octets.div_ceil(2))?;
        Ok(Self::from_value(type_of_address, value, semi_octets))
    }

    /// Reads a service centre address, whose length counts octets behind it.
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (type_of_address, value) = octets.split_first()?;
        Some(Self::from_value(*type_of_address, value, value.len() * 2))
    }

    fn from_value(type_of_address: u8, value: &[u8], semi_octets: usize) -> Self {
        let mut address = Self { type_of_address, text: String::new() };
        if address.is_alphanumeric() {
            let septets = alphabet::unpack(value, 0, semi_octets * 4 / 7);
            address.text = alphabet::decode_gsm7(&septets);
        } else {
            address.text = value
                .iter()
                .flat_map(|octet| [octet & 0x0f, octet >> 4])
                .take(semi_octets)
                .filter_map(|digit| DIGITS.get(usize::from(digit)))
                .collect();
        }
        address
    }

    /// Length in useful semi-octets, type and value.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (semi_octets, value) = self.value()?;
        out.push(semi_octets);
        out.push(self.type_of_address);
        out.extend(value);
        Ok(())
    }

    /// Length in octets, type and value, as in front of a TPDU.
    pub(super) fn write_smsc(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let (_, value) = self.value()?;
        out.push(u8::try_from(value.len() + 1).map_err(|_| EncodeError::Address)?);
        out.push(self.type_of_address);
        out.extend(value);
        Ok(())
    }

    fn value(&self) -> Result<(u8, Vec<u8>), EncodeError> {
        if self.is_alphanumeric() {
            let septets = alphabet::encode_gsm7(&self.text).ok_or(EncodeError::Address)?;
            let semi_octets = (septets.len() * 7).div_ceil(4);
            return match u8::try_from(semi_octets) {
                Ok(length) if semi_octets <= MAX_SEMI_OCTETS => {
                    Ok((length, alphabet::pack(&septets, 0)))
                }
                _ => Err(EncodeError::Address),
            };
        }
        let mut digits = Vec::new();
        for character in self.text.chars() {
            let digit = DIGITS.iter().position(|known| *known == character);
            digits.push(digit.and_then(|it| u8::try_from(it).ok()).ok_or(EncodeError::Address)?);
        }
        if digits.len() > MAX_SEMI_OCTETS {
            return Err(EncodeError::Address);
        }
        let length = u8::try_from(digits.len()).map_err(|_| EncodeError::Address)?;
        let value = digits
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => low | high << 4,
                [low] => low | 0xf0,
                _ => 0xff,
            })
            .collect();
        Ok((length, value))
    }
}

impl fmt::Display for SmsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_international() {
            f.write_str("+")?;
        }
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SmsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}:{}", self.type_of_address, redact::number(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(octets: &[u8]) -> SmsAddress {
        let address = SmsAddress::read("TP-OA", &mut Reader::new(octets)).unwrap();
        let mut again = Vec::new();
        address.write(&mut again).unwrap();
        assert_eq!(again, octets);
        address
    }

    #[test]
    fn international_number_of_odd_and_even_length() {
        let address = round_trip(&[0x0c, 0x91, 0x44, 0x77, 0x00, 0x09, 0x10, 0x32]);
        assert_eq!(address.to_string(), "+447700900123");
        assert_eq!(address.to_address(), Address::Msisdn("+447700900123".into()));
        let address = round_trip(&[0x0b, 0x91, 0x51, 0x55, 0x21, 0x43, 0x65, 0xf7]);
        assert_eq!(address.to_string(), "+15551234567");
    }

    #[test]
    fn short_code_is_a_number_of_unknown_type() {
        let address = round_trip(&[0x05, 0x81, 0x68, 0x88, 0xf8]);
        assert_eq!(address, SmsAddress::from_text("86888"));
        assert_eq!(address.to_address(), Address::ShortCode("86888".into()));
    }

    #[test]
    fn name_is_read_with_type_d0_and_d1() {
        // "Design" in septets: six letters are 42 bits, 11 semi-octets.
        let packed = [0xc4, 0xf2, 0x3c, 0x7d, 0x76, 0x03];
        for kind in [0xd0, 0xd1] {
            let mut octets = vec![0x0b, kind];
            octets.extend(packed);
            let address = round_trip(&octets);
            assert!(address.is_alphanumeric());
            assert_eq!(address.to_string(), "Design");
        }
    }

    #[test]
    fn name_of_seven_letters_gains_no_eighth() {
        let address = SmsAddress::from_text("Bankino");
        let mut octets = Vec::new();
        address.write(&mut octets).unwrap();
        assert_eq!(octets[0], 13);
        assert_eq!(round_trip(&octets), address);
    }

    #[test]
    fn empty_address_is_allowed() {
        assert_eq!(round_trip(&[0x00, 0x81]).text, "");
    }

    #[test]
    fn overlong_and_cut_addresses_are_errors() {
        let error = SmsAddress::read("TP-OA", &mut Reader::new(&[0xff, 0x91])).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: 20 });
        let error = SmsAddress::read("TP-OA", &mut Reader::new(&[4, 0x91, 0])).unwrap_err();
        assert_eq!((error.kind, error.offset), (DecodeErrorKind::Truncated, 2));
        assert!(SmsAddress::from_text("Twelve chars").write(&mut Vec::new()).is_err());
    }

    #[test]
    fn debug_shows_no_number() {
        assert!(!format!("{:?}", SmsAddress::from_text("+447700900123")).contains("900"));
    }
}

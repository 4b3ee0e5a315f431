//! Address fields (3GPP TS 23.040 clause 9.1.2.5).

use std::fmt;

use super::reader::Reader;
use super::{EncodeError, Shift, alphabet};
use crate::codec::{DecodeError, DecodeErrorKind, Warning};
use crate::model::{Address, redact};

/// Type-of-address of a number in international form.
const INTERNATIONAL: u8 = 0x91;
/// Type-of-address of a number in unknown form: national numbers and short codes.
const UNKNOWN: u8 = 0x81;
/// Type-of-address of a name in the GSM 7-bit default alphabet.
const ALPHANUMERIC: u8 = 0xd0;
/// Semi-octets in one address (clause 9.1.2.5: at most ten octets of value). More are read when
/// they are there, with a warning; their number is bounded by the octet that counts them.
pub const MAX_ADDRESS: usize = 20;
/// No digit: what fills up the last octet of an odd number of digits.
const FILLER: u8 = 0x0f;

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

    /// Numbering plan, 0 to 15; without meaning for a name.
    #[must_use]
    pub const fn numbering_plan(&self) -> u8 {
        self.type_of_address & 0x0f
    }

    /// The type of number in the words of the specification.
    #[must_use]
    pub const fn type_of_number_name(&self) -> &'static str {
        match self.type_of_number() {
            0 => "unknown",
            1 => "international",
            2 => "national",
            3 => "network specific",
            4 => "subscriber",
            5 => "alphanumeric",
            6 => "abbreviated",
            _ => "reserved",
        }
    }

    /// The numbering plan in the words of the specification.
    #[must_use]
    pub const fn numbering_plan_name(&self) -> &'static str {
        match self.numbering_plan() {
            0 => "unknown",
            1 => "ISDN (E.164)",
            3 => "data (X.121)",
            4 => "telex",
            5 | 6 => "service centre specific",
            8 => "national",
            9 => "private",
            10 => "ERMES",
            _ => "reserved",
        }
    }

    /// Reads length, type and value; the length counts useful semi-octets.
    pub(super) fn read(
        field: &'static str,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let semi_octets = usize::from(reader.octet(field)?);
        let type_of_address = reader.octet(field)?;
        let value = reader.take(field, semi_octets.div_ceil(2)).map_err(|error| {
            // A length that no address has is what is wrong, not the end of the octets.
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_ADDRESS };
            if semi_octets > MAX_ADDRESS { DecodeError { field, offset, kind } } else { error }
        })?;
        if semi_octets > MAX_ADDRESS {
            let text = format!("{semi_octets} semi-octets, an address has at most {MAX_ADDRESS}");
            warnings.push(Warning::not_understood(field, offset, text));
        }
        let address = Self::from_value(type_of_address, value, semi_octets);
        if !address.is_alphanumeric() && address.text.len() < semi_octets {
            let text = "a filler among the digits, passed over";
            warnings.push(Warning::forgiven(field, offset + 2, text));
        }
        Ok(address)
    }

    /// Reads a service centre address, whose length counts octets behind it.
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        let (type_of_address, value) = octets.split_first()?;
        let filled = value.last().is_some_and(|last| last >> 4 == FILLER);
        Some(Self::from_value(*type_of_address, value, value.len() * 2 - usize::from(filled)))
    }

    fn from_value(type_of_address: u8, value: &[u8], semi_octets: usize) -> Self {
        let mut address = Self { type_of_address, text: String::new() };
        if address.is_alphanumeric() {
            let mut septets = alphabet::unpack(value, 0, semi_octets * 4 / 7);
            // Seven letters leave seven bits of the last octet: whoever counts whole octets has
            // written no "@" there.
            if septets.len().is_multiple_of(8) && septets.last() == Some(&0) {
                septets.pop();
            }
            address.text = alphabet::decode_gsm7(&septets, Shift::default());
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
            let septets = alphabet::encode_gsm7(&self.text, Shift::default());
            let septets = septets.ok_or(EncodeError::Address)?;
            // It would be read as the filling behind seven letters.
            if septets.len().is_multiple_of(8) && septets.last() == Some(&0) {
                return Err(EncodeError::Address);
            }
            let semi_octets = (septets.len() * 7).div_ceil(4);
            return match u8::try_from(semi_octets) {
                Ok(length) if semi_octets <= MAX_ADDRESS => {
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
        if digits.len() > MAX_ADDRESS {
            return Err(EncodeError::Address);
        }
        let length = u8::try_from(digits.len()).map_err(|_| EncodeError::Address)?;
        let value = digits
            .chunks(2)
            .map(|pair| match pair {
                [low, high] => low | high << 4,
                [low] => low | FILLER << 4,
                _ => FILLER | FILLER << 4,
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

    fn read(octets: &[u8]) -> (SmsAddress, Vec<Warning>) {
        let mut warnings = Vec::new();
        let address = SmsAddress::read("TP-OA", &mut Reader::new(octets), &mut warnings).unwrap();
        (address, warnings)
    }

    fn round_trip(octets: &[u8]) -> SmsAddress {
        let (address, warnings) = read(octets);
        assert_eq!(warnings, []);
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
    fn every_digit_and_every_type_of_address_come_back() {
        let address = round_trip(&[0x0f, 0x81, 0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
        assert_eq!(address.text, "0123456789*#abc");
        for type_of_address in 0..=0xff {
            let address = round_trip(&[0x04, type_of_address, 0x21, 0x03]);
            assert_eq!(address.type_of_address, type_of_address);
            assert_eq!(address.is_alphanumeric(), type_of_address & 0x70 == 0x50);
            assert!(address.is_alphanumeric() || address.text == "1230");
        }
        let national = SmsAddress { type_of_address: 0xa8, text: "1".into() };
        assert_eq!(national.type_of_number_name(), "national");
        assert_eq!(national.numbering_plan_name(), "national");
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
        // The length in whole octets, as many service centres count.
        octets[0] = 14;
        assert_eq!(read(&octets).0, address);
        // Eight letters that do fill the octets, and eight that cannot be told from seven.
        let address = SmsAddress::from_text("Bankinos");
        octets.clear();
        address.write(&mut octets).unwrap();
        assert_eq!((octets[0], round_trip(&octets)), (14, address));
        assert!(SmsAddress::from_text("Bankino@").write(&mut octets).is_err());
    }

    #[test]
    fn empty_address_is_allowed() {
        assert_eq!(round_trip(&[0x00, 0x81]).text, "");
        assert_eq!(round_trip(&[0x00, 0xd0]).text, "");
    }

    #[test]
    fn overlong_address_is_read_when_it_is_there() {
        let mut octets = vec![22, 0x91];
        octets.extend([0x21; 11]);
        let (address, warnings) = read(&octets);
        assert_eq!(address.text.len(), 22);
        assert_eq!((&*warnings[0].field, warnings[0].offset), ("TP-OA", 0));
        assert_eq!(address.write(&mut Vec::new()), Err(EncodeError::Address));
    }

    #[test]
    fn filler_among_the_digits_is_passed_over() {
        let (address, warnings) = read(&[4, 0x91, 0x2f, 0xf3]);
        assert_eq!((&*address.text, warnings[0].offset), ("23", 2));
    }

    #[test]
    fn overlong_and_cut_addresses_are_errors() {
        let read = |octets: &[u8]| {
            SmsAddress::read("TP-OA", &mut Reader::new(octets), &mut Vec::new()).unwrap_err()
        };
        let error = read(&[0xff, 0x91]);
        assert_eq!((error.kind, error.offset), (DecodeErrorKind::LimitExceeded { limit: 20 }, 0));
        let error = read(&[4, 0x91, 0]);
        assert_eq!((error.kind, error.offset), (DecodeErrorKind::Truncated, 2));
        assert!(SmsAddress::from_text("Twelve chars").write(&mut Vec::new()).is_err());
    }

    #[test]
    fn debug_shows_no_number() {
        assert!(!format!("{:?}", SmsAddress::from_text("+447700900123")).contains("900"));
    }
}

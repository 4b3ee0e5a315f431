//! Strings in the character set that `+CSCS` chose (3GPP TS 27.007 clause 5.5).

use crate::codec::sms::{Shift, decode_gsm7, encode_gsm7};

/// A character set of `+CSCS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Charset {
    #[default]
    Gsm,
    Ira,
    Ucs2,
    Hex,
}

impl Charset {
    pub(super) const ALL: [Self; 4] = [Self::Gsm, Self::Ira, Self::Ucs2, Self::Hex];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gsm => "GSM",
            Self::Ira => "IRA",
            Self::Ucs2 => "UCS2",
            Self::Hex => "HEX",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name().eq_ignore_ascii_case(name))
    }

    /// The string as this set writes it between quotes. `GSM` is septets as they are, `HEX` the
    /// same in digits; a character that the set does not have becomes `?`.
    pub(super) fn encode(self, text: &str) -> String {
        match self {
            Self::Gsm => septets(text).into_iter().map(char::from).collect(),
            Self::Ira => text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect(),
            Self::Ucs2 => text.encode_utf16().map(|unit| format!("{unit:04X}")).collect(),
            Self::Hex => hex::encode_upper(septets(text)),
        }
    }

    /// The same with what would end or garble the string escaped (V.250 clause 5.4.2.2).
    pub(super) fn quote(self, text: &str) -> String {
        self.encode(text).replace('\\', "\\5C").replace('"', "\\22")
    }

    /// What the host wrote between quotes, when it is of this set.
    pub(super) fn decode(self, text: &str) -> Option<String> {
        match self {
            Self::Gsm => from_septets(text.chars().map(|c| u8::try_from(u32::from(c)).ok())),
            Self::Ira => text.is_ascii().then(|| text.to_owned()),
            Self::Ucs2 => {
                let octets = hex::decode(text).ok()?;
                let units: Vec<u16> = octets
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0, |unit, octet| unit << 8 | u16::from(*octet)))
                    .collect();
                String::from_utf16(&units).ok().filter(|_| octets.len() % 2 == 0)
            }
            Self::Hex => from_septets(hex::decode(text).ok()?.into_iter().map(Some)),
        }
    }

    /// A number that the host wrote between quotes: hosts write it plain in any set.
    pub(super) fn decode_number(self, text: &str) -> Option<String> {
        let dials = |text: &String| {
            let signs = text.strip_prefix('+').unwrap_or(text);
            !signs.is_empty() && signs.bytes().all(|c| c.is_ascii_digit() || b"*#".contains(&c))
        };
        self.decode(text).filter(dials).or_else(|| Some(text.to_owned()).filter(dials))
    }
}

fn septets(text: &str) -> Vec<u8> {
    let one = |c: char| encode_gsm7(c.encode_utf8(&mut [0; 4]), Shift::default());
    text.chars().flat_map(|c| one(c).unwrap_or_else(|| vec![b'?'])).collect()
}

fn from_septets(octets: impl Iterator<Item = Option<u8>>) -> Option<String> {
    let septets: Option<Vec<u8>> =
        octets.map(|octet| octet.filter(|octet| *octet < 0x80)).collect();
    septets.map(|septets| decode_gsm7(&septets, Shift::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_follow_the_chosen_set_and_come_back() {
        assert_eq!(Charset::Hex.encode("ME"), "4D45");
        assert_eq!(Charset::Ucs2.encode("é"), "00E9");
        for set in Charset::ALL {
            assert_eq!(set.decode(&set.encode("mm1gate")).as_deref(), Some("mm1gate"));
        }
        assert_eq!(Charset::Hex.decode("4"), None);
        assert_eq!(Charset::Ucs2.decode("004"), None);
        assert_eq!(Charset::Ucs2.decode("004142"), None);
        assert_eq!(Charset::Ira.decode("é"), None);
    }

    /// Worked by hand from TS 23.038 clause 6.2.1: commercial at is 0, the underscore 11, the
    /// dollar 2, and the braces need the extension table.
    #[test]
    fn default_alphabet_is_not_ascii() {
        assert_eq!(Charset::Gsm.encode("a@_$"), "a\0\x11\x02");
        assert_eq!(Charset::Hex.encode("@{"), "001B28");
        assert_eq!(Charset::Hex.decode("001B28").as_deref(), Some("@{"));
        assert_eq!(Charset::Gsm.decode("\0\x11").as_deref(), Some("@_"));
        assert_eq!(Charset::Gsm.encode("Ж"), "?");
        assert_eq!(Charset::Ira.encode("é\"\\"), "?\"\\");
        assert_eq!(Charset::Ira.quote("\"\\"), "\\22\\5C");
    }

    #[test]
    fn numbers_are_taken_plain_in_every_set() {
        for set in Charset::ALL {
            for number in ["+447700900998", "12345", "*100#"] {
                assert_eq!(set.decode_number(number).as_deref(), Some(number), "{set:?}");
                let written = set.encode(number);
                assert_eq!(set.decode_number(&written).as_deref(), Some(number), "{set:?}");
            }
            assert_eq!(set.decode_number("x"), None);
        }
    }
}

//! Strings in the character set that `+CSCS` chose (3GPP TS 27.007 clause 5.5).

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

    /// The string as this set writes it between quotes.
    pub(super) fn encode(self, text: &str) -> String {
        match self {
            Self::Gsm | Self::Ira => text.to_owned(),
            Self::Ucs2 => text.encode_utf16().map(|unit| format!("{unit:04X}")).collect(),
            Self::Hex => text.bytes().map(|octet| format!("{octet:02X}")).collect(),
        }
    }

    /// What the host wrote between quotes, when it is of this set.
    pub(super) fn decode(self, text: &str) -> Option<String> {
        match self {
            Self::Gsm | Self::Ira => Some(text.to_owned()),
            Self::Ucs2 => {
                let octets = hex::decode(text).ok()?;
                let units: Vec<u16> = octets
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0, |unit, octet| unit << 8 | u16::from(*octet)))
                    .collect();
                String::from_utf16(&units).ok()
            }
            Self::Hex => String::from_utf8(hex::decode(text).ok()?).ok(),
        }
    }
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
    }
}

//! TP-Data-Coding-Scheme (3GPP TS 23.038 clause 4).

/// The data coding scheme as its octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dcs(pub u8);

/// How the user data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// GSM 7-bit default alphabet, packed septets.
    Gsm7,
    /// 8-bit data.
    Octets,
    /// UCS2 (in practice UTF-16), big-endian.
    Ucs2,
}

impl Dcs {
    /// GSM 7-bit text without class.
    pub const GSM7: Self = Self(0x00);
    /// 8-bit data without class.
    pub const OCTETS: Self = Self(0x04);
    /// UCS2 text without class.
    pub const UCS2: Self = Self(0x08);

    /// The alphabet; reserved codings are read as the default alphabet, as the clause says, and
    /// compressed text as octets.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        if self.is_compressed() {
            return Alphabet::Octets;
        }
        match self.0 >> 4 {
            0x0..=0x7 => match (self.0 >> 2) & 0b11 {
                0b01 => Alphabet::Octets,
                0b10 => Alphabet::Ucs2,
                _ => Alphabet::Gsm7,
            },
            0xe => Alphabet::Ucs2,
            0xf if self.0 & 0b100 != 0 => Alphabet::Octets,
            _ => Alphabet::Gsm7,
        }
    }

    /// The message class, 0 to 3, where one is given.
    #[must_use]
    pub const fn class(self) -> Option<u8> {
        match self.0 >> 4 {
            0x0..=0x7 if self.0 & 0b1_0000 != 0 => Some(self.0 & 0b11),
            0xf => Some(self.0 & 0b11),
            _ => None,
        }
    }

    /// Whether the text is compressed (3GPP TS 23.042), which nobody uses.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        self.0 >> 7 == 0 && self.0 & 0b10_0000 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_coding_scheme() {
        let cases = [
            (0x00, Alphabet::Gsm7, None),
            (0x04, Alphabet::Octets, None),
            (0x08, Alphabet::Ucs2, None),
            (0x0c, Alphabet::Gsm7, None),
            (0x11, Alphabet::Gsm7, Some(1)),
            (0x15, Alphabet::Octets, Some(1)),
            (0x24, Alphabet::Octets, None),
            (0x44, Alphabet::Octets, None),
            (0x84, Alphabet::Gsm7, None),
            (0xc8, Alphabet::Gsm7, None),
            (0xd0, Alphabet::Gsm7, None),
            (0xe0, Alphabet::Ucs2, None),
            (0xf0, Alphabet::Gsm7, Some(0)),
            (0xf5, Alphabet::Octets, Some(1)),
            (0xf6, Alphabet::Octets, Some(2)),
        ];
        for (octet, alphabet, class) in cases {
            assert_eq!(Dcs(octet).alphabet(), alphabet, "{octet:#04x}");
            assert_eq!(Dcs(octet).class(), class, "{octet:#04x}");
        }
    }
}

//! TP-Data-Coding-Scheme (3GPP TS 23.038 clause 4).

use std::fmt;

/// The data coding scheme as its octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dcs(pub u8);

/// The coding group, bits 7 to 4 of the octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodingGroup {
    /// 00xx: general data coding.
    General,
    /// 01xx: the same, and the message deletes itself once it was read.
    AutomaticDeletion,
    /// 1000 to 1011: reserved, read as the default alphabet.
    Reserved,
    /// 1100: message waiting indication, the text may be discarded.
    WaitingDiscard,
    /// 1101: message waiting indication, the text in the default alphabet is stored.
    WaitingStore,
    /// 1110: message waiting indication, the text in UCS2 is stored.
    WaitingStoreUcs2,
    /// 1111: data coding and message class.
    DataCodingAndClass,
}

/// Where a message is meant to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageClass {
    /// Class 0: shown at once, not stored.
    Flash,
    /// Class 1: stored in the mobile equipment.
    MobileEquipment,
    /// Class 2: stored on the SIM.
    Sim,
    /// Class 3: passed to the terminal equipment.
    TerminalEquipment,
}

impl MessageClass {
    const ALL: [Self; 4] = [Self::Flash, Self::MobileEquipment, Self::Sim, Self::TerminalEquipment];

    /// Its number, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// A message waiting indication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageWaiting {
    /// Whether messages wait; the indication is switched off otherwise.
    pub active: bool,
    /// What waits.
    pub kind: WaitingKind,
}

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum WaitingKind {
    Voicemail,
    Fax,
    Email,
    Other,
}

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

    /// The coding group.
    #[must_use]
    pub const fn group(self) -> CodingGroup {
        match self.0 >> 4 {
            0x0..=0x3 => CodingGroup::General,
            0x4..=0x7 => CodingGroup::AutomaticDeletion,
            0x8..=0xb => CodingGroup::Reserved,
            0xc => CodingGroup::WaitingDiscard,
            0xd => CodingGroup::WaitingStore,
            0xe => CodingGroup::WaitingStoreUcs2,
            _ => CodingGroup::DataCodingAndClass,
        }
    }

    /// The same coding of the general group with a message class; none for codings that have none.
    #[must_use]
    pub const fn with_class(self, class: MessageClass) -> Option<Self> {
        match self.group() {
            CodingGroup::General | CodingGroup::AutomaticDeletion => {
                Some(Self(self.0 & !0b11 | 0b1_0000 | class.number()))
            }
            CodingGroup::DataCodingAndClass => Some(Self(self.0 & !0b11 | class.number())),
            _ => None,
        }
    }

    /// The alphabet; reserved codings are read as the default alphabet, as the clause says, and
    /// compressed text as octets.
    #[must_use]
    pub const fn alphabet(self) -> Alphabet {
        if self.is_compressed() { Alphabet::Octets } else { self.written_alphabet() }
    }

    /// The alphabet, whether the text is compressed or not.
    const fn written_alphabet(self) -> Alphabet {
        match self.group() {
            CodingGroup::General | CodingGroup::AutomaticDeletion => match (self.0 >> 2) & 0b11 {
                0b01 => Alphabet::Octets,
                0b10 => Alphabet::Ucs2,
                _ => Alphabet::Gsm7,
            },
            CodingGroup::WaitingStoreUcs2 => Alphabet::Ucs2,
            CodingGroup::DataCodingAndClass if self.0 & 0b100 != 0 => Alphabet::Octets,
            _ => Alphabet::Gsm7,
        }
    }

    /// The message class, where one is given.
    #[must_use]
    pub fn class(self) -> Option<MessageClass> {
        let given = match self.group() {
            CodingGroup::General | CodingGroup::AutomaticDeletion => self.0 & 0b1_0000 != 0,
            CodingGroup::DataCodingAndClass => true,
            _ => false,
        };
        MessageClass::ALL.get(usize::from(self.0 & 0b11)).copied().filter(|_| given)
    }

    /// The message waiting indication, where it is one.
    #[must_use]
    pub const fn message_waiting(self) -> Option<MessageWaiting> {
        match self.group() {
            CodingGroup::WaitingDiscard
            | CodingGroup::WaitingStore
            | CodingGroup::WaitingStoreUcs2 => Some(MessageWaiting {
                active: self.0 & 0b1000 != 0,
                kind: match self.0 & 0b11 {
                    0 => WaitingKind::Voicemail,
                    1 => WaitingKind::Fax,
                    2 => WaitingKind::Email,
                    _ => WaitingKind::Other,
                },
            }),
            _ => None,
        }
    }

    /// Whether the text is compressed (3GPP TS 23.042), which nobody uses.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        self.0 >> 7 == 0 && self.0 & 0b10_0000 != 0
    }
}

/// What it says, for people.
impl fmt::Display for Dcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_compressed() {
            f.write_str("compressed ")?;
        }
        f.write_str(match self.written_alphabet() {
            Alphabet::Gsm7 => "GSM 7-bit",
            Alphabet::Octets => "8-bit data",
            Alphabet::Ucs2 => "UCS2",
        })?;
        match self.class() {
            Some(MessageClass::Flash) => f.write_str(", class 0 (shown at once)")?,
            Some(MessageClass::MobileEquipment) => f.write_str(", class 1 (mobile equipment)")?,
            Some(MessageClass::Sim) => f.write_str(", class 2 (SIM)")?,
            Some(MessageClass::TerminalEquipment) => {
                f.write_str(", class 3 (terminal equipment)")?;
            }
            None => {}
        }
        if let Some(MessageWaiting { active, kind }) = self.message_waiting() {
            let kind = match kind {
                WaitingKind::Voicemail => "voicemail",
                WaitingKind::Fax => "fax",
                WaitingKind::Email => "e-mail",
                WaitingKind::Other => "other messages",
            };
            write!(f, ", {kind} {}", if active { "waits" } else { "waits no more" })?;
        }
        f.write_str(match self.group() {
            CodingGroup::AutomaticDeletion => ", deletes itself",
            CodingGroup::WaitingDiscard => ", text may be discarded",
            CodingGroup::WaitingStore | CodingGroup::WaitingStoreUcs2 => ", text is stored",
            CodingGroup::Reserved => ", reserved coding group",
            _ => "",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_coding_scheme() {
        let cases = [
            (0x00, Alphabet::Gsm7, None, "GSM 7-bit"),
            (0x04, Alphabet::Octets, None, "8-bit data"),
            (0x08, Alphabet::Ucs2, None, "UCS2"),
            (0x0c, Alphabet::Gsm7, None, "GSM 7-bit"),
            (0x11, Alphabet::Gsm7, Some(1), "GSM 7-bit, class 1 (mobile equipment)"),
            (0x15, Alphabet::Octets, Some(1), "8-bit data, class 1 (mobile equipment)"),
            (0x24, Alphabet::Octets, None, "compressed 8-bit data"),
            (0x20, Alphabet::Octets, None, "compressed GSM 7-bit"),
            (0x3a, Alphabet::Octets, Some(2), "compressed UCS2, class 2 (SIM)"),
            (0x44, Alphabet::Octets, None, "8-bit data, deletes itself"),
            (0x84, Alphabet::Gsm7, None, "GSM 7-bit, reserved coding group"),
            (0xc8, Alphabet::Gsm7, None, "GSM 7-bit, voicemail waits, text may be discarded"),
            (0xd1, Alphabet::Gsm7, None, "GSM 7-bit, fax waits no more, text is stored"),
            (0xea, Alphabet::Ucs2, None, "UCS2, e-mail waits, text is stored"),
            (0xf0, Alphabet::Gsm7, Some(0), "GSM 7-bit, class 0 (shown at once)"),
            (0xf5, Alphabet::Octets, Some(1), "8-bit data, class 1 (mobile equipment)"),
            (0xf7, Alphabet::Octets, Some(3), "8-bit data, class 3 (terminal equipment)"),
        ];
        for (octet, alphabet, class, text) in cases {
            let dcs = Dcs(octet);
            assert_eq!(dcs.alphabet(), alphabet, "{octet:#04x}");
            assert_eq!(dcs.class().map(MessageClass::number), class, "{octet:#04x}");
            assert_eq!(dcs.to_string(), text, "{octet:#04x}");
        }
    }

    #[test]
    fn class_is_written_where_the_group_has_one() {
        for (octet, expected) in [
            (0x00, Some(0x12)),
            (0x04, Some(0x16)),
            (0x08, Some(0x1a)),
            (0xf4, Some(0xf6)),
            (0xc8, None),
        ] {
            let dcs = Dcs(octet).with_class(MessageClass::Sim);
            assert_eq!(dcs.map(|dcs| dcs.0), expected);
            assert!(dcs.is_none_or(|dcs| dcs.class() == Some(MessageClass::Sim)));
        }
    }

    #[test]
    fn every_octet_has_one_group_and_never_a_class_and_a_waiting_indication() {
        for octet in 0..=0xff {
            let dcs = Dcs(octet);
            assert!(dcs.class().is_none() || dcs.message_waiting().is_none());
            assert!(!dcs.is_compressed() || dcs.alphabet() == Alphabet::Octets);
        }
    }
}

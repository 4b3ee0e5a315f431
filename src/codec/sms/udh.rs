//! User data header and its information elements (3GPP TS 23.040 clause 9.2.3.24).

use super::{Language, Shift};
use crate::codec::Warning;

const IEI_CONCAT_8: u8 = 0x00;
const IEI_PORTS_8: u8 = 0x04;
const IEI_PORTS_16: u8 = 0x05;
const IEI_CONCAT_16: u8 = 0x08;
const IEI_SINGLE_SHIFT: u8 = 0x24;
const IEI_LOCKING_SHIFT: u8 = 0x25;

/// The header in front of the user data; empty when there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Udh {
    /// In the order of the wire, known or not.
    pub elements: Vec<InformationElement>,
    /// Octets of the header that are no whole element.
    pub rest: Vec<u8>,
}

/// One information element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InformationElement {
    /// Information element identifier.
    pub id: u8,
    /// Its data, at most 255 octets.
    pub data: Vec<u8>,
}

/// Concatenated short messages (clauses 9.2.3.24.1 and .8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concat {
    /// The same in all parts of a message.
    pub reference: u16,
    /// Whether the reference has 16 bits on the wire.
    pub wide: bool,
    /// Parts in all.
    pub total: u8,
    /// This part, from 1.
    pub sequence: u8,
}

/// Application port addressing (clauses 9.2.3.24.3 and .4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The application that the message is for.
    pub destination: u16,
    /// The application that it is from.
    pub source: u16,
    /// Whether the ports have 16 bits on the wire.
    pub wide: bool,
}

impl Udh {
    /// Whether there is no header at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.elements.is_empty() && self.rest.is_empty()
    }

    /// The concatenation element; the last one counts when there are several. One whose numbers
    /// cannot be (no parts, part 0, a part beyond the last) is ignored as a whole, as the clause
    /// says.
    #[must_use]
    pub fn concat(&self) -> Option<Concat> {
        let told = self.elements.iter().rev().filter_map(InformationElement::concat);
        told.into_iter().find(|concat| concat.is_possible())
    }

    /// The ports; the last element counts when there are several.
    #[must_use]
    pub fn ports(&self) -> Option<Ports> {
        self.elements.iter().rev().find_map(InformationElement::ports)
    }

    /// The tables of the GSM 7-bit alphabet that are in force; the last element of each kind
    /// counts. A language that the specification does not know leaves the default tables in force,
    /// as clause 9.2.3.24.15 says.
    #[must_use]
    pub fn shift(&self) -> Shift {
        let last = |id: u8| {
            self.elements.iter().rev().find_map(|element| match &*element.data {
                [identifier] if element.id == id => Some(*identifier),
                _ => None,
            })
        };
        let language = |id: u8| last(id).and_then(Language::from_identifier);
        Shift {
            locking: language(IEI_LOCKING_SHIFT).filter(|language| language.has_locking()),
            single: language(IEI_SINGLE_SHIFT),
        }
    }

    /// Reads what the length octet announced.
    pub(super) fn read(octets: &[u8], offset: usize, warnings: &mut Vec<Warning>) -> Self {
        let mut header = Self::default();
        let mut left = octets;
        while let [id, length, behind @ ..] = left {
            let Some((data, next)) = behind.split_at_checked(usize::from(*length)) else { break };
            let element = InformationElement { id: *id, data: data.to_vec() };
            if let Some(fault) = element.fault() {
                let at = offset + octets.len() - left.len();
                warnings.push(Warning::forgiven("TP-UDH", at, fault));
            }
            header.elements.push(element);
            left = next;
        }
        if !left.is_empty() {
            warnings.push(Warning::not_understood(
                "TP-UDH",
                offset + octets.len() - left.len(),
                format!("{} octets that are no whole information element", left.len()),
            ));
            header.rest = left.to_vec();
        }
        header
    }

    /// The header without its length octet.
    pub(super) fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for element in &self.elements {
            out.push(element.id);
            // An element of more than 255 octets cannot be; the length check of the user data
            // refuses it anyhow.
            out.push(u8::try_from(element.data.len()).unwrap_or(u8::MAX));
            out.extend(&element.data);
        }
        out.extend(&self.rest);
        out
    }
}

impl Concat {
    pub(super) const fn is_possible(self) -> bool {
        1 <= self.sequence && self.sequence <= self.total
    }
}

impl InformationElement {
    /// National Language Single Shift (clause 9.2.3.24.15).
    #[must_use]
    pub fn single_shift(language: Language) -> Self {
        Self { id: IEI_SINGLE_SHIFT, data: vec![language.identifier()] }
    }

    /// National Language Locking Shift (clause 9.2.3.24.16).
    #[must_use]
    pub fn locking_shift(language: Language) -> Self {
        Self { id: IEI_LOCKING_SHIFT, data: vec![language.identifier()] }
    }

    /// Why the element is ignored.
    fn fault(&self) -> Option<String> {
        let expected = match self.id {
            IEI_CONCAT_8 => 3,
            IEI_PORTS_8 => 2,
            IEI_PORTS_16 | IEI_CONCAT_16 => 4,
            IEI_SINGLE_SHIFT | IEI_LOCKING_SHIFT => 1,
            _ => return None,
        };
        if self.data.len() != expected {
            let length = self.data.len();
            return Some(format!("{length} octets instead of {expected}, the element is ignored"));
        }
        if matches!(self.id, IEI_SINGLE_SHIFT | IEI_LOCKING_SHIFT) {
            let language = self.data.first().copied().and_then(Language::from_identifier);
            let locking = self.id == IEI_LOCKING_SHIFT;
            let has_table = language.is_some_and(|it| !locking || it.has_locking());
            let text = "a language without such a table, the default table stands";
            return (!has_table).then(|| text.to_owned());
        }
        let concat = self.concat().filter(|concat| !concat.is_possible());
        concat.map(|Concat { sequence, total, .. }| {
            format!("part {sequence} of {total} cannot be, the element is ignored")
        })
    }

    pub(super) fn ports(&self) -> Option<Ports> {
        match (self.id, &*self.data) {
            (IEI_PORTS_8, [destination, source]) => Some(Ports {
                destination: u16::from(*destination),
                source: u16::from(*source),
                wide: false,
            }),
            (IEI_PORTS_16, [d_high, d_low, s_high, s_low]) => Some(Ports {
                destination: u16::from_be_bytes([*d_high, *d_low]),
                source: u16::from_be_bytes([*s_high, *s_low]),
                wide: true,
            }),
            _ => None,
        }
    }

    pub(super) fn concat(&self) -> Option<Concat> {
        match (self.id, &*self.data) {
            (IEI_CONCAT_8, [reference, total, sequence]) => Some(Concat {
                reference: u16::from(*reference),
                wide: false,
                total: *total,
                sequence: *sequence,
            }),
            (IEI_CONCAT_16, [high, low, total, sequence]) => Some(Concat {
                reference: u16::from_be_bytes([*high, *low]),
                wide: true,
                total: *total,
                sequence: *sequence,
            }),
            _ => None,
        }
    }
}

impl From<Concat> for InformationElement {
    fn from(concat: Concat) -> Self {
        let [high, low] = concat.reference.to_be_bytes();
        if concat.wide {
            Self { id: IEI_CONCAT_16, data: vec![high, low, concat.total, concat.sequence] }
        } else {
            Self { id: IEI_CONCAT_8, data: vec![low, concat.total, concat.sequence] }
        }
    }
}

impl From<Ports> for InformationElement {
    fn from(ports: Ports) -> Self {
        let ([d_high, d_low], [s_high, s_low]) =
            (ports.destination.to_be_bytes(), ports.source.to_be_bytes());
        if ports.wide {
            Self { id: IEI_PORTS_16, data: vec![d_high, d_low, s_high, s_low] }
        } else {
            Self { id: IEI_PORTS_8, data: vec![d_low, s_low] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> (Udh, Vec<Warning>) {
        let mut warnings = Vec::new();
        let header = Udh::read(octets, 0, &mut warnings);
        assert_eq!(header.octets(), octets);
        (header, warnings)
    }

    #[test]
    fn ports_and_concatenation_in_either_order() {
        let ports = [0x05, 0x04, 0x0b, 0x84, 0x23, 0xf0];
        let concat = [0x00, 0x03, 0x2a, 0x02, 0x01];
        for octets in [[&ports[..], &concat].concat(), [&concat[..], &ports].concat()] {
            let (header, warnings) = read(&octets);
            assert_eq!(header.ports(), Some(Ports { destination: 2948, source: 9200, wide: true }));
            assert_eq!(
                header.concat(),
                Some(Concat { reference: 0x2a, wide: false, total: 2, sequence: 1 })
            );
            assert_eq!(warnings, []);
        }
    }

    #[test]
    fn wide_reference_and_narrow_ports() {
        let (header, _) = read(&[0x08, 0x04, 0x12, 0x34, 0x03, 0x02, 0x04, 0x02, 0xf5, 0xf6]);
        assert_eq!(
            header.concat(),
            Some(Concat { reference: 0x1234, wide: true, total: 3, sequence: 2 })
        );
        assert_eq!(header.ports(), Some(Ports { destination: 0xf5, source: 0xf6, wide: false }));
    }

    #[test]
    fn unknown_element_is_kept_and_the_last_of_two_counts() {
        let (header, _) =
            read(&[0x70, 0x00, 0x00, 0x03, 1, 2, 1, 0x25, 0x01, 0x00, 0x00, 0x03, 9, 2, 2]);
        assert_eq!(header.elements.len(), 4);
        assert_eq!(header.concat().map(|it| (it.reference, it.sequence)), Some((9, 2)));
    }

    #[test]
    fn element_of_another_length_is_ignored_with_a_warning() {
        let (header, warnings) = read(&[0x00, 0x02, 9, 2, 0x05, 0x00, 0x08, 0x05, 0, 1, 2, 1, 7]);
        assert_eq!((header.concat(), header.ports()), (None, None));
        let places: Vec<usize> = warnings.iter().map(|warning| warning.offset).collect();
        assert_eq!(places, [0, 4, 6]);
    }

    #[test]
    fn languages_of_the_shift_tables() {
        let (header, warnings) = read(&[0x25, 1, 6, 0x24, 1, 1, 0x24, 1, 13]);
        let expected = Shift { locking: Some(Language::Hindi), single: Some(Language::Urdu) };
        assert_eq!((header.shift(), warnings.len()), (expected, 0));
        // Spanish has no locking table, 14 is reserved.
        let (header, _) = read(&[0x25, 1, 2, 0x24, 1, 14]);
        assert_eq!(header.shift(), Shift::default());
    }

    #[test]
    fn broken_element_is_a_warning_and_kept() {
        let (header, warnings) = read(&[0x00, 0x03, 1, 2, 1, 0x05, 0x04, 0x0b]);
        assert!(header.concat().is_some());
        assert_eq!(header.rest, [0x05, 0x04, 0x0b]);
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].offset, 5);
    }
}

//! Cutting texts and datagrams into the user data of several TPDUs, and joining texts again
//! (3GPP TS 23.040 clause 9.2.3.24, WAP-259-WDP clause 6.5).

use bytes::Bytes;

use super::alphabet::{decode_gsm7, encode_gsm7};
use super::national::ESCAPE;
use super::user_data::decode_ucs2;
use super::{
    Alphabet, Body, Concat, Dcs, Deliver, EncodeError, InformationElement, Language, MAX_USER_DATA,
    Ports, Scts, Shift, SmsAddress, Udh, UserData,
};

/// Most parts of one message: one octet counts them.
pub const MAX_PARTS: usize = 255;

/// Septets in one TPDU, the header included (clause 9.2.3.16).
const MAX_SEPTETS: usize = 160;

/// The reference that joins the parts of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConcatReference {
    /// Information element 00.
    Narrow(u8),
    /// Information element 08.
    Wide(u16),
}

impl ConcatReference {
    /// Octets of the element that carries it.
    const fn element_octets(self) -> usize {
        match self {
            Self::Narrow(_) => 5,
            Self::Wide(_) => 6,
        }
    }

    fn element(self, total: u8, sequence: u8) -> InformationElement {
        let (reference, wide) = match self {
            Self::Narrow(value) => (u16::from(value), false),
            Self::Wide(value) => (value, true),
        };
        Concat { reference, wide, total, sequence }.into()
    }
}

impl From<u8> for ConcatReference {
    fn from(reference: u8) -> Self {
        Self::Narrow(reference)
    }
}

impl From<u16> for ConcatReference {
    fn from(reference: u16) -> Self {
        Self::Wide(reference)
    }
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextCoding {
    /// Septets by these tables.
    Gsm7(Shift),
    /// UCS2, in practice UTF-16.
    Ucs2,
}

/// What a text needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextCount {
    /// How it is written.
    pub coding: TextCoding,
    /// Units of the whole text: septets (two for a character of the extension table) or UTF-16
    /// units.
    pub units: usize,
    /// Short messages; more than [`MAX_PARTS`] cannot be sent.
    pub parts: usize,
    /// Units that the last one still has room for.
    pub left: usize,
}

/// A text as units, with what stands in the header for it.
enum Units {
    Septets(Vec<u8>, Shift),
    Ucs2(Vec<u16>),
}

impl Units {
    /// The default alphabet where it suffices; else the tables of one of `languages`, where no more
    /// parts come of it than of UCS2; else UCS2.
    fn of(text: &str, languages: &[Language], reference: ConcatReference) -> Self {
        if let Some(septets) = encode_gsm7(text, Shift::default()) {
            return Self::Septets(septets, Shift::default());
        }
        let wide = Self::Ucs2(text.encode_utf16().collect());
        let shifts = languages.iter().flat_map(|&language| {
            let (locking, single) = (Some(language), Some(language));
            [
                Shift { locking: None, single },
                Shift { locking, single: None },
                Shift { locking, single },
            ]
        });
        let shifted =
            shifts.filter_map(|shift| Some(Self::Septets(encode_gsm7(text, shift)?, shift)));
        let cost = |units: &Self| (units.parts(reference).len(), units.total());
        shifted
            .min_by_key(cost)
            .filter(|units| units.parts(reference).len() <= wide.parts(reference).len())
            .unwrap_or(wide)
    }

    fn total(&self) -> usize {
        match self {
            Self::Septets(septets, _) => septets.len(),
            Self::Ucs2(units) => units.len(),
        }
    }

    const fn coding(&self) -> TextCoding {
        match self {
            Self::Septets(_, shift) => TextCoding::Gsm7(*shift),
            Self::Ucs2(_) => TextCoding::Ucs2,
        }
    }

    fn elements(&self) -> Vec<InformationElement> {
        let Self::Septets(_, shift) = self else { return Vec::new() };
        let locking = shift.locking.map(InformationElement::locking_shift);
        locking.into_iter().chain(shift.single.map(InformationElement::single_shift)).collect()
    }

    /// Units that fit behind a header of these octets, its length octet not counted.
    const fn room(&self, header: usize) -> usize {
        let header = if header == 0 { 0 } else { header + 1 };
        match self {
            Self::Septets(..) => MAX_SEPTETS - (header * 8).div_ceil(7),
            Self::Ucs2(_) => (MAX_USER_DATA - header) / 2,
        }
    }

    /// Octets of the elements that every part has.
    fn shift_octets(&self) -> usize {
        self.elements().iter().map(|element| element.data.len() + 2).sum()
    }

    /// Where the parts end, in units; one part when everything fits into one. Neither an escape
    /// and what it escapes nor the two halves of a character come apart.
    fn parts(&self, reference: ConcatReference) -> Vec<usize> {
        let total = self.total();
        if total <= self.room(self.shift_octets()) {
            return vec![total];
        }
        let room = self.room(self.shift_octets() + reference.element_octets());
        let mut ends = Vec::with_capacity(total / room + 1);
        let mut at = 0;
        while at < total {
            let end = (at + room).min(total);
            let splits = end < total
                && match self {
                    // An escape in front of an escape cannot be: no table has one to escape.
                    Self::Septets(septets, _) => septets.get(end - 1) == Some(&ESCAPE),
                    Self::Ucs2(units) => {
                        units.get(end - 1).is_some_and(|unit| (0xd800..0xdc00).contains(unit))
                    }
                };
            at = if splits { end - 1 } else { end };
            ends.push(at);
        }
        ends
    }

    fn body(&self, from: usize, to: usize) -> Body {
        match self {
            Self::Septets(septets, _) => {
                Body::Septets(septets.get(from..to).unwrap_or_default().to_vec())
            }
            Self::Ucs2(units) => Body::ucs2(units.get(from..to).unwrap_or_default()),
        }
    }
}

/// Counts what a text needs before it is sent; `wide` when parts would have a reference of 16
/// bits. See [`split_text`] for `languages`.
#[must_use]
pub fn count_text(text: &str, languages: &[Language], wide: bool) -> TextCount {
    let reference = if wide { ConcatReference::Wide(0) } else { ConcatReference::Narrow(0) };
    let units = Units::of(text, languages, reference);
    let ends = units.parts(reference);
    let header = units.shift_octets() + if ends.len() > 1 { reference.element_octets() } else { 0 };
    let last_begins = ends.iter().rev().nth(1).copied().unwrap_or_default();
    TextCount {
        coding: units.coding(),
        units: units.total(),
        parts: ends.len(),
        left: units.room(header) - (units.total() - last_begins),
    }
}

/// Writes a text as user data: one when it fits, else parts with a concatenation element, none of
/// which ends inside a character.
///
/// The GSM 7-bit default alphabet is taken when it has every character; else the shift tables of
/// one of `languages` (few phones know them, so that the caller decides which to allow) when they
/// take no more parts than UCS2; else UCS2.
///
/// # Errors
/// [`EncodeError::TooManyParts`] above [`MAX_PARTS`].
pub fn split_text(
    text: &str,
    languages: &[Language],
    reference: impl Into<ConcatReference>,
) -> Result<Vec<(Dcs, UserData)>, EncodeError> {
    let reference = reference.into();
    let units = Units::of(text, languages, reference);
    let dcs = match units.coding() {
        TextCoding::Gsm7(_) => Dcs::GSM7,
        TextCoding::Ucs2 => Dcs::UCS2,
    };
    let ends = units.parts(reference);
    let total = total_of(ends.len())?;
    let mut from = 0;
    Ok((1..=total)
        .zip(ends)
        .map(|(sequence, to)| {
            let mut elements = units.elements();
            if total > 1 {
                elements.insert(0, reference.element(total, sequence));
            }
            let body = units.body(from, to);
            from = to;
            (dcs, UserData { udh: Udh { elements, rest: Vec::new() }, body })
        })
        .collect())
}

/// Writes a datagram as 8-bit user data from one port to another: one when it fits, else parts
/// with a concatenation element.
///
/// # Errors
/// [`EncodeError::TooManyParts`] above [`MAX_PARTS`].
pub fn split_datagram(
    payload: &[u8],
    ports: Ports,
    reference: impl Into<ConcatReference>,
) -> Result<Vec<UserData>, EncodeError> {
    let reference = reference.into();
    let ports: InformationElement = ports.into();
    // The length octet of the header, and two octets in front of the ports.
    let alone = MAX_USER_DATA - 3 - ports.data.len();
    let user_data = |elements: Vec<InformationElement>, data: &[u8]| UserData {
        udh: Udh { elements, rest: Vec::new() },
        body: Body::Octets(Bytes::copy_from_slice(data)),
    };
    if payload.len() <= alone {
        return Ok(vec![user_data(vec![ports], payload)]);
    }
    let room = alone - reference.element_octets();
    let total = total_of(payload.len().div_ceil(room))?;
    Ok((1..=total)
        .zip(payload.chunks(room))
        .map(|(sequence, data)| {
            user_data(vec![ports.clone(), reference.element(total, sequence)], data)
        })
        .collect())
}

fn total_of(parts: usize) -> Result<u8, EncodeError> {
    u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })
}

/// The text of the parts of a message, given in their order; none when one of them is data.
///
/// Neighbours in the same alphabet are read together, since senders cut between the two halves of
/// a character: an escape and its septet, two surrogates, or the two octets of a unit.
#[must_use]
pub fn join_text<'a>(parts: impl IntoIterator<Item = (Dcs, &'a UserData)>) -> Option<String> {
    /// Units that were not read yet.
    enum Pending {
        Nothing,
        Septets(Vec<u8>, Shift),
        Ucs2(Vec<u8>),
    }
    impl Pending {
        fn read(self, text: &mut String) {
            match self {
                Self::Nothing => {}
                Self::Septets(septets, shift) => text.push_str(&decode_gsm7(&septets, shift)),
                Self::Ucs2(octets) => text.push_str(&decode_ucs2(&octets)),
            }
        }
    }
    let parts: Vec<(Dcs, &UserData)> = parts.into_iter().collect();
    let is_odd = |data: &UserData| matches!(&data.body, Body::Octets(it) if it.len() % 2 == 1);
    // An even number of odd parts: whoever cut them did not look at units. A single odd octet is
    // a fault of its own part.
    let cut_anywhere = parts.iter().filter(|(_, data)| is_odd(data)).count() % 2 == 0;
    let mut text = String::new();
    let mut pending = Pending::Nothing;
    for (dcs, data) in parts {
        match (&data.body, dcs.alphabet()) {
            (Body::Septets(septets), _) => {
                let shift = data.udh.shift();
                match &mut pending {
                    Pending::Septets(held, of) if *of == shift => held.extend_from_slice(septets),
                    _ => std::mem::replace(&mut pending, Pending::Septets(septets.clone(), shift))
                        .read(&mut text),
                }
            }
            (Body::Octets(octets), Alphabet::Ucs2) => {
                let whole = if cut_anywhere { octets.len() } else { octets.len() & !1 };
                let octets = octets.get(..whole).unwrap_or_default();
                match &mut pending {
                    Pending::Ucs2(held) => held.extend_from_slice(octets),
                    _ => std::mem::replace(&mut pending, Pending::Ucs2(octets.to_vec()))
                        .read(&mut text),
                }
            }
            _ => return None,
        }
    }
    pending.read(&mut text);
    Some(text)
}

/// Writes `payload` as 8-bit SMS-DELIVERs to `destination_port`: one when it fits, else parts with
/// a concatenation element.
///
/// # Errors
/// [`EncodeError::TooManyParts`] above [`MAX_PARTS`].
pub fn port_addressed_delivers(
    payload: &[u8],
    originator: &SmsAddress,
    destination_port: u16,
    source_port: u16,
    reference: impl Into<ConcatReference>,
    scts: Scts,
) -> Result<Vec<Deliver>, EncodeError> {
    let ports = Ports { destination: destination_port, source: source_port, wide: true };
    let parts = split_datagram(payload, ports, reference)?;
    let last = parts.len();
    Ok((1..)
        .zip(parts)
        .map(|(sequence, user_data)| {
            let mut part = Deliver::new(originator.clone(), Dcs::OCTETS, scts, user_data);
            part.more_messages = sequence < last;
            part
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::sms::{PORT_WAP_PUSH, PORT_WAP_WSP};

    fn split(length: usize, reference: impl Into<ConcatReference>) -> Vec<Deliver> {
        let payload: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let originator = SmsAddress::from_text("86888");
        let parts = port_addressed_delivers(
            &payload,
            &originator,
            PORT_WAP_PUSH,
            PORT_WAP_WSP,
            reference,
            Scts([0x62, 0x11, 0x12, 0, 0, 0, 0]),
        )
        .unwrap();
        let joined: Vec<u8> = parts.iter().flat_map(|part| part.user_data.octets()).collect();
        assert_eq!(joined, payload);
        parts
    }

    #[test]
    fn payload_that_fits_has_no_concatenation() {
        let parts = split(133, 7_u8);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0].user_data.udh.concat(), None);
        assert_eq!(parts[0].encode().unwrap().len(), 1 + 2 + 3 + 2 + 7 + 1 + 140);
    }

    #[test]
    fn longer_payload_is_cut_at_140_octets_of_user_data() {
        for (parts, wide) in [(split(134, 7_u8), false), (split(300, 0x1234_u16), true)] {
            let total = u8::try_from(parts.len()).unwrap();
            for (index, part) in parts.iter().enumerate() {
                let octets = part.encode().unwrap();
                assert_eq!(Deliver::decode(&octets).unwrap().value, *part);
                let concat = part.user_data.udh.concat().unwrap();
                assert_eq!((concat.wide, concat.total), (wide, total));
                assert_eq!(usize::from(concat.sequence), index + 1);
                let full = if wide { 127 } else { 128 };
                assert!(part.user_data.octets().len() <= full);
                assert_eq!(part.more_messages, concat.sequence < total);
            }
        }
    }

    #[test]
    fn more_than_255_parts_are_refused() {
        let originator = SmsAddress::from_text("86888");
        let scts = Scts([0; 7]);
        let error =
            port_addressed_delivers(&[0; 128 * 255 + 1], &originator, 2948, 9200, 1_u8, scts);
        assert_eq!(error, Err(EncodeError::TooManyParts { parts: 256 }));
    }

    fn parts_of(text: &str, languages: &[Language]) -> Vec<(Dcs, UserData)> {
        split_text(text, languages, 0x2a_u8).unwrap()
    }

    /// Writes and reads each part, and joins them.
    fn sent(parts: &[(Dcs, UserData)]) -> Option<String> {
        let received: Vec<Deliver> = parts
            .iter()
            .map(|(dcs, data)| {
                let sender = SmsAddress::from_text("86888");
                let scts = Scts([0x62, 0x11, 0x12, 0, 0, 0, 0]);
                let octets = Deliver::new(sender, *dcs, scts, data.clone()).encode().unwrap();
                let decoded = Deliver::decode(&octets).unwrap();
                assert_eq!(decoded.warnings, []);
                decoded.value
            })
            .collect();
        join_text(received.iter().map(|part| (part.dcs, &part.user_data)))
    }

    #[test]
    fn lengths_at_the_borders_of_one_two_and_three_parts() {
        for (text, units, parts, left) in [
            ("", 0, 1, 160),
            (&*"a".repeat(160), 160, 1, 0),
            (&*"a".repeat(161), 161, 2, 145),
            (&*"a".repeat(306), 306, 2, 0),
            (&*"a".repeat(307), 307, 3, 152),
            (&*"€".repeat(80), 160, 1, 0),
            // 153 septets hold 76 pairs: one is left over in each part.
            (&*"€".repeat(81), 162, 2, 143),
            (&*"€".repeat(153), 306, 3, 151),
        ] {
            let expected =
                TextCount { coding: TextCoding::Gsm7(Shift::default()), units, parts, left };
            assert_eq!(count_text(text, &[], false), expected);
            assert_eq!(parts_of(text, &[]).len(), parts);
            assert_eq!(sent(&parts_of(text, &[])).as_deref(), Some(text));
        }
        for (text, units, parts, left) in [
            (&*"日".repeat(70), 70, 1, 0),
            (&*"日".repeat(71), 71, 2, 63),
            (&*"日".repeat(134), 134, 2, 0),
            (&*"😀".repeat(35), 70, 1, 0),
            // 67 units hold 33 characters of two: one unit is left over in each part.
            (&*"😀".repeat(67), 134, 3, 65),
        ] {
            let expected = TextCount { coding: TextCoding::Ucs2, units, parts, left };
            assert_eq!(count_text(text, &[], false), expected);
            assert_eq!(sent(&parts_of(text, &[])).as_deref(), Some(text));
        }
    }

    #[test]
    fn wide_reference_takes_one_octet_more() {
        assert_eq!(count_text(&"a".repeat(304), &[], true).parts, 2);
        assert_eq!(count_text(&"a".repeat(305), &[], true).parts, 3);
        assert_eq!(count_text(&"日".repeat(132), &[], true).parts, 2);
        assert_eq!(count_text(&"日".repeat(133), &[], true).parts, 3);
        let parts = split_text(&"a".repeat(304), &[], 0x1234_u16).unwrap();
        let concat = Concat { reference: 0x1234, wide: true, total: 2, sequence: 2 };
        assert_eq!(parts[1].1.udh.concat(), Some(concat));
        assert_eq!(sent(&parts).unwrap(), "a".repeat(304));
    }

    #[test]
    fn no_part_ends_inside_a_character() {
        for lead in 0..4 {
            for character in ["€", "😀", "\u{200d}😀"] {
                let text = format!("{}{}", "x".repeat(lead), character.repeat(200));
                let parts = parts_of(&text, &[]);
                let one_by_one: String =
                    parts.iter().map(|(dcs, data)| data.text(*dcs).unwrap()).collect();
                assert_eq!(one_by_one, text);
            }
        }
    }

    #[test]
    fn language_is_taken_only_where_it_is_allowed_and_helps() {
        let turkish = "Şişli'de ağaç".repeat(6);
        assert_eq!(count_text(&turkish, &[], false).coding, TextCoding::Ucs2);
        let count = count_text(&turkish, &[Language::Turkish], false);
        let TextCoding::Gsm7(shift) = count.coding else { panic!() };
        assert_eq!((shift.locking, count.parts), (Some(Language::Turkish), 1));
        let parts = parts_of(&turkish, &[Language::Spanish, Language::Turkish]);
        assert_eq!(sent(&parts).unwrap(), turkish);
        // Spanish letters need no more than an escape each.
        let spanish = parts_of("¿Cuál está aquí?", &[Language::Spanish]);
        let elements = &spanish[0].1.udh.elements;
        assert_eq!(elements, &[InformationElement::single_shift(Language::Spanish)]);
        // A plain text keeps the default alphabet, Hindi in Turkish tables is UCS2.
        assert_eq!(parts_of("plain", &Language::ALL)[0].1.udh, Udh::default());
        assert_eq!(parts_of("अ", &[Language::Turkish])[0].0, Dcs::UCS2);
        assert_eq!(sent(&parts_of("अ १ [x]", &[Language::Hindi])).unwrap(), "अ १ [x]");
    }

    #[test]
    fn characters_that_a_sender_cut_in_two_are_joined() {
        let septets =
            |body: &[u8]| UserData { udh: Udh::default(), body: Body::Septets(body.to_vec()) };
        let (first, second) = (septets(&[0x61, 0x1b]), septets(&[0x65, 0x62]));
        let joined = join_text([(Dcs::GSM7, &first), (Dcs::GSM7, &second)]);
        assert_eq!(joined.as_deref(), Some("a€b"));
        let octets = |body: &'static [u8]| UserData {
            udh: Udh::default(),
            body: Body::Octets(Bytes::from_static(body)),
        };
        // Between the surrogates of U+1F600, and inside the second of them.
        for (first, second) in
            [(octets(b"\xd8\x3d"), octets(b"\xde\x00")), (octets(b"\xd8\x3d\xde"), octets(b"\x00"))]
        {
            let joined = join_text([(Dcs::UCS2, &first), (Dcs::UCS2, &second)]);
            assert_eq!(joined.as_deref(), Some("😀"));
        }
        // One odd octet is a fault of its part alone.
        let (first, second) = (octets(b"\0a\0"), octets(b"\0b"));
        let joined = join_text([(Dcs::UCS2, &first), (Dcs::UCS2, &second)]);
        assert_eq!(joined.as_deref(), Some("ab"));
        // Parts in several alphabets, and one that is no text.
        let joined = join_text([(Dcs::GSM7, &septets(b"a")), (Dcs::UCS2, &second)]);
        assert_eq!(joined.as_deref(), Some("ab"));
        assert_eq!(join_text([(Dcs::GSM7, &septets(b"a")), (Dcs::OCTETS, &second)]), None);
    }

    #[test]
    fn more_than_255_parts_of_text_are_refused() {
        assert!(split_text(&"a".repeat(153 * 255), &[], 1_u8).is_ok());
        let error = split_text(&"a".repeat(153 * 255 + 1), &[], 1_u8);
        assert_eq!(error, Err(EncodeError::TooManyParts { parts: 256 }));
    }

    /// Texts with what splits badly: escapes, surrogates, letters of the national tables.
    fn any_text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => "[ -~]",
            1 => "[€\\[\\]{}^|~\n\r]",
            1 => "[ŞşĞğİıçáÁúÚõÕ∞]",
            1 => "[अ-ह०-९।॥ঁ-ঃক-ন௦-௯ا-غ]",
            1 => "[😀-🙏]",
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(character, 0..400).prop_map(|characters| characters.concat())
    }

    proptest! {
        #[test]
        fn joined_parts_are_the_text_that_was_split(
            text in any_text(),
            wide: bool,
            languages in prop::sample::subsequence(Language::ALL.to_vec(), 0..4),
        ) {
            // A byte order mark in front is no part of a text.
            prop_assume!(!text.starts_with('\u{feff}'));
            let reference =
                if wide { ConcatReference::Wide(0x1234) } else { ConcatReference::Narrow(0x12) };
            let parts = split_text(&text, &languages, reference).unwrap();
            prop_assert_eq!(parts.len(), count_text(&text, &languages, wide).parts);
            prop_assert_eq!(sent(&parts), Some(text));
        }

        #[test]
        fn joined_datagrams_are_what_was_split(
            payload in prop::collection::vec(any::<u8>(), 0..2000),
            reference: u16,
            wide: bool,
        ) {
            let ports = Ports { destination: 226, source: 227, wide };
            let parts = split_datagram(&payload, ports, reference).unwrap();
            let joined: Vec<u8> = parts.iter().flat_map(UserData::octets).collect();
            prop_assert_eq!(joined, payload);
            for part in &parts {
                prop_assert_eq!(part.udh.ports(), Some(ports));
                let mut out = Vec::new();
                part.write(&mut out).unwrap();
            }
        }
    }
}

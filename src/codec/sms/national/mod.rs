//! The GSM 7-bit default alphabet, its extension table, and the tables of the national languages
//! (3GPP TS 23.038 clauses 6.2.1 and 6.2.1.1, annex A).
//!
//! A table is 128 code points of the Basic Multilingual Plane, by septet. [`UNDEFINED`] stands
//! where the specification shows nothing, [`ESCAPE`] holds its own number.

mod indic;
mod latin;
mod urdu;

use std::sync::LazyLock;

/// A table: the code point of each septet.
pub(super) type Table = [u16; 128];

/// The septet in front of one that is looked up in the single shift table.
pub(super) const ESCAPE: u8 = 0x1b;

/// A position that the specification leaves empty.
pub(super) const UNDEFINED: u16 = 0;

/// A language with tables of its own, by its National Language Identifier (clause 6.2.1.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the specification")]
pub enum Language {
    Turkish,
    Spanish,
    Portuguese,
    /// Bengali and Assamese.
    Bengali,
    Gujarati,
    Hindi,
    Kannada,
    Malayalam,
    Oriya,
    Punjabi,
    Tamil,
    Telugu,
    Urdu,
}

impl Language {
    /// Every language, in the order of the identifiers, which begin with 1.
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// The language of an identifier; none for 0 and for what is reserved.
    #[must_use]
    pub fn from_identifier(identifier: u8) -> Option<Self> {
        Self::ALL.get(usize::from(identifier).checked_sub(1)?).copied()
    }

    /// Its identifier, 1 to 13.
    #[must_use]
    pub const fn identifier(self) -> u8 {
        self as u8 + 1
    }

    /// Its English name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turkish => "Turkish",
            Self::Spanish => "Spanish",
            Self::Portuguese => "Portuguese",
            Self::Bengali => "Bengali",
            Self::Gujarati => "Gujarati",
            Self::Hindi => "Hindi",
            Self::Kannada => "Kannada",
            Self::Malayalam => "Malayalam",
            Self::Oriya => "Oriya",
            Self::Punjabi => "Punjabi",
            Self::Tamil => "Tamil",
            Self::Telugu => "Telugu",
            Self::Urdu => "Urdu",
        }
    }

    /// Whether it has a locking shift table: all but Spanish do.
    #[must_use]
    pub const fn has_locking(self) -> bool {
        !matches!(self, Self::Spanish)
    }
}

/// The table for septets without escape; that of a language without one is the default alphabet.
pub(super) const fn locking(language: Option<Language>) -> &'static Table {
    match language {
        None | Some(Language::Spanish) => &latin::DEFAULT,
        Some(Language::Turkish) => &latin::TURKISH,
        Some(Language::Portuguese) => &latin::PORTUGUESE,
        Some(Language::Bengali) => &indic::BENGALI,
        Some(Language::Gujarati) => &indic::GUJARATI,
        Some(Language::Hindi) => &indic::HINDI,
        Some(Language::Kannada) => &indic::KANNADA,
        Some(Language::Malayalam) => &indic::MALAYALAM,
        Some(Language::Oriya) => &indic::ORIYA,
        Some(Language::Punjabi) => &indic::PUNJABI,
        Some(Language::Tamil) => &indic::TAMIL,
        Some(Language::Telugu) => &indic::TELUGU,
        Some(Language::Urdu) => &urdu::LOCKING,
    }
}

/// The table for septets behind an escape.
pub(super) const fn single(language: Option<Language>) -> &'static Table {
    match language {
        None => &latin::EXTENSION,
        Some(Language::Turkish) => &latin::TURKISH_SINGLE,
        Some(Language::Spanish) => &latin::SPANISH_SINGLE,
        Some(Language::Portuguese) => &latin::PORTUGUESE_SINGLE,
        Some(Language::Bengali) => &indic::BENGALI_SINGLE,
        Some(Language::Gujarati) => &indic::GUJARATI_SINGLE,
        Some(Language::Hindi) => &indic::HINDI_SINGLE,
        Some(Language::Kannada) => &indic::KANNADA_SINGLE,
        Some(Language::Malayalam) => &indic::MALAYALAM_SINGLE,
        Some(Language::Oriya) => &indic::ORIYA_SINGLE,
        Some(Language::Punjabi) => &indic::PUNJABI_SINGLE,
        Some(Language::Tamil) => &indic::TAMIL_SINGLE,
        Some(Language::Telugu) => &indic::TELUGU_SINGLE,
        Some(Language::Urdu) => &urdu::SINGLE,
    }
}

/// A table the other way round: septets by code point.
pub(super) struct Reverse {
    /// By code point below 0x100; 0xFF where there is none.
    low: [u8; 0x100],
    /// The others, sorted by code point.
    high: Vec<(u16, u8)>,
}

impl Reverse {
    const NONE: u8 = 0xff;

    fn of(table: &Table) -> Self {
        let mut low = [Self::NONE; 0x100];
        let mut high = Vec::new();
        for (septet, &point) in (0_u8..).zip(table) {
            if point == UNDEFINED || septet == ESCAPE {
                continue;
            }
            match low.get_mut(usize::from(point)) {
                // The single shift tables of India show two characters twice; the first counts.
                Some(slot) if *slot == Self::NONE => *slot = septet,
                Some(_) => {}
                None => high.push((point, septet)),
            }
        }
        high.sort_by_key(|(point, _)| *point);
        Self { low, high }
    }

    /// The septet of a character.
    pub(super) fn septet(&self, character: char) -> Option<u8> {
        let point = u16::try_from(u32::from(character)).ok()?;
        match self.low.get(usize::from(point)) {
            Some(&septet) => (septet != Self::NONE).then_some(septet),
            None => {
                let index = self.high.binary_search_by_key(&point, |(known, _)| *known).ok()?;
                self.high.get(index).map(|(_, septet)| *septet)
            }
        }
    }
}

/// The tables of [`locking`] the other way round; index 0 is the default alphabet.
pub(super) fn locking_reverse(language: Option<Language>) -> Option<&'static Reverse> {
    static REVERSE: LazyLock<Vec<Reverse>> =
        LazyLock::new(|| every().map(|language| Reverse::of(locking(language))).collect());
    REVERSE.get(language.map_or(0, |it| usize::from(it.identifier())))
}

/// The tables of [`single`] the other way round.
pub(super) fn single_reverse(language: Option<Language>) -> Option<&'static Reverse> {
    static REVERSE: LazyLock<Vec<Reverse>> =
        LazyLock::new(|| every().map(|language| Reverse::of(single(language))).collect());
    REVERSE.get(language.map_or(0, |it| usize::from(it.identifier())))
}

fn every() -> impl Iterator<Item = Option<Language>> {
    std::iter::once(None).chain(Language::ALL.into_iter().map(Some))
}

/// An empty table with the escape in its place.
const fn empty() -> Table {
    let mut table = [UNDEFINED; 128];
    table[ESCAPE as usize] = ESCAPE as u16;
    table
}

/// Writes a run of code points, one to a septet, from `from` on.
const fn put(mut table: Table, from: usize, points: &[u16]) -> Table {
    let mut index = 0;
    while index < points.len() {
        table[from + index] = points[index];
        index += 1;
    }
    table
}

/// Writes code points that follow one another, `first` to `last`, from `from` on.
const fn run(mut table: Table, from: usize, first: u16, last: u16) -> Table {
    let mut index = 0;
    while first + index <= last {
        table[from + index as usize] = first + index;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Code points of a table but the escape, in the order of the septets.
    fn defined(table: &Table) -> impl Iterator<Item = (u8, u16)> {
        (0_u8..).zip(*table).filter(|(septet, point)| *point != UNDEFINED && *septet != ESCAPE)
    }

    #[test]
    fn identifiers_count_from_one() {
        for (index, language) in (1..).zip(Language::ALL) {
            assert_eq!(language.identifier(), index);
            assert_eq!(Language::from_identifier(index), Some(language));
        }
        for reserved in [0, 14, 255] {
            assert_eq!(Language::from_identifier(reserved), None);
        }
    }

    #[test]
    fn locking_tables_hold_each_character_once_and_keep_line_ends() {
        for language in every() {
            let table = locking(language);
            let points: Vec<u16> = defined(table).map(|(_, point)| point).collect();
            let distinct: BTreeSet<u16> = points.iter().copied().collect();
            assert_eq!(points.len(), distinct.len(), "{language:?}");
            assert!(points.iter().all(|point| char::from_u32(u32::from(*point)).is_some()));
            assert_eq!((table[0x0a], table[0x0d], table[0x1b]), (0x0a, 0x0d, 0x1b), "{language:?}");
            // Digits are where they are in ASCII, for numbers to be read whatever the table.
            assert!((0x30..=0x39).all(|digit| table[digit] == u16::try_from(digit).unwrap()));
        }
        assert_eq!(defined(locking(None)).count(), 127);
        assert_eq!(defined(locking(Some(Language::Turkish))).count(), 127);
        assert_eq!(defined(locking(Some(Language::Portuguese))).count(), 127);
        assert_eq!(defined(locking(Some(Language::Urdu))).count(), 127);
    }

    #[test]
    fn single_shift_tables_repeat_nothing_but_two_marks_of_india() {
        for language in every() {
            let table = single(language);
            let mut seen = BTreeSet::new();
            let twice: Vec<u16> =
                defined(table).map(|(_, point)| point).filter(|it| !seen.insert(*it)).collect();
            let indic = language.is_some_and(|language| language >= Language::Bengali);
            let expected: &[u16] = if indic { &[0xa1, 0x2a] } else { &[] };
            assert_eq!(twice, expected, "{language:?}");
            assert_eq!((table[0x0a], table[0x1b]), (0x0c, 0x1b), "{language:?}");
            assert_eq!(table[0x65], 0x20ac, "{language:?}");
        }
    }

    #[test]
    fn reverse_finds_what_the_tables_show() {
        for language in every() {
            for (table, reverse) in [
                (locking(language), locking_reverse(language).unwrap()),
                (single(language), single_reverse(language).unwrap()),
            ] {
                for (_, point) in defined(table) {
                    let character = char::from_u32(u32::from(point)).unwrap();
                    let septet = reverse.septet(character).unwrap();
                    assert_eq!(table[usize::from(septet)], point);
                }
                assert_eq!(reverse.septet('\u{1f600}'), None);
                assert_eq!(reverse.septet('\u{1b}'), None);
                assert_eq!(reverse.septet('\0'), None);
            }
        }
    }
}

//! Charsets by their IANA MIBenum (WAP-230 clause 8.4.2.8; IANA character-sets registry), and text
//! in any of them as UTF-8.
//!
//! No charset rejects anything: what cannot be read as announced is read as UTF-8 if it is that,
//! else as Windows-1252, and the caller learns of it.

mod coding;
mod registry;

use std::borrow::Cow;

use encoding_rs::{Encoding, REPLACEMENT, WINDOWS_1252};

use registry::REGISTRY;

/// MIBenum of UTF-8.
pub const UTF_8: u64 = 106;
/// MIBenum of ISO-10646-UCS-2; characters beyond its plane go as surrogates of UTF-16.
pub const UCS_2: u64 = 1000;

/// Before the number of a charset that has no name here.
const UNKNOWN_PREFIX: &str = "mib-";

/// The order of octets where no byte order mark tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    BigEndian,
    LittleEndian,
}

/// How the octets of a charset become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Any charset: the octets have to tell.
    Any,
    Ascii,
    Utf8,
    Utf16(Order),
    Utf32(Order),
    Utf7,
    /// Two octets of seven bits between SO and SI; the label is that of the same with eight bits.
    Shifted(&'static str),
    /// GB 2312 of seven bits between tilde and braces (RFC 1843).
    Hz,
    /// By encoding_rs.
    Label(&'static str),
    /// A name without a reader.
    None,
}

/// The name of a number: IANA's in lower case, `mib-N` for one that the registry does not have.
#[must_use]
pub fn name_of(mib: u64) -> String {
    name(mib).into_owned()
}

/// As [`name_of`], without memory for what has a name.
pub(super) fn name(mib: u64) -> Cow<'static, str> {
    match row(mib) {
        Some(row) => Cow::Borrowed(row.name),
        None => Cow::Owned(format!("{UNKNOWN_PREFIX}{mib}")),
    }
}

/// The number of a name in any case, `mib-N` included.
#[must_use]
pub fn mib_of(name: &str) -> Option<u64> {
    if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8") {
        return Some(UTF_8);
    }
    let known = REGISTRY.iter().find(|row| row.name.eq_ignore_ascii_case(name));
    match known {
        Some(row) => Some(u64::from(row.mib)),
        None if name.eq_ignore_ascii_case("ascii") => Some(3),
        // Only the form that `name_of` gives, so that both ways agree.
        None => name
            .strip_prefix(UNKNOWN_PREFIX)
            .and_then(|number| number.parse().ok())
            .filter(|&number| name_of(number) == name),
    }
}

fn row(mib: u64) -> Option<&'static registry::Row> {
    let mib = u16::try_from(mib).ok()?;
    REGISTRY.binary_search_by_key(&mib, |row| row.mib).ok().and_then(|at| REGISTRY.get(at))
}

/// Whether the registry has this number.
pub(super) fn is_known(mib: u64) -> bool {
    row(mib).is_some()
}

/// Octets of the units that texts in this charset consist of: 1, 2 or 4.
pub(super) fn unit(mib: u64) -> usize {
    if mib == UTF_8 {
        return 1;
    }
    match row(mib).map(|row| row.coding) {
        Some(Coding::Utf16(_)) => 2,
        Some(Coding::Utf32(_)) => 4,
        _ => 1,
    }
}

/// The text that the octets mean. Never fails: an unknown charset, or one that the octets do not
/// fit, is read as UTF-8 if they are that, else as Windows-1252. A byte order mark is taken off.
#[must_use]
pub fn to_text(octets: &[u8], charset: Option<&str>) -> String {
    let Some(name) = charset else { return guess(octets) };
    if let Some(mib) = mib_of(name) {
        return decode(octets, mib).0;
    }
    match Encoding::for_label(name.as_bytes()).filter(|encoding| *encoding != REPLACEMENT) {
        Some(encoding) => encoding.decode(octets).0.into_owned(),
        None => guess(octets),
    }
}

/// As [`to_text`], by number, and whether the text is what the charset says it is: false where the
/// octets are more than ASCII and had to be guessed.
#[must_use]
pub fn decode(octets: &[u8], mib: u64) -> (String, bool) {
    // What nearly every peer writes.
    if mib == UTF_8
        && let Ok(text) = std::str::from_utf8(octets)
    {
        return (text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned(), true);
    }
    let coding = row(mib).map_or(Coding::None, |row| row.coding);
    let text = match coding {
        // A byte order mark outranks the label, as everywhere else where text is exchanged.
        Coding::Label(label) => coding::labelled(octets, label),
        Coding::Utf16(Order::BigEndian) => coding::labelled(octets, "utf-16be"),
        Coding::Utf16(Order::LittleEndian) => coding::labelled(octets, "utf-16le"),
        Coding::Utf32(order) => Some(coding::utf32(octets, order)),
        Coding::Utf7 => Some(coding::utf7(octets)),
        Coding::Shifted(label) => coding::shifted(octets, label),
        Coding::Hz => coding::hz(octets),
        Coding::Utf8 => {
            return match cut_utf8(octets) {
                Some(text) => (text.to_owned(), true),
                None => (guess(octets), false),
            };
        }
        Coding::Any | Coding::Ascii => Some(guess(octets)),
        Coding::None => None,
    };
    match text {
        Some(text) => (text, true),
        None => (guess(octets), octets.is_ascii()),
    }
}

/// UTF-8 if it is that, else Windows-1252.
fn guess(octets: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(octets) {
        return text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned();
    }
    WINDOWS_1252.decode(octets).0.into_owned()
}

/// UTF-8 that was cut inside its last character: only what has other characters above 0x7F can be
/// told from text in a charset of single octets.
fn cut_utf8(octets: &[u8]) -> Option<&str> {
    let error = std::str::from_utf8(octets).err()?;
    let text = std::str::from_utf8(octets.get(..error.valid_up_to())?).ok()?;
    (error.error_len().is_none() && !text.is_ascii())
        .then(|| text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_name_agree() {
        for row in REGISTRY {
            assert_eq!(mib_of(row.name), Some(u64::from(row.mib)));
            assert_eq!(name_of(u64::from(row.mib)), row.name);
        }
        assert!(REGISTRY.is_sorted_by(|one, next| one.mib < next.mib));
        assert_eq!(mib_of(&name_of(9999)), Some(9999));
        assert_eq!(mib_of("mib-106"), None);
    }

    #[test]
    fn text_of_common_charsets() {
        assert_eq!(to_text(b"caf\xE9", Some("iso-8859-1")), "café");
        assert_eq!(to_text(b"\xCF\xF0\xE8", Some("windows-1251")), "При");
        assert_eq!(to_text(b"\x83\x65", Some("shift_jis")), "テ");
        assert_eq!(to_text(b"\xC7\xD1", Some("ks_c_5601-1987")), "한");
        assert_eq!(to_text(b"\x04\x1F", Some("iso-10646-ucs-2")), "П");
        assert_eq!(to_text(b"\xFF\xFE\x1F\x04", Some("utf-16")), "П");
        assert_eq!(to_text(b"\xEF\xBB\xBFhi", Some("utf-8")), "hi");
    }

    #[test]
    fn wrong_or_unknown_charset_still_gives_text() {
        assert_eq!(to_text(b"caf\xE9", Some("utf-8")), "café");
        assert_eq!(to_text("caf\u{e9}".as_bytes(), Some("us-ascii")), "café");
        assert_eq!(to_text("caf\u{e9}".as_bytes(), Some("mib-9999")), "café");
        assert_eq!(decode(b"\xE9", 9999), ("é".to_owned(), false));
        assert_eq!(decode(b"plain", 9999), ("plain".to_owned(), true));
        assert_eq!(decode(b"\xE9", UTF_8), ("é".to_owned(), false));
        // EBCDIC is registered, but nobody sends texts in it.
        assert!(!decode(b"\xC1", 2028).1);
        assert_eq!(to_text(b"\xC3\xA9 cut \xC3", Some("utf-8")), "é cut ");
    }

    #[test]
    fn every_label_of_the_registry_has_a_reader() {
        for row in REGISTRY {
            if let Coding::Label(label) | Coding::Shifted(label) = row.coding {
                assert!(Encoding::for_label(label.as_bytes()).is_some(), "{label}");
                assert_eq!(decode(b"plain", u64::from(row.mib)), ("plain".to_owned(), true));
            }
        }
    }

    #[test]
    fn charsets_without_a_reader_elsewhere() {
        assert_eq!(to_text(b"\0\x01\xF6\0", Some("utf-32")), "\u{1F600}");
        assert_eq!(to_text(b"\xFF\xFE\0\0\x1F\x04\0\0", Some("utf-32")), "П");
        assert_eq!(to_text(b"\x1F\x04\0\0", Some("utf-32le")), "П");
        assert_eq!(to_text(b"A+ImIDkQ.", Some("utf-7")), "A\u{2262}\u{391}.");
        assert_eq!(to_text(b"1 +- 1+AD0-2 +2D3eAA!", Some("utf-7")), "1 + 1=2 \u{1F600}!");
        assert_eq!(to_text(b"\x1B$)Chi \x0EGQ\x0F!", Some("iso-2022-kr")), "hi 한!");
        assert_eq!(to_text(b"~{VPND~}~~a~\nb", Some("hz-gb-2312")), "中文~ab");
    }
}

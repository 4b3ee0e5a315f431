//! Charsets by their IANA MIBenum (WAP-230 clause 8.4.2.8; IANA character-sets registry).

use encoding_rs::{Encoding, REPLACEMENT, UTF_8 as UTF_8_ENCODING, WINDOWS_1252};

/// MIBenum of UTF-8.
pub const UTF_8: u64 = 106;

/// MIBenum and name in lower case. The first entry of a number is the name that decoders give.
const CHARSETS: &[(u64, &str)] = &[
    (0, "*"),
    (3, "us-ascii"),
    (4, "iso-8859-1"),
    (5, "iso-8859-2"),
    (6, "iso-8859-3"),
    (7, "iso-8859-4"),
    (8, "iso-8859-5"),
    (9, "iso-8859-6"),
    (10, "iso-8859-7"),
    (11, "iso-8859-8"),
    (12, "iso-8859-9"),
    (13, "iso-8859-10"),
    (17, "shift_jis"),
    (18, "euc-jp"),
    (36, "ks_c_5601-1987"),
    (37, "iso-2022-kr"),
    (38, "euc-kr"),
    (39, "iso-2022-jp"),
    (40, "iso-2022-jp-2"),
    (57, "gb_2312-80"),
    (81, "iso-8859-6-e"),
    (82, "iso-8859-6-i"),
    (84, "iso-8859-8-e"),
    (85, "iso-8859-8-i"),
    (104, "iso-2022-cn"),
    (106, "utf-8"),
    (109, "iso-8859-13"),
    (110, "iso-8859-14"),
    (111, "iso-8859-15"),
    (112, "iso-8859-16"),
    (113, "gbk"),
    (114, "gb18030"),
    (1000, "iso-10646-ucs-2"),
    (1001, "iso-10646-ucs-4"),
    (1012, "utf-7"),
    (1013, "utf-16be"),
    (1014, "utf-16le"),
    (1015, "utf-16"),
    (1017, "utf-32"),
    (2009, "ibm850"),
    (2011, "ibm437"),
    (2025, "gb2312"),
    (2026, "big5"),
    (2027, "macintosh"),
    (2084, "koi8-r"),
    (2085, "hz-gb-2312"),
    (2086, "ibm866"),
    (2088, "koi8-u"),
    (2101, "big5-hkscs"),
    (2109, "windows-874"),
    (2250, "windows-1250"),
    (2251, "windows-1251"),
    (2252, "windows-1252"),
    (2253, "windows-1253"),
    (2254, "windows-1254"),
    (2255, "windows-1255"),
    (2256, "windows-1256"),
    (2257, "windows-1257"),
    (2258, "windows-1258"),
    (2259, "tis-620"),
];

/// Before the number of a charset that has no name here.
const UNKNOWN_PREFIX: &str = "mib-";

/// The name of a number: IANA's in lower case, `mib-N` for one that this table does not have.
#[must_use]
pub fn name_of(mib: u64) -> String {
    match CHARSETS.iter().find(|(number, _)| *number == mib) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("{UNKNOWN_PREFIX}{mib}"),
    }
}

/// The number of a name in any case, `mib-N` included.
#[must_use]
pub fn mib_of(name: &str) -> Option<u64> {
    let known = CHARSETS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    match known {
        Some((number, _)) => Some(*number),
        None if name.eq_ignore_ascii_case("utf8") => Some(UTF_8),
        None if name.eq_ignore_ascii_case("ascii") => Some(3),
        // Only the form that `name_of` gives, so that both ways agree.
        None => name
            .strip_prefix(UNKNOWN_PREFIX)
            .and_then(|number| number.parse().ok())
            .filter(|&number| name_of(number) == name),
    }
}

/// Whether the table has this number.
pub(super) fn is_known(mib: u64) -> bool {
    CHARSETS.iter().any(|(number, _)| *number == mib)
}

/// Whether texts in this charset consist of units of two octets.
pub(super) fn is_wide(mib: u64) -> bool {
    matches!(mib, 1000 | 1013 | 1014 | 1015)
}

/// The text that the octets mean. Never fails: an unknown charset, or one that the octets do not
/// fit, is read as UTF-8 if they are that, else as Windows-1252. A byte order mark is taken off.
#[must_use]
pub fn to_text(octets: &[u8], charset: Option<&str>) -> String {
    let guess = || {
        if let Ok(text) = std::str::from_utf8(octets) {
            return text.strip_prefix('\u{FEFF}').unwrap_or(text).to_owned();
        }
        WINDOWS_1252.decode(octets).0.into_owned()
    };
    let Some(encoding) = charset.and_then(encoding) else { return guess() };
    if encoding == UTF_8_ENCODING && std::str::from_utf8(octets).is_err() {
        return cut_utf8(octets).map_or_else(guess, str::to_owned);
    }
    // A byte order mark outranks the label, as everywhere else where text is exchanged.
    encoding.decode(octets).0.into_owned()
}

/// UTF-8 that was cut inside its last character: only what has other characters above 0x7F can be
/// told from text in a charset of single octets.
fn cut_utf8(octets: &[u8]) -> Option<&str> {
    let error = std::str::from_utf8(octets).err()?;
    let text = std::str::from_utf8(octets.get(..error.valid_up_to())?).ok()?;
    (error.error_len().is_none() && !text.is_ascii())
        .then(|| text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

fn encoding(name: &str) -> Option<&'static Encoding> {
    let label = match name.to_ascii_lowercase().as_str() {
        "us-ascii" | "*" => return None,
        "iso-10646-ucs-2" | "utf-16" | "utf-16be" => "utf-16be",
        "gb_2312-80" => "gb2312",
        "big5-hkscs" => "big5-hkscs",
        other => return Encoding::for_label(other.as_bytes()).filter(|e| *e != REPLACEMENT),
    };
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_name_agree() {
        for (number, name) in CHARSETS {
            assert_eq!(mib_of(name), Some(*number));
            assert_eq!(name_of(*number), *name);
        }
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
        assert_eq!(to_text(b"plain", Some("iso-2022-kr")), "plain");
        assert_eq!(to_text(b"\xC3\xA9 cut \xC3", Some("utf-8")), "é cut ");
    }
}

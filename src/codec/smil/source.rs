//! The octets of a presentation as markup in an ASCII-compatible charset (XML 1.0 clause 4.3.3 and
//! appendix F; RFC 3023): who says which charset it is, and where each octet stood in the input.

use std::borrow::Cow;

use super::write::is_xml;
use crate::codec::wsp::{Warnings, charset};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Most octets of a presentation: a hundred times what phones write.
pub const MAX_OCTETS: usize = 256 * 1024;
/// Most octets of an attribute's value: longer than any name or address of a part.
pub const MAX_VALUE: usize = 2048;

/// How far into the document an XML declaration goes.
const MAX_DECLARATION: usize = 256;
/// Longest reference between `&` and `;`: `&#x10FFFF;` and the five of XML are shorter.
const MAX_REFERENCE: usize = 10;

/// The markup and what belongs to reading it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// Octets in which all markup is ASCII.
    pub(super) octets: Cow<'a, [u8]>,
    /// Octets taken off in front of `octets`.
    begin: usize,
    /// Where each octet of `octets` stood, if it was written in units of two.
    places: Option<Vec<usize>>,
    /// The charset of the values; none means UTF-8, or Windows-1252 where it is not that.
    charset: Option<String>,
    pub(super) warnings: Warnings,
}

impl<'a> Source<'a> {
    /// Believes a byte order mark, then the octets' own pattern, then `charset`, then the XML
    /// declaration.
    pub(super) fn new(input: &'a [u8], charset: Option<&str>) -> Result<Self, DecodeError> {
        if input.len() > MAX_OCTETS {
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_OCTETS };
            return Err(DecodeError { field: "smil", offset: MAX_OCTETS, kind });
        }
        let mut warnings = Warnings::new();
        if let Some((begin, big_endian)) = wide(input) {
            let (octets, places) = narrow(input, begin, big_endian, &mut warnings);
            return Ok(Self {
                octets: Cow::Owned(octets),
                begin: 0,
                places: Some(places),
                charset: Some("utf-8".to_owned()),
                warnings,
            });
        }
        let (begin, marked) = match input.strip_prefix(b"\xEF\xBB\xBF") {
            Some(_) => (3, Some("utf-8".to_owned())),
            None => (0, None),
        };
        let octets = input.get(begin..).unwrap_or_default();
        let given = charset.map(str::to_ascii_lowercase).or_else(|| declared(octets));
        let charset = match (marked, given) {
            (Some(marked), _) => Some(marked),
            (None, Some(given)) if is_wide(&given) => {
                warnings.note("encoding", 0, format!("{given} is announced; read as UTF-8"));
                None
            }
            (None, given) => given,
        };
        Ok(Self { octets: Cow::Borrowed(octets), begin, places: None, charset, warnings })
    }

    /// Where the octet at `at` of [`Self::octets`] stood in the input.
    pub(super) fn place(&self, at: usize) -> usize {
        match &self.places {
            Some(places) => places.get(at).or_else(|| places.last()).copied().unwrap_or(0),
            None => self.begin + at,
        }
    }

    pub(super) fn note(&mut self, field: &str, at: usize, text: impl Into<String>) {
        let place = self.place(at);
        self.warnings.note(field, place, text);
    }

    pub(super) fn not_understood(&mut self, field: &str, at: usize, text: impl Into<String>) {
        let place = self.place(at);
        self.warnings.not_understood(field, place, text);
    }

    /// The value written as `raw`: references resolved, blanks around it taken off, line ends and
    /// tabulators as spaces (XML 1.0 clause 3.3.3). Second is what had to be forgiven.
    pub(super) fn value(&self, raw: &[u8]) -> (String, Option<&'static str>) {
        let text = charset::to_text(raw, self.charset.as_deref());
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
        let mut fault = None;
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                '&' => match reference(rest) {
                    Some((resolved, after)) if is_xml(resolved) => {
                        out.push(resolved);
                        rest = after;
                    }
                    Some((_, after)) => {
                        fault = Some("a reference to a character that XML does not have; left out");
                        rest = after;
                    }
                    None => {
                        fault = Some("'&' begins no reference of XML; kept as it is");
                        out.push('&');
                    }
                },
                '\t' | '\n' | '\r' => out.push(' '),
                character if is_xml(character) => out.push(character),
                _ => fault = Some("control characters left out"),
            }
        }
        (out, fault)
    }
}

/// The character that the reference behind a `&` means, and what follows its `;` (XML 1.0 clauses
/// 4.1 and 4.6). What a document declares itself is never looked at.
fn reference(text: &str) -> Option<(char, &str)> {
    let window = text.get(..text.floor_char_boundary(MAX_REFERENCE)).unwrap_or(text);
    let (name, _) = window.split_once(';')?;
    let after = text.get(name.len() + 1..)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let (digits, radix) = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => (digits, 16),
                None => (digits, 10),
            };
            if !digits.chars().all(|digit| digit.is_digit(radix)) {
                return None;
            }
            let code = u32::from_str_radix(digits, radix).ok()?;
            // No character has this number; as one that XML does not have it is left out.
            char::from_u32(code).unwrap_or('\0')
        }
    };
    Some((character, after))
}

fn is_wide(charset: &str) -> bool {
    matches!(charset, "iso-10646-ucs-2" | "ucs-2" | "utf16" | "utf-16" | "utf-16be" | "utf-16le")
}

/// Where a document in units of two octets begins, and whether their high octet comes first: told
/// by a byte order mark, else by the zeros beside a first `<`.
fn wide(input: &[u8]) -> Option<(usize, bool)> {
    match input {
        [0xFE, 0xFF, ..] => Some((2, true)),
        [0xFF, 0xFE, ..] => Some((2, false)),
        [0, b'<', 0, ..] => Some((0, true)),
        [b'<', 0, _, 0, ..] => Some((0, false)),
        _ => None,
    }
}

/// UTF-16 as UTF-8, and for each octet of that the place of its unit; one more at the end.
fn narrow(
    input: &[u8],
    begin: usize,
    big_endian: bool,
    warnings: &mut Warnings,
) -> (Vec<u8>, Vec<usize>) {
    let pairs = input.get(begin..).unwrap_or_default().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        warnings.note("encoding", input.len() - 1, "half a unit of UTF-16 at the end; left out");
    }
    let units = pairs
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
        .map(|pair| if big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
    let (mut octets, mut places) = (Vec::new(), Vec::new());
    let mut at = begin;
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer).as_bytes();
        octets.extend_from_slice(encoded);
        places.extend(encoded.iter().map(|_| at));
        at += 2 * character.len_utf16();
    }
    places.push(input.len());
    (octets, places)
}

/// The charset that an XML declaration names, in lower case.
fn declared(octets: &[u8]) -> Option<String> {
    let head = octets.get(..MAX_DECLARATION).unwrap_or(octets).trim_ascii_start();
    let declaration = head.strip_prefix(b"<?xml")?.split(|&octet| octet == b'>').next()?;
    let declaration = String::from_utf8_lossy(declaration).to_ascii_lowercase();
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['"', '\'']);
    let name = value.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '?')).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &[u8], charset: Option<&str>) -> String {
        let source = Source::new(input, charset).unwrap();
        source.value(&source.octets).0
    }

    #[test]
    fn charset_is_believed_in_the_order_of_its_witnesses() {
        assert_eq!(text(b"\xEF\xBB\xBF\xC3\xA9", Some("windows-1251")), "\u{e9}");
        assert_eq!(text(b"\xE9", Some("windows-1251")), "\u{439}");
        assert_eq!(text(b"\xE9", None), "\u{e9}");
        assert_eq!(text(b"\xC3\xA9", Some("utf-16")), "\u{e9}");
        assert_eq!(
            text(b"<?xml version='1.0' encoding='Windows-1251'?>\xE9", None),
            "<?xml version='1.0' encoding='Windows-1251'?>\u{439}"
        );
        assert_eq!(declared(b"<?xml encoding = KOI8-R ?>").as_deref(), Some("koi8-r"));
        assert_eq!(declared(b"<?xml encoding=\"\"?>"), None);
        assert_eq!(declared(b"<smil encoding='x'>"), None);
    }

    #[test]
    fn utf16_is_read_with_and_without_mark_and_its_places_are_kept() {
        for input in [&b"\xFE\xFF\0<\x20\xAC\0x"[..], b"\xFF\xFE<\0\xAC\x20x\0"] {
            let source = Source::new(input, None).unwrap();
            assert_eq!(*source.octets, *"<\u{20ac}x".as_bytes());
            assert_eq!([0, 1, 3, 4, 5, 99].map(|at| source.place(at)), [2, 4, 4, 6, 8, 8]);
        }
        let source = Source::new(b"\0<\0x\0", None).unwrap();
        assert_eq!(*source.octets, *b"<x");
        assert_eq!(source.warnings.into_sorted().len(), 1);
        let lone = Source::new(b"<\0x\0\x00\xD8", None).unwrap();
        assert_eq!(*lone.octets, *"<x\u{fffd}".as_bytes());
    }

    #[test]
    fn references_are_resolved_and_nothing_else_is() {
        assert_eq!(text(b" a&amp;&#66;&#x43;&#X44; ", None), "a&BCD");
        assert_eq!(
            text(b"&lol;&nbsp;&;&#;&#x;&#+65;& &amp", None),
            "&lol;&nbsp;&;&#;&#x;&#+65;& &amp"
        );
        assert_eq!(text(b"&#32;a\r\n\tb&#10;", None), " a   b\n");
        assert_eq!(text(b"a\x01b&#1;&#xD800;&#x110000;&#xFFFE;c\0", None), "abc");
        let source = Source::new(b"", None).unwrap();
        assert_eq!(source.value(b"a&lt;b"), ("a<b".to_owned(), None));
        assert!(source.value(b"a&b").1.is_some());
        assert!(source.value(b"a&#0;b").1.is_some());
    }

    #[test]
    fn longer_than_the_limit_is_refused() {
        assert!(Source::new(&vec![b' '; MAX_OCTETS], None).is_ok());
        let error = Source::new(&vec![b' '; MAX_OCTETS + 1], None).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: MAX_OCTETS });
    }
}

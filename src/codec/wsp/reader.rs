//! Reading WSP values (WAP-230-WSP-20010705-a clauses 8.1.2 and 8.4.2).

use std::ops::Range;

use bytes::Bytes;

use super::Warnings;
use super::charset;
use crate::codec::{DecodeError, DecodeErrorKind};

/// The Quote octet before a text whose first octet could be taken for something else.
pub(super) const QUOTE: u8 = 0x7F;
/// Marks a uintvar length where a Short-length (0-30) does not suffice.
pub(super) const LENGTH_QUOTE: u8 = 31;
/// Octets of the longest uintvar that we accept: 32 bits (clause 8.1.2).
const MAX_UINTVAR_OCTETS: usize = 5;

/// A position in an input; every error it gives names the field and the absolute offset.
///
/// No method panics or copies. A method that fails leaves the position where the field began.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    input: &'a Bytes,
    position: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of `input`.
    #[must_use]
    pub const fn new(input: &'a Bytes) -> Self {
        Self { input, position: 0, end: input.len() }
    }

    /// Over a part of `input`; offsets stay those of `input`. What lies beyond it is cut off.
    #[must_use]
    pub fn between(input: &'a Bytes, range: Range<usize>) -> Self {
        let end = range.end.min(input.len());
        Self { input, position: range.start.min(end), end }
    }

    /// Offset of the next octet from the beginning of the input.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Octets that are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.end - self.position
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.position == self.end
    }

    /// The next octet, not taken.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.left().first().copied()
    }

    /// Everything that is left, not taken.
    #[must_use]
    pub fn left(&self) -> &'a [u8] {
        self.input.get(self.position..self.end).unwrap_or_default()
    }

    /// An error about `field` at the present position.
    #[must_use]
    pub const fn error(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { field, offset: self.position, kind }
    }

    /// Back to where the field began, with an error that points there.
    fn back_to(&mut self, start: usize, error: DecodeError) -> DecodeError {
        self.position = start;
        DecodeError { offset: start, ..error }
    }

    /// One octet.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let octet = self.peek().ok_or_else(|| self.error(field, DecodeErrorKind::Truncated))?;
        self.position += 1;
        Ok(octet)
    }

    /// `count` octets.
    ///
    /// # Errors
    /// `LengthExceedsInput`.
    pub fn take(&mut self, count: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.left().get(..count) {
            Some(octets) => {
                self.position += count;
                Ok(octets)
            }
            None => Err(self.error(field, DecodeErrorKind::LengthExceedsInput { declared: count })),
        }
    }

    /// `count` octets as a slice that shares the input's memory.
    ///
    /// # Errors
    /// `LengthExceedsInput`.
    pub fn bytes(&mut self, count: usize, field: &'static str) -> Result<Bytes, DecodeError> {
        let start = self.position;
        self.take(count, field)?;
        Ok(self.input.slice(start..self.position))
    }

    /// `count` octets as a reader of their own.
    ///
    /// # Errors
    /// `LengthExceedsInput`.
    pub fn sub(&mut self, count: usize, field: &'static str) -> Result<Self, DecodeError> {
        let start = self.position;
        self.take(count, field)?;
        Ok(Self { input: self.input, position: start, end: self.position })
    }

    /// Everything that is left, as a slice that shares the input's memory.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.input.slice(self.position..self.end);
        self.position = self.end;
        rest
    }

    /// A slice of the input that shares its memory; what lies beyond it is cut off.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Bytes {
        let end = range.end.min(self.input.len());
        self.input.slice(range.start.min(end)..end)
    }

    /// A reader over a range of the same input that lies within this one's end.
    #[must_use]
    pub fn within(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.end);
        Self { input: self.input, position: range.start.min(end), end }
    }

    /// A uintvar of up to 32 bits (clause 8.1.2).
    ///
    /// # Errors
    /// `Truncated`, or `NumberTooLarge` above 32 bits.
    pub fn uintvar(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let mut value: u64 = 0;
        for (index, &octet) in self.left().iter().take(MAX_UINTVAR_OCTETS).enumerate() {
            value = (value << 7) | u64::from(octet & 0x7F);
            if octet & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| self.too_large(field))?;
                self.position += index + 1;
                return Ok(value);
            }
        }
        if self.remaining() < MAX_UINTVAR_OCTETS {
            return Err(self.error(field, DecodeErrorKind::Truncated));
        }
        Err(self.too_large(field))
    }

    const fn too_large(&self, field: &'static str) -> DecodeError {
        self.error(field, DecodeErrorKind::NumberTooLarge { bits: u32::BITS })
    }

    /// A Value-length (clause 8.4.2.2).
    ///
    /// # Errors
    /// `Truncated`, or `InvalidValue` when the next octet begins something else.
    pub fn value_length(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let start = self.position;
        match self.u8(field)? {
            short @ 0..=30 => Ok(usize::from(short)),
            LENGTH_QUOTE => self
                .uintvar(field)
                .map(|length| usize::try_from(length).unwrap_or(usize::MAX))
                .map_err(|error| self.back_to(start, error)),
            other => {
                self.position = start;
                Err(self.error(field, DecodeErrorKind::InvalidValue(other)))
            }
        }
    }

    /// A Text-string without its Quote octet and NUL (clause 8.4.2.1).
    ///
    /// # Errors
    /// `InvalidText` without a NUL.
    pub fn text_string(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let left = self.left();
        let Some(length) = left.iter().position(|&octet| octet == 0) else {
            return Err(self.error(field, DecodeErrorKind::InvalidText));
        };
        self.position += length + 1;
        let text = left.get(..length).unwrap_or_default();
        Ok(text.strip_prefix(&[QUOTE]).unwrap_or(text))
    }

    /// A Text-string of which the first octet shows that it is one.
    ///
    /// # Errors
    /// `InvalidText` for anything else.
    pub(super) fn text_octets(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.peek() {
            Some(0 | 0x20..=QUOTE) => self.text_string(field),
            _ => Err(self.error(field, DecodeErrorKind::InvalidText)),
        }
    }

    /// As [`Self::text_octets`], in UTF-8.
    ///
    /// # Errors
    /// `InvalidText` for anything else.
    pub(super) fn text(&mut self, field: &'static str) -> Result<String, DecodeError> {
        self.text_octets(field).map(|octets| charset::to_text(octets, None))
    }

    /// A Text-value: as a Text-string, and the marks of a Quoted-string taken off.
    ///
    /// # Errors
    /// `InvalidText` without a NUL.
    pub fn text_value(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let quoted = self.peek() == Some(b'"');
        let text = self.text_string(field)?;
        let Some(inner) = text.strip_prefix(b"\"").filter(|_| quoted) else { return Ok(text) };
        // A Quoted-string has no closing mark; those who write one mean it as a mark.
        if inner.first() == Some(&b'"') {
            return Ok(inner);
        }
        Ok(inner.strip_suffix(b"\"").unwrap_or(inner))
    }

    /// A Long-integer (clause 8.4.2.1); leading zeros are fine, values above 64 bits saturate.
    ///
    /// # Errors
    /// `Truncated`, `LengthExceedsInput`, or `InvalidValue` when the next octet begins something
    /// else.
    pub fn long_integer(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.long_integer_octets(field).map(big_endian)
    }

    /// An Integer-value: Short-integer or Long-integer (clause 8.4.2.3).
    ///
    /// # Errors
    /// As [`Self::long_integer`].
    pub fn integer(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        match self.peek() {
            Some(octet) if octet >= 0x80 => {
                self.position += 1;
                Ok(u64::from(octet & 0x7F))
            }
            _ => self.long_integer(field),
        }
    }

    /// The octets of a Long-integer as they are, up to 30 of them, for numbers of any size.
    ///
    /// # Errors
    /// As [`Self::long_integer`].
    pub(super) fn long_integer_octets(
        &mut self,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        let length = self.u8(field)?;
        if length > 30 {
            self.position = start;
            return Err(self.error(field, DecodeErrorKind::InvalidValue(length)));
        }
        self.take(usize::from(length), field).map_err(|error| self.back_to(start, error))
    }

    /// An Encoded-string-value as text: Text-string, or Value-length with charset and Text-string
    /// (OMA-TS-MMS_ENC-V1_3 clause 7). Any charset gives a text.
    ///
    /// # Errors
    /// `InvalidText` without a NUL or length, `LengthExceedsInput`.
    pub fn encoded_string(
        &mut self,
        field: &'static str,
        warnings: &mut Warnings,
    ) -> Result<String, DecodeError> {
        let start = self.position;
        match self.peek() {
            Some(1..=LENGTH_QUOTE) => {
                let length = self.value_length(field)?;
                let value = self.sub(length, field).map_err(|error| self.back_to(start, error))?;
                value.charset_and_text(field, warnings)
            }
            Some(first) => {
                let text = self.text_string(field)?;
                if first < 0x80 {
                    return Ok(charset::to_text(text, None));
                }
                warnings.note(field, start, "text without its Quote octet");
                Ok(unquoted(text))
            }
            None => Err(self.error(field, DecodeErrorKind::Truncated)),
        }
    }

    /// What stands inside the length of an Encoded-string.
    ///
    /// # Errors
    /// When the charset has no end.
    pub(super) fn charset_and_text(
        mut self,
        field: &'static str,
        warnings: &mut Warnings,
    ) -> Result<String, DecodeError> {
        let start = self.position;
        let mib = match self.peek() {
            None => return Ok(String::new()),
            Some(0x20..=0x7F) => {
                warnings.note(field, self.position, "a length without charset");
                None
            }
            Some(octet) if self.is_bare_charset(octet, field) => {
                warnings.note(field, self.position, "a charset without the bit of a Short-integer");
                self.position += 1;
                Some(u64::from(octet))
            }
            Some(_) => Some(self.integer(field)?),
        };
        let unit = mib.map_or(1, charset::unit);
        let text = self.left();
        // The length decides, since texts in wide charsets contain NUL and some lack the last one.
        let text = match (unit, text.split_last()) {
            (1, Some((0, text))) => text,
            (1, _) => {
                warnings.note(field, self.position, "text without NUL at its end");
                text
            }
            _ => without_wide_nul(text, unit),
        };
        let text = if unit == 1 { text.strip_prefix(&[QUOTE]).unwrap_or(text) } else { text };
        let (mut text, understood) = match mib {
            Some(mib) => charset::decode(text, mib),
            None => (charset::to_text(text, None), true),
        };
        if !understood {
            let name = mib.map_or_else(Default::default, charset::name);
            warnings.not_understood(field, start, format!("not in its charset {name}: guessed"));
        }
        // A text ends with its NUL, whatever its length says.
        if let Some(end) = text.find('\0') {
            text.truncate(end);
            warnings.note(field, start, "octets behind the NUL");
        }
        Ok(text)
    }

    /// Whether the next octet is the number of a charset itself and not the length of one: read as
    /// a length it takes text into a number that no charset has.
    fn is_bare_charset(&self, octet: u8, field: &'static str) -> bool {
        let is_number = |mib: u64| charset::is_known(mib);
        (1..=30).contains(&octet)
            && is_number(u64::from(octet))
            && self.left().get(1).is_some_and(|&next| next >= 0x20)
            && !self.clone().integer(field).is_ok_and(is_number)
    }

    /// Skips one value whose meaning is unknown, by its first octet (clause 8.4.1.2), and says
    /// where it lay.
    ///
    /// # Errors
    /// `Truncated`, `LengthExceedsInput`, or `InvalidText` for a text without NUL.
    pub fn skip_value(&mut self, field: &'static str) -> Result<Range<usize>, DecodeError> {
        let start = self.position;
        match self.peek() {
            None => return Err(self.error(field, DecodeErrorKind::Truncated)),
            Some(0..=LENGTH_QUOTE) => {
                let length = self.value_length(field)?;
                self.take(length, field).map_err(|error| self.back_to(start, error))?;
            }
            Some(0x80..) => self.position += 1,
            Some(_) => {
                self.text_string(field)?;
            }
        }
        Ok(start..self.position)
    }
}

/// A text of wide units without the NUL at its end, which may be cut to fewer octets.
fn without_wide_nul(text: &[u8], unit: usize) -> &[u8] {
    let (whole, rest) = text.split_at(text.len() - text.len() % unit);
    if !rest.is_empty() {
        return if rest.iter().all(|&octet| octet == 0) { whole } else { text };
    }
    match whole.split_at_checked(whole.len().saturating_sub(unit)) {
        Some((text, last)) if last.iter().all(|&octet| octet == 0) => text,
        _ => whole,
    }
}

/// The number that the octets of an integer mean; above 64 bits the highest there is.
pub(super) fn big_endian(octets: &[u8]) -> u64 {
    let significant: &[u8] = match octets.iter().position(|&octet| octet != 0) {
        Some(first) => octets.get(first..).unwrap_or_default(),
        None => return 0,
    };
    if significant.len() > 8 {
        return u64::MAX;
    }
    significant.iter().fold(0, |value, &octet| (value << 8) | u64::from(octet))
}

/// Text whose first octet is above 0x7F although nothing quotes it: plain UTF-8, or a charset
/// octet whose length was forgotten.
fn unquoted(text: &[u8]) -> String {
    match text.split_first() {
        Some((&mib, rest)) if std::str::from_utf8(text).is_err() => {
            let rest = rest.strip_prefix(&[QUOTE]).unwrap_or(rest);
            let mib = u64::from(mib & 0x7F);
            if charset::is_known(mib) {
                return charset::decode(rest, mib).0;
            }
            charset::to_text(text, None)
        }
        _ => charset::to_text(text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(octets: &'static [u8]) -> (Result<String, DecodeError>, usize) {
        let input = Bytes::from_static(octets);
        let mut warnings = Warnings::new();
        let text = Reader::new(&input).encoded_string("Subject", &mut warnings);
        (text, warnings.into_sorted().len())
    }

    #[test]
    fn uintvar_reads_the_examples_of_the_specification() {
        let input = Bytes::from_static(&[0x87, 0xA5, 0x00, 0x25]);
        let mut reader = Reader::new(&input);
        assert_eq!(reader.uintvar("x"), Ok(0x1D280));
        assert_eq!(reader.uintvar("x"), Ok(0x25));
    }

    #[test]
    fn uintvar_above_32_bits_is_refused() {
        let input = Bytes::from_static(&[0x90, 0x80, 0x80, 0x80, 0x00]);
        assert!(matches!(
            Reader::new(&input).uintvar("x"),
            Err(DecodeError { kind: DecodeErrorKind::NumberTooLarge { bits: 32 }, .. })
        ));
        let endless = Bytes::from_static(&[0xFF; 64]);
        let mut reader = Reader::new(&endless);
        assert!(reader.uintvar("x").is_err());
        assert_eq!(reader.position(), 0);
    }

    #[test]
    fn failed_length_leaves_the_position() {
        let input = Bytes::from_static(&[0x41, 0x1F, 0x85]);
        let mut reader = Reader::new(&input);
        assert_eq!(reader.u8("x"), Ok(0x41));
        let error = reader.value_length("Subject").map(|_| ()).unwrap_err();
        assert_eq!((error.field, error.kind), ("Subject", DecodeErrorKind::Truncated));
        assert_eq!(reader.position(), 1);
    }

    #[test]
    fn long_integer_with_leading_zeros_keeps_its_value() {
        let input = Bytes::from_static(&[0x04, 0x00, 0x18, 0x48, 0x31]);
        assert_eq!(Reader::new(&input).long_integer("x"), Ok(0x0018_4831));
        let huge = Bytes::from_static(&[9, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Reader::new(&huge).long_integer("x"), Ok(u64::MAX));
    }

    #[test]
    fn encoded_string_in_each_form() {
        assert_eq!(encoded(b"plain\0"), (Ok("plain".into()), 0));
        assert_eq!(encoded(b"\x07\xEAcaf\xC3\xA9\0"), (Ok("café".into()), 0));
        assert_eq!(encoded(b"\x05\xEA\x7F\xC3\xA9\0"), (Ok("é".into()), 0));
        assert_eq!(encoded(b"\x06\x84caf\xE9\0"), (Ok("café".into()), 0));
        assert_eq!(encoded(b"\x1F\x06\x84caf\xE9\0"), (Ok("café".into()), 0));
        // UCS-2 by a Long-integer charset, with its two NULs.
        assert_eq!(encoded(b"\x09\x02\x03\xE8\x04\x1F\x04\x40\0\0"), (Ok("Пр".into()), 0));
        assert_eq!(encoded(b"\x02\xEA\0"), (Ok(String::new()), 0));
    }

    #[test]
    fn charset_without_the_bit_of_a_short_integer_takes_no_letters() {
        for (octets, expected) in [
            (&b"\x05\x04+441\0"[..], "+441"),
            (b"\x08\x04Gr\xFC\xDFe\0", "Gr\u{fc}\u{df}e"),
            (b"\x04\x03ab\0", "ab"),
        ] {
            let mut warnings = Warnings::new();
            let mut octets = octets.to_vec();
            octets[0] = u8::try_from(octets.len() - 1).unwrap();
            let text = Reader::new(&octets.into()).encoded_string("From", &mut warnings);
            assert_eq!(text.unwrap(), expected);
            assert_eq!(warnings.into_sorted()[0].offset, 1);
        }
        // Numbers of two octets stay numbers: 1000 is UCS-2.
        let mut warnings = Warnings::new();
        let octets = Bytes::from_static(b"\x07\x02\x03\xE8\0a\0b");
        let text = Reader::new(&octets).encoded_string("From", &mut warnings);
        assert_eq!((&*text.unwrap(), warnings.into_sorted().len()), ("ab", 0));
    }

    #[test]
    fn encoded_string_forgives_what_can_be_read() {
        assert_eq!(encoded(b"\xC3\xA9t\xC3\xA9\0"), (Ok("été".into()), 1));
        assert_eq!(encoded(b"\xEAabc\0"), (Ok("abc".into()), 1));
        assert_eq!(encoded(b"\x04abc\0"), (Ok("abc".into()), 1));
        assert_eq!(encoded(b"\x04\xEAabc"), (Ok("abc".into()), 1));
    }

    #[test]
    fn quoted_string_loses_its_marks_only() {
        for (octets, text) in [
            (&b"\"<a>\0"[..], &b"<a>"[..]),
            (b"\"<a>\"\0", b"<a>"),
            (b"\"\"a\"\0", b"\"a\""),
            (b"a\"\0", b"a\""),
            (b"\x7F\"a\0", b"\"a"),
        ] {
            let input = Bytes::copy_from_slice(octets);
            assert_eq!(Reader::new(&input).text_value("x"), Ok(text));
        }
    }

    #[test]
    fn value_of_unknown_meaning_is_skipped_by_its_first_octet() {
        let input = Bytes::from_static(b"\x02ab\x81text\0\x1F\x01z\x05abc");
        let mut reader = Reader::new(&input);
        let mut lengths = Vec::new();
        while let Ok(range) = reader.skip_value("x") {
            lengths.push(range.len());
        }
        assert_eq!(lengths, [3, 1, 5, 3]);
        assert_eq!(reader.remaining(), 4);
    }
}

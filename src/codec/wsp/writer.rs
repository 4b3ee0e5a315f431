//! Writing WSP values (WAP-230-WSP-20010705-a clauses 8.1.2 and 8.4.2), each in its shortest form.

use std::borrow::Cow;

use super::charset;
use super::reader::{LENGTH_QUOTE, QUOTE};

const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// A uintvar.
pub fn put_uintvar(out: &mut Vec<u8>, value: u64) {
    let mut shift = 63;
    while shift > 0 && value >> shift == 0 {
        shift -= 7;
    }
    while shift > 0 {
        out.push(0x80 | septet(value >> shift));
        shift -= 7;
    }
    out.push(septet(value));
}

fn septet(value: u64) -> u8 {
    u8::try_from(value & 0x7F).unwrap_or_default()
}

/// A Value-length.
pub fn put_value_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short @ 0..=30) => out.push(short),
        _ => {
            out.push(LENGTH_QUOTE);
            put_uintvar(out, u64::try_from(length).unwrap_or(u64::MAX));
        }
    }
}

/// A Value-length and that many octets.
pub fn put_with_length(out: &mut Vec<u8>, value: &[u8]) {
    put_value_length(out, value.len());
    out.extend_from_slice(value);
}

/// As [`put_with_length`], as octets of their own.
pub(super) fn with_length(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 2);
    put_with_length(&mut out, value);
    out
}

/// What a text in WSP can carry: no NUL, and no byte order mark in front, since readers take it off.
fn carried(text: &str) -> Cow<'_, str> {
    let bare = text.trim_start_matches(['\0', BYTE_ORDER_MARK]);
    if bare.contains('\0') { Cow::Owned(bare.replace('\0', "")) } else { Cow::Borrowed(bare) }
}

/// A Text-string: with the Quote octet where its first octet could be taken for something else.
/// NUL cannot occur in one and is left out, as is a byte order mark in front.
pub fn put_text_string(out: &mut Vec<u8>, text: &str) {
    put_text_octets(out, carried(text).as_bytes());
}

/// As [`put_text_string`], for text in whatever charset.
pub(super) fn put_text_octets(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend(text.iter().filter(|&&octet| octet != 0));
    if out.get(start).is_some_and(|&first| !(0x20..QUOTE).contains(&first)) {
        out.insert(start, QUOTE);
    }
    out.push(0);
}

/// A Text-value: a Text-string, or a Quoted-string where the text begins with a quotation mark.
pub fn put_text_value(out: &mut Vec<u8>, text: &str) {
    let text = &*carried(text);
    if text.starts_with('"') {
        put_quoted_string(out, text);
    } else {
        put_text_string(out, text);
    }
}

/// A Quoted-string: one quotation mark before the text, none behind it. A text that ends in a mark
/// without beginning with one goes out as a Text-string, since readers would take the mark off.
pub fn put_quoted_string(out: &mut Vec<u8>, text: &str) {
    let text = &*carried(text);
    if text.ends_with('"') && !text.starts_with('"') {
        put_text_string(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// A Long-integer.
pub fn put_long_integer(out: &mut Vec<u8>, value: u64) {
    let octets = value.to_be_bytes();
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count().min(octets.len() - 1);
    let significant = octets.get(zeros..).unwrap_or_default();
    out.push(u8::try_from(significant.len()).unwrap_or_default());
    out.extend_from_slice(significant);
}

/// An Integer-value of any size from its big-endian octets, at most 30.
pub(super) fn put_integer_octets(out: &mut Vec<u8>, number: &[u8]) {
    match number {
        [short @ 0..=0x7F] => out.push(0x80 | short),
        _ => put_with_length(out, number),
    }
}

/// An Integer-value: a Short-integer up to 127, else a Long-integer.
pub fn put_integer(out: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        Ok(short @ 0..=0x7F) => out.push(0x80 | short),
        _ => put_long_integer(out, value),
    }
}

/// An Encoded-string: a plain Text-string for ASCII, which every MMSC reads, else UTF-8 with its
/// charset and length.
pub fn put_encoded_string(out: &mut Vec<u8>, text: &str) {
    let text = &*carried(text);
    if text.is_ascii() && text.bytes().next().is_none_or(|first| (0x20..QUOTE).contains(&first)) {
        put_text_string(out, text);
        return;
    }
    let mut value = Vec::with_capacity(text.len() + 3);
    put_integer(&mut value, charset::UTF_8);
    put_text_string(&mut value, text);
    put_with_length(out, &value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    #[test]
    fn uintvar_is_shortest() {
        assert_eq!(written(|out| put_uintvar(out, 0)), [0]);
        assert_eq!(written(|out| put_uintvar(out, 0x7F)), [0x7F]);
        assert_eq!(written(|out| put_uintvar(out, 0x80)), [0x81, 0]);
        assert_eq!(written(|out| put_uintvar(out, 0x1D280)), [0x87, 0xA5, 0]);
    }

    #[test]
    fn length_above_thirty_is_quoted() {
        assert_eq!(written(|out| put_value_length(out, 30)), [30]);
        assert_eq!(written(|out| put_value_length(out, 31)), [31, 31]);
        assert_eq!(written(|out| put_value_length(out, 200)), [31, 0x81, 0x48]);
    }

    #[test]
    fn integers_take_the_octets_they_need() {
        assert_eq!(written(|out| put_integer(out, 5)), [0x85]);
        assert_eq!(written(|out| put_integer(out, 128)), [1, 128]);
        assert_eq!(written(|out| put_long_integer(out, 0)), [1, 0]);
        assert_eq!(written(|out| put_long_integer(out, 0x0102)), [2, 1, 2]);
    }

    #[test]
    fn text_is_quoted_where_its_first_octet_needs_it() {
        assert_eq!(written(|out| put_text_string(out, "é")), [0x7F, 0xC3, 0xA9, 0]);
        assert_eq!(written(|out| put_text_string(out, "a\0b")), *b"ab\0");
        assert_eq!(written(|out| put_text_string(out, "\tb")), *b"\x7F\tb\0");
        assert_eq!(written(|out| put_encoded_string(out, "hello")), *b"hello\0");
        assert_eq!(written(|out| put_encoded_string(out, "\u{FEFF}\0\u{FEFF}a")), *b"a\0");
        assert_eq!(written(|out| put_text_value(out, "\0\"a\"\0")), *b"\"\"a\"\0");
        assert_eq!(written(|out| put_encoded_string(out, "é")), [5, 0xEA, 0x7F, 0xC3, 0xA9, 0]);
    }
}

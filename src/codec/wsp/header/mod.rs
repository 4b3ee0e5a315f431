//! Headers of multipart entries, pushes and sessions as text (WAP-230 clause 8.4.1 and table 39).
//!
//! A header is a pair: its name in lower case and its value in the text form of HTTP or MIME. Dates
//! are HTTP-dates. A field whose number has no name is called `x-wsp-header-` and the number in
//! hexadecimal, with the code page before it where that is not page 1. A value of unknown form is
//! shown by its shape: a number in decimal, a text as it is, octets behind a length as `0x` and
//! hexadecimal. Every text goes back into octets that mean the same.

mod auth;
mod cookies;
mod directives;
mod languages;
mod negotiation;
mod ranges;
mod table;
mod value;

use std::borrow::Cow;
use std::ops::Range;

use table::Kind;
pub(super) use table::{field_name, field_number};
use value::{by_shape, shapes, value_text, write};

use super::reader::{QUOTE, Reader};
use super::writer::{put_quoted_string, put_text_string, put_text_value};
use super::{Warnings, mime};
use crate::codec::DecodeError;

/// Most headers of one list; a multipart entry has five or so.
pub const MAX_HEADERS: usize = 128;

const FIELD: &str = "header";
/// The code page of table 39.
const DEFAULT_PAGE: u8 = 1;

/// Reads headers to the end of the reader. A value that cannot be read is kept as hexadecimal; a
/// header whose extent cannot be told ends the list; each with a warning.
pub fn decode_headers(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    each_header(reader, warnings, |name, text| headers.push((name.into_owned(), text)));
    headers
}

/// As [`decode_headers`], handing over one after the other; the names of the table need no memory of
/// their own.
pub(super) fn each_header(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
    mut take: impl FnMut(Cow<'static, str>, String),
) {
    let mut taken = 0;
    let mut page = DEFAULT_PAGE;
    while !reader.is_empty() {
        let start = reader.position();
        if taken == MAX_HEADERS {
            warnings.not_understood(FIELD, start, "more headers than are kept");
            break;
        }
        match next_item(reader, &mut page, warnings) {
            Ok(Item::Field(field)) => {
                taken += 1;
                take(field.name, field.text);
            }
            Ok(Item::Nameless(_)) => {
                warnings.not_understood(FIELD, start, "left out: its name is no token");
            }
            Ok(Item::Shift(_) | Item::Padding(_)) => {}
            Err(error) => {
                let text = format!("left out with all behind it: {}", error.kind);
                warnings.not_understood(error.field, error.offset, text);
                break;
            }
        }
    }
}

/// One header and where it lies.
pub(super) struct Field {
    pub(super) name: Cow<'static, str>,
    pub(super) text: String,
    pub(super) name_at: Range<usize>,
    pub(super) value_at: Range<usize>,
}

/// What a list of headers consists of.
pub(super) enum Item {
    Field(Field),
    /// A header in text form whose name cannot be shown.
    Nameless(Range<usize>),
    /// To another code page.
    Shift(Range<usize>),
    /// NUL where a header should begin.
    Padding(Range<usize>),
}

/// The next item of a list that is not empty; `page` is the code page, which a shift changes.
///
/// # Errors
/// When its extent cannot be told; the position is then that of the item.
pub(super) fn next_item(
    reader: &mut Reader<'_>,
    page: &mut u8,
    warnings: &mut Warnings,
) -> Result<Item, DecodeError> {
    let start = reader.position();
    match reader.peek() {
        Some(0) => {
            let zeros = reader.left().iter().take_while(|&&octet| octet == 0).count();
            reader.take(zeros, FIELD)?;
            warnings.note(FIELD, start, "stray NUL octets");
            Ok(Item::Padding(start..reader.position()))
        }
        // Short-cut-shift-delimiter.
        Some(shift @ 0x01..=0x1F) => {
            reader.u8(FIELD)?;
            *page = shift;
            Ok(Item::Shift(start..reader.position()))
        }
        // Shift-delimiter with the page identity.
        Some(QUOTE) => {
            let shift = reader.take(2, FIELD)?;
            *page = shift.get(1).copied().unwrap_or(DEFAULT_PAGE);
            Ok(Item::Shift(start..reader.position()))
        }
        _ => {
            let mut probe = reader.clone();
            let item = header(&mut probe, *page, warnings)?;
            *reader = probe;
            Ok(item)
        }
    }
}

fn header(reader: &mut Reader<'_>, page: u8, warnings: &mut Warnings) -> Result<Item, DecodeError> {
    let start = reader.position();
    let first = reader.peek().unwrap_or_default();
    if first < 0x80 {
        let name = String::from_utf8_lossy(reader.text_string(FIELD)?).to_ascii_lowercase();
        let name_at = start..reader.position();
        let value_at = value_range(reader, true, FIELD, warnings)?;
        if !mime::is_token(&name) {
            return Ok(Item::Nameless(start..value_at.end));
        }
        let text = by_shape(reader.within(value_at.clone()))?;
        return Ok(Item::Field(Field { name: Cow::Owned(name), text, name_at, value_at }));
    }
    let code = reader.u8(FIELD)? & 0x7F;
    let name_at = start..reader.position();
    let row = if page == DEFAULT_PAGE { table::by_code(code) } else { None };
    let Some(row) = row else {
        let value_at = reader.skip_value(FIELD)?;
        let text = by_shape(reader.within(value_at.clone()))?;
        let name = Cow::Owned(table::unknown_name(page, code));
        return Ok(Item::Field(Field { name, text, name_at, value_at }));
    };
    let textual = matches!(row.kind, Kind::Text | Kind::Quoted);
    let value_at = value_range(reader, textual, row.name, warnings)?;
    let text = value_text(row, reader.within(value_at.clone()), warnings);
    Ok(Item::Field(Field { name: Cow::Borrowed(row.name), text, name_at, value_at }))
}

/// Where the value lies. A text that begins above 0x7F without its Quote octet goes to its NUL.
fn value_range(
    reader: &mut Reader<'_>,
    textual: bool,
    name: &'static str,
    warnings: &mut Warnings,
) -> Result<Range<usize>, DecodeError> {
    let start = reader.position();
    if textual && matches!(reader.peek(), Some(0x80..)) && has_text(reader) {
        reader.text_string(name)?;
        warnings.note(name, start, "text without its Quote octet");
        return Ok(start..reader.position());
    }
    reader.skip_value(name)
}

/// Whether a text of more than one octet stands here.
fn has_text(reader: &Reader<'_>) -> bool {
    reader.left().iter().position(|&octet| octet == 0).is_some_and(|length| length > 1)
}

/// Writes one header, with the shifts to its code page and back where that is not page 1; one
/// without a usable name is left out.
pub fn put_header(out: &mut Vec<u8>, name: &str, text: &str) {
    if let Some((page, code)) = table::unknown_code(name) {
        if page != DEFAULT_PAGE {
            put_shift(out, page);
        }
        out.push(0x80 | code);
        match shapes(text).into_iter().flatten().next() {
            Some(value) => out.extend_from_slice(&value),
            None => put_text_value(out, text),
        }
        if page != DEFAULT_PAGE {
            put_shift(out, DEFAULT_PAGE);
        }
        return;
    }
    let Some(row) = table::by_name(name) else {
        if mime::is_token(name) {
            put_text_string(out, name);
            put_text_value(out, text);
        }
        return;
    };
    match row.kind {
        Kind::Text | Kind::Quoted => out.push(0x80 | row.code),
        kind => {
            let [number, octets] = shapes(text);
            // The first form that is read as the same text.
            let form = [octets, write(kind, text), number].into_iter().flatten().find(|form| {
                let input = form.clone().into();
                value_text(row, Reader::new(&input), &mut Warnings::new()) == text
            });
            if let Some(form) = form {
                out.push(0x80 | table::code_for(row, text, &form));
                out.extend_from_slice(&form);
                return;
            }
            out.push(0x80 | row.code);
        }
    }
    if row.kind == Kind::Quoted {
        put_quoted_string(out, text);
    } else {
        put_text_value(out, text);
    }
}

fn put_shift(out: &mut Vec<u8>, page: u8) {
    match page {
        1..=0x1F => out.push(page),
        _ => out.extend_from_slice(&[QUOTE, page]),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn decode(octets: &[u8]) -> (Vec<(String, String)>, usize) {
        let input = Bytes::copy_from_slice(octets);
        let mut warnings = Warnings::new();
        let headers = decode_headers(&mut Reader::new(&input), &mut warnings);
        (headers, warnings.into_sorted().len())
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn push_headers_of_the_field() {
        let octets = b"\xAF\x84\xB4\x87\x8D\xDF\x8D\x01\x85\x8D\x80\xC3\x95";
        let expected = pairs(&[
            ("x-wap-application-id", "x-wap-application:mms.ua"),
            ("push-flag", "7"),
            ("content-length", "95"),
            ("content-length", "133"),
            ("content-length", "0"),
            ("encoding-version", "1.5"),
        ]);
        assert_eq!(decode(octets), (expected, 0));
    }

    #[test]
    fn headers_survive_a_round_trip() {
        let list = pairs(&[
            ("content-location", "photo.jpg"),
            ("content-id", "<photo>"),
            ("content-disposition", "attachment; filename=\"a b.jpg\""),
            ("content-disposition", "x-own"),
            ("date", "Fri, 14 Feb 2003 15:16:57 GMT"),
            ("x-wap-application-id", "x-wap-application:push.sia"),
            ("x-wap-application-id", "77"),
            ("push-flag", "1"),
            ("accept-charset", "0x0102ff"),
            ("x-wsp-header-4c", "5"),
            ("x-wsp-header-4c", "five"),
            ("content-language", "en"),
            ("accept-ranges", "95"),
            ("x-scanned-by", "\"nobody\""),
            ("encoding-version", "1.3"),
        ]);
        let mut out = Vec::new();
        for (name, value) in &list {
            put_header(&mut out, name, value);
        }
        // The charset and the range unit are of no known form.
        assert_eq!(decode(&out), (list, 2));
    }

    #[test]
    fn disposition_without_length_is_forgiven() {
        assert_eq!(decode(b"\xAE\x81"), (pairs(&[("content-disposition", "attachment")]), 1));
        let (headers, warnings) = decode(b"\xC5attachment\0");
        assert_eq!((headers, warnings), (pairs(&[("content-disposition", "attachment")]), 1));
    }

    #[test]
    fn header_without_end_ends_the_list() {
        let (headers, warnings) = decode(b"\x8Ea.jpg\0\xC0\"<cid");
        assert_eq!((headers, warnings), (pairs(&[("content-location", "a.jpg")]), 1));
    }

    #[test]
    fn headers_of_other_code_pages_are_kept() {
        let (headers, warnings) = decode(b"\x7F\x02\x81\x82\x03\x81text\0\x7F\x01\xB4\x81");
        let expected = pairs(&[
            ("x-wsp-header-02-01", "2"),
            ("x-wsp-header-03-01", "text"),
            ("push-flag", "1"),
        ]);
        assert_eq!((&headers, warnings), (&expected, 0));
        let mut out = Vec::new();
        for (name, value) in &headers {
            put_header(&mut out, name, value);
        }
        assert_eq!(out, b"\x02\x81\x82\x01\x03\x81text\0\x01\xB4\x81");
        assert_eq!(decode(&out).0, expected);
    }
}

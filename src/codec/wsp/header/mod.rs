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

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use negotiation::Words;
use table::{Kind, Row};
pub(super) use table::{field_name, field_number};

use super::content_type::ContentType;
use super::reader::{LENGTH_QUOTE, QUOTE, Reader};
use super::values::{
    canonical_number, date, date_seconds, from_hexadecimal, hexadecimal, number, put_integer_text,
    version,
};
use super::writer::{
    put_integer, put_long_integer, put_quoted_string, put_text_string, put_text_value,
    put_with_length, with_length,
};
use super::{Warnings, charset, mime, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Most headers of one list; a multipart entry has five or so.
pub const MAX_HEADERS: usize = 128;

const FIELD: &str = "header";
/// The code page of table 39.
const DEFAULT_PAGE: u8 = 1;

/// Dispositions by number.
const DISPOSITIONS: &[&str] = &["form-data", "attachment", "inline"];

/// Reads headers to the end of the reader. A value that cannot be read is kept as hexadecimal; a
/// header whose extent cannot be told ends the list; each with a warning.
pub fn decode_headers(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut page = DEFAULT_PAGE;
    while !reader.is_empty() {
        let start = reader.position();
        if headers.len() == MAX_HEADERS {
            warnings.not_understood(FIELD, start, "more headers than are kept");
            break;
        }
        match next_item(reader, &mut page, warnings) {
            Ok(Item::Field(field)) => headers.push((field.name, field.text)),
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
    headers
}

/// One header and where it lies.
pub(super) struct Field {
    pub(super) name: String,
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
        return Ok(Item::Field(Field { name, text, name_at, value_at }));
    }
    let code = reader.u8(FIELD)? & 0x7F;
    let name_at = start..reader.position();
    let row = if page == DEFAULT_PAGE { table::by_code(code) } else { None };
    let Some(row) = row else {
        let value_at = reader.skip_value(FIELD)?;
        let text = by_shape(reader.within(value_at.clone()))?;
        let name = table::unknown_name(page, code);
        return Ok(Item::Field(Field { name, text, name_at, value_at }));
    };
    let textual = matches!(row.kind, Kind::Text | Kind::Quoted);
    let value_at = value_range(reader, textual, row.name, warnings)?;
    let text = value_text(row, reader.within(value_at.clone()), warnings);
    Ok(Item::Field(Field { name: row.name.to_owned(), text, name_at, value_at }))
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

/// The text of a value of a known field; one of unknown form by its shape, with a warning.
fn value_text(row: &Row, value: Reader<'_>, warnings: &mut Warnings) -> String {
    let start = value.position();
    let typed = match (row.kind, value.peek()) {
        (Kind::Disposition, _) => disposition(value.clone(), warnings),
        (Kind::Media, Some(0x80..) | Some(1..=LENGTH_QUOTE)) => media(value.clone()),
        (Kind::Text | Kind::Quoted, Some(0x80..)) if value.remaining() > 1 => {
            value.clone().text_string(row.name).map(|text| charset::to_text(text, None))
        }
        (kind, Some(short @ 0x80..)) => short_form(kind, short & 0x7F)
            .ok_or_else(|| value.error(row.name, DecodeErrorKind::InvalidValue(short))),
        (kind, Some(1..=LENGTH_QUOTE)) => general_form(kind, row.name, value.clone(), warnings),
        _ => by_shape(value.clone()),
    };
    typed
        .or_else(|error| {
            let text = format!("of unknown form, kept as it is: {}", error.kind);
            warnings.not_understood(row.name, start, text);
            by_shape(value.clone())
        })
        .unwrap_or_else(|_| hexadecimal(value.left()))
}

/// A value of a single octet.
fn short_form(kind: Kind, number: u8) -> Option<String> {
    let wide = u64::from(number);
    match kind {
        Kind::Integer => Some(number.to_string()),
        Kind::Date | Kind::TextOrDate => Some(date(wide)),
        Kind::Words(words) => words.get(usize::from(number)).map(|word| (*word).to_owned()),
        Kind::Method => {
            table::METHODS.iter().find(|(code, _)| *code == number).map(|(_, m)| (*m).to_owned())
        }
        Kind::FieldName => Some(field_name(number)),
        Kind::Language | Kind::AcceptLanguage => Words::Languages.of_number(wide),
        Kind::AcceptCharset => Words::Charsets.of_number(wide),
        Kind::AcceptEncoding => Words::Codings.of_number(wide),
        Kind::Te => (number == 1).then(|| "trailers".to_owned()),
        Kind::AcceptApplication if number == 0 => Some("*".to_owned()),
        Kind::ApplicationId | Kind::AcceptApplication => Some(application(wide)),
        Kind::CacheControl => directives::bare_directive(number),
        Kind::Pragma => (number == 0).then(|| "no-cache".to_owned()),
        Kind::Warning => directives::warn_code(number),
        Kind::ProfileWarning => directives::profile_warn_code(number),
        Kind::Expect => (number == 0).then(|| "100-continue".to_owned()),
        Kind::EncodingVersion => Some(version(number)),
        _ => None,
    }
}

fn application(number: u64) -> String {
    table::application(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// A value with a length, or a Long-integer, which looks the same.
fn general_form(
    kind: Kind,
    name: &'static str,
    mut value: Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    let start = value.position();
    value.value_length(name)?;
    let reader = &mut value;
    let octets = reader.left();
    let long = || octets.len() < usize::from(LENGTH_QUOTE);
    let text = match kind {
        Kind::Text | Kind::Quoted => {
            warnings.note(name, start, "text with a length and a charset");
            return reader.clone().charset_and_text(name, warnings);
        }
        Kind::Integer if long() => return Ok(number(octets)),
        Kind::Date | Kind::TextOrDate if long() => {
            let seconds = number(octets);
            return Ok(seconds.parse().map_or(seconds, date));
        }
        Kind::ApplicationId | Kind::AcceptApplication if long() => {
            let code = number(octets);
            return Ok(code.parse().map_or(code, application));
        }
        Kind::Language if long() => {
            let tag = number(octets).parse().ok().and_then(|code| Words::Languages.of_number(code));
            return tag.ok_or_else(|| reader.error(name, DecodeErrorKind::InvalidText));
        }
        Kind::AcceptCharset => negotiation::read(Words::Charsets, reader),
        Kind::AcceptEncoding => negotiation::read(Words::Codings, reader),
        Kind::AcceptLanguage => negotiation::read(Words::Languages, reader),
        Kind::Te => negotiation::read(Words::TransferCodings, reader),
        Kind::CacheControl => directives::read_cache_control(reader, warnings),
        Kind::Pragma => directives::read_pragma(reader, warnings),
        Kind::Warning => directives::read_warning(reader),
        Kind::ProfileWarning => directives::read_profile_warning(reader),
        Kind::Expect => directives::read_expect(reader, warnings),
        Kind::EncodingVersion => directives::read_encoding_version(reader),
        Kind::Credentials => auth::read_credentials(reader, warnings),
        Kind::Challenge => auth::read_challenge(reader, warnings),
        Kind::Digest if octets.len() == 16 => return Ok(STANDARD.encode(octets)),
        Kind::ContentRange => ranges::read_content_range(reader),
        Kind::Range => ranges::read_range(reader),
        Kind::RetryAfter => ranges::read_retry_after(reader),
        Kind::SetCookie => cookies::read_set_cookie(reader, warnings),
        Kind::Cookie => cookies::read_cookie(reader),
        Kind::Opaque => return Ok(hexadecimal(octets)),
        _ => Err(reader.error(name, DecodeErrorKind::InvalidText)),
    }?;
    if reader.is_empty() {
        Ok(text)
    } else {
        Err(reader.error(name, DecodeErrorKind::TrailingData))
    }
}

fn media(mut value: Reader<'_>) -> Result<String, DecodeError> {
    let mut warnings = Warnings::new();
    let content_type = ContentType::decode(&mut value, &mut warnings)?;
    if warnings.all_understood() {
        Ok(content_type.to_string())
    } else {
        Err(value.error(FIELD, DecodeErrorKind::InvalidText))
    }
}

/// A value by what its first octet says (clause 8.4.1.2).
fn by_shape(mut value: Reader<'_>) -> Result<String, DecodeError> {
    match value.peek() {
        Some(short @ 0x80..) => Ok((short & 0x7F).to_string()),
        Some(0x20..=0x7F) => Ok(charset::to_text(value.text_value(FIELD)?, None)),
        _ => {
            value.value_length(FIELD)?;
            let octets = value.left();
            Ok(if octets.is_empty() { String::new() } else { hexadecimal(octets) })
        }
    }
}

/// Content-disposition-value (clause 8.4.2.53), in MIME form. Some MMSCs leave the length out or
/// write a bare number.
fn disposition(mut value: Reader<'_>, warnings: &mut Warnings) -> Result<String, DecodeError> {
    const NAME: &str = "content-disposition";
    let start = value.position();
    match value.peek() {
        Some(0) => return by_shape(value),
        Some(1..=LENGTH_QUOTE) => {
            value.value_length(NAME)?;
        }
        Some(0x20..=0x7F) => {
            warnings.note(NAME, start, "a text without length");
            return by_shape(value);
        }
        _ => warnings.note(NAME, start, "a number without length"),
    }
    let mut text = match value.peek() {
        Some(octet @ 0x80..) => {
            value.u8(NAME)?;
            DISPOSITIONS
                .get(usize::from(octet & 0x7F))
                .map(|name| (*name).to_owned())
                .ok_or_else(|| value.error(NAME, DecodeErrorKind::InvalidValue(octet)))?
        }
        Some(_) => charset::to_text(value.text_value(NAME)?, None),
        None => return Err(value.error(NAME, DecodeErrorKind::Truncated)),
    };
    let list = parameter::decode_list(&mut value, warnings);
    mime::append(&mut text, "; ", list.iter().map(|(name, value)| (&**name, &**value)));
    Ok(text)
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

/// What [`by_shape`] shows as `text` and is no text: a number, octets with a length.
fn shapes(text: &str) -> [Option<Vec<u8>>; 2] {
    let short = canonical_number(text).and_then(|number| u8::try_from(number).ok());
    let short = short.filter(|&number| number <= 0x7F).map(|number| vec![0x80 | number]);
    [short, from_hexadecimal(text).map(|octets| with_length(&octets))]
}

/// The value of a text that has a form of its own.
fn write(kind: Kind, text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match kind {
        Kind::Integer => return put_integer_text(&mut out, text).then_some(out),
        Kind::Date | Kind::TextOrDate => put_long_integer(&mut out, date_seconds(text)?),
        Kind::Words(words) => {
            let index = words.iter().position(|word| *word == text)?;
            put_integer(&mut out, u64::try_from(index).ok()?);
        }
        Kind::Method => {
            let (code, _) = table::METHODS.iter().find(|(_, method)| *method == text)?;
            out.push(0x80 | code);
        }
        Kind::FieldName => out.push(field_number(text)?),
        Kind::Language => put_integer(&mut out, Words::Languages.number_of(text)?),
        Kind::AcceptApplication if text == "*" => out.push(0x80),
        Kind::ApplicationId | Kind::AcceptApplication => match table::application_number(text) {
            Some(number) => put_integer(&mut out, number),
            None => return put_integer_text(&mut out, text).then_some(out),
        },
        Kind::Media => ContentType::from_mime(text).encode(&mut out),
        Kind::AcceptCharset => return negotiation::write(Words::Charsets, text),
        Kind::AcceptEncoding => return negotiation::write(Words::Codings, text),
        Kind::AcceptLanguage => return negotiation::write(Words::Languages, text),
        Kind::Te if text == "trailers" => out.push(0x81),
        Kind::Te => return negotiation::write(Words::TransferCodings, text),
        Kind::CacheControl => return directives::write_cache_control(text),
        Kind::Pragma => return directives::write_pragma(text),
        Kind::Warning => return directives::write_warning(text),
        Kind::ProfileWarning => return directives::write_profile_warning(text),
        Kind::Expect => return directives::write_expect(text),
        Kind::EncodingVersion => return directives::write_encoding_version(text),
        Kind::Credentials => return auth::write_credentials(text),
        Kind::Challenge => return auth::write_challenge(text),
        Kind::Digest => {
            let digest = STANDARD.decode(text).ok().filter(|digest| digest.len() == 16)?;
            put_with_length(&mut out, &digest);
        }
        Kind::ContentRange => return ranges::write_content_range(text),
        Kind::Range => return ranges::write_range(text),
        Kind::RetryAfter => return ranges::write_retry_after(text),
        Kind::SetCookie => return cookies::write_set_cookie(text),
        Kind::Cookie => return cookies::write_cookie(text),
        Kind::Disposition => put_disposition(&mut out, text),
        Kind::Text | Kind::Quoted | Kind::Opaque => return None,
    }
    Some(out)
}

fn put_disposition(out: &mut Vec<u8>, text: &str) {
    let (kind, parameters) = mime::split_first(text, ';');
    let kind = kind.trim();
    let mut value = Vec::new();
    match DISPOSITIONS.iter().position(|known| known.eq_ignore_ascii_case(kind)) {
        Some(index) => put_integer(&mut value, u64::try_from(index).unwrap_or_default()),
        None => put_text_value(&mut value, kind),
    }
    for (name, parameter) in mime::split(parameters, ';') {
        parameter::encode_one(&mut value, &name, &parameter);
    }
    put_with_length(out, &value);
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

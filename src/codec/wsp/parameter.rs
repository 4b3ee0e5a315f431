//! Parameters of content types, dispositions and other headers (WAP-230 clause 8.4.2.4, table 38).

use std::borrow::Cow;
use std::ops::Range;

use super::content_type::ContentType;
use super::mime::{MAX_PARAMETERS, is_token};
use super::reader::{LENGTH_QUOTE, Reader};
use super::values::{
    date, date_seconds, from_hexadecimal, hexadecimal, integer, put_integer_text, quality,
    quality_uintvar, version, version_octet,
};
use super::writer::{
    put_integer, put_integer_octets, put_long_integer, put_quoted_string, put_text_string,
    put_text_value, put_uintvar, put_with_length,
};
use super::{Warnings, charset, header, media_types};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Before the number of a parameter without a name.
const UNKNOWN_PREFIX: &str = "x-wsp-parameter-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Q,
    Charset,
    Version,
    Text,
    /// A content type by number or text.
    Constrained,
    Integer,
    /// Date-value, as an HTTP-date.
    Date,
    /// The name of a header.
    FieldName,
    NoValue,
    /// Whatever its first octet says.
    Untyped,
}

struct Row {
    code: u8,
    name: &'static str,
    kind: Kind,
}

const fn row(code: u8, name: &'static str, kind: Kind) -> Row {
    Row { code, name, kind }
}

/// The first row of a name is the one written: the older numbers, which every MMSC reads. Those
/// from 0x17 on are the same names in encoding version 1.4, with Text-values.
const TABLE: &[Row] = &[
    row(0x00, "q", Kind::Q),
    row(0x01, "charset", Kind::Charset),
    row(0x02, "level", Kind::Version),
    row(0x04, "uaprof", Kind::Untyped),
    row(0x05, "name", Kind::Text),
    row(0x06, "filename", Kind::Text),
    row(0x07, "differences", Kind::FieldName),
    row(0x08, "padding", Kind::Integer),
    row(0x09, "type", Kind::Constrained),
    row(0x0A, "start", Kind::Text),
    row(0x0B, "start-info", Kind::Text),
    row(0x0C, "comment", Kind::Text),
    row(0x0D, "domain", Kind::Text),
    row(0x0E, "max-age", Kind::Integer),
    row(0x0F, "path", Kind::Text),
    row(0x10, "secure", Kind::NoValue),
    row(0x11, "sec", Kind::Integer),
    row(0x12, "mac", Kind::Text),
    row(0x13, "creation-date", Kind::Date),
    row(0x14, "modification-date", Kind::Date),
    row(0x15, "read-date", Kind::Date),
    row(0x16, "size", Kind::Integer),
    row(0x17, "name", Kind::Text),
    row(0x18, "filename", Kind::Text),
    row(0x19, "start", Kind::Text),
    row(0x1A, "start-info", Kind::Text),
    row(0x1B, "comment", Kind::Text),
    row(0x1C, "domain", Kind::Text),
    row(0x1D, "path", Kind::Text),
    // Behind 0x09, which is meant but for a number.
    row(TYPE_NUMBER, "type", Kind::Integer),
];

/// Type as an Integer-value, of encoding version 1.1.
const TYPE_NUMBER: u8 = 0x03;

/// Reads parameters to the end of the reader into `content_type`.
pub(super) fn decode_all(
    reader: &mut Reader<'_>,
    content_type: &mut ContentType,
    warnings: &mut Warnings,
) {
    let mut read = 0;
    while let Some((name, value)) = next(reader, read, warnings) {
        set(content_type, name, value);
        read += 1;
    }
}

/// Reads parameters to the end of the reader; the first that cannot be read ends them with a
/// warning.
pub(super) fn decode_list(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Vec<(String, String)> {
    let mut list = Vec::new();
    while let Some((name, value)) = next(reader, list.len(), warnings) {
        list.push((name.into_owned(), value));
    }
    list
}

/// As [`decode_list`], each with its place.
pub(super) fn decode_places(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Vec<(Range<usize>, String, String)> {
    let mut list = Vec::new();
    loop {
        let start = reader.position();
        let Some((name, value)) = next(reader, list.len(), warnings) else { return list };
        list.push((start..reader.position(), name.into_owned(), value));
    }
}

/// A name and a value; the names of the table need no memory of their own.
type Parameter = (Cow<'static, str>, String);

fn next(reader: &mut Reader<'_>, read: usize, warnings: &mut Warnings) -> Option<Parameter> {
    let start = reader.position();
    if reader.is_empty() {
        return None;
    }
    if read == MAX_PARAMETERS {
        warnings.not_understood("parameter", start, "more parameters than are kept");
        return None;
    }
    match read_one(reader, warnings) {
        Ok(parameter) => Some(parameter),
        Err(error) => {
            warnings.not_understood("parameter", start, format!("left out: {}", error.kind));
            None
        }
    }
}

/// One parameter.
///
/// # Errors
/// When it has no name that can be shown, or its extent cannot be told.
pub(super) fn decode_one(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<(String, String), DecodeError> {
    read_one(reader, warnings).map(|(name, value)| (name.into_owned(), value))
}

fn read_one(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Result<Parameter, DecodeError> {
    const FIELD: &str = "parameter";
    if matches!(reader.peek(), Some(0x20..=0x7F)) {
        let name = String::from_utf8_lossy(reader.text_string(FIELD)?).to_ascii_lowercase();
        if !is_token(&name) {
            return Err(reader.error(FIELD, DecodeErrorKind::InvalidText));
        }
        let value = match name.as_str() {
            // Text inside an integer's form cannot be meant where the name is one of texts.
            "charset" => decode_charset(reader)?,
            _ => decode_by_shape(reader, warnings)?,
        };
        return Ok((Cow::Owned(name), value));
    }
    let code = reader.integer(FIELD)?;
    let row = TABLE.iter().find(|row| u64::from(row.code) == code);
    let Some(row) = row else {
        let value = decode_by_shape(reader, warnings)?;
        return Ok((Cow::Owned(format!("{UNKNOWN_PREFIX}{code:02x}")), value));
    };
    let value = match (row.kind, reader.peek()) {
        (Kind::Q, _) => quality(reader.uintvar("Q")?),
        (Kind::Charset, _) => decode_charset(reader)?,
        (Kind::Constrained, Some(short @ 0x80..)) => {
            reader.u8(row.name)?;
            media_types::name_of(&[short & 0x7F]).into_owned()
        }
        (Kind::Constrained, Some(1..LENGTH_QUOTE)) => {
            media_types::name_of(reader.long_integer_octets(row.name)?).into_owned()
        }
        (Kind::Version, Some(octet @ 0x80..)) => {
            reader.u8(row.name)?;
            version(octet)
        }
        (Kind::FieldName, Some(octet @ 0x80..)) => {
            reader.u8(row.name)?;
            header::field_name(octet)
        }
        (Kind::Date, Some(1..LENGTH_QUOTE | 0x80..)) => {
            let seconds = integer(reader, row.name)?;
            seconds.parse().map_or(seconds, date)
        }
        (Kind::Integer, Some(0x80..)) => integer(reader, row.name)?,
        (Kind::Text, Some(0x80..)) => {
            warnings.note(row.name, reader.position(), "text without its Quote octet");
            charset::to_text(reader.text_string(row.name)?, None)
        }
        _ => decode_by_shape(reader, warnings)?,
    };
    Ok((Cow::Borrowed(row.name), value))
}

fn decode_charset(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match reader.peek() {
        Some(0x20..=0x7F) => {
            let text = reader.text_value("Charset")?;
            Ok(String::from_utf8_lossy(text).to_ascii_lowercase())
        }
        _ => reader.integer("Charset").map(|mib| charset::name(mib).into_owned()),
    }
}

fn decode_by_shape(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    const FIELD: &str = "parameter";
    match reader.peek() {
        // No-value, and an empty text, which looks the same.
        Some(0) => reader.u8(FIELD).map(|_| String::new()),
        Some(0x20..=0x7F) => Ok(charset::to_text(reader.text_value(FIELD)?, None)),
        Some(0x1F) => {
            let start = reader.position();
            let length = reader.value_length(FIELD)?;
            let octets = reader.take(length, FIELD)?;
            warnings.not_understood(FIELD, start, "a value of unknown form, in hexadecimal");
            Ok(if octets.is_empty() { String::new() } else { hexadecimal(octets) })
        }
        _ => integer(reader, FIELD),
    }
}

/// Puts one parameter where it belongs; a second one of the same name goes to the others.
pub(super) fn set(content_type: &mut ContentType, name: Cow<'static, str>, mut value: String) {
    let slot = match &*name {
        "charset" if value.is_empty() => return,
        "charset" => {
            value.make_ascii_lowercase();
            &mut content_type.charset
        }
        "name" => &mut content_type.name,
        "filename" => &mut content_type.filename,
        "start" => &mut content_type.start,
        "type" => &mut content_type.kind,
        _ => {
            content_type.others.push((name.into_owned(), value));
            return;
        }
    };
    match slot {
        Some(_) => content_type.others.push((name.into_owned(), value)),
        None => *slot = Some(value),
    }
}

/// The octets of all parameters of `content_type`.
pub(super) fn encode_all(content_type: &ContentType) -> Vec<u8> {
    let mut out = Vec::new();
    let named = [
        ("type", &content_type.kind),
        ("start", &content_type.start),
        ("charset", &content_type.charset),
        ("name", &content_type.name),
        ("filename", &content_type.filename),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            encode_one(&mut out, name, value);
        }
    }
    for (name, value) in &content_type.others {
        encode_one(&mut out, name, value);
    }
    out
}

/// One parameter; one without a usable name is left out.
pub(super) fn encode_one(out: &mut Vec<u8>, name: &str, value: &str) {
    if let Some(code) = unknown_code(name) {
        put_integer(out, code);
        put_by_shape(out, value);
        return;
    }
    let Some(row) = TABLE.iter().find(|row| row.name == name) else {
        put_untyped(out, name, value);
        return;
    };
    let code = 0x80 | row.code;
    match row.kind {
        Kind::Q => match quality_uintvar(value) {
            Some(number) => {
                out.push(code);
                put_uintvar(out, number);
            }
            None => put_untyped(out, name, value),
        },
        Kind::Charset => match charset::mib_of(value) {
            Some(number) => {
                out.push(code);
                put_integer(out, number);
            }
            None => put_untyped(out, name, value),
        },
        Kind::Text => {
            out.push(code);
            put_text_value(out, value);
        }
        Kind::Constrained if put_integer_text(&mut Vec::new(), value) => {
            out.push(0x80 | TYPE_NUMBER);
            put_integer_text(out, value);
        }
        Kind::Constrained => {
            out.push(code);
            // A type that has a name is better understood by it.
            match media_types::number_of(value).filter(|_| value.contains("x-wsp-type-")) {
                Some(number) => put_integer_octets(out, &number),
                None => put_text_value(out, value),
            }
        }
        Kind::Version => {
            out.push(code);
            match version_octet(value) {
                Some(octet) => out.push(octet),
                None => put_text_value(out, value),
            }
        }
        Kind::FieldName => {
            out.push(code);
            match header::field_number(value) {
                Some(number) => out.push(number),
                None => put_text_value(out, value),
            }
        }
        Kind::Date => {
            out.push(code);
            match date_seconds(value) {
                Some(seconds) => put_long_integer(out, seconds),
                // A number is a date; digits that are none were a text.
                None if value.starts_with("0x") => put_by_shape(out, value),
                None => put_text_value(out, value),
            }
        }
        Kind::Integer | Kind::Untyped => {
            out.push(code);
            put_by_shape(out, value);
        }
        Kind::NoValue if value.is_empty() => out.extend_from_slice(&[code, 0]),
        Kind::NoValue => put_untyped(out, name, value),
    }
}

/// An integer, octets of unknown form, or a text.
fn put_by_shape(out: &mut Vec<u8>, value: &str) {
    if put_integer_text(out, value) {
        return;
    }
    match from_hexadecimal(value).filter(|octets| octets.len() >= usize::from(LENGTH_QUOTE)) {
        Some(octets) => put_with_length(out, &octets),
        None => put_text_value(out, value),
    }
}

/// A parameter by its name; the value is a Token-text, or a Quoted-string where it is no token.
fn put_untyped(out: &mut Vec<u8>, name: &str, value: &str) {
    if !is_token(name) {
        return;
    }
    put_text_string(out, name);
    if value.bytes().all(is_token_octet) {
        put_text_string(out, value);
    } else {
        put_quoted_string(out, value);
    }
}

/// Whether a Token can contain it: RFC 2616 clause 2.2.
fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&octet)
}

fn unknown_code(name: &str) -> Option<u64> {
    let code = u64::from_str_radix(name.strip_prefix(UNKNOWN_PREFIX)?, 16).ok()?;
    let known = TABLE.iter().any(|row| u64::from(row.code) == code);
    (!known && format!("{UNKNOWN_PREFIX}{code:02x}") == name).then_some(code)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn parameters_survive_a_round_trip() {
        let list = [
            ("q", "0.5"),
            ("level", "1.2"),
            ("start-info", "<a>"),
            ("size", "70000"),
            ("secure", ""),
            ("x-own", "12"),
            ("x-own2", "\"quoted\""),
            ("x-wsp-parameter-3f", "9"),
            ("x-wsp-parameter-3f", "nine"),
            ("max-age", "soon"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut out = Vec::new();
        for (name, value) in &list {
            encode_one(&mut out, name, value);
        }
        let input = Bytes::from(out);
        let mut warnings = Warnings::new();
        assert_eq!(decode_list(&mut Reader::new(&input), &mut warnings), list);
        assert_eq!(warnings.into_sorted(), []);
    }

    #[test]
    fn untyped_value_that_is_no_token_is_a_quoted_string() {
        for (value, octets) in [
            ("a b.jpg", &b"x-own\0\"a b.jpg\0"[..]),
            ("cid:1", b"x-own\0\"cid:1\0"),
            ("é", b"x-own\0\"\xC3\xA9\0"),
            ("token", b"x-own\0token\0"),
            ("", b"x-own\0\0"),
        ] {
            let mut out = Vec::new();
            encode_one(&mut out, "x-own", value);
            assert_eq!(out, octets, "{value}");
            let input = Bytes::from(out);
            let read = decode_list(&mut Reader::new(&input), &mut Warnings::new());
            assert_eq!(read, [("x-own".to_owned(), value.to_owned())]);
        }
    }
}

//! Parameters of content types and dispositions (WAP-230 clause 8.4.2.4, table 38), and their MIME
//! form (RFC 2045 clause 5.1).

use super::content_type::ContentType;
use super::reader::Reader;
use super::writer::{put_integer, put_text_string, put_text_value, put_uintvar};
use super::{Warnings, charset, media_types};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Most parameters of one value; the longest list registered has fewer than thirty.
const MAX_PARAMETERS: usize = 64;

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
    NoValue,
}

struct Row {
    code: u8,
    name: &'static str,
    kind: Kind,
}

const fn row(code: u8, name: &'static str, kind: Kind) -> Row {
    Row { code, name, kind }
}

/// The first row of a name is the one written: the older numbers, which every MMSC reads.
const TABLE: &[Row] = &[
    row(0x00, "q", Kind::Q),
    row(0x01, "charset", Kind::Charset),
    row(0x02, "level", Kind::Version),
    row(0x05, "name", Kind::Text),
    row(0x06, "filename", Kind::Text),
    row(0x07, "differences", Kind::Text),
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
    row(0x13, "creation-date", Kind::Integer),
    row(0x14, "modification-date", Kind::Integer),
    row(0x15, "read-date", Kind::Integer),
    row(0x16, "size", Kind::Integer),
    row(0x17, "name", Kind::Text),
    row(0x18, "filename", Kind::Text),
    row(0x19, "start", Kind::Text),
    row(0x1A, "start-info", Kind::Text),
    row(0x1B, "comment", Kind::Text),
    row(0x1C, "domain", Kind::Text),
    row(0x1D, "path", Kind::Text),
];

/// Reads parameters to the end of the reader into `content_type`.
pub(super) fn decode_all(
    reader: &mut Reader<'_>,
    content_type: &mut ContentType,
    warnings: &mut Warnings,
) {
    for (name, value) in decode_list(reader, warnings) {
        set(content_type, name, value);
    }
}

/// Reads parameters to the end of the reader; the first that cannot be read ends them with a
/// warning.
pub(super) fn decode_list(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Vec<(String, String)> {
    let mut list = Vec::new();
    while !reader.is_empty() {
        let start = reader.position();
        if list.len() == MAX_PARAMETERS {
            warnings.note("parameter", start, "more parameters than are kept");
            break;
        }
        match decode_one(reader, warnings) {
            Ok(parameter) => list.push(parameter),
            Err(error) => {
                warnings.not_understood("parameter", start, format!("left out: {}", error.kind));
                break;
            }
        }
    }
    list
}

fn decode_one(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<(String, String), DecodeError> {
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
        return Ok((name, value));
    }
    let code = reader.integer(FIELD)?;
    let row = TABLE.iter().find(|row| u64::from(row.code) == code);
    let Some(row) = row else {
        let value = decode_by_shape(reader, warnings)?;
        return Ok((format!("{UNKNOWN_PREFIX}{code:02x}"), value));
    };
    let value = match (row.kind, reader.peek()) {
        (Kind::Q, _) => quality(reader.uintvar("Q")?),
        (Kind::Charset, _) => decode_charset(reader)?,
        (Kind::Constrained, Some(0x80..)) => media_types::name_of(reader.integer(row.name)?),
        (Kind::Version, Some(octet @ 0x80..)) => {
            reader.u8(row.name)?;
            version(octet)
        }
        (Kind::Integer, Some(0x80..)) => reader.integer(row.name)?.to_string(),
        (Kind::Text, Some(0x80..)) => {
            warnings.note(row.name, reader.position(), "text without its Quote octet");
            charset::to_text(reader.text_string(row.name)?, None)
        }
        _ => decode_by_shape(reader, warnings)?,
    };
    Ok((row.name.to_owned(), value))
}

/// Whether a peer's name for something can be shown as one.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic())
}

fn decode_charset(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match reader.peek() {
        Some(0x20..=0x7F) => {
            let text = reader.text_value("Charset")?;
            Ok(String::from_utf8_lossy(text).to_ascii_lowercase())
        }
        _ => reader.integer("Charset").map(charset::name_of),
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
            let range = reader.skip_value(FIELD)?;
            warnings.note(FIELD, range.start, "a value of unknown form");
            Ok(String::new())
        }
        _ => reader.integer(FIELD).map(|value| value.to_string()),
    }
}

/// Puts one parameter where it belongs; a second one of the same name goes to the others.
pub(super) fn set(content_type: &mut ContentType, name: String, value: String) {
    let slot = match name.as_str() {
        "charset" => &mut content_type.charset,
        "name" => &mut content_type.name,
        "filename" => &mut content_type.filename,
        "start" => &mut content_type.start,
        "type" => &mut content_type.kind,
        _ => {
            content_type.others.push((name, value));
            return;
        }
    };
    if name == "charset" && value.is_empty() {
        return;
    }
    if slot.is_some() {
        content_type.others.push((name, value));
    } else if name == "charset" {
        *slot = Some(value.to_ascii_lowercase());
    } else {
        *slot = Some(value);
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
        match canonical_number(value) {
            Some(number) => put_integer(out, number),
            None => put_text_value(out, value),
        }
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
        Kind::Text | Kind::Constrained => {
            out.push(code);
            put_text_value(out, value);
        }
        Kind::Version => {
            out.push(code);
            match version_octet(value) {
                Some(octet) => out.push(octet),
                None => put_text_value(out, value),
            }
        }
        Kind::Integer => {
            out.push(code);
            match canonical_number(value) {
                Some(number) => put_integer(out, number),
                None => put_text_value(out, value),
            }
        }
        Kind::NoValue if value.is_empty() => out.extend_from_slice(&[code, 0]),
        Kind::NoValue => put_untyped(out, name, value),
    }
}

fn put_untyped(out: &mut Vec<u8>, name: &str, value: &str) {
    if is_token(name) {
        put_text_string(out, name);
        put_text_value(out, value);
    }
}

fn unknown_code(name: &str) -> Option<u64> {
    let code = u64::from_str_radix(name.strip_prefix(UNKNOWN_PREFIX)?, 16).ok()?;
    let known = TABLE.iter().any(|row| u64::from(row.code) == code);
    (!known && format!("{UNKNOWN_PREFIX}{code:02x}") == name).then_some(code)
}

/// The number that `text` is the one decimal form of.
pub(super) fn canonical_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// Q-value (clause 8.4.2.3): two digits up to 100, three above.
fn quality(coded: u32) -> String {
    let thousandths = match coded {
        1..=100 => (coded - 1) * 10,
        101..=1099 => coded - 100,
        _ => 1000,
    };
    if thousandths >= 1000 {
        return "1".into();
    }
    let text = format!("0.{thousandths:03}");
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

fn quality_uintvar(text: &str) -> Option<u64> {
    let digits = match text.split_once('.') {
        None if text == "0" => "",
        Some(("0", digits)) if digits.len() <= 3 => digits,
        _ => return None,
    };
    let thousandths: u64 =
        if digits.is_empty() { 0 } else { format!("{digits:0<3}").parse().ok()? };
    let coded =
        if thousandths.is_multiple_of(10) { thousandths / 10 + 1 } else { thousandths + 100 };
    (quality(u32::try_from(coded).ok()?) == text).then_some(coded)
}

/// Version-value (clause 8.4.2.3): major in bits 6-4, minor in bits 3-0, 15 for none.
pub(super) fn version(octet: u8) -> String {
    let (major, minor) = ((octet >> 4) & 0x07, octet & 0x0F);
    if minor == 15 { major.to_string() } else { format!("{major}.{minor}") }
}

/// The octet that [`version`] shows as `text`.
pub(super) fn version_octet(text: &str) -> Option<u8> {
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (major.parse::<u8>().ok()?, minor.parse::<u8>().ok()?),
        None => (text.parse().ok()?, 15),
    };
    if major > 7 || minor > 15 {
        return None;
    }
    let octet = 0x80 | (major << 4) | minor;
    (version(octet) == text).then_some(octet)
}

/// The parameters behind the first `;` of a MIME header.
pub(super) fn split_mime(text: &str) -> Vec<(String, String)> {
    let mut list = Vec::new();
    let mut rest = text;
    while list.len() < MAX_PARAMETERS && !rest.is_empty() {
        let (parameter, more) = split_outside_quotes(rest);
        rest = more;
        let Some((name, value)) = parameter.split_once('=') else { continue };
        let name = name.trim().to_ascii_lowercase();
        if is_token(&name) {
            list.push((name, unquote(value.trim())));
        }
    }
    list
}

fn split_outside_quotes(text: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => {
                return (
                    text.get(..at).unwrap_or_default(),
                    text.get(at + 1..).unwrap_or_default(),
                );
            }
            _ => {}
        }
    }
    (text, "")
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(character);
            escaped = false;
        }
    }
    text
}

/// The value as a MIME token, or quoted where it is none.
pub(super) fn mime_value(value: &str) -> String {
    let token = !value.is_empty()
        && value
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet));
    if token {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for character in value.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn quality_of_every_code_comes_back() {
        for (coded, text) in [(1, "0"), (51, "0.5"), (100, "0.99"), (433, "0.333"), (11, "0.1")] {
            assert_eq!(quality(coded), text);
            assert_eq!(quality_uintvar(text), Some(u64::from(coded)));
        }
        assert_eq!(quality_uintvar("1.5"), None);
    }

    #[test]
    fn versions_come_back() {
        for octet in 0x80..=0xFF {
            assert_eq!(version_octet(&version(octet)), Some(octet));
        }
    }

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
}

//! Headers of multipart entries and pushes as text (WAP-230 clause 8.4.1 and table 39).
//!
//! A header is a pair: its name in lower case and its value as text. Numbers and dates are decimal
//! (dates in seconds since 1970). A field whose number has no name is called `x-wsp-header-` and
//! the number in hexadecimal; a value of unknown form is `0x` and its octets in hexadecimal.

use super::reader::{LENGTH_QUOTE, Reader, big_endian};
use super::writer::{
    put_integer, put_quoted_string, put_text_string, put_text_value, put_value_length,
    put_with_length,
};
use super::{Warnings, charset, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Most headers of one list; a multipart entry has five or so.
pub const MAX_HEADERS: usize = 128;

const UNKNOWN_PREFIX: &str = "x-wsp-header-";
const FIELD: &str = "header";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// Written as a Quoted-string.
    Quoted,
    /// Integer or date.
    Integer,
    ApplicationId,
    Disposition,
    Version,
    /// A form of its own that is not taken apart.
    Other,
}

struct Row {
    code: u8,
    name: &'static str,
    kind: Kind,
}

const fn row(code: u8, name: &'static str, kind: Kind) -> Row {
    Row { code, name, kind }
}

/// Code page 1. The first row of a name is the one written.
const TABLE: &[Row] = &[
    row(0x00, "accept", Kind::Other),
    row(0x01, "accept-charset", Kind::Other),
    row(0x02, "accept-encoding", Kind::Other),
    row(0x03, "accept-language", Kind::Other),
    row(0x04, "accept-ranges", Kind::Other),
    row(0x05, "age", Kind::Integer),
    row(0x06, "allow", Kind::Other),
    row(0x07, "authorization", Kind::Other),
    row(0x08, "cache-control", Kind::Other),
    row(0x09, "connection", Kind::Other),
    row(0x0A, "content-base", Kind::Text),
    row(0x0B, "content-encoding", Kind::Other),
    row(0x0C, "content-language", Kind::Other),
    row(0x0D, "content-length", Kind::Integer),
    row(0x0E, "content-location", Kind::Text),
    row(0x0F, "content-md5", Kind::Other),
    row(0x10, "content-range", Kind::Other),
    row(0x11, "content-type", Kind::Other),
    row(0x12, "date", Kind::Integer),
    row(0x13, "etag", Kind::Text),
    row(0x14, "expires", Kind::Integer),
    row(0x15, "from", Kind::Text),
    row(0x16, "host", Kind::Text),
    row(0x17, "if-modified-since", Kind::Integer),
    row(0x18, "if-match", Kind::Text),
    row(0x19, "if-none-match", Kind::Text),
    row(0x1A, "if-range", Kind::Other),
    row(0x1B, "if-unmodified-since", Kind::Integer),
    row(0x1C, "location", Kind::Text),
    row(0x1D, "last-modified", Kind::Integer),
    row(0x1E, "max-forwards", Kind::Integer),
    row(0x1F, "pragma", Kind::Other),
    row(0x20, "proxy-authenticate", Kind::Other),
    row(0x21, "proxy-authorization", Kind::Other),
    row(0x22, "public", Kind::Other),
    row(0x23, "range", Kind::Other),
    row(0x24, "referer", Kind::Text),
    row(0x25, "retry-after", Kind::Other),
    row(0x26, "server", Kind::Text),
    row(0x27, "transfer-encoding", Kind::Other),
    row(0x28, "upgrade", Kind::Text),
    row(0x29, "user-agent", Kind::Text),
    row(0x2A, "vary", Kind::Other),
    row(0x2B, "via", Kind::Text),
    row(0x2C, "warning", Kind::Other),
    row(0x2D, "www-authenticate", Kind::Other),
    row(0x2E, "content-disposition", Kind::Disposition),
    row(0x2F, "x-wap-application-id", Kind::ApplicationId),
    row(0x30, "x-wap-content-uri", Kind::Text),
    row(0x31, "x-wap-initiator-uri", Kind::Text),
    row(0x32, "accept-application", Kind::Other),
    row(0x33, "bearer-indication", Kind::Integer),
    row(0x34, "push-flag", Kind::Integer),
    row(0x35, "profile", Kind::Text),
    row(0x36, "profile-diff", Kind::Other),
    row(0x37, "profile-warning", Kind::Other),
    row(0x38, "expect", Kind::Other),
    row(0x39, "te", Kind::Other),
    row(0x3A, "trailer", Kind::Other),
    row(0x3B, "accept-charset", Kind::Other),
    row(0x3C, "accept-encoding", Kind::Other),
    row(0x3D, "cache-control", Kind::Other),
    row(0x3E, "content-range", Kind::Other),
    row(0x3F, "x-wap-tod", Kind::Integer),
    row(0x40, "content-id", Kind::Quoted),
    row(0x41, "set-cookie", Kind::Other),
    row(0x42, "cookie", Kind::Other),
    row(0x43, "encoding-version", Kind::Version),
    row(0x44, "profile-warning", Kind::Other),
    row(0x45, "content-disposition", Kind::Disposition),
    row(0x46, "x-wap-security", Kind::Other),
    row(0x47, "cache-control", Kind::Other),
    row(0x48, "expect", Kind::Other),
    row(0x49, "x-wap-loc-invocation", Kind::Other),
    row(0x4A, "x-wap-loc-delivery", Kind::Other),
];

/// Application-ids by number (OMNA push application ids).
const APPLICATIONS: &[(u64, &str)] = &[
    (0x00, "x-wap-application:*"),
    (0x01, "x-wap-application:push.sia"),
    (0x02, "x-wap-application:wml.ua"),
    (0x03, "x-wap-application:wta.ua"),
    (0x04, "x-wap-application:mms.ua"),
    (0x05, "x-wap-application:push.syncml"),
    (0x06, "x-wap-application:loc.ua"),
    (0x07, "x-wap-application:syncml.dm"),
    (0x08, "x-wap-application:drm.ua"),
    (0x09, "x-wap-application:emn.ua"),
    (0x0A, "x-wap-application:wv.ua"),
];

/// Dispositions by number, less 128.
const DISPOSITIONS: &[&str] = &["form-data", "attachment", "inline"];

/// Reads headers to the end of the reader. One that cannot be read is kept as hexadecimal or left
/// out, one whose extent cannot be told ends the list; each with a warning.
pub fn decode_headers(reader: &mut Reader<'_>, warnings: &mut Warnings) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let mut page: u8 = 1;
    while let Some(first) = reader.peek() {
        let start = reader.position();
        if headers.len() == MAX_HEADERS {
            warnings.note(FIELD, start, "more headers than are kept");
            break;
        }
        match first {
            0 => {
                let zeros = reader.left().iter().take_while(|&&octet| octet == 0).count();
                warnings.note(FIELD, start, "stray NUL octets");
                if reader.take(zeros, FIELD).is_err() {
                    break;
                }
            }
            // Short-cut-shift and Shift-delimiter with a page number.
            0x01..=0x1F => {
                page = first;
                if reader.u8(FIELD).is_err() {
                    break;
                }
            }
            0x7F => match reader.take(2, FIELD) {
                Ok(&[_, number]) => page = number,
                _ => break,
            },
            _ => match decode_one(reader, page, warnings) {
                Ok(Some(header)) => headers.push(header),
                Ok(None) => warnings.note(FIELD, start, "of another code page or without a name"),
                Err(error) => {
                    warnings.note(error.field, error.offset, format!("left out: {}", error.kind));
                    break;
                }
            },
        }
    }
    headers
}

fn decode_one(
    reader: &mut Reader<'_>,
    page: u8,
    warnings: &mut Warnings,
) -> Result<Option<(String, String)>, DecodeError> {
    let first = reader.peek().unwrap_or_default();
    if first < 0x80 {
        let name = String::from_utf8_lossy(reader.text_string(FIELD)?).to_ascii_lowercase();
        let range = value_range(reader, Kind::Text, FIELD, warnings)?;
        let value = by_shape(reader.within(range))?;
        return Ok(Some((name, value)).filter(|(name, _)| parameter::is_token(name)));
    }
    let code = reader.u8(FIELD)? & 0x7F;
    if page != 1 {
        reader.skip_value(FIELD)?;
        return Ok(None);
    }
    let Some(row) = TABLE.iter().find(|row| row.code == code) else {
        let range = reader.skip_value(FIELD)?;
        let value = by_shape(reader.within(range))?;
        return Ok(Some((format!("{UNKNOWN_PREFIX}{code:02x}"), value)));
    };
    let range = value_range(reader, row.kind, row.name, warnings)?;
    let value = reader.within(range.clone());
    let text = match typed(value.clone(), row, warnings) {
        Ok(text) => text,
        Err(error) => {
            warnings.note(row.name, range.start, format!("of no known form: {}", error.kind));
            hexadecimal(value.left())
        }
    };
    Ok(Some((row.name.to_owned(), text)))
}

/// Where the value lies. A text that begins above 0x7F without its Quote octet goes to its NUL.
fn value_range(
    reader: &mut Reader<'_>,
    kind: Kind,
    name: &'static str,
    warnings: &mut Warnings,
) -> Result<std::ops::Range<usize>, DecodeError> {
    let start = reader.position();
    if matches!(kind, Kind::Text | Kind::Quoted) && matches!(reader.peek(), Some(0x80..)) {
        reader.text_string(name)?;
        warnings.note(name, start, "text without its Quote octet");
        return Ok(start..reader.position());
    }
    reader.skip_value(name)
}

fn typed(mut value: Reader<'_>, row: &Row, warnings: &mut Warnings) -> Result<String, DecodeError> {
    let first = value.peek().unwrap_or_default();
    match row.kind {
        Kind::Text | Kind::Quoted if first >= 0x80 => {
            Ok(charset::to_text(value.text_string(row.name)?, None))
        }
        Kind::Integer if (1..=LENGTH_QUOTE).contains(&first) => {
            value.value_length(row.name)?;
            Ok(big_endian(value.left()).to_string())
        }
        Kind::ApplicationId if first != 0 && !(0x20..0x80).contains(&first) => {
            let number = value.integer(row.name)?;
            let known = APPLICATIONS.iter().find(|(code, _)| *code == number);
            Ok(known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned()))
        }
        Kind::Version if first >= 0x80 => Ok(parameter::version(first)),
        Kind::Disposition => disposition(value, warnings),
        _ => by_shape(value),
    }
}

fn by_shape(mut value: Reader<'_>) -> Result<String, DecodeError> {
    match value.peek() {
        Some(0x80..) => value.integer(FIELD).map(|number| number.to_string()),
        Some(0x20..=0x7F) => Ok(charset::to_text(value.text_value(FIELD)?, None)),
        _ => {
            value.value_length(FIELD)?;
            let octets = value.left();
            Ok(if octets.is_empty() { String::new() } else { hexadecimal(octets) })
        }
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    format!("0x{}", hex::encode(octets))
}

/// The octets that [`hexadecimal`] shows as `text`.
fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let octets = hex::decode(text.strip_prefix("0x")?).ok()?;
    (!octets.is_empty() && hexadecimal(&octets) == text).then_some(octets)
}

/// Content-disposition-value (clause 8.4.2.53), in MIME form. Some MMSCs leave the length out or
/// write a bare number.
fn disposition(mut value: Reader<'_>, warnings: &mut Warnings) -> Result<String, DecodeError> {
    const NAME: &str = "content-disposition";
    let start = value.position();
    match value.peek() {
        Some(0..=LENGTH_QUOTE) => {
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
                .map_or_else(|| octet.to_string(), |name| (*name).to_owned())
        }
        Some(_) => charset::to_text(value.text_value(NAME)?, None),
        None => return Err(value.error(NAME, DecodeErrorKind::Truncated)),
    };
    for (name, parameter) in parameter::decode_list(&mut value, warnings) {
        text.push_str("; ");
        text.push_str(&name);
        text.push('=');
        text.push_str(&parameter::mime_value(&parameter));
    }
    Ok(text)
}

/// Writes one header; one without a usable name is left out.
pub fn put_header(out: &mut Vec<u8>, name: &str, value: &str) {
    if let Some(code) = unknown_code(name) {
        out.push(0x80 | code);
        put_by_shape(out, value);
        return;
    }
    let Some(row) = TABLE.iter().find(|row| row.name == name) else {
        if parameter::is_token(name) {
            put_text_string(out, name);
            put_text_value(out, value);
        }
        return;
    };
    out.push(0x80 | row.code);
    match row.kind {
        Kind::Text => put_text_value(out, value),
        Kind::Quoted => put_quoted_string(out, value),
        Kind::Integer => match parameter::canonical_number(value) {
            Some(number) => put_integer(out, number),
            None => put_by_shape(out, value),
        },
        Kind::ApplicationId => {
            let known = APPLICATIONS.iter().find(|(_, known)| *known == value);
            // A number that has a name was a text.
            let number = parameter::canonical_number(value)
                .filter(|number| APPLICATIONS.iter().all(|(code, _)| code != number));
            match known.map(|(code, _)| *code).or(number) {
                Some(number) => put_integer(out, number),
                None => put_text_value(out, value),
            }
        }
        Kind::Version => match parameter::version_octet(value) {
            Some(octet) => out.push(octet),
            None => put_text_value(out, value),
        },
        Kind::Disposition => put_disposition(out, value),
        Kind::Other => put_by_shape(out, value),
    }
}

fn unknown_code(name: &str) -> Option<u8> {
    let code = u8::from_str_radix(name.strip_prefix(UNKNOWN_PREFIX)?, 16).ok()?;
    let known = code > 0x7F || TABLE.iter().any(|row| row.code == code);
    (!known && format!("{UNKNOWN_PREFIX}{code:02x}") == name).then_some(code)
}

fn put_by_shape(out: &mut Vec<u8>, value: &str) {
    let short = parameter::canonical_number(value).and_then(|number| u8::try_from(number).ok());
    if let Some(number @ 0..=0x7F) = short {
        out.push(0x80 | number);
    } else if let Some(octets) = from_hexadecimal(value) {
        put_value_length(out, octets.len());
        out.extend_from_slice(&octets);
    } else {
        put_text_value(out, value);
    }
}

fn put_disposition(out: &mut Vec<u8>, text: &str) {
    let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
    let kind = kind.trim();
    let mut value = Vec::new();
    match DISPOSITIONS.iter().position(|known| known.eq_ignore_ascii_case(kind)) {
        Some(index) => put_integer(&mut value, u64::try_from(index).unwrap_or_default()),
        None => put_text_value(&mut value, kind),
    }
    for (name, parameter) in parameter::split_mime(parameters) {
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
            ("date", "1045235817"),
            ("x-wap-application-id", "x-wap-application:push.sia"),
            ("x-wap-application-id", "77"),
            ("push-flag", "1"),
            ("accept-charset", "0x0102ff"),
            ("x-wsp-header-4c", "5"),
            ("x-wsp-header-4c", "five"),
            ("content-language", "25"),
            ("x-scanned-by", "\"nobody\""),
            ("encoding-version", "1.3"),
        ]);
        let mut out = Vec::new();
        for (name, value) in &list {
            put_header(&mut out, name, value);
        }
        assert_eq!(decode(&out), (list, 0));
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
    fn foreign_code_page_is_skipped() {
        let (headers, warnings) = decode(b"\x7F\x02\x81\x82\x7F\x01\xB4\x81");
        assert_eq!((headers, warnings), (pairs(&[("push-flag", "1")]), 1));
    }
}

//! One header value as text and back, by the form of its field (WAP-230 clause 8.4.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::negotiation::{self, Words};
use super::table::{self, Kind, Row, field_name, field_number};
use super::{FIELD, auth, cookies, directives, ranges};
use crate::codec::wsp::content_type::ContentType;
use crate::codec::wsp::reader::{LENGTH_QUOTE, Reader};
use crate::codec::wsp::values::{
    canonical_number, date, date_seconds, from_hexadecimal, hexadecimal, number, put_integer_text,
    version,
};
use crate::codec::wsp::writer::{
    put_integer, put_long_integer, put_text_value, put_with_length, with_length,
};
use crate::codec::wsp::{Warnings, charset, mime, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

/// Dispositions by number.
const DISPOSITIONS: &[&str] = &["form-data", "attachment", "inline"];

/// The text of a value of a known field; one of unknown form by its shape, with a warning.
pub(super) fn value_text(row: &Row, value: Reader<'_>, warnings: &mut Warnings) -> String {
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
pub(super) fn by_shape(mut value: Reader<'_>) -> Result<String, DecodeError> {
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

/// What [`by_shape`] shows as `text` and is no text: a number, octets with a length.
pub(super) fn shapes(text: &str) -> [Option<Vec<u8>>; 2] {
    let short = canonical_number(text).and_then(|number| u8::try_from(number).ok());
    let short = short.filter(|&number| number <= 0x7F).map(|number| vec![0x80 | number]);
    [short, from_hexadecimal(text).map(|octets| with_length(&octets))]
}

/// The value of a text that has a form of its own.
pub(super) fn write(kind: Kind, text: &str) -> Option<Vec<u8>> {
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

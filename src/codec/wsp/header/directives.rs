//! Cache-Control, Pragma, Warning, Profile-Warning, Expect and Encoding-Version: a directive with
//! what belongs to it (WAP-230 clauses 8.4.2.15, 8.4.2.38, 8.4.2.51, 8.4.2.62, 8.4.2.63 and
//! 8.4.2.70).

use super::table::{field_name, field_number};
use crate::codec::wsp::reader::Reader;
use crate::codec::wsp::values::{canonical_number, date, date_seconds, version, version_octet};
use crate::codec::wsp::writer::{
    put_integer, put_long_integer, put_text_string, put_text_value, with_length,
};
use crate::codec::wsp::{Warnings, charset, mime, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

const FIELD: &str = "header";

/// What stands behind a directive of Cache-Control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Seconds,
    /// Seconds that may be absent.
    PerhapsSeconds,
    /// Names of fields that may be absent.
    PerhapsFields,
}

/// Directives from number 0.
const DIRECTIVES: &[(&str, Argument)] = &[
    ("no-cache", Argument::PerhapsFields),
    ("no-store", Argument::None),
    ("max-age", Argument::Seconds),
    ("max-stale", Argument::PerhapsSeconds),
    ("min-fresh", Argument::Seconds),
    ("only-if-cached", Argument::None),
    ("public", Argument::None),
    ("private", Argument::PerhapsFields),
    ("no-transform", Argument::None),
    ("must-revalidate", Argument::None),
    ("proxy-revalidate", Argument::None),
    ("s-maxage", Argument::Seconds),
];

fn short(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    match reader.peek() {
        Some(octet @ 0x80..) => reader.u8(FIELD).map(|_| octet & 0x7F),
        Some(octet) => Err(reader.error(FIELD, DecodeErrorKind::InvalidValue(octet))),
        None => Err(reader.error(FIELD, DecodeErrorKind::Truncated)),
    }
}

/// A directive that stands alone.
pub(super) fn bare_directive(number: u8) -> Option<String> {
    let (name, argument) = DIRECTIVES.get(usize::from(number))?;
    (*argument != Argument::Seconds).then(|| (*name).to_owned())
}

/// A directive with its argument, or one of somebody's own with a parameter.
pub(super) fn read_cache_control(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    if matches!(reader.peek(), Some(0x20..=0x7F)) {
        let mut extension = reader.text(FIELD)?;
        let (name, value) = parameter::decode_one(reader, warnings)?;
        mime::append(&mut extension, "; ", [(name.as_str(), value.as_str())].into_iter());
        return Ok(extension);
    }
    let octet = short(reader)?;
    let unknown = reader.error(FIELD, DecodeErrorKind::InvalidValue(octet | 0x80));
    let (name, argument) = DIRECTIVES.get(usize::from(octet)).ok_or(unknown)?;
    let mut directive = (*name).to_owned();
    match argument {
        _ if reader.is_empty() && *argument != Argument::Seconds => {}
        Argument::Seconds | Argument::PerhapsSeconds => {
            directive.push('=');
            directive.push_str(&reader.integer(FIELD)?.to_string());
        }
        Argument::PerhapsFields => {
            let mut fields = String::new();
            while let Some(first) = reader.peek() {
                if !fields.is_empty() {
                    fields.push_str(", ");
                }
                if first >= 0x80 {
                    fields.push_str(&field_name(reader.u8(FIELD)?));
                } else {
                    fields.push_str(&reader.text(FIELD)?);
                }
            }
            directive.push('=');
            mime::push_quoted(&mut directive, &fields);
        }
        Argument::None => return Err(reader.error(FIELD, DecodeErrorKind::TrailingData)),
    }
    Ok(directive)
}

pub(super) fn write_cache_control(directive: &str) -> Option<Vec<u8>> {
    let number = |name: &str| DIRECTIVES.iter().position(|(known, _)| *known == name);
    if let Some(index) = number(directive) {
        return Some(vec![0x80 | u8::try_from(index).ok()?]);
    }
    let mut value = Vec::new();
    if let Some((extension, parameters)) = directive.split_once("; ") {
        put_text_string(&mut value, extension);
        let list = mime::split(parameters, ';');
        let [(name, argument)] = list.as_slice() else { return None };
        parameter::encode_one(&mut value, name, argument);
        return Some(with_length(&value));
    }
    let (name, argument) = directive.split_once('=')?;
    let index = number(name)?;
    value.push(0x80 | u8::try_from(index).ok()?);
    match DIRECTIVES.get(index)?.1 {
        Argument::None => return None,
        Argument::Seconds | Argument::PerhapsSeconds => {
            put_integer(&mut value, canonical_number(argument)?);
        }
        Argument::PerhapsFields => {
            for field in mime::unquote(argument).split(", ") {
                match field_number(field) {
                    Some(number) => value.push(number),
                    None => put_text_string(&mut value, field),
                }
            }
        }
    }
    Some(with_length(&value))
}

/// A parameter of somebody's own.
pub(super) fn read_pragma(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    let (name, value) = parameter::decode_one(reader, warnings)?;
    let mut pragma = String::new();
    mime::append(&mut pragma, "; ", [(name.as_str(), value.as_str())].into_iter());
    Ok(pragma)
}

pub(super) fn write_pragma(pragma: &str) -> Option<Vec<u8>> {
    if pragma == "no-cache" {
        return Some(vec![0x80]);
    }
    let list = mime::split(pragma, ';');
    let [(name, value)] = list.as_slice() else { return None };
    let mut out = Vec::new();
    parameter::encode_one(&mut out, name, value);
    Some(with_length(&out))
}

/// Warn-codes of HTTP by their number here.
const WARN_CODES: &[(u8, &str)] =
    &[(10, "110"), (11, "111"), (12, "112"), (13, "113"), (14, "214"), (99, "199")];
/// Warn-codes of CC/PP by their number here.
const PROFILE_WARN_CODES: &[(u8, &str)] = &[
    (0x10, "100"),
    (0x11, "101"),
    (0x12, "102"),
    (0x20, "200"),
    (0x21, "201"),
    (0x22, "202"),
    (0x23, "203"),
];

fn code_text(codes: &[(u8, &str)], number: u8) -> Option<String> {
    codes.iter().find(|(known, _)| *known == number).map(|(_, text)| (*text).to_owned())
}

fn code_number(codes: &[(u8, &str)], text: &str) -> Option<u8> {
    codes.iter().find(|(_, known)| *known == text).map(|(number, _)| 0x80 | *number)
}

/// The code of a Warning that stands alone.
pub(super) fn warn_code(number: u8) -> Option<String> {
    code_text(WARN_CODES, number)
}

/// `110 agent "text"`.
pub(super) fn read_warning(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let number = short(reader)?;
    let unknown = reader.error(FIELD, DecodeErrorKind::InvalidValue(number | 0x80));
    let mut warning = warn_code(number).ok_or(unknown)?;
    warning.push(' ');
    warning.push_str(&reader.text(FIELD)?);
    warning.push(' ');
    mime::push_quoted(&mut warning, &reader.text(FIELD)?);
    Ok(warning)
}

pub(super) fn write_warning(warning: &str) -> Option<Vec<u8>> {
    let Some((code, rest)) = warning.split_once(' ') else {
        return code_number(WARN_CODES, warning).map(|number| vec![number]);
    };
    let (agent, words) = rest.split_once(' ')?;
    let mut value = vec![code_number(WARN_CODES, code)?];
    put_text_string(&mut value, agent);
    put_text_string(&mut value, &mime::unquote(words));
    Some(with_length(&value))
}

/// The code of a Profile-Warning that stands alone.
pub(super) fn profile_warn_code(number: u8) -> Option<String> {
    code_text(PROFILE_WARN_CODES, number)
}

/// `101 target "date" "date"`, as many dates as there are.
pub(super) fn read_profile_warning(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let number = short(reader)?;
    let unknown = reader.error(FIELD, DecodeErrorKind::InvalidValue(number | 0x80));
    let mut warning = profile_warn_code(number).ok_or(unknown)?;
    warning.push(' ');
    warning.push_str(&reader.text(FIELD)?);
    while !reader.is_empty() {
        warning.push(' ');
        mime::push_quoted(&mut warning, &date(reader.long_integer(FIELD)?));
    }
    Ok(warning)
}

pub(super) fn write_profile_warning(warning: &str) -> Option<Vec<u8>> {
    let Some((code, rest)) = warning.split_once(' ') else {
        return code_number(PROFILE_WARN_CODES, warning).map(|number| vec![number]);
    };
    let mut value = vec![code_number(PROFILE_WARN_CODES, code)?];
    let (target, mut dates) = rest.split_once(' ').unwrap_or((rest, ""));
    put_text_string(&mut value, target);
    while !dates.is_empty() {
        let (one, more) = mime::split_first(dates, ' ');
        put_long_integer(&mut value, date_seconds(&mime::unquote(one))?);
        dates = more;
    }
    Some(with_length(&value))
}

/// `name=value; parameter=value`.
pub(super) fn read_expect(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    let name = reader.text(FIELD)?;
    let value = charset::to_text(reader.text_value(FIELD)?, None);
    let mut list = vec![(name, value)];
    while !reader.is_empty() && list.len() < mime::MAX_PARAMETERS {
        list.push(parameter::decode_one(reader, warnings)?);
    }
    let mut expect = String::new();
    let pairs = list.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    mime::append(&mut expect, "; ", pairs);
    Ok(expect)
}

pub(super) fn write_expect(expect: &str) -> Option<Vec<u8>> {
    if expect == "100-continue" {
        return Some(vec![0x80]);
    }
    let list = mime::split(expect, ';');
    let ((name, first), parameters) = list.split_first()?;
    let mut value = Vec::new();
    put_text_string(&mut value, name);
    put_text_value(&mut value, first);
    for (name, argument) in parameters {
        parameter::encode_one(&mut value, name, argument);
    }
    Some(with_length(&value))
}

/// `1.4; code-page=2`, or `code-page=2` where the page is not known at all.
pub(super) fn read_encoding_version(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let page = short(reader)?;
    match reader.peek() {
        None => Ok(format!("code-page={page}")),
        Some(octet @ 0x80..) => {
            reader.u8(FIELD)?;
            Ok(format!("{}; code-page={page}", version(octet)))
        }
        Some(_) => Ok(format!("{}; code-page={page}", reader.text(FIELD)?)),
    }
}

pub(super) fn write_encoding_version(encoding: &str) -> Option<Vec<u8>> {
    if let Some(octet) = version_octet(encoding) {
        return Some(vec![octet]);
    }
    let (known, page) = match encoding.rsplit_once("; code-page=") {
        Some((known, page)) => (Some(known), page),
        None => (None, encoding.strip_prefix("code-page=")?),
    };
    let page = page.parse::<u8>().ok().filter(|page| *page < 0x80)?;
    let mut value = vec![0x80 | page];
    match known.map(|known| (version_octet(known), known)) {
        None => {}
        Some((Some(octet), _)) => value.push(octet),
        Some((None, known)) => put_text_string(&mut value, known),
    }
    Some(with_length(&value))
}

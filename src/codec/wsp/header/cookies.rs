//! Set-Cookie and Cookie (WAP-230 clauses 8.4.2.68 and 8.4.2.69) in the form of RFC 2109.

use crate::codec::wsp::reader::Reader;
use crate::codec::wsp::values::{version, version_octet};
use crate::codec::wsp::writer::{put_text_string, put_uintvar, with_length};
use crate::codec::wsp::{Warnings, mime, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

const FIELD: &str = "header";

fn read_version(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    match reader.peek() {
        Some(octet @ 0x80..) => reader.u8(FIELD).map(|_| version(octet)),
        _ => reader.text(FIELD),
    }
}

fn put_version(out: &mut Vec<u8>, text: &str) {
    match version_octet(text) {
        Some(octet) => out.push(octet),
        None => put_text_string(out, text),
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn join(list: &[(String, String)]) -> String {
    let mut joined = String::new();
    mime::append(&mut joined, "; ", list.iter().map(|(name, value)| (&**name, &**value)));
    joined
}

/// `name=value; version=1; path=/; secure`.
pub(super) fn read_set_cookie(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    let version = read_version(reader)?;
    let mut list = vec![(reader.text(FIELD)?, reader.text(FIELD)?), pair("version", &version)];
    while !reader.is_empty() {
        if list.len() == mime::MAX_PARAMETERS {
            return Err(reader.error(FIELD, DecodeErrorKind::TrailingData));
        }
        list.push(parameter::decode_one(reader, warnings)?);
    }
    Ok(join(&list))
}

pub(super) fn write_set_cookie(cookie: &str) -> Option<Vec<u8>> {
    let (name, value, rest) = first_pair(cookie)?;
    let list = mime::split(rest, ';');
    let ((key, version), parameters) = list.split_first()?;
    if key != "version" {
        return None;
    }
    let mut out = Vec::new();
    put_version(&mut out, version);
    put_text_string(&mut out, name);
    put_text_string(&mut out, &value);
    for (name, argument) in parameters {
        parameter::encode_one(&mut out, name, argument);
    }
    Some(with_length(&out))
}

/// The name in its own case and the value of the first pair, and what stands behind it.
fn first_pair(text: &str) -> Option<(&str, String, &str)> {
    let (first, rest) = mime::split_first(text, ';');
    let (name, value) = first.split_once('=')?;
    Some((name.trim(), mime::unquote(value.trim()), rest))
}

/// `$Version=1; name=value; $Path=/; $Domain=x; other=value`.
pub(super) fn read_cookie(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let mut list = vec![pair("$Version", &read_version(reader)?)];
    while !reader.is_empty() {
        if list.len() > mime::MAX_PARAMETERS {
            return Err(reader.error(FIELD, DecodeErrorKind::TrailingData));
        }
        let length = reader.uintvar(FIELD)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut cookie = reader.sub(length, FIELD)?;
        list.push((cookie.text(FIELD)?, cookie.text(FIELD)?));
        for attribute in ["$Path", "$Domain"] {
            if cookie.is_empty() {
                break;
            }
            let value = cookie.text(FIELD)?;
            if !(value.is_empty() && attribute == "$Path") {
                list.push((attribute.to_owned(), value));
            }
        }
        if !cookie.is_empty() {
            return Err(cookie.error(FIELD, DecodeErrorKind::TrailingData));
        }
    }
    Ok(join(&list))
}

pub(super) fn write_cookie(cookies: &str) -> Option<Vec<u8>> {
    let (name, version, mut rest) = first_pair(cookies)?;
    if name != "$Version" {
        return None;
    }
    let mut out = Vec::new();
    put_version(&mut out, &version);
    while !rest.is_empty() {
        let (name, value, more) = first_pair(rest)?;
        rest = more;
        let mut cookie = Vec::new();
        put_text_string(&mut cookie, name);
        put_text_string(&mut cookie, &value);
        let mut path = None;
        if let Some(("$Path", value, more)) = first_pair(rest) {
            path = Some(value);
            rest = more;
        }
        let mut domain = None;
        if let Some(("$Domain", value, more)) = first_pair(rest) {
            domain = Some(value);
            rest = more;
        }
        if path.is_some() || domain.is_some() {
            put_text_string(&mut cookie, &path.unwrap_or_default());
        }
        if let Some(domain) = domain {
            put_text_string(&mut cookie, &domain);
        }
        put_uintvar(&mut out, u64::try_from(cookie.len()).ok()?);
        out.extend_from_slice(&cookie);
    }
    Some(with_length(&out))
}

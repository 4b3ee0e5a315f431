//! Credentials and challenges (WAP-230 clause 8.4.2.5) in the form of HTTP (RFC 9110 clause 11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::codec::wsp::reader::Reader;
use crate::codec::wsp::writer::{put_text_octets, put_text_string, with_length};
use crate::codec::wsp::{Warnings, mime, parameter};
use crate::codec::{DecodeError, DecodeErrorKind};

const FIELD: &str = "header";
/// The scheme that has a number.
const BASIC: u8 = 0x80;
const BASIC_NAME: &str = "Basic";

fn append_parameters(
    reader: &mut Reader<'_>,
    mut list: Vec<(String, String)>,
    scheme: String,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    while !reader.is_empty() {
        if list.len() == mime::MAX_PARAMETERS {
            return Err(reader.error(FIELD, DecodeErrorKind::TrailingData));
        }
        list.push(parameter::decode_one(reader, warnings)?);
    }
    let mut pairs = String::new();
    mime::append(&mut pairs, ", ", list.iter().map(|(name, value)| (&**name, &**value)));
    Ok(if pairs.is_empty() { scheme } else { format!("{scheme} {pairs}") })
}

/// `Basic` with user and password in base64, or another scheme with its parameters.
pub(super) fn read_credentials(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    if reader.peek() == Some(BASIC) {
        reader.u8(FIELD)?;
        let user = reader.text_octets(FIELD)?;
        let password = reader.text_octets(FIELD)?;
        let cookie = STANDARD.encode([user, b":", password].concat());
        return Ok(format!("{BASIC_NAME} {cookie}"));
    }
    let scheme = reader.text(FIELD)?;
    append_parameters(reader, Vec::new(), scheme, warnings)
}

pub(super) fn write_credentials(credentials: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = credentials.split_once(' ').unwrap_or((credentials, ""));
    let mut value = Vec::new();
    if scheme == BASIC_NAME {
        let cookie = STANDARD.decode(rest).ok()?;
        let colon = cookie.iter().position(|&octet| octet == b':')?;
        value.push(BASIC);
        put_text_octets(&mut value, cookie.get(..colon)?);
        put_text_octets(&mut value, cookie.get(colon + 1..)?);
    } else if rest.is_empty() {
        // A scheme alone is as good a Token-text, but has no form of its own here.
        return None;
    } else {
        put_text_string(&mut value, scheme);
        put_parameters(&mut value, &mime::split(rest, ','));
    }
    Some(with_length(&value))
}

/// A scheme with its realm and what else it asks for.
pub(super) fn read_challenge(
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<String, DecodeError> {
    let scheme = if reader.peek() == Some(BASIC) {
        reader.u8(FIELD)?;
        BASIC_NAME.to_owned()
    } else {
        reader.text(FIELD)?
    };
    let mut challenge = format!("{scheme} realm=");
    mime::push_quoted(&mut challenge, &reader.text(FIELD)?);
    let rest = append_parameters(reader, Vec::new(), String::new(), warnings)?;
    if !rest.is_empty() {
        challenge.push(',');
        challenge.push_str(&rest);
    }
    Ok(challenge)
}

pub(super) fn write_challenge(challenge: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = challenge.split_once(' ')?;
    let list = mime::split(rest, ',');
    let ((name, realm), parameters) = list.split_first()?;
    if name != "realm" {
        return None;
    }
    let mut value = Vec::new();
    if scheme == BASIC_NAME {
        value.push(BASIC);
    } else {
        put_text_string(&mut value, scheme);
    }
    put_text_string(&mut value, realm);
    put_parameters(&mut value, parameters);
    Some(with_length(&value))
}

fn put_parameters(value: &mut Vec<u8>, list: &[(String, String)]) {
    for (name, argument) in list {
        parameter::encode_one(value, name, argument);
    }
}

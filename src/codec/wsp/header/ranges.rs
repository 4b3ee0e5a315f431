//! Range, Content-Range and Retry-After (WAP-230 clauses 8.4.2.23, 8.4.2.42 and 8.4.2.44).

use crate::codec::wsp::reader::Reader;
use crate::codec::wsp::values::{canonical_number, date, date_seconds};
use crate::codec::wsp::writer::{put_integer, put_long_integer, put_uintvar, with_length};
use crate::codec::{DecodeError, DecodeErrorKind};

const FIELD: &str = "header";
/// Unknown-length, Byte-range and Absolute-time.
const FIRST: u8 = 0x80;
/// Suffix-byte-range and Relative-time.
const SECOND: u8 = 0x81;

fn choice(reader: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let error = reader.error(FIELD, DecodeErrorKind::InvalidText);
    match reader.u8(FIELD)? {
        FIRST => Ok(true),
        SECOND => Ok(false),
        octet => Err(DecodeError { kind: DecodeErrorKind::InvalidValue(octet), ..error }),
    }
}

/// `bytes=500-999`, `bytes=500-` or `bytes=-500`.
pub(super) fn read_range(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    if !choice(reader)? {
        return Ok(format!("bytes=-{}", reader.uintvar(FIELD)?));
    }
    let first = reader.uintvar(FIELD)?;
    if reader.is_empty() {
        return Ok(format!("bytes={first}-"));
    }
    Ok(format!("bytes={first}-{}", reader.uintvar(FIELD)?))
}

pub(super) fn write_range(text: &str) -> Option<Vec<u8>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let mut value = Vec::new();
    if first.is_empty() {
        value.push(SECOND);
        put_uintvar(&mut value, canonical_number(last)?);
    } else {
        value.push(FIRST);
        put_uintvar(&mut value, canonical_number(first)?);
        if !last.is_empty() {
            put_uintvar(&mut value, canonical_number(last)?);
        }
    }
    Some(with_length(&value))
}

/// `bytes 500-*/1234`: the last octet is not told, it follows from the length of the body.
pub(super) fn read_content_range(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let first = reader.uintvar(FIELD)?;
    if reader.left() == [FIRST] {
        reader.u8(FIELD)?;
        return Ok(format!("bytes {first}-*/*"));
    }
    Ok(format!("bytes {first}-*/{}", reader.uintvar(FIELD)?))
}

pub(super) fn write_content_range(text: &str) -> Option<Vec<u8>> {
    let (first, length) = text.strip_prefix("bytes ")?.split_once("-*/")?;
    let mut value = Vec::new();
    put_uintvar(&mut value, canonical_number(first)?);
    match length {
        "*" => value.push(FIRST),
        _ => put_uintvar(&mut value, canonical_number(length)?),
    }
    Some(with_length(&value))
}

/// An HTTP-date, or seconds in decimal.
pub(super) fn read_retry_after(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    let absolute = choice(reader)?;
    let seconds = reader.integer(FIELD)?;
    Ok(if absolute { date(seconds) } else { seconds.to_string() })
}

pub(super) fn write_retry_after(text: &str) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    match canonical_number(text) {
        Some(seconds) => {
            value.push(SECOND);
            put_integer(&mut value, seconds);
        }
        None => {
            value.push(FIRST);
            put_long_integer(&mut value, date_seconds(text)?);
        }
    }
    Some(with_length(&value))
}

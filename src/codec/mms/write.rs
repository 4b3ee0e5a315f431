//! Header fields to octets (OMA-TS-MMS_ENC-V1_3 clauses 7.2 and 7.3), each value in the form that
//! every MMSC reads.

use super::field::Form;
use super::read::{TYPE_PARAMETER, UNKNOWN_PARAMETER};
use super::{ElementDescriptor, Expiry, Header, HeaderName, Value, encoded_word, wire_octets};
use crate::codec::wsp::{
    ContentType, charset, put_encoded_string, put_integer, put_long_integer, put_with_length,
};
use crate::model::Timestamp;

/// Writes one field. An empty text is left out: MMSCs and phones refuse an empty Subject. So is a
/// field whose name cannot be written.
pub(super) fn put_header(out: &mut Vec<u8>, header: &Header) {
    match &header.name {
        HeaderName::Known(field) => {
            if !is_empty(&header.value) {
                out.push(0x80 | field.code);
                put_value(out, &header.value, field.form);
            }
        }
        HeaderName::Number(code) => {
            out.push(0x80 | code);
            put_value(out, &header.value, Form::Opaque);
        }
        HeaderName::Text(name) => {
            let octets = wire_octets(name);
            if matches!(octets.first(), Some(0x20..=0x7F)) && !octets.contains(&0) {
                out.extend_from_slice(&octets);
                out.push(0);
                put_value(out, &header.value, Form::Opaque);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        // A text of NUL octets alone has nothing that can be written either.
        Value::Text(text) | Value::Encoded(text) | Value::Address(text) => {
            text.bytes().all(|octet| octet == 0)
        }
        Value::Raw(octets) => octets.is_empty(),
        _ => false,
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value, form: Form) {
    match value {
        Value::Text(text) => put_text(out, text),
        Value::Encoded(text) => put_encoded(out, text),
        Value::Address(text) if form == Form::From => with_length(out, |out| {
            out.push(0x80);
            put_encoded(out, text);
        }),
        Value::Address(text) => put_encoded(out, text),
        Value::InsertAddress => out.extend_from_slice(&[0x01, 0x81]),
        // The high bit belongs to every token.
        Value::Token(code) => out.push(0x80 | code),
        Value::Version(version) => out.push(version.octet()),
        Value::Date(time) => put_long_integer(out, seconds(*time)),
        Value::Time(time) => with_length(out, |out| put_time(out, *time)),
        Value::Integer(number) if form == Form::Long => put_long_integer(out, *number),
        Value::Integer(number) => put_integer(out, *number),
        Value::Counted { count, value } => with_length(out, |out| {
            put_integer(out, *count);
            put_value(out, value, form);
        }),
        Value::MmFlags { operation, keyword } => with_length(out, |out| {
            out.push(0x80 | operation);
            put_encoded(out, keyword);
        }),
        Value::Totals { unit, amount } => with_length(out, |out| {
            out.push(0x80 | unit);
            put_integer(out, *amount);
        }),
        Value::FieldName(HeaderName::Known(field)) => out.push(0x80 | field.code),
        Value::FieldName(HeaderName::Number(code)) => out.push(0x80 | code),
        Value::FieldName(HeaderName::Text(name)) => put_text(out, name),
        Value::ElementDescriptor(descriptor) => {
            with_length(out, |out| put_element(out, descriptor));
        }
        Value::Raw(octets) => out.extend_from_slice(octets),
    }
}

/// In UCS-2 where readers would see encoded words of RFC 2047 in a text of single octets.
fn put_encoded(out: &mut Vec<u8>, text: &str) {
    let written = text.replace('\0', "");
    if encoded_word::decode(&written).is_none() {
        put_encoded_string(out, &written);
        return;
    }
    with_length(out, |out| {
        put_integer(out, charset::UCS_2);
        out.extend(written.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
    });
}

fn with_length(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::with_capacity(32);
    put(&mut value);
    put_with_length(out, &value);
}

/// A Text-string of the octets that the text stands for, without NUL, and with the Quote octet where
/// the first one could be taken for something else.
fn put_text(out: &mut Vec<u8>, text: &str) {
    let octets = wire_octets(text);
    let mut octets = octets.iter().copied().filter(|&octet| octet != 0).peekable();
    if octets.peek().is_some_and(|first| !(0x20..0x7F).contains(first)) {
        out.push(0x7F);
    }
    out.extend(octets);
    out.push(0);
}

/// Relative times as Long-integer as well: some MMSCs read nothing else.
fn put_time(out: &mut Vec<u8>, time: Expiry) {
    match time {
        Expiry::At(time) => {
            out.push(0x80);
            put_long_integer(out, seconds(time));
        }
        Expiry::After(duration) => {
            out.push(0x81);
            put_long_integer(out, duration.as_secs());
        }
    }
}

fn put_element(out: &mut Vec<u8>, descriptor: &ElementDescriptor) {
    put_text(out, &descriptor.content_reference);
    for (name, value) in &descriptor.parameters {
        if let Some((code, octets)) = unknown_parameter(name, value) {
            out.push(code);
            out.extend_from_slice(&octets);
        } else if name == "type" {
            out.push(TYPE_PARAMETER);
            ContentType::from_mime(value).encode(out);
        } else {
            put_text(out, name);
            put_text(out, value);
        }
    }
}

fn unknown_parameter(name: &str, value: &str) -> Option<(u8, Vec<u8>)> {
    let code = u8::from_str_radix(name.strip_prefix(UNKNOWN_PARAMETER)?, 16).ok()?;
    let octets = hex::decode(value).ok()?;
    (code >= 0x80 && code != TYPE_PARAMETER).then_some((code, octets))
}

/// Whole seconds since 1970; a time before counts as 1970.
fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_secs()).unwrap_or(0)
}

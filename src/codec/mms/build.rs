//! Checking header fields that do not come from octets (OMA-TS-MMS_ENC-V1_3 clause 7), so that what
//! is written is what was meant.

use bytes::Bytes;

use super::field::{self, Form};
use super::{BuildError, Header, HeaderName, MAX_FIELDS, Value, Version, fields};
use crate::codec::wsp::Reader;

/// The fields with X-Mms-MMS-Version, each under its own name and with a value that it can have.
pub(super) fn checked(kind: u8, headers: Vec<Header>) -> Result<Vec<Header>, BuildError> {
    let counted = fields::counts_in(kind);
    // Besides them there are X-Mms-Message-Type and X-Mms-MMS-Version.
    if headers.len() + 2 > MAX_FIELDS {
        return Err(BuildError::TooMany(headers.len()));
    }
    let mut list = Vec::with_capacity(headers.len() + 1);
    for Header { name, value } in headers {
        let name = match name {
            HeaderName::Number(code) => HeaderName::of_code(code),
            other => other,
        };
        let usable = match &name {
            HeaderName::Known(field) => {
                !matches!(field.form, Form::ContentType) && **field != *field::MESSAGE_TYPE
            }
            HeaderName::Number(_) => true,
            HeaderName::Text(text) => {
                let first = text.bytes().next();
                first.is_some_and(|first| (0x20..=0x7F).contains(&first)) && !text.contains('\0')
            }
        };
        if !usable {
            return Err(BuildError::WrongName(name.json_name()));
        }
        let fits = match name.field() {
            Some(field) => value.fits(field.form) && may_be_counted(&value, field.form, counted),
            None => matches!(value, Value::Raw(_) | Value::Text(_)),
        };
        if !fits || !can_be_written(&name, &value) {
            return Err(BuildError::WrongValue(name.json_name()));
        }
        list.push(Header { name, value });
    }
    if Header::find(&list, field::MMS_VERSION).is_none() {
        list.push(Header::new(field::MMS_VERSION, Value::Version(Version::V1_2)));
    }
    Ok(list)
}

/// Whether the count of a value will be read as such.
fn may_be_counted(value: &Value, form: Form, counted: bool) -> bool {
    let always = matches!(form, Form::PreviouslySentBy | Form::PreviouslySentDate);
    counted || always || !matches!(value, Value::Counted { .. })
}

/// Whether the octets that will stand for the value are those of one value.
fn can_be_written(name: &HeaderName, value: &Value) -> bool {
    match value {
        Value::Raw(octets) => is_one_value(name, octets),
        Value::Token(code)
        | Value::MmFlags { operation: code, .. }
        | Value::Totals { unit: code, .. } => *code >= 0x80,
        Value::Counted { value, .. } => can_be_written(name, value),
        _ => true,
    }
}

/// Whether a reader would find the end of the value where it is.
fn is_one_value(name: &HeaderName, octets: &Bytes) -> bool {
    let mut reader = Reader::new(octets);
    fields::value_extent(name, &mut reader).is_ok() && reader.is_empty()
}

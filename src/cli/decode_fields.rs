//! Header fields of MMS PDUs (OMA-TS-MMS_ENC-V1_3 clause 7.3) as JSON, in the form that
//! `decode --help` documents; `encode_fields` reads it.

use serde_json::{Map, Value as Json, json};

use crate::codec::mms::{Expiry, Field, Form, Header, Value, field, message_type};
use crate::model::Address;

/// What announces octets.
pub(super) const HEX: &str = "0x";

/// Whether a field is repeated by nature in PDUs of this type: then it is an array.
pub(super) fn repeats(known: &Field, kind: u8) -> bool {
    use message_type::{DELETE_CONF, DELETE_REQ, MBOX_DELETE_CONF, MBOX_DELETE_REQ};
    let always = [
        field::TO,
        field::CC,
        field::BCC,
        field::PREVIOUSLY_SENT_BY,
        field::PREVIOUSLY_SENT_DATE,
        field::MM_FLAGS,
        field::ATTRIBUTES,
        field::MBOX_TOTALS,
        field::MBOX_QUOTAS,
        field::ELEMENT_DESCRIPTOR,
    ];
    let of_several = [field::CONTENT_LOCATION, field::RESPONSE_STATUS, field::RESPONSE_TEXT];
    always.contains(&known)
        || [DELETE_REQ, DELETE_CONF, MBOX_DELETE_REQ, MBOX_DELETE_CONF].contains(&kind)
            && of_several.contains(&known)
}

/// Name and value; nothing for an empty text, which counts as absent.
pub(super) fn told(header: &Header) -> Option<(String, Json)> {
    let known = header.name.field();
    if let (Some(_), Value::Text(text) | Value::Encoded(text) | Value::Address(text)) =
        (known, &header.value)
        && text.is_empty()
    {
        return None;
    }
    Some((header.name.json_name(), value_json(known, &header.value)))
}

fn value_json(known: Option<&'static Field>, value: &Value) -> Json {
    match value {
        Value::Text(text) if known.is_none() => unknown_text(text),
        Value::Text(text) | Value::Encoded(text) => text.as_str().into(),
        Value::Address(text) => address_json(text),
        Value::InsertAddress => json!({ "address": null, "type": "insert-address" }),
        Value::Token(code) => token_json(known, *code),
        Value::Version(version) => format!("{}.{}", version.major, version.minor).into(),
        Value::Date(time) => time.to_string().into(),
        Value::Time(Expiry::At(time)) => json!({ "absolute": time.to_string() }),
        Value::Time(Expiry::After(duration)) => json!({ "relative": duration.as_secs() }),
        Value::Integer(number) => (*number).into(),
        Value::Counted { count, value } => {
            json!({ "count": count, "value": value_json(known, value) })
        }
        Value::MmFlags { operation, keyword } => {
            json!({ "operation": token_json(known, *operation), "keyword": keyword })
        }
        Value::Totals { unit, amount } => {
            json!({ "unit": token_json(known, *unit), "amount": amount })
        }
        Value::FieldName(name) => name.json_name().into(),
        Value::ElementDescriptor(it) => {
            let parameters: Map<String, Json> = it
                .parameters
                .iter()
                .map(|(name, text)| (name.clone(), text.as_str().into()))
                .collect();
            json!({ "content-reference": it.content_reference, "parameters": parameters })
        }
        Value::Raw(octets) => match known {
            // Beside a text that could read the same, octets are told apart by their form.
            Some(_) => json!({ "octets": hex::encode(octets) }),
            None => text_in(octets).map_or_else(|| octets_json(octets), |text| unknown_text(&text)),
        },
    }
}

/// A field without a form of ours has text or octets behind `0x`.
fn unknown_text(text: &str) -> Json {
    if text.starts_with(HEX) {
        return octets_json(&[text.as_bytes(), &[0]].concat());
    }
    text.into()
}

fn octets_json(octets: &[u8]) -> Json {
    format!("{HEX}{}", hex::encode(octets)).into()
}

/// A Text-string that the encoder writes back octet for octet.
fn text_in(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(octets.strip_suffix(&[0])?).ok()?;
    let first = text.bytes().next()?;
    let plain = (0x20..0x7F).contains(&first) && !text.chars().any(char::is_control);
    plain.then(|| text.to_owned())
}

fn address_json(wire: &str) -> Json {
    let suffix = wire.to_ascii_uppercase().find("/TYPE=");
    let (address, kind) = match suffix.map(|at| wire.split_at(at)) {
        Some((address, suffix)) => (address, suffix.get("/TYPE=".len()..)),
        None => (wire, None),
    };
    let kind = kind
        .or_else(|| matches!(Address::from_wire(address), Address::Email(_)).then_some("email"));
    json!({ "address": address, "type": kind })
}

/// Whether a token is told with its code beside its word: statuses, whose reserved codes matter.
pub(super) fn is_status(known: &Field) -> bool {
    [
        field::RESPONSE_STATUS,
        field::RETRIEVE_STATUS,
        field::STATUS,
        field::READ_STATUS,
        field::STORE_STATUS,
        field::CANCEL_STATUS,
    ]
    .contains(&known)
}

fn token_json(known: Option<&'static Field>, code: u8) -> Json {
    let bare = || format!("{code:#04x}").into();
    let Some(known) = known else { return bare() };
    if is_status(known) {
        let word = known.token_name(code).unwrap_or("reserved");
        return format!("{word} ({code:#04x})").into();
    }
    match (known.form, code) {
        (Form::YesNo, 0x80) => true.into(),
        (Form::YesNo, 0x81) => false.into(),
        _ if known.is_named(code) => {
            known.token_name(code).unwrap_or_default().to_lowercase().into()
        }
        _ => bare(),
    }
}

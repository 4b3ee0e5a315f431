//! Values of header fields as people read them, by the words of OMA-TS-MMS_ENC-V1_3 clause 7.3.

use super::field::Field;
use super::{ElementDescriptor, Expiry, Header, HeaderName, Value};

impl Header {
    /// The value for people: words and codes for tokens, UTC for times, hexadecimal for octets that
    /// are no text.
    #[must_use]
    pub fn text(&self) -> String {
        text_of(self.name.field(), &self.value)
    }
}

fn text_of(field: Option<&'static Field>, value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Encoded(text) | Value::Address(text) => text.clone(),
        Value::InsertAddress => "insert-address".to_owned(),
        Value::Token(code) => token(field, *code),
        Value::Version(version) => format!("{}.{}", version.major, version.minor),
        Value::Date(time) => time.to_string(),
        Value::Time(Expiry::At(time)) => time.to_string(),
        Value::Time(Expiry::After(duration)) => format!("{} s", duration.as_secs()),
        Value::Integer(number) => number.to_string(),
        Value::Counted { count, value } => format!("{count}: {}", text_of(field, value)),
        Value::MmFlags { operation, keyword } => format!("{} {keyword}", token(field, *operation)),
        Value::Totals { unit, amount } => format!("{amount} {}", token(field, *unit)),
        Value::FieldName(HeaderName::Known(field)) => field.name.to_owned(),
        Value::FieldName(name) => name.json_name(),
        Value::ElementDescriptor(descriptor) => element(descriptor),
        Value::Raw(octets) => {
            let text = octets.strip_suffix(&[0]).and_then(|text| std::str::from_utf8(text).ok());
            let text = text.filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
            text.map_or_else(|| hex::encode(octets), str::to_owned)
        }
    }
}

fn token(field: Option<&'static Field>, code: u8) -> String {
    match field.and_then(|field| field.token_name(code)) {
        Some(word) => format!("{word} ({code:#04x})"),
        None => format!("{code:#04x}"),
    }
}

fn element(descriptor: &ElementDescriptor) -> String {
    let mut text = descriptor.content_reference.clone();
    for (name, value) in &descriptor.parameters {
        text.push_str("; ");
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

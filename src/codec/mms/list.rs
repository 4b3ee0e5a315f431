//! Building the list of a PDU's header fields (OMA-TS-MMS_ENC-V1_3 clause 6).

use super::field::{self, Field};
use super::types::{Counted, MmFlags, Totals};
use super::{Expiry, From, Header, HeaderName, MessageClass, Priority, Value, Version};
use crate::model::{Address, Timestamp};

/// Header fields in the order of writing. A method whose name begins with `maybe` writes what is
/// there.
#[derive(Debug, Default)]
pub(super) struct HeaderList(pub(super) Vec<Header>);

impl HeaderList {
    pub(super) fn push(&mut self, field: &'static Field, value: Value) {
        self.0.push(Header::new(field, value));
    }

    fn maybe(&mut self, field: &'static Field, value: Option<Value>) {
        if let Some(value) = value {
            self.push(field, value);
        }
    }

    pub(super) fn text(&mut self, field: &'static Field, text: &str) {
        self.push(field, Value::Text(text.to_owned()));
    }

    /// An empty text is left out.
    pub(super) fn maybe_text(&mut self, field: &'static Field, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.text(field, text);
        }
    }

    pub(super) fn texts(&mut self, field: &'static Field, list: &[String]) {
        for text in list {
            self.maybe_text(field, Some(text));
        }
    }

    /// An empty text is left out.
    pub(super) fn maybe_encoded(&mut self, field: &'static Field, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.push(field, Value::Encoded(text.to_owned()));
        }
    }

    pub(super) fn addresses(&mut self, field: &'static Field, list: &[Address]) {
        for address in list {
            self.push(field, Value::Address(address.to_wire()));
        }
    }

    pub(super) fn from(&mut self, from: &From) {
        let value = match from {
            From::InsertAddress => Value::InsertAddress,
            From::Address(address) => Value::Address(address.to_wire()),
        };
        self.push(field::FROM, value);
    }

    pub(super) fn maybe_from(&mut self, from: Option<&From>) {
        if let Some(from) = from {
            self.from(from);
        }
    }

    pub(super) fn token(&mut self, field: &'static Field, code: u8) {
        self.push(field, Value::Token(0x80 | code));
    }

    pub(super) fn maybe_token(&mut self, field: &'static Field, code: Option<u8>) {
        if let Some(code) = code {
            self.token(field, code);
        }
    }

    pub(super) fn maybe_flag(&mut self, field: &'static Field, flag: Option<bool>) {
        self.maybe_token(field, flag.map(|flag| if flag { 0x80 } else { 0x81 }));
    }

    pub(super) fn version(&mut self, version: Version) {
        self.push(field::MMS_VERSION, Value::Version(Version::of_octet(version.octet())));
    }

    pub(super) fn maybe_integer(&mut self, field: &'static Field, number: Option<u64>) {
        self.maybe(field, number.map(Value::Integer));
    }

    pub(super) fn maybe_date(&mut self, field: &'static Field, time: Option<Timestamp>) {
        self.maybe(field, time.map(Value::Date));
    }

    pub(super) fn maybe_time(&mut self, field: &'static Field, time: Option<Expiry>) {
        self.maybe(field, time.map(Value::Time));
    }

    pub(super) fn maybe_message_class(&mut self, class: Option<&MessageClass>) {
        let value = class.map(|class| match class {
            MessageClass::Personal => Value::Token(0x80),
            MessageClass::Advertisement => Value::Token(0x81),
            MessageClass::Informational => Value::Token(0x82),
            MessageClass::Auto => Value::Token(0x83),
            MessageClass::Other(text) => Value::Text(text.clone()),
        });
        self.maybe(field::MESSAGE_CLASS, value);
    }

    pub(super) fn maybe_priority(&mut self, priority: Option<Priority>) {
        let code = priority.map(|priority| match priority {
            Priority::Low => 0x80,
            Priority::Normal => 0x81,
            Priority::High => 0x82,
        });
        self.maybe_token(field::PRIORITY, code);
    }

    pub(super) fn mm_flags(&mut self, list: &[MmFlags]) {
        for MmFlags { operation, keyword } in list {
            let value = Value::MmFlags { operation: *operation, keyword: keyword.clone() };
            self.push(field::MM_FLAGS, value);
        }
    }

    pub(super) fn totals(&mut self, field: &'static Field, list: &[Totals]) {
        for Totals { unit, amount } in list {
            self.push(field, Value::Totals { unit: *unit, amount: *amount });
        }
    }

    pub(super) fn attributes(&mut self, list: &[HeaderName]) {
        for name in list {
            self.push(field::ATTRIBUTES, Value::FieldName(name.clone()));
        }
    }

    pub(super) fn counted<T>(
        &mut self,
        field: &'static Field,
        list: &[Counted<T>],
        convert: impl Fn(&T) -> Value,
    ) {
        for Counted { count, value } in list {
            let value = Value::Counted { count: *count, value: Box::new(convert(value)) };
            self.push(field, value);
        }
    }

    pub(super) fn extra(&mut self, extra: &[Header]) {
        self.0.extend_from_slice(extra);
    }
}

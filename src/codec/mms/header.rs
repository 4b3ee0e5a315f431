//! One header field as a value (OMA-TS-MMS_ENC-V1_3 clause 7): its name, and its value by the form
//! that the name has.

use bytes::Bytes;

use super::field::{Field, Form};
use super::{Expiry, Version};
use crate::model::Timestamp;

/// The name of a header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderName {
    /// A field of the specification.
    Known(&'static Field),
    /// A number without its high bit, 0x00 or 0x40 to 0x7F, which the specification does not assign.
    Number(u8),
    /// A name in text, as on the wire: an Application-header (clause 7.1).
    Text(String),
}

impl HeaderName {
    /// The name of a number, given with or without its high bit.
    #[must_use]
    pub fn of_code(code: u8) -> Self {
        let code = code & 0x7F;
        Field::of_code(code).map_or(Self::Number(code), Self::Known)
    }

    /// The field, if the specification has it.
    #[must_use]
    pub const fn field(&self) -> Option<&'static Field> {
        match self {
            Self::Known(field) => Some(field),
            Self::Number(_) | Self::Text(_) => None,
        }
    }

    /// The name in lower case without `X-Mms-`; `field-0x52` for a number without name.
    #[must_use]
    pub fn json_name(&self) -> String {
        match self {
            Self::Known(field) => field.json_name(),
            Self::Number(code) => format!("field-{:#04x}", code | 0x80),
            Self::Text(text) => text.to_ascii_lowercase(),
        }
    }

    /// The name that [`Self::json_name`] gives for it, or the one in the specification; a text that
    /// is neither is a name in text. `None` for what cannot be the name of a header field.
    #[must_use]
    pub fn of_json_name(name: &str) -> Option<Self> {
        if let Some(field) = Field::of_name(name) {
            return Some(Self::Known(field));
        }
        if let Some(digits) = name.strip_prefix("field-0x") {
            let code = u8::from_str_radix(digits, 16).ok()?;
            return Some(Self::of_code(code));
        }
        let token = !name.is_empty()
            && name
                .bytes()
                .all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&octet));
        token.then(|| Self::Text(name.to_owned()))
    }
}

impl From<&'static Field> for HeaderName {
    fn from(field: &'static Field) -> Self {
        Self::Known(field)
    }
}

/// The value of a header field, by its [`Form`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text-string. Octets that are no UTF-8, which occur in identifiers, become one character each
    /// of U+EF80 to U+EFFF (see [`wire_octets`](super::wire_octets)), so that writing gives the octets back.
    Text(String),
    /// Encoded-string, in Unicode.
    Encoded(String),
    /// An address as on the wire, with its `/TYPE=`.
    Address(String),
    /// The Insert-address-token of From.
    InsertAddress,
    /// One octet, named or not: [`Field::token_name`].
    Token(u8),
    /// X-Mms-MMS-Version.
    Version(Version),
    /// A point in time.
    Date(Timestamp),
    /// A point in time, or seconds from the arrival of the PDU.
    Time(Expiry),
    /// A number.
    Integer(u64),
    /// A value behind a count: how often the message was forwarded before in X-Mms-Previously-Sent-By
    /// and -Date; which of several messages is meant in X-Mms-Content-Location, -Response-Status and
    /// -Response-Text of M-Mbox-Delete.conf and M-Delete.conf.
    Counted {
        /// The count.
        count: u64,
        /// [`Self::Address`], [`Self::Date`], [`Self::Text`], [`Self::Token`] or [`Self::Encoded`].
        value: Box<Self>,
    },
    /// X-Mms-MM-Flags.
    MmFlags {
        /// What to do with the keyword: a token of the field.
        operation: u8,
        /// The keyword.
        keyword: String,
    },
    /// X-Mms-Mbox-Totals and X-Mms-Mbox-Quotas.
    Totals {
        /// Of what: a token of the field.
        unit: u8,
        /// How many.
        amount: u64,
    },
    /// The name of a field, in X-Mms-Attributes.
    FieldName(HeaderName),
    /// X-Mms-Element-Descriptor.
    ElementDescriptor(Box<ElementDescriptor>),
    /// The octets as on the wire, length prefix or NUL included: the value of a field without a form
    /// of ours, or one that does not have the form of its field.
    Raw(Bytes),
}

impl Value {
    /// Whether a field of this form can have this value.
    #[must_use]
    pub fn fits(&self, form: Form) -> bool {
        match (form, self) {
            (_, Self::Raw(_))
            | (Form::Text, Self::Text(_))
            | (Form::Encoded, Self::Encoded(_))
            | (Form::Address, Self::Address(_))
            | (Form::From, Self::Address(_) | Self::InsertAddress)
            | (Form::YesNo | Form::Token, Self::Token(_))
            | (Form::MessageClass, Self::Token(_) | Self::Text(_))
            | (Form::Version, Self::Version(_))
            | (Form::Date, Self::Date(_))
            | (Form::Time, Self::Time(_))
            | (Form::Long | Form::Integer, Self::Integer(_))
            | (Form::MmFlags, Self::MmFlags { .. })
            | (Form::Totals, Self::Totals { .. })
            | (Form::FieldName, Self::FieldName(_))
            | (Form::ElementDescriptor, Self::ElementDescriptor(_)) => true,
            (Form::PreviouslySentBy, Self::Counted { value, .. }) => {
                matches!(**value, Self::Address(_))
            }
            (Form::PreviouslySentDate, Self::Counted { value, .. }) => {
                matches!(**value, Self::Date(_))
            }
            (Form::Text | Form::Token | Form::Encoded, Self::Counted { value, .. }) => {
                !matches!(**value, Self::Raw(_) | Self::Counted { .. }) && value.fits(form)
            }
            _ => false,
        }
    }
}

/// X-Mms-Element-Descriptor (clause 7.3.18).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementDescriptor {
    /// Content-ID or Content-Location of the part that is described.
    pub content_reference: String,
    /// Parameters in order: name in lower case and value. The specification has one, `type`; one
    /// with another number is called `parameter-0x83` and its value is hexadecimal.
    pub parameters: Vec<(String, String)>,
}

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: HeaderName,
    /// Its value.
    pub value: Value,
}

impl Header {
    /// A field with its value.
    #[must_use]
    pub fn new(name: impl Into<HeaderName>, value: Value) -> Self {
        Self { name: name.into(), value }
    }

    /// The value of the first header of a field.
    #[must_use]
    pub fn find<'a>(headers: &'a [Self], field: &Field) -> Option<&'a Value> {
        let found = headers.iter().find(|header| header.name.field() == Some(field));
        found.map(|header| &header.value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::field;
    use super::*;

    #[test]
    fn names_for_json_lead_back() {
        for code in 0..=0x7F {
            let name = HeaderName::of_code(code);
            assert_eq!(HeaderName::of_json_name(&name.json_name()), Some(name));
        }
        assert_eq!(HeaderName::of_code(0xD2).json_name(), "field-0xd2");
        assert_eq!(
            HeaderName::of_json_name("x-scanned-by"),
            Some(HeaderName::Text("x-scanned-by".into()))
        );
        for bad in ["", "a b", "a:", "\u{e9}", "field-0xzz"] {
            assert_eq!(HeaderName::of_json_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn values_fit_the_forms_they_have_on_the_wire() {
        let counted = |value| Value::Counted { count: 1, value: Box::new(value) };
        assert!(Value::InsertAddress.fits(Form::From));
        assert!(!Value::InsertAddress.fits(Form::Address));
        assert!(counted(Value::Token(0x80)).fits(field::RESPONSE_STATUS.form));
        assert!(!counted(Value::Text("a".into())).fits(field::RESPONSE_STATUS.form));
        assert!(!counted(counted(Value::Token(0x80))).fits(field::RESPONSE_STATUS.form));
        assert!(counted(Value::Address("a".into())).fits(field::PREVIOUSLY_SENT_BY.form));
        assert!(Value::Raw(Bytes::new()).fits(Form::Date));
    }
}

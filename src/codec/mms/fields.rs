//! Splitting a PDU into header fields, and reading their values (OMA-TS-MMS_ENC-V1_3 clause 7).
//!
//! The split comes first and goes by the extent of each value alone, so a value that makes no
//! sense spoils nothing but itself; what nobody asks for stays for [`RawHeader`].

use std::ops::Range;

use super::{Expiry, From, MessageClass, Priority, RawHeader, Version, encoded_word};
use crate::codec::wsp::{Reader, Warnings, charset};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::model::{Address, Timestamp};

/// Most header fields of one PDU: hundreds of recipients fit, a field for every two octets of a
/// megabyte does not.
pub const MAX_FIELDS: usize = 1024;

/// How a value is laid out, as far as its extent depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// By its first octet (WAP-230 clause 8.4.1.2).
    Generic,
    /// A text, or an encoded string: one that begins above 0x7F without quote goes to its NUL.
    Text,
}

/// A header field with a number.
#[derive(Debug)]
pub(super) struct Known {
    /// The number without its high bit.
    pub(super) code: u8,
    /// The name in the specification.
    pub(super) name: &'static str,
    extent: Extent,
}

macro_rules! fields {
    ($($constant:ident = $code:literal $name:literal $extent:ident,)+) => {
        $(pub(super) const $constant: Known =
            Known { code: $code, name: $name, extent: Extent::$extent };)+
        const TABLE: &[Known] = &[$($constant,)+];
    };
}

fields! {
    BCC = 0x01 "Bcc" Text,
    CC = 0x02 "Cc" Text,
    CONTENT_LOCATION = 0x03 "X-Mms-Content-Location" Text,
    CONTENT_TYPE = 0x04 "Content-Type" Generic,
    DATE = 0x05 "Date" Generic,
    DELIVERY_REPORT = 0x06 "X-Mms-Delivery-Report" Generic,
    DELIVERY_TIME = 0x07 "X-Mms-Delivery-Time" Generic,
    EXPIRY = 0x08 "X-Mms-Expiry" Generic,
    FROM = 0x09 "From" Generic,
    MESSAGE_CLASS = 0x0A "X-Mms-Message-Class" Generic,
    MESSAGE_ID = 0x0B "Message-ID" Text,
    MESSAGE_TYPE = 0x0C "X-Mms-Message-Type" Generic,
    VERSION = 0x0D "X-Mms-MMS-Version" Generic,
    MESSAGE_SIZE = 0x0E "X-Mms-Message-Size" Generic,
    PRIORITY = 0x0F "X-Mms-Priority" Generic,
    READ_REPORT = 0x10 "X-Mms-Read-Report" Generic,
    REPORT_ALLOWED = 0x11 "X-Mms-Report-Allowed" Generic,
    RESPONSE_STATUS = 0x12 "X-Mms-Response-Status" Generic,
    RESPONSE_TEXT = 0x13 "X-Mms-Response-Text" Text,
    SENDER_VISIBILITY = 0x14 "X-Mms-Sender-Visibility" Generic,
    STATUS = 0x15 "X-Mms-Status" Generic,
    SUBJECT = 0x16 "Subject" Text,
    TO = 0x17 "To" Text,
    TRANSACTION_ID = 0x18 "X-Mms-Transaction-Id" Text,
    RETRIEVE_STATUS = 0x19 "X-Mms-Retrieve-Status" Generic,
    RETRIEVE_TEXT = 0x1A "X-Mms-Retrieve-Text" Text,
    READ_STATUS = 0x1B "X-Mms-Read-Status" Generic,
}

const UNKNOWN_FIELD: &str = "header field";

#[derive(Debug)]
struct Field {
    /// Number without its high bit; `None` for a field named by text.
    code: Option<u8>,
    name: Range<usize>,
    value: Range<usize>,
    taken: bool,
}

/// The fields of one PDU up to Content-Type.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pdu: Reader<'a>,
    list: Vec<Field>,
    /// Why the list ends early, if it does.
    broken: Option<DecodeError>,
    /// Offset of the Content-type-value.
    pub(super) content: Option<usize>,
    pub(super) warnings: Warnings,
}

impl<'a> Fields<'a> {
    /// Splits the PDU. A field whose extent cannot be told ends the list with a warning.
    pub(super) fn split(pdu: Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Self {
            pdu: pdu.clone(),
            list: Vec::with_capacity(16),
            broken: None,
            content: None,
            warnings: Warnings::new(),
        };
        let mut reader = pdu;
        while let Some(first) = reader.peek() {
            if first == 0 {
                let zeros = reader.left().iter().take_while(|&&octet| octet == 0).count();
                fields.warnings.note(UNKNOWN_FIELD, reader.position(), "stray NUL octets");
                reader.take(zeros, UNKNOWN_FIELD)?;
                continue;
            }
            if fields.list.len() == MAX_FIELDS {
                let kind = DecodeErrorKind::LimitExceeded { limit: MAX_FIELDS };
                return Err(reader.error(UNKNOWN_FIELD, kind));
            }
            if first == 0x80 | CONTENT_TYPE.code {
                fields.content = Some(reader.position() + 1);
                break;
            }
            match one(&mut reader) {
                Ok(field) => fields.list.push(field),
                Err(error) => {
                    let text = format!("not read, nor what follows: {}", error.kind);
                    fields.warnings.not_understood(error.field, error.offset, text);
                    fields.broken = Some(error);
                    break;
                }
            }
        }
        Ok(fields)
    }

    /// The error for a PDU that lacks `known`: what broke the list, if it is broken.
    pub(super) fn missing(&self, known: &Known) -> DecodeError {
        self.broken.clone().unwrap_or_else(|| DecodeError {
            field: known.name,
            offset: self.pdu.position(),
            kind: DecodeErrorKind::MissingField,
        })
    }

    /// Takes the first field of this number with what `read` makes of its value. A value that
    /// cannot be read leaves the field where it is, with a warning.
    fn take<T>(
        &mut self,
        known: &Known,
        read: impl FnOnce(Reader<'a>, &mut Warnings) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let field = self.list.iter_mut().find(|field| field.code == Some(known.code))?;
        if field.taken {
            return None;
        }
        match read(self.pdu.within(field.value.clone()), &mut self.warnings) {
            Ok(value) => {
                field.taken = true;
                Some(value)
            }
            Err(error) => {
                let text = format!("left unread: {}", error.kind);
                self.warnings.not_understood(known.name, error.offset, text);
                None
            }
        }
    }

    /// A Text-string.
    pub(super) fn text(&mut self, known: &Known) -> Option<String> {
        let name = known.name;
        let text = self.take(known, |mut value, warnings| {
            if value.peek() == Some(0) {
                warnings.note(name, value.position(), "empty");
            }
            match value.peek() {
                // Some write an encoded string where the specification has a plain one.
                Some(1..=0x1F) => {
                    warnings.note(name, value.position(), "a text with a length");
                    value.encoded_string(name, warnings)
                }
                _ => value.text_string(name).map(|text| charset::to_text(text, None)),
            }
        });
        text.filter(|text| !text.is_empty())
    }

    /// An Encoded-string; an empty one counts as absent.
    pub(super) fn encoded(&mut self, known: &Known) -> Option<String> {
        let name = known.name;
        let text = self.take(known, |mut value, warnings| {
            let start = value.position();
            let text = value.encoded_string(name, warnings)?;
            let text = match encoded_word::decode(&text) {
                Some(decoded) => {
                    warnings.note(name, start, "RFC 2047 encoded words");
                    decoded
                }
                None => text,
            };
            if text.is_empty() {
                warnings.note(name, start, "empty");
            }
            Ok(text)
        });
        text.filter(|text| !text.is_empty())
    }

    /// Every address of a repeated field.
    pub(super) fn addresses(&mut self, known: &Known) -> Vec<Address> {
        let mut addresses = Vec::new();
        for field in self.list.iter_mut().filter(|field| field.code == Some(known.code)) {
            let mut value = self.pdu.within(field.value.clone());
            let start = value.position();
            match value.encoded_string(known.name, &mut self.warnings) {
                Ok(text) if text.trim().is_empty() => {
                    self.warnings.note(known.name, start, "empty");
                    field.taken = true;
                }
                Ok(text) => {
                    addresses.push(Address::from_wire(&text));
                    field.taken = true;
                }
                Err(error) => {
                    let text = format!("left unread: {}", error.kind);
                    self.warnings.not_understood(known.name, error.offset, text);
                }
            }
        }
        addresses
    }

    /// One octet above 0x7F, which some wrap into a length.
    pub(super) fn token(&mut self, known: &Known) -> Option<u8> {
        self.take(known, |value, warnings| token(value, known.name, warnings))
    }

    /// A field of two octet values, the first of which is `true`.
    pub(super) fn flag(&mut self, known: &Known) -> Option<bool> {
        self.take(known, |value, warnings| match token(value.clone(), known.name, warnings)? {
            0x80 => Ok(true),
            0x81 => Ok(false),
            other => Err(value.error(known.name, DecodeErrorKind::InvalidValue(other))),
        })
    }

    /// An Integer-value.
    pub(super) fn integer(&mut self, known: &Known) -> Option<u64> {
        self.take(known, |mut value, _| value.integer(known.name))
    }

    /// A Date-value.
    pub(super) fn date(&mut self, known: &Known) -> Option<Timestamp> {
        self.integer(known).map(timestamp)
    }

    /// X-Mms-MMS-Version; 1.0 with a warning when there is none.
    pub(super) fn version(&mut self) -> Version {
        let octet = self.token(&VERSION);
        if octet.is_none() {
            self.warnings.note(VERSION.name, self.pdu.position(), "absent, taken as 1.0");
        }
        octet.map_or(Version::V1_0, |octet| Version {
            major: (octet >> 4) & 0x07,
            minor: octet & 0x0F,
        })
    }

    /// From.
    pub(super) fn from(&mut self) -> Option<From> {
        self.take(&FROM, |mut value, warnings| {
            let start = value.position();
            match value.peek() {
                Some(0..=0x1F) => {
                    value.value_length(FROM.name)?;
                }
                Some(0x20..=0x7F) => {
                    warnings.note(FROM.name, start, "an address without length and token");
                    return Ok(address_or_none(&value.encoded_string(FROM.name, warnings)?));
                }
                _ => warnings.note(FROM.name, start, "a token without length"),
            }
            match value.peek() {
                Some(0x81) => Ok(Some(From::InsertAddress)),
                Some(0x80) => {
                    value.u8(FROM.name)?;
                    if value.is_empty() {
                        return Ok(None);
                    }
                    let text = value.encoded_string(FROM.name, warnings)?;
                    let text = encoded_word::decode(&text).unwrap_or(text);
                    Ok(address_or_none(&text))
                }
                Some(0x20..=0x7F) => {
                    warnings.note(FROM.name, start, "an address without token");
                    Ok(address_or_none(&value.encoded_string(FROM.name, warnings)?))
                }
                Some(other) => Err(value.error(FROM.name, DecodeErrorKind::InvalidValue(other))),
                None => Ok(None),
            }
        })
        .flatten()
    }

    /// X-Mms-Expiry or X-Mms-Delivery-Time, as on the wire.
    pub(super) fn expiry(&mut self, known: &Known) -> Option<Expiry> {
        let name = known.name;
        self.take(known, |mut value, warnings| {
            let start = value.position();
            value.value_length(name)?;
            match value.peek() {
                Some(0x80) => {
                    value.u8(name)?;
                    value.integer(name).map(|seconds| Expiry::At(timestamp(seconds)))
                }
                Some(0x81) => {
                    value.u8(name)?;
                    let seconds = value.integer(name)?;
                    Ok(Expiry::After(std::time::Duration::from_secs(seconds)))
                }
                Some(octet @ 0x82..) => {
                    Err(value.error(name, DecodeErrorKind::InvalidValue(octet)))
                }
                _ => {
                    // A bare Date-value: its length was read as the length of the whole.
                    warnings.note(name, start, "a time without token, taken as absolute");
                    let mut whole = value.within(start..usize::MAX);
                    whole.long_integer(name).map(|seconds| Expiry::At(timestamp(seconds)))
                }
            }
        })
    }

    /// X-Mms-Message-Class.
    pub(super) fn message_class(&mut self) -> Option<MessageClass> {
        let name = MESSAGE_CLASS.name;
        self.take(&MESSAGE_CLASS, |mut value, warnings| match value.peek() {
            Some(0x20..=0x7F) => {
                let text = charset::to_text(value.text_string(name)?, None);
                Ok(MessageClass::from_text(&text))
            }
            _ => match token(value.clone(), name, warnings)? {
                0x80 => Ok(MessageClass::Personal),
                0x81 => Ok(MessageClass::Advertisement),
                0x82 => Ok(MessageClass::Informational),
                0x83 => Ok(MessageClass::Auto),
                other => Err(value.error(name, DecodeErrorKind::InvalidValue(other))),
            },
        })
    }

    /// X-Mms-Priority.
    pub(super) fn priority(&mut self) -> Option<Priority> {
        let name = PRIORITY.name;
        self.take(&PRIORITY, |value, warnings| match token(value.clone(), name, warnings)? {
            0x80 => Ok(Priority::Low),
            0x81 => Ok(Priority::Normal),
            0x82 => Ok(Priority::High),
            other => Err(value.error(name, DecodeErrorKind::InvalidValue(other))),
        })
    }

    /// The fields that nobody took, in order.
    pub(super) fn rest(&mut self) -> Vec<RawHeader> {
        let mut extra = Vec::new();
        let mut seen = [false; 128];
        for field in &self.list {
            let at = field.name.start;
            if let Some(slot) = field.code.and_then(|code| seen.get_mut(usize::from(code))) {
                if *slot && !field.taken {
                    self.warnings.note(name_of(field.code), at, "repeated; the first one counts");
                }
                *slot |= field.taken;
            }
            if field.taken {
                continue;
            }
            let value = self.pdu.slice(field.value.clone());
            // Nothing is lost with an empty value, which is how padding behind the end looks.
            if value.as_ref() == [0] && field.code.is_some() {
                self.warnings.note(name_of(field.code), at, "an empty value, left out");
                continue;
            }
            let name = self.pdu.slice(field.name.clone()).to_vec();
            extra.push(RawHeader { name, value });
        }
        extra
    }
}

fn one(reader: &mut Reader<'_>) -> Result<Field, DecodeError> {
    let start = reader.position();
    match reader.peek() {
        Some(octet @ 0..=0x1F) => {
            return Err(reader.error(UNKNOWN_FIELD, DecodeErrorKind::InvalidValue(octet)));
        }
        Some(0x20..=0x7F) => {
            reader.text_string(UNKNOWN_FIELD)?;
            let name = start..reader.position().saturating_sub(1);
            let value = reader.skip_value(UNKNOWN_FIELD)?;
            return Ok(Field { code: None, name, value, taken: false });
        }
        _ => {}
    }
    let octet = reader.u8(UNKNOWN_FIELD)?;
    let code = octet & 0x7F;
    let known = TABLE.iter().find(|known| known.code == code);
    let name = known.map_or(UNKNOWN_FIELD, |known| known.name);
    let value = match known.map(|known| known.extent) {
        Some(Extent::Text) if matches!(reader.peek(), Some(0x80..)) => {
            let from = reader.position();
            reader.text_string(name)?;
            from..reader.position()
        }
        _ => reader.skip_value(name)?,
    };
    Ok(Field { code: Some(code), name: start..start + 1, value, taken: false })
}

fn name_of(code: Option<u8>) -> &'static str {
    TABLE.iter().find(|known| Some(known.code) == code).map_or(UNKNOWN_FIELD, |known| known.name)
}

fn token(
    mut value: Reader<'_>,
    name: &'static str,
    warnings: &mut Warnings,
) -> Result<u8, DecodeError> {
    let start = value.position();
    match value.u8(name)? {
        octet @ 0x80.. => Ok(octet),
        0x01 => {
            warnings.note(name, start, "an octet with a length");
            value.u8(name)
        }
        other => Err(DecodeError {
            field: name,
            offset: start,
            kind: DecodeErrorKind::InvalidValue(other),
        }),
    }
}

fn timestamp(seconds: u64) -> Timestamp {
    Timestamp::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

fn address_or_none(text: &str) -> Option<From> {
    (!text.trim().is_empty()).then(|| From::Address(Address::from_wire(text)))
}

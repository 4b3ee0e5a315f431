//! Values from octets by the form of their field (OMA-TS-MMS_ENC-V1_3 clauses 7.2 and 7.3).
//!
//! What the field writes beside the specification is read with a warning; a value that cannot be
//! read at all is kept as it is, with a warning too.

use super::expiry::{EPOCH_OF_MMS, MAX_VALIDITY};
use super::field::{self, Field, Form};
use super::{ElementDescriptor, Expiry, HeaderName, Value, Version, encoded_word, wire_text};
use crate::codec::wsp::{ContentType, Reader, Warnings};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::model::Timestamp;

/// Most parameters of an X-Mms-Element-Descriptor; the specification has one.
const MAX_PARAMETERS: usize = 64;

/// Says nothing inside a text, and one or more of them come before some.
const BYTE_ORDER_MARK: char = '\u{FEFF}';
const BYTE_ORDER_MARK_IN_UTF8: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Reads the value of `field` that fills `reader`. `counted` is for M-Mbox-Delete.conf and
/// M-Delete.conf, where some fields begin with a count.
pub(super) fn value(
    field: &'static Field,
    counted: bool,
    mut reader: Reader<'_>,
    warnings: &mut Warnings,
) -> Value {
    let whole = reader.clone();
    let mut value = Values { field, name: field.name, warnings };
    match value.of_form(counted, &mut reader) {
        Ok(read) => {
            if !reader.is_empty() {
                warnings.note(
                    field.name,
                    reader.position(),
                    "octets behind the value, passed over",
                );
            }
            read
        }
        Err(error) => {
            let text = format!("left unread: {}", error.kind);
            warnings.not_understood(field.name, error.offset, text);
            Value::Raw(whole.clone().rest())
        }
    }
}

struct Values<'w> {
    field: &'static Field,
    name: &'static str,
    warnings: &'w mut Warnings,
}

type Read = Result<Value, DecodeError>;

impl Values<'_> {
    fn of_form(&mut self, counted: bool, reader: &mut Reader<'_>) -> Read {
        let counts = [field::CONTENT_LOCATION, field::RESPONSE_STATUS, field::RESPONSE_TEXT];
        if counted && counts.contains(&self.field) {
            return self.perhaps_counted(reader);
        }
        match self.field.form {
            Form::Text => self.text(reader).map(Value::Text),
            Form::Encoded => self.encoded(reader).map(Value::Encoded),
            Form::Address => self.address(reader),
            Form::From => self.from(reader),
            Form::YesNo | Form::Token => self.token(reader),
            Form::MessageClass => match reader.peek() {
                Some(0x20..=0x7F) => self.text(reader).map(Value::Text),
                _ => self.token(reader),
            },
            Form::Version => {
                self.octet(reader).map(|octet| Value::Version(Version::of_octet(octet)))
            }
            Form::Date => self.date(reader).map(Value::Date),
            Form::Time => self.time(reader),
            Form::Long => self.long(reader).map(Value::Integer),
            Form::Integer => self.integer(reader).map(Value::Integer),
            Form::PreviouslySentBy => self.counted(reader, Self::address),
            Form::PreviouslySentDate => {
                self.counted(reader, |this, reader| this.date(reader).map(Value::Date))
            }
            Form::MmFlags => {
                reader.value_length(self.name)?;
                let Value::Token(operation) = self.token(reader)? else {
                    return Err(self.wrong(reader));
                };
                self.encoded(reader).map(|keyword| Value::MmFlags { operation, keyword })
            }
            Form::Totals => {
                reader.value_length(self.name)?;
                let Value::Token(unit) = self.token(reader)? else {
                    return Err(self.wrong(reader));
                };
                self.integer(reader).map(|amount| Value::Totals { unit, amount })
            }
            Form::FieldName => self.field_name(reader),
            Form::ElementDescriptor => self.element_descriptor(reader),
            Form::ContentType | Form::Opaque => Err(self.wrong(reader)),
        }
    }

    fn note(&mut self, at: usize, text: &str) {
        self.warnings.note(self.name, at, text);
    }

    /// The error for an octet that cannot stand where the reader is.
    fn wrong(&self, reader: &Reader<'_>) -> DecodeError {
        let kind = reader.peek().map_or(DecodeErrorKind::Truncated, DecodeErrorKind::InvalidValue);
        reader.error(self.name, kind)
    }

    fn text(&mut self, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        let start = reader.position();
        let text = match reader.peek() {
            // Some write an encoded string where the specification has a plain one.
            Some(1..=0x1F) => {
                self.note(start, "a text with a length");
                let text = reader.encoded_string(self.name, self.warnings)?;
                wire_text::from_octets(self.without_nul(start, text).as_bytes())
            }
            _ => {
                let octets = reader.text_string(self.name)?;
                let text = wire_text::from_octets(octets);
                if text.len() != octets.len() {
                    self.note(start, "octets that are no UTF-8, kept one by one");
                }
                text
            }
        };
        if text.is_empty() {
            self.note(start, "empty");
        }
        Ok(text)
    }

    /// Encoded words are none of MMS, with a charset around them or without; in a wide one, where
    /// their marks are not of single octets, nobody writes them.
    fn encoded(&mut self, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        let start = reader.position();
        let octets = reader.left();
        let marked = octets.contains(&0xEF)
            && octets.windows(3).any(|octets| octets == BYTE_ORDER_MARK_IN_UTF8);
        let worded = reader.left().windows(2).any(|octets| octets == b"=?");
        let text = reader.encoded_string(self.name, self.warnings)?;
        let mut text = self.without_nul(start, text);
        if worded && let Some(decoded) = encoded_word::decode(&text) {
            self.note(start, "RFC 2047 encoded words");
            text = self.without_nul(start, decoded);
        }
        if marked && !text.contains(BYTE_ORDER_MARK) || text.starts_with(BYTE_ORDER_MARK) {
            self.note(start, "a byte order mark, left out");
            text = text.trim_start_matches(BYTE_ORDER_MARK).to_owned();
        }
        if text.is_empty() {
            self.note(start, "empty");
        }
        Ok(text)
    }

    fn address(&mut self, reader: &mut Reader<'_>) -> Read {
        let start = reader.position();
        let text = self.encoded(reader)?;
        if has_odd_suffix(&text) {
            self.note(start, "a number whose suffix is not /TYPE=PLMN");
        }
        Ok(Value::Address(text))
    }

    /// A text with a length can have NUL inside it, which no writer could give back.
    fn without_nul(&mut self, at: usize, mut text: String) -> String {
        if text.contains('\0') {
            self.note(at, "NUL inside the text, left out");
            text.retain(|character| character != '\0');
        }
        text
    }

    fn from(&mut self, reader: &mut Reader<'_>) -> Read {
        let start = reader.position();
        match reader.peek() {
            Some(0..=0x1F) => {
                reader.value_length(self.name)?;
            }
            Some(0x20..=0x7F) => {
                self.note(start, "an address without length and token");
                return self.address(reader);
            }
            _ => self.note(start, "a token without length"),
        }
        match reader.peek() {
            Some(0x81) => {
                reader.u8(self.name)?;
                Ok(Value::InsertAddress)
            }
            Some(0x80) => {
                reader.u8(self.name)?;
                if reader.is_empty() {
                    self.note(start, "empty");
                    return Ok(Value::Address(String::new()));
                }
                self.address(reader)
            }
            Some(0x20..=0x7F) => {
                self.note(start, "an address without token");
                self.address(reader)
            }
            None => {
                self.note(start, "empty");
                Ok(Value::Address(String::new()))
            }
            Some(_) => Err(self.wrong(reader)),
        }
    }

    /// One octet above 0x7F, which some wrap into a length.
    fn octet(&mut self, reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
        if reader.peek() == Some(0x01) {
            self.note(reader.position(), "an octet with a length");
            reader.u8(self.name)?;
        }
        match reader.peek() {
            Some(0x80..) => reader.u8(self.name),
            _ => Err(self.wrong(reader)),
        }
    }

    fn token(&mut self, reader: &mut Reader<'_>) -> Read {
        let at = reader.position();
        let code = self.octet(reader)?;
        if !self.field.is_named(code) {
            match self.field.token_name(code) {
                Some(word) => {
                    let text = format!("{code:#04x} is reserved, read as {word}");
                    self.warnings.note(self.name, at, text);
                }
                None => {
                    let text = format!("{code:#04x} has no meaning");
                    self.warnings.not_understood(self.name, at, text);
                }
            }
        }
        Ok(Value::Token(code))
    }

    fn long(&mut self, reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
        if matches!(reader.peek(), Some(0x80..)) {
            self.note(reader.position(), "a Short-integer");
        }
        self.integer(reader)
    }

    fn integer(&mut self, reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
        let start = reader.position();
        if let [length @ 2..=30, octets @ ..] = reader.left() {
            let octets = octets.get(..usize::from(*length)).unwrap_or(octets);
            let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
            if octets.len() - zeros > 8 {
                return Err(reader.error(self.name, DecodeErrorKind::LimitExceeded { limit: 8 }));
            }
            if zeros > 0 {
                self.note(start, "zeros in front of the number");
            }
        }
        reader.integer(self.name)
    }

    fn date(&mut self, reader: &mut Reader<'_>) -> Result<Timestamp, DecodeError> {
        let mut back = reader.clone();
        let seconds = self.long(reader)?;
        timestamp(seconds).ok_or_else(|| {
            std::mem::swap(reader, &mut back);
            self.wrong(reader)
        })
    }

    fn time(&mut self, reader: &mut Reader<'_>) -> Read {
        let whole = reader.clone();
        reader.value_length(self.name)?;
        match reader.peek() {
            Some(0x80) => {
                reader.u8(self.name)?;
                let time = self.seconds_since_1970(reader)?;
                if time < EPOCH_OF_MMS {
                    self.note(whole.position(), "a time before there was MMS");
                }
                Ok(Value::Time(Expiry::At(time)))
            }
            Some(0x81) => {
                reader.u8(self.name)?;
                let seconds = self.integer(reader)?;
                if seconds > MAX_VALIDITY.as_secs() {
                    self.note(whole.position(), "more than a year");
                }
                Ok(Value::Time(Expiry::After(std::time::Duration::from_secs(seconds))))
            }
            Some(0x82..) => Err(self.wrong(reader)),
            _ => {
                // A bare Date-value: its length was read as the length of the whole.
                self.note(whole.position(), "a time without token, taken as absolute");
                *reader = whole;
                self.seconds_since_1970(reader).map(|time| Value::Time(Expiry::At(time)))
            }
        }
    }

    fn seconds_since_1970(&mut self, reader: &mut Reader<'_>) -> Result<Timestamp, DecodeError> {
        let error = self.wrong(reader);
        let seconds = self.integer(reader)?;
        timestamp(seconds).ok_or(error)
    }

    fn counted(
        &mut self,
        reader: &mut Reader<'_>,
        inner: impl FnOnce(&mut Self, &mut Reader<'_>) -> Read,
    ) -> Read {
        reader.value_length(self.name)?;
        let count = self.integer(reader)?;
        let value = Box::new(inner(self, reader)?);
        Ok(Value::Counted { count, value })
    }

    /// A value with its count, or one where it was left out.
    fn perhaps_counted(&mut self, reader: &mut Reader<'_>) -> Read {
        let inner = |this: &mut Self, reader: &mut Reader<'_>| this.of_form(false, reader);
        if matches!(reader.peek(), Some(1..=0x1F)) {
            return self.counted(reader, inner);
        }
        self.note(reader.position(), "without its count, taken as 0");
        let value = Box::new(inner(self, reader)?);
        Ok(Value::Counted { count: 0, value })
    }

    fn field_name(&mut self, reader: &mut Reader<'_>) -> Read {
        let at = reader.position();
        if matches!(reader.peek(), Some(0x20..=0x7F)) {
            return self.text(reader).map(|text| Value::FieldName(HeaderName::Text(text)));
        }
        let name = HeaderName::of_code(self.octet(reader)?);
        if let HeaderName::Number(code) = name {
            let text = format!("no field has the number {:#04x}", code | 0x80);
            self.warnings.not_understood(self.name, at, text);
        }
        Ok(Value::FieldName(name))
    }

    /// Clause 7.3.18; the numbers of parameters are of clause 7.4, not WSP's.
    fn element_descriptor(&mut self, reader: &mut Reader<'_>) -> Read {
        reader.value_length(self.name)?;
        let content_reference = self.text(reader)?;
        let mut parameters = Vec::new();
        while !reader.is_empty() {
            if parameters.len() == MAX_PARAMETERS {
                let limit = MAX_PARAMETERS;
                return Err(reader.error(self.name, DecodeErrorKind::LimitExceeded { limit }));
            }
            parameters.push(self.parameter(reader)?);
        }
        Ok(Value::ElementDescriptor(Box::new(ElementDescriptor { content_reference, parameters })))
    }

    fn parameter(&mut self, reader: &mut Reader<'_>) -> Result<(String, String), DecodeError> {
        let at = reader.position();
        match reader.peek() {
            Some(TYPE_PARAMETER) => {
                reader.u8(self.name)?;
                let value = ContentType::decode(reader, self.warnings)?;
                Ok(("type".to_owned(), value.to_string()))
            }
            Some(0x80..) => {
                let code = reader.u8(self.name)?;
                let text = format!("no parameter has the number {code:#04x}");
                self.warnings.not_understood(self.name, at, text);
                let octets = reader.skip_value(self.name)?;
                let value = hex::encode(reader.slice(octets));
                Ok((format!("{UNKNOWN_PARAMETER}{code:02x}"), value))
            }
            _ => {
                let name = self.text(reader)?;
                let value = self.text(reader)?;
                Ok((name, value))
            }
        }
    }
}

/// The parameter Type of X-Mms-Element-Descriptor.
pub(super) const TYPE_PARAMETER: u8 = 0x82;

/// Before the number of a parameter that has no name.
pub(super) const UNKNOWN_PARAMETER: &str = "parameter-0x";

/// Whether behind a telephone number the `/TYPE=PLMN` is cut or misspelt.
fn has_odd_suffix(address: &str) -> bool {
    let Some((number, suffix)) = address.split_once('/') else { return false };
    let digits = number.strip_prefix('+').unwrap_or(number);
    let numeric = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    numeric && suffix != "TYPE=PLMN"
}

/// `None` for a time that a [`Timestamp`] cannot hold, a third of a billion years ahead.
fn timestamp(seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).ok()?;
    (seconds <= i64::MAX / 1000).then(|| Timestamp::from_secs(seconds))
}

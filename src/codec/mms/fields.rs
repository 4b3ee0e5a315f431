//! The fields of one PDU, to be taken by their names (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7).
//!
//! The split goes by the extent of each value alone, so a value that makes no sense spoils nothing
//! but itself. Values are read when they are taken; what nobody takes is left as [`Header`]s.

use std::ops::Range;

use super::field::{self, Field, Form};
use super::types::{Counted, MmFlags, Totals};
use super::{
    Expiry, From, Header, HeaderName, MessageClass, Priority, Value, Version, message_type, read,
    wire_text,
};
use crate::codec::wsp::{Reader, Warnings};
use crate::codec::{DecodeError, DecodeErrorKind};
use crate::model::{Address, Timestamp};

/// Most header fields of one PDU: hundreds of recipients fit, a field for every two octets of a
/// megabyte does not.
pub const MAX_FIELDS: usize = 1024;

pub(super) const UNKNOWN_FIELD: &str = "header field";

/// A field without which the PDU means nothing.
#[derive(Debug)]
pub(super) struct Missing(pub(super) &'static Field);

#[derive(Debug)]
enum Stored {
    /// Where the value lies.
    Wire(Range<usize>),
    /// The value, read.
    Value(Value),
    /// Nothing is left.
    Taken,
}

#[derive(Debug)]
struct Slot {
    name: HeaderName,
    /// Offset of the name.
    at: usize,
    stored: Stored,
    /// Index of the next slot with the same number, or [`NONE`].
    next: u16,
}

/// What most PDUs have at most; this many slots are still a small allocation.
const USUAL_FIELDS: usize = 12;

/// No slot; [`MAX_FIELDS`] keeps every index below it.
const NONE: u16 = u16::MAX;

/// One more than the highest number that a field of the specification has.
const NUMBERS: usize = 64;

/// Up to 1032 octets glibc keeps freed memory at hand.
const _: () = assert!(USUAL_FIELDS * size_of::<Slot>() <= 1032);

/// The fields of one PDU up to Content-Type, without X-Mms-Message-Type.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pdu: Reader<'a>,
    slots: Vec<Slot>,
    /// First and last slot of every number.
    ends: [(u16, u16); NUMBERS],
    pub(super) message_type: Option<u8>,
    /// Offset of X-Mms-Message-Type.
    pub(super) message_type_at: usize,
    /// Why the list ends early, if it does.
    pub(super) broken: Option<DecodeError>,
    /// Offset of the Content-type-value.
    pub(super) content: Option<usize>,
    pub(super) warnings: Warnings,
}

impl<'a> Fields<'a> {
    fn empty(pdu: Reader<'a>) -> Self {
        Self {
            pdu,
            slots: Vec::with_capacity(USUAL_FIELDS),
            ends: [(NONE, NONE); NUMBERS],
            message_type: None,
            message_type_at: 0,
            broken: None,
            content: None,
            warnings: Warnings::new(),
        }
    }

    /// Splits the PDU. A field whose extent cannot be told ends the list with a warning.
    ///
    /// # Errors
    /// Above [`MAX_FIELDS`].
    pub(super) fn split(pdu: Reader<'a>) -> Result<Self, DecodeError> {
        let mut fields = Self::empty(pdu.clone());
        let mut reader = pdu;
        while let Some(first) = reader.peek() {
            if first == 0 {
                let zeros = reader.left().iter().take_while(|&&octet| octet == 0).count();
                fields.warnings.note(UNKNOWN_FIELD, reader.position(), "stray NUL octets");
                reader.take(zeros, UNKNOWN_FIELD)?;
                continue;
            }
            if fields.slots.len() == MAX_FIELDS {
                let kind = DecodeErrorKind::LimitExceeded { limit: MAX_FIELDS };
                return Err(reader.error(UNKNOWN_FIELD, kind));
            }
            if first == 0x80 | field::CONTENT_TYPE.code {
                fields.content = Some(reader.position() + 1);
                break;
            }
            let at = reader.position();
            match extent(&mut reader) {
                Ok((name, value)) => fields.push(name, at, Stored::Wire(value)),
                Err(error) => {
                    let text = format!("not read, nor what follows: {}", error.kind);
                    fields.warnings.not_understood(error.field, error.offset, text);
                    fields.broken = Some(error);
                    break;
                }
            }
        }
        let message_type = fields.first(field::MESSAGE_TYPE).and_then(|at| fields.slots.get(at));
        fields.message_type_at = message_type.map_or(0, |slot| slot.at);
        fields.message_type = fields.token(field::MESSAGE_TYPE);
        fields.check_order();
        Ok(fields)
    }

    /// X-Mms-Message-Type, X-Mms-Transaction-Id where the PDU has one, and X-Mms-MMS-Version stand
    /// first, in that order.
    fn check_order(&mut self) {
        let leading = [field::MESSAGE_TYPE, field::TRANSACTION_ID, field::MMS_VERSION];
        let places = leading.map(|field| self.first(field));
        let without_id = self.message_type.is_some_and(has_no_transaction_id);
        for (rank, (field, place)) in leading.into_iter().zip(places).enumerate() {
            let Some(index) = place else { continue };
            let due = places.iter().take(rank).flatten().filter(|&&other| other < index).count();
            if index > due && !(field == field::TRANSACTION_ID && without_id) {
                let at = self.slots.get(index).map_or(0, |slot| slot.at);
                self.warnings.note(field.name, at, "behind fields that it belongs before");
            }
        }
    }

    /// Notes an X-Mms-Transaction-Id in a PDU that has no place for one; it is kept.
    pub(super) fn note_stray_transaction_id(&mut self) {
        let field = field::TRANSACTION_ID;
        let stray = self.message_type.is_some_and(has_no_transaction_id);
        if let Some(index) = self.first(field).filter(|_| stray) {
            let at = self.slots.get(index).map_or(0, |slot| slot.at);
            self.warnings.note(field.name, at, "this PDU has none");
        }
    }

    /// The fields of a PDU that is no octets yet.
    pub(super) fn of_headers(pdu: Reader<'a>, message_type: u8, headers: Vec<Header>) -> Self {
        let mut fields = Self::empty(pdu);
        for Header { name, value } in headers {
            fields.push(name, 0, Stored::Value(value));
        }
        fields.message_type = Some(message_type);
        fields
    }

    /// Offset of the end of the PDU.
    pub(super) fn end(&self) -> usize {
        self.pdu.position() + self.pdu.remaining()
    }

    fn push(&mut self, name: HeaderName, at: usize, stored: Stored) {
        let index = u16::try_from(self.slots.len()).unwrap_or(NONE);
        if let HeaderName::Known(field) = name
            && let Some((first, last)) = self.ends.get_mut(usize::from(field.code))
        {
            match self.slots.get_mut(usize::from(*last)) {
                Some(slot) => slot.next = index,
                None => *first = index,
            }
            *last = index;
        }
        self.slots.push(Slot { name, at, stored, next: NONE });
    }

    fn counts(&self) -> bool {
        self.message_type.is_some_and(counts_in)
    }

    /// Whether the PDU has the field, whatever its value.
    pub(super) fn has(&self, field: &Field) -> bool {
        self.first(field).is_some()
    }

    fn first(&self, field: &Field) -> Option<usize> {
        let (first, _) = *self.ends.get(usize::from(field.code))?;
        index_of(first)
    }

    /// The value in a slot, out of it. Alone, since a value beside anything else is moved once more.
    #[inline]
    fn lift(&mut self, field: &'static Field, index: usize) -> Option<Value> {
        let counted = self.counts();
        let slot = self.slots.get_mut(index)?;
        if let Stored::Wire(range) = &slot.stored {
            let reader = self.pdu.within(range.clone());
            slot.stored = Stored::Taken;
            return Some(read::value(field, counted, reader, &mut self.warnings));
        }
        match std::mem::replace(&mut slot.stored, Stored::Taken) {
            Stored::Value(value) => Some(value),
            Stored::Wire(_) | Stored::Taken => None,
        }
    }

    /// The index of the next slot of the same field.
    fn next(&self, index: usize) -> Option<usize> {
        index_of(self.slots.get(index)?.next)
    }

    fn put_back(&mut self, index: usize, value: Value) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.stored = Stored::Value(value);
        }
    }

    /// Takes the first value of the field that `convert` can use; the others stay.
    pub(super) fn take<T>(
        &mut self,
        field: &'static Field,
        convert: impl Fn(Value) -> Result<T, Value>,
    ) -> Option<T> {
        let mut at = self.first(field);
        while let Some(index) = at {
            if let Some(value) = self.lift(field, index) {
                match convert(value) {
                    Ok(value) => return Some(value),
                    Err(value) => self.put_back(index, value),
                }
            }
            at = self.next(index);
        }
        None
    }

    /// Takes every value of the field that `convert` can use.
    pub(super) fn all<T>(
        &mut self,
        field: &'static Field,
        convert: impl Fn(Value) -> Result<T, Value>,
    ) -> Vec<T> {
        let mut list = Vec::new();
        let mut at = self.first(field);
        while let Some(index) = at {
            if let Some(value) = self.lift(field, index) {
                match convert(value) {
                    Ok(value) => list.push(value),
                    Err(value) => self.put_back(index, value),
                }
            }
            at = self.next(index);
        }
        list
    }

    /// A Text-string; an empty one counts as absent.
    pub(super) fn text(&mut self, field: &'static Field) -> Option<String> {
        self.take(field, |value| match value {
            Value::Text(text) if !text.is_empty() => Ok(text),
            other => Err(other),
        })
    }

    /// A Text-string that must be there.
    pub(super) fn required_text(&mut self, field: &'static Field) -> Result<String, Missing> {
        self.text(field).ok_or(Missing(field))
    }

    /// The Text-strings of a repeated field.
    pub(super) fn texts(&mut self, field: &'static Field) -> Vec<String> {
        self.all(field, |value| match value {
            Value::Text(text) if !text.is_empty() => Ok(text),
            other => Err(other),
        })
    }

    /// An Encoded-string; an empty one counts as absent.
    pub(super) fn encoded(&mut self, field: &'static Field) -> Option<String> {
        self.take(field, |value| match value {
            Value::Encoded(text) if !text.is_empty() => Ok(text),
            other => Err(other),
        })
    }

    /// Every address of a repeated field.
    pub(super) fn addresses(&mut self, field: &'static Field) -> Vec<Address> {
        self.all(field, |value| match value {
            Value::Address(text) if !blank(&text) => Ok(address(&text)),
            other => Err(other),
        })
    }

    /// The octet of a token, known or not.
    pub(super) fn token(&mut self, field: &'static Field) -> Option<u8> {
        self.take(field, |value| match value {
            Value::Token(code) => Ok(code),
            other => Err(other),
        })
    }

    /// The octet of a token that must be there.
    pub(super) fn required_token(&mut self, field: &'static Field) -> Result<u8, Missing> {
        self.token(field).ok_or(Missing(field))
    }

    /// The octets of a repeated field of tokens.
    pub(super) fn tokens(&mut self, field: &'static Field) -> Vec<u8> {
        self.all(field, |value| match value {
            Value::Token(code) => Ok(code),
            other => Err(other),
        })
    }

    /// A field of two tokens, the first of which is `true`.
    pub(super) fn flag(&mut self, field: &'static Field) -> Option<bool> {
        self.take(field, |value| match value {
            Value::Token(0x80) => Ok(true),
            Value::Token(0x81) => Ok(false),
            other => Err(other),
        })
    }

    /// A number.
    pub(super) fn integer(&mut self, field: &'static Field) -> Option<u64> {
        self.take(field, |value| match value {
            Value::Integer(number) => Ok(number),
            other => Err(other),
        })
    }

    /// A Date-value.
    pub(super) fn date(&mut self, field: &'static Field) -> Option<Timestamp> {
        self.take(field, |value| match value {
            Value::Date(time) => Ok(time),
            other => Err(other),
        })
    }

    /// X-Mms-Expiry and its like, as on the wire.
    pub(super) fn time(&mut self, field: &'static Field) -> Option<Expiry> {
        self.take(field, |value| match value {
            Value::Time(time) => Ok(time),
            other => Err(other),
        })
    }

    /// X-Mms-MMS-Version; 1.0 with a warning when there is none.
    pub(super) fn version(&mut self) -> Version {
        let version = self.take(field::MMS_VERSION, |value| match value {
            Value::Version(version) => Ok(version),
            other => Err(other),
        });
        if version.is_none() {
            let at = self.pdu.position();
            self.warnings.note(field::MMS_VERSION.name, at, "absent, taken as 1.0");
        }
        version.unwrap_or(Version::V1_0)
    }

    /// From.
    pub(super) fn from(&mut self) -> Option<From> {
        self.take(field::FROM, |value| match value {
            Value::InsertAddress => Ok(From::InsertAddress),
            Value::Address(text) if !blank(&text) => Ok(From::Address(address(&text))),
            other => Err(other),
        })
    }

    /// X-Mms-Message-Class.
    pub(super) fn message_class(&mut self) -> Option<MessageClass> {
        self.take(field::MESSAGE_CLASS, |value| match value {
            Value::Token(0x80) => Ok(MessageClass::Personal),
            Value::Token(0x81) => Ok(MessageClass::Advertisement),
            Value::Token(0x82) => Ok(MessageClass::Informational),
            Value::Token(0x83) => Ok(MessageClass::Auto),
            Value::Text(text) if !text.is_empty() => Ok(MessageClass::from_text(&text)),
            other => Err(other),
        })
    }

    /// X-Mms-Priority.
    pub(super) fn priority(&mut self) -> Option<Priority> {
        self.take(field::PRIORITY, |value| match value {
            Value::Token(0x80) => Ok(Priority::Low),
            Value::Token(0x81) => Ok(Priority::Normal),
            Value::Token(0x82) => Ok(Priority::High),
            other => Err(other),
        })
    }

    /// Every X-Mms-MM-Flags.
    pub(super) fn mm_flags(&mut self) -> Vec<MmFlags> {
        self.all(field::MM_FLAGS, |value| match value {
            Value::MmFlags { operation, keyword } => Ok(MmFlags { operation, keyword }),
            other => Err(other),
        })
    }

    /// X-Mms-Mbox-Totals or X-Mms-Mbox-Quotas: one each for messages and octets.
    pub(super) fn totals(&mut self, field: &'static Field) -> Vec<Totals> {
        self.all(field, |value| match value {
            Value::Totals { unit, amount } => Ok(Totals { unit, amount }),
            other => Err(other),
        })
    }

    /// Every X-Mms-Attributes.
    pub(super) fn attributes(&mut self) -> Vec<HeaderName> {
        self.all(field::ATTRIBUTES, |value| match value {
            Value::FieldName(name) => Ok(name),
            other => Err(other),
        })
    }

    /// The values of a repeated field of M-Mbox-Delete.conf or M-Delete.conf, with their counts.
    pub(super) fn counted<T>(
        &mut self,
        field: &'static Field,
        convert: impl Fn(Value) -> Result<T, Value>,
    ) -> Vec<Counted<T>> {
        self.all(field, |value| match value {
            Value::Counted { count, value } => match convert(*value) {
                Ok(value) => Ok(Counted { count, value }),
                Err(value) => Err(Value::Counted { count, value: Box::new(value) }),
            },
            plain => convert(plain).map(|value| Counted { count: 0, value }),
        })
    }

    /// The fields that nobody took, in order. A known field with an empty text says nothing and is
    /// left out: that is also how padding behind the end looks.
    pub(super) fn rest(&mut self) -> Vec<Header> {
        let mut extra = Vec::new();
        let mut taken = [false; NUMBERS];
        let counted = self.counts();
        for slot in std::mem::take(&mut self.slots) {
            let Slot { name, at, stored, .. } = slot;
            let field = name.field();
            let seen = field.and_then(|field| taken.get_mut(usize::from(field.code)));
            let value = match stored {
                Stored::Taken => {
                    if let Some(seen) = seen {
                        *seen = true;
                    }
                    continue;
                }
                Stored::Value(value) => value,
                Stored::Wire(range) => {
                    let reader = self.pdu.within(range);
                    match &name {
                        HeaderName::Known(field) => {
                            read::value(field, counted, reader, &mut self.warnings)
                        }
                        HeaderName::Number(_) => unknown(at, reader, &mut self.warnings),
                        HeaderName::Text(_) => application_value(reader),
                    }
                }
            };
            let says_nothing = match &value {
                Value::Text(text) | Value::Encoded(text) | Value::Address(text) => text.is_empty(),
                _ => false,
            };
            if says_nothing && field.is_some() {
                continue;
            }
            if let (Some(true), Some(field)) = (seen, field)
                && !matches!(value, Value::Raw(_))
            {
                self.warnings.note(field.name, at, "repeated; the first one counts");
            }
            extra.push(Header { name, value });
        }
        extra
    }
}

fn index_of(slot: u16) -> Option<usize> {
    (slot != NONE).then(|| usize::from(slot))
}

/// Blanks and byte order marks around an address are no part of it.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{FEFF}'
}

fn blank(text: &str) -> bool {
    text.chars().all(is_blank)
}

fn address(text: &str) -> Address {
    Address::from_wire(text.trim_matches(is_blank))
}

/// Whether PDUs of this type have no place for X-Mms-Transaction-Id.
const fn has_no_transaction_id(kind: u8) -> bool {
    matches!(
        kind,
        message_type::DELIVERY_IND
            | message_type::READ_REC_IND
            | message_type::READ_ORIG_IND
            | message_type::MBOX_DESCR
    )
}

/// Whether some fields of PDUs of this type begin with a count.
pub(super) fn counts_in(message_type: u8) -> bool {
    [message_type::MBOX_DELETE_CONF, message_type::DELETE_CONF].contains(&message_type)
}

/// The name of the next field and where its value lies.
pub(super) fn extent(reader: &mut Reader<'_>) -> Result<(HeaderName, Range<usize>), DecodeError> {
    let start = reader.position();
    match reader.peek() {
        Some(octet @ 0..=0x1F) => {
            return Err(reader.error(UNKNOWN_FIELD, DecodeErrorKind::InvalidValue(octet)));
        }
        Some(0x20..=0x7F) => {
            reader.text_string(UNKNOWN_FIELD)?;
            let name = reader.slice(start..reader.position().saturating_sub(1));
            let name = HeaderName::Text(wire_text::from_octets(&name));
            let value = value_extent(&name, reader)?;
            return Ok((name, value));
        }
        _ => {}
    }
    let name = HeaderName::of_code(reader.u8(UNKNOWN_FIELD)?);
    let value = value_extent(&name, reader)?;
    Ok((name, value))
}

/// Where the value of a field lies, whatever it says.
pub(super) fn value_extent(
    name: &HeaderName,
    reader: &mut Reader<'_>,
) -> Result<Range<usize>, DecodeError> {
    let spec_name = name.field().map_or(UNKNOWN_FIELD, |field| field.name);
    let form = name.field().map(|field| field.form);
    // A text that begins above 0x7F without its quote goes to its NUL.
    let textual = matches!(form, Some(Form::Text | Form::Encoded | Form::Address));
    if textual && matches!(reader.peek(), Some(0x80..)) {
        let from = reader.position();
        reader.text_string(spec_name)?;
        return Ok(from..reader.position());
    }
    reader.skip_value(spec_name)
}

fn unknown(at: usize, mut value: Reader<'_>, warnings: &mut Warnings) -> Value {
    warnings.not_understood(UNKNOWN_FIELD, at, "a field of unknown number, kept as it is");
    Value::Raw(value.rest())
}

/// A value that belongs to a name in text: a text, or octets where it is none.
pub(super) fn application_value(mut value: Reader<'_>) -> Value {
    let octets = value.rest();
    match octets.strip_suffix(&[0]) {
        // Only what the writer gives back octet for octet.
        Some(text @ ([] | [0x20..=0x7E, ..])) => Value::Text(wire_text::from_octets(text)),
        _ => Value::Raw(octets),
    }
}

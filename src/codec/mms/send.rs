//! M-Send.req and M-Send.conf (OMA-TS-MMS_ENC-V1_3 clauses 6.1.1 and 6.1.2).

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::{Body, Content};
use super::{Expiry, From, Header, MessageClass, Priority, ResponseStatus, Version, field};
use crate::codec::wsp::ContentType;
use crate::model::{Address, Timestamp};

/// M-Send.req (clause 6.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct SendReq {
    pub transaction_id: String,
    pub version: Version,
    pub date: Option<Timestamp>,
    pub from: From,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub subject: Option<String>,
    pub message_class: Option<MessageClass>,
    pub expiry: Option<Expiry>,
    pub delivery_time: Option<Expiry>,
    pub priority: Option<Priority>,
    pub sender_visibility_hide: Option<bool>,
    pub delivery_report: Option<bool>,
    pub read_report: Option<bool>,
    /// Reply charging, storing, applications and content classes of MMS 1.1 to 1.3, and whatever the
    /// other side adds.
    pub extra: Vec<Header>,
    pub content_type: ContentType,
    pub body: Body,
}

impl SendReq {
    pub(super) fn read(fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        let transaction_id = fields.required_text(field::TRANSACTION_ID)?;
        let version = fields.version();
        let from = fields.from();
        if from.is_none() {
            fields.warnings.note(field::FROM.name, 0, "absent, taken as insert-address");
        }
        let Content { content_type, body } = content.ok_or(Missing(field::CONTENT_TYPE))?;
        Ok(Self {
            transaction_id,
            version,
            date: fields.date(field::DATE),
            from: from.unwrap_or(From::InsertAddress),
            to: fields.addresses(field::TO),
            cc: fields.addresses(field::CC),
            bcc: fields.addresses(field::BCC),
            subject: fields.encoded(field::SUBJECT),
            message_class: fields.message_class(),
            expiry: fields.time(field::EXPIRY),
            delivery_time: fields.time(field::DELIVERY_TIME),
            priority: fields.priority(),
            sender_visibility_hide: fields.flag(field::SENDER_VISIBILITY),
            delivery_report: fields.flag(field::DELIVERY_REPORT),
            read_report: fields.flag(field::READ_REPORT),
            extra: fields.rest(),
            content_type,
            body,
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.maybe_date(field::DATE, self.date);
        out.from(&self.from);
        out.addresses(field::TO, &self.to);
        out.addresses(field::CC, &self.cc);
        out.addresses(field::BCC, &self.bcc);
        out.maybe_encoded(field::SUBJECT, self.subject.as_deref());
        out.maybe_message_class(self.message_class.as_ref());
        out.maybe_time(field::EXPIRY, self.expiry);
        out.maybe_time(field::DELIVERY_TIME, self.delivery_time);
        out.maybe_priority(self.priority);
        out.maybe_flag(field::SENDER_VISIBILITY, self.sender_visibility_hide);
        out.maybe_flag(field::DELIVERY_REPORT, self.delivery_report);
        out.maybe_flag(field::READ_REPORT, self.read_report);
        out.extra(&self.extra);
    }
}

/// M-Send.conf (clause 6.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct SendConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub response_status: ResponseStatus,
    pub response_text: Option<String>,
    pub message_id: Option<String>,
    /// Content-Location and Store-Status of MMS 1.2, and whatever the other side adds.
    pub extra: Vec<Header>,
}

impl SendConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            response_status: ResponseStatus(fields.required_token(field::RESPONSE_STATUS)?),
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            response_text: fields.encoded(field::RESPONSE_TEXT),
            message_id: fields.text(field::MESSAGE_ID),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.token(field::RESPONSE_STATUS, self.response_status.0);
        out.maybe_encoded(field::RESPONSE_TEXT, self.response_text.as_deref());
        out.maybe_text(field::MESSAGE_ID, self.message_id.as_deref());
        out.extra(&self.extra);
    }
}

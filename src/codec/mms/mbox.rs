//! Messages in the MMBox, the subscriber's store in the network: M-Mbox-Store, -View, -Upload and -Descr
//! (OMA-TS-MMS_ENC-V1_3 clause 6, since MMS 1.2).

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::{Content, MmFlags, Totals};
use super::{
    From, Header, HeaderName, MessageClass, MmState, Priority, ResponseStatus, StoreStatus,
    Version, field,
};
use crate::model::{Address, Timestamp};

/// M-Mbox-Store.req: keep a message that was notified, or change the state of one that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxStoreReq {
    pub transaction_id: String,
    pub version: Version,
    pub content_location: String,
    pub mm_state: Option<MmState>,
    pub mm_flags: Vec<MmFlags>,
    pub extra: Vec<Header>,
}

impl MboxStoreReq {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            content_location: fields.required_text(field::CONTENT_LOCATION)?,
            mm_state: fields.token(field::MM_STATE).map(MmState),
            mm_flags: fields.mm_flags(),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.text(field::CONTENT_LOCATION, &self.content_location);
        out.maybe_token(field::MM_STATE, self.mm_state.map(|code| code.0));
        out.mm_flags(&self.mm_flags);
        out.extra(&self.extra);
    }
}

/// M-Mbox-Store.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxStoreConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub content_location: Option<String>,
    pub store_status: StoreStatus,
    pub store_status_text: Option<String>,
    pub extra: Vec<Header>,
}

impl MboxStoreConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            content_location: fields.text(field::CONTENT_LOCATION),
            store_status: StoreStatus(fields.required_token(field::STORE_STATUS)?),
            store_status_text: fields.encoded(field::STORE_STATUS_TEXT),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.maybe_text(field::CONTENT_LOCATION, self.content_location.as_deref());
        out.token(field::STORE_STATUS, self.store_status.0);
        out.maybe_encoded(field::STORE_STATUS_TEXT, self.store_status_text.as_deref());
        out.extra(&self.extra);
    }
}

/// M-Mbox-View.req: describe some or all messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxViewReq {
    pub transaction_id: String,
    pub version: Version,
    /// The messages; none for all that the states and flags choose.
    pub content_location: Vec<String>,
    pub mm_state: Vec<MmState>,
    pub mm_flags: Vec<MmFlags>,
    pub start: Option<u64>,
    pub limit: Option<u64>,
    /// The header fields to describe them by.
    pub attributes: Vec<HeaderName>,
    pub totals: Option<bool>,
    pub quotas: Option<bool>,
    pub extra: Vec<Header>,
}

impl MboxViewReq {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            content_location: fields.texts(field::CONTENT_LOCATION),
            mm_state: fields.tokens(field::MM_STATE).into_iter().map(MmState).collect(),
            mm_flags: fields.mm_flags(),
            start: fields.integer(field::START),
            limit: fields.integer(field::LIMIT),
            attributes: fields.attributes(),
            totals: fields.flag(field::TOTALS),
            quotas: fields.flag(field::QUOTAS),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.texts(field::CONTENT_LOCATION, &self.content_location);
        for code in &self.mm_state {
            out.token(field::MM_STATE, code.0);
        }
        out.mm_flags(&self.mm_flags);
        out.maybe_integer(field::START, self.start);
        out.maybe_integer(field::LIMIT, self.limit);
        out.attributes(&self.attributes);
        out.maybe_flag(field::TOTALS, self.totals);
        out.maybe_flag(field::QUOTAS, self.quotas);
        out.extra(&self.extra);
    }
}

/// M-Mbox-View.conf; its body is a multipart of M-Mbox-Descr.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxViewConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub response_status: ResponseStatus,
    pub response_text: Option<String>,
    pub content_location: Vec<String>,
    pub mm_state: Vec<MmState>,
    pub mm_flags: Vec<MmFlags>,
    pub start: Option<u64>,
    pub limit: Option<u64>,
    pub attributes: Vec<HeaderName>,
    pub mbox_totals: Vec<Totals>,
    pub mbox_quotas: Vec<Totals>,
    pub message_count: Option<u64>,
    pub extra: Vec<Header>,
    pub content: Option<Content>,
}

impl MboxViewConf {
    pub(super) fn read(fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            response_status: ResponseStatus(fields.required_token(field::RESPONSE_STATUS)?),
            response_text: fields.encoded(field::RESPONSE_TEXT),
            content_location: fields.texts(field::CONTENT_LOCATION),
            mm_state: fields.tokens(field::MM_STATE).into_iter().map(MmState).collect(),
            mm_flags: fields.mm_flags(),
            start: fields.integer(field::START),
            limit: fields.integer(field::LIMIT),
            attributes: fields.attributes(),
            mbox_totals: fields.totals(field::MBOX_TOTALS),
            mbox_quotas: fields.totals(field::MBOX_QUOTAS),
            message_count: fields.integer(field::MESSAGE_COUNT),
            extra: fields.rest(),
            content,
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.token(field::RESPONSE_STATUS, self.response_status.0);
        out.maybe_encoded(field::RESPONSE_TEXT, self.response_text.as_deref());
        out.texts(field::CONTENT_LOCATION, &self.content_location);
        for code in &self.mm_state {
            out.token(field::MM_STATE, code.0);
        }
        out.mm_flags(&self.mm_flags);
        out.maybe_integer(field::START, self.start);
        out.maybe_integer(field::LIMIT, self.limit);
        out.attributes(&self.attributes);
        out.totals(field::MBOX_TOTALS, &self.mbox_totals);
        out.totals(field::MBOX_QUOTAS, &self.mbox_quotas);
        out.maybe_integer(field::MESSAGE_COUNT, self.message_count);
        out.extra(&self.extra);
    }
}

/// M-Mbox-Upload.req; its body holds the message as M-Mbox-Descr.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxUploadReq {
    pub transaction_id: String,
    pub version: Version,
    pub mm_state: Option<MmState>,
    pub mm_flags: Vec<MmFlags>,
    pub extra: Vec<Header>,
    pub content: Content,
}

impl MboxUploadReq {
    pub(super) fn read(fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        let content = content.ok_or(Missing(field::CONTENT_TYPE))?;
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            mm_state: fields.token(field::MM_STATE).map(MmState),
            mm_flags: fields.mm_flags(),
            extra: fields.rest(),
            content,
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.maybe_token(field::MM_STATE, self.mm_state.map(|code| code.0));
        out.mm_flags(&self.mm_flags);
        out.extra(&self.extra);
    }
}

/// M-Mbox-Upload.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxUploadConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub content_location: Option<String>,
    pub store_status: StoreStatus,
    pub store_status_text: Option<String>,
    pub extra: Vec<Header>,
}

impl MboxUploadConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            content_location: fields.text(field::CONTENT_LOCATION),
            store_status: StoreStatus(fields.required_token(field::STORE_STATUS)?),
            store_status_text: fields.encoded(field::STORE_STATUS_TEXT),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.maybe_text(field::CONTENT_LOCATION, self.content_location.as_deref());
        out.token(field::STORE_STATUS, self.store_status.0);
        out.maybe_encoded(field::STORE_STATUS_TEXT, self.store_status_text.as_deref());
        out.extra(&self.extra);
    }
}

/// M-Mbox-Descr: one message of the MMBox, with the fields that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct MboxDescr {
    pub version: Version,
    pub content_location: Option<String>,
    pub message_id: Option<String>,
    pub mm_state: Option<MmState>,
    pub mm_flags: Vec<MmFlags>,
    pub date: Option<Timestamp>,
    pub from: Option<From>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub message_class: Option<MessageClass>,
    pub subject: Option<String>,
    pub priority: Option<Priority>,
    pub message_size: Option<u64>,
    pub extra: Vec<Header>,
    pub content: Option<Content>,
}

impl MboxDescr {
    pub(super) fn read(fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        Ok(Self {
            version: fields.version(),
            content_location: fields.text(field::CONTENT_LOCATION),
            message_id: fields.text(field::MESSAGE_ID),
            mm_state: fields.token(field::MM_STATE).map(MmState),
            mm_flags: fields.mm_flags(),
            date: fields.date(field::DATE),
            from: fields.from(),
            to: fields.addresses(field::TO),
            cc: fields.addresses(field::CC),
            bcc: fields.addresses(field::BCC),
            message_class: fields.message_class(),
            subject: fields.encoded(field::SUBJECT),
            priority: fields.priority(),
            message_size: fields.integer(field::MESSAGE_SIZE),
            extra: fields.rest(),
            content,
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.version(self.version);
        out.maybe_text(field::CONTENT_LOCATION, self.content_location.as_deref());
        out.maybe_text(field::MESSAGE_ID, self.message_id.as_deref());
        out.maybe_token(field::MM_STATE, self.mm_state.map(|code| code.0));
        out.mm_flags(&self.mm_flags);
        out.maybe_date(field::DATE, self.date);
        out.maybe_from(self.from.as_ref());
        out.addresses(field::TO, &self.to);
        out.addresses(field::CC, &self.cc);
        out.addresses(field::BCC, &self.bcc);
        out.maybe_message_class(self.message_class.as_ref());
        out.maybe_encoded(field::SUBJECT, self.subject.as_deref());
        out.maybe_priority(self.priority);
        out.maybe_integer(field::MESSAGE_SIZE, self.message_size);
        out.extra(&self.extra);
    }
}

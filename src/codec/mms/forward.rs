//! M-Forward.req and M-Forward.conf (OMA-TS-MMS_ENC-V1_3 clause 6): a message is sent on without being
//! retrieved.

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::MmFlags;
use super::{Expiry, From, Header, MmState, ResponseStatus, StoreStatus, Version, field};
use crate::model::{Address, Timestamp};

/// M-Forward.req.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct ForwardReq {
    pub transaction_id: String,
    pub version: Version,
    pub date: Option<Timestamp>,
    pub from: Option<From>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub bcc: Vec<Address>,
    pub expiry: Option<Expiry>,
    pub delivery_time: Option<Expiry>,
    pub report_allowed: Option<bool>,
    pub delivery_report: Option<bool>,
    pub read_report: Option<bool>,
    pub store: Option<bool>,
    pub mm_state: Option<MmState>,
    pub mm_flags: Vec<MmFlags>,
    /// Of the message, from its notification.
    pub content_location: String,
    pub extra: Vec<Header>,
}

impl ForwardReq {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            date: fields.date(field::DATE),
            from: fields.from(),
            to: fields.addresses(field::TO),
            cc: fields.addresses(field::CC),
            bcc: fields.addresses(field::BCC),
            expiry: fields.time(field::EXPIRY),
            delivery_time: fields.time(field::DELIVERY_TIME),
            report_allowed: fields.flag(field::REPORT_ALLOWED),
            delivery_report: fields.flag(field::DELIVERY_REPORT),
            read_report: fields.flag(field::READ_REPORT),
            store: fields.flag(field::STORE),
            mm_state: fields.token(field::MM_STATE).map(MmState),
            mm_flags: fields.mm_flags(),
            content_location: fields.required_text(field::CONTENT_LOCATION)?,
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.maybe_date(field::DATE, self.date);
        out.maybe_from(self.from.as_ref());
        out.addresses(field::TO, &self.to);
        out.addresses(field::CC, &self.cc);
        out.addresses(field::BCC, &self.bcc);
        out.maybe_time(field::EXPIRY, self.expiry);
        out.maybe_time(field::DELIVERY_TIME, self.delivery_time);
        out.maybe_flag(field::REPORT_ALLOWED, self.report_allowed);
        out.maybe_flag(field::DELIVERY_REPORT, self.delivery_report);
        out.maybe_flag(field::READ_REPORT, self.read_report);
        out.maybe_flag(field::STORE, self.store);
        out.maybe_token(field::MM_STATE, self.mm_state.map(|code| code.0));
        out.mm_flags(&self.mm_flags);
        out.text(field::CONTENT_LOCATION, &self.content_location);
        out.extra(&self.extra);
    }
}

/// M-Forward.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct ForwardConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub response_status: ResponseStatus,
    pub response_text: Option<String>,
    pub message_id: Option<String>,
    /// Where the message is stored, if that was asked for.
    pub content_location: Option<String>,
    pub store_status: Option<StoreStatus>,
    pub store_status_text: Option<String>,
    pub extra: Vec<Header>,
}

impl ForwardConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            response_status: ResponseStatus(fields.required_token(field::RESPONSE_STATUS)?),
            response_text: fields.encoded(field::RESPONSE_TEXT),
            message_id: fields.text(field::MESSAGE_ID),
            content_location: fields.text(field::CONTENT_LOCATION),
            store_status: fields.token(field::STORE_STATUS).map(StoreStatus),
            store_status_text: fields.encoded(field::STORE_STATUS_TEXT),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.token(field::RESPONSE_STATUS, self.response_status.0);
        out.maybe_encoded(field::RESPONSE_TEXT, self.response_text.as_deref());
        out.maybe_text(field::MESSAGE_ID, self.message_id.as_deref());
        out.maybe_text(field::CONTENT_LOCATION, self.content_location.as_deref());
        out.maybe_token(field::STORE_STATUS, self.store_status.map(|code| code.0));
        out.maybe_encoded(field::STORE_STATUS_TEXT, self.store_status_text.as_deref());
        out.extra(&self.extra);
    }
}

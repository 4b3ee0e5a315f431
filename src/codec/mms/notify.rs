//! M-Notification.ind and M-NotifyResp.ind (OMA-TS-MMS_ENC-V1_3 clause 6.2).

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::{Expiry, From, Header, MessageClass, MmsStatus, Priority, Version, field};

/// M-Notification.ind (clause 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct NotificationInd {
    pub transaction_id: String,
    pub version: Version,
    pub from: Option<From>,
    pub subject: Option<String>,
    pub delivery_report: Option<bool>,
    pub message_class: Option<MessageClass>,
    pub priority: Option<Priority>,
    /// Octets, as announced; operators announce wrong sizes.
    pub message_size: Option<u64>,
    pub expiry: Option<Expiry>,
    pub content_location: String,
    /// Reply charging, storing, descriptors of elements, applications and content classes of MMS 1.1
    /// to 1.3, and whatever the other side adds.
    pub extra: Vec<Header>,
}

impl NotificationInd {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        let transaction_id = fields.required_text(field::TRANSACTION_ID)?;
        let content_location = fields.required_text(field::CONTENT_LOCATION)?.trim().to_owned();
        if content_location.is_empty() {
            return Err(Missing(field::CONTENT_LOCATION));
        }
        Ok(Self {
            transaction_id,
            version: fields.version(),
            from: fields.from(),
            subject: fields.encoded(field::SUBJECT),
            delivery_report: fields.flag(field::DELIVERY_REPORT),
            message_class: fields.message_class(),
            priority: fields.priority(),
            message_size: fields.integer(field::MESSAGE_SIZE),
            expiry: fields.time(field::EXPIRY),
            content_location,
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.maybe_from(self.from.as_ref());
        out.maybe_encoded(field::SUBJECT, self.subject.as_deref());
        out.maybe_flag(field::DELIVERY_REPORT, self.delivery_report);
        out.maybe_message_class(self.message_class.as_ref());
        out.maybe_priority(self.priority);
        out.maybe_integer(field::MESSAGE_SIZE, self.message_size);
        out.maybe_time(field::EXPIRY, self.expiry);
        out.text(field::CONTENT_LOCATION, &self.content_location);
        out.extra(&self.extra);
    }
}

/// M-NotifyResp.ind (clause 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct NotifyRespInd {
    pub transaction_id: String,
    pub version: Version,
    pub status: MmsStatus,
    pub report_allowed: Option<bool>,
    pub extra: Vec<Header>,
}

impl NotifyRespInd {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            status: MmsStatus(fields.required_token(field::STATUS)?),
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            report_allowed: fields.flag(field::REPORT_ALLOWED),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.token(field::STATUS, self.status.0);
        out.maybe_flag(field::REPORT_ALLOWED, self.report_allowed);
        out.extra(&self.extra);
    }
}

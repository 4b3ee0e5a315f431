//! M-Delivery.ind, M-Read-Rec.ind and M-Read-Orig.ind (OMA-TS-MMS_ENC-V1_3 clauses 6.5 and 6.6).

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::{From, Header, MmsStatus, ReadStatus, Version, field};
use crate::model::{Address, Timestamp};

/// M-Delivery.ind (clause 6.5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct DeliveryInd {
    pub version: Version,
    pub message_id: String,
    pub to: Vec<Address>,
    pub date: Option<Timestamp>,
    pub status: MmsStatus,
    /// Status-Text and applications of MMS 1.3, and whatever the other side adds.
    pub extra: Vec<Header>,
}

impl DeliveryInd {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            status: MmsStatus(fields.required_token(field::STATUS)?),
            version: fields.version(),
            message_id: fields.required_text(field::MESSAGE_ID)?,
            to: fields.addresses(field::TO),
            date: fields.date(field::DATE),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.version(self.version);
        out.text(field::MESSAGE_ID, &self.message_id);
        out.addresses(field::TO, &self.to);
        out.maybe_date(field::DATE, self.date);
        out.token(field::STATUS, self.status.0);
        out.extra(&self.extra);
    }
}

/// M-Read-Rec.ind and M-Read-Orig.ind (clauses 6.6.1 and 6.6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct ReadRecInd {
    pub version: Version,
    pub message_id: String,
    pub to: Vec<Address>,
    pub from: Option<From>,
    pub date: Option<Timestamp>,
    pub read_status: ReadStatus,
    /// Applications of MMS 1.3, and whatever the other side adds.
    pub extra: Vec<Header>,
}

impl ReadRecInd {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            read_status: ReadStatus(fields.required_token(field::READ_STATUS)?),
            version: fields.version(),
            message_id: fields.required_text(field::MESSAGE_ID)?,
            to: fields.addresses(field::TO),
            from: fields.from(),
            date: fields.date(field::DATE),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.version(self.version);
        out.text(field::MESSAGE_ID, &self.message_id);
        out.addresses(field::TO, &self.to);
        out.maybe_from(self.from.as_ref());
        out.maybe_date(field::DATE, self.date);
        out.token(field::READ_STATUS, self.read_status.0);
        out.extra(&self.extra);
    }
}

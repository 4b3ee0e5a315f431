//! M-Mbox-Delete, M-Delete and M-Cancel (OMA-TS-MMS_ENC-V1_3 clause 6): messages leave the MMBox (since
//! MMS 1.2), the MMSC (since 1.3) or the client, which the MMSC asks for the last (since 1.3).

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::Counted;
use super::{CancelStatus, Header, ResponseStatus, Value, Version, field};

/// M-Mbox-Delete.req and M-Delete.req.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct DeleteReq {
    pub transaction_id: String,
    pub version: Version,
    /// The messages.
    pub content_location: Vec<String>,
    pub extra: Vec<Header>,
}

impl DeleteReq {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        let content_location = fields.texts(field::CONTENT_LOCATION);
        if content_location.is_empty() {
            return Err(Missing(field::CONTENT_LOCATION));
        }
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            content_location,
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.texts(field::CONTENT_LOCATION, &self.content_location);
        out.extra(&self.extra);
    }
}

/// M-Mbox-Delete.conf and M-Delete.conf. The count of each value tells which of several is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct DeleteConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub content_location: Vec<Counted<String>>,
    pub response_status: Vec<Counted<ResponseStatus>>,
    pub response_text: Vec<Counted<String>>,
    pub extra: Vec<Header>,
}

impl DeleteConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        let response_status = fields.counted(field::RESPONSE_STATUS, |value| match value {
            Value::Token(code) => Ok(ResponseStatus(code)),
            other => Err(other),
        });
        if response_status.is_empty() {
            return Err(Missing(field::RESPONSE_STATUS));
        }
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            content_location: fields.counted(field::CONTENT_LOCATION, |value| match value {
                Value::Text(text) if !text.is_empty() => Ok(text),
                other => Err(other),
            }),
            response_status,
            response_text: fields.counted(field::RESPONSE_TEXT, |value| match value {
                Value::Encoded(text) if !text.is_empty() => Ok(text),
                other => Err(other),
            }),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.counted(field::CONTENT_LOCATION, &self.content_location, |text| {
            Value::Text(text.clone())
        });
        out.counted(field::RESPONSE_STATUS, &self.response_status, |status| Value::Token(status.0));
        out.counted(field::RESPONSE_TEXT, &self.response_text, |text| Value::Encoded(text.clone()));
        out.extra(&self.extra);
    }
}

/// M-Cancel.req, from the MMSC to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct CancelReq {
    pub transaction_id: String,
    pub version: Version,
    /// The Message-ID of what is no longer to be shown.
    pub cancel_id: String,
    pub extra: Vec<Header>,
}

impl CancelReq {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            cancel_id: fields.required_text(field::CANCEL_ID)?,
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.text(field::CANCEL_ID, &self.cancel_id);
        out.extra(&self.extra);
    }
}

/// M-Cancel.conf, from the client to the MMSC.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct CancelConf {
    pub transaction_id: String,
    pub version: Version,
    pub cancel_status: CancelStatus,
    pub extra: Vec<Header>,
}

impl CancelConf {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            cancel_status: CancelStatus(fields.required_token(field::CANCEL_STATUS)?),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.token(field::CANCEL_STATUS, self.cancel_status.0);
        out.extra(&self.extra);
    }
}

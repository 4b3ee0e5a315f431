//! M-Retrieve.conf and M-Acknowledge.ind (OMA-TS-MMS_ENC-V1_3 clause 6.3 and 6.4).

use bytes::Bytes;

use super::fields::{Fields, Missing};
use super::list::HeaderList;
use super::types::{Body, Content};
use super::{From, Header, MessageClass, Priority, RetrieveStatus, Version, field};
use crate::codec::wsp::{ContentType, Part};
use crate::model::{Address, Timestamp};

/// M-Retrieve.conf (clause 6.3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct RetrieveConf {
    pub transaction_id: Option<String>,
    pub version: Version,
    pub message_id: Option<String>,
    pub date: Option<Timestamp>,
    pub from: Option<From>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub subject: Option<String>,
    pub message_class: Option<MessageClass>,
    pub priority: Option<Priority>,
    pub delivery_report: Option<bool>,
    pub read_report: Option<bool>,
    pub retrieve_status: Option<RetrieveStatus>,
    pub retrieve_text: Option<String>,
    /// Reply charging, forwarding, storing, applications and content classes of MMS 1.1 to 1.3, and
    /// whatever the other side adds.
    pub extra: Vec<Header>,
    pub content_type: ContentType,
    pub body: Body,
}

/// Longest text, in octets, that may be an error in disguise.
const MAX_ERROR_TEXT: usize = 512;

impl RetrieveConf {
    pub(super) fn read(fields: &mut Fields<'_>, content: Option<Content>) -> Result<Self, Missing> {
        let retrieve_status = fields.token(field::RETRIEVE_STATUS).map(RetrieveStatus);
        let message_id = fields.text(field::MESSAGE_ID);
        let from = fields.from();
        let Content { content_type, body } = match content {
            Some(content) => content,
            // Some leave the content out where there is only an error to tell.
            None if retrieve_status.is_some_and(|status| status != RetrieveStatus::OK) => {
                let at = fields.end();
                fields.warnings.note(field::CONTENT_TYPE.name, at, "absent beside an error");
                Content {
                    content_type: ContentType::new("application/vnd.wap.multipart.mixed"),
                    body: Body::Multipart(Vec::new()),
                }
            }
            // A message of header fields alone is shown, and suspect.
            None if fields.broken.is_none() && (message_id.is_some() || from.is_some()) => {
                let at = fields.end();
                fields.warnings.note(field::CONTENT_TYPE.name, at, "absent, there is no content");
                Content {
                    content_type: ContentType::new("application/octet-stream"),
                    body: Body::Single(Bytes::new()),
                }
            }
            None => return Err(Missing(field::CONTENT_TYPE)),
        };
        Ok(Self {
            transaction_id: fields.text(field::TRANSACTION_ID),
            version: fields.version(),
            message_id,
            date: fields.date(field::DATE),
            from,
            to: fields.addresses(field::TO),
            cc: fields.addresses(field::CC),
            subject: fields.encoded(field::SUBJECT),
            message_class: fields.message_class(),
            priority: fields.priority(),
            delivery_report: fields.flag(field::DELIVERY_REPORT),
            read_report: fields.flag(field::READ_REPORT),
            retrieve_status,
            retrieve_text: fields.encoded(field::RETRIEVE_TEXT),
            extra: fields.rest(),
            content_type,
            body,
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.maybe_text(field::TRANSACTION_ID, self.transaction_id.as_deref());
        out.version(self.version);
        out.maybe_text(field::MESSAGE_ID, self.message_id.as_deref());
        out.maybe_date(field::DATE, self.date);
        out.maybe_from(self.from.as_ref());
        out.addresses(field::TO, &self.to);
        out.addresses(field::CC, &self.cc);
        out.maybe_encoded(field::SUBJECT, self.subject.as_deref());
        out.maybe_message_class(self.message_class.as_ref());
        out.maybe_priority(self.priority);
        out.maybe_flag(field::DELIVERY_REPORT, self.delivery_report);
        out.maybe_flag(field::READ_REPORT, self.read_report);
        out.maybe_token(field::RETRIEVE_STATUS, self.retrieve_status.map(|status| status.0));
        out.maybe_encoded(field::RETRIEVE_TEXT, self.retrieve_text.as_deref());
        out.extra(&self.extra);
    }

    /// Whether this may be an MMSC's error in the shape of a message: neither Message-ID nor
    /// Transaction-Id, From and Retrieve-Status, and nothing inside but one short text; or no
    /// content at all. Such a message is to be shown, and not to be acknowledged as retrieved.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        let nameless = self.message_id.is_none()
            && self.transaction_id.is_none()
            && self.from.is_none()
            && self.retrieve_status.is_none();
        let short = |content_type: &ContentType, body: &Bytes| {
            content_type.media_type.top() == "text" && body.len() <= MAX_ERROR_TEXT
        };
        let no_content = matches!(&self.body, Body::Single(body) if body.is_empty());
        no_content
            || nameless
                && match &self.body {
                    Body::Single(body) => short(&self.content_type, body),
                    Body::Multipart(parts) => {
                        let is_smil = |part: &&Part| part.content_type.media_type.is_smil();
                        let mut content = parts.iter().filter(|part| !is_smil(part));
                        match (content.next(), content.next()) {
                            (None, _) => true,
                            (Some(part), None) => short(&part.content_type, &part.body),
                            _ => false,
                        }
                    }
                }
    }
}

/// M-Acknowledge.ind (clause 6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct AcknowledgeInd {
    pub transaction_id: String,
    pub version: Version,
    pub report_allowed: Option<bool>,
    pub extra: Vec<Header>,
}

impl AcknowledgeInd {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Missing> {
        Ok(Self {
            transaction_id: fields.required_text(field::TRANSACTION_ID)?,
            version: fields.version(),
            report_allowed: fields.flag(field::REPORT_ALLOWED),
            extra: fields.rest(),
        })
    }

    pub(super) fn write(&self, out: &mut HeaderList) {
        out.text(field::TRANSACTION_ID, &self.transaction_id);
        out.version(self.version);
        out.maybe_flag(field::REPORT_ALLOWED, self.report_allowed);
        out.extra(&self.extra);
    }
}

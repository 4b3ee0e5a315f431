//! The PDUs as values (OMA-TS-MMS_ENC-V1_3 clause 6), fields in the order of writing.

use bytes::Bytes;

use super::{MmsStatus, ReadStatus, ResponseStatus, RetrieveStatus, encode, message_type};
use crate::codec::wsp::{ContentType, Part};
use crate::model::{Address, Timestamp};

/// X-Mms-MMS-Version: major in the high, minor in the low half (clause 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Bits 6-4.
    pub major: u8,
    /// Bits 3-0.
    pub minor: u8,
}

impl Version {
    /// 1.0
    pub const V1_0: Self = Self { major: 1, minor: 0 };
    /// 1.2, what we write unless the operator's settings say otherwise.
    pub const V1_2: Self = Self { major: 1, minor: 2 };
    /// 1.3
    pub const V1_3: Self = Self { major: 1, minor: 3 };
}

/// A header field that this module does not model, kept so that it survives a round trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawHeader {
    /// The field as on the wire: one octet (with its high bit) or the text of its name without NUL.
    pub name: Vec<u8>,
    /// The value as on the wire, its length prefix or NUL included.
    pub value: Bytes,
}

/// The From field (clause 7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Insert-address-token: the MMSC fills in the subscriber.
    InsertAddress,
    /// An address.
    Address(Address),
}

/// An absolute or relative time (X-Mms-Expiry, X-Mms-Delivery-Time, clause 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Absolute-token and Date-value.
    At(Timestamp),
    /// Relative-token and Delta-seconds.
    After(std::time::Duration),
}

/// X-Mms-Message-Class (clause 7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum MessageClass {
    Personal,
    Advertisement,
    Informational,
    Auto,
    Other(String),
}

impl MessageClass {
    /// The class that a text names, in any case.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "personal" => Self::Personal,
            "advertisement" => Self::Advertisement,
            "informational" => Self::Informational,
            "auto" => Self::Auto,
            _ => Self::Other(text.to_owned()),
        }
    }
}

/// X-Mms-Priority (clause 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Priority {
    Low,
    Normal,
    High,
}

/// What follows the Content-Type field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// One of the multipart types.
    Multipart(Vec<Part>),
    /// A body that is a single part by itself.
    Single(Bytes),
}

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
    pub extra: Vec<RawHeader>,
    pub content_type: ContentType,
    pub body: Body,
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
    pub extra: Vec<RawHeader>,
}

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
    pub extra: Vec<RawHeader>,
}

/// M-NotifyResp.ind (clause 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct NotifyRespInd {
    pub transaction_id: String,
    pub version: Version,
    pub status: MmsStatus,
    pub report_allowed: Option<bool>,
    pub extra: Vec<RawHeader>,
}

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
    pub extra: Vec<RawHeader>,
    pub content_type: ContentType,
    pub body: Body,
}

/// Longest text, in octets, that may be an error in disguise.
const MAX_ERROR_TEXT: usize = 512;

impl RetrieveConf {
    /// Whether this may be an MMSC's error in the shape of a message: neither Message-ID nor
    /// Transaction-Id, From and Retrieve-Status, and nothing inside but one short text. Such a
    /// message is to be shown, and not to be acknowledged as retrieved.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        let nameless = self.message_id.is_none()
            && self.transaction_id.is_none()
            && self.from.is_none()
            && self.retrieve_status.is_none();
        let short = |content_type: &ContentType, body: &Bytes| {
            content_type.media_type.top() == "text" && body.len() <= MAX_ERROR_TEXT
        };
        nameless
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
    pub extra: Vec<RawHeader>,
}

/// M-Delivery.ind (clause 6.5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the specification")]
pub struct DeliveryInd {
    pub version: Version,
    pub message_id: String,
    pub to: Vec<Address>,
    pub date: Option<Timestamp>,
    pub status: MmsStatus,
    pub extra: Vec<RawHeader>,
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
    pub extra: Vec<RawHeader>,
}

/// Any PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the PDUs of the specification")]
#[non_exhaustive]
pub enum Pdu {
    SendReq(SendReq),
    SendConf(SendConf),
    NotificationInd(NotificationInd),
    NotifyRespInd(NotifyRespInd),
    RetrieveConf(RetrieveConf),
    AcknowledgeInd(AcknowledgeInd),
    DeliveryInd(DeliveryInd),
    ReadRecInd(ReadRecInd),
    ReadOrigInd(ReadRecInd),
}

impl Pdu {
    /// The OMA name, lower case, for example `m-send.req`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SendReq(_) => "m-send.req",
            Self::SendConf(_) => "m-send.conf",
            Self::NotificationInd(_) => "m-notification.ind",
            Self::NotifyRespInd(_) => "m-notifyresp.ind",
            Self::RetrieveConf(_) => "m-retrieve.conf",
            Self::AcknowledgeInd(_) => "m-acknowledge.ind",
            Self::DeliveryInd(_) => "m-delivery.ind",
            Self::ReadRecInd(_) => "m-read-rec.ind",
            Self::ReadOrigInd(_) => "m-read-orig.ind",
        }
    }

    /// X-Mms-Message-Type.
    #[must_use]
    pub const fn message_type(&self) -> u8 {
        match self {
            Self::SendReq(_) => message_type::SEND_REQ,
            Self::SendConf(_) => message_type::SEND_CONF,
            Self::NotificationInd(_) => message_type::NOTIFICATION_IND,
            Self::NotifyRespInd(_) => message_type::NOTIFYRESP_IND,
            Self::RetrieveConf(_) => message_type::RETRIEVE_CONF,
            Self::AcknowledgeInd(_) => message_type::ACKNOWLEDGE_IND,
            Self::DeliveryInd(_) => message_type::DELIVERY_IND,
            Self::ReadRecInd(_) => message_type::READ_REC_IND,
            Self::ReadOrigInd(_) => message_type::READ_ORIG_IND,
        }
    }

    /// X-Mms-Transaction-Id, where the PDU has one.
    #[must_use]
    pub fn transaction_id(&self) -> Option<&str> {
        match self {
            Self::SendReq(pdu) => Some(&pdu.transaction_id),
            Self::SendConf(pdu) => pdu.transaction_id.as_deref(),
            Self::NotificationInd(pdu) => Some(&pdu.transaction_id),
            Self::NotifyRespInd(pdu) => Some(&pdu.transaction_id),
            Self::RetrieveConf(pdu) => pdu.transaction_id.as_deref(),
            Self::AcknowledgeInd(pdu) => Some(&pdu.transaction_id),
            Self::DeliveryInd(_) | Self::ReadRecInd(_) | Self::ReadOrigInd(_) => None,
        }
    }

    /// The octets. Times go out in whole seconds; empty texts and NUL octets in texts are left out.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode::encode(self)
    }
}

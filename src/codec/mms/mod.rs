//! MMS PDUs (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7), versions 1.0 to 1.3.
//!
//! [`decode`] gives a [`Pdu`] and the list of what it forgave; [`Pdu::encode`] writes the form that
//! the strictest MMSC takes. A PDU whose octets came from [`Pdu::encode`] decodes to the same
//! value without a warning. [`Generic`] is the same PDU as a list of [`Header`]s, each typed by its
//! [`field`](mod@field); what the specification does not know is kept octet for octet.

mod build;
mod content;
mod delete;
mod encoded_word;
mod expiry;
pub mod field;
mod fields;
mod forward;
mod generic;
mod header;
mod list;
mod mbox;
mod notify;
mod outline;
mod pdu;
mod read;
mod reports;
mod required;
mod retrieve;
mod send;
mod show;
mod status;
mod types;
mod wire_text;
mod write;

pub use delete::{CancelConf, CancelReq, DeleteConf, DeleteReq};
pub use expiry::{DEFAULT_VALIDITY, MAX_VALIDITY};
pub use field::{Field, Form};
pub use fields::MAX_FIELDS;
pub use forward::{ForwardConf, ForwardReq};
pub use generic::Generic;
pub use header::{ElementDescriptor, Header, HeaderName, Value};
pub use mbox::{
    MboxDescr, MboxStoreConf, MboxStoreReq, MboxUploadConf, MboxUploadReq, MboxViewConf,
    MboxViewReq,
};
pub use notify::{NotificationInd, NotifyRespInd};
pub use outline::outline;
pub use pdu::{BuildError, Pdu, decode};
pub use reports::{DeliveryInd, ReadRecInd};
pub use retrieve::{AcknowledgeInd, RetrieveConf};
pub use send::{SendConf, SendReq};
pub use status::{
    CancelStatus, MmState, MmsStatus, ReadStatus, ResponseStatus, RetrieveStatus, StatusClass,
    StoreStatus,
};
pub use types::{
    Body, Content, Counted, Expiry, From, MessageClass, MmFlags, Priority, Totals, Version,
};
pub use wire_text::wire_octets;

/// The content type of a bare MMS PDU in HTTP and WAP Push.
pub const CONTENT_TYPE: &str = "application/vnd.wap.mms-message";

/// X-Mms-Message-Type (clause 7.3.30).
#[expect(missing_docs, reason = "the words of the specification")]
pub mod message_type {
    pub const SEND_REQ: u8 = 0x80;
    pub const SEND_CONF: u8 = 0x81;
    pub const NOTIFICATION_IND: u8 = 0x82;
    pub const NOTIFYRESP_IND: u8 = 0x83;
    pub const RETRIEVE_CONF: u8 = 0x84;
    pub const ACKNOWLEDGE_IND: u8 = 0x85;
    pub const DELIVERY_IND: u8 = 0x86;
    pub const READ_REC_IND: u8 = 0x87;
    pub const READ_ORIG_IND: u8 = 0x88;
    pub const FORWARD_REQ: u8 = 0x89;
    pub const FORWARD_CONF: u8 = 0x8A;
    pub const MBOX_STORE_REQ: u8 = 0x8B;
    pub const MBOX_STORE_CONF: u8 = 0x8C;
    pub const MBOX_VIEW_REQ: u8 = 0x8D;
    pub const MBOX_VIEW_CONF: u8 = 0x8E;
    pub const MBOX_UPLOAD_REQ: u8 = 0x8F;
    pub const MBOX_UPLOAD_CONF: u8 = 0x90;
    pub const MBOX_DELETE_REQ: u8 = 0x91;
    pub const MBOX_DELETE_CONF: u8 = 0x92;
    pub const MBOX_DESCR: u8 = 0x93;
    pub const DELETE_REQ: u8 = 0x94;
    pub const DELETE_CONF: u8 = 0x95;
    pub const CANCEL_REQ: u8 = 0x96;
    pub const CANCEL_CONF: u8 = 0x97;
}

#[cfg(test)]
mod tests;

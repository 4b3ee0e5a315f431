//! MMS PDUs (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7).
//!
//! [`decode`] gives a [`Pdu`] and the list of what it forgave; [`Pdu::encode`] writes the form that
//! the strictest MMSC takes. A PDU whose octets came from [`Pdu::encode`] decodes to the same
//! value without a warning.

mod decode;
mod encode;
mod encoded_word;
mod expiry;
mod fields;
mod pdu;
mod status;

pub use decode::decode;
pub use expiry::{DEFAULT_VALIDITY, MAX_VALIDITY};
pub use fields::MAX_FIELDS;
pub use pdu::{
    AcknowledgeInd, Body, DeliveryInd, Expiry, From, MessageClass, NotificationInd, NotifyRespInd,
    Pdu, Priority, RawHeader, ReadRecInd, RetrieveConf, SendConf, SendReq, Version,
};
pub use status::{MmsStatus, ReadStatus, ResponseStatus, RetrieveStatus, StatusClass};

/// The content type of a bare MMS PDU in HTTP and WAP Push.
pub const CONTENT_TYPE: &str = "application/vnd.wap.mms-message";

/// X-Mms-Message-Type (clause 7.3).
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
}

#[cfg(test)]
mod tests;

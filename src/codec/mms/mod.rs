//! MMS PDUs (OMA-TS-MMS_ENC-V1_3 clauses 6 and 7).

mod pdu;
mod status;

pub use pdu::{
    AcknowledgeInd, Body, DeliveryInd, Expiry, From, MessageClass, NotificationInd, NotifyRespInd,
    Pdu, Priority, RawHeader, ReadRecInd, RetrieveConf, SendConf, SendReq, Version,
};
pub use status::{MmsStatus, ReadStatus, ResponseStatus, RetrieveStatus, StatusClass};

use bytes::Bytes;

use super::{DecodeError, Decoded};

/// The content type of a bare MMS PDU in HTTP and WAP Push.
pub const CONTENT_TYPE: &str = "application/vnd.wap.mms-message";

/// Decodes one PDU.
///
/// # Errors
/// When the octets are no PDU that this module knows, or lack what makes it usable.
pub fn decode(octets: &Bytes) -> Result<Decoded<Pdu>, DecodeError> {
    let _ = octets;
    todo!()
}

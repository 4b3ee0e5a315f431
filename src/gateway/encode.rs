//! The PDUs that a message becomes (OMA-TS-MMS_ENC-V1_3 clause 6.1.1; mms-in-the-field 6), and the
//! same for another operator or for fewer recipients.

use bytes::Bytes;

use super::AcceptError;
use super::config::ModemConfig;
use super::way::no_settings;
use super::{Core, Timestamp, forward};
use crate::codec::mms::{self, Body, Expiry, From, MessageClass, Pdu, Priority, SendReq, Version};
use crate::media::Composed;
use crate::model::{self, Address, Fault, NewMessage, TransactionId};
use crate::operators::{FromMode, Settings};
use crate::store::{NewSubmission, Way};

/// The PDU of one submission.
pub(super) fn encode(
    core: &Core,
    modem: &ModemConfig,
    message: &NewMessage,
    composed: &Composed,
    (recipients, refused): (Vec<Address>, Option<Fault>),
    way: Way,
    now: Timestamp,
) -> Result<NewSubmission, AcceptError> {
    let Some(settings) = &modem.operator else { return Err(no_settings(&modem.name)) };
    let transaction_id = TransactionId::generate(&core.random);
    let pdu = SendReq {
        transaction_id: transaction_id.as_str().to_owned(),
        version: version(settings),
        // The MMSC puts in its own (OMA-TS-MMS_ENC-V1_3 clause 6.1.1).
        date: core.clock.is_synchronised().then_some(now),
        from: from(settings, modem),
        to: recipients.clone(),
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: message.subject.clone(),
        message_class: Some(MessageClass::Personal),
        expiry: expiry(message),
        delivery_time: None,
        priority: Some(match message.priority {
            model::Priority::Low => Priority::Low,
            model::Priority::Normal => Priority::Normal,
            model::Priority::High => Priority::High,
        }),
        sender_visibility_hide: None,
        delivery_report: Some(message.delivery_report),
        read_report: Some(message.read_report),
        extra: Vec::new(),
        content_type: composed.content_type.clone(),
        body: Body::Multipart(composed.parts.clone()),
    };
    let pdu = checked(pdu, settings)?;
    Ok(NewSubmission { transaction_id, pdu, recipients, way, refused })
}

/// The same PDU as the operator of `modem` wants it: with the same Transaction-Id unless another one
/// is given, and for these recipients alone where some are named.
pub(super) fn recode(
    pdu: &Bytes,
    modem: &ModemConfig,
    to: Option<Vec<Address>>,
    id: Option<&TransactionId>,
) -> Result<Bytes, AcceptError> {
    let Some(settings) = &modem.operator else { return Err(no_settings(&modem.name)) };
    let unreadable = |why: String| AcceptError::Part { name: "message".to_owned(), reason: why };
    let decoded = mms::decode(pdu).map_err(|error| unreadable(error.to_string()))?;
    let mut request = match decoded.value {
        Pdu::SendReq(request) => request,
        Pdu::ForwardReq(request) => return Ok(forward::again(request, to, id)),
        _ => return Err(unreadable("what is stored of it is no M-Send.req".to_owned())),
    };
    request.version = version(settings);
    request.from = from(settings, modem);
    if let Some(to) = to {
        request.to = to;
    }
    if let Some(id) = id {
        id.as_str().clone_into(&mut request.transaction_id);
    }
    checked(request, settings)
}

fn checked(request: SendReq, settings: &Settings) -> Result<Bytes, AcceptError> {
    let (count, limit) = (request.to.len(), settings.max_recipients);
    if count > 1 && count > limit {
        return Err(AcceptError::TooManyRecipients { count, limit });
    }
    let pdu = Pdu::SendReq(request).encode();
    let (size, limit) = (pdu.len(), settings.max_message_size);
    if size > limit { Err(AcceptError::TooLarge { size, limit }) } else { Ok(pdu) }
}

pub(super) fn version(settings: &Settings) -> Version {
    let (major, minor) = settings.mms_version;
    Version { major, minor }
}

pub(super) fn from(settings: &Settings, modem: &ModemConfig) -> From {
    match (settings.from_mode, &modem.own_number) {
        (FromMode::Number, Some(number)) => From::Address(number.clone()),
        _ => From::InsertAddress,
    }
}

/// How long the MMSC is to keep it: as long as the caller says, in the caller's own way of telling
/// it, since one of both clocks may be wrong.
fn expiry(message: &NewMessage) -> Option<Expiry> {
    match (message.validity, message.expires_at) {
        (Some(validity), _) => Some(Expiry::After(validity)),
        (None, at) => at.map(Expiry::At),
    }
}

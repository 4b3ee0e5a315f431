//! PDUs from their fields (OMA-TS-MMS_ENC-V1_3 clause 6).
//!
//! Order and repetition of fields do not matter. Only what makes a PDU usable is required; the
//! rest may be absent or broken, with a warning.

use bytes::Bytes;

use super::fields::{self, Fields};
use super::{
    AcknowledgeInd, Body, DeliveryInd, MmsStatus, NotificationInd, NotifyRespInd, Pdu, ReadRecInd,
    ReadStatus, ResponseStatus, RetrieveConf, RetrieveStatus, SendConf, SendReq, message_type,
};
use crate::codec::wsp::{ContentType, Reader, decode_multipart};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Decodes one PDU; the bodies of its parts are slices of `octets`.
///
/// # Errors
/// When the octets are no PDU that this module knows, or lack what makes it usable: the status of
/// a confirmation, Transaction-Id and Content-Location of a notification, and so on. A body that
/// is cut off is an error too.
pub fn decode(octets: &Bytes) -> Result<Decoded<Pdu>, DecodeError> {
    let mut fields = Fields::split(Reader::new(octets))?;
    let kind =
        fields.token(&fields::MESSAGE_TYPE).ok_or_else(|| fields.missing(&fields::MESSAGE_TYPE))?;
    let pdu = match kind {
        message_type::SEND_REQ => Pdu::SendReq(send_req(&mut fields, octets)?),
        message_type::SEND_CONF => Pdu::SendConf(send_conf(&mut fields)?),
        message_type::NOTIFICATION_IND => Pdu::NotificationInd(notification_ind(&mut fields)?),
        message_type::NOTIFYRESP_IND => Pdu::NotifyRespInd(notify_resp_ind(&mut fields)?),
        message_type::RETRIEVE_CONF => Pdu::RetrieveConf(retrieve_conf(&mut fields, octets)?),
        message_type::ACKNOWLEDGE_IND => Pdu::AcknowledgeInd(acknowledge_ind(&mut fields)?),
        message_type::DELIVERY_IND => Pdu::DeliveryInd(delivery_ind(&mut fields)?),
        message_type::READ_REC_IND => Pdu::ReadRecInd(read_ind(&mut fields)?),
        message_type::READ_ORIG_IND => Pdu::ReadOrigInd(read_ind(&mut fields)?),
        other => {
            return Err(DecodeError {
                field: fields::MESSAGE_TYPE.name,
                offset: 0,
                kind: DecodeErrorKind::UnexpectedPdu(other),
            });
        }
    };
    if let Some(at) = fields.content
        && !matches!(pdu, Pdu::SendReq(_) | Pdu::RetrieveConf(_))
    {
        fields.warnings.note("Content-Type", at, "this PDU has no body; left out");
    }
    Ok(Decoded { value: pdu, warnings: fields.warnings.into_sorted() })
}

fn send_req(fields: &mut Fields<'_>, octets: &Bytes) -> Result<SendReq, DecodeError> {
    let transaction_id = required_text(fields, &fields::TRANSACTION_ID)?;
    let version = fields.version();
    let from = fields.from();
    if from.is_none() {
        fields.warnings.note(fields::FROM.name, 0, "absent, taken as insert-address");
    }
    let (content_type, body) =
        content(fields, octets)?.ok_or_else(|| fields.missing(&fields::CONTENT_TYPE))?;
    Ok(SendReq {
        transaction_id,
        version,
        date: fields.date(&fields::DATE),
        from: from.unwrap_or(super::From::InsertAddress),
        to: fields.addresses(&fields::TO),
        cc: fields.addresses(&fields::CC),
        bcc: fields.addresses(&fields::BCC),
        subject: fields.encoded(&fields::SUBJECT),
        message_class: fields.message_class(),
        expiry: fields.expiry(&fields::EXPIRY),
        delivery_time: fields.expiry(&fields::DELIVERY_TIME),
        priority: fields.priority(),
        sender_visibility_hide: fields.flag(&fields::SENDER_VISIBILITY),
        delivery_report: fields.flag(&fields::DELIVERY_REPORT),
        read_report: fields.flag(&fields::READ_REPORT),
        extra: fields.rest(),
        content_type,
        body,
    })
}

fn send_conf(fields: &mut Fields<'_>) -> Result<SendConf, DecodeError> {
    let status = fields
        .token(&fields::RESPONSE_STATUS)
        .ok_or_else(|| fields.missing(&fields::RESPONSE_STATUS))?;
    Ok(SendConf {
        transaction_id: fields.text(&fields::TRANSACTION_ID),
        version: fields.version(),
        response_status: ResponseStatus(status),
        response_text: fields.encoded(&fields::RESPONSE_TEXT),
        message_id: fields.text(&fields::MESSAGE_ID),
        extra: fields.rest(),
    })
}

fn notification_ind(fields: &mut Fields<'_>) -> Result<NotificationInd, DecodeError> {
    let transaction_id = required_text(fields, &fields::TRANSACTION_ID)?;
    let content_location = required_text(fields, &fields::CONTENT_LOCATION)?.trim().to_owned();
    if content_location.is_empty() {
        return Err(fields.missing(&fields::CONTENT_LOCATION));
    }
    Ok(NotificationInd {
        transaction_id,
        version: fields.version(),
        from: fields.from(),
        subject: fields.encoded(&fields::SUBJECT),
        delivery_report: fields.flag(&fields::DELIVERY_REPORT),
        message_class: fields.message_class(),
        priority: fields.priority(),
        message_size: fields.integer(&fields::MESSAGE_SIZE),
        expiry: fields.expiry(&fields::EXPIRY),
        content_location,
        extra: fields.rest(),
    })
}

fn notify_resp_ind(fields: &mut Fields<'_>) -> Result<NotifyRespInd, DecodeError> {
    let status = fields.token(&fields::STATUS).ok_or_else(|| fields.missing(&fields::STATUS))?;
    Ok(NotifyRespInd {
        transaction_id: required_text(fields, &fields::TRANSACTION_ID)?,
        version: fields.version(),
        status: MmsStatus(status),
        report_allowed: fields.flag(&fields::REPORT_ALLOWED),
        extra: fields.rest(),
    })
}

fn retrieve_conf(fields: &mut Fields<'_>, octets: &Bytes) -> Result<RetrieveConf, DecodeError> {
    let retrieve_status = fields.token(&fields::RETRIEVE_STATUS).map(RetrieveStatus);
    let (content_type, body) = match content(fields, octets)? {
        Some(content) => content,
        // Some leave the content out where there is only an error to tell.
        None if retrieve_status.is_some_and(|status| status != RetrieveStatus::OK) => {
            fields.warnings.note(fields::CONTENT_TYPE.name, octets.len(), "absent beside an error");
            (ContentType::new("application/vnd.wap.multipart.mixed"), Body::Multipart(Vec::new()))
        }
        None => return Err(fields.missing(&fields::CONTENT_TYPE)),
    };
    Ok(RetrieveConf {
        transaction_id: fields.text(&fields::TRANSACTION_ID),
        version: fields.version(),
        message_id: fields.text(&fields::MESSAGE_ID),
        date: fields.date(&fields::DATE),
        from: fields.from(),
        to: fields.addresses(&fields::TO),
        cc: fields.addresses(&fields::CC),
        subject: fields.encoded(&fields::SUBJECT),
        message_class: fields.message_class(),
        priority: fields.priority(),
        delivery_report: fields.flag(&fields::DELIVERY_REPORT),
        read_report: fields.flag(&fields::READ_REPORT),
        retrieve_status,
        retrieve_text: fields.encoded(&fields::RETRIEVE_TEXT),
        extra: fields.rest(),
        content_type,
        body,
    })
}

fn acknowledge_ind(fields: &mut Fields<'_>) -> Result<AcknowledgeInd, DecodeError> {
    Ok(AcknowledgeInd {
        transaction_id: required_text(fields, &fields::TRANSACTION_ID)?,
        version: fields.version(),
        report_allowed: fields.flag(&fields::REPORT_ALLOWED),
        extra: fields.rest(),
    })
}

fn delivery_ind(fields: &mut Fields<'_>) -> Result<DeliveryInd, DecodeError> {
    let status = fields.token(&fields::STATUS).ok_or_else(|| fields.missing(&fields::STATUS))?;
    Ok(DeliveryInd {
        version: fields.version(),
        message_id: required_text(fields, &fields::MESSAGE_ID)?,
        to: fields.addresses(&fields::TO),
        date: fields.date(&fields::DATE),
        status: MmsStatus(status),
        extra: fields.rest(),
    })
}

fn read_ind(fields: &mut Fields<'_>) -> Result<ReadRecInd, DecodeError> {
    let status =
        fields.token(&fields::READ_STATUS).ok_or_else(|| fields.missing(&fields::READ_STATUS))?;
    Ok(ReadRecInd {
        version: fields.version(),
        message_id: required_text(fields, &fields::MESSAGE_ID)?,
        to: fields.addresses(&fields::TO),
        from: fields.from(),
        date: fields.date(&fields::DATE),
        read_status: ReadStatus(status),
        extra: fields.rest(),
    })
}

fn required_text(fields: &mut Fields<'_>, known: &fields::Known) -> Result<String, DecodeError> {
    fields.text(known).ok_or_else(|| fields.missing(known))
}

/// Content-Type and what follows it.
fn content(
    fields: &mut Fields<'_>,
    octets: &Bytes,
) -> Result<Option<(ContentType, Body)>, DecodeError> {
    let Some(at) = fields.content else { return Ok(None) };
    let mut reader = Reader::between(octets, at..octets.len());
    let content_type = ContentType::decode(&mut reader, &mut fields.warnings)?;
    if !content_type.is_multipart() {
        return Ok(Some((content_type, Body::Single(reader.rest()))));
    }
    let raw = reader.clone();
    match decode_multipart(&mut reader, &mut fields.warnings) {
        Ok(parts) => Ok(Some((content_type, Body::Multipart(parts)))),
        // Under the Internet's names there may be an Internet multipart.
        Err(error) if content_type.media_type.top() == "multipart" => {
            let text = format!("no WSP multipart, kept whole: {error}");
            fields.warnings.note(fields::CONTENT_TYPE.name, at, text);
            Ok(Some((content_type, Body::Single(raw.clone().rest()))))
        }
        Err(error) => Err(error),
    }
}

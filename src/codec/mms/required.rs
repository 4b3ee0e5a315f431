//! What a PDU has to have, or cannot have, and a decoder does without (OMA-TS-MMS_ENC-V1_3 clause 6).

use super::field::{self, Field};
use super::fields::Fields;
use super::{Pdu, ResponseStatus, message_type};

/// The mandatory fields of a PDU whose absence is forgiven, except for From of M-Send.req,
/// X-Mms-MMS-Version and Content-Type, which are told where they are read.
const fn forgiven(kind: u8) -> &'static [&'static Field] {
    match kind {
        message_type::NOTIFICATION_IND => {
            &[field::MESSAGE_CLASS, field::MESSAGE_SIZE, field::EXPIRY]
        }
        message_type::DELIVERY_IND => &[field::TO, field::DATE],
        message_type::READ_REC_IND => &[field::TO, field::FROM],
        message_type::READ_ORIG_IND => &[field::TO, field::FROM, field::DATE],
        message_type::FORWARD_REQ => &[field::FROM],
        message_type::SEND_CONF
        | message_type::FORWARD_CONF
        | message_type::MBOX_STORE_CONF
        | message_type::MBOX_VIEW_CONF
        | message_type::MBOX_UPLOAD_CONF
        | message_type::MBOX_DELETE_CONF
        | message_type::DELETE_CONF => &[field::TRANSACTION_ID],
        _ => &[],
    }
}

/// Notes what is absent from `pdu`, and what that means where it means something. Of a list that ends
/// early nobody knows what is absent.
pub(super) fn note_absent(pdu: &Pdu, fields: &mut Fields<'_>) {
    if fields.broken.is_some() {
        return;
    }
    let end = fields.end();
    for field in forgiven(pdu.message_type()) {
        if !fields.has(field) {
            fields.warnings.note(field.name, end, "absent");
        }
    }
    let name = field::MESSAGE_ID.name;
    match pdu {
        Pdu::SendConf(conf)
            if conf.response_status == ResponseStatus::OK && !fields.has(field::MESSAGE_ID) =>
        {
            fields.warnings.note(name, end, "absent: reports of the message will not be known");
        }
        Pdu::RetrieveConf(conf) if conf.message_id.is_none() && conf.is_suspect() => {
            let text = "absent, and all else that tells a message from an error";
            fields.warnings.note(name, end, text);
        }
        _ => {}
    }
}

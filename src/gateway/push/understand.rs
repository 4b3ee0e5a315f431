//! What a WAP Push means to us (WAP-235, OMA-TS-MMS_ENC-V1_3 clauses 6.2, 6.5 and 6.6).

use bytes::Bytes;

use super::super::schedule::Arrival;
use super::{MAX_PUSH, PushError};
use crate::codec::mms::{self, Pdu, ReadStatus};
use crate::codec::push::Push;
use crate::model::{Address, Explain};
use crate::store::{Notification, PushKind, Report, ReportKind, Retrieve, Withdrawal};

/// What a push is. Content types other than ours are not an error, they are other services.
pub(super) fn understand(octets: &Bytes, arrival: &Arrival) -> (Option<String>, PushKind) {
    if octets.len() > MAX_PUSH {
        return (None, PushKind::Other { body: octets.clone() });
    }
    let push = match Push::decode(octets) {
        Ok(decoded) => decoded.value,
        Err(error) => {
            let fault = PushError::Headers(error).to_fault();
            return (None, PushKind::Undecodable { fault });
        }
    };
    let kind = push.content_type.media_type.as_str().to_owned();
    if kind != mms::CONTENT_TYPE {
        return (Some(kind), PushKind::Other { body: push.body });
    }
    let what = match mms::decode(&push.body) {
        Ok(decoded) => sort(decoded.value, &push.body, arrival),
        Err(error) => PushKind::Undecodable { fault: PushError::Pdu(error).to_fault() },
    };
    (Some(kind), what)
}

fn sort(pdu: Pdu, body: &Bytes, arrival: &Arrival) -> PushKind {
    match pdu {
        Pdu::NotificationInd(ind) => PushKind::Notification(Notification {
            life: arrival.life(&ind),
            transaction_id: ind.transaction_id,
            content_location: ind.content_location,
            from: match ind.from {
                Some(mms::From::Address(address)) => Some(address),
                _ => None,
            },
            subject: ind.subject.filter(|subject| !subject.is_empty()),
            size: ind.message_size,
            retrieve: Retrieve::Now,
        }),
        Pdu::CancelReq(request) => PushKind::Withdrawal(Withdrawal {
            transaction_id: request.transaction_id,
            cancel_id: request.cancel_id,
            fault: PushError::Withdrawn.to_fault(),
        }),
        Pdu::DeliveryInd(ind) => {
            let what = match ind.status.report() {
                Some(status) => ReportKind::Delivery(status),
                None => ReportKind::Other(ind.status.0),
            };
            PushKind::Reports(reports(&ind.message_id, ind.to, what))
        }
        Pdu::ReadOrigInd(ind) => {
            let what = ReportKind::Read { read: ind.read_status == ReadStatus::READ };
            // Here From names the one who read it (OMA-TS-MMS_ENC-V1_3 clause 6.6.2).
            let reader = match ind.from {
                Some(mms::From::Address(address)) => vec![address],
                _ => ind.to,
            };
            PushKind::Reports(reports(&ind.message_id, reader, what))
        }
        _ => PushKind::Other { body: body.clone() },
    }
}

fn reports(id: &str, addresses: Vec<Address>, what: ReportKind) -> Vec<Report> {
    let one = |address| Report { mmsc_message_id: id.to_owned(), address, what };
    if addresses.is_empty() {
        return vec![one(None)];
    }
    addresses.into_iter().map(|address| one(Some(address))).collect()
}

pub(super) const fn describe(what: &PushKind) -> &'static str {
    match what {
        PushKind::Notification(_) => "notification of a multimedia message",
        PushKind::Reports(_) => "report about a sent message",
        PushKind::Withdrawal(_) => "withdrawal of a message",
        PushKind::Other { .. } => "a WAP Push of another service, kept",
        PushKind::Undecodable { .. } => "a WAP Push that cannot be read, kept",
    }
}

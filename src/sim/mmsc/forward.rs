//! What is kept for a subscriber goes to others without being fetched, or is deleted: M-Forward.req and
//! M-Delete.req (OMA-TS-MMS_ENC-V1_3 clause 6, 3GPP TS 23.140 clause 8.1.5).

use bytes::Bytes;

use super::{EntryKind, MAX_RECIPIENTS, Mmsc, Outcome, pdu};
use crate::codec::mms::{
    Counted, DeleteConf, DeleteReq, ForwardConf, ForwardReq, From, MmsStatus, Pdu, ResponseStatus,
    RetrieveConf, SendReq, Version,
};
use crate::model::Address;
use crate::sim::fault::Fault;
use crate::sim::lock;
use crate::sim::phone::sha256;

/// What M-Forward.conf says: status, text and the Message-ID of what is under way now.
type Verdict = (ResponseStatus, Option<String>, Option<String>);

impl Mmsc {
    pub(super) fn forward(&self, request: &ForwardReq, body: &Bytes, msisdn: &str) -> Outcome {
        let refused = self.0.faults.take(|fault| match fault {
            Fault::MmscResponseStatus { status, text } => Some((*status, text.clone())),
            _ => None,
        });
        let (response_status, response_text, message_id) = match refused {
            Some((status, text)) => (ResponseStatus(status), text, None),
            None => self.pass_on(request, body, msisdn),
        };
        let taken = message_id.is_some();
        let conf = ForwardConf {
            transaction_id: Some(request.transaction_id.clone()),
            version: Version::V1_2,
            response_status,
            response_text,
            message_id: message_id.clone(),
            content_location: None,
            store_status: None,
            store_status_text: None,
            extra: Vec::new(),
        };
        Outcome {
            kind: if taken { EntryKind::Forward } else { EntryKind::RefusedForward },
            transaction_id: Some(request.transaction_id.clone()),
            message: message_id,
            status: Some(response_status.0),
            response: Some(pdu(Pdu::ForwardConf(conf))),
        }
    }

    fn pass_on(&self, request: &ForwardReq, body: &Bytes, msisdn: &str) -> Verdict {
        let refuse = |status: u8, text: &str| (ResponseStatus(status), Some(text.to_owned()), None);
        let recipients: Vec<&Address> =
            request.to.iter().chain(&request.cc).chain(&request.bcc).collect();
        if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
            return refuse(0xe2, "No recipient, or too many");
        }
        let key = (msisdn.to_owned(), request.transaction_id.clone());
        let digest = sha256(body);
        let earlier = lock(&self.0.state).taken.get(&key).cloned();
        if let Some((other, message_id)) = earlier {
            if other != digest {
                self.complain(format!(
                    "m-forward.req {}: the Transaction-Id was used before for another message",
                    request.transaction_id
                ));
            } else if self.0.config.drops_duplicates {
                return (ResponseStatus::OK, Some("OK".to_owned()), Some(message_id));
            }
        }
        let token = request.content_location.rsplit('/').next().unwrap_or_default();
        let Some((conf, report_to)) = self.kept_for(token, msisdn) else {
            return refuse(0xe4, "The message is not here");
        };
        let message_id = self.token("M");
        let original = conf.message_id.clone().unwrap_or_default();
        let sent_on = as_submission(request, conf);
        let reached =
            recipients.iter().filter(|to| self.route(&sent_on, to, msisdn, &message_id)).count();
        if reached == 0 {
            return refuse(0xe3, "The recipient is unknown");
        }
        {
            let mut state = lock(&self.0.state);
            state.taken.insert(key, (digest, message_id.clone()));
            for kept in state.stored.iter_mut().filter(|kept| kept.view.token == token) {
                kept.view.forwarded += 1;
            }
        }
        if let Some(sender) = report_to.filter(|_| request.report_allowed != Some(false)) {
            self.report(&sender, &original, &Address::from_wire(msisdn), MmsStatus::FORWARDED);
        }
        if reached == recipients.len() {
            return (ResponseStatus::OK, Some("OK".to_owned()), Some(message_id));
        }
        let text = "Some recipients are unknown".to_owned();
        (ResponseStatus(0xc4), Some(text), Some(message_id))
    }

    /// A message that this subscriber could still fetch, and who wants a report about it.
    fn kept_for(&self, token: &str, msisdn: &str) -> Option<(RetrieveConf, Option<String>)> {
        let state = lock(&self.0.state);
        let kept = state.stored.iter().find(|kept| kept.view.token == token)?;
        let can_be_had = kept.view.recipient == msisdn
            && kept.view.acknowledged.is_none()
            && !kept.view.deleted
            && self.0.clock.now() < kept.life.1;
        can_be_had.then(|| (kept.conf.clone(), kept.report_to.clone()))
    }
}

impl Mmsc {
    /// Deletes what is this subscriber's; each location has a status of its own.
    pub(super) fn delete(&self, request: &DeleteReq, msisdn: &str) -> Outcome {
        let refused = self.0.faults.take(|fault| match fault {
            Fault::MmscResponseStatus { status, .. } => Some(*status),
            _ => None,
        });
        let (mut locations, mut statuses) = (Vec::new(), Vec::new());
        let mut state = lock(&self.0.state);
        for (count, location) in (1..).zip(&request.content_location) {
            let token = location.rsplit('/').next().unwrap_or_default();
            let found = state.stored.iter_mut().find(|kept| {
                kept.view.token == token && kept.view.recipient == msisdn && !kept.view.deleted
            });
            let status = match (refused, found) {
                (Some(status), _) => status,
                (None, Some(kept)) => {
                    kept.view.deleted = true;
                    0x80
                }
                (None, None) => 0xe4,
            };
            locations.push(Counted { count, value: location.clone() });
            statuses.push(Counted { count, value: ResponseStatus(status) });
        }
        drop(state);
        let conf = DeleteConf {
            transaction_id: Some(request.transaction_id.clone()),
            version: request.version,
            content_location: locations,
            response_status: statuses,
            response_text: Vec::new(),
            extra: Vec::new(),
        };
        Outcome {
            kind: EntryKind::Delete,
            transaction_id: Some(request.transaction_id.clone()),
            message: None,
            status: refused,
            response: Some(pdu(Pdu::DeleteConf(conf))),
        }
    }
}

/// What the recipients get: the content of the one, addressed as the other says.
fn as_submission(request: &ForwardReq, conf: RetrieveConf) -> SendReq {
    SendReq {
        transaction_id: request.transaction_id.clone(),
        version: request.version,
        date: request.date,
        from: request.from.clone().unwrap_or(From::InsertAddress),
        to: request.to.clone(),
        cc: request.cc.clone(),
        bcc: Vec::new(),
        subject: conf.subject,
        message_class: conf.message_class,
        expiry: request.expiry,
        delivery_time: request.delivery_time,
        priority: conf.priority,
        sender_visibility_hide: None,
        delivery_report: request.delivery_report,
        read_report: request.read_report,
        extra: Vec::new(),
        content_type: conf.content_type,
        body: conf.body,
    }
}

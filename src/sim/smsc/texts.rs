//! What the service centre does with submitted short messages: it hands them on to whoever has the
//! number and tells the sender what became of them (3GPP TS 23.040 clauses 9.2.2.1 to 9.2.2.3).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::codec::sms::join_text;
use crate::codec::sms::{
    Command, Dcs, Deliver, Scts, SmsAddress, StatusReport, Submit, Tpdu, UserData,
};
use crate::model::Timestamp;

/// TP-Status-Report-Request of an SMS-COMMAND (clause 9.2.2.4).
const REPORT_WANTED: u8 = 0x20;
/// TP-Status-Report-Qualifier (clause 9.2.2.3).
const ABOUT_A_COMMAND: u8 = 0x20;
/// TP-Status "SM does not exist" (clause 9.2.3.15).
const UNKNOWN_MESSAGE: u8 = 0x49;
/// Most texts remembered for all phones together.
const MAX_TEXTS: usize = 1_000;

/// A text that a phone got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceivedText {
    /// Number of the phone.
    pub to: String,
    /// Number of the sender.
    pub from: String,
    /// The whole text, its parts joined.
    pub text: String,
    /// TPDUs that it came in.
    pub segments: usize,
}

/// Parts of a text that wait for the others, by sender, recipient, reference and number of parts.
type Waiting = BTreeMap<(String, String, u16, u8), BTreeMap<u8, (Dcs, UserData)>>;

/// The phones' side of the service centre.
#[derive(Debug, Default)]
pub(super) struct Texts {
    received: Vec<ReceivedText>,
    waiting: Waiting,
    /// TP-Status that is reported for a number; none: no report.
    status: BTreeMap<String, Option<u8>>,
}

/// What follows from a submitted message.
pub(super) struct Routed {
    /// For the subscriber with this number, if there is one.
    pub(super) deliver: Option<(String, Bytes)>,
    /// For the sender.
    pub(super) report: Option<Bytes>,
}

impl Texts {
    /// What is reported of messages to `number` from now on; "received" unless said.
    pub(super) fn report(&mut self, number: &str, status: Option<u8>) {
        self.status.insert(number.to_owned(), status);
    }

    pub(super) fn received(&self, number: &str) -> Vec<ReceivedText> {
        self.received.iter().filter(|text| text.to == number).cloned().collect()
    }

    /// Takes what `from` submitted under `reference`.
    pub(super) fn route(
        &mut self,
        from: &str,
        reference: u8,
        tpdu: &[u8],
        now: Timestamp,
    ) -> Option<Routed> {
        let submit = match Tpdu::from_mobile(tpdu).ok()?.value {
            Tpdu::Submit(submit) => submit,
            Tpdu::Command(command) => return Some(answer(&command, reference, now)),
            _ => return None,
        };
        let to = submit.destination.to_string();
        self.receive(from, &to, &submit);
        let sender = SmsAddress::from_text(from);
        let stamp = Scts::new(now, 0);
        let mut deliver = Deliver::new(sender, submit.dcs, stamp, submit.user_data.clone());
        deliver.pid = submit.pid;
        let status = self.status.get(&to).copied().unwrap_or(Some(0));
        let report = status.filter(|_| submit.status_report).map(|status| {
            StatusReport::new(reference, submit.destination.clone(), stamp, stamp, status)
        });
        Some(Routed {
            deliver: deliver.encode().ok().map(|octets| (to, octets.into())),
            report: report.and_then(|report| report.encode().ok()).map(Bytes::from),
        })
    }

    fn receive(&mut self, from: &str, to: &str, submit: &Submit) {
        let key = submit
            .user_data
            .udh
            .concat()
            .map_or((0, 1, 1), |concat| (concat.reference, concat.total, concat.sequence));
        let (reference, total, sequence) = key;
        let key = (from.to_owned(), to.to_owned(), reference, total);
        let parts = self.waiting.entry(key.clone()).or_default();
        parts.insert(sequence, (submit.dcs, submit.user_data.clone()));
        if parts.len() < usize::from(total) {
            return;
        }
        let text = join_text(parts.values().map(|(dcs, data)| (*dcs, data))).unwrap_or_default();
        let segments = parts.len();
        self.waiting.remove(&key);
        if self.received.len() < MAX_TEXTS {
            let (to, from) = (to.to_owned(), from.to_owned());
            self.received.push(ReceivedText { to, from, text, segments });
        }
    }
}

/// What a command comes to: every message has been handed on or given up when one arrives, so the
/// centre knows of none. It says so when a report was wanted.
fn answer(command: &Command, reference: u8, now: Timestamp) -> Routed {
    let stamp = Scts::new(now, 0);
    let wanted = command.first_octet & REPORT_WANTED != 0;
    let report = wanted.then(|| {
        let recipient = command.destination.clone();
        let mut report = StatusReport::new(reference, recipient, stamp, stamp, UNKNOWN_MESSAGE);
        report.first_octet |= ABOUT_A_COMMAND;
        report
    });
    let report = report.and_then(|report| report.encode().ok()).map(Bytes::from);
    Routed { deliver: None, report }
}

//! The virtual short message centre: keeps TPDUs until the modem takes them, splits WAP pushes
//! into SMS-DELIVER TPDUs, and takes what the modem submits (3GPP TS 23.040).

mod push;
mod texts;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use serde::Serialize;

use super::fault::{Fault, Faults};
use super::lock;
use super::modem::Shared;
use crate::model::{Random, Timestamp};

pub use texts::ReceivedText;
use texts::{Routed, Texts};

/// Most TPDUs kept for one subscriber; a real network keeps fewer.
const MAX_WAITING: usize = 1_000;
/// Most submitted TPDUs remembered.
const MAX_SUBMITTED: usize = 1_000;

/// The message centre; clones are the same.
#[derive(Clone)]
pub(super) struct Smsc(Arc<Inner>);

struct Inner {
    number: String,
    boxes: Mutex<HashMap<String, Mailbox>>,
    submitted: Mutex<VecDeque<Submitted>>,
    texts: Mutex<Texts>,
    faults: Faults,
    random: Random,
}

#[derive(Default)]
struct Mailbox {
    waiting: VecDeque<Bytes>,
    /// Parts that go missing while the fault is on.
    withheld: Vec<Bytes>,
    modem: Weak<Shared>,
}

/// A TPDU that a modem submitted.
#[derive(Debug, Clone, Serialize)]
pub struct Submitted {
    /// Number of the subscriber.
    pub from: String,
    /// The SMS-SUBMIT or SMS-COMMAND in hexadecimal.
    pub tpdu: String,
}

/// Why a TPDU was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmsError {
    /// Nobody has this number.
    #[error("no modem has the number {0}")]
    UnknownSubscriber(String),
    /// It is no TPDU of the kind expected.
    #[error("this is no {expected} TPDU: {reason}")]
    NotATpdu {
        /// By its name in TS 23.040.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The network keeps no more.
    #[error("{0} SMS wait already, more than the network keeps")]
    TooMany(usize),
}

impl Smsc {
    pub(super) fn new(number: &str, faults: Faults, random: Random) -> Self {
        Self(Arc::new(Inner {
            number: number.to_owned(),
            boxes: Mutex::default(),
            submitted: Mutex::default(),
            texts: Mutex::default(),
            faults,
            random,
        }))
    }

    /// Its own number.
    pub(super) fn number(&self) -> &str {
        &self.0.number
    }

    pub(super) fn attach(&self, subscriber: &str, modem: &Arc<Shared>) {
        let mut boxes = lock(&self.0.boxes);
        boxes.entry(subscriber.to_owned()).or_default().modem = Arc::downgrade(modem);
    }

    /// Queues SMS-DELIVER TPDUs for a subscriber and offers them to the modem.
    pub(super) fn deliver(&self, subscriber: &str, tpdus: Vec<Bytes>) -> Result<(), SmsError> {
        let modem = {
            let mut boxes = lock(&self.0.boxes);
            let Some(mailbox) = boxes.get_mut(subscriber) else {
                return Err(SmsError::UnknownSubscriber(subscriber.to_owned()));
            };
            if mailbox.waiting.len() + tpdus.len() > MAX_WAITING {
                return Err(SmsError::TooMany(mailbox.waiting.len()));
            }
            mailbox.waiting.extend(tpdus);
            mailbox.modem.upgrade()
        };
        if let Some(modem) = modem {
            modem.fetch_sms();
        }
        Ok(())
    }

    /// Keeps a part back for as long as parts go missing.
    fn withhold(&self, subscriber: &str, tpdu: Bytes) {
        if let Some(mailbox) = lock(&self.0.boxes).get_mut(subscriber) {
            mailbox.withheld.push(tpdu);
        }
    }

    /// The next TPDU for a subscriber.
    pub(super) fn next(&self, subscriber: &str) -> Option<Bytes> {
        let missing = self.0.faults.is_on(&Fault::SmsPartMissing {});
        let mut boxes = lock(&self.0.boxes);
        let mailbox = boxes.get_mut(subscriber)?;
        if !missing {
            mailbox.waiting.extend(mailbox.withheld.drain(..));
        }
        mailbox.waiting.pop_front()
    }

    /// A TPDU that the modem could not take after all.
    pub(super) fn give_back(&self, subscriber: &str, tpdu: Bytes) {
        if let Some(mailbox) = lock(&self.0.boxes).get_mut(subscriber) {
            mailbox.waiting.push_front(tpdu);
        }
    }

    pub(super) fn waiting(&self, subscriber: &str) -> usize {
        lock(&self.0.boxes)
            .get(subscriber)
            .map_or(0, |mailbox| mailbox.waiting.len() + mailbox.withheld.len())
    }

    /// Lets the modem of a subscriber fetch what waits for it.
    pub(super) fn offer(&self, subscriber: &str) {
        let modem = lock(&self.0.boxes).get(subscriber).and_then(|mailbox| mailbox.modem.upgrade());
        if let Some(modem) = modem {
            modem.fetch_sms();
        }
    }

    /// What is reported of texts to `number` from now on; none: nothing.
    pub(super) fn report_texts(&self, number: &str, status: Option<u8>) {
        lock(&self.0.texts).report(number, status);
    }

    /// The texts that a number got.
    pub(super) fn texts_of(&self, number: &str) -> Vec<ReceivedText> {
        lock(&self.0.texts).received(number)
    }

    /// Takes an SMS-SUBMIT or SMS-COMMAND that the modem counts as `reference`. What follows from it waits for the
    /// modems to fetch it; answers whom else than the sender it is for.
    pub(super) fn submit(
        &self,
        subscriber: &str,
        tpdu: Bytes,
        reference: u8,
        now: Timestamp,
    ) -> Result<Option<String>, SmsError> {
        // TS 23.040 clause 9.2.3.1: TP-MTI 01 is SMS-SUBMIT, 10 SMS-COMMAND.
        if tpdu.first().is_none_or(|first| !matches!(first & 0x03, 0x01 | 0x02)) {
            return Err(SmsError::NotATpdu {
                expected: "SMS-SUBMIT or SMS-COMMAND",
                reason: "the message type indicator is another".to_owned(),
            });
        }
        let routed = lock(&self.0.texts).route(subscriber, reference, &tpdu, now);
        let mut to = None;
        if let Some(Routed { deliver, report }) = routed {
            to = deliver.as_ref().map(|(number, _)| number.clone());
            let mut boxes = lock(&self.0.boxes);
            for (number, octets) in
                deliver.into_iter().chain(report.map(|report| (subscriber.to_owned(), report)))
            {
                if let Some(mailbox) = boxes.get_mut(&number)
                    && mailbox.waiting.len() < MAX_WAITING
                {
                    mailbox.waiting.push_back(octets);
                }
            }
        }
        let mut submitted = lock(&self.0.submitted);
        if submitted.len() == MAX_SUBMITTED {
            submitted.pop_front();
        }
        submitted
            .push_back(Submitted { from: subscriber.to_owned(), tpdu: hex::encode_upper(tpdu) });
        Ok(to)
    }

    pub(super) fn submitted(&self) -> Vec<Submitted> {
        lock(&self.0.submitted).iter().cloned().collect()
    }
}

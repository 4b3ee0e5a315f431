//! The virtual short message centre: keeps TPDUs until the modem takes them, splits WAP pushes
//! into SMS-DELIVER TPDUs, and takes what the modem submits (3GPP TS 23.040).

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use bytes::Bytes;
use serde::Serialize;

use super::lock;
use super::modem::Shared;
use crate::codec::sms::{
    EncodeError, PORT_WAP_PUSH, PORT_WAP_WSP, Scts, SmsAddress, port_addressed_delivers,
};
use crate::model::Timestamp;

/// Sender of WAP pushes, a short code as operators use it.
const PUSH_ORIGINATOR: &str = "86888";

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
}

#[derive(Default)]
struct Mailbox {
    waiting: VecDeque<Bytes>,
    modem: Weak<Shared>,
}

/// A TPDU that a modem submitted.
#[derive(Debug, Clone, Serialize)]
pub struct Submitted {
    /// Number of the subscriber.
    pub from: String,
    /// The SMS-SUBMIT in hexadecimal.
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
        /// SMS-DELIVER or SMS-SUBMIT.
        expected: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The network keeps no more.
    #[error("{0} SMS wait already, more than the network keeps")]
    TooMany(usize),
}

impl Smsc {
    pub(super) fn new(number: &str) -> Self {
        Self(Arc::new(Inner {
            number: number.to_owned(),
            boxes: Mutex::default(),
            submitted: Mutex::default(),
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

    /// Sends an MMS PDU as WAP Push (WAP-235 clause 8: X-Wap-Application-Id 4 is the MMS user
    /// agent), in as many SMS as it takes.
    pub(super) fn push(
        &self,
        subscriber: &str,
        mms: &[u8],
        tid: u8,
        reference: u8,
        now: Timestamp,
        reversed: bool,
    ) -> Result<(), SmsError> {
        // Transaction id, PDU type Push, length of the headers, application/vnd.wap.mms-message,
        // X-Wap-Application-Id: mms.ua (WAP-230 clause 8.2.4.1).
        let mut push = vec![tid, 0x06, 3, 0xbe, 0xaf, 0x84];
        push.extend_from_slice(mms);
        let not_sent = |error: EncodeError| SmsError::NotATpdu {
            expected: "SMS-DELIVER",
            reason: error.to_string(),
        };
        let mut tpdus = port_addressed_delivers(
            &push,
            &SmsAddress::from_text(PUSH_ORIGINATOR),
            PORT_WAP_PUSH,
            PORT_WAP_WSP,
            reference,
            Scts::new(now, 0),
        )
        .map_err(not_sent)?
        .iter()
        .map(|part| part.encode().map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(not_sent)?;
        if reversed {
            tpdus.reverse();
        }
        self.deliver(subscriber, tpdus)
    }

    /// The next TPDU for a subscriber.
    pub(super) fn next(&self, subscriber: &str) -> Option<Bytes> {
        lock(&self.0.boxes).get_mut(subscriber)?.waiting.pop_front()
    }

    /// A TPDU that the modem could not take after all.
    pub(super) fn give_back(&self, subscriber: &str, tpdu: Bytes) {
        if let Some(mailbox) = lock(&self.0.boxes).get_mut(subscriber) {
            mailbox.waiting.push_front(tpdu);
        }
    }

    pub(super) fn waiting(&self, subscriber: &str) -> usize {
        lock(&self.0.boxes).get(subscriber).map_or(0, |mailbox| mailbox.waiting.len())
    }

    /// Takes an SMS-SUBMIT.
    pub(super) fn submit(&self, subscriber: &str, tpdu: Bytes) -> Result<(), SmsError> {
        // TS 23.040 clause 9.2.3.1: TP-MTI 01 is SMS-SUBMIT.
        if tpdu.first().is_none_or(|first| first & 0x03 != 0x01) {
            return Err(SmsError::NotATpdu {
                expected: "SMS-SUBMIT",
                reason: "the message type indicator is another".to_owned(),
            });
        }
        let mut submitted = lock(&self.0.submitted);
        if submitted.len() == MAX_SUBMITTED {
            submitted.pop_front();
        }
        submitted
            .push_back(Submitted { from: subscriber.to_owned(), tpdu: hex::encode_upper(tpdu) });
        Ok(())
    }

    pub(super) fn submitted(&self) -> Vec<Submitted> {
        lock(&self.0.submitted).iter().cloned().collect()
    }
}

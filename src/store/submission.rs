//! What the store is told and tells of messages that we send.

use bytes::Bytes;

use crate::model::{Address, Fault, MessageId, Origin, Part, Priority, Timestamp, TransactionId};

/// A message to be made durable, its PDUs encoded.
#[derive(Debug, Clone)]
pub struct NewOutbound {
    /// Our id.
    pub id: MessageId,
    /// Its subject.
    pub subject: Option<String>,
    /// The caller's own reference.
    pub client_ref: Option<String>,
    /// Who hands it in.
    pub origin: Origin,
    /// Its parts, presentation included, as they go out.
    pub parts: Vec<Part>,
    /// Give up when the MMSC does not have it by then.
    pub expires_at: Timestamp,
    /// Whether the caller named that time; else it is counted from now by our clock.
    pub end_named: bool,
    /// How urgent it is.
    pub priority: Priority,
    /// Not before this time.
    pub send_at: Option<Timestamp>,
    /// The announced message that it passes on unfetched: its PDUs are M-Forward.req then.
    pub forwards: Option<MessageId>,
    /// One PDU each.
    pub submissions: Vec<NewSubmission>,
}

/// One M-Send.req or M-Forward.req to be made durable.
#[derive(Debug, Clone)]
pub struct NewSubmission {
    /// Its X-Mms-Transaction-Id; every attempt uses the same.
    pub transaction_id: TransactionId,
    /// The octets of the PDU.
    pub pdu: Bytes,
    /// Whom it addresses.
    pub recipients: Vec<Address>,
    /// By which modem it goes.
    pub way: Way,
    /// Why it is not sent, although the rest of the message is.
    pub refused: Option<Fault>,
}

/// By which modem a submission goes, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Way {
    /// Name of the modem.
    pub modem: String,
    /// The SIM that is in it, where that is known.
    pub sim: Option<String>,
    /// The route whose other modems may take it over when this one cannot send; none: it waits.
    pub route: Option<String>,
    /// Why this modem, for the timeline.
    pub why: Option<String>,
    /// Keep for the recipient by which SIM it was.
    pub remember: bool,
    /// By this SIM or not at all.
    pub own_sim: bool,
}

/// One M-Send.req or M-Forward.req that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Names it towards the store.
    pub key: i64,
    /// The message it belongs to.
    pub message: MessageId,
    /// Its X-Mms-Transaction-Id.
    pub transaction_id: TransactionId,
    /// The octets of the PDU.
    pub pdu: Bytes,
    /// Whether that is an M-Forward.req.
    pub forwards: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many earlier attempts may have arrived.
    pub releases: u32,
    /// Give up when the MMSC does not have it by then.
    pub expires_at: Option<Timestamp>,
}

/// What a submission that is due waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A data call: none came about.
    NoCall,
    /// Its modem, which is out of service.
    NoModem,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The MMSC took it.
    Sent {
        /// Its Message-ID, if it gave one.
        mmsc_message_id: Option<String>,
        /// What to tell people.
        text: String,
    },
    /// Refused for good.
    Failed {
        /// Why.
        fault: Fault,
    },
    /// The MMSC may or may not have it.
    Unknown {
        /// Its Message-ID, if it gave one.
        mmsc_message_id: Option<String>,
        /// What is known.
        fault: Fault,
    },
    /// Once more at that time: the MMSC cannot have it, or the owner wants it all the same.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        fault: Fault,
        /// The MMSC may have it.
        in_doubt: bool,
    },
    /// As [`Self::Again`], but it would be too late by then.
    Expired {
        /// The last reason.
        fault: Fault,
    },
}

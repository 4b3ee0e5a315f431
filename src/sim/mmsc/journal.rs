//! What the MMSC saw, for assertions and for people.

use bytes::Bytes;
use serde::Serialize;

use crate::model::Timestamp;
use crate::sim::rfc3339;

/// Most entries kept; the oldest go first.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// Most complaints kept.
pub(super) const MAX_COMPLAINTS: usize = 1_000;

/// What a request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntryKind {
    /// An M-Send.req that was taken: its recipients get it.
    Submission,
    /// An M-Send.req that was refused.
    RefusedSubmission,
    /// An M-Forward.req that was taken: its recipients get the message that was kept.
    Forward,
    /// An M-Forward.req that was refused.
    RefusedForward,
    /// An M-Delete.req.
    Delete,
    /// A GET that was answered with M-Retrieve.conf.
    Retrieval,
    /// M-NotifyResp.ind.
    NotifyResp,
    /// M-Acknowledge.ind.
    Acknowledge,
    /// M-Read-Rec.ind.
    ReadReport,
    /// M-Cancel.conf.
    CancelConf,
    /// The connection ended, or was closed by a fault, before the request was whole.
    Unfinished,
    /// Anything else: an HTTP error on purpose, no MMS, an unknown address.
    Other,
}

/// One request.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When it was whole.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// What it was.
    pub kind: EntryKind,
    /// HTTP method and path.
    pub request: String,
    /// Number of the subscriber, as the network told it.
    pub msisdn: Option<String>,
    /// X-Mms-Transaction-Id.
    pub transaction_id: Option<String>,
    /// Message-ID given to a submission, or the token of the message retrieved or acknowledged.
    pub message: Option<String>,
    /// X-Mms-Status of an acknowledgement, X-Mms-Response-Status of a submission's answer.
    pub status: Option<u8>,
    /// HTTP status of the answer; nothing when the connection was closed instead.
    pub http_status: Option<u16>,
    /// Octets of the request's body.
    pub octets_in: usize,
    /// Octets of the answer's body.
    pub octets_out: usize,
    /// The request's body.
    #[serde(skip)]
    pub body: Bytes,
}

/// Something that a strict MMSC would refuse or that breaks handsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: Timestamp,
    /// What is wrong.
    pub text: String,
}

/// A copy of the MMSC's journal.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Journal {
    /// Every request in the order of arrival.
    pub entries: Vec<Entry>,
    /// Everything that was wrong with them.
    pub complaints: Vec<Complaint>,
    /// Messages for subscribers, in the order in which they were stored.
    pub stored: Vec<StoredMessage>,
}

/// A message that the MMSC keeps for a subscriber.
#[derive(Debug, Clone, Serialize)]
pub struct StoredMessage {
    /// Last part of its Content-Location.
    pub token: String,
    /// X-Mms-Transaction-Id of its notification.
    pub transaction_id: String,
    /// Message-ID.
    pub message_id: String,
    /// Number of its recipient.
    pub recipient: String,
    /// Notifications sent so far.
    pub notified: u32,
    /// Complete answers to GET so far.
    pub retrieved: u32,
    /// Whether the client has said that it fetches it later.
    pub deferred: bool,
    /// X-Mms-Status of the acknowledgement, once there is one.
    pub acknowledged: Option<u8>,
    /// How often its recipient has had it sent on unfetched.
    pub forwarded: u32,
    /// Whether its recipient has had it deleted unfetched.
    pub deleted: bool,
}

impl Journal {
    /// How often a message with this Transaction-Id was taken.
    #[must_use]
    pub fn submissions(&self, transaction_id: &str) -> usize {
        self.of(EntryKind::Submission)
            .filter(|entry| entry.transaction_id.as_deref() == Some(transaction_id))
            .count()
    }

    /// Transaction-Ids of everything taken, one for each time.
    #[must_use]
    pub fn submitted_ids(&self) -> Vec<&str> {
        self.of(EntryKind::Submission).filter_map(|entry| entry.transaction_id.as_deref()).collect()
    }

    /// Entries of one kind.
    pub fn of(&self, kind: EntryKind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// Messages that were acknowledged as retrieved.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.stored.iter().filter(|message| message.acknowledged == Some(0x81)).count()
    }
}

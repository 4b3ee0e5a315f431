//! What the store tells of messages.

use std::time::Duration;

use crate::model::{
    Address, Direction, Fault, Kind, MediaType, MessageId, OutboundState, State, Timestamp,
};

/// Why the store could not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database's own words.
    #[error("the message store {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What SQLite said.
        reason: String,
    },
    /// The disk has no room for it.
    #[error("the message store {path}: the disk is full")]
    Full {
        /// The file.
        path: String,
    },
    /// Written by a newer version of this program.
    #[error("the message store has version {found}, this program knows up to {known}")]
    TooNew {
        /// Version of the file.
        found: i64,
        /// Version of this program.
        known: i64,
    },
    /// Something else was handed in under the same key before.
    #[error("another message, {message}, was handed in under this key")]
    KeyReused {
        /// What was.
        message: MessageId,
    },
    /// An account would be above its limit.
    #[error(
        "account '{account}' may write to {limit} recipients a {window}; it has written to {used}"
    )]
    AccountLimit {
        /// Whose.
        account: String,
        /// `minute`, `hour`, `day` or `month`.
        window: &'static str,
        /// Most recipients in such a time.
        limit: u32,
        /// Recipients so far.
        used: u64,
        /// When the first of them no longer counts; never when there was none.
        again_at: Option<Timestamp>,
        /// How long that is from now.
        again_in: Option<Duration>,
    },
    /// As many as there may be.
    #[error("there are {limit} {what} already, the most that there may be")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// No such message, part or job.
    #[error("there is no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
}

/// A message that reached a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub id: MessageId,
    /// What carries it.
    pub kind: Kind,
    /// Which way it goes.
    pub direction: Direction,
    /// The state reached.
    pub state: State,
    /// It was on the SIM before the gateway first saw that SIM: shown, but no news.
    pub historic: bool,
    /// It was in another state before.
    pub entered: bool,
    /// Outbound, when it has just been settled: the configured route that it went by. None where its
    /// recipients have different ones.
    pub route: Option<String>,
}

/// Which messages to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this direction.
    pub direction: Option<Direction>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only those in one of these states, by their names; empty means any.
    pub states: Vec<&'static str>,
    /// Only those of this sender.
    pub from: Option<Address>,
    /// Only those to this recipient.
    pub to: Option<Address>,
    /// Only those that this modem carries.
    pub modem: Option<String>,
    /// Only those that this account has handed in.
    pub account: Option<String>,
    /// Only those with this reference of the caller.
    pub client_ref: Option<String>,
    /// Only those accepted or announced then or later.
    pub since: Option<Timestamp>,
    /// Only those accepted or announced before.
    pub until: Option<Timestamp>,
    /// Only those older than this one (cursor).
    pub before: Option<MessageId>,
    /// Only those newer than this one, the nearest (cursor); in the same order.
    pub newer_than: Option<MessageId>,
    /// How many at most; 0 means 50.
    pub limit: usize,
}

/// One recipient of an outbound message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientView {
    /// Who.
    pub address: Address,
    /// How far it got.
    pub state: OutboundState,
    /// The Message-ID that the MMSC gave.
    pub mmsc_message_id: Option<String>,
    /// Last delivery report's word.
    pub report: Option<String>,
    /// When the first report said that the phone has it.
    pub delivered_at: Option<Timestamp>,
    /// When the first report said that it was read.
    pub read_at: Option<Timestamp>,
    /// The report named a Message-ID that we do not know; this was the only message it could be
    /// about.
    pub report_inferred: bool,
    /// The last error.
    pub fault: Option<Fault>,
    /// Name of the modem that it goes by.
    pub modem: String,
}

/// One line of a message list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Our id.
    pub id: MessageId,
    /// What carries it.
    pub kind: Kind,
    /// Which way.
    pub direction: Direction,
    /// How far it got; with several recipients the least advanced that is not settled, else the
    /// worst.
    pub state: State,
    /// When it was accepted or announced.
    pub created_at: Timestamp,
    /// When anything last changed.
    pub updated_at: Timestamp,
    /// Inbound: the sender.
    pub from: Option<Address>,
    /// Outbound: the recipients. Inbound: nobody (see [`MessageView::inbound_to`]).
    pub recipients: Vec<RecipientView>,
    /// Its subject.
    pub subject: Option<String>,
    /// The beginning of its first text part, at most 200 characters; of a short message all of it.
    pub text: Option<String>,
    /// Inbound: when it was sent, by the MMSC's or the short message centre's clock.
    pub sent_at: Option<Timestamp>,
    /// What only a short message has.
    pub sms: Option<SmsInfo>,
    /// It was on the SIM before the gateway first saw that SIM.
    pub historic: bool,
    /// Its parts without their octets, presentation (SMIL) included.
    pub parts: Vec<PartInfo>,
    /// When the octets of its parts were removed to keep the store in bounds.
    pub parts_removed_at: Option<Timestamp>,
    /// Name of the modem that carried it.
    pub modem: Option<String>,
    /// The last error, if it is not over yet or ended the message.
    pub fault: Option<Fault>,
    /// The caller's own reference.
    pub client_ref: Option<String>,
    /// Outbound: the announced message that it passes on unfetched.
    pub forwards: Option<MessageId>,
}

/// What only a short message has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SmsInfo {
    /// TPDUs that it takes, for each recipient.
    pub segments: u32,
    /// Message class 0 to 3; 0 is a flash message, shown at once by phones and not kept.
    pub class: Option<u8>,
    /// Inbound: the segments, from 1, that did not come in time; the text has a mark in their place.
    pub missing: Vec<u8>,
}

/// A part without its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    /// Position in the message, from 0.
    pub index: usize,
    /// What it is.
    pub media_type: MediaType,
    /// Name for people.
    pub name: Option<String>,
    /// Content-ID.
    pub content_id: Option<String>,
    /// Content-Location.
    pub content_location: Option<String>,
    /// IANA name of the charset of a text part.
    pub charset: Option<String>,
    /// Octets.
    pub size: usize,
    /// SHA-256 of the octets, lower-case hexadecimal.
    pub sha256: String,
}

/// Everything about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// As in lists.
    pub summary: Summary,
    /// Inbound: whom the sender addressed.
    pub inbound_to: Vec<Address>,
    /// Inbound: the MMSC's Transaction-Id and Content-Location.
    pub notification: Option<(String, String)>,
    /// Inbound: the MMSC's Message-ID.
    pub message_id: Option<String>,
    /// Until when it is worth trying.
    pub expires_at: Option<Timestamp>,
    /// Failed or unfinished attempts so far.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// One transition in the life of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// Whom it concerns, when it is about one recipient.
    pub recipient: Option<Address>,
    /// The state after it.
    pub state: String,
    /// What happened, for people.
    pub text: String,
    /// The error behind it.
    pub fault: Option<Fault>,
    /// Its code.
    pub cause: Option<String>,
    /// What the other side said, as it said it.
    pub verbatim: Option<String>,
    /// The modem that had the message then.
    pub modem: Option<String>,
    /// In which attempt, from 1; none before the first.
    pub attempt: Option<u32>,
}

//! The Wireless Transaction Protocol as a machine (WAP-224-WTP-20010710-a): transactions of class 0,
//! 1 and 2 over datagrams, with retransmission, hold-on, aborts, transaction identifiers, and
//! segmentation and re-assembly with selective retransmission.
//!
//! May use: codec. An [`Endpoint`] speaks with one peer and plays both roles: whoever begins a
//! transaction is its initiator. It is told the datagrams, the wishes of its user and the time, and
//! says what to transmit, what happened and when it wants to be called again.
//!
//! A group of segments is acknowledged before the next one leaves. How many octets a group may have
//! is the receiver's to say (Option TPI Maximum Group, clause 8.4.4); one that says nothing gets one
//! segment a group. That is not only what the specification gives as its default: gateways are about
//! that join what came of a group without looking whether all of it came.

mod endpoint;
mod receive;
mod rtt;
mod send;
#[cfg(test)]
mod tests;
mod transaction;
mod window;

pub use endpoint::{Endpoint, Progress};

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::codec::wtp::{Abort, Tid, TransactionClass};

/// Most segments of one message: the sequence number of a segment has eight bits (clause 8.3.5);
/// the extension to 24 bits is understood by hardly a gateway.
pub const MAX_SEGMENTS: usize = 256;
/// Most segments of a group, however many octets the receiver asks for: a burst must not fill the
/// queues on the way.
pub const MAX_GROUP: u32 = 16;
/// Most transactions at a time in both directions; WSP makes one after the other.
pub const MAX_TRANSACTIONS: usize = 8;
/// Most finished transactions whose last word is remembered, for a peer that has not heard it.
pub const MAX_FINISHED: usize = 16;
/// Most negative acknowledgements of one group that are followed, or sent.
pub const MAX_NEGATIVE_ACKS: u32 = 32;

/// How an endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Most octets of user data in one packet.
    pub segment: usize,
    /// Segments of a group to a peer that does not say how many octets it takes.
    pub group: u32,
    /// Most octets of a group that are asked for; nothing is said where absent.
    pub maximum_group: Option<u32>,
    /// Most octets of a whole message that is received.
    pub max_message: usize,
    /// R: how long an acknowledgement is waited for as long as the path is not known.
    pub retransmit_after: Duration,
    /// `RCR_MAX`: how often a packet is sent again.
    pub max_retransmissions: u32,
    /// A: how long the user may take before the peer is told to hold on.
    pub acknowledge_after: Duration,
    /// `AEC_MAX`: how often A may pass where only the user may acknowledge.
    pub max_acknowledge_waits: u32,
    /// How long a hole in a group may fill itself, octets that overtook each other, before it is
    /// told.
    pub negative_ack_after: Duration,
    /// W: how long the last word of a transaction is remembered.
    pub remember: Duration,
    /// Ask the peer whether a transaction is its own where nothing is known of its earlier ones
    /// (clause 7.9).
    pub verify: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment: 1350,
            group: 1,
            maximum_group: None,
            max_message: 512 * 1024,
            retransmit_after: Duration::from_secs(5),
            max_retransmissions: 8,
            acknowledge_after: Duration::from_secs(1),
            max_acknowledge_waits: 6,
            negative_ack_after: Duration::from_millis(200),
            remember: Duration::from_secs(60),
            verify: false,
        }
    }
}

/// A transaction to begin.
#[derive(Debug, Clone)]
pub struct Invoke {
    /// What it promises.
    pub class: TransactionClass,
    /// Only the user of the peer may acknowledge.
    pub user_acknowledgement: bool,
    /// The user's octets.
    pub data: Bytes,
    /// The last packet stays until [`Endpoint::release`].
    pub held: bool,
}

/// What an endpoint wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Something happened.
    Event(Event),
    /// Send this datagram.
    Transmit(Bytes),
    /// Call [`Endpoint::handle_timeout`] then.
    Timeout(Instant),
    /// Nothing, before something else happens.
    Idle,
}

/// What happened. A transaction goes by the [`Tid`] as this side writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All but the last packet of a held message has left.
    Held {
        /// Of which transaction.
        tid: Tid,
    },
    /// The peer has the whole message; of class 1 that is the end.
    Acknowledged {
        /// Of which transaction.
        tid: Tid,
    },
    /// The result of a class 2 transaction.
    Result {
        /// Of which one.
        tid: Tid,
        /// The peer's octets.
        data: Bytes,
    },
    /// The peer began a transaction.
    Invoke {
        /// Which one.
        tid: Tid,
        /// What it promises.
        class: TransactionClass,
        /// The peer's octets.
        data: Bytes,
    },
    /// The transaction is over without its end.
    Failed {
        /// Which one.
        tid: Tid,
        /// Why.
        error: WtpError,
    },
}

/// Why a transaction failed, or a wish was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WtpError {
    /// The peer aborted it.
    #[error("the far end aborted the transaction ({0})")]
    Aborted(Abort),
    /// Nothing was heard of what was sent again and again.
    #[error("nothing acknowledged, sent {0} times")]
    Silent(u32),
    /// The peer asks again and again for what was sent.
    #[error("the far end asked {MAX_NEGATIVE_ACKS} times for segments of one group")]
    AskedTooOften,
    /// Segments did not come, however often they were asked for.
    #[error("segments are missing that were asked for {MAX_NEGATIVE_ACKS} times")]
    Incomplete,
    /// The peer sends more than is taken.
    #[error("the far end sends more than the limit of {limit} octets")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// This side's user did not answer in time.
    #[error("no answer to the transaction in time")]
    NoResponse,
    /// A message that cannot be cut into so few segments.
    #[error("{octets} octets are more than WTP carries in {limit} octets of segments")]
    TooLong {
        /// The message's octets.
        octets: usize,
        /// Most octets.
        limit: usize,
    },
    /// More transactions than are made at a time.
    #[error("more than {MAX_TRANSACTIONS} transactions at a time")]
    TooMany,
    /// There is no such transaction, or it does not wait for this.
    #[error("no transaction waits for that")]
    NoTransaction,
}

/// What passed, and what was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// PDUs received.
    pub received: u64,
    /// PDUs sent.
    pub sent: u64,
    /// PDUs sent again.
    pub retransmitted: u64,
    /// PDUs that could not be read.
    pub unreadable: u64,
    /// PDUs of no transaction that there is.
    pub stray: u64,
    /// PDUs that made no sense where their transaction was.
    pub ignored: u64,
    /// Segments and messages that had come before.
    pub repeated: u64,
}

//! One channel: its state, its signals and its two queues (3GPP TS 27.010 clauses 5.4 and 5.4.6.3.7).

use std::collections::VecDeque;
use std::time::Instant;

use crate::codec::cmux::Signals;

/// Octets of one channel that wait to be sent; its writer has to wait beyond.
pub const MAX_QUEUED: usize = 4 * 1024;
/// Octets of one channel that wait to be read; beyond, they are dropped.
pub const MAX_RECEIVED: usize = 64 * 1024;
/// So many unread octets make this side ask for a pause.
const HOLD_AT: usize = 8 * 1024;
/// So few end it.
const RELEASE_AT: usize = 2 * 1024;

/// A command that wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    /// When it is sent again.
    pub(super) until: Instant,
    /// How often it may be sent again.
    pub(super) left: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Opening(Waiting),
    Open,
    Closing(Waiting),
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) state: State,
    /// To be sent.
    pub(super) out: VecDeque<u8>,
    /// To be read.
    pub(super) received: VecDeque<u8>,
    /// N1 of this channel, when it was negotiated.
    pub(super) n1: Option<usize>,
    /// This side's signals, without FC.
    pub(super) signals: Signals,
    /// The other side's, once it has told them.
    pub(super) remote: Option<Signals>,
    /// This side has asked for a pause.
    pub(super) holding: bool,
    /// An MSC that was not answered yet.
    pub(super) status: Option<Waiting>,
}

impl Channel {
    pub(super) fn new(signals: Signals) -> Self {
        Self {
            state: State::Closed,
            out: VecDeque::new(),
            received: VecDeque::new(),
            n1: None,
            signals,
            remote: None,
            holding: false,
            status: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Something to send, and the other side takes it.
    pub(super) fn may_send(&self) -> bool {
        self.is_open()
            && !self.out.is_empty()
            && !self.remote.is_some_and(|signals| signals.has(Signals::FC))
    }

    /// As it is told to the other side.
    pub(super) fn told_signals(&self) -> Signals {
        self.signals.with(Signals::FC, self.holding)
    }

    /// Takes what arrived; how many octets had no room, and whether the wish for a pause is new.
    pub(super) fn take(&mut self, octets: &[u8]) -> (usize, bool) {
        let room = MAX_RECEIVED.saturating_sub(self.received.len()).min(octets.len());
        self.received.extend(octets.iter().take(room));
        let hold = !self.holding && self.received.len() >= HOLD_AT;
        self.holding |= hold;
        (octets.len() - room, hold)
    }

    /// Hands out at most `limit` octets; whether the wish for a pause is over.
    pub(super) fn hand_out(&mut self, limit: usize) -> (Vec<u8>, bool) {
        let count = limit.min(self.received.len());
        let octets = self.received.drain(..count).collect();
        let release = self.holding && self.received.len() <= RELEASE_AT;
        self.holding &= !release;
        (octets, release)
    }

    /// Back to how it was before it was opened; what was received stays to be read.
    pub(super) fn shut(&mut self) {
        self.state = State::Closed;
        self.out.clear();
        self.n1 = None;
        self.remote = None;
        self.holding = false;
        self.status = None;
    }
}

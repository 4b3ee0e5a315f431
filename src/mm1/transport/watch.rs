//! Whether an exchange still moves, and telling people how far it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{Timeouts, TransportError};
use crate::model::{Stage, StageSink};
use crate::net::Progress;

/// A transfer is told again after this time, or after a twentieth of it.
const TELL_EVERY: Duration = Duration::from_millis(500);
const TELL_PARTS: u64 = 20;

pub(super) const SENDING: &str = "sending the request";
pub(super) const WAITING: &str = "waiting for the answer";
pub(super) const RECEIVING: &str = "receiving the answer";

/// Fewer octets a second than this, on the average of one direction, are no transfer: a crowded cell
/// still carries twice as many, and whoever drips keeps the line from everybody else.
const LEAST_RATE: u64 = 25;
/// How long the average may be below that at the beginning.
const SLOW_START: Duration = Duration::from_secs(300);

/// Watches one exchange on a connection.
pub(super) struct Watch<'a> {
    progress: Progress,
    acknowledged_before: u64,
    received_before: u64,
    head: u64,
    body: u64,
    mark: (u64, u64),
    moved_at: Instant,
    phase: Phase,
    told: u64,
    told_at: Instant,
    stages: &'a StageSink,
}

/// What is done, since when, and how much had moved before.
struct Phase {
    doing: &'static str,
    began_at: Instant,
    moved_before: u64,
}

impl<'a> Watch<'a> {
    /// `head` and `body` are the request's octets.
    pub(super) fn new(progress: &Progress, head: u64, body: u64, stages: &'a StageSink) -> Self {
        let now = Instant::now();
        let (acknowledged, received) = (progress.acknowledged(), progress.received());
        Self {
            progress: progress.clone(),
            acknowledged_before: acknowledged,
            received_before: received,
            head,
            body,
            mark: (acknowledged, received),
            moved_at: now,
            phase: Phase { doing: SENDING, began_at: now, moved_before: 0 },
            told: 0,
            told_at: now,
            stages,
        }
    }

    /// Octets of the request that the far end has.
    fn acknowledged(&self) -> u64 {
        self.progress.acknowledged().saturating_sub(self.acknowledged_before)
    }

    /// Octets of the answer that are here.
    pub(super) fn received(&self) -> u64 {
        self.progress.received().saturating_sub(self.received_before)
    }

    /// Whether the far end has the head and `front` octets of the body.
    pub(super) fn has_front(&self, front: u64) -> bool {
        self.acknowledged() >= self.head.saturating_add(front)
    }

    /// What is being done now.
    pub(super) fn doing(&self) -> &'static str {
        if self.received() > 0 {
            RECEIVING
        } else if self.acknowledged() >= self.head.saturating_add(self.body) {
            WAITING
        } else {
            SENDING
        }
    }

    /// Forgets how long nothing moved: something else was waited for.
    pub(super) fn excuse(&mut self) {
        self.moved_at = Instant::now();
    }

    /// Why to give up the exchange with `to`, if there is a reason.
    pub(super) fn complaint(&mut self, timeouts: &Timeouts, to: &str) -> Option<TransportError> {
        let to = || to.to_owned();
        if let Some((doing, limit)) = self.stalled(timeouts) {
            return Some(TransportError::Stalled { to: to(), seconds: limit.as_secs(), doing });
        }
        let doing = self.doing();
        let moved = self.acknowledged().saturating_add(self.received());
        // How long an answer may be thought about has a limit of its own.
        if doing != self.phase.doing || doing == WAITING {
            self.phase = Phase { doing, began_at: Instant::now(), moved_before: moved };
        }
        let elapsed = self.phase.began_at.elapsed();
        let octets = moved.saturating_sub(self.phase.moved_before);
        let slow = elapsed > SLOW_START && octets < elapsed.as_secs().saturating_mul(LEAST_RATE);
        let seconds = elapsed.as_secs();
        slow.then(|| TransportError::TooSlow { to: to(), octets, seconds, doing })
    }

    /// The limit that has passed without anything moving, if one has.
    fn stalled(&mut self, timeouts: &Timeouts) -> Option<(&'static str, Duration)> {
        let mark = (self.progress.acknowledged(), self.progress.received());
        if mark != self.mark {
            self.mark = mark;
            self.moved_at = Instant::now();
        }
        let doing = self.doing();
        let limit = if doing == WAITING { timeouts.answer } else { timeouts.stall };
        (self.moved_at.elapsed() >= limit).then_some((doing, limit))
    }

    /// Tells how much of the body the far end has.
    pub(super) fn tell_upload(&mut self) {
        let done = self.acknowledged().saturating_sub(self.head).min(self.body);
        if self.is_worth_telling(done, self.body) {
            self.stages.tell(Stage::Uploading { done, total: self.body });
        }
    }

    /// Tells that the far end has all of the body, unless that was told.
    pub(super) fn tell_uploaded(&mut self) {
        if self.told < self.body {
            self.told = self.body;
            self.stages.tell(Stage::Uploading { done: self.body, total: self.body });
        }
    }

    /// Starts to count the answer's body.
    pub(super) fn start_download(&mut self) {
        self.told = 0;
        self.told_at = Instant::now();
    }

    /// Tells how much of the answer's body is here.
    pub(super) fn tell_download(&mut self, done: u64, total: Option<u64>) {
        if self.is_worth_telling(done, total.unwrap_or(u64::MAX)) {
            self.stages.tell(Stage::Downloading { done, total });
        }
    }

    fn is_worth_telling(&mut self, done: u64, total: u64) -> bool {
        let more = done.saturating_sub(self.told);
        let worth = more > 0
            && (done == total
                || more >= total.div_ceil(TELL_PARTS)
                || self.told_at.elapsed() >= TELL_EVERY);
        if worth {
            self.told = done;
            self.told_at = Instant::now();
        }
        worth
    }
}

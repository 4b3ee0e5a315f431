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

/// Octets that keep the line busy while the release of the final block is put on record: two
/// segments. Waiting until the far end has acknowledged all others would cost a round trip, on a
/// slow radio most of a second for every message.
const STILL_TO_LEAVE: u64 = 2_920;

/// The final block is looked after closely when it may be missed within this time.
const NEAR: Duration = Duration::from_millis(250);

/// Watches one exchange on a connection.
pub(super) struct Watch<'a> {
    progress: Progress,
    sent_before: u64,
    /// What had left when it was looked at last.
    sent_then: (u64, Instant),
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
            sent_before: progress.sent(),
            sent_then: (progress.sent(), now),
            acknowledged_before: acknowledged,
            received_before: received,
            head,
            body,
            mark: (acknowledged, progress.arrived()),
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

    /// Whether the final block behind the head and `front` octets of the body is about to be missed
    /// on a line that is alive: all but [`STILL_TO_LEAVE`] of those has left, and the far end has
    /// half of them. A request that disappears in a dead line stays a plain retry.
    pub(super) fn wants_end(&self, front: u64) -> bool {
        let before = self.head.saturating_add(front);
        let sent = self.progress.sent().saturating_sub(self.sent_before);
        sent.saturating_add(STILL_TO_LEAVE) >= before && self.acknowledged() >= before.div_ceil(2)
    }

    /// Whether [`Self::wants_end`] may come true before long at the rate at which octets have left
    /// since this was asked last.
    pub(super) fn nears_end(&mut self, front: u64) -> bool {
        let now = Instant::now();
        let sent = self.progress.sent();
        let (before, at) = std::mem::replace(&mut self.sent_then, (sent, now));
        let elapsed = now.duration_since(at).max(Duration::from_millis(1));
        let rate = sent.saturating_sub(before) as f64 / elapsed.as_secs_f64();
        let end = self.sent_before.saturating_add(self.head).saturating_add(front);
        let left = end.saturating_sub(sent.saturating_add(STILL_TO_LEAVE));
        left as f64 <= (rate * NEAR.as_secs_f64()).max(STILL_TO_LEAVE as f64)
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
        let mark = (self.progress.acknowledged(), self.progress.arrived());
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

//! What the acknowledgements tell of a path: its rate, its delay, and from both how much belongs on
//! it and how fast (the model of BBR, draft-ietf-ccwg-bbr, with what a single slow line needs of it).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Octets that leave before anything is known of the path.
const INITIAL_WINDOW: u64 = 16 * 1460;

/// How long the shortest delay seen is believed.
const DELAY_MEMORY: Duration = Duration::from_secs(30);

/// Rounds that the highest rate seen is believed.
const RATE_MEMORY: u64 = 10;

/// Growth of the rate within [`FULL_ROUNDS`] rounds below which the path counts as full.
const GROWTH: f64 = 1.25;
const FULL_ROUNDS: u32 = 3;

/// 2/ln 2: the slowest that doubles what is sent every round.
const STARTUP_GAIN: f64 = 2.77;

/// What is tried in turn, a shortest delay each, once the path is known.
const CYCLE: [f64; 8] = [1.25, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];

/// Segments beyond twice what the path holds: what delayed acknowledgements keep back.
const HEADROOM: u64 = 3;

/// Segments that may always be on the way.
const LEAST: u64 = 4;

/// Clock granularity, and the shortest time for which sending is planned at once.
const QUANTUM: Duration = Duration::from_millis(2);

/// The most that a segment may leave early: on slower lines timers are few.
const MAX_EARLY: Duration = Duration::from_millis(20);

/// Bounds of the retransmission time-out (RFC 6298 clause 2, with Linux' lower bound in mind: the
/// delay of a radio path varies by more than its mean says).
const MIN_RTO: Duration = Duration::from_millis(300);
/// As long as no payload was acknowledged: a SYN is fast where a segment takes a second.
const FIRST_RTO: Duration = Duration::from_secs(3);
const MAX_RTO: Duration = Duration::from_secs(60);

/// How much was delivered when a segment left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    pub(super) at: Instant,
    delivered: u64,
    delivered_at: Instant,
    first_sent: Instant,
    app_limited: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Doubles every round until the rate grows no more.
    Startup,
    /// Lets go what startup has put too much on the path.
    Drain,
    /// Stays there, with a look above and below.
    Cruise { step: usize, since: Instant },
}

/// The model of one connection's path.
#[derive(Debug)]
pub(super) struct Path {
    mss: u64,
    phase: Phase,
    /// Octets known to have arrived.
    delivered: u64,
    delivered_at: Instant,
    /// When the segment left whose acknowledgement came last.
    first_sent: Instant,
    /// The sender had nothing to send until that much was delivered.
    app_limited: u64,
    round: u64,
    round_ends: u64,
    /// Octets a second by round, highest first.
    rates: VecDeque<(u64, f64)>,
    full_rate: f64,
    full_rounds: u32,
    least_delay: Option<(Duration, Instant)>,
    smoothed: Option<(Duration, Duration)>,
    next_at: Instant,
    /// How much earlier than that a segment may leave.
    early: Duration,
}

impl Path {
    pub(super) fn new(now: Instant, mss: usize) -> Self {
        Self {
            mss: mss.max(1) as u64,
            phase: Phase::Startup,
            delivered: 0,
            delivered_at: now,
            first_sent: now,
            app_limited: 0,
            round: 0,
            round_ends: 0,
            rates: VecDeque::new(),
            full_rate: 0.0,
            full_rounds: 0,
            least_delay: None,
            smoothed: None,
            next_at: now,
            early: Duration::ZERO,
        }
    }

    /// Octets a second that the path has carried lately, where anything is known.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rates.front().map(|(_, rate)| *rate)
    }

    pub(super) const fn has_delivered(&self) -> bool {
        self.delivered > 0
    }

    pub(super) const fn mss(&self) -> u64 {
        self.mss
    }

    pub(super) fn least_delay(&self) -> Option<Duration> {
        self.least_delay.map(|(delay, _)| delay)
    }

    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|(mean, _)| mean)
    }

    /// RFC 6298 clause 2, before any back-off.
    pub(super) fn rto(&self) -> Duration {
        let least = if self.delivered == 0 { FIRST_RTO } else { MIN_RTO };
        let usual = self.smoothed.map_or(least, |(mean, variation)| mean + variation * 4);
        (usual + self.spacing()).clamp(least, MAX_RTO)
    }

    /// What lies between two acknowledgements that answer two segments each, and half as much again.
    pub(super) fn spacing(&self) -> Duration {
        let octets = (HEADROOM * self.mss) as f64;
        self.rate().map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64((octets / rate.max(1.0)).min(MAX_RTO.as_secs_f64()))
        })
    }

    /// Octets that belong on the way.
    pub(super) fn window(&self) -> u64 {
        let gain = if self.phase == Phase::Startup { STARTUP_GAIN } else { 2.0 };
        let target =
            self.held().map_or(INITIAL_WINDOW, |held| (held * gain) as u64 + HEADROOM * self.mss);
        let least = if self.phase == Phase::Startup { INITIAL_WINDOW } else { LEAST * self.mss };
        target.max(least)
    }

    /// Octets that the path holds without a queue.
    fn held(&self) -> Option<f64> {
        Some(self.rate()? * self.least_delay()?.as_secs_f64())
    }

    /// When the next segment is due to leave.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Whether the next segment may leave: half a segment early where something has happened anyway,
    /// so that most of them need no timer besides the acknowledgement of another.
    pub(super) fn lets_leave(&self, now: Instant) -> bool {
        self.next_at <= now + self.early
    }

    /// A segment of that many octets leaves.
    pub(super) fn depart(&mut self, now: Instant, octets: u64, in_flight: u64) -> Departure {
        if in_flight == 0 {
            self.first_sent = now;
            self.delivered_at = now;
        }
        let gain = match self.phase {
            Phase::Startup => STARTUP_GAIN,
            Phase::Drain => 1.0 / STARTUP_GAIN,
            Phase::Cruise { step, .. } => CYCLE.get(step).copied().unwrap_or(1.0),
        };
        let rate = self.rate().unwrap_or_else(|| {
            let delay = self.smoothed().unwrap_or(QUANTUM).max(QUANTUM);
            INITIAL_WINDOW as f64 / delay.as_secs_f64()
        });
        let takes = Duration::from_secs_f64((octets as f64 / (rate * gain).max(1.0)).min(60.0));
        self.next_at = self.next_at.max(now.checked_sub(QUANTUM).unwrap_or(now)) + takes;
        self.early = (takes / 2).min(MAX_EARLY);
        Departure {
            at: now,
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            app_limited: self.app_limited > self.delivered,
        }
    }

    /// There is nothing to send though there is room.
    pub(super) fn starve(&mut self, in_flight: u64) {
        self.app_limited = (self.delivered + in_flight).max(1);
    }

    /// A measured delay.
    pub(super) fn delay(&mut self, now: Instant, delay: Duration) {
        let delay = delay.max(Duration::from_micros(100));
        self.smoothed = Some(match self.smoothed {
            None => (delay, delay / 2),
            Some((mean, variation)) => {
                let off = mean.abs_diff(delay);
                ((mean * 7 + delay) / 8, (variation * 3 + off) / 4)
            }
        });
        let keep = self
            .least_delay
            .is_some_and(|(least, since)| least < delay && now < since + DELAY_MEMORY);
        if !keep {
            self.least_delay = Some((delay, now));
        }
    }

    /// That many octets are known to have arrived; `last` left last of them.
    pub(super) fn arrive(&mut self, now: Instant, octets: u64, last: Departure, in_flight: u64) {
        self.delivered += octets;
        self.delivered_at = now;
        self.first_sent = last.at;
        let new_round = last.delivered >= self.round_ends;
        if new_round {
            self.round += 1;
            self.round_ends = self.delivered;
        }
        let sending = last.at.duration_since(last.first_sent);
        let arriving = now.duration_since(last.delivered_at);
        let took = sending.max(arriving);
        // Less than the shortest delay is what a burst of acknowledgements makes.
        if took >= self.least_delay().unwrap_or_default().max(QUANTUM) {
            let rate = (self.delivered - last.delivered) as f64 / took.as_secs_f64();
            if !last.app_limited || self.rate().is_none_or(|known| rate >= known) {
                self.rates
                    .retain(|(round, known)| *known > rate && round + RATE_MEMORY > self.round);
                self.rates.push_back((self.round, rate));
            }
        }
        while self.rates.len() > 1
            && self.rates.front().is_some_and(|(round, _)| round + RATE_MEMORY <= self.round)
        {
            self.rates.pop_front();
        }
        self.advance(now, new_round && !last.app_limited, in_flight);
    }

    fn advance(&mut self, now: Instant, full_round: bool, in_flight: u64) {
        let Some(rate) = self.rate() else { return };
        if self.phase == Phase::Startup && full_round {
            if rate >= self.full_rate * GROWTH {
                self.full_rate = rate;
                self.full_rounds = 0;
            } else {
                self.full_rounds += 1;
                if self.full_rounds >= FULL_ROUNDS {
                    self.phase = Phase::Drain;
                }
            }
        }
        let held = self.held().unwrap_or_default() as u64;
        match self.phase {
            Phase::Startup => {}
            Phase::Drain => {
                if in_flight <= held + HEADROOM * self.mss {
                    self.phase = Phase::Cruise { step: 2, since: now };
                }
            }
            Phase::Cruise { step, since } => {
                let least = self.least_delay().unwrap_or_default();
                if now.duration_since(since) >= least {
                    self.phase = Phase::Cruise { step: (step + 1) % CYCLE.len(), since: now };
                }
            }
        }
    }
}

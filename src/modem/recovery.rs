//! The recovery ladder: which way of bringing a modem back is tried next, least harm first, and
//! how often each may be.
//!
//! | rung | what it does | what it costs |
//! |---|---|---|
//! | resync | leaves prompts and data mode, asks `AT` until the answers are in step | seconds |
//! | initialise | sends every setting again | seconds |
//! | reopen | closes the ports and opens them again, which also drops DTR | a data call |
//! | other-port | gives the commands to a port that still answers | SMS wait during calls |
//! | restart | the profile's reset sequence, usually `AT+CFUN=1,1` | registration, settings, a minute |
//! | usb-reset | what unplugging does, without the electricity | the same, for every port of the device |

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use super::usb::Unbound;
use super::{ModemError, PortError};
use crate::model::{Fault, Timestamp};

/// Steps kept for people to look at; the oldest goes first.
pub const MAX_STEPS: usize = 64;

/// One way of bringing a modem back, in order of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Leave prompts and data mode, ask `AT` until it is answered.
    Resync,
    /// Send every setting again.
    Initialise,
    /// Close the ports and open them again.
    Reopen,
    /// Give the commands to another port of the modem.
    OtherPort,
    /// The profile's reset sequence.
    Restart,
    /// Reset the device on the USB.
    UsbReset,
}

impl Rung {
    /// All of them, least harm first.
    pub const ALL: [Self; 6] = [
        Self::Resync,
        Self::Initialise,
        Self::Reopen,
        Self::OtherPort,
        Self::Restart,
        Self::UsbReset,
    ];

    /// A stable short name for logs, metrics and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resync => "resync",
            Self::Initialise => "initialise",
            Self::Reopen => "reopen",
            Self::OtherPort => "other-port",
            Self::Restart => "restart",
            Self::UsbReset => "usb-reset",
        }
    }

    /// Whether it makes the modem forget everything, and therefore is limited.
    #[must_use]
    pub const fn is_reset(self) -> bool {
        matches!(self, Self::Restart | Self::UsbReset)
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// The modem serves again.
    Worked,
    /// It does not.
    Failed(Fault),
    /// It could not even be tried: no permission, no USB device, no port that answers.
    NotPossible(String),
}

impl StepResult {
    /// A stable short name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Failed(_) => "failed",
            Self::NotPossible(_) => "not-possible",
        }
    }
}

/// One step that was taken to bring a modem back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryStep {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, up to the modem being ready or known not to be.
    pub took: Duration,
    /// What was done.
    pub rung: Rung,
    /// Why.
    pub cause: Fault,
    /// What came of it.
    pub result: StepResult,
}

/// What a modem needed since the start of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryCounts {
    /// Times it was lost: silent, gone, restarted, confused.
    pub losses: u64,
    /// Times it came back.
    pub recoveries: u64,
    /// Steps taken, by [`Rung::ALL`].
    pub steps: [u64; 6],
    /// Times its port vanished right after dialling: too little power.
    pub brown_outs: u64,
    /// How long the last recovery took, from the loss being noticed to being ready.
    pub last: Option<Duration>,
}

/// What kind of trouble a modem is in: decides with which rung to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It answers nothing.
    Silent,
    /// It does not leave data mode, or does not end its call.
    StuckCall,
    /// It answers `AT`, but not what it must be able to do; or noise.
    Confused,
    /// It has restarted, has another SIM or has lost its settings.
    Forgetful,
    /// Its port is not there.
    Vanished,
    /// Its SIM cannot be used.
    Sim,
    /// Only a person can help: PIN, permission, another program at the port.
    Person,
    /// Not the modem's fault at all: the store, the program.
    Elsewhere,
}

impl Cause {
    /// The kind of this error.
    #[must_use]
    pub const fn of(error: &ModemError) -> Self {
        match error {
            ModemError::Port(PortError::Gone { .. } | PortError::Missing { .. })
            | ModemError::BrownOut { .. }
            | ModemError::Unbound(
                Unbound::NoModem
                | Unbound::Absent { .. }
                | Unbound::Mode { .. }
                | Unbound::NoPort { .. }
                | Unbound::NoInterface { .. },
            ) => Self::Vanished,
            ModemError::NoAnswer { .. } => Self::Silent,
            ModemError::StuckInDataMode { .. } | ModemError::CallStaysUp { .. } => Self::StuckCall,
            ModemError::Restarted
            | ModemError::SettingsLost
            | ModemError::SimChanged
            | ModemError::NotReady => Self::Forgetful,
            ModemError::NoSim { .. } | ModemError::SimBusy { .. } => Self::Sim,
            ModemError::Port(_)
            | ModemError::Unbound(_)
            | ModemError::PinNeeded
            | ModemError::PinMalformed
            | ModemError::PinWrong { .. }
            | ModemError::PinTooFewAttempts { .. }
            | ModemError::PinMemory { .. }
            | ModemError::PukNeeded
            | ModemError::OtherLock { .. }
            | ModemError::Unsuitable { .. }
            | ModemError::Argument { .. } => Self::Person,
            ModemError::Stopped | ModemError::InCall | ModemError::NotPossible { .. } => {
                Self::Elsewhere
            }
            _ => Self::Confused,
        }
    }
}

/// What to do next about a modem that does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Climb this rung, then prepare the modem.
    Climb(Rung),
    /// Prepare it again after this pause: it is on its way back.
    Again(Duration),
    /// Nothing may be done to it for so long; look meanwhile whether it has come back by itself.
    Wait(Duration),
}

/// How long a modem may take to come back from a reset (8 to 60 s are seen) before that counts
/// as another failure, where its profile does not say.
pub const BACK_WITHIN: Duration = Duration::from_secs(75);
/// The same for a modem whose port has just appeared.
const BOOT: Duration = Duration::from_secs(40);
/// Between two looks at a modem that is coming back.
const AGAIN: Duration = Duration::from_secs(2);
/// A modem that has served for so long begins at the bottom of the ladder.
const SETTLED: Duration = Duration::from_secs(5 * 60);
/// The same reset again, at the earliest: after one that helped, and after so many in a row that
/// did not.
const SPACING: [Duration; 6] = [
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
];
const HOUR: Duration = Duration::from_secs(3600);
/// Resets of either kind within an hour.
const MAX_RESETS_AN_HOUR: usize = 6;
/// Pauses between two times up the whole ladder, when no reset is possible that has its own.
const ROUNDS: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
];
/// Pauses when no rung helps.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(15), Duration::from_secs(30), Duration::from_secs(60)];
/// How long a device may stay a CD-ROM before a reset is to wake the program that switches it.
const STORAGE_PATIENCE: Duration = Duration::from_secs(60);
/// Failures before a SIM that was in use and is not found any more is worth a restart.
const SIM_PATIENCE: u32 = 2;

/// The state of one modem's recovery. All times are arguments.
#[derive(Debug, Clone, Default)]
pub struct Ladder {
    /// Rungs climbed since the modem last served for a while.
    tried: Vec<Rung>,
    /// Resets within the last hour, and the last of each kind.
    resets: VecDeque<(Timestamp, Rung)>,
    /// Resets in a row after which it did not serve.
    fruitless: usize,
    /// Until when a reset has time to work.
    grace: Option<Timestamp>,
    /// Times up the whole ladder in a row, and when the next one may begin.
    rounds: usize,
    next_round: Option<Timestamp>,
    /// Failures in a row that no rung is for.
    waits: u32,
    vanished: Option<Timestamp>,
    serving: Option<Timestamp>,
    /// It has served at all, so that what is missing now was there.
    has_served: bool,
}

impl Ladder {
    /// What to do about a failure of this kind at `now`.
    pub fn next(&mut self, cause: Cause, now: Timestamp) -> Plan {
        if let Some(since) = self.serving.take()
            && now.since(since) >= SETTLED
        {
            self.start_over();
        }
        let in_grace = self.grace.is_some_and(|until| now < until);
        match cause {
            Cause::Vanished => return self.vanished(in_grace, now),
            Cause::Person | Cause::Elsewhere => return self.wait(),
            Cause::Silent | Cause::Confused | Cause::Sim if in_grace => return Plan::Again(AGAIN),
            Cause::Forgetful if in_grace => return Plan::Again(Duration::ZERO),
            _ => {}
        }
        self.grace = None;
        self.vanished = None;
        let rungs: &[Rung] = match cause {
            Cause::Forgetful => &Rung::ALL[1..],
            // The driver has tried to get in step before it said so.
            Cause::Silent | Cause::StuckCall => &Rung::ALL[2..],
            Cause::Sim if self.has_served && self.waits >= SIM_PATIENCE => &Rung::ALL[4..5],
            Cause::Sim => return self.wait(),
            _ => &Rung::ALL,
        };
        let untried = rungs.iter().copied().find(|rung| !self.tried.contains(rung));
        let Some(rung) = untried else {
            if cause == Cause::Sim {
                return self.wait();
            }
            return self.next_round(rungs, now);
        };
        match self.until_allowed(rung, now) {
            Duration::ZERO => Plan::Climb(rung),
            pause => Plan::Wait(pause),
        }
    }

    /// The rung was climbed; the modem is prepared next, and after a reset has `back_within` to
    /// come back.
    pub fn climbed(&mut self, rung: Rung, now: Timestamp, back_within: Duration) {
        self.tried.push(rung);
        if rung.is_reset() {
            self.resets.push_back((now, rung));
            self.fruitless += 1;
            self.grace = Some(now.plus(back_within));
            self.vanished = None;
        }
    }

    /// The rung cannot be climbed with this modem.
    pub fn impossible(&mut self, rung: Rung) {
        self.tried.push(rung);
    }

    /// The modem serves.
    pub fn served(&mut self, now: Timestamp) {
        self.serving = Some(now);
        self.has_served = true;
        self.grace = None;
        self.vanished = None;
        self.fruitless = 0;
        self.waits = 0;
    }

    /// Something is at the modem's place again after it had vanished; it may still be booting.
    pub fn returned(&mut self, now: Timestamp) {
        if self.vanished.take().is_some() {
            let boots_until = now.plus(BOOT);
            self.grace = Some(self.grace.map_or(boots_until, |until| until.max(boots_until)));
        }
    }

    /// Whether a reset still has time to work.
    #[must_use]
    pub fn in_grace(&self, now: Timestamp) -> bool {
        self.grace.is_some_and(|until| now < until)
    }

    fn start_over(&mut self) {
        self.tried.clear();
        self.rounds = 0;
        self.next_round = None;
    }

    /// All of it, once more, when that is not too soon.
    fn next_round(&mut self, rungs: &[Rung], now: Timestamp) -> Plan {
        let pause = ROUNDS.get(self.rounds).or_else(|| ROUNDS.last()).copied().unwrap_or(HOUR);
        let at = *self.next_round.get_or_insert_with(|| now.plus(pause));
        let reset =
            self.until_allowed(Rung::UsbReset, now).max(self.until_allowed(Rung::Restart, now));
        let rest = at.since(now).max(reset);
        match rungs.first() {
            Some(rung) if rest.is_zero() => {
                self.tried.clear();
                self.rounds += 1;
                self.next_round = None;
                Plan::Climb(*rung)
            }
            _ => Plan::Wait(rest.max(AGAIN)),
        }
    }

    fn wait(&mut self) -> Plan {
        let index = usize::try_from(self.waits).unwrap_or(usize::MAX);
        self.waits = self.waits.saturating_add(1);
        Plan::Wait(PAUSES.get(index).or_else(|| PAUSES.last()).copied().unwrap_or(HOUR))
    }

    fn vanished(&mut self, in_grace: bool, now: Timestamp) -> Plan {
        self.vanished.get_or_insert(now);
        if !in_grace {
            self.grace = None;
        }
        // Until it is there again: there is nothing to climb.
        Plan::Wait(HOUR)
    }

    /// Whether a device that has been a CD-ROM since it vanished should be reset.
    pub fn storage(&mut self, now: Timestamp) -> Option<Rung> {
        let since = *self.vanished.get_or_insert(now);
        let due = now.since(since) >= STORAGE_PATIENCE
            && !self.tried.contains(&Rung::UsbReset)
            && self.until_allowed(Rung::UsbReset, now).is_zero();
        due.then_some(Rung::UsbReset)
    }

    /// How long this rung must not be climbed yet.
    fn until_allowed(&mut self, rung: Rung, now: Timestamp) -> Duration {
        if !rung.is_reset() {
            return Duration::ZERO;
        }
        let spacing = SPACING.get(self.fruitless / 2).or_else(|| SPACING.last());
        let spacing = spacing.copied().unwrap_or(HOUR);
        let last = self.resets.iter().rev().find(|(_, other)| *other == rung);
        let rest = |since: Timestamp, span: Duration| span.saturating_sub(now.since(since));
        let own = last.map_or(Duration::ZERO, |(at, _)| rest(*at, spacing));
        let longest = SPACING.last().copied().unwrap_or(HOUR);
        while self.resets.front().is_some_and(|(at, _)| now.since(*at) >= longest) {
            self.resets.pop_front();
        }
        let recent: Vec<Timestamp> =
            self.resets.iter().map(|(at, _)| *at).filter(|at| now.since(*at) < HOUR).collect();
        let crowd = match recent.len().checked_sub(MAX_RESETS_AN_HOUR) {
            Some(over) => recent.get(over).map_or(HOUR, |at| rest(*at, HOUR)),
            None => Duration::ZERO,
        };
        own.max(crowd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_790_000_000);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// Rungs until the ladder only waits; none of them helps.
    fn climb_all(ladder: &mut Ladder, cause: Cause, now: &mut Timestamp) -> Vec<Rung> {
        let mut rungs = Vec::new();
        loop {
            match ladder.next(cause, *now) {
                Plan::Climb(rung) => {
                    rungs.push(rung);
                    ladder.climbed(rung, *now, BACK_WITHIN);
                }
                Plan::Again(pause) => *now = now.plus(pause.max(Duration::from_secs(1))),
                Plan::Wait(_) => return rungs,
            }
        }
    }

    #[test]
    fn least_harmful_rung_is_tried_first_whatever_the_trouble() {
        use Rung::{Initialise, OtherPort, Reopen, Restart, Resync, UsbReset};
        for (cause, expected) in [
            (Cause::Silent, &[Reopen, OtherPort, Restart, UsbReset][..]),
            (Cause::StuckCall, &[Reopen, OtherPort, Restart, UsbReset]),
            (Cause::Confused, &[Resync, Initialise, Reopen, OtherPort, Restart, UsbReset]),
            (Cause::Forgetful, &[Initialise, Reopen, OtherPort, Restart, UsbReset]),
            (Cause::Vanished, &[]),
            (Cause::Person, &[]),
            (Cause::Elsewhere, &[]),
            (Cause::Sim, &[]),
        ] {
            let mut now = START;
            let climbed = climb_all(&mut Ladder::default(), cause, &mut now);
            assert_eq!(climbed, expected, "{cause:?}");
        }
    }

    #[test]
    fn sim_that_was_in_use_and_is_lost_is_worth_one_restart() {
        let mut ladder = Ladder::default();
        ladder.served(START);
        let mut now = START.plus(SETTLED);
        let mut rungs = Vec::new();
        for _ in 0..120 {
            match ladder.next(Cause::Sim, now) {
                Plan::Climb(rung) => {
                    rungs.push(rung);
                    ladder.climbed(rung, now, BACK_WITHIN);
                }
                Plan::Again(pause) | Plan::Wait(pause) => now = now.plus(pause),
            }
        }
        assert_eq!(rungs.first(), Some(&Rung::Restart));
        assert!(rungs.len() <= 5, "{rungs:?} in {:?}", now.since(START));
    }

    #[test]
    fn dead_modem_is_reset_a_bounded_number_of_times_a_day() {
        for restart_possible in [true, false] {
            let mut ladder = Ladder::default();
            ladder.served(START);
            let mut now = START.plus(DAY);
            let end = now.plus(DAY);
            let (mut resets, mut plans) = (Vec::new(), 0_u32);
            while now < end {
                plans += 1;
                match ladder.next(Cause::Silent, now) {
                    Plan::Climb(Rung::Restart) if !restart_possible => {
                        ladder.impossible(Rung::Restart);
                    }
                    Plan::Climb(rung) => {
                        ladder.climbed(rung, now, BACK_WITHIN);
                        if rung.is_reset() {
                            resets.push(now);
                        }
                        now = now.plus(Duration::from_secs(8));
                    }
                    Plan::Again(pause) | Plan::Wait(pause) => {
                        assert!(!pause.is_zero());
                        now = now.plus(pause);
                    }
                }
            }
            assert!((4..=24).contains(&resets.len()), "{} resets", resets.len());
            assert!(plans < 2_000, "{plans} plans");
            for window in resets.windows(MAX_RESETS_AN_HOUR + 1) {
                assert!(window[MAX_RESETS_AN_HOUR].since(window[0]) >= HOUR);
            }
        }
    }

    #[test]
    fn modem_that_hangs_every_forty_minutes_is_reset_every_time() {
        let mut ladder = Ladder::default();
        let mut now = START;
        for _ in 0..36 {
            ladder.served(now);
            now = now.plus(Duration::from_secs(40 * 60));
            let before = now;
            loop {
                match ladder.next(Cause::Silent, now) {
                    Plan::Climb(Rung::UsbReset) => break,
                    Plan::Climb(Rung::Restart) => ladder.impossible(Rung::Restart),
                    Plan::Climb(rung) => ladder.climbed(rung, now, BACK_WITHIN),
                    Plan::Again(pause) | Plan::Wait(pause) => now = now.plus(pause),
                }
            }
            assert_eq!(now, before, "at once");
            ladder.climbed(Rung::UsbReset, now, BACK_WITHIN);
            now = now.plus(Duration::from_secs(45));
        }
    }

    #[test]
    fn modem_that_fails_again_at_once_is_treated_harder_but_not_in_a_loop() {
        let mut ladder = Ladder::default();
        let mut now = START;
        let mut resets = 0;
        let end = START.plus(HOUR);
        while now < end {
            ladder.served(now);
            now = now.plus(Duration::from_secs(60));
            loop {
                match ladder.next(Cause::Silent, now) {
                    Plan::Climb(rung) => {
                        ladder.climbed(rung, now, BACK_WITHIN);
                        resets += usize::from(rung.is_reset());
                        break;
                    }
                    Plan::Again(pause) | Plan::Wait(pause) => now = now.plus(pause),
                }
            }
        }
        assert!((2..=MAX_RESETS_AN_HOUR).contains(&resets), "{resets}");
    }

    #[test]
    fn reset_has_its_time_before_the_next_one() {
        let mut ladder = Ladder::default();
        let mut now = START;
        assert_eq!(ladder.next(Cause::Confused, now), Plan::Climb(Rung::Resync));
        for rung in [Rung::Resync, Rung::Initialise, Rung::Reopen, Rung::OtherPort, Rung::Restart] {
            ladder.climbed(rung, now, BACK_WITHIN);
        }
        let reset = now;
        while let Plan::Again(pause) = ladder.next(Cause::Silent, now) {
            now = now.plus(pause);
        }
        assert!(now.since(reset) >= BACK_WITHIN, "{:?}", now.since(reset));
        assert_eq!(ladder.next(Cause::Silent, now), Plan::Climb(Rung::UsbReset));
    }

    #[test]
    fn device_that_stays_a_cd_rom_is_reset_once() {
        let mut ladder = Ladder::default();
        ladder.next(Cause::Vanished, START);
        assert_eq!(ladder.storage(START.plus(Duration::from_secs(59))), None);
        let late = START.plus(STORAGE_PATIENCE);
        assert_eq!(ladder.storage(late), Some(Rung::UsbReset));
        ladder.climbed(Rung::UsbReset, late, BACK_WITHIN);
        for minutes in 1..600_u64 {
            let now = late.plus(Duration::from_secs(60 * minutes));
            assert_eq!(ladder.storage(now), None);
        }
    }

    #[test]
    fn slow_modem_has_the_time_of_its_profile_to_come_back_from_a_reset() {
        let now = Timestamp::from_secs(1_790_000_000);
        let long = Duration::from_secs(90);
        let mut ladder = Ladder::default();
        ladder.climbed(Rung::Restart, now, long);
        assert!(ladder.in_grace(now.plus(Duration::from_secs(89))));
        assert!(!ladder.in_grace(now.plus(long)));
    }
}

//! Switchable faults of the virtual operator: what goes wrong, where, when and how often, and how
//! often each of the 27 behaviour groups has shown.
//!
//! Whoever can go wrong asks [`Faults`] at the occasion: `strikes` and `take` use an occasion up,
//! `shows` and `find` only count that the fault was seen, `is_on`, `has` and `look` do neither.

mod fired;
mod forms;
mod kind;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use super::lock;
pub use fired::{Fired, GROUPS, group_name};
pub use forms::{
    BannerForm, Class, DeactivationForm, DialForm, EscapeAnswer, FullForm, LineEndForm,
    OfferedProtocol, PppAuthForm, ResultForm, UrcPlace,
};
pub use kind::Fault;
pub(in crate::sim) use kind::STORAGE_SECONDS;

/// A fault that is switched on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many more times; when absent for ever, and once what happens by itself at its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Occasions that it lets pass before it strikes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_times: Option<u32>,
    /// Seconds from the switch until it is on; at once when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<f64>,
    /// Seconds that it is on; for ever when absent.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<f64>,
}

impl From<Fault> for ActiveFault {
    /// On at once and for ever.
    fn from(fault: Fault) -> Self {
        Self { fault, times: None, after_times: None, at: None, lasts: None }
    }
}

/// Longest time in a description, seconds: a year.
const MAX_SECONDS: f64 = 366.0 * 86_400.0;

/// Most entries of [`Faults::shown`]; the oldest go first.
const MAX_SHOWN: usize = 10_000;
/// What shows more often is told as one.
const SHOWN_APART: Duration = Duration::from_secs(1);

/// A fault with its times on the clock.
#[derive(Debug, Clone)]
struct Armed {
    fault: Fault,
    times: Option<u32>,
    skip: u32,
    from: Instant,
    until: Option<Instant>,
}

impl Armed {
    fn is_on(&self, now: Instant) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    fn view(&self, now: Instant) -> ActiveFault {
        let left = |at: Instant| at.saturating_duration_since(now).as_secs_f64();
        ActiveFault {
            fault: self.fault.clone(),
            times: self.times,
            after_times: (self.skip > 0).then_some(self.skip),
            at: (self.from > now).then(|| left(self.from)),
            lasts: self
                .until
                .map(|until| until.saturating_duration_since(self.from.max(now)).as_secs_f64()),
        }
    }
}

#[derive(Debug, Default)]
struct Board {
    armed: Vec<Armed>,
    log: Log,
}

/// What has shown.
#[derive(Debug, Default)]
struct Log {
    fired: Fired,
    shown: VecDeque<(Instant, Fault)>,
}

impl Log {
    fn note(&mut self, fault: &Fault, now: Instant) {
        self.fired.count(fault);
        let recent = self.shown.iter().rev().take_while(|(at, _)| now - *at < SHOWN_APART);
        if recent.map(|(_, other)| other).any(|other| other == fault) {
            return;
        }
        if self.shown.len() == MAX_SHOWN {
            self.shown.pop_front();
        }
        self.shown.push_back((now, fault.clone()));
    }
}

/// The switches; clones share them.
#[derive(Debug, Clone)]
pub struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    board: Mutex<Board>,
    /// Counts switches.
    switched: watch::Sender<u64>,
    /// Counts how often everything was switched off.
    cleared: watch::Sender<u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self(Arc::new(Inner {
            board: Mutex::default(),
            switched: watch::Sender::new(0),
            cleared: watch::Sender::new(0),
        }))
    }
}

impl Faults {
    /// Switches a fault on until it is cleared; one of the same kind is replaced.
    pub fn set(&self, fault: Fault) {
        self.switch(fault.into());
    }

    /// Switches a fault on for the next `times` occasions.
    pub fn set_times(&self, fault: Fault, times: u32) {
        self.switch(ActiveFault { times: Some(times), ..fault.into() });
    }

    /// Switches on as described, instead of whatever is on of the same kind; zero times switches
    /// off.
    pub fn switch(&self, active: ActiveFault) {
        lock(&self.0.board).armed.retain(|other| !same_kind(&other.fault, &active.fault));
        self.add(active);
    }

    /// Switches on as described, besides whatever is on of the same kind.
    pub fn add(&self, active: ActiveFault) {
        if active.times != Some(0) {
            let now = Instant::now();
            let from = active.at.map_or(now, |at| now + seconds(at));
            let until = active.lasts.map(|lasts| from + seconds(lasts));
            // Nothing but its number would end what waits for no occasion.
            let once = active.fault.is_event().then_some(1);
            lock(&self.0.board).armed.push(Armed {
                fault: active.fault,
                times: active.times.or(once),
                skip: active.after_times.unwrap_or(0),
                from,
                until,
            });
        }
        self.changed();
    }

    /// Switches every fault of the same kind off.
    pub fn clear(&self, fault: &Fault) {
        lock(&self.0.board).armed.retain(|other| !same_kind(&other.fault, fault));
        self.changed();
    }

    /// Switches the fault of this kebab-case name off; says whether it was on.
    pub fn clear_name(&self, name: &str) -> bool {
        let mut board = lock(&self.0.board);
        let before = board.armed.len();
        board.armed.retain(|other| other.fault.name() != name);
        let cleared = board.armed.len() != before;
        drop(board);
        self.changed();
        cleared
    }

    /// Switches everything off.
    pub fn clear_all(&self) {
        lock(&self.0.board).armed.clear();
        self.0.cleared.send_modify(|count| *count += 1);
        self.changed();
    }

    /// What is on, or will be.
    #[must_use]
    pub fn active(&self) -> Vec<ActiveFault> {
        let now = Instant::now();
        let board = lock(&self.0.board);
        let left = |armed: &&Armed| armed.until.is_none_or(|until| now < until);
        board.armed.iter().filter(left).map(|armed| armed.view(now)).collect()
    }

    /// How often each group and each fault has shown so far.
    #[must_use]
    pub fn fired(&self) -> Fired {
        lock(&self.0.board).log.fired.clone()
    }

    /// What has shown when, oldest first: the last 10 000 times, those of one fault within a second
    /// as one.
    #[must_use]
    pub fn shown(&self) -> Vec<(Instant, Fault)> {
        lock(&self.0.board).log.shown.iter().cloned().collect()
    }

    /// The first fault that `pick` recognises; uses an occasion up.
    pub(super) fn take<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let now = Instant::now();
        let mut board = lock(&self.0.board);
        let Board { armed, log } = &mut *board;
        for position in 0..armed.len() {
            let Some(one) = armed.get_mut(position).filter(|one| one.is_on(now)) else { continue };
            let Some(found) = pick(&one.fault) else { continue };
            if one.skip > 0 {
                one.skip -= 1;
                continue;
            }
            log.note(&one.fault, now);
            if let Some(times) = &mut one.times {
                *times -= 1;
                if *times == 0 {
                    armed.remove(position);
                }
            }
            return Some(found);
        }
        None
    }

    /// Whether this fault, with equal fields, strikes now; uses an occasion up.
    pub(super) fn strikes(&self, fault: &Fault) -> bool {
        self.take(|other| (other == fault).then_some(())).is_some()
    }

    /// The first fault that `pick` recognises; counts that it was seen and leaves it as it is.
    pub(super) fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut board = lock(&self.0.board);
        let Board { armed, log } = &mut *board;
        // Asked for every octet: the common case must cost nothing.
        if armed.is_empty() {
            return None;
        }
        let now = Instant::now();
        armed.iter().filter(|one| one.is_on(now) && one.skip == 0).find_map(|one| {
            let found = pick(&one.fault)?;
            log.note(&one.fault, now);
            Some(found)
        })
    }

    /// The first fault that `pick` recognises, without a trace: only what follows says whether it
    /// shows.
    pub(super) fn look<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let board = lock(&self.0.board);
        if board.armed.is_empty() {
            return None;
        }
        let now = Instant::now();
        let mut on = board.armed.iter().filter(|one| one.is_on(now) && one.skip == 0);
        on.find_map(|one| pick(&one.fault))
    }

    /// Whether it is on; counts that it was seen and leaves it as it is.
    pub(super) fn shows(&self, fault: &Fault) -> bool {
        self.find(|other| (other == fault).then_some(())).is_some()
    }

    /// Whether it is on, without a trace.
    pub(super) fn is_on(&self, fault: &Fault) -> bool {
        let now = Instant::now();
        lock(&self.0.board).armed.iter().any(|one| one.is_on(now) && one.fault == *fault)
    }

    /// Whether one that `pick` recognises is on, without a trace.
    pub(super) fn has(&self, pick: impl Fn(&Fault) -> bool) -> bool {
        let now = Instant::now();
        lock(&self.0.board).armed.iter().any(|one| one.is_on(now) && pick(&one.fault))
    }

    /// The next event that is due; uses it up.
    pub(super) fn due_event(&self) -> Option<Fault> {
        self.take(|fault| fault.is_event().then(|| fault.clone()))
    }

    /// Tells of every change from now on.
    pub(super) fn changes(&self) -> Changes {
        let switched = self.0.switched.subscribe();
        Changes { faults: self.clone(), switched, seen: Instant::now() }
    }

    /// Waits until everything is switched off: what a fault has begun ends then.
    pub(super) async fn cleared(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.cleared.subscribe().changed().await;
    }

    /// How often everything has been switched off.
    pub(super) fn clearings(&self) -> u64 {
        *self.0.cleared.borrow()
    }

    /// Whether a fault that `pick` recognises is on or will be.
    pub(super) fn is_armed(&self, pick: impl Fn(&Fault) -> bool) -> bool {
        lock(&self.0.board).armed.iter().any(|one| pick(&one.fault))
    }

    fn changed(&self) {
        self.0.switched.send_modify(|count| *count += 1);
    }
}

/// Waits for changes of the switches.
pub(super) struct Changes {
    faults: Faults,
    switched: watch::Receiver<u64>,
    /// Every edge up to here has been told.
    seen: Instant,
}

impl Changes {
    /// Waits until a switch is used or the time of a fault begins or ends. Several changes may be
    /// told as one; none is missed.
    pub(super) async fn next(&mut self) {
        let edge = {
            let board = lock(&self.faults.0.board);
            let edges = board.armed.iter().flat_map(|one| [Some(one.from), one.until]);
            edges.flatten().filter(|edge| *edge > self.seen).min()
        };
        let passed = async {
            match edge {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The sender lives as long as `faults`.
            _ = self.switched.changed() => {}
            () = passed => self.seen = edge.unwrap_or(self.seen),
        }
    }
}

/// What stands in a description as a length of time; nonsense counts as none.
fn seconds(seconds: f64) -> Duration {
    let seconds = if seconds.is_finite() { seconds.clamp(0.0, MAX_SECONDS) } else { 0.0 };
    Duration::from_secs_f64(seconds)
}

fn same_kind(left: &Fault, right: &Fault) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_fault_strikes_that_often_and_no_more() {
        let faults = Faults::default();
        faults.set_times(Fault::MmscHttpStatus { status: 503 }, 2);
        let status = |fault: &Fault| match fault {
            Fault::MmscHttpStatus { status } => Some(*status),
            _ => None,
        };
        assert_eq!(faults.take(status), Some(503));
        assert_eq!(faults.take(status), Some(503));
        assert_eq!(faults.take(status), None);
        assert!(faults.active().is_empty());
        assert_eq!(faults.fired().of_group(27), 2);
        assert_eq!(faults.fired().by_name(), [("mmsc-http-status".to_owned(), 2)].into());
    }

    #[test]
    fn second_switch_of_a_kind_replaces_the_first() {
        let faults = Faults::default();
        faults.set(Fault::ProxyStatus { status: 403 });
        faults.set(Fault::ProxyStatus { status: 407 });
        assert_eq!(faults.active(), [Fault::ProxyStatus { status: 407 }.into()]);
        assert!(faults.clear_name("proxy-status"));
        assert!(!faults.clear_name("proxy-status"));
    }

    #[test]
    fn fault_reads_from_flat_json_and_unknown_names_are_refused() {
        let active: ActiveFault =
            serde_json::from_str(r#"{"fault":"mmsc-http-status","status":503,"times":1}"#).unwrap();
        assert_eq!(active.fault, Fault::MmscHttpStatus { status: 503 });
        assert_eq!(active.times, Some(1));
        assert!(serde_json::from_str::<ActiveFault>(r#"{"fault":"rain"}"#).is_err());
        let typing_error = r#"{"fault":"sim-busy","tims":1}"#;
        assert!(serde_json::from_str::<ActiveFault>(typing_error).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn fault_is_on_in_its_time_only_and_changes_are_told() {
        let faults = Faults::default();
        let active = ActiveFault { at: Some(10.0), lasts: Some(5.0), ..Fault::SimBusy {}.into() };
        faults.switch(active);
        assert!(!faults.is_on(&Fault::SimBusy {}));
        let start = Instant::now();
        let mut changes = faults.changes();
        changes.next().await;
        assert_eq!(start.elapsed().as_secs(), 10);
        assert!(faults.strikes(&Fault::SimBusy {}));
        changes.next().await;
        assert_eq!(start.elapsed().as_secs(), 15);
        assert!(!faults.is_on(&Fault::SimBusy {}));
        assert!(faults.active().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_shows_is_told_with_its_time_and_a_mere_look_leaves_no_trace() {
        let faults = Faults::default();
        let (loss, silent) = (Fault::PacketLoss { per_mille: 30 }, Fault::ModemSilent {});
        faults.set(loss.clone());
        faults.set(silent.clone());
        let start = Instant::now();
        assert_eq!(faults.look(|fault| (*fault == loss).then_some(())), Some(()));
        assert_eq!(faults.shown(), []);
        for _ in 0..3 {
            assert!(faults.shows(&silent));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(faults.shows(&silent));
        let later = start + Duration::from_secs(2);
        assert_eq!(faults.shown(), [(start, silent.clone()), (later, silent)]);
        assert_eq!(faults.fired().of_group(25), 4);
        assert_eq!(faults.fired().of_group(24), 0);
    }

    #[test]
    fn event_without_a_number_of_times_happens_once() {
        let faults = Faults::default();
        faults.set(Fault::ModemHangs {});
        assert_eq!(faults.due_event(), Some(Fault::ModemHangs {}));
        assert_eq!(faults.due_event(), None);
    }

    #[test]
    fn occasions_may_be_let_pass() {
        let faults = Faults::default();
        faults.switch(ActiveFault {
            after_times: Some(2),
            times: Some(1),
            ..Fault::DialError {}.into()
        });
        let strikes: Vec<bool> = (0..4).map(|_| faults.strikes(&Fault::DialError {})).collect();
        assert_eq!(strikes, [false, false, true, false]);
    }
}

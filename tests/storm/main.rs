//! Storms: the whole gateway over a virtual modem that misbehaves at random, in virtual time.
//!
//! `scenarios_lose_nothing` runs scenarios of consecutive seeds; `MM1GATE_STORM=from..to` names
//! others than the first 200, and `tests/soak` runs the long way. `judge` says what lost, twice
//! and stuck mean. `modem_that_hangs_all_day_loses_nothing` is one day with one modem.

#![expect(clippy::print_stderr, reason = "what a run has shown is for whoever runs it")]

/// Tells the result of a run also where test runners keep what tests print to themselves.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod bus;
mod day;
mod doubt;
mod judge;
mod run;
mod texts;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use mm1gate::sim::{Fired, GROUPS, group_name};

/// Seeds that `cargo test` runs.
const USUAL: Range<u64> = 0..200;
/// What names other ones, as `from..to` or as one number.
const SEEDS: &str = "MM1GATE_STORM";
/// Failures shown at length.
const MAX_SHOWN: usize = 12;

/// What the scenarios of one run came to.
#[derive(Default)]
struct Tally {
    fired: Fired,
    failures: BTreeMap<u64, String>,
    /// Virtual seconds from the end of the faults until everything had arrived.
    settled: Vec<u64>,
    unknown: u64,
    /// Scenarios whose data calls went through a channel of the multiplexer.
    multiplexed: u64,
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the seeds are named by the environment")]
fn scenarios_lose_nothing() {
    let seeds = match std::env::var(SEEDS) {
        Err(_) => USUAL,
        Ok(text) => parse(&text).unwrap_or_else(|| panic!("{SEEDS}={text}: it is from..to or n")),
    };
    let is_replay = seeds.end - seeds.start == 1;
    let next = AtomicU64::new(seeds.start);
    let tally = Mutex::new(Tally::default());
    let started = Instant::now();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(|| run::scenario(seed, is_replay));
                    let mut tally = tally.lock().unwrap();
                    match outcome {
                        Ok(outcome) => {
                            tally.fired.add(&outcome.fired);
                            tally.unknown += outcome.unknown;
                            tally.multiplexed += u64::from(outcome.multiplexed);
                            tally.settled.extend(outcome.settled);
                            if !outcome.wrong.is_empty() {
                                tally.failures.insert(seed, outcome.wrong.join("\n    "));
                            }
                        }
                        Err(_) => {
                            tally.failures.insert(seed, "a panic, see above".to_owned());
                        }
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    report(&tally, &seeds, started);
    let silent = tally.fired.never();
    assert!(tally.failures.is_empty(), "{} of the scenarios failed", tally.failures.len());
    // A few scenarios cannot show everything.
    let is_whole = seeds.end - seeds.start >= USUAL.end;
    assert!(!is_whole || silent.is_empty(), "groups that never fired: {silent:?}");
    let share = tally.multiplexed * 10;
    assert!(!is_whole || share >= seeds.end - seeds.start, "the multiplexer is hardly ever used");
}

fn parse(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => text.parse().ok().map(|seed| seed..seed + 1),
    }
}

fn report(tally: &Tally, seeds: &Range<u64>, started: Instant) {
    let count = seeds.end - seeds.start;
    tell!("{count} scenarios from seed {}, {:.1} s", seeds.start, started.elapsed().as_secs_f64());
    for group in 1..=GROUPS {
        tell!("group {group:2} {:30} {:8} times", group_name(group), tally.fired.of_group(group));
    }
    for (name, times) in tally.fired.by_name() {
        eprintln!("    {name:34} {times:8} times");
    }
    let mut settled = tally.settled.clone();
    settled.sort_unstable();
    let at = |part: usize| settled.get(settled.len().saturating_sub(1) * part / 100).copied();
    tell!(
        "everything had arrived so many virtual seconds after the faults: median {:?}, 95 % {:?}, most {:?}",
        at(50).unwrap_or(0),
        at(95).unwrap_or(0),
        at(100).unwrap_or(0)
    );
    tell!("{} scenarios called through a channel of the multiplexer", tally.multiplexed);
    tell!("{} messages ended as unknown, none of them taken twice", tally.unknown);
    for (seed, wrong) in tally.failures.iter().take(MAX_SHOWN) {
        eprintln!("seed {seed} failed:\n    {wrong}");
        eprintln!("replay it: {SEEDS}={seed} cargo test --test storm scenarios -- --nocapture");
    }
    if tally.failures.len() > MAX_SHOWN {
        let seeds: Vec<&u64> = tally.failures.keys().skip(MAX_SHOWN).collect();
        eprintln!("and these seeds: {seeds:?}");
    }
}

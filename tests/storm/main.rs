//! Storms: the whole gateway over a virtual modem that misbehaves at random, in virtual time.
//!
//! `scenarios_lose_nothing` runs scenarios of consecutive seeds; `MM1GATE_STORM=from..to` names
//! others than the first 200, and `tests/soak` runs the long way. `judge` says what lost, twice
//! and stuck mean. `modem_that_hangs_all_day_loses_nothing` is one day with one modem.

#![expect(clippy::print_stderr, reason = "what a run has shown is for whoever runs it")]

#[macro_use]
#[path = "../support/tell.rs"]
mod tell;

mod bus;
mod day;
mod doubt;
mod judge;
mod run;
#[path = "../support/seeds.rs"]
mod seeds;
mod texts;

use std::ops::Range;

use mm1gate::sim::{Fired, GROUPS, group_name};

use crate::seeds::Seeds;

/// Seeds that `cargo test` runs.
const USUAL: Range<u64> = 0..200;
/// What names other ones, as `from..to` or as one number.
const SEEDS: &str = "MM1GATE_STORM";

/// What the scenarios of one run came to.
#[derive(Default)]
struct Tally {
    fired: Fired,
    /// Virtual seconds from the end of the faults until everything had arrived.
    settled: Vec<u64>,
    unknown: u64,
    /// Scenarios whose data calls went through a channel of the multiplexer.
    multiplexed: u64,
}

#[test]
fn scenarios_lose_nothing() {
    let seeds = Seeds::named(SEEDS, USUAL);
    let mut tally = Tally::default();
    let failures = seeds.run(run::scenario, |outcome| {
        tally.fired.add(&outcome.fired);
        tally.unknown += outcome.unknown;
        tally.multiplexed += u64::from(outcome.multiplexed);
        tally.settled.extend(outcome.settled);
        outcome.wrong
    });
    let count = seeds.count();
    tell!("{count} scenarios from seed {}, {:.1} s", seeds.range.start, failures.seconds);
    report(&tally);
    failures.report("--test storm scenarios");
    let silent = tally.fired.never();
    assert!(failures.len() == 0, "{} of the scenarios failed", failures.len());
    // A few scenarios cannot show everything.
    let is_whole = seeds.is_whole();
    assert!(!is_whole || silent.is_empty(), "groups that never fired: {silent:?}");
    assert!(!is_whole || tally.multiplexed * 10 >= count, "the multiplexer is hardly ever used");
}

fn report(tally: &Tally) {
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
}

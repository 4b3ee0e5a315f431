//! The hostile operator: the whole gateway with a modem that behaves and an MMSC, a proxy and a WAP
//! gateway that do not, in virtual time.
//!
//! `operator_loses_nothing_and_gets_nothing_twice` runs a thousand seeds; `MM1GATE_HOSTILE=from..to` names
//! others, a single number replays that one at length. `draw` says what goes wrong, `judge` what has to be
//! true all the same.

#![expect(clippy::print_stderr, reason = "what a run has shown is for whoever runs it")]

#[macro_use]
#[path = "../support/tell.rs"]
mod tell;

mod draw;
#[path = "../support/explained.rs"]
mod explained;
mod judge;
mod run;
#[path = "../support/seeds.rs"]
mod seeds;

use std::collections::BTreeMap;
use std::ops::Range;

use mm1gate::sim::Fired;

use crate::seeds::Seeds;

/// Seeds that `cargo test` runs.
const USUAL: Range<u64> = 0..1_000;
/// What names other ones, as `from..to` or as one number.
const SEEDS: &str = "MM1GATE_HOSTILE";

/// What the runs came to.
#[derive(Default)]
struct Tally {
    fired: Fired,
    /// Recipients and messages that came in, by their last state.
    ends: BTreeMap<String, u64>,
    /// Runs through the WAP gateway, and datagrams lost there.
    wap: (u64, u64),
    /// Messages that came when a person asked for them once more.
    asked_again: u64,
}

#[test]
fn operator_loses_nothing_and_gets_nothing_twice() {
    let seeds = Seeds::named(SEEDS, USUAL);
    let mut tally = Tally::default();
    let failures = seeds.run(run::play, |outcome| count(&mut tally, outcome));
    tell!(
        "hostile operator: {} runs from seed {}, {:.1} s",
        seeds.count(),
        seeds.range.start,
        failures.seconds
    );
    report(&tally);
    failures.report("--test hostile");
    assert!(failures.len() == 0, "{} of the runs failed", failures.len());
    // A few runs cannot show everything.
    if seeds.is_whole() {
        let fired = tally.fired.by_name();
        let never: Vec<&str> =
            draw::NAMES.into_iter().filter(|name| !fired.contains_key(*name)).collect();
        assert!(never.is_empty(), "these never showed: {never:?}");
        assert!(tally.wap.0 > 0 && tally.wap.1 > 0, "nothing was lost on the way through WAP");
    }
}

fn count(tally: &mut Tally, outcome: run::Outcome) -> Vec<String> {
    tally.fired.add(&outcome.fired);
    for end in outcome.ends {
        *tally.ends.entry(end).or_default() += 1;
    }
    if let Some(lost) = outcome.wap {
        tally.wap.0 += 1;
        tally.wap.1 += lost;
    }
    tally.asked_again += outcome.asked_again;
    outcome.wrong
}

fn report(tally: &Tally) {
    for (name, times) in tally.fired.by_name() {
        eprintln!("    {name:34} {times:8} times");
    }
    let ends: Vec<String> =
        tally.ends.iter().map(|(state, count)| format!("{count} {state}")).collect();
    tell!("hostile operator: {}", ends.join(", "));
    tell!(
        "hostile operator: {} runs through WAP lost {} datagrams; {} messages came on a person's word",
        tally.wap.0,
        tally.wap.1,
        tally.asked_again
    );
}

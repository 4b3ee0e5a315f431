//! The hostile operator: the whole gateway with a modem that behaves and an MMSC, a proxy and a WAP
//! gateway that do not, in virtual time.
//!
//! `operator_loses_nothing_and_gets_nothing_twice` runs a thousand seeds; `MM1GATE_HOSTILE=from..to` names
//! others, a single number replays that one at length. `draw` says what goes wrong, `judge` what has to be
//! true all the same.

#![expect(clippy::print_stderr, reason = "what a run has shown is for whoever runs it")]

/// Tells the result of a run also where test runners keep what tests print to themselves.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

mod draw;
#[path = "../support/explained.rs"]
mod explained;
mod judge;
mod run;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mm1gate::sim::Fired;

/// Seeds that `cargo test` runs.
const USUAL: Range<u64> = 0..1_000;
/// What names other ones, as `from..to` or as one number.
const SEEDS: &str = "MM1GATE_HOSTILE";
/// Failures shown at length.
const MAX_SHOWN: usize = 12;

/// What the runs came to.
#[derive(Default)]
struct Tally {
    fired: Fired,
    failures: BTreeMap<u64, String>,
    /// Recipients and messages that came in, by their last state.
    ends: BTreeMap<String, u64>,
    /// Runs through the WAP gateway, and datagrams lost there.
    wap: (u64, u64),
    /// Messages that came when a person asked for them once more.
    asked_again: u64,
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the seeds are named by the environment, and runs are timed"
)]
fn operator_loses_nothing_and_gets_nothing_twice() {
    let seeds = match std::env::var(SEEDS) {
        Err(_) => USUAL,
        Ok(text) => parse(&text).unwrap_or_else(|| panic!("{SEEDS}={text}: it is from..to or n")),
    };
    let is_replay = seeds.end - seeds.start == 1;
    let next = AtomicU64::new(seeds.start);
    let tally = Mutex::new(Tally::default());
    let started = std::time::Instant::now();
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(|| run::play(seed, is_replay));
                    count(&mut tally.lock().unwrap(), seed, outcome);
                }
            });
        }
    });
    let tally = tally.into_inner().unwrap();
    tell!(
        "hostile operator: {} runs from seed {}, {:.1} s",
        seeds.end - seeds.start,
        seeds.start,
        started.elapsed().as_secs_f64()
    );
    report(&tally);
    assert!(tally.failures.is_empty(), "{} of the runs failed", tally.failures.len());
    // A few runs cannot show everything.
    if seeds.end - seeds.start >= USUAL.end {
        let fired = tally.fired.by_name();
        let never: Vec<&str> =
            draw::NAMES.into_iter().filter(|name| !fired.contains_key(*name)).collect();
        assert!(never.is_empty(), "these never showed: {never:?}");
        assert!(tally.wap.0 > 0 && tally.wap.1 > 0, "nothing was lost on the way through WAP");
    }
}

fn count(tally: &mut Tally, seed: u64, outcome: std::thread::Result<run::Outcome>) {
    let Ok(outcome) = outcome else {
        tally.failures.insert(seed, "a panic, see above".to_owned());
        return;
    };
    tally.fired.add(&outcome.fired);
    for end in outcome.ends {
        *tally.ends.entry(end).or_default() += 1;
    }
    if let Some(lost) = outcome.wap {
        tally.wap.0 += 1;
        tally.wap.1 += lost;
    }
    tally.asked_again += outcome.asked_again;
    if !outcome.wrong.is_empty() {
        tally.failures.insert(seed, outcome.wrong.join("\n    "));
    }
}

fn parse(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => text.parse().ok().map(|seed| seed..seed + 1),
    }
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
    for (seed, wrong) in tally.failures.iter().take(MAX_SHOWN) {
        eprintln!("seed {seed} failed:\n    {wrong}");
        eprintln!("replay it: {SEEDS}={seed} cargo test --test hostile -- --nocapture");
    }
    if tally.failures.len() > MAX_SHOWN {
        let seeds: Vec<&u64> = tally.failures.keys().skip(MAX_SHOWN).collect();
        eprintln!("and these seeds: {seeds:?}");
    }
}

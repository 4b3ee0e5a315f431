//! Every point of the scene, a run each, and pairs of points drawn by seeds: the next process does not
//! come far either.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use mm1gate::model::Random;

use crate::life::Point;
use crate::scene;

/// What names the points to replay.
const POINTS: &str = "MM1GATE_CRASH";
/// Failures shown at length.
const MAX_SHOWN: usize = 12;
/// Pairs of ends.
const PAIRS: u64 = 40;
/// So many points beyond those of a scene without an end are tried.
const SLACK: u64 = 3;
/// The second of them is within so many commits or blocks from its start.
const SOON: u64 = 60;

/// What the runs of one kind came to.
#[derive(Default)]
struct Tally {
    runs: u64,
    unknown: usize,
    failures: BTreeMap<Vec<Point>, String>,
}

impl Tally {
    fn run_all(runs: &[Vec<Point>]) -> Self {
        let (tally, next) = (Mutex::default(), AtomicUsize::new(0));
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(ends) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        Self::run(&tally, ends);
                    }
                });
            }
        });
        tally.into_inner().unwrap()
    }

    fn run(tally: &Mutex<Self>, ends: &[Point]) {
        let outcome = std::panic::catch_unwind(|| scene::play(ends));
        let mut tally = tally.lock().unwrap();
        let (reached, wrong) = match outcome {
            Ok(outcome) => {
                tally.unknown += outcome.unknown;
                (outcome.reached, outcome.wrong.join("\n    "))
            }
            Err(_) => (true, "a panic, see above".to_owned()),
        };
        tally.runs += u64::from(reached);
        if !wrong.is_empty() {
            tally.failures.insert(ends.to_vec(), wrong);
        }
    }

    fn tell(&self, name: &str, started: Instant) {
        tell!(
            "crash matrix: {name:14} {:4} ends of the process, {:3} recipients in doubt, {} runs failed, \
             {:.1} s so far",
            self.runs,
            self.unknown,
            self.failures.len(),
            started.elapsed().as_secs_f64()
        );
        for (ends, wrong) in self.failures.iter().take(MAX_SHOWN) {
            let ends = told(ends);
            eprintln!("{ends} failed:\n    {wrong}");
            eprintln!("replay it: {POINTS}={ends} cargo test --test crash wherever -- --nocapture");
        }
        let rest: Vec<String> = self.failures.keys().skip(MAX_SHOWN).map(|it| told(it)).collect();
        if !rest.is_empty() {
            eprintln!("and these: {}", rest.join(" "));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "runs are timed")]
fn nothing_is_lost_or_sent_twice_wherever_the_process_ends() {
    let started = Instant::now();
    let Some(runs) = to_replay() else { return whole(started) };
    if runs.len() == 1 {
        let _ = tracing_subscriber::fmt().with_env_filter("mm1gate=debug").try_init();
    }
    let tally = Tally::run_all(&runs);
    assert!(tally.runs > 0, "the scene is over before {}", told(&runs[0]));
    tally.tell("replayed", started);
    assert!(tally.failures.is_empty(), "{} runs failed", tally.failures.len());
}

fn whole(started: Instant) {
    let whole = scene::play(&[]);
    assert_eq!(whole.wrong, Vec::<String>::new(), "without any end");
    assert_eq!(whole.unknown, 0);
    let (commits, blocks) = whole.counted;
    tell!("crash matrix: {commits} commits and {blocks} blocks of octets");
    let mut kinds = Vec::new();
    for (name, kind, each) in Point::KINDS {
        let most = if name.ends_with("commit") { commits } else { blocks };
        // A little beyond: what is counted differs by one or two from run to run.
        let runs: Vec<Vec<Point>> = (1..=most + SLACK)
            .filter(|number| number.is_multiple_of(each))
            .map(|number| vec![kind(number)])
            .collect();
        let tally = Tally::run_all(&runs);
        tally.tell(name, started);
        assert!(tally.runs + 2 * SLACK >= most / each, "only {} of {most}", tally.runs);
        kinds.push(tally);
    }
    let pairs: Vec<Vec<Point>> = (0..PAIRS).map(|seed| pair(seed, commits, blocks)).collect();
    let tally = Tally::run_all(&pairs);
    tally.tell("two ends", started);
    kinds.push(tally);
    let failed: usize = kinds.iter().map(|tally| tally.failures.len()).sum();
    assert_eq!(failed, 0, "so many of the runs failed");
    assert!(kinds.iter().any(|tally| tally.unknown > 0), "no end left anything in doubt");
}

fn pair(seed: u64, commits: u64, blocks: u64) -> Vec<Point> {
    let random = Random::seeded(seed);
    let draw = |commits: u64, blocks: u64| {
        let (name, kind, _) = Point::KINDS[usize::try_from(random.below(4)).unwrap()];
        let most = if name.ends_with("commit") { commits } else { blocks };
        kind(1 + random.below(most))
    };
    vec![draw(commits, blocks), draw(SOON / 2, SOON)]
}

fn to_replay() -> Option<Vec<Vec<Point>>> {
    let text = std::env::var(POINTS).ok()?;
    let runs = match text.split_once("..") {
        Some((first, last)) => {
            let (kind, first) = first.split_once(':').unwrap_or_default();
            let ends = first.parse::<u64>().and_then(|first| Ok((first, last.parse::<u64>()?)));
            let (first, last) = ends.unwrap_or_else(|why| panic!("{POINTS}={text}: {why}"));
            (first..last).map(|number| vec![point(&format!("{kind}:{number}"))]).collect()
        }
        None => vec![text.split(',').map(point).collect()],
    };
    Some(runs)
}

fn point(text: &str) -> Point {
    text.parse().unwrap_or_else(|why| panic!("{POINTS}: {why}"))
}

fn told(ends: &[Point]) -> String {
    ends.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

//! Runs of one play over many seeds, on as many threads as there are: those of every `cargo test`, or
//! those that the environment names.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Failures shown at length.
const MAX_SHOWN: usize = 12;

/// The seeds of a run.
pub(crate) struct Seeds {
    pub(crate) range: Range<u64>,
    usual: u64,
    /// What names other ones, as `from..to` or as one number.
    variable: &'static str,
}

/// What went wrong, by seed.
pub(crate) struct Failures {
    by_seed: BTreeMap<u64, String>,
    variable: &'static str,
    pub(crate) seconds: f64,
}

impl Seeds {
    /// Those that the environment names, else the usual ones.
    pub(crate) fn named(variable: &'static str, usual: Range<u64>) -> Self {
        let range = match std::env::var(variable) {
            Err(_) => usual.clone(),
            Ok(text) => {
                parse(&text).unwrap_or_else(|| panic!("{variable}={text}: it is from..to or n"))
            }
        };
        Self { range, usual: usual.end - usual.start, variable }
    }

    pub(crate) fn count(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether these are enough to show everything that may go wrong.
    pub(crate) fn is_whole(&self) -> bool {
        self.count() >= self.usual
    }

    /// Plays each; `judge` counts what a run came to and gives what is wrong with it.
    #[expect(clippy::disallowed_methods, reason = "runs are timed for whoever waits for them")]
    pub(crate) fn run<T: Send>(
        &self,
        play: impl Fn(u64, bool) -> T + Sync + std::panic::RefUnwindSafe,
        judge: impl FnMut(T) -> Vec<String> + Send,
    ) -> Failures {
        let next = AtomicU64::new(self.range.start);
        let (is_replay, started) = (self.count() == 1, Instant::now());
        let tally = Mutex::new((judge, BTreeMap::new()));
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= self.range.end {
                            return;
                        }
                        let played = std::panic::catch_unwind(|| play(seed, is_replay));
                        let mut tally = tally.lock().unwrap();
                        let wrong = match played {
                            Ok(outcome) => (tally.0)(outcome),
                            Err(_) => vec!["a panic, see above".to_owned()],
                        };
                        if !wrong.is_empty() {
                            tally.1.insert(seed, wrong.join("\n    "));
                        }
                    }
                });
            }
        });
        let by_seed = tally.into_inner().unwrap().1;
        Failures { by_seed, variable: self.variable, seconds: started.elapsed().as_secs_f64() }
    }
}

impl Failures {
    pub(crate) fn len(&self) -> usize {
        self.by_seed.len()
    }

    /// Tells them, with what replays each: the variable and then `command`.
    pub(crate) fn report(&self, command: &str) {
        for (seed, wrong) in self.by_seed.iter().take(MAX_SHOWN) {
            tell!("seed {seed} failed:\n    {wrong}");
            tell!("replay it: {}={seed} cargo test {command} -- --nocapture", self.variable);
        }
        if self.len() > MAX_SHOWN {
            let seeds: Vec<&u64> = self.by_seed.keys().skip(MAX_SHOWN).collect();
            tell!("and these seeds: {seeds:?}");
        }
    }
}

fn parse(text: &str) -> Option<Range<u64>> {
    match text.split_once("..") {
        Some((from, to)) => Some(from.parse().ok()?..to.parse().ok()?),
        None => text.parse().ok().map(|seed| seed..seed + 1),
    }
}

//! Two pieces of work timed in turn, so that what else the machine does meets both.

use std::time::{Duration, Instant};

/// How long one batch of repetitions takes at least: long beside the clock's resolution, short
/// beside a time slice of the scheduler.
const BATCH: Duration = Duration::from_micros(150);
/// Batches of each work; the fastest one counts, since everything else only makes it slower.
const ROUNDS: usize = 400;

/// One piece of work with the repetitions that fill a batch.
pub(crate) struct Work<'a> {
    run: Box<dyn FnMut() + 'a>,
    repetitions: u32,
    best: f64,
}

impl<'a> Work<'a> {
    pub(crate) fn new(run: impl FnMut() + 'a) -> Self {
        let mut work = Self { run: Box::new(run), repetitions: 1, best: f64::INFINITY };
        while work.batch() < BATCH {
            work.repetitions *= 2;
        }
        work
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn batch(&mut self) -> Duration {
        let begin = Instant::now();
        for _ in 0..self.repetitions {
            (self.run)();
        }
        begin.elapsed()
    }

    fn round(&mut self) {
        let seconds = self.batch().as_secs_f64() / f64::from(self.repetitions);
        self.best = self.best.min(seconds);
    }
}

/// Seconds of one repetition of each work, all of them measured in turn.
pub(crate) fn seconds<const N: usize>(mut works: [Work<'_>; N]) -> [f64; N] {
    for _ in 0..ROUNDS {
        works.iter_mut().for_each(Work::round);
    }
    works.map(|work| work.best)
}

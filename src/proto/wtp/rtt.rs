//! How long to wait for an acknowledgement: the path's own time, as RFC 6298 has it.

use std::time::Duration;

/// Shortest wait: a gateway may hold an acknowledgement back for a moment.
const SHORTEST: Duration = Duration::from_millis(1500);
/// Longest wait, retries included.
const LONGEST: Duration = Duration::from_secs(20);

/// Smoothed round trip of a group, from its last packet to its acknowledgement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rtt {
    first: Duration,
    smoothed: Option<(Duration, Duration)>,
}

impl Rtt {
    pub(super) const fn new(first: Duration) -> Self {
        Self { first, smoothed: None }
    }

    /// Takes a measured time of a group that left only once.
    pub(super) fn measured(&mut self, time: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => (time, time / 2),
            Some((smoothed, variation)) => {
                let off = smoothed.abs_diff(time);
                (smoothed * 7 / 8 + time / 8, variation * 3 / 4 + off / 4)
            }
        });
    }

    /// The wait after `retries` vain ones.
    pub(super) fn wait(&self, retries: u32) -> Duration {
        let once = self
            .smoothed
            .map_or(self.first, |(smoothed, variation)| (smoothed + variation * 4).max(SHORTEST));
        once.saturating_mul(1 << retries.min(5)).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_follows_the_path_and_doubles() {
        let mut rtt = Rtt::new(Duration::from_secs(5));
        assert_eq!(rtt.wait(0), Duration::from_secs(5));
        assert_eq!(rtt.wait(1), Duration::from_secs(10));
        for _ in 0..50 {
            rtt.measured(Duration::from_millis(300));
        }
        assert_eq!(rtt.wait(0), SHORTEST);
        for _ in 0..50 {
            rtt.measured(Duration::from_secs(3));
        }
        assert!(rtt.wait(0) >= Duration::from_secs(3) && rtt.wait(0) < Duration::from_secs(6));
        assert_eq!(rtt.wait(30), LONGEST);
    }
}

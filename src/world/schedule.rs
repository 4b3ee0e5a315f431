//! When an event is told again that was not taken, and when an endpoint is given up.

use std::time::Duration;

use crate::model::{Random, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Seconds from one attempt to the next (the schedule that Standard Webhooks recommends): eleven
/// attempts within three days and a half.
pub const SCHEDULE: &[u64] = &[
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
    10 * HOUR,
];

/// How long an endpoint may take nothing before it is switched off: longer than every event is tried,
/// so that one bad event among good ones never does it.
pub const DISABLE_AFTER: Duration = Duration::from_secs(5 * 24 * HOUR);

/// Longest wait that an endpoint may ask for by `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * HOUR);

/// The next attempt after `attempts` that failed; none when it is given up. Up to a tenth is added by
/// chance, so that what failed together does not come back together.
pub(super) fn next(
    attempts: u32,
    asked: Option<Duration>,
    now: Timestamp,
    random: &Random,
) -> Option<Timestamp> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = *SCHEDULE.get(index)?;
    let millis = seconds * 1_000 + random.below(seconds * 100);
    let asked = asked.unwrap_or_default().min(MAX_RETRY_AFTER);
    Some(now.plus(Duration::from_millis(millis).max(asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_spread_over_days_and_end() {
        let random = Random::seeded(3);
        let begin = Timestamp::from_secs(1_700_000_000);
        let mut now = begin;
        let mut attempts = 1;
        while let Some(at) = next(attempts, None, now, &random) {
            let wait = at.since(now).as_secs();
            let planned = SCHEDULE[attempts as usize - 1];
            assert!((planned..=planned + planned / 10 + 1).contains(&wait), "{wait}");
            (now, attempts) = (at, attempts + 1);
        }
        assert_eq!(attempts, 11);
        let days = now.since(begin).as_secs() / 86_400;
        assert!((3..5).contains(&days) && now.since(begin) < DISABLE_AFTER, "{days}");
    }

    #[test]
    fn endpoint_may_ask_for_a_longer_pause_but_not_for_ever() {
        let (random, now) = (Random::seeded(3), Timestamp::from_secs(0));
        let asked =
            |seconds| next(1, Some(Duration::from_secs(seconds)), now, &random).unwrap().as_secs();
        assert!(asked(0) >= 5);
        assert_eq!(asked(120), 120);
        assert_eq!(asked(u64::MAX), 86_400);
    }
}

//! How much one SIM may send: private contracts have clauses about fair use, and who sends like a
//! machine is switched off. Pure; `gate` asks it.

use std::time::Duration;

use crate::model::{Blame, Explain, Layer, Retry, Timestamp};
use crate::store::{Ceiling, Counted, LONGEST_WINDOW};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How much one SIM may send; none: as much as it likes. An SMS in parts counts as so many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Messages in 60 seconds.
    pub per_minute: Option<u64>,
    /// Messages in 60 minutes.
    pub per_hour: Option<u64>,
    /// Messages in 24 hours.
    pub per_day: Option<u64>,
    /// Messages in 30 days.
    pub per_month: Option<u64>,
    /// Recipients in 24 hours.
    pub recipients_per_day: Option<u64>,
    /// Octets of messages in 24 hours.
    pub octets_per_day: Option<u64>,
}

/// The names of the limits, in their order.
pub const LIMIT_NAMES: [&str; 6] =
    ["per_minute", "per_hour", "per_day", "per_month", "recipients_per_day", "octets_per_day"];

impl Limits {
    /// Those of a configuration that does not say otherwise: what the association of American
    /// operators takes for a person and not a machine (CTIA, Messaging Principles and Best Practices:
    /// 15 to 60 messages a minute, 1 000 a day), at its lower end.
    pub const SAFE: Self = Self {
        per_minute: Some(15),
        per_hour: Some(300),
        per_day: Some(1_000),
        per_month: Some(10_000),
        recipients_per_day: None,
        octets_per_day: None,
    };

    /// Each with its name, whether it holds or not.
    #[must_use]
    pub fn all(self) -> [(&'static str, Counted, Duration, Option<u64>); 6] {
        let [minute, hour, day, month, recipients, octets] = LIMIT_NAMES;
        [
            (minute, Counted::Messages, MINUTE, self.per_minute),
            (hour, Counted::Messages, HOUR, self.per_hour),
            (day, Counted::Messages, DAY, self.per_day),
            (month, Counted::Messages, LONGEST_WINDOW, self.per_month),
            (recipients, Counted::Recipients, DAY, self.recipients_per_day),
            (octets, Counted::Octets, DAY, self.octets_per_day),
        ]
    }

    /// Those that hold, with their names.
    pub(super) fn ceilings(self) -> (Vec<&'static str>, Vec<Ceiling>) {
        self.all()
            .into_iter()
            .filter_map(|(name, what, window, most)| {
                most.map(|most| (name, Ceiling { what, window, most }))
            })
            .unzip()
    }
}

/// The limit that holds a message back longest, and until when.
pub(super) fn longest(
    names: &[&'static str],
    ceilings: &[Ceiling],
    free_at: &[Option<Timestamp>],
    now: Timestamp,
) -> Option<(&'static str, Ceiling, Timestamp)> {
    names
        .iter()
        .zip(ceilings)
        .zip(free_at)
        .filter_map(|((name, ceiling), free)| free.map(|free| (*name, *ceiling, free)))
        .filter(|(_, _, free)| now < *free)
        .max_by_key(|(_, _, free)| *free)
}

/// A SIM has sent as much as it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the SIM in modem \"{modem}\" has sent as much as it may: {name} = {most}; it goes on at {until}"
)]
pub(super) struct LimitReached {
    pub(super) modem: String,
    pub(super) name: &'static str,
    pub(super) most: u64,
    pub(super) until: Timestamp,
}

impl Explain for LimitReached {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        "sim-limit-reached"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        format!(
            "nothing: what waits is sent then; if the contract allows more, raise {} under [limits] or \
             [modem.limits] in the configuration",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_that_holds_longest_is_the_one_told() {
        let now = Timestamp::from_secs(1_790_000_000);
        let (names, ceilings) = Limits::SAFE.ceilings();
        assert_eq!(names, ["per_minute", "per_hour", "per_day", "per_month"]);
        let free = |minutes: u64| Some(now.plus(MINUTE * u32::try_from(minutes).unwrap()));
        for (free_at, expected) in [
            ([None; 4], None),
            ([free(1), None, None, None], Some("per_minute")),
            ([free(1), free(50), None, None], Some("per_hour")),
            ([free(1), None, free(600), free(9_000)], Some("per_month")),
            ([free(0), None, None, None], None),
        ] {
            let found = longest(&names, &ceilings, &free_at, now);
            assert_eq!(found.map(|(name, ..)| name), expected, "{free_at:?}");
        }
    }

    #[test]
    fn limit_that_is_off_is_not_asked_for() {
        let (names, ceilings) = Limits::default().ceilings();
        assert!(names.is_empty() && ceilings.is_empty());
    }
}

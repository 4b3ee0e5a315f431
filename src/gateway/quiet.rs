//! Quiet hours: when nothing but what is urgent leaves. Pure; `gate` asks it.

use std::fmt;
use std::str::FromStr;

use crate::model::{Blame, Calendar, Explain, Layer, Retry, Timestamp};

/// Hours of each day, by the owner's clock, in which only urgent messages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// Their first minute of the day.
    from: u16,
    /// The first minute after them; less than `from` where midnight lies within.
    to: u16,
}

impl FromStr for QuietHours {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "two times of day, for example 21:00-08:00";
        let minute = |text: &str| -> Option<u16> {
            let (hours, minutes) = text.trim().split_once(':')?;
            let two = |text: &str, end: u16| {
                let digits = text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
                text.parse::<u16>().ok().filter(|it| digits && *it < end)
            };
            Some(two(hours, 24)? * 60 + two(minutes, 60)?)
        };
        let (from, to) = text.split_once('-').ok_or(EXPECTED)?;
        let (from, to) = minute(from).zip(minute(to)).ok_or(EXPECTED)?;
        if from == to { Err(EXPECTED) } else { Ok(Self { from, to }) }
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl QuietHours {
    /// When they end, if this time lies in them.
    #[must_use]
    pub fn end(self, calendar: &Calendar, now: Timestamp) -> Option<Timestamp> {
        let minute = calendar.minute_of_day(now);
        let quiet = if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        };
        quiet.then(|| calendar.next_minute_of_day(now, self.to))
    }
}

/// The code of [`Quiet`].
pub(super) const QUIET: &str = "quiet-hours";

/// It is too late, or too early, for messages that are not urgent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is quiet until {until}: only messages of high priority leave")]
pub(super) struct Quiet {
    pub(super) until: Timestamp,
}

impl Explain for Quiet {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        QUIET
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        "nothing: it leaves then; what cannot wait is sent with priority high, and quiet_hours under \
         [sending] says when it is quiet"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn hours_are_those_of_the_owners_clock_over_midnight_and_summer_time() {
        let berlin = Calendar::named("Europe/Berlin").unwrap();
        let night: QuietHours = "21:00-08:00".parse().unwrap();
        for (now, end) in [
            ("2026-07-01T18:59:59Z", None),
            ("2026-07-01T19:00:00Z", Some("2026-07-02T06:00:00Z")),
            ("2026-07-02T05:59:59Z", Some("2026-07-02T06:00:00Z")),
            ("2026-07-02T06:00:00Z", None),
            // The clock is put back in this night.
            ("2026-10-24T20:00:00Z", Some("2026-10-25T07:00:00Z")),
        ] {
            assert_eq!(night.end(&berlin, at(now)), end.map(at), "{now}");
        }
        let noon: QuietHours = "12:00-14:30".parse().unwrap();
        let utc = Calendar::named("UTC").unwrap();
        assert_eq!(noon.end(&utc, at("2026-07-01T13:00:00Z")), Some(at("2026-07-01T14:30:00Z")));
        assert_eq!(noon.end(&utc, at("2026-07-01T14:30:00Z")), None);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "21-8", "21:00", "24:00-08:00", "21:60-08:00", "+1:00-08:00", "8:00-8:00"]
        {
            assert!(text.parse::<QuietHours>().is_err(), "{text}");
        }
        assert!("08:00-08:00".parse::<QuietHours>().is_err(), "never or always?");
    }
}

//! Calendar months in the time zone of the owner: what operators bill by.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Timestamp;

/// A month of the Gregorian calendar, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(Date);

impl Month {
    /// In words: `November 2026`.
    #[must_use]
    pub fn in_words(self) -> String {
        const NAMES: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let name = usize::try_from(self.0.month() - 1).ok().and_then(|index| NAMES.get(index));
        format!("{} {}", name.unwrap_or(&"?"), self.0.year())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of = || {
            let (year, month) = text.split_once('-')?;
            Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
        };
        of().map(Self).ok_or_else(|| format!("{text:?} is no month such as 2026-11"))
    }
}

/// The calendar of one time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// That of this machine (`TZ`, else `/etc/localtime`); UTC where it names none.
    #[must_use]
    pub fn system() -> Self {
        Self { zone: TimeZone::try_system().unwrap_or(TimeZone::UTC) }
    }

    /// That of a time zone of the IANA database, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// What is expected, when this machine's database has no such zone.
    pub fn named(zone: &str) -> Result<Self, String> {
        TimeZone::get(zone).map(|zone| Self { zone }).map_err(|_| {
            "a time zone that this machine knows (package tzdata), such as Europe/Berlin, \
             America/New_York or UTC"
                .to_owned()
        })
    }

    /// What the zone is called.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("this machine's time zone")
    }

    /// The month that this time lies in.
    #[must_use]
    pub fn month(&self, at: Timestamp) -> Month {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        Month(at.to_zoned(self.zone.clone()).date().first_of_month())
    }

    /// When a month is over: the first moment of the next one.
    #[must_use]
    pub fn end(&self, month: Month) -> Timestamp {
        let next = month.0.last_of_month().tomorrow().unwrap_or(Date::MAX);
        let end =
            next.to_zoned(self.zone.clone()).map_or(jiff::Timestamp::MAX, |at| at.timestamp());
        Timestamp::from_millis(end.as_millisecond())
    }

    /// The minute of the day that this time lies in, 0 to 1439.
    #[must_use]
    pub fn minute_of_day(&self, at: Timestamp) -> u16 {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let at = at.to_zoned(self.zone.clone());
        u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or_default()
    }

    /// The next time after `at` at which the clock shows this minute of the day; where it is put
    /// forward over it, the moment after that.
    #[must_use]
    pub fn next_minute_of_day(&self, at: Timestamp, minute: u16) -> Timestamp {
        let now = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let today = now.to_zoned(self.zone.clone()).date();
        let on = |day: Date| {
            let hour = i8::try_from(minute / 60).unwrap_or_default();
            let of_hour = i8::try_from(minute % 60).unwrap_or_default();
            let at = day.at(hour, of_hour, 0, 0).to_zoned(self.zone.clone());
            at.map_or(jiff::Timestamp::MAX, |at| at.timestamp())
        };
        let next = [today, today.tomorrow().unwrap_or(Date::MAX)]
            .into_iter()
            .map(on)
            .find(|time| now < *time)
            .unwrap_or(jiff::Timestamp::MAX);
        Timestamp::from_millis(next.as_millisecond())
    }

    /// The day of this time in words: `1 December 2026`.
    #[must_use]
    pub fn day_in_words(&self, at: Timestamp) -> String {
        let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let day = instant.to_zoned(self.zone.clone()).day();
        format!("{day} {}", self.month(at).in_words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn month_ends_at_midnight_of_its_zone() {
        let berlin = Calendar::named("Europe/Berlin").unwrap();
        let month = berlin.month(at("2026-10-31T22:59:59Z"));
        assert_eq!(
            (month.to_string(), month.in_words()),
            ("2026-10".into(), "October 2026".into())
        );
        // Summer time is over by then.
        assert_eq!(berlin.end(month), at("2026-10-31T23:00:00Z"));
        assert_eq!(berlin.month(at("2026-10-31T23:00:00Z")).to_string(), "2026-11");
        assert_eq!(berlin.day_in_words(berlin.end(month)), "1 November 2026");
        let kolkata = Calendar::named("Asia/Kolkata").unwrap();
        assert_eq!(kolkata.month(at("2026-10-31T18:30:00Z")).to_string(), "2026-11");
    }

    #[test]
    fn december_is_followed_by_january() {
        let utc = Calendar::named("UTC").unwrap();
        let december = utc.month(at("2026-12-31T23:59:59.999Z"));
        assert_eq!(utc.end(december), at("2027-01-01T00:00:00Z"));
        assert!(december < utc.month(utc.end(december)));
    }

    #[test]
    fn months_are_read_as_they_are_written() {
        for text in ["2026-01", "2026-12", "1999-07"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        for text in ["", "2026", "2026-13", "2026-00", "x-1", "2026-01-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    #[test]
    fn unknown_zone_is_refused_with_examples() {
        assert!(Calendar::named("Europe/Atlantis").unwrap_err().contains("Europe/Berlin"));
    }
}

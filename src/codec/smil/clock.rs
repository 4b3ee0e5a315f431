//! Clock values (timing module of the SMIL 2.0 specification): `5s`, `5000ms`, `00:05`, `indefinite`.

use std::time::Duration;

/// Longest time that is taken: a day; a slide that stands longer stands for ever to a reader.
pub const MAX_CLOCK: Duration = Duration::from_secs(24 * 60 * 60);

/// How long something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// So long, in whole milliseconds, at most [`MAX_CLOCK`].
    For(Duration),
    /// Until the reader turns the page.
    Indefinite,
}

/// What an attribute with a time says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    At(Duration),
    Indefinite,
    /// Above [`MAX_CLOCK`].
    TooLong,
    Unreadable,
}

/// Reads one value; digits behind the milliseconds are left out.
pub(super) fn clock(text: &str) -> Clock {
    let text = text.trim().to_ascii_lowercase();
    if text == "indefinite" {
        return Clock::Indefinite;
    }
    let text = text.strip_prefix('+').unwrap_or(&text).trim_start();
    let milliseconds = if text.contains(':') { full_clock(text) } else { timecount(text) };
    match milliseconds.map(Duration::from_millis) {
        Some(time) if time <= MAX_CLOCK => Clock::At(time),
        Some(_) => Clock::TooLong,
        None => Clock::Unreadable,
    }
}

/// `hh:mm:ss.f` and `mm:ss.f`, in milliseconds.
fn full_clock(text: &str) -> Option<u64> {
    let (high, seconds) = text.rsplit_once(':')?;
    let minutes = match high.split_once(':') {
        Some((hours, minutes)) => whole(hours)?.saturating_mul(60).saturating_add(whole(minutes)?),
        None => whole(high)?,
    };
    Some(minutes.saturating_mul(60_000).saturating_add(scaled(seconds, 1000)?))
}

/// `5`, `5s`, `0.5min` and so on, in milliseconds; without a unit it is seconds.
fn timecount(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit.trim() {
        "" | "s" | "sec" => 1000,
        "ms" => 1,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    scaled(number, scale)
}

fn whole(digits: &str) -> Option<u64> {
    let digits = digits.trim();
    (!digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit()))
        .then(|| digits.parse().unwrap_or(u64::MAX))
}

/// A decimal number times `scale`.
fn scaled(text: &str, scale: u64) -> Option<u64> {
    let (units, fraction) = text.trim().split_once('.').unwrap_or((text, ""));
    if units.trim().is_empty() && fraction.is_empty() {
        return None;
    }
    let units = if units.trim().is_empty() { 0 } else { whole(units)? };
    // Nine digits tell a millisecond of an hour from the next.
    let fraction = fraction.get(..fraction.floor_char_boundary(9)).unwrap_or(fraction);
    let part = match fraction {
        "" => 0,
        digits => {
            let power = 10_u64.pow(u32::try_from(digits.len()).unwrap_or(9));
            whole(digits)?.saturating_mul(scale) / power
        }
    };
    Some(units.saturating_mul(scale).saturating_add(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_values_of_the_specification_and_of_the_field_are_read() {
        for (text, milliseconds) in [
            ("5s", 5000),
            ("5000ms", 5000),
            ("5", 5000),
            (" 5 s ", 5000),
            ("+5s", 5000),
            ("5S", 5000),
            ("00:05", 5000),
            ("01:00:00", 3_600_000),
            ("02:30.25", 150_250),
            ("0.5min", 30_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.", 5000),
            ("3.1415926535897932384626s", 3141),
            ("24:00:00", 86_400_000),
        ] {
            assert_eq!(clock(text), Clock::At(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(clock("Indefinite"), Clock::Indefinite);
    }

    #[test]
    fn what_is_no_clock_value_is_told_from_one_that_is_too_long() {
        for text in
            ["", ".", "-5s", "5 apples", "five", "a:05", "5:", ":", "1:2:3:4", "media", "0x5"]
        {
            assert_eq!(clock(text), Clock::Unreadable, "{text}");
        }
        for text in ["25h", "99999999999999999999999s", "9999999999:00", "999999999999999:0:0"] {
            assert_eq!(clock(text), Clock::TooLong, "{text}");
        }
    }
}

//! TP-Validity-Period (3GPP TS 23.040 clause 9.2.3.12).

use std::fmt;
use std::time::Duration;

use super::Scts;
use super::reader::Reader;
use crate::codec::{DecodeError, Warning};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;

/// TP-Validity-Period in the form that TP-Validity-Period-Format names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValidityPeriod {
    /// Not given.
    None,
    /// One octet, in steps of five minutes to weeks.
    Relative(u8),
    /// Seven octets of functionality indicators.
    Enhanced([u8; 7]),
    /// A point in time.
    Absolute(Scts),
}

impl ValidityPeriod {
    /// The relative form of a time, rounded up to the next step: five minutes at least, 63 weeks
    /// at most.
    #[must_use]
    pub fn relative(time: Duration) -> Self {
        let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        // The first octet of each kind of step, what it means less one step, and the step.
        let (first, below, step) = match seconds {
            0..=43_200 => (0, 0, 5 * MINUTE),
            43_201..=86_400 => (144, 12 * HOUR, 30 * MINUTE),
            86_401..=2_592_000 => (168, DAY, DAY),
            _ => (197, 4 * WEEK, WEEK),
        };
        let steps = (seconds - below).div_ceil(step).max(1);
        Self::Relative(u8::try_from(first + steps - 1).unwrap_or(u8::MAX))
    }

    /// How long after its submission the message is of use; none where that is not told, or told
    /// as a point in time.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        let seconds = match *self {
            Self::None | Self::Absolute(_) => return None,
            Self::Relative(octet) => relative_seconds(octet),
            Self::Enhanced([indicator, value, minutes, seconds, ..]) => match indicator & 0b111 {
                0b001 => relative_seconds(value),
                0b010 => u64::from(value),
                0b011 => {
                    let digits = |octet: u8| u64::from(octet & 0x0f) * 10 + u64::from(octet >> 4);
                    digits(value) * HOUR + digits(minutes) * MINUTE + digits(seconds)
                }
                _ => return None,
            },
        };
        Some(Duration::from_secs(seconds))
    }

    /// TP-Validity-Period-Format, two bits.
    pub(super) const fn format(&self) -> u8 {
        match self {
            Self::None => 0b00,
            Self::Enhanced(_) => 0b01,
            Self::Relative(_) => 0b10,
            Self::Absolute(_) => 0b11,
        }
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Enhanced(octets) => octets,
            Self::Relative(octet) => std::slice::from_ref(octet),
            Self::Absolute(scts) => &scts.0,
        }
    }

    pub(super) fn read(
        format: u8,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        Ok(match format {
            0b01 => Self::Enhanced(reader.array("TP-VP")?),
            0b10 => Self::Relative(reader.octet("TP-VP")?),
            0b11 => Self::Absolute(Scts::read("TP-VP", reader, warnings)?),
            _ => Self::None,
        })
    }
}

/// For people.
impl fmt::Display for ValidityPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.duration()) {
            (Self::Absolute(scts), _) => write!(f, "until {scts}"),
            (_, Some(time)) => {
                let seconds = time.as_secs();
                let parts = [
                    (seconds / DAY, "d"),
                    (seconds % DAY / HOUR, "h"),
                    (seconds % HOUR / MINUTE, "min"),
                    (seconds % MINUTE, "s"),
                ];
                let told: Vec<String> = parts
                    .iter()
                    .filter(|(count, _)| *count > 0)
                    .map(|(count, unit)| format!("{count} {unit}"))
                    .collect();
                f.write_str(if told.is_empty() { "0 s" } else { "" })?;
                f.write_str(&told.join(" "))
            }
            (_, None) => f.write_str("not given"),
        }
    }
}

fn relative_seconds(octet: u8) -> u64 {
    let octet = u64::from(octet);
    match octet {
        0..=143 => (octet + 1) * 5 * MINUTE,
        144..=167 => 12 * HOUR + (octet - 143) * 30 * MINUTE,
        168..=196 => (octet - 166) * DAY,
        _ => (octet - 192) * WEEK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_steps_as_the_clause_lists_them() {
        for (octet, seconds) in [
            (0, 5 * MINUTE),
            (143, 12 * HOUR),
            (144, 12 * HOUR + 30 * MINUTE),
            (167, DAY),
            (168, 2 * DAY),
            (196, 30 * DAY),
            (197, 5 * WEEK),
            (255, 63 * WEEK),
        ] {
            let time = Duration::from_secs(seconds);
            assert_eq!(ValidityPeriod::Relative(octet).duration(), Some(time));
            assert_eq!(ValidityPeriod::relative(time), ValidityPeriod::Relative(octet));
        }
    }

    #[test]
    fn every_step_is_its_own_nearest_and_times_between_are_rounded_up() {
        for octet in 0..=u8::MAX {
            let time = ValidityPeriod::Relative(octet).duration().unwrap();
            assert_eq!(ValidityPeriod::relative(time), ValidityPeriod::Relative(octet));
            let next = ValidityPeriod::Relative(octet.saturating_add(1));
            assert_eq!(ValidityPeriod::relative(time + Duration::from_nanos(1)), next);
        }
        assert_eq!(ValidityPeriod::relative(Duration::ZERO), ValidityPeriod::Relative(0));
        assert_eq!(ValidityPeriod::relative(Duration::MAX), ValidityPeriod::Relative(255));
    }

    #[test]
    fn enhanced_forms() {
        for (octets, text) in [
            ([0x00, 0, 0, 0, 0, 0, 0], "not given"),
            ([0x01, 167, 0, 0, 0, 0, 0], "1 d"),
            ([0x42, 90, 0, 0, 0, 0, 0], "1 min 30 s"),
            ([0x03, 0x21, 0x43, 0x65, 0, 0, 0], "12 h 34 min 56 s"),
            ([0x07, 1, 1, 1, 1, 1, 1], "not given"),
            ([0x02, 0, 0, 0, 0, 0, 0], "0 s"),
        ] {
            assert_eq!(ValidityPeriod::Enhanced(octets).to_string(), text);
        }
    }
}

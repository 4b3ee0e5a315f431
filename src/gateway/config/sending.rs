//! `[sending]` and `[limits]`: what decides when a message may leave.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, value};
use crate::gateway::breaker::BreakerPolicy;
use crate::gateway::limits::{LIMIT_NAMES, Limits};
use crate::gateway::opt_out::Words;
use crate::gateway::quiet::QuietHours;
use crate::gateway::routing::SendRoute;

/// What decides when a message may leave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendingPolicy {
    /// How much a SIM may send, unless its modem says otherwise.
    pub limits: Limits,
    /// The same for SIMs in the modem of this name.
    pub limits_of: BTreeMap<String, Limits>,
    /// When a SIM whose messages are refused is paused.
    pub breaker: BreakerPolicy,
    /// When only urgent messages leave, by the calendar of `[data]`.
    pub quiet: Option<QuietHours>,
    /// What recipients write who want nothing more.
    pub words: Words,
    /// Which messages go by which modems; any by any while there are none.
    pub routes: Vec<SendRoute>,
}

/// Most of what a limit may be; beyond any SIM.
const MOST: u64 = 1_000_000_000_000;

/// `[limits]` and `[modem.limits]`; 0 is no limit.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    per_minute: Option<i64>,
    per_hour: Option<i64>,
    per_day: Option<i64>,
    per_month: Option<i64>,
    recipients_per_day: Option<i64>,
    octets_per_day: Option<i64>,
}

/// `base` where the table is silent.
pub(super) fn limits(
    file: &str,
    table: &str,
    raw: RawLimits,
    base: Limits,
) -> Result<Limits, ConfigError> {
    let [minute, hour, day, month, recipients, octets] = LIMIT_NAMES;
    let of = |name: &str, raw: Option<i64>, base: Option<u64>| match raw.map(u64::try_from) {
        None => Ok(base),
        Some(Ok(0)) => Ok(None),
        Some(Ok(most)) if most <= MOST => Ok(Some(most)),
        Some(_) => Err(value(
            file,
            format!("{table}.{name}"),
            &raw.unwrap_or_default().to_string(),
            "a whole number, or 0 for no limit",
        )),
    };
    Ok(Limits {
        per_minute: of(minute, raw.per_minute, base.per_minute)?,
        per_hour: of(hour, raw.per_hour, base.per_hour)?,
        per_day: of(day, raw.per_day, base.per_day)?,
        per_month: of(month, raw.per_month, base.per_month)?,
        recipients_per_day: of(recipients, raw.recipients_per_day, base.recipients_per_day)?,
        octets_per_day: of(octets, raw.octets_per_day, base.octets_per_day)?,
    })
}

/// The keys of `[sending]` that are about this.
pub(super) struct Raw {
    pub(super) pause_after_refusals: Option<i64>,
    pub(super) probe_after_minutes: Option<i64>,
    pub(super) quiet_hours: Option<String>,
    pub(super) stop_words: Option<Vec<String>>,
    pub(super) start_words: Option<Vec<String>>,
}

pub(super) fn check(
    file: &str,
    raw: Raw,
    limits_for_all: RawLimits,
) -> Result<SendingPolicy, ConfigError> {
    let key = |name: &str| format!("sending.{name}");
    let mut policy = SendingPolicy {
        limits: limits(file, "limits", limits_for_all, Limits::SAFE)?,
        ..SendingPolicy::default()
    };
    if let Some(after) = raw.pause_after_refusals {
        policy.breaker.after = match u32::try_from(after) {
            Ok(after @ 0..=100) => after,
            _ => {
                let expected = "a number of refusals in a row from 1 to 100, or 0 for never";
                return Err(value(file, key("pause_after_refusals"), &after.to_string(), expected));
            }
        };
    }
    if let Some(minutes) = raw.probe_after_minutes {
        policy.breaker.probe_after = match u64::try_from(minutes) {
            Ok(whole @ 1..=10_080) => Duration::from_secs(whole * 60),
            _ => {
                let expected = "a number of minutes from 1 to 10080";
                return Err(value(
                    file,
                    key("probe_after_minutes"),
                    &minutes.to_string(),
                    expected,
                ));
            }
        };
    }
    if let Some(text) = raw.quiet_hours.filter(|text| !text.is_empty()) {
        let hours = text.parse();
        policy.quiet =
            Some(hours.map_err(|expected| value(file, key("quiet_hours"), &text, expected))?);
    }
    for (name, given, words) in [
        ("stop_words", raw.stop_words, &mut policy.words.stop),
        ("start_words", raw.start_words, &mut policy.words.start),
    ] {
        if let Some(given) = given {
            *words = Words::checked(&given)
                .map_err(|(word, expected)| value(file, key(name), &word, expected))?;
        }
    }
    if let Some(both) = policy.words.stop.iter().find(|word| policy.words.start.contains(word)) {
        return Err(value(file, key("start_words"), both, "it is one of stop_words as well"));
    }
    Ok(policy)
}

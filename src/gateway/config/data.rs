//! `[data]`: how data calls are made and what they may carry.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, value};
use crate::model::Calendar;
use crate::net::stack::USER_TIMEOUT;

/// Octets of a megabyte, as operators sell them.
const MEGABYTE: u64 = 1_000_000;

/// How data calls are made and by which calendar they are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataPolicy {
    /// Whose months the octets of a SIM are counted by.
    pub calendar: Calendar,
    /// Octets of the largest IP packet that is sent or, by the MSS, asked for.
    pub mtu: u16,
    /// Octets of the largest TCP segment, both ways; none: what fits into a packet.
    pub mss: Option<u16>,
    /// How long the far end of a TCP connection may be silent while octets are to be acknowledged
    /// before the connection is given up.
    pub user_timeout: Duration,
}

impl Default for DataPolicy {
    fn default() -> Self {
        Self {
            calendar: Calendar::system(),
            mtu: DEFAULT_MTU,
            mss: None,
            user_timeout: USER_TIMEOUT,
        }
    }
}

/// What every cellular path carries, whatever tunnels (GTP, IPsec) it goes through.
pub const DEFAULT_MTU: u16 = 1400;
/// What every host takes (RFC 791 section 3.1).
const LEAST_MTU: u16 = 576;
/// The MRU that PPP begins with (RFC 1661 section 6.1).
const LARGEST_MTU: u16 = 1500;
/// The MSS of [`LEAST_MTU`] without options (RFC 9293 section 3.7.1).
const LEAST_MSS: u16 = 536;
/// Seconds of the user time-out. Less than the least would end what a cell change or a busy cell holds
/// up for a while; after more than the most every proxy has forgotten the connection.
const USER_TIMEOUTS: RangeInclusive<u64> = 30..=600;
/// Octets of the headers of IPv4 and TCP.
const HEADERS: u16 = 40;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawData {
    linger_seconds: Option<i64>,
    mtu: Option<i64>,
    mss: Option<i64>,
    user_timeout_seconds: Option<i64>,
    monthly_cap_mb: Option<i64>,
    time_zone: Option<String>,
}

/// What the table says.
pub(super) struct Data {
    pub(super) policy: DataPolicy,
    pub(super) linger: Option<Duration>,
    /// Octets a month of each SIM, unless its modem says otherwise.
    pub(super) monthly_cap: Option<u64>,
}

pub(super) fn check(file: &str, raw: RawData) -> Result<Data, ConfigError> {
    let key = |name: &str| format!("data.{name}");
    let mut policy = DataPolicy::default();
    let linger = raw
        .linger_seconds
        .map(|seconds| match u64::try_from(seconds) {
            Ok(whole @ 0..=600) => Ok(Duration::from_secs(whole)),
            _ => {
                let expected = "a number of seconds from 0 to 600";
                Err(value(file, key("linger_seconds"), &seconds.to_string(), expected))
            }
        })
        .transpose()?;
    if let Some(octets) = raw.mtu {
        policy.mtu = match u16::try_from(octets) {
            Ok(mtu @ LEAST_MTU..=LARGEST_MTU) => mtu,
            _ => {
                let expected = format!("a number of octets from {LEAST_MTU} to {LARGEST_MTU}");
                return Err(value(file, key("mtu"), &octets.to_string(), &expected));
            }
        };
    }
    if let Some(octets) = raw.mss {
        let largest = policy.mtu - HEADERS;
        policy.mss = match u16::try_from(octets) {
            Ok(mss) if (LEAST_MSS..=largest).contains(&mss) => Some(mss),
            _ => {
                let expected = format!(
                    "a number of octets from {LEAST_MSS} to {largest}, which is what data.mtu \
                     leaves beside the headers"
                );
                return Err(value(file, key("mss"), &octets.to_string(), &expected));
            }
        };
    }
    if let Some(seconds) = raw.user_timeout_seconds {
        policy.user_timeout = match u64::try_from(seconds) {
            Ok(whole) if USER_TIMEOUTS.contains(&whole) => Duration::from_secs(whole),
            _ => {
                let expected = format!(
                    "a number of seconds from {} to {}",
                    USER_TIMEOUTS.start(),
                    USER_TIMEOUTS.end()
                );
                return Err(value(
                    file,
                    key("user_timeout_seconds"),
                    &seconds.to_string(),
                    &expected,
                ));
            }
        };
    }
    if let Some(zone) = raw.time_zone {
        policy.calendar = Calendar::named(&zone)
            .map_err(|expected| value(file, key("time_zone"), &zone, &expected))?;
    }
    let monthly_cap = raw
        .monthly_cap_mb
        .map(|megabytes| cap(file, key("monthly_cap_mb"), megabytes))
        .transpose()?
        .flatten();
    Ok(Data { policy, linger, monthly_cap })
}

/// Octets of a cap; none for 0, which stands for no cap.
pub(super) fn cap(file: &str, key: String, megabytes: i64) -> Result<Option<u64>, ConfigError> {
    match u64::try_from(megabytes) {
        Ok(0) => Ok(None),
        Ok(whole @ ..=1_000_000) => Ok(Some(whole * MEGABYTE)),
        _ => {
            let expected = "a number of megabytes (1 000 000 octets) from 1 to 1000000, or 0 for no \
                            cap";
            Err(value(file, key, &megabytes.to_string(), expected))
        }
    }
}

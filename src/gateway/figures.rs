//! What is counted since the start and kept nowhere else: for `/metrics` alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Seconds that handing a message to the MMSC takes: one second on LTE, minutes on GPRS.
const SEND_SECONDS: [f64; 10] = [0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0];
/// Seconds from CONNECT to an IP address.
const NEGOTIATION_SECONDS: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Counters by what they count.
#[derive(Debug)]
pub struct Figures {
    /// From the first octet of a message to the MMSC's answer, of those it has taken.
    pub send_seconds: Histogram,
    /// From CONNECT until IP could be used.
    pub negotiation_seconds: Histogram,
    counts: Mutex<Counts>,
}

/// How often.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tries to get a data context, by `ok` or the code of what went wrong.
    pub activations: BTreeMap<String, u64>,
    /// Octets of whole PDUs that were posted (`out`) and fetched (`in`).
    pub http_octets: BTreeMap<&'static str, u64>,
    /// Attempts to tell of an event, by kind of endpoint and `delivered`, `retry` or `failed`.
    pub deliveries: BTreeMap<(String, &'static str), u64>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            send_seconds: Histogram::new(SEND_SECONDS),
            negotiation_seconds: Histogram::new(NEGOTIATION_SECONDS),
            counts: Mutex::default(),
        }
    }
}

impl Figures {
    /// As it is now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    /// An attempt to tell of an event has ended; `kind` and `result` are words of ours.
    pub fn delivery(&self, kind: &str, result: &'static str) {
        self.with(|counts| {
            *counts.deliveries.entry((kind.to_owned(), result)).or_default() += 1;
        });
    }

    /// A try to get a data context has ended so.
    pub(super) fn activation(&self, result: &str) {
        self.with(|counts| *counts.activations.entry(result.to_owned()).or_default() += 1);
    }

    /// So many octets of a PDU went over HTTP or WSP.
    pub(super) fn octets(&self, direction: &'static str, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.with(|counts| *counts.http_octets.entry(direction).or_default() += octets);
    }

    /// A message was taken after this time.
    pub(super) fn sent_after(&self, took: Duration) {
        self.send_seconds.observe(took.as_secs_f64());
    }

    /// IP came up after this time.
    pub(super) fn negotiated_after(&self, took: Duration) {
        self.negotiation_seconds.observe(took.as_secs_f64());
    }

    fn with<T>(&self, work: impl FnOnce(&mut Counts) -> T) -> T {
        work(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

//! What a SIM's data calls have carried in the calendar month, and what becomes of its cap. Counts
//! are written down while a call is up, so that a program that is ended by force loses seconds of
//! one call and no more.

use std::time::Duration;

use super::carrier::Counter;
use super::line::{Line, lock};
use super::worker::Worker;
use crate::bearer::Carried;
use crate::model::{Blame, Calendar, Explain, Fault, Layer, Month, Retry, Timestamp};
use crate::store::{DataUse, NewCall, StoreError};

/// How often the octets of a call that is up are written down.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// From how much of a cap on people are warned, percent.
pub const CAP_WARNING_PERCENT: u64 = 80;

/// What the SIM in a modem has used in the calendar month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataView {
    /// The month.
    pub month: Month,
    /// When it is over.
    pub ends_at: Timestamp,
    /// By whose calendar.
    pub calendar: Calendar,
    /// What was used of it.
    pub used: DataUse,
    /// Octets that may be used in it; none: as many as it takes.
    pub cap: Option<u64>,
}

impl DataView {
    /// Whether no further call may be made in this month.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.cap.is_some_and(|cap| self.used.octets() >= cap)
    }

    /// What is wrong with it, when something is: the cap is reached, or near.
    #[must_use]
    pub fn fault(&self, modem: &str) -> Option<Fault> {
        let cap = self.cap?;
        let near = self.used.octets() >= cap / 100 * CAP_WARNING_PERCENT;
        near.then(|| {
            CapUsed {
                modem: modem.to_owned(),
                used: self.used.octets(),
                cap,
                month: self.month.in_words(),
                next: self.calendar.day_in_words(self.ends_at),
                zone: self.calendar.zone().to_owned(),
            }
            .to_fault()
        })
    }

    /// The same at a time when its month may be over.
    fn at(&self, now: Timestamp) -> Self {
        if now < self.ends_at {
            return self.clone();
        }
        Self::of(&self.calendar, DataUse::default(), self.cap, now)
    }

    fn of(calendar: &Calendar, used: DataUse, cap: Option<u64>, now: Timestamp) -> Self {
        let month = calendar.month(now);
        let ends_at = calendar.end(month);
        Self { month, ends_at, calendar: calendar.clone(), used, cap }
    }
}

/// Octets for people: `3.2 MB`, where a megabyte is 1 000 000 octets as operators sell them.
#[must_use]
pub fn megabytes(octets: u64) -> String {
    if octets.is_multiple_of(1_000_000) {
        return format!("{} MB", octets / 1_000_000);
    }
    let tenths = octets / 100_000;
    if tenths == 0 {
        return format!("{}.{:02} MB", octets / 1_000_000, octets / 10_000);
    }
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// Most of the month's data, or all of it, is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "data calls of modem \"{modem}\" have used {} of the {} that its SIM may use in {month}",
    megabytes(*used), megabytes(*cap)
)]
struct CapUsed {
    modem: String,
    used: u64,
    cap: u64,
    month: String,
    /// The first day of the next month.
    next: String,
    zone: String,
}

impl CapUsed {
    const fn is_over(&self) -> bool {
        self.used >= self.cap
    }
}

impl Explain for CapUsed {
    fn layer(&self) -> Layer {
        Layer::Bearer
    }

    fn code(&self) -> &'static str {
        if self.is_over() { "data-cap-reached" } else { "data-cap-near" }
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        let (next, zone) = (&self.next, &self.zone);
        let raise = "monthly_cap_mb under [data] or the modem's own [[modem]]";
        if self.is_over() {
            format!(
                "picture messages wait until {next} ({zone}) while SMS go on; to send and fetch \
                 them now, raise {raise} in the configuration and restart the gateway"
            )
        } else {
            format!(
                "nothing yet: when all of it is used, picture messages wait until {next} ({zone}) \
                 while SMS go on; {raise} in the configuration sets the limit"
            )
        }
    }
}

impl Line {
    /// Reads what the SIM has used in this month.
    pub(super) async fn read_data_use(&self, sim: &str) -> Result<(), StoreError> {
        let core = self.core();
        let month = core.data.calendar.month(core.now());
        let used = core.store.data_use(sim, month).await?;
        self.data_used(Some(used));
        Ok(())
    }

    /// What the SIM has used in this month, if it is known; else none of the month that has begun.
    pub(super) fn data_view(&self) -> Option<DataView> {
        let shown = self.shown().data.clone();
        shown.map(|view| view.at(self.core().now()))
    }

    /// Shows what was used, and tells the log when the cap comes near or is reached.
    fn data_used(&self, used: Option<DataUse>) {
        let core = self.core();
        let cap = self.config().monthly_cap;
        let view = used.map(|used| DataView::of(&core.data.calendar, used, cap, core.now()));
        let before = self.shown().data.clone();
        if before == view {
            return;
        }
        let modem = &self.config().name;
        let fault = view.as_ref().and_then(|view| view.fault(modem));
        let known = before.as_ref().and_then(|view| view.fault(modem)).map(|fault| fault.code);
        if let Some(fault) = &fault
            && known.as_ref() != Some(&fault.code)
        {
            tracing::warn!(%modem, "{fault}");
        }
        self.show(|shown| shown.data = view);
    }

    /// Until when no call is made because the month's data is used, and why.
    pub(super) fn cap_reached(&self) -> Option<(Timestamp, Fault)> {
        let view = self.data_view().filter(DataView::is_over)?;
        Some((view.ends_at, view.fault(&self.config().name)?))
    }

    /// Follows the calendar: a new month begins with nothing used.
    pub(super) async fn follow_month(&self, sim: &str) -> Result<(), StoreError> {
        let ends_at = self.shown().data.as_ref().map(|view| view.ends_at);
        if ends_at.is_none_or(|end| end <= self.core().now()) {
            self.read_data_use(sim).await?;
        }
        Ok(())
    }
}

impl Worker<'_> {
    /// Until when no call is made because the month's data is used, and why.
    pub(super) fn cap_reached(&self) -> Option<(Timestamp, Fault)> {
        self.line.cap_reached()
    }
}

/// Counts one data call.
pub(super) struct Meter<'a> {
    line: &'a Line,
    key: i64,
    counter: Counter,
    written: (u64, u64),
}

impl<'a> Meter<'a> {
    /// The modem is connected.
    pub(super) async fn begin(
        line: &'a Line,
        sim: &str,
        roaming: bool,
    ) -> Result<Self, StoreError> {
        let core = line.core();
        let call = NewCall { sim: sim.to_owned(), modem: line.config().name.clone(), roaming };
        let month = core.data.calendar.month(core.now());
        let key = core.store.begin_call(call, month, core.now()).await?;
        lock(&line.inner.calls).0 += 1;
        line.read_data_use(sim).await?;
        Ok(Self { line, key, counter: Counter::Call(Carried::default()), written: (0, 0) })
    }

    /// What is to be counted from now on.
    pub(super) fn watch(&mut self, counter: Counter) {
        self.counter = counter;
    }

    /// Counts what is new now and then; never ends.
    pub(super) async fn keep(&mut self) {
        loop {
            tokio::time::sleep(COUNT_EVERY).await;
            self.note().await;
        }
    }

    /// Counts what is new, if anything is.
    pub(super) async fn note(&mut self) {
        if self.counter.octets() != self.written
            && let Err(error) = self.count(false).await
        {
            // The end of the call counts it again, and does not go on without.
            tracing::warn!(modem = %self.line.config().name, "data is not counted: {error}");
        }
    }

    /// Counts what is new; whether no more may be used in this month.
    pub(super) async fn is_over(&mut self) -> Result<bool, StoreError> {
        self.count(false).await?;
        Ok(self.line.data_view().is_some_and(|view| view.is_over()))
    }

    /// The call is over.
    pub(super) async fn end(mut self) -> Result<(), StoreError> {
        self.count(true).await
    }

    async fn count(&mut self, over: bool) -> Result<(), StoreError> {
        let core = self.line.core();
        let now = core.now();
        let octets = self.counter.octets();
        let month = core.data.calendar.month(now);
        let used = core.store.count_call(self.key, octets, month, over, now).await?;
        {
            let mut calls = lock(&self.line.inner.calls);
            calls.1 += octets.0.saturating_sub(self.written.0);
            calls.2 += octets.1.saturating_sub(self.written.1);
        }
        self.written = octets;
        self.line.data_used(Some(used));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(octets: u64, cap: Option<u64>) -> DataView {
        let calendar = Calendar::named("Europe/Berlin").unwrap();
        let used = DataUse { octets_out: octets, ..DataUse::default() };
        DataView::of(&calendar, used, cap, Timestamp::from_secs(1_790_000_000))
    }

    #[test]
    fn cap_warns_at_eighty_percent_and_says_when_it_ends_and_what_raises_it() {
        let fault = |octets| view(octets, Some(50_000_000)).fault("desk");
        assert_eq!(fault(39_999_999), None);
        let near = fault(40_000_000).unwrap();
        assert_eq!(near.code, "data-cap-near");
        assert!(near.remedy.contains("1 October 2026 (Europe/Berlin)"), "{near:?}");
        let reached = fault(50_000_000).unwrap();
        assert_eq!(reached.code, "data-cap-reached");
        assert_eq!(
            reached.summary,
            "data calls of modem \"desk\" have used 50 MB of the 50 MB that its SIM may use in \
             September 2026"
        );
        assert!(reached.remedy.contains("raise monthly_cap_mb under [data]"), "{reached:?}");
        assert!(!view(49_999_999, Some(50_000_000)).is_over());
        assert!(view(50_000_000, Some(50_000_000)).is_over());
        assert_eq!(view(u64::MAX, None).fault("desk"), None);
    }

    #[test]
    fn month_that_is_over_counts_no_more() {
        let september = view(50_000_000, Some(50_000_000));
        let last = september.at(Timestamp::from_millis(september.ends_at.as_millis() - 1));
        assert_eq!(last, september);
        let october = september.at(september.ends_at);
        assert_eq!((october.month.to_string(), october.used.octets()), ("2026-10".into(), 0));
        assert!(!october.is_over());
    }

    #[test]
    fn octets_are_told_in_megabytes() {
        for (octets, told) in [
            (0, "0 MB"),
            (9_999, "0.00 MB"),
            (40_000, "0.04 MB"),
            (3_249_999, "3.2 MB"),
            (50_000_000, "50 MB"),
            (1_234_567_890, "1234.5 MB"),
        ] {
            assert_eq!(megabytes(octets), told);
        }
    }
}

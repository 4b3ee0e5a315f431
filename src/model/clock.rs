//! One clock for everything: wall time that advances with `tokio::time`, so that a test which
//! holds tokio's time still holds the calendar still as well. Somebody may set the host's clock
//! while the program runs, as NTP does on a computer that began in 1970: it is followed at a time
//! that the program chooses, so that it can move what waits by as much.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// A point in time, milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since 1970.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time plus `duration`, at most the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// So long before this.
    #[must_use]
    pub fn earlier(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long from `earlier` to this; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// What the host says of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLook {
    /// What it shows.
    pub wall: Timestamp,
    /// Whether something keeps it right (NTP, a radio clock). False right after a start of a
    /// computer without a battery for its clock.
    pub synchronised: bool,
}

/// The clock of the host, which somebody may set while the program runs.
pub trait HostClock: Send + Sync {
    /// What it shows now.
    fn look(&self) -> HostLook;
}

/// What [`Clock::follow`] has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// By how many milliseconds the clock shows more than it would have; less than 0 where it was
    /// set back.
    pub by: i64,
    /// What it showed before.
    pub before: Timestamp,
    /// What it shows now.
    pub after: Timestamp,
    /// Whether something keeps the host's clock right.
    pub synchronised: bool,
}

impl ClockStep {
    /// Whether it was set, rather than kept in step by fractions of a second.
    #[must_use]
    pub const fn is_jump(self) -> bool {
        self.by.unsigned_abs() >= LEAST_JUMP_MS
    }
}

/// What is less is how a clock is steered, or the time between two readings.
const LEAST_JUMP_MS: u64 = 2_000;

/// The clock that is handed to every room that needs the time. Between two calls of
/// [`Self::follow`] it goes on with tokio's time, whatever happens to the host's.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    wall_at_start: Timestamp,
    followed: Option<&'static Followed>,
}

/// What a clock that follows the host's shares with its copies.
struct Followed {
    host: Box<dyn HostClock>,
    /// Milliseconds that the wall is ahead of its start and what has passed since.
    ahead: AtomicI64,
    /// It is later than this, whatever a host that nobody keeps right may say.
    floor: AtomicI64,
    synchronised: AtomicBool,
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl Clock {
    /// A clock set by the host once, for what is over soon.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the host's clock is read")]
    pub fn system() -> Self {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(Timestamp::from_millis(
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        ))
    }

    /// A clock that shows `wall` now and goes on with tokio's time.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { start: Instant::now(), wall_at_start: wall, followed: None }
    }

    /// A clock that [`Self::follow`] keeps in step with the host's. What its copies share is never
    /// given back: a program has one.
    #[must_use]
    pub fn following(host: impl HostClock + 'static) -> Self {
        let HostLook { wall, synchronised } = host.look();
        let followed = Followed {
            host: Box::new(host),
            ahead: AtomicI64::new(0),
            floor: AtomicI64::new(i64::MIN),
            synchronised: AtomicBool::new(synchronised),
        };
        Self { followed: Some(Box::leak(Box::new(followed))), ..Self::starting_at(wall) }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let ahead = self.followed.map_or(0, |it| it.ahead.load(Ordering::Relaxed));
        Timestamp(self.unset().0.saturating_add(ahead))
    }

    /// What it would show if nobody had set it since the start.
    fn unset(&self) -> Timestamp {
        self.wall_at_start.plus(self.start.elapsed())
    }

    /// Whether it can be set by the host at all.
    #[must_use]
    pub const fn is_followed(&self) -> bool {
        self.followed.is_some()
    }

    /// Whether something keeps the time right: what is counted from a clock that nobody keeps right
    /// is a length of time and no date. A clock that follows nothing is right.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        self.followed.is_none_or(|it| it.synchronised.load(Ordering::Relaxed))
    }

    /// Looks at the host's clock, shows what it shows from now on, and tells the difference.
    #[must_use = "what waits has to be moved by it"]
    pub fn follow(&self) -> ClockStep {
        let before = self.now();
        let Some(followed) = self.followed else {
            return ClockStep { by: 0, before, after: before, synchronised: true };
        };
        let HostLook { wall, synchronised } = followed.host.look();
        let floor = followed.floor.load(Ordering::Relaxed);
        // Nobody keeps it right, and we know better: it goes on as it went.
        let wall =
            if !synchronised && wall.0 < floor { before.max(Timestamp(floor)) } else { wall };
        followed.synchronised.store(synchronised, Ordering::Relaxed);
        followed.ahead.store(wall.0.saturating_sub(self.unset().0), Ordering::Relaxed);
        let by = wall.0.saturating_sub(before.0);
        ClockStep { by, before, after: wall, synchronised }
    }

    /// It is later than `at`, a time at which the clock was right: until something keeps the host's
    /// clock right, an earlier time that it shows does not count.
    #[must_use = "what waits has to be moved by it"]
    pub fn not_before(&self, at: Timestamp) -> ClockStep {
        if let Some(followed) = self.followed {
            followed.floor.fetch_max(at.0, Ordering::Relaxed);
        }
        self.follow()
    }

    /// The same in nanoseconds since 1970, each later than what went before by what has passed.
    #[must_use]
    pub fn nanoseconds(&self) -> u64 {
        let start = u64::try_from(self.wall_at_start.0).unwrap_or(0).saturating_mul(1_000_000);
        let passed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        start.saturating_add(passed)
    }

    /// The runtime's instant at which this clock will show `at` unless somebody sets it; now, when
    /// that has passed.
    #[must_use]
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        Instant::now() + at.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wall_time_follows_paused_tokio_time() {
        let clock = Clock::starting_at(Timestamp::from_secs(1_000));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), Timestamp::from_secs(1_060));
    }

    #[derive(Clone)]
    struct Host(Arc<Mutex<HostLook>>);

    impl HostClock for Host {
        fn look(&self) -> HostLook {
            *self.0.lock().unwrap()
        }
    }

    fn host(seconds: i64, synchronised: bool) -> Host {
        let wall = Timestamp::from_secs(seconds);
        Host(Arc::new(Mutex::new(HostLook { wall, synchronised })))
    }

    #[tokio::test(start_paused = true)]
    async fn copies_follow_the_host_when_told_and_not_before() {
        let host = host(60, false);
        let clock = Clock::following(host.clone());
        let copy = clock;
        assert!(!copy.is_synchronised());
        *host.0.lock().unwrap() =
            HostLook { wall: Timestamp::from_secs(1_790_000_000), synchronised: true };
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(copy.now(), Timestamp::from_secs(70));
        let step = clock.follow();
        assert_eq!((step.by, step.is_jump()), (1_789_999_930_000, true));
        assert!(copy.is_synchronised());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(copy.now(), Timestamp::from_secs(1_790_000_010));
    }

    #[tokio::test(start_paused = true)]
    async fn host_that_nobody_keeps_right_is_not_believed_to_be_in_the_past() {
        let host = host(60, false);
        let clock = Clock::following(host.clone());
        let known = Timestamp::from_secs(1_700_000_000);
        assert_eq!(clock.not_before(known).after, known);
        tokio::time::sleep(Duration::from_secs(10)).await;
        host.0.lock().unwrap().wall = Timestamp::from_secs(70);
        assert_eq!(clock.follow().by, 0);
        assert_eq!(clock.now(), Timestamp::from_secs(1_700_000_010));
        // Who keeps it right may set it back.
        let back = Timestamp::from_secs(1_600_000_000);
        *host.0.lock().unwrap() = HostLook { wall: back, synchronised: true };
        assert_eq!(clock.follow().after, back);
    }

    #[test]
    fn timestamp_prints_rfc3339() {
        assert_eq!(Timestamp::from_millis(1_000).to_string(), "1970-01-01T00:00:01.000Z");
    }
}

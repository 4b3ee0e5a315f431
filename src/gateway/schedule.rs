//! When to try again, and how long it is worth trying. What breaks off is mostly a line or a cell,
//! and works again at once or within a minute; an MMSC that stays silent through a few quick attempts
//! is left alone for longer and longer.

use std::time::Duration;

use crate::codec::mms::{Expiry, MAX_VALIDITY, NotificationInd};
use crate::model::{Random, Timestamp};
use crate::store::Life;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Pauses after the first, second, ... failure; the last one repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule(&'static [u64]);

impl Schedule {
    /// Submissions that the MMSC cannot have.
    pub(super) const SEND: Self =
        Self(&[5, 20, 45, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE]);
    /// Retrievals.
    pub(super) const RETRIEVE: Self =
        Self(&[5, 20, 45, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR]);
    /// Acknowledgements.
    pub(super) const ACK: Self =
        Self(&[5, 20, 45, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR]);
    /// A modem, a data call or a short message that does not get through. Trouble of the air or of
    /// the modem is mostly over within ten minutes, and until then nobody shall wait for more than
    /// one when it is; what lasts longer must not have the operator called every minute.
    pub(super) const LINE: Self = Self(&[
        5,
        15,
        30,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        MINUTE,
        5 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
    ]);

    /// The pause after failure number `failures` (from 1), up to a tenth longer, so that several
    /// modems or messages do not knock at the same moment.
    pub(super) fn pause(self, failures: u32, random: &Random) -> Duration {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        let seconds = self.0.get(index).or_else(|| self.0.last()).copied().unwrap_or(MINUTE);
        Duration::from_millis(seconds * 1_000 + random.below(seconds * 100))
    }

    /// When to try again after failure number `failures` (from 1) of something that is of no use
    /// after `end`: after the pause, or once more shortly before the end where the pause is longer
    /// than that. None: the last try was made.
    pub(super) fn next(
        self,
        failures: u32,
        now: Timestamp,
        end: Option<Timestamp>,
        random: &Random,
    ) -> Option<Timestamp> {
        let at = now.plus(self.pause(failures, random));
        match end {
            Some(end) if end <= at => {
                Some(last_try(end)).filter(|last| now.plus(LEAST_PAUSE) <= *last)
            }
            _ => Some(at),
        }
    }
}

/// When the last try of something is made that is of no use after `end`.
fn last_try(end: Timestamp) -> Timestamp {
    end.earlier(LAST_TRY)
}

/// `next`, or the last try of what ends first (at `end`) where that comes before it.
pub(super) fn no_later_than_last_try(
    next: Timestamp,
    end: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let last = end.map(last_try).filter(|last| now.plus(LEAST_PAUSE) <= *last);
    last.map_or(next, |last| next.min(last))
}

/// How long before the end of something the last try begins: a short message needs seconds, a
/// picture over GPRS a minute.
const LAST_TRY: Duration = Duration::from_secs(MINUTE);

/// The least time between a failure and the last try.
const LEAST_PAUSE: Duration = Duration::from_secs(15);

/// What ends after this, seen from `now`, has its last try still before it.
pub(super) fn has_last_try_after(now: Timestamp) -> Timestamp {
    now.plus(LAST_TRY).plus(LEAST_PAUSE)
}

/// Given to a notification that had expired before it was sent to us: the MMSC's clock is wrong.
const GRACE: Duration = Duration::from_secs(DAY);

/// What tells until when a notified message can be had, besides the notification.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The time stamp of the service centre, if it has a clock.
    pub(super) sent_at: Option<Timestamp>,
    /// It was on the SIM before the gateway first saw that SIM.
    pub(super) historic: bool,
    /// By our clock.
    pub(super) now: Timestamp,
    /// Whether something keeps our clock right.
    pub(super) known: bool,
}

impl Arrival {
    /// When the message that this announces expires.
    pub(super) fn life(&self, notification: &NotificationInd) -> Life {
        let relative = !matches!(notification.expiry, Some(Expiry::At(_)));
        if self.known {
            let until = expiry(notification, self.sent_at, self.historic, self.now);
            let stamped = self.sent_at.is_some_and(|at| at <= self.now);
            return Life { until, counted: relative && !stamped, over: until <= self.now };
        }
        // The network's clock is better than ours, and nothing is over that ours calls over.
        let base = self.sent_at.unwrap_or(self.now);
        let at = match (notification.expiry, self.sent_at) {
            // Whether it is plausible nobody can tell.
            (Some(Expiry::At(at)), None) => at,
            _ => notification.deadline(base),
        };
        let until = if at <= base { base.plus(GRACE) } else { at };
        Life { until, counted: relative && self.sent_at.is_none(), over: false }
    }
}

/// When a notified message expires. `sent_at` is the time stamp of the service centre, if it has a
/// clock: relative times count from there, since an SMS may have waited on the SIM for weeks.
/// `historic`: it was on the SIM before the gateway first saw that SIM.
fn expiry(
    notification: &NotificationInd,
    sent_at: Option<Timestamp>,
    historic: bool,
    now: Timestamp,
) -> Timestamp {
    // No network keeps a message for a year, so that what has just come and says so has a service
    // centre with an odd clock; a SIM may.
    let longest = if historic { Duration::MAX } else { Duration::from_secs(365 * DAY) };
    let plausible = |at: &Timestamp| *at <= now && now.since(*at) < longest;
    let base = match sent_at.filter(plausible) {
        Some(base) => base,
        // It may be years old: unless it says until when it can be had, a person has it asked for.
        None if historic => return historic_end(notification, now),
        None => now,
    };
    let at = notification.deadline(base);
    if at <= base { base.plus(GRACE) } else { at }
}

/// The same for one of unknown age.
fn historic_end(notification: &NotificationInd, now: Timestamp) -> Timestamp {
    match notification.expiry {
        Some(Expiry::At(at)) if now < at && at <= now.plus(MAX_VALIDITY) => at,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mms::Version;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * DAY)
    }

    #[test]
    fn pauses_grow_and_then_stay() {
        let random = Random::seeded(5);
        let seconds: Vec<u64> =
            (1..=9).map(|failures| Schedule::RETRIEVE.pause(failures, &random).as_secs()).collect();
        for (found, least) in seconds.iter().zip([5, 20, 45, 120, 300, 600, 1_800, 3_600, 3_600]) {
            assert!((least..=least + least / 10).contains(found), "{seconds:?}");
        }
    }

    #[test]
    fn who_does_not_answer_is_asked_three_times_within_the_first_minutes_and_seldom_later() {
        for schedule in [Schedule::SEND, Schedule::RETRIEVE, Schedule::ACK] {
            let random = Random::seeded(7);
            let pauses: Vec<Duration> = (1..=40).map(|it| schedule.pause(it, &random)).collect();
            let within = |time: Duration| {
                let mut sum = Duration::ZERO;
                pauses
                    .iter()
                    .take_while(|pause| {
                        sum += **pause;
                        sum <= time
                    })
                    .count()
            };
            assert!(pauses[..3].iter().all(|pause| *pause <= Duration::from_secs(60)));
            assert_eq!(within(Duration::from_secs(2 * MINUTE)), 3);
            assert!(within(Duration::from_secs(HOUR)) <= 7);
        }
    }

    #[test]
    fn calls_are_tried_every_minute_for_ten_minutes_and_seldom_after_that() {
        let random = Random::seeded(6);
        let mut passed = Duration::ZERO;
        let mut last = Duration::ZERO;
        for failures in 1..=40 {
            let pause = Schedule::LINE.pause(failures, &random);
            assert!(passed >= Duration::from_secs(9 * MINUTE) || pause.as_secs() <= 66);
            passed += pause;
            last = pause;
        }
        assert!(last >= Duration::from_secs(30 * MINUTE), "{last:?}");
    }

    #[test]
    fn last_try_is_made_once_shortly_before_the_end() {
        let random = Random::seeded(7);
        let end = NOW.plus(Duration::from_secs(20 * MINUTE));
        let late = Schedule::SEND.next(7, NOW, Some(end), &random);
        assert_eq!(late, Some(NOW.plus(Duration::from_secs(19 * MINUTE))));
        assert_eq!(Schedule::SEND.next(8, late.unwrap(), Some(end), &random), None);
        // What has time goes by its schedule.
        let early = Schedule::SEND.next(1, NOW, Some(end), &random).unwrap();
        assert!(early < NOW.plus(Duration::from_secs(MINUTE)));
        assert!(Schedule::SEND.next(9, NOW, None, &random).is_some());
    }

    #[test]
    fn pause_of_a_line_ends_for_what_would_be_too_late() {
        let next = NOW.plus(Duration::from_secs(30 * MINUTE));
        let at = |minutes| Some(NOW.plus(Duration::from_secs(minutes * MINUTE)));
        assert_eq!(no_later_than_last_try(next, at(10), NOW), at(9).unwrap());
        for end in [None, at(1), at(60)] {
            assert_eq!(no_later_than_last_try(next, end, NOW), next);
        }
    }

    fn notification(expiry: Expiry) -> NotificationInd {
        NotificationInd {
            transaction_id: "T".to_owned(),
            version: Version::V1_2,
            from: None,
            subject: None,
            delivery_report: None,
            message_class: None,
            priority: None,
            message_size: None,
            expiry: Some(expiry),
            content_location: "http://mmsc.example/1".to_owned(),
            extra: Vec::new(),
        }
    }

    #[test]
    fn relative_expiry_counts_from_the_service_centre() {
        let sent = Timestamp::from_secs(NOW.as_secs() - 10 * 86_400);
        let life = notification(Expiry::After(days(3)));
        assert!(expiry(&life, Some(sent), false, NOW) < NOW, "weeks old on the SIM");
        assert_eq!(expiry(&life, None, false, NOW), NOW.plus(days(3)));
        // Nor does one that lives in the distant past end what has just come.
        let odd = Timestamp::from_secs(NOW.as_secs() - 3 * 365 * 86_400);
        assert_eq!(expiry(&life, Some(odd), false, NOW), NOW.plus(days(3)));
        // A service centre that lives in the future does not stretch anything.
        assert_eq!(expiry(&life, Some(NOW.plus(days(99))), false, NOW), NOW.plus(days(3)));
    }

    #[test]
    fn clock_that_nobody_keeps_right_ends_nothing_and_the_networks_counts() {
        let life = notification(Expiry::After(days(3)));
        let of =
            |sent_at, now, historic| Arrival { sent_at, historic, now, known: false }.life(&life);
        for historic in [false, true] {
            for now in [Timestamp::from_secs(60), NOW.plus(days(3_650))] {
                let stamped = of(Some(NOW), now, historic);
                assert_eq!(
                    (stamped.until, stamped.counted, stamped.over),
                    (NOW.plus(days(3)), false, false)
                );
                let without = of(None, now, historic);
                assert_eq!(
                    (without.until, without.counted, without.over),
                    (now.plus(days(3)), true, false)
                );
            }
        }
        // A date that the MMSC names is its own.
        let until = notification(Expiry::At(NOW));
        let arrival =
            Arrival { sent_at: None, historic: false, now: Timestamp::from_secs(0), known: false };
        assert_eq!((arrival.life(&until).until, arrival.life(&until).counted), (NOW, false));
    }

    #[test]
    fn message_that_expired_before_it_was_announced_gets_a_day() {
        let past = notification(Expiry::At(Timestamp::from_secs(NOW.as_secs() - 60)));
        assert_eq!(expiry(&past, Some(NOW), false, NOW), NOW.plus(GRACE));
    }

    #[test]
    fn what_a_sim_brought_along_is_as_old_as_its_stamp_says_and_without_one_too_old() {
        let life = notification(Expiry::After(days(3)));
        let sent = |age: u64| {
            Some(Timestamp::from_secs(NOW.as_secs() - i64::try_from(age * DAY).unwrap()))
        };
        assert_eq!(expiry(&life, sent(1), true, NOW), NOW.plus(days(2)));
        for age in [10, 364, 366, 3_000] {
            assert!(expiry(&life, sent(age), true, NOW) < NOW, "{age} days");
        }
        assert!(expiry(&life, None, true, NOW) <= NOW);
        assert!(expiry(&life, Some(NOW.plus(days(99))), true, NOW) <= NOW, "our clock is behind");
        let silent = NotificationInd { expiry: None, ..life };
        assert!(expiry(&silent, None, true, NOW) <= NOW);
        // Some say it themselves.
        let until = |at| notification(Expiry::At(at));
        assert_eq!(expiry(&until(NOW.plus(days(2))), None, true, NOW), NOW.plus(days(2)));
        for odd in [Timestamp::from_secs(0), NOW.plus(days(4_000))] {
            assert!(expiry(&until(odd), None, true, NOW) <= NOW);
        }
        // An MMSC whose clock is wrong gets its day of grace from then, not from now.
        let before = |age: u64| until(sent(age + 1).unwrap());
        assert!(expiry(&before(0), sent(0), true, NOW) > NOW);
        assert!(expiry(&before(9), sent(9), true, NOW) < NOW);
    }
}

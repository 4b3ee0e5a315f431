//! When a notified message is gone from the MMSC (OMA-TS-MMS_ENC-V1_3 clause 7.3, X-Mms-Expiry).

use std::time::Duration;

use super::{Expiry, NotificationInd};
use crate::model::Timestamp;

/// How long a message is kept by an MMSC that does not say, or says nonsense.
pub const DEFAULT_VALIDITY: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest validity believed: no MMSC keeps a message for more than a year.
pub const MAX_VALIDITY: Duration = Duration::from_secs(366 * 24 * 3600);

/// Before this (2000-01-01 UTC) there was no MMS: an absolute time in front of it means nothing.
pub(super) const EPOCH_OF_MMS: Timestamp = Timestamp::from_secs(946_684_800);

impl Expiry {
    /// The point in time meant by one that arrived at `received_at`.
    ///
    /// The value on the wire is kept as it is; this reads it with care for what MMSCs write:
    /// an absolute time before 2000 (zero occurs) gives [`DEFAULT_VALIDITY`]; a relative time
    /// above [`MAX_VALIDITY`] is taken as an absolute one if that makes sense; nothing lies
    /// further ahead than [`MAX_VALIDITY`]. An absolute time in the past stays there.
    #[must_use]
    pub fn deadline(self, received_at: Timestamp) -> Timestamp {
        let latest = received_at.plus(MAX_VALIDITY);
        match self {
            Self::At(time) if time < EPOCH_OF_MMS => received_at.plus(DEFAULT_VALIDITY),
            Self::At(time) => time.min(latest),
            Self::After(duration) if duration > MAX_VALIDITY => {
                let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
                let absolute = Timestamp::from_secs(seconds);
                if received_at < absolute { absolute.min(latest) } else { latest }
            }
            Self::After(duration) => received_at.plus(duration),
        }
    }
}

impl NotificationInd {
    /// Until when the message can be had: [`Expiry::deadline`], or [`DEFAULT_VALIDITY`] after
    /// `received_at` (the time of the first push) when the notification does not say.
    #[must_use]
    pub fn deadline(&self, received_at: Timestamp) -> Timestamp {
        self.expiry.map_or_else(
            || received_at.plus(DEFAULT_VALIDITY),
            |expiry| expiry.deadline(received_at),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    #[test]
    fn plain_values_are_taken_as_they_are() {
        let day = Duration::from_secs(86_400);
        assert_eq!(Expiry::After(day).deadline(NOW), NOW.plus(day));
        assert_eq!(Expiry::At(NOW.plus(day)).deadline(NOW), NOW.plus(day));
        let past = Timestamp::from_secs(1_789_999_000);
        assert_eq!(Expiry::At(past).deadline(NOW), past);
    }

    #[test]
    fn absolute_zero_means_nothing() {
        let zero = Timestamp::from_secs(0);
        assert_eq!(Expiry::At(zero).deadline(NOW), NOW.plus(DEFAULT_VALIDITY));
    }

    #[test]
    fn relative_epoch_is_an_absolute_time_if_that_makes_sense() {
        let seconds = 0x3E4D_0869;
        let received = Timestamp::from_secs(seconds - 3600);
        let expiry = Expiry::After(Duration::from_secs(0x3E4D_0869));
        assert_eq!(expiry.deadline(received), Timestamp::from_secs(seconds));
        assert_eq!(expiry.deadline(NOW), NOW.plus(MAX_VALIDITY));
    }

    #[test]
    fn nothing_lies_more_than_a_year_ahead() {
        let far = Timestamp::from_secs(i64::MAX / 2000);
        assert_eq!(Expiry::At(far).deadline(NOW), NOW.plus(MAX_VALIDITY));
        assert_eq!(Expiry::After(Duration::MAX).deadline(NOW), NOW.plus(MAX_VALIDITY));
    }
}

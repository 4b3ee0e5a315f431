//! Why a session with a modem is over, told by whoever saw it first.

use super::upkeep::Failure;

/// Why a session is over, and which preparation of the modem it had come from; without that it is the
/// one under way.
#[derive(Default)]
pub(super) struct Loss(pub(super) Option<(Option<u64>, Failure)>);

impl Loss {
    /// Why this session is over, if it is. A loss of an earlier one, which is told late when the
    /// reader has much to do, is no news for it.
    pub(super) fn of(&mut self, session: u64) -> Option<Failure> {
        let (lost, failure) = self.0.take()?;
        lost.is_none_or(|lost| lost == session).then_some(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modem::ModemError;

    #[test]
    fn loss_that_is_told_late_does_not_end_the_session_after_it() {
        let failure = || Failure::from(&ModemError::Restarted);
        let mut loss = Loss::default();
        assert!(loss.of(1).is_none());
        loss.0 = Some((Some(1), failure()));
        assert!(loss.of(2).is_none());
        assert!(loss.of(1).is_none(), "it is over and done with");
        loss.0 = Some((None, failure()));
        assert!(loss.of(2).is_some(), "what fails beside the modem is of now");
        loss.0 = Some((Some(2), failure()));
        assert_eq!(loss.of(2).map(|failure| failure.fault.code), Some(failure().fault.code));
    }
}

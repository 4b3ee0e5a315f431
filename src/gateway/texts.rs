//! Plain short messages out of one modem, beside its data calls: on two ports and over a multiplexer
//! they leave during a call, on one port they take turns with the calls (3GPP TS 27.005 clause
//! 3.5.1). Each TPDU is on record as it leaves before its first octet does.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::breaker::{self, Word};
use super::line::{Line, quiet};
use super::schedule::Schedule;
use crate::codec::sms::{Tpdu, ValidityPeriod, join_smsc};
use crate::model::{Explain, Fault, Kind, Retry, Timestamp};
use crate::modem::{Modem, ModemError};
use crate::store::{SegmentOutcome, Settlement, StoreError, TextSegment, TextSubmission};

/// How long an answer is waited for when the gateway stops; what is cut off is `unknown` at the next
/// start.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// How long to wait when the store failed.
const STORE_PAUSE: Duration = Duration::from_secs(15);

/// What sends texts.
pub(super) struct Texts {
    pub(super) line: Line,
    pub(super) modem: Modem,
    /// IMSI of the SIM in the modem; none while the modem is not ready.
    pub(super) sim: watch::Receiver<Option<String>>,
    pub(super) stop: CancellationToken,
}

/// How a run through what is due ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Nothing is due any more.
    Idle,
    /// A data call has the only port.
    InCall,
    /// The modem cannot be used now; the session with it ends or begins.
    NotReady,
    /// The gateway stops.
    Stopped,
}

/// How one submission ended.
enum Sent {
    /// Recorded.
    Settled,
    /// It was put back, as if it had not been claimed.
    PutBack(Round),
}

/// What follows from an error of the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Not sent, nor worth showing: the port or the modem is not ours now.
    PutBack(Round),
    /// Not sent; later it may be.
    Again(Fault),
    /// Not sent, and it will not be.
    Failed(Fault),
    /// It may have been sent.
    Unknown(Fault),
}

fn verdict(error: &ModemError) -> Verdict {
    let fault = error.to_fault();
    match error {
        ModemError::InCall => Verdict::PutBack(Round::InCall),
        ModemError::NotReady | ModemError::Stopped => Verdict::PutBack(Round::NotReady),
        ModemError::SmsUnknown { .. } => Verdict::Unknown(fault),
        _ if error.retry() == Retry::Never => Verdict::Failed(fault),
        _ => Verdict::Again(fault),
    }
}

impl Texts {
    /// Works until `stop`.
    pub(super) async fn run(mut self) {
        loop {
            let sim = self.sim.borrow_and_update().clone();
            let due = match sim {
                Some(sim) => match self.work(&sim).await {
                    Ok(Round::Stopped) => return,
                    Ok(Round::NotReady) => None,
                    Ok(Round::Idle | Round::InCall) => self.next_due(&sim).await,
                    Err(error) => {
                        self.line.store_failed(&error);
                        None
                    }
                },
                None => None,
            };
            let until = due.map(|due| self.line.core().clock.instant_of(due));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                changed = self.sim.changed() => if changed.is_err() {
                    return;
                },
                () = self.line.text_woken() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    async fn next_due(&self, sim: &str) -> Option<Timestamp> {
        match self.line.core().store.next_text_due(self.name(), sim).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(modem = %self.name(), "{error}");
                Some(self.now().plus(STORE_PAUSE))
            }
        }
    }

    /// Sends what is due; waits for its turn where the port is in a call. That ends after as long
    /// as texts wait for calls themselves, so that however many there are, MMS get their calls.
    async fn work(&self, sim: &str) -> Result<Round, StoreError> {
        let round = self.send_due(sim, None).await?;
        if round != Round::InCall {
            return Ok(round);
        }
        let _turn = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(Round::Stopped),
            turn = self.line.turn() => turn,
        };
        if self.sim.has_changed().unwrap_or(true) {
            return Ok(Round::Idle);
        }
        let end = Instant::now() + self.line.core().timing.longest_call;
        self.send_due(sim, Some(end)).await
    }

    /// Sends what is due, begins nothing more after `end`.
    async fn send_due(&self, sim: &str, end: Option<Instant>) -> Result<Round, StoreError> {
        let core = self.line.core();
        loop {
            if self.stop.is_cancelled() {
                return Ok(Round::Stopped);
            }
            if end.is_some_and(|end| end <= Instant::now()) {
                return Ok(Round::Idle);
            }
            core.events.changes(&core.store.expire_submissions(self.now()).await?);
            let gate = self.line.inner.gate.lock().await;
            if !self.line.may_send(Kind::Sms, sim).await? {
                return Ok(Round::Idle);
            }
            let claimed = core.store.claim_text(self.name(), sim, self.now()).await?;
            drop(gate);
            let Some((submission, change)) = claimed else { return Ok(Round::Idle) };
            core.events.change(&change);
            if let Sent::PutBack(round) = self.send(sim, &submission).await? {
                let change = core.store.unclaim(submission.key, self.now()).await?;
                core.events.changes(change.as_slice());
                return Ok(round);
            }
        }
    }

    /// Sends what is left of a submission and records how it went.
    async fn send(&self, sim: &str, submission: &TextSubmission) -> Result<Sent, StoreError> {
        let core = self.line.core();
        for segment in &submission.segments {
            let tpdu = with_validity(&segment.tpdu, submission.expires_at, self.now());
            match core.store.release_segment(segment.key, tpdu.clone(), self.now()).await {
                Ok(()) => {}
                // A person withdrew it.
                Err(StoreError::NotFound { .. }) => return Ok(Sent::Settled),
                Err(error) => return Err(error),
            }
            // The SIM's own service centre.
            let octets = join_smsc(None, &tpdu).map_or_else(|_| tpdu, Bytes::from);
            let answer = tokio::select! {
                biased;
                answer = self.modem.send_sms(octets) => answer,
                () = async {
                    self.stop.cancelled().await;
                    tokio::time::sleep(STOP_GRACE).await;
                } => return Ok(Sent::Settled),
            };
            let error = match answer {
                Ok(reference) => {
                    core.store.settle_segment(segment.key, SegmentOutcome::Sent(reference)).await?;
                    continue;
                }
                Err(error) => error,
            };
            tracing::warn!(modem = %self.name(), "SMS not sent: {}", quiet(&error));
            let word = breaker::word_of_text(&error);
            let paused = self.line.heed(Kind::Sms, sim, submission.key, &word).await?;
            let verdict = match (verdict(&error), paused) {
                // It is not this message that was refused.
                (Verdict::Failed(fault), Some(_)) => Verdict::Again(fault),
                (verdict, _) => verdict,
            };
            return self.failed(submission, segment, verdict).await;
        }
        self.line.heed(Kind::Sms, sim, submission.key, &Word::Served).await?;
        let text = match submission.total {
            1 => "taken by the short message centre".to_owned(),
            total => format!("all {total} parts taken by the short message centre"),
        };
        self.settle(submission, Settlement::Sent { mmsc_message_id: None, text }).await
    }

    async fn failed(
        &self,
        submission: &TextSubmission,
        segment: &TextSegment,
        verdict: Verdict,
    ) -> Result<Sent, StoreError> {
        let core = self.line.core();
        let outcome = match verdict {
            Verdict::Unknown(_) => SegmentOutcome::Unknown,
            _ => SegmentOutcome::NotTaken,
        };
        core.store.settle_segment(segment.key, outcome).await?;
        let now = self.now();
        // There is no MMSC to be spared: what fails is the air or the modem.
        let next =
            Schedule::LINE.next(submission.attempt, now, submission.expires_at, &core.random);
        let which = |mut fault: Fault| {
            if submission.total > 1 {
                fault.summary =
                    format!("part {} of {}: {}", segment.number, submission.total, fault.summary);
            }
            fault
        };
        let settlement = match (verdict, next) {
            (Verdict::PutBack(round), _) => return Ok(Sent::PutBack(round)),
            // Somebody who would rather have it twice than not at all has said so beforehand.
            (Verdict::Unknown(fault), Some(at)) if core.resend_unknown && segment.releases == 0 => {
                Settlement::Again { at, fault: which(fault), in_doubt: true }
            }
            (Verdict::Unknown(fault), _) => {
                Settlement::Unknown { mmsc_message_id: None, fault: which(fault) }
            }
            (Verdict::Failed(fault), _) => Settlement::Failed { fault: which(fault) },
            (Verdict::Again(fault), None) => Settlement::Expired { fault: which(fault) },
            (Verdict::Again(fault), Some(at)) => {
                Settlement::Again { at, fault: which(fault), in_doubt: false }
            }
        };
        self.settle(submission, settlement).await
    }

    async fn settle(
        &self,
        submission: &TextSubmission,
        settlement: Settlement,
    ) -> Result<Sent, StoreError> {
        let core = self.line.core();
        let changes = core.store.settle(submission.key, settlement, self.now()).await?;
        core.events.changes(&changes);
        Ok(Sent::Settled)
    }

    fn now(&self) -> Timestamp {
        self.line.core().now()
    }

    fn name(&self) -> &str {
        &self.line.config().name
    }
}

/// The SMS-SUBMIT with what is left of its time as validity period, so that the service centre does
/// not deliver it later than the sender wanted. One without a validity period stays without.
fn with_validity(tpdu: &Bytes, expires_at: Option<Timestamp>, now: Timestamp) -> Bytes {
    let Some(expires_at) = expires_at else { return tpdu.clone() };
    let Ok(Tpdu::Submit(mut submit)) = Tpdu::from_mobile(tpdu).map(|decoded| decoded.value) else {
        return tpdu.clone();
    };
    if submit.validity == ValidityPeriod::None {
        return tpdu.clone();
    }
    submit.validity = ValidityPeriod::relative(expires_at.since(now));
    submit.encode().map_or_else(|_| tpdu.clone(), Bytes::from)
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::sms::{SmsAddress, SmsSubmit};

    #[test]
    fn validity_period_is_what_is_left_of_the_time() {
        let now = Timestamp::from_secs(1_790_000_000);
        let submit = |validity| {
            let text = SmsSubmit::text(SmsAddress::from_text("+447700900123"), "Hi");
            Bytes::from(text.validity(validity).parts().unwrap()[0].encode().unwrap())
        };
        let validity = |tpdu: &Bytes| match Tpdu::from_mobile(tpdu).unwrap().value {
            Tpdu::Submit(submit) => submit.validity,
            other => panic!("{other:?}"),
        };
        let day = Duration::from_secs(86_400);
        let wanted = submit(ValidityPeriod::relative(day));
        let hour = Some(now.plus(Duration::from_secs(3600)));
        // Twelve steps of five minutes.
        assert_eq!(validity(&with_validity(&wanted, hour, now)), ValidityPeriod::Relative(11));
        assert_eq!(
            with_validity(&submit(ValidityPeriod::None), hour, now),
            submit(ValidityPeriod::None)
        );
    }

    #[test]
    fn only_what_the_network_cannot_have_is_tried_again() {
        let unknown = ModemError::SmsUnknown { reason: "no answer".to_owned() };
        assert!(matches!(verdict(&unknown), Verdict::Unknown(_)));
        assert!(matches!(verdict(&ModemError::NoPrompt { seconds: 5 }), Verdict::Again(_)));
        assert!(matches!(verdict(&ModemError::Restarted), Verdict::Again(_)));
        assert!(matches!(verdict(&ModemError::SmsMalformed { reason: "x" }), Verdict::Failed(_)));
        assert_eq!(verdict(&ModemError::InCall), Verdict::PutBack(Round::InCall));
        assert_eq!(verdict(&ModemError::NotReady), Verdict::PutBack(Round::NotReady));
    }
}

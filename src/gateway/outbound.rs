//! One submission over a network that is up: the release is on record before the final block
//! leaves, the outcome before anything follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::policy::{self, SendVerdict};
use super::schedule::Schedule;
use super::shift::Shift;
use super::{breaker, forward};
use crate::mm1::Client;
use crate::model::Kind;
use crate::store::{Settlement, StoreError, Submission};

/// Submits what was claimed and records how it ended.
pub(super) async fn submit(
    shift: &Shift,
    client: &Client,
    submission: Submission,
) -> Result<(), StoreError> {
    let core = &shift.core;
    let stages = shift.stages(Some(&submission.message));
    let released = Arc::new(AtomicBool::new(false));
    let hook = {
        let (store, clock, released) = (core.store.clone(), core.clock, Arc::clone(&released));
        move || async move {
            store.release(submission.key, clock.now()).await?;
            released.store(true, Ordering::Relaxed);
            Ok::<_, StoreError>(())
        }
    };
    let (began, octets) = (core.now(), submission.pdu.len());
    let (pdu, transaction_id) = (submission.pdu, submission.transaction_id.as_str());
    let outcome = if submission.forwards {
        client.forward(pdu, transaction_id, hook, &stages).await
    } else {
        client.submit(pdu, transaction_id, hook, &stages).await
    };
    let now = core.now();
    let next = Schedule::SEND.next(submission.attempt, now, submission.expires_at, &core.random);
    if released.load(Ordering::Relaxed) {
        core.figures.octets("out", octets);
    }
    let released = released.load(Ordering::Relaxed);
    let (word, verdict) = if submission.forwards {
        (forward::word(&outcome), forward::verdict(outcome, released))
    } else {
        (breaker::word_of_mms(&outcome), policy::after_submit(outcome, released))
    };
    let paused = shift.line.heed(Kind::Mms, &shift.sim, submission.key, &word).await?;
    let end = submission.expires_at;
    let works = matches!(verdict, SendVerdict::Sent { .. });
    let settlement = match (verdict, next) {
        (SendVerdict::Sent { message_id, text }, _) => {
            core.figures.sent_after(now.since(began));
            Settlement::Sent { mmsc_message_id: message_id, text }
        }
        // It is the SIM that was refused, and nothing has this message.
        (SendVerdict::Failed { fault }, _)
            if let Some(at) = paused.filter(|at| end.is_none_or(|end| *at < end)) =>
        {
            Settlement::Again { at, fault, in_doubt: false }
        }
        (SendVerdict::Failed { fault }, _) => Settlement::Failed { fault },
        // Somebody who would rather have it twice than not at all has said so beforehand.
        (SendVerdict::Unknown { fault, partial: false, .. }, Some(at))
            if core.resend_unknown && submission.releases == 0 =>
        {
            Settlement::Again { at, fault, in_doubt: true }
        }
        (SendVerdict::Unknown { message_id, fault, .. }, _) => {
            Settlement::Unknown { mmsc_message_id: message_id, fault }
        }
        (SendVerdict::Again { fault }, None) => Settlement::Expired { fault },
        (SendVerdict::Again { fault }, Some(at)) => {
            shift.line.try_next_set_up(&fault);
            Settlement::Again { at, fault, in_doubt: false }
        }
    };
    let changes = core.store.settle(submission.key, settlement, now).await?;
    core.events.changes(&changes);
    if works {
        shift.line.set_up_works().await?;
    }
    Ok(())
}

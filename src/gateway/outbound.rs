//! One submission over a network that is up: the release is on record before the final block
//! leaves, the outcome before anything follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::policy::{self, SendVerdict};
use super::schedule::Schedule;
use super::shift::Shift;
use crate::mm1::Client;
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
    let outcome =
        client.submit(submission.pdu, submission.transaction_id.as_str(), hook, &stages).await;
    let now = core.now();
    let at = now.plus(Schedule::SEND.pause(submission.attempt, &core.random));
    let too_late = submission.expires_at.is_some_and(|end| end <= at);
    let settlement = match policy::after_submit(outcome, released.load(Ordering::Relaxed)) {
        SendVerdict::Sent { message_id, text } => {
            Settlement::Sent { mmsc_message_id: message_id, text }
        }
        SendVerdict::Failed { fault } => Settlement::Failed { fault },
        // Somebody who would rather have it twice than not at all has said so beforehand.
        SendVerdict::Unknown { fault, partial: false, .. }
            if core.resend_unknown && submission.releases == 0 && !too_late =>
        {
            Settlement::Again { at, fault, in_doubt: true }
        }
        SendVerdict::Unknown { message_id, fault, .. } => {
            Settlement::Unknown { mmsc_message_id: message_id, fault }
        }
        SendVerdict::Again { fault } if too_late => Settlement::Expired { fault },
        SendVerdict::Again { fault } => Settlement::Again { at, fault, in_doubt: false },
    };
    let changes = core.store.settle(submission.key, settlement, now).await?;
    core.events.changes(&changes);
    Ok(())
}

//! What a person may do with a message that we send: withdraw it, send it once more, send it by
//! another modem.

use bytes::Bytes;
use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::outbound::{end, set_recipients, submissions, tell};
use super::{Change, Store, StoreError, failover, recovery, rows};
use crate::model::{MessageId, OutboundState, Timestamp};

impl Store {
    /// Withdraws what was not released yet: true when there was anything.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn cancel(
        &self,
        id: &MessageId,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| cancel(db, &id, at)).await
    }

    /// Queues the `unknown`, `failed` and `expired` submissions of a message once more, with the
    /// same PDU and Transaction-Id, until `expires_at`. Those of a modem that is not among `modems`
    /// any more go to the first of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_again(
        &self,
        id: &MessageId,
        modems: Vec<String>,
        expires_at: Timestamp,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| {
            let change = send_again(db, &id, expires_at, at)?;
            recovery::reroute(db, &modems, at)?;
            Ok(change)
        })
        .await
    }

    /// Gives what waits or has ended without success to another modem, which holds the SIM `sim`
    /// where that is known, with PDUs for its operator: the recipients see another number. What has ended is queued once more,
    /// as [`Self::send_again`] does. None where there is nothing of the kind, or where parts of a
    /// text have left with the other SIM already: phones do not join parts from two senders.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_by(
        &self,
        id: &MessageId,
        modem: &str,
        sim: Option<String>,
        pdus: Vec<(i64, Bytes)>,
        expires_at: Timestamp,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let (id, modem) = (id.as_str().to_owned(), modem.to_owned());
        self.write(move |db| send_by(db, &id, &modem, sim.as_deref(), &pdus, expires_at, at)).await
    }
}

fn cancel(db: &Connection, id: &str, at: Timestamp) -> Result<Option<Change>, Failure> {
    let open = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE message_id = ?1
           AND (state IN ('queued', 'scheduled') OR (state = 'sending' AND released_at IS NULL))
           -- Of a text in parts nothing comes back when one has left.
           AND NOT EXISTS (SELECT 1 FROM segment
                           WHERE submission_id = submission.id AND segment.state <> 'queued')",
        params![id],
    )?;
    if open.is_empty() {
        return Ok(None);
    }
    for (key, message) in open {
        let (state, text) = end(db, key, OutboundState::Canceled, "withdrawn before its release")?;
        set_recipients(db, key, state, None)?;
        tell(db, key, &message, at, state, text, None)?;
    }
    rows::refresh_outbound(db, id, at).map(Some)
}

fn send_again(
    db: &Connection,
    id: &str,
    expires_at: Timestamp,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let ended = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE message_id = ?1 AND state IN ('unknown', 'failed', 'expired')
           AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND parts_removed_at IS NOT NULL)",
        params![id],
    )?;
    if ended.is_empty() {
        return Ok(None);
    }
    for (key, message) in ended {
        requeue(db, key, &message, at, "queued once more on request, the same message")?;
    }
    allow_until(db, id, expires_at)?;
    rows::refresh_outbound(db, id, at).map(Some)
}

fn send_by(
    db: &Connection,
    id: &str,
    modem: &str,
    sim: Option<&str>,
    pdus: &[(i64, Bytes)],
    expires_at: Timestamp,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let open = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE message_id = ?1 AND state IN ('queued', 'scheduled', 'unknown', 'failed', 'expired')
           AND NOT EXISTS (SELECT 1 FROM segment
                           WHERE submission_id = submission.id AND segment.state = 'sent')
           AND NOT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND parts_removed_at IS NOT NULL)",
        params![id],
    )?;
    if open.is_empty() {
        return Ok(None);
    }
    let text = format!("to be sent by modem {modem}, on request");
    for (key, message) in open {
        db.execute(
            "UPDATE submission SET modem = ?2, bound_to = ?3, send_route = NULL WHERE id = ?1",
            params![key, modem, sim],
        )?;
        if let Some((_, pdu)) = pdus.iter().find(|(of, _)| *of == key) {
            failover::replace_pdu(db, key, &message, pdu)?;
        }
        let scheduled: bool = db.query_row(
            "SELECT state = 'scheduled' FROM submission WHERE id = ?1",
            [key],
            |row| row.get(0),
        )?;
        if scheduled {
            tell(db, key, &message, at, OutboundState::Scheduled, &text, None)?;
        } else {
            requeue(db, key, &message, at, &text)?;
        }
    }
    db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![id, modem])?;
    allow_until(db, id, expires_at)?;
    rows::refresh_outbound(db, id, at).map(Some)
}

/// Has a submission begin anew, at once.
fn requeue(
    db: &Connection,
    key: i64,
    message: &str,
    at: Timestamp,
    why: &str,
) -> Result<(), Failure> {
    db.execute(
        "UPDATE submission
         SET state = 'queued', attempts = 0, next_attempt_at = ?2, released_at = NULL,
             held_since = NULL
         WHERE id = ?1",
        params![key, at.as_millis()],
    )?;
    set_recipients(db, key, OutboundState::Queued, None)?;
    tell(db, key, message, at, OutboundState::Queued, why, None)
}

/// Gives a message at least until then.
fn allow_until(db: &Connection, id: &str, expires_at: Timestamp) -> Result<(), Failure> {
    db.execute(
        "UPDATE message SET expires_at = max(coalesce(expires_at, 0), ?2) WHERE id = ?1",
        params![id, expires_at.as_millis()],
    )?;
    Ok(())
}

//! What waits for its modem rather than for a time: it is due again as soon as the modem is back.

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError};
use crate::model::Timestamp;

/// What can wait.
#[derive(Debug, Clone, Copy)]
pub(super) enum Held {
    Submission,
    Retrieval,
    Ack,
}

impl Held {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Retrieval => "retrieval",
            Self::Ack => "ack",
        }
    }
}

/// Notes that this waits for its modem.
pub(super) fn hold(db: &Connection, what: Held, key: &str) -> Result<(), Failure> {
    db.prepare_cached("INSERT OR IGNORE INTO held (what, key) VALUES (?1, ?2)")?
        .execute(params![what.as_str(), key])?;
    Ok(())
}

/// Notes the same of the submissions whose keys stand in this JSON array.
pub(super) fn hold_submissions(db: &Connection, keys: &str) -> Result<(), Failure> {
    db.execute(
        "INSERT OR IGNORE INTO held (what, key)
         SELECT ?2, CAST(value AS TEXT) FROM json_each(?1)",
        params![keys, Held::Submission.as_str()],
    )?;
    Ok(())
}

/// It is under way: what its next attempt waits for is no longer the modem.
pub(super) fn let_go(db: &Connection, what: Held, key: &str) -> Result<(), Failure> {
    db.prepare_cached("DELETE FROM held WHERE what = ?1 AND key = ?2")?
        .execute(params![what.as_str(), key])?;
    Ok(())
}

impl Store {
    /// The modem with this SIM serves again: what was put off because it did not is due now.
    /// Answers how much that is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self, modem: &str, sim: &str, at: Timestamp) -> Result<usize, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.write(move |db| resume(db, &modem, &sim, at)).await
    }
}

fn resume(db: &Connection, modem: &str, sim: &str, at: Timestamp) -> Result<usize, Failure> {
    let at = at.as_millis();
    let mut resumed = db.execute(
        "UPDATE submission SET next_attempt_at = ?2
         WHERE state = 'queued' AND modem = ?1 AND next_attempt_at > ?2
               AND CAST(id AS TEXT) IN (SELECT key FROM held WHERE what = 'submission')",
        params![modem, at],
    )?;
    db.execute(
        "DELETE FROM held WHERE what = 'submission'
         AND key IN (SELECT CAST(id AS TEXT) FROM submission WHERE modem = ?1)",
        [modem],
    )?;
    resumed += db.execute(
        "UPDATE inbound SET next_attempt_at = ?2
         WHERE sim = ?1 AND next_attempt_at > ?2
               AND message_id IN (SELECT key FROM held WHERE what = 'retrieval')",
        params![sim, at],
    )?;
    db.execute(
        "DELETE FROM held WHERE what = 'retrieval'
         AND key IN (SELECT message_id FROM inbound WHERE sim = ?1)",
        [sim],
    )?;
    resumed += db.execute(
        "UPDATE ack SET next_attempt_at = ?2
         WHERE state = 'pending' AND sim = ?1 AND next_attempt_at > ?2
               AND CAST(id AS TEXT) IN (SELECT key FROM held WHERE what = 'ack')",
        params![sim, at],
    )?;
    db.execute(
        "DELETE FROM held WHERE what = 'ack'
         AND key IN (SELECT CAST(id AS TEXT) FROM ack WHERE sim = ?1)",
        [sim],
    )?;
    Ok(resumed)
}

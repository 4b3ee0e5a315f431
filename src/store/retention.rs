//! Removing what is over: one message on request, many by their age, and the room back to the disk.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::{MessageId, Timestamp};

/// Messages or events removed by one commit at most: others wait no longer than for one such batch.
pub const PRUNE_BATCH: usize = 100;

/// Pages given back to the disk by one commit.
const GIVE_BACK: usize = 4_096;

/// Nothing more happens to such a message by itself: its end is reached, and nothing of it is still to
/// be told to the MMSC.
pub(super) const SETTLED: &str = "
    state IN ('sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled', 'unknown',
              'received', 'acknowledged', 'rejected')
    AND NOT EXISTS (SELECT 1 FROM ack WHERE ack.message_id = message.id AND ack.state = 'pending')";

/// What became of the wish to remove a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone with all that belonged to it.
    Removed,
    /// There is none.
    NotFound,
    /// Something is still to happen to it.
    UnderWay,
}

impl Store {
    /// Removes a message that is settled, with its parts, its timeline and the pushes it came by;
    /// with `account` only one that this account has handed in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_message(
        &self,
        id: &MessageId,
        account: Option<&str>,
    ) -> Result<Removal, StoreError> {
        let (id, account) = (id.as_str().to_owned(), account.map(str::to_owned));
        self.write(move |db| {
            let sql = format!(
                "SELECT {SETTLED} FROM message WHERE id = ?1 AND (?2 IS NULL OR account = ?2)"
            );
            let settled: Option<bool> = db
                .prepare_cached(&sql)?
                .query_row(params![id, account], |row| row.get(0))
                .optional()?;
            Ok(match settled {
                None => Removal::NotFound,
                Some(false) => Removal::UnderWay,
                Some(true) => {
                    remove(db, &id)?;
                    Removal::Removed
                }
            })
        })
        .await
    }

    /// Removes settled messages that have not changed since `before`, the oldest first, at most
    /// [`PRUNE_BATCH`]; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_messages(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(move |db| {
            let sql = format!(
                "SELECT id FROM message WHERE updated_at < ?1 AND {SETTLED}
                 ORDER BY updated_at LIMIT ?2"
            );
            let ids = db
                .prepare_cached(&sql)?
                .query_map(params![before.as_millis(), rows::column(PRUNE_BATCH)], |row| {
                    row.get::<_, String>(0)
                })?
                .collect::<Result<Vec<_>, _>>()?;
            for id in &ids {
                remove(db, id)?;
            }
            Ok(ids.len())
        })
        .await
    }

    /// Removes events that everybody has taken or that were given up before `before`, at most
    /// [`PRUNE_BATCH`]; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_events(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.write(move |db| {
            let removed = db
                .prepare_cached(
                    "DELETE FROM event WHERE seq IN (
                         SELECT seq FROM event
                         WHERE id IS NOT NULL AND at < ?1 AND NOT EXISTS (
                             SELECT 1 FROM event_delivery
                             WHERE event = event.seq
                               AND (state = 'pending' OR settled_at >= ?1))
                         ORDER BY seq LIMIT ?2)",
                )?
                .execute(params![before.as_millis(), rows::column(PRUNE_BATCH)])?;
            Ok(removed)
        })
        .await
    }

    /// Gives room that nothing uses any more back to the disk, some of it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_back(&self) -> Result<(), StoreError> {
        self.write(|db| {
            // Each page is a row of its own: who stops after the first gives back one page.
            let mut pages = db.prepare(&format!("PRAGMA incremental_vacuum({GIVE_BACK})"))?;
            let mut pages = pages.query([])?;
            while pages.next()?.is_some() {}
            Ok(())
        })
        .await
    }
}

/// Removes a message and whatever points to it: foreign keys forbid the one without the other.
fn remove(db: &Connection, id: &str) -> Result<(), Failure> {
    for statement in [
        // TPDUs stay for as long as their identity is needed, whatever they were part of.
        "UPDATE tpdu SET sms_id = NULL WHERE sms_id IN (SELECT id FROM sms WHERE message_id = ?1)",
        "UPDATE tpdu SET push_id = NULL
         WHERE push_id IN (SELECT id FROM push WHERE message_id = ?1)",
        // A report that lost its recipient would look for another one.
        "DELETE FROM report WHERE recipient_id IN (SELECT id FROM recipient WHERE message_id = ?1)",
        "UPDATE report SET push_id = NULL
         WHERE push_id IN (SELECT id FROM push WHERE message_id = ?1)",
        "DELETE FROM sms_report WHERE segment_id IN (
             SELECT segment.id FROM segment JOIN submission ON submission.id = submission_id
             WHERE submission.message_id = ?1)",
        "DELETE FROM push WHERE message_id = ?1",
        "DELETE FROM message WHERE id = ?1",
    ] {
        db.prepare_cached(statement)?.execute([id])?;
    }
    Ok(())
}

//! What lay in a folder that is watched: written in the commit that takes it as a message, so that it
//! is taken once whenever this process ends, and read to tell its fate there.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Acceptance, Store, StoreError, rows};
use crate::model::{Dropped, MessageId};

/// What was taken from a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedMessage {
    /// The name that it has there.
    pub claim: String,
    /// The message that it became.
    pub message: MessageId,
    /// Nothing more happens to that by itself but a report.
    pub settled: bool,
}

impl Store {
    /// What was taken from this folder and whose fate has not been told there, at most `limit`, what
    /// is settled first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dropped_untold(
        &self,
        folder: &str,
        limit: usize,
    ) -> Result<Vec<DroppedMessage>, StoreError> {
        let folder = folder.to_owned();
        self.read(move |db| untold(db, &folder, limit)).await
    }

    /// What became a message of this name, if it did, told or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dropped(&self, dropped: Dropped) -> Result<Option<MessageId>, StoreError> {
        self.read(move |db| Ok(earlier(db, &dropped)?.map(|taken| taken.id))).await
    }

    /// Its fate is told: it does not come up any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn dropped_told(&self, dropped: Dropped) -> Result<(), StoreError> {
        self.write(move |db| {
            db.prepare_cached("UPDATE dropped SET told = 1 WHERE folder = ?1 AND claim = ?2")?
                .execute(params![dropped.folder, dropped.claim])?;
            Ok(())
        })
        .await
    }
}

fn untold(db: &Connection, folder: &str, limit: usize) -> Result<Vec<DroppedMessage>, Failure> {
    let found = db
        .prepare_cached(
            "SELECT claim, message_id,
                    message.state IN ('sent', 'delivered', 'undelivered', 'failed', 'expired',
                                      'canceled', 'unknown') AS settled
             FROM dropped JOIN message ON message.id = message_id
             WHERE folder = ?1 AND NOT told ORDER BY settled DESC, claim LIMIT ?2",
        )?
        .query_map(params![folder, rows::column(limit)], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(String, String, bool)>, _>>()?;
    found
        .into_iter()
        .map(|(claim, id, settled)| {
            Ok(DroppedMessage { claim, message: rows::message_id(&id)?, settled })
        })
        .collect()
}

/// The message that it became before.
pub(super) fn earlier(db: &Connection, dropped: &Dropped) -> Result<Option<Acceptance>, Failure> {
    let found: Option<(String, String)> = db
        .prepare_cached(
            "SELECT message_id, message.state FROM dropped JOIN message ON message.id = message_id
             WHERE folder = ?1 AND claim = ?2",
        )?
        .query_row(params![dropped.folder, dropped.claim], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, state)) = found else { return Ok(None) };
    let (id, state) = (rows::message_id(&id)?, rows::out_state(&state)?);
    Ok(Some(Acceptance { id, state, change: None, refused: Vec::new() }))
}

/// Notes what it became, in the commit that takes it.
pub(super) fn note(db: &Connection, dropped: &Dropped, id: &MessageId) -> Result<(), Failure> {
    db.prepare_cached("INSERT INTO dropped (folder, claim, message_id) VALUES (?1, ?2, ?3)")?
        .execute(params![dropped.folder, dropped.claim, id.as_str()])?;
    Ok(())
}

//! Pauses that a person has ordered: of one modem, or of all sending.

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError};
use crate::model::Timestamp;

/// Sending rests because a person wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// `gateway` or `modem:NAME`.
    pub scope: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none: until somebody ends it.
    pub until: Option<Timestamp>,
    /// Why, in the person's words.
    pub reason: Option<String>,
}

impl Store {
    /// Begins a pause, or replaces the one of the same scope.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pause(&self, pause: Pause) -> Result<(), StoreError> {
        self.write(move |db| {
            db.execute(
                "INSERT INTO line_pause (scope, since, until_at, reason) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (scope) DO UPDATE SET until_at = ?3, reason = ?4",
                params![
                    pause.scope,
                    pause.since.as_millis(),
                    pause.until.map(Timestamp::as_millis),
                    pause.reason
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// Ends a pause; whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_pause(&self, scope: &str) -> Result<bool, StoreError> {
        let scope = scope.to_owned();
        self.write(
            move |db| Ok(db.execute("DELETE FROM line_pause WHERE scope = ?1", [scope])? > 0),
        )
        .await
    }

    /// The pauses that hold at this time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pauses(&self, at: Timestamp) -> Result<Vec<Pause>, StoreError> {
        self.read(move |db| holding(db, at)).await
    }
}

/// The same inside a transaction, that of the gateway first.
pub(super) fn holding(db: &Connection, at: Timestamp) -> Result<Vec<Pause>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT scope, since, until_at, reason FROM line_pause
         WHERE until_at IS NULL OR until_at > ?1 ORDER BY scope",
    )?;
    let rows = select
        .query_map([at.as_millis()], |row| {
            Ok(Pause {
                scope: row.get(0)?,
                since: Timestamp::from_millis(row.get(1)?),
                until: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
                reason: row.get(3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

//! What has changed since a moment that somebody remembers by a number: for listeners that come
//! back.

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::{Change, Store, StoreError, rows};
use crate::model::{State, Timestamp};

/// Lines of the timeline before the one that is remembered that are looked at again: one commit may
/// hold so many, and they are told after it, in any order.
const SLACK: i64 = 256;

impl Store {
    /// The number of the last line of any timeline; 0 before the first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        self.read(|db| {
            Ok(db
                .prepare_cached("SELECT coalesce(max(id), 0) FROM timeline")?
                .query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// The messages that changed after that number, or shortly before, each with its present state
    /// and when it last changed; the earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changes_since(
        &self,
        number: i64,
        limit: usize,
    ) -> Result<Vec<(Change, Timestamp)>, StoreError> {
        self.read(move |db| since(db, number.saturating_sub(SLACK), limit)).await
    }
}

fn since(db: &Connection, number: i64, limit: usize) -> Result<Vec<(Change, Timestamp)>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT message.id, kind, direction, message.state, historic, max(timeline.at)
         FROM timeline JOIN message ON message.id = timeline.message_id
         WHERE timeline.id > ?1
         GROUP BY timeline.message_id ORDER BY max(timeline.id) LIMIT ?2",
    )?;
    let found = select
        .query_map(params![number, rows::column(limit)], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, bool>(4)?,
                row.get::<_, i64>(5)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    found
        .into_iter()
        .map(|(id, kind, direction, state, historic, at)| {
            let state = rows::state_of(&direction, &state)?;
            let change = Change {
                id: rows::message_id(&id)?,
                kind: rows::kind_of(&kind)?,
                direction: match state {
                    State::Out(_) => crate::model::Direction::Outbound,
                    State::In(_) => crate::model::Direction::Inbound,
                },
                state,
                historic,
                entered: false,
                route: None,
            };
            Ok((change, Timestamp::from_millis(at)))
        })
        .collect()
}

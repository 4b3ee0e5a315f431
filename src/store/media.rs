//! Removing what is large of messages that are over, while they themselves stay: the octets of parts,
//! and those that went over the line.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::retention::{PRUNE_BATCH, SETTLED};
use super::rows::{self, Entry};
use super::{Store, StoreError};
use crate::model::{MessageId, Timestamp};

/// Messages looked at for one batch: other readers wait no longer than for that.
const LOOKED_AT: usize = 1_000;

/// Messages that lose their parts for room in one commit at most: no more than is needed goes.
const ROOM_BATCH: usize = 4;

/// Nobody is still to be told of it: whoever is told may want the parts.
const TOLD: &str = "
    NOT EXISTS (SELECT 1 FROM event
                LEFT JOIN event_delivery ON event_delivery.event = event.seq
                WHERE event.message_id = message.id
                  AND (event.id IS NULL OR event_delivery.state = 'pending'))";

/// It has come to its end, and no person has still to look at it: what was sent has an answer, and
/// what came was taken by a receiver, opened or marked as read.
const SEEN: &str = "
    CASE direction
        WHEN 'out' THEN state NOT IN ('unknown', 'failed') OR seen_at IS NOT NULL
        ELSE seen_at IS NOT NULL OR state IN ('expired', 'rejected')
    END";

/// Why parts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartsGo {
    /// Their message has not changed since then.
    OlderThan(Timestamp),
    /// The store is larger than it may be: the oldest go, and only of what somebody has seen.
    ForRoom,
}

/// Where a look through the messages has come to: last change, row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(i64, i64);

/// What one batch has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Messages whose octets went.
    pub messages: usize,
    /// Up to where messages were looked at: the next batch begins there. None when there were none.
    pub until: Option<Place>,
}

impl Store {
    /// Removes the octets of the parts of MMS that are settled and of which nobody is still to be
    /// told, and the PDUs that hold the same, the oldest first, a batch of them, and says so
    /// in their timelines. Begins behind `from`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_parts(
        &self,
        why: PartsGo,
        from: Option<Place>,
        at: Timestamp,
    ) -> Result<Pruned, StoreError> {
        let (condition, before) = match why {
            PartsGo::OlderThan(before) => ("1", before),
            PartsGo::ForRoom => (SEEN, Timestamp::from_millis(i64::MAX)),
        };
        let condition = format!(
            "kind = 'mms' AND parts_removed_at IS NULL AND {condition}
             AND EXISTS (SELECT 1 FROM part WHERE part.message_id = message.id)"
        );
        let most = match why {
            PartsGo::OlderThan(_) => PRUNE_BATCH,
            PartsGo::ForRoom => ROOM_BATCH,
        };
        let text = match why {
            PartsGo::OlderThan(_) => "its parts were removed: media_days of [retention] are over",
            PartsGo::ForRoom => {
                "its parts were removed: the messages exceed max_size_mb of [retention]"
            }
        };
        self.prune(condition, from, before, most, move |db, id, state| {
            for statement in [
                "UPDATE part SET body = x'' WHERE message_id = ?1",
                "DELETE FROM payload WHERE message_id = ?1",
                "UPDATE inbound SET pdu = x'' WHERE message_id = ?1 AND pdu IS NOT NULL",
            ] {
                db.prepare_cached(statement)?.execute([id])?;
            }
            db.prepare_cached("UPDATE message SET parts_removed_at = ?2 WHERE id = ?1")?
                .execute(params![id, at.as_millis()])?;
            let entry = Entry { message: id, at, recipient: None, state, text, fault: None };
            rows::tell(db, &entry)
        })
        .await
    }

    /// Removes what went over the line for messages that are settled and have not changed since
    /// `before`: pushes, short messages as they came, PDUs that were fetched, and those that were sent
    /// and are never needed again. What could not be read stays with its message as a part.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_raw(
        &self,
        before: Timestamp,
        from: Option<Place>,
        at: Timestamp,
    ) -> Result<Pruned, StoreError> {
        // What may be sent once more on request needs its PDU.
        let condition = "raw_removed_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM submission WHERE message_id = message.id
                                       AND state IN ('unknown', 'failed', 'expired'))";
        self.prune(condition.to_owned(), from, before, PRUNE_BATCH, move |db, id, _| {
            for statement in [
                "UPDATE inbound SET pdu = x'' WHERE message_id = ?1 AND pdu IS NOT NULL",
                "UPDATE tpdu SET octets = x'' WHERE state <> 'pending' AND (
                     sms_id IN (SELECT id FROM sms WHERE message_id = ?1)
                     OR push_id IN (SELECT id FROM push WHERE message_id = ?1))",
                "UPDATE push SET octets = x'' WHERE message_id = ?1",
                "UPDATE sms SET octets = x'' WHERE message_id = ?1",
                "DELETE FROM payload WHERE message_id = ?1",
            ] {
                db.prepare_cached(statement)?.execute([id])?;
            }
            db.prepare_cached("UPDATE message SET raw_removed_at = ?2 WHERE id = ?1")?
                .execute(params![id, at.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// Removes the octets of reports and other pushes that belong to no message of their own, that
    /// came before `before`; answers how many, at most [`PRUNE_BATCH`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_stray_raw(&self, before: Timestamp) -> Result<usize, StoreError> {
        let most = rows::column(PRUNE_BATCH);
        let keys: Vec<i64> = self
            .read(move |db| {
                let mut select = db.prepare_cached(
                    "SELECT id FROM push
                     WHERE received_at < ?1 AND message_id IS NULL AND length(octets) > 0 LIMIT ?2",
                )?;
                let keys = select.query_map(params![before.as_millis(), most], |row| row.get(0))?;
                Ok(keys.collect::<Result<_, _>>()?)
            })
            .await?;
        if keys.is_empty() {
            return Ok(0);
        }
        self.write(move |db| {
            for key in &keys {
                for statement in [
                    "UPDATE tpdu SET octets = x'' WHERE push_id = ?1 AND state <> 'pending'",
                    "UPDATE push SET octets = x'' WHERE id = ?1",
                ] {
                    db.prepare_cached(statement)?.execute([key])?;
                }
            }
            Ok(keys.len())
        })
        .await
    }

    /// Octets of the store that hold something.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn size(&self) -> Result<u64, StoreError> {
        self.read(|db| {
            let of = |name: &str| {
                db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            };
            let pages = of("page_count")?.saturating_sub(of("freelist_count")?);
            Ok(u64::try_from(pages.saturating_mul(of("page_size")?)).unwrap_or(0))
        })
        .await
    }

    /// Somebody has opened a message that came; told once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opened(&self, id: &MessageId, at: Timestamp) -> Result<(), StoreError> {
        let id = id.as_str().to_owned();
        let of = id.clone();
        let is_new = self
            .read(move |db| {
                Ok(db
                    .prepare_cached(
                        "SELECT 1 FROM message WHERE id = ?1 AND direction = 'in'
                                                 AND seen_at IS NULL",
                    )?
                    .exists([of])?)
            })
            .await?;
        if !is_new {
            return Ok(());
        }
        self.write(move |db| {
            db.prepare_cached("UPDATE message SET seen_at = ?2 WHERE id = ?1 AND seen_at IS NULL")?
                .execute(params![id, at.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// Looks through some messages without holding up writers, and judges those that are found once
    /// more in the commit.
    async fn prune(
        &self,
        condition: String,
        from: Option<Place>,
        before: Timestamp,
        most: usize,
        remove: impl Fn(&Connection, &str, &str) -> Result<(), Failure> + Send + 'static,
    ) -> Result<Pruned, StoreError> {
        let condition = format!("{condition} AND {TOLD} AND {SETTLED}");
        let sql = format!(
            "SELECT updated_at, rowid, id, {condition} FROM message
             WHERE (updated_at, rowid) > (?1, ?2) AND updated_at < ?3
             ORDER BY updated_at, rowid LIMIT {LOOKED_AT}"
        );
        let Place(at, row) = from.unwrap_or(Place(i64::MIN, 0));
        let looked_at: Vec<(Place, String, bool)> = self
            .read(move |db| {
                let mut select = db.prepare_cached(&sql)?;
                let rows = select.query_map(params![at, row, before.as_millis()], |row| {
                    Ok((Place(row.get(0)?, row.get(1)?), row.get(2)?, row.get(3)?))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await?;
        let mut until = looked_at.last().map(|(place, ..)| *place);
        let mut found = Vec::new();
        for (place, id, _) in looked_at.into_iter().filter(|(.., fits)| *fits) {
            found.push(id);
            if found.len() == most {
                until = Some(place);
                break;
            }
        }
        if found.is_empty() {
            return Ok(Pruned { messages: 0, until });
        }
        let again = format!("SELECT state FROM message WHERE id = ?1 AND {condition}");
        self.write(move |db| {
            let mut messages = 0;
            for id in &found {
                let state: Option<String> =
                    db.prepare_cached(&again)?.query_row([id], |row| row.get(0)).optional()?;
                let Some(state) = state else { continue };
                remove(db, id, &state)?;
                messages += 1;
            }
            Ok(Pruned { messages, until })
        })
        .await
    }
}

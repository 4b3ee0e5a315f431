//! What is due next, and when.

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, rows, sims};
use crate::model::{MessageId, Timestamp};

/// What waits in one queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// `send-mms`, `send-sms`, `retrieve` or `acknowledge`.
    pub name: &'static str,
    /// How many wait or are under way.
    pub depth: u64,
    /// Since when the oldest of them does.
    pub oldest: Option<Timestamp>,
}

/// The queues, and what is in each.
const QUEUES: [(&str, &str); 4] = [
    (
        "send-mms",
        "SELECT count(*), min(created_at) FROM submission JOIN message ON message.id = message_id
         WHERE submission.kind = 'mms' AND submission.state IN ('queued', 'sending')",
    ),
    (
        "send-sms",
        "SELECT count(*), min(created_at) FROM submission JOIN message ON message.id = message_id
         WHERE submission.kind = 'sms' AND submission.state IN ('queued', 'sending')",
    ),
    (
        "retrieve",
        "SELECT count(*), min(created_at) FROM message
         WHERE direction = 'in' AND state IN ('notified', 'retrieving')",
    ),
    (
        "acknowledge",
        "SELECT count(*), min(created_at) FROM ack JOIN message ON message.id = message_id
         WHERE ack.state = 'pending'",
    ),
];

impl Store {
    /// What waits in every queue.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        self.read(|db| {
            QUEUES
                .iter()
                .map(|&(name, sql)| {
                    let (depth, oldest): (i64, Option<i64>) = db
                        .prepare_cached(sql)?
                        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                    Ok(Queue {
                        name,
                        depth: u64::try_from(depth).unwrap_or_default(),
                        oldest: oldest.map(Timestamp::from_millis),
                    })
                })
                .collect()
        })
        .await
    }

    /// When `modem` (with the SIM `sim`, once known) has something to do next; what is under way
    /// does not count.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_due(
        &self,
        modem: &str,
        sim: Option<&str>,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.map(str::to_owned));
        self.read(move |db| {
            let due = sims::due();
            let next: Option<i64> = db.query_row(
                &format!("SELECT min(due) FROM (
                     SELECT min({due}) AS due FROM submission
                     WHERE state IN ('queued', 'scheduled') AND kind = 'mms' AND modem = ?1
                     UNION ALL
                     SELECT min(next_attempt_at) FROM inbound JOIN message ON message.id = message_id
                     WHERE sim = ?2 AND state = 'notified'
                     UNION ALL
                     SELECT min(next_attempt_at) FROM ack WHERE state = 'pending' AND sim = ?2
                 )"),
                params![modem, sim],
                |row| row.get(0),
            )?;
            Ok(next.map(Timestamp::from_millis))
        })
        .await
    }

    /// The first end, after `after`, of an MMS that waits for `modem` or is to be fetched for `sim`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ends_after(
        &self,
        modem: &str,
        sim: &str,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.read(move |db| {
            let end: Option<i64> = db.query_row(
                "SELECT min(expires_at) FROM message
                 WHERE expires_at > ?3 AND id IN (
                     SELECT message_id FROM submission
                     WHERE state = 'queued' AND kind = 'mms' AND modem = ?1
                     UNION ALL
                     SELECT message_id FROM inbound JOIN message ON message.id = message_id
                     WHERE sim = ?2 AND state = 'notified'
                 )",
                params![modem, sim, after.as_millis()],
                |row| row.get(0),
            )?;
            Ok(end.map(Timestamp::from_millis))
        })
        .await
    }

    /// The message that is due first, if any is due now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_message(
        &self,
        modem: &str,
        sim: &str,
        at: Timestamp,
    ) -> Result<Option<MessageId>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.read(move |db| {
            let due = sims::due();
            let id: Option<String> = db
                .query_row(
                    &format!(
                        "SELECT id FROM (
                         SELECT message_id AS id, {due} AS due FROM submission
                         WHERE state = 'queued' AND kind = 'mms' AND modem = ?1
                         UNION ALL
                         SELECT message_id, next_attempt_at
                         FROM inbound JOIN message ON message.id = message_id
                         WHERE sim = ?2 AND state = 'notified'
                         UNION ALL
                         SELECT message_id, next_attempt_at FROM ack
                         WHERE state = 'pending' AND sim = ?2
                     ) WHERE due <= ?3 ORDER BY due, id LIMIT 1"
                    ),
                    params![modem, sim, at.as_millis()],
                    |row| row.get(0),
                )
                .optional()?;
            id.map(|id| rows::message_id(&id)).transpose()
        })
        .await
    }

    /// When `modem`, which holds the SIM `sim`, has a short message to send next.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_text_due(
        &self,
        modem: &str,
        sim: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.read(move |db| {
            let due = sims::due();
            let next: Option<i64> = db.query_row(
                &format!(
                    "SELECT min({due}) FROM submission
                     WHERE state IN ('queued', 'scheduled') AND kind = 'sms' AND modem = ?1"
                ),
                params![modem, sim],
                |row| row.get(0),
            )?;
            Ok(next.map(Timestamp::from_millis))
        })
        .await
    }
}

//! What is due next, and when.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows, sims};
use crate::model::{Kind, MessageId, Timestamp};

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
            let queued = first_due(db, Kind::Mms, &modem, sim.as_deref())?;
            let other: Option<i64> = db
                .prepare_cached(
                    "SELECT min(due) FROM (
                         SELECT min(next_attempt_at) AS due
                         FROM inbound JOIN message ON message.id = message_id
                         WHERE sim = ?1 AND state = 'notified'
                         UNION ALL
                         SELECT min(next_attempt_at) FROM ack WHERE state = 'pending' AND sim = ?1)",
                )?
                .query_row([sim], |row| row.get(0))?;
            Ok(queued.into_iter().chain(other.map(Timestamp::from_millis)).min())
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
        self.read(move |db| first_due(db, Kind::Sms, &modem, Some(&sim))).await
    }
}

/// When the first submission of this kind is due; what waits for the SIM in the modem is found by its
/// place in the queue, what waits for another one by that.
fn first_due(
    db: &Connection,
    kind: Kind,
    modem: &str,
    sim: Option<&str>,
) -> Result<Option<Timestamp>, Failure> {
    let mut first: Option<i64> = None;
    for state in ["queued", "scheduled"] {
        let ours: Option<i64> = db
            .prepare_cached(
                "SELECT next_attempt_at FROM submission
                 WHERE state = ?3 AND kind = ?4 AND modem = ?1
                       AND (+bound_to IS NULL OR +bound_to = ?2)
                 ORDER BY next_attempt_at LIMIT 1",
            )?
            .query_row(params![modem, sim, state, kind.as_str()], |row| row.get(0))
            .optional()?;
        let sql = format!(
            "SELECT min({}) FROM submission
             WHERE state = ?3 AND kind = ?4 AND modem = ?1
                   AND (bound_to < coalesce(?2, '') OR bound_to > coalesce(?2, ''))",
            sims::due()
        );
        let others: Option<i64> = db
            .prepare_cached(&sql)?
            .query_row(params![modem, sim, state, kind.as_str()], |row| row.get(0))?;
        first = [first, ours, others].into_iter().flatten().min();
    }
    Ok(first.map(Timestamp::from_millis))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::store::DB_FILE;
    use crate::store::outbound::expire;

    /// Steps of SQLite's machine, in tens, that a look at a queue of that many messages takes.
    fn steps(queued: i64) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        drop(Store::open(dir.path()).unwrap());
        let mut raw = rusqlite::Connection::open(dir.path().join(DB_FILE)).unwrap();
        let counted = Arc::<AtomicU64>::default();
        let count = Arc::clone(&counted);
        let handler = move || {
            count.fetch_add(1, Ordering::Relaxed);
            false
        };
        raw.progress_handler(10, Some(handler)).unwrap();
        let db = Connection::new(raw);
        db.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO message (id, direction, state, created_at, updated_at, expires_at)
             SELECT 'msg' || n, 'out', 'queued', n, n, 1000000 + n FROM n",
            [queued],
        )
        .unwrap();
        db.execute_batch(
            "INSERT INTO submission (message_id, transaction_id, head, state, modem,
                                     next_attempt_at, bound_to, kind)
             SELECT id, id, x'00', 'queued', 'm', created_at, 'sim', 'mms' FROM message",
        )
        .unwrap();
        counted.store(0, Ordering::Relaxed);
        let first = first_due(&db, Kind::Mms, "m", Some("sim")).unwrap();
        assert_eq!(first, Some(Timestamp::from_millis(1)));
        assert_eq!(expire(&db, Timestamp::from_millis(50)).unwrap(), []);
        counted.load(Ordering::Relaxed)
    }

    #[test]
    fn long_queue_is_looked_at_as_quickly_as_a_short_one() {
        let (short, long) = (steps(10), steps(3000));
        assert!(long <= short + 10, "{short} and {long} tens of steps");
    }
}

//! What a SIM has sent, one row for each release: limits count from these, exactly and over restarts.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::Timestamp;

/// The longest time that a limit looks back.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Messages: PDUs, or SMS as they go over the air.
    Messages,
    /// Recipients.
    Recipients,
    /// Octets of PDUs and TPDUs.
    Octets,
}

impl Counted {
    const fn column(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::Octets => "octets",
        }
    }
}

/// How much a SIM may send within a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// What is counted.
    pub what: Counted,
    /// The time, at most [`LONGEST_WINDOW`].
    pub window: Duration,
    /// How much.
    pub most: u64,
}

impl Store {
    /// What a SIM has sent within each ceiling's time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sim_use(
        &self,
        sim: &str,
        ceilings: Vec<Ceiling>,
        at: Timestamp,
    ) -> Result<Vec<u64>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| {
            ceilings
                .iter()
                .map(|ceiling| {
                    let sum: i64 = db
                        .prepare_cached(&format!(
                            "SELECT coalesce(sum({}), 0) FROM sim_use WHERE sim = ?1 AND at > ?2",
                            ceiling.what.column()
                        ))?
                        .query_row(params![sim, begin(ceiling, at)], |row| row.get(0))?;
                    Ok(rows::unsigned(sum))
                })
                .collect()
        })
        .await
    }
}

fn begin(ceiling: &Ceiling, at: Timestamp) -> i64 {
    at.earlier(ceiling.window).as_millis()
}

/// When so much more may leave; none: now. What is larger than the ceiling itself may leave when
/// nothing else has.
pub(super) fn free_at(
    db: &Connection,
    sim: &str,
    ceiling: &Ceiling,
    weight: u64,
    at: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let room = i64::try_from(ceiling.most.saturating_sub(weight)).unwrap_or(i64::MAX);
    let column = ceiling.what.column();
    let last: Option<i64> = db
        .prepare_cached(&format!(
            "SELECT at FROM (
                 SELECT id, at, sum({column}) OVER (ORDER BY at DESC, id DESC) AS total
                 FROM sim_use WHERE sim = ?1 AND at > ?2
             ) WHERE total > ?3 ORDER BY at DESC, id DESC LIMIT 1"
        ))?
        .query_row(params![sim, begin(ceiling, at), room], |row| row.get(0))
        .optional()?;
    Ok(last.map(|last| Timestamp::from_millis(last).plus(ceiling.window)))
}

/// A submission of MMS is released.
pub(super) fn note_submission(db: &Connection, key: i64, at: Timestamp) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO sim_use (sim, at, messages, recipients, octets)
         SELECT sim, ?2, 1,
                (SELECT count(*) FROM recipient WHERE submission_id = submission.id),
                length(head) + length(body)
         FROM submission JOIN payload USING (message_id)
         WHERE submission.id = ?1 AND sim IS NOT NULL",
    )?
    .execute(params![key, at.as_millis()])?;
    forget(db, "SELECT sim FROM submission WHERE id = ?1", key, at)
}

/// A short message is released.
pub(super) fn note_segment(db: &Connection, key: i64, at: Timestamp) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO sim_use (sim, at, messages, recipients, octets)
         SELECT sim, ?2, 1, number = 1, length(tpdu) FROM segment
         WHERE id = ?1 AND sim IS NOT NULL",
    )?
    .execute(params![key, at.as_millis()])?;
    forget(db, "SELECT sim FROM segment WHERE id = ?1", key, at)
}

/// What is older than any limit looks is of no use.
fn forget(db: &Connection, sim: &str, key: i64, at: Timestamp) -> Result<(), Failure> {
    let oldest = at.earlier(LONGEST_WINDOW).as_millis();
    db.prepare_cached(&format!("DELETE FROM sim_use WHERE sim = ({sim}) AND at <= ?2"))?
        .execute(params![key, oldest])?;
    Ok(())
}

/// What is known under a modem's name becomes the SIM's own.
pub(super) fn adopt(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.execute("UPDATE sim_use SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    Ok(())
}

//! How often in a row an operator has refused what a SIM sent, kept by SIM: a lapsed contract stays
//! lapsed over a restart and in another modem.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::{Fault, Kind, Timestamp};

/// The breaker of one SIM for one kind of message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BreakerState {
    /// Refusals in a row, of different submissions.
    pub failures: u32,
    /// The submission that was refused last.
    pub last: i64,
    /// Since when nothing is sent; none while it is closed.
    pub opened_at: Option<Timestamp>,
    /// From then on one message may try.
    pub probe_at: Option<Timestamp>,
    /// The operator's last refusal.
    pub fault: Option<Fault>,
}

impl Store {
    /// The breaker of a SIM; closed where nothing is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn breaker(&self, sim: &str, kind: Kind) -> Result<BreakerState, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| read(db, &sim, kind)).await
    }

    /// Keeps the breaker of a SIM; the default one is forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_breaker(
        &self,
        sim: &str,
        kind: Kind,
        state: BreakerState,
    ) -> Result<(), StoreError> {
        let sim = sim.to_owned();
        self.write(move |db| {
            if state == BreakerState::default() {
                db.execute(
                    "DELETE FROM breaker WHERE sim = ?1 AND kind = ?2",
                    params![sim, kind.as_str()],
                )?;
                return Ok(());
            }
            db.execute(
                "INSERT OR REPLACE INTO breaker
                     (sim, kind, failures, last, opened_at, probe_at, fault)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    sim,
                    kind.as_str(),
                    state.failures,
                    state.last,
                    state.opened_at.map(Timestamp::as_millis),
                    state.probe_at.map(Timestamp::as_millis),
                    rows::fault_json(state.fault.as_ref()),
                ],
            )?;
            Ok(())
        })
        .await
    }
}

pub(super) fn read(db: &Connection, sim: &str, kind: Kind) -> Result<BreakerState, Failure> {
    let state = db
        .prepare_cached(
            "SELECT failures, last, opened_at, probe_at, fault FROM breaker
             WHERE sim = ?1 AND kind = ?2",
        )?
        .query_row(params![sim, kind.as_str()], |row| {
            Ok(BreakerState {
                failures: row.get(0)?,
                last: row.get(1)?,
                opened_at: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_millis),
                probe_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
                fault: rows::fault_from(row.get(4)?),
            })
        })
        .optional()?;
    Ok(state.unwrap_or_default())
}

/// What is known under a modem's name becomes the SIM's own.
pub(super) fn adopt(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.execute("UPDATE OR IGNORE breaker SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    db.execute("DELETE FROM breaker WHERE sim = ?1", [from])?;
    Ok(())
}

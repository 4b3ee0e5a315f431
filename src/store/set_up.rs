//! What a SIM tells of its operator, kept so that messages can be taken before its modem is up again
//! and the way to the MMSC that has worked is the first to be tried.

use rusqlite::{OptionalExtension, Row, params};

use super::{Store, StoreError};
use crate::model::Timestamp;

/// What is known of a SIM's operator. There is no `Debug`: it holds numbers.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SetUpRecord {
    /// IMSI, or what stands for it.
    pub sim: String,
    /// Digits of the MNC.
    pub mnc_length: Option<u8>,
    /// Service provider's name; empty: the SIM has none.
    pub spn: Option<String>,
    /// Group identifier; empty: the SIM has none.
    pub gid1: Option<String>,
    /// The SIM's number in international form.
    pub number: Option<String>,
    /// Which set-up is used.
    pub way: Option<String>,
}

const COLUMNS: &str = "set_up.sim, mnc_length, spn, gid1, number, way";

fn read(row: &Row<'_>) -> rusqlite::Result<SetUpRecord> {
    Ok(SetUpRecord {
        sim: row.get(0)?,
        mnc_length: row.get(1)?,
        spn: row.get(2)?,
        gid1: row.get(3)?,
        number: row.get(4)?,
        way: row.get(5)?,
    })
}

impl Store {
    /// What is known of this SIM's operator.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_up(&self, sim: &str) -> Result<Option<SetUpRecord>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| {
            let statement = format!("SELECT {COLUMNS} FROM set_up WHERE sim = ?1");
            Ok(db.query_row(&statement, [sim], read).optional()?)
        })
        .await
    }

    /// The same of the SIM that was in this modem last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_up_in(&self, modem: &str) -> Result<Option<SetUpRecord>, StoreError> {
        let modem = modem.to_owned();
        self.read(move |db| {
            let statement = format!(
                "SELECT {COLUMNS} FROM set_up JOIN sim ON sim.id = set_up.sim
                 WHERE sim.modem = ?1 ORDER BY sim.seen_at DESC LIMIT 1"
            );
            Ok(db.query_row(&statement, [modem], read).optional()?)
        })
        .await
    }

    /// Keeps it, in the place of what was known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_set_up(&self, set_up: SetUpRecord, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| {
            db.execute(
                "INSERT OR REPLACE INTO set_up
                 (sim, mnc_length, spn, gid1, number, way, noted_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    set_up.sim,
                    set_up.mnc_length,
                    set_up.spn,
                    set_up.gid1,
                    set_up.number,
                    set_up.way,
                    at.as_millis()
                ],
            )?;
            Ok(())
        })
        .await
    }
}

//! Which way a SIM's requests reach the MMSC, where the settings leave it open: found out once, and
//! known after a restart too.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError};
use crate::model::Timestamp;

impl Store {
    /// The way that worked last for this SIM through this gateway (host and port as configured);
    /// `None` for another gateway than it was found with.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn route(&self, sim: &str, gateway: &str) -> Result<Option<String>, StoreError> {
        let (sim, gateway) = (sim.to_owned(), gateway.to_owned());
        self.read(move |db| {
            Ok(db
                .query_row(
                    "SELECT way FROM route WHERE sim = ?1 AND gateway = ?2",
                    params![sim, gateway],
                    |row| row.get(0),
                )
                .optional()?)
        })
        .await
    }

    /// Remembers the way that worked. A SIM has one gateway: what was known of another is forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remember_route(
        &self,
        sim: &str,
        gateway: &str,
        way: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (sim, gateway, way) = (sim.to_owned(), gateway.to_owned(), way.to_owned());
        self.write(move |db| {
            db.execute(
                "INSERT INTO route (sim, gateway, way, noted_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (sim) DO UPDATE SET gateway = ?2, way = ?3, noted_at = ?4",
                params![sim, gateway, way, at.as_millis()],
            )?;
            Ok(())
        })
        .await
    }
}

/// What is known under a modem's name becomes the SIM's own.
pub(super) fn adopt(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.execute("UPDATE OR IGNORE route SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    db.execute("DELETE FROM route WHERE sim = ?1", [from])?;
    Ok(())
}

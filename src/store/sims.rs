//! What is known of a SIM wherever it is: when it was seen first, which modem it is in, and the
//! memory of the short messages it gave us (design: what belongs to the SIM follows the SIM).

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, outbound, rows};
use crate::model::Timestamp;

/// How long a short message that the modem does not show any more is still known again: service
/// centres deliver for a week as a rule, and for a month at most.
pub const HASH_LIFE: Duration = Duration::from_secs(35 * 24 * 3600);

/// So many short messages of a SIM are known again however old they are, since the clock they were
/// stored by may have been wrong; more than any SIM or modem holds.
pub const KEPT_HASHES: usize = 1_000;

/// How long a message waits for the SIM that it was queued for before another SIM in the same modem
/// carries it: long enough to move a SIM from one modem into another.
const SIM_GRACE: Duration = Duration::from_secs(10 * 60);

/// How long a SIM that is in no modem is remembered. It may lie in a drawer for months; after that
/// it is as new, and what is on it no news.
pub const SIM_LIFE: Duration = Duration::from_secs(400 * 24 * 3600);

/// A SIM as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimRecord {
    /// When it was seen for the first time, by the clock of that moment.
    pub first_seen_at: Timestamp,
    /// Whether all that it held at first was stored.
    pub swept: bool,
    /// The storages of which that is true before it is true of all.
    pub swept_storages: Vec<String>,
}

impl SimRecord {
    /// Whether what this storage held at first was stored.
    #[must_use]
    pub fn has_swept(&self, storage: &str) -> bool {
        self.swept || self.swept_storages.iter().any(|it| it == storage)
    }
}

impl Store {
    /// A SIM is in a modem: what was queued for it goes there too. `unnamed`: the modem does not tell
    /// which SIM it is; until it does, what it holds is as old as if it were the last one there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn see_sim(
        &self,
        sim: &str,
        iccid: Option<&str>,
        modem: &str,
        unnamed: bool,
        at: Timestamp,
    ) -> Result<SimRecord, StoreError> {
        let (sim, modem) = (sim.to_owned(), modem.to_owned());
        let iccid = iccid.map(str::to_owned);
        self.write(move |db| see(db, &sim, iccid.as_deref(), &modem, unnamed, at)).await
    }

    /// The SIM with this ICCID, the one seen last where a card has several.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sim_of_card(&self, iccid: &str) -> Result<Option<String>, StoreError> {
        let iccid = iccid.to_owned();
        self.read(move |db| {
            let sim = db
                .query_row(
                    "SELECT id FROM sim WHERE iccid = ?1 ORDER BY seen_at DESC, id LIMIT 1",
                    [iccid],
                    |row| row.get(0),
                )
                .optional()?;
            Ok(sim)
        })
        .await
    }

    /// What is known of a SIM.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sim(&self, sim: &str) -> Result<Option<SimRecord>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| record(db, &sim)).await
    }

    /// All that these storages of a SIM hold is stored; `all`: it has no others. Forgets short
    /// messages that it does not hold for long, and SIMs that are gone for long.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn swept(
        &self,
        sim: &str,
        storages: Vec<String>,
        all: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let sim = sim.to_owned();
        self.write(move |db| {
            db.execute(
                "UPDATE sim SET swept_at = CASE WHEN ?3 THEN coalesce(swept_at, ?2)
                                                ELSE swept_at END,
                                seen_at = ?2
                 WHERE id = ?1",
                params![sim, at.as_millis(), all],
            )?;
            for storage in &storages {
                db.prepare_cached(
                    "INSERT OR IGNORE INTO swept_storage (sim, storage)
                     SELECT id, ?2 FROM sim WHERE id = ?1 AND swept_at IS NULL",
                )?
                .execute(params![sim, storage])?;
            }
            forget(db, &sim, at)
        })
        .await
    }

    /// How many short messages of a SIM are known again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kept_tpdus(&self, sim: &str) -> Result<usize, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| {
            let count =
                db.query_row("SELECT count(*) FROM tpdu WHERE sim = ?1", [sim], |row| row.get(0))?;
            Ok(rows::size(count))
        })
        .await
    }
}

fn see(
    db: &Connection,
    sim: &str,
    iccid: Option<&str>,
    modem: &str,
    unnamed: bool,
    at: Timestamp,
) -> Result<SimRecord, Failure> {
    let last: Option<(i64, Option<i64>)> = if unnamed {
        db.query_row("SELECT first_seen_at, swept_at FROM sim WHERE modem = ?1", [modem], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
    } else {
        None
    };
    let (first_seen_at, swept_at) = last.unwrap_or((at.as_millis(), None));
    // Whatever was in this modem before is somewhere else now, or nowhere.
    db.execute("UPDATE sim SET modem = NULL WHERE modem = ?1 AND id <> ?2", params![modem, sim])?;
    db.execute(
        "INSERT INTO sim (id, iccid, first_seen_at, modem, seen_at, swept_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET iccid = coalesce(excluded.iccid, iccid),
                                        modem = excluded.modem, seen_at = excluded.seen_at",
        params![sim, iccid, first_seen_at, modem, at.as_millis(), swept_at],
    )?;
    follow(db, sim, modem, at)?;
    record(db, sim)?.ok_or_else(|| rows::damaged("SIM"))
}

/// What waits for a SIM goes where the SIM is.
pub(super) fn follow(
    db: &Connection,
    sim: &str,
    modem: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let moved = {
        let mut select = db.prepare_cached(
            "UPDATE submission SET modem = ?2
             WHERE state IN ('queued', 'scheduled') AND bound_to = ?1 AND modem <> ?2
             RETURNING id, message_id, state",
        )?;
        select
            .query_map(params![sim, modem], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    for (key, message, state) in moved {
        let state = rows::out_state(&state)?;
        db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![message, modem])?;
        let text = format!("its SIM is in modem {modem} now");
        outbound::tell(db, key, &message, at, state, &text, None)?;
    }
    Ok(())
}

fn record(db: &Connection, sim: &str) -> Result<Option<SimRecord>, Failure> {
    let record = db
        .prepare_cached("SELECT first_seen_at, swept_at IS NOT NULL FROM sim WHERE id = ?1")?
        .query_row([sim], |row| {
            Ok(SimRecord {
                first_seen_at: Timestamp::from_millis(row.get(0)?),
                swept: row.get(1)?,
                swept_storages: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut record) = record else { return Ok(None) };
    if !record.swept {
        record.swept_storages = db
            .prepare_cached("SELECT storage FROM swept_storage WHERE sim = ?1")?
            .query_map([sim], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
    }
    Ok(Some(record))
}

fn forget(db: &Connection, sim: &str, at: Timestamp) -> Result<(), Failure> {
    let life = i64::try_from(HASH_LIFE.as_millis()).unwrap_or(i64::MAX);
    let oldest = at.as_millis().saturating_sub(life);
    db.prepare_cached(
        "DELETE FROM tpdu
         WHERE sim = ?1 AND state <> 'pending' AND seen_at < ?2
           AND id NOT IN (SELECT id FROM tpdu WHERE sim = ?1 ORDER BY seen_at DESC, id DESC
                          LIMIT ?3)",
    )?
    .execute(params![sim, oldest, rows::column(KEPT_HASHES)])?;
    db.prepare_cached("DELETE FROM sms_report WHERE received_at < ?1")?.execute([oldest])?;
    forget_gone(db, sim, at)
}

/// Forgets SIMs whose place another one has taken long ago, and what is known again for a name that
/// no SIM has. One that is in a modem stays, however long the computer was off.
fn forget_gone(db: &Connection, here: &str, at: Timestamp) -> Result<(), Failure> {
    let life = i64::try_from(SIM_LIFE.as_millis()).unwrap_or(i64::MAX);
    let oldest = at.as_millis().saturating_sub(life);
    db.prepare_cached("DELETE FROM sim WHERE seen_at < ?2 AND modem IS NULL AND id <> ?1")?
        .execute(params![here, oldest])?;
    db.prepare_cached("DELETE FROM swept_storage WHERE sim NOT IN (SELECT id FROM sim)")?
        .execute([])?;
    db.prepare_cached(
        "DELETE FROM tpdu
         WHERE state <> 'pending' AND seen_at < ?1 AND sim NOT IN (SELECT id FROM sim)",
    )?
    .execute([oldest])?;
    Ok(())
}

/// When a row of `submission` is due for the SIM `?2`: not before the SIM that it was queued for had
/// its time to turn up elsewhere; never where it goes by that one or not at all.
pub(super) fn due() -> String {
    let grace = SIM_GRACE.as_millis();
    format!(
        "max(next_attempt_at,
             CASE WHEN bound_to IS NULL OR bound_to = ?2 THEN next_attempt_at
                  WHEN own_sim THEN NULL
                  ELSE coalesce((SELECT seen_at FROM sim WHERE id = bound_to) + {grace},
                                next_attempt_at) END)"
    )
}

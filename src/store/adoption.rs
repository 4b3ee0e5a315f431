//! A SIM gets its name: what came or went while it had to be called otherwise is its own from then
//! on (design: what belongs to the SIM follows the SIM).

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::inbound::{self, Life, Notification, Retrieve};
use super::{
    Change, Store, StoreError, breaker, calls, reports, route, rows, sim_use, sims, status_reports,
    ways,
};
use crate::model::{InboundState, Timestamp};

/// What a SIM was called before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerName {
    /// As the rows have it.
    pub sim: String,
    /// Whether it stands for this very SIM, so that its first sight was that of the SIM. Otherwise it
    /// stands for whatever is in one modem.
    pub same_card: bool,
}

impl Store {
    /// Gives everything that `former` stood for to a SIM: short messages, announced messages,
    /// acknowledgements, reports and what was sent. A message of both is one afterwards.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn adopt(
        &self,
        former: FormerName,
        sim: &str,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        if former.sim == sim {
            return Ok(Vec::new());
        }
        let sim = sim.to_owned();
        self.write(move |db| adopt(db, &former, &sim, at)).await
    }

    /// The same for short messages that were kept and not filed yet: they came before the SIM was
    /// known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn adopt_tpdus(&self, from: &str, sim: &str) -> Result<(), StoreError> {
        if from == sim {
            return Ok(());
        }
        let (from, sim) = (from.to_owned(), sim.to_owned());
        self.write(move |db| adopt_tpdus(db, &from, &sim)).await
    }
}

fn adopt(
    db: &Connection,
    former: &FormerName,
    sim: &str,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let from = former.sim.as_str();
    adopt_tpdus(db, from, sim)?;
    let mut changes = merge_notifications(db, from, sim, at)?;
    // What is left of the same notification under both names was fetched under both: each keeps
    // what it has.
    db.execute("UPDATE OR IGNORE inbound SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    for table in ["ack", "push", "sms", "report", "sms_report", "submission", "segment"] {
        db.execute(&format!("UPDATE {table} SET sim = ?2 WHERE sim = ?1"), params![from, sim])?;
    }
    db.execute("UPDATE submission SET bound_to = ?2 WHERE bound_to = ?1", params![from, sim])?;
    calls::adopt(db, from, sim)?;
    let modem: Option<String> = db
        .query_row("SELECT modem FROM sim WHERE id = ?1", [sim], |row| row.get(0))
        .optional()?
        .flatten();
    if let Some(modem) = modem {
        sims::follow(db, sim, &modem, at)?;
    }
    if former.same_card {
        db.execute(
            "UPDATE sim SET first_seen_at = min(sim.first_seen_at, former.first_seen_at),
                            swept_at = coalesce(sim.swept_at, former.swept_at)
             FROM sim AS former WHERE sim.id = ?2 AND former.id = ?1",
            params![from, sim],
        )?;
        db.execute(
            "INSERT OR IGNORE INTO swept_storage (sim, storage)
             SELECT ?2, storage FROM swept_storage WHERE sim = ?1",
            params![from, sim],
        )?;
    }
    db.execute("DELETE FROM swept_storage WHERE sim = ?1", [from])?;
    route::adopt(db, from, sim)?;
    breaker::adopt(db, from, sim)?;
    sim_use::adopt(db, from, sim)?;
    ways::adopt(db, from, sim)?;
    db.execute("DELETE FROM sim WHERE id = ?1", [from])?;
    changes.extend(reports::match_waiting(db, sim, at)?);
    changes.extend(status_reports::match_waiting(db, sim, at)?);
    Ok(changes)
}

fn adopt_tpdus(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.prepare_cached("UPDATE OR IGNORE tpdu SET sim = ?2 WHERE sim = ?1")?
        .execute(params![from, sim])?;
    // What is left is known of this SIM already, as if it had come once more.
    db.prepare_cached(
        "UPDATE tpdu SET seen_at = max(tpdu.seen_at, again.seen_at)
         FROM tpdu AS again
         WHERE again.sim = ?1 AND tpdu.sim = ?2 AND tpdu.hash = again.hash",
    )?
    .execute(params![from, sim])?;
    db.prepare_cached("DELETE FROM tpdu WHERE sim = ?1")?.execute([from])?;
    Ok(())
}

/// Notifications that are known under both names are one message, the one that had the SIM's name.
fn merge_notifications(
    db: &Connection,
    from: &str,
    sim: &str,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let twins = {
        let mut select = db.prepare(
            "SELECT again.message_id, copy.state, copy.expires_at, known.message_id, message.state,
                    known.pdu IS NOT NULL, again.transaction_id, again.content_location,
                    copy.end_counted
             FROM inbound AS again
             JOIN inbound AS known ON known.sim = ?2 AND known.transaction_id = again.transaction_id
                                  AND known.content_location = again.content_location
             JOIN message AS copy ON copy.id = again.message_id
             JOIN message ON message.id = known.message_id
             WHERE again.sim = ?1 AND again.pdu IS NULL",
        )?;
        select
            .query_map(params![from, sim], |row| {
                Ok(Twin {
                    copy: row.get(0)?,
                    state: row.get(1)?,
                    known: row.get(3)?,
                    known_state: row.get(4)?,
                    fetched: row.get(5)?,
                    notification: Notification {
                        transaction_id: row.get(6)?,
                        content_location: row.get(7)?,
                        from: None,
                        subject: None,
                        size: None,
                        retrieve: Retrieve::Now,
                        life: Life {
                            until: Timestamp::from_millis(
                                row.get::<_, Option<i64>>(2)?.unwrap_or_default(),
                            ),
                            counted: row.get(8)?,
                            over: row.get::<_, Option<i64>>(2)?.unwrap_or_default()
                                <= at.as_millis(),
                        },
                    },
                })
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut changes = Vec::new();
    for twin in twins {
        let state = rows::in_state(&twin.state)?;
        if matches!(state, InboundState::Notified | InboundState::Retrieving) {
            let known_state = rows::in_state(&twin.known_state)?;
            let new = &twin.notification;
            let noted = inbound::repeated(db, &twin.known, known_state, twin.fetched, new, at)?;
            if let inbound::Noted::Repeated { change: Some(change), .. } = noted {
                changes.push(change);
            }
        }
        db.execute(
            "UPDATE push SET message_id = ?2 WHERE message_id = ?1",
            params![twin.copy, twin.known],
        )?;
        db.execute("DELETE FROM held WHERE what = 'retrieval' AND key = ?1", [&twin.copy])?;
        db.execute("DELETE FROM message WHERE id = ?1", [&twin.copy])?;
    }
    Ok(changes)
}

/// A notification under the former name, and the one that the SIM has already.
struct Twin {
    copy: String,
    state: String,
    known: String,
    known_state: String,
    fetched: bool,
    notification: Notification,
}

//! What a person has to see to, until it is over: one row for each, whatever raised it.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::outbox::{self, NewEvent};
use super::{Store, StoreError, rows};
use crate::model::{Fault, Timestamp};

/// The table, as a step of the schema.
pub(super) const STEP: &str = "
CREATE TABLE alarm (
    code  TEXT NOT NULL,
    -- What it is about: `gateway`, `modem:NAME`, `sim:IMSI`, `webhook:ID`.
    scope TEXT NOT NULL,
    since INTEGER NOT NULL,
    fault TEXT NOT NULL,
    PRIMARY KEY (code, scope)
) STRICT;
";

/// Something that a person has to see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The fault's code.
    pub code: String,
    /// What it is about: `gateway`, `modem:NAME`, `webhook:ID`.
    pub scope: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong and what to do.
    pub fault: Fault,
}

impl Store {
    /// Raises an alarm, or replaces what the one with the same code and scope says. Whether it is
    /// new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn raise_alarm(
        &self,
        scope: &str,
        fault: Fault,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let scope = scope.to_owned();
        self.write(move |db| raise(db, &scope, &fault, at)).await
    }

    /// Ends an alarm; none where there was none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clear_alarm(
        &self,
        code: &str,
        scope: &str,
        at: Timestamp,
    ) -> Result<Option<Alarm>, StoreError> {
        let (code, scope) = (code.to_owned(), scope.to_owned());
        self.write(move |db| clear(db, &code, &scope, at)).await
    }

    /// All alarms, the oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        self.read(|db| {
            let mut select = db.prepare_cached(
                "SELECT code, scope, since, fault FROM alarm ORDER BY since, code, scope",
            )?;
            let rows = select
                .query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
                })?
                .collect::<Result<Vec<_>, _>>()?;
            rows.into_iter().map(alarm).collect()
        })
        .await
    }
}

/// The same inside a transaction.
pub(super) fn raise(
    db: &Connection,
    scope: &str,
    fault: &Fault,
    at: Timestamp,
) -> Result<bool, Failure> {
    let new = db
        .prepare_cached(
            "INSERT OR IGNORE INTO alarm (code, scope, since, fault) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![fault.code, scope, at.as_millis(), rows::fault_json(Some(fault))])?;
    if new == 0 {
        db.prepare_cached("UPDATE alarm SET fault = ?3 WHERE code = ?1 AND scope = ?2")?
            .execute(params![fault.code, scope, rows::fault_json(Some(fault))])?;
    }
    if new == 1 {
        tell_world(db, "alarm.raised", scope, fault, at)?;
    }
    Ok(new == 1)
}

/// The outside world hears of both ends of an alarm.
fn tell_world(
    db: &Connection,
    kind: &'static str,
    scope: &str,
    fault: &Fault,
    at: Timestamp,
) -> Result<(), Failure> {
    let data = serde_json::json!({ "code": fault.code, "scope": scope, "fault": fault });
    let event = NewEvent {
        at,
        kind,
        message: None,
        recipient: None,
        data: Some(data.to_string()),
        endpoint: None,
    };
    outbox::put(db, &event)
}

/// The same inside a transaction.
pub(super) fn clear(
    db: &Connection,
    code: &str,
    scope: &str,
    at: Timestamp,
) -> Result<Option<Alarm>, Failure> {
    let row = db
        .prepare_cached(
            "DELETE FROM alarm WHERE code = ?1 AND scope = ?2
             RETURNING code, scope, since, fault",
        )?
        .query_row(params![code, scope], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })
        .optional()?;
    let over = row.map(alarm).transpose()?;
    if let Some(alarm) = &over {
        tell_world(db, "alarm.cleared", scope, &alarm.fault, at)?;
    }
    Ok(over)
}

fn alarm(row: (String, String, i64, String)) -> Result<Alarm, Failure> {
    let (code, scope, since, fault) = row;
    let fault = rows::fault_from(Some(fault)).ok_or_else(|| rows::damaged("alarm"))?;
    Ok(Alarm { code, scope, since: Timestamp::from_millis(since), fault })
}

//! What a set clock changes of what is stored: how long something waits, or lives, does not depend
//! on the date that the computer believes it is.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, calls, recovery};
use crate::model::{Calendar, ClockStep, Timestamp};

/// Table and column of every time at which something happened.
const HAPPENED: &[(&str, &str)] = &[
    ("message", "created_at"),
    ("message", "updated_at"),
    ("submission", "released_at"),
    ("submission", "last_released_at"),
    ("segment", "released_at"),
    ("timeline", "at"),
    ("tpdu", "received_at"),
    ("tpdu", "seen_at"),
    ("push", "received_at"),
    ("sms", "received_at"),
    ("report", "received_at"),
    ("sms_report", "received_at"),
    ("sim", "first_seen_at"),
    ("sim", "swept_at"),
    ("sim", "seen_at"),
    ("data_call", "begun_at"),
    ("data_call", "counted_at"),
    ("data_call", "ended_at"),
    ("submission", "held_since"),
    ("sim_use", "at"),
    ("breaker", "opened_at"),
    ("line_pause", "since"),
    ("opt_out", "since"),
    ("sticky", "noted_at"),
    ("alarm", "since"),
];

/// What waits or is under way, as an id of a message.
const OPEN: &str = "(SELECT message_id FROM submission WHERE state IN ('queued', 'sending')
                     UNION ALL SELECT id FROM message WHERE state IN ('notified', 'deferred')
                     UNION ALL SELECT id FROM message
                               WHERE direction = 'in' AND state = 'retrieving')";

impl Store {
    /// When the clock was last seen to be right, if ever.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_last_right(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|db| {
            let at: Option<Option<i64>> =
                db.query_row("SELECT right_at FROM clock", [], |row| row.get(0)).optional()?;
            Ok(at.flatten().map(Timestamp::from_millis))
        })
        .await
    }

    /// A run begins. What an earlier run counted from a clock that nobody had set right has its
    /// whole time once more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_begins(&self, synchronised: bool, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| begin(db, synchronised, at)).await
    }

    /// Notes that the clock is right, or that nobody knows, in a run that began at `run_began`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_seen(
        &self,
        synchronised: bool,
        run_began: Timestamp,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |db| {
            if synchronised {
                date_uses(db, run_began, at)?;
            }
            note(db, synchronised, at)
        })
        .await
    }

    /// Moves what waits and lives by the clock as far as the clock was moved, and what this run,
    /// which began at `run_began` by the clock as it was, has noted as well; the data that it has
    /// counted belongs to the month that it is now. A time that somebody
    /// else named stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn clock_moved(
        &self,
        step: ClockStep,
        run_began: Timestamp,
        calendar: Calendar,
    ) -> Result<(), StoreError> {
        self.write(move |db| moved(db, step, run_began, &calendar)).await
    }

    /// Nothing waits longer than any schedule lets it: what was noted by the clock as it was, while
    /// that was being set, may.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hurry(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| recovery::hurry(db, at)).await
    }
}

fn begin(db: &Connection, synchronised: bool, at: Timestamp) -> Result<(), Failure> {
    let was: Option<(bool, Option<i64>)> = db
        .query_row("SELECT synchronised, right_at FROM clock", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let (Some((false, _)), true) = (was, synchronised) {
        date_uses(db, at, at)?;
    }
    if was.is_some_and(|(right, _)| !right) {
        db.execute(
            &format!(
                "UPDATE message SET expires_at = ?1 + max(0, expires_at - created_at)
                 WHERE end_counted = 1 AND id IN {OPEN}"
            ),
            [at.as_millis()],
        )?;
    } else {
        // Dates by a clock that was right.
        db.execute(
            &format!("UPDATE message SET end_counted = 0 WHERE end_counted = 1 AND id IN {OPEN}"),
            [],
        )?;
    }
    note(db, synchronised, at)
}

fn note(db: &Connection, synchronised: bool, at: Timestamp) -> Result<(), Failure> {
    db.execute(
        "INSERT INTO clock (id, synchronised, right_at) VALUES (1, ?1, ?2)
         ON CONFLICT (id) DO UPDATE SET synchronised = ?1, right_at = coalesce(?2, right_at)",
        params![synchronised, synchronised.then_some(at.as_millis())],
    )?;
    Ok(())
}

fn moved(
    db: &Connection,
    step: ClockStep,
    run_began: Timestamp,
    calendar: &Calendar,
) -> Result<(), Failure> {
    let ClockStep { by, before, after, synchronised } = step;
    let (wrong, right) = (calendar.month(before), calendar.month(after));
    if wrong != right {
        calls::rebook(db, wrong, right, run_began, before)?;
    }
    for waiting in [
        "submission SET next_attempt_at = next_attempt_at + ?1
         WHERE state IN ('queued', 'sending')",
        "inbound SET next_attempt_at = next_attempt_at + ?1 WHERE next_attempt_at IS NOT NULL",
        "ack SET next_attempt_at = next_attempt_at + ?1 WHERE state = 'pending'",
        "event_delivery SET next_attempt_at = next_attempt_at + ?1 WHERE state = 'pending'",
        "breaker SET probe_at = probe_at + ?1 WHERE probe_at IS NOT NULL",
    ] {
        db.execute(&format!("UPDATE {waiting}"), [by])?;
    }
    db.execute(
        &format!(
            "UPDATE message SET expires_at = expires_at + ?1
             WHERE end_counted = 1 AND id IN {OPEN}"
        ),
        [by],
    )?;
    for (table, column) in HAPPENED {
        db.execute(
            &format!(
                "UPDATE {table} SET {column} = {column} + ?1 WHERE {column} BETWEEN ?2 AND ?3"
            ),
            params![by, run_began.as_millis(), before.as_millis()],
        )?;
    }
    if synchronised {
        let began = run_began.as_millis().saturating_add(by);
        date_uses(db, Timestamp::from_millis(began), after)?;
    }
    note(db, synchronised, after)
}

/// The clock is right now: what runs before this one, which began at `run_began`, have sent by a clock
/// that was not, counts against the limits as if it were now, since nobody knows when it was. By a
/// clock that was ahead it would count for years, by one that was behind not at all.
fn date_uses(db: &Connection, run_began: Timestamp, at: Timestamp) -> Result<(), Failure> {
    db.execute(
        "UPDATE sim_use SET at = ?1
         WHERE at > ?1
            OR at < ?2 AND at >= coalesce((SELECT right_at FROM clock), -9223372036854775808)",
        params![at.as_millis(), run_began.as_millis()],
    )?;
    Ok(())
}

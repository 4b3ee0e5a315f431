//! What a start, or a line that starts over, makes of work that was left in the middle (design: a
//! released message without an answer is `unknown`).

use std::time::Duration;

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::outbound::{set_recipients, tell};
use super::rows;
use super::{Change, inbound, reports, status_reports, texts};
use crate::model::{Fault, OutboundState, Timestamp};

/// What was `sending` is `queued` again, or `unknown` where its release was recorded (with `resend`
/// only when that happened before); what was `retrieving` is fetched again.
pub(super) fn recover(
    db: &Connection,
    modem: Option<&str>,
    unknown: &Fault,
    resend: bool,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let mut changes = Vec::new();
    let open = {
        let mut select = db.prepare(
            "SELECT id, message_id, released_at IS NOT NULL AND NOT (?1 AND releases <= 1)
             FROM submission WHERE state = 'sending' AND (?2 IS NULL OR modem = ?2)",
        )?;
        select
            .query_map(params![resend, modem], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    for (key, message, released) in open {
        let (state, text, fault) = if released {
            (OutboundState::Unknown, "interrupted after its release", Some(unknown))
        } else {
            (OutboundState::Queued, "interrupted; queued again", None)
        };
        db.execute(
            "UPDATE submission SET state = ?2, next_attempt_at = ?3,
                                   in_doubt = in_doubt OR released_at IS NOT NULL
             WHERE id = ?1",
            params![key, state.as_str(), at.as_millis()],
        )?;
        set_recipients(db, key, state, fault)?;
        tell(db, key, &message, at, state, text, fault)?;
        changes.push(rows::refresh_outbound(db, &message, at)?);
    }
    texts::recover(db)?;
    changes.extend(inbound::recover(db, modem, at)?);
    if modem.is_none() {
        hurry(db, at)?;
    }
    // What is unknown now may be what a report without a match is about.
    let of_mms = "SELECT DISTINCT sim FROM report WHERE recipient_id IS NULL AND kind = 'delivery'";
    for sim in sims(db, of_mms)? {
        changes.extend(reports::match_waiting(db, &sim, at)?);
    }
    for sim in sims(db, "SELECT DISTINCT sim FROM sms_report WHERE segment_id IS NULL")? {
        changes.extend(status_reports::match_waiting(db, &sim, at)?);
    }
    Ok(changes)
}

fn sims(db: &Connection, sql: &str) -> Result<Vec<String>, Failure> {
    let mut select = db.prepare(sql)?;
    let sims = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(sims)
}

/// Longest pause of any schedule, with room: what is due later was put off by a clock that was ahead
/// of today's (computers without a battery for it begin in the past).
const LONGEST_PAUSE: Duration = Duration::from_secs(2 * 3600);

/// After a start, or when the clock was set, nothing waits longer than it ever would; what is to be
/// sent at a time that the caller named does.
pub(super) fn hurry(db: &Connection, at: Timestamp) -> Result<(), Failure> {
    for waiting in [
        "submission SET next_attempt_at = ?1 WHERE state IN ('queued', 'sending')",
        "inbound SET next_attempt_at = ?1 WHERE next_attempt_at IS NOT NULL",
        "ack SET next_attempt_at = ?1 WHERE state = 'pending'",
    ] {
        db.execute(
            &format!("UPDATE {waiting} AND next_attempt_at > ?2"),
            params![at.as_millis(), at.plus(LONGEST_PAUSE).as_millis()],
        )?;
    }
    for happened in [
        "sim SET seen_at = ?1 WHERE seen_at > ?1",
        // What was sent counts from now on at the latest, or a limit would hold until the wrong date.
        "sim_use SET at = ?1 WHERE at > ?1",
        "breaker SET probe_at = ?1 + max(0, probe_at - opened_at), opened_at = ?1
         WHERE opened_at > ?1",
        "submission SET held_since = ?1 WHERE held_since > ?1",
    ] {
        db.execute(&format!("UPDATE {happened}"), [at.as_millis()])?;
    }
    Ok(())
}

/// Gives what waits for a modem that no longer exists to the first of those that do.
pub(super) fn reroute(
    db: &Connection,
    modems: &[String],
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let Some(first) = modems.first() else { return Ok(Vec::new()) };
    let known = serde_json::to_string(modems).unwrap_or_else(|_| "[]".to_owned());
    let moved = {
        let mut select = db.prepare_cached(
            "SELECT id, message_id, modem, state FROM submission
             WHERE state IN ('queued', 'scheduled') AND modem NOT IN (SELECT value FROM json_each(?1))",
        )?;
        select
            .query_map([known], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                    row.get::<_, String>(3)?,
                ))
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut changes = Vec::with_capacity(moved.len());
    for (key, message, gone, state) in moved {
        let state = rows::out_state(&state)?;
        db.execute("UPDATE submission SET modem = ?2 WHERE id = ?1", params![key, first])?;
        db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![message, first])?;
        let text = format!("there is no modem {gone} any more; it waits for {first} now");
        tell(db, key, &message, at, state, &text, None)?;
        changes.push(rows::refresh_outbound(db, &message, at)?);
    }
    Ok(changes)
}

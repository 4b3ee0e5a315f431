//! Delivery reports: which recipient one is about, and what it changes
//! (OMA-TS-MMS_ENC-V1_3 clause 6.5; design: a report resolves an `unknown` only when exactly one
//! candidate fits).

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::Change;
use super::connection::Connection;
use super::engine::Failure;
use super::rows::{self, Entry};
use crate::model::{Address, OutboundState, ReportStatus, Timestamp};

/// How long after its release a message whose Message-ID is not known can be what a report is
/// about: operators keep a message for three days as a rule, seven at most.
pub const INFERENCE_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);

/// A delivery or read report as decoded from its push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The Message-ID it names.
    pub mmsc_message_id: String,
    /// The recipient it is about.
    pub address: Option<Address>,
    /// What it says.
    pub what: ReportKind,
}

/// What a report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// M-Delivery.ind with a status that we know.
    Delivery(ReportStatus),
    /// M-Delivery.ind with a status that we do not know; kept.
    Other(u8),
    /// M-Read-Orig.ind: read, or deleted without being read.
    Read {
        /// Whether it was read.
        read: bool,
    },
}

impl ReportKind {
    fn columns(self) -> (&'static str, String) {
        match self {
            Self::Delivery(status) => ("delivery", status.as_str().to_owned()),
            Self::Other(octet) => ("delivery", format!("{octet:#04x}")),
            Self::Read { read: true } => ("read", "read".to_owned()),
            Self::Read { read: false } => ("read", "deleted unread".to_owned()),
        }
    }
}

/// Files a report and applies it when its recipient is known.
pub(super) fn file(
    db: &Connection,
    sim: &str,
    report: &Report,
    push: i64,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let (kind, status) = report.what.columns();
    // Operators repeat reports; one that says nothing new is not filed again.
    let repeated: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM report
         WHERE sim = ?1 AND kind = ?2 AND mmsc_message_id = ?3 AND address IS ?4 AND status = ?5)",
        params![
            sim,
            kind,
            report.mmsc_message_id,
            report.address.as_ref().map(Address::to_wire),
            status
        ],
        |row| row.get(0),
    )?;
    if repeated {
        return Ok(Vec::new());
    }
    db.execute(
        "INSERT INTO report (sim, received_at, kind, mmsc_message_id, address, status, push_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            sim,
            at.as_millis(),
            kind,
            report.mmsc_message_id,
            report.address.as_ref().map(Address::to_wire),
            status,
            push
        ],
    )?;
    match_waiting(db, sim, at)
}

/// Tries the reports that fit nothing so far once more.
pub(super) fn match_waiting(
    db: &Connection,
    sim: &str,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let waiting = {
        let mut select = db.prepare_cached(
            "SELECT id, received_at, kind, mmsc_message_id, address, status FROM report
             WHERE sim = ?1 AND recipient_id IS NULL AND received_at >= ?2
             ORDER BY id",
        )?;
        let oldest = at.as_millis().saturating_sub(window());
        select
            .query_map(params![sim, oldest], |row| {
                Ok(Waiting {
                    id: row.get(0)?,
                    received_at: row.get(1)?,
                    kind: row.get(2)?,
                    mmsc_message_id: row.get(3)?,
                    address: row.get::<_, Option<String>>(4)?.map(|text| Address::from_wire(&text)),
                    status: row.get(5)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut changes = Vec::new();
    for report in waiting {
        if let Some((recipient, inferred)) = find(db, sim, &report)? {
            changes.push(apply(db, &report, recipient, inferred, at)?);
        }
    }
    Ok(changes)
}

/// [`INFERENCE_WINDOW`] in milliseconds, as times stand in the tables.
pub(super) fn window() -> i64 {
    i64::try_from(INFERENCE_WINDOW.as_millis()).unwrap_or(i64::MAX)
}

struct Waiting {
    id: i64,
    received_at: i64,
    kind: String,
    mmsc_message_id: String,
    address: Option<Address>,
    status: String,
}

/// The recipient that a report is about, and whether that is only inferred.
fn find(db: &Connection, sim: &str, report: &Waiting) -> Result<Option<(i64, bool)>, Failure> {
    let named = recipients(
        db,
        "SELECT recipient.id, address, submission.state
         FROM recipient JOIN submission ON submission.id = submission_id
         WHERE sim = ?1 AND mmsc_message_id = ?2",
        params![sim, report.mmsc_message_id],
    )?;
    match named.as_slice() {
        [] => {}
        [only] => return Ok(Some((only.id, false))),
        several => {
            let mut fitting = several.iter().filter(|recipient| {
                report
                    .address
                    .as_ref()
                    .is_some_and(|address| address.same_party(&recipient.address))
            });
            return Ok(match (fitting.next(), fitting.next()) {
                (Some(only), None) => Some((only.id, false)),
                _ => None,
            });
        }
    }
    if report.kind != "delivery" {
        return Ok(None);
    }
    let Some(address) = &report.address else { return Ok(None) };
    // A message under way or sent without a Message-ID could be meant as well: it makes the
    // answer ambiguous, so it counts as a candidate though only an `unknown` is ever resolved.
    let window = window();
    let mut candidates = recipients(
        db,
        "SELECT recipient.id, address, submission.state
         FROM recipient JOIN submission ON submission.id = submission_id
         WHERE sim = ?1 AND submission.kind = 'mms' AND mmsc_message_id IS NULL
           AND last_released_at IS NOT NULL
           AND last_released_at <= ?2 AND last_released_at >= ?2 - ?3
           AND submission.state IN ('unknown', 'sending', 'sent', 'queued')",
        params![sim, report.received_at, window],
    )?;
    candidates.retain(|candidate| candidate.address.same_party(address));
    Ok(match candidates.as_slice() {
        [only] if only.state == OutboundState::Unknown.as_str() => Some((only.id, true)),
        _ => None,
    })
}

fn apply(
    db: &Connection,
    report: &Waiting,
    recipient: i64,
    inferred: bool,
    at: Timestamp,
) -> Result<Change, Failure> {
    db.execute("UPDATE report SET recipient_id = ?2 WHERE id = ?1", params![report.id, recipient])?;
    let (message, submission, address, state): (String, i64, String, String) = db.query_row(
        "SELECT message_id, submission_id, address, state FROM recipient WHERE id = ?1",
        [recipient],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    )?;
    let before = rows::out_state(&state)?;
    if inferred {
        db.execute(
            "UPDATE submission SET mmsc_message_id = ?2 WHERE id = ?1",
            params![submission, report.mmsc_message_id],
        )?;
    }
    let after = state_after(before, &report.kind, &report.status);
    if before == OutboundState::Unknown && after != before {
        // The MMSC had it after all: a person must not be offered to send it again.
        db.execute(
            "UPDATE submission SET state = 'sent', in_doubt = 0 WHERE id = ?1",
            [submission],
        )?;
    }
    // What is known of the delivery is not hidden by what is known of the reading.
    let read = report.kind == "read";
    db.execute(
        "UPDATE recipient
         SET state = ?2, report = CASE WHEN ?5 THEN coalesce(report, ?3) ELSE ?3 END,
             inferred = inferred OR ?4,
             delivered_at = CASE WHEN ?2 = 'delivered' THEN coalesce(delivered_at, ?6)
                            ELSE delivered_at END,
             read_at = CASE WHEN ?3 = 'read' THEN coalesce(read_at, ?6) ELSE read_at END,
             fault = CASE WHEN ?2 IN ('sent', 'delivered') THEN NULL ELSE fault END
         WHERE id = ?1",
        params![recipient, after.as_str(), report.status, inferred, read, report.received_at],
    )?;
    let mut text = format!("{} report: {}", report.kind, report.status);
    if inferred {
        text.push_str(
            " (inferred: the only message without an answer to this recipient in that time)",
        );
    }
    rows::tell(
        db,
        &Entry {
            message: &message,
            at,
            recipient: Some(&Address::from_wire(&address)),
            state: after.as_str(),
            text: &text,
            fault: None,
        },
    )?;
    rows::refresh_outbound(db, &message, at)
}

/// The state of a recipient after a report.
fn state_after(before: OutboundState, kind: &str, status: &str) -> OutboundState {
    // A phone that has it does not lose it again, whatever comes later.
    if before == OutboundState::Delivered {
        return before;
    }
    let reported = match kind {
        "delivery" => status_named(status).and_then(ReportStatus::outbound_state),
        // Who reads or deletes a message has got it.
        _ => Some(OutboundState::Delivered),
    };
    match reported {
        Some(state) => state,
        None if before == OutboundState::Unknown => OutboundState::Sent,
        None => before,
    }
}

fn status_named(text: &str) -> Option<ReportStatus> {
    use ReportStatus::{
        Deferred, Expired, Forwarded, Indeterminate, Rejected, Retrieved, Unreachable, Unrecognised,
    };
    [Retrieved, Expired, Rejected, Unrecognised, Unreachable, Deferred, Indeterminate, Forwarded]
        .into_iter()
        .find(|status| status.as_str() == text)
}

struct Candidate {
    id: i64,
    address: Address,
    state: String,
}

fn recipients(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Candidate>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select
        .query_map(params, |row| {
            Ok(Candidate {
                id: row.get(0)?,
                address: Address::from_wire(&row.get::<_, String>(1)?),
                state: row.get(2)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// How many reports of a SIM fit nothing yet.
pub(super) fn count_waiting(db: &Connection, sim: &str) -> Result<usize, Failure> {
    let count: Option<i64> = db
        .query_row(
            "SELECT count(*) FROM report WHERE sim = ?1 AND recipient_id IS NULL",
            [sim],
            |row| row.get(0),
        )
        .optional()?;
    Ok(count.map_or(0, rows::size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_report_wins_until_the_phone_has_it() {
        use OutboundState::{Delivered, Expired, Sent, Undelivered, Unknown};
        assert_eq!(state_after(Sent, "delivery", "retrieved"), Delivered);
        assert_eq!(state_after(Sent, "delivery", "deferred"), Sent);
        assert_eq!(state_after(Undelivered, "delivery", "retrieved"), Delivered);
        assert_eq!(state_after(Sent, "delivery", "expired"), Expired);
        assert_eq!(state_after(Delivered, "delivery", "expired"), Delivered);
        assert_eq!(state_after(Unknown, "delivery", "deferred"), Sent);
        assert_eq!(state_after(Sent, "delivery", "0x9f"), Sent);
        assert_eq!(state_after(Sent, "read", "read"), Delivered);
    }
}

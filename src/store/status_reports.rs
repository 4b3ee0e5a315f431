//! SMS-STATUS-REPORTs: which segment one is about, and what it changes. A report is known by
//! TP-Message-Reference, recipient and SIM (3GPP TS 23.040 clause 9.2.3.6); references wrap around
//! after 256 messages.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::reports::window;
use super::rows::{self, Entry};
use super::{Change, Store, StoreError, outbound};
use crate::model::{Address, OutboundState, Timestamp};

/// What a status report says of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsStatus {
    /// TP-Message-Reference.
    pub message_reference: u8,
    /// TP-Recipient-Address.
    pub recipient: Address,
    /// When the service centre had accepted the message, by its clock.
    pub accepted_at: Option<Timestamp>,
    /// TP-Status.
    pub status: u8,
    /// What that means.
    pub outcome: StatusOutcome,
    /// The same in words.
    pub text: String,
}

/// What a TP-Status means for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusOutcome {
    /// The phone has it.
    Delivered,
    /// It was handed on; more is not known.
    HandedOn,
    /// The service centre still tries.
    Trying,
    /// Its validity period is over.
    Expired,
    /// It will not arrive.
    Failed,
}

impl StatusOutcome {
    const ALL: [Self; 5] =
        [Self::Delivered, Self::HandedOn, Self::Trying, Self::Expired, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::HandedOn => "handed-on",
            Self::Trying => "trying",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

impl Store {
    /// Files the status report in a short message, which is done with then, and applies it when
    /// its segment is known.
    ///
    /// # Errors
    /// When the store fails; the short message stays pending then.
    pub async fn file_status_report(
        &self,
        sim: &str,
        tpdu: i64,
        report: SmsStatus,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let sim = sim.to_owned();
        self.write(move |db| file(db, &sim, tpdu, &report, at)).await
    }
}

fn file(
    db: &Connection,
    sim: &str,
    tpdu: i64,
    report: &SmsStatus,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    db.execute(
        "INSERT INTO sms_report (sim, received_at, message_reference, address, accepted_at,
                                 status, outcome, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            sim,
            at.as_millis(),
            report.message_reference,
            report.recipient.to_wire(),
            report.accepted_at.map(Timestamp::as_millis),
            report.status,
            report.outcome.as_str(),
            report.text,
        ],
    )?;
    db.execute(
        "UPDATE tpdu SET state = 'done', note = 'status report of a short message' WHERE id = ?1",
        [tpdu],
    )?;
    match_waiting(db, sim, at)
}

struct Waiting {
    id: i64,
    received_at: i64,
    message_reference: u8,
    address: Address,
    accepted_at: Option<i64>,
    status: u8,
    outcome: StatusOutcome,
    text: String,
}

/// Tries the reports that fit nothing so far once more.
pub(super) fn match_waiting(
    db: &Connection,
    sim: &str,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let waiting = {
        let mut select = db.prepare_cached(
            "SELECT id, received_at, message_reference, address, accepted_at, status, outcome, text
             FROM sms_report WHERE sim = ?1 AND segment_id IS NULL AND received_at >= ?2
             ORDER BY id",
        )?;
        select
            .query_map(params![sim, at.as_millis().saturating_sub(window())], |row| {
                let outcome: String = row.get(6)?;
                Ok(Waiting {
                    id: row.get(0)?,
                    received_at: row.get(1)?,
                    message_reference: row.get(2)?,
                    address: Address::from_wire(&row.get::<_, String>(3)?),
                    accepted_at: row.get(4)?,
                    status: row.get(5)?,
                    outcome: StatusOutcome::parse(&outcome).unwrap_or(StatusOutcome::Trying),
                    text: row.get(7)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    let mut changes = Vec::new();
    for report in waiting {
        if is_repeated(db, sim, &report)? {
            continue;
        }
        if let Some((segment, inferred)) = find(db, sim, &report)? {
            changes.push(apply(db, &report, segment, inferred, at)?);
        }
    }
    Ok(changes)
}

/// Ties a report to the segment of an earlier one that says the same of the same short message,
/// stamped by the service centre with the same time: such a one confirms nothing else.
fn is_repeated(db: &Connection, sim: &str, report: &Waiting) -> Result<bool, Failure> {
    let Some(accepted) = report.accepted_at else { return Ok(false) };
    let earlier = candidates(
        db,
        "SELECT segment_id, address, id FROM sms_report
         WHERE sim = ?1 AND message_reference = ?2 AND accepted_at = ?3 AND segment_id IS NOT NULL
               AND status = ?4 AND id <> ?5",
        params![sim, report.message_reference, accepted, report.status, report.id],
    )?;
    let same = earlier
        .iter()
        .find(|(_, address, _)| Address::from_wire(address).same_party(&report.address));
    let Some((segment, ..)) = same else { return Ok(false) };
    db.execute("UPDATE sms_report SET segment_id = ?2 WHERE id = ?1", params![report.id, segment])?;
    Ok(true)
}

/// The segment that a report is about, and whether that is only inferred.
fn find(db: &Connection, sim: &str, report: &Waiting) -> Result<Option<(i64, bool)>, Failure> {
    let same = |(_, address, _): &(i64, String, i64)| {
        Address::from_wire(address).same_party(&report.address)
    };
    // One that has its final word is done with its reference.
    let mut sent = candidates(
        db,
        "SELECT segment.id, address, segment.released_at
         FROM segment JOIN recipient USING (submission_id)
         WHERE sim = ?1 AND message_reference = ?2 AND segment.state = 'sent'
           AND coalesce(outcome, 'trying') IN ('trying', 'handed-on')
           AND segment.released_at BETWEEN ?3 - ?4 AND ?3",
        params![sim, report.message_reference, report.received_at, window()],
    )?;
    sent.retain(same);
    // After 256 messages the same reference stands for two: the service centre's own time tells.
    let fitting = sent.into_iter().min_by_key(|(id, _, released)| match report.accepted_at {
        Some(accepted) => (released.abs_diff(accepted), -id),
        None => (released.abs_diff(report.received_at), -id),
    });
    if let Some((segment, ..)) = fitting {
        return Ok(Some((segment, false)));
    }
    // The modem never told the reference of one without an answer, and some never tell any. One
    // under way could be meant as well, so it makes the answer ambiguous.
    let mut untold = candidates(
        db,
        "SELECT segment.id, address, CASE segment.state WHEN 'sending' THEN 0 ELSE submission_id END
         FROM segment JOIN recipient USING (submission_id)
         WHERE sim = ?1 AND segment.released_at BETWEEN ?2 - ?3 AND ?2
           AND (segment.state IN ('unknown', 'sending')
                OR (segment.state = 'sent' AND message_reference IS NULL
                    AND coalesce(outcome, 'trying') IN ('trying', 'handed-on')))
         ORDER BY segment.number",
        params![sim, report.received_at, window()],
    )?;
    untold.retain(same);
    // The parts of one text stand for each other: how many of them arrived is what counts.
    let of_one = |first: &(i64, String, i64)| {
        first.2 != 0 && untold.iter().all(|(_, _, submission)| *submission == first.2)
    };
    Ok(untold.first().filter(|first| of_one(first)).map(|(segment, ..)| (*segment, true)))
}

fn candidates(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(i64, String, i64)>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select
        .query_map(params, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn apply(
    db: &Connection,
    report: &Waiting,
    segment: i64,
    inferred: bool,
    at: Timestamp,
) -> Result<Change, Failure> {
    db.execute("UPDATE sms_report SET segment_id = ?2 WHERE id = ?1", params![report.id, segment])?;
    let submission: i64 = db.query_row(
        "UPDATE segment SET state = 'sent', status = ?2, outcome = ?3,
                            message_reference = coalesce(message_reference, ?4)
         WHERE id = ?1 RETURNING submission_id",
        params![segment, report.status, report.outcome.as_str(), report.message_reference],
        |row| row.get(0),
    )?;
    let tally = tally(db, submission)?;
    let (message, recipient, address, before, open): (String, i64, String, String, bool) = db
        .query_row(
            "SELECT recipient.message_id, recipient.id, address, recipient.state,
                    submission.state IN ('queued', 'sending')
             FROM recipient JOIN submission ON submission.id = submission_id
             WHERE submission_id = ?1",
            [submission],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
        )?;
    let before = rows::out_state(&before)?;
    if tally.sent == tally.total && before == OutboundState::Unknown {
        // The network has all of it after all.
        db.execute(
            "UPDATE submission SET state = 'sent', in_doubt = 0 WHERE id = ?1",
            [submission],
        )?;
    }
    // While other parts of it are still to leave nothing is final; [`refresh`] says it then.
    let after = if open { before } else { state_after(before, &tally) };
    let text = if tally.total == 1 {
        report.text.clone()
    } else if tally.delivered == tally.total {
        format!("all {} parts received by the recipient", tally.total)
    } else {
        format!("{}; {} of {} parts received", report.text, tally.delivered, tally.total)
    };
    db.execute(
        "UPDATE recipient
         SET state = ?2, report = ?3, inferred = inferred OR ?4,
             fault = CASE WHEN ?2 IN ('sent', 'delivered') THEN NULL ELSE fault END
         WHERE id = ?1",
        params![recipient, after.as_str(), text, inferred],
    )?;
    let mut told = format!("delivery report: {text}");
    if inferred {
        told.push_str(
            " (inferred: the only message to this recipient in that time whose reference is not known)",
        );
    }
    let address = Address::from_wire(&address);
    rows::tell(
        db,
        &Entry {
            message: &message,
            at,
            recipient: Some(&address),
            state: after.as_str(),
            text: &told,
            fault: None,
        },
    )?;
    rows::refresh_outbound(db, &message, at)
}

/// Gives the recipient of a submission that was just sent the state that earlier reports say.
pub(super) fn refresh(
    db: &Connection,
    submission: i64,
    message: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let tally = tally(db, submission)?;
    let after = state_after(OutboundState::Sent, &tally);
    if after == OutboundState::Sent {
        return Ok(());
    }
    let report: Option<Option<String>> = db
        .query_row(
            "UPDATE recipient SET state = ?2 WHERE submission_id = ?1 AND state = 'sent'
             RETURNING report",
            params![submission, after.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(report) = report {
        let report = report.unwrap_or_default();
        let text = format!("delivery report, which came before the modem's answer: {report}");
        outbound::tell(db, submission, message, at, after, &text, None)?;
    }
    Ok(())
}

/// How far the segments of one recipient got.
struct Tally {
    total: u32,
    sent: u32,
    delivered: u32,
    expired: u32,
    failed: u32,
}

fn tally(db: &Connection, submission: i64) -> Result<Tally, Failure> {
    let tally = db.query_row(
        "SELECT count(*), sum(state = 'sent'), sum(coalesce(outcome = 'delivered', 0)),
                sum(coalesce(outcome = 'expired', 0)), sum(coalesce(outcome = 'failed', 0))
         FROM segment WHERE submission_id = ?1",
        [submission],
        |row| {
            Ok(Tally {
                total: row.get(0)?,
                sent: row.get(1)?,
                delivered: row.get(2)?,
                expired: row.get(3)?,
                failed: row.get(4)?,
            })
        },
    )?;
    Ok(tally)
}

/// The state of a recipient after a report: delivered when all of it is, undelivered when any of it
/// is not, since a phone shows nothing of a text in which a part is missing.
const fn state_after(before: OutboundState, tally: &Tally) -> OutboundState {
    if matches!(before, OutboundState::Delivered) || tally.delivered == tally.total {
        return OutboundState::Delivered;
    }
    if tally.failed > 0 {
        return OutboundState::Undelivered;
    }
    if tally.expired > 0 {
        return OutboundState::Expired;
    }
    match before {
        OutboundState::Unknown if tally.sent == tally.total => OutboundState::Sent,
        _ => before,
    }
}

//! The life of short messages that we send: each recipient has its own submission, each submission
//! its SMS-SUBMITs, and each of those is on record before its first octet leaves.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::idempotency::{Acceptance, take_once};
use super::outbound::{first_state, show_attempt, take_due, tell_schedule};
use super::{Change, Store, StoreError, Way, rows, sim_use, ways};
use crate::model::{
    Address, Fault, Kind, MediaType, MessageId, Origin, OutboundState, Part, Priority, Timestamp,
    TransactionId,
};

/// A short message to be made durable, its TPDUs encoded.
#[derive(Debug, Clone)]
pub struct NewText {
    /// Our id.
    pub id: MessageId,
    /// The caller's own reference.
    pub client_ref: Option<String>,
    /// Who hands it in.
    pub origin: Origin,
    /// The whole text.
    pub text: String,
    /// Give up when the network does not have it by then.
    pub expires_at: Timestamp,
    /// Whether the caller named that time; else it is counted from now by our clock.
    pub end_named: bool,
    /// How urgent it is.
    pub priority: Priority,
    /// Not before this time.
    pub send_at: Option<Timestamp>,
    /// One a recipient.
    pub submissions: Vec<NewTextSubmission>,
}

/// The SMS-SUBMITs for one recipient.
#[derive(Debug, Clone)]
pub struct NewTextSubmission {
    /// Names it in the store.
    pub transaction_id: TransactionId,
    /// Whom it addresses.
    pub recipient: Address,
    /// The TPDUs without SMSC prefix, in order.
    pub segments: Vec<Bytes>,
    /// By which modem it goes.
    pub way: Way,
    /// Why it is not sent, although the rest of the message is.
    pub refused: Option<Fault>,
}

/// What a worker has claimed: the segments of one recipient that did not leave yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSubmission {
    /// Names it towards the store.
    pub key: i64,
    /// The message it belongs to.
    pub message: MessageId,
    /// Whom it addresses.
    pub recipient: Address,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Give up when the network does not have it by then.
    pub expires_at: Option<Timestamp>,
    /// Segments in all.
    pub total: u32,
    /// What is left to send, in order.
    pub segments: Vec<TextSegment>,
}

/// One SMS-SUBMIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSegment {
    /// Names it towards the store.
    pub key: i64,
    /// Its number, from 1.
    pub number: u32,
    /// The TPDU without SMSC prefix.
    pub tpdu: Bytes,
    /// How many earlier attempts may have left.
    pub releases: u32,
}

/// What became of a segment that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentOutcome {
    /// The service centre took it, under this TP-Message-Reference where the modem told it.
    Sent(Option<u8>),
    /// The network cannot have it.
    NotTaken,
    /// The network may have it.
    Unknown,
}

impl Store {
    /// Makes a short message durable in one commit; its recipients are `queued`.
    ///
    /// # Errors
    /// When the account may not, or the store fails; nothing is kept then.
    pub async fn accept_text(
        &self,
        text: NewText,
        at: Timestamp,
    ) -> Result<Acceptance, StoreError> {
        let recipients = text.submissions.iter().filter(|one| one.refused.is_none()).count();
        self.room()?;
        self.write(move |db| {
            take_once(db, &text.origin, recipients, at, |db| accept(db, &text, at))
        })
        .await
    }

    /// Takes the next due short message of `modem`, which holds the SIM `sim` now: it is `sending`
    /// afterwards.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_text(
        &self,
        modem: &str,
        sim: &str,
        at: Timestamp,
    ) -> Result<Option<(TextSubmission, Change)>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.write(move |db| claim(db, &modem, &sim, at)).await
    }

    /// Commits that a segment is about to leave, with the octets that will leave. From then on a
    /// lost answer means `unknown`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when its submission is not `sending` any longer (a person withdrew
    /// it); the segment must stay here then.
    pub async fn release_segment(
        &self,
        key: i64,
        tpdu: Bytes,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |db| release(db, key, &tpdu, at)).await
    }

    /// Records what became of a segment that was released.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_segment(
        &self,
        key: i64,
        outcome: SegmentOutcome,
    ) -> Result<(), StoreError> {
        self.write(move |db| settle(db, key, outcome)).await
    }
}

/// A text as the only part of a message.
pub(super) fn text_part(text: &str) -> Part {
    Part {
        media_type: MediaType::new("text/plain"),
        charset: Some("utf-8".to_owned()),
        name: None,
        content_id: None,
        content_location: None,
        body: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn accept(db: &Connection, text: &NewText, at: Timestamp) -> Result<Change, Failure> {
    let id = text.id.as_str();
    let segments = text.submissions.first().map_or(0, |first| first.segments.len());
    let (begin, due) = first_state(text.send_at, at);
    db.execute(
        "INSERT INTO message (id, direction, state, created_at, updated_at, preview, client_ref,
                              modem, expires_at, kind, segments, end_counted)
         VALUES (?1, 'out', ?9, ?2, ?2, ?3, ?4, ?5, ?6, 'sms', ?7, ?8)",
        params![
            id,
            at.as_millis(),
            text.text,
            text.client_ref,
            text.submissions.first().map(|first| &first.way.modem),
            text.expires_at.as_millis(),
            rows::column(segments),
            !text.end_named,
            begin.as_str(),
        ],
    )?;
    rows::put_parts(db, id, &[text_part(&text.text)])?;
    for (position, submission) in text.submissions.iter().enumerate() {
        let way = &submission.way;
        let state = if submission.refused.is_some() { OutboundState::Failed } else { begin };
        db.prepare_cached(
            "INSERT INTO submission (message_id, transaction_id, head, state, modem,
                                     next_attempt_at, kind, bound_to, priority, send_route)
             VALUES (?1, ?2, x'', ?6, ?3, ?4, 'sms', ?5, ?7, ?8)",
        )?
        .execute(params![
            id,
            submission.transaction_id.as_str(),
            way.modem,
            due.as_millis(),
            way.sim,
            state.as_str(),
            text.priority.rank(),
            way.route
        ])?;
        let key = db.last_insert_rowid();
        db.prepare_cached(
            "INSERT INTO recipient (message_id, submission_id, position, address, state, fault)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            key,
            rows::column(position),
            submission.recipient.to_wire(),
            state.as_str(),
            rows::fault_json(submission.refused.as_ref())
        ])?;
        if submission.refused.is_none() {
            ways::remember(db, &submission.recipient, way, at)?;
        }
        for (number, tpdu) in (1_i64..).zip(&submission.segments) {
            db.prepare_cached(
                "INSERT INTO segment (submission_id, number, tpdu) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![key, number, &tpdu[..]])?;
        }
    }
    let told = match segments {
        1 => "accepted and stored, one SMS".to_owned(),
        more => format!("accepted and stored, {more} SMS for each recipient"),
    };
    let ways = text.submissions.iter().filter(|one| one.refused.is_none());
    ways::tell(
        db,
        id,
        &told,
        ways.map(|one| (std::slice::from_ref(&one.recipient), &one.way)),
        at,
    )?;
    for one in &text.submissions {
        if let Some(fault) = &one.refused {
            ways::tell_refused(db, id, std::slice::from_ref(&one.recipient), fault, at)?;
        }
    }
    tell_schedule(db, id, text.send_at, begin, at)?;
    rows::refresh_outbound(db, id, at)
}

fn claim(
    db: &Connection,
    modem: &str,
    sim: &str,
    at: Timestamp,
) -> Result<Option<(TextSubmission, Change)>, Failure> {
    let Some(key) = take_due(db, Kind::Sms, modem, sim, at)? else { return Ok(None) };
    let (message, attempt, expires_at, recipient, total) = db.query_row(
        "SELECT submission.message_id, attempts, expires_at, address,
                (SELECT count(*) FROM segment WHERE submission_id = submission.id)
         FROM submission JOIN message ON message.id = submission.message_id
              JOIN recipient ON recipient.submission_id = submission.id
         WHERE submission.id = ?1",
        [key],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, String>(3)?,
                row.get(4)?,
            ))
        },
    )?;
    let segments = {
        let mut select = db.prepare_cached(
            "SELECT id, number, tpdu, releases FROM segment
             WHERE submission_id = ?1 AND state <> 'sent' ORDER BY number",
        )?;
        select
            .query_map([key], |row| {
                Ok(TextSegment {
                    key: row.get(0)?,
                    number: row.get(1)?,
                    tpdu: Bytes::from(row.get::<_, Vec<u8>>(2)?),
                    releases: row.get(3)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?
    };
    let change = show_attempt(db, key, &message, modem, attempt, at)?;
    let submission = TextSubmission {
        key,
        message: rows::message_id(&message)?,
        recipient: Address::from_wire(&recipient),
        attempt,
        expires_at: expires_at.map(Timestamp::from_millis),
        total,
        segments,
    };
    Ok(Some((submission, change)))
}

fn release(db: &Connection, key: i64, tpdu: &[u8], at: Timestamp) -> Result<(), Failure> {
    let gone = || StoreError::NotFound { what: "short message to release".to_owned() };
    let releases: u32 = db
        .prepare_cached(
            "UPDATE segment
             SET state = 'sending', tpdu = ?2, released_at = ?3, releases = releases + 1,
                 message_reference = NULL, status = NULL, outcome = NULL,
                 sim = (SELECT sim FROM submission WHERE id = submission_id)
             WHERE id = ?1 AND state <> 'sent'
               AND (SELECT state FROM submission WHERE id = submission_id) = 'sending'
             RETURNING releases",
        )?
        .query_row(params![key, tpdu, at.as_millis()], |row| row.get(0))
        .optional()?
        .ok_or_else(gone)?;
    db.execute(
        "UPDATE submission SET released_at = ?2, last_released_at = ?2, releases = ?3
         WHERE id = (SELECT submission_id FROM segment WHERE id = ?1)",
        params![key, at.as_millis(), releases],
    )?;
    sim_use::note_segment(db, key, at)
}

fn settle(db: &Connection, key: i64, outcome: SegmentOutcome) -> Result<(), Failure> {
    let (state, reference) = match outcome {
        SegmentOutcome::Sent(reference) => ("sent", reference),
        SegmentOutcome::NotTaken => ("queued", None),
        SegmentOutcome::Unknown => ("unknown", None),
    };
    // What is settled is no longer in doubt after a crash.
    db.execute(
        "UPDATE submission SET released_at = NULL
         WHERE ?2 <> 'unknown' AND id = (SELECT submission_id FROM segment WHERE id = ?1)",
        params![key, state],
    )?;
    db.prepare_cached(
        "UPDATE segment SET state = ?2, message_reference = ?3,
                            releases = releases - (?2 = 'queued')
         WHERE id = ?1 AND state = 'sending'",
    )?
    .execute(params![key, state, reference])?;
    Ok(())
}

/// What a start makes of segments that were under way: as their submission, which was recovered
/// before.
pub(super) fn recover(db: &Connection) -> Result<(), Failure> {
    db.execute(
        "UPDATE segment
         SET state = CASE (SELECT state FROM submission WHERE id = submission_id)
                     WHEN 'unknown' THEN 'unknown' ELSE 'queued' END
         WHERE state = 'sending'
           AND (SELECT state FROM submission WHERE id = submission_id) <> 'sending'",
        [],
    )?;
    Ok(())
}

//! The life of what we send, in the store: accept, claim, release, settle, recover (design: at most
//! once by default). What a person may do is in `actions`.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::forward;
use super::held::{self, Held};
use super::idempotency::{Acceptance, take_once};
use super::recovery;
use super::reports;
use super::rows::{self, Entry};
use super::{
    Change, Hold, NewOutbound, Settlement, Store, StoreError, Submission, gate, sim_use,
    status_reports, ways,
};
use crate::model::{
    Address, Direction, Fault, Kind, MessageId, OutboundState, State, Timestamp, TransactionId,
};

/// Submissions that one commit puts off: others who write do not wait for thousands.
const POSTPONED_AT_ONCE: usize = 500;

impl Store {
    /// Makes a message durable in one commit; its recipients are `queued`.
    ///
    /// # Errors
    /// When the account may not, or the store fails; nothing is kept then.
    pub async fn accept(
        &self,
        message: NewOutbound,
        at: Timestamp,
    ) -> Result<Acceptance, StoreError> {
        let taken = message.submissions.iter().filter(|one| one.refused.is_none());
        let recipients = taken.map(|one| one.recipients.len()).sum();
        self.room()?;
        self.write(move |db| {
            take_once(db, &message.origin, recipients, at, |db| accept(db, &message, at))
        })
        .await
    }

    /// Takes the next due submission of `modem`, which holds the SIM `sim` now: it is `sending`
    /// afterwards.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_submission(
        &self,
        modem: &str,
        sim: &str,
        at: Timestamp,
    ) -> Result<Option<(Submission, Change)>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.write(move |db| claim(db, &modem, &sim, at)).await
    }

    /// Commits that the final block of a submission's body is about to leave. From then on a lost
    /// answer means `unknown`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the submission is not `sending` any longer (a person withdrew
    /// it); the final block must be held back then.
    pub async fn release(&self, key: i64, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| {
            let rows = db.execute(
                "UPDATE submission
                 SET released_at = ?2, last_released_at = ?2, releases = releases + 1
                 WHERE id = ?1 AND state = 'sending'",
                params![key, at.as_millis()],
            )?;
            if rows == 1 {
                sim_use::note_submission(db, key, at)
            } else {
                Err(StoreError::NotFound { what: "submission to release".to_owned() }.into())
            }
        })
        .await
    }

    /// Records how an attempt ended. What a person withdrew in the meantime stays withdrawn. A
    /// report that waited for this outcome may change other messages as well; the submission's own
    /// comes last.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle(
        &self,
        key: i64,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        self.write(move |db| settle(db, key, &settlement, at)).await
    }

    /// Puts a submission that was claimed but not started back: the attempt does not count and is
    /// not in the timeline. None when it was not claimed any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unclaim(&self, key: i64, at: Timestamp) -> Result<Option<Change>, StoreError> {
        self.write(move |db| unclaim(db, key, at)).await
    }

    /// Shows why the due submissions of this kind are not under way in `modem`; they stay queued
    /// and are due again at `next`, or as soon as the modem serves.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn postpone_submissions(
        &self,
        modem: &str,
        kind: Kind,
        hold: Hold,
        fault: Fault,
        next: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let mut changes = Vec::new();
        loop {
            let (modem, fault) = (modem.to_owned(), fault.clone());
            let put_off =
                self.write(move |db| postpone(db, &modem, kind, hold, &fault, next, at)).await?;
            let rest = put_off.len() >= POSTPONED_AT_ONCE && next > at;
            changes.extend(put_off);
            if !rest {
                return Ok(changes);
            }
        }
    }

    /// Does what time does: ends queued submissions whose time is over, and queues scheduled ones
    /// whose time has come.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_submissions(&self, at: Timestamp) -> Result<Vec<Change>, StoreError> {
        self.write(move |db| {
            let mut changes = expire(db, at)?;
            changes.extend(begin_scheduled(db, at)?);
            Ok(changes)
        })
        .await
    }

    /// After a restart: what was `sending` is `queued` again, or `unknown` where its release was
    /// recorded (with `resend` only when that happened before); what was `retrieving` is fetched
    /// again. Submissions of modems that no longer exist go to the first of `modems`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover(
        &self,
        modems: Vec<String>,
        unknown: Fault,
        resend: bool,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        self.write(move |db| {
            let mut changes = recovery::recover(db, None, &unknown, resend, at)?;
            changes.extend(recovery::reroute(db, &modems, at)?);
            Ok(changes)
        })
        .await
    }

    /// The same for what one modem's worker has left behind when the store failed under it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn recover_line(
        &self,
        modem: &str,
        unknown: Fault,
        resend: bool,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let modem = modem.to_owned();
        self.write(move |db| recovery::recover(db, Some(&modem), &unknown, resend, at)).await
    }

    /// Octets of a message's largest PDU.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn largest_pdu(&self, id: &MessageId) -> Result<usize, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| {
            let octets: Option<i64> = db.query_row(
                "SELECT max(length(head) + length(body))
                 FROM submission JOIN payload USING (message_id) WHERE message_id = ?1",
                [id],
                |row| row.get(0),
            )?;
            Ok(octets.map_or(0, rows::size))
        })
        .await
    }
}

fn accept(db: &Connection, message: &NewOutbound, at: Timestamp) -> Result<Change, Failure> {
    let id = message.id.as_str();
    let (begin, due) = first_state(message.send_at, at);
    db.prepare_cached(
        "INSERT INTO message (id, direction, state, created_at, updated_at, subject, preview,
                              client_ref, modem, expires_at, end_counted, forwards)
         VALUES (?1, 'out', ?9, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10)",
    )?
    .execute(params![
        id,
        at.as_millis(),
        message.subject,
        rows::preview(&message.parts),
        message.client_ref,
        message.submissions.first().map(|first| &first.way.modem),
        message.expires_at.as_millis(),
        !message.end_named,
        begin.as_str(),
        message.forwards.as_ref().map(MessageId::as_str),
    ])?;
    rows::put_parts(db, id, &message.parts)?;
    let tail = shared_tail(message.submissions.iter().map(|submission| &submission.pdu[..]));
    let payload = message
        .submissions
        .first()
        .and_then(|first| first.pdu.get(first.pdu.len().saturating_sub(tail)..))
        .unwrap_or_default();
    db.prepare_cached("INSERT INTO payload (message_id, body) VALUES (?1, ?2)")?
        .execute(params![id, payload])?;
    let mut position = 0_usize;
    for submission in &message.submissions {
        let head =
            submission.pdu.get(..submission.pdu.len().saturating_sub(tail)).unwrap_or_default();
        let way = &submission.way;
        let state = if submission.refused.is_some() { OutboundState::Failed } else { begin };
        db.prepare_cached(
            "INSERT INTO submission (message_id, transaction_id, head, state, modem,
                                     next_attempt_at, bound_to, priority, send_route, own_sim)
             VALUES (?1, ?2, ?3, ?7, ?4, ?5, ?6, ?8, ?9, ?10)",
        )?
        .execute(params![
            id,
            submission.transaction_id.as_str(),
            head,
            way.modem,
            due.as_millis(),
            way.sim,
            state.as_str(),
            message.priority.rank(),
            way.route,
            way.own_sim
        ])?;
        let key = db.last_insert_rowid();
        for address in &submission.recipients {
            db.prepare_cached(
                "INSERT INTO recipient (message_id, submission_id, position, address, state, fault)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                id,
                key,
                rows::column(position),
                address.to_wire(),
                state.as_str(),
                rows::fault_json(submission.refused.as_ref())
            ])?;
            if submission.refused.is_none() {
                ways::remember(db, address, way, at)?;
            }
            position += 1;
        }
    }
    let ways = message.submissions.iter().filter(|one| one.refused.is_none());
    ways::tell(db, id, "accepted and stored", ways.map(|one| (&one.recipients[..], &one.way)), at)?;
    for one in &message.submissions {
        if let Some(fault) = &one.refused {
            ways::tell_refused(db, id, &one.recipients, fault, at)?;
        }
    }
    tell_schedule(db, id, message.send_at, begin, at)?;
    Ok(Change {
        id: message.id.clone(),
        kind: Kind::Mms,
        direction: Direction::Outbound,
        state: State::Out(begin),
        historic: false,
        entered: false,
        route: None,
    })
}

/// In which state a message begins, and when it is due.
pub(super) fn first_state(send_at: Option<Timestamp>, at: Timestamp) -> (OutboundState, Timestamp) {
    match send_at.filter(|send_at| *send_at > at) {
        Some(send_at) => (OutboundState::Scheduled, send_at),
        None => (OutboundState::Queued, at),
    }
}

/// Writes into the timeline until when a message waits.
pub(super) fn tell_schedule(
    db: &Connection,
    message: &str,
    send_at: Option<Timestamp>,
    state: OutboundState,
    at: Timestamp,
) -> Result<(), Failure> {
    let (OutboundState::Scheduled, Some(send_at)) = (state, send_at) else { return Ok(()) };
    let text = format!("to be sent at {send_at}");
    let (state, text) = (state.as_str(), text.as_str());
    rows::tell(db, &Entry { message, at, recipient: None, state, text, fault: None })
}

/// Queues what was scheduled for a time that has come.
fn begin_scheduled(db: &Connection, at: Timestamp) -> Result<Vec<Change>, Failure> {
    let begun = submissions(
        db,
        "SELECT id, message_id FROM submission INDEXED BY submission_begins
         WHERE state = 'scheduled' AND next_attempt_at <= ?1",
        params![at.as_millis()],
    )?;
    let mut changes = Vec::new();
    for (key, message) in begun {
        db.prepare_cached("UPDATE submission SET state = 'queued' WHERE id = ?1")?
            .execute([key])?;
        set_recipients(db, key, OutboundState::Queued, None)?;
        tell(db, key, &message, at, OutboundState::Queued, "its time has come", None)?;
        changes.push(rows::refresh_outbound(db, &message, at)?);
    }
    Ok(changes)
}

/// How many octets at the end all PDUs have in common, so that ten recipients do not cost ten
/// copies of the picture.
fn shared_tail<'a>(mut pdus: impl Iterator<Item = &'a [u8]>) -> usize {
    let Some(first) = pdus.next() else { return 0 };
    pdus.fold(first.len(), |shared, pdu| {
        let same = first.iter().rev().zip(pdu.iter().rev()).take_while(|(a, b)| a == b).count();
        shared.min(same)
    })
}

/// Takes the next due submission of this kind; it is `sending` afterwards.
pub(super) fn take_due(
    db: &Connection,
    kind: Kind,
    modem: &str,
    sim: &str,
    at: Timestamp,
) -> Result<Option<i64>, Failure> {
    let key = gate::next(db, kind, modem, sim, at)?;
    if let Some(key) = key {
        db.execute(
            "UPDATE submission
             SET state = 'sending', attempts = attempts + 1, sim = ?2, bound_to = ?2,
                 released_at = NULL
             WHERE id = ?1",
            params![key, sim],
        )?;
        held::let_go(db, Held::Submission, &key.to_string())?;
    }
    Ok(key)
}

/// Shows that an attempt with a submission that was taken begins.
pub(super) fn show_attempt(
    db: &Connection,
    key: i64,
    message: &str,
    modem: &str,
    attempt: u32,
    at: Timestamp,
) -> Result<Change, Failure> {
    set_recipients(db, key, OutboundState::Sending, None)?;
    db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![message, modem])?;
    let text = attempt_text(attempt);
    tell(db, key, message, at, OutboundState::Sending, &text, None)?;
    rows::refresh_outbound(db, message, at)
}

fn unclaim(db: &Connection, key: i64, at: Timestamp) -> Result<Option<Change>, Failure> {
    let row: Option<(String, u32)> = db
        .query_row(
            "UPDATE submission SET state = 'queued', attempts = attempts - 1, sim = NULL
             WHERE id = ?1 AND state = 'sending' AND released_at IS NULL
             RETURNING message_id, attempts",
            [key],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((message, attempts)) = row else { return Ok(None) };
    for recipient in recipients(db, key)? {
        db.execute(
            "DELETE FROM timeline
             WHERE id = (SELECT max(id) FROM timeline
                         WHERE message_id = ?1 AND recipient IS ?2
                               AND state = 'sending' AND text = ?3)",
            params![message, recipient.to_wire(), attempt_text(attempts.saturating_add(1))],
        )?;
    }
    set_recipients(db, key, OutboundState::Queued, None)?;
    rows::refresh_outbound(db, &message, at).map(Some)
}

/// How the timeline tells that an attempt begins.
fn attempt_text(attempt: u32) -> String {
    format!("attempt {attempt}")
}

fn claim(
    db: &Connection,
    modem: &str,
    sim: &str,
    at: Timestamp,
) -> Result<Option<(Submission, Change)>, Failure> {
    let Some(key) = take_due(db, Kind::Mms, modem, sim, at)? else { return Ok(None) };
    let (message, submission) = db.query_row(
        "SELECT message_id, transaction_id, CAST(head || body AS BLOB), attempts, expires_at,
                releases, forwards IS NOT NULL
         FROM submission JOIN payload USING (message_id)
              JOIN message ON message.id = message_id
         WHERE submission.id = ?1",
        [key],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                (
                    row.get::<_, String>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                    row.get::<_, u32>(3)?,
                    row.get::<_, Option<i64>>(4)?,
                    row.get::<_, u32>(5)?,
                    row.get::<_, bool>(6)?,
                ),
            ))
        },
    )?;
    let (transaction_id, pdu, attempt, expires_at, releases, forwards) = submission;
    let change = show_attempt(db, key, &message, modem, attempt, at)?;
    let submission = Submission {
        key,
        message: rows::message_id(&message)?,
        transaction_id: TransactionId::stored(transaction_id),
        pdu: Bytes::from(pdu),
        forwards,
        attempt,
        releases,
        expires_at: expires_at.map(Timestamp::from_millis),
    };
    Ok(Some((submission, change)))
}

/// What is told of a message that ends without success when an earlier attempt may have had it.
const IN_DOUBT: &str = "not this time, but the network may have it from an earlier attempt";

fn settle(
    db: &Connection,
    key: i64,
    settlement: &Settlement,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let row: Option<(String, Option<String>, bool, String)> = db
        .query_row(
            "SELECT message_id, sim, in_doubt, kind FROM submission
             WHERE id = ?1 AND state = 'sending'",
            [key],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((message, sim, in_doubt, kind)) = row else { return Ok(Vec::new()) };
    let kind = rows::kind_of(&kind)?;
    let (state, mmsc_message_id, text, fault, next) = match settlement {
        Settlement::Sent { mmsc_message_id, text } => {
            (OutboundState::Sent, mmsc_message_id.as_deref(), text.clone(), None, None)
        }
        Settlement::Failed { fault } | Settlement::Expired { fault } if in_doubt => {
            (OutboundState::Unknown, None, IN_DOUBT.to_owned(), Some(fault), None)
        }
        Settlement::Failed { fault } => {
            (OutboundState::Failed, None, "refused".to_owned(), Some(fault), None)
        }
        Settlement::Unknown { mmsc_message_id, fault } => (
            OutboundState::Unknown,
            mmsc_message_id.as_deref(),
            "the network may or may not have it".to_owned(),
            Some(fault),
            None,
        ),
        Settlement::Again { at, fault, .. } => {
            (OutboundState::Queued, None, format!("next attempt at {at}"), Some(fault), Some(*at))
        }
        Settlement::Expired { fault } => {
            (OutboundState::Expired, None, "given up".to_owned(), Some(fault), None)
        }
    };
    db.execute(
        "UPDATE submission
         SET state = ?2, mmsc_message_id = coalesce(?3, mmsc_message_id),
             next_attempt_at = coalesce(?4, next_attempt_at),
             released_at = CASE WHEN ?2 = 'queued' THEN NULL ELSE released_at END,
             in_doubt = ?2 <> 'sent' AND (in_doubt OR ?5),
             held_since = CASE WHEN ?2 = 'queued' THEN coalesce(held_since, ?6) END
         WHERE id = ?1",
        params![
            key,
            state.as_str(),
            mmsc_message_id,
            next.map(Timestamp::as_millis),
            matches!(
                settlement,
                Settlement::Unknown { .. } | Settlement::Again { in_doubt: true, .. }
            ),
            at.as_millis()
        ],
    )?;
    set_recipients(db, key, state, fault)?;
    tell(db, key, &message, at, state, &text, fault)?;
    if state == OutboundState::Sent {
        forward::told_at_the_original(db, &message, at)?;
    }
    let mut changes = Vec::new();
    if let Some(sim) = sim {
        // A report may have been quicker than the answer, or fit another message for certain now.
        changes = match kind {
            Kind::Mms => reports::match_waiting(db, &sim, at)?,
            Kind::Sms => {
                if state == OutboundState::Sent {
                    status_reports::refresh(db, key, &message, at)?;
                }
                status_reports::match_waiting(db, &sim, at)?
            }
        };
        changes.retain(|change| change.id.as_str() != message);
    }
    changes.push(rows::refresh_outbound(db, &message, at)?);
    Ok(changes)
}

fn postpone(
    db: &Connection,
    modem: &str,
    kind: Kind,
    hold: Hold,
    fault: &Fault,
    next: Timestamp,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let due = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE state = 'queued' AND modem = ?1 AND next_attempt_at <= ?2 AND kind = ?3
         LIMIT ?4",
        params![modem, at.as_millis(), kind.as_str(), rows::column(POSTPONED_AT_ONCE)],
    )?;
    let text = match hold {
        Hold::NoCall => format!("no data call; next attempt at {next}"),
        Hold::NoModem => format!("waits for modem {modem}"),
    };
    if due.is_empty() {
        return Ok(Vec::new());
    }
    // A modem that is away may have thousands: they are put off together.
    let keys: Vec<i64> = due.iter().map(|(key, _)| *key).collect();
    let keys = serde_json::to_string(&keys).unwrap_or_default();
    db.execute(
        "UPDATE submission SET next_attempt_at = ?2, held_since = coalesce(held_since, ?3)
         WHERE id IN (SELECT value FROM json_each(?1))",
        params![keys, next.as_millis(), at.as_millis()],
    )?;
    held::hold_submissions(db, &keys)?;
    let (state, json) = (OutboundState::Queued.as_str(), rows::fault_json(Some(fault)));
    // Who has it keeps it, whatever becomes of another attempt.
    db.execute(
        "UPDATE recipient SET state = ?2, fault = ?3
         WHERE submission_id IN (SELECT value FROM json_each(?1)) AND state <> 'delivered'",
        params![keys, state, json],
    )?;
    db.execute(
        "INSERT INTO timeline (message_id, at, recipient, state, text, fault, cause, verbatim, modem,
                               attempt)
         SELECT recipient.message_id, ?2, address, ?3, ?4, ?5, ?6, ?7, modem, nullif(attempts, 0)
         FROM json_each(?1) AS due JOIN submission ON submission.id = due.value
              JOIN recipient ON recipient.submission_id = submission.id
         ORDER BY submission.id, position",
        params![keys, at.as_millis(), state, text, json, fault.code, fault.verbatim],
    )?;
    let mut changes = Vec::new();
    for (_, message) in due {
        let change = match show_reason(db, &message, kind, json.as_deref(), at)? {
            Some(change) => change,
            None => rows::refresh_outbound(db, &message, at)?,
        };
        changes.push(change);
    }
    Ok(changes)
}

/// Shows at a message of a single submission, which waits and goes on waiting, why that is. None for
/// others.
fn show_reason(
    db: &Connection,
    message: &str,
    kind: Kind,
    fault: Option<&str>,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    // The state is not touched, nor what finds messages by it.
    let rows = db.execute(
        "UPDATE message SET updated_at = ?2, fault = ?3
         WHERE id = ?1 AND state = 'queued'
               AND (SELECT count(*) FROM submission WHERE message_id = ?1) = 1",
        params![message, at.as_millis(), fault],
    )?;
    let change = || -> Result<Change, Failure> {
        Ok(Change {
            id: rows::message_id(message)?,
            kind,
            direction: Direction::Outbound,
            state: State::Out(OutboundState::Queued),
            historic: false,
            entered: false,
            route: None,
        })
    };
    (rows == 1).then(change).transpose()
}

pub(super) fn expire(db: &Connection, at: Timestamp) -> Result<Vec<Change>, Failure> {
    let late = submissions(
        db,
        "SELECT submission.id, message_id
         FROM message INDEXED BY message_ends CROSS JOIN submission ON message_id = message.id
         WHERE message.state IN ('accepted', 'scheduled', 'queued') AND expires_at <= ?1
               AND submission.state = 'queued'",
        params![at.as_millis()],
    )?;
    let mut changes = Vec::new();
    for (key, message) in late {
        let (state, text) =
            end(db, key, OutboundState::Expired, "its time was over before the network took it")?;
        // The last fault stays: it says why there was no success in time.
        db.execute(
            "UPDATE recipient SET state = ?2 WHERE submission_id = ?1 AND state <> 'delivered'",
            params![key, state.as_str()],
        )?;
        tell(db, key, &message, at, state, text, None)?;
        changes.push(rows::refresh_outbound(db, &message, at)?);
    }
    Ok(changes)
}

/// Ends a submission that is not under way: as wished, or `unknown` when the MMSC may have it from
/// an earlier attempt.
pub(super) fn end(
    db: &Connection,
    key: i64,
    wished: OutboundState,
    text: &'static str,
) -> Result<(OutboundState, &'static str), Failure> {
    let in_doubt: bool = db.query_row(
        "UPDATE submission SET state = CASE WHEN in_doubt THEN 'unknown' ELSE ?2 END
         WHERE id = ?1 RETURNING in_doubt",
        params![key, wished.as_str()],
        |row| row.get(0),
    )?;
    Ok(if in_doubt { (OutboundState::Unknown, IN_DOUBT) } else { (wished, text) })
}

pub(super) fn submissions(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<(i64, String)>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select
        .query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

pub(super) fn set_recipients(
    db: &Connection,
    key: i64,
    state: OutboundState,
    fault: Option<&Fault>,
) -> Result<(), Failure> {
    // Who has it keeps it, whatever becomes of another attempt.
    db.prepare_cached(
        "UPDATE recipient SET state = ?2, fault = ?3
         WHERE submission_id = ?1 AND state <> 'delivered'",
    )?
    .execute(params![key, state.as_str(), rows::fault_json(fault)])?;
    Ok(())
}

/// Writes into the timeline what became of a submission.
pub(super) fn tell(
    db: &Connection,
    key: i64,
    message: &str,
    at: Timestamp,
    state: OutboundState,
    text: &str,
    fault: Option<&Fault>,
) -> Result<(), Failure> {
    let state = state.as_str();
    for recipient in &recipients(db, key)? {
        let recipient = Some(recipient);
        rows::tell(db, &Entry { message, at, recipient, state, text, fault })?;
    }
    Ok(())
}

/// Whom a submission addresses: each has a timeline of its own.
pub(super) fn recipients(db: &Connection, key: i64) -> Result<Vec<Address>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT address FROM recipient WHERE submission_id = ?1 ORDER BY position",
    )?;
    let rows =
        select.query_map([key], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.iter().map(|address| Address::from_wire(address)).collect())
}

/// Whether a state is one of an outbound message.
pub(super) const fn is_outbound(state: State) -> bool {
    matches!(state, State::Out(_))
}

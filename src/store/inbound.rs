//! The life of what we receive, in the store: retrieval and acknowledgement, each due at its time,
//! the second never in the way of the first.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::acks::{AckKind, NOTIFY_DEFERRED, NOTIFY_REJECTED, NewAck, add_ack, put_acks};
use super::connection::Connection;
use super::engine::Failure;
use super::held::{self, Held};
use super::rows::{self, Entry};
use super::{Change, Store, StoreError, Wish, opt_out};
use crate::model::{Address, Fault, InboundState, MessageId, Part, Timestamp};

/// An M-Notification.ind, ready to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// X-Mms-Transaction-Id.
    pub transaction_id: String,
    /// X-Mms-Content-Location.
    pub content_location: String,
    /// Sender, when it says so.
    pub from: Option<Address>,
    /// Subject, when it says so.
    pub subject: Option<String>,
    /// Octets as announced.
    pub size: Option<u64>,
    /// How long the MMSC keeps it.
    pub life: Life,
    /// Whether it is to be fetched.
    pub retrieve: Retrieve,
}

/// What is to be done about an announced message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retrieve {
    /// It is fetched at once.
    #[default]
    Now,
    /// The MMSC is told that it is fetched later, when somebody says so.
    Later,
    /// The MMSC is told that it is not wanted.
    Never,
}

/// Until when a message can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When the MMSC drops it, clamped to what is plausible.
    pub until: Timestamp,
    /// Whether that was counted from our own clock.
    pub counted: bool,
    /// Whether that was long ago already.
    pub over: bool,
}

/// A retrieval that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingRetrieval {
    /// The message.
    pub message: MessageId,
    /// The notification's X-Mms-Transaction-Id.
    pub transaction_id: String,
    /// Where it is.
    pub content_location: String,
    /// Octets as announced.
    pub size: Option<u64>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How often the MMSC already said that it is not there.
    pub not_found: u32,
    /// Whether the MMSC was told that it is fetched later.
    pub deferred: bool,
    /// When it was first announced.
    pub notified_at: Timestamp,
    /// When the MMSC drops it.
    pub expires_at: Timestamp,
}

/// An M-Retrieve.conf, taken apart.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// Sender.
    pub from: Option<Address>,
    /// Whom it addresses.
    pub to: Vec<Address>,
    /// Subject.
    pub subject: Option<String>,
    /// The MMSC's Message-ID.
    pub mmsc_message_id: Option<String>,
    /// Date.
    pub sent_at: Option<Timestamp>,
    /// Its parts.
    pub parts: Vec<Part>,
    /// Whether the sender wants to know when it is read.
    pub read_report: bool,
    /// The beginning of its first text, whatever charset that part has; cut as needed.
    pub preview: Option<String>,
    /// Its sender wants nothing more from us, or wants it again.
    pub wish: Option<Wish>,
}

/// How a retrieval ended.
#[derive(Debug, Clone)]
pub enum Retrieval {
    /// Here it is.
    Received {
        /// The octets as they came.
        pdu: Bytes,
        /// The same, taken apart.
        message: Box<Received>,
        /// What to tell the MMSC; empty for something that only looks like a message.
        acks: Vec<NewAck>,
        /// What is odd about it.
        fault: Option<Fault>,
    },
    /// Octets came that are no message; they are kept and shown.
    Undecodable {
        /// The octets as they came.
        pdu: Bytes,
        /// What is wrong with them.
        fault: Fault,
        /// What to tell the MMSC.
        acks: Vec<NewAck>,
    },
    /// Once more at that time.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        fault: Fault,
        /// Whether the MMSC said that it is not there.
        not_found: bool,
    },
    /// It cannot be had; the MMSC no longer has it, or refuses it.
    Failed {
        /// Why.
        fault: Fault,
    },
    /// Its time was over first.
    Expired {
        /// The last reason.
        fault: Option<Fault>,
    },
}

impl Store {
    /// Takes the next due retrieval of a SIM: it is `retrieving` afterwards.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_retrieval(
        &self,
        sim: &str,
        modem: &str,
        at: Timestamp,
    ) -> Result<Option<(PendingRetrieval, Change)>, StoreError> {
        let (sim, modem) = (sim.to_owned(), modem.to_owned());
        // What could not be stored would be fetched, and paid for, again and again.
        if !self.has_room() {
            return Ok(None);
        }
        self.write(move |db| claim(db, &sim, &modem, at)).await
    }

    /// Records how a retrieval ended; with [`Retrieval::Received`] the message is durable
    /// afterwards and may be acknowledged.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_retrieval(
        &self,
        id: &MessageId,
        outcome: Retrieval,
        at: Timestamp,
    ) -> Result<Change, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| settle(db, &id, &outcome, at)).await
    }

    /// Shows why the due retrievals of a SIM are not under way; they are due again at `next`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn postpone_retrievals(
        &self,
        sim: &str,
        fault: Fault,
        next: Timestamp,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let sim = sim.to_owned();
        self.write(move |db| postpone(db, &sim, &fault, next, at)).await
    }

    /// Ends retrievals whose time is over. While nobody knows whether our clock is right (`known`), only
    /// what was counted from it, and what was announced a week ago.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire_retrievals(
        &self,
        known: bool,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        self.write(move |db| expire(db, known, at)).await
    }

    /// Has the MMSC told that a message which was announced and is not here is not wanted; `delete`: one
    /// that it was told would be fetched later is deleted there by this.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reject(
        &self,
        id: &MessageId,
        delete: Option<NewAck>,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| reject(db, &id, delete, at)).await
    }

    /// Notes that a message was read; `report`: M-Read-Rec.ind goes to its sender where that asked
    /// for it. None where it is not here; else whether a report goes out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mark_read(
        &self,
        id: &MessageId,
        report: Option<NewAck>,
        at: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| mark_read(db, &id, report.as_ref(), at)).await
    }

    /// Fetches a failed, expired, deferred or rejected message, because a person said so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fetch_again(
        &self,
        id: &MessageId,
        expires_at: Timestamp,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| fetch_again(db, &id, expires_at, at)).await
    }
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Noted {
    /// A message we did not know.
    New(Change),
    /// We know it already.
    Repeated {
        /// Our id.
        id: MessageId,
        /// What changed by the repetition, if anything.
        change: Option<Change>,
    },
}

/// Files a notification; the same Transaction-Id and Content-Location on the same SIM are one
/// message.
pub(super) fn note(
    db: &Connection,
    sim: &str,
    modem: &str,
    id: &MessageId,
    new: &Notification,
    historic: bool,
    at: Timestamp,
) -> Result<Noted, Failure> {
    if let Some((known, state, have)) = known(db, sim, new, at)? {
        return repeated(db, &known, rows::in_state(&state)?, have, new, at);
    }
    let late = new.life.over;
    let state = match new.retrieve {
        _ if late => InboundState::Expired,
        Retrieve::Now => InboundState::Notified,
        Retrieve::Later => InboundState::Deferred,
        Retrieve::Never => InboundState::Rejected,
    };
    let id = id.as_str();
    db.execute(
        "INSERT INTO message (id, direction, state, created_at, updated_at, sender, subject, modem,
                              expires_at, historic, end_counted)
         VALUES (?1, 'in', 'pushed', ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            id,
            at.as_millis(),
            new.from.as_ref().map(Address::to_wire),
            new.subject,
            modem,
            new.life.until.as_millis(),
            historic,
            new.life.counted
        ],
    )?;
    db.execute(
        "INSERT INTO inbound (message_id, sim, transaction_id, content_location, announced_size,
                              next_attempt_at, announced_subject)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id,
            sim,
            new.transaction_id,
            new.content_location,
            new.size.and_then(|size| i64::try_from(size).ok()),
            (state == InboundState::Notified).then(|| at.as_millis()),
            new.subject
        ],
    )?;
    let text = match (late, historic, new.retrieve) {
        (false, _, Retrieve::Now) => "announced by the MMSC",
        (false, _, Retrieve::Later) => "announced by the MMSC; fetched when somebody says so",
        (false, _, Retrieve::Never) => "announced by the MMSC; not wanted",
        (true, false, _) => "announced too late: it has expired",
        (true, true, _) => {
            "was on the SIM before: it has expired as far as can be told, and is not asked for"
        }
    };
    if let Some(status) = answer(state) {
        let kind = AckKind::NotifyResp(status);
        put_acks(db, id, &[NewAck { kind, transaction_id: new.transaction_id.clone() }], at)?;
    }
    tell(db, id, at, state, text, None)?;
    rows::set_inbound(db, id, at, state, None).map(Noted::New)
}

/// What a notification is answered with that is not followed by fetching the message.
const fn answer(state: InboundState) -> Option<u8> {
    match state {
        InboundState::Deferred => Some(NOTIFY_DEFERRED),
        InboundState::Rejected => Some(NOTIFY_REJECTED),
        _ => None,
    }
}

/// The message that a notification announces once more, its state, and whether it is here. Some
/// MMSCs change one of Transaction-Id and Content-Location when they repeat themselves. A location
/// that ends in `=` is completed by the Transaction-Id and names nothing alone; a Transaction-Id may
/// be counted from 1 again, so that sender, subject and size have to be the same and the other recent.
fn known(
    db: &Connection,
    sim: &str,
    new: &Notification,
    at: Timestamp,
) -> Result<Option<(String, String, bool)>, Failure> {
    let found = db
        .query_row(
            "SELECT message_id, state, pdu IS NOT NULL
             FROM inbound JOIN message ON message.id = message_id
             WHERE sim = ?1 AND (
                 (transaction_id = ?2 AND content_location = ?3)
                 OR (content_location = ?3 AND ?3 NOT LIKE '%=' AND created_at >= ?7)
                 OR (transaction_id = ?2 AND sender IS ?4 AND announced_size IS ?5
                     AND announced_subject IS ?6 AND created_at >= ?7)
             )
             ORDER BY transaction_id = ?2 AND content_location = ?3 DESC, message_id DESC LIMIT 1",
            params![
                sim,
                new.transaction_id,
                new.content_location,
                new.from.as_ref().map(Address::to_wire),
                new.size.and_then(|size| i64::try_from(size).ok()),
                new.subject,
                at.earlier(LEAST_LIFE).as_millis()
            ],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    Ok(found)
}

/// What a repeated notification calls the message now is what the MMSC knows it by.
fn rename(db: &Connection, id: &str, new: &Notification) -> Result<(), Failure> {
    let changed = db.execute(
        "UPDATE inbound SET transaction_id = ?2, content_location = ?3
         WHERE message_id = ?1 AND (transaction_id <> ?2 OR content_location <> ?3)",
        params![id, new.transaction_id, new.content_location],
    )?;
    if changed > 0 {
        db.execute(
            "UPDATE ack SET transaction_id = ?2 WHERE message_id = ?1 AND kind = 'notify-resp'",
            params![id, new.transaction_id],
        )?;
    }
    Ok(())
}

/// The notification of a message that we know has come once more.
pub(super) fn repeated(
    db: &Connection,
    id: &str,
    state: InboundState,
    have: bool,
    new: &Notification,
    at: Timestamp,
) -> Result<Noted, Failure> {
    let known = rows::message_id(id)?;
    rename(db, id, new)?;
    let to_acknowledge: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM ack
                        WHERE message_id = ?1 AND kind IN ('notify-resp', 'acknowledge', 'delete'))",
        [id],
        |row| row.get(0),
    )?;
    if to_acknowledge && (have || answer(state).is_some()) {
        // The MMSC did not take notice of our answer, or reminds us: only that is repeated.
        db.execute(
            "UPDATE ack SET state = 'pending', attempts = 0, next_attempt_at = ?2, fault = NULL
             WHERE message_id = ?1 AND state <> 'pending'
               AND kind IN ('notify-resp', 'acknowledge', 'delete')",
            params![id, at.as_millis()],
        )?;
        let text = if have {
            "announced once more; acknowledged again"
        } else {
            "announced once more; answered again"
        };
        tell(db, id, at, state, text, None)?;
        return Ok(Noted::Repeated { id: known, change: None });
    }
    // What is here without anything to acknowledge was an error in the shape of a message: the
    // MMSC has something after all.
    let wanted = !new.life.over
        && (matches!(state, InboundState::Notified | InboundState::Failed | InboundState::Expired)
            || have && state == InboundState::Received);
    if !wanted {
        return Ok(Noted::Repeated { id: known, change: None });
    }
    db.execute(
        "UPDATE inbound SET next_attempt_at = min(coalesce(next_attempt_at, ?2), ?2),
                            not_found = 0,
                            attempts = CASE WHEN ?3 THEN attempts ELSE 0 END
         WHERE message_id = ?1",
        params![id, at.as_millis(), state == InboundState::Notified],
    )?;
    db.execute(
        "UPDATE message SET expires_at = max(coalesce(expires_at, 0), ?2) WHERE id = ?1",
        params![id, new.life.until.as_millis()],
    )?;
    tell(db, id, at, InboundState::Notified, "announced once more", None)?;
    let change = rows::set_inbound(db, id, at, InboundState::Notified, None)?;
    Ok(Noted::Repeated { id: known, change: Some(change) })
}

fn claim(
    db: &Connection,
    sim: &str,
    modem: &str,
    at: Timestamp,
) -> Result<Option<(PendingRetrieval, Change)>, Failure> {
    let id: Option<String> = db
        .prepare_cached(
            "SELECT message_id FROM inbound JOIN message ON message.id = message_id
             WHERE sim = ?1 AND state = 'notified' AND next_attempt_at <= ?2
             ORDER BY next_attempt_at, message_id LIMIT 1",
        )?
        .query_row(params![sim, at.as_millis()], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    db.execute("UPDATE inbound SET attempts = attempts + 1 WHERE message_id = ?1", [&id])?;
    held::let_go(db, Held::Retrieval, &id)?;
    db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![id, modem])?;
    let message = rows::message_id(&id)?;
    let pending = db.query_row(
        "SELECT transaction_id, content_location, announced_size, attempts, not_found, created_at,
                expires_at, deferred
         FROM inbound JOIN message ON message.id = message_id WHERE message_id = ?1",
        [&id],
        |row| {
            Ok(PendingRetrieval {
                message,
                transaction_id: row.get(0)?,
                content_location: row.get(1)?,
                size: row.get::<_, Option<i64>>(2)?.and_then(|size| u64::try_from(size).ok()),
                attempt: row.get(3)?,
                not_found: row.get(4)?,
                deferred: row.get(7)?,
                notified_at: Timestamp::from_millis(row.get(5)?),
                expires_at: Timestamp::from_millis(
                    row.get::<_, Option<i64>>(6)?.unwrap_or(i64::MAX),
                ),
            })
        },
    )?;
    let text = format!("attempt {}", pending.attempt);
    tell(db, &id, at, InboundState::Retrieving, &text, None)?;
    let change = rows::set_inbound(db, &id, at, InboundState::Retrieving, None)?;
    Ok(Some((pending, change)))
}

fn settle(
    db: &Connection,
    id: &str,
    outcome: &Retrieval,
    at: Timestamp,
) -> Result<Change, Failure> {
    let (state, text, fault) = match outcome {
        Retrieval::Received { pdu, message, acks, fault } => {
            keep_pdu(db, id, pdu)?;
            keep_message(db, id, message)?;
            put_acks(db, id, acks, at)?;
            let text = if acks.is_empty() {
                "fetched and stored; not acknowledged, since it may be an error in disguise"
            } else {
                "fetched and stored"
            };
            (InboundState::Received, text.to_owned(), fault.as_ref())
        }
        Retrieval::Undecodable { pdu, fault, acks } => {
            keep_pdu(db, id, pdu)?;
            rows::put_parts(db, id, &[super::raw_part(pdu.clone())])?;
            put_acks(db, id, acks, at)?;
            let text = "what came cannot be read; its octets are kept".to_owned();
            (InboundState::Failed, text, Some(fault))
        }
        Retrieval::Again { at: next, fault, not_found } => {
            db.execute(
                "UPDATE inbound SET next_attempt_at = ?2, not_found = not_found + ?3
                 WHERE message_id = ?1",
                params![id, next.as_millis(), *not_found],
            )?;
            (InboundState::Notified, format!("next attempt at {next}"), Some(fault))
        }
        Retrieval::Failed { fault } => {
            (InboundState::Failed, "cannot be had".to_owned(), Some(fault))
        }
        Retrieval::Expired { fault } => {
            (InboundState::Expired, "its time was over first".to_owned(), fault.as_ref())
        }
    };
    if state != InboundState::Notified {
        db.execute("UPDATE inbound SET next_attempt_at = NULL WHERE message_id = ?1", [id])?;
    }
    tell(db, id, at, state, &text, fault)?;
    if let Retrieval::Received { message, .. } = outcome {
        opt_out::heed(db, id, message.wish.as_ref(), at)?;
    }
    rows::set_inbound(db, id, at, state, fault)
}

fn keep_pdu(db: &Connection, id: &str, pdu: &Bytes) -> Result<(), Failure> {
    db.execute("UPDATE inbound SET pdu = ?2 WHERE message_id = ?1", params![id, &pdu[..]])?;
    // It may have lost an earlier content, and was fetched once more.
    db.execute(
        "UPDATE message SET parts_removed_at = NULL, raw_removed_at = NULL
         WHERE id = ?1 AND (parts_removed_at IS NOT NULL OR raw_removed_at IS NOT NULL)",
        params![id],
    )?;
    db.execute("DELETE FROM part WHERE message_id = ?1", [id])?;
    Ok(())
}

fn keep_message(db: &Connection, id: &str, message: &Received) -> Result<(), Failure> {
    db.execute(
        "UPDATE message SET sender = coalesce(?2, sender), subject = coalesce(?3, subject),
                            preview = ?4, sent_at = ?5
         WHERE id = ?1",
        params![
            id,
            message.from.as_ref().map(Address::to_wire),
            message.subject,
            message.preview.as_deref().map(rows::cut),
            message.sent_at.map(Timestamp::as_millis)
        ],
    )?;
    db.execute(
        "UPDATE inbound SET recipients = ?2, mmsc_message_id = ?3, sent_at = ?4, read_report = ?5
         WHERE message_id = ?1",
        params![
            id,
            rows::addresses_json(&message.to),
            message.mmsc_message_id,
            message.sent_at.map(Timestamp::as_millis),
            message.read_report
        ],
    )?;
    rows::put_parts(db, id, &message.parts)
}

fn postpone(
    db: &Connection,
    sim: &str,
    fault: &Fault,
    next: Timestamp,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    db.execute(
        "INSERT OR IGNORE INTO held (what, key) SELECT 'ack', CAST(id AS TEXT) FROM ack
         WHERE state = 'pending' AND sim = ?1 AND next_attempt_at <= ?2",
        params![sim, at.as_millis()],
    )?;
    db.execute(
        "UPDATE ack SET next_attempt_at = ?3
         WHERE state = 'pending' AND sim = ?1 AND next_attempt_at <= ?2",
        params![sim, at.as_millis(), next.as_millis()],
    )?;
    let due = ids(
        db,
        "SELECT message_id FROM inbound JOIN message ON message.id = message_id
         WHERE sim = ?1 AND state = 'notified' AND next_attempt_at <= ?2",
        params![sim, at.as_millis()],
    )?;
    let mut changes = Vec::new();
    for id in due {
        db.execute(
            "UPDATE inbound SET next_attempt_at = ?2 WHERE message_id = ?1",
            params![id, next.as_millis()],
        )?;
        held::hold(db, Held::Retrieval, &id)?;
        let text = format!("no data call; next attempt at {next}");
        tell(db, &id, at, InboundState::Notified, &text, Some(fault))?;
        changes.push(rows::set_inbound(db, &id, at, InboundState::Notified, Some(fault))?);
    }
    Ok(changes)
}

/// How long a message can be had at least, by a clock that may show any date.
pub const LEAST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

fn expire(db: &Connection, known: bool, at: Timestamp) -> Result<Vec<Change>, Failure> {
    let late = ids(
        db,
        "SELECT id FROM message
         WHERE state IN ('notified', 'deferred') AND expires_at <= ?1 AND (?2 OR end_counted OR created_at <= ?3)",
        params![at.as_millis(), known, at.earlier(LEAST_LIFE).as_millis()],
    )?;
    let mut changes = Vec::new();
    for id in late {
        let fault: Option<String> =
            db.query_row("SELECT fault FROM message WHERE id = ?1", [&id], |row| row.get(0))?;
        let outcome = Retrieval::Expired { fault: rows::fault_from(fault) };
        changes.push(settle(db, &id, &outcome, at)?);
    }
    Ok(changes)
}

/// After a restart: what was `retrieving` is fetched again.
pub(super) fn recover(
    db: &Connection,
    modem: Option<&str>,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let open = ids(
        db,
        "SELECT id FROM message
         WHERE direction = 'in' AND state = 'retrieving' AND (?1 IS NULL OR modem = ?1)",
        params![modem],
    )?;
    let mut changes = Vec::new();
    for id in open {
        db.execute(
            "UPDATE inbound SET next_attempt_at = ?2 WHERE message_id = ?1",
            params![id, at.as_millis()],
        )?;
        tell(db, &id, at, InboundState::Notified, "interrupted; to be fetched again", None)?;
        changes.push(rows::set_inbound(db, &id, at, InboundState::Notified, None)?);
    }
    Ok(changes)
}

fn fetch_again(
    db: &Connection,
    id: &str,
    expires_at: Timestamp,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let rows = db.execute(
        "UPDATE inbound SET next_attempt_at = ?2, attempts = 0, not_found = 0
         WHERE message_id = ?1
           AND EXISTS (SELECT 1 FROM message
                       WHERE id = ?1 AND state IN ('failed', 'expired', 'deferred', 'rejected', 'notified'))",
        params![id, at.as_millis()],
    )?;
    if rows == 0 {
        return Ok(None);
    }
    // An M-NotifyResp.ind that says "unrecognised" would make the MMSC forget the message first.
    db.execute("DELETE FROM ack WHERE message_id = ?1 AND kind <> 'cancel-conf'", [id])?;
    db.execute(
        "UPDATE message SET expires_at = max(coalesce(expires_at, 0), ?2) WHERE id = ?1",
        params![id, expires_at.as_millis()],
    )?;
    tell(db, id, at, InboundState::Notified, "to be fetched again on request", None)?;
    rows::set_inbound(db, id, at, InboundState::Notified, None).map(Some)
}

fn reject(
    db: &Connection,
    id: &str,
    delete: Option<NewAck>,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let open: Option<(String, bool)> = db
        .query_row(
            "SELECT transaction_id, deferred FROM inbound JOIN message ON message.id = message_id
             WHERE message_id = ?1 AND state IN ('notified', 'deferred')",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((transaction_id, deferred)) = open else { return Ok(None) };
    db.execute("UPDATE inbound SET next_attempt_at = NULL WHERE message_id = ?1", [id])?;
    let kind = AckKind::NotifyResp(NOTIFY_REJECTED);
    // A notification that was answered is no longer there to be answered otherwise.
    let ack = delete.filter(|_| deferred).unwrap_or(NewAck { kind, transaction_id });
    put_acks(db, id, &[ack], at)?;
    tell(db, id, at, InboundState::Rejected, "not wanted, on request", None)?;
    rows::set_inbound(db, id, at, InboundState::Rejected, None).map(Some)
}

fn mark_read(
    db: &Connection,
    id: &str,
    report: Option<&NewAck>,
    at: Timestamp,
) -> Result<Option<bool>, Failure> {
    let found: Option<(String, String, bool, bool)> = db
        .query_row(
            "SELECT sim, state, read_at IS NOT NULL,
                    read_report AND mmsc_message_id IS NOT NULL AND sender IS NOT NULL
             FROM inbound JOIN message ON message.id = message_id
             WHERE message_id = ?1 AND state IN ('received', 'acknowledged')",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((sim, state, already, asked)) = found else { return Ok(None) };
    if already {
        return Ok(Some(false));
    }
    db.execute(
        "UPDATE inbound SET read_at = ?2 WHERE message_id = ?1",
        params![id, at.as_millis()],
    )?;
    let report = report.filter(|_| asked);
    if let Some(report) = report {
        add_ack(db, id, &sim, report, at)?;
    }
    let text = if report.is_some() { "read; its sender is told" } else { "read" };
    tell(db, id, at, rows::in_state(&state)?, text, None)?;
    Ok(Some(report.is_some()))
}

pub(super) fn tell(
    db: &Connection,
    message: &str,
    at: Timestamp,
    state: InboundState,
    text: &str,
    fault: Option<&Fault>,
) -> Result<(), Failure> {
    rows::tell(db, &Entry { message, at, recipient: None, state: state.as_str(), text, fault })
}

fn ids(db: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<String>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let rows = select.query_map(params, |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rows)
}

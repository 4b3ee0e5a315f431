//! The life of what we receive, in the store: retrieval and acknowledgement, each due at its time,
//! the second never in the way of the first.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

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
    /// The beginning of its first text, whatever charset that part has; cut as needed.
    pub preview: Option<String>,
    /// Its sender wants nothing more from us, or wants it again.
    pub wish: Option<Wish>,
}

/// What is to be told to the MMSC about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAck {
    /// Which PDU.
    pub kind: AckKind,
    /// Its Transaction-Id.
    pub transaction_id: String,
}

/// Which PDU acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckKind {
    /// M-NotifyResp.ind with this X-Mms-Status octet.
    NotifyResp(u8),
    /// M-Acknowledge.ind.
    Acknowledge,
}

/// An acknowledgement that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAck {
    /// Names it towards the store.
    pub key: i64,
    /// The message.
    pub message: MessageId,
    /// What to tell.
    pub ack: NewAck,
    /// Where the message was.
    pub content_location: String,
    /// The notification's X-Mms-Transaction-Id.
    pub notified_as: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the notification came.
    pub notified_at: Timestamp,
    /// When the MMSC drops the message.
    pub expires_at: Option<Timestamp>,
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

/// How an acknowledgement went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AckResult {
    /// The MMSC took it.
    Done,
    /// Once more at that time.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        fault: Fault,
    },
    /// No longer worth trying.
    GivenUp {
        /// Why.
        fault: Fault,
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

    /// The acknowledgements of a SIM that are due, oldest first, at most 32.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_acks(&self, sim: &str, at: Timestamp) -> Result<Vec<PendingAck>, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| due_acks(db, &sim, at)).await
    }

    /// Records how an acknowledgement went.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_ack(
        &self,
        key: i64,
        result: AckResult,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        self.write(move |db| settle_ack(db, key, &result, at)).await
    }

    /// Fetches a failed or expired message again, because a person said so.
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
    let known: Option<(String, String, bool)> = db
        .query_row(
            "SELECT message_id, state, pdu IS NOT NULL
             FROM inbound JOIN message ON message.id = message_id
             WHERE sim = ?1 AND transaction_id = ?2 AND content_location = ?3",
            params![sim, new.transaction_id, new.content_location],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    if let Some((known, state, have)) = known {
        return repeated(db, &known, rows::in_state(&state)?, have, new, at);
    }
    let late = new.life.over;
    let state = if late { InboundState::Expired } else { InboundState::Notified };
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
                              next_attempt_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id,
            sim,
            new.transaction_id,
            new.content_location,
            new.size.and_then(|size| i64::try_from(size).ok()),
            (!late).then(|| at.as_millis())
        ],
    )?;
    let text = match (late, historic) {
        (false, _) => "announced by the MMSC",
        (true, false) => "announced too late: it has expired",
        (true, true) => {
            "was on the SIM before: it has expired as far as can be told, and is not asked for"
        }
    };
    tell(db, id, at, state, text, None)?;
    rows::set_inbound(db, id, at, state, None).map(Noted::New)
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
    let to_acknowledge: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM ack WHERE message_id = ?1)", [id], |row| {
            row.get(0)
        })?;
    if have && to_acknowledge {
        // The MMSC did not take notice of our acknowledgement: only that is repeated.
        db.execute(
            "UPDATE ack SET state = 'pending', attempts = 0, next_attempt_at = ?2, fault = NULL
             WHERE message_id = ?1 AND state <> 'pending'",
            params![id, at.as_millis()],
        )?;
        let text = "announced once more; acknowledged again";
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
                expires_at
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
        "UPDATE inbound SET recipients = ?2, mmsc_message_id = ?3, sent_at = ?4
         WHERE message_id = ?1",
        params![
            id,
            rows::addresses_json(&message.to),
            message.mmsc_message_id,
            message.sent_at.map(Timestamp::as_millis)
        ],
    )?;
    rows::put_parts(db, id, &message.parts)
}

fn put_acks(db: &Connection, id: &str, acks: &[NewAck], at: Timestamp) -> Result<(), Failure> {
    db.execute("DELETE FROM ack WHERE message_id = ?1", [id])?;
    for ack in acks {
        let (kind, status) = match ack.kind {
            AckKind::NotifyResp(status) => ("notify-resp", status),
            AckKind::Acknowledge => ("acknowledge", 0),
        };
        db.execute(
            "INSERT INTO ack (message_id, sim, kind, status, transaction_id, next_attempt_at)
             SELECT message_id, sim, ?2, ?3, ?4, ?5 FROM inbound WHERE message_id = ?1",
            params![id, kind, status, ack.transaction_id, at.as_millis()],
        )?;
    }
    Ok(())
}

fn due_acks(db: &Connection, sim: &str, at: Timestamp) -> Result<Vec<PendingAck>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT ack.id, ack.message_id, ack.kind, status, ack.transaction_id, content_location,
                ack.attempts, created_at, expires_at, inbound.transaction_id
         FROM ack JOIN inbound USING (message_id) JOIN message ON message.id = ack.message_id
         WHERE ack.state = 'pending' AND ack.sim = ?1 AND ack.next_attempt_at <= ?2
         ORDER BY ack.id LIMIT 32",
    )?;
    let rows = select
        .query_map(params![sim, at.as_millis()], |row| {
            let kind: String = row.get(2)?;
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                if kind == "acknowledge" {
                    AckKind::Acknowledge
                } else {
                    AckKind::NotifyResp(row.get(3)?)
                },
                row.get::<_, String>(4)?,
                row.get::<_, String>(5)?,
                row.get::<_, u32>(6)?,
                (row.get::<_, i64>(7)?, row.get::<_, Option<i64>>(8)?),
                row.get::<_, String>(9)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(
            |(
                key,
                message,
                kind,
                transaction_id,
                content_location,
                attempts,
                times,
                notified_as,
            )| {
                Ok(PendingAck {
                    key,
                    message: rows::message_id(&message)?,
                    ack: NewAck { kind, transaction_id },
                    content_location,
                    notified_as,
                    attempt: attempts.saturating_add(1),
                    notified_at: Timestamp::from_millis(times.0),
                    expires_at: times.1.map(Timestamp::from_millis),
                })
            },
        )
        .collect()
}

fn settle_ack(
    db: &Connection,
    key: i64,
    result: &AckResult,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let (state, next, fault) = match result {
        AckResult::Done => ("done", None, None),
        AckResult::Again { at, fault } => ("pending", Some(*at), Some(fault)),
        AckResult::GivenUp { fault } => ("abandoned", None, Some(fault)),
    };
    let id: Option<String> = db
        .query_row(
            "UPDATE ack SET state = ?2, attempts = attempts + 1,
                            next_attempt_at = coalesce(?3, next_attempt_at), fault = ?4
             WHERE id = ?1 RETURNING message_id",
            params![key, state, next.map(Timestamp::as_millis), rows::fault_json(fault)],
            |row| row.get(0),
        )
        .optional()?;
    let Some(id) = id else { return Ok(None) };
    held::let_go(db, Held::Ack, &key.to_string())?;
    let before: String =
        db.query_row("SELECT state FROM message WHERE id = ?1", [&id], |row| row.get(0))?;
    let before = rows::in_state(&before)?;
    let (open, taken): (u32, u32) = db.query_row(
        "SELECT sum(state = 'pending'), sum(state = 'done') FROM ack WHERE message_id = ?1",
        [&id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if before == InboundState::Received && open == 0 && taken > 0 {
        tell(db, &id, at, InboundState::Acknowledged, "acknowledged to the MMSC", None)?;
        return rows::set_inbound(db, &id, at, InboundState::Acknowledged, None).map(Some);
    }
    let text = match result {
        AckResult::Done => "acknowledged to the MMSC".to_owned(),
        AckResult::Again { at, .. } => {
            format!("the acknowledgement failed; next attempt at {at}")
        }
        AckResult::GivenUp { .. } => "the acknowledgement is given up".to_owned(),
    };
    tell(db, &id, at, before, &text, fault)?;
    Ok(None)
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
         WHERE state = 'notified' AND expires_at <= ?1 AND (?2 OR end_counted OR created_at <= ?3)",
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
                       WHERE id = ?1 AND state IN ('failed', 'expired', 'deferred', 'notified'))",
        params![id, at.as_millis()],
    )?;
    if rows == 0 {
        return Ok(None);
    }
    // An M-NotifyResp.ind that says "unrecognised" would make the MMSC forget the message first.
    db.execute("DELETE FROM ack WHERE message_id = ?1", [id])?;
    db.execute(
        "UPDATE message SET expires_at = max(coalesce(expires_at, 0), ?2) WHERE id = ?1",
        params![id, expires_at.as_millis()],
    )?;
    tell(db, id, at, InboundState::Notified, "to be fetched again on request", None)?;
    rows::set_inbound(db, id, at, InboundState::Notified, None).map(Some)
}

fn tell(
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

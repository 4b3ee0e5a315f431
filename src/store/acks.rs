//! What the MMSC is told about messages that come in: acknowledgements, answers to notifications and
//! withdrawals, read reports. Each is due at its time, and none is in the way of a message.

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::held::{self, Held};
use super::inbound::tell;
use super::{Change, Store, StoreError, rows};
use crate::model::{Address, Fault, InboundState, MessageId, Timestamp};

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
    /// M-Cancel.conf with this X-Mms-Cancel-Status octet.
    CancelConf(u8),
    /// M-Delete.req.
    Delete,
    /// M-Read-Rec.ind with this X-Mms-Read-Status octet.
    ReadRec(u8),
}

impl AckKind {
    const fn columns(self) -> (&'static str, u8) {
        match self {
            Self::NotifyResp(status) => ("notify-resp", status),
            Self::Acknowledge => ("acknowledge", 0),
            Self::CancelConf(status) => ("cancel-conf", status),
            Self::Delete => ("delete", 0),
            Self::ReadRec(status) => ("read-rec", status),
        }
    }

    fn of(kind: &str, status: u8) -> Self {
        match kind {
            "acknowledge" => Self::Acknowledge,
            "cancel-conf" => Self::CancelConf(status),
            "delete" => Self::Delete,
            "read-rec" => Self::ReadRec(status),
            _ => Self::NotifyResp(status),
        }
    }

    /// What it is to people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NotifyResp(NOTIFY_DEFERRED) => "the answer that it is fetched later",
            Self::NotifyResp(NOTIFY_REJECTED) => "the answer that it is not wanted",
            Self::NotifyResp(_) | Self::Acknowledge => "the acknowledgement",
            Self::CancelConf(_) => "the answer to its withdrawal",
            Self::Delete => "the request to delete it at the MMSC",
            Self::ReadRec(_) => "the read report",
        }
    }
}

/// X-Mms-Status "Deferred" (OMA-TS-MMS_ENC-V1_3 clause 7.3.54).
pub const NOTIFY_DEFERRED: u8 = 0x83;
/// X-Mms-Status "Rejected".
pub const NOTIFY_REJECTED: u8 = 0x82;
/// X-Mms-Cancel-Status "Cancel Request Successfully received" (clause 7.3.3).
pub(super) const CANCEL_RECEIVED: u8 = 0x80;
/// X-Mms-Read-Status "Read" (clause 7.3.42).
pub const READ_STATUS_READ: u8 = 0x80;

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
    /// The Message-ID and the sender, for a read report.
    pub mmsc_message_id: Option<String>,
    /// Who sent the message.
    pub sender: Option<Address>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When the notification came.
    pub notified_at: Timestamp,
    /// When the MMSC drops the message.
    pub expires_at: Option<Timestamp>,
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
    /// The MMSC does not do it; something else is told instead.
    Instead {
        /// What.
        ack: NewAck,
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
}

/// Replaces what is to be told to the MMSC of a message.
pub(super) fn put_acks(
    db: &Connection,
    id: &str,
    acks: &[NewAck],
    at: Timestamp,
) -> Result<(), Failure> {
    db.execute("DELETE FROM ack WHERE message_id = ?1 AND kind <> 'cancel-conf'", [id])?;
    for ack in acks {
        let sim: String =
            db.query_row("SELECT sim FROM inbound WHERE message_id = ?1", [id], |row| row.get(0))?;
        add_ack(db, id, &sim, ack, at)?;
    }
    Ok(())
}

/// Has something told to the MMSC besides what is to be told already.
pub(super) fn add_ack(
    db: &Connection,
    id: &str,
    sim: &str,
    ack: &NewAck,
    at: Timestamp,
) -> Result<(), Failure> {
    let (kind, status) = ack.kind.columns();
    db.execute(
        "INSERT INTO ack (message_id, sim, kind, status, transaction_id, next_attempt_at)
         VALUES (?1, ?2, ?3, ?4,
                 CASE WHEN ?3 = 'notify-resp'
                      THEN coalesce((SELECT inbound.transaction_id FROM inbound
                                     WHERE inbound.message_id = ?1), ?5)
                      ELSE ?5 END,
                 ?6)",
        // A notification is answered by the name that it had when it came last: it may have come once
        // more while the message was fetched.
        params![id, sim, kind, status, ack.transaction_id, at.as_millis()],
    )?;
    Ok(())
}

fn due_acks(db: &Connection, sim: &str, at: Timestamp) -> Result<Vec<PendingAck>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT ack.id, ack.message_id, ack.kind, status, ack.transaction_id,
                coalesce(content_location, ''), ack.attempts, created_at, expires_at,
                coalesce(inbound.transaction_id, ''), mmsc_message_id, sender
         FROM ack JOIN message ON message.id = ack.message_id
         LEFT JOIN inbound ON inbound.message_id = ack.message_id
         WHERE ack.state = 'pending' AND ack.sim = ?1 AND ack.next_attempt_at <= ?2
         ORDER BY ack.id LIMIT 32",
    )?;
    let mut rows = select.query(params![sim, at.as_millis()])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = AckKind::of(&row.get::<_, String>(2)?, row.get(3)?);
        due.push(PendingAck {
            key: row.get(0)?,
            message: rows::message_id(&row.get::<_, String>(1)?)?,
            ack: NewAck { kind, transaction_id: row.get(4)? },
            content_location: row.get(5)?,
            notified_as: row.get(9)?,
            mmsc_message_id: row.get(10)?,
            sender: row.get::<_, Option<String>>(11)?.map(|text| Address::from_wire(&text)),
            attempt: row.get::<_, u32>(6)?.saturating_add(1),
            notified_at: Timestamp::from_millis(row.get(7)?),
            expires_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
        });
    }
    Ok(due)
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
        AckResult::Instead { fault, .. } | AckResult::GivenUp { fault } => {
            ("abandoned", None, Some(fault))
        }
    };
    let told: Option<(String, String, u8)> = db
        .query_row(
            "UPDATE ack SET state = ?2, attempts = attempts + 1,
                            next_attempt_at = coalesce(?3, next_attempt_at), fault = ?4
             WHERE id = ?1 RETURNING message_id, kind, status",
            params![key, state, next.map(Timestamp::as_millis), rows::fault_json(fault)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((id, kind, status)) = told else { return Ok(None) };
    let kind = AckKind::of(&kind, status);
    held::let_go(db, Held::Ack, &key.to_string())?;
    if let AckResult::Instead { ack, .. } = result {
        let sim: String =
            db.query_row("SELECT sim FROM ack WHERE id = ?1", [key], |row| row.get(0))?;
        add_ack(db, &id, &sim, ack, at)?;
    }
    let done = matches!(result, AckResult::Done);
    if done && kind == AckKind::NotifyResp(NOTIFY_DEFERRED) {
        db.execute("UPDATE inbound SET deferred = 1 WHERE message_id = ?1", [&id])?;
    }
    let before: String =
        db.query_row("SELECT state FROM message WHERE id = ?1", [&id], |row| row.get(0))?;
    let before = rows::in_state(&before)?;
    let (open, taken): (u32, u32) = db.query_row(
        "SELECT coalesce(sum(state = 'pending'), 0), coalesce(sum(state = 'done'), 0) FROM ack
         WHERE message_id = ?1 AND kind IN ('notify-resp', 'acknowledge')",
        [&id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if before == InboundState::Received && open == 0 && taken > 0 {
        tell(db, &id, at, InboundState::Acknowledged, "acknowledged to the MMSC", None)?;
        return rows::set_inbound(db, &id, at, InboundState::Acknowledged, None).map(Some);
    }
    let what = kind.describe();
    let text = match result {
        AckResult::Done => format!("{what} was taken by the MMSC"),
        AckResult::Again { at, .. } => format!("{what} failed; next attempt at {at}"),
        AckResult::Instead { ack, .. } => {
            format!("{what} is not supported; {} follows", ack.kind.describe())
        }
        AckResult::GivenUp { .. } => format!("{what} is given up"),
    };
    tell(db, &id, at, before, &text, fault)?;
    Ok(None)
}

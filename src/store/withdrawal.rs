//! M-Cancel.req: the MMSC wants a message shown no more. What is here stays, what is not here yet is not
//! fetched, and the request is answered either way (OMA-TS-MMS_ENC-V1_3 clause 6).

use rusqlite::{OptionalExtension, params};

use super::acks::{AckKind, CANCEL_RECEIVED, NewAck, add_ack};
use super::connection::Connection;
use super::engine::Failure;
use super::inbound::tell;
use super::{Change, rows};
use crate::model::{Fault, InboundState, MessageId, Timestamp};

/// An M-Cancel.req, ready to be filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// X-Mms-Transaction-Id.
    pub transaction_id: String,
    /// X-Mms-Cancel-ID.
    pub cancel_id: String,
    /// What people are told of a message that is not fetched therefore.
    pub fault: Fault,
}

/// Files the MMSC's wish that a message is shown no more: one that is not here yet is not fetched. None
/// where no message of that name is known.
pub(super) fn withdraw(
    db: &Connection,
    sim: &str,
    cancel: &Withdrawal,
    at: Timestamp,
) -> Result<Option<(MessageId, Option<Change>)>, Failure> {
    let known: Option<(String, String)> = db
        .query_row(
            "SELECT message_id, state FROM inbound JOIN message ON message.id = message_id
             WHERE sim = ?1 AND (mmsc_message_id = ?2 OR transaction_id = ?2
                                 OR content_location = ?2 OR content_location LIKE '%/' || ?2)
             ORDER BY mmsc_message_id IS ?2 DESC, message_id DESC LIMIT 1",
            params![sim, cancel.cancel_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((id, state)) = known else { return Ok(None) };
    let state = rows::in_state(&state)?;
    let change = if matches!(state, InboundState::Notified | InboundState::Deferred) {
        db.execute("UPDATE inbound SET next_attempt_at = NULL WHERE message_id = ?1", [&id])?;
        db.execute("DELETE FROM ack WHERE message_id = ?1", [&id])?;
        let fault = &cancel.fault;
        let text = "withdrawn by its sender before it was fetched";
        tell(db, &id, at, InboundState::Rejected, text, Some(fault))?;
        Some(rows::set_inbound(db, &id, at, InboundState::Rejected, Some(fault))?)
    } else {
        tell(db, &id, at, state, "its sender withdraws it; what is here stays", None)?;
        None
    };
    confirm(db, &id, sim, cancel, at)?;
    Ok(Some((rows::message_id(&id)?, change)))
}

/// Has a withdrawal answered.
pub(super) fn confirm(
    db: &Connection,
    id: &str,
    sim: &str,
    cancel: &Withdrawal,
    at: Timestamp,
) -> Result<(), Failure> {
    let transaction_id = cancel.transaction_id.clone();
    let ack = NewAck { kind: AckKind::CancelConf(CANCEL_RECEIVED), transaction_id };
    add_ack(db, id, sim, &ack, at)
}

//! Messages that are sent on without being fetched: what is known of the announced one, and what is
//! told there (OMA-TS-MMS_ENC-V1_3 clause 6.5).

use rusqlite::{OptionalExtension, params};

use super::acks::{AckKind, NOTIFY_DEFERRED, NewAck, put_acks};
use super::connection::Connection;
use super::engine::Failure;
use super::inbound::tell;
use super::{Change, Store, StoreError, rows};
use crate::model::{InboundState, MessageId, Timestamp};

/// A message that was announced, as far as it may still lie at the MMSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// How far it got.
    pub state: InboundState,
    /// The SIM that it lies there for.
    pub sim: String,
    /// The modem that this SIM is in; none: it is in none.
    pub modem: Option<String>,
    /// Where it lies.
    pub content_location: String,
    /// Its subject as announced.
    pub subject: Option<String>,
    /// When the MMSC drops it.
    pub expires_at: Option<Timestamp>,
    /// Octets have been fetched.
    pub is_here: bool,
}

impl Store {
    /// What is known of an announced message; none where this is another kind of message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn announced(&self, id: &MessageId) -> Result<Option<Announced>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| announced(db, &id)).await
    }

    /// Leaves an announced message at the MMSC, which is told so. None where it is not to be fetched
    /// any more, or is being fetched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn defer(&self, id: &MessageId, at: Timestamp) -> Result<Option<Change>, StoreError> {
        let id = id.as_str().to_owned();
        self.write(move |db| defer(db, &id, at)).await
    }
}

fn announced(db: &Connection, id: &str) -> Result<Option<Announced>, Failure> {
    let found = db
        .query_row(
            "SELECT state, inbound.sim, sim.modem, content_location, subject, expires_at,
                    pdu IS NOT NULL
             FROM inbound JOIN message ON message.id = message_id
                  LEFT JOIN sim ON sim.id = inbound.sim
             WHERE message_id = ?1",
            [id],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    Announced {
                        state: InboundState::Pushed,
                        sim: row.get(1)?,
                        modem: row.get(2)?,
                        content_location: row.get(3)?,
                        subject: row.get(4)?,
                        expires_at: row.get::<_, Option<i64>>(5)?.map(Timestamp::from_millis),
                        is_here: row.get(6)?,
                    },
                ))
            },
        )
        .optional()?;
    let Some((state, found)) = found else { return Ok(None) };
    Ok(Some(Announced { state: rows::in_state(&state)?, ..found }))
}

fn defer(db: &Connection, id: &str, at: Timestamp) -> Result<Option<Change>, Failure> {
    let open: Option<String> = db
        .query_row(
            "SELECT transaction_id FROM inbound JOIN message ON message.id = message_id
             WHERE message_id = ?1 AND state = 'notified'",
            [id],
            |row| row.get(0),
        )
        .optional()?;
    let Some(transaction_id) = open else { return Ok(None) };
    db.execute("UPDATE inbound SET next_attempt_at = NULL WHERE message_id = ?1", [id])?;
    let kind = AckKind::NotifyResp(NOTIFY_DEFERRED);
    put_acks(db, id, &[NewAck { kind, transaction_id }], at)?;
    tell(
        db,
        id,
        at,
        InboundState::Deferred,
        "stays at the MMSC: it is forwarded from there",
        None,
    )?;
    rows::set_inbound(db, id, at, InboundState::Deferred, None).map(Some)
}

/// Writes into the timeline of the announced message that the MMSC has sent it on, where `message`
/// did that.
pub(super) fn told_at_the_original(
    db: &Connection,
    message: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let original: Option<(String, String)> = db
        .prepare_cached(
            "SELECT original.id, original.state FROM message
             JOIN message AS original ON original.id = message.forwards
             WHERE message.id = ?1",
        )?
        .query_row(params![message], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((original, state)) = original else { return Ok(()) };
    let text = format!("forwarded by the MMSC, unfetched, as {message}");
    tell(db, &original, at, rows::in_state(&state)?, &text, None)
}

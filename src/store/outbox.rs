//! The outbox: events that the outside world is to be told, written in the commit of what they tell
//! (by triggers, see `steps/outbox`), and handed from there to each endpoint that wants them.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use tokio::sync::Notify;

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::{Address, MessageId, Timestamp};

/// Every type of event, with what it tells.
pub const EVENT_TYPES: &[(&str, &str)] = &[
    ("message.sent", "the network has taken a message for a recipient"),
    ("message.delivered", "a delivery report: it has arrived"),
    ("message.undelivered", "a delivery report: it has not arrived"),
    ("message.failed", "it could not be sent or fetched, and is not tried again"),
    ("message.expired", "its time was over before it was sent or fetched"),
    ("message.canceled", "it was withdrawn before it was sent"),
    ("message.unknown", "it left, and nobody knows whether it arrived"),
    ("message.read", "a read report: the recipient has seen it, or has not looked at it"),
    ("message.announced", "a picture message waits at the operator and is being fetched"),
    ("message.deferred", "a picture message waits at the operator until somebody asks for it"),
    ("message.received", "a picture message is here, with all its parts"),
    ("message.rejected", "a picture message was not wanted"),
    ("message.missed", "the operator could not bring a picture message and offers a web page"),
    ("sms.received", "a text is here"),
    ("modem.up", "a modem has become ready"),
    ("modem.down", "a modem is out of service"),
    ("alarm.raised", "something needs a person"),
    ("alarm.cleared", "it is over"),
    ("system.ping", "a test by its owner"),
];

/// The table that every event is written into.
pub(super) const TABLE: &str = "event";

/// An event that has not been handed to anybody yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Its place in the order of all events.
    pub seq: i64,
    /// When it happened; none: not known better than now.
    pub at: Option<Timestamp>,
    /// One of [`EVENT_TYPES`].
    pub kind: String,
    /// The message that it is about.
    pub message: Option<MessageId>,
    /// The recipient that it is about, of an outbound message.
    pub recipient: Option<Address>,
    /// The state that was reached.
    pub state: Option<String>,
    /// What there is to say beside the message, as JSON.
    pub data: Option<String>,
}

/// An event that is no transition of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// When.
    pub at: Timestamp,
    /// One of [`EVENT_TYPES`].
    pub kind: &'static str,
    /// The message that it is about, if any.
    pub message: Option<MessageId>,
    /// The recipient that it is about, if any.
    pub recipient: Option<Address>,
    /// What there is to say, as JSON.
    pub data: Option<String>,
    /// For this endpoint alone.
    pub endpoint: Option<String>,
}

impl Store {
    /// Writes an event down for whoever wants it; nothing when nobody does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_world(&self, event: NewEvent) -> Result<(), StoreError> {
        self.write(move |db| put(db, &event)).await
    }

    /// Rings behind every commit that wrote something down that is to be told, and when an event is to
    /// be told again.
    #[must_use]
    pub fn outbox_bell(&self) -> Arc<Notify> {
        self.engine.bell()
    }

    /// The oldest events that have not been handed on yet, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn outbox(&self, limit: usize) -> Result<Vec<OutboxEvent>, StoreError> {
        self.read(move |db| waiting(db, limit)).await
    }

    /// Hands an event to the endpoints that want it, under the id and with the body that all of them
    /// will see. Answers how many they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hand_on(
        &self,
        seq: i64,
        id: String,
        body: String,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.write(move |db| hand_on(db, seq, &id, &body, at)).await
    }
}

/// Writes an event in the commit of what it tells.
pub(super) fn put(db: &Connection, event: &NewEvent) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO event (at, type, message_id, recipient, data, endpoint)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6
         WHERE EXISTS (SELECT 1 FROM endpoint WHERE CASE WHEN ?6 IS NULL THEN enabled
                                                         ELSE id = ?6 END)",
    )?
    .execute(params![
        event.at.as_millis(),
        event.kind,
        event.message.as_ref().map(MessageId::as_str),
        event.recipient.as_ref().map(Address::to_wire),
        event.data,
        event.endpoint,
    ])?;
    Ok(())
}

fn waiting(db: &Connection, limit: usize) -> Result<Vec<OutboxEvent>, Failure> {
    // A transition's own line of the timeline says when it was.
    let mut select = db.prepare_cached(
        "SELECT seq, coalesce(at, (
                    SELECT timeline.at FROM timeline
                    WHERE timeline.message_id = event.message_id AND timeline.state = event.state
                    ORDER BY timeline.id DESC LIMIT 1)),
                type, message_id, recipient, state, data
         FROM event WHERE id IS NULL ORDER BY seq LIMIT ?1",
    )?;
    let rows = select
        .query_map([rows::column(limit)], |row| {
            Ok((
                OutboxEvent {
                    seq: row.get(0)?,
                    at: row.get::<_, Option<i64>>(1)?.map(Timestamp::from_millis),
                    kind: row.get(2)?,
                    message: None,
                    recipient: row
                        .get::<_, Option<String>>(4)?
                        .map(|text| Address::from_wire(&text)),
                    state: row.get(5)?,
                    data: row.get(6)?,
                },
                row.get::<_, Option<String>>(3)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(event, message)| {
            let message = message.map(|id| rows::message_id(&id)).transpose()?;
            Ok(OutboxEvent { message, ..event })
        })
        .collect()
}

fn hand_on(
    db: &Connection,
    seq: i64,
    id: &str,
    body: &str,
    at: Timestamp,
) -> Result<usize, Failure> {
    let only: Option<Option<String>> = db
        .prepare_cached("SELECT endpoint FROM event WHERE seq = ?1 AND id IS NULL")?
        .query_row([seq], |row| row.get(0))
        .optional()?;
    let Some(only) = only else { return Ok(0) };
    let planned = db
        .prepare_cached(
            "INSERT INTO event_delivery (event, endpoint, created_at, next_attempt_at)
             SELECT event.seq, endpoint.id, ?2, ?2 FROM event, endpoint
             WHERE event.seq = ?1
               AND CASE WHEN ?3 IS NOT NULL THEN endpoint.id = ?3
                   ELSE endpoint.enabled AND (endpoint.events = '[]' OR event.type IN
                        (SELECT value FROM json_each(endpoint.events))) END",
        )?
        .execute(params![seq, at.as_millis(), only])?;
    if planned == 0 {
        db.prepare_cached("DELETE FROM event WHERE seq = ?1")?.execute([seq])?;
    } else {
        db.prepare_cached(
            "UPDATE event SET id = ?2, body = ?3, at = coalesce(at, ?4) WHERE seq = ?1",
        )?
        .execute(params![seq, id, body, at.as_millis()])?;
    }
    Ok(planned)
}

//! Endpoints that are told of events, and the history of telling them: deliveries with every attempt.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::Timestamp;

/// Octets of an answer or error that are kept for each attempt.
const MAX_KEPT: usize = 1_024;

/// How an endpoint is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointKind {
    /// An HTTP request, by Standard Webhooks.
    Webhook,
    /// A program is run.
    Hook,
    /// A file is written into a folder.
    Folder,
    /// An e-mail is sent.
    Mail,
}

impl EndpointKind {
    /// The name in the store and in figures.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Hook => "hook",
            Self::Folder => "folder",
            Self::Mail => "mail",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Webhook, Self::Hook, Self::Folder, Self::Mail]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Who is told of events.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `whk_...`, or its kind and its name in the configuration.
    pub id: String,
    /// How it is told.
    pub kind: EndpointKind,
    /// Its name for people.
    pub name: String,
    /// Where, of a webhook.
    pub url: Option<String>,
    /// The key that signs.
    pub secret: Vec<u8>,
    /// The key that was replaced and until when it still signs beside the new one.
    pub former_secret: Option<(Vec<u8>, Timestamp)>,
    /// Types of events that it wants; none: all.
    pub events: Vec<String>,
    /// An event waits until the one before it has been taken or given up.
    pub ordered: bool,
    /// Events that are told at the same time at most.
    pub concurrency: usize,
    /// Whether it is told at all.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it has taken nothing that it was told.
    pub failing_since: Option<Timestamp>,
    /// Attempts without success in a row.
    pub failures: u32,
    /// When it took the last event.
    pub taken_at: Option<Timestamp>,
    /// What is wrong, or why it was switched off.
    pub reason: Option<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).field("kind", &self.kind).finish()
    }
}

/// What may be changed of an endpoint; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct EndpointChange {
    /// Its name.
    pub name: Option<String>,
    /// Where.
    pub url: Option<String>,
    /// Types of events.
    pub events: Option<Vec<String>>,
    /// Whether events wait for each other.
    pub ordered: Option<bool>,
    /// Events at the same time.
    pub concurrency: Option<usize>,
    /// On or off; on forgets why it was off.
    pub enabled: Option<bool>,
    /// A new key, and until when the old one signs too.
    pub secret: Option<(Vec<u8>, Timestamp)>,
}

/// How telling an event to an endpoint fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried, for the first time or once more.
    Pending,
    /// The endpoint has taken it.
    Delivered,
    /// Given up.
    Failed,
}

impl DeliveryState {
    /// The name in the store and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One event for one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// The endpoint.
    pub endpoint: String,
    /// The event's id, the same in every attempt.
    pub event_id: String,
    /// The event's type.
    pub kind: String,
    /// When the event happened.
    pub event_at: Timestamp,
    /// The message that it is about.
    pub message: Option<String>,
    /// How it fares.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is or was to be tried next.
    pub next_attempt_at: Timestamp,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it was taken or given up.
    pub settled_at: Option<Timestamp>,
    /// What is told.
    pub body: String,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// HTTP status, or the exit code of a program.
    pub status: Option<i32>,
    /// Why it was no success.
    pub error: Option<String>,
    /// The beginning of what the endpoint said.
    pub response: Option<String>,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult {
    /// Taken.
    Delivered,
    /// To be tried again at this time.
    Retry(Timestamp),
    /// Given up.
    Failed,
}

impl Store {
    /// Adds an endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.write(move |db| insert(db, &endpoint)).await
    }

    /// Makes those that the configuration names what it says, and forgets those of the same kinds
    /// that it does not name any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn configure_endpoints(&self, configured: Vec<Endpoint>) -> Result<(), StoreError> {
        self.write(move |db| configure(db, &configured)).await
    }

    /// All endpoints, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.read(|db| list(db, None)).await
    }

    /// One endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn endpoint(&self, id: &str) -> Result<Option<Endpoint>, StoreError> {
        let id = id.to_owned();
        self.read(move |db| Ok(list(db, Some(&id))?.pop())).await
    }

    /// Changes an endpoint; answers whether there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn change_endpoint(
        &self,
        id: &str,
        change: EndpointChange,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |db| apply(db, &id, &change, at)).await
    }

    /// Forgets an endpoint with its history; answers whether there was one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_endpoint(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |db| Ok(db.execute("DELETE FROM endpoint WHERE id = ?1", [id])? > 0)).await
    }

    /// Switches an endpoint off because of `reason`; what waits for it is given up and can be told
    /// again on request. Answers whether it was on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn disable_endpoint(
        &self,
        id: &str,
        reason: String,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |db| {
            let was_on = db.execute(
                "UPDATE endpoint SET enabled = 0, reason = ?2 WHERE id = ?1 AND enabled",
                params![id, reason],
            )? > 0;
            give_up(db, &id, at)?;
            Ok(was_on)
        })
        .await
    }

    /// What is due for an endpoint, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_deliveries(
        &self,
        endpoint: &Endpoint,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        let (id, ordered) = (endpoint.id.clone(), endpoint.ordered);
        self.read(move |db| due(db, &id, ordered, limit, now)).await
    }

    /// When the next delivery is due after `now`; none: nothing waits for its time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_delivery_after(
        &self,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |db| {
            let at: Option<i64> = db
                .prepare_cached(
                    "SELECT min((SELECT min(next_attempt_at) FROM event_delivery
                                 WHERE event_delivery.endpoint = endpoint.id AND state = 'pending'
                                   AND next_attempt_at > ?1))
                     FROM endpoint",
                )?
                .query_row([now.as_millis()], |row| row.get(0))?;
            Ok(at.map(Timestamp::from_millis))
        })
        .await
    }

    /// Writes an attempt and what follows down. Answers since when the endpoint has taken nothing,
    /// this attempt included; none after a success or for one that is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn settle_delivery(
        &self,
        id: i64,
        attempt: Attempt,
        result: AttemptResult,
        at: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.write(move |db| settle(db, id, &attempt, result, at)).await
    }

    /// Deliveries to an endpoint, newest first, those in `state` if given, older than `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliveries(
        &self,
        endpoint: &str,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let endpoint = endpoint.to_owned();
        self.read(move |db| {
            let sql = format!(
                "{DELIVERY} WHERE event_delivery.endpoint = ?1 AND (?2 IS NULL OR event_delivery.state = ?2)
                   AND (?3 IS NULL OR event_delivery.id < ?3)
                 ORDER BY event_delivery.id DESC LIMIT ?4"
            );
            let state = state.map(DeliveryState::as_str);
            collect(db, &sql, params![endpoint, state, before, rows::column(limit)])
        })
        .await
    }

    /// One delivery with every attempt, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery(&self, id: i64) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
        self.read(move |db| {
            let sql = format!("{DELIVERY} WHERE event_delivery.id = ?1");
            let Some(delivery) = collect(db, &sql, params![id])?.pop() else { return Ok(None) };
            let attempts = db
                .prepare_cached(
                    "SELECT at, millis, status, error, response FROM event_attempt
                     WHERE delivery = ?1 ORDER BY rowid",
                )?
                .query_map([id], |row| {
                    Ok(Attempt {
                        at: Timestamp::from_millis(row.get(0)?),
                        took: Duration::from_millis(rows::unsigned(row.get(1)?)),
                        status: row.get(2)?,
                        error: row.get(3)?,
                        response: row.get(4)?,
                    })
                })?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(Some((delivery, attempts)))
        })
        .await
    }

    /// Has an event told once more, under the same id, whatever became of it; its schedule begins
    /// anew. Answers whether there is such a delivery.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn redeliver(&self, id: i64, at: Timestamp) -> Result<bool, StoreError> {
        let known = self
            .write(move |db| {
                Ok(db.execute(
                    "UPDATE event_delivery SET state = 'pending', attempts = 0,
                                               next_attempt_at = ?2, settled_at = NULL
                     WHERE id = ?1",
                    params![id, at.as_millis()],
                )? > 0)
            })
            .await?;
        self.engine.bell().notify_one();
        Ok(known)
    }

    /// How many deliveries wait for each kind of endpoint, and since when the oldest does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waiting_deliveries(
        &self,
    ) -> Result<Vec<(EndpointKind, u64, Timestamp)>, StoreError> {
        self.read(|db| {
            let rows = db
                .prepare_cached(
                    "SELECT kind, count(*), min(event_delivery.created_at)
                     FROM event_delivery JOIN endpoint ON endpoint.id = event_delivery.endpoint
                     WHERE state = 'pending' GROUP BY kind",
                )?
                .query_map([], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
                })?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(rows
                .into_iter()
                .filter_map(|(kind, count, at)| {
                    let kind = EndpointKind::parse(&kind)?;
                    Some((kind, rows::unsigned(count), Timestamp::from_millis(at)))
                })
                .collect())
        })
        .await
    }
}

fn insert(db: &Connection, endpoint: &Endpoint) -> Result<(), Failure> {
    db.execute(
        "INSERT INTO endpoint (id, kind, name, url, secret, events, ordered, concurrency, enabled,
                               created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            endpoint.id,
            endpoint.kind.as_str(),
            endpoint.name,
            endpoint.url,
            endpoint.secret,
            events_json(&endpoint.events),
            endpoint.ordered,
            rows::column(endpoint.concurrency),
            endpoint.enabled,
            endpoint.created_at.as_millis(),
        ],
    )?;
    Ok(())
}

fn configure(db: &Connection, configured: &[Endpoint]) -> Result<(), Failure> {
    let ids: Vec<&str> = configured.iter().map(|endpoint| &*endpoint.id).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_else(|_| "[]".to_owned());
    db.execute(
        "DELETE FROM endpoint
         WHERE kind <> 'webhook' AND id NOT IN (SELECT value FROM json_each(?1))",
        [ids],
    )?;
    for endpoint in configured {
        let known = db.execute(
            "UPDATE endpoint SET name = ?2, events = ?3, ordered = ?4, concurrency = ?5, enabled = 1
             WHERE id = ?1",
            params![
                endpoint.id,
                endpoint.name,
                events_json(&endpoint.events),
                endpoint.ordered,
                rows::column(endpoint.concurrency),
            ],
        )?;
        if known == 0 {
            insert(db, endpoint)?;
        }
    }
    Ok(())
}

fn apply(
    db: &Connection,
    id: &str,
    change: &EndpointChange,
    at: Timestamp,
) -> Result<bool, Failure> {
    let known = db.execute(
        "UPDATE endpoint SET name = coalesce(?2, name), url = coalesce(?3, url),
                             events = coalesce(?4, events), ordered = coalesce(?5, ordered),
                             concurrency = coalesce(?6, concurrency), enabled = coalesce(?7, enabled)
         WHERE id = ?1",
        params![
            id,
            change.name,
            change.url,
            change.events.as_deref().map(events_json),
            change.ordered,
            change.concurrency.map(rows::column),
            change.enabled,
        ],
    )? > 0;
    if change.enabled == Some(true) {
        db.execute(
            "UPDATE endpoint SET reason = NULL, failing_since = NULL, failures = 0 WHERE id = ?1",
            [id],
        )?;
    }
    if change.enabled == Some(false) {
        db.execute("UPDATE endpoint SET reason = 'switched off by a person' WHERE id = ?1", [id])?;
        give_up(db, id, at)?;
    }
    if let Some((secret, until)) = &change.secret {
        db.execute(
            "UPDATE endpoint SET former_secret = secret, former_until = ?3, secret = ?2
             WHERE id = ?1",
            params![id, secret, until.as_millis()],
        )?;
    }
    Ok(known)
}

fn give_up(db: &Connection, endpoint: &str, at: Timestamp) -> Result<(), Failure> {
    db.execute(
        "UPDATE event_delivery SET state = 'failed', settled_at = ?2
         WHERE endpoint = ?1 AND state = 'pending'",
        params![endpoint, at.as_millis()],
    )?;
    Ok(())
}

fn list(db: &Connection, id: Option<&str>) -> Result<Vec<Endpoint>, Failure> {
    let rows = db
        .prepare_cached(
            "SELECT id, kind, name, url, secret, former_secret, former_until, events, ordered,
                    concurrency, enabled, created_at, failing_since, failures, taken_at, reason
             FROM endpoint WHERE ?1 IS NULL OR id = ?1 ORDER BY created_at, id",
        )?
        .query_map([id], |row| {
            let at = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
                Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
            };
            let events: String = row.get(7)?;
            let former: Option<Vec<u8>> = row.get(5)?;
            Ok((
                Endpoint {
                    id: row.get(0)?,
                    kind: EndpointKind::Webhook,
                    name: row.get(2)?,
                    url: row.get(3)?,
                    secret: row.get::<_, Option<Vec<u8>>>(4)?.unwrap_or_default(),
                    former_secret: former.zip(at(6)?),
                    events: serde_json::from_str(&events).unwrap_or_default(),
                    ordered: row.get(8)?,
                    concurrency: rows::size(row.get(9)?),
                    enabled: row.get(10)?,
                    created_at: Timestamp::from_millis(row.get(11)?),
                    failing_since: at(12)?,
                    failures: row.get(13)?,
                    taken_at: at(14)?,
                    reason: row.get(15)?,
                },
                row.get::<_, String>(1)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(endpoint, kind)| {
            let kind = EndpointKind::parse(&kind).ok_or_else(|| rows::damaged("endpoint"))?;
            Ok(Endpoint { kind, ..endpoint })
        })
        .collect()
}

const DELIVERY: &str = "
    SELECT event_delivery.id, event_delivery.endpoint, event.id, event.type, event.at, event.message_id,
           event_delivery.state, attempts, next_attempt_at, created_at, settled_at, event.body
    FROM event_delivery JOIN event ON event.seq = event_delivery.event";

fn due(
    db: &Connection,
    endpoint: &str,
    ordered: bool,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Delivery>, Failure> {
    if ordered {
        // The first that is neither taken nor given up, and only when its time has come.
        let sql = format!(
            "{DELIVERY} WHERE event_delivery.id = (
                 SELECT min(id) FROM event_delivery WHERE endpoint = ?1 AND state = 'pending')
               AND next_attempt_at <= ?2"
        );
        return collect(db, &sql, params![endpoint, now.as_millis()]);
    }
    let sql = format!(
        "{DELIVERY} WHERE event_delivery.endpoint = ?1 AND event_delivery.state = 'pending'
           AND next_attempt_at <= ?2 ORDER BY next_attempt_at, event_delivery.id LIMIT ?3"
    );
    collect(db, &sql, params![endpoint, now.as_millis(), rows::column(limit)])
}

fn collect(
    db: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Delivery>, Failure> {
    let rows = db
        .prepare_cached(sql)?
        .query_map(parameters, delivery_row)?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(rows)
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let at = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
    };
    let epoch = Timestamp::from_millis(0);
    let state: String = row.get(6)?;
    Ok(Delivery {
        id: row.get(0)?,
        endpoint: row.get(1)?,
        event_id: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        kind: row.get(3)?,
        event_at: at(4)?.unwrap_or(epoch),
        message: row.get(5)?,
        // The table's own check leaves nothing else.
        state: DeliveryState::parse(&state).unwrap_or(DeliveryState::Failed),
        attempts: row.get(7)?,
        next_attempt_at: at(8)?.unwrap_or(epoch),
        created_at: at(9)?.unwrap_or(epoch),
        settled_at: at(10)?,
        body: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
    })
}

fn settle(
    db: &Connection,
    id: i64,
    attempt: &Attempt,
    result: AttemptResult,
    at: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    let (state, next) = match result {
        AttemptResult::Delivered => (DeliveryState::Delivered, None),
        AttemptResult::Retry(next) => (DeliveryState::Pending, Some(next)),
        AttemptResult::Failed => (DeliveryState::Failed, None),
    };
    // What was given up meanwhile, since its endpoint was switched off, is not tried again.
    let endpoint: Option<String> = db
        .prepare_cached(
            "UPDATE event_delivery
             SET state = CASE WHEN state = 'failed' AND ?2 = 'pending' THEN state ELSE ?2 END,
                 attempts = attempts + 1, next_attempt_at = coalesce(?3, next_attempt_at),
                 settled_at = CASE WHEN ?2 = 'pending' THEN settled_at ELSE ?4 END
             WHERE id = ?1 RETURNING endpoint",
        )?
        .query_row(
            params![id, state.as_str(), next.map(Timestamp::as_millis), at.as_millis()],
            |row| row.get(0),
        )
        .optional()?;
    let Some(endpoint) = endpoint else { return Ok(None) };
    db.prepare_cached(
        "INSERT INTO event_attempt (delivery, at, millis, status, error, response)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id,
        attempt.at.as_millis(),
        i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX),
        attempt.status,
        attempt.error.as_deref().map(cut),
        attempt.response.as_deref().map(cut),
    ])?;
    if state == DeliveryState::Delivered {
        db.prepare_cached(
            "UPDATE endpoint SET failing_since = NULL, failures = 0, taken_at = ?2,
                                 reason = CASE WHEN enabled THEN NULL ELSE reason END
             WHERE id = ?1",
        )?
        .execute(params![endpoint, at.as_millis()])?;
        return Ok(None);
    }
    let since = db
        .prepare_cached(
            "UPDATE endpoint SET failing_since = coalesce(failing_since, ?2),
                                 failures = failures + 1,
                                 reason = CASE WHEN enabled THEN ?3 ELSE reason END
             WHERE id = ?1 RETURNING failing_since",
        )?
        .query_row(params![endpoint, at.as_millis(), attempt.error.as_deref().map(cut)], |row| {
            row.get(0)
        })?;
    Ok(Some(Timestamp::from_millis(since)))
}

fn events_json(events: impl AsRef<[String]>) -> String {
    serde_json::to_string(events.as_ref()).unwrap_or_else(|_| "[]".to_owned())
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_KEPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

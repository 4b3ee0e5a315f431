//! What people see: lists, one message with everything about it, one part.

use std::time::Duration;

use bytes::Bytes;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params};

use super::connection::Connection;
use super::engine::Failure;
use super::rows;
use super::{
    Filter, MessageView, PartInfo, RecipientView, SmsInfo, Store, StoreError, Summary,
    TimelineEntry,
};
use crate::model::{Address, Direction, Kind, MediaType, MessageId, Part, State, Timestamp};

/// Length of a list when none is asked for.
const DEFAULT_LIMIT: usize = 50;

/// Longest list given at once.
const MAX_LIMIT: usize = 1_000;

impl Store {
    /// Lists messages, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages(&self, filter: Filter) -> Result<Vec<Summary>, StoreError> {
        self.read(move |db| list(db, &filter)).await
    }

    /// Everything about one message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageView>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| view(db, &id)).await
    }

    /// One part with its octets; none too where they were removed
    /// ([`Summary::parts_removed_at`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn part(&self, id: &MessageId, index: usize) -> Result<Option<Part>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| part(db, &id, index)).await
    }

    /// State of one message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn state(&self, id: &MessageId) -> Result<Option<State>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| rows::message_state(db, &id)).await
    }

    /// Writes something that means nothing, to see whether that is possible.
    ///
    /// # Errors
    /// When it is not.
    pub async fn write_something(&self, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| {
            let at = at.as_millis();
            db.execute("INSERT OR REPLACE INTO probe (id, at) VALUES (1, ?1)", [at])?;
            Ok(())
        })
        .await
    }

    /// How many reports of a SIM fit no message yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn unmatched_reports(&self, sim: &str) -> Result<usize, StoreError> {
        let sim = sim.to_owned();
        self.read(move |db| super::reports::count_waiting(db, &sim)).await
    }
}

const SUMMARY: &str = "SELECT id, direction, state, created_at, updated_at, sender, subject,
                              preview, modem, fault, client_ref, expires_at, kind, historic,
                              sent_at, segments, sms_class, missing, forwards,
                              parts_removed_at
                       FROM message";

/// How far the time in an id may be from that in its row: the clock may be set between the two.
const ID_SLACK: Duration = Duration::from_secs(3600);

fn list(db: &Connection, filter: &Filter) -> Result<Vec<Summary>, Failure> {
    let limit = match filter.limit {
        0 => DEFAULT_LIMIT,
        more => more.min(MAX_LIMIT),
    };
    // Only what is asked for stands in the statement, so that an index fits it.
    let mut conditions: Vec<String> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut only = |condition: &str, value: Value| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("?{}", values.len())));
    };
    if let Some(direction) = filter.direction {
        only("direction = ?", direction.as_str().to_owned().into());
    }
    if let Some(kind) = filter.kind {
        only("kind = ?", kind.as_str().to_owned().into());
    }
    if let Some(from) = &filter.from {
        only("sender = ?", from.to_wire().into());
    }
    if let Some(to) = &filter.to {
        only("id IN (SELECT message_id FROM recipient WHERE address = ?)", to.to_wire().into());
    }
    if let Some(modem) = &filter.modem {
        only("modem = ?", modem.clone().into());
    }
    if let Some(account) = &filter.account {
        only("account = ?", account.clone().into());
    }
    if let Some(client_ref) = &filter.client_ref {
        only("client_ref = ?", client_ref.clone().into());
    }
    // Ids begin with the time of their message and are what lists are ordered by.
    if let Some(since) = filter.since {
        only("created_at >= ?", since.as_millis().into());
        let first = MessageId::of(since.earlier(ID_SLACK), [0; 10]);
        only("id >= ?", first.as_str().to_owned().into());
    }
    if let Some(until) = filter.until {
        only("created_at < ?", until.as_millis().into());
        let last = MessageId::of(until.plus(ID_SLACK), [0xff; 10]);
        only("id <= ?", last.as_str().to_owned().into());
    }
    if let Some(before) = &filter.before {
        only("id < ?", before.as_str().to_owned().into());
    }
    if let Some(newer) = &filter.newer_than {
        only("id > ?", newer.as_str().to_owned().into());
    }
    if !filter.states.is_empty() {
        let places: Vec<String> = filter
            .states
            .iter()
            .map(|state| {
                values.push((*state).to_owned().into());
                format!("?{}", values.len())
            })
            .collect();
        conditions.push(format!("state IN ({})", places.join(", ")));
    }
    let clause = match conditions.join(" AND ") {
        all if all.is_empty() => all,
        all => format!("WHERE {all}"),
    };
    let order = if filter.newer_than.is_some() { "ASC" } else { "DESC" };
    values.push(rows::column(limit).into());
    let sql = format!("{SUMMARY} {clause} ORDER BY id {order} LIMIT ?{}", values.len());
    let mut select = db.prepare_cached(&sql)?;
    let mut heads = select
        .query_map(rusqlite::params_from_iter(values), head)?
        .collect::<Result<Vec<_>, _>>()?;
    if filter.newer_than.is_some() {
        heads.reverse();
    }
    heads.into_iter().map(|head| summary(db, head)).collect()
}

/// What lists are narrowed by.
pub(super) const INDEXES: &str = "
CREATE INDEX message_state ON message (state, id);
CREATE INDEX message_modem ON message (modem, id);
CREATE INDEX message_sender ON message (sender, id) WHERE sender IS NOT NULL;
CREATE INDEX message_client_ref ON message (client_ref, id) WHERE client_ref IS NOT NULL;
CREATE INDEX recipient_address ON recipient (address, message_id);
-- Written when somebody asks whether that is possible.
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
";

struct Head {
    id: String,
    direction: String,
    state: String,
    created_at: i64,
    updated_at: i64,
    sender: Option<String>,
    subject: Option<String>,
    preview: Option<String>,
    modem: Option<String>,
    fault: Option<String>,
    client_ref: Option<String>,
    expires_at: Option<i64>,
    kind: String,
    historic: bool,
    sent_at: Option<i64>,
    segments: Option<u32>,
    sms_class: Option<u8>,
    missing: Option<String>,
    forwards: Option<String>,
    parts_removed_at: Option<i64>,
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        id: row.get(0)?,
        direction: row.get(1)?,
        state: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        sender: row.get(5)?,
        subject: row.get(6)?,
        preview: row.get(7)?,
        modem: row.get(8)?,
        fault: row.get(9)?,
        client_ref: row.get(10)?,
        expires_at: row.get(11)?,
        kind: row.get(12)?,
        historic: row.get(13)?,
        sent_at: row.get(14)?,
        segments: row.get(15)?,
        sms_class: row.get(16)?,
        missing: row.get(17)?,
        forwards: row.get(18)?,
        parts_removed_at: row.get(19)?,
    })
}

fn summary(db: &Connection, head: Head) -> Result<Summary, Failure> {
    let state = rows::state_of(&head.direction, &head.state)?;
    let kind = rows::kind_of(&head.kind)?;
    Ok(Summary {
        id: rows::message_id(&head.id)?,
        kind,
        direction: match state {
            State::Out(_) => Direction::Outbound,
            State::In(_) => Direction::Inbound,
        },
        state,
        created_at: Timestamp::from_millis(head.created_at),
        updated_at: Timestamp::from_millis(head.updated_at),
        from: head.sender.map(|text| Address::from_wire(&text)),
        recipients: recipients(db, &head.id)?,
        subject: head.subject,
        text: head.preview,
        sent_at: head.sent_at.map(Timestamp::from_millis),
        sms: (kind == Kind::Sms).then(|| SmsInfo {
            segments: head.segments.unwrap_or(1),
            class: head.sms_class,
            missing: rows::numbers_from(head.missing.as_deref()),
        }),
        historic: head.historic,
        parts: parts(db, &head.id)?,
        parts_removed_at: head.parts_removed_at.map(Timestamp::from_millis),
        modem: head.modem,
        fault: rows::fault_from(head.fault),
        client_ref: head.client_ref,
        forwards: head.forwards.as_deref().map(rows::message_id).transpose()?,
    })
}

fn recipients(db: &Connection, id: &str) -> Result<Vec<RecipientView>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT address, recipient.state, mmsc_message_id, report, inferred, fault,
                delivered_at, read_at, modem
         FROM recipient JOIN submission ON submission.id = submission_id
         WHERE recipient.message_id = ?1 ORDER BY position",
    )?;
    let rows = select
        .query_map([id], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get::<_, Option<String>>(5)?,
                (row.get::<_, Option<i64>>(6)?, row.get::<_, Option<i64>>(7)?, row.get(8)?),
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(address, state, mmsc_message_id, report, report_inferred, fault, times)| {
            Ok(RecipientView {
                address: Address::from_wire(&address),
                state: rows::out_state(&state)?,
                mmsc_message_id,
                report,
                delivered_at: times.0.map(Timestamp::from_millis),
                read_at: times.1.map(Timestamp::from_millis),
                report_inferred,
                fault: rows::fault_from(fault),
                modem: times.2,
            })
        })
        .collect()
}

fn parts(db: &Connection, id: &str) -> Result<Vec<PartInfo>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT position, media_type, name, content_id, content_location, charset, size, sha256
         FROM part WHERE message_id = ?1 ORDER BY position",
    )?;
    let rows = select
        .query_map([id], |row| {
            Ok(PartInfo {
                index: rows::size(row.get(0)?),
                media_type: MediaType::new(&row.get::<_, String>(1)?),
                name: row.get(2)?,
                content_id: row.get(3)?,
                content_location: row.get(4)?,
                charset: row.get(5)?,
                size: rows::size(row.get(6)?),
                sha256: row.get(7)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn part(db: &Connection, id: &str, index: usize) -> Result<Option<Part>, Failure> {
    let part = db
        .prepare_cached(
            "SELECT media_type, charset, name, content_id, content_location, body
             FROM part JOIN message ON message.id = message_id
             WHERE message_id = ?1 AND position = ?2 AND parts_removed_at IS NULL",
        )?
        .query_row(params![id, rows::column(index)], |row| {
            Ok(Part {
                media_type: MediaType::new(&row.get::<_, String>(0)?),
                charset: row.get(1)?,
                name: row.get(2)?,
                content_id: row.get(3)?,
                content_location: row.get(4)?,
                body: Bytes::from(row.get::<_, Vec<u8>>(5)?),
            })
        })
        .optional()?;
    Ok(part)
}

fn view(db: &Connection, id: &str) -> Result<Option<MessageView>, Failure> {
    let sql = format!("{SUMMARY} WHERE id = ?1");
    let Some(head) = db.prepare_cached(&sql)?.query_row([id], head).optional()? else {
        return Ok(None);
    };
    let expires_at = head.expires_at.map(Timestamp::from_millis);
    let summary = summary(db, head)?;
    let mut view = MessageView {
        summary,
        inbound_to: Vec::new(),
        notification: None,
        message_id: None,
        expires_at,
        attempts: 0,
        next_attempt_at: None,
        timeline: timeline(db, id)?,
    };
    if super::outbound::is_outbound(view.summary.state) {
        let (attempts, next) = db.query_row(
            "SELECT coalesce(max(attempts), 0),
                    min(next_attempt_at) FILTER (WHERE state = 'queued')
             FROM submission WHERE message_id = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?)),
        )?;
        view.attempts = attempts;
        view.next_attempt_at = next.map(Timestamp::from_millis);
    } else {
        inbound(db, id, &mut view)?;
    }
    Ok(Some(view))
}

fn inbound(db: &Connection, id: &str, view: &mut MessageView) -> Result<(), Failure> {
    let row = db
        .query_row(
            "SELECT recipients, transaction_id, content_location, mmsc_message_id, attempts,
                    next_attempt_at
             FROM inbound WHERE message_id = ?1",
            [id],
            |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    (row.get(1)?, row.get(2)?),
                    row.get(3)?,
                    row.get(4)?,
                    row.get::<_, Option<i64>>(5)?,
                ))
            },
        )
        .optional()?;
    let Some((recipients, notification, message_id, attempts, next)) = row else { return Ok(()) };
    view.inbound_to = rows::addresses_from(&recipients);
    view.notification = Some(notification);
    view.message_id = message_id;
    view.attempts = attempts;
    let ack: Option<i64> = db.query_row(
        "SELECT min(next_attempt_at) FROM ack WHERE message_id = ?1 AND state = 'pending'",
        [id],
        |row| row.get(0),
    )?;
    view.next_attempt_at = next.or(ack).map(Timestamp::from_millis);
    Ok(())
}

fn timeline(db: &Connection, id: &str) -> Result<Vec<TimelineEntry>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT at, recipient, state, text, fault, cause, verbatim, modem, attempt FROM timeline
         WHERE message_id = ?1 ORDER BY id",
    )?;
    let rows = select
        .query_map([id], |row| {
            Ok(TimelineEntry {
                at: Timestamp::from_millis(row.get(0)?),
                recipient: row.get::<_, Option<String>>(1)?.map(|text| Address::from_wire(&text)),
                state: row.get(2)?,
                text: row.get(3)?,
                fault: rows::fault_from(row.get(4)?),
                cause: row.get(5)?,
                verbatim: row.get(6)?,
                modem: row.get(7)?,
                attempt: row.get(8)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

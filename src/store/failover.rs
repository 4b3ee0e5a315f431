//! What waits for a modem that cannot send it, and how it goes another way. Nothing is taken over of
//! which the network may have anything.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::held::{self, Held};
use super::outbound::{set_recipients, submissions, tell};
use super::{Change, Store, StoreError, Way, rows};
use crate::model::{Address, Fault, Kind, MessageId, OutboundState, Timestamp};

/// Most submissions looked at in one go.
pub const WAITING_BATCH: usize = 200;

/// Where a submission stands among those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingPlace {
    since: Timestamp,
    key: i64,
}

/// A submission that waits, nothing of which has reached the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Names it towards the store.
    pub key: i64,
    /// The message it belongs to.
    pub message: MessageId,
    /// What carries it.
    pub kind: Kind,
    /// The modem that it waits for.
    pub modem: String,
    /// The route that it goes by.
    pub route: String,
    /// Who handed it in.
    pub account: Option<String>,
    /// Since when its modem or its SIM keeps it; none: nothing has shown itself, it is just due.
    pub held_since: Option<Timestamp>,
    /// When it is due.
    pub due: Timestamp,
    /// The last error.
    pub fault: Option<Fault>,
    /// Whom it addresses.
    pub recipients: Vec<Address>,
}

impl Waiting {
    /// Its place.
    #[must_use]
    pub fn place(&self) -> WaitingPlace {
        WaitingPlace { since: self.held_since.unwrap_or(self.due), key: self.key }
    }
}

/// What may go another way: nobody can have any of it.
const UNTOUCHED: &str = "submission.state = 'queued' AND NOT in_doubt AND released_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM segment
                    WHERE submission_id = submission.id AND segment.state <> 'queued')";

impl Store {
    /// The submissions of a route and a modem that have been kept since `since` or longer, those that
    /// wait longest first, behind the one of `after`; at most [`WAITING_BATCH`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waiting(
        &self,
        route: &str,
        modem: &str,
        since: Timestamp,
        after: Option<WaitingPlace>,
    ) -> Result<Vec<Waiting>, StoreError> {
        let (route, modem) = (route.to_owned(), modem.to_owned());
        self.read(move |db| waiting(db, &route, &modem, since, after)).await
    }

    /// The PDU of a submission.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pdu(&self, key: i64) -> Result<Option<Bytes>, StoreError> {
        self.read(move |db| {
            let pdu: Option<Vec<u8>> = db
                .prepare_cached(
                    "SELECT CAST(head || body AS BLOB) FROM submission JOIN payload USING (message_id)
                     WHERE id = ?1",
                )?
                .query_row([key], |row| row.get(0))
                .optional()?;
            Ok(pdu.map(Bytes::from))
        })
        .await
    }

    /// The PDUs of a message, each with what names its submission.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pdus(&self, id: &MessageId) -> Result<Vec<(i64, Bytes)>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT id, CAST(head || body AS BLOB)
                 FROM submission JOIN payload USING (message_id) WHERE message_id = ?1 ORDER BY id",
            )?;
            let rows = select
                .query_map([id], |row| Ok((row.get(0)?, Bytes::from(row.get::<_, Vec<u8>>(1)?))))?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    /// Has another modem take a submission over, with a PDU for its operator where there is one; `way`
    /// says why. None when it does not wait for the first modem any more.
    ///
    /// # Errors
    /// When the store fails; it waits on then.
    pub async fn take_over(
        &self,
        waiting: &Waiting,
        way: Way,
        pdu: Option<Bytes>,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        let (key, from, fault) = (waiting.key, waiting.modem.clone(), waiting.fault.clone());
        self.write(move |db| take_over(db, key, &from, &way, pdu.as_deref(), fault.as_ref(), at))
            .await
    }

    /// Who of a message was refused for this reason.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refused(
        &self,
        id: &MessageId,
        code: &'static str,
    ) -> Result<Vec<(Address, Fault)>, StoreError> {
        let id = id.as_str().to_owned();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT address, fault FROM recipient
                 WHERE message_id = ?1 AND json_extract(fault, '$.code') = ?2 ORDER BY position",
            )?;
            let rows = select
                .query_map(params![id, code], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?))
                })?
                .collect::<Result<Vec<_>, _>>()?;
            let read = |(address, fault): (String, _)| {
                Some((Address::from_wire(&address), rows::fault_from(fault)?))
            };
            Ok(rows.into_iter().filter_map(read).collect())
        })
        .await
    }
}

fn waiting(
    db: &Connection,
    route: &str,
    modem: &str,
    since: Timestamp,
    after: Option<WaitingPlace>,
) -> Result<Vec<Waiting>, Failure> {
    let mut select = db.prepare_cached(&format!(
        "SELECT submission.id, message_id, submission.kind, account, held_since, next_attempt_at,
                (SELECT fault FROM recipient WHERE submission_id = submission.id AND fault IS NOT NULL
                 LIMIT 1)
         FROM submission JOIN message ON message.id = message_id
         WHERE send_route = ?1 AND submission.modem = ?2
           AND coalesce(held_since, next_attempt_at) <= ?3 AND {UNTOUCHED}
           AND (coalesce(held_since, next_attempt_at), submission.id) > (?4, ?5)
         ORDER BY coalesce(held_since, next_attempt_at), submission.id LIMIT {WAITING_BATCH}"
    ))?;
    let (from, key) = after.map_or((i64::MIN, 0), |place| (place.since.as_millis(), place.key));
    let rows = select
        .query_map(params![route, modem, since.as_millis(), from, key], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, Option<i64>>(4)?,
                row.get::<_, i64>(5)?,
                row.get::<_, Option<String>>(6)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(key, message, kind, account, held_since, due, fault)| {
            Ok(Waiting {
                key,
                message: rows::message_id(&message)?,
                kind: rows::kind_of(&kind)?,
                modem: modem.to_owned(),
                route: route.to_owned(),
                account,
                held_since: held_since.map(Timestamp::from_millis),
                due: Timestamp::from_millis(due),
                fault: rows::fault_from(fault),
                recipients: super::outbound::recipients(db, key)?,
            })
        })
        .collect()
}

fn take_over(
    db: &Connection,
    key: i64,
    from: &str,
    way: &Way,
    pdu: Option<&[u8]>,
    fault: Option<&Fault>,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let open = submissions(
        db,
        &format!(
            "SELECT id, message_id FROM submission WHERE id = ?1 AND modem = ?2 AND {UNTOUCHED}"
        ),
        params![key, from],
    )?;
    let Some((_, message)) = open.into_iter().next() else { return Ok(None) };
    if let Some(pdu) = pdu {
        replace_pdu(db, key, &message, pdu)?;
    }
    db.execute(
        "UPDATE submission SET modem = ?2, bound_to = ?3, next_attempt_at = ?4, held_since = NULL
         WHERE id = ?1",
        params![key, way.modem, way.sim, at.as_millis()],
    )?;
    db.execute("UPDATE message SET modem = ?2 WHERE id = ?1", params![message, way.modem])?;
    held::let_go(db, Held::Submission, &key.to_string())?;
    set_recipients(db, key, OutboundState::Queued, None)?;
    let why = way.why.as_deref().unwrap_or("by another modem");
    tell(db, key, &message, at, OutboundState::Queued, why, fault)?;
    rows::refresh_outbound(db, &message, at).map(Some)
}

/// Gives a submission other octets. What all submissions of a message share stays stored once.
pub(super) fn replace_pdu(
    db: &Connection,
    key: i64,
    message: &str,
    pdu: &[u8],
) -> Result<(), Failure> {
    let body: Vec<u8> = db
        .prepare_cached("SELECT body FROM payload WHERE message_id = ?1")?
        .query_row([message], |row| row.get(0))?;
    let same = body.iter().rev().zip(pdu.iter().rev()).take_while(|(a, b)| a == b).count();
    let (own, shared) = body.split_at(body.len().saturating_sub(same));
    if !own.is_empty() {
        db.prepare_cached(
            "UPDATE submission SET head = CAST(head || ?2 AS BLOB) WHERE message_id = ?1",
        )?
        .execute(params![message, own])?;
        db.prepare_cached("UPDATE payload SET body = ?2 WHERE message_id = ?1")?
            .execute(params![message, shared])?;
    }
    let head = pdu.get(..pdu.len().saturating_sub(shared.len())).unwrap_or_default();
    db.prepare_cached("UPDATE submission SET head = ?2 WHERE id = ?1")?
        .execute(params![key, head])?;
    Ok(())
}

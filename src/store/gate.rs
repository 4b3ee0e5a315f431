//! What decides whether the next message of a queue may leave now, read in one go; and what becomes
//! of those that may not.

use bytes::Bytes;
use rusqlite::{OptionalExtension, params};

use super::breaker::BreakerState;
use super::connection::Connection;
use super::engine::Failure;
use super::held::{self, Held};
use super::opt_out;
use super::outbound::{set_recipients, submissions, tell};
use super::pause::{self, Pause};
use super::sim_use::{self, Ceiling, Counted};
use super::{Change, Store, StoreError, breaker, failover, rows, sims};
use crate::model::{
    Address, Fault, Kind, MessageId, OutboundState, Priority, Timestamp, TransactionId,
};

/// The next message of a queue, and everything that may stand in its way.
#[derive(Debug, Clone)]
pub struct AtGate {
    /// Names its submission towards the store.
    pub key: i64,
    /// The message it belongs to.
    pub message: MessageId,
    /// How urgent it is.
    pub priority: Priority,
    /// Whom it addresses.
    pub recipients: Vec<Address>,
    /// Those of them who want nothing more, and since when.
    pub opted_out: Vec<(Address, Timestamp)>,
    /// The network may have it from an earlier attempt.
    pub in_doubt: bool,
    /// Pauses of the gateway and of this modem.
    pub pauses: Vec<Pause>,
    /// What the operator thinks of this SIM.
    pub breaker: BreakerState,
    /// For each ceiling, when there is room for it; none: now.
    pub free_at: Vec<Option<Timestamp>>,
}

/// Which of the due messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// All of them.
    All,
    /// Those that are not urgent.
    NotHigh,
}

/// Why due messages of a modem wait, and until when.
#[derive(Debug, Clone)]
pub struct Wait {
    /// Which of them.
    pub whom: Whom,
    /// Why.
    pub fault: Fault,
    /// Until when.
    pub until: Timestamp,
    /// The reason is this modem's or its SIM's: another one may be able to send them.
    pub here: bool,
}

impl Store {
    /// The message of this kind that `modem`, which holds the SIM `sim`, would send next; none: none
    /// is due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn at_the_gate(
        &self,
        kind: Kind,
        modem: &str,
        sim: &str,
        ceilings: Vec<Ceiling>,
        at: Timestamp,
    ) -> Result<Option<AtGate>, StoreError> {
        let (modem, sim) = (modem.to_owned(), sim.to_owned());
        self.read(move |db| look(db, kind, &modem, &sim, &ceilings, at)).await
    }

    /// Puts due messages of a modem off, and shows why; once for each reason, however
    /// often they are put off.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn hold(
        &self,
        kind: Kind,
        modem: &str,
        wait: Wait,
        at: Timestamp,
    ) -> Result<Vec<Change>, StoreError> {
        let modem = modem.to_owned();
        self.write(move |db| hold(db, kind, &modem, &wait, at)).await
    }

    /// Takes recipients out of a submission, which gets this PDU for the others. None when it does
    /// not wait any more, or when an earlier attempt may have gone to all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn exclude(
        &self,
        key: i64,
        pdu: Bytes,
        excluded: Vec<Excluded>,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        self.write(move |db| exclude(db, key, &pdu, &excluded, at)).await
    }

    /// Ends a submission that must not be sent at all. None when it is not queued any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn block(
        &self,
        key: i64,
        fault: Fault,
        at: Timestamp,
    ) -> Result<Option<Change>, StoreError> {
        self.write(move |db| block(db, key, &fault, at)).await
    }
}

/// A recipient who is taken out of a message for several.
#[derive(Debug, Clone)]
pub struct Excluded {
    /// Who.
    pub address: Address,
    /// Why.
    pub fault: Fault,
    /// Names the PDU for them alone, should the owner want it sent after all.
    pub transaction_id: TransactionId,
    /// That PDU.
    pub pdu: Bytes,
}

/// The next due submission of a queue, in the order in which they leave.
pub(super) fn next(
    db: &Connection,
    kind: Kind,
    modem: &str,
    sim: &str,
    at: Timestamp,
) -> Result<Option<i64>, Failure> {
    let due = sims::due();
    let key = db
        .prepare_cached(&format!(
            "SELECT id FROM submission
             WHERE state = 'queued' AND kind = ?4 AND modem = ?1 AND {due} <= ?3
             ORDER BY place, id LIMIT 1"
        ))?
        .query_row(params![modem, sim, at.as_millis(), kind.as_str()], |row| row.get(0))
        .optional()?;
    Ok(key)
}

fn look(
    db: &Connection,
    kind: Kind,
    modem: &str,
    sim: &str,
    ceilings: &[Ceiling],
    at: Timestamp,
) -> Result<Option<AtGate>, Failure> {
    let Some(key) = next(db, kind, modem, sim, at)? else { return Ok(None) };
    let (message, priority, octets, segments, in_doubt): (String, i64, i64, i64, bool) = db
        .prepare_cached(
            "SELECT message_id, priority,
                    length(head) + coalesce((SELECT length(body) FROM payload
                                             WHERE payload.message_id = submission.message_id), 0)
                    + coalesce((SELECT sum(length(tpdu)) FROM segment
                                WHERE submission_id = submission.id AND state <> 'sent'), 0),
                    (SELECT count(*) FROM segment
                     WHERE submission_id = submission.id AND state <> 'sent'),
                    in_doubt
             FROM submission WHERE id = ?1",
        )?
        .query_row([key], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })?;
    let recipients: Vec<Address> = db
        .prepare_cached("SELECT address FROM recipient WHERE submission_id = ?1 ORDER BY position")?
        .query_map([key], |row| row.get::<_, String>(0))?
        .map(|address| address.map(|address| Address::from_wire(&address)))
        .collect::<Result<_, _>>()?;
    let mut opted_out = Vec::new();
    for address in &recipients {
        if let Some(entry) = opt_out::find(db, address)? {
            opted_out.push((address.clone(), entry.since));
        }
    }
    // What has been taken and not left yet leaves before it.
    let under_way: i64 = db
        .prepare_cached(
            "SELECT count(*) FROM submission
             WHERE state = 'sending' AND sim = ?1 AND released_at IS NULL",
        )?
        .query_row([sim], |row| row.get(0))?;
    let under_way = rows::unsigned(under_way);
    let free_at = ceilings
        .iter()
        .map(|ceiling| {
            let weight = match ceiling.what {
                Counted::Messages => rows::unsigned(segments).max(1) + under_way,
                Counted::Recipients => {
                    u64::try_from(recipients.len()).unwrap_or(u64::MAX) + under_way
                }
                Counted::Octets => rows::unsigned(octets),
            };
            sim_use::free_at(db, sim, ceiling, weight, at)
        })
        .collect::<Result<_, _>>()?;
    let own = format!("modem:{modem}");
    let mut pauses = pause::holding(db, at)?;
    pauses.retain(|pause| pause.scope == "gateway" || pause.scope == own);
    Ok(Some(AtGate {
        key,
        message: rows::message_id(&message)?,
        priority: Priority::of_rank(priority),
        recipients,
        opted_out,
        in_doubt,
        pauses,
        breaker: breaker::read(db, sim, kind)?,
        free_at,
    }))
}

fn hold(
    db: &Connection,
    kind: Kind,
    modem: &str,
    wait: &Wait,
    at: Timestamp,
) -> Result<Vec<Change>, Failure> {
    let Wait { whom, fault, until, here } = wait;
    let due = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE state = 'queued' AND modem = ?1 AND next_attempt_at <= ?2 AND kind = ?3
           AND (?4 OR priority < 2)",
        params![modem, at.as_millis(), kind.as_str(), *whom == Whom::All],
    )?;
    let text = format!("held back; next attempt at {until}");
    let mut changes = Vec::new();
    for (key, message) in due {
        db.prepare_cached(
            "UPDATE submission
             SET next_attempt_at = ?2,
                 held_since = CASE WHEN ?4 THEN coalesce(held_since, ?3) ELSE held_since END
             WHERE id = ?1",
        )?
        .execute(params![key, until.as_millis(), at.as_millis(), here])?;
        held::hold(db, Held::Submission, &key.to_string())?;
        let known: bool = db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM recipient
                                WHERE submission_id = ?1 AND json_extract(fault, '$.code') = ?2)",
            )?
            .query_row(params![key, fault.code], |row| row.get(0))?;
        set_recipients(db, key, OutboundState::Queued, Some(fault))?;
        if !known {
            tell(db, key, &message, at, OutboundState::Queued, &text, Some(fault))?;
            changes.push(rows::refresh_outbound(db, &message, at)?);
        }
    }
    Ok(changes)
}

fn exclude(
    db: &Connection,
    key: i64,
    pdu: &[u8],
    excluded: &[Excluded],
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let open = submissions(
        db,
        "SELECT id, message_id FROM submission
         WHERE id = ?1 AND state = 'queued' AND NOT in_doubt",
        [key],
    )?;
    let Some((_, message)) = open.into_iter().next() else { return Ok(None) };
    failover::replace_pdu(db, key, &message, pdu)?;
    for one in excluded {
        db.prepare_cached(
            "INSERT INTO submission (message_id, transaction_id, head, state, modem,
                                     next_attempt_at, kind, bound_to, priority, own_sim)
             SELECT message_id, ?2, x'', 'failed', modem, ?3, kind, bound_to, priority, own_sim
             FROM submission WHERE id = ?1",
        )?
        .execute(params![key, one.transaction_id.as_str(), at.as_millis()])?;
        let own = db.last_insert_rowid();
        failover::replace_pdu(db, own, &message, &one.pdu)?;
        db.prepare_cached(
            "UPDATE recipient SET submission_id = ?3
             WHERE submission_id = ?1 AND address = ?2",
        )?
        .execute(params![key, one.address.to_wire(), own])?;
        let (state, fault) = (OutboundState::Failed, Some(&one.fault));
        set_recipients(db, own, state, fault)?;
        tell(db, own, &message, at, state, "not sent; the others get it", fault)?;
    }
    rows::refresh_outbound(db, &message, at).map(Some)
}

fn block(
    db: &Connection,
    key: i64,
    fault: &Fault,
    at: Timestamp,
) -> Result<Option<Change>, Failure> {
    let open = submissions(
        db,
        "SELECT id, message_id FROM submission WHERE id = ?1 AND state = 'queued'",
        [key],
    )?;
    let Some((_, message)) = open.into_iter().next() else { return Ok(None) };
    let (state, text) =
        super::outbound::end(db, key, OutboundState::Failed, "not sent, and not tried again")?;
    set_recipients(db, key, state, Some(fault))?;
    tell(db, key, &message, at, state, text, Some(fault))?;
    rows::refresh_outbound(db, &message, at).map(Some)
}

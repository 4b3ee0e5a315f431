//! By which modem each submission goes: what is told of it in the timeline, and by which SIM a
//! recipient was written to, so that the next message comes from the same number.

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::opt_out::tail;
use super::rows::{self, Entry};
use super::{Store, StoreError, Way};
use crate::model::{Address, Fault, OutboundState, Timestamp};

/// How long it is remembered by which SIM somebody was written to.
const MEMORY: std::time::Duration = std::time::Duration::from_secs(400 * 24 * 3600);

impl Store {
    /// The modem by whose SIM a recipient was written to before, or has written to us: where that
    /// SIM is now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn served_by(&self, address: &Address) -> Result<Option<String>, StoreError> {
        let address = address.clone();
        self.read(move |db| Ok(find(db, &address)?.map(|(_, modem)| modem))).await
    }

    /// How many submissions wait for each of these modems.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn backlogs(&self, modems: Vec<String>) -> Result<Vec<usize>, StoreError> {
        self.read(move |db| {
            let mut count = db.prepare_cached(
                // Every column of the index in its turn: what other modems have to do is not read.
                "SELECT count(*) FROM submission
                 WHERE state IN ('queued', 'sending') AND kind IN ('mms', 'sms') AND modem = ?1",
            )?;
            modems
                .iter()
                .map(|modem| Ok(rows::size(count.query_row([modem], |row| row.get(0))?)))
                .collect()
        })
        .await
    }
}

/// The entry of an address, and the modem that its SIM is in now.
fn find(db: &Connection, address: &Address) -> Result<Option<(Address, String)>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT address, coalesce((SELECT sim.modem FROM sim WHERE sim.id = sticky.sim), modem)
         FROM sticky WHERE tail = ?1 ORDER BY noted_at DESC, address",
    )?;
    let rows = select
        .query_map([tail(address)], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    Ok(rows
        .into_iter()
        .map(|(known, modem)| (Address::from_wire(&known), modem))
        .find(|(known, _)| known.same_party(address)))
}

/// Somebody will see the number of the SIM of this way.
pub(super) fn remember(
    db: &Connection,
    address: &Address,
    way: &Way,
    at: Timestamp,
) -> Result<(), Failure> {
    if !way.remember {
        return Ok(());
    }
    // One entry for each party, in whichever form the number stands.
    if let Some((known, _)) = find(db, address)? {
        db.prepare_cached("DELETE FROM sticky WHERE address = ?1")?.execute([known.to_wire()])?;
    }
    db.prepare_cached(
        "INSERT OR REPLACE INTO sticky (address, tail, sim, modem, noted_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![address.to_wire(), tail(address), way.sim, way.modem, at.as_millis()])?;
    Ok(())
}

/// Somebody has written to the SIM by which `message` came: they know that number. What they were
/// written by before counts more.
pub(super) fn heard(
    db: &Connection,
    message: &str,
    sender: &Address,
    at: Timestamp,
) -> Result<(), Failure> {
    if find(db, sender)?.is_some() {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT OR REPLACE INTO sticky (address, tail, sim, modem, noted_at)
         SELECT ?2, ?3, (SELECT id FROM sim WHERE sim.modem = message.modem), modem, ?4
         FROM message WHERE id = ?1 AND modem IS NOT NULL",
    )?
    .execute(params![message, sender.to_wire(), tail(sender), at.as_millis()])?;
    db.prepare_cached("DELETE FROM sticky WHERE noted_at < ?1")?
        .execute([at.earlier(MEMORY).as_millis()])?;
    Ok(())
}

/// What is known under a modem's name becomes the SIM's own.
pub(super) fn adopt(db: &Connection, from: &str, sim: &str) -> Result<(), Failure> {
    db.execute("UPDATE sticky SET sim = ?2 WHERE sim = ?1", params![from, sim])?;
    Ok(())
}

/// Writes into the timeline that a message was accepted and which way it goes: once where all of it
/// goes one way, else at each recipient.
pub(super) fn tell<'a>(
    db: &Connection,
    message: &str,
    text: &str,
    ways: impl Iterator<Item = (&'a [Address], &'a Way)> + Clone,
    at: Timestamp,
) -> Result<(), Failure> {
    let state = OutboundState::Accepted.as_str();
    let entry = |recipient, text| Entry { message, at, recipient, state, text, fault: None };
    let modem = ways.clone().next().map(|(_, way)| way.modem.as_str());
    let first = ways.clone().next().and_then(|(_, way)| way.why.as_deref());
    if ways.clone().all(|(_, way)| way.why.as_deref() == first) {
        let text = first.map_or_else(|| text.to_owned(), |why| format!("{text}; {why}"));
        return rows::tell_first(db, &entry(None, &text), modem);
    }
    rows::tell_first(db, &entry(None, text), modem)?;
    for (recipients, way) in ways {
        for recipient in recipients {
            if let Some(why) = &way.why {
                rows::tell(db, &entry(Some(recipient), why))?;
            }
        }
    }
    Ok(())
}

/// Writes into the timeline that nothing is sent to these recipients of a message that was taken.
pub(super) fn tell_refused(
    db: &Connection,
    message: &str,
    recipients: &[Address],
    fault: &Fault,
    at: Timestamp,
) -> Result<(), Failure> {
    let state = OutboundState::Failed.as_str();
    for recipient in recipients {
        let text = "not sent, and not tried";
        let (recipient, fault) = (Some(recipient), Some(fault));
        rows::tell(db, &Entry { message, at, recipient, state, text, fault })?;
    }
    Ok(())
}

//! Who wants nothing more from us.

use rusqlite::params;

use super::connection::Connection;
use super::engine::Failure;
use super::rows::{self, Entry};
use super::{Store, StoreError, ways};
use crate::model::{Address, InboundState, MessageId, Timestamp};

/// Most entries in one answer.
const MAX_LISTED: usize = 1_000;

/// Where they are entered.
pub(super) const TABLE: &str = "opt_out";

/// Whether anybody is entered.
pub(super) fn are_there(db: &rusqlite::Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM opt_out)", [], |row| row.get(0))
}

/// Somebody who wants nothing more from us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// Who.
    pub address: Address,
    /// Since when.
    pub since: Timestamp,
    /// What they wrote; none where the owner has entered it.
    pub word: Option<String>,
    /// The message in which they did.
    pub message: Option<MessageId>,
}

/// What somebody has written who wants no more, or wants it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Nothing more; otherwise messages are welcome again.
    pub out: bool,
    /// The word.
    pub word: String,
}

impl Store {
    /// Enters somebody; whether they were not entered before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_out(&self, entry: OptOut) -> Result<bool, StoreError> {
        self.write(move |db| enter(db, &entry)).await
    }

    /// Removes somebody, in whichever form the number stands; what was entered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_in(&self, address: &Address) -> Result<Option<OptOut>, StoreError> {
        let address = address.clone();
        self.write(move |db| remove(db, &address)).await
    }

    /// The entry that holds for this address.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opted_out(&self, address: &Address) -> Result<Option<OptOut>, StoreError> {
        let address = address.clone();
        self.read(move |db| find(db, &address)).await
    }

    /// The entry that holds for each of these addresses.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opted_out_of(
        &self,
        addresses: Vec<Address>,
    ) -> Result<Vec<Option<OptOut>>, StoreError> {
        if !self.engine.has_opt_outs() {
            // Asked for every message that is handed in.
            return Ok(vec![None; addresses.len()]);
        }
        self.read(move |db| addresses.iter().map(|address| find(db, address)).collect()).await
    }

    /// Entries by address behind `after`, at most `limit` and a thousand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn opt_outs(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<Vec<OptOut>, StoreError> {
        let after = after.map(|address| address.to_wire()).unwrap_or_default();
        self.read(move |db| {
            let mut select = db.prepare_cached(
                "SELECT address, since, word, message_id FROM opt_out
                 WHERE address > ?1 ORDER BY address LIMIT ?2",
            )?;
            let found = select
                .query_map(params![after, rows::column(limit.min(MAX_LISTED))], entry)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(found)
        })
        .await
    }
}

/// Does in the commit of a message what its sender wants, and writes it into its timeline; keeps by
/// which SIM they know us. What waited on a SIM may stop messages, however old it is, and never has
/// them begin again.
pub(super) fn heed(
    db: &Connection,
    message: &str,
    wish: Option<&Wish>,
    at: Timestamp,
) -> Result<(), Failure> {
    let (sender, historic): (Option<String>, bool) =
        db.query_row("SELECT sender, historic FROM message WHERE id = ?1", [message], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let Some(sender) = sender.map(|sender| Address::from_wire(&sender)) else { return Ok(()) };
    ways::heard(db, message, &sender, at)?;
    let Some(wish) = wish else { return Ok(()) };
    let text = if wish.out {
        let entry = OptOut {
            address: sender,
            since: at,
            word: Some(wish.word.clone()),
            message: Some(rows::message_id(message)?),
        };
        if !enter(db, &entry)? {
            return Ok(());
        }
        format!("{}: nothing more is sent to its sender", wish.word)
    } else {
        if historic || remove(db, &sender)?.is_none() {
            return Ok(());
        }
        format!("{}: its sender may be written to again", wish.word)
    };
    let (state, fault) = (InboundState::Received.as_str(), None);
    rows::tell(db, &Entry { message, at, recipient: None, state, text: &text, fault })
}

fn enter(db: &Connection, entry: &OptOut) -> Result<bool, Failure> {
    if find(db, &entry.address)?.is_some() {
        return Ok(false);
    }
    db.prepare_cached(
        "INSERT INTO opt_out (address, tail, since, word, message_id) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        entry.address.to_wire(),
        tail(&entry.address),
        entry.since.as_millis(),
        entry.word,
        entry.message.as_ref().map(MessageId::as_str),
    ])?;
    Ok(true)
}

fn remove(db: &Connection, address: &Address) -> Result<Option<OptOut>, Failure> {
    let found = find(db, address)?;
    if let Some(found) = &found {
        db.prepare_cached("DELETE FROM opt_out WHERE address = ?1")?
            .execute([found.address.to_wire()])?;
    }
    Ok(found)
}

/// The entry that holds for this address: equal, or the national form of the other.
pub(super) fn find(db: &Connection, address: &Address) -> Result<Option<OptOut>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT address, since, word, message_id FROM opt_out WHERE tail = ?1 ORDER BY address",
    )?;
    let same = select
        .query_map([tail(address)], entry)?
        .find(|found| found.as_ref().is_ok_and(|found| found.address.same_party(address)))
        .transpose()?;
    Ok(same)
}

/// What all forms of an address have in common.
pub(super) fn tail(address: &Address) -> String {
    match address {
        Address::Msisdn(number) => {
            let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
            digits.iter().skip(digits.len().saturating_sub(9)).collect()
        }
        other => other.text().to_ascii_lowercase(),
    }
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<OptOut> {
    Ok(OptOut {
        address: Address::from_wire(&row.get::<_, String>(0)?),
        since: Timestamp::from_millis(row.get(1)?),
        word: row.get(2)?,
        message: row.get::<_, Option<String>>(3)?.and_then(|id| id.parse().ok()),
    })
}

//! What a caller hands in is taken once: the key under which it came stands in the same commit as
//! the message, so that neither a lost answer nor a crash between the two makes a second one.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::connection::Connection;
use super::engine::Failure;
use super::{Change, Store, StoreError, accounts, dropped, rows};
use crate::model::{Address, Fault, MessageId, Once, Origin, OutboundState, Timestamp};

/// How long a key is remembered.
pub const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Most keys that are over and removed by one acceptance.
const MAX_REMOVED: i64 = 16;

pub(super) const TABLES: &str = "
CREATE TABLE idempotency (
    -- '' for callers without an account.
    account     TEXT NOT NULL,
    key         TEXT NOT NULL,
    -- SHA-256 of what was handed in.
    fingerprint BLOB NOT NULL,
    message_id  TEXT NOT NULL,
    -- As it was told to the caller.
    state       TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_created_at ON idempotency (created_at);
";

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Its id.
    pub id: MessageId,
    /// Its state when it was taken.
    pub state: OutboundState,
    /// What is news; absent when it had been taken before under the same key.
    pub change: Option<Change>,
    /// The recipients that it is not sent to, and why.
    pub refused: Vec<(Address, Fault)>,
}

impl Store {
    /// The message that was taken under this key before.
    ///
    /// # Errors
    /// [`StoreError::KeyReused`] when something else was, or when the store fails.
    pub async fn taken_before(
        &self,
        account: Option<String>,
        once: Once,
        at: Timestamp,
    ) -> Result<Option<Acceptance>, StoreError> {
        self.read(move |db| earlier(db, account.as_deref(), &once, at)).await
    }
}

/// Does `work`, which stores a message with so many recipients, unless it was done before under the
/// same key or the account may not now; all of it in one transaction.
pub(super) fn take_once(
    db: &Connection,
    origin: &Origin,
    recipients: usize,
    at: Timestamp,
    work: impl FnOnce(&Connection) -> Result<Change, Failure>,
) -> Result<Acceptance, Failure> {
    let account = origin.account.as_deref();
    if let Some(once) = &origin.once
        && let Some(earlier) = earlier(db, account, once, at)?
    {
        return Ok(earlier);
    }
    if let Some(dropped) = &origin.dropped
        && let Some(earlier) = dropped::earlier(db, dropped)?
    {
        return Ok(earlier);
    }
    if let Some(account) = account {
        accounts::check_limits(db, account, recipients, at)?;
    }
    let change = work(db)?;
    if account.is_some() {
        db.prepare_cached("UPDATE message SET account = ?2 WHERE id = ?1")?
            .execute(params![change.id.as_str(), account])?;
    }
    if let Some(once) = &origin.once {
        note(db, account, once, &change, at)?;
    }
    if let Some(dropped) = &origin.dropped {
        dropped::note(db, dropped, &change.id)?;
    }
    let state = rows::out_state(change.state.as_str())?;
    Ok(Acceptance { id: change.id.clone(), state, change: Some(change), refused: Vec::new() })
}

fn earlier(
    db: &Connection,
    account: Option<&str>,
    once: &Once,
    at: Timestamp,
) -> Result<Option<Acceptance>, Failure> {
    let found: Option<(Vec<u8>, String, String)> = db
        .prepare_cached(
            "SELECT fingerprint, message_id, state FROM idempotency
             WHERE account = ?1 AND key = ?2 AND created_at > ?3",
        )?
        .query_row(
            params![account.unwrap_or_default(), once.key, at.earlier(KEY_LIFE).as_millis()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((fingerprint, id, state)) = found else { return Ok(None) };
    if fingerprint != once.fingerprint {
        return Err(StoreError::KeyReused { message: rows::message_id(&id)? }.into());
    }
    let (id, state) = (rows::message_id(&id)?, rows::out_state(&state)?);
    Ok(Some(Acceptance { id, state, change: None, refused: Vec::new() }))
}

fn note(
    db: &Connection,
    account: Option<&str>,
    once: &Once,
    change: &Change,
    at: Timestamp,
) -> Result<(), Failure> {
    db.prepare_cached(
        "DELETE FROM idempotency WHERE (account, key) IN (
             SELECT account, key FROM idempotency WHERE created_at <= ?1
             ORDER BY created_at LIMIT ?2)",
    )?
    .execute(params![at.earlier(KEY_LIFE).as_millis(), MAX_REMOVED])?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO idempotency
             (account, key, fingerprint, message_id, state, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        account.unwrap_or_default(),
        once.key,
        once.fingerprint,
        change.id.as_str(),
        change.state.as_str(),
        at.as_millis()
    ])?;
    Ok(())
}

//! Who may use the gateway: tokens, and accounts with the modems that they may send by and how much
//! they may send.
//!
//! A token has 256 random bits, so what is stored of it is its SHA-256: nothing can be guessed from
//! that, and no slow hash is needed. All tokens are held in memory as well, since every request
//! asks for one.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::engine::Failure;
use super::{Store, StoreError, rows};
use crate::model::{MessageId, Timestamp};

/// Most tokens; each request looks through all of them.
pub const MAX_TOKENS: usize = 1000;
/// By how much messages that are accepted at the same time may differ in theirs.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// Most accounts.
pub const MAX_ACCOUNTS: usize = 1000;
/// How exact the last use of a token is known.
const USE_IS_NOTED_EVERY: Duration = Duration::from_secs(600);

pub(super) const TABLES: &str = "
CREATE TABLE account (
    name       TEXT PRIMARY KEY NOT NULL,
    created_at INTEGER NOT NULL,
    -- Names of the modems that it may send by, as JSON; [] for all.
    modems     TEXT NOT NULL DEFAULT '[]',
    -- Most recipients in such a time.
    per_minute INTEGER,
    per_hour   INTEGER,
    per_day    INTEGER,
    per_month  INTEGER
) STRICT;

CREATE TABLE token (
    id           TEXT PRIMARY KEY NOT NULL,
    -- SHA-256 of the token.
    digest       BLOB NOT NULL,
    name         TEXT NOT NULL,
    account      TEXT REFERENCES account (name),
    -- Separated by blanks.
    scopes       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;

ALTER TABLE message ADD COLUMN account TEXT;
CREATE INDEX message_account ON message (account, created_at) WHERE account IS NOT NULL;
";

/// How many recipients an account may write to; each absent one is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountLimits {
    /// In 60 seconds.
    pub per_minute: Option<u32>,
    /// In 60 minutes.
    pub per_hour: Option<u32>,
    /// In 24 hours.
    pub per_day: Option<u32>,
    /// In 30 days.
    pub per_month: Option<u32>,
}

impl AccountLimits {
    /// Each limit with the name of its time and how long that is.
    #[must_use]
    pub const fn windows(&self) -> [(&'static str, Duration, Option<u32>); 4] {
        [
            ("minute", Duration::from_secs(60), self.per_minute),
            ("hour", Duration::from_secs(3600), self.per_hour),
            ("day", Duration::from_secs(24 * 3600), self.per_day),
            ("month", Duration::from_secs(30 * 24 * 3600), self.per_month),
        ]
    }
}

/// One who hands messages in, with rights of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The modems that it may send by, and so the numbers under which it appears; all when empty.
    pub modems: Vec<String>,
    /// How much it may send.
    pub limits: AccountLimits,
}

/// A token without what it is proven by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Names it; the beginning of the token itself.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The account in whose name it speaks.
    pub account: Option<String>,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// About when it was last used.
    pub last_used_at: Option<Timestamp>,
}

struct Entry {
    digest: [u8; 32],
    record: TokenRecord,
}

/// The tokens and accounts; clones share them.
#[derive(Clone)]
pub struct AccessBook {
    store: Store,
    entries: Arc<RwLock<Vec<Entry>>>,
    accounts: Arc<RwLock<Vec<Account>>>,
    /// Changes come one after the other, so that memory and file agree.
    changing: Arc<tokio::sync::Mutex<()>>,
}

impl AccessBook {
    /// Reads what is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(store: Store) -> Result<Self, StoreError> {
        let (entries, accounts) = store.read(|db| Ok((tokens(db)?, all_accounts(db)?))).await?;
        Ok(Self {
            store,
            entries: Arc::new(RwLock::new(entries)),
            accounts: Arc::new(RwLock::new(accounts)),
            changing: Arc::default(),
        })
    }

    /// Whether there is any token.
    #[must_use]
    pub fn has_tokens(&self) -> bool {
        !self.entries.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The token that `text` is, whether it still holds or not. Every token that there is, is
    /// compared, and each comparison takes the same time wherever the difference is.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<TokenRecord> {
        let digest = digest_of(text);
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for entry in entries.iter() {
            if same(&entry.digest, &digest) {
                found = Some(entry.record.clone());
            }
        }
        found
    }

    /// Writes down that a token was used, now and then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn used(&self, token: &TokenRecord, at: Timestamp) -> Result<(), StoreError> {
        if token.last_used_at.is_some_and(|last| at.since(last) < USE_IS_NOTED_EVERY) {
            return Ok(());
        }
        {
            let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
            let Some(entry) = entries.iter_mut().find(|entry| entry.record.id == token.id) else {
                return Ok(());
            };
            entry.record.last_used_at = Some(at);
        }
        let id = token.id.clone();
        self.store
            .write(move |db| {
                db.execute(
                    "UPDATE token SET last_used_at = ?2 WHERE id = ?1",
                    params![id, at.as_millis()],
                )?;
                Ok(())
            })
            .await
    }

    /// Every token, oldest first.
    #[must_use]
    pub fn tokens(&self) -> Vec<TokenRecord> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|entry| entry.record.clone()).collect()
    }

    /// Keeps a new token; `text` itself is not stored.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when its account does not exist, [`StoreError::TooMany`] when there
    /// are too many, or when the store fails.
    pub async fn add(&self, text: &str, record: TokenRecord) -> Result<(), StoreError> {
        let _one_by_one = self.changing.lock().await;
        if let Some(name) = &record.account
            && self.account(name).is_none()
        {
            return Err(StoreError::NotFound { what: format!("account '{name}'") });
        }
        if self.tokens().len() >= MAX_TOKENS {
            return Err(StoreError::TooMany { what: "tokens", limit: MAX_TOKENS });
        }
        let digest = digest_of(text);
        let row = record.clone();
        self.store
            .write(move |db| {
                db.execute(
                    "INSERT INTO token (id, digest, name, account, scopes, created_at, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        row.id,
                        digest,
                        row.name,
                        row.account,
                        row.scopes.join(" "),
                        row.created_at.as_millis(),
                        row.expires_at.map(Timestamp::as_millis)
                    ],
                )?;
                Ok(())
            })
            .await?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.push(Entry { digest, record });
        Ok(())
    }

    /// Takes a token back; false when there is none of this id. It holds no longer when this
    /// returns.
    ///
    /// # Errors
    /// When the store fails; the token holds still then.
    pub async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let _one_by_one = self.changing.lock().await;
        let row = id.to_owned();
        let removed = self
            .store
            .write(move |db| Ok(db.execute("DELETE FROM token WHERE id = ?1", [row])?))
            .await?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.record.id != id);
        Ok(removed > 0)
    }

    /// Every account, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One account.
    #[must_use]
    pub fn account(&self, name: &str) -> Option<Account> {
        let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find(|account| account.name == name).cloned()
    }

    /// Makes an account or changes the rights of one that there is; true when it is new.
    ///
    /// # Errors
    /// [`StoreError::TooMany`], or when the store fails.
    pub async fn set_account(&self, account: Account, at: Timestamp) -> Result<bool, StoreError> {
        let _one_by_one = self.changing.lock().await;
        let is_new = self.account(&account.name).is_none();
        if is_new && self.accounts().len() >= MAX_ACCOUNTS {
            return Err(StoreError::TooMany { what: "accounts", limit: MAX_ACCOUNTS });
        }
        let row = account.clone();
        self.store
            .write(move |db| {
                let modems = serde_json::to_string(&row.modems).unwrap_or_else(|_| "[]".to_owned());
                db.execute(
                    "INSERT INTO account
                         (name, created_at, modems, per_minute, per_hour, per_day, per_month)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (name) DO UPDATE SET modems = ?3, per_minute = ?4, per_hour = ?5,
                         per_day = ?6, per_month = ?7",
                    params![
                        row.name,
                        at.as_millis(),
                        modems,
                        row.limits.per_minute,
                        row.limits.per_hour,
                        row.limits.per_day,
                        row.limits.per_month
                    ],
                )?;
                Ok(())
            })
            .await?;
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|other| other.name != account.name);
        accounts.push(account);
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(is_new)
    }

    /// Removes an account with its tokens; false when there is none of this name. Its messages
    /// stay.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_account(&self, name: &str) -> Result<bool, StoreError> {
        let _one_by_one = self.changing.lock().await;
        let row = name.to_owned();
        let removed = self
            .store
            .write(move |db| {
                db.execute("DELETE FROM token WHERE account = ?1", [&row])?;
                Ok(db.execute("DELETE FROM account WHERE name = ?1", [&row])?)
            })
            .await?;
        self.entries
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|entry| entry.record.account.as_deref() != Some(name));
        self.accounts
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|account| account.name != name);
        Ok(removed > 0)
    }
}

impl std::fmt::Debug for AccessBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessBook")
    }
}

impl Store {
    /// Whether this account has handed in that message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_of_account(&self, id: &MessageId, account: &str) -> Result<bool, StoreError> {
        let (id, account) = (id.as_str().to_owned(), account.to_owned());
        self.read(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1 AND account = ?2)";
            Ok(db.prepare_cached(sql)?.query_row(params![id, account], |row| row.get(0))?)
        })
        .await
    }
}

/// Refuses so many recipients more when the account would be above one of its limits.
pub(super) fn check_limits(
    db: &Connection,
    account: &str,
    recipients: usize,
    at: Timestamp,
) -> Result<(), Failure> {
    let limits = db
        .prepare_cached(
            "SELECT per_minute, per_hour, per_day, per_month FROM account WHERE name = ?1",
        )?
        .query_row([account], limits_of)
        .optional()?
        .unwrap_or_default();
    // What a clock that was ahead has dated later would count until then.
    let last = at.plus(CLOCK_SLACK);
    for (window, length, limit) in limits.windows() {
        let Some(limit) = limit else { continue };
        let since = at.earlier(length);
        let (count, oldest): (i64, Option<i64>) = db
            .prepare_cached(
                // Whoever was refused, as those who want nothing more, was never written to.
                "SELECT count(*), min(created_at)
                 FROM message JOIN recipient ON recipient.message_id = message.id
                      JOIN submission ON submission.id = submission_id
                 WHERE account = ?1 AND created_at > ?2 AND created_at <= ?3
                   AND NOT (submission.state = 'failed' AND attempts = 0)",
            )?
            .query_row(params![account, since.as_millis(), last.as_millis()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if rows::size(count).saturating_add(recipients) > usize::try_from(limit).unwrap_or(0) {
            let again_at = oldest.map(|oldest| Timestamp::from_millis(oldest).plus(length));
            return Err(StoreError::AccountLimit {
                account: account.to_owned(),
                window,
                limit,
                used: u64::try_from(count).unwrap_or(0),
                again_at,
                again_in: again_at.map(|again| again.since(at)),
            }
            .into());
        }
    }
    Ok(())
}

fn digest_of(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    use subtle::ConstantTimeEq;
    one.ct_eq(other).into()
}

fn limits_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<AccountLimits> {
    Ok(AccountLimits {
        per_minute: row.get("per_minute")?,
        per_hour: row.get("per_hour")?,
        per_day: row.get("per_day")?,
        per_month: row.get("per_month")?,
    })
}

fn all_accounts(db: &Connection) -> Result<Vec<Account>, Failure> {
    let mut select = db.prepare(
        "SELECT name, modems, per_minute, per_hour, per_day, per_month FROM account ORDER BY name",
    )?;
    let accounts = select
        .query_map([], |row| {
            let modems: String = row.get(1)?;
            Ok((row.get(0)?, modems, limits_of(row)?))
        })?
        .collect::<Result<Vec<(String, String, AccountLimits)>, _>>()?;
    accounts
        .into_iter()
        .map(|(name, modems, limits)| {
            // A list that cannot be read must not become the right to everything.
            let modems = serde_json::from_str(&modems)
                .map_err(|_| rows::damaged("list of an account's modems"))?;
            Ok(Account { name, modems, limits })
        })
        .collect()
}

fn tokens(db: &Connection) -> Result<Vec<Entry>, Failure> {
    let mut select = db.prepare(
        "SELECT id, digest, name, account, scopes, created_at, expires_at, last_used_at
         FROM token ORDER BY created_at, id",
    )?;
    let entries = select
        .query_map([], |row| {
            let scopes: String = row.get(4)?;
            Ok(Entry {
                digest: row.get(1)?,
                record: TokenRecord {
                    id: row.get(0)?,
                    name: row.get(2)?,
                    account: row.get(3)?,
                    scopes: scopes.split_whitespace().map(str::to_owned).collect(),
                    created_at: Timestamp::from_millis(row.get(5)?),
                    expires_at: row.get::<_, Option<i64>>(6)?.map(Timestamp::from_millis),
                    last_used_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_millis),
                },
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(entries)
}

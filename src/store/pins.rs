//! Which PINs SIMs have refused, without the PINs: an HMAC-SHA-256 over SIM and PIN with a random
//! key of this store, which lies in a file of its own.
//!
//! What that is good for: the database alone, in a backup or sent to somebody who helps, tells no
//! PIN, though four digits are tried through in a moment by whoever has the key as well. Whoever
//! can read the whole folder can read the configuration, where the PIN stands in clear text. Where
//! the key file is lost, what was written down says no more than that some PIN was refused, and
//! that is answered: [`PinRecord::Untold`].

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use rusqlite::{OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{Store, StoreError};
use crate::model::redact::Secret;
use crate::model::{Random, Timestamp};

/// The key file's name inside the data folder.
pub const PIN_KEY_FILE: &str = "pin.key";

const KEY_SIZE: usize = 32;

/// What is written down of a PIN at a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinRecord {
    /// Sent, and its outcome is not known.
    Sent,
    /// Refused.
    Refused,
    /// Nothing of this one; so many others were refused or have an unknown outcome.
    Others(u8),
    /// Of another PIN or of this one: the key with which it was written down is lost.
    Untold,
}

/// The book of PINs; clones write into the same.
#[derive(Clone)]
pub struct PinBook {
    store: Store,
    key: [u8; KEY_SIZE],
    /// Tells entries of this key from those of a lost one.
    key_id: String,
}

impl PinBook {
    /// Reads the key of this data folder or makes one, with mode 0600. Blocks.
    ///
    /// # Errors
    /// When the key file can be neither read nor written.
    pub fn open(dir: &Path, store: Store, random: &Random) -> Result<Self, StoreError> {
        let path = dir.join(PIN_KEY_FILE);
        let fail = |error: std::io::Error| StoreError::Database {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fail)?;
        let mut octets = Vec::new();
        (&mut file).take(KEY_SIZE as u64 + 1).read_to_end(&mut octets).map_err(fail)?;
        let key = match <[u8; KEY_SIZE]>::try_from(octets.as_slice()) {
            Ok(key) => key,
            // New, or cut short by a power failure: nothing was written down with it.
            Err(_) => {
                let mut key = [0; KEY_SIZE];
                random.fill(&mut key);
                let mut file =
                    OpenOptions::new().write(true).truncate(true).open(&path).map_err(fail)?;
                file.write_all(&key).and_then(|()| file.sync_all()).map_err(fail)?;
                key
            }
        };
        let key_id =
            hex::encode(&Sha256::digest([b"mm1gate pin key ".as_slice(), &key].concat())[..8]);
        Ok(Self { store, key, key_id })
    }

    /// What speaks against this PIN at this SIM.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_up(&self, sim: &str, pin: &Secret) -> Result<Option<PinRecord>, StoreError> {
        let (digest, key_id, sim) = (self.digest(sim, pin), self.key_id.clone(), sim.to_owned());
        self.store
            .read(move |db| {
                let own: Option<String> = db
                    .query_row(
                        "SELECT fate FROM pin WHERE sim = ?1 AND key_id = ?2 AND digest = ?3",
                        params![sim, key_id, digest],
                        |row| row.get(0),
                    )
                    .optional()?;
                if let Some(fate) = own {
                    let refused = fate == "refused";
                    return Ok(Some(if refused { PinRecord::Refused } else { PinRecord::Sent }));
                }
                let (same_key, lost_key): (i64, i64) = db.query_row(
                    "SELECT count(*) FILTER (WHERE key_id = ?2), count(*) FILTER (WHERE key_id <> ?2)
                     FROM pin WHERE sim = ?1",
                    params![sim, key_id],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?;
                Ok(match (same_key, lost_key) {
                    (0, 0) => None,
                    (others, 0) => Some(PinRecord::Others(u8::try_from(others).unwrap_or(u8::MAX))),
                    _ => Some(PinRecord::Untold),
                })
            })
            .await
    }

    /// Writes down that it was sent, or refused.
    ///
    /// # Errors
    /// When the store fails: then the PIN must not be sent.
    pub async fn note(
        &self,
        sim: &str,
        pin: &Secret,
        refused: bool,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let (digest, key_id, sim) = (self.digest(sim, pin), self.key_id.clone(), sim.to_owned());
        let fate = if refused { "refused" } else { "sent" };
        self.store
            .write(move |db| {
                db.execute(
                    "INSERT OR REPLACE INTO pin (sim, key_id, digest, fate, noted_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![sim, key_id, digest, fate, at.as_millis()],
                )?;
                Ok(())
            })
            .await
    }

    /// The SIM has accepted it: nothing that was written down about this SIM is of use any more,
    /// but for PINs that it has refused under this key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, sim: &str, pin: &Secret) -> Result<(), StoreError> {
        let (digest, key_id, sim) = (self.digest(sim, pin), self.key_id.clone(), sim.to_owned());
        self.store
            .write(move |db| {
                db.execute(
                    "DELETE FROM pin WHERE sim = ?1 AND (digest = ?2 OR key_id <> ?3)",
                    params![sim, digest, key_id],
                )?;
                Ok(())
            })
            .await
    }

    /// Nothing speaks against any PIN any more; answers how many entries there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_all(&self) -> Result<usize, StoreError> {
        self.store.write(|db| Ok(db.execute("DELETE FROM pin", [])?)).await
    }

    fn digest(&self, sim: &str, pin: &Secret) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(sim.as_bytes());
        mac.update(&[0]);
        mac.update(pin.expose().as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl std::fmt::Debug for PinBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PinBook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DB_FILE;

    const SIM: &str = "iccid:8944100000000000012";
    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn open(dir: &Path) -> PinBook {
        let store = Store::open(dir).unwrap();
        PinBook::open(dir, store, &Random::from_system()).unwrap()
    }

    #[tokio::test]
    async fn refused_pin_is_known_after_a_restart_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let pin = Secret::new("4711");
        let book = open(dir.path());
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), None);
        book.note(SIM, &pin, false, NOW).await.unwrap();
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), Some(PinRecord::Sent));
        book.note(SIM, &pin, true, NOW).await.unwrap();
        drop(book);
        let book = open(dir.path());
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), Some(PinRecord::Refused));
        let other = book.look_up(SIM, &Secret::new("4712")).await.unwrap();
        assert_eq!(other, Some(PinRecord::Others(1)));
        assert_eq!(book.look_up("iccid:8944100000000000020", &pin).await.unwrap(), None);
        book.forget(SIM, &pin).await.unwrap();
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), None);
        for sim in [SIM, "imei:350000000000006"] {
            book.note(sim, &pin, true, NOW).await.unwrap();
        }
        assert_eq!((book.forget_all().await.unwrap(), book.forget_all().await.unwrap()), (2, 0));
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), None);
    }

    #[tokio::test]
    async fn database_tells_no_pin_and_without_its_key_remembers_that_there_was_one() {
        let dir = tempfile::tempdir().unwrap();
        let pin = Secret::new("4711");
        open(dir.path()).note(SIM, &pin, true, NOW).await.unwrap();
        let database = std::fs::read(dir.path().join(DB_FILE)).unwrap();
        let log = std::fs::read(dir.path().join(format!("{DB_FILE}-wal"))).unwrap_or_default();
        let plain = hex::encode(Sha256::digest(format!("{SIM}\04711")));
        for octets in [database, log] {
            let text = String::from_utf8_lossy(&octets).into_owned();
            assert!(!text.contains("4711") && !text.contains(&plain));
        }
        std::fs::remove_file(dir.path().join(PIN_KEY_FILE)).unwrap();
        let book = open(dir.path());
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), Some(PinRecord::Untold));
        assert_eq!(book.look_up(SIM, &Secret::new("1")).await.unwrap(), Some(PinRecord::Untold));
        // A PIN that the SIM accepts ends the doubt.
        book.forget(SIM, &Secret::new("1")).await.unwrap();
        assert_eq!(book.look_up(SIM, &pin).await.unwrap(), None);
    }

    #[tokio::test]
    async fn key_file_is_for_its_owner_alone_and_made_anew_when_cut_short() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(PIN_KEY_FILE);
        std::fs::write(&path, b"short").unwrap();
        open(dir.path());
        assert_eq!(std::fs::read(&path).unwrap().len(), KEY_SIZE);
        std::fs::remove_file(&path).unwrap();
        open(dir.path());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

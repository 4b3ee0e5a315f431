//! A copy of the store while it is in use (SQLite, `VACUUM INTO`): the state of one moment, compact,
//! checked, and durable before it has its name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::engine::database_error;
use super::{DB_FILE, PIN_KEY_FILE, StoreError};

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Octets of the file.
    pub octets: u64,
    /// Messages in it.
    pub messages: u64,
    /// The copy of the key by which the fates of PINs are kept, beside it; none when there is none.
    pub pin_key: Option<PathBuf>,
}

/// Copies the store in `dir` to the new file `to`, readable by its owner alone, whether or not a
/// gateway runs there: neither waits for the other. Blocks.
///
/// # Errors
/// When there is no store in `dir`, `to` exists already, or the disk has no room; `to` is not there
/// afterwards.
pub fn backup(dir: &Path, to: &Path) -> Result<Backup, StoreError> {
    let source = dir.join(DB_FILE);
    let partial = beside(to, ".part");
    let copied = copy(dir, &source, &partial, to);
    if copied.is_err() {
        // What is left of it is of no use to anybody.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

fn copy(dir: &Path, source: &Path, partial: &Path, to: &Path) -> Result<Backup, StoreError> {
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| StoreError::Database { path, reason: error.to_string() }
    };
    if to.exists() {
        return Err(io(to)(io::Error::from(io::ErrorKind::AlreadyExists)));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(source, flags)
        .map_err(|error| database_error(source, &error))?;
    // SQLite takes an empty file, and would make one that everybody may read.
    let _ = std::fs::remove_file(partial);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(partial)
        .map_err(io(partial))?;
    let name = partial.to_str().ok_or_else(|| StoreError::Database {
        path: partial.display().to_string(),
        reason: "the name of the copy is no UTF-8".to_owned(),
    })?;
    db.execute("VACUUM INTO ?1", [name]).map_err(|error| database_error(partial, &error))?;
    let fail = |error: rusqlite::Error| database_error(partial, &error);
    let copy = Connection::open_with_flags(partial, flags).map_err(fail)?;
    let verdict: String =
        copy.query_row("PRAGMA quick_check", [], |row| row.get(0)).map_err(fail)?;
    if verdict != "ok" {
        return Err(StoreError::Database {
            path: partial.display().to_string(),
            reason: format!("the copy is damaged: {verdict}"),
        });
    }
    let messages: i64 =
        copy.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).map_err(fail)?;
    drop(copy);
    let octets = File::open(partial)
        .and_then(|file| file.sync_all().and_then(|()| file.metadata()))
        .map_err(io(partial))?
        .len();
    let key = dir.join(PIN_KEY_FILE);
    let pin_key = key.exists().then(|| beside(to, ".pin-key"));
    if let Some(copy) = &pin_key {
        // With the permissions of the original.
        std::fs::copy(&key, copy).map_err(io(copy))?;
    }
    std::fs::rename(partial, to).map_err(io(to))?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io(folder))?;
    }
    Ok(Backup { octets, messages: u64::try_from(messages).unwrap_or(0), pin_key })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::store::{Filter, Store};

    #[tokio::test]
    async fn copy_of_a_store_in_use_is_a_store_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let raw = Connection::open(dir.path().join(DB_FILE)).unwrap();
        raw.execute_batch(
            "INSERT INTO message (id, direction, state, created_at, updated_at)
             VALUES ('msg_00000000000000000000000001', 'in', 'received', 0, 0)",
        )
        .unwrap();
        // A writer in the middle of its transaction.
        raw.execute_batch("BEGIN IMMEDIATE; DELETE FROM message").unwrap();
        let aside = tempfile::tempdir().unwrap();
        let to = aside.path().join("copy.db");
        let made = backup(dir.path(), &to).unwrap();
        assert_eq!(made.messages, 1);
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let error = backup(dir.path(), &to).unwrap_err().to_string();
        assert!(error.contains("exists"), "{error}");
        drop((store, raw));
        std::fs::rename(&to, aside.path().join(DB_FILE)).unwrap();
        let restored = Store::open(aside.path()).unwrap();
        assert_eq!(restored.messages(Filter::default()).await.unwrap().len(), 1);
        let nothing = backup(&aside.path().join("no"), &to).unwrap_err().to_string();
        assert!(nothing.contains("no/mm1gate.db"), "{nothing}");
        assert!(!to.exists() && !beside(&to, ".part").exists());
    }
}

//! Connections and the group commit: every writer that waits is served by one transaction, so
//! that one `fsync` makes all of them durable (SQLite documentation, "Write-Ahead Logging").

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::Action;
use rusqlite::{ErrorCode, OpenFlags};
use tokio::sync::{Notify, oneshot};

use super::connection::Connection;
use super::probe::Probe;
use super::space::Space;
use super::{StoreError, interrupted, opt_out, outbox, schema};

/// Most writers served by one commit: bounds how long the first of them waits.
const MAX_GROUP: usize = 256;

/// How long SQLite waits for a foreign reader (a backup program, the `sqlite3` shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a piece of work inside a transaction did not succeed; its own changes are undone.
#[derive(Debug)]
pub(super) enum Failure {
    /// SQLite's own words.
    Sql(rusqlite::Error),
    /// Ours.
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    waiting: Vec<Box<dyn Work>>,
    /// Somebody serves it, until it is empty.
    served: bool,
}

/// The database file with its writing and its reading connection.
pub(super) struct Engine {
    path: PathBuf,
    pub(super) space: Space,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    queue: Mutex<Queue>,
    /// A commit that is under way writes down what the world is to be told.
    tells: Arc<AtomicBool>,
    bell: Arc<Notify>,
    /// Somebody is or was entered who wants nothing more from us.
    opt_outs: Arc<AtomicBool>,
    probe: Arc<dyn Probe>,
}

impl Engine {
    /// Opens or creates the file and brings its schema up to date.
    pub(super) fn open(path: &Path, probe: Arc<dyn Probe>) -> Result<Self, StoreError> {
        let fail = |error: rusqlite::Error| database_error(path, &error);
        let mut writer = rusqlite::Connection::open(path).map_err(fail)?;
        writer.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        // Room that is not used any more can be given back; only a new file takes this at once.
        writer.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(fail)?;
        writer
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))
            .map_err(fail)?;
        writer.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        // Each writer of a group has a savepoint, whose undo log SQLite would put into a file.
        writer.pragma_update(None, "temp_store", "MEMORY").map_err(fail)?;
        writer.pragma_update(None, "foreign_keys", true).map_err(fail)?;
        schema::migrate(&mut writer, path)?;
        let (tells, opt_outs) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        opt_outs.store(opt_out::are_there(&writer).map_err(fail)?, Ordering::Relaxed);
        let marks = [(outbox::TABLE, Arc::clone(&tells)), (opt_out::TABLE, Arc::clone(&opt_outs))];
        let hook = move |action: Action, _: &str, table: &str, _: i64| {
            let mark =
                marks.iter().find(|(name, _)| action == Action::SQLITE_INSERT && *name == table);
            if let Some((_, mark)) = mark {
                mark.store(true, Ordering::Release);
            }
        };
        writer.update_hook(Some(hook)).map_err(fail)?;
        let reader = rusqlite::Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(fail)?;
        reader.busy_timeout(BUSY_TIMEOUT).map_err(fail)?;
        for connection in [&writer, &reader] {
            // Without it SQLite compiles a statement anew for other values, as plans could differ.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fail)?;
        }
        Ok(Self {
            path: path.to_owned(),
            space: Space::of(path.parent().unwrap_or(path)),
            writer: Mutex::new(Connection::new(writer)),
            reader: Mutex::new(Connection::new(reader)),
            queue: Mutex::default(),
            tells,
            bell: Arc::default(),
            opt_outs,
            probe,
        })
    }

    /// Queues `work`; its result can be awaited once it is durable. The work is done even when
    /// nobody waits any longer. Whoever is told `true` has to call [`Self::drain`].
    pub(super) fn queue<T, F>(&self, work: F) -> (oneshot::Receiver<Result<T, StoreError>>, bool)
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let mut queue = lock(&self.queue);
        queue.waiting.push(Box::new(Task { work: Some(work), result: None, reply }));
        let served = std::mem::replace(&mut queue.served, true);
        (answer, !served)
    }

    /// Serves everything that waits; blocks. Whoever comes while a commit is under way joins the
    /// next one.
    pub(super) fn drain(&self) {
        while let Some(mut group) = self.next_group() {
            let writer = lock(&self.writer);
            // Whoever waits for work that panicked learns it from the end of its channel; the
            // others are served all the same.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.commit(&writer, &mut group)));
            drop(writer);
            let tells = self.tells.swap(false, Ordering::Relaxed);
            let Ok(outcome) = outcome else { continue };
            if tells && outcome.is_ok() {
                self.bell.notify_one();
            }
            for work in group {
                work.finish(&self.path, outcome.clone());
            }
        }
    }

    /// Those whom the next commit serves; none when nobody waits, and then nobody serves.
    fn next_group(&self) -> Option<Vec<Box<dyn Work>>> {
        let mut queue = lock(&self.queue);
        queue.served = !queue.waiting.is_empty();
        let count = queue.waiting.len().min(MAX_GROUP);
        queue.served.then(|| queue.waiting.drain(..count).collect())
    }

    /// Rings behind every commit that wrote down what the world is to be told.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    /// Whether anybody can be found who wants nothing more from us.
    pub(super) fn has_opt_outs(&self) -> bool {
        self.opt_outs.load(Ordering::Acquire)
    }

    /// The disk has no room for more.
    pub(super) fn full(&self) -> StoreError {
        StoreError::Full { path: self.path.display().to_string() }
    }

    /// Reads from a consistent snapshot; blocks.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let fail = |error: rusqlite::Error| database_error(&self.path, &error);
        let reader = lock(&self.reader);
        if !reader.is_autocommit() {
            // Work that panicked left its snapshot open.
            reader.execute("ROLLBACK", []).map_err(fail)?;
        }
        reader.execute("BEGIN", []).map_err(fail)?;
        let outcome = work(&reader);
        let ended = reader.execute("COMMIT", []).map_err(fail);
        let value = outcome.map_err(|failure| explain(&self.path, failure))?;
        ended.map(|_| value)
    }

    fn commit(&self, writer: &Connection, group: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
        let fail = |error: rusqlite::Error| database_error(&self.path, &error);
        if !writer.is_autocommit() {
            // Work that panicked left its transaction open.
            writer.execute_batch("ROLLBACK").map_err(fail)?;
        }
        let execute = |sql: &str| writer.execute(sql, []);
        execute("BEGIN IMMEDIATE").map_err(fail)?;
        for work in group {
            execute("SAVEPOINT work").map_err(fail)?;
            if !work.run(writer) {
                execute("ROLLBACK TO work").map_err(fail)?;
            }
            execute("RELEASE work").map_err(fail)?;
        }
        let mut outcome = if self.probe.may_commit() {
            execute("COMMIT").map(drop).map_err(fail)
        } else {
            Err(interrupted())
        };
        if matches!(outcome, Err(StoreError::Full { .. })) {
            // The transaction is whole still, as long as SQLite did not undo it by itself.
            if self.space.release() && !writer.is_autocommit() {
                outcome = execute("COMMIT").map(drop).map_err(fail);
            }
        }
        if outcome.is_err() && !writer.is_autocommit() {
            let _ = writer.execute_batch("ROLLBACK");
        }
        self.probe.ended();
        outcome
    }
}

/// SQLite's words as ours.
pub(super) fn database_error(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.display().to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        _ => StoreError::Database { path, reason: error.to_string() },
    }
}

fn explain(path: &Path, failure: Failure) -> StoreError {
    match failure {
        Failure::Sql(error) => database_error(path, &error),
        Failure::Store(error) => error,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

trait Work: Send {
    /// Whether its changes are to be kept.
    fn run(&mut self, writer: &Connection) -> bool;
    /// Tells whoever waits.
    fn finish(self: Box<Self>, path: &Path, commit: Result<(), StoreError>);
}

struct Task<T, F> {
    work: Option<F>,
    result: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Work for Task<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn run(&mut self, writer: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(writer));
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, path: &Path, commit: Result<(), StoreError>) {
        let result = match (self.result, commit) {
            (Some(Err(failure)), _) => Err(explain(path, failure)),
            (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => return,
        };
        let _ = self.reply.send(result);
    }
}

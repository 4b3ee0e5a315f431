//! All durable state; the only room with SQL (SQLite: WAL, `synchronous=FULL`).
//!
//! May use: model. Speaks the domain's words upward (accept, claim, release, settle), so that
//! another database can stand behind the same functions. Time is always an argument; every
//! function that changes something returns after the change is durable.

mod accounts;
mod acks;
mod actions;
mod adoption;
mod alarms;
mod backup;
mod breaker;
mod calls;
mod changes;
mod clock;
mod connection;
mod dropped;
mod due;
mod engine;
mod failover;
mod forward;
mod gate;
mod held;
mod idempotency;
mod inbound;
mod lock;
mod media;
mod opt_out;
mod outbound;
mod outbox;
mod pause;
mod pins;
mod probe;
mod recovery;
mod reports;
mod retention;
mod route;
mod rows;
mod schema;
mod set_up;
mod sim_use;
mod sims;
mod sms;
mod space;
mod status_reports;
mod steps;
mod submission;
#[cfg(test)]
mod tests;
mod texts;
mod types;
mod view;
mod ways;
mod webhooks;
mod withdrawal;

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::model::{MediaType, Part};
use connection::Connection;
use engine::{Engine, Failure};

pub use accounts::{AccessBook, Account, AccountLimits, MAX_ACCOUNTS, MAX_TOKENS, TokenRecord};
pub use acks::{
    AckKind, AckResult, NOTIFY_DEFERRED, NOTIFY_REJECTED, NewAck, PendingAck, READ_STATUS_READ,
};
pub use adoption::FormerName;
pub use alarms::Alarm;
pub use backup::{Backup, backup};
pub use breaker::BreakerState;
pub use calls::{CALL_LIFE, CallRecord, DataUse, NewCall};
pub use dropped::DroppedMessage;
pub use due::Queue;
pub use failover::{WAITING_BATCH, Waiting, WaitingPlace};
pub use forward::Announced;
pub use gate::{AtGate, Excluded, Wait, Whom};
pub use idempotency::{Acceptance, KEY_LIFE};
pub use inbound::{
    LEAST_LIFE, Life, Notification, PendingRetrieval, Received, Retrieval, Retrieve,
};
pub use lock::{LOCK_FILE, Owner, OwnerError};
pub use media::{PartsGo, Place, Pruned};
pub use opt_out::{OptOut, Wish};
pub use outbox::{EVENT_TYPES, NewEvent, OutboxEvent};
pub use pause::Pause;
pub use pins::{PIN_KEY_FILE, PinBook, PinRecord};
pub use probe::{NoProbe, Probe};
pub use reports::{INFERENCE_WINDOW, Report, ReportKind};
pub use retention::{PRUNE_BATCH, Removal};
pub use set_up::SetUpRecord;
pub use sim_use::{Ceiling, Counted, LONGEST_WINDOW};
pub use sims::{HASH_LIFE, KEPT_HASHES, SIM_LIFE, SimRecord};
pub use sms::{
    Filed, KeptTpdu, NewPush, NewSms, NewTpdu, PendingTpdu, PushKind, ShownSms, TpduFate,
};
pub use space::{ENOUGH_ROOM, LEAST_ROOM, RESERVE_FILE};
pub use status_reports::{SmsStatus, StatusOutcome};
pub use submission::{Hold, NewOutbound, NewSubmission, Settlement, Submission, Way};
pub use texts::{NewText, NewTextSubmission, SegmentOutcome, TextSegment, TextSubmission};
pub use types::{
    Change, Filter, MessageView, PartInfo, RecipientView, SmsInfo, StoreError, Summary,
    TimelineEntry,
};
pub use webhooks::{
    Attempt, AttemptResult, Delivery, DeliveryState, Endpoint, EndpointChange, EndpointKind,
};
pub use withdrawal::Withdrawal;

/// The database file's name inside the data folder.
pub const DB_FILE: &str = "mm1gate.db";

/// The store; clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

impl Store {
    /// Opens or creates the store in an existing folder. Blocks.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer version of this program.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_probed(dir, Arc::new(NoProbe))
    }

    /// The same, with a watcher of its commits.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_probed(dir: &Path, probe: Arc<dyn Probe>) -> Result<Self, StoreError> {
        let path = dir.join(DB_FILE);
        // SQLite would create it readable for everybody.
        std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(
            |error| StoreError::Database {
                path: path.display().to_string(),
                reason: error.to_string(),
            },
        )?;
        let engine = Engine::open(&path, probe)?;
        // The files are entries of the folder, and a new one may be lost with the power.
        lock::sync_folder(dir).map_err(|error| StoreError::Database {
            path: dir.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self { engine: Arc::new(engine) })
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, serve) = self.engine.queue(work);
        if serve {
            let engine = Arc::clone(&self.engine);
            tokio::task::spawn_blocking(move || engine.drain());
        }
        answer.await.unwrap_or_else(|_| Err(interrupted()))
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        tokio::task::spawn_blocking(move || engine.read(work))
            .await
            .unwrap_or_else(|_| Err(interrupted()))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

fn interrupted() -> StoreError {
    StoreError::Database { path: DB_FILE.to_owned(), reason: "the program is ending".to_owned() }
}

/// Octets that could not be read, as a part that people can download.
fn raw_part(body: Bytes) -> Part {
    Part {
        media_type: MediaType::new("application/vnd.wap.mms-message"),
        charset: None,
        name: None,
        content_id: None,
        content_location: None,
        body,
    }
}

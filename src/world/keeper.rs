//! Keeps the store in bounds: what is older than its time is removed in small batches, between which
//! everybody else has a turn, and the disk gets its room back; a disk without room is an alarm.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::{ALARM_GATEWAY, Gateway};
use crate::model::{Clock, Fault};
use crate::store::{LEAST_ROOM, PRUNE_BATCH, StoreError};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3_600);
/// The first look, when the start is over.
const FIRST: Duration = Duration::from_secs(60);
/// The pause between two batches: writers that wait go first.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(60);

/// Raises the alarm of a full disk and ends it.
pub(super) async fn watch_disk(gateway: Gateway, stop: CancellationToken) {
    let mut known = None;
    loop {
        let room = gateway.store().has_room();
        if known != Some(room) {
            let told = if room {
                gateway.clear_alarm(ALARM_GATEWAY, "disk-full").await
            } else {
                gateway.raise_alarm(ALARM_GATEWAY, &disk_full(gateway.data_dir())).await
            };
            match told {
                Ok(()) => known = Some(room),
                // Looked at again soon, and /readyz knows.
                Err(error) => tracing::error!(%error, "the alarm of the full disk"),
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DISK_EVERY) => {}
        }
    }
}

fn disk_full(data_dir: &Path) -> Fault {
    Fault {
        layer: "gateway".to_owned(),
        code: "disk-full".to_owned(),
        summary: format!(
            "the disk of {} has less than {} MB left: new messages are refused and picture messages \
             are left at the operator",
            data_dir.display(),
            LEAST_ROOM / 1_048_576
        ),
        verbatim: None,
        remedy: "make room on it; everything goes on by itself then".to_owned(),
        blame: "gateway".to_owned(),
    }
}

/// Removes what is older than its time.
pub(super) async fn run(gateway: Gateway, clock: Clock, stop: CancellationToken) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        match prune(&gateway, &clock, &stop).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "messages and events past their time removed"),
            Err(error) => tracing::warn!(%error, "nothing could be removed"),
        }
        wait = EVERY;
    }
}

async fn prune(
    gateway: &Gateway,
    clock: &Clock,
    stop: &CancellationToken,
) -> Result<usize, StoreError> {
    let (store, retention) = (gateway.store(), gateway.world().retention);
    let mut removed = 0;
    loop {
        let now = clock.now();
        let messages = match retention.messages {
            Some(life) => store.prune_messages(now.earlier(life)).await?,
            None => 0,
        };
        let events = match retention.events {
            Some(life) => store.prune_events(now.earlier(life)).await?,
            None => 0,
        };
        removed += messages + events;
        if messages > 0 || events > 0 {
            store.give_back().await?;
        }
        if (messages < PRUNE_BATCH && events < PRUNE_BATCH) || stop.is_cancelled() {
            return Ok(removed);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

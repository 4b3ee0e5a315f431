//! Keeps the store in bounds: what is older than its time is removed in small batches, between which
//! everybody else has a turn, and the disk gets its room back; a disk without room is an alarm.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::gateway::{ALARM_GATEWAY, Gateway, megabytes};
use crate::model::{Clock, Fault};
use crate::store::{LEAST_ROOM, PRUNE_BATCH, PartsGo, StoreError};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(3_600);
/// The first look, when the start is over.
const FIRST: Duration = Duration::from_secs(60);
/// The pause between two batches: writers that wait go first.
const PAUSE: Duration = Duration::from_millis(200);
/// The pause where nothing was removed: readers that wait go first.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How often the disk is looked at.
const DISK_EVERY: Duration = Duration::from_secs(60);

/// The code of its alarm.
const DISK_FULL: &str = "disk-full";

/// Raises the alarm of a full disk and ends it.
pub(super) async fn watch_disk(gateway: Gateway, stop: CancellationToken) {
    loop {
        if let Err(error) = judge_disk(&gateway).await {
            // Looked at again soon, and /readyz knows.
            tracing::error!(%error, "the alarm of the full disk");
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(DISK_EVERY) => {}
        }
    }
}

/// A disk that is full has no room for what is known already: only changes are written.
async fn judge_disk(gateway: &Gateway) -> Result<(), StoreError> {
    let has_room = gateway.store().has_room();
    let is_told = gateway
        .alarms()
        .await?
        .iter()
        .any(|alarm| alarm.scope == ALARM_GATEWAY && alarm.code == DISK_FULL);
    match (has_room, is_told) {
        (true, true) => gateway.clear_alarm(ALARM_GATEWAY, DISK_FULL).await,
        (false, false) => gateway.raise_alarm(ALARM_GATEWAY, &disk_full(gateway.data_dir())).await,
        _ => Ok(()),
    }
}

fn disk_full(data_dir: &Path) -> Fault {
    Fault {
        layer: "gateway".to_owned(),
        code: DISK_FULL.to_owned(),
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
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    if let Some(life) = retention.media {
        removed += parts(gateway, clock, stop, Some(life), None).await?;
    }
    if let Some(life) = retention.raw {
        raw(gateway, clock, stop, life).await?;
    }
    removed += fit(gateway, clock, stop, retention.max_size).await?;
    Ok(removed)
}

/// Removes parts: those older than `life`, or the oldest until the store fits into `most`.
async fn parts(
    gateway: &Gateway,
    clock: &Clock,
    stop: &CancellationToken,
    life: Option<Duration>,
    most: Option<u64>,
) -> Result<usize, StoreError> {
    let store = gateway.store();
    let (mut removed, mut from) = (0, None);
    loop {
        if let Some(most) = most
            && store.size().await? <= most
        {
            return Ok(removed);
        }
        let now = clock.now();
        let why = life.map_or(PartsGo::ForRoom, |life| PartsGo::OlderThan(now.earlier(life)));
        let batch = store.prune_parts(why, from, now).await?;
        removed += batch.messages;
        if batch.messages > 0 {
            store.give_back().await?;
        }
        let (Some(until), false) = (batch.until, stop.is_cancelled()) else { return Ok(removed) };
        from = Some(until);
        tokio::time::sleep(if batch.messages > 0 { PAUSE } else { LOOK_PAUSE }).await;
    }
}

/// Removes what went over the line longer ago than `life`.
async fn raw(
    gateway: &Gateway,
    clock: &Clock,
    stop: &CancellationToken,
    life: Duration,
) -> Result<(), StoreError> {
    let (store, mut from) = (gateway.store(), None);
    loop {
        let now = clock.now();
        let batch = store.prune_raw(now.earlier(life), from, now).await?;
        let strays = store.prune_stray_raw(now.earlier(life)).await?;
        if batch.messages > 0 || strays > 0 {
            store.give_back().await?;
        }
        if (batch.until.is_none() && strays == 0) || stop.is_cancelled() {
            return Ok(());
        }
        from = batch.until.or(from);
        let removed = batch.messages > 0 || strays > 0;
        tokio::time::sleep(if removed { PAUSE } else { LOOK_PAUSE }).await;
    }
}

/// Makes the store as small as it shall be; what cannot be removed for that is an alarm.
async fn fit(
    gateway: &Gateway,
    clock: &Clock,
    stop: &CancellationToken,
    most: Option<u64>,
) -> Result<usize, StoreError> {
    let Some(most) = most else {
        gateway.clear_alarm(ALARM_GATEWAY, STORE_TOO_LARGE).await?;
        return Ok(0);
    };
    let removed = parts(gateway, clock, stop, None, Some(most)).await?;
    let size = gateway.store().size().await?;
    if size <= most {
        gateway.clear_alarm(ALARM_GATEWAY, STORE_TOO_LARGE).await?;
    } else if !stop.is_cancelled() {
        gateway.raise_alarm(ALARM_GATEWAY, &too_large(size, most)).await?;
    }
    Ok(removed)
}

/// The code of the alarm.
const STORE_TOO_LARGE: &str = "store-too-large";

fn too_large(size: u64, most: u64) -> Fault {
    Fault {
        layer: "gateway".to_owned(),
        code: STORE_TOO_LARGE.to_owned(),
        summary: format!(
            "the messages take {}, more than max_size_mb allows ({}), and nothing of what is left may be \
             removed: it waits, or nobody has seen it",
            megabytes(size),
            megabytes(most)
        ),
        verbatim: None,
        remedy: "open what came or mark it as read, delete messages that nobody needs, or raise \
                 max_size_mb under [retention]"
            .to_owned(),
        blame: "gateway".to_owned(),
    }
}

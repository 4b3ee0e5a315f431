//! What systemd is told (sd_notify(3)): ready, well, ending. Without systemd nothing is.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::gateway::{Event, Gateway};
use crate::store::Alarm;

/// Alarms named in what systemd shows.
const MOST_NAMED: usize = 3;

/// How long the store may take to answer before the gateway does not count as well.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Everything works: listeners, store, workers. `said` keeps the words for [`tell_alarms`].
pub(super) fn ready(status: String, said: &watch::Sender<String>) {
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    said.send_replace(status);
}

/// The configuration is read anew; [`ready`] follows.
pub(super) fn reloading() {
    // systemd tells by this time which reload it was.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd is not told of the reload"),
    }
}

/// The end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("hanging up")]);
}

/// Tells systemd twice in each of its periods that all is well, as long as every worker lives and the
/// store commits; else it restarts the gateway when its period is over.
pub(super) async fn watch(gateway: Gateway, stop: CancellationToken) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    loop {
        match trouble(&gateway).await {
            None => tell(&[NotifyState::Watchdog]),
            Some(why) => tracing::error!(%why, "systemd is not told that all is well"),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(period / 2) => {}
        }
    }
}

/// Keeps what systemd shows current: what was last said of the gateway as a whole, and the alarms that
/// hold.
pub(super) async fn tell_alarms(
    gateway: Gateway,
    mut said: watch::Receiver<String>,
    stop: CancellationToken,
) {
    let mut events = gateway.subscribe();
    let mut told = said.borrow_and_update().clone();
    loop {
        let usual = said.borrow().clone();
        if let Ok(alarms) = gateway.alarms().await {
            let status = status(&usual, &alarms);
            if status != told {
                tell(&[NotifyState::Status(&status)]);
                told = status;
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            news = said.changed() => match news {
                // It has been told with the words that it came with.
                Ok(()) => told.clone_from(&said.borrow_and_update()),
                Err(_) => return,
            },
            () = alarm(&mut events) => {}
        }
    }
}

/// An alarm began or ended, or nobody knows whether one did.
async fn alarm(events: &mut broadcast::Receiver<Event>) {
    loop {
        match events.recv().await {
            Ok(Event::Alarm { .. }) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// One line, however many alarms there are.
fn status(usual: &str, alarms: &[Alarm]) -> String {
    let mut names: Vec<String> = alarms
        .iter()
        .take(MOST_NAMED)
        .map(|alarm| format!("{} ({})", alarm.code, alarm.scope))
        .collect();
    if alarms.len() > MOST_NAMED {
        names.push(format!("{} more", alarms.len() - MOST_NAMED));
    }
    match names.as_slice() {
        [] => usual.to_owned(),
        names => format!("{usual}; ALARM: {}; see `mm1gate status`", names.join(", ")),
    }
}

/// What is wrong with the gateway as a whole.
async fn trouble(gateway: &Gateway) -> Option<String> {
    if !gateway.is_working() {
        return Some("the worker of a modem has ended".to_owned());
    }
    match tokio::time::timeout(ANSWER_LIMIT, gateway.store().answers()).await {
        Ok(Ok(())) => None,
        // A restart gives a disk no room.
        Ok(Err(_)) if !gateway.store().has_room() => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("the store did not answer within {} s", ANSWER_LIMIT.as_secs())),
    }
}

fn tell(state: &[NotifyState<'_>]) {
    // Nobody to tell is the usual case outside of systemd.
    let _ = sd_notify::notify(state);
}

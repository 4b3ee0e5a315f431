//! What systemd is told (sd_notify(3)): ready, well, ending. Without systemd nothing is.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

/// How long the store may take to answer before the gateway does not count as well.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Everything works: listeners, store, workers.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
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

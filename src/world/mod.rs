//! The user's own world: webhooks (Standard Webhooks 1.0) and programs that are told of what happens,
//! durably, by the events that the store writes in the commit of each transition.
//!
//! May use: api (the JSON of a message, as REST shows it), gateway, store, net, model.
//!
//! `dispatch` takes events from the outbox, has `event` put them into words once, hands them to every
//! endpoint that wants them, and tells each what is due, by `client` (HTTP) or `runner` (programs).
//! What speaks to the operating system is injected ([`Deps`]): tests hold time still and open no socket.

mod client;
mod dispatch;
mod event;
mod folder;
mod keeper;
mod mail;
mod runner;
mod schedule;
mod sign;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::{Gateway, WorldConfig, modem_scope};
use crate::model::{Clock, Random, Timestamp};
use crate::store::{Endpoint, EndpointKind, StoreError};

pub use client::{HookClient, HookError, HookRequest, HookResponse, SystemClient};
pub use runner::{HookCommand, HookExit, HookRunner, SystemRunner};
pub use schedule::{DISABLE_AFTER, SCHEDULE};
pub use sign::sign;

/// What the room is handed instead of reaching for it by itself.
#[derive(Clone)]
pub struct Deps {
    /// Sends HTTP requests.
    pub client: Arc<dyn HookClient>,
    /// Runs programs.
    pub runner: Arc<dyn HookRunner>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives random numbers.
    pub random: Random,
}

/// What tells the outside world; it ends with [`World::stop`].
pub struct World {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl World {
    /// Begins to tell what the store has to tell, and to keep the store in bounds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(gateway: &Gateway, deps: Deps) -> Result<Self, StoreError> {
        let config = gateway.world();
        let endpoints = configured(&config, deps.clock.now());
        gateway.store().configure_endpoints(endpoints).await?;
        end_alarms_of_what_is_gone(gateway, &config).await?;
        runner::clean_up(gateway.data_dir());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        for folder in &config.folders {
            let (clock, random) = (deps.clock, deps.random.clone());
            let watch = folder::watch(gateway.clone(), folder.clone(), clock, random, stop.clone());
            tasks.spawn(watch);
        }
        tasks.spawn(keeper::watch_disk(gateway.clone(), stop.clone()));
        tasks.spawn(keeper::run(gateway.clone(), deps.clock, stop.clone()));
        tasks.spawn(dispatch::run(gateway.clone(), deps, stop.clone()));
        tasks.close();
        Ok(Self { stop, tasks })
    }

    /// Ends it: what is being told is broken off and told again after the next start.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// Nobody else would ever end the alarms of what no longer stands in the configuration.
async fn end_alarms_of_what_is_gone(
    gateway: &Gateway,
    config: &WorldConfig,
) -> Result<(), StoreError> {
    let modems: Vec<String> = gateway
        .config()
        .modems
        .iter()
        .map(|modem| &modem.name)
        .chain(&gateway.config().others)
        .map(|name| modem_scope(name.as_str()))
        .collect();
    for alarm in gateway.alarms().await? {
        let scope = alarm.scope.as_str();
        let (kind, name) = scope.split_once(':').unwrap_or_default();
        let stays = match kind {
            "modem" => modems.iter().any(|modem| modem == scope),
            "folder" => config.folders.iter().any(|folder| folder.name == name),
            "hook" => config.hooks.iter().any(|hook| hook.name == name),
            "mail" => config
                .mails
                .iter()
                .any(|mail| mail.to.iter().any(|to| mail::endpoint_id(&mail.name, to) == scope)),
            _ => true,
        };
        if !stays {
            gateway.clear_alarm(scope, &alarm.code).await?;
        }
    }
    Ok(())
}

/// The endpoints that the configuration names.
fn configured(config: &WorldConfig, now: Timestamp) -> Vec<Endpoint> {
    let endpoint = |kind: EndpointKind, name: &str, events: &[String], concurrency| Endpoint {
        id: format!("{}:{name}", kind.as_str()),
        kind,
        name: name.to_owned(),
        url: None,
        secret: Vec::new(),
        former_secret: None,
        events: events.to_vec(),
        ordered: false,
        concurrency,
        enabled: true,
        created_at: now,
        failing_since: None,
        failures: 0,
        taken_at: None,
        reason: None,
    };
    let hooks = config
        .hooks
        .iter()
        .map(|hook| endpoint(EndpointKind::Hook, &hook.name, &hook.events, hook.concurrency));
    // No events at all would mean all of them.
    let folders = config
        .folders
        .iter()
        .filter(|folder| !folder.events.is_empty())
        .map(|folder| endpoint(EndpointKind::Folder, &folder.name, &folder.events, 1));
    let mails = config.mails.iter().flat_map(|mail| {
        mail.to.iter().map(|to| Endpoint {
            id: mail::endpoint_id(&mail.name, to),
            ..endpoint(EndpointKind::Mail, &format!("{} to {to}", mail.name), &mail.events, 1)
        })
    });
    hooks.chain(folders).chain(mails).collect()
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

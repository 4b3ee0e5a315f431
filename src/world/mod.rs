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
mod keeper;
mod runner;
mod schedule;
mod sign;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::Gateway;
use crate::model::{Clock, Random};
use crate::store::{Endpoint, EndpointKind, StoreError};

pub use client::{
    HookClient, HookError, HookRequest, HookResponse, Resolved, Resolver, SystemClient,
};
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
        let configured = config.hooks.iter().map(|hook| Endpoint {
            id: format!("hook:{}", hook.name),
            kind: EndpointKind::Hook,
            name: hook.name.clone(),
            url: None,
            secret: Vec::new(),
            former_secret: None,
            events: hook.events.clone(),
            ordered: false,
            concurrency: hook.concurrency,
            enabled: true,
            created_at: deps.clock.now(),
            failing_since: None,
            failures: 0,
            taken_at: None,
            reason: None,
        });
        gateway.store().configure_endpoints(configured.collect()).await?;
        runner::clean_up(gateway.data_dir());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
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

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

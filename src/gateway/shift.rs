//! One shift: everything that is due for one SIM, over a network that is up. Knows no modem; a
//! test can hand it any network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::line::Line;
use super::{Core, inbound, outbound};
use crate::mm1::{Client, Identity, Route};
use crate::model::{Kind, MessageId, StageSink};
use crate::net::Net;
use crate::operators::Settings;
use crate::store::{AckKind, StoreError};

/// The work of one SIM.
pub(super) struct Shift {
    pub(super) line: Line,
    pub(super) core: Core,
    pub(super) modem: String,
    pub(super) sim: String,
    pub(super) settings: Settings,
    turn: AtomicBool,
}

impl Shift {
    pub(super) fn new(line: &Line, sim: String, settings: Settings) -> Self {
        let (line, core, modem) = (line.clone(), line.core().clone(), line.config().name.clone());
        Self { line, core, modem, sim, settings, turn: AtomicBool::new(false) }
    }

    /// The MMS client of this SIM over a network that is up; it knows which way worked before.
    pub(super) async fn client(
        &self,
        net: Arc<dyn Net>,
        identity: Identity,
    ) -> Result<Client, StoreError> {
        let known = match self.gateway() {
            Some(gateway) => self.core.store.route(&self.sim, &gateway).await?,
            None => None,
        };
        let known = known.and_then(|way| way.parse().ok());
        Ok(Client::with_route(net, self.settings.clone(), identity, known))
    }

    /// Keeps the way that has worked, for the calls to come.
    pub(super) async fn remember_route(
        &self,
        client: &Client,
        known: &mut Option<Route>,
    ) -> Result<(), StoreError> {
        let worked = client.worked();
        let (Some(route), Some(gateway)) = (worked, self.gateway()) else { return Ok(()) };
        if *known != worked {
            let (way, now) = (route.to_string(), self.core.now());
            self.core.store.remember_route(&self.sim, &gateway, &way, now).await?;
            tracing::info!(modem = %self.modem, %gateway, %way, "this way leads to the MMSC");
            *known = worked;
        }
        Ok(())
    }

    /// What the way is remembered with.
    fn gateway(&self) -> Option<String> {
        self.settings.proxy.as_ref().map(|(host, port)| format!("{host}:{port}"))
    }

    /// Does the next piece of work; false when nothing is due. Acknowledgements come first, since
    /// they are short and an MMSC that waits for one delivers again; sending and fetching take
    /// turns.
    pub(super) async fn step(&self, client: &Client) -> Result<bool, StoreError> {
        if self.acknowledge(client).await? {
            return Ok(true);
        }
        let send_first = self.turn.fetch_xor(true, Ordering::Relaxed);
        let worked = if send_first { self.send(client).await? } else { self.fetch(client).await? };
        if worked {
            return Ok(true);
        }
        if send_first { self.fetch(client).await } else { self.send(client).await }
    }

    /// Sends the next acknowledgement that is due; false when none is.
    pub(super) async fn acknowledge(&self, client: &Client) -> Result<bool, StoreError> {
        let acks = self.core.store.due_acks(&self.sim, self.core.now()).await?;
        let Some(first) = acks.first() else { return Ok(false) };
        if first.ack.kind == AckKind::Delete {
            // One request has room for all of them.
            let all = acks.into_iter().filter(|ack| ack.ack.kind == AckKind::Delete).collect();
            inbound::delete(self, client, all).await?;
        } else {
            inbound::acknowledge(self, client, first.clone()).await?;
        }
        Ok(true)
    }

    /// Where the stages of one message are told.
    pub(super) fn stages(&self, id: Option<&MessageId>) -> StageSink {
        let (events, modem, id) = (self.core.events.clone(), self.modem.clone(), id.cloned());
        StageSink::new(move |stage| events.stage(&modem, id.as_ref(), stage))
    }

    async fn send(&self, client: &Client) -> Result<bool, StoreError> {
        let gate = self.line.inner.gate.lock().await;
        if !self.line.may_send(Kind::Mms, &self.sim).await? {
            return Ok(false);
        }
        let now = self.core.now();
        let claimed = self.core.store.claim_submission(&self.modem, &self.sim, now).await?;
        drop(gate);
        let Some((submission, change)) = claimed else { return Ok(false) };
        self.core.events.change(&change);
        outbound::submit(self, client, submission).await?;
        Ok(true)
    }

    async fn fetch(&self, client: &Client) -> Result<bool, StoreError> {
        let now = self.core.now();
        let claimed = self.core.store.claim_retrieval(&self.sim, &self.modem, now).await?;
        let Some((pending, change)) = claimed else { return Ok(false) };
        self.core.events.change(&change);
        inbound::retrieve(self, client, pending).await?;
        Ok(true)
    }
}

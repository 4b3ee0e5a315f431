//! Requests through a WAP 1.x gateway: WSP in connection mode over WTP (UDP port 9201), and without
//! a connection (9200) for what fits into one datagram.
//!
//! What must not be in doubt goes in connection mode wherever the gateway has it, since a datagram
//! alone is acknowledged by nobody: a submission uses port 9200 only where 9201 does not answer.
//! The session is kept for the next request; while it waits, `keeper` answers what the gateway still
//! says.

mod exchange;
mod keeper;
mod line;
mod unit;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use self::exchange::Exchange;
use self::keeper::Kept;
use self::line::Line;
use super::request::{Heads, Prepared};
use super::{Answer, Call, Failure, Hook, Timeouts, TransportError};
use crate::codec::wsp::ContentType;
use crate::codec::wsp::pdu::{
    CONNECTIONLESS_PORT, EntityHeaders, GetMethod, Pdu, PostMethod, SESSION_PORT,
};
use crate::mm1::Identity;
use crate::model::StageSink;
use crate::net::Net;
use crate::operators::Settings;

/// Largest answer through a gateway, octets: what 256 segments of 1 500 octets carry, and a margin.
const MAX_SDU: usize = 512 * 1024;
/// A session that rested longer is not used again: its way back through the operator's network may
/// be closed.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// The same before a submission: a gateway that has forgotten the session would leave in doubt what
/// became of the message.
const MAX_IDLE_HELD: Duration = Duration::from_secs(5);

/// Makes exchanges; keeps one session.
pub(super) struct WapTransport {
    net: Arc<dyn Net>,
    host: String,
    port: u16,
    heads: Prepared,
    timeouts: Timeouts,
    idle: Mutex<Option<Kept>>,
    close: bool,
}

impl std::fmt::Debug for WapTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WapTransport")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl WapTransport {
    pub(super) fn new(
        net: Arc<dyn Net>,
        (host, port): (String, u16),
        settings: &Settings,
        identity: &Identity,
    ) -> Self {
        Self {
            net,
            host,
            port,
            heads: Prepared::new(settings, identity),
            timeouts: Timeouts::default(),
            idle: Mutex::new(None),
            close: settings.connection_close,
        }
    }

    pub(super) const fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Ends the idle session in order.
    pub(super) async fn close(&self) {
        if let Some(kept) = self.take_idle()
            && let Some(line) = kept.revive().await
        {
            line.close().await;
        }
    }

    /// Makes one exchange; a hook that was called is taken out. With a hook the last segment leaves
    /// only after all before it has left and the hook has agreed.
    pub(super) async fn exchange(
        &self,
        call: &Call,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let heads = self.heads.heads()?;
        let connectionless = self.port == CONNECTIONLESS_PORT && call.pdu.is_some();
        if connectionless && hook.is_none() {
            match self.unit(call, heads, hook, stages).await {
                // Longer than a datagram, or nobody answers: the session may do better.
                Err(Failure::Before(
                    TransportError::TooLong { .. } | TransportError::Stalled { .. },
                )) => {}
                outcome => return outcome,
            }
        }
        match self.in_session(call, heads, hook, stages).await {
            Err(Failure::Before(error))
                if connectionless && error.is_no_way() && hook.is_some() =>
            {
                match self.unit(call, heads, hook, stages).await {
                    Err(Failure::Before(TransportError::TooLong { .. })) => {
                        Err(Failure::Before(error))
                    }
                    outcome => outcome,
                }
            }
            outcome => outcome,
        }
    }

    async fn in_session(
        &self,
        call: &Call,
        heads: &Heads,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let gated = hook.is_some();
        if let Some(line) = self.kept(gated).await {
            match self.attempt(line, call, heads, hook, stages).await {
                // The gateway has forgotten the session, and nothing happened there.
                Err(Failure::Before(error)) if hook.is_some() == gated => {
                    tracing::debug!(%error, "the kept session was stale");
                }
                outcome => return outcome,
            }
        }
        let port = if self.port == CONNECTIONLESS_PORT { SESSION_PORT } else { self.port };
        let line = Line::open(
            self.net.as_ref(),
            (&self.host, port),
            heads.pairs(),
            &self.timeouts,
            stages,
        )
        .await
        .map_err(Failure::Before)?;
        self.attempt(line, call, heads, hook, stages).await
    }

    /// The session of the last exchange, if it can be used once more.
    async fn kept(&self, gated: bool) -> Option<Line> {
        let kept = self.take_idle()?;
        let rested = kept.since().elapsed();
        let line = kept.revive().await?;
        let limit = if gated { MAX_IDLE_HELD } else { MAX_IDLE };
        if rested <= limit && line.session.is_ready() {
            return Some(line);
        }
        line.close().await;
        None
    }

    async fn attempt(
        &self,
        mut line: Line,
        call: &Call,
        heads: &Heads,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let request = request(call, heads, Vec::new());
        let outcome = Exchange::run(&mut line, &request, call, hook, self.timeouts, stages).await;
        if line.session.is_ready() && !self.close {
            let kept = Kept::new(line, Instant::now());
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        } else {
            line.close().await;
        }
        outcome
    }

    async fn unit(
        &self,
        call: &Call,
        heads: &Heads,
        hook: &mut Option<Hook<'_>>,
        stages: &StageSink,
    ) -> Result<Answer, Failure> {
        let to = (self.host.as_str(), CONNECTIONLESS_PORT);
        let request = request(call, heads, heads.pairs());
        unit::ask(self.net.as_ref(), to, request, call, hook, &self.timeouts, stages).await
    }

    fn take_idle(&self) -> Option<Kept> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The method's PDU; the session has the headers that are the same each time.
fn request(call: &Call, heads: &Heads, headers: Vec<(String, String)>) -> Pdu {
    let uri = Bytes::from(call.url.absolute_form().to_string());
    match &call.pdu {
        Some(pdu) => {
            let content_type = ContentType::from_mime(&heads.content_type());
            let entity = Some(EntityHeaders { content_type, headers });
            Pdu::Post { method: PostMethod::POST, uri, entity, data: pdu.clone() }
        }
        None => Pdu::Get { method: GetMethod::GET, uri, headers },
    }
}

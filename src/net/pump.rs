//! Joins an octet stream, a PPP link and a stack's packet queue (RFC 1661, RFC 1662).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::stack::PacketQueue;
use crate::model::TapDirection;
use crate::proto::ppp::{Link, LinkError, LinkEvent};

/// Told of every PPP frame: `FF 03`, the protocol in two octets, the payload.
#[derive(Clone)]
pub struct FrameSink(Arc<dyn Fn(TapDirection, &[u8]) + Send + Sync>);

impl FrameSink {
    /// Calls `watcher` for every frame; it must not block.
    pub fn new(watcher: impl Fn(TapDirection, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watcher))
    }

    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_, _| {})
    }
}

impl fmt::Debug for FrameSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameSink")
    }
}

/// Octets on the line, flags and escapes included.
#[derive(Debug, Clone, Default)]
pub struct LineCounters(Arc<[AtomicU64; 2]>);

impl LineCounters {
    /// Octets written.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Octets read.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// A link on a line. [`Pump::run`] works until the link is over.
#[derive(Debug)]
pub struct Pump<S> {
    io: S,
    link: Link,
    queue: PacketQueue,
    frames: FrameSink,
}

/// Watches and ends a running [`Pump`].
#[derive(Debug)]
pub struct PumpHandle {
    events: mpsc::UnboundedReceiver<LinkEvent>,
    counters: LineCounters,
}

/// How a pump ended.
#[derive(Debug)]
pub struct PumpEnd<S> {
    /// The line, never flushed nor shut down.
    pub io: S,
    /// Why the link is over.
    pub error: LinkError,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    /// Joins the three; on [`LinkEvent::IpUp`] the queue is given the address and name servers.
    pub fn new(io: S, link: Link, queue: PacketQueue, frames: FrameSink) -> (Self, PumpHandle) {
        let (_, events) = mpsc::unbounded_channel();
        let counters = LineCounters::default();
        (Self { io, link, queue, frames }, PumpHandle { events, counters })
    }

    /// Opens the link and works until it is over.
    pub async fn run(self) -> PumpEnd<S> {
        let _ = (self.io, self.link, self.queue, self.frames);
        todo!()
    }
}

impl PumpHandle {
    /// What happens on the link; `None` after the pump ended.
    pub async fn event(&mut self) -> Option<LinkEvent> {
        self.events.recv().await
    }

    /// Asks for an orderly end (LCP Terminate-Request).
    pub fn close(&self) {
        todo!()
    }

    /// Octets on the line.
    #[must_use]
    pub fn counters(&self) -> LineCounters {
        self.counters.clone()
    }
}

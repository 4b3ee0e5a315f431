//! The trait [`Net`] and its makers: `stack` (smoltcp over a packet queue) and `system` (an
//! interface that the operating system already brought up), and the pump that joins a PPP machine,
//! an octet stream and a stack.
//!
//! May use: proto, codec, model.

mod dns;
mod inside;
pub mod pump;
pub mod stack;
pub mod system;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A future that owns or borrows for `'a`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A network that connects: the operator's through a modem, or the system's own.
pub trait Net: Send + Sync {
    /// Opens a TCP stream within `limit`.
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>>;

    /// Asks this network's own name servers; at least one address on success.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>>;

    /// Opens a datagram socket on a free local port.
    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError>;
}

/// An open datagram socket.
pub trait Datagrams: Send + Sync {
    /// Sends one datagram.
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>>;

    /// Most octets of a datagram that leaves without being cut into fragments.
    fn largest(&self) -> usize {
        1472
    }

    /// The next datagram, at most 65 535 octets, and where it came from.
    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>>;
}

/// Why the network did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// Nobody answered in time.
    #[error("{to} did not answer within {seconds} s")]
    ConnectTimeout {
        /// Host and port.
        to: String,
        /// The limit that passed.
        seconds: u64,
    },
    /// The host answered with a reset.
    #[error("{to} refuses the connection")]
    Refused {
        /// Host and port.
        to: String,
    },
    /// The network says that the address cannot be reached.
    #[error("{to} cannot be reached")]
    Unreachable {
        /// Host and port.
        to: String,
    },
    /// A name server answered that there is no such name.
    #[error("the operator's name server knows no '{name}'")]
    NameNotFound {
        /// The name asked for.
        name: String,
    },
    /// No name server, or none that answers.
    #[error("no name server answered for '{name}'")]
    NameServerSilent {
        /// The name asked for.
        name: String,
    },
    /// The link under the stack is gone.
    #[error("the data call ended: {reason}")]
    LinkDown {
        /// Why.
        reason: String,
    },
    /// The interface that the operating system should have brought up.
    #[error("the interface {name}: {reason}")]
    Interface {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A limit of ours, for example on open sockets.
    #[error("more than {limit} {what}")]
    Limit {
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
    /// The operating system's own words.
    #[error("{0}")]
    Io(String),
}

/// How far a stream's octets have come; lives on after the stream was given to an HTTP library.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    handed: AtomicU64,
    /// Of these, how many still wait here for the line.
    waiting: AtomicU64,
    acknowledged: AtomicU64,
    received: AtomicU64,
    inside: Option<inside::Inside>,
}

impl Progress {
    /// The counters of a stream that travels inside `below` from now on, for example TLS's.
    #[must_use]
    pub fn inside(below: &Self) -> Self {
        let inside = Some(inside::Inside::new(below.clone()));
        Self(Arc::new(Counters { inside, ..Counters::default() }))
    }

    /// Of a stream inside another: all that was handed so far has gone on into the other.
    pub fn mark(&self) {
        if let Some(inside) = &self.0.inside {
            inside.mark(self.handed());
        }
    }

    /// Octets that the stream has taken from its writer.
    #[must_use]
    pub fn handed(&self) -> u64 {
        self.0.handed.load(Ordering::Relaxed)
    }

    /// Octets that have left for the line at least once; equals [`Self::handed`] where that is not
    /// known.
    #[must_use]
    pub fn sent(&self) -> u64 {
        match &self.0.inside {
            Some(inside) => inside.within(inside.below().sent(), self.handed()),
            None => self.handed().saturating_sub(self.0.waiting.load(Ordering::Relaxed)),
        }
    }

    /// Octets that the far end has acknowledged; equals [`Self::handed`] where that is not known.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        match &self.0.inside {
            Some(inside) => inside.within(inside.below().acknowledged(), self.handed()),
            None => self.0.acknowledged.load(Ordering::Relaxed),
        }
    }

    /// Octets that arrived.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    /// Octets that arrived, those included of which a stream inside another could make nothing yet.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        match &self.0.inside {
            Some(inside) => inside.below().arrived(),
            None => self.received(),
        }
    }

    /// Adds octets taken from the writer.
    pub fn add_handed(&self, octets: u64) {
        self.0.handed.fetch_add(octets, Ordering::Relaxed);
    }

    /// Adds octets that are taken from the writer and wait for the line.
    pub fn add_waiting(&self, octets: u64) {
        self.0.waiting.fetch_add(octets, Ordering::Relaxed);
    }

    /// Sets how many of the octets taken still wait for the line.
    pub fn set_waiting(&self, octets: u64) {
        self.0.waiting.store(octets, Ordering::Relaxed);
    }

    /// Sets the octets acknowledged so far.
    pub fn set_acknowledged(&self, octets: u64) {
        self.0.acknowledged.store(octets, Ordering::Relaxed);
    }

    /// Adds octets that arrived.
    pub fn add_received(&self, octets: u64) {
        self.0.received.fetch_add(octets, Ordering::Relaxed);
    }
}

/// What a [`Stream`] is made of.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A TCP stream of any network.
pub struct Stream {
    io: Box<dyn Io>,
    progress: Progress,
}

impl Stream {
    /// Joins the octets and the counters, which the maker keeps up to date.
    #[must_use]
    pub fn new(io: Box<dyn Io>, progress: Progress) -> Self {
        Self { io, progress }
    }

    /// The counters.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }
}

//! IP over a data call: runs the PPP link between any octet stream and a TCP/IP stack in user
//! space. Knows no AT.
//!
//! May use: proto, codec, net, model.

mod carried;
mod error;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::model::{Clock, Random, Stage, StageSink, Tap, TapChannel, TapEvent};
use crate::net::Net;
use crate::net::pump::{FrameSink, LineCounters, Pump, PumpEnd, PumpHandle};
use crate::net::stack::{Stack, StackConfig};
use crate::proto::ppp::{
    AuthProtocol, ClientConfig, Credentials, EchoConfig, GiveUp, Link, LinkConfig, LinkEvent,
};

pub use carried::Carried;
pub use error::BearerError;

/// What a bearer needs to know.
#[derive(Debug, Clone)]
pub struct BearerConfig {
    /// What to say when the network asks; nothing means an empty name and password.
    pub credentials: Option<Credentials>,
    /// What to propose when the network asks for something else.
    pub prefer: Option<AuthProtocol>,
    /// Asked for names before those that the network tells.
    pub name_servers: Vec<IpAddr>,
    /// Octets of the largest IP packet; cellular paths often carry 1400 to 1492.
    pub mtu: u16,
    /// Octets of the largest TCP segment, both ways; none: what fits into a packet.
    pub mss: Option<u16>,
    /// Echo-Requests of our own. By default a link whose peer has answered one and falls silent
    /// ends after three more; from a peer that never answers, as many do not, silence means nothing.
    pub echo: Option<EchoConfig>,
    /// The longest that LCP, authentication and IPCP may take together.
    pub up_limit: Duration,
    /// The longest that an orderly end may take.
    pub down_limit: Duration,
}

impl Default for BearerConfig {
    fn default() -> Self {
        Self {
            credentials: None,
            prefer: None,
            name_servers: Vec::new(),
            mtu: 1400,
            mss: None,
            echo: Some(EchoConfig {
                interval: Duration::from_secs(10),
                give_up: GiveUp::OnceAnsweredAfter(3),
            }),
            up_limit: Duration::from_secs(120),
            down_limit: Duration::from_secs(6),
        }
    }
}

/// Which data call this is, for the tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLabel {
    /// The modem's name.
    pub modem: String,
    /// Counts that modem's data calls.
    pub call: u64,
}

/// IP over a data call that is up. Dropping it ends the link in the background.
pub struct Bearer<S> {
    handle: PumpHandle,
    task: JoinHandle<PumpEnd<S>>,
    stack: Stack,
    address: IpAddr,
    carried: Carried,
    down_limit: Duration,
}

impl<S> fmt::Debug for Bearer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A bearer that did not come up; the call is still there to be hung up.
#[derive(Debug)]
pub struct UpFailed<S> {
    /// Why.
    pub error: BearerError,
    /// The data call.
    pub stream: S,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Bearer<S> {
    /// Brings IP up over `stream`, telling the stages `LcpOpen`, `Authenticated` and `IpUp`.
    ///
    /// When the future is dropped before its end, the link ends in the background and the stream
    /// is dropped.
    ///
    /// # Errors
    /// [`UpFailed`] with the reason and the stream.
    pub async fn up(
        stream: S,
        config: BearerConfig,
        label: CallLabel,
        tap: Arc<dyn Tap>,
        clock: Clock,
        random: Random,
        stages: StageSink,
    ) -> Result<Self, UpFailed<S>> {
        let (stack, queue) = Stack::new(StackConfig {
            address: None,
            prefix: 32,
            mtu: usize::from(config.mtu),
            any_ip: false,
            name_servers: config.name_servers,
            random: random.clone(),
        });
        if let Some(mss) = config.mss {
            stack.limit_segments(mss);
        }
        let client = ClientConfig { credentials: config.credentials, prefer: config.prefer };
        let link_config =
            LinkConfig { observe: true, echo: config.echo, ..LinkConfig::client(client) };
        let link = Link::new(link_config, u64::from_be_bytes(random.array()));
        let carried = Carried::default();
        let counted = carried.clone();
        let frames = FrameSink::new(move |direction, octets| {
            counted.count(direction, octets);
            tap.observe(TapEvent {
                modem: &label.modem,
                call: label.call,
                at: clock.now(),
                direction,
                channel: TapChannel::Ppp,
                octets,
            });
        });
        let (pump, handle) = Pump::new(stream, link, queue, frames);
        let address = IpAddr::from([0, 0, 0, 0]);
        let task = tokio::spawn(pump.run());
        let down_limit = config.down_limit;
        let mut bearer = Self { handle, task, stack, address, carried, down_limit };

        let deadline = Instant::now() + config.up_limit;
        loop {
            match timeout_at(deadline, bearer.handle.event()).await {
                Ok(Some(LinkEvent::LcpOpen)) => stages.tell(Stage::LcpOpen),
                Ok(Some(LinkEvent::Authenticated { by })) => {
                    let by = by.map_or("none", AuthProtocol::as_str);
                    stages.tell(Stage::Authenticated { by });
                }
                Ok(Some(LinkEvent::IpUp { address, .. })) => {
                    bearer.address = address.into();
                    stages.tell(Stage::IpUp { address: bearer.address });
                    return Ok(bearer);
                }
                // Text is the modem's talk; the end is told by the task itself.
                Ok(Some(_)) => {}
                Ok(None) => {
                    let end = bearer.join().await;
                    let error = BearerError::from_link(end.error, false);
                    return Err(UpFailed { error, stream: end.io });
                }
                Err(_) => {
                    let error = BearerError::TooSlow { seconds: config.up_limit.as_secs() };
                    return Err(UpFailed { error, stream: bearer.down().await });
                }
            }
        }
    }

    /// The network that is now reachable.
    #[must_use]
    pub fn net(&self) -> Arc<dyn Net> {
        Arc::new(self.stack.clone())
    }

    /// Our address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Octets on the line.
    #[must_use]
    pub fn counters(&self) -> LineCounters {
        self.handle.counters()
    }

    /// Octets of IP packets, as operators count them.
    #[must_use]
    pub fn carried(&self) -> Carried {
        self.carried.clone()
    }

    /// Waits until the bearer dies by itself and tells why.
    pub async fn closed(&self) -> BearerError {
        BearerError::from_link(self.handle.ended().await, true)
    }

    /// Ends the link in order (LCP Terminate-Request), within [`BearerConfig::down_limit`], and
    /// gives the stream back, so that the modem can hang up.
    pub async fn down(mut self) -> S {
        self.handle.close();
        if let Ok(end) = timeout(self.down_limit, self.join()).await {
            return end.io;
        }
        self.handle.stop();
        self.join().await.io
    }

    async fn join(&mut self) -> PumpEnd<S> {
        match (&mut self.task).await {
            Ok(end) => end,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is being taken down; nobody waits for an answer.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

impl<S> Drop for Bearer<S> {
    fn drop(&mut self) {
        self.handle.close();
    }
}

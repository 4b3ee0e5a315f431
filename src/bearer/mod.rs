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
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::model::{Clock, Random, Stage, StageSink, Tap, TapChannel, TapEvent};
use crate::net::Net;
use crate::net::pump::{FrameSink, LineCounters, Pump, PumpEnd, PumpHandle};
use crate::net::stack::{Drops, Stack, StackConfig, USER_TIMEOUT};
use crate::proto::ppp::{
    AuthProtocol, ClientConfig, Credentials, EchoConfig, Families, Family, GiveUp, Link,
    LinkConfig, LinkEvent, LinkStats,
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
    /// What is negotiated; with both, IP is up as soon as one is, and the other one has a moment more.
    pub families: Families,
    /// Octets of the largest IP packet; cellular paths often carry 1400 to 1492.
    pub mtu: u16,
    /// Octets of the largest TCP segment, both ways; none: what fits into a packet.
    pub mss: Option<u16>,
    /// How long the far end of a TCP stream may be silent while octets are to be acknowledged.
    pub user_timeout: Duration,
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
            families: Families { v4: true, v6: false },
            mtu: 1400,
            mss: None,
            user_timeout: USER_TIMEOUT,
            echo: Some(EchoConfig {
                interval: Duration::from_secs(10),
                give_up: GiveUp::OnceAnsweredAfter(3),
            }),
            up_limit: Duration::from_secs(120),
            down_limit: Duration::from_secs(6),
        }
    }
}

/// How long the other version of IP may take once one can be used.
const GRACE: Duration = Duration::from_secs(3);

/// What came over a call and was dropped, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Frames and PPP packets, besides frames in all.
    pub link: LinkStats,
    /// IP packets, segments and datagrams.
    pub ip: Drops,
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
    /// IPv6CP is open, and no router has told a prefix.
    no_router: bool,
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
        stack.give_up_after(config.user_timeout);
        if let Some(mss) = config.mss {
            stack.limit_segments(mss);
        }
        let client = ClientConfig { credentials: config.credentials, prefer: config.prefer };
        let link_config = LinkConfig {
            observe: true,
            echo: config.echo,
            families: config.families,
            ..LinkConfig::client(client)
        };
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
        let no_router = false;
        let mut bearer = Self { handle, task, stack, address, carried, no_router, down_limit };

        let deadline = Instant::now() + config.up_limit;
        match timeout_at(deadline, bearer.wait_for_ip(config.families, &stages)).await {
            Ok(true) => Ok(bearer),
            Ok(false) => {
                let end = bearer.join().await;
                let error = BearerError::from_link(end.error, false);
                Err(UpFailed { error, stream: end.io })
            }
            Err(_) => {
                let seconds = config.up_limit.as_secs();
                let error = if bearer.no_router {
                    BearerError::NoIpv6Prefix { seconds }
                } else {
                    BearerError::TooSlow { seconds }
                };
                Err(UpFailed { error, stream: bearer.down().await })
            }
        }
    }

    /// Follows the link until IP can be used, in each version that is wanted or in one and a moment
    /// later; false when the link ended.
    async fn wait_for_ip(&mut self, families: Families, stages: &StageSink) -> bool {
        let mut wanted = [families.v4, families.v6];
        let mut grace: Option<Instant> = None;
        let stack = self.stack.clone();
        let settled = stack.ipv6_settled();
        let mut settled = std::pin::pin!(settled);
        while wanted != [false, false] {
            let event = tokio::select! {
                biased;
                () = sleep_until(grace.unwrap_or_else(Instant::now)), if grace.is_some() => break,
                () = &mut settled, if wanted[1] => {
                    wanted[1] = false;
                    self.no_router = false;
                    grace = Some(Instant::now() + GRACE);
                    self.tell_address(stages, IpAddr::is_ipv6);
                    continue;
                }
                event = self.handle.event() => event,
            };
            match event {
                Some(LinkEvent::LcpOpen) => stages.tell(Stage::LcpOpen),
                Some(LinkEvent::Authenticated { by }) => {
                    let by = by.map_or("none", AuthProtocol::as_str);
                    stages.tell(Stage::Authenticated { by });
                }
                Some(LinkEvent::IpUp { .. }) => {
                    wanted[0] = false;
                    grace = Some(Instant::now() + GRACE);
                    self.tell_address(stages, IpAddr::is_ipv4);
                }
                Some(LinkEvent::Ipv6Up { .. }) => self.no_router = true,
                Some(LinkEvent::Refused { family: Family::V4, .. }) => wanted[0] = false,
                Some(LinkEvent::Refused { family: Family::V6, .. }) => wanted[1] = false,
                // Text is the modem's talk; the end is told by the task itself.
                Some(_) => {}
                None => return false,
            }
        }
        true
    }

    fn tell_address(&mut self, stages: &StageSink, of_version: impl Fn(&IpAddr) -> bool) {
        let addresses = self.stack.addresses();
        if let Some(address) = addresses.first() {
            self.address = *address;
        }
        if let Some(address) = addresses.iter().find(|address| of_version(address)) {
            stages.tell(Stage::IpUp { address: *address });
        }
    }

    /// The network that is now reachable.
    #[must_use]
    pub fn net(&self) -> Arc<dyn Net> {
        Arc::new(self.stack.clone())
    }

    /// Our address; the IPv4 one when there are two.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether anybody can be asked for names.
    #[must_use]
    pub fn can_ask_names(&self) -> bool {
        self.stack.can_ask_names()
    }

    /// Asks these for names as well, which something else than the link has told.
    pub fn add_name_servers(&self, servers: &[IpAddr]) {
        self.stack.add_name_servers(servers);
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

    /// What has been dropped so far, and frames in all.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        Dropped { link: self.handle.link_stats(), ip: self.stack.drops() }
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

//! IP over a data call: runs the PPP link between any octet stream and a TCP/IP stack in user
//! space. Knows no AT.
//!
//! May use: proto, codec, net, model.

mod error;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::{Clock, Random, StageSink, Tap};
use crate::net::Net;
use crate::net::pump::LineCounters;
use crate::proto::ppp::{AuthProtocol, Credentials};

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

/// IP over a data call that is up.
#[derive(Debug)]
pub struct Bearer<S> {
    stream: S,
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
        let _ = (config, label, tap, clock, random, stages, stream);
        todo!()
    }

    /// The network that is now reachable.
    #[must_use]
    pub fn net(&self) -> Arc<dyn Net> {
        todo!()
    }

    /// Our address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        todo!()
    }

    /// Octets on the line.
    #[must_use]
    pub fn counters(&self) -> LineCounters {
        todo!()
    }

    /// Waits until the bearer dies by itself and tells why.
    pub async fn closed(&self) -> BearerError {
        todo!()
    }

    /// Ends the link in order and gives the stream back, so that the modem can hang up.
    pub async fn down(self) -> S {
        self.stream
    }
}

//! Connections: opened towards proxy or MMSC, kept for the next transaction of the call.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::body::HeldBody;
use super::url::{HttpUrl, address};
use super::{MAX_HEAD, Timeouts, TransportError};
use crate::model::{Stage, StageSink};
use crate::net::{Net, NetError, Progress, Stream};
use crate::operators::parse::decimal_host;

/// A kept connection that waited longer is not used again: proxies close idle ones about then.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Most header fields of an answer.
const MAX_FIELDS: usize = 100;
/// Read and write buffer of a connection, octets.
const BUFFER: usize = 64 * 1024;

/// An open HTTP connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<HeldBody>,
    pub(super) progress: Progress,
    /// Host and port, for people.
    pub(super) to: String,
    route: Route,
    driver: Driver,
    parked_at: Instant,
}

/// The task that moves a connection's octets; ends with its owner.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Where a connection leads: whoever asks for the same can use it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Host and port to connect to: the proxy's, or the URL's own where there is none.
    host: String,
    port: u16,
    /// Host and port with which TLS is spoken.
    secure: Option<(String, u16)>,
}

impl Route {
    /// The way to a URL.
    pub(super) fn to(url: &HttpUrl, proxy: Option<&(String, u16)>) -> Self {
        let (host, port) = url.host_and_port();
        let secure = url.is_secure().then(|| (host.to_owned(), port));
        let (host, port) = match proxy {
            Some((host, port)) => (host.as_str(), *port),
            None => (host, port),
        };
        Self { host: host.to_owned(), port, secure }
    }

    /// Host and port to connect to, for people.
    pub(super) fn name(&self) -> String {
        name_of(&self.host, self.port)
    }

    /// Connects.
    ///
    /// # Errors
    /// When no address answers.
    pub(super) async fn stream(
        &self,
        net: &dyn Net,
        timeouts: &Timeouts,
        stages: &StageSink,
    ) -> Result<Stream, TransportError> {
        let addresses = match address(&self.host) {
            Some(address) => vec![address],
            None => net.resolve(&self.host, timeouts.resolve).await?,
        };
        let mut last = None;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match net.connect(SocketAddr::new(address, self.port), timeouts.connect).await {
                Ok(stream) => {
                    stages.tell(Stage::TcpConnected { to: self.name() });
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        let nobody = || NetError::NameNotFound { name: self.host.clone() };
        Err(TransportError::Net(last.unwrap_or_else(nobody)))
    }
}

impl Connection {
    /// Speaks HTTP on a stream; `to` is who answers there, for people.
    ///
    /// # Errors
    /// When the stream has ended.
    pub(super) async fn over(
        stream: Stream,
        route: Route,
        to: String,
    ) -> Result<Self, TransportError> {
        let progress = stream.progress();
        let handshake = http1().handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|error| TransportError::Broken {
            to: to.clone(),
            doing: "sending the request",
            reason: error.to_string(),
        })?;
        let driver = Driver(tokio::spawn(async move {
            // Errors reach whoever waits for the answer.
            let _ = connection.await;
        }));
        Ok(Self { sender, progress, to, route, driver, parked_at: Instant::now() })
    }

    /// Where it leads.
    pub(super) const fn route(&self) -> &Route {
        &self.route
    }

    /// The moment from which it waits for its next use.
    pub(super) fn parked(mut self) -> Self {
        self.parked_at = Instant::now();
        self
    }

    /// Itself, if it can be used once more.
    pub(super) async fn revived(mut self) -> Option<Self> {
        if self.parked_at.elapsed() > MAX_IDLE || self.sender.is_closed() {
            return None;
        }
        // The driver may still have to notice that the far end closed.
        match timeout(Duration::from_millis(200), self.sender.ready()).await {
            Ok(Ok(())) => Some(self),
            _ => None,
        }
    }

    /// Ends it in order.
    pub(super) async fn close(self) {
        let Self { sender, mut driver, .. } = self;
        drop(sender);
        let _ = timeout(Duration::from_secs(1), &mut driver.0).await;
    }
}

/// How HTTP is read: what old gateways get wrong without changing the sense is forgiven.
pub(super) fn http1() -> Builder {
    let mut builder = Builder::new();
    builder
        // Old gateways know the fields by their usual spelling only.
        .title_case_headers(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .max_headers(MAX_FIELDS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(BUFFER);
    builder
}

/// Host and port, for people.
pub(super) fn name_of(host: &str, port: u16) -> String {
    let host = decimal_host(host);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

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

impl Connection {
    /// Opens one to the proxy, or to the URL's host where there is none.
    ///
    /// # Errors
    /// When no address answers.
    pub(super) async fn open(
        net: &dyn Net,
        proxy: Option<&(String, u16)>,
        url: &HttpUrl,
        timeouts: &Timeouts,
        stages: &StageSink,
    ) -> Result<Self, TransportError> {
        let (host, port) = match proxy {
            Some((host, port)) => (host.as_str(), *port),
            None => url.host_and_port(),
        };
        let addresses = match address(host) {
            Some(address) => vec![address],
            None => net.resolve(host, timeouts.resolve).await?,
        };
        let to = name_of(host, port);
        let mut last = None;
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match net.connect(SocketAddr::new(address, port), timeouts.connect).await {
                Ok(stream) => {
                    stages.tell(Stage::TcpConnected { to: to.clone() });
                    return Self::over(stream, to).await;
                }
                Err(error) => last = Some(error),
            }
        }
        let nobody = || NetError::NameNotFound { name: host.to_owned() };
        Err(TransportError::Net(last.unwrap_or_else(nobody)))
    }

    async fn over(stream: Stream, to: String) -> Result<Self, TransportError> {
        let progress = stream.progress();
        let handshake = Builder::new()
            // Old gateways know the fields by their usual spelling only.
            .title_case_headers(true)
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .max_headers(MAX_FIELDS)
            .max_header_size(MAX_HEAD)
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = handshake.map_err(|error| TransportError::Broken {
            to: to.clone(),
            doing: "sending the request",
            reason: error.to_string(),
        })?;
        let driver = Driver(tokio::spawn(async move {
            // Errors reach whoever waits for the answer.
            let _ = connection.await;
        }));
        Ok(Self { sender, progress, to, driver, parked_at: Instant::now() })
    }

    /// Whether it leads straight to the URL's host.
    pub(super) fn is_for(&self, url: &HttpUrl) -> bool {
        let (host, port) = url.host_and_port();
        self.to == name_of(host, port)
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

fn name_of(host: &str, port: u16) -> String {
    let host = decimal_host(host);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

//! The request of a webhook: where it may go, and how much of an answer is waited for and read.
//!
//! A name is resolved once, every address that it has is judged, and the connection goes to an address
//! that was judged, so that no second answer of a name server leads elsewhere. Redirects are told and
//! not followed.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use crate::model::{Network, Timestamp, why_not_public};

/// How long one address may take to answer a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a request may take in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// Octets of an answer that are read; whoever says more is not listened to further.
const MAX_ANSWER: usize = 16 * 1024;
/// How long the body of an answer is waited for: the status says all that matters.
const BODY_LIMIT: Duration = Duration::from_secs(5);
/// Octets of an answer's head.
const MAX_HEAD: usize = 32 * 1024;
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

/// A request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRequest {
    /// Where to.
    pub url: String,
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`
    pub at: Timestamp,
    /// `webhook-signature`
    pub signature: String,
    /// The JSON.
    pub body: String,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookResponse {
    /// HTTP status.
    pub status: u16,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: String,
}

/// Why there was no answer, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HookError(pub String);

/// Sends requests of webhooks.
pub trait HookClient: Send + Sync {
    /// Sends one and waits for the answer, for a bounded time.
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>>;
}

/// The addresses of a host, or why there are none.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Finds the addresses of a host.
pub trait Resolver: Send + Sync + std::fmt::Debug {
    /// Asks once.
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolved<'a>;
}

/// Asks as every program of this machine does.
#[derive(Debug)]
struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Resolved<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Over the system's network.
#[derive(Debug)]
pub struct SystemClient {
    allow: Vec<Network>,
    allow_http: bool,
    tls: Arc<ClientConfig>,
    total: Duration,
    resolver: Arc<dyn Resolver>,
}

impl SystemClient {
    /// A client that reaches the public Internet, and the networks of `allow` besides, and trusts
    /// Mozilla's roots.
    #[must_use]
    pub fn new(allow: Vec<Network>, allow_http: bool) -> Self {
        Self {
            allow,
            allow_http,
            tls: Arc::new(tls(&[])),
            total: TOTAL_LIMIT,
            resolver: Arc::new(SystemResolver),
        }
    }

    /// The same that trusts these authorities (DER) besides; what is none is passed over.
    #[must_use]
    pub fn trusting(mut self, authorities: &[Vec<u8>]) -> Self {
        self.tls = Arc::new(tls(authorities));
        self
    }

    /// The same with another way to find addresses.
    #[must_use]
    pub fn resolving_by(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// The same with another limit for a whole request.
    #[must_use]
    pub const fn within(mut self, total: Duration) -> Self {
        self.total = total;
        self
    }

    /// Whether a request may go to this address.
    fn judge(&self, address: IpAddr, tls: bool) -> Result<(), String> {
        if self.allow.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        if let Some(why) = why_not_public(address) {
            return Err(format!(
                "{address} is {why}; add it to allow under [webhooks] if it may be told"
            ));
        }
        if !tls && !self.allow_http {
            return Err(
                "over the Internet only https is used, since others could read along; set \
                        allow_http under [webhooks] if they may"
                    .to_owned(),
            );
        }
        Ok(())
    }

    async fn exchange(&self, request: HookRequest) -> Result<Answered, String> {
        let uri: Uri = request.url.parse().map_err(|error| format!("{}: {error}", request.url))?;
        let tls = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let stream = self.connect(&bare, port, tls).await?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let head = Request::post(path)
            .header(header::HOST, uri.authority().map_or(host, |authority| authority.as_str()))
            .header(header::USER_AGENT, concat!("mm1gate/", env!("CARGO_PKG_VERSION")))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .header("webhook-id", &request.id)
            .header("webhook-timestamp", request.at.as_secs())
            .header("webhook-signature", &request.signature)
            .body(Full::new(Bytes::from(request.body)))
            .map_err(|error| error.to_string())?;
        if tls {
            let name = ServerName::try_from(bare.clone())
                .map_err(|_| format!("'{bare}' is no name that a certificate could have"))?;
            let stream = TlsConnector::from(Arc::clone(&self.tls))
                .connect(name, stream)
                .await
                .map_err(|error| format!("TLS with {bare}: {error}"))?;
            speak(stream, head).await
        } else {
            speak(stream, head).await
        }
    }

    async fn connect(&self, host: &str, port: u16, tls: bool) -> Result<TcpStream, String> {
        let found = self
            .resolver
            .resolve(host, port)
            .await
            .map_err(|error| format!("the name {host}: {error}"))?;
        let mut last = format!("{host} has no address");
        for address in found.into_iter().take(MAX_ADDRESSES) {
            if let Err(why) = self.judge(address.ip(), tls) {
                last = why;
                continue;
            }
            match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = format!("{address}: {error}"),
                Err(_) => {
                    last = format!("{address} did not answer within {} s", CONNECT_LIMIT.as_secs());
                }
            }
        }
        Err(last)
    }
}

impl HookClient for SystemClient {
    fn post(
        &self,
        request: HookRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HookResponse, HookError>> + Send + '_>> {
        Box::pin(async move {
            let Ok(answered) = tokio::time::timeout(self.total, self.exchange(request)).await
            else {
                return Err(HookError(format!("no answer within {} s", self.total.as_secs())));
            };
            let Answered { mut response, body, connection: _connection } =
                answered.map_err(HookError)?;
            // The status is the answer, whether or not its body comes to an end.
            let mut beginning = Vec::new();
            let _ = tokio::time::timeout(BODY_LIMIT, read(body, &mut beginning)).await;
            response.body = String::from_utf8_lossy(&beginning).into_owned();
            Ok(response)
        })
    }
}

/// The head of an answer, and where its body comes from.
struct Answered {
    response: HookResponse,
    body: Incoming,
    /// Ends with the last of it.
    connection: AbortOnDropHandle<Result<(), hyper::Error>>,
}

/// TLS as webhooks speak it.
///
/// # Panics
/// Never: the versions are those of the provider itself.
fn tls(authorities: &[Vec<u8>]) -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for authority in authorities {
        // The configuration has looked at them.
        let _ = roots.add(CertificateDer::from(authority.clone()));
    }
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has its own versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Answered, String> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request).await.map_err(|error| {
        std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
    })?;
    let text = |name| {
        answer
            .headers()
            .get(name)
            .map(HeaderValue::as_bytes)
            .map(|value| String::from_utf8_lossy(value).chars().take(200).collect::<String>())
    };
    let response = HookResponse {
        status: answer.status().as_u16(),
        location: text(header::LOCATION),
        retry_after: text(header::RETRY_AFTER)
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
        body: String::new(),
    };
    Ok(Answered { response, body: answer.into_body(), connection })
}

/// Reads until the end, a failure or [`MAX_ANSWER`].
async fn read(mut body: Incoming, beginning: &mut Vec<u8>) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(octets) = frame.into_data() else { continue };
        let room = MAX_ANSWER.saturating_sub(beginning.len());
        beginning.extend_from_slice(octets.get(..room).unwrap_or(&octets));
        if octets.len() >= room {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_or_public_is_reached() {
        let client = SystemClient::new(vec!["192.168.1.0/24".parse().unwrap()], false);
        let judge = |text: &str, tls| client.judge(text.parse().unwrap(), tls);
        assert_eq!(judge("8.8.8.8", true), Ok(()));
        assert!(judge("8.8.8.8", false).unwrap_err().contains("https"));
        assert_eq!(judge("192.168.1.7", false), Ok(()), "the owner's own network");
        for metadata in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "127.0.0.1"]
        {
            assert!(judge(metadata, true).unwrap_err().contains("allow under [webhooks]"));
        }
    }
}

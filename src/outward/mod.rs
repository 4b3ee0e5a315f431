//! HTTP requests to places that somebody outside has named: a webhook's receiver, the address of a
//! picture.
//!
//! A name is resolved once, every address that it has is judged, and the connection goes to an address
//! that was judged, so that no second answer of a name server leads to this machine, its network or a
//! cloud's metadata. Redirects are told and not followed.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use hyper::http::request::Builder;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

/// How long one address may take to answer a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Octets of an answer's head.
const MAX_HEAD: usize = 32 * 1024;
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;

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

/// Why there was no answer, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutwardError {
    /// It leads where nothing may be asked.
    #[error("{0}")]
    NotAllowed(String),
    /// It could not be asked, or did not answer.
    #[error("{0}")]
    Unreachable(String),
}

/// The head of an answer, and where its body comes from.
#[derive(Debug)]
pub struct Answer {
    /// The answer; its body is still under way.
    pub response: Response<Incoming>,
    /// Ends when the answer is dropped.
    _connection: AbortOnDropHandle<Result<(), hyper::Error>>,
}

/// Asks over the system's network.
#[derive(Debug, Clone)]
pub struct Outward {
    tls: Arc<ClientConfig>,
    resolver: Arc<dyn Resolver>,
}

impl Default for Outward {
    fn default() -> Self {
        Self { tls: Arc::new(tls(&[])), resolver: Arc::new(SystemResolver) }
    }
}

impl Outward {
    /// One that trusts these authorities (DER) besides Mozilla's roots; what is none is passed over.
    #[must_use]
    pub fn trusting(authorities: &[Vec<u8>]) -> Self {
        Self { tls: Arc::new(tls(authorities)), ..Self::default() }
    }

    /// The same with another way to find addresses.
    #[must_use]
    pub fn resolving_by(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    /// Sends a request to `url` and waits for the head of its answer, for as long as the caller does.
    /// `judge` tells of each address, and whether TLS is spoken, whether it may be asked.
    ///
    /// # Errors
    /// [`OutwardError`].
    pub async fn ask(
        &self,
        url: &str,
        request: Builder,
        body: Bytes,
        judge: impl Fn(IpAddr, bool) -> Result<(), String>,
    ) -> Result<Answer, OutwardError> {
        let wrong = |why: String| OutwardError::NotAllowed(why);
        let uri: Uri = url.parse().map_err(|error| wrong(format!("'{url}' is no URL: {error}")))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("the URL is neither http nor https".to_owned())),
        };
        let Some(authority) = uri.authority().filter(|it| !it.host().is_empty()) else {
            return Err(wrong("the URL names no host".to_owned()));
        };
        if authority.as_str().contains('@') {
            return Err(wrong("the URL holds a name or a password".to_owned()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = request
            .uri(path)
            .header(header::HOST, authority.as_str())
            .header(header::USER_AGENT, concat!("mm1gate/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::new(body))
            .map_err(|error| wrong(error.to_string()))?;
        let stream = self.connect(host, port, |address| judge(address, tls)).await?;
        let answer = if tls {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| wrong(format!("'{host}' is no name that a certificate could have")))?;
            match TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await {
                Ok(stream) => speak(stream, request).await,
                Err(error) => Err(format!("TLS with {host}: {error}")),
            }
        } else {
            speak(stream, request).await
        };
        answer.map_err(OutwardError::Unreachable)
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        judge: impl Fn(IpAddr) -> Result<(), String>,
    ) -> Result<TcpStream, OutwardError> {
        let unreachable = |why: String| OutwardError::Unreachable(why);
        let found = self.resolver.resolve(host, port).await;
        let found = found.map_err(|error| unreachable(format!("the name {host}: {error}")))?;
        let mut last = unreachable(format!("{host} has no address"));
        for address in found.into_iter().take(MAX_ADDRESSES) {
            if let Err(why) = judge(address.ip()) {
                last = OutwardError::NotAllowed(why);
                continue;
            }
            last = match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => unreachable(format!("{address}: {error}")),
                Err(_) => {
                    let limit = CONNECT_LIMIT.as_secs();
                    unreachable(format!("{address} did not answer within {limit} s"))
                }
            };
        }
        Err(last)
    }
}

/// The beginning of a field of an answer's head, as text.
#[must_use]
pub fn text_of(response: &Response<Incoming>, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).chars().take(200).collect())
}

/// TLS with the versions of its provider.
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
) -> Result<Answer, String> {
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let response = sender.send_request(request).await.map_err(|error| {
        std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
    })?;
    Ok(Answer { response, _connection: connection })
}

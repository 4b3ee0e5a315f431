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
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::model::{Network, Timestamp, why_not_public};

/// How long one address may take to answer a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a request may take in all.
const TOTAL_LIMIT: Duration = Duration::from_secs(30);
/// Octets of an answer that are read; whoever says more is not listened to further.
const MAX_ANSWER: usize = 16 * 1024;
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

/// Over the system's network.
#[derive(Debug)]
pub struct SystemClient {
    allow: Vec<Network>,
    allow_http: bool,
    tls: Arc<ClientConfig>,
    total: Duration,
}

impl SystemClient {
    /// A client that reaches the public Internet, and the networks of `allow` besides.
    ///
    /// # Panics
    /// Never: the versions of TLS are those of the provider itself.
    #[must_use]
    pub fn new(allow: Vec<Network>, allow_http: bool) -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has its own versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { allow, allow_http, tls: Arc::new(tls), total: TOTAL_LIMIT }
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

    async fn exchange(&self, request: HookRequest) -> Result<HookResponse, String> {
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
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|error| format!("the name {host}: {error}"))?
            .take(MAX_ADDRESSES)
            .collect();
        let mut last = format!("{host} has no address");
        for address in found {
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
            match tokio::time::timeout(self.total, self.exchange(request)).await {
                Ok(answer) => answer.map_err(HookError),
                Err(_) => Err(HookError(format!("no answer within {} s", self.total.as_secs()))),
            }
        })
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<HookResponse, String> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let driver = tokio::spawn(connection);
    let answer = async {
        let answer = sender.send_request(request).await.map_err(|error| {
            std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |why| format!("{error}: {why}"))
        })?;
        let text =
            |name| {
                answer.headers().get(name).map(HeaderValue::as_bytes).map(|value| {
                    String::from_utf8_lossy(value).chars().take(200).collect::<String>()
                })
            };
        let mut response = HookResponse {
            status: answer.status().as_u16(),
            location: text(header::LOCATION),
            retry_after: text(header::RETRY_AFTER)
                .and_then(|seconds| seconds.trim().parse().ok())
                .map(Duration::from_secs),
            body: String::new(),
        };
        // The status is the answer, whether or not its body comes to an end.
        if let Ok(body) = Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
            response.body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        }
        Ok(response)
    }
    .await;
    driver.abort();
    answer
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

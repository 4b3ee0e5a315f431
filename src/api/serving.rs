//! One listener's connections: how many at once, how long a head may take, TLS, and an end that lets
//! requests under way finish.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gateway::{ApiPolicy, TlsFiles};

/// Most connections of one listener at once.
pub(super) const MAX_CONNECTIONS: usize = 256;
/// How long a request's head may take, and how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long the beginning of TLS may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Pause after a failed accept: what is missing (files, memory) is not there again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What is told before the connection is closed, since there is no room for a request.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
Retry-After: 5\r\nConnection: close\r\nContent-Length: 187\r\n\r\n\
{\"type\":\"urn:mm1gate:problem:too-many-connections\",\"status\":503,\"code\":\"too-many-connections\",\
\"title\":\"too many connections\",\"detail\":\"there are 256 connections already; ask again later\"}";

/// A listener with what it needs to serve.
pub(super) struct Serving {
    app: Router,
    shutdown: CancellationToken,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Serving {
    /// Serves `app` until `shutdown`.
    pub(super) fn new(app: Router, shutdown: CancellationToken) -> Self {
        Self {
            app,
            shutdown,
            slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            tasks: TaskTracker::new(),
        }
    }

    /// Serves what comes over TCP, as the policy wants it.
    pub(super) async fn tcp(
        self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        policy: &ApiPolicy,
    ) -> io::Result<()> {
        let is_local = listener.local_addr()?.ip().is_loopback();
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if !is_local && !comes_by_proxy(policy, peer.ip()) {
                tracing::debug!("a connection that does not come by a trusted proxy is closed");
                continue;
            }
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                // As much as fits into the socket's own buffer; nothing waits for this peer.
                if tls.is_none() {
                    let _ = stream.try_write(FULL);
                }
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (app, shutdown, tls) = (self.app.clone(), self.shutdown.clone(), tls.clone());
            self.tasks.spawn(async move {
                match tls {
                    None => serve(stream, app, shutdown).await,
                    Some(tls) => {
                        match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                            Ok(Ok(stream)) => serve(stream, app, shutdown).await,
                            Ok(Err(error)) => tracing::debug!(%error, "TLS did not come about"),
                            Err(_) => tracing::debug!("TLS did not come about in time"),
                        }
                    }
                }
                drop(slot);
            });
        }
        self.finish().await;
        Ok(())
    }

    /// Serves what comes over the socket in the data folder.
    pub(super) async fn unix(self, listener: UnixListener) -> io::Result<()> {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                let _ = stream.try_write(FULL);
                continue;
            };
            let (app, shutdown) = (self.app.clone(), self.shutdown.clone());
            self.tasks.spawn(async move {
                serve(stream, app, shutdown).await;
                drop(slot);
            });
        }
        self.finish().await;
        Ok(())
    }

    async fn finish(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Whether the policy lets this peer in: with trusted proxies nobody else speaks for them.
fn comes_by_proxy(policy: &ApiPolicy, peer: IpAddr) -> bool {
    policy.tls.is_some()
        || policy.trusted_proxies.is_empty()
        || policy.trusted_proxies.contains(&peer.to_canonical())
}

async fn serve<S>(stream: S, app: Router, shutdown: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        ended = connection.as_mut() => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// What TLS is spoken with.
///
/// # Errors
/// When the files cannot be read or do not belong together.
pub(super) fn acceptor(files: &TlsFiles) -> io::Result<TlsAcceptor> {
    let unusable = |path: &std::path::Path, reason: String| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display()))
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(&files.certificate, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| unusable(&files.key, error.to_string()))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&files.certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| unusable(&files.certificate, error.to_string()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_house_is_told_as_a_problem_of_the_length_it_says() {
        let text = std::str::from_utf8(FULL).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(problem["code"], "too-many-connections");
        let most = MAX_CONNECTIONS.to_string();
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(&most)));
    }

    #[test]
    fn only_trusted_proxies_are_let_in_where_there_are_some() {
        let peer: IpAddr = "192.0.2.7".parse().expect("an address");
        let other: IpAddr = "192.0.2.8".parse().expect("an address");
        let mut policy = ApiPolicy::default();
        assert!(comes_by_proxy(&policy, other));
        policy.trusted_proxies.push(peer);
        assert!(comes_by_proxy(&policy, peer));
        assert!(comes_by_proxy(&policy, "::ffff:192.0.2.7".parse().expect("an address")));
        assert!(!comes_by_proxy(&policy, other));
    }
}

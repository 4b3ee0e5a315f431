//! TLS towards an MMSC (RFC 8446, RFC 5246): whom to trust, and what is said about those who cannot
//! be trusted. Certificates are judged by the machine's own calendar.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{self, CryptoProvider, verify_tls12_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};

use super::TransportError;
use crate::net::{Progress, Stream};
use crate::operators::Trust;

/// The SHA-256 of a certificate.
type Fingerprint = [u8; 32];

/// Makes TLS streams for one operator. Sessions are resumed where the far end agrees, which spares
/// its certificates on the air.
#[derive(Debug)]
pub(super) struct Tls {
    trust: Trust,
    config: OnceLock<Result<Arc<ClientConfig>, String>>,
}

impl Tls {
    pub(super) fn new(trust: Trust) -> Self {
        Self { trust, config: OnceLock::new() }
    }

    /// Begins TLS on `stream`, which leads to `host`; `to` is its name with the port.
    ///
    /// # Errors
    /// When the far end cannot be trusted, or is no TLS server of today.
    pub(super) async fn over(
        &self,
        stream: Stream,
        host: &str,
        to: &str,
        limit: Duration,
    ) -> Result<Stream, TransportError> {
        let failed = |reason: String| TransportError::Tls { to: to.to_owned(), reason };
        let config = self.config.get_or_init(|| config(&self.trust)).clone().map_err(failed)?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| failed(format!("'{host}' is no name that a certificate could have")))?;
        let below = stream.progress();
        let connected = timeout(limit, TlsConnector::from(config).connect(name, stream)).await;
        let stream = match connected {
            Err(_) => {
                return Err(TransportError::Stalled {
                    to: to.to_owned(),
                    seconds: limit.as_secs(),
                    doing: "agreeing on TLS",
                });
            }
            Ok(Err(error)) => return Err(refused(&error, to)),
            Ok(Ok(stream)) => stream,
        };
        let progress = Progress::inside(&below);
        Ok(Stream::new(Box::new(Counted { stream, progress: progress.clone() }), progress))
    }
}

fn config(trust: &Trust) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for authority in &trust.authorities {
        roots
            .add(CertificateDer::from(authority.clone()))
            .map_err(|error| format!("a certificate of mmsc_ca_file: {error}"))?;
    }
    let by_authority =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| error.to_string())?;
    let judge = Judge { by_authority, pinned: trust.fingerprint, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Judges certificates: by the authorities, or by the one fingerprint that the owner has named.
#[derive(Debug)]
struct Judge {
    by_authority: Arc<WebPkiServerVerifier>,
    pinned: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
}

/// A certificate that was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
struct Untrusted {
    reason: String,
    fingerprint: Fingerprint,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let fingerprint: Fingerprint = Sha256::digest(end_entity).into();
        let reason = match self.pinned {
            Some(pinned) if pinned == fingerprint => return Ok(ServerCertVerified::assertion()),
            Some(pinned) => {
                format!("it is not the one with the fingerprint {}", written(&pinned))
            }
            None => {
                let verified = self.by_authority.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                );
                match verified {
                    Err(rustls::Error::InvalidCertificate(error)) => reason(&error, server_name),
                    verified => return verified,
                }
            }
        };
        let untrusted = Untrusted { reason, fingerprint };
        Err(CertificateError::Other(OtherError(Arc::new(untrusted))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What is wrong with a certificate, for people.
fn reason(error: &CertificateError, name: &ServerName<'_>) -> String {
    let day = |time: &UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).map_or_else(
            |_| "an unreadable date".to_owned(),
            |time| time.strftime("%Y-%m-%d").to_string(),
        )
    };
    let name = name.to_str();
    match error {
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("it expired on {}, and today is {}", day(not_after), day(time))
        }
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("it is valid from {} on, and today is {}", day(not_before), day(time))
        }
        CertificateError::NotValidForName => format!("it is not for '{name}'"),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => {
            format!("it is not for '{name}' but for nobody by name")
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            // A certificate can hold hundreds.
            let names: Vec<String> =
                presented.iter().take(5).map(|name| name.escape_debug().to_string()).collect();
            format!("it is not for '{name}' but for {}", names.join(", "))
        }
        CertificateError::UnknownIssuer => "nobody that is trusted has issued it".to_owned(),
        CertificateError::BadEncoding => "it cannot be read".to_owned(),
        other => other.to_string(),
    }
}

/// A fingerprint as tools write it: `AB:CD:...`.
fn written(fingerprint: &Fingerprint) -> String {
    fingerprint.map(|octet| format!("{octet:02X}")).join(":")
}

/// Why TLS did not come about.
fn refused(error: &io::Error, to: &str) -> TransportError {
    let to = to.to_owned();
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        let doing = "agreeing on TLS";
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => TransportError::Closed { to, doing },
            _ => TransportError::Broken { to, doing, reason: error.to_string() },
        };
    };
    match tls {
        rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
            match other.downcast_ref::<Untrusted>() {
                Some(untrusted) => TransportError::Certificate {
                    to,
                    reason: untrusted.reason.clone(),
                    fingerprint: written(&untrusted.fingerprint),
                },
                None => TransportError::Tls { to, reason: other.to_string() },
            }
        }
        rustls::Error::InvalidMessage(_) => {
            TransportError::Tls { to, reason: "what answers there does not speak TLS".to_owned() }
        }
        rustls::Error::AlertReceived(alert) => {
            TransportError::Tls { to, reason: format!("it refused with the alert {alert:?}") }
        }
        other => TransportError::Tls { to, reason: other.to_string() },
    }
}

/// The octets inside TLS, counted.
struct Counted {
    stream: TlsStream<Stream>,
    progress: Progress,
}

impl Counted {
    /// Whether all that was taken has gone on into TCP.
    fn mark(&self) {
        if !self.stream.get_ref().1.wants_write() {
            self.progress.mark();
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.progress.add_received((buf.filled().len() - before) as u64);
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        // One piece at a time waits for TCP: what has arrived can be told only between pieces.
        if self.stream.get_ref().1.wants_write() {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.mark();
        }
        let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, octets))?;
        self.progress.add_handed(taken as u64);
        self.mark();
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.mark();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! The listeners themselves: over TCP with and without TLS, more connections than there may be, and
//! requests that never end. The clock here is the machine's, since sockets keep no other.

use std::sync::Arc;
use std::time::Duration;

use mm1gate::api::Listeners;
use mm1gate::gateway::TlsFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::api_rig::Rig;

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn serve(rig: &Rig, tls: Option<&TlsFiles>) -> std::net::SocketAddr {
    let mut listeners = Listeners::none();
    if let Some(files) = tls {
        listeners.tls(files).expect("usable files");
    }
    let address = listeners.tcp(([127, 0, 0, 1], 0).into()).await.expect("a listener");
    tokio::spawn(listeners.serve(rig.gateway.clone(), rig.shutdown.clone()));
    address
}

#[tokio::test]
async fn tls_is_spoken_with_the_files_that_are_given_and_nothing_else_is() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let swapped = TlsFiles { certificate: key.clone(), key: certificate.clone() };
    let refused = Listeners::none().tls(&swapped).expect_err("no certificate in it").to_string();
    assert!(refused.contains("k.pem"), "{refused}");

    let address = serve(&rig, Some(&TlsFiles { certificate, key })).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(made.cert.der().to_vec())).expect("a root");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS");
    stream.write_all(ASK).await.expect("asked");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain.write_all(ASK).await.expect("asked");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    rig.shutdown.cancel();
}

#[tokio::test]
async fn one_connection_too_many_is_told_and_the_others_go_on() {
    let rig = Rig::start().await;
    let address = serve(&rig, None).await;
    let mut idle = Vec::new();
    for _ in 0..256 {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        // Asked and answered, so that it is certainly one of those that are served.
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("asked");
        let mut answer = [0_u8; 12];
        stream.read_exact(&mut answer).await.expect("answered");
        assert_eq!(&answer, b"HTTP/1.1 200");
        idle.push(stream);
    }
    let mut more = TcpStream::connect(address).await.expect("connected");
    let mut answer = String::new();
    let _ = more.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("too-many-connections"), "{answer}");
    drop(idle);
    // Those that were closed make room; how soon is the system's business.
    loop {
        let mut again = TcpStream::connect(address).await.expect("connected");
        again.write_all(ASK).await.expect("asked");
        let mut answer = String::new();
        let _ = again.read_to_string(&mut answer).await;
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    rig.shutdown.cancel();
}

//! MMSCs behind https: rustls as their server, straight and through a proxy's tunnel, and what is
//! said of those that cannot be trusted.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mm1gate::mm1::{Client, FINAL_BLOCK, Identity, Mm1Error, SubmitOutcome};
use mm1gate::model::redact::Secret;
use mm1gate::model::{Explain, Retry, Stage, StageSink};
use mm1gate::operators::{Settings, Trust};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;

use crate::mm1_rig::{Peer, Peers, SEND_CONF_OK, network, octets, settings, stages};

static QUIET: LazyLock<StageSink> = LazyLock::new(StageSink::none);

/// The operator's own authority, which only the settings know.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Authority { issuer: Issuer::new(params, key), certificate }
});

/// A server with a certificate for `name`, signed by the authority after `change`.
fn server(name: &str, change: impl FnOnce(&mut CertificateParams)) -> (TlsAcceptor, [u8; 32]) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &AUTHORITY.issuer).unwrap().der().clone();
    let fingerprint = Sha256::digest(&certificate).into();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), fingerprint)
}

fn mmsc() -> TlsAcceptor {
    server("mmsc.example", |_| {}).0
}

fn secure() -> Settings {
    Settings {
        mmsc: "https://mmsc.example/mms".to_owned(),
        trust: Trust { authorities: vec![AUTHORITY.certificate.to_vec()], fingerprint: None },
        ..settings()
    }
}

fn straight() -> Settings {
    Settings { proxy: None, ..secure() }
}

async fn submit(client: &Client, size: usize) -> (Result<SubmitOutcome, Mm1Error>, bool) {
    let asked = AtomicBool::new(false);
    let released = || async {
        asked.store(true, Ordering::SeqCst);
        Ok::<(), Infallible>(())
    };
    let outcome = client.submit(octets(size), "T1", released, &QUIET).await;
    (outcome, asked.load(Ordering::SeqCst))
}

/// A POST as the MMSC reads it.
async fn request(stream: &mut TlsStream<Peer>) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

async fn answer(stream: &mut TlsStream<Peer>) {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
         Content-Length: {}\r\n\r\n",
        SEND_CONF_OK.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(SEND_CONF_OK).await.unwrap();
    stream.flush().await.unwrap();
}

/// Submits to a far end that does what `script` says; nothing of the message may have left.
async fn failed<F: Future<Output = ()>>(
    settings: Settings,
    script: impl FnOnce(Peers) -> F,
) -> Mm1Error {
    let (net, peers) = network();
    let client = Client::new(net, settings, Identity::default());
    let ((outcome, asked), ()) = tokio::join!(submit(&client, 5000), script(peers));
    assert!(!asked, "the message did not get as far");
    let error = outcome.unwrap_err();
    assert!(!error.is_unknown());
    error
}

#[tokio::test(start_paused = true)]
async fn https_mmsc_is_reached_straight_and_kept_for_the_next_message() {
    let (net, mut peers) = network();
    let client = Client::new(net.clone(), straight(), Identity::default());
    let far = async {
        let peer = peers.next().await;
        assert_eq!(peer.to.to_string(), "10.9.8.7:443");
        let mut stream = mmsc().accept(peer).await.unwrap();
        assert_eq!(stream.get_ref().1.server_name(), Some("mmsc.example"));
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        for _ in 0..2 {
            let (head, body) = request(&mut stream).await;
            assert!(head.starts_with("POST /mms HTTP/1.1\r\nHost: mmsc.example\r\n"), "{head}");
            assert_eq!(body, octets(100_000));
            answer(&mut stream).await;
        }
        assert!(peers.none_waits(), "one connection for both");
    };
    let near = async {
        submit(&client, 100_000).await.0.unwrap();
        submit(&client, 100_000).await.0.unwrap();
    };
    tokio::join!(near, far);
    assert_eq!(*net.resolved.lock().unwrap(), ["mmsc.example"]);
}

#[tokio::test(start_paused = true)]
async fn https_mmsc_is_reached_through_the_proxy_and_only_the_proxy_is_told_the_login() {
    let (net, mut peers) = network();
    let mut settings = secure();
    settings.proxy_login = Some(("shop".to_owned(), Secret::new("pass word")));
    let client = Client::new(net.clone(), settings, Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        assert_eq!(peer.to.to_string(), "10.0.0.1:8080");
        assert_eq!(
            peer.head().await,
            "CONNECT mmsc.example:443 HTTP/1.1\r\n\
             Host: mmsc.example:443\r\n\
             User-Agent: Phone/1.0\r\n\
             Proxy-Authorization: Basic c2hvcDpwYXNzIHdvcmQ=\r\n\r\n"
        );
        peer.write(b"HTTP/1.0 200 Connection established\r\nProxy-agent: x/1\r\n\r\n").await;
        let mut stream = mmsc().accept(peer).await.unwrap();
        for _ in 0..2 {
            let (head, _) = request(&mut stream).await;
            assert!(head.starts_with("POST /mms HTTP/1.1\r\nHost: mmsc.example\r\n"), "{head}");
            assert!(!head.contains("Authorization"), "{head}");
            answer(&mut stream).await;
        }
        assert!(peers.none_waits(), "the tunnel is kept");
    };
    let near = async {
        submit(&client, 3000).await.0.unwrap();
        submit(&client, 3000).await.0.unwrap();
    };
    tokio::join!(near, far);
    assert!(net.resolved.lock().unwrap().is_empty(), "the MMSC's name belongs to the proxy");
}

#[tokio::test(start_paused = true)]
async fn tunnel_is_not_used_for_another_host() {
    let (net, mut peers) = network();
    let client = Client::new(net, secure(), Identity::default());
    let far = async {
        let mut peer = peers.next().await;
        peer.head().await;
        peer.write(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let mut stream = mmsc().accept(peer).await.unwrap();
        request(&mut stream).await;
        answer(&mut stream).await;
        let mut other = peers.next().await;
        assert!(other.head().await.starts_with("GET http://store.example/1 HTTP/1.1\r\n"));
        other.write(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n").await;
    };
    let near = async {
        submit(&client, 3000).await.0.unwrap();
        client.retrieve("http://store.example/1", "T", &QUIET).await.unwrap_err()
    };
    let (error, ()) = tokio::join!(near, far);
    assert!(error.is_gone());
}

#[tokio::test(start_paused = true)]
async fn final_block_waits_for_the_hook_inside_tls_as_well() {
    for size in [1, FINAL_BLOCK + 1, 250_000] {
        let (net, mut peers) = network();
        let client = Client::new(net, straight(), Identity::default());
        let agreed = AtomicBool::new(false);
        let hook = || async {
            sleep(Duration::from_secs(7)).await;
            agreed.store(true, Ordering::SeqCst);
            Ok::<(), Infallible>(())
        };
        let (sink, told) = stages();
        let far = async {
            let mut stream = mmsc().accept(peers.next().await).await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let mut body = vec![0; size.saturating_sub(FINAL_BLOCK)];
            stream.read_exact(&mut body).await.unwrap();
            let mut last = vec![0; size - body.len()];
            stream.read_exact(&mut last[..1]).await.unwrap();
            assert!(agreed.load(Ordering::SeqCst), "nothing of the final block came before");
            stream.read_exact(&mut last[1..]).await.unwrap();
            body.extend(last);
            assert_eq!(body, octets(size));
            answer(&mut stream).await;
        };
        let (outcome, ()) = tokio::join!(client.submit(octets(size), "T1", hook, &sink), far);
        outcome.unwrap();
        let told = told.lock().unwrap();
        assert_eq!(told[1], Stage::Encrypted { with: "mmsc.example:443".into() });
        let done: Vec<u64> = told
            .iter()
            .filter_map(|stage| match stage {
                Stage::Uploading { done, .. } => Some(*done),
                _ => None,
            })
            .collect();
        assert!(done.is_sorted() && done.last() == Some(&(size as u64)), "{done:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn octets_around_the_message_are_no_progress_of_the_message() {
    let (net, mut peers) = network();
    let client = Client::new(net, straight(), Identity::default());
    let (sink, told) = stages();
    let size = 100_000;
    let far = async {
        let mut stream = mmsc().accept(peers.next().await).await.unwrap();
        for piece in 1..=50 {
            sleep(Duration::from_millis(600)).await;
            let mut octets = vec![0; size / 50];
            stream.read_exact(&mut octets).await.unwrap();
            let told = told.lock().unwrap().iter().rev().find_map(|stage| match stage {
                Stage::Uploading { done, .. } => Some(*done),
                _ => None,
            });
            // The server of TLS has read one record more at most.
            let read = piece * octets.len() + 20_000;
            assert!(told.unwrap_or(0) <= read as u64, "{told:?} of {read}");
        }
        answer(&mut stream).await;
    };
    let hook = || async { Ok::<(), Infallible>(()) };
    let (outcome, ()) = tokio::join!(client.submit(octets(size), "T1", hook, &sink), far);
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn certificates_that_cannot_be_trusted_are_told_with_the_reason() {
    type Change = fn(&mut CertificateParams);
    let trusted = || straight();
    let nobody = || Settings { trust: Trust::default(), ..straight() };
    let other = || Settings {
        trust: Trust { fingerprint: Some([0xAB; 32]), ..Trust::default() },
        ..straight()
    };
    let cases: [(Settings, &str, Change, &str); 5] = [
        (trusted(), "other.example", |_| {}, "it is not for 'mmsc.example' but for "),
        (
            trusted(),
            "mmsc.example",
            |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2),
            "it expired on 2020-01-02, and today is 2",
        ),
        (
            trusted(),
            "mmsc.example",
            |params| params.not_before = rcgen::date_time_ymd(2999, 1, 2),
            "it is valid from 2999-01-02 on, and today is 2",
        ),
        (nobody(), "mmsc.example", |_| {}, "nobody that is trusted has issued it"),
        (other(), "mmsc.example", |_| {}, "it is not the one with the fingerprint AB:AB"),
    ];
    for (settings, name, change, said) in cases {
        let (acceptor, fingerprint) = server(name, change);
        let error = failed(settings, |mut peers| async move {
            let refused = acceptor.accept(peers.next().await).await;
            assert!(refused.is_err());
        })
        .await;
        let text = error.to_string();
        assert!(text.starts_with("the certificate of mmsc.example:443 cannot be"), "{text}");
        assert!(text.contains(said), "{text}");
        assert_eq!((error.code(), error.retry()), ("certificate-not-trusted", Retry::Backoff));
        let shown = fingerprint.map(|octet| format!("{octet:02X}")).join(":");
        assert!(error.remedy().contains(&shown), "{}", error.remedy());
    }
}

#[tokio::test(start_paused = true)]
async fn named_fingerprint_is_enough_whatever_the_certificate_says() {
    let (acceptor, fingerprint) =
        server("other.example", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let (net, mut peers) = network();
    let trust = Trust { fingerprint: Some(fingerprint), ..Trust::default() };
    let client = Client::new(net, Settings { trust, ..straight() }, Identity::default());
    let far = async {
        let mut stream = acceptor.accept(peers.next().await).await.unwrap();
        request(&mut stream).await;
        answer(&mut stream).await;
    };
    let ((outcome, _), ()) = tokio::join!(submit(&client, 3000), far);
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn server_without_tls_is_told_and_so_is_one_that_says_nothing() {
    let error = failed(straight(), |mut peers| async move {
        let mut peer = peers.next().await;
        peer.until_quiet(Duration::from_millis(10)).await;
        peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        sleep(Duration::from_secs(5)).await;
    })
    .await;
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    assert_eq!(error.code(), "no-tls");
    assert!(error.remedy().contains("plain http"), "{}", error.remedy());

    let error = failed(straight(), |mut peers| async move {
        let peer = peers.next().await;
        sleep(Duration::from_secs(60)).await;
        drop(peer);
    })
    .await;
    assert!(error.to_string().contains("nothing moved for 30 s while agreeing on TLS"), "{error}");

    let error = failed(straight(), |mut peers| async move { drop(peers.next().await) }).await;
    assert!(error.to_string().contains("while agreeing on TLS"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn proxy_that_makes_no_tunnel_says_why() {
    let cases: [(&[u8], &str, &str, Retry); 5] = [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Type: text/html\r\n\
              Content-Length: 36\r\n\r\n<title>Who are you?</title>xxxxxxxxx",
            "does not connect to mmsc.example:443: HTTP 407 \"Who are you?\"",
            "proxy_user",
            Retry::Never,
        ),
        (
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
            "does not connect to mmsc.example:443: HTTP 403",
            "does not let https through",
            Retry::Never,
        ),
        (b"HTTP/1.1 502 Bad\r\nConnection: close\r\n\r\nno route", "no route", "", Retry::Backoff),
        (b"\x16\x03\x01 what\r\n\r\n", "does not speak HTTP", "", Retry::Soon),
        (b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n", "something follows", "", Retry::Soon),
    ];
    for (reply, said, remedy, retry) in cases {
        let error = failed(secure(), |mut peers| async move {
            let mut peer = peers.next().await;
            peer.head().await;
            peer.write(reply).await;
        })
        .await;
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.remedy().contains(remedy), "{}", error.remedy());
        assert_eq!(error.retry(), retry, "{error}");
    }
    let error = failed(secure(), |mut peers| async move {
        let mut peer = peers.next().await;
        peer.head().await;
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    assert!(error.to_string().contains("for 30 s while asking the proxy"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn answer_that_ends_without_a_farewell_of_tls_is_not_taken_for_whole() {
    let (net, mut peers) = network();
    let client = Client::new(net, straight(), Identity::default());
    let far = async {
        let mut stream = mmsc().accept(peers.next().await).await.unwrap();
        request(&mut stream).await;
        // Its end is where the connection ends, and anybody on the way could cut it.
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\r\n";
        stream.write_all(head).await.unwrap();
        stream.write_all(SEND_CONF_OK).await.unwrap();
        stream.flush().await.unwrap();
        drop(stream.into_inner());
    };
    let ((outcome, asked), ()) = tokio::join!(submit(&client, 3000), far);
    let error = outcome.unwrap_err();
    assert!(asked && error.is_unknown(), "{error}");
}

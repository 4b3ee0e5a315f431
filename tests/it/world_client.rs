//! The client of webhooks over real sockets of this machine: what it sends, where it refuses to go,
//! and how little a receiver can make it wait for or read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::model::{Network, Timestamp};
use mm1gate::outward::{Resolved, Resolver};
use mm1gate::world::{HookClient, HookRequest, HookResponse, SystemClient};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const BODY: &str = r#"{"type":"message.received","data":{"text":"Grüße"}}"#;

fn request(url: impl Into<String>) -> HookRequest {
    HookRequest {
        url: url.into(),
        id: "evt_1".to_owned(),
        at: Timestamp::from_secs(1_700_000_000),
        signature: "v1,c2lnbmF0dXJl".to_owned(),
        body: BODY.to_owned(),
    }
}

fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Lets it reach this machine, as an owner does who runs the receiver here.
fn client() -> SystemClient {
    SystemClient::new(networks(&["127.0.0.0/8"]), false)
}

async fn told(client: &SystemClient, url: &str) -> Result<HookResponse, String> {
    client.post(request(url)).await.map_err(|error| error.to_string())
}

/// A server that does what `script` says with each connection, and counts them.
async fn server<F, S>(at: impl Into<IpAddr>, port: u16, script: S) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
    S: Fn(TcpStream) -> F + Send + 'static,
{
    let listener = TcpListener::bind((at.into(), port)).await.expect("a listener");
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(script(stream));
        }
    });
    (address, connections)
}

/// Reads a request to the end of its body.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .expect("a length");
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.expect("a body");
    (head, String::from_utf8(body).unwrap())
}

/// A server that answers each request with these octets and keeps the connection open.
async fn answering(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let (address, count) = server(Ipv4Addr::LOCALHOST, 0, move |mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(answer).await;
        let _ = stream.flush().await;
        std::future::pending::<()>().await;
    })
    .await;
    (format!("http://{address}/hook"), count)
}

#[tokio::test]
async fn request_has_the_headers_of_standard_webhooks_and_the_body_octet_by_octet() {
    let seen = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&seen);
    let (address, _) = server(Ipv4Addr::LOCALHOST, 0, move |mut stream| {
        let keep = Arc::clone(&keep);
        async move {
            *keep.lock().unwrap() = Some(read(&mut stream).await);
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let response = told(&client(), &format!("http://{address}/a/b?c=d%20e")).await.unwrap();
    assert_eq!(response.status, 204);
    let (head, body) = seen.lock().unwrap().take().expect("a request");
    assert_eq!(body, BODY);
    let lower = head.to_ascii_lowercase();
    assert!(head.starts_with("POST /a/b?c=d%20e HTTP/1.1\r\n"), "{head}");
    for line in [
        format!("host: {address}"),
        "content-type: application/json".to_owned(),
        "webhook-id: evt_1".to_owned(),
        "webhook-timestamp: 1700000000".to_owned(),
        "webhook-signature: v1,c2lnbmf0dxjl".to_owned(),
    ] {
        assert_eq!(lower.lines().filter(|it| **it == line).count(), 1, "{line} in {head}");
    }
}

#[tokio::test]
async fn redirect_is_told_and_not_followed() {
    let (other, followed) = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let (address, _) = server(Ipv4Addr::LOCALHOST, 0, move |mut stream| {
        let other = other.clone();
        async move {
            read(&mut stream).await;
            let head =
                format!("HTTP/1.1 307 Moved\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        }
    })
    .await;
    let response = told(&client(), &format!("http://{address}/")).await.unwrap();
    assert_eq!(response.status, 307);
    assert!(response.location.unwrap().ends_with("/hook"));
    assert_eq!(followed.load(Ordering::SeqCst), 0, "nobody went there");
}

#[tokio::test]
async fn receiver_that_says_nothing_or_drips_its_head_is_cut_off() {
    let (silent, _) = answering(b"").await;
    let (dripping, _) = server(Ipv4Addr::LOCALHOST, 0, |mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    for url in [silent, format!("http://{dripping}/")] {
        let client = client().within(Duration::from_secs(1));
        let error = told(&client, &url).await.unwrap_err();
        assert_eq!(error, "no answer within 1 s");
    }
}

#[tokio::test]
async fn status_counts_although_the_body_never_ends() {
    let (url, _) =
        answering(b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nthe beginning").await;
    // Longer than the whole may take: the status came in time.
    let client = client().within(Duration::from_secs(2));
    let response = told(&client, &url).await.unwrap();
    assert_eq!((response.status, &*response.body), (202, "the beginning"));
}

#[tokio::test]
async fn of_an_answer_without_end_the_beginning_is_read_alone() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let (address, _) = server(Ipv4Addr::LOCALHOST, 0, move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            read(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n").await;
            let block = [b'x'; 65_536];
            while let Ok(some @ 1..) = stream.write(&block).await {
                count.fetch_add(some, Ordering::SeqCst);
            }
        }
    })
    .await;
    let response = told(&client(), &format!("http://{address}/")).await.unwrap();
    assert_eq!((response.status, response.body.len()), (500, 16 * 1024));
    tokio::time::sleep(Duration::from_millis(200)).await;
    // What the sockets hold; without an end to the reading it would be gigabytes.
    assert!(written.load(Ordering::SeqCst) < 64 * 1_048_576);
}

#[tokio::test]
async fn head_without_end_is_an_error_and_not_kept() {
    let (address, _) = server(Ipv4Addr::LOCALHOST, 0, |mut stream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X-Filler: 0123456789abcdef\r\n").await.is_ok() {}
    })
    .await;
    let error = told(&client(), &format!("http://{address}/")).await.unwrap_err();
    assert!(!error.contains("no answer within"), "refused at once: {error}");
}

#[tokio::test]
async fn answer_that_is_no_http_and_connection_that_is_refused_say_so() {
    let (url, _) = answering(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    assert!(told(&client(), &url).await.unwrap_err().contains("invalid HTTP"));
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = told(&client(), &format!("http://{free}/")).await.unwrap_err();
    assert!(error.contains(&free.to_string()) && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn addresses_beyond_the_public_internet_are_refused_without_a_connection() {
    let (listening, connections) = server(Ipv4Addr::LOCALHOST, 0, |_| async {}).await;
    let port = listening.port();
    let strict = SystemClient::new(Vec::new(), true);
    for host in [
        "127.0.0.1",
        "127.8.8.8",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0.0.0.0",
        // Other forms of 127.0.0.1, which the system's resolver takes for it.
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[64:ff9b::a9fe:a9fe]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.100.100.200",
        "[fe80::1]",
        "[fc00::1]",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let error = told(&strict, &format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(error.contains("allow under [webhooks]"), "{host}: {error}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn plain_http_goes_to_the_own_network_alone() {
    let strict = SystemClient::new(networks(&["127.0.0.0/8"]), false);
    let names = Names::new(&[&["203.0.113.9:80"], &["8.8.8.8:80"]]);
    let strict = strict.resolving_by(Arc::clone(&names) as _);
    assert!(told(&strict, "http://shop.example/").await.unwrap_err().contains("set aside"));
    let error = told(&strict, "http://shop.example/").await.unwrap_err();
    assert!(error.contains("only https") && error.contains("allow_http"), "{error}");
}

/// A name server that says something else each time, and the last thing for ever.
#[derive(Debug)]
struct Names {
    answers: Vec<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|it| it.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parse).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> Resolved<'a> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(turn).or_else(|| self.answers.last()).cloned();
        Box::pin(async move { Ok(answer.unwrap_or_default()) })
    }
}

#[tokio::test]
async fn name_that_changes_its_address_after_the_judgement_leads_nowhere_else() {
    let ok = |mut stream: TcpStream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    };
    let allowed = Ipv4Addr::new(127, 0, 0, 2);
    let (good, reached) = server(allowed, 0, ok).await;
    let (_, trapped) = server(Ipv4Addr::new(127, 0, 0, 3), good.port(), ok).await;
    let trap = format!("127.0.0.3:{}", good.port());
    let names = Names::new(&[&[&good.to_string()], &[&trap]]);
    let client =
        SystemClient::new(networks(&["127.0.0.2"]), false).resolving_by(Arc::clone(&names) as _);
    let url = format!("http://shop.example:{}/", good.port());
    assert_eq!(told(&client, &url).await.unwrap().status, 200);
    assert_eq!(names.asked.load(Ordering::SeqCst), 1, "one answer is judged and used");
    // The name server has changed its mind: judged anew, and refused.
    let error = told(&client, &url).await.unwrap_err();
    assert!(error.contains("127.0.0.3 is this machine itself"), "{error}");
    assert_eq!((reached.load(Ordering::SeqCst), trapped.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn of_several_addresses_only_those_that_may_be_are_tried() {
    let ok = |mut stream: TcpStream| async move {
        read(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    };
    let (good, _) = server(Ipv4Addr::new(127, 0, 0, 2), 0, ok).await;
    let (_, trapped) = server(Ipv4Addr::new(127, 0, 0, 3), good.port(), ok).await;
    let trap = format!("127.0.0.3:{}", good.port());
    let names = Names::new(&[&[&trap, &good.to_string()]]);
    let client = SystemClient::new(networks(&["127.0.0.2"]), false).resolving_by(names);
    let response = told(&client, &format!("http://shop.example:{}/", good.port())).await;
    assert_eq!(response.unwrap().status, 200);
    assert_eq!(trapped.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn name_without_an_address_is_named() {
    let client = client().resolving_by(Names::new(&[&[]]));
    let error = told(&client, "https://shop.example/").await.unwrap_err();
    assert_eq!(error, "shop.example has no address");
}

/// A server of TLS with a certificate for `name`, and the authority that signed it.
async fn tls_server(name: &str) -> (SocketAddr, Vec<u8>) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap().der().to_vec();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (address, _) = server(Ipv4Addr::LOCALHOST, 0, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            read(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let _ = stream.flush().await;
        }
    })
    .await;
    (address, root)
}

#[tokio::test]
async fn https_trusts_known_authorities_and_the_right_name_alone() {
    let (address, root) = tls_server("shop.example").await;
    let names = Names::new(&[&[&address.to_string()]]);
    let named = |url: &'static str, roots: Vec<Vec<u8>>| {
        let client = client().trusting(&roots).resolving_by(Arc::clone(&names) as _);
        async move { told(&client, url).await }
    };
    let taken = named("https://shop.example/", vec![root.clone()]).await.unwrap();
    assert_eq!((taken.status, &*taken.body), (200, "ok"));
    let stranger = named("https://shop.example/", Vec::new()).await.unwrap_err();
    assert!(
        stranger.contains("TLS with shop.example") && stranger.contains("UnknownIssuer"),
        "{stranger}"
    );
    let misnamed = named("https://other.example/", vec![root]).await.unwrap_err();
    assert!(misnamed.contains("TLS with other.example"), "{misnamed}");
    assert!(misnamed.contains("not valid for name"), "{misnamed}");
    // A server without TLS where TLS is wanted.
    let (plain, _) = server(Ipv4Addr::LOCALHOST, 0, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let error = told(&client(), &format!("https://{plain}/")).await.unwrap_err();
    assert!(error.contains("TLS with 127.0.0.1"), "{error}");
}

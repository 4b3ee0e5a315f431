//! The bearer against slirp on a pseudo-terminal: a PPP and a TCP/IP implementation that nobody
//! here wrote (RFC 1661, RFC 9293).

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use mm1gate::bearer::{Bearer, BearerConfig, BearerError, CallLabel};
use mm1gate::model::{Clock, NoTap, Random, Stage, StageSink};
use mm1gate::net::{Net, NetError};
use mm1gate::proto::ppp::Credentials;
use rustix::fs::OFlags;
use tempfile::TempDir;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, UdpSocket};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// The host's loopback as slirp shows it.
pub(crate) const HOST: [u8; 4] = [10, 0, 2, 2];

/// The near end of a pseudo-terminal whose far end slirp reads and writes.
pub(crate) struct Line(AsyncFd<OwnedFd>);

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(cx))?;
            let target = buf.initialize_unfilled();
            match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), target)?)) {
                Ok(Ok(octets)) => {
                    buf.advance(octets);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_) => {}
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.0.poll_write_ready(cx))?;
            let written = ready.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), octets)?));
            if let Ok(result) = written {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a line is never flushed")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a line is never shut down")
    }
}

/// A running slirp; ended when dropped.
struct Slirp {
    child: Child,
    _home: TempDir,
}

impl Drop for Slirp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts slirp with these lines in its rc file, besides `ppp`, `nozeros` and the MTU.
#[expect(deprecated, reason = "its successor is unsafe; an owned descriptor keeps its number")]
fn slirp(options: &[&str], secret: Option<(&str, &str)>) -> (Slirp, Line) {
    let home = TempDir::new().unwrap();
    let rc = format!("ppp\nnozeros\nmtu 1500\n{}\n", options.join("\n"));
    fs::write(home.path().join(".slirprc"), rc).unwrap();
    if let Some((file, line)) = secret {
        let path = home.path().join(file);
        fs::write(&path, line).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let (near, far) = mm1gate::sim::pty_pair().unwrap();
    let far = mm1gate::sim::open_slave(&far).unwrap();
    let child = Command::new("slirp-fullbolt")
        .arg("ppp")
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(Stdio::from(far.try_clone().unwrap()))
        .stdout(Stdio::from(far))
        .stderr(Stdio::null())
        .spawn()
        .expect("slirp-fullbolt is installed (apt-get install slirp)");
    let nonblocking = rustix::fs::fcntl_getfl(&near).unwrap() | OFlags::NONBLOCK;
    rustix::fs::fcntl_setfl(&near, nonblocking).unwrap();
    (Slirp { child, _home: home }, Line(AsyncFd::new(near).unwrap()))
}

pub(crate) struct Up {
    pub(crate) bearer: Bearer<Line>,
    stages: Arc<Mutex<Vec<Stage>>>,
    /// Lives as long as the bearer.
    slirp: Slirp,
}

async fn up(
    options: &[&str],
    secret: Option<(&str, &str)>,
    credentials: Option<Credentials>,
) -> Result<Up, BearerError> {
    up_with(options, secret, BearerConfig { credentials, ..BearerConfig::default() }).await
}

pub(crate) async fn up_with(
    options: &[&str],
    secret: Option<(&str, &str)>,
    config: BearerConfig,
) -> Result<Up, BearerError> {
    let (slirp, line) = slirp(options, secret);
    let stages = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&stages);
    let bearer = Bearer::up(
        line,
        config,
        CallLabel { modem: "slirp".into(), call: 1 },
        Arc::new(NoTap),
        Clock::system(),
        Random::seeded(5),
        StageSink::new(move |stage| told.lock().unwrap().push(stage)),
    )
    .await
    .map_err(|failed| failed.error)?;
    Ok(Up { bearer, stages, slirp })
}

/// An echo server on the host's loopback; its port.
async fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    });
    port
}

/// Sends `length` octets, ends its own direction, and compares what comes back.
async fn echo(net: &dyn Net, port: u16, length: usize, seed: usize) {
    let to = SocketAddr::from((HOST, port));
    let mut stream = net.connect(to, LIMIT).await.unwrap();
    let sent: Vec<u8> = (0..length).map(|index| (index * 7 + index / 256 + seed) as u8).collect();
    let mut back = Vec::new();
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let exchange = async {
        let (up, down) = tokio::join!(
            async {
                write.write_all(&sent).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut back)
        );
        up?;
        down.map(|_| ())
    };
    tokio::time::timeout(Duration::from_secs(60), exchange).await.expect("in time").unwrap();
    assert!(back == sent, "{} of {length} octets came back", back.len());
}

fn u1(password: &str) -> Option<Credentials> {
    Some(Credentials::new("u1", password))
}

const PAP: (&[&str], Option<(&str, &str)>) =
    (&["asyncmap 0", "+pap", "auth"], Some((".pap-secrets", "u1 * s3cret 10.0.2.15\n")));
const CHAP: (&[&str], Option<(&str, &str)>) =
    (&["asyncmap 0", "+chap", "auth"], Some((".chap-secrets", "u1 * s3cret 10.0.2.15\n")));

#[tokio::test]
#[ignore = "needs slirp"]
async fn slirp_without_authentication_carries_300_kilobytes_both_ways() {
    let up = up(&["asyncmap 0"], None, None).await.unwrap();
    assert_eq!(up.bearer.address().to_string(), "10.0.2.15");
    let port = echo_server().await;
    echo(&*up.bearer.net(), port, 300_000, 0).await;
    let _line = up.bearer.down().await;
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn slirp_that_wants_every_control_octet_escaped_is_understood() {
    let up = up(&[], None, None).await.unwrap();
    let port = echo_server().await;
    echo(&*up.bearer.net(), port, 300_000, 0).await;
    // The patterns have all octets; those below 20 cost one more octet each.
    assert!(up.bearer.counters().sent() > 330_000, "{}", up.bearer.counters().sent());
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn slirp_accepts_the_right_secret_by_pap_and_chap() {
    for ((options, secret), by) in [(PAP, "PAP"), (CHAP, "CHAP")] {
        let up = up(options, secret, u1("s3cret")).await.unwrap();
        assert!(up.stages.lock().unwrap().contains(&Stage::Authenticated { by }));
        let port = echo_server().await;
        echo(&*up.bearer.net(), port, 50_000, 1).await;
    }
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn slirp_refuses_the_wrong_secret_by_pap_and_chap() {
    for (options, secret) in [PAP, CHAP] {
        let error = up(options, secret, u1("guess")).await.err();
        assert!(matches!(error, Some(BearerError::AuthRejected { .. })), "{error:?}");
    }
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn eight_streams_through_slirp_at_once() {
    let up = up(&["asyncmap 0"], None, None).await.unwrap();
    let net = up.bearer.net();
    let port = echo_server().await;
    let streams: Vec<_> = (0..8)
        .map(|seed| {
            let net = Arc::clone(&net);
            tokio::spawn(async move { echo(&*net, port, 100_000, seed).await })
        })
        .collect();
    for stream in streams {
        stream.await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn closed_port_behind_slirp_refuses() {
    let up = up(&["asyncmap 0"], None, None).await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let to = SocketAddr::from((HOST, free));
    let refused = up.bearer.net().connect(to, LIMIT).await.unwrap_err();
    assert_eq!(refused, NetError::Refused { to: to.to_string() });
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn datagrams_through_slirp_come_back() {
    let up = up(&["asyncmap 0"], None, None).await.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let to = SocketAddr::from((HOST, socket.local_addr().unwrap().port()));
    tokio::spawn(async move {
        let mut octets = vec![0; 2000];
        while let Ok((length, from)) = socket.recv_from(&mut octets).await {
            let _ = socket.send_to(octets.get(..length).unwrap(), from).await;
        }
    });
    let net = up.bearer.net();
    let datagrams = net.udp().unwrap();
    for length in [10, 1372] {
        let sent: Vec<u8> = (0..length).map(|index| index as u8).collect();
        datagrams.send(to, &sent).await.unwrap();
        let answer = tokio::time::timeout(LIMIT, datagrams.receive()).await.unwrap();
        assert_eq!(answer.unwrap(), (sent, to));
    }
}

#[tokio::test]
#[ignore = "needs slirp"]
async fn slirp_that_dies_fails_open_streams() {
    let mut up = up(&["asyncmap 0"], None, None).await.unwrap();
    let port = echo_server().await;
    let net = up.bearer.net();
    let mut stream = net.connect(SocketAddr::from((HOST, port)), LIMIT).await.unwrap();
    up.slirp.child.kill().unwrap();
    let mut octet = [0; 1];
    let read = tokio::time::timeout(LIMIT, stream.read(&mut octet)).await.unwrap();
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    assert!(matches!(up.bearer.closed().await, BearerError::LinkLost(_)));
}

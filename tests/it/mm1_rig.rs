//! A network of in-memory streams whose far ends the test plays itself, octet by octet.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use mm1gate::model::{Stage, StageSink};
use mm1gate::net::{BoxFuture, Datagrams, Net, NetError, Progress, Stream};
use mm1gate::operators::Settings;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What the stack under a stream can hold; less than a picture.
const PIPE: usize = 32 * 1024;

pub(crate) struct TestNet {
    peers: mpsc::UnboundedSender<Peer>,
    refuse: bool,
    /// Names that were asked for.
    pub(crate) resolved: Mutex<Vec<String>>,
}

/// The far ends of the connections, in the order in which they were opened.
pub(crate) struct Peers(mpsc::UnboundedReceiver<Peer>);

/// One far end.
pub(crate) struct Peer {
    pub(crate) to: SocketAddr,
    io: DuplexStream,
    progress: Progress,
    read: u64,
}

pub(crate) fn network() -> (Arc<TestNet>, Peers) {
    let (peers, receiver) = mpsc::unbounded_channel();
    (Arc::new(TestNet { peers, refuse: false, resolved: Mutex::default() }), Peers(receiver))
}

pub(crate) fn refusing_network() -> Arc<TestNet> {
    let (peers, _) = mpsc::unbounded_channel();
    Arc::new(TestNet { peers, refuse: true, resolved: Mutex::default() })
}

impl Net for TestNet {
    fn connect(&self, to: SocketAddr, _limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move {
            if self.refuse {
                return Err(NetError::Refused { to: to.to_string() });
            }
            let (near, far) = tokio::io::duplex(PIPE);
            let progress = Progress::default();
            let peer = Peer { to, io: far, progress: progress.clone(), read: 0 };
            self.peers.send(peer).expect("the test still accepts connections");
            let near = Counted { io: near, progress: progress.clone() };
            Ok(Stream::new(Box::new(near), progress))
        })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        _limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        self.resolved.lock().unwrap().push(name.to_owned());
        Box::pin(async { Ok(vec![IpAddr::from([10, 9, 8, 7])]) })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        Err(NetError::Io("no datagrams here".to_owned()))
    }
}

/// Keeps the counters as a stack does.
struct Counted {
    io: DuplexStream,
    progress: Progress,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.progress.add_received((buf.filled().len() - before) as u64);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.io).poll_write(cx, octets))?;
        self.progress.add_handed(taken as u64);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl Peers {
    pub(crate) async fn next(&mut self) -> Peer {
        self.0.recv().await.expect("a connection is opened")
    }

    pub(crate) fn none_waits(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Peer {
    /// Reads, which acknowledges, at most `limit` octets.
    async fn read(&mut self, limit: usize) -> Vec<u8> {
        let mut octets = vec![0; limit];
        let count = self.io.read(&mut octets).await.expect("the pipe is readable");
        octets.truncate(count);
        self.read += count as u64;
        self.progress.set_acknowledged(self.read);
        octets
    }

    /// The head of a request, blank line included.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let more = self.read(1).await;
            assert!(!more.is_empty(), "ended inside the head: {}", head.escape_ascii());
            head.extend(more);
        }
        String::from_utf8(head).expect("a head is ASCII")
    }

    /// Exactly `count` octets.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        while octets.len() < count {
            let more = self.read(count - octets.len()).await;
            assert!(!more.is_empty(), "ended after {} of {count} octets", octets.len());
            octets.extend(more);
        }
        octets
    }

    /// Whatever comes until nothing came for `quiet`, or the end.
    pub(crate) async fn until_quiet(&mut self, quiet: Duration) -> Vec<u8> {
        let mut octets = Vec::new();
        while let Ok(more) = timeout(quiet, self.read(4096)).await {
            if more.is_empty() {
                break;
            }
            octets.extend(more);
        }
        octets
    }

    /// A whole POST.
    pub(crate) async fn request(&mut self) -> (String, Vec<u8>) {
        let head = self.head().await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |value| value.parse().unwrap());
        let body = self.exactly(length).await;
        (head, body)
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.io.write_all(octets).await.expect("the pipe is writable");
    }

    /// The same towards a near end that may have closed.
    pub(crate) async fn write_if_open(&mut self, octets: &[u8]) {
        let _ = self.io.write_all(octets).await;
    }

    /// A 200 with an MMS PDU.
    pub(crate) async fn answer(&mut self, pdu: &[u8]) {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
             Content-Length: {}\r\n\r\n",
            pdu.len()
        );
        self.write(head.as_bytes()).await;
        self.write(pdu).await;
    }

    /// Whether the near end has closed.
    pub(crate) async fn is_closed(&mut self) -> bool {
        matches!(timeout(Duration::from_secs(5), self.read(1)).await, Ok(rest) if rest.is_empty())
    }
}

/// What is read is acknowledged, also by what a server of TLS reads.
impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        self.read += (buf.filled().len() - before) as u64;
        self.progress.set_acknowledged(self.read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Settings with a proxy given as an address with zeros in front, as operators publish them.
pub(crate) fn settings() -> Settings {
    Settings {
        mmsc: "http://mmsc.example:8002/mms".to_owned(),
        proxy: Some(("010.000.000.001".to_owned(), 8080)),
        user_agent: "Phone/1.0".to_owned(),
        ..Settings::default()
    }
}

/// Collects stages.
pub(crate) fn stages() -> (StageSink, Arc<Mutex<Vec<Stage>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    (StageSink::new(move |stage| into.lock().unwrap().push(stage)), told)
}

/// M-Send.conf by hand: Ok, with a Message-ID.
pub(crate) const SEND_CONF_OK: &[u8] = b"\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid-1\0";

/// Octets that differ from place to place, so that a gap or a repetition shows.
pub(crate) fn octets(count: usize) -> bytes::Bytes {
    (0..count).map(|i| (i % 251) as u8 ^ (i / 251) as u8).collect()
}

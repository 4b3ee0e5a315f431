//! Streams and listeners over smoltcp's TCP sockets.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, State};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout};

use super::core::{Core, Shared, StreamState, new_tcp};
use super::{Accepted, Listener};
use crate::net::{NetError, Progress, Stream};

/// Connections that wait to be accepted, at most, and that handshake at the same time.
const BACKLOG: usize = 16;

/// How long a peer may leave a handshake unfinished.
const HANDSHAKE_LIMIT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(60);

/// One end of a connection. Dropping it closes in order, or resets when octets are unread.
struct TcpStream {
    shared: Arc<Shared>,
    handle: SocketHandle,
    progress: Progress,
}

impl TcpStream {
    fn new(shared: &Arc<Shared>, handle: SocketHandle) -> Self {
        let mut core = shared.lock();
        let progress = core.streams.entry(handle).or_default().progress.clone();
        drop(core);
        Self { shared: Arc::clone(shared), handle, progress }
    }

    fn into_stream(self) -> Stream {
        let progress = self.progress.clone();
        Stream::new(Box::new(self), progress)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.shared.lock().orphan(Instant::now(), self.handle);
        self.shared.kick.notify_one();
    }
}

/// Connects to `to` within `limit`.
pub(super) async fn connect(
    shared: &Arc<Shared>,
    to: SocketAddr,
    limit: Duration,
) -> Result<Stream, NetError> {
    let handle = shared.lock().connect(to)?;
    let stream = TcpStream::new(shared, handle);
    shared.kick.notify_one();
    let opened = poll_fn(|cx| {
        let mut core = shared.lock();
        if let Err(error) = core.check_up() {
            return Poll::Ready(Err(error));
        }
        let socket = core.tcp(handle);
        match socket.state() {
            State::SynSent | State::SynReceived => {
                socket.register_send_waker(cx.waker());
                Poll::Pending
            }
            State::Closed => {
                let to = to.to_string();
                let unreachable = core.streams.get(&handle).is_some_and(|state| state.unreachable);
                Poll::Ready(Err(if unreachable {
                    NetError::Unreachable { to }
                } else {
                    NetError::Refused { to }
                }))
            }
            _ => Poll::Ready(Ok(())),
        }
    });
    match timeout(limit, opened).await {
        Ok(Ok(())) => Ok(stream.into_stream()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(NetError::ConnectTimeout { to: to.to_string(), seconds: limit.as_secs() }),
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut core = self.shared.lock();
        let Core { sockets, streams, down, .. } = &mut *core;
        let state = streams.entry(self.handle).or_default();
        if let Some(rest) = state.tail.get(state.tail_read..).filter(|rest| !rest.is_empty()) {
            let taken = rest.len().min(buf.remaining());
            buf.put_slice(rest.get(..taken).unwrap_or(rest));
            state.tail_read += taken;
            return Poll::Ready(Ok(()));
        }
        if state.finished {
            return Poll::Ready(Ok(()));
        }
        let socket: &mut smoltcp::socket::tcp::Socket<'_> = sockets.get_mut(self.handle);
        let result = socket.recv_slice(buf.initialize_unfilled());
        match result {
            Ok(0) => {
                socket.register_recv_waker(cx.waker());
                Poll::Pending
            }
            Ok(octets) => {
                buf.advance(octets);
                self.progress.add_received(octets as u64);
                // There may be a window to announce.
                self.shared.kick.notify_one();
                Poll::Ready(Ok(()))
            }
            Err(RecvError::Finished) => {
                state.finished = true;
                Poll::Ready(Ok(()))
            }
            Err(RecvError::InvalidState) => Poll::Ready(Err(broken(down.as_deref()))),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if octets.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut core = self.shared.lock();
        let down = core.down.clone();
        let socket = core.tcp(self.handle);
        match socket.send_slice(octets) {
            Ok(0) => {
                socket.register_send_waker(cx.waker());
                Poll::Pending
            }
            Ok(taken) => {
                self.progress.add_waiting(taken as u64);
                self.progress.add_handed(taken as u64);
                self.shared.kick.notify_one();
                Poll::Ready(Ok(taken))
            }
            Err(_) => Poll::Ready(Err(match socket.state() {
                State::Closed => broken(down.as_deref()),
                _ => io::ErrorKind::BrokenPipe.into(),
            })),
        }
    }

    /// What was written is on its way already.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().tcp(self.handle).close();
        self.shared.kick.notify_one();
        Poll::Ready(Ok(()))
    }
}

/// Why a stream ended without the peer's FIN.
fn broken(down: Option<&str>) -> io::Error {
    match down {
        Some(reason) => io::Error::new(
            io::ErrorKind::ConnectionAborted,
            NetError::LinkDown { reason: reason.to_owned() },
        ),
        None => io::ErrorKind::ConnectionReset.into(),
    }
}

/// Listens on `port`.
pub(super) fn listen(shared: &Arc<Shared>, port: u16) -> Result<Listener, NetError> {
    let core = shared.lock();
    core.check_up()?;
    if port == 0 || core.listening(port) {
        return Err(NetError::Io(format!("port {port} cannot be listened on")));
    }
    drop(core);
    let mut listener = Listener { shared: Arc::clone(shared), port, waiting: Vec::new() };
    for _ in 0..BACKLOG {
        listener.add()?;
    }
    Ok(listener)
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// When the link is down.
    pub async fn accept(&mut self) -> Result<Accepted, NetError> {
        let (handle, peer, local) = poll_fn(|cx| self.poll_accept(cx)).await?;
        let mut core = self.shared.lock();
        core.tcp(handle).set_timeout(None);
        core.streams.insert(handle, StreamState::default());
        drop(core);
        let stream = TcpStream::new(&self.shared, handle).into_stream();
        self.add()?;
        Ok(Accepted { stream, peer, local })
    }

    fn poll_accept(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Result<(SocketHandle, SocketAddr, SocketAddr), NetError>> {
        let mut core = self.shared.lock();
        if let Err(error) = core.check_up() {
            return Poll::Ready(Err(error));
        }
        for (index, &handle) in self.waiting.iter().enumerate() {
            let socket = core.tcp(handle);
            match (socket.state(), socket.remote_endpoint(), socket.local_endpoint()) {
                (State::Listen | State::SynReceived, ..) => {}
                (State::Closed, ..) | (_, None, _) | (_, _, None) => {
                    // It was reset, or never finished, before anyone took it.
                    let _ = socket.listen(self.port);
                }
                (_, Some(peer), Some(local)) => {
                    self.waiting.swap_remove(index);
                    return Poll::Ready(Ok((handle, peer.into(), local.into())));
                }
            }
            socket.register_recv_waker(cx.waker());
            socket.register_send_waker(cx.waker());
        }
        Poll::Pending
    }

    fn add(&mut self) -> Result<(), NetError> {
        let mut core = self.shared.lock();
        let mut socket = new_tcp();
        socket.set_timeout(Some(HANDSHAKE_LIMIT));
        if socket.listen(self.port).is_err() {
            return Err(NetError::Io(format!("port {} cannot be listened on", self.port)));
        }
        let handle = core.add(socket)?;
        self.waiting.push(handle);
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut core = self.shared.lock();
        for handle in self.waiting.drain(..) {
            core.orphan(Instant::now(), handle);
        }
        drop(core);
        self.shared.kick.notify_one();
    }
}

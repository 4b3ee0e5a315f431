//! What the clones of a stack share: smoltcp's interface and sockets, and what smoltcp does not
//! keep about a stream.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::socket::{AnySocket, Socket, tcp, udp};
use smoltcp::time::Instant as Ticks;
use smoltcp::wire::{HardwareAddress, Icmpv4Message, Icmpv4Packet, IpProtocol, Ipv4Packet};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::StackConfig;
use super::addresses::{Addresses, interface};
use super::clamp::clamp;
use super::device::QueueDevice;
use super::guard::{Drops, Flaw, inspect};
use super::ipv6::{Ipv6, RouterConfig};
use super::nat64::Prefix;
use super::sender::{Heard, Sender};
use crate::net::{NetError, Progress};

/// Sockets of one stack, closing ones included; each may hold 512 KB.
const MAX_SOCKETS: usize = 256;

/// Octets of a stream that may be on their way: what a line of 100 KB/s with a round trip of two
/// seconds and a half holds. How much of it is on its way is the sender's to decide.
pub(super) const SEND_BUFFER: usize = 262_144;

/// Octets that may come before they are read: readers here wait for nothing but octets.
const RECEIVE_BUFFER: usize = 212_992;

/// How long the far end may be silent while octets are to be acknowledged before the stream is given
/// up (the user time-out of RFC 9293 clause 3.8.3). Whatever it says begins the time anew, so that
/// no line is too slow.
pub const USER_TIMEOUT: Duration = Duration::from_secs(180);

/// How long a connection rests before the far end is asked whether it still knows it (RFC 9293
/// clause 3.8.4): one that a proxy or the operator's address translation has forgotten is noticed
/// before the next message is given to it, and an answer that is thought about for two minutes
/// keeps its way.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(50);

/// How long a stream that nobody owns any more may take to say goodbye.
const ORPHAN_LIMIT: Duration = Duration::from_secs(60);

/// Local ports of connections and datagram sockets (RFC 6335 section 6).
const FIRST_PORT: u16 = 49_152;

/// The shared part of a stack.
#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Woken when there may be something to send.
    pub(super) kick: Kick,
}

/// Tells the owner of the packet queue that a socket wants something.
#[derive(Debug, Default)]
pub(super) struct Kick {
    notify: Notify,
    wanted: AtomicBool,
}

impl Kick {
    pub(super) fn notify_one(&self) {
        self.wanted.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }

    /// Whether anything was wanted since this was asked last.
    pub(super) fn take(&self) -> bool {
        self.wanted.swap(false, Ordering::AcqRel)
    }
}

impl Shared {
    pub(super) fn new(config: StackConfig) -> Self {
        Self { core: Mutex::new(Core::new(config)), kick: Kick::default() }
    }

    pub(super) fn next_packet(&self) -> Result<Vec<u8>, Option<Instant>> {
        let wanted = self.kick.take();
        let mut core = self.lock();
        let mut packet = core.next_packet(Instant::now(), wanted)?;
        if let Some(mss) = core.mss {
            clamp(&mut packet, mss);
        }
        Ok(packet)
    }

    pub(super) fn deliver(&self, now: Instant, packet: Vec<u8>) {
        self.lock().deliver(now, packet);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a stream besides smoltcp's socket.
#[derive(Debug, Default)]
pub(super) struct StreamState {
    pub(super) progress: Progress,
    /// Octets taken over from a socket whose buffers smoltcp is about to clear (TIME-WAIT).
    pub(super) tail: Vec<u8>,
    pub(super) tail_read: usize,
    /// The peer's FIN was seen behind everything it sent.
    pub(super) finished: bool,
    /// A router said that the address cannot be reached.
    pub(super) unreachable: bool,
}

/// smoltcp and the bookkeeping around it.
pub(super) struct Core {
    pub(super) config: StackConfig,
    /// The largest segment of either side, where the owner wants one below what fits.
    pub(super) mss: Option<u16>,
    /// How long the far end of a stream may acknowledge nothing.
    pub(super) user_timeout: Duration,
    pub(super) iface: Interface,
    pub(super) sockets: SocketSet<'static>,
    pub(super) device: QueueDevice,
    pub(super) sender: Sender,
    start: Instant,
    pub(super) streams: BTreeMap<SocketHandle, StreamState>,
    orphans: Vec<(SocketHandle, Instant)>,
    pub(super) down: Option<String>,
    /// Until when there is nothing to send, if nothing comes and no socket wants anything.
    idle: Option<Option<Instant>>,
    pub(super) name_servers: Vec<IpAddr>,
    pub(super) addresses: watch::Sender<Addresses>,
    pub(super) ipv6: Option<Ipv6>,
    pub(super) router: Option<RouterConfig>,
    /// What stands before IPv4 addresses on a network that has IPv6 alone.
    pub(super) nat64: Option<Prefix>,
    pub(super) drops: Drops,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Core {
    fn new(config: StackConfig) -> Self {
        let mut device = QueueDevice::new(config.mtu);
        // Made anew below, as everybody's is.
        let iface =
            Interface::new(Config::new(HardwareAddress::Ip), &mut device, Ticks::from_secs(1));
        let mut core = Self {
            name_servers: config.name_servers.clone(),
            iface,
            sockets: SocketSet::new(Vec::new()),
            device,
            sender: Sender::new(config.mtu),
            start: Instant::now(),
            streams: BTreeMap::new(),
            orphans: Vec::new(),
            down: None,
            idle: None,
            mss: None,
            user_timeout: USER_TIMEOUT,
            addresses: watch::Sender::default(),
            ipv6: None,
            router: None,
            nat64: None,
            drops: Drops::default(),
            config,
        };
        core.iface = interface(&mut core);
        if let Some(address) = core.config.address {
            core.set_address(address);
        }
        core
    }

    fn ticks(&self, now: Instant) -> Ticks {
        // Zero means "at once" to smoltcp; so the clock begins above it.
        let micros = now.duration_since(self.start).as_micros() + 1_000_000;
        Ticks::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// Works off what arrived and lets sockets send as far as there is room.
    pub(super) fn poll(&mut self, now: Instant) {
        if self.down.is_some() {
            return;
        }
        let ticks = self.ticks(now);
        self.iface.poll_maintenance(ticks);
        loop {
            let result = self.iface.poll_ingress_single(ticks, &mut self.device, &mut self.sockets);
            self.collect(now);
            if result == PollIngressSingleResult::None {
                break;
            }
        }
        self.egress(now, ticks);
        self.sender.tidy(now);
        self.after_poll(now);
    }

    /// Rounds over all sockets, one packet each, so that none starves.
    fn egress(&mut self, now: Instant, ticks: Ticks) {
        while self.sender.has_room()
            && self.iface.poll_egress(ticks, &mut self.device, &mut self.sockets)
                != PollResult::None
        {
            self.collect(now);
        }
        self.collect(now);
    }

    fn collect(&mut self, now: Instant) {
        while let Some(packet) = self.device.next_to_send() {
            self.sender.take(now, packet);
        }
    }

    /// The next packet for the line, and else when to look again. `wanted`: a socket wants something.
    pub(super) fn next_packet(
        &mut self,
        now: Instant,
        wanted: bool,
    ) -> Result<Vec<u8>, Option<Instant>> {
        if self.down.is_some() {
            return Err(None);
        }
        // Every few octets of a slow line somebody asks.
        if let Some(until) = self.idle.filter(|_| !wanted)
            && until.is_none_or(|until| now < until)
        {
            return Err(until);
        }
        self.idle = None;
        if let Some(packet) = self.leave(now) {
            return Ok(packet);
        }
        self.poll(now);
        if let Some(packet) = self.leave(now) {
            return Ok(packet);
        }
        let ticks = self.ticks(now);
        let smoltcp = self.iface.poll_delay(ticks, &self.sockets).map(|delay| {
            // Just polled and nothing came: whatever wants to be polled "now" has to wait a little.
            now + Duration::from_micros(delay.total_micros()).max(Duration::from_millis(1))
        });
        let orphan = self.orphans.iter().map(|(_, deadline)| *deadline).min();
        let until = smoltcp.into_iter().chain(self.sender.due()).chain(orphan);
        let until = until.chain(self.ipv6.as_ref().and_then(Ipv6::due)).min();
        self.idle = Some(until);
        Err(until)
    }

    fn leave(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(packet) = self.next_of_ipv6(now) {
            return Some(packet);
        }
        let packet = self.sender.next(now)?;
        self.count_waiting();
        Some(packet)
    }

    /// Tells each stream how much of it has not left yet.
    fn count_waiting(&mut self) {
        for (handle, state) in &self.streams {
            let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(*handle);
            let (Some(local), Some(remote)) = (socket.local_endpoint(), socket.remote_endpoint())
            else {
                continue;
            };
            // What the sender does not carry leaves at once.
            let left = self.sender.unacknowledged(local.into(), remote.into()).unwrap_or(u64::MAX);
            state.progress.set_waiting((socket.send_queue() as u64).saturating_sub(left));
        }
    }

    /// Packets that wait although only the line holds them back.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.sender.queued()
    }

    fn deliver(&mut self, now: Instant, mut packet: Vec<u8>) {
        if self.down.is_some() {
            return;
        }
        self.idle = None;
        if let Err(flaw) = inspect(&packet) {
            return self.drops.count(flaw);
        }
        if self.hear_ipv6(now, &packet) {
            return;
        }
        if let Some(mss) = self.mss {
            clamp(&mut packet, mss);
        }
        self.notice_unreachable(&packet);
        let heard = self.sender.hear(now, &packet);
        if heard == Heard::Unsent {
            return self.drops.count(Flaw::Segment);
        }
        self.device.received.push_back(packet);
        self.poll(now);
        if let Heard::Reset { local, remote } = heard
            && !self.is_connected(local, remote)
        {
            self.sender.forget(local, remote);
        }
    }

    /// Whether a socket is one end of this connection.
    fn is_connected(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        self.sockets.iter().any(|(_, socket)| match socket {
            Socket::Tcp(socket) => {
                (socket.local_endpoint(), socket.remote_endpoint())
                    == (Some(local.into()), Some(remote.into()))
            }
            _ => false,
        })
    }

    /// Ends every socket for `reason`.
    pub(super) fn fail(&mut self, reason: &str) {
        if self.down.is_some() {
            return;
        }
        self.save_tails();
        self.sender.clear();
        self.down = Some(reason.to_owned());
        for (_, socket) in self.sockets.iter_mut() {
            match socket {
                Socket::Tcp(socket) => socket.abort(),
                Socket::Udp(socket) => socket.close(),
                _ => {}
            }
        }
    }

    /// The error of everything that needs the link, once it is gone.
    pub(super) fn check_up(&self) -> Result<(), NetError> {
        match &self.down {
            Some(reason) => Err(NetError::LinkDown { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    pub(super) fn add<S: AnySocket<'static>>(
        &mut self,
        socket: S,
    ) -> Result<SocketHandle, NetError> {
        self.check_up()?;
        if self.sockets.iter().count() >= MAX_SOCKETS {
            return Err(NetError::Limit { limit: MAX_SOCKETS, what: "open sockets" });
        }
        Ok(self.sockets.add(socket))
    }

    pub(super) fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    pub(super) fn udp(&mut self, handle: SocketHandle) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Begins a connection.
    pub(super) fn connect(&mut self, to: SocketAddr) -> Result<SocketHandle, NetError> {
        let unreachable = || NetError::Unreachable { to: to.to_string() };
        let port = self.free_port();
        let handle = self.add(new_tcp())?;
        let Self { iface, sockets, .. } = self;
        let socket: &mut tcp::Socket<'_> = sockets.get_mut(handle);
        if socket.connect(iface.context(), to, port).is_err() {
            self.sockets.remove(handle);
            return Err(unreachable());
        }
        self.streams.insert(handle, StreamState::default());
        Ok(handle)
    }

    /// A local port that no socket uses.
    pub(super) fn free_port(&self) -> u16 {
        let range = u64::from(u16::MAX - FIRST_PORT) + 1;
        loop {
            let port = FIRST_PORT + u16::try_from(self.config.random.below(range)).unwrap_or(0);
            // There are far more ports than sockets may be.
            if !self.port_taken(port) {
                return port;
            }
        }
    }

    pub(super) fn port_taken(&self, port: u16) -> bool {
        self.sockets.iter().any(|(_, socket)| match socket {
            Socket::Tcp(socket) => {
                socket.local_endpoint().is_some_and(|local| local.port == port)
                    || socket.listen_endpoint().port == port
            }
            Socket::Udp(socket) => socket.endpoint().port == port,
            _ => false,
        })
    }

    pub(super) fn listening(&self, port: u16) -> bool {
        self.sockets.iter().any(|(_, socket)| match socket {
            Socket::Tcp(socket) => socket.is_listening() && socket.listen_endpoint().port == port,
            _ => false,
        })
    }

    /// Leaves a stream to itself: it ends in order when it can, and is removed.
    pub(super) fn orphan(&mut self, now: Instant, handle: SocketHandle) {
        let state = self.streams.remove(&handle);
        let unread = state.is_some_and(|state| state.tail_read < state.tail.len());
        let socket = self.tcp(handle);
        if unread || socket.can_recv() || socket.state() == tcp::State::SynSent {
            socket.abort();
        } else {
            socket.close();
        }
        self.orphans.push((handle, now + ORPHAN_LIMIT));
    }

    fn after_poll(&mut self, now: Instant) {
        let user_timeout = self.user_timeout;
        for (handle, state) in &self.streams {
            let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(*handle);
            if socket.state() == tcp::State::Closed {
                continue;
            }
            let queued = socket.send_queue();
            let handed = state.progress.handed();
            state.progress.set_acknowledged(handed.saturating_sub(queued as u64));
            let limit = (queued > 0).then(|| user_timeout.into());
            if socket.timeout() != limit {
                socket.set_timeout(limit);
            }
        }
        self.save_tails();
        self.reap(now);
    }

    /// smoltcp clears a socket's buffers at the end of TIME-WAIT, read or not.
    fn save_tails(&mut self) {
        for (handle, state) in &mut self.streams {
            let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(*handle);
            if state.finished || socket.state() != tcp::State::TimeWait {
                continue;
            }
            while let Ok(octets @ 1..) = socket.recv(|octets| {
                state.tail.extend_from_slice(octets);
                (octets.len(), octets.len())
            }) {
                state.progress.add_received(octets as u64);
            }
            state.finished = true;
        }
    }

    fn reap(&mut self, now: Instant) {
        let Self { orphans, sockets, .. } = self;
        orphans.retain(|(handle, deadline)| {
            let socket: &mut tcp::Socket<'_> = sockets.get_mut(*handle);
            let open = socket.state() != tcp::State::Closed;
            // Nobody will read what still comes.
            if open && (socket.can_recv() || *deadline <= now) {
                socket.abort();
            }
            // smoltcp forgets the far end when the last segment is out.
            let gone = socket.remote_endpoint().is_none() || (!open && *deadline <= now);
            if gone {
                sockets.remove(*handle);
            }
            !gone
        });
    }

    /// smoltcp does not tell TCP what ICMP says; a connection that is being opened can end at once.
    fn notice_unreachable(&mut self, packet: &[u8]) {
        let Some((local, remote)) = unreachable(packet) else { return };
        for (handle, state) in &mut self.streams {
            let socket: &mut tcp::Socket<'_> = self.sockets.get_mut(*handle);
            if socket.state() == tcp::State::SynSent
                && socket.local_endpoint() == Some(local.into())
                && socket.remote_endpoint() == Some(remote.into())
            {
                state.unreachable = true;
                socket.abort();
            }
        }
    }
}

/// A socket with the settings that suit a slow line.
pub(super) fn new_tcp() -> tcp::Socket<'static> {
    let buffer = |octets| tcp::SocketBuffer::new(vec![0; octets]);
    let mut socket = tcp::Socket::new(buffer(RECEIVE_BUFFER), buffer(SEND_BUFFER));
    // How much is on its way is the sender's to decide.
    socket.set_congestion_control(tcp::CongestionControl::None);
    // HTTP writes a head and a body; the end of a body must not wait for an acknowledgement.
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(KEEP_ALIVE.into()));
    socket
}

/// The connection that an ICMP Destination Unreachable is about (RFC 792).
fn unreachable(packet: &[u8]) -> Option<(SocketAddr, SocketAddr)> {
    let outer = Ipv4Packet::new_checked(packet).ok()?;
    if outer.next_header() != IpProtocol::Icmp || outer.frag_offset() != 0 {
        return None;
    }
    let icmp = Icmpv4Packet::new_checked(outer.payload()).ok()?;
    // "Fragmentation needed" is about a size, not about the way.
    if icmp.msg_type() != Icmpv4Message::DstUnreachable || icmp.msg_code() == 4 {
        return None;
    }
    // The inner packet is cut off, so its length field is of no use.
    let inner = icmp.data();
    let header = usize::from(inner.first()? & 0x0F) * 4;
    if inner.first()? >> 4 != 4 || *inner.get(9)? != u8::from(IpProtocol::Tcp) {
        return None;
    }
    let address = |at: usize| -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(<[u8; 4]>::try_from(inner.get(at..at + 4)?).ok()?))
    };
    let port = |at: usize| -> Option<u16> {
        Some(u16::from_be_bytes(inner.get(at..at + 2)?.try_into().ok()?))
    };
    Some((
        SocketAddr::from((address(12)?, port(header)?)),
        SocketAddr::from((address(16)?, port(header + 2)?)),
    ))
}

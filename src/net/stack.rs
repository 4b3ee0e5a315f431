//! TCP/IP in user space: smoltcp as tokio streams and datagrams (RFC 9293, RFC 768).
//!
//! A [`Stack`] does nothing by itself: whoever owns its [`PacketQueue`] gives it packets and takes
//! packets from it, and lets time pass for it while waiting for the next one.

mod addresses;
mod clamp;
mod core;
mod device;
mod guard;
mod ipv6;
mod nat64;
mod reach;
mod sender;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use tokio::time::{Instant, sleep_until, timeout};

use self::core::Shared;
use super::dns;
use super::{BoxFuture, Datagrams, Net, NetError, Stream};
use crate::model::Random;

pub use self::core::USER_TIMEOUT;
pub use guard::Drops;
pub use ipv6::RouterConfig;

/// What a stack needs to know.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Our address; `None` until [`PacketQueue::configure`].
    pub address: Option<IpAddr>,
    /// Bits of the network's part of that address; 32 on a point-to-point link.
    pub prefix: u8,
    /// Octets of the largest IP packet, at least 576.
    pub mtu: usize,
    /// Answer for every address, as the simulated operator does.
    pub any_ip: bool,
    /// Whom to ask for names; [`PacketQueue::configure`] adds more.
    pub name_servers: Vec<IpAddr>,
    /// Sequence numbers, ports and query identifiers.
    pub random: Random,
}

/// A TCP/IP stack; clones share it.
#[derive(Debug, Clone)]
pub struct Stack {
    shared: Arc<Shared>,
}

/// The other end of a [`Stack`]: whoever owns it moves packets and so drives the stack. Dropping
/// it fails every socket.
#[derive(Debug)]
pub struct PacketQueue {
    shared: Arc<Shared>,
}

/// Takes connections on a port, up to 16 at the same time that were not accepted yet.
#[derive(Debug)]
pub struct Listener {
    shared: Arc<Shared>,
    port: u16,
    waiting: Vec<SocketHandle>,
}

/// A connection that came in.
#[derive(Debug)]
pub struct Accepted {
    /// Its octets.
    pub stream: Stream,
    /// Who connected.
    pub peer: SocketAddr,
    /// The address that was called, of interest with [`StackConfig::any_ip`].
    pub local: SocketAddr,
}

impl Stack {
    /// A stack and the end that moves its packets.
    #[must_use]
    pub fn new(config: StackConfig) -> (Self, PacketQueue) {
        // RFC 791: every host takes packets of 576 octets.
        let config = StackConfig { mtu: config.mtu.max(576), ..config };
        let shared = Arc::new(Shared::new(config));
        (Self { shared: Arc::clone(&shared) }, PacketQueue { shared })
    }

    /// Takes TCP connections on `port`, on every address that the stack answers for.
    ///
    /// # Errors
    /// When the port is taken or the link is down.
    pub fn listen(&self, port: u16) -> Result<Listener, NetError> {
        tcp::listen(&self.shared, port)
    }

    /// Opens a datagram socket on a given port; 0 picks a free one. With
    /// [`StackConfig::any_ip`] answers come from the address that was called.
    ///
    /// # Errors
    /// When the port is taken or the link is down.
    pub fn bind_udp(&self, port: u16) -> Result<Box<dyn Datagrams>, NetError> {
        Ok(Box::new(udp::UdpSocket::bind(&self.shared, port)?))
    }

    /// Holds segments of connections that begin from now on to so many octets, both ways, where
    /// that is less than fits into a packet.
    pub fn limit_segments(&self, mss: u16) {
        self.shared.lock().mss = Some(mss);
    }

    /// Gives a stream up whose far end is silent for so long while octets are to be acknowledged (the
    /// user time-out of RFC 9293 clause 3.8.3); [`USER_TIMEOUT`] unless told otherwise.
    pub fn give_up_after(&self, silence: Duration) {
        self.shared.lock().user_timeout = silence;
    }

    /// Our addresses for the world: IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let core = self.shared.lock();
        let addresses = core.addresses.borrow();
        let v6 = addresses.global_v6().map(IpAddr::V6);
        addresses.v4.map(IpAddr::V4).into_iter().chain(v6).collect()
    }

    /// Waits until the network has told our IPv6 address and its name servers, or that it has none
    /// of these.
    pub async fn ipv6_settled(&self) {
        let mut addresses = self.shared.lock().addresses.subscribe();
        // The sender lives in `shared`.
        let _ = addresses.wait_for(|addresses| addresses.settled).await;
    }

    /// Packets that arrived and were dropped because of what they are.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.shared.lock().drops
    }

    /// Whether anybody can be asked for names: a name server that is known and can be reached.
    #[must_use]
    pub fn can_ask_names(&self) -> bool {
        let core = self.shared.lock();
        let usable = core.usable();
        core.name_servers.iter().any(|server| usable.reaches(server))
    }

    /// Asks these as well from now on, after those that are known already.
    pub fn add_name_servers(&self, servers: &[IpAddr]) {
        self.shared.lock().add_name_servers(servers);
    }

    /// Whom this stack asks for names, in that order.
    #[must_use]
    pub fn name_servers(&self) -> Vec<IpAddr> {
        self.shared.lock().name_servers.clone()
    }
}

impl Net for Stack {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move {
            let begun = Instant::now();
            let Ok(to) = timeout(limit, reach::reach(&self.shared, to)).await else {
                let seconds = limit.as_secs();
                return Err(NetError::ConnectTimeout { to: to.to_string(), seconds });
            };
            tcp::connect(&self.shared, to, limit.saturating_sub(begun.elapsed())).await
        })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        Box::pin(async move {
            let (servers, random, usable) = {
                let core = self.shared.lock();
                core.check_up()?;
                (core.name_servers.clone(), core.config.random.clone(), core.usable())
            };
            dns::resolve(self, &servers, &random, name, limit, usable).await
        })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        self.bind_udp(0)
    }
}

impl PacketQueue {
    /// Gives the stack its address and adds name servers. Connections from another address end.
    pub fn configure(&mut self, address: IpAddr, name_servers: &[IpAddr]) {
        let mut core = self.shared.lock();
        core.set_address(address);
        core.add_name_servers(name_servers);
        drop(core);
        self.shared.kick.notify_one();
    }

    /// Sends no packet of more than `octets`, 128 at least, from now on.
    pub fn limit_mtu(&mut self, octets: usize) {
        self.shared.lock().limit_mtu(octets);
    }

    /// IPv6 is there, with this as the lower half of our link-local address (RFC 5072): the rest is
    /// asked of the router. What is told is added to addresses and name servers.
    pub fn configure_ipv6(&mut self, interface_id: u64) {
        self.shared.lock().begin_ipv6(Instant::now(), interface_id);
        self.shared.kick.notify_one();
    }

    /// Makes this end the router of the link once [`Self::configure_ipv6`] is called, as the virtual
    /// operator is.
    pub fn advertise(&mut self, config: RouterConfig) {
        self.shared.lock().advertise(config);
    }

    /// Takes a packet that arrived.
    pub fn deliver(&mut self, packet: Vec<u8>) {
        self.shared.deliver(Instant::now(), packet);
    }

    /// The next packet to send, if there is one now.
    pub fn try_next(&mut self) -> Option<Vec<u8>> {
        self.shared.next_packet().ok()
    }

    /// The next packet to send; runs the stack's timers meanwhile. Safe to cancel. Never returns
    /// after [`Self::fail`].
    pub async fn next(&mut self) -> Vec<u8> {
        loop {
            let next = self.shared.next_packet();
            match next {
                Ok(packet) => return packet,
                Err(Some(deadline)) => {
                    tokio::select! {
                        biased;
                        () = self.shared.kick.notified() => {}
                        () = sleep_until(deadline) => {}
                    }
                }
                Err(None) => self.shared.kick.notified().await,
            }
        }
    }

    /// Packets that arrived and were dropped because of what they are.
    #[must_use]
    pub fn drops(&self) -> Drops {
        self.shared.lock().drops
    }

    /// Fails every socket, now and later. Octets that arrived before can still be read.
    pub fn fail(&mut self, reason: &str) {
        self.shared.lock().fail(reason);
    }
}

impl Drop for PacketQueue {
    fn drop(&mut self) {
        self.fail("the data call ended");
    }
}

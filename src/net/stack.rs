//! TCP/IP in user space: smoltcp as tokio streams and datagrams (RFC 9293, RFC 768).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{BoxFuture, Datagrams, Net, NetError, Stream};
use crate::model::Random;

/// What a stack needs to know.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// Our address; `None` until [`PacketQueue::configure`].
    pub address: Option<IpAddr>,
    /// Bits of the network's part of that address; 32 on a point-to-point link.
    pub prefix: u8,
    /// Octets of the largest IP packet.
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
    config: StackConfig,
}

/// The other end of a [`Stack`]: whoever owns it moves packets and so drives the stack. Dropping
/// it fails every socket.
#[derive(Debug)]
pub struct PacketQueue {
    stack: Stack,
}

/// Takes connections on a port.
#[derive(Debug)]
pub struct Listener {
    stack: Stack,
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
        let stack = Self { config };
        (stack.clone(), PacketQueue { stack })
    }

    /// Takes TCP connections on `port`, on every address that the stack answers for.
    ///
    /// # Errors
    /// When the port is taken or the link is down.
    pub fn listen(&self, port: u16) -> Result<Listener, NetError> {
        let _ = (port, &self.config);
        todo!()
    }

    /// Opens a datagram socket on a given port; 0 picks a free one.
    ///
    /// # Errors
    /// When the port is taken or the link is down.
    pub fn bind_udp(&self, port: u16) -> Result<Box<dyn Datagrams>, NetError> {
        let _ = port;
        todo!()
    }
}

impl Net for Stack {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        let _ = (to, limit);
        todo!()
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        let _ = (name, limit);
        todo!()
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        self.bind_udp(0)
    }
}

impl Listener {
    /// The next connection.
    ///
    /// # Errors
    /// When the link is down.
    pub async fn accept(&mut self) -> Result<Accepted, NetError> {
        let _ = &self.stack;
        todo!()
    }
}

impl PacketQueue {
    /// Gives the stack its address and adds name servers.
    pub fn configure(&mut self, address: IpAddr, name_servers: &[IpAddr]) {
        let _ = (address, name_servers, &self.stack);
        todo!()
    }

    /// Takes a packet that arrived.
    pub fn deliver(&mut self, packet: Vec<u8>) {
        let _ = packet;
        todo!()
    }

    /// The next packet to send; runs the stack's timers meanwhile. Safe to cancel.
    pub async fn next(&mut self) -> Vec<u8> {
        todo!()
    }

    /// Fails every socket, now and later.
    pub fn fail(&mut self, reason: &str) {
        let _ = reason;
        todo!()
    }
}

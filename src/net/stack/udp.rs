//! Datagram sockets over smoltcp's UDP sockets.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{
    BindError, PacketBuffer, PacketMetadata, SendError, Socket, UdpMetadata,
};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::core::Shared;
use super::reach::{original, reach};
use crate::net::{BoxFuture, Datagrams, NetError};

/// Datagrams and octets that wait in each direction; more that arrive are dropped.
const QUEUE: (usize, usize) = (64, 65_535);

/// Peers whose called address is remembered, so that answers come from it.
const MAX_PEERS: usize = 256;

/// Octets of the IP and the UDP header.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;

const fn headers(to: SocketAddr) -> usize {
    if to.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 }
}

/// One datagram socket.
#[derive(Debug)]
pub(super) struct UdpSocket {
    shared: Arc<Shared>,
    handle: SocketHandle,
    called: Mutex<BTreeMap<SocketAddr, IpAddr>>,
}

impl UdpSocket {
    pub(super) fn bind(shared: &Arc<Shared>, port: u16) -> Result<Self, NetError> {
        let buffer = || PacketBuffer::new(vec![PacketMetadata::EMPTY; QUEUE.0], vec![0; QUEUE.1]);
        let mut core = shared.lock();
        let port = if port == 0 { core.free_port() } else { port };
        if core.port_taken(port) {
            return Err(NetError::Io(format!("port {port} is taken")));
        }
        let mut socket = Socket::new(buffer(), buffer());
        socket.bind(port).map_err(|error: BindError| NetError::Io(error.to_string()))?;
        let handle = core.add(socket)?;
        drop(core);
        Ok(Self { shared: Arc::clone(shared), handle, called: Mutex::default() })
    }
}

impl Datagrams for UdpSocket {
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            let to = reach(&self.shared, to).await;
            poll_fn(|cx| self.poll_send(cx, to, octets)).await
        })
    }

    fn largest(&self) -> usize {
        let core = self.shared.lock();
        // What goes to an IPv4 address goes through the NAT64 where there is IPv6 alone.
        let headers = if core.addresses.borrow().v4.is_some() { HEADERS_V4 } else { HEADERS_V6 };
        core.config.mtu.saturating_sub(headers)
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            let (octets, from) = poll_fn(|cx| self.poll_receive(cx)).await?;
            Ok((octets, original(&self.shared, from)))
        })
    }
}

impl UdpSocket {
    fn poll_send(
        &self,
        cx: &Context<'_>,
        to: SocketAddr,
        octets: &[u8],
    ) -> Poll<Result<(), NetError>> {
        let limit = self.shared.lock().config.mtu.saturating_sub(headers(to));
        if octets.len() > limit {
            return Poll::Ready(Err(NetError::Limit { limit, what: "octets in a datagram" }));
        }
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let from = called.get(&to).copied().map(IpAddress::from);
        drop(called);
        let metadata =
            UdpMetadata { local_address: from, ..UdpMetadata::from(IpEndpoint::from(to)) };
        let mut core = self.shared.lock();
        if let Err(error) = core.check_up() {
            return Poll::Ready(Err(error));
        }
        let socket = core.udp(self.handle);
        match socket.send_slice(octets, metadata) {
            Ok(()) => {
                self.shared.kick.notify_one();
                Poll::Ready(Ok(()))
            }
            Err(SendError::BufferFull) => {
                socket.register_send_waker(cx.waker());
                Poll::Pending
            }
            Err(SendError::Unaddressable) => {
                Poll::Ready(Err(NetError::Unreachable { to: to.to_string() }))
            }
        }
    }

    fn poll_receive(&self, cx: &Context<'_>) -> Poll<Result<(Vec<u8>, SocketAddr), NetError>> {
        let mut core = self.shared.lock();
        let up = core.check_up();
        let socket = core.udp(self.handle);
        match socket.recv() {
            Ok((octets, metadata)) => {
                let (octets, peer) = (octets.to_vec(), SocketAddr::from(metadata.endpoint));
                let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
                if called.len() >= MAX_PEERS {
                    called.clear();
                }
                if let Some(local) = metadata.local_address {
                    called.insert(peer, local.into());
                }
                Poll::Ready(Ok((octets, peer)))
            }
            Err(_) => match up {
                Err(error) => Poll::Ready(Err(error)),
                Ok(()) => {
                    socket.register_recv_waker(cx.waker());
                    Poll::Pending
                }
            },
        }
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.shared.lock().sockets.remove(self.handle);
    }
}

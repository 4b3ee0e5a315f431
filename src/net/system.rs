//! The system's own TCP/IP over one interface that the operating system has brought up, for example
//! `wwan0` of a stick that another program drives.
//!
//! Every socket is bound to the interface by name (SO_BINDTODEVICE), so that nothing leaves by the
//! default route whatever the routing tables say, and names are asked for over the same sockets.
//! What Linux itself repeats of an IPv6 connection that is over, an acknowledgement without payload
//! in TIME-WAIT, goes by the table: no socket is left then that could be bound.
//! Since the system does not tell what the far end has acknowledged, octets count as acknowledged
//! when the system has taken them; its buffer is kept small so that this is not far off.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::dns::Usable;
use super::{BoxFuture, Datagrams, Net, NetError, Progress, Stream, dns};
use crate::model::Random;

/// Longest name of an interface (IFNAMSIZ without its end), octets.
const MAX_NAME: usize = 15;
/// Octets of a stream that the system may hold; what a line of 1 MB/s with a round trip of 60 ms
/// takes.
const SEND_BUFFER: u32 = 64 * 1024;
/// How often the interface is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The system's network over one interface. Streams fail when the interface goes away.
#[derive(Debug)]
pub struct System {
    interface: String,
    name_servers: Vec<IpAddr>,
    random: Random,
    gone: watch::Receiver<Option<String>>,
    watcher: JoinHandle<()>,
}

impl Drop for System {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

/// Whether a text can be the name of an interface.
#[must_use]
pub fn is_interface_name(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() && octet != b'/';
    !matches!(text, "" | "." | "..") && text.len() <= MAX_NAME && text.bytes().all(plain)
}

impl System {
    /// The network behind `interface`. Names are asked for at `name_servers`, or at those that the
    /// system knows for the interface, or else at those of the whole system.
    ///
    /// # Errors
    /// When there is no such interface, or it is down.
    pub fn over(
        interface: &str,
        name_servers: &[IpAddr],
        random: Random,
    ) -> Result<Self, NetError> {
        Self::state(interface)?;
        let (tell, gone) = watch::channel(None);
        let name = interface.to_owned();
        let watcher = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Some(reason) = trouble(&name) {
                    let _ = tell.send(Some(reason));
                    return;
                }
            }
        });
        let name_servers =
            if name_servers.is_empty() { own_servers(interface) } else { name_servers.to_vec() };
        let interface = interface.to_owned();
        Ok(Self { interface, name_servers, random, gone, watcher })
    }

    /// Whether an interface can be used.
    ///
    /// # Errors
    /// When there is no such interface, or it is down.
    pub fn state(interface: &str) -> Result<(), NetError> {
        match trouble(interface) {
            Some(reason) => Err(NetError::Interface { name: interface.to_owned(), reason }),
            None => Ok(()),
        }
    }

    /// Waits until the interface is no more, and says why.
    pub async fn gone(&self) -> NetError {
        self.error(until_gone(self.gone.clone()).await)
    }

    /// Octets of packets that the interface has sent and received, by whomever.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        let table = std::fs::read_to_string(TABLE).unwrap_or_default();
        counters(&table, &self.interface).unwrap_or_default()
    }

    /// Whom it asks for names.
    #[must_use]
    pub fn name_servers(&self) -> &[IpAddr] {
        &self.name_servers
    }

    fn error(&self, reason: String) -> NetError {
        NetError::Interface { name: self.interface.clone(), reason }
    }

    fn io(&self, error: &io::Error) -> NetError {
        match self.gone.borrow().clone().or_else(|| trouble(&self.interface)) {
            Some(reason) => self.error(reason),
            None => NetError::Io(format!("{} over {}", error, self.interface)),
        }
    }

    fn bound_udp(&self, local: SocketAddr) -> io::Result<UdpSocket> {
        let socket = std::net::UdpSocket::bind(local)?;
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        socket.bind_device(Some(self.interface.as_bytes()))?;
        Ok(socket)
    }
}

impl Net for System {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move {
            let name = to.to_string();
            let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
            let socket = socket.map_err(|error| self.io(&error))?;
            socket
                .bind_device(Some(self.interface.as_bytes()))
                .and_then(|()| socket.set_send_buffer_size(SEND_BUFFER))
                .map_err(|error| self.io(&error))?;
            let connected = tokio::select! {
                biased;
                error = self.gone() => return Err(error),
                connected = timeout(limit, socket.connect(to)) => connected,
            };
            let stream = connected
                .map_err(|_| NetError::ConnectTimeout {
                    to: name.clone(),
                    seconds: limit.as_secs(),
                })?
                .map_err(|error| match error.kind() {
                    io::ErrorKind::ConnectionRefused => NetError::Refused { to: name },
                    io::ErrorKind::HostUnreachable
                    | io::ErrorKind::NetworkUnreachable
                    | io::ErrorKind::AddrNotAvailable => NetError::Unreachable { to: name },
                    _ => self.io(&error),
                })?;
            // Only a matter of speed.
            let _ = stream.set_nodelay(true);
            let progress = Progress::default();
            let counted = Counted {
                stream,
                progress: progress.clone(),
                interface: self.interface.clone(),
                gone: Box::pin(until_gone(self.gone.clone())),
            };
            Ok(Stream::new(Box::new(counted), progress))
        })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        Box::pin(async move {
            let usable = usable(&self.interface).map_err(|error| self.io(&error))?;
            let (servers, random) = (&self.name_servers, &self.random);
            tokio::select! {
                biased;
                error = self.gone() => Err(error),
                found = dns::resolve(self, servers, random, name, limit, usable) => found,
            }
        })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        let v4 = self.bound_udp((Ipv4Addr::UNSPECIFIED, 0).into());
        // A system without IPv6 has no such sockets.
        let v6 = self.bound_udp((Ipv6Addr::UNSPECIFIED, 0).into()).ok();
        Ok(Box::new(SystemDatagrams { v4: v4.map_err(|error| self.io(&error))?, v6 }))
    }
}

/// The interfaces of the network namespace that this process is in.
const TABLE: &str = "/proc/self/net/dev";

/// What is wrong with an interface.
fn trouble(name: &str) -> Option<String> {
    let table = std::fs::read_to_string(TABLE).unwrap_or_default();
    if counters(&table, name).is_none() {
        return Some("there is no such interface".to_owned());
    }
    // `unknown` is what most point-to-point interfaces say while they are up.
    let state = std::fs::read_to_string(format!("/sys/class/net/{name}/operstate"));
    let state = state.unwrap_or_default();
    let down = matches!(state.trim(), "down" | "lowerlayerdown" | "notpresent");
    down.then(|| format!("it is {}", state.trim()))
}

/// The versions of IP for which an interface has an address that is good beyond its own link. Over
/// an interface without one, Linux would send from an address of another interface.
fn usable(interface: &str) -> io::Result<Usable> {
    let mut usable = Usable { v4: false, v6: false };
    for one in getifaddrs()?.filter(|one| one.interface_name == interface) {
        let Some(address) = one.address else { continue };
        usable.v4 |= address.as_sockaddr_in().is_some_and(|it| !it.ip().is_link_local());
        usable.v6 |= address.as_sockaddr_in6().is_some_and(|it| !it.ip().is_unicast_link_local());
    }
    Ok(usable)
}

/// Octets sent and received of one interface in the kernel's table.
fn counters(table: &str, name: &str) -> Option<(u64, u64)> {
    let (_, figures) = table
        .lines()
        .filter_map(|line| line.rsplit_once(':'))
        .find(|(interface, _)| interface.trim() == name)?;
    let figures: Vec<&str> = figures.split_ascii_whitespace().collect();
    let octets = |at: usize| figures.get(at).and_then(|text| text.parse().ok()).unwrap_or(0);
    Some((octets(8), octets(0)))
}

/// The name servers that the system knows: systemd-resolved's for the interface, else all.
fn own_servers(interface: &str) -> Vec<IpAddr> {
    let of_link = index(interface)
        .and_then(|index| {
            std::fs::read_to_string(format!("/run/systemd/resolve/netif/{index}")).ok()
        })
        .map(|text| listed(&text, "SERVERS="))
        .unwrap_or_default();
    if !of_link.is_empty() {
        return of_link;
    }
    let all = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    // A server on this machine cannot be reached over the interface.
    listed(&all, "nameserver ").into_iter().filter(|server| !server.is_loopback()).collect()
}

fn index(interface: &str) -> Option<u32> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    rustix::net::netdevice::name_to_index(socket, interface).ok()
}

/// The addresses on the lines that begin with `key`.
fn listed(text: &str, key: &str) -> Vec<IpAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix(key))
        .flat_map(str::split_ascii_whitespace)
        // A zone or a server's name may stand behind the address.
        .filter_map(|word| word.split(['%', '#']).next()?.parse().ok())
        .collect()
}

/// The end of an interface.
async fn until_gone(mut gone: watch::Receiver<Option<String>>) -> String {
    match gone.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
        Ok(reason) => reason.unwrap_or_default(),
        // Nobody looks any more: streams that are left go on.
        Err(_) => std::future::pending().await,
    }
}

/// A stream that ends with its interface; the octets that the system took count as acknowledged.
struct Counted {
    stream: TcpStream,
    progress: Progress,
    interface: String,
    gone: BoxFuture<'static, String>,
}

impl Counted {
    /// Why the stream has ended, when its interface has gone.
    fn poll_gone<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.gone.as_mut().poll(cx).map(|reason| {
            // A future that is through is never asked again.
            self.gone = Box::pin(std::future::ready(reason.clone()));
            let error = NetError::Interface { name: self.interface.clone(), reason };
            Err(io::Error::new(io::ErrorKind::ConnectionAborted, error))
        })
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.progress.add_received((buf.filled().len() - before) as u64);
        if result.is_pending() { self.poll_gone(cx) } else { result }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Ok(taken)) = &result {
            self.progress.add_handed(*taken as u64);
            self.progress.set_acknowledged(self.progress.handed());
        }
        if result.is_pending() { self.poll_gone(cx) } else { result }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One socket for each version of IP.
#[derive(Debug)]
struct SystemDatagrams {
    v4: UdpSocket,
    v6: Option<UdpSocket>,
}

impl Datagrams for SystemDatagrams {
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            let socket = if to.is_ipv4() { Some(&self.v4) } else { self.v6.as_ref() };
            let unreachable = || NetError::Unreachable { to: to.to_string() };
            let sent = socket.ok_or_else(unreachable)?.send_to(octets, to).await;
            sent.map(|_| ()).map_err(|error| NetError::Io(error.to_string()))
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            let mut octets = vec![0; 65_535];
            let mut other = vec![0; if self.v6.is_some() { octets.len() } else { 0 }];
            let received = tokio::select! {
                received = self.v4.recv_from(&mut octets) => received,
                received = from_v6(self.v6.as_ref(), &mut other) => {
                    std::mem::swap(&mut octets, &mut other);
                    received
                }
            };
            let (length, from) = received.map_err(|error| NetError::Io(error.to_string()))?;
            octets.truncate(length);
            Ok((octets, from))
        })
    }
}

async fn from_v6(socket: Option<&UdpSocket>, octets: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(octets).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_those_of_the_interface_by_its_whole_name() {
        let table = "Inter-|   Receive                          |  Transmit\n \
                     face |bytes packets errs drop fifo frame compressed multicast|bytes\n\
                     wwan0: 1200 3 0 0 0 0 0 0 340 4 0 0 0 0 0 0\n \
                     wwan:0:7 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0\n";
        assert_eq!(counters(table, "wwan0"), Some((340, 1200)));
        assert_eq!(counters(table, "wwan"), None);
        assert_eq!(counters(table, "wwan:0"), Some((8, 7)));
    }

    #[test]
    fn name_servers_are_read_as_the_system_writes_them() {
        let text = "# x\nnameserver 10.0.0.53\nnameserver fe80::1%wwan0\nsearch x\n";
        let expected: [IpAddr; 2] = ["10.0.0.53".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(listed(text, "nameserver "), expected);
        let text = "LLMNR=yes\nSERVERS=10.0.0.53 10.0.0.54#dns.example\n";
        assert_eq!(listed(text, "SERVERS=").len(), 2);
    }

    #[test]
    fn interfaces_have_names_of_the_kernel() {
        for good in ["wwan0", "wwp0s20u3i4", "rmnet_data0", "eth0.5"] {
            assert!(is_interface_name(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "wwan 0", "a_name_that_is_too_long"] {
            assert!(!is_interface_name(bad), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn interface_that_does_not_exist_is_told_by_name() {
        let error = System::over("no-such-if0", &[], Random::seeded(1)).unwrap_err();
        assert_eq!(error.to_string(), "the interface no-such-if0: there is no such interface");
    }
}

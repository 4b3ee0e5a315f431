//! A datagram socket towards a gateway and the session over it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout};

use super::super::url::address;
use super::super::{Timeouts, TransportError};
use super::MAX_SDU;
use crate::codec::wsp::pdu::Address;
use crate::model::{Stage, StageSink};
use crate::net::{Datagrams, Net, NetError};
use crate::proto::wsp::{Offer, Output, Session, SessionEvent};
use crate::proto::wtp::{Config, MAX_SEGMENTS};

/// Octets of a packet besides its user data: the fixed header of an Invoke, and the options of the
/// first one.
const PACKET_HEAD: usize = 12;
/// Most octets of user data in a packet, whatever the link carries: what gateways are known to take.
const MAX_SEGMENT: usize = 1350;
/// What an IPv6 header has more than one of IPv4, octets.
const IPV6_EXTRA: usize = 20;
/// Gateways that are followed from one to the next.
const MAX_REDIRECTS: usize = 3;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 3;
/// The first transaction. Each session has a socket and with it a port of its own, so that nobody
/// takes its transactions for those of an earlier one; a gateway that doubts it asks (WAP-224 clause
/// 7.9).
const FIRST_TID: u16 = 1;

/// The socket and its session.
pub(super) struct Line {
    socket: Box<dyn Datagrams>,
    gateway: SocketAddr,
    /// Host and port, for people.
    pub(super) to: String,
    pub(super) session: Session,
    /// What is leaving: whoever waits for it may be interrupted.
    leaving: Option<Bytes>,
    /// Datagrams of others than the gateway.
    strangers: u64,
}

/// What a line brought.
#[expect(clippy::large_enum_variant, reason = "taken apart where it is made")]
pub(super) enum Turn {
    /// The session's word.
    Event(SessionEvent),
    /// Time passed or octets came.
    Moved,
}

impl Line {
    /// Opens a session with the gateway, or with the one it names instead.
    ///
    /// # Errors
    /// When no address answers, or the gateway grants no session.
    pub(super) async fn open(
        net: &dyn Net,
        (host, port): (&str, u16),
        headers: Vec<(String, String)>,
        timeouts: &Timeouts,
        stages: &StageSink,
    ) -> Result<Self, TransportError> {
        let mut addresses: Vec<SocketAddr> = match address(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => {
                let found = net.resolve(host, timeouts.resolve).await?;
                found.into_iter().take(MAX_ADDRESSES).map(|ip| SocketAddr::new(ip, port)).collect()
            }
        };
        let mut redirects = 0;
        let mut last = NetError::NameNotFound { name: host.to_owned() };
        while !addresses.is_empty() {
            let gateway = addresses.remove(0);
            let mut line = Self::to(net, gateway)?;
            match timeout(timeouts.connect, line.connect(headers.clone())).await {
                Ok(Ok(Opened::Session)) => {
                    stages.tell(Stage::WapConnected { to: line.to.clone() });
                    return Ok(line);
                }
                Ok(Ok(Opened::Elsewhere(elsewhere))) if redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    tracing::info!(from = %line.to, "the WAP gateway names another one");
                    let next = elsewhere.iter().filter_map(|one| socket_address(one, gateway));
                    addresses = next.take(MAX_ADDRESSES).collect();
                    last = NetError::Unreachable { to: line.to };
                }
                Ok(Ok(Opened::Elsewhere(_))) => {
                    return Err(line.gave_up("it names one gateway after the other".to_owned()));
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let seconds = timeouts.connect.as_secs();
                    last = NetError::ConnectTimeout { to: line.to.clone(), seconds };
                    line.close().await;
                }
            }
        }
        Err(TransportError::Net(last))
    }

    fn to(net: &dyn Net, gateway: SocketAddr) -> Result<Self, TransportError> {
        let socket = net.udp()?;
        let extra = if gateway.is_ipv6() { IPV6_EXTRA } else { 0 };
        let room = socket.largest().saturating_sub(PACKET_HEAD + extra);
        let config = Config {
            segment: room.clamp(1, MAX_SEGMENT),
            max_message: MAX_SDU,
            ..Config::default()
        };
        let session = Session::new(config, FIRST_TID);
        Ok(Self { socket, gateway, to: gateway.to_string(), session, leaving: None, strangers: 0 })
    }

    async fn connect(&mut self, headers: Vec<(String, String)>) -> Result<Opened, TransportError> {
        let client_sdu = u32::try_from(MAX_SDU).unwrap_or(u32::MAX);
        let server_sdu = u32::try_from(MAX_SEGMENT * MAX_SEGMENTS).unwrap_or(u32::MAX);
        let offer = Offer { client_sdu, server_sdu, headers };
        self.session.connect(now(), offer).map_err(|error| self.gave_up(error.to_string()))?;
        loop {
            match self.turn().await? {
                Turn::Moved => {}
                Turn::Event(SessionEvent::Connected) => return Ok(Opened::Session),
                Turn::Event(SessionEvent::Redirected { addresses }) => {
                    self.flush().await?;
                    return Ok(Opened::Elsewhere(addresses));
                }
                Turn::Event(SessionEvent::Refused { status }) => {
                    self.flush().await?;
                    return Err(self.gave_up(format!("it grants no session: {status}")));
                }
                Turn::Event(SessionEvent::Failed(error)) => {
                    return Err(self.gave_up(error.to_string()));
                }
                Turn::Event(_) => {}
            }
        }
    }

    fn gave_up(&self, reason: String) -> TransportError {
        TransportError::Gateway { to: self.to.clone(), doing: "opening the session", reason }
    }

    /// Sends what is to be sent and waits for what happens next. May be dropped at any time.
    ///
    /// # Errors
    /// Those of the network.
    pub(super) async fn turn(&mut self) -> Result<Turn, NetError> {
        let due = loop {
            if let Some(octets) = &self.leaving {
                self.socket.send(self.gateway, octets).await?;
                self.leaving = None;
            }
            match self.session.poll_output(now()) {
                Output::Event(event) => return Ok(Turn::Event(event)),
                Output::Transmit(octets) => self.leaving = Some(octets),
                Output::Timeout(at) => break Some(Instant::from_std(at)),
                Output::Idle => break None,
            }
        };
        tokio::select! {
            biased;
            () = at(due) => self.session.handle_timeout(now()),
            got = self.socket.receive() => {
                let (octets, from) = got?;
                if from == self.gateway {
                    self.session.handle_datagram(now(), &Bytes::from(octets));
                } else {
                    self.strangers += 1;
                }
            }
        }
        Ok(Turn::Moved)
    }

    /// Sends what is to be sent.
    ///
    /// # Errors
    /// Those of the network.
    pub(super) async fn flush(&mut self) -> Result<(), NetError> {
        loop {
            if let Some(octets) = &self.leaving {
                self.socket.send(self.gateway, octets).await?;
                self.leaving = None;
            }
            match self.session.poll_output(now()) {
                Output::Event(_) => {}
                Output::Transmit(octets) => self.leaving = Some(octets),
                Output::Timeout(_) | Output::Idle => return Ok(()),
            }
        }
    }

    /// Ends the session in order.
    pub(super) async fn close(mut self) {
        self.session.disconnect(now());
        let _ = timeout(Duration::from_secs(1), self.flush()).await;
        let (stats, strangers) = (self.session.stats(), self.strangers);
        tracing::debug!(to = %self.to, ?stats, strangers, "WAP session over");
    }
}

/// What became of Connect.
enum Opened {
    Session,
    Elsewhere(Vec<Address>),
}

/// The machines' time.
pub(super) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn at(due: Option<Instant>) {
    match due {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// An address of IP; the port and the host are those of `from` where it has none.
fn socket_address(address: &Address, from: SocketAddr) -> Option<SocketAddr> {
    let ip = if let Ok(octets) = <[u8; 4]>::try_from(&address.address[..]) {
        IpAddr::V4(Ipv4Addr::from(octets))
    } else if let Ok(octets) = <[u8; 16]>::try_from(&address.address[..]) {
        IpAddr::V6(Ipv6Addr::from(octets))
    } else if address.address.is_empty() {
        from.ip()
    } else {
        return None;
    };
    Some(SocketAddr::new(ip, address.port_number.unwrap_or_else(|| from.port())))
}

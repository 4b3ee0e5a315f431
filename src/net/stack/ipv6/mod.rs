//! How a host on a data call gets its IPv6 address and name servers: it asks for the router, takes
//! the prefix and puts the interface identifier of IPv6CP behind it (RFC 4861, RFC 4862, 3GPP TS
//! 29.061 clause 11.2.1.3), and asks for name servers where the router tells none (RFC 8415). And the
//! router at the other end, for the virtual operator.
//!
//! Sans-IO: packets in and out, time as an argument. smoltcp does none of this without Ethernet.

mod wire;

use std::collections::VecDeque;
use std::net::Ipv6Addr;
use std::time::Duration;

use tokio::time::Instant;

use self::wire::{Advertisement, Heard, What};
use super::nat64::Prefix;
use crate::model::Random;

/// Pause between two solicitations (RFC 4861 section 10: three of them); later ones are rarer, up to
/// [`RARELY`] (RFC 7559).
const SOLICIT_EVERY: Duration = Duration::from_secs(4);
const SOLICITATIONS: u32 = 3;
const RARELY: Duration = Duration::from_secs(60);

/// The first pause after an Information-request, doubled each time (RFC 8415 section 7.6), and how
/// many there are before we do without name servers.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASKS: u32 = 5;

/// The smallest MTU of IPv6 (RFC 8200 section 5); who tells less is not believed.
const SMALLEST_MTU: u32 = 1280;

/// Packets of ours that wait for the line.
const MAX_QUEUED: usize = 8;

/// What the router of the virtual operator tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterConfig {
    /// The upper 64 bits of the host's addresses.
    pub prefix: Ipv6Addr,
    /// Octets of the largest packet, at least 1280.
    pub mtu: Option<u32>,
    /// Name servers.
    pub name_servers: Vec<Ipv6Addr>,
    /// Tells the name servers by DHCPv6 alone.
    pub servers_by_dhcp: bool,
}

/// One end of the link.
#[derive(Debug)]
pub(super) enum Ipv6 {
    Host(Box<Host>),
    Router(Box<Router>),
}

impl Ipv6 {
    /// Looks at a packet that arrived; true when nobody else needs to.
    pub(super) fn hear(&mut self, now: Instant, packet: &[u8]) -> bool {
        match self {
            Self::Host(host) => host.hear(now, packet),
            Self::Router(router) => router.hear(packet),
        }
    }

    /// The next packet for the line.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        match self {
            Self::Host(host) => host.next(now),
            Self::Router(router) => router.to_send.pop_front(),
        }
    }

    /// When [`Self::next`] may have something without anything having arrived.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Host(host) => host.solicit_at.into_iter().chain(host.ask_at).min(),
            Self::Router(_) => None,
        }
    }

    /// The addresses of this end.
    pub(super) fn addresses(&self) -> Vec<Ipv6Addr> {
        match self {
            Self::Host(host) => host.addresses(),
            Self::Router(router) => vec![router.link_local],
        }
    }
}

/// The end that asks.
#[derive(Debug)]
pub(super) struct Host {
    interface_id: u64,
    link_local: Ipv6Addr,
    address: Option<Ipv6Addr>,
    pub(super) name_servers: Vec<Ipv6Addr>,
    pub(super) mtu: Option<usize>,
    pub(super) nat64: Option<Prefix>,
    solicit_at: Option<Instant>,
    solicited: u32,
    /// When the next Information-request is due.
    ask_at: Option<Instant>,
    asked: u32,
    first_asked: Option<Instant>,
    transaction: [u8; 3],
    duid: [u8; 16],
    to_send: VecDeque<Vec<u8>>,
    /// Packets that are not as they should be.
    pub(super) unsound: u64,
}

impl Host {
    /// A host that has just got its interface identifier.
    pub(super) fn new(now: Instant, interface_id: u64, random: &Random) -> Self {
        Self {
            interface_id,
            link_local: with_id(LINK_LOCAL, interface_id),
            address: None,
            name_servers: Vec::new(),
            mtu: None,
            nat64: None,
            solicit_at: Some(now),
            solicited: 0,
            ask_at: None,
            asked: 0,
            first_asked: None,
            transaction: random.array(),
            duid: random.array(),
            to_send: VecDeque::new(),
            unsound: 0,
        }
    }

    /// There is an address, and there are name servers or nobody has any.
    pub(super) fn is_settled(&self) -> bool {
        self.address.is_some() && (!self.name_servers.is_empty() || self.ask_at.is_none())
    }

    fn addresses(&self) -> Vec<Ipv6Addr> {
        [Some(self.link_local), self.address].into_iter().flatten().collect()
    }

    fn hear(&mut self, now: Instant, packet: &[u8]) -> bool {
        let Some(heard) = wire::hear(packet, wire::DHCP_CLIENT) else { return false };
        match heard.what {
            What::Unsound => self.unsound += 1,
            What::Dhcp(message) => {
                if let Some(servers) = wire::replied_servers(message, self.transaction)
                    && self.asked > 0
                {
                    self.ask_at = None;
                    self.add_servers(&servers);
                }
            }
            What::Discovery([wire::ROUTER_ADVERTISEMENT, ..]) => self.advertised(now, &heard),
            What::Discovery([wire::NEIGHBOR_SOLICITATION, ..]) => {
                let answer = wire::neighbor_advertisement(&heard, &self.addresses());
                self.to_send.extend(answer.filter(|_| self.to_send.len() < MAX_QUEUED));
            }
            What::Discovery(_) => {}
        }
        true
    }

    fn advertised(&mut self, now: Instant, heard: &Heard<'_>) {
        let What::Discovery(message) = heard.what else { return };
        let told = Advertisement::read(message).filter(|_| heard.from.is_unicast_link_local());
        let Some(told) = told else {
            self.unsound += 1;
            return;
        };
        if let Some(mtu) = told.mtu.filter(|mtu| *mtu >= SMALLEST_MTU) {
            self.mtu = usize::try_from(mtu).ok();
        }
        self.nat64 = told.nat64.or(self.nat64);
        self.add_servers(&told.name_servers);
        let Some(prefix) = told.prefix else { return };
        self.solicit_at = None;
        let fresh = self.address.is_none();
        // One call has one prefix (3GPP TS 23.401 clause 5.3.1.2.2); a router that tells another one
        // means another.
        self.address = Some(with_id(prefix, self.interface_id));
        if fresh && (told.other_by_dhcp || self.name_servers.is_empty()) {
            self.ask_at = Some(now);
        }
    }

    fn add_servers(&mut self, servers: &[Ipv6Addr]) {
        for server in servers {
            if !self.name_servers.contains(server) && self.name_servers.len() < MAX_QUEUED {
                self.name_servers.push(*server);
            }
        }
    }

    fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(packet) = self.to_send.pop_front() {
            return Some(packet);
        }
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.solicit_at) {
            self.solicited = self.solicited.saturating_add(1);
            let rarer = self.solicited.saturating_sub(SOLICITATIONS).min(4);
            self.solicit_at = Some(now + (SOLICIT_EVERY * (1 << rarer)).min(RARELY));
            return Some(wire::icmp(self.link_local, wire::ALL_ROUTERS, &wire::solicitation()));
        }
        if due(self.ask_at) {
            if self.asked == ASKS {
                self.ask_at = None;
                return None;
            }
            self.ask_at = Some(now + ASK_AGAIN * (1 << self.asked));
            self.asked += 1;
            let since = now.duration_since(*self.first_asked.get_or_insert(now));
            let hundredths = u16::try_from(since.as_millis() / 10).unwrap_or(u16::MAX);
            let request = wire::information_request(self.transaction, self.duid, hundredths);
            return Some(wire::datagram(
                (self.link_local, wire::DHCP_CLIENT),
                (wire::ALL_DHCP_SERVERS, wire::DHCP_SERVER),
                &request,
            ));
        }
        None
    }
}

/// The end that tells.
#[derive(Debug)]
pub(super) struct Router {
    link_local: Ipv6Addr,
    config: RouterConfig,
    to_send: VecDeque<Vec<u8>>,
}

impl Router {
    /// A router; it tells its prefix at once, and again when it is asked.
    pub(super) fn new(interface_id: u64, config: RouterConfig) -> Self {
        let link_local = with_id(LINK_LOCAL, interface_id);
        let mut router = Self { link_local, config, to_send: VecDeque::new() };
        router.advertise();
        router
    }

    fn advertise(&mut self) {
        let by_dhcp = self.config.servers_by_dhcp;
        let told = Advertisement {
            other_by_dhcp: by_dhcp,
            prefix: Some(self.config.prefix),
            mtu: self.config.mtu,
            name_servers: if by_dhcp { Vec::new() } else { self.config.name_servers.clone() },
            nat64: None,
        };
        self.send(wire::icmp(self.link_local, wire::ALL_NODES, &told.write()));
    }

    fn send(&mut self, packet: Vec<u8>) {
        if self.to_send.len() < MAX_QUEUED {
            self.to_send.push_back(packet);
        }
    }

    fn hear(&mut self, packet: &[u8]) -> bool {
        let Some(heard) = wire::hear(packet, wire::DHCP_SERVER) else { return false };
        match heard.what {
            What::Discovery([wire::ROUTER_SOLICITATION, ..]) => self.advertise(),
            What::Discovery([wire::NEIGHBOR_SOLICITATION, ..]) => {
                if let Some(answer) = wire::neighbor_advertisement(&heard, &[self.link_local]) {
                    self.send(answer);
                }
            }
            What::Dhcp(message) => {
                if let Some(reply) = wire::information_reply(message, &self.config.name_servers) {
                    self.send(wire::datagram(
                        (self.link_local, wire::DHCP_SERVER),
                        (heard.from, wire::DHCP_CLIENT),
                        &reply,
                    ));
                }
            }
            What::Discovery(_) | What::Unsound => {}
        }
        true
    }
}

/// `fe80::/64`.
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xFE80, 0, 0, 0, 0, 0, 0, 0);

fn with_id(prefix: Ipv6Addr, interface_id: u64) -> Ipv6Addr {
    Ipv6Addr::from(u128::from(prefix) >> 64 << 64 | u128::from(interface_id))
}

#[cfg(test)]
mod tests;

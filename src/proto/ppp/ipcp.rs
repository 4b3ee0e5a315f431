//! What the options of IPCP mean to us (RFC 1332, RFC 1877), on both sides.

use std::net::Ipv4Addr;

use super::config::{Role, ServerConfig};
use super::negotiate::{Policy, Verdict};
use crate::codec::ppp::{IpcpOption, PLACEHOLDER_DNS, RawOption};

/// What a peer without an address of its own is given. It is never used for anything: packets on
/// a point-to-point link need no next hop.
const MADE_UP_PEER: Ipv4Addr = Ipv4Addr::new(10, 64, 64, 64);

/// IP-Compression-Protocol of RFC 1144.
const VAN_JACOBSON: u16 = 0x002d;

/// Naks for the peer's own address before it may keep what it has.
const MAX_PEER_NAKS: u32 = 5;

/// Refusals that name no usable name server, while we have an address, before we do without.
const MAX_DNS_ROUNDS: u32 = 10;

/// One side of IPCP.
#[derive(Debug)]
pub(super) enum Ipcp {
    Client(Client),
    Server(Box<Server>),
}

/// The side that asks for an address.
#[derive(Debug, Default)]
pub(super) struct Client {
    address: Option<Ipv4Addr>,
    /// The options 129 and 131: `None` when the peer rejected it, else what it told.
    servers: [Option<Ipv4Addr>; 2],
    dns_rounds: u32,
    peer: Option<Ipv4Addr>,
    peer_naks: u32,
    /// The peer does not know the option IP-Address.
    pub(super) address_rejected: bool,
}

/// The side that gives one.
#[derive(Debug)]
pub(super) struct Server {
    config: ServerConfig,
    own: Option<Ipv4Addr>,
    offers_vj: bool,
    rounds: u8,
    empty_rounds: u8,
    absent_naks: u32,
}

/// What IPCP came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) address: Ipv4Addr,
    pub(super) peer: Ipv4Addr,
    pub(super) name_servers: Vec<Ipv4Addr>,
}

impl Ipcp {
    pub(super) fn new(role: &Role) -> Self {
        match role {
            Role::Client(_) => Self::Client(Client {
                servers: [Some(Ipv4Addr::UNSPECIFIED); 2],
                ..Client::default()
            }),
            Role::Server(config) => Self::Server(Box::new(Server {
                own: Some(if config.quirks.no_own_address {
                    Ipv4Addr::UNSPECIFIED
                } else {
                    config.own_address
                }),
                config: config.clone(),
                offers_vj: config.quirks.offers_vj,
                rounds: 0,
                empty_rounds: 0,
                absent_naks: 0,
            })),
        }
    }

    pub(super) fn agreed(&self) -> Agreed {
        match self {
            Self::Client(client) => {
                let mut name_servers: Vec<Ipv4Addr> =
                    client.servers.iter().flatten().copied().filter(|dns| usable(*dns)).collect();
                name_servers.dedup();
                Agreed {
                    address: client.address.unwrap_or(Ipv4Addr::UNSPECIFIED),
                    peer: client.peer.unwrap_or(MADE_UP_PEER),
                    name_servers,
                }
            }
            Self::Server(server) => Agreed {
                address: server.config.own_address,
                peer: server.config.client_address,
                name_servers: Vec::new(),
            },
        }
    }

    pub(super) fn address_rejected(&self) -> bool {
        matches!(self, Self::Client(client) if client.address_rejected)
    }
}

impl Policy for Ipcp {
    fn request(&self) -> Vec<RawOption> {
        let options = match self {
            Self::Client(client) => {
                let [primary, secondary] = client.servers;
                vec![
                    Some(IpcpOption::Address(client.address.unwrap_or(Ipv4Addr::UNSPECIFIED))),
                    primary.map(IpcpOption::PrimaryDns),
                    secondary.map(IpcpOption::SecondaryDns),
                ]
            }
            Self::Server(server) => vec![
                server
                    .offers_vj
                    .then(|| IpcpOption::Compression { protocol: VAN_JACOBSON, data: vec![15, 1] }),
                server.own.map(IpcpOption::Address),
            ],
        };
        options.iter().flatten().map(RawOption::from).collect()
    }

    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        match self {
            Self::Client(client) => client.judge(options),
            Self::Server(server) => server.judge(options),
        }
    }

    fn acknowledged(&mut self) -> bool {
        match self {
            // A module whose context is not up may acknowledge 0.0.0.0.
            Self::Client(client) => client.address.is_some(),
            Self::Server(_) => true,
        }
    }

    fn max_failure(&self) -> u32 {
        match self {
            Self::Client(_) => MAX_PEER_NAKS,
            // An address that is rejected would be the end; time has its limits as well.
            Self::Server(_) => u32::MAX,
        }
    }

    fn naked(&mut self, options: &[RawOption]) {
        match self {
            Self::Client(client) => client.naked(options),
            Self::Server(server) => {
                for raw in options {
                    if let IpcpOption::Address(address) = IpcpOption::from(raw.clone())
                        && server.config.quirks.no_own_address
                    {
                        server.own = Some(address);
                    }
                }
            }
        }
    }

    fn rejected(&mut self, options: &[RawOption]) {
        for raw in options {
            match (&mut *self, IpcpOption::from(raw.clone())) {
                (Self::Client(client), IpcpOption::Address(_)) => client.address_rejected = true,
                (Self::Client(client), IpcpOption::PrimaryDns(_)) => client.servers[0] = None,
                (Self::Client(client), IpcpOption::SecondaryDns(_)) => client.servers[1] = None,
                (Self::Server(server), IpcpOption::Address(_)) => server.own = None,
                (Self::Server(server), IpcpOption::Compression { .. }) => server.offers_vj = false,
                _ => {}
            }
        }
    }
}

impl Client {
    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        let mut rejects = Vec::new();
        let mut peer = None;
        for raw in options {
            match IpcpOption::from(raw.clone()) {
                IpcpOption::Address(address) => peer = Some(address),
                _ => rejects.push(raw.clone()),
            }
        }
        if !rejects.is_empty() {
            return Verdict::Reject(rejects);
        }
        self.peer = peer.filter(|address| !address.is_unspecified());
        if self.peer.is_none() && self.peer_naks < MAX_PEER_NAKS {
            self.peer_naks += 1;
            return Verdict::Nak(vec![RawOption::from(&IpcpOption::Address(MADE_UP_PEER))]);
        }
        Verdict::Ack
    }

    fn naked(&mut self, options: &[RawOption]) {
        let mut useless = false;
        for raw in options {
            let (place, told) = match IpcpOption::from(raw.clone()) {
                IpcpOption::Address(address) => {
                    // A group address can be nobody's own.
                    if !(address.is_unspecified()
                        || address.is_broadcast()
                        || address.is_multicast()
                        || address.is_loopback())
                    {
                        self.address = Some(address);
                    }
                    continue;
                }
                IpcpOption::PrimaryDns(told) => (&mut self.servers[0], told),
                IpcpOption::SecondaryDns(told) => (&mut self.servers[1], told),
                _ => continue,
            };
            if usable(told) {
                // Only what we still ask for: a peer may suggest what it rejected before.
                *place = place.map(|_| told);
            } else {
                useless = true;
            }
        }
        if useless && self.address.is_some() {
            self.dns_rounds += 1;
            if self.dns_rounds >= MAX_DNS_ROUNDS {
                for server in &mut self.servers {
                    *server = server.filter(|told| usable(*told));
                }
            }
        }
    }
}

impl Server {
    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        let (mut naks, mut rejects) = (Vec::new(), Vec::new());
        let mut names_address = false;
        let [primary, secondary] = [0, 1].map(|index| self.config.name_servers.get(index).copied());
        for raw in options {
            let (asked, right, option): (_, _, fn(Ipv4Addr) -> IpcpOption) =
                match IpcpOption::from(raw.clone()) {
                    IpcpOption::Address(asked) => {
                        names_address = true;
                        (asked, Some(self.config.client_address), IpcpOption::Address)
                    }
                    IpcpOption::PrimaryDns(asked) => (asked, primary, IpcpOption::PrimaryDns),
                    IpcpOption::SecondaryDns(asked) => (asked, secondary, IpcpOption::SecondaryDns),
                    _ => {
                        rejects.push(raw.clone());
                        continue;
                    }
                };
            match right {
                Some(right) if right == asked => {}
                Some(right) => naks.push(option(right)),
                None => rejects.push(raw.clone()),
            }
        }
        if !rejects.is_empty() {
            return Verdict::Reject(rejects);
        }
        if self.config.quirks.endless_naks {
            return Verdict::Nak(Vec::new());
        }
        if self.empty_rounds < self.config.quirks.empty_naks {
            self.empty_rounds += 1;
            return Verdict::Nak(Vec::new());
        }
        if self.rounds < self.config.quirks.placeholder_rounds {
            self.rounds += 1;
            let [primary, secondary] = PLACEHOLDER_DNS;
            let options = [IpcpOption::PrimaryDns(primary), IpcpOption::SecondaryDns(secondary)];
            return Verdict::Nak(options.iter().map(RawOption::from).collect());
        }
        if !names_address && self.absent_naks < MAX_PEER_NAKS {
            self.absent_naks += 1;
            naks.push(IpcpOption::Address(self.config.client_address));
        }
        if !naks.is_empty() {
            return Verdict::Nak(naks.iter().map(RawOption::from).collect());
        }
        Verdict::Ack
    }
}

fn usable(server: Ipv4Addr) -> bool {
    !server.is_unspecified() && !PLACEHOLDER_DNS.contains(&server)
}

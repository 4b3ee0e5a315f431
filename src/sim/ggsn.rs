//! The GGSN: a PPP server and the operator's network behind it, with name server, WAP proxy and
//! MMSC at virtual addresses (RFC 1661, RFC 1035).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::breaking::Breaking;
use super::dns;
use super::fault::{Fault, Faults, OfferedProtocol, PppAuthForm};
use super::mmsc::{Front, Mmsc, serve_connection};
use super::modem::{CallRefused, CallRequest, CallTaker};
use super::radio;
use super::wap_gateway::WapGateway;
use crate::codec::wsp::pdu::{CONNECTIONLESS_PORT, SESSION_PORT};
use crate::model::Random;
use crate::net::pump::{FrameSink, Pump};
use crate::net::stack::{RouterConfig, Stack, StackConfig};
use crate::net::{BoxFuture, Datagrams, Io};
use crate::proto::ppp::{
    AuthProtocol, Credentials, Families, Link, LinkConfig, ServerConfig, ServerQuirks,
};

/// Octets that a call holds in each direction between modem and network.
const CALL_BUFFER: usize = 16 * 1024;
/// What stands before IPv4 addresses on calls with IPv6 alone, 96 bits: not the well-known prefix, so
/// that it has to be found out.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x2001, 0xDB8, 0x64, 0xFF9B, 0, 0, 0, 0);
/// The name server of calls with IPv6.
const NAME_SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xDB8, 0x53, 0, 0, 0, 0, 1);
/// Connections that one call may have open.
const MAX_CONNECTIONS: usize = 16;

/// What the network looks like.
#[derive(Debug, Clone)]
pub(super) struct GgsnConfig {
    /// Access points: name, and whether the MMS services are behind it.
    pub(super) apns: Vec<(String, bool)>,
    pub(super) auth: Option<AuthProtocol>,
    pub(super) credentials: Vec<Credentials>,
    pub(super) quirks: ServerQuirks,
    /// Sends the first PPP frame, so long after the call began, instead of waiting for the
    /// caller's.
    pub(super) speaks_first: Option<Duration>,
    /// The GGSN itself, which is also the name server.
    pub(super) own: Ipv4Addr,
    pub(super) proxy: Option<SocketAddrV4>,
    pub(super) mmsc: SocketAddrV4,
    /// Answers at every address behind the access point of MMS.
    pub(super) wap: WapGateway,
    /// The versions of IP that there are.
    pub(super) versions: Families,
    /// Contexts for both versions are refused instead of being given what there is.
    pub(super) refuses_dual_stack: bool,
    /// Names that the name server knows.
    pub(super) names: Vec<(String, Ipv4Addr)>,
}

/// The GGSN; clones are the same.
#[derive(Clone)]
pub(super) struct Ggsn(Arc<Inner>);

struct Inner {
    config: GgsnConfig,
    mmsc: Mmsc,
    faults: Faults,
    random: Random,
    stop: CancellationToken,
    calls: AtomicU8,
}

impl Ggsn {
    pub(super) fn new(
        config: GgsnConfig,
        mmsc: Mmsc,
        faults: Faults,
        random: Random,
        stop: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner { config, mmsc, faults, random, stop, calls: AtomicU8::new(0) }))
    }

    fn apn(&self, name: &str) -> Option<bool> {
        let apns = &self.0.config.apns;
        apns.iter().find(|(apn, _)| apn.eq_ignore_ascii_case(name)).map(|(_, mms)| *mms)
    }

    /// What a context of this type is given, or the SM cause of its refusal (3GPP TS 24.008 clause
    /// 10.5.6.6).
    fn versions(&self, kind: &str) -> Result<Families, CallRefused> {
        let there = self.0.config.versions;
        let asked = Families {
            v4: !kind.eq_ignore_ascii_case("IPV6"),
            v6: !kind.eq_ignore_ascii_case("IP"),
        };
        let given = Families { v4: asked.v4 && there.v4, v6: asked.v6 && there.v6 };
        let refused =
            (asked.v4 && asked.v6 && self.0.config.refuses_dual_stack) || (!given.v4 && !given.v6);
        if refused {
            // Cause 50, and 51 where there is no IPv4.
            let only = if there.v4 { "IPv4" } else { "IPv6" };
            return Err(CallRefused { cause: format!("PDP type {only} only allowed") });
        }
        Ok(given)
    }

    /// Runs one call until either side ends it.
    async fn run(self, io: Box<dyn Io>, number: String, has_mms: bool, versions: Families) {
        let config = &self.0.config;
        let call = self.0.calls.fetch_add(1, Ordering::Relaxed);
        let client = Ipv4Addr::new(10, 64, 1, call % 250 + 2);
        let mut server = ServerConfig::new(config.own, client);
        server.auth = config.auth;
        server.accepted.clone_from(&config.credentials);
        server.name_servers = vec![config.own];
        server.quirks = config.quirks;
        self.misbehave(&mut server);
        let told = !self.0.faults.strikes(&Fault::PppNoNameServers {});
        if !told {
            server.name_servers.clear();
        }
        if self.0.faults.strikes(&Fault::AuthRefused {}) {
            server.quirks.refuse_everyone = true;
            server.auth = server.auth.or(Some(AuthProtocol::ChapMd5));
        }
        let seed = u64::from_be_bytes(self.0.random.array());
        let mut server = LinkConfig { families: versions, ..LinkConfig::server(server) };
        if let Some(after) = config.speaks_first {
            server.passive = false;
            tokio::time::sleep(after).await;
        }
        let link = Link::new(server, seed);
        let (stack, mut queue) = Stack::new(StackConfig {
            address: Some(IpAddr::V4(config.own)),
            prefix: 32,
            mtu: 1500,
            any_ip: true,
            name_servers: Vec::new(),
            random: self.0.random.clone(),
        });
        queue.advertise(RouterConfig {
            prefix: Ipv6Addr::new(0x2001, 0xDB8, 0x65, u16::from(call), 0, 0, 0, 0),
            mtu: None,
            name_servers: if told { vec![NAME_SERVER] } else { Vec::new() },
            // Each second call, so that both ways are gone.
            servers_by_dhcp: told && call % 2 == 1,
        });
        let over = self.0.stop.child_token();
        self.serve(&stack, &number, has_mms, versions, &over);
        let (pump, _handle) = Pump::new(io, link, queue, FrameSink::none());
        let end = tokio::select! {
            biased;
            () = self.0.stop.cancelled() => None,
            end = pump.run() => Some(end.error),
        };
        over.cancel();
        tracing::debug!(?end, "PPP server ended");
    }

    /// What the faults make of the server for one call.
    fn misbehave(&self, server: &mut ServerConfig) {
        let faults = &self.0.faults;
        let quirks = &mut server.quirks;
        quirks.endless_naks |= faults.strikes(&Fault::PppEndlessNaks {});
        quirks.no_own_address |= faults.strikes(&Fault::PppNoPeerAddress {});
        quirks.deaf_to_echo |= faults.strikes(&Fault::PppDeafToEcho {});
        quirks.uncompressed |= faults.strikes(&Fault::PppUncompressed {});
        let vj = Fault::PppOffers { protocol: OfferedProtocol::VanJacobson };
        quirks.offers_vj |= faults.strikes(&vj);
        let rounds = faults.take(|fault| match fault {
            Fault::PppEmptyNaks { rounds } => Some(*rounds),
            _ => None,
        });
        quirks.empty_naks = rounds.unwrap_or(quirks.empty_naks);
        let rounds = faults.take(|fault| match fault {
            Fault::PppPlaceholderDns { rounds } => Some(*rounds),
            _ => None,
        });
        quirks.placeholder_rounds = rounds.unwrap_or(quirks.placeholder_rounds);
        let escapes = faults.take(|fault| match fault {
            Fault::PppAccm { escape_all } => Some(if *escape_all { u32::MAX } else { 0 }),
            _ => None,
        });
        quirks.accm = escapes.unwrap_or(quirks.accm);
        let auth = faults.take(|fault| match fault {
            Fault::PppAuth { form } => Some(*form),
            _ => None,
        });
        if let Some(form) = auth {
            server.accepted.clear();
            server.auth = match form {
                PppAuthForm::None => None,
                PppAuthForm::Pap => Some(AuthProtocol::Pap),
                PppAuthForm::Chap => Some(AuthProtocol::ChapMd5),
            };
        }
    }

    /// Starts the services of one call; they end with `over`.
    fn serve(
        &self,
        stack: &Stack,
        number: &str,
        has_mms: bool,
        versions: Families,
        over: &CancellationToken,
    ) {
        let config = &self.0.config;
        let nat64 = (!versions.v4).then_some(NAT64);
        match stack.bind_udp(53) {
            Ok(socket) => spawn(over, answer_names(socket, config.names.clone(), nat64)),
            Err(error) => tracing::warn!(%error, "no name server"),
        }
        if !has_mms {
            return;
        }
        let (mmsc, msisdn) = (&self.0.mmsc, number.to_owned());
        match (stack.bind_udp(SESSION_PORT), stack.bind_udp(CONNECTIONLESS_PORT)) {
            (Ok(sessions), Ok(units)) => {
                let wap = config.wap.clone();
                spawn(over, wap.clone().serve_sessions(mmsc.clone(), msisdn.clone(), sessions));
                spawn(over, wap.serve_units(mmsc.clone(), msisdn, units));
            }
            (Err(error), _) | (_, Err(error)) => tracing::warn!(%error, "no WAP gateway"),
        }
        let proxy = config.proxy.filter(|_| !self.0.faults.strikes(&Fault::ProxyRefuses {}));
        let mut ports: Vec<u16> = proxy.iter().map(SocketAddrV4::port).collect();
        if !ports.contains(&config.mmsc.port()) {
            ports.push(config.mmsc.port());
        }
        for port in ports {
            let mut listener = match stack.listen(port) {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::warn!(%error, port, "no service");
                    continue;
                }
            };
            let mmsc = self.0.mmsc.clone();
            let msisdn = number.to_owned();
            let mmsc_address = config.mmsc;
            let inner = over.clone();
            spawn(over, async move {
                let open = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
                while let Ok(accepted) = listener.accept().await {
                    let local = behind_nat64(accepted.local);
                    let msisdn = msisdn.clone();
                    let front = if proxy.map(SocketAddr::V4) == Some(local) {
                        Front::Proxy { msisdn }
                    } else if SocketAddr::V4(mmsc_address) == local {
                        Front::Direct { msisdn }
                    } else {
                        // Nobody lives at that address.
                        continue;
                    };
                    let Ok(permit) = Arc::clone(&open).try_acquire_owned() else { continue };
                    let mmsc = mmsc.clone();
                    spawn(&inner, async move {
                        let stream = Breaking::at(reset(mmsc.faults()), accepted.stream);
                        serve_connection(mmsc, front, stream).await;
                        drop(permit);
                    });
                }
            });
        }
    }
}

/// After how many octets a connection that begins now breaks.
fn reset(faults: &Faults) -> Option<usize> {
    faults.take(|fault| match fault {
        Fault::ConnectionReset { after } => Some(*after),
        _ => None,
    })
}

impl CallTaker for Ggsn {
    fn knows(&self, apn: &str) -> bool {
        self.apn(apn).is_some()
    }

    fn name_servers(&self, kind: &str) -> Vec<IpAddr> {
        let Ok(versions) = self.versions(kind) else { return Vec::new() };
        let v4 = versions.v4.then_some(IpAddr::V4(self.0.config.own));
        v4.into_iter().chain(versions.v6.then_some(IpAddr::V6(NAME_SERVER))).collect()
    }

    fn open(&self, request: CallRequest) -> BoxFuture<'_, Result<Box<dyn Io>, CallRefused>> {
        Box::pin(async move {
            let Some(has_mms) = self.apn(&request.apn) else {
                // TS 24.008 clause 10.5.6.6, SM cause 27.
                return Err(CallRefused { cause: "Missing or unknown APN".to_owned() });
            };
            let versions = self.versions(&request.kind)?;
            let (modem, network) = tokio::io::duplex(CALL_BUFFER);
            let mut network: Box<dyn Io> = Box::new(network);
            if self.0.faults.is_armed(radio::is_about_radio) {
                let (near, far) = tokio::io::duplex(CALL_BUFFER);
                let (faults, random) = (self.0.faults.clone(), self.0.random.clone());
                tokio::spawn(radio::carry(network, Box::new(near), faults, random));
                network = Box::new(far);
            }
            tokio::spawn(self.clone().run(network, request.number, has_mms, versions));
            Ok(Box::new(modem) as Box<dyn Io>)
        })
    }
}

fn spawn(over: &CancellationToken, work: impl Future<Output = ()> + Send + 'static) {
    let over = over.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = over.cancelled() => {}
            () = work => {}
        }
    });
}

/// The address that a connection was made to, in front of the NAT64.
fn behind_nat64(local: SocketAddr) -> SocketAddr {
    let IpAddr::V6(address) = local.ip() else { return local };
    match address.octets().split_last_chunk::<4>() {
        Some((prefix, four)) if NAT64.octets().starts_with(prefix) => {
            SocketAddr::new(IpAddr::from(*four), local.port())
        }
        _ => local,
    }
}

async fn answer_names(
    socket: Box<dyn Datagrams>,
    names: Vec<(String, Ipv4Addr)>,
    nat64: Option<Ipv6Addr>,
) {
    while let Ok((query, from)) = socket.receive().await {
        if let Some(reply) = dns::answer(&query, &names, nat64)
            && socket.send(from, &reply).await.is_err()
        {
            return;
        }
    }
}

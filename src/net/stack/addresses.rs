//! Our addresses and the largest packet: given at the beginning, by IPCP, or learned from a router.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::iface::Interface;
use smoltcp::time::Instant as Ticks;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use tokio::time::Instant;

use super::core::Core;
use super::ipv6::{Host, Ipv6, Router, RouterConfig};
use crate::net::dns::Usable;

/// Octets of the smallest packet that is ever the largest: what LCP lets a peer ask for.
const SMALLEST_MTU: usize = 128;

/// What we are called, and how far IPv6 has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Addresses {
    pub(super) v4: Option<Ipv4Addr>,
    /// The link-local one and the one for the world.
    pub(super) v6: Vec<Ipv6Addr>,
    /// There is an IPv6 address for the world, and all that will be told has been told.
    pub(super) settled: bool,
}

impl Addresses {
    /// The IPv6 address for the world.
    pub(super) fn global_v6(&self) -> Option<Ipv6Addr> {
        self.v6.iter().copied().find(|address| !address.is_unicast_link_local())
    }
}

/// smoltcp's own part of a stack.
pub(super) fn interface(core: &mut Core) -> Interface {
    let mut config = smoltcp::iface::Config::new(HardwareAddress::Ip);
    config.random_seed = u64::from_be_bytes(core.config.random.array());
    let mut iface = Interface::new(config, &mut core.device, Ticks::from_secs(1));
    iface.set_any_ip(core.config.any_ip);
    iface
}

impl Core {
    /// Takes `address` as the only one of its version. Addresses that nobody can have are not taken.
    pub(super) fn set_address(&mut self, address: IpAddr) {
        if !IpAddress::from(address).is_unicast() {
            return;
        }
        let mut addresses = self.addresses.borrow().clone();
        match address {
            IpAddr::V4(address) => addresses.v4 = Some(address),
            IpAddr::V6(address) => {
                addresses.v6 = vec![address];
                addresses.settled = true;
            }
        }
        self.take_addresses(addresses);
    }

    fn take_addresses(&mut self, addresses: Addresses) {
        if *self.addresses.borrow() == addresses {
            return;
        }
        self.addresses.send_replace(addresses);
        self.tell_interface();
    }

    fn tell_interface(&mut self) {
        let addresses = self.addresses.borrow().clone();
        let prefix = self.config.prefix;
        self.iface.update_ip_addrs(|list| {
            list.clear();
            let v4 = addresses.v4.map(|address| IpCidr::new(address.into(), prefix.min(32)));
            let v6 = addresses.v6.iter().map(|address| IpCidr::new((*address).into(), 128));
            for one in v4.into_iter().chain(v6) {
                // The list has room for eight.
                let _ = list.push(one);
            }
        });
        // On a point-to-point link the gateway only has to exist.
        if let Some(address) = addresses.v4 {
            let _ = self.iface.routes_mut().add_default_ipv4_route(address);
        }
        if let Some(address) = addresses.v6.first() {
            let _ = self.iface.routes_mut().add_default_ipv6_route(*address);
        }
    }

    /// The largest packet is no larger than `octets`. smoltcp keeps the size with its interface, so
    /// that one is made anew; sockets are apart from it.
    pub(super) fn limit_mtu(&mut self, octets: usize) {
        let octets = octets.max(SMALLEST_MTU);
        if octets >= self.config.mtu {
            return;
        }
        self.config.mtu = octets;
        self.device.set_mtu(octets);
        self.sender.set_mtu(octets);
        self.iface = interface(self);
        self.tell_interface();
    }

    /// IPv6CP is open: as the router of [`RouterConfig`], if this is one, else as a host.
    pub(super) fn begin_ipv6(&mut self, now: Instant, interface_id: u64) {
        let ipv6 = match &self.router {
            Some(config) => Ipv6::Router(Box::new(Router::new(interface_id, config.clone()))),
            None => Ipv6::Host(Box::new(Host::new(now, interface_id, &self.config.random))),
        };
        self.ipv6 = Some(ipv6);
        self.follow_ipv6();
    }

    /// Looks at an IPv6 packet before smoltcp does; true when it was about the link itself.
    pub(super) fn hear_ipv6(&mut self, now: Instant, packet: &[u8]) -> bool {
        let heard = self.ipv6.as_mut().is_some_and(|ipv6| ipv6.hear(now, packet));
        if heard {
            self.follow_ipv6();
        }
        heard
    }

    /// What IPv6 has to say itself.
    pub(super) fn next_of_ipv6(&mut self, now: Instant) -> Option<Vec<u8>> {
        let packet = self.ipv6.as_mut()?.next(now);
        self.follow_ipv6();
        packet
    }

    /// Does as the router said.
    fn follow_ipv6(&mut self) {
        let Some(ipv6) = &self.ipv6 else { return };
        let mut addresses = self.addresses.borrow().clone();
        addresses.v6 = ipv6.addresses();
        let (mut mtu, mut servers) = (None, Vec::new());
        if let Ipv6::Host(host) = ipv6 {
            addresses.settled = host.is_settled();
            self.nat64 = host.nat64.or(self.nat64);
            mtu = host.mtu;
            servers.extend(host.name_servers.iter().copied().map(IpAddr::V6));
        }
        self.add_name_servers(&servers);
        self.take_addresses(addresses);
        if let Some(mtu) = mtu {
            self.limit_mtu(mtu);
        }
    }

    /// The versions of IP in which anybody can be reached.
    pub(super) fn usable(&self) -> Usable {
        let addresses = self.addresses.borrow();
        Usable { v4: addresses.v4.is_some(), v6: addresses.global_v6().is_some() }
    }

    /// Asks these for names as well, after those that are known already.
    pub(super) fn add_name_servers(&mut self, servers: &[IpAddr]) {
        for server in servers {
            if !self.name_servers.contains(server) {
                self.name_servers.push(*server);
            }
        }
    }

    /// Makes this end the router of its link.
    pub(super) fn advertise(&mut self, config: RouterConfig) {
        self.router = Some(config);
    }
}

//! IPv4 destinations on a network that has IPv6 alone: through its NAT64 (RFC 7050, RFC 6052).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Stack;
use super::core::Shared;
use super::nat64::{Prefix, WELL_KNOWN_NAME};
use crate::net::dns::{self, Usable};

/// How long the name server may think about where the NAT64 is.
const DISCOVERY: Duration = Duration::from_secs(8);

/// The address under which `to` can be reached from here.
pub(super) async fn reach(shared: &Arc<Shared>, to: SocketAddr) -> SocketAddr {
    let IpAddr::V4(address) = to.ip() else { return to };
    if !needs_translation(shared) {
        return to;
    }
    let known = shared.lock().nat64;
    let prefix = match known {
        Some(prefix) => prefix,
        None => discover(shared).await,
    };
    SocketAddr::new(prefix.embed(address).into(), to.port())
}

/// The IPv4 address for which `from` stands, where that is how it was reached.
pub(super) fn original(shared: &Shared, from: SocketAddr) -> SocketAddr {
    let core = shared.lock();
    match (core.nat64, from.ip()) {
        (Some(prefix), IpAddr::V6(address)) if core.addresses.borrow().v4.is_none() => prefix
            .extract(address)
            .map_or(from, |address| SocketAddr::new(address.into(), from.port())),
        _ => from,
    }
}

fn needs_translation(shared: &Shared) -> bool {
    let core = shared.lock();
    let addresses = core.addresses.borrow();
    addresses.v4.is_none() && addresses.global_v6().is_some()
}

async fn discover(shared: &Arc<Shared>) -> Prefix {
    let (servers, random) = {
        let core = shared.lock();
        (core.name_servers.clone(), core.config.random.clone())
    };
    let stack = Stack { shared: Arc::clone(shared) };
    let usable = Usable { v4: false, v6: true };
    let told = dns::resolve(&stack, &servers, &random, WELL_KNOWN_NAME, DISCOVERY, usable).await;
    let found = told.ok().and_then(|addresses| Prefix::discover(&addresses));
    tracing::debug!(?found, "the way to IPv4 addresses");
    // A name server that knows nothing of it does not mean that there is none.
    let prefix = found.unwrap_or(Prefix::WELL_KNOWN);
    shared.lock().nat64 = Some(prefix);
    prefix
}

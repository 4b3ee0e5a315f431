//! What the options of IPv6CP mean to us (RFC 5072), on both sides.

use super::config::Role;
use super::negotiate::{Policy, Verdict};
use super::numbers::Numbers;
use crate::codec::ppp::{Ipv6cpOption, RawOption};

/// Naks for the peer's own identifier before the option is rejected.
const MAX_PEER_NAKS: u32 = 5;

/// One side of IPv6CP. Both sides tell an interface identifier; the one that dialled takes what the
/// network would rather have (3GPP TS 29.061 clause 11.2.1.3.2).
#[derive(Debug)]
pub(super) struct Ipv6cp {
    ours: u64,
    /// Still told in our request; a peer may reject the option.
    told: bool,
    peer: Option<u64>,
    /// What the other side shall have, on the side that was dialled.
    for_peer: Option<u64>,
    numbers: Numbers,
}

impl Ipv6cp {
    pub(super) fn new(role: &Role, seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let (ours, for_peer) = match role {
            Role::Client(_) => (numbers.interface_id(), None),
            Role::Server(server) => (server.own_interface_id, Some(server.client_interface_id)),
        };
        Self { ours, told: true, peer: None, for_peer, numbers }
    }

    /// Our interface identifier.
    pub(super) const fn ours(&self) -> u64 {
        self.ours
    }

    /// The other side's, if it told one.
    pub(super) const fn peer(&self) -> Option<u64> {
        self.peer
    }

    /// What the peer should take instead of `asked`, if anything.
    fn better(&mut self, asked: u64) -> Option<u64> {
        match self.for_peer {
            Some(right) => (asked != right).then_some(right),
            None if asked == 0 || asked == self.ours => Some(self.numbers.interface_id()),
            None => None,
        }
    }
}

impl Policy for Ipv6cp {
    fn request(&self) -> Vec<RawOption> {
        self.told
            .then(|| RawOption::from(&Ipv6cpOption::InterfaceId(self.ours)))
            .into_iter()
            .collect()
    }

    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        let (mut naks, mut rejects) = (Vec::new(), Vec::new());
        let mut peer = None;
        for raw in options {
            match Ipv6cpOption::from(raw.clone()) {
                Ipv6cpOption::InterfaceId(asked) => match self.better(asked) {
                    Some(better) => {
                        naks.push(RawOption::from(&Ipv6cpOption::InterfaceId(better)));
                    }
                    None => peer = Some(asked),
                },
                Ipv6cpOption::Other(_) => rejects.push(raw.clone()),
            }
        }
        if !rejects.is_empty() {
            return Verdict::Reject(rejects);
        }
        if !naks.is_empty() {
            return Verdict::Nak(naks);
        }
        self.peer = peer;
        Verdict::Ack
    }

    fn max_failure(&self) -> u32 {
        // As in IPCP, only time limits how often the network says what it wants.
        if self.for_peer.is_some() { u32::MAX } else { MAX_PEER_NAKS }
    }

    fn acknowledged(&mut self) -> bool {
        true
    }

    fn naked(&mut self, options: &[RawOption]) {
        for raw in options {
            if let Ipv6cpOption::InterfaceId(better @ 1..) = Ipv6cpOption::from(raw.clone())
                && self.for_peer.is_none()
            {
                self.ours = better;
            }
        }
    }

    fn rejected(&mut self, options: &[RawOption]) {
        for raw in options {
            if matches!(Ipv6cpOption::from(raw.clone()), Ipv6cpOption::InterfaceId(_)) {
                // Told by nobody, it stays what we made up (RFC 5072 section 4.1).
                self.told = false;
            }
        }
    }
}

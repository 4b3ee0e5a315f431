//! Between smoltcp and the line: smoltcp makes segments, this carries them. smoltcp knows no SACK as
//! a sender, begins with two segments, waits a second at least for what is lost and then sends all of
//! it again; here each segment is kept until it has arrived, only what is lost leaves again, and
//! as much is on the way as the path holds. Whatever smoltcp sends a second time ends here.
//!
//! Sans-IO: packets in and out, time as an argument.

mod flow;
mod packet;
mod path;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use self::flow::Flow;
use self::packet::{FlowKey, Seen, before, look};

/// Packets that wait although nothing holds them back but the line; more are dropped, as a router
/// would.
const MAX_PROMPT: usize = 128;

/// How long a connection is remembered of which nothing is heard: longer than any is kept.
const FORGET_AFTER: Duration = Duration::from_secs(300);

/// Connections remembered; the one longest unused goes first.
const MAX_FLOWS: usize = 512;

/// What [`Sender::hear`] makes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing to be done.
    Fine,
    /// It resets a connection, if smoltcp believes it: [`Sender::forget`] it then.
    Reset {
        /// Our end.
        local: SocketAddr,
        /// The far end.
        remote: SocketAddr,
    },
    /// It acknowledges what still waits here. smoltcp, for which it has left, must not see it
    /// (RFC 9293 clause 3.10.7.4).
    Unsent,
}

/// All that wants to leave.
#[derive(Debug)]
pub(super) struct Sender {
    mtu: usize,
    flows: BTreeMap<FlowKey, Flow>,
    /// Acknowledgements, datagrams, the beginnings and ends of connections.
    prompt: VecDeque<Vec<u8>>,
    /// Whose turn it was last.
    last: Option<FlowKey>,
}

impl Sender {
    pub(super) const fn new(mtu: usize) -> Self {
        Self { mtu, flows: BTreeMap::new(), prompt: VecDeque::new(), last: None }
    }

    /// Connections that begin from now on have segments for packets of so many octets.
    pub(in crate::net::stack) const fn set_mtu(&mut self, mtu: usize) {
        self.mtu = mtu;
    }

    /// Whether datagrams and acknowledgements find room.
    pub(super) fn has_room(&self) -> bool {
        self.prompt.len() < MAX_PROMPT
    }

    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.prompt.len()
    }

    /// Takes a packet that smoltcp made.
    pub(super) fn take(&mut self, now: Instant, packet: Vec<u8>) {
        let Some(seen) = look(&packet) else { return self.promptly(packet) };
        let key = FlowKey { local: seen.from, remote: seen.to };
        if seen.rst {
            self.flows.remove(&key);
            return self.promptly(packet);
        }
        if seen.syn {
            self.begin(now, key, &seen);
            return self.promptly(packet);
        }
        let Some(flow) = self.flows.get_mut(&key) else { return self.promptly(packet) };
        flow.note(&seen);
        if seen.seq == seen.end {
            self.overtake(&seen);
            return self.promptly(packet);
        }
        if let Err(packet) = flow.offer(now, &seen, packet) {
            self.promptly(packet);
        }
    }

    /// Octets of a connection that have left at least once and are not acknowledged; nothing when it
    /// is not known here.
    pub(super) fn unacknowledged(&self, local: SocketAddr, remote: SocketAddr) -> Option<u64> {
        self.flows.get(&FlowKey { local, remote }).map(Flow::unacknowledged)
    }

    fn begin(&mut self, now: Instant, key: FlowKey, seen: &Seen) {
        let header = if key.remote.is_ipv4() { 40 } else { 60 };
        if self.flows.get(&key).is_some_and(|flow| flow.began_with(seen.seq)) {
            return;
        }
        if self.flows.len() >= MAX_FLOWS
            && let Some(oldest) =
                self.flows.iter().min_by_key(|(_, flow)| flow.used).map(|(key, _)| *key)
        {
            self.flows.remove(&oldest);
        }
        self.flows.insert(key, Flow::new(now, seen, self.mtu.saturating_sub(header)));
    }

    fn promptly(&mut self, packet: Vec<u8>) {
        if self.has_room() {
            self.prompt.push_back(packet);
        }
    }

    /// A newer acknowledgement makes one that still waits needless, unless that one reports a loss.
    fn overtake(&mut self, newer: &Seen) {
        let Some(ack) = newer.ack else { return };
        self.prompt.retain(|waiting| {
            !look(waiting).is_some_and(|older| {
                (older.from, older.to) == (newer.from, newer.to)
                    && older.seq == older.end
                    && !older.syn
                    && !older.rst
                    && older.ack.is_some_and(|older| before(older, ack))
            })
        });
    }

    /// Looks at a packet that arrived, before smoltcp does. Its checksums hold: only such an
    /// acknowledgement may free what it names.
    pub(super) fn hear(&mut self, now: Instant, packet: &[u8]) -> Heard {
        let Some(seen) = look(packet) else { return Heard::Fine };
        let key = FlowKey { local: seen.to, remote: seen.from };
        let Some(flow) = self.flows.get_mut(&key) else { return Heard::Fine };
        if seen.rst {
            return Heard::Reset { local: key.local, remote: key.remote };
        }
        if seen.ack.is_some_and(|ack| flow.has_not_sent(ack)) {
            return Heard::Unsent;
        }
        flow.hear(now, &seen);
        Heard::Fine
    }

    /// The connection is no more: what smoltcp says of it from now on goes out as it is.
    pub(super) fn forget(&mut self, local: SocketAddr, remote: SocketAddr) {
        self.flows.remove(&FlowKey { local, remote });
    }

    /// The next packet for the line.
    pub(super) fn next(&mut self, now: Instant) -> Option<Vec<u8>> {
        if let Some(packet) = self.prompt.pop_front() {
            return Some(packet);
        }
        let last = self.last;
        let behind = |key: &FlowKey| last.is_some_and(|last| *key <= last);
        let keys = self.flows.keys();
        let order: Vec<FlowKey> = keys
            .clone()
            .filter(|key| !behind(key))
            .chain(keys.filter(|key| behind(key)))
            .copied()
            .collect();
        for key in order {
            let Some(flow) = self.flows.get_mut(&key) else { continue };
            flow.wake(now);
            if let Some(packet) = flow.next(now) {
                self.last = Some(key);
                return Some(packet);
            }
            flow.starve();
        }
        None
    }

    /// When [`Self::next`] may have something without anything having happened.
    pub(super) fn due(&self) -> Option<Instant> {
        self.flows.values().filter_map(Flow::due).min()
    }

    /// Forgets connections that have been silent for long.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.flows.retain(|_, flow| now < flow.used + FORGET_AFTER);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.flows.clear();
        self.prompt.clear();
    }
}

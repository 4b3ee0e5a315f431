//! TCP connections of a capture, put together from their segments (RFC 9293), hidden as a whole, and
//! written back into every packet that carries a piece: what is split over two segments, or sent
//! twice, is hidden in each.

use std::collections::BTreeMap;

use super::{Packet, http, mask};

/// Addresses and ports of one direction: source, destination.
type Way = (Vec<u8>, Vec<u8>);

/// One segment with payload.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    /// Its packet, and where the payload lies in that.
    pub(super) packet: usize,
    pub(super) at: usize,
    pub(super) length: usize,
    pub(super) seq: u32,
}

#[derive(Debug, Default)]
struct Stream {
    /// The number behind the SYN, and whether who sent that had been called.
    begin: Option<(u32, bool)>,
    segments: Vec<Segment>,
}

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Streams {
    live: BTreeMap<Way, Stream>,
    over: Vec<Stream>,
}

impl Streams {
    /// A SYN: a connection begins, unless it is the same once more.
    pub(super) fn begin(&mut self, way: Way, seq: u32, called: bool) {
        let stream = self.live.entry(way).or_default();
        let begin = Some((seq.wrapping_add(1), called));
        if stream.begin != begin {
            let before = std::mem::take(stream);
            self.over.push(before);
            stream.begin = begin;
        }
    }

    /// Payload.
    pub(super) fn add(&mut self, way: Way, segment: Segment) {
        self.live.entry(way).or_default().segments.push(segment);
    }

    /// Hides the payload of every packet.
    pub(super) fn hide(self, packets: &mut [Packet]) {
        for stream in self.over.into_iter().chain(self.live.into_values()) {
            stream.hide(packets);
        }
    }
}

impl Stream {
    fn hide(self, packets: &mut [Packet]) {
        // Without its begin nobody knows where in a message it is.
        let joined = self.begin.and_then(|(begin, called)| self.join(packets, begin, called));
        for segment in &self.segments {
            let range = segment.at..segment.at + segment.length;
            let Some(payload) = packets[segment.packet].octets.get_mut(range) else { continue };
            let offset = self.begin.map(|(begin, _)| segment.seq.wrapping_sub(begin) as usize);
            let hidden = joined.as_ref().zip(offset).and_then(|(joined, offset)| {
                joined.get(offset..offset.checked_add(segment.length)?)
            });
            match hidden {
                Some(hidden) => payload.copy_from_slice(hidden),
                None => mask::wholly(payload),
            }
        }
    }

    /// The octets from the begin to the first gap, hidden. Nothing when segments contradict each
    /// other.
    fn join(&self, packets: &[Packet], begin: u32, called: bool) -> Option<Vec<u8>> {
        let mut order: Vec<(usize, &[u8])> = Vec::new();
        for segment in &self.segments {
            let offset = segment.seq.wrapping_sub(begin);
            // Before the begin, as probes are that keep a connection alive.
            if offset < u32::MAX / 2 {
                let octets = &packets[segment.packet].octets;
                order.push((offset as usize, octets.get(segment.at..segment.at + segment.length)?));
            }
        }
        order.sort_by_key(|(offset, _)| *offset);
        let mut joined = Vec::new();
        for (offset, octets) in order {
            let Some(again) = joined.get(offset..) else { break };
            let again: &[u8] = again;
            let known = again.len().min(octets.len());
            if again[..known] != octets[..known] {
                return None;
            }
            joined.extend_from_slice(&octets[known..]);
        }
        http::hide(&mut joined, !called);
        Some(joined)
    }
}

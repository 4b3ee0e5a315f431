//! Octets as operators count them: IP packets with their headers. PPP itself, with flags, escapes
//! and negotiations, ends in the modem and never goes over the air.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::TapDirection;

/// Address and control, protocol (RFC 1662 section 3.1, uncompressed).
const HEADER: usize = 4;
/// IPv4 and IPv6 (RFC 1332, RFC 5072).
const IP: [[u8; HEADER]; 2] = [[0xFF, 0x03, 0x00, 0x21], [0xFF, 0x03, 0x00, 0x57]];

/// Counts the octets of a bearer's IP packets; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Carried(Arc<[AtomicU64; 2]>);

impl Carried {
    /// Octets sent and received.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        (self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed))
    }

    /// Counts a frame if it carries IP.
    pub(super) fn count(&self, direction: TapDirection, frame: &[u8]) {
        if IP.iter().any(|header| frame.starts_with(header)) {
            let counter = match direction {
                TapDirection::Sent => &self.0[0],
                TapDirection::Received => &self.0[1],
            };
            counter.fetch_add((frame.len() - HEADER) as u64, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ip_packets_count_and_each_way_for_itself() {
        let carried = Carried::default();
        carried.count(TapDirection::Sent, &[0xFF, 0x03, 0x00, 0x21, 0x45, 0, 0]);
        carried.count(TapDirection::Received, &[0xFF, 0x03, 0x00, 0x57, 0x60]);
        for other in [&[0xFF, 0x03, 0xC0, 0x21, 1, 1, 0, 4][..], &[0xFF, 0x03, 0x00], &[]] {
            carried.count(TapDirection::Sent, other);
            carried.count(TapDirection::Received, other);
        }
        assert_eq!(carried.clone().octets(), (3, 1));
    }
}

//! Counting the octets of a stream that travels inside another, as those of TLS do inside TCP's:
//! what the outer stream's far end has says how much of the inner one it has.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::Progress;

/// An inner stream's relation to its outer one.
#[derive(Debug)]
pub(super) struct Inside {
    below: Progress,
    marks: Mutex<VecDeque<Mark>>,
}

/// `inner` octets were handed on completely when the outer stream had taken `outer`.
#[derive(Debug, Clone, Copy)]
struct Mark {
    outer: u64,
    inner: u64,
}

impl Inside {
    /// The inner stream begins where the outer one is now.
    pub(super) fn new(below: Progress) -> Self {
        let start = Mark { outer: below.handed(), inner: 0 };
        Self { below, marks: Mutex::new(VecDeque::from([start])) }
    }

    pub(super) fn below(&self) -> &Progress {
        &self.below
    }

    /// All of `handed` has gone on into the outer stream.
    pub(super) fn mark(&self, handed: u64) {
        let mark = Mark { outer: self.below.handed(), inner: handed };
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        // What the acknowledgements have passed is asked for no more.
        let acknowledged = self.below.acknowledged();
        while marks.get(1).is_some_and(|next| next.outer <= acknowledged) {
            marks.pop_front();
        }
        if marks.back().is_none_or(|last| last.inner < handed) {
            marks.push_back(mark);
        }
    }

    /// How many of `handed` inner octets lie within the first `outer` octets of the outer stream.
    /// The last octet of a piece counts only with all that belongs to it, since nobody can read a
    /// part of it before.
    pub(super) fn within(&self, outer: u64, handed: u64) -> u64 {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = marks.partition_point(|mark| mark.outer <= outer);
        let Some(last) = behind.checked_sub(1).and_then(|at| marks.get(at)) else { return 0 };
        let end = marks.get(behind).map_or(handed, |next| next.inner);
        let piece = end.saturating_sub(last.inner);
        last.inner + (outer - last.outer).min(piece.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_octets_count_when_all_around_them_has_arrived() {
        let below = Progress::default();
        below.add_handed(500); // a handshake, not all of it acknowledged
        below.set_acknowledged(400);
        let inner = Progress::inside(&below);
        assert_eq!((inner.acknowledged(), inner.handed()), (0, 0));
        inner.add_handed(1000);
        below.add_handed(300); // a part of the record waits
        below.set_acknowledged(800);
        assert_eq!(inner.acknowledged(), 300);
        below.add_handed(722);
        inner.mark();
        below.set_acknowledged(1521);
        assert_eq!(inner.acknowledged(), 999, "without its tag the record cannot be read");
        below.set_acknowledged(1522);
        assert_eq!(inner.acknowledged(), 1000);
        below.add_handed(24); // an alert or a key update carries nothing
        below.set_acknowledged(1546);
        inner.mark();
        assert_eq!(inner.acknowledged(), 1000);
    }

    #[test]
    fn pieces_are_told_apart_however_late_they_are_asked_for() {
        let below = Progress::default();
        let inner = Progress::inside(&below);
        for _ in 0..50 {
            inner.add_handed(100);
            below.add_handed(122);
            inner.mark();
        }
        for outer in 0..=50 * 122 {
            below.set_acknowledged(outer);
            let (whole, rest) = (outer / 122, outer % 122);
            assert_eq!(inner.acknowledged(), whole * 100 + rest.min(99), "{outer}");
        }
    }
}

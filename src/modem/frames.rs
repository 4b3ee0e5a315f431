//! Shows the frames of the multiplexer to the tap, one by one.

use std::sync::Arc;

use super::line::Shared;
use crate::codec::cmux::{Deframed, Deframer};
use crate::model::TapDirection;

/// Octets of information in the longest frame that is shown.
const LIMIT: usize = 4096;

/// Whoever moves frames over a port tells them to this.
pub(super) struct Frames {
    shared: Arc<Shared>,
    /// Nothing when nobody watches: cutting the line once more costs work.
    received: Option<Deframer>,
}

impl Frames {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        let received = shared.tap.is_watching().then(|| Deframer::new(LIMIT));
        Self { shared: Arc::clone(shared), received }
    }

    /// One whole frame.
    pub(super) fn sent(&self, frame: &[u8]) {
        if self.received.is_some() {
            self.shared.observe_frame(TapDirection::Sent, frame);
        }
    }

    /// Octets in any pieces. Good frames are shown, as this side would write them; damaged ones are
    /// counted by the machine.
    pub(super) fn received(&mut self, octets: &[u8]) {
        let Some(deframer) = &mut self.received else { return };
        let mut again = Vec::new();
        deframer.feed(octets, |one| {
            if let Deframed::Frame(frame) = one {
                again.clear();
                frame.encode(&mut again);
                self.shared.observe_frame(TapDirection::Received, &again);
            }
        });
    }
}

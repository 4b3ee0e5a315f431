//! The wire tap: every octet on a port and every PPP frame can be watched by a sink that the
//! gateway supplies.

use super::Timestamp;

/// Which way octets went, seen from this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapDirection {
    /// To the modem or the network.
    Sent,
    /// From the modem or the network.
    Received,
}

/// What kind of octets they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapChannel {
    /// AT dialogue on a tty, as it is, or on a channel of the multiplexer.
    At,
    /// One frame of the multiplexer (3GPP TS 27.010), flags included, as it goes over the port. What
    /// it carries is seen a second time on its own channel.
    Mux,
    /// One PPP frame, flags, escapes and FCS removed, address, control and protocol uncompressed
    /// (begins with `FF 03`).
    Ppp,
}

/// One observation.
#[derive(Debug, Clone, Copy)]
pub struct TapEvent<'a> {
    /// The modem's name.
    pub modem: &'a str,
    /// Counts the data calls of that modem; 0 before the first.
    pub call: u64,
    /// When.
    pub at: Timestamp,
    /// Which way.
    pub direction: TapDirection,
    /// What kind.
    pub channel: TapChannel,
    /// The octets.
    pub octets: &'a [u8],
}

/// A watcher; must be quick and must not block.
pub trait Tap: Send + Sync {
    /// Called for each observation.
    fn observe(&self, event: TapEvent<'_>);

    /// Whether anything becomes of observations; what costs work to be shown is shown only then.
    fn is_watching(&self) -> bool {
        true
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoTap;

impl Tap for NoTap {
    fn observe(&self, _event: TapEvent<'_>) {}

    fn is_watching(&self) -> bool {
        false
    }
}

//! Where a test stands between the store and its disk: at each commit it may say that the process has
//! died.

/// Watches the commits of a store. In service nobody does ([`NoProbe`]).
pub trait Probe: Send + Sync {
    /// Asked before each commit; `false` and neither this nor any later one happens, as when the
    /// process died. Whatever it answers, [`Self::ended`] follows.
    fn may_commit(&self) -> bool {
        true
    }

    /// Told behind each commit that was asked for, when it is durable, has failed or was forbidden, and
    /// before anybody who waits for it knows.
    fn ended(&self) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoProbe;

impl Probe for NoProbe {}

//! The link: phases of RFC 1661 section 3, joining LCP, authentication and IPCP.

use std::time::Instant;

use super::config::{Input, LinkConfig, Output};

/// One PPP link.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
}

impl Link {
    /// A link that waits for [`Input::Open`]; `seed` gives magic numbers and challenges.
    #[must_use]
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        let _ = seed;
        Self { config }
    }

    /// Takes one input at the time `now`; then poll until `Timeout` or `Idle`.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let _ = (now, input, &self.config);
        todo!()
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Output {
        todo!()
    }
}

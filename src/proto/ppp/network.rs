//! The network control protocols of a link, IPCP and IPv6CP, side by side (RFC 1661 section 3.6).

use std::time::{Duration, Instant};

use super::config::{Family, LinkConfig, LinkError, LinkEvent, Phase};
use super::ipcp::Ipcp;
use super::ipv6cp::Ipv6cp;
use super::negotiate::{Negotiator, Policy, Verdict};
use crate::codec::ppp::{RawOption, protocol};

/// Times that a network control protocol may be negotiated anew on one link.
const MAX_RENEGOTIATIONS: u32 = 20;

/// What the options of either protocol mean.
#[derive(Debug)]
pub(super) enum Options {
    V4(Ipcp),
    V6(Box<Ipv6cp>),
}

impl Options {
    const fn policy(&self) -> &dyn Policy {
        match self {
            Self::V4(policy) => policy,
            Self::V6(policy) => &**policy,
        }
    }

    const fn policy_mut(&mut self) -> &mut dyn Policy {
        match self {
            Self::V4(policy) => policy,
            Self::V6(policy) => &mut **policy,
        }
    }

    /// What was agreed on.
    pub(super) fn agreed(&self) -> LinkEvent {
        match self {
            Self::V4(ipcp) => {
                let agreed = ipcp.agreed();
                LinkEvent::IpUp {
                    address: agreed.address,
                    peer: agreed.peer,
                    name_servers: agreed.name_servers,
                }
            }
            Self::V6(ipv6cp) => {
                LinkEvent::Ipv6Up { interface_id: ipv6cp.ours(), peer: ipv6cp.peer() }
            }
        }
    }

    fn address_rejected(&self) -> bool {
        matches!(self, Self::V4(ipcp) if ipcp.address_rejected())
    }
}

impl Policy for Options {
    fn request(&self) -> Vec<RawOption> {
        self.policy().request()
    }

    fn judge(&mut self, options: &[RawOption]) -> Verdict {
        self.policy_mut().judge(options)
    }

    fn acknowledged(&mut self) -> bool {
        self.policy_mut().acknowledged()
    }

    fn naked(&mut self, options: &[RawOption]) {
        self.policy_mut().naked(options);
    }

    fn rejected(&mut self, options: &[RawOption]) {
        self.policy_mut().rejected(options);
    }

    fn max_failure(&self) -> u32 {
        self.policy().max_failure()
    }
}

/// Where one of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody here wants it.
    Unwanted,
    /// It waits or negotiates.
    Pending,
    Up,
    /// It will not come up on this link.
    Refused(LinkError),
}

/// One network control protocol.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) family: Family,
    pub(super) negotiator: Negotiator<Options>,
    pub(super) state: State,
    negotiations: u32,
}

impl Layer {
    /// Both, in the order of [`Family`].
    pub(super) fn both(config: &LinkConfig, seed: u64) -> [Self; 2] {
        let layer = |family, options, wanted| Self {
            family,
            negotiator: Negotiator::new(
                options,
                config.restart,
                config.max_configure,
                config.max_terminate,
            ),
            state: if wanted { State::Pending } else { State::Unwanted },
            negotiations: 0,
        };
        let v6 = Options::V6(Box::new(Ipv6cp::new(&config.role, seed)));
        [
            layer(Family::V4, Options::V4(Ipcp::new(&config.role)), config.families.v4),
            layer(Family::V6, v6, config.families.v6),
        ]
    }

    /// The protocol number of its packets.
    pub(super) const fn number(&self) -> u16 {
        match self.family {
            Family::V4 => protocol::IPCP,
            Family::V6 => protocol::IPV6CP,
        }
    }

    /// Whether its packets are looked at.
    pub(super) const fn takes_part(&self) -> bool {
        matches!(self.state, State::Pending | State::Up)
    }

    /// Whether it has been up on this link.
    pub(super) const fn was_up(&self) -> bool {
        self.negotiations > 0
    }

    /// The layer below is gone: back to the beginning.
    pub(super) fn reset(&mut self, now: Instant) {
        self.negotiator.lower_down(now);
        if self.state != State::Unwanted {
            self.state = State::Pending;
        }
    }

    /// Counts that it came up; false when that has happened too often.
    pub(super) fn count_up(&mut self) -> bool {
        self.state = State::Up;
        self.negotiations += 1;
        self.negotiations <= MAX_RENEGOTIATIONS
    }

    /// Why it is over, if a refusal of the peer's has made it so.
    pub(super) fn broken(&self, max_refusals: u32) -> Option<LinkError> {
        let naks = self.negotiator.refusals();
        (naks >= max_refusals || self.negotiator.policy.address_rejected())
            .then_some(self.refused(naks))
    }

    /// Why it is over when there was no time or patience left.
    pub(super) fn unanswered(&self) -> LinkError {
        match self.negotiator.refusals() {
            0 => LinkError::Timeout { phase: Phase::Network },
            naks => self.refused(naks),
        }
    }

    const fn refused(&self, naks: u32) -> LinkError {
        match self.family {
            Family::V4 => LinkError::NoIpAddress { naks },
            Family::V6 => LinkError::NoAgreement { phase: Phase::Network },
        }
    }
}

/// Whether any of them is in this state.
pub(super) fn any(layers: &[Layer; 2], state: &State) -> bool {
    layers.iter().any(|layer| layer.state == *state)
}

/// The longest that all phases may take together, however often each is begun anew.
pub(super) fn whole_limit(config: &LinkConfig) -> Duration {
    establish_limit(config) + config.auth_limit + config.ipcp_limit
}

/// The longest that LCP may take.
pub(super) fn establish_limit(config: &LinkConfig) -> Duration {
    config.restart.saturating_mul(config.max_configure.saturating_mul(2))
}

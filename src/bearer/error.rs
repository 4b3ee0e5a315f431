//! Why there is no IP over the data call, in words that help.

use crate::model::{Blame, Explain, Layer, Retry};
use crate::proto::ppp::{LinkError, Phase};

/// Why a bearer did not come up, or died.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerError {
    /// Nothing that looks like PPP came back.
    #[error("the modem said CONNECT, but nobody speaks PPP behind it")]
    LcpSilent,
    /// LCP did not come to an end.
    #[error("PPP negotiation failed: {0}")]
    LcpFailed(LinkError),
    /// The network refused name or password.
    #[error("the network refused the user name or password of the APN")]
    AuthRejected {
        /// Its words, perhaps empty.
        message: String,
    },
    /// Authentication fell silent or could not be agreed.
    #[error("authentication with the network failed: {0}")]
    AuthFailed(LinkError),
    /// No address.
    #[error("the network gave no IP address: {0}")]
    IpRefused(LinkError),
    /// All phases together took too long.
    #[error("the data call was not up within {seconds} s")]
    TooSlow {
        /// The limit.
        seconds: u64,
    },
    /// IPv6 alone, and nobody told which addresses are ours.
    #[error("the network speaks IPv6, but told no prefix within {seconds} s")]
    NoIpv6Prefix {
        /// The limit.
        seconds: u64,
    },
    /// It was up and broke.
    #[error("the data call broke: {0}")]
    LinkLost(LinkError),
    /// [`super::Bearer::down`] was called.
    #[error("the data call was ended on request")]
    Closed,
}

impl BearerError {
    /// Sorts a link's end by the phase it came in.
    #[must_use]
    pub fn from_link(error: LinkError, was_up: bool) -> Self {
        match error {
            LinkError::Closed => Self::Closed,
            error if was_up => Self::LinkLost(error),
            LinkError::Timeout { phase: Phase::Establish } => Self::LcpSilent,
            LinkError::AuthRejected { message } => Self::AuthRejected { message },
            LinkError::AuthUnsupported => Self::AuthFailed(error),
            LinkError::Timeout { phase }
            | LinkError::NoAgreement { phase }
            | LinkError::PeerTerminated { phase, .. } => match phase {
                Phase::Authenticate => Self::AuthFailed(error),
                Phase::Network | Phase::Open => Self::IpRefused(error),
                _ => Self::LcpFailed(error),
            },
            LinkError::NoIpAddress { .. } | LinkError::IpRejected { .. } => Self::IpRefused(error),
            error => Self::LcpFailed(error),
        }
    }
}

impl Explain for BearerError {
    fn layer(&self) -> Layer {
        Layer::Bearer
    }

    fn code(&self) -> &'static str {
        match self {
            Self::LcpSilent => "lcp-silent",
            Self::LcpFailed(LinkError::LoopDetected) => "line-looped",
            Self::LcpFailed(LinkError::NoCarrier { .. }) => "no-carrier",
            Self::LcpFailed(_) => "lcp-failed",
            Self::AuthRejected { .. } => "ppp-auth-rejected",
            Self::AuthFailed(_) => "ppp-auth-failed",
            Self::IpRefused(_) => "no-ip-address",
            Self::NoIpv6Prefix { .. } => "no-ipv6-prefix",
            Self::TooSlow { .. } => "bearer-timeout",
            Self::LinkLost(_) => "link-lost",
            Self::Closed => "bearer-closed",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::AuthRejected { .. } => Retry::Never,
            Self::LinkLost(_) | Self::Closed => Retry::Soon,
            _ => Retry::Backoff,
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::AuthRejected { .. } => Blame::Caller,
            Self::AuthFailed(_) | Self::IpRefused(_) | Self::NoIpv6Prefix { .. } => Blame::Operator,
            Self::Closed => Blame::Gateway,
            Self::LcpSilent | Self::LcpFailed(_) | Self::TooSlow { .. } => Blame::Modem,
            Self::LinkLost(LinkError::PeerTerminated { .. }) => Blame::Operator,
            Self::LinkLost(_) => Blame::Modem,
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::LcpSilent => {
                "check that `port` is the modem's dial (data) port, then unplug and replug the \
                 modem"
            }
            Self::LcpFailed(LinkError::LoopDetected) => {
                "the modem fell back to command mode: check the APN, or try another port of it"
            }
            Self::LcpFailed(LinkError::NoCarrier { .. }) => {
                "the network ended the call at once: check the APN and that the SIM has data"
            }
            Self::LcpFailed(_) => "unplug and replug the modem, or try another port of it",
            Self::AuthRejected { .. } => {
                "set `user`, `password` and `auth` of the APN as the operator publishes them"
            }
            Self::AuthFailed(_) => {
                "set `auth` to pap or chap as the operator publishes it, and check `user` and \
                 `password`"
            }
            Self::IpRefused(_) => {
                "the APN or its user name and password are probably wrong: compare `apn`, `user` \
                 and `password` with the operator's MMS settings"
            }
            Self::NoIpv6Prefix { .. } => {
                "set `pdp_type` of the APN to IP or IPV4V6, unless the operator says IPv6"
            }
            Self::TooSlow { .. } => "check the signal and the APN, then try again",
            Self::LinkLost(_) => {
                "it is tried again by itself; if it happens often, check the \
                                  signal and the cable"
            }
            Self::Closed => "nothing: the gateway hung up",
        }
        .to_owned()
    }

    fn verbatim(&self) -> Option<String> {
        let message = match self {
            Self::AuthRejected { message }
            | Self::LcpFailed(LinkError::PeerTerminated { message, .. })
            | Self::AuthFailed(LinkError::PeerTerminated { message, .. })
            | Self::IpRefused(LinkError::PeerTerminated { message, .. })
            | Self::LinkLost(LinkError::PeerTerminated { message, .. }) => message,
            Self::LcpFailed(LinkError::NoCarrier { text })
            | Self::IpRefused(LinkError::NoCarrier { text })
            | Self::LinkLost(LinkError::NoCarrier { text }) => text,
            _ => return None,
        };
        (!message.is_empty()).then(|| message.clone())
    }
}

//! What can go wrong below HTTP, and in it.

use super::watch::RECEIVING;
use crate::net::NetError;

/// A failed exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection.
    #[error(transparent)]
    Net(#[from] NetError),
    /// Nothing moved any more.
    #[error("{to}: nothing moved for {seconds} s while {doing}")]
    Stalled {
        /// Host and port.
        to: String,
        /// The limit that passed.
        seconds: u64,
        /// `sending the request`, `waiting for the answer`, `receiving the answer`.
        doing: &'static str,
    },
    /// It moves, but so little that others who wait for the line come first.
    #[error("{to}: only {octets} octets passed in {seconds} s while {doing}")]
    TooSlow {
        /// Host and port.
        to: String,
        /// Octets that passed.
        octets: u64,
        /// In that time.
        seconds: u64,
        /// As in [`Self::Stalled`].
        doing: &'static str,
    },
    /// The connection ended too early.
    #[error("{to} closed the connection while {doing}")]
    Closed {
        /// Host and port.
        to: String,
        /// As in [`Self::Stalled`].
        doing: &'static str,
    },
    /// The connection broke; the words are those of the stack.
    #[error("the connection to {to} broke while {doing}: {reason}")]
    Broken {
        /// Host and port.
        to: String,
        /// As in [`Self::Stalled`].
        doing: &'static str,
        /// The stack's own words.
        reason: String,
    },
    /// What came is no HTTP.
    #[error("{to} does not speak HTTP: {reason}")]
    NotHttp {
        /// Host and port.
        to: String,
        /// What the parser found.
        reason: String,
    },
    /// More than a named limit.
    #[error("the answer of {to} is longer than the limit of {limit} octets")]
    TooLarge {
        /// Host and port.
        to: String,
        /// The limit.
        limit: usize,
    },
}

impl TransportError {
    /// The connection failed before an octet of an answer came.
    pub(super) fn nothing_came(&self) -> bool {
        match self {
            Self::Stalled { doing, .. }
            | Self::Closed { doing, .. }
            | Self::Broken { doing, .. } => *doing != RECEIVING,
            _ => false,
        }
    }

    pub(in crate::mm1) const fn code(&self) -> &'static str {
        match self {
            Self::Net(NetError::NameNotFound { .. } | NetError::NameServerSilent { .. }) => {
                "name-not-resolved"
            }
            Self::Net(NetError::LinkDown { .. }) => "link-down",
            Self::Net(_) => "no-connection",
            Self::Stalled { .. } | Self::TooSlow { .. } => "stalled",
            Self::Closed { .. } | Self::Broken { .. } => "connection-lost",
            Self::NotHttp { .. } => "not-http",
            Self::TooLarge { .. } => "answer-too-large",
        }
    }

    pub(in crate::mm1) fn remedy(&self) -> String {
        let text = match self {
            Self::Net(NetError::NameNotFound { .. } | NetError::NameServerSilent { .. }) => {
                "set the operator's proxy: many MMSC names exist only behind it; or check mmsc"
            }
            Self::Net(NetError::LinkDown { .. }) => "wait: the call is dialled again by itself",
            Self::Net(_) => {
                "check the proxy's address and port (or set proxy = \"\") and the APN: the proxy \
                 can be reached only through the operator's MMS APN"
            }
            Self::Stalled { .. }
            | Self::TooSlow { .. }
            | Self::Closed { .. }
            | Self::Broken { .. } => "look at the signal; it is tried again by itself",
            Self::NotHttp { .. } => "check the proxy's port: 9200 to 9203 speak WSP, not HTTP",
            Self::TooLarge { .. } => "report it to the operator: nothing that large is an MMS",
        };
        text.to_owned()
    }
}

//! What can go wrong below HTTP, and in it.

use super::watch::RECEIVING;
use crate::mm1::Seen;
use crate::model::Retry;
use crate::net::NetError;

/// What to do when the system's interface is not there.
const INTERFACE_DOWN: &str = "bring the modem's interface up with the operator's MMS access point, as the program that \
     drives it wants (ModemManager, NetworkManager, qmicli), or correct `interface` at this modem; \
     it is tried again by itself";

/// What to do about HTTP 407.
pub(in crate::mm1) const WANTS_LOGIN: &str =
    "the proxy asks for a user and a password: set proxy_user and proxy_password, or correct them";

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
    /// TLS did not come about.
    #[error("no encrypted connection with {to}: {reason}")]
    Tls {
        /// Host and port.
        to: String,
        /// What is wrong.
        reason: String,
    },
    /// The certificate that the far end shows cannot be trusted.
    #[error("the certificate of {to} cannot be trusted: {reason}")]
    Certificate {
        /// Host and port.
        to: String,
        /// What is wrong with it.
        reason: String,
        /// Its SHA-256, `AB:CD:...`.
        fingerprint: String,
    },
    /// The proxy does not lead to the MMSC.
    #[error("the proxy {proxy} does not connect to {to}: {seen}")]
    ProxyRefused {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port of the MMSC.
        to: String,
        /// What it showed.
        seen: Seen,
    },
    /// What came is no HTTP.
    #[error("{to} does not speak HTTP: {reason}")]
    NotHttp {
        /// Host and port.
        to: String,
        /// What the parser found.
        reason: String,
    },
    /// The WAP gateway gives no session, or gave the request up.
    #[error("the WAP gateway {to} did not go on while {doing}: {reason}")]
    Gateway {
        /// Host and port.
        to: String,
        /// `opening the session`, or as in [`Self::Stalled`].
        doing: &'static str,
        /// Its own reason.
        reason: String,
    },
    /// More than the way to the gateway carries.
    #[error(
        "the request of {octets} octets is more than the {limit} that go through the WAP \
             gateway {to}"
    )]
    TooLong {
        /// Host and port.
        to: String,
        /// Octets of the request.
        octets: usize,
        /// The limit.
        limit: usize,
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
    /// Waiting may help.
    pub(in crate::mm1) fn retry(&self) -> Retry {
        match self {
            Self::TooLarge { .. } | Self::TooLong { .. } => Retry::Never,
            // Certificates are renewed, and a machine without a battery learns the date late.
            Self::Tls { .. } | Self::Certificate { .. } => Retry::Backoff,
            Self::ProxyRefused { seen, .. } => match seen.status {
                408 | 429 | 500..=599 => Retry::Backoff,
                _ => Retry::Never,
            },
            _ => Retry::Soon,
        }
    }

    /// The connection failed before an octet of an answer came.
    pub(super) fn nothing_came(&self) -> bool {
        match self {
            Self::Stalled { doing, .. }
            | Self::Closed { doing, .. }
            | Self::Broken { doing, .. } => *doing != RECEIVING,
            _ => false,
        }
    }

    /// Whoever was asked does not serve requests in this way.
    pub(super) fn is_no_way(&self) -> bool {
        match self {
            Self::Net(error) => matches!(
                error,
                NetError::ConnectTimeout { .. }
                    | NetError::Refused { .. }
                    | NetError::Unreachable { .. }
            ),
            Self::NotHttp { .. } => true,
            Self::Closed { .. } | Self::Broken { .. } => self.nothing_came(),
            _ => false,
        }
    }

    /// It would be the same with anybody else.
    pub(super) const fn concerns_the_line(&self) -> bool {
        matches!(
            self,
            Self::Net(
                NetError::LinkDown { .. }
                    | NetError::Interface { .. }
                    | NetError::NameNotFound { .. }
                    | NetError::NameServerSilent { .. }
                    | NetError::Limit { .. }
            ) | Self::TooLong { .. }
                | Self::TooLarge { .. }
        )
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Net(NetError::NameNotFound { .. } | NetError::NameServerSilent { .. }) => {
                "name-not-resolved"
            }
            Self::Net(NetError::LinkDown { .. }) => "link-down",
            Self::Net(NetError::Interface { .. }) => "interface-down",
            Self::Net(_) => "no-connection",
            Self::Stalled { .. } | Self::TooSlow { .. } => "stalled",
            Self::Closed { .. } | Self::Broken { .. } => "connection-lost",
            Self::Tls { .. } => "no-tls",
            Self::Certificate { .. } => "certificate-not-trusted",
            Self::ProxyRefused { .. } => "proxy-refused",
            Self::NotHttp { .. } => "not-http",
            Self::Gateway { .. } => "gateway-gave-up",
            Self::TooLong { .. } => "request-too-long",
            Self::TooLarge { .. } => "answer-too-large",
        }
    }

    pub(crate) fn remedy(&self) -> String {
        let text = match self {
            Self::Net(NetError::NameNotFound { .. }) => {
                "set the operator's proxy: many MMSC names exist only behind it; or check mmsc"
            }
            Self::Net(NetError::NameServerSilent { .. }) => {
                "set the operator's proxy by its IP address, or name_servers if the operator names \
                 any: neither PPP nor the modem told one that answers"
            }
            Self::Net(NetError::LinkDown { .. }) => "wait: the call is dialled again by itself",
            Self::Net(NetError::Interface { .. }) => INTERFACE_DOWN,
            Self::Net(_) => {
                "check the proxy's address and port (or set proxy = \"\") and the APN: the proxy \
                 can be reached only through the operator's MMS APN"
            }
            Self::Stalled { .. }
            | Self::TooSlow { .. }
            | Self::Closed { .. }
            | Self::Broken { .. } => "look at the signal; it is tried again by itself",
            Self::Tls { .. } => {
                "check mmsc: most MMSCs speak plain http inside the operator's network"
            }
            Self::Certificate { fingerprint, .. } => {
                return format!(
                    "check mmsc and this machine's date; if the operator has an authority of its \
                     own, name its certificate in mmsc_ca_file; if the operator confirms that \
                     this certificate is its own, write mmsc_fingerprint = \"{fingerprint}\""
                );
            }
            Self::ProxyRefused { seen, .. } if seen.status == 407 => WANTS_LOGIN,
            Self::ProxyRefused { .. } => {
                "check proxy and mmsc: this proxy does not let https through to the MMSC"
            }
            Self::NotHttp { .. } => {
                "check the proxy's port: 9200 and 9201 are those of WAP gateways, which are not \
                 spoken to by HTTP"
            }
            Self::Gateway { .. } => {
                "it is tried again by itself; if that does not help, check proxy, or set transport \
                 = \"http\" with the port of the operator's HTTP proxy"
            }
            Self::TooLong { .. } => {
                "send less or smaller: set max_message_size to what the gateway carries"
            }
            Self::TooLarge { .. } => "report it to the operator: nothing that large is an MMS",
        };
        text.to_owned()
    }
}

//! The stages of a data call and a transaction, told to people while they happen.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// One step on the way of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The port answers AT.
    PortOpen,
    /// The SIM is there and unlocked.
    SimReady,
    /// The network has let the modem in.
    Registered {
        /// The operator's name as the modem tells it.
        operator: String,
    },
    /// An SMS was taken from the SIM.
    SmsRead {
        /// What it is, for people.
        what: String,
    },
    /// The PDP context is defined.
    ContextSet {
        /// Its context identifier.
        cid: u8,
        /// Its access point name.
        apn: String,
    },
    /// The modem said CONNECT.
    Connected {
        /// Its text behind CONNECT, if any.
        text: String,
    },
    /// LCP is open.
    LcpOpen,
    /// The peer accepted our credentials (or wanted none).
    Authenticated {
        /// `none`, `PAP` or `CHAP`.
        by: &'static str,
    },
    /// IP is up.
    IpUp {
        /// Our address.
        address: IpAddr,
    },
    /// The WAP 1.x gateway has granted a session.
    WapConnected {
        /// Host and port.
        to: String,
    },
    /// A stream to the proxy or MMSC is open.
    TcpConnected {
        /// Host and port.
        to: String,
    },
    /// TLS is agreed with the MMSC.
    Encrypted {
        /// Host and port.
        with: String,
    },
    /// The request body is on its way.
    Uploading {
        /// Octets acknowledged by the far end.
        done: u64,
        /// Octets in all.
        total: u64,
    },
    /// The reply body is on its way.
    Downloading {
        /// Octets received.
        done: u64,
        /// Octets in all, when known.
        total: Option<u64>,
    },
    /// The MMSC answered.
    Answered {
        /// Its answer, for people.
        what: String,
    },
    /// The call is over.
    HungUp,
}

impl Stage {
    /// Stable short name, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PortOpen => "port-open",
            Self::SimReady => "sim-ready",
            Self::Registered { .. } => "registered",
            Self::SmsRead { .. } => "sms-read",
            Self::ContextSet { .. } => "context-set",
            Self::Connected { .. } => "connected",
            Self::LcpOpen => "lcp-open",
            Self::Authenticated { .. } => "authenticated",
            Self::IpUp { .. } => "ip-up",
            Self::TcpConnected { .. } => "tcp-connected",
            Self::Encrypted { .. } => "encrypted",
            Self::WapConnected { .. } => "wap-connected",
            Self::Uploading { .. } => "uploading",
            Self::Downloading { .. } => "downloading",
            Self::Answered { .. } => "answered",
            Self::HungUp => "hung-up",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortOpen => f.write_str("modem answers"),
            Self::SimReady => f.write_str("SIM ready"),
            Self::Registered { operator } => write!(f, "registered with {operator}"),
            Self::SmsRead { what } => write!(f, "SMS taken from the SIM: {what}"),
            Self::ContextSet { cid, apn } => write!(f, "context {cid} on APN {apn}"),
            Self::Connected { text } if text.is_empty() => f.write_str("data call connected"),
            Self::Connected { text } => write!(f, "data call connected ({text})"),
            Self::LcpOpen => f.write_str("PPP link open"),
            Self::Authenticated { by } => write!(f, "authenticated ({by})"),
            Self::IpUp { address } => write!(f, "IP address {address}"),
            Self::TcpConnected { to } => write!(f, "connected to {to}"),
            Self::Encrypted { with } => write!(f, "encrypted connection with {with}"),
            Self::WapConnected { to } => write!(f, "session with the WAP gateway {to}"),
            Self::Uploading { done, total } => write!(f, "{done} of {total} octets sent"),
            Self::Downloading { done, total: Some(total) } => {
                write!(f, "{done} of {total} octets received")
            }
            Self::Downloading { done, total: None } => write!(f, "{done} octets received"),
            Self::Answered { what } => write!(f, "the MMSC answered: {what}"),
            Self::HungUp => f.write_str("data call ended"),
        }
    }
}

/// Where stages are told to; clones tell the same listener.
#[derive(Clone)]
pub struct StageSink(Arc<dyn Fn(Stage) + Send + Sync>);

impl StageSink {
    /// Calls `listener` for every stage; it must not block.
    pub fn new(listener: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        Self(Arc::new(listener))
    }

    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_| {})
    }

    /// Tells one stage.
    pub fn tell(&self, stage: Stage) {
        (self.0)(stage);
    }
}

impl fmt::Debug for StageSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StageSink")
    }
}

//! Why a transaction did not end with an answer of the MMSC that can be used, and what that says
//! about the message.

use bytes::Bytes;

use super::TransportError;
use super::transport::WANTS_LOGIN;
use crate::codec::DecodeError;
use crate::codec::mms::{RetrieveStatus, StatusClass};
use crate::model::{Blame, Explain, Layer, Retry};

/// What the other side showed instead of an MMS PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// HTTP status.
    pub status: u16,
    /// Content-Type, when there was one.
    pub content_type: Option<String>,
    /// The page's title, or else the first line of its text; verbatim, shortened.
    pub text: Option<String>,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match (&self.text, &self.content_type) {
            (Some(text), _) => write!(f, " \"{text}\""),
            (None, Some(kind)) => write!(f, " with {kind}"),
            (None, None) => Ok(()),
        }
    }
}

/// A transaction that failed. `Debug` leaves the octets out: they may hold numbers and words of
/// people.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mm1Error {
    /// The operator's settings cannot be used.
    #[error("{what}: {reason}")]
    Unusable {
        /// What cannot be used.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The Content-Location of a notification cannot be used.
    #[error("the message's Content-Location: {reason}")]
    BadLocation {
        /// Why not.
        reason: String,
    },
    /// The far end cannot have had the whole request.
    #[error(transparent)]
    Transport(TransportError),
    /// The hook did not allow the final block to leave; the MMSC did not get the message.
    #[error("the message was held back: {reason}")]
    HeldBack {
        /// The hook's own words.
        reason: String,
    },
    /// The whole request left and no answer came: the MMSC may have taken the message or not.
    #[error("the end of the message was let go, but no valid answer came ({0})")]
    NoAnswer(TransportError),
    /// An HTTP status other than 2xx, without an MMS PDU.
    #[error("{by} answered {seen}")]
    HttpStatus {
        /// Host and port that was asked.
        by: String,
        /// What it showed.
        seen: Seen,
        /// The whole request had left.
        released: bool,
    },
    /// A 2xx whose body is no MMS PDU, for example a portal's page.
    #[error("{by} answered with something that is no MMS message: {seen}")]
    NotMms {
        /// Host and port that was asked.
        by: String,
        /// What it showed.
        seen: Seen,
        /// The whole request had left.
        released: bool,
        /// What came.
        octets: Bytes,
    },
    /// An MMS PDU that does not decode.
    #[error("the MMSC's answer cannot be read ({error})")]
    Decode {
        /// Field and offset.
        error: DecodeError,
        /// The whole request had left.
        released: bool,
        /// What came.
        octets: Bytes,
    },
    /// An MMS PDU of another kind than the transaction wants.
    #[error("the MMSC answered with {found} instead of {wanted}")]
    WrongPdu {
        /// The kind that came.
        found: &'static str,
        /// The kind that should have come.
        wanted: &'static str,
        /// The whole request had left.
        released: bool,
        /// What came.
        octets: Bytes,
    },
    /// M-Retrieve.conf with a Retrieve-Status other than Ok.
    #[error("the MMSC does not give the message: {status}{}",
        .text.as_deref().map(|text| format!(": \"{text}\"")).unwrap_or_default())]
    NotRetrieved {
        /// Its Retrieve-Status.
        status: RetrieveStatus,
        /// Its Retrieve-Text, verbatim.
        text: Option<String>,
        /// The whole PDU.
        octets: Bytes,
    },
}

impl std::fmt::Debug for Mm1Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mm1Error({}: {self}", self.code())?;
        if let Some(octets) = self.octets() {
            write!(f, "; {} octets", octets.len())?;
        }
        f.write_str(")")
    }
}

impl Mm1Error {
    /// Of a submission: the MMSC may have taken the message, so nothing may send it again by
    /// itself.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            // 408, 429 and 503 without an MMS PDU come from a door keeper that did not let the
            // request in; a proxy's 502 or 504 says nothing about the MMSC behind it.
            Self::HttpStatus { seen, released, .. } => {
                *released && seen.status >= 500 && seen.status != 503
            }
            Self::NotMms { released, .. }
            | Self::Decode { released, .. }
            | Self::WrongPdu { released, .. } => *released,
            _ => false,
        }
    }

    /// Of a retrieval: the MMSC no longer has the message, if it says so again.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::HttpStatus { seen, .. } => matches!(seen.status, 404 | 410),
            Self::NotRetrieved { status, .. } => *status == RetrieveStatus::MESSAGE_NOT_FOUND,
            _ => false,
        }
    }

    /// What came but could not be used, to be kept and shown.
    #[must_use]
    pub const fn octets(&self) -> Option<&Bytes> {
        match self {
            Self::NotMms { octets, .. }
            | Self::Decode { octets, .. }
            | Self::WrongPdu { octets, .. }
            | Self::NotRetrieved { octets, .. } => Some(octets),
            _ => None,
        }
    }
}

impl Explain for Mm1Error {
    fn layer(&self) -> Layer {
        match self {
            Self::HeldBack { .. } => Layer::Store,
            Self::Unusable { .. }
            | Self::BadLocation { .. }
            | Self::Transport(_)
            | Self::NoAnswer(_)
            | Self::HttpStatus { .. }
            | Self::NotMms { .. } => Layer::Transport,
            Self::Decode { .. } | Self::WrongPdu { .. } | Self::NotRetrieved { .. } => Layer::Mmsc,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "unusable-settings",
            Self::BadLocation { .. } => "unusable-location",
            Self::Transport(error) => error.code(),
            Self::HeldBack { .. } => "held-back",
            Self::NoAnswer(_) => "no-answer",
            Self::HttpStatus { .. } if self.is_gone() => "gone",
            Self::HttpStatus { .. } => "http-status",
            Self::NotMms { .. } => "not-mms",
            Self::Decode { .. } => "undecodable-answer",
            Self::WrongPdu { .. } => "wrong-pdu",
            Self::NotRetrieved { .. } if self.is_gone() => "gone",
            Self::NotRetrieved { .. } => "not-retrieved",
        }
    }

    fn retry(&self) -> Retry {
        if self.is_unknown() {
            return Retry::Never;
        }
        match self {
            Self::Transport(error) => error.retry(),
            Self::HeldBack { .. } => Retry::Backoff,
            Self::HttpStatus { seen, .. } => match seen.status {
                408 | 429 | 500..=599 => Retry::Backoff,
                _ => Retry::Never,
            },
            // A portal's page in place of a message that is still there tomorrow.
            Self::NotMms { .. } => Retry::Backoff,
            Self::NotRetrieved { status, .. } if status.class() == StatusClass::Transient => {
                Retry::Backoff
            }
            _ => Retry::Never,
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Unusable { .. } => Blame::Caller,
            Self::HeldBack { .. } => Blame::Gateway,
            _ => Blame::Operator,
        }
    }

    fn remedy(&self) -> String {
        if self.is_unknown() {
            return "ask the recipient whether it arrived before sending it again: the MMSC may \
                    have taken it"
                .to_owned();
        }
        let text = match self {
            Self::Unusable { .. } => "correct the operator's settings (mmsc, proxy, headers)",
            Self::BadLocation { .. } => {
                "ask the sender to send it again; if that does not help, report it to the operator"
            }
            Self::Transport(error) => return error.remedy(),
            Self::HeldBack { .. } => "see why the message store does not write (disk full?)",
            Self::HttpStatus { seen, .. } => match seen.status {
                300..=399 => {
                    "the operator redirects to a portal: check APN, user and password, and that \
                     MMS is part of the SIM's contract"
                }
                407 => WANTS_LOGIN,
                403 | 412 => {
                    "the operator refuses this client: check APN, proxy, user_agent and uaprof_url \
                     against the operator's MMS settings"
                }
                404 | 410 => {
                    "check the MMSC's address; for a received message: it expired or another \
                     device fetched it, ask the sender to send it again"
                }
                413 => "send less or smaller: the operator's size limit is lower than configured",
                408 | 429 | 500..=599 => "wait: it is tried again by itself, at growing intervals",
                _ => "check mmsc and proxy against the operator's MMS settings",
            },
            Self::NotMms { .. } => {
                "check mmsc, proxy and APN: a page for people answered in place of the MMSC"
            }
            Self::Decode { .. } | Self::WrongPdu { .. } => {
                "look at the kept octets with `mm1gate decode`, and report them"
            }
            Self::NotRetrieved { status, .. } => match status.0 {
                0xC1 | 0xE2 => "ask the sender to send it again: it expired or was fetched already",
                0xC0..=0xDF => "wait: it is tried again by itself, at growing intervals",
                0xE1 => {
                    "check APN, user and password, and that MMS is enabled for this SIM where it \
                     is now"
                }
                _ => "ask the operator, quoting the code and text above",
            },
            Self::NoAnswer(_) => "",
        };
        text.to_owned()
    }

    fn verbatim(&self) -> Option<String> {
        match self {
            Self::HttpStatus { seen, .. } | Self::NotMms { seen, .. } => seen.text.clone(),
            Self::NotRetrieved { text, .. } => text.clone(),
            Self::Transport(TransportError::ProxyRefused { seen, .. }) => seen.text.clone(),
            _ => None,
        }
    }
}

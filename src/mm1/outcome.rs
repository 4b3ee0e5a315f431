//! What the MMSC decided, as values (OMA-TS-MMS_ENC-V1_3 clauses 6.1.2 and 6.3).

use bytes::Bytes;

use crate::codec::Decoded;
use crate::codec::mms::{ResponseStatus, RetrieveConf};
use crate::model::{Blame, Explain, Layer, Retry};

/// What an M-Send.conf says, judged by its Response-Status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The MMSC took the message.
    Accepted {
        /// Its Message-ID; without one there will be no delivery report.
        message_id: Option<String>,
        /// Its Response-Text, verbatim.
        text: Option<String>,
    },
    /// The MMSC took it for some recipients and does not say for which.
    Partial {
        /// Its Message-ID.
        message_id: Option<String>,
        /// Its Response-Text, verbatim.
        text: Option<String>,
    },
    /// Not now; the same message may be sent again.
    Transient {
        /// Its Response-Status.
        status: ResponseStatus,
        /// Its Response-Text, verbatim.
        text: Option<String>,
    },
    /// Not at all.
    Refused {
        /// Its Response-Status.
        status: ResponseStatus,
        /// Its Response-Text, verbatim.
        text: Option<String>,
    },
}

impl SubmitOutcome {
    /// The outcome as an explained error; `None` when the message was accepted.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let (status, text) = match self {
            Self::Accepted { .. } => return None,
            Self::Partial { text, .. } => (ResponseStatus::PARTIAL_SUCCESS, text),
            Self::Transient { status, text } | Self::Refused { status, text } => (*status, text),
        };
        Some(Refusal {
            status,
            text: text.clone(),
            retry: if matches!(self, Self::Transient { .. }) {
                Retry::Backoff
            } else {
                Retry::Never
            },
        })
    }
}

/// A message that the MMSC did not take, or took in part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the MMSC answered {status}{}", quoted(.text.as_deref()))]
pub struct Refusal {
    /// Its Response-Status.
    pub status: ResponseStatus,
    /// Its Response-Text, verbatim.
    pub text: Option<String>,
    retry: Retry,
}

fn quoted(text: Option<&str>) -> String {
    text.map(|text| format!(": \"{text}\"")).unwrap_or_default()
}

impl Explain for Refusal {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        match self.status.0 {
            0x82 | 0xE1 => "service-denied",
            0x83 | 0xE2 => "format-corrupt",
            0x84 | 0xC1 | 0xE3 => "address-unresolved",
            0x86 | 0xC3 => "network-problem",
            0x87 | 0xE5 => "content-not-accepted",
            0xC4 => "partial-success",
            0xEB => "no-credit",
            _ if self.retry == Retry::Backoff => "mmsc-transient",
            _ => "mmsc-refused",
        }
    }

    fn retry(&self) -> Retry {
        self.retry
    }

    fn blame(&self) -> Blame {
        match self.status.0 {
            0x83 | 0x88 | 0xE2 => Blame::Gateway,
            0x84 | 0x87 | 0xE3 | 0xE5 | 0xEA => Blame::Caller,
            _ => Blame::Operator,
        }
    }

    fn remedy(&self) -> String {
        let text = match self.status.0 {
            0xC4 => {
                "ask the recipients who got it, and send it again to the others only: the MMSC does \
                 not say whom it left out"
            }
            0x82 | 0xE1 => {
                "check APN, user and password against the operator's MMS settings, and that MMS is \
                 enabled for this SIM where it is now (contract, roaming)"
            }
            0xEB => "top up the SIM's credit, then send it again",
            0x87 | 0xE5 => {
                "send less or smaller: the content is above the operator's size limit (see \
                 max_message_size) or of a kind that it does not carry"
            }
            0x84 | 0xE3 => "check the recipients' numbers; the international form (+..) is safest",
            0x83 | 0x88 | 0xE2 => {
                "try a text-only message, and mms_version = \"1.0\" in the operator's settings; \
                 if that works, report the message that did not"
            }
            _ if self.retry == Retry::Backoff => {
                "wait: it is tried again by itself, at growing intervals"
            }
            _ => "ask the operator, quoting the code and text above",
        };
        text.to_owned()
    }

    fn verbatim(&self) -> Option<String> {
        self.text.clone()
    }
}

/// A message fetched from the MMSC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrieved {
    /// The whole PDU as it came.
    pub pdu: Bytes,
    /// What it says.
    pub conf: Decoded<RetrieveConf>,
    /// Looks like an error text dressed up as a message: show it, but do not acknowledge it as
    /// retrieved.
    pub suspicious: bool,
}

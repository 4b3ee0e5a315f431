//! What the MMSC decided, as values (OMA-TS-MMS_ENC-V1_3 clauses 6.1.2 and 6.3).

use bytes::Bytes;

use crate::codec::Decoded;
use crate::codec::mms::{Counted, DeleteConf, ResponseStatus, RetrieveConf, StatusClass};
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

/// What the MMSC says of one message that was to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// Its Response-Status.
    pub status: ResponseStatus,
    /// Its Response-Text, verbatim.
    pub text: Option<String>,
}

impl Deleted {
    /// Whether the MMSC has it no longer: deleted now, or gone before.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.status.0, 0x80 | 0x85 | 0xE4)
    }

    /// The same as an explained error.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let retry = match self.status.class() {
            StatusClass::Transient => Retry::Backoff,
            _ => Retry::Never,
        };
        Refusal { status: self.status, text: self.text.clone(), retry }
    }

    /// What an M-Delete.conf says of each of these. The counts tie its values together (clause
    /// 7.3.10); where it repeats no locations, they count those of the request, and a status alone
    /// speaks of all.
    pub(super) fn each(locations: &[String], conf: &DeleteConf) -> Vec<Option<Self>> {
        let alone = match conf.response_status.as_slice() {
            [only] if conf.content_location.is_empty() => Some(only),
            _ => None,
        };
        let one = |(index, location): (usize, &String)| {
            let place = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
            let named = conf.content_location.iter().find(|named| named.value == *location);
            let count = match named {
                Some(named) => named.count,
                None if conf.content_location.is_empty() => place,
                None => return None,
            };
            let of = |counted: &&Counted<ResponseStatus>| counted.count == count;
            let status = conf.response_status.iter().find(of).or(alone)?;
            let text = conf.response_text.iter().find(|text| text.count == status.count);
            Some(Self { status: status.value, text: text.map(|text| text.value.clone()) })
        };
        locations.iter().enumerate().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mms::Version;

    fn counted<T>(count: u64, value: T) -> Counted<T> {
        Counted { count, value }
    }

    fn said(locations: &[&str], conf: &DeleteConf) -> Vec<Option<u8>> {
        let locations: Vec<String> = locations.iter().map(|&it| it.to_owned()).collect();
        let each = Deleted::each(&locations, conf);
        each.into_iter().map(|one| one.map(|one| one.status.0)).collect()
    }

    #[test]
    fn each_location_has_the_status_of_its_count() {
        let mut conf = DeleteConf {
            transaction_id: None,
            version: Version { major: 1, minor: 3 },
            content_location: vec![counted(2, "a".to_owned()), counted(1, "b".to_owned())],
            response_status: vec![counted(1, ResponseStatus(0xe4)), counted(2, ResponseStatus::OK)],
            response_text: vec![counted(1, "gone".to_owned())],
            extra: Vec::new(),
        };
        assert_eq!(said(&["a", "b", "c"], &conf), [Some(0x80), Some(0xe4), None]);
        let texts = Deleted::each(&["b".to_owned()], &conf);
        assert_eq!(texts[0].as_ref().and_then(|one| one.text.as_deref()), Some("gone"));
        // Without locations the counts are those of the request.
        conf.content_location.clear();
        assert_eq!(said(&["x", "y", "z"], &conf), [Some(0xe4), Some(0x80), None]);
        // One status alone, whatever its count, is about all.
        conf.response_status = vec![counted(0, ResponseStatus(0x88))];
        assert_eq!(said(&["x", "y"], &conf), [Some(0x88), Some(0x88)]);
    }
}

//! Switchable faults of the virtual operator: what goes wrong, where, and how often.

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::lock;

/// One thing that goes wrong on purpose. In JSON the tag `fault` holds the kebab-case name and
/// the fields stand beside it: `{"fault":"mmsc-http-status","status":503}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The modem takes octets and answers nothing.
    ModemSilent {},
    /// The modem echoes in spite of `ATE0`.
    ModemEchoesAlways {},
    /// The modem echoes each command line twice.
    ModemEchoesTwice {},
    /// Several commands on one line give ERROR.
    ModemRefusesJoined {},
    /// Every final result is preceded by unsolicited codes, as sticks do that report the signal.
    ModemUrcFlood {},
    /// The SMS prompt has no blank: CR LF `>` CR LF.
    ModemBarePrompt {},
    /// Commands that need the SIM give `+CME ERROR: 14` (SIM busy).
    SimBusy {},
    /// There is no SIM: `+CME ERROR: 10`.
    SimMissing {},
    /// The network lets nobody in: registration status 3.
    RegistrationDenied {},
    /// No network is heard: registration status 2, signal 99.
    NoCoverage {},
    /// Every storage counts as full; the network keeps what arrives.
    StorageFull {},
    /// `+CMTI` of a port-addressed message carries `"MMS PUSH"` and counts behind the index.
    CmtiWithMmsPush {},
    /// `+CMTI` names an index at which nothing is; a listing finds the message.
    CmtiIndexGone {},
    /// `AT+CMGD` answers `+CMS ERROR: 500` and deletes nothing.
    DeleteRefused {},
    /// `AT+CMGL` answers ERROR.
    ListRefused {},
    /// `AT+CGDCONT=` answers ERROR.
    ContextRefused {},
    /// Dialling ends with NO CARRIER.
    DialNoCarrier {},
    /// Dialling ends with ERROR.
    DialError {},
    /// Dialling is never answered.
    DialSilent {},
    /// The call ends with NO CARRIER after so many octets from the host.
    CarrierLost {
        /// Octets of the data call, host to network.
        after: u64,
    },
    /// From so many octets on nothing passes any more in either direction; the call stays.
    LineStall {
        /// Octets of the data call, host to network.
        after: u64,
    },
    /// PAP or CHAP is refused whatever the credentials.
    AuthRefused {},
    /// The proxy answers this status itself, with a page of HTML.
    ProxyStatus {
        /// HTTP status.
        status: u16,
    },
    /// The proxy's port is closed: connections are reset.
    ProxyRefuses {},
    /// The proxy waits before it passes a request on.
    ProxySlow {
        /// Milliseconds.
        millis: u64,
    },
    /// The proxy closes the connection when it has read so many octets of the request body.
    ProxyClosesMidRequest {
        /// Octets of the body.
        after: usize,
    },
    /// The MMSC answers 200 with a page of HTML.
    MmscHtml {},
    /// The MMSC answers this HTTP status without an MMS body, before it looks at the request.
    MmscHttpStatus {
        /// HTTP status.
        status: u16,
    },
    /// The MMSC refuses an M-Send.req with this Response-Status and text.
    MmscResponseStatus {
        /// X-Mms-Response-Status, for example 225 (0xE1).
        status: u8,
        /// X-Mms-Response-Text.
        #[serde(default)]
        text: Option<String>,
    },
    /// The MMSC takes and delivers the message, and closes without its M-Send.conf.
    MmscSendConfLost {},
    /// The MMSC reads the request up to the last octet and closes without having taken it.
    MmscClosesBeforeLast {},
    /// Every body of the MMSC ends one octet early and the connection closes.
    MmscCutsBody {},
    /// The MMSC thinks before it answers.
    MmscSlow {
        /// Milliseconds.
        millis: u64,
    },
    /// M-Send.conf and M-Retrieve.conf carry no Transaction-Id.
    MmscOmitsTransactionId {},
    /// M-Send.conf carries no Message-ID.
    MmscOmitsMessageId {},
    /// GET answers 404.
    MmscNotFound {},
    /// M-Retrieve.conf carries this Retrieve-Status and one part of plain text.
    MmscRetrieveStatus {
        /// X-Mms-Retrieve-Status.
        status: u8,
        /// X-Mms-Retrieve-Text.
        #[serde(default)]
        text: Option<String>,
    },
    /// Bodies are right, but their Content-Type is text/plain.
    MmscWrongContentType {},
    /// Acknowledgements are answered with this HTTP status and not counted.
    MmscRefusesAcknowledgement {
        /// HTTP status.
        status: u16,
    },
    /// Each notification is sent twice.
    DuplicateNotification {},
    /// The parts of a split SMS arrive last part first.
    SmsPartsReversed {},
}

/// A fault that is switched on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// How many more times; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// The switches; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Vec<ActiveFault>>>);

impl Faults {
    /// Switches a fault on until it is cleared; one of the same kind is replaced.
    pub fn set(&self, fault: Fault) {
        self.switch(ActiveFault { fault, times: None });
    }

    /// Switches a fault on for the next `times` occasions.
    pub fn set_times(&self, fault: Fault, times: u32) {
        self.switch(ActiveFault { fault, times: Some(times) });
    }

    /// Switches on as described; zero times switches off.
    pub fn switch(&self, active: ActiveFault) {
        let mut faults = lock(&self.0);
        faults.retain(|other| !same_kind(&other.fault, &active.fault));
        if active.times != Some(0) {
            faults.push(active);
        }
    }

    /// Switches every fault of the same kind off.
    pub fn clear(&self, fault: &Fault) {
        lock(&self.0).retain(|other| !same_kind(&other.fault, fault));
    }

    /// Switches the fault of this kebab-case name off; says whether it was on.
    pub fn clear_name(&self, name: &str) -> bool {
        let mut faults = lock(&self.0);
        let before = faults.len();
        faults.retain(|other| fault_name(&other.fault) != name);
        faults.len() != before
    }

    /// Switches everything off.
    pub fn clear_all(&self) {
        lock(&self.0).clear();
    }

    /// What is on.
    #[must_use]
    pub fn active(&self) -> Vec<ActiveFault> {
        lock(&self.0).clone()
    }

    /// The first fault that `pick` recognises; counts as one occasion.
    pub(super) fn take<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut faults = lock(&self.0);
        let (position, found) = faults
            .iter()
            .enumerate()
            .find_map(|(position, active)| pick(&active.fault).map(|found| (position, found)))?;
        if let Some(active) = faults.get_mut(position)
            && let Some(times) = &mut active.times
        {
            *times -= 1;
            if *times == 0 {
                faults.remove(position);
            }
        }
        Some(found)
    }

    /// Whether this fault, with equal fields, strikes now; counts as one occasion.
    pub(super) fn strikes(&self, fault: &Fault) -> bool {
        self.take(|other| (other == fault).then_some(())).is_some()
    }

    /// Whether it is on, without counting an occasion.
    pub(super) fn is_on(&self, fault: &Fault) -> bool {
        lock(&self.0).iter().any(|active| active.fault == *fault)
    }
}

fn same_kind(left: &Fault, right: &Fault) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

fn fault_name(fault: &Fault) -> String {
    serde_json::to_value(fault)
        .ok()
        .and_then(|value| value.get("fault")?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_fault_strikes_that_often_and_no_more() {
        let faults = Faults::default();
        faults.set_times(Fault::MmscHttpStatus { status: 503 }, 2);
        let status = |fault: &Fault| match fault {
            Fault::MmscHttpStatus { status } => Some(*status),
            _ => None,
        };
        assert_eq!(faults.take(status), Some(503));
        assert_eq!(faults.take(status), Some(503));
        assert_eq!(faults.take(status), None);
        assert!(faults.active().is_empty());
    }

    #[test]
    fn second_switch_of_a_kind_replaces_the_first() {
        let faults = Faults::default();
        faults.set(Fault::ProxyStatus { status: 403 });
        faults.set(Fault::ProxyStatus { status: 407 });
        assert_eq!(
            faults.active(),
            [ActiveFault { fault: Fault::ProxyStatus { status: 407 }, times: None }]
        );
        assert!(faults.clear_name("proxy-status"));
        assert!(!faults.clear_name("proxy-status"));
    }

    #[test]
    fn fault_reads_from_flat_json_and_unknown_names_are_refused() {
        let active: ActiveFault =
            serde_json::from_str(r#"{"fault":"mmsc-http-status","status":503,"times":1}"#).unwrap();
        assert_eq!(active.fault, Fault::MmscHttpStatus { status: 503 });
        assert_eq!(active.times, Some(1));
        assert!(serde_json::from_str::<ActiveFault>(r#"{"fault":"rain"}"#).is_err());
    }
}

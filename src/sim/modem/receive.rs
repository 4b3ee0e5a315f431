//! From the network into the modem: stored and announced, or routed to the host (3GPP TS 27.005
//! clauses 3.4.1 and 3.4.4, TS 23.038 clause 4).

use std::time::Duration;

use bytes::Bytes;

use super::storage::{Mem, Status, Stored};
use super::text_mode::{self, Place};
use super::{Shared, State};
use crate::codec::sms::{CodingGroup, Dcs, MessageClass, SmsAddress, join_smsc, to_hex};
use crate::sim::fault::{Fault, FullForm};

/// How long the modem waits for `+CNMA`.
const CNMA_LIMIT: Duration = Duration::from_secs(15);
/// When the network tries again to deliver what the host refused.
const NEXT_TRY: Duration = Duration::from_secs(30);
/// How long an indication waits for the next one.
const TOGETHER: Duration = Duration::from_secs(5);
/// Indications kept for a host that does not want them yet.
const MAX_KEPT: usize = 64;

/// What becomes of a message that waits.
enum Way {
    Store(Mem),
    Route,
    Wait,
}

impl Shared {
    /// Lets messages in that wait in the network, as far as there is room, and tells the host.
    pub(in crate::sim) fn fetch_sms(&self) {
        loop {
            let mut state = self.lock();
            let waits = state.unacknowledged.is_some() || state.refused || state.delivery_stopped;
            if waits || self.is_dead() || !self.has_service(&state) {
                return;
            }
            let Some(tpdu) = self.smsc.next(&self.subscriber.number) else { return };
            match self.way(&mut state, &tpdu) {
                Way::Wait => {
                    self.smsc.give_back(&self.subscriber.number, tpdu);
                    return;
                }
                Way::Route => self.route(&mut state, tpdu),
                Way::Store(mem) => self.store(&mut state, mem, tpdu),
            }
        }
    }

    fn way(&self, state: &mut State, tpdu: &Bytes) -> Way {
        let is_report = tpdu.first().is_some_and(|first| first & 0x03 == 0x02);
        let class = class_of(tpdu);
        let in_call = self.indication_port().is_some_and(|port| self.is_online(port));
        if in_call && class != Some(2) && self.faults.is_on(&Fault::DirectBehindCarrier {}) {
            return Way::Wait;
        }
        let wants_direct = match (is_report, class, state.cnmi.mt) {
            (true, ..) => state.cnmi.ds == 1,
            (_, Some(0), _) | (_, Some(3), 3) => true,
            // Class 2 belongs into the SIM, and a waiting indication that is to be stored into a
            // storage: they are announced as with 1 (TS 27.005 clause 3.4.1).
            (_, class, 2) if class != Some(2) && !is_waiting_to_store(tpdu) => true,
            _ if state.behind_carrier => true,
            _ => self.can_route(state) && self.faults.shows(&Fault::DirectDelivery {}),
        };
        if wants_direct && self.can_route(state) {
            return Way::Route;
        }
        // Class 0 is never stored.
        if !is_report && class == Some(0) {
            return Way::Wait;
        }
        let mem = if class == Some(2) { Mem::Sm } else { state.mems[2] };
        let full = state.used(mem) >= state.total(mem) || self.counts_as_full();
        if full {
            self.tell_full(state, mem);
            return Way::Wait;
        }
        state.full_told = false;
        Way::Store(mem)
    }

    /// A fault says that there is no room.
    pub(super) fn counts_as_full(&self) -> bool {
        let told = |fault: &Fault| matches!(fault, Fault::StorageFullTold { .. }).then_some(());
        self.faults.shows(&Fault::StorageFull {}) || self.faults.find(told).is_some()
    }

    fn tell_full(&self, state: &mut State, mem: Mem) {
        let form = self.faults.find(|fault| match fault {
            Fault::StorageFullTold { form } => Some(*form),
            _ => None,
        });
        let (Some(form), Some(port)) = (form, self.indication_port()) else { return };
        if std::mem::replace(&mut state.full_told, true) {
            return;
        }
        let line = match form {
            FullForm::Huawei => format!("^SMMEMFULL: \"{}\"", mem.name()),
            FullForm::Cinterion => "^SMGO: 2".to_owned(),
            FullForm::Indicator => "+CIEV: \"smsfull\",1".to_owned(),
        };
        self.urc(port, line);
    }

    /// The number of the service centre that messages are sent through.
    pub(super) fn centre<'a>(&'a self, state: &'a State) -> &'a str {
        if state.smsc.is_empty() { self.smsc.number() } else { &state.smsc }
    }

    /// `+CMT` needs a host that listens now, and a port that speaks.
    fn can_route(&self, state: &State) -> bool {
        let free = |port| !self.is_online(port) && !self.is_hung(port);
        state.cnmi.mode != 0 && self.indication_port().is_some_and(free)
    }

    fn route(&self, state: &mut State, tpdu: Bytes) {
        let Some(port) = self.indication_port() else { return };
        let is_report = tpdu.first().is_some_and(|first| first & 0x03 == 0x02);
        let settings = state.settings(port);
        let (mode, set) = (settings.text, settings.charset);
        let centre = self.smsc.number();
        let pdu = pdu_text(centre, &tpdu);
        let length = tpdu.len();
        if mode.on {
            let (head, data) = text_mode::show(mode, set, Place::Routed, &tpdu, centre);
            let name = if is_report { "+CDS" } else { "+CMT" };
            let data = data.map_or_else(String::new, |data| format!("\r\n{data}"));
            self.urc(port, format!("{name}: {head}{data}"));
        } else if is_report {
            let comma = self.faults.shows(&Fault::StrayStatusReport { leading_comma: true });
            let comma = if comma { "," } else { "" };
            self.urc(port, format!("+CDS: {comma}{length}\r\n{pdu}"));
        } else {
            self.urc(port, format!("+CMT: ,{length}\r\n{pdu}"));
        }
        if state.csms == 1 {
            state.routed += 1;
            let run = state.routed;
            state.unacknowledged = Some(tpdu);
            let itself = self.itself.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    tokio::time::sleep(CNMA_LIMIT).await;
                    if let Some(shared) = itself.upgrade() {
                        shared.acknowledgement_missed(run);
                    }
                });
            }
        }
    }

    /// Without an acknowledgement in time routing ends (TS 27.005 clause 3.4.1) and the network
    /// keeps the message.
    fn acknowledgement_missed(&self, run: u64) {
        let mut state = self.lock();
        if state.routed == run
            && let Some(message) = state.unacknowledged.take()
        {
            state.cnmi.mt = 0;
            state.cnmi.ds = 0;
            state.delivery_stopped = self.faults.shows(&Fault::DirectDelivery {});
            self.smsc.give_back(&self.subscriber.number, message);
        }
        drop(state);
        self.fetch_sms();
    }

    /// `+CNMA=2`: the network keeps the message and tries again.
    pub(super) fn refuse(&self, state: &mut State, message: Bytes) {
        self.smsc.give_back(&self.subscriber.number, message);
        state.refused = true;
        let itself = self.itself.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(NEXT_TRY).await;
                if let Some(shared) = itself.upgrade() {
                    shared.lock().refused = false;
                    shared.fetch_sms();
                }
            });
        }
    }

    fn store(&self, state: &mut State, mem: Mem, tpdu: Bytes) {
        let push = is_port_addressed(&tpdu);
        let is_report = tpdu.first().is_some_and(|first| first & 0x03 == 0x02);
        let centre = self.smsc.number().to_owned();
        let stored = Stored { status: Status::Unread, tpdu, centre };
        let Some((mem, mut index)) = state.put(mem, stored) else { return };
        let announced = if is_report { state.cnmi.ds == 2 } else { matches!(state.cnmi.mt, 1..=3) };
        if !announced || self.faults.strikes(&Fault::CmtiMissing {}) {
            return;
        }
        if is_report {
            return self.announce(state, format!("+CDSI: \"{}\",{index}", mem.name()));
        }
        if self.faults.strikes(&Fault::CmtiIndexGone {}) {
            index = state.last_index(mem);
        }
        let mut line = format!("+CMTI: \"{}\",{index}", mem.name());
        if push && self.faults.shows(&Fault::CmtiWithMmsPush {}) {
            line.push_str(",\"MMS PUSH\",1,1");
        }
        if self.faults.strikes(&Fault::CmtiWithoutPlace {}) {
            "+CMTI: ,-1".clone_into(&mut line);
        }
        if self.faults.strikes(&Fault::CmtiTwice {}) {
            self.announce(state, line.clone());
        }
        if let Some(first) = state.cmti_held.take() {
            self.announce(state, format!("{first}\r\n{line}"));
        } else if self.faults.strikes(&Fault::CmtiTogether {}) {
            state.cmti_held = Some(line);
            let itself = self.itself.clone();
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    tokio::time::sleep(TOGETHER).await;
                    if let Some(shared) = itself.upgrade() {
                        let mut state = shared.lock();
                        if let Some(line) = state.cmti_held.take() {
                            shared.announce(&mut state, line);
                        }
                    }
                });
            }
        } else {
            self.announce(state, line);
        }
    }

    fn announce(&self, state: &mut State, line: String) {
        let Some(port) = self.indication_port() else { return };
        match state.cnmi.mode {
            0 => {
                if state.cnmi_kept.len() == MAX_KEPT {
                    state.cnmi_kept.pop_front();
                }
                state.cnmi_kept.push_back(line);
            }
            // Mode 1 discards while the line carries data.
            1 if self.is_online(port) => {}
            _ => self.urc(port, line),
        }
    }
}

/// A TPDU as PDU mode shows it, with the address of its service centre in front.
pub(super) fn pdu_text(centre: &str, tpdu: &[u8]) -> String {
    let smsc = (!centre.is_empty()).then(|| SmsAddress::from_text(centre));
    let whole = join_smsc(smsc.as_ref(), tpdu).or_else(|_| join_smsc(None, tpdu));
    whole.map(|octets| to_hex(&octets)).unwrap_or_default()
}

/// Octets of an SMS-DELIVER before its data coding scheme.
pub(super) fn up_to_dcs(tpdu: &[u8]) -> usize {
    let digits = tpdu.get(1).map_or(0, |digits| usize::from(*digits));
    // First octet, address length, address type, digits, PID.
    3 + digits.div_ceil(2) + 1
}

/// The class of an SMS-DELIVER, where its data coding scheme has one (TS 23.038 clause 4).
fn class_of(tpdu: &[u8]) -> Option<u8> {
    let dcs = *tpdu.get(up_to_dcs(tpdu))?;
    Dcs(dcs).class().map(MessageClass::number)
}

/// Whether an SMS-DELIVER tells that messages wait, and is to be stored itself.
fn is_waiting_to_store(tpdu: &[u8]) -> bool {
    let group = tpdu.get(up_to_dcs(tpdu)).map(|dcs| Dcs(*dcs).group());
    matches!(group, Some(CodingGroup::WaitingStore | CodingGroup::WaitingStoreUcs2))
}

/// Whether an SMS-DELIVER carries application ports in its user data header.
fn is_port_addressed(tpdu: &[u8]) -> bool {
    let udhi = tpdu.first().is_some_and(|first| first & 0x40 != 0);
    // Data coding scheme, time stamp, length.
    let header = up_to_dcs(tpdu) + 1 + 7 + 1;
    udhi && tpdu.get(header + 1).is_some_and(|element| matches!(element, 4 | 5))
}

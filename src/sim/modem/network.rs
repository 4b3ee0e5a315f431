//! Registration, operator and signal (3GPP TS 27.007 clauses 7.2, 7.3, 8.5, 10.1.20, 10.1.22).

use super::clock::SetClock;
use super::command::{Arg, Op};
use super::failure::{INVALID_PARAMETER, NO_NETWORK, NOT_SUPPORTED};
use super::state::State;
use super::text::Charset;
use super::{Cx, Shared, Step};
use crate::model::Timestamp;
use crate::sim::fault::Fault;

/// Public land mobile network of the tests (ITU-T E.212: 001-01).
const PLMN: &str = "00101";
const LONG_NAME: &str = "mm1gate virtual";
const SHORT_NAME: &str = "mm1gate";
/// `<AcT>` E-UTRAN.
const ACCESS: u32 = 7;
/// `+CREG`, `+CGREG`, `+CEREG` in the order of [`super::state::Reports`].
const NAMES: [&str; 3] = ["+CREG", "+CGREG", "+CEREG"];

impl Shared {
    /// `<stat>` of `+CREG`.
    pub(super) fn registration(&self, state: &State) -> u8 {
        if state.function != 1 || state.deregistered || self.sim_word(state) != "READY" {
            0
        } else if self.faults.shows(&Fault::RegistrationDenied {}) {
            3
        } else if !state.registered || self.hears_nothing() {
            2
        } else {
            let told = self.faults.find(|fault| match fault {
                Fault::RegistrationStatus { stat } => Some(*stat),
                _ => None,
            });
            told.unwrap_or(1)
        }
    }

    /// SMS come and go. 6 and 7 are "SMS only", 9 and 10 "CSFB not preferred".
    pub(super) fn has_service(&self, state: &State) -> bool {
        matches!(self.registration(state), 1 | 5 | 6 | 7 | 9 | 10)
    }

    /// Data calls are possible.
    pub(super) fn has_data_service(&self, state: &State) -> bool {
        matches!(self.registration(state), 1 | 5 | 9 | 10) && self.packet_status().is_none()
    }

    /// What the packet domains say instead of what the circuit-switched one does.
    fn packet_status(&self) -> Option<u8> {
        self.faults.find(|fault| match fault {
            Fault::PacketStatus { stat } => Some(*stat),
            _ => None,
        })
    }

    fn hears_nothing(&self) -> bool {
        self.faults.shows(&Fault::NoCoverage {}) || self.faults.shows(&Fault::CoverageLost {})
    }

    /// `<stat>` in the domain of this command.
    fn registration_in(&self, name: &str, state: &State) -> u8 {
        let mut stat = self.registration(state);
        if matches!(stat, 1 | 5 | 9 | 10) && name != "+CREG" {
            stat = self.packet_status().unwrap_or(stat);
        }
        let lte_only = || name != "+CEREG" && self.faults.shows(&Fault::CeregOnly {});
        let is_absent = (name == "+CGREG" && state.detached) || (stat != 0 && lte_only());
        if is_absent { 0 } else { stat }
    }

    /// Begins to look for the network; registered after the configured time.
    pub(super) fn start_searching(&self, state: &mut State) {
        state.registered = false;
        state.searching = false;
        state.registration_run += 1;
        if state.function != 1 || state.deregistered || self.sim_word(state) != "READY" {
            return;
        }
        let wait = self.config.timing.register;
        if wait.is_zero() {
            state.registered = true;
            self.tell_registration(state);
            return;
        }
        self.tell_registration(state);
        state.searching = true;
        let run = state.registration_run;
        let itself = self.itself.clone();
        // Without a runtime nobody can wait; then the network is there at once.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            state.registered = true;
            return;
        };
        runtime.spawn(async move {
            tokio::time::sleep(wait).await;
            let Some(shared) = itself.upgrade() else { return };
            let mut state = shared.lock();
            if state.registration_run != run {
                return;
            }
            state.searching = false;
            state.registered = true;
            shared.tell_registration(&mut state);
            drop(state);
            shared.fetch_sms();
        });
    }

    /// The modem's clock in the form of `+CCLK` (TS 27.007 clause 8.15).
    pub(super) fn told_clock(&self, state: &State) -> String {
        let SetClock { ahead, zone } = state.set_clock;
        let now = self.clock.now().as_millis().saturating_add(ahead);
        let now = Timestamp::from_millis(now).to_string();
        let field = |from: usize, to: usize| now.get(from..to).unwrap_or("00").to_owned();
        let year = self.faults.find(|fault| match fault {
            Fault::OddClock { year } => Some(format!("{:02}", year % 100)),
            _ => None,
        });
        let year = year.unwrap_or_else(|| field(2, 4));
        format!("{year}/{}/{},{}{zone:+03}", field(5, 7), field(8, 10), field(11, 19))
    }

    /// The network tells the time, and modems pass it on in their own words.
    pub(super) fn tell_time(&self, state: &State) {
        let odd = |fault: &Fault| matches!(fault, Fault::OddClock { .. }).then_some(());
        if self.faults.find(odd).is_none() {
            return;
        }
        let now = self.told_clock(state);
        for line in [
            "+CTZV: +52".to_owned(),
            format!("^NWTIME: \"{now}\",0"),
            format!("*PSUTTZ: {now},\"+52\",0"),
        ] {
            if let Some(port) = self.indication_port() {
                self.urc(port, line);
            }
        }
    }

    /// The radio goes off: no registration, no call.
    pub(super) fn lose_network(&self, state: &mut State) {
        state.registered = false;
        state.registration_run += 1;
        for context in state.contexts.values_mut() {
            context.active = false;
        }
        if let Some(call) = state.call.take() {
            call.ended.cancel();
        }
        self.tell_registration(state);
    }

    /// Prints the unsolicited form of the registration on every port that asked for it.
    pub(super) fn tell_registration(&self, state: &mut State) {
        state.told_registration = Some(self.registration(state));
        if self.has_service(state) {
            state.clock_told = true;
            self.tell_time(state);
        }
        for port in 0..self.ports.len() {
            let reports = state.settings(port).reports;
            for (name, n) in NAMES.into_iter().zip(reports) {
                if n > 0 {
                    let stat = self.registration_in(name, state);
                    self.urc(port, format!("{name}: {}", status(name, n, stat)));
                }
            }
        }
    }
}

/// `<stat>` and, for n=2, where.
fn status(name: &str, n: u32, stat: u8) -> String {
    if n < 2 || !matches!(stat, 1 | 5 | 6 | 7 | 9 | 10) {
        return stat.to_string();
    }
    let area = if name == "+CGREG" { "0001" } else { "1A2B" };
    format!("{stat},\"{area}\",\"01A2B3C4\",{ACCESS}")
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if let Some(index) = NAMES.iter().position(|known| *known == name) {
        return Some(registration(cx, name, index, op));
    }
    Some(match (name, op) {
        ("+CSQ", Op::Run) => {
            let (rssi, ber) = if heard(cx) { (21, 0) } else { (99, 99) };
            say(cx, format!("+CSQ: {rssi},{ber}"))
        }
        ("+CSQ", Op::Test) => say(cx, "+CSQ: (0-31,99),(0-7,99)"),
        ("+CESQ", Op::Run) => say(cx, "+CESQ: 99,99,255,255,20,50"),
        ("+COPS", op) => operator(cx, op),
        ("+CGATT", Op::Test) => say(cx, "+CGATT: (0,1)"),
        ("+CGATT", Op::Read) => {
            let attached = cx.shared.has_data_service(cx.state) && !cx.state.detached;
            let attached = u8::from(attached);
            say(cx, format!("+CGATT: {attached}"))
        }
        ("+CGATT", Op::Set(args)) => match args.first().and_then(Arg::number) {
            Some(0) if cx.shared.faults.strikes(&Fault::DeactivationIgnored {}) => Step::Done,
            Some(0) => {
                cx.state.detached = true;
                cx.state.contexts.values_mut().for_each(|context| context.active = false);
                if let Some(call) = cx.state.call.take() {
                    call.ended.cancel();
                }
                Step::Done
            }
            Some(1) if cx.shared.has_service(cx.state) => {
                cx.state.detached = false;
                Step::Done
            }
            Some(1) => Step::Fail(NO_NETWORK),
            _ => Step::Fail(INVALID_PARAMETER),
        },
        ("+CPAS", Op::Run) => {
            let activity = if cx.state.call.is_some() { 4 } else { 0 };
            say(cx, format!("+CPAS: {activity}"))
        }
        ("+CEER", Op::Run) => {
            let cause = cx.state.last_cause.clone();
            say(cx, format!("+CEER: {cause}"))
        }
        ("+CBC", Op::Run) => say(cx, "+CBC: 0,100"),
        // Calls that are up: there is no voice.
        ("+CLCC", Op::Run) => Step::Done,
        ("+CHUP", Op::Run) => Step::HangUp,
        ("+CESQ", Op::Test) => {
            say(cx, "+CESQ: (0-63,99),(0-7,99),(0-96,255),(0-49,255),(0-34,255),(0-97,255)")
        }
        ("+CPAS", Op::Test) => say(cx, "+CPAS: (0,4)"),
        ("+CBC", Op::Test) => say(cx, "+CBC: (0),(0-100)"),
        ("+CEER" | "+CLCC" | "+CHUP", Op::Test) => Step::Done,
        ("+CSQ" | "+CESQ" | "+CGATT" | "+CPAS" | "+CEER" | "+CBC" | "+CLCC" | "+CHUP", _) => {
            Step::Fail(NOT_SUPPORTED)
        }
        _ => return None,
    })
}

fn heard(cx: &Cx<'_>) -> bool {
    cx.state.function == 1 && !cx.shared.hears_nothing()
}

fn say(cx: &mut Cx<'_>, line: impl Into<String>) -> Step {
    cx.say(line);
    Step::Done
}

fn registration(cx: &mut Cx<'_>, name: &str, index: usize, op: &Op) -> Step {
    let port = cx.port;
    let stat = cx.shared.registration_in(name, cx.state);
    match op {
        Op::Test => say(cx, format!("{name}: (0-2)")),
        Op::Read => {
            let n = cx.state.settings(port).reports.get(index).copied().unwrap_or(0);
            say(cx, format!("{name}: {n},{}", status(name, n, stat)))
        }
        Op::Run | Op::Set(_) => {
            let n = match op {
                Op::Set(args) => args.first().and_then(Arg::number),
                _ => Some(0),
            };
            match (n, cx.state.settings_mut(port).reports.get_mut(index)) {
                (Some(n @ 0..=2), Some(slot)) => {
                    *slot = n;
                    Step::Done
                }
                _ => Step::Fail(INVALID_PARAMETER),
            }
        }
    }
}

fn operator(cx: &mut Cx<'_>, op: &Op) -> Step {
    let set = cx.state.settings(cx.port).charset;
    match op {
        Op::Test => {
            let (long, short) = (set.encode(LONG_NAME), set.encode(SHORT_NAME));
            say(cx, format!("+COPS: (2,\"{long}\",\"{short}\",\"{PLMN}\",{ACCESS}),,(0-4),(0-2)"))
        }
        Op::Read => {
            let mode = match (cx.state.deregistered, cx.state.manual_operator) {
                (true, _) => 2,
                (false, manual) => u8::from(manual),
            };
            if !cx.shared.has_service(cx.state) {
                return say(cx, format!("+COPS: {mode}"));
            }
            let format = cx.state.cops_format;
            let name = match format {
                0 => set.encode(LONG_NAME),
                1 => set.encode(SHORT_NAME),
                _ => PLMN.to_owned(),
            };
            say(cx, format!("+COPS: {mode},{format},\"{name}\",{ACCESS}"))
        }
        Op::Run => Step::Fail(NOT_SUPPORTED),
        Op::Set(args) => {
            let number = |at: usize| args.get(at).and_then(Arg::number);
            match number(0) {
                Some(0) => {
                    cx.state.manual_operator = false;
                    if std::mem::take(&mut cx.state.deregistered) {
                        cx.shared.start_searching(cx.state);
                    }
                    Step::Done
                }
                Some(1 | 4) if is_ours(set, number(1), args.get(2)) => {
                    cx.state.manual_operator = true;
                    if std::mem::take(&mut cx.state.deregistered) {
                        cx.shared.start_searching(cx.state);
                    }
                    Step::Done
                }
                Some(1 | 4) => Step::Fail(NO_NETWORK),
                Some(2) => {
                    cx.state.deregistered = true;
                    cx.shared.lose_network(cx.state);
                    Step::Done
                }
                Some(3) => match number(1) {
                    Some(format @ 0..=2) => {
                        cx.state.cops_format = format;
                        Step::Done
                    }
                    _ => Step::Fail(INVALID_PARAMETER),
                },
                _ => Step::Fail(INVALID_PARAMETER),
            }
        }
    }
}

/// Whether this is the only operator there is, in the form that `<format>` says.
fn is_ours(set: Charset, format: Option<u32>, name: Option<&Arg>) -> bool {
    let Some(name) = name else { return false };
    match format {
        Some(0) => set.decode(&name.text).as_deref() == Some(LONG_NAME),
        Some(1) => set.decode(&name.text).as_deref() == Some(SHORT_NAME),
        _ => name.text == PLMN,
    }
}

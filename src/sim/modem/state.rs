//! What the modem remembers, for itself and for each port.

use std::collections::{BTreeMap, VecDeque};

use tokio_util::sync::CancellationToken;

use super::clock::SetClock;
use super::phone_book::{Book, Entry};
use super::pin::PinState;
use super::storage::{Mem, Storage};
use super::text::Charset;
use super::text_mode::TextMode;
use super::ussd::Ussd;
use super::{ModemConfig, Subscriber};

/// A PDP context (`+CGDCONT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) kind: String,
    pub(super) apn: String,
    pub(super) active: bool,
}

/// A data call that is up.
#[derive(Debug)]
pub(super) struct ActiveCall {
    /// The number of the call, counted from power-on of the simulator.
    pub(super) id: u64,
    pub(super) apn: String,
    pub(super) cid: u8,
    /// Cancelled when somebody else ends the call.
    pub(super) ended: CancellationToken,
}

/// `+CNMI`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cnmi {
    pub(super) mode: u32,
    pub(super) mt: u32,
    pub(super) bm: u32,
    pub(super) ds: u32,
    pub(super) bfr: u32,
}

/// `n` of `+CREG`, `+CGREG` and `+CEREG`.
pub(super) type Reports = [u32; 3];

/// Settings of one port (V.250) and the 27.007 settings that belong to it.
#[derive(Debug, Clone)]
pub(super) struct PortSettings {
    pub(super) echo: bool,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    pub(super) extended_results: u32,
    pub(super) cmee: u32,
    pub(super) charset: Charset,
    pub(super) text: TextMode,
    pub(super) phone_book: Book,
    pub(super) reports: Reports,
    /// `&C`: what the carrier line shows; a pseudo-terminal has none.
    pub(super) carrier: u32,
    /// `&D`: what comes of Data Terminal Ready going low.
    pub(super) dtr: u32,
    pub(super) registers: BTreeMap<u32, u32>,
}

impl PortSettings {
    /// S3, S4 and S5: end of a line, line feed, backspace (V.250 clauses 6.2.1 to 6.2.3).
    pub(super) fn line_characters(&self) -> [u8; 3] {
        let character = |register: u32, usual: u8| {
            let value = self.registers.get(&register).copied();
            value.and_then(|value| u8::try_from(value).ok()).unwrap_or(usual)
        };
        [character(3, b'\r'), character(4, b'\n'), character(5, 0x08)]
    }
}

impl Default for PortSettings {
    fn default() -> Self {
        Self {
            echo: true,
            verbose: true,
            quiet: false,
            extended_results: 4,
            cmee: 0,
            charset: Charset::default(),
            text: TextMode::default(),
            phone_book: Book::default(),
            reports: [0; 3],
            carrier: 1,
            dtr: 2,
            // Answer after no ring; line characters; pause before dialling; 60 s for a carrier;
            // comma and carrier delays; guard time in 1/50 s.
            registers: [
                (0, 0),
                (3, 13),
                (4, 10),
                (5, 8),
                (6, 2),
                (7, 60),
                (8, 2),
                (10, 2),
                (12, 50),
            ]
            .into(),
        }
    }
}

/// Ports with settings of their own: two that can be opened, and the channels of the multiplexer.
const MAX_PORTS: usize = 2 + super::mux::CHANNELS as usize;

/// Those of every port.
pub(super) type AllSettings = [PortSettings; MAX_PORTS];

/// What is lost with the power, and the storages.
#[derive(Debug)]
pub(super) struct State {
    /// `+CFUN`
    pub(super) function: u32,
    /// The SIM waits for its PIN.
    pub(super) locked: bool,
    pub(super) pin: PinState,
    /// `+COPS=2`
    pub(super) deregistered: bool,
    /// The operator was chosen by the host.
    pub(super) manual_operator: bool,
    /// `+CGATT=0`
    pub(super) detached: bool,
    /// The registration takes its time.
    pub(super) searching: bool,
    /// The registration has had its time.
    pub(super) registered: bool,
    /// `<stat>` that the ports were told last.
    pub(super) told_registration: Option<u8>,
    /// The odd clock has been told.
    pub(super) clock_told: bool,
    /// Counts registrations, so that a late one of an earlier life does nothing.
    pub(super) registration_run: u64,
    pub(super) cops_format: u32,
    pub(super) csms: u32,
    pub(super) cnmi: Cnmi,
    /// A direct delivery was not acknowledged: nothing more comes until `+CNMI` is set.
    pub(super) delivery_stopped: bool,
    /// An indication that waits for the next one.
    pub(super) cmti_held: Option<String>,
    /// A full storage has been told.
    pub(super) full_told: bool,
    /// `AT+CPMS?` was asked since power-on.
    pub(super) zte_asked: bool,
    /// Rounds of the flood before that.
    pub(super) zte_rounds: u32,
    pub(super) cnmi_kept: VecDeque<String>,
    /// The host refused a routed message; the network tries again later.
    pub(super) refused: bool,
    /// A message routed by `+CMT` that waits for `+CNMA`.
    pub(super) unacknowledged: Option<bytes::Bytes>,
    /// The network hands over what it has kept during a call that has just ended.
    pub(super) behind_carrier: bool,
    /// Counts messages routed by `+CMT`.
    pub(super) routed: u64,
    pub(super) mems: [Mem; 3],
    pub(super) sm: Storage,
    pub(super) me: Storage,
    /// The SIM's phone book by place.
    pub(super) phone_book: BTreeMap<u32, Entry>,
    /// Of the SIM, `+CSCA`; empty: the operator's.
    pub(super) smsc: String,
    /// Of the SIM, `+CSAS`.
    pub(super) saved_text_mode: TextMode,
    pub(super) message_reference: u8,
    pub(super) contexts: BTreeMap<u8, Context>,
    pub(super) auth: BTreeMap<u8, String>,
    pub(super) call: Option<ActiveCall>,
    pub(super) calls: u64,
    pub(super) channel_calls: u64,
    /// `+CEER`
    pub(super) last_cause: String,
    /// Settings that are only remembered.
    pub(super) plain: BTreeMap<String, String>,
    /// `+CUSD`
    pub(super) ussd: Ussd,
    pub(super) set_clock: SetClock,
    /// What `&W` stored and `Z` brings back.
    pub(super) stored_profile: PortSettings,
    pub(super) ports: AllSettings,
}

impl State {
    pub(super) fn power_on(config: &ModemConfig, subscriber: &Subscriber) -> Self {
        let mut contexts = BTreeMap::new();
        if !config.attach_apn.is_empty() {
            let attach =
                Context { kind: "IP".to_owned(), apn: config.attach_apn.clone(), active: true };
            contexts.insert(1, attach);
        }
        Self {
            function: 1,
            locked: subscriber.pin.is_some(),
            pin: PinState::of(subscriber),
            deregistered: false,
            manual_operator: false,
            detached: false,
            searching: false,
            registered: false,
            told_registration: None,
            clock_told: false,
            registration_run: 0,
            cops_format: 0,
            csms: 0,
            cnmi: Cnmi::default(),
            delivery_stopped: false,
            cmti_held: None,
            full_told: false,
            zte_asked: false,
            zte_rounds: 0,
            cnmi_kept: VecDeque::new(),
            refused: false,
            unacknowledged: None,
            behind_carrier: false,
            routed: 0,
            mems: [Mem::Sm; 3],
            sm: Storage::new(config.first_index, config.sm_capacity),
            me: Storage::new(config.first_index, config.me_capacity),
            phone_book: BTreeMap::new(),
            smsc: String::new(),
            saved_text_mode: TextMode::default(),
            message_reference: 0,
            contexts,
            auth: BTreeMap::new(),
            call: None,
            calls: 0,
            channel_calls: 0,
            last_cause: "no error".to_owned(),
            plain: BTreeMap::new(),
            ussd: Ussd::default(),
            set_clock: SetClock::default(),
            stored_profile: PortSettings::default(),
            ports: AllSettings::default(),
        }
    }

    pub(super) fn settings(&self, port: usize) -> &PortSettings {
        &self.ports[port.min(MAX_PORTS - 1)]
    }

    pub(super) fn settings_mut(&mut self, port: usize) -> &mut PortSettings {
        &mut self.ports[port.min(MAX_PORTS - 1)]
    }
}

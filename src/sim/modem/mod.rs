//! The virtual modem: an AT interpreter behind one or two ports, with a SIM, message storages and
//! PDP contexts (3GPP TS 27.007, TS 27.005, ITU-T V.250).

mod basic;
mod catalog;
mod clock;
mod command;
mod data;
mod failure;
mod identity;
mod mux;
mod network;
mod output;
mod pdp;
mod phone_book;
mod pin;
mod plain;
mod receive;
mod session;
mod sms;
mod sms_out;
mod state;
mod storage;
mod text;
mod text_mode;
mod trouble;
mod uicc;
mod usb;
mod ussd;

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::fault::{Fault, Faults};
use super::lock;
use super::smsc::Smsc;
use crate::model::{Clock, Random};
use crate::net::{BoxFuture, Io};
use command::Command;
use failure::Failure;
use sms_out::Entry;
use state::{Context, State};
use storage::Status;
pub use usb::{UsbShape, UsbView};

/// Octets that an in-memory port holds in each direction before its writer has to wait.
const PORT_BUFFER: usize = 64 * 1024;

/// The SIM and what the operator knows of it.
#[derive(Clone)]
pub struct Subscriber {
    /// 15 digits.
    pub imsi: String,
    /// Own number in international form, for example `+447700900001`.
    pub number: String,
    /// PIN that the SIM asks for after power-on; none when `None`.
    pub pin: Option<String>,
    /// PUK.
    pub puk: String,
    /// Attempts left for the PIN at first, at most 3.
    pub pin_tries: u8,
    /// Whether the SIM tells its own number (`AT+CNUM`); many do not.
    pub number_on_sim: bool,
    /// Digits of the MNC in the IMSI, as `EF_AD` tells them; 0: the file has three octets and does not.
    pub mnc_length: u8,
    /// Service provider's name (`EF_SPN`), at most 16 characters; the SIM has no such file when empty.
    pub provider: String,
    /// Group identifier (`EF_GID1`) in hexadecimal digits; the SIM has no such file when empty.
    pub group: String,
}

impl std::fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriber").field("pin", &self.pin.is_some()).finish_non_exhaustive()
    }
}

impl Default for Subscriber {
    /// A SIM of the test network 001-01 without PIN.
    fn default() -> Self {
        Self {
            imsi: "001010123456789".to_owned(),
            number: "+447700900001".to_owned(),
            pin: None,
            puk: "12345678".to_owned(),
            pin_tries: 3,
            number_on_sim: true,
            mnc_length: 2,
            provider: "mm1gate".to_owned(),
            group: String::new(),
        }
    }
}

/// How long a modem takes; all zero by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Before each answer.
    pub reply: Duration,
    /// From power-on or PIN to being registered.
    pub register: Duration,
    /// From ATD to CONNECT.
    pub dial: Duration,
    /// From the PDU to the result of `AT+CMGS`.
    pub submit: Duration,
    /// Octets per second of a data call towards the network; unlimited when `None`.
    pub up_rate: Option<u64>,
    /// Octets per second of a data call from the network; unlimited when `None`.
    pub down_rate: Option<u64>,
}

impl Timing {
    /// What a quick USB stick takes.
    #[must_use]
    pub const fn usb_stick() -> Self {
        Self {
            reply: Duration::from_millis(3),
            register: Duration::from_millis(200),
            dial: Duration::from_millis(150),
            submit: Duration::from_millis(300),
            up_rate: None,
            down_rate: None,
        }
    }
}

/// What the modem is.
#[derive(Debug, Clone)]
pub struct ModemConfig {
    /// Answer of `AT+CGMI`.
    pub manufacturer: String,
    /// Answer of `AT+CGMM`.
    pub model: String,
    /// Answer of `AT+CGSN`, 15 digits.
    pub imei: String,
    /// A control port besides the data port.
    pub control_port: bool,
    /// Slots of the storage SM.
    pub sm_capacity: usize,
    /// Slots of the storage ME.
    pub me_capacity: usize,
    /// Offers the storage MT, which is SM and ME together.
    pub offers_mt: bool,
    /// Does not offer the storage ME when it has no slots.
    pub hides_empty_me: bool,
    /// Index of the first slot: 0 or 1.
    pub first_index: usize,
    /// APN of CID 1 at power-on, the attach bearer; none when empty.
    pub attach_apn: String,
    /// Text behind CONNECT, if any.
    pub connect_text: String,
    /// The highest context identifier.
    pub max_cid: u8,
    /// What it is on the USB.
    pub usb: UsbShape,
    /// How long things take.
    pub timing: Timing,
}

impl Default for ModemConfig {
    fn default() -> Self {
        Self {
            manufacturer: "mm1gate".to_owned(),
            model: "Virtual Modem".to_owned(),
            // Type allocation code 00499901 is the one for tests.
            imei: "004999010640000".to_owned(),
            control_port: true,
            sm_capacity: 20,
            me_capacity: 50,
            offers_mt: false,
            hides_empty_me: false,
            first_index: 0,
            attach_apn: "internet.example".to_owned(),
            connect_text: "150000000".to_owned(),
            max_cid: 8,
            usb: UsbShape::default(),
            timing: Timing::default(),
        }
    }
}

/// A port of the modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PortRole {
    /// The port that dials; also takes every AT command.
    Data,
    /// The port for AT commands while a call is up.
    Control,
}

impl PortRole {
    const fn index(self) -> usize {
        match self {
            Self::Data => 0,
            Self::Control => 1,
        }
    }
}

/// A data call that the modem asks the network for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallRequest {
    /// APN of the context.
    pub(super) apn: String,
    /// PDP type of the context: `IP`, `IPV6` or `IPV4V6`.
    pub(super) kind: String,
    /// Number of the subscriber.
    pub(super) number: String,
}

/// Why the network gives no data call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallRefused {
    /// In the words of `AT+CEER`.
    pub(super) cause: String,
}

/// Whoever answers data calls: the GGSN or an external program.
pub(super) trait CallTaker: Send + Sync {
    /// Whether the network has this access point.
    fn knows(&self, apn: &str) -> bool;
    /// The name servers of a context of this type, which the modem hears when it activates one.
    fn name_servers(&self, kind: &str) -> Vec<IpAddr>;
    /// Opens a call: the far end of its octets.
    fn open(&self, request: CallRequest) -> BoxFuture<'_, Result<Box<dyn Io>, CallRefused>>;
}

/// The virtual modem; clones are the same modem. Its tasks live as long as the runtime or until
/// [`Self::stop`].
#[derive(Clone)]
pub struct VirtualModem(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) config: ModemConfig,
    pub(super) subscriber: Subscriber,
    pub(super) faults: Faults,
    pub(super) smsc: Smsc,
    calls: Arc<dyn CallTaker>,
    random: Random,
    clock: Clock,
    /// Where the device is on the bus.
    place: Mutex<usb::Place>,
    state: Mutex<State>,
    /// Those that can be opened, then the channels of the multiplexer.
    ports: Vec<Port>,
    /// How many can be opened.
    visible: usize,
    /// Counts starts of the modem.
    life: AtomicU64,
    stop: CancellationToken,
    /// For tasks that a command starts.
    itself: Weak<Self>,
}

/// What outlives the sessions of a port.
#[derive(Default)]
struct Port {
    urcs: Mutex<Vec<String>>,
    wake: Notify,
    session: Mutex<CancellationToken>,
    open: AtomicBool,
    online: AtomicBool,
    /// Data Carrier Detect: a call of this port is up, in data mode or held.
    carrier: AtomicBool,
    /// Data Terminal Ready went low.
    dtr: Notify,
    /// The call of a port that was closed, where the modem does not mind DTR.
    parked: Mutex<Option<data::Parked>>,
    /// Deaf until then, unless the faults are cleared before.
    hung: Mutex<Option<(tokio::time::Instant, u64)>>,
    from_host: AtomicU64,
    to_host: AtomicU64,
    /// The channels on it, when it is in the multiplexer.
    multiplexed: mux::Slot,
}

/// A modem's condition for people and programs.
#[derive(Debug, Clone, Serialize)]
pub struct ModemState {
    /// Number of its SIM.
    pub number: String,
    /// `READY`, `SIM PIN`, `SIM PUK` or `NOT INSERTED`.
    pub sim: String,
    /// Attempts left for the PIN.
    pub pin_tries: u8,
    /// `<stat>` of `+CREG`.
    pub registration: u8,
    /// Messages in SM and ME.
    pub stored_sms: [usize; 2],
    /// SMS that wait in the network.
    pub waiting_sms: usize,
    /// Access point of the data call that is up.
    pub call: Option<String>,
    /// Data calls so far.
    pub calls: u64,
    /// Those of them that were dialled in a channel of the multiplexer.
    pub channel_calls: u64,
    /// Whether channels of the multiplexer are open.
    pub multiplexed: bool,
    /// Octets from and to the host on all ports.
    pub octets: [u64; 2],
    /// Ports that somebody has open.
    pub open_ports: Vec<PortRole>,
}

impl VirtualModem {
    pub(super) fn new(
        config: ModemConfig,
        subscriber: Subscriber,
        faults: Faults,
        smsc: Smsc,
        calls: Arc<dyn CallTaker>,
        (clock, random): (Clock, Random),
        stop: CancellationToken,
    ) -> Self {
        let visible = if config.control_port { 2 } else { 1 };
        let ports = visible + usize::from(mux::CHANNELS);
        let state = Mutex::new(State::power_on(&config, &subscriber));
        let place = Mutex::new(usb::Place::new(config.usb.first_tty));
        let shared = Arc::new_cyclic(|itself| Shared {
            config,
            subscriber,
            faults,
            smsc,
            calls,
            random,
            clock,
            place,
            state,
            ports: (0..ports).map(|_| Port::default()).collect(),
            visible,
            life: AtomicU64::new(0),
            stop,
            itself: Weak::clone(itself),
        });
        shared.smsc.attach(&shared.subscriber.number, &shared);
        shared.start_searching(&mut shared.lock());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(trouble::watch(Arc::downgrade(&shared)));
        }
        Self(shared)
    }

    /// The roles of its ports: data, and control when it has one.
    #[must_use]
    pub fn ports(&self) -> Vec<PortRole> {
        [PortRole::Data, PortRole::Control].into_iter().take(self.0.visible).collect()
    }

    /// Opens a port in memory: the host's end. Dropping it is what DTR drop is on a cable. An
    /// earlier opening of the same port ends. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the modem has no such port.
    pub fn open(&self, role: PortRole) -> std::io::Result<DuplexStream> {
        let (host, modem) = tokio::io::duplex(PORT_BUFFER);
        let absent =
            role == PortRole::Control && self.0.faults.strikes(&Fault::ControlPortAbsent {});
        if role.index() >= self.0.visible || !self.0.is_present() || absent {
            return Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        }
        tokio::spawn(session::serve(Arc::clone(&self.0), role.index(), Box::new(modem)));
        Ok(host)
    }

    /// Serves a port on octets of any kind until they end or the port is opened again.
    pub async fn serve(&self, role: PortRole, io: Box<dyn Io>) {
        if role.index() < self.0.visible {
            session::serve(Arc::clone(&self.0), role.index(), io).await;
        }
    }

    /// The network ends the data call, if one is up: NO CARRIER.
    pub fn drop_call(&self) {
        self.0.end_call();
    }

    /// Takes the power away and gives it back: everything that is not in the SIM or in a storage
    /// is forgotten, PIN state and settings included.
    pub fn power_cycle(&self) {
        self.0.reset();
    }

    /// Its condition now.
    #[must_use]
    pub fn state(&self) -> ModemState {
        let shared = &self.0;
        let waiting_sms = shared.smsc.waiting(&shared.subscriber.number);
        let state = shared.lock();
        let total = |counter: fn(&Port) -> &AtomicU64| {
            let ports = shared.ports.iter().take(shared.visible);
            ports.map(|port| counter(port).load(Ordering::Relaxed)).sum()
        };
        ModemState {
            number: shared.subscriber.number.clone(),
            sim: shared.sim_word(&state).to_owned(),
            pin_tries: state.pin.tries,
            registration: shared.registration(&state),
            stored_sms: [state.sm.used(), state.me.used()],
            waiting_sms,
            call: state.call.as_ref().map(|call| call.apn.clone()),
            calls: state.calls,
            channel_calls: state.channel_calls,
            multiplexed: shared
                .ports
                .iter()
                .skip(shared.visible)
                .any(|port| port.open.load(Ordering::Relaxed)),
            octets: [total(|port| &port.from_host), total(|port| &port.to_host)],
            open_ports: self
                .ports()
                .into_iter()
                .filter(|role| {
                    shared
                        .ports
                        .get(role.index())
                        .is_some_and(|port| port.open.load(Ordering::Relaxed))
                })
                .collect(),
        }
    }

    /// The raw TPDUs in the storages SM and ME, in order of their indices.
    #[must_use]
    pub fn stored_tpdus(&self) -> Vec<Bytes> {
        let mut state = self.0.lock();
        let State { sm, me, .. } = &mut *state;
        sm.iter_mut().chain(me.iter_mut()).map(|(_, stored)| stored.tpdu.clone()).collect()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.0.stop.is_cancelled()
    }

    /// Ends every session of this modem's ports.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }
}

impl std::fmt::Debug for VirtualModem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VirtualModem").field("ports", &self.ports()).finish_non_exhaustive()
    }
}

/// What a command leads to.
#[derive(Debug)]
enum Step {
    /// The next command of the line, or OK.
    Done,
    /// The line ends here.
    Fail(Failure),
    /// OK after this long.
    After(Duration),
    /// The line ends with the SMS prompt.
    Prompt {
        /// What is typed there.
        entry: Entry,
        /// What it is for.
        purpose: Purpose,
    },
    /// `+CNMA=n,length`: a prompt whose PDU is read and not used.
    AckPrompt,
    /// A data call on this context.
    Dial(u8),
    /// Frames of at most so many octets from now on.
    Multiplex(usize),
    /// Back to the data call.
    Online,
    /// End the held data call.
    HangUp,
    /// No final result.
    Unanswered,
    /// No final result, and the port takes nothing more.
    Hang,
}

/// What is done with what was typed at an SMS prompt.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// `+CMGS`
    Send,
    /// `+CMGC`
    Command,
    /// `+CMGW`, with this status.
    Store(Status),
}

/// Everything a command sees.
struct Cx<'a> {
    shared: &'a Shared,
    state: &'a mut State,
    port: usize,
    out: Vec<String>,
}

impl Cx<'_> {
    fn say(&mut self, line: impl Into<String>) {
        self.out.push(line.into());
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Runs one command: the lines it prints and what it leads to.
    fn run(&self, port: usize, command: &Command) -> (Vec<String>, Step) {
        let mut state = self.lock();
        let mut cx = Cx { shared: self, state: &mut state, port, out: Vec::new() };
        let step = match command {
            Command::Basic { ampersand, letter, value } => {
                basic::run(&mut cx, *ampersand, *letter, *value)
            }
            Command::Register { number, value } => basic::register(&mut cx, *number, *value),
            Command::Dial(text) => pdp::dial(&cx, text),
            Command::Extended { name, op } => identity::run(&mut cx, name, op)
                .or_else(|| pin::run(&mut cx, name, op))
                .or_else(|| network::run(&mut cx, name, op))
                .or_else(|| sms::run(&mut cx, name, op))
                .or_else(|| pdp::run(&mut cx, name, op))
                .or_else(|| uicc::run(&mut cx, name, op))
                .or_else(|| mux::run(&mut cx, name, op))
                .or_else(|| phone_book::run(&mut cx, name, op))
                .or_else(|| clock::run(&mut cx, name, op))
                .or_else(|| ussd::run(&mut cx, name, op))
                .or_else(|| plain::run(&mut cx, name, op))
                .unwrap_or(Step::Fail(Failure::Plain)),
        };
        let lines = cx.out;
        drop(state);
        // What a command changed may let messages in that the network holds.
        self.fetch_sms();
        (lines, step)
    }

    /// Prints an unsolicited code on a port; kept while the port is in data mode.
    fn urc(&self, port: usize, line: String) {
        /// Codes that a port keeps while it cannot print them.
        const MAX_KEPT: usize = 64;
        if let Some(port) = self.ports.get(port)
            && port.open.load(Ordering::Relaxed)
        {
            let mut urcs = lock(&port.urcs);
            if urcs.len() == MAX_KEPT {
                urcs.remove(0);
            }
            urcs.push(line);
            drop(urcs);
            port.wake.notify_one();
        }
    }

    /// The port that message indications go to: the first channel of the multiplexer, else control
    /// when somebody has it open.
    fn indication_port(&self) -> Option<usize> {
        (self.visible..self.ports.len())
            .chain((0..self.visible).rev())
            .find(|at| self.ports.get(*at).is_some_and(|port| port.open.load(Ordering::Relaxed)))
    }

    fn is_online(&self, port: usize) -> bool {
        self.ports.get(port).is_some_and(|port| port.online.load(Ordering::Relaxed))
    }

    /// Whether a call of this port is up, in data mode or held.
    fn has_carrier(&self, port: usize) -> bool {
        self.ports.get(port).is_some_and(|port| port.carrier.load(Ordering::Relaxed))
    }

    fn end_call(&self) {
        if let Some(call) = self.lock().call.take() {
            call.ended.cancel();
        }
    }

    fn reset(&self) {
        self.end_call();
        self.ports.iter().for_each(|port| drop(lock(&port.parked).take()));
        self.wake_up();
        let mut state = self.lock();
        let mut fresh = State::power_on(&self.config, &self.subscriber);
        // The SIM and the storages survive, and what was stored on purpose.
        fresh.sm = state.sm.clone();
        fresh.me = state.me.clone();
        fresh.phone_book = state.phone_book.clone();
        fresh.pin = state.pin.clone();
        fresh.locked = state.pin.enabled || state.pin.tries == 0;
        fresh.smsc.clone_from(&state.smsc);
        fresh.saved_text_mode = state.saved_text_mode;
        fresh.stored_profile = state.stored_profile.clone();
        for settings in &mut fresh.ports {
            settings.clone_from(&state.stored_profile);
        }
        fresh.calls = state.calls;
        fresh.channel_calls = state.channel_calls;
        fresh.registration_run = state.registration_run;
        *state = fresh;
        self.start_searching(&mut state);
        drop(state);
        self.life.fetch_add(1, Ordering::Relaxed);
        self.ports.iter().for_each(|port| port.wake.notify_one());
        self.fetch_sms();
    }

    /// `+CFUN=1,1`: the answer goes out first.
    fn reset_soon(&self) {
        if let Some(shared) = self.itself.upgrade() {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                match shared.config.usb.restart_seconds {
                    0 => shared.reset(),
                    seconds => shared.vanish(Duration::from_secs(seconds), false, false),
                }
            });
        }
    }

    /// What `+CPIN?` says.
    fn sim_word(&self, state: &State) -> &'static str {
        let cme = self.sim_fault();
        if cme == Some(10) || self.faults.shows(&Fault::SimMissing {}) {
            "NOT INSERTED"
        } else if cme == Some(12) || (cme != Some(11) && state.locked && state.pin.tries == 0) {
            "SIM PUK"
        } else if cme == Some(11) || state.locked {
            "SIM PIN"
        } else {
            "READY"
        }
    }

    /// The code of a SIM fault that is on.
    fn sim_fault(&self) -> Option<u16> {
        self.faults.find(|fault| match fault {
            Fault::SimTrouble { cme } => Some(*cme),
            _ => None,
        })
    }

    /// Why the SIM cannot be used now, if so; strikes the fault `SimBusy`.
    fn sim_trouble(&self, state: &State) -> Option<Failure> {
        match self.sim_word(state) {
            "NOT INSERTED" => Some(failure::SIM_NOT_INSERTED),
            "SIM PUK" => Some(failure::PUK_REQUIRED),
            "SIM PIN" => Some(failure::PIN_REQUIRED),
            _ if self.faults.strikes(&Fault::SimBusy {}) => Some(failure::SIM_BUSY),
            _ => self.sim_fault().map(Failure::Cme),
        }
    }

    fn context<'a>(&self, state: &'a State, cid: u8) -> Option<&'a Context> {
        state.contexts.get(&cid)
    }
}

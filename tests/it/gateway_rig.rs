//! A gateway on a virtual modem of the virtual operator, in virtual time and memory only.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use mm1gate::api::{self, Access};
use mm1gate::codec::sms::{ConcatReference, Deliver, Scts, SmsAddress, split_text};
use mm1gate::gateway::{Config, Deps, Gateway, ModemConfig, StartError};
use mm1gate::model::{
    Address, Clock, HostClock, HostLook, Kind, MediaType, MessageId, NewMessage, NewPart, NoTap,
    Random, State, Tap, Timestamp,
};
use mm1gate::modem::usb::NoUsb;
use mm1gate::modem::{OpenPort, Port, PortError, PortOpener};
use mm1gate::operators::Settings;
use mm1gate::proto::ppp::Families;
use mm1gate::sim::{self, Behaviour, Operator, PortRole, VirtualModem};
use mm1gate::store::{Filter, MessageView, NoProbe, Summary};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::usb_bus::Bus;

/// Number of the virtual SIM.
pub(crate) const OWN: &str = "+447700900001";
/// A virtual phone.
pub(crate) const PHONE: &str = "+447700900123";

const DATA: &str = "/dev/virtual-data";
const CONTROL: &str = "/dev/virtual-control";
/// Behind the names of the second modem's ports.
const SECOND_MODEM: &str = "-2";

/// Longer than any wait of a test, shorter than the notification's life.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// One or two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    One,
    Two,
    /// One with a multiplexer.
    Multiplexed,
}

pub(crate) struct Rig {
    pub(crate) operator: Operator,
    pub(crate) gateway: Gateway,
    pub(crate) clock: Clock,
    /// Set it, and opening a port ends in so many panics.
    pub(crate) panics: Arc<AtomicU32>,
    config: Config,
    deps: Deps,
    _dir: tempfile::TempDir,
}

/// The clock of a computer: 1970 and nothing that sets it, until somebody does.
#[derive(Clone, Default)]
pub(crate) struct HostTime(Arc<Mutex<HostState>>);

#[derive(Default)]
struct HostState {
    base: Option<Clock>,
    /// Seconds by which it is ahead of the world; none: it began in 1970.
    ahead: Option<i64>,
    synchronised: bool,
}

impl HostTime {
    /// Sets it to the world's time and so many seconds.
    pub(crate) fn set(&self, ahead: i64, synchronised: bool) {
        let mut state = self.lock();
        (state.ahead, state.synchronised) = (Some(ahead), synchronised);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HostState> {
        self.0.lock().unwrap()
    }
}

impl HostClock for HostTime {
    fn look(&self) -> HostLook {
        /// A minute after it began.
        const BEGINNING: i64 = 60 - 1_790_000_000;
        let state = self.lock();
        let world = state.base.map_or(0, |base| base.now().as_millis());
        let ahead = state.ahead.unwrap_or(BEGINNING) * 1_000;
        HostLook { wall: Timestamp::from_millis(world + ahead), synchronised: state.synchronised }
    }
}

struct VirtualPorts {
    modems: Vec<VirtualModem>,
    /// So many times opening a port ends in a panic, as a defect of this program would.
    panics: Arc<AtomicU32>,
}

impl PortOpener for VirtualPorts {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        let role = if name.starts_with(CONTROL) { PortRole::Control } else { PortRole::Data };
        let number = usize::from(name.ends_with(SECOND_MODEM));
        Box::pin(async move {
            let panics = self.panics.load(Ordering::Relaxed);
            if panics > 0 {
                self.panics.store(panics - 1, Ordering::Relaxed);
                panic!("as the test wants it");
            }
            let stream = self.modems[number].open(role).map_err(|error| PortError::Io {
                port: name.to_owned(),
                text: error.to_string(),
            })?;
            Ok(Box::new(stream) as Box<dyn Port>)
        })
    }
}

thread_local! {
    /// What the SIM of the next rig of this test is like.
    static SIM: RefCell<sim::Subscriber> = RefCell::default();
    /// The access point of the context that the modems of the next rig are attached by, where it is
    /// not the usual one.
    static ATTACHED: RefCell<Option<String>> = const { RefCell::new(None) };
    /// The versions of IP of the next rig's network, and whether it refuses contexts for both.
    static VERSIONS: Cell<(Families, bool)> = const {
        Cell::new((Families { v4: true, v6: false }, false))
    };
}

impl Rig {
    pub(crate) async fn new(ports: Ports, behaviour: Behaviour) -> Self {
        Self::with(ports, behaviour, |_| {}).await
    }

    /// `prepare` may switch faults on before the gateway starts.
    pub(crate) async fn with(
        ports: Ports,
        behaviour: Behaviour,
        prepare: impl FnOnce(&Operator),
    ) -> Self {
        Self::timed(ports, behaviour, sim::Timing::default(), prepare).await
    }

    /// With a modem that takes its time.
    pub(crate) async fn timed(
        ports: Ports,
        behaviour: Behaviour,
        timing: sim::Timing,
        prepare: impl FnOnce(&Operator),
    ) -> Self {
        Self::build(ports, behaviour, timing, None, prepare).await
    }

    /// With a second modem, whose SIM has this number.
    pub(crate) async fn with_second(ports: Ports, behaviour: Behaviour, number: &str) -> Self {
        Self::build(ports, behaviour, sim::Timing::default(), Some(number), |_| {}).await
    }

    /// On a virtual USB, which is handed back; a second modem has a SIM of this number.
    pub(crate) async fn on_usb(
        ports: Ports,
        timing: sim::Timing,
        second: Option<&str>,
    ) -> (Self, Bus) {
        let made = Arc::<Mutex<Option<Bus>>>::default();
        let keep = Arc::clone(&made);
        let rig = Self::assemble(
            ports,
            Behaviour::Receive,
            timing,
            second,
            |_| {},
            move |operator, config, deps| {
                let bus = Bus::new(operator, 11);
                for (index, modem) in config.modems.iter_mut().enumerate() {
                    let (data, control) = bus.names(index).unwrap();
                    modem.port = data;
                    modem.control_port = (ports == Ports::Two).then_some(control);
                }
                deps.ports = Arc::new(bus.clone());
                deps.usb = Arc::new(bus.clone());
                *keep.lock().unwrap() = Some(bus);
            },
        )
        .await;
        let bus = made.lock().unwrap().take().unwrap();
        (rig, bus)
    }

    /// Its ports are opened through `wrap`.
    pub(crate) async fn through(
        ports: Ports,
        timing: sim::Timing,
        wrap: impl FnOnce(Arc<dyn PortOpener>) -> Arc<dyn PortOpener>,
    ) -> Self {
        Self::prepared_through(ports, timing, |_| {}, wrap).await
    }

    /// The same with a second modem, whose SIM has this number.
    pub(crate) async fn second_through(
        ports: Ports,
        number: &str,
        wrap: impl FnOnce(Arc<dyn PortOpener>) -> Arc<dyn PortOpener>,
    ) -> Self {
        let arrange = |_: &Operator, _: &mut Config, deps: &mut Deps| {
            deps.ports = wrap(Arc::clone(&deps.ports));
        };
        let timing = sim::Timing::default();
        Self::assemble(ports, Behaviour::Receive, timing, Some(number), |_| {}, arrange).await
    }

    /// The same; `prepare` has its turn before the gateway starts.
    pub(crate) async fn prepared_through(
        ports: Ports,
        timing: sim::Timing,
        prepare: impl FnOnce(&Operator),
        wrap: impl FnOnce(Arc<dyn PortOpener>) -> Arc<dyn PortOpener>,
    ) -> Self {
        let arrange = |_: &Operator, _: &mut Config, deps: &mut Deps| {
            deps.ports = wrap(Arc::clone(&deps.ports));
        };
        Self::assemble(ports, Behaviour::Receive, timing, None, prepare, arrange).await
    }

    /// With a watcher of every octet.
    pub(crate) async fn tapped(ports: Ports, tap: Arc<dyn Tap>) -> Self {
        let arrange = |_: &Operator, _: &mut Config, deps: &mut Deps| deps.tap = tap;
        let timing = sim::Timing::default();
        Self::assemble(ports, Behaviour::Receive, timing, None, |_| {}, arrange).await
    }

    /// On a computer whose clock shows something else, and may be set.
    pub(crate) async fn with_host_clock(
        ports: Ports,
        prepare: impl FnOnce(&Operator),
    ) -> (Self, HostTime) {
        let made = HostTime::default();
        let host = made.clone();
        let arrange = move |_: &Operator, _: &mut Config, deps: &mut Deps| {
            host.lock().base = Some(deps.clock);
            deps.clock = Clock::following(host);
        };
        let timing = sim::Timing::default();
        let rig = Self::assemble(ports, Behaviour::Receive, timing, None, prepare, arrange).await;
        (rig, made)
    }

    /// Starts the gateway of such a computer after it was switched off.
    pub(crate) async fn boot(&mut self, host: &HostTime) {
        self.deps.clock = Clock::following(host.clone());
        self.start().await;
    }

    /// With a SIM that wants a PIN, and a PIN in the configuration.
    pub(crate) async fn locked(pin: &str, configured: &str) -> Self {
        let (pin, configured) = (pin.to_owned(), configured.to_owned());
        SIM.with(|it| it.borrow_mut().pin = Some(pin));
        let rig = Self::assemble(
            Ports::Two,
            Behaviour::Receive,
            sim::Timing::usb_stick(),
            None,
            |_| {},
            move |_, config, _| {
                config.modems[0].pin = Some(mm1gate::model::redact::Secret::new(configured));
            },
        )
        .await;
        SIM.take();
        rig
    }

    /// On a network with these versions of IP, with a context of this type.
    pub(crate) async fn with_versions(
        versions: Families,
        refuses_dual_stack: bool,
        pdp_type: &str,
    ) -> Self {
        let usual = VERSIONS.replace((versions, refuses_dual_stack));
        let timing = sim::Timing::default();
        let rig = Self::assemble(
            Ports::Two,
            Behaviour::Receive,
            timing,
            None,
            |_| {},
            |_, config, _| {
                if let Some(settings) = &mut config.modems[0].operator {
                    pdp_type.clone_into(&mut settings.pdp_type);
                }
            },
        )
        .await;
        VERSIONS.set(usual);
        rig
    }

    /// With a modem that is attached by the context of MMS, which so is active all the time.
    pub(crate) async fn attached_to_mms(ports: Ports) -> Self {
        ATTACHED.set(Some("mms.example".to_owned()));
        let rig = Self::new(ports, Behaviour::Receive).await;
        ATTACHED.take();
        rig
    }

    /// With a SIM that does not tell its number.
    pub(crate) async fn nameless() -> Self {
        SIM.with(|it| it.borrow_mut().number_on_sim = false);
        let rig = Self::new(Ports::Two, Behaviour::Receive).await;
        SIM.take();
        rig
    }

    /// With this SIM, but for its number.
    pub(crate) async fn of_sim(subscriber: sim::Subscriber, timing: sim::Timing) -> Self {
        SIM.set(subscriber);
        let rig = Self::timed(Ports::Two, Behaviour::Receive, timing, |_| {}).await;
        SIM.take();
        rig
    }

    /// The same on a virtual USB.
    pub(crate) async fn of_sim_on_usb(
        subscriber: sim::Subscriber,
        timing: sim::Timing,
    ) -> (Self, Bus) {
        SIM.set(subscriber);
        let made = Self::on_usb(Ports::Two, timing, None).await;
        SIM.take();
        made
    }

    async fn build(
        ports: Ports,
        behaviour: Behaviour,
        timing: sim::Timing,
        second: Option<&str>,
        prepare: impl FnOnce(&Operator),
    ) -> Self {
        Self::assemble(ports, behaviour, timing, second, prepare, |_, _, _| {}).await
    }

    /// `arrange` may change what the gateway is handed.
    async fn assemble(
        ports: Ports,
        behaviour: Behaviour,
        timing: sim::Timing,
        second: Option<&str>,
        prepare: impl FnOnce(&Operator),
        arrange: impl FnOnce(&Operator, &mut Config, &mut Deps),
    ) -> Self {
        let clock = Clock::starting_at(Timestamp::from_secs(1_790_000_000));
        let random = Random::seeded(42);
        let usual = sim::ModemConfig::default();
        let modem = sim::ModemConfig {
            control_port: ports == Ports::Two,
            timing,
            attach_apn: ATTACHED
                .with(|it| it.borrow().clone())
                .unwrap_or_else(|| usual.attach_apn.clone()),
            ..usual
        };
        let subscriber =
            sim::Subscriber { number: OWN.to_owned(), ..SIM.with(|it| it.borrow().clone()) };
        let mut builder = Operator::builder().line(subscriber.clone(), modem.clone());
        if let Some(number) = second {
            let imsi = "001010123456790".to_owned();
            builder = builder
                .line(sim::Subscriber { number: number.to_owned(), imsi, ..subscriber }, modem);
        }
        let (versions, refuses_dual_stack) = VERSIONS.get();
        builder = builder.ip_versions(versions);
        if refuses_dual_stack {
            builder = builder.refuses_dual_stack();
        }
        let operator = builder.phone(PHONE, behaviour).clock(clock).random(random.clone()).start();
        prepare(&operator);
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::new(dir.path().join("data"));
        let settings = Settings {
            apn: operator.apn().to_owned(),
            mmsc: operator.mmsc_url().to_owned(),
            proxy: operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port())),
            ..Settings::default()
        };
        for (name, behind) in [("desk", ""), ("second", SECOND_MODEM)] {
            if config.modems.len() == operator.modems().len() {
                break;
            }
            config.modems.push(ModemConfig {
                control_port: (ports == Ports::Two).then(|| format!("{CONTROL}{behind}")),
                profile: if ports == Ports::Multiplexed { "simcom-800" } else { "auto" }.to_owned(),
                operator: Some(settings.clone()),
                ..ModemConfig::new(name, format!("{DATA}{behind}"))
            });
        }
        let panics = Arc::<AtomicU32>::default();
        let mut deps = Deps {
            ports: Arc::new(VirtualPorts {
                modems: operator.modems().to_vec(),
                panics: Arc::clone(&panics),
            }),
            clock,
            random,
            tap: Arc::new(NoTap),
            usb: Arc::new(NoUsb),
            probe: Arc::new(NoProbe),
        };
        arrange(&operator, &mut config, &mut deps);
        let gateway = Gateway::start(config.clone(), deps.clone()).await.unwrap();
        Self { operator, gateway, clock, panics, config, deps, _dir: dir }
    }

    /// The operator's settings of the first modem.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            apn: self.operator.apn().to_owned(),
            mmsc: self.operator.mmsc_url().to_owned(),
            proxy: self.operator.proxy().map(|proxy| (proxy.ip().to_string(), proxy.port())),
            ..Settings::default()
        }
    }

    /// Ends the gateway and starts another on the same data folder.
    pub(crate) async fn restart(&mut self) {
        self.gateway.stop().await;
        self.start().await;
    }

    /// The same at another time, for the gateway alone.
    pub(crate) async fn restart_at(&mut self, at: Timestamp) {
        self.gateway.stop().await;
        self.clock = Clock::starting_at(at);
        self.deps.clock = self.clock;
        self.start().await;
    }

    /// Restarts with another configuration.
    pub(crate) async fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        self.gateway.stop().await;
        change(&mut self.config);
        self.start().await;
    }

    /// What `mm1gate modem retry-pin` does between two runs; answers how many were forgotten.
    pub(crate) async fn forget_pins(&mut self) -> usize {
        self.gateway.stop().await;
        let dir = &self.config.data_dir;
        let store = mm1gate::store::Store::open(dir).unwrap();
        let book = mm1gate::store::PinBook::open(dir, store, &Random::seeded(1)).unwrap();
        let forgotten = book.forget_all().await.unwrap();
        drop(book);
        self.start().await;
        forgotten
    }

    /// What a gateway leaves that died behind the commit of a short message, before it was filed.
    /// `sim`: none before the SIM was known. `octets`: the address of a service centre with its length,
    /// which may be 0, then the TPDU.
    pub(crate) async fn keep_unfiled(&self, sim: Option<&str>, octets: Bytes) {
        let mut identity = octets.to_vec();
        // TP-MMS (3GPP TS 23.040 clause 9.2.3.2).
        identity[usize::from(octets[0]) + 1] |= 0x04;
        let name = &self.config.modems[0].name;
        let tpdu = mm1gate::store::NewTpdu {
            sim: sim.map_or_else(|| format!("modem:{name}"), ToOwned::to_owned),
            modem: name.clone(),
            slot: "direct".to_owned(),
            octets,
            identity: identity.into(),
            first_sweep: false,
        };
        let store = mm1gate::store::Store::open(&self.config.data_dir).unwrap();
        store.keep_tpdus(vec![tpdu], self.clock.now()).await.unwrap();
    }

    /// Starts a gateway after [`Gateway::stop`].
    pub(crate) async fn start(&mut self) {
        self.gateway = Gateway::start(self.config.clone(), self.deps.clone()).await.unwrap();
    }

    /// Starts a second gateway beside the first.
    pub(crate) async fn try_start(&self) -> Result<Gateway, StartError> {
        Gateway::start(self.config.clone(), self.deps.clone()).await
    }

    /// Has the database do this, as nothing but a test would.
    pub(crate) fn meddle(&self, sql: &str) {
        let database = rusqlite::Connection::open(self.config.data_dir.join("mm1gate.db")).unwrap();
        database.execute_batch(sql).unwrap();
    }

    /// The number that a query of the store answers.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// The octets that a query of the store answers.
    pub(crate) fn octets(&self, sql: &str) -> Bytes {
        self.database().query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap().into()
    }

    fn database(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = self.config.data_dir.join("mm1gate.db");
        rusqlite::Connection::open_with_flags(file, flags).unwrap()
    }

    pub(crate) async fn view(&self, id: &MessageId) -> MessageView {
        self.gateway.message(id).await.unwrap().unwrap()
    }

    /// Asks the API: the status and the answer, null where that is no JSON.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_for(method, &format!("/api/v1{path}"), body).await
    }

    /// The same of any path, the page's for example.
    pub(crate) async fn ask_for(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let access = Access::Tcp { listen: ([127, 0, 0, 1], 8411).into() };
        let router = api::router(self.gateway.clone(), access, CancellationToken::new());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8411")
            .header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = router.oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Waits until a message is in one of these states.
    pub(crate) async fn until(&self, id: &MessageId, states: &[&str]) -> MessageView {
        let wait = async {
            loop {
                let view = self.view(id).await;
                if states.contains(&view.summary.state.as_str()) {
                    return view;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(view) => view,
            Err(_) => {
                let view = self.view(id).await;
                panic!("still waiting for {states:?}: {view:#?} {:#?}", self.gateway.modems())
            }
        }
    }

    /// Waits until the first inbound message is in one of these states.
    pub(crate) async fn inbound_until(&self, states: &[&str]) -> MessageView {
        let wait = async {
            loop {
                if let Some(summary) = self.inbox().await.pop() {
                    return summary.id;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        let id = tokio::time::timeout(PATIENCE, wait).await.expect("a message comes in");
        self.until(&id, states).await
    }

    /// Somebody writes an SMS of one part to a SIM.
    pub(crate) fn write_sms(&self, sender: &str, to: &str, words: &str) {
        let stamp = Scts::new(self.clock.now(), 0);
        let tpdus: Vec<Bytes> = split_text(words, &[], ConcatReference::Narrow(9))
            .unwrap()
            .into_iter()
            .map(|(dcs, data)| {
                let sender = SmsAddress::from_text(sender);
                Deliver::new(sender, dcs, stamp, data).encode().unwrap().into()
            })
            .collect();
        self.operator.deliver_sms(to, &tpdus).unwrap();
    }

    /// Inbound messages, newest first.
    pub(crate) async fn inbox(&self) -> Vec<Summary> {
        let all = self.gateway.messages(Filter::default()).await.unwrap();
        all.into_iter().filter(|one| matches!(one.state, State::In(_))).collect()
    }

    pub(crate) async fn part_named(&self, view: &MessageView, media_type: &str) -> Bytes {
        let part = view
            .summary
            .parts
            .iter()
            .find(|part| part.media_type == MediaType::new(media_type))
            .unwrap_or_else(|| panic!("no {media_type} in {:#?}", view.summary.parts));
        self.gateway.part(&view.summary.id, part.index).await.unwrap().unwrap().body
    }
}

/// A picture of so many octets that nobody can decode and everybody recognises.
pub(crate) fn picture(octets: usize) -> Bytes {
    let mut body = vec![0xff, 0xd8, 0xff, 0xe0];
    body.extend((0_u8..=250).cycle().take(octets.saturating_sub(4)));
    Bytes::from(body)
}

/// A plain text for a number.
pub(crate) fn text(to: &str, text: &str) -> NewMessage {
    NewMessage {
        kind: Kind::Sms,
        to: vec![Address::parse_recipient(to).unwrap()],
        text: Some(text.to_owned()),
        delivery_report: true,
        ..NewMessage::default()
    }
}

/// A message with that picture for the virtual phone.
pub(crate) fn message(octets: usize) -> NewMessage {
    NewMessage {
        to: vec![Address::parse_recipient(PHONE).unwrap()],
        subject: Some("Hello".to_owned()),
        parts: vec![NewPart {
            media_type: Some(MediaType::new("image/jpeg")),
            name: Some("picture.jpg".to_owned()),
            body: picture(octets),
        }],
        ..NewMessage::default()
    }
}

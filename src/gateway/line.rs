//! One worker a modem: prepare, sweep the SMS, then wait for work; one data call serves all that
//! is due, lingers and hangs up. What fails is shown and tried again later; messages stay queued.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::config::ModemConfig;
use super::data_use::DataView;
use super::events::{DeviceView, ModemView};
use super::loss::Loss;
use super::modem_view::{PortSharing, SimView, StorageView};
use super::plan::profile;
use super::policy::{Interrupted, MmsNotConfigured, WorkerEnded};
use super::reader::{Reader, store_fault};
use super::schedule::Schedule;
use super::shift::Shift;
use super::sim_name;
use super::texts::Texts;
use super::upkeep::{Failure, HELD, Network, Upkeep, unreadable_fault};
use super::{Core, Deps, StartError};
use crate::model::{Address, Explain, Fault, Kind, MessageId, StageSink, Timestamp, redact};
use crate::modem::{
    self, Modem, ModemError, ModemInfo, ProfileChoice, RecoveryCounts, RecoveryStep, Registration,
    Rung, UnreadableSms,
};
use crate::store::{Hold, StoreError};

/// How long a modem may look for a network before that is shown as a fault.
pub(super) const REGISTRATION_LIMIT: Duration = Duration::from_secs(20);

/// How long a look through the storages may hold a call up: as long as listing them may take.
const LONGEST_SWEEP: Duration = Duration::from_secs(120);

/// How often a modem in service is asked whether it is still there.
const PING: Duration = Duration::from_secs(10);

/// Below this, in dBm, calls mostly fail (3GPP TS 27.007 clause 8.5: `<rssi>` 5).
const HARDLY_HEARD_DBM: i16 = -103;

/// The worker of one modem; clones share it.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: ModemConfig,
    pub(super) profile: ProfileChoice,
    pub(super) core: Core,
    pub(super) deps: Deps,
    pub(super) wake: Notify,
    /// There may be texts to send.
    pub(super) text_wake: Notify,
    /// Who holds it has the only port: a data call, or texts that wait for its end.
    pub(super) turn: tokio::sync::Mutex<()>,
    /// A person wants it now: pauses end.
    pub(super) urgent: Notify,
    pub(super) gone: Notify,
    /// Why the modem was lost, until the worker has seen it.
    loss: Mutex<Loss>,
    /// The SIM that was in it last.
    pub(super) last_sim: Mutex<Option<String>>,
    /// Data calls since the start, and the octets that they sent and received.
    pub(super) calls: Mutex<(u64, u64, u64)>,
    driver: Mutex<Driver>,
    /// The SIM that a session works with.
    pub(super) sim: Mutex<Option<String>>,
    pub(super) shown: Mutex<Shown>,
    /// The message that a call is made for, for the stages of dialling.
    pub(super) about: Mutex<Option<MessageId>>,
}

/// The modem's driver, and what it had moved when it ended.
enum Driver {
    Running(Modem),
    Ended((u64, u64)),
}

/// What people see, besides the octets.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) condition: &'static str,
    pub(super) since: Timestamp,
    pub(super) rung: Option<Rung>,
    pub(super) until: Option<Timestamp>,
    pub(super) operator: Option<String>,
    pub(super) signal_dbm: Option<i16>,
    pub(super) registration: Option<Registration>,
    pub(super) device: DeviceView,
    pub(super) sim: Option<SimView>,
    pub(super) storages: Vec<StorageView>,
    pub(super) last_error: Option<(Timestamp, Fault)>,
    pub(super) steps: VecDeque<RecoveryStep>,
    pub(super) recovery: RecoveryCounts,
    pub(super) line_fault: Option<Fault>,
    pub(super) sms_fault: Option<Fault>,
    /// A storage is nearly full.
    pub(super) room_fault: Option<Fault>,
    /// What the SIM has used of the month's data.
    pub(super) data: Option<DataView>,
    pub(super) unreadable: Vec<UnreadableSms>,
}

/// Why a session with a modem ended.
pub(super) enum SessionEnd {
    Stopped,
    Failed(Failure),
}

/// What the worker knows of its failures.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) upkeep: Upkeep,
    pub(super) call_failures: u32,
    /// No call before this, unless a person wants one.
    pub(super) call_pause: Option<(Timestamp, Fault)>,
    /// The modem was lost by a call: that it is back does not say that the next one will do.
    pub(super) lost_by_call: bool,
}

impl Trouble {
    /// Something has changed, and calls may work again: the next one is made at once.
    fn forget_calls(&mut self) {
        self.call_failures = 0;
        self.call_pause = None;
    }
}

impl Line {
    pub(super) fn new(
        config: ModemConfig,
        profile_dir: Option<PathBuf>,
        core: &Core,
        deps: &Deps,
    ) -> Result<Self, StartError> {
        let profile = profile(&config.profile, profile_dir.as_deref())
            .map_err(|reason| StartError::Profile { modem: config.name.clone(), reason })?;
        let shown = Shown {
            condition: "starting",
            since: core.now(),
            rung: None,
            until: None,
            operator: None,
            signal_dbm: None,
            registration: None,
            device: DeviceView {
                profile: profile.profile.name.clone(),
                sharing: Some(match config.control_port {
                    Some(_) => PortSharing::Two,
                    None => PortSharing::One,
                }),
                ..DeviceView::default()
            },
            sim: None,
            storages: Vec::new(),
            last_error: None,
            steps: VecDeque::new(),
            recovery: RecoveryCounts::default(),
            line_fault: None,
            sms_fault: None,
            room_fault: None,
            data: None,
            unreadable: Vec::new(),
        };
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                profile,
                core: core.clone(),
                deps: deps.clone(),
                wake: Notify::new(),
                text_wake: Notify::new(),
                turn: tokio::sync::Mutex::new(()),
                urgent: Notify::new(),
                gone: Notify::new(),
                loss: Mutex::default(),
                last_sim: Mutex::new(None),
                calls: Mutex::default(),
                driver: Mutex::new(Driver::Ended((0, 0))),
                sim: Mutex::new(None),
                shown: Mutex::new(shown),
                about: Mutex::new(None),
            }),
        })
    }

    pub(super) fn config(&self) -> &ModemConfig {
        &self.inner.config
    }

    pub(super) fn core(&self) -> &Core {
        &self.inner.core
    }

    /// The SIM that is in the modem, while it can be used.
    pub(super) fn sim(&self) -> Option<String> {
        lock(&self.inner.sim).clone()
    }

    /// There may be work.
    pub(super) fn wake(&self) {
        self.inner.wake.notify_one();
        self.inner.text_wake.notify_one();
    }

    /// Waits for [`Self::wake`].
    pub(super) async fn text_woken(&self) {
        self.inner.text_wake.notified().await;
    }

    /// Waits for the end of a data call; none begins while the answer is held.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.turn.lock().await
    }

    /// There is work that a person does not want to wait for.
    pub(super) fn wake_now(&self) {
        self.inner.urgent.notify_one();
        self.wake();
    }

    /// The number that the SIM tells as its own; none when the modem does not run.
    pub(super) async fn own_number(&self) -> Option<Result<Option<Address>, ModemError>> {
        let modem = match &*lock(&self.inner.driver) {
            Driver::Running(modem) => modem.clone(),
            Driver::Ended(_) => return None,
        };
        let number = modem.own_number().await;
        Some(number.map(|it| it.and_then(|it| Address::parse_recipient(&it).ok())))
    }

    pub(super) fn view(&self) -> ModemView {
        let shown = self.shown().clone();
        let data = self.data_view();
        let data_fault = data.as_ref().and_then(|view| view.fault(&self.inner.config.name));
        ModemView {
            name: self.inner.config.name.clone(),
            mms: self.inner.config.operator.is_some(),
            condition: shown.condition,
            since: shown.since,
            rung: shown.rung,
            until: shown.until,
            operator: shown.operator,
            signal_dbm: shown.signal_dbm,
            registration: shown.registration,
            device: shown.device,
            sim: shown.sim,
            storages: shown.storages,
            last_error: shown.last_error,
            steps: shown.steps.into(),
            recovery: shown.recovery,
            fault: (shown.line_fault.or(shown.sms_fault).or(data_fault).or(shown.room_fault))
                .or_else(|| unreadable_fault(&shown.unreadable)),
            unreadable: shown.unreadable,
            data,
            calls: *lock(&self.inner.calls),
            octets: match &*lock(&self.inner.driver) {
                Driver::Running(modem) => modem.octets(),
                Driver::Ended(octets) => *octets,
            },
        }
    }

    /// The modem cannot be used any more.
    pub(super) fn modem_gone(&self, session: u64, error: &ModemError) {
        tracing::warn!(modem = %self.inner.config.name, "modem lost: {}", quiet(error));
        lock(&self.inner.loss).0 = Some((Some(session), Failure::from(error)));
        self.inner.gone.notify_one();
    }

    /// The store has failed beside the session: that ends, and the next one begins with what was
    /// left in the middle.
    pub(super) fn store_failed(&self, error: &StoreError) {
        tracing::error!(modem = %self.inner.config.name, "{error}");
        lock(&self.inner.loss).0 = Some((None, Failure::elsewhere(store_fault(error))));
        self.inner.gone.notify_one();
    }

    /// Shows why short messages are not taken, or that they are.
    pub(super) fn sms_trouble(&self, fault: Option<Fault>) {
        self.show(|shown| shown.sms_fault = fault);
    }

    /// Where the modem is registered now.
    pub(super) fn registration(&self, registration: Registration) {
        if self.shown().registration != Some(registration) {
            self.show(|shown| shown.registration = Some(registration));
            self.wake();
        }
    }

    /// How full the modem's storages are now, and whether one is too full.
    pub(super) fn storages(&self, storages: Vec<StorageView>, fault: Option<Fault>) {
        let (before, alarm) = {
            let shown = self.shown();
            (shown.storages == storages, shown.room_fault.as_ref().map(|it| it.code.clone()))
        };
        let now = fault.as_ref().map(|it| it.code.clone());
        if before && alarm == now {
            return;
        }
        let modem = &self.inner.config.name;
        match &fault {
            Some(fault) if alarm.is_none() => tracing::warn!(%modem, "{fault}"),
            None if alarm.is_some() => tracing::info!(%modem, "there is room for SMS again"),
            _ => {}
        }
        self.show(|shown| {
            shown.storages = storages;
            shown.room_fault = fault;
        });
    }

    /// The signal as the modem tells it now.
    pub(super) fn signal(&self, signal_dbm: Option<i16>) {
        if self.shown().signal_dbm != signal_dbm {
            self.show(|shown| shown.signal_dbm = signal_dbm);
        }
    }

    /// Where stages of dialling are told: about the message that the call is made for.
    pub(super) fn call_stages(&self) -> StageSink {
        // The modem's driver holds this sink and the line holds the driver.
        let line = Arc::downgrade(&self.inner);
        StageSink::new(move |stage| {
            if let Some(line) = line.upgrade() {
                let about = lock(&line.about).clone();
                line.core.events.stage(&line.config.name, about.as_ref(), stage);
            }
        })
    }

    /// Where stages that are about no message are told.
    pub(super) fn stages(&self) -> StageSink {
        let (events, name) = (self.inner.core.events.clone(), self.inner.config.name.clone());
        StageSink::new(move |stage| events.stage(&name, None, stage))
    }

    /// Works until `stop`, whatever happens: a worker that ends by itself, through a defect of this
    /// program, is started again.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut failures = 0_u32;
        loop {
            let ended = tokio::spawn(self.clone().work(stop.clone())).await;
            if stop.is_cancelled() || ended.is_err_and(|error| error.is_cancelled()) {
                return;
            }
            failures = failures.saturating_add(1);
            let pause = Schedule::LINE.pause(failures, &self.inner.core.random);
            tracing::error!(
                modem = %self.inner.config.name, pause = pause.as_secs(), "worker ended by itself"
            );
            self.show(|shown| {
                shown.condition = "waiting";
                shown.line_fault = Some(WorkerEnded.to_fault());
            });
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.inner.urgent.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn work(self, stop: CancellationToken) {
        let (modem, events) = Modem::start(
            modem::ModemConfig {
                name: self.inner.config.name.clone(),
                port: self.inner.config.port.clone(),
                control_port: self.inner.config.control_port.clone(),
                profile: self.inner.profile.clone(),
                pin: self.inner.config.pin.clone(),
                roaming: self.inner.config.roaming,
                registration_limit: REGISTRATION_LIMIT,
            },
            modem::Means {
                ports: Arc::clone(&self.inner.deps.ports),
                usb: Arc::clone(&self.inner.deps.usb),
                pins: Arc::clone(&self.inner.core.pins),
                tap: Arc::clone(&self.inner.deps.tap),
                clock: self.inner.core.clock,
                stages: self.call_stages(),
            },
        );
        *lock(&self.inner.driver) = Driver::Running(modem.clone());
        let (sim, sim_seen) = watch::channel(None);
        let sweep = Arc::new(Notify::new());
        let swept = Arc::new(watch::Sender::new(0));
        let texts = Texts {
            line: self.clone(),
            modem: modem.clone(),
            sim: sim_seen.clone(),
            stop: stop.clone(),
        };
        let reader = Reader {
            line: self.clone(),
            modem: modem.clone(),
            sim: sim_seen,
            sweep: Arc::clone(&sweep),
            swept: Arc::clone(&swept),
            troubled: AtomicBool::new(false),
            tried: AtomicBool::new(false),
            reports_told: AtomicBool::new(false),
        };
        let reader = reader.run(events, stop.clone());
        let octets = modem.clone();
        let worker = Worker { line: &self, modem, sim, sweep, swept, stop: stop.clone() };
        let mut trouble = Trouble::default();
        // All in one task: they end together, and nothing is left behind after `stop`.
        let worker = async {
            tokio::join!(worker.run(&mut trouble), texts.run());
        };
        let (mut reader, mut worker) = (pin!(reader), pin!(worker));
        tokio::select! {
            biased;
            () = &mut reader => {
                // Without `stop` the modem's driver has ended, and no request will be answered.
                if stop.is_cancelled() {
                    worker.await;
                }
            }
            () = &mut worker => reader.await,
        }
        // The ports close with the last handle.
        *lock(&self.inner.driver) = Driver::Ended(octets.octets());
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut Shown)) {
        {
            let mut shown = self.shown();
            let before = shown.condition;
            change(&mut shown);
            if shown.condition != before {
                shown.since = self.inner.core.now();
            }
        }
        self.inner.core.events.modem(self.view());
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.inner.shown)
    }
}

pub(super) struct Worker<'a> {
    pub(super) line: &'a Line,
    pub(super) modem: Modem,
    pub(super) sim: watch::Sender<Option<String>>,
    pub(super) sweep: Arc<Notify>,
    /// Counts looks through the storages that were asked for and are over.
    pub(super) swept: Arc<watch::Sender<u64>>,
    pub(super) stop: CancellationToken,
}

impl Worker<'_> {
    async fn run(self, trouble: &mut Trouble) {
        loop {
            let end = tokio::select! {
                biased;
                () = self.stop.cancelled() => SessionEnd::Stopped,
                info = self.prepare() => match info {
                    Ok(info) => self.session(info, trouble).await,
                    Err(error) => SessionEnd::Failed(Failure::from(&error)),
                },
            };
            let SessionEnd::Failed(failure) = end else { return };
            lock(&self.line.inner.sim).take();
            self.sim.send_replace(None);
            if self.bring_back(failure, &mut trouble.upkeep).await {
                return;
            }
        }
    }

    async fn prepare(&self) -> Result<ModemInfo, ModemError> {
        // A loss that ended the last session is no news for the next one; any later one is.
        *lock(&self.line.inner.loss) = Loss::default();
        self.line.show(|shown| {
            if shown.condition != "recovering" {
                shown.condition = "starting";
            }
            shown.until = None;
        });
        self.modem.prepare().await
    }

    /// Everything with a modem that is ready.
    async fn session(&self, info: ModemInfo, trouble: &mut Trouble) -> SessionEnd {
        let sim = match sim_name::of(self.core(), self.name(), &info).await {
            Ok(sim) => sim,
            Err(error) => return SessionEnd::Failed(Failure::elsewhere(store_fault(&error))),
        };
        let before = lock(&self.line.inner.last_sim).replace(sim.clone());
        if before.is_some_and(|before| before != sim) {
            tracing::info!(modem = %self.name(), "another SIM: what belongs to the last one waits for it");
            trouble.forget_calls();
        }
        if !std::mem::take(&mut trouble.lost_by_call) {
            trouble.forget_calls();
        }
        if let Err(error) = self.pick_up(&sim, &info.iccid).await {
            return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
        }
        if let Err(error) = self.line.read_data_use(&sim).await {
            return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
        }
        trouble.upkeep.in_service(self.line);
        *lock(&self.line.inner.sim) = Some(sim.clone());
        self.line.show(|shown| {
            shown.condition = "ready";
            shown.rung = None;
            shown.until = None;
            shown.operator = info.operator.clone();
            shown.device.manufacturer.clone_from(&info.manufacturer);
            shown.device.model.clone_from(&info.model);
            shown.device.revision.clone_from(&info.revision);
            shown.device.profile.clone_from(&info.profile.name);
            shown.device.profile_reason = info.profile.reason.to_string();
            shown.device.profile_verified = info.profile.verified;
            shown.device.sharing = Some(info.sharing);
            shown.device.ports.clone_from(&info.ports);
            shown.signal_dbm = info.signal_dbm;
            shown.registration = Some(info.registration);
            shown.sim = Some(SimView::of(&info.imsi, &info.iccid));
            shown.line_fault = None;
        });
        self.sim.send_replace(Some(sim.clone()));
        self.drain(&info).await;
        let settings = self.line.inner.config.operator.clone();
        let shift = settings.map(|settings| {
            Shift::new(self.core().clone(), self.name().to_owned(), sim.clone(), settings)
        });
        let mut network = Network::of(info.registration);
        let mut signal = info.signal_dbm;
        let mut next_ping = Instant::now() + PING;
        let mut next_check = Instant::now() + self.core().timing.sweep_every;
        loop {
            if let Err(error) = self.follow_network(&mut network, &mut signal, &sim, trouble).await
            {
                return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
            }
            if let Err(error) = self.line.follow_month(&sim).await {
                return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
            }
            let due = match self.next_due(&sim).await {
                Ok(due) => due,
                Err(error) => return SessionEnd::Failed(Failure::elsewhere(store_fault(&error))),
            };
            let now = self.core().now();
            if due.is_some_and(|due| due <= now) {
                let pause = network
                    .fault(now)
                    .or_else(|| self.cap_reached())
                    .or_else(|| trouble.call_pause.clone().filter(|(until, _)| now < *until));
                let pause = match &shift {
                    Some(_) => pause,
                    None => Some((now.plus(HELD), self.no_settings())),
                };
                if let Some((until, fault)) = pause {
                    if let Err(error) = self.postpone(Hold::NoCall, Some(&sim), &fault, until).await
                    {
                        return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
                    }
                } else if let Some(shift) = &shift
                    && let Some(end) = self.call(shift, &info, trouble).await
                {
                    return end;
                }
                next_ping = Instant::now() + PING;
                continue;
            }
            let until = due.map(|due| self.core().clock.instant_of(due));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return SessionEnd::Stopped,
                () = self.line.inner.gone.notified() => {
                    if let Some(failure) = lock(&self.line.inner.loss).of(info.session) {
                        return SessionEnd::Failed(failure);
                    }
                }
                () = self.line.inner.urgent.notified() => trouble.forget_calls(),
                () = self.line.inner.wake.notified() => {}
                () = sleep_until(until) => {}
                () = tokio::time::sleep_until(next_ping) => {
                    let deep = Instant::now() >= next_check;
                    if deep {
                        next_check = Instant::now() + self.core().timing.sweep_every;
                    }
                    if let Err(error) = self.look_after(deep || network.is_missing()).await {
                        return SessionEnd::Failed(Failure::from(&error));
                    }
                    if trouble.call_pause.is_some() {
                        self.look_around().await;
                    }
                    next_ping = Instant::now() + PING;
                }
            }
        }
    }

    /// Has the storages looked through. On a modem with one port nothing can be read or deleted
    /// once a call is up, so that this waits until it is done.
    pub(super) async fn drain(&self, info: &ModemInfo) {
        let mut swept = self.swept.subscribe();
        self.sweep.notify_one();
        if info.sharing == PortSharing::One {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                _ = swept.changed() => {}
                () = tokio::time::sleep(LONGEST_SWEEP) => {}
            }
        }
    }

    /// Asks the modem whether it is still there, now and then also what it has forgotten.
    async fn look_after(&self, deep: bool) -> Result<(), ModemError> {
        self.modem.check(deep).await?;
        if deep && let Ok(registration) = self.modem.registration().await {
            self.line.registration(registration);
        }
        Ok(())
    }

    /// Whether the network has changed since a call failed there.
    async fn look_around(&self) {
        if let Ok(registration) = self.modem.registration().await {
            self.line.registration(registration);
        }
        if let Ok(signal) = self.modem.signal().await {
            self.line.signal(signal);
        }
    }

    /// Shows when the network is lost and found, and takes up again what waited for it.
    async fn follow_network(
        &self,
        network: &mut Network,
        signal: &mut Option<i16>,
        sim: &str,
        trouble: &mut Trouble,
    ) -> Result<(), StoreError> {
        let now = self.line.shown().registration.unwrap_or(Registration::Unknown);
        let missing = network.is_missing();
        let changed = std::mem::replace(network, Network::of(now)) != Network::of(now);
        let heard = std::mem::replace(signal, self.line.shown().signal_dbm);
        let signal_back = is_back(heard, *signal);
        if network.is_missing() {
            if changed || !missing || self.line.shown().line_fault.is_none() {
                let fault = network.why();
                self.line.show(|shown| {
                    shown.condition = "waiting";
                    shown.last_error = Some((self.core().now(), fault.clone()));
                    shown.line_fault = Some(fault);
                });
            }
        } else if missing || (changed || signal_back) && trouble.call_pause.is_some() {
            trouble.forget_calls();
            self.core().store.resume(self.name(), sim, self.core().now()).await?;
            self.line.show(|shown| {
                shown.condition = "ready";
                shown.line_fault = None;
            });
        }
        Ok(())
    }

    /// What the last session left in the middle because the store failed under it, and what came
    /// before the SIM was known by its name.
    async fn pick_up(&self, sim: &str, iccid: &str) -> Result<(), StoreError> {
        let core = self.core();
        let changes = sim_name::take_in(core, self.name(), sim, iccid).await?;
        core.events.changes(&changes);
        core.store.resume(self.name(), sim, core.now()).await?;
        let lost = Interrupted.to_fault();
        let changes =
            core.store.recover_line(self.name(), lost, core.resend_unknown, core.now()).await?;
        core.events.changes(&changes);
        Ok(())
    }

    /// Why a modem without the operator's settings makes no call.
    fn no_settings(&self) -> Fault {
        MmsNotConfigured { modem: self.name().to_owned() }.to_fault()
    }

    async fn next_due(&self, sim: &str) -> Result<Option<Timestamp>, StoreError> {
        self.expire().await?;
        self.core().store.next_due(self.name(), Some(sim)).await
    }

    /// Ends what is too late.
    pub(super) async fn expire(&self) -> Result<(), StoreError> {
        let core = self.core();
        let now = core.now();
        core.events.changes(&core.store.expire_submissions(now).await?);
        core.events.changes(&core.store.expire_retrievals(now).await?);
        Ok(())
    }

    /// Shows at every text that is due why it does not move.
    pub(super) async fn postpone_texts(
        &self,
        fault: &Fault,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let core = self.core();
        let changes = core
            .store
            .postpone_submissions(
                self.name(),
                Kind::Sms,
                Hold::NoModem,
                fault.clone(),
                next,
                core.now(),
            )
            .await?;
        core.events.changes(&changes);
        Ok(())
    }

    /// Shows at every message that is due why it does not move.
    pub(super) async fn postpone(
        &self,
        hold: Hold,
        sim: Option<&str>,
        fault: &Fault,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let core = self.core();
        let now = core.now();
        let changes = core
            .store
            .postpone_submissions(self.name(), Kind::Mms, hold, fault.clone(), next, now)
            .await?;
        core.events.changes(&changes);
        if let Some(sim) = sim {
            let changes = core.store.postpone_retrievals(sim, fault.clone(), next, now).await?;
            core.events.changes(&changes);
        }
        Ok(())
    }

    pub(super) fn core(&self) -> &Core {
        &self.line.inner.core
    }

    pub(super) fn name(&self) -> &str {
        &self.line.inner.config.name
    }
}

/// Whether a signal that was hardly there can be used now.
fn is_back(before: Option<i16>, now: Option<i16>) -> bool {
    before.is_none_or(|it| it < HARDLY_HEARD_DBM) && now.is_some_and(|it| it >= HARDLY_HEARD_DBM)
}

/// For logs: the other side's words may hold numbers.
pub(super) fn quiet(words: &impl std::fmt::Display) -> String {
    redact::digits_in(&words.to_string())
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! One worker a modem: prepare, sweep the SMS, then wait for work; one data call serves all that
//! is due, lingers and hangs up. What fails is shown and tried again later; messages stay queued.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::config::ModemConfig;
use super::events::{DeviceView, ModemView};
use super::modem_view::{PortSharing, SimView, StorageView};
use super::policy::{Interrupted, WorkerEnded};
use super::reader::{Reader, store_fault};
use super::schedule::Schedule;
use super::shift::Shift;
use super::texts::Texts;
use super::{Core, Deps, StartError};
use crate::bearer::{Bearer, BearerConfig, BearerError, CallLabel, UpFailed};
use crate::mm1::{Client, Identity};
use crate::model::{Explain, Fault, Kind, MessageId, StageSink, Timestamp, redact};
use crate::modem::{
    self, DataCall, Modem, ModemError, ModemInfo, PdpAuth, PdpContext, ProfileChoice, Profiles,
    RecoveryCounts, RecoveryStep, Registration, Rung,
};
use crate::operators::{Auth, Settings};
use crate::proto::ppp::{AuthProtocol, Credentials};
use crate::store::StoreError;

/// How long a modem may look for a network before that is shown as a fault.
const REGISTRATION_LIMIT: Duration = Duration::from_secs(120);

/// How long a look through the storages may hold a call up: as long as listing them may take.
const LONGEST_SWEEP: Duration = Duration::from_secs(120);

/// How long a transaction under way may take to end when the gateway stops; what is cut off is
/// sorted out at the next start.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The worker of one modem; clones share it.
#[derive(Clone)]
pub(super) struct Line {
    inner: Arc<Inner>,
}

struct Inner {
    config: ModemConfig,
    profile: ProfileChoice,
    core: Core,
    deps: Deps,
    wake: Notify,
    /// There may be texts to send.
    text_wake: Notify,
    /// Who holds it has the only port: a data call, or texts that wait for its end.
    turn: tokio::sync::Mutex<()>,
    /// A person wants it now: pauses end.
    urgent: Notify,
    gone: Notify,
    /// Why the modem was lost, until the worker has seen it.
    loss: Mutex<Option<Fault>>,
    driver: Mutex<Driver>,
    /// The SIM that a session works with.
    sim: Mutex<Option<String>>,
    shown: Mutex<Shown>,
    /// The message that a call is made for, for the stages of dialling.
    about: Mutex<Option<MessageId>>,
}

/// The modem's driver, and what it had moved when it ended.
enum Driver {
    Running(Modem),
    Ended((u64, u64)),
}

/// What people see, besides the octets.
#[derive(Clone)]
struct Shown {
    condition: &'static str,
    since: Timestamp,
    rung: Option<Rung>,
    until: Option<Timestamp>,
    operator: Option<String>,
    signal_dbm: Option<i16>,
    registration: Option<Registration>,
    device: DeviceView,
    sim: Option<SimView>,
    storages: Vec<StorageView>,
    last_error: Option<(Timestamp, Fault)>,
    steps: VecDeque<RecoveryStep>,
    recovery: RecoveryCounts,
    line_fault: Option<Fault>,
    sms_fault: Option<Fault>,
}

/// Why a session with a modem ended.
enum SessionEnd {
    Stopped,
    Failed(Fault),
}

/// What the worker knows of its failures.
#[derive(Default)]
struct Trouble {
    prepare_failures: u32,
    call_failures: u32,
    /// No call before this, unless a person wants one.
    call_pause: Option<(Timestamp, Fault)>,
    sim: Option<String>,
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
                loss: Mutex::new(None),
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

    pub(super) fn view(&self) -> ModemView {
        let shown = self.shown().clone();
        ModemView {
            name: self.inner.config.name.clone(),
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
            fault: shown.line_fault.or(shown.sms_fault),
            octets: match &*lock(&self.inner.driver) {
                Driver::Running(modem) => modem.octets(),
                Driver::Ended(octets) => *octets,
            },
        }
    }

    /// The modem cannot be used any more.
    pub(super) fn modem_gone(&self, error: ModemError) {
        tracing::warn!(modem = %self.inner.config.name, "modem lost: {}", quiet(&error));
        *lock(&self.inner.loss) = Some(error.to_fault());
        self.inner.gone.notify_one();
    }

    /// Shows why short messages are not taken, or that they are.
    pub(super) fn sms_trouble(&self, fault: Option<Fault>) {
        self.show(|shown| shown.sms_fault = fault);
    }

    /// Where the modem is registered now.
    pub(super) fn registration(&self, registration: Registration) {
        self.show(|shown| shown.registration = Some(registration));
    }

    /// How full the modem's storages are now.
    pub(super) fn storages(&self, storages: Vec<StorageView>) {
        if self.shown().storages != storages {
            self.show(|shown| shown.storages = storages);
        }
    }

    /// The signal as the modem tells it now.
    pub(super) fn signal(&self, signal_dbm: Option<i16>) {
        if self.shown().signal_dbm != signal_dbm {
            self.show(|shown| shown.signal_dbm = signal_dbm);
        }
    }

    /// Where stages of dialling are told: about the message that the call is made for.
    fn call_stages(&self) -> StageSink {
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
                registration_limit: REGISTRATION_LIMIT,
            },
            Arc::clone(&self.inner.deps.ports),
            Arc::clone(&self.inner.deps.tap),
            self.inner.core.clock,
            self.call_stages(),
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

    fn show(&self, change: impl FnOnce(&mut Shown)) {
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

    fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.inner.shown)
    }
}

struct Worker<'a> {
    line: &'a Line,
    modem: Modem,
    sim: watch::Sender<Option<String>>,
    sweep: Arc<Notify>,
    /// Counts looks through the storages that were asked for and are over.
    swept: Arc<watch::Sender<u64>>,
    stop: CancellationToken,
}

impl Worker<'_> {
    async fn run(self, trouble: &mut Trouble) {
        loop {
            let end = tokio::select! {
                biased;
                () = self.stop.cancelled() => SessionEnd::Stopped,
                info = self.prepare() => match info {
                    Ok(info) => {
                        trouble.prepare_failures = 0;
                        self.session(info, trouble).await
                    }
                    Err(error) => SessionEnd::Failed(error.to_fault()),
                },
            };
            let SessionEnd::Failed(fault) = end else { return };
            lock(&self.line.inner.sim).take();
            self.sim.send_replace(None);
            trouble.prepare_failures = trouble.prepare_failures.saturating_add(1);
            if self.wait_out(&fault, trouble).await {
                return;
            }
        }
    }

    async fn prepare(&self) -> Result<ModemInfo, ModemError> {
        // A loss that ended the last session is no news for the next one; any later one is.
        lock(&self.line.inner.loss).take();
        self.line.show(|shown| shown.condition = "starting");
        self.modem.prepare().await
    }

    /// Shows the fault and waits; true when the gateway stops.
    async fn wait_out(&self, fault: &Fault, trouble: &Trouble) -> bool {
        let core = self.core();
        let pause = Schedule::LINE.pause(trouble.prepare_failures, &core.random);
        let next = core.now().plus(pause);
        tracing::warn!(
            modem = %self.name(), pause = pause.as_secs(), "modem not usable: {}", quiet(fault)
        );
        self.line.show(|shown| {
            shown.condition = "waiting";
            shown.line_fault = Some(fault.clone());
        });
        let until = tokio::time::Instant::now() + pause;
        loop {
            let shown = async {
                self.expire().await?;
                self.postpone_texts(fault, next).await?;
                self.postpone(trouble.sim.as_deref(), fault, next).await
            };
            if let Err(error) = shown.await {
                tracing::error!(modem = %self.name(), "{error}");
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return true,
                () = self.line.inner.urgent.notified() => return false,
                () = self.line.inner.wake.notified() => {}
                () = tokio::time::sleep_until(until) => return false,
            }
        }
    }

    /// Everything with a modem that is ready.
    async fn session(&self, info: ModemInfo, trouble: &mut Trouble) -> SessionEnd {
        // Some modems keep it to themselves; then the port must do.
        let port = nameless_sim(self.name());
        let sim = if info.imsi.is_empty() { port.clone() } else { info.imsi.clone() };
        trouble.sim = Some(sim.clone());
        if let Err(error) = self.pick_up(&port, &sim).await {
            return SessionEnd::Failed(store_fault(&error));
        }
        self.line.show(|shown| {
            shown.condition = "ready";
            shown.operator = info.operator.clone();
            shown.device.manufacturer.clone_from(&info.manufacturer);
            shown.device.model.clone_from(&info.model);
            shown.device.revision.clone_from(&info.revision);
            shown.device.profile.clone_from(&info.profile.name);
            shown.device.profile_reason = info.profile.reason.to_string();
            shown.device.profile_verified = info.profile.verified;
            shown.device.sharing = Some(info.sharing);
            shown.signal_dbm = info.signal_dbm;
            shown.registration = Some(info.registration);
            shown.device.manufacturer.clone_from(&info.manufacturer);
            shown.device.model.clone_from(&info.model);
            shown.device.revision.clone_from(&info.revision);
            shown.sim = Some(SimView::of(&info.imsi, ""));
            shown.line_fault = None;
        });
        *lock(&self.line.inner.sim) = Some(sim.clone());
        self.sim.send_replace(Some(sim.clone()));
        self.drain(&info).await;
        let settings = self.line.inner.config.operator.clone();
        let shift = Shift::new(self.core().clone(), self.name().to_owned(), sim.clone(), settings);
        loop {
            let due = match self.next_due(&sim).await {
                Ok(due) => due,
                Err(error) => return SessionEnd::Failed(store_fault(&error)),
            };
            let now = self.core().now();
            if due.is_some_and(|due| due <= now) {
                match trouble.call_pause.clone() {
                    Some((until, fault)) if now < until => {
                        if let Err(error) = self.postpone(Some(&sim), &fault, until).await {
                            return SessionEnd::Failed(store_fault(&error));
                        }
                    }
                    _ => {
                        if let Some(end) = self.call(&shift, &info, trouble).await {
                            return end;
                        }
                    }
                }
                continue;
            }
            let until = due.map(|due| self.core().clock.instant_of(due));
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return SessionEnd::Stopped,
                () = self.line.inner.gone.notified() => {
                    if let Some(fault) = lock(&self.line.inner.loss).take() {
                        return SessionEnd::Failed(fault);
                    }
                }
                () = self.line.inner.urgent.notified() => trouble.call_pause = None,
                () = self.line.inner.wake.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Has the storages looked through. On a modem with one port nothing can be read or deleted
    /// once a call is up, so that this waits until it is done.
    async fn drain(&self, info: &ModemInfo) {
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

    /// What the last session left in the middle because the store failed under it, and short
    /// messages that came before their SIM was known.
    async fn pick_up(&self, port: &str, sim: &str) -> Result<(), StoreError> {
        let core = self.core();
        core.store.see_sim(sim, None, self.name(), core.now()).await?;
        core.store.adopt_tpdus(port, sim).await?;
        let lost = Interrupted.to_fault();
        let changes =
            core.store.recover_line(self.name(), lost, core.resend_unknown, core.now()).await?;
        core.events.changes(&changes);
        Ok(())
    }

    async fn next_due(&self, sim: &str) -> Result<Option<Timestamp>, StoreError> {
        self.expire().await?;
        self.core().store.next_due(self.name(), Some(sim)).await
    }

    /// Ends what is too late.
    async fn expire(&self) -> Result<(), StoreError> {
        let core = self.core();
        let now = core.now();
        core.events.changes(&core.store.expire_submissions(now).await?);
        core.events.changes(&core.store.expire_retrievals(now).await?);
        Ok(())
    }

    /// One data call; an end only when the session cannot go on.
    async fn call(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        trouble: &mut Trouble,
    ) -> Option<SessionEnd> {
        let about =
            self.core().store.next_message(self.name(), &shift.sim, self.core().now()).await;
        *lock(&self.line.inner.about) = about.ok().flatten();
        let turn = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Some(SessionEnd::Stopped),
            turn = self.line.turn() => turn,
        };
        self.line.show(|shown| shown.condition = "calling");
        let outcome = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Some(SessionEnd::Stopped),
            up = self.go_up(&shift.settings) => up,
        };
        let end = match outcome {
            Ok(bearer) => self.use_call(shift, info, bearer, trouble).await,
            Err(CallFailure { fault, session_over }) => {
                match self.call_failed(&shift.sim, &fault, trouble).await {
                    Ok(()) => session_over.then_some(SessionEnd::Failed(fault)),
                    Err(error) => Some(SessionEnd::Failed(store_fault(&error))),
                }
            }
        };
        *lock(&self.line.inner.about) = None;
        if end.is_none() {
            self.line.show(|shown| {
                shown.condition = if shown.line_fault.is_some() { "waiting" } else { "ready" };
            });
        }
        // Texts that wait to be sent have their turn before the next call.
        drop(turn);
        // Whatever arrived while the port was busy.
        self.drain(info).await;
        if self.stop.is_cancelled() { Some(SessionEnd::Stopped) } else { end }
    }

    async fn go_up(&self, settings: &Settings) -> Result<Bearer<DataCall>, CallFailure> {
        let call = self.modem.dial(&context(settings)).await.map_err(|error| CallFailure {
            session_over: matches!(
                error,
                ModemError::Port(_)
                    | ModemError::NoAnswer { .. }
                    | ModemError::Multiplexer { .. }
                    | ModemError::NotReady
                    | ModemError::Stopped
                    | ModemError::StuckInDataMode { .. }
            ),
            fault: error.to_fault(),
        })?;
        let label = CallLabel { modem: self.name().to_owned(), call: call.number() };
        let bearer = Bearer::up(
            call,
            bearer_config(settings),
            label,
            Arc::clone(&self.line.inner.deps.tap),
            self.core().clock,
            self.core().random.clone(),
            self.line.call_stages(),
        )
        .await;
        match bearer {
            Ok(bearer) => Ok(bearer),
            Err(UpFailed { error, stream }) => {
                let hung_up = stream.hang_up().await;
                Err(CallFailure { fault: error.to_fault(), session_over: hung_up.is_err() })
            }
        }
    }

    async fn use_call(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        bearer: Bearer<DataCall>,
        trouble: &mut Trouble,
    ) -> Option<SessionEnd> {
        self.line.show(|shown| shown.line_fault = None);
        let served = self.serve(shift, info, &bearer).await;
        let hung_up = bearer.down().await.hang_up().await;
        let settled = match served {
            Ok(Served { lost: Some(error), worked: false }) => {
                // A call that comes up and breaks at once must not be dialled without a pause.
                self.call_failed(&shift.sim, &error.to_fault(), trouble).await
            }
            Ok(_) => {
                trouble.call_failures = 0;
                trouble.call_pause = None;
                Ok(())
            }
            Err(error) => Err(error),
        };
        match (settled, hung_up) {
            (Err(error), _) => Some(SessionEnd::Failed(store_fault(&error))),
            (Ok(()), Err(error)) => Some(SessionEnd::Failed(error.to_fault())),
            (Ok(()), Ok(())) => None,
        }
    }

    /// Serves what is due, then lingers for what may come.
    async fn serve(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        bearer: &Bearer<DataCall>,
    ) -> Result<Served, StoreError> {
        let own_number = self.line.inner.config.own_number.as_ref();
        let identity = Identity {
            own_number: own_number.map(|number| number.text().to_owned()),
            imsi: Some(info.imsi.clone()).filter(|imsi| !imsi.is_empty()),
        };
        let client = Client::new(bearer.net(), shift.settings.clone(), identity);
        let mut served = Served { worked: false, lost: None };
        let longest = self.core().timing.longest_call;
        let begun = tokio::time::Instant::now();
        loop {
            tokio::select! {
                biased;
                error = bearer.closed() => {
                    served.lost = Some(error);
                    return Ok(served);
                }
                () = std::future::ready(()) => {}
            }
            let worked = tokio::select! {
                biased;
                worked = shift.step(&client) => worked?,
                () = async {
                    self.stop.cancelled().await;
                    tokio::time::sleep(STOP_GRACE).await;
                } => return Ok(served),
            };
            served.worked |= worked;
            if self.stop.is_cancelled() {
                return Ok(served);
            }
            if worked {
                if info.sharing == PortSharing::One && begun.elapsed() >= longest {
                    tracing::info!(modem = %self.name(), "hanging up to look for short messages");
                    return Ok(served);
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(served),
                error = bearer.closed() => {
                    tracing::info!(modem = %self.name(), "data call over: {}", quiet(&error));
                    served.lost = Some(error);
                    return Ok(served);
                }
                () = self.line.inner.wake.notified() => {}
                () = tokio::time::sleep(self.core().timing.linger) => return Ok(served),
            }
        }
    }

    async fn call_failed(
        &self,
        sim: &str,
        fault: &Fault,
        trouble: &mut Trouble,
    ) -> Result<(), StoreError> {
        let core = self.core();
        trouble.call_failures = trouble.call_failures.saturating_add(1);
        let pause = Schedule::LINE.pause(trouble.call_failures, &core.random);
        let next = core.now().plus(pause);
        tracing::warn!(modem = %self.name(), pause = pause.as_secs(), "no data call: {}", quiet(fault));
        trouble.call_pause = Some((next, fault.clone()));
        self.line.show(|shown| shown.line_fault = Some(fault.clone()));
        self.postpone(Some(sim), fault, next).await
    }

    /// Shows at every text that is due why it does not move.
    async fn postpone_texts(&self, fault: &Fault, next: Timestamp) -> Result<(), StoreError> {
        let core = self.core();
        let changes = core
            .store
            .postpone_submissions(self.name(), Kind::Sms, fault.clone(), next, core.now())
            .await?;
        core.events.changes(&changes);
        Ok(())
    }

    /// Shows at every message that is due why it does not move.
    async fn postpone(
        &self,
        sim: Option<&str>,
        fault: &Fault,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let core = self.core();
        let now = core.now();
        let changes = core
            .store
            .postpone_submissions(self.name(), Kind::Mms, fault.clone(), next, now)
            .await?;
        core.events.changes(&changes);
        if let Some(sim) = sim {
            let changes = core.store.postpone_retrievals(sim, fault.clone(), next, now).await?;
            core.events.changes(&changes);
        }
        Ok(())
    }

    fn core(&self) -> &Core {
        &self.line.inner.core
    }

    fn name(&self) -> &str {
        &self.line.inner.config.name
    }
}

/// What became of a data call.
struct Served {
    /// Anything was done.
    worked: bool,
    /// It broke by itself.
    lost: Option<BearerError>,
}

/// Why no data call came about.
struct CallFailure {
    fault: Fault,
    /// The modem itself must be prepared again.
    session_over: bool,
}

fn context(settings: &Settings) -> PdpContext {
    PdpContext {
        apn: settings.apn.clone(),
        pdp_type: settings.pdp_type.clone(),
        user: settings.user.clone(),
        password: settings.password.clone(),
        auth: match settings.auth {
            Auth::Any => PdpAuth::Any,
            Auth::None => PdpAuth::None,
            Auth::Pap => PdpAuth::Pap,
            Auth::Chap => PdpAuth::Chap,
        },
    }
}

fn bearer_config(settings: &Settings) -> BearerConfig {
    let named = !settings.user.is_empty() || !settings.password.expose().is_empty();
    BearerConfig {
        credentials: named.then(|| Credentials {
            user: settings.user.clone(),
            password: settings.password.clone(),
        }),
        prefer: match settings.auth {
            Auth::Pap => Some(AuthProtocol::Pap),
            Auth::Chap => Some(AuthProtocol::ChapMd5),
            Auth::Any | Auth::None => None,
        },
        name_servers: settings.name_servers.clone(),
        ..BearerConfig::default()
    }
}

/// The profile that the configuration wants, from the user's folder or the program's own.
fn profile(name: &str, dir: Option<&Path>) -> Result<ProfileChoice, String> {
    let profiles = match dir {
        Some(dir) => Arc::new(Profiles::with_folder(dir).map_err(|error| error.to_string())?),
        None => Profiles::embedded(),
    };
    if name == "auto" {
        return Ok(ProfileChoice::auto(&profiles, None));
    }
    profiles.named(name).map(ProfileChoice::fixed).map_err(|error| error.to_string())
}

/// What stands for a SIM that is not known, or not yet.
pub(super) fn nameless_sim(modem: &str) -> String {
    format!("modem:{modem}")
}

/// For logs: the other side's words may hold numbers.
pub(super) fn quiet(words: &impl std::fmt::Display) -> String {
    redact::digits_in(&words.to_string())
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! One line a modem: what is known and shown of it, and its tasks (`worker`, `reader`, `texts`), which
//! are started again when they end by themselves.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::config::ModemConfig;
use super::data_use::DataView;
use super::events::{DeviceView, ModemView};
use super::loss::Loss;
use super::modem_view::{PortSharing, SimView, StorageView};
use super::plan::profile;
use super::policy::WorkerEnded;
use super::reader::{Reader, store_fault};
use super::schedule::Schedule;
use super::set_up::SetUp;
use super::texts::Texts;
use super::upkeep::{Failure, unreadable_fault};
use super::way::Held;
use super::worker::{Trouble, Worker};
use super::{Core, Deps, StartError};
use crate::model::{Address, Explain, Fault, MessageId, StageSink, Timestamp, redact};
use crate::modem::{
    self, Modem, ModemError, ProfileChoice, RecoveryCounts, RecoveryStep, Registration, Rung,
    UnreadableSms,
};
use crate::store::StoreError;

/// How long a modem may look for a network before that is shown as a fault.
pub(super) const REGISTRATION_LIMIT: Duration = Duration::from_secs(20);

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
    /// Who holds it looks what may leave next, and takes it.
    pub(super) gate: tokio::sync::Mutex<()>,
    /// A person wants it now: pauses end.
    pub(super) urgent: Notify,
    pub(super) gone: Notify,
    /// Why the modem was lost, until the worker has seen it.
    pub(super) loss: Mutex<Loss>,
    /// The SIM that was in it last.
    pub(super) last_sim: Mutex<Option<String>>,
    /// Data calls since the start, and the octets that they sent and received.
    pub(super) calls: Mutex<(u64, u64, u64)>,
    driver: Mutex<Driver>,
    /// The SIM that a session works with.
    pub(super) sim: Mutex<Option<String>>,
    /// Settings that are not in the configuration.
    pub(super) set_up: Mutex<SetUp>,
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
    /// Somebody, or the operator's refusals, hold what is to be sent back.
    pub(super) hold_fault: Option<Fault>,
    /// Until when the next messages are held back, and why.
    pub(super) held: Held,
    /// What the SIM has used of the month's data.
    pub(super) data: Option<DataView>,
    pub(super) unreadable: Vec<UnreadableSms>,
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
            hold_fault: None,
            held: Held::default(),
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
                gate: tokio::sync::Mutex::new(()),
                urgent: Notify::new(),
                gone: Notify::new(),
                loss: Mutex::default(),
                last_sim: Mutex::new(None),
                calls: Mutex::default(),
                driver: Mutex::new(Driver::Ended((0, 0))),
                sim: Mutex::new(None),
                set_up: Mutex::default(),
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

    /// The SIM that was in the modem last, also while it cannot be used.
    pub(super) fn last_sim(&self) -> Option<String> {
        lock(&self.inner.last_sim).clone()
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
            mms: self.carries_mms(),
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
            fault: (shown.line_fault.or(shown.hold_fault).or(shown.sms_fault).or(data_fault))
                .or(shown.room_fault)
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

/// For logs: the other side's words may hold numbers.
pub(super) fn quiet(words: &impl std::fmt::Display) -> String {
    redact::digits_in(&words.to_string())
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The work with one modem: prepare, sweep the SMS, then wait for work; one data call serves all that
//! is due, lingers and hangs up. What fails is shown and tried again later; messages stay queued.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Core;
use super::line::{Line, lock};
use super::loss::Loss;
use super::modem_view::{PortSharing, SimView};
use super::policy::{Interrupted, MmsNotConfigured};
use super::reader::store_fault;
use super::shift::Shift;
use super::sim_name;
use super::upkeep::{Failure, HELD, Network, Upkeep};
use crate::model::{Explain, Fault, Kind, Timestamp};
use crate::modem::{Modem, ModemError, ModemInfo, Registration};
use crate::store::{Hold, StoreError};

/// How long a look through the storages may hold a call up: as long as listing them may take.
const LONGEST_SWEEP: Duration = Duration::from_secs(120);

/// How often a modem in service is asked whether it is still there.
const PING: Duration = Duration::from_secs(10);

/// Below this, in dBm, calls mostly fail (3GPP TS 27.007 clause 8.5: `<rssi>` 5).
const HARDLY_HEARD_DBM: i16 = -103;

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
    pub(super) async fn run(self, trouble: &mut Trouble) {
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
        if let Err(error) = self.line.find_set_up(&self.modem, &info, &sim).await {
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
        if let Err(error) = self.line.show_holds(Some(&sim)).await {
            return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
        }
        self.sim.send_replace(Some(sim.clone()));
        self.drain(&info).await;
        let mut shift: Option<Shift> = None;
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
            if let Err(error) = self.hold_back(&sim).await {
                return SessionEnd::Failed(Failure::elsewhere(store_fault(&error)));
            }
            let settings = self.line.settings();
            if shift.as_ref().map(|it| &it.settings) != settings.as_ref() {
                shift = settings.map(|settings| Shift::new(self.line, sim.clone(), settings));
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

    /// Has nothing dialled for what must not leave now.
    async fn hold_back(&self, sim: &str) -> Result<(), StoreError> {
        self.expire().await?;
        let _gate = self.line.inner.gate.lock().await;
        self.line.may_send(Kind::Mms, sim).await.map(drop)
    }

    async fn next_due(&self, sim: &str) -> Result<Option<Timestamp>, StoreError> {
        self.core().store.next_due(self.name(), Some(sim)).await
    }

    /// Ends what is too late.
    pub(super) async fn expire(&self) -> Result<(), StoreError> {
        let core = self.core();
        let _still = core.setting_clock.read().await;
        let now = core.now();
        let known = core.clock.is_synchronised();
        core.events.changes(&core.store.expire_submissions(now).await?);
        core.events.changes(&core.store.expire_retrievals(known, now).await?);
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

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

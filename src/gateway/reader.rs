//! Takes short messages from one modem: read, make durable, only then delete (3GPP TS 27.005
//! clauses 3.4.1 and 3.5.4). Runs beside the data calls: on two ports SMS are read during a call,
//! on one port the modem answers "in call" at once and the line asks for a sweep after hang-up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::line::{Line, quiet};
use super::modem_view::StorageView;
use super::push::Intake;
use super::sim_name;
use crate::model::{Explain, Fault};
use crate::modem::{Modem, ModemError, ModemEvent, StoredSms, Swept};
use crate::store::StoreError;

/// `<stat>` of messages that came from the network: 0 unread, 1 read (3GPP TS 27.005 clause 3.1).
const RECEIVED: std::ops::RangeInclusive<u8> = 0..=1;

/// When what could not be read or deleted is tried again; twice as long each time.
const SOON_AGAIN: Duration = Duration::from_secs(20);
/// The longest such pause: one listing a minute wears nothing out.
const AGAIN_AT_LAST: Duration = Duration::from_secs(60);
/// After damage on the line the storages are looked at so soon: it mostly comes in bursts.
const AFTER_DAMAGE: Duration = Duration::from_secs(3);

/// What a reader needs.
pub(super) struct Reader {
    pub(super) line: Line,
    pub(super) modem: Modem,
    /// IMSI of the SIM in the modem; none while the modem is not ready.
    pub(super) sim: watch::Receiver<Option<String>>,
    /// Asks for a look through all storages.
    pub(super) sweep: Arc<Notify>,
    /// Counts the looks that were asked for and are over.
    pub(super) swept: Arc<watch::Sender<u64>>,
    /// Something could not be read or deleted.
    pub(super) troubled: AtomicBool,
    /// Whether that was found out just now.
    pub(super) tried: AtomicBool,
    /// It was told that status reports cannot be read.
    pub(super) reports_told: AtomicBool,
}

/// The storage of status reports (3GPP TS 27.005 clause 3.1): nobody misses a message because of it.
pub(super) const REPORTS: &str = "SR";

/// What of the storages that could not be read keeps messages from people.
fn trouble_of(failed: Vec<(String, ModemError)>) -> Option<ModemError> {
    failed.into_iter().find(|(storage, _)| storage != REPORTS).map(|(_, error)| error)
}

/// Why a message could not be taken.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error(transparent)]
    Modem(#[from] ModemError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Reader {
    /// Works until `stop`, or until the modem's driver has ended.
    pub(super) async fn run(self, mut events: mpsc::Receiver<ModemEvent>, stop: CancellationToken) {
        let every = self.line.core().timing.sweep_every;
        let look_every = self.line.core().timing.look_every;
        let mut next_sweep = Instant::now() + every;
        let mut next_look = Instant::now() + look_every;
        // Counted by the modem, and not to be found.
        let mut unread = 0;
        let mut again = SOON_AGAIN;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                event = events.recv() => match event {
                    Some(ModemEvent::LineDamaged) => {
                        next_look = next_look.min(Instant::now() + AFTER_DAMAGE);
                    }
                    Some(event) => self.on_event(event).await,
                    None => return,
                },
                () = self.sweep.notified() => {
                    next_sweep = Instant::now() + every;
                    self.look_through().await;
                    self.swept.send_modify(|count| *count += 1);
                }
                () = tokio::time::sleep_until(next_sweep) => {
                    next_sweep = Instant::now() + every;
                    self.look_through().await;
                }
                () = tokio::time::sleep_until(next_look) => {
                    next_look = Instant::now() + look_every;
                    let found = self.unread().await;
                    // What is known to be hard to read is tried again at its own time.
                    if found > unread && !self.is_troubled() {
                        let modem = &self.line.config().name;
                        tracing::info!(%modem, found, "SMS without an indication");
                        next_sweep = Instant::now() + every;
                        self.look_through().await;
                        unread = self.unread().await;
                    } else {
                        unread = unread.min(found);
                    }
                }
            }
            // What could not be read or deleted is tried again before the next usual look.
            match (self.tried.swap(false, Ordering::Relaxed), self.is_troubled()) {
                (true, true) => {
                    next_sweep = next_sweep.min(Instant::now() + again);
                    again = (again * 2).min(AGAIN_AT_LAST);
                }
                (true, false) => again = SOON_AGAIN,
                (false, _) => {}
            }
        }
    }

    fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    async fn on_event(&self, event: ModemEvent) {
        match event {
            ModemEvent::SmsStored { storage, index: Some(index) } if !storage.is_empty() => {
                let Some(sim) = self.sim.borrow().clone() else { return };
                let taken = match self.modem.read_sms(&storage, index).await {
                    Ok(sms) => self.take(&sim, vec![sms], |_| false).await,
                    // A sweep was quicker, or the modem names the wrong place or storage.
                    Err(ModemError::NoSuchSms { .. } | ModemError::Refused { .. }) => {
                        return self.look_through().await;
                    }
                    Err(error) => Err(error.into()),
                };
                self.report(taken);
            }
            ModemEvent::SmsStored { .. } | ModemEvent::SmsStorageFull => self.look_through().await,
            ModemEvent::SmsDirect { octets, raw } => {
                let octets = if octets.is_empty() { Bytes::from(raw) } else { octets };
                // It is stored nowhere else, so it is kept even while the SIM is not known.
                let sim = self.sim.borrow().clone();
                let sim = sim.unwrap_or_else(|| sim_name::unknown_in(&self.line.config().name));
                let intake = self.intake_for(sim);
                let kept = intake.keep([("direct".to_owned(), octets, false)]).await;
                if kept.is_ok() {
                    self.acknowledge().await;
                }
                let filed = match kept {
                    Ok(_) => self.digest(intake).await,
                    Err(error) => Err(error),
                };
                self.report(filed.map_err(TakeError::Store));
            }
            ModemEvent::Registration(registration) => {
                tracing::info!(modem = %self.line.config().name, %registration, "registration");
                self.line.registration(registration);
            }
            ModemEvent::Resynced => self.line.resynced(),
            ModemEvent::LineDamaged => {}
            ModemEvent::Gone { session, error } => self.line.modem_gone(session, &error),
        }
    }

    /// How many messages lie in the modem that it has not announced. One that has lost its settings is
    /// prepared again by the line, and looked through then.
    async fn unread(&self) -> u16 {
        if self.sim.borrow().is_none() {
            return 0;
        }
        self.modem.unread_sms().await.unwrap_or(0)
    }

    async fn look_through(&self) {
        let Some(sim) = self.sim.borrow().clone() else { return };
        let taken = match self.modem.sweep().await {
            // Another SIM, whose messages these may be, is looked through by itself.
            Ok(_) if self.sim.borrow().as_ref() != Some(&sim) => return,
            Ok(swept) => self.take_all(&sim, swept).await,
            Err(error) => Err(error.into()),
        };
        self.report(taken);
        self.look_at_room().await;
        if let Ok(signal) = self.modem.signal().await {
            self.line.signal(signal);
        }
    }

    /// The message is durable; a modem that expects to hear so delivers the next one then.
    async fn acknowledge(&self) {
        if let Err(error) = self.modem.acknowledge_sms().await {
            let modem = &self.line.config().name;
            tracing::warn!(%modem, "direct SMS not acknowledged: {}", quiet(&error));
        }
    }

    /// How full the storages are once everything was taken.
    async fn look_at_room(&self) {
        let Ok(uses) = self.modem.storages().await else { return };
        let views: Vec<StorageView> = uses
            .into_iter()
            .map(|it| StorageView {
                name: it.storage,
                used: u32::from(it.used),
                total: u32::from(it.total),
            })
            .collect();
        let full = views.iter().find(|it| it.is_alarming());
        let full = full.map(|it| ModemError::StorageFull {
            storage: it.name.clone(),
            used: it.used,
            total: it.total,
        });
        self.line.storages(views, full.map(|error| error.to_fault()));
    }

    /// Takes what a look through all storages found. Of a SIM that is new here, what a storage held
    /// at first is told by the first look that could read it.
    async fn take_all(&self, sim: &str, swept: Swept) -> Result<(), TakeError> {
        let store = &self.line.core().store;
        self.line.unreadable(swept.unreadable);
        let record = store.sim(sim).await?;
        let first =
            |storage: &str| !record.as_ref().is_some_and(|record| record.has_swept(storage));
        let taken = self.take(sim, swept.found, first).await;
        if let Some((storage, error)) = swept.failed.iter().find(|(storage, _)| storage == REPORTS)
            && !self.reports_told.swap(true, Ordering::Relaxed)
        {
            let modem = &self.line.config().name;
            tracing::warn!(%modem, "status reports in {storage} cannot be read: {}", quiet(error));
        }
        let trouble = trouble_of(swept.failed);
        if !matches!(taken, Err(TakeError::Store(_))) {
            let all = trouble.is_none();
            store.swept(sim, swept.read, all, self.line.core().now()).await?;
        }
        taken?;
        // What it holds waits there.
        trouble.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Commit, then delete, then make sense of it. `first_sweep`: whether what a storage holds is
    /// found by the first look through it, for this SIM.
    async fn take(
        &self,
        sim: &str,
        found: Vec<StoredSms>,
        first_sweep: impl Fn(&str) -> bool,
    ) -> Result<(), TakeError> {
        let intake = self.intake_for(sim.to_owned());
        let received: Vec<StoredSms> =
            found.into_iter().filter(|sms| RECEIVED.contains(&sms.stat)).collect();
        if received.is_empty() {
            // Parts that a former run kept may be complete or too old by now.
            return Ok(self.digest(intake).await?);
        }
        let raw = received.iter().map(|sms| {
            let octets = if sms.octets.is_empty() {
                Bytes::copy_from_slice(sms.raw.as_bytes())
            } else {
                sms.octets.clone()
            };
            let first = first_sweep(&sms.storage);
            (format!("{} {}", sms.storage, sms.index), octets, first)
        });
        intake.keep(raw).await?;
        let mut undeleted = None;
        for sms in &received {
            if let Err(error) = self.modem.delete_sms(sms).await {
                // It is known by its octets when it is read again.
                undeleted = Some(error);
            }
        }
        self.digest(intake).await?;
        undeleted.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Makes sense of what was kept.
    async fn digest(&self, mut intake: Intake) -> Result<(), StoreError> {
        let unknown = sim_name::unknown_in(&intake.modem);
        // The SIM may have got its name since that was looked up.
        let now = self.sim.borrow().clone();
        if intake.sim == unknown {
            // Without one, what it means is found out later.
            let Some(now) = &now else { return Ok(()) };
            intake.sim.clone_from(now);
        }
        if now.is_some_and(|now| now == intake.sim) {
            self.line.core().store.adopt_tpdus(&unknown, &intake.sim).await?;
        }
        let result = intake.digest(&self.line.stages()).await;
        self.line.wake();
        result
    }

    fn intake_for(&self, sim: String) -> Intake {
        Intake { core: self.line.core().clone(), modem: self.line.config().name.clone(), sim }
    }

    fn report(&self, result: Result<(), TakeError>) {
        let modem = &self.line.config().name;
        match result {
            Ok(()) => {
                self.tried.store(true, Ordering::Relaxed);
                self.troubled.store(false, Ordering::Relaxed);
                self.line.sms_trouble(None);
            }
            // The line asks again when the port is free.
            Err(TakeError::Modem(ModemError::InCall | ModemError::NotReady)) => {}
            Err(TakeError::Modem(error)) => {
                tracing::warn!(%modem, "SMS not taken: {}", quiet(&error));
                self.tried.store(true, Ordering::Relaxed);
                self.troubled.store(true, Ordering::Relaxed);
                self.line.sms_trouble(Some(error.to_fault()));
            }
            Err(TakeError::Store(error)) => {
                tracing::error!(%modem, "SMS stay in the modem: {error}");
                self.line.sms_trouble(Some(store_fault(&error)));
            }
        }
    }
}

/// The store's trouble as people see it at the modem.
pub(super) fn store_fault(error: &StoreError) -> Fault {
    Fault {
        layer: crate::model::Layer::Store.as_str().to_owned(),
        code: "store-failed".to_owned(),
        summary: error.to_string(),
        verbatim: None,
        remedy: "check that the disk is neither full nor read-only; nothing is lost meanwhile"
            .to_owned(),
        blame: crate::model::Blame::Gateway.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_reports_that_cannot_be_read_are_no_fault_of_the_modem() {
        let refused = |storage: &str| {
            let answer = "+CMS ERROR: 302".to_owned();
            (storage.to_owned(), ModemError::Refused { command: "AT+CMGL".to_owned(), answer })
        };
        assert_eq!(trouble_of(vec![refused("SR")]), None);
        assert_eq!(trouble_of(vec![refused("SR"), refused("ME")]), Some(refused("ME").1));
    }
}

//! Keeps one modem in service: what is done when it fails, step by step up the recovery ladder,
//! and what people see of it. Runs between sessions, never during a data call, so no step can
//! come between the release of a message and its answer.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::line::{Line, Shown, lock, quiet};
use super::worker::Worker;
use crate::model::{Explain, Fault, Timestamp};
use crate::modem::usb::Unbound;
use crate::modem::{
    BACK_WITHIN, Cause, Ladder, MAX_STEPS, ModemError, Plan, PortError, RecoveryStep, Registration,
    Rung, StepResult, UnreadableSms,
};

use crate::store::Hold;

/// Between two looks for a port that has vanished.
const LOOK: Duration = Duration::from_secs(1);
/// The same when it has been away for long.
const SELDOM: Duration = Duration::from_secs(10);
/// After this it has been away for long.
const LONG: Duration = Duration::from_secs(5 * 60);
/// Between two questions to a modem that is silent.
const KNOCK: Duration = Duration::from_secs(20);
/// What waits for the modem is due at the latest then, should nobody say before that it is back.
pub(super) const HELD: Duration = Duration::from_secs(30 * 60);

/// What to do about a modem that has stopped to answer.
const USUALLY_PASSES: &str = "wait some minutes: it is asked again and restarted as far as it allows; \
    when that does not help, unplug it for ten seconds";

/// What the worker knows of its modem's failures.
#[derive(Default)]
pub(super) struct Upkeep {
    ladder: Ladder,
    /// A step whose outcome the next preparation shows.
    pending: Option<Pending>,
    /// Since when it is out of service.
    lost_at: Option<Timestamp>,
    served: bool,
    /// The last failure that the log has told.
    told: Option<String>,
}

struct Pending {
    at: Timestamp,
    rung: Rung,
    cause: Fault,
}

/// Why a modem is out of service.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) cause: Cause,
}

impl Failure {
    /// What the store has failed at is none of the modem's business.
    pub(super) const fn elsewhere(fault: Fault) -> Self {
        Self { fault, cause: Cause::Elsewhere }
    }
}

impl From<&ModemError> for Failure {
    fn from(error: &ModemError) -> Self {
        Self { fault: error.to_fault(), cause: Cause::of(error) }
    }
}

impl Upkeep {
    /// The modem serves.
    pub(super) fn in_service(&mut self, line: &Line) {
        let now = line.core().now();
        self.finish(line, StepResult::Worked);
        self.ladder.served(now);
        self.served = true;
        self.told = None;
        if let Some(since) = self.lost_at.take() {
            line.show(|shown| {
                shown.recovery.recoveries += 1;
                shown.recovery.last = Some(now.since(since));
            });
        }
    }

    fn finish(&mut self, line: &Line, result: StepResult) {
        if let Some(Pending { at, rung, cause }) = self.pending.take() {
            let took = line.core().now().since(at);
            line.stepped(RecoveryStep { at, took, rung, cause, result });
        }
    }
}

impl Line {
    /// A step was taken: shown, counted and told.
    pub(super) fn stepped(&self, step: RecoveryStep) {
        tracing::info!(
            modem = %self.config().name, rung = %step.rung, result = step.result.as_str(),
            seconds = step.took.as_secs(), "recovery step because: {}", quiet(&step.cause.summary)
        );
        self.show(|shown| {
            if let Some(count) = shown.recovery.steps.get_mut(step.rung as usize) {
                *count += 1;
            }
            if shown.steps.len() == MAX_STEPS {
                shown.steps.pop_front();
            }
            shown.steps.push_back(step);
        });
    }

    /// Shows the messages that the modem does not give out; each is told once.
    pub(super) fn unreadable(&self, now: Vec<UnreadableSms>) {
        let before = self.shown().unreadable.clone();
        if before == now {
            return;
        }
        let is_same = |one: &UnreadableSms, other: &UnreadableSms| {
            (&one.storage, one.index) == (&other.storage, other.index)
        };
        for sms in now.iter().filter(|sms| !before.iter().any(|it| is_same(it, sms))) {
            tracing::warn!(modem = %self.config().name, "{}", quiet(&sms.error()));
        }
        self.show(|shown| shown.unreadable = now);
    }

    /// A command got no answer, and the driver has brought the modem in step again by itself.
    pub(super) fn resynced(&self) {
        let cause = ModemError::Unreadable { command: "the last command".to_owned() }.to_fault();
        let cause =
            Fault { summary: "the modem did not answer a command in time".to_owned(), ..cause };
        let (at, took) = (self.core().now(), Duration::ZERO);
        self.stepped(RecoveryStep {
            at,
            took,
            rung: Rung::Resync,
            cause,
            result: StepResult::Worked,
        });
    }
}

impl Worker<'_> {
    /// Brings the modem back as far as something can be done, or waits for it; then it is worth
    /// preparing again. True when the gateway stops.
    pub(super) async fn bring_back(&self, failure: Failure, upkeep: &mut Upkeep) -> bool {
        let now = self.core().now();
        let Failure { mut fault, cause } = failure;
        if upkeep.served && cause == Cause::Silent {
            // It is the right port: it did answer there.
            USUALLY_PASSES.clone_into(&mut fault.remedy);
        }
        self.note_failure(&fault, now, upkeep);
        // A reset has its time to work.
        if !upkeep.ladder.in_grace(now) || matches!(cause, Cause::Person | Cause::Elsewhere) {
            upkeep.finish(self.line, StepResult::Failed(fault.clone()));
        }
        loop {
            let now = self.core().now();
            match upkeep.ladder.next(cause, now) {
                Plan::Again(pause) => {
                    return tokio::select! {
                        biased;
                        () = self.stop.cancelled() => true,
                        () = sleep(pause) => false,
                    };
                }
                Plan::Wait(pause) => return self.wait_out(&fault, cause, pause, upkeep).await,
                Plan::Climb(rung) => match self.climb(rung, &fault, upkeep).await {
                    Climbed::Stopped => return true,
                    Climbed::Prepare => return false,
                    Climbed::Next => {}
                },
            }
        }
    }

    fn note_failure(&self, fault: &Fault, now: Timestamp, upkeep: &mut Upkeep) {
        let first = upkeep.lost_at.is_none();
        let since = *upkeep.lost_at.get_or_insert(now);
        if upkeep.told.as_ref() != Some(&fault.code) {
            upkeep.told = Some(fault.code.clone());
            let seconds = now.since(since).as_secs();
            tracing::warn!(modem = %self.name(), seconds, "modem not usable: {}", quiet(fault));
        }
        let lost = first && upkeep.served;
        // That it is away while it restarts is no news.
        let expected = upkeep.pending.is_some() && upkeep.ladder.in_grace(now);
        self.line.show(|shown| {
            shown.recovery.losses += u64::from(lost);
            shown.recovery.brown_outs += u64::from(fault.code == "brown-out");
            if !expected {
                shown.last_error = Some((now, fault.clone()));
            }
            shown.line_fault = Some(fault.clone());
            shown.device.ports.clear();
        });
    }

    async fn climb(&self, rung: Rung, fault: &Fault, upkeep: &mut Upkeep) -> Climbed {
        let at = self.core().now();
        self.line.show(|shown| {
            shown.condition = "recovering";
            shown.rung = Some(rung);
            shown.until = None;
        });
        let result = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Climbed::Stopped,
            result = self.modem.climb(rung) => result,
        };
        let now = self.core().now();
        let cause = fault.clone();
        match result {
            Ok(back_within) => {
                upkeep.ladder.climbed(rung, now, back_within);
                upkeep.pending = Some(Pending { at, rung, cause });
                Climbed::Prepare
            }
            Err(ModemError::NotPossible { reason, .. }) => {
                upkeep.ladder.impossible(rung);
                let result = StepResult::NotPossible(reason);
                self.line.stepped(RecoveryStep { at, took: now.since(at), rung, cause, result });
                Climbed::Next
            }
            Err(error) => {
                upkeep.ladder.climbed(rung, now, BACK_WITHIN);
                let result = StepResult::Failed(error.to_fault());
                self.line.stepped(RecoveryStep { at, took: now.since(at), rung, cause, result });
                if matches!(error, ModemError::Stopped) { Climbed::Prepare } else { Climbed::Next }
            }
        }
    }

    /// Shows the fault and waits until the pause is over or the modem shows itself; true when the
    /// gateway stops.
    async fn wait_out(
        &self,
        fault: &Fault,
        cause: Cause,
        pause: Duration,
        upkeep: &mut Upkeep,
    ) -> bool {
        let since = Instant::now();
        let until = since + pause;
        let mut fault = fault.clone();
        self.show_waiting(&fault, cause, self.core().now().plus(pause), upkeep);
        let knocks = !matches!(cause, Cause::Person | Cause::Elsewhere | Cause::Sim);
        if knocks {
            // For others, and for the device: it takes another name while its port is held.
            let _ = self.modem.release().await;
        }
        let every = |since: Instant| match cause {
            Cause::Vanished if since.elapsed() < LONG => LOOK,
            Cause::Vanished => SELDOM,
            _ => KNOCK,
        };
        let mut put_off = true;
        loop {
            if std::mem::take(&mut put_off) {
                self.put_off(&fault).await;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return true,
                () = self.line.inner.urgent.notified() => return false,
                () = self.line.inner.wake.notified() => put_off = true,
                () = sleep_until(until), if cause != Cause::Vanished => return false,
                () = sleep(every(since)), if knocks => {
                    let error = match self.modem.probe().await {
                        Err(error) if !matches!(error, ModemError::Stopped) => error,
                        _ => {
                            upkeep.ladder.returned(self.core().now());
                            return false;
                        }
                    };
                    if cause == Cause::Vanished && Cause::of(&error) != Cause::Vanished {
                        // It is there again, and something else is the matter.
                        upkeep.ladder.returned(self.core().now());
                        return false;
                    }
                    let now = error.to_fault();
                    if cause == Cause::Vanished && !is_absence(&error) && now.code != fault.code {
                        fault = now;
                        self.note_failure(&fault, self.core().now(), upkeep);
                    }
                    if error.code() == "modem-in-storage-mode"
                        && let Some(rung) = upkeep.ladder.storage(self.core().now())
                    {
                        match self.climb(rung, &fault, upkeep).await {
                            Climbed::Stopped => return true,
                            Climbed::Prepare | Climbed::Next => {}
                        }
                        self.show_waiting(&fault, cause, self.core().now().plus(pause), upkeep);
                    }
                }
            }
        }
    }

    fn show_waiting(&self, fault: &Fault, cause: Cause, until: Timestamp, upkeep: &Upkeep) {
        let rung = upkeep.pending.as_ref().map(|pending| pending.rung);
        self.line.show(|shown: &mut Shown| {
            shown.condition = match (cause, rung) {
                (Cause::Person, _) => "failed",
                (_, Some(_)) => "recovering",
                (_, None) => "waiting",
            };
            shown.rung = rung;
            shown.until = (cause != Cause::Vanished).then_some(until);
            shown.line_fault = Some(fault.clone());
        });
    }

    /// Ends what is too late, and shows at everything that is due why it does not move.
    async fn put_off(&self, fault: &Fault) {
        let sim = lock(&self.line.inner.last_sim).clone();
        let next = self.core().now().plus(HELD);
        let shown = async {
            self.expire().await?;
            self.postpone_texts(fault, next).await?;
            self.postpone(Hold::NoModem, sim.as_deref(), fault, next).await
        };
        if let Err(error) = shown.await {
            tracing::error!(modem = %self.name(), "{error}");
        }
    }
}

/// The first message that a person misses; a status report is none.
pub(super) fn unreadable_fault(unreadable: &[UnreadableSms]) -> Option<Fault> {
    let missed = unreadable.iter().find(|it| it.storage != super::reader::REPORTS);
    missed.map(|it| it.error().to_fault())
}

/// Nothing is there, which is no news while a modem that has vanished is waited for.
const fn is_absence(error: &ModemError) -> bool {
    matches!(
        error,
        ModemError::Port(PortError::Missing { .. } | PortError::Gone { .. })
            | ModemError::Unbound(
                Unbound::NoModem | Unbound::Absent { .. } | Unbound::NoInterface { .. }
            )
    )
}

/// What came of a step.
enum Climbed {
    Stopped,
    Prepare,
    Next,
}

/// Whether there is a network to call over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network(Registration);

impl Network {
    pub(super) const fn of(registration: Registration) -> Self {
        Self(registration)
    }

    /// A modem that cannot tell is tried: the call itself shows.
    pub(super) const fn is_missing(self) -> bool {
        !self.0.is_registered() && !matches!(self.0, Registration::Unknown)
    }

    pub(super) fn why(self) -> Fault {
        let denied = self.0 == Registration::Denied;
        let seconds = super::line::REGISTRATION_LIMIT.as_secs();
        if denied {
            ModemError::RegistrationDenied
        } else {
            ModemError::NotRegistered { seconds, state: self.0 }
        }
        .to_fault()
    }

    /// What to tell messages, and until when, while it is missing.
    pub(super) fn fault(self, now: Timestamp) -> Option<(Timestamp, Fault)> {
        self.is_missing().then(|| (now.plus(HELD), self.why()))
    }
}

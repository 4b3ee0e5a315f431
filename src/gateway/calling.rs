//! One data call for everything that is due: dial, PPP, serve, linger, hang up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::carrier::{Carrier, NoInterface, Silence};
use super::data_use::Meter;
use super::line::{lock, quiet};
use super::plan::{bearer_config, context};
use super::reader::store_fault;
use super::schedule::{Schedule, has_last_try_after, no_later_than_last_try};
use super::shift::Shift;
use super::upkeep::Failure;
use super::worker::{SessionEnd, Trouble, Worker};
use crate::bearer::{Bearer, CallLabel, UpFailed};
use crate::mm1::Identity;
use crate::model::{Explain, Fault};
use crate::modem::{Cause, DataCall, ModemError, ModemInfo, PortSharing, Registration};
use crate::net::system::System;
use crate::store::{Hold, StoreError};

/// How long a transaction under way may take to end when the gateway stops; what is cut off is
/// sorted out at the next start.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Nothing has come over the line for so long when a transaction ends: it is dead, and not only the
/// MMSC slow. Peers that answer LCP echoes are not silent for so long.
const DEAD_LINE: Duration = Duration::from_secs(25);

/// While a SIM is abroad, has SMS only or no packet service, its pauses do not grow beyond the one
/// after so many failures.
const ROAMING_LOOKS: u32 = 3;

impl Worker<'_> {
    /// One data call; an end only when the session cannot go on.
    pub(super) async fn call(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        trouble: &mut Trouble,
    ) -> Option<SessionEnd> {
        let about =
            self.core().store.next_message(self.name(), &shift.sim, self.core().now()).await;
        *lock(&self.line.inner.about) = about.ok().flatten();
        // Over an interface of the system the port stays free for short messages.
        let dials = self.line.inner.config.interface.is_none();
        let turn = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Some(SessionEnd::Stopped),
            turn = async { if dials { Some(self.line.turn().await) } else { None } } => turn,
        };
        self.line.show(|shown| shown.condition = "calling");
        let outcome = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Some(SessionEnd::Stopped),
            up = async {
                match &self.line.inner.config.interface {
                    Some(interface) => self.over_interface(interface, shift).await,
                    None => self.go_up(shift).await,
                }
            } => up,
        };
        let end = match outcome {
            Ok((carrier, meter)) => self.use_call(shift, info, carrier, meter, trouble).await,
            Err(CallFailure { fault, cause }) => {
                trouble.lost_by_call |= cause.is_some();
                self.line.try_next_set_up(&fault);
                match self.call_failed(&shift.sim, &fault, trouble).await {
                    Ok(()) => cause.map(|cause| SessionEnd::Failed(Failure { fault, cause })),
                    Err(error) => Some(SessionEnd::Failed(Failure::elsewhere(store_fault(&error)))),
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

    /// The network behind an interface that the system has brought up.
    async fn over_interface(
        &self,
        interface: &str,
        shift: &Shift,
    ) -> Result<(Carrier, Meter<'_>), CallFailure> {
        let failed = |fault: Fault| CallFailure { fault, cause: None };
        // Nothing is dialled, but what leaves in another network costs as much.
        let roaming = self.modem.registration().await == Ok(Registration::Roaming);
        if roaming && !self.line.inner.config.roaming {
            return Err(failed(ModemError::Roaming.to_fault()));
        }
        let servers = &shift.settings.name_servers;
        let system = System::over(interface, servers, self.core().random.clone())
            .map_err(|error| failed(NoInterface::from(error).to_fault()))?;
        let carrier = Carrier::Interface(Arc::new(system));
        match Meter::begin(self.line, &shift.sim, roaming).await {
            Ok(mut meter) => {
                meter.watch(carrier.counter());
                Ok((carrier, meter))
            }
            Err(error) => {
                let fault = store_fault(&error);
                Err(CallFailure { fault, cause: Some(Cause::Elsewhere) })
            }
        }
    }

    async fn go_up(&self, shift: &Shift) -> Result<(Carrier, Meter<'_>), CallFailure> {
        let settings = &shift.settings;
        let dialled = self.modem.dial(&context(settings)).await;
        if let Err(error @ (ModemError::NotRegistered { .. } | ModemError::RegistrationDenied)) =
            &dialled
        {
            self.line.registration(match error {
                ModemError::NotRegistered { state, .. } => *state,
                _ => Registration::Denied,
            });
        }
        let figures = &self.core().figures;
        match &dialled {
            Ok(_) => figures.activation("ok"),
            Err(error) => figures.activation(&error.to_fault().code),
        }
        let call = dialled.map_err(|error| CallFailure {
            cause: matches!(
                error,
                ModemError::Port(_)
                    | ModemError::BrownOut { .. }
                    | ModemError::NoAnswer { .. }
                    | ModemError::Noise { .. }
                    | ModemError::Multiplexer { .. }
                    | ModemError::NotReady
                    | ModemError::Restarted
                    | ModemError::SettingsLost
                    | ModemError::SimChanged
                    | ModemError::Stopped
                    | ModemError::StuckInDataMode { .. }
                    | ModemError::CallStaysUp { .. }
            )
            .then(|| Cause::of(&error)),
            fault: error.to_fault(),
        })?;
        let mut meter = match Meter::begin(self.line, &shift.sim, call.roams()).await {
            Ok(meter) => meter,
            Err(error) => {
                let _ = call.hang_up().await;
                let fault = store_fault(&error);
                return Err(CallFailure { fault, cause: Some(Cause::Elsewhere) });
            }
        };
        let (cid, told) = (call.cid(), call.name_servers().to_vec());
        let label = CallLabel { modem: self.name().to_owned(), call: call.number() };
        let dialled_at = self.core().now();
        let bearer = Bearer::up(
            call,
            bearer_config(settings, &self.core().data),
            label,
            Arc::clone(&self.line.inner.deps.tap),
            self.core().clock,
            self.core().random.clone(),
            self.line.call_stages(),
        )
        .await;
        match bearer {
            Ok(bearer) => {
                figures.negotiated_after(self.core().now().since(dialled_at));
                self.find_name_servers(&bearer, cid, told).await;
                let carrier = Carrier::Call(bearer);
                meter.watch(carrier.counter());
                Ok((carrier, meter))
            }
            Err(UpFailed { error, stream }) => {
                let hung_up = stream.hang_up().await;
                if let Err(error) = meter.end().await {
                    let fault = store_fault(&error);
                    return Err(CallFailure { fault, cause: Some(Cause::Elsewhere) });
                }
                match hung_up {
                    Ok(()) => Err(CallFailure { fault: error.to_fault(), cause: None }),
                    // What became of the modem explains what became of PPP.
                    Err(lost) => {
                        Err(CallFailure { fault: lost.to_fault(), cause: Some(Cause::of(&lost)) })
                    }
                }
            }
        }
    }

    /// Where neither configuration nor PPP names a name server that can be reached, the modem may
    /// know what the network gave the context; `told` is what it said before the call.
    async fn find_name_servers(&self, bearer: &Bearer<DataCall>, cid: u8, told: Vec<IpAddr>) {
        if bearer.can_ask_names() {
            return;
        }
        let servers = if told.is_empty() {
            // A modem that does not tell is no reason to end the call: few messages need a name.
            self.modem.name_servers(cid).await.unwrap_or_default()
        } else {
            told
        };
        tracing::info!(modem = %self.name(), ?servers, "PPP told no name server, the modem was asked");
        bearer.add_name_servers(&servers);
    }

    async fn use_call(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        carrier: Carrier,
        mut meter: Meter<'_>,
        trouble: &mut Trouble,
    ) -> Option<SessionEnd> {
        self.line.show(|shown| shown.line_fault = None);
        let served = self.serve(shift, info, &carrier, &mut meter).await;
        // Hanging up takes seconds with some modems.
        meter.note().await;
        let hung_up = carrier.down().await;
        let counted = meter.end().await;
        let settled = match served.and_then(|served| counted.map(|()| served)) {
            Ok(Served { lost: Some(fault), worked: false }) => {
                // A call that comes up and breaks at once must not be dialled without a pause.
                self.call_failed(&shift.sim, &fault, trouble).await
            }
            Ok(_) => {
                trouble.call_failures = 0;
                trouble.call_pause = None;
                Ok(())
            }
            Err(error) => Err(error),
        };
        trouble.lost_by_call |= hung_up.is_err();
        match (settled, hung_up) {
            (Err(error), _) => Some(SessionEnd::Failed(Failure::elsewhere(store_fault(&error)))),
            (Ok(()), Err(error)) => Some(SessionEnd::Failed(Failure::from(&error))),
            (Ok(()), Ok(())) => None,
        }
    }

    /// Serves what is due, then lingers for what may come.
    async fn serve(
        &self,
        shift: &Shift,
        info: &ModemInfo,
        carrier: &Carrier,
        meter: &mut Meter<'_>,
    ) -> Result<Served, StoreError> {
        let own_number = self.line.number();
        let identity = Identity {
            own_number: own_number.map(|number| number.text().to_owned()),
            imsi: Some(info.imsi.clone()).filter(|imsi| !imsi.is_empty()),
        };
        let client = shift.client(carrier.net(), identity).await?;
        let mut route = client.worked();
        let mut served = Served { worked: false, lost: None };
        let longest = self.core().timing.longest_call;
        let begun = Instant::now();
        // The month's data is used: only what was fetched is acknowledged still, or the MMSC would
        // announce it again.
        let mut spent = false;
        loop {
            tokio::select! {
                biased;
                fault = carrier.closed() => {
                    served.lost = Some(fault);
                    return Ok(served);
                }
                () = std::future::ready(()) => {}
            }
            let mut silence = Silence::of(carrier);
            let worked = tokio::select! {
                biased;
                worked = async {
                    if spent { shift.acknowledge(&client).await } else { shift.step(&client).await }
                } => worked?,
                () = async {
                    self.stop.cancelled().await;
                    tokio::time::sleep(STOP_GRACE).await;
                } => return Ok(served),
                () = silence.listen() => return Ok(served),
                () = meter.keep() => return Ok(served),
            };
            served.worked |= worked;
            shift.remember_route(&client, &mut route).await?;
            if self.line.settings().as_ref() != Some(&shift.settings) {
                tracing::info!(modem = %self.name(), "hanging up to try other settings for MMS");
                return Ok(served);
            }
            if silence.length() >= DEAD_LINE {
                let seconds = silence.length().as_secs();
                tracing::info!(modem = %self.name(), seconds, "hanging up: the line is dead");
                return Ok(served);
            }
            if self.stop.is_cancelled() {
                return Ok(served);
            }
            if worked {
                spent = meter.is_over().await?;
                if carrier.is_call()
                    && info.sharing == PortSharing::One
                    && begun.elapsed() >= longest
                {
                    tracing::info!(modem = %self.name(), "hanging up to look for short messages");
                    return Ok(served);
                }
                continue;
            }
            if spent {
                tracing::info!(modem = %self.name(), "hanging up: the month's data is used");
                return Ok(served);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(served),
                fault = carrier.closed() => {
                    tracing::info!(modem = %self.name(), "data call over: {}", quiet(&fault));
                    served.lost = Some(fault);
                    return Ok(served);
                }
                () = self.line.inner.wake.notified() => {}
                () = tokio::time::sleep(self.core().timing.linger) => return Ok(served),
                () = meter.keep() => return Ok(served),
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
        let failures = match fault.code.as_str() {
            // Nobody was called: only this machine was asked.
            "roaming" | "sms-only" | "not-registered-for-data" => {
                trouble.call_failures.min(ROAMING_LOOKS)
            }
            _ => trouble.call_failures,
        };
        let now = core.now();
        let next = now.plus(Schedule::LINE.pause(failures, &core.random));
        // What would be too late by then is tried once more shortly before its end.
        let ends = core.store.ends_after(self.name(), sim, has_last_try_after(now)).await?;
        let next = no_later_than_last_try(next, ends, now);
        let pause = next.since(now);
        tracing::warn!(modem = %self.name(), pause = pause.as_secs(), "no data call: {}", quiet(fault));
        trouble.call_pause = Some((next, fault.clone()));
        self.line.show(|shown| shown.line_fault = Some(fault.clone()));
        self.postpone(Hold::NoCall, Some(sim), fault, next).await
    }
}

/// What became of a data call.
struct Served {
    /// Anything was done.
    worked: bool,
    /// It broke by itself.
    lost: Option<Fault>,
}

/// Why no data call came about.
struct CallFailure {
    fault: Fault,
    /// What is wrong with the modem itself, when it must be prepared again.
    cause: Option<Cause>,
}

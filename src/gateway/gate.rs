//! Whether a line may send its next message now, else until when not and why: one place for pauses, the
//! breaker, quiet hours, limits and who wants nothing more. Whatever is held back stays queued and says
//! so.

use super::breaker::{self, SIM_REFUSED, SimRefused, Word};
use super::limits::{self, LimitReached};
use super::line::Line;
use super::quiet::{Quiet, QuietHours};
use super::upkeep::HELD;
use super::{AcceptError, alarms, encode, limits::Limits};
use crate::model::{
    Address, Blame, Calendar, Explain, Fault, Kind, Layer, Priority, Retry, Timestamp,
    TransactionId,
};
use crate::store::{AtGate, Ceiling, Excluded, Pause, StoreError, Wait, Whom};

/// What is decided about the next message of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It may leave.
    Go,
    /// It waits, and others with it; `here`: another modem may be able to send it.
    Wait { whom: Whom, until: Timestamp, fault: Fault, here: bool },
    /// It must not leave at all.
    Never { fault: Fault },
    /// It may leave for the others, and not for these.
    Without { refused: Vec<(Address, Fault)> },
}

/// What holds for a line besides what the store knows.
pub(super) struct Rules<'a> {
    pub(super) modem: &'a str,
    pub(super) names: &'a [&'static str],
    pub(super) ceilings: &'a [Ceiling],
    pub(super) quiet: Option<QuietHours>,
    pub(super) calendar: &'a Calendar,
}

/// Decides about the next message; the first that stands in its way is told.
pub(super) fn rule(next: &AtGate, rules: &Rules<'_>, now: Timestamp) -> Ruling {
    let refused: Vec<(Address, Fault)> = next
        .opted_out
        .iter()
        .map(|(address, since)| {
            let fault = OptedOut { address: address.clone(), since: *since }.to_fault();
            (address.clone(), fault)
        })
        .collect();
    if let Some((_, fault)) = refused.first() {
        return if refused.len() < next.recipients.len() && !next.in_doubt {
            Ruling::Without { refused }
        } else {
            Ruling::Never { fault: fault.clone() }
        };
    }
    if let Some(pause) = next.pauses.first() {
        let until = pause.until.unwrap_or_else(|| now.plus(HELD));
        let here = pause.scope != alarms::ALARM_GATEWAY;
        let fault = Paused { pause: pause.clone() }.to_fault();
        return Ruling::Wait { whom: Whom::All, until, fault, here };
    }
    if let Some(until) = breaker::closed_until(&next.breaker, now) {
        let (modem, state) = (rules.modem.to_owned(), next.breaker.clone());
        let fault = SimRefused { modem, state }.to_fault();
        return Ruling::Wait { whom: Whom::All, until, fault, here: true };
    }
    if next.priority < Priority::High
        && let Some(until) = rules.quiet.and_then(|quiet| quiet.end(rules.calendar, now))
    {
        let fault = Quiet { until }.to_fault();
        return Ruling::Wait { whom: Whom::NotHigh, until, fault, here: false };
    }
    if let Some((name, ceiling, until)) =
        limits::longest(rules.names, rules.ceilings, &next.free_at, now)
    {
        let (modem, most) = (rules.modem.to_owned(), ceiling.most);
        let fault = LimitReached { modem, name, most, until }.to_fault();
        return Ruling::Wait { whom: Whom::All, until, fault, here: true };
    }
    Ruling::Go
}

impl Line {
    /// Puts off what must not leave now, and ends what must not leave at all; whether there is
    /// something that may leave.
    pub(super) async fn may_send(&self, kind: Kind, sim: &str) -> Result<bool, StoreError> {
        let core = self.core();
        let modem = self.config().name.as_str();
        let (names, ceilings) = self.limits().ceilings();
        let rules = Rules {
            modem,
            names: &names,
            ceilings: &ceilings,
            quiet: core.sending.get().quiet,
            calendar: &core.data.calendar,
        };
        loop {
            let now = core.now();
            let next = core.store.at_the_gate(kind, modem, sim, ceilings.clone(), now).await?;
            let Some(next) = next else { return Ok(false) };
            match rule(&next, &rules, now) {
                Ruling::Go => {
                    self.held(kind, None);
                    return Ok(true);
                }
                Ruling::Wait { whom, until, fault, here } => {
                    // A clock that stands still must not have it asked for ever.
                    let until = until.max(now.plus(std::time::Duration::from_millis(1)));
                    self.held(kind, here.then(|| (until, fault.clone())));
                    let wait = Wait { whom, fault, until, here };
                    let changes = core.store.hold(kind, modem, wait, now).await?;
                    core.events.changes(&changes);
                }
                Ruling::Never { fault } => {
                    let change = core.store.block(next.key, fault, now).await?;
                    core.events.changes(change.as_slice());
                }
                Ruling::Without { refused } => self.without(&next, refused).await?,
            }
        }
    }

    /// Takes those who want nothing more out of a message for several, who get it without them.
    async fn without(
        &self,
        next: &AtGate,
        refused: Vec<(Address, Fault)>,
    ) -> Result<(), StoreError> {
        let core = self.core();
        let now = core.now();
        let fault = refused.first().map(|(_, fault)| fault.clone());
        let rest = next.recipients.iter().filter(|to| refused.iter().all(|(one, _)| one != *to));
        let rest: Vec<Address> = rest.cloned().collect();
        let pdu = core.store.pdu(next.key).await?.unwrap_or_default();
        let recode = |to: Vec<Address>, id: Option<&TransactionId>| {
            encode::recode(&pdu, &self.effective(), Some(to), id)
        };
        let excluded = refused
            .into_iter()
            .map(|(address, fault)| {
                let transaction_id = TransactionId::generate(&core.random);
                let pdu = recode(vec![address.clone()], Some(&transaction_id))?;
                Ok(Excluded { address, fault, transaction_id, pdu })
            })
            .collect::<Result<Vec<_>, AcceptError>>();
        let change = match (recode(rest, None), excluded, fault) {
            (Ok(pdu), Ok(excluded), _) => core.store.exclude(next.key, pdu, excluded, now).await?,
            // What cannot be written anew is not sent to somebody who wants nothing more.
            (_, _, Some(fault)) => core.store.block(next.key, fault, now).await?,
            (_, _, None) => None,
        };
        core.events.changes(change.as_slice());
        Ok(())
    }

    /// Whether messages of this kind are held back because the operator has refused some.
    fn is_refused(&self, kind: Kind) -> bool {
        let shown = self.shown();
        let held = match kind {
            Kind::Mms => &shown.held.0,
            Kind::Sms => &shown.held.1,
        };
        held.as_ref().is_some_and(|(_, fault)| fault.code == SIM_REFUSED)
    }

    /// Until when this modem holds messages of this kind back, for reasons of its own.
    fn held(&self, kind: Kind, held: Option<(Timestamp, Fault)>) {
        let mut shown = self.shown();
        *match kind {
            Kind::Mms => &mut shown.held.0,
            Kind::Sms => &mut shown.held.1,
        } = held;
    }

    /// How much the SIM in this modem may send.
    pub(super) fn limits(&self) -> Limits {
        let sending = self.core().sending.get();
        sending.limits_of.get(&self.config().name).copied().unwrap_or(sending.limits)
    }

    /// Takes to heart what an attempt with submission `key` says about the contract of the SIM.
    /// Until when nothing more leaves, when that is so.
    pub(super) async fn heed(
        &self,
        kind: Kind,
        sim: &str,
        key: i64,
        word: &Word,
    ) -> Result<Option<Timestamp>, StoreError> {
        let core = self.core();
        if *word == Word::Nothing {
            return Ok(None);
        }
        let before = core.store.breaker(sim, kind).await?;
        let now = core.now();
        let Some(state) = breaker::after(&before, word, key, core.sending.get().breaker, now)
        else {
            return Ok(None);
        };
        core.store.set_breaker(sim, kind, state.clone()).await?;
        self.show_holds(Some(sim)).await?;
        Ok(state.probe_at.filter(|_| state.opened_at.is_some()))
    }

    /// Shows what holds this line back, and raises or ends the alarm about its SIM.
    pub(super) async fn show_holds(&self, sim: Option<&str>) -> Result<(), StoreError> {
        let core = self.core();
        let modem = self.config().name.clone();
        let scope = alarms::modem_scope(&modem);
        let mut refused = None;
        if let Some(sim) = sim {
            for kind in [Kind::Mms, Kind::Sms] {
                let state = core.store.breaker(sim, kind).await?;
                let probe_at = state.probe_at;
                if state.opened_at.is_some() {
                    let fault = SimRefused { modem: modem.clone(), state }.to_fault();
                    self.held(kind, probe_at.map(|at| (at, fault.clone())));
                    refused = Some(fault);
                } else if self.is_refused(kind) {
                    self.held(kind, None);
                }
            }
            match &refused {
                Some(fault) => core.raise(&scope, fault).await?,
                None => core.clear(&scope, SIM_REFUSED).await?,
            }
        }
        let pauses = core.store.pauses(core.now()).await?;
        let pause = pauses
            .into_iter()
            .find(|pause| pause.scope == alarms::ALARM_GATEWAY || pause.scope == scope);
        let fault = refused.or_else(|| pause.map(|pause| Paused { pause }.to_fault()));
        if self.shown().hold_fault != fault {
            self.show(|shown| shown.hold_fault = fault);
        }
        Ok(())
    }
}

/// Sending rests because a person wants it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "sending rests{} since {}{}: {}",
    pause.scope.strip_prefix("modem:").map_or_else(String::new, |name| format!(" by modem \"{name}\"")),
    pause.since,
    pause.until.map_or_else(String::new, |until| format!(" until {until}")),
    pause.reason.as_deref().unwrap_or("somebody has ordered it")
)]
pub(super) struct Paused {
    pub(super) pause: Pause,
}

impl Explain for Paused {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        "sending-paused"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        match self.pause.scope.strip_prefix("modem:") {
            Some(name) => format!("`mm1gate modem resume {name}` goes on"),
            None => "`mm1gate modem resume --all` goes on".to_owned(),
        }
    }
}

/// The code of [`OptedOut`].
pub(super) const OPTED_OUT: &str = "recipient-opted-out";

/// The recipient wants nothing more from us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} has asked for no more messages (on {since})")]
pub struct OptedOut {
    /// Who.
    pub address: Address,
    /// Since when.
    pub since: Timestamp,
}

impl Explain for OptedOut {
    fn layer(&self) -> Layer {
        Layer::Modem
    }

    fn code(&self) -> &'static str {
        OPTED_OUT
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Caller
    }

    fn remedy(&self) -> String {
        "respect it; if they have changed their mind, DELETE /api/v1/opt-outs/NUMBER lifts it, and so \
         does a message from them that says START"
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Clock, MessageId, Random};
    use crate::store::BreakerState;

    const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus(std::time::Duration::from_secs(seconds))
    }

    fn next() -> AtGate {
        AtGate {
            key: 1,
            message: MessageId::generate(&Clock::starting_at(NOW), &Random::seeded(1)),
            priority: Priority::Normal,
            opted_out: Vec::new(),
            recipients: vec![Address::Msisdn("+447700900123".to_owned())],
            in_doubt: false,
            pauses: Vec::new(),
            breaker: BreakerState::default(),
            free_at: vec![None; 4],
        }
    }

    fn code(next: &AtGate, quiet: Option<&str>) -> (String, Option<Timestamp>) {
        let (names, ceilings) = Limits::SAFE.ceilings();
        let rules = Rules {
            modem: "desk",
            names: &names,
            ceilings: &ceilings,
            quiet: quiet.map(|text| text.parse().unwrap()),
            calendar: &Calendar::named("UTC").unwrap(),
        };
        match rule(next, &rules, NOW) {
            Ruling::Go => ("go".to_owned(), None),
            Ruling::Wait { until, fault, .. } => (fault.code, Some(until)),
            Ruling::Never { fault } => (fault.code, None),
            Ruling::Without { refused } => (format!("without {}", refused[0].1.code), None),
        }
    }

    #[test]
    fn whatever_stands_in_the_way_is_told_in_its_order() {
        // 2026-09-21, 14:13 UTC.
        let (quiet, loud) = (Some("14:00-15:00"), Some("02:00-03:00"));
        let mut at = next();
        assert_eq!(code(&at, loud), ("go".to_owned(), None));
        at.free_at[1] = Some(later(600));
        assert_eq!(code(&at, loud), ("sim-limit-reached".to_owned(), Some(later(600))));
        assert_eq!(code(&at, quiet).0, "quiet-hours");
        at.priority = Priority::High;
        assert_eq!(
            code(&at, quiet).0,
            "sim-limit-reached",
            "quiet hours let it pass, limits do not"
        );
        at.breaker = BreakerState {
            failures: 3,
            opened_at: Some(NOW),
            probe_at: Some(later(3600)),
            ..BreakerState::default()
        };
        assert_eq!(code(&at, None), ("sim-refused".to_owned(), Some(later(3600))));
        let scope = "gateway".to_owned();
        at.pauses = vec![Pause { scope, since: NOW, until: None, reason: None }];
        assert_eq!(code(&at, None).0, "sending-paused");
        let address = Address::Msisdn("+447700900123".to_owned());
        at.opted_out = vec![(address, NOW)];
        assert_eq!(code(&at, None), ("recipient-opted-out".to_owned(), None));
        // The others of a group get it, unless an earlier attempt may have gone to all.
        at.recipients.push(Address::Msisdn("+447700900124".to_owned()));
        assert_eq!(code(&at, None), ("without recipient-opted-out".to_owned(), None));
        at.in_doubt = true;
        assert_eq!(code(&at, None), ("recipient-opted-out".to_owned(), None));
    }
}

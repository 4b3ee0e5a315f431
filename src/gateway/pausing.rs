//! What a person does about sending as a whole: has it rest, has it go on, sees what a SIM may still
//! send.

use std::time::Duration;

use super::line::Line;
use super::{ActionError, Gateway, accept, alarms};
use crate::model::{Kind, Timestamp};
use crate::store::{BreakerState, Ceiling, Pause, StoreError};

/// Longest reason of a pause, characters.
pub const MAX_REASON: usize = 200;

/// What one limit still allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitView {
    /// The modem.
    pub modem: String,
    /// The limit's name in the configuration.
    pub name: &'static str,
    /// How much; none: no limit.
    pub most: Option<u64>,
    /// In which time.
    pub window: Duration,
    /// How much of it is used; none while no SIM is known.
    pub used: Option<u64>,
}

impl Gateway {
    /// Has sending rest: by the modem of this name, or by all. What is accepted stays queued, and
    /// receiving goes on. It survives a restart.
    ///
    /// # Errors
    /// [`ActionError`] when there is no such modem or the store fails.
    pub async fn pause(
        &self,
        modem: Option<&str>,
        until: Option<Timestamp>,
        reason: Option<String>,
    ) -> Result<(), ActionError> {
        let (scope, lines) = self.scope(modem)?;
        let core = &self.inner.core;
        core.store.pause(Pause { scope, since: core.now(), until, reason }).await?;
        for line in lines {
            line.show_holds(None).await?;
        }
        Ok(())
    }

    /// Ends a pause, and lets a SIM whose messages were refused send again; what waits is sent at
    /// once. Whether there was anything to end.
    ///
    /// # Errors
    /// [`ActionError`] when there is no such modem or the store fails.
    pub async fn resume(&self, modem: Option<&str>) -> Result<bool, ActionError> {
        let (scope, lines) = self.scope(modem)?;
        let core = &self.inner.core;
        let mut ended = core.store.end_pause(&scope).await?;
        for line in lines {
            let Some(sim) = line.last_sim() else { continue };
            for kind in [Kind::Mms, Kind::Sms] {
                if modem.is_some() && core.store.breaker(&sim, kind).await?.opened_at.is_some() {
                    core.store.set_breaker(&sim, kind, BreakerState::default()).await?;
                    ended = true;
                }
            }
            core.store.resume(&line.config().name, &sim, core.now()).await?;
            line.show_holds(Some(&sim)).await?;
            line.wake_now();
        }
        Ok(ended)
    }

    /// The pauses that hold now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.inner.core.store.pauses(self.now()).await
    }

    /// What each limit of each modem's SIM allows, and how much of it is used.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn limits(&self) -> Result<Vec<LimitView>, StoreError> {
        let core = &self.inner.core;
        let mut views = Vec::new();
        for line in &self.inner.lines {
            let all = line.limits().all();
            let ceilings = all
                .iter()
                .map(|&(_, what, window, most)| Ceiling { what, window, most: most.unwrap_or(0) })
                .collect();
            let used = match line.last_sim() {
                Some(sim) => core.store.sim_use(&sim, ceilings, core.now()).await?,
                None => Vec::new(),
            };
            for (index, (name, _, window, most)) in all.into_iter().enumerate() {
                let modem = line.config().name.clone();
                let used = used.get(index).copied();
                views.push(LimitView { modem, name, most, window, used });
            }
        }
        Ok(views)
    }

    fn scope(&self, modem: Option<&str>) -> Result<(String, Vec<&Line>), ActionError> {
        Ok(match modem {
            Some(name) => {
                let line = accept::named(&self.inner.lines, name)?;
                (alarms::modem_scope(name), vec![line])
            }
            None => (alarms::ALARM_GATEWAY.to_owned(), self.inner.lines.iter().collect()),
        })
    }
}

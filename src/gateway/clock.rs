//! The clock of the host may be set while the gateway runs, as on a computer without a battery for
//! its clock: it begins in 1970, or when it was last switched off, and NTP sets it minutes later.
//! What waits then waits no longer and no shorter, and nothing is too late by it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Core;
use super::line::Line;
use crate::model::{ClockStep, Timestamp};
use crate::store::StoreError;

/// How often the host's clock is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// How long after a jump what was noted by the clock as it was is looked for.
const AFTERMATH: u32 = 6;

/// How many looks lie between two notes that the clock is right: twelve hours of a power cut make
/// less difference than that to nothing.
const NOTE_EVERY: u32 = 360;

/// What follows the clock of the host.
pub(super) struct ClockWatch {
    core: Core,
    /// When this run began, by the clock as it is now.
    run_began: Timestamp,
    synchronised: bool,
}

impl ClockWatch {
    /// Before anything is looked at in the store: the clock begins no earlier than an earlier run
    /// knows it was.
    pub(super) async fn begin(core: &Core) -> Result<Self, StoreError> {
        if let Some(right) = core.store.clock_last_right().await? {
            let step = core.clock.not_before(right);
            if step.is_jump() {
                tracing::warn!(
                    "this computer's clock is behind ({}) and nothing has set it yet: it is taken \
                     to be {} or later",
                    step.before,
                    step.after
                );
            }
        }
        let (now, synchronised) = (core.now(), core.clock.is_synchronised());
        if !synchronised {
            tracing::warn!(
                "nothing keeps this computer's clock right (it shows {now}): messages leave without a \
                 date until NTP has set it"
            );
        }
        core.store.clock_begins(synchronised, now).await?;
        Ok(Self { core: core.clone(), run_began: now, synchronised })
    }

    /// Follows the clock until the gateway stops.
    pub(super) async fn run(mut self, lines: Vec<Line>, stop: CancellationToken) {
        let mut aftermath = 0;
        for look in 1_u32.. {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if self.look(look % NOTE_EVERY == 0, &stop).await {
                aftermath = AFTERMATH;
                for line in &lines {
                    // It may be another month.
                    if let Some(sim) = line.last_sim()
                        && let Err(error) = line.read_data_use(&sim).await
                    {
                        tracing::error!("{error}");
                    }
                    line.wake_now();
                }
            } else if aftermath > 0 {
                aftermath -= 1;
                if let Err(error) = self.core.store.hurry(self.core.now()).await {
                    tracing::error!("{error}");
                }
                lines.iter().for_each(Line::wake);
            }
        }
    }

    /// True when the clock was set.
    async fn look(&mut self, note: bool, stop: &CancellationToken) -> bool {
        let calendar = std::sync::Arc::clone(&self.core.setting_clock);
        let _nothing_ends = calendar.write().await;
        let step = self.core.clock.follow();
        let changed = step.synchronised != self.synchronised;
        self.synchronised = step.synchronised;
        if changed && step.synchronised {
            tracing::info!("this computer's clock is kept right from now on");
        }
        if !step.is_jump() {
            self.run_began = moved(self.run_began, step);
            if (changed || note)
                && let Err(error) =
                    self.core.store.clock_seen(step.synchronised, self.run_began, step.after).await
            {
                tracing::error!("{error}");
            }
            return false;
        }
        tracing::warn!("this computer's clock was set from {} to {}", step.before, step.after);
        // Before what waits is moved nothing may be looked at whose end would be over.
        while let Err(error) = self.move_store(step).await {
            tracing::error!("{error}");
            tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.run_began = moved(self.run_began, step);
        true
    }
}

impl ClockWatch {
    async fn move_store(&self, step: ClockStep) -> Result<(), StoreError> {
        let calendar = self.core.data.calendar.clone();
        self.core.store.clock_moved(step, self.run_began, calendar).await
    }
}

fn moved(at: Timestamp, step: ClockStep) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(step.by))
}

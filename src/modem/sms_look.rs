//! A cheap look at a modem in service, between two looks through all storages: whether messages lie
//! there that nobody has announced, and whether the modem still announces any (3GPP TS 27.005
//! clauses 3.2.2 and 3.4.1). Two commands, each alone on its line, since some modems refuse joined
//! ones.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::ModemError;
use super::driver::Driver;
use super::sms::Storages;
use crate::codec::at::{Cpms, cpms_state, value_behind};

/// How long either answer may take: nothing is read from the SIM for it.
const LIMIT: Duration = Duration::from_secs(5);
/// A modem that has just answered need not be asked whether it is still there.
const RECENT: Duration = Duration::from_secs(5);

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// When the modem answered last.
    answered: Option<Instant>,
    /// The call during which the line for commands was silent.
    deaf_call: Option<u64>,
    /// Where messages are written and received, as told at first.
    storages: Option<Vec<String>>,
}

impl Looked {
    /// Whether the modem has answered just now.
    pub(super) fn is_recent(&self) -> bool {
        self.answered.is_some_and(|at| at.elapsed() < RECENT)
    }
}

impl Driver {
    /// How many messages lie unread in the storages that are in use, as far as the modem tells.
    pub(super) async fn count_unread(&mut self) -> Result<u16, ModemError> {
        let call = self.in_call.then(|| self.shared.call.load(Ordering::Relaxed));
        if call.is_some() && self.looked.deaf_call == call {
            return Err(ModemError::InCall);
        }
        let told = if self.storages.single { Vec::new() } else { self.ask_storages(call).await? };
        if call.is_none() {
            self.look_at_settings(&told).await?;
        }
        self.looked.answered = Some(Instant::now());
        Ok(unread(&self.storages, &self.storages_to_look_through(), &told))
    }

    async fn ask_storages(&mut self, call: Option<u64>) -> Result<Vec<Cpms>, ModemError> {
        match self.at()?.response("AT+CPMS?", LIMIT).await {
            Ok(response) => Ok(cpms_state(&response.lines)),
            // Some modems are deaf on the second port while the first one is in a call.
            Err(ModemError::Timeout { .. }) if call.is_some() => {
                self.looked.deaf_call = call;
                Err(ModemError::InCall)
            }
            Err(ModemError::Timeout { .. }) => {
                self.at()?.get_in_step().await?;
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the modem still has the settings by which messages come in.
    async fn look_at_settings(&mut self, told: &[Cpms]) -> Result<(), ModemError> {
        let answer = self.at()?.optional("AT+CNMI?", LIMIT).await?;
        let echoed = self.at()?.echoed();
        self.tell_news();
        let value = answer.lines.iter().find_map(|line| value_behind(line, "+CNMI:"));
        let indicates_otherwise = answer.result.is_ok()
            && value.is_some_and(|value| self.imprint.indicates_otherwise(value));
        // The first is whatever was looked through last.
        let names: Vec<String> = told.iter().skip(1).map(|it| it.storage.clone()).collect();
        let moved = if names.is_empty() {
            false
        } else {
            *self.looked.storages.get_or_insert_with(|| names.clone()) != names
        };
        if indicates_otherwise || moved || self.imprint.echoes_unlike(echoed) {
            return Err(ModemError::SettingsLost);
        }
        Ok(())
    }

    /// Whatever was remembered is about a modem with other settings.
    pub(super) fn forget_looks(&mut self) {
        self.looked = Looked::default();
    }
}

/// Messages that are counted and were neither read nor found missing. Only what is `looked_through`
/// can be known, under whichever of its names it is counted.
fn unread(storages: &Storages, looked_through: &[String], told: &[Cpms]) -> u16 {
    let of = |state: &Cpms| {
        let name = state.storage.strip_suffix("_P").unwrap_or(&state.storage);
        let is_looked_through = name == "MT" || looked_through.iter().any(|it| it == name);
        let known = if is_looked_through { storages.known(name) } else { state.used };
        state.used.saturating_sub(known)
    };
    told.iter().map(of).max().unwrap_or(0)
}

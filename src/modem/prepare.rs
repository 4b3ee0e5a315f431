//! From a closed port to a modem that is registered: open, wake, initialise, unlock, set SMS up.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::driver::Driver;
use super::line::{Line, name_of};
use super::profile::{Choice, OnError, Serial, Step, StepPort};
use super::{
    ModemError, ModemInfo, Profile, ProfileChoice, ProfileUsed, Profiles, Registration, hangup,
};
use crate::codec::at::{FinalResult, identity, operator};
use crate::model::Stage;
use crate::proto::at::Response;

/// How long a SIM may be busy after power-on or after its PIN.
pub(super) const SIM_LIMIT: Duration = Duration::from_secs(30);
/// How often a command may meet a SIM that is busy, a second apart.
pub(super) const BUSY_TRIES: usize = 10;

/// Both at once, so that a modem that is silent on both costs the time of one.
async fn wake_both(
    control: &mut Option<Line>,
    data: &mut Option<Line>,
    profile: &Profile,
    calls: bool,
) -> (Result<(), ModemError>, Result<(), ModemError>) {
    let wake = async |line: &mut Option<Line>| match line {
        Some(line) => hangup::wake(line, profile, calls).await,
        None => Ok(()),
    };
    tokio::join!(wake(control), wake(data))
}

impl Driver {
    pub(super) async fn prepare(&mut self) -> Result<ModemInfo, ModemError> {
        self.open().await?;
        self.end_lingering().await?;
        self.stages.tell(Stage::PortOpen);
        self.initialise(&[]).await?;
        let manufacturer = self.identity("AT+CGMI", "+CGMI:").await?;
        let model = self.identity("AT+CGMM", "+CGMM:").await?;
        let before = self.profile();
        if self.config.profile.identify(&manufacturer, &model) {
            self.settle_serial(before.serial).await?;
            // What it was taken for so far may have left out what it needs.
            self.initialise(&before.init).await?;
        }
        let profile = self.profile();
        if let Some(reason) = &profile.refuse {
            let name = if model.is_empty() { profile.title.clone() } else { model };
            return Err(ModemError::Unsuitable { model: name, reason: reason.clone() });
        }
        let revision = self.identity("AT+CGMR", "+CGMR:").await?;
        let imei = self.identity("AT+CGSN", "+CGSN:").await?;
        self.imei.clone_from(&imei);
        if self.multiplex().await? {
            self.initialise(&[]).await?;
        }
        self.unlock().await?;
        let imsi = self.imsi().await?;
        self.storages.unreadable.of_sim(&imsi);
        self.stages.tell(Stage::SimReady);
        self.wait_for_sms().await?;
        self.steps(&profile.sms, false).await?;
        self.imprint = self.take_imprint().await?;
        let iccid = self.ask_iccid().await?;
        let registration = match self.wait_for_network(self.config.registration_limit).await {
            Err(ModemError::NotRegistered { state, .. }) => state,
            Err(ModemError::RegistrationDenied) => Registration::Denied,
            other => other?,
        };
        let operator = self.operator().await?;
        let signal_dbm = match self.ask_signal().await {
            Err(ModemError::Timeout { .. }) => None,
            other => other?,
        };
        // Where the modem cannot tell, the call shows.
        if registration.is_registered() || registration == Registration::Unknown {
            self.stages.tell(Stage::Registered {
                operator: operator.clone().unwrap_or_else(|| "an unnamed network".to_owned()),
            });
        }
        let info = ModemInfo {
            profile: ProfileUsed::of(&self.config.profile),
            manufacturer,
            model,
            revision,
            imei,
            imsi,
            iccid,
            operator,
            signal_dbm,
            registration,
            ports: self.ports.clone(),
            sharing: self.sharing(),
            session: self.session,
        };
        Ok(info)
    }

    async fn open(&mut self) -> Result<(), ModemError> {
        if self.control.is_none() {
            self.data = None;
            self.leave_multiplexer().await;
            let names = self.locate()?;
            if let (Some(among), Some(device)) = (&self.config.profile.among, &names.device) {
                let among = std::sync::Arc::clone(among);
                self.config.profile = ProfileChoice::auto(&among, Some((device.vid, device.pid)));
                self.serial = None;
            }
            let (first, second) = match names.control {
                Some(control) => (control, Some(names.dial)),
                None => (names.dial, None),
            };
            self.ports = [&first].into_iter().chain(&second).cloned().collect();
            self.control = Some(self.open_line(&first).await?);
            if let Some(second) = second {
                self.data = Some(self.open_line(&second).await?);
            }
        }
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            if let Some(port) = line.port.as_mut() {
                port.set_dtr(true);
            }
        }
        // What the device is may have been learnt only just now.
        let profile = self.profile();
        let calls = self.maybe_in_data;
        let (mut first, mut second) =
            wake_both(&mut self.control, &mut self.data, &profile, calls).await;
        let silent = |woken: &Result<(), ModemError>| {
            matches!(woken, Err(ModemError::NoAnswer { .. } | ModemError::Noise { .. }))
        };
        if silent(&first) && (self.data.is_none() || silent(&second)) && self.take_usual_serial() {
            (first, second) = wake_both(&mut self.control, &mut self.data, &profile, calls).await;
        }
        self.deaf = silent(&first) && (self.data.is_none() || silent(&second));
        let woken = first.and(second);
        if let Err(error) = &woken
            && matches!(error, ModemError::Port(_))
        {
            self.close();
        }
        woken?;
        if calls {
            // One may be held that a killed program was about to hang up.
            hangup::hang_up_held(self.dialer()?).await?;
        }
        self.maybe_in_data = false;
        self.found();
        Ok(())
    }

    /// The usual line settings for a modem that is deaf at those of its profile: only its owner
    /// can have changed its speed. False when there is nothing to try.
    fn take_usual_serial(&mut self) -> bool {
        let usual = Profiles::embedded().generic().serial;
        let tried = self.serial.unwrap_or_else(|| self.profile().serial);
        // The profile's again after that.
        self.serial = (tried != usual && self.serial.is_none()).then_some(usual);
        let Some(next) = self.serial else { return false };
        let mut taken = false;
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            taken |= line.set_serial(next);
        }
        taken
    }

    /// The line settings of the profile that the modem was found to have, where it answers with
    /// them; else those with which it has told what it is.
    async fn settle_serial(&mut self, before: Serial) -> Result<(), ModemError> {
        let (now, wanted) = (self.serial.unwrap_or(before), self.profile().serial);
        if now == wanted {
            self.serial = None;
            return Ok(());
        }
        self.serial = Some(now);
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            if !line.set_serial(wanted) {
                continue;
            }
            let answers = match line.sync(2).await {
                Err(ModemError::NoAnswer { .. }) => false,
                other => other?,
            };
            if !answers {
                line.set_serial(now);
                if !line.sync(3).await? {
                    return Err(ModemError::NoAnswer { port: line.name.clone() });
                }
                return Ok(());
            }
        }
        self.serial = None;
        Ok(())
    }

    /// The profile's first steps but those that were done before, on every port.
    async fn initialise(&mut self, done: &[Step]) -> Result<(), ModemError> {
        let profile = self.profile();
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            line.pause_before_commands(profile.quirks.send_delay);
        }
        let left: Vec<Step> =
            profile.init.iter().filter(|step| !done.contains(step)).cloned().collect();
        self.steps(&left, false).await?;
        if self.data.is_some() {
            self.steps(&left, true).await?;
        }
        Ok(())
    }

    /// A modem that has just started, or got its PIN, says when its SMS part is ready. No word of
    /// it is no failure: some firmware never says it.
    async fn wait_for_sms(&mut self) -> Result<(), ModemError> {
        let end = Instant::now() + self.profile().ready.limit;
        self.tell_news();
        while self.starting && !self.profile().ready.signs.is_empty() && Instant::now() < end {
            let line = self.at()?;
            if let Ok(pumped) = timeout_at(end, line.pump()).await {
                pumped?;
            }
            self.tell_news();
        }
        self.starting = false;
        Ok(())
    }

    /// Runs the steps that are sent in the course of dialling, each on its port.
    pub(super) async fn routed(
        &mut self,
        steps: &[Step],
        otherwise: StepPort,
    ) -> Result<(), ModemError> {
        for step in steps {
            let on_data = step.on.unwrap_or(otherwise) == StepPort::Data;
            self.steps(std::slice::from_ref(step), on_data).await?;
        }
        Ok(())
    }

    /// Runs the steps of a profile; `on_data` on the second port.
    pub(super) async fn steps(&mut self, steps: &[Step], on_data: bool) -> Result<(), ModemError> {
        let here = if on_data { StepPort::Data } else { StepPort::Control };
        for step in steps {
            if self.data.is_some() && step.on.is_some_and(|port| port != here) {
                continue;
            }
            let limit = step.timeout.unwrap_or_else(|| self.command_timeout());
            let result = match (&step.send, step.choose) {
                (Some(text), _) => self.patiently(text, limit, on_data).await,
                (None, Some(Choice::Service)) => self.choose_service().await,
                (None, Some(Choice::Storage)) => self.choose_storage().await,
                (None, Some(Choice::Indications)) => self.choose_indications().await,
                (None, None) => Ok(FinalResult::Ok),
            };
            let refused = match result {
                Ok(result) if result.is_ok() => continue,
                Ok(result) => result,
                Err(ModemError::Timeout { .. }) if step.on_error != OnError::Fail => {
                    let profile = self.profile();
                    let line = if on_data { self.dialer()? } else { self.at()? };
                    hangup::wake(line, &profile, false).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let tolerated = match &step.on_error {
                OnError::Fail => false,
                OnError::Ignore => true,
                OnError::IgnoreCodes { cme, cms } => {
                    refused.cme().is_some_and(|code| cme.contains(&code))
                        || refused.cms().is_some_and(|code| cms.contains(&code))
                }
            };
            if !tolerated {
                let text = step.send.as_deref().unwrap_or("the SMS set-up");
                return Err(ModemError::Refused {
                    command: name_of(text),
                    answer: refused.to_string(),
                });
            }
        }
        Ok(())
    }

    async fn patiently(
        &mut self,
        text: &str,
        limit: Duration,
        on_data: bool,
    ) -> Result<FinalResult, ModemError> {
        let response = self.repeat_while_busy(text, limit, on_data).await?;
        Ok(response.result)
    }

    /// Asks on the line for commands, again while the SIM is busy.
    pub(super) async fn patient_response(
        &mut self,
        text: &str,
        limit: Duration,
    ) -> Result<Response, ModemError> {
        self.repeat_while_busy(text, limit, false).await
    }

    async fn repeat_while_busy(
        &mut self,
        text: &str,
        limit: Duration,
        on_data: bool,
    ) -> Result<Response, ModemError> {
        let mut tries = BUSY_TRIES;
        loop {
            let line = if on_data { self.dialer()? } else { self.at()? };
            let response = line.response(text, limit).await?;
            tries -= 1;
            if tries == 0 || !response.result.is_busy() {
                return Ok(response);
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn identity(&mut self, question: &str, code: &str) -> Result<String, ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.optional(question, limit).await?;
        Ok(if response.result.is_ok() { identity(&response.lines, code) } else { String::new() })
    }

    /// Empty when the modem does not know the question.
    async fn imsi(&mut self) -> Result<String, ModemError> {
        let start = Instant::now();
        loop {
            let (told, response) = self.ask_imsi().await?;
            if let Some(imsi) = told {
                return Ok(imsi);
            }
            if start.elapsed() >= SIM_LIMIT {
                let command = "AT+CIMI".to_owned();
                return match response.result {
                    // Without a reason for as long as a SIM may take.
                    FinalResult::Error | FinalResult::NotSupported(_) => Ok(String::new()),
                    result if result.is_ok() => Err(ModemError::Unreadable { command }),
                    result => Err(ModemError::Refused { command, answer: result.to_string() }),
                };
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    pub(super) async fn ask_imsi(&mut self) -> Result<(Option<String>, Response), ModemError> {
        let limit = self.command_timeout();
        let response = self.at()?.optional("AT+CIMI", limit).await?;
        let imsi = identity(&response.lines, "+CIMI:");
        let digits = imsi.bytes().all(|it| it.is_ascii_digit());
        let told = response.result.is_ok() && digits && (6..=15).contains(&imsi.len());
        Ok((told.then_some(imsi), response))
    }

    async fn operator(&mut self) -> Result<Option<String>, ModemError> {
        let limit = self.command_timeout();
        let line = self.at()?;
        // The long name instead of digits; some modems refuse, and tell what they have.
        let _ = line.optional("AT+COPS=3,0", limit).await?;
        let response = line.optional("AT+COPS?", limit).await?;
        Ok(operator(&response.lines))
    }
}

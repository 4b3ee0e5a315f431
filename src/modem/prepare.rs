//! From a closed port to a modem that is registered: open, wake, initialise, unlock, set SMS up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::driver::Driver;
use super::line::{Line, name_of};
use super::profile::{Choice, OnError, Step, StepPort};
use super::{ModemError, ModemInfo, ProfileUsed, hangup};
use crate::codec::at::{FinalResult, cpin, fields, identity, operator, value_behind};
use crate::model::Stage;
use crate::model::redact::Secret;
use crate::proto::at::Response;

/// How long a SIM may be busy after power-on or after its PIN.
const SIM_LIMIT: Duration = Duration::from_secs(30);
/// How long "no SIM" may be a modem that is still looking.
const NO_SIM_LIMIT: Duration = Duration::from_secs(5);
/// How long the modem may check a PIN.
const PIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Fewer attempts than this are left to a person.
const MIN_PIN_ATTEMPTS: u8 = 3;
/// How often a command may meet a SIM that is busy, a second apart.
const BUSY_TRIES: usize = 10;

/// What became of each PIN tried in this process, by port. A handle that is made anew must not
/// spend one more attempt on a PIN that was refused.
static PINS: Mutex<BTreeMap<(String, String), PinState>> = Mutex::new(BTreeMap::new());

#[derive(Clone, Copy, PartialEq, Eq)]
enum PinState {
    /// Sent, and the outcome is not known.
    Sent,
    Accepted,
    Refused,
}

impl Driver {
    pub(super) async fn prepare(&mut self) -> Result<ModemInfo, ModemError> {
        let opened = self.open().await;
        if opened.is_err() {
            self.control = None;
            self.data = None;
        }
        opened?;
        self.stages.tell(Stage::PortOpen);
        self.initialise().await?;
        let manufacturer = self.identity("AT+CGMI", "+CGMI:").await?;
        let model = self.identity("AT+CGMM", "+CGMM:").await?;
        if self.config.profile.identify(&manufacturer, &model) {
            // What it was taken for so far may have left out what it needs.
            self.initialise().await?;
        }
        let profile = self.profile();
        if let Some(reason) = &profile.refuse {
            let name = if model.is_empty() { profile.title.clone() } else { model };
            return Err(ModemError::Unsuitable { model: name, reason: reason.clone() });
        }
        let revision = self.identity("AT+CGMR", "+CGMR:").await?;
        let imei = self.identity("AT+CGSN", "+CGSN:").await?;
        if self.multiplex().await? {
            self.initialise().await?;
        }
        self.unlock().await?;
        let imsi = self.imsi().await?;
        self.stages.tell(Stage::SimReady);
        self.wait_for_sms().await?;
        self.steps(&profile.sms, false).await?;
        let registration = self.wait_for_network(self.config.registration_limit).await?;
        let operator = self.operator().await?;
        let signal_dbm = match self.ask_signal().await {
            Err(ModemError::Timeout { .. }) => None,
            other => other?,
        };
        self.stages.tell(Stage::Registered {
            operator: operator.clone().unwrap_or_else(|| "an unnamed network".to_owned()),
        });
        let info = ModemInfo {
            profile: ProfileUsed::of(&self.config.profile),
            manufacturer,
            model,
            revision,
            imei,
            imsi,
            operator,
            signal_dbm,
            registration,
            sharing: self.sharing(),
        };
        Ok(info)
    }

    async fn open(&mut self) -> Result<(), ModemError> {
        let profile = self.profile();
        if self.control.is_none() {
            self.data = None;
            self.leave_multiplexer().await;
            let delay = profile.quirks.send_delay;
            let (first, second) = match &self.config.control_port {
                Some(control) => (control.clone(), Some(self.config.port.clone())),
                None => (self.config.port.clone(), None),
            };
            let port = self.opener.open(&first).await?;
            self.control = Some(Line::new(&first, port, Arc::clone(&self.shared), delay));
            if let Some(second) = second {
                let port = self.opener.open(&second).await?;
                self.data = Some(Line::new(&second, port, Arc::clone(&self.shared), delay));
            }
        }
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            if let Some(port) = line.port.as_mut() {
                port.set_dtr(true);
            }
            hangup::wake(line, &profile).await?;
        }
        self.found();
        Ok(())
    }

    /// The profile's first steps, on every port.
    async fn initialise(&mut self) -> Result<(), ModemError> {
        let profile = self.profile();
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            line.pause_before_commands(profile.quirks.send_delay);
        }
        self.steps(&profile.init, false).await?;
        if self.data.is_some() {
            self.steps(&profile.init, true).await?;
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
                    hangup::wake(line, &profile).await?;
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

    async fn ask_imsi(&mut self) -> Result<(Option<String>, Response), ModemError> {
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

    /// Waits for the SIM, and enters the PIN where it is asked for and safe.
    async fn unlock(&mut self) -> Result<(), ModemError> {
        let limit = self.command_timeout();
        let start = Instant::now();
        let mut entered = false;
        loop {
            let response = self.at()?.optional("AT+CPIN?", limit).await?;
            let state = cpin(&response.lines);
            let state = match (&state, response.result.cme()) {
                (Some(state), _) => state.as_str(),
                (None, Some(11)) => "SIM PIN",
                (None, Some(12)) => "SIM PUK",
                _ => "",
            };
            // Some modems do not know the question: a SIM that tells its IMSI is open.
            let unknown = state.is_empty() && response.result.is_unsupported();
            if unknown && self.ask_imsi().await?.0.is_some() {
                return Ok(());
            }
            match state {
                // A second PIN guards nothing that is needed here.
                "READY" | "SIM PIN2" | "SIM PUK2" => {
                    if entered {
                        self.note_pin(PinState::Accepted);
                    }
                    return Ok(());
                }
                "SIM PIN" if !entered => {
                    self.enter_pin().await?;
                    entered = true;
                    self.starting = true;
                    continue;
                }
                "SIM PUK" => return Err(ModemError::PukNeeded),
                // Some modems need a while to notice that the PIN was accepted, or the SIM.
                "SIM PIN" | "" | "NOT READY" | "SIM NOT READY" | "BUSY" | "SIM BUSY" => {}
                "NOT INSERTED" | "SIM NOT INSERTED" | "SIM REMOVED" | "NO SIM" | "SIM FAILURE" => {}
                other => return Err(ModemError::OtherLock { code: other.to_owned() }),
            }
            let in_words = ["INSERTED", "REMOVED", "NO SIM", "FAILURE"];
            let absent = matches!(response.result.cme(), Some(10 | 13 | 15));
            if absent && start.elapsed() >= NO_SIM_LIMIT {
                return Err(ModemError::NoSim { answer: response.result.to_string() });
            }
            if in_words.iter().any(|it| state.contains(it)) && start.elapsed() >= NO_SIM_LIMIT {
                return Err(ModemError::NoSim { answer: format!("+CPIN: {state}") });
            }
            if start.elapsed() >= SIM_LIMIT {
                return Err(if response.result.is_busy() || response.result.is_ok() {
                    ModemError::SimBusy { seconds: SIM_LIMIT.as_secs() }
                } else {
                    ModemError::NoSim { answer: response.result.to_string() }
                });
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    async fn enter_pin(&mut self) -> Result<(), ModemError> {
        let pin = self.config.pin.clone().filter(|pin| !pin.expose().is_empty());
        let Some(pin) = pin else { return Err(ModemError::PinNeeded) };
        // A malformed one might cost an attempt.
        let digits = pin.expose().bytes().all(|it| it.is_ascii_digit());
        if !digits || !(4..=8).contains(&pin.expose().len()) {
            return Err(ModemError::PinMalformed);
        }
        let left = self.pin_attempts().await?;
        match (self.pin_state(), left) {
            (Some(PinState::Refused), left) => return Err(ModemError::PinWrong { left }),
            (_, Some(left)) if left < MIN_PIN_ATTEMPTS => {
                return Err(ModemError::PinTooFewAttempts { left });
            }
            // Where the modem does not tell, a PIN of unknown outcome gets no second attempt.
            (Some(PinState::Sent), None) => return Err(ModemError::PinWrong { left }),
            _ => {}
        }
        self.note_pin(PinState::Sent);
        let command = format!("AT+CPIN=\"{}\"", pin.expose());
        // A busy SIM has not looked at it.
        let result = self.patiently(&command, PIN_TIMEOUT, false).await?;
        if result.is_ok() {
            self.note_pin(PinState::Accepted);
            return Ok(());
        }
        if result.is_busy() {
            self.forget_pin();
            return Err(ModemError::SimBusy { seconds: u64::try_from(BUSY_TRIES).unwrap_or(0) });
        }
        self.note_pin(PinState::Refused);
        let left = self.pin_attempts().await?;
        Err(ModemError::PinWrong { left })
    }

    /// How many attempts are left, where the modem can tell.
    async fn pin_attempts(&mut self) -> Result<Option<u8>, ModemError> {
        let limit = self.command_timeout();
        for question in self.profile().pin.attempts.clone() {
            let response = self.at()?.optional(&question, limit).await?;
            let told = response.lines.iter().find_map(|line| attempts_in(line));
            if response.result.is_ok() && told.is_some() {
                return Ok(told);
            }
        }
        Ok(None)
    }

    fn pin_key(&self) -> (String, String) {
        let pin = self.config.pin.as_ref().map_or("", Secret::expose);
        (self.config.port.clone(), pin.to_owned())
    }

    fn pin_state(&self) -> Option<PinState> {
        PINS.lock().unwrap_or_else(PoisonError::into_inner).get(&self.pin_key()).copied()
    }

    fn forget_pin(&self) {
        PINS.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pin_key());
    }

    fn note_pin(&self, state: PinState) {
        PINS.lock().unwrap_or_else(PoisonError::into_inner).insert(self.pin_key(), state);
    }
}

/// Attempts left for the PIN, in the forms of 3GPP and of the vendors.
pub(super) fn attempts_in(line: &str) -> Option<u8> {
    let number = |code: &str, at: usize| {
        value_behind(line, code).and_then(|list| fields(list).get(at)?.number::<u8>())
    };
    // Some modems list every code, whichever was asked for.
    let about = |code: &str, name: &str| {
        value_behind(line, code)
            .is_none_or(|list| fields(list).first().is_some_and(|it| it.text.trim() == name))
    };
    if !about("+CPINR:", "SIM PIN") || !about("+QPINC:", "SC") {
        return None;
    }
    // +CPINR: SIM PIN,3,3
    number("+CPINR:", 1)
        // ^CPIN: SIM PIN,3,10,3,10,3: the code asked for, then PUK, PIN, PUK2, PIN2
        .or_else(|| number("^CPIN:", 3))
        .or_else(|| number("^CPIN:", 1))
        // +QPINC: "SC",3,10
        .or_else(|| number("+QPINC:", 1))
        // +SPIC: 3,10,0,10 (PIN, PUK, PIN2, PUK2); the same order in the others.
        .or_else(|| number("+SPIC:", 0))
        .or_else(|| number("+UPINCNT:", 0))
        .or_else(|| number("+CPINC:", 0))
        .or_else(|| number("#PCT:", 0))
        .or_else(|| number("^SPIC:", 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_read_in_every_form() {
        for (line, left) in [
            ("+CPINR: SIM PIN,2,3", Some(2)),
            ("^CPIN: SIM PIN,3,10,3,10,3", Some(3)),
            ("^CPIN: READY,,10,3,10,3", Some(3)),
            ("+QPINC: \"SC\",1,10", Some(1)),
            ("+SPIC: 2,10,0,10", Some(2)),
            ("+UPINCNT: 1,10,3,10", Some(1)),
            ("#PCT: 2", Some(2)),
            ("+CPIN: SIM PIN", None),
            ("+CPINR: SIM PUK2,10,10", None),
            ("+QPINC: \"P2\",3,10", None),
        ] {
            assert_eq!(attempts_in(line), left, "{line}");
        }
    }
}

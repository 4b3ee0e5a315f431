//! Climbs the rungs of the recovery ladder, and looks whether the modem is still as it was left.
//!
//! Nothing here runs during a data call: the driver answers [`ModemError::InCall`] instead.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::driver::{Driver, pump_one};
use super::line::Line;
use super::usb::Bound;
use super::{ModemError, PortError, Rung, hangup};
use crate::codec::at::value_behind;

/// How long a modem in service may take to answer `AT`: slow ones take seconds.
const PING_LIMIT: Duration = Duration::from_secs(5);
/// How long a modem that has accepted its reset may take to begin with it.
const RESET_BEGINS: Duration = Duration::from_secs(5);
/// How long the system may take to reset a USB device: longer than its own time-outs for one that
/// does not come back.
const RESET_LIMIT: Duration = Duration::from_secs(30);
/// How long a port stays closed before it is opened again: time for DTR to be seen low.
const CLOSED_FOR: Duration = Duration::from_millis(500);
/// A port that vanishes, or a modem that restarts, this soon after dialling or CONNECT does so for
/// want of power.
const BROWN_OUT: Duration = Duration::from_secs(10);

/// What tells a modem that has kept its settings from one that has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Imprint {
    /// Answers to `AT+CMGF?` and `AT+CNMI?`; empty when it does not tell.
    settings: [String; 2],
    /// It repeats commands although it was told not to.
    echoes: bool,
    imsi: String,
}

impl Imprint {
    /// Whether this answer to `AT+CNMI?` is another than the one it was left with.
    pub(super) fn indicates_otherwise(&self, now: &str) -> bool {
        !is_same(&self.settings[1], now)
    }

    /// Whether a modem that was told not to echo did so.
    pub(super) const fn echoes_unlike(&self, echoed: bool) -> bool {
        echoed && !self.echoes
    }
}

/// A modem that does not tell has not changed its mind.
fn is_same(then: &str, now: &str) -> bool {
    then.is_empty() || now.is_empty() || then == now
}

impl Driver {
    /// Does what the rung says; the modem must be prepared afterwards.
    pub(super) async fn climb(&mut self, rung: Rung) -> Result<(), ModemError> {
        if self.in_call {
            return Err(ModemError::InCall);
        }
        self.ready = false;
        match rung {
            Rung::Resync => self.resync().await,
            // Preparing sends every setting.
            Rung::Initialise => Ok(()),
            Rung::Reopen => {
                self.give_up_ports().await;
                sleep(CLOSED_FOR).await;
                Ok(())
            }
            Rung::OtherPort => self.take_other_port().await,
            Rung::Restart => self.restart().await,
            Rung::UsbReset => self.reset_usb().await,
        }
    }

    /// Ends the multiplexer and closes the ports.
    pub(super) async fn give_up_ports(&mut self) {
        self.close();
        self.leave_multiplexer().await;
    }

    /// Closes the ports at once: a device whose old port is held open comes back under another
    /// name.
    pub(super) fn close(&mut self) {
        self.control = None;
        self.data = None;
        self.ready = false;
    }

    async fn resync(&mut self) -> Result<(), ModemError> {
        let profile = self.profile();
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            hangup::wake(line, &profile, true).await?;
        }
        Ok(())
    }

    /// Finds out which ports answer, and goes on with those.
    async fn take_other_port(&mut self) -> Result<(), ModemError> {
        let impossible = |reason: &str| {
            Err(ModemError::NotPossible { rung: Rung::OtherPort, reason: reason.to_owned() })
        };
        let names = self.locate()?;
        let all: Vec<String> =
            names.control.iter().chain([&names.dial]).chain(&names.spare).cloned().collect();
        if all.len() < 2 {
            return impossible("the modem has one port only");
        }
        if self.deaf && names.spare.is_empty() {
            return impossible("none of the modem's ports answers");
        }
        self.give_up_ports().await;
        let mut answering = Vec::new();
        for name in all {
            if let Ok(mut line) = self.open_line(&name).await
                && line.sync(2).await.unwrap_or(false)
            {
                answering.push(name);
            }
        }
        if answering.is_empty() {
            return impossible("none of the modem's ports answers");
        }
        let dials = answering.contains(&names.dial);
        let dial = if dials { names.dial.clone() } else { answering.remove(0) };
        let control = answering.into_iter().find(|name| *name != dial);
        if dials && control == names.control {
            return impossible("all of the modem's ports answer");
        }
        self.detour = Some((dial, control));
        Ok(())
    }

    /// The profile's reset sequence, on the first port that answers.
    async fn restart(&mut self) -> Result<(), ModemError> {
        let commands = self.profile().reset.commands.clone();
        if commands.is_empty() {
            // Nothing is left that would end it; without it there are at least messages.
            self.lingering = None;
            let reason = "this kind of modem does not come back from a reset by command";
            return Err(ModemError::NotPossible { rung: Rung::Restart, reason: reason.to_owned() });
        }
        let names = self.locate()?;
        let mut refused = "none of its ports answers".to_owned();
        if self.deaf {
            return Err(ModemError::NotPossible { rung: Rung::Restart, reason: refused });
        }
        if self.control.is_none() {
            self.leave_multiplexer().await;
            let first = names.control.clone().unwrap_or_else(|| names.dial.clone());
            self.control = self.open_line(&first).await.ok();
            self.data = None;
        }
        if self.data.is_none() && names.control.is_some() {
            self.data = self.open_line(&names.dial).await.ok();
        }
        let mut accepted = false;
        for line in [&mut self.control, &mut self.data].into_iter().flatten() {
            if accepted || !line.sync(2).await.unwrap_or(false) {
                continue;
            }
            for command in &commands {
                if accepted {
                    break;
                }
                match line.response(command, PING_LIMIT).await {
                    Ok(response) if !response.result.is_ok() => {
                        refused = format!("the modem refuses it: {}", response.result);
                    }
                    // Some restart before they have answered.
                    Ok(_) | Err(ModemError::Timeout { .. } | ModemError::Port(_)) => {
                        accepted = true;
                    }
                    Err(error) => refused = error.to_string(),
                }
            }
        }
        // What is left of it ends with this, or with nothing.
        self.lingering = None;
        if !accepted {
            return Err(ModemError::NotPossible { rung: Rung::Restart, reason: refused });
        }
        self.detour = None;
        // It still answers for a moment; what it is told now is forgotten.
        let begins = async { while pump_one(&mut self.control).await.is_ok() {} };
        let _ = timeout(RESET_BEGINS, begins).await;
        self.give_up_ports().await;
        Ok(())
    }

    async fn reset_usb(&mut self) -> Result<(), ModemError> {
        let impossible =
            |reason: String| Err(ModemError::NotPossible { rung: Rung::UsbReset, reason });
        // Where it is now, should it have moved.
        let _ = self.locate();
        self.give_up_ports().await;
        let finder = std::sync::Arc::clone(&self.finder);
        let reset = tokio::task::spawn_blocking(move || finder.reset());
        let Ok(reset) = timeout(RESET_LIMIT, reset).await else {
            let seconds = RESET_LIMIT.as_secs();
            return impossible(format!("the system did not reset the device in {seconds} s"));
        };
        match reset {
            Ok(Some(Ok(()))) => {
                self.detour = None;
                self.lingering = None;
                Ok(())
            }
            Ok(Some(Err(error))) => impossible(format!("{error}; {}", error.remedy())),
            Ok(None) => impossible("the modem is no USB device".to_owned()),
            Err(_) => impossible("the program is ending".to_owned()),
        }
    }

    /// Asks `AT` of a modem in service; `deep` also compares its settings and its SIM with what
    /// they were when it was prepared.
    pub(super) async fn check(&mut self, deep: bool) -> Result<(), ModemError> {
        if self.in_call || (!deep && self.looked.is_recent()) {
            return Ok(());
        }
        let echoed = {
            let line = self.at()?;
            let answered = line.response("AT", PING_LIMIT).await;
            if matches!(answered, Err(ModemError::Timeout { .. })) {
                line.get_in_step().await?;
            } else {
                answered?;
            }
            line.echoed()
        };
        self.tell_news();
        if self.imprint.echoes_unlike(echoed) {
            return Err(ModemError::SettingsLost);
        }
        if !deep {
            return Ok(());
        }
        let now = self.take_imprint().await?;
        if !is_same(&self.imprint.imsi, &now.imsi) {
            return Err(ModemError::SimChanged);
        }
        let settings = self.imprint.settings.iter().zip(&now.settings);
        if settings.into_iter().any(|(then, now)| !is_same(then, now)) {
            return Err(ModemError::SettingsLost);
        }
        Ok(())
    }

    pub(super) async fn take_imprint(&mut self) -> Result<Imprint, ModemError> {
        let limit = self.command_timeout();
        let mut imprint = Imprint::default();
        // What came before the settings were sent.
        let _ = self.at()?.echoed();
        let questions = [("AT+CMGF?", "+CMGF:"), ("AT+CNMI?", "+CNMI:")];
        for ((question, code), told) in questions.into_iter().zip(&mut imprint.settings) {
            let response = self.at()?.optional(question, limit).await?;
            if response.result.is_ok() {
                let value = response.lines.iter().find_map(|line| value_behind(line, code));
                value.unwrap_or_default().clone_into(told);
            }
        }
        imprint.imsi = self.ask_imsi().await?.0.unwrap_or_default();
        imprint.echoes = self.at()?.echoed();
        Ok(imprint)
    }

    /// Whether something answers at the modem's place; leaves no port open that is silent.
    pub(super) async fn probe(&mut self) -> Result<(), ModemError> {
        if self.in_call {
            return Err(ModemError::InCall);
        }
        if self.control.is_none() {
            self.leave_multiplexer().await;
            let names = self.locate()?;
            let first = names.control.unwrap_or(names.dial);
            self.control = Some(self.open_line(&first).await?);
        }
        let line = self.at()?;
        let name = line.name.clone();
        match line.sync(1).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.close();
                Err(ModemError::NoAnswer { port: name })
            }
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// The ports' names now.
    pub(super) fn locate(&self) -> Result<Bound, ModemError> {
        let located = self.finder.find()?;
        let is_there = |name: &String| {
            let names = [&located.dial].into_iter().chain(&located.control).chain(&located.spare);
            names.into_iter().any(|it| it == name)
        };
        Ok(match &self.detour {
            // Under other names it is another device's, or plays another part.
            Some((dial, control)) if is_there(dial) && control.iter().all(is_there) => {
                Bound { dial: dial.clone(), control: control.clone(), ..located }
            }
            _ => located,
        })
    }

    pub(super) async fn open_line(&mut self, name: &str) -> Result<Line, ModemError> {
        let port = match self.opener.open(name).await {
            Err(error @ PortError::Missing { .. }) => {
                // It was plugged out: what stood in for a port that was stuck is not needed.
                self.detour = None;
                return Err(error.into());
            }
            opened => opened?,
        };
        let profile = self.profile();
        let delay = profile.quirks.send_delay;
        let mut line = Line::new(name, port, std::sync::Arc::clone(&self.shared), delay);
        line.set_serial(self.serial.unwrap_or(profile.serial));
        Ok(line)
    }

    /// The radio draws most when it begins to send: a port that vanishes then, or a modem that
    /// restarts, says "power".
    pub(super) fn blame_power(&self, error: ModemError) -> ModemError {
        let (port, restarted) = match &error {
            ModemError::Port(PortError::Gone { port }) => (port, false),
            ModemError::Restarted => (&self.config.port, true),
            _ => return error,
        };
        let dials = restarted && self.dialling.is_some();
        match self.radio_since.map(|since| Instant::now() - since) {
            Some(after) if dials || after < BROWN_OUT => {
                let seconds = after.as_secs() + u64::from(restarted);
                ModemError::BrownOut { port: port.clone(), seconds, restarted }
            }
            _ => error,
        }
    }

    /// Looks at a modem that said nothing from `after` dialling on: one that has forgotten what it
    /// was told has restarted without a word.
    pub(super) async fn restarted_in_silence(&mut self, after: Duration) -> Option<ModemError> {
        match self.check(true).await {
            Err(ModemError::SettingsLost) => Some(ModemError::BrownOut {
                port: self.config.port.clone(),
                seconds: after.as_secs() + 1,
                restarted: true,
            }),
            _ => None,
        }
    }

    /// When in a call the modem spoke last, if that was in its first seconds and long ago.
    pub(super) fn fell_silent(&self, heard: Option<Instant>) -> Option<Duration> {
        let since = self.radio_since?;
        let heard = heard.map_or(since, |heard| heard.max(since));
        (heard - since < BROWN_OUT && heard.elapsed() >= BROWN_OUT).then(|| heard - since)
    }
}

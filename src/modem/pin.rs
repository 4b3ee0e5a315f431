//! The SIM's lock: what it waits for, how many attempts are left, and a PIN that is tried once
//! (3GPP TS 27.007 clauses 8.3 and 8.65).
//!
//! A PIN is written down as sent before it is sent, so that neither a crash nor a power cut leads
//! to a second attempt with one that was refused: three of those block the SIM. What it is written
//! down against is the SIM itself, by its ICCID, so that another SIM is tried, and a
//! corrected PIN once a person has restored the attempts.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::driver::Driver;
use super::{ModemError, iccid, prepare};
use crate::codec::at::{cpin, fields, value_behind};
use crate::model::redact::Secret;

/// How long "no SIM" may be a modem that is still looking.
const NO_SIM_LIMIT: Duration = Duration::from_secs(5);
/// How long the modem may check a PIN.
const PIN_TIMEOUT: Duration = Duration::from_secs(20);
/// Fewer attempts than this are left to a person.
const MIN_PIN_ATTEMPTS: u8 = 3;
/// What became of a PIN that was given to a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinFate {
    /// It was sent and the outcome is not known: the program or the modem ended in between.
    Sent,
    /// The SIM refused it.
    Refused,
    /// This one was never tried; so many others were refused.
    Others(u8),
    /// Some PIN was refused or its outcome is not known, and whether it was this one cannot be
    /// told any more.
    Untold,
}

/// The answer of a [`PinMemory`]; the error is its reason in words.
pub type PinAnswer<'a, T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send + 'a>>;

/// Remembers the fate of PINs over restarts. `sim` names a SIM and may be personal data.
pub trait PinMemory: Send + Sync {
    /// What is known of this PIN at this SIM; none when nothing speaks against it.
    fn fate<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, Option<PinFate>>;
    /// Writes it down; durable when this returns.
    fn note<'a>(&'a self, sim: &'a str, pin: &'a Secret, fate: PinFate) -> PinAnswer<'a, ()>;
    /// The SIM has accepted this PIN, or has not looked at it: nothing speaks against it.
    fn forget<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, ()>;
}

/// Remembers as long as the program runs.
#[derive(Default)]
pub struct VolatilePins(Mutex<BTreeMap<(String, String), PinFate>>);

impl VolatilePins {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<(String, String), PinFate>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl PinMemory for VolatilePins {
    fn fate<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, Option<PinFate>> {
        let key = (sim.to_owned(), pin.expose().to_owned());
        Box::pin(async move {
            Ok(self.with(|pins| {
                let others = || pins.keys().filter(|(sim, _)| *sim == key.0).count();
                pins.get(&key).copied().or_else(|| match u8::try_from(others()) {
                    Ok(0) => None,
                    Ok(count) => Some(PinFate::Others(count)),
                    Err(_) => Some(PinFate::Others(u8::MAX)),
                })
            }))
        })
    }

    fn note<'a>(&'a self, sim: &'a str, pin: &'a Secret, fate: PinFate) -> PinAnswer<'a, ()> {
        let key = (sim.to_owned(), pin.expose().to_owned());
        Box::pin(async move {
            self.with(|pins| pins.insert(key, fate));
            Ok(())
        })
    }

    fn forget<'a>(&'a self, sim: &'a str, pin: &'a Secret) -> PinAnswer<'a, ()> {
        let key = (sim.to_owned(), pin.expose().to_owned());
        Box::pin(async move {
            self.with(|pins| pins.remove(&key));
            Ok(())
        })
    }
}

impl Driver {
    /// Waits for the SIM, and enters the PIN where it is asked for and safe.
    pub(super) async fn unlock(&mut self) -> Result<(), ModemError> {
        let limit = self.command_timeout();
        let start = Instant::now();
        let mut entered: Option<Names> = None;
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
                    if let Some(names) = entered {
                        self.forget_pin(&names).await?;
                    }
                    return Ok(());
                }
                "SIM PIN" if entered.is_none() => {
                    entered = Some(self.enter_pin().await?);
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
            if start.elapsed() >= prepare::SIM_LIMIT {
                return Err(if response.result.is_busy() || response.result.is_ok() {
                    ModemError::SimBusy { seconds: prepare::SIM_LIMIT.as_secs() }
                } else {
                    ModemError::NoSim { answer: response.result.to_string() }
                });
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Answers under which names the PIN's fate is remembered.
    async fn enter_pin(&mut self) -> Result<Names, ModemError> {
        let pin = self.config.pin.clone().filter(|pin| !pin.expose().is_empty());
        let Some(pin) = pin else { return Err(ModemError::PinNeeded) };
        // A malformed one might cost an attempt.
        let digits = pin.expose().bytes().all(|it| it.is_ascii_digit());
        if !digits || !(4..=8).contains(&pin.expose().len()) {
            return Err(ModemError::PinMalformed);
        }
        let left = self.pin_attempts().await?;
        let names = self.sim_names().await?;
        match (self.fate_of(&names, &pin).await?, left) {
            (Some(PinFate::Refused), left) => return Err(ModemError::PinWrong { left }),
            (_, Some(left)) if left < MIN_PIN_ATTEMPTS => {
                return Err(ModemError::PinTooFewAttempts { left });
            }
            // All attempts are left, so it was accepted then, or never looked at.
            (Some(PinFate::Sent | PinFate::Untold | PinFate::Others(_)), Some(_))
            | (Some(PinFate::Others(1)) | None, None)
            | (None, Some(_)) => {}
            (Some(PinFate::Sent | PinFate::Untold), None) => {
                return Err(ModemError::PinWrong { left });
            }
            (Some(PinFate::Others(_)), None) => {
                return Err(ModemError::PinTooFewAttempts { left: 1 });
            }
        }
        self.note_pin(&names, &pin, PinFate::Sent).await?;
        let command = format!("AT+CPIN=\"{}\"", pin.expose());
        let result = self.patient_response(&command, PIN_TIMEOUT).await?.result;
        if result.is_ok() {
            return Ok(names);
        }
        if result.is_busy() {
            // A busy SIM has not looked at it.
            self.forget_pin(&names).await?;
            let seconds = u64::try_from(prepare::BUSY_TRIES).unwrap_or(0);
            return Err(ModemError::SimBusy { seconds });
        }
        self.note_pin(&names, &pin, PinFate::Refused).await?;
        let left = self.pin_attempts().await?;
        Err(ModemError::PinWrong { left })
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference to the driver cannot be held over an await"
    )]
    async fn forget_pin(&mut self, names: &Names) -> Result<(), ModemError> {
        let Some(pin) = &self.config.pin else { return Ok(()) };
        for name in names.all() {
            let forgotten = self.pins.forget(name, pin).await;
            forgotten.map_err(|reason| ModemError::PinMemory { reason })?;
        }
        Ok(())
    }

    /// The worst that is remembered of it under any of the names.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference to the driver cannot be held over an await"
    )]
    async fn fate_of(
        &mut self,
        names: &Names,
        pin: &Secret,
    ) -> Result<Option<PinFate>, ModemError> {
        let mut worst = None;
        for name in &names.looked_up {
            let fate = self.pins.fate(name, pin).await;
            let fate = fate.map_err(|reason| ModemError::PinMemory { reason })?;
            worst = worse(worst, fate);
        }
        Ok(worst)
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared reference to the driver cannot be held over an await"
    )]
    async fn note_pin(
        &mut self,
        names: &Names,
        pin: &Secret,
        fate: PinFate,
    ) -> Result<(), ModemError> {
        for name in &names.noted {
            let noted = self.pins.note(name, pin, fate).await;
            noted.map_err(|reason| ModemError::PinMemory { reason })?;
        }
        Ok(())
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

    /// What the SIM is called where its PIN's fate is remembered.
    async fn sim_names(&mut self) -> Result<Names, ModemError> {
        let iccid = self.ask_iccid().await?;
        let imei = self.imei.as_str();
        let port = self.config.port.as_str();
        let place = if imei.is_empty() { format!("port:{port}") } else { format!("imei:{imei}") };
        Ok(Names::of(&iccid, place))
    }

    /// The SIM's own number; empty when the modem does not tell. Once a modem has left a way to
    /// ask unanswered, no other is tried.
    pub(super) async fn ask_iccid(&mut self) -> Result<String, ModemError> {
        let limit = self.command_timeout();
        let first = self.iccid_question;
        let others =
            (0..iccid::QUESTIONS.len()).filter(|index| first.is_none_or(|it| it == *index));
        for index in others {
            let Some((question, code)) = iccid::QUESTIONS.get(index) else { continue };
            let response = match self.at()?.response(question, limit).await {
                Ok(response) => response,
                Err(ModemError::Timeout { .. }) => return Ok(String::new()),
                Err(error) => return Err(error),
            };
            let told = response.lines.iter().find_map(|line| iccid::digits_in(line, code));
            if let (true, Some(iccid)) = (response.result.is_ok(), told) {
                self.iccid_question = Some(index);
                return Ok(iccid);
            }
        }
        Ok(String::new())
    }
}

/// The names of one SIM. It has its ICCID's, and where the modem does not tell that before the PIN,
/// now or at another time, it is known by the place where it is.
struct Names {
    looked_up: [String; 2],
    noted: Vec<String>,
}

impl Names {
    fn of(iccid: &str, place: String) -> Self {
        // What a SIM that told its ICCID did in this place is not held against another one.
        let told = format!("told:{place}");
        if iccid.is_empty() {
            return Self { looked_up: [place.clone(), told], noted: vec![place] };
        }
        let sim = format!("iccid:{iccid}");
        Self { looked_up: [sim.clone(), place], noted: vec![sim, told] }
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.looked_up.iter().chain(&self.noted)
    }
}

/// The one that speaks more against a PIN.
const fn worse(one: Option<PinFate>, other: Option<PinFate>) -> Option<PinFate> {
    match (one, other) {
        (Some(PinFate::Refused), _) | (_, Some(PinFate::Refused)) => Some(PinFate::Refused),
        (Some(PinFate::Sent), _) | (_, Some(PinFate::Sent)) => Some(PinFate::Sent),
        (Some(PinFate::Untold), _) | (_, Some(PinFate::Untold)) => Some(PinFate::Untold),
        (Some(PinFate::Others(a)), Some(PinFate::Others(b))) => {
            Some(PinFate::Others(if a > b { a } else { b }))
        }
        (Some(fate), None) | (None, Some(fate)) => Some(fate),
        (None, None) => None,
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

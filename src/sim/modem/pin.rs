//! The SIM's PIN: entered, unblocked, switched and changed (3GPP TS 27.007 clauses 7.4, 7.5 and
//! 8.3; TS 51.011 clause 9.2).

use super::command::{Arg, Op};
use super::failure::{
    INCORRECT_PASSWORD, INVALID_PARAMETER, NOT_SUPPORTED, OPERATION_NOT_ALLOWED, PUK_REQUIRED,
    SIM_NOT_INSERTED,
};
use super::{Cx, Failure, Step, Subscriber};
use crate::sim::fault::Fault;

/// Attempts for the PIN and for the PUK.
const PIN_TRIES: u8 = 3;
const PUK_TRIES: u8 = 10;
/// The code of a SIM that does not ask for it.
const USUAL_PIN: &str = "0000";
/// The facility of `+CLCK` and `+CPWD` that is the PIN.
const SIM_FACILITY: &str = "SC";

/// What the SIM knows of its PIN; the power may go, it stays.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PinState {
    code: String,
    /// The SIM asks for it after power-on.
    pub(super) enabled: bool,
    /// Attempts left for it.
    pub(super) tries: u8,
    /// Attempts left for the PUK.
    pub(super) puk_tries: u8,
}

impl std::fmt::Debug for PinState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinState").field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

impl PinState {
    pub(super) fn of(subscriber: &Subscriber) -> Self {
        Self {
            code: subscriber.pin.clone().unwrap_or_else(|| USUAL_PIN.to_owned()),
            enabled: subscriber.pin.is_some(),
            tries: subscriber.pin_tries.min(PIN_TRIES),
            puk_tries: PUK_TRIES,
        }
    }

    /// Compares and counts.
    fn verify(&mut self, given: &str) -> Result<(), Failure> {
        if self.tries == 0 {
            return Err(PUK_REQUIRED);
        }
        if given == self.code {
            self.tries = PIN_TRIES;
            return Ok(());
        }
        self.tries -= 1;
        Err(if self.tries == 0 { PUK_REQUIRED } else { INCORRECT_PASSWORD })
    }
}

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    let done = match name {
        "+CPIN" => return Some(pin(cx, op)),
        "+CPINR" => return Some(tries(cx, op)),
        "+CLCK" => facility(cx, op),
        "+CPWD" => change(cx, op),
        _ => return None,
    };
    Some(match done {
        Ok(()) => Step::Done,
        Err(failure) => Step::Fail(failure),
    })
}

fn pin(cx: &mut Cx<'_>, op: &Op) -> Step {
    let word = cx.shared.sim_word(cx.state);
    match op {
        Op::Test => Step::Done,
        _ if word == "NOT INSERTED" => Step::Fail(SIM_NOT_INSERTED),
        Op::Read => match cx.shared.sim_trouble(cx.state) {
            Some(busy) if word == "READY" => Step::Fail(busy),
            _ => {
                cx.say(format!("+CPIN: {word}"));
                if cx.shared.faults.shows(&Fault::CpinWithoutOk {}) {
                    Step::Unanswered
                } else {
                    Step::Done
                }
            }
        },
        Op::Run => Step::Fail(NOT_SUPPORTED),
        Op::Set(args) => match (word, args.as_slice()) {
            ("READY", _) => Step::Fail(OPERATION_NOT_ALLOWED),
            ("SIM PUK", [puk, new]) => {
                let pin = &mut cx.state.pin;
                if pin.puk_tries > 0 && puk.text == cx.shared.subscriber.puk && is_code(&new.text) {
                    pin.code.clone_from(&new.text);
                    pin.tries = PIN_TRIES;
                    pin.puk_tries = PUK_TRIES;
                    return unlock(cx);
                }
                pin.puk_tries = pin.puk_tries.saturating_sub(1);
                Step::Fail(if pin.puk_tries == 0 { Failure::Cme(13) } else { INCORRECT_PASSWORD })
            }
            ("SIM PUK", _) => Step::Fail(PUK_REQUIRED),
            (_, [given, ..]) => match cx.state.pin.verify(&given.text) {
                Ok(()) => unlock(cx),
                Err(failure) => Step::Fail(failure),
            },
            _ => Step::Fail(INVALID_PARAMETER),
        },
    }
}

fn unlock(cx: &mut Cx<'_>) -> Step {
    cx.state.locked = false;
    cx.shared.start_searching(cx.state);
    Step::Done
}

/// A PIN has four to eight digits (TS 51.011 clause 9.3).
fn is_code(text: &str) -> bool {
    (4..=8).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

fn tries(cx: &mut Cx<'_>, op: &Op) -> Step {
    if cx.shared.sim_word(cx.state) == "NOT INSERTED" {
        return Step::Fail(SIM_NOT_INSERTED);
    }
    if cx.shared.faults.shows(&Fault::PinTriesUntold {}) {
        return Step::Fail(Failure::Plain);
    }
    let counts = [
        ("SIM PIN", cx.state.pin.tries, PIN_TRIES),
        ("SIM PUK", cx.state.pin.puk_tries, PUK_TRIES),
    ];
    let wanted = match op {
        Op::Test => return Step::Done,
        Op::Run => "",
        Op::Set(args) => args.first().map_or("", |arg| arg.text.trim_end_matches('*')),
        Op::Read => return Step::Fail(NOT_SUPPORTED),
    };
    for (name, left, all) in counts {
        if name.starts_with(wanted) {
            cx.say(format!("+CPINR: {name},{left},{all}"));
        }
    }
    Step::Done
}

/// `+CLCK=<fac>,<mode>[,<passwd>[,<class>]]`
fn facility(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let args = match op {
        Op::Test => {
            cx.say(format!("+CLCK: (\"{SIM_FACILITY}\")"));
            return Ok(());
        }
        Op::Set(args) if (2..=4).contains(&args.len()) => args,
        Op::Set(_) => return Err(INVALID_PARAMETER),
        _ => return Err(NOT_SUPPORTED),
    };
    usable(cx, args.first())?;
    match args.get(1).and_then(Arg::number) {
        Some(2) => {
            let on = u8::from(cx.state.pin.enabled);
            cx.say(format!("+CLCK: {on}"));
            Ok(())
        }
        Some(mode @ 0..=1) => {
            let password = args.get(2).map(|password| password.text.as_str());
            cx.state.pin.verify(password.unwrap_or_default())?;
            cx.state.pin.enabled = mode == 1;
            Ok(())
        }
        _ => Err(INVALID_PARAMETER),
    }
}

/// `+CPWD=<fac>,<oldpwd>,<newpwd>`
fn change(cx: &mut Cx<'_>, op: &Op) -> Result<(), Failure> {
    let args = match op {
        Op::Test => {
            cx.say(format!("+CPWD: (\"{SIM_FACILITY}\",8)"));
            return Ok(());
        }
        Op::Set(args) => args,
        _ => return Err(NOT_SUPPORTED),
    };
    let [facility, old, new] = args.as_slice() else { return Err(INVALID_PARAMETER) };
    usable(cx, Some(facility))?;
    if !is_code(&new.text) {
        return Err(INVALID_PARAMETER);
    }
    // TS 51.011 clause 9.2.10: a PIN that is switched off cannot be changed.
    if !cx.state.pin.enabled {
        return Err(OPERATION_NOT_ALLOWED);
    }
    cx.state.pin.verify(&old.text)?;
    cx.state.pin.code.clone_from(&new.text);
    Ok(())
}

fn usable(cx: &Cx<'_>, facility: Option<&Arg>) -> Result<(), Failure> {
    let known = facility.is_some_and(|arg| arg.text.eq_ignore_ascii_case(SIM_FACILITY));
    match cx.shared.sim_word(cx.state) {
        _ if !known => Err(OPERATION_NOT_ALLOWED),
        "NOT INSERTED" => Err(SIM_NOT_INSERTED),
        "SIM PUK" => Err(PUK_REQUIRED),
        _ => Ok(()),
    }
}

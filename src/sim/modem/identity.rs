//! Identity, SIM and power (3GPP TS 27.007 clauses 5 and 8.2 to 8.3).

use std::time::Duration;

use super::command::Op;
use super::failure::{
    INCORRECT_PASSWORD, INVALID_PARAMETER, NOT_SUPPORTED, OPERATION_NOT_ALLOWED, PIN_REQUIRED,
    PUK_REQUIRED, SIM_NOT_INSERTED,
};
use super::text::Charset;
use super::{Cx, Failure, Step};
use crate::sim::fault::Fault;

pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    let config = &cx.shared.config;
    let plain = match name {
        "+CGMI" | "+GMI" => Some(config.manufacturer.clone()),
        "+CGMM" | "+GMM" => Some(config.model.clone()),
        "+CGMR" | "+GMR" => Some(env!("CARGO_PKG_VERSION").to_owned()),
        "+CGSN" | "+GSN" => Some(config.imei.clone()),
        "+GCAP" => Some("+GCAP: +CGSM".to_owned()),
        _ => None,
    };
    if let Some(answer) = plain {
        return Some(match op {
            Op::Run => {
                cx.say(answer);
                Step::Done
            }
            Op::Test => Step::Done,
            // +CGSN=1 asks for the IMEI in a line of its own.
            Op::Set(args)
                if name == "+CGSN"
                    && args.first().and_then(super::command::Arg::number) == Some(1) =>
            {
                cx.say(format!("+CGSN: \"{answer}\""));
                Step::Done
            }
            _ => Step::Fail(NOT_SUPPORTED),
        });
    }
    Some(match name {
        "+CIMI" => match (op, cx.shared.sim_trouble(cx.state)) {
            (Op::Test, _) => Step::Done,
            (Op::Run, None) => {
                cx.say(cx.shared.subscriber.imsi.clone());
                Step::Done
            }
            (Op::Run, Some(trouble)) => Step::Fail(trouble),
            _ => Step::Fail(NOT_SUPPORTED),
        },
        "+CCID" | "+ICCID" | "^ICCID" | "+QCCID" => match cx.shared.sim_trouble(cx.state) {
            // EF_ICCID is read without any PIN (3GPP TS 51.011 clause 10.1.1).
            None | Some(PIN_REQUIRED | PUK_REQUIRED) => {
                cx.say(format!("{name}: {}", cx.shared.subscriber.iccid()));
                Step::Done
            }
            Some(trouble) => Step::Fail(trouble),
        },
        "+CNUM" => match (op, cx.shared.sim_trouble(cx.state)) {
            (Op::Test, _) => Step::Done,
            (Op::Run, None) => {
                if cx.shared.subscriber.number_on_sim {
                    let number = cx.shared.subscriber.number.clone();
                    let kind = if number.starts_with('+') { 145 } else { 129 };
                    cx.say(format!("+CNUM: ,\"{number}\",{kind}"));
                }
                Step::Done
            }
            (Op::Run, Some(trouble)) => Step::Fail(trouble),
            _ => Step::Fail(NOT_SUPPORTED),
        },
        "+CMEE" => match op {
            Op::Test => say(cx, "+CMEE: (0-2)"),
            Op::Read => {
                let now = cx.state.settings(cx.port).cmee;
                say(cx, format!("+CMEE: {now}"))
            }
            Op::Run => {
                cx.state.settings_mut(cx.port).cmee = 0;
                Step::Done
            }
            Op::Set(args) => match args.first().and_then(super::command::Arg::number) {
                Some(value @ 0..=2) => {
                    cx.state.settings_mut(cx.port).cmee = value;
                    Step::Done
                }
                _ => Step::Fail(INVALID_PARAMETER),
            },
        },
        "+CSCS" => charset(cx, op),
        "+CPIN" => pin(cx, op),
        "+CPINR" => tries(cx, op),
        "+CLCK" => lock_facility(cx, op),
        "+CFUN" => function(cx, op),
        _ => return None,
    })
}

fn say(cx: &mut Cx<'_>, line: impl Into<String>) -> Step {
    cx.say(line);
    Step::Done
}

fn charset(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => {
            let names: Vec<String> =
                Charset::ALL.iter().map(|set| format!("\"{}\"", set.name())).collect();
            say(cx, format!("+CSCS: ({})", names.join(",")))
        }
        Op::Read => {
            let now = cx.state.settings(cx.port).charset.name();
            say(cx, format!("+CSCS: \"{now}\""))
        }
        Op::Run => {
            cx.state.settings_mut(cx.port).charset = Charset::default();
            Step::Done
        }
        Op::Set(args) => match args.first().and_then(|arg| Charset::from_name(&arg.text)) {
            Some(set) => {
                cx.state.settings_mut(cx.port).charset = set;
                Step::Done
            }
            None => Step::Fail(INVALID_PARAMETER),
        },
    }
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
            ("SIM PUK", [puk, _new]) => {
                if cx.state.puk_tries > 0 && puk.text == cx.shared.subscriber.puk {
                    cx.state.pin_tries = 3;
                    cx.state.puk_tries = 10;
                    unlock(cx)
                } else {
                    cx.state.puk_tries = cx.state.puk_tries.saturating_sub(1);
                    Step::Fail(if cx.state.puk_tries == 0 {
                        Failure::Cme(13)
                    } else {
                        INCORRECT_PASSWORD
                    })
                }
            }
            ("SIM PUK", _) => Step::Fail(PUK_REQUIRED),
            (_, [given, ..]) => {
                if Some(&given.text) == cx.shared.subscriber.pin.as_ref() {
                    cx.state.pin_tries = 3;
                    unlock(cx)
                } else {
                    cx.state.pin_tries = cx.state.pin_tries.saturating_sub(1);
                    Step::Fail(if cx.state.pin_tries == 0 {
                        PUK_REQUIRED
                    } else {
                        INCORRECT_PASSWORD
                    })
                }
            }
            _ => Step::Fail(INVALID_PARAMETER),
        },
    }
}

fn unlock(cx: &mut Cx<'_>) -> Step {
    cx.state.locked = false;
    cx.shared.start_searching(cx.state);
    Step::Done
}

fn tries(cx: &mut Cx<'_>, op: &Op) -> Step {
    if cx.shared.sim_word(cx.state) == "NOT INSERTED" {
        return Step::Fail(SIM_NOT_INSERTED);
    }
    if cx.shared.faults.shows(&Fault::PinTriesUntold {}) {
        return Step::Fail(Failure::Plain);
    }
    let counts = [("SIM PIN", cx.state.pin_tries, 3), ("SIM PUK", cx.state.puk_tries, 10)];
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

fn lock_facility(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => say(cx, "+CLCK: (\"SC\")"),
        Op::Set(args) => match args.as_slice() {
            [facility, mode]
                if facility.text.eq_ignore_ascii_case("SC") && mode.number() == Some(2) =>
            {
                let on = u8::from(cx.shared.subscriber.pin.is_some());
                say(cx, format!("+CLCK: {on}"))
            }
            _ => Step::Fail(OPERATION_NOT_ALLOWED),
        },
        _ => Step::Fail(NOT_SUPPORTED),
    }
}

fn function(cx: &mut Cx<'_>, op: &Op) -> Step {
    match op {
        Op::Test => say(cx, "+CFUN: (0,1,4),(0,1)"),
        Op::Read => {
            let now = cx.state.function;
            say(cx, format!("+CFUN: {now}"))
        }
        Op::Run => Step::Fail(NOT_SUPPORTED),
        Op::Set(args) => {
            let Some(level @ (0 | 1 | 4)) = args.first().and_then(super::command::Arg::number)
            else {
                return Step::Fail(INVALID_PARAMETER);
            };
            if args.get(1).and_then(super::command::Arg::number) == Some(1) {
                cx.state.function = level;
                cx.shared.reset_soon();
                return Step::Done;
            }
            let was = std::mem::replace(&mut cx.state.function, level);
            if level != 1 {
                cx.shared.lose_network(cx.state);
            } else if was != 1 {
                cx.shared.start_searching(cx.state);
                return Step::After(Duration::ZERO);
            }
            Step::Done
        }
    }
}

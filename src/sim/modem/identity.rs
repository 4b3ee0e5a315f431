//! Identity, character set and power (3GPP TS 27.007 clauses 5 and 8.2).

use std::time::Duration;

use super::command::Op;
use super::failure::{INVALID_PARAMETER, NOT_SUPPORTED, PIN_REQUIRED, PUK_REQUIRED};
use super::text::Charset;
use super::{Cx, Step, catalog};

/// Software version number of the IMEISV (TS 23.003 clause 6.2.2).
const SOFTWARE_VERSION: &str = "01";

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
            Op::Test if name == "+CGSN" => say(cx, "+CGSN: (0-3)"),
            Op::Test => Step::Done,
            // 0 is the serial number of the maker, which is the IMEI here; 1 the IMEI, 2 with the
            // version of the software in place of the check digit, 3 that version.
            Op::Set(args) if name == "+CGSN" => {
                let body = answer.get(..14).unwrap_or_default();
                match args.first().and_then(super::command::Arg::number) {
                    Some(0) => say(cx, answer),
                    Some(1) => say(cx, format!("+CGSN: \"{answer}\"")),
                    Some(2) => say(cx, format!("+CGSN: \"{body}{SOFTWARE_VERSION}\"")),
                    Some(3) => say(cx, format!("+CGSN: \"{SOFTWARE_VERSION}\"")),
                    _ => Step::Fail(INVALID_PARAMETER),
                }
            }
            _ => Step::Fail(NOT_SUPPORTED),
        });
    }
    Some(match name {
        "+CLAC" => match op {
            Op::Run => {
                catalog::names().for_each(|name| cx.say(format!("AT{name}")));
                Step::Done
            }
            Op::Test => Step::Done,
            _ => Step::Fail(NOT_SUPPORTED),
        },
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
                    cx.say(format!("+CNUM: \"\",\"{number}\",{kind}"));
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

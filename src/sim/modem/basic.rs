//! Basic commands and S-registers (ITU-T V.250 clause 6).

use std::ops::RangeInclusive;

use super::state::PortSettings;
use super::{Cx, Failure, Step};

/// A letter with its number.
pub(super) fn run(cx: &mut Cx<'_>, ampersand: bool, letter: char, value: Option<u32>) -> Step {
    let number = value.unwrap_or(0);
    let port = cx.port;
    if ampersand {
        return match (letter, number) {
            ('F', 0) => {
                *cx.state.settings_mut(port) = PortSettings::default();
                Step::Done
            }
            ('W', 0) => {
                cx.state.stored_profile = cx.state.settings(port).clone();
                Step::Done
            }
            ('V', 0) => {
                profile(cx);
                Step::Done
            }
            ('C', 0..=2) => {
                cx.state.settings_mut(port).carrier = number;
                Step::Done
            }
            ('D', 0..=2) => {
                cx.state.settings_mut(port).dtr = number;
                Step::Done
            }
            // There is one stored profile. Flow control, and what else touches wires that a
            // pseudo-terminal does not have.
            ('Y', 0) | ('K', 0..=6) | ('S' | 'R' | 'A' | 'G', _) => Step::Done,
            _ => Step::Fail(Failure::Plain),
        };
    }
    match (letter, number) {
        ('E', 0 | 1) => {
            cx.state.settings_mut(port).echo = number == 1;
            Step::Done
        }
        ('V', 0 | 1) => {
            cx.state.settings_mut(port).verbose = number == 1;
            Step::Done
        }
        ('Q', 0 | 1) => {
            cx.state.settings_mut(port).quiet = number == 1;
            Step::Done
        }
        ('X', 0..=4) => {
            cx.state.settings_mut(port).extended_results = number;
            Step::Done
        }
        ('Z', 0) => {
            *cx.state.settings_mut(port) = cx.state.stored_profile.clone();
            Step::HangUp
        }
        ('I', 0..=9) => {
            let config = &cx.shared.config;
            let lines = match number {
                0 => vec![
                    config.manufacturer.clone(),
                    config.model.clone(),
                    format!("Revision: {}", env!("CARGO_PKG_VERSION")),
                    format!("IMEI: {}", config.imei),
                    "+GCAP: +CGSM".to_owned(),
                ],
                _ => vec![config.model.clone()],
            };
            lines.into_iter().for_each(|line| cx.say(line));
            Step::Done
        }
        ('H', 0) => Step::HangUp,
        ('O', 0 | 1) => Step::Online,
        // Nobody calls.
        ('A', 0) => Step::Fail(Failure::NoCarrier),
        ('L' | 'M', 0..=3) | ('B' | 'N' | 'W' | 'T' | 'P', _) => Step::Done,
        _ => Step::Fail(Failure::Plain),
    }
}

/// An S-register.
pub(super) fn register(cx: &mut Cx<'_>, number: u32, value: Option<u32>) -> Step {
    let settings = cx.state.settings_mut(cx.port);
    match value {
        None => {
            let Some(now) = settings.registers.get(&number).copied() else {
                return Step::Fail(Failure::Plain);
            };
            cx.say(format!("{now:03}"));
            Step::Done
        }
        Some(value) if limits(number).is_some_and(|limits| limits.contains(&value)) => {
            settings.registers.insert(number, value);
            Step::Done
        }
        Some(_) => Step::Fail(Failure::Plain),
    }
}

/// What an S-register takes (V.250 clauses 6.2.1 to 6.2.3 and 6.3.8 to 6.3.12); the others up to
/// S40 are the makers'.
const fn limits(number: u32) -> Option<RangeInclusive<u32>> {
    match number {
        3..=5 => Some(0..=127),
        6 => Some(2..=10),
        7 => Some(1..=255),
        10 => Some(1..=254),
        0..=40 => Some(0..=255),
        _ => None,
    }
}

/// `&V`
fn profile(cx: &mut Cx<'_>) {
    let settings = cx.state.settings(cx.port).clone();
    for (title, settings) in
        [("ACTIVE PROFILE:", settings), ("STORED PROFILE 0:", cx.state.stored_profile.clone())]
    {
        let flag = u8::from;
        let PortSettings { extended_results, carrier, dtr, cmee, .. } = settings;
        let registers: Vec<String> = settings
            .registers
            .iter()
            .map(|(number, value)| format!("S{number:02}:{value:03}"))
            .collect();
        cx.say(title);
        cx.say(format!(
            "E{} Q{} V{} X{extended_results} &C{carrier} &D{dtr} +CMEE:{cmee}",
            flag(settings.echo),
            flag(settings.quiet),
            flag(settings.verbose),
        ));
        cx.say(registers.join(" "));
    }
}

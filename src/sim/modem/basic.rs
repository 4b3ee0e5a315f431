//! Basic commands and S-registers (ITU-T V.250 clause 6).

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
            ('W' | 'Y', 0 | 1) | ('V', _) => {
                if letter == 'V' {
                    profile(cx);
                }
                Step::Done
            }
            // Carrier, DTR, flow control, and what else touches wires that a pty does not have.
            ('C', 0..=2) | ('D', 0..=2) | ('K', 0..=6) | ('S' | 'R' | 'A' | 'G', _) => Step::Done,
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
        ('Z', 0 | 1) => {
            *cx.state.settings_mut(port) = PortSettings::default();
            Step::HangUp
        }
        ('I', _) => {
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
        ('L' | 'M' | 'B' | 'N' | 'W' | 'T' | 'P', _) => Step::Done,
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
        // The line ends are fixed: a host that changes them would not find them again.
        Some(value) if value > 255 || (matches!(number, 3..=5) && value > 127) => {
            Step::Fail(Failure::Plain)
        }
        Some(value) if number <= 40 => {
            settings.registers.insert(number, value);
            Step::Done
        }
        Some(_) => Step::Fail(Failure::Plain),
    }
}

fn profile(cx: &mut Cx<'_>) {
    let settings = cx.state.settings(cx.port).clone();
    let flag = u8::from;
    cx.say("ACTIVE PROFILE:");
    cx.say(format!(
        "E{} Q{} V{} X{} &C1 &D2 S0:{:03} S3:013 S4:010 S5:008 S7:{:03}",
        flag(settings.echo),
        flag(settings.quiet),
        flag(settings.verbose),
        settings.extended_results,
        settings.registers.get(&0).copied().unwrap_or(0),
        settings.registers.get(&7).copied().unwrap_or(0),
    ));
}

//! The checks of `doctor` that ask the modem: does the port take commands, the SIM, its PIN, the
//! network, messages, signal, storages.

use super::doctor::Report;
use super::doctor_machine::Found;
use super::doctor_view;
use super::machine::Machine;
use super::modem_probe::{WAS_MULTIPLEXED, signal_words};
use crate::api::view::Modem;
use crate::gateway::ModemConfig;
use crate::model::{Clock, Explain};
use crate::modem::probe::{Heard, Probe, ProbeFailed, SmsOnLte, Storage, answers_at, probe};
use crate::modem::usb::Candidate;
use crate::modem::{ModemError, SystemPorts};
use crate::net::system::System;

/// What is checked by asking, in this order.
pub(super) const ASKED: [&str; 7] =
    ["port-answers", "sim", "pin", "network", "sms", "signal", "storage"];
/// Signal below which data calls break, dBm.
const WEAK_DBM: i16 = -105;
/// Fewer PIN attempts than this are left to a person.
const MIN_PIN_ATTEMPTS: u8 = 3;

pub(super) const SIM_FIX: &str =
    "put a SIM into the modem, the right way round, and plug it in again";
pub(super) const NETWORK_FIX: &str = "check antenna and coverage, whether the SIM is active (try it \
    in a phone), and whether the network generation that this modem speaks is still on the air here";
pub(super) const STORAGE_FIX: &str = "start the gateway, which takes the messages and deletes them; \
    what remains then are messages of your own: delete them in a phone";
pub(super) const POWER_FIX: &str = "plug the modem straight into the computer or into a USB hub with \
    a power supply of its own, with a short cable";

/// Everything that asking would tell is left out. Why the modem is not there the running gateway
/// may have seen.
pub(super) fn nothing_to_ask(report: &mut Report, why: &str, view: Option<&Modem>) {
    for name in ASKED {
        report.not_applicable(name, why);
    }
    match view {
        Some(view) => doctor_view::power(view, report),
        None => report.not_applicable("power", why),
    }
}

/// Asks the modem.
pub(super) async fn examine(
    machine: &Machine,
    found: &Found,
    config: Option<&ModemConfig>,
    report: &mut Report,
) {
    if let Some((text, fix)) = not_for_commands(found) {
        report.failed("port-answers", text, fix);
        for name in ASKED.iter().filter(|it| **it != "port-answers") {
            report.not_applicable(name, "the port is not the one for commands");
        }
        return report.not_applicable("power", "the port is not the one for commands");
    }
    match ask(machine, found).await {
        Ok(probe) => {
            let words = format!("{} {}", probe.manufacturer, probe.model);
            let mut text = format!("{} is a {}", probe.port, words.trim());
            if probe.was_multiplexed {
                text = format!("{text}; it was {WAS_MULTIPLEXED}");
            }
            report.ok("port-answers", text);
            told(&probe, config, report);
            report.not_applicable(
                "power",
                "it shows while the modem dials: the gateway watches for it",
            );
            profile(&probe, report);
        }
        Err(failed) => {
            let (text, fix) = silent(&failed, found);
            report.failed("port-answers", text, fix);
            for name in ASKED.iter().filter(|it| **it != "port-answers") {
                report.not_applicable(name, "the modem cannot be asked");
            }
            report.not_applicable("power", "the modem cannot be asked");
        }
    }
}

/// A port that is known to be for something else is not asked.
fn not_for_commands(found: &Found) -> Option<(String, String)> {
    let modem = found.device.as_ref()?;
    let wrong = |port: &String| modem.ports.iter().find(|it| it.tty == *port && !it.may_be_asked());
    let wrong = found.ports.iter().find_map(wrong)?;
    let what = wrong.role.map_or_else(|| "other".to_owned(), |it| it.to_string());
    let fix = modem.dial().map_or_else(
        || "`mm1gate modem list` tells which port dials".to_owned(),
        |dial| format!("set `port = \"{}\"`, which is the modem's port that dials", dial.stable),
    );
    Some((format!("{} is the modem's {what} port and takes no commands", wrong.tty), fix))
}

async fn ask(machine: &Machine, found: &Found) -> Result<Probe, ProbeFailed> {
    let opener = SystemPorts;
    let usb = found.device.as_ref().map(|it| (it.device.vid, it.device.pid));
    let mut failed = None;
    for port in &found.ports {
        if found.unidentified
            && let Err(error) = answers_at(port, &machine.profiles, &opener, Clock::system()).await
        {
            failed.get_or_insert(error);
            continue;
        }
        let asked = probe(port, usb, &machine.profiles, &opener, Clock::system()).await;
        match asked {
            Ok(probe) => return Ok(probe),
            Err(error) => failed.get_or_insert(error),
        };
        // The first of two configured ports must answer; its fault is the one to tell.
        if !found.unidentified {
            break;
        }
    }
    Err(failed.unwrap_or(ProbeFailed { error: ModemError::NotReady, heard: Heard::Nothing }))
}

fn silent(failed: &ProbeFailed, found: &Found) -> (String, String) {
    let asked = found.ports.first();
    let modem = found.device.as_ref();
    let better = modem.and_then(|modem| modem.control().or_else(|| modem.dial()));
    let fix = match (&failed.error, better) {
        (ModemError::NoAnswer { .. } | ModemError::Noise { .. }, Some(better))
            if Some(&better.tty) != asked =>
        {
            let dial = modem.and_then(Candidate::dial).unwrap_or(better);
            format!("set `port = \"{}\"`, which is the modem's port that dials", dial.stable)
        }
        (ModemError::NoAnswer { .. } | ModemError::Noise { .. }, _)
            if failed.heard != Heard::Nothing =>
        {
            "set `port` to the modem's port for AT commands; `mm1gate modem list` tells which it is"
                .to_owned()
        }
        (error, _) => error.remedy(),
    };
    (failed.to_string(), fix)
}

/// What the modem told, check by check.
fn told(probe: &Probe, config: Option<&ModemConfig>, report: &mut Report) {
    let sim = &probe.sim;
    if !sim.present {
        report.failed("sim", format!("the modem finds no SIM ({})", sim.state), SIM_FIX);
        for name in ["pin", "network", "sms", "storage"] {
            report.not_applicable(name, "no SIM");
        }
        return signal(probe.signal_dbm, report);
    }
    report.ok("sim", "there is one");
    pin(probe, config, report);
    if sim.ready {
        network(probe, report);
        sms(probe, report);
    } else {
        report.not_applicable("network", "the SIM is locked");
        report.not_applicable("sms", "the SIM is locked");
    }
    signal(probe.signal_dbm, report);
    if sim.ready {
        storages(&probe.storages, report);
    } else {
        report.not_applicable("storage", "the SIM is locked");
    }
}

fn pin(probe: &Probe, config: Option<&ModemConfig>, report: &mut Report) {
    let sim = &probe.sim;
    let has_pin = config.is_some_and(|it| it.pin.is_some());
    let left = sim.pin_attempts;
    let attempts = left.map_or_else(String::new, |it| format!(", {it} attempts left"));
    match sim.state.as_str() {
        _ if sim.ready => report.ok("pin", "none is asked for"),
        "SIM PUK" => report.failed(
            "pin",
            "the SIM is blocked after too many wrong PINs",
            "put the SIM into a phone and enter the PUK that came with it",
        ),
        "SIM PIN" if left.is_some_and(|it| it < MIN_PIN_ATTEMPTS) => report.failed(
            "pin",
            format!("the SIM asks for its PIN{attempts}; the gateway does not risk one of them"),
            "put the SIM into a phone and enter the PIN there once, which restores the attempts",
        ),
        "SIM PIN" if has_pin => {
            report.ok("pin", format!("asked for{attempts}; the gateway will enter the configured one"));
        }
        "SIM PIN" => report.failed(
            "pin",
            format!("the SIM asks for its PIN{attempts}, and none is configured"),
            "write `pin = \"...\"` below [[modem]] in the configuration, or switch the PIN off in a \
             phone",
        ),
        other => report.failed(
            "pin",
            format!("the SIM is not ready: {other}"),
            "wait a minute and run doctor again; when the modem is locked to another operator, have \
             it unlocked",
        ),
    }
}

fn network(probe: &Probe, report: &mut Report) {
    let registered = |stat: u8| matches!(stat, 1 | 5 | 6 | 7 | 9 | 10);
    let all: Vec<String> =
        probe.registration.iter().map(|it| format!("{}: {}", it.name, it.words)).collect();
    if probe.registration.is_empty() {
        return report.warning(
            "network",
            "the modem does not tell whether a network lets it in",
            "send a message and see",
        );
    }
    if !probe.registration.iter().any(|it| registered(it.stat)) {
        let stats = || probe.registration.iter().map(|it| it.stat);
        let denied = stats().any(|stat| stat == 3);
        let uncovered = !denied && stats().any(|stat| stat == 4) && !stats().any(|stat| stat == 2);
        let fix = if denied {
            "ask the operator whether the SIM is active and allowed in this kind of device"
        } else {
            NETWORK_FIX
        };
        let what = if uncovered { "no coverage now" } else { "not registered" };
        return report.failed("network", format!("{what} ({})", all.join("; ")), fix);
    }
    let mut name = probe.network.name.clone();
    if name.is_empty() {
        name.clone_from(&probe.network.mcc_mnc);
    }
    let packet = |it: &&crate::modem::probe::Domain| it.name != "circuit-switched";
    // A modem that tells of circuits alone is believed for data too.
    let for_data = probe.registration.iter().filter(packet).count() == 0
        || probe.registration.iter().filter(packet).any(|it| matches!(it.stat, 1 | 5 | 9 | 10));
    let text = format!("{name} ({})", all.join("; "));
    if for_data {
        report.ok("network", text.trim());
    } else {
        report.warning(
            "network",
            format!("registered for calls but not for data: {text}"),
            "ask the operator whether mobile data is part of the tariff; MMS need it",
        );
    }
}

fn sms(probe: &Probe, report: &mut Report) {
    let verdict = probe.sms_on_lte;
    match (verdict, verdict.remedy()) {
        (SmsOnLte::No, Some(fix)) => report.failed("sms", verdict.words(), fix),
        (_, Some(fix)) => report.warning("sms", verdict.words(), fix),
        (_, None) => report.ok("sms", verdict.words()),
    }
}

pub(super) fn signal(dbm: Option<i16>, report: &mut Report) {
    match dbm {
        Some(dbm) if dbm >= WEAK_DBM => {
            report.ok("signal", format!("{dbm} dBm, {}", signal_words(dbm)));
        }
        Some(dbm) => report.warning(
            "signal",
            format!("{dbm} dBm, {}", signal_words(dbm)),
            "move the modem to a window, on a USB extension cable, or give it an antenna",
        ),
        None => report.warning("signal", "not known", "check antenna and coverage"),
    }
}

pub(super) fn storages(storages: &[Storage], report: &mut Report) {
    let all: Vec<String> =
        storages.iter().map(|it| format!("{} {} of {}", it.name, it.used, it.total)).collect();
    let text = all.join(", ");
    if let Some(full) = storages.iter().find(|it| it.total > 0 && it.used >= it.total) {
        let text = format!("{} is full, so nothing arrives ({text})", full.name);
        report.failed("storage", text, STORAGE_FIX);
    } else if let Some(nearly) = storages.iter().find(|it| it.is_nearly_full()) {
        report.warning("storage", format!("{} is almost full ({text})", nearly.name), STORAGE_FIX);
    } else if storages.is_empty() {
        report.not_applicable("storage", "the modem does not tell");
    } else {
        report.ok("storage", text);
    }
}

fn profile(probe: &Probe, report: &mut Report) {
    let profile = &probe.profile;
    if let Some(reason) = &profile.refused {
        return report.failed(
            "profile",
            reason.clone(),
            "take another modem; the README lists them",
        );
    }
    profile_check(&profile.name, &profile.reason, profile.verified, report);
}

pub(super) fn profile_check(name: &str, reason: &str, verified: bool, report: &mut Report) {
    let evidence = if verified {
        "seen to work on a real modem"
    } else {
        "UNVERIFIED, not yet tried on a real modem"
    };
    report.ok("profile", format!("{name}, because {reason}; {evidence}"));
}

/// What the configuration says of the operator.
pub(super) fn operator(config: Option<&ModemConfig>, report: &mut Report) {
    let name = "operator-settings";
    // An earlier check has found that they do not work.
    if report.has(name) {
        return;
    }
    let Some(config) = config else {
        return report.not_applicable(name, "they stand in the configuration");
    };
    let Some(operator) = &config.operator else {
        let words = if config.mms {
            "none are configured: the table of operators is asked with what the SIM tells"
        } else {
            "none are configured and mms = false, so this modem carries plain SMS only"
        };
        return report.not_applicable(name, words);
    };
    let proxy = operator
        .proxy
        .as_ref()
        .map_or_else(|| "no proxy".to_owned(), |(host, port)| format!("proxy {host}:{port}"));
    let way = match &config.interface {
        None => format!("APN {}", operator.apn),
        // Bringing it up is the system's, and so is its access point.
        Some(interface) => match System::state(interface) {
            Ok(()) => format!("over the interface {interface}, which is up"),
            Err(error) => {
                return report.warning(
                    name,
                    error.to_string(),
                    "bring it up with the operator's MMS access point, or correct `interface`",
                );
            }
        },
    };
    report.ok(name, format!("{way}, MMSC {}, {proxy}", operator.mmsc));
}

//! `mm1gate modem probe PORT`: everything that a modem tells of itself, its SIM and its network, in
//! words, with what does not work.

use std::fmt::Write;

use serde_json::{Value, json};

use super::error::{CliError, Exit};
use super::machine::{Machine, MachineArgs, is_same_file};
use super::{block_on, term};
use crate::api::view;
use crate::model::{Clock, Explain, redact};
use crate::modem::probe::{
    Heard, Probe, ProbeFailed, access_words, answers_at, lock_words, probe, sms_service_words,
};
use crate::modem::usb::{Binding, Candidate, Finder, Unbound};
use crate::modem::{ModemError, PortError, PortRole, SystemPorts, port_holder};

/// What is said of a modem that took no commands when it was met.
pub(super) const WAS_MULTIPLEXED: &str = "left in the multiplexer (AT+CMUX) by a program that was \
    killed or lost its power; it has been told to leave it and takes commands again";

/// Which modem.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    mm1gate modem probe auto\n  \
    mm1gate modem probe /dev/ttyUSB2 --json\n\n\
    Takes some seconds and changes nothing. The modem must be free: while the gateway uses it, what\n\
    the gateway knows is shown instead.")]
pub(super) struct Args {
    /// A serial port, a socket such as usb:1-1.4, a modem's name in the configuration, or `auto` for
    /// the only modem
    port: String,
    #[command(flatten)]
    machine: MachineArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show IMEI, IMSI and ICCID in full instead of their ends
    #[arg(long)]
    show_numbers: bool,
}

/// Asks and prints.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    block_on(run_probe(args))
}

async fn run_probe(args: Args) -> Result<(), CliError> {
    let machine = Machine::look(&args.machine)?;
    let target = find(&args.port, &machine)?;
    if let Some(view) = owned(&target, &machine).await? {
        return show_owned(&view, args.json);
    }
    let port = match target.ports.as_slice() {
        [one] => one.clone(),
        several => first_that_answers(several, &machine).await?,
    };
    let usb = target.modem.as_ref().map(|it| (it.device.vid, it.device.pid));
    let asked = probe(&port, usb, &machine.profiles, &SystemPorts, Clock::system()).await;
    let mut probe = asked.map_err(|failed| failure(&failed, target.modem.as_ref()))?;
    if !args.show_numbers {
        for number in [&mut probe.imei, &mut probe.sim.imsi, &mut probe.sim.iccid] {
            *number = redact::number(number);
        }
    }
    if args.json {
        return term::json(&in_json(&probe, target.modem.as_ref()));
    }
    term::print(&describe(&probe, target.modem.as_ref()))
}

/// The ports to ask, best first, and the device to which they belong.
struct Target {
    ports: Vec<String>,
    modem: Option<Candidate>,
}

fn find(text: &str, machine: &Machine) -> Result<Target, CliError> {
    let named = machine.config().and_then(|it| it.modems.iter().find(|it| it.name == text));
    let text = named.map_or(text, |modem| modem.control_port.as_deref().unwrap_or(&modem.port));
    let binding: Binding = text.parse().map_err(|expected| {
        CliError::new(Exit::Usage, format!("'{text}' is no port"))
            .remedy(format!("give {expected}"))
    })?;
    let modems = machine.modems();
    let of = |port: &str| {
        let has = |modem: &&Candidate| modem.ports.iter().any(|it| is_same_file(&it.tty, port));
        modems.iter().find(has).cloned()
    };
    if let Binding::Port(port) = binding {
        let modem = of(&port);
        let role = modem
            .as_ref()
            .and_then(|modem| modem.ports.iter().find(|it| is_same_file(&it.tty, &port))?.role);
        let better = modem.as_ref().and_then(Candidate::dial).map(|it| it.tty.clone());
        let purpose = match role {
            None | Some(PortRole::At | PortRole::Ppp) => {
                return Ok(Target { ports: vec![port], modem });
            }
            Some(PortRole::Diag) => "the modem's diagnosis port",
            Some(PortRole::Gps) => "the modem's GPS port",
            Some(PortRole::Audio) => "the modem's speech port",
            Some(PortRole::Ignore) => "a port of the modem for something else",
        };
        let error = CliError::new(Exit::Data, format!("{port} is {purpose} and takes no commands"));
        return Err(match better {
            Some(better) => error.remedy(format!("mm1gate modem probe {better}")),
            None => error.remedy("mm1gate modem list shows what each port is for"),
        });
    }
    let profiles = std::sync::Arc::clone(&machine.profiles);
    let usb: std::sync::Arc<dyn crate::modem::usb::UsbBus> = machine.usb.clone();
    match Finder::new(usb, profiles, binding, None).find() {
        Ok(bound) => {
            let port = bound.control.unwrap_or(bound.dial);
            Ok(Target { modem: of(&port), ports: vec![port] })
        }
        Err(Unbound::Unidentified { ports, .. }) => {
            let modem = ports.first().and_then(|it| of(it));
            Ok(Target { ports, modem })
        }
        Err(error) => Err(CliError::fault(&error.to_fault())),
    }
}

/// What the running gateway tells of the modem, when it uses it.
async fn owned(target: &Target, machine: &Machine) -> Result<Option<view::Modem>, CliError> {
    let Some(port) = target.ports.first() else { return Ok(None) };
    let name = machine.configured_for(port);
    let modems = machine.gateway().await?.unwrap_or_default();
    let has = |it: &view::Modem| it.ports.iter().any(|it| is_same_file(it, port));
    Ok(modems.into_iter().find(|it| has(it) || Some(it.name.as_str()) == name))
}

fn show_owned(view: &view::Modem, json: bool) -> Result<(), CliError> {
    if json {
        return term::json(&json!({ "asked": "gateway", "modem": view }));
    }
    let mut out = format!(
        "The running gateway uses this modem as \"{}\"; this is what it knows:\n\n",
        view.name
    );
    out.push_str(&lines_of(&serde_json::to_value(view).unwrap_or_default(), 1));
    out.push_str(
        "\nTo ask the modem itself, end the gateway first (Ctrl-C, or `systemctl stop mm1gate`).\n",
    );
    term::print(&out)
}

/// A value in indented lines, empty ones left out.
fn lines_of(value: &Value, depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut out = String::new();
    let Value::Object(fields) = value else { return out };
    for (key, value) in fields {
        let key = key.replace('_', " ");
        match value {
            Value::Null => {}
            Value::Object(inner) if inner.is_empty() => {}
            Value::Object(_) => {
                let _ = write!(out, "{indent}{key}:\n{}", lines_of(value, depth + 1));
            }
            Value::Array(items) => {
                for item in items {
                    if item.is_object() {
                        let _ = write!(out, "{indent}{key}:\n{}", lines_of(item, depth + 1));
                    } else {
                        let _ = writeln!(out, "{indent}{key}: {}", plain(item));
                    }
                }
            }
            _ => {
                let _ = writeln!(out, "{indent}{key}: {}", plain(value));
            }
        }
    }
    out
}

fn plain(value: &Value) -> String {
    term::plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned), false)
}

/// Of ports of which nothing is known, the first that answers AT.
async fn first_that_answers(ports: &[String], machine: &Machine) -> Result<String, CliError> {
    let mut told = Vec::new();
    for port in ports {
        term::note(&format!("Asking {port} ..."));
        match answers_at(port, &machine.profiles, &SystemPorts, Clock::system()).await {
            Ok(()) => return Ok(port.clone()),
            Err(failed) => told.push(failed),
        }
    }
    let held = told.iter().find(|it| matches!(it.error, ModemError::Port(_)));
    let Some(failed) = held.or_else(|| told.first()) else {
        return Err(CliError::new(Exit::Unavailable, "there is no port to ask"));
    };
    Err(failure(failed, None))
}

fn failure(failed: &ProbeFailed, modem: Option<&Candidate>) -> CliError {
    let mut error = CliError::fault(&failed.error.to_fault());
    error.message = failed.to_string();
    let silent = matches!(failed.error, ModemError::NoAnswer { .. } | ModemError::Noise { .. });
    // The port is right by the profile: the modem hangs, or another program talks to it.
    let better = modem.and_then(Candidate::control).or_else(|| modem.and_then(Candidate::dial));
    let asked = |tty: &str| failed.error.to_string().contains(tty);
    if silent && let Some(better) = better.filter(|it| !asked(&it.tty)) {
        error.remedy = Some(format!("mm1gate modem probe {}", better.tty));
    } else if silent && failed.heard == Heard::Nothing {
        error.remedy = Some(
            "look with `mm1gate modem list` which port takes AT commands; when it is this one, \
             unplug the modem for ten seconds"
                .to_owned(),
        );
    }
    if let ModemError::Port(PortError::Busy { by: None, port }) = &failed.error
        && let Some(by) = port_holder(port)
    {
        error.message = format!("port {port} is in use by {by}");
    }
    error
}

fn in_json(probe: &Probe, modem: Option<&Candidate>) -> Value {
    let mut value = serde_json::to_value(probe).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("asked".to_owned(), json!("modem"));
        fields.insert("sms_on_lte_words".to_owned(), json!(probe.sms_on_lte.words()));
        fields.insert("usb_id".to_owned(), json!(modem.map(|it| it.device.id())));
        fields.insert("socket".to_owned(), json!(modem.map(|it| &it.device.path)));
        let ports = modem.map_or_else(Vec::new, |modem| {
            let ports = modem.ports.iter();
            ports
                .map(|it| json!({ "tty": it.tty, "role": it.role.map(|it| it.to_string()) }))
                .collect()
        });
        fields.insert("ports".to_owned(), Value::Array(ports));
    }
    value
}

fn describe(probe: &Probe, modem: Option<&Candidate>) -> String {
    let paint = term::Paint::stdout();
    let or = |text: &str, other: &str| {
        if text.is_empty() { other.to_owned() } else { term::plain(text, false) }
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    let name = format!("{} {}", probe.manufacturer, probe.model);
    let title = paint.bold(&or(name.trim(), "A modem that does not tell its name"));
    rows.push(("firmware", or(&probe.revision, "not told")));
    rows.push(("IMEI", or(&probe.imei, "not told")));
    if let Some(modem) = modem {
        rows.push(("USB", format!("{} in socket {}", modem.device.id(), modem.device.path)));
        for port in &modem.ports {
            let role = port.role.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
            rows.push(("port", format!("{}  {role}", port.tty)));
        }
    }
    profile_rows(probe, &mut rows);
    rows.push(("SIM", sim_words(probe)));
    network_rows(probe, &mut rows);
    for storage in &probe.storages {
        let warning = if storage.is_nearly_full() { "  ALMOST FULL" } else { "" };
        let text = format!("{} {} of {}{warning}", storage.name, storage.used, storage.total);
        rows.push(("storage", term::plain(&text, false)));
    }
    if !probe.storages_in_use.is_empty() {
        let text = probe.storages_in_use.join(", ");
        rows.push(("", format!("reading, writing, receiving: {}", term::plain(&text, false))));
    }
    for context in &probe.contexts {
        let state = if context.active { ", active" } else { "" };
        let text = format!("{} \"{}\" {}{state}", context.cid, context.apn, context.pdp_type);
        rows.push(("context", term::plain(&text, false)));
    }
    for offer in &probe.offers {
        let text = format!("{} {}", offer.command, offer.answer);
        rows.push(("offers", term::plain(&text, false)));
    }
    let mut out = format!("{title}  (asked at {})\n", probe.port);
    if probe.was_multiplexed {
        let _ = writeln!(out, "  {:<11} {WAS_MULTIPLEXED}", "found");
    }
    let mut before = "";
    for (key, text) in rows {
        let shown = if key == before { "" } else { key };
        before = key;
        let _ = writeln!(out, "  {shown:<11} {text}");
    }
    troubles(probe, &mut out);
    out
}

fn profile_rows(probe: &Probe, rows: &mut Vec<(&str, String)>) {
    let profile = &probe.profile;
    rows.push((
        "profile",
        format!("{}, because {}", profile.name, term::plain(&profile.reason, false)),
    ));
    let evidence = profile.evidence.join("; ");
    rows.push((
        "",
        if profile.verified {
            format!("seen to work on: {evidence}")
        } else {
            format!("UNVERIFIED, not yet tried on a real modem; it rests on: {evidence}")
        },
    ));
    for note in &profile.notes {
        rows.push(("", format!("note: {note}")));
    }
}

fn sim_words(probe: &Probe) -> String {
    let sim = &probe.sim;
    if !sim.present {
        return format!("NONE FOUND ({})", term::plain(&sim.state, false));
    }
    let lock = if sim.ready { "open" } else { lock_words(&sim.state) };
    let mut text = lock.to_owned();
    if !sim.ready || sim.state != "READY" {
        text.push_str(&format!(" ({})", term::plain(&sim.state, false)));
    }
    if !sim.iccid.is_empty() {
        text.push_str(&format!(", ICCID {}", sim.iccid));
    }
    if !sim.imsi.is_empty() {
        text.push_str(&format!(", IMSI {}", sim.imsi));
    }
    match sim.pin_attempts {
        Some(left) => text.push_str(&format!(", {left} PIN attempts left")),
        None => text.push_str(", PIN attempts not told"),
    }
    text
}

fn network_rows(probe: &Probe, rows: &mut Vec<(&str, String)>) {
    let network = &probe.network;
    let mut parts = Vec::new();
    match (network.name.as_str(), network.mcc_mnc.as_str()) {
        ("", "") => parts.push("none".to_owned()),
        (name, "") => parts.push(term::plain(name, false)),
        ("", code) => parts.push(format!("MCC/MNC {code}")),
        (name, code) => parts.push(format!("{} (MCC/MNC {code})", term::plain(name, false))),
    }
    parts.extend(network.access.map(|access| access_words(access).to_owned()));
    parts.push(match probe.signal_dbm {
        Some(dbm) => format!("signal {dbm} dBm ({})", signal_words(dbm)),
        None => "signal not known".to_owned(),
    });
    rows.push(("network", parts.join(", ")));
    for domain in &probe.registration {
        rows.push(("registered", format!("{}: {} ({})", domain.name, domain.words, domain.stat)));
    }
    let locked = probe.sim.present && !probe.sim.ready;
    let words = if locked { "not known while the SIM is locked" } else { probe.sms_on_lte.words() };
    rows.push(("SMS arrive", words.to_owned()));
    if let Some(service) = probe.sms_service {
        rows.push(("SMS leave", format!("{} (+CGSMS: {service})", sms_service_words(service))));
    }
}

/// A signal in words: what GSM and LTE modems report by +CSQ.
pub(super) const fn signal_words(dbm: i16) -> &'static str {
    match dbm {
        -70..=i16::MAX => "very good",
        -85..=-71 => "good",
        -95..=-86 => "fair",
        -105..=-96 => "weak",
        _ => "very weak",
    }
}

fn troubles(probe: &Probe, out: &mut String) {
    let mut told: Vec<(String, String)> = probe
        .troubles
        .iter()
        .map(|it| (term::plain(&it.what, false), it.meaning.clone()))
        .collect();
    if let Some(reason) = &probe.profile.refused {
        told.insert(0, ("this kind of modem cannot be used".to_owned(), reason.clone()));
    }
    if !probe.sim.present {
        told.push((
            "the modem finds no SIM".to_owned(),
            "put one in, the right way round, and plug the modem in again".to_owned(),
        ));
    } else if !probe.sim.ready {
        told.push((
            "the SIM is locked, so network and storages cannot be told".to_owned(),
            "write `pin` into the configuration, or switch the PIN off in a phone".to_owned(),
        ));
    } else if let Some(remedy) = probe.sms_on_lte.remedy() {
        told.push((probe.sms_on_lte.words().to_owned(), remedy.to_owned()));
    }
    if told.is_empty() {
        out.push_str("\nNothing was found that does not work.\n");
        return;
    }
    out.push_str("\nWhat does not work, or is not known:\n");
    for (what, meaning) in told {
        let _ = writeln!(out, "  {what}:\n      {meaning}");
    }
}

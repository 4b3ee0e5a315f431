//! `mm1gate modem list`: what is plugged in, what each port is for, and what to write into the
//! configuration.

use std::fmt::Write;

use serde_json::{Value, json};

use super::error::CliError;
use super::machine::{Machine, MachineArgs};
use super::{block_on, term};
use crate::api::view;
use crate::modem::usb::{Candidate, CandidatePort, UsbDevice};
use crate::modem::{PortRole, Profiles, UsbMode, port_holder};

/// What to list.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate modem list\n\n\
    Nothing is sent to the modems; `mm1gate modem probe PORT` asks one.")]
pub(super) struct Args {
    #[command(flatten)]
    machine: MachineArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints the list.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let machine = Machine::look(&args.machine)?;
    let devices = machine.devices();
    let modems = machine.modems();
    // What the gateway does is told where it can be asked; the list does without.
    let gateway = block_on(async { machine.gateway().await }).ok().flatten().unwrap_or_default();
    let others = other_ports(&devices, &modems);
    if args.json {
        let modems: Vec<Value> = modems.iter().map(|it| in_json(it, &machine, &gateway)).collect();
        let others: Vec<Value> = others
            .iter()
            .map(|(device, port)| json!({ "port": port, "device": device.title(), "usb_id": device.id() }))
            .collect();
        return term::json(&json!({ "modems": modems, "other_ports": others }));
    }
    let mut out = match modems.len() {
        0 => "No modem is plugged in (USB).\n".to_owned(),
        1 => "One modem is plugged in.\n".to_owned(),
        count => format!("{count} modems are plugged in.\n"),
    };
    let usable = modems.iter().filter(|it| it.dial().is_some()).count();
    for modem in &modems {
        out.push('\n');
        out.push_str(&describe(modem, &machine, &gateway, usable == 1));
    }
    if !others.is_empty() {
        out.push_str("\nOther serial ports, behind which a modem may be (ask one with `mm1gate modem probe`):\n");
        for (device, port) in others {
            let _ = writeln!(out, "  {port}  {}", term::plain(&device.title(), false));
        }
    }
    if modems.is_empty() {
        out.push_str(
            "\nPlug one in and look again. A modem on a serial cable is not seen here; ask it by its \
             port,\nfor example: mm1gate modem probe /dev/ttyS0\n",
        );
    }
    term::print(&out)
}

/// Serial ports on the USB that belong to no modem that is known.
fn other_ports<'a>(
    devices: &'a [UsbDevice],
    modems: &[Candidate],
) -> Vec<(&'a UsbDevice, &'a str)> {
    let unknown =
        devices.iter().filter(|it| modems.iter().all(|modem| modem.device.path != it.path));
    let ports = unknown.flat_map(|device| {
        device.interfaces.iter().filter_map(move |it| Some((device, it.stable_tty()?)))
    });
    ports.collect()
}

fn describe(
    modem: &Candidate,
    machine: &Machine,
    gateway: &[view::Modem],
    only_one: bool,
) -> String {
    let paint = term::Paint::stdout();
    let mut out = format!(
        "{}  ({}, socket {})\n",
        paint.bold(&term::plain(&modem.title(), false)),
        modem.device.id(),
        modem.device.path
    );
    if let Some(reason) = &modem.refused {
        let _ = writeln!(out, "  CANNOT BE USED: {reason}");
    } else if modem.mode != UsbMode::Modem {
        let _ = writeln!(
            out,
            "  NOT READY: {}",
            modem.way_out.as_deref().unwrap_or("it is in no shape that dials")
        );
    } else if modem.ports.is_empty() {
        let _ = writeln!(
            out,
            "  NO SERIAL PORT: load the driver with `sudo modprobe option`, and look again"
        );
    } else if modem.is_unidentified() {
        out.push_str("  not known to this program; ask its ports one after the other:\n");
        for port in modem.ports.iter().filter(|it| it.may_be_asked()) {
            let _ = writeln!(out, "    mm1gate modem probe {}", port.stable);
        }
    }
    let used = machine.configured_for_candidate(modem);
    if let Some(name) = used {
        let state = gateway.iter().find(|it| it.name == name).map(|it| it.condition.as_str());
        let state = state
            .map_or_else(|| "no gateway runs".to_owned(), |it| format!("the gateway says: {it}"));
        let _ = writeln!(out, "  configured as modem \"{name}\" ({state})");
    } else if let Some(dial) = modem.dial() {
        out.push_str("  for the configuration:\n    [[modem]]\n");
        if only_one {
            out.push_str("    port = \"auto\"\n");
        } else {
            let _ = writeln!(out, "    port = \"{}\"", dial.stable);
            if let Some(control) = modem.control() {
                let _ = writeln!(out, "    control_port = \"{}\"", control.stable);
            }
        }
    }
    for port in &modem.ports {
        let holder = port_holder(&port.tty);
        let held = holder.map_or_else(String::new, |by| format!("  (in use by {by})"));
        let _ = writeln!(out, "  {:<14} {}{}", port.tty, purpose(port), term::plain(&held, false));
        if port.stable != port.tty && port.may_be_asked() {
            let _ = writeln!(out, "  {:<14} {}", "", paint.dim(&port.stable));
        }
    }
    for net in modem.device.interfaces.iter().filter_map(|it| it.net.as_deref()) {
        let _ = writeln!(out, "  {net:<14} network card, not used");
    }
    if let Some(note) = profile_note(modem, &machine.profiles) {
        let _ = writeln!(out, "  {note}");
    }
    out
}

fn purpose(port: &CandidatePort) -> &'static str {
    match port.role {
        Some(PortRole::Ppp) => "dials (port)",
        Some(PortRole::At) => "AT commands (control_port)",
        Some(PortRole::Diag) => "the maker's diagnosis, not used",
        Some(PortRole::Gps) => "positions (GPS), not used",
        Some(PortRole::Audio) => "speech, not used",
        Some(PortRole::Ignore) => "not used",
        None => "unknown; asking it would tell",
    }
}

fn profile_note(modem: &Candidate, profiles: &Profiles) -> Option<String> {
    let profile = profiles.named(modem.profile.as_deref()?).ok()?;
    let evidence = if profile.is_verified() {
        "seen to work on a real modem"
    } else {
        "UNVERIFIED: from manuals and other programs, not yet tried on a real modem"
    };
    Some(format!("profile {} ({evidence})", profile.name))
}

fn in_json(modem: &Candidate, machine: &Machine, gateway: &[view::Modem]) -> Value {
    let ports: Vec<Value> = modem
        .ports
        .iter()
        .map(|port| {
            json!({
                "interface": format!("{:02x}", port.interface),
                "tty": port.tty,
                "stable": port.stable,
                "role": port.role.map(|it| it.to_string()),
                "held_by": port_holder(&port.tty),
            })
        })
        .collect();
    let name = machine.configured_for_candidate(modem);
    let state = name.and_then(|name| gateway.iter().find(|it| it.name == name));
    let verified = modem.profile.as_deref().and_then(|it| machine.profiles.named(it).ok());
    json!({
        "device": modem.title(),
        "usb_id": modem.device.id(),
        "socket": modem.device.path,
        "serial_number": modem.device.serial,
        "mode": mode_word(modem.mode),
        "usable": modem.dial().is_some(),
        "unidentified": modem.is_unidentified(),
        "way_out": modem.refused.as_ref().or(modem.way_out.as_ref()),
        "profile": modem.profile,
        "profile_verified": verified.map(|it| it.is_verified()),
        "port": modem.dial().map(|it| &it.stable),
        "control_port": modem.control().map(|it| &it.stable),
        "ports": ports,
        "net": modem.device.interfaces.iter().filter_map(|it| it.net.as_deref()).collect::<Vec<_>>(),
        "configured_as": name,
        "condition": state.map(|it| &it.condition),
    })
}

/// The word of a shape in results.
pub(super) const fn mode_word(mode: UsbMode) -> &'static str {
    match mode {
        UsbMode::Modem => "modem",
        UsbMode::Storage => "storage",
        UsbMode::Hilink => "hilink",
        UsbMode::Qmi => "qmi",
        UsbMode::Mbim => "mbim",
        UsbMode::Ecm => "ecm",
        UsbMode::Bootloader => "bootloader",
    }
}

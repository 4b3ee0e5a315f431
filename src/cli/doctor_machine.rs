//! The checks of `doctor` that look at this machine: data folder, configuration, what is plugged
//! in and in which shape, who may open the ports and who has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::doctor::{Report, nearest_existing};
use super::doctor_access::{Node, User};
use super::machine::Machine;
use super::{doctor_modem, doctor_view, settings, term};
use crate::api::view::Modem;
use crate::gateway::ModemConfig;
use crate::model::Explain;
use crate::modem::port_holder;
use crate::modem::usb::{Binding, Bound, Candidate, Finder, Unbound, UsbBus};

/// The program that takes every modem for itself.
const MODEM_MANAGER: &str = "ModemManager";
/// How it is told to leave one alone.
const UDEV_FIX: &str = "tell ModemManager to leave this modem alone:\n\
    mm1gate modem udev | sudo tee /etc/udev/rules.d/77-mm1gate.rules\n\
    sudo udevadm control --reload\n\
    then plug the modem out and in (or, when nothing else needs it: sudo systemctl disable --now \
    ModemManager)";

/// All checks.
pub(super) async fn examine(machine: &Machine, user: &User, report: &mut Report) {
    configuration(machine, report);
    data_folder(machine, user, report);
    let gateway = gateway(machine, report).await;
    let configured: Vec<ModemConfig> =
        machine.config().map(|it| it.modems.clone()).unwrap_or_default();
    if configured.is_empty() {
        report.modem = Some("auto".to_owned());
        one_modem(machine, user, None, None, report).await;
    }
    for modem in &configured {
        report.modem = Some(modem.name.clone());
        let views = gateway.as_deref().unwrap_or_default();
        let view = views.iter().find(|it| it.name == modem.name);
        one_modem(machine, user, Some(modem), view, report).await;
    }
}

fn configuration(machine: &Machine, report: &mut Report) {
    let name = "configuration";
    let file = machine.file.as_deref().map_or_else(String::new, |it| it.display().to_string());
    match &machine.config {
        Some(Ok(_)) => report.ok(name, file),
        Some(Err(error)) => {
            report.failed(name, error.message.clone(), "mend that line, and run doctor again");
        }
        None => {
            let place = settings::searched().into_iter().next_back().unwrap_or_default();
            let fix = format!(
                "write {} with these lines, the last two as your operator names them for MMS:\n\
                 [[modem]]\nport = \"auto\"\n[modem.operator]\napn = \"mms.example\"\n\
                 mmsc = \"http://mmsc.example/mms\"",
                place.display()
            );
            report.failed(name, "there is no configuration file", fix);
        }
    }
}

fn data_folder(machine: &Machine, user: &User, report: &mut Report) {
    let name = "data-folder";
    let Some(folder) = machine.data_dir() else {
        return report.not_applicable(name, "it stands in the configuration");
    };
    let there = nearest_existing(&folder);
    let shown = folder.display();
    if !there.is_dir() {
        let fix = format!("move {} away, or name another data_dir", there.display());
        return report.failed(name, format!("{} is no folder", there.display()), fix);
    }
    let may = Node::of(&there).is_some_and(|it| user.may_use(it));
    if may {
        let made = if there == folder { "" } else { " (made at the first start)" };
        report.ok(name, format!("{shown}{made}"));
    } else {
        let fix = format!("sudo install -d -o {} -m 700 {shown}", user.name);
        report.failed(name, format!("{} may not write to {}", user.name, there.display()), fix);
    }
}

/// The running gateway's modems as it tells them; none when none runs.
async fn gateway(machine: &Machine, report: &mut Report) -> Option<Vec<Modem>> {
    match machine.gateway().await {
        Ok(Some(modems)) => {
            report.ok("gateway", "running; its own view of the modems is used below");
            alarms(machine, report).await;
            Some(modems)
        }
        Ok(None) => {
            report.not_applicable("gateway", "not running; the modems are asked directly");
            None
        }
        Err(error) => {
            let fix = error.remedy.unwrap_or_else(|| "start it again".to_owned());
            report.failed("gateway", error.message, fix);
            None
        }
    }
}

/// What the running gateway wants a person to see to.
async fn alarms(machine: &Machine, report: &mut Report) {
    let name = "alarm";
    let alarms = match machine.alarms().await {
        Ok(alarms) => alarms,
        Err(error) => {
            let fix = error.remedy.unwrap_or_else(|| "start it again".to_owned());
            return report.failed(name, error.message, fix);
        }
    };
    if alarms.is_empty() {
        report.ok(name, "the gateway has none");
    }
    for alarm in alarms {
        let (scope, since) = (&alarm.scope, term::short_time(&alarm.since));
        let text = format!("{scope}, since {since}: {}", doctor_view::sentence(&alarm.fault));
        let fix = format!(
            "{}\nif you have seen to it and it does not end by itself: mm1gate status --end {scope}/{}",
            alarm.fault.remedy, alarm.code
        );
        report.failed(name, text, fix);
    }
}

/// The checks of one modem, which needs no configuration to be looked at.
async fn one_modem(
    machine: &Machine,
    user: &User,
    config: Option<&ModemConfig>,
    view: Option<&Modem>,
    report: &mut Report,
) {
    let Some(found) = present(machine, config, report) else {
        doctor_modem::nothing_to_ask(report, "no modem to ask", view);
        return doctor_modem::operator(config, report);
    };
    let allowed = permission(machine, user, &found.ports, report);
    let free = port_free(machine, &found, view.is_some(), report);
    if let Some(view) = view {
        doctor_view::examine(view, config, report);
    } else if !allowed && user.uid == rustix::process::geteuid().as_raw() {
        doctor_modem::nothing_to_ask(report, "the port cannot be opened", view);
    } else if !free {
        doctor_modem::nothing_to_ask(report, "another program has the port", view);
    } else {
        doctor_modem::examine(machine, &found, config, report).await;
    }
    doctor_modem::operator(config, report);
}

/// A modem that can be asked.
pub(super) struct Found {
    /// The ports to be used, that for commands first.
    pub(super) ports: Vec<String>,
    /// Ports of which nothing is known and any of which may take commands.
    pub(super) unidentified: bool,
    /// The device; none on a serial cable.
    pub(super) device: Option<Candidate>,
}

fn present(machine: &Machine, config: Option<&ModemConfig>, report: &mut Report) -> Option<Found> {
    let (plugged, shape) = ("modem-plugged-in", "modem-shape");
    let parse = |text: &str| text.parse::<Binding>().ok();
    let binding = config.map_or(Some(Binding::Auto), |it| parse(&it.port))?;
    let control = config.and_then(|it| it.control_port.as_deref()).and_then(parse);
    let bus: Arc<dyn UsbBus> = machine.usb.clone();
    let profiles = Arc::clone(&machine.profiles);
    let modems = machine.modems();
    match Finder::new(bus, profiles, binding, control).find() {
        Ok(bound) => match &bound.device {
            Some(device) => {
                let modem = modems.iter().find(|it| it.device.path == device.path);
                report.ok(plugged, device.to_string());
                report.ok(shape, "it shows serial ports");
                Some(Found { ports: ports_of(&bound), unidentified: false, device: modem.cloned() })
            }
            None => by_name(&bound, &modems, report),
        },
        Err(Unbound::Unidentified { device, ports }) => {
            report.ok(plugged, device.clone());
            report.ok(shape, "it shows serial ports; which takes commands is asked");
            let modem = modems.into_iter().find(|it| it.device.to_string() == device);
            Some(Found { ports, unidentified: true, device: modem })
        }
        Err(reason) => {
            let remedy = reason.remedy();
            match &reason {
                Unbound::NoModem | Unbound::Absent { .. } | Unbound::Several { .. } => {
                    report.failed(plugged, reason.to_string(), remedy);
                    report.not_applicable(shape, "no modem to look at");
                }
                Unbound::Mode { device, .. }
                | Unbound::Refused { device, .. }
                | Unbound::NoPort { device, .. }
                | Unbound::NoInterface { device, .. } => {
                    report.ok(plugged, device.clone());
                    report.failed(shape, reason.to_string(), remedy);
                }
                _ => report.failed(plugged, reason.to_string(), remedy),
            }
            None
        }
    }
}

fn ports_of(bound: &Bound) -> Vec<String> {
    bound.control.iter().chain([&bound.dial]).cloned().collect()
}

/// A port that belongs to no USB device.
fn by_name(bound: &Bound, modems: &[Candidate], report: &mut Report) -> Option<Found> {
    let (plugged, shape) = ("modem-plugged-in", "modem-shape");
    let missing = ports_of(bound).into_iter().find(|it| !Path::new(it).exists());
    let Some(missing) = missing else {
        report.ok(plugged, format!("port {} is there", bound.dial));
        report.not_applicable(shape, "not a USB modem");
        return Some(Found { ports: ports_of(bound), unidentified: false, device: None });
    };
    // A stick in another shape has no such port, and is what the owner sees plugged in.
    let changed = modems.iter().find(|it| it.way_out.is_some() || it.refused.is_some());
    if let Some(modem) = changed {
        let text = format!("{}; port {missing} does not exist", modem.device);
        report.failed(plugged, text, "see the next line");
        let (why, way_out) = (modem.refused.as_deref(), modem.way_out.as_deref());
        let mode = super::modem_list::mode_word(modem.mode);
        report.failed(
            shape,
            format!("{} is in {mode} mode and has no port that dials", modem.device.title()),
            why.or(way_out).unwrap_or("take another modem"),
        );
        return None;
    }
    let usable: Vec<&str> =
        modems.iter().filter_map(|it| Some(it.dial()?.stable.as_str())).collect();
    let fix = match usable.as_slice() {
        [] => "plug the modem in".to_owned(),
        [one] => format!("set `port = \"auto\"` or `port = \"{one}\"` in the configuration"),
        several => format!("set `port` to one of {}", several.join(", ")),
    };
    report.failed(plugged, format!("port {missing} does not exist"), fix);
    report.not_applicable(shape, "no modem to look at");
    None
}

/// False when the user may not open one of the ports.
fn permission(machine: &Machine, user: &User, ports: &[String], report: &mut Report) -> bool {
    let name = "permission";
    let nodes = ports.iter().filter_map(|port| Some((port, Node::of(Path::new(port))?)));
    let refused = nodes.into_iter().find(|(_, node)| !user.may_use(*node));
    match refused {
        None => {
            let hint =
                if user.uid == 0 { "; check the service's own user with --user NAME" } else { "" };
            report.ok(name, format!("{} may open {}{hint}", user.name, ports.join(" and ")));
            true
        }
        Some((port, node)) => {
            report.failed(
                name,
                format!("{} may not open {port}", user.name),
                node.remedy(&machine.root, user, port),
            );
            false
        }
    }
}

/// False when another program has one of the ports.
fn port_free(machine: &Machine, found: &Found, ours: bool, report: &mut Report) -> bool {
    let name = "port-free";
    let holder = found.ports.iter().find_map(|port| Some((port, port_holder(port)?)));
    if let Some((port, by)) = holder {
        if ours && is_mm1gate(&by) {
            report.ok(name, "the gateway has it");
            return true;
        }
        let fix = if by.starts_with(MODEM_MANAGER) {
            UDEV_FIX.to_owned()
        } else {
            format!("stop {by}, or give the modem to it and another one to mm1gate")
        };
        report.failed(name, format!("{by} has {port} open"), fix);
        return false;
    }
    let device = found.device.as_ref().map(|it| it.device.path.as_str());
    match device {
        Some(path) if is_running(MODEM_MANAGER) && !is_ignored(&machine.root, path) => {
            report.warning(
                name,
                "no other program has it, but ModemManager runs and may take it at any time",
                UDEV_FIX,
            );
        }
        _ => report.ok(name, "no other program has it"),
    }
    true
}

/// Whether a holder is this program, which may have been given another name (`mm1gate-arm64`).
fn is_mm1gate(holder: &str) -> bool {
    let own = fs::read_to_string("/proc/self/comm").unwrap_or_default();
    [own.trim(), "mm1gate"].iter().any(|name| {
        !name.is_empty()
            && holder.strip_prefix(name).is_some_and(|rest| rest.starts_with(" (process "))
    })
}

fn is_running(program: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names = processes.filter_map(|it| fs::read_to_string(it.path().join("comm")).ok());
    names.any(|it| it.trim() == program)
}

/// Whether udev has marked the device for ModemManager to ignore.
fn is_ignored(root: &Path, socket: &str) -> bool {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
    let number = read(root.join("sys/bus/usb/devices").join(socket).join("dev"));
    let number = number.trim();
    let plain = |it: u8| it.is_ascii_digit() || it == b':';
    if number.is_empty() || !number.bytes().all(plain) {
        return false;
    }
    let properties = read(root.join("run/udev/data").join(format!("c{number}")));
    properties.lines().any(|it| it.trim() == "E:ID_MM_DEVICE_IGNORE=1")
}

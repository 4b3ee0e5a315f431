//! oFono on a private bus, with its driver for telephone simulators on the modem of a
//! [`Simulator`]: that driver connects by TCP, which a bridge ties to the pseudo-terminal.

use std::process::Command;
use std::time::Duration;

use crate::bridge::{Bridge, command};
use crate::bus::Bus;
use crate::simulated::Simulator;
use crate::support::{Process, wait_until};

/// How long it may take for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// A property's value.
const ON: &str = "variant:boolean:true";

/// A running oFono that knows one modem; it ends with this value.
pub(crate) struct Ofono {
    // In the order in which they end: the daemon first.
    _daemon: Process,
    bus: Bus,
    pub(crate) bridge: Bridge,
}

impl Ofono {
    /// Starts it, with more settings for the modem, and has the modem powered on.
    pub(crate) fn start(simulator: &Simulator, settings: &str) -> Self {
        let folder = simulator.folder();
        // The driver counts on a modem that does not echo.
        command(&simulator.tty(), "ATE0");
        let (bridge, address) = Bridge::tcp(simulator.tty());
        let file = folder.join("phonesim.conf");
        let place = format!("Address={}\nPort={}", address.ip(), address.port());
        std::fs::write(&file, format!("[virtual]\n{place}\n{settings}")).unwrap();
        let bus = Bus::start(folder);
        let mut daemon = ofonod(&bus);
        daemon.env("OFONO_PHONESIM_CONFIG", &file);
        let daemon = Process::start(&mut daemon, folder, "ofonod");
        bus.wait_for("org.ofono");
        let ofono = Self { _daemon: daemon, bus, bridge };
        wait_until("the modem", LIMIT, || ofono.set("Powered").ok());
        ofono
    }

    /// Calls a method of the modem; its answer as dbus-send prints it, or the error.
    pub(crate) fn call(
        &self,
        interface: &str,
        method: &str,
        arguments: &[&str],
    ) -> Result<String, String> {
        let method = format!("org.ofono.{interface}.{method}");
        self.bus.call("org.ofono", "/virtual", &method, arguments)
    }

    /// Switches a property of the modem on.
    pub(crate) fn set(&self, property: &str) -> Result<String, String> {
        self.call("Modem", "SetProperty", &[&format!("string:{property}"), ON])
    }

    /// Waits until the properties of an interface hold all of these words; all of them.
    pub(crate) fn wait_for(&self, interface: &str, words: &[&str]) -> String {
        let mut last = String::new();
        wait_until(&format!("{words:?} of {interface}"), LIMIT, || {
            last = self.call(interface, "GetProperties", &[]).ok()?;
            words.iter().all(|word| last.contains(word)).then_some(())
        });
        last
    }
}

/// ofonod keeps what it learned in `/var/lib/ofono`: root gives it an empty one that only it sees.
fn ofonod(bus: &Bus) -> Command {
    let options = ["-n", "-d", "*", "-P", "udevng,udev,bluez4,bluez5"];
    if !rustix::process::geteuid().is_root() {
        let mut command = bus.command("ofonod");
        command.args(options);
        return command;
    }
    let mut command = bus.command("unshare");
    let script = "mount -t tmpfs none /var/lib/ofono && exec ofonod \"$@\"";
    command.args(["--mount", "sh", "-c", script, "ofonod"]).args(options);
    command
}

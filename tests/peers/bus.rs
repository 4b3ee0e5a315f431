//! A private D-Bus for foreign drivers that are services of one.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::simulated::run;
use crate::support::{Process, wait_until};

/// A running bus; it ends with this value.
pub(crate) struct Bus {
    address: String,
    _daemon: Process,
}

impl Bus {
    /// Starts one in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        let socket = folder.join("bus");
        let settings = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
             <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\n\
             <policy context=\"default\"><allow send_destination=\"*\"/><allow own=\"*\"/>\
             <allow eavesdrop=\"true\"/></policy></busconfig>\n",
            socket.display()
        );
        let file = folder.join("bus.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new("dbus-daemon");
        command.arg(format!("--config-file={}", file.display())).args(["--nofork", "--nopidfile"]);
        let daemon = Process::start(&mut command, folder, "dbus");
        wait_until("the bus", Duration::from_secs(10), || socket.exists().then_some(()));
        Self { address: format!("unix:path={}", socket.display()), _daemon: daemon }
    }

    /// A command that takes this bus for the system's and the session's.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("DBUS_SYSTEM_BUS_ADDRESS", &self.address);
        command
    }

    /// Calls a method; its answer as dbus-send prints it, or the error.
    pub(crate) fn call(
        &self,
        service: &str,
        object: &str,
        method: &str,
        arguments: &[&str],
    ) -> Result<String, String> {
        let mut command = self.command("dbus-send");
        command
            .args(["--session", "--print-reply", "--reply-timeout=30000"])
            .arg(format!("--dest={service}"))
            .args([object, method])
            .args(arguments);
        let (content, text) = run(&mut command);
        if content { Ok(text) } else { Err(text) }
    }

    /// Waits until somebody has this name on the bus.
    pub(crate) fn wait_for(&self, name: &str) {
        let wanted = format!("string:{name}");
        wait_until(name, Duration::from_secs(30), || {
            let answer = self.call(
                "org.freedesktop.DBus",
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus.NameHasOwner",
                &[&wanted],
            );
            answer.ok().filter(|answer| answer.contains("boolean true")).map(drop)
        });
    }
}

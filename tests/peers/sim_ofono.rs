//! oFono drives `mm1gate simulate`: identity, registration, SMS by direct routing with
//! acknowledgement, an SMS out, and the context list. It runs on a private bus; its driver for
//! telephone simulators connects by TCP, which a bridge ties to the pseudo-terminal. That driver
//! has no data calls of its own.

use std::process::Command;
use std::time::Duration;

use crate::bridge::{Bridge, command};
use crate::bus::Bus;
use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// ofonod keeps what it learned in `/var/lib/ofono`: root gives it an empty one that only it sees.
pub(crate) fn ofonod(bus: &Bus) -> Command {
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

#[test]
#[ignore = "needs ofono and dbus"]
fn ofono_registers_and_exchanges_sms_with_the_virtual_modem() {
    let mut simulator = Simulator::start("ofono", &[]);
    let folder = simulator.folder().to_owned();
    // Its driver for simulators counts on a modem that does not echo.
    command(&simulator.tty(), "ATE0");
    let (bridge, address) = Bridge::tcp(simulator.tty());
    let settings = folder.join("phonesim.conf");
    let text = format!("[virtual]\nAddress={}\nPort={}\n", address.ip(), address.port());
    std::fs::write(&settings, text).unwrap();
    let bus = Bus::start(&folder);
    let mut daemon = ofonod(&bus);
    daemon.env("OFONO_PHONESIM_CONFIG", &settings);
    let _daemon = Process::start(&mut daemon, &folder, "ofonod");
    bus.wait_for("org.ofono");
    let call = |interface: &str, method: &str, arguments: &[&str]| {
        bus.call("org.ofono", "/virtual", &format!("org.ofono.{interface}.{method}"), arguments)
    };
    let wait_for = |interface: &str, words: &[&str]| {
        let mut last = String::new();
        wait_until(&format!("{words:?} of {interface}"), LIMIT, || {
            last = call(interface, "GetProperties", &[]).ok()?;
            words.iter().all(|word| last.contains(word)).then_some(())
        });
        last
    };
    let on = "variant:boolean:true";
    wait_until("the modem", LIMIT, || call("Modem", "SetProperty", &["string:Powered", on]).ok());
    let modem = wait_for("Modem", &["org.ofono.SimManager", "Serial"]);
    assert_has(&modem, &["\"mm1gate\"", "\"Virtual Modem\"", "\"004999010640000\""]);
    let sim = wait_for("SimManager", &["SubscriberIdentity", "CardIdentifier"]);
    assert_has(&sim, &["\"001010123456789\"", "\"8900101010123456789\""]);

    call("Modem", "SetProperty", &["string:Online", on]).unwrap();
    let network = wait_for("NetworkRegistration", &["\"registered\"", "\"mm1gate"]);
    assert_has(&network, &["\"lte\"", "\"Strength\"", "uint16 6699"]);
    wait_for("MessageManager", &["ServiceCenterAddress"]);

    // It chooses direct routing, so the message is acknowledged and never stored.
    let routed = |line: &String| line.starts_with("AT+CNMI=") && line.contains(",2,");
    wait_until("the choice of indications", LIMIT, || {
        bridge.commands().iter().any(routed).then_some(())
    });
    simulator.deliver(&[DELIVER_HI]);
    wait_until("the acknowledgement", LIMIT, || {
        bridge.commands().iter().any(|line| line.starts_with("AT+CNMA=1")).then_some(())
    });
    assert_eq!(simulator.stored(), 0);

    let to = format!("string:{PHONE}");
    call("MessageManager", "SendMessage", &[&to, "string:hello from ofono"]).unwrap();
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from ofono".to_owned()));
    wait_for("ConnectionManager", &["\"Attached\""]);
}

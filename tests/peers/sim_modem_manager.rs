//! ModemManager drives `mm1gate simulate`: identity, registration, SMS both ways. It runs on a
//! private bus without udev; its test interface takes the modem as a socket, which a bridge ties
//! to the pseudo-terminal. Its data calls need kernel PPP and are left out.

use std::time::Duration;

use serde_json::Value;

use crate::bridge::Bridge;
use crate::bus::Bus;
use crate::simulated::{DELIVER_HI, PHONE, Simulator, run};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// Its command line client; JSON as an object when it was asked for.
fn mmcli(bus: &Bus, arguments: &[&str]) -> Option<Value> {
    let (content, text) = run(bus.command("mmcli").args(["--test-session", "-J"]).args(arguments));
    content.then(|| serde_json::from_str(&text).unwrap_or(Value::Null))
}

#[test]
#[ignore = "needs modemmanager and dbus"]
fn modem_manager_registers_and_exchanges_sms_with_the_virtual_modem() {
    let mut simulator = Simulator::start("mm", &[]);
    let folder = simulator.folder().to_owned();
    // ModemManager connects to the abstract name with its prefix.
    let name = format!("abstract:mm1gate-{}", std::process::id());
    let bridge = Bridge::abstract_socket(simulator.tty(), &name);
    let bus = Bus::start(&folder);
    let mut command = bus.command("ModemManager");
    command.args(["--test-session", "--test-enable", "--test-no-udev", "--debug"]);
    command.arg("--test-no-suspend-resume");
    let _manager = Process::start(&mut command, &folder, "modem-manager");
    let (service, object) = ("org.freedesktop.ModemManager1", "/org/freedesktop/ModemManager1");
    bus.wait_for(service);
    bus.call(
        service,
        object,
        "org.freedesktop.ModemManager1.Test.SetProfile",
        &["string:virtual", "string:generic", &format!("array:string:{name}")],
    )
    .unwrap();

    let identified = wait_until("a modem", LIMIT, || {
        let modem = mmcli(&bus, &["-m", "any"])?["modem"].take();
        (modem["generic"]["state"] == "disabled").then_some(modem)
    });
    let generic = &identified["generic"];
    assert_eq!(generic["manufacturer"], "mm1gate");
    assert_eq!(generic["model"], "Virtual Modem");
    assert_eq!(generic["equipment-identifier"], "004999010640000");
    assert_eq!(generic["own-numbers"][0], "+447700900001");
    assert_eq!(generic["unlock-retries"][0], "sim-pin (3)");
    let sim = generic["sim"].as_str().unwrap();
    let sim = mmcli(&bus, &["-i", sim]).unwrap()["sim"]["properties"].take();
    assert_eq!(sim["imsi"], "001010123456789");
    assert_eq!(sim["iccid"], "8900101010123456789");
    assert_eq!(sim["operator-code"], "00101");
    assert_eq!(sim["operator-name"], "mm1gate");

    mmcli(&bus, &["-m", "any", "--enable"]).expect("enabled");
    let registered = wait_until("registration", LIMIT, || {
        let modem = mmcli(&bus, &["-m", "any"])?["modem"].take();
        (modem["generic"]["state"] == "registered").then_some(modem)
    });
    assert_eq!(registered["3gpp"]["registration-state"], "home");
    assert_eq!(registered["3gpp"]["operator-name"], "mm1gate virtual");
    assert_eq!(registered["3gpp"]["packet-service-state"], "attached");
    assert_eq!(registered["generic"]["access-technologies"][0], "lte");

    simulator.deliver(&[DELIVER_HI]);
    let sms = wait_until("the received SMS", LIMIT, || {
        let list = mmcli(&bus, &["-m", "any", "--messaging-list-sms"])?;
        list["modem.messaging.sms"][0].as_str().map(str::to_owned)
    });
    let received = wait_until("its text", LIMIT, || {
        let sms = mmcli(&bus, &["-s", &sms])?["sms"].take();
        (sms["properties"]["state"] == "received").then_some(sms)
    });
    assert_eq!(received["content"]["number"], "12345");
    assert_eq!(received["content"]["text"], "hi");
    mmcli(&bus, &["-m", "any", &format!("--messaging-delete-sms={sms}")]).expect("deleted");
    assert_eq!(simulator.stored(), 0, "its deletion reaches the storage");

    let order = format!("--messaging-create-sms=text='hello from a manager',number='{PHONE}'");
    let (content, text) =
        run(bus.command("mmcli").args(["--test-session", "-m", "any"]).arg(order));
    assert!(content, "{text}");
    let path = text.split_whitespace().last().unwrap().to_owned();
    mmcli(&bus, &["-s", &path, "--send"]).expect("sent");
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from a manager".to_owned()));
    let commands = bridge.commands();
    assert!(commands.iter().any(|line| line == "AT+CNMI=2,1,2,1,0"), "{commands:?}");
}

//! `mm1gate modem`: what is plugged in, everything that a modem tells, and the rule for udev.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use mm1gate::sim::{Fault, ModemConfig, Operator, PortRole, PtyPort, Subscriber};
use serde_json::Value;

use crate::cli_basics::{mm1gate, run};
use crate::support::Process;
use crate::usb_rig::{Device, EC25, UsbRig};

fn ec25(path: &'static str) -> Device<'static> {
    Device { path, id: "2c7c:0125", strings: ("Quectel", "EC25", ""), interfaces: EC25 }
}

fn modem(rig: &UsbRig, home: &Path, arguments: &[&str]) -> (i32, String, String) {
    let root = rig.root().to_str().unwrap();
    let mut command = mm1gate(home);
    command.arg("modem").args(arguments).args(["--root", root]);
    run(&mut command)
}

/// A modem that answers behind the EC25's ports.
fn serve(rig: &UsbRig, subscriber: Subscriber) -> Operator {
    let operator = Operator::builder().line(subscriber, ModemConfig::default()).start();
    for (name, role) in [("ttyUSB3", PortRole::Data), ("ttyUSB2", PortRole::Control)] {
        let port = PtyPort::create(&rig.root().join("dev").join(name)).unwrap();
        let modem = operator.modem().clone();
        tokio::spawn(async move { port.serve(&modem, role).await });
    }
    operator
}

#[test]
fn list_says_what_each_port_is_for_and_what_to_configure() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    rig.plug(ec25("1-1.4"));
    let serial = [(0, "ff/ff/ff", "ftdi_sio", "ttyUSB9")];
    rig.plug(Device {
        path: "1-3",
        id: "0403:6001",
        strings: ("FTDI", "FT232R", "A1"),
        interfaces: &serial,
    });
    let (exit, out, err) = modem(&rig, home.path(), &["list"]);
    assert_eq!((exit, err.as_str()), (0, ""));
    for wanted in [
        "One modem is plugged in.",
        "2c7c:0125, socket 1-1.4",
        "port = \"auto\"",
        "ttyUSB0 the maker's diagnosis, not used",
        "ttyUSB2 AT commands (control_port)",
        "ttyUSB3 dials (port)",
        "wwan0          network card, not used",
        "profile quectel (UNVERIFIED",
        "Other serial ports",
        "FTDI FT232R",
    ] {
        assert!(out.contains(wanted), "{wanted}:\n{out}");
    }
    let (_, out, _) = modem(&rig, home.path(), &["list", "--json"]);
    let list: Value = serde_json::from_str(&out).unwrap();
    let first = &list["modems"][0];
    assert_eq!((first["mode"].as_str(), first["usable"].as_bool()), (Some("modem"), Some(true)));
    assert!(first["port"].as_str().unwrap().ends_with("if03-port0"), "{first}");
    assert_eq!(first["ports"].as_array().unwrap().len(), 4);
    assert_eq!(list["other_ports"].as_array().unwrap().len(), 1);
}

#[test]
fn list_explains_modems_that_show_another_shape() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let disk = [(0, "08/06/50", "usb-storage", "")];
    let card = [(0, "02/06/00", "cdc_ether", "net:eth1")];
    let port = [(0, "ff/ff/ff", "qcserial", "ttyUSB0")];
    let plug = |path, id, interfaces| {
        rig.plug(Device { path, id, strings: ("", "", ""), interfaces });
    };
    plug("1-1.1", "12d1:1f01", &disk[..]);
    plug("1-1.2", "12d1:14db", &card[..]);
    plug("1-1.3", "05c6:9008", &port[..]);
    let (exit, out, _) = modem(&rig, home.path(), &["list"]);
    assert_eq!(exit, 0);
    for wanted in ["3 modems are plugged in", "usb-modeswitch", "HiLink", "boot loader"] {
        assert!(out.contains(wanted), "{wanted}:\n{out}");
    }
    assert!(!out.contains("modem probe"), "nobody is told to ask a boot loader:\n{out}");
    let (_, out, _) = modem(&rig, home.path(), &["list", "--json"]);
    let list: Value = serde_json::from_str(&out).unwrap();
    let modes: Vec<_> =
        list["modems"].as_array().unwrap().iter().map(|it| it["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, ["storage", "hilink", "bootloader"]);
}

#[test]
fn strings_of_a_device_cannot_command_the_terminal() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let long = "\u{1b}]0;x\u{7}".repeat(1000);
    let strings = ("\u{1b}[2J", long.as_str(), "\u{202e}");
    rig.plug(Device { path: "1-1.4", id: "2c7c:0125", strings, interfaces: EC25 });
    for arguments in [&["list"][..], &["list", "--json"], &["udev"]] {
        let (exit, out, _) = modem(&rig, home.path(), arguments);
        assert_eq!(exit, 0, "{arguments:?}");
        assert!(!out.contains('\u{1b}') && !out.contains('\u{7}') && out.len() < 8_000, "{out:?}");
    }
}

#[test]
fn rule_for_udev_names_each_kind_of_modem_once() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let (exit, _, err) = modem(&rig, home.path(), &["udev"]);
    assert_eq!(exit, 69, "{err}");
    rig.plug(ec25("1-1.4"));
    rig.plug(Device { path: "1-1.3", ..ec25("1-1.3") });
    let (exit, out, err) = modem(&rig, home.path(), &["udev"]);
    assert_eq!(exit, 0, "{err}");
    let rules: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
    let [rule] = rules.as_slice() else { panic!("{out}") };
    for wanted in [
        "ATTR{idVendor}==\"2c7c\"",
        "ATTR{idProduct}==\"0125\"",
        "ENV{ID_MM_DEVICE_IGNORE}=\"1\"",
        "GROUP=\"dialout\"",
    ] {
        assert!(rule.contains(wanted), "{wanted}: {rule}");
    }
    assert!(err.contains("/etc/udev/rules.d/77-mm1gate.rules"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_tells_everything_and_hides_numbers() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    rig.plug(ec25("1-1.4"));
    let subscriber = Subscriber { pin: Some("4711".to_owned()), ..Subscriber::default() };
    let imsi = subscriber.imsi.clone();
    let open = serve(&rig, Subscriber::default());
    let ask = |arguments: &[&str]| {
        let (exit, out, err) = tokio::task::block_in_place(|| modem(&rig, home.path(), arguments));
        assert_eq!(exit, 0, "{err}");
        out
    };
    // `auto` asks the port for commands, so that the one that dials stays free.
    let out = ask(&["probe", "auto"]);
    for wanted in [
        "ttyUSB2)",
        "profile     quectel, because its USB identity is 2c7c:0125",
        "UNVERIFIED",
        "SIM         open, ICCID",
        "3 PIN attempts left",
        "circuit-switched: registered, home network (1)",
        "LTE: registered, home network (1)",
        "SMS arrive  yes: on LTE",
        "+CNMI ",
        "storage     SM 0 of",
        "GPS",
    ] {
        assert!(out.contains(wanted), "{wanted}:\n{out}");
    }
    assert!(!out.contains(&imsi), "{out}");
    let report: Value =
        serde_json::from_str(&ask(&["probe", "auto", "--json", "--show-numbers"])).unwrap();
    assert_eq!(report["sim"]["imsi"], imsi.as_str());
    assert_eq!(
        (&report["sim"]["ready"], &report["sms_on_lte"]),
        (&Value::Bool(true), &"sgs".into())
    );
    assert_eq!(report["usb_id"], "2c7c:0125");
    open.faults().set(Fault::RegistrationDenied {});
    let out = ask(&["probe", &rig.path("dev/ttyUSB3")]);
    assert!(out.contains("registration denied by the network (3)"), "{out}");
    open.stop();
    drop(open);
    let _locked = serve(&rig, subscriber);
    let out = ask(&["probe", "auto"]);
    assert!(out.contains("waits for its PIN (SIM PIN), ICCID"), "{out}");
    assert!(out.contains("3 PIN attempts left"), "{out}");
    assert!(out.contains("not known while the SIM is locked"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_of_ports_that_cannot_be_asked_says_why() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let fails = |arguments: &[&str], code: i32, says: &str, hint: &str| {
        let (exit, out, err) = tokio::task::block_in_place(|| modem(&rig, home.path(), arguments));
        assert_eq!((exit, out.as_str()), (code, ""), "{arguments:?}: {err}");
        let (sentence, remedy) = err.split_once("\nTry: ").unwrap_or_else(|| panic!("{err}"));
        assert!(sentence.contains(says) && remedy.contains(hint), "{arguments:?}: {err}");
    };
    fails(&["probe", "auto"], 69, "no modem is plugged in", "plug the modem in");
    rig.plug(ec25("1-1.4"));
    let _operator = serve(&rig, Subscriber::default());
    let tty = |name: &str| rig.path(&format!("dev/{name}"));
    fails(&["probe", &tty("ttyUSB0")], 65, "diagnosis port", &tty("ttyUSB3"));
    fails(&["probe", &tty("ttyUSB1")], 65, "GPS port", &tty("ttyUSB3"));
    fails(&["probe", &tty("ttyUSB7")], 69, "does not exist", "plug");
    fails(&["probe", "usb:1-1.3"], 69, "not plugged in; there is Quectel EC25", "modem list");
    fails(&["probe", "ttyUSB2"], 64, "is no port", "usb:1-1.4");
    let slave = fs::File::options().read(true).write(true).open(tty("ttyUSB2")).unwrap();
    let mut other = std::process::Command::new("sleep").arg("60").stdin(slave).spawn().unwrap();
    fails(&["probe", &tty("ttyUSB2")], 69, "in use by sleep (process", "stop sleep");
    let (_, out, _) = tokio::task::block_in_place(|| modem(&rig, home.path(), &["list"]));
    assert!(out.contains("(in use by sleep (process"), "{out}");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn probe_of_unknown_modem_asks_its_ports_one_after_the_other() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let ports = [(2, "ff/ff/ff", "option", "ttyUSB2"), (3, "ff/ff/ff", "option", "ttyUSB3")];
    rig.plug(Device { path: "1-2", id: "abcd:0001", strings: ("", "", ""), interfaces: &ports });
    let operator = serve(&rig, Subscriber::default());
    let (exit, out, err) =
        tokio::task::block_in_place(|| modem(&rig, home.path(), &["probe", "auto", "--json"]));
    assert_eq!(exit, 0, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(report["port"].as_str().unwrap().ends_with("ttyUSB2"));
    assert_eq!(report["profile"]["name"], "generic");
    operator.stop();
}

/// A program that begins the multiplexer on a port, says this in it, and is gone.
pub(crate) fn leave_in_multiplexer(tty: &str, frames: &[u8]) {
    let mut options = fs::OpenOptions::new();
    let flags = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).unwrap();
    let mut port = options.read(true).write(true).custom_flags(flags).open(tty).unwrap();
    port.write_all(b"AT+CMUX=0\r").unwrap();
    let mut heard = Vec::new();
    let mut read_until = |end: &[u8]| {
        while !heard.ends_with(end) {
            let mut buffer = [0; 64];
            let count = port.read(&mut buffer).unwrap();
            heard.extend_from_slice(&buffer[..count]);
        }
    };
    read_until(b"OK\r\n");
    port.write_all(frames).unwrap();
}

/// SABM of the control channel and of the first one.
pub(crate) const SABM: &[u8] = &[0xF9, 0x03, 0x3F, 0x01, 0x1C, 0xF9, 0x07, 0x3F, 0x01, 0xDE, 0xF9];

#[tokio::test(flavor = "multi_thread")]
async fn probe_gets_a_modem_back_that_was_left_in_the_multiplexer() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    let adapter = [(0, "ff/ff/ff", "ftdi_sio", "ttyUSB3")];
    let strings = ("FTDI", "FT232R", "A1");
    rig.plug(Device { path: "1-3", id: "0403:6001", strings, interfaces: &adapter });
    let operator = serve(&rig, Subscriber::default());
    let tty = rig.path("dev/ttyUSB3");
    // Killed in the midst of its work, and before it said a word.
    for frames in [SABM, b""] {
        tokio::task::block_in_place(|| leave_in_multiplexer(&tty, frames));
        for was_multiplexed in [true, false] {
            let (exit, out, err) = tokio::task::block_in_place(|| {
                modem(&rig, home.path(), &["probe", &tty, "--json"])
            });
            assert_eq!(exit, 0, "{err}");
            let report: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(report["was_multiplexed"], was_multiplexed, "{frames:02x?}: {report:#}");
            assert_eq!(report["sim"]["ready"], true, "{report:#}");
        }
    }
    tokio::task::block_in_place(|| leave_in_multiplexer(&tty, SABM));
    let (exit, out, err) =
        tokio::task::block_in_place(|| modem(&rig, home.path(), &["probe", &tty]));
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("left in the multiplexer (AT+CMUX) by a program"), "{out}");
    operator.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn modem_of_a_running_gateway_is_told_by_the_gateway() {
    let (rig, home) = (UsbRig::new(), tempfile::tempdir().unwrap());
    rig.plug(ec25("1-1.4"));
    let _operator = serve(&rig, Subscriber::default());
    let config = format!(
        "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
         port = \"{}\"\ncontrol_port = \"{}\"\n[modem.operator]\napn = \"mms.example\"\n\
         mmsc = \"http://mmsc.example/mms\"\n",
        rig.path("dev/ttyUSB3"),
        rig.path("dev/ttyUSB2")
    );
    fs::write(home.path().join("gate.toml"), config).unwrap();
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_mm1gate"));
    serve.current_dir(home.path()).env_clear().env("HOME", home.path());
    serve.args(["serve", "--config", "gate.toml"]);
    let _gateway = tokio::task::block_in_place(|| Process::start(&mut serve, home.path(), "serve"));
    let ask = |arguments: &[&str]| {
        tokio::task::block_in_place(|| {
            let mut all = arguments.to_vec();
            all.extend(["--config", "gate.toml"]);
            modem(&rig, home.path(), &all)
        })
    };
    let limit = std::time::Duration::from_secs(30);
    let told = crate::support::wait_until("the gateway has the modem", limit, || {
        let (_, out, _) = ask(&["probe", &rig.path("dev/ttyUSB2"), "--json"]);
        let told: Value = serde_json::from_str(&out).ok()?;
        (told["asked"] == "gateway" && told["modem"]["condition"] == "ready").then_some(told)
    });
    assert_eq!(told["modem"]["name"], "desk");
    let (exit, out, err) = ask(&["probe", "auto"]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("The running gateway uses this modem as \"desk\""), "{out}");
    assert!(out.contains("condition: ready") && out.contains("systemctl stop"), "{out}");
    let (_, out, _) = ask(&["list"]);
    assert!(out.contains("configured as modem \"desk\" (the gateway says: ready)"), "{out}");
    // doctor uses the same view, and the gateway that has the ports is no stranger.
    let root = rig.root().to_str().unwrap();
    let arguments = ["doctor", "--json", "--config", "gate.toml", "--root", root];
    let (exit, out, err) =
        tokio::task::block_in_place(|| run(mm1gate(home.path()).args(arguments)));
    assert_eq!(exit, 0, "{out}{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let result = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|it| it["name"] == name).map(|it| it["result"].clone())
    };
    for name in ["gateway", "port-free", "port-answers", "sim", "pin", "network", "power"] {
        assert_eq!(result(name), Some("ok".into()), "{name}: {report:#}");
    }
}

#[test]
fn retry_pin_forgets_what_was_refused_and_leaves_a_running_gateway_alone() {
    use mm1gate::model::redact::Secret;
    use mm1gate::model::{Random, Timestamp};
    use mm1gate::store::{Owner, PinBook, Store};
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let config = home.path().join("mm1gate.toml");
    let text = format!(
        "data_dir = \"{}\"\n[[modem]]\nport = \"/dev/ttyUSB0\"\n[modem.operator]\napn = \"mms\"\n\
         mmsc = \"http://mmsc.example/\"\n",
        data.display()
    );
    fs::write(&config, text).unwrap();
    let retry = || {
        let mut command = mm1gate(home.path());
        command.args(["modem", "retry-pin", "--config", config.to_str().unwrap()]);
        run(&mut command)
    };
    let owner = Owner::take(&data).unwrap();
    let (exit, _, err) = retry();
    assert_eq!(exit, 75, "{err}");
    assert!(err.contains("in use") && err.contains("end the gateway"), "{err}");
    let store = Store::open(&data).unwrap();
    let book = PinBook::open(&data, store, &Random::seeded(1)).unwrap();
    let sim = "iccid:8944100000000000012";
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let at = Timestamp::from_secs(1_790_000_000);
    runtime.block_on(book.note(sim, &Secret::new("9999"), true, at)).unwrap();
    drop((book, owner));
    let (exit, out, err) = retry();
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("What was remembered of PINs that were refused"), "{out}");
    assert!(retry().1.starts_with("No PIN is remembered"));
}

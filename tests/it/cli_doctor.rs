//! `mm1gate doctor` on prepared machines: a folder that looks like sysfs and /dev, a virtual modem
//! behind its ports, programs that hold them. Each trouble is named with what mends it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::{Child, Stdio};

use bytes::Bytes;
use mm1gate::sim::{Fault, ModemConfig, Operator, PortRole, PtyPort, Subscriber};
use serde_json::Value;

use crate::cli_basics::{mm1gate, run};
use crate::cli_modem::{SABM, leave_in_multiplexer};
use crate::usb_rig::{Device, EC25, UsbRig};

/// A machine with a modem.
struct Bench {
    rig: UsbRig,
    operator: Operator,
    home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(Subscriber::default(), ModemConfig::default())
    }

    /// An EC25 with the virtual modem behind its ports 2 and 3.
    fn with(subscriber: Subscriber, modem: ModemConfig) -> Self {
        let rig = UsbRig::new();
        rig.plug(Device {
            path: "1-1.4",
            id: "2c7c:0125",
            strings: ("Quectel", "EC25", ""),
            interfaces: EC25,
        });
        let operator = Operator::builder().line(subscriber, modem).start();
        for (name, role) in [("ttyUSB3", PortRole::Data), ("ttyUSB2", PortRole::Control)] {
            let port = PtyPort::create(&rig.root().join("dev").join(name)).unwrap();
            let modem = operator.modem().clone();
            tokio::spawn(async move { port.serve(&modem, role).await });
        }
        let home = tempfile::tempdir().unwrap();
        let bench = Self { rig, operator, home };
        bench.configure("port = \"auto\"");
        bench
    }

    fn configure(&self, keys: &str) {
        self.configure_as("gate.toml", keys);
    }

    fn configure_as(&self, file: &str, keys: &str) {
        let text = format!(
            "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n{keys}\n\
             [modem.operator]\napn = \"mms.example\"\nmmsc = \"http://mmsc.example/mms\"\n"
        );
        fs::write(self.home.path().join(file), text).unwrap();
    }

    /// Exit code and what each check found, besides the whole.
    fn doctor(&self, more: &[&str]) -> (i32, Value) {
        tokio::task::block_in_place(|| self.doctor_with("gate.toml", more))
    }

    fn doctor_with(&self, file: &str, more: &[&str]) -> (i32, Value) {
        let root = self.rig.root().to_str().unwrap();
        let arguments = ["doctor", "--json", "--config", file, "--root", root];
        let (exit, out, err) = run(mm1gate(self.home.path()).args(arguments).args(more));
        assert_eq!(err, "", "{arguments:?}");
        (exit, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}")))
    }

    fn tty(&self, name: &str) -> String {
        self.rig.path(&format!("dev/{name}"))
    }
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

/// The check failed, says this and is mended by that; nothing before it failed.
fn assert_fails((exit, report): &(i32, Value), name: &str, says: &str, fix: &str) {
    let found = check(report, name);
    assert_eq!(found["result"], "failed", "{report:#}");
    let (text, remedy) = (found["text"].as_str().unwrap(), found["fix"].as_str().unwrap());
    assert!(text.contains(says), "{text}");
    assert!(remedy.contains(fix), "{remedy}");
    assert_eq!(*exit, 69);
    assert_eq!(report["ok"], false);
    let first = report["checks"].as_array().unwrap().iter().find(|it| it["result"] == "failed");
    assert_eq!(first.unwrap()["name"], name, "{report:#}");
}

/// A program that is called so and has the port open.
struct Holder(Child);

impl Holder {
    fn start(bench: &Bench, name: &str, tty: &str) -> Self {
        let program = bench.home.path().join(name);
        fs::copy("/bin/sleep", &program).unwrap();
        let slave = fs::File::options().read(true).write(true).open(bench.tty(tty)).unwrap();
        let child =
            std::process::Command::new(&program).arg("120").stdin(Stdio::from(slave)).spawn();
        Self(child.unwrap())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port with nothing but what the test writes into it; its master.
fn bare_port(bench: &Bench, name: &str) -> fs::File {
    let (master, slave) = mm1gate::sim::pty_pair().unwrap();
    symlink(slave, bench.tty(name)).unwrap();
    fs::File::from(master)
}

/// Writes a line into a port again and again, until the port is gone.
fn chatter(mut master: fs::File, line: &'static [u8]) {
    std::thread::spawn(move || {
        while std::io::Write::write_all(&mut master, line).is_ok() {
            #[expect(clippy::disallowed_methods, reason = "a device of real time")]
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_in_order_passes_every_check() {
    let bench = Bench::new();
    let (exit, report) = bench.doctor(&[]);
    assert_eq!(exit, 0, "{report:#}");
    assert_eq!((&report["ok"], &report["failed"]), (&Value::Bool(true), &Value::from(0)));
    for name in ["configuration", "data-folder", "modem-plugged-in", "modem-shape", "permission"] {
        assert_eq!(check(&report, name)["result"], "ok", "{name}: {report:#}");
    }
    for name in ["port-answers", "sim", "pin", "network", "sms", "signal", "storage"] {
        assert_eq!(check(&report, name)["result"], "ok", "{name}: {report:#}");
    }
    assert!(check(&report, "profile")["text"].as_str().unwrap().contains("quectel"));
    let numbers: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|it| it["number"].as_u64()).collect();
    let expected: Vec<_> = (1..=numbers.len() as u64).map(Some).collect();
    assert_eq!(numbers, expected);
    // For people: the same in words, and a last line that says it all.
    let root = bench.rig.root().to_str().unwrap();
    let arguments = ["doctor", "--config", "gate.toml", "--root", root];
    let (exit, out, _) =
        tokio::task::block_in_place(|| run(mm1gate(bench.home.path()).args(arguments)));
    assert_eq!(exit, 0, "{out}");
    assert!(out.contains("Modem \"desk\"") && !out.contains("FAILED"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn modem_left_in_the_multiplexer_is_got_back_and_named() {
    let bench = Bench::new();
    let tty = bench.tty("ttyUSB3");
    bench.configure(&format!("port = {tty:?}"));
    tokio::task::block_in_place(|| leave_in_multiplexer(&tty, SABM));
    let (exit, report) = bench.doctor(&[]);
    assert_eq!(exit, 0, "{report:#}");
    let text = check(&report, "port-answers")["text"].as_str().unwrap();
    assert!(text.contains("left in the multiplexer (AT+CMUX) by a program"), "{text}");
    let (_, report) = bench.doctor(&[]);
    let text = check(&report, "port-answers")["text"].as_str().unwrap();
    assert!(!text.contains("multiplexer"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn modem_manager_is_named_with_the_rule_that_keeps_it_away() {
    let bench = Bench::new();
    let holder = Holder::start(&bench, "ModemManager", "ttyUSB2");
    let report = bench.doctor(&[]);
    assert_fails(&report, "port-free", "ModemManager (process ", "mm1gate modem udev");
    let named = format!("(process {})", holder.0.id());
    assert!(check(&report.1, "port-free")["text"].as_str().unwrap().contains(&named));
    drop(holder);
    // Another program is named as well, with another remedy.
    let _holder = Holder::start(&bench, "minicom", "ttyUSB3");
    let report = bench.doctor(&[]);
    assert_fails(&report, "port-free", "minicom (process ", "stop minicom");
}

#[tokio::test(flavor = "multi_thread")]
async fn modem_manager_that_only_runs_is_a_warning_until_udev_marks_the_modem() {
    let bench = Bench::new();
    let other = bare_port(&bench, "ttyS9");
    let _holder = Holder::start(&bench, "ModemManager", "ttyS9");
    let (_, report) = bench.doctor(&[]);
    let found = check(&report, "port-free");
    assert_eq!(found["result"], "warning", "{report:#}");
    assert!(found["fix"].as_str().unwrap().contains("modem udev"));
    fs::write(bench.rig.device("1-1.4").join("dev"), "189:6\n").unwrap();
    fs::create_dir_all(bench.rig.root().join("run/udev/data")).unwrap();
    let marks = bench.rig.root().join("run/udev/data/c189:6");
    fs::write(marks, "I:123\nE:ID_MM_DEVICE_IGNORE=1\n").unwrap();
    let (_, report) = bench.doctor(&[]);
    assert_eq!(check(&report, "port-free")["result"], "ok", "{report:#}");
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_group_membership_is_named_with_the_group_to_join() {
    let bench = Bench::new();
    let etc = bench.rig.root().join("etc");
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\nann:x:4242:4242::/home/ann:/bin/sh\n")
        .unwrap();
    let mut group = 0;
    for name in ["ttyUSB2", "ttyUSB3"] {
        fs::set_permissions(bench.tty(name), fs::Permissions::from_mode(0o660)).unwrap();
        // In some containers pseudo-terminals belong to the group of root.
        if fs::metadata(bench.tty(name)).unwrap().gid() == 0 {
            std::os::unix::fs::chown(bench.tty(name), None, Some(20)).unwrap();
        }
        group = fs::metadata(bench.tty(name)).unwrap().gid();
    }
    // Her own folder, so that nothing else stands in her way.
    fs::create_dir(bench.home.path().join("data")).unwrap();
    fs::set_permissions(bench.home.path().join("data"), fs::Permissions::from_mode(0o777)).unwrap();
    let members =
        |names: &str| fs::write(etc.join("group"), format!("dialout:x:{group}:{names}\n"));
    members("bob").unwrap();
    let report = bench.doctor(&["--user", "ann"]);
    let says = format!("ann may not open {}", bench.tty("ttyUSB2"));
    assert_fails(&report, "permission", &says, "sudo usermod -aG dialout ann");
    members("bob,ann").unwrap();
    let (_, report) = bench.doctor(&["--user", "ann"]);
    assert_eq!(check(&report, "permission")["result"], "ok", "{report:#}");
    // A user who does not exist is a mistake of the command line.
    let root = bench.rig.root().to_str().unwrap();
    let arguments = ["doctor", "--config", "gate.toml", "--root", root, "--user", "zoe"];
    let (exit, _, err) =
        tokio::task::block_in_place(|| run(mm1gate(bench.home.path()).args(arguments)));
    assert_eq!(exit, 64, "{err}");
    assert!(err.contains("no user 'zoe'"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_that_the_user_may_not_write_to_is_named() {
    let bench = Bench::new();
    let etc = bench.rig.root().join("etc");
    fs::create_dir(&etc).unwrap();
    fs::write(etc.join("passwd"), "ann:x:4242:4242::/home/ann:/bin/sh\n").unwrap();
    let report = bench.doctor(&["--user", "ann"]);
    assert_fails(&report, "data-folder", "ann may not write", "sudo install -d -o ann");
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnosis_port_is_named_without_being_asked() {
    let bench = Bench::new();
    let master = bare_port(&bench, "ttyUSB0");
    rustix::fs::fcntl_setfl(&master, rustix::fs::OFlags::NONBLOCK).unwrap();
    bench.configure(&format!("port = \"{}\"", bench.tty("ttyUSB0")));
    let report = bench.doctor(&[]);
    assert_fails(&report, "port-answers", "diagnosis port", "if03-port0");
    let mut octets = [0; 16];
    let read = std::io::Read::read(&mut &master, &mut octets);
    assert!(!matches!(read, Ok(1..)), "something was sent to the diagnosis port: {octets:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_that_answers_no_at_is_told_by_what_it_says() {
    let bench = Bench::new();
    let _silent = bare_port(&bench, "ttyS4");
    let cases = [
        ("ttyS1", &b"$GPGGA,,,,,,0,,,,,,,,*66\r\n"[..], "GPS port", "modem list"),
        ("ttyS2", b"\x13\x66\x01\x7e", "diagnosis port", "modem list"),
        ("ttyS3", b"\xf8\x00\x80\x1e", "wrong speed", "modem list"),
        ("ttyS4", b"", "does not answer commands", "another port"),
    ];
    // Each waits for an answer for some seconds: all at once.
    std::thread::scope(|scope| {
        for (name, line, says, fix) in cases {
            if !line.is_empty() {
                chatter(bare_port(&bench, name), line);
            }
            bench.configure_as(name, &format!("port = \"{}\"", bench.tty(name)));
            let bench = &bench;
            scope.spawn(move || {
                let report = bench.doctor_with(name, &[]);
                assert_fails(&report, "port-answers", says, fix);
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_sim_is_named() {
    let bench = Bench::new();
    bench.operator.faults().set(Fault::SimMissing {});
    let report = bench.doctor(&[]);
    assert_fails(&report, "sim", "no SIM", "put a SIM into the modem");
    assert_eq!(check(&report.1, "network")["result"], "not-applicable");
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_is_asked_for_and_never_entered() {
    let subscriber = Subscriber { pin: Some("4711".to_owned()), ..Subscriber::default() };
    let bench = Bench::with(subscriber, ModemConfig::default());
    let report = bench.doctor(&[]);
    assert_fails(&report, "pin", "3 attempts left, and none is configured", "pin = ");
    bench.configure("port = \"auto\"\npin = \"4712\"");
    let (exit, report) = bench.doctor(&[]);
    assert_eq!(exit, 0, "{report:#}");
    let text = check(&report, "pin")["text"].as_str().unwrap().to_owned();
    assert!(text.contains("3 attempts left"), "a wrong PIN was tried: {text}");
    assert!(!report.to_string().contains("4712"));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_denied_registration_are_told_apart() {
    let bench = Bench::new();
    bench.operator.faults().set(Fault::NoCoverage {});
    assert_fails(&bench.doctor(&[]), "network", "not registered", "antenna");
    bench.operator.faults().clear(&Fault::NoCoverage {});
    bench.operator.faults().set(Fault::RegistrationDenied {});
    assert_fails(&bench.doctor(&[]), "network", "denied", "ask the operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_warns_at_four_fifths_and_fails_when_full() {
    let modem = ModemConfig { sm_capacity: 5, ..ModemConfig::default() };
    let bench = Bench::with(Subscriber::default(), modem);
    let number = Subscriber::default().number;
    let fill = |count: usize| {
        let tpdu = Bytes::from(hex::decode("0405812143F500006211120000000002E834").unwrap());
        for _ in 0..count {
            bench.operator.deliver_sms(&number, std::slice::from_ref(&tpdu)).unwrap();
        }
    };
    fill(4);
    let wait = |count: usize| {
        crate::support::wait_until(
            "messages on the SIM",
            std::time::Duration::from_secs(10),
            || (bench.operator.modem().stored_tpdus().len() == count).then_some(()),
        );
    };
    wait(4);
    let (exit, report) = bench.doctor(&[]);
    assert_eq!(exit, 0, "{report:#}");
    let found = check(&report, "storage");
    assert_eq!(found["result"], "warning", "{report:#}");
    assert!(found["text"].as_str().unwrap().contains("SM 4 of 5"), "{found}");
    fill(1);
    wait(5);
    assert_fails(&bench.doctor(&[]), "storage", "SM is full", "start the gateway");
    assert_eq!(bench.operator.modem().stored_tpdus().len(), 5, "nothing was deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn hilink_stick_is_named_with_the_way_out() {
    let bench = Bench::new();
    bench.rig.unplug("1-1.4");
    let card = [(0, "02/06/00", "cdc_ether", "net:eth1")];
    let strings = ("HUAWEI", "HUAWEI Mobile", "");
    bench.rig.plug(Device { path: "1-1.2", id: "12d1:14db", strings, interfaces: &card });
    assert_fails(&bench.doctor(&[]), "modem-shape", "HiLink", "stick");
    // The same for a configuration that names the port of former days.
    bench.configure("port = \"/dev/serial/by-id/usb-HUAWEI_HUAWEI_Mobile-if00-port0\"");
    assert_fails(&bench.doctor(&[]), "modem-shape", "HiLink", "stick");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_plugged_in_and_nothing_configured_says_how_to_begin() {
    let bench = Bench::new();
    bench.rig.unplug("1-1.4");
    assert_fails(
        &bench.doctor(&[]),
        "modem-plugged-in",
        "no modem is plugged in",
        "plug the modem in",
    );
    let root = bench.rig.root().to_str().unwrap();
    let (exit, out, _) = tokio::task::block_in_place(|| {
        run(mm1gate(bench.home.path()).args(["doctor", "--root", root]))
    });
    assert_eq!(exit, 69);
    assert!(out.contains("no configuration file") && out.contains("[[modem]]"), "{out}");
    fs::write(bench.home.path().join("gate.toml"), "[[modem]]\nprofil = \"x\"\n").unwrap();
    assert_fails(&bench.doctor(&[]), "configuration", "did you mean 'profile'?", "mend that line");
}

#[tokio::test(flavor = "multi_thread")]
async fn port_that_does_not_exist_is_told_with_the_one_that_does() {
    let bench = Bench::new();
    bench.configure(&format!("port = \"{}\"", bench.tty("ttyUSB9")));
    let says = format!("port {} does not exist", bench.tty("ttyUSB9"));
    assert_fails(&bench.doctor(&[]), "modem-plugged-in", &says, "port = \"auto\"");
    // Two of a kind: `auto` cannot choose.
    bench.configure("port = \"auto\"");
    bench.rig.plug(Device {
        path: "1-1.3",
        id: "2c7c:0125",
        strings: ("Quectel", "EC25", ""),
        interfaces: &[(3, "ff/00/00", "option", "ttyUSB13")],
    });
    let report = bench.doctor(&[]);
    assert_fails(&report, "modem-plugged-in", "several modems are plugged in", "port");
    let text = check(&report.1, "modem-plugged-in")["text"].as_str().unwrap();
    assert!(text.contains("1-1.3") && text.contains("1-1.4"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stick_that_shows_its_cd_rom_is_named_with_the_package_that_mends_it() {
    let bench = Bench::new();
    bench.rig.unplug("1-1.4");
    bench.rig.plug(Device {
        path: "1-1.2",
        id: "12d1:1f01",
        strings: ("HUAWEI", "HUAWEI Mobile", ""),
        interfaces: &[(0, "08/06/50", "usb-storage", "")],
    });
    assert_fails(&bench.doctor(&[]), "modem-shape", "CD-ROM", "usb-modeswitch");
}

#[tokio::test(flavor = "multi_thread")]
async fn pin_with_few_attempts_left_and_a_blocked_sim_send_the_owner_to_a_phone() {
    for (tries, says, fix) in
        [(2, "2 attempts left", "enter the PIN there once"), (0, "blocked", "PUK")]
    {
        let subscriber =
            Subscriber { pin: Some("4711".to_owned()), pin_tries: tries, ..Subscriber::default() };
        let bench = Bench::with(subscriber, ModemConfig::default());
        bench.configure("port = \"auto\"\npin = \"4711\"");
        assert_fails(&bench.doctor(&[]), "pin", says, fix);
    }
}

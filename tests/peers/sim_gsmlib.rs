//! gsmlib (Debian's gsm-utils) drives `mm1gate simulate`: identity, network, SMS in and out with a
//! status report, and its daemon. It switches DTR, which a pseudo-terminal does not have:
//! `modem_lines.c` stands in for that. Its storages begin at index 1, as those of many modems do;
//! it looks for ever for what stands at index 0.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has, run};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// Builds the stand-in for the lines of a port.
fn modem_lines(folder: &Path) -> PathBuf {
    let library = folder.join("modem_lines.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/modem_lines.c");
    let (built, text) =
        run(Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source));
    assert!(built, "{text}");
    library
}

/// One of its programs, ended after some time.
fn command(simulator: &Simulator, seconds: u32, program: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .arg(seconds.to_string())
        .arg(program)
        .env("LD_PRELOAD", simulator.folder().join("modem_lines.so"))
        .args(["-b", "115200"]);
    command
}

/// Runs one of its programs to its end; what it printed.
fn gsmlib(simulator: &Simulator, program: &str, port: &str, arguments: &[&str]) -> String {
    let mut command = command(simulator, 60, program);
    command.arg(port).arg(simulator.tty()).args(arguments);
    let (content, text) = run(&mut command);
    assert!(content, "{program} {}: {text}", arguments.join(" "));
    text
}

fn start(name: &str) -> Simulator {
    let simulator = Simulator::start_as(name, "[modem]\nfirst_index = 1\n");
    modem_lines(simulator.folder());
    simulator
}

#[test]
#[ignore = "needs gsm-utils"]
fn gsmlib_reads_and_sends_with_the_virtual_modem() {
    let mut simulator = start("gsmlib");
    assert_has(
        &gsmlib(&simulator, "gsmctl", "-d", &["ME", "OP", "PIN", "SIG", "BATT"]),
        &[
            "Manufacturer: mm1gate",
            "Model: Virtual Modem",
            "Serial Number: 004999010640000",
            "Status: current  Long name: 'mm1gate virtual'",
            "<PIN0> READY",
            "<SIG0>  21",
            "ME is powered by the battery",
        ],
    );

    simulator.deliver(&[DELIVER_HI]);
    let list = ["-t", "SM", "-l"];
    let read = gsmlib(&simulator, "gsmsmsstore", "-s", &list);
    assert_has(
        &read,
        &[
            "SMS-DELIVER",
            "SC address: '447700900999'",
            "Originating address: '12345'",
            "SC timestamp: 11/21/26 00:00:00",
            "User data: 'hi'",
        ],
    );

    gsmlib(&simulator, "gsmsendsms", "-d", &["-r", PHONE, "hello from gsmlib"]);
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from gsmlib".to_owned()));
    let read = gsmlib(&simulator, "gsmsmsstore", "-s", &list);
    assert_has(
        &read,
        &[
            "SMS-STATUS-REPORT",
            "Recipient address: '447700900002'",
            "Status: 0x0 'Short message received by the SME'",
        ],
    );

    // It counts from 0 what the modem counts from 1.
    gsmlib(&simulator, "gsmsmsstore", "-d", &["-t", "SM", "-x", "0"]);
    assert_eq!(simulator.stored(), 1, "its deletion reaches the storage");
    let left = gsmlib(&simulator, "gsmsmsstore", "-s", &list);
    assert!(left.contains("SMS-STATUS-REPORT") && !left.contains("SMS-DELIVER"), "{left}");
}

#[test]
#[ignore = "needs gsm-utils"]
fn gsmlib_daemon_receives_and_sends_with_the_virtual_modem() {
    let mut simulator = start("gsmsmsd");
    let folder = simulator.folder().to_owned();
    let spool = folder.join("spool");
    std::fs::create_dir(&spool).unwrap();
    std::fs::write(spool.join("order"), format!("{PHONE}\nhello from a spool\n")).unwrap();

    let mut daemon = command(&simulator, 120, "gsmsmsd");
    daemon.arg("-d").arg(simulator.tty()).arg("-s").arg(&spool);
    daemon.args(["-r", "-t", "SM", "sms", "stat"]);
    // What it receives it prints, unless a program is named that takes it.
    let _daemon = Process::start(&mut daemon, &folder, "gsmsmsd");

    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from a spool".to_owned()));
    simulator.deliver(&[DELIVER_HI]);
    let told = |words: &[&str]| {
        wait_until(&format!("{words:?}"), LIMIT, || {
            let text = std::fs::read_to_string(folder.join("gsmsmsd.out")).ok()?;
            words.iter().all(|word| text.contains(word)).then_some(())
        });
    };
    told(&["Originating address: '12345'", "User data: 'hi'"]);
    told(&["SMS-STATUS-REPORT", "Short message received by the SME"]);
    wait_until("an empty spool", LIMIT, || {
        std::fs::read_dir(&spool).unwrap().next().is_none().then_some(())
    });
}

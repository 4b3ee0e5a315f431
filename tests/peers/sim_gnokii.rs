//! gnokii's AT driver drives `mm1gate simulate`: identity, network, an SMS in and out, the phone
//! book, its monitor.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has};

/// Runs it with some text on its input, for so many seconds at most; what it printed.
fn gnokii(simulator: &Simulator, seconds: u32, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new("timeout")
        .arg(seconds.to_string())
        .arg("gnokii")
        .arg("--config")
        .arg(simulator.folder().join("gnokii.conf"))
        .args(arguments)
        .env("LC_ALL", "C")
        .env("HOME", simulator.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("gnokii: {error}"));
    // It may not want any.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
#[ignore = "needs gnokii-cli"]
fn gnokii_works_with_the_virtual_modem() {
    // It takes 31 characters of a port's name.
    let mut simulator = Simulator::start("gk", &[]);
    let settings = format!(
        "[global]\nport = {}\nmodel = AT\ninitlength = default\nconnection = serial\n\
         serial_baudrate = 115200\nuse_locking = no\n[logging]\ndebug = off\n[sms]\ntimeout = 20\n",
        simulator.tty().display()
    );
    std::fs::write(simulator.folder().join("gnokii.conf"), settings).unwrap();
    let ask = |simulator: &Simulator, arguments: &[&str]| gnokii(simulator, 20, arguments, "");

    let identity = ask(&simulator, &["--identify"]);
    assert_has(&identity, &["004999010640000", "mm1gate", "Virtual Modem"]);
    assert_has(
        &ask(&simulator, &["--getnetworkinfo"]),
        &["Network code : 001 01", "LAC          : 1a2b"],
    );
    assert_has(&ask(&simulator, &["--getsmsc", "1"]), &["SMS center number is +447700900999"]);

    simulator.deliver(&[DELIVER_HI]);
    let read = ask(&simulator, &["--getsms", "SM", "0", "0"]);
    assert_has(
        &read,
        &[
            "Inbox Message (Unread)",
            "21/11/2026 00:00:00",
            "Sender: 12345",
            "+447700900999",
            "\nhi",
        ],
    );
    assert_has(&ask(&simulator, &["--deletesms", "SM", "0"]), &["Deleted SMS (location 0"]);
    assert_eq!(simulator.stored(), 0, "its deletion reaches the storage");

    let sent = gnokii(&simulator, 20, &["--sendsms", PHONE, "-r"], "hello from gnokii");
    assert_has(&sent, &["Send succeeded with reference 1!"]);
    let arrived = simulator.submitted_text(Duration::from_secs(5));
    assert_eq!(arrived, (PHONE.to_owned(), "hello from gnokii".to_owned()));
    assert_has(
        &ask(&simulator, &["--getsms", "SM", "0", "0"]),
        &["Status Report (Unread)", "Recipient: +447700900002", "Delivered"],
    );

    let entry = "A Name;+447700900005;SM;5;5\n";
    assert_has(
        &gnokii(&simulator, 20, &["--writephonebook", "-o"], entry),
        &["Write Succeeded: memory type: SM, loc: 5, name: A Name, number: +447700900005"],
    );
    assert_has(
        &ask(&simulator, &["--getphonebook", "SM", "5"]),
        &["5. Name: A Name", "Number: +447700900005"],
    );
    assert_has(&ask(&simulator, &["--deletephonebook", "SM", "5"]), &["Phonebook entry removed"]);

    // It watches until it is ended.
    assert_has(
        &gnokii(&simulator, 4, &["--monitor"], ""),
        &["RFLevel: 21", "SIM: Used 0, Free 100", "CALL0: IDLE"],
    );
}

//! Programs that play scripts of what to send and what to expect, on `mm1gate simulate`: chat, which
//! comes with pppd, dials; runscript, which comes with minicom, sends a text in text mode.

use std::fs::{self, File, OpenOptions};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bridge::command;
use crate::simulated::{PHONE, Simulator, assert_has};

/// Runs a program whose input and output are the modem; what it printed beside.
fn on_modem(simulator: &Simulator, program: &mut Command) -> String {
    // Opened in raw mode, as whoever starts such programs does.
    command(&simulator.tty(), "AT");
    let port = || OpenOptions::new().read(true).write(true).open(simulator.tty()).unwrap();
    let notes = simulator.folder().join("script.log");
    let status = program
        .stdin(Stdio::from(port()))
        .stdout(Stdio::from(port()))
        .stderr(Stdio::from(File::create(&notes).unwrap()))
        .status()
        .unwrap_or_else(|error| panic!("{program:?}: {error}"));
    let told = fs::read_to_string(&notes).unwrap();
    assert!(status.success(), "{program:?}: {status}\n{told}");
    told
}

#[test]
#[ignore = "needs ppp"]
fn chat_dials_to_connect() {
    let simulator = Simulator::start("chat", &[]);
    let script = simulator.folder().join("dial.chat");
    fs::write(
        &script,
        "ABORT BUSY ABORT 'NO CARRIER' ABORT 'NO DIALTONE' ABORT ERROR ABORT '+CME ERROR'\n\
         REPORT CONNECT TIMEOUT 10\n\
         '' ATZ\n\
         OK 'ATQ0 V1 E1 S0=0 &C1 &D2 +FCLASS=0'\n\
         OK 'AT+CGDCONT=2,\"IP\",\"mms.example\"'\n\
         OK ATDT*99***2#\n\
         CONNECT ''\n",
    )
    .unwrap();
    let told = on_modem(&simulator, Command::new("/usr/sbin/chat").arg("-sf").arg(&script));
    assert_has(&told, &["CONNECT 150000000"]);
    fs::write(&script, "ABORT 'NO CARRIER' TIMEOUT 10\n'' ATH OK ATD5551234 CONNECT ''\n").unwrap();
    command(&simulator.tty(), "ATZ");
    let status = Command::new("/usr/sbin/chat")
        .arg("-f")
        .arg(&script)
        .stdin(File::open(simulator.tty()).unwrap())
        .stdout(OpenOptions::new().write(true).open(simulator.tty()).unwrap())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(4), "the first ABORT string came");
}

#[test]
#[ignore = "needs minicom"]
fn runscript_sends_a_text() {
    let mut simulator = Simulator::start("runscript", &[]);
    let script = simulator.folder().join("text.scr");
    let steps = [
        ("ATZ", "OK"),
        ("AT+CMGF=1", "OK"),
        ("AT+CSCS=\\\"IRA\\\"", "OK"),
        (&format!("AT+CMGS=\\\"{PHONE}\\\""), "> "),
        ("hello from a script^Z", "+CMGS: 1"),
    ];
    let steps = steps.map(|(send, wanted)| {
        format!("send \"{send}\"\nexpect {{\n \"{wanted}\"\n timeout 5 goto bad\n}}\n")
    });
    fs::write(&script, format!("{}exit 0\nbad:\nexit 1\n", steps.concat())).unwrap();
    on_modem(&simulator, Command::new("runscript").arg(&script));
    let sent = simulator.submitted_text(Duration::from_secs(5));
    assert_eq!(sent, (PHONE.to_owned(), "hello from a script".to_owned()));
}

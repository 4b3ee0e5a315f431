//! gammu drives `mm1gate simulate`: identity, network, one SMS out, messages in, deletion.

use std::process::Command;
use std::time::Duration;

use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has, run};

/// Writes its settings.
fn configure(simulator: &Simulator) {
    let device = simulator.tty();
    let settings = format!("[gammu]\ndevice = {}\nconnection = at115200\n", device.display());
    std::fs::write(simulator.folder().join("gammurc"), settings).unwrap();
}

/// Starts gammu on the simulator's modem; what it printed.
fn gammu(simulator: &Simulator, arguments: &[&str]) -> String {
    let settings = simulator.folder().join("gammurc");
    let mut command = Command::new("gammu");
    command.arg("-c").arg(settings).args(arguments);
    let (content, text) = run(&mut command);
    assert!(content, "gammu {}: {text}", arguments.join(" "));
    text
}

#[test]
#[ignore = "needs gammu"]
fn gammu_finds_a_modem_that_it_can_work_with() {
    let mut simulator = Simulator::start("gammu", &[]);
    configure(&simulator);
    assert_has(&gammu(&simulator, &["identify"]), &["004999010640000", "001010123456789"]);
    assert_has(
        &gammu(&simulator, &["networkinfo"]),
        &["home network", "001 01", "mm1gate virtual", "attached"],
    );

    gammu(&simulator, &["sendsms", "TEXT", PHONE, "-text", "hello there"]);
    let sent = simulator.submitted_text(Duration::from_secs(5));
    assert_eq!(sent, (PHONE.to_owned(), "hello there".to_owned()));

    simulator.deliver(&[DELIVER_HI]);
    // Its notification takes two SMS.
    simulator.send_mms();
    assert_has(
        &gammu(&simulator, &["getallsms"]),
        &["\"12345\"", "hi", "MMS indicator", "part 1 of 2", "part 2 of 2", "3 SMS parts"],
    );
    assert_eq!(simulator.stored(), 3);
    gammu(&simulator, &["deleteallsms", "1"]);
    assert_eq!(simulator.stored(), 0, "gammu's deletions reach the storage");
}

#[test]
#[ignore = "needs gammu"]
fn gammu_asks_and_stores_what_a_phone_has() {
    let mut simulator = Simulator::start("gammu-more", &[]);
    configure(&simulator);
    assert_has(
        &gammu(&simulator, &["getsmsfolders"]),
        &["SIM memory, Inbox folder", "phone memory, Outbox folder"],
    );
    gammu(&simulator, &["setsmsc", "1", "+447700900998"]);
    assert_has(&gammu(&simulator, &["getsmsc", "1"]), &["+447700900998"]);
    assert_has(&gammu(&simulator, &["getallmemory", "ON"]), &["+447700900001"]);
    assert_has(
        &gammu(&simulator, &["monitor", "1"]),
        &["SIM SMS status       : 0 used", "home network", "GPRS                 : attached"],
    );
    let (_, told) = run(Command::new("timeout")
        .args(["10", "gammu", "-c"])
        .arg(simulator.folder().join("gammurc"))
        .args(["getussd", "*100#"]));
    assert_has(&told, &["Your balance is 10.00"]);

    // As if it had been sent, and as if it had been received and read.
    let save = ["savesms", "TEXT", "-text"];
    gammu(&simulator, &[&save[..], &["kept", "-folder", "2", "-sender", PHONE]].concat());
    gammu(&simulator, &[&save[..], &["filed", "-folder", "1", "-sender", PHONE]].concat());
    let all = gammu(&simulator, &["getallsms"]);
    assert_has(&all, &[": Sent\n\nkept", ": Read\n\nfiled", "2 SMS parts"]);
    gammu(&simulator, &["deletesms", "1", "1"]);
    assert_eq!(simulator.stored(), 1);

    gammu(&simulator, &["sendsms", "TEXT", PHONE, "-report", "-text", "tell me"]);
    assert_has(&gammu(&simulator, &["getallsms"]), &["SMS status report", "Delivered"]);
}

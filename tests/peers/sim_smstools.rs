//! smsd of the SMS Server Tools 3 drives `mm1gate simulate`: as a program in the foreground with a
//! configuration and a spool of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(60);

/// Writes the configuration of a smsd that keeps everything in `folder`.
fn configuration(folder: &Path, device: &Path) -> String {
    let mut text = "devices = virtual\n".to_owned();
    for queue in ["outgoing", "checked", "incoming", "failed", "sent"] {
        fs::create_dir(folder.join(queue)).unwrap();
        text += &format!("{queue} = {}\n", folder.join(queue).display());
    }
    let folder = folder.display();
    text += &format!(
        "logfile = {folder}/smsd.log\ninfofile = {folder}/smsd.working\n\
         pidfile = {folder}/smsd.pid\nloglevel = 7\ndelaytime = 1\n"
    );
    // The modem's storages begin at index 0.
    text += &format!(
        "[virtual]\ndevice = {}\nincoming = yes\nbaudrate = 115200\nmemory_start = 0\n",
        device.display()
    );
    text
}

/// The text of the first file in a queue; smsd's locks, which name it and its modem, are none.
fn first_in(queue: &Path) -> Option<String> {
    let is_lock = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|it| it == "LOCK");
    let entry = fs::read_dir(queue).ok()?.flatten().find(|entry| !is_lock(entry))?;
    fs::read_to_string(entry.path()).ok().filter(|text| !text.is_empty())
}

#[test]
#[ignore = "needs smstools"]
fn smsd_receives_and_sends_with_the_virtual_modem() {
    let mut simulator = Simulator::start("smsd", &[]);
    let folder = simulator.folder().to_owned();
    let settings = folder.join("smsd.conf");
    fs::write(&settings, configuration(&folder, &simulator.tty())).unwrap();
    simulator.deliver(&[DELIVER_HI]);
    let order = format!("To: {}\n\nhello from smstools", PHONE.trim_start_matches('+'));
    fs::write(folder.join("outgoing/order"), order).unwrap();

    let mut command = Command::new("smsd");
    command.arg("-t").arg(format!("-c{}", settings.display()));
    let mut smsd = Process::start(&mut command, &folder, "smsd");

    let received = wait_until("a received SMS", LIMIT, || first_in(&folder.join("incoming")));
    let own = "447700900999";
    assert_has(&received, &["From: 12345", &format!("From_SMSC: {own}"), "26-11-21 00:00:00"]);
    assert_has(&received, &["IMSI: 001010123456789", "IMEI: 004999010640000"]);
    assert!(received.ends_with("\n\nhi"), "{received}");

    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from smstools".to_owned()));
    let told = wait_until("its own record of it", LIMIT, || first_in(&folder.join("sent")));
    assert_has(&told, &["Modem: virtual", "Sending_time: ", "hello from smstools"]);
    wait_until("the deletion", LIMIT, || (simulator.stored() == 0).then_some(()));
    assert!(fs::read_dir(folder.join("failed")).unwrap().next().is_none());
    assert!(smsd.terminate(Duration::from_secs(30)), "smsd does not end");
}

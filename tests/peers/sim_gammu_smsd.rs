//! gammu-smsd drives `mm1gate simulate`: it receives into files, sends from files, and hears what
//! became of the message.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::simulated::{DELIVER_HI, PHONE, Simulator, assert_has, run};
use crate::support::{Process, wait_until};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
#[ignore = "needs gammu-smsd"]
fn gammu_smsd_receives_sends_and_hears_of_the_delivery() {
    let mut simulator = Simulator::start("gammu-smsd", &[]);
    let folder = simulator.folder().to_owned();
    let mut text =
        format!("[gammu]\ndevice = {}\nconnection = at115200\n", simulator.tty().display());
    text += "[smsd]\nservice = files\ncommtimeout = 1\nreceivefrequency = 1\nstatusfrequency = 0\n";
    text += "debuglevel = 1\ndeliveryreport = log\n";
    text += &format!("logfile = {}\n", folder.join("smsd.log").display());
    for (key, queue) in [
        ("inboxpath", "in"),
        ("outboxpath", "out"),
        ("sentsmspath", "sent"),
        ("errorsmspath", "err"),
    ] {
        fs::create_dir(folder.join(queue)).unwrap();
        // It puts names right behind the path.
        text += &format!("{key} = {}/\n", folder.join(queue).display());
    }
    let settings = folder.join("smsdrc");
    fs::write(&settings, text).unwrap();
    simulator.deliver(&[DELIVER_HI]);
    let mut command = Command::new("gammu-smsd");
    command.arg("-c").arg(&settings);
    let mut smsd = Process::start(&mut command, &folder, "gammu-smsd");

    let received = wait_until("a received SMS", LIMIT, || {
        assert!(smsd.is_running(), "gammu-smsd ended: {}", smsd.errors());
        let entry = fs::read_dir(folder.join("in")).ok()?.next()?.ok()?;
        let text = fs::read_to_string(entry.path()).ok().filter(|text| !text.is_empty())?;
        Some((entry.file_name().into_string().unwrap(), text))
    });
    assert!(received.0.starts_with("IN20261121_000000_00_12345_"), "{}", received.0);
    assert_eq!(received.1, "hi");

    let mut inject = Command::new("gammu-smsd-inject");
    inject.arg("-c").arg(&settings);
    inject.args(["TEXT", PHONE, "-report", "-text", "hello from gammu-smsd"]);
    let (content, said) = run(&mut inject);
    assert!(content, "{said}");
    let sent = simulator.submitted_text(LIMIT);
    assert_eq!(sent, (PHONE.to_owned(), "hello from gammu-smsd".to_owned()));
    let report = format!("Delivery report: Delivered to {PHONE}");
    let log = wait_until("the report", LIMIT, || {
        fs::read_to_string(folder.join("smsd.log")).ok().filter(|log| log.contains(&report))
    });
    assert_has(&log, &["Transmitted OUT"]);
    wait_until("the deletions", LIMIT, || (simulator.stored() == 0).then_some(()));
    assert!(fs::read_dir(folder.join("err")).unwrap().next().is_none());
    assert!(smsd.terminate(LIMIT), "gammu-smsd does not end");
}

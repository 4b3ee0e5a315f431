//! gammu drives the virtual modem: identity, network, one SMS out, messages in, deletion.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::Tpdu;
use mm1gate::sim::{ModemConfig, Operator, Outgoing, PortRole, PtyPort, Subscriber, Timing};

use crate::support::Scratch;

/// Starts gammu on the modem in `folder`; what it printed on both outputs.
async fn gammu(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("gammu");
    command
        .arg("-c")
        .arg(folder.join("gammurc"))
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null());
    let name = arguments.join(" ");
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(Duration::from_secs(60), run)
        .await
        .unwrap_or_else(|_| panic!("gammu {name} does not end"))
        .unwrap()
        .expect("gammu is installed");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "gammu {name}: {text}");
    text
}

fn assert_has(text: &str, wanted: &[&str]) {
    for words in wanted {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gammu"]
async fn gammu_finds_a_modem_that_it_can_work_with() {
    let scratch = Scratch::new("gammu");
    let folder = scratch.path();
    let device = folder.join("modem");
    let config = ModemConfig { timing: Timing::usb_stick(), ..ModemConfig::default() };
    let operator = Operator::builder().line(Subscriber::default(), config).start();
    let port = PtyPort::create(&device).unwrap();
    let modem = operator.modem().clone();
    let served = tokio::spawn(async move { port.serve(&modem, PortRole::Data).await });
    let settings = format!("[gammu]\ndevice = {}\nconnection = at115200\n", device.display());
    std::fs::write(folder.join("gammurc"), settings).unwrap();

    assert_has(&gammu(folder, &["identify"]).await, &["004999010640000", "001010123456789"]);
    assert_has(
        &gammu(folder, &["networkinfo"]).await,
        &["home network", "001 01", "mm1gate virtual", "attached"],
    );

    gammu(folder, &["sendsms", "TEXT", "+447700900002", "-text", "hello there"]).await;
    let submitted = operator.state().submitted_sms;
    let octets = hex::decode(&submitted[0].tpdu).unwrap();
    let Tpdu::Submit(submit) = Tpdu::from_mobile(&octets).unwrap().value else { panic!() };
    assert_eq!(submit.destination.to_address().text(), "+447700900002");
    assert_eq!(submit.text().as_deref(), Some("hello there"));

    // SMS-DELIVER from 12345, 7 bit, "hi", 2026-11-21 00:00:00 UTC (3GPP TS 23.040 clause 9.2.2.1).
    let deliver = hex::decode("0405812143F500006211120000000002E834").unwrap();
    operator.deliver_sms("+447700900001", &[Bytes::from(deliver)]).unwrap();
    // Its notification takes two SMS.
    let message = Outgoing {
        subject: Some("A subject of some length".into()),
        text: Some("a picture would be here".into()),
        ..Outgoing::default()
    };
    operator.send_from_phone("+447700900002", "+447700900001", &message).unwrap();
    let all = gammu(folder, &["getallsms"]).await;
    assert_has(
        &all,
        &["\"12345\"", "hi", "MMS indicator", "part 1 of 2", "part 2 of 2", "3 SMS parts"],
    );
    assert_eq!(operator.modem().stored_tpdus().len(), 3);
    gammu(folder, &["deleteallsms", "1"]).await;
    assert!(operator.modem().stored_tpdus().is_empty(), "gammu's deletions reach the storage");
    operator.stop();
    served.abort();
}

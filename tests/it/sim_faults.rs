//! Faults of the virtual modem on the wire: each shows where it says and only while it is on. Every
//! group of which the modem's own lines tell; the others show in `sim_ggsn`, `sim_mmsc` and
//! `cmux_modem`.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::sim::{
    ActiveFault, BannerForm, DialForm, EscapeAnswer, Fault, LineEndForm, Operator, PortRole,
    ResultForm, Scenario, UrcPlace,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

const OWN: &str = "+447700900001";
/// SMS-DELIVER from 12345, 7 bit, "hi".
const DELIVER: &str = "0405812143F500006211120000000002E834";
const DIAL: &str = "ATD*99***2#";
const CONTEXT: &str = "AT+CGDCONT=2,\"IP\",\"mms.example\"";
/// A message is delivered in its place among command lines.
const DELIVERY: &str = "(a message arrives)";
/// Two seconds pass, as the escape sequence wants.
const GUARD: &str = "(guard time)";
/// Sent without CR.
const ESCAPE: &str = "+++";

/// Everything until the modem has been quiet for two seconds.
async fn hear(port: &mut DuplexStream) -> String {
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(count)) = timeout(Duration::from_secs(2), port.read(&mut buffer)).await {
        if count == 0 {
            break;
        }
        heard.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&heard).into_owned()
}

fn deliver(operator: &Operator) {
    operator.deliver_sms(OWN, &[Bytes::from(hex::decode(DELIVER).unwrap())]).unwrap();
}

/// What the modem says from the opening of the port to the last line.
async fn dialogue(operator: &Operator, lines: &[&str]) -> Vec<String> {
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    let mut heard = vec![hear(&mut port).await];
    for line in lines {
        match *line {
            DELIVERY => deliver(operator),
            GUARD => sleep(Duration::from_secs(2)).await,
            ESCAPE => port.write_all(ESCAPE.as_bytes()).await.unwrap(),
            line => port.write_all(format!("{line}\r").as_bytes()).await.unwrap(),
        }
        heard.push(hear(&mut port).await);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn fault_shows_on_the_wire_and_a_sound_modem_does_otherwise() {
    type Shows = fn(&[String]) -> bool;
    let last = |heard: &[String]| heard.last().cloned().unwrap_or_default();
    let slow_signal = Fault::ReplyDelayed { command: Some("+CSQ".into()), millis: 30_000 };
    let odd =
        Fault::OddResult { form: ResultForm::CommandNotSupport, command: Some("+CSQ".into()) };
    let cases: Vec<(Fault, &[&str], Shows)> = vec![
        (Fault::ModemEchoesAlways {}, &["ATE0", "AT"], |it| it[2].starts_with("AT\r")),
        (Fault::ModemEchoesTwice {}, &["AT"], |it| it[1].matches("AT\r").count() == 2),
        (slow_signal, &["ATE0", "AT+CSQ"], |it| it[2].is_empty()),
        (Fault::UrcMisplaced { place: UrcPlace::BeforeReply }, &["ATE0", "AT+CSQ"], |it| {
            it[2].contains("+CSQ: ") && !it[2].starts_with("\r\n+CSQ: ")
        }),
        (Fault::Banner { form: BannerForm::Rdy }, &[], |it| it[0].contains("RDY")),
        (Fault::LineEnds { form: LineEndForm::Lf }, &["ATE0", "AT+CSQ"], |it| {
            it[2].contains("OK\n") && !it[2].contains('\r')
        }),
        (odd, &["ATE0", "AT+CSQ"], |it| it[2] == "\r\nCOMMAND NOT SUPPORT\r\n"),
        (Fault::ModemRefusesJoined {}, &["ATE0", "AT+CMEE?;+CSQ"], |it| it[2] == "\r\nERROR\r\n"),
        (Fault::PromptMissing {}, &["ATE0", "AT+CMGS=15"], |it| !it[2].contains('>')),
        (Fault::SimTrouble { cme: 13 }, &["AT+CMEE=1", "AT+CPIN?"], |it| {
            it[2].contains("+CME ERROR: 13")
        }),
        (Fault::CpinWithoutOk {}, &["ATE0", "AT+CPIN?"], |it| it[2] == "\r\n+CPIN: READY\r\n"),
        (Fault::CeregOnly {}, &["AT+CREG?", "AT+CEREG?"], |it| {
            it[1].contains("+CREG: 0,0") && it[2].contains("+CEREG: 0,1")
        }),
        (Fault::PacketStatus { stat: 2 }, &["AT+CREG?", "AT+CGREG?", "AT+CEREG?"], |it| {
            it[1].contains("+CREG: 0,1") && it[2].contains(": 0,2") && it[3].contains(": 0,2")
        }),
        (Fault::DeletePretended {}, &["AT+CMEE=1", DELIVERY, "AT+CMGD=1,4", "AT+CMGL=4"], |it| {
            it[3].ends_with("OK\r\n") && it[4].contains(DELIVER)
        }),
        (Fault::StorageChoiceRefused {}, &["ATE0", "AT+CMEE=1", "AT+CPMS=\"SM\""], |it| {
            it[3].contains("+CMS ERROR: 500")
        }),
        (
            Fault::StorageAliases {},
            &[
                "AT+CPMS=?",
                "AT+CPMS=\"ME\",\"ME\",\"SM\"",
                DELIVERY,
                "AT+CPMS=\"SM_P\"",
                "AT+CMGL=4",
            ],
            |it| it[1].contains("\"SM_P\"") && it[5].contains(DELIVER),
        ),
        (Fault::CmtiWithoutPlace {}, &["AT+CNMI=2,1", DELIVERY], |it| it[2].contains("+CMTI: ,-1")),
        (Fault::CmtiMissing {}, &["AT+CNMI=2,1", DELIVERY, "AT+CMGL=4"], |it| {
            it[2].is_empty() && it[3].contains(DELIVER)
        }),
        (Fault::ListEmpty {}, &["AT+CNMI=2,1", DELIVERY, "AT+CMGL=4"], |it| {
            it[2].contains("+CMTI:") && !it[3].contains(DELIVER)
        }),
        (Fault::DirectDelivery {}, &["AT+CNMI=2,1", DELIVERY], |it| {
            it[2].contains("+CMT: ") && it[2].contains(DELIVER)
        }),
        (Fault::ContextRange { cids: 3 }, &["AT+CGDCONT=4,\"IP\",\"x\""], |it| {
            it[1].contains("ERROR")
        }),
        (Fault::DialOnly { form: DialForm::Cgdata }, &["ATE0", CONTEXT, DIAL], |it| {
            it[3] == "\r\nERROR\r\n"
        }),
        (Fault::ConnectPlain {}, &["ATE0", CONTEXT, DIAL], |it| it[3] == "\r\nCONNECT\r\n"),
        (Fault::ConnectMissing {}, &["ATE0", CONTEXT, DIAL], |it| it[3].is_empty()),
        (Fault::EscapeIgnored {}, &["ATE0", CONTEXT, DIAL, GUARD, ESCAPE], |it| it[5].is_empty()),
        (
            Fault::EscapeAnswers { answer: EscapeAnswer::NoCarrier },
            &["ATE0", CONTEXT, DIAL, GUARD, ESCAPE],
            |it| it[5] == "\r\nNO CARRIER\r\n",
        ),
        (Fault::HangUpIgnored {}, &["ATE0", CONTEXT, DIAL, GUARD, ESCAPE, "ATH", "ATO"], |it| {
            it[6] == "\r\nOK\r\n" && it[7].contains("CONNECT")
        }),
        (
            Fault::ContextKept {},
            &["ATE0", CONTEXT, DIAL, GUARD, ESCAPE, "ATH", "AT+CGACT?", "ATO"],
            |it| it[7].contains("+CGACT: 2,1") && it[8] == "\r\nNO CARRIER\r\n",
        ),
        (
            Fault::DeactivationIgnored {},
            &["ATE0", CONTEXT, "AT+CGACT=1,2", "AT+CGACT=0,2", "AT+CGATT=0", "AT+CGACT?"],
            |it| it[4] == "\r\nOK\r\n" && it[5] == "\r\nOK\r\n" && it[6].contains("+CGACT: 2,1"),
        ),
        (Fault::OddClock { year: 1980 }, &["AT+CCLK?"], |it| it[1].contains("+CCLK: \"80/")),
        (Fault::ModemSilent {}, &["AT"], |it| it[1].is_empty()),
    ];
    for (fault, lines, shows) in cases {
        let sound = dialogue(&Operator::builder().start(), lines).await;
        assert!(!shows(&sound), "without {fault:?}: {sound:?}");
        let operator = Operator::builder().start();
        operator.faults().set(fault.clone());
        let heard = dialogue(&operator, lines).await;
        assert!(shows(&heard), "{fault:?}: {heard:?}");
        let fired = operator.faults().fired();
        assert!(fired.of_group(fault.group()) > 0, "{fault:?} is not counted: {}", last(&heard));
    }
}

#[tokio::test(start_paused = true)]
async fn second_port_is_blocked_in_a_call_or_cannot_be_opened() {
    for blocked in [false, true] {
        let operator = Operator::builder().start();
        if blocked {
            operator.faults().set(Fault::ControlPortBlocked {});
        }
        let mut control = operator.modem().open(PortRole::Control).unwrap();
        let mut data = operator.modem().open(PortRole::Data).unwrap();
        control.write_all(b"AT\r").await.unwrap();
        assert!(hear(&mut control).await.contains("OK"), "before the call");
        data.write_all(format!("{CONTEXT}\r").as_bytes()).await.unwrap();
        hear(&mut data).await;
        data.write_all(format!("{DIAL}\r").as_bytes()).await.unwrap();
        assert!(hear(&mut data).await.contains("CONNECT"));
        control.write_all(b"AT\r").await.unwrap();
        assert_eq!(hear(&mut control).await.is_empty(), blocked);
    }
    let operator = Operator::builder().start();
    operator.faults().set(Fault::ControlPortAbsent {});
    assert!(operator.modem().open(PortRole::Control).is_err());
    assert!(operator.modem().open(PortRole::Data).is_ok());
}

#[tokio::test(start_paused = true)]
async fn replies_leave_octet_by_octet_and_slow_lines_take_their_time() {
    let operator = Operator::builder().start();
    operator.faults().set(Fault::RepliesSplit { millis: 1 });
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    port.write_all(b"ATE0\r").await.unwrap();
    hear(&mut port).await;
    port.write_all(b"AT\r").await.unwrap();
    let mut buffer = [0; 100];
    assert_eq!(port.read(&mut buffer).await.unwrap(), 1, "one octet by itself");
    assert_eq!(hear(&mut port).await, "\nOK\r\n");
    operator.faults().clear_all();
    operator.faults().set(Fault::LinePaced { rate: 10 });
    let start = Instant::now();
    port.write_all(b"AT+CSQ\r").await.unwrap();
    let heard = hear(&mut port).await;
    assert!(heard.ends_with("OK\r\n"), "{heard:?}");
    // 20 octets and the two seconds of silence behind them.
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn events_happen_at_their_time_and_once() {
    let operator = Operator::builder().start();
    let at = |fault: Fault, at: f64| ActiveFault { at: Some(at), times: Some(1), ..fault.into() };
    operator.faults().add(at(Fault::SettingsLost {}, 20.0));
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    port.write_all(b"ATE0\r").await.unwrap();
    hear(&mut port).await;
    port.write_all(b"AT\r").await.unwrap();
    assert_eq!(hear(&mut port).await, "\r\nOK\r\n");
    sleep(Duration::from_secs(30)).await;
    port.write_all(b"AT\r").await.unwrap();
    assert_eq!(hear(&mut port).await, "AT\r\r\nOK\r\n", "the echo is back");
    let vanishes = Fault::UsbVanishes { seconds: 15, renumbered: true, as_storage: false };
    let before = operator.modem().usb().unwrap();
    operator.faults().add(at(vanishes, 5.0));
    sleep(Duration::from_secs(10)).await;
    assert!(operator.modem().usb().is_none(), "it is away");
    sleep(Duration::from_secs(20)).await;
    let after = operator.modem().usb().unwrap();
    assert_eq!(after.path, before.path);
    assert_ne!(after.ports[0].2, before.ports[0].2, "another name");
    operator.faults().add(at(Fault::ModemHangs {}, 1.0));
    sleep(Duration::from_secs(2)).await;
    let mut port = operator.modem().open_tty(&after.ports[0].2).unwrap();
    port.write_all(b"AT\r").await.unwrap();
    assert_eq!(hear(&mut port).await, "", "dead");
    assert_eq!(operator.faults().fired().of_group(25), 3);
}

#[tokio::test(start_paused = true)]
async fn modem_that_hangs_is_dead_in_its_call_too_until_it_is_reset() {
    let operator = Operator::builder().start();
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    for line in ["ATE0", "AT+CNMI=2,1", CONTEXT] {
        port.write_all(format!("{line}\r").as_bytes()).await.unwrap();
        assert!(hear(&mut port).await.ends_with("OK\r\n"), "{line}");
    }
    // LCP, Configure-Request without options (RFC 1661 clause 5.1): the server answers it.
    let request = hex::decode("7eff7d23c0217d217d217d207d24d1b57e").unwrap();
    port.write_all(format!("{DIAL}\r").as_bytes()).await.unwrap();
    assert!(hear(&mut port).await.contains("CONNECT"));
    port.write_all(&request).await.unwrap();
    assert_ne!(hear(&mut port).await, "", "the call carries octets");

    operator.faults().set_times(Fault::ModemHangs {}, 1);
    sleep(Duration::from_secs(1)).await;
    deliver(&operator);
    port.write_all(&request).await.unwrap();
    assert_eq!(hear(&mut port).await, "", "nor does it announce a message");
    assert_eq!(operator.modem().state().waiting_sms, 1, "the network keeps it");
    sleep(Duration::from_secs(30 * 60)).await;
    assert_eq!(operator.modem().state().waiting_sms, 1, "half an hour heals nothing");

    operator.modem().usb_reset();
    sleep(Duration::from_secs(30)).await;
    assert_eq!(operator.modem().state().waiting_sms, 0);
    let heard = dialogue(&operator, &["AT+CMGL=4"]).await;
    assert!(heard[1].contains(DELIVER), "{heard:?}");
}

#[test]
fn faults_have_ceased_when_the_device_is_back() {
    let vanishes = Fault::UsbVanishes { seconds: 60, renumbered: false, as_storage: true };
    let fault = ActiveFault { at: Some(5.0), lasts: Some(10.0), ..vanishes.into() };
    let scenario = Scenario { faults: vec![fault], ..Scenario::default() };
    assert_eq!(scenario.ceases(), Some(Duration::from_secs(75)));
}

#[tokio::test(start_paused = true)]
async fn call_outlives_its_port_where_dtr_is_ignored() {
    for (ignored, escaped) in [(false, false), (true, false), (true, true)] {
        let operator = Operator::builder().start();
        if ignored {
            operator.faults().set(Fault::DtrIgnored {});
        }
        let lines: &[&str] = if escaped {
            &["ATE0", CONTEXT, DIAL, GUARD, ESCAPE]
        } else {
            &["ATE0", CONTEXT, DIAL]
        };
        // Its port is closed at the end.
        dialogue(&operator, lines).await;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(operator.modem().state().call.is_some(), ignored);
        assert!(!operator.modem().carrier(PortRole::Data), "nobody sees the line of a closed port");
        let mut port = operator.modem().open(PortRole::Data).unwrap();
        hear(&mut port).await;
        assert_eq!(operator.modem().carrier(PortRole::Data), ignored);
        port.write_all(b"AT\r").await.unwrap();
        let answers = hear(&mut port).await.contains("OK");
        assert_eq!(answers, !ignored || escaped, "in data mode it is data");
    }
}

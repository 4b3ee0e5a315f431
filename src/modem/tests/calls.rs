//! Contexts, calls and the ways back.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use super::bench::{Act, Bench, Far, Ports, SILENCE, Script, bench, context};
use crate::model::Explain;
use crate::model::redact::Secret;
use crate::modem::{DataCall, EndReason, ModemError, ModemEvent, PortError};

async fn one_port(script: Script) -> (Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

async fn two_ports(control: Script, data: Script) -> (Bench, Far, Far) {
    let ports = Ports::default();
    let control = ports.plug("c", control);
    let data = ports.plug("d", data);
    let bench = bench(&ports, "d", Some("c"), None);
    bench.modem.prepare().await.unwrap();
    (bench, control, data)
}

async fn read(call: &mut DataCall, count: usize) -> Vec<u8> {
    let mut octets = vec![0; count];
    call.read_exact(&mut octets).await.unwrap();
    octets
}

#[tokio::test(start_paused = true)]
async fn one_port_dials_carries_data_and_hangs_up() {
    for (has_dtr, escape_answer) in
        [(false, "\r\nOK\r\n"), (false, "\r\nNO CARRIER\r\n"), (true, "\r\nOK\r\n")]
    {
        let mut script = Script::new();
        (script.has_dtr, script.escape_answer) = (has_dtr, escape_answer);
        let (mut bench, far) = one_port(script).await;
        let mut call = bench.modem.dial(&context()).await.unwrap();
        assert_eq!((call.number(), call.cid()), (1, 1));
        call.write_all(b"\x7eping\x7e").await.unwrap();
        call.flush().await.unwrap();
        far.say("\x7epong\x7e");
        assert_eq!(read(&mut call, 6).await, b"\x7epong\x7e");
        assert_eq!(far.data(), b"\x7eping\x7e");
        assert_eq!(call.status().octets(), (6, 6));
        assert_eq!(bench.modem.sweep().await.unwrap_err(), ModemError::InCall);
        assert_eq!(bench.modem.dial(&context()).await.unwrap_err(), ModemError::InCall);
        call.hang_up().await.unwrap();
        assert_eq!(far.data(), b"\x7eping\x7e", "nothing but data went into the call");
        bench.modem.sweep().await.unwrap();
        far.say("\r\n+CMTI: \"SM\",1\r\n");
        let Some(ModemEvent::SmsStored { .. }) = bench.events.recv().await else { panic!() };
        assert_eq!(bench.stages.lock().unwrap()[3..], ["context-set", "connected", "hung-up"]);
        assert_eq!(bench.modem.dial(&context()).await.unwrap().number(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn call_that_is_dropped_is_hung_up() {
    let (bench, far) = one_port(Script::new()).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    let before = far.count("ATH");
    drop(call);
    bench.modem.sweep().await.unwrap();
    assert_eq!(far.count("ATH"), before + 1);
}

#[tokio::test(start_paused = true)]
async fn driver_outlives_its_handles_until_the_call_is_hung_up() {
    let (bench, far) = one_port(Script::new()).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    let before = far.count("ATH");
    drop(bench);
    sleep(Duration::from_secs(5)).await;
    call.hang_up().await.unwrap();
    assert_eq!(far.count("ATH"), before + 1);
}

#[tokio::test(start_paused = true)]
async fn no_carrier_between_frames_ends_the_call_at_once() {
    let (bench, far) = one_port(Script::new()).await;
    let mut call = bench.modem.dial(&context()).await.unwrap();
    let before = far.count("ATH");
    far.say("\x7elast\x7e");
    far.act(Act::EndCall(b"\r\nNO CARRIER\r\n".to_vec()));
    let mut all = Vec::new();
    let start = Instant::now();
    call.read_to_end(&mut all).await.unwrap();
    assert!(all.starts_with(b"\x7elast\x7e"));
    assert_eq!(call.end_reason(), Some(EndReason::NoCarrier));
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(call.write_all(b"more").await.is_err());
    call.hang_up().await.unwrap();
    assert_eq!(far.count("ATH"), before, "there was nothing left to hang up");
    bench.modem.sweep().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_carrier_in_the_middle_of_a_frame_needs_silence_behind_it() {
    let (bench, far) = one_port(Script::new()).await;
    let mut call = bench.modem.dial(&context()).await.unwrap();
    far.say("\x7e!half a frame\r\nNO CARRIER\r\n");
    read(&mut call, 28).await;
    sleep(Duration::from_secs(1)).await;
    far.say("was somebody's data\x7e");
    assert_eq!(read(&mut call, 20).await, b"was somebody's data\x7e");
    far.say("\x7e!half a frame");
    far.act(Act::EndCall(b"\r\nNO CARRIER\r\n".to_vec()));
    let start = Instant::now();
    call.read_to_end(&mut Vec::new()).await.unwrap();
    assert_eq!(call.end_reason(), Some(EndReason::NoCarrier));
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn dropped_carrier_line_ends_the_call() {
    let mut script = Script::new();
    script.has_dtr = true;
    let (bench, far) = one_port(script).await;
    let mut call = bench.modem.dial(&context()).await.unwrap();
    let waiting = tokio::spawn(async move {
        let ended = call.read(&mut [0; 16]).await.unwrap();
        (ended, call.end_reason())
    });
    sleep(Duration::from_secs(5)).await;
    far.drop_carrier();
    assert_eq!(waiting.await.unwrap(), (0, Some(EndReason::CarrierLost)));
}

#[tokio::test(start_paused = true)]
async fn unplugged_modem_ends_the_call_and_is_told() {
    let (mut bench, far) = one_port(Script::new()).await;
    let mut call = bench.modem.dial(&context()).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    far.act(Act::Unplug);
    assert_eq!(call.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(call.end_reason(), Some(EndReason::PortGone));
    let error = ModemError::Port(PortError::Gone { port: "p".into() });
    assert_eq!(call.hang_up().await, Err(error.clone()));
    assert_eq!(bench.events.recv().await, Some(ModemEvent::Gone { session: 1, error }));
}

#[tokio::test(start_paused = true)]
async fn second_port_keeps_sms_coming_during_a_call() {
    let list = "\r\n+CMGL: 1,0,,17\r\n000405816888F80004605040302010800101\r\n\r\nOK\r\n";
    let control = Script::new().on("AT+CMGL=4", &[list, "OK"]);
    let (mut bench, control, data) = two_ports(control, Script::new()).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    control.say("\r\n+CMTI: \"ME\",1\r\n");
    let Some(ModemEvent::SmsStored { .. }) = bench.events.recv().await else { panic!() };
    assert_eq!(bench.modem.sweep().await.unwrap().found.len(), 1);
    assert!(data.saw("ATD*99***1#") && !control.saw("ATD*99***1#"));
    assert!(control.saw("AT+CGDCONT=1,\"IP\",\"mms.example\""));
    let before = data.count("ATH");
    call.hang_up().await.unwrap();
    assert_eq!((data.count("ATH"), control.count("ATH")), (before + 1, 0));
    bench.modem.dial(&context()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn announcement_on_the_control_port_is_heard_while_dialling() {
    let data = Script::new().on("ATD*99***1#", &[SILENCE]);
    let (mut bench, control, data) = two_ports(Script::new(), data).await;
    let modem = bench.modem.clone();
    let dialling = tokio::spawn(async move { modem.dial(&context()).await });
    sleep(Duration::from_secs(20)).await;
    control.say("\r\n+CMTI: \"ME\",1\r\n");
    sleep(Duration::from_secs(20)).await;
    data.say("\r\nCONNECT\r\n");
    dialling.await.unwrap().unwrap();
    let Some(ModemEvent::SmsStored { .. }) = bench.events.recv().await else { panic!() };
}

#[tokio::test(start_paused = true)]
async fn existing_context_is_used_and_the_attach_bearer_left_alone() {
    let defined = "\r\n+CGDCONT: 1,\"IP\",\"internet\",\"10.0.0.1\",0,0\r\n+CGDCONT: 3,\"IP\",\
                   \"mms.example\",\"0.0.0.0\",0,0\r\n\r\nOK\r\n";
    let script =
        Script::new().on("AT+CGDCONT?", &[defined]).on("ATD*99***3#", &["\r\nCONNECT\r\n"]);
    let (bench, far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 3);
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CGDCONT=3")));

    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT?", &["\r\n+CGDCONT: 1,\"IP\",\"\",\"\",0,0\r\n\r\nOK\r\n"])
        .on("AT+CGACT?", &["\r\n+CGACT: 1,1\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
        .on("ATD*99***2#", &["\r\nCONNECT\r\n"]);
    let (bench, far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 2);
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CGDCONT=1")));
}

#[tokio::test(start_paused = true)]
async fn dial_strings_are_tried_in_turn_when_unknown() {
    let script = Script::new()
        .on("ATD*99***1#", &["ERROR"])
        .on("AT+CGDATA=\"PPP\",1", &["\r\n+CME ERROR: 4\r\n"])
        .on("ATD*99#", &["\r\nCONNECT\r\n"]);
    let (bench, _far) = one_port(script).await;
    bench.modem.dial(&context()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refused_apn_is_named_with_the_modems_words() {
    let script = Script::new()
        .on("ATD*99***1#", &["\r\nNO CARRIER\r\n"])
        .on("AT+CEER", &["\r\n+CEER: \"Requested service option not subscribed\"\r\n\r\nOK\r\n"]);
    let (bench, far) = one_port(script).await;
    let error = bench.modem.dial(&context()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "APN mms.example was refused: NO CARRIER (Requested service option not subscribed)"
    );
    assert!(!far.saw("ATD*99#"), "another dial string would not help");
    let script = Script::new()
        .on("AT+CGDCONT=1,\"IP\",\"mms.example\"", &["\r\n+CME ERROR: 50\r\n"])
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["\r\n+CME ERROR: 50\r\n"]);
    let (bench, _far) = one_port(script).await;
    let error = bench.modem.dial(&context()).await.unwrap_err();
    assert!(matches!(error, ModemError::ContextRefused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn failed_calls_leave_the_modem_usable() {
    for (answer, failed) in [
        ("\r\nBUSY\r\n", true),
        ("\r\nNO DIALTONE\r\n", true),
        ("\r\nNO CARRIER\r\n", true),
        (SILENCE, false),
    ] {
        let (bench, _far) = one_port(Script::new().on("ATD*99***1#", &[answer])).await;
        let start = Instant::now();
        let error = bench.modem.dial(&context()).await.unwrap_err();
        let apn = "mms.example".to_owned();
        if failed {
            assert!(matches!(error, ModemError::CallFailed { .. }), "{answer:?}: {error}");
        } else {
            assert_eq!(error, ModemError::NoConnect { apn: apn.clone(), seconds: 60 });
            assert!(start.elapsed() < Duration::from_secs(80));
            // Perhaps the network was that slow.
            let error = bench.modem.dial(&context()).await.unwrap_err();
            assert_eq!(error, ModemError::NoConnect { apn, seconds: 90 });
        }
        bench.modem.sweep().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn detached_modem_attaches_first() {
    let detached = "\r\n+CGATT: 0\r\n\r\nOK\r\n";
    let script = Script::new().on("AT+CGATT?", &[detached]).on("AT+CGATT=1", &["OK"]);
    let (bench, _far) = one_port(script).await;
    bench.modem.dial(&context()).await.unwrap();
    let script =
        Script::new().on("AT+CGATT?", &[detached]).on("AT+CGATT=1", &["\r\n+CME ERROR: 107\r\n"]);
    let (bench, _far) = one_port(script).await;
    let error = bench.modem.dial(&context()).await.unwrap_err();
    assert!(matches!(error, ModemError::NotAttached { .. }));
}

#[tokio::test(start_paused = true)]
async fn modem_stuck_in_data_mode_is_told_and_can_be_prepared_again() {
    let mut script = Script::new();
    script.deaf_to_escape = true;
    let ports = Ports::default();
    let _far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    let call = bench.modem.dial(&context()).await.unwrap();
    assert_eq!(call.hang_up().await, Err(ModemError::StuckInDataMode { port: "p".into() }));
    let _far = ports.plug("p", Script::new());
    bench.modem.prepare().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn apn_from_the_configuration_cannot_inject_a_command() {
    let (bench, far) = one_port(Script::new()).await;
    let before = far.commands().len();
    for ending in ["\"", "\r", "\n", "\u{1a}", "\u{1b}", "\0", "\u{7f}", "\u{85}", "\u{e9}"] {
        for what in ["the APN", "the PDP type", "the user name", "the password"] {
            let mut context = context();
            let text = format!("mms{ending}AT+CFUN=0");
            match what {
                "the APN" => context.apn = text,
                "the PDP type" => context.pdp_type = text,
                "the user name" => context.user = text,
                _ => context.password = Secret::new(text),
            }
            let error = bench.modem.dial(&context).await.unwrap_err();
            assert!(
                matches!(error, ModemError::Argument { what: told, .. } if told == what),
                "{what} {ending:?}: {error}"
            );
        }
    }
    assert_eq!(far.commands().len(), before);
}

#[tokio::test(start_paused = true)]
async fn caller_that_goes_away_while_dialling_leaves_no_call_behind() {
    let (bench, far) = one_port(Script::new().on("ATD*99***1#", &[SILENCE])).await;
    let dialled = tokio::time::timeout(Duration::from_secs(5), bench.modem.dial(&context())).await;
    assert!(dialled.is_err());
    far.say("\r\nCONNECT\r\n");
    let start = Instant::now();
    bench.modem.sweep().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    drop(bench.modem.dial(&context()));
    bench.modem.sweep().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn context_of_the_same_apn_that_carries_both_families_is_dialled() {
    let defined = "\r\n+CGDCONT: 1,\"IPV4V6\",\"mms.example\",\"10.0.0.2\",0,0\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT?", &[defined])
        .on("AT+CGACT?", &["\r\n+CGACT: 1,1\r\n\r\nOK\r\n"]);
    let (bench, far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 1);
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CGDCONT=")));
}

#[tokio::test(start_paused = true)]
async fn modem_on_lte_with_a_single_undefined_context_uses_it() {
    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT=?", &["ERROR"])
        .on("AT+CGACT?", &["ERROR"])
        .on("AT+CGATT?", &["ERROR"]);
    let (bench, _far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 1);
}

#[tokio::test(start_paused = true)]
async fn modem_that_hangs_on_every_question_before_a_call_is_dialled() {
    let mut script = Script::new();
    for question in ["AT+CGATT?", "AT+CGDCONT?", "AT+CGACT?", "AT+CGDCONT=?"] {
        script = script.on(question, &[SILENCE]);
    }
    let (bench, _far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_carrier_in_a_frame_with_news_behind_it_ends_the_call() {
    for news in ["\r\n+CGEV: ME PDN DEACT 1\r\n", "\r\n^RSSI:17\r\n"] {
        let (bench, far) = one_port(Script::new()).await;
        let mut call = bench.modem.dial(&context()).await.unwrap();
        far.say("\x7e!half a frame");
        far.act(Act::EndCall(b"\r\nNO CARRIER\r\n".to_vec()));
        let more = far.clone();
        tokio::spawn(async move {
            more.say(news);
            loop {
                sleep(Duration::from_secs(1)).await;
                more.say(news);
            }
        });
        let start = Instant::now();
        let mut all = Vec::new();
        let ended = call.read_to_end(&mut all);
        tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap();
        assert_eq!(call.end_reason(), Some(EndReason::NoCarrier));
        assert!(start.elapsed() <= Duration::from_secs(4));
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_dials_only_its_first_context_gets_it_defined() {
    let script = Script::new()
        .on("AT+CGDCONT?", &["\r\n+CGDCONT: 1,\"IP\",\"internet\"\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"]);
    let (bench, far) = one_port(script.clone()).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 1);
    assert!(far.saw("AT+CGDCONT=1,\"IP\",\"mms.example\""));
    // On LTE it is the attach bearer.
    let script = script.on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"]);
    let (bench, far) = one_port(script).await;
    let error = bench.modem.dial(&context()).await.unwrap_err();
    assert!(matches!(error, ModemError::CallFailed { .. }), "{error}");
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CGDCONT=1")));
}

const PDU: &str = "000405816888F80004605040302010800101";

#[tokio::test(start_paused = true)]
async fn message_that_comes_behind_no_carrier_is_not_lost() {
    // Said when the modem ends the call, and when it is hung up.
    for hung_up in [false, true] {
        let ports = Ports::default();
        let far = ports.plug("p", Script::new());
        let mut bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let mut call = bench.modem.dial(&context()).await.unwrap();
        let text = format!("\x7eab\x7e\r\nNO CARRIER\r\n\r\n+CMT: ,17\r\n{PDU}\r\n\r\nRDY\r\n");
        far.end_call(&text);
        if !hung_up {
            let mut read = Vec::new();
            call.read_to_end(&mut read).await.unwrap();
        }
        call.hang_up().await.unwrap();
        let event = bench.events.recv().await;
        assert!(matches!(event, Some(ModemEvent::SmsDirect { .. })), "{hung_up}: {event:?}");
        let event = bench.events.recv().await;
        assert!(matches!(event, Some(ModemEvent::Gone { .. })), "{hung_up}: {event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn text_inside_a_frame_is_no_message() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new());
    let mut bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    let call = bench.modem.dial(&context()).await.unwrap();
    far.end_call(&format!("\x7eab\r\n+CMT: ,17\r\n{PDU}\r\n\x7e\r\nNO CARRIER\r\n"));
    call.hang_up().await.unwrap();
    assert!(bench.events.try_recv().is_err(), "it was data");
}

/// Every `<stat>` of TS 27.007 clauses 7.2, 10.1.20 and 10.1.22, with the code of what refuses a
/// data call at home and one abroad that is not allowed.
const STATES: [(u8, &str); 12] = [
    (0, "not-registered"),
    (1, ""),
    (2, "not-registered"),
    (3, "registration-denied"),
    (4, "not-registered"),
    (5, "roaming"),
    (6, "sms-only"),
    (7, "sms-only"),
    (8, "not-registered"),
    (9, ""),
    (10, "roaming"),
    (11, "not-registered"),
];

#[tokio::test(start_paused = true)]
async fn data_call_is_refused_in_every_state_that_has_none_to_give() {
    for domain in ["CEREG", "CGREG", "CREG"] {
        for (stat, refused) in STATES {
            let answer = format!("\r\n+{domain}: 0,{stat}\r\n\r\nOK\r\n");
            let script = Script::new()
                .on("AT+CGREG?", &["ERROR"])
                .on("AT+CREG?", &["ERROR"])
                .on(&format!("AT+{domain}?"), &[&answer])
                .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
                .on("ATD*99***2#", &["\r\nCONNECT\r\n"]);
            let (bench, far) = one_port(script).await;
            let dialled = bench.modem.dial(&context()).await;
            let code = dialled.as_ref().err().map_or("", Explain::code);
            assert_eq!(code, refused, "{domain} {stat}");
            let rang = far.commands().iter().any(|it| it.starts_with("ATD"));
            assert_eq!(rang, refused.is_empty(), "{domain} {stat}");
            if refused == "sms-only" {
                let told = dialled.unwrap_err();
                assert!(told.to_string().contains("SMS only"), "{told}");
                bench.modem.sweep().await.unwrap();
                assert!(bench.modem.registration().await.unwrap().is_registered());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sms_only_in_one_domain_is_no_hindrance_where_another_has_data() {
    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CREG?", &["\r\n+CREG: 0,6\r\n\r\nOK\r\n"])
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
        .on("ATD*99***2#", &["\r\nCONNECT\r\n"]);
    let (bench, far) = one_port(script).await;
    bench.modem.dial(&context()).await.unwrap();
    assert!(!far.saw("AT+CREG?") && !far.saw("AT+CGREG?"), "nothing is better than home");
    // Roaming for data, whatever the circuits say.
    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,5\r\n\r\nOK\r\n"])
        .on("AT+CREG?", &["\r\n+CREG: 0,1\r\n\r\nOK\r\n"]);
    let (bench, _far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap_err(), ModemError::Roaming);
}

#[tokio::test(start_paused = true)]
async fn attach_that_is_refused_to_a_sim_with_sms_only_is_told_as_such() {
    let script = Script::new()
        .on("AT+CGREG?", &["\r\n+CGREG: 0,0\r\n\r\nOK\r\n"])
        .on("AT+CREG?", &["\r\n+CREG: 0,6\r\n\r\nOK\r\n"])
        .on("AT+CGATT?", &["\r\n+CGATT: 0\r\n\r\nOK\r\n"])
        .on("AT+CGATT=1", &["\r\n+CME ERROR: 107\r\n"]);
    let (bench, _far) = one_port(script).await;
    assert_eq!(bench.modem.dial(&context()).await.unwrap_err(), ModemError::SmsOnly);
}

/// The far end of every answer to `AT+CGACT?` but the first, which comes before the call.
fn active(states: &[&str]) -> Vec<String> {
    states.iter().map(|it| format!("\r\n+CGACT: 1,{it}\r\n\r\nOK\r\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn context_that_ends_late_needs_no_force() {
    let answers = active(&["0", "1", "0"]);
    let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
    let (bench, far) = one_port(Script::new().on("AT+CGACT?", &answers)).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    let before = far.count("ATH");
    call.hang_up().await.unwrap();
    assert_eq!(far.count("ATH"), before + 1);
    assert!(!far.saw("AT+CGACT=0,1") && !far.saw("ATO"));
}

#[tokio::test(start_paused = true)]
async fn context_that_stays_active_is_ended_and_one_that_was_active_before_is_not() {
    for was_active in [false, true] {
        let answers = active(&[if was_active { "1" } else { "0" }, "1"]);
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let script = Script::new()
            .on("AT+CGACT?", &answers)
            .on("AT+CGDCONT?", &["\r\n+CGDCONT: 1,\"IP\",\"mms.example\"\r\n\r\nOK\r\n"])
            .on("ATO", &["\r\nNO CARRIER\r\n"]);
        let (bench, far) = one_port(script).await;
        bench.modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
        assert_eq!(far.saw("AT+CGACT=0,1"), !was_active);
        assert!(far.saw("ATO") && !far.saw("AT+CGATT=0"));
        bench.modem.sweep().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn frames_among_the_answers_show_that_the_call_goes_on() {
    let frames = "\r\n+CGACT: 1,0\r\n~a~\r\n~b~\r\n~c~\r\nOK\r\n";
    let before = "\r\n+CGACT: 1,0\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CGACT?", &[before, frames, frames, frames, before])
        .on("AT+CGACT=0,1", &["OK"]);
    let (bench, far) = one_port(script).await;
    bench.modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
    assert!(far.saw("AT+CGACT=0,1") && !far.saw("ATO"));
}

#[tokio::test(start_paused = true)]
async fn call_that_ended_with_its_connect_is_over_although_nobody_has_read_that() {
    let script = Script::new().on("ATD*99***1#", &["\r\nCONNECT\r\n\r\nNO CARRIER\r\n"]);
    let (bench, far) = one_port(script).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    far.act(Act::EndCall(Vec::new()));
    let before = far.count("ATH");
    let since = Instant::now();
    call.hang_up().await.unwrap();
    assert_eq!(far.count("ATH"), before);
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

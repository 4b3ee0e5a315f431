//! Contexts: whose they are, how they end, and what a call in another network costs.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::bench::{Bench, Far, Ports, Script, bench, bench_as, context};
use crate::model::redact::Secret;
use crate::model::{Blame, Explain, Retry};
use crate::modem::{
    DataCall, EndReason, ModemError, PdpAuth, PdpContext, PortSharing, Profile, ProfileChoice,
    Profiles,
};

async fn two_ports(control: Script, data: Script) -> (Bench, Far, Far) {
    let ports = Ports::default();
    let control = ports.plug("c", control);
    let data = ports.plug("d", data);
    let bench = bench(&ports, "d", Some("c"), None);
    bench.modem.prepare().await.unwrap();
    (bench, control, data)
}

async fn by_profile(name: &str, script: Script) -> (Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug("p", script);
    let profile = Profiles::embedded().named(name).unwrap();
    let bench = bench_as(&ports, "p", None, None, ProfileChoice::fixed(profile));
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

fn named(auth: PdpAuth) -> PdpContext {
    PdpContext { user: "u".into(), password: Secret::new("p"), auth, ..context() }
}

/// Whether the call ends by itself within some seconds.
async fn ends(call: &mut DataCall) -> Option<EndReason> {
    let mut octets = [0; 64];
    match timeout(Duration::from_secs(20), call.read(&mut octets)).await {
        Ok(Ok(0)) => call.end_reason(),
        _ => None,
    }
}

fn position(far: &Far, command: &str) -> usize {
    let commands = far.commands();
    commands.iter().position(|it| it == command).unwrap_or_else(|| panic!("{commands:?}"))
}

#[tokio::test(start_paused = true)]
async fn deactivation_told_on_the_control_port_ends_the_call() {
    for line in [
        "+CGEV: NW DEACT \"IP\",\"10.0.0.1\",1",
        "+CGEV: NW PDN DEACT 1",
        "+CGEV: ME PDN DEACT 1",
        "+CGEV: NW DETACH",
        "^PDPDEACT: 1",
    ] {
        let (bench, control, _data) = two_ports(Script::new(), Script::new()).await;
        let mut call = bench.modem.dial(&context()).await.unwrap();
        control.say(&format!("\r\n{line}\r\n"));
        assert_eq!(ends(&mut call).await, Some(EndReason::ContextEnded), "{line}");
        call.hang_up().await.unwrap();
        bench.modem.dial(&context()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn end_of_another_context_leaves_the_call_alone() {
    let (bench, control, _data) = two_ports(Script::new(), Script::new()).await;
    let mut call = bench.modem.dial(&context()).await.unwrap();
    control.say("\r\n+CGEV: NW PDN DEACT 5\r\n\r\n^PDPDEACT: 2\r\n");
    assert_eq!(ends(&mut call).await, None);
}

#[tokio::test(start_paused = true)]
async fn end_without_a_name_is_looked_into() {
    for (line, state, end) in [
        ("NO CARRIER", "\r\n+CGACT: 1,0\r\n\r\nOK\r\n", Some(EndReason::ContextEnded)),
        ("NO CARRIER", "\r\n+CGACT: 1,1\r\n\r\nOK\r\n", None),
        (
            "+CGEV: ME DEACT \"IP\",\"10.0.0.1\"",
            "\r\n+CGACT: 1,0\r\n\r\nOK\r\n",
            Some(EndReason::ContextEnded),
        ),
        // A modem that does not tell decides nothing.
        ("NO CARRIER", "ERROR", None),
        ("NO CARRIER", "OK", None),
    ] {
        let control = Script::new().on("AT+CGACT?", &["OK", state]);
        let (bench, control, _data) = two_ports(control, Script::new()).await;
        let mut call = bench.modem.dial(&context()).await.unwrap();
        control.say(&format!("\r\n{line}\r\n"));
        assert_eq!(ends(&mut call).await, end, "{line} {state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn port_that_stays_in_data_mode_is_freed_from_the_other_one() {
    let mut data = Script::new();
    data.deaf_to_escape = true;
    let (bench, control, data) = two_ports(Script::new().on("AT+CGACT=0,1", &["OK"]), data).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    let (far, watched) = (data.clone(), control.clone());
    tokio::spawn(async move {
        while !watched.saw("AT+CGACT=0,1") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        far.act(super::bench::Act::EndCall(b"\r\nNO CARRIER\r\n".to_vec()));
    });
    call.hang_up().await.unwrap();
    assert_eq!(bench.modem.signal().await, Ok(Some(-79)));
}

#[tokio::test(start_paused = true)]
async fn no_call_is_made_while_roaming_unless_allowed() {
    let abroad = || Script::new().on("AT+CGREG?", &["\r\n+CGREG: 0,5\r\n\r\nOK\r\n"]);
    let ports = Ports::default();
    let far = ports.plug("p", abroad());
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    let error = bench.modem.dial(&context()).await.unwrap_err();
    assert_eq!(
        (&error, error.retry(), error.blame()),
        (&ModemError::Roaming, Retry::Backoff, Blame::Caller)
    );
    assert!(error.remedy().contains("roaming = true"));
    assert!(!far.commands().iter().any(|it| it.starts_with("ATD")));
    // A circuit-switched side that is at home changes nothing about the data.
    assert!(far.saw("AT+CREG?"));
}

#[tokio::test(start_paused = true)]
async fn second_connection_to_an_access_point_is_not_insisted_on() {
    let held = "\r\n+CGDCONT: 1,\"IP\",\"\"\r\n\r\nOK\r\n";
    let base = || {
        Script::new()
            .on("AT+CGDCONT?", &[held])
            .on("AT+CGACT?", &["\r\n+CGACT: 1,1\r\n\r\nOK\r\n"])
            .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
            .on("ATD*99***2#", &["\r\n+CME ERROR: 177\r\n"])
    };
    let given = "\r\n+CGCONTRDP: 1,5,\"mms.example.mnc001.mcc001.gprs\"\r\n\r\nOK\r\n";
    for script in [
        base().on("AT+CGCONTRDP", &[given]),
        base(),
        base().on("ATD*99***2#", &["NO CARRIER"]).on(
            "AT+CEER",
            &["\r\n+CEER: \"Multiple PDN connections for a given APN not allowed\"\r\n\r\nOK\r\n"],
        ),
    ] {
        let ports = Ports::default();
        let far = ports.plug("p", script);
        let bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let call = bench.modem.dial(&context()).await.unwrap();
        assert_eq!(call.cid(), 1);
        assert!(
            !far.saw("AT+CGDCONT=1,\"IP\",\"mms.example\""),
            "the attach bearer stays as it is"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_port_is_asked_for_name_servers_before_the_next_call_of_an_active_context() {
    let held = "\r\n+CGDCONT: 1,\"IP\",\"mms.example\"\r\n\r\nOK\r\n";
    let given = "\r\n+CGCONTRDP: 1,5,\"mms.example\",\"10.6.4.2.255.0.0.0\",\"10.6.4.1\",\"10.9.8.53\",\"10.11.12.13\"\r\n\r\nOK\r\n";
    let base = || {
        Script::new().on("AT+CGDCONT?", &[held]).on("AT+CGACT?", &["\r\n+CGACT: 1,1\r\n\r\nOK\r\n"])
    };
    let told: IpAddr = "10.9.8.53".parse().unwrap();
    for (script, servers) in [
        (base().on("AT+CGCONTRDP=1", &[given]), vec![told]),
        // A refusal is no error.
        (base().on("AT+CGCONTRDP=1", &["ERROR"]), vec![]),
    ] {
        let ports = Ports::default();
        let far = ports.plug("p", script);
        let bench = bench(&ports, "p", None, None);
        bench.modem.prepare().await.unwrap();
        let call = bench.modem.dial(&context()).await.unwrap();
        assert!(call.name_servers().is_empty());
        assert!(!far.saw("AT+CGCONTRDP=1"), "nobody wants to know them yet");
        assert_eq!(bench.modem.name_servers(call.cid()).await, Err(ModemError::InCall));
        call.hang_up().await.unwrap();
        let call = bench.modem.dial(&context()).await.unwrap();
        assert!(far.saw("AT+CGCONTRDP=1"));
        assert_eq!(call.name_servers(), servers);
        call.hang_up().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_go_the_vendors_way() {
    for (profile, command) in [
        ("generic", "AT+CGAUTH=1,2,\"u\",\"p\""),
        ("quectel", "AT+QICSGP=1,1,\"mms.example\",\"u\",\"p\",2"),
        ("simcom", "AT+CGAUTH=1,2,\"p\",\"u\""),
        ("telit", "AT#PDPAUTH=1,2,\"u\",\"p\""),
        ("ublox", "AT+UAUTHREQ=1,2,\"u\",\"p\""),
        ("ublox-r4", "AT+UAUTHREQ=1,2,\"p\",\"u\""),
        ("ublox-r5", "AT+UAUTHREQ=1,2,\"u\",\"p\""),
        ("cinterion", "AT^SGAUTH=1,2,\"p\",\"u\""),
        ("cinterion-imt", "AT^SGAUTH=1,2,\"u\",\"p\""),
        ("huawei", "AT^AUTHDATA=1,2,\"\",\"p\",\"u\""),
        ("sierra", "AT$QCPDPP=1,2,\"p\",\"u\""),
    ] {
        let (bench, far) = by_profile(profile, Script::new().on(command, &["OK"])).await;
        bench.modem.dial(&named(PdpAuth::Chap)).await.unwrap();
        let dialled = position(&far, "ATD*99***1#");
        assert!(position(&far, command) < dialled, "{profile}");
        assert!(position(&far, "AT+CGDCONT=1,\"IP\",\"mms.example\"") < position(&far, command));
    }
    // One that does not know the vendor's command gets the standard's.
    let (bench, far) = by_profile("quectel", Script::new()).await;
    bench.modem.dial(&named(PdpAuth::Pap)).await.unwrap();
    assert!(far.saw("AT+CGAUTH=1,1,\"u\",\"p\""));
}

#[tokio::test(start_paused = true)]
async fn way_of_authentication_stands_in_front_of_the_access_point_where_it_must() {
    let define = "AT+CGDCONT=1,\"IP\",\"CHAP:mms.example\"";
    let (bench, far) = by_profile("ublox-u2", Script::new().on(define, &["OK"])).await;
    bench.modem.dial(&named(PdpAuth::Chap)).await.unwrap();
    assert!(far.saw(define));
    // The next time it is there already.
    let held = "\r\n+CGDCONT: 3,\"IP\",\"CHAP:mms.example\"\r\n\r\nOK\r\n";
    let script = Script::new().on("AT+CGDCONT?", &[held]).on("ATD*99***3#", &["\r\nCONNECT\r\n"]);
    let (bench, far) = by_profile("ublox-u2", script).await;
    assert_eq!(bench.modem.dial(&named(PdpAuth::Chap)).await.unwrap().cid(), 3);
    assert!(!far.saw(define));
}

#[tokio::test(start_paused = true)]
async fn credentials_of_an_earlier_call_are_taken_back() {
    let (bench, far) = by_profile("telit", Script::new()).await;
    bench.modem.dial(&PdpContext { auth: PdpAuth::None, ..context() }).await.unwrap();
    assert!(far.saw("AT#PDPAUTH=1,0"));
}

#[tokio::test(start_paused = true)]
async fn event_reports_that_stop_a_dial_are_switched_off_first() {
    let (bench, far) = by_profile("simcom", Script::new()).await;
    bench.modem.dial(&context()).await.unwrap();
    assert!(position(&far, "AT+CMER=0,0,0,0") < position(&far, "ATD*99***1#"));
}

#[tokio::test(start_paused = true)]
async fn sleeping_data_port_is_woken_over_the_control_port() {
    let ports = Ports::default();
    let control = ports.plug("c", Script::new());
    let data = ports.plug("d", Script::new());
    let zte = Profiles::embedded().named("zte").unwrap();
    let bench = bench_as(&ports, "d", Some("c"), None, ProfileChoice::fixed(zte));
    bench.modem.prepare().await.unwrap();
    bench.modem.dial(&context()).await.unwrap();
    assert!(control.saw("AT+ZOPRT?") && !data.saw("AT+ZOPRT?"));
}

#[tokio::test(start_paused = true)]
async fn reserved_contexts_and_attach_bearers_stay_as_they_are() {
    let ports = Ports::default();
    let mut profile = Profile::generic();
    profile.quirks.first_context_attaches = true;
    profile.dial.reserved = vec![2];
    let held = "\r\n+CGDCONT: 1,\"IP\",\"internet\"\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CGDCONT?", &[held])
        .on("AT+CGDCONT=3,\"IP\",\"mms.example\"", &["OK"])
        .on("ATD*99***3#", &["\r\nCONNECT\r\n"]);
    let _far = ports.plug("p", script);
    let bench = bench_as(&ports, "p", None, None, ProfileChoice::fixed(profile));
    bench.modem.prepare().await.unwrap();
    assert_eq!(bench.modem.dial(&context()).await.unwrap().cid(), 3);
}

#[tokio::test(start_paused = true)]
async fn control_port_that_blocks_during_calls_is_asked_nothing_then() {
    let text = "title = \"blocks\"\nextends = \"generic\"\n[quirks]\ncontrol_blocks = true\n\
                [evidence]\nsources = [\"this test\"]\nverified = []\n";
    let profiles = Profiles::read(&[("own".to_owned(), text.to_owned())]).unwrap();
    let ports = Ports::default();
    let control = ports.plug("c", Script::new());
    let _data = ports.plug("d", Script::new());
    let choice = ProfileChoice::fixed(profiles.named("own").unwrap());
    let bench = bench_as(&ports, "d", Some("c"), None, choice);
    let info = bench.modem.prepare().await.unwrap();
    assert_eq!(
        (info.sharing, info.ports),
        (PortSharing::One, vec!["c".to_owned(), "d".to_owned()])
    );
    let call = bench.modem.dial(&context()).await.unwrap();
    let asked = control.commands().len();
    assert_eq!(bench.modem.sweep().await, Err(ModemError::InCall));
    assert_eq!(bench.modem.send_sms(vec![0, 1, 0].into()).await, Err(ModemError::InCall));
    assert_eq!(bench.modem.signal().await, Err(ModemError::InCall));
    assert_eq!(bench.modem.check(true).await, Ok(()));
    assert_eq!(control.commands().len(), asked);
    call.hang_up().await.unwrap();
    assert_eq!(bench.modem.sweep().await.map(|swept| swept.found), Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn modem_that_takes_plus_signs_for_data_is_left_by_a_tilde_before_them() {
    let mut script = Script::new();
    script.escape = "~+++";
    let (bench, far) = by_profile("ublox-r4", script).await;
    let call = bench.modem.dial(&context()).await.unwrap();
    call.hang_up().await.unwrap();
    // Neither way of escaping was taken for data, and nothing but the right one was needed.
    assert!(!far.data().contains(&b'+'), "{:?}", String::from_utf8_lossy(&far.data()));
    assert_eq!(bench.modem.check(true).await, Ok(()));
    // Where it does not know that way, the usual one follows.
    let (bench, far) = by_profile("ublox-r4", Script::new()).await;
    bench.modem.dial(&context()).await.unwrap().hang_up().await.unwrap();
    assert!(far.data().starts_with(b"~+++"), "{:?}", String::from_utf8_lossy(&far.data()));
    assert_eq!(bench.modem.check(true).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn context_other_than_the_first_is_never_dialled_by_the_string_for_the_first() {
    let taken = "\r\n+CGDCONT: 1,\"IP\",\"internet\"\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CGDCONT?", &[taken])
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
        .on("ATD*99***2#", &["ERROR"])
        .on("ATD*99#", &["\r\nCONNECT\r\n"]);
    for profile in ["simcom", "simcom-7000", "simcom-a76xx"] {
        let (bench, far) = by_profile(profile, script.clone()).await;
        let _ = bench.modem.dial(&named(PdpAuth::Any)).await;
        assert!(far.saw("ATD*99***2#") && !far.saw("ATD*99#"), "{profile}");
    }
}

//! A modem that says what it is gets the profile for it.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{Bench, Far, Ports, Script, bench_as};
use crate::model::{Explain, Retry};
use crate::modem::{MatchReason, ModemError, ProfileChoice, Profiles};

fn called(manufacturer: &str, model: &str) -> Script {
    Script::new()
        .on("AT+CGMI", &[&format!("\r\n{manufacturer}\r\n\r\nOK\r\n")])
        .on("AT+CGMM", &[&format!("\r\n{model}\r\n\r\nOK\r\n")])
}

fn auto(script: Script, usb: Option<(u16, u16)>, port: &str, pin: Option<&str>) -> (Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug(port, script);
    let choice = ProfileChoice::auto(&Profiles::embedded(), usb);
    (bench_as(&ports, port, None, pin, choice), far)
}

#[tokio::test(start_paused = true)]
async fn modem_is_treated_by_what_it_calls_itself() {
    let (bench, far) = auto(called("huawei", "E3372"), None, "p", None);
    let info = bench.modem.prepare().await.unwrap();
    assert_eq!((info.profile.name.as_str(), info.profile.verified), ("huawei", false));
    assert!(info.profile.reason.to_string().contains("\"huawei\" \"E3372\""));
    let commands = far.commands();
    let at = |text: &str| commands.iter().position(|it| it == text);
    assert!(at("AT^CURC=0") > at("AT+CGMM"), "{commands:?}");
    let first = commands.iter().find(|it| it.starts_with("AT+CNMI=") && *it != "AT+CNMI=?");
    assert!(first.unwrap().starts_with("AT+CNMI=1,1,"), "this family takes mode 1 first");
}

#[tokio::test(start_paused = true)]
async fn usb_identity_saves_the_second_round() {
    let (bench, far) = auto(called("huawei", "E3372"), Some((0x12d1, 0x1506)), "p", None);
    let info = bench.modem.prepare().await.unwrap();
    assert_eq!(info.profile.reason, MatchReason::Usb { vid: 0x12d1, pid: 0x1506 });
    assert_eq!(far.commands().iter().filter(|it| *it == "ATE0").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn words_of_the_modem_count_more_than_its_usb_identity() {
    let script = called("SIMCOM INCORPORATED", "SIMCOM_SIM7000G");
    let (bench, _far) = auto(script, Some((0x1e0e, 0x9001)), "p", None);
    assert_eq!(bench.modem.prepare().await.unwrap().profile.name, "simcom-7000");
}

#[tokio::test(start_paused = true)]
async fn unknown_modem_is_treated_generically() {
    let (bench, _far) = auto(Script::new(), None, "p", None);
    let info = bench.modem.prepare().await.unwrap();
    assert_eq!(
        (info.profile.name.as_str(), info.profile.reason),
        ("generic", MatchReason::Default)
    );
}

#[tokio::test(start_paused = true)]
async fn modem_that_cannot_dial_is_refused_with_the_reason() {
    let (bench, far) = auto(called("Sierra Wireless, Incorporated", "MC7455"), None, "p", None);
    let error = bench.modem.prepare().await.unwrap_err();
    assert!(matches!(error, ModemError::Unsuitable { .. }));
    assert_eq!((error.retry(), error.code()), (Retry::Never, "modem-unsuitable"));
    assert!(error.to_string().contains("MC7455") && error.to_string().contains("QMI"), "{error}");
    assert!(!far.saw("AT+CPIN?"), "nothing is done with it");
}

#[tokio::test(start_paused = true)]
async fn sms_are_set_up_when_the_modem_says_that_they_work() {
    let script = called("Quectel", "EC25")
        .on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", "\r\n+CPIN: READY\r\n\r\nOK\r\n"])
        .on("AT+CPINR=\"SIM PIN\"", &["\r\n+CPINR: SIM PIN,3,3\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"1234\"", &["OK"]);
    let (bench, far) = auto(script.clone(), None, "signs", Some("1234"));
    let start = Instant::now();
    let preparing = tokio::spawn(async move { bench.modem.prepare().await });
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(!far.saw("AT+CMGF=0"), "not ready yet");
    far.say("\r\n+QIND: SMS DONE\r\n");
    preparing.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(9));
    // One that never says it is set up all the same.
    let (bench, _far) = auto(script, None, "no-signs", Some("1234"));
    bench.modem.prepare().await.unwrap();
}

fn wired(manufacturer: &str, speeds: &[u32]) -> Script {
    let mut script = called(manufacturer, "X1");
    script.has_dtr = true;
    script.speeds = speeds.to_vec();
    script
}

#[tokio::test(start_paused = true)]
async fn line_settings_are_those_of_the_profile_as_soon_as_it_is_known() {
    let multitech = Profiles::embedded().named("multitech").unwrap();
    for speeds in [&[][..], &[115_200, 230_400]] {
        let (bench, far) = auto(wired("MultiTech", speeds), None, "p", None);
        assert_eq!(bench.modem.prepare().await.unwrap().profile.name, "multitech");
        assert_eq!(far.serial(), Some(multitech.serial));
    }
    // Chosen by its owner: before the first octet.
    let ports = Ports::default();
    let far = ports.plug("p", wired("MultiTech", &[230_400]));
    let choice = ProfileChoice::fixed(std::sync::Arc::clone(&multitech));
    let bench = bench_as(&ports, "p", None, None, choice);
    let begun = Instant::now();
    bench.modem.prepare().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(far.serial(), Some(multitech.serial));
}

#[tokio::test(start_paused = true)]
async fn modem_that_does_not_follow_its_profile_s_speed_keeps_the_one_at_which_it_answers() {
    let usual = Profiles::embedded().generic().serial;
    let ports = Ports::default();
    let first = ports.plug("p", wired("MultiTech", &[115_200]));
    let second = ports.plug("p", wired("MultiTech", &[115_200]));
    let choice = ProfileChoice::auto(&Profiles::embedded(), None);
    let bench = bench_as(&ports, "p", None, None, choice);
    assert_eq!(bench.modem.prepare().await.unwrap().profile.name, "multitech");
    assert_eq!(first.serial(), Some(usual));
    // And does not lose it when the port is opened anew.
    bench.modem.release().await.unwrap();
    bench.modem.prepare().await.unwrap();
    assert_eq!(second.serial(), Some(usual));
    // The same where its owner has chosen the profile.
    let ports = Ports::default();
    let far = ports.plug("p", wired("MultiTech", &[115_200]));
    let choice = ProfileChoice::fixed(Profiles::embedded().named("multitech").unwrap());
    bench_as(&ports, "p", None, None, choice).modem.prepare().await.unwrap();
    assert_eq!(far.serial(), Some(usual));
}

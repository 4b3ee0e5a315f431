//! Registered for calls and registered for data (3GPP TS 27.007 clauses 7.2, 10.1.20, 10.1.22 and
//! 10.1.47): only the second one lets a data call start.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{Bench, Far, Ports, Script, bench, context};
use crate::model::Explain;
use crate::modem::{ModemError, Registration};

/// An answer to a question about registration; `ERROR` where there is no such question.
fn told(code: &str, stat: Option<u8>) -> String {
    stat.map_or_else(|| "ERROR".to_owned(), |stat| format!("\r\n{code}: 0,{stat}\r\n\r\nOK\r\n"))
}

/// A modem with these answers to `+CREG?`, `+CGREG?`, `+CEREG?`, `+C5GREG?` and `+CGATT?`.
async fn modem(stats: [Option<u8>; 4], attached: Option<u8>) -> (Bench, Far) {
    let mut script = Script::new()
        .on("AT+CGDCONT=2,\"IP\",\"mms.example\"", &["OK"])
        .on("ATD*99***2#", &["\r\nCONNECT\r\n"]);
    for (code, stat) in ["+CREG", "+CGREG", "+CEREG", "+C5GREG"].into_iter().zip(stats) {
        script = script.on(&format!("AT{code}?"), &[&told(code, stat)]);
    }
    let attached =
        attached.map_or_else(|| "ERROR".to_owned(), |it| format!("\r\n+CGATT: {it}\r\n\r\nOK\r\n"));
    prepared(script.on("AT+CGATT?", &[&attached]).on("AT+CGATT=1", &["OK"])).await
}

async fn prepared(script: Script) -> (Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

fn rang(far: &Far) -> bool {
    far.commands().iter().any(|it| it.starts_with("ATD"))
}

#[tokio::test(start_paused = true)]
async fn data_call_wants_a_packet_domain_where_the_modem_tells_of_one() {
    let (no, home, old) = (Some(0), Some(1), None);
    for (stats, attached) in [
        // Before GPRS had a question of its own.
        ([home, old, old, old], None),
        ([Some(5), old, old, old], Some(1)),
        // LTE sticks that tell it by +CEREG only, one of them denied by the circuits meanwhile.
        ([no, no, home, old], None),
        ([Some(3), old, home, old], Some(1)),
        ([home, no, home, old], None),
        ([home, home, old, old], None),
        // 5G that nothing else tells of.
        ([no, no, no, home], None),
        ([home, no, Some(2), home], None),
    ] {
        let (bench, far) = modem(stats, attached).await;
        let start = Instant::now();
        let dialled = bench.modem.dial(&context()).await;
        let roams = stats[0] == Some(5);
        assert_eq!(dialled.err(), roams.then_some(ModemError::Roaming), "{stats:?}");
        assert_eq!(rang(&far), !roams, "{stats:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{stats:?}: {:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_is_registered_for_calls_alone_makes_no_data_call_and_says_so() {
    let (home, old) = (Some(1), None);
    for (stats, words) in [
        ([home, Some(0), old, old], "+CGREG: not registered and not searching"),
        ([home, Some(2), Some(0), old], "+CGREG: searching for a network"),
        ([home, Some(4), old, old], "+CGREG: no coverage now"),
        ([home, old, Some(3), old], "+CEREG: registration denied"),
        ([Some(5), Some(3), old, Some(0)], "+C5GREG: not registered and not searching"),
    ] {
        let (bench, far) = modem(stats, Some(0)).await;
        assert!(bench.modem.registration().await.unwrap().is_registered(), "SMS come and go");
        let start = Instant::now();
        let error = bench.modem.dial(&context()).await.err().unwrap();
        assert_eq!(error.code(), "not-registered-for-data", "{stats:?}");
        let text = error.to_string();
        assert!(text.contains("registered for calls but not for data"), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(!rang(&far), "{stats:?}");
        assert!(start.elapsed() <= Duration::from_secs(35), "{stats:?}: {:?}", start.elapsed());
        bench.modem.sweep().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn packet_domain_that_follows_the_circuits_is_waited_for() {
    let late = [told("+CGREG", Some(2)), told("+CGREG", Some(2)), told("+CGREG", Some(1))];
    let late: Vec<&str> = late.iter().map(String::as_str).collect();
    let (bench, far) = prepared(Script::new().on("AT+CGREG?", &late)).await;
    bench.modem.dial(&context()).await.unwrap();
    assert!(rang(&far));
}

#[tokio::test(start_paused = true)]
async fn attached_modem_whose_packet_registration_stays_zero_is_tried() {
    let (bench, far) = modem([Some(1), Some(0), None, None], Some(1)).await;
    let start = Instant::now();
    bench.modem.dial(&context()).await.err();
    assert!(rang(&far), "it says that it is attached: the call shows");
    assert!(start.elapsed() <= Duration::from_secs(30), "{:?}", start.elapsed());
    // What it says besides is no habit.
    for stat in [2, 3, 4] {
        let (bench, far) = modem([Some(1), Some(stat), None, None], Some(1)).await;
        let error = bench.modem.dial(&context()).await.err().unwrap();
        assert_eq!((error.code(), rang(&far)), ("not-registered-for-data", false), "{stat}");
    }
}

#[tokio::test(start_paused = true)]
async fn modem_older_than_5g_is_asked_for_it_once() {
    let (bench, far) = modem([Some(2), Some(2), None, None], None).await;
    for _ in 0..5 {
        assert_eq!(bench.modem.registration().await.unwrap(), Registration::Searching);
    }
    let asked = far.commands().iter().filter(|it| *it == "AT+C5GREG?").count();
    assert_eq!(asked, 1);
}

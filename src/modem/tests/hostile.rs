//! Bad input from both sides: values that would end a command, and devices that send rubbish.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::bench::{Act, Far, Ports, Script, bench, context};
use crate::model::redact::Secret;
use crate::modem::{ModemError, PdpContext, PortError, StoredSms};

/// What would end an argument or a command.
const ENDS: [&str; 7] = ["\r", "\n", "\"", "\u{1a}", "\u{1b}", "\0", "\u{e9}"];

async fn ready() -> (super::bench::Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new());
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_context_can_end_a_command() {
    let (bench, far) = ready().await;
    let before = far.commands().len();
    for end in ENDS {
        let bad = format!("x{end},1;+CFUN=0;");
        for (field, wanted) in [
            ("the APN", PdpContext { apn: bad.clone(), ..context() }),
            ("the PDP type", PdpContext { pdp_type: bad.clone(), ..context() }),
            ("the user name", PdpContext { user: bad.clone(), ..context() }),
            ("the password", PdpContext { password: Secret::new(&bad), ..context() }),
        ] {
            match bench.modem.dial(&wanted).await.unwrap_err() {
                ModemError::Argument { what, .. } => assert_eq!(what, field),
                other => panic!("{field} {end:?}: {other}"),
            }
        }
    }
    assert_eq!(far.commands().len(), before, "nothing reached the port");
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_pin_can_end_a_command() {
    for (number, end) in ENDS.iter().chain(&["12345678901", "abcd", ""]).enumerate() {
        let asks = "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n";
        let port = format!("hostile-pin-{number}");
        let ports = Ports::default();
        let far = ports.plug(&port, Script::new().on("AT+CPIN?", &[asks]));
        let bench = bench(&ports, &port, None, Some(&format!("1234{end}")));
        let result = bench.modem.prepare().await;
        if end.is_empty() {
            // The control: without an end it is tried, as far as attempts are told.
            assert!(far.commands().iter().any(|it| it.starts_with("AT+CPIN=")));
            continue;
        }
        assert_eq!(result.unwrap_err(), ModemError::PinMalformed, "{end:?}");
        assert!(!far.commands().iter().any(|it| it.starts_with("AT+CPIN=")));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_storages_name_can_end_a_command() {
    let (bench, far) = ready().await;
    let before = far.commands().len();
    for end in ENDS {
        let bad = format!("SM{end}ATD112;");
        let (octets, raw) = (Bytes::from_static(&[0]), "00".to_owned());
        let sms = StoredSms { storage: bad.clone(), index: 1, stat: 0, octets, raw };
        for result in
            [bench.modem.read_sms(&bad, 1).await.err(), bench.modem.delete_sms(&sms).await.err()]
        {
            assert!(matches!(result, Some(ModemError::Argument { .. })), "{end:?}");
        }
    }
    assert_eq!(far.commands().len(), before, "nothing reached the port");
}

/// A device that sends `octets` again and again, and answers nothing.
async fn noisy(octets: Vec<u8>, every: Duration) -> (ModemError, Far, Duration) {
    let mut script = Script::new();
    script.in_call = true;
    script.deaf_to_escape = true;
    let ports = Ports::default();
    let far = ports.plug("p", script);
    let noise = far.clone();
    let noise = tokio::spawn(async move {
        while !noise.is_released() {
            noise.act(Act::Say(octets.clone()));
            sleep(every).await;
        }
    });
    let bench = bench(&ports, "p", None, None);
    let start = Instant::now();
    let error = bench.modem.prepare().await.unwrap_err();
    let took = start.elapsed();
    sleep(Duration::from_secs(1)).await;
    noise.await.unwrap();
    (error, far, took)
}

#[tokio::test(start_paused = true)]
async fn device_that_sends_rubbish_is_told_as_silent_and_its_port_released() {
    let random = crate::model::Random::seeded(20);
    let garbage: Vec<u8> = random.array::<2048>().to_vec();
    // What 9600 bit/s look like at 115200.
    let wrong_speed: Vec<u8> = (0..2048).map(|at| [0xff, 0x00, 0x80, 0xf8][at % 4]).collect();
    for (name, octets) in [
        ("garbage", garbage),
        ("wrong speed", wrong_speed),
        ("NULs", vec![0; 2048]),
        ("a line without end", vec![b'x'; 2048]),
        ("lines without end", b"+CREG: 1\r\n".repeat(200)),
        ("messages without end", b"+CMT: ,3\r\n000405\r\n".repeat(100)),
        ("prompts without end", b"\r\n> ".repeat(500)),
    ] {
        let (error, far, took) = noisy(octets, Duration::from_millis(20)).await;
        let told = matches!(error, ModemError::NoAnswer { .. } | ModemError::Noise { .. });
        assert!(told, "{name}: {error}");
        assert!(took < Duration::from_secs(60), "{name}: {took:?}");
        assert!(far.is_released(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn device_that_floods_in_service_is_heard_all_the_same() {
    let (mut bench, far) = ready().await;
    let flood = far.clone();
    tokio::spawn(async move {
        while !flood.is_released() {
            let news = b"yyyyyyyyyyyyyyyyyyyyyy\r\n+CMTI: \"SM\",1\r\n".repeat(20);
            flood.act(Act::Say(news));
            sleep(Duration::from_millis(10)).await;
        }
    });
    sleep(Duration::from_secs(30)).await;
    assert!(bench.modem.sweep().await.unwrap().found.is_empty());
    // What nobody takes is bounded.
    let mut heard = 0;
    while let Ok(event) = bench.events.try_recv() {
        drop(event);
        heard += 1;
    }
    assert_eq!(heard, 1024);
}

#[tokio::test(start_paused = true)]
async fn port_that_vanishes_in_the_middle_of_rubbish_is_told_as_gone() {
    let (bench, far) = ready().await;
    far.act(Act::Say(vec![0xaa; 10_000]));
    far.act(Act::Unplug);
    let error = bench.modem.sweep().await.unwrap_err();
    assert!(matches!(error, ModemError::Port(PortError::Gone { .. })), "{error}");
}

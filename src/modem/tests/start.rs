//! From a closed port to a registered modem, and everything that may be wrong on the way.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::{Act, Ports, SILENCE, Script, bench, bench_as};
use crate::model::Explain;
use crate::modem::{ModemError, ModemEvent, PortError, ProfileChoice, Profiles, Registration};

async fn prepared(script: Script) -> Result<crate::modem::ModemInfo, ModemError> {
    let ports = Ports::default();
    let _far = ports.plug("p", script);
    bench(&ports, "p", None, None).modem.prepare().await
}

#[tokio::test(start_paused = true)]
async fn plain_modem_tells_who_it_is() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new());
    let bench = bench(&ports, "p", None, None);
    let info = bench.modem.prepare().await.unwrap();
    assert_eq!(info.manufacturer, "Example");
    assert_eq!(info.imsi, "001010123456789");
    assert_eq!(info.operator.as_deref(), Some("Example Net"));
    assert_eq!(info.signal_dbm, Some(-79));
    assert_eq!(info.registration, Registration::Home);
    assert_eq!(*bench.stages.lock().unwrap(), ["port-open", "sim-ready", "registered"]);
    assert!(far.saw("AT+CNMI=2,1,0,1,0"));
    assert!(!format!("{info:?}").contains("0101234567"));
    let (sent, received) = bench.modem.octets();
    assert!(sent > 100 && received > 100);
}

#[tokio::test(start_paused = true)]
async fn echoes_floods_and_single_octets_change_nothing() {
    for (echoes, flood, chunk) in [
        (1, "", 0),
        (2, "", 0),
        (0, "^RSSI:17\r\n\r\n^DSFLOWRPT:00000001,0,0", 0),
        (2, "+CMTI: \"SM\",1,\"MMS PUSH\",2,1", 1),
        (1, "+CREG: 1\r\n\r\n+CUSATP: D04081", 3),
    ] {
        let mut script = Script::new();
        (script.echoes, script.flood, script.chunk) = (echoes, flood.into(), chunk);
        let info = prepared(script).await.unwrap_or_else(|error| panic!("{flood}: {error}"));
        assert_eq!((info.model.as_str(), info.imsi.as_str()), ("X1", "001010123456789"));
    }
}

#[tokio::test(start_paused = true)]
async fn silent_modem_is_reported_within_fifteen_seconds() {
    for has_dtr in [false, true] {
        let ports = Ports::default();
        let mut script = Script::new();
        script.has_dtr = has_dtr;
        for command in ["AT", "ATH", "+++"] {
            script = script.on(command, &[SILENCE]);
        }
        let _far = ports.plug("p", script);
        let start = Instant::now();
        let error = bench(&ports, "p", None, None).modem.prepare().await.unwrap_err();
        assert_eq!(error, ModemError::NoAnswer { port: "p".into() });
        assert!(start.elapsed() <= Duration::from_secs(15), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_hears_only_after_a_while_is_ready_all_the_same() {
    let ports = Ports::default();
    // It boots, and takes nothing for its first seconds.
    let script = Script::new().on("AT", &[SILENCE, SILENCE, SILENCE, "OK"]);
    let _far = ports.plug("p", script.on("ATH", &[SILENCE]));
    bench(&ports, "p", None, None).modem.prepare().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn missing_port_and_unready_modem_explain_themselves() {
    let bench = bench(&Ports::default(), "/dev/ttyUSB7", None, None);
    assert_eq!(bench.modem.sweep().await.unwrap_err(), ModemError::NotReady);
    let error = bench.modem.prepare().await.unwrap_err();
    assert!(matches!(error, ModemError::Port(PortError::Missing { .. })));
    assert_eq!(error.code(), "port-missing");
    assert!(error.remedy().contains("plug the modem in"));
}

#[tokio::test(start_paused = true)]
async fn vanished_port_is_told_and_opens_again() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new());
    let mut bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    far.act(Act::Unplug);
    let gone = ModemError::Port(PortError::Gone { port: "p".into() });
    assert_eq!(
        bench.events.recv().await,
        Some(ModemEvent::Gone { session: 1, error: gone.clone() })
    );
    assert_eq!(bench.modem.sweep().await.unwrap_err(), gone);
    let _far = ports.plug("p", Script::new());
    bench.modem.prepare().await.unwrap();
    assert_eq!(bench.modem.sweep().await.unwrap().found, []);
}

#[tokio::test(start_paused = true)]
async fn restarted_modem_is_told() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new());
    let mut bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    far.say("\r\nRDY\r\n");
    let error = ModemError::Restarted;
    assert_eq!(bench.events.recv().await, Some(ModemEvent::Gone { session: 1, error }));
    bench.modem.prepare().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn killed_program_left_a_call_and_the_modem_is_woken() {
    for (has_dtr, escape_answer) in
        [(false, "\r\nOK\r\n"), (false, "\r\nNO CARRIER\r\n"), (false, ""), (true, "")]
    {
        let ports = Ports::default();
        let mut script = Script::new();
        (script.in_call, script.has_dtr, script.escape_answer) = (true, has_dtr, escape_answer);
        script.deaf_to_escape = has_dtr;
        let far = ports.plug("p", script);
        let bench = bench(&ports, "p", None, None);
        far.say("\x7e\u{ff}\x03half a frame");
        let prepared = bench.modem.prepare().await;
        assert!(prepared.is_ok(), "dtr {has_dtr}, {escape_answer:?}: {prepared:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pin_is_entered_when_enough_attempts_are_left() {
    let ports = Ports::default();
    let script = Script::new()
        .on(
            "AT+CPIN?",
            &[
                "\r\n+CME ERROR: 14\r\n",
                "\r\n+CME ERROR: 515\r\n",
                "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n",
                "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n",
                "\r\n+CPIN: READY\r\n",
            ],
        )
        .on("AT^CPIN?", &["\r\n^CPIN: SIM PIN,3,10,3,10,3\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"1234\"", &["OK"])
        .on("AT+CMGF=0", &["\r\n+CMS ERROR: 314\r\n", "\r\n+CME ERROR: 14\r\n", "OK"]);
    let far = ports.plug("pin-ok", script);
    bench(&ports, "pin-ok", None, Some("1234")).modem.prepare().await.unwrap();
    assert_eq!(far.commands().iter().filter(|it| it.starts_with("AT+CPIN=")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn pin_with_two_attempts_left_is_not_tried() {
    for (question, answer) in [
        ("AT+CPINR=\"SIM PIN\"", "\r\n+CPINR: SIM PIN,2,3\r\n\r\nOK\r\n"),
        ("AT^CPIN?", "\r\n^CPIN: SIM PIN,2,10,2,10,3\r\n\r\nOK\r\n"),
        ("AT+SPIC", "\r\n+SPIC: 2,10,0,10\r\n\r\nOK\r\n"),
    ] {
        let ports = Ports::default();
        let script = Script::new()
            .on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"])
            .on(question, &[answer]);
        let far = ports.plug("pin-few", script);
        let bench = bench(&ports, "pin-few", None, Some("1234"));
        let error = bench.modem.prepare().await.unwrap_err();
        assert_eq!(error, ModemError::PinTooFewAttempts { left: 2 });
        assert!(!far.commands().iter().any(|it| it.starts_with("AT+CPIN=")), "{question}");
    }
}

#[tokio::test(start_paused = true)]
async fn pin_that_cannot_be_one_is_not_tried() {
    let ports = Ports::default();
    let script = Script::new().on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"]);
    for pin in ["12", "123456789", "12a4", "1234\"\r"] {
        let far = ports.plug("pin-odd", script.clone());
        let bench = bench(&ports, "pin-odd", None, Some(pin));
        let error = bench.modem.prepare().await.unwrap_err();
        assert_eq!(error, ModemError::PinMalformed, "{pin}");
        assert!(!far.commands().iter().any(|it| it.starts_with("AT+CPIN=")));
    }
}

#[tokio::test(start_paused = true)]
async fn busy_sim_does_not_count_as_a_refused_pin() {
    let ports = Ports::default();
    let script = Script::new()
        .on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", "\r\n+CPIN: READY\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"4321\"", &["\r\n+CME ERROR: 14\r\n", "OK"]);
    let _far = ports.plug("pin-busy", script);
    bench(&ports, "pin-busy", None, Some("4321")).modem.prepare().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn late_answer_is_not_taken_for_that_of_the_next_command() {
    let ports = Ports::default();
    let script = Script::new()
        .on("AT+CSQ", &["\r\n+CSQ: 17,99\r\n\r\nOK\r\n", SILENCE, "\r\n+CSQ: 9,99\r\n\r\nOK\r\n"]);
    let far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    let error = bench.modem.signal().await.unwrap_err();
    assert_eq!(error, ModemError::Timeout { command: "AT+CSQ".into(), seconds: 10 });
    far.say("\r\nERROR\r\n");
    assert_eq!(bench.modem.signal().await.unwrap(), Some(-95));
}

#[tokio::test(start_paused = true)]
async fn modem_that_falls_silent_in_service_is_told_as_lost() {
    let ports = Ports::default();
    let script = Script::new().on("AT+CSQ", &["\r\n+CSQ: 17,99\r\n\r\nOK\r\n", SILENCE]);
    let _far = ports.plug("p", script.on("AT", &["OK", SILENCE]));
    let mut bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    assert!(bench.modem.signal().await.is_err());
    let lost = ModemError::NoAnswer { port: "p".into() };
    assert_eq!(bench.modem.signal().await.unwrap_err(), lost);
    assert_eq!(bench.events.recv().await, Some(ModemEvent::Gone { session: 1, error: lost }));
}

#[tokio::test(start_paused = true)]
async fn locked_or_missing_sim_is_explained() {
    for (answer, code) in [
        ("\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n", "pin-needed"),
        ("\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n", "puk-needed"),
        ("\r\n+CPIN: PH-NET PIN\r\n\r\nOK\r\n", "sim-locked"),
        ("\r\n+CME ERROR: 10\r\n", "no-sim"),
        ("\r\n+CME ERROR: SIM not inserted\r\n", "no-sim"),
        ("\r\n+CME ERROR: 12\r\n", "puk-needed"),
        ("\r\n+CME ERROR: 14\r\n", "sim-busy"),
    ] {
        let error = prepared(Script::new().on("AT+CPIN?", &[answer])).await.unwrap_err();
        assert_eq!(error.code(), code, "{answer}");
        assert!(!error.remedy().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn network_is_waited_for_and_its_refusal_told() {
    let searching = "\r\n+CREG: 2,2\r\n\r\nOK\r\n";
    let roaming = "\r\n+CREG: 2,5,\"00C3\",\"0001\"\r\n\r\nOK\r\n";
    let script = Script::new().on("AT+CGREG?", &["ERROR"]);
    let late = script.clone().on("AT+CREG?", &[searching, searching, searching, roaming]);
    assert_eq!(prepared(late).await.unwrap().registration, Registration::Roaming);
    // Messages on the SIM are read without a network, too.
    let never = script.clone().on("AT+CREG?", &[searching]);
    assert_eq!(prepared(never).await.unwrap().registration, Registration::Searching);
    let denied = script.on("AT+CREG?", &["\r\n+CREG: 0,3\r\n\r\nOK\r\n"]);
    assert_eq!(prepared(denied).await.unwrap().registration, Registration::Denied);
}

#[tokio::test(start_paused = true)]
async fn modem_on_lte_only_is_registered() {
    let script = Script::new()
        .on("AT+CEREG?", &["\r\n+CEREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CGREG?", &["\r\n+CGREG: 0,0\r\n\r\nOK\r\n"])
        .on("AT+CREG?", &["\r\n+CREG: 0,3\r\n\r\nOK\r\n"]);
    assert_eq!(prepared(script).await.unwrap().registration, Registration::Home);
}

#[tokio::test(start_paused = true)]
async fn sms_set_up_keeps_to_what_the_modem_offers() {
    let ports = Ports::default();
    let script = Script::new()
        .on("AT+CPMS=?", &["\r\n+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))\r\n\r\nOK\r\n"])
        .on("AT+CPMS=\"SM\",\"SM\"", &["\r\n+CPMS: 0,10,0,10\r\n\r\nOK\r\n"])
        .on("AT+CNMI=?", &["\r\n+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)\r\n\r\nOK\r\n"])
        .on("AT+CNMI=2,1,0,0,1", &["\r\n+CMS ERROR: 303\r\n"])
        .on("AT+CNMI=2,1,0,0", &["OK"]);
    let far = ports.plug("p", script);
    bench(&ports, "p", None, None).modem.prepare().await.unwrap();
    assert!(far.saw("AT+CPMS=\"SM\",\"SM\"") && far.saw("AT+CNMI=2,1,0,0"));
}

#[tokio::test(start_paused = true)]
async fn refused_pdu_mode_is_fatal_and_a_refused_nicety_is_not() {
    let script = Script::new().on("AT+CMEE=1", &["COMMAND NOT SUPPORT"]);
    prepared(script).await.unwrap();
    let script = Script::new().on("AT+CMGF=0", &["\r\n+CMS ERROR: 303\r\n"]);
    let error = prepared(script).await.unwrap_err();
    assert_eq!(error.verbatim().as_deref(), Some("+CMS ERROR: 303 (operation not supported)"));
}

#[tokio::test(start_paused = true)]
async fn preparation_that_nobody_waits_for_is_given_up() {
    let ports = Ports::default();
    let searching = "\r\n+CREG: 2,2\r\n\r\nOK\r\n";
    let script = Script::new().on("AT+CGREG?", &["ERROR"]).on("AT+CREG?", &[searching]);
    let far = ports.plug("p", script);
    let mut bench = bench(&ports, "p", None, None);
    let waited = tokio::time::timeout(Duration::from_secs(5), bench.modem.prepare()).await;
    assert!(waited.is_err());
    drop(bench.modem);
    assert_eq!(bench.events.recv().await, None, "the driver has ended");
    let asked = far.commands().len();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(far.commands().len(), asked);
}

#[tokio::test(start_paused = true)]
async fn pin_question_that_is_unknown_or_oddly_answered_is_no_obstacle() {
    let ready = "\r\n+CPIN: READY\r\n\r\nOK\r\n";
    for answers in [
        &["ERROR"][..],
        &["COMMAND NOT SUPPORT"],
        &[SILENCE],
        &["\r\nREADY\r\n\r\nOK\r\n"],
        &["\r\n+CPIN:\"READY\"\r\n\r\nOK\r\n"],
        &["\r\n+CPIN: NOT READY\r\n\r\nOK\r\n", ready],
        &["\r\n+CPIN: NOT INSERTED\r\n\r\nOK\r\n", ready],
        &["\r\n+CME ERROR: 13\r\n", ready],
    ] {
        let script = Script::new().on("AT+CPIN?", answers);
        prepared(script).await.unwrap_or_else(|error| panic!("{answers:?}: {error}"));
    }
    let script = Script::new().on("AT+CIMI", &["ERROR"]);
    for answer in ["\r\n+CPIN: NOT INSERTED\r\n\r\nOK\r\n", "ERROR"] {
        let error = prepared(script.clone().on("AT+CPIN?", &[answer])).await.unwrap_err();
        assert_eq!(error.code(), "no-sim", "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_of_another_code_do_not_release_the_pin() {
    let ports = Ports::default();
    let all = "\r\n+CPINR: SIM PUK,10,10\r\n+CPINR: SIM PIN,1,3\r\n\r\nOK\r\n";
    let script = Script::new()
        .on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"])
        .on("AT+CPINR=\"SIM PIN\"", &[all]);
    let far = ports.plug("pin-all", script);
    let error = bench(&ports, "pin-all", None, Some("1234")).modem.prepare().await.unwrap_err();
    assert_eq!(error, ModemError::PinTooFewAttempts { left: 1 });
    assert!(!far.commands().iter().any(|it| it.starts_with("AT+CPIN=")));
}

#[tokio::test(start_paused = true)]
async fn pin_of_a_modem_that_hangs_on_unknown_questions_is_tried_once() {
    let ports = Ports::default();
    let mut script = Script::new()
        .on("AT+CPIN?", &["\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"7777\"", &[SILENCE]);
    for question in ["AT+CPINR=\"SIM PIN\"", "AT^CPIN?"] {
        script = script.on(question, &[SILENCE]);
    }
    let far = ports.plug("pin-hang", script);
    let bench = bench(&ports, "pin-hang", None, Some("7777"));
    for _ in 0..3 {
        bench.modem.prepare().await.unwrap_err();
    }
    assert_eq!(far.commands().iter().filter(|it| it.starts_with("AT+CPIN=")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn modem_without_the_niceties_is_ready_all_the_same() {
    for answer in ["ERROR", "\r\n+CME ERROR: 4\r\n", "COMMAND NOT SUPPORT", SILENCE] {
        let mut script = Script::new();
        for question in [
            "AT+CGMI",
            "AT+CGMM",
            "AT+CGMR",
            "AT+CGSN",
            "AT+CPMS=?",
            "AT+CPMS?",
            "AT+CNMI=?",
            "AT+COPS=3,0",
            "AT+COPS?",
            "AT+CSQ",
        ] {
            script = script.on(question, &[answer]);
        }
        let info = prepared(script).await.unwrap_or_else(|error| panic!("{answer:?}: {error}"));
        assert_eq!((info.operator, info.signal_dbm), (None, None));
    }
    let script = Script::new().on("AT+CIMI", &["ERROR"]);
    assert_eq!(prepared(script).await.unwrap().imsi, "");
}

#[tokio::test(start_paused = true)]
async fn registration_is_read_in_every_combination() {
    let denied = "\r\n+CREG: 0,3\r\n\r\nOK\r\n";
    for (creg, cgreg, cereg, state) in [
        // An answer in the form of news.
        ("\r\n+CREG: 1\r\n\r\nOK\r\n", "ERROR", "ERROR", Registration::Home),
        (denied, "ERROR", "\r\n+CEREG: 5\r\n\r\nOK\r\n", Registration::Roaming),
        (
            "\r\n+CREG: 0,0\r\n\r\nOK\r\n",
            "ERROR",
            "\r\n+CEREG: 0,1\r\n\r\nOK\r\n",
            Registration::Home,
        ),
        (
            "\r\n+CREG: 0,2\r\n\r\nOK\r\n",
            "\r\n+CGREG: 0,5\r\n\r\nOK\r\n",
            "ERROR",
            Registration::Roaming,
        ),
        ("\r\n+CREG: 0,4\r\n\r\nOK\r\n", "ERROR", "ERROR", Registration::NoCoverage),
        (
            "\r\n+CREG: 0,0\r\n\r\nOK\r\n",
            "\r\n+CGREG: 0,4\r\n\r\nOK\r\n",
            "ERROR",
            Registration::NoCoverage,
        ),
        // Nothing is known: the call will show.
        ("ERROR", "ERROR", "ERROR", Registration::Unknown),
        (SILENCE, "COMMAND NOT SUPPORT", "\r\n+CME ERROR: 4\r\n", Registration::Unknown),
    ] {
        let script = Script::new()
            .on("AT+CREG?", &[creg])
            .on("AT+CGREG?", &[cgreg])
            .on("AT+CEREG?", &[cereg]);
        assert_eq!(prepared(script).await.unwrap().registration, state, "{creg}{cgreg}{cereg}");
    }
    let busy = "\r\n+CME ERROR: 14\r\n";
    let script = Script::new()
        .on("AT+CREG?", &[busy, busy, "\r\n+CREG: 0,1\r\n\r\nOK\r\n"])
        .on("AT+CGREG?", &["ERROR"]);
    assert_eq!(prepared(script).await.unwrap().registration, Registration::Home);
}

#[tokio::test(start_paused = true)]
async fn slow_modem_is_not_answered_out_of_turn() {
    for (delay, flood) in [(500, ""), (1600, ""), (2000, "^RSSI:17"), (2900, "")] {
        let mut script = Script::new();
        (script.delay, script.flood) = (Duration::from_millis(delay), flood.into());
        let info = prepared(script).await.unwrap_or_else(|error| panic!("{delay} ms: {error}"));
        assert_eq!(info.manufacturer, "Example", "{delay} ms");
        assert_eq!(info.imsi, "001010123456789", "{delay} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn modem_that_was_left_answering_in_digits_is_set_to_words() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new().on("AT", &["0\r", "OK"]));
    bench(&ports, "p", None, None).modem.prepare().await.unwrap();
    assert_eq!(far.commands()[1], "ATV1");
}

/// A modem that knows every question; `delay` before each answer.
fn healthy(manufacturer: &str, delay: u64) -> Script {
    let mut script = Script::new()
        .on("AT+CGMI", &[&format!("\r\n{manufacturer}\r\n\r\nOK\r\n")])
        .on("AT+CCID", &["\r\n+CCID: 8944100000000000012\r\n\r\nOK\r\n"])
        .on("AT+CSMS=?", &["\r\n+CSMS: (0,1)\r\n\r\nOK\r\n"])
        .on("AT+CSMS=0", &["\r\n+CSMS: 1,1,1\r\n\r\nOK\r\n"])
        .on("AT+CMGF?", &["\r\n+CMGF: 0\r\n\r\nOK\r\n"])
        .on("AT+CNMI?", &["\r\n+CNMI: 2,1,0,1,0\r\n\r\nOK\r\n"]);
    script.delay = Duration::from_millis(delay);
    script
}

/// Commands from opening the port of a healthy modem to its being in service, at most.
const MAX_COMMANDS: usize = 38;

#[tokio::test(start_paused = true)]
async fn preparing_a_healthy_modem_takes_few_questions_and_little_time() {
    for manufacturer in ["Example", "huawei", "Quectel", "SIMCOM INCORPORATED", "Telit"] {
        for (delay, limit) in [(3, 500), (50, 2_500)] {
            let ports = Ports::default();
            let far = ports.plug("p", healthy(manufacturer, delay));
            let choice = ProfileChoice::auto(&Profiles::embedded(), None);
            let bench = bench_as(&ports, "p", None, None, choice);
            let begun = Instant::now();
            let info = bench.modem.prepare().await.unwrap();
            let took = begun.elapsed();
            let commands = far.commands();
            let (name, count) = (&info.profile.name, commands.len());
            assert!(count <= MAX_COMMANDS, "{name}: {count} in {took:?}: {commands:#?}");
            assert!(took <= Duration::from_millis(limit), "{manufacturer}: {took:?}");
            // Nothing that was just told or set is asked or set again, but which SIM it is when the
            // settings are done.
            for (at, command) in commands.iter().enumerate() {
                let again = commands[..at].contains(command);
                assert!(
                    !again || matches!(command.as_str(), "AT" | "AT+CIMI"),
                    "{command} again: {commands:#?}"
                );
            }
        }
    }
}

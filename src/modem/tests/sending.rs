//! Messages handed to the network: prompts, refusals, and results that never come.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::bench::{Act, SILENCE, Script, ready};
use crate::codec::sms::{from_hex, to_hex};
use crate::model::{Blame, Explain, Retry};
use crate::modem::{ModemError, ModemEvent};

const PDU: &str = "0001000A8144700090000000026869";
const BEHIND: &str = "0001000A8144700090000000026869^Z";
const SET: &str = "AT+CMGS=14";
const PROMPT: &str = "\r\n> ";

fn octets() -> Bytes {
    from_hex(PDU).unwrap().into()
}

async fn refused(answer: &str) -> ModemError {
    let script = Script::new().on(SET, &[PROMPT]).on(BEHIND, &[answer]);
    let (bench, _far) = ready(script).await;
    bench.modem.send_sms(octets()).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn message_goes_behind_the_prompt_in_every_form() {
    assert_eq!(to_hex(&octets()), PDU);
    for prompt in [PROMPT, "\r\n>\r\n", ">", "\r\n^RSSI:3\r\n\r\n> "] {
        for (answer, reference) in [
            ("\r\n+CMGS: 7\r\n\r\nOK\r\n", Some(7)),
            ("\r\n+CMTI: \"SM\",1\r\n\r\n+CMGS: 255,\"26/11/21\"\r\n\r\nOK\r\n", Some(255)),
            ("OK", None),
        ] {
            let script = Script::new().on(SET, &[prompt]).on(BEHIND, &[answer]);
            let (bench, far) = ready(script).await;
            assert_eq!(bench.modem.send_sms(octets()).await, Ok(reference), "{prompt:?}");
            let commands = far.commands();
            let at = commands.iter().position(|it| it == SET).unwrap();
            assert_eq!(commands[at + 1], BEHIND, "nothing in between");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_say_whose_matter_they_are() {
    let error = refused("\r\n+CMS ERROR: 304\r\n").await;
    assert_eq!((error.retry(), error.blame()), (Retry::Never, Blame::Gateway), "{error}");
    assert_eq!(error.code(), "sms-refused");
    let error = refused("\r\n+CMS ERROR: 38\r\n").await;
    assert_eq!((error.retry(), error.blame()), (Retry::Backoff, Blame::Operator), "{error}");
    assert_eq!(error.verbatim().unwrap(), "+CMS ERROR: 38 (network out of order)");
    let error = refused("ERROR").await;
    assert_eq!((error.retry(), error.blame()), (Retry::Backoff, Blame::Modem), "{error}");
}

#[tokio::test(start_paused = true)]
async fn result_that_takes_135_seconds_is_waited_for() {
    let (bench, far) = ready(Script::new().on(SET, &[PROMPT]).on(BEHIND, &[SILENCE])).await;
    let sending = tokio::spawn({
        let modem = bench.modem.clone();
        async move { modem.send_sms(octets()).await }
    });
    tokio::time::sleep(Duration::from_secs(134)).await;
    far.say("\r\n+CMGS: 9\r\n\r\nOK\r\n");
    assert_eq!(sending.await.unwrap(), Ok(Some(9)));
}

#[tokio::test(start_paused = true)]
async fn result_that_never_comes_leaves_the_outcome_unknown_and_the_modem_usable() {
    let (bench, _far) = ready(Script::new().on(SET, &[PROMPT]).on(BEHIND, &[SILENCE])).await;
    let start = Instant::now();
    let error = bench.modem.send_sms(octets()).await.unwrap_err();
    assert!(matches!(error, ModemError::SmsUnknown { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Never);
    assert!(start.elapsed() <= Duration::from_secs(136));
    assert_eq!(bench.modem.signal().await, Ok(Some(-79)));
}

#[tokio::test(start_paused = true)]
async fn network_that_does_not_acknowledge_leaves_the_outcome_unknown() {
    let error = refused("\r\n+CMS ERROR: 332\r\n").await;
    assert!(matches!(error, ModemError::SmsUnknown { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn reference_without_its_ok_is_believed() {
    let script = Script::new().on(SET, &[PROMPT]).on(BEHIND, &["\r\n+CMGS: 5\r\n"]);
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.send_sms(octets()).await, Ok(Some(5)));
}

#[tokio::test(start_paused = true)]
async fn modem_that_does_not_ask_for_the_message_does_not_get_it() {
    for answer in [SILENCE, "OK"] {
        let (bench, far) = ready(Script::new().on(SET, &[answer])).await;
        let error = bench.modem.send_sms(octets()).await.unwrap_err();
        assert!(matches!(error, ModemError::NoPrompt { .. }), "{error}");
        assert!(!far.saw(BEHIND));
        assert_eq!(bench.modem.signal().await, Ok(Some(-79)));
    }
    let (bench, far) = ready(Script::new().on(SET, &["\r\n+CMS ERROR: 302\r\n"])).await;
    let error = bench.modem.send_sms(octets()).await.unwrap_err();
    assert!(matches!(error, ModemError::SmsRefused(_)), "{error}");
    assert!(!far.saw(BEHIND));
}

#[tokio::test(start_paused = true)]
async fn busy_sim_is_asked_again() {
    let busy = "\r\n+CMS ERROR: 314\r\n";
    let script =
        Script::new().on(SET, &[busy, busy, PROMPT]).on(BEHIND, &["\r\n+CMGS: 1\r\n\r\nOK\r\n"]);
    let (bench, _far) = ready(script).await;
    assert_eq!(bench.modem.send_sms(octets()).await, Ok(Some(1)));
}

#[tokio::test(start_paused = true)]
async fn modem_unplugged_behind_the_message_leaves_the_outcome_unknown() {
    let (mut bench, far) = ready(Script::new().on(SET, &[PROMPT]).on(BEHIND, &[SILENCE])).await;
    let sending = tokio::spawn({
        let modem = bench.modem.clone();
        async move { modem.send_sms(octets()).await }
    });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(far.saw(BEHIND));
    far.act(Act::Unplug);
    assert!(matches!(sending.await.unwrap(), Err(ModemError::SmsUnknown { .. })));
    assert!(matches!(bench.events.recv().await, Some(ModemEvent::Gone { .. })));
}

#[tokio::test(start_paused = true)]
async fn octets_that_are_no_message_never_reach_the_port() {
    let (bench, far) = ready(Script::new()).await;
    let before = far.commands().len();
    for octets in [&[][..], &[0], &[7, 0x91, 1], &[12; 40], &[0; 200]] {
        let error = bench.modem.send_sms(Bytes::copy_from_slice(octets)).await.unwrap_err();
        assert!(matches!(error, ModemError::SmsMalformed { .. }), "{error}");
    }
    assert_eq!(far.commands().len(), before);
}

/// What becomes of a message that is refused so long after it was handed over.
async fn refused_after(seconds: u64, answer: &str) -> ModemError {
    let (bench, far) = ready(Script::new().on(SET, &[PROMPT]).on(BEHIND, &[SILENCE])).await;
    let sending = tokio::spawn({
        let modem = bench.modem.clone();
        async move { modem.send_sms(octets()).await }
    });
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    far.say(answer);
    sending.await.unwrap().unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn late_refusal_without_a_cause_leaves_the_outcome_unknown() {
    for answer in ["\r\nERROR\r\n", "\r\n+CMS ERROR: 500\r\n", "\r\n+CME ERROR: 100\r\n"] {
        let error = refused_after(40, answer).await;
        assert!(matches!(error, ModemError::SmsUnknown { .. }), "{answer}: {error}");
        assert_eq!(error.retry(), Retry::Never);
        let error = refused_after(1, answer).await;
        assert!(matches!(error, ModemError::SmsRefused(_)), "{answer}: {error}");
    }
    let error = refused_after(40, "\r\n+CMS ERROR: 38\r\n").await;
    assert!(matches!(error, ModemError::SmsRefused(_)), "it names its cause: {error}");
}

#[tokio::test(start_paused = true)]
async fn text_stays_here_when_the_modem_has_restarted_by_itself() {
    let script = Script::new().on(SET, &[PROMPT]).on(BEHIND, &["+CMS ERROR: 330"]);
    let (mut bench, far) = ready(script).await;
    far.act(Act::Say(b"\r\nRDY\r\n".to_vec()));
    assert_eq!(
        bench.events.recv().await,
        Some(ModemEvent::Gone { session: 1, error: ModemError::Restarted })
    );
    // What it is set to now, and which SIM it sees, is not known.
    assert_eq!(bench.modem.send_sms(octets()).await.unwrap_err(), ModemError::NotReady);
    assert!(!far.commands().iter().any(|it| it == SET), "{:?}", far.commands());
}

//! A PIN that was refused, or whose fate nobody knows, is not tried again: by the SIM, not by the
//! port, and over restarts.

use std::sync::Arc;

use super::bench::{Bench, Far, Ports, SILENCE, Script, bench, remembering};
use crate::model::redact::Secret;
use crate::modem::{
    ModemError, PinAnswer, PinFate, PinMemory, Profile, ProfileChoice, VolatilePins,
};

const LOCKED: &str = "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n";
const READY: &str = "\r\n+CPIN: READY\r\n\r\nOK\r\n";
const FIRST_SIM: &str = "\r\n+CCID: 8944100000000000012\r\n\r\nOK\r\n";
const SECOND_SIM: &str = "\r\n+CCID: 8944100000000000020\r\n\r\nOK\r\n";

fn generic() -> ProfileChoice {
    ProfileChoice::fixed(Profile::generic())
}

fn tried(far: &Far) -> usize {
    far.commands().iter().filter(|it| it.starts_with("AT+CPIN=")).count()
}

struct Store(Arc<VolatilePins>);

impl Store {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Another program on the same store, as after a restart.
    fn start(&self, script: Script, pin: &str) -> (Bench, Far) {
        let ports = Ports::default();
        let far = ports.plug("p", script);
        let pins = Arc::clone(&self.0) as Arc<dyn PinMemory>;
        (remembering(&ports, "p", None, Some(pin), generic(), pins), far)
    }
}

fn refusing() -> Script {
    Script::new()
        .on("AT+CPIN?", &[LOCKED])
        .on("AT+CCID", &[FIRST_SIM])
        .on("AT+CPIN=\"9999\"", &["\r\n+CME ERROR: 16\r\n"])
}

#[tokio::test(start_paused = true)]
async fn refused_pin_is_never_tried_again_restarts_included() {
    let store = Store::new();
    let (bench, far) = store.start(refusing(), "9999");
    let error = bench.modem.prepare().await.unwrap_err();
    assert_eq!(error, ModemError::PinWrong { left: None });
    assert!(bench.modem.prepare().await.is_err());
    assert_eq!(tried(&far), 1);
    let (bench, far) = store.start(refusing(), "9999");
    assert_eq!(bench.modem.prepare().await.unwrap_err(), error);
    assert_eq!(tried(&far), 0);
    // Though somebody has restored the attempts in a phone.
    let restored = "\r\n+CPINR: SIM PIN,3,3\r\n\r\nOK\r\n";
    let (bench, far) = store.start(refusing().on("AT+CPINR=\"SIM PIN\"", &[restored]), "9999");
    assert_eq!(bench.modem.prepare().await.unwrap_err(), ModemError::PinWrong { left: Some(3) });
    assert_eq!(tried(&far), 0);
}

#[tokio::test(start_paused = true)]
async fn changed_pin_and_another_sim_are_tried() {
    let store = Store::new();
    let (bench, _far) = store.start(refusing(), "9999");
    bench.modem.prepare().await.unwrap_err();
    let mended = refusing().on("AT+CPIN=\"1234\"", &["OK"]).on("AT+CPIN?", &[LOCKED, READY]);
    let (bench, far) = store.start(mended, "1234");
    bench.modem.prepare().await.unwrap();
    assert_eq!(tried(&far), 1);
    let other = refusing()
        .on("AT+CCID", &[SECOND_SIM])
        .on("AT+CPIN=\"9999\"", &["OK"])
        .on("AT+CPIN?", &[LOCKED, READY]);
    let (bench, far) = store.start(other, "9999");
    bench.modem.prepare().await.unwrap();
    assert_eq!(tried(&far), 1);
}

#[tokio::test(start_paused = true)]
async fn corrected_pin_waits_until_a_person_has_restored_the_attempts() {
    let left = |count: u8| format!("\r\n+CPINR: SIM PIN,{count},3\r\n\r\nOK\r\n");
    let store = Store::new();
    let counting = |count| refusing().on("AT+CPINR=\"SIM PIN\"", &[&left(count)]);
    let (bench, _far) = store.start(counting(3), "9999");
    bench.modem.prepare().await.unwrap_err();
    for count in [2, 1] {
        let (bench, far) = store.start(counting(count), "1111");
        let error = bench.modem.prepare().await.unwrap_err();
        assert_eq!((error, tried(&far)), (ModemError::PinTooFewAttempts { left: count }, 0));
    }
    let (bench, far) =
        store.start(counting(3).on("AT+CPIN=\"1111\"", &["\r\n+CME ERROR: 16\r\n"]), "1111");
    assert!(matches!(bench.modem.prepare().await, Err(ModemError::PinWrong { .. })));
    assert_eq!(tried(&far), 1);
    // Where the SIM does not tell, two that were refused are enough.
    let (bench, far) = store.start(refusing(), "3333");
    bench.modem.prepare().await.unwrap_err();
    assert_eq!(tried(&far), 0);
}

#[tokio::test(start_paused = true)]
async fn refused_pin_is_remembered_in_another_modem() {
    let store = Store::new();
    let (bench, _far) = store.start(refusing(), "9999");
    bench.modem.prepare().await.unwrap_err();
    let other = Script::new()
        .on("AT+CGSN", &["\r\n350000000000022\r\n\r\nOK\r\n"])
        .on("AT+CPIN?", &[LOCKED])
        .on("AT^ICCID?", &["\r\n^ICCID: 8944100000000000012F\r\n\r\nOK\r\n"]);
    let (bench, far) = store.start(other, "9999");
    assert_eq!(bench.modem.prepare().await.unwrap_err(), ModemError::PinWrong { left: None });
    assert_eq!(tried(&far), 0);
}

#[tokio::test(start_paused = true)]
async fn pin_without_an_answer_counts_as_tried_unless_the_sim_says_otherwise() {
    let store = Store::new();
    let hanging = refusing().on("AT+CPIN=\"9999\"", &[SILENCE]);
    let (bench, far) = store.start(hanging, "9999");
    bench.modem.prepare().await.unwrap_err();
    assert_eq!(tried(&far), 1);
    let (bench, far) = store.start(refusing(), "9999");
    assert_eq!(bench.modem.prepare().await.unwrap_err(), ModemError::PinWrong { left: None });
    assert_eq!(tried(&far), 0);
    // All three attempts are left: it was never looked at.
    let counting = refusing()
        .on("AT+CPINR=\"SIM PIN\"", &["\r\n+CPINR: SIM PIN,3,3\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"9999\"", &["OK"])
        .on("AT+CPIN?", &[LOCKED, READY]);
    let (bench, far) = store.start(counting, "9999");
    bench.modem.prepare().await.unwrap();
    assert_eq!(tried(&far), 1);
}

#[tokio::test(start_paused = true)]
async fn sim_that_hides_its_number_is_known_by_the_modem_it_is_in() {
    let store = Store::new();
    let hidden = || refusing().on("AT+CCID", &["ERROR"]);
    let (bench, _far) = store.start(hidden(), "9999");
    bench.modem.prepare().await.unwrap_err();
    let (bench, far) = store.start(hidden(), "9999");
    assert_eq!(bench.modem.prepare().await.unwrap_err(), ModemError::PinWrong { left: None });
    assert_eq!(tried(&far), 0);
}

#[tokio::test(start_paused = true)]
async fn accepted_pin_is_entered_at_every_start() {
    let store = Store::new();
    for _ in 0..3 {
        let script = refusing().on("AT+CPIN=\"9999\"", &["OK"]).on("AT+CPIN?", &[LOCKED, READY]);
        let (bench, far) = store.start(script, "9999");
        bench.modem.prepare().await.unwrap();
        assert_eq!(tried(&far), 1);
    }
}

struct Broken;

impl PinMemory for Broken {
    fn fate<'a>(&'a self, _: &'a str, _: &'a Secret) -> PinAnswer<'a, Option<PinFate>> {
        Box::pin(async { Ok(None) })
    }

    fn note<'a>(&'a self, _: &'a str, _: &'a Secret, _: PinFate) -> PinAnswer<'a, ()> {
        Box::pin(async { Err("the disk is full".to_owned()) })
    }

    fn forget<'a>(&'a self, _: &'a str, _: &'a Secret) -> PinAnswer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn pin_that_cannot_be_written_down_is_not_sent() {
    let ports = Ports::default();
    let far = ports.plug("p", refusing());
    let bench = remembering(&ports, "p", None, Some("9999"), generic(), Arc::new(Broken));
    let error = bench.modem.prepare().await.unwrap_err();
    assert_eq!(error.to_string(), "the configured PIN was not tried: the disk is full");
    assert_eq!(tried(&far), 0);
}

#[tokio::test(start_paused = true)]
async fn question_for_the_iccid_that_hangs_is_asked_once() {
    let ports = Ports::default();
    let far = ports.plug("p", Script::new().on("AT+CCID", &[SILENCE]));
    bench(&ports, "p", None, None).modem.prepare().await.unwrap();
    assert!(!far.saw("AT+ICCID"));
}

#[tokio::test(start_paused = true)]
async fn refused_pin_that_was_forgotten_is_tried_once_while_all_attempts_are_left() {
    let store = Store::new();
    let (bench, _far) = store.start(refusing(), "9999");
    bench.modem.prepare().await.unwrap_err();
    store.0.forget("iccid:8944100000000000012", &Secret::new("9999")).await.unwrap();
    let changed = refusing()
        .on("AT+CPINR=\"SIM PIN\"", &["\r\n+CPINR: SIM PIN,3,3\r\n\r\nOK\r\n"])
        .on("AT+CPIN=\"9999\"", &["OK"])
        .on("AT+CPIN?", &[LOCKED, READY]);
    let (bench, far) = store.start(changed, "9999");
    bench.modem.prepare().await.unwrap();
    assert_eq!(tried(&far), 1);
}

#[tokio::test(start_paused = true)]
async fn pin_refused_while_the_sim_did_not_tell_its_number_is_not_tried_when_it_does() {
    let silent = || refusing().on("AT+CCID", &[SILENCE]);
    for (first, then) in [(silent(), refusing()), (refusing(), silent())] {
        let store = Store::new();
        let (bench, far) = store.start(first, "9999");
        bench.modem.prepare().await.unwrap_err();
        assert_eq!(tried(&far), 1);
        let (bench, far) = store.start(then, "9999");
        let error = bench.modem.prepare().await.unwrap_err();
        assert_eq!((error, tried(&far)), (ModemError::PinWrong { left: None }, 0));
    }
}

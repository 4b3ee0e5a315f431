//! What goes wrong at a shop's desk: each time one sentence that names what failed and where, a
//! hint what to do, an exit status that is not zero, and the message still in the store.
//!
//! The real binary on a real pseudo-terminal, the virtual operator with a fault switched on.

use std::time::Duration;

use mm1gate::sim::{Behaviour, Fault, ModemConfig, Operator, PortRole, PtyPort, Subscriber};
use serde_json::Value;

use crate::cli_basics::{mm1gate, run};
use crate::support::{Process, wait_until};

pub(crate) const PHONE: &str = "+447700900002";

/// A modem on a pseudo-terminal and a user's folder with a configuration for it.
pub(crate) struct Desk {
    pub(crate) operator: Operator,
    pub(crate) home: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::with(Subscriber::default(), "")
    }

    pub(crate) fn with(subscriber: Subscriber, modem_keys: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let inside = runtime.enter();
        let operator = Operator::builder()
            .line(subscriber, ModemConfig::default())
            .phone(PHONE, Behaviour::Receive)
            .start();
        let port = PtyPort::create(&home.path().join("modem")).expect("a pseudo-terminal");
        let modem = operator.modem().clone();
        tokio::spawn(async move { port.serve(&modem, PortRole::Data).await });
        drop(inside);
        let desk = Self { operator, home, _runtime: runtime };
        desk.configure(modem_keys, "mms.example");
        desk
    }

    pub(crate) fn configure(&self, modem_keys: &str, apn: &str) {
        let text = format!(
            "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
             port = {:?}\n{modem_keys}\n[modem.operator]\napn = \"{apn}\"\nmmsc = \"{}\"\n\
             proxy = \"{}\"\nmax_message_size = 307200\n",
            self.home.path().join("modem"),
            self.operator.mmsc_url(),
            self.operator.proxy().expect("a proxy"),
        );
        std::fs::write(self.home.path().join("gate.toml"), text).expect("a file");
    }

    pub(crate) fn port(&self) -> String {
        self.home.path().join("modem").display().to_string()
    }

    /// `send --port` with these further arguments; what it wrote to standard error.
    fn send(&self, arguments: &[&str]) -> (i32, String) {
        let port = self.port();
        let (exit, _, err) = run(mm1gate(self.home.path())
            .args(["send", "--config", "gate.toml", "--port", &port])
            .args(arguments));
        (exit, err)
    }

    /// The only message in the store.
    pub(crate) fn kept(&self) -> Value {
        let (exit, out, err) =
            run(mm1gate(self.home.path()).args(["outbox", "--json", "--config", "gate.toml"]));
        assert_eq!(exit, 0, "{err}");
        let list: Value = serde_json::from_str(&out).expect("JSON");
        let messages = list["messages"].as_array().expect("a list");
        assert_eq!(messages.len(), 1, "{list:#}");
        messages[0].clone()
    }

    /// Sends and expects this failure; the message is kept in `state`.
    fn fails(&self, code: i32, sentence: &str, hint: &str, state: &str) -> String {
        let (exit, err) = self.send(&["--to", PHONE, "--text", "Ready to collect"]);
        assert_eq!(exit, code, "{err}");
        explained(&err, sentence, hint);
        let message = self.kept();
        assert_eq!(message["state"], state, "{message:#}");
        err
    }
}

/// The last two lines are one sentence and one hint.
pub(crate) fn explained(err: &str, sentence: &str, hint: &str) {
    let lines: Vec<&str> = err.lines().collect();
    let [.., said, advice] = lines[..] else { panic!("no sentence and hint: {err}") };
    assert!(said.starts_with("mm1gate: ") && said.contains(sentence), "{err}");
    assert!(advice.starts_with("Try: ") && advice.contains(hint), "{err}");
}

#[test]
fn modem_that_answers_nothing_is_named_with_its_port() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::ModemSilent {});
    let err = desk.fails(69, "does not answer commands", "another port", "queued");
    assert!(err.contains(&desk.port()), "{err}");
}

#[test]
fn missing_sim_is_named() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::SimMissing {});
    desk.fails(69, "no SIM", "put a SIM into the modem", "queued");
}

#[test]
fn pin_that_is_asked_for_but_not_configured_is_named() {
    let subscriber = Subscriber { pin: Some("4711".to_owned()), ..Subscriber::default() };
    let desk = Desk::with(subscriber, "");
    desk.fails(69, "PIN", "pin", "queued");
    assert_eq!(desk.operator.modem().state().pin_tries, 3, "none was tried");
}

#[test]
fn wrong_pin_costs_one_attempt_and_no_more() {
    let subscriber = Subscriber { pin: Some("4711".to_owned()), ..Subscriber::default() };
    let desk = Desk::with(subscriber, "pin = \"1234\"");
    desk.fails(69, "PIN", "pin", "queued");
    assert_eq!(desk.operator.modem().state().pin_tries, 2);
    // Once fewer than three are left, not even the right one is tried.
    desk.configure("pin = \"4711\"", "mms.example");
    let (exit, err) = desk.send(&["--to", PHONE, "--text", "again"]);
    assert_eq!(exit, 69, "{err}");
    explained(&err, "2", "phone");
    assert_eq!(desk.operator.modem().state().pin_tries, 2, "{err}");
}

#[test]
fn right_pin_is_entered() {
    let subscriber = Subscriber { pin: Some("4711".to_owned()), ..Subscriber::default() };
    let desk = Desk::with(subscriber, "pin = \"4711\"");
    let (exit, err) = desk.send(&["--to", PHONE, "--text", "Ready to collect"]);
    assert_eq!(exit, 0, "{err}");
    assert!(!err.contains("4711"), "the PIN is never shown: {err}");
    assert_eq!(desk.kept()["state"], "sent");
}

#[test]
fn network_that_lets_nobody_in_is_named() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::RegistrationDenied {});
    desk.fails(69, "the network denies this SIM", "operator", "queued");
}

#[test]
fn refused_access_point_is_named_with_the_modems_own_words() {
    let desk = Desk::new();
    desk.configure("", "wrong.example");
    desk.fails(69, "APN wrong.example was refused: NO CARRIER", "check `apn`", "queued");
}

#[test]
fn proxy_that_refuses_is_named() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::ProxyRefuses {});
    desk.fails(69, "10.1.1.1:8080 refuses the connection", "proxy", "queued");
}

#[test]
fn proxy_that_forbids_is_final() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::ProxyStatus { status: 403 });
    let (exit, err) = desk.send(&["--to", PHONE, "--text", "hi"]);
    assert_ne!(exit, 0, "{err}");
    explained(&err, "403", "proxy");
    assert_eq!(desk.kept()["state"], "failed");
}

#[test]
fn mmsc_that_answers_with_a_web_page_leaves_the_message_unknown() {
    let desk = Desk::new();
    desk.operator.faults().set(Fault::MmscHtml {});
    desk.fails(69, "no MMS message", "it may have arrived", "unknown");
}

#[test]
fn refusal_shows_the_operators_own_text() {
    let desk = Desk::new();
    let text = Some("Dienst gesperrt".to_owned());
    desk.operator.faults().set(Fault::MmscResponseStatus { status: 0xe1, text });
    desk.fails(65, "Dienst gesperrt", "MMS is enabled for this SIM", "failed");
}

#[test]
fn picture_above_the_limit_is_refused_before_anything_is_stored() {
    let desk = Desk::new();
    let picture = mm1gate::media::demo_photo(5, 500_000);
    std::fs::write(desk.home.path().join("big.jpg"), &picture).expect("a file");
    let (exit, err) = desk.send(&["--to", PHONE, "--file", "big.jpg"]);
    assert_eq!(exit, 65, "{err}");
    explained(&err, "307200", "smaller");
}

#[test]
fn unusable_number_is_refused() {
    let desk = Desk::new();
    let (exit, err) = desk.send(&["--to", "+44 call me", "--text", "hi"]);
    assert_eq!(exit, 65, "{err}");
    explained(&err, "'c' cannot be part of a phone number", "international form");
}

#[test]
fn port_of_a_running_gateway_is_named_as_busy_with_its_owner() {
    let desk = Desk::new();
    let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_mm1gate"));
    serve.args(["serve", "--config", "gate.toml"]);
    serve.env_clear().env("HOME", desk.home.path()).current_dir(desk.home.path());
    let mut serve = Process::start(&mut serve, desk.home.path(), "serve");
    wait_until("the gateway has the port", Duration::from_secs(20), || {
        assert!(serve.is_running(), "{}", serve.errors());
        serve.errors().contains("ready").then_some(())
    });
    // Another user's gateway, with a store of its own.
    let other = desk.home.path().join("other");
    std::fs::create_dir(&other).expect("a folder");
    let (exit, _, err) = run(mm1gate(&other)
        .args(["send", "--port", &desk.port(), "--apn", "mms.example", "--mmsc"])
        .arg(desk.operator.mmsc_url())
        .args(["--to", PHONE, "--text", "hi"]));
    assert_eq!(exit, 69, "{err}");
    explained(&err, "in use", "mm1gate");
    assert!(err.contains("mm1gate (process"), "{err}");
}

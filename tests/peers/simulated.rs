//! `mm1gate simulate` as a foreign driver meets it: the real binary, its modem on a
//! pseudo-terminal, and its control API.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use mm1gate::codec::sms::{Submit, Tpdu};
use serde_json::{Value, json};

use crate::support::{Process, Scratch, mm1gate, over_tcp, wait_until};

/// SMS-DELIVER from 12345, 7 bit, "hi", 2026-11-21 00:00:00 UTC (3GPP TS 23.040 clause 9.2.2.1).
pub(crate) const DELIVER_HI: &str = "0405812143F500006211120000000002E834";
/// The number of a phone of the virtual operator.
pub(crate) const PHONE: &str = "+447700900002";

/// A running simulator; it ends with this value.
pub(crate) struct Simulator {
    process: Process,
    control: SocketAddr,
    ready: Value,
    scratch: Scratch,
}

impl Simulator {
    /// Starts it with more arguments than the port; waits until it is ready.
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_in(Scratch::new(name), arguments)
    }

    /// Starts it with the text of a scenario.
    pub(crate) fn start_as(name: &str, scenario: &str) -> Self {
        let scratch = Scratch::new(name);
        let file = scratch.path().join("scenario.toml");
        std::fs::write(&file, scenario).unwrap();
        Self::start_in(scratch, &["--scenario", file.to_str().unwrap()])
    }

    fn start_in(scratch: Scratch, arguments: &[&str]) -> Self {
        let mut command = mm1gate();
        command
            .args(["simulate", "--json", "--control", "127.0.0.1:0", "--tty"])
            .arg(scratch.path().join("modem"))
            .args(arguments);
        let mut process = Process::start(&mut command, scratch.path(), "simulate");
        let (control, ready) = process.wait_for_line(|line| {
            let ready: Value = serde_json::from_str(line).ok()?;
            let control = ready["control"].as_str()?.strip_prefix("http://")?.parse().ok()?;
            Some((control, ready))
        });
        Self { process, control, ready, scratch }
    }

    /// A folder for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// What it says of itself: `apn`, `mmsc`, `proxy` and the like.
    pub(crate) fn told(&self, what: &str) -> &str {
        self.ready[what].as_str().unwrap_or_default()
    }

    /// The modem's data port.
    pub(crate) fn tty(&self) -> PathBuf {
        self.scratch.path().join("modem")
    }

    /// Delivers TPDUs to the modem through the control API.
    pub(crate) fn deliver(&self, tpdus: &[&str]) {
        let body = json!({ "tpdu": tpdus }).to_string();
        let reply =
            over_tcp(self.control, "POST", "/sms", "application/json", body.as_bytes()).unwrap();
        assert_eq!(reply.status, 202, "{}", reply.json());
    }

    /// A picture message from the virtual phone: its notification comes as WAP Push.
    pub(crate) fn send_mms(&self) {
        let body = json!({"from": PHONE, "subject": "A subject of some length", "text": "a text"});
        let body = body.to_string();
        let reply =
            over_tcp(self.control, "POST", "/mms", "application/json", body.as_bytes()).unwrap();
        assert_eq!(reply.status, 202, "{}", reply.json());
    }

    /// `GET /state`.
    pub(crate) fn state(&mut self) -> Value {
        assert!(self.process.is_running(), "the simulator ended: {}", self.process.errors());
        over_tcp(self.control, "GET", "/state", "", b"").unwrap().json()
    }

    /// What arrived at the virtual message centre, taken apart.
    pub(crate) fn submitted(&mut self) -> Vec<Submit> {
        let state = self.state();
        let submitted = state["submitted_sms"].as_array().unwrap();
        submitted
            .iter()
            .map(|sms| {
                let octets = hex::decode(sms["tpdu"].as_str().unwrap()).unwrap();
                match Tpdu::from_mobile(&octets).unwrap().value {
                    Tpdu::Submit(submit) => submit,
                    other => panic!("no SMS-SUBMIT: {other:?}"),
                }
            })
            .collect()
    }

    /// Waits for the one submission that a test causes: to whom and what.
    pub(crate) fn submitted_text(&mut self, limit: Duration) -> (String, String) {
        let submit = wait_until("an SMS at the message centre", limit, || self.submitted().pop());
        let to = submit.destination.to_address().text().to_owned();
        (to, submit.text().unwrap_or_default())
    }

    /// Messages in the storages of the modem.
    pub(crate) fn stored(&mut self) -> u64 {
        let state = self.state();
        let stored = state["modems"][0]["stored_sms"].as_array().unwrap();
        stored.iter().map(|count| count.as_u64().unwrap()).sum()
    }
}

/// Runs a foreign program to its end; what it printed on both outputs, and whether it was content.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Every one of these words is in the text.
pub(crate) fn assert_has(text: &str, wanted: &[&str]) {
    for words in wanted {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}

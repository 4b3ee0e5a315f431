//! A modem that vanishes as it begins to dial, met by the real binary on a real pseudo-terminal: it is
//! named for what it is, with what mends it, wherever somebody may look.

use std::path::PathBuf;
use std::time::Duration;

use mm1gate::sim::{Behaviour, ModemConfig, Operator, PortRole, PtyPort, Subscriber, Timing};
use serde_json::{Value, json};

use crate::support::{Process, Scratch, mm1gate, over_unix, wait_until};

const PHONE: &str = "+447700900123";
/// What is said of it, and what mends it.
const NAMED: &str = "vanished from";
const REMEDY: &str = "powered USB hub";

/// A modem with one port, on which it can be plugged in and out.
struct Rig {
    runtime: tokio::runtime::Runtime,
    operator: Operator,
    scratch: Scratch,
}

impl Rig {
    fn new(scratch: Scratch) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let inside = runtime.enter();
        let modem = ModemConfig {
            control_port: false,
            timing: Timing::usb_stick(),
            ..ModemConfig::default()
        };
        let operator = Operator::builder()
            .line(Subscriber::default(), modem)
            .phone(PHONE, Behaviour::Receive)
            .start();
        drop(inside);
        Self { runtime, operator, scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn plug(&self) -> tokio::task::JoinHandle<()> {
        let _inside = self.runtime.enter();
        let port = PtyPort::create(&self.path("modem")).unwrap();
        let modem = self.operator.modem().clone();
        tokio::spawn(async move { port.serve(&modem, PortRole::Data).await })
    }

    fn serve(&self) -> Process {
        let mut command = mm1gate();
        command.arg("serve").arg("--config").arg(self.path("gate.toml"));
        command.env("HOME", self.scratch.path());
        Process::start(&mut command, self.scratch.path(), "serve")
    }

    fn get(&self, path: &str) -> Option<String> {
        let reply = over_unix(&self.path("state/mm1gate.sock"), "GET", path, "", b"").ok()?;
        Some(String::from_utf8_lossy(&reply.body).into_owned())
    }

    fn modem(&self) -> Option<Value> {
        let text = self.get("/api/v1/modems")?;
        serde_json::from_str::<Value>(&text).ok()?["modems"].get(0).cloned()
    }

    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_until(what, Duration::from_secs(60), || self.modem().filter(|modem| is(modem)))
    }

    /// What `doctor` says of the power.
    fn power(&self) -> Value {
        let mut command = mm1gate();
        command.args(["doctor", "--json", "--config"]).arg(self.path("gate.toml"));
        let out = command.env("HOME", self.scratch.path()).output().unwrap();
        let report: Value = serde_json::from_slice(&out.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let power = checks.iter().find(|it| it["name"] == "power");
        power.unwrap_or_else(|| panic!("{report:#}")).clone()
    }
}

#[test]
fn modem_that_vanishes_as_it_dials_is_named_as_too_little_power_wherever_one_looks() {
    let rig = Rig::new(Scratch::new("brown-out"));
    let config = format!(
        "data_dir = {:?}\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\nport = {:?}\n\
         [modem.operator]\napn = \"{}\"\nmmsc = \"{}\"\nproxy = \"{}\"\n",
        rig.path("state"),
        rig.path("modem"),
        rig.operator.apn(),
        rig.operator.mmsc_url(),
        rig.operator.proxy().map(|proxy| proxy.to_string()).unwrap_or_default(),
    );
    std::fs::write(rig.path("gate.toml"), config).unwrap();
    let plugged = rig.plug();
    let mut serve = rig.serve();
    rig.until("a modem that is ready", |modem| modem["condition"] == "ready");
    assert_eq!(rig.power()["result"], "ok", "nothing has happened yet");

    let body = json!({ "to": [PHONE], "text": "hello", "subject": "lunch", "kind": "mms" });
    let body = body.to_string();
    let socket = rig.path("state/mm1gate.sock");
    let kind = "application/json";
    let reply = over_unix(&socket, "POST", "/api/v1/messages", kind, body.as_bytes()).unwrap();
    assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    wait_until("a call", Duration::from_secs(30), || {
        (rig.operator.modem().state().calls > 0).then_some(())
    });
    // The radio sends, and the supply gives way.
    plugged.abort();
    rig.operator.modem().power_cycle();

    let modem = rig.until("a brown-out in the API", |modem| modem["brown_outs"] == 1);
    let told = modem["last_error"].to_string();
    assert!(told.contains("brown-out") && told.contains(REMEDY), "{modem:#}");
    let page = rig.get("/modems/desk").unwrap();
    assert!(page.contains(NAMED) && page.contains(REMEDY), "{page}");
    let metrics = rig.get("/metrics").unwrap();
    let line = metrics.lines().find(|it| it.contains("brown_outs") && !it.starts_with('#'));
    assert!(line.is_some_and(|it| it.contains("desk") && it.ends_with(" 1")), "{metrics}");
    let log = serve.errors();
    assert!(log.contains(NAMED) && log.contains(REMEDY), "{log}");
    let power = rig.power();
    assert_eq!(power["result"], "failed", "{power}");
    assert!(power["text"].as_str().unwrap().contains("vanished"), "{power}");
    assert!(power["fix"].as_str().unwrap().contains("hub"), "{power}");

    // It comes back, the message goes out, and what it was is remembered.
    let _plugged = rig.plug();
    wait_until("the message to be sent", Duration::from_secs(60), || {
        let text = rig.get(&format!("/api/v1/messages/{id}"))?;
        (serde_json::from_str::<Value>(&text).ok()?["state"] == "sent").then_some(())
    });
    assert_eq!(rig.power()["result"], "failed", "it will happen again");
    assert!(serve.terminate(Duration::from_secs(20)), "{}", serve.errors());
    rig.operator.stop();
}

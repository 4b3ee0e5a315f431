//! python-gsmmodem (its maintained branch, python-gsmmodem-new 0.13) drives `mm1gate simulate`:
//! identity, PIN, SMS in and out in PDU and in text mode, status reports, USSD. It is under the
//! LGPL and runs as a program of its own: `python_gsmmodem/drive.py`, in the virtual environment
//! that `tests/all` makes under `target`, is asked line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::simulated::{DELIVER_HI, PHONE, Simulator};
use crate::support::wait_until;

const LIMIT: Duration = Duration::from_secs(10);

/// The driver, connected to a simulator's modem; it ends with this value.
struct Driver {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Driver {
    fn start(simulator: &Simulator, pin: Option<&str>) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/python-gsmmodem/bin/python");
        assert!(python.exists(), "{} is made by tests/all", python.display());
        let mut child = Command::new("timeout")
            .arg("120")
            .arg(python)
            .arg(root.join("tests/peers/python_gsmmodem/drive.py"))
            .arg(simulator.tty())
            .args(pin)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut driver = Self { child, questions, answers };
        assert_eq!(driver.answer("connecting"), "connected");
        driver
    }

    fn answer(&mut self, what: &str) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{what}: {line:?}: {error}"))
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.questions.as_mut().unwrap(), "{question}").unwrap();
        self.answer(&question.to_string())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

/// The report of a message that the virtual phone received.
fn delivered(reference: &Value) -> Value {
    json!({ "report_of": reference, "number": PHONE, "status": 0 })
}

#[test]
#[ignore = "needs python-gsmmodem"]
fn python_gsmmodem_reads_and_sends_with_the_virtual_modem() {
    let mut simulator = Simulator::start("gsmmodem", &[]);
    let mut driver = Driver::start(&simulator, None);
    let identity = json!({
        "manufacturer": "mm1gate",
        "model": "Virtual Modem",
        "revision": env!("CARGO_PKG_VERSION"),
        "imei": "004999010640000",
        "imsi": "001010123456789",
        "networkName": "mm1gate virtual",
        "signalStrength": 21,
        "smsc": "+447700900999",
        "ownNumber": "+447700900001",
    });
    assert_eq!(driver.ask(&json!({ "do": "identity" })), identity);
    let balance = driver.ask(&json!({ "do": "ussd", "code": "*100#" }));
    assert_eq!(balance, "Your balance is 10.00");

    // PDU mode is its own choice, and the storage of the modem before that of the SIM.
    let hi = json!({ "number": "12345", "text": "hi", "time": "2026-11-21T00:00:00+00:00" });
    simulator.deliver(&[DELIVER_HI]);
    assert_eq!(driver.ask(&json!({ "do": "arrived" })), hi);
    // It tells what it has read before it deletes it.
    wait_until("its deletion", LIMIT, || (simulator.stored() == 0).then_some(()));

    let send = |text: &str| json!({ "do": "send", "to": PHONE, "text": text });
    for text in ["hello from python", "日本語 with £"] {
        let before = simulator.submitted().len();
        let sent = driver.ask(&send(text));
        let arrived = simulator.submitted();
        assert_eq!(arrived.len(), before + 1);
        assert_eq!(arrived[before].text().as_deref(), Some(text));
        assert!(arrived[before].status_report);
        assert_eq!(driver.ask(&json!({ "do": "arrived" })), delivered(&sent["reference"]));
    }
}

#[test]
#[ignore = "needs python-gsmmodem"]
fn python_gsmmodem_unlocks_the_sim_and_works_in_text_mode() {
    let mut simulator = Simulator::start("gsmmodem-text", &["--pin", "4321"]);
    let mut driver = Driver::start(&simulator, Some("4321"));
    driver.ask(&json!({ "do": "text_mode", "on": true }));

    let sent = driver.ask(&json!({ "do": "send", "to": PHONE, "text": "text mode" }));
    let arrived = simulator.submitted_text(LIMIT);
    assert_eq!(arrived, (PHONE.to_owned(), "text mode".to_owned()));
    assert_eq!(driver.ask(&json!({ "do": "arrived" })), delivered(&sent["reference"]));

    let hi = json!({ "number": "12345", "text": "hi", "time": "2026-11-21T00:00:00+00:00" });
    simulator.deliver(&[DELIVER_HI]);
    assert_eq!(driver.ask(&json!({ "do": "arrived" })), hi);
    wait_until("its deletion", LIMIT, || (simulator.stored() == 0).then_some(()));
    // What came while nobody was there stays in the storage until it is asked for.
    drop(driver);
    simulator.deliver(&[DELIVER_HI, DELIVER_HI]);
    let mut driver = Driver::start(&simulator, Some("4321"));
    let stored = json!({ "do": "stored", "memory": "ME" });
    assert_eq!(driver.ask(&stored), json!([hi, hi]));
    driver.ask(&json!({ "do": "delete", "memory": "ME" }));
    assert_eq!(driver.ask(&stored), json!([]));
    assert_eq!(simulator.stored(), 0);
}

//! `kill -9` of the gateway at random moments: nothing lost, nothing sent twice, `unknown` only
//! where `released` was committed (design: commit before acknowledging, at most once).
//!
//! The virtual operator lives in the test and outlasts the gateway, which is the real binary on
//! real pseudo-terminals.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "real processes live in real time, and the seed must be seen"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use mm1gate::codec::sms::{Tpdu, UserData};
use mm1gate::model::{Random, Timestamp};
use mm1gate::sim::{
    Behaviour, EntryKind, Fault, ModemConfig, Operator, Outgoing, OutgoingPart, PortRole, PtyPort,
    Subscriber, Timing,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Process, Scratch, mm1gate, over_unix, wait_until};

const PHONE: &str = "+447700900123";
/// A network that takes a while for each short message, so that a kill can fall into that.
const TIMING: Timing = Timing { submit: Duration::from_millis(300), ..Timing::usb_stick() };

/// How the modem is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wiring {
    TwoPorts,
    OnePort,
    /// One port with the multiplexer, in which a killed program leaves the modem.
    Multiplexed,
}

/// The rigs and how often each is killed: less often where each time costs the time to get the modem
/// back.
type Kills = [(Wiring, u32); 3];

/// Kills of a gateway that has pictures to send and to receive.
const PICTURES: Kills = [(Wiring::TwoPorts, 19), (Wiring::OnePort, 19), (Wiring::Multiplexed, 12)];
/// Kills of a gateway that has texts to send.
const TEXTS: Kills = [(Wiring::TwoPorts, 11), (Wiring::OnePort, 11), (Wiring::Multiplexed, 8)];

/// What became of the messages of one rig.
#[derive(Debug, Default)]
struct Tally {
    sent: u32,
    unknown: u32,
    /// Kills that left the modem in the multiplexer.
    left_in_multiplexer: u32,
}

#[test]
fn killed_fifty_times_loses_nothing_and_sends_nothing_twice() {
    on_every_rig(PICTURES, Rig::run_pictures);
}

#[test]
fn killed_thirty_times_sends_no_text_twice_and_loses_none() {
    on_every_rig(TEXTS, Rig::run_texts);
}

fn on_every_rig(kills: Kills, run: fn(&Rig, u32) -> Tally) {
    let seed = std::env::var("MM1GATE_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| u64::from(Random::from_system().u32()));
    eprintln!("replay with MM1GATE_SEED={seed}");
    let rigs = kills.map(|(wiring, kills)| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            // The virtual operator runs on the runtime, the test itself beside it.
            let _inside = runtime.enter();
            let tally = run(&Rig::start(wiring, seed), kills);
            runtime.shutdown_background();
            (wiring, kills, tally)
        })
    });
    let mut unknown = 0;
    for (wiring, kills, tally) in rigs.map(|rig| rig.join().expect("a rig failed, see above")) {
        eprintln!("{wiring:?}: {tally:?}");
        assert_eq!(tally.sent + tally.unknown, kills + 1);
        let left = tally.left_in_multiplexer;
        assert_eq!(left > 0, wiring == Wiring::Multiplexed, "{wiring:?}: {tally:?}");
        unknown += tally.unknown;
    }
    assert!(unknown > 0, "no kill fell between the last octets and their answer");
}

struct Rig {
    wiring: Wiring,
    operator: Operator,
    number: String,
    scratch: Scratch,
    config: PathBuf,
    random: Random,
}

impl Rig {
    fn start(wiring: Wiring, seed: u64) -> Self {
        let scratch = Scratch::new("kill");
        let subscriber = Subscriber::default();
        let number = subscriber.number.clone();
        let mut modem = ModemConfig { timing: TIMING, ..ModemConfig::default() };
        modem.control_port = wiring == Wiring::TwoPorts;
        if wiring == Wiring::Multiplexed {
            // Known by what it says: behind a serial adapter nothing else tells.
            "SIMCOM_Ltd".clone_into(&mut modem.manufacturer);
            "SIMCOM_SIM800L".clone_into(&mut modem.model);
        }
        let operator =
            Operator::builder().line(subscriber, modem).phone(PHONE, Behaviour::Receive).start();
        let mut ports = vec![("modem", PortRole::Data)];
        if wiring == Wiring::TwoPorts {
            ports.push(("control", PortRole::Control));
        }
        for (name, role) in ports {
            let port = PtyPort::create(&scratch.path().join(name)).unwrap();
            let modem = operator.modem().clone();
            tokio::spawn(async move { port.serve(&modem, role).await });
        }
        // An MMSC that thinks for a while makes the time between the final block and its answer
        // long enough to be hit.
        operator.faults().set(Fault::MmscSlow { millis: 300 });
        let config = scratch.path().join("mm1gate.toml");
        std::fs::write(&config, config_text(&scratch, &operator, wiring)).unwrap();
        // Each rig has kills of its own.
        let random = Random::seeded(seed.wrapping_add(wiring as u64));
        Self { wiring, operator, number, scratch, config, random }
    }

    /// A picture out and one in.
    fn run_pictures(&self, kills: u32) -> Tally {
        let tally = self.play(
            kills,
            |round| (self.post(round), self.announce(round)),
            |serve, round, (id, picture)| self.outcome(serve, round, id, picture),
        );
        let journal = self.operator.state().mmsc;
        let mut taken = journal.submitted_ids();
        taken.sort_unstable();
        assert!(taken.windows(2).all(|pair| pair[0] != pair[1]), "taken twice: {taken:?}");
        tally
    }

    /// A text in three parts.
    fn run_texts(&self, kills: u32) -> Tally {
        self.play(
            kills,
            |round| self.post_text(round),
            |serve, round, id| self.text_outcome(serve, round, id),
        )
    }

    /// Has the gateway do a round's work, kills it in the middle and looks what the next one makes
    /// of it; `outcome` is true for sent.
    fn play<T>(
        &self,
        kills: u32,
        begin: impl Fn(u32) -> T,
        outcome: impl Fn(&Process, u32, &T) -> bool,
    ) -> Tally {
        let mut tally = Tally::default();
        // The first round is not disturbed; it tells how long a whole one takes.
        let mut window = Duration::ZERO;
        for round in 0..=kills {
            let mut serve = self.serve();
            let from = tokio::time::Instant::now();
            let work = begin(round);
            if round > 0 {
                let delay = self.random.below(window.as_millis() as u64);
                std::thread::sleep(Duration::from_millis(delay));
                serve.kill_9();
                tally.left_in_multiplexer += u32::from(self.operator.modem().state().multiplexed);
                serve = self.serve();
            }
            match outcome(&serve, round, &work) {
                true => tally.sent += 1,
                false => tally.unknown += 1,
            }
            if round == 0 {
                assert_eq!(tally.sent, 1, "the undisturbed round");
                window = from.elapsed();
            }
            self.check_sharing();
            assert!(serve.terminate(Duration::from_secs(20)), "{}", serve.errors());
        }
        tally
    }

    /// Waits until the modem is used the way that this rig is about.
    fn check_sharing(&self) {
        let wanted = match self.wiring {
            Wiring::TwoPorts => "two",
            Wiring::OnePort => "one",
            Wiring::Multiplexed => "multiplexed",
        };
        wait_until(&format!("{wanted} for the modem"), Duration::from_secs(60), || {
            let modems = self.get("/api/v1/modems")?;
            let modem = &modems["modems"][0];
            let ready = modem["condition"] == "ready" || modem["condition"] == "calling";
            (ready && modem["port_sharing"] == wanted).then_some(())
        });
    }

    /// Hands a text over, without a report that would tell what became of it after all.
    fn post_text(&self, round: u32) -> String {
        // Three parts, none of which can be taken for one of another round: the reference that joins
        // them has but 256 values.
        let words: String = (0..70).map(|word| format!("{round}.{word:02} ")).collect();
        let text = format!("round {round}: {words}");
        let body = json!({ "kind": "sms", "to": [PHONE], "text": text, "delivery_report": false });
        self.accepted(&body)
    }

    /// Waits for the text to settle and checks every promise; true when it was sent.
    fn text_outcome(&self, serve: &Process, round: u32, id: &str) -> bool {
        let limit = Duration::from_secs(120);
        let what = format!("sent or unknown; round {round}: {}", tail(&serve.errors()));
        let message = wait_until(&what, limit, || {
            let message = self.get(&format!("/api/v1/messages/{id}"))?;
            message["settled"].as_bool()?.then_some(message)
        });
        let segments = self.segments(id);
        assert_eq!(segments.len(), 3, "{message:#}");
        let taken = self.taken();
        for (state, data, released) in &segments {
            let times = taken.iter().filter(|it| *it == data).count();
            match state.as_str() {
                "sent" => assert_eq!(times, 1, "round {round}: {message:#}"),
                "unknown" => {
                    assert!(*released, "unknown without its record: {message:#}");
                    assert!(times <= 1, "round {round}: taken {times} times");
                }
                // Behind one that is unknown.
                "queued" => assert_eq!(times, 0, "round {round}: {message:#}"),
                other => panic!("round {round}: {other}: {message:#}"),
            }
        }
        let is = |wanted: &str| segments.iter().filter(|it| it.0 == wanted).count();
        match message["state"].as_str().unwrap() {
            "sent" => {
                assert_eq!(is("sent"), 3, "{message:#}");
                true
            }
            "unknown" => {
                assert_eq!(is("unknown"), 1, "{message:#}");
                false
            }
            other => panic!("round {round}: {other}: {message:#}"),
        }
    }

    /// State and user data of a text's SMS-SUBMITs, and whether one was ever released.
    fn segments(&self, id: &str) -> Vec<(String, UserData, bool)> {
        let sql = "SELECT segment.state, tpdu, segment.released_at IS NOT NULL
                   FROM segment JOIN submission ON submission.id = submission_id
                   WHERE message_id = ?1 ORDER BY number";
        let database = self.database();
        let mut select = database.prepare(sql).unwrap();
        let rows = select
            .query_map([id], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?)))
            .unwrap();
        rows.map(Result::unwrap)
            .map(|(state, tpdu, released)| (state, user_data(&tpdu), released))
            .collect()
    }

    /// The user data of every SMS-SUBMIT that the service centre got; each names its message and
    /// part.
    fn taken(&self) -> Vec<UserData> {
        let submitted = self.operator.state().submitted_sms;
        submitted.iter().map(|one| user_data(&hex::decode(&one.tpdu).unwrap())).collect()
    }

    fn database(&self) -> rusqlite::Connection {
        let file = self.scratch.path().join("state/mm1gate.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(file, flags).unwrap()
    }

    fn serve(&self) -> Process {
        let mut command = mm1gate();
        command.arg("serve").arg("--config").arg(&self.config).env("HOME", self.scratch.path());
        let mut process = Process::start(&mut command, self.scratch.path(), "serve");
        wait_until("the gateway's socket", Duration::from_secs(20), || {
            assert!(process.is_running(), "{}", process.errors());
            over_unix(&self.socket(), "GET", "/healthz", "", b"").ok()
        });
        process
    }

    fn socket(&self) -> PathBuf {
        self.scratch.path().join("state/mm1gate.sock")
    }

    fn get(&self, path: &str) -> Option<Value> {
        over_unix(&self.socket(), "GET", path, "", b"").ok().map(|reply| reply.json())
    }

    /// Hands a message over; its id once it was accepted.
    fn post(&self, round: u32) -> String {
        let picture = noise(&self.random, 60_000);
        let body = json!({
            "to": [PHONE], "client_ref": format!("round {round}"),
            "parts": [{
                "content_type": "image/jpeg",
                "data_base64": base64::engine::general_purpose::STANDARD.encode(picture),
            }],
        });
        self.accepted(&body)
    }

    /// Hands a message in; its id.
    fn accepted(&self, body: &Value) -> String {
        let body = body.to_string();
        let kind = "application/json";
        let reply =
            over_unix(&self.socket(), "POST", "/api/v1/messages", kind, body.as_bytes()).unwrap();
        assert_eq!(reply.status, 202, "{}", String::from_utf8_lossy(&reply.body));
        reply.json()["id"].as_str().unwrap().to_owned()
    }

    /// The phone sends a picture; its SHA-256.
    fn announce(&self, round: u32) -> String {
        let body = Bytes::from(noise(&self.random, 40_000));
        let sha256 = hex::encode(Sha256::digest(&body));
        let name = format!("r{round}.jpg");
        let part = OutgoingPart { content_type: "image/jpeg".to_owned(), name, body };
        let message = Outgoing { parts: vec![part], ..Outgoing::default() };
        self.operator.send_from_phone(PHONE, &self.number, &message).unwrap();
        sha256
    }

    /// Waits for both messages to settle and checks every promise; true when ours was sent.
    fn outcome(&self, serve: &Process, round: u32, id: &str, picture: &str) -> bool {
        let limit = Duration::from_secs(120);
        let explain = || format!("round {round}: {}", tail(&serve.errors()));
        let message = wait_until(&format!("sent or unknown; {}", explain()), limit, || {
            let message = self.get(&format!("/api/v1/messages/{id}"))?;
            message["settled"].as_bool()?.then_some(message)
        });
        let inbound = wait_until(&format!("acknowledged; {}", explain()), limit, || {
            let list = self.get("/api/v1/inbox?limit=100")?;
            let mut with_it = list["messages"].as_array()?.iter().filter(|message| {
                let parts = message["parts"].as_array();
                parts.is_some_and(|parts| parts.iter().any(|part| part["sha256"] == picture))
            });
            let first = with_it.next()?.clone();
            assert!(with_it.next().is_none(), "received twice: {list:#}");
            (first["state"] == "acknowledged").then_some(first)
        });
        assert_eq!(inbound["direction"], "in");
        let journal = self.operator.state().mmsc;
        let acknowledged = journal.acknowledged();
        assert_eq!(acknowledged, round as usize + 1, "acknowledged at the MMSC");

        let (transaction_id, released) = self.submission(id);
        let taken = journal.submissions(&transaction_id);
        match message["state"].as_str().unwrap() {
            "sent" | "delivered" => {
                assert_eq!(taken, 1, "round {round}: taken {taken} times: {message:#}");
                true
            }
            "unknown" => {
                assert!(released.is_some(), "unknown though never released: {message:#}");
                assert!(taken <= 1, "round {round}: taken {taken} times");
                false
            }
            other => panic!("round {round}: {other}: {message:#}"),
        }
    }

    /// Transaction-Id of a message's submission, and when its final block was released.
    fn submission(&self, id: &str) -> (String, Option<Timestamp>) {
        let sql = "SELECT transaction_id, last_released_at FROM submission WHERE message_id = ?1";
        self.database()
            .query_row(sql, [id], |row| {
                let released: Option<i64> = row.get(1)?;
                Ok((row.get(0)?, released.map(Timestamp::from_millis)))
            })
            .unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for entry in self.operator.state().mmsc.entries.iter().rev().take(20) {
                if entry.kind != EntryKind::Other {
                    eprintln!("{:?}", mm1gate::sim::Entry { body: Bytes::new(), ..entry.clone() });
                }
            }
        }
        self.operator.stop();
    }
}

fn config_text(scratch: &Scratch, operator: &Operator, wiring: Wiring) -> String {
    let path = |name: &str| -> PathBuf { Path::new(scratch.path()).join(name) };
    let control = match wiring {
        Wiring::TwoPorts => format!("control_port = {:?}\n", path("control")),
        Wiring::OnePort | Wiring::Multiplexed => String::new(),
    };
    let proxy = operator.proxy().map(|proxy| proxy.to_string()).unwrap_or_default();
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!(
        "data_dir = {:?}\n[api]\nlisten = \"{listen}\"\n[[modem]]\nname = \"rig\"\nport = {:?}\n\
         {control}[modem.operator]\napn = \"{}\"\nmmsc = \"{}\"\nproxy = \"{proxy}\"\n",
        path("state"),
        path("modem"),
        operator.apn(),
        operator.mmsc_url(),
    )
}

/// Octets that look like a JPEG at both ends and compress to nothing less in between.
fn noise(random: &Random, length: usize) -> Vec<u8> {
    let mut octets = vec![0; length];
    random.fill(&mut octets);
    octets[..4].copy_from_slice(&[0xff, 0xd8, 0xff, 0xe0]);
    octets[length - 2..].copy_from_slice(&[0xff, 0xd9]);
    octets
}

fn user_data(tpdu: &[u8]) -> UserData {
    match Tpdu::from_mobile(tpdu).unwrap().value {
        Tpdu::Submit(submit) => submit.user_data,
        other => panic!("{other:?}"),
    }
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(4_000);
    text.get(from..).unwrap_or(text)
}

//! The daemon under a service manager: what systemd is told (sd_notify(3)), the configuration read anew
//! on SIGHUP, and logs as JSON. Its modem is unplugged.

use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::cli_basics::{mm1gate, run};
use crate::support::{self, Process, Scratch, over_unix, wait_until};

const CONFIG: &str = "data_dir = \"data\"\n[api]\nlisten = \"127.0.0.1:0\"\n[[modem]]\nname = \"desk\"\n\
    port = \"/dev/mm1gate-no-such-port\"\n[modem.operator]\napn = \"mms.example\"\n\
    mmsc = \"http://mmsc.example/mms\"\n";

/// A daemon that tells this socket how it is.
struct Service {
    process: Process,
    socket: UnixDatagram,
    scratch: Scratch,
}

impl Service {
    fn start(watchdog: bool) -> Self {
        let scratch = Scratch::new("service");
        let home = scratch.path();
        std::fs::write(home.join("gate.toml"), CONFIG).expect("a file");
        let socket = UnixDatagram::bind(home.join("notify")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a limit");
        let mut command = support::mm1gate();
        command.env_clear().env("HOME", home).current_dir(home);
        command.env("NOTIFY_SOCKET", home.join("notify"));
        if watchdog {
            command.env("WATCHDOG_USEC", "1000000");
        }
        command.args(["--log", "info", "--log-format", "json", "serve", "--config", "gate.toml"]);
        let process = Process::start(&mut command, home, "serve");
        let service = Self { process, socket, scratch };
        service.told("READY=1");
        service
    }

    fn home(&self) -> &Path {
        self.scratch.path()
    }

    /// What is told next that begins a line with this, whatever else is told before.
    #[track_caller]
    fn told(&self, wanted: &str) -> String {
        let mut octets = [0; 4_096];
        let mut all = Vec::new();
        loop {
            let Ok(count) = self.socket.recv(&mut octets) else {
                panic!("{wanted} was not told, but {all:?}\n{}", self.process.errors());
            };
            let text = String::from_utf8_lossy(&octets[..count]).into_owned();
            if text.lines().any(|line| line.starts_with(wanted)) {
                return text;
            }
            all.push(text);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process.id(), signal).expect("it runs");
    }

    fn reload(&self, config: &str) -> String {
        std::fs::write(self.home().join("gate.toml"), config).expect("a file");
        self.signal(Signal::HUP);
        let told = self.told("RELOADING=1");
        assert!(told.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{told}");
        self.told("READY=1")
    }

    fn get(&self, path: &str) -> Value {
        let socket = self.home().join("data/mm1gate.sock");
        over_unix(&socket, "GET", path, "application/json", b"").expect("an answer").json()
    }

    fn log(&self) -> Vec<Value> {
        self.process
            .errors()
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

#[test]
fn systemd_is_told_ready_well_and_ending() {
    let mut service = Service::start(true);
    for _ in 0..3 {
        service.told("WATCHDOG=1");
    }
    assert!(service.process.is_running());
    service.signal(Signal::TERM);
    let told = service.told("STOPPING=1");
    assert!(told.contains("STATUS="), "{told}");
    wait_until("it ends", Duration::from_secs(20), || {
        (!service.process.is_running()).then_some(())
    });
}

#[test]
fn systemd_shows_alarms_as_long_as_they_hold() {
    let service = Service::start(false);
    let wrong = service.home().join("file");
    std::fs::write(&wrong, "no folder").expect("a file");
    let folder = "[[folder]]\nname = \"shop\"\npath = \"file\"\n[[modem]]";
    service.reload(&CONFIG.replace("[[modem]]", folder));
    let told = service.told("STATUS=the configuration was read anew; ALARM");
    assert!(told.contains("ALARM: folder-unusable (folder:shop); see `mm1gate status`"), "{told}");
    std::fs::remove_file(&wrong).expect("removed");
    let told = service.reload(CONFIG);
    assert!(told.contains("was read anew") && !told.contains("ALARM"), "{told}");
    let alarms = service.get("/api/v1/alarms");
    assert_eq!(alarms["alarms"], serde_json::json!([]), "of a folder that is no more");
}

#[test]
fn configuration_is_read_anew_on_sighup_and_a_broken_one_changes_nothing() {
    let service = Service::start(false);
    assert_eq!(service.get("/api/v1/webhooks")["webhooks"], serde_json::json!([]));
    let hook = "[[hook]]\nname = \"shop\"\ncommand = [\"/bin/true\"]\n";
    let told = service.reload(&CONFIG.replace("[[modem]]", &format!("{hook}[[modem]]")));
    assert!(told.contains("STATUS=the configuration was read anew"), "{told}");
    assert_eq!(service.get("/api/v1/webhooks")["webhooks"][0]["id"], "hook:shop");
    let limits = |day: u64| format!("[limits]\nper_day = {day}\n{hook}[[modem]]");
    service.reload(&CONFIG.replace("[[modem]]", &limits(7)));
    let told = service.get("/api/v1/limits").to_string();
    assert!(told.contains("\"limit\":7") || told.contains("\"most\":7"), "{told}");
    // Routes are read anew as well, and one that cannot be used leaves those before in force.
    let route = |modem: &str| {
        format!(
            "{hook}[[route]]\nname = \"all\"\nmodems = [\"{modem}\"]\ndefault = true\n[[modem]]"
        )
    };
    service.reload(&CONFIG.replace("[[modem]]", &route("desk")));
    let routes = service.get("/api/v1/routes");
    assert_eq!(routes["routes"][0]["modems"][0]["name"], "desk", "{routes}");
    let told = service.reload(&CONFIG.replace("[[modem]]", &route("dekc")));
    assert!(told.contains("route[0].modems") && told.contains("there are: desk"), "{told}");
    assert_eq!(service.get("/api/v1/routes"), routes);
    // A broken file: what held goes on to hold, and everybody hears why.
    let told = service.reload(&CONFIG.replace("[[modem]]", "[limits]\nper_dya = 8\n[[modem]]"));
    assert!(told.contains("per_dya") && told.contains("did you mean 'per_day'"), "{told}");
    assert_eq!(service.get("/api/v1/webhooks")["webhooks"][0]["id"], "hook:shop");
    let log = service.log();
    let line = log.iter().find(|line| line["level"] == "ERROR").expect("an error in the log");
    assert!(line.to_string().contains("the one before stays in force"), "{line}");
    // What cannot change is named, and the rest holds.
    let other =
        CONFIG.replace("127.0.0.1:0", "127.0.0.1:1").replace("mms.example\"", "web.example\"");
    let told = service.reload(&other);
    assert!(told.contains("a restart is needed for [api], [[modem]]"), "{told}");
    assert_eq!(service.get("/api/v1/webhooks")["webhooks"], serde_json::json!([]));
    // A file that is gone.
    std::fs::remove_file(service.home().join("gate.toml")).unwrap();
    service.signal(Signal::HUP);
    service.told("RELOADING=1");
    assert!(service.told("READY=1").contains("No such file"));
}

#[test]
fn every_line_of_the_log_is_an_object_with_time_level_and_words() {
    let service = Service::start(false);
    service.reload(CONFIG);
    let log = service.log();
    assert!(log.len() > 1, "{}", service.process.errors());
    for line in &log {
        for field in ["timestamp", "level", "target"] {
            assert!(line[field].is_string(), "{field} in {line}");
        }
    }
    let mut text = String::new();
    std::fs::File::open(&service.process.stderr).unwrap().read_to_string(&mut text).unwrap();
    assert!(!text.contains('\u{1b}'), "no colours");
}

#[test]
fn configuration_is_written_once_and_shown_without_secrets() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join(".config/mm1gate/mm1gate.toml");
    let (exit, out, err) = run(mm1gate(home.path()).args(["config", "init"]));
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains(&file.display().to_string()), "{out}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, example, _) = run(mm1gate(home.path()).args(["config", "example"]));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), example);
    let (exit, _, err) = run(mm1gate(home.path()).args(["config", "check"]));
    assert_eq!(exit, 0, "{err}");
    std::fs::write(&file, CONFIG.replace("[modem.operator]", "pin = \"4711\"\n[modem.operator]"))
        .unwrap();
    let (exit, _, err) = run(mm1gate(home.path()).args(["config", "init"]));
    assert_eq!(exit, 73, "{err}");
    assert!(err.contains("is there already") && err.contains("nothing was written"), "{err}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("4711"));
    let (exit, shown, err) = run(mm1gate(home.path()).args(["config", "show"]));
    assert_eq!(exit, 0, "{err}");
    assert!(shown.contains("pin = \"***\"") && !shown.contains("4711"), "{shown}");
    assert!(shown.contains("messages_days = 400"), "defaults are shown too: {shown}");
    let (exit, json, err) = run(mm1gate(home.path()).args(["config", "show", "--json"]));
    assert_eq!(exit, 0, "{err}");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["modem"][0]["pin"], &json["limits"]["per_day"]),
        (&"***".into(), &1_000.into())
    );
    // What is shown can be read again.
    let again = home.path().join("again.toml");
    std::fs::write(&again, shown.replace("pin = \"***\"\n", "")).unwrap();
    let path = again.display().to_string();
    let (exit, _, err) = run(mm1gate(home.path()).args(["config", "check", "--config", &path]));
    assert_eq!(exit, 0, "{err}");
}

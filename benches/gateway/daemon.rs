//! The daemon as its users run it: the program itself, in a process of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long it may take to answer, and to end.
const LIMIT: Duration = Duration::from_secs(120);

/// Where Debian's package `libeatmydata1` puts it: `fsync` and its kin do nothing.
const EATMYDATA: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/libeatmydata.so", "/usr/lib/aarch64-linux-gnu/libeatmydata.so"];

/// Whether what the daemon writes waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    On,
    /// By `libeatmydata`, on the same file system.
    Off,
}

/// Where the library is that makes `fsync` do nothing.
pub(crate) fn eatmydata() -> Option<&'static str> {
    EATMYDATA.into_iter().find(|path| Path::new(path).exists())
}

/// A daemon that is ended when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
    pub(crate) token: Option<String>,
}

/// A modem in the configuration.
#[derive(Debug, Clone)]
pub(crate) struct ModemLine {
    pub(crate) name: String,
    pub(crate) port: PathBuf,
    pub(crate) control_port: Option<PathBuf>,
    pub(crate) number: String,
    pub(crate) mmsc: String,
    pub(crate) proxy: String,
    pub(crate) apn: String,
}

impl ModemLine {
    /// One that nobody has plugged in: messages are accepted for it and wait.
    pub(crate) fn absent() -> Self {
        Self {
            name: "front-desk".to_owned(),
            port: PathBuf::from("/dev/mm1gate-bench-absent"),
            control_port: None,
            number: "+447700900001".to_owned(),
            mmsc: "http://mmsc.example/mms".to_owned(),
            proxy: String::new(),
            apn: "mms.example".to_owned(),
        }
    }
}

/// Writes the configuration of a daemon whose data is in `folder`.
pub(crate) fn configure(folder: &Path, modems: &[ModemLine]) -> Result<(), String> {
    use std::fmt::Write as _;
    let mut text = format!(
        "data_dir = {:?}\n[api]\nlisten = \"127.0.0.1:{}\"\n",
        folder.join("data"),
        free_port()?
    );
    for modem in modems {
        let _ = write!(
            text,
            "[[modem]]\nname = {:?}\nport = {:?}\nown_number = {:?}\n",
            modem.name,
            modem.port.display().to_string(),
            modem.number,
        );
        if let Some(port) = &modem.control_port {
            let _ = writeln!(text, "control_port = {:?}", port.display().to_string());
        }
        let _ = write!(
            text,
            "[modem.operator]\napn = {:?}\nmmsc = {:?}\nproxy = {:?}\n",
            modem.apn, modem.mmsc, modem.proxy
        );
    }
    fs::write(folder.join("mm1gate.toml"), text).map_err(|error| error.to_string())
}

fn free_port() -> Result<u16, String> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

fn listen(folder: &Path) -> Result<SocketAddr, String> {
    let text =
        fs::read_to_string(folder.join("mm1gate.toml")).map_err(|error| error.to_string())?;
    let found = text.lines().find_map(|line| line.strip_prefix("listen = \"")?.strip_suffix('"'));
    found.and_then(|it| it.parse().ok()).ok_or_else(|| "no address to listen on".to_owned())
}

impl Daemon {
    /// Starts it and waits for its first answer.
    pub(crate) fn start(folder: &Path, sync: Sync) -> Result<Self, String> {
        let address = listen(folder)?;
        let log = fs::File::create(folder.join("log")).map_err(|error| error.to_string())?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_mm1gate"));
        command
            .args(["--log", "warn", "serve", "--config"])
            .arg(folder.join("mm1gate.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if sync == Sync::Off {
            command.env("LD_PRELOAD", eatmydata().ok_or("libeatmydata1 is not installed")?);
        }
        let begin = Instant::now();
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut daemon = Self { child, address, ready: Duration::ZERO, token: None };
        while TcpStream::connect(address).is_err() {
            if let Ok(Some(status)) = daemon.child.try_wait() {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(format!("the daemon ended: {status}: {log}"));
            }
            if begin.elapsed() > LIMIT {
                return Err("the daemon does not answer".to_owned());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        daemon.ready = begin.elapsed();
        Ok(daemon)
    }

    /// Has a token made, which each request needs from then on.
    pub(crate) fn ask_for_tokens(&mut self, folder: &Path) -> Result<(), String> {
        let output = Command::new(env!("CARGO_BIN_EXE_mm1gate"))
            .args(["token", "create", "bench", "--json", "--config"])
            .arg(folder.join("mm1gate.toml"))
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let made: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            format!("no token: {error}: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        self.token = made["token"].as_str().map(str::to_owned);
        self.token.as_ref().map(drop).ok_or_else(|| format!("no token in {text}"))
    }

    /// Time on processors until now, its own and the system's for it.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        // Behind the name, which may hold blanks: utime and stime are the 12th and 13th field.
        let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 =
            rest.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
        let a_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / a_second as f64))
    }

    /// Resident memory, octets.
    pub(crate) fn resident(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.map(|it| it * 1024).ok_or_else(|| "no VmRSS".to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(id) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(id, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

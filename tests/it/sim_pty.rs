//! The virtual modem on pseudo-terminals in real time, the external PPP program, and the command
//! `simulate`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mm1gate::sim::{Fault, ModemConfig, Operator, OperatorBuilder, PortRole, PtyPort, Subscriber};
use rustix::fs::{Mode, OFlags};
use tokio::time::{sleep, timeout};

const LIMIT: Duration = Duration::from_secs(10);

/// A program's end of the pseudo-terminal, read and written with blocking calls elsewhere.
struct Host(OwnedFd);

impl Host {
    fn open(path: &Path) -> Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Self(rustix::fs::open(path, flags, Mode::empty()).unwrap())
    }

    fn write(&self, text: &str) {
        assert_eq!(rustix::io::write(&self.0, text.as_bytes()), Ok(text.len()));
    }

    async fn until(&self, end: &str) -> String {
        let mut heard = String::new();
        let mut buffer = [0; 1024];
        let found = timeout(LIMIT, async {
            while !heard.ends_with(end) {
                match rustix::io::read(&self.0, &mut buffer) {
                    Ok(count) => heard.push_str(&String::from_utf8_lossy(&buffer[..count])),
                    Err(_) => sleep(Duration::from_millis(5)).await,
                }
            }
        });
        assert!(found.await.is_ok(), "no {end:?} in {heard:?}");
        heard
    }

    async fn ask(&self, line: &str) -> String {
        self.write(&format!("{line}\r"));
        self.until("OK\r\n").await
    }
}

/// An operator whose modem is on a pseudo-terminal for as long as the folder lives.
fn on_pty(builder: OperatorBuilder) -> (Operator, tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("modem");
    let config = ModemConfig { control_port: false, ..ModemConfig::default() };
    let operator = builder.line(Subscriber::default(), config).start();
    let port = PtyPort::create(&path).unwrap();
    let modem = operator.modem().clone();
    tokio::spawn(async move { port.serve(&modem, PortRole::Data).await });
    (operator, folder, path)
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let found = timeout(LIMIT, async {
        while !holds() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(found.await.is_ok(), "{what}");
}

#[tokio::test]
async fn closing_the_terminal_hangs_up_and_opening_it_finds_the_same_modem() {
    let (operator, _folder, path) = on_pty(Operator::builder());
    let host = Host::open(&path);
    assert_eq!(host.ask("AT").await, "AT\r\r\nOK\r\n", "raw: nothing is translated");
    host.ask("ATE0+CGDCONT=2,\"IP\",\"mms.example\"").await;
    host.write("ATD*99***2#\r");
    host.until("CONNECT 150000000\r\n").await;
    assert!(operator.modem().state().call.is_some());
    drop(host);
    eventually("the call ends", || operator.modem().state().call.is_none()).await;
    eventually("the port closes", || operator.modem().state().open_ports.is_empty()).await;
    for _ in 0..5 {
        let host = Host::open(&path);
        let heard = host.ask("AT+CGDCONT?").await;
        assert!(heard.contains("+CGDCONT: 2,\"IP\",\"mms.example\""), "{heard:?}");
        assert!(!heard.contains("AT+"), "the echo stays off: {heard:?}");
    }
}

#[tokio::test]
async fn network_is_heard_during_a_call_also_after_earlier_openings() {
    let (operator, _folder, path) = on_pty(Operator::builder());
    for _ in 0..2 {
        let host = Host::open(&path);
        host.ask("AT").await;
        host.write("ATD*99#\r");
        host.until("CONNECT 150000000\r\n").await;
        // An LCP Configure-Request without options, escaped as RFC 1662 clause 4.2 says.
        host.write("~");
        let frame = [0x7d, 0x23, 0xc0, 0x21, 0x7d, 0x21, 0x7d, 0x21, 0x7d, 0x20, 0x7d, 0x24];
        let checked = [&[0xff][..], &frame, &[0xd1, 0xb5], b"~"].concat();
        assert_eq!(rustix::io::write(&host.0, &checked), Ok(checked.len()));
        // Its answer, or the request of the other side: either begins with a flag.
        host.until("~").await;
        drop(host);
        eventually("the port closes", || operator.modem().state().open_ports.is_empty()).await;
    }
}

#[tokio::test]
async fn silent_modem_on_a_terminal_answers_nothing() {
    let (operator, _folder, path) = on_pty(Operator::builder());
    operator.faults().set(Fault::ModemSilent {});
    let host = Host::open(&path);
    host.write("AT\r");
    sleep(Duration::from_millis(300)).await;
    let mut buffer = [0; 16];
    assert!(rustix::io::read(&host.0, &mut buffer).is_err(), "nothing to read");
}

#[tokio::test]
async fn name_in_use_is_refused_and_a_stale_link_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("modem");
    fs::write(&path, "a file").unwrap();
    assert_eq!(PtyPort::create(&path).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"a file");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/pts/99999", &path).unwrap();
    let port = PtyPort::create(&path).unwrap();
    assert_eq!(fs::read_link(&path).unwrap(), port.slave());
    drop(port);
    assert!(path.symlink_metadata().is_err(), "the name goes with the port");
}

fn external(words: &[&str]) -> OperatorBuilder {
    Operator::builder().ppp_command(words.iter().map(|word| (*word).to_owned()).collect())
}

fn is_running(mark: &str) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("environ"))
            .is_ok_and(|environ| String::from_utf8_lossy(&environ).contains(mark))
    })
}

#[tokio::test]
async fn external_program_gets_the_octets_and_is_ended_with_the_call() {
    let mark = format!("MM1GATE_TEST_CALL={}", std::process::id());
    let (_operator, _folder, path) = on_pty(external(&["env", &mark, "cat"]));
    let host = Host::open(&path);
    host.ask("ATE0").await;
    host.write("ATD*99#\r");
    host.until("CONNECT 150000000\r\n").await;
    // Control octets pass as they are in both directions.
    host.write("~\u{3}\u{11}\u{13}\u{1a}\r\n\u{7f}~");
    assert_eq!(host.until("\u{7f}~").await, "~\u{3}\u{11}\u{13}\u{1a}\r\n\u{7f}~");
    assert!(is_running(&mark));
    drop(host);
    eventually("the program ends and is reaped", || !is_running(&mark)).await;
}

#[tokio::test]
async fn end_of_the_external_program_is_no_carrier_and_a_missing_one_too() {
    for (words, connects) in [(&["true"][..], true), (&["/no/such/program"], false)] {
        let (_operator, _folder, path) = on_pty(external(words));
        let host = Host::open(&path);
        host.ask("ATE0").await;
        host.write("ATD*99#\r");
        let heard = host.until("NO CARRIER\r\n").await;
        assert_eq!(heard.contains("CONNECT"), connects, "{heard:?}");
        let cause = host.ask("AT+CEER").await;
        assert_eq!(cause.contains("does not start"), !connects, "{cause:?}");
    }
}

fn simulate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mm1gate"));
    command.arg("simulate").args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn command_says_when_it_is_ready_and_cleans_up_when_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (tty, control) = (folder.path().join("a"), folder.path().join("b"));
    let mut child = simulate(&["--json", "--control", "127.0.0.1:0", "--tty"])
        .arg(&tty)
        .arg("--control-tty")
        .arg(&control)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["tty"], tty.to_str().unwrap());
    assert!(fs::read_link(&tty).unwrap().starts_with("/dev/pts"));
    assert!(fs::read_link(&control).unwrap().starts_with("/dev/pts"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(tty.symlink_metadata().is_err() && control.symlink_metadata().is_err());
}

#[test]
fn unusable_options_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let free = folder.path().join("free");
    let free = free.to_str().unwrap();
    for (arguments, exit, words) in [
        (&["--tty", file][..], 73, "the name is taken"),
        (&["--tty", "/no/such/folder/x"], 73, "no such file or directory"),
        (&["--tty", free, "--control", "0.0.0.0:0"], 64, "only loopback addresses"),
        (&["--tty", free, "--ppp-command", "a 'b"], 64, "a quote is not closed"),
        (&["--tty", free, "--pin", "12x4"], 64, "a PIN has 4 to 8 digits"),
        (&["--tty", free, "--number", "shop"], 64, "a phone number has"),
        (&[], 64, "--tty"),
    ] {
        let mut child = simulate(arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(exit), "{arguments:?}: {text}");
        assert!(text.contains(words), "{arguments:?}: {text}");
    }
    assert!(!Path::new(free).exists(), "nothing is left behind");
}

/// Runs `simulate` with a scenario file until it is ready; else its exit code and its complaint.
fn with_scenario(text: &str) -> Result<serde_json::Value, (Option<i32>, String)> {
    let folder = tempfile::tempdir().unwrap();
    let (tty, file) = (folder.path().join("modem"), folder.path().join("bad-day.toml"));
    fs::write(&file, text).unwrap();
    let mut child = simulate(&["--json", "--tty"])
        .arg(&tty)
        .arg("--scenario")
        .arg(&file)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    if line.is_empty() {
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert!(tty.symlink_metadata().is_err(), "no name without a modem");
        return Err((child.wait().unwrap().code(), complaint));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    Ok(serde_json::from_str(&line).unwrap())
}

#[test]
fn scenario_files_are_played_or_explained_with_line_and_key() {
    let ready = with_scenario(
        "[network]\napn = \"shop.example\"\n[[fault]]\nfault = \"no-coverage\"\nat = 20\nfor = 30\n",
    );
    assert_eq!(ready.unwrap()["apn"], "shop.example");
    let (code, complaint) = with_scenario("[modem]\nsm_slots = 10\nsm_slot = 3\n").unwrap_err();
    assert_eq!(code, Some(65), "{complaint}");
    assert!(complaint.contains("bad-day.toml:3: modem.sm_slot"), "{complaint}");
    assert!(complaint.contains("sm_slots") && complaint.contains("--help"), "{complaint}");
    let (code, complaint) = with_scenario("seed = 7\n[[fault]]\nfault = \"rain\"\n").unwrap_err();
    assert_eq!(code, Some(65), "{complaint}");
    assert!(complaint.contains("bad-day.toml:3: fault.fault"), "{complaint}");
    assert!(complaint.contains("`rain`") && complaint.contains("no-coverage"), "{complaint}");
}

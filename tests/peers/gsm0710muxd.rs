//! gsm0710muxd, a multiplexer that nobody in this project wrote, begins it on the virtual modem,
//! opens channels, and its terminals talk to them: our responder and our codec against its.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::sim::{ModemConfig, Operator, PortRole, PtyPort, Subscriber};
use rustix::fs::OFlags;

use crate::bus::Bus;
use crate::support::{Process, Scratch, wait_until};

/// How long the program may take for anything: it sleeps a second here and there.
const PATIENCE: Duration = Duration::from_secs(30);

/// Its name on the bus.
const SERVICE: &str = "org.pyneo.mux";

struct Muxer {
    bus: Bus,
    program: Process,
}

impl Muxer {
    fn start(folder: &Path, device: &Path) -> Self {
        let bus = Bus::start(folder);
        let mut command = bus.command("gsm0710muxd");
        command.args(["-v", "-v", "-m", "basic", "-f", "128", "-s"]).arg(device);
        let program = Process::start(&mut command, folder, "muxd");
        bus.wait_for(SERVICE);
        Self { bus, program }
    }

    fn ask(&mut self, method: &str, arguments: &[&str]) -> Option<String> {
        let method = format!("org.pyneo.Powered.{method}");
        let answer = self.bus.call(SERVICE, "/org/pyneo/Muxer", &method, arguments);
        assert!(self.program.is_running(), "gsm0710muxd ended: {}", self.program.errors());
        answer.ok()
    }
}

/// A terminal of the program, without echo.
struct Terminal(File);

impl Terminal {
    fn open(path: &Path) -> Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).unwrap();
        let mut raw = rustix::termios::tcgetattr(&fd).unwrap();
        raw.make_raw();
        rustix::termios::tcsetattr(&fd, rustix::termios::OptionalActions::Now, &raw).unwrap();
        Self(File::from(fd))
    }

    /// Sends a line and waits until `wanted` is among what comes.
    fn expect(&mut self, line: &str, wanted: &str) -> String {
        self.0.write_all(line.as_bytes()).unwrap();
        let mut heard = Vec::new();
        wait_until(&format!("{wanted:?} behind {line:?}"), PATIENCE, || {
            let mut buffer = [0; 512];
            match self.0.read(&mut buffer) {
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
            let text = String::from_utf8_lossy(&heard).into_owned();
            text.contains(wanted).then_some(text)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs gsm0710muxd"]
async fn foreign_multiplexer_opens_channels_and_talks_on_each() {
    let scratch = Scratch::new("gsm0710muxd");
    let folder = scratch.path().to_owned();
    let device = folder.join("modem");
    let config = ModemConfig { control_port: false, ..ModemConfig::default() };
    let operator = Operator::builder().line(Subscriber::default(), config).start();
    let port = PtyPort::create(&device).unwrap();
    let modem = operator.modem().clone();
    let served = tokio::spawn(async move { port.serve(&modem, PortRole::Data).await });
    let network = operator.clone();
    let dialogue = tokio::task::spawn_blocking(move || converse(&folder, &device, &network));
    dialogue.await.unwrap();
    operator.stop();
    served.abort();
}

fn converse(folder: &Path, device: &Path, operator: &Operator) {
    let mut muxer = Muxer::start(folder, device);
    wait_until("the multiplexer", PATIENCE, || {
        muxer.ask("SetPower", &["string:test", "boolean:true"])
    });
    let channel = |muxer: &mut Muxer, name: &str| -> PathBuf {
        // It answers with a nameless file while it has not begun.
        wait_until("a channel", PATIENCE, || {
            let reply = muxer.ask("GetDevice", &[&format!("string:{name}")])?;
            let path = reply.split('"').nth(1)?.trim_start_matches("file://");
            (!path.is_empty()).then(|| PathBuf::from(path))
        })
    };
    let commands = channel(&mut muxer, "commands");
    let calls = channel(&mut muxer, "calls");
    assert_ne!(commands, calls);
    let (mut commands, mut calls) = (Terminal::open(&commands), Terminal::open(&calls));
    commands.expect("ATE0\r", "OK");
    commands.expect("AT+CFUN=1\r", "OK");
    commands.expect("AT+CIMI\r", "001010123456789");
    wait_until("the network", PATIENCE, || {
        commands.expect("AT+CREG?\r", "OK").contains("+CREG: 0,1").then_some(())
    });
    calls.expect("AT+CGDCONT=2,\"IP\",\"mms.example\"\r", "OK");
    calls.expect("ATD*99***2#\r", "CONNECT");
    // A call on one channel, a message on the other.
    let deliver = hex::decode("0405812143F500006211120000000002E834").unwrap();
    operator.deliver_sms("+447700900001", &[Bytes::from(deliver)]).unwrap();
    commands.expect("AT+CMGF=0\r", "OK");
    let list = commands.expect("AT+CMGL=4\r", "E834");
    assert!(list.contains("+CMGL:"), "{list}");
    assert!(operator.state().modems[0].call.is_some());
}

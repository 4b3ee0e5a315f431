//! A scripted modem: what it answers to which command, and what a line of it looks like.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::model::redact::Secret;
use crate::model::{Clock, NoTap, StageSink, Timestamp};
use crate::modem::usb::NoUsb;
use crate::modem::{
    Means, Modem, ModemConfig, ModemEvent, OpenPort, PdpAuth, PdpContext, PinMemory, Port,
    PortError, PortOpener, Profile, ProfileChoice, Serial, VolatilePins,
};

/// What the modem answers. Text is sent as it stands; `OK` alone is wrapped in line ends.
pub(super) const SILENCE: &str = "";

/// Answers of a modem that has nothing to hide.
const PLAIN: &[(&str, &str)] = &[
    ("AT", "OK"),
    ("ATE0", "OK"),
    ("ATV1", "OK"),
    ("AT+CMEE=1", "OK"),
    ("AT+CFUN=1", "OK"),
    ("AT+CGMI", "\r\nExample\r\n\r\nOK\r\n"),
    ("AT+CGMM", "\r\nX1\r\n\r\nOK\r\n"),
    ("AT+CGMR", "\r\n1.0\r\n\r\nOK\r\n"),
    ("AT+CGSN", "\r\n350000000000006\r\n\r\nOK\r\n"),
    ("AT+CIMI", "\r\n001010123456789\r\n\r\nOK\r\n"),
    ("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"),
    ("AT+CMGF=0", "OK"),
    ("AT+CPMS=?", "\r\n+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")\r\n\r\nOK\r\n"),
    ("AT+CPMS?", "\r\n+CPMS: \"ME\",0,23,\"SM\",0,10,\"ME\",0,23\r\n\r\nOK\r\n"),
    ("AT+CPMS=\"ME\",\"SM\",\"ME\"", "\r\n+CPMS: 0,23,0,10,0,23\r\n\r\nOK\r\n"),
    ("AT+CPMS=\"SM\",\"ME\",\"SM\"", "\r\n+CPMS: 0,10,0,23,0,10\r\n\r\nOK\r\n"),
    ("AT+CPMS=\"ME\",\"ME\",\"ME\"", "\r\n+CPMS: 0,23,0,23,0,23\r\n\r\nOK\r\n"),
    ("AT+CPMS=\"ME\"", "\r\n+CPMS: 0,23,0,23,0,23\r\n\r\nOK\r\n"),
    ("AT+CPMS=\"SM\"", "\r\n+CPMS: 0,10,0,23,0,23\r\n\r\nOK\r\n"),
    ("AT+CNMI=?", "\r\n+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)\r\n\r\nOK\r\n"),
    ("AT+CNMI=2,1,0,1,0", "OK"),
    ("AT+CMGL=4", "OK"),
    ("AT+CEREG?", "ERROR"),
    ("AT+CGREG?", "\r\n+CGREG: 0,1\r\n\r\nOK\r\n"),
    ("AT+CREG?", "\r\n+CREG: 0,1\r\n\r\nOK\r\n"),
    ("AT+COPS=3,0", "OK"),
    ("AT+COPS?", "\r\n+COPS: 0,0,\"Example Net\",2\r\n\r\nOK\r\n"),
    ("AT+CSQ", "\r\n+CSQ: 17,99\r\n\r\nOK\r\n"),
    ("AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n"),
    ("AT+CGACT?", "OK"),
    ("AT+CGDCONT?", "OK"),
    ("AT+CGDCONT=?", "\r\n+CGDCONT: (1-3),\"IP\",,,(0),(0)\r\n\r\nOK\r\n"),
    ("AT+CGDCONT=1,\"IP\",\"mms.example\"", "OK"),
    ("ATD*99***1#", "\r\nCONNECT 115200\r\n"),
    ("ATH", "OK"),
];

/// How a port of the modem behaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    answers: BTreeMap<String, VecDeque<String>>,
    /// Sent back before the answer; twice by some.
    pub(super) echoes: usize,
    /// Text between echo and answer, and between the answer's lines.
    pub(super) flood: String,
    /// How long it thinks about each command.
    pub(super) delay: Duration,
    /// Octets written at once; 0 for all.
    pub(super) chunk: usize,
    /// In a call from the start, as a killed program leaves it.
    pub(super) in_call: bool,
    /// Whether dropping DTR ends a call.
    pub(super) has_dtr: bool,
    /// Whether `+++` leads to command mode.
    pub(super) deaf_to_escape: bool,
    /// Speeds at which it understands; any when empty. Only with control lines.
    pub(super) speeds: Vec<u32>,
    /// What leads to command mode.
    pub(super) escape: &'static str,
    /// What it is answered with.
    pub(super) escape_answer: &'static str,
}

impl Script {
    pub(super) fn new() -> Self {
        let mut script = Self { escape: "+++", escape_answer: "\r\nOK\r\n", ..Self::default() };
        for (command, answer) in PLAIN {
            script = script.on(command, &[answer]);
        }
        script
    }

    /// Answers `command` with each of `answers` in turn, and with the last from then on.
    pub(super) fn on(mut self, command: &str, answers: &[&str]) -> Self {
        let answers = answers.iter().map(|it| (*it).to_owned()).collect();
        self.answers.insert(command.to_owned(), answers);
        self
    }

    fn answer(&mut self, command: &str) -> String {
        let text = match self.answers.get_mut(command) {
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers[0].clone(),
            None => "ERROR".to_owned(),
        };
        let bare = !text.is_empty() && !text.contains('\r') && !text.contains('\n');
        if bare { format!("\r\n{text}\r\n") } else { text }
    }
}

/// What a test does to the modem while it runs.
pub(super) enum Act {
    Say(Vec<u8>),
    /// Ends a call as the network does, with what is said then.
    EndCall(Vec<u8>),
    Unplug,
}

/// The far end of a port.
#[derive(Clone)]
pub(super) struct Far {
    acts: mpsc::UnboundedSender<Act>,
    commands: Arc<Mutex<Vec<String>>>,
    data: Arc<Mutex<Vec<u8>>>,
    carrier: Arc<AtomicBool>,
    serial: Arc<Mutex<Option<Serial>>>,
}

impl Far {
    pub(super) fn say(&self, text: &str) {
        let _ = self.acts.send(Act::Say(text.as_bytes().to_vec()));
    }

    pub(super) fn act(&self, act: Act) {
        let _ = self.acts.send(act);
    }

    pub(super) fn end_call(&self, text: &str) {
        self.act(Act::EndCall(text.as_bytes().to_vec()));
    }

    /// Whether the port was closed.
    pub(super) fn is_released(&self) -> bool {
        self.acts.is_closed()
    }

    /// Every command so far.
    pub(super) fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    /// How often it was given this command.
    pub(super) fn count(&self, command: &str) -> usize {
        self.commands().iter().filter(|it| *it == command).count()
    }

    pub(super) fn saw(&self, command: &str) -> bool {
        self.commands().iter().any(|it| it == command)
    }

    /// What came in data mode.
    pub(super) fn data(&self) -> Vec<u8> {
        self.data.lock().unwrap().clone()
    }

    /// How the port is set.
    pub(super) fn serial(&self) -> Option<Serial> {
        *self.serial.lock().unwrap()
    }

    pub(super) fn drop_carrier(&self) {
        self.carrier.store(false, Ordering::SeqCst);
    }
}

/// The ports of the bench; each opens as often as it is put in.
#[derive(Clone, Default)]
pub(super) struct Ports(Arc<Mutex<BTreeMap<String, Plugged>>>);

/// Ports of one name, in the order in which they open.
type Plugged = VecDeque<Box<dyn Port>>;

impl Ports {
    pub(super) fn plug(&self, name: &str, script: Script) -> Far {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (acts, incoming) = mpsc::unbounded_channel();
        let dtr = Arc::new(AtomicBool::new(true));
        let carrier = Arc::new(AtomicBool::new(false));
        let serial = Arc::default();
        let port: Box<dyn Port> = if script.has_dtr {
            let (dtr, carrier) = (Arc::clone(&dtr), Arc::clone(&carrier));
            Box::new(Wired { near, dtr, carrier, serial: Arc::clone(&serial) })
        } else {
            Box::new(near)
        };
        self.0.lock().unwrap().entry(name.to_owned()).or_default().push_back(port);
        let commands = Arc::default();
        let data = Arc::default();
        let end = Far {
            acts,
            commands: Arc::clone(&commands),
            data: Arc::clone(&data),
            carrier: Arc::clone(&carrier),
            serial: Arc::clone(&serial),
        };
        let in_call = script.in_call;
        let scripted = Scripted {
            script,
            port: far,
            commands,
            data,
            dtr,
            carrier,
            serial,
            in_call,
            quiet_since: None,
        };
        tokio::spawn(scripted.run(incoming));
        end
    }
}

impl PortOpener for Ports {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        let port = self.0.lock().unwrap().get_mut(name).and_then(VecDeque::pop_front);
        let missing = PortError::Missing { port: name.to_owned(), present: Vec::new() };
        Box::pin(async move { port.ok_or(missing) })
    }
}

/// A port with control lines.
struct Wired {
    near: DuplexStream,
    dtr: Arc<AtomicBool>,
    carrier: Arc<AtomicBool>,
    serial: Arc<Mutex<Option<Serial>>>,
}

impl Port for Wired {
    fn set_dtr(&mut self, on: bool) -> bool {
        self.dtr.store(on, Ordering::SeqCst);
        true
    }

    fn set_serial(&mut self, serial: Serial) -> bool {
        *self.serial.lock().unwrap() = Some(serial);
        true
    }

    fn carrier(&mut self) -> Option<bool> {
        Some(self.carrier.load(Ordering::SeqCst))
    }
}

impl AsyncRead for Wired {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.near).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wired {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.near).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a serial port must not be flushed")
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        panic!("a serial port must not be shut down")
    }
}

struct Scripted {
    script: Script,
    port: DuplexStream,
    commands: Arc<Mutex<Vec<String>>>,
    data: Arc<Mutex<Vec<u8>>>,
    dtr: Arc<AtomicBool>,
    carrier: Arc<AtomicBool>,
    serial: Arc<Mutex<Option<Serial>>>,
    in_call: bool,
    quiet_since: Option<Instant>,
}

impl Scripted {
    async fn run(mut self, mut acts: mpsc::UnboundedReceiver<Act>) {
        let mut line = Vec::new();
        let mut look = Instant::now();
        self.quiet_since = Some(Instant::now());
        loop {
            let mut buffer = [0; 256];
            tokio::select! {
                biased;
                act = acts.recv() => match act {
                    Some(Act::Say(octets)) => self.write(&octets).await,
                    Some(Act::EndCall(octets)) => {
                        self.in_call = false;
                        self.write(&octets).await;
                    }
                    Some(Act::Unplug) => return,
                    None => std::future::pending().await,
                },
                read = self.port.read(&mut buffer) => {
                    let Ok(count @ 1..) = read else { return };
                    let speed = self.serial.lock().unwrap().map_or(115_200, |it| it.baud);
                    if !self.script.speeds.is_empty() && !self.script.speeds.contains(&speed) {
                        continue;
                    }
                    if self.in_call {
                        self.data_octets(&buffer[..count]).await;
                    } else {
                        for octet in &buffer[..count] {
                            if *octet == b'\r' {
                                let text = String::from_utf8_lossy(&line).into_owned();
                                line.clear();
                                // What is no text is not answered.
                                if text.is_ascii() {
                                    self.command(text.trim_matches('\u{1b}')).await;
                                }
                            } else if *octet == 0x1a {
                                // A message behind its prompt.
                                let text = format!("{}^Z", String::from_utf8_lossy(&line));
                                line.clear();
                                self.command(&text).await;
                            } else {
                                line.push(*octet);
                            }
                        }
                    }
                    self.quiet_since = Some(Instant::now());
                }
                () = sleep_until(look) => {
                    look += Duration::from_millis(100);
                    if self.in_call && self.script.has_dtr && !self.dtr.load(Ordering::SeqCst) {
                        self.in_call = false;
                        self.carrier.store(false, Ordering::SeqCst);
                        self.write(b"\r\nNO CARRIER\r\n").await;
                    }
                }
            }
        }
    }

    /// In a call: everything is data, but `+++` between a second of silence on either side.
    async fn data_octets(&mut self, octets: &[u8]) {
        let quiet = self.quiet_since.is_none_or(|it| it.elapsed() >= Duration::from_secs(1));
        if octets == self.script.escape.as_bytes() && quiet && !self.script.deaf_to_escape {
            let mut more = [0; 64];
            match timeout(Duration::from_secs(1), self.port.read(&mut more)).await {
                Err(_) => {
                    self.in_call = false;
                    let answer = self.script.escape_answer;
                    self.write(answer.as_bytes()).await;
                }
                Ok(read) => {
                    self.data.lock().unwrap().extend(b"+++");
                    self.data.lock().unwrap().extend(&more[..read.unwrap_or(0)]);
                }
            }
        } else {
            self.data.lock().unwrap().extend(octets);
        }
    }

    async fn command(&mut self, command: &str) {
        for _ in 0..self.script.echoes {
            self.write(format!("{command}\r\r\n").as_bytes()).await;
        }
        if command.is_empty() {
            return;
        }
        self.commands.lock().unwrap().push(command.to_owned());
        if !self.script.delay.is_zero() {
            sleep(self.script.delay).await;
        }
        let mut answer = self.script.answer(command);
        if !self.script.flood.is_empty() && !answer.is_empty() {
            let flood = format!("\r\n{}\r\n", self.script.flood);
            answer = format!("{flood}{}{flood}", answer.replace("\r\n\r\n", &flood));
        }
        if command.starts_with("ATD") && answer.contains("CONNECT") {
            self.in_call = true;
            self.carrier.store(true, Ordering::SeqCst);
        }
        self.write(answer.as_bytes()).await;
    }

    async fn write(&mut self, octets: &[u8]) {
        let size = if self.script.chunk == 0 { octets.len().max(1) } else { self.script.chunk };
        for chunk in octets.chunks(size) {
            let _ = self.port.write_all(chunk).await;
            if self.script.chunk > 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// A driver on ports of the bench.
pub(super) struct Bench {
    pub(super) modem: Modem,
    pub(super) events: mpsc::Receiver<ModemEvent>,
    pub(super) stages: Arc<Mutex<Vec<&'static str>>>,
}

pub(super) fn bench(ports: &Ports, port: &str, control: Option<&str>, pin: Option<&str>) -> Bench {
    bench_as(ports, port, control, pin, ProfileChoice::fixed(Profile::generic()))
}

/// A modem with one port that is in service.
pub(super) async fn ready(script: Script) -> (Bench, Far) {
    let ports = Ports::default();
    let far = ports.plug("p", script);
    let bench = bench(&ports, "p", None, None);
    bench.modem.prepare().await.unwrap();
    (bench, far)
}

/// The same as [`bench`] with another profile.
pub(super) fn bench_as(
    ports: &Ports,
    port: &str,
    control: Option<&str>,
    pin: Option<&str>,
    profile: ProfileChoice,
) -> Bench {
    remembering(ports, port, control, pin, profile, Arc::new(VolatilePins::default()))
}

/// With a memory of PINs that outlives the driver.
pub(super) fn remembering(
    ports: &Ports,
    port: &str,
    control: Option<&str>,
    pin: Option<&str>,
    profile: ProfileChoice,
    pins: Arc<dyn PinMemory>,
) -> Bench {
    let stages: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let told = Arc::clone(&stages);
    let config = ModemConfig {
        name: "bench".into(),
        port: port.into(),
        control_port: control.map(Into::into),
        profile,
        pin: pin.map(Secret::new),
        roaming: false,
        registration_limit: Duration::from_secs(30),
    };
    let means = Means {
        ports: Arc::new(ports.clone()),
        usb: Arc::new(NoUsb),
        pins,
        tap: Arc::new(NoTap),
        clock: Clock::starting_at(Timestamp::from_secs(1_000_000)),
        stages: StageSink::new(move |stage| told.lock().unwrap().push(stage.code())),
    };
    let (modem, events) = Modem::start(config, means);
    Bench { modem, events, stages }
}

pub(super) fn context() -> PdpContext {
    PdpContext {
        apn: "mms.example".into(),
        pdp_type: "IP".into(),
        user: String::new(),
        password: Secret::new(""),
        auth: PdpAuth::Any,
    }
}

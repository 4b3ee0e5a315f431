//! A port while somebody has it open: command lines, prompts and the way into a call (ITU-T V.250
//! clauses 5.1 to 5.6).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, ReadHalf, WriteHalf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::command::{self, Command, MAX_LINE};
use super::data::{Call, Left, Parked, dtr_dropped};
use super::failure::Failure;
use super::output::Held;
use super::state::PortSettings;
use super::{Purpose, Shared, Step};
use crate::net::Io;
use crate::sim::fault::{BannerForm, Fault, UrcPlace};
use crate::sim::lock;

/// Octets a PDU prompt collects; the longest TPDU is under 200 octets, two digits each.
const MAX_PROMPT: usize = 1_024;
/// What ends the PDU of a prompt.
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;
/// How long after the end of a command line characters do not abort it (V.250 clause 5.6.1).
const NO_ABORT: Duration = Duration::from_millis(125);
/// How long a modem hangs that nobody resets.
const HANG: Duration = Duration::from_secs(20 * 60);
/// The beginning of an IP packet in its frame (RFC 1662 clause 3.1).
const UNFINISHED_FRAME: &[u8] = b"\x7e\xff\x03\x00\x21\x45\x00\x05\xdc";
/// Octets of a banner that is no text.
const NOISE: usize = 40;

pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) port: usize,
    pub(super) reader: ReadHalf<Box<dyn Io>>,
    pub(super) writer: WriteHalf<Box<dyn Io>>,
    /// Another opening of the port, or the end of the modem.
    pub(super) closed: CancellationToken,
    /// Octets read and not used yet.
    pub(super) pending: VecDeque<u8>,
    /// Octets said that have not left yet.
    pub(super) held: Held,
    line: Vec<u8>,
    overlong: bool,
    last_line: String,
    /// The call that `+++` left or that is up.
    pub(super) call: Option<Call>,
    /// In data mode.
    online: bool,
}

/// Serves a port until its octets end, it is opened again or the modem stops.
pub(super) async fn serve(shared: Arc<Shared>, port: usize, io: Box<dyn Io>) {
    let closed = shared.stop.child_token();
    let Some(own) = shared.ports.get(port) else { return };
    std::mem::replace(&mut *lock(&own.session), closed.clone()).cancel();
    own.open.store(true, Ordering::Relaxed);
    own.online.store(false, Ordering::Relaxed);
    own.carrier.store(false, Ordering::Relaxed);
    lock(&own.urcs).clear();
    let (reader, writer) = tokio::io::split(io);
    let mut session = Session {
        shared: Arc::clone(&shared),
        port,
        reader,
        writer,
        closed: closed.clone(),
        pending: VecDeque::new(),
        held: Held::default(),
        line: Vec::new(),
        overlong: false,
        last_line: String::new(),
        call: None,
        online: false,
    };
    if let Err(error) = session.run().await {
        tracing::debug!(%error, "port of the virtual modem closed");
    }
    session.close();
    // A newer session of the same port says so itself.
    if !closed.is_cancelled() {
        own.open.store(false, Ordering::Relaxed);
        own.online.store(false, Ordering::Relaxed);
        own.carrier.store(false, Ordering::Relaxed);
    }
}

/// What one octet of command mode completes.
enum Typed {
    Nothing,
    Line(String),
    TooLong,
}

impl Session {
    async fn run(&mut self) -> io::Result<()> {
        // Boxed: each channel is a session of its own.
        Box::pin(self.resume()).await?;
        self.banner().await?;
        loop {
            self.take_up().await?;
            while let Some(octet) = self.pending.pop_front() {
                match self.take(octet).await? {
                    Typed::Nothing => {}
                    Typed::Line(line) => self.execute(&line).await?,
                    Typed::TooLong => self.result(Err(Failure::Plain)).await?,
                }
            }
            self.print_urcs().await?;
            self.fill().await?;
        }
    }

    /// What the port says before anybody asked.
    async fn banner(&mut self) -> io::Result<()> {
        let banner = self.shared.faults.take(|fault| match fault {
            Fault::Banner { form } => Some(*form),
            _ => None,
        });
        let octets = match banner {
            None => return Ok(()),
            Some(BannerForm::Rdy) => {
                b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\n+QUSIM: 1\r\n\r\n+QIND: SMS DONE\r\n".to_vec()
            }
            Some(BannerForm::Sysstart) => b"\r\n^SYSSTART\r\n\r\n+PBREADY\r\n".to_vec(),
            Some(BannerForm::Nul) => vec![0; NOISE],
            Some(BannerForm::Garbage) => self.shared.noise(NOISE),
            // A slow line seen by a fast one: long runs of equal bits.
            Some(BannerForm::WrongBaud) => [0x80, 0xf8, 0x00, 0xfe, 0xe0, 0xff, 0x1c]
                .iter()
                .copied()
                .cycle()
                .take(NOISE)
                .collect(),
        };
        self.put(&octets).await
    }

    /// Waits for octets or for something to print; ends with an error when the port is closed.
    async fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let shared = Arc::clone(&self.shared);
        let port = shared.ports.get(self.port).ok_or(io::ErrorKind::NotFound)?;
        let ended = self.call.as_ref().map(Call::ended);
        let held = self.held_until();
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            () = wait(ended) => {
                self.drop_call();
                self.result(Err(Failure::NoCarrier)).await
            }
            () = until(held) => self.release().await,
            left = dtr_dropped(&shared, self.port, port), if self.call.is_some() => {
                // Held it is already.
                if !matches!(left, Left::Ended) {
                    return Ok(());
                }
                self.drop_call();
                self.result(Err(Failure::NoCarrier)).await
            }
            read = self.reader.read(&mut buffer) => {
                let count = read?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.count_in(count);
                if !self.is_deaf() {
                    self.pending.extend(buffer.iter().take(count));
                }
                Ok(())
            }
            () = port.wake.notified() => Ok(()),
        }
    }

    /// Takes octets and does nothing with them.
    fn is_deaf(&self) -> bool {
        let faults = &self.shared.faults;
        let blocked = || {
            self.port > 0
                && self.shared.lock().call.is_some()
                && faults.shows(&Fault::ControlPortBlocked {})
        };
        self.shared.is_hung(self.port) || faults.shows(&Fault::ModemSilent {}) || blocked()
    }

    pub(super) fn count_in(&self, octets: usize) {
        if let Some(port) = self.shared.ports.get(self.port) {
            port.from_host.fetch_add(octets as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn settings(&self) -> PortSettings {
        self.shared.lock().settings(self.port).clone()
    }

    /// Nobody has begun to type.
    pub(super) fn is_between_lines(&self) -> bool {
        self.line.is_empty()
    }

    fn echoes(&self, settings: &PortSettings) -> bool {
        settings.echo || self.shared.faults.shows(&Fault::ModemEchoesAlways {})
    }

    async fn take(&mut self, octet: u8) -> io::Result<Typed> {
        let settings = self.settings();
        let echo = self.echoes(&settings);
        let late = self.shared.faults.find(|fault| match fault {
            Fault::ModemEchoesLate { millis } if echo => Some(*millis),
            _ => None,
        });
        if self.line.is_empty() && octet.is_ascii_alphabetic() {
            self.say_misplaced(UrcPlace::BeforeEcho).await?;
        }
        if echo && late.is_none() {
            self.write(&[octet]).await?;
        }
        let [end, _, backspace] = settings.line_characters();
        match octet {
            _ if octet == end => {
                let octets = std::mem::take(&mut self.line);
                if let Some(millis) = late {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    self.write(&[&octets[..], &[end]].concat()).await?;
                }
                if std::mem::take(&mut self.overlong) {
                    return Ok(Typed::TooLong);
                }
                if echo && self.shared.faults.shows(&Fault::ModemEchoesTwice {}) {
                    self.write(&octets).await?;
                    self.write(&[end]).await?;
                }
                // Whatever is no letter before AT is noise, the rest of a PPP frame for example.
                let text = String::from_utf8_lossy(&octets);
                let text = text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
                let is_at = text.get(..2).is_some_and(|at| at.eq_ignore_ascii_case("AT"));
                if !is_at {
                    return Ok(Typed::Nothing);
                }
                let line = text.get(2..).unwrap_or_default().to_owned();
                self.last_line.clone_from(&line);
                return Ok(Typed::Line(line));
            }
            _ if octet == backspace => {
                self.line.pop();
            }
            // V.250 clause 5.2.1: other control characters are ignored.
            0..0x20 => {}
            _ if self.line.len() >= MAX_LINE => self.overlong = true,
            _ => self.line.push(octet),
        }
        if self.line.eq_ignore_ascii_case(b"A/") {
            self.line.clear();
            return Ok(Typed::Line(self.last_line.clone()));
        }
        Ok(Typed::Nothing)
    }

    async fn execute(&mut self, line: &str) -> io::Result<()> {
        // A fault that held messages back may be over.
        self.shared.fetch_sms();
        let (commands, end) = command::parse(line);
        // Every line is judged by it; a careful host passes.
        if self.shared.faults.shows(&Fault::ModemRefusesJoined {}) && commands.len() > 1 {
            return self.result(Err(Failure::Plain)).await;
        }
        self.say_misplaced(UrcPlace::BeforeReply).await?;
        for command in commands {
            pause(self.shared.config.timing.reply).await;
            let name = command.name();
            let odd = self.shared.faults.take(|fault| match fault {
                Fault::OddResult { form, command: Some(wanted) } if is_command(&name, wanted) => {
                    Some(*form)
                }
                _ => None,
            });
            if let Some(form) = odd {
                return self.odd_result(form).await;
            }
            let takes_pdu = matches!(name.as_str(), "+CMGS" | "+CMGW" | "+CMGC");
            if matches!(name.as_str(), "D" | "+CGDATA") {
                let delay = self.delay(&name);
                if self.is_aborted_during(delay).await? {
                    return self.result(Err(Failure::NoCarrier)).await;
                }
            } else if !takes_pdu {
                self.delay(&name).await;
            }
            let (lines, step) = self.shared.run(self.port, &command);
            self.inform(&lines, name == "+CMGL").await?;
            match step {
                Step::Done => {}
                Step::Fail(failure) => return self.result(Err(failure)).await,
                Step::After(wait) => pause(wait).await,
                Step::Unanswered => return Ok(()),
                Step::Prompt { entry, purpose } => {
                    let stays = matches!(purpose, Purpose::Store(_));
                    let Some(typed) = self.prompt(entry.is_text()).await? else {
                        return self.result(Ok(())).await;
                    };
                    pause(self.shared.config.timing.submit).await;
                    self.delay(&name).await;
                    match self.shared.submit(self.port, entry, purpose, &typed) {
                        Ok(_)
                            if !stays
                                && self.shared.faults.strikes(&Fault::SubmitUnanswered {}) =>
                        {
                            return Ok(());
                        }
                        Ok(lines) => self.inform(&lines, false).await?,
                        Err(failure) => return self.result(Err(failure)).await,
                    }
                }
                Step::AckPrompt => {
                    let _ = self.prompt(false).await?;
                }
                Step::Dial(cid) => return self.dial(cid).await,
                Step::Multiplex(n1) => {
                    self.result(Ok(())).await?;
                    // Boxed: each channel is a session of its own.
                    return Box::pin(self.multiplex(n1)).await;
                }
                Step::Online => {
                    return if self.call.is_some() {
                        self.online().await
                    } else {
                        self.result(Err(Failure::NoCarrier)).await
                    };
                }
                Step::HangUp => {
                    if !self.shared.faults.strikes(&Fault::HangUpIgnored {}) {
                        self.drop_call();
                    }
                }
                Step::Hang => {
                    self.shared.hang(self.port, HANG);
                    return Ok(());
                }
            }
        }
        self.result(end.map_err(|_| Failure::Plain)).await
    }

    /// Waits; true when the host gave the command up meanwhile by typing something.
    async fn is_aborted_during(&mut self, wait: impl Future<Output = ()>) -> io::Result<bool> {
        let begun = Instant::now();
        let mut buffer = [0; 4096];
        tokio::pin!(wait);
        loop {
            tokio::select! {
                biased;
                () = self.closed.cancelled() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                () = &mut wait => return Ok(false),
                read = self.reader.read(&mut buffer) => {
                    let count = read?;
                    if count == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.count_in(count);
                    if begun.elapsed() >= NO_ABORT && !self.is_deaf() {
                        self.pending.extend(buffer.iter().take(count).skip(1));
                        return Ok(true);
                    }
                }
            }
        }
    }

    /// The delay of this command, cut when the faults are cleared.
    fn delay(&self, name: &str) -> impl Future<Output = ()> + Send + use<> {
        let millis = self.shared.faults.take(|fault| match fault {
            Fault::ReplyDelayed { command, millis } => {
                command.as_ref().is_none_or(|wanted| is_command(name, wanted)).then_some(*millis)
            }
            _ => None,
        });
        self.wait_unless_cleared(millis.unwrap_or(0))
    }

    fn wait_unless_cleared(&self, millis: u64) -> impl Future<Output = ()> + Send + use<> {
        let (closed, faults) = (self.closed.clone(), self.shared.faults.clone());
        async move {
            if millis == 0 {
                return;
            }
            tokio::select! {
                biased;
                () = closed.cancelled() => {}
                () = faults.cleared() => {}
                () = tokio::time::sleep(Duration::from_millis(millis)) => {}
            }
        }
    }

    /// Collects a PDU or a text; nothing when the host gave up with ESC.
    async fn prompt(&mut self, is_text: bool) -> io::Result<Option<Vec<u8>>> {
        let late = self.shared.faults.take(|fault| match fault {
            Fault::PromptLate { millis } => Some(*millis),
            _ => None,
        });
        if let Some(millis) = late {
            self.wait_unless_cleared(millis).await;
        }
        if !self.shared.faults.strikes(&Fault::PromptMissing {}) {
            let bare = self.shared.faults.shows(&Fault::ModemBarePrompt {});
            self.write(if bare { b"\r\n>\r\n" } else { b"\r\n> " }).await?;
        }
        let settings = self.settings();
        let [end, _, backspace] = settings.line_characters();
        let mut typed = Vec::new();
        loop {
            while let Some(octet) = self.pending.pop_front() {
                if self.echoes(&settings) && !matches!(octet, CTRL_Z | ESCAPE) {
                    self.write(&[octet]).await?;
                }
                match octet {
                    CTRL_Z => return Ok(Some(typed)),
                    ESCAPE if self.shared.faults.strikes(&Fault::PromptIgnoresEscape {}) => {}
                    ESCAPE => return Ok(None),
                    _ if is_text && octet == backspace => drop(typed.pop()),
                    _ if typed.len() < MAX_PROMPT => {
                        typed.push(octet);
                        // Each line of a text has the prompt in front (27.005 clause 3.5.1).
                        if is_text && octet == end {
                            self.write(b"\r\n> ").await?;
                        }
                    }
                    _ => {}
                }
            }
            self.fill().await?;
        }
    }

    async fn dial(&mut self, cid: u8) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.drop_call();
        if shared.faults.strikes(&Fault::DialSilent {}) {
            return Ok(());
        }
        if shared.faults.strikes(&Fault::DialError {}) {
            return self.result(Err(Failure::Plain)).await;
        }
        if self.is_aborted_during(pause(shared.config.timing.dial)).await? {
            return self.result(Err(Failure::NoCarrier)).await;
        }
        if shared.faults.strikes(&Fault::DialNoCarrier {}) {
            return self.result(Err(Failure::NoCarrier)).await;
        }
        match Call::dial(&shared, self.port, cid).await {
            Ok(call) => {
                self.call = Some(call);
                self.show_carrier(true);
                self.online().await
            }
            Err(failure) => self.result(Err(failure)).await,
        }
    }

    /// Says CONNECT and carries the call's octets until it ends or is left.
    async fn online(&mut self) -> io::Result<()> {
        self.connect_line().await?;
        self.release().await?;
        self.in_data_mode().await
    }

    async fn in_data_mode(&mut self) -> io::Result<()> {
        self.set_online(true);
        // Known when the port closes in the middle.
        let left = self.carry().await?;
        self.set_online(false);
        match left {
            Left::Escaped => self.result(Ok(())).await,
            Left::EscapedSilently => Ok(()),
            Left::EndedInFrame => {
                self.put(UNFINISHED_FRAME).await?;
                self.drop_call();
                self.carrier_lost().await
            }
            Left::Ended => {
                self.drop_call();
                self.carrier_lost().await
            }
        }
    }

    async fn connect_line(&mut self) -> io::Result<()> {
        let faults = self.shared.faults.clone();
        if faults.strikes(&Fault::ConnectMissing {}) {
            return Ok(());
        }
        let told = faults.find(|fault| match fault {
            Fault::ConnectPlain {} => Some(String::new()),
            Fault::ConnectText { text } => Some(text.clone()),
            _ => None,
        });
        let settings = self.settings();
        let text = told.unwrap_or_else(|| {
            let told = settings.extended_results > 0;
            if told { self.shared.config.connect_text.clone() } else { String::new() }
        });
        let text = if text.is_empty() { "CONNECT".to_owned() } else { format!("CONNECT {text}") };
        if faults.shows(&Fault::ConnectWithoutCr {}) {
            return self.write(format!("\n{text}\r\n").as_bytes()).await;
        }
        self.final_text(&settings, &text, "1").await
    }

    fn set_online(&mut self, online: bool) {
        self.online = online;
        if let Some(port) = self.shared.ports.get(self.port) {
            port.online.store(online, Ordering::Relaxed);
        }
    }

    fn show_carrier(&self, carrier: bool) {
        if let Some(port) = self.shared.ports.get(self.port) {
            port.carrier.store(carrier, Ordering::Relaxed);
        }
    }

    pub(super) fn drop_call(&mut self) {
        if let Some(call) = self.call.take() {
            self.show_carrier(false);
            call.hang_up(&self.shared);
        }
    }

    /// The port is closed, or opened again: what DTR low is on a cable.
    fn close(&mut self) {
        let shared = Arc::clone(&self.shared);
        let Some(port) = shared.ports.get(self.port) else { return };
        // A channel of the multiplexer takes its call with it.
        let own_wires = self.port < shared.visible;
        let goes_on = |call: &mut Call| {
            own_wires
                && !call.ended().is_cancelled()
                && !shared.stop.is_cancelled()
                && shared.faults.strikes(&Fault::DtrIgnored {})
        };
        if let Some(call) = self.call.take_if(goes_on) {
            // A newer session has its own say.
            *lock(&port.parked) = Some(Parked { call, online: self.online });
            port.wake.notify_one();
        } else {
            self.drop_call();
        }
    }

    /// Goes on with the call that an earlier opening of the port has left.
    async fn take_up(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let parked = shared.ports.get(self.port).and_then(|port| lock(&port.parked).take());
        let Some(Parked { call, online }) = parked else { return Ok(()) };
        self.call = Some(call);
        self.show_carrier(true);
        if online { self.in_data_mode().await } else { Ok(()) }
    }
}

/// Whether `name` is the command that a description means: `+CMGS`, or `D` for dialling.
fn is_command(name: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches("AT").trim_start_matches("at");
    name.eq_ignore_ascii_case(wanted)
}

impl Command {
    /// The name that faults know it by.
    fn name(&self) -> String {
        match self {
            Self::Basic { ampersand, letter, .. } => {
                if *ampersand {
                    format!("&{letter}")
                } else {
                    letter.to_string()
                }
            }
            Self::Register { .. } => "S".to_owned(),
            Self::Dial(_) => "D".to_owned(),
            Self::Extended { name, .. } => name.clone(),
        }
    }
}

async fn wait(token: Option<CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

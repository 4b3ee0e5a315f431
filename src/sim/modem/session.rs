//! A port while somebody has it open: command lines, results, prompts and unsolicited codes
//! (ITU-T V.250 clauses 5.1 to 5.7).

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

use super::command::{self, MAX_LINE};
use super::data::{Call, Left};
use super::failure::{Failure, cme_text, cms_text};
use super::state::PortSettings;
use super::{Shared, Step};
use crate::net::Io;
use crate::sim::fault::Fault;
use crate::sim::lock;

/// Octets a PDU prompt collects; the longest TPDU is under 200 octets, two digits each.
const MAX_PROMPT: usize = 1_024;
/// What ends the PDU of a prompt.
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;

pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) port: usize,
    pub(super) reader: ReadHalf<Box<dyn Io>>,
    pub(super) writer: WriteHalf<Box<dyn Io>>,
    /// Another opening of the port, or the end of the modem.
    pub(super) closed: CancellationToken,
    /// Octets read and not used yet.
    pub(super) pending: VecDeque<u8>,
    line: Vec<u8>,
    overlong: bool,
    last_line: String,
    /// The call that `+++` left or that is up.
    pub(super) call: Option<Call>,
}

/// Serves a port until its octets end, it is opened again or the modem stops.
pub(super) async fn serve(shared: Arc<Shared>, port: usize, io: Box<dyn Io>) {
    let closed = shared.stop.child_token();
    let Some(own) = shared.ports.get(port) else { return };
    std::mem::replace(&mut *lock(&own.session), closed.clone()).cancel();
    own.open.store(true, Ordering::Relaxed);
    own.online.store(false, Ordering::Relaxed);
    lock(&own.urcs).clear();
    let (reader, writer) = tokio::io::split(io);
    let mut session = Session {
        shared: Arc::clone(&shared),
        port,
        reader,
        writer,
        closed: closed.clone(),
        pending: VecDeque::new(),
        line: Vec::new(),
        overlong: false,
        last_line: String::new(),
        call: None,
    };
    if let Err(error) = session.run().await {
        tracing::debug!(%error, "port of the virtual modem closed");
    }
    session.drop_call();
    // A newer session of the same port says so itself.
    if !closed.is_cancelled() {
        own.open.store(false, Ordering::Relaxed);
        own.online.store(false, Ordering::Relaxed);
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
        loop {
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

    /// Waits for octets or for something to print; ends with an error when the port is closed.
    async fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let shared = Arc::clone(&self.shared);
        let port = shared.ports.get(self.port).ok_or(io::ErrorKind::NotFound)?;
        let ended = self.call.as_ref().map(Call::ended);
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            () = wait(ended) => {
                self.drop_call();
                self.result(Err(Failure::NoCarrier)).await
            }
            read = self.reader.read(&mut buffer) => {
                let count = read?;
                if count == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.count_in(count);
                if !shared.faults.shows(&Fault::ModemSilent {}) {
                    self.pending.extend(buffer.iter().take(count));
                }
                Ok(())
            }
            () = port.wake.notified() => Ok(()),
        }
    }

    pub(super) fn count_in(&self, octets: usize) {
        if let Some(port) = self.shared.ports.get(self.port) {
            port.from_host.fetch_add(octets as u64, Ordering::Relaxed);
        }
    }

    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        if let Some(port) = self.shared.ports.get(self.port) {
            port.to_host.fetch_add(octets.len() as u64, Ordering::Relaxed);
        }
        let closed = self.closed.clone();
        tokio::select! {
            biased;
            () = closed.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            written = self.writer.write_all(octets) => written,
        }
    }

    fn settings(&self) -> PortSettings {
        self.shared.lock().settings(self.port).clone()
    }

    fn echoes(&self, settings: &PortSettings) -> bool {
        settings.echo || self.shared.faults.shows(&Fault::ModemEchoesAlways {})
    }

    async fn take(&mut self, octet: u8) -> io::Result<Typed> {
        let settings = self.settings();
        let echo = self.echoes(&settings);
        if echo {
            self.write(&[octet]).await?;
        }
        match octet {
            b'\r' => {
                let octets = std::mem::take(&mut self.line);
                if std::mem::take(&mut self.overlong) {
                    return Ok(Typed::TooLong);
                }
                if echo && self.shared.faults.shows(&Fault::ModemEchoesTwice {}) {
                    self.write(&octets).await?;
                    self.write(b"\r").await?;
                }
                // Whatever is no letter before AT is noise: NUL, LF, the rest of a PPP frame.
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
            b'\n' | 0 => {}
            0x08 => {
                self.line.pop();
            }
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
        let Ok(commands) = command::parse(line) else {
            return self.result(Err(Failure::Plain)).await;
        };
        if commands.len() > 1 && self.shared.faults.shows(&Fault::ModemRefusesJoined {}) {
            return self.result(Err(Failure::Plain)).await;
        }
        for command in commands {
            pause(self.shared.config.timing.reply).await;
            let (lines, step) = self.shared.run(self.port, &command);
            self.inform(&lines).await?;
            match step {
                Step::Done => {}
                Step::Fail(failure) => return self.result(Err(failure)).await,
                Step::After(wait) => pause(wait).await,
                Step::Prompt { length, store } => {
                    let Some(typed) = self.prompt().await? else {
                        return self.result(Ok(())).await;
                    };
                    pause(self.shared.config.timing.submit).await;
                    match self.shared.submit(length, store, &typed) {
                        Ok(lines) => self.inform(&lines).await?,
                        Err(failure) => return self.result(Err(failure)).await,
                    }
                }
                Step::AckPrompt => {
                    let _ = self.prompt().await?;
                }
                Step::Dial(cid) => return self.dial(cid).await,
                Step::Online => {
                    return if self.call.is_some() {
                        self.online().await
                    } else {
                        self.result(Err(Failure::NoCarrier)).await
                    };
                }
                Step::HangUp => self.drop_call(),
            }
        }
        self.result(Ok(())).await
    }

    /// Information text of one command.
    async fn inform(&mut self, lines: &[String]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let text = lines.join("\r\n");
        let settings = self.settings();
        let text = if settings.verbose { format!("\r\n{text}\r\n") } else { format!("{text}\r\n") };
        self.write(text.as_bytes()).await
    }

    /// A final result, in words or numbers.
    async fn result(&mut self, outcome: Result<(), Failure>) -> io::Result<()> {
        if self.shared.faults.shows(&Fault::ModemUrcFlood {}) {
            self.write(b"\r\n^RSSI: 21\r\n\r\n^HCSQ: \"LTE\",54,48,181,28\r\n").await?;
        }
        let settings = self.settings();
        let (text, code) = match outcome {
            Ok(()) => ("OK".to_owned(), "0"),
            Err(Failure::NoCarrier) => ("NO CARRIER".to_owned(), "3"),
            Err(Failure::Plain) => ("ERROR".to_owned(), "4"),
            Err(Failure::Cme(_) | Failure::Cms(_)) if settings.cmee == 0 => {
                // TS 27.005 clause 3.2.5: message commands always say why.
                match outcome {
                    Err(Failure::Cms(code)) => (format!("+CMS ERROR: {code}"), ""),
                    _ => ("ERROR".to_owned(), "4"),
                }
            }
            Err(Failure::Cme(code)) if settings.cmee == 1 => (format!("+CME ERROR: {code}"), ""),
            Err(Failure::Cms(code)) if settings.cmee == 1 => (format!("+CMS ERROR: {code}"), ""),
            Err(Failure::Cme(code)) => (format!("+CME ERROR: {}", cme_text(code)), ""),
            Err(Failure::Cms(code)) => (format!("+CMS ERROR: {}", cms_text(code)), ""),
        };
        self.final_text(&settings, &text, code).await
    }

    pub(super) async fn final_text(
        &mut self,
        settings: &PortSettings,
        text: &str,
        code: &str,
    ) -> io::Result<()> {
        if settings.quiet {
            return Ok(());
        }
        let line = if settings.verbose || code.is_empty() {
            format!("\r\n{text}\r\n")
        } else {
            format!("{code}\r")
        };
        self.write(line.as_bytes()).await
    }

    /// Unsolicited codes go out between command lines only.
    async fn print_urcs(&mut self) -> io::Result<()> {
        if !self.line.is_empty() {
            return Ok(());
        }
        let urcs = match self.shared.ports.get(self.port) {
            Some(port) => std::mem::take(&mut *lock(&port.urcs)),
            None => return Ok(()),
        };
        for urc in urcs {
            self.write(format!("\r\n{urc}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    /// Collects a PDU; nothing when the host gave up with ESC.
    async fn prompt(&mut self) -> io::Result<Option<Vec<u8>>> {
        let bare = self.shared.faults.shows(&Fault::ModemBarePrompt {});
        self.write(if bare { b"\r\n>\r\n" } else { b"\r\n> " }).await?;
        let settings = self.settings();
        let mut typed = Vec::new();
        loop {
            while let Some(octet) = self.pending.pop_front() {
                if self.echoes(&settings) && !matches!(octet, CTRL_Z | ESCAPE) {
                    self.write(&[octet]).await?;
                }
                match octet {
                    CTRL_Z => return Ok(Some(typed)),
                    ESCAPE => return Ok(None),
                    _ if typed.len() < MAX_PROMPT => typed.push(octet),
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
        pause(shared.config.timing.dial).await;
        if shared.faults.strikes(&Fault::DialNoCarrier {}) {
            return self.result(Err(Failure::NoCarrier)).await;
        }
        match Call::dial(&shared, self.port, cid).await {
            Ok(call) => {
                self.call = Some(call);
                self.online().await
            }
            Err(failure) => self.result(Err(failure)).await,
        }
    }

    /// Says CONNECT and carries the call's octets until it ends or is left.
    async fn online(&mut self) -> io::Result<()> {
        let settings = self.settings();
        let text = match self.shared.config.connect_text.as_str() {
            text if !text.is_empty() && settings.extended_results > 0 => format!("CONNECT {text}"),
            _ => "CONNECT".to_owned(),
        };
        self.final_text(&settings, &text, "1").await?;
        self.set_online(true);
        let left = self.carry().await;
        self.set_online(false);
        match left? {
            Left::Escaped => self.result(Ok(())).await,
            Left::Ended => {
                self.drop_call();
                self.result(Err(Failure::NoCarrier)).await
            }
        }
    }

    fn set_online(&self, online: bool) {
        if let Some(port) = self.shared.ports.get(self.port) {
            port.online.store(online, Ordering::Relaxed);
        }
    }

    pub(super) fn drop_call(&mut self) {
        if let Some(call) = self.call.take() {
            call.hang_up(&self.shared);
        }
    }
}

async fn wait(token: Option<CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

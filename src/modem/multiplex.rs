//! Into the multiplexer and out of it: a modem with one port becomes one with two (3GPP TS 27.007
//! clause 5.7, TS 27.010 clause 5.8), and one that a killed program has left in it takes commands
//! again.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::driver::Driver;
use super::frames::Frames;
use super::hangup;
use super::line::Line;
use super::mux::{Multiplexer, Over};
use super::{ModemError, Port, PortError, PortSharing};
use crate::codec::cmux::FLAG;
use crate::proto::cmux::{Config, End, Event, Input, Mux, MuxError, Output};

/// The channel for commands.
const COMMANDS: u8 = 1;
/// The channel for calls.
const CALLS: u8 = 2;
/// So often in a row the multiplexer may fail before it is left alone.
const MAX_FAILURES: u32 = 3;
/// How long it is left alone then.
const PAUSE: Duration = Duration::from_secs(6 * 3600);
/// A multiplexer that ran so long has not failed, however it ended.
const GOOD: Duration = Duration::from_secs(3600);
/// How long a modem may take to agree to leave the multiplexer, for each of a few questions.
pub(super) const LEAVE: Duration = Duration::from_millis(300);
/// The same where it is unlikely to be in it, and people wait for the verdict.
pub(super) const LEAVE_QUICKLY: Duration = Duration::from_millis(100);
/// Octets of a frame that a killed program may have left unfinished, at least.
const UNFINISHED: usize = 256;

/// What is known of a modem's multiplexer.
#[derive(Default)]
pub(super) struct Multiplexing {
    running: Option<Multiplexer>,
    failures: u32,
    /// Not before this.
    pause: Option<Instant>,
}

impl Multiplexing {
    /// Whether the modem's lines are channels.
    pub(super) fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(|mux| mux.over().is_none())
    }

    /// Waits for a damaged frame; for ever where there is no multiplexer.
    pub(super) async fn damage(&self) {
        match &self.running {
            Some(mux) => mux.damage().await,
            None => std::future::pending().await,
        }
    }

    fn failed(&mut self) {
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            self.failures = 0;
            self.pause = Some(Instant::now() + PAUSE);
        }
    }
}

impl Driver {
    /// Ends the multiplexer, so that the port can be opened again.
    pub(super) async fn leave_multiplexer(&mut self) {
        if let Some(running) = self.multiplexing.running.take() {
            if running.age() >= GOOD {
                self.multiplexing.failures = 0;
            } else if running.over().is_some_and(|it| it != Over::PortGone) {
                self.multiplexing.failed();
            }
            // Closed with the port.
            drop(running.close_down().await);
        }
    }

    /// Why the lines ended, when they were channels.
    pub(super) fn explained(&self, error: ModemError) -> ModemError {
        let ModemError::Port(PortError::Gone { .. }) = error else { return error };
        let port = self.config.port.clone();
        match self.multiplexing.running.as_ref().and_then(Multiplexer::over) {
            Some(Over::Ended(end)) => ModemError::Multiplexer { port, reason: end.to_string() },
            Some(Over::PortGone) => PortError::Gone { port }.into(),
            None => error,
        }
    }

    /// How commands and calls share the modem's ports now.
    pub(super) fn sharing(&self) -> PortSharing {
        if self.multiplexing.is_running() {
            PortSharing::Multiplexed
        } else if self.data.is_some() && !self.profile().quirks.control_blocks {
            PortSharing::Two
        } else {
            PortSharing::One
        }
    }

    /// Makes two lines of one where the profile allows it; stays with one where the modem does not
    /// want to, or has failed at it too often. True when there are new lines, whose settings are
    /// those of a modem that has just been switched on.
    pub(super) async fn multiplex(&mut self) -> Result<bool, ModemError> {
        let profile = self.profile();
        let one_port = self.config.control_port.is_none() && self.data.is_none();
        let paused = self.multiplexing.pause.is_some_and(|until| Instant::now() < until);
        if !one_port || !profile.cmux.allowed || paused || self.multiplexing.running.is_some() {
            return Ok(false);
        }
        let limit = self.command_timeout();
        for begin in &profile.cmux.begin {
            match self.at()?.response(&begin.send, limit).await {
                Ok(response) if response.result.is_ok() => {}
                Ok(_) => continue,
                // It may have begun without saying so.
                Err(ModemError::Timeout { .. }) => {
                    hangup::wake(self.at()?, &profile, false).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let Some(port) = self.at()?.port.take() else { return Err(ModemError::InCall) };
            let n1 = usize::from(begin.frame_size);
            self.multiplexing.running = Some(Multiplexer::start(
                port,
                Config { n1, ..Config::default() },
                Frames::of(&self.shared),
            ));
            match self.open_channels().await {
                Ok(()) => {
                    self.multiplexing.pause = None;
                    return Ok(true);
                }
                Err(error) => {
                    tracing::warn!(modem = %self.config.name, "no multiplexer: {error}");
                    self.multiplexing.failed();
                    self.back_to_one_line().await?;
                    // The next command may only differ in the size of frames.
                    if error == MuxError::Advanced {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(false)
    }

    async fn open_channels(&mut self) -> Result<(), MuxError> {
        let Some(mux) = &self.multiplexing.running else { return Err(MuxError::Ended) };
        // Nobody reads or writes on the control channel itself.
        drop(mux.open(0).await?);
        let commands = mux.open(COMMANDS).await?;
        let calls = mux.open(CALLS).await?;
        let delay = self.profile().quirks.send_delay;
        let line = |dlci: u8, port: Box<dyn Port>| {
            let name = format!("{} (channel {dlci})", self.config.port);
            Line::new(&name, port, Arc::clone(&self.shared), delay)
        };
        let (commands, calls) = (line(COMMANDS, Box::new(commands)), line(CALLS, Box::new(calls)));
        self.control = Some(commands);
        self.data = Some(calls);
        Ok(())
    }

    async fn back_to_one_line(&mut self) -> Result<(), ModemError> {
        self.data = None;
        let port = match self.multiplexing.running.take() {
            Some(running) => running.close_down().await,
            None => None,
        };
        let name = self.config.port.clone();
        let Some(port) = port else { return Err(PortError::Gone { port: name }.into()) };
        let profile = self.profile();
        let delay = profile.quirks.send_delay;
        let mut line = Line::new(&name, port, Arc::clone(&self.shared), delay);
        hangup::wake(&mut line, &profile, true).await?;
        self.control = Some(line);
        Ok(())
    }
}

/// Makes a modem take AT commands again that another program has left in the multiplexer; true when
/// it has agreed; `time` is for each of a few questions. To a modem that is not in it this is noise.
pub(super) async fn leave(line: &mut Line, time: Duration) -> Result<bool, ModemError> {
    let name = line.name.clone();
    let gone = || ModemError::Port(PortError::Gone { port: name.clone() });
    let mut frames = Frames::of(line.shared());
    let Some(port) = line.port.as_mut() else { return Ok(false) };
    // The end of whatever frame that program has left unfinished.
    let flags = vec![FLAG; UNFINISHED];
    let mut mux = Mux::new(Config { t2: time, n2: 3, ..Config::default() });
    // A new machine has not ended.
    let _ = mux.handle_input(Instant::now().into_std(), Input::CloseDown);
    let mut out = flags;
    loop {
        if !out.is_empty() {
            match timeout(4 * time, port.write_all(&out)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(gone()),
                Err(_) => return Ok(false),
            }
            out.clear();
        }
        let until = match mux.poll_output() {
            Output::Event(Event::Ended(end)) => {
                return Ok(matches!(end, End::ClosedDown { answered: true } | End::ByPeer));
            }
            Output::Event(_) => continue,
            Output::Transmit(octets) => {
                frames.sent(&octets);
                out = octets;
                continue;
            }
            Output::Timeout(at) => Instant::from_std(at),
            Output::Idle => return Ok(false),
        };
        let mut buffer = [0; 512];
        let read = tokio::select! {
            biased;
            read = port.read(&mut buffer) => Some(read),
            () = sleep_until(until) => None,
        };
        let now = Instant::now().into_std();
        // The machine takes whatever comes, and has not ended.
        let _ = match read {
            Some(Ok(count)) if count > 0 => {
                let octets = buffer.get(..count).unwrap_or_default();
                frames.received(octets);
                mux.handle_input(now, Input::Octets(octets))
            }
            Some(_) => return Err(gone()),
            None => mux.handle_input(now, Input::Timeout),
        };
    }
}

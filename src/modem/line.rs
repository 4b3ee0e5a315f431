//! One port with its AT channel: commands out, answers and news in, every octet counted and shown
//! to the tap.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::profile::Serial;
use super::tail::Tail;
use super::{ModemError, Port, PortError};
use crate::codec::at::{CommandLine, FinalResult, Unsolicited};
use crate::codec::{cmux, ppp};
use crate::model::{Clock, Tap, TapChannel, TapDirection, TapEvent};
use crate::proto::at::{Channel, Command, Event, Input, Kind, Output, Response};

/// Octets taken from a port at once.
const READ_SIZE: usize = 2048;
/// News kept until the driver looks; beyond that a flood is dropped, see [`limit_of`].
const MAX_NEWS: usize = 1024;
/// How long one `AT` may take.
const SYNC_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long after an answer to `AT` another may come, to one that was asked before.
const LATE: Duration = Duration::from_millis(50);
/// The same when the modem has left some unanswered, beyond the time that it took so far.
const LATE_MARGIN: Duration = Duration::from_millis(500);
/// The longest such time.
const MAX_LATE: Duration = Duration::from_secs(4);
/// How long a port may refuse to take a command's octets.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What all ports and calls of one modem share.
pub(super) struct Shared {
    pub(super) modem: String,
    pub(super) tap: Arc<dyn Tap>,
    pub(super) clock: Clock,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) call: AtomicU64,
}

impl Shared {
    pub(super) fn of(modem: &str, tap: Arc<dyn Tap>, clock: Clock) -> Self {
        Self {
            modem: modem.to_owned(),
            tap,
            clock,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            call: AtomicU64::new(0),
        }
    }

    pub(super) fn count(&self, direction: TapDirection, octets: usize) {
        let counter = match direction {
            TapDirection::Sent => &self.sent,
            TapDirection::Received => &self.received,
        };
        counter.fetch_add(u64::try_from(octets).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn observe(&self, direction: TapDirection, octets: &[u8]) {
        self.count(direction, octets.len());
        self.show(TapChannel::At, direction, octets);
    }

    /// A frame of the multiplexer; what it carries is counted where it is used.
    pub(super) fn observe_frame(&self, direction: TapDirection, frame: &[u8]) {
        self.show(TapChannel::Mux, direction, frame);
    }

    fn show(&self, channel: TapChannel, direction: TapDirection, octets: &[u8]) {
        self.tap.observe(TapEvent {
            modem: &self.modem,
            call: self.call.load(Ordering::Relaxed),
            at: self.clock.now(),
            direction,
            channel,
            octets,
        });
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) enum Reply {
    Response(Response),
    Connected { text: String, leftover: Vec<u8> },
    TimedOut { lines: Vec<String> },
}

pub(super) struct Line {
    /// The port's name, for errors.
    pub(super) name: String,
    /// None while a call has it.
    pub(super) port: Option<Box<dyn Port>>,
    pub(super) news: VecDeque<Unsolicited>,
    channel: Channel,
    shared: Arc<Shared>,
    /// Pause before each command.
    delay: Duration,
    /// A command got no answer; it may still come and be taken for that of the next one.
    out_of_step: bool,
    /// When the first `AT` was asked that has no answer yet.
    unanswered_since: Option<Instant>,
    /// Octets that came from this port.
    heard: u64,
    /// Whether a flag of the multiplexer was among them, which is no character of an answer.
    heard_flags: bool,
    /// Some program has left the modem set to results in digits.
    digits: bool,
    /// Tells news from the frames of a call that may not have ended.
    tail: Tail,
    /// When the payload of the last command was handed out.
    handed_over: Option<Instant>,
    /// Another program had left the modem in the multiplexer.
    pub(super) was_multiplexed: bool,
    /// Flags of frames among them.
    flags: u64,
    /// How often it was brought in step after a command without an answer.
    pub(super) resyncs: u32,
}

impl Line {
    pub(super) fn new(
        name: &str,
        port: Box<dyn Port>,
        shared: Arc<Shared>,
        delay: Duration,
    ) -> Self {
        Self {
            name: name.to_owned(),
            port: Some(port),
            news: VecDeque::new(),
            channel: Channel::new(),
            shared,
            delay,
            out_of_step: false,
            unanswered_since: None,
            heard: 0,
            heard_flags: false,
            digits: false,
            tail: Tail::default(),
            handed_over: None,
            was_multiplexed: false,
            flags: 0,
            resyncs: 0,
        }
    }

    /// Octets that came from this port since it was opened.
    pub(super) const fn heard(&self) -> u64 {
        self.heard
    }

    /// Whether the port is silent, or speaks in frames of the multiplexer, since it had said so
    /// much.
    pub(super) const fn may_be_multiplexed(&self, heard: u64) -> bool {
        self.heard == heard || self.heard_flags
    }

    /// Flags of HDLC frames among them.
    pub(super) const fn flags(&self) -> u64 {
        self.flags
    }

    /// Whether the modem has repeated a command since this was asked last.
    pub(super) fn echoed(&mut self) -> bool {
        self.channel.take_echoed()
    }

    /// Sends a command and waits for its end.
    pub(super) async fn run(
        &mut self,
        line: CommandLine,
        kind: Kind,
        limit: Duration,
    ) -> Result<Reply, ModemError> {
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
        if self.channel.is_busy() {
            // A caller went away in the middle; what it asked for is of no interest any more. The
            // modem may still answer it: see `settle`.
            self.channel.reset();
        }
        let dials = kind == Kind::Dial;
        let command = Command { line, kind, timeout: limit };
        self.channel
            .handle_input(Instant::now().into_std(), Input::Command(command))
            .map_err(|_| ModemError::InCall)?;
        loop {
            match self.channel.poll_output() {
                Output::Transmit(octets) => {
                    self.write(&octets).await?;
                    self.handed_over = self.channel.was_prompted().then(Instant::now);
                }
                Output::Event(event) => {
                    let begins_anew = matches!(event, Event::Unsolicited(Unsolicited::Started));
                    if begins_anew && dials {
                        // It knows nothing any more of what it was to dial.
                        self.event(event);
                        return Err(ModemError::Restarted);
                    }
                    if let Some(reply) = self.event(event) {
                        // What came in the same read is news of now, not of the next command.
                        self.collect();
                        return Ok(reply);
                    }
                }
                // A flood must not keep the clock from being looked at.
                Output::Timeout(at) if Instant::now().into_std() >= at => {
                    let now = Instant::now().into_std();
                    let _ = self.channel.handle_input(now, Input::Timeout);
                }
                Output::Timeout(at) => {
                    tokio::select! {
                        biased;
                        // First, since a device that floods always has something to read.
                        () = sleep_until(Instant::from_std(at)) => {
                            let now = Instant::now().into_std();
                            // Only a command could be refused.
                            let _ = self.channel.handle_input(now, Input::Timeout);
                        }
                        read = self.read() => read?,
                    }
                }
                Output::Idle => return Err(ModemError::NotReady),
            }
        }
    }

    /// Sends a command; only a missing final result is an error.
    pub(super) async fn response(
        &mut self,
        text: &str,
        limit: Duration,
    ) -> Result<Response, ModemError> {
        self.answer_of_kind(text, Kind::Plain, limit).await
    }

    /// The same for an answer of many lines, which may not pause longer than `pause`.
    pub(super) async fn listing(
        &mut self,
        text: &str,
        limit: Duration,
        pause: Duration,
    ) -> Result<Response, ModemError> {
        self.answer_of_kind(text, Kind::Listing { pause }, limit).await
    }

    async fn answer_of_kind(
        &mut self,
        text: &str,
        kind: Kind,
        limit: Duration,
    ) -> Result<Response, ModemError> {
        self.settle().await?;
        let begun = Instant::now();
        let reply = self.run(command(text)?, kind, limit).await?;
        self.out_of_step = matches!(reply, Reply::TimedOut { .. });
        match reply {
            Reply::Response(response) => Ok(response),
            // Some modems forget the OK behind an answer.
            Reply::TimedOut { lines } if !lines.is_empty() => {
                Ok(Response { lines, result: FinalResult::Ok })
            }
            _ => {
                let seconds = begun.elapsed().min(limit).as_secs();
                Err(ModemError::Timeout { command: name_of(text), seconds })
            }
        }
    }

    /// Asks what the modem need not know: silence is taken for "unknown command".
    pub(super) async fn optional(
        &mut self,
        text: &str,
        limit: Duration,
    ) -> Result<Response, ModemError> {
        match self.response(text, limit).await {
            Err(ModemError::Timeout { .. }) => {
                Ok(Response { lines: Vec::new(), result: FinalResult::Error })
            }
            other => other,
        }
    }

    /// Asks `AT` until the modem answers and nothing late follows; false when it stays silent.
    pub(super) async fn sync(&mut self, tries: usize) -> Result<bool, ModemError> {
        for _ in 0..tries {
            self.reset();
            let asked = Instant::now();
            let text = if self.digits { "ATV1" } else { "AT" };
            let reply = self.run(command(text)?, Kind::Plain, SYNC_TIMEOUT).await?;
            if matches!(reply, Reply::Response(_)) {
                self.let_late_ones_pass().await?;
                self.out_of_step = false;
                self.digits = false;
                return Ok(true);
            }
            if let Reply::TimedOut { lines } = &reply {
                self.digits = lines.iter().any(|it| it == "0");
            }
            self.unanswered_since.get_or_insert(asked);
        }
        Ok(false)
    }

    /// Where octets are counted and shown.
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// What was asked so far will not be answered any more.
    pub(super) fn forget_unanswered(&mut self) {
        self.unanswered_since = None;
    }

    /// A slow modem answers each `AT` that was asked before, one by one.
    async fn let_late_ones_pass(&mut self) -> Result<(), ModemError> {
        let quiet = match self.unanswered_since.take() {
            Some(since) => (since.elapsed() + LATE_MARGIN).min(MAX_LATE),
            None => LATE,
        };
        // Floods of news never end.
        let end = Instant::now() + 4 * quiet;
        while let Ok(pumped) = timeout_at(end.min(Instant::now() + quiet), self.pump()).await {
            pumped?;
            // What is ready at once is never late for the time-out.
            if Instant::now() >= end {
                break;
            }
        }
        Ok(())
    }

    /// Speed and flow control of the port, where it has them.
    pub(super) fn set_serial(&mut self, serial: Serial) -> bool {
        self.port.as_mut().is_some_and(|port| port.set_serial(serial))
    }

    /// From now on.
    pub(super) fn pause_before_commands(&mut self, delay: Duration) {
        self.delay = delay;
    }

    /// Makes sure that the next answer is that of the next command.
    pub(super) async fn settle(&mut self) -> Result<(), ModemError> {
        // A caller went away in the middle, and the answer is still to come.
        self.out_of_step |= self.channel.is_busy();
        if self.out_of_step { self.get_in_step().await } else { Ok(()) }
    }

    /// The answer to the last command may still come.
    pub(super) fn fall_out_of_step(&mut self) {
        self.out_of_step = true;
    }

    /// Whether the last command's payload was asked for, see [`Channel::was_prompted`].
    pub(super) fn was_prompted(&self) -> bool {
        self.channel.was_prompted()
    }

    /// How long the modem has had the last command's payload.
    pub(super) fn had_payload_for(&self) -> Duration {
        self.handed_over.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Leaves a prompt and asks `AT` until answers and questions agree again.
    pub(super) async fn get_in_step(&mut self) -> Result<(), ModemError> {
        // ESC leaves a prompt; the CR ends whatever was typed.
        self.write(b"\x1b\r").await?;
        if self.sync(3).await? {
            self.resyncs += 1;
            Ok(())
        } else {
            Err(ModemError::NoAnswer { port: self.name.clone() })
        }
    }

    /// Takes what the port has; news are left in [`Self::news`]. Can be cancelled.
    pub(super) async fn pump(&mut self) -> Result<(), PortError> {
        self.read().await?;
        self.collect();
        Ok(())
    }

    /// Takes everything for `time`, which may be the rest of a call; true as soon as `NO CARRIER` is
    /// among it. What the modem says besides is news: those that it held back come at the end of a
    /// call (3GPP TS 27.005 clause 3.4.1).
    pub(super) async fn watch_for_no_carrier(&mut self, time: Duration) -> Result<bool, PortError> {
        let end = Instant::now() + time;
        loop {
            let mut buffer = [0; READ_SIZE];
            let count = tokio::select! {
                biased;
                () = sleep_until(end) => return Ok(false),
                read = self.read_into(&mut buffer) => read?,
            };
            let (text, over) = self.tail.see(buffer.get(..count).unwrap_or_default());
            self.overhear(&text);
            if over || Instant::now() >= end {
                return Ok(over);
            }
        }
    }

    /// A call has left the port: `in_frame` tells where, `tail` is what it heard behind its end.
    pub(super) fn take_over(&mut self, tail: &[u8], in_frame: bool) {
        self.channel.reset();
        self.tail = Tail::of_call(in_frame);
        self.overhear(tail);
    }

    /// What the modem said by itself.
    fn overhear(&mut self, text: &[u8]) {
        // Only a command could be refused.
        let _ = self.channel.handle_input(Instant::now().into_std(), Input::Octets(text));
        self.collect();
    }

    /// Back to command mode as far as this side is concerned.
    pub(super) fn reset(&mut self) {
        self.channel.reset();
    }

    /// Octets outside any command, such as ESC.
    pub(super) async fn write(&mut self, octets: &[u8]) -> Result<(), ModemError> {
        let name = self.name.clone();
        let gone = || PortError::Gone { port: name.clone() };
        let port = self.port.as_mut().ok_or(ModemError::InCall)?;
        match timeout(WRITE_LIMIT, port.write_all(octets)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(gone().into()),
            Err(_) => return Err(ModemError::NoAnswer { port: name }),
        }
        self.shared.observe(TapDirection::Sent, octets);
        Ok(())
    }

    async fn read(&mut self) -> Result<(), PortError> {
        let mut buffer = [0; READ_SIZE];
        let count = self.read_into(&mut buffer).await?;
        let octets = buffer.get(..count).unwrap_or_default();
        // Only a command could be refused.
        let _ = self.channel.handle_input(Instant::now().into_std(), Input::Octets(octets));
        Ok(())
    }

    async fn read_into(&mut self, buffer: &mut [u8]) -> Result<usize, PortError> {
        let Some(port) = self.port.as_mut() else {
            return std::future::pending().await;
        };
        match port.read(buffer).await {
            Ok(count) if count > 0 => {
                let octets = buffer.get(..count).unwrap_or_default();
                self.shared.observe(TapDirection::Received, octets);
                self.heard_flags |= octets.contains(&cmux::FLAG);
                self.heard += u64::try_from(count).unwrap_or(u64::MAX);
                let flags = octets.iter().filter(|octet| **octet == ppp::FLAG).count();
                self.flags += u64::try_from(flags).unwrap_or(u64::MAX);
                Ok(count)
            }
            // Unplugged: a tty reads nothing, or fails with EIO.
            _ => Err(PortError::Gone { port: self.name.clone() }),
        }
    }

    fn collect(&mut self) {
        while let Output::Event(event) = self.channel.poll_output() {
            let _ = self.event(event);
        }
    }

    fn event(&mut self, event: Event) -> Option<Reply> {
        match event {
            Event::Response(response) => return Some(Reply::Response(response)),
            Event::Connected { text, leftover } => {
                return Some(Reply::Connected { text, leftover });
            }
            Event::TimedOut { lines } => return Some(Reply::TimedOut { lines }),
            Event::Unsolicited(news) if self.news.len() < limit_of(&news) => {
                self.news.push_back(news);
            }
            Event::Unsolicited(_) | Event::Overflow => {}
        }
        None
    }
}

/// How many news may wait for this one to be kept: a flood leaves room for what matters, and most
/// for what is stored nowhere else.
const fn limit_of(news: &Unsolicited) -> usize {
    match news {
        Unsolicited::Other(_) => MAX_NEWS,
        Unsolicited::Direct { .. } => 3 * MAX_NEWS,
        _ => 2 * MAX_NEWS,
    }
}

pub(super) fn command(text: &str) -> Result<CommandLine, ModemError> {
    CommandLine::new(text)
        .map_err(|reason| ModemError::Argument { what: "a command of the profile", reason })
}

/// A command without its arguments, for errors.
pub(super) fn name_of(text: &str) -> String {
    CommandLine::new(text).map_or_else(|_| "a command".to_owned(), |line| line.name().to_owned())
}

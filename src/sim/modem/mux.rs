//! `AT+CMUX`: the port becomes several channels, each a port of its own (3GPP TS 27.007 clause 5.7,
//! TS 27.010, basic option).

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::command::Op;
use super::failure::{Failure, INVALID_PARAMETER, NOT_SUPPORTED};
use super::session::{self, Session};
use super::{Cx, Shared, Step};
use crate::codec::cmux::{FrameType, Signals};
use crate::proto::cmux::{Config, Event, Input, Mux, MuxError, Output};
use crate::sim::fault::Fault;

/// Channels besides the control channel.
pub(super) const CHANNELS: u8 = 4;
/// N1 when the command does not tell.
const DEFAULT_N1: u32 = 31;
/// Largest N1 taken.
const MAX_N1: u32 = 1509;
/// Octets that a channel's port holds in each direction before its writer has to wait.
const BUFFER: usize = 8 * 1024;
/// Octets moved at once.
const CHUNK: usize = 1024;

/// `AT+CMUX`.
pub(super) fn run(cx: &mut Cx<'_>, name: &str, op: &Op) -> Option<Step> {
    if name != "+CMUX" {
        return None;
    }
    if cx.port >= cx.shared.visible {
        return Some(Step::Fail(NOT_SUPPORTED));
    }
    Some(match op {
        Op::Test => {
            cx.say(format!(
                "+CMUX: (0),(0),(1-5),(1-{MAX_N1}),(1-255),(0-100),(2-255),(1-255),(1-7)"
            ));
            Step::Done
        }
        Op::Read => {
            cx.say(format!("+CMUX: 0,0,5,{DEFAULT_N1},10,3,30,10,2"));
            Step::Done
        }
        Op::Run => Step::Fail(Failure::Plain),
        Op::Set(_) if cx.shared.faults.strikes(&Fault::CmuxRefused {}) => {
            Step::Fail(Failure::Plain)
        }
        Op::Set(args) => {
            let number = |at: usize, default: u32| match args.get(at) {
                Some(arg) if !arg.text.is_empty() => arg.number(),
                _ => Some(default),
            };
            match (number(0, 0), number(1, 0), number(3, DEFAULT_N1)) {
                // The basic option, UIH frames.
                (Some(0), Some(0), Some(n1 @ 1..=MAX_N1)) => {
                    Step::Multiplex(usize::try_from(n1).unwrap_or(1))
                }
                _ => Step::Fail(INVALID_PARAMETER),
            }
        }
    })
}

/// One open channel.
struct Channel {
    /// The host's end of the port behind it.
    port: DuplexStream,
    /// Octets for the port that it had no room for.
    pending: Vec<u8>,
    /// The carrier as the host was told it.
    carrier: bool,
}

/// What the port carries in place of commands.
pub(super) struct Line {
    shared: Arc<Shared>,
    mux: Mux,
    channels: BTreeMap<u8, Channel>,
    /// Addresses of frames that were answered late.
    late: BTreeSet<u8>,
    /// The start of the modem that it belongs to.
    life: u64,
    over: bool,
}

/// The line of a port that is in the multiplexer: whoever serves the port has it.
pub(super) type Slot = Arc<Mutex<Option<Line>>>;

impl Session {
    /// Carries the channels until the multiplexer ends; the port takes commands again then.
    pub(super) async fn multiplex(&mut self, n1: usize) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let own = shared.ports.get(self.port).ok_or(io::ErrorKind::NotFound)?;
        let mut slot = Arc::clone(&own.multiplexed).lock_owned().await;
        let mut line = Line {
            shared: Arc::clone(&shared),
            mux: Mux::new(Config { n1, ..Config::responder(CHANNELS) }),
            channels: BTreeMap::new(),
            late: BTreeSet::new(),
            life: shared.life.load(Ordering::Relaxed),
            over: false,
        };
        let early: Vec<u8> = self.pending.drain(..).collect();
        line.ask(Input::Octets(&early));
        *slot = Some(line);
        self.channels(slot).await
    }

    /// Goes on with the channels that the last opening of the port has left: a modem stays in the
    /// multiplexer until it is told to leave it, or starts anew.
    pub(super) async fn resume(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let own = shared.ports.get(self.port).ok_or(io::ErrorKind::NotFound)?;
        let slot = Arc::clone(&own.multiplexed).lock_owned().await;
        if slot.is_some() { self.channels(slot).await } else { Ok(()) }
    }

    async fn channels(&mut self, mut slot: OwnedMutexGuard<Option<Line>>) -> io::Result<()> {
        let result = match slot.as_mut() {
            Some(line) => self.serve_line(line).await,
            None => Ok(()),
        };
        if result.is_ok() {
            *slot = None;
        } else {
            tokio::spawn(unattended(slot, self.port, self.closed.clone()));
        }
        result
    }

    async fn serve_line(&mut self, line: &mut Line) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let own = shared.ports.get(self.port).ok_or(io::ErrorKind::NotFound)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            self.transmit(line).await?;
            if line.over {
                return Ok(());
            }
            let timeout = line.mux.next_timeout().map(Instant::from_std);
            tokio::select! {
                biased;
                () = self.closed.cancelled() => return Err(io::ErrorKind::ConnectionAborted.into()),
                read = self.reader.read(&mut buffer) => {
                    let count = read?;
                    if count == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.count_in(count);
                    let deaf = shared.is_hung(self.port);
                    if !deaf && !shared.faults.shows(&Fault::ModemSilent {}) {
                        line.ask(Input::Octets(buffer.get(..count).unwrap_or_default()));
                    }
                    if line.mux.is_open(1) && shared.faults.strikes(&Fault::CmuxClosedByModem {}) {
                        line.ask(Input::CloseDown);
                    }
                }
                () = poll_fn(|cx| line.poll_channels(cx)) => {}
                () = own.wake.notified() => {
                    if line.is_of_an_earlier_life() {
                        line.channels.clear();
                        return self.write(b"\r\nRDY\r\n").await;
                    }
                }
                () = at(timeout) => line.ask(Input::Timeout),
            }
        }
    }

    /// Writes whatever the multiplexer has for the host.
    async fn transmit(&mut self, line: &mut Line) -> io::Result<()> {
        loop {
            line.show_carrier();
            match line.mux.poll_output() {
                Output::Event(event) => line.event(event),
                Output::Transmit(mut frame) => {
                    let faults = &self.shared.faults;
                    let control = frame.get(2).and_then(|octet| FrameType::of(*octet));
                    // What was asked again meanwhile is answered at once.
                    if control == Some(FrameType::Ua)
                        && frame.get(1).is_some_and(|address| line.late.insert(*address))
                        && let Some(millis) = faults.take(|fault| match fault {
                            Fault::CmuxSlowUa { millis } => Some(*millis),
                            _ => None,
                        })
                    {
                        sleep(Duration::from_millis(millis)).await;
                    }
                    // The command and the response of MSC, on the control channel.
                    let status = matches!(frame.get(1..5), Some([1 | 3, 0xEF, _, 0xE3 | 0xE1]));
                    if status && self.shared.faults.shows(&Fault::CmuxWithoutStatus {}) {
                        continue;
                    }
                    let fcs = frame.len().saturating_sub(2);
                    if control == Some(FrameType::Uih)
                        && self.shared.faults.strikes(&Fault::CmuxWrongFcs {})
                        && let Some(octet) = frame.get_mut(fcs)
                    {
                        *octet ^= 0x01;
                    }
                    self.put(&frame).await?;
                }
                Output::Timeout(_) | Output::Idle => return Ok(()),
            }
        }
    }
}

/// Goes on while nobody has the port open; what is said then is heard by nobody.
async fn unattended(
    mut slot: OwnedMutexGuard<Option<Line>>,
    port: usize,
    opened_again: CancellationToken,
) {
    let Some(line) = slot.as_mut() else { return };
    let shared = Arc::clone(&line.shared);
    let Some(own) = shared.ports.get(port) else { return };
    while !opened_again.is_cancelled() || shared.stop.is_cancelled() {
        loop {
            line.show_carrier();
            match line.mux.poll_output() {
                Output::Event(event) => line.event(event),
                Output::Transmit(_) => {}
                Output::Timeout(_) | Output::Idle => break,
            }
        }
        if line.over || line.is_of_an_earlier_life() || shared.stop.is_cancelled() {
            *slot = None;
            return;
        }
        let timeout = line.mux.next_timeout().map(Instant::from_std);
        tokio::select! {
            biased;
            // So does the end of the modem.
            () = opened_again.cancelled() => {}
            () = poll_fn(|cx| line.poll_channels(cx)) => {}
            () = own.wake.notified() => {}
            () = at(timeout) => line.ask(Input::Timeout),
        }
    }
}

impl Line {
    /// A modem that starts anew knows nothing of channels.
    fn is_of_an_earlier_life(&self) -> bool {
        self.shared.life.load(Ordering::Relaxed) != self.life
    }

    fn ask(&mut self, input: Input<'_>) {
        if !self.mux.is_open(1) {
            let refused = self.shared.faults.is_on(&Fault::CmuxChannelRefused {});
            self.mux.allow_up_to(if refused { 0 } else { CHANNELS });
        }
        match self.mux.handle_input(Instant::now().into_std(), input) {
            Ok(()) | Err(MuxError::Ended) => {}
            Err(error) => tracing::debug!(%error, "multiplexer of the virtual modem"),
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Opened(dlci) if dlci > 0 => self.open(dlci),
            Event::Closed(dlci) => drop(self.channels.remove(&dlci)),
            Event::Refused(_) => {
                let _ = self.shared.faults.strikes(&Fault::CmuxChannelRefused {});
            }
            Event::Signals { dlci, signals } if !signals.has(Signals::RTC) => {
                // What DTR low is on a cable.
                let in_call = self.shared.has_carrier(self.index(dlci));
                let open = self.channels.contains_key(&dlci);
                if in_call && open && !self.shared.faults.shows(&Fault::DtrIgnored {}) {
                    self.open(dlci);
                    self.mux.write(dlci, b"\r\nNO CARRIER\r\n");
                }
            }
            Event::Ended(_) => {
                self.channels.clear();
                self.over = true;
            }
            _ => {}
        }
    }

    fn index(&self, dlci: u8) -> usize {
        self.shared.visible + usize::from(dlci.saturating_sub(1))
    }

    /// A port behind the channel, in place of an earlier one.
    fn open(&mut self, dlci: u8) {
        let (host, modem) = tokio::io::duplex(BUFFER);
        let index = self.index(dlci);
        tokio::spawn(session::serve(Arc::clone(&self.shared), index, Box::new(modem)));
        // What the host was told holds until it is told something else.
        let carrier = self.channels.get(&dlci).is_some_and(|channel| channel.carrier);
        self.channels.insert(dlci, Channel { port: host, pending: Vec::new(), carrier });
    }

    /// Tells the host of calls that have begun or ended.
    fn show_carrier(&mut self) {
        let mut changed = Vec::new();
        for (dlci, channel) in &mut self.channels {
            let index = self.shared.visible + usize::from(dlci.saturating_sub(1));
            let carrier = self.shared.has_carrier(index);
            if carrier != channel.carrier {
                channel.carrier = carrier;
                changed.push((*dlci, carrier));
            }
        }
        for (dlci, carrier) in changed {
            let signals = Signals::RTC.with(Signals::RTR, true).with(Signals::DV, carrier);
            self.ask(Input::Signals { dlci, signals });
        }
    }

    /// Moves octets between the channels and the ports behind them; ready when any moved.
    fn poll_channels(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { mux, channels, .. } = self;
        let now = Instant::now().into_std();
        let mut moved = false;
        let mut ended = Vec::new();
        for (dlci, channel) in channels.iter_mut() {
            if channel.pending.is_empty() {
                channel.pending = mux.read(now, *dlci, CHUNK);
            }
            if !channel.pending.is_empty()
                && let Poll::Ready(wrote) =
                    Pin::new(&mut channel.port).poll_write(cx, &channel.pending)
            {
                match wrote {
                    Ok(count) if count > 0 => drop(channel.pending.drain(..count)),
                    _ => ended.push(*dlci),
                }
                moved = true;
            }
            let room = mux.room(*dlci).min(CHUNK);
            let mut buffer = [0; CHUNK];
            let mut buffer = ReadBuf::new(buffer.get_mut(..room).unwrap_or_default());
            if room > 0
                && let Poll::Ready(read) = Pin::new(&mut channel.port).poll_read(cx, &mut buffer)
            {
                if read.is_err() || buffer.filled().is_empty() {
                    ended.push(*dlci);
                } else {
                    mux.write(*dlci, buffer.filled());
                }
                moved = true;
            }
        }
        for dlci in ended {
            channels.remove(&dlci);
            let _ = mux.handle_input(now, Input::Close(dlci));
        }
        if moved { Poll::Ready(()) } else { Poll::Pending }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

//! A modem that is a transcript: it checks what the driver sends, octet by octet, and answers what
//! the recorded modem answered, after the recorded pauses, cut as the test wants it. In the
//! multiplexer it compares the content of the frames of each channel, and cuts its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use mm1gate::codec::cmux::{Deframed, Deframer, Frame, FrameType};
use mm1gate::modem::{OpenPort, Port, PortOpener, Serial};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep};

use super::transcript::{Bare, Event, PortName, Transcript, What, quote};

/// Octets of information in a frame of the driver's, at most.
const MAX_FRAME: usize = 4096;

/// How the answers are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chunking {
    /// One octet a read.
    Octets,
    /// One line a read.
    Lines,
    /// As much as there is.
    Whole,
}

/// Opens the ports of the recorded modem; clones are the same modem.
#[derive(Clone)]
pub(crate) struct Replay {
    state: Arc<Mutex<State>>,
    chunking: Chunking,
    control: String,
}

struct State {
    events: Vec<Event>,
    done: Vec<bool>,
    /// When the last event was done.
    progress: Instant,
    /// Received octets that are waiting for the rest of a read.
    pending: BTreeMap<PortName, Vec<u8>>,
    /// Octets matched of the [`What::Sent`] that is being sent on a port or in a channel.
    matched: BTreeMap<PortName, usize>,
    /// Cuts what the driver sends, while the multiplexer runs.
    frames: Option<Deframer>,
    /// Ports in data mode: what is sent there was not recorded.
    in_data: BTreeSet<PortName>,
    carrier: Option<bool>,
    complaint: Option<String>,
}

impl Replay {
    /// Must be called inside a runtime.
    pub(crate) fn new(transcript: &Transcript, chunking: Chunking, control: &str) -> Self {
        let events = transcript.events.clone();
        let state = State {
            done: vec![false; events.len()],
            events,
            progress: Instant::now(),
            pending: BTreeMap::new(),
            matched: BTreeMap::new(),
            frames: None,
            in_data: BTreeSet::new(),
            carrier: None,
            complaint: None,
        };
        Self { state: Arc::new(Mutex::new(state)), chunking, control: control.to_owned() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which event is next, when it is the driver's to do or nothing is left.
    pub(crate) fn waits_for_driver(&self) -> Option<usize> {
        let state = self.lock();
        let next = state.next().unwrap_or(state.events.len());
        state.events.get(next).is_none_or(|it| is_drivers(&it.what)).then_some(next)
    }

    /// What the driver did otherwise than recorded, or left undone.
    pub(crate) fn complaint(&self) -> Option<String> {
        let state = self.lock();
        if state.complaint.is_some() {
            return state.complaint.clone();
        }
        let left = state.events.iter().zip(&state.done).find_map(|(event, done)| {
            let what = match &event.what {
                What::Sent(octets) => quote(octets),
                What::Frame(bare) if bare.sent => bare.to_string(),
                _ => return None,
            };
            (!done).then_some((event, what))
        });
        left.map(|(event, what)| {
            let (at, port) = (event.at.as_secs_f64(), event.port);
            format!("the recorded driver went on at {at:.3} with {what} on {port}")
        })
    }
}

/// Whether it is for the driver to do.
fn is_drivers(what: &What) -> bool {
    is_line(what) || matches!(what, What::Sent(_) | What::Frame(Bare { sent: true, .. }))
}

/// Whether the driver sets something of the port itself.
const fn is_line(what: &What) -> bool {
    matches!(what, What::Dtr(_) | What::Serial(_))
}

/// The port that carries a channel; itself when it is none.
fn carrier_of(port: PortName) -> PortName {
    match port {
        PortName::Channel(_) => PortName::Data,
        port => port,
    }
}

/// A frame as modems send it, which answer a multiplexer that somebody else has begun.
fn frame(dlci: u8, kind: FrameType, poll_final: bool, information: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let cr = matches!(kind, FrameType::Ua | FrameType::Dm);
    Frame { dlci, cr, kind, poll_final, information }.encode(&mut octets);
    octets
}

impl State {
    /// The first event that is not done.
    fn next(&self) -> Option<usize> {
        self.done.iter().position(|done| !done)
    }

    fn finish(&mut self, at: usize) {
        if let Some(done) = self.done.get_mut(at) {
            *done = true;
        }
        self.progress = Instant::now();
    }

    /// When an event may happen: everything that was sent before it was sent, and its pause is
    /// over. Nothing when it has to wait for the driver.
    fn due(&self, at: usize) -> Option<Instant> {
        let event = self.events.get(at)?;
        let earlier = self.events.iter().zip(&self.done).take(at);
        let waits = earlier.filter(|(_, done)| !**done).any(|(earlier, _)| {
            carrier_of(earlier.port) == carrier_of(event.port)
                || (is_drivers(&earlier.what) && !is_line(&earlier.what))
        });
        let before = at.checked_sub(1).and_then(|at| self.events.get(at));
        let pause = event.at.saturating_sub(before.map_or(Duration::ZERO, |before| before.at));
        (!waits).then(|| self.progress + pause)
    }

    /// Moves what is due on a port to its pending octets; when the next is due.
    fn advance(&mut self, port: PortName, now: Instant) -> Option<Instant> {
        loop {
            let at = self.events.iter().zip(&self.done).position(|(event, done)| {
                !done && carrier_of(event.port) == port && !is_drivers(&event.what)
            })?;
            let due = self.due(at)?;
            let Event { port: place, what, .. } = self.events.get(at)?.clone();
            match what {
                What::Data(..) => drop(self.in_data.insert(place)),
                What::Mux(on) => self.frames = on.then(|| Deframer::new(MAX_FRAME)),
                _ if due > now => return Some(due),
                What::Dcd(on) => self.carrier = Some(on),
                What::Received(octets) => {
                    self.in_data.remove(&place);
                    let octets = match place {
                        PortName::Channel(dlci) => frame(dlci, FrameType::Uih, false, &octets),
                        _ => octets,
                    };
                    self.pending.entry(port).or_default().extend(octets);
                }
                What::Frame(Bare { kind, poll_final, .. }) => {
                    if let PortName::Channel(dlci) = place {
                        let octets = frame(dlci, kind, poll_final, &[]);
                        self.pending.entry(port).or_default().extend(octets);
                    }
                }
                What::Sent(_) | What::Dtr(_) | What::Serial(_) => {}
            }
            self.finish(at);
        }
    }

    /// Compares what the driver sends on a port with what it sent.
    fn written(&mut self, port: PortName, octets: &[u8]) -> Result<(), String> {
        let Some(deframer) = self.frames.as_mut().filter(|_| port == PortName::Data) else {
            return self.take(port, octets);
        };
        let mut pieces = Vec::new();
        deframer.feed(octets, |piece| match piece {
            Deframed::Frame(Frame { dlci, kind, poll_final, information, .. }) => {
                pieces.push(Ok((dlci, kind, poll_final, information.to_vec())));
            }
            Deframed::Text(text) => pieces.push(Err(quote(text))),
            Deframed::Bad(error) => pieces.push(Err(error.to_string())),
        });
        for piece in pieces {
            let (dlci, kind, poll_final, information) =
                piece.map_err(|what| format!("in the multiplexer the driver sends {what}"))?;
            let place = PortName::Channel(dlci);
            match kind {
                FrameType::Uih | FrameType::Ui if information.is_empty() => {}
                FrameType::Uih | FrameType::Ui => self.take(place, &information)?,
                _ => self.take_bare(place, Bare { sent: true, kind, poll_final })?,
            }
        }
        Ok(())
    }

    /// Sets something of a port; false when its port had no such thing.
    fn set(&mut self, port: PortName, what: &What) -> bool {
        let next = self
            .events
            .iter()
            .zip(&self.done)
            .position(|(event, done)| !done && event.port == port && event.what == *what);
        next.map(|at| self.finish(at)).is_some()
    }

    /// The next thing that the driver did on a port or in a channel.
    fn expected(&self, place: PortName) -> Option<(usize, What)> {
        let at = self.events.iter().zip(&self.done).position(|(event, done)| {
            !done && event.port == place && is_drivers(&event.what) && !is_line(&event.what)
        })?;
        Some((at, self.events.get(at)?.what.clone()))
    }

    fn take_bare(&mut self, place: PortName, sends: Bare) -> Result<(), String> {
        match self.expected(place) {
            Some((at, What::Frame(sent))) if sent == sends => {
                self.in_data.remove(&place);
                self.finish(at);
                Ok(())
            }
            other => Err(otherwise(place, &sends.to_string(), other)),
        }
    }

    fn take(&mut self, place: PortName, octets: &[u8]) -> Result<(), String> {
        let expected = self.expected(place);
        let matched = self.matched.get(&place).copied().unwrap_or_default();
        let next = match &expected {
            Some((at, What::Sent(sent))) => sent.get(matched..).map(|rest| (*at, rest)),
            _ => None,
        };
        match next {
            Some((at, rest)) if rest.starts_with(octets) => {
                if rest.len() == octets.len() {
                    self.matched.remove(&place);
                    self.finish(at);
                } else {
                    self.matched.insert(place, matched + octets.len());
                }
                Ok(())
            }
            // More at once than then.
            Some((at, rest)) if !rest.is_empty() && octets.starts_with(rest) => {
                let length = rest.len();
                self.matched.remove(&place);
                self.finish(at);
                self.take(place, octets.get(length..).unwrap_or_default())
            }
            _ if self.in_data.contains(&place) => Ok(()),
            _ => Err(otherwise(place, &quote(octets), expected)),
        }
    }
}

/// The first difference, for people.
fn otherwise(place: PortName, sends: &str, expected: Option<(usize, What)>) -> String {
    let sent = match expected {
        Some((_, What::Sent(octets))) => quote(&octets),
        Some((_, What::Frame(bare))) => bare.to_string(),
        _ => "nothing more".to_owned(),
    };
    format!("on {place} the driver sends {sends}, then it sent {sent}")
}

impl PortOpener for Replay {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        let port = if name == self.control { PortName::Control } else { PortName::Data };
        let port = ReplayPort { replay: self.clone(), port, timer: None };
        Box::pin(async move { Ok(Box::new(port) as Box<dyn Port>) })
    }
}

struct ReplayPort {
    replay: Replay,
    port: PortName,
    timer: Option<Pin<Box<Sleep>>>,
}

/// How long a read waits before it looks again whether the other port or a write let it go on.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl AsyncRead for ReplayPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let (port, chunking) = (self.port, self.replay.chunking);
            let mut state = self.replay.lock();
            let due = state.advance(port, now);
            let pending = state.pending.entry(port).or_default();
            if !pending.is_empty() {
                let line = pending.iter().position(|octet| *octet == b'\n').map(|at| at + 1);
                let count = match chunking {
                    Chunking::Octets => 1,
                    Chunking::Lines => line.unwrap_or(pending.len()),
                    Chunking::Whole => pending.len(),
                };
                let octets: Vec<u8> = pending.drain(..count.min(buf.remaining())).collect();
                buf.put_slice(&octets);
                return Poll::Ready(Ok(()));
            }
            drop(state);
            let wake = due.unwrap_or(now + LOOK_AGAIN);
            let mut timer = Box::pin(tokio::time::sleep_until(wake));
            if timer.as_mut().poll(cx).is_pending() {
                self.timer = Some(timer);
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for ReplayPort {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.replay.lock();
        let now = Instant::now();
        state.advance(self.port, now);
        if let Err(complaint) = state.written(self.port, octets) {
            let error = io::Error::other(complaint.clone());
            state.complaint.get_or_insert(complaint);
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Port for ReplayPort {
    fn set_dtr(&mut self, on: bool) -> bool {
        self.replay.lock().set(self.port, &What::Dtr(on))
    }

    fn set_serial(&mut self, serial: Serial) -> bool {
        self.replay.lock().set(self.port, &What::Serial(serial))
    }

    fn carrier(&mut self) -> Option<bool> {
        let mut state = self.replay.lock();
        state.advance(self.port, Instant::now());
        state.carrier
    }
}

//! A modem that is a transcript: it checks what the driver sends, octet by octet, and answers what
//! the recorded modem answered, after the recorded pauses, cut as the test wants it.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use mm1gate::modem::{OpenPort, Port, PortOpener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep};

use super::transcript::{Event, PortName, Transcript, What, quote};

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
    /// Octets matched of the [`What::Sent`] that is being sent.
    matched: BTreeMap<PortName, usize>,
    /// Ports in data mode: what is sent there was not recorded.
    in_data: BTreeMap<PortName, bool>,
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
            in_data: BTreeMap::new(),
            carrier: None,
            complaint: None,
        };
        Self { state: Arc::new(Mutex::new(state)), chunking, control: control.to_owned() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next thing is the driver's to do.
    pub(crate) fn waits_for_driver(&self) -> bool {
        let state = self.lock();
        state.next().is_none_or(|at| {
            matches!(state.events.get(at).map(|it| &it.what), Some(What::Sent(_) | What::Dtr(_)))
        })
    }

    /// What the driver did otherwise than recorded, or left undone.
    pub(crate) fn complaint(&self) -> Option<String> {
        let state = self.lock();
        if state.complaint.is_some() {
            return state.complaint.clone();
        }
        let left =
            state.events.iter().zip(&state.done).find_map(|(event, done)| match &event.what {
                What::Sent(octets) if !done => Some((event, octets)),
                _ => None,
            });
        left.map(|(event, octets)| {
            let (at, port) = (event.at.as_secs_f64(), event.port.as_str());
            format!("the recorded driver went on at {at:.3} with {} on {port}", quote(octets))
        })
    }
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
            matches!(earlier.what, What::Sent(_)) || earlier.port == event.port
        });
        let before = at.checked_sub(1).and_then(|at| self.events.get(at));
        let pause = event.at.saturating_sub(before.map_or(Duration::ZERO, |before| before.at));
        (!waits).then(|| self.progress + pause)
    }

    /// Moves what is due on a port to its pending octets; when the next is due.
    fn advance(&mut self, port: PortName, now: Instant) -> Option<Instant> {
        loop {
            let at = self.events.iter().zip(&self.done).position(|(event, done)| {
                !done && event.port == port && !matches!(event.what, What::Sent(_) | What::Dtr(_))
            })?;
            let due = self.due(at)?;
            let what = self.events.get(at)?.what.clone();
            match what {
                What::Data(..) => {
                    self.in_data.insert(port, true);
                }
                _ if due > now => return Some(due),
                What::Dcd(on) => self.carrier = Some(on),
                What::Received(octets) => {
                    self.pending.entry(port).or_default().extend(octets);
                }
                What::Sent(_) | What::Dtr(_) => {}
            }
            self.finish(at);
        }
    }

    /// Compares what the driver sends with what it sent.
    fn take(&mut self, port: PortName, octets: &[u8]) -> Result<(), String> {
        let next = self.events.iter().zip(&self.done).position(|(event, done)| {
            !done && event.port == port && matches!(event.what, What::Sent(_))
        });
        let expected = next.and_then(|at| match &self.events.get(at)?.what {
            What::Sent(octets) => Some(octets.clone()),
            _ => None,
        });
        let is_in_data = self.in_data.get(&port).copied().unwrap_or_default();
        let matched = self.matched.get(&port).copied().unwrap_or_default();
        let rest = expected.as_deref().and_then(|expected| expected.get(matched..));
        match (next, rest) {
            (Some(at), Some(rest)) if rest.starts_with(octets) => {
                if rest.len() == octets.len() {
                    self.matched.remove(&port);
                    self.finish(at);
                } else {
                    self.matched.insert(port, matched + octets.len());
                }
                Ok(())
            }
            // More at once than then.
            (Some(at), Some(rest)) if !rest.is_empty() && octets.starts_with(rest) => {
                self.matched.remove(&port);
                self.finish(at);
                self.take(port, octets.get(rest.len()..).unwrap_or_default())
            }
            _ if is_in_data => Ok(()),
            (_, rest) => {
                let wanted = rest.map_or_else(|| "nothing more".to_owned(), quote);
                let port = port.as_str();
                Err(format!("on {port} the driver sends {}, then it sent {wanted}", quote(octets)))
            }
        }
    }
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
        if let Err(complaint) = state.take(self.port, octets) {
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
        let mut state = self.replay.lock();
        let next = state.events.iter().zip(&state.done).position(|(event, done)| {
            !done && event.port == self.port && event.what == What::Dtr(on)
        });
        next.map(|at| state.finish(at)).is_some()
    }

    fn carrier(&mut self) -> Option<bool> {
        let mut state = self.replay.lock();
        state.advance(self.port, Instant::now());
        state.carrier
    }
}

//! Several ports on one: a task runs the multiplexer (3GPP TS 27.010) on the real port, and each
//! channel is a port of its own, DTR and carrier included.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, split};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::Port;
use super::frames::Frames;
use crate::codec::cmux::Signals;
use crate::proto::cmux::{Config, End, Event, Input, Mux, MuxError, Output};

/// Octets taken from the port at once.
const READ_SIZE: usize = 2048;
/// How long the last frames of a multiplexer that is over may take to leave.
const LAST_FRAMES: Duration = Duration::from_secs(1);
/// How often a channel that the modem closes is opened again within [`REOPEN_WINDOW`].
const MAX_REOPENED: u32 = 5;
/// See [`MAX_REOPENED`].
const REOPEN_WINDOW: Duration = Duration::from_secs(60);

/// Why the multiplexer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// By its own protocol.
    Ended(End),
    /// The port below it is gone.
    PortGone,
}

/// The multiplexer on one port. Dropped, it is closed down in the background.
pub(super) struct Multiplexer {
    inner: Arc<Inner>,
    task: Option<JoinHandle<Box<dyn Port>>>,
    begun: Instant,
}

struct Inner {
    state: Mutex<State>,
    /// There may be something to do.
    wake: Notify,
    /// A frame came damaged.
    damaged: Notify,
}

struct State {
    mux: Mux,
    readers: BTreeMap<u8, Waker>,
    writers: BTreeMap<u8, Waker>,
    opening: BTreeMap<u8, oneshot::Sender<Result<(), MuxError>>>,
    /// Channels that the modem closes for good.
    dead: BTreeSet<u8>,
    reopened: BTreeMap<u8, (u32, Instant)>,
    closing: bool,
    over: Option<(Over, Instant)>,
}

impl Multiplexer {
    /// Runs the multiplexer on a port whose modem has just said OK to `AT+CMUX`.
    pub(super) fn start(port: Box<dyn Port>, config: Config, frames: Frames) -> Self {
        let state = State {
            mux: Mux::new(config),
            readers: BTreeMap::new(),
            writers: BTreeMap::new(),
            opening: BTreeMap::new(),
            dead: BTreeSet::new(),
            reopened: BTreeMap::new(),
            closing: false,
            over: None,
        };
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            wake: Notify::new(),
            damaged: Notify::new(),
        });
        let task = tokio::spawn(run(Arc::clone(&inner), port, frames));
        Self { inner, task: Some(task), begun: Instant::now() }
    }

    /// Opens a channel; channel 0, the control channel, first.
    pub(super) async fn open(&self, dlci: u8) -> Result<ChannelPort, MuxError> {
        let (answer, opened) = oneshot::channel();
        {
            let mut state = self.inner.lock();
            if state.over.is_some() {
                return Err(MuxError::Ended);
            }
            state.opening.insert(dlci, answer);
            state.ask(Input::Open(dlci))?;
        }
        self.inner.wake.notify_one();
        opened.await.unwrap_or(Err(MuxError::Ended))?;
        Ok(ChannelPort { inner: Arc::clone(&self.inner), dlci })
    }

    /// Ends the multiplexer; the port, whose modem takes AT commands again when all went well.
    pub(super) async fn close_down(mut self) -> Option<Box<dyn Port>> {
        self.inner.close_down();
        self.task.take()?.await.ok()
    }

    /// Why it is over; none while it lasts.
    pub(super) fn over(&self) -> Option<Over> {
        self.inner.lock().over.map(|(over, _)| over)
    }

    /// Waits for a damaged frame since this was asked last.
    pub(super) async fn damage(&self) {
        self.inner.damaged.notified().await;
    }

    /// How long it has been running.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }
}

impl Drop for Multiplexer {
    fn drop(&mut self) {
        self.inner.close_down();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close_down(&self) {
        let mut state = self.lock();
        if !state.closing {
            state.closing = true;
            // Over already: then there is nothing to end.
            let _ = state.ask(Input::CloseDown);
            self.wake.notify_one();
        }
    }
}

impl State {
    fn ask(&mut self, input: Input<'_>) -> Result<(), MuxError> {
        self.mux.handle_input(Instant::now().into_std(), input)
    }

    /// Looks at what happened.
    fn look(&mut self) {
        while let Some(event) = self.mux.poll_event() {
            self.event(event);
        }
    }

    /// The next octets for the line; empty when there are none.
    fn next_frame(&mut self) -> Vec<u8> {
        loop {
            match self.mux.poll_output() {
                Output::Event(event) => self.event(event),
                Output::Transmit(octets) => {
                    let Self { mux, writers, .. } = self;
                    writers.retain(|dlci, waker| {
                        let full = mux.room(*dlci) == 0;
                        if !full {
                            waker.wake_by_ref();
                        }
                        full
                    });
                    return octets;
                }
                Output::Timeout(_) | Output::Idle => return Vec::new(),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Opened(dlci) => {
                if let Some(answer) = self.opening.remove(&dlci) {
                    // Whoever asked may have gone away.
                    let _ = answer.send(Ok(()));
                }
                self.wake(dlci);
            }
            Event::NotOpened { dlci, error } => {
                match self.opening.remove(&dlci) {
                    Some(answer) => drop(answer.send(Err(error))),
                    None => drop(self.dead.insert(dlci)),
                }
                self.wake(dlci);
            }
            Event::Closed(dlci) => self.reopen(dlci),
            Event::Readable(dlci) => {
                if let Some(waker) = self.readers.remove(&dlci) {
                    waker.wake();
                }
            }
            Event::Ended(end) => self.end(Over::Ended(end)),
            // Of signals, the latest are asked for; text makes the machine look for itself.
            _ => {}
        }
    }

    /// Some modems close a channel when its call ends; a port outlives its calls.
    fn reopen(&mut self, dlci: u8) {
        if self.closing {
            return;
        }
        let now = Instant::now();
        let (count, since) = self.reopened.entry(dlci).or_insert((0, now));
        if since.elapsed() > REOPEN_WINDOW {
            (*count, *since) = (0, now);
        }
        *count += 1;
        if *count > MAX_REOPENED || self.ask(Input::Open(dlci)).is_err() {
            self.dead.insert(dlci);
            self.wake(dlci);
        }
    }

    fn wake(&mut self, dlci: u8) {
        let wakers = [self.readers.remove(&dlci), self.writers.remove(&dlci)];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn end(&mut self, over: Over) {
        if self.over.is_some() {
            return;
        }
        self.over = Some((over, Instant::now()));
        for (_, answer) in std::mem::take(&mut self.opening) {
            let _ = answer.send(Err(MuxError::Ended));
        }
        let wakers = std::mem::take(&mut self.readers).into_values();
        wakers.chain(std::mem::take(&mut self.writers).into_values()).for_each(Waker::wake);
    }

    fn is_dead(&self, dlci: u8) -> bool {
        self.over.is_some() || self.dead.contains(&dlci)
    }
}

/// Runs until the multiplexer or the port ends; gives the port back.
async fn run(inner: Arc<Inner>, port: Box<dyn Port>, mut frames: Frames) -> Box<dyn Port> {
    let (mut reader, mut writer) = split(port);
    let mut buffer = [0; READ_SIZE];
    let mut out: Vec<u8> = Vec::new();
    loop {
        let (timeout, over) = {
            let mut state = inner.lock();
            if out.is_empty() {
                out = state.next_frame();
                if !out.is_empty() {
                    frames.sent(&out);
                }
            } else {
                state.look();
            }
            (state.mux.next_timeout().map(Instant::from_std), state.over)
        };
        let until = match over {
            Some((over, since)) => {
                if out.is_empty() || over == Over::PortGone || since.elapsed() >= LAST_FRAMES {
                    break;
                }
                Some(since + LAST_FRAMES)
            }
            None => timeout,
        };
        tokio::select! {
            biased;
            wrote = writer.write(&out), if !out.is_empty() => match wrote {
                Ok(count) if count > 0 => drop(out.drain(..count)),
                _ => inner.lock().end(Over::PortGone),
            },
            read = reader.read(&mut buffer) => match read {
                Ok(count) if count > 0 => {
                    let octets = buffer.get(..count).unwrap_or_default();
                    frames.received(octets);
                    let mut state = inner.lock();
                    let before = state.mux.stats().damaged;
                    // Octets are always taken.
                    let _ = state.ask(Input::Octets(octets));
                    if state.mux.stats().damaged > before {
                        inner.damaged.notify_one();
                    }
                }
                _ => inner.lock().end(Over::PortGone),
            },
            () = inner.wake.notified() => {}
            () = at(until) => {
                let _ = inner.lock().ask(Input::Timeout);
            }
        }
    }
    reader.unsplit(writer)
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// One channel as a port.
pub(super) struct ChannelPort {
    inner: Arc<Inner>,
    dlci: u8,
}

impl Port for ChannelPort {
    fn set_dtr(&mut self, on: bool) -> bool {
        let signals = Signals::RTR.with(Signals::DV, true).with(Signals::RTC, on);
        let told = self.inner.lock().ask(Input::Signals { dlci: self.dlci, signals }).is_ok();
        self.inner.wake.notify_one();
        told
    }

    fn is_channel(&self) -> bool {
        true
    }

    fn reconnect(&mut self) -> bool {
        // It is opened again as soon as it is closed.
        let asked = self.inner.lock().ask(Input::Close(self.dlci)).is_ok();
        self.inner.wake.notify_one();
        asked
    }

    fn carrier(&mut self) -> Option<bool> {
        let state = self.inner.lock();
        let signals = state.mux.remote_signals(self.dlci);
        // A channel that the modem has closed carries nothing, whatever it last said.
        let open = state.mux.is_open(self.dlci);
        if open { signals.map(|it| it.has(Signals::DV)) } else { Some(false) }
    }
}

impl AsyncRead for ChannelPort {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.inner.lock();
        let octets = state.mux.read(Instant::now().into_std(), self.dlci, buf.remaining());
        if !octets.is_empty() {
            buf.put_slice(&octets);
            drop(state);
            // The modem may be waiting for room.
            self.inner.wake.notify_one();
            return Poll::Ready(Ok(()));
        }
        if state.is_dead(self.dlci) || buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        state.readers.insert(self.dlci, cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for ChannelPort {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.inner.lock();
        if state.is_dead(self.dlci) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = state.mux.write(self.dlci, octets);
        if count == 0 && !octets.is_empty() {
            state.writers.insert(self.dlci, cx.waker().clone());
            return Poll::Pending;
        }
        drop(state);
        self.inner.wake.notify_one();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

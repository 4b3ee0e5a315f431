//! Joins an octet stream, a PPP link and a stack's packet queue (RFC 1661, RFC 1662).

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::stack::PacketQueue;
use crate::model::TapDirection;
use crate::proto::ppp::{Input, Link, LinkError, LinkEvent, LinkStats, Output, Phase};

/// Octets that one read takes.
const READ_SIZE: usize = 8192;

/// Octets that wait for the line before no further packet is framed. One packet keeps the line
/// busy while the next is made; more would only delay control packets and acknowledgements.
const WRITE_AHEAD: usize = 1500;

/// Octets that wait for the line before nothing more is read: a peer that asks for answers and does
/// not take them must not fill the memory.
const MAX_UNWRITTEN: usize = 65_536;

/// A port that is full takes a few octets at a time; it is offered more when about so many fit, but
/// after [`MAX_PAUSE`] at the latest, long before the port has none left.
const WORTH_WRITING: usize = 512;
const MAX_PAUSE: Duration = Duration::from_millis(10);

/// How long the last octets of a link may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Events that nobody took; the text of a chattering modem must not fill the memory.
const MAX_EVENTS: usize = 64;

/// Told of every PPP frame: `FF 03`, the protocol in two octets, the payload. Only links with
/// `LinkConfig::observe` tell.
#[derive(Clone)]
pub struct FrameSink(Arc<dyn FrameWatcher>);

trait FrameWatcher: Fn(TapDirection, &[u8]) + Send + Sync {}

impl<T: Fn(TapDirection, &[u8]) + Send + Sync> FrameWatcher for T {}

impl FrameSink {
    /// Calls `watcher` for every frame; it must not block.
    pub fn new(watcher: impl Fn(TapDirection, &[u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watcher))
    }

    /// Tells nobody.
    #[must_use]
    pub fn none() -> Self {
        Self::new(|_, _| {})
    }
}

impl fmt::Debug for FrameSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameSink")
    }
}

/// Octets on the line, flags and escapes included.
#[derive(Debug, Clone, Default)]
pub struct LineCounters(Arc<[AtomicU64; 2]>);

impl LineCounters {
    /// Octets written.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Octets read.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }

    fn add(&self, which: usize, octets: usize) {
        if let Some(counter) = self.0.get(which) {
            counter.fetch_add(octets as u64, Ordering::Relaxed);
        }
    }
}

/// A link on a line. [`Pump::run`] works until the link is over.
#[derive(Debug)]
pub struct Pump<S> {
    io: S,
    link: Link,
    queue: PacketQueue,
    frames: FrameSink,
    events: mpsc::Sender<LinkEvent>,
    ended: watch::Sender<Option<LinkError>>,
    commands: mpsc::UnboundedReceiver<Command>,
    counters: LineCounters,
    stats: Arc<Mutex<LinkStats>>,
    /// Octets for the line, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// The port was full: nothing is written before.
    full_until: Option<Instant>,
    pace: Pace,
}

/// How fast a port takes octets while it is full.
#[derive(Debug)]
struct Pace {
    since: Instant,
    octets: usize,
    /// Octets a second.
    rate: f64,
}

impl Pace {
    fn new() -> Self {
        Self { since: Instant::now(), octets: 0, rate: f64::INFINITY }
    }

    /// So many octets were taken of more; how long to leave the port alone.
    fn pause(&mut self, now: Instant, octets: usize) -> Option<Duration> {
        self.octets += octets;
        let elapsed = now.duration_since(self.since);
        if elapsed >= MAX_PAUSE * 5 {
            self.rate = self.octets as f64 / elapsed.as_secs_f64();
            (self.since, self.octets) = (now, 0);
        }
        let pause = Duration::from_secs_f64(WORTH_WRITING as f64 / self.rate.max(1.0));
        // A shorter one is not worth a timer.
        (pause >= Duration::from_millis(1)).then_some(pause.min(MAX_PAUSE))
    }
}

/// Watches and ends a running [`Pump`].
#[derive(Debug)]
pub struct PumpHandle {
    events: mpsc::Receiver<LinkEvent>,
    ended: watch::Receiver<Option<LinkError>>,
    commands: mpsc::UnboundedSender<Command>,
    counters: LineCounters,
    stats: Arc<Mutex<LinkStats>>,
}

/// How a pump ended.
#[derive(Debug)]
pub struct PumpEnd<S> {
    /// The line, never flushed nor shut down.
    pub io: S,
    /// Why the link is over.
    pub error: LinkError,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Close,
    Stop,
}

/// What woke the pump.
enum Turn {
    Wrote(io::Result<usize>),
    Read(io::Result<()>),
    Packet(Vec<u8>),
    Command(Command),
    Timeout,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    /// Joins the three; on [`LinkEvent::IpUp`] the queue is given the address and name servers, on
    /// [`LinkEvent::Ipv6Up`] the interface identifier, and no larger packets than the peer takes.
    pub fn new(io: S, link: Link, queue: PacketQueue, frames: FrameSink) -> (Self, PumpHandle) {
        let (events, events_out) = mpsc::channel(MAX_EVENTS);
        let (ended, ended_out) = watch::channel(None);
        let (commands_in, commands) = mpsc::unbounded_channel();
        let counters = LineCounters::default();
        let stats = Arc::default();
        let handle = PumpHandle {
            events: events_out,
            ended: ended_out,
            commands: commands_in,
            counters: counters.clone(),
            stats: Arc::clone(&stats),
        };
        let (out, written) = (Vec::new(), 0);
        let (full_until, pace) = (None, Pace::new());
        let pump = Self {
            io,
            link,
            queue,
            frames,
            events,
            ended,
            commands,
            counters,
            stats,
            out,
            written,
            full_until,
            pace,
        };
        (pump, handle)
    }

    /// Opens the link and works until it is over.
    pub async fn run(mut self) -> PumpEnd<S> {
        let mut read = vec![0; READ_SIZE];
        self.input(Input::Open);
        let error = loop {
            let (deadline, ended) = self.drain();
            if let Some(error) = ended {
                break error;
            }
            if self.fetch_packets() {
                continue;
            }
            let mut buffer = ReadBuf::new(&mut read);
            match self.turn(&mut buffer, deadline).await {
                Turn::Wrote(Ok(octets @ 1..)) => {
                    self.counters.add(0, octets);
                    self.wrote(octets);
                    let now = Instant::now();
                    let full = self.written < self.out.len();
                    let pause = self.pace.pause(now, octets);
                    self.full_until = pause.filter(|_| full).map(|pause| now + pause);
                }
                Turn::Read(Ok(())) if !buffer.filled().is_empty() => {
                    self.counters.add(1, buffer.filled().len());
                    self.input(Input::Octets(buffer.filled()));
                }
                // A device that is gone reads as nothing or as an error.
                Turn::Wrote(_) | Turn::Read(_) => self.input(Input::LineLost),
                Turn::Packet(packet) => self.input(Input::Packet(&packet)),
                Turn::Command(Command::Close) => self.input(Input::Close),
                Turn::Command(Command::Stop) => break LinkError::Closed,
                Turn::Timeout => self.input(Input::Timeout),
            }
        };
        let (link, ip) = (self.link.stats(), self.queue.drops());
        tracing::debug!(?link, ?ip, %error, "PPP is over; this was dropped");
        self.queue.fail(&error.to_string());
        if error != LinkError::LineLost {
            // What is still to be said, for example the answer to a Terminate-Request.
            let _ = timeout(FAREWELL, self.write_rest()).await;
        }
        self.ended.send_replace(Some(error.clone()));
        PumpEnd { io: self.io, error }
    }

    fn input(&mut self, input: Input<'_>) {
        self.link.handle_input(Instant::now().into_std(), input);
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner) = self.link.stats();
    }

    /// Does what the link wants; when it wants to be called again, and why it is over.
    fn drain(&mut self) -> (Option<Instant>, Option<LinkError>) {
        let mut ended = None;
        loop {
            match self.link.poll_output() {
                Output::Transmit(octets) => self.out.extend_from_slice(&octets),
                Output::Packet(packet) => self.queue.deliver(packet),
                Output::Frame(direction, frame) => (self.frames.0)(direction, &frame),
                Output::Event(event) => {
                    match &event {
                        LinkEvent::IpUp { address, name_servers, .. } => {
                            let servers: Vec<IpAddr> =
                                name_servers.iter().copied().map(IpAddr::V4).collect();
                            self.queue.limit_mtu(self.link.peer_mru());
                            self.queue.configure(IpAddr::V4(*address), &servers);
                        }
                        LinkEvent::Ipv6Up { interface_id, .. } => {
                            self.queue.limit_mtu(self.link.peer_mru());
                            self.queue.configure_ipv6(*interface_id);
                        }
                        LinkEvent::Identification(text) => {
                            tracing::debug!(%text, "the PPP peer tells its name");
                        }
                        LinkEvent::TimeRemaining { seconds, message } => {
                            tracing::debug!(seconds, %message, "the PPP peer means to end the link");
                        }
                        LinkEvent::Refused { family, reason } => {
                            tracing::debug!(%family, %reason, "the link goes on without");
                        }
                        LinkEvent::Down(error) => ended = Some(error.clone()),
                        _ => {}
                    }
                    // The end is told by `ended` as well; whoever lets events pile up misses some.
                    let _ = self.events.try_send(event);
                }
                Output::Timeout(at) => return (Some(Instant::from_std(at)), ended),
                Output::Idle => return (None, ended),
            }
        }
    }

    fn may_send_packets(&self) -> bool {
        self.out.len() - self.written < WRITE_AHEAD && self.link.phase() == Phase::Open
    }

    /// Frames packets that are ready now, even while the line keeps us busy with reading.
    fn fetch_packets(&mut self) -> bool {
        if !self.may_send_packets() {
            return false;
        }
        let Some(packet) = self.queue.try_next() else { return false };
        self.input(Input::Packet(&packet));
        true
    }

    async fn turn(&mut self, buffer: &mut ReadBuf<'_>, deadline: Option<Instant>) -> Turn {
        let packets = self.may_send_packets();
        let Self { io, queue, commands, out, written, full_until, .. } = self;
        let pending = out.get(*written..).unwrap_or_default();
        *full_until = full_until.filter(|until| Instant::now() < *until);
        let rests = full_until.filter(|_| !pending.is_empty());
        let deadline = deadline.into_iter().chain(rests).min();
        let line = poll_fn(|cx| {
            if !pending.is_empty()
                && rests.is_none()
                && let Poll::Ready(result) = Pin::new(&mut *io).poll_write(cx, pending)
            {
                return Poll::Ready(Turn::Wrote(result));
            }
            if pending.len() > MAX_UNWRITTEN {
                return Poll::Pending;
            }
            Pin::new(&mut *io).poll_read(cx, buffer).map(Turn::Read)
        });
        let timer = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(command) = commands.recv() => Turn::Command(command),
            turn = line => turn,
            packet = queue.next(), if packets => Turn::Packet(packet),
            () = timer => Turn::Timeout,
        }
    }

    fn wrote(&mut self, octets: usize) {
        self.written += octets;
        if self.written >= self.out.len() {
            self.out.clear();
            self.written = 0;
        }
    }

    async fn write_rest(&mut self) {
        while let Some(pending @ [_, ..]) = self.out.get(self.written..) {
            let io = &mut self.io;
            match poll_fn(|cx| Pin::new(&mut *io).poll_write(cx, pending)).await {
                Ok(octets @ 1..) => {
                    self.counters.add(0, octets);
                    self.wrote(octets);
                }
                _ => return,
            }
        }
    }
}

impl PumpHandle {
    /// What happens on the link; `None` after the pump ended.
    pub async fn event(&mut self) -> Option<LinkEvent> {
        self.events.recv().await
    }

    /// Waits for the end of the link and tells why.
    pub async fn ended(&self) -> LinkError {
        let mut ended = self.ended.clone();
        let error = ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        // A pump that was dropped tells nothing.
        error.unwrap_or(LinkError::LineLost)
    }

    /// Asks for an orderly end (LCP Terminate-Request).
    pub fn close(&self) {
        // A pump that is gone needs no end.
        let _ = self.commands.send(Command::Close);
    }

    /// Ends without a further word to the peer.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    /// Frames, and what of them was dropped.
    #[must_use]
    pub fn link_stats(&self) -> LinkStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Octets on the line.
    #[must_use]
    pub fn counters(&self) -> LineCounters {
        self.counters.clone()
    }
}

//! Data mode: the octets of a call, its escape sequence and the ways it ends (ITU-T V.250 clauses
//! 6.2.8 and 6.3.5, TS 27.007 clause 10.2.1).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::session::Session;
use super::state::ActiveCall;
use super::{CallRequest, Port, Shared};
use crate::net::Io;
use crate::sim::fault::{EscapeAnswer, Fault, Faults};

/// Octets moved at once.
const CHUNK: usize = 2048;
/// The time that a line without flow control needs to take a burst.
const BURST: Duration = Duration::from_millis(100);

/// One call.
pub(super) struct Call {
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    ended: CancellationToken,
    id: u64,
    cid: u8,
    /// Octets from the host so far.
    up: u64,
}

/// A call that goes on without a port.
pub(super) struct Parked {
    pub(super) call: Call,
    /// The port was in data mode.
    pub(super) online: bool,
}

/// Why data mode was left.
pub(super) enum Left {
    /// `+++`: the call is held.
    Escaped,
    /// The same without an answer.
    EscapedSilently,
    /// The call is over, and the last frame did not come to its end.
    EndedInFrame,
    /// The call is over.
    Ended,
}

impl Call {
    /// Asks the network for a call on a context.
    pub(super) async fn dial(shared: &Shared, port: usize, cid: u8) -> Result<Self, Failure> {
        let (context, trouble) = {
            let state = shared.lock();
            let context = shared
                .context(&state, cid)
                .map(|context| (context.apn.clone(), context.kind.clone()));
            let trouble = shared.sim_trouble(&state).or_else(|| {
                // One call at a time, and only with a network.
                (state.call.is_some() || !shared.has_data_service(&state))
                    .then_some(Failure::NoCarrier)
            });
            let trouble = trouble.or_else(|| shared.activation_refused());
            (context.unwrap_or_default(), trouble)
        };
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let number = shared.subscriber.number.clone();
        let (apn, kind) = context;
        let opened = shared.calls.open(CallRequest { apn: apn.clone(), kind, number }).await;
        let mut state = shared.lock();
        match opened {
            Ok(io) => {
                let ended = CancellationToken::new();
                tracing::info!(%apn, port, "data call up");
                state.calls += 1;
                state.channel_calls += u64::from(port >= shared.visible);
                // A context is activated by whoever is attached.
                state.detached = false;
                "no error".clone_into(&mut state.last_cause);
                let id = state.calls;
                state.call = Some(ActiveCall { id, apn, cid, ended: ended.clone() });
                if let Some(context) = state.contexts.get_mut(&cid) {
                    context.active = true;
                }
                let (reader, writer) = tokio::io::split(io);
                Ok(Self { reader, writer, ended, id, cid, up: 0 })
            }
            Err(refused) => {
                tracing::info!(%apn, cause = refused.cause, "data call refused");
                state.last_cause = refused.cause;
                Err(Failure::NoCarrier)
            }
        }
    }

    /// Cancelled when the network or another port ended the call.
    pub(super) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }

    /// Ends the call and its context; CID 1 stays, the attach bearer of LTE.
    pub(super) fn hang_up(self, shared: &Shared) {
        let mut state = shared.lock();
        // A newer call of a port that was opened again is not this one's to end.
        let is_current = state.call.as_ref().is_none_or(|call| call.id == self.id);
        if is_current
            && self.cid != 1
            && !shared.faults.shows(&Fault::ContextKept {})
            && let Some(context) = state.contexts.get_mut(&self.cid)
        {
            context.active = false;
        }
        if is_current {
            state.call = None;
        }
        tracing::info!(octets = self.up, "data call over");
    }
}

/// What befalls a call when so many octets have gone up.
enum Blow {
    End(Left),
    Stall,
}

/// Nothing has stalled yet.
const NEVER: u64 = u64::MAX;

/// A call on which nothing passes until the faults are cleared.
struct Stall {
    faults: Faults,
    /// How often they had been cleared when it began.
    since: AtomicU64,
}

impl Stall {
    fn begin(&self) {
        self.since.store(self.faults.clearings(), Ordering::Relaxed);
    }

    fn is_stalled(&self) -> bool {
        self.since.load(Ordering::Relaxed) == self.faults.clearings()
    }
}

/// Octets of a burst that got through, for lines without flow control.
#[derive(Default)]
struct Burst {
    since: Option<Instant>,
    octets: usize,
}

impl Burst {
    /// How many of `octets` arrive.
    fn take(&mut self, octets: usize, beyond: usize) -> usize {
        let now = Instant::now();
        if self.since.is_none_or(|since| now.duration_since(since) >= BURST) {
            *self = Self { since: Some(now), octets: 0 };
        }
        let room = beyond.saturating_sub(self.octets).min(octets);
        self.octets += octets;
        room
    }
}

impl Session {
    /// Carries the octets of the call both ways.
    pub(super) async fn carry(&mut self) -> io::Result<Left> {
        let Some(call) = &mut self.call else { return Ok(Left::Ended) };
        let shared = &self.shared;
        let port = self.port;
        let timing = shared.config.timing;
        let ended = call.ended.clone();
        let guard = {
            let state = shared.lock();
            let fiftieths = state.settings(port).registers.get(&12).copied().unwrap_or(50);
            Duration::from_millis(u64::from(fiftieths) * 20)
        };
        let faults = shared.faults.clone();
        let stalled = Stall { faults: faults.clone(), since: AtomicU64::new(NEVER) };
        let early: Vec<u8> = self.pending.drain(..).collect();
        let (reader, writer) = (&mut self.reader, &mut self.writer);
        let (from_call, to_call, up) = (&mut call.reader, &mut call.writer, &mut call.up);
        let Some(counters) = shared.ports.get(port) else { return Ok(Left::Ended) };

        let upward = async {
            let mut escape = Escape::new(guard);
            let mut burst = Burst::default();
            let mut buffer = vec![0; CHUNK];
            let mut first = (!early.is_empty()).then_some(early);
            loop {
                let octets = match first.take() {
                    Some(octets) => octets,
                    None => {
                        let read = match escape.deadline() {
                            None => reader.read(&mut buffer).await,
                            Some(at) => {
                                match tokio::time::timeout_at(at, reader.read(&mut buffer)).await {
                                    Ok(read) => read,
                                    Err(_) if escape.is_complete() => {
                                        return Ok(escaped(&faults));
                                    }
                                    Err(_) => {
                                        // Pluses without their guard time were data.
                                        let held = escape.release();
                                        send(to_call, &held).await?;
                                        continue;
                                    }
                                }
                            }
                        };
                        let count = read?;
                        if count == 0 {
                            return Err(io::ErrorKind::UnexpectedEof.into());
                        }
                        counters.from_host.fetch_add(count as u64, Ordering::Relaxed);
                        buffer.get(..count).unwrap_or_default().to_vec()
                    }
                };
                *up += octets.len() as u64;
                match blow(shared, *up) {
                    Some(Blow::End(left)) => return Ok(left),
                    Some(Blow::Stall) => stalled.begin(),
                    None => {}
                }
                shared.pace_line(octets.len()).await;
                let beyond = |fault: &Fault| match fault {
                    Fault::FlowOverrun { beyond } => Some(*beyond),
                    _ => None,
                };
                let arrived = faults
                    .look(beyond)
                    .map_or(octets.len(), |beyond| burst.take(octets.len(), beyond));
                if arrived < octets.len() {
                    faults.find(beyond);
                }
                // They show where somebody wants to escape.
                let plusses = octets.windows(3).any(|it| it == b"+++");
                let is_on = |fault| if plusses { faults.shows(fault) } else { faults.is_on(fault) };
                escape.pattern = if is_on(&Fault::EscapeIgnored {}) {
                    b""
                } else if is_on(&Fault::EscapeWithTilde {}) {
                    b"~+++"
                } else {
                    b"+++"
                };
                let forward =
                    escape.take(Instant::now(), octets.get(..arrived).unwrap_or_default());
                if !stalled.is_stalled()
                    && !shared.is_hung(port)
                    && !faults.shows(&Fault::CoverageLost {})
                {
                    pace(timing.up_rate, forward.len()).await;
                    if send(to_call, &forward).await.is_err() {
                        return Ok(Left::Ended);
                    }
                }
            }
        };
        let downward = async {
            let mut buffer = vec![0; CHUNK];
            loop {
                let count = match from_call.read(&mut buffer).await {
                    Ok(0) | Err(_) => return Ok::<_, io::Error>(Left::Ended),
                    Ok(count) => count,
                };
                if stalled.is_stalled()
                    || shared.is_hung(port)
                    || faults.shows(&Fault::CoverageLost {})
                {
                    continue;
                }
                pace(timing.down_rate, count).await;
                shared.pace_line(count).await;
                counters.to_host.fetch_add(count as u64, Ordering::Relaxed);
                writer.write_all(buffer.get(..count).unwrap_or_default()).await?;
            }
        };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            () = ended.cancelled() => Ok(Left::Ended),
            left = dtr_dropped(shared, port, counters) => Ok(left),
            left = upward => left,
            left = downward => left,
        }
    }
}

/// Data Terminal Ready went low, and the modem minds: `&D1` holds the call, `&D2` ends it (V.250
/// clause 6.2.9).
pub(super) async fn dtr_dropped(shared: &Shared, number: usize, port: &Port) -> Left {
    loop {
        port.dtr.notified().await;
        let minded = shared.lock().settings(number).dtr;
        let ignored = minded == 0 || shared.is_hung(number);
        if ignored || shared.faults.strikes(&Fault::DtrIgnored {}) {
            continue;
        }
        return if minded == 1 { Left::Escaped } else { Left::Ended };
    }
}

/// What `+++` comes to.
fn escaped(faults: &Faults) -> Left {
    let answer = faults.take(|fault| match fault {
        Fault::EscapeAnswers { answer } => Some(*answer),
        _ => None,
    });
    match answer {
        None | Some(EscapeAnswer::Ok) => Left::Escaped,
        Some(EscapeAnswer::Silent) => Left::EscapedSilently,
        Some(EscapeAnswer::NoCarrier) => Left::Ended,
    }
}

fn blow(shared: &Shared, up: u64) -> Option<Blow> {
    let is_due = |after: &u64| up >= *after;
    let fault = shared.faults.take(|fault| match fault {
        Fault::CarrierLost { after }
        | Fault::CarrierLostInFrame { after }
        | Fault::LineStall { after }
        | Fault::NetworkDeactivates { after, .. }
            if is_due(after) =>
        {
            Some(fault.clone())
        }
        _ => None,
    })?;
    Some(match fault {
        Fault::CarrierLostInFrame { .. } => Blow::End(Left::EndedInFrame),
        Fault::LineStall { .. } => Blow::Stall,
        Fault::NetworkDeactivates { form, .. } => {
            shared.tell_deactivation(form);
            Blow::End(Left::Ended)
        }
        _ => Blow::End(Left::Ended),
    })
}

async fn send(to: &mut WriteHalf<Box<dyn Io>>, octets: &[u8]) -> io::Result<()> {
    if octets.is_empty() {
        return Ok(());
    }
    to.write_all(octets).await?;
    to.flush().await
}

async fn pace(rate: Option<u64>, octets: usize) {
    if let Some(rate) = rate.filter(|rate| *rate > 0) {
        sleep(Duration::from_micros(octets as u64 * 1_000_000 / rate)).await;
    }
}

/// Finds the escape sequence with the guard time before and after it.
struct Escape {
    /// `+++`, or nothing when none is known.
    pattern: &'static [u8],
    guard: Duration,
    last_data: Option<Instant>,
    /// Octets of the pattern so far.
    matched: usize,
    last_plus: Instant,
}

impl Escape {
    fn new(guard: Duration) -> Self {
        Self { pattern: b"+++", guard, last_data: None, matched: 0, last_plus: Instant::now() }
    }

    /// When the silence behind held octets is long enough to judge them.
    fn deadline(&self) -> Option<Instant> {
        (self.matched > 0).then(|| self.last_plus + self.guard)
    }

    fn is_complete(&self) -> bool {
        self.matched > 0 && self.matched == self.pattern.len()
    }

    fn release(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.matched);
        self.pattern.get(..held).unwrap_or_default().to_vec()
    }

    /// Takes octets that arrived at `now`; gives those that are data for sure.
    fn take(&mut self, now: Instant, octets: &[u8]) -> Vec<u8> {
        let mut forward = Vec::with_capacity(octets.len());
        for octet in octets {
            let quiet = self.last_data.is_none_or(|at| now.duration_since(at) >= self.guard);
            if self.pattern.get(self.matched) == Some(octet) && (self.matched > 0 || quiet) {
                self.matched += 1;
                self.last_plus = now;
                continue;
            }
            forward.append(&mut self.release());
            forward.push(*octet);
            self.last_data = Some(now);
        }
        forward
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pluses_inside_data_are_data() {
        let mut escape = Escape::new(Duration::from_secs(1));
        assert_eq!(escape.take(Instant::now(), b"ab+++cd"), b"ab+++cd");
        assert!(escape.deadline().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn pluses_after_silence_are_held_until_the_guard_time_ends() {
        let mut escape = Escape::new(Duration::from_secs(1));
        escape.take(Instant::now(), b"data");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(escape.take(Instant::now(), b"+"), b"");
        assert_eq!(escape.take(Instant::now(), b"++"), b"");
        assert!(escape.is_complete());
        assert_eq!(escape.take(Instant::now(), b"x"), b"+++x", "no silence behind them");
    }
}

//! Data mode: the octets of a call, its escape sequence and the ways it ends (ITU-T V.250 clauses
//! 6.2.8 and 6.3.5, TS 27.007 clause 10.2.1).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::session::Session;
use super::state::ActiveCall;
use super::{CallRequest, Shared};
use crate::net::Io;
use crate::sim::fault::Fault;

/// Octets moved at once.
const CHUNK: usize = 2048;
/// The escape character, three of which leave data mode.
const PLUS: u8 = b'+';

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

/// Why data mode was left.
pub(super) enum Left {
    /// `+++`: the call is held.
    Escaped,
    /// The call is over.
    Ended,
}

impl Call {
    /// Asks the network for a call on a context.
    pub(super) async fn dial(shared: &Shared, port: usize, cid: u8) -> Result<Self, Failure> {
        let (apn, trouble) = {
            let state = shared.lock();
            let apn = shared.context(&state, cid).map(|context| context.apn.clone());
            let trouble = shared.sim_trouble(&state).or_else(|| {
                // One call at a time, and only with a network.
                (state.call.is_some() || !shared.has_service(&state)).then_some(Failure::NoCarrier)
            });
            (apn.unwrap_or_default(), trouble)
        };
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let number = shared.subscriber.number.clone();
        let opened = shared.calls.open(CallRequest { apn: apn.clone(), number }).await;
        let mut state = shared.lock();
        match opened {
            Ok(io) => {
                let ended = CancellationToken::new();
                tracing::info!(%apn, port, "data call up");
                state.calls += 1;
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
        let stalled = CancellationToken::new();
        let early: Vec<u8> = self.pending.drain(..).collect();
        let (reader, writer) = (&mut self.reader, &mut self.writer);
        let (from_call, to_call, up) = (&mut call.reader, &mut call.writer, &mut call.up);
        let counters = shared.ports.get(port);

        let upward = async {
            let mut escape = Escape::new(guard);
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
                                    Err(_) if escape.is_complete() => return Ok(Left::Escaped),
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
                        if let Some(port) = counters {
                            port.from_host
                                .fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
                        }
                        buffer.get(..count).unwrap_or_default().to_vec()
                    }
                };
                *up += octets.len() as u64;
                let lost = faults.take(|fault| match fault {
                    Fault::CarrierLost { after } if *up >= *after => Some(()),
                    _ => None,
                });
                if lost.is_some() {
                    return Ok(Left::Ended);
                }
                let stall = faults.take(|fault| match fault {
                    Fault::LineStall { after } if *up >= *after => Some(()),
                    _ => None,
                });
                if stall.is_some() {
                    stalled.cancel();
                }
                let forward = escape.take(Instant::now(), &octets);
                if !stalled.is_cancelled() {
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
                if stalled.is_cancelled() {
                    continue;
                }
                pace(timing.down_rate, count).await;
                if let Some(port) = counters {
                    port.to_host.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
                }
                writer.write_all(buffer.get(..count).unwrap_or_default()).await?;
            }
        };
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
            () = ended.cancelled() => Ok(Left::Ended),
            left = upward => left,
            left = downward => left,
        }
    }
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

/// Finds three pluses with the guard time before and after them.
struct Escape {
    guard: Duration,
    last_data: Option<Instant>,
    pluses: usize,
    last_plus: Instant,
}

impl Escape {
    fn new(guard: Duration) -> Self {
        Self { guard, last_data: None, pluses: 0, last_plus: Instant::now() }
    }

    /// When the silence behind held pluses is long enough to judge them.
    fn deadline(&self) -> Option<Instant> {
        (self.pluses > 0).then(|| self.last_plus + self.guard)
    }

    fn is_complete(&self) -> bool {
        self.pluses == 3
    }

    fn release(&mut self) -> Vec<u8> {
        vec![PLUS; std::mem::take(&mut self.pluses)]
    }

    /// Takes octets that arrived at `now`; gives those that are data for sure.
    fn take(&mut self, now: Instant, octets: &[u8]) -> Vec<u8> {
        let mut forward = Vec::with_capacity(octets.len());
        for octet in octets {
            let quiet = self.last_data.is_none_or(|at| now.duration_since(at) >= self.guard);
            if *octet == PLUS && self.pluses < 3 && (self.pluses > 0 || quiet) {
                self.pluses += 1;
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

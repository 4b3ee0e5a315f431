//! One request and its answer on one connection, watched all the time.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response, header};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::body::{Gate, HeldBody};
use super::connection::Connection;
use super::request::{Call, Heads};
use super::watch::{RECEIVING, Watch};
use super::{
    Answer, Failure, Hook, MAX_HEAD, NEAR_TICK, TICK, Timeouts, TransportError, is_mms_type,
};
use crate::model::StageSink;

/// Octets that may come before the head of the answer is known: interim answers (RFC 9110 clause
/// 15.2) have no limit of their own. A head, and what one read takes beyond it, fit several times.
const MAX_BEFORE_BODY: u64 = 256 * 1024;

/// An exchange that ended with an answer.
pub(super) struct Done {
    pub(super) answer: Answer,
    /// Both sides are through with it: the connection can be kept.
    pub(super) whole: bool,
}

/// An exchange under way.
pub(super) struct Exchange<'a> {
    connection: &'a mut Connection,
    timeouts: Timeouts,
    watch: Watch<'a>,
    tick: Interval,
    limit: usize,
    /// The final block was let go.
    released: bool,
}

impl<'a> Exchange<'a> {
    /// Makes the request and waits for the whole answer. The hook is taken out when it is called,
    /// and then always awaited to its end.
    pub(super) async fn run(
        connection: &'a mut Connection,
        heads: &Heads,
        call: &Call,
        hook: &mut Option<Hook<'_>>,
        timeouts: Timeouts,
        stages: &'a StageSink,
    ) -> Result<Done, Failure> {
        let pdu = call.pdu.clone().unwrap_or_default();
        let length = u64::try_from(pdu.len()).unwrap_or(u64::MAX);
        let (body, mut gate) = if hook.is_some() {
            let (body, gate) = HeldBody::held(pdu);
            (body, Some(gate))
        } else {
            (HeldBody::free(pdu), None)
        };
        let (request, head) = heads.request(call, body).map_err(|reason| Failure::Unusable {
            what: "the name of the host".to_owned(),
            reason,
        })?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = Watch::new(&connection.progress, head, length, stages);
        let limit = call.limit;
        let mut exchange = Self { connection, timeouts, watch, tick, limit, released: false };
        let response = exchange.send(request, &mut gate, hook).await?;
        // An answer that came early leaves the final block here for ever.
        let taken = gate.is_none();
        if taken {
            exchange.watch.tell_uploaded();
        }
        let (answer, whole) = exchange.receive(response).await.map_err(|error| {
            if exchange.released { Failure::After(error) } else { Failure::Before(error) }
        })?;
        Ok(Done { answer, whole: whole && taken })
    }

    async fn send(
        &mut self,
        request: Request<HeldBody>,
        gate: &mut Option<Gate>,
        hook: &mut Option<Hook<'_>>,
    ) -> Result<Response<Incoming>, Failure> {
        let to = self.connection.to.clone();
        let mut sending = pin!(self.connection.sender.send_request(request));
        let mut asked: Option<Hook<'_>> = None;
        loop {
            tokio::select! {
                biased;
                outcome = &mut sending => {
                    if let Some(asked) = asked.take() {
                        // It may be writing: its end comes before anything built on this outcome.
                        let _ = asked.await;
                    }
                    return outcome.map_err(|error| {
                        let error = of_hyper(&error, to, self.watch.doing());
                        if self.released { Failure::After(error) } else { Failure::Before(error) }
                    });
                }
                agreed = end_of(&mut asked) => {
                    asked = None;
                    self.watch.excuse();
                    agreed.map_err(Failure::HeldBack)?;
                    self.released = true;
                    if let Some(gate) = gate.take() {
                        gate.release();
                    }
                }
                _ = self.tick.tick() => {
                    self.watch.tell_upload();
                    if asked.is_some() {
                        self.watch.excuse();
                    } else if let Some(error) = self.complaint(&to) {
                        return Err(if self.released {
                            Failure::After(error)
                        } else {
                            Failure::Before(error)
                        });
                    }
                    let end_is_wanted = gate.as_ref().is_some_and(|gate| {
                        gate.front_is_handed() && self.watch.wants_end(gate.front)
                    });
                    if end_is_wanted && asked.is_none() {
                        asked = hook.take();
                    }
                    if gate.as_ref().is_some_and(|gate| self.watch.nears_end(gate.front)) {
                        self.tick.reset_after(NEAR_TICK);
                    }
                }
            }
        }
    }

    /// Why to give up before the head of the answer is here.
    fn complaint(&mut self, to: &str) -> Option<TransportError> {
        if self.watch.received() > MAX_BEFORE_BODY {
            return Some(TransportError::TooLarge { to: to.to_owned(), limit: MAX_HEAD });
        }
        self.watch.complaint(&self.timeouts, to)
    }

    /// The answer, and whether all of it was read.
    async fn receive(
        &mut self,
        response: Response<Incoming>,
    ) -> Result<(Answer, bool), TransportError> {
        let to = self.connection.to.clone();
        let (parts, mut body) = response.into_parts();
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let total = body.size_hint().exact();
        let too_large = TransportError::TooLarge { to: to.clone(), limit: self.limit };
        let is_mms = is_mms_type(content_type.as_deref());
        let announced =
            total.is_some_and(|total| usize::try_from(total).is_ok_and(|t| t > self.limit));
        if is_mms && announced {
            return Err(too_large);
        }
        let mut octets = BytesMut::new();
        let mut whole = true;
        self.watch.start_download();
        self.watch.excuse();
        loop {
            tokio::select! {
                biased;
                frame = body.frame() => {
                    let frame = match frame {
                        None => break,
                        Some(Ok(frame)) => frame,
                        Some(Err(error)) => return Err(of_hyper(&error, to, RECEIVING)),
                    };
                    let Some(data) = frame.data_ref() else { continue };
                    let room = self.limit.saturating_sub(octets.len());
                    if data.len() > room {
                        if is_mms {
                            return Err(too_large);
                        }
                        // The beginning of a page says enough.
                        octets.extend_from_slice(data.get(..room).unwrap_or_default());
                        whole = false;
                        break;
                    }
                    octets.extend_from_slice(data);
                    self.tell_download(octets.len(), total);
                }
                _ = self.tick.tick() => {
                    if let Some(error) = self.watch.complaint(&self.timeouts, &to) {
                        return Err(error);
                    }
                }
            }
        }
        let answer = Answer {
            status: parts.status.as_u16(),
            content_type,
            body: Bytes::from(octets),
            released: self.released,
            by: to,
        };
        Ok((answer, whole))
    }

    fn tell_download(&mut self, done: usize, total: Option<u64>) {
        self.watch.tell_download(u64::try_from(done).unwrap_or(u64::MAX), total);
    }
}

/// The end of a hook that was called; never, when none was.
async fn end_of(asked: &mut Option<Hook<'_>>) -> Result<(), String> {
    match asked {
        Some(hook) => hook.await,
        None => std::future::pending().await,
    }
}

/// What became of a connection, in words of ours.
pub(super) fn of_hyper(error: &hyper::Error, to: String, doing: &'static str) -> TransportError {
    use std::error::Error as _;
    if error.is_parse_too_large() {
        return TransportError::TooLarge { to, limit: MAX_HEAD };
    }
    if error.is_parse() {
        return TransportError::NotHttp { to, reason: error.to_string() };
    }
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    match io {
        Some(io) if io.kind() != std::io::ErrorKind::UnexpectedEof => {
            TransportError::Broken { to, doing, reason: io.to_string() }
        }
        Some(_) => TransportError::Closed { to, doing },
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            TransportError::Closed { to, doing }
        }
        None => TransportError::Broken { to, doing, reason: error.to_string() },
    }
}

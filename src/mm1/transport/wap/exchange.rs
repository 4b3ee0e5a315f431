//! One request and its answer in a session, watched all the time.

use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::super::watch::{RECEIVING, Watch};
use super::super::{Answer, Call, Failure, Hook, TICK, Timeouts, TransportError, is_mms_type};
use super::line::{Line, Turn, now};
use crate::codec::wsp::pdu::{AbortReason, EntityHeaders, Pdu, Status};
use crate::codec::wtp::{Abort, ProviderReason};
use crate::model::StageSink;
use crate::net::Progress;
use crate::proto::wsp::{SessionEvent, WspError};
use crate::proto::wtp::WtpError;

/// An exchange under way.
pub(super) struct Exchange<'a> {
    line: &'a mut Line,
    timeouts: Timeouts,
    progress: Progress,
    watch: Watch<'a>,
    tick: Interval,
    limit: usize,
    /// Octets of the whole request.
    total: u64,
    received: u64,
    /// The last segment was let go.
    released: bool,
    /// The gateway says that it has not taken the request at all.
    not_taken: bool,
}

impl<'a> Exchange<'a> {
    /// Makes the request and waits for the whole answer. The hook is taken out when it is called,
    /// and then always awaited to its end.
    pub(super) async fn run(
        line: &'a mut Line,
        request: &Pdu,
        call: &Call,
        hook: &mut Option<Hook<'_>>,
        timeouts: Timeouts,
        stages: &'a StageSink,
    ) -> Result<Answer, Failure> {
        let total = count(request.encode().len());
        let body = count(call.pdu.as_ref().map_or(0, Bytes::len));
        if let Err(error) = line.session.method(now(), request, hook.is_some()) {
            return Err(Failure::Before(refused(error, &line.to, "sending the request")));
        }
        let progress = Progress::default();
        let watch = Watch::new(&progress, total.saturating_sub(body), body, stages);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let limit = call.limit;
        let mut exchange = Self {
            line,
            timeouts,
            progress,
            watch,
            tick,
            limit,
            total,
            received: 0,
            released: false,
            not_taken: false,
        };
        let outcome = exchange.go(hook).await;
        if outcome.is_err() {
            exchange.line.session.abort_method(now(), AbortReason::USERREQ);
        }
        // The last acknowledgement, or the word that it was given up. If it cannot leave, the next
        // request finds out.
        let _ = tokio::time::timeout(timeouts.stall, exchange.line.flush()).await;
        outcome
    }

    async fn go(&mut self, hook: &mut Option<Hook<'_>>) -> Result<Answer, Failure> {
        let mut asked: Option<Hook<'_>> = None;
        let outcome = loop {
            tokio::select! {
                biased;
                agreed = end_of(&mut asked) => {
                    asked = None;
                    self.watch.excuse();
                    if let Err(reason) = agreed {
                        return Err(Failure::HeldBack(reason));
                    }
                    self.released = true;
                    self.line.session.release(now());
                }
                _ = self.tick.tick() => {
                    self.look();
                    if asked.is_some() {
                        self.watch.excuse();
                    } else if let Some(error) = self.watch.complaint(&self.timeouts, &self.line.to)
                    {
                        break Err(error);
                    }
                }
                turn = self.line.turn() => match turn {
                    Err(error) => break Err(TransportError::Net(error)),
                    Ok(Turn::Moved) => {}
                    Ok(Turn::Event(event)) => match self.event(event) {
                        Told::Nothing => {}
                        Told::Ask => asked = hook.take(),
                        Told::End(outcome) => break outcome,
                    },
                },
            }
        };
        if let Some(asked) = asked.take() {
            // It may be writing: its end comes before anything built on this outcome.
            let _ = asked.await;
        }
        outcome.map_err(|error| {
            if self.released && !self.not_taken {
                Failure::After(error)
            } else {
                Failure::Before(error)
            }
        })
    }

    /// Takes over how far the session is.
    fn look(&mut self) {
        if let Some(progress) = self.line.session.progress() {
            self.progress.set_acknowledged(count(progress.acknowledged));
            let received = count(progress.received);
            if self.received == 0 && received > 0 {
                self.watch.tell_uploaded();
                self.watch.start_download();
            }
            self.progress.add_received(received.saturating_sub(self.received));
            self.received = self.received.max(received);
        }
        if self.received == 0 {
            self.watch.tell_upload();
        } else {
            self.watch.tell_download(self.received, None);
        }
    }

    fn event(&mut self, event: SessionEvent) -> Told {
        match event {
            SessionEvent::Held => Told::Ask,
            SessionEvent::Uploaded => {
                self.progress.set_acknowledged(self.total);
                self.watch.tell_uploaded();
                Told::Nothing
            }
            SessionEvent::Reply { status, entity, data } => {
                if self.received == 0 {
                    self.watch.tell_uploaded();
                }
                Told::End(self.answer(status, entity.as_ref(), data))
            }
            SessionEvent::MethodFailed(error) | SessionEvent::Failed(error) => {
                self.not_taken = matches!(
                    &error,
                    WspError::Transaction(WtpError::Aborted(Abort::Provider(reason)))
                        if NOT_TAKEN.contains(reason)
                );
                Told::End(Err(refused(error, &self.line.to, self.watch.doing())))
            }
            SessionEvent::Disconnected | SessionEvent::Suspended => {
                let (to, doing) = (self.line.to.clone(), self.watch.doing());
                let reason = "it ended the session".to_owned();
                Told::End(Err(TransportError::Gateway { to, doing, reason }))
            }
            SessionEvent::Connected
            | SessionEvent::Redirected { .. }
            | SessionEvent::Refused { .. } => Told::Nothing,
        }
    }

    fn answer(
        &mut self,
        status: Status,
        entity: Option<&EntityHeaders>,
        data: Bytes,
    ) -> Result<Answer, TransportError> {
        let to = self.line.to.clone();
        self.watch.tell_download(count(data.len()), Some(count(data.len())));
        answer_of(status, entity, data, self.limit, self.released, to)
    }
}

/// An answer as HTTP would give it.
pub(super) fn answer_of(
    status: Status,
    entity: Option<&EntityHeaders>,
    mut data: Bytes,
    limit: usize,
    released: bool,
    to: String,
) -> Result<Answer, TransportError> {
    let content_type = entity.map(|entity| entity.content_type.to_string());
    if data.len() > limit {
        if is_mms_type(content_type.as_deref()) {
            return Err(TransportError::TooLarge { to, limit });
        }
        // The beginning of a page says enough.
        data.truncate(limit);
    }
    let Some(status) = status.http() else {
        let reason = format!("it answered with the unknown status {status}");
        return Err(TransportError::Gateway { to, doing: RECEIVING, reason });
    };
    Ok(Answer { status, content_type, body: data, released, by: to })
}

/// What an event means for the exchange.
enum Told {
    Nothing,
    /// The last segment waits.
    Ask,
    End(Result<Answer, TransportError>),
}

/// Reasons of a gateway that cannot even receive what was sent.
const NOT_TAKEN: [ProviderReason; 4] = [
    ProviderReason::NOTIMPLEMENTEDCL2,
    ProviderReason::NOTIMPLEMENTEDSAR,
    ProviderReason::WTPVERSIONONE,
    ProviderReason::MESSAGETOOLARGE,
];

fn refused(error: WspError, to: &str, doing: &'static str) -> TransportError {
    let to = to.to_owned();
    match error {
        WspError::TooLong { octets, limit }
        | WspError::Transaction(WtpError::TooLong { octets, limit }) => {
            TransportError::TooLong { to, octets, limit }
        }
        WspError::Transaction(WtpError::TooLarge { limit }) => {
            TransportError::TooLarge { to, limit }
        }
        other => TransportError::Gateway { to, doing, reason: other.to_string() },
    }
}

/// The end of a hook that was called; never, when none was.
pub(super) async fn end_of(asked: &mut Option<Hook<'_>>) -> Result<(), String> {
    match asked {
        Some(hook) => hook.await,
        None => std::future::pending().await,
    }
}

fn count(octets: usize) -> u64 {
    u64::try_from(octets).unwrap_or(u64::MAX)
}

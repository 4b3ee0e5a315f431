//! The client's side of a session (WAP-230 clause 7.1.6, tables 6 to 13).
//!
//! | state | what leads on |
//! |---|---|
//! | none | `connect` |
//! | connecting | ConnectReply: connected; Redirect, Reply or failure: none |
//! | connected | methods one after the other; Suspend of either side: suspended; Disconnect: none |
//! | suspended | `resume` |
//! | resuming | Reply 200: connected; anything else: none |

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Output, WspError};
use crate::codec::wsp::pdu::{
    AbortReason, Address, Capability, EntityHeaders, Pdu, Status, VERSION,
};
use crate::codec::wtp::{Abort, Tid, TransactionClass};
use crate::proto::wtp::{self, Config, Endpoint, Invoke, Progress, Stats, WtpError};

/// Events that wait to be looked at; a session makes a handful.
const MAX_EVENTS: usize = 64;

/// What is asked for in Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Largest SDU that is received here, octets.
    pub client_sdu: u32,
    /// Largest SDU that is going to be sent, octets.
    pub server_sdu: u32,
    /// For all requests of the session.
    pub headers: Vec<(String, String)>,
}

/// What happened to the session or its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The session is there.
    Connected,
    /// Another gateway is to be asked.
    Redirected {
        /// In the order of the gateway's preference.
        addresses: Vec<Address>,
    },
    /// The gateway grants no session.
    Refused {
        /// Its status.
        status: Status,
    },
    /// The gateway did not grant, or ended, the session.
    Failed(WspError),
    /// All but the last packet of the request has left.
    Held,
    /// The gateway has the whole request.
    Uploaded,
    /// The answer to the request.
    Reply {
        /// How it went.
        status: Status,
        /// What the data is.
        entity: Option<EntityHeaders>,
        /// The content.
        data: Bytes,
    },
    /// There will be no answer to the request.
    MethodFailed(WspError),
    /// The session rests; `resume` takes it up again.
    Suspended,
    /// The session is over.
    Disconnected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    Connecting(Tid),
    Connected { id: u32 },
    Suspended { id: u32 },
    Resuming { id: u32, tid: Tid },
}

/// The machine.
#[derive(Debug)]
pub struct Session {
    wtp: Endpoint,
    state: State,
    method: Option<Tid>,
    /// Largest SDU that the gateway takes, octets; 0 means any.
    server_sdu: u32,
    events: VecDeque<SessionEvent>,
}

impl Session {
    /// Before a session; `first_tid` is random.
    #[must_use]
    pub fn new(config: Config, first_tid: u16) -> Self {
        Self {
            wtp: Endpoint::new(config, first_tid),
            state: State::None,
            method: None,
            server_sdu: super::DEFAULT_SDU,
            events: VecDeque::new(),
        }
    }

    /// Asks for a session.
    ///
    /// # Errors
    /// `NotReady` when there is one.
    pub fn connect(&mut self, now: Instant, offer: Offer) -> Result<(), WspError> {
        if self.state != State::None {
            return Err(WspError::NotReady);
        }
        let Offer { client_sdu, server_sdu, headers } = offer;
        let capabilities = vec![
            Capability::ClientSduSize(client_sdu),
            Capability::ServerSduSize(server_sdu),
            Capability::MethodMor(1),
        ];
        self.server_sdu = server_sdu;
        let connect = Pdu::Connect { version: VERSION, capabilities, headers };
        self.state = State::Connecting(self.invoke(now, &connect, false)?);
        Ok(())
    }

    /// Makes a request, a Get or a Post; of a held one the last packet stays until
    /// [`Self::release`].
    ///
    /// # Errors
    /// `NotReady`, and `TooLong` for more than the gateway or WTP takes.
    pub fn method(&mut self, now: Instant, request: &Pdu, held: bool) -> Result<(), WspError> {
        if !self.is_ready() {
            return Err(WspError::NotReady);
        }
        let data = request.encode();
        let limit = usize::try_from(self.server_sdu).unwrap_or(usize::MAX);
        if limit != 0 && data.len() > limit {
            return Err(WspError::TooLong { octets: data.len(), limit });
        }
        self.method = Some(self.begin(now, data, held)?);
        Ok(())
    }

    /// Lets the last packet of the request go.
    pub fn release(&mut self, now: Instant) {
        if let Some(tid) = self.method {
            self.wtp.release(now, tid);
        }
    }

    /// Gives the request up.
    pub fn abort_method(&mut self, now: Instant, reason: AbortReason) {
        if let Some(tid) = self.method.take() {
            self.wtp.abort(now, tid, Abort::User(reason));
        }
    }

    /// Lets the session rest; a request under way is given up.
    ///
    /// # Errors
    /// `NotReady` without a session.
    pub fn suspend(&mut self, now: Instant) -> Result<(), WspError> {
        let State::Connected { id } = self.state else { return Err(WspError::NotReady) };
        self.abort_method(now, AbortReason::SUSPEND);
        self.tell(now, &Pdu::Suspend { session_id: id })?;
        self.state = State::Suspended { id };
        Ok(())
    }

    /// Takes the session up again.
    ///
    /// # Errors
    /// `NotReady` when none rests.
    pub fn resume(&mut self, now: Instant) -> Result<(), WspError> {
        let State::Suspended { id } = self.state else { return Err(WspError::NotReady) };
        let resume = Pdu::Resume { session_id: id, capabilities: Vec::new(), headers: Vec::new() };
        let tid = self.invoke(now, &resume, false)?;
        self.state = State::Resuming { id, tid };
        Ok(())
    }

    /// Ends the session; the gateway is told, and nothing is waited for.
    pub fn disconnect(&mut self, now: Instant) {
        self.abort_method(now, AbortReason::DISCONNECT);
        match self.state {
            State::Connected { id } | State::Suspended { id } | State::Resuming { id, .. } => {
                // A packet that small always fits.
                let _ = self.tell(now, &Pdu::Disconnect { session_id: id });
            }
            State::Connecting(tid) => {
                self.wtp.abort(now, tid, Abort::User(AbortReason::DISCONNECT));
            }
            State::None => {}
        }
        self.state = State::None;
    }

    /// Whether a request can be made.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.state, State::Connected { .. }) && self.method.is_none()
    }

    /// Whether the session rests.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        matches!(self.state, State::Suspended { .. })
    }

    /// How far the request is, or else what is being asked of the gateway.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        let tid = self.method.or(match self.state {
            State::Connecting(tid) | State::Resuming { tid, .. } => Some(tid),
            _ => None,
        });
        tid.and_then(|tid| self.wtp.progress(tid))
    }

    /// What passed so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.wtp.stats()
    }

    /// Takes a datagram of the gateway.
    pub fn handle_datagram(&mut self, now: Instant, octets: &Bytes) {
        self.wtp.handle_datagram(now, octets);
    }

    /// Does what is due at this time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wtp.handle_timeout(now);
    }

    /// The next thing that the machine wants.
    pub fn poll_output(&mut self, now: Instant) -> Output<SessionEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            match self.wtp.poll_output() {
                wtp::Output::Event(event) => self.event(now, event),
                wtp::Output::Transmit(octets) => return Output::Transmit(octets),
                wtp::Output::Timeout(at) => return Output::Timeout(at),
                wtp::Output::Idle => return Output::Idle,
            }
        }
    }

    fn event(&mut self, now: Instant, event: wtp::Event) {
        match event {
            wtp::Event::Held { tid } if self.method == Some(tid) => self.push(SessionEvent::Held),
            wtp::Event::Acknowledged { tid } if self.method == Some(tid) => {
                self.push(SessionEvent::Uploaded);
            }
            wtp::Event::Result { tid, data } => self.result(tid, &data),
            wtp::Event::Failed { tid, error } => self.failed(tid, error),
            wtp::Event::Invoke { tid, class, data } => self.asked(now, tid, class, &data),
            wtp::Event::Held { .. } | wtp::Event::Acknowledged { .. } => {}
        }
    }

    fn result(&mut self, tid: Tid, data: &Bytes) {
        let pdu = match Pdu::decode(data) {
            Ok(decoded) => Ok(decoded.value),
            Err(error) => Err(WspError::Unreadable(error)),
        };
        if self.method == Some(tid) {
            self.method = None;
            self.push(match pdu {
                Ok(Pdu::Reply { status, entity, data }) => {
                    SessionEvent::Reply { status, entity, data }
                }
                Ok(other) => SessionEvent::MethodFailed(WspError::Unexpected(other.pdu_type())),
                Err(error) => SessionEvent::MethodFailed(error),
            });
            return;
        }
        match self.state {
            State::Connecting(connecting) if connecting == tid => {
                self.state = State::None;
                match pdu {
                    Ok(Pdu::ConnectReply { session_id, capabilities, .. }) => {
                        self.granted(session_id, &capabilities);
                    }
                    Ok(Pdu::Redirect { addresses, .. }) => {
                        self.push(SessionEvent::Redirected { addresses });
                    }
                    Ok(Pdu::Reply { status, .. }) => self.push(SessionEvent::Refused { status }),
                    Ok(other) => {
                        let error = WspError::Unexpected(other.pdu_type());
                        self.push(SessionEvent::Failed(error));
                    }
                    Err(error) => self.push(SessionEvent::Failed(error)),
                }
            }
            State::Resuming { id, tid: resuming } if resuming == tid => match pdu {
                Ok(Pdu::Reply { status: Status::OK, .. }) => {
                    self.state = State::Connected { id };
                    self.push(SessionEvent::Connected);
                }
                _ => {
                    self.state = State::None;
                    self.push(SessionEvent::Disconnected);
                }
            },
            _ => {}
        }
    }

    fn granted(&mut self, id: u32, capabilities: &[Capability]) {
        for capability in capabilities {
            if let Capability::ServerSduSize(octets) = capability {
                self.server_sdu = *octets;
            }
        }
        self.state = State::Connected { id };
        self.push(SessionEvent::Connected);
    }

    fn failed(&mut self, tid: Tid, error: WtpError) {
        if self.method == Some(tid) {
            self.method = None;
            // The gateway says with the method that the session is no more.
            match error {
                WtpError::Aborted(Abort::User(AbortReason::DISCONNECT)) => self.state = State::None,
                WtpError::Aborted(Abort::User(AbortReason::SUSPEND)) => {
                    if let State::Connected { id } = self.state {
                        self.state = State::Suspended { id };
                    }
                }
                _ => {}
            }
            self.push(SessionEvent::MethodFailed(error.into()));
            return;
        }
        match self.state {
            State::Connecting(asked) | State::Resuming { tid: asked, .. } if asked == tid => {
                let resuming = matches!(self.state, State::Resuming { .. });
                self.state = State::None;
                self.push(if resuming {
                    SessionEvent::Disconnected
                } else {
                    SessionEvent::Failed(error.into())
                });
            }
            _ => {}
        }
    }

    /// The gateway began a transaction: it ends the session, or pushes what was not asked for.
    fn asked(&mut self, now: Instant, tid: Tid, class: TransactionClass, data: &Bytes) {
        let id = match self.state {
            State::Connected { id } | State::Suspended { id } | State::Resuming { id, .. } => {
                Some(id)
            }
            _ => None,
        };
        match Pdu::decode(data).map(|decoded| decoded.value) {
            Ok(Pdu::Disconnect { session_id }) if Some(session_id) == id => {
                self.abort_method(now, AbortReason::DISCONNECT);
                self.state = State::None;
                self.push(SessionEvent::Disconnected);
            }
            Ok(Pdu::Suspend { session_id }) if Some(session_id) == id => {
                self.abort_method(now, AbortReason::SUSPEND);
                self.state = State::Suspended { id: session_id };
                self.push(SessionEvent::Suspended);
            }
            _ if class == TransactionClass::Class2 => {
                self.wtp.abort(now, tid, Abort::User(AbortReason::PROTOERR));
            }
            _ => {}
        }
    }

    fn invoke(&mut self, now: Instant, pdu: &Pdu, held: bool) -> Result<Tid, WspError> {
        self.begin(now, pdu.encode(), held)
    }

    fn begin(&mut self, now: Instant, data: Bytes, held: bool) -> Result<Tid, WspError> {
        let class = TransactionClass::Class2;
        Ok(self.wtp.invoke(now, Invoke { class, user_acknowledgement: false, data, held })?)
    }

    fn tell(&mut self, now: Instant, pdu: &Pdu) -> Result<(), WspError> {
        let class = TransactionClass::Class0;
        let data = pdu.encode();
        self.wtp.invoke(now, Invoke { class, user_acknowledgement: false, data, held: false })?;
        Ok(())
    }

    fn push(&mut self, event: SessionEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }
}

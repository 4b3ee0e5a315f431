//! The gateway's side of one client's session (WAP-230 clause 7.1.6).

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Output, WspError};
use crate::codec::wsp::pdu::{
    AbortReason, Address, Capability, EntityHeaders, Pdu, PostMethod, Status,
};
use crate::codec::wtp::{Abort, Tid, TransactionClass};
use crate::proto::wtp::{self, Config, Endpoint, Stats};

/// Events that wait to be looked at.
const MAX_EVENTS: usize = 64;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// A session; answered by [`Server::grant`], [`Server::refuse`] or [`Server::redirect`].
    Connect {
        /// To be named in the answer.
        tid: Tid,
    },
    /// A request; answered by [`Server::reply`] or [`Server::abort`].
    Request {
        /// To be named in the answer.
        tid: Tid,
        /// [`PostMethod::POST`], or `None` for a Get.
        post: Option<PostMethod>,
        /// The URI, absolute.
        uri: Bytes,
        /// Headers of the session and of the request.
        headers: Vec<(String, String)>,
        /// What the content is.
        content_type: Option<String>,
        /// The content.
        data: Bytes,
    },
    /// The client ended the session.
    Disconnected,
}

/// The machine.
#[derive(Debug)]
pub struct Server {
    wtp: Endpoint,
    session: Option<u32>,
    suspended: bool,
    next_session: u32,
    /// What the client asked for, until it is granted.
    offered: Vec<Capability>,
    headers: Vec<(String, String)>,
    /// Largest SDU that is granted in either direction, octets.
    largest_sdu: u32,
    events: VecDeque<ServerEvent>,
}

impl Server {
    /// A gateway for one client.
    #[must_use]
    pub fn new(config: Config, first_tid: u16, largest_sdu: u32) -> Self {
        Self {
            wtp: Endpoint::new(config, first_tid),
            session: None,
            suspended: false,
            next_session: 1,
            offered: Vec::new(),
            headers: Vec::new(),
            largest_sdu,
            events: VecDeque::new(),
        }
    }

    /// Grants the session that was asked for.
    ///
    /// # Errors
    /// When nobody waits for that any more.
    pub fn grant(&mut self, now: Instant, tid: Tid) -> Result<(), WspError> {
        let session_id = self.next_session;
        self.next_session = self.next_session.wrapping_add(1).max(1);
        let largest = self.largest_sdu;
        let capabilities = std::mem::take(&mut self.offered)
            .into_iter()
            .filter_map(|offered| match offered {
                Capability::ClientSduSize(octets) => {
                    Some(Capability::ClientSduSize(octets.min(largest)))
                }
                Capability::ServerSduSize(octets) => {
                    Some(Capability::ServerSduSize(octets.min(largest)))
                }
                Capability::MethodMor(_) => Some(Capability::MethodMor(1)),
                _ => None,
            })
            .collect();
        let reply = Pdu::ConnectReply { session_id, capabilities, headers: Vec::new() };
        self.wtp.result(now, tid, reply.encode())?;
        self.session = Some(session_id);
        self.suspended = false;
        Ok(())
    }

    /// Refuses the session that was asked for.
    ///
    /// # Errors
    /// When nobody waits for that any more.
    pub fn refuse(&mut self, now: Instant, tid: Tid, status: Status) -> Result<(), WspError> {
        Ok(self.wtp.result(now, tid, Self::bare(status).encode())?)
    }

    /// Sends the client elsewhere.
    ///
    /// # Errors
    /// When nobody waits for that any more.
    pub fn redirect(
        &mut self,
        now: Instant,
        tid: Tid,
        addresses: Vec<Address>,
    ) -> Result<(), WspError> {
        let redirect = Pdu::Redirect { permanent: false, reuse_security_session: false, addresses };
        Ok(self.wtp.result(now, tid, redirect.encode())?)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// When nobody waits for that any more, or it is too long.
    pub fn reply(
        &mut self,
        now: Instant,
        tid: Tid,
        status: Status,
        entity: Option<EntityHeaders>,
        data: Bytes,
    ) -> Result<(), WspError> {
        Ok(self.wtp.result(now, tid, Pdu::Reply { status, entity, data }.encode())?)
    }

    /// Ends a request without an answer.
    pub fn abort(&mut self, now: Instant, tid: Tid, reason: AbortReason) {
        self.wtp.abort(now, tid, Abort::User(reason));
    }

    /// Takes a datagram of the client.
    pub fn handle_datagram(&mut self, now: Instant, octets: &Bytes) {
        self.wtp.handle_datagram(now, octets);
    }

    /// Does what is due at this time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wtp.handle_timeout(now);
    }

    /// What passed so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.wtp.stats()
    }

    /// Whether nothing is under way and no session is open.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.session.is_none() && self.wtp.is_idle(now)
    }

    /// The next thing that the machine wants.
    pub fn poll_output(&mut self, now: Instant) -> Output<ServerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Output::Event(event);
            }
            match self.wtp.poll_output() {
                wtp::Output::Event(wtp::Event::Invoke { tid, class, data }) => {
                    self.asked(now, tid, class, &data);
                }
                wtp::Output::Event(_) => {}
                wtp::Output::Transmit(octets) => return Output::Transmit(octets),
                wtp::Output::Timeout(at) => return Output::Timeout(at),
                wtp::Output::Idle => return Output::Idle,
            }
        }
    }

    fn asked(&mut self, now: Instant, tid: Tid, class: TransactionClass, data: &Bytes) {
        let answered = class == TransactionClass::Class2;
        let Ok(decoded) = Pdu::decode(data) else {
            return self.abort(now, tid, AbortReason::PROTOERR);
        };
        let ready = self.session.is_some() && !self.suspended;
        match decoded.value {
            Pdu::Connect { capabilities, headers, .. } if answered => {
                (self.offered, self.headers, self.session) = (capabilities, headers, None);
                self.push(ServerEvent::Connect { tid });
            }
            Pdu::Disconnect { session_id } if self.session == Some(session_id) => {
                self.session = None;
                self.push(ServerEvent::Disconnected);
            }
            Pdu::Suspend { session_id } if self.session == Some(session_id) => {
                self.suspended = true;
            }
            Pdu::Resume { session_id, .. } if answered => {
                let known = self.session == Some(session_id);
                self.suspended &= !known;
                let status = if known { Status::OK } else { Status(0x44) };
                let _ = self.wtp.result(now, tid, Self::bare(status).encode());
            }
            Pdu::Get { uri, headers, .. } if answered && ready => {
                let headers = self.headers.iter().cloned().chain(headers).collect();
                let (post, content_type, data) = (None, None, Bytes::new());
                self.push(ServerEvent::Request { tid, post, uri, headers, content_type, data });
            }
            Pdu::Post { method, uri, entity, data } if answered && ready => {
                let content_type = entity.as_ref().map(|one| one.content_type.to_string());
                let own = entity.map(|one| one.headers).unwrap_or_default();
                let headers = self.headers.iter().cloned().chain(own).collect();
                let post = Some(method);
                self.push(ServerEvent::Request { tid, post, uri, headers, content_type, data });
            }
            Pdu::Get { .. } | Pdu::Post { .. } => self.abort(now, tid, AbortReason::DISCONNECT),
            _ => self.abort(now, tid, AbortReason::PROTOERR),
        }
    }

    fn bare(status: Status) -> Pdu {
        Pdu::Reply { status, entity: None, data: Bytes::new() }
    }

    fn push(&mut self, event: ServerEvent) {
        if self.events.len() < MAX_EVENTS {
            self.events.push_back(event);
        }
    }
}

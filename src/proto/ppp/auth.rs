//! Authentication in both directions: PAP (RFC 1334) and CHAP with MD5 (RFC 1994).

use std::time::{Duration, Instant};

use super::config::{AuthProtocol, Credentials};
use super::numbers::Numbers;
use crate::codec::ppp::{
    ChapPacket, ControlPacket, PapRequest, auth_message, chap_md5_response, code, protocol,
};

/// What the link has to do.
#[derive(Debug)]
pub(super) enum AuthEffect {
    Send(u16, ControlPacket),
    /// One side refused the other, with these words; after what was sent, the link ends.
    Refused(String),
}

/// Who refuses, and with which words.
#[derive(Debug, Clone, Default)]
pub(super) struct Checker {
    pub(super) refuse_everyone: bool,
    /// Empty: everyone.
    pub(super) accepted: Vec<Credentials>,
    pub(super) name: String,
    pub(super) refusal: String,
}

impl Checker {
    fn lets_in(&self, fits: impl FnMut(&Credentials) -> bool) -> bool {
        !self.refuse_everyone && (self.accepted.is_empty() || self.accepted.iter().any(fits))
    }
}

/// The authentication phase, and what of it may recur later.
#[derive(Debug)]
pub(super) struct Auth {
    restart: Duration,
    prover: Option<Prover>,
    verifier: Option<Verifier>,
}

/// Proves who we are.
#[derive(Debug)]
struct Prover {
    by: AuthProtocol,
    credentials: Credentials,
    done: bool,
    identifier: u8,
    /// What is repeated until it is answered.
    last: Option<ControlPacket>,
    deadline: Option<Instant>,
}

/// Checks who the peer is.
#[derive(Debug)]
struct Verifier {
    by: AuthProtocol,
    checker: Checker,
    done: bool,
    identifier: u8,
    challenge: [u8; 16],
    deadline: Option<Instant>,
}

impl Auth {
    pub(super) fn new(
        us: Option<AuthProtocol>,
        credentials: Credentials,
        peer: Option<AuthProtocol>,
        checker: Checker,
        restart: Duration,
        identifier: u8,
        numbers: &mut Numbers,
    ) -> Self {
        Self {
            restart,
            prover: us.map(|by| Prover {
                by,
                credentials,
                done: false,
                identifier,
                last: None,
                deadline: None,
            }),
            verifier: peer.map(|by| Verifier {
                by,
                checker,
                done: false,
                identifier,
                challenge: numbers.challenge(),
                deadline: None,
            }),
        }
    }

    /// What was asked for, of us or of the peer.
    pub(super) fn by(&self) -> Option<AuthProtocol> {
        let us = self.prover.as_ref().map(|prover| prover.by);
        us.or_else(|| self.verifier.as_ref().map(|verifier| verifier.by))
    }

    /// The identifier used last. An authentication that follows on the same link goes on from there:
    /// a late answer to the one before must fit nothing.
    pub(super) fn last_identifier(&self) -> u8 {
        let verifier = self.verifier.as_ref().map(|verifier| verifier.identifier);
        verifier.or_else(|| self.prover.as_ref().map(|prover| prover.identifier)).unwrap_or(0)
    }

    pub(super) fn done(&self) -> bool {
        self.prover.as_ref().is_none_or(|prover| prover.done)
            && self.verifier.as_ref().is_none_or(|verifier| verifier.done)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let prover = self.prover.as_ref().and_then(|prover| prover.deadline);
        let verifier = self.verifier.as_ref().and_then(|verifier| verifier.deadline);
        prover.into_iter().chain(verifier).min()
    }

    pub(super) fn start(&mut self, now: Instant) -> Vec<AuthEffect> {
        let mut effects = Vec::new();
        if let Some(prover) = &mut self.prover
            && prover.by == AuthProtocol::Pap
        {
            effects.push(prover.pap_request(now, self.restart));
        }
        if let Some(verifier) = &mut self.verifier
            && verifier.by == AuthProtocol::ChapMd5
        {
            effects.push(verifier.chap_challenge(now, self.restart));
        }
        effects
    }

    /// Repeats what was not answered.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<AuthEffect> {
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let mut effects = Vec::new();
        if let Some(prover) = &mut self.prover
            && due(prover.deadline)
        {
            match prover.by {
                AuthProtocol::Pap => effects.push(prover.pap_request(now, self.restart)),
                AuthProtocol::ChapMd5 => {
                    // Success may have been lost; the authenticator answers again (RFC 1994
                    // section 4.2).
                    prover.deadline = Some(now + self.restart);
                    let last = prover.last.clone();
                    effects.extend(last.map(|packet| AuthEffect::Send(protocol::CHAP, packet)));
                }
            }
        }
        if let Some(verifier) = &mut self.verifier
            && due(verifier.deadline)
        {
            effects.push(verifier.chap_challenge(now, self.restart));
        }
        effects
    }

    /// The peer goes on with IPCP, so it must be content with us: its acknowledgement was lost or
    /// never sent.
    pub(super) fn presume_success(&mut self) {
        if let Some(prover) = &mut self.prover
            && prover.last.is_some()
        {
            prover.succeed();
        }
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        number: u16,
        packet: &ControlPacket,
    ) -> Vec<AuthEffect> {
        match (number, packet.code) {
            (protocol::PAP, code::PAP_REQUEST) => {
                self.verifier.as_mut().map(|v| v.pap(packet)).unwrap_or_default()
            }
            (protocol::PAP, code::PAP_ACK | code::PAP_NAK) => {
                let accepted = packet.code == code::PAP_ACK;
                self.prover
                    .as_mut()
                    .filter(|prover| prover.by == AuthProtocol::Pap)
                    .map(|prover| prover.answered(packet, accepted, auth_message(&packet.data)))
                    .unwrap_or_default()
            }
            (protocol::CHAP, code::CHAP_CHALLENGE) => {
                let restart = self.restart;
                self.prover
                    .as_mut()
                    .map(|prover| prover.chap_response(now, restart, packet))
                    .unwrap_or_default()
            }
            (protocol::CHAP, code::CHAP_RESPONSE) => {
                self.verifier.as_mut().map(|v| v.chap(packet)).unwrap_or_default()
            }
            (protocol::CHAP, code::CHAP_SUCCESS | code::CHAP_FAILURE) => {
                let accepted = packet.code == code::CHAP_SUCCESS;
                let message = String::from_utf8_lossy(&packet.data).trim().to_owned();
                self.prover
                    .as_mut()
                    .filter(|prover| prover.by == AuthProtocol::ChapMd5)
                    .map(|prover| prover.answered(packet, accepted, message))
                    .unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

impl Prover {
    fn pap_request(&mut self, now: Instant, restart: Duration) -> AuthEffect {
        self.identifier = self.identifier.wrapping_add(1);
        let request = PapRequest {
            peer_id: self.credentials.user.clone().into_bytes(),
            password: self.credentials.password.expose().as_bytes().to_vec(),
        };
        let packet = ControlPacket::new(code::PAP_REQUEST, self.identifier, request.encode());
        self.last = Some(packet.clone());
        self.deadline = Some(now + restart);
        AuthEffect::Send(protocol::PAP, packet)
    }

    fn chap_response(
        &mut self,
        now: Instant,
        restart: Duration,
        packet: &ControlPacket,
    ) -> Vec<AuthEffect> {
        let Ok(challenge) = ChapPacket::decode(&packet.data) else { return Vec::new() };
        if self.by != AuthProtocol::ChapMd5 || challenge.value.is_empty() {
            return Vec::new();
        }
        let secret = self.credentials.password.expose().as_bytes();
        let response = ChapPacket {
            value: chap_md5_response(packet.identifier, secret, &challenge.value).to_vec(),
            name: self.credentials.user.clone().into_bytes(),
        };
        let answer = ControlPacket::new(code::CHAP_RESPONSE, packet.identifier, response.encode());
        self.identifier = packet.identifier;
        self.last = Some(answer.clone());
        // A challenge after success is answered once: the peer repeats it if it must.
        self.deadline = (!self.done).then(|| now + restart);
        vec![AuthEffect::Send(protocol::CHAP, answer)]
    }

    fn answered(
        &mut self,
        packet: &ControlPacket,
        accepted: bool,
        message: String,
    ) -> Vec<AuthEffect> {
        if self.last.is_none() || packet.identifier != self.identifier {
            return Vec::new();
        }
        if accepted {
            self.succeed();
            return Vec::new();
        }
        self.deadline = None;
        vec![AuthEffect::Refused(message)]
    }

    const fn succeed(&mut self) {
        self.done = true;
        self.deadline = None;
    }
}

impl Verifier {
    fn chap_challenge(&mut self, now: Instant, restart: Duration) -> AuthEffect {
        self.identifier = self.identifier.wrapping_add(1);
        self.deadline = Some(now + restart);
        let challenge = ChapPacket {
            value: self.challenge.to_vec(),
            name: self.checker.name.clone().into_bytes(),
        };
        AuthEffect::Send(
            protocol::CHAP,
            ControlPacket::new(code::CHAP_CHALLENGE, self.identifier, challenge.encode()),
        )
    }

    fn pap(&mut self, packet: &ControlPacket) -> Vec<AuthEffect> {
        let Ok(request) = PapRequest::decode(&packet.data) else { return Vec::new() };
        if self.by != AuthProtocol::Pap {
            return Vec::new();
        }
        let right = self.checker.lets_in(|known| {
            known.user.as_bytes() == request.peer_id
                && known.password.expose().as_bytes() == request.password
        });
        let words = if right { "" } else { self.checker.refusal.as_str() };
        let words = words.get(..255).unwrap_or(words);
        let mut data = vec![u8::try_from(words.len()).unwrap_or(0)];
        data.extend_from_slice(words.as_bytes());
        let code = if right { code::PAP_ACK } else { code::PAP_NAK };
        self.conclude(right, protocol::PAP, ControlPacket::new(code, packet.identifier, data))
    }

    fn chap(&mut self, packet: &ControlPacket) -> Vec<AuthEffect> {
        let Ok(response) = ChapPacket::decode(&packet.data) else { return Vec::new() };
        if self.by != AuthProtocol::ChapMd5 || packet.identifier != self.identifier {
            return Vec::new();
        }
        let right = self.checker.lets_in(|known| {
            let secret = known.password.expose().as_bytes();
            let expected = chap_md5_response(packet.identifier, secret, &self.challenge);
            known.user.as_bytes() == response.name && expected[..] == response.value
        });
        let words = if right { "" } else { self.checker.refusal.as_str() };
        let code = if right { code::CHAP_SUCCESS } else { code::CHAP_FAILURE };
        let answer = ControlPacket::new(code, packet.identifier, words.as_bytes());
        self.conclude(right, protocol::CHAP, answer)
    }

    fn conclude(&mut self, right: bool, number: u16, answer: ControlPacket) -> Vec<AuthEffect> {
        let mut effects = vec![AuthEffect::Send(number, answer)];
        self.deadline = None;
        if right {
            self.done = true;
        } else {
            effects.push(AuthEffect::Refused(self.checker.refusal.clone()));
        }
        effects
    }
}

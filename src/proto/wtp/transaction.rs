//! One transaction in either role (WAP-224 clauses 9.5 and 9.6).
//!
//! | phase | whose | acknowledgement | result or invoke | time-out |
//! |---|---|---|---|---|
//! | invoking | initiator | next group, or the peer has all | ends the sending | last packet again |
//! | awaiting the result | initiator | - | group acknowledged; whole: to the user | holes are told |
//! | result with the user | initiator | - | - | aborted after `AEC_MAX` |
//! | verifying | responder | with Tok: receiving | asked again | forgotten |
//! | receiving | responder | - | group acknowledged; whole: to the user | holes are told |
//! | invoke with the user | responder | - | acknowledged again | hold-on, or aborted |
//! | sending the result | responder | next group, or over | - | last packet again |

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::receive::{Receiving, Taken};
use super::rtt::Rtt;
use super::send::{Form, Heard, Sending};
use super::{Config, Event, MAX_GROUP, MAX_NEGATIVE_ACKS, Stats, WtpError};
use crate::codec::wtp::{
    Abort, Body, Pdu, ProviderReason, Tid, Tpi, TransactionClass, TransactionOption,
};

/// Datagrams that wait to be sent; a peer that asks for more gets less.
pub(super) const MAX_QUEUED: usize = 64;

/// What all transactions of an endpoint share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) config: Config,
    pub(super) rtt: Rtt,
    pub(super) stats: Stats,
    pub(super) events: VecDeque<Event>,
    pub(super) out: VecDeque<Bytes>,
    /// Octets of a group that the peer asked for.
    pub(super) peer_group: Option<u32>,
}

impl Common {
    pub(super) fn transmit(&mut self, pdu: &Pdu) {
        if self.out.len() < MAX_QUEUED {
            self.stats.sent += 1;
            if pdu.body.retransmission() == Some(true) {
                self.stats.retransmitted += 1;
            }
            self.out.push_back(pdu.encode());
        }
    }

    /// Segments of the next group.
    fn group(&self) -> usize {
        let segments = self.peer_group.map_or(self.config.group, |octets| {
            octets / u32::try_from(self.config.segment.max(1)).unwrap_or(u32::MAX)
        });
        usize::try_from(segments.clamp(1, MAX_GROUP)).unwrap_or(1)
    }

    fn options(&self) -> Vec<Tpi> {
        let maximum = self.config.maximum_group.map(TransactionOption::MaximumGroup);
        maximum.map(Tpi::Option).into_iter().collect()
    }
}

/// Whether a transaction goes on.
#[derive(Debug)]
pub(super) enum Fate {
    GoesOn,
    /// It is over; the last word is repeated to a peer that has not heard it.
    Over(Option<Bytes>),
}

#[derive(Debug)]
enum Phase {
    Invoking,
    AwaitingResult,
    ResultIndicated { at: Instant, waits: u32 },
    Verifying { kept: Taken },
    Receiving,
    InvokeIndicated { at: Option<Instant>, waits: u32, acknowledged: bool },
    Resulting,
}

/// A transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// As this side writes it.
    tid: Tid,
    class: TransactionClass,
    user_acknowledgement: bool,
    phase: Phase,
    sending: Option<Sending>,
    receiving: Receiving,
    held_told: bool,
    verified: u32,
    /// When a peer that began and does not go on is forgotten.
    forget_at: Option<Instant>,
}

impl Transaction {
    /// Begins one; the first packets are transmitted.
    pub(super) fn begin(
        now: Instant,
        tid: Tid,
        class: TransactionClass,
        user_acknowledgement: bool,
        mut sending: Sending,
        common: &mut Common,
    ) -> Self {
        let pdus = sending.next_group(now, common.group(), &common.rtt);
        let mut transaction = Self {
            tid,
            class,
            user_acknowledgement,
            phase: Phase::Invoking,
            sending: Some(sending),
            receiving: Receiving::default(),
            held_told: false,
            verified: 0,
            forget_at: None,
        };
        transaction.sent(pdus, common);
        transaction
    }

    /// One that the peer began with `invoke`; `verify` asks it whether it did.
    pub(super) fn asked(
        now: Instant,
        tid: Tid,
        class: TransactionClass,
        user_acknowledgement: bool,
        verify: bool,
        common: &mut Common,
    ) -> Self {
        let phase =
            if verify { Phase::Verifying { kept: Taken::Nothing } } else { Phase::Receiving };
        if verify {
            common.transmit(&Pdu::new(tid, Body::Ack { retransmission: false, verify: true }));
        }
        Self {
            tid,
            class,
            user_acknowledgement,
            phase,
            sending: None,
            receiving: Receiving::default(),
            held_told: false,
            verified: 0,
            forget_at: Some(now + common.config.remember),
        }
    }

    /// Takes a PDU of the peer.
    pub(super) fn handle(&mut self, now: Instant, pdu: &Pdu, common: &mut Common) -> Fate {
        self.forget_at = self.forget_at.map(|_| now + common.config.remember);
        match &pdu.body {
            Body::Abort(abort) => self.fail(WtpError::Aborted(*abort), None, common),
            Body::Ack { verify: true, .. } => self.verification(now, common),
            Body::Ack { .. } => self.acknowledged(now, pdu.packet_sequence_number(), common),
            Body::NegativeAck { missing, .. } => self.negative(now, missing, common),
            Body::Result { trailer, data, .. } if self.takes_result() => {
                self.packet(now, 0, *trailer, data, common)
            }
            Body::SegmentedResult { trailer, psn, data, .. } if self.takes_result() => {
                self.packet(now, *psn, *trailer, data, common)
            }
            Body::Invoke { trailer, data, .. } if self.is_responder() => {
                self.packet(now, 0, *trailer, data, common)
            }
            Body::SegmentedInvoke { trailer, psn, data, .. } if self.is_responder() => {
                self.packet(now, *psn, *trailer, data, common)
            }
            _ => {
                common.stats.ignored += 1;
                Fate::GoesOn
            }
        }
    }

    const fn is_responder(&self) -> bool {
        self.tid.is_of_responder()
    }

    const fn takes_result(&self) -> bool {
        !self.is_responder() && matches!(self.class, TransactionClass::Class2)
    }

    /// From the responder: is it yours? From the initiator: it is.
    fn verification(&mut self, now: Instant, common: &mut Common) -> Fate {
        if let Phase::Verifying { kept } = &mut self.phase {
            let kept = std::mem::replace(kept, Taken::Nothing);
            self.phase = Phase::Receiving;
            return self.act(now, kept, common);
        }
        if self.is_responder() || self.verified >= MAX_NEGATIVE_ACKS {
            common.stats.ignored += 1;
            return Fate::GoesOn;
        }
        let retransmission = self.verified > 0;
        self.verified += 1;
        common.transmit(&Pdu::new(self.tid, Body::Ack { retransmission, verify: true }));
        let wait = common.rtt.wait(0);
        if let Some(sending) = &mut self.sending {
            sending.wait_anew(now, wait);
        }
        Fate::GoesOn
    }

    fn acknowledged(&mut self, now: Instant, psn: Option<u32>, common: &mut Common) -> Fate {
        let Some(sending) = &mut self.sending else {
            common.stats.ignored += 1;
            return Fate::GoesOn;
        };
        match sending.acknowledged(now, psn, &mut common.rtt) {
            Heard::Nothing => {
                common.stats.ignored += 1;
                Fate::GoesOn
            }
            Heard::Group => {
                let pdus = sending.next_group(now, common.group(), &common.rtt);
                self.sent(pdus, common);
                Fate::GoesOn
            }
            Heard::Whole => {
                common.events.push_back(Event::Acknowledged { tid: self.tid });
                if self.takes_result() {
                    self.phase = Phase::AwaitingResult;
                    Fate::GoesOn
                } else {
                    Fate::Over(None)
                }
            }
        }
    }

    fn negative(&mut self, now: Instant, missing: &[u8], common: &mut Common) -> Fate {
        let Some(sending) = &mut self.sending else {
            common.stats.ignored += 1;
            return Fate::GoesOn;
        };
        match sending.negative(now, missing, &common.rtt) {
            Ok(pdus) => {
                if pdus.is_empty() {
                    common.stats.ignored += 1;
                }
                pdus.iter().for_each(|pdu| common.transmit(pdu));
                Fate::GoesOn
            }
            Err(error) => self.fail(error, Some(ProviderReason::PROTOERR), common),
        }
    }

    fn packet(
        &mut self,
        now: Instant,
        psn: u8,
        trailer: crate::codec::wtp::Trailer,
        data: &[u8],
        common: &mut Common,
    ) -> Fate {
        if let (false, Some(sending)) = (self.is_responder(), &mut self.sending) {
            // The answer acknowledges the question.
            if !sending.is_whole() {
                sending.finish();
                self.phase = Phase::AwaitingResult;
            }
        }
        let (limit, patience) = (common.config.max_message, common.config.negative_ack_after);
        let taken = match self.receiving.packet(now, psn, trailer, data, limit, patience) {
            Ok(taken) => taken,
            Err(error) => {
                return self.fail(error, Some(ProviderReason::MESSAGETOOLARGE), common);
            }
        };
        if taken == Taken::Repeated {
            common.stats.repeated += 1;
        }
        if let Phase::Verifying { kept } = &mut self.phase {
            match taken {
                Taken::Repeated => {
                    let body = Body::Ack { retransmission: true, verify: true };
                    common.transmit(&Pdu::new(self.tid, body));
                }
                Taken::Nothing => {}
                taken => *kept = taken,
            }
            return Fate::GoesOn;
        }
        self.act(now, taken, common)
    }

    fn act(&mut self, now: Instant, taken: Taken, common: &mut Common) -> Fate {
        match taken {
            Taken::Nothing => Fate::GoesOn,
            Taken::Repeated => {
                if let Phase::InvokeIndicated { acknowledged: true, .. } = self.phase {
                    let ack = self.ack(None, true, common);
                    common.transmit(&ack);
                }
                Fate::GoesOn
            }
            Taken::Group(psn) => {
                let ack = self.ack(Some(psn), false, common);
                common.transmit(&ack);
                Fate::GoesOn
            }
            Taken::Missing(missing) => {
                let body = Body::NegativeAck { retransmission: false, missing: missing.into() };
                common.transmit(&Pdu::new(self.tid, body));
                Fate::GoesOn
            }
            Taken::Whole(psn) => self.whole(now, psn, common),
        }
    }

    /// The peer's message is complete.
    fn whole(&mut self, now: Instant, psn: u8, common: &mut Common) -> Fate {
        let data = self.receiving.take();
        let (tid, class) = (self.tid, self.class);
        self.forget_at = None;
        let at = now + common.config.acknowledge_after;
        if self.is_responder() {
            common.events.push_back(Event::Invoke { tid, class, data });
        } else {
            common.events.push_back(Event::Result { tid, data });
        }
        if self.user_acknowledgement {
            self.phase = if self.is_responder() {
                Phase::InvokeIndicated { at: Some(at), waits: 0, acknowledged: false }
            } else {
                Phase::ResultIndicated { at, waits: 0 }
            };
            return Fate::GoesOn;
        }
        if self.is_responder() && class == TransactionClass::Class2 {
            // The result may come soon enough to be the acknowledgement.
            self.phase = Phase::InvokeIndicated { at: Some(at), waits: 0, acknowledged: false };
            return Fate::GoesOn;
        }
        let ack = self.ack(Some(psn), false, common);
        common.transmit(&ack);
        Fate::Over(Some(self.ack(Some(psn), true, common).encode()))
    }

    /// An acknowledgement; it names a segment where the message came in several.
    fn ack(&self, psn: Option<u8>, retransmission: bool, common: &Common) -> Pdu {
        let mut pdu = Pdu::new(self.tid, Body::Ack { retransmission, verify: false });
        if self.receiving.is_segmented() || psn.is_some_and(|_| !self.receiving.is_whole()) {
            let last = psn.or_else(|| self.receiving.last_acknowledged());
            pdu.tpis.extend(last.map(|psn| Tpi::PacketSequenceNumber(u32::from(psn))));
        }
        pdu.tpis.extend(common.options());
        pdu
    }

    /// The user acknowledges.
    pub(super) fn acknowledge(&mut self, common: &mut Common) -> Result<Fate, WtpError> {
        let ack = self.ack(None, false, common);
        match &mut self.phase {
            Phase::ResultIndicated { .. } => {}
            Phase::InvokeIndicated { at, acknowledged, .. } => {
                if self.class == TransactionClass::Class2 {
                    (*at, *acknowledged) = (None, true);
                    common.transmit(&ack);
                    return Ok(Fate::GoesOn);
                }
            }
            _ => return Err(WtpError::NoTransaction),
        }
        common.transmit(&ack);
        Ok(Fate::Over(Some(ack.encode())))
    }

    /// The user's result of a transaction that the peer began.
    pub(super) fn result(
        &mut self,
        now: Instant,
        data: Bytes,
        common: &mut Common,
    ) -> Result<(), WtpError> {
        let waits = matches!(self.phase, Phase::InvokeIndicated { .. });
        if !waits || self.class != TransactionClass::Class2 {
            return Err(WtpError::NoTransaction);
        }
        let segment = common.config.segment;
        let mut sending =
            Sending::new(self.tid, Form::Result, common.options(), data, segment, false)?;
        let pdus = sending.next_group(now, common.group(), &common.rtt);
        self.sending = Some(sending);
        self.phase = Phase::Resulting;
        self.sent(pdus, common);
        Ok(())
    }

    /// The user lets the last packet go.
    pub(super) fn release(&mut self, now: Instant, common: &mut Common) {
        if let Some(sending) = &mut self.sending {
            let pdus = sending.release(now, &common.rtt);
            self.sent(pdus, common);
        }
    }

    fn sent(&mut self, pdus: Vec<Pdu>, common: &mut Common) {
        pdus.iter().for_each(|pdu| common.transmit(pdu));
        let holding = self.sending.as_ref().is_some_and(Sending::is_holding);
        if holding && !self.held_told {
            self.held_told = true;
            common.events.push_back(Event::Held { tid: self.tid });
        }
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::ResultIndicated { at, .. } => Some(*at),
            Phase::InvokeIndicated { at, .. } => *at,
            _ => None,
        };
        let sending = self.sending.as_ref().and_then(Sending::timeout);
        [phase, sending, self.receiving.timeout(), self.forget_at].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, common: &mut Common) -> Fate {
        if self.forget_at.is_some_and(|at| now >= at) {
            return self.fail(WtpError::Incomplete, None, common);
        }
        if let Some(sending) = &mut self.sending {
            match sending.handle_timeout(now, common.config.max_retransmissions, &common.rtt) {
                Ok(None) => {}
                Ok(Some(pdu)) => common.transmit(&pdu),
                Err(error) => return self.fail(error, None, common),
            }
        }
        let again_after = common.rtt.wait(0);
        match self.receiving.handle_timeout(now, again_after) {
            Ok(taken) => {
                // Always to be followed: what is missing is no end.
                let _ = self.act(now, taken, common);
            }
            Err(error) => return self.fail(error, Some(ProviderReason::UNKNOWN), common),
        }
        self.user_is_late(now, common)
    }

    /// The user has not answered within A.
    fn user_is_late(&mut self, now: Instant, common: &mut Common) -> Fate {
        let most = common.config.max_acknowledge_waits;
        let next = now + common.config.acknowledge_after;
        let strict = self.user_acknowledgement;
        let hold_on = match &mut self.phase {
            Phase::InvokeIndicated { at: Some(at), acknowledged, .. } if now >= *at && !strict => {
                *acknowledged = true;
                true
            }
            Phase::InvokeIndicated { at: Some(at), waits, .. }
            | Phase::ResultIndicated { at, waits }
                if now >= *at =>
            {
                if *waits >= most {
                    let reason = Some(ProviderReason::NORESPONSE);
                    return self.fail(WtpError::NoResponse, reason, common);
                }
                *waits += 1;
                *at = next;
                false
            }
            _ => false,
        };
        if hold_on {
            if let Phase::InvokeIndicated { at, .. } = &mut self.phase {
                *at = None;
            }
            let ack = self.ack(None, false, common);
            common.transmit(&ack);
        }
        Fate::GoesOn
    }

    /// Ends it; the peer is told where it could not know.
    fn fail(&self, error: WtpError, reason: Option<ProviderReason>, common: &mut Common) -> Fate {
        // The user knows nothing of what a peer has only begun.
        if !matches!(self.phase, Phase::Verifying { .. } | Phase::Receiving) {
            common.events.push_back(Event::Failed { tid: self.tid, error });
        }
        let last = reason.map(|reason| self.abort(Abort::Provider(reason), common));
        Fate::Over(last)
    }

    /// Tells the peer that it is over; the octets said.
    pub(super) fn abort(&self, abort: Abort, common: &mut Common) -> Bytes {
        let pdu = Pdu::new(self.tid, Body::Abort(abort));
        common.transmit(&pdu);
        pdu.encode()
    }

    /// Octets to be sent, those that the peer has, and those that came.
    pub(super) fn octets(&self) -> (usize, usize, usize) {
        let (total, acknowledged) = self.sending.as_ref().map_or((0, 0), Sending::octets);
        (total, acknowledged, self.receiving.octets())
    }

    /// Whether the last packet of this side's message has left.
    pub(super) fn has_left(&self) -> bool {
        self.sending.as_ref().is_some_and(Sending::has_left)
    }
}

//! One side of the conversation with one peer: transactions by their identifiers (WAP-224 clause 9).

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::rtt::Rtt;
use super::send::{Form, Sending};
use super::transaction::{Common, Fate, MAX_QUEUED, Transaction};
use super::window::{Age, Window};
use super::{Config, Event, Invoke, MAX_FINISHED, MAX_TRANSACTIONS, Output, Stats, WtpError};
use crate::codec::wtp::{
    Abort, Body, Pdu, ProviderReason, Tid, Tpi, TransactionClass, TransactionOption, VERSION,
    decode_datagram,
};

/// The machine.
#[derive(Debug)]
pub struct Endpoint {
    common: Common,
    /// By the identifier as this side writes it.
    transactions: BTreeMap<u16, Transaction>,
    finished: VecDeque<Finished>,
    next_tid: u16,
    /// The next identifier is lower than the last.
    tid_new: bool,
    window: Window,
    last_class_0: Option<u16>,
}

/// How far a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Octets of this side's message.
    pub total: usize,
    /// Those that the peer has acknowledged.
    pub acknowledged: usize,
    /// The last packet has left.
    pub has_left: bool,
    /// Octets of the peer's message that are here.
    pub received: usize,
}

/// A transaction that is over, for a peer that has not heard its last word.
#[derive(Debug)]
struct Finished {
    tid: u16,
    last_word: Bytes,
    until: Instant,
    repeats: u32,
}

impl Endpoint {
    /// An endpoint whose first transaction has the identifier `first_tid` (random, so that it is not
    /// taken for one of an earlier conversation).
    #[must_use]
    pub fn new(config: Config, first_tid: u16) -> Self {
        Self {
            common: Common {
                rtt: Rtt::new(config.retransmit_after),
                config,
                stats: Stats::default(),
                events: VecDeque::new(),
                out: VecDeque::new(),
                peer_group: None,
            },
            transactions: BTreeMap::new(),
            finished: VecDeque::new(),
            next_tid: Tid::of_initiator(first_tid).value(),
            tid_new: false,
            window: Window::default(),
            last_class_0: None,
        }
    }

    /// Begins a transaction. One of class 0 is over when its packet has been transmitted.
    ///
    /// # Errors
    /// `TooMany`, and `TooLong` for what does not fit into its segments.
    pub fn invoke(&mut self, now: Instant, invoke: Invoke) -> Result<Tid, WtpError> {
        if self.transactions.len() >= MAX_TRANSACTIONS {
            return Err(WtpError::TooMany);
        }
        let Invoke { class, user_acknowledgement, data, held } = invoke;
        let tid = Tid::of_initiator(self.next_tid);
        let form = Form::Invoke { class, user_acknowledgement, tid_new: self.tid_new };
        let segment = self.common.config.segment;
        let unreliable = class == TransactionClass::Class0;
        if unreliable && data.len() > segment {
            return Err(WtpError::TooLong { octets: data.len(), limit: segment });
        }
        let tpis: Vec<Tpi> = self
            .common
            .config
            .maximum_group
            .map(|octets| Tpi::Option(TransactionOption::MaximumGroup(octets)))
            .into_iter()
            .collect();
        let mut sending = Sending::new(tid, form, tpis, data, segment, held && !unreliable)?;
        self.next_tid = (self.next_tid + 1) & 0x7FFF;
        self.tid_new = self.next_tid == 0;
        if unreliable {
            for pdu in sending.next_group(now, 1, &self.common.rtt) {
                self.common.transmit(&pdu);
            }
            return Ok(tid);
        }
        let begun =
            Transaction::begin(now, tid, class, user_acknowledgement, sending, &mut self.common);
        self.transactions.insert(tid.0, begun);
        Ok(tid)
    }

    /// Lets the last packet of a held message go.
    pub fn release(&mut self, now: Instant, tid: Tid) {
        if let Some(transaction) = self.transactions.get_mut(&tid.0) {
            transaction.release(now, &mut self.common);
        }
    }

    /// Answers a transaction of class 2 that the peer began.
    ///
    /// # Errors
    /// `NoTransaction`, and `TooLong`, after which another result can be given.
    pub fn result(&mut self, now: Instant, tid: Tid, data: Bytes) -> Result<(), WtpError> {
        let transaction = self.transactions.get_mut(&tid.0).ok_or(WtpError::NoTransaction)?;
        transaction.result(now, data, &mut self.common)
    }

    /// Acknowledges what came, where only the user may.
    ///
    /// # Errors
    /// `NoTransaction`.
    pub fn acknowledge(&mut self, now: Instant, tid: Tid) -> Result<(), WtpError> {
        let transaction = self.transactions.get_mut(&tid.0).ok_or(WtpError::NoTransaction)?;
        let fate = transaction.acknowledge(&mut self.common)?;
        self.settle(now, tid.0, fate);
        Ok(())
    }

    /// Aborts a transaction; nothing happens when there is none.
    pub fn abort(&mut self, now: Instant, tid: Tid, why: Abort) {
        if let Some(transaction) = self.transactions.get(&tid.0) {
            let last = transaction.abort(why, &mut self.common);
            self.settle(now, tid.0, Fate::Over(Some(last)));
        }
    }

    /// How far a transaction is; `None` when it is over.
    #[must_use]
    pub fn progress(&self, tid: Tid) -> Option<Progress> {
        self.transactions.get(&tid.0).map(|transaction| {
            let (total, acknowledged, received) = transaction.octets();
            Progress { total, acknowledged, has_left: transaction.has_left(), received }
        })
    }

    /// What passed so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.common.stats
    }

    /// Takes a datagram of the peer.
    pub fn handle_datagram(&mut self, now: Instant, octets: &Bytes) {
        for frame in decode_datagram(octets).value {
            self.common.stats.received += 1;
            match frame.pdu {
                Ok(pdu) => self.pdu(now, &pdu),
                Err(_) => self.common.stats.unreadable += 1,
            }
        }
    }

    fn pdu(&mut self, now: Instant, pdu: &Pdu) {
        if pdu.packet_sequence_number().is_some_and(|psn| psn > u32::from(u8::MAX)) {
            self.common.stats.ignored += 1;
            return;
        }
        let key = pdu.tid.reversed().0;
        if let Some(transaction) = self.transactions.get_mut(&key) {
            for tpi in &pdu.tpis {
                if let Tpi::Option(TransactionOption::MaximumGroup(octets)) = tpi {
                    self.common.peer_group = Some(*octets);
                }
            }
            let fate = transaction.handle(now, pdu, &mut self.common);
            self.settle(now, key, fate);
            return;
        }
        if matches!(pdu.body, Body::Ack { verify: true, .. }) && pdu.tid.is_of_responder() {
            // Asked for a transaction that is none of ours (clause 7.9.2).
            self.common.stats.stray += 1;
            let body = Body::Abort(Abort::Provider(ProviderReason::INVALIDTID));
            self.common.transmit(&Pdu::new(Tid(key), body));
            return;
        }
        if self.repeat_last_word(key, pdu) {
            return;
        }
        match &pdu.body {
            Body::Invoke { .. } if !pdu.tid.is_of_responder() => self.invoked(now, key, pdu),
            _ => self.common.stats.stray += 1,
        }
    }

    /// Whether the PDU belongs to a transaction that is over.
    fn repeat_last_word(&mut self, key: u16, pdu: &Pdu) -> bool {
        let Some(finished) = self.finished.iter_mut().find(|finished| finished.tid == key) else {
            return false;
        };
        self.common.stats.repeated += 1;
        let ends = pdu.body.trailer().is_some_and(|t| t != crate::codec::wtp::Trailer::NotLast);
        let most = self.common.config.max_retransmissions.saturating_mul(2);
        if ends && finished.repeats < most && self.common.out.len() < MAX_QUEUED {
            finished.repeats += 1;
            self.common.stats.sent += 1;
            self.common.stats.retransmitted += 1;
            self.common.out.push_back(finished.last_word.clone());
        }
        true
    }

    /// The peer begins a transaction.
    fn invoked(&mut self, now: Instant, key: u16, pdu: &Pdu) {
        let Body::Invoke { version, tid_new, user_acknowledgement, class, trailer, data, .. } =
            &pdu.body
        else {
            return;
        };
        let tid = Tid(key);
        let refuse = |common: &mut Common, reason| {
            common.transmit(&Pdu::new(tid, Body::Abort(Abort::Provider(reason))));
        };
        if *version != VERSION {
            return refuse(&mut self.common, ProviderReason::WTPVERSIONONE);
        }
        match class {
            TransactionClass::Class0 if self.last_class_0 == Some(key) => {
                self.common.stats.repeated += 1;
                return;
            }
            TransactionClass::Class0 => {
                self.last_class_0 = Some(key);
                if trailer.ends_message() && data.len() <= self.common.config.max_message {
                    let (class, data) = (*class, data.clone());
                    self.common.events.push_back(Event::Invoke { tid, class, data });
                }
                return;
            }
            TransactionClass::Undefined => {
                return refuse(&mut self.common, ProviderReason::PROTOERR);
            }
            TransactionClass::Class1 | TransactionClass::Class2 => {}
        }
        if self.transactions.len() >= MAX_TRANSACTIONS {
            return refuse(&mut self.common, ProviderReason::CAPTEMPEXCEEDED);
        }
        if *tid_new {
            self.window.forget();
        }
        let verify = match self.window.age(pdu.tid) {
            Age::New => false,
            Age::Doubtful => true,
            Age::First => self.common.config.verify || *tid_new,
        };
        self.window.accept(pdu.tid);
        for tpi in &pdu.tpis {
            if let Tpi::Option(TransactionOption::MaximumGroup(octets)) = tpi {
                self.common.peer_group = Some(*octets);
            }
        }
        let common = &mut self.common;
        let mut asked = Transaction::asked(now, tid, *class, *user_acknowledgement, verify, common);
        let fate = asked.handle(now, pdu, common);
        self.transactions.insert(key, asked);
        self.settle(now, key, fate);
    }

    fn settle(&mut self, now: Instant, key: u16, fate: Fate) {
        let Fate::Over(last_word) = fate else { return };
        self.transactions.remove(&key);
        if let Some(last_word) = last_word {
            if self.finished.len() >= MAX_FINISHED {
                self.finished.pop_front();
            }
            let until = now + self.common.config.remember;
            self.finished.push_back(Finished { tid: key, last_word, until, repeats: 0 });
        }
    }

    /// Does what is due at this time.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.finished.front().is_some_and(|finished| now >= finished.until) {
            self.finished.pop_front();
        }
        let due: Vec<u16> = self
            .transactions
            .iter()
            .filter(|(_, transaction)| transaction.timeout().is_some_and(|at| now >= at))
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            if let Some(transaction) = self.transactions.get_mut(&key) {
                let fate = transaction.handle_timeout(now, &mut self.common);
                self.settle(now, key, fate);
            }
        }
    }

    /// The next thing that the machine wants.
    pub fn poll_output(&mut self) -> Output {
        if let Some(event) = self.common.events.pop_front() {
            return Output::Event(event);
        }
        if let Some(datagram) = self.common.out.pop_front() {
            return Output::Transmit(datagram);
        }
        let transactions = self.transactions.values().filter_map(Transaction::timeout).min();
        transactions.map_or(Output::Idle, Output::Timeout)
    }

    /// Whether nothing is under way and nothing is remembered for the peer.
    #[must_use]
    pub fn is_idle(&self, now: Instant) -> bool {
        self.transactions.is_empty() && self.finished.iter().all(|finished| now >= finished.until)
    }
}

//! Conversations between two endpoints over a path that loses, doubles and reorders, and single
//! exchanges by their octets (WAP-224 clauses 7 and 9).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use crate::codec::wtp::{Body, Pdu, ProviderReason, Tpi, Trailer, TransactionOption};
use crate::model::{Clock, Random, Timestamp};

fn start() -> Instant {
    Clock::starting_at(Timestamp::default()).instant_of(Timestamp::default()).into_std()
}

fn body(octets: usize, seed: u64) -> Bytes {
    let mut body = vec![0; octets];
    Random::seeded(seed).fill(&mut body);
    body.into()
}

/// Two endpoints and what is between them.
struct Line {
    now: Instant,
    ends: [Endpoint; 2],
    random: Random,
    /// Per mille lost and doubled.
    lost: u64,
    doubled: u64,
    /// Milliseconds: shortest, and what is added at random.
    delay: (u64, u64),
    on_the_way: BTreeMap<(Instant, u64), (usize, Bytes)>,
    count: u64,
    events: Vec<(usize, Event)>,
}

impl Line {
    fn new(client: Config, gateway: Config, seed: u64) -> Self {
        Self {
            now: start(),
            ends: [Endpoint::new(client, 0x7FFD), Endpoint::new(gateway, 1)],
            random: Random::seeded(seed),
            lost: 0,
            doubled: 0,
            delay: (50, 0),
            on_the_way: BTreeMap::new(),
            count: 0,
            events: Vec::new(),
        }
    }

    /// Moves on to the next thing that happens; false when nothing will.
    fn step(&mut self) -> bool {
        let mut next: Option<Instant> = None;
        for side in 0..2 {
            loop {
                match self.ends[side].poll_output() {
                    Output::Event(event) => self.events.push((side, event)),
                    Output::Transmit(octets) => self.carry(1 - side, octets),
                    Output::Timeout(at) => {
                        next = Some(next.map_or(at, |next| next.min(at)));
                        break;
                    }
                    Output::Idle => break,
                }
            }
        }
        if !self.events.is_empty() {
            // Whoever waits for them comes first.
            return true;
        }
        let arrival = self.on_the_way.keys().next().map(|(at, _)| *at);
        let Some(at) = [next, arrival].into_iter().flatten().min() else { return false };
        self.now = self.now.max(at);
        if arrival.is_some_and(|arrival| arrival <= self.now) {
            let (_, (side, octets)) = self.on_the_way.pop_first().unwrap();
            self.ends[side].handle_datagram(self.now, &octets);
        } else {
            self.ends.iter_mut().for_each(|end| end.handle_timeout(self.now));
        }
        true
    }

    fn carry(&mut self, to: usize, octets: Bytes) {
        let copies = 1 + u64::from(self.random.below(1000) < self.doubled);
        for _ in 0..copies {
            if self.random.below(1000) >= self.lost {
                let delay = self.delay.0 + self.random.below(self.delay.1 + 1);
                self.count += 1;
                let at = self.now + Duration::from_millis(delay);
                self.on_the_way.insert((at, self.count), (to, octets.clone()));
            }
        }
    }

    /// Until an event fits, within ten thousand steps.
    fn until<T>(&mut self, mut fits: impl FnMut(usize, &Event) -> Option<T>) -> T {
        for _ in 0..10_000 {
            while !self.events.is_empty() {
                let (side, event) = self.events.remove(0);
                if let Some(found) = fits(side, &event) {
                    return found;
                }
                assert!(!matches!(event, Event::Failed { .. }), "{side}: {event:?}");
            }
            assert!(self.step(), "nothing moves any more");
        }
        panic!("no end");
    }

    fn invoke(&mut self, class: TransactionClass, data: Bytes) -> Tid {
        let invoke = Invoke { class, user_acknowledgement: false, data, held: false };
        self.ends[0].invoke(self.now, invoke).unwrap()
    }

    fn asked(&mut self) -> (Tid, Bytes) {
        self.until(|side, event| match event {
            Event::Invoke { tid, data, .. } if side == 1 => Some((*tid, data.clone())),
            _ => None,
        })
    }

    fn answered(&mut self) -> Bytes {
        self.until(|side, event| match event {
            Event::Result { data, .. } if side == 0 => Some(data.clone()),
            _ => None,
        })
    }
}

#[test]
fn request_and_result_take_three_packets() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    line.invoke(TransactionClass::Class2, body(100, 1));
    let (tid, data) = line.asked();
    assert_eq!(data, body(100, 1));
    line.ends[1].result(line.now, tid, body(200, 2)).unwrap();
    assert_eq!(line.answered(), body(200, 2));
    line.until(|side, event| {
        matches!((side, event), (1, Event::Acknowledged { .. })).then_some(())
    });
    assert_eq!((line.ends[0].stats().sent, line.ends[1].stats().sent), (2, 1));
}

#[test]
fn classes_without_result_are_delivered_once() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    line.doubled = 1000;
    line.invoke(TransactionClass::Class0, body(10, 1));
    line.asked();
    line.invoke(TransactionClass::Class1, body(3000, 2));
    assert_eq!(line.asked().1, body(3000, 2));
    line.until(|side, event| {
        matches!((side, event), (0, Event::Acknowledged { .. })).then_some(())
    });
    while line.events.is_empty() && line.step() {}
    assert!(line.events.iter().all(|(_, event)| !matches!(event, Event::Invoke { .. })));
}

#[test]
fn long_messages_cross_a_path_that_loses_doubles_and_reorders() {
    for seed in 0..60 {
        let gateway = Config { group: 3, ..Config::default() };
        let gateway = Config { maximum_group: (seed % 2 == 0).then_some(8 * 1350), ..gateway };
        let mut line = Line::new(Config::default(), gateway, seed);
        (line.lost, line.doubled, line.delay) = (seed % 5 * 30, seed % 3 * 60, (80, seed % 4 * 90));
        line.invoke(TransactionClass::Class2, body(290_000, seed));
        let (tid, data) = line.asked();
        assert!(data == body(290_000, seed), "seed {seed}: up");
        line.ends[1].result(line.now, tid, body(60_000, seed + 1000)).unwrap();
        assert!(line.answered() == body(60_000, seed + 1000), "seed {seed}: down");
    }
}

#[test]
fn group_without_a_word_of_the_receiver_is_one_segment() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    line.invoke(TransactionClass::Class2, body(5 * 1350, 1));
    line.asked();
    // One acknowledgement for each but the last, which the result acknowledges.
    assert_eq!(line.ends[1].stats().sent, 4);
    let gateway = Config { maximum_group: Some(10 * 1350), ..Config::default() };
    let mut line = Line::new(Config::default(), gateway, 1);
    line.invoke(TransactionClass::Class2, body(5 * 1350, 1));
    line.asked();
    assert_eq!(line.ends[1].stats().sent, 1);
}

#[test]
fn last_segment_of_a_held_message_waits_for_its_word() {
    for octets in [20, 1350, 1351, 10_000] {
        let mut line = Line::new(Config::default(), Config::default(), 1);
        let invoke = Invoke {
            class: TransactionClass::Class2,
            user_acknowledgement: false,
            data: body(octets, 1),
            held: true,
        };
        let tid = line.ends[0].invoke(line.now, invoke).unwrap();
        line.until(|_, event| matches!(event, Event::Held { .. }).then_some(()));
        while line.events.is_empty() && line.step() {
            assert!(line.now < start() + Duration::from_secs(600), "the peer is forgotten");
        }
        assert!(line.events.iter().all(|(_, event)| !matches!(event, Event::Invoke { .. })));
        let progress = line.ends[0].progress(tid).unwrap();
        assert!(!progress.has_left && progress.acknowledged < octets);
        if octets < 1351 {
            line.ends[0].release(line.now, tid);
            assert_eq!(line.asked().1, body(octets, 1));
        }
    }
}

#[test]
fn slow_user_is_waited_for_after_a_hold_on() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    let own = line.invoke(TransactionClass::Class2, body(100, 1));
    let (tid, _) = line.asked();
    line.until(|side, event| {
        matches!((side, event), (0, Event::Acknowledged { .. })).then_some(())
    });
    assert!(!line.step(), "nobody sends anything while the user thinks");
    assert!(line.ends[0].progress(own).unwrap().has_left);
    line.now += Duration::from_secs(90);
    line.ends[1].result(line.now, tid, body(5000, 2)).unwrap();
    assert_eq!(line.answered(), body(5000, 2));
}

#[test]
fn silence_ends_a_transaction() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    line.lost = 1000;
    line.invoke(TransactionClass::Class2, body(100, 1));
    let mut steps = 0;
    while line.events.is_empty() && line.step() {
        steps += 1;
    }
    assert!(steps < 50);
    let failed = |(side, event): &(usize, Event)| {
        *side == 0 && matches!(event, Event::Failed { error: WtpError::Silent(9), .. })
    };
    assert!(line.events.iter().any(failed), "{:?}", line.events);
}

#[test]
fn identifier_is_verified_where_nothing_is_known() {
    let gateway = Config { verify: true, ..Config::default() };
    for octets in [100, 4000] {
        let mut line = Line::new(Config::default(), gateway, 1);
        line.invoke(TransactionClass::Class2, body(octets, 1));
        let (tid, data) = line.asked();
        assert_eq!(data, body(octets, 1));
        line.ends[1].result(line.now, tid, body(10, 2)).unwrap();
        line.answered();
    }
}

#[test]
fn identifiers_go_on_after_their_last() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    for round in 0..8 {
        line.invoke(TransactionClass::Class2, body(10, round));
        let (tid, data) = line.asked();
        assert_eq!(data, body(10, round));
        line.ends[1].result(line.now, tid, Bytes::from_static(b"ok")).unwrap();
        line.answered();
    }
}

#[test]
fn abort_of_either_side_is_told_with_its_reason() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    let own = line.invoke(TransactionClass::Class2, body(100, 1));
    let (tid, _) = line.asked();
    let reason = Abort::Provider(ProviderReason::CAPTEMPEXCEEDED);
    line.ends[1].abort(line.now, tid, reason);
    line.until(|side, event| match event {
        Event::Failed { tid, error } if side == 0 => {
            assert_eq!((*tid, error), (own, &WtpError::Aborted(reason)));
            Some(())
        }
        _ => None,
    });
    let own = line.invoke(TransactionClass::Class2, body(100, 1));
    let (tid, _) = line.asked();
    line.ends[0].abort(line.now, own, Abort::Provider(ProviderReason::UNKNOWN));
    line.until(|side, event| match event {
        Event::Failed { tid: failed, .. } if side == 1 => (*failed == tid).then_some(()),
        _ => None,
    });
}

#[test]
fn only_the_user_acknowledges_where_that_was_asked_for() {
    let mut line = Line::new(Config::default(), Config::default(), 1);
    let invoke = Invoke {
        class: TransactionClass::Class1,
        user_acknowledgement: true,
        data: body(10, 1),
        held: false,
    };
    line.ends[0].invoke(line.now, invoke.clone()).unwrap();
    let (tid, _) = line.asked();
    line.ends[1].acknowledge(line.now, tid).unwrap();
    line.until(|side, event| {
        matches!((side, event), (0, Event::Acknowledged { .. })).then_some(())
    });
    // A user that never does.
    line.ends[0].invoke(line.now, invoke).unwrap();
    line.asked();
    line.until(|side, event| match event {
        Event::Failed { error, .. } if side == 1 => {
            assert_eq!(*error, WtpError::NoResponse);
            Some(())
        }
        _ => None,
    });
    line.until(|side, event| match event {
        Event::Failed { error: WtpError::Aborted(reason), .. } if side == 0 => {
            assert_eq!(*reason, Abort::Provider(ProviderReason::NORESPONSE));
            Some(())
        }
        _ => None,
    });
}

#[test]
fn message_beyond_256_segments_is_refused_before_it_leaves() {
    let mut endpoint = Endpoint::new(Config::default(), 1);
    let mut invoke = Invoke {
        class: TransactionClass::Class2,
        user_acknowledgement: false,
        data: body(256 * 1350 + 1, 1),
        held: false,
    };
    let limit = 256 * 1350;
    let refused = Err(WtpError::TooLong { octets: limit + 1, limit });
    assert_eq!(endpoint.invoke(start(), invoke.clone()), refused);
    assert_eq!(endpoint.poll_output(), Output::Idle);
    invoke.data.truncate(limit);
    assert!(endpoint.invoke(start(), invoke.clone()).is_ok());
    invoke.class = TransactionClass::Class0;
    assert!(endpoint.invoke(start(), invoke).is_err());
}

/// What an endpoint transmits now, decoded.
fn transmitted(endpoint: &mut Endpoint) -> Vec<Pdu> {
    let mut pdus = Vec::new();
    loop {
        match endpoint.poll_output() {
            Output::Transmit(octets) => pdus.push(Pdu::decode(&octets).unwrap().value),
            Output::Event(_) => {}
            Output::Timeout(_) | Output::Idle => return pdus,
        }
    }
}

fn segment(psn: u8, trailer: Trailer, data: &'static [u8]) -> Bytes {
    let data = Bytes::from_static(data);
    let retransmission = false;
    let body = match psn {
        0 => Body::Result { trailer, retransmission, data },
        _ => Body::SegmentedResult { trailer, retransmission, psn, data },
    };
    Pdu::new(Tid(0x8001), body).encode()
}

fn asking(config: Config) -> Endpoint {
    let mut endpoint = Endpoint::new(config, 1);
    let class = TransactionClass::Class2;
    let invoke = Invoke { class, user_acknowledgement: false, data: body(9, 1), held: false };
    endpoint.invoke(start(), invoke).unwrap();
    transmitted(&mut endpoint);
    endpoint
}

#[test]
fn missing_segments_are_named_and_the_group_is_acknowledged_by_its_last() {
    let now = start();
    let mut endpoint = asking(Config::default());
    endpoint.handle_datagram(now, &segment(0, Trailer::NotLast, b"a"));
    endpoint.handle_datagram(now, &segment(3, Trailer::LastOfGroup, b"d"));
    assert_eq!(transmitted(&mut endpoint), [], "what overtook is waited for");
    endpoint.handle_timeout(now + Duration::from_millis(200));
    let missing = Body::NegativeAck { retransmission: false, missing: Bytes::from_static(&[1, 2]) };
    assert_eq!(transmitted(&mut endpoint), [Pdu::new(Tid(1), missing)]);
    endpoint.handle_datagram(now, &segment(2, Trailer::NotLast, b"c"));
    endpoint.handle_datagram(now, &segment(1, Trailer::NotLast, b"b"));
    let ack = Body::Ack { retransmission: false, verify: false };
    let ack = Pdu { tpis: vec![Tpi::PacketSequenceNumber(3)], ..Pdu::new(Tid(1), ack) };
    assert_eq!(transmitted(&mut endpoint), [ack]);
    endpoint.handle_datagram(now, &segment(4, Trailer::LastOfMessage, b"e"));
    let Output::Event(Event::Result { data, .. }) = endpoint.poll_output() else {
        panic!("no result");
    };
    assert_eq!(data, "abcde");
}

#[test]
fn lost_last_word_is_said_again_a_bounded_number_of_times() {
    let now = start();
    let mut endpoint = asking(Config::default());
    let result = segment(0, Trailer::LastOfMessage, b"a");
    endpoint.handle_datagram(now, &result);
    assert_eq!(transmitted(&mut endpoint).len(), 1);
    let mut answers = 0;
    for _ in 0..1000 {
        endpoint.handle_datagram(now, &result);
        answers += transmitted(&mut endpoint).len();
    }
    assert_eq!(answers, 16);
    assert_eq!(endpoint.stats().repeated, 1000);
}

#[test]
fn endless_negative_acknowledgements_end_the_transaction() {
    let now = start();
    let mut endpoint = Endpoint::new(Config { group: 8, ..Config::default() }, 1);
    let class = TransactionClass::Class2;
    let invoke = Invoke { class, user_acknowledgement: false, data: body(20_000, 1), held: false };
    endpoint.invoke(now, invoke).unwrap();
    transmitted(&mut endpoint);
    let missing = Body::NegativeAck { retransmission: false, missing: Bytes::new() };
    let nack = Pdu::new(Tid(0x8001), missing).encode();
    let mut sent = 0;
    let failed = loop {
        endpoint.handle_datagram(now, &nack);
        match endpoint.poll_output() {
            Output::Event(Event::Failed { error, .. }) => break error,
            Output::Transmit(_) => sent += 1 + transmitted(&mut endpoint).len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(failed, WtpError::AskedTooOften);
    assert_eq!(sent, 8 * 32);
}

#[test]
fn what_belongs_to_nothing_is_counted_and_leaves_nothing_behind() {
    let now = start();
    let random = Random::seeded(7);
    let mut endpoint = asking(Config { max_message: 20_000, ..Config::default() });
    let mut datagrams = 0_u64;
    for round in 0..30_000_u64 {
        let mut octets = vec![0; usize::try_from(random.below(60)).unwrap()];
        random.fill(&mut octets);
        if let (Some(first), true) = (octets.first_mut(), round % 2 == 0) {
            // A type that there is.
            *first = (*first & 0x87) | (u8::try_from(1 + random.below(7)).unwrap() << 3);
        }
        endpoint.handle_datagram(now, &octets.into());
        datagrams += 1;
        transmitted(&mut endpoint);
    }
    let stats = endpoint.stats();
    let counted = stats.unreadable + stats.stray + stats.ignored + stats.repeated;
    assert!(counted > datagrams / 2, "{stats:?}");
    // All that strangers began is forgotten, and a new transaction finds room.
    endpoint.handle_timeout(now + Duration::from_secs(61));
    transmitted(&mut endpoint);
    let class = TransactionClass::Class1;
    let invoke = Invoke { class, user_acknowledgement: false, data: body(9, 1), held: false };
    assert!(endpoint.invoke(now, invoke).is_ok());
}

#[test]
fn message_that_never_ends_meets_its_limit() {
    let now = start();
    let mut endpoint = asking(Config { max_message: 100, ..Config::default() });
    for psn in 0..=255 {
        endpoint.handle_datagram(now, &segment(psn, Trailer::NotLast, b"0123456789"));
    }
    let mut failed = None;
    let mut last = None;
    loop {
        match endpoint.poll_output() {
            Output::Event(Event::Failed { error, .. }) => failed = Some(error),
            Output::Transmit(octets) => last = Some(Pdu::decode(&octets).unwrap().value.body),
            Output::Event(_) => {}
            Output::Timeout(_) | Output::Idle => break,
        }
    }
    assert_eq!(failed, Some(WtpError::TooLarge { limit: 100 }));
    assert_eq!(last, Some(Body::Abort(Abort::Provider(ProviderReason::MESSAGETOOLARGE))));
}

#[test]
fn unknown_version_and_class_are_refused_by_name() {
    let mut endpoint = Endpoint::new(Config::default(), 1);
    let invoke = |version, class| {
        let body = Body::Invoke {
            trailer: Trailer::LastOfMessage,
            retransmission: false,
            version,
            tid_new: false,
            user_acknowledgement: false,
            class,
            data: Bytes::new(),
        };
        Pdu::new(Tid(5), body).encode()
    };
    let refused = |reason| [Pdu::new(Tid(0x8005), Body::Abort(Abort::Provider(reason)))];
    endpoint.handle_datagram(start(), &invoke(1, TransactionClass::Class1));
    assert_eq!(transmitted(&mut endpoint), refused(ProviderReason::WTPVERSIONONE));
    endpoint.handle_datagram(start(), &invoke(0, TransactionClass::Undefined));
    assert_eq!(transmitted(&mut endpoint), refused(ProviderReason::PROTOERR));
}

#[test]
fn group_that_the_peer_asks_for_has_its_limit() {
    let now = start();
    let mut endpoint = Endpoint::new(Config::default(), 1);
    let class = TransactionClass::Class2;
    let invoke = Invoke { class, user_acknowledgement: false, data: body(200_000, 1), held: false };
    endpoint.invoke(now, invoke).unwrap();
    assert_eq!(transmitted(&mut endpoint).len(), 1);
    let ack = Body::Ack { retransmission: false, verify: false };
    let tpis =
        vec![Tpi::PacketSequenceNumber(0), Tpi::Option(TransactionOption::MaximumGroup(u32::MAX))];
    endpoint.handle_datagram(now, &Pdu { tpis, ..Pdu::new(Tid(0x8001), ack) }.encode());
    assert_eq!(transmitted(&mut endpoint).len(), usize::try_from(MAX_GROUP).unwrap());
}

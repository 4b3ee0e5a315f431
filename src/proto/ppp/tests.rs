//! Scripted peers: one test for each oddity of equipment in the field (RFC 1661, 1332, 1877).

mod automaton;
mod hostile;
mod ipv6;
mod leftovers;
mod pair;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::codec::ppp::{
    ChapPacket, ControlPacket, Deframed, Deframer, FrameFormat, IpcpOption, LcpOption, PapRequest,
    RawOption, chap_md5_response, code, decode_options, encode_options, protocol, split_frame,
};
use crate::model::{Clock, Timestamp};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 7);
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const DNS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 53), Ipv4Addr::new(192, 0, 2, 54)];

/// A link whose peer is the test.
struct Rig {
    link: Link,
    now: Instant,
    start: Instant,
    deframer: Deframer,
    sent: VecDeque<(u16, ControlPacket)>,
    events: Vec<LinkEvent>,
    packets: Vec<Vec<u8>>,
}

impl Rig {
    fn new(config: LinkConfig) -> Self {
        let clock = Clock::starting_at(Timestamp::default());
        let start = clock.instant_of(Timestamp::default()).into_std();
        let mut rig = Self {
            link: Link::new(config, 1),
            now: start,
            start,
            deframer: Deframer::new(4096),
            sent: VecDeque::new(),
            events: Vec::new(),
            packets: Vec::new(),
        };
        rig.input(Input::Open);
        rig
    }

    fn client() -> Self {
        Self::new(LinkConfig::client(ClientConfig {
            credentials: Some(Credentials::new("u1", "s3cret")),
            prefer: None,
        }))
    }

    fn input(&mut self, input: Input<'_>) {
        self.link.handle_input(self.now, input);
        self.drain();
    }

    /// Takes the outputs; the time at which the link wants to be called.
    fn drain(&mut self) -> Option<Instant> {
        loop {
            match self.link.poll_output() {
                Output::Transmit(octets) => {
                    let sent = &mut self.sent;
                    self.deframer.feed(&octets, |one| {
                        let Deframed::Frame(frame) = one else { panic!("{one:?}") };
                        let (number, payload) = split_frame(frame).unwrap();
                        if number != protocol::IP {
                            sent.push_back((number, ControlPacket::decode(payload).unwrap()));
                        }
                    });
                }
                Output::Packet(packet) => self.packets.push(packet),
                Output::Event(event) => self.events.push(event),
                Output::Frame(..) => {}
                Output::Timeout(at) => return Some(at),
                Output::Idle => return None,
            }
        }
    }

    fn peer_says(&mut self, number: u16, packet: &ControlPacket) {
        let mut octets = Vec::new();
        FrameFormat::default().encode(number, &packet.encode(), &mut octets);
        self.input(Input::Octets(&octets));
    }

    /// The next packet that the link sent.
    fn next(&mut self) -> (u16, ControlPacket) {
        self.sent.pop_front().expect("the link sends something")
    }

    fn expect(&mut self, number: u16, code: u8) -> ControlPacket {
        let (got, packet) = self.next();
        assert_eq!((got, packet.code), (number, code), "{packet:?}");
        packet
    }

    /// Lets the time pass to the link's next deadline; false when there is none.
    fn wait(&mut self) -> bool {
        let Some(at) = self.drain() else { return false };
        assert!(at >= self.now, "a deadline in the past would spin");
        self.now = at;
        self.input(Input::Timeout);
        true
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn down(&self) -> Option<&LinkError> {
        match self.events.last() {
            Some(LinkEvent::Down(error)) => Some(error),
            _ => None,
        }
    }

    /// Both sides' LCP; the peer asks for `auth` besides its magic number.
    fn open_lcp(&mut self, auth: Option<LcpOption>) {
        let request = self.expect(protocol::LCP, code::CONFIGURE_REQUEST);
        self.ack(protocol::LCP, &request);
        let mut options = vec![LcpOption::Accm(0), LcpOption::Magic(0x5555_AAAA)];
        options.extend(auth);
        self.peer_asks(protocol::LCP, 1, options.iter().map(RawOption::from));
        self.expect(protocol::LCP, code::CONFIGURE_ACK);
        assert_eq!(self.events.first(), Some(&LinkEvent::LcpOpen));
    }

    fn ack(&mut self, number: u16, request: &ControlPacket) {
        self.answer(number, code::CONFIGURE_ACK, request, &request.data);
    }

    fn answer(&mut self, number: u16, code: u8, request: &ControlPacket, data: &[u8]) {
        self.peer_says(number, &ControlPacket::new(code, request.identifier, data));
    }

    fn peer_asks(&mut self, number: u16, id: u8, options: impl Iterator<Item = RawOption>) {
        let data = encode_options(&options.collect::<Vec<_>>());
        self.peer_says(number, &ControlPacket::new(code::CONFIGURE_REQUEST, id, data));
    }

    fn ipcp(&mut self, id: u8, options: &[IpcpOption]) {
        self.peer_asks(protocol::IPCP, id, options.iter().map(RawOption::from));
    }

    fn nak_ipcp(&mut self, request: &ControlPacket, options: &[IpcpOption]) {
        let raw: Vec<RawOption> = options.iter().map(RawOption::from).collect();
        self.answer(protocol::IPCP, code::CONFIGURE_NAK, request, &encode_options(&raw));
    }

    /// Our side of IPCP in the usual way, and the peer's.
    fn open_ipcp(&mut self) {
        while self.sent.is_empty() {
            assert!(self.wait());
        }
        let request = self.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
        self.nak_ipcp(&request, &given());
        let request = self.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
        self.ack(protocol::IPCP, &request);
        self.ipcp(1, &[IpcpOption::Address(THEIRS)]);
        self.expect(protocol::IPCP, code::CONFIGURE_ACK);
    }

    fn up() -> Self {
        let mut rig = Self::client();
        rig.open_lcp(None);
        rig.open_ipcp();
        rig
    }
}

fn given() -> [IpcpOption; 3] {
    [IpcpOption::Address(OURS), IpcpOption::PrimaryDns(DNS[0]), IpcpOption::SecondaryDns(DNS[1])]
}

fn ipcp_options(packet: &ControlPacket) -> Vec<IpcpOption> {
    decode_options(&packet.data).unwrap().into_iter().map(IpcpOption::from).collect()
}

fn lcp_options(packet: &ControlPacket) -> Vec<LcpOption> {
    decode_options(&packet.data).unwrap().into_iter().map(LcpOption::from).collect()
}

const PAP: LcpOption = LcpOption::Auth { protocol: protocol::PAP, data: Vec::new() };

fn chap() -> LcpOption {
    LcpOption::Auth { protocol: protocol::CHAP, data: vec![5] }
}

// The usual way.

#[test]
fn link_without_authentication_comes_up_with_address_and_name_servers() {
    let rig = Rig::up();
    assert_eq!(
        rig.events,
        [
            LinkEvent::LcpOpen,
            LinkEvent::Authenticated { by: None },
            LinkEvent::IpUp { address: OURS, peer: THEIRS, name_servers: DNS.to_vec() },
        ]
    );
}

#[test]
fn packets_go_both_ways_once_ip_is_up_and_not_before() {
    let mut rig = Rig::client();
    let mut packet = Vec::new();
    FrameFormat { accm: 0, acfc: true, pfc: true }.encode(protocol::IP, b"\x45early", &mut packet);
    rig.input(Input::Octets(&packet));
    assert!(rig.packets.is_empty());

    let mut rig = Rig::up();
    rig.input(Input::Octets(&packet));
    assert_eq!(rig.packets, [b"\x45early"]);
    rig.link.handle_input(rig.now, Input::Packet(b"\x45\x7E\x01"));
    let Output::Transmit(octets) = rig.link.poll_output() else { panic!("no frame") };
    // The peer asked for ACCM 0 and for no header compression: 01 goes as it is.
    assert_eq!(octets.get(..9), Some(&b"\x7E\xFF\x03\x00\x21\x45\x7D\x5E\x01"[..]));
}

// Establishment.

#[test]
fn first_request_asks_for_accm_0_magic_and_compression() {
    let mut rig = Rig::client();
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    assert!(matches!(
        lcp_options(&request).as_slice(),
        [LcpOption::Accm(0), LcpOption::Magic(1..), LcpOption::Pfc, LcpOption::Acfc]
    ));
}

#[test]
fn silent_peer_ends_in_a_timeout_of_lcp() {
    let mut rig = Rig::client();
    while rig.wait() {}
    assert_eq!(rig.down(), Some(&LinkError::Timeout { phase: Phase::Establish }));
    assert_eq!(rig.sent.len(), 10);
    assert!((20..=40).contains(&rig.elapsed().as_secs()), "{:?}", rig.elapsed());
}

#[test]
fn rejected_options_are_left_out_and_naked_accm_is_taken() {
    let mut rig = Rig::client();
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    let rejected = encode_options(&[(&LcpOption::Pfc).into(), (&LcpOption::Acfc).into()]);
    rig.answer(protocol::LCP, code::CONFIGURE_REJECT, &request, &rejected);
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    let naked = encode_options(&[(&LcpOption::Accm(0x000A_0000)).into()]);
    rig.answer(protocol::LCP, code::CONFIGURE_NAK, &request, &naked);
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    assert!(matches!(
        lcp_options(&request).as_slice(),
        [LcpOption::Accm(0x000A_0000), LcpOption::Magic(_)]
    ));
}

#[test]
fn unknown_authentication_gets_a_nak_with_chap_and_insisting_ends_typed() {
    let mut rig = Rig::client();
    rig.sent.clear();
    // MS-CHAPv2.
    let odd = LcpOption::Auth { protocol: protocol::CHAP, data: vec![0x81] };
    for id in 0..20 {
        rig.peer_asks(protocol::LCP, id, [(&odd).into()].into_iter());
        if rig.down().is_some() {
            break;
        }
        let nak = rig.expect(protocol::LCP, code::CONFIGURE_NAK);
        assert_eq!(lcp_options(&nak), [chap()]);
    }
    assert_eq!(rig.down(), Some(&LinkError::AuthUnsupported));
}

#[test]
fn preferred_authentication_is_proposed_once_and_an_insisting_peer_gets_its_way() {
    let mut rig = Rig::new(LinkConfig::client(ClientConfig {
        credentials: None,
        prefer: Some(AuthProtocol::Pap),
    }));
    rig.sent.clear();
    rig.peer_asks(protocol::LCP, 1, [(&chap()).into()].into_iter());
    assert_eq!(lcp_options(&rig.expect(protocol::LCP, code::CONFIGURE_NAK)), [PAP]);
    rig.peer_asks(protocol::LCP, 2, [(&chap()).into()].into_iter());
    rig.expect(protocol::LCP, code::CONFIGURE_ACK);
}

#[test]
fn unknown_lcp_options_are_rejected() {
    let mut rig = Rig::client();
    rig.sent.clear();
    let multilink = RawOption { kind: 17, data: vec![5, 220] };
    rig.peer_asks(protocol::LCP, 9, [multilink.clone(), (&LcpOption::Accm(0)).into()].into_iter());
    let reject = rig.expect(protocol::LCP, code::CONFIGURE_REJECT);
    assert_eq!(decode_options(&reject.data), Ok(vec![multilink]));
    assert_eq!(reject.identifier, 9);
}

#[test]
fn modem_in_command_mode_that_echoes_is_a_loop() {
    let mut rig = Rig::client();
    for _ in 0..1000 {
        let Some((number, packet)) = rig.sent.pop_front() else {
            if rig.wait() {
                continue;
            }
            break;
        };
        rig.peer_says(number, &packet);
    }
    assert_eq!(rig.down(), Some(&LinkError::LoopDetected));
    assert!(rig.elapsed() < Duration::from_secs(10), "{:?}", rig.elapsed());
}

#[test]
fn terminate_request_left_over_from_an_earlier_call_does_not_end_the_new_one() {
    let mut rig = Rig::client();
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::TERMINATE_REQUEST, 77, []));
    let first = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    assert_eq!(rig.expect(protocol::LCP, code::TERMINATE_ACK).identifier, 77);
    rig.sent.push_front((protocol::LCP, first));
    rig.open_lcp(None);
}

#[test]
fn banner_before_the_first_frame_is_told_and_skipped() {
    let mut rig = Rig::client();
    rig.input(Input::Octets(b"\r\nSlirp v1.0.17 (BETA)\r\n"));
    assert_eq!(rig.events, [LinkEvent::Text("Slirp v1.0.17 (BETA)".into())]);
    rig.events.clear();
    rig.open_lcp(None);
}

#[test]
fn lcp_that_never_agrees_ends_typed() {
    let mut rig = Rig::client();
    for _ in 0..200 {
        match rig.sent.pop_front() {
            Some((number, packet)) if packet.code == code::CONFIGURE_REQUEST => {
                let nak = encode_options(&[(&LcpOption::Mru(1)).into()]);
                rig.answer(number, code::CONFIGURE_NAK, &packet, &nak);
            }
            Some(_) => {}
            None => {
                if !rig.wait() {
                    break;
                }
            }
        }
    }
    assert_eq!(rig.down(), Some(&LinkError::NoAgreement { phase: Phase::Establish }));
}

// Authentication.

#[test]
fn pap_success_and_failure() {
    let mut rig = Rig::client();
    rig.open_lcp(Some(PAP));
    let request = rig.expect(protocol::PAP, code::PAP_REQUEST);
    assert_eq!(
        PapRequest::decode(&request.data),
        Ok(PapRequest { peer_id: b"u1".to_vec(), password: b"s3cret".to_vec() })
    );
    rig.answer(protocol::PAP, code::PAP_ACK, &request, b"\x02OK");
    assert_eq!(rig.events.last(), Some(&LinkEvent::Authenticated { by: Some(AuthProtocol::Pap) }));

    let mut rig = Rig::client();
    rig.open_lcp(Some(PAP));
    let request = rig.expect(protocol::PAP, code::PAP_REQUEST);
    rig.answer(protocol::PAP, code::PAP_NAK, &request, b"\x0bLogin wrong");
    assert_eq!(rig.down(), Some(&LinkError::AuthRejected { message: "Login wrong".into() }));
    rig.expect(protocol::LCP, code::TERMINATE_REQUEST);
}

#[test]
fn pap_request_that_was_lost_is_repeated_and_silence_ends_typed() {
    let mut rig = Rig::client();
    rig.open_lcp(Some(PAP));
    while rig.wait() {}
    assert!(rig.sent.len() > 10);
    assert_eq!(rig.down(), Some(&LinkError::Timeout { phase: Phase::Authenticate }));
}

#[test]
fn chap_response_is_right_and_repeated_until_success() {
    let mut rig = Rig::client();
    rig.open_lcp(Some(chap()));
    let challenge = ChapPacket { value: vec![1, 2, 3, 4, 5, 6, 7, 8], name: b"ggsn".to_vec() };
    rig.peer_says(protocol::CHAP, &ControlPacket::new(1, 42, challenge.encode()));
    let response = rig.expect(protocol::CHAP, code::CHAP_RESPONSE);
    let decoded = ChapPacket::decode(&response.data).unwrap();
    assert_eq!(response.identifier, 42);
    assert_eq!(decoded.name, b"u1");
    assert_eq!(decoded.value, chap_md5_response(42, b"s3cret", &challenge.value));
    assert!(rig.wait());
    assert_eq!(rig.expect(protocol::CHAP, code::CHAP_RESPONSE), response);
    rig.answer(protocol::CHAP, code::CHAP_SUCCESS, &response, b"Welcome");
    assert_eq!(
        rig.events.last(),
        Some(&LinkEvent::Authenticated { by: Some(AuthProtocol::ChapMd5) })
    );
    // A later challenge is answered without leaving the network phase.
    rig.sent.clear();
    rig.peer_says(protocol::CHAP, &ControlPacket::new(1, 43, challenge.encode()));
    assert_eq!(rig.expect(protocol::CHAP, code::CHAP_RESPONSE).identifier, 43);
}

#[test]
fn chap_failure_keeps_the_words_of_the_network() {
    let mut rig = Rig::client();
    rig.open_lcp(Some(chap()));
    let challenge = ChapPacket { value: vec![9; 16], name: Vec::new() };
    rig.peer_says(protocol::CHAP, &ControlPacket::new(1, 1, challenge.encode()));
    let response = rig.expect(protocol::CHAP, code::CHAP_RESPONSE);
    rig.answer(protocol::CHAP, code::CHAP_FAILURE, &response, b"unknown subscriber");
    assert_eq!(rig.down(), Some(&LinkError::AuthRejected { message: "unknown subscriber".into() }));
}

#[test]
fn peer_that_goes_on_with_ipcp_has_accepted_the_credentials() {
    let mut rig = Rig::client();
    rig.open_lcp(Some(PAP));
    rig.expect(protocol::PAP, code::PAP_REQUEST);
    rig.ipcp(1, &[IpcpOption::Address(THEIRS)]);
    assert!(rig.events.contains(&LinkEvent::Authenticated { by: Some(AuthProtocol::Pap) }));
    rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    rig.expect(protocol::IPCP, code::CONFIGURE_ACK);
}

// Network.

#[test]
fn peer_address_0_0_0_0_gets_a_nak_with_a_made_up_address() {
    for options in [&[IpcpOption::Address(Ipv4Addr::UNSPECIFIED)][..], &[]] {
        let mut rig = Rig::client();
        rig.open_lcp(None);
        rig.sent.clear();
        rig.ipcp(1, options);
        let nak = rig.expect(protocol::IPCP, code::CONFIGURE_NAK);
        let made_up = Ipv4Addr::new(10, 64, 64, 64);
        assert_eq!(ipcp_options(&nak), [IpcpOption::Address(made_up)]);
        rig.ipcp(2, &[IpcpOption::Address(made_up)]);
        rig.expect(protocol::IPCP, code::CONFIGURE_ACK);
    }
}

#[test]
fn peer_that_insists_on_having_no_address_is_acknowledged_in_the_end() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.sent.clear();
    let acked = (0..10).any(|id| {
        rig.ipcp(id, &[]);
        rig.next().1.code == code::CONFIGURE_ACK
    });
    assert!(acked);
}

#[test]
fn van_jacobson_compression_is_rejected() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.sent.clear();
    let vj = IpcpOption::Compression { protocol: 0x002D, data: vec![15, 1] };
    rig.ipcp(1, &[vj.clone(), IpcpOption::Address(THEIRS)]);
    assert_eq!(ipcp_options(&rig.expect(protocol::IPCP, code::CONFIGURE_REJECT)), [vj]);
}

#[test]
fn placeholder_name_servers_are_never_taken_and_asking_goes_on() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    let placeholders = [
        IpcpOption::PrimaryDns(Ipv4Addr::new(10, 11, 12, 13)),
        IpcpOption::SecondaryDns(Ipv4Addr::new(10, 11, 12, 14)),
    ];
    for _ in 0..15 {
        while rig.sent.is_empty() {
            assert!(rig.wait());
        }
        let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
        let asked = ipcp_options(&request);
        assert!(asked.contains(&IpcpOption::PrimaryDns(Ipv4Addr::UNSPECIFIED)), "{asked:?}");
        rig.nak_ipcp(&request, &placeholders);
    }
    while rig.sent.is_empty() {
        assert!(rig.wait());
    }
    rig.open_ipcp();
    assert!(matches!(
        rig.events.last(),
        Some(LinkEvent::IpUp { address: OURS, name_servers, .. }) if *name_servers == DNS
    ));
}

#[test]
fn placeholders_for_ever_mean_ip_without_name_servers() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.ipcp(1, &[IpcpOption::Address(THEIRS)]);
    for _ in 0..1000 {
        match rig.sent.pop_front() {
            Some((protocol::IPCP, request)) if request.code == code::CONFIGURE_REQUEST => {
                let mut wrong = vec![IpcpOption::Address(OURS)];
                for option in ipcp_options(&request) {
                    if let IpcpOption::PrimaryDns(_) = option {
                        wrong.push(IpcpOption::PrimaryDns(Ipv4Addr::new(10, 11, 12, 13)));
                    }
                    if let IpcpOption::SecondaryDns(_) = option {
                        wrong.push(IpcpOption::SecondaryDns(Ipv4Addr::new(10, 11, 12, 14)));
                    }
                }
                if wrong.len() == 1 {
                    rig.ack(protocol::IPCP, &request);
                } else {
                    rig.nak_ipcp(&request, &wrong);
                }
            }
            Some(_) => {}
            None if matches!(rig.events.last(), Some(LinkEvent::IpUp { .. })) => break,
            None => assert!(rig.wait(), "{:?}", rig.events),
        }
    }
    assert_eq!(
        rig.events.last(),
        Some(&LinkEvent::IpUp { address: OURS, peer: THEIRS, name_servers: Vec::new() })
    );
}

#[test]
fn thirty_naks_without_options_end_without_address_and_not_before_a_minute() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    let mut asked = 0;
    while rig.down().is_none() {
        match rig.sent.pop_front() {
            Some((protocol::IPCP, request)) if request.code == code::CONFIGURE_REQUEST => {
                asked += 1;
                assert!(
                    ipcp_options(&request).contains(&IpcpOption::Address(Ipv4Addr::UNSPECIFIED))
                );
                rig.nak_ipcp(&request, &[]);
            }
            Some(_) => {}
            None => assert!(rig.wait()),
        }
    }
    assert_eq!(rig.down(), Some(&LinkError::NoIpAddress { naks: 30 }));
    assert_eq!(asked, 30);
    assert!((60..=95).contains(&rig.elapsed().as_secs()), "{:?}", rig.elapsed());
}

#[test]
fn acknowledged_0_0_0_0_is_no_address() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.ipcp(1, &[IpcpOption::Address(THEIRS)]);
    for _ in 0..3 {
        let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
        rig.ack(protocol::IPCP, &request);
        rig.sent.retain(|(_, packet)| packet.code == code::CONFIGURE_REQUEST);
    }
    assert!(!rig.events.iter().any(|event| matches!(event, LinkEvent::IpUp { .. })));
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    rig.nak_ipcp(&request, &given());
    while rig.sent.is_empty() {
        assert!(rig.wait());
    }
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    rig.ack(protocol::IPCP, &request);
    assert!(matches!(rig.events.last(), Some(LinkEvent::IpUp { address: OURS, .. })));
}

#[test]
fn peer_without_name_servers_rejects_them_and_ip_comes_up() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    let dns = [
        IpcpOption::PrimaryDns(Ipv4Addr::UNSPECIFIED),
        IpcpOption::SecondaryDns(Ipv4Addr::UNSPECIFIED),
    ];
    let raw: Vec<RawOption> = dns.iter().map(RawOption::from).collect();
    rig.answer(protocol::IPCP, code::CONFIGURE_REJECT, &request, &encode_options(&raw));
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    assert_eq!(ipcp_options(&request), [IpcpOption::Address(Ipv4Addr::UNSPECIFIED)]);
}

#[test]
fn rejected_ipcp_and_rejected_address_end_typed() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.peer_says(
        protocol::LCP,
        &ControlPacket::new(code::PROTOCOL_REJECT, 1, [0x80, 0x21, 1, 1, 0, 4]),
    );
    assert_eq!(rig.down(), Some(&LinkError::IpRejected { family: Family::V4 }));

    let mut rig = Rig::client();
    rig.open_lcp(None);
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    let address = encode_options(&[(&IpcpOption::Address(Ipv4Addr::UNSPECIFIED)).into()]);
    rig.answer(protocol::IPCP, code::CONFIGURE_REJECT, &request, &address);
    assert!(matches!(rig.down(), Some(LinkError::NoIpAddress { .. })));
}

#[test]
fn ipcp_terminated_by_the_peer_ends_with_its_phase() {
    let mut rig = Rig::client();
    rig.open_lcp(None);
    rig.peer_says(protocol::IPCP, &ControlPacket::new(code::TERMINATE_REQUEST, 3, *b"no address"));
    assert_eq!(
        rig.down(),
        Some(&LinkError::PeerTerminated { phase: Phase::Network, message: "no address".into() })
    );
}

// An open link.

#[test]
fn ccp_and_ipv6_that_nobody_wants_get_a_protocol_reject() {
    for number in [protocol::CCP, protocol::IPV6CP, 0x0057] {
        let mut rig = Rig::up();
        rig.peer_says(number, &ControlPacket::new(1, 1, [0x1A, 4, 0x78, 0]));
        let reject = rig.expect(protocol::LCP, code::PROTOCOL_REJECT);
        assert!(reject.data.starts_with(&number.to_be_bytes()));
        assert_eq!(reject.data.get(2..6), Some(&[1, 1, 0, 8][..]));
        assert!(rig.down().is_none());
    }
}

#[test]
fn echo_is_answered_with_our_magic_and_discard_is_not() {
    let mut rig = Rig::up();
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::DISCARD_REQUEST, 1, [0; 8]));
    assert!(rig.sent.is_empty());
    let echo = ControlPacket::new(code::ECHO_REQUEST, 5, [0x55, 0x55, 0xAA, 0xAA, b'h', b'i']);
    rig.peer_says(protocol::LCP, &echo);
    let reply = rig.expect(protocol::LCP, code::ECHO_REPLY);
    assert_eq!(reply.identifier, 5);
    assert_eq!(reply.data.get(4..), Some(&b"hi"[..]));
    assert_ne!(reply.data.get(..4), Some(&[0x55, 0x55, 0xAA, 0xAA][..]));
}

#[test]
fn unknown_code_gets_a_code_reject() {
    let mut rig = Rig::up();
    let odd = ControlPacket::new(14, 9, [1, 2, 3]);
    rig.peer_says(protocol::LCP, &odd);
    assert_eq!(rig.expect(protocol::LCP, code::CODE_REJECT).data, odd.encode());
}

#[test]
fn unanswered_echo_kills_the_link_only_when_told_to() {
    let cases = [
        (GiveUp::Never, true, false),
        (GiveUp::After(3), false, true),
        (GiveUp::OnceAnsweredAfter(3), false, false),
        (GiveUp::OnceAnsweredAfter(3), true, true),
    ];
    for (give_up, answers_first, dies) in cases {
        let config = LinkConfig {
            echo: Some(EchoConfig { interval: Duration::from_secs(10), give_up }),
            ..LinkConfig::client(ClientConfig::default())
        };
        let mut rig = Rig::new(config);
        rig.open_lcp(None);
        rig.open_ipcp();
        if answers_first {
            let asked = rig.expect(protocol::LCP, code::ECHO_REQUEST);
            let reply = ControlPacket::new(code::ECHO_REPLY, asked.identifier, [0, 0, 0, 9]);
            rig.peer_says(protocol::LCP, &reply);
        }
        for _ in 0..20 {
            rig.wait();
        }
        assert_eq!(rig.down() == Some(&LinkError::EchoLost), dies, "{give_up:?} {answers_first}");
    }
}

#[test]
fn no_carrier_between_frames_ends_the_link_at_once() {
    let mut rig = Rig::up();
    rig.input(Input::Octets(b"\r\nNO CARRIER\r\n"));
    assert_eq!(rig.down(), Some(&LinkError::NoCarrier { text: "NO CARRIER".into() }));
    assert!(rig.sent.is_empty(), "nobody is there to be told");
}

#[test]
fn no_carrier_inside_a_frame_counts_only_when_nothing_follows() {
    let mut frame = Vec::new();
    FrameFormat::default().encode(protocol::IP, b"E..\r\nNO CARRIER\r\n..", &mut frame);
    let raw: Vec<u8> = b"\x7E\xFF\x03\x00\x21E..\r\nNO CARRIER\r\n".to_vec();
    let mut rig = Rig::up();
    rig.input(Input::Octets(&raw));
    assert!(rig.down().is_none());
    assert!(rig.wait());
    assert_eq!(rig.down(), Some(&LinkError::NoCarrier { text: "NO CARRIER".into() }));

    let mut rig = Rig::up();
    rig.input(Input::Octets(&raw));
    rig.input(Input::Octets(b"..more of a picture~"));
    assert!(!rig.wait(), "no deadline is left");
    assert!(rig.down().is_none());
}

#[test]
fn peer_that_terminates_is_acknowledged_and_quoted() {
    let mut rig = Rig::up();
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::TERMINATE_REQUEST, 8, *b"idle timeout"));
    assert_eq!(rig.expect(protocol::LCP, code::TERMINATE_ACK).identifier, 8);
    assert_eq!(
        rig.down(),
        Some(&LinkError::PeerTerminated { phase: Phase::Open, message: "idle timeout".into() })
    );
}

#[test]
fn close_waits_for_the_acknowledgement_and_gives_up_after_two_tries() {
    let mut rig = Rig::up();
    rig.input(Input::Close);
    let request = rig.expect(protocol::LCP, code::TERMINATE_REQUEST);
    assert!(rig.down().is_none());
    rig.answer(protocol::LCP, code::TERMINATE_ACK, &request, &[]);
    assert_eq!(rig.down(), Some(&LinkError::Closed));

    let mut rig = Rig::up();
    rig.input(Input::Close);
    while rig.wait() {}
    assert_eq!(rig.down(), Some(&LinkError::Closed));
    assert_eq!(rig.sent.len(), 2);
    assert_eq!(rig.elapsed(), Duration::from_secs(6));
}

#[test]
fn peer_that_negotiates_anew_gets_ip_again() {
    let mut rig = Rig::up();
    rig.peer_asks(protocol::LCP, 9, [(&LcpOption::Magic(7)).into()].into_iter());
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    rig.expect(protocol::LCP, code::CONFIGURE_ACK);
    rig.ack(protocol::LCP, &request);
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    assert!(ipcp_options(&request).contains(&IpcpOption::Address(OURS)));
    rig.ack(protocol::IPCP, &request);
    rig.ipcp(2, &[IpcpOption::Address(THEIRS)]);
    let ups = rig.events.iter().filter(|event| matches!(event, LinkEvent::IpUp { .. })).count();
    assert_eq!(ups, 2);
}

proptest! {
    #[test]
    fn any_octets_from_the_peer_leave_the_link_sound(
        pieces in proptest::collection::vec(
            (prop_oneof![Just(0xC021_u16), Just(0x8021), Just(0xC023), Just(0xC223), Just(0x21), any::<u16>()],
             0..13_u8, 0..8_u8, proptest::collection::vec(any::<u8>(), 0..40)),
            0..40),
        noise in proptest::collection::vec(any::<u8>(), 0..60),
        role in any::<bool>(),
    ) {
        let config = if role {
            LinkConfig::client(ClientConfig::default())
        } else {
            LinkConfig::server(pair::server(Some(AuthProtocol::ChapMd5)))
        };
        let mut rig = Rig::new(config);
        rig.input(Input::Octets(&noise));
        for (number, code, id, data) in pieces {
            rig.peer_says(number, &ControlPacket::new(code, id, data));
            rig.wait();
        }
        for _ in 0..400 {
            if !rig.wait() {
                break;
            }
        }
        prop_assert!(rig.down().is_some() || !role, "a client never waits for ever: {:?}", rig.events);
    }
}

//! Rarer packets and limits (RFC 1661, RFC 1570): Identification, rejects of all kinds, Max-Failure, the peer's MRU.

use super::*;

fn asks(rig: &mut Rig, option: &LcpOption) -> (u16, ControlPacket) {
    rig.peer_asks(protocol::LCP, 7, [option.into()].into_iter());
    rig.sent.retain(|(_, packet)| packet.code != code::CONFIGURE_REQUEST);
    rig.next()
}

#[test]
fn identification_and_time_remaining_are_told_and_not_answered() {
    let mut rig = Rig::client();
    rig.sent.clear();
    let name = [&[0; 4], &b"MSRASV5.10\r\n"[..]].concat();
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::IDENTIFICATION, 2, name));
    let time = [&[0; 4], &[0, 0, 0, 90], &b"cheap hour ends"[..]].concat();
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::TIME_REMAINING, 3, time));
    for short in [&[][..], &[0; 7]] {
        rig.peer_says(protocol::LCP, &ControlPacket::new(code::TIME_REMAINING, 4, short));
    }
    assert!(rig.sent.is_empty());
    assert_eq!(
        rig.events,
        [
            LinkEvent::Identification("MSRASV5.10".into()),
            LinkEvent::TimeRemaining { seconds: 90, message: "cheap hour ends".into() },
        ]
    );
}

#[test]
fn value_that_is_asked_for_again_and_again_is_rejected_in_the_end() {
    let mut rig = Rig::client();
    for _ in 0..5 {
        let (_, answer) = asks(&mut rig, &LcpOption::Mru(64));
        assert_eq!(answer.code, code::CONFIGURE_NAK);
        assert_eq!(lcp_options(&answer), [LcpOption::Mru(1500)]);
    }
    let (_, answer) = asks(&mut rig, &LcpOption::Mru(64));
    assert_eq!(answer.code, code::CONFIGURE_REJECT);
    assert_eq!(lcp_options(&answer), [LcpOption::Mru(64)]);
    // What is acceptable ends the count.
    assert_eq!(asks(&mut rig, &LcpOption::Mru(576)).1.code, code::CONFIGURE_ACK);
    assert_eq!(rig.link.peer_mru(), 576);
    assert_eq!(asks(&mut rig, &LcpOption::Mru(64)).1.code, code::CONFIGURE_NAK);
}

#[test]
fn echo_that_the_peer_does_not_know_is_not_sent_again() {
    let config = LinkConfig {
        echo: Some(EchoConfig { interval: Duration::from_secs(10), give_up: GiveUp::After(2) }),
        ..LinkConfig::client(ClientConfig::default())
    };
    let mut rig = Rig::new(config);
    rig.open_lcp(None);
    rig.open_ipcp();
    let echo = rig.expect(protocol::LCP, code::ECHO_REQUEST);
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::CODE_REJECT, 1, echo.encode()));
    assert!(!rig.wait() && rig.sent.is_empty() && rig.down().is_none());
    // Nor after LCP was negotiated anew.
    rig.peer_asks(protocol::LCP, 9, [(&LcpOption::Magic(7)).into()].into_iter());
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    rig.ack(protocol::LCP, &request);
    rig.expect(protocol::LCP, code::CONFIGURE_ACK);
    let request = rig.expect(protocol::IPCP, code::CONFIGURE_REQUEST);
    rig.ack(protocol::IPCP, &request);
    rig.ipcp(2, &[IpcpOption::Address(THEIRS)]);
    rig.expect(protocol::IPCP, code::CONFIGURE_ACK);
    assert!(!rig.wait() && rig.sent.is_empty() && rig.link.phase() == Phase::Open);
}

#[test]
fn echo_with_our_own_magic_number_is_a_loop() {
    let mut rig = Rig::client();
    let request = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    let ours = lcp_options(&request).into_iter().find_map(|option| match option {
        LcpOption::Magic(number) => Some(number),
        _ => None,
    });
    let mut rig = Rig::up();
    let echo = ControlPacket::new(code::ECHO_REQUEST, 1, ours.unwrap().to_be_bytes());
    rig.peer_says(protocol::LCP, &echo);
    assert_eq!(rig.down(), Some(&LinkError::LoopDetected));
    assert!(rig.sent.is_empty(), "one does not say goodbye to oneself");
}

#[test]
fn code_reject_of_what_every_peer_knows_ends_typed_and_of_others_does_not() {
    for (rejected, ends) in [(code::CONFIGURE_REQUEST, true), (code::DISCARD_REQUEST, false)] {
        let mut rig = Rig::client();
        let reject = ControlPacket::new(code::CODE_REJECT, 1, [rejected, 1, 0, 4]);
        rig.peer_says(protocol::LCP, &reject);
        let error = LinkError::NoAgreement { phase: Phase::Establish };
        assert_eq!(rig.down() == Some(&error), ends, "{:?}", rig.events);
        // Cut off before the code: about nothing.
        rig.peer_says(protocol::LCP, &ControlPacket::new(code::CODE_REJECT, 2, []));
    }
}

#[test]
fn protocol_reject_ends_what_it_is_about() {
    let reject =
        |number: u16| ControlPacket::new(code::PROTOCOL_REJECT, 1, number.to_be_bytes().as_slice());
    for (auth, number) in [(PAP, protocol::PAP), (chap(), protocol::CHAP)] {
        let mut rig = Rig::client();
        rig.open_lcp(Some(auth));
        rig.peer_says(protocol::LCP, &reject(number));
        assert_eq!(rig.down(), Some(&LinkError::AuthUnsupported));
    }
    let mut rig = Rig::up();
    // What we never said, what a peer may not have opened yet, and what is cut off.
    for number in [protocol::CCP, protocol::IPV6CP, protocol::IP, protocol::PAP] {
        rig.peer_says(protocol::LCP, &reject(number));
    }
    rig.peer_says(protocol::LCP, &ControlPacket::new(code::PROTOCOL_REJECT, 1, [0xC0]));
    assert!(rig.down().is_none() && rig.sent.is_empty());
    rig.peer_says(protocol::LCP, &reject(protocol::LCP));
    rig.expect(protocol::LCP, code::TERMINATE_REQUEST);
    while rig.wait() {}
    assert!(rig.down().is_some());
}

#[test]
fn rejects_of_ours_fit_into_the_peers_mru() {
    let mut rig = Rig::client();
    assert_eq!(asks(&mut rig, &LcpOption::Mru(128)).1.code, code::CONFIGURE_ACK);
    rig.peer_says(protocol::LCP, &ControlPacket::new(99, 1, [0; 1000]));
    assert_eq!(rig.expect(protocol::LCP, code::CODE_REJECT).encode().len(), 128);
}

#[test]
fn network_protocol_that_opens_again_and_again_ends_typed() {
    let mut rig = Rig::up();
    for id in 0..100 {
        rig.ipcp(id, &[IpcpOption::Address(THEIRS)]);
        let Some((number, request)) =
            rig.sent.iter().rev().find(|it| it.1.code == code::CONFIGURE_REQUEST).cloned()
        else {
            break;
        };
        rig.sent.clear();
        rig.ack(number, &request);
    }
    assert_eq!(rig.down(), Some(&LinkError::NoAgreement { phase: Phase::Network }));
}

#[test]
fn answer_that_is_slower_than_our_patience_still_counts_and_only_once() {
    let mut rig = Rig::client();
    let first = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    rig.wait();
    assert_eq!(rig.expect(protocol::LCP, code::CONFIGURE_REQUEST), first);
    let rejected = encode_options(&[RawOption::from(&LcpOption::Pfc)]);
    for _ in 0..2 {
        rig.answer(protocol::LCP, code::CONFIGURE_REJECT, &first, &rejected);
    }
    let second = rig.expect(protocol::LCP, code::CONFIGURE_REQUEST);
    assert_ne!(second.identifier, first.identifier);
    assert!(rig.sent.is_empty());
}

//! IPv6CP beside IPCP and alone (RFC 5072).

use super::*;
use crate::codec::ppp::Ipv6cpOption;

const PEER: u64 = 0x0211_22FF_FE33_4455;
const GIVEN: u64 = 0x0000_0000_0000_0A0B;

fn config(v4: bool, v6: bool) -> LinkConfig {
    LinkConfig { families: Families { v4, v6 }, ..LinkConfig::client(ClientConfig::default()) }
}

fn id(packet: &ControlPacket) -> u64 {
    let options = decode_options(&packet.data).unwrap();
    match options.into_iter().map(Ipv6cpOption::from).collect::<Vec<_>>().as_slice() {
        [Ipv6cpOption::InterfaceId(id)] => *id,
        other => panic!("{other:?}"),
    }
}

fn option(id: u64) -> RawOption {
    RawOption::from(&Ipv6cpOption::InterfaceId(id))
}

fn ipv6_of(rig: &Rig) -> Option<(u64, Option<u64>)> {
    rig.events.iter().find_map(|event| match event {
        LinkEvent::Ipv6Up { interface_id, peer } => Some((*interface_id, *peer)),
        _ => None,
    })
}

/// LCP is open, and what was sent last is the request of IPv6CP.
fn asked(rig: &mut Rig) -> ControlPacket {
    rig.open_lcp(None);
    rig.sent.retain(|(number, _)| *number == protocol::IPV6CP);
    rig.expect(protocol::IPV6CP, code::CONFIGURE_REQUEST)
}

#[test]
fn interface_identifier_of_the_network_is_taken() {
    let mut rig = Rig::new(config(false, true));
    let request = asked(&mut rig);
    let proposed = id(&request);
    assert!(proposed != 0 && proposed & 1 << 57 == 0, "nobody's hardware: {proposed:016x}");
    let nak = encode_options(&[option(GIVEN)]);
    rig.answer(protocol::IPV6CP, code::CONFIGURE_NAK, &request, &nak);
    let request = rig.expect(protocol::IPV6CP, code::CONFIGURE_REQUEST);
    assert_eq!(id(&request), GIVEN);
    rig.ack(protocol::IPV6CP, &request);
    rig.peer_asks(protocol::IPV6CP, 1, [option(PEER)].into_iter());
    rig.expect(protocol::IPV6CP, code::CONFIGURE_ACK);
    assert_eq!(ipv6_of(&rig), Some((GIVEN, Some(PEER))));
    assert_eq!(rig.link.phase(), Phase::Open);
}

#[test]
fn peer_with_our_identifier_or_none_is_told_a_better_one() {
    let mut rig = Rig::new(config(false, true));
    let ours = id(&asked(&mut rig));
    for asked in [ours, 0] {
        rig.peer_asks(protocol::IPV6CP, 1, [option(asked)].into_iter());
        let better = id(&rig.expect(protocol::IPV6CP, code::CONFIGURE_NAK));
        assert!(better != 0 && better != ours);
    }
    let compression = RawOption { kind: 2, data: vec![0, 0x4F] };
    rig.peer_asks(protocol::IPV6CP, 2, [option(PEER), compression.clone()].into_iter());
    let reject = rig.expect(protocol::IPV6CP, code::CONFIGURE_REJECT);
    assert_eq!(decode_options(&reject.data), Ok(vec![compression]));
}

#[test]
fn rejected_identifier_stays_ours() {
    let mut rig = Rig::new(config(false, true));
    let request = asked(&mut rig);
    rig.answer(protocol::IPV6CP, code::CONFIGURE_REJECT, &request, &request.data);
    let again = rig.expect(protocol::IPV6CP, code::CONFIGURE_REQUEST);
    assert!(again.data.is_empty());
    rig.ack(protocol::IPV6CP, &again);
    rig.peer_asks(protocol::IPV6CP, 1, std::iter::empty());
    assert_eq!(ipv6_of(&rig), Some((id(&request), None)));
}

#[test]
fn refusal_of_one_version_leaves_the_other() {
    let reject = |number: u16| {
        let data = [&number.to_be_bytes()[..], &[1, 1, 0, 4]].concat();
        ControlPacket::new(code::PROTOCOL_REJECT, 1, data)
    };
    let mut rig = Rig::new(config(true, true));
    rig.open_lcp(None);
    rig.peer_says(protocol::LCP, &reject(protocol::IPV6CP));
    rig.sent.retain(|(number, _)| *number == protocol::IPCP);
    rig.open_ipcp();
    assert_eq!(rig.link.phase(), Phase::Open);
    let refused = |family| LinkEvent::Refused { family, reason: LinkError::IpRejected { family } };
    assert!(rig.events.contains(&refused(Family::V6)));
    assert!(!rig.wait(), "nothing is left to wait for");

    let mut rig = Rig::new(config(true, true));
    let request = asked(&mut rig);
    rig.peer_says(protocol::LCP, &reject(protocol::IPCP));
    rig.ack(protocol::IPV6CP, &request);
    rig.peer_asks(protocol::IPV6CP, 1, [option(PEER)].into_iter());
    assert!(ipv6_of(&rig).is_some() && rig.events.contains(&refused(Family::V4)));

    let mut rig = Rig::new(config(true, true));
    rig.open_lcp(None);
    rig.peer_says(protocol::LCP, &reject(protocol::IPV6CP));
    rig.peer_says(protocol::LCP, &reject(protocol::IPCP));
    assert_eq!(rig.down(), Some(&LinkError::IpRejected { family: Family::V4 }));
}

#[test]
fn version_that_stays_silent_does_not_hold_up_the_other_and_is_given_up() {
    let mut rig = Rig::new(config(true, true));
    rig.open_lcp(None);
    rig.sent.retain(|(number, _)| *number == protocol::IPCP);
    rig.open_ipcp();
    assert!(rig.events.iter().any(|event| matches!(event, LinkEvent::IpUp { .. })));
    let up_after = rig.elapsed();
    while rig.wait() {}
    let reason = LinkError::Timeout { phase: Phase::Network };
    assert_eq!(rig.events.last(), Some(&LinkEvent::Refused { family: Family::V6, reason }));
    assert_eq!(rig.link.phase(), Phase::Open);
    assert!(up_after < Duration::from_secs(1) && rig.elapsed() < Duration::from_secs(40));
}

#[test]
fn packets_travel_under_the_number_of_their_version() {
    let mut rig = Rig::new(config(true, true));
    let request = asked(&mut rig);
    rig.ack(protocol::IPV6CP, &request);
    rig.peer_asks(protocol::IPV6CP, 1, [option(PEER)].into_iter());
    rig.sent.clear();
    rig.link.handle_input(rig.now, Input::Packet(b"\x60packet"));
    let Output::Transmit(octets) =
        std::iter::from_fn(|| Some(rig.link.poll_output())).find(is_octets).unwrap()
    else {
        panic!("no frame")
    };
    assert_eq!(octets.get(3..5), Some(&[0x00, 0x57][..]), "{}", hex::encode(&octets));
    let mut line = Vec::new();
    FrameFormat::default().encode(protocol::IPV6, b"\x60in", &mut line);
    FrameFormat::default().encode(protocol::IPV6, b"\x45in", &mut line);
    FrameFormat::default().encode(protocol::IP, b"\x45in", &mut line);
    rig.input(Input::Octets(&line));
    rig.input(Input::Packet(b"\x45out"));
    rig.input(Input::Packet(b"\x15out"));
    assert_eq!(rig.packets, [b"\x60in"]);
    let stats = rig.link.stats();
    assert_eq!((stats.malformed, stats.untimely), (2, 2));
}

fn is_octets(output: &Output) -> bool {
    matches!(output, Output::Transmit(_))
}

#[test]
fn client_and_server_agree_on_both_versions() {
    let families = Families { v4: true, v6: true };
    let server = LinkConfig { families, ..LinkConfig::server(pair::server(None)) };
    let client = LinkConfig { families, ..config(true, true) };
    let [server, client] = pair::joined(client, server, || 1);
    assert_eq!(ipv6_of(&client), Some((2, Some(1))));
    assert_eq!(ipv6_of(&server), Some((1, Some(2))));
    for end in [server, client] {
        assert!(end.events.iter().any(|event| matches!(event, LinkEvent::IpUp { .. })));
    }
}

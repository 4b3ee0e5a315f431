//! A data call as a whole: octets of the line, through deframer, link and stack; and packets whose
//! checksums are right, so that they reach the TCP of a listener, of a connection that begins, and of one
//! that stands (`connection`).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use mm1gate::codec::ppp::{FrameFormat, protocol};
use mm1gate::model::Random;
use mm1gate::net::stack::{PacketQueue, Stack, StackConfig};
use mm1gate::proto::ppp::{ClientConfig, Families, Input, Link, LinkConfig, Output};

use super::connection;
use super::segment::Segment;

/// Outputs asked for at once; a link that has more never comes to rest.
const MAX_OUTPUTS: usize = 10_000;

/// Packets that one arriving packet may cause.
pub(super) const MAX_PACKETS: usize = 200;

/// Link and stack take any octets, come to rest, and the stack takes any packets.
pub(crate) fn check(octets: &[u8]) {
    check_line(octets);
    check_packets(octets);
    connection::check(octets);
}

pub(super) fn stack() -> (Stack, PacketQueue) {
    Stack::new(StackConfig {
        address: Some(IpAddr::from([10, 0, 0, 2])),
        prefix: 32,
        mtu: 1400,
        any_ip: false,
        name_servers: Vec::new(),
        random: Random::seeded(1),
    })
}

fn check_line(octets: &[u8]) {
    let (_stack, mut queue) = stack();
    let config = LinkConfig {
        families: Families { v4: true, v6: true },
        ..LinkConfig::client(ClientConfig::default())
    };
    let mut link = Link::new(config, 1);
    let mut now = tokio::time::Instant::now().into_std();
    link.handle_input(now, Input::Open);
    // As they are, and each piece as a frame of its own whose checksum is right.
    for piece in octets.chunks(61) {
        let mut line = piece.to_vec();
        let numbers = [
            protocol::LCP,
            protocol::IPCP,
            protocol::IPV6CP,
            protocol::PAP,
            protocol::CHAP,
            protocol::IP,
        ];
        let number = numbers[usize::from(piece[0]) % numbers.len()];
        FrameFormat::default().encode(number, &piece[1..], &mut line);
        link.handle_input(now, Input::Octets(&line));
        let _ = drain(&mut link, &mut queue);
        now += Duration::from_millis(50);
    }
    for _ in 0..1000 {
        let Some(at) = drain(&mut link, &mut queue) else { return };
        now = now.max(at);
        link.handle_input(now, Input::Timeout);
    }
    assert_eq!(drain(&mut link, &mut queue), None, "time-outs without end");
}

fn drain(link: &mut Link, queue: &mut PacketQueue) -> Option<Instant> {
    for _ in 0..MAX_OUTPUTS {
        match link.poll_output() {
            Output::Packet(packet) => queue.deliver(packet),
            Output::Timeout(at) => return Some(at),
            Output::Idle => return None,
            Output::Transmit(_) | Output::Event(_) | Output::Frame(..) => {}
        }
    }
    panic!("outputs without end");
}

/// Each piece is a packet as it stands, and the contents of a TCP segment of a known peer.
fn check_packets(octets: &[u8]) {
    let (stack, mut queue) = stack();
    let _listener = stack.listen(80).expect("a free port");
    queue.configure_ipv6(2);
    let mut delivered = 0;
    for piece in octets.chunks(48) {
        for packet in [piece.to_vec(), segment(piece)] {
            queue.deliver(packet);
            delivered += 1;
            let sent = std::iter::from_fn(|| queue.try_next()).take(MAX_PACKETS).count();
            assert!(sent < MAX_PACKETS, "packets without end");
        }
    }
    let drops = stack.drops();
    let dropped = drops.packets + drops.segments + drops.datagrams + drops.unknown;
    assert!(dropped <= delivered, "{drops:?}");
}

/// A segment to the listener with the flags, numbers and payload of `octets`.
fn segment(octets: &[u8]) -> Vec<u8> {
    let at = |index: usize| octets.get(index).copied().unwrap_or(0);
    Segment {
        port: 50_000,
        // Small numbers, so that some fit each other.
        sequence: u32::from(at(0)),
        acknowledged: u32::from_be_bytes([at(1), at(2), at(3), at(4)]),
        flags: at(5) & 0x3F,
        window: u16::from_be_bytes([at(6), at(7)]),
        urgent: u16::from(at(8)),
        options: &[],
        payload: octets.get(12..).unwrap_or_default(),
    }
    .packet()
}

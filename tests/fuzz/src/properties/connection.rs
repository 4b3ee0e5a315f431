//! A TCP connection that stands, with octets of ours under way, and a peer that says anything: numbers
//! near those that are right, acknowledgements of parts, SACK blocks, windows, resets, urgent
//! pointers, in virtual time (RFC 9293, RFC 2018).

use std::time::Duration;

use mm1gate::net::Stream;
use mm1gate::net::stack::PacketQueue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, advance, timeout, timeout_at};

use super::link::{MAX_PACKETS, stack};
use super::segment::{ACK, RST, SYN, Segment};

/// The peer's port and its first number.
const PORT: u16 = 50_001;
const BEGIN: u32 = 0x7FFF_FF00;
/// Octets of ours that wait to be sent.
const OURS: usize = 20_000;
/// Octets of the input that make one segment without its payload.
const HEAD: usize = 10;
/// How long the peer is silent at the end: longer than octets that it does not acknowledge are kept.
const SILENCE: Duration = Duration::from_secs(1_000);
/// Packets to it meanwhile: all that is under way at each time-out, ever rarer, and a probe every 50 s.
const MAX_TO_NOBODY: usize = 200;

/// What the peer knows of the connection.
struct Peer {
    queue: PacketQueue,
    /// Our first number.
    first: u32,
    /// The number behind the last of our octets that it was sent.
    next: u32,
    /// The number that we expect of it.
    expected: u32,
    /// Octets of payload that it has sent.
    said: usize,
}

impl Peer {
    fn segment<'a>(&self, flags: u8, options: &'a [u8], payload: &'a [u8]) -> Segment<'a> {
        Segment {
            port: PORT,
            sequence: self.expected,
            acknowledged: self.next,
            flags,
            window: 0xFFFF,
            urgent: 0,
            options,
            payload,
        }
    }

    /// Looks at everything that is sent now.
    fn listen(&mut self) {
        let mut packets = 0;
        while let Some(packet) = self.queue.try_next() {
            self.heard(&packet);
            packets += 1;
            assert!(packets < MAX_PACKETS, "packets without end");
        }
    }

    fn heard(&mut self, packet: &[u8]) {
        let header = usize::from(packet[0] & 0x0F) * 4;
        let tcp = &packet[header..];
        let word = |at: usize| u32::from_be_bytes([tcp[at], tcp[at + 1], tcp[at + 2], tcp[at + 3]]);
        let flags = tcp[13];
        if packet[9] != 6 || flags & RST != 0 {
            return;
        }
        let payload = tcp.len() - usize::from(tcp[12] >> 4) * 4;
        let length = payload as u32 + u32::from(flags & SYN != 0) + u32::from(flags & 1);
        let end = word(4).wrapping_add(length);
        if flags & SYN != 0 {
            self.first = word(4);
            self.next = end;
        } else if end.wrapping_sub(self.next) < u32::MAX / 2 {
            self.next = end;
        }
        if flags & ACK != 0 {
            self.expected = word(8);
        }
    }
}

/// The octets as segments of the peer.
pub(super) fn check(octets: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(talk(octets));
}

async fn talk(octets: &[u8]) {
    let (stack, queue) = stack();
    let mut listener = stack.listen(80).expect("a free port");
    let mut peer = Peer { queue, first: 0, next: 0, expected: BEGIN, said: 0 };
    // MSS, SACK permitted, window scale.
    let options = [2, 4, 5, 0x50, 4, 2, 1, 3, 3, 4];
    peer.queue.deliver(peer.segment(SYN, &options, &[]).packet());
    peer.listen();
    peer.queue.deliver(peer.segment(ACK, &[], &[]).packet());
    let accepted = timeout(Duration::from_millis(1), listener.accept()).await;
    let mut stream = accepted.expect("the connection stands").expect("it is taken").stream;
    let sent = timeout(Duration::from_millis(1), stream.write_all(&[0x55; OURS])).await;
    sent.expect("there is room").expect("it is taken");
    peer.listen();
    assert!(peer.next.wrapping_sub(peer.first) > 1_000, "nothing is under way");

    let mut left = octets;
    while !left.is_empty() {
        let (head, rest) = left.split_at(left.len().min(HEAD));
        left = say(&mut peer, head, rest).await;
        read(&mut stream, peer.said).await;
    }
    if octets.first().is_some_and(|first| first & 1 == 1) {
        drop(stream);
    }
    let mut packets = 0;
    let end = Instant::now() + SILENCE;
    while let Ok(packet) = timeout_at(end, peer.queue.next()).await {
        peer.heard(&packet);
        packets += 1;
        assert!(packets < MAX_TO_NOBODY, "a peer that says nothing is sent packets without end");
    }
}

/// One segment by the octets of `head` with a payload from the begin of `rest`, a moment later; what is
/// left of `rest`.
async fn say<'a>(peer: &mut Peer, head: &[u8], rest: &'a [u8]) -> &'a [u8] {
    let at = |index: usize| head.get(index).copied().unwrap_or(0);
    let near = |octet: u8, step: u32| (i32::from(octet as i8) as u32).wrapping_mul(step);
    advance(Duration::from_millis(u64::from(at(0) >> 2) * 20)).await;
    peer.listen();
    let size = rest.len().min(usize::from(at(1) & 0x1F));
    let (payload, rest) = rest.split_at(size);
    // Near the last octet of ours that was sent, or near the first.
    let base = if at(0) & 2 == 0 { peer.next } else { peer.first.wrapping_add(1) };
    let block = |from: u8, length: u8| {
        let left = peer.first.wrapping_add(1).wrapping_add(u32::from(from) * 340);
        [left.to_be_bytes(), left.wrapping_add(u32::from(length) * 340).to_be_bytes()].concat()
    };
    let options = match at(1) >> 5 {
        0..=3 => Vec::new(),
        4 => [&[1, 1, 5, 10][..], &block(at(7), at(8))].concat(),
        5 => [&[1, 1, 5, 18][..], &block(at(7), at(8)), &block(at(9), at(8))].concat(),
        6 => [&[1, 1, 8, 10][..], &[at(7); 8]].concat(),
        // Anything.
        _ => head.get(7..).unwrap_or_default().to_vec(),
    };
    let segment = Segment {
        sequence: peer.expected.wrapping_add(near(at(2), 1)),
        acknowledged: base.wrapping_add(near(at(3), 170)),
        flags: at(4) & 0x3F ^ ACK,
        window: u16::from_be_bytes([at(5), at(6)]) ^ 0x0FFF,
        urgent: u16::from(at(9)),
        ..peer.segment(ACK, &options, payload)
    };
    peer.said += payload.len();
    peer.queue.deliver(segment.packet());
    peer.listen();
    rest
}

/// Reads what there is; no counter passes what there can be.
async fn read(stream: &mut Stream, said: usize) {
    let mut octets = [0; 256];
    let instantly = Duration::from_millis(1);
    while let Ok(Ok(1..)) = timeout(instantly, stream.read(&mut octets)).await {}
    let progress = stream.progress();
    assert!(progress.sent() <= progress.handed(), "{progress:?}");
    assert!(progress.acknowledged() <= progress.handed(), "{progress:?}");
    assert!(progress.received() <= said as u64, "{progress:?} of {said}");
}

//! The sender alone, with segments made by hand.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

use super::super::guard::inspect;
use super::*;

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const THEM: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const MSS: usize = 1460;
const ISN: i32 = -3;

struct Rig {
    sender: Sender,
    now: Instant,
}

/// A segment from us or from them.
fn segment(ours: bool, repr: &TcpRepr<'_>) -> Vec<u8> {
    let (from, to) = if ours { (US, THEM) } else { (THEM, US) };
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Tcp,
        payload_len: repr.buffer_len(),
        hop_limit: 64,
    };
    let mut octets = vec![0; ip.buffer_len() + repr.buffer_len()];
    let checksums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut octets), &checksums);
    let mut tcp = TcpPacket::new_unchecked(&mut octets[ip.buffer_len()..]);
    repr.emit(&mut tcp, &from.into(), &to.into(), &checksums);
    octets
}

fn repr(ours: bool, seq: i32, ack: Option<i32>, payload: &[u8]) -> TcpRepr<'_> {
    let (src_port, dst_port) = if ours { (50_000, 80) } else { (80, 50_000) };
    TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(seq),
        ack_number: ack.map(TcpSeqNumber),
        window_len: 60_000,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    }
}

/// The number of the octet at `offset` of our stream, which wraps near its beginning.
fn at(offset: usize) -> i32 {
    ISN.wrapping_add(1).wrapping_add(i32::try_from(offset).unwrap())
}

impl Rig {
    /// A connection whose handshake took `rtt`.
    fn new(rtt: Duration) -> Self {
        let mut rig = Self { sender: Sender::new(1500), now: Instant::now() };
        let syn = TcpRepr {
            control: TcpControl::Syn,
            sack_permitted: true,
            ..repr(true, ISN, None, &[])
        };
        rig.sender.take(rig.now, segment(true, &syn));
        assert!(rig.sender.next(rig.now).is_some(), "the SYN leaves at once");
        rig.now += rtt;
        let answer = TcpRepr {
            control: TcpControl::Syn,
            sack_permitted: true,
            ..repr(false, 900, Some(at(0)), &[])
        };
        let _ = rig.sender.hear(rig.now, &segment(false, &answer));
        rig
    }

    /// smoltcp makes the segments of that many octets, from `from` on.
    fn offer(&mut self, from: usize, segments: usize) {
        for index in 0..segments {
            let offset = from + index * MSS;
            let payload = vec![0x40 + index as u8; MSS];
            let packet = segment(true, &repr(true, at(offset), Some(901), &payload));
            self.sender.take(self.now, packet);
        }
    }

    /// Offsets that leave by themselves within `time`.
    fn leaves(&mut self, time: Duration) -> Vec<usize> {
        let end = self.now + time;
        let mut found = Vec::new();
        loop {
            while let Some(packet) = self.sender.next(self.now) {
                assert!(inspect(&packet).is_ok());
                let seen = look(&packet).unwrap();
                found.push(seen.seq.wrapping_sub(at(0).cast_unsigned()) as usize);
            }
            match self.sender.due() {
                Some(due) if due <= end => self.now = self.now.max(due),
                _ => break,
            }
        }
        self.now = end;
        found
    }

    fn hear(&mut self, ack: usize, sack: &[(usize, usize)]) {
        let mut ranges = [None; 3];
        for (range, (from, to)) in ranges.iter_mut().zip(sack) {
            *range = Some((at(*from).cast_unsigned(), at(*to).cast_unsigned()));
        }
        let ack = TcpRepr { sack_ranges: ranges, ..repr(false, 901, Some(at(ack)), &[]) };
        let _ = self.sender.hear(self.now, &segment(false, &ack));
    }
}

const RTT: Duration = Duration::from_millis(100);

fn offsets(indices: impl IntoIterator<Item = usize>) -> Vec<usize> {
    indices.into_iter().map(|index| index * MSS).collect()
}

#[test]
fn what_smoltcp_sends_again_ends_here() {
    let mut rig = Rig::new(RTT);
    rig.offer(0, 4);
    assert_eq!(rig.leaves(Duration::from_millis(50)), offsets(0..4));
    rig.offer(0, 4);
    assert_eq!(rig.leaves(Duration::from_millis(20)), [0_usize; 0]);
    // Other cuts of the same octets, with new ones behind: only these are taken.
    let payload = vec![1; 2 * MSS];
    rig.sender.take(rig.now, segment(true, &repr(true, at(3 * MSS), Some(901), &payload)));
    assert_eq!(rig.leaves(Duration::from_millis(20)), offsets([4]));
}

#[test]
fn only_what_is_missing_leaves_again() {
    let mut rig = Rig::new(RTT);
    rig.offer(0, 10);
    assert_eq!(rig.leaves(RTT), offsets(0..10));
    rig.hear(2 * MSS, &[(3 * MSS, 6 * MSS), (7 * MSS, 10 * MSS)]);
    assert_eq!(rig.leaves(Duration::from_millis(20)), offsets([2, 6]));
    rig.hear(10 * MSS, &[]);
    assert_eq!(rig.leaves(Duration::from_secs(30)), [0_usize; 0]);
}

#[test]
fn tail_without_an_answer_is_probed_by_its_last_segment() {
    let mut rig = Rig::new(RTT);
    rig.offer(0, 10);
    assert_eq!(rig.leaves(RTT), offsets(0..10));
    rig.hear(8 * MSS, &[]);
    assert_eq!(rig.leaves(Duration::from_millis(280)), offsets([9]));
    rig.hear(8 * MSS, &[(9 * MSS, 10 * MSS)]);
    assert_eq!(rig.leaves(Duration::from_millis(200)), offsets([8]));
}

#[test]
fn line_that_stood_still_gets_one_segment_twice_and_not_all() {
    let mut rig = Rig::new(RTT);
    rig.offer(0, 4);
    assert_eq!(rig.leaves(RTT), offsets(0..4));
    rig.hear(2 * MSS, &[]);
    rig.offer(4 * MSS, 8);
    let left = rig.leaves(Duration::from_secs(5));
    let again = left.iter().filter(|offset| **offset < 4 * MSS).count();
    assert!(left.contains(&(11 * MSS)) && again <= 4, "{left:?}");
    // Everything was late only, and is acknowledged as it comes.
    for index in 3..=12 {
        rig.hear(index * MSS, &[]);
        rig.now += Duration::from_millis(30);
        assert_eq!(rig.leaves(Duration::from_millis(1)), [0_usize; 0], "after {index}");
    }
}

#[test]
fn fin_that_a_receiver_did_not_keep_with_its_payload_leaves_alone() {
    let mut rig = Rig::new(RTT);
    rig.offer(0, 2);
    let last =
        TcpRepr { control: TcpControl::Fin, ..repr(true, at(2 * MSS), Some(901), &[7; 100]) };
    rig.sender.take(rig.now, segment(true, &last));
    assert_eq!(rig.leaves(RTT), offsets(0..3));
    rig.hear(MSS, &[(2 * MSS, 2 * MSS + 100)]);
    let mut left = rig.leaves(Duration::from_millis(60));
    left.sort_unstable();
    assert_eq!(left, [MSS, 2 * MSS + 100]);
}

#[test]
fn newer_acknowledgement_replaces_one_that_waits_and_one_about_a_gap_does_not() {
    let mut rig = Rig::new(RTT);
    for ack in [1000, 2000, 2000, 3000] {
        rig.sender.take(rig.now, segment(true, &repr(true, at(0), Some(ack), &[])));
    }
    let mut left = Vec::new();
    while let Some(packet) = rig.sender.next(rig.now) {
        left.push(look(&packet).unwrap().ack.unwrap());
    }
    assert_eq!(left, [3000]);
    for ack in [4000, 4000, 4000] {
        rig.sender.take(rig.now, segment(true, &repr(true, at(0), Some(ack), &[])));
    }
    assert_eq!(std::iter::from_fn(|| rig.sender.next(rig.now)).count(), 3);
}

#[test]
fn short_segments_that_wait_leave_as_whole_ones() {
    let mut rig = Rig::new(Duration::from_millis(100));
    rig.offer(0, 20);
    let mut offset = 20 * MSS;
    let mut stream = Vec::new();
    for length in [152, MSS, MSS, 700, 3, MSS] {
        let octets: Vec<u8> = (0..length).map(|at| (offset + at) as u8).collect();
        let made = repr(true, at(offset), Some(901), &octets);
        rig.sender.take(rig.now, segment(true, &made));
        stream.extend(octets);
        offset += length;
    }
    let mut left = Vec::new();
    let mut payloads = Vec::new();
    for _ in 0..200 {
        while let Some(packet) = rig.sender.next(rig.now) {
            assert!(inspect(&packet).is_ok());
            let seen = look(&packet).unwrap();
            let from = seen.seq.wrapping_sub(at(0).cast_unsigned()) as usize;
            if from >= 20 * MSS {
                left.extend_from_slice(&packet[packet.len() - seen.payload..]);
                payloads.push(seen.payload);
            }
            let acknowledged = repr(false, 901, Some(at(from + seen.payload)), &[]);
            rig.now += Duration::from_millis(1);
            let _ = rig.sender.hear(rig.now, &segment(false, &acknowledged));
        }
        rig.now += Duration::from_millis(5);
    }
    assert!(left == stream, "octet for octet");
    assert_eq!(payloads, [MSS, MSS, MSS, 152 + 700 + 3]);
}

#[test]
fn acknowledgement_of_what_still_waits_is_not_believed() {
    let mut rig = Rig::new(Duration::from_millis(100));
    rig.offer(0, 40);
    let left = rig.leaves(Duration::from_millis(50)).len();
    assert!((1..40).contains(&left), "{left} of 40 have left");
    let acknowledged = repr(false, 901, Some(at((left + 1) * MSS)), &[]);
    assert_eq!(rig.sender.hear(rig.now, &segment(false, &acknowledged)), Heard::Unsent);
    let acknowledged = repr(false, 901, Some(at(left * MSS)), &[]);
    assert_eq!(rig.sender.hear(rig.now, &segment(false, &acknowledged)), Heard::Fine);
    assert_eq!(
        rig.leaves(Duration::from_millis(50)).first(),
        Some(&(left * MSS)),
        "nothing is left out"
    );
}

#[test]
fn segments_are_kept_until_a_reset_is_believed() {
    let mut rig = Rig::new(Duration::from_millis(100));
    rig.offer(0, 4);
    assert_eq!(rig.leaves(Duration::from_millis(50)).len(), 4);
    // Its number is not the one expected: smoltcp passes it over.
    let reset = TcpRepr { control: TcpControl::Rst, ..repr(false, 5_000, None, &[]) };
    let (local, remote) = ((US, 50_000).into(), (THEM, 80).into());
    assert_eq!(rig.sender.hear(rig.now, &segment(false, &reset)), Heard::Reset { local, remote });
    assert!(!rig.leaves(Duration::from_secs(10)).is_empty(), "they are sent again");
    rig.sender.forget(local, remote);
    assert_eq!(rig.leaves(Duration::from_secs(10)), Vec::<usize>::new());
}

#[test]
fn only_what_nothing_follows_is_pushed() {
    let mut rig = Rig::new(RTT);
    for index in 0..3 {
        // smoltcp pushes what was the last of its buffer when it left there.
        let payload = [0x40 + index; MSS];
        let repr = TcpRepr {
            control: TcpControl::Psh,
            ..repr(true, at(usize::from(index) * MSS), Some(901), &payload)
        };
        rig.sender.take(rig.now, segment(true, &repr));
    }
    let mut pushed = Vec::new();
    while pushed.len() < 3 {
        match rig.sender.next(rig.now) {
            Some(packet) => {
                assert!(inspect(&packet).is_ok());
                let ip = Ipv4Packet::new_checked(&packet).unwrap();
                pushed.push(TcpPacket::new_checked(ip.payload()).unwrap().psh());
            }
            None => rig.now = rig.now.max(rig.sender.due().expect("more is to leave")),
        }
    }
    assert_eq!(pushed, [false, false, true]);
}

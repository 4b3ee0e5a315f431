//! TCP in an IP packet, as far as the sender looks at it (RFC 9293 clause 3.1, RFC 791, RFC 8200).

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use smoltcp::wire::{IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, TcpSeqNumber};

/// Most ranges that one acknowledgement can name beside its number (RFC 2018 clause 3).
pub(super) const MAX_SACK: usize = 3;

/// One connection, seen from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowKey {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
}

/// What a TCP segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) seq: u32,
    /// Behind the last number that the segment takes, FIN included.
    pub(super) end: u32,
    pub(super) ack: Option<u32>,
    pub(super) window: u16,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    /// Octets of payload.
    pub(super) payload: usize,
    pub(super) sack_permitted: bool,
    pub(super) sack: [Option<(u32, u32)>; MAX_SACK],
}

/// The addresses of a packet and where its TCP segment stands; nothing for fragments, other
/// protocols and IPv6 extension headers.
fn locate(packet: &[u8]) -> Option<(IpAddr, IpAddr, Range<usize>)> {
    match packet.first()? >> 4 {
        4 => {
            let ip = Ipv4Packet::new_checked(packet).ok()?;
            let whole = !ip.more_frags() && ip.frag_offset() == 0;
            let range = usize::from(ip.header_len())..usize::from(ip.total_len());
            (whole && ip.next_header() == IpProtocol::Tcp)
                .then(|| (IpAddr::V4(ip.src_addr()), IpAddr::V4(ip.dst_addr()), range))
        }
        6 => {
            let ip = Ipv6Packet::new_checked(packet).ok()?;
            let range = ip.header_len()..ip.total_len();
            (ip.next_header() == IpProtocol::Tcp)
                .then(|| (IpAddr::V6(ip.src_addr()), IpAddr::V6(ip.dst_addr()), range))
        }
        _ => None,
    }
}

/// Reads a packet; nothing when it carries no whole TCP segment.
pub(super) fn look(packet: &[u8]) -> Option<Seen> {
    let (source, destination, range) = locate(packet)?;
    let tcp = TcpPacket::new_checked(packet.get(range)?).ok()?;
    let seq = number(tcp.seq_number());
    let length = u32::try_from(tcp.segment_len()).ok()?;
    Some(Seen {
        from: SocketAddr::new(source, tcp.src_port()),
        to: SocketAddr::new(destination, tcp.dst_port()),
        seq,
        end: seq.wrapping_add(length),
        ack: tcp.ack().then(|| number(tcp.ack_number())),
        window: tcp.window_len(),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload().len(),
        sack_permitted: tcp.selective_ack_permitted().unwrap_or(false),
        sack: tcp.selective_ack_ranges().unwrap_or_default(),
    })
}

/// Gives a kept segment the acknowledgement and window of today, and has the far end push it only
/// where nothing follows at once (RFC 9293 clause 3.9.1.2): Linux acknowledges every segment that is
/// pushed as soon as it was read, each of which costs airtime and a wake-up, and else every second.
pub(super) fn refresh(packet: &mut [u8], ack: u32, window: u16, push: bool) {
    change(packet, |tcp| {
        tcp.set_psh(push);
        tcp.set_ack_number(TcpSeqNumber(ack.cast_signed()));
        tcp.set_window_len(window);
    });
}

/// The rest of a segment, from the octet `skip` of its payload on.
pub(super) fn without_front(packet: &[u8], skip: usize) -> Option<Vec<u8>> {
    let (.., range) = locate(packet)?;
    let tcp = TcpPacket::new_checked(packet.get(range.clone())?).ok()?;
    let (header, seq) = (usize::from(tcp.header_len()), tcp.seq_number());
    let rest = tcp.payload().get(skip..)?;
    let mut octets = packet.get(..range.start + header)?.to_vec();
    octets.extend_from_slice(rest);
    set_length(&mut octets, range.start)?;
    change(&mut octets, |tcp| tcp.set_seq_number(seq + skip));
    Some(octets)
}

/// A segment with more octets behind its payload.
pub(super) fn with_more(packet: &[u8], more: &[u8]) -> Option<Vec<u8>> {
    let (.., range) = locate(packet)?;
    let mut octets = Vec::with_capacity(packet.len() + more.len());
    octets.extend_from_slice(packet.get(..range.end)?);
    octets.extend_from_slice(more);
    set_length(&mut octets, range.start)?;
    change(&mut octets, |tcp| tcp.set_psh(true));
    Some(octets)
}

/// The payload of a segment.
pub(super) fn payload(packet: &[u8]) -> Option<&[u8]> {
    let (.., range) = locate(packet)?;
    let segment = packet.get(range)?;
    let header = usize::from(TcpPacket::new_checked(segment).ok()?.header_len());
    segment.get(header..)
}

/// Writes the length of a packet into its IP header of so many octets.
fn set_length(octets: &mut [u8], header: usize) -> Option<()> {
    let length = u16::try_from(octets.len()).ok()?;
    if octets.first()? >> 4 == 4 {
        let mut ip = Ipv4Packet::new_unchecked(octets);
        ip.set_total_len(length);
        ip.fill_checksum();
    } else {
        let header = u16::try_from(header).ok()?;
        Ipv6Packet::new_unchecked(octets).set_payload_len(length - header);
    }
    Some(())
}

fn change(packet: &mut [u8], what: impl FnOnce(&mut TcpPacket<&mut [u8]>)) {
    let Some((source, destination, range)) = locate(packet) else { return };
    let Some(octets) = packet.get_mut(range) else { return };
    let mut tcp = TcpPacket::new_unchecked(octets);
    what(&mut tcp);
    tcp.fill_checksum(&IpAddress::from(source), &IpAddress::from(destination));
}

const fn number(seq: TcpSeqNumber) -> u32 {
    seq.0.cast_unsigned()
}

/// Whether `a` comes before `b` (RFC 9293 clause 3.4).
pub(super) const fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

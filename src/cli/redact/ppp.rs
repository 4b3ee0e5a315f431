//! PPP frames without what is private (RFC 1661 and those that follow it): negotiations keep their
//! options, names, passwords and free text are hidden, IP packets keep their headers and what is
//! known to be harmless behind them. Checksums are made anew.

use smoltcp::wire::{
    Icmpv4Packet, Icmpv6Packet, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

use super::Packet;
use super::mask;
use super::streams::{Segment, Streams};

/// Address and control, protocol.
const HEADER: usize = 4;
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const IPCP: u16 = 0x8021;
const IPV6CP: u16 = 0x8057;
const LCP: u16 = 0xC021;
const PAP: u16 = 0xC023;
const CHAP: u16 = 0xC223;

/// Codes of LCP and the control protocols (RFC 1661 section 5).
const CONFIGURE: std::ops::RangeInclusive<u8> = 1..=4;
const ECHO: std::ops::RangeInclusive<u8> = 9..=11;
const PROTOCOL_REJECT: u8 = 8;
/// Options of LCP that may stay: MRU, ACCM, authentication, quality, magic number, compressions,
/// FCS, callback (without where to), and the like.
const LCP_OPTIONS: &[u8] = &[1, 2, 3, 4, 5, 7, 8, 9];
/// Options of IPCP: addresses, compression, address, name servers.
const IPCP_OPTIONS: &[u8] = &[1, 2, 3, 129, 130, 131, 132];
/// The interface identifier.
const IPV6CP_OPTIONS: &[u8] = &[1];

const DNS_PORT: u16 = 53;
/// Octets of an ICMP header; behind it stand octets of somebody's packet.
const ICMP_HEADER: usize = 8;
/// Router and neighbour discovery (RFC 4861).
const DISCOVERY: std::ops::RangeInclusive<u8> = 133..=136;

/// Hides what is private in a frame; what TCP carries waits for the whole of its connection.
pub(super) fn hide(index: usize, packet: &mut Packet, streams: &mut Streams) {
    let whole = packet.octets.len() == packet.original;
    let Some((&mut [0xFF, 0x03, high, low], rest)) =
        packet.octets.split_first_chunk_mut::<HEADER>()
    else {
        return mask::wholly(&mut packet.octets);
    };
    match u16::from_be_bytes([high, low]) {
        IPV4 | IPV6 => ip(index, rest, whole, streams),
        LCP => control(rest, LCP_OPTIONS, true),
        IPCP => control(rest, IPCP_OPTIONS, false),
        IPV6CP => control(rest, IPV6CP_OPTIONS, false),
        PAP => pap(rest),
        CHAP => chap(rest),
        // Control protocols have a code, an identifier and a length.
        protocol if protocol >= 0x8000 => behind(rest, 4),
        _ => mask::wholly(rest),
    }
}

/// Makes the checksums of a frame right again.
pub(super) fn mend(packet: &mut Packet) {
    if packet.octets.len() != packet.original {
        return;
    }
    let Some((&mut [0xFF, 0x03, 0x00, 0x21 | 0x57], rest)) =
        packet.octets.split_first_chunk_mut::<HEADER>()
    else {
        return;
    };
    let Some(place) = locate(rest) else { return };
    if let (IpAddress::Ipv4(_), Ok(mut ip)) = (place.from, Ipv4Packet::new_checked(&mut *rest)) {
        ip.fill_checksum();
    }
    let Some(inner) = rest.get_mut(place.payload.clone()).filter(|_| place.whole) else { return };
    match place.protocol {
        IpProtocol::Tcp if TcpPacket::new_checked(&*inner).is_ok() => {
            TcpPacket::new_unchecked(inner).fill_checksum(&place.from, &place.to);
        }
        IpProtocol::Udp => {
            if let Ok(mut udp) = UdpPacket::new_checked(inner)
                && udp.checksum() != 0
            {
                udp.fill_checksum(&place.from, &place.to);
            }
        }
        IpProtocol::Icmp if inner.len() >= ICMP_HEADER => {
            Icmpv4Packet::new_unchecked(inner).fill_checksum();
        }
        IpProtocol::Icmpv6 if inner.len() >= ICMP_HEADER => {
            if let (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) = (place.from, place.to) {
                Icmpv6Packet::new_unchecked(inner).fill_checksum(&from, &to);
            }
        }
        _ => {}
    }
}

/// Hides everything from an octet on.
fn behind(octets: &mut [u8], from: usize) {
    if let Some(rest) = octets.get_mut(from..) {
        mask::wholly(rest);
    } else {
        mask::wholly(octets);
    }
}

/// A packet of LCP or of a network control protocol.
fn control(octets: &mut [u8], kept: &[u8], is_lcp: bool) {
    let Some(&[code, _, high, low]) = octets.first_chunk::<4>() else {
        return mask::wholly(octets);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let end = length.clamp(4, octets.len());
    mask::wholly(&mut octets[end..]);
    let body = &mut octets[4..end];
    if CONFIGURE.contains(&code) {
        let mut at = 0;
        while let Some(&[kind, length]) = body.get(at..at + 2) {
            let length = usize::from(length);
            let Some(value) = body.get_mut(at + 2..at + length).filter(|_| length >= 2) else {
                break;
            };
            // The longest of those that stay has six octets.
            if !kept.contains(&kind) || value.len() > 8 {
                mask::wholly(value);
            }
            at += length;
        }
        mask::wholly(&mut body[at..]);
    } else if is_lcp && ECHO.contains(&code) {
        // The magic number.
        behind(body, 4.min(body.len()));
    } else if is_lcp && code == PROTOCOL_REJECT {
        behind(body, 2.min(body.len()));
    } else {
        mask::wholly(body);
    }
}

/// RFC 1334 section 2: lengths stay.
fn pap(octets: &mut [u8]) {
    let Some(&[code, ..]) = octets.first_chunk::<4>() else { return mask::wholly(octets) };
    let mut at = 4;
    // Name and password, or a message.
    for _ in 0..if code == 1 { 2 } else { 1 } {
        let Some(&length) = octets.get(at) else { return };
        let end = (at + 1 + usize::from(length)).min(octets.len());
        mask::wholly(&mut octets[at + 1..end]);
        at = end;
    }
    mask::wholly(&mut octets[at..]);
}

/// RFC 1994 section 4: of a challenge and a response the size of the value stays.
fn chap(octets: &mut [u8]) {
    match octets.first_chunk::<5>() {
        Some(&[1 | 2, _, _, _, _]) => behind(octets, 5),
        Some(_) => behind(octets, 4),
        None => {}
    }
}

/// Where an IP packet has what.
struct Place {
    from: IpAddress,
    to: IpAddress,
    protocol: IpProtocol,
    payload: std::ops::Range<usize>,
    /// No fragment.
    whole: bool,
}

fn locate(octets: &[u8]) -> Option<Place> {
    match octets.first()? >> 4 {
        4 => {
            let ip = Ipv4Packet::new_checked(octets).ok()?;
            let payload = usize::from(ip.header_len())..usize::from(ip.total_len());
            Some(Place {
                from: ip.src_addr().into(),
                to: ip.dst_addr().into(),
                protocol: ip.next_header(),
                whole: payload.start <= payload.end && !ip.more_frags() && ip.frag_offset() == 0,
                payload,
            })
        }
        6 => {
            let ip = Ipv6Packet::new_checked(octets).ok()?;
            Some(Place {
                from: ip.src_addr().into(),
                to: ip.dst_addr().into(),
                protocol: ip.next_header(),
                payload: ip.header_len()..ip.total_len(),
                whole: true,
            })
        }
        _ => None,
    }
}

fn ip(index: usize, octets: &mut [u8], whole: bool, streams: &mut Streams) {
    let Some(place) = locate(octets) else { return mask::wholly(octets) };
    if octets.first().is_some_and(|octet| octet >> 4 == 4)
        && let Some(options) = octets.get_mut(20..place.payload.start)
    {
        // No operation, all of them.
        options.fill(1);
    }
    mask::wholly(octets.get_mut(place.payload.end..).unwrap_or_default());
    let Some(inner) = octets.get_mut(place.payload.clone()) else { return };
    if !(whole && place.whole) {
        return mask::wholly(inner);
    }
    match place.protocol {
        IpProtocol::Tcp => tcp(index, &place, inner, streams),
        IpProtocol::Udp => udp(inner),
        IpProtocol::Icmp => behind(inner, ICMP_HEADER),
        IpProtocol::Icmpv6 if inner.first().is_some_and(|kind| DISCOVERY.contains(kind)) => {}
        IpProtocol::Icmpv6 => behind(inner, ICMP_HEADER),
        _ => mask::wholly(inner),
    }
}

fn tcp(index: usize, place: &Place, inner: &mut [u8], streams: &mut Streams) {
    let Ok(segment) = TcpPacket::new_checked(&*inner) else { return mask::wholly(inner) };
    let end = |address: IpAddress, port: u16| {
        let mut end = match address {
            IpAddress::Ipv4(address) => address.octets().to_vec(),
            IpAddress::Ipv6(address) => address.octets().to_vec(),
        };
        end.extend(port.to_be_bytes());
        end
    };
    let way = (end(place.from, segment.src_port()), end(place.to, segment.dst_port()));
    let header = usize::from(segment.header_len());
    let (syn, ack, seq) = (segment.syn(), segment.ack(), segment.seq_number().0.cast_unsigned());
    let length = inner.len().saturating_sub(header);
    if syn {
        streams.begin(way.clone(), seq, ack);
    }
    if length > 0 {
        let seq = if syn { seq.wrapping_add(1) } else { seq };
        let at = HEADER + place.payload.start + header;
        streams.add(way, Segment { packet: index, at, length, seq });
    }
}

fn udp(inner: &mut [u8]) {
    let Ok(packet) = UdpPacket::new_checked(&*inner) else { return mask::wholly(inner) };
    let is_dns = packet.src_port() == DNS_PORT || packet.dst_port() == DNS_PORT;
    let end = usize::from(packet.len());
    mask::wholly(&mut inner[end..]);
    let payload = &mut inner[8..end];
    if !is_dns || dns(payload).is_none() {
        mask::wholly(payload);
    }
}

/// RFC 1035 section 4: names, types and addresses stay. Nothing when it is no message.
fn dns(octets: &mut [u8]) -> Option<()> {
    let count =
        |at: usize| Some(usize::from(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?)));
    let (questions, records) = (count(4)?, count(6)? + count(8)? + count(10)?);
    let mut at = 12;
    let mut hidden = Vec::new();
    for _ in 0..questions {
        at = name(octets, at, &mut hidden)? + 4;
    }
    for _ in 0..records {
        at = name(octets, at, &mut hidden)?;
        let &[kind_high, kind_low, _, _, _, _, _, _, high, low] =
            octets.get(at..)?.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let data = at + 10..at + 10 + length;
        octets.get(data.clone())?;
        match (u16::from_be_bytes([kind_high, kind_low]), length) {
            // A and AAAA.
            (1, 4) | (28, 16) => {}
            // CNAME.
            (5, _) => {
                if name(octets, data.start, &mut hidden)? != data.end {
                    return None;
                }
            }
            _ => hidden.push(data.clone()),
        }
        at = data.end;
    }
    if at != octets.len() {
        return None;
    }
    for range in hidden {
        mask::wholly(octets.get_mut(range)?);
    }
    Some(())
}

/// What is behind a name; labels that may hold somebody's number are to be hidden.
fn name(octets: &[u8], mut at: usize, hidden: &mut Vec<std::ops::Range<usize>>) -> Option<usize> {
    loop {
        let length = usize::from(*octets.get(at)?);
        match length {
            0 => return Some(at + 1),
            0xC0.. => return (at + 2 <= octets.len()).then_some(at + 2),
            64.. => return None,
            _ => {}
        }
        let label = octets.get(at + 1..at + 1 + length)?;
        if label.iter().filter(|octet| octet.is_ascii_digit()).count() >= mask::SHORTEST {
            hidden.push(at + 1..at + 1 + length);
        }
        at += 1 + length;
    }
}

//! What may reach smoltcp: packets whose lengths and checksums hold. Everything else ends here and is
//! counted.

use smoltcp::wire::{
    Icmpv4Packet, Icmpv6Packet, IpAddress, IpProtocol, Ipv4Packet, Ipv6Packet, TcpPacket, UdpPacket,
};

/// Why a packet goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// No IP packet: version, lengths or the header's checksum.
    Packet,
    /// Lengths or checksum of the TCP segment, or an acknowledgement of what was not sent.
    Segment,
    /// Lengths or checksum of the datagram or of the ICMP message.
    Datagram,
    /// A protocol or extension header that nobody here speaks.
    Unknown,
}

/// Packets that arrived over a link and were dropped because of what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// No IP packets: version, lengths or the header's checksum.
    pub packets: u64,
    /// TCP segments of impossible lengths, with a wrong checksum, or that acknowledge what was not
    /// sent.
    pub segments: u64,
    /// Datagrams and ICMP messages of impossible lengths or with a wrong checksum.
    pub datagrams: u64,
    /// Packets of protocols, or with extension headers, that nobody here speaks.
    pub unknown: u64,
}

impl Drops {
    pub(super) const fn count(&mut self, flaw: Flaw) {
        match flaw {
            Flaw::Packet => self.packets += 1,
            Flaw::Segment => self.segments += 1,
            Flaw::Datagram => self.datagrams += 1,
            Flaw::Unknown => self.unknown += 1,
        }
    }
}

/// Looks whether a packet is whole.
pub(super) fn inspect(packet: &[u8]) -> Result<(), Flaw> {
    match packet.first().ok_or(Flaw::Packet)? >> 4 {
        4 => {
            let ip = Ipv4Packet::new_checked(packet).map_err(|_| Flaw::Packet)?;
            if usize::from(ip.header_len()) < 20 || !ip.verify_checksum() {
                return Err(Flaw::Packet);
            }
            if ip.more_frags() || ip.frag_offset() != 0 {
                // Only all of them together can be looked at.
                return Ok(());
            }
            let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
            content(ip.next_header(), ip.payload(), from, to)
        }
        6 => {
            let ip = Ipv6Packet::new_checked(packet).map_err(|_| Flaw::Packet)?;
            let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
            content(ip.next_header(), ip.payload(), from, to)
        }
        _ => Err(Flaw::Packet),
    }
}

fn content(kind: IpProtocol, octets: &[u8], from: IpAddress, to: IpAddress) -> Result<(), Flaw> {
    match (kind, from, to) {
        (IpProtocol::Tcp, ..) => {
            let tcp = TcpPacket::new_checked(octets).map_err(|_| Flaw::Segment)?;
            let sound = tcp.header_len() >= 20 && tcp.verify_checksum(&from, &to);
            sound.then_some(()).ok_or(Flaw::Segment)
        }
        (IpProtocol::Udp, ..) => {
            let udp = UdpPacket::new_checked(octets).map_err(|_| Flaw::Datagram)?;
            // IPv6 knows no datagram without a checksum (RFC 8200 section 8.1).
            let left_out = udp.checksum() == 0 && matches!(from, IpAddress::Ipv4(_));
            (left_out || udp.verify_checksum(&from, &to)).then_some(()).ok_or(Flaw::Datagram)
        }
        (IpProtocol::Icmp, IpAddress::Ipv4(_), _) => {
            let icmp = Icmpv4Packet::new_checked(octets).map_err(|_| Flaw::Datagram)?;
            icmp.verify_checksum().then_some(()).ok_or(Flaw::Datagram)
        }
        (IpProtocol::Icmpv6, IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => {
            let icmp = Icmpv6Packet::new_checked(octets).map_err(|_| Flaw::Datagram)?;
            icmp.verify_checksum(&from, &to).then_some(()).ok_or(Flaw::Datagram)
        }
        _ => Err(Flaw::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_packets_of_each_kind_are_told_apart() {
        // An ACK from 10.0.0.1:80 to 10.0.0.2:49152 (RFC 791, RFC 9293), and an echo request.
        let segment = hex::decode(
            "4500002800000000400666ce0a0000010a0000020050c00000000001000000025010ffff0000000008000000",
        )
        .unwrap();
        let mut ip = segment.get(..40).unwrap().to_vec();
        Ipv4Packet::new_unchecked(&mut ip).fill_checksum();
        let (from, to) = (IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2));
        TcpPacket::new_unchecked(&mut ip[20..]).fill_checksum(&from, &to);
        assert_eq!(inspect(&ip), Ok(()));
        for (at, flaw) in [(0, Flaw::Packet), (12, Flaw::Packet), (24, Flaw::Segment)] {
            let mut damaged = ip.clone();
            damaged[at] ^= 0x10;
            assert_eq!(inspect(&damaged), Err(flaw), "{at}");
        }
        for (kind, flaw) in [(17, Flaw::Datagram), (1, Flaw::Datagram), (47, Flaw::Unknown)] {
            let mut other = ip.clone();
            other[9] = kind;
            Ipv4Packet::new_unchecked(&mut other).fill_checksum();
            assert_eq!(inspect(&other), Err(flaw), "{kind}");
        }
        for end in 0..ip.len() {
            assert!(inspect(&ip[..end]).is_err(), "{end}");
        }
    }
}

//! Holds TCP segments below a size of the owner's choice, both ways, where a path loses larger
//! packets in silence: the MSS that either side names in its SYN is lowered (RFC 9293 section
//! 3.7.1), as routers do.

/// Kind of the option (RFC 9293 section 3.2).
const MSS: u8 = 2;
const NO_OPERATION: u8 = 1;
const END: u8 = 0;

const TCP: u8 = 6;
const SYN: u8 = 0x02;

/// Lowers the MSS of a SYN to `limit`; leaves every other packet as it is, malformed ones included.
pub(super) fn clamp(packet: &mut [u8], limit: u16) {
    // Fragments carry no whole header, and nobody fragments a SYN.
    let tcp = match packet.first().map(|octet| octet >> 4) {
        Some(4) if packet.get(9) == Some(&TCP) => usize::from(packet[0] & 0x0F) * 4,
        Some(6) if packet.get(6) == Some(&TCP) => 40,
        _ => return,
    };
    let Some(segment) = packet.get_mut(tcp..) else { return };
    let (Some(&offset), Some(&flags)) = (segment.get(12), segment.get(13)) else { return };
    let end = usize::from(offset >> 4) * 4;
    if flags & SYN == 0 || end > segment.len() {
        return;
    }
    let mut at = 20;
    while at < end {
        let length = match segment[at] {
            END => return,
            NO_OPERATION => 1,
            kind => {
                let length = segment.get(at + 1).map_or(0, |length| usize::from(*length));
                if kind == MSS && length == 4 && at + 4 <= end {
                    return lower(segment, at + 2, limit);
                }
                length
            }
        };
        if length == 0 {
            return;
        }
        at += length;
    }
}

fn lower(segment: &mut [u8], at: usize, limit: u16) {
    let before = u16::from_be_bytes([segment[at], segment[at + 1]]);
    // 0 stands for nothing and is not made anything.
    if before <= limit {
        return;
    }
    segment[at..at + 2].copy_from_slice(&limit.to_be_bytes());
    let sum = u16::from_be_bytes([segment[16], segment[17]]);
    // An option may begin at an odd octet: then its halves stand in two words of the sum.
    let (from, to) = if at.is_multiple_of(2) {
        (before, limit)
    } else {
        (before.swap_bytes(), limit.swap_bytes())
    };
    // RFC 1624 equation 3.
    let total = u32::from(!sum) + u32::from(!from) + u32::from(to);
    let folded = (total & 0xFFFF) + (total >> 16);
    let folded = (folded & 0xFFFF) + (folded >> 16);
    let sum = !u16::try_from(folded).unwrap_or(u16::MAX);
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::{IpAddress, Ipv4Packet, TcpPacket};

    use super::*;

    const FROM: IpAddress = IpAddress::v4(10, 0, 0, 2);
    const TO: IpAddress = IpAddress::v4(10, 0, 0, 1);

    fn is_sound(packet: &[u8]) -> bool {
        TcpPacket::new_checked(&packet[20..]).unwrap().verify_checksum(&FROM, &TO)
    }

    /// A SYN with these options between two hosts, its checksums right.
    fn syn(options: &[u8]) -> Vec<u8> {
        let mut tcp =
            vec![0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0, SYN, 0xFF, 0xFF, 0, 0, 0, 0];
        tcp.extend_from_slice(options);
        tcp[12] = u8::try_from(tcp.len() / 4).unwrap() << 4;
        TcpPacket::new_unchecked(&mut tcp).fill_checksum(&FROM, &TO);
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
        packet.extend_from_slice(&tcp);
        let length = u16::try_from(packet.len()).unwrap();
        let mut ip = Ipv4Packet::new_unchecked(&mut packet);
        ip.set_total_len(length);
        ip.fill_checksum();
        packet
    }

    #[test]
    fn mss_of_a_syn_is_lowered_and_the_checksum_holds() {
        for (options, at) in [
            (&[2, 4, 0x05, 0x78, 1, 1, 4, 2][..], 42),
            // At an odd octet.
            (&[1, 2, 4, 0x05, 0xB4, 1, 4, 2], 43),
            (&[4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 0xFF, 0xFF], 54),
        ] {
            let mut packet = syn(options);
            assert!(is_sound(&packet));
            clamp(&mut packet, 1_200);
            assert_eq!(packet[at..at + 2], 1_200_u16.to_be_bytes(), "{options:?}");
            assert!(is_sound(&packet), "{options:?}");
        }
    }

    #[test]
    fn smaller_mss_other_packets_and_nonsense_stay_as_they_are() {
        let mut others = vec![
            syn(&[2, 4, 0x02, 0x18]),
            syn(&[0, 4, 0x05, 0x78]),
            syn(&[2, 0, 0, 0]),
            syn(&[2, 9, 0xFF, 0xFF]),
            syn(&[1, 1, 1, 2]),
            syn(&[]),
            Vec::new(),
            vec![0x4F],
            vec![0x45; 30],
            vec![0x60; 30],
        ];
        let mut data = syn(&[2, 4, 0x05, 0x78]);
        data[33] = 0x10;
        others.push(data);
        for mut packet in others {
            let before = packet.clone();
            clamp(&mut packet, 1_200);
            assert_eq!(packet, before);
            // Cut anywhere.
            for end in 0..before.len() {
                clamp(&mut before[..end].to_vec(), 600);
            }
        }
    }
}

//! TCP segments over IPv4 whose lengths and checksums are right (RFC 9293 clause 3.1, RFC 791 clause
//! 3.1), from 10.0.0.1 to port 80 of 10.0.0.2.

/// SYN, RST and ACK in [`Segment::flags`].
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;

/// What is in one.
pub(super) struct Segment<'a> {
    pub(super) port: u16,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) urgent: u16,
    /// At most 40 octets; filled up with ends of the list.
    pub(super) options: &'a [u8],
    pub(super) payload: &'a [u8],
}

impl Segment<'_> {
    /// The IPv4 packet.
    pub(super) fn packet(&self) -> Vec<u8> {
        let mut options =
            self.options.get(..self.options.len().min(40)).unwrap_or_default().to_vec();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = u8::try_from(5 + options.len() / 4).unwrap_or(5);
        let mut tcp = self.port.to_be_bytes().to_vec();
        tcp.extend([0, 80]);
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledged.to_be_bytes());
        tcp.extend([words << 4, self.flags]);
        tcp.extend(self.window.to_be_bytes());
        tcp.extend([0, 0]);
        tcp.extend(self.urgent.to_be_bytes());
        tcp.extend(options);
        tcp.extend(self.payload);
        let length = u16::try_from(20 + tcp.len()).unwrap_or(0);
        let mut ip = vec![0x45, 0];
        ip.extend(length.to_be_bytes());
        ip.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let header = checksum(&ip);
        ip[10..12].copy_from_slice(&header.to_be_bytes());
        let pseudo = [&ip[12..20], &[0, 6], &(length - 20).to_be_bytes()].concat();
        let sum = checksum(&[&pseudo[..], &tcp].concat());
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        [ip, tcp].concat()
    }
}

/// RFC 1071.
fn checksum(octets: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for two in octets.chunks(2) {
        sum += u32::from(two[0]) << 8 | u32::from(two.get(1).copied().unwrap_or(0));
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

//! What IPv6 says on a link with two ends: router and neighbor discovery (RFC 4861, RFC 8106,
//! RFC 8781) and stateless DHCPv6 (RFC 8415).

use std::net::Ipv6Addr;

use smoltcp::wire::{Icmpv6Packet, IpAddress, IpProtocol, Ipv6Packet, UdpPacket};

use super::super::nat64::Prefix;

/// All nodes and all routers of the link (RFC 4291 section 2.7.1), and all DHCP servers (RFC 8415
/// section 7.1).
pub(super) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 1);
pub(super) const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 0, 2);
pub(super) const ALL_DHCP_SERVERS: Ipv6Addr = Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 1, 2);

/// Ports of DHCPv6 (RFC 8415 section 7.2).
pub(super) const DHCP_CLIENT: u16 = 546;
pub(super) const DHCP_SERVER: u16 = 547;

/// ICMPv6 types (RFC 4861 section 4).
pub(super) const ROUTER_SOLICITATION: u8 = 133;
pub(super) const ROUTER_ADVERTISEMENT: u8 = 134;
pub(super) const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;

/// DHCPv6 message types (RFC 8415 section 7.3).
pub(super) const REPLY: u8 = 7;
pub(super) const INFORMATION_REQUEST: u8 = 11;

/// DHCPv6 options (RFC 8415 section 21, RFC 3646).
const CLIENT_ID: u16 = 1;
const SERVER_ID: u16 = 2;
const OPTION_REQUEST: u16 = 6;
const ELAPSED_TIME: u16 = 8;
const DNS_SERVERS: u16 = 23;

/// Options of router advertisements.
const PREFIX_INFORMATION: u8 = 3;
const MTU: u8 = 5;
const RDNSS: u8 = 25;
const PREF64: u8 = 38;

/// Name servers that are taken from one message.
const MAX_SERVERS: usize = 8;

const HEADER: usize = 40;
const UDP_HEADER: usize = 8;

/// A packet that discovery or DHCPv6 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard<'a> {
    pub(super) from: Ipv6Addr,
    pub(super) what: What<'a>,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// The message with its type and code.
    Discovery(&'a [u8]),
    /// The DHCPv6 message.
    Dhcp(&'a [u8]),
    /// One that is damaged or came from beyond the link.
    Unsound,
}

/// Looks whether a packet is about discovery or DHCPv6 for `port`.
pub(super) fn hear(packet: &[u8], port: u16) -> Option<Heard<'_>> {
    let ip = Ipv6Packet::new_checked(packet).ok()?;
    let (from, to) = (ip.src_addr(), ip.dst_addr());
    let payload = ip.payload();
    let what = match ip.next_header() {
        IpProtocol::Icmpv6 if matches!(payload.first(), Some(ROUTER_SOLICITATION..=REDIRECT)) => {
            let sound = Icmpv6Packet::new_checked(payload)
                .is_ok_and(|icmp| icmp.msg_code() == 0 && icmp.verify_checksum(&from, &to));
            // Who can send with 255 is on the link (RFC 4861 section 6.1).
            if sound && ip.hop_limit() == 255 { What::Discovery(payload) } else { What::Unsound }
        }
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(payload).ok()?;
            if udp.dst_port() != port {
                return None;
            }
            let sound = udp.verify_checksum(&IpAddress::from(from), &IpAddress::from(to));
            if sound { What::Dhcp(udp.payload()) } else { What::Unsound }
        }
        _ => return None,
    };
    Some(Heard { from, what })
}

/// What a router tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Advertisement {
    /// More by DHCPv6 (flag O, or M, which includes it).
    pub(super) other_by_dhcp: bool,
    /// The network's 64 bits for addresses that the host makes itself.
    pub(super) prefix: Option<Ipv6Addr>,
    pub(super) mtu: Option<u32>,
    pub(super) name_servers: Vec<Ipv6Addr>,
    /// Of the NAT64 (RFC 8781).
    pub(super) nat64: Option<Prefix>,
}

impl Advertisement {
    /// Reads a router advertisement whose checksum is right; nothing when an option's length is
    /// impossible (RFC 4861 section 6.1.2).
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let flags = *message.get(5)?;
        let mut rest = message.get(16..)?;
        let mut read = Self { other_by_dhcp: flags & 0xC0 != 0, ..Self::default() };
        while let [kind, units, ..] = rest {
            let (option, behind) = rest.split_at_checked(usize::from(*units) * 8)?;
            if option.is_empty() {
                return None;
            }
            match *kind {
                PREFIX_INFORMATION => read.prefix = prefix(option).or(read.prefix),
                MTU => read.mtu = word(option, 4).or(read.mtu),
                RDNSS if word(option, 4)? > 0 => read.add_servers(option.get(8..)?),
                PREF64 => read.nat64 = pref64(option).or(read.nat64),
                _ => {}
            }
            rest = behind;
        }
        rest.is_empty().then_some(read)
    }

    fn add_servers(&mut self, octets: &[u8]) {
        let room = MAX_SERVERS.saturating_sub(self.name_servers.len());
        self.name_servers.extend(addresses(octets).take(room));
    }

    /// The message's octets, checksum zero.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut octets = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, 64];
        octets.push(if self.other_by_dhcp { 0x40 } else { 0 });
        // The router is there for two hours.
        octets.extend_from_slice(&7200_u16.to_be_bytes());
        octets.extend_from_slice(&[0; 8]);
        if let Some(prefix) = self.prefix {
            // On the air nobody else has it: autonomous, and not on the link (3GPP TS 29.061 clause
            // 11.2.1.3.4).
            octets.extend_from_slice(&[PREFIX_INFORMATION, 4, 64, 0x40]);
            octets.extend_from_slice(&[0xFF; 8]);
            octets.extend_from_slice(&[0; 4]);
            octets.extend_from_slice(&prefix.octets());
        }
        if let Some(mtu) = self.mtu {
            octets.extend_from_slice(&[MTU, 1, 0, 0]);
            octets.extend_from_slice(&mtu.to_be_bytes());
        }
        if !self.name_servers.is_empty() {
            let units = u8::try_from(self.name_servers.len() * 2 + 1).unwrap_or(u8::MAX);
            octets.extend_from_slice(&[RDNSS, units, 0, 0]);
            octets.extend_from_slice(&7200_u32.to_be_bytes());
            octets.extend(self.name_servers.iter().flat_map(Ipv6Addr::octets));
        }
        octets
    }
}

/// The prefix of an option that allows addresses of one's own making; on cellular links it always
/// has 64 bits (RFC 6459 section 5.2).
fn prefix(option: &[u8]) -> Option<Ipv6Addr> {
    let autonomous = option.get(3)? & 0x40 != 0;
    if option.len() != 32 || *option.get(2)? != 64 || !autonomous || word(option, 4)? == 0 {
        return None;
    }
    let prefix = addresses(option.get(16..)?).next()?;
    let usable =
        !prefix.is_unicast_link_local() && !prefix.is_multicast() && prefix.segments()[0] != 0;
    usable.then_some(prefix)
}

/// The option of RFC 8781 section 4: thirteen bits of lifetime, three for the length.
fn pref64(option: &[u8]) -> Option<Prefix> {
    let [_, 2, high, low, octets @ ..] = option else { return None };
    let scaled = u16::from_be_bytes([*high, *low]);
    let bits = *[96, 64, 56, 48, 40, 32].get(usize::from(scaled & 7))?;
    let mut address = [0; 16];
    address.get_mut(..12)?.copy_from_slice(octets.get(..12)?);
    (scaled >> 3 > 0).then(|| Prefix::new(Ipv6Addr::from(address), bits))?
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    octets.get(at..)?.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Addresses that a single host can have.
fn addresses(octets: &[u8]) -> impl Iterator<Item = Ipv6Addr> {
    octets
        .chunks_exact(16)
        .filter_map(|address| <[u8; 16]>::try_from(address).ok().map(Ipv6Addr::from))
        .filter(|address| !address.is_multicast() && !address.is_unspecified())
}

/// A router solicitation, checksum zero.
pub(super) const fn solicitation() -> [u8; 8] {
    [ROUTER_SOLICITATION, 0, 0, 0, 0, 0, 0, 0]
}

/// The answer to a neighbor solicitation that asks for one of `ours`, as a packet.
pub(super) fn neighbor_advertisement(heard: &Heard<'_>, ours: &[Ipv6Addr]) -> Option<Vec<u8>> {
    let What::Discovery(message) = heard.what else { return None };
    let target = addresses(message.get(8..24)?).next()?;
    if !ours.contains(&target) {
        return None;
    }
    let asks_whether_free = heard.from.is_unspecified();
    // Solicited and override, or override alone (RFC 4861 section 7.2.4).
    let flags = if asks_whether_free { 0x20 } else { 0x60 };
    let mut answer = vec![NEIGHBOR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    answer.extend_from_slice(&target.octets());
    Some(icmp(target, if asks_whether_free { ALL_NODES } else { heard.from }, &answer))
}

/// An Information-request for name servers: RFC 8415 section 18.2.6. The DUID is of the kind that
/// needs no hardware (type 4).
pub(super) fn information_request(
    transaction: [u8; 3],
    duid: [u8; 16],
    hundredths: u16,
) -> Vec<u8> {
    let mut octets = vec![INFORMATION_REQUEST];
    octets.extend_from_slice(&transaction);
    let duid = [&[0, 4], &duid[..]].concat();
    put(&mut octets, CLIENT_ID, &duid);
    put(&mut octets, ELAPSED_TIME, &hundredths.to_be_bytes());
    put(&mut octets, OPTION_REQUEST, &DNS_SERVERS.to_be_bytes());
    octets
}

/// The answer of a server that has these name servers.
pub(super) fn information_reply(request: &[u8], name_servers: &[Ipv6Addr]) -> Option<Vec<u8>> {
    let [INFORMATION_REQUEST, a, b, c, options @ ..] = request else { return None };
    let mut octets = vec![REPLY, *a, *b, *c];
    if let Some(client) = find(options, CLIENT_ID) {
        put(&mut octets, CLIENT_ID, client);
    }
    put(&mut octets, SERVER_ID, &[0, 3, 0, 1, 2, 0, 0, 0, 0, 1]);
    let servers: Vec<u8> = name_servers.iter().flat_map(Ipv6Addr::octets).collect();
    put(&mut octets, DNS_SERVERS, &servers);
    Some(octets)
}

/// The name servers of a reply to this transaction.
pub(super) fn replied_servers(message: &[u8], transaction: [u8; 3]) -> Option<Vec<Ipv6Addr>> {
    let [REPLY, a, b, c, options @ ..] = message else { return None };
    if [*a, *b, *c] != transaction {
        return None;
    }
    let servers = find(options, DNS_SERVERS).unwrap_or_default();
    Some(addresses(servers).take(MAX_SERVERS).collect())
}

fn put(octets: &mut Vec<u8>, option: u16, data: &[u8]) {
    octets.extend_from_slice(&option.to_be_bytes());
    octets.extend_from_slice(&u16::try_from(data.len()).unwrap_or(0).to_be_bytes());
    octets.extend_from_slice(data);
}

fn find(mut options: &[u8], wanted: u16) -> Option<&[u8]> {
    while let [a, b, c, d, rest @ ..] = options {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (data, behind) = rest.split_at_checked(length)?;
        if u16::from_be_bytes([*a, *b]) == wanted {
            return Some(data);
        }
        options = behind;
    }
    None
}

/// A packet with an ICMPv6 message whose checksum is still zero.
pub(super) fn icmp(from: Ipv6Addr, to: Ipv6Addr, message: &[u8]) -> Vec<u8> {
    let mut packet = headed(from, to, IpProtocol::Icmpv6, message.len());
    packet.extend_from_slice(message);
    if let Some(octets) = packet.get_mut(HEADER..) {
        Icmpv6Packet::new_unchecked(octets).fill_checksum(&from, &to);
    }
    packet
}

/// A packet with a datagram.
pub(super) fn datagram(from: (Ipv6Addr, u16), to: (Ipv6Addr, u16), payload: &[u8]) -> Vec<u8> {
    let length = UDP_HEADER + payload.len();
    let mut packet = headed(from.0, to.0, IpProtocol::Udp, length);
    packet.extend_from_slice(&[0; UDP_HEADER]);
    packet.extend_from_slice(payload);
    if let Some(octets) = packet.get_mut(HEADER..) {
        let mut udp = UdpPacket::new_unchecked(octets);
        udp.set_src_port(from.1);
        udp.set_dst_port(to.1);
        udp.set_len(u16::try_from(length).unwrap_or(u16::MAX));
        udp.fill_checksum(&IpAddress::from(from.0), &IpAddress::from(to.0));
    }
    packet
}

fn headed(from: Ipv6Addr, to: Ipv6Addr, next: IpProtocol, length: usize) -> Vec<u8> {
    let mut packet = vec![0; HEADER];
    let mut ip = Ipv6Packet::new_unchecked(&mut packet);
    ip.set_version(6);
    ip.set_payload_len(u16::try_from(length).unwrap_or(u16::MAX));
    ip.set_next_header(next);
    ip.set_hop_limit(255);
    ip.set_src_addr(from);
    ip.set_dst_addr(to);
    packet
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4861 section 4.2 by hand: hop limit 64, O, lifetime 1800 s; prefix 2001:db8:1:2::/64 with A;
    /// MTU 1280; RDNSS 2001:db8::53 and ::54; PREF64 64:ff9b::/96 for 600 s.
    const ADVERTISEMENT: &str = "8600000040400708000000000000000003044040ffffffffffffffff00000000\
        20010db8000100020000000000000000050100000000050019050000ffffffff\
        20010db800000000000000000000005320010db8000000000000000000000054\
        260202580064ff9b0000000000000000";

    fn octets() -> Vec<u8> {
        hex::decode(ADVERTISEMENT).unwrap()
    }

    #[test]
    fn advertisement_is_read_as_the_rfcs_say() {
        let read = Advertisement::read(&octets()).unwrap();
        let address = |text: &str| text.parse::<Ipv6Addr>().unwrap();
        assert!(read.other_by_dhcp);
        assert_eq!(read.prefix, Some(address("2001:db8:1:2::")));
        assert_eq!(read.mtu, Some(1280));
        assert_eq!(read.name_servers, [address("2001:db8::53"), address("2001:db8::54")]);
        assert_eq!(read.nat64, Prefix::new(address("64:ff9b::"), 96));
        let written = Advertisement { nat64: None, ..read.clone() };
        assert_eq!(Advertisement::read(&written.write()), Some(written));
    }

    #[test]
    fn impossible_lengths_and_unusable_prefixes_are_not_taken() {
        for cut in 17..octets().len() {
            if ![16, 48, 56, 96].contains(&cut) {
                assert_eq!(Advertisement::read(&octets()[..cut]), None, "{cut}");
            }
        }
        let mut endless = octets();
        endless[17] = 0;
        assert_eq!(Advertisement::read(&endless), None, "an option of no length");
        // 48 bits, not autonomous, link-local, expired.
        for (at, value) in [(18, 48), (19, 0x80), (32, 0xFE)] {
            let mut other = octets();
            other[at] = value;
            other[33] = if at == 32 { 0x80 } else { other[33] };
            assert_eq!(Advertisement::read(&other).unwrap().prefix, None, "{at}");
        }
        let mut expired = octets();
        expired[20..24].fill(0);
        assert_eq!(Advertisement::read(&expired).unwrap().prefix, None);
    }

    #[test]
    fn replies_of_other_transactions_and_kinds_tell_nothing() {
        let request = information_request([1, 2, 3], [7; 16], 0);
        let servers = ["2001:db8::53".parse().unwrap()];
        let reply = information_reply(&request, &servers).unwrap();
        assert_eq!(replied_servers(&reply, [1, 2, 3]), Some(servers.to_vec()));
        assert_eq!(replied_servers(&reply, [1, 2, 4]), None);
        assert_eq!(replied_servers(&request, [1, 2, 3]), None);
        assert_eq!(information_reply(&reply, &servers), None);
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_not(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Advertisement::read(&octets);
            let _ = replied_servers(&octets, [0; 3]);
            let _ = information_reply(&octets, &[]);
            let _ = hear(&octets, DHCP_CLIENT);
        }
    }
}

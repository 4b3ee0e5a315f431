//! The operator's name server: answers A questions from a table, and on a network with IPv6 alone
//! AAAA questions with addresses of its NAT64 (RFC 1035 clause 4, RFC 6147, RFC 7050).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest query looked at, octets; RFC 1035 clause 2.3.4 allows 512 over UDP.
const MAX_QUERY: usize = 512;
/// Longest name, RFC 1035 clause 2.3.4.
const MAX_NAME: usize = 255;
const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
/// The name by which a host learns the NAT64's prefix, and its addresses (RFC 7050).
const IPV4_ONLY: (&str, [Ipv4Addr; 2]) =
    ("ipv4only.arpa", [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)]);
const CLASS_IN: u16 = 1;
/// Seconds that an answer may be kept.
const TTL: [u8; 4] = [0, 0, 0, 60];

/// The reply to one query; nothing for what is no query. `nat64` is the prefix of 96 bits that stands
/// before IPv4 addresses, where there is one.
pub(super) fn answer(
    query: &[u8],
    names: &[(String, Ipv4Addr)],
    nat64: Option<Ipv6Addr>,
) -> Option<Vec<u8>> {
    let header = query.get(..HEADER)?;
    // A response, another operation, or not exactly one question: not for us.
    let flags = *header.get(2)?;
    if query.len() > MAX_QUERY || flags & 0xf8 != 0 || header.get(4..6)? != [0, 1] {
        return None;
    }
    let (name, rest) = name(query.get(HEADER..)?)?;
    let kind = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
    let class = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
    let question_end = query.len() - rest.len() + 4;
    let mut known: Vec<Ipv4Addr> = names
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(&name))
        .map(|(_, address)| *address)
        .collect();
    if name.eq_ignore_ascii_case(IPV4_ONLY.0) {
        known.extend(IPV4_ONLY.1);
    }
    let addresses: Vec<Vec<u8>> = match (kind, nat64) {
        (TYPE_A, _) if class == CLASS_IN => {
            known.iter().map(|address| address.octets().to_vec()).collect()
        }
        (TYPE_AAAA, Some(prefix)) if class == CLASS_IN => {
            let behind = |address: &Ipv4Addr| {
                [prefix.octets().get(..12).unwrap_or_default(), &address.octets()].concat()
            };
            known.iter().map(behind).collect()
        }
        _ => Vec::new(),
    };
    let code = if known.is_empty() { 3 } else { 0 };
    let mut reply = Vec::with_capacity(MAX_QUERY);
    reply.extend_from_slice(header.get(..2)?);
    // Response, authoritative, recursion as desired and available.
    reply.extend_from_slice(&[0x84 | flags & 0x01, 0x80 | code]);
    reply.extend_from_slice(&[0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
    reply.extend_from_slice(query.get(HEADER..question_end)?);
    for address in addresses {
        // The name as a pointer to the question.
        reply.extend_from_slice(&[0xc0, 12]);
        reply.extend_from_slice(&kind.to_be_bytes());
        reply.extend_from_slice(&CLASS_IN.to_be_bytes());
        reply.extend_from_slice(&TTL);
        reply.extend_from_slice(&[0, u8::try_from(address.len()).ok()?]);
        reply.extend_from_slice(&address);
    }
    Some(reply)
}

/// A name without compression, and what follows it.
fn name(octets: &[u8]) -> Option<(String, &[u8])> {
    let mut text = String::new();
    let mut rest = octets;
    loop {
        let (length, after) = rest.split_first()?;
        match usize::from(*length) {
            0 => return Some((text, after)),
            length @ 1..=63 => {
                let label = after.get(..length)?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(std::str::from_utf8(label).ok()?);
                if text.len() > MAX_NAME {
                    return None;
                }
                rest = after.get(length..)?;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u16) -> Vec<u8> {
        let mut octets = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            octets.push(u8::try_from(label.len()).unwrap());
            octets.extend_from_slice(label.as_bytes());
        }
        octets.push(0);
        octets.extend_from_slice(&kind.to_be_bytes());
        octets.extend_from_slice(&[0, 1]);
        octets
    }

    #[test]
    fn known_name_gives_its_address_and_unknown_name_does_not_exist() {
        let names = [("mmsc.example".to_owned(), Ipv4Addr::new(10, 1, 1, 2))];
        let reply = answer(&query("MMSC.example", 1), &names, None).unwrap();
        assert_eq!(&reply[..4], [0x12, 0x34, 0x85, 0x80]);
        assert_eq!(&reply[reply.len() - 4..], [10, 1, 1, 2]);
        let reply = answer(&query("other.example", 1), &names, None).unwrap();
        assert_eq!(reply[3] & 0x0f, 3);
        let reply = answer(&query("mmsc.example", 28), &names, None).unwrap();
        assert_eq!((reply[3] & 0x0f, reply[7]), (0, 0), "AAAA: the name exists, no address");
        let prefix = Some("64:ff9b::".parse().unwrap());
        let reply = answer(&query("mmsc.example", 28), &names, prefix).unwrap();
        assert_eq!(
            &reply[reply.len() - 18..],
            hex::decode("00100064ff9b00000000000000000a010102").unwrap()
        );
        let reply = answer(&query("ipv4only.arpa", 28), &names, prefix).unwrap();
        assert_eq!((reply[7], &reply[reply.len() - 4..]), (2, &[192, 0, 0, 171][..]));
    }

    #[test]
    fn broken_queries_are_ignored_whatever_they_hold() {
        let good = query("mmsc.example", 1);
        for end in 0..good.len() {
            assert_eq!(answer(&good[..end], &[], None), None);
        }
        let mut looped = good;
        looped[12] = 0xc0;
        assert_eq!(answer(&looped, &[], None), None);
    }
}

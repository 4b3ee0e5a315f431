//! IP addresses as modems write them, and the name servers among them (3GPP TS 27.007 clauses 8.62,
//! `+CGPIAF`, and 10.1.23, `+CGCONTRDP`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::fields::Field;
use super::response::lists;

/// Name servers read from one answer: two for each version of IP.
const MAX_NAME_SERVERS: usize = 4;

/// The name servers that `+CGCONTRDP` tells of the context `cid`, in the modem's order and without
/// those that say "none" by zeros.
///
/// Behind identifier, bearer and access point stand the own address with its mask, the gateway and
/// both servers; before release 9.4 the mask was a parameter of its own. A context for both versions
/// of IP has a line for each.
#[must_use]
pub fn name_servers(lines: &[String], cid: u8) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for list in lists(lines, "+CGCONTRDP:") {
        if list.first().and_then(Field::number::<u8>) != Some(cid) {
            continue;
        }
        let at = |index: usize| list.get(index).and_then(|field| address(field.text));
        let first = if at(4).is_some_and(is_mask) { 6 } else { 5 };
        for server in [at(first), at(first + 1)].into_iter().flatten() {
            let new = !server.is_unspecified() && !found.contains(&server);
            if new && found.len() < MAX_NAME_SERVERS {
                found.push(server);
            }
        }
    }
    found
}

/// An address with dots (4 or 16 numbers) or colons; a mask behind it is passed over, which stands
/// behind one more dot, a space or a slash.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.split([' ', '/']).next().unwrap_or(text);
    if text.contains(':') {
        return text.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    // Zeros may stand in front of a number.
    let numbers: Vec<u8> =
        text.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let v4 = |four: &[u8]| <[u8; 4]>::try_from(four).ok().map(|four| Ipv4Addr::from(four).into());
    let v6 = |all: &[u8]| <[u8; 16]>::try_from(all).ok().map(|all| Ipv6Addr::from(all).into());
    match numbers.len() {
        4 => v4(&numbers),
        16 => v6(&numbers),
        8 => numbers.get(..4).and_then(v4),
        32 => numbers.get(..16).and_then(v6),
        _ => None,
    }
}

/// Ones and then zeros: what no gateway has as its address, since it would be a group's.
fn is_mask(address: IpAddr) -> bool {
    let (ones, leading) = match address {
        IpAddr::V4(v4) => (v4.to_bits().count_ones(), v4.to_bits().leading_ones()),
        IpAddr::V6(v6) => (v6.to_bits().count_ones(), v6.to_bits().leading_ones()),
    };
    leading >= 8 && ones == leading
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        name_servers(&lines, 5).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn servers_stand_behind_gateway_whether_the_mask_has_its_own_place_or_not() {
        for line in [
            "+CGCONTRDP: 5,7,\"mms.mnc001.mcc001.gprs\",\"10.6.4.2.255.255.255.0\",\"10.6.4.1\",\"10.9.8.53\",\"10.9.8.54\",\"10.9.8.60\"",
            "+CGCONTRDP: 5,7,\"mms\",\"10.6.4.2\",\"10.6.4.1\",\"10.9.8.53\",\"10.9.8.54\"",
            "+CGCONTRDP: 5,7,\"mms\",,,\"10.9.8.53\",\"10.9.8.54\",\"10.9.8.60\",\"10.9.8.61\",0,0",
            // Before release 9.4.
            "+CGCONTRDP: 5,7,\"mms\",\"10.6.4.2\",\"255.255.255.252\",\"10.6.4.1\",\"10.9.8.53\",\"10.9.8.54\",\"10.9.8.60\"",
            // Without quotation marks, with zeros in front.
            "+cgcontrdp: 5, 7, mms, 010.006.004.002, 010.006.004.001, 010.009.008.053, 010.009.008.054",
        ] {
            assert_eq!(read(&[line]), ["10.9.8.53", "10.9.8.54"], "{line}");
        }
    }

    #[test]
    fn ipv6_is_read_with_dots_and_with_colons() {
        let dots = "+CGCONTRDP: 5,7,\"mms\",\"32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.2.255.255.255.255.255.255.255.255.0.0.0.0.0.0.0.0\",\"254.128.0.0.0.0.0.0.0.0.0.0.0.0.0.1\",\"32.1.13.184.0.83.0.0.0.0.0.0.0.0.0.1\",\"32.1.13.184.0.83.0.0.0.0.0.0.0.0.0.2\"";
        let colons = "+CGCONTRDP: 5,7,\"mms\",\"2001:DB8::2/64\",\"FE80::1\",\"2001:0DB8:0053::0001\",\"2001:db8:53::2\"";
        let space = "+CGCONTRDP: 5,7,\"mms\",\"2001:DB8::2 FFFF:FFFF:FFFF:FFFF::\",\"FE80::1\",\"2001:DB8:53::1\",\"2001:DB8:53::2\"";
        let apart = "+CGCONTRDP: 5,7,\"mms\",\"2001:DB8::2\",\"FFFF:FFFF:FFFF:FFFF::\",\"FE80::1\",\"2001:DB8:53::1\",\"2001:DB8:53::2\"";
        for line in [dots, colons, space, apart] {
            assert_eq!(read(&[line]), ["2001:db8:53::1", "2001:db8:53::2"], "{line}");
        }
    }

    #[test]
    fn both_lines_of_a_context_count_and_those_of_others_do_not() {
        let v4 = "+CGCONTRDP: 5,7,\"mms\",\"\",\"\",\"10.9.8.53\",\"0.0.0.0\"";
        let v6 = "+CGCONTRDP: 5,7,\"mms\",\"\",\"\",\"2001:db8:53::1\",\"::\"";
        let other = "+CGCONTRDP: 1,5,\"internet\",\"\",\"\",\"192.0.2.53\"";
        assert_eq!(read(&[other, v4, v6, v4]), ["10.9.8.53", "2001:db8:53::1"]);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for line in [
            "+CGCONTRDP: 5,7,\"mms\"",
            "+CGCONTRDP: 5,7,\"mms\",\"10.6.4.2\",\"10.6.4.1\",\"\",\"\"",
            "+CGCONTRDP: 5,7,\"mms\",\"10.6.4.2\",\"10.6.4.1\",\"10.9.8\",\"10.9.8.256\"",
            "+CGCONTRDP: 5,7,\"mms\",\"10.6.4.2\",\"10.6.4.1\",\"fe80::1%eth0\",\"dns.example\"",
            "+CGCONTRDP: (5,6)",
            "+CGCONTRDP:",
            "OK",
        ] {
            assert_eq!(read(&[line]), [""; 0], "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_gives_few_servers(
            lines in proptest::collection::vec("[0-9:.,\"/ a-fA-F]{0,80}", 0..8),
        ) {
            let lines: Vec<String> =
                lines.iter().map(|line| format!("+CGCONTRDP: 5,{line}")).collect();
            prop_assert!(name_servers(&lines, 5).len() <= MAX_NAME_SERVERS);
        }
    }
}

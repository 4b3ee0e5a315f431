//! Host against router, and against routers that do not play by the rules (RFC 4861, RFC 8415).

use super::*;

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn config() -> RouterConfig {
    RouterConfig {
        prefix: v6("2001:db8:1:2::"),
        mtu: Some(1400),
        name_servers: vec![v6("2001:db8::53")],
        servers_by_dhcp: false,
    }
}

fn host(now: Instant) -> Host {
    Host::new(now, 0x0A0B, &Random::seeded(1))
}

/// Moves packets until neither has any.
fn talk(now: Instant, host: &mut Host, router: &mut Router) -> usize {
    let mut packets = 0;
    loop {
        if let Some(packet) = host.next(now) {
            assert!(router.hear(&packet));
        } else if let Some(packet) = router.to_send.pop_front() {
            assert!(host.hear(now, &packet));
        } else {
            return packets;
        }
        packets += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn prefix_mtu_and_name_servers_come_with_the_advertisement() {
    let now = Instant::now();
    let mut host = host(now);
    let mut router = Router::new(1, config());
    assert_eq!(host.addresses(), [v6("fe80::a0b")]);
    talk(now, &mut host, &mut router);
    assert_eq!(host.address, Some(v6("2001:db8:1:2::a0b")));
    assert_eq!((host.mtu, host.name_servers.as_slice()), (Some(1400), &[v6("2001:db8::53")][..]));
    assert!(host.is_settled());
    assert_eq!(host.solicit_at, None);
}

#[tokio::test(start_paused = true)]
async fn name_servers_are_asked_for_where_the_router_tells_none() {
    let now = Instant::now();
    let mut host = host(now);
    let mut router = Router::new(1, RouterConfig { servers_by_dhcp: true, ..config() });
    let advertisement = router.to_send.pop_front().unwrap();
    host.hear(now, &advertisement);
    assert!(host.address.is_some() && !host.is_settled(), "without name servers nobody is found");
    talk(now, &mut host, &mut router);
    assert!(host.is_settled());
    assert_eq!(host.name_servers, [v6("2001:db8::53")]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_asked_again_ever_more_rarely_and_name_servers_are_done_without() {
    let mut now = Instant::now();
    let mut host = host(now);
    let mut at = Vec::new();
    while at.len() < 7 {
        let packet = host.next(now).unwrap();
        assert_eq!(packet.get(40), Some(&wire::ROUTER_SOLICITATION));
        assert_eq!((packet.get(7), packet.get(24..26)), (Some(&255), Some(&[0xFF, 0x02][..])));
        at.push(now);
        now = host.solicit_at.unwrap();
    }
    let pauses: Vec<u64> = at.windows(2).map(|two| (two[1] - two[0]).as_secs()).collect();
    assert_eq!(pauses, [4, 4, 4, 8, 16, 32]);

    let silent = RouterConfig { servers_by_dhcp: true, ..config() };
    host.hear(now, &Router::new(1, silent).to_send.pop_front().unwrap());
    let begun = now;
    let mut asked = 0;
    while let Some(due) = host.ask_at {
        now = now.max(due);
        asked += u32::from(host.next(now).is_some());
    }
    assert!(host.is_settled() && host.name_servers.is_empty());
    assert_eq!((asked, (now - begun).as_secs()), (ASKS, 1 + 2 + 4 + 8 + 16));
}

#[tokio::test(start_paused = true)]
async fn what_comes_from_beyond_the_link_or_is_damaged_is_counted_and_not_believed() {
    let now = Instant::now();
    let advertisement = Router::new(1, config()).to_send.pop_front().unwrap();
    let mut routed = advertisement.clone();
    routed[7] = 254;
    let mut damaged = advertisement.clone();
    damaged[60] ^= 1;
    let told = Advertisement { prefix: Some(config().prefix), ..Advertisement::default() };
    let foreign = wire::icmp(v6("2001:db8::1"), wire::ALL_NODES, &told.write());
    let mut host = host(now);
    for packet in [routed, damaged, foreign] {
        assert!(host.hear(now, &packet));
    }
    assert_eq!((host.address, host.unsound), (None, 3));
    let small = Advertisement { mtu: Some(576), ..told };
    host.hear(now, &wire::icmp(v6("fe80::1"), wire::ALL_NODES, &small.write()));
    assert_eq!(host.mtu, None, "no IPv6 link has so small packets");
    assert!(!host.hear(now, b"\x60 no packet at all"));
}

#[tokio::test(start_paused = true)]
async fn neighbor_that_asks_for_us_is_answered() {
    let now = Instant::now();
    let mut host = host(now);
    let mut ask = vec![wire::NEIGHBOR_SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
    ask.extend(v6("fe80::a0b").octets());
    host.hear(now, &wire::icmp(v6("fe80::1"), v6("fe80::a0b"), &ask));
    let answer = host.next(now).unwrap();
    assert_eq!(answer.get(24..40), Some(&v6("fe80::1").octets()[..]));
    assert_eq!((answer.get(40), answer.get(44)), (Some(&136), Some(&0x60)));
    ask[23] ^= 1;
    host.hear(now, &wire::icmp(v6("fe80::1"), v6("fe80::a0b"), &ask));
    assert!(host.to_send.is_empty(), "somebody else");
}

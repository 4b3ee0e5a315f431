//! Calls with IPv6 as Wireshark reads them: IPv6CP (RFC 5072), router solicitation and advertisement
//! with prefix and name servers (RFC 4861, RFC 8106), stateless DHCPv6 (RFC 8415), names and TCP
//! through the NAT64: nothing malformed, no wrong checksum.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::bearer::{Bearer, BearerConfig, BearerError, CallLabel};
use mm1gate::model::{Clock, Random, StageSink, Tap, TapDirection, TapEvent, Timestamp};
use mm1gate::net::pump::{FrameSink, Pump};
use mm1gate::net::stack::{Stack, StackConfig};
use mm1gate::proto::ppp::{Families, Link, LinkConfig, ServerConfig};
use mm1gate::sim::{Operator, PortRole};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::tshark::{Capture, Row, Wrap};

const LIMIT: Duration = Duration::from_secs(20);

/// Every PPP frame, by whom it was sent.
#[derive(Default)]
struct Frames(Mutex<Vec<(TapDirection, Vec<u8>)>>);

impl Tap for Frames {
    fn observe(&self, event: TapEvent<'_>) {
        self.0.lock().unwrap().push((event.direction, event.octets.to_vec()));
    }
}

/// A call with IPv6 alone in which a name is resolved and the proxy answers.
async fn call(operator: &Operator) -> Vec<(TapDirection, Vec<u8>)> {
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    port.write_all(b"ATE0+CGDCONT=2,\"IPV6\",\"mms.example\"\rATD*99***2#\r").await.unwrap();
    let mut heard = String::new();
    let mut octet = [0; 1];
    while !heard.ends_with("CONNECT 150000000\r\n") {
        timeout(LIMIT, port.read_exact(&mut octet)).await.expect(&heard).unwrap();
        heard.push(char::from(octet[0]));
    }
    let frames = Arc::new(Frames::default());
    let families = Families { v4: false, v6: true };
    let bearer = Bearer::up(
        port,
        BearerConfig { families, ..BearerConfig::default() },
        CallLabel { modem: "virtual".into(), call: 1 },
        frames.clone(),
        Clock::starting_at(Timestamp::from_secs(1_800_000_000)),
        Random::seeded(6),
        StageSink::none(),
    )
    .await
    .expect("IPv6 is up");
    let net = bearer.net();
    net.resolve("mmsc.example", LIMIT).await.expect("the name is known");
    let proxy = SocketAddr::from(([10, 1, 1, 1], 8080));
    let mut stream = net.connect(proxy, LIMIT).await.expect("through the NAT64");
    stream.write_all(b"GET http://mmsc.example/nothing HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1."));
    bearer.down().await;
    std::mem::take(&mut *frames.0.lock().unwrap())
}

/// A network that speaks IPv6CP and has no router.
async fn call_without_a_router() -> Vec<(TapDirection, Vec<u8>)> {
    let (near, far) = tokio::io::duplex(4096);
    let families = Families { v4: false, v6: true };
    let server = ServerConfig::new([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
    let server = LinkConfig { families, ..LinkConfig::server(server) };
    let (_stack, queue) = Stack::new(StackConfig {
        address: None,
        prefix: 32,
        mtu: 1500,
        any_ip: false,
        name_servers: Vec::new(),
        random: Random::seeded(2),
    });
    let (pump, _handle) = Pump::new(far, Link::new(server, 7), queue, FrameSink::none());
    let network = tokio::spawn(pump.run());
    let frames = Arc::new(Frames::default());
    let up_limit = Duration::from_secs(30);
    let failed = Bearer::up(
        near,
        BearerConfig { families, up_limit, ..BearerConfig::default() },
        CallLabel { modem: "virtual".into(), call: 1 },
        frames.clone(),
        Clock::starting_at(Timestamp::from_secs(1_800_000_000)),
        Random::seeded(6),
        StageSink::none(),
    )
    .await
    .expect_err("there is no prefix");
    assert_eq!(failed.error, BearerError::NoIpv6Prefix { seconds: 30 });
    network.abort();
    std::mem::take(&mut *frames.0.lock().unwrap())
}

fn capture(frames: &[(TapDirection, Vec<u8>)]) -> Capture {
    let octets: Vec<&[u8]> = frames.iter().map(|(_, octets)| octets.as_slice()).collect();
    Capture::of_packets(Wrap::LinkType(9), &octets)
        .with_option("tcp.check_checksum:TRUE")
        .with_option("udp.check_checksum:TRUE")
}

/// Nothing malformed, no wrong checksum, nothing that Wireshark calls an error.
fn assert_sound(capture: &Capture) {
    for protocol in ["icmpv6", "udp", "tcp"] {
        let wrong = format!("{protocol}.checksum.status == 0");
        assert_eq!(count(capture, &wrong), 0, "{}", capture.text(&wrong, protocol));
    }
    capture.assert_well_formed();
    let complaints = "_ws.expert.severity == error";
    let text = || capture.text(complaints, "ipv6,icmpv6,dhcpv6,dns");
    assert_eq!(count(capture, complaints), 0, "{}", text());
}

/// The number of packets that a filter lets through.
fn count(capture: &Capture, filter: &str) -> usize {
    capture.fields(filter, &["frame.number"]).len()
}

#[tokio::test(start_paused = true)]
#[ignore = "needs tshark"]
async fn tshark_reads_ipv6cp_router_advertisements_and_dhcpv6_without_a_complaint() {
    let operator = Operator::builder()
        .ip_versions(Families { v4: false, v6: true })
        .random(Random::seeded(5))
        .clock(Clock::starting_at(Timestamp::from_secs(1_800_000_000)))
        .start();
    // The router of the first call names the server, of the second one DHCPv6 does.
    for by_dhcp in [false, true] {
        let frames = call(&operator).await;
        let capture = capture(&frames);

        // Both sides ask for an interface identifier and agree to the other's, which is what the
        // link-local addresses behind end with.
        for code in [1, 2] {
            let filter = format!("ipv6cp && ppp.code == {code}");
            let numbers = capture.fields(&filter, &["frame.number"]);
            for direction in [TapDirection::Sent, TapDirection::Received] {
                let of = |row: &Row| {
                    let index: usize = row.one(0).parse().unwrap();
                    frames[index - 1].0 == direction
                };
                assert!(numbers.iter().any(of), "IPv6CP code {code} {direction:?}");
            }
        }

        let told = capture.fields(
            "icmpv6.type == 134 && ipv6.hlim == 255",
            &["icmpv6.opt.prefix", "icmpv6.opt.rdnss", "icmpv6.nd.ra.flag.o"],
        );
        let told = told.first().expect("a router advertisement");
        assert!(told.one(0).starts_with("2001:db8:65:"), "{told:?}");
        assert_eq!(told.all(1).is_empty(), by_dhcp, "{told:?}");
        // Information-Request and Reply.
        for kind in [11, 7] {
            assert_eq!(
                count(&capture, &format!("dhcpv6.msgtype == {kind}")) > 0,
                by_dhcp,
                "{kind}"
            );
        }
        assert!(count(&capture, "dns.flags.response == 1 && dns.aaaa") >= 1);
        assert!(count(&capture, "ipv6 && http.response") >= 1);

        for protocol in ["icmpv6", "udp", "tcp"] {
            assert!(count(&capture, &format!("{protocol}.checksum.status == 1")) > 0, "{protocol}");
        }
        assert_sound(&capture);
    }
}

#[tokio::test(start_paused = true)]
#[ignore = "needs tshark"]
async fn tshark_reads_our_router_solicitations() {
    let capture = capture(&call_without_a_router().await);
    let asked = capture.fields(
        "icmpv6.type == 133",
        &["ipv6.src", "ipv6.dst", "ipv6.hlim", "icmpv6.checksum.status"],
    );
    assert!(asked.len() >= 3, "it is asked again: {asked:?}");
    for row in &asked {
        assert!(row.one(0).starts_with("fe80::"), "{row:?}");
        assert_eq!([row.one(1), row.one(2), row.one(3)], ["ff02::2", "255", "1"]);
    }
    assert_sound(&capture);
}

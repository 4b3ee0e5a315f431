//! Contexts with IPv6: alone, with a NAT64 in front of proxy and MMSC, and beside IPv4.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mm1gate::bearer::{Bearer, BearerConfig, BearerError, CallLabel};
use mm1gate::model::{Clock, NoTap, Random, StageSink, Timestamp};
use mm1gate::net::{Net, NetError};
use mm1gate::proto::ppp::Families;
use mm1gate::sim::{Operator, PortRole};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};

use crate::gateway_rig::{PHONE, Rig, message, picture};

const LIMIT: Duration = Duration::from_secs(20);
const V4: Families = Families { v4: true, v6: false };
const V6: Families = Families { v4: false, v6: true };
const BOTH: Families = Families { v4: true, v6: true };

/// A call with a context of this type, up with these versions.
async fn up(
    operator: &Operator,
    pdp_type: &str,
    families: Families,
) -> Result<Bearer<DuplexStream>, BearerError> {
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    let dial = format!("ATE0+CGDCONT=2,\"{pdp_type}\",\"mms.example\"\rATD*99***2#\r");
    port.write_all(dial.as_bytes()).await.unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 1];
    while !heard.ends_with("CONNECT 150000000\r\n") {
        timeout(LIMIT, port.read_exact(&mut buffer)).await.expect(&heard).unwrap();
        heard.push(char::from(buffer[0]));
    }
    Bearer::up(
        port,
        BearerConfig { families, ..BearerConfig::default() },
        CallLabel { modem: "virtual".into(), call: 1 },
        Arc::new(NoTap),
        Clock::starting_at(Timestamp::from_secs(1_800_000_000)),
        Random::seeded(6),
        StageSink::none(),
    )
    .await
    .map_err(|failed| failed.error)
}

fn operator(versions: Families) -> Operator {
    Operator::builder()
        .ip_versions(versions)
        .random(Random::seeded(5))
        .clock(Clock::starting_at(Timestamp::from_secs(1_800_000_000)))
        .start()
}

async fn proxy_answers(net: &dyn Net) -> Result<(), NetError> {
    let proxy = SocketAddr::from(([10, 1, 1, 1], 8080));
    let mut stream = net.connect(proxy, LIMIT).await?;
    stream.write_all(b"GET http://mmsc.example/nothing HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn ipv6_alone_reaches_the_proxy_by_its_ipv4_address() {
    let operator = operator(V6);
    // The first call is told its name server by the router, the second one by DHCPv6.
    for call in 0..2 {
        let bearer = up(&operator, "IPV6", V6).await.unwrap();
        let IpAddr::V6(address) = bearer.address() else { panic!("{}", bearer.address()) };
        assert_eq!(address.segments()[..4], [0x2001, 0xDB8, 0x65, call]);
        let net = bearer.net();
        proxy_answers(net.as_ref()).await.unwrap();
        let found = net.resolve("mmsc.example", LIMIT).await.unwrap();
        assert_eq!(found, ["2001:db8:64:ff9b::10.1.1.2".parse::<IpAddr>().unwrap()]);
        bearer.down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_versions_come_up_and_one_is_enough() {
    for (versions, addresses) in [(BOTH, "4"), (V4, "4"), (V6, "6")] {
        let operator = operator(versions);
        let before = Instant::now();
        let bearer = up(&operator, "IPV4V6", BOTH).await.unwrap();
        assert!(before.elapsed() < Duration::from_secs(4), "{versions:?}: {:?}", before.elapsed());
        let is = if bearer.address().is_ipv4() { "4" } else { "6" };
        assert_eq!(is, addresses, "{versions:?}");
        proxy_answers(bearer.net().as_ref()).await.unwrap();
        assert!(bearer.net().resolve("mmsc.example", LIMIT).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn version_that_the_context_has_not_is_told() {
    let operator = operator(V4);
    let error = up(&operator, "IP", V6).await.unwrap_err();
    assert_eq!(error.to_string(), "the network gave no IP address: the peer rejected IPv6");
}

#[tokio::test(start_paused = true)]
async fn message_goes_out_over_ipv6_alone_through_a_proxy_with_an_ipv4_address() {
    let rig = Rig::with_versions(V6, false, "IPV6").await;
    let id = rig.gateway.accept(message(100_000)).await.unwrap();
    rig.until(&id, &["sent", "delivered"]).await;
    let received = rig.operator.phone(PHONE).unwrap().received();
    let body = received[0].media().find(|part| part.content_type == "image/jpeg").unwrap();
    assert_eq!(body.body, picture(100_000));
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn context_for_both_versions_falls_back_to_what_the_network_allows() {
    for (versions, only) in [(V4, "IP"), (V6, "IPV6")] {
        let rig = Rig::with_versions(versions, true, "IPV4V6").await;
        for _ in 0..2 {
            let id = rig.gateway.accept(message(2_000)).await.unwrap();
            rig.until(&id, &["sent", "delivered"]).await;
            // The next one needs a call of its own.
            tokio::time::sleep(Duration::from_secs(120)).await;
        }
        let modem = rig.operator.modem().state();
        assert_eq!(modem.calls, 2, "{only}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn both_versions_carry_a_message_too() {
    let rig = Rig::with_versions(BOTH, false, "IPV4V6").await;
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&id, &["sent", "delivered"]).await;
    rig.gateway.stop().await;
}

//! Data calls of the virtual operator: PPP with the client of the gateway, names, proxy and MMSC
//! at their virtual addresses.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use mm1gate::bearer::{Bearer, BearerConfig, BearerError, CallLabel};
use mm1gate::model::{Clock, NoTap, Random, StageSink, Timestamp};
use mm1gate::net::{Net, NetError};
use mm1gate::proto::ppp::Credentials;
use mm1gate::sim::{
    Auth, Behaviour, Fault, ModemConfig, Operator, OperatorBuilder, Outgoing, OutgoingPart,
    PortRole, Subscriber, Timing,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, timeout};

const OWN: &str = "+447700900001";
const PHONE: &str = "+447700900002";
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 1, 1, 1)), 8080);
const LIMIT: Duration = Duration::from_secs(20);

fn builder() -> OperatorBuilder {
    Operator::builder()
        .phone(PHONE, Behaviour::Receive)
        .random(Random::seeded(5))
        .clock(Clock::starting_at(Timestamp::from_secs(1_800_000_000)))
}

/// Dials and waits for CONNECT.
async fn dial(operator: &Operator, apn: &str) -> DuplexStream {
    let mut port = operator.modem().open(PortRole::Data).unwrap();
    port.write_all(format!("ATE0+CGDCONT=2,\"IP\",\"{apn}\"\rATD*99***2#\r").as_bytes())
        .await
        .unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 1];
    while !heard.ends_with("CONNECT 150000000\r\n") {
        timeout(LIMIT, port.read_exact(&mut buffer)).await.expect(&heard).unwrap();
        heard.push(char::from(buffer[0]));
    }
    port
}

async fn up(
    operator: &Operator,
    apn: &str,
    credentials: Option<Credentials>,
) -> Result<Bearer<DuplexStream>, BearerError> {
    Bearer::up(
        dial(operator, apn).await,
        BearerConfig { credentials, ..BearerConfig::default() },
        CallLabel { modem: "virtual".into(), call: 1 },
        Arc::new(NoTap),
        Clock::starting_at(Timestamp::from_secs(1_800_000_000)),
        Random::seeded(6),
        StageSink::none(),
    )
    .await
    .map_err(|failed| failed.error)
}

/// One request through the proxy.
async fn request(
    net: &dyn Net,
    method: &str,
    url: &str,
    body: Vec<u8>,
) -> Result<(u16, Bytes), String> {
    let stream = net.connect(PROXY, LIMIT).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = hyper::Request::builder()
        .method(method)
        .uri(url)
        .header("Host", "mmsc.example")
        .header("User-Agent", "test")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

#[tokio::test(start_paused = true)]
async fn faults_of_the_ppp_server_refuse_or_are_lived_with() {
    let right = || Some(Credentials::new("u1", "s3cret"));
    let operator = builder().auth(Auth::Chap, "u1", "s3cret").start();
    operator.faults().set(Fault::AuthRefused {});
    let refused = up(&operator, "mms.example", right()).await;
    assert!(matches!(refused, Err(BearerError::AuthRejected { .. })));
    let operator = builder().start();
    operator.faults().set(Fault::PppEndlessNaks {});
    assert!(up(&operator, "mms.example", None).await.is_err(), "no address is ever given");
    for fault in [
        Fault::PppAccm { escape_all: true },
        Fault::PppUncompressed {},
        Fault::PppEmptyNaks { rounds: 2 },
        Fault::PppNoPeerAddress {},
        Fault::PppPlaceholderDns { rounds: 2 },
        Fault::PppRejectsProtocol {},
    ] {
        let operator = builder().start();
        operator.faults().set(fault.clone());
        let bearer = up(&operator, "mms.example", None).await;
        assert!(bearer.is_ok(), "{fault:?}: {:?}", bearer.err());
        assert!(operator.faults().fired().of_group(19) > 0, "{fault:?} is not counted");
    }
}

#[tokio::test(start_paused = true)]
async fn right_credentials_come_up_and_wrong_ones_are_refused() {
    for (auth, given, comes_up) in [
        (Auth::None, None, true),
        (Auth::Pap, Some("s3cret"), true),
        (Auth::Chap, Some("s3cret"), true),
        (Auth::Pap, Some("wrong"), false),
        (Auth::Chap, Some("wrong"), false),
    ] {
        let operator = builder().auth(auth, "u1", "s3cret").start();
        let credentials = given.map(|password| Credentials::new("u1", password));
        match up(&operator, "mms.example", credentials).await {
            Ok(bearer) => {
                assert!(comes_up, "{auth:?} with {given:?}");
                assert_eq!(bearer.address(), IpAddr::V4(Ipv4Addr::new(10, 64, 1, 2)));
            }
            Err(BearerError::AuthRejected { .. }) => assert!(!comes_up, "{auth:?} with {given:?}"),
            Err(error) => panic!("{auth:?} with {given:?}: {error}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn operator_names_resolve_inside_the_call_only() {
    let operator = builder().start();
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let net = bearer.net();
    let found = net.resolve("mmsc.example", LIMIT).await.unwrap();
    assert_eq!(found, [IpAddr::V4(Ipv4Addr::new(10, 1, 1, 2))]);
    assert!(matches!(net.resolve("www.example", LIMIT).await, Err(NetError::NameNotFound { .. })));
}

#[tokio::test(start_paused = true)]
async fn large_message_is_fetched_through_the_proxy_whole() {
    let operator = builder().start();
    let picture: Vec<u8> = (0..250_000_u32).map(|at| (at % 251) as u8).collect();
    let message = Outgoing {
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".into(),
            name: "a.jpg".into(),
            body: Bytes::from(picture.clone()),
        }],
        ..Outgoing::default()
    };
    let token = operator.send_from_phone(PHONE, OWN, &message).unwrap();
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let url = format!("http://mmsc.example/mms/{token}");
    let (status, body) = request(bearer.net().as_ref(), "GET", &url, Vec::new()).await.unwrap();
    assert_eq!(status, 200);
    assert!(body.windows(picture.len()).any(|window| window == picture));
    let entry = &operator.mmsc().journal().entries[0];
    assert_eq!(entry.msisdn.as_deref(), Some(OWN), "the proxy knows who calls");
    let octets = operator.modem().state().octets;
    assert!(octets[1] > 250_000, "real octets on the tty: {octets:?}");
}

#[tokio::test(start_paused = true)]
async fn other_access_point_has_no_way_to_the_proxy() {
    let operator = builder().start();
    let bearer = up(&operator, "internet.example", None).await.unwrap();
    let error = bearer.net().connect(PROXY, LIMIT).await.unwrap_err();
    assert!(matches!(error, NetError::Refused { .. } | NetError::ConnectTimeout { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn proxy_fails_in_the_ways_it_is_told_to() {
    let operator = builder().start();
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let net = bearer.net();
    let post = |size: usize| {
        let net = Arc::clone(&net);
        async move { request(net.as_ref(), "POST", "http://mmsc.example/mms", vec![0x8c; size]).await }
    };
    for status in [403, 407, 502] {
        operator.faults().set_times(Fault::ProxyStatus { status }, 1);
        assert_eq!(post(40_000).await.unwrap().0, status);
    }
    operator.faults().set_times(Fault::ProxyClosesMidRequest { after: 20_000 }, 1);
    assert!(post(100_000).await.is_err());
    operator.faults().set_times(Fault::ProxySlow { millis: 30_000 }, 1);
    let before = Instant::now();
    assert_eq!(post(10).await.unwrap().0, 400, "no MMS PDU");
    assert!(before.elapsed() >= Duration::from_secs(30));
    let elsewhere = request(net.as_ref(), "GET", "http://www.example/", Vec::new()).await;
    assert_eq!(elsewhere.unwrap().0, 502);
}

#[tokio::test(start_paused = true)]
async fn refusing_proxy_resets_connections_of_the_next_call() {
    let operator = builder().start();
    operator.faults().set(Fault::ProxyRefuses {});
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let error = bearer.net().connect(PROXY, LIMIT).await.unwrap_err();
    assert!(matches!(error, NetError::Refused { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn modem_listens_again_after_an_orderly_hang_up() {
    let operator = builder().start();
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let mut port = bearer.down().await;
    // NO CARRIER may have gone to the PPP client together with the Terminate-Ack.
    tokio::time::sleep(Duration::from_secs(1)).await;
    port.write_all(b"AT\r").await.unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    while !heard.ends_with(b"\r\nOK\r\n") {
        let count = timeout(LIMIT, port.read(&mut buffer)).await.expect("OK").unwrap();
        heard.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(operator.modem().state().call, None);
}

#[tokio::test(start_paused = true)]
async fn lost_carrier_and_stalled_line_show_on_the_data_port() {
    let operator = builder().start();
    operator.faults().set_times(Fault::CarrierLost { after: 400 }, 1);
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let net = bearer.net();
    let result = request(net.as_ref(), "POST", "http://mmsc.example/mms", vec![0; 50_000]).await;
    assert!(result.is_err());
    let ended = timeout(LIMIT, bearer.closed()).await.expect("the bearer ends");
    assert!(ended.to_string().contains("broke"), "{ended}");

    operator.faults().set_times(Fault::LineStall { after: 5_000 }, 1);
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let net = bearer.net();
    let post = request(net.as_ref(), "POST", "http://mmsc.example/mms", vec![0; 50_000]);
    let stalled = timeout(LIMIT, post).await;
    assert!(!matches!(stalled, Ok(Ok(_))), "{stalled:?}");
    assert!(operator.modem().state().call.is_some(), "the call itself stays");
}

#[tokio::test(start_paused = true)]
async fn paced_line_takes_the_time_that_its_rate_says() {
    let timing = Timing { down_rate: Some(6_000), up_rate: Some(3_000), ..Timing::default() };
    let config = ModemConfig { timing, ..ModemConfig::default() };
    let operator = builder().line(Subscriber::default(), config).start();
    let message = Outgoing {
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".into(),
            name: "a.jpg".into(),
            body: Bytes::from(vec![7; 60_000]),
        }],
        ..Outgoing::default()
    };
    let token = operator.send_from_phone(PHONE, OWN, &message).unwrap();
    let bearer = up(&operator, "mms.example", None).await.unwrap();
    let before = Instant::now();
    let url = format!("http://mmsc.example/mms/{token}");
    request(bearer.net().as_ref(), "GET", &url, Vec::new()).await.unwrap();
    let took = before.elapsed().as_secs();
    assert!((10..20).contains(&took), "60 KB at 6 KB/s took {took} s");
}

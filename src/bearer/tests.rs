//! A bearer against a PPP server over an in-memory line, in virtual time.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::sleep;

use super::*;
use crate::codec::ppp::{ControlPacket, FrameFormat, protocol};
use crate::model::{Explain, NoTap, TapDirection, Timestamp};
use crate::net::NetError;
use crate::proto::ppp::{Family, LinkError, Phase, ServerConfig, ServerQuirks};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 40);
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const LIMIT: Duration = Duration::from_secs(60);

fn server_config(auth: Option<AuthProtocol>) -> ServerConfig {
    ServerConfig {
        auth,
        accepted: vec![Credentials::new("mms", "secret")],
        refusal: "wrong password, call 0800".to_owned(),
        ..ServerConfig::new(THEIRS, OURS)
    }
}

/// The dialled side: its stack listens on port 80 and echoes.
fn server(io: DuplexStream, config: LinkConfig) -> (PumpHandle, JoinHandle<PumpEnd<DuplexStream>>) {
    let (stack, queue) = Stack::new(StackConfig {
        address: None,
        prefix: 32,
        mtu: 1500,
        any_ip: true,
        name_servers: Vec::new(),
        random: Random::seeded(2),
    });
    let mut listener = stack.listen(80).unwrap();
    tokio::spawn(async move {
        while let Ok(accepted) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(accepted.stream);
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = write.shutdown().await;
            });
        }
    });
    let (pump, handle) = Pump::new(io, Link::new(config, 77), queue, FrameSink::none());
    (handle, tokio::spawn(pump.run()))
}

async fn up(
    stream: DuplexStream,
    password: &str,
) -> Result<Bearer<DuplexStream>, UpFailed<DuplexStream>> {
    up_with(stream, password, Arc::new(NoTap), StageSink::none()).await
}

async fn up_with(
    stream: DuplexStream,
    password: &str,
    tap: Arc<dyn Tap>,
    stages: StageSink,
) -> Result<Bearer<DuplexStream>, UpFailed<DuplexStream>> {
    let config = BearerConfig {
        credentials: Some(Credentials::new("mms", password)),
        ..BearerConfig::default()
    };
    let label = CallLabel { modem: "front-desk".into(), call: 3 };
    let clock = Clock::starting_at(Timestamp::from_secs(1_000));
    Bearer::up(stream, config, label, tap, clock, Random::seeded(1), stages).await
}

async fn echo(bearer: &Bearer<DuplexStream>, length: usize) {
    let net = bearer.net();
    let to = SocketAddr::from((THEIRS, 80));
    let mut stream = net.connect(to, LIMIT).await.unwrap();
    let sent: Vec<u8> = (0..length).map(|index| (index * 7 + index / 256) as u8).collect();
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let mut back = Vec::new();
    let (up, down) = tokio::join!(
        async {
            write.write_all(&sent).await?;
            write.shutdown().await
        },
        read.read_to_end(&mut back)
    );
    up.unwrap();
    down.unwrap();
    assert!(back == sent, "{} of {length}", back.len());
}

/// Joins two streams, `rate` octets a second each way; one octet in `error` is damaged (0: none).
fn line(rate: u64, error: u64) -> (DuplexStream, DuplexStream) {
    let (near, mut a) = duplex(256);
    let (far, mut b) = duplex(256);
    tokio::spawn(async move {
        let random = Random::seeded(error);
        let (mut from_a, mut to_a) = tokio::io::split(&mut a);
        let (mut from_b, mut to_b) = tokio::io::split(&mut b);
        let carry = async |from: &mut (dyn AsyncRead + Unpin + Send),
                           to: &mut (dyn AsyncWrite + Unpin + Send)| {
            let mut octets = [0; 64];
            while let Ok(length @ 1..) = from.read(&mut octets).await {
                for octet in &mut octets[..length] {
                    if error != 0 && random.below(error) == 0 {
                        *octet ^= 1 << random.below(8);
                    }
                }
                sleep(Duration::from_secs_f64(length as f64 / rate as f64)).await;
                if to.write_all(&octets[..length]).await.is_err() {
                    break;
                }
            }
        };
        tokio::join!(carry(&mut from_a, &mut to_b), carry(&mut from_b, &mut to_a));
    });
    (near, far)
}

#[tokio::test(start_paused = true)]
async fn bearer_comes_up_tells_its_stages_and_carries_300_kilobytes_both_ways() {
    for auth in [None, Some(AuthProtocol::Pap), Some(AuthProtocol::ChapMd5)] {
        let (near, far) = duplex(4096);
        let (_handle, task) = server(far, LinkConfig::server(server_config(auth)));
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let stages = StageSink::new(move |stage| listener.lock().unwrap().push(stage));
        let bearer = up_with(near, "secret", Arc::new(NoTap), stages).await.unwrap();
        assert_eq!(
            *told.lock().unwrap(),
            [
                Stage::LcpOpen,
                Stage::Authenticated { by: auth.map_or("none", AuthProtocol::as_str) },
                Stage::IpUp { address: OURS.into() },
            ]
        );
        echo(&bearer, 300_000).await;
        assert!(bearer.counters().sent() > 300_000);
        assert!(bearer.counters().received() > 300_000);
        bearer.down().await;
        assert!(matches!(
            task.await.unwrap().error,
            LinkError::PeerTerminated { phase: Phase::Open, .. }
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_password_keeps_the_words_of_the_network_and_gives_the_line_back() {
    for auth in [AuthProtocol::Pap, AuthProtocol::ChapMd5] {
        let (near, far) = duplex(4096);
        let (_handle, task) = server(far, LinkConfig::server(server_config(Some(auth))));
        let failed = up(near, "guess").await.unwrap_err();
        let words = "wrong password, call 0800".to_owned();
        assert_eq!(failed.error, BearerError::AuthRejected { message: words.clone() });
        assert_eq!(failed.error.verbatim(), Some(words));
        assert_eq!(failed.error.code(), "ppp-auth-rejected");
        drop(failed.stream);
        assert!(matches!(task.await.unwrap().error, LinkError::AuthRejected { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn server_that_refuses_everyone_refuses_the_right_password() {
    let quirks = ServerQuirks { refuse_everyone: true, ..ServerQuirks::default() };
    let config = ServerConfig { quirks, ..server_config(Some(AuthProtocol::ChapMd5)) };
    let (near, far) = duplex(4096);
    let _server = server(far, LinkConfig::server(config));
    let failed = up(near, "secret").await.unwrap_err();
    assert!(matches!(failed.error, BearerError::AuthRejected { .. }));
}

#[tokio::test(start_paused = true)]
async fn line_without_ppp_is_lcp_silent() {
    let (near, _far) = duplex(4096);
    assert_eq!(up(near, "").await.unwrap_err().error, BearerError::LcpSilent);
}

#[tokio::test(start_paused = true)]
async fn endless_naks_hint_at_the_apn() {
    let quirks = ServerQuirks { endless_naks: true, ..ServerQuirks::default() };
    let (near, far) = duplex(4096);
    let config = ServerConfig { quirks, ..server_config(None) };
    let _server = server(far, LinkConfig::server(config));
    let error = up(near, "").await.unwrap_err().error;
    assert_eq!(error, BearerError::IpRefused(LinkError::NoIpAddress { naks: 30 }));
    assert!(error.remedy().contains("APN"), "{}", error.remedy());
}

#[tokio::test(start_paused = true)]
async fn odd_servers_are_lived_with() {
    let quirks = ServerQuirks {
        no_own_address: true,
        placeholder_rounds: 6,
        deaf_to_echo: true,
        ..ServerQuirks::default()
    };
    let (near, far) = duplex(4096);
    let _server = server(far, LinkConfig::server(ServerConfig { quirks, ..server_config(None) }));
    let bearer = up(near, "").await.unwrap();
    echo(&bearer, 10_000).await;
}

#[tokio::test(start_paused = true)]
async fn no_carrier_before_ip_and_afterwards() {
    let (near, mut far) = duplex(4096);
    let (failed, ()) = tokio::join!(up(near, ""), async {
        far.write_all(b"\r\nNO CARRIER\r\n").await.unwrap();
    });
    let error = failed.unwrap_err().error;
    assert_eq!(error.code(), "no-carrier");
    assert_eq!(error.verbatim(), Some("NO CARRIER".to_owned()));

    let (near, far) = duplex(4096);
    let (_handle, task) = server(far, LinkConfig::server(server_config(None)));
    let bearer = up(near, "").await.unwrap();
    let net = bearer.net();
    let mut stream = net.connect(SocketAddr::from((THEIRS, 80)), LIMIT).await.unwrap();
    task.abort();
    let mut buffer = [0; 8];
    let (died, read) = tokio::join!(bearer.closed(), stream.read(&mut buffer));
    assert_eq!(died, BearerError::LinkLost(LinkError::LineLost));
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    assert!(matches!(
        error.get_ref().and_then(|error| error.downcast_ref()),
        Some(NetError::LinkDown { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn damaged_octets_cost_time_and_nothing_else() {
    let (near, far) = line(46_080, 20_000);
    let _server = server(far, LinkConfig::server(server_config(Some(AuthProtocol::Pap))));
    let bearer = up(near, "secret").await.unwrap();
    let started = Instant::now();
    echo(&bearer, 200_000).await;
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn echo_is_answered_while_the_line_is_full() {
    let (near, far) = line(3_000, 0);
    let config = LinkConfig {
        echo: Some(EchoConfig { interval: Duration::from_secs(5), give_up: GiveUp::After(1) }),
        ..LinkConfig::server(server_config(None))
    };
    let _server = server(far, config);
    let bearer = up(near, "").await.unwrap();
    echo(&bearer, 60_000).await;
}

#[tokio::test(start_paused = true)]
async fn slow_line_is_used_well() {
    let (near, far) = line(3_000, 0);
    let _server = server(far, LinkConfig::server(server_config(None)));
    let bearer = up(near, "").await.unwrap();
    let net = bearer.net();
    let mut stream = net.connect(SocketAddr::from((THEIRS, 80)), LIMIT).await.unwrap();
    let started = Instant::now();
    stream.write_all(&[0x55; 100_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    while stream.progress().acknowledged() < 100_000 {
        sleep(Duration::from_millis(100)).await;
        assert!(started.elapsed() < Duration::from_secs(40), "{:?}", stream.progress());
    }
}

#[tokio::test(start_paused = true)]
async fn down_gives_the_line_back_even_when_nobody_answers() {
    let (near, far) = duplex(4096);
    let (handle, task) = server(far, LinkConfig::server(server_config(None)));
    let bearer = up(near, "").await.unwrap();
    // The far end stops reading and speaking, but keeps the line.
    handle.stop();
    let mut far = task.await.unwrap().io;
    let started = Instant::now();
    let mut near = bearer.down().await;
    assert!(started.elapsed() <= Duration::from_secs(9), "{:?}", started.elapsed());
    // It was not shut down: the modem can still be talked to.
    near.write_all(b"ATH\r").await.unwrap();
    drop(near);
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"ATH\r"));
}

#[derive(Default)]
struct Seen(Mutex<Vec<Frame>>);

struct Frame {
    call: (String, u64),
    direction: TapDirection,
    octets: Vec<u8>,
}

impl Tap for Seen {
    fn observe(&self, event: TapEvent<'_>) {
        self.0.lock().unwrap().push(Frame {
            call: (event.modem.to_owned(), event.call),
            direction: event.direction,
            octets: event.octets.to_vec(),
        });
    }
}

#[tokio::test(start_paused = true)]
async fn tap_sees_every_frame_in_its_long_form() {
    let seen = Arc::new(Seen::default());
    let (near, far) = duplex(4096);
    let _server = server(far, LinkConfig::server(server_config(None)));
    let bearer = up_with(near, "", seen.clone(), StageSink::none()).await.unwrap();
    echo(&bearer, 1_000).await;
    bearer.down().await;
    let seen = seen.0.lock().unwrap();
    let call = ("front-desk".to_owned(), 3);
    assert!(seen.iter().all(|frame| frame.call == call && frame.octets.starts_with(&[0xFF, 0x03])));
    for (direction, protocol) in [
        (TapDirection::Sent, [0xC0, 0x21]),
        (TapDirection::Received, [0xC0, 0x21]),
        (TapDirection::Sent, [0x00, 0x21]),
        (TapDirection::Received, [0x00, 0x21]),
    ] {
        assert!(
            seen.iter().any(|frame| frame.direction == direction && frame.octets[2..4] == protocol)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn peer_that_asks_and_does_not_take_the_answers_is_held_back() {
    let (near, mut far) = duplex(4096);
    let _up = tokio::spawn(up(near, ""));
    let mut flood = Vec::new();
    for _ in 0..100 {
        // An unknown code, which every LCP answers by a Code-Reject.
        let odd = ControlPacket::new(99, 1, vec![0; 200]).encode();
        FrameFormat::default().encode(protocol::LCP, &odd, &mut flood);
    }
    let mut written = 0;
    while let Ok(result) = timeout(Duration::from_secs(1), far.write(&flood)).await {
        written += result.unwrap();
        assert!(written < 500_000, "nothing holds the peer back");
    }
    assert!(written > 50_000);
}

#[tokio::test(start_paused = true)]
async fn idle_bearer_with_a_peer_deaf_to_echo_stays_up() {
    let quirks = ServerQuirks { deaf_to_echo: true, ..ServerQuirks::default() };
    let (near, far) = duplex(4096);
    let _server = server(far, LinkConfig::server(ServerConfig { quirks, ..server_config(None) }));
    let bearer = up(near, "").await.unwrap();
    let sent = bearer.counters().sent();
    sleep(Duration::from_secs(600)).await;
    assert!(bearer.counters().sent() > sent + 200, "echo requests went out");
    echo(&bearer, 1_000).await;
}

#[test]
fn every_error_says_what_to_do() {
    for error in [
        BearerError::LcpSilent,
        BearerError::LcpFailed(LinkError::LoopDetected),
        BearerError::AuthFailed(LinkError::AuthUnsupported),
        BearerError::IpRefused(LinkError::IpRejected { family: Family::V4 }),
        BearerError::TooSlow { seconds: 120 },
        BearerError::LinkLost(LinkError::EchoLost),
        BearerError::Closed,
    ] {
        assert!(!error.remedy().is_empty() && !error.remedy().ends_with('.'), "{error:?}");
        assert!(!error.code().contains(' '));
    }
}

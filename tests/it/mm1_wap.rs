//! The client of a WAP gateway whose datagrams the test plays itself: what the far end can have had,
//! and what hostile gateways and strangers bring about.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::wsp::pdu::{self as wsp, AbortReason, Status, Unit};
use mm1gate::codec::wtp::{Abort, Body, Pdu, ProviderReason, Tid, Tpi, Trailer};
use mm1gate::mm1::{Client, Identity, Mm1Error, SubmitOutcome, Timeouts, TransportError};
use mm1gate::model::{Explain, Random, Retry, StageSink};
use mm1gate::net::{BoxFuture, Datagrams, Net, NetError, Stream};
use mm1gate::operators::{Settings, TransportChoice};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

const GATEWAY: &str = "10.0.0.1:9201";
const STRANGER: &str = "10.6.6.6:9201";

type Datagram = (Bytes, SocketAddr);

/// A network of datagrams alone.
struct Wire {
    out: mpsc::UnboundedSender<Datagram>,
    back: Arc<Mutex<mpsc::UnboundedReceiver<Datagram>>>,
}

/// The far end.
struct Far {
    arrived: mpsc::UnboundedReceiver<Datagram>,
    back: mpsc::UnboundedSender<Datagram>,
}

struct Socket {
    out: mpsc::UnboundedSender<Datagram>,
    back: Arc<Mutex<mpsc::UnboundedReceiver<Datagram>>>,
}

fn wire() -> (Arc<Wire>, Far) {
    let (out, arrived) = mpsc::unbounded_channel();
    let (back, receiver) = mpsc::unbounded_channel();
    (Arc::new(Wire { out, back: Arc::new(Mutex::new(receiver)) }), Far { arrived, back })
}

impl Net for Wire {
    fn connect(&self, to: SocketAddr, _limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move { Err(NetError::Refused { to: to.to_string() }) })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        _limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        Box::pin(async move { Err(NetError::NameNotFound { name: name.to_owned() }) })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        Ok(Box::new(Socket { out: self.out.clone(), back: Arc::clone(&self.back) }))
    }
}

impl Datagrams for Socket {
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>> {
        let _ = self.out.send((Bytes::copy_from_slice(octets), to));
        Box::pin(async { Ok(()) })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async {
            let got = self.back.lock().await.recv().await;
            got.map(|(octets, from)| (octets.to_vec(), from))
                .ok_or_else(|| NetError::LinkDown { reason: "the test is over".to_owned() })
        })
    }
}

impl Far {
    /// The next PDU of WTP.
    async fn next(&mut self) -> Pdu {
        let (octets, to) = self.arrived.recv().await.expect("the client is there");
        assert_eq!(to, GATEWAY.parse().unwrap());
        Pdu::decode(&octets).expect("a PDU").value
    }

    /// The next Invoke or segment of one; its identifier as the answer has it.
    async fn packet(&mut self) -> (Tid, Trailer, Bytes) {
        loop {
            let pdu = self.next().await;
            if let Body::Invoke { trailer, data, .. }
            | Body::SegmentedInvoke { trailer, data, .. } = pdu.body
            {
                return (pdu.tid.reversed(), trailer, data);
            }
        }
    }

    fn say(&self, tid: Tid, body: Body, tpis: Vec<Tpi>) {
        self.say_as(GATEWAY, Pdu { tid, body, tpis }.encode());
    }

    fn say_as(&self, from: &str, octets: Bytes) {
        let _ = self.back.send((octets, from.parse().unwrap()));
    }

    fn result(&self, tid: Tid, pdu: &wsp::Pdu) {
        let (trailer, data) = (Trailer::LastOfMessage, pdu.encode());
        self.say(tid, Body::Result { trailer, retransmission: false, data }, Vec::new());
    }

    fn acknowledge(&self, tid: Tid, psn: u32) {
        let ack = Body::Ack { retransmission: false, verify: false };
        self.say(tid, ack, vec![Tpi::PacketSequenceNumber(psn)]);
    }

    fn abort(&self, tid: Tid, abort: Abort) {
        self.say(tid, Body::Abort(abort), Vec::new());
    }

    /// Grants a session.
    async fn grant(&mut self) {
        let (tid, _, data) = self.packet().await;
        assert!(matches!(wsp::Pdu::decode(&data).unwrap().value, wsp::Pdu::Connect { .. }));
        let (capabilities, headers) = (Vec::new(), Vec::new());
        self.result(tid, &wsp::Pdu::ConnectReply { session_id: 7, capabilities, headers });
    }
}

fn client(net: Arc<Wire>, port: u16) -> Client {
    let settings = Settings {
        mmsc: "http://mmsc.example/mms".to_owned(),
        proxy: Some(("10.0.0.1".to_owned(), port)),
        transport: TransportChoice::Wap,
        ..Settings::default()
    };
    Client::new(net, settings, Identity::default())
        .with_timeouts(Timeouts { connect: Duration::from_secs(30), ..Timeouts::default() })
}

/// A submission of so many octets and how often the hook was called.
async fn submit(net: Arc<Wire>, octets: usize) -> (Result<SubmitOutcome, Mm1Error>, u32) {
    let asked = AtomicU32::new(0);
    let released = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok::<(), String>(())
    };
    let client = client(net, 9201);
    let pdu = Bytes::from(vec![0x8C; octets]);
    let outcome = client.submit(pdu, "T1", released, &StageSink::none()).await;
    (outcome, asked.load(Ordering::Relaxed))
}

/// Plays `far` beside a submission.
async fn beside<F>(
    octets: usize,
    far: impl FnOnce(Far) -> F,
) -> (Result<SubmitOutcome, Mm1Error>, u32)
where
    F: Future<Output = Far>,
{
    let (net, other) = wire();
    let mut played = None;
    let submitted = submit(net, octets);
    tokio::pin!(submitted);
    let playing = far(other);
    tokio::pin!(playing);
    loop {
        tokio::select! {
            outcome = &mut submitted => return outcome,
            far = &mut playing, if played.is_none() => played = Some(far),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn gateway_that_does_not_answer_is_told_and_nothing_was_released() {
    let (outcome, asked) = beside(5_000, |far| async { far }).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.1:9201 did not answer within 30 s");
    assert!(!error.is_unknown());
    assert_eq!((asked, error.retry()), (0, Retry::Soon));
}

#[tokio::test(start_paused = true)]
async fn session_that_is_refused_is_told_with_its_status() {
    let (outcome, asked) = beside(5_000, |mut far| async {
        let (tid, ..) = far.packet().await;
        let reply = wsp::Pdu::Reply { status: Status(0x63), entity: None, data: Bytes::new() };
        far.result(tid, &reply);
        far
    })
    .await;
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("503 Service Unavailable"), "{text}");
    assert_eq!(asked, 0);
}

#[tokio::test(start_paused = true)]
async fn silence_before_the_last_segment_is_a_plain_retry() {
    let (outcome, asked) = beside(5_000, |mut far| async {
        far.grant().await;
        far.packet().await;
        far
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(matches!(error, Mm1Error::Transport(TransportError::Stalled { .. })), "{error:?}");
    assert!(!error.is_unknown());
    assert_eq!(asked, 0);
}

#[tokio::test(start_paused = true)]
async fn silence_behind_the_last_segment_leaves_it_in_doubt() {
    for octets in [100, 3_000] {
        let (outcome, asked) = beside(octets, |mut far| async {
            far.grant().await;
            loop {
                let (tid, trailer, _) = far.packet().await;
                if trailer == Trailer::LastOfMessage {
                    return far;
                }
                // All but the last of three segments.
                far.acknowledge(tid, 0);
                far.acknowledge(tid, 1);
            }
        })
        .await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, Mm1Error::NoAnswer(_)), "{octets}: {error:?}");
        assert!(error.is_unknown());
        assert_eq!(asked, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn abort_says_by_its_place_and_reason_what_the_gateway_had() {
    let user = Abort::User(AbortReason::CONGESTION);
    let too_large = Abort::Provider(ProviderReason::MESSAGETOOLARGE);
    // Before the last segment, behind it, and behind it for want of a way to receive it.
    let cases = [(user, false, false), (user, true, true), (too_large, true, false)];
    for (abort, at_end, in_doubt) in cases {
        let (outcome, _) = beside(3_000, |mut far| async move {
            far.grant().await;
            loop {
                let (tid, trailer, _) = far.packet().await;
                if !at_end || trailer == Trailer::LastOfMessage {
                    far.abort(tid, abort);
                    return far;
                }
                far.acknowledge(tid, 0);
                far.acknowledge(tid, 1);
            }
        })
        .await;
        let error = outcome.unwrap_err();
        assert_eq!(error.is_unknown(), in_doubt, "{error}");
        assert!(
            error.to_string().contains(abort.to_string().split(':').next().unwrap()),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn endless_negative_acknowledgements_end_in_an_error() {
    let (outcome, asked) = beside(50_000, |mut far| async {
        far.grant().await;
        for _ in 0..1_000 {
            let (tid, ..) = far.packet().await;
            let missing = Bytes::from_static(&[0]);
            far.say(tid, Body::NegativeAck { retransmission: false, missing }, Vec::new());
        }
        far
    })
    .await;
    let text = outcome.unwrap_err().to_string();
    assert!(text.contains("asked 32 times"), "{text}");
    assert_eq!(asked, 0);
}

#[tokio::test(start_paused = true)]
async fn answer_without_end_meets_its_limit() {
    let (outcome, asked) = beside(100, |mut far| async {
        far.grant().await;
        let (tid, ..) = far.packet().await;
        let segment = Bytes::from(vec![0x55; 9_000]);
        for psn in 0..=255 {
            let (trailer, retransmission, data) = (Trailer::NotLast, false, segment.clone());
            let body = match psn {
                0 => Body::Result { trailer, retransmission, data },
                _ => Body::SegmentedResult { trailer, retransmission, psn, data },
            };
            far.say(tid, body, Vec::new());
        }
        far
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("longer than the limit"), "{error}");
    assert!(error.is_unknown(), "the message had left");
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn forgeries_and_noise_do_not_disturb_a_submission() {
    for seed in 0..10 {
        let (outcome, asked) = beside(4_000, |mut far| async move {
            let random = Random::seeded(seed);
            let storm = |far: &Far, tid: Tid| {
                for _ in 0..200 {
                    let mut octets = vec![0; 1 + usize::try_from(random.below(40)).unwrap()];
                    random.fill(&mut octets);
                    // No Abort, and of another transaction.
                    octets[0] = (octets[0] & 0x87) | 0x30;
                    if octets.len() > 2 {
                        octets[1..3].copy_from_slice(&(tid.0 ^ 0x0155).to_be_bytes());
                    }
                    far.say_as(GATEWAY, octets.into());
                }
                // A stranger knows the identifier, and is none that is listened to.
                let abort = Pdu::new(tid, Body::Abort(Abort::User(AbortReason::DISCONNECT)));
                far.say_as(STRANGER, abort.encode());
            };
            far.grant().await;
            let mut psn = 0;
            loop {
                let (tid, trailer, _) = far.packet().await;
                storm(&far, tid);
                if trailer == Trailer::LastOfMessage {
                    let data = Bytes::from_static(b"\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid\0");
                    let reply = wsp::Pdu::Reply { status: Status::OK, entity: None, data };
                    far.result(tid, &reply);
                    return far;
                }
                far.acknowledge(tid, psn);
                psn += 1;
            }
        })
        .await;
        match outcome {
            Ok(SubmitOutcome::Accepted { message_id, .. }) => {
                assert_eq!(message_id.as_deref(), Some("id"), "seed {seed}");
            }
            other => panic!("seed {seed}: {other:?}"),
        }
        assert_eq!(asked, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_256_segments_is_refused_before_anything_leaves() {
    let (outcome, asked) = beside(400_000, |mut far| async {
        far.grant().await;
        far
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(error.to_string().contains("345600"), "{error}");
    assert_eq!((error.retry(), asked), (Retry::Never, 0));
}

#[tokio::test(start_paused = true)]
async fn submission_goes_without_a_connection_where_9201_is_silent() {
    let (net, mut far) = wire();
    let asked = AtomicU32::new(0);
    let released = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok::<(), String>(())
    };
    let client = client(net, 9200);
    let stages = StageSink::none();
    let submitted = client.submit(Bytes::from(vec![0x8C; 300]), "T1", released, &stages);
    let playing = async {
        loop {
            let (octets, to) = far.arrived.recv().await.unwrap();
            if to.port() == 9201 {
                continue;
            }
            let unit = Unit::decode(&octets).unwrap().value;
            let data = Bytes::from_static(b"\x8C\x81\x98T1\0\x8D\x92\x92\x80");
            let pdu = wsp::Pdu::Reply { status: Status::OK, entity: None, data };
            let reply = Unit { transaction_id: unit.transaction_id, pdu }.encode();
            far.say_as("10.6.6.6:9200", reply.clone());
            far.say_as("10.0.0.1:9200", reply);
            return;
        }
    };
    let both = async { tokio::join!(submitted, playing) };
    let (outcome, ()) = timeout(Duration::from_secs(120), both).await.expect("in time");
    assert!(matches!(outcome, Ok(SubmitOutcome::Accepted { .. })), "{outcome:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

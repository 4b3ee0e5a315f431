//! Kannel's WAP gateway (wapbox behind its bearerbox, tinyproxy behind that) between our client and
//! the hand-made MMSC: connection mode with segments both ways, loss, and without a connection.
//!
//! Two of Kannel's ports listen on every interface whatever its configuration says, and those of
//! WAP are fixed: so each test runs in a network namespace of its own, in which there is nothing but
//! loopback.

#![expect(clippy::print_stdout, reason = "figures for whoever reads the log")]

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::mms::MmsStatus;
use mm1gate::mm1::{Client, Identity, Route, SubmitOutcome, Target};
use mm1gate::model::{Random, StageSink};
use mm1gate::net::system::System;
use mm1gate::net::{BoxFuture, Datagrams, Net, NetError, Stream};
use mm1gate::operators::{Settings, TransportChoice};

use crate::namespace::inside;
use crate::origin::Origin;
use crate::support::{Process, Scratch, wait_until};

const LIMIT: Duration = Duration::from_secs(30);
const MSISDN: &str = "+447700900001";

/// Gateway, proxy and MMSC.
struct Rig {
    origin: Origin,
    _boxes: Vec<Process>,
    _folder: Scratch,
}

impl Rig {
    fn start(picture: Vec<u8>) -> Self {
        let folder = Scratch::new("kannel-wap");
        let path = folder.path();
        let origin = Origin::start(picture);
        let settings = path.join("tinyproxy.conf");
        let text = format!(
            "Port 18080\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1\n\
             ViaProxyName \"wapgw\"\nAddHeader \"X-WAP-Network-Client-MSISDN\" \"{MSISDN}\"\n"
        );
        fs::write(&settings, text).unwrap();
        let start = |command: &mut Command, name: &str| Process::start(command, path, name);
        let proxy =
            start(Command::new("tinyproxy").arg("-d").arg("-c").arg(&settings), "tinyproxy");
        let settings = path.join("kannel.conf");
        fs::write(&settings, configuration(path)).unwrap();
        let kannel =
            |program: &str| start(Command::new(program).args(["-v", "4"]).arg(&settings), program);
        let listens = |what: &str, port: u16| {
            wait_until(what, LIMIT, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        };
        listens("tinyproxy", 18080);
        let bearerbox = kannel("bearerbox");
        listens("bearerbox", 19002);
        let wapbox = kannel("wapbox");
        let rig = Self { origin, _boxes: vec![wapbox, bearerbox, proxy], _folder: folder };
        // The boxes find each other within a second or two; a request before that is lost.
        wait_until("the WAP boxes", LIMIT, || {
            let status = crate::support::over_tcp(
                "127.0.0.1:19000".parse().unwrap(),
                "GET",
                "/status.txt?password=test",
                "",
                b"",
            );
            let status = status.ok()?;
            String::from_utf8_lossy(&status.body).contains("wapbox").then_some(())
        });
        rig
    }

    fn client(&self, net: Arc<dyn Net>, port: u16, transport: TransportChoice) -> Client {
        let settings = Settings {
            mmsc: format!("http://{}/mms", self.origin.address),
            proxy: Some(("127.0.0.1".to_owned(), port)),
            transport,
            ..Settings::default()
        };
        Client::new(net, settings, Identity::default())
    }

    fn url(&self) -> String {
        format!("http://{}/m/1", self.origin.address)
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "group = core\nadmin-port = 19000\nadmin-interface = \"127.0.0.1\"\n\
         admin-password = test\nadmin-allow-ip = \"127.0.0.1\"\nadmin-deny-ip = \"*.*.*.*\"\n\
         wapbox-port = 19002\nwdp-interface-name = \"127.0.0.1\"\n\
         http-proxy-host = \"127.0.0.1\"\nhttp-proxy-port = 18080\n\
         box-allow-ip = \"127.0.0.1\"\nbox-deny-ip = \"*.*.*.*\"\n\
         log-file = \"{folder}/bearerbox.log\"\nlog-level = 0\n\n\
         group = wapbox\nbearerbox-host = 127.0.0.1\nhttp-interface-name = \"127.0.0.1\"\n\
         http-timeout = 20\ntimer-freq = 1\n\
         log-file = \"{folder}/wapbox.log\"\nlog-level = 0\n"
    )
}

/// The system's network in this namespace.
fn loopback() -> System {
    System::over("lo", &[], Random::seeded(1)).expect("the loopback interface is up")
}

/// The system's network, of which each datagram is lost with some probability, seeded.
struct Lossy {
    random: Random,
    per_mille: u64,
    lost: Arc<AtomicU64>,
}

impl Lossy {
    fn loses(&self) -> bool {
        let lost = self.random.below(1000) < self.per_mille;
        self.lost.fetch_add(u64::from(lost), Ordering::Relaxed);
        lost
    }
}

impl Net for Lossy {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move { loopback().connect(to, limit).await })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        Box::pin(async move { loopback().resolve(name, limit).await })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        let (random, lost) = (self.random.clone(), Arc::clone(&self.lost));
        let path = Self { random, per_mille: self.per_mille, lost };
        Ok(Box::new(LossyDatagrams { socket: loopback().udp()?, path }))
    }
}

struct LossyDatagrams {
    socket: Box<dyn Datagrams>,
    path: Lossy,
}

impl Datagrams for LossyDatagrams {
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            if self.path.loses() { Ok(()) } else { self.socket.send(to, octets).await }
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            loop {
                let got = self.socket.receive().await?;
                if !self.path.loses() {
                    return Ok(got);
                }
            }
        })
    }
}

fn lossy(seed: u64, per_mille: u64) -> Arc<Lossy> {
    Arc::new(Lossy { random: Random::seeded(seed), per_mille, lost: Arc::default() })
}

fn octets(count: usize, seed: u64) -> Vec<u8> {
    let mut octets = vec![0; count];
    Random::seeded(seed).fill(&mut octets);
    octets
}

/// The beginning of M-Send.req, and random octets: nobody on the way looks further.
fn send_req(id: &str, count: usize, seed: u64) -> Bytes {
    let mut pdu = vec![0x8C, 0x80, 0x98];
    pdu.extend_from_slice(id.as_bytes());
    pdu.push(0);
    pdu.extend(octets(count.saturating_sub(pdu.len()), seed));
    pdu.into()
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

async fn submit(client: &Client, id: &str, pdu: Bytes) {
    let asked = AtomicU64::new(0);
    let released = || async {
        asked.fetch_add(1, Ordering::Relaxed);
        Ok::<(), String>(())
    };
    let outcome = client.submit(pdu, id, released, &StageSink::none()).await;
    match outcome {
        Ok(SubmitOutcome::Accepted { message_id, .. }) => {
            assert_eq!(message_id.as_deref(), Some("origin-1"));
        }
        other => panic!("{id}: {other:?}"),
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "{id}: asked once");
}

#[test]
#[ignore = "needs kannel, tinyproxy"]
fn messages_of_all_sizes_go_up_and_come_down_in_one_session() {
    if !inside("kannel_wap::messages_of_all_sizes_go_up_and_come_down_in_one_session") {
        return;
    }
    let picture = octets(60_000, 5);
    let rig = Rig::start(picture.clone());
    run(async {
        let client = rig.client(Arc::new(loopback()), 9201, TransportChoice::Wap);
        let sizes = [120, 1_300, 1_400, 3_500, 20_000, 100_000, 290_000];
        let sent: Vec<Bytes> = sizes.iter().map(|&n| send_req("T1", n, n as u64)).collect();
        for (size, pdu) in sizes.iter().zip(&sent) {
            let begun = tokio::time::Instant::now();
            submit(&client, "T1", pdu.clone()).await;
            println!("POST of {size} octets: {:.2} s", begun.elapsed().as_secs_f64());
        }
        let begun = tokio::time::Instant::now();
        let stages = StageSink::none();
        let got = client.retrieve(&rig.url(), "T-RETRIEVE", &stages).await.expect("a message");
        println!("GET of {} octets: {:.2} s", got.pdu.len(), begun.elapsed().as_secs_f64());
        assert!(got.pdu.ends_with(&picture), "the picture is whole");
        client.acknowledge("T-RETRIEVE", None, Target::Mmsc, &stages).await.expect("acknowledged");
        client.close().await;
        let arrived = rig.origin.posted(0x80);
        assert_eq!(arrived.len(), sent.len());
        for (arrived, sent) in arrived.iter().zip(&sent) {
            assert!(arrived[..] == sent[..], "{} octets of {}", arrived.len(), sent.len());
        }
        assert_eq!(rig.origin.posted(0x85).len(), 1, "M-Acknowledge.ind");
        let requests = rig.origin.requests();
        let get = requests.iter().find(|request| request.head.starts_with("GET ")).unwrap();
        let head = get.head.to_ascii_lowercase();
        assert!(head.contains("user-agent: mm1gate/"), "{head}");
        assert!(head.contains("application/vnd.wap.mms-message"), "{head}");
        assert!(head.contains(MSISDN), "{head}");
    });
}

#[test]
#[ignore = "needs kannel, tinyproxy"]
fn lost_datagrams_are_made_good_in_both_directions() {
    if !inside("kannel_wap::lost_datagrams_are_made_good_in_both_directions") {
        return;
    }
    let picture = octets(60_000, 6);
    let rig = Rig::start(picture.clone());
    for seed in 0..2 {
        println!("seed {seed}");
        let net = lossy(seed, 60);
        let pdu = send_req("T2", 100_000, seed);
        run(async {
            let client = rig.client(net.clone(), 9201, TransportChoice::Wap);
            submit(&client, "T2", pdu.clone()).await;
            let stages = StageSink::none();
            let got = client.retrieve(&rig.url(), "T-RETRIEVE", &stages).await.unwrap();
            assert!(got.pdu.ends_with(&picture), "the picture is whole");
            client.close().await;
        });
        let lost = net.lost.load(Ordering::Relaxed);
        println!("{lost} datagrams lost");
        assert!(lost > 0);
        let arrived = rig.origin.posted(0x80);
        assert!(arrived.last().is_some_and(|arrived| arrived[..] == pdu[..]), "whole");
        assert_eq!(arrived.len() as u64, seed + 1, "once");
    }
}

#[test]
#[ignore = "needs kannel, tinyproxy"]
fn what_fits_into_a_datagram_goes_without_a_connection() {
    if !inside("kannel_wap::what_fits_into_a_datagram_goes_without_a_connection") {
        return;
    }
    let rig = Rig::start(octets(5_000, 7));
    run(async {
        let client = rig.client(Arc::new(loopback()), 9200, TransportChoice::Wap);
        let stages = StageSink::none();
        client
            .notify_resp("T3", MmsStatus::RETRIEVED, None, Target::Mmsc, &stages)
            .await
            .expect("an answer");
        assert_eq!(rig.origin.posted(0x83).len(), 1);
        // Larger ones, and submissions, go to 9201 by themselves.
        submit(&client, "T4", send_req("T4", 20_000, 4)).await;
        client.retrieve(&rig.url(), "T-RETRIEVE", &stages).await.expect("a message");
        client.close().await;
    });
}

#[test]
#[ignore = "needs kannel, tinyproxy"]
fn gateway_without_http_at_its_host_is_found_and_told() {
    if !inside("kannel_wap::gateway_without_http_at_its_host_is_found_and_told") {
        return;
    }
    let rig = Rig::start(octets(5_000, 8));
    run(async {
        let client = rig.client(Arc::new(loopback()), 9201, TransportChoice::Auto);
        assert_eq!(client.worked(), None);
        submit(&client, "T5", send_req("T5", 3_000, 5)).await;
        assert_eq!(client.worked(), Some(Route::Wap));
        client.close().await;
        assert_eq!(rig.origin.posted(0x80).len(), 1);
    });
}

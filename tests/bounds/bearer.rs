//! What a live bearer holds in memory: PPP, TCP/IP and HTTP while a message of 300 KB goes out.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use mm1gate::bearer::{Bearer, BearerConfig, CallLabel};
use mm1gate::mm1::{Client, Identity};
use mm1gate::model::{Clock, NoTap, Random, StageSink};
use mm1gate::net::pump::{FrameSink, Pump};
use mm1gate::net::stack::{Stack, StackConfig};
use mm1gate::operators::Settings;
use mm1gate::proto::ppp::{Link, LinkConfig, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Octets that a bearer with one connection may hold besides the message, the runtime's included.
const LIMIT: u64 = 1_000_000;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 64, 64, 64);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const MESSAGE: usize = 300_000;
/// Octets of the line's own buffer: it is full most of the time.
const LINE: usize = 4_096;

fn run<F: Future>(what: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(what)
}

/// The network and its MMSC, which reads as slowly as a line is, on a thread that is not measured.
async fn far(mut line: DuplexStream) {
    let (io, mut inner) = tokio::io::duplex(LINE);
    tokio::spawn(async move {
        let mut octets = [0; 1_024];
        loop {
            tokio::select! {
                read = line.read(&mut octets) => {
                    let Ok(count @ 1..) = read else { return };
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if inner.write_all(&octets[..count]).await.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(5)) => {
                    let mut back = [0; 1_024];
                    while let Ok(Ok(count @ 1..)) =
                        tokio::time::timeout(Duration::from_millis(1), inner.read(&mut back)).await
                    {
                        if line.write_all(&back[..count]).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    });
    let (stack, queue) = Stack::new(StackConfig {
        address: Some(ADDRESS.into()),
        prefix: 32,
        mtu: 1500,
        any_ip: true,
        name_servers: Vec::new(),
        random: Random::seeded(9),
    });
    let link = Link::new(LinkConfig::server(ServerConfig::new(ADDRESS, OURS)), 4711);
    let (pump, _handle) = Pump::new(io, link, queue, FrameSink::none());
    let mut listener = stack.listen(80).unwrap();
    tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().stream;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let mut body = vec![0; MESSAGE];
        stream.read_exact(&mut body).await.unwrap();
        // M-Send.conf: transaction identifier T, MMS 1.0, status Ok (OMA-MMS-ENC clause 6.1.2).
        let conf = b"\x8c\x81\x98T\x00\x8d\x90\x92\x80";
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
                    Content-Length: 9\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(conf).await.unwrap();
        let _ = stream.read(&mut [0]).await;
    });
    pump.run().await;
}

#[expect(clippy::print_stdout, reason = "the figure that the test is about")]
#[test]
fn live_bearer_with_a_message_on_its_way_stays_below_a_megabyte() {
    let (near, line) = tokio::io::duplex(LINE);
    let far = std::thread::spawn(move || run(far(line)));
    let message = Bytes::from(vec![0x5A; MESSAGE]);
    let mut sent = None;
    let cost = measure(|| {
        sent = Some(run(async {
            let bearer = Bearer::up(
                near,
                BearerConfig { mtu: 1500, ..BearerConfig::default() },
                CallLabel { modem: "one".to_owned(), call: 1 },
                Arc::new(NoTap),
                Clock::system(),
                Random::seeded(3),
                StageSink::none(),
            )
            .await
            .map_err(|failed| failed.error)
            .unwrap();
            let settings = Settings {
                mmsc: format!("http://{ADDRESS}/mms"),
                proxy: None,
                ..Settings::default()
            };
            let client = Client::new(bearer.net(), settings, Identity::default());
            let hook = || async { Ok::<_, String>(()) };
            let outcome = client.submit(message.clone(), "T", hook, &StageSink::none()).await;
            client.close().await;
            drop(bearer.down().await);
            outcome
        }));
    });
    assert!(sent.unwrap().is_ok());
    println!("a bearer held {} octets at most", cost.bytes_max);
    assert!(cost.bytes_max < LIMIT, "{} octets", cost.bytes_max);
    assert!(cost.bytes_max > 300_000, "{} octets: nothing was measured", cost.bytes_max);
    far.join().unwrap();
}

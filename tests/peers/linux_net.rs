//! Linux's own TCP and routing as the foreign program, each test in a network namespace of its own:
//! the system's interface as bearer, and what a reset of Linux looks like behind PPP.

#![expect(clippy::disallowed_methods, reason = "the time of the kernel is real")]

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mm1gate::bearer::{Bearer, BearerConfig, CallLabel};
use mm1gate::mm1::{Client, Identity, SubmitOutcome};
use mm1gate::model::{Clock, NoTap, Random, StageSink};
use mm1gate::net::stack::{PacketQueue, Stack, StackConfig};
use mm1gate::net::system::System;
use mm1gate::net::{Net, NetError};
use mm1gate::operators::Settings;
use mm1gate::proto::ppp::{Input, Link, LinkConfig, Output, ServerConfig};
use smoltcp::phy::{Device, Medium, RxToken, TunTapInterface, TxToken};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{sleep, timeout};

use crate::namespace::{inside, sh};

const LIMIT: Duration = Duration::from_secs(20);
const TURN: Duration = Duration::from_millis(1);
const SEND_CONF_OK: &[u8] = b"\x8C\x81\x98T1\0\x8D\x92\x92\x80\x8Bid-1\0";

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn received(tun: &mut TunTapInterface) -> Option<Vec<u8>> {
    let (token, _) = tun.receive(smoltcp::time::Instant::ZERO)?;
    Some(token.consume(<[u8]>::to_vec))
}

pub(crate) fn transmit(tun: &mut TunTapInterface, packet: &[u8]) {
    if let Some(token) = tun.transmit(smoltcp::time::Instant::ZERO) {
        token.consume(packet.len(), |room| room.copy_from_slice(packet));
    }
}

/// Joins an interface of the system and a stack of ours.
async fn join(mut tun: TunTapInterface, mut queue: PacketQueue, packets: &AtomicUsize) {
    loop {
        while let Some(packet) = received(&mut tun) {
            packets.fetch_add(1, Ordering::Relaxed);
            queue.deliver(packet);
        }
        while let Some(packet) = queue.try_next() {
            transmit(&mut tun, &packet);
        }
        sleep(TURN).await;
    }
}

/// A name server that knows every name as 10.99.0.7.
async fn names(stack: &Stack) {
    let socket = stack.bind_udp(53).unwrap();
    loop {
        let (query, from) = socket.receive().await.unwrap();
        let mut reply = query.clone();
        reply[2..12].copy_from_slice(&[0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 99, 0, 7]);
        socket.send(from, &reply).await.unwrap();
    }
}

/// An MMSC that takes one message and then says nothing more.
async fn mmsc(stack: &Stack) {
    let mut listener = stack.listen(8080).unwrap();
    let mut open = Vec::new();
    loop {
        let mut stream = listener.accept().await.unwrap().stream;
        let mut octets = Vec::new();
        let mut block = vec![0; 4096];
        while !octets.ends_with(b"THE END") {
            let count = stream.read(&mut block).await.unwrap_or(0);
            if count == 0 {
                break;
            }
            octets.extend_from_slice(&block[..count]);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", SEND_CONF_OK.len());
        let _ = stream.write_all(&[head.as_bytes(), SEND_CONF_OK].concat()).await;
        open.push(stream);
    }
}

#[test]
#[ignore = "needs unshare, ip"]
fn everything_leaves_by_the_interface_that_is_named() {
    if !inside("linux_net::everything_leaves_by_the_interface_that_is_named") {
        return;
    }
    let modem = TunTapInterface::new("wwan0", Medium::Ip).expect("a TUN device");
    let mut other = TunTapInterface::new("office0", Medium::Ip).expect("another");
    sh("ip addr add 10.64.0.2/30 dev wwan0 && ip link set wwan0 up
        ip addr add 192.0.2.2/24 dev office0 && ip link set office0 up
        ip route add default via 192.0.2.1 dev office0");
    let (far, queue) = Stack::new(StackConfig {
        address: Some(IpAddr::from([10, 99, 0, 1])),
        prefix: 32,
        mtu: 1500,
        any_ip: true,
        name_servers: Vec::new(),
        random: Random::seeded(3),
    });
    runtime().block_on(async {
        let packets = AtomicUsize::new(0);
        let server = IpAddr::from([10, 99, 0, 53]);
        let system = Arc::new(System::over("wwan0", &[server], Random::seeded(4)).unwrap());
        let mut kept = None;
        let through = async {
            let settings =
                Settings { mmsc: "http://mmsc.example:8080/mms".into(), ..Settings::default() };
            let client = Client::new(system.clone(), settings, Identity::default());
            let mut pdu = vec![b'x'; 300_000];
            pdu.extend_from_slice(b"THE END");
            let hook = || async { Ok::<(), Infallible>(()) };
            let sent = client.submit(pdu.into(), "T1", hook, &StageSink::none()).await;
            assert!(matches!(sent, Ok(SubmitOutcome::Accepted { .. })), "{sent:?}");
            assert!(system.octets().0 > 300_000, "{:?}", system.octets());
            let to = SocketAddr::from(([10, 99, 0, 7], 8080));
            kept = Some(system.connect(to, LIMIT).await.expect("the MMSC takes another"));
        };
        tokio::select! {
            done = timeout(LIMIT, through) => done.expect("in time"),
            // Dropped with this, the device is no more.
            () = join(modem, queue, &packets) => unreachable!(),
            () = names(&far) => unreachable!(),
            () = mmsc(&far) => unreachable!(),
        }
        assert!(packets.load(Ordering::Relaxed) > 200);
        let strays: Vec<Vec<u8>> =
            std::iter::from_fn(|| received(&mut other)).filter(|it| it[0] >> 4 == 4).collect();
        assert!(strays.is_empty(), "the default route carried {strays:02x?}");

        let gone = "the interface wwan0: there is no such interface";
        let mut stream = kept.unwrap();
        let mut octet = [0];
        let read = timeout(LIMIT, stream.read(&mut octet)).await.expect("it is noticed");
        assert_eq!(read.unwrap_err().to_string(), gone);
        assert_eq!(system.gone().await.to_string(), gone);
        let to = SocketAddr::from(([10, 99, 0, 7], 8080));
        let error = system.connect(to, LIMIT).await.unwrap_err();
        assert!(matches!(error, NetError::Interface { .. }), "{error}");
        assert!(matches!(
            system.resolve("mmsc.example", LIMIT).await,
            Err(NetError::Interface { .. })
        ));
        let strays = std::iter::from_fn(|| received(&mut other)).filter(|it| it[0] >> 4 == 4);
        assert_eq!(strays.count(), 0, "nothing takes another way when it is gone");
    });
}

const FAR: [u8; 4] = [10, 64, 0, 1];
const NEAR: [u8; 4] = [10, 64, 0, 2];

/// The network's side of a call, with Linux behind it.
async fn network(mut line: DuplexStream, mut tun: TunTapInterface) {
    let config = ServerConfig::new(Ipv4Addr::from(FAR), Ipv4Addr::from(NEAR));
    let mut link = Link::new(LinkConfig::server(config), 4711);
    link.handle_input(Instant::now(), Input::Open);
    let mut octets = vec![0; 8192];
    loop {
        loop {
            match link.poll_output() {
                Output::Transmit(octets) => line.write_all(&octets).await.unwrap(),
                Output::Packet(packet) => transmit(&mut tun, &packet),
                Output::Timeout(_) | Output::Idle => break,
                _ => {}
            }
        }
        if let Ok(read) = timeout(TURN, line.read(&mut octets)).await {
            link.handle_input(Instant::now(), Input::Octets(&octets[..read.unwrap()]));
        }
        while let Some(packet) = received(&mut tun) {
            link.handle_input(Instant::now(), Input::Packet(&packet));
        }
        link.handle_input(Instant::now(), Input::Timeout);
    }
}

#[test]
#[ignore = "needs unshare, ip"]
fn reset_of_linux_over_ppp_is_an_error_and_never_an_end() {
    if !inside("linux_net::reset_of_linux_over_ppp_is_an_error_and_never_an_end") {
        return;
    }
    let tun = TunTapInterface::new("mm1far", Medium::Ip).expect("a TUN device");
    sh("ip addr add 10.64.0.1 peer 10.64.0.2 dev mm1far && ip link set mm1far up");
    let listener = TcpListener::bind((Ipv4Addr::from(FAR), 80)).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut octet = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet).unwrap() == 1 {
                head.push(octet[0]);
            }
            // A body without a length ends where the connection ends.
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\r\n\x8C\x84half of it")
                .unwrap();
            std::thread::sleep(Duration::from_millis(300));
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
            drop(stream);
        }
    });
    runtime().block_on(async {
        let (near, far) = tokio::io::duplex(8192);
        let talk = async {
            let bearer = Bearer::up(
                near,
                BearerConfig::default(),
                CallLabel { modem: "test".into(), call: 1 },
                Arc::new(NoTap),
                Clock::system(),
                Random::seeded(5),
                StageSink::none(),
            )
            .await
            .expect("PPP is up");
            let net = bearer.net();
            let refused = net.connect(SocketAddr::from((FAR, 81)), LIMIT).await.unwrap_err();
            assert_eq!(refused.to_string(), "10.64.0.1:81 refuses the connection");

            let mut stream = net.connect(SocketAddr::from((FAR, 80)), LIMIT).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut body = Vec::new();
            let error = stream.read_to_end(&mut body).await.expect_err("a reset is no end");
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            assert!(body.ends_with(b"half of it"));

            let settings = Settings { mmsc: "http://10.64.0.1/".into(), ..Settings::default() };
            let client = Client::new(bearer.net(), settings, Identity::default());
            let fetched = client.retrieve("http://10.64.0.1/1", "T1", &StageSink::none()).await;
            let error = fetched.expect_err("half a message is no message").to_string();
            assert!(error.contains("broke while receiving the answer"), "{error}");
        };
        tokio::select! {
            done = timeout(LIMIT, talk) => done.expect("in time"),
            () = network(far, tun) => unreachable!(),
        }
    });
}

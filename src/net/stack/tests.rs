//! Two stacks over a wire with delay and loss, in virtual time.

mod lines;
mod names;
mod streams;

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;

const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const LIMIT: Duration = Duration::from_secs(30);

fn stack(address: IpAddr, any_ip: bool) -> (Stack, PacketQueue) {
    Stack::new(StackConfig {
        address: Some(address),
        prefix: 32,
        mtu: 1500,
        any_ip,
        name_servers: vec![IpAddr::from([10, 0, 0, 53])],
        random: Random::seeded(7),
    })
}

/// Carries packets both ways after `delay`; one in `lose` is lost (0: none).
fn wire(mut a: PacketQueue, mut b: PacketQueue, delay: Duration, lose: u64) -> JoinHandle<()> {
    tokio::spawn(async move {
        let random = Random::seeded(lose);
        let (mut to_a, mut to_b) =
            (std::collections::VecDeque::new(), std::collections::VecDeque::new());
        loop {
            let due = [&to_a, &to_b]
                .iter()
                .filter_map(|queue: &&std::collections::VecDeque<(Instant, Vec<u8>)>| queue.front())
                .map(|(at, _)| *at)
                .min();
            tokio::select! {
                biased;
                () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                    let now = Instant::now();
                    while to_a.front().is_some_and(|(at, _)| *at <= now) {
                        a.deliver(to_a.pop_front().unwrap().1);
                    }
                    while to_b.front().is_some_and(|(at, _)| *at <= now) {
                        b.deliver(to_b.pop_front().unwrap().1);
                    }
                }
                packet = a.next() => {
                    if lose == 0 || random.below(lose) != 0 {
                        to_b.push_back((Instant::now() + delay, packet));
                    }
                }
                packet = b.next() => {
                    if lose == 0 || random.below(lose) != 0 {
                        to_a.push_back((Instant::now() + delay, packet));
                    }
                }
            }
        }
    })
}

/// A client and a server that answers for every address.
fn pair(delay_ms: u64, lose: u64) -> (Stack, Stack, JoinHandle<()>) {
    let (client, a) = stack(CLIENT, false);
    let (server, b) = stack(SERVER, true);
    let wire = wire(a, b, Duration::from_millis(delay_ms), lose);
    (client, server, wire)
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::new(SERVER, port)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

/// One connection: the client's end, and the server's.
async fn connected(client: &Stack, server: &Stack) -> (Stream, Stream) {
    let mut listener = server.listen(80).unwrap();
    let (ours, theirs) = tokio::join!(client.connect(at(80), LIMIT), listener.accept());
    (ours.unwrap(), theirs.unwrap().stream)
}

#[tokio::test(start_paused = true)]
async fn octets_arrive_exactly_over_a_line_that_loses_packets() {
    let (client, server, _wire) = pair(100, 30);
    let (mut ours, theirs) = connected(&client, &server).await;
    let (mut reader, mut writer) = tokio::io::split(theirs);
    let echo = tokio::spawn(async move {
        tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let sent = pattern(300_000);
    let progress = ours.progress();
    let (mut read, mut write) = tokio::io::split(&mut ours);
    let mut received = Vec::new();
    let (up, down) = tokio::join!(
        async {
            write.write_all(&sent).await?;
            write.shutdown().await
        },
        read.read_to_end(&mut received)
    );
    up.unwrap();
    down.unwrap();
    assert!(received == sent);
    echo.await.unwrap();
    assert_eq!(
        (progress.handed(), progress.acknowledged(), progress.received()),
        (300_000, 300_000, 300_000)
    );
}

#[tokio::test(start_paused = true)]
async fn half_close_lets_the_answer_come() {
    let (client, server, _wire) = pair(10, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    ours.write_all(b"question").await.unwrap();
    ours.shutdown().await.unwrap();
    let mut question = Vec::new();
    theirs.read_to_end(&mut question).await.unwrap();
    assert_eq!(question, b"question");
    tokio::time::sleep(Duration::from_secs(5)).await;
    theirs.write_all(b"answer").await.unwrap();
    drop(theirs);
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"answer");
}

#[tokio::test(start_paused = true)]
async fn answer_stays_readable_after_time_wait_is_over() {
    let (client, server, _wire) = pair(10, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    ours.shutdown().await.unwrap();
    theirs.write_all(&pattern(20_000)).await.unwrap();
    theirs.shutdown().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer).await.unwrap();
    assert!(answer == pattern(20_000));
    assert_eq!(ours.progress().received(), 20_000);
}

#[tokio::test(start_paused = true)]
async fn reset_is_an_error_and_never_an_end_of_file() {
    let (client, server, _wire) = pair(10, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    ours.write_all(b"never read").await.unwrap();
    theirs.write_all(b"half an answer").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Unread octets: the end of it is a reset.
    drop(theirs);
    let mut answer = Vec::new();
    let error = ours.read_to_end(&mut answer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(ours.write_all(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn refused_silent_and_unreachable_connects_are_told_apart() {
    let (client, _server, _wire) = pair(10, 0);
    let to = at(81).to_string();
    assert_eq!(
        client.connect(at(81), LIMIT).await.unwrap_err(),
        NetError::Refused { to: to.clone() }
    );

    let (client, mut queue) = stack(CLIENT, false);
    let started = Instant::now();
    let silent = tokio::join!(client.connect(at(81), LIMIT), async {
        tokio::select! { () = async { loop { queue.next().await; } } => {}, () = tokio::time::sleep(LIMIT * 2) => {} }
    });
    assert_eq!(silent.0.unwrap_err(), NetError::ConnectTimeout { to: to.clone(), seconds: 30 });
    assert!(started.elapsed() >= LIMIT);

    let (client, mut queue) = stack(CLIENT, false);
    let (result, ()) = tokio::join!(client.connect(at(81), LIMIT), async {
        let syn = queue.next().await;
        // ICMP host unreachable from a router at 10.0.0.9 (RFC 792), quoting header and 8 octets.
        let mut icmp = vec![3, 1, 0, 0, 0, 0, 0, 0];
        icmp.extend_from_slice(&syn[..28]);
        let sum = checksum(&icmp);
        icmp[2..4].copy_from_slice(&sum);
        let mut packet = vec![
            0x45,
            0,
            0,
            20 + icmp.len() as u8,
            0,
            0,
            0,
            0,
            64,
            1,
            0,
            0,
            10,
            0,
            0,
            9,
            10,
            0,
            0,
            2,
        ];
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum);
        packet.extend(icmp);
        queue.deliver(packet);
    });
    assert_eq!(result.unwrap_err(), NetError::Unreachable { to });
}

fn checksum(octets: &[u8]) -> [u8; 2] {
    let sum: u32 =
        octets.chunks(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]]))).sum();
    (!((sum & 0xFFFF) + (sum >> 16)) as u16).to_be_bytes()
}

#[tokio::test(start_paused = true)]
async fn dead_link_fails_every_socket_with_the_reason() {
    let (client, server, wire) = pair(10, 0);
    let (mut ours, theirs) = connected(&client, &server).await;
    let udp = client.udp().unwrap();
    let mut listener = client.listen(8080).unwrap();
    let reason = NetError::LinkDown { reason: "the data call ended".into() };
    let mut buffer = [0; 10];
    let (read, datagram, accepted, connect, ()) = tokio::join!(
        ours.read(&mut buffer),
        udp.receive(),
        listener.accept(),
        client.connect(at(99), LIMIT),
        async {
            tokio::task::yield_now().await;
            wire.abort();
        }
    );
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    assert_eq!(error.get_ref().and_then(|e| e.downcast_ref()), Some(&reason));
    assert_eq!(datagram.unwrap_err(), reason);
    assert_eq!(accepted.unwrap_err(), reason);
    assert_eq!(connect.unwrap_err(), reason);
    assert_eq!(ours.write(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_eq!(client.connect(at(80), LIMIT).await.unwrap_err(), reason);
    assert_eq!(client.resolve("mmsc.example", LIMIT).await.unwrap_err(), reason);
    drop(theirs);
}

#[tokio::test(start_paused = true)]
async fn writer_is_held_back_until_the_reader_reads() {
    let (client, server, _wire) = pair(10, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    let progress = ours.progress();
    let writing = tokio::spawn(async move {
        ours.write_all(&pattern(1_000_000)).await.unwrap();
        ours
    });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!((64_000..600_000).contains(&progress.handed()), "{}", progress.handed());
    let mut received = vec![0; 1_000_000];
    theirs.read_exact(&mut received).await.unwrap();
    assert!(received == pattern(1_000_000));
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_more_than_about_two_packets_wait_for_the_line() {
    let (client, mut a) = stack(CLIENT, false);
    let (server, mut b) = stack(SERVER, true);
    let mut listener = server.listen(80).unwrap();
    let writing = tokio::spawn(async move {
        let mut stream = client.connect(at(80), LIMIT).await.unwrap();
        stream.write_all(&pattern(200_000)).await.unwrap();
        client
    });
    let reading = tokio::spawn(async move {
        let mut received = Vec::new();
        let mut stream = listener.accept().await.unwrap().stream;
        stream.read_to_end(&mut received).await.unwrap();
        received
    });
    while !reading.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut taken = 0;
        while let Some(packet) = a.try_next() {
            b.deliver(packet);
            taken += 1;
            assert!(a.shared.lock().queued() <= 3);
        }
        while let Some(packet) = b.try_next() {
            a.deliver(packet);
        }
        assert!(taken < 100, "there are 137 in all, and what is on the way is bounded");
    }
    writing.await.unwrap();
    assert!(reading.await.unwrap() == pattern(200_000));
}

#[tokio::test(start_paused = true)]
async fn parallel_streams_share_the_line_and_closed_ones_are_removed() {
    let (client, server, _wire) = pair(50, 0);
    let mut listener = server.listen(80).unwrap();
    tokio::spawn(async move {
        while let Ok(accepted) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = tokio::io::split(accepted.stream);
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    let mut streams = Vec::new();
    for number in 0..8_u8 {
        let client = client.clone();
        streams.push(tokio::spawn(async move {
            let mut stream = client.connect(at(80), LIMIT).await.unwrap();
            let sent = vec![number; 30_000];
            stream.write_all(&sent).await.unwrap();
            let mut back = vec![0; 30_000];
            stream.read_exact(&mut back).await.unwrap();
            assert!(back == sent);
        }));
    }
    for stream in streams {
        stream.await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(client.shared.lock().sockets.iter().count(), 0);
    // The listener's own sockets stay.
    assert_eq!(server.shared.lock().sockets.iter().count(), 16);
}

#[tokio::test(start_paused = true)]
async fn dropped_stream_with_unsent_octets_still_delivers_them() {
    let (client, server, _wire) = pair(100, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    ours.write_all(&pattern(40_000)).await.unwrap();
    drop(ours);
    let mut received = Vec::new();
    theirs.read_to_end(&mut received).await.unwrap();
    assert!(received == pattern(40_000));
}

#[tokio::test(start_paused = true)]
async fn names_are_resolved_by_the_server_that_was_asked() {
    let (client, server, _wire) = pair(300, 0);
    let socket = server.bind_udp(53).unwrap();
    tokio::spawn(async move {
        let mut asked = 0;
        while let Ok((query, from)) = socket.receive().await {
            asked += 1;
            if asked == 1 {
                // The first query is lost.
                continue;
            }
            let mut answer = query.clone();
            answer[2] |= 0x80;
            if query.windows(7).any(|part| part == b"missing") {
                answer[3] |= 3;
            } else {
                answer[7] = 1;
                answer.extend_from_slice(b"\xC0\x0C\0\x01\0\x01\0\0\0\x3C\0\x04\x0A\x01\x02\x03");
            }
            socket.send(from, &answer).await.unwrap();
        }
    });
    let found = client.resolve("mmsc.example", LIMIT).await;
    assert_eq!(found, Ok(vec![IpAddr::from([10, 1, 2, 3])]));
    assert_eq!(
        client.resolve("missing.example", LIMIT).await,
        Err(NetError::NameNotFound { name: "missing.example".into() })
    );
    assert_eq!(client.resolve("192.0.2.1", LIMIT).await, Ok(vec![IpAddr::from([192, 0, 2, 1])]));
}

#[tokio::test(start_paused = true)]
async fn name_that_the_first_server_does_not_know_is_asked_of_the_next_one() {
    let (client, server, _wire) = pair(100, 0);
    client.shared.lock().name_servers.push(IpAddr::from([10, 0, 0, 54]));
    let socket = server.bind_udp(53).unwrap();
    tokio::spawn(async move {
        let mut asked = 0;
        while let Ok((query, from)) = socket.receive().await {
            asked += 1;
            let mut answer = query.clone();
            answer[2] |= 0x80;
            if asked == 2 {
                answer[7] = 1;
                answer.extend_from_slice(b"\xC0\x0C\0\x01\0\x01\0\0\0\x3C\0\x04\x0A\x01\x02\x03");
            } else {
                answer[3] |= 3;
            }
            socket.send(from, &answer).await.unwrap();
        }
    });
    let found = client.resolve("mmsc", LIMIT).await;
    assert_eq!(found, Ok(vec![IpAddr::from([10, 1, 2, 3])]));
    let missing = client.resolve("missing", LIMIT).await;
    assert_eq!(missing, Err(NetError::NameNotFound { name: "missing".into() }));
}

#[tokio::test(start_paused = true)]
async fn silent_name_server_is_named_after_the_limit() {
    let (client, _server, _wire) = pair(10, 20);
    let started = Instant::now();
    let silent = client.resolve("mmsc.example", Duration::from_secs(10)).await;
    assert!(matches!(silent, Err(NetError::NameServerSilent { .. })), "{silent:?}");
    assert!(started.elapsed() <= Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn datagrams_go_both_ways_and_too_large_ones_are_refused() {
    let (client, server, _wire) = pair(10, 0);
    let (ours, theirs) = (client.udp().unwrap(), server.bind_udp(9200).unwrap());
    ours.send(at(9200), &pattern(1472)).await.unwrap();
    let (octets, from) = theirs.receive().await.unwrap();
    assert!(octets == pattern(1472));
    theirs.send(from, b"back").await.unwrap();
    assert_eq!(ours.receive().await.unwrap(), (b"back".to_vec(), at(9200)));
    assert!(matches!(
        ours.send(at(9200), &pattern(1473)).await,
        Err(NetError::Limit { limit: 1472, .. })
    ));
}

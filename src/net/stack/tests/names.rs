//! The answer of a name server that does not fit (RFC 7766), and the largest packets and segments.

use smoltcp::wire::{Ipv4Packet, TcpOption, TcpPacket};

use super::*;

/// An answer with these addresses to a query; flags as given.
fn answer(query: &[u8], flags: [u8; 2], addresses: &[[u8; 4]]) -> Vec<u8> {
    let mut octets = query[..2].to_vec();
    octets.extend(flags);
    octets.extend([0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    octets.extend(&query[12..]);
    for address in addresses {
        octets.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        octets.extend(address);
    }
    octets
}

#[tokio::test(start_paused = true)]
async fn answer_that_does_not_fit_is_asked_for_over_tcp() {
    let (client, server, _wire) = pair(20, 0);
    client.shared.lock().name_servers = vec![SERVER];
    let socket = server.bind_udp(53).unwrap();
    let mut listener = server.listen(53).unwrap();
    let serve = tokio::spawn(async move {
        let (query, from) = socket.receive().await.unwrap();
        socket.send(from, &answer(&query, [0x83, 0x80], &[])).await.unwrap();
        let mut stream = listener.accept().await.unwrap().stream;
        let length = stream.read_u16().await.unwrap();
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await.unwrap();
        let whole = answer(&query, [0x81, 0x80], &[[10, 1, 1, 2], [10, 1, 1, 3]]);
        stream.write_u16(u16::try_from(whole.len()).unwrap()).await.unwrap();
        stream.write_all(&whole).await.unwrap();
    });
    let found = client.resolve("mmsc.example", LIMIT).await.unwrap();
    assert_eq!(found, [IpAddr::from([10, 1, 1, 2]), IpAddr::from([10, 1, 1, 3])]);
    serve.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn forged_answers_are_passed_over_and_the_true_one_is_taken() {
    let (client, server, _wire) = pair(20, 0);
    client.shared.lock().name_servers = vec![SERVER];
    let socket = server.bind_udp(53).unwrap();
    let serve = tokio::spawn(async move {
        let (query, from) = socket.receive().await.unwrap();
        let mut other_id = answer(&query, [0x81, 0x80], &[[6, 6, 6, 6]]);
        other_id[1] ^= 1;
        let mut looped = answer(&query, [0x81, 0x80], &[[6, 6, 6, 6]]);
        looped[12] = 0xC0;
        for octets in [other_id, looped, Vec::new(), vec![0xC0; 400]] {
            socket.send(from, &octets).await.unwrap();
        }
        let true_one = answer(&query, [0x81, 0x80], &[[10, 1, 1, 2]]);
        socket.send(from, &true_one).await.unwrap();
        // A socket that is dropped takes with it what has not left yet.
        socket
    });
    let found = client.resolve("mmsc.example", LIMIT).await.unwrap();
    assert_eq!(found, [IpAddr::from([10, 1, 1, 2])]);
    drop(serve.await.unwrap());
}

/// The largest segment that the next SYN announces.
fn mss_of_syn(packet: &[u8]) -> u16 {
    let ip = Ipv4Packet::new_checked(packet).unwrap();
    let tcp = TcpPacket::new_checked(ip.payload()).unwrap();
    assert!(tcp.syn());
    let mut options = tcp.options();
    loop {
        match TcpOption::parse(options).unwrap() {
            (_, TcpOption::MaxSegmentSize(mss)) => return mss,
            (rest, _) => options = rest,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn syn_announces_what_fits_and_a_smaller_mru_of_the_peer_bounds_every_packet() {
    for (mru, mss) in [(1500, 1360), (576, 536), (1400, 1360)] {
        let (client, mut queue) = stack(CLIENT, false);
        client.shared.lock().config.mtu = 1500;
        queue.limit_mtu(1400);
        queue.limit_mtu(mru);
        let connecting = tokio::spawn(async move { client.connect(at(80), LIMIT).await.map(drop) });
        let syn = queue.next().await;
        assert_eq!(mss_of_syn(&syn), mss, "{mru}");
        connecting.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn packets_of_all_sizes_keep_to_the_peers_mru() {
    let (client, mut a) = stack(CLIENT, false);
    let (server, mut b) = stack(SERVER, true);
    a.limit_mtu(576);
    let carried = tokio::spawn(async move {
        loop {
            tokio::select! {
                packet = a.next() => {
                    assert!(packet.len() <= 576, "{}", packet.len());
                    b.deliver(packet);
                }
                packet = b.next() => a.deliver(packet),
            }
        }
    });
    let (mut ours, mut theirs) = connected(&client, &server).await;
    let sent = pattern(50_000);
    let (written, mut got) = (sent.clone(), vec![0; sent.len()]);
    let write = async move { ours.write_all(&written).await.map(|()| ours) };
    let (write, read) = tokio::join!(write, theirs.read_exact(&mut got));
    assert!(write.is_ok() && read.is_ok() && got == sent);
    assert!(!carried.is_finished(), "a packet was too long");
    let socket = client.bind_udp(0).unwrap();
    assert!(socket.send(at(9), &[0; 549]).await.is_err());
    assert!(socket.send(at(9), &[0; 548]).await.is_ok());
}

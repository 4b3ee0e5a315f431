//! What streams promise besides their octets (RFC 9293 clauses 3.8.3 and 3.8.4): an end when nobody
//! acknowledges, probes of a connection that rests, shares of the line.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::core::{KEEP_ALIVE, USER_TIMEOUT};
use super::*;
use crate::net::Progress;

const CUT: usize = 2;

/// A wire from one stack to one of two others, or to nobody, as `to` says.
fn switched(mut a: PacketQueue, mut others: [PacketQueue; 2], to: &Arc<AtomicUsize>) {
    let to = Arc::clone(to);
    tokio::spawn(async move {
        let [first, second] = &mut others;
        loop {
            let (from, packet) = tokio::select! {
                packet = a.next() => (None, packet),
                packet = first.next() => (Some(0), packet),
                packet = second.next() => (Some(1), packet),
            };
            tokio::time::sleep(Duration::from_millis(20)).await;
            match (from, to.load(Ordering::Relaxed)) {
                (None, 0) => first.deliver(packet),
                (None, 1) => second.deliver(packet),
                (Some(from), to) if from == to => a.deliver(packet),
                _ => {}
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn octets_that_nobody_acknowledges_end_the_stream_when_its_patience_is_over() {
    for wanted in [None, Some(Duration::from_secs(30)), Some(Duration::from_secs(600))] {
        let ((client, a), (server, b), (_other, c)) =
            (stack(CLIENT, false), stack(SERVER, true), stack(SERVER, true));
        if let Some(wanted) = wanted {
            client.give_up_after(wanted);
        }
        let to = Arc::new(AtomicUsize::new(0));
        switched(a, [b, c], &to);
        let (mut ours, theirs) = connected(&client, &server).await;
        to.store(CUT, Ordering::Relaxed);
        let cut = Instant::now();
        ours.write_all(b"never heard of").await.unwrap();
        let mut nothing = Vec::new();
        let error = ours.read_to_end(&mut nothing).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let (took, patience) = (cut.elapsed(), wanted.unwrap_or(USER_TIMEOUT));
        // What was sent last before its end may be waited for a while longer.
        assert!((patience..patience + LIMIT * 3).contains(&took), "{wanted:?}: {took:?}");
        drop(theirs);
    }
}

#[tokio::test(start_paused = true)]
async fn connection_that_the_far_end_has_forgotten_is_noticed_while_it_rests() {
    let ((client, a), (server, b), (_anew, c)) =
        (stack(CLIENT, false), stack(SERVER, true), stack(SERVER, true));
    let to = Arc::new(AtomicUsize::new(0));
    switched(a, [b, c], &to);
    let (mut ours, theirs) = connected(&client, &server).await;
    // It has started anew and knows no connection.
    to.store(1, Ordering::Relaxed);
    let rested = Instant::now();
    let mut nothing = Vec::new();
    let error = ours.read_to_end(&mut nothing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(rested.elapsed() < KEEP_ALIVE + LIMIT, "{:?}", rested.elapsed());
    drop(theirs);
}

#[tokio::test(start_paused = true)]
async fn network_that_is_not_ready_for_three_seconds_costs_no_connection() {
    for silence in [1, 3, 6] {
        let ((client, a), (server, b), (_other, c)) =
            (stack(CLIENT, false), stack(SERVER, true), stack(SERVER, true));
        let to = Arc::new(AtomicUsize::new(CUT));
        switched(a, [b, c], &to);
        let silence = Duration::from_secs(silence);
        tokio::spawn(async move {
            tokio::time::sleep(silence).await;
            to.store(0, Ordering::Relaxed);
        });
        let begun = Instant::now();
        let (mut ours, mut theirs) = connected(&client, &server).await;
        // The pause of a SYN is doubled, so that the next one comes before as much again has passed.
        assert!(begun.elapsed() < silence * 2 + Duration::from_secs(2), "{:?}", begun.elapsed());
        ours.write_all(b"all of it").await.unwrap();
        drop(ours);
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"all of it");
    }
}

#[tokio::test(start_paused = true)]
async fn connection_that_rests_lives_as_long_as_its_far_end() {
    let (client, server, _wire) = pair(50, 0);
    let (mut ours, mut theirs) = connected(&client, &server).await;
    tokio::time::sleep(Duration::from_secs(4 * 3600)).await;
    theirs.write_all(b"good morning").await.unwrap();
    drop(theirs);
    let mut heard = Vec::new();
    ours.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"good morning", "no probe is taken for an octet");
}

#[tokio::test(start_paused = true)]
async fn eight_streams_have_equal_shares_of_the_line() {
    const RATE: u64 = 20_000;
    let (client, mut a) = stack(CLIENT, false);
    let (server, mut b) = stack(SERVER, true);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                packet = a.next() => {
                    let takes = Duration::from_micros(packet.len() as u64 * 1_000_000 / RATE);
                    tokio::time::sleep(takes).await;
                    b.deliver(packet);
                }
                packet = b.next() => a.deliver(packet),
            }
        }
    });
    let mut listener = server.listen(80).unwrap();
    let mut streams = Vec::new();
    for _ in 0..8 {
        let (ours, theirs) = tokio::join!(client.connect(at(80), LIMIT), listener.accept());
        let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap().stream);
        let progress = theirs.progress();
        tokio::spawn(async move { ours.write_all(&pattern(2_000_000)).await });
        tokio::spawn(async move { tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await });
        streams.push(progress);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before: Vec<u64> = streams.iter().map(Progress::received).collect();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let shares: Vec<u64> =
        streams.iter().zip(before).map(|(progress, before)| progress.received() - before).collect();
    let (least, most) = (*shares.iter().min().unwrap(), *shares.iter().max().unwrap());
    assert!(most * 10 <= least * 12, "{shares:?}");
    let all: u64 = shares.iter().sum();
    assert!(all * 100 >= RATE * 60 * 90, "{all} octets of {}", RATE * 60);
}

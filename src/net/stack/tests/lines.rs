//! Slow, long, damaged and stalling lines in virtual time, and what share of them a request gets.

#![expect(clippy::print_stdout, reason = "the figures that the tests are about")]

use std::collections::VecDeque;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// One direction of a line.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Octets a second.
    rate: f64,
    delay: Duration,
    /// Octets that wait before the line.
    buffer: f64,
    /// Probability that an octet is damaged, and with it its frame.
    error: f64,
    /// A full buffer holds the sender back (flow control), else it drops.
    holds_back: bool,
    /// Share of the packets that come late, behind others, and of those that come twice.
    odd: f64,
    /// Nothing moves from then on for so long.
    stall: Option<(Duration, Duration)>,
}

struct Lane {
    way: Way,
    begin: Instant,
    random: Random,
    free_at: Instant,
    on_the_way: VecDeque<(Instant, Vec<u8>)>,
    octets: u64,
}

impl Lane {
    fn new(way: Way, seed: u64) -> Self {
        let begin = Instant::now();
        let random = Random::seeded(seed);
        Self { way, begin, random, free_at: begin, on_the_way: VecDeque::new(), octets: 0 }
    }

    /// When there is room for a further packet.
    fn room_at(&self) -> Instant {
        let ahead = Duration::from_secs_f64((self.way.buffer + 1500.0) / self.way.rate);
        self.free_at.checked_sub(ahead).unwrap_or(self.begin)
    }

    fn push(&mut self, packet: Vec<u8>) {
        let now = Instant::now();
        // HDLC: flags, protocol, FCS, and an escape for one octet in 128.
        let octets = packet.len() as f64 * (1.0 + 1.0 / 128.0) + 5.0;
        self.octets += octets as u64;
        if !self.way.holds_back && self.free_at > now {
            let waiting = (self.free_at - now).as_secs_f64() * self.way.rate;
            if waiting + octets > self.way.buffer.max(1600.0) {
                return;
            }
        }
        let mut starts = self.free_at.max(now);
        if let Some((from, long)) = self.way.stall {
            let (from, to) = (self.begin + from, self.begin + from + long);
            if starts >= from && starts < to {
                starts = to;
            }
        }
        self.free_at = starts + Duration::from_secs_f64(octets / self.way.rate);
        let whole = (1.0 - self.way.error).powf(octets);
        if self.lot() >= whole {
            return;
        }
        let mut due = self.free_at + self.way.delay;
        if self.lot() < self.way.odd {
            self.arrive(due + Duration::from_millis(self.random.below(100)), packet.clone());
        }
        if self.lot() < self.way.odd {
            due += Duration::from_millis(self.random.below(100));
        }
        self.arrive(due, packet);
    }

    fn lot(&self) -> f64 {
        self.random.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    fn arrive(&mut self, due: Instant, packet: Vec<u8>) {
        let place = self.on_the_way.partition_point(|(at, _)| *at <= due);
        self.on_the_way.insert(place, (due, packet));
    }

    fn arrived(&mut self) -> Option<Vec<u8>> {
        let due = self.on_the_way.front().is_some_and(|(at, _)| *at <= Instant::now());
        due.then(|| self.on_the_way.pop_front().map(|(_, packet)| packet)).flatten()
    }
}

async fn carry(mut a: PacketQueue, mut b: PacketQueue, mut up: Lane, mut down: Lane) {
    loop {
        while let Some(packet) = up.arrived() {
            b.deliver(packet);
        }
        while let Some(packet) = down.arrived() {
            a.deliver(packet);
        }
        let now = Instant::now();
        let (up_room, down_room) = (up.room_at(), down.room_at());
        let may = |lane: &Lane, room: Instant| !lane.way.holds_back || room <= now;
        let (may_up, may_down) = (may(&up, up_room), may(&down, down_room));
        let due = up.on_the_way.front().into_iter().chain(down.on_the_way.front());
        let due = due.map(|(at, _)| *at);
        let due =
            due.chain((!may_up).then_some(up_room)).chain((!may_down).then_some(down_room)).min();
        tokio::select! {
            biased;
            packet = a.next(), if may_up => up.push(packet),
            packet = b.next(), if may_down => down.push(packet),
            () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {}
        }
    }
}

/// Seconds that a request takes whose body has `up` octets and whose answer has `down`.
fn request(up_way: Way, down_way: Way, up: usize, down: usize, seed: u64) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, a) = stack(CLIENT, false);
        let (server, b) = stack(SERVER, false);
        let lanes = (Lane::new(up_way, seed), Lane::new(down_way, seed + 1));
        tokio::spawn(carry(a, b, lanes.0, lanes.1));
        let mut listener = server.listen(80).unwrap();
        tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().stream;
            let mut body = vec![0; 300 + up];
            stream.read_exact(&mut body).await.unwrap();
            assert!(body == pattern(300 + up));
            stream.write_all(&pattern(200 + down)).await.unwrap();
            stream.shutdown().await.unwrap();
            // Stays until the far end has gone.
            let _ = stream.read(&mut [0]).await;
            std::future::pending::<()>().await;
        });
        let begin = Instant::now();
        let limit = Duration::from_secs(90);
        let mut stream = client.connect(SocketAddr::new(SERVER, 80), limit).await.unwrap();
        let (mut read, mut write) = tokio::io::split(&mut stream);
        let mut answer = vec![0; 200 + down];
        let (sent, got) = tokio::join!(
            async { write.write_all(&pattern(300 + up)).await },
            read.read_exact(&mut answer)
        );
        sent.unwrap();
        got.unwrap();
        assert!(answer == pattern(200 + down));
        begin.elapsed().as_secs_f64()
    })
}

fn both(rate: f64, rtt_ms: u64, buffer: f64, error: f64) -> Way {
    let delay = Duration::from_micros(rtt_ms * 500);
    Way { rate, delay, buffer, error, holds_back: true, odd: 0.0, stall: None }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Body octets at what a line of that rate carries of them, connection and answer.
fn ideal(octets: f64, rate: f64, rtt: f64) -> f64 {
    octets / (0.965 * rate) + 2.0 * rtt
}

/// What Linux's own TCP reaches on such lines is 0.987, 0.960, 0.909, 0.919, 0.962 and 0.968.
#[test]
fn every_line_is_used_as_well_as_its_headers_and_losses_allow() {
    for (name, rtt, error, least) in [
        ("no delay", 0, 0.0, 0.99),
        ("150 ms", 150, 0.0, 0.99),
        ("300 ms", 300, 0.0, 0.99),
        ("150 ms, one octet in 50 000 damaged", 150, 2e-5, 0.95),
    ] {
        let seeds = if error > 0.0 { 15 } else { 1 };
        let way = both(46_080.0, rtt, 16_384.0, error);
        let took = median((0..seeds).map(|s| request(way, way, 300_000, 0, s * 2)).collect());
        let share = ideal(300_000.0, 46_080.0, rtt as f64 / 1000.0) / took;
        println!("300 KB up at 46 080 octets a second, {name}: {share:.4} ({took:.3} s)");
        assert!(share >= least, "{name}: {share:.4}");
    }
    for buffer in [4096.0, 65_536.0] {
        let (up, down) = (both(3000.0, 600, buffer, 0.0), both(6000.0, 600, buffer, 0.0));
        let took = request(up, down, 100_000, 0, 1);
        let share = ideal(100_000.0, 3000.0, 0.6) / took;
        println!("100 KB up at 3 000 octets a second, buffer {buffer}: {share:.4} ({took:.3} s)");
        assert!(share >= 0.985, "buffer {buffer}: {share:.4}");
    }
}

/// A line of the sweep, and what it allows.
fn drawn(seed: u64) -> (Way, Way, usize, usize, f64) {
    let random = Random::seeded(seed);
    let unit = || random.below(1 << 30) as f64 / f64::from(1 << 30);
    let between = |low: f64, high: f64| low * (high / low).powf(unit());
    let rtt = between(0.005, 2.5);
    let holds_back = unit() < 0.5;
    let stall = (unit() < 1.0 / 3.0)
        .then(|| (Duration::from_secs_f64(unit() * 10.0), Duration::from_secs(5)));
    let way = |rate| Way {
        rate,
        delay: Duration::from_secs_f64(rtt / 2.0),
        buffer: between(2048.0, 262_144.0),
        error: if unit() < 0.3 { 0.0 } else { unit() * 5e-5 },
        holds_back,
        odd: 0.0,
        stall,
    };
    let (up_rate, down_rate) = (between(1000.0, 400_000.0), between(1000.0, 400_000.0));
    let (up, down) = (way(up_rate), way(down_rate));
    let octets: usize = 300_000;
    let post = unit() < 0.5;
    let (rate, back) = if post { (up_rate, down_rate) } else { (down_rate, up_rate) };
    // One acknowledgement for two segments goes the other way.
    let line = octets as f64 / (0.965 * rate);
    let acks = octets as f64 / 2920.0 * 46.0 / back;
    let ideal = line.max(acks) + 2.0 * rtt;
    let (up_octets, down_octets) = if post { (octets, 0) } else { (0, octets) };
    (up, down, up_octets, down_octets, ideal)
}

/// `MM1GATE_LINE=17` runs one of them and tells what it is.
#[test]
fn no_line_takes_three_times_as_long_as_it_must() {
    let one = std::env::var("MM1GATE_LINE").ok().and_then(|seed| seed.parse::<u64>().ok());
    let seeds: Vec<u64> = one.map_or_else(|| (0..500).collect(), |seed| vec![seed]);
    let half = seeds.len().div_ceil(2);
    let mut all: Vec<(f64, u64)> = std::thread::scope(|scope| {
        let run = |seeds: &[u64]| seeds.iter().map(|seed| (ratio(*seed), *seed)).collect();
        let workers: Vec<std::thread::ScopedJoinHandle<'_, Vec<(f64, u64)>>> =
            seeds.chunks(half).map(|part| scope.spawn(move || run(part))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let of = |share: usize| all[(all.len() - 1) * share / 100].0;
    println!(
        "{} lines, time to the ideal: median {:.3}, 90 % {:.3}, 99 % {:.3}, worst {:.3}",
        all.len(),
        of(50),
        of(90),
        of(99),
        of(100)
    );
    let bad: Vec<_> = all.iter().filter(|(ratio, _)| *ratio > 3.0).collect();
    assert!(bad.is_empty(), "ratio and MM1GATE_LINE: {bad:?}");
}

/// How many times as long as it must the request on a drawn line takes.
fn ratio(seed: u64) -> f64 {
    let (up, down, sent, got, ideal) = drawn(seed);
    let took = request(up, down, sent, got, seed);
    // A request that is under way when the line stalls waits as long.
    let stalled = up.stall.filter(|(from, _)| from.as_secs_f64() < took);
    let ideal = ideal + stalled.map_or(0.0, |(_, long)| long.as_secs_f64());
    if std::env::var_os("MM1GATE_LINE").is_some() {
        println!(
            "ideal {ideal:.2} s, took {took:.2} s: up {up:?}, down {down:?}, {sent} and {got} octets"
        );
    }
    took / ideal
}

#[test]
fn octets_are_the_same_over_lines_that_lose_repeat_and_shuffle() {
    for seed in 0..60 {
        let random = Random::seeded(seed);
        let way = Way {
            odd: random.below(30) as f64 / 100.0,
            error: random.below(8) as f64 * 2e-5,
            holds_back: random.below(2) == 0,
            ..both(20_000.0, random.below(400), 8192.0, 0.0)
        };
        let took = request(way, way, 60_000, 60_000, seed);
        // What is lost and what is late is told apart well enough not to stand still.
        assert!(took < 40.0, "seed {seed}: {took:.1} s on {way:?}");
    }
}

//! How well a request uses a slow line: our own end on a pseudo-terminal, a line with a rate, a delay,
//! a buffer and damage, and at the other end Linux's TCP (see `benches/README.md`).
//!
//! One JSON object a line:
//! `{"case":"post-300k-460800-150ms","efficiency":0.983,"seconds":7.336,"cpu_ms":6.1,"peer":"linux",...}`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are what this program is for"
)]

#[path = "link/far.rs"]
mod far;
#[path = "link/line.rs"]
mod line;
#[path = "link/near.rs"]
mod near;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use line::Way;
use near::Request;

/// A line and a request on it.
#[derive(Debug, Clone)]
struct Case {
    name: String,
    post: bool,
    /// Octets of the body.
    octets: usize,
    up: Way,
    down: Way,
    rtt: Duration,
    /// Runs whose median counts.
    seeds: u64,
}

impl Case {
    /// What the body takes at 96.5 % of the line's rate, and the round trips of connection and answer.
    fn ideal(&self) -> f64 {
        let rate = if self.post { self.up.rate } else { self.down.rate };
        self.octets as f64 / (0.965 * rate) + 2.0 * self.rtt.as_secs_f64()
    }
}

fn cases() -> Vec<Case> {
    let mut all = Vec::new();
    for (line, rtt, error) in
        [("0ms", 0, 0.0), ("150ms", 150, 0.0), ("300ms", 300, 0.0), ("150ms-ber2e-5", 150, 2e-5)]
    {
        let rtt = Duration::from_millis(rtt);
        let way = Way { rate: 46_080.0, delay: rtt / 2, buffer: 4096, error };
        let seeds = if error > 0.0 { 15 } else { 1 };
        for (kind, post, octets) in [("post-300k", true, 300_000), ("get-600k", false, 600_000)] {
            let name = format!("{kind}-460800-{line}");
            all.push(Case { name, post, octets, up: way, down: way, rtt, seeds });
        }
    }
    for (line, buffer) in [("4k", 4096), ("64k", 65_536)] {
        let rtt = Duration::from_millis(600);
        let way = |rate| Way { rate, delay: rtt / 2, buffer, error: 0.0 };
        for (kind, post) in [("post-100k", true), ("get-100k", false)] {
            let name = format!("{kind}-gprs-{line}");
            let (up, down) = (way(3000.0), way(6000.0));
            all.push(Case { name, post, octets: 100_000, up, down, rtt, seeds: 1 });
        }
    }
    all
}

/// What the arguments ask for.
struct Wanted {
    /// Parts of names of cases; all when empty.
    cases: Vec<String>,
    seeds: Option<u64>,
    /// Lines at the same time.
    jobs: usize,
    own_peer: bool,
}

impl Wanted {
    fn from_arguments() -> Self {
        let mut wanted = Self { cases: Vec::new(), seeds: None, jobs: 6, own_peer: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seeds" => wanted.seeds = arguments.next().and_then(|it| it.parse().ok()),
                "--jobs" => {
                    wanted.jobs = arguments.next().and_then(|it| it.parse().ok()).unwrap_or(6);
                }
                "--own-peer" => wanted.own_peer = true,
                other if other.starts_with("--") => {}
                name => wanted.cases.push(name.to_owned()),
            }
        }
        wanted
    }

    fn takes(&self, case: &Case) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|name| case.name.contains(name))
    }
}

fn main() {
    if let Some(port) = far::asked_for() {
        return far::linux(&port);
    }
    let wanted = Wanted::from_arguments();
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let own_peer = wanted.own_peer || !far::linux_is_possible();
    let mut runs = VecDeque::new();
    for case in cases().into_iter().filter(|case| wanted.takes(case)) {
        let seeds = if case.seeds > 1 { wanted.seeds.unwrap_or(case.seeds) } else { 1 };
        runs.extend((0..seeds).map(|seed| (case.clone(), seed)));
    }
    let runs = Mutex::new(runs);
    let done: Mutex<Vec<(String, near::Measured)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..wanted.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = runs.lock().expect("no run panics").pop_front();
                    let Some((case, seed)) = next else { return };
                    let request = Request { post: case.post, octets: case.octets };
                    match near::run(case.up, case.down, seed, request, own_peer) {
                        Ok(measured) => {
                            done.lock().expect("no run panics").push((case.name.clone(), measured));
                        }
                        Err(error) => eprintln!("{} (seed {seed}): {error}", case.name),
                    }
                }
            });
        }
    });
    let done = done.into_inner().expect("no run panics");
    let mut failed = false;
    for case in cases().into_iter().filter(|case| wanted.takes(case)) {
        let mut all: Vec<_> = done.iter().filter(|(name, _)| *name == case.name).collect();
        all.sort_by(|a, b| a.1.seconds.total_cmp(&b.1.seconds));
        let Some((_, median)) = all.get(all.len() / 2) else {
            failed = true;
            continue;
        };
        println!(
            "{{\"case\":\"{}\",\"efficiency\":{:.4},\"seconds\":{:.3},\"cpu_ms\":{:.1},\
             \"peer\":\"{}\",\"congestion\":\"{}\",\"runs\":{},\"octets_sent\":{},\"octets_received\":{}}}",
            case.name,
            case.ideal() / median.seconds,
            median.seconds,
            median.cpu.as_secs_f64() * 1000.0,
            median.peer,
            median.congestion,
            all.len(),
            median.sent,
            median.received,
        );
    }
    if failed {
        std::process::exit(1);
    }
}

//! A line between two pseudo-terminals: octets go through at a rate, arrive after a delay, may be
//! damaged, and wait in a buffer that holds the sender back when it is full, as RTS/CTS does.
//!
//! A pseudo-terminal keeps 14 to 21 KB of its own in each direction, besides the buffer.

#![expect(clippy::disallowed_methods, reason = "the time on the line is real")]

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mm1gate::model::Random;
use mm1gate::sim::{open_slave, pty_pair};
use rustix::fs::OFlags;

/// How often the line moves.
const STEP: Duration = Duration::from_micros(500);

/// One direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Octets a second.
    pub(crate) rate: f64,
    pub(crate) delay: Duration,
    /// Octets that may wait.
    pub(crate) buffer: usize,
    /// Probability that an octet is damaged.
    pub(crate) error: f64,
}

/// A line that works until it is dropped.
pub(crate) struct Line {
    /// What our end opens.
    pub(crate) near: PathBuf,
    /// What the far end opens.
    pub(crate) far: PathBuf,
    over: Arc<AtomicBool>,
    worker: Option<JoinHandle<()>>,
    /// Kept open, so that a master always has somebody at its other end.
    _held: [OwnedFd; 2],
}

impl Line {
    pub(crate) fn new(up: Way, down: Way, seed: u64) -> io::Result<Self> {
        let (near_master, near, near_held) = pair()?;
        let (far_master, far, far_held) = pair()?;
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let mut lanes = [
            Lane::new(near_master.try_clone()?, far_master.try_clone()?, up, seed * 2),
            Lane::new(far_master, near_master, down, seed * 2 + 1),
        ];
        let worker = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                for lane in &mut lanes {
                    lane.step();
                }
                std::thread::sleep(STEP);
            }
        });
        Ok(Self { near, far, over, worker: Some(worker), _held: [near_held, far_held] })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// A master, the path of its slave, and the slave in raw mode.
fn pair() -> io::Result<(OwnedFd, PathBuf, OwnedFd)> {
    let (master, path) = pty_pair()?;
    do_not_wait(&master)?;
    let slave = open_slave(&path)?;
    Ok((master, path, slave))
}

/// Has reading and writing answer at once.
pub(crate) fn do_not_wait(fd: &OwnedFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    Ok(rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

/// One direction at work.
struct Lane {
    from: OwnedFd,
    to: OwnedFd,
    way: Way,
    random: Random,
    waiting: VecDeque<u8>,
    /// When the last octet was through.
    through: Instant,
    on_the_way: VecDeque<(Instant, Vec<u8>)>,
    /// Octets that pass before the next is damaged.
    sound: u64,
}

impl Lane {
    fn new(from: OwnedFd, to: OwnedFd, way: Way, seed: u64) -> Self {
        let random = Random::seeded(seed);
        let mut lane = Self {
            from,
            to,
            way,
            random,
            waiting: VecDeque::new(),
            through: Instant::now(),
            on_the_way: VecDeque::new(),
            sound: 0,
        };
        lane.sound = lane.draw();
        lane
    }

    /// How many octets pass before one is damaged: a geometric distribution.
    fn draw(&self) -> u64 {
        if self.way.error <= 0.0 {
            return u64::MAX;
        }
        let unit = (self.random.below(1 << 52) + 1) as f64 / (1_u64 << 52) as f64;
        (unit.ln() / (1.0 - self.way.error).ln()) as u64
    }

    fn step(&mut self) {
        let mut octets = [0; 4096];
        while self.waiting.len() < self.way.buffer {
            let room = (self.way.buffer - self.waiting.len()).min(octets.len());
            match rustix::io::read(&self.from, &mut octets[..room]) {
                Ok(read @ 1..) => self.waiting.extend(&octets[..read]),
                _ => break,
            }
        }
        let now = Instant::now();
        if self.waiting.is_empty() {
            self.through = now;
        }
        let elapsed = now.duration_since(self.through).as_secs_f64();
        let count = ((elapsed * self.way.rate) as usize).min(self.waiting.len());
        if count > 0 {
            self.through += Duration::from_secs_f64(count as f64 / self.way.rate);
            let mut chunk: Vec<u8> = self.waiting.drain(..count).collect();
            for octet in &mut chunk {
                if self.sound == 0 {
                    *octet ^= 1 << self.random.below(8);
                    self.sound = self.draw();
                } else {
                    self.sound -= 1;
                }
            }
            self.on_the_way.push_back((self.through + self.way.delay, chunk));
        }
        while let Some((due, chunk)) = self.on_the_way.front_mut() {
            if *due > now {
                break;
            }
            match rustix::io::write(&self.to, chunk) {
                Ok(written) if written == chunk.len() => {
                    self.on_the_way.pop_front();
                }
                Ok(written) => {
                    chunk.drain(..written);
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

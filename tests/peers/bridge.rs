//! A line between a foreign driver and the modem's pseudo-terminal: for drivers that speak to
//! sockets only, and for tests that look at what passed.

#![expect(clippy::disallowed_methods, reason = "a thread of its own, which no runtime waits for")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use mm1gate::sim::{open_slave, pty_pair};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// How long a look at the descriptors lasts before the end of the test is noticed.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// How long an answer to a command is waited for.
const ANSWERED: Timespec = Timespec { tv_sec: 3, tv_nsec: 0 };
/// How often a command is sent.
const TRIES: u32 = 5;

/// Which way octets went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the driver.
    ToModem,
    /// From the modem.
    ToDriver,
}

type Record = Arc<Mutex<Vec<(Way, Vec<u8>)>>>;

/// A bridge; it ends with this value.
pub(crate) struct Bridge {
    record: Record,
    over: Arc<AtomicBool>,
    worker: Option<JoinHandle<()>>,
    /// What passed, for a look at a test that failed.
    notes: PathBuf,
}

impl Bridge {
    /// Listens on loopback; where.
    pub(crate) fn tcp(tty: PathBuf) -> (Self, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        (Self::start(tty, move || Some(listener.accept().ok()?.0.into())), address)
    }

    /// Listens on an abstract socket of this name.
    pub(crate) fn abstract_socket(tty: PathBuf, name: &str) -> Self {
        let address = std::os::unix::net::SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self::start(tty, move || Some(listener.accept().ok()?.0.into()))
    }

    /// Makes a pseudo-terminal under the name `link`.
    pub(crate) fn terminal(tty: PathBuf, link: &Path) -> Self {
        let (near, far) = pty_pair().unwrap();
        std::os::unix::fs::symlink(&far, link).unwrap();
        Self::start(tty, move || {
            let mut fds = [PollFd::new(&near, PollFlags::IN)];
            poll(&mut fds, Some(&LOOK)).ok()?;
            let closed = fds[0].revents().contains(PollFlags::HUP);
            if closed { None } else { near.try_clone().ok() }
        })
    }

    fn start(tty: PathBuf, accept: impl Fn() -> Option<OwnedFd> + Send + 'static) -> Self {
        let (record, over) = (Record::default(), Arc::new(AtomicBool::new(false)));
        let (kept, ended) = (Arc::clone(&record), Arc::clone(&over));
        let notes = tty.with_file_name("bridge.txt");
        let worker = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                match accept() {
                    Some(driver) => {
                        let modem = open_slave(&tty).expect("the modem's terminal");
                        // The line ends like a cable that is pulled.
                        let _ = carry(&driver, &modem, &kept, &ended);
                    }
                    None => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        });
        Self { record, over, worker: Some(worker), notes }
    }

    /// What went one way so far.
    pub(crate) fn octets(&self, way: Way) -> Vec<u8> {
        let record = self.record.lock().unwrap();
        record.iter().filter(|(went, _)| *went == way).flat_map(|(_, o)| o.clone()).collect()
    }

    /// The command lines that the driver sent so far.
    pub(crate) fn commands(&self) -> Vec<String> {
        let octets = self.octets(Way::ToModem);
        let text = String::from_utf8_lossy(&octets);
        let lines = text.split(['\r', '\n', '\u{1a}']).map(str::trim);
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = record.iter().map(|(way, octets)| {
            let sign = if *way == Way::ToModem { '>' } else { '<' };
            format!("{sign} {}\n", octets.escape_ascii())
        });
        let _ = std::fs::write(&self.notes, lines.collect::<String>());
    }
}

/// Sends one command to the modem, before any driver does, and waits for OK. A call that somebody
/// has left up a moment ago may still be over only when the port is closed once more.
pub(crate) fn command(tty: &Path, line: &str) {
    for _ in 0..TRIES {
        let modem = open_slave(tty).unwrap();
        write_all(modem.as_fd(), format!("{line}\r").as_bytes()).unwrap();
        let mut answer = Vec::new();
        loop {
            let mut fds = [PollFd::new(&modem, PollFlags::IN)];
            if poll(&mut fds, Some(&ANSWERED)).unwrap() == 0 {
                break;
            }
            let mut buffer = [0; 64];
            let count = rustix::io::read(&modem, &mut buffer).unwrap();
            assert!(count > 0, "{line}: the modem closed");
            answer.extend_from_slice(&buffer[..count]);
            if answer.ends_with(b"OK\r\n") {
                return;
            }
        }
        drop(modem);
        std::thread::sleep(Duration::from_secs(1));
    }
    panic!("{line}: no OK, {TRIES} times");
}

fn carry(driver: &OwnedFd, modem: &OwnedFd, record: &Record, over: &AtomicBool) -> io::Result<()> {
    for fd in [driver, modem] {
        fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
    }
    let ways = [(driver, modem, Way::ToModem), (modem, driver, Way::ToDriver)];
    while !over.load(Ordering::Relaxed) {
        let mut fds = [PollFd::new(driver, PollFlags::IN), PollFd::new(modem, PollFlags::IN)];
        poll(&mut fds, Some(&LOOK))?;
        let ready = fds.map(|fd| !fd.revents().is_empty());
        for ((from, to, way), _) in ways.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            let mut buffer = [0; 4096];
            let count = rustix::io::read(from, &mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            record.lock().unwrap().push((way, buffer[..count].to_vec()));
            write_all(to.as_fd(), &buffer[..count])?;
        }
    }
    Ok(())
}

fn write_all(to: std::os::fd::BorrowedFd<'_>, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        match rustix::io::write(to, octets) {
            Ok(count) => octets = &octets[count..],
            Err(rustix::io::Errno::AGAIN) => {
                poll(&mut [PollFd::new(&to, PollFlags::OUT)], Some(&LOOK))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

//! The serial ports of this machine: exclusive, never flushed, with errors that say who has them.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use mio_serial::{SerialPort, SerialStream};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::lockfile::{self, LockFile};
use super::profile::{FlowControl, Serial};
use super::{OpenPort, Port, PortError, PortOpener};

/// Most ports named in an error.
const MAX_NAMED: usize = 8;

/// Bits per second until [`Port::set_serial`] says otherwise.
const FIRST_SPEED: u32 = 115_200;

/// How long a full port is left alone: its buffer, 4 KB and more, lasts longer on any serial line.
const FULL_PAUSE: Duration = Duration::from_millis(4);

/// Major device numbers of pseudo-terminals below /dev/pts on Linux.
const UNIX98_SLAVES: std::ops::RangeInclusive<u32> = 136..=143;

/// The serial ports of this machine, opened for this program alone (`TIOCEXCL` and `flock`).
#[derive(Debug, Clone, Copy)]
pub struct SystemPorts;

impl PortOpener for SystemPorts {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let (port, lock) = open(name)?;
            Ok(Box::new(SystemPort { stream: Some(port), lock, full: None }) as Box<dyn Port>)
        })
    }
}

struct SystemPort {
    /// None only while it is being closed. Watched for octets to read only: the kernel announces room
    /// to write each time a few octets have left, and a wake-up costs more than they are worth.
    stream: Option<AsyncFd<SerialStream>>,
    lock: Option<LockFile>,
    /// The port was full: it is offered octets again then.
    full: Option<Pin<Box<Sleep>>>,
}

impl SystemPort {
    fn stream(&mut self) -> io::Result<&mut AsyncFd<SerialStream>> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn serial(&mut self) -> Option<&mut SerialStream> {
        self.stream.as_mut().map(AsyncFd::get_mut)
    }
}

impl Drop for SystemPort {
    /// The kernel waits up to half a minute (`closing_wait`) for octets that a modem does not take
    /// any more. They are thrown away where the driver can do that; those of `usbserial` cannot,
    /// and only root may tell them not to wait. Then a thread of its own waits: nobody else's modem
    /// shall stand still meanwhile. This port stays busy for that time, and is tried again.
    fn drop(&mut self) {
        let Some(stream) = self.stream.take().map(AsyncFd::into_inner) else { return };
        let lock = self.lock.take();
        let _ = stream.clear(mio_serial::ClearBuffer::All);
        if matches!(stream.bytes_to_write(), Ok(1..)) {
            close_elsewhere((stream, lock));
        }
    }
}

/// Drops on a thread of its own; here where there can be none.
fn close_elsewhere<T: Send + 'static>(held: T) {
    let _ = std::thread::Builder::new().name("close".to_owned()).spawn(move || drop(held));
}

impl Port for SystemPort {
    fn set_dtr(&mut self, on: bool) -> bool {
        self.serial().is_some_and(|it| it.write_data_terminal_ready(on).is_ok())
    }

    fn set_serial(&mut self, serial: Serial) -> bool {
        let flow = match serial.flow_control {
            FlowControl::None => mio_serial::FlowControl::None,
            FlowControl::Hardware => mio_serial::FlowControl::Hardware,
        };
        self.serial().is_some_and(|it| {
            it.set_flow_control(flow).is_ok() && it.set_baud_rate(serial.baud).is_ok()
        })
    }

    fn carrier(&mut self) -> Option<bool> {
        self.serial()?.read_carrier_detect().ok()
    }
}

impl AsyncRead for SystemPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.stream()?;
        loop {
            let mut guard = ready!(stream.poll_read_ready_mut(cx))?;
            let read = guard.get_inner_mut().read(buf.initialize_unfilled());
            match read {
                Ok(octets) => {
                    // All that was there; the kernel tells when more comes.
                    if octets < buf.remaining() {
                        guard.clear_ready();
                    }
                    buf.advance(octets);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SystemPort {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(pause) = self.full.as_mut() {
                ready!(pause.as_mut().poll(cx));
                self.full = None;
            }
            match self.stream()?.get_mut().write(octets) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.full = Some(Box::pin(sleep(FULL_PAUSE)));
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    // The stream's own flush and shutdown wait in the kernel until the line is drained.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn open(name: &str) -> Result<(AsyncFd<SerialStream>, Option<LockFile>), PortError> {
    let port = || name.to_owned();
    let path = match fs::canonicalize(name) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(PortError::Missing { port: port(), present: present() });
        }
        Err(error) => return Err(from_io(name, &error)),
    };
    let device = fs::metadata(&path).map_err(|error| from_io(name, &error))?;
    if !device.file_type().is_char_device() {
        return Err(PortError::NotSerial { port: port() });
    }
    // Root gets past TIOCEXCL and most programs do not flock: look who is there.
    let named_tty =
        path.file_name().and_then(|it| it.to_str()).is_some_and(|it| it.starts_with("tty"));
    let is_tty = named_tty || UNIX98_SLAVES.contains(&rustix::fs::major(device.rdev()));
    if is_tty && let Some(by) = holder(device.rdev(), false) {
        return Err(PortError::Busy { port: port(), by: Some(by) });
    }
    let file_name = path.file_name().and_then(|it| it.to_str()).filter(|_| named_tty);
    let lock = match file_name.map(|it| LockFile::take(Path::new(lockfile::FOLDER), it)) {
        Some(Ok(lock)) => lock,
        Some(Err(process)) => {
            let by = describe(&PathBuf::from(format!("/proc/{process}")), process);
            return Err(PortError::Busy { port: port(), by: Some(by) });
        }
        None => None,
    };
    let opened = SerialStream::open(&mio_serial::new(path.to_string_lossy(), FIRST_SPEED));
    let stream = opened.map_err(|error| match error.kind() {
        mio_serial::ErrorKind::NoDevice => {
            PortError::Busy { port: port(), by: holder(device.rdev(), true) }
        }
        mio_serial::ErrorKind::Io(kind) => from_io(name, &kind.into()),
        _ if error.description.contains("typewriter") || error.description.contains("ioctl") => {
            PortError::NotSerial { port: port() }
        }
        _ => PortError::Io { port: port(), text: error.description.clone() },
    })?;
    #[expect(deprecated, reason = "what replaces it is unsafe; the stream keeps its descriptor")]
    let watched = AsyncFd::with_interest(stream, Interest::READABLE);
    watched.map(|stream| (stream, lock)).map_err(|error| from_io(name, &error))
}

fn from_io(name: &str, error: &io::Error) -> PortError {
    let port = name.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            PortError::Missing { port, present: present() }
        }
        io::ErrorKind::PermissionDenied => PortError::Denied { port },
        io::ErrorKind::ResourceBusy => PortError::Busy { port, by: None },
        _ => PortError::Io { port, text: error.to_string() },
    }
}

/// Serial ports that exist: by their stable names where there are any.
fn present() -> Vec<String> {
    let list = |folder: &str, keep: fn(&str) -> bool| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> =
            entries.map(|it| it.path()).filter(|path| path.to_str().is_some_and(keep)).collect();
        found.sort();
        found
    };
    let mut found = list("/dev/serial/by-id", |_| true);
    if found.is_empty() {
        found = list("/dev", |path| {
            ["ttyUSB", "ttyACM", "ttyAMA", "ttyGSM"].iter().any(|name| path.contains(name))
        });
    }
    let left_off = found.len().saturating_sub(MAX_NAMED);
    let mut names: Vec<String> =
        found.iter().take(MAX_NAMED).map(|path| path.display().to_string()).collect();
    if left_off > 0 {
        names.push(format!("{left_off} more"));
    }
    names
}

/// Name and process number of a program that has this port open; none when nobody has, or when
/// only root could see who.
#[must_use]
pub fn port_holder(port: &str) -> Option<String> {
    let device = fs::metadata(port).ok().filter(|it| it.file_type().is_char_device())?;
    holder(device.rdev(), false)
}

/// Name and process number of a process that has the device open. Only root sees everybody's.
/// The other end of a pseudo-terminal often holds this one open as well, and means no harm: it
/// counts with `other_end`.
fn holder(device: u64, other_end: bool) -> Option<String> {
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(number) = process.file_name().to_str().and_then(|it| it.parse::<u32>().ok())
        else {
            continue;
        };
        let holds = |entry: fs::DirEntry| {
            let target = fs::read_link(entry.path()).ok()?;
            let metadata =
                target.starts_with("/dev").then(|| fs::metadata(entry.path()).ok()).flatten()?;
            (metadata.file_type().is_char_device() && metadata.rdev() == device).then_some(())
        };
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        if files.into_iter().any(|entry| holds(entry).is_some())
            && (other_end || !has_other_end(&process.path(), device))
        {
            return Some(describe(&process.path(), number));
        }
    }
    None
}

/// Whether the process has the master of this pseudo-terminal, too (Linux tells its number).
fn has_other_end(process: &Path, device: u64) -> bool {
    let major = rustix::fs::major(device);
    if !UNIX98_SLAVES.contains(&major) {
        return false;
    }
    let index = (major - UNIX98_SLAVES.start()) * 256 + rustix::fs::minor(device);
    let files = fs::read_dir(process.join("fdinfo")).into_iter().flatten().flatten();
    files.into_iter().any(|entry| {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let told = text.lines().find_map(|line| line.strip_prefix("tty-index:"));
        told.is_some_and(|told| told.trim().parse() == Ok(index))
    })
}

fn describe(process: &Path, number: u32) -> String {
    if number == std::process::id() {
        return "this program itself".to_owned();
    }
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let name = name.trim();
    let name = if name.is_empty() { "a process" } else { name };
    format!("{name} (process {number})")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pty() -> (File, String) {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        (File::from(master), name)
    }

    async fn error_of(name: &str) -> PortError {
        SystemPorts.open(name).await.err().expect("the port cannot be opened")
    }

    #[tokio::test]
    async fn missing_port_is_named_with_those_that_exist() {
        let error = error_of("/dev/ttyUSB99").await;
        assert!(matches!(error, PortError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("/dev/ttyUSB99 does not exist"));
    }

    #[tokio::test]
    async fn file_and_other_devices_are_no_serial_port() {
        for name in ["/dev/null", "/proc/self/stat", "/"] {
            let error = error_of(name).await;
            assert!(matches!(error, PortError::NotSerial { .. }), "{name}: {error:?}");
        }
    }

    #[tokio::test]
    async fn pty_works_without_control_lines_and_vanishes_with_its_master() {
        let (master, name) = pty();
        let mut port = SystemPorts.open(&name).await.unwrap();
        assert!(!port.set_dtr(false));
        assert_eq!(port.carrier(), None);
        port.write_all(b"AT\r").await.unwrap();
        let mut octets = [0; 3];
        io::Read::read_exact(&mut &master, &mut octets).unwrap();
        assert_eq!(&octets, b"AT\r");
        io::Write::write_all(&mut &master, b"OK\r\n").unwrap();
        let mut octets = [0; 4];
        port.read_exact(&mut octets).await.unwrap();
        assert_eq!(&octets, b"OK\r\n");
        drop(master);
        assert!(!matches!(port.read(&mut octets).await, Ok(1..)));
    }

    #[tokio::test]
    async fn line_settings_of_a_profile_reach_the_port() {
        let (master, name) = pty();
        let mut port = SystemPorts.open(&name).await.unwrap();
        let settings = || rustix::termios::tcgetattr(&master).unwrap();
        let flow = |it: &rustix::termios::Termios| {
            it.control_modes.contains(rustix::termios::ControlModes::CRTSCTS)
        };
        assert_eq!((settings().output_speed(), flow(&settings())), (115_200, false));
        for (profile, speed, flows) in
            [("multitech", 230_400, true), ("siemens", 115_200, true), ("huawei", 115_200, false)]
        {
            let profile = crate::modem::Profiles::embedded().named(profile).unwrap();
            assert!(port.set_serial(profile.serial));
            let now = settings();
            assert_eq!((now.output_speed(), now.input_speed(), flow(&now)), (speed, speed, flows));
        }
    }

    #[tokio::test]
    async fn paths_that_lead_nowhere_are_missing() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("modem");
        std::os::unix::fs::symlink(folder.path().join("unplugged"), &link).unwrap();
        for name in [link.to_str().unwrap(), "/dev/null/modem", ""] {
            let error = error_of(name).await;
            assert!(matches!(error, PortError::Missing { .. }), "{name}: {error:?}");
        }
    }

    #[tokio::test]
    async fn port_of_another_process_is_busy_and_says_whose() {
        let (_master, name) = pty();
        let slave = File::options().read(true).write(true).open(&name).unwrap();
        let mut other = std::process::Command::new("sleep").arg("60").stdin(slave).spawn().unwrap();
        let error = error_of(&name).await;
        other.kill().unwrap();
        other.wait().unwrap();
        let by = format!("sleep (process {})", other.id());
        assert_eq!(error, PortError::Busy { port: name.clone(), by: Some(by) });
        assert_eq!(error.to_string().lines().count(), 1);
        SystemPorts.open(&name).await.unwrap();
    }

    #[tokio::test]
    async fn locked_port_is_busy_though_its_holder_has_the_other_end() {
        let (_master, name) = pty();
        let slave = File::open(&name).unwrap();
        SystemPorts.open(&name).await.unwrap();
        rustix::fs::flock(&slave, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let error = error_of(&name).await;
        assert!(matches!(error, PortError::Busy { by: Some(_), .. }), "{error:?}");
    }

    #[tokio::test]
    async fn port_that_is_open_already_is_busy_and_says_by_whom() {
        let (_master, name) = pty();
        let _port = SystemPorts.open(&name).await.unwrap();
        let error = error_of(&name).await;
        let PortError::Busy { by, .. } = &error else { panic!("{error:?}") };
        assert_eq!(by.as_deref(), Some("this program itself"));
    }

    #[test]
    fn port_that_is_slow_to_close_keeps_nobody_waiting() {
        struct Slow(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>);
        impl Drop for Slow {
            fn drop(&mut self) {
                // What the kernel does with octets that nobody takes.
                let _ = self.0.recv();
                let _ = self.1.send(());
            }
        }
        let (drained, waits) = std::sync::mpsc::channel();
        let (closed, is_closed) = std::sync::mpsc::channel();
        close_elsewhere(Slow(waits, closed));
        assert!(is_closed.try_recv().is_err(), "closing has not ended, and this goes on");
        drained.send(()).unwrap();
        is_closed.recv().unwrap();
    }
}

//! Pseudo-terminals: the modem's ports for programs of the host, and the line of an external PPP
//! peer (POSIX.1-2017 pty interface).

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::modem::{PortRole, VirtualModem};

/// How often a closed port is looked at: nothing tells when somebody opens it again.
const REOPEN_POLL: Duration = Duration::from_millis(20);

/// A pseudo-terminal in raw mode: its master, and the path of its slave.
///
/// # Errors
/// What the system says.
pub fn pty_pair() -> io::Result<(OwnedFd, PathBuf)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = rustix::pty::openpt(flags)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(name.into_bytes()));
    // Opened and closed once: raw mode stays, and from now on "nobody has it open" shows.
    drop(open_slave(&path)?);
    Ok((master, path))
}

/// The master of a pseudo-terminal.
#[derive(Debug)]
pub(super) struct Master(OwnedFd);

impl Master {
    /// Opens a pair in raw mode; the slave's path.
    pub(super) fn open() -> io::Result<(Self, PathBuf)> {
        let (master, path) = pty_pair()?;
        rustix::fs::fcntl_setfl(&master, rustix::fs::fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        Ok((Self(master), path))
    }

    /// The octets, while somebody has the slave open; they end when the last one closes it.
    ///
    /// Each opening needs octets of its own: a hang-up stays in an `AsyncFd` for good, which then
    /// is always ready and never has anything.
    pub(super) fn octets(&self) -> io::Result<Octets> {
        Ok(Octets(registered(self.0.try_clone()?)?))
    }

    /// Whether somebody has the slave open.
    fn is_open(&self) -> bool {
        let mut fds = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        match rustix::event::poll(&mut fds, Some(&now)) {
            Ok(_) => {
                fds.first().is_some_and(|fd| !fd.revents().contains(rustix::event::PollFlags::HUP))
            }
            Err(_) => false,
        }
    }

    /// Waits until somebody opens the slave.
    async fn opened(&self) {
        while !self.is_open() {
            tokio::time::sleep(REOPEN_POLL).await;
        }
    }
}

/// What passes through a master during one opening of its slave.
#[derive(Debug)]
pub(super) struct Octets(AsyncFd<OwnedFd>);

#[expect(deprecated, reason = "its successor is unsafe, and an OwnedFd is what it asks for")]
fn registered(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

/// Opens a slave without making it a controlling terminal and sets raw mode.
///
/// # Errors
/// What the system says.
pub fn open_slave(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let slave = rustix::fs::open(path, flags, Mode::empty())?;
    let mut termios = rustix::termios::tcgetattr(&slave)?;
    termios.make_raw();
    rustix::termios::tcsetattr(&slave, OptionalActions::Now, &termios)?;
    Ok(slave)
}

impl AsyncRead for Octets {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            let was_closed = guard.ready().is_read_closed();
            let read = guard.try_io(|fd| {
                let unfilled = buf.initialize_unfilled();
                Ok(rustix::io::read(fd.get_ref(), unfilled)?)
            });
            match read {
                Ok(Ok(count)) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                // The last one who had the slave open closed it.
                Ok(Err(error))
                    if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) =>
                {
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                // Closed and opened again since: the new one is not to inherit a call.
                Err(_would_block) if was_closed => return Poll::Ready(Ok(())),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Octets {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(cx))?;
            match guard.try_io(|fd| Ok(rustix::io::write(fd.get_ref(), octets)?)) {
                Ok(written) => return Poll::Ready(written),
                Err(_would_block) => {}
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A port of the virtual modem on a pseudo-terminal, under a name of the caller's choice. The
/// name goes when this is dropped.
#[derive(Debug)]
pub struct PtyPort {
    master: Master,
    slave: PathBuf,
    link: PathBuf,
}

impl PtyPort {
    /// Makes the pseudo-terminal and a symbolic link to it. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the system has no pseudo-terminal left, or something that is no link to a
    /// pseudo-terminal has the name already.
    pub fn create(link: &Path) -> io::Result<Self> {
        let (master, slave) = Master::open()?;
        match fs::read_link(link) {
            // Left behind by a run that was killed.
            Ok(target) if target.starts_with("/dev/pts") => fs::remove_file(link)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) if link.symlink_metadata().is_ok() => {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Err(_) => {}
        }
        std::os::unix::fs::symlink(&slave, link)?;
        Ok(Self { master, slave, link: link.to_owned() })
    }

    /// The terminal itself, for example `/dev/pts/7`.
    #[must_use]
    pub fn slave(&self) -> &Path {
        &self.slave
    }

    /// The name given to it.
    #[must_use]
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Serves the modem on it for ever: closing the slave is DTR drop, opening it again goes on
    /// with the same modem.
    pub async fn serve(&self, modem: &VirtualModem, role: PortRole) {
        loop {
            self.master.opened().await;
            match self.master.octets() {
                Ok(octets) => modem.serve(role, Box::new(octets)).await,
                Err(error) => tracing::error!(%error, "the pseudo-terminal cannot be read"),
            }
            if modem.is_stopped() {
                return;
            }
            // A session may also end for other reasons than a closed slave.
            tokio::time::sleep(REOPEN_POLL).await;
        }
    }
}

impl Drop for PtyPort {
    fn drop(&mut self) {
        if fs::read_link(&self.link).is_ok_and(|target| target == self.slave) {
            let _ = fs::remove_file(&self.link);
        }
    }
}

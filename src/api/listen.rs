//! The listeners: TCP for browsers and programs, a socket in the data folder for this program's
//! own commands.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::serving::{self, Serving};
use super::{Access, router};
use crate::gateway::{Gateway, TlsFiles};

/// Name of the socket inside the data folder.
pub const SOCKET_NAME: &str = "mm1gate.sock";

/// How long requests that are under way may take after the end was announced.
const GRACE: Duration = Duration::from_secs(2);

/// The listeners of one process.
pub struct Listeners {
    tcp: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    socket: Option<(UnixListener, PathBuf)>,
}

impl Listeners {
    /// No listener yet.
    #[must_use]
    pub const fn none() -> Self {
        Self { tcp: None, tls: None, socket: None }
    }

    /// Listens on TCP and says where (the port may have been 0).
    ///
    /// # Errors
    /// What the operating system says, for example that the address is in use.
    pub async fn tcp(&mut self, listen: SocketAddr) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        self.tcp = Some(listener);
        Ok(address)
    }

    /// Speaks TLS alone over TCP, with this certificate and key.
    ///
    /// # Errors
    /// When the files cannot be read, or do not belong together.
    pub fn tls(&mut self, files: &TlsFiles) -> io::Result<()> {
        self.tls = Some(serving::acceptor(files)?);
        Ok(())
    }

    /// Listens on the socket in `data_dir`, readable and writable by its owner alone. Only who
    /// holds the lock of the folder may call this: a socket that is there already is left over
    /// from a process that ended, and is replaced.
    ///
    /// # Errors
    /// What the operating system says, for example that the path is too long for a socket.
    pub fn socket(&mut self, data_dir: &Path) -> io::Result<()> {
        let path = data_dir.join(SOCKET_NAME);
        // Made aside and moved into its place, so that it never has wider permissions there.
        let aside = data_dir.join("mm1gate.new");
        remove(&aside)?;
        let listener = UnixListener::bind(&aside)?;
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&aside, &path)?;
        self.socket = Some((listener, path));
        Ok(())
    }

    /// Answers requests until `shutdown`, then finishes those that are under way.
    ///
    /// # Errors
    /// What the operating system says when a listener fails.
    pub async fn serve(self, gateway: Gateway, shutdown: CancellationToken) -> io::Result<()> {
        let path = self.socket.as_ref().map(|(_, path)| path.clone());
        let policy = gateway.config().api.clone();
        let tls = self.tls;
        let tcp = async {
            let Some(listener) = self.tcp else { return Ok(()) };
            let access = Access::Tcp { listen: listener.local_addr()? };
            let app = router(gateway.clone(), access, shutdown.clone());
            Serving::new(app, shutdown.clone()).tcp(listener, tls, &policy).await
        };
        let socket = async {
            let Some((listener, _)) = self.socket else { return Ok(()) };
            let app = router(gateway.clone(), Access::Socket, shutdown.clone());
            Serving::new(app, shutdown.clone()).unix(listener).await
        };
        let both = async {
            let (tcp, socket) = tokio::join!(tcp, socket);
            tcp.and(socket)
        };
        let patience_ends = async {
            shutdown.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        let served = tokio::select! {
            biased;
            served = both => served,
            () = patience_ends => Ok(()),
        };
        match path {
            Some(path) => remove(&path).and(served),
            None => served,
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stale_socket_is_replaced_and_private() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(SOCKET_NAME);
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a stale socket"));
        let mut listeners = Listeners::none();
        listeners.socket(dir.path()).expect("a socket");
        let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::net::UnixStream::connect(&path).expect("somebody listens");
    }
}

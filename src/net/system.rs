//! The system's own network, for an interface that the operating system brought up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use super::{BoxFuture, Datagrams, Net, NetError, Progress, Stream};

/// The system's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Net for System {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        Box::pin(async move {
            let name = to.to_string();
            let stream = timeout(limit, TcpStream::connect(to))
                .await
                .map_err(|_| NetError::ConnectTimeout {
                    to: name.clone(),
                    seconds: limit.as_secs(),
                })?
                .map_err(|error| match error.kind() {
                    io::ErrorKind::ConnectionRefused => NetError::Refused { to: name },
                    io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                        NetError::Unreachable { to: name }
                    }
                    _ => NetError::Io(error.to_string()),
                })?;
            // Only a matter of speed.
            let _ = stream.set_nodelay(true);
            let progress = Progress::default();
            Ok(Stream::new(Box::new(Counted { stream, progress: progress.clone() }), progress))
        })
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        Box::pin(async move {
            let silent = || NetError::NameServerSilent { name: name.to_owned() };
            let unknown = || NetError::NameNotFound { name: name.to_owned() };
            let looked_up = timeout(limit, lookup_host((name, 0)))
                .await
                .map_err(|_| silent())?
                .map_err(|_| unknown())?;
            let mut addresses: Vec<IpAddr> = looked_up.map(|socket| socket.ip()).collect();
            addresses.dedup();
            if addresses.is_empty() { Err(unknown()) } else { Ok(addresses) }
        })
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        let failed = |error: io::Error| NetError::Io(error.to_string());
        let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Box::new(SystemDatagrams(UdpSocket::from_std(socket).map_err(failed)?)))
    }
}

/// Octets that the system took count as acknowledged: it does not tell more.
struct Counted {
    stream: TcpStream,
    progress: Progress,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.progress.add_received((buf.filled().len() - before) as u64);
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, octets);
        if let Poll::Ready(Ok(taken)) = &result {
            self.progress.add_handed(*taken as u64);
            self.progress.set_acknowledged(self.progress.handed());
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[derive(Debug)]
struct SystemDatagrams(UdpSocket);

impl Datagrams for SystemDatagrams {
    fn send<'a>(&'a self, to: SocketAddr, octets: &'a [u8]) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            let sent = self.0.send_to(octets, to).await;
            sent.map(|_| ()).map_err(|error| NetError::Io(error.to_string()))
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            let mut octets = vec![0; 65_535];
            let (length, from) = self
                .0
                .recv_from(&mut octets)
                .await
                .map_err(|error| NetError::Io(error.to_string()))?;
            octets.truncate(length);
            Ok((octets, from))
        })
    }
}

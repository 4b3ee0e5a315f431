//! The system's own network, for an interface that the operating system brought up.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{BoxFuture, Datagrams, Net, NetError, Stream};

/// The system's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Net for System {
    fn connect(&self, to: SocketAddr, limit: Duration) -> BoxFuture<'_, Result<Stream, NetError>> {
        let _ = (to, limit);
        todo!()
    }

    fn resolve<'a>(
        &'a self,
        name: &'a str,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetError>> {
        let _ = (name, limit);
        todo!()
    }

    fn udp(&self) -> Result<Box<dyn Datagrams>, NetError> {
        todo!()
    }
}

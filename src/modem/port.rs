//! A serial port as the driver sees it, and who opens it.

use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use super::PortError;
use super::profile::Serial;

/// An open port. Never flushed: flushing a tty waits in the kernel until the line is drained.
/// A read of zero octets or an error means that the device is gone.
pub trait Port: AsyncRead + AsyncWrite + Send + Unpin {
    /// Sets the line Data Terminal Ready; false when the port has no such line (a pty).
    fn set_dtr(&mut self, on: bool) -> bool {
        let _ = on;
        false
    }

    /// Sets speed and flow control; false when the port does not take them, as one without a
    /// serial line below it need not.
    fn set_serial(&mut self, serial: Serial) -> bool {
        let _ = serial;
        false
    }

    /// Whether it is a channel of a multiplexer.
    fn is_channel(&self) -> bool {
        false
    }

    /// Takes the connection below the port down and up again, whatever stands on it, where the port
    /// is a channel of a multiplexer; false when it is not.
    fn reconnect(&mut self) -> bool {
        false
    }

    /// The state of Data Carrier Detect; none when the port has no such line.
    fn carrier(&mut self) -> Option<bool> {
        None
    }
}

impl Port for tokio::io::DuplexStream {}

/// What [`PortOpener::open`] returns.
pub type OpenPort<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Port>, PortError>> + Send + 'a>>;

/// Opens ports by name; tests hand in their own.
pub trait PortOpener: Send + Sync {
    /// Opens `name` for this program alone, at whatever speed; [`Port::set_serial`] follows.
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a>;
}

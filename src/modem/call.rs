//! A data call: the octet stream between CONNECT and hang-up.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ModemError;

/// Why a data call ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndReason {
    /// The modem said `NO CARRIER`.
    NoCarrier,
    /// The line Data Carrier Detect dropped.
    CarrierLost,
    /// The port is gone.
    PortGone,
}

impl std::fmt::Display for EndReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoCarrier => "the modem said NO CARRIER",
            Self::CarrierLost => "the modem dropped the carrier line",
            Self::PortGone => "the modem's port has vanished",
        })
    }
}

/// Looks at a call from elsewhere; lives on after the call was given to the bearer.
#[derive(Debug, Clone)]
pub struct CallStatus {
    _private: (),
}

impl CallStatus {
    /// Why the call ended by itself; none while it lasts and after an orderly hang-up.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        todo!()
    }

    /// Octets sent and received since CONNECT.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        todo!()
    }
}

/// A dialled call; reads end (with [`Self::end_reason`]) when the modem ends it. Flush does
/// nothing. A call that is dropped is hung up by the driver, like one that is given to
/// [`Self::hang_up`].
#[derive(Debug)]
pub struct DataCall {
    _private: (),
}

impl DataCall {
    /// Counts this modem's calls, from 1; the number in tap events.
    #[must_use]
    pub fn number(&self) -> u64 {
        todo!()
    }

    /// The context identifier that was dialled.
    #[must_use]
    pub fn cid(&self) -> u8 {
        todo!()
    }

    /// A handle that outlives the call.
    #[must_use]
    pub fn status(&self) -> CallStatus {
        todo!()
    }

    /// Why the call ended by itself; none while it lasts.
    #[must_use]
    pub fn end_reason(&self) -> Option<EndReason> {
        todo!()
    }

    /// Ends the call in order, after PPP has ended; returns when the modem takes commands again.
    ///
    /// # Errors
    /// When the modem cannot be brought back to command mode, or is gone.
    pub async fn hang_up(self) -> Result<(), ModemError> {
        todo!()
    }
}

impl AsyncRead for DataCall {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        todo!()
    }
}

impl AsyncWrite for DataCall {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _octets: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        todo!()
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

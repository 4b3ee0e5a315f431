//! HTTP/1.1 over any `Net` (RFC 9112): one transaction at a time, the final block of a body held
//! back until it may leave.

mod error;

pub use error::TransportError;

use std::time::Duration;

/// Octets at the end of a request body that wait for the caller's word. Small enough to leave in
/// one segment; a body that is not longer waits as a whole.
pub const FINAL_BLOCK: usize = 1024;
/// Largest answer to a POST, octets: an M-Send.conf is a few hundred, a portal's page is cut.
pub const MAX_ANSWER: usize = 64 * 1024;
/// Largest retrieved message, octets: above the hard cap of common phones (8 MiB).
pub const MAX_MESSAGE: usize = 10 * 1024 * 1024;

/// How long to wait for what. Nothing limits a whole transfer: 300 KB at 3 KB/s are in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a name server's answer.
    pub resolve: Duration,
    /// For a connection.
    pub connect: Duration,
    /// Without an octet acknowledged or received while one is due.
    pub stall: Duration,
    /// From the last octet acknowledged to the first of the answer: MMSCs store before they
    /// answer.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(20),
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            answer: Duration::from_secs(120),
        }
    }
}

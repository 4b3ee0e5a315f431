//! The Wireless Session Protocol in connection mode as machines (WAP-230-WSP-20010705-a clause 7.1):
//! [`Session`] is the client's side, [`Server`] the gateway's. Both stand on [`super::wtp`], one
//! transaction for each service primitive: Connect, Resume and methods of class 2, Suspend and
//! Disconnect of class 0.
//!
//! May use: codec. Without a connection there is no state: one [`crate::codec::wsp::pdu::Unit`] each
//! way, which whoever sends it waits for.

mod client;
mod server;
#[cfg(test)]
mod tests;

pub use client::{Offer, Session, SessionEvent};
pub use server::{Server, ServerEvent};

use std::time::Instant;

use bytes::Bytes;

use super::wtp::WtpError;
use crate::codec::DecodeError;

/// Largest SDU where nothing was agreed, octets (clause 8.3.3).
pub const DEFAULT_SDU: u32 = 1400;

/// What a session wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<E> {
    /// Something happened.
    Event(E),
    /// Send this datagram.
    Transmit(Bytes),
    /// Call `handle_timeout` then.
    Timeout(Instant),
    /// Nothing, before something else happens.
    Idle,
}

/// Why a session does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WspError {
    /// The transaction failed.
    #[error(transparent)]
    Transaction(#[from] WtpError),
    /// There is no session, or another request is under way.
    #[error("the session is not ready for that")]
    NotReady,
    /// The peer takes less.
    #[error("{octets} octets are more than the {limit} that the gateway takes at a time")]
    TooLong {
        /// Octets of the request.
        octets: usize,
        /// What was agreed.
        limit: usize,
    },
    /// What came is no PDU that can be read.
    #[error("the gateway's answer cannot be read ({0})")]
    Unreadable(DecodeError),
    /// A PDU that is no answer to what was asked.
    #[error("the gateway answered with a PDU of type {0:#04x}")]
    Unexpected(u8),
}

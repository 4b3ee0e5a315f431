//! The multiplexer of 3GPP TS 27.010, basic option: several channels over one serial line, so that
//! AT commands and a data call run beside each other on a modem with one port.
//!
//! May use: codec. [`Mux`] is told the octets of the line, the wishes of its owner and the time,
//! and says what to transmit, what happened and when it wants to be called again. It plays both
//! roles: the initiator is whoever sent `AT+CMUX`.

mod channel;
mod control;
mod mux;
#[cfg(test)]
mod tests;
mod types;

pub use channel::{MAX_QUEUED, MAX_RECEIVED};
pub use mux::Mux;
pub use types::{Config, End, Event, Input, MuxError, Output, Role, Stats};

//! The AT channel: one command at a time over octets that arrive in any pieces (ITU-T V.250
//! clause 5, 3GPP TS 27.007).

mod channel;
#[cfg(test)]
mod tests;

pub use channel::{
    Channel, ChannelError, Command, Event, Input, Kind, MAX_LINE, MAX_RESPONSE_LINES, Output,
    Response,
};

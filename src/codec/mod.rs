//! Octets to values and back.
//!
//! May use: model (addresses). No I/O, no clock, no state. Never panics on input: a decoder gives
//! a value or a [`DecodeError`] in time linear in the input; unknown codes survive a round trip.
//! What a decoder forgives it names in a [`Warning`].
//!
//! [`wsp`] holds the values that [`mms`] and [`push`] are made of and the PDUs that carry both to a
//! gateway, [`wtp`] the transactions below those PDUs.

pub mod at;
mod error;
pub mod mms;
mod outline;
pub mod pcapng;
pub mod ppp;
pub mod push;
pub mod smil;
pub mod sms;
pub mod wsp;
pub mod wtp;

pub use error::{DecodeError, DecodeErrorKind, Decoded, Warning};
pub use outline::Node;

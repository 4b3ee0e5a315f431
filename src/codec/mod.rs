//! Octets to values and back.
//!
//! May use: model (addresses). No I/O, no clock, no state. Never panics on input: a decoder gives
//! a value or a [`DecodeError`] in time linear in the input; unknown codes survive a round trip.
//! What a decoder forgives it names in a [`Warning`].
//!
//! [`wsp`] holds the values that [`mms`] and [`push`] are made of and the PDUs that carry both to a
//! gateway, [`wtp`] the transactions below those PDUs.

pub mod at;
pub mod cmux;
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

/// Octets of memory that a decoder or an outline holds at most at any time, for each octet of its
/// input. The shortest entry of a list takes one or two octets, its text with a name thirty times as
/// many, and a list that grows holds its entries twice.
pub const MAX_MEMORY_PER_OCTET: usize = 64;
/// What it may hold besides, whatever the input: lists that are short by their own limits, such as
/// [`mms::MAX_FIELDS`] and [`push::MAX_WBXML_ITEMS`], of entries made of next to nothing.
pub const MAX_MEMORY: usize = 1024 * 1024;
/// Octets that a decoder or an outline asks for in all while it works, for each octet of its input.
pub const MAX_ALLOCATED_PER_OCTET: usize = 160;
/// What it may ask for besides, whatever the input.
pub const MAX_ALLOCATED: usize = 2 * 1024 * 1024;

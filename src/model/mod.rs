//! The words of the domain, shared by every other room.
//!
//! May use: std, bytes, thiserror, and of the runtime only `tokio::time` for the clock (so that
//! tests can hold time still), `rand` for the one seeded source and `jiff` for calendar text.
//! Knows no protocol, no I/O and no database.

mod address;
mod clock;
mod explain;
mod ids;
mod media_type;
mod message;
mod month;
mod networks;
mod numbering;
mod priority;
mod random;
pub mod redact;
mod stage;
pub(crate) mod suggest;
mod tap;

pub use address::{Address, AddressError, MAX_ADDRESS_LEN};
pub use clock::{Clock, ClockStep, HostClock, HostLook, Timestamp};
pub use explain::{Blame, Explain, Fault, Layer, Retry};
pub use ids::{IdError, MessageId, TransactionId};
pub use media_type::MediaType;
pub use message::{
    Direction, Dropped, InboundState, Kind, NewMessage, NewPart, Once, Origin, OutboundState, Part,
    ReportStatus, State, UnknownState,
};
pub use month::{Calendar, Month};
pub use networks::{Network, why_not_public};
pub use numbering::{
    NumberFlaw, country_code, country_code_length, international, is_national, number_flaw,
};
pub use priority::Priority;
pub use random::Random;
pub use stage::{Stage, StageSink};
pub use tap::{NoTap, Tap, TapChannel, TapDirection, TapEvent};

//! Protocol machines without I/O: time and octets are arguments.
//!
//! May use: codec, model. Knows neither tokio nor a clock: every machine takes `now` and says when
//! it wants to be called again.

pub mod at;
pub mod cmux;
pub mod ppp;
pub mod sms_reassembly;
pub mod wsp;
pub mod wtp;

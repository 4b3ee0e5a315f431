//! The MMS client's transactions (OMA-TS-MMS_ENC-V1_3 clause 6): submit, retrieve, acknowledge,
//! over HTTP through the operator's WAP proxy or straight to the MMSC, or through a WAP 1.x gateway.
//!
//! May use: codec, proto, net, operators, model. Knows no database and no modem: it is handed a
//! [`crate::net::Net`], the operator's settings and a hook to call before the final block of a
//! message is released.

mod client;
mod error;
mod outcome;
mod transport;

pub use client::{Client, Identity, ReadReport, Target};
pub use error::{Mm1Error, Seen};
pub use outcome::{Deleted, Refusal, Retrieved, SubmitOutcome};
pub use transport::{FINAL_BLOCK, MAX_ANSWER, MAX_MESSAGE, Route, Timeouts, TransportError};

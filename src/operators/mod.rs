//! Operator settings: APN, MMSC, proxy, limits and what an operator wants to see in a request; and
//! the table that knows them for most SIMs.
//!
//! May use: model.

pub mod countries;
mod lookup;
pub mod parse;
mod settings;
pub mod table;

pub use lookup::{Candidate, Found, Sim, Why, lookup, lookup_in};
pub use settings::{AckMode, Auth, FromMode, Settings, SettingsError, TransportChoice, Trust};

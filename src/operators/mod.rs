//! Operator settings: APN, MMSC, proxy, limits and what an operator wants to see in a request.
//!
//! May use: model.

pub mod parse;
mod settings;

pub use settings::{AckMode, Auth, FromMode, Settings, SettingsError, TransportChoice, Trust};

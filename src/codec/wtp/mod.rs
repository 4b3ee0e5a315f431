//! Wireless Transaction Protocol (WAP-224-WTP-20010710-a clause 8): [`Pdu`]s with their Transport
//! Information Items, and datagrams of one or several of them.
//!
//! User data is a slice of the input. What a receiver is told to ignore is named in a warning;
//! unknown items, options, abort types and reasons are kept.

mod codes;
mod datagram;
mod outline;
mod pdu;
mod tpi;

pub use codes::{Abort, ProviderReason, Tid, Trailer, TransactionClass};
pub use datagram::{
    Frame, MAX_CONCATENATED_OCTETS, MAX_CONCATENATED_PDUS, decode_datagram, encode_datagram,
};
pub use outline::outline;
pub use pdu::{Body, MAX_TPIS, Pdu, VERSION};
pub use tpi::{MAX_TPI_OCTETS, Tpi, TransactionOption};

#[cfg(test)]
mod tests;

//! The MMS client's transactions.

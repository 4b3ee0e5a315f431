//! The PPP link.

//! The virtual operator.

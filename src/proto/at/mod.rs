//! The AT channel.

//! What tests need that start the real binary: scratch folders, child processes that end with the
//! test, and a small HTTP client for the gateway's socket and the simulator's control port. Besides,
//! the reader of the octets made by hand, and a serial cable in memory.

#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of it")]

pub(crate) mod cable;
mod daemon;
mod http;
mod process;
pub(crate) mod vectors;

pub(crate) use daemon::Daemon;
pub(crate) use http::{Reply, over_tcp, over_unix};
pub(crate) use process::{Process, Scratch, mm1gate, wait_until};

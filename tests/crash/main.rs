//! Crashes: the process of the gateway ends at every commit and at every block of octets to the modem
//! of one scene (`scene`), in virtual time; `verdict` says what has to be true afterwards.
//!
//! Power cuts: `writes.c` records what the same scene does to its files, `surviving` makes of that what a
//! disk may have after a cut (what was not synced is lost, kept, torn or kept in another order), and
//! `power` looks whether the database is sound and has everything that was promised.
//!
//! `MM1GATE_CRASH=block:17` replays one point, `block:17,after-commit:3` two in a row: the second
//! is counted from the restart; `block:1..40` is a range.

#![expect(clippy::print_stderr, reason = "what a run has shown is for whoever runs it")]

#[macro_use]
#[path = "../support/tell.rs"]
mod tell;

#[path = "../support/explained.rs"]
mod explained;
mod life;
mod matrix;
mod meter;
mod power;
mod scene;
mod shop;
mod surviving;
mod verdict;

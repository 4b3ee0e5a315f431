//! `mm1gate simulate`: the virtual modem and operator on a pseudo-terminal.

use super::error::{CliError, Exit};

/// Where and how.
#[derive(clap::Args)]
pub(super) struct Args {}

/// Runs until interrupted.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    let Args {} = args;
    Err(CliError::new(Exit::Unavailable, "simulate is not there yet"))
}

//! `mm1gate decode`: the codecs on the command line.

use super::error::{CliError, Exit};

/// What to decode.
#[derive(clap::Args)]
pub(super) struct Args {}

/// Decodes and prints.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    let Args {} = args;
    Err(CliError::new(Exit::Unavailable, "decode is not there yet"))
}

//! `mm1gate inbox`: the messages that arrived.

use super::error::CliError;
use super::list::{self, Which};

/// What to list.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate inbox -n 5")]
pub(super) struct Args {
    #[command(flatten)]
    list: list::Args,
}

/// Prints the newest messages that arrived.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    super::block_on(list::run(args.list, Which::Inbox))
}

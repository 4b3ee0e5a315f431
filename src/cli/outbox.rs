//! `mm1gate outbox`: the messages that were sent or wait for it.

use super::error::CliError;
use super::list::{self, Which};

/// What to list.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate outbox --json | jq '.messages[0].state'")]
pub(super) struct Args {
    #[command(flatten)]
    list: list::Args,
}

/// Prints the newest messages that were sent or wait for it.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    super::block_on(list::run(args.list, Which::Outbox))
}

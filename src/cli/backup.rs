//! `mm1gate backup`: a copy of all messages, while the gateway runs or not.

use std::path::PathBuf;

use super::error::{CliError, Exit};
use super::session::{self, ConfigArg};
use super::term;
use crate::gateway::megabytes;
use crate::store;

/// What to copy.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate backup /mnt/usb/mm1gate-$(date +%F).db\n\n\
    The gateway need not be stopped. To go back: stop it, put the copy into the data folder as \
    mm1gate.db without the mm1gate.db-wal beside it, and start it.")]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The new file; one that is there already is left alone
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Makes the copy.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let dir = session::data_dir_of(&args.config)?;
    if !dir.join(store::DB_FILE).exists() {
        return Err(CliError::new(
            Exit::Unavailable,
            format!("there are no messages in {} yet", dir.display()),
        )
        .remedy("name the configuration of the gateway with --config"));
    }
    let made = store::backup(&dir, &args.file).map_err(|error| {
        CliError::new(Exit::CantCreate, error.to_string())
            .remedy("name a new file in a folder that has room for it and may be written to")
    })?;
    let mut said = format!(
        "{}: {} messages, {}\n",
        args.file.display(),
        made.messages,
        megabytes(made.octets)
    );
    if let Some(key) = made.pin_key {
        said.push_str(&format!("{}: by which refused PINs are remembered\n", key.display()));
    }
    term::print(&said)
}

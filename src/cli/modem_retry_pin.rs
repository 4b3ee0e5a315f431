//! `mm1gate modem retry-pin`: what was remembered of refused PINs is forgotten, because their SIM
//! may accept them now.

use std::path::PathBuf;

use super::error::{CliError, Exit};
use super::{session, settings, term};
use crate::gateway::StartError;
use crate::model::{Explain, Random};
use crate::store::{Owner, PinBook, Store, StoreError};

/// Where the gateway's data are.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  \
    sudo systemctl stop mm1gate\n  \
    mm1gate modem retry-pin\n  \
    sudo systemctl start mm1gate\n\n\
    A PIN that a SIM has refused is never tried there again by itself: three wrong ones block the \
    SIM. This command is for a SIM whose PIN was changed in a phone to the one that stands in the \
    configuration. At its next start the gateway tries it once; while the SIM says that fewer than \
    three attempts are left it tries none, and the PIN must be entered in a phone first.")]
pub(super) struct Args {
    /// Configuration file [default: $XDG_CONFIG_HOME/mm1gate/mm1gate.toml or /etc/mm1gate/mm1gate.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Forgets them.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let file = settings::find(args.config.as_deref())?.ok_or_else(settings::missing)?;
    let config = session::load(&file)?;
    // The gateway would go on with what it has read.
    let owner = Owner::take(&config.data_dir).map_err(|error| {
        let exit = match StartError::from(error.clone()).code() {
            "data-dir-taken" => Exit::TempFail,
            _ => Exit::CantCreate,
        };
        CliError::new(exit, error.to_string())
            .remedy("end the gateway, run this command again, and start the gateway")
    })?;
    let forgotten = super::block_on(async {
        let store = Store::open(owner.dir()).map_err(|error| failed(&error))?;
        let book = PinBook::open(owner.dir(), store, &Random::from_system())
            .map_err(|error| failed(&error))?;
        book.forget_all().await.map_err(|error| failed(&error))
    })?;
    term::print(if forgotten == 0 {
        "No PIN is remembered as refused.\n"
    } else {
        "What was remembered of PINs that were refused, or never answered, is forgotten; the \
         configured one is tried once more at the next start.\n"
    })
}

fn failed(error: &StoreError) -> CliError {
    CliError::new(Exit::Io, error.to_string())
        .remedy("check that the data folder's disk is neither full nor read-only")
}

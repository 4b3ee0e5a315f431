//! `mm1gate modem`: which modems are plugged in, and everything that one tells of itself.

use super::error::CliError;
use super::{modem_list, modem_pause, modem_probe, modem_retry_pin, modem_test, modem_udev};

/// What to do.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the modems that are plugged in, with their ports and what to write into the configuration
    List(modem_list::Args),
    /// Ask a modem for everything it tells of itself, its SIM and its network
    Probe(modem_probe::Args),
    /// Send one SMS to the SIM's own number and see it come back
    Test(modem_test::Args),
    /// Have sending rest; messages stay queued
    Pause(modem_pause::PauseArgs),
    /// End a pause, also the one after refusals of the operator
    Resume(modem_pause::ResumeArgs),
    /// Print a udev rule that keeps ModemManager away from the modems that are plugged in
    Udev(modem_udev::Args),
    /// Forget that PINs were refused, after a SIM's PIN was changed to the configured one
    RetryPin(modem_retry_pin::Args),
}

/// Runs it.
pub(super) fn run(args: Args) -> Result<(), CliError> {
    match args.command {
        Command::List(args) => modem_list::run(&args),
        Command::Probe(args) => modem_probe::run(args),
        Command::Test(args) => modem_test::run(&args),
        Command::Pause(args) => modem_pause::pause(&args),
        Command::Resume(args) => modem_pause::resume(&args),
        Command::Udev(args) => modem_udev::run(&args),
        Command::RetryPin(args) => modem_retry_pin::run(&args),
    }
}

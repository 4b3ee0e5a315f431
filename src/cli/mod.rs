//! The command line: one file per command, each with its `Args` and `run`.
//!
//! May use: anything. Results go to standard output, everything else to standard error; exit
//! codes follow sysexits(3).

mod client;
mod decode;
mod error;
mod follow;
mod settings;
mod simulate;
mod term;

use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::{CliError, Exit};

#[derive(Parser)]
#[command(
    name = "mm1gate",
    version,
    about = "Send and receive MMS with a USB modem and an ordinary SIM",
    long_about = "Send and receive MMS with a USB modem and an ordinary SIM.\n\n\
                  No modem at hand? `mm1gate demo` shows everything with a virtual one.",
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Decode an MMS, WAP Push, SMS or PPP file
    Decode(decode::Args),
    /// Run the virtual modem and operator on a pseudo-terminal
    Simulate(simulate::Args),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Usage as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let result = match cli.command {
        Command::Decode(args) => decode::run(args),
        Command::Simulate(args) => simulate::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.message.is_empty() {
                let _ = writeln!(std::io::stderr(), "{error}");
            }
            ExitCode::from(error.exit as u8)
        }
    }
}

/// Runs a command's future on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::io(Exit::Software, "the runtime does not start", &error))?;
    let result = runtime.block_on(work);
    // A read of standard input that nobody waits for any more must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

//! The binary `mm1gate`: hands the command line to [`mm1gate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    mm1gate::cli::main()
}

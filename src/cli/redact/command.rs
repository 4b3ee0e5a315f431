//! `mm1gate capture`: what to do with a capture before it is given to somebody.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::redact;
use crate::cli::error::{CliError, Exit};
use crate::cli::term;
use crate::codec::pcapng;

/// Octets of the largest capture that is read; all of it is held in memory, twice.
const MAX_CAPTURE: u64 = 512 * 1024 * 1024;

/// What to do.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a copy of a capture without numbers, PINs, names, passwords and contents of messages
    #[command(after_help = "Example:\n  \
        mm1gate serve --pcap line.pcapng\n  \
        mm1gate capture redact line.pcapng for-the-developers.pcapng\n\n\
        Each packet stays as long as it was and can be read by Wireshark; what mm1gate does not \
        understand is hidden wholly. Host names, addresses on the Internet, times and sizes stay.")]
    Redact {
        /// The capture, which stays as it is
        input: PathBuf,
        /// The copy; a file that is there already is not overwritten
        output: PathBuf,
    },
}

/// Does it.
pub(in crate::cli) fn run(args: &Args) -> Result<(), CliError> {
    let Command::Redact { input, output } = &args.command;
    let file = read(input)?;
    if !pcapng::begins(&file) {
        return Err(CliError::new(Exit::Data, format!("{} is no pcapng file", input.display()))
            .remedy("name a file that --pcap or `demo --keep` has written"));
    }
    let copy = redact(&file);
    write(output, &copy.file)?;
    if let Some(at) = copy.broken {
        term::note(&format!(
            "{} breaks off at octet {at}; what comes before is in the copy.",
            input.display()
        ));
    }
    if copy.left_out > 0 {
        term::note(&format!("{} blocks that are no packets are not in the copy.", copy.left_out));
    }
    term::print(&format!(
        "{}: {} packets. Look at it before you give it away: mm1gate decode {}\n",
        output.display(),
        copy.packets,
        output.display()
    ))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error: std::io::Error| CliError::io(Exit::NoInput, path.display(), &error);
    let mut octets = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_CAPTURE + 1).read_to_end(&mut octets).map_err(failed)?;
    if octets.len() as u64 > MAX_CAPTURE {
        return Err(CliError::new(
            Exit::Data,
            format!("{} is larger than {}", path.display(), term::size(MAX_CAPTURE)),
        )
        .remedy("cut it with `editcap -c 100000`, and redact the pieces"));
    }
    Ok(octets)
}

fn write(path: &Path, octets: &[u8]) -> Result<(), CliError> {
    let failed = |error: std::io::Error| {
        let told = CliError::io(Exit::CantCreate, path.display(), &error);
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => told.remedy("name a file that is not there yet"),
            _ => told,
        }
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(octets).and_then(|()| file.sync_all()).map_err(failed)
}

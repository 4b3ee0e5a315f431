//! `mm1gate encode`: PDUs from the JSON that `decode` prints.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use super::encode_object::{self, Complaint, Encoded, Files};
use super::error::{CliError, Exit};
use super::term;

/// Largest JSON, octets: texts and base64 of the largest message, with room.
const MAX_JSON: u64 = 64 * 1024 * 1024;

/// What to encode.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  mm1gate decode --json --extract parts/ in.mms > parts/in.json\n  \
                  mm1gate encode -o out.mms parts/in.json\n  \
                  mm1gate encode --hex --type tpdu sms.json",
    after_long_help = include_str!("encode_json.md").trim_ascii_end()
)]
pub(super) struct Args {
    /// The JSON file, or - for standard input
    json: PathBuf,
    /// What it has to be, where the JSON does not say its "kind"
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<Kind>,
    /// Write to this file, which must not exist
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write hexadecimal digits instead of octets
    #[arg(long)]
    hex: bool,
}

/// What can be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// An MMS PDU
    Mms,
    /// A WAP Push
    Push,
    /// SMS TPDUs as lines of hexadecimal digits
    Tpdu,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Mms => "mms",
            Self::Push => "push",
            Self::Tpdu => "tpdu",
        }
    }
}

/// Encodes and writes.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let stdin = args.json.as_os_str() == "-";
    let name = if stdin { "standard input".to_owned() } else { args.json.display().to_string() };
    let text = read(&args.json, &name)?;
    let json: Value = serde_json::from_slice(&text).map_err(|error| {
        CliError::new(Exit::Data, format!("{name} is no JSON: {error}"))
            .remedy("see mm1gate encode --help for the form")
    })?;
    let beside = if stdin { None } else { args.json.parent() };
    let files = Files::new(beside.unwrap_or_else(|| Path::new("")));
    let encoded = encode_object::encode(&json, args.kind, &files)
        .map_err(|complaint| failure(&name, complaint))?;
    let octets = match encoded {
        Encoded::Octets(octets) if args.hex => format!("{}\n", hex::encode(octets)).into_bytes(),
        Encoded::Octets(octets) => {
            if args.output.is_none() && io::stdout().is_terminal() {
                let message = "a PDU is binary, and standard output is a terminal";
                return Err(
                    CliError::new(Exit::Usage, message).remedy("give -o FILE, or --hex for digits")
                );
            }
            octets.to_vec()
        }
        Encoded::Lines(lines) => format!("{}\n", lines.join("\n")).into_bytes(),
    };
    match &args.output {
        Some(path) => write(path, &octets),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(&octets)?;
            out.flush()?;
            Ok(())
        }
    }
}

fn failure(name: &str, complaint: Complaint) -> CliError {
    let Complaint { path, text, remedy, exit } = complaint;
    let place = if path.is_empty() { String::new() } else { format!(", {path}") };
    let message = term::plain(&format!("{name}{place}: {text}"), false);
    let failure = CliError::new(exit, message);
    match remedy {
        Some(remedy) => failure.remedy(term::plain(&remedy, false)),
        None => failure,
    }
}

fn write(path: &Path, octets: &[u8]) -> Result<(), CliError> {
    let mut file = File::create_new(path).map_err(|error| {
        let failure = CliError::io(Exit::CantCreate, path.display(), &error);
        if error.kind() == io::ErrorKind::AlreadyExists {
            return failure.remedy("name another file, or remove this one");
        }
        failure
    })?;
    file.write_all(octets).map_err(|error| CliError::io(Exit::Io, path.display(), &error))
}

fn read(file: &Path, name: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error: &io::Error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Io };
        CliError::io(exit, name, error)
    };
    let mut text = Vec::new();
    let result = if file.as_os_str() == "-" {
        io::stdin().lock().take(MAX_JSON + 1).read_to_end(&mut text)
    } else {
        File::open(file).and_then(|file| file.take(MAX_JSON + 1).read_to_end(&mut text))
    };
    result.map_err(|error| failed(&error))?;
    if text.len() as u64 > MAX_JSON {
        return Err(CliError::new(Exit::Data, format!("{name} has more than {MAX_JSON} octets")));
    }
    Ok(text)
}

//! `mm1gate decode`: the codecs on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::decode_input::{Input, MAX_INPUT};
use super::decode_kinds::{self, Kind};
use super::decode_report::{Failure, Report, UNKNOWN};
use super::error::{CliError, Exit};
use super::{decode_text, save, term};

/// What to decode.
#[derive(clap::Args)]
#[command(
    after_help = "Exit code: 0 when all was understood, 1 when something was not, 66 without the \
                  file.\n\nExamples:\n  mm1gate decode message.mms\n  \
                  mm1gate decode --extract parts/ message.mms\n  \
                  mm1gate decode --json --type tpdu segments.txt | jq .content\n\n\
                  The input's forms and the JSON are described by `mm1gate decode --help`.",
    after_long_help = include_str!("decode_json.md").trim_ascii_end()
)]
pub(super) struct Args {
    /// The file, or - for standard input
    file: PathBuf,
    /// What it is
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = Kind::Auto)]
    kind: Kind,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Write the parts as files in this folder; files that exist are kept
    #[arg(long, value_name = "DIR")]
    extract: Option<PathBuf>,
}

/// Decodes and prints.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let name = if args.file.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        args.file.display().to_string()
    };
    let octets = read(&args.file, &name)?;
    let (input, mut report) = if octets.len() > MAX_INPUT {
        let text = format!("more than the limit of {MAX_INPUT} octets");
        let failure = Failure::new("input", MAX_INPUT, text);
        (Input::binary(Bytes::new()), Report::failed(UNKNOWN, failure))
    } else {
        understand(Bytes::from(octets), args.kind)
    };
    let mut saved = Vec::new();
    if let Some(dir) = &args.extract {
        save::folder(dir)?;
        saved = report.extract(dir)?;
    }
    if args.json {
        term::json(&report.json())?;
    } else {
        let mut text = decode_text::render(&report, input.form.as_str(), term::Paint::stdout());
        for path in saved {
            text.push_str(&format!("Saved {}\n", term::plain(&path, false)));
        }
        term::print(&text)?;
    }
    judge(&name, args.kind, &report)
}

/// What `decode` prints for a file with these octets, as JSON and as text without colours. Total: every
/// input gives an answer.
#[must_use]
pub fn explain(octets: Bytes) -> (serde_json::Value, String) {
    let (input, report) = understand(octets, Kind::Auto);
    let text = decode_text::render(&report, input.form.as_str(), term::Paint::default());
    (report.json(), text)
}

/// The input and what it is. Text that is nothing else may be octets by accident, and base64 a word:
/// what such octets give counts only when it is something.
pub(super) fn understand(octets: Bytes, kind: Kind) -> (Input, Report) {
    let input = Input::new(octets.clone());
    let report = decode_kinds::decode(&input, kind);
    if input.is_guess() && report.error.is_some() {
        let plain = Input::binary(octets);
        let other = decode_kinds::decode(&plain, kind);
        return (plain, other);
    }
    (input, report)
}

fn judge(name: &str, kind: Kind, report: &Report) -> Result<(), CliError> {
    let problems = report.problems();
    let Some(first) = problems.first() else { return Ok(()) };
    let kind_name = report.kind;
    let mut message = if kind_name == UNKNOWN {
        format!("{name}: {first}")
    } else {
        format!("{name}, as {kind_name}: {first}")
    };
    if problems.len() > 1 {
        message.push_str(&format!(" (and {} more)", problems.len() - 1));
    }
    let failure = CliError::new(Exit::NotUnderstood, term::plain(&message, false));
    Err(if kind == Kind::Auto && kind_name == UNKNOWN {
        failure.remedy("name what it is by --type mms, push, tpdu, http or ppp")
    } else {
        failure
    })
}

fn read(file: &Path, name: &str) -> Result<Vec<u8>, CliError> {
    let failed = |error: &io::Error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NoInput } else { Exit::Io };
        CliError::io(exit, name, error)
    };
    let limit = u64::try_from(MAX_INPUT).unwrap_or(u64::MAX).saturating_add(1);
    let mut octets = Vec::new();
    let result = if file.as_os_str() == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut octets)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut octets))
    };
    result.map_err(|error| failed(&error))?;
    Ok(octets)
}

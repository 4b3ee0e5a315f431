//! `mm1gate show`: everything about one message, and its parts as files.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::client::in_path;
use super::error::{CliError, Exit};
use super::session::{ConfigArg, Session};
use super::term::{self, Paint, plain};
use crate::api::view::{Message, Part};

/// Longest name given to a saved file, octets.
const MAX_NAME: usize = 100;
/// How many files of the same name are told apart by a number.
const MAX_TWINS: u32 = 1000;

/// Which message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  mm1gate show msg_01k9zq4m3r8x0v5t2n7c6b1d4f --save pictures/")]
pub(super) struct Args {
    /// The message's id, as inbox and outbox print it
    id: String,
    /// Save its parts as files in this folder; files that exist are kept
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

/// Shows the message.
pub(super) fn run(args: &Args) -> Result<(), CliError> {
    super::block_on(async {
        let session = Session::open_for_reading(&args.config).await?;
        let result = show(&session, args).await;
        session.close().await;
        result
    })
}

async fn show(session: &Session, args: &Args) -> Result<(), CliError> {
    let path = format!("/api/v1/messages/{}", in_path(&args.id));
    let message: Message = session.client().get(&path).await?;
    let mut saved = Vec::new();
    if let Some(dir) = &args.save {
        std::fs::create_dir_all(dir)
            .map_err(|error| CliError::io(Exit::CantCreate, dir.display(), &error))?;
        for part in &message.parts {
            let octets = session.client().octets(&part.url).await?;
            saved.push(save(dir, part, &octets)?);
        }
    }
    if args.json {
        let mut value = serde_json::to_value(&message)
            .map_err(|error| CliError::new(Exit::Software, error.to_string()))?;
        if args.save.is_some()
            && let Some(object) = value.as_object_mut()
        {
            let paths = saved.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
            object.insert("saved".to_owned(), paths.into());
        }
        return term::json(&value);
    }
    let mut text = describe(&message, Paint::stdout());
    for path in saved {
        text.push_str(&format!("Saved {}\n", path.display()));
    }
    term::print(&text)
}

fn describe(message: &Message, paint: Paint) -> String {
    let mut out = format!(
        "{}  {}  {}\n",
        paint.bold(&message.id),
        paint.state(&message.state),
        term::party(message)
    );
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            out.push_str(&format!("  {} {}\n", paint.dim(&format!("{name:<12}")), value));
        }
    };
    let detail = message.detail.as_ref();
    line("created", Some(term::short_time(&message.created_at)));
    line("updated", Some(term::short_time(&message.updated_at)));
    line("modem", message.modem.as_deref().map(|modem| plain(modem, false)));
    line("subject", message.subject.as_deref().map(|subject| plain(subject, false)));
    line(
        "text",
        message
            .text
            .as_deref()
            .map(|text| plain(text.trim_end(), true).replace('\n', "\n               ")),
    );
    line("reference", message.client_ref.as_deref().map(|text| plain(text, false)));
    for part in &message.parts {
        line(
            &format!("part {}", part.index),
            Some(format!("{}\n               sha256 {}", term::part_line(part), part.sha256)),
        );
    }
    for recipient in &message.recipients {
        let report = recipient.report.as_deref().map_or_else(String::new, |report| {
            format!(" (delivery report: {})", plain(report, false))
        });
        line(
            "recipient",
            Some(format!(
                "{}  {}{report}",
                plain(&recipient.address, false),
                paint.state(&recipient.state)
            )),
        );
    }
    line("fault", message.fault.as_ref().map(|fault| plain(&term::fault(fault), false)));
    if let Some(detail) = detail {
        line("next attempt", detail.next_attempt_at.as_deref().map(term::short_time));
        if !detail.timeline.is_empty() {
            out.push_str(&format!("  {}\n", paint.dim("timeline")));
        }
        for entry in &detail.timeline {
            out.push_str(&format!(
                "    {}  {:<12} {}\n",
                paint.dim(&entry.at),
                entry.state,
                plain(&entry.text, false)
            ));
        }
    }
    out
}

/// Writes a part under a name that stays inside `dir` and never replaces a file.
fn save(dir: &Path, part: &Part, octets: &[u8]) -> Result<PathBuf, CliError> {
    let (stem, extension) = safe_name(part);
    for twin in 0..MAX_TWINS {
        let name = if twin == 0 {
            format!("{stem}{extension}")
        } else {
            format!("{stem}-{twin}{extension}")
        };
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                file.write_all(octets)
                    .map_err(|error| CliError::io(Exit::Io, path.display(), &error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::io(Exit::CantCreate, path.display(), &error)),
        }
    }
    Err(CliError::new(Exit::CantCreate, format!("{}: too many files of one name", dir.display()))
        .remedy("save into an empty folder"))
}

/// The received name without anything that a file system or a shell could take amiss, split
/// before its extension.
fn safe_name(part: &Part) -> (String, String) {
    let given = part.filename.as_deref().unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name: String = last
        .chars()
        .map(|character| match character {
            letter if letter.is_alphanumeric() => letter,
            '.' | '-' | '_' | '+' | '(' | ')' => character,
            _ => '_',
        })
        .collect();
    // No hidden files, no "..", nothing that reads like an option.
    name = name.trim_start_matches(['.', '-', '_']).trim_end_matches('.').to_owned();
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= 10 => {
            (name[..dot].to_owned(), name[dot..].to_owned())
        }
        _ => (name, extension_of(&part.content_type).to_owned()),
    };
    let mut stem = if stem.is_empty() { format!("part-{}", part.index) } else { stem };
    let mut end = stem.len().min(MAX_NAME);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem.truncate(end);
    (stem, extension)
}

fn extension_of(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/bmp" => ".bmp",
        "image/vnd.wap.wbmp" => ".wbmp",
        "text/plain" => ".txt",
        "text/x-vcard" | "text/vcard" => ".vcf",
        "application/smil" => ".smil",
        "audio/amr" => ".amr",
        "audio/mp4" => ".m4a",
        "video/3gpp" => ".3gp",
        "video/mp4" => ".mp4",
        "application/pdf" => ".pdf",
        _ => ".bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(filename: Option<&str>, content_type: &str) -> Part {
        Part {
            index: 3,
            content_type: content_type.to_owned(),
            filename: filename.map(str::to_owned),
            content_id: None,
            charset: None,
            size: 1,
            sha256: String::new(),
            url: String::new(),
        }
    }

    fn name(filename: Option<&str>, content_type: &str) -> String {
        let (stem, extension) = safe_name(&part(filename, content_type));
        stem + &extension
    }

    #[test]
    fn received_name_never_leaves_the_folder() {
        for (given, safe) in [
            ("../../etc/passwd", "passwd.jpg"),
            ("..\\..\\boot.ini", "boot.ini"),
            ("/etc/cron.d/x", "x.jpg"),
            ("..", "part-3.jpg"),
            (".bashrc", "bashrc.jpg"),
            ("-rf", "rf.jpg"),
            ("a\0b\n$(x).png", "a_b__(x).png"),
            ("Grüße.jpg", "Grüße.jpg"),
        ] {
            assert_eq!(name(Some(given), "image/jpeg"), safe, "{given:?}");
        }
        assert_eq!(name(None, "application/smil"), "part-3.smil");
        assert_eq!(name(Some(""), "x/y"), "part-3.bin");
        assert!(name(Some(&"ü".repeat(300)), "image/jpeg").len() <= MAX_NAME + 4);
    }

    #[test]
    fn saved_file_never_replaces_another() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a.jpg"), "mine").expect("a file");
        let path = save(dir.path(), &part(Some("a.jpg"), "image/jpeg"), b"new").expect("saved");
        assert_eq!(path, dir.path().join("a-1.jpg"));
        assert_eq!(std::fs::read(dir.path().join("a.jpg")).expect("kept"), b"mine");
    }
}

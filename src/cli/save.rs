//! Received octets as files: under names that no sender can turn into a path, and never in the
//! place of another file.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{CliError, Exit};
use crate::media::{extension_for, type_for_name};
use crate::model::MediaType;

/// Longest name given to a saved file without its extension, octets: with the extension and a
/// number it stays below the 255 of every file system.
const MAX_NAME: usize = 100;
/// Longest extension that is kept, octets.
const MAX_EXTENSION: usize = 8;
/// How many files of the same name are told apart by a number.
const MAX_TWINS: u32 = 1000;

/// Names that Windows keeps for devices, whatever their extension.
const RESERVED: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt", "conin$", "conout$"];

/// Makes the folder and those above it, open to their owner alone; one that exists is taken.
pub(super) fn folder(dir: &Path) -> Result<(), CliError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| CliError::io(Exit::CantCreate, dir.display(), &error))
}

/// Writes octets under a name that stays inside `dir` and never replaces a file, nor follows a
/// link. `fallback` names what came without a usable name, for example `part-1`.
pub(super) fn save(
    dir: &Path,
    name: Option<&str>,
    fallback: &str,
    content_type: &str,
    octets: &[u8],
) -> Result<PathBuf, CliError> {
    let (stem, extension) = safe_name(name.unwrap_or_default(), fallback, content_type);
    for twin in 1..=MAX_TWINS {
        let name = match twin {
            1 => format!("{stem}.{extension}"),
            twin => format!("{stem}-{twin}.{extension}"),
        };
        let path = dir.join(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(mut file) => {
                file.write_all(octets)
                    .map_err(|error| CliError::io(Exit::Io, path.display(), &error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(CliError::io(Exit::CantCreate, path.display(), &error)),
        }
    }
    Err(CliError::new(Exit::CantCreate, format!("{}: too many files of one name", dir.display()))
        .remedy("save into an empty folder"))
}

/// The received name without anything that a file system or a shell could take amiss, split
/// before its extension. An extension that does not stand for the type gives way to one that does.
fn safe_name(given: &str, fallback: &str, content_type: &str) -> (String, String) {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .map(|character| match character {
            letter if letter.is_alphanumeric() => letter,
            '.' | '-' | '_' | '+' | '(' | ')' => character,
            _ => '_',
        })
        .collect();
    // No hidden files, no "..", nothing that reads like an option.
    let name = name.trim_start_matches(['.', '-', '_']).trim_end_matches(['.', '_']);
    let media_type = MediaType::new(content_type);
    let wanted = extension_for(&media_type);
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && fits(extension, wanted) => {
            (stem, extension.to_ascii_lowercase())
        }
        _ => (name, wanted.to_owned()),
    };
    let mut end = stem.len().min(MAX_NAME);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = stem.get(..end).unwrap_or_default().trim_end_matches('.');
    let stem = if stem.is_empty() { fallback } else { stem };
    let device = stem.split('.').next().unwrap_or_default().to_lowercase();
    let device = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = if RESERVED.contains(&device) { format!("_{stem}") } else { stem.to_owned() };
    (stem, extension)
}

/// Whether a received extension may stay: it stands for the type, or nothing is known of the type
/// nor of the extension.
fn fits(extension: &str, wanted: &str) -> bool {
    let plain = extension.len() <= MAX_EXTENSION
        && !extension.is_empty()
        && extension.bytes().all(|octet| octet.is_ascii_alphanumeric());
    plain
        && match type_for_name(&format!("x.{extension}")) {
            Some(meant) => extension_for(&meant) == wanted || wanted == "bin",
            None => wanted == "bin",
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(given: &str, content_type: &str) -> String {
        let (stem, extension) = safe_name(given, "part-3", content_type);
        format!("{stem}.{extension}")
    }

    #[test]
    fn received_name_never_leaves_the_folder() {
        for (given, safe) in [
            ("../../etc/passwd", "passwd.jpg"),
            ("..\\..\\boot.jpg", "boot.jpg"),
            ("C:\\x", "x.jpg"),
            ("C:x", "C_x.jpg"),
            ("/etc/cron.d/x", "x.jpg"),
            ("..", "part-3.jpg"),
            ("a/..", "part-3.jpg"),
            (".bashrc", "bashrc.jpg"),
            ("-rf", "rf.jpg"),
            ("", "part-3.jpg"),
            ("   ", "part-3.jpg"),
            ("a\0b\n$(x).jpeg", "a_b__(x).jpeg"),
            ("\u{202e}gpj.exe", "gpj.exe.jpg"),
            ("Grüße.JPG", "Grüße.jpg"),
            ("con.jpg", "_con.jpg"),
            ("LPT1", "_LPT1.jpg"),
            ("com1.tar.jpg", "_com1.tar.jpg"),
            ("contact.jpg", "contact.jpg"),
        ] {
            assert_eq!(name(given, "image/jpeg"), safe, "{given:?}");
        }
        let long = name(&"ü".repeat(300), "image/jpeg");
        assert!(long.len() <= MAX_NAME + 4 && long.ends_with("ü.jpg"), "{long}");
    }

    #[test]
    fn extension_tells_the_type() {
        assert_eq!(name("", "application/smil"), "part-3.smil");
        assert_eq!(name("", "x/y"), "part-3.bin");
        assert_eq!(name("run.exe", "image/png"), "run.exe.png");
        assert_eq!(name("photo.png", "image/jpeg"), "photo.png.jpg");
        assert_eq!(name("plan.dwg", "application/octet-stream"), "plan.dwg");
        assert_eq!(name("photo.jpg", "application/octet-stream"), "photo.jpg");
    }

    #[test]
    fn saved_file_never_replaces_another_nor_follows_a_link() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a.jpg"), "mine").expect("a file");
        std::os::unix::fs::symlink("elsewhere", dir.path().join("a-2.jpg")).expect("a link");
        let path = save(dir.path(), Some("a.jpg"), "part-1", "image/jpeg", b"new").expect("saved");
        assert_eq!(path, dir.path().join("a-3.jpg"));
        assert_eq!(std::fs::read(dir.path().join("a.jpg")).expect("kept"), b"mine");
        assert!(!dir.path().join("elsewhere").exists());
    }
}

//! Looking through a folder: what was claimed, and what in `outgoing` has stopped growing.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::item::MESSAGE;
use super::{CHECKED, OUTGOING};
use crate::gateway::FolderConfig;
use crate::model::{Random, Timestamp};

/// Entries of a folder that are looked at in one look; the rest has its turn when those are gone.
const MAX_LISTED: usize = 10_000;
/// Files within one message that are looked at.
const MAX_INSIDE: usize = 64;
/// How long a folder waits for its `message.txt`; then it is refused with a reason.
const WAIT_FOR_TEXT: std::time::Duration = std::time::Duration::from_secs(600);
/// Longest part of a name that goes on in the name of ours.
const MAX_KEPT: usize = 80;
/// How names end that are not finished yet, in small letters.
const UNFINISHED: [&str; 7] = [".tmp", ".part", ".lock", ".filepart", ".crdownload", ".swp", "~"];

/// What there is to do.
pub(super) struct Scan {
    /// Names in `checked`, in order.
    pub(super) checked: Vec<String>,
    /// Names in `outgoing` that do not change any more, in order.
    pub(super) settled: Vec<OsString>,
}

/// How each entry of `outgoing` looked, and since when it does.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<OsString, (Vec<Look>, Timestamp)>);

/// What changes when a file is written to: inode, size, time of change.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look(u64, u64, (i64, i64));

pub(super) fn scan(config: &FolderConfig, seen: &mut Seen, now: Timestamp) -> Result<Scan, String> {
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    let checked = config.path.join(CHECKED);
    let mut claims: Vec<String> = std::fs::read_dir(&checked)
        .map_err(failed(&checked))?
        .flatten()
        .take(MAX_LISTED)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    claims.sort();
    let outgoing = config.path.join(OUTGOING);
    let entries = std::fs::read_dir(&outgoing).map_err(failed(&outgoing))?;
    let names: Vec<OsString> =
        entries.flatten().take(MAX_LISTED).map(|entry| entry.file_name()).collect();
    let mut known = std::mem::take(&mut seen.0);
    let mut settled = Vec::new();
    for name in names {
        if is_unfinished(&name) || is_locked(&outgoing, &name) {
            continue;
        }
        // Gone in the meantime.
        let Some((looks, whole)) = look(&outgoing.join(&name)) else { continue };
        let since = match known.remove(&name) {
            Some((before, since)) if before == looks => since,
            _ => now,
        };
        let patience = if whole { config.settle } else { WAIT_FOR_TEXT };
        if now.since(since) >= patience {
            settled.push(name);
        } else {
            seen.0.insert(name, (looks, since));
        }
    }
    settled.sort();
    Ok(Scan { checked: claims, settled })
}

/// A name of ours that sorts by time, is never used twice and still shows what it was.
pub(super) fn claim_of(name: &OsStr, now: Timestamp, random: &Random) -> String {
    let time: String =
        now.to_string().chars().filter(char::is_ascii_alphanumeric).take(15).collect();
    let kept = plain(&name.to_string_lossy(), MAX_KEPT);
    format!("{time}-{}-{kept}", hex::encode(random.array::<6>()))
}

/// A name without what a path, a shell or a terminal could take for something else.
pub(super) fn plain(name: &str, most: usize) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }
    };
    let name: String = name.chars().map(safe).collect();
    let name = name.trim_start_matches(['.', '-']);
    // The end tells what it is.
    name.get(name.len().saturating_sub(most)..).unwrap_or(name).to_owned()
}

fn is_unfinished(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.starts_with('.') || UNFINISHED.iter().any(|end| name.ends_with(end))
}

/// Whether a file says so that is called the same with `.LOCK` behind.
fn is_locked(folder: &Path, name: &OsStr) -> bool {
    let mut lock = name.to_owned();
    lock.push(".LOCK");
    folder.join(lock).symlink_metadata().is_ok()
}

/// How an entry looks, and whether all is there that makes a message; none when it is gone.
fn look(path: &Path) -> Option<(Vec<Look>, bool)> {
    let of = |found: &std::fs::Metadata| {
        Look(found.ino(), found.size(), (found.mtime(), found.mtime_nsec()))
    };
    let found = path.symlink_metadata().ok()?;
    let mut looks = vec![of(&found)];
    if !found.is_dir() {
        return Some((looks, true));
    }
    let mut inside: Vec<_> = std::fs::read_dir(path).ok()?.flatten().take(MAX_INSIDE).collect();
    inside.sort_by_key(std::fs::DirEntry::file_name);
    let mut whole = false;
    for entry in inside {
        let name = entry.file_name();
        whole |= name.as_bytes() == MESSAGE.as_bytes();
        if is_unfinished(&name) && !name.as_bytes().starts_with(b".") {
            return Some((Vec::new(), false));
        }
        looks.push(of(&entry.metadata().ok()?));
    }
    Some((looks, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_are_plain_and_keep_the_end() {
        for (name, expected) in [
            ("order.txt", "order.txt"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("-rf *", "rf__"),
            ("Grüße\n.txt", "Gr__e_.txt"),
            ("...", ""),
        ] {
            assert_eq!(plain(name, 80), expected);
        }
        assert_eq!(plain(&format!("{}.jpg", "x".repeat(300)), 10), "xxxxxx.jpg");
        let random = Random::seeded(1);
        let at = Timestamp::from_secs(1_700_000_000);
        let (one, other) =
            (claim_of("a".as_ref(), at, &random), claim_of("a".as_ref(), at, &random));
        assert!(one.starts_with("20231114T221320-") && one.ends_with("-a"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn unfinished_names_are_known() {
        for name in [".hidden", "a.tmp", "A.TMP", "a.LOCK", "a.part", "a~", ".a.swp"] {
            assert!(is_unfinished(name.as_ref()), "{name}");
        }
        for name in ["a", "a.txt", "tmp", "locked.txt"] {
            assert!(!is_unfinished(name.as_ref()), "{name}");
        }
    }
}

//! Reading what was laid into a folder, file by file and without following a link, whoever changes
//! it meanwhile; and moving it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use bytes::Bytes;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, RenameFlags, fstat, openat, renameat_with};
use rustix::io::Errno;

use super::text;
use crate::api::intake::{Draft, MAX_BODY, MAX_PARTS, RawPart};
use crate::gateway::{FolderConfig, Gateway};
use crate::model::{Address, Kind, NewMessage};

/// The text and the headers of a message that is a folder.
pub(super) const MESSAGE: &str = "message.txt";
/// What desktops leave in folders.
const LITTER: [&str; 3] = ["thumbs.db", "desktop.ini", "__macosx"];
/// Most entries of a folder, litter included.
const MAX_ENTRIES: usize = 64;
/// Octets of a text with its headers.
const MAX_TEXT: u64 = 128 * 1024;

/// Why there is no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It can never be one as it is; for people.
    Wrong(String),
    /// It is not there any more.
    Gone,
    /// This process may not read it, or the disk fails.
    Unreadable(String),
}

/// What was read.
#[derive(Debug)]
pub(super) struct Raw {
    text: Vec<u8>,
    /// Names and octets, in the order of the names.
    parts: Vec<(String, Bytes)>,
}

/// Reads the file or folder of this name.
pub(super) fn read(folder: &Path, name: &str) -> Result<Raw, Refusal> {
    let parent = directory(CWD, folder.as_os_str()).map_err(|error| unreadable(name, error))?;
    match directory(&parent, name.as_ref()) {
        Ok(inside) => read_folder(&inside),
        Err(Errno::NOTDIR | Errno::LOOP) => {
            let text = file(&parent, name.as_ref(), "the file", MAX_TEXT)?;
            Ok(Raw { text, parts: Vec::new() })
        }
        Err(Errno::NOENT) => Err(Refusal::Gone),
        Err(error) => Err(unreadable(name, error)),
    }
}

fn read_folder(inside: &OwnedFd) -> Result<Raw, Refusal> {
    let mut names = Vec::new();
    let entries = Dir::read_from(inside).map_err(|error| unreadable("the folder", error))?;
    for entry in entries {
        let entry = entry.map_err(|error| unreadable("the folder", error))?;
        let name = String::from_utf8_lossy(entry.file_name().to_bytes()).into_owned();
        let small = name.to_ascii_lowercase();
        if name.starts_with('.') || LITTER.contains(&&*small) || name == MESSAGE {
            continue;
        }
        if names.len() == MAX_ENTRIES {
            return Err(Refusal::Wrong(format!("more than {MAX_ENTRIES} files")));
        }
        names.push((name, entry.file_name().to_owned()));
    }
    names.sort();
    if names.len() > MAX_PARTS {
        let why = format!("{} files beside {MESSAGE}, {MAX_PARTS} is the most", names.len());
        return Err(Refusal::Wrong(why));
    }
    let text = match file(inside, MESSAGE.as_ref(), MESSAGE, MAX_TEXT) {
        Err(Refusal::Gone) => {
            let why = format!("there is no {MESSAGE} in it with a line \"To: +447700900123\"");
            return Err(Refusal::Wrong(why));
        }
        other => other?,
    };
    let mut room = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (shown, name) in names {
        let octets = match file(
            inside,
            OsStr::new(&*String::from_utf8_lossy(name.to_bytes())),
            &shown,
            room,
        ) {
            Err(Refusal::Gone) => {
                return Err(Refusal::Wrong(format!("{shown} cannot be found by its name")));
            }
            other => other?,
        };
        room = room.saturating_sub(u64::try_from(octets.len()).unwrap_or(u64::MAX));
        parts.push((shown, Bytes::from(octets)));
    }
    Ok(Raw { text, parts })
}

/// Reads a plain file that nothing else is a name for.
fn file(folder: &OwnedFd, name: &OsStr, shown: &str, most: u64) -> Result<Vec<u8>, Refusal> {
    let shown: String = shown.chars().take(80).flat_map(char::escape_debug).collect();
    // Opening a pipe would wait for its other end.
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = match openat(folder, name, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Err(Refusal::Gone),
        Err(Errno::LOOP) => {
            return Err(Refusal::Wrong(format!(
                "{shown} is a symbolic link, and links are not followed; lay the file itself here"
            )));
        }
        Err(Errno::NXIO) => return Err(Refusal::Wrong(format!("{shown} is no plain file"))),
        Err(error) => return Err(unreadable(&shown, error)),
    };
    let found = fstat(&opened).map_err(|error| unreadable(&shown, error))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(Refusal::Wrong(format!("{shown} is no plain file")));
    }
    // A second name for a file that its owner may read and whoever laid it here may not.
    if found.st_nlink > 1 {
        return Err(Refusal::Wrong(format!(
            "{shown} has a second name elsewhere (a hard link); lay a copy here"
        )));
    }
    let mut octets = Vec::new();
    File::from(opened)
        .take(most + 1)
        .read_to_end(&mut octets)
        .map_err(|error| Refusal::Unreadable(format!("{shown}: {error}")))?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > most {
        return Err(Refusal::Wrong(format!(
            "{shown} has more than the {most} octets that fit; operators take messages of about 300 KB"
        )));
    }
    Ok(octets)
}

fn directory(at: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

fn unreadable(shown: &str, error: Errno) -> Refusal {
    let error = std::io::Error::from(error);
    Refusal::Unreadable(format!("{shown}: {error}"))
}

/// Moves an entry, never over another; false when it is not there any more.
pub(super) fn rename(
    from: &Path,
    name: &OsStr,
    to: &Path,
    new_name: &str,
) -> std::io::Result<bool> {
    let (from, to) = (directory(CWD, from.as_os_str())?, directory(CWD, to.as_os_str())?);
    match renameat_with(&from, name, &to, new_name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        // File systems that cannot promise it (NFS, vfat): our names are never used twice.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::renameat(&from, name, &to, new_name)?;
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

impl Raw {
    /// The message that it is.
    pub(super) fn into_message(
        self,
        gateway: &Gateway,
        config: &FolderConfig,
    ) -> Result<NewMessage, Refusal> {
        let letter = text::parse(&self.text).map_err(Refusal::Wrong)?;
        let mut draft = Draft::default();
        let mut kind = None;
        let says_which =
            |(name, _): &(String, String)| matches!(name.as_str(), "from" | "modem" | "route");
        // What a message says itself comes before what its folder says.
        if !letter.headers.iter().any(says_which) {
            match (&config.route, &config.modem) {
                (Some(route), _) => draft.route("/route", route),
                (None, Some(modem)) => draft.modem("/modem", modem),
                (None, None) => {}
            }
        }
        for (name, value) in &letter.headers {
            let pointer = format!("/{name}");
            match name.as_str() {
                "to" => {
                    for number in value.split([',', ';']).filter(|it| !it.trim().is_empty()) {
                        draft.recipient(&pointer, number.trim());
                    }
                }
                "subject" => draft.subject(&pointer, value),
                "type" => {
                    kind = Some(());
                    draft.kind(&pointer, &value.to_ascii_lowercase());
                }
                "from" => draft.modem(&pointer, modem_of(gateway, value)?),
                "modem" => draft.modem(&pointer, value),
                "route" => draft.route(&pointer, value),
                "priority" => draft.priority(&pointer, &value.to_ascii_lowercase()),
                "report" => draft.delivery_report = Some(text::is_on(name, value)?),
                "read-report" => draft.message.read_report = text::is_on(name, value)?,
                "group" => draft.message.group = text::is_on(name, value)?,
                "validity" => {
                    let minutes = value.parse::<u64>().ok();
                    draft.validity(&pointer, minutes.and_then(|it| it.checked_mul(60)));
                }
                "send-at" => draft.send_at(&pointer, value),
                "expires-at" => draft.expires_at(&pointer, value),
                "reference" => draft.client_ref(&pointer, value),
                other => return Err(Refusal::Wrong(text::unknown(other))),
            }
        }
        draft.text("/text", &letter.body);
        for (name, body) in self.parts {
            draft.part("/parts", RawPart { name: Some(&name), media_type: None, body });
        }
        let plain = draft.message.parts.is_empty() && draft.message.subject.is_none();
        if kind.is_none() && plain && !draft.message.group {
            draft.message.kind = Kind::Sms;
        }
        draft.finish().map_err(|problem| Refusal::Wrong(problem.detail))
    }
}

/// The modem with this number or of this name.
fn modem_of<'a>(gateway: &'a Gateway, from: &'a str) -> Result<&'a str, Refusal> {
    let number = Address::parse_recipient(from).ok();
    let modems = &gateway.config().modems;
    let found = modems
        .iter()
        .find(|modem| modem.name == from || (number.is_some() && modem.own_number == number));
    found.map(|modem| modem.name.as_str()).ok_or_else(|| {
        Refusal::Wrong(
            "From: it is the number (own_number) or the name of no modem; leave it out and any is \
             taken"
                .to_owned(),
        )
    })
}

//! `[[folder]]`: folders into which messages to be sent are laid, and into which what came is written.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::world::check_event;
use super::{ConfigError, MAX_NAME, beside, value};

/// Most folders that may be configured.
const MAX_FOLDERS: usize = 16;

/// What is written into a folder unless its owner says.
const USUAL: &[&str] = &[
    "message.received",
    "message.missed",
    "message.delivered",
    "message.undelivered",
    "message.read",
    "sms.received",
];

/// A folder that is watched and written into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderConfig {
    /// Its name for people.
    pub name: String,
    /// Where `outgoing`, `checked`, `sent`, `failed`, `incoming` and `report` are.
    pub path: PathBuf,
    /// The modem that what lies there is sent by; none: any.
    pub modem: Option<String>,
    /// The route that it goes by, whatever `modem` says; none: the one that fits.
    pub route: Option<String>,
    /// Types of events that are written there.
    pub events: Vec<String>,
    /// How long what is laid there must not have changed before it is taken.
    pub settle: Duration,
    /// Whether its group may read and write there too.
    pub group_access: bool,
    /// How long what was sent or has failed is kept; none: for ever.
    pub keep: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFolder {
    name: Option<String>,
    path: Option<String>,
    modem: Option<String>,
    route: Option<String>,
    events: Option<Vec<String>>,
    settle_seconds: Option<i64>,
    #[serde(default)]
    group_access: bool,
    keep_days: Option<i64>,
}

/// `modems` and `routes` are the names that there are.
pub(super) fn check(
    file: &str,
    raw: Vec<RawFolder>,
    modems: &[&str],
    routes: &[&str],
) -> Result<Vec<FolderConfig>, ConfigError> {
    if raw.len() > MAX_FOLDERS {
        let expected = format!("at most {MAX_FOLDERS} folders");
        return Err(value(file, "folder".to_owned(), &raw.len().to_string(), &expected));
    }
    let mut folders: Vec<FolderConfig> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.into_iter().enumerate() {
        let folder = check_folder(file, index, raw, modems, routes)?;
        let key = |name: &str| format!("folder[{index}].{name}");
        for other in &folders {
            if other.name == folder.name {
                let expected = "every folder needs a name of its own";
                return Err(value(file, key("name"), &folder.name, expected));
            }
            if other.path.starts_with(&folder.path) || folder.path.starts_with(&other.path) {
                let shown = folder.path.display().to_string();
                let expected = format!("a folder apart from that of \"{}\"", other.name);
                return Err(value(file, key("path"), &shown, &expected));
            }
        }
        folders.push(folder);
    }
    Ok(folders)
}

fn check_folder(
    file: &str,
    index: usize,
    raw: RawFolder,
    modems: &[&str],
    routes: &[&str],
) -> Result<FolderConfig, ConfigError> {
    let key = |name: &str| format!("folder[{index}].{name}");
    let name = raw.name.unwrap_or_else(|| format!("folder{}", index + 1));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let expected = "letters, digits, '-', '_' and '.', at most 32";
        return Err(value(file, key("name"), &name, expected));
    }
    let Some(path) = raw.path.filter(|path| !path.is_empty()) else {
        return Err(ConfigError::Missing {
            file: file.to_owned(),
            key: key("path"),
            expected: "the path of the folder, for example \"/var/spool/mm1gate\"".to_owned(),
        });
    };
    if let Some(modem) = &raw.modem
        && !modems.contains(&modem.as_str())
    {
        let expected = format!("the name of a modem: {}", modems.join(", "));
        return Err(value(file, key("modem"), modem, &expected));
    }
    if let Some(route) = &raw.route
        && !routes.contains(&route.as_str())
    {
        let known = if routes.is_empty() { "there is none".to_owned() } else { routes.join(", ") };
        let expected = format!("the name of a [[route]]: {known}");
        return Err(value(file, key("route"), route, &expected));
    }
    let events =
        raw.events.unwrap_or_else(|| USUAL.iter().map(|event| (*event).to_owned()).collect());
    for (at, kind) in events.iter().enumerate() {
        check_event(kind)
            .map_err(|expected| value(file, key(&format!("events[{at}]")), kind, &expected))?;
    }
    let number = |name: &str, given: Option<i64>, usual: u64, range: (u64, u64)| match given {
        None => Ok(usual),
        Some(given) => u64::try_from(given)
            .ok()
            .filter(|it| (range.0..=range.1).contains(it))
            .ok_or_else(|| {
                let expected = format!("a number from {} to {}", range.0, range.1);
                value(file, key(name), &given.to_string(), &expected)
            }),
    };
    let settle = number("settle_seconds", raw.settle_seconds, 2, (1, 300))?;
    let days = number("keep_days", raw.keep_days, 30, (0, 36_500))?;
    Ok(FolderConfig {
        name,
        path: beside(file, PathBuf::from(path)),
        modem: raw.modem,
        route: raw.route,
        events,
        settle: Duration::from_secs(settle),
        group_access: raw.group_access,
        keep: (days > 0).then(|| Duration::from_secs(days * 86_400)),
    })
}

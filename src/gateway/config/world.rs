//! `[webhooks]`, `[[hook]]` and `[retention]`: whom to tell of what happens, and how long what has
//! happened is kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::folder::FolderConfig;
use super::mail::{MailConfig, SmtpConfig};
use super::{ConfigError, MAX_NAME, beside, value};
use crate::model::{Network, suggest};
use crate::operators::parse;
use crate::store::EVENT_TYPES;

/// Most programs that may be configured.
const MAX_HOOKS: usize = 32;
/// Most words of a command.
const MAX_WORDS: usize = 64;
/// Most networks that webhooks may reach beside the Internet.
pub(super) const MAX_NETWORKS: usize = 64;

/// How the outside world is told.
#[derive(Debug, Clone, Default)]
pub struct WorldConfig {
    /// Addresses that webhooks may reach although they are not on the public Internet, plain HTTP
    /// included.
    pub allow: Vec<Network>,
    /// Whether webhooks may go over plain HTTP to the Internet.
    pub allow_http: bool,
    /// Authorities (DER) that webhooks over https trust beside Mozilla's.
    pub authorities: Vec<Vec<u8>>,
    /// Programs that are run.
    pub hooks: Vec<HookConfig>,
    /// Folders that are watched and written into.
    pub folders: Vec<FolderConfig>,
    /// The mail server.
    pub smtp: Option<SmtpConfig>,
    /// Who gets what by e-mail.
    pub mails: Vec<MailConfig>,
    /// How long things are kept.
    pub retention: Retention,
}

/// A program that is run for each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookConfig {
    /// Its name for people.
    pub name: String,
    /// The program and its arguments; no shell is between.
    pub command: Vec<String>,
    /// Types of events; none: all.
    pub events: Vec<String>,
    /// How long it may run before it is killed with all it has started.
    pub timeout: Duration,
    /// How many may run at the same time.
    pub concurrency: usize,
}

/// How long things are kept; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Messages with all that belongs to them, after their last change.
    pub messages: Option<Duration>,
    /// What was told to webhooks and programs.
    pub events: Option<Duration>,
    /// The octets of the parts of MMS, after the message's last change; the message stays.
    pub media: Option<Duration>,
    /// What went over the line: PDUs, pushes and short messages as they came.
    pub raw: Option<Duration>,
    /// Octets that the store may have before parts of the oldest messages go; `None`: as many as there
    /// are.
    pub max_size: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Some(Duration::from_secs(days * DAY));
        Self { messages: days(400), events: days(30), media: None, raw: days(90), max_size: None }
    }
}

const DAY: u64 = 86_400;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWebhooks {
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    allow_http: bool,
    ca_file: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHook {
    name: Option<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    events: Vec<String>,
    timeout_seconds: Option<i64>,
    concurrency: Option<i64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    messages_days: Option<i64>,
    events_days: Option<i64>,
    media_days: Option<i64>,
    raw_days: Option<i64>,
    max_size_mb: Option<i64>,
}

pub(super) fn check(
    file: &str,
    webhooks: RawWebhooks,
    hooks: Vec<RawHook>,
    retention: &RawRetention,
) -> Result<WorldConfig, ConfigError> {
    let mut config = WorldConfig { allow_http: webhooks.allow_http, ..WorldConfig::default() };
    if webhooks.allow.len() > MAX_NETWORKS {
        let shown = webhooks.allow.len().to_string();
        let expected = format!("at most {MAX_NETWORKS} networks");
        return Err(value(file, "webhooks.allow".to_owned(), &shown, &expected));
    }
    if let Some(name) = &webhooks.ca_file {
        config.authorities = authorities(file, "webhooks.ca_file", name)?;
    }
    for (index, text) in webhooks.allow.iter().enumerate() {
        config.allow.push(text.parse().map_err(|expected: &str| {
            value(file, format!("webhooks.allow[{index}]"), text, expected)
        })?);
    }
    if hooks.len() > MAX_HOOKS {
        let shown = hooks.len().to_string();
        return Err(value(file, "hook".to_owned(), &shown, &format!("at most {MAX_HOOKS} hooks")));
    }
    for (index, raw) in hooks.into_iter().enumerate() {
        let hook = check_hook(file, index, raw)?;
        if config.hooks.iter().any(|other| other.name == hook.name) {
            let expected = "every hook needs a name of its own";
            return Err(value(file, format!("hook[{index}].name"), &hook.name, expected));
        }
        config.hooks.push(hook);
    }
    let usual = Retention::default();
    let days = |name: &str, given: Option<i64>, usual: Option<Duration>| match given {
        None => Ok(usual),
        Some(given) => match u64::try_from(given) {
            Ok(0) => Ok(None),
            Ok(days @ ..=36_500) => Ok(Some(Duration::from_secs(days * DAY))),
            _ => {
                let expected = "a number of days from 1 to 36500, or 0 for ever";
                Err(value(file, format!("retention.{name}"), &given.to_string(), expected))
            }
        },
    };
    config.retention = Retention {
        messages: days("messages_days", retention.messages_days, usual.messages)?,
        events: days("events_days", retention.events_days, usual.events)?,
        media: days("media_days", retention.media_days, usual.media)?,
        raw: days("raw_days", retention.raw_days, usual.raw)?,
        max_size: max_size(file, retention.max_size_mb)?,
    };
    Ok(config)
}

/// Less than the least would hold next to nothing besides the tables themselves.
fn max_size(file: &str, given: Option<i64>) -> Result<Option<u64>, ConfigError> {
    match given.map(|given| (given, u64::try_from(given))) {
        None | Some((_, Ok(0))) => Ok(None),
        Some((_, Ok(megabytes @ 16..=1_000_000))) => Ok(Some(megabytes * 1_000_000)),
        Some((given, _)) => {
            let expected = "a number of MB from 16 to 1000000, or 0 for no limit";
            Err(value(file, "retention.max_size_mb".to_owned(), &given.to_string(), expected))
        }
    }
}

fn check_hook(file: &str, index: usize, raw: RawHook) -> Result<HookConfig, ConfigError> {
    let key = |name: &str| format!("hook[{index}].{name}");
    let name = raw.name.unwrap_or_else(|| format!("hook{}", index + 1));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let expected = "letters, digits, '-', '_' and '.', at most 32";
        return Err(value(file, key("name"), &name, expected));
    }
    let mut command = raw.command;
    let Some(program) = command.first_mut().filter(|program| !program.is_empty()) else {
        return Err(ConfigError::Missing {
            file: file.to_owned(),
            key: key("command"),
            expected: "the program and its arguments, for example [\"/usr/local/bin/new-message\"]"
                .to_owned(),
        });
    };
    // A bare name would be looked for wherever PATH leads; a relative one counts from the file.
    if program.contains('/') {
        *program = beside(file, PathBuf::from(&*program)).display().to_string();
    }
    if !Path::new(&*program).is_absolute() {
        let shown = program.clone();
        let expected = "the whole path of the program, for example /usr/local/bin/new-message";
        return Err(value(file, key("command[0]"), &shown, expected));
    }
    if command.len() > MAX_WORDS || command.iter().any(|word| word.contains('\0')) {
        let expected = format!("at most {MAX_WORDS} words without NUL");
        return Err(value(file, key("command"), &command.len().to_string(), &expected));
    }
    for (at, kind) in raw.events.iter().enumerate() {
        check_event(kind)
            .map_err(|expected| value(file, key(&format!("events[{at}]")), kind, &expected))?;
    }
    let number = |name: &str, given: Option<i64>, usual: u64, most: u64| match given {
        None => Ok(usual),
        Some(given) => {
            u64::try_from(given).ok().filter(|it| (1..=most).contains(it)).ok_or_else(|| {
                value(file, key(name), &given.to_string(), &format!("a number from 1 to {most}"))
            })
        }
    };
    let timeout = number("timeout_seconds", raw.timeout_seconds, 60, 3_600)?;
    let concurrency = number("concurrency", raw.concurrency, 1, 16)?;
    Ok(HookConfig {
        name,
        command,
        events: raw.events,
        timeout: Duration::from_secs(timeout),
        concurrency: usize::try_from(concurrency).unwrap_or(1),
    })
}

/// Certificates of authorities in the file of this name.
pub(super) fn authorities(file: &str, key: &str, name: &str) -> Result<Vec<Vec<u8>>, ConfigError> {
    let wrong = |why: &str| value(file, key.to_owned(), name, why);
    let pem = std::fs::read(beside(file, PathBuf::from(name)))
        .map_err(|error| wrong(&error.to_string()))?;
    parse::authorities("ca_file", name, &pem).map_err(|error| wrong(&error.reason))
}

/// Whether there is such an event; else what to say instead.
///
/// # Errors
/// The sentence for people.
pub fn check_event(kind: &str) -> Result<(), String> {
    let names = || EVENT_TYPES.iter().map(|(name, _)| *name);
    if names().any(|name| name == kind) {
        return Ok(());
    }
    Err(match suggest::nearest(kind, names()) {
        Some(near) => format!("there is no such event; did you mean '{near}'?"),
        None => format!("there are the events {}", names().collect::<Vec<_>>().join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use crate::gateway::Config;

    const MODEM: &str = "[[modem]]\nport = \"auto\"\n";

    fn complaint(text: &str) -> String {
        let text = format!("data_dir = \"/var/lib/x\"\n{text}\n{MODEM}");
        Config::parse(&text, "/etc/mm1gate/t.toml").expect_err(&text).to_string()
    }

    #[test]
    fn hooks_are_read_and_what_is_wrong_with_them_is_told() {
        let text = format!(
            "data_dir = \"/x\"\n[webhooks]\nallow = [\"192.168.1.0/24\"]\n[[hook]]\n\
             command = [\"./bin/new\", \"a b\"]\nevents = [\"message.received\"]\n\
             timeout_seconds = 5\n[retention]\nmessages_days = 0\nevents_days = 7\nmedia_days = 30\n\
             raw_days = 0\nmax_size_mb = 500\n{MODEM}"
        );
        let config = Config::parse(&text, "/etc/mm1gate/t.toml").unwrap().world;
        let hook = &config.hooks[0];
        assert_eq!((&*hook.name, hook.timeout.as_secs(), hook.concurrency), ("hook1", 5, 1));
        assert_eq!(hook.command, ["/etc/mm1gate/./bin/new", "a b"]);
        assert_eq!(config.retention.messages, None);
        assert_eq!(config.retention.events.unwrap().as_secs(), 7 * 86_400);
        assert_eq!(config.retention.media.unwrap().as_secs(), 30 * 86_400);
        assert_eq!((config.retention.raw, config.retention.max_size), (None, Some(500_000_000)));
        assert!(complaint("[[hook]]\ncommand = []").contains("hook[0].command is missing"));
        assert!(complaint("[[hook]]\ncommand = [\"sh\"]").contains("the whole path"));
        let wrong = complaint("[[hook]]\ncommand = [\"/a\"]\nevents = [\"message.recieved\"]");
        assert!(wrong.contains("did you mean 'message.received'?"), "{wrong}");
        assert!(complaint("[[hook]]\ncommand = [\"/a\"]\nconcurrency = 17").contains("1 to 16"));
        assert!(complaint("[webhooks]\nallow = [\"lan\"]").contains("192.168.1.0/24"));
        for key in ["messages_days", "events_days", "media_days", "raw_days"] {
            let wrong = complaint(&format!("[retention]\n{key} = -1"));
            assert!(wrong.contains(key) && wrong.contains("or 0 for ever"), "{wrong}");
        }
        for wrong in [-1, 1, 15, 1_000_001] {
            let wrong = complaint(&format!("[retention]\nmax_size_mb = {wrong}"));
            assert!(wrong.contains("from 16 to 1000000"), "{wrong}");
        }
        let twice = "[[hook]]\nname = \"a\"\ncommand = [\"/a\"]\n";
        assert!(complaint(&twice.repeat(2)).contains("a name of its own"));
    }
}

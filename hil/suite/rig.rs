//! A rig: a modem with a SIM, and what the suite may do with it. A real one is described by a TOML
//! file: the `[[modem]]` table of the gateway's own configuration, and a `[rig]` table.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use mm1gate::gateway::{Config, ConfigError};
use mm1gate::modem::usb::{Binding, Finder, Sysfs, UsbBus};
use mm1gate::modem::{PortOpener, Profiles, SystemPorts, VolatilePins};
use serde::Deserialize;

use super::replay::Replay;
use super::scrub::Secrets;

/// What a rig may spend in one run. Zero forbids.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Budget {
    /// Short messages.
    pub(crate) sms: u32,
    /// Picture messages.
    pub(crate) mms: u32,
    /// Data calls.
    pub(crate) calls: u32,
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.sms, "SMS"), (self.mms, "MMS"), (self.calls, "data calls")];
        let told: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        f.write_str(if told.is_empty() { "nothing" } else { "" })?;
        f.write_str(&told.join(" and "))
    }
}

impl Budget {
    /// What is left when a case took its share.
    pub(crate) const fn less(self, cost: Self) -> Self {
        Self {
            sms: self.sms.saturating_sub(cost.sms),
            mms: self.mms.saturating_sub(cost.mms),
            calls: self.calls.saturating_sub(cost.calls),
        }
    }
}

/// The part of a rig file that the gateway's configuration does not know.
#[derive(Deserialize)]
struct OwnPart {
    rig: Option<Table>,
}

/// The `[rig]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What it is, for people: the stick, its firmware, the operator.
    description: String,
    #[serde(default)]
    budget: Budget,
}

/// What stands behind the ports.
#[derive(Clone)]
pub(crate) enum Behind {
    /// The virtual operator, in virtual or real time.
    Virtual,
    /// Hardware.
    Hardware,
    /// A transcript.
    Transcript(Replay),
}

/// A rig that cases can run on.
#[derive(Clone)]
pub(crate) struct Rig {
    /// Name for the report.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) budget: Budget,
    pub(crate) behind: Behind,
    /// The gateway's configuration with one modem.
    pub(crate) config: Config,
    pub(crate) ports: Arc<dyn PortOpener>,
    /// Where `auto` and the stable names are looked up.
    pub(crate) usb: Arc<dyn UsbBus>,
    /// Set when a case had its port multiplexed.
    pub(crate) multiplexed: Arc<AtomicBool>,
    /// A PIN that one case was refused is not tried by the next.
    pub(crate) pins: Arc<VolatilePins>,
    /// A human is there to pull plugs.
    pub(crate) human: bool,
    /// The longest that one case may take.
    pub(crate) patience: Duration,
}

impl Rig {
    /// Reads a rig file.
    ///
    /// # Errors
    /// What is wrong with it, where, and what belongs there.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            format!("{}: {error}; hil/rigs/example.toml shows a rig file", file.display())
        })?;
        Self::parse(&text, file)
    }

    /// The same of a text; `file` is for its name and for what it says of folders.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let own: OwnPart = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
            let words = error.message().lines().collect::<Vec<_>>().join(", ");
            let key = text.lines().nth(line - 1).and_then(|line| line.split_once('='));
            match key {
                // A reader's sentence may hold the value, which may be a PIN.
                Some((key, _)) if !words.contains("unknown field") => {
                    format!("{shown}, line {line}: {}: {}", key.trim(), without_value(&words))
                }
                _ => format!("{shown}, line {line}: {words}"),
            }
        })?;
        let table = own.rig.ok_or_else(|| {
            format!(
                "{shown}: it has no [rig] with a description and a budget; hil/rigs/example.toml \
                 shows one"
            )
        })?;
        let modems = text.lines().enumerate().filter(|(_, line)| line.trim() == "[[modem]]");
        if let Some((at, _)) = modems.into_iter().nth(1) {
            let line = at + 1;
            let words = "a second [[modem]]: a rig has one modem; take one of them out";
            return Err(format!("{shown}, line {line}: {words}"));
        }
        let rest = without_rig(text);
        let mut config = Config::parse(&rest, &shown.to_string())
            .map_err(|error| with_line(&error, text, &shown.to_string()))?;
        if !has_key(&rest, "data_dir") {
            config.data_dir = std::env::temp_dir();
        }
        let modem = config.modems.first().ok_or_else(|| format!("{shown}: no [[modem]]"))?;
        if modem.own_number.is_none() {
            let line = line_of(text, "[[modem]]").unwrap_or(1);
            return Err(format!(
                "{shown}, line {line}: [[modem]] has no own_number, and the suite sends its \
                 messages there: own_number = \"+447700900123\""
            ));
        }
        let rig = Self {
            name: file.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into_owned()),
            description: table.description,
            budget: table.budget,
            behind: Behind::Hardware,
            config,
            ports: Arc::new(SystemPorts),
            usb: Arc::new(Sysfs::system()),
            multiplexed: Arc::default(),
            pins: Arc::default(),
            human: false,
            patience: Duration::from_secs(15 * 60),
        };
        let profiles = rig.profiles().map_err(|words| {
            format!(
                "{shown}, line {}: profile_dir: {words}",
                line_of(text, "profile_dir").unwrap_or(1)
            )
        })?;
        let profile = &rig.modem().profile;
        if profile != "auto"
            && let Err(error) = profiles.named(profile)
        {
            let line = line_of(text, "profile").unwrap_or(1);
            return Err(format!("{shown}, line {line}: {error}"));
        }
        Ok(rig)
    }

    /// The profiles that its modem may get: the file's own folder beats what is built in.
    ///
    /// # Errors
    /// What is wrong with the folder's files.
    pub(crate) fn profiles(&self) -> Result<Arc<Profiles>, String> {
        match &self.config.profile_dir {
            Some(folder) => {
                Profiles::with_folder(folder).map(Arc::new).map_err(|error| error.to_string())
            }
            None => Ok(Profiles::embedded()),
        }
    }

    /// Looks up the names that its ports have at the moment.
    ///
    /// # Errors
    /// As [`Self::profiles`].
    pub(crate) fn finder(&self) -> Result<Finder, String> {
        let bind =
            |name: &str| name.parse().unwrap_or_else(|_: &str| Binding::Port(name.to_owned()));
        let modem = self.modem();
        let (dial, control) = (bind(&modem.port), modem.control_port.as_deref().map(bind));
        Ok(Finder::new(Arc::clone(&self.usb), self.profiles()?, dial, control))
    }

    pub(crate) fn modem(&self) -> &mm1gate::gateway::ModemConfig {
        self.config.modems.first().expect("a rig has a modem")
    }

    /// What the operator wants; empty where the rig file does not tell.
    pub(crate) fn settings(&self) -> mm1gate::operators::Settings {
        self.modem().operator.clone().unwrap_or_default()
    }

    /// The number of its SIM.
    pub(crate) fn own_number(&self) -> String {
        self.modem().own_number.as_ref().map_or_else(String::new, |it| it.text().to_owned())
    }

    pub(crate) fn is_virtual(&self) -> bool {
        matches!(self.behind, Behind::Virtual)
    }

    /// What must not be in its transcripts.
    pub(crate) fn secrets(&self) -> Secrets {
        let (modem, settings) = (self.modem(), self.settings());
        Secrets {
            numbers: vec![self.own_number()],
            pin: modem.pin.as_ref().map(|pin| pin.expose().to_owned()),
            words: vec![settings.user.clone(), settings.password.expose().to_owned()],
        }
    }
}

/// The text without its `[rig]` tables, every other line where it was.
fn without_rig(text: &str) -> String {
    let mut inside = false;
    let mut rest = String::new();
    for line in text.lines() {
        let header = line.trim();
        if header.starts_with('[') {
            inside = header.starts_with("[rig]") || header.starts_with("[rig.");
        }
        if !inside {
            rest.push_str(line);
        }
        rest.push('\n');
    }
    rest
}

fn has_key(text: &str, key: &str) -> bool {
    let is_key = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    text.lines().any(is_key)
}

/// The line, from 1, that says `word` first, comments aside.
fn line_of(text: &str, word: &str) -> Option<usize> {
    let begins = |line: &str| {
        line.trim_start().strip_prefix(word).is_some_and(|rest| {
            rest.chars().next().is_none_or(|c| c.is_whitespace() || c == '=' || c == '#')
        })
    };
    text.lines().position(begins).map(|at| at + 1)
}

/// The gateway's error with the line of the key that it is about.
fn with_line(error: &ConfigError, text: &str, shown: &str) -> String {
    let words = error.to_string();
    let key = match error {
        ConfigError::Value { key, .. } => key.rsplit('.').next().unwrap_or(key),
        // Where it is to be written.
        ConfigError::Missing { .. } => "[[modem]]",
        _ => return words,
    };
    match (line_of(text, key), words.strip_prefix(shown)) {
        (Some(line), Some(rest)) => format!("{shown}, line {line}{rest}"),
        _ => words,
    }
}

/// What a reader said, its quotation of the value left out.
fn without_value(words: &str) -> String {
    match words.split_once(", expected ") {
        Some((_, expected)) => format!("it must be {}", in_words(expected)),
        None => words.to_owned(),
    }
}

fn in_words(expected: &str) -> &str {
    match expected {
        "u32" => "a whole number, 0 or more",
        "a string" => "a text in quotes",
        other => other,
    }
}

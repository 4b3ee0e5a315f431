//! From TOML to a checked [`Profile`]: `extends`, `[append]`, and complaints with key and line.

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::Profile;
use super::shape::Step;
use crate::codec::at::CommandLine;
use crate::model::suggest;

/// Octets of a profile's file.
const MAX_FILE: usize = 256 * 1024;
/// Longest time that a profile may name, seconds: ModemManager gives no command more than 180.
const MAX_SECONDS: u64 = 600;
/// What belongs to one profile and is not taken over from the one that it extends.
const OWN: [&str; 7] = ["title", "notes", "refuse", "usb", "match", "evidence", "extends"];
/// Sequences to which a profile may add steps.
const SEQUENCES: [&str; 2] = ["init", "sms"];
/// Placeholders of the templates in `[dial]`.
pub(in crate::modem) const PLACEHOLDERS: [&str; 8] = [
    "{cid}",
    "{apn}",
    "{pdp_type}",
    "{user}",
    "{password}",
    "{auth}",
    "{auth_name}",
    "{pdp_number}",
];

/// A profile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "modem profile {name}{}{}: {reason}",
    line.map_or_else(String::new, |line| format!(", line {line}")),
    key.as_ref().map_or_else(String::new, |key| format!(", {key}"))
)]
pub struct ProfileError {
    /// Its name.
    pub name: String,
    /// Where in its file, from 1; none when the complaint is about no line.
    pub line: Option<usize>,
    /// The key with the tables above it.
    pub key: Option<String>,
    /// What is wrong, and what is expected.
    pub reason: String,
}

/// A profile's file as it was read: tables with everything that it extends filled in.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) table: Table,
    pub(super) profile: Profile,
}

/// What a file says before it is put on the one that it extends.
pub(super) struct Draft<'a> {
    name: &'a str,
    text: &'a str,
    table: Table,
}

impl<'a> Draft<'a> {
    /// Reads the TOML.
    pub(super) fn new(name: &'a str, text: &'a str) -> Result<Self, ProfileError> {
        if text.len() > MAX_FILE {
            return Err(ProfileError {
                name: name.to_owned(),
                line: None,
                key: None,
                reason: format!("the file is larger than {MAX_FILE} octets"),
            });
        }
        let table = text.parse().map_err(|error: toml::de::Error| ProfileError {
            name: name.to_owned(),
            line: error.span().map(|span| line_at(text, span.start)),
            key: None,
            reason: error.message().to_owned(),
        })?;
        Ok(Self { name, text, table })
    }

    /// The profile that it stands on; none for one that holds everything.
    pub(super) fn extends(&self) -> Result<Option<&str>, ProfileError> {
        match self.table.get("extends") {
            Some(Value::String(parent)) => Ok(Some(parent)),
            Some(_) => Err(self.error("extends", "it is the name of a profile")),
            None => Ok((self.name != "generic").then_some("generic")),
        }
    }

    /// A complaint about a key of this file.
    pub(super) fn error(&self, key: &str, reason: impl Into<String>) -> ProfileError {
        ProfileError {
            name: self.name.to_owned(),
            line: line_of(self.text, key),
            key: (!key.is_empty()).then(|| key.to_owned()),
            reason: reason.into(),
        }
    }

    /// Fills in what the parent says and checks everything.
    pub(super) fn on(mut self, parent: Option<&Source>) -> Result<Source, ProfileError> {
        let mut table = parent.map_or_else(Table::new, |parent| parent.table.clone());
        for key in OWN {
            table.remove(key);
        }
        let append = self.table.remove("append");
        self.table.remove("extends");
        let own = std::mem::take(&mut self.table);
        merge(&mut table, own);
        let mut inherited = Vec::new();
        if let Some(append) = append {
            let Value::Table(append) = append else {
                return Err(self.error("append", "it is a table with steps for init and sms"));
            };
            for (key, steps) in append {
                let path = format!("append.{key}");
                if !SEQUENCES.contains(&key.as_str()) {
                    let reason = unknown(&key, &SEQUENCES.map(str::to_owned));
                    return Err(self.error(&path, reason));
                }
                let Value::Array(steps) = steps else {
                    return Err(self.error(&path, "it is a list of steps"));
                };
                let sequence = table.entry(key.clone()).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(all) = sequence {
                    inherited.push((key, all.len()));
                    all.extend(steps);
                }
            }
        }
        let mut profile: Profile = serde_path_to_error::deserialize(table.clone())
            .map_err(|error| self.misread(&error, &inherited))?;
        self.name.clone_into(&mut profile.name);
        check(&profile).map_err(|(key, reason)| self.error(&appended(&key, &inherited), reason))?;
        Ok(Source { table, profile })
    }

    fn misread(
        &self,
        error: &serde_path_to_error::Error<toml::de::Error>,
        inherited: &[(String, usize)],
    ) -> ProfileError {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        let message = error.inner().message();
        let quoted = |text: &str| -> Vec<String> {
            text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        if let Some(rest) = message.strip_prefix("missing field ") {
            let key = quoted(rest).pop().unwrap_or_default();
            let above = appended(&path, inherited);
            let line = line_of(self.text, &above);
            let key = if above.is_empty() { key } else { format!("{above}.{key}") };
            let reason = "it is missing".to_owned();
            return ProfileError { name: self.name.to_owned(), line, key: Some(key), reason };
        }
        let reason = match message.strip_prefix("unknown field ") {
            Some(rest) => {
                let mut words = quoted(rest);
                let key = if words.is_empty() { String::new() } else { words.remove(0) };
                unknown(&key, &words)
            }
            None => message.to_owned(),
        };
        self.error(&appended(&path, inherited), reason)
    }
}

/// The key as it stands in this file, where the step was appended to those of another.
fn appended(path: &str, inherited: &[(String, usize)]) -> String {
    for (key, count) in inherited {
        let index = path.strip_prefix(key.as_str()).and_then(|rest| rest.strip_prefix('['));
        if let Some((index, behind)) = index.and_then(|rest| rest.split_once(']'))
            && let Ok(index) = index.parse::<usize>()
            && let Some(own) = index.checked_sub(*count)
        {
            return format!("append.{key}[{own}]{behind}");
        }
    }
    path.to_owned()
}

fn unknown(key: &str, expected: &[String]) -> String {
    match suggest::nearest(key, expected.iter().map(String::as_str)) {
        Some(near) => format!("there is no such key; did you mean '{near}'?"),
        None => format!("there is no such key; possible are {}", expected.join(", ")),
    }
}

/// Tables are merged key by key; anything else takes the place of what was there.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The line of a key such as `dial.dial[1]`; that of the nearest table above when this file does
/// not hold it; none when it holds nothing of it.
fn line_of(text: &str, path: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut found = None;
    let mut table = Some(document.get_ref());
    let mut value: Option<&DeValue<'_>> = None;
    for segment in path.split(['.', '[']).filter(|it| !it.is_empty()) {
        let index = segment.strip_suffix(']').and_then(|it| it.parse::<usize>().ok());
        let next = match (index, value) {
            (Some(index), Some(DeValue::Array(list))) => {
                list.get(index).map(|item| (item.span().start, item.get_ref()))
            }
            _ => table.and_then(|table| {
                table
                    .iter()
                    .find(|(key, _)| key.get_ref() == segment)
                    .map(|(key, item)| (key.span().start, item.get_ref()))
            }),
        };
        let Some((at, item)) = next else { break };
        found = Some(line_at(text, at));
        table = match item {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
        value = Some(item);
    }
    found
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|octet| *octet == b'\n').count()
}

/// What the types do not say. Answers the key and what is wrong with it.
fn check(profile: &Profile) -> Result<(), (String, String)> {
    let wrong = |key: &str, reason: &str| Err((key.to_owned(), reason.to_owned()));
    for (key, steps) in [
        ("init", &profile.init),
        ("sms", &profile.sms),
        ("dial.before", &profile.dial.before),
        ("dial.prepare", &profile.dial.prepare),
    ] {
        for (index, step) in steps.iter().enumerate() {
            check_step(step).map_err(|(at, reason)| (format!("{key}[{index}]{at}"), reason))?;
        }
    }
    if profile.title.trim().is_empty() {
        return wrong("title", "it is empty");
    }
    if profile.evidence.sources.is_empty() {
        return wrong("evidence.sources", "name where the values were read");
    }
    if !(300..=4_000_000).contains(&profile.serial.baud) {
        return wrong("serial.baud", "it is a number from 300 to 4000000");
    }
    for (key, list) in [
        ("dial.dial", &profile.dial.dial),
        ("dial.auth", &profile.dial.auth),
        ("dial.auth_none", &profile.dial.auth_none),
        ("pin.attempts", &profile.pin.attempts),
        ("reset.commands", &profile.reset.commands),
        ("hangup.force", &profile.hangup.force),
    ] {
        for (index, text) in list.iter().enumerate() {
            let known = match key.split('.').next() {
                Some("dial") => &PLACEHOLDERS[..],
                Some("hangup") => &["{cid}"],
                _ => &[],
            };
            check_command(text, known).map_err(|reason| (format!("{key}[{index}]"), reason))?;
        }
    }
    if profile.dial.dial.is_empty() {
        return wrong("dial.dial", "it is empty: name at least one dial string");
    }
    check_command(&profile.dial.define, &PLACEHOLDERS)
        .map_err(|it| ("dial.define".to_owned(), it))?;
    if let Some(text) = &profile.dial.define_auth {
        check_command(text, &PLACEHOLDERS).map_err(|it| ("dial.define_auth".to_owned(), it))?;
    }
    if let Some(text) = &profile.dial.dial_default {
        check_command(text, &[]).map_err(|it| ("dial.dial_default".to_owned(), it))?;
    }
    if let Some(text) = &profile.direct.acknowledge {
        check_command(text, &[]).map_err(|it| ("direct.acknowledge".to_owned(), it))?;
    }
    for (index, begin) in profile.cmux.begin.iter().enumerate() {
        check_command(&begin.send, &[]).map_err(|it| (format!("cmux.begin[{index}].send"), it))?;
        if !(1..=32768).contains(&begin.frame_size) {
            let reason = "it is a number of octets from 1 to 32768".to_owned();
            return Err((format!("cmux.begin[{index}].frame_size"), reason));
        }
    }
    if profile.cmux.allowed && profile.cmux.begin.is_empty() {
        return wrong("cmux.begin", "it is empty although cmux is allowed");
    }
    for (index, name) in profile.storage.receive.iter().enumerate() {
        if name.len() != 2 || !name.bytes().all(|it| it.is_ascii_uppercase()) {
            let reason = "it is two capital letters, such as \"SM\"".to_owned();
            return Err((format!("storage.receive[{index}]"), reason));
        }
    }
    for (key, values) in [
        ("storage.indications", &profile.storage.indications),
        ("storage.reports", &profile.storage.reports),
    ] {
        if let Some(index) = values.iter().position(|value| *value > 3) {
            return Err((format!("{key}[{index}]"), "it is a number from 0 to 3".to_owned()));
        }
    }
    if profile.storage.list.is_empty() {
        return wrong("storage.list", "it is empty: name at least one way to list messages");
    }
    if profile.hangup.steps.is_empty() {
        return wrong("hangup.steps", "it is empty: name at least one way out of data mode");
    }
    check_times(profile)
}

fn check_times(profile: &Profile) -> Result<(), (String, String)> {
    let times = &profile.timeouts;
    for (key, time, may_be_zero) in [
        ("timeouts.command", times.command, false),
        ("timeouts.attach", times.attach, false),
        ("timeouts.list", times.list, false),
        ("timeouts.prompt", times.prompt, false),
        ("timeouts.send", times.send, false),
        ("timeouts.deactivate", times.deactivate, false),
        ("dial.connect_timeout", profile.dial.connect_timeout, false),
        ("reset.back_within", profile.reset.back_within, false),
        ("hangup.watch", profile.hangup.watch, true),
        ("hangup.guard", profile.hangup.guard, true),
        ("ready.limit", profile.ready.limit, true),
        ("quirks.send_delay", profile.quirks.send_delay, true),
    ] {
        if time.as_secs() > MAX_SECONDS || (time.is_zero() && !may_be_zero) {
            let least = if may_be_zero { "0s" } else { "1ms" };
            return Err((key.to_owned(), format!("it is a time from {least} to {MAX_SECONDS}s")));
        }
    }
    Ok(())
}

fn check_step(step: &Step) -> Result<(), (&'static str, String)> {
    match (&step.send, step.choose) {
        (Some(text), None) => check_command(text, &[]).map_err(|it| (".send", it)),
        (None, Some(_)) => Ok(()),
        _ => Err(("", "a step has either `send` or `choose`".to_owned())),
    }
}

/// `known` are the placeholders that it may hold.
fn check_command(text: &str, known: &[&str]) -> Result<(), String> {
    CommandLine::new(text).map_err(|error| error.to_string())?;
    if !text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("AT")) {
        return Err("a command begins with AT".to_owned());
    }
    for (at, _) in text.match_indices('{') {
        let stands = |it: &&str| text.get(at..).is_some_and(|rest| rest.starts_with(*it));
        if !known.iter().any(stands) {
            return Err(if known.is_empty() {
                "placeholders are for the templates of [dial] and [hangup] only".to_owned()
            } else {
                format!("it holds an unknown placeholder; known are {}", known.join(" "))
            });
        }
    }
    Ok(())
}

//! `[receiving]`: what is fetched, what is told to senders, and how long texts wait.

use serde::Deserialize;

use super::{ConfigError, value};
use crate::gateway::retrieval::{ReceivingPolicy, RetrievalRule};
use crate::store::Retrieve;

/// Most rules, and most texts of the owner's.
const MAX_ENTRIES: usize = 200;

/// Longest pattern of a sender or a text, characters.
const MAX_PATTERN: usize = 100;

/// Octets of a kilobyte, as sizes of messages are told.
const KILOBYTE: u64 = 1_024;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReceiving {
    pub(super) texts_may_wait_seconds: Option<i64>,
    retrieve: Option<String>,
    defer_above_kb: Option<i64>,
    delivery_reports: Option<bool>,
    #[serde(default)]
    missed_mms_texts: Vec<String>,
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    from: Option<String>,
    modem: Option<String>,
    above_kb: Option<i64>,
    retrieve: String,
}

/// Checks the table; `modems` are the names there are.
pub(super) fn check(
    file: &str,
    raw: RawReceiving,
    modems: &[&str],
) -> Result<ReceivingPolicy, ConfigError> {
    let mut policy = ReceivingPolicy {
        delivery_reports: raw.delivery_reports.unwrap_or(true),
        ..ReceivingPolicy::default()
    };
    if let Some(word) = &raw.retrieve {
        policy.usual = retrieve(file, "receiving.retrieve", word)?;
    }
    if let Some(size) = raw.defer_above_kb {
        policy.defer_above = Some(octets(file, "receiving.defer_above_kb", size)?);
    }
    for (what, count) in
        [("rule", raw.rule.len()), ("missed_mms_texts", raw.missed_mms_texts.len())]
    {
        if count > MAX_ENTRIES {
            let expected = format!("at most {MAX_ENTRIES} entries");
            let key = format!("receiving.{what}");
            return Err(value(file, key, &count.to_string(), &expected));
        }
    }
    for (index, text) in raw.missed_mms_texts.iter().enumerate() {
        let text = text.trim().to_lowercase();
        if !(4..=MAX_PATTERN).contains(&text.chars().count()) {
            let key = format!("receiving.missed_mms_texts[{index}]");
            let expected = format!("words of the text, 4 to {MAX_PATTERN} characters");
            return Err(value(file, key, &text, &expected));
        }
        policy.missed.more.push(text);
    }
    for (index, rule) in raw.rule.into_iter().enumerate() {
        let key = |name: &str| format!("receiving.rule[{index}].{name}");
        if let Some(name) = &rule.modem
            && !modems.contains(&name.as_str())
        {
            let expected = format!("the name of a modem: {}", modems.join(", "));
            return Err(value(file, key("modem"), name, &expected));
        }
        if let Some(from) = &rule.from
            && (from.is_empty()
                || from.chars().count() > MAX_PATTERN
                || from.trim_end_matches('*').contains('*')
                || from.ends_with("**"))
        {
            let expected = "a number or address; * at its end stands for the rest";
            return Err(value(file, key("from"), from, expected));
        }
        policy.rules.push(RetrievalRule {
            retrieve: retrieve(file, &key("retrieve"), &rule.retrieve)?,
            above: rule.above_kb.map(|size| octets(file, &key("above_kb"), size)).transpose()?,
            from: rule.from,
            modem: rule.modem,
        });
    }
    Ok(policy)
}

fn retrieve(file: &str, key: &str, word: &str) -> Result<Retrieve, ConfigError> {
    match word {
        "immediate" => Ok(Retrieve::Now),
        "deferred" => Ok(Retrieve::Later),
        "rejected" => Ok(Retrieve::Never),
        _ => {
            let expected = "\"immediate\", \"deferred\" or \"rejected\"";
            Err(value(file, key.to_owned(), word, expected))
        }
    }
}

fn octets(file: &str, key: &str, size: i64) -> Result<u64, ConfigError> {
    match u64::try_from(size) {
        Ok(size @ 1..=100_000) => Ok(size * KILOBYTE),
        _ => {
            let expected = "a number of kilobytes from 1 to 100000";
            Err(value(file, key.to_owned(), &size.to_string(), expected))
        }
    }
}

//! A modem's peculiarities as data: the steps and limits that drive the sequences.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

const GENERIC: &str = include_str!("../../modem-profiles/generic.toml");

/// A modem profile, see `modem-profiles/generic.toml` for the meaning of each key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// After the modem has answered AT.
    pub init: Vec<Step>,
    /// After the SIM is ready.
    pub sms: Vec<Step>,
    /// The line.
    pub serial: Serial,
    /// The SIM's PIN.
    pub pin: Pin,
    /// Message storages.
    pub storage: Storage,
    /// Context and call.
    pub dial: Dial,
    /// Back to command mode.
    pub hangup: HangUp,
    /// How long the modem may take.
    pub timeouts: Timeouts,
    /// What else is odd about it.
    pub quirks: Quirks,
    /// On what evidence.
    pub verified: Verified,
}

/// One step of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A command line.
    pub send: Option<String>,
    /// Or a choice from what the modem offers.
    pub choose: Option<Choice>,
    /// What a refusal means.
    #[serde(default)]
    pub on_error: OnError,
    /// How long it may take; [`Timeouts::command`] when not given.
    #[serde(default, deserialize_with = "optional_duration")]
    pub timeout: Option<Duration>,
}

/// What is chosen from a `=?` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// `+CPMS`
    Storage,
    /// `+CNMI`
    Indications,
}

/// What a refused step means.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "OnErrorToml")]
pub enum OnError {
    /// The modem cannot be used.
    #[default]
    Fail,
    /// Go on.
    Ignore,
    /// Go on when the code is among these.
    IgnoreCodes {
        /// `+CME ERROR`
        cme: Vec<u16>,
        /// `+CMS ERROR`
        cms: Vec<u16>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OnErrorToml {
    Word(OnErrorWord),
    Codes(OnErrorCodes),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OnErrorWord {
    Fail,
    Ignore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnErrorCodes {
    #[serde(default)]
    cme: Vec<u16>,
    #[serde(default)]
    cms: Vec<u16>,
}

impl From<OnErrorToml> for OnError {
    fn from(toml: OnErrorToml) -> Self {
        match toml {
            OnErrorToml::Word(OnErrorWord::Fail) => Self::Fail,
            OnErrorToml::Word(OnErrorWord::Ignore) => Self::Ignore,
            OnErrorToml::Codes(OnErrorCodes { cme, cms }) => Self::IgnoreCodes { cme, cms },
        }
    }
}

/// The line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serial {
    /// Bits per second.
    pub baud: u32,
    /// How the two ends pause each other.
    pub flow_control: FlowControl,
}

/// How the two ends of a line pause each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowControl {
    /// Not at all, or by USB.
    None,
    /// RTS and CTS.
    Hardware,
}

/// The SIM's PIN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Commands that tell how many attempts are left.
    pub attempts: Vec<String>,
}

/// Message storages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// For new messages, best first.
    pub receive: Vec<String>,
    /// Values of `<mode>` in `+CNMI`, best first.
    pub indications: Vec<u32>,
}

/// Context and call. Placeholders: `{cid}`, `{apn}`, `{pdp_type}`, `{user}`, `{password}`,
/// `{auth}` (0 none, 1 PAP, 2 CHAP).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// Defines the context.
    pub define: String,
    /// Gives credentials to modems that want them before PPP; a refusal is ignored.
    pub auth: Option<String>,
    /// Sent before each call.
    #[serde(default)]
    pub before: Vec<Step>,
    /// Dial strings; the next is tried when the modem does not know the one before.
    pub dial: Vec<String>,
    /// The last resort, for context 1 only.
    pub dial_default: Option<String>,
    /// From the dial string to CONNECT.
    #[serde(deserialize_with = "duration")]
    pub connect_timeout: Duration,
}

/// Back to command mode.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HangUp {
    /// How long the modem may take to notice the end of PPP by itself.
    #[serde(deserialize_with = "duration")]
    pub watch: Duration,
    /// In order.
    pub steps: Vec<HangUpStep>,
    /// Silence before and after `+++`.
    #[serde(deserialize_with = "duration")]
    pub guard: Duration,
}

/// One way out of data mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum HangUpStep {
    /// Drop Data Terminal Ready for a second, where the port has it.
    #[serde(rename = "dtr")]
    Dtr,
    /// The escape sequence between its guard times.
    #[serde(rename = "+++")]
    Escape,
    /// Hang up.
    #[serde(rename = "ATH")]
    Ath,
}

/// How long the modem may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// For an ordinary command.
    #[serde(deserialize_with = "duration")]
    pub command: Duration,
    /// For `+CGATT=1`.
    #[serde(deserialize_with = "duration")]
    pub attach: Duration,
    /// For `+CMGL`.
    #[serde(deserialize_with = "duration")]
    pub list: Duration,
}

/// What else is odd about a modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirks {
    /// Pause before each command.
    #[serde(deserialize_with = "duration")]
    pub send_delay: Duration,
}

/// On what evidence a profile stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Transcripts of real modems.
    pub transcripts: Vec<String>,
}

/// A profile that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("modem profile {name}: {reason}")]
pub struct ProfileError {
    /// Its name.
    pub name: String,
    /// What is wrong with it, and where.
    pub reason: String,
}

impl Profile {
    /// What suits most modems.
    ///
    /// # Panics
    /// Never: a test reads the embedded profile.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the text is part of the program and read by a test")]
    pub fn generic() -> Self {
        Self::from_toml("generic", GENERIC).expect("the embedded profile is well-formed")
    }

    /// Reads a profile; unknown keys are errors.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ProfileError> {
        let error = |reason: String| ProfileError { name: name.to_owned(), reason };
        let mut profile: Self = toml::from_str(text).map_err(|it| error(it.to_string()))?;
        name.clone_into(&mut profile.name);
        for step in profile.init.iter().chain(&profile.sms).chain(&profile.dial.before) {
            if step.send.is_some() == step.choose.is_some() {
                return Err(error("a step has either `send` or `choose`".to_owned()));
            }
        }
        if profile.dial.dial.is_empty() {
            return Err(error("`dial.dial` is empty".to_owned()));
        }
        Ok(profile)
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = match text.strip_suffix("ms") {
        Some(millis) => millis.trim().parse().ok().map(Duration::from_millis),
        None => text
            .strip_suffix('s')
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs),
    };
    parsed.ok_or_else(|| {
        serde::de::Error::custom(format!("\"{text}\" is no duration such as \"60s\" or \"20ms\""))
    })
}

fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_profile_reads() {
        let profile = Profile::generic();
        assert_eq!(profile.name, "generic");
        assert_eq!(profile.dial.connect_timeout, Duration::from_secs(90));
        assert_eq!(profile.hangup.steps, [HangUpStep::Dtr, HangUpStep::Escape, HangUpStep::Ath]);
        assert!(profile.verified.transcripts.is_empty());
    }

    #[test]
    fn unknown_keys_and_bad_values_are_errors() {
        for (from, to, named) in [
            ("[quirks]", "[quirks]\nsend_dealy = \"1s\"", "send_dealy"),
            ("baud = 115200", "baud = \"fast\"", "baud"),
            ("guard = \"1100ms\"", "guard = \"soon\"", "soon"),
            ("steps = [\"dtr\"", "steps = [\"pull the plug\"", "pull the plug"),
            ("{ send = \"AT+CMGF=0\" }", "{ on_error = \"ignore\" }", "either"),
        ] {
            let error = Profile::from_toml("x", &GENERIC.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn refusals_may_be_named_by_code() {
        let step: Step =
            toml::from_str("send = \"AT+CNMI=2,1\"\non_error = { cms = [303] }").unwrap();
        assert_eq!(step.on_error, OnError::IgnoreCodes { cme: vec![], cms: vec![303] });
    }
}

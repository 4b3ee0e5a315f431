//! The shape of a profile: every step, limit and quirk that drives the sequences, as it stands in
//! `modem-profiles/*.toml` once what it `extends` is filled in.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::{Identity, UsbEntry};

/// A modem profile, see `modem-profiles/generic.toml` for the meaning of each key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name: that of its file.
    #[serde(skip)]
    pub name: String,
    /// The modems it is for, for people.
    pub title: String,
    /// What a person ought to know of these modems.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why modems of this profile cannot be used, and the way out; none for those that can.
    #[serde(default)]
    pub refuse: Option<String>,
    /// USB identities and what their interfaces are for.
    #[serde(default)]
    pub usb: Vec<UsbEntry>,
    /// What such a modem says of itself.
    #[serde(default, rename = "match")]
    pub identity: Identity,
    /// After the modem has answered AT.
    pub init: Vec<Step>,
    /// After the SIM is ready.
    pub sms: Vec<Step>,
    /// The line.
    pub serial: Serial,
    /// The SIM's PIN.
    pub pin: Pin,
    /// How the modem says that its SMS part is ready.
    pub ready: Ready,
    /// Message storages.
    pub storage: Storage,
    /// Messages that are delivered instead of stored.
    pub direct: Direct,
    /// Context and call.
    pub dial: Dial,
    /// Back to command mode.
    pub hangup: HangUp,
    /// Several channels on one port.
    pub cmux: Cmux,
    /// A new start of the modem.
    pub reset: Reset,
    /// How long the modem may take.
    pub timeouts: Timeouts,
    /// What else is odd about it.
    pub quirks: Quirks,
    /// On what evidence.
    pub evidence: Evidence,
}

/// One step of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A command line.
    pub send: Option<String>,
    /// Or a choice from what the modem offers.
    pub choose: Option<Choice>,
    /// On which port; on both where the sequence runs on both, when not given.
    #[serde(default)]
    pub on: Option<StepPort>,
    /// What a refusal means.
    #[serde(default)]
    pub on_error: OnError,
    /// How long it may take; [`Timeouts::command`] when not given.
    #[serde(default, deserialize_with = "optional_duration")]
    pub timeout: Option<Duration>,
}

/// Where a step is sent on a modem with two ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepPort {
    /// The port for commands.
    Control,
    /// The port that dials.
    Data,
}

/// What is chosen from a `=?` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// `+CSMS`: whether messages may be acknowledged one by one.
    Service,
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
#[serde(
    untagged,
    expecting = "it is \"fail\", \"ignore\", or { cme = [..], cms = [..] } with the codes to ignore"
)]
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

/// How the modem says that its SMS part is ready after the SIM is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Beginnings of lines, any of which says so. They come once after power-on: a modem that is
    /// asked later stays silent about it.
    pub signs: Vec<String>,
    /// How long they are waited for after a start of the modem that we saw. No sign at all is no
    /// failure.
    #[serde(deserialize_with = "duration")]
    pub limit: Duration,
}

/// Message storages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// For new messages, best first.
    pub receive: Vec<String>,
    /// Values of `<mode>` in `+CNMI`, best first.
    pub indications: Vec<u32>,
    /// Values of `<ds>` in `+CNMI` for status reports, best first: 2 stored, 1 direct, 0 none.
    pub reports: Vec<u32>,
    /// Ways to find every message, best first.
    pub list: Vec<ListMethod>,
}

/// A way to find every message of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
pub enum ListMethod {
    /// `AT+CMGL=4`
    #[serde(rename = "CMGL")]
    Cmgl,
    /// The places that `AT+CMGD=?` tells, read one by one.
    #[serde(rename = "CMGD=?")]
    Cmgd,
    /// Every place from 0 to the total that `AT+CPMS` tells, read one by one.
    #[serde(rename = "CMGR")]
    Cmgr,
}

/// Messages that are delivered (`+CMT`, `+CDS`) instead of stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Direct {
    /// Whether `+CNMI` may ask for them where the modem stores nothing.
    pub allowed: bool,
    /// What acknowledges one after `+CSMS: 1`: usually `AT+CNMA` or `AT+CNMA=0`. None for modems
    /// that know no acknowledgement.
    #[serde(default)]
    pub acknowledge: Option<String>,
}

/// Context and call. Placeholders: `{cid}`, `{apn}`, `{pdp_type}`, `{user}`, `{password}`,
/// `{auth}` (0 none, 1 PAP, 2 CHAP), `{auth_name}` (`PAP`, `CHAP`), `{pdp_number}` (1 IP, 2 IPV6, 3
/// IPV4V6).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// Sent before the context is looked at.
    #[serde(default)]
    pub before: Vec<Step>,
    /// Defines the context.
    pub define: String,
    /// The same with credentials, for modems that want the way of authentication in it.
    #[serde(default)]
    pub define_auth: Option<String>,
    /// Give credentials to modems that want them before PPP; the next is tried when the modem
    /// does not know the one before. A refusal is ignored: PPP asks again.
    pub auth: Vec<String>,
    /// Sent in the place of [`Self::auth`] when there are no credentials, so that those of an
    /// earlier call are forgotten.
    pub auth_none: Vec<String>,
    /// Sent before each dial string.
    #[serde(default)]
    pub prepare: Vec<Step>,
    /// Dial strings; the next is tried when the modem does not know the one before.
    pub dial: Vec<String>,
    /// The last resort, for context 1 only: it dials whatever the modem takes for its default.
    #[serde(default)]
    pub dial_default: Option<String>,
    /// Contexts that are never redefined, whatever they hold.
    pub reserved: Vec<u8>,
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
    /// What ends a call that the modem does not end when it is told to hang up; `{cid}` stands for
    /// its context. Commands without it end more than the call and are sent last.
    pub force: Vec<String>,
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
    /// The same for modems that take `+++` for data (u-blox SARA-R4).
    #[serde(rename = "~+++")]
    TildeEscape,
    /// Hang up.
    #[serde(rename = "ATH")]
    Ath,
}

/// Several channels on one port (3GPP TS 27.010).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cmux {
    /// Whether a modem with one port is asked for it.
    pub allowed: bool,
    /// Commands that begin it; the next is tried when the modem refuses the one before.
    pub begin: Vec<CmuxBegin>,
}

/// A command that begins multiplexing, and what it agrees on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CmuxBegin {
    /// The command; basic option, UIH frames.
    pub send: String,
    /// N1: the most octets of information in a frame. What the command says, or else the
    /// standard's 31 (27.007 clause 5.7).
    pub frame_size: u16,
}

/// A new start of the modem.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// Commands that start it anew; the next is sent when the modem refuses the one before. Empty
    /// for modems that do not come back from one.
    pub commands: Vec<String>,
    /// How long it may take until the port is back.
    #[serde(deserialize_with = "duration")]
    pub back_within: Duration,
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
    /// For the prompt of `+CMGS`.
    #[serde(deserialize_with = "duration")]
    pub prompt: Duration,
    /// For the result of `+CMGS` behind the message.
    #[serde(deserialize_with = "duration")]
    pub send: Duration,
    /// For `+CGACT=0`.
    #[serde(deserialize_with = "duration")]
    pub deactivate: Duration,
}

/// What else is odd about a modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quirks {
    /// Pause before each command.
    #[serde(deserialize_with = "duration")]
    pub send_delay: Duration,
    /// Whether the control port stays silent while the other one is in a call: then nothing is
    /// asked there during one, as on a modem with one port.
    pub control_blocks: bool,
    /// Whether the first context is the attach bearer, on LTE and elsewhere too.
    pub first_context_attaches: bool,
}

/// On what evidence a profile stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Where its values were read.
    pub sources: Vec<String>,
    /// Models and revisions on which it was seen to work, with their transcripts. Empty: the
    /// profile is unverified.
    pub verified: Vec<String>,
}

impl Profile {
    /// Whether it was seen to work on a real modem.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        !self.evidence.verified.is_empty()
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
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

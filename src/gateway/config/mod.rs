//! The configuration file: one TOML, unknown keys are errors with a suggestion, every value is
//! checked and every complaint names file, key, value and what is expected.

mod api;
mod data;
mod folder;
mod mail;
mod operator;
mod receiving;
mod routes;
mod sending;
mod show;
mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::codec::sms::Language;
use crate::model::Address;
use crate::model::redact::Secret;
use crate::model::suggest;
use crate::modem::usb::Binding;
use crate::net::system::is_interface_name;
use crate::operators::table::Table;
use crate::operators::{self, Settings};

use super::retrieval::ReceivingPolicy;

pub use api::{ApiPolicy, TlsFiles};
pub use data::{DEFAULT_MTU, DataPolicy};
pub use folder::FolderConfig;
pub use mail::{MailConfig, SmtpConfig, SmtpTls};
pub use sending::SendingPolicy;
pub use world::{HookConfig, Retention, WorldConfig, check_event};

/// Where the web page and the API listen unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8411";

/// Keys whose values no complaint repeats.
const SECRET_KEYS: &[&str] =
    &["pin", "password", "user", "own_number", "proxy_user", "proxy_password", "nai"];

/// Longest name of a modem, characters.
const MAX_NAME: usize = 32;

/// Everything the gateway is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where messages are kept.
    pub data_dir: PathBuf,
    /// Where the web page and the API listen.
    pub listen: SocketAddr,
    /// Who may ask there, and how.
    pub api: ApiPolicy,
    /// Modem profiles that take precedence over the built-in ones.
    pub profile_dir: Option<PathBuf>,
    /// The modems; at least one when read from a file.
    pub modems: Vec<ModemConfig>,
    /// Names of modems that are configured and not run by this process: what waits for them stays
    /// theirs. None when read from a file.
    pub others: Vec<String>,
    /// When to do what.
    pub timing: Timing,
    /// How data calls are made and counted.
    pub data: DataPolicy,
    /// What decides when a message may leave. Without limits unless read from a file.
    pub sending: SendingPolicy,
    /// What is done about messages that come in.
    pub receiving: ReceivingPolicy,
    /// Send a message whose fate is not known once more by itself, at the risk that it arrives
    /// twice. Off unless asked for.
    pub resend_unknown: bool,
    /// Languages whose GSM tables texts may use where the default alphabet does not suffice
    /// (3GPP TS 23.038 clause 6.2.1.2.4); phones older than about 2012 do not know them. None
    /// unless asked for: UCS-2 then.
    pub sms_languages: Vec<Language>,
    /// Whom to tell of what happens, and how long it is kept.
    pub world: WorldConfig,
    /// Where settings for MMS are looked up that are not written here. The program's own table
    /// when read from a file.
    pub operators: Table<'static>,
}

/// One modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemConfig {
    /// Its name for people and programs.
    pub name: String,
    /// Its dial (data) port, a socket, or `auto`: see [`Binding`].
    pub port: String,
    /// A second port for AT commands during a data call.
    pub control_port: Option<String>,
    /// Name of its profile, or `auto`.
    pub profile: String,
    /// PIN of its SIM.
    pub pin: Option<Secret>,
    /// Whether data calls may be made in other networks, at their prices.
    pub roaming: bool,
    /// Octets that data calls of its SIM may carry in a calendar month, both directions together;
    /// none: as many as they like.
    pub monthly_cap: Option<u64>,
    /// The network interface that the system has brought up for its data, for example `wwan0`:
    /// messages go over it and no call is dialled. None: calls are dialled.
    pub interface: Option<String>,
    /// Number of its SIM.
    pub own_number: Option<Address>,
    /// Whether it carries MMS where the table of operators knows its SIM. `false`: plain SMS alone.
    pub mms: bool,
    /// Its operator's settings for MMS; none: those of the table of operators, and without such
    /// plain SMS alone.
    pub operator: Option<Settings>,
}

impl ModemConfig {
    /// A modem of which nothing else is written: its profile is found by asking it, its operator's
    /// settings by asking its SIM.
    #[must_use]
    pub fn new(name: impl Into<String>, port: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            port: port.into(),
            control_port: None,
            profile: AUTO_PROFILE.to_owned(),
            pin: None,
            roaming: false,
            monthly_cap: None,
            interface: None,
            own_number: None,
            mms: true,
            operator: None,
        }
    }
}

/// The profile is found by what the modem says of itself.
const AUTO_PROFILE: &str = "auto";

/// Times that policy goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a data call stays up when nothing is left to do: another message may come, and
    /// dialling takes longer than that. `[data] linger_seconds` in the file.
    pub linger: Duration,
    /// How long a data call on a modem with one port goes on taking up work: short messages wait
    /// meanwhile, and the network holds back what no longer fits into the SIM. Dialling again costs
    /// ten seconds, a message of 300 KB over GPRS one minute and a half. A message whose transfer has
    /// begun is brought to its end. `[receiving] texts_may_wait_seconds` in the file.
    pub longest_call: Duration,
    /// How often the modem's storages are looked through besides its announcements.
    pub sweep_every: Duration,
    /// How often a modem is asked how many messages it holds, which shows those whose announcement
    /// was lost, and whether it still announces them. Two short commands, of which one stands for
    /// the question whether it is there at all.
    pub look_every: Duration,
    /// How long a message is tried when the caller says nothing.
    pub give_up_after: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(5),
            longest_call: Duration::from_secs(180),
            sweep_every: Duration::from_secs(300),
            look_every: Duration::from_secs(30),
            give_up_after: Duration::from_secs(72 * 3600),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// The operating system's words.
        reason: String,
    },
    /// It is no TOML, or a value has the wrong type.
    #[error("{file}, line {line}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the reader said.
        reason: String,
    },
    /// A key that means nothing here.
    #[error("{file}, line {line}: there is no key '{key}' here; {}", suggestion.as_ref().map_or_else(|| format!("possible are {expected}"), |name| format!("did you mean '{name}'?")))]
    UnknownKey {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The key.
        key: String,
        /// The nearest key that does.
        suggestion: Option<String>,
        /// All keys that do.
        expected: String,
    },
    /// A value that cannot be used.
    #[error("{file}: {key} = {value:?}: {expected}")]
    Value {
        /// The file.
        file: String,
        /// The key with the tables above it.
        key: String,
        /// The value; hidden when it is secret.
        value: String,
        /// What is expected.
        expected: String,
    },
    /// A key without which nothing works.
    #[error("{file}: {key} is missing: {expected}")]
    Missing {
        /// The file.
        file: String,
        /// The key with the tables above it.
        key: String,
        /// What to write.
        expected: String,
    },
}

impl Config {
    /// A configuration without modems, for those who put it together by themselves.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8411)),
            api: ApiPolicy::default(),
            profile_dir: None,
            modems: Vec::new(),
            others: Vec::new(),
            timing: Timing::default(),
            data: DataPolicy::default(),
            sending: SendingPolicy::default(),
            receiving: ReceivingPolicy::default(),
            resend_unknown: false,
            sms_languages: Vec::new(),
            world: WorldConfig::default(),
            operators: Table::embedded(),
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] says what to mend.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError::Read {
            file: file.display().to_string(),
            reason: error.to_string(),
        })?;
        Self::parse(&text, &file.display().to_string())
    }

    /// Reads and checks the text of a file called `file`.
    ///
    /// # Errors
    /// [`ConfigError`] says what to mend.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let raw: RawConfig =
            toml::from_str(text).map_err(|error| syntax_error(text, file, &error))?;
        let mut config = Self::new(match raw.data_dir {
            Some(dir) => absolute(file, dir)?,
            None => default_data_dir().ok_or_else(|| ConfigError::Missing {
                file: file.to_owned(),
                key: "data_dir".to_owned(),
                expected: "name a folder for the messages, since neither XDG_STATE_HOME nor HOME \
                           is set"
                    .to_owned(),
            })?,
        });
        if let Some(dir) = raw.profile_dir {
            config.profile_dir = Some(absolute(file, dir)?);
        }
        let (listen, policy) = api::check(file, raw.api)?;
        config.listen = listen.unwrap_or(config.listen);
        config.api = policy;
        if let Some(hours) = raw.sending.give_up_after_hours {
            config.timing.give_up_after = parse_hours(file, hours)?;
        }
        if let Some(seconds) = raw.receiving.texts_may_wait_seconds {
            config.timing.longest_call = parse_wait(file, seconds)?;
        }
        let names: Vec<&str> = raw.modem.iter().filter_map(|modem| modem.name.as_deref()).collect();
        config.receiving = receiving::check(file, raw.receiving, &names)?;
        let known = known_names(&raw.modem);
        let data = data::check(file, raw.data)?;
        config.data = data.policy;
        config.timing.linger = data.linger.unwrap_or(config.timing.linger);
        let sending = sending::Raw {
            pause_after_refusals: raw.sending.pause_after_refusals,
            probe_after_minutes: raw.sending.probe_after_minutes,
            quiet_hours: raw.sending.quiet_hours,
            stop_words: raw.sending.stop_words,
            start_words: raw.sending.start_words,
        };
        config.sending = sending::check(file, sending, raw.limits)?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        config.sending.routes = routes::check(file, raw.route, &known)?;
        config.resend_unknown = raw.sending.resend_unknown;
        for (index, name) in raw.sending.sms_languages.iter().enumerate() {
            config.sms_languages.push(parse_language(file, index, name)?);
        }
        config.world = world::check(file, raw.webhooks, raw.hook, &raw.retention)?;
        let routes: Vec<&str> =
            config.sending.routes.iter().map(|route| route.name.as_str()).collect();
        config.world.folders = folder::check(file, raw.folder, &names, &routes)?;
        (config.world.smtp, config.world.mails) = mail::check(file, raw.smtp, raw.mail)?;
        if raw.modem.is_empty() {
            return Err(ConfigError::Missing {
                file: file.to_owned(),
                key: "[[modem]]".to_owned(),
                expected: "name at least one modem, with `port` unless it is the only one"
                    .to_owned(),
            });
        }
        let alone = raw.modem.len() == 1;
        for (index, modem) in raw.modem.into_iter().enumerate() {
            let limits = modem.limits;
            let modem = check_modem(file, index, alone, data.monthly_cap, modem)?;
            if let Some(limits) = limits {
                let table = format!("modem[{index}].limits");
                let limits = sending::limits(file, &table, limits, config.sending.limits)?;
                config.sending.limits_of.insert(modem.name.clone(), limits);
            }
            if config.modems.iter().any(|other| other.name == modem.name) {
                return Err(value(
                    file,
                    format!("modem[{index}].name"),
                    &modem.name,
                    "every modem needs a name of its own",
                ));
            }
            if let Some(other) = config.modems.iter().find(|other| {
                other.port == modem.port
                    || other.control_port.as_ref() == Some(&modem.port)
                    || modem.control_port.as_ref() == Some(&other.port)
                    || (modem.control_port.is_some() && other.control_port == modem.control_port)
            }) {
                let expected = format!("this port belongs to modem \"{}\" already", other.name);
                return Err(value(file, format!("modem[{index}].port"), &modem.port, &expected));
            }
            config.modems.push(modem);
        }
        Ok(config)
    }
}

/// The user's state folder (XDG Base Directory Specification), if the environment names one.
#[must_use]
pub fn default_data_dir() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("mm1gate"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    data_dir: Option<String>,
    profile_dir: Option<String>,
    #[serde(default)]
    api: api::RawApi,
    #[serde(default)]
    sending: RawSending,
    #[serde(default)]
    limits: sending::RawLimits,
    #[serde(default)]
    receiving: receiving::RawReceiving,
    #[serde(default)]
    data: data::RawData,
    #[serde(default)]
    webhooks: world::RawWebhooks,
    #[serde(default)]
    hook: Vec<world::RawHook>,
    #[serde(default)]
    folder: Vec<folder::RawFolder>,
    smtp: Option<mail::RawSmtp>,
    #[serde(default)]
    mail: Vec<mail::RawMail>,
    #[serde(default)]
    retention: world::RawRetention,
    #[serde(default)]
    route: Vec<routes::RawRoute>,
    #[serde(default)]
    modem: Vec<RawModem>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSending {
    give_up_after_hours: Option<i64>,
    #[serde(default)]
    resend_unknown: bool,
    #[serde(default)]
    sms_languages: Vec<String>,
    pause_after_refusals: Option<i64>,
    probe_after_minutes: Option<i64>,
    quiet_hours: Option<String>,
    stop_words: Option<Vec<String>>,
    start_words: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModem {
    name: Option<String>,
    port: Option<String>,
    control_port: Option<String>,
    profile: Option<String>,
    pin: Option<String>,
    #[serde(default)]
    roaming: bool,
    monthly_cap_mb: Option<i64>,
    interface: Option<String>,
    own_number: Option<String>,
    mms: Option<bool>,
    limits: Option<sending::RawLimits>,
    operator: Option<operator::RawOperator>,
}

/// The names of the modems, those that were not named too.
fn known_names(modems: &[RawModem]) -> Vec<String> {
    let name = |(index, modem): (usize, &RawModem)| {
        modem.name.clone().unwrap_or_else(|| default_name(index))
    };
    modems.iter().enumerate().map(name).collect()
}

/// What a modem without a name is called.
fn default_name(index: usize) -> String {
    format!("modem{}", index + 1)
}

/// `alone` when it is the only modem; `cap` holds unless it says otherwise.
fn check_modem(
    file: &str,
    index: usize,
    alone: bool,
    cap: Option<u64>,
    raw: RawModem,
) -> Result<ModemConfig, ConfigError> {
    let key = |name: &str| format!("modem[{index}].{name}");
    let missing = |name: &str, expected: &str| ConfigError::Missing {
        file: file.to_owned(),
        key: key(name),
        expected: expected.to_owned(),
    };
    let port = match raw.port {
        Some(port) => port,
        None if alone => "auto".to_owned(),
        None => {
            let expected =
                "with several modems each needs its own; `mm1gate modem list` shows them";
            return Err(missing("port", expected));
        }
    };
    let binding = check_port(file, &key("port"), &port)?;
    if binding == Binding::Auto && !alone {
        let expected = "with several modems each needs the name of its own port; `mm1gate modem \
                        list` shows them";
        return Err(value(file, key("port"), &port, expected));
    }
    if let Some(control) = &raw.control_port {
        let second = check_port(file, &key("control_port"), control)?;
        if !matches!((&binding, &second), (Binding::Port(_), Binding::Port(_))) {
            let expected =
                "leave it out: both ports are found where `port` names no port by itself";
            return Err(value(file, key("control_port"), control, expected));
        }
        if *control == port {
            let expected = "this is the dial port; name the modem's second port, or leave it out";
            return Err(value(file, key("control_port"), control, expected));
        }
    }
    let name = raw.name.unwrap_or_else(|| default_name(index));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let expected = "letters, digits, '-', '_' and '.', at most 32";
        return Err(value(file, key("name"), &name, expected));
    }
    if let Some(pin) = &raw.pin
        && !((4..=8).contains(&pin.len()) && pin.bytes().all(|octet| octet.is_ascii_digit()))
    {
        return Err(value(file, key("pin"), "***", "a PIN has 4 to 8 digits"));
    }
    let monthly_cap = match raw.monthly_cap_mb {
        Some(megabytes) => data::cap(file, key("monthly_cap_mb"), megabytes)?,
        None => cap,
    };
    let own_number = raw
        .own_number
        .map(|text| match Address::parse_recipient(&text) {
            Ok(number @ Address::Msisdn(_)) => Ok(number),
            _ => {
                let expected = "a phone number in international form, for example +447700900123";
                Err(value(file, key("own_number"), &text, expected))
            }
        })
        .transpose()?;
    let operator =
        raw.operator.map(|raw| operator::check(file, raw)).transpose().map_err(|error| {
            let key = key(&format!("operator.{}", error.key));
            if error.value.is_empty() {
                ConfigError::Missing { file: file.to_owned(), key, expected: error.reason }
            } else {
                ConfigError::Value {
                    file: file.to_owned(),
                    key,
                    value: error.value,
                    expected: error.reason,
                }
            }
        })?;
    let mms = raw.mms.unwrap_or(true);
    if !mms && operator.is_some() {
        let expected = "true, or no [modem.operator], which is for MMS alone";
        return Err(value(file, key("mms"), "false", expected));
    }
    if let (Some(operator), None) = (&operator, &own_number) {
        if operator.from_mode == operators::FromMode::Number {
            return Err(missing("own_number", "operator.from = \"number\" needs the SIM's number"));
        }
        let nai = operator.nai.as_ref().map(Secret::expose);
        let mut texts = operator.extra_headers.iter().map(|(_, text)| text.as_str()).chain(nai);
        if texts.any(|text| text.contains("{LINE1")) {
            return Err(missing("own_number", "a header of the operator holds the SIM's number"));
        }
    }
    if let Some(interface) = &raw.interface
        && !is_interface_name(interface)
    {
        let expected = "the name of a network interface, for example wwan0; `ip link` shows them";
        return Err(value(file, key("interface"), interface, expected));
    }
    Ok(ModemConfig {
        interface: raw.interface,
        name,
        port,
        control_port: raw.control_port,
        profile: raw.profile.unwrap_or_else(|| AUTO_PROFILE.to_owned()),
        pin: raw.pin.map(Secret::new),
        roaming: raw.roaming,
        monthly_cap,
        own_number,
        mms,
        operator,
    })
}

fn check_port(file: &str, key: &str, port: &str) -> Result<Binding, ConfigError> {
    port.parse().map_err(|expected: &str| value(file, key.to_owned(), port, expected))
}

fn parse_language(file: &str, index: usize, name: &str) -> Result<Language, ConfigError> {
    let named = |language: &&Language| language.name().eq_ignore_ascii_case(name);
    Language::ALL.iter().find(named).copied().ok_or_else(|| {
        let known: Vec<String> =
            Language::ALL.iter().map(|language| language.name().to_lowercase()).collect();
        let expected = format!("there are tables for {}", known.join(", "));
        value(file, format!("sending.sms_languages[{index}]"), name, &expected)
    })
}

fn parse_hours(file: &str, hours: i64) -> Result<Duration, ConfigError> {
    match u64::try_from(hours) {
        Ok(whole @ 1..=720) => Ok(Duration::from_secs(whole * 3600)),
        _ => Err(value(
            file,
            "sending.give_up_after_hours".to_owned(),
            &hours.to_string(),
            "a number of hours from 1 to 720",
        )),
    }
}

/// Shorter calls than the least would carry next to nothing: dialling alone takes ten seconds.
fn parse_wait(file: &str, seconds: i64) -> Result<Duration, ConfigError> {
    match u64::try_from(seconds) {
        Ok(whole @ 30..=3600) => Ok(Duration::from_secs(whole)),
        _ => Err(value(
            file,
            "receiving.texts_may_wait_seconds".to_owned(),
            &seconds.to_string(),
            "a number of seconds from 30 to 3600",
        )),
    }
}

/// Relative folders count from the folder of the configuration file, not from wherever the
/// program was started.
fn absolute(file: &str, dir: String) -> Result<PathBuf, ConfigError> {
    if dir.is_empty() {
        return Err(value(file, "data_dir".to_owned(), &dir, "the path of a folder"));
    }
    Ok(beside(file, PathBuf::from(dir)))
}

/// A path that counts from the folder of the configuration file.
fn beside(file: &str, path: PathBuf) -> PathBuf {
    match Path::new(file).parent() {
        Some(parent) if path.is_relative() => parent.join(path),
        _ => path,
    }
}

fn value(file: &str, key: String, value: &str, expected: &str) -> ConfigError {
    ConfigError::Value {
        file: file.to_owned(),
        key,
        value: value.to_owned(),
        expected: expected.to_owned(),
    }
}

fn syntax_error(text: &str, file: &str, error: &toml::de::Error) -> ConfigError {
    let offset = error.span().map_or(0, |span| span.start);
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|octet| *octet == b'\n').count() + 1;
    let message = error.message();
    if let Some((key, expected)) = unknown_field(message) {
        return ConfigError::UnknownKey {
            file: file.to_owned(),
            line,
            suggestion: suggest::nearest(key, expected.iter().copied()).map(str::to_owned),
            expected: expected.join(", "),
            key: key.to_owned(),
        };
    }
    // The reader quotes the value that it cannot use.
    let pairs = text.lines().nth(line - 1).unwrap_or_default().split(['{', ',']);
    let mut keys = pairs.filter_map(|pair| pair.split_once('=')).map(|(key, _)| key.trim());
    if let Some(key) = keys.find(|key| SECRET_KEYS.contains(key)) {
        let reason = format!("the value of {key} must be a text in quotes");
        return ConfigError::Syntax { file: file.to_owned(), line, reason };
    }
    ConfigError::Syntax {
        file: file.to_owned(),
        line,
        reason: message.lines().collect::<Vec<_>>().join(", "),
    }
}

/// Takes serde's sentence about an unknown field apart: the field, and those it knows.
fn unknown_field(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (key, rest) = rest.split_once('`')?;
    Some((key, rest.split('`').skip(1).step_by(2).collect()))
}

#[cfg(test)]
mod tests;

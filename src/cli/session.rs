//! Who answers a command: the running gateway, or one that this process runs for the moment.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::{CliError, Exit};
use super::machine::is_same_file;
use super::{settings, term};
use crate::api::Listeners;
use crate::api::view::{self, ModemList};
use crate::gateway::config::default_data_dir;
use crate::gateway::{Config, ConfigError, Gateway, ModemConfig};
use crate::model::{Explain, Kind, NoTap, Tap};
use crate::modem::Profiles;
use crate::modem::usb::{Binding, Finder, Sysfs, Unbound};
use crate::operators::{self, Settings, SettingsError};

/// Stands for the only modem.
const AUTO: &str = "auto";

/// How long the listeners may take to finish what is under way.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// Which configuration to use.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ConfigArg {
    /// Configuration file [default: $XDG_CONFIG_HOME/mm1gate/mm1gate.toml or /etc/mm1gate/mm1gate.toml]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// A modem to use when no gateway runs.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Without a running gateway")]
pub(super) struct PortArgs {
    /// Use this modem: its port, its name in the configuration, or `auto` for the only one; waits
    /// until the message is sent or meets an obstacle
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<String>,
    /// The modem's second port, for AT commands during the data call
    #[arg(long, value_name = "PORT", requires = "port")]
    control_port: Option<PathBuf>,
    /// The operator's access point name for MMS, where it is not the configured one; SMS need none
    #[arg(long, requires = "port")]
    apn: Option<String>,
    /// The operator's MMSC, where it is not the configured one
    #[arg(long, value_name = "URL", requires = "port")]
    mmsc: Option<String>,
    /// The operator's WAP proxy; empty for none
    #[arg(long, value_name = "HOST:PORT", requires = "port")]
    proxy: Option<String>,
    /// Write everything that goes over the modem's ports into this pcapng file
    #[arg(long, value_name = "FILE", requires = "port")]
    pub(super) pcap: Option<PathBuf>,
}

/// The one that answers.
pub(super) struct Session {
    client: Client,
    own: Option<Own>,
}

/// A gateway of this process, which the client asks like any other.
struct Own {
    gateway: Gateway,
    shutdown: CancellationToken,
    listeners: JoinHandle<std::io::Result<()>>,
}

impl Session {
    /// The running gateway, else the store itself without any modem.
    pub(super) async fn open_for_reading(config: &ConfigArg) -> Result<Self, CliError> {
        let data_dir = data_dir(configured(config)?.as_ref())?;
        if let Some(client) = Client::find(&data_dir).await? {
            return Ok(Self { client, own: None });
        }
        if !data_dir.exists() {
            return Err(CliError::new(
                Exit::Unavailable,
                format!("no gateway runs, and there are no messages in {} yet", data_dir.display()),
            )
            .remedy("start it with 'mm1gate serve', or see it at work with 'mm1gate demo'"));
        }
        Self::own(Config::new(data_dir)).await
    }

    /// The running gateway, else one with the modem of `port` that can send messages of this kind.
    pub(super) async fn open_for_sending(
        config: &ConfigArg,
        port: &PortArgs,
        kind: Kind,
        recording: impl FnOnce() -> Result<Arc<dyn Tap>, CliError>,
    ) -> Result<Self, CliError> {
        let file = configured(config)?;
        let data_dir = data_dir(file.as_ref())?;
        if let Some(client) = Client::find(&data_dir).await? {
            if port.pcap.is_some() {
                return Err(CliError::new(
                    Exit::Usage,
                    "a gateway is running and has the modem, so that --pcap would stay empty",
                )
                .remedy("end it and start it again with 'mm1gate serve --pcap FILE'"));
            }
            if port.port.is_some() {
                term::note(
                    "A gateway is running and takes the message; --port is not used (--modem NAME \
                     names one of its modems).",
                );
            }
            return Ok(Self { client, own: None });
        }
        let Some(wanted) = &port.port else {
            return Err(CliError::new(
                Exit::Unavailable,
                format!("no gateway runs on {}", data_dir.display()),
            )
            .remedy("start it with 'mm1gate serve', or use the only modem with --port auto"));
        };
        // A port that is not there is told before what else may be missing.
        if let Ok(named @ Binding::Port(_)) = wanted.parse() {
            plugged_in(&named, None)?;
        }
        let config = config_for(file, data_dir, wanted, port, kind)?;
        for modem in &config.modems {
            plugged_in(&binding(&modem.port)?, config.profile_dir.as_deref())?;
        }
        Self::own_watched(config, recording()?).await
    }

    /// The running gateway and nothing else.
    pub(super) async fn open_running(config: &ConfigArg) -> Result<Self, CliError> {
        let data_dir = data_dir(configured(config)?.as_ref())?;
        match Client::find(&data_dir).await? {
            Some(client) => Ok(Self { client, own: None }),
            None => Err(CliError::new(
                Exit::Unavailable,
                format!("no gateway runs on {}", data_dir.display()),
            )
            .remedy("start it with 'mm1gate serve'")),
        }
    }

    /// The running gateway, else one with this modem for plain SMS; and the modem's name there.
    pub(super) async fn open_on(
        config: &ConfigArg,
        wanted: &str,
    ) -> Result<(Self, String), CliError> {
        let file = configured(config)?;
        let data_dir = data_dir(file.as_ref())?;
        if let Some(client) = Client::find(&data_dir).await? {
            let name = running(&client, file.as_ref(), wanted).await?;
            return Ok((Self { client, own: None }, name));
        }
        let config = config_for(file, data_dir, wanted, &PortArgs::default(), Kind::Sms)?;
        let mut name = String::new();
        for modem in &config.modems {
            plugged_in(&binding(&modem.port)?, config.profile_dir.as_deref())?;
            name.clone_from(&modem.name);
        }
        Ok((Self::own(config).await?, name))
    }

    /// Whom to ask.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the gateway ends with this process.
    pub(super) const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Hangs up and closes the store, when they are this process's own.
    pub(super) async fn close(self) {
        let Some(own) = self.own else { return };
        own.shutdown.cancel();
        let _ = tokio::time::timeout(CLOSE_LIMIT, own.listeners).await;
        own.gateway.stop().await;
    }

    async fn own(config: Config) -> Result<Self, CliError> {
        Self::own_watched(config, Arc::new(NoTap)).await
    }

    async fn own_watched(config: Config, tap: Arc<dyn Tap>) -> Result<Self, CliError> {
        let data_dir = config.data_dir.clone();
        let gateway = super::serve::start_with(config, tap).await?;
        let mut listeners = Listeners::none();
        listeners
            .socket(&data_dir)
            .map_err(|error| CliError::io(Exit::CantCreate, data_dir.display(), &error))?;
        let shutdown = CancellationToken::new();
        let listeners = tokio::spawn(listeners.serve(gateway.clone(), shutdown.clone()));
        let client = Client::find(&data_dir).await?.ok_or_else(|| {
            CliError::new(Exit::Software, format!("no socket in {}", data_dir.display()))
        })?;
        Ok(Self { client, own: Some(Own { gateway, shutdown, listeners }) })
    }
}

/// The modem of the running gateway that `wanted` names.
async fn running(client: &Client, file: Option<&Config>, wanted: &str) -> Result<String, CliError> {
    let ModemList { modems } = client.get("/api/v1/modems").await?;
    if let (AUTO, [only]) = (wanted, modems.as_slice()) {
        return Ok(only.name.clone());
    }
    let on = |it: &&view::Modem| it.ports.iter().any(|port| is_same_file(port, wanted));
    let named = modems.iter().find(|it| it.name == wanted).or_else(|| modems.iter().find(on));
    let configured = || Some(pick(&file?.modems, wanted).ok()??.name.clone());
    if let Some(name) = named.map(|it| it.name.clone()).or_else(configured) {
        return Ok(name);
    }
    let known: Vec<&str> = modems.iter().map(|it| it.name.as_str()).collect();
    let wanted = term::plain(wanted, false);
    Err(if wanted == AUTO {
        CliError::new(Exit::Usage, "the running gateway has several modems")
            .remedy(format!("name one of them: {}", known.join(", ")))
    } else {
        CliError::new(Exit::NoInput, format!("the running gateway has no modem '{wanted}'")).remedy(
            format!("name one of its own ({}), or end it to use another modem", known.join(", ")),
        )
    })
}

/// Reads a configuration file.
pub(super) fn load(path: &Path) -> Result<Config, CliError> {
    Config::load(path).map_err(|error| config_error(&error))
}

fn config_error(error: &ConfigError) -> CliError {
    CliError::new(Exit::Config, error.to_string())
        .remedy("mend that line and run the command again")
}

/// The configuration file and what it says, when there is one.
fn configured(config: &ConfigArg) -> Result<Option<Config>, CliError> {
    settings::find(config.config.as_deref())?.as_deref().map(load).transpose()
}

/// The folder of the messages of this configuration.
pub(super) fn data_dir_of(config: &ConfigArg) -> Result<PathBuf, CliError> {
    data_dir(configured(config)?.as_ref())
}

/// The folder of the messages: as configured, else the user's own.
fn data_dir(config: Option<&Config>) -> Result<PathBuf, CliError> {
    match config {
        Some(config) => Ok(config.data_dir.clone()),
        None => default_data_dir().ok_or_else(|| {
            CliError::new(Exit::Config, "there is no folder for the messages")
                .remedy("set HOME, or name data_dir in a file given with --config")
        }),
    }
}

/// What `--port` names.
fn binding(port: &str) -> Result<Binding, CliError> {
    port.parse().map_err(|expected| {
        CliError::new(Exit::Usage, format!("'{}' is no port", term::plain(port, false)))
            .remedy(format!("give {expected}"))
    })
}

/// Nothing is accepted that no modem could send.
fn plugged_in(binding: &Binding, profiles: Option<&Path>) -> Result<(), CliError> {
    if let Binding::Port(path) = binding {
        let wrong = match std::fs::metadata(path) {
            Ok(file) if file.file_type().is_char_device() => return Ok(()),
            Ok(_) => CliError::new(Exit::Unavailable, format!("{path} is not a serial port")),
            Err(_) => CliError::new(Exit::Unavailable, format!("the port {path} does not exist")),
        };
        return Err(wrong.remedy("plug the modem in, or see what there is: mm1gate modem list"));
    }
    let profiles = match profiles {
        Some(folder) => Arc::new(
            Profiles::with_folder(folder)
                .map_err(|error| CliError::new(Exit::Config, error.to_string()))?,
        ),
        None => Profiles::embedded(),
    };
    match Finder::new(Arc::new(Sysfs::system()), profiles, binding.clone(), None).find() {
        // Which of its ports takes commands is found out by asking them.
        Ok(_) | Err(Unbound::Unidentified { .. }) => Ok(()),
        Err(error) => Err(CliError::fault(&error.to_fault())),
    }
}

/// A configuration with the one modem that `wanted` names: the configured one of that name or port,
/// with `auto` the only one that is configured or plugged in; else one of which the options tell
/// all. What waits for the other configured modems stays theirs.
fn config_for(
    file: Option<Config>,
    data_dir: PathBuf,
    wanted: &str,
    options: &PortArgs,
    kind: Kind,
) -> Result<Config, CliError> {
    let mut config = file.unwrap_or_else(|| Config::new(data_dir));
    let configured = std::mem::take(&mut config.modems);
    let told = options.apn.is_some() || options.mmsc.is_some();
    let mut modem = match pick(&configured, wanted)? {
        Some(modem) => modem.clone(),
        None => {
            binding(wanted)?;
            // A stick is seldom in the place where it was when the configuration was written.
            let mut modem = match configured.as_slice() {
                [only] if !told => only.clone(),
                _ => unconfigured(&configured),
            };
            modem.port = wanted.to_owned();
            modem.control_port = None;
            modem
        }
    };
    if let Some(control) = &options.control_port {
        modem.control_port = Some(control.to_string_lossy().into_owned());
    }
    modem.operator = operator(modem.operator.take(), options)?;
    if kind == Kind::Mms && modem.operator.is_none() {
        return Err(CliError::new(
            Exit::Config,
            "the operator's settings for MMS are not known: neither the configuration nor --apn and \
             --mmsc tell them",
        )
        .remedy("give --apn, --mmsc and --proxy as the operator's help pages name them for MMS"));
    }
    config.others =
        configured.into_iter().map(|it| it.name).filter(|name| *name != modem.name).collect();
    config.modems = vec![modem];
    Ok(config)
}

/// The configured modem that is meant; none where `wanted` names a port of none of them.
fn pick<'a>(
    configured: &'a [ModemConfig],
    wanted: &str,
) -> Result<Option<&'a ModemConfig>, CliError> {
    let same = |name: &str| is_same_file(name, wanted);
    let named = configured.iter().find(|it| it.name == wanted);
    let on = || {
        let is_it =
            |it: &&ModemConfig| same(&it.port) || it.control_port.as_deref().is_some_and(same);
        configured.iter().find(is_it)
    };
    if let Some(modem) = named.or_else(on) {
        return Ok(Some(modem));
    }
    if wanted != AUTO {
        if wanted.parse::<Binding>().is_err() && !configured.is_empty() {
            return Err(CliError::new(
                Exit::Usage,
                format!("'{}' is neither a port nor a modem's name", term::plain(wanted, false)),
            )
            .remedy(format!("the configured modems are: {}", names(configured))));
        }
        return Ok(None);
    }
    if let [only] = configured {
        return Ok(Some(only));
    }
    let there = |it: &&ModemConfig| {
        binding(&it.port).and_then(|binding| plugged_in(&binding, None)).is_ok()
    };
    match configured.iter().filter(there).collect::<Vec<_>>().as_slice() {
        [only] => Ok(Some(*only)),
        _ if configured.is_empty() => Ok(None),
        _ => Err(CliError::new(
            Exit::Config,
            "several modems are configured, and 'auto' stands for the only one",
        )
        .remedy(format!("name one of them as the port: {}", names(configured)))),
    }
}

fn names(modems: &[ModemConfig]) -> String {
    modems.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A modem of which nothing is written anywhere, under a name of its own.
fn unconfigured(configured: &[ModemConfig]) -> ModemConfig {
    let taken = |name: &str| configured.iter().any(|it| it.name == name);
    let mut name = "modem".to_owned();
    while taken(&name) {
        name.push('_');
    }
    // Somebody who sends one text from a free modem has asked for no data call.
    ModemConfig { mms: false, ..ModemConfig::new(name, AUTO) }
}

/// What the options say of the operator counts more than the configuration.
fn operator(
    configured: Option<Settings>,
    options: &PortArgs,
) -> Result<Option<Settings>, CliError> {
    if options.apn.is_none() && options.mmsc.is_none() && options.proxy.is_none() {
        return Ok(configured);
    }
    let wrong = |error: SettingsError| {
        let value = term::plain(&error.value, false);
        CliError::new(Exit::Usage, format!("--{} '{value}': {}", error.key, error.reason))
    };
    let known = configured.is_some();
    let mut settings = configured.unwrap_or_default();
    for (option, given) in [("--apn", &options.apn), ("--mmsc", &options.mmsc)] {
        if given.is_none() && !known {
            return Err(CliError::new(Exit::Usage, format!("{option} is missing"))
                .remedy("give --apn and --mmsc, and --proxy where the operator uses one"));
        }
    }
    if let Some(text) = &options.apn {
        settings.apn = operators::parse::apn(text).map_err(wrong)?;
    }
    if let Some(text) = &options.mmsc {
        settings.mmsc = operators::parse::mmsc(text).map_err(wrong)?;
    }
    if let Some(text) = &options.proxy {
        settings.proxy = operators::parse::proxy(text).map_err(wrong)?;
    }
    Ok(Some(settings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PortArgs {
        PortArgs {
            port: None,
            control_port: Some("/dev/ttyUSB1".into()),
            apn: Some("mms".into()),
            mmsc: Some("http://mmsc.example/mms".into()),
            proxy: Some("10.0.0.1:8080".into()),
            pcap: None,
        }
    }

    fn file(modems: &str) -> Option<Config> {
        Some(Config::parse(&format!("data_dir = \"/data\"\n{modems}"), "t").expect("good"))
    }

    const DESK: &str = "[[modem]]\nname = \"desk\"\nport = \"/dev/ttyS7\"\npin = \"1234\"\n\
        [modem.operator]\napn = \"mms.example\"\nmmsc = \"http://mmsc.example/mms\"\n";
    const BACK: &str = "[[modem]]\nname = \"back\"\nport = \"/dev/ttyS8\"\n";

    fn made(config: Option<Config>, wanted: &str, kind: Kind) -> Result<Config, CliError> {
        config_for(config, "/data".into(), wanted, &PortArgs::default(), kind)
    }

    #[test]
    fn options_make_a_configuration() {
        let config = config_for(None, "/data/\"x\"".into(), "/dev/ttyUSB2", &options(), Kind::Mms);
        let config = config.expect("good");
        assert_eq!(config.data_dir, Path::new("/data/\"x\""));
        assert_eq!(config.modems[0].port, "/dev/ttyUSB2");
        assert_eq!(config.modems[0].control_port.as_deref(), Some("/dev/ttyUSB1"));
        let settings = config.modems[0].operator.clone().expect("settings");
        assert_eq!((settings.apn.as_str(), settings.proxy.is_some()), ("mms", true));
        let bad = PortArgs { mmsc: Some("mmsc".into()), ..options() };
        let error = config_for(None, "/data".into(), "/dev/ttyUSB2", &bad, Kind::Mms);
        let error = error.expect_err("no URL");
        assert!(error.exit == Exit::Usage && error.message.starts_with("--mmsc 'mmsc'"), "{error}");
        let half = PortArgs { mmsc: None, ..options() };
        let error = config_for(None, "/data".into(), "/dev/ttyUSB2", &half, Kind::Mms);
        assert!(error.expect_err("half of it").message.contains("--mmsc is missing"));
    }

    #[test]
    fn text_needs_no_operator_and_a_picture_does() {
        let config = made(None, "/dev/ttyUSB2", Kind::Sms).expect("good");
        assert_eq!(config.modems[0].operator, None);
        let error = made(None, "/dev/ttyUSB2", Kind::Mms).expect_err("no settings");
        assert!(error.exit == Exit::Config && error.message.contains("not known"), "{error}");
        assert_eq!(made(file(BACK), "back", Kind::Mms).expect_err("none").exit, Exit::Config);
    }

    #[test]
    fn auto_is_the_configured_modem_whatever_its_port_is() {
        let config = made(file(DESK), "auto", Kind::Mms).expect("good");
        let modem = &config.modems[0];
        assert_eq!((modem.name.as_str(), modem.port.as_str()), ("desk", "/dev/ttyS7"));
        assert!(modem.pin.is_some() && modem.operator.is_some());
        assert_eq!(made(None, "auto", Kind::Sms).expect("good").modems[0].port, "auto");
        // Of several none is plugged in here.
        let both = format!("{DESK}{BACK}");
        let error = made(file(&both), "auto", Kind::Sms).expect_err("which one?");
        assert!(error.remedy.as_deref().is_some_and(|it| it.contains("desk, back")), "{error}");
    }

    #[test]
    fn configured_modem_goes_by_its_name_and_by_its_port() {
        let both = || file(&format!("{DESK}{BACK}"));
        for wanted in ["back", "/dev/ttyS8"] {
            let config = made(both(), wanted, Kind::Sms).expect("good");
            assert_eq!(config.modems[0].name, "back");
            // What waits for the other one stays with it.
            assert_eq!(config.others, ["desk"]);
        }
        let error = made(both(), "bakc", Kind::Sms).expect_err("no such modem");
        assert!(error.exit == Exit::Usage && error.message.contains("neither a port"), "{error}");
        // Another port for the only modem, as `modem list` names it today.
        let config = made(file(DESK), "/dev/ttyUSB9", Kind::Mms).expect("good");
        assert_eq!((config.modems[0].name.as_str(), config.others.len()), ("desk", 0));
        assert_eq!(config.modems[0].port, "/dev/ttyUSB9");
        // Several and another port: only what needs no settings.
        let config = made(both(), "/dev/ttyUSB9", Kind::Sms).expect("good");
        assert_eq!((config.modems[0].name.as_str(), config.others.len()), ("modem", 2));
    }

    #[test]
    fn option_counts_more_than_the_configuration() {
        let only = PortArgs { apn: Some("other".into()), ..PortArgs::default() };
        let config =
            config_for(file(DESK), "/data".into(), "desk", &only, Kind::Mms).expect("good");
        let settings = config.modems[0].operator.clone().expect("settings");
        assert_eq!((settings.apn.as_str(), &*settings.mmsc), ("other", "http://mmsc.example/mms"));
        assert!(config.modems[0].pin.is_some(), "its PIN is known");
    }
}

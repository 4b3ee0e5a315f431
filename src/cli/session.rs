//! Who answers a command: the running gateway, or one that this process runs for the moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::error::{CliError, Exit};
use super::{settings, term};
use crate::api::Listeners;
use crate::gateway::config::default_data_dir;
use crate::gateway::{Config, ConfigError, Gateway};
use crate::model::Explain;
use crate::modem::Profiles;
use crate::modem::usb::{Binding, Finder, Sysfs, Unbound};

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
    /// Use the modem on this port (`auto`: the only modem), and wait until the message is sent or
    /// meets an obstacle
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The modem's second port, for AT commands during the data call
    #[arg(long, value_name = "PORT", requires = "port")]
    control_port: Option<PathBuf>,
    /// The operator's access point name for MMS, when the configuration does not tell
    #[arg(long, requires = "port")]
    apn: Option<String>,
    /// The operator's MMSC, when the configuration does not tell
    #[arg(long, value_name = "URL", requires = "port")]
    mmsc: Option<String>,
    /// The operator's WAP proxy; empty for none
    #[arg(long, value_name = "HOST:PORT", requires = "port")]
    proxy: Option<String>,
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
        let data_dir = data_dir(config)?;
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

    /// The running gateway, else one with the modem of `port`.
    pub(super) async fn open_for_sending(
        config: &ConfigArg,
        port: &PortArgs,
    ) -> Result<Self, CliError> {
        let data_dir = data_dir(config)?;
        if let Some(client) = Client::find(&data_dir).await? {
            if port.port.is_some() {
                term::note("A gateway is running and takes the message; --port is not used.");
            }
            return Ok(Self { client, own: None });
        }
        let Some(path) = &port.port else {
            return Err(CliError::new(
                Exit::Unavailable,
                format!("no gateway runs on {}", data_dir.display()),
            )
            .remedy("start it with 'mm1gate serve', or use the only modem with --port auto"));
        };
        let binding = binding(path)?;
        let config = config_for(config, data_dir, path, port)?;
        plugged_in(binding, config.profile_dir.as_deref())?;
        Self::own(config).await
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
        let data_dir = config.data_dir.clone();
        let gateway = super::serve::start(config).await?;
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

/// Reads a configuration file.
pub(super) fn load(path: &Path) -> Result<Config, CliError> {
    Config::load(path).map_err(|error| config_error(&error))
}

fn config_error(error: &ConfigError) -> CliError {
    CliError::new(Exit::Config, error.to_string())
        .remedy("mend that line and run the command again")
}

/// The folder of the messages: as configured, else the user's own.
fn data_dir(config: &ConfigArg) -> Result<PathBuf, CliError> {
    match settings::find(config.config.as_deref())? {
        Some(path) => Ok(load(&path)?.data_dir),
        None => default_data_dir().ok_or_else(|| {
            CliError::new(Exit::Config, "there is no folder for the messages")
                .remedy("set HOME, or name data_dir in a file given with --config")
        }),
    }
}

/// What `--port` names; a serial port must exist.
fn binding(port: &str) -> Result<Binding, CliError> {
    let binding: Binding = port.parse().map_err(|expected| {
        CliError::new(Exit::Usage, format!("'{}' is no port", term::plain(port, false)))
            .remedy(format!("give {expected}"))
    })?;
    match &binding {
        Binding::Port(path) if !Path::new(path).exists() => {
            let error = CliError::new(Exit::Unavailable, format!("the port {path} does not exist"));
            Err(error.remedy("plug the modem in, or see what there is: mm1gate modem list"))
        }
        _ => Ok(binding),
    }
}

/// Nothing is accepted that no modem could send.
fn plugged_in(binding: Binding, profiles: Option<&Path>) -> Result<(), CliError> {
    if matches!(binding, Binding::Port(_)) {
        return Ok(());
    }
    let profiles = match profiles {
        Some(folder) => Arc::new(
            Profiles::with_folder(folder)
                .map_err(|error| CliError::new(Exit::Config, error.to_string()))?,
        ),
        None => Profiles::embedded(),
    };
    match Finder::new(Arc::new(Sysfs::system()), profiles, binding, None).find() {
        // Which of its ports takes commands is found out by asking them.
        Ok(_) | Err(Unbound::Unidentified { .. }) => Ok(()),
        Err(error) => Err(CliError::fault(&error.to_fault())),
    }
}

/// A configuration with the one modem on `text`: its own entry if it has one, else the operator
/// of the only modem there is, else what the options say.
fn config_for(
    config: &ConfigArg,
    data_dir: PathBuf,
    text: &str,
    port: &PortArgs,
) -> Result<Config, CliError> {
    let text = text.to_owned();
    let control = port.control_port.as_ref().map(|path| path.to_string_lossy().into_owned());
    let from_options = port.apn.is_some() || port.mmsc.is_some();
    if !from_options && let Some(file) = settings::find(config.config.as_deref())? {
        let mut config = load(&file)?;
        let known = config.modems.iter().position(|modem| modem.port == text);
        let index = match (known, config.modems.len()) {
            (Some(index), _) => index,
            (None, 1) => 0,
            _ => {
                return Err(CliError::new(
                    Exit::Config,
                    format!("{} has no modem on {text}", file.display()),
                )
                .remedy("use one of its ports, or give --apn and --mmsc as well"));
            }
        };
        let mut modem = config.modems.swap_remove(index);
        if known.is_none() {
            modem.control_port = None;
        }
        modem.port = text;
        modem.control_port = control.or(modem.control_port);
        config.modems = vec![modem];
        return Ok(config);
    }
    let (Some(apn), Some(mmsc)) = (&port.apn, &port.mmsc) else {
        return Err(CliError::new(
            Exit::Config,
            "the operator's settings are not known: no configuration file, no --apn and --mmsc",
        )
        .remedy("give --apn, --mmsc and --proxy as the operator's help pages name them for MMS"));
    };
    let value = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut file = format!("data_dir = {}\n", value(&data_dir.to_string_lossy()));
    file.push_str(&format!("[[modem]]\nname = \"modem\"\nport = {}\n", value(&text)));
    if let Some(control) = &control {
        file.push_str(&format!("control_port = {}\n", value(control)));
    }
    file.push_str(&format!("[modem.operator]\napn = {}\nmmsc = {}\n", value(apn), value(mmsc)));
    if let Some(proxy) = &port.proxy {
        file.push_str(&format!("proxy = {}\n", value(proxy)));
    }
    Config::parse(&file, "the command line").map_err(|error| config_error(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_make_a_configuration() {
        let port = PortArgs {
            port: None,
            control_port: Some("/dev/ttyUSB1".into()),
            apn: Some("mms".into()),
            mmsc: Some("http://mmsc.example/mms".into()),
            proxy: Some("10.0.0.1:8080".into()),
        };
        let arg = ConfigArg::default();
        let config = config_for(&arg, "/data/\"x\"".into(), "/dev/ttyUSB2", &port).expect("good");
        assert_eq!(config.data_dir, Path::new("/data/\"x\""));
        assert_eq!(config.modems[0].port, "/dev/ttyUSB2");
        assert_eq!(config.modems[0].operator.apn, "mms");
        let bad = PortArgs { mmsc: Some("mmsc".into()), ..port };
        let error = config_for(&arg, "/data".into(), "/dev/ttyUSB2", &bad);
        assert_eq!(error.expect_err("no URL").exit, Exit::Config);
    }
}

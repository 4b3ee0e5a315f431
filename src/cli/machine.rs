//! This machine as the commands see it that look for modems: its USB devices, the profiles that
//! tell what they are, the configuration, and the gateway that may be running.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::client::Client;
use super::error::CliError;
use super::session::{self, ConfigArg};
use super::settings;
use crate::api::view;
use crate::gateway::Config;
use crate::gateway::config::default_data_dir;
use crate::modem::Profiles;
use crate::modem::usb::{Binding, Candidate, Sysfs, UsbBus, UsbDevice, candidates};

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct MachineArgs {
    #[command(flatten)]
    pub(super) config: ConfigArg,
    /// Look at `sys`, `dev`, `run` and `etc` below this folder, such as one prepared for a test
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub(super) root: PathBuf,
}

/// What the commands look at.
pub(super) struct Machine {
    /// The USB.
    pub(super) usb: Arc<Sysfs>,
    /// What is known of modems.
    pub(super) profiles: Arc<Profiles>,
    /// The configuration; the error when it cannot be used, none when there is no file.
    pub(super) config: Option<Result<Config, CliError>>,
    /// The configuration file.
    pub(super) file: Option<PathBuf>,
    /// The root folder.
    pub(super) root: PathBuf,
}

impl Machine {
    /// Reads the configuration, but needs none.
    ///
    /// # Errors
    /// When the file given on the command line does not exist, or the profiles cannot be read.
    pub(super) fn look(args: &MachineArgs) -> Result<Self, CliError> {
        let file = settings::find(args.config.config.as_deref())?;
        let config = file.as_deref().map(session::load);
        let folder = match &config {
            Some(Ok(config)) => config.profile_dir.as_deref(),
            _ => None,
        };
        let profiles = match folder {
            Some(folder) => Arc::new(Profiles::with_folder(folder).map_err(|error| {
                CliError::new(super::error::Exit::Config, error.to_string())
                    .remedy("mend that line and run the command again")
            })?),
            None => Profiles::embedded(),
        };
        let usb = Arc::new(Sysfs::at(&args.root));
        Ok(Self { usb, profiles, config, file, root: args.root.clone() })
    }

    /// The configuration, when there is one and it can be used.
    pub(super) fn config(&self) -> Option<&Config> {
        self.config.as_ref()?.as_ref().ok()
    }

    /// The folder of the messages.
    pub(super) fn data_dir(&self) -> Option<PathBuf> {
        match &self.config {
            Some(Ok(config)) => Some(config.data_dir.clone()),
            Some(Err(_)) => None,
            None => default_data_dir(),
        }
    }

    /// What is plugged in.
    pub(super) fn devices(&self) -> Vec<UsbDevice> {
        self.usb.devices()
    }

    /// The modems among it.
    pub(super) fn modems(&self) -> Vec<Candidate> {
        candidates(&self.devices(), &self.profiles)
    }

    /// The running gateway's modems; none when no gateway runs.
    ///
    /// # Errors
    /// When it runs and cannot be asked.
    pub(super) async fn gateway(&self) -> Result<Option<Vec<view::Modem>>, CliError> {
        let Some(client) = self.client().await? else { return Ok(None) };
        let list: view::ModemList = client.get("/api/v1/modems").await?;
        Ok(Some(list.modems))
    }

    /// The running gateway's alarms; none when no gateway runs.
    ///
    /// # Errors
    /// When it runs and cannot be asked.
    pub(super) async fn alarms(&self) -> Result<Vec<view::Alarm>, CliError> {
        let Some(client) = self.client().await? else { return Ok(Vec::new()) };
        let list: view::AlarmList = client.get("/api/v1/alarms").await?;
        Ok(list.alarms)
    }

    async fn client(&self) -> Result<Option<Client>, CliError> {
        match self.data_dir() {
            Some(folder) => Client::find(&folder).await,
            None => Ok(None),
        }
    }

    /// The configured modem to which a port belongs, by its name or by where that leads.
    pub(super) fn configured_for(&self, port: &str) -> Option<&str> {
        let modems = self.modems();
        let owner = modems.iter().find(|it| it.ports.iter().any(|it| is_same_file(&it.tty, port)));
        if let Some(name) = owner.and_then(|it| self.configured_for_candidate(it)) {
            return Some(name);
        }
        let same = |name: &str| is_same_file(name, port);
        let mut configured = self.config()?.modems.iter();
        let found =
            configured.find(|it| same(&it.port) || it.control_port.as_deref().is_some_and(same));
        found.map(|it| it.name.as_str())
    }

    /// The configured modem that this device is.
    pub(super) fn configured_for_candidate(&self, candidate: &Candidate) -> Option<&str> {
        let usable = || self.modems().iter().filter(|it| it.dial().is_some()).count();
        let is_it = |text: &str| match text.parse::<Binding>() {
            Ok(Binding::Auto) => candidate.dial().is_some() && usable() == 1,
            Ok(Binding::Socket { path, .. }) => path == candidate.device.path,
            Ok(Binding::Port(name)) => {
                candidate.ports.iter().any(|it| it.stable == name || is_same_file(&it.tty, &name))
            }
            Err(_) => false,
        };
        let found = self.config()?.modems.iter().find(|it| is_it(&it.port));
        found.map(|it| it.name.as_str())
    }
}

/// Whether two names of ports lead to the same device.
pub(super) fn is_same_file(one: &str, other: &str) -> bool {
    let real = |name: &str| Path::new(name).canonicalize().ok();
    one == other || real(one).is_some_and(|it| real(other) == Some(it))
}

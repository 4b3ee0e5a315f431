//! A rig: a modem with a SIM, and what the suite may do with it. A real one is described by a TOML
//! file: the `[[modem]]` table of the gateway's own configuration, and a `[rig]` table.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mm1gate::gateway::Config;
use mm1gate::modem::{PortOpener, VolatilePins};
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
    /// What is wrong with it, and where.
    pub(crate) fn load(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
        let mut document: toml::Table =
            text.parse().map_err(|error: toml::de::Error| format!("{shown}: {error}"))?;
        let table = document
            .remove("rig")
            .ok_or_else(|| format!("{shown}: it has no [rig]; hil/rigs/example.toml shows one"))?;
        let table: Table = table.try_into().map_err(|error| format!("{shown}: [rig]: {error}"))?;
        document
            .entry("data_dir")
            .or_insert_with(|| std::env::temp_dir().display().to_string().into());
        let config = Config::parse(&document.to_string(), &shown.to_string())
            .map_err(|error| error.to_string())?;
        let modem = config.modems.first().filter(|_| config.modems.len() == 1);
        let modem = modem.ok_or_else(|| format!("{shown}: a rig has one [[modem]]"))?;
        if modem.own_number.is_none() {
            return Err(format!("{shown}: own_number: the suite sends messages to it"));
        }
        Ok(Self {
            name: file.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into_owned()),
            description: table.description,
            budget: table.budget,
            behind: Behind::Hardware,
            config,
            ports: Arc::new(mm1gate::modem::SystemPorts),
            pins: Arc::default(),
            human: false,
            patience: Duration::from_secs(15 * 60),
        })
    }

    pub(crate) fn modem(&self) -> &mm1gate::gateway::ModemConfig {
        self.config.modems.first().expect("a rig has a modem")
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
        let modem = self.modem();
        Secrets {
            numbers: vec![self.own_number()],
            pin: modem.pin.as_ref().map(|pin| pin.expose().to_owned()),
            words: vec![modem.operator.user.clone(), modem.operator.password.expose().to_owned()],
        }
    }
}

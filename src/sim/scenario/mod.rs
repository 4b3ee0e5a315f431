//! Scenarios: what the virtual modem is, what its operator is like and what goes wrong when; read
//! from TOML, or drawn from a seed.

mod file;
mod random;

use std::time::Duration;

use super::fault::{ActiveFault, Faults};
use super::modem::{ModemConfig, Subscriber};
use super::operator::{Auth, OperatorBuilder};
use crate::model::Random;

pub use file::ScenarioError;

/// One scenario. `mm1gate simulate --help` shows an example of its file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Where the operator's randomness comes from; the system when absent.
    pub seed: Option<u64>,
    /// The modem.
    pub modem: ModemConfig,
    /// Its SIM.
    pub subscriber: Subscriber,
    /// The operator.
    pub network: Network,
    /// What goes wrong.
    pub faults: Vec<ActiveFault>,
}

/// What an operator is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Name of the access point for MMS.
    pub apn: String,
    /// Authentication of data calls.
    pub auth: Auth,
    /// User name for it.
    pub user: String,
    /// Password for it.
    pub password: String,
    /// Pause between two notifications of a message that nobody acknowledges.
    pub repeat_after: Option<Duration>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            apn: "mms.example".to_owned(),
            auth: Auth::None,
            user: String::new(),
            password: String::new(),
            repeat_after: Some(Duration::from_secs(600)),
        }
    }
}

impl Default for Scenario {
    /// A quick modem with two ports and nothing that goes wrong.
    fn default() -> Self {
        Self {
            seed: None,
            modem: ModemConfig::default(),
            subscriber: Subscriber::default(),
            network: Network::default(),
            faults: Vec::new(),
        }
    }
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`ScenarioError`] names the line, the key and what is wrong with it.
    pub fn from_toml(text: &str) -> Result<Self, ScenarioError> {
        file::read(text)
    }

    /// A scenario drawn from a seed: a modem of some shape and several faults of different groups,
    /// all of which cease. The same seed gives the same scenario.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        random::draw(seed)
    }

    /// When the last fault has ceased, if all of them do, and a device that fell off the USB is back.
    /// A host may still be waiting then for an answer that was left out before, and what has hung is
    /// still to be reset.
    #[must_use]
    pub fn ceases(&self) -> Option<Duration> {
        let ends = self.faults.iter().map(|fault| match (fault.lasts, fault.times) {
            (Some(lasts), _) => {
                let lasts = lasts.max(fault.fault.lingers().as_secs_f64());
                Some(fault.at.unwrap_or(0.0) + lasts)
            }
            (None, Some(_)) => Some(fault.at.unwrap_or(0.0)),
            (None, None) => None,
        });
        let ends: Option<Vec<f64>> = ends.collect();
        Some(Duration::from_secs_f64(ends?.into_iter().fold(0.0, f64::max)))
    }

    /// The operator of this scenario, without its faults and its phones.
    #[must_use]
    pub fn builder(&self, builder: OperatorBuilder) -> OperatorBuilder {
        let network = &self.network;
        let mut builder = builder
            .line(self.subscriber.clone(), self.modem.clone())
            .apn(&network.apn)
            .auth(network.auth, &network.user, &network.password)
            .repeat_notifications(network.repeat_after, 5);
        if let Some(seed) = self.seed {
            builder = builder.random(Random::seeded(seed));
        }
        builder
    }

    /// Switches its faults on, their times counted from now.
    pub fn arm(&self, faults: &Faults) {
        for fault in &self.faults {
            faults.add(fault.clone());
        }
    }
}

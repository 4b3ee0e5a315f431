//! A modem as JSON: what it is, how it fares, and what was done for it. Numbers of SIM and modem are
//! redacted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gateway::{self, Registration, Rung, StepResult};
use crate::gateway::{DataView, ModemView};
use crate::model::{Fault, Timestamp};

/// A modem.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Modem {
    /// Its name in the configuration.
    pub name: String,
    /// `starting`, `ready`, `calling`, `recovering`, `waiting` or `failed`.
    pub condition: String,
    /// RFC 3339: since when it is in this condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What is being done to bring it back, while `recovering`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_step: Option<String>,
    /// RFC 3339: the next attempt at the latest, while `waiting` or `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// The operator's name as the network tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// `home`, `roaming`, `sms-only`, `searching`, `denied`, `emergency-only`, `not-registered`,
    /// `no-coverage` or `unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// Whether the operator's settings for MMS are configured; plain SMS need none.
    #[serde(default)]
    pub mms: bool,
    /// Registered with another network than the SIM's own.
    #[serde(default)]
    pub roaming: bool,
    /// Signal in dBm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_dbm: Option<i16>,
    /// Maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// Model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// IMSI of the SIM in it, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imsi: Option<String>,
    /// ICCID of the SIM in it, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iccid: Option<String>,
    /// The profile that drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Why this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_reason: Option<String>,
    /// Whether the profile rests on the record of a real modem.
    #[serde(default)]
    pub profile_verified: bool,
    /// `one`, `two` or `multiplexed`: how commands and data calls share its ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_sharing: Option<String>,
    /// Its ports as they are called now, the one for commands first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Its SMS storages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storages: Vec<Storage>,
    /// Messages that stay in them because the modem does not give them out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_sms: Vec<UnreadableSms>,
    /// What its SIM has used of the month's data; none before the SIM is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// What is wrong, when something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The last thing that went wrong, kept after it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<Fault>,
    /// RFC 3339: when that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error_at: Option<String>,
    /// What was done to bring it back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_steps: Vec<RecoveryStep>,
    /// How often each step was taken since the start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recovery_counts: BTreeMap<String, u64>,
    /// Times it was lost since the start.
    #[serde(default)]
    pub losses: u64,
    /// Times its port vanished right after dialling: too little power.
    #[serde(default)]
    pub brown_outs: u64,
    /// Octets written to its ports since the start.
    pub octets_out: u64,
    /// Octets read from its ports since the start.
    pub octets_in: u64,
}

/// An SMS storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Storage {
    /// `SM`, `ME`, ...
    pub name: String,
    /// Places in use.
    pub used: u32,
    /// Places in all.
    pub total: u32,
    /// 80 % or more are in use: nothing arrives once all are.
    pub alarm: bool,
}

/// What data calls of a SIM have carried in a calendar month: octets of IP packets, as operators
/// count them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Data {
    /// `2026-11`.
    pub month: String,
    /// By whose calendar.
    pub time_zone: String,
    /// RFC 3339: when the next month begins.
    pub month_ends_at: String,
    /// Calls that began in it.
    pub calls: u64,
    /// Octets sent.
    pub octets_out: u64,
    /// Octets received.
    pub octets_in: u64,
    /// How many of the calls were made in another network.
    pub roaming_calls: u64,
    /// How many of the octets, of both directions, went through another network.
    pub roaming_octets: u64,
    /// Octets of both directions after which no further call is made in this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_octets: Option<u64>,
    /// No call is made before the month is over.
    pub cap_reached: bool,
}

impl From<&DataView> for Data {
    fn from(view: &DataView) -> Self {
        Self {
            month: view.month.to_string(),
            time_zone: view.calendar.zone().to_owned(),
            month_ends_at: view.ends_at.to_string(),
            calls: view.used.calls,
            octets_out: view.used.octets_out,
            octets_in: view.used.octets_in,
            roaming_calls: view.used.roaming_calls,
            roaming_octets: view.used.roaming_octets,
            cap_octets: view.cap,
            cap_reached: view.is_over(),
        }
    }
}

/// A message that stays in the modem because it cannot be read there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnreadableSms {
    /// `SM`, `ME`, ...
    pub storage: String,
    /// Its place there.
    pub index: u16,
    /// What the modem says instead, in its own words.
    pub answer: String,
}

/// One step that was taken to bring a modem back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecoveryStep {
    /// RFC 3339, UTC.
    pub at: String,
    /// Its stable short name.
    pub step: String,
    /// Seconds it took.
    pub seconds: f64,
    /// `worked`, `failed` or `not-possible`.
    pub result: String,
    /// Why it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was wrong before it.
    pub cause: Fault,
}

impl From<&ModemView> for Modem {
    fn from(modem: &ModemView) -> Self {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let time = |at: Timestamp| at.to_string();
        let device = &modem.device;
        let (last_error_at, last_error) = modem.last_error.clone().unzip();
        Self {
            name: modem.name.clone(),
            condition: modem.condition.to_owned(),
            since: Some(time(modem.since)),
            recovery_step: modem.rung.map(|rung| rung.as_str().to_owned()),
            next_attempt_at: modem.until.map(time),
            operator: modem.operator.clone(),
            registration: modem.registration.map(|it| registration(it).to_owned()),
            mms: modem.mms,
            roaming: modem.registration == Some(Registration::Roaming),
            signal_dbm: modem.signal_dbm,
            manufacturer: text(&device.manufacturer),
            model: text(&device.model),
            revision: text(&device.revision),
            imsi: modem.sim.as_ref().and_then(|sim| text(&sim.imsi)),
            iccid: modem.sim.as_ref().and_then(|sim| text(&sim.iccid)),
            profile: text(&device.profile),
            profile_reason: text(&device.profile_reason),
            profile_verified: device.profile_verified,
            port_sharing: device.sharing.map(|sharing| sharing.as_str().to_owned()),
            ports: device.ports.clone(),
            storages: modem
                .storages
                .iter()
                .map(|storage| Storage {
                    name: storage.name.clone(),
                    used: storage.used,
                    total: storage.total,
                    alarm: storage.is_alarming(),
                })
                .collect(),
            unreadable_sms: modem
                .unreadable
                .iter()
                .map(|sms| UnreadableSms {
                    storage: sms.storage.clone(),
                    index: sms.index,
                    answer: sms.answer.clone(),
                })
                .collect(),
            data: modem.data.as_ref().map(Data::from),
            fault: modem.fault.clone(),
            last_error,
            last_error_at: last_error_at.map(time),
            recovery_steps: modem.steps.iter().map(RecoveryStep::from).collect(),
            recovery_counts: Rung::ALL
                .iter()
                .zip(modem.recovery.steps)
                .filter(|(_, count)| *count > 0)
                .map(|(rung, count)| (rung.as_str().to_owned(), count))
                .collect(),
            losses: modem.recovery.losses,
            brown_outs: modem.recovery.brown_outs,
            octets_out: modem.octets.0,
            octets_in: modem.octets.1,
        }
    }
}

impl From<&gateway::RecoveryStep> for RecoveryStep {
    fn from(step: &gateway::RecoveryStep) -> Self {
        Self {
            at: step.at.to_string(),
            step: step.rung.as_str().to_owned(),
            seconds: step.took.as_secs_f64(),
            result: step.result.as_str().to_owned(),
            reason: match &step.result {
                StepResult::Worked => None,
                StepResult::Failed(fault) => Some(fault.summary.clone()),
                StepResult::NotPossible(reason) => Some(reason.clone()),
            },
            cause: step.cause.clone(),
        }
    }
}

/// The stable name of a registration.
pub(super) const fn registration(registration: Registration) -> &'static str {
    match registration {
        Registration::Home => "home",
        Registration::Roaming => "roaming",
        Registration::SmsOnly => "sms-only",
        Registration::EmergencyOnly => "emergency-only",
        Registration::Searching => "searching",
        Registration::Denied => "denied",
        Registration::NotRegistered => "not-registered",
        Registration::NoCoverage => "no-coverage",
        Registration::Unknown => "unknown",
    }
}

//! Settings for modems whose configuration names none: by what the SIM tells, from the table of
//! operators. Where several would do, the first is tried, and the next one when the network refuses
//! its access point or nobody answers behind it; the one that has worked stays the SIM's.

use super::line::{Line, lock, quiet};
use super::{Core, ModemConfig};
use crate::model::{Address, Fault};
use crate::modem::{Modem, ModemInfo};
use crate::operators::{Settings, Sim, lookup_in};
use crate::store::{SetUpRecord, StoreError};

/// Most set-ups that are tried for one SIM.
const MAX_TRIED: usize = 16;

/// Faults of a call or a request that another set-up may not have: the network does not know the
/// access point or the log-in, or nobody is there.
const ANOTHER_MAY_DO: &[&str] = &[
    "apn-refused",
    "call-failed",
    "no-connect",
    "ppp-auth-rejected",
    "ppp-auth-failed",
    "no-ip-address",
    "no-connection",
    "proxy-refused",
    "not-http",
];

/// What is known of the operator of the SIM in a modem.
#[derive(Default)]
pub(super) struct SetUp {
    record: SetUpRecord,
    choices: Vec<Choice>,
    at: usize,
    /// Something came back by the one that is used.
    proven: bool,
    /// The SIM was asked in this run.
    asked: bool,
}

struct Choice {
    settings: Settings,
    /// What the table calls it, and why it is one.
    title: String,
}

impl Choice {
    /// What tells it apart from the others.
    fn way(&self) -> String {
        let proxy = self.settings.proxy.as_ref().map(|(host, port)| format!("{host}:{port}"));
        format!("{} {} {}", self.settings.apn, self.settings.mmsc, proxy.unwrap_or_default())
    }
}

impl SetUp {
    fn find(core: &Core, record: SetUpRecord, iccid: Option<&str>) -> Self {
        let sim = Sim {
            imsi: record.sim.clone(),
            mnc_length: record.mnc_length,
            spn: record.spn.clone(),
            gid1: record.gid1.clone(),
            iccid: iccid.map(str::to_owned),
        };
        let found = lookup_in(core.operators, &sim);
        let total = found.candidates.len();
        let choices = found.candidates.iter().take(MAX_TRIED).enumerate();
        let choices: Vec<Choice> = choices
            .filter_map(|(at, candidate)| {
                let settings = candidate.network.settings(&candidate.setup).ok()?;
                Some(Choice {
                    settings: settings.without_unknown(record.number.is_some()),
                    title: format!(
                        "{} ({} of {total}): {}",
                        candidate.setup.name,
                        at + 1,
                        candidate.why
                    ),
                })
            })
            .collect();
        let known = record.way.as_ref();
        let at = choices.iter().position(|it| Some(&it.way()) == known);
        Self { at: at.unwrap_or(0), proven: false, choices, record, asked: false }
    }

    fn chosen(&self) -> Option<&Choice> {
        self.choices.get(self.at)
    }
}

impl Line {
    /// The settings by which this modem sends MMS now: the configuration's, else those found.
    pub(super) fn settings(&self) -> Option<Settings> {
        match &self.inner.config.operator {
            Some(settings) => Some(settings.clone()),
            None => lock(&self.inner.set_up).chosen().map(|it| it.settings.clone()),
        }
    }

    /// Whether it carries MMS.
    pub(super) fn carries_mms(&self) -> bool {
        self.inner.config.operator.is_some() || lock(&self.inner.set_up).chosen().is_some()
    }

    /// The number of its SIM: the configuration's, else what the SIM tells.
    pub(super) fn number(&self) -> Option<Address> {
        self.inner.config.own_number.clone().or_else(|| {
            let told = lock(&self.inner.set_up).record.number.clone();
            told.and_then(|it| Address::parse_recipient(&it).ok())
        })
    }

    /// Its configuration with what was found out in the places that it leaves open.
    pub(super) fn effective(&self) -> ModemConfig {
        let own_number = self.number();
        ModemConfig { operator: self.settings(), own_number, ..self.inner.config.clone() }
    }

    fn looks_up(&self) -> bool {
        self.inner.config.operator.is_none() && self.inner.config.mms
    }

    /// What an earlier run knew of the SIM that was in the modem last, so that messages are taken
    /// before it is up again.
    pub(super) async fn recall_set_up(&self) -> Result<(), StoreError> {
        if self.looks_up()
            && let Some(record) = self.core().store.set_up_in(&self.inner.config.name).await?
        {
            *lock(&self.inner.set_up) = SetUp::find(self.core(), record, None);
        }
        Ok(())
    }

    /// Finds the settings for the SIM of a modem that is ready.
    pub(super) async fn find_set_up(
        &self,
        modem: &Modem,
        info: &ModemInfo,
        sim: &str,
    ) -> Result<(), StoreError> {
        if !self.looks_up() {
            return Ok(());
        }
        {
            let known = lock(&self.inner.set_up);
            if known.asked && known.record.sim == sim {
                return Ok(());
            }
        }
        let core = self.core();
        let mut record = core.store.set_up(sim).await?.unwrap_or_default();
        sim.clone_into(&mut record.sim);
        // A modem that fails here shows that soon enough by itself; the IMSI alone is much.
        match modem.sim_files().await {
            Ok(files) => {
                record.mnc_length = files.mnc_length.or(record.mnc_length);
                record.spn = files.spn.or(record.spn);
                record.gid1 = files.gid1.or(record.gid1);
            }
            Err(error) => {
                tracing::warn!(modem = %self.inner.config.name, "SIM not read: {}", quiet(&error));
            }
        }
        if let Ok(Some(number)) = modem.own_number().await {
            record.number = Some(number);
        }
        let iccid = Some(info.iccid.as_str()).filter(|it| !it.is_empty());
        let before = self.settings();
        let mut found = SetUp::find(core, record.clone(), iccid);
        found.asked = true;
        let told = found.chosen().map(|it| it.title.clone());
        *lock(&self.inner.set_up) = found;
        if self.settings() != before {
            let modem = &self.inner.config.name;
            match told {
                Some(title) => tracing::info!(%modem, "settings for MMS from the table: {title}"),
                None => tracing::info!(%modem, "the table has no settings for MMS for this SIM"),
            }
        }
        core.store.keep_set_up(record, core.now()).await
    }

    /// Takes the next set-up where this fault may be that of the one in use.
    pub(super) fn try_next_set_up(&self, fault: &Fault) {
        if self.inner.config.operator.is_some() || !ANOTHER_MAY_DO.contains(&fault.code.as_str()) {
            return;
        }
        let mut set_up = lock(&self.inner.set_up);
        if set_up.proven || set_up.choices.len() < 2 {
            return;
        }
        set_up.at = (set_up.at + 1) % set_up.choices.len();
        if let Some(next) = set_up.chosen() {
            let (modem, code) = (&self.inner.config.name, &fault.code);
            tracing::info!(%modem, %code, "trying other settings for MMS: {}", next.title);
        }
    }

    /// Something came back from the MMSC: these settings are the SIM's.
    pub(super) async fn set_up_works(&self) -> Result<(), StoreError> {
        let record = {
            let mut set_up = lock(&self.inner.set_up);
            let way = set_up.chosen().map(Choice::way);
            if set_up.proven || way.is_none() || self.inner.config.operator.is_some() {
                return Ok(());
            }
            set_up.proven = true;
            set_up.record.way = way;
            set_up.record.clone()
        };
        let core = self.core();
        core.store.keep_set_up(record, core.now()).await
    }
}

//! The handle on a modem: what the gateway may ask of it and what it hears from it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{DataCall, ModemError, ModemInfo, PortOpener, Profile, Registration, StoredSms};
use crate::model::redact::Secret;
use crate::model::{Clock, StageSink, Tap};

/// Which modem, and how to treat it.
#[derive(Debug, Clone)]
pub struct ModemConfig {
    /// Its name in the configuration, logs and events.
    pub name: String,
    /// The port that dials; the only one unless there is a control port.
    pub port: String,
    /// A second port for commands, so that SMS arrive during a call.
    pub control_port: Option<String>,
    /// Its peculiarities.
    pub profile: Arc<Profile>,
    /// The SIM's PIN.
    pub pin: Option<Secret>,
    /// How long the modem may look for a network.
    pub registration_limit: Duration,
}

/// How the network is to authenticate us, for modems that want to know before PPP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocols' own names")]
pub enum PdpAuth {
    /// Left to PPP.
    Any,
    None,
    Pap,
    Chap,
}

/// What to dial. `Debug` shows no password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdpContext {
    /// Access point name.
    pub apn: String,
    /// `IP`, `IPV6` or `IPV4V6`.
    pub pdp_type: String,
    /// User name, empty when none.
    pub user: String,
    /// Password, empty when none.
    pub password: Secret,
    /// Authentication.
    pub auth: PdpAuth,
}

/// What a modem tells by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModemEvent {
    /// A message was stored (`+CMTI`, `+CDSI`); read it, keep it, then delete it. Several may be
    /// announced by one event, and an event may be lost with its line: sweep now and then.
    SmsStored {
        /// The storage; empty when the modem does not say.
        storage: String,
        /// The place; none when the modem does not say: sweep.
        index: Option<u16>,
    },
    /// A message came directly (`+CMT`, `+CDS`) and is stored nowhere else.
    SmsDirect {
        /// SMSC prefix and TPDU; empty when the line is not hexadecimal.
        octets: Bytes,
        /// The line itself.
        raw: String,
    },
    /// A storage is full; nothing more arrives until messages are deleted.
    SmsStorageFull,
    /// The registration changed.
    Registration(Registration),
    /// The modem cannot be used any more; [`Modem::prepare`] opens it again.
    Gone {
        /// Why.
        error: ModemError,
    },
}

/// A modem; clones ask the same driver. Requests wait for each other. The driver ends and closes
/// the ports when the last handle and data call are dropped.
#[derive(Debug, Clone)]
pub struct Modem {
    _private: (),
}

impl Modem {
    /// Starts the driver task; no port is opened before [`Self::prepare`]. Events that nobody
    /// takes are dropped beyond a limit.
    #[must_use]
    pub fn start(
        config: ModemConfig,
        opener: Arc<dyn PortOpener>,
        tap: Arc<dyn Tap>,
        clock: Clock,
        stages: StageSink,
    ) -> (Self, mpsc::Receiver<ModemEvent>) {
        let _ = (config, opener, tap, clock, stages);
        todo!()
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        todo!()
    }

    /// Octets sent and received on all its ports, data calls included.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        todo!()
    }

    /// Opens the ports, wakes the modem (also out of a data call that a killed program left),
    /// initialises it, enters the PIN, sets SMS up and waits for the network. Tells the stages
    /// `PortOpen`, `SimReady` and `Registered`. May be called again at any time outside a call.
    ///
    /// # Errors
    /// The first step that failed. After [`ModemError::NotRegistered`] SMS and later calls of
    /// [`Self::registration`] work all the same.
    pub async fn prepare(&self) -> Result<ModemInfo, ModemError> {
        todo!()
    }

    /// Asks for the present registration.
    ///
    /// # Errors
    /// When the modem does not answer.
    pub async fn registration(&self) -> Result<Registration, ModemError> {
        todo!()
    }

    /// Asks for the present signal in dBm; none when unknown.
    ///
    /// # Errors
    /// When the modem does not answer.
    pub async fn signal(&self) -> Result<Option<i16>, ModemError> {
        todo!()
    }

    /// Lists every message of every storage, sent and unsent ones included.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while a call holds the only port.
    pub async fn sweep(&self) -> Result<Vec<StoredSms>, ModemError> {
        todo!()
    }

    /// Reads one message.
    ///
    /// # Errors
    /// [`ModemError::NoSuchSms`] when the place is empty; [`ModemError::InCall`] at once while a
    /// call holds the only port.
    pub async fn read_sms(&self, storage: &str, index: u16) -> Result<StoredSms, ModemError> {
        let _ = (storage, index);
        todo!()
    }

    /// Deletes one message and looks whether it is gone. An empty place is no error.
    ///
    /// # Errors
    /// [`ModemError::DeleteFailed`]; [`ModemError::InCall`] at once while a call holds the only
    /// port.
    pub async fn delete_sms(&self, storage: &str, index: u16) -> Result<(), ModemError> {
        let _ = (storage, index);
        todo!()
    }

    /// Defines the context where needed and dials; tells the stages `ContextSet` and `Connected`.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while another call lasts.
    pub async fn dial(&self, context: &PdpContext) -> Result<DataCall, ModemError> {
        let _ = context;
        todo!()
    }
}

//! The handle on a modem: what the gateway may ask of it and what it hears from it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::driver::{Answer, Driver, Request};
use super::line::Shared;
use super::usb::UsbBus;
use super::{
    DataCall, ModemError, ModemInfo, PinMemory, PortOpener, ProfileChoice, Registration, Rung,
    SimFiles, StorageUse, StoredSms, Swept,
};
use crate::model::redact::Secret;
use crate::model::{Clock, StageSink, Tap};

/// Requests that wait for the one before them.
const MAX_WAITING: usize = 64;
/// Events that wait for the listener.
const MAX_EVENTS: usize = 1024;

/// Which modem, and how to treat it.
#[derive(Debug, Clone)]
pub struct ModemConfig {
    /// Its name in the configuration, logs and events.
    pub name: String,
    /// The port that dials; the only one unless there is a control port.
    pub port: String,
    /// A second port for commands, so that SMS arrive during a call.
    pub control_port: Option<String>,
    /// Its peculiarities, and how they were chosen.
    pub profile: ProfileChoice,
    /// The SIM's PIN.
    pub pin: Option<Secret>,
    /// Whether data calls may be made in other networks, at their prices.
    pub roaming: bool,
    /// How long the modem may look for a network.
    pub registration_limit: Duration,
}

/// What a modem's driver is handed instead of reaching for it.
#[derive(Clone)]
pub struct Means {
    /// Opens its ports.
    pub ports: Arc<dyn PortOpener>,
    /// Tells where they are now, and resets the device.
    pub usb: Arc<dyn UsbBus>,
    /// Remembers what became of PINs.
    pub pins: Arc<dyn PinMemory>,
    /// Sees every octet.
    pub tap: Arc<dyn Tap>,
    /// Tells the time.
    pub clock: Clock,
    /// Hears of the stages of preparing and dialling.
    pub stages: StageSink,
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
    /// A frame of the multiplexer came damaged, and the basic option repeats none (3GPP TS 27.010
    /// clause 5.1): what it said is lost, an indication perhaps.
    LineDamaged,
    /// The registration changed.
    Registration(Registration),
    /// A command got no answer, and the modem was brought in step again.
    Resynced,
    /// The modem cannot be used any more; [`Modem::prepare`] opens it again.
    Gone {
        /// The preparation that it had come from, see [`ModemInfo::session`].
        session: u64,
        /// Why.
        error: ModemError,
    },
}

/// A modem; clones ask the same driver. Requests wait for each other. The driver ends and closes
/// the ports when the last handle and data call are dropped.
#[derive(Clone)]
pub struct Modem {
    requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
}

impl Modem {
    /// Starts the driver task; no port is opened before [`Self::prepare`]. Events that nobody
    /// takes are dropped beyond a limit.
    #[must_use]
    pub fn start(config: ModemConfig, means: Means) -> (Self, mpsc::Receiver<ModemEvent>) {
        let (requests, incoming) = mpsc::channel(MAX_WAITING);
        let (events, heard) = mpsc::channel(MAX_EVENTS);
        let shared = Arc::new(Shared {
            modem: config.name.clone(),
            tap: Arc::clone(&means.tap),
            clock: means.clock,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            call: AtomicU64::new(0),
        });
        let driver = Driver::new(config, means, Arc::clone(&shared), events);
        tokio::spawn(driver.run(incoming));
        (Self { requests, shared }, heard)
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.modem
    }

    /// Octets sent and received on all its ports, data calls included.
    #[must_use]
    pub fn octets(&self) -> (u64, u64) {
        (self.shared.sent.load(Ordering::Relaxed), self.shared.received.load(Ordering::Relaxed))
    }

    /// Opens the ports, wakes the modem (also out of a data call that a killed program left),
    /// initialises it, enters the PIN, sets SMS up and waits for the network. Tells the stages
    /// `PortOpen`, `SimReady` and `Registered`. May be called again at any time outside a call.
    ///
    /// # Errors
    /// The first step that failed. After [`ModemError::NotRegistered`] SMS and later calls of
    /// [`Self::registration`] work all the same.
    pub async fn prepare(&self) -> Result<ModemInfo, ModemError> {
        self.ask(Request::Prepare).await
    }

    /// Does what a rung of the recovery ladder says; [`Self::prepare`] must follow. Answers how long
    /// this modem may take to come back when the rung was a reset.
    ///
    /// # Errors
    /// [`ModemError::NotPossible`] when this rung is not open to this modem;
    /// [`ModemError::InCall`] at once while a call lasts.
    pub async fn climb(&self, rung: Rung) -> Result<Duration, ModemError> {
        self.ask(|answer| Request::Climb { rung, answer }).await
    }

    /// Asks a modem in service whether it still answers; `deep` also whether it has kept its
    /// settings and its SIM. Does nothing during a call.
    ///
    /// # Errors
    /// [`ModemError::NoAnswer`], [`ModemError::SettingsLost`] or [`ModemError::SimChanged`]: it
    /// must be prepared again.
    pub async fn check(&self, deep: bool) -> Result<(), ModemError> {
        self.ask(|answer| Request::Check { deep, answer }).await
    }

    /// Looks whether something answers at the modem's place, to see whether preparing is worth
    /// while. A port that stays silent is closed again.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn probe(&self) -> Result<(), ModemError> {
        self.ask(Request::Probe).await
    }

    /// Closes the ports of a modem that is not in service, for others and for the device itself.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while a call lasts.
    pub async fn release(&self) -> Result<(), ModemError> {
        self.ask(Request::Release).await
    }

    /// Asks for the present registration.
    ///
    /// # Errors
    /// When the modem does not answer.
    pub async fn registration(&self) -> Result<Registration, ModemError> {
        self.ask(Request::Registration).await
    }

    /// Asks for the present signal in dBm; none when unknown.
    ///
    /// # Errors
    /// When the modem does not answer.
    pub async fn signal(&self) -> Result<Option<i16>, ModemError> {
        self.ask(Request::Signal).await
    }

    /// Asks for the name servers that the network gave the active context `cid` (`+CGCONTRDP`), at
    /// most four and without placeholders; none where the modem does not tell.
    ///
    /// # Errors
    /// When the modem does not answer; [`ModemError::InCall`] at once while a call holds the only
    /// port: from then on it is asked before a context that is active already is dialled, and
    /// [`DataCall::name_servers`] has the answer.
    pub async fn name_servers(&self, cid: u8) -> Result<Vec<IpAddr>, ModemError> {
        self.ask(|answer| Request::NameServers { cid, answer }).await
    }

    /// Asks for the SIM's own number (`+CNUM`), in international form; none where the SIM does not
    /// tell it, which is so with most.
    ///
    /// # Errors
    /// When the modem does not answer; [`ModemError::InCall`] at once while a call holds the only
    /// port.
    pub async fn own_number(&self) -> Result<Option<String>, ModemError> {
        self.ask(Request::OwnNumber).await
    }

    /// Reads what the SIM tells of its operator (`EF_AD`, `EF_SPN`, `EF_GID1`).
    ///
    /// # Errors
    /// When the modem does not answer; [`ModemError::InCall`] at once while a call holds the only
    /// port. What modem or SIM refuse is not told, and no error.
    pub async fn sim_files(&self) -> Result<SimFiles, ModemError> {
        self.ask(Request::SimFiles).await
    }

    /// Lists every message of every storage, sent and unsent ones included.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while a call holds the only port; a storage that cannot be read
    /// is no error, see [`Swept::failed`].
    pub async fn sweep(&self) -> Result<Swept, ModemError> {
        self.ask(Request::Sweep).await
    }

    /// Asks how many messages lie in the storages in use that were neither read nor listed, as far
    /// as the modem tells by one command, and whether it still has the settings by which messages
    /// come in; outside calls only, since nothing is set anew during one.
    ///
    /// # Errors
    /// [`ModemError::NoAnswer`] and [`ModemError::SettingsLost`]: it must be prepared again.
    /// [`ModemError::InCall`] at once while a call holds the only port.
    pub async fn unread_sms(&self) -> Result<u16, ModemError> {
        self.ask(Request::Unread).await
    }

    /// Reads one message. An empty name of the storage means the one for new messages.
    ///
    /// # Errors
    /// [`ModemError::NoSuchSms`] when the place is empty; [`ModemError::InCall`] at once while a
    /// call holds the only port.
    pub async fn read_sms(&self, storage: &str, index: u16) -> Result<StoredSms, ModemError> {
        let storage = storage.to_owned();
        self.ask(|answer| Request::Read { storage, index, answer }).await
    }

    /// Deletes one message that was read or swept, and looks whether it is gone. Only that message:
    /// an empty place is no error, and another message at its place stays there and is told as
    /// [`ModemEvent::SmsStored`].
    ///
    /// # Errors
    /// [`ModemError::DeleteFailed`]; [`ModemError::InCall`] at once while a call holds the only
    /// port.
    pub async fn delete_sms(&self, sms: &StoredSms) -> Result<(), ModemError> {
        let sms = sms.clone();
        self.ask(|answer| Request::Delete { sms, answer }).await
    }

    /// How full the storages are, those that the modem tells of.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while a call holds the only port.
    pub async fn storages(&self) -> Result<Vec<StorageUse>, ModemError> {
        self.ask(Request::StorageUse).await
    }

    /// Hands one message to the network (`AT+CMGS`) and answers its message reference (TP-MR),
    /// none where the modem does not tell it.
    /// `octets`: the SMSC's address with its length, 0 for the SIM's own, then the TPDU.
    ///
    /// # Errors
    /// [`ModemError::NoPrompt`]: the modem did not take it. [`ModemError::SmsRefused`]: the modem or
    /// the network refused it, with a cause or at once. [`ModemError::SmsUnknown`]: the modem had it
    /// and never said what became of it, or tried for a while and refused without a cause (`ERROR`,
    /// `+CMS ERROR: 500`); the network may have it.
    /// [`ModemError::InCall`] at once while a call holds the only port.
    pub async fn send_sms(&self, octets: Bytes) -> Result<Option<u8>, ModemError> {
        self.ask(|answer| Request::Send { octets, answer }).await
    }

    /// Says to the modem that the last message that came directly
    /// ([`ModemEvent::SmsDirect`]) is durable. Does nothing where no acknowledgement is expected.
    ///
    /// # Errors
    /// When the modem does not take it; its reception is then set up anew.
    pub async fn acknowledge_sms(&self) -> Result<(), ModemError> {
        self.ask(Request::Acknowledge).await
    }

    /// Defines the context where needed and dials; tells the stages `ContextSet` and `Connected`,
    /// and `HungUp` at the call's end.
    ///
    /// # Errors
    /// [`ModemError::InCall`] at once while another call lasts.
    pub async fn dial(&self, context: &PdpContext) -> Result<DataCall, ModemError> {
        let context = context.clone();
        self.ask(|answer| Request::Dial { context, answer }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, ModemError> {
        let (answer, result) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| ModemError::Stopped)?;
        result.await.unwrap_or(Err(ModemError::Stopped))
    }
}

impl std::fmt::Debug for Modem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Modem").field("name", &self.name()).finish_non_exhaustive()
    }
}

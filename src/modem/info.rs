//! What a modem tells of itself and of its SIM.

use std::fmt;

use bytes::Bytes;

use super::{MatchReason, ModemError, ProfileChoice};
use crate::model::redact;

/// A modem that is ready for service. `Debug` redacts IMSI and IMEI.
#[derive(Clone, PartialEq, Eq)]
pub struct ModemInfo {
    /// `+CGMI`; empty when it does not tell.
    pub manufacturer: String,
    /// `+CGMM`; empty when it does not tell.
    pub model: String,
    /// `+CGMR`; empty when it does not tell.
    pub revision: String,
    /// `+CGSN`; empty when it does not tell.
    pub imei: String,
    /// `+CIMI`: 14 or 15 digits; empty when the modem does not tell.
    pub imsi: String,
    /// The SIM's own number, 18 to 20 digits; empty when the modem does not tell.
    pub iccid: String,
    /// The network's name, or its MCC and MNC where the modem knows no name.
    pub operator: Option<String>,
    /// Signal strength in dBm, -113 to -51; none when unknown.
    pub signal_dbm: Option<i16>,
    /// Where the modem is registered.
    pub registration: Registration,
    /// The ports as they are called now, the one for commands first.
    pub ports: Vec<String>,
    /// How commands and data calls share its ports.
    pub sharing: PortSharing,
    /// What it is treated by.
    pub profile: ProfileUsed,
    /// Which preparation of this modem it is, from 1.
    pub session: u64,
}

/// The profile by which a modem is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileUsed {
    /// Its name.
    pub name: String,
    /// Why that one.
    pub reason: MatchReason,
    /// Whether it was seen to work on a real modem.
    pub verified: bool,
}

impl ProfileUsed {
    pub(super) fn of(choice: &ProfileChoice) -> Self {
        Self {
            name: choice.profile.name.clone(),
            reason: choice.reason.clone(),
            verified: choice.profile.is_verified(),
        }
    }
}

/// How a modem's ports share commands and data calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortSharing {
    /// One port: SMS wait while a data call lasts.
    One,
    /// A control port beside the dial port.
    Two,
    /// One port with several channels (3GPP TS 27.010).
    Multiplexed,
}

impl PortSharing {
    /// `one`, `two` or `multiplexed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
            Self::Multiplexed => "multiplexed",
        }
    }
}

impl fmt::Debug for ModemInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModemInfo")
            .field("manufacturer", &self.manufacturer)
            .field("model", &self.model)
            .field("revision", &self.revision)
            .field("imei", &redact::number(&self.imei))
            .field("imsi", &redact::number(&self.imsi))
            .field("iccid", &redact::number(&self.iccid))
            .field("operator", &self.operator)
            .field("signal_dbm", &self.signal_dbm)
            .field("registration", &self.registration)
            .field("profile", &self.profile)
            .field("ports", &self.ports)
            .field("sharing", &self.sharing)
            .field("session", &self.session)
            .finish()
    }
}

/// Registration with a network (3GPP TS 27.007 clauses 7.2, 10.1.20, 10.1.22, 10.1.47), the best of
/// the circuit-switched, packet, EPS and 5GS answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// With the SIM's own network.
    Home,
    /// With another network: data may be expensive.
    Roaming,
    /// Wherever it is, for short messages and not for data.
    SmsOnly,
    /// Still looking.
    Searching,
    /// The network does not let this SIM in.
    Denied,
    /// For emergency calls: neither messages nor data.
    EmergencyOnly,
    /// Not registered and not looking.
    NotRegistered,
    /// `<stat>` 4: the modem hears no network that it could look at; it was registered, or will be.
    NoCoverage,
    /// The modem does not tell: it knows none of the questions.
    Unknown,
}

impl Registration {
    /// Whether the network has let the modem in, so that short messages come and go.
    #[must_use]
    pub const fn is_registered(self) -> bool {
        self.carries_data() || matches!(self, Self::SmsOnly)
    }

    /// Whether data calls are possible.
    #[must_use]
    pub const fn carries_data(self) -> bool {
        matches!(self, Self::Home | Self::Roaming)
    }
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Home => "registered",
            Self::Roaming => "registered, roaming",
            Self::SmsOnly => "registered for SMS only",
            Self::EmergencyOnly => "emergency calls only",
            Self::Searching => "searching for a network",
            Self::Denied => "registration denied",
            Self::NotRegistered => "not registered and not searching",
            Self::NoCoverage => "no coverage now",
            Self::Unknown => "registration unknown",
        })
    }
}

/// How full one of the modem's storages is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageUse {
    /// Its name, such as `SM` or `ME`.
    pub storage: String,
    /// Places in use.
    pub used: u16,
    /// Places in all.
    pub total: u16,
}

/// A message in one of the modem's storages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSms {
    /// The storage's name, such as `SM` or `ME`.
    pub storage: String,
    /// Its place there; 0 is a place too.
    pub index: u16,
    /// `<stat>`: 0 received unread, 1 received read, 2 stored unsent, 3 stored sent.
    pub stat: u8,
    /// SMSC prefix and TPDU, see [`crate::codec::sms::split_smsc`]; empty when what the modem
    /// listed is not hexadecimal.
    pub octets: Bytes,
    /// The line that the modem listed, for messages that do not decode.
    pub raw: String,
}

impl UnreadableSms {
    /// The same as people are told it.
    #[must_use]
    pub fn error(&self) -> ModemError {
        ModemError::SmsUnreadable {
            storage: self.storage.clone(),
            index: self.index,
            looks: self.looks,
            answer: self.answer.clone(),
        }
    }
}

/// What a look through all storages has found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// The messages, sent and unsent ones included.
    pub found: Vec<StoredSms>,
    /// The names of the storages that were read.
    pub read: Vec<String>,
    /// Those that could not be read, and why: what they hold is not known.
    pub failed: Vec<(String, ModemError)>,
    /// Single messages that the modem has not given out in several looks.
    pub unreadable: Vec<UnreadableSms>,
}

/// A message that stays in the modem because it cannot be read there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableSms {
    /// The storage's name, such as `SM` or `ME`.
    pub storage: String,
    /// Its place there; 0 is a place too.
    pub index: u16,
    /// Looks that have failed.
    pub looks: u32,
    /// What the modem said instead, in its own words.
    pub answer: String,
}

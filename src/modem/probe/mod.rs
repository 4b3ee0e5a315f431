//! Everything that a modem tells of itself, asked without changing how it works: for people who
//! want to know whether it will do, and for `doctor`.
//!
//! The formats of two answers (`+COPS`), the storage that is looked at (`+CPMS`) and echo are set
//! and, where another program could miss them, set back. No PIN is entered.

mod ask;
mod words;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

pub use words::{
    LteFacts, SmsOnLte, access_words, lock_words, registration_words, sms_service_words,
};

use super::line::{Line, Shared};
use super::multiplex::LEAVE_QUICKLY;
use super::profile::Profiles;
use super::{ModemError, PortOpener, ProfileChoice, hangup};
use crate::model::{Clock, Tap, TapDirection, TapEvent};

/// Octets kept of what a port says that answers no AT.
const MAX_HEARD: usize = 512;

/// What a modem told. Empty texts and `None`: it did not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// The port that was asked.
    pub port: String,
    /// Another program, killed or cut from its power, had left the modem in the multiplexer
    /// (3GPP TS 27.010), where it takes no commands; it has been told to leave it.
    pub was_multiplexed: bool,
    /// `+CGMI`
    pub manufacturer: String,
    /// `+CGMM`
    pub model: String,
    /// `+CGMR`
    pub revision: String,
    /// `+CGSN`
    pub imei: String,
    /// How it is treated.
    pub profile: ProfileNote,
    /// The SIM.
    pub sim: Sim,
    /// What each domain tells of the registration; those the modem does not know are left out.
    pub registration: Vec<Domain>,
    /// The network.
    pub network: Network,
    /// Whether messages arrive, judged by the registrations.
    pub sms_on_lte: SmsOnLte,
    /// `+CGSMS?`: over which network messages leave.
    pub sms_service: Option<u8>,
    /// Signal in dBm.
    pub signal_dbm: Option<i16>,
    /// Message storages, each with its use.
    pub storages: Vec<Storage>,
    /// The storages in use for reading, writing and receiving.
    pub storages_in_use: Vec<String>,
    /// PDP contexts that are defined.
    pub contexts: Vec<Context>,
    /// What it says it can do, by command, in its own words.
    pub offers: Vec<Offer>,
    /// What does not work, and what that means.
    pub troubles: Vec<Trouble>,
}

/// How a modem is treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileNote {
    /// The profile's name.
    pub name: String,
    /// The modems it is for.
    pub title: String,
    /// Why this one.
    pub reason: String,
    /// Whether it was seen to work on a real modem.
    pub verified: bool,
    /// On what it rests: models it was seen to work on, else where its values were read.
    pub evidence: Vec<String>,
    /// What a person ought to know of these modems.
    pub notes: Vec<String>,
    /// Why such modems cannot be used.
    pub refused: Option<String>,
}

/// What is known of the SIM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sim {
    /// `+CPIN?`, or what the modem says instead.
    pub state: String,
    /// Whether it is open.
    pub ready: bool,
    /// Whether there is one at all.
    pub present: bool,
    /// Attempts left for the PIN.
    pub pin_attempts: Option<u8>,
    /// The number printed on it.
    pub iccid: String,
    /// `+CIMI`
    pub imsi: String,
}

/// Registration in one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// `circuit-switched`, `packet` or `LTE`.
    pub name: &'static str,
    /// `<stat>` of 27.007.
    pub stat: u8,
    /// The same in words.
    pub words: &'static str,
}

/// The network it is registered with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Country and network code.
    pub mcc_mnc: String,
    /// `<AcT>`
    pub access: Option<u8>,
}

/// One message storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// `SM` is the SIM, `ME` the modem itself.
    pub name: String,
    /// Messages in it.
    pub used: u16,
    /// Places in all.
    pub total: u16,
}

impl Storage {
    /// Whether the owner is to be warned: 80 % and more.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        self.total > 0 && u32::from(self.used) * 5 >= u32::from(self.total) * 4
    }
}

/// One defined PDP context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    /// Context identifier.
    pub cid: u8,
    /// `IP`, `IPV6` or `IPV4V6`.
    pub pdp_type: String,
    /// Access point name.
    pub apn: String,
    /// Whether it is up.
    pub active: bool,
}

/// What a modem offers for one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// The command.
    pub command: &'static str,
    /// Its answer to `=?`.
    pub answer: String,
}

/// Something that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What, with the modem's own words.
    pub what: String,
    /// What follows from it.
    pub meaning: String,
}

/// Why a modem could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}{}", heard.words())]
pub struct ProbeFailed {
    /// What failed.
    #[source]
    pub error: ModemError,
    /// What the port said instead of answering.
    pub heard: Heard,
}

/// What comes out of a port that answers no AT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// Nothing.
    Nothing,
    /// NMEA 0183 sentences.
    Positions,
    /// Framed binary, as diagnosis ports speak it.
    Diagnosis,
    /// Something else.
    Noise,
}

impl Heard {
    /// How it reads behind an error.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Positions => "; it sends positions: this is the modem's GPS port",
            Self::Diagnosis => {
                "; it sends binary frames: this is the modem's diagnosis port, or a \
                                data call of another program"
            }
            Self::Noise => "; this is a wrong speed, or another kind of device",
        }
    }

    fn judge(octets: &[u8]) -> Self {
        let has = |wanted: &[u8]| octets.windows(wanted.len()).any(|it| it == wanted);
        // Commands that come back as they were sent are no news.
        let echo = octets.iter().all(|it| b"AT\r\n\x1b+".contains(it));
        if octets.is_empty() || echo {
            Self::Nothing
        } else if has(b"$GP") || has(b"$GN") || has(b"$GL") {
            Self::Positions
        } else if octets.contains(&0x7e) {
            Self::Diagnosis
        } else {
            Self::Noise
        }
    }
}

/// Hears what comes from a port.
#[derive(Default)]
struct Ear(Mutex<Vec<u8>>);

impl Ear {
    fn heard(&self) -> Heard {
        Heard::judge(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tap for Ear {
    fn observe(&self, event: TapEvent<'_>) {
        if event.direction == TapDirection::Received {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MAX_HEARD.saturating_sub(kept.len());
            kept.extend(event.octets.iter().take(room));
        }
    }
}

/// Asks the modem on a port everything. `usb` is the device's vendor and product, where known.
/// Takes some seconds; a modem that answers nothing costs about ten.
///
/// # Errors
/// When the port cannot be opened or answers no AT. What a modem refuses is a
/// [`Probe::troubles`], no error.
pub async fn probe(
    port: &str,
    usb: Option<(u16, u16)>,
    profiles: &Arc<Profiles>,
    opener: &dyn PortOpener,
    clock: Clock,
) -> Result<Probe, ProbeFailed> {
    let ear = Arc::new(Ear::default());
    let mut profile = ProfileChoice::auto(profiles, usb);
    let shared = Arc::new(Shared::of("probe", Arc::<Ear>::clone(&ear), clock));
    let silent = |error: ModemError| ProbeFailed { heard: heard_for(&error, &ear), error };
    let opened = opener.open(port).await.map_err(|error| silent(error.into()))?;
    let delay = profile.profile.quirks.send_delay;
    let mut line = Line::new(port, opened, shared, delay);
    line.set_serial(profile.profile.serial);
    hangup::wake(&mut line, &profile.profile, true).await.map_err(silent)?;
    ask::everything(&mut line, &mut profile).await.map_err(silent)
}

/// Whether something on a port answers AT, if only with an error.
///
/// # Errors
/// Like [`probe`].
pub async fn answers_at(
    port: &str,
    profiles: &Arc<Profiles>,
    opener: &dyn PortOpener,
    clock: Clock,
) -> Result<(), ProbeFailed> {
    let ear = Arc::new(Ear::default());
    let shared = Arc::new(Shared::of("probe", Arc::<Ear>::clone(&ear), clock));
    let silent = |error: ModemError| ProbeFailed { heard: heard_for(&error, &ear), error };
    let opened = opener.open(port).await.map_err(|error| silent(error.into()))?;
    let generic = profiles.generic();
    let mut line = Line::new(port, opened, shared, generic.quirks.send_delay);
    if line.sync(ask::TRIES).await.map_err(silent)? {
        return Ok(());
    }
    let left = line.may_be_multiplexed(0)
        && hangup::leave_multiplexer(&mut line, LEAVE_QUICKLY).await.map_err(silent)?;
    if left { Ok(()) } else { Err(silent(ModemError::NoAnswer { port: port.to_owned() })) }
}

fn heard_for(error: &ModemError, ear: &Ear) -> Heard {
    match error {
        ModemError::NoAnswer { .. } | ModemError::Noise { .. } | ModemError::Timeout { .. } => {
            ear.heard()
        }
        _ => Heard::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_of_a_wrong_port_is_recognised() {
        for (octets, heard) in [
            (&b""[..], Heard::Nothing),
            (b"AT\r\r\nAT\r", Heard::Nothing),
            (b"$GPGGA,,,,,,0,,,,,,,,*66\r\n", Heard::Positions),
            (b"$GNRMC,,V,,,,,,,,,,N*4D\r\n", Heard::Positions),
            (b"\x7e\xff\x03\xc0\x21\x7e", Heard::Diagnosis),
            (b"\x13\x66\x7e", Heard::Diagnosis),
            (b"\xff\x80\x00\x1f", Heard::Noise),
        ] {
            assert_eq!(Heard::judge(octets), heard, "{octets:?}");
        }
    }

    #[test]
    fn storage_warns_at_four_fifths() {
        let storage = |used, total| Storage { name: "SM".to_owned(), used, total };
        assert!(storage(8, 10).is_nearly_full() && storage(16, 20).is_nearly_full());
        assert!(!storage(15, 20).is_nearly_full() && !storage(0, 0).is_nearly_full());
    }
}

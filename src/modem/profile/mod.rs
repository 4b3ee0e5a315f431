//! A modem's peculiarities as data: what it is known by, and the steps, limits and quirks that
//! drive the sequences. The data stands in `modem-profiles/*.toml`; this folder knows its shape
//! and no modem.

mod lookup;
mod matching;
mod read;
mod shape;
#[cfg(test)]
mod tests;

pub use lookup::{Profiles, UsbProfile};
pub use matching::{Identity, PortKey, PortRole, UsbEntry, UsbId, UsbMode};
pub use read::ProfileError;
pub use shape::{
    Choice, Cmux, CmuxBegin, Dial, Direct, Evidence, FlowControl, HangUp, HangUpStep, ListMethod,
    OnError, Pin, Profile, Quirks, Ready, Reset, Serial, Step, StepPort, Storage, Timeouts,
};

use std::sync::Arc;

impl Profile {
    /// What suits most modems.
    #[must_use]
    pub fn generic() -> Self {
        Self::clone(&Profiles::embedded().generic())
    }

    /// Reads one profile on the built-in ones; unknown keys are errors.
    ///
    /// # Errors
    /// Says what is wrong and where.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ProfileError> {
        let own = [(name.to_owned(), text.to_owned())];
        Profiles::read(&own)?.named(name).map(|it| Self::clone(&it))
    }
}

/// Which profile a modem is treated by, and how it was chosen.
#[derive(Debug, Clone)]
pub struct ProfileChoice {
    /// The one to begin with.
    pub profile: Arc<Profile>,
    /// Why that one.
    pub reason: MatchReason,
    /// Where a better one may be found when the modem has said what it is; none when the
    /// configuration names the profile.
    pub among: Option<Arc<Profiles>>,
    /// What was known before the modem was asked.
    start: Option<(Arc<Profile>, MatchReason)>,
}

/// Why a profile was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchReason {
    /// The configuration names it.
    Configured,
    /// By USB identity.
    Usb {
        /// Vendor.
        vid: u16,
        /// Product.
        pid: u16,
    },
    /// By what the modem says of itself.
    Identity {
        /// `+CGMI`
        manufacturer: String,
        /// `+CGMM`
        model: String,
    },
    /// Nothing better is known.
    Default,
}

impl std::fmt::Display for MatchReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configured => f.write_str("the configuration names it"),
            Self::Usb { vid, pid } => write!(f, "its USB identity is {vid:04x}:{pid:04x}"),
            Self::Identity { manufacturer, model } => {
                write!(f, "the modem calls itself \"{manufacturer}\" \"{model}\"")
            }
            Self::Default => f.write_str("no other profile fits this modem"),
        }
    }
}

impl ProfileChoice {
    /// The one that the configuration names.
    #[must_use]
    pub fn fixed(profile: impl Into<Arc<Profile>>) -> Self {
        Self { profile: profile.into(), reason: MatchReason::Configured, among: None, start: None }
    }

    /// By the USB identity where it is known, and later by what the modem says.
    #[must_use]
    pub fn auto(profiles: &Arc<Profiles>, usb: Option<(u16, u16)>) -> Self {
        let by_usb = usb.and_then(|(vid, pid)| {
            let found = profiles.for_usb(vid, pid)?;
            Some((Arc::clone(found.profile), MatchReason::Usb { vid, pid }))
        });
        let (profile, reason) =
            by_usb.unwrap_or_else(|| (profiles.generic(), MatchReason::Default));
        let start = Some((Arc::clone(&profile), reason.clone()));
        Self { profile, reason, among: Some(Arc::clone(profiles)), start }
    }

    /// Takes the profile that fits what the modem says; true when that is another one than before.
    pub fn identify(&mut self, manufacturer: &str, model: &str) -> bool {
        let Some((start, by)) = &self.start else { return false };
        let found = self.among.as_ref().and_then(|it| it.for_identity(manufacturer, model));
        let (found, reason) = match found {
            // The USB identity has said the same.
            Some(found) if found.name == start.name && *by != MatchReason::Default => {
                (found, by.clone())
            }
            Some(found) => {
                let (manufacturer, model) = (manufacturer.to_owned(), model.to_owned());
                (found, MatchReason::Identity { manufacturer, model })
            }
            None => (Arc::clone(start), by.clone()),
        };
        let other = found.name != self.profile.name;
        self.profile = found;
        self.reason = reason;
        other
    }
}

//! The recovery ladder: which way of bringing a modem back is tried next, least harm first, and
//! how often each may be.
//!
//! | rung | what it does | what it costs |
//! |---|---|---|
//! | resync | leaves prompts and data mode, asks `AT` until the answers are in step | seconds |
//! | initialise | sends every setting again | seconds |
//! | reopen | closes the ports and opens them again, which also drops DTR | a data call |
//! | other-port | gives the commands to a port that still answers | SMS wait during calls |
//! | restart | the profile's reset sequence, usually `AT+CFUN=1,1` | registration, settings, a minute |
//! | usb-reset | what unplugging does, without the electricity | the same, for every port of the device |

use std::fmt;
use std::time::Duration;

use crate::model::{Fault, Timestamp};

/// Steps kept for people to look at; the oldest goes first.
pub const MAX_STEPS: usize = 64;

/// One way of bringing a modem back, in order of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// Leave prompts and data mode, ask `AT` until it is answered.
    Resync,
    /// Send every setting again.
    Initialise,
    /// Close the ports and open them again.
    Reopen,
    /// Give the commands to another port of the modem.
    OtherPort,
    /// The profile's reset sequence.
    Restart,
    /// Reset the device on the USB.
    UsbReset,
}

impl Rung {
    /// All of them, least harm first.
    pub const ALL: [Self; 6] = [
        Self::Resync,
        Self::Initialise,
        Self::Reopen,
        Self::OtherPort,
        Self::Restart,
        Self::UsbReset,
    ];

    /// A stable short name for logs, metrics and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resync => "resync",
            Self::Initialise => "initialise",
            Self::Reopen => "reopen",
            Self::OtherPort => "other-port",
            Self::Restart => "restart",
            Self::UsbReset => "usb-reset",
        }
    }

    /// Whether it makes the modem forget everything, and therefore is limited.
    #[must_use]
    pub const fn is_reset(self) -> bool {
        matches!(self, Self::Restart | Self::UsbReset)
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepResult {
    /// The modem serves again.
    Worked,
    /// It does not.
    Failed(Fault),
    /// It could not even be tried: no permission, no USB device, no port that answers.
    NotPossible(String),
}

impl StepResult {
    /// A stable short name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Worked => "worked",
            Self::Failed(_) => "failed",
            Self::NotPossible(_) => "not-possible",
        }
    }
}

/// One step that was taken to bring a modem back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryStep {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, up to the modem being ready or known not to be.
    pub took: Duration,
    /// What was done.
    pub rung: Rung,
    /// Why.
    pub cause: Fault,
    /// What came of it.
    pub result: StepResult,
}

/// What a modem needed since the start of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryCounts {
    /// Times it was lost: silent, gone, restarted, confused.
    pub losses: u64,
    /// Times it came back.
    pub recoveries: u64,
    /// Steps taken, by [`Rung::ALL`].
    pub steps: [u64; 6],
    /// Times its port vanished right after dialling: too little power.
    pub brown_outs: u64,
    /// How long the last recovery took, from the loss being noticed to being ready.
    pub last: Option<Duration>,
}

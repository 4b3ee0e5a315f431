//! One physical modem: its ports, its profile, the driver task, SMS in, PDP context, dial and
//! hang up.
//!
//! May use: proto, codec, model. [`Modem::start`] starts a task that owns the ports; the handle
//! asks it, one thing at a time. A dialled call is a [`DataCall`]: an octet stream that owns the
//! data port until it is hung up or dropped.

mod call;
mod call_over;
mod climb;
mod dial;
mod driver;
mod error;
mod frames;
mod handle;
mod hangup;
mod iccid;
mod info;
mod line;
mod lockfile;
mod multiplex;
mod mux;
mod name_servers;
mod own_number;
mod pin;
mod port;
mod prepare;
pub mod probe;
mod profile;
mod recovery;
mod refusal;
mod registration;
mod send;
mod sim_files;
mod sms;
mod sms_look;
mod sms_setup;
mod sms_sweep;
mod sms_unreadable;
mod system;
mod tail;
#[cfg(test)]
mod tests;
pub mod usb;

pub use call::{CallStatus, DataCall, EndReason};
pub use error::{ModemError, PortError};
pub use handle::{Means, Modem, ModemConfig, ModemEvent, PdpAuth, PdpContext};
pub use info::{
    ModemInfo, PortSharing, ProfileUsed, Registration, StorageUse, StoredSms, Swept, UnreadableSms,
};
pub use pin::{PinAnswer, PinFate, PinMemory, VolatilePins};
pub use port::{OpenPort, Port, PortOpener};
pub use profile::{
    Choice, Cmux, CmuxBegin, Dial, Direct, Evidence, FlowControl, HangUp, HangUpStep, Identity,
    ListMethod, MatchReason, OnError, Pin, PortKey, PortRole, Profile, ProfileChoice, ProfileError,
    Profiles, Quirks, Ready, Reset, Serial, Step, StepPort, Storage, Timeouts, UsbEntry, UsbId,
    UsbMode, UsbProfile,
};
pub use recovery::{
    BACK_WITHIN, Cause, Ladder, MAX_STEPS, Plan, RecoveryCounts, RecoveryStep, Rung, StepResult,
};
pub use refusal::SmsRefusal;
pub use sim_files::SimFiles;
pub use system::{SystemPorts, port_holder};

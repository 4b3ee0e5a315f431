//! What can go wrong with a modem, for people: one sentence and what to do.

use super::usb::Unbound;
use crate::codec::at::ArgumentError;
use crate::model::{Blame, Explain, Layer, Retry};

/// What is wrong with a port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// There is no such device.
    #[error("port {port} does not exist{}", list_of(present))]
    Missing {
        /// As configured.
        port: String,
        /// Serial ports that do exist.
        present: Vec<String>,
    },
    /// Another program has it.
    #[error("port {port} is busy: {}", match by { Some(by) => format!("in use by {by}"), None => "another program uses it".to_owned() })]
    Busy {
        /// As configured.
        port: String,
        /// Name and process number, where the system tells.
        by: Option<String>,
    },
    /// This user may not open it.
    #[error("no permission to open port {port}")]
    Denied {
        /// As configured.
        port: String,
    },
    /// It is a file or a device, but no serial port.
    #[error("{port} is not a serial port")]
    NotSerial {
        /// As configured.
        port: String,
    },
    /// It was there and has vanished: unplugged, reset or without power.
    #[error("port {port} has vanished")]
    Gone {
        /// As configured.
        port: String,
    },
    /// Something else; the system's own words.
    #[error("port {port} cannot be used: {text}")]
    Io {
        /// As configured.
        port: String,
        /// What the system says.
        text: String,
    },
}

/// What is wrong with a modem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModemError {
    /// The port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Where its ports are cannot be told.
    #[error(transparent)]
    Unbound(#[from] Unbound),
    /// Nothing comes back.
    #[error("the modem at {port} does not answer commands (AT)")]
    NoAnswer {
        /// Where it was asked.
        port: String,
    },
    /// The multiplexer, by which one port serves commands and calls, has ended.
    #[error("the multiplexer on port {port} has ended: {reason}")]
    Multiplexer {
        /// As configured.
        port: String,
        /// Why.
        reason: String,
    },
    /// Something comes back, but no answer.
    #[error("what comes from {port} is no answer to AT: {octets} octets of something else")]
    Noise {
        /// Where it was asked.
        port: String,
        /// How much came.
        octets: u64,
    },
    /// The port vanished, or the modem restarted, as soon as the radio was to send: that is what too
    /// little power looks like.
    #[error("the modem {} {seconds} s after it began to dial",
        if *restarted { format!("at {port} restarted within") } else { format!("vanished from {port}") })]
    BrownOut {
        /// The port that vanished first, or the one that dials.
        port: String,
        /// How long after dialling, or after the call was up.
        seconds: u64,
        /// The port stayed, as that of a module on a serial line does, and the modem began anew.
        restarted: bool,
    },
    /// It stopped answering in the middle.
    #[error("the modem did not answer {command} within {seconds} s")]
    Timeout {
        /// What was asked, without its arguments.
        command: String,
        /// How long it had.
        seconds: u64,
    },
    /// It refused something that it must be able to do.
    #[error("the modem refused {command}: {answer}")]
    Refused {
        /// What was asked, without its arguments.
        command: String,
        /// Its own words.
        answer: String,
    },
    /// Its answer makes no sense.
    #[error("the modem's answer to {command} cannot be read")]
    Unreadable {
        /// What was asked, without its arguments.
        command: String,
    },
    /// A modem that cannot do what is needed.
    #[error("the modem {model} cannot be used: {reason}")]
    Unsuitable {
        /// What it calls itself.
        model: String,
        /// Why, and what to do.
        reason: String,
    },
    /// No SIM, or one that it cannot read.
    #[error("the modem finds no SIM: {answer}")]
    NoSim {
        /// Its own words.
        answer: String,
    },
    /// The SIM wants a PIN and none is configured.
    #[error("the SIM wants its PIN and none is configured")]
    PinNeeded,
    /// The configured PIN cannot be one.
    #[error("the configured PIN is not of 4 to 8 digits; it was not tried")]
    PinMalformed,
    /// The SIM has refused the configured PIN.
    #[error("the SIM refused the configured PIN{}; it is not tried again", tries_left(*left))]
    PinWrong {
        /// Attempts that are left, where the modem tells.
        left: Option<u8>,
    },
    /// Whether the PIN was refused before cannot be looked up or written down.
    #[error("the configured PIN was not tried: {reason}")]
    PinMemory {
        /// Why not.
        reason: String,
    },
    /// Too few attempts are left to risk one.
    #[error("the SIM has only {left} PIN attempts left: the configured PIN is not tried below 3")]
    PinTooFewAttempts {
        /// Attempts that are left.
        left: u8,
    },
    /// The SIM is blocked.
    #[error("the SIM is blocked and wants its PUK")]
    PukNeeded,
    /// Another code is wanted: network lock, phone lock, PIN2.
    #[error("the modem wants another code than the PIN: {code}")]
    OtherLock {
        /// What `+CPIN?` says.
        code: String,
    },
    /// The SIM stays busy.
    #[error("the SIM is still busy after {seconds} s")]
    SimBusy {
        /// How long it was given.
        seconds: u64,
    },
    /// No network in time.
    #[error("the modem is not registered with a network after {seconds} s: {state}")]
    NotRegistered {
        /// How long it was given.
        seconds: u64,
        /// What it says.
        state: super::Registration,
    },
    /// The circuit-switched side lets it in, the packet side does not.
    #[error("the modem is registered for calls but not for data: after {seconds} s it says {told}")]
    NotRegisteredForData {
        /// How long it was given.
        seconds: u64,
        /// What each packet domain says.
        told: String,
    },
    /// The network does not want this SIM.
    #[error("the network denies this SIM")]
    RegistrationDenied,
    /// In another network, and the owner has not allowed data there.
    #[error("the SIM is roaming: data calls in other networks are not allowed")]
    Roaming,
    /// Registered for short messages, whatever is tried.
    #[error("the network lets this SIM use SMS only, no data: no MMS can come or go")]
    SmsOnly,
    /// Registered, but not for packet data.
    #[error("the network does not let the modem use packet data: {answer}")]
    NotAttached {
        /// The modem's own words.
        answer: String,
    },
    /// All context identifiers are in use.
    #[error("no PDP context of the modem is free for APN {apn}")]
    NoFreeContext {
        /// The APN.
        apn: String,
    },
    /// The context was refused.
    #[error("APN {apn} was refused: {answer}")]
    ContextRefused {
        /// The APN.
        apn: String,
        /// The modem's own words.
        answer: String,
    },
    /// The call ended before it was up.
    #[error("the data call to APN {apn} failed: {answer}")]
    CallFailed {
        /// The APN.
        apn: String,
        /// The modem's own words.
        answer: String,
    },
    /// Neither CONNECT nor a refusal.
    #[error("the modem did not connect to APN {apn} within {seconds} s")]
    NoConnect {
        /// The APN.
        apn: String,
        /// How long it had.
        seconds: u64,
    },
    /// A data call holds the port.
    #[error("the modem's only port is in a data call")]
    InCall,
    /// It could not be brought back to command mode.
    #[error("the modem at {port} does not leave data mode")]
    StuckInDataMode {
        /// Its data port.
        port: String,
    },
    /// It takes commands, and its data call goes on.
    #[error("the modem at {port} does not end its data call (context {cid})")]
    CallStaysUp {
        /// Its data port.
        port: String,
        /// The context that was dialled.
        cid: u8,
    },
    /// Nothing is stored there.
    #[error("there is no message at {storage} {index}")]
    NoSuchSms {
        /// The storage.
        storage: String,
        /// The place.
        index: u16,
    },
    /// Its neighbours can be read, and it cannot, however often it is tried.
    #[error(
        "the message at {storage} {index} cannot be read ({looks} looks): the modem says {answer}"
    )]
    SmsUnreadable {
        /// The storage.
        storage: String,
        /// The place.
        index: u16,
        /// Looks that have failed.
        looks: u32,
        /// The modem's own words.
        answer: String,
    },
    /// It is still there after it was deleted.
    #[error("the message at {storage} {index} cannot be deleted: {answer}")]
    DeleteFailed {
        /// The storage.
        storage: String,
        /// The place.
        index: u16,
        /// The modem's own words.
        answer: String,
    },
    /// A message that the SIM's owner wrote is never deleted.
    #[error("the message at {storage} {index} was written by the SIM's owner: it is not deleted")]
    OwnSms {
        /// The storage.
        storage: String,
        /// The place.
        index: u16,
    },
    /// Nothing can arrive, or soon nothing can.
    #[error("the SMS storage {storage} is nearly full: {used} of {total} places are in use")]
    StorageFull {
        /// The storage.
        storage: String,
        /// Places in use.
        used: u32,
        /// Places in all.
        total: u32,
    },
    /// The network or the modem did not take a message: it was not sent.
    #[error("the message was refused: {0}")]
    SmsRefused(super::SmsRefusal),
    /// The modem had the message and never said what became of it.
    #[error("it is not known whether the message was sent: {reason}")]
    SmsUnknown {
        /// What happened instead of a result.
        reason: String,
    },
    /// The modem did not ask for the message: it was not sent.
    #[error("the modem did not ask for the message within {seconds} s")]
    NoPrompt {
        /// How long it had.
        seconds: u64,
    },
    /// The octets are no message: nothing was given to the modem.
    #[error("the message cannot be given to the modem: {reason}")]
    SmsMalformed {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A configured value that may not stand in an AT command.
    #[error("{what} cannot be given to the modem: {reason}")]
    Argument {
        /// Which value.
        what: &'static str,
        /// What is wrong with it.
        reason: ArgumentError,
    },
    /// [`super::Modem::prepare`] was not called, or the modem was lost since.
    #[error("the modem is not ready")]
    NotReady,
    /// It has started anew and forgot its settings.
    #[error("the modem has restarted by itself")]
    Restarted,
    /// It answers, but not as it was set: it has restarted unnoticed, or another program was at it.
    #[error("the modem has lost its settings")]
    SettingsLost,
    /// Another SIM is in it.
    #[error("another SIM is in the modem")]
    SimChanged,
    /// This way of bringing it back is not open.
    #[error("{rung} is not possible: {reason}")]
    NotPossible {
        /// The rung.
        rung: super::Rung,
        /// Why not.
        reason: String,
    },
    /// The driver has ended.
    #[error("the modem's driver has ended")]
    Stopped,
}

fn list_of(present: &[String]) -> String {
    if present.is_empty() {
        "; there is no serial port at all".to_owned()
    } else {
        format!("; there are {}", present.join(", "))
    }
}

fn tries_left(left: Option<u8>) -> String {
    left.map_or_else(String::new, |left| format!(" ({left} attempts left)"))
}

impl Explain for ModemError {
    fn layer(&self) -> Layer {
        match self {
            Self::Port(_) | Self::Unbound(_) => Layer::Port,
            _ => Layer::Modem,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Port(PortError::Missing { .. }) => "port-missing",
            Self::Port(PortError::Busy { .. }) => "port-busy",
            Self::Port(PortError::Denied { .. }) => "port-denied",
            Self::Port(PortError::NotSerial { .. }) => "port-not-serial",
            Self::Port(PortError::Gone { .. }) => "port-gone",
            Self::Port(PortError::Io { .. }) => "port-error",
            Self::Unbound(error) => error.code(),
            Self::NoAnswer { .. } => "modem-silent",
            Self::Multiplexer { .. } => "multiplexer-ended",
            Self::Noise { .. } => "modem-noise",
            Self::BrownOut { .. } => "brown-out",
            Self::Timeout { .. } => "modem-timeout",
            Self::Refused { .. } => "modem-refused",
            Self::Unreadable { .. } => "modem-unreadable",
            Self::Unsuitable { .. } => "modem-unsuitable",
            Self::NoSim { .. } => "no-sim",
            Self::PinNeeded => "pin-needed",
            Self::PinMalformed => "pin-malformed",
            Self::PinWrong { .. } => "pin-wrong",
            Self::PinMemory { .. } => "pin-memory",
            Self::PinTooFewAttempts { .. } => "pin-too-few-attempts",
            Self::PukNeeded => "puk-needed",
            Self::OtherLock { .. } => "sim-locked",
            Self::SimBusy { .. } => "sim-busy",
            Self::NotRegistered { .. } => "not-registered",
            Self::NotRegisteredForData { .. } => "not-registered-for-data",
            Self::RegistrationDenied => "registration-denied",
            Self::Roaming => "roaming",
            Self::SmsOnly => "sms-only",
            Self::NotAttached { .. } => "not-attached",
            Self::NoFreeContext { .. } => "no-free-context",
            Self::ContextRefused { .. } => "apn-refused",
            Self::CallFailed { .. } => "call-failed",
            Self::NoConnect { .. } => "no-connect",
            Self::InCall => "in-call",
            Self::StuckInDataMode { .. } => "stuck-in-data-mode",
            Self::CallStaysUp { .. } => "call-stays-up",
            Self::NoSuchSms { .. } => "no-such-sms",
            Self::SmsUnreadable { .. } => "sms-unreadable",
            Self::DeleteFailed { .. } => "sms-delete-failed",
            Self::OwnSms { .. } => "sms-own",
            Self::StorageFull { .. } => "sms-storage-full",
            Self::SmsRefused(_) => "sms-refused",
            Self::SmsUnknown { .. } => "sms-unknown",
            Self::NoPrompt { .. } => "sms-no-prompt",
            Self::SmsMalformed { .. } => "sms-malformed",
            Self::Argument { .. } => "bad-argument",
            Self::NotReady => "modem-not-ready",
            Self::Restarted => "modem-restarted",
            Self::SettingsLost => "settings-lost",
            Self::SimChanged => "sim-changed",
            Self::NotPossible { .. } => "not-possible",
            Self::Stopped => "modem-stopped",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::SmsRefused(refusal) => refusal.retry(),
            Self::Unbound(error) => error.retry(),
            Self::Unsuitable { .. }
            | Self::PinNeeded
            | Self::PinMalformed
            | Self::PinWrong { .. }
            | Self::PinMemory { .. }
            | Self::PinTooFewAttempts { .. }
            | Self::PukNeeded
            | Self::OtherLock { .. }
            | Self::Argument { .. }
            // It might arrive twice.
            | Self::SmsUnknown { .. }
            | Self::SmsMalformed { .. }
            | Self::OwnSms { .. }
            | Self::NotPossible { .. }
            | Self::Port(PortError::NotSerial { .. } | PortError::Denied { .. })
            | Self::NoSuchSms { .. }
            | Self::Stopped => Retry::Never,
            Self::InCall
            | Self::NotReady
            | Self::SimBusy { .. }
            | Self::Restarted
            | Self::SettingsLost
            | Self::SimChanged => Retry::Soon,
            _ => Retry::Backoff,
        }
    }

    fn blame(&self) -> Blame {
        match self {
            Self::SmsRefused(refusal) => refusal.blame(),
            Self::Unbound(error) => error.blame(),
            Self::Port(PortError::Gone { .. })
            | Self::NoAnswer { .. }
            | Self::Multiplexer { .. }
            | Self::Noise { .. }
            | Self::BrownOut { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::SettingsLost
            | Self::SimChanged
            | Self::NotPossible { .. }
            | Self::NoSim { .. }
            | Self::SimBusy { .. }
            | Self::NoConnect { .. }
            | Self::NoFreeContext { .. }
            | Self::StuckInDataMode { .. }
            | Self::CallStaysUp { .. }
            | Self::Restarted
            | Self::NoSuchSms { .. }
            | Self::SmsUnreadable { .. }
            | Self::DeleteFailed { .. }
            | Self::SmsUnknown { .. }
            | Self::NoPrompt { .. }
            | Self::StorageFull { .. }
            | Self::Unsuitable { .. }
            | Self::PukNeeded
            | Self::PinTooFewAttempts { .. }
            | Self::OtherLock { .. } => Blame::Modem,
            Self::NotRegistered { .. }
            | Self::NotRegisteredForData { .. }
            | Self::RegistrationDenied
            | Self::SmsOnly
            | Self::NotAttached { .. }
            | Self::CallFailed { .. } => Blame::Operator,
            Self::Port(_)
            | Self::PinNeeded
            | Self::PinMalformed
            | Self::PinWrong { .. }
            | Self::Roaming
            | Self::ContextRefused { .. }
            | Self::Argument { .. } => Blame::Caller,
            Self::InCall
            | Self::NotReady
            | Self::PinMemory { .. }
            | Self::Stopped
            | Self::SmsMalformed { .. }
            | Self::OwnSms { .. } => Blame::Gateway,
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Port(PortError::Missing { present, .. }) if present.is_empty() => {
                "plug the modem in; sticks that appear as a network card (HiLink) have no serial \
                 port and cannot be used"
            }
            Self::Port(PortError::Missing { .. }) => {
                "plug the modem in, or set `port` to one of the ports that exist, best by its name \
                 in /dev/serial/by-id"
            }
            Self::Port(PortError::Busy { by, .. }) => {
                return match by {
                    Some(by) => format!(
                        "stop {by}, or tell it to leave this modem alone (ModemManager: udev \
                         property ID_MM_DEVICE_IGNORE=1)"
                    ),
                    None => "find the other program with `fuser -v PORT` and stop it".to_owned(),
                };
            }
            Self::Port(PortError::Denied { .. }) => {
                "add yourself to group dialout (`sudo usermod -aG dialout $USER`) and log in again"
            }
            Self::Port(PortError::NotSerial { .. }) => {
                "set `port` to the modem's serial port, for example one in /dev/serial/by-id"
            }
            Self::Port(PortError::Gone { .. }) => {
                "check the cable, the USB hub and its power supply, and plug the modem in again"
            }
            Self::Port(PortError::Io { .. }) => "unplug the modem, plug it in again and try again",
            Self::Multiplexer { .. } => {
                "nothing; it is begun again. Should this come back, set cmux.allowed = false in the \
                 modem's profile: SMS then wait while a data call lasts"
            }
            Self::NoAnswer { .. } => {
                "choose another port of the same modem (a modem often has several, and only some \
                 take AT commands), or unplug it for ten seconds"
            }
            Self::Unbound(error) => return error.remedy(),
            Self::Noise { .. } => {
                "choose another port of the same modem (those for diagnosis and GPS talk by \
                 themselves); on a cable check `baud` in the profile"
            }
            Self::BrownOut { .. } => {
                "give the modem more power: a powered USB hub or another socket, a shorter or \
                 thicker cable, a stronger power supply for the computer"
            }
            Self::Timeout { .. } | Self::Unreadable { .. } | Self::StuckInDataMode { .. } => {
                "wait a minute; when it happens again, unplug the modem for ten seconds"
            }
            Self::CallStaysUp { .. } => {
                "nothing; the modem is started again, which ends the call. When it happens often, \
                 unplug it for ten seconds and look for newer firmware"
            }
            Self::Refused { .. } => {
                "check that this is a GSM or LTE modem in serial (stick) mode with current firmware"
            }
            Self::NoSim { .. } => {
                "put a SIM into the modem, the right way round, and start it again"
            }
            Self::PinNeeded | Self::PinMalformed => "set `pin` for this modem in the configuration",
            Self::PinWrong { .. } => {
                "put the SIM into a phone, find the right PIN, and set `pin` in the configuration; if \
                 the SIM's PIN was changed to the configured one since: `mm1gate modem retry-pin`"
            }
            Self::PinMemory { .. } => {
                "check that the data folder's disk is neither full nor read-only; the PIN is \
                 tried as soon as its fate can be written down"
            }
            Self::PinTooFewAttempts { .. } => {
                "put the SIM into a phone and enter the PIN there once, which restores the attempts"
            }
            Self::PukNeeded => "put the SIM into a phone and enter the PUK that came with it",
            Self::OtherLock { .. } => {
                "use a SIM that this modem is not locked against, or have the modem unlocked"
            }
            Self::SimBusy { .. } => "wait a minute and try again",
            Self::NotRegistered { .. } => {
                "check antenna and coverage, and whether the network generation that this modem \
                 speaks (2G, 3G, 4G) is still on the air here"
            }
            Self::NotRegisteredForData { .. } => {
                "nothing, if it has just started; when it stays so, check antenna and coverage, and \
                 ask the operator whether mobile data is part of the tariff"
            }
            Self::RegistrationDenied => {
                "ask the operator whether the SIM is active and allowed in this kind of device"
            }
            Self::Roaming => {
                "set `roaming = true` at this modem in the configuration if you want to pay the \
                 other network's prices; messages wait until then or until the SIM is home"
            }
            Self::SmsOnly | Self::NotAttached { .. } => {
                "ask the operator whether mobile data is part of the tariff"
            }
            Self::NoFreeContext { .. } => {
                "delete an unused context of the modem with AT+CGDCONT=<cid>"
            }
            Self::ContextRefused { .. } => {
                "check `apn`, `user` and `password` against what the operator says for MMS"
            }
            Self::CallFailed { .. } => {
                "check `apn`, coverage and credit; the gateway tries again by itself"
            }
            Self::NoConnect { .. } => {
                "check that `port` is the modem's dial (PPP) port; modems of QMI, MBIM or ECM type \
                 cannot dial"
            }
            Self::InCall => "wait for the end of the call, or configure the modem's second port",
            Self::NoSuchSms { .. } => "nothing; the message was taken already",
            Self::SmsUnreadable { .. } => {
                "put the SIM into a phone, and read or delete it there; the modem keeps it, and all \
                 others come in"
            }
            Self::DeleteFailed { .. } => {
                "delete the SIM's messages in a phone before the SIM is full"
            }
            Self::Unsuitable { .. } => "use another modem; the README lists those that fit",
            Self::OwnSms { .. } => "nothing; delete it in a phone when it is in the way",
            Self::StorageFull { .. } => {
                "put the SIM into a phone and delete messages there, those that you wrote too: \
                 nothing arrives once it is full"
            }
            Self::SmsRefused(refusal) => refusal.remedy(),
            Self::SmsUnknown { .. } => {
                "ask the receiver whether the message came before you send it again"
            }
            Self::NoPrompt { .. } => "nothing; it is tried again",
            Self::SmsMalformed { .. } => "report this message as a defect of mm1gate",
            Self::Argument { .. } => {
                "remove quotes, control characters and everything beyond ASCII from it"
            }
            Self::NotReady => "wait until the modem is ready",
            Self::Restarted => {
                "nothing; it is prepared again. When it happens often, check its power supply"
            }
            Self::SettingsLost => "nothing; they are sent again. When it happens often, look for another program at this modem, and at its power supply",
            Self::SimChanged => "nothing; the gateway goes on with the new SIM",
            Self::NotPossible { .. } => "nothing; the next way is tried",
            Self::Stopped => "start the gateway again",
        }
        .to_owned()
    }

    fn verbatim(&self) -> Option<String> {
        match self {
            Self::Refused { answer, .. }
            | Self::NoSim { answer }
            | Self::NotAttached { answer }
            | Self::ContextRefused { answer, .. }
            | Self::CallFailed { answer, .. }
            | Self::SmsUnreadable { answer, .. }
            | Self::DeleteFailed { answer, .. } => Some(answer.clone()),
            Self::OtherLock { code } => Some(code.clone()),
            Self::SmsRefused(refusal) => Some(refusal.answer.clone()),
            Self::Unbound(error) => error.verbatim(),
            Self::Port(PortError::Io { text, .. }) => Some(text.clone()),
            _ => None,
        }
    }
}

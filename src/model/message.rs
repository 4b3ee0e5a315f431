//! Messages, their parts and the states of their lives.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use super::{Address, MediaType, Priority, Timestamp};

/// Whether we sent it or got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From us to a phone.
    Outbound,
    /// From a phone to us.
    Inbound,
}

impl Direction {
    /// `out` or `in`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "out",
            Self::Inbound => "in",
        }
    }
}

/// What carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Kind {
    /// A multimedia message over a data call.
    #[default]
    Mms,
    /// A plain short message.
    Sms,
}

impl Kind {
    /// `mms` or `sms`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mms => "mms",
            Self::Sms => "sms",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Mms, Self::Sms].into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether nothing more happens by itself to a message of this kind in this state, reports
    /// aside. A short message needs no acknowledgement of ours: the modem gave it to the network.
    #[must_use]
    pub fn is_settled(self, state: State) -> bool {
        state.is_settled() || self == Self::Sms && state == State::In(InboundState::Received)
    }
}

/// A text that names no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a message state")]
pub struct UnknownState(pub String);

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every state, in the order of a message's life.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name used in the store, the API and on the page.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|state| state.as_str() == text)
                    .ok_or_else(|| UnknownState(text.to_owned()))
            }
        }
    };
}

states! {
    /// The life of a message that we send, kept per recipient.
    OutboundState {
        /// Durable, not yet looked at.
        Accepted = "accepted",
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Waits for a modem, or for the next attempt.
        Queued = "queued",
        /// A data call carries it.
        Sending = "sending",
        /// The MMSC took it.
        Sent = "sent",
        /// A delivery report says the phone has it.
        Delivered = "delivered",
        /// A delivery report says it was rejected or could not be delivered.
        Undelivered = "undelivered",
        /// The MMSC or we gave up because its time was over.
        Expired = "expired",
        /// Refused for good.
        Failed = "failed",
        /// Withdrawn by the caller before it was released.
        Canceled = "canceled",
        /// Released to the MMSC, no answer: it may or may not have been taken.
        Unknown = "unknown",
    }
}

states! {
    /// The life of a message that we receive.
    InboundState {
        /// A WAP Push was stored raw.
        Pushed = "pushed",
        /// It is an M-Notification.ind.
        Notified = "notified",
        /// A data call fetches it.
        Retrieving = "retrieving",
        /// Durable here, not yet acknowledged to the MMSC.
        Received = "received",
        /// The MMSC knows that we have it.
        Acknowledged = "acknowledged",
        /// Left at the MMSC on purpose.
        Deferred = "deferred",
        /// Its time was over before we had it.
        Expired = "expired",
        /// We refused it.
        Rejected = "rejected",
        /// The MMSC no longer has it, or it cannot be decoded (the octets are kept).
        Failed = "failed",
    }
}

impl OutboundState {
    /// Whether nothing more will happen by itself, reports aside.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Accepted | Self::Scheduled | Self::Queued | Self::Sending)
    }
}

impl InboundState {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pushed | Self::Notified | Self::Retrieving | Self::Received)
    }
}

/// The state of a message of either direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Of a message we send.
    Out(OutboundState),
    /// Of a message we receive.
    In(InboundState),
}

impl State {
    /// The name used in the store, the API and on the page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Out(state) => state.as_str(),
            Self::In(state) => state.as_str(),
        }
    }

    /// Whether nothing more will happen by itself, reports aside.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Out(state) => state.is_settled(),
            Self::In(state) => state.is_settled(),
        }
    }
}

/// What a delivery report says of one recipient (X-Mms-Status, OMA-TS-MMS_ENC-V1_3 clause
/// 7.3.54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportStatus {
    /// The phone has it.
    Retrieved,
    /// Its time was over.
    Expired,
    /// The recipient refused it.
    Rejected,
    /// The recipient's terminal does not know this kind of message.
    Unrecognised,
    /// The recipient cannot be reached.
    Unreachable,
    /// The recipient left it at the MMSC for now.
    Deferred,
    /// The MMSC cannot tell.
    Indeterminate,
    /// Passed on by the recipient without retrieval.
    Forwarded,
}

impl ReportStatus {
    /// The state that this report gives to a recipient; `None` where the message stays `sent`.
    #[must_use]
    pub const fn outbound_state(self) -> Option<OutboundState> {
        match self {
            Self::Retrieved => Some(OutboundState::Delivered),
            Self::Expired => Some(OutboundState::Expired),
            Self::Rejected | Self::Unrecognised | Self::Unreachable => {
                Some(OutboundState::Undelivered)
            }
            Self::Deferred | Self::Indeterminate | Self::Forwarded => None,
        }
    }

    /// The field's own word, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retrieved => "retrieved",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::Unrecognised => "unrecognised",
            Self::Unreachable => "unreachable",
            Self::Deferred => "deferred",
            Self::Indeterminate => "indeterminate",
            Self::Forwarded => "forwarded",
        }
    }
}

/// What a caller wants sent.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// What carries it; a short message has text and nothing else.
    pub kind: Kind,
    /// Who gets it, at least one.
    pub to: Vec<Address>,
    /// Shown above the message on most phones.
    pub subject: Option<String>,
    /// Text, as a part of its own.
    pub text: Option<String>,
    /// Pictures and other content, in order.
    pub parts: Vec<NewPart>,
    /// One PDU for all, so that recipients see each other; otherwise one each.
    pub group: bool,
    /// Ask the MMSC, or the short message centre, to tell when it was delivered.
    pub delivery_report: bool,
    /// Ask the recipients' phones to tell when it was read; people may refuse that.
    pub read_report: bool,
    /// Give up when it could not be handed to the network by then; a short message is not delivered
    /// after it either.
    pub expires_at: Option<Timestamp>,
    /// How long it may take from its acceptance, or from `send_at`, to the recipient; instead of
    /// `expires_at`. The MMSC is told as well.
    pub validity: Option<Duration>,
    /// Not before this time.
    pub send_at: Option<Timestamp>,
    /// How urgent it is.
    pub priority: Priority,
    /// The caller's own reference, kept and shown.
    pub client_ref: Option<String>,
    /// Name of the modem that is to carry it; any that can unless given.
    pub modem: Option<String>,
    /// Name of the route that it is to go by, instead of the one that fits.
    pub route: Option<String>,
    /// The number of ours that it is to come from; any unless given.
    pub from: Option<Address>,
    /// Who hands it in.
    pub origin: Origin,
}

/// Who hands a message in, and what that one may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Name of the account; none for the owner.
    pub account: Option<String>,
    /// Names of the modems that it may be sent by; any when empty.
    pub modems: Vec<String>,
    /// It is taken once, however often it is handed in.
    pub once: Option<Once>,
    /// It lay in a folder: taken once for as long as it is known, and its fate is told there.
    pub dropped: Option<Dropped>,
}

impl Origin {
    /// Whether it may be sent by the modem of this name.
    #[must_use]
    pub fn may_use(&self, modem: &str) -> bool {
        self.modems.is_empty() || self.modems.iter().any(|name| name == modem)
    }
}

/// What somebody laid into a folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Name of the folder in the configuration.
    pub folder: String,
    /// The name of ours that it has there, never used twice.
    pub claim: String,
}

/// How a message is known again that is handed in once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The caller's key, unique within the account.
    pub key: String,
    /// SHA-256 of what is handed in.
    pub fingerprint: [u8; 32],
}

/// One piece of content of a [`NewMessage`].
#[derive(Debug, Clone)]
pub struct NewPart {
    /// What it is; found out from the octets when absent.
    pub media_type: Option<MediaType>,
    /// The caller's name for it; never used as a path.
    pub name: Option<String>,
    /// The octets.
    pub body: Bytes,
}

/// One piece of content as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub media_type: MediaType,
    /// IANA name of the charset of a text part.
    pub charset: Option<String>,
    /// Name for people; never used as a path.
    pub name: Option<String>,
    /// Content-ID without its angle brackets.
    pub content_id: Option<String>,
    /// Content-Location.
    pub content_location: Option<String>,
    /// The octets, with any transfer encoding taken off.
    pub body: Bytes,
}

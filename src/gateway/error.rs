//! Why the gateway does not start, does not take a message, or does not do what a person wants.

use super::gate::OptedOut;
use crate::model::{Address, Blame, Explain, Layer, MessageId, NumberFlaw, Retry, Timestamp};
use crate::store::{OwnerError, StoreError};

/// Why the gateway does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Somebody else has the data folder, or it cannot be used.
    #[error(transparent)]
    Owner(#[from] OwnerError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A modem's profile cannot be used.
    #[error("modem \"{modem}\": {reason}")]
    Profile {
        /// The modem's name.
        modem: String,
        /// What is wrong.
        reason: String,
    },
}

impl Explain for StartError {
    fn layer(&self) -> Layer {
        match self {
            Self::Profile { .. } => Layer::Modem,
            _ => Layer::Store,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Owner(OwnerError::Taken { .. }) => "data-dir-taken",
            Self::Owner(OwnerError::Folder { .. }) => "data-dir-unusable",
            Self::Store(StoreError::TooNew { .. }) => "store-too-new",
            Self::Store(_) => "store-unusable",
            Self::Profile { .. } => "profile-unusable",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        match self {
            Self::Store(_) => Blame::Gateway,
            _ => Blame::Caller,
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Owner(OwnerError::Taken { .. }) => {
                "let that one do the work (`mm1gate send` and `inbox` ask it by themselves), end \
                 it, or use another `data_dir`"
            }
            Self::Owner(OwnerError::Folder { .. }) => {
                "use a `data_dir` that this user may write to"
            }
            Self::Store(StoreError::TooNew { .. }) => {
                "use the newer mm1gate that wrote it, or another `data_dir`"
            }
            Self::Store(_) => "check that the disk is neither full nor read-only",
            Self::Profile { .. } => "use `profile = \"auto\"` or one of modem-profiles/",
        }
        .to_owned()
    }
}

/// Why a message was not accepted; nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// No recipient at all.
    #[error("the message has no recipient")]
    NoRecipient,
    /// More than the limit.
    #[error("{count} recipients, more than the limit of {limit}")]
    TooManyRecipients {
        /// How many were given.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// Neither text nor part.
    #[error("the message has neither text nor a file")]
    Empty,
    /// Its last moment is over.
    #[error("expires_at, {at}, is over already (it is {now})")]
    Late {
        /// When it was to be given up.
        at: Timestamp,
        /// What time it is here.
        now: Timestamp,
    },
    /// Above the operator's limit.
    #[error("the message has {size} octets, the operator takes at most {limit}")]
    TooLarge {
        /// Octets of the whole PDU.
        size: usize,
        /// The operator's limit.
        limit: usize,
    },
    /// A part that cannot be sent.
    #[error("{name}: {reason}")]
    Part {
        /// Its name or number.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A short message has text and nothing else.
    #[error("an SMS has no {field}: it carries text and nothing else")]
    NotInSms {
        /// The field of the request.
        field: &'static str,
    },
    /// A short message goes to a number.
    #[error("an SMS goes to a number, not to {address}")]
    NoNumber {
        /// The recipient.
        address: Address,
    },
    /// More short messages than one text may take.
    #[error("the text takes {segments} SMS, the limit is {limit}")]
    TextTooLong {
        /// How many it takes.
        segments: usize,
        /// How many it may take.
        limit: usize,
    },
    /// All recipients want nothing more from us.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    OptedOut(Vec<OptedOut>),
    /// None of the routes is for this recipient.
    #[error("no route leads to {to}; there are: {known}")]
    NoRoute {
        /// The recipient, as the patterns see it.
        to: Address,
        /// The names of the routes.
        known: String,
    },
    /// No route of this name is configured.
    #[error("there is no route '{name}'; there are: {known}")]
    NoSuchRoute {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The account may not send by it.
    #[error("route '{route}' is not for account '{account}'")]
    RouteNotAllowed {
        /// Whose message it is.
        account: String,
        /// The route that it asks for.
        route: String,
    },
    /// Both say which way it goes.
    #[error("the message names a modem and a route")]
    ModemAndRoute,
    /// None of the modems that may send it has this number.
    #[error("none of the modems that this message may go by has the number {from}")]
    UnknownSender {
        /// What was asked for.
        from: Address,
    },
    /// A number in national form, and modems in several countries.
    #[error("{to} is somebody else in each of the countries of the modems ({countries})")]
    NumberAmbiguous {
        /// The recipient.
        to: Address,
        /// Two of the countries.
        countries: String,
    },
    /// A number that nobody can have.
    #[error("{to}: {flaw}")]
    NoSuchNumber {
        /// The recipient.
        to: Address,
        /// What is wrong with it.
        flaw: NumberFlaw,
    },
    /// It is to be sent too late, or in two contradicting ways.
    #[error("{reason}")]
    Schedule {
        /// The field of the request.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No modem of this name is configured.
    #[error("there is no modem '{name}'; there are: {known}")]
    NoSuchModem {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The account may not send by it.
    #[error("account '{account}' may only send by: {allowed}")]
    ModemNotAllowed {
        /// Whose message it is.
        account: String,
        /// The modems that it may send by.
        allowed: String,
    },
    /// The configuration lacks what is needed to send.
    #[error("{0}")]
    NotConfigured(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a person's wish about a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No such message.
    #[error("there is no message {0}")]
    NotFound(MessageId),
    /// The modem that is wanted cannot send it.
    #[error(transparent)]
    Modem(#[from] AcceptError),
    /// Its state does not allow it.
    #[error("message {id} is {state}: {reason}")]
    WrongState {
        /// The message.
        id: MessageId,
        /// Its state.
        state: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

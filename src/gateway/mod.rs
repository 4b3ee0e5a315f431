//! Policy: which job, on which modem, when; the life of a message; limits; events.
//!
//! May use: every room named before it.

pub mod config;
mod suggest;

use tokio::sync::broadcast;

use crate::model::{Direction, MessageId, NewMessage, Part, Stage, State, Timestamp};
use crate::store::{Filter, MessageView, StoreError, Summary};

/// The running gateway; clones share it.
#[derive(Clone)]
pub struct Gateway {
    inner: std::sync::Arc<()>,
}

/// What happens while the gateway runs, for pages, terminals and hooks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A message reached a state.
    State {
        /// When.
        at: Timestamp,
        /// Which message.
        id: MessageId,
        /// Which way it goes.
        direction: Direction,
        /// The state reached.
        state: State,
    },
    /// A step on the way.
    Stage {
        /// When.
        at: Timestamp,
        /// The modem's name.
        modem: String,
        /// The message it is about, when it is about one.
        id: Option<MessageId>,
        /// The step.
        stage: Stage,
    },
    /// A modem's condition changed.
    Modem {
        /// When.
        at: Timestamp,
        /// Its condition now.
        modem: ModemView,
    },
}

/// A modem as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemView {
    /// Its name in the configuration.
    pub name: String,
    /// `starting`, `ready`, `calling`, `waiting` (for the next attempt after an error).
    pub condition: &'static str,
    /// The operator's name as the network tells it.
    pub operator: Option<String>,
    /// Signal in dBm.
    pub signal_dbm: Option<i16>,
    /// What is wrong, when something is.
    pub fault: Option<crate::model::Fault>,
    /// Octets written to and read from its ports since the start.
    pub octets: (u64, u64),
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
    /// The configuration lacks what is needed to send.
    #[error("{0}")]
    NotConfigured(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Takes a message; on success it is durable and will be sent.
    ///
    /// # Errors
    /// [`AcceptError`]: nothing was stored.
    pub async fn accept(&self, message: NewMessage) -> Result<MessageId, AcceptError> {
        let _ = (message, &self.inner);
        todo!()
    }

    /// Lists messages, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn messages(&self, filter: Filter) -> Result<Vec<Summary>, StoreError> {
        let _ = filter;
        todo!()
    }

    /// Everything about one message.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn message(&self, id: &MessageId) -> Result<Option<MessageView>, StoreError> {
        let _ = id;
        todo!()
    }

    /// One part with its octets.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn part(&self, id: &MessageId, index: usize) -> Result<Option<Part>, StoreError> {
        let _ = (id, index);
        todo!()
    }

    /// Sends an `unknown` or `failed` message once more, or fetches a failed one again, because a
    /// person said so.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn retry(&self, id: &MessageId) -> Result<(), ActionError> {
        let _ = id;
        todo!()
    }

    /// Withdraws a message that was not released yet.
    ///
    /// # Errors
    /// [`ActionError`] when its state does not allow that.
    pub async fn cancel(&self, id: &MessageId) -> Result<(), ActionError> {
        let _ = id;
        todo!()
    }

    /// Every configured modem.
    #[must_use]
    pub fn modems(&self) -> Vec<ModemView> {
        todo!()
    }

    /// Everything that happens from now on; a slow listener loses the oldest events.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        todo!()
    }

    /// Ends data calls in order, closes ports and store.
    pub async fn stop(&self) {
        todo!()
    }
}

/// Why a person's wish about a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No such message.
    #[error("there is no message {0}")]
    NotFound(MessageId),
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

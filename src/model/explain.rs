//! Errors for people: what failed, where, what the other side said in its own words, and what to
//! do next.

use std::error::Error;
use std::fmt;

/// Whether trying again makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Within seconds.
    Soon,
    /// After a growing pause.
    Backoff,
    /// Not without a person changing something.
    Never,
}

/// Who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The one who asked: wrong input or configuration.
    Caller,
    /// The operator: network, proxy, MMSC, account.
    Operator,
    /// The modem, its SIM or its cable.
    Modem,
    /// This program or the machine it runs on.
    Gateway,
}

impl Blame {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Modem => "modem",
            Self::Gateway => "gateway",
        }
    }
}

/// Where it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The serial port.
    Port,
    /// AT dialogue with the modem.
    Modem,
    /// PPP and IP.
    Bearer,
    /// HTTP through the WAP proxy.
    Transport,
    /// The MMSC's own answer.
    Mmsc,
    /// The message itself.
    Message,
    /// Durable state on this machine.
    Store,
}

impl Layer {
    /// The word used in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Modem => "modem",
            Self::Bearer => "bearer",
            Self::Transport => "transport",
            Self::Mmsc => "mmsc",
            Self::Message => "message",
            Self::Store => "store",
        }
    }
}

/// What every error from the modem upward can say of itself.
pub trait Explain: Error {
    /// Where it failed.
    fn layer(&self) -> Layer;
    /// A stable short name, kebab-case, for programs.
    fn code(&self) -> &'static str;
    /// Whether trying again makes sense.
    fn retry(&self) -> Retry;
    /// Who can do something about it.
    fn blame(&self) -> Blame;
    /// What to do next, one sentence without a full stop.
    fn remedy(&self) -> String;
    /// What the other side said, verbatim.
    fn verbatim(&self) -> Option<String> {
        None
    }
    /// The same as a value that can be stored and shown.
    fn to_fault(&self) -> Fault {
        Fault {
            layer: self.layer().as_str().to_owned(),
            code: self.code().to_owned(),
            summary: self.to_string(),
            verbatim: self.verbatim(),
            remedy: self.remedy(),
            blame: self.blame().as_str().to_owned(),
        }
    }
}

/// An explained error as it is stored with an attempt and shown to people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fault {
    /// [`Layer::as_str`].
    pub layer: String,
    /// Stable short name.
    pub code: String,
    /// One sentence: what failed and where.
    pub summary: String,
    /// What the other side said, verbatim.
    pub verbatim: Option<String>,
    /// What to do next.
    pub remedy: String,
    /// [`Blame::as_str`].
    pub blame: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary)?;
        if let Some(text) = &self.verbatim
            && !self.summary.contains(text.as_str())
        {
            write!(f, " (they said: {text})")?;
        }
        write!(f, ". Try: {}", self.remedy)
    }
}

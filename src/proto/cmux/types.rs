//! What goes into the machine and what comes out of it; its parameters (3GPP TS 27.010 clause 5.7).

use std::fmt;
use std::time::{Duration, Instant};

use crate::codec::cmux::{MAX_DLCI, Signals};

/// Which side of the line this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sent `AT+CMUX`; the terminal.
    Initiator,
    /// Was sent it; the modem.
    Responder,
}

/// How the multiplexer is run (3GPP TS 27.010 clause 5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Which side this is.
    pub role: Role,
    /// N1: most octets of information that are sent in one frame.
    pub n1: usize,
    /// Most octets of information that are taken in one frame; modems do not always keep to N1.
    pub max_received: usize,
    /// T1: when a SABM or DISC without answer is sent again.
    pub t1: Duration,
    /// T2: when a command on the control channel without answer is sent again.
    pub t2: Duration,
    /// N2: how often that is done.
    pub n2: u8,
    /// Highest channel that the other side may open.
    pub max_dlci: u8,
}

impl Default for Config {
    /// An initiator with the frame size that `AT+CMUX=0` means, and more patience than the 100 ms
    /// of the specification: modems that start the multiplexer take longer.
    fn default() -> Self {
        Self {
            role: Role::Initiator,
            n1: 31,
            max_received: 2048,
            t1: Duration::from_millis(500),
            t2: Duration::from_millis(500),
            n2: 5,
            max_dlci: 0,
        }
    }
}

impl Config {
    /// A responder that lets channels up to `max_dlci` be opened.
    #[must_use]
    pub fn responder(max_dlci: u8) -> Self {
        Self { role: Role::Responder, max_dlci: max_dlci.min(MAX_DLCI), ..Self::default() }
    }
}

/// What goes into the machine, besides [`super::Mux::write`] and [`super::Mux::read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// From the line.
    Octets(&'a [u8]),
    /// The time that [`Output::Timeout`] named has come.
    Timeout,
    /// Opens a channel; channel 0 first, or nobody listens.
    Open(u8),
    /// Closes a channel.
    Close(u8),
    /// Sets the V.24 signals of this side; FC is the machine's own.
    Signals {
        /// The channel.
        dlci: u8,
        /// The signals.
        signals: Signals,
    },
    /// Asks whether the other side still listens; [`End`] tells when not.
    Probe,
    /// Ends the multiplexer: the line takes AT commands again afterwards.
    CloseDown,
}

/// What the machine wants; ask until [`Output::Timeout`] or [`Output::Idle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Something happened.
    Event(Event),
    /// Write these octets: one frame.
    Transmit(Vec<u8>),
    /// Give [`Input::Timeout`] at this time.
    Timeout(Instant),
    /// Nothing until there is input.
    Idle,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A channel is open.
    Opened(u8),
    /// A channel could not be opened.
    NotOpened {
        /// The channel.
        dlci: u8,
        /// Why.
        error: MuxError,
    },
    /// The other side wanted to open a channel and was answered DM.
    Refused(u8),
    /// A channel was closed, by either side.
    Closed(u8),
    /// Octets can be read from this channel.
    Readable(u8),
    /// The other side's V.24 signals.
    Signals {
        /// The channel.
        dlci: u8,
        /// The signals.
        signals: Signals,
    },
    /// The other side sent a break.
    Break(u8),
    /// A line of text outside frames: a modem that has left the multiplexer says such, and so do
    /// the remains of damaged frames.
    Text(Vec<u8>),
    /// The multiplexer is over; no other event follows, but what still is to be transmitted.
    Ended(End),
}

/// Why the multiplexer is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This side has closed it down.
    ClosedDown {
        /// The other side has agreed.
        answered: bool,
    },
    /// The other side has closed it down.
    ByPeer,
    /// The other side does not answer any more, or echoes what it is sent: it has restarted.
    Lost,
    /// The other side uses the advanced option.
    Advanced,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClosedDown { .. } => "it was closed down",
            Self::ByPeer => "the modem has closed it down",
            Self::Lost => "the modem does not answer its frames any more, as after a restart",
            Self::Advanced => "the modem uses its advanced option",
        })
    }
}

/// Why a channel did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MuxError {
    /// The other side said DM.
    #[error("the modem refuses channel {dlci} of the multiplexer (DM)")]
    Refused {
        /// The channel.
        dlci: u8,
    },
    /// No answer to SABM, however often.
    #[error("the modem answers no SABM on channel {dlci} of the multiplexer")]
    NoAnswer {
        /// The channel.
        dlci: u8,
    },
    /// What was sent came back: the other side takes it for text.
    #[error("the modem echoes the frames of the multiplexer instead of answering them")]
    Echo,
    /// The other side speaks the advanced option.
    #[error("the modem uses the multiplexer's advanced option, which is not spoken here")]
    Advanced,
    /// No such channel.
    #[error("the multiplexer has no channel {dlci}")]
    NoChannel {
        /// The channel.
        dlci: u8,
    },
    /// The multiplexer is over.
    #[error("the multiplexer has ended")]
    Ended,
}

/// What went over the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Frames sent.
    pub sent: u64,
    /// Good frames received.
    pub received: u64,
    /// Frames dropped for their FCS, length or end.
    pub damaged: u64,
    /// SABM, DISC and control commands that were sent again.
    pub repeated: u64,
    /// Octets dropped because nobody read their channel.
    pub dropped: u64,
}

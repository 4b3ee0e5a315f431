//! Frames of the multiplexer's basic option and the messages of its control channel (3GPP TS 27.010
//! clauses 5.2 and 5.4.6).
//!
//! May use: the error types of codec. [`Deframer`] cuts a line's octets into frames and the text
//! that stands outside them, [`Frame`] turns values into octets, [`ControlMessage`] reads and writes
//! what the control channel says. Nothing here panics, whatever the input.
//!
//! The basic option has no transparency: the flag may stand inside a frame's information, and only
//! the length field tells where a frame ends. Whoever lost an octet finds the way back by trying
//! every later flag as the beginning of a frame.

mod control;
mod deframe;
mod fcs;
mod frame;

pub use control::{
    Break, ControlMessage, MAX_MESSAGE, Message, ModemStatus, Parameters, RemotePort, Signals,
    kind_name,
};
pub use deframe::{Deframed, Deframer, FrameError, MAX_TEXT};
pub use fcs::fcs8;
pub use frame::{FLAG, Frame, FrameType, MAX_DLCI, MAX_INFORMATION};

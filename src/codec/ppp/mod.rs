//! HDLC-like framing and PPP control packets (RFC 1662, 1661, 1570, 1334, 1994, 1332, 1877,
//! 5072).
//!
//! May use: the error types of codec, model. [`Deframer`] turns a line's octets into frames and
//! text, [`FrameFormat`] turns packets into octets; [`split_frame`] finds a frame's protocol,
//! [`ControlPacket`] and the option types read what LCP, PAP, CHAP, IPCP and IPv6CP say. Nothing here
//! panics, whatever the input.

mod auth;
mod control;
mod deframe;
mod describe;
mod fcs;
mod frame;
mod ipcp;
mod ipv6cp;
mod lcp;

pub use auth::{ChapPacket, PapRequest, auth_message, chap_md5_response};
pub use control::{
    ControlPacket, MAX_OPTIONS, RawOption, code, decode_options, encode_options, protocol,
};
pub use deframe::{Deframed, Deframer, FLAG, FrameError, MAX_TEXT};
pub use describe::describe;
pub use fcs::fcs16;
pub use frame::{FrameFormat, normalised, split_frame};
pub use ipcp::{IpcpOption, PLACEHOLDER_DNS};
pub use ipv6cp::Ipv6cpOption;
pub use lcp::LcpOption;

//! What must hold of every decoder for any octets: one function a fuzz target. Each panics when a
//! property is broken.
//!
//! Compiled into the fuzz targets and into the project's tests.

mod at;
mod checks;
mod cmux;
mod connection;
mod decode;
mod link;
mod mms;
mod ppp;
mod push;
mod segment;
mod smil;
mod sms;
mod text;
mod wap;
mod wsp;
mod wtp;

/// A fuzz target: its name, which its corpus and its program have too, and what panics when a
/// property does not hold.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them, in the order of their names.
pub(crate) const TARGETS: &[Target] = &[
    ("at", at::check),
    ("cmux", cmux::check),
    ("decode", decode::check),
    ("hdlc", ppp::check_deframer),
    ("link", link::check),
    ("mms", mms::check),
    ("multipart", wsp::check_multipart),
    ("ppp", ppp::check_frames),
    ("push", push::check),
    ("smil", smil::check),
    ("text", text::check),
    ("tpdu", sms::check),
    ("wap", wap::check),
    ("wsp_headers", wsp::check_headers),
    ("wtp", wtp::check),
];

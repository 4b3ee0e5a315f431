//! Content of messages: telling types by their octets, SMIL composition, thumbnails, the picture
//! of the demonstration.
//!
//! May use: model, codec. No I/O: octets in, octets out.

mod compose;
mod demo;
mod presentation;
mod sniff;
mod thumbnail;
mod types;

pub use compose::{ComposeError, Composed, MAX_PARTS, compose, compose_mixed};
pub use demo::demo_photo;
pub use sniff::sniff;
pub use thumbnail::{ThumbError, thumbnail};
pub use types::{extension_for, type_for_name};

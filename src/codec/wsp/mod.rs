//! WSP encodings that MMS and WAP Push stand on (WAP-230-WSP-20010705-a clauses 8.4 and 8.5):
//! values, headers, content types and multipart; and WSP's own [`pdu`]s (clause 8.2).
//!
//! [`Reader`] gives values with field names and absolute offsets in its errors and slices instead
//! of copies; the `put_` functions write the same values in their shortest form.

pub mod charset;
mod content_type;
mod header;
mod media_types;
mod mime;
mod multipart;
mod outline;
mod parameter;
pub mod pdu;
mod reader;
mod values;
mod warnings;
mod writer;

pub use content_type::ContentType;
pub use header::{MAX_HEADERS, decode_headers, put_header};
pub(crate) use multipart::quoted_printable;
pub use multipart::{
    MAX_DEPTH, MAX_PART_HEADER_OCTETS, MAX_PARTS, Part, decode_multipart, flatten, put_multipart,
};
pub use outline::{outline_content_type, outline_headers, outline_multipart};
pub use reader::Reader;
pub use warnings::{MAX_WARNINGS, Warnings};
pub use writer::{
    put_encoded_string, put_integer, put_long_integer, put_quoted_string, put_text_string,
    put_text_value, put_uintvar, put_value_length, put_with_length,
};

#[cfg(test)]
mod tests;

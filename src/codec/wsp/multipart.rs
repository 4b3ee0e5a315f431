//! Multipart bodies (WAP-230 clause 8.5).

use bytes::Bytes;

use super::ContentType;

/// One entry of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub content_type: ContentType,
    /// Content-ID without its angle brackets.
    pub content_id: Option<String>,
    /// Content-Location.
    pub content_location: Option<String>,
    /// Every other header, in order: name in lower case and value as text.
    pub headers: Vec<(String, String)>,
    /// The octets: a slice of the input on decode, transfer encoding taken off.
    pub body: Bytes,
}

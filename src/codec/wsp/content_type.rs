//! Content types with parameters in short, general and text form (WAP-230 clause 8.4.2.24).

use crate::model::MediaType;

/// A Content-type-value with the parameters that MMS uses by name and all others as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentType {
    /// `type/subtype`, lower case.
    pub media_type: MediaType,
    /// IANA name of the charset, lower case; `mib-N` for a number without a name.
    pub charset: Option<String>,
    /// Name parameter.
    pub name: Option<String>,
    /// Filename parameter.
    pub filename: Option<String>,
    /// Start parameter of multipart/related, as on the wire (with or without angle brackets).
    pub start: Option<String>,
    /// Type parameter of multipart/related.
    pub kind: Option<String>,
    /// Every other parameter, in order: name in lower case and value.
    pub others: Vec<(String, String)>,
}

impl ContentType {
    /// Without parameters.
    #[must_use]
    pub fn new(media_type: &str) -> Self {
        Self {
            media_type: MediaType::new(media_type),
            charset: None,
            name: None,
            filename: None,
            start: None,
            kind: None,
            others: Vec::new(),
        }
    }
}

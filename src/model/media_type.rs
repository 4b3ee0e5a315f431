//! Media types as plain text, `type/subtype` in lower case (RFC 2046).

use std::borrow::Cow;
use std::fmt;

/// A media type without parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// One of a table, lower case and without parameters; takes no memory.
    #[must_use]
    pub const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Lower-cases and keeps only what stands before the first `;`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bare = text.split(';').next().unwrap_or_default();
        Self(Cow::Owned(bare.trim().to_ascii_lowercase()))
    }

    /// The text, for example `image/jpeg`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the slash.
    #[must_use]
    pub fn top(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Whether it is a presentation part (SMIL) rather than content.
    #[must_use]
    pub fn is_smil(&self) -> bool {
        self.0 == "application/smil"
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! What every decoder answers: a value with its warnings, or an error with field and offset.

use std::fmt;

/// Why octets could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} at octet {offset}: {kind}")]
pub struct DecodeError {
    /// The field that was being read, by its name in the specification.
    pub field: &'static str,
    /// Offset of its first octet, from the beginning of the input.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends inside the field.
    #[error("the input ends here")]
    Truncated,
    /// Octets are left over where none may be.
    #[error("octets are left over")]
    TrailingData,
    /// The field announces more octets than there are.
    #[error("{declared} octets are announced, more than there are")]
    LengthExceedsInput {
        /// The announced length.
        declared: usize,
    },
    /// A named limit of ours.
    #[error("more than the limit of {limit}")]
    LimitExceeded {
        /// The limit.
        limit: usize,
    },
    /// A number that no field of this kind can have.
    #[error("a number of more than {bits} bits")]
    NumberTooLarge {
        /// What the field has room for.
        bits: u32,
    },
    /// Another kind of PDU than expected, or none that we know.
    #[error("unexpected PDU type {0:#04x}")]
    UnexpectedPdu(u8),
    /// Text where an MMS PDU should be, as a portal's or a proxy's page.
    #[error("this is no MMS PDU but text that begins \"{}\"", begin.escape_ascii())]
    NotMms {
        /// The first of it, padded with blanks. An array, so that an error needs no memory of its own.
        begin: [u8; 24],
    },
    /// A field without which the PDU means nothing.
    #[error("the field is missing")]
    MissingField,
    /// A value that the field cannot have.
    #[error("invalid value {0:#04x}")]
    InvalidValue(u8),
    /// Text without terminator, or with octets that no text has.
    #[error("this is not text")]
    InvalidText,
    /// A protocol version that we cannot read.
    #[error("unsupported version {0:#04x}")]
    UnsupportedVersion(u8),
    /// A checksum that does not fit its octets.
    #[error("the checksum does not match")]
    BadChecksum,
}

/// Something a decoder forgave, or kept without understanding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field, by its name in the specification.
    pub field: String,
    /// Offset from the beginning of the input.
    pub offset: usize,
    /// What was odd and how it was read.
    pub text: String,
    /// Whether the octets were understood all the same. What was not is kept as it is or passed over.
    pub understood: bool,
}

impl Warning {
    /// Something odd whose meaning is plain all the same.
    #[must_use]
    pub fn forgiven(field: impl Into<String>, offset: usize, text: impl Into<String>) -> Self {
        Self { field: field.into(), offset, text: text.into(), understood: true }
    }

    /// Something whose meaning remains unknown.
    #[must_use]
    pub fn not_understood(
        field: impl Into<String>,
        offset: usize,
        text: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), offset, text: text.into(), understood: false }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}: {}", self.field, self.offset, self.text)
    }
}

/// A value and what had to be forgiven to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// In the order of their offsets.
    pub warnings: Vec<Warning>,
}

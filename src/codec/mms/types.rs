//! Values that several PDUs share (OMA-TS-MMS_ENC-V1_3 clause 7.3).

use bytes::Bytes;

use crate::codec::wsp::{ContentType, Part};
use crate::model::{Address, Timestamp};

/// X-Mms-MMS-Version: major in the high, minor in the low half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Bits 6-4.
    pub major: u8,
    /// Bits 3-0.
    pub minor: u8,
}

impl Version {
    /// 1.0
    pub const V1_0: Self = Self { major: 1, minor: 0 };
    /// 1.1
    pub const V1_1: Self = Self { major: 1, minor: 1 };
    /// 1.2, what we write unless the operator's settings say otherwise.
    pub const V1_2: Self = Self { major: 1, minor: 2 };
    /// 1.3
    pub const V1_3: Self = Self { major: 1, minor: 3 };

    /// From the octet on the wire.
    #[must_use]
    pub const fn of_octet(octet: u8) -> Self {
        Self { major: (octet >> 4) & 0x07, minor: octet & 0x0F }
    }

    /// The octet on the wire.
    #[must_use]
    pub const fn octet(self) -> u8 {
        0x80 | ((self.major & 0x07) << 4) | (self.minor & 0x0F)
    }
}

/// The From field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Insert-address-token: the MMSC fills in the subscriber.
    InsertAddress,
    /// An address.
    Address(Address),
}

/// An absolute or relative time (X-Mms-Expiry, X-Mms-Delivery-Time, X-Mms-Reply-Charging-Deadline).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Absolute-token and Date-value.
    At(Timestamp),
    /// Relative-token and Delta-seconds.
    After(std::time::Duration),
}

/// X-Mms-Message-Class.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum MessageClass {
    Personal,
    Advertisement,
    Informational,
    Auto,
    Other(String),
}

impl MessageClass {
    /// The class that a text names, in any case.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "personal" => Self::Personal,
            "advertisement" => Self::Advertisement,
            "informational" => Self::Informational,
            "auto" => Self::Auto,
            _ => Self::Other(text.to_owned()),
        }
    }
}

/// X-Mms-Priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Priority {
    Low,
    Normal,
    High,
}

/// X-Mms-MM-Flags (clause 7.3.32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MmFlags {
    /// What to do with the keyword: 0x80 add, 0x81 remove, 0x82 filter.
    pub operation: u8,
    /// The keyword.
    pub keyword: String,
}

/// X-Mms-Mbox-Totals or X-Mms-Mbox-Quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// 0x80 messages, 0x81 octets.
    pub unit: u8,
    /// How many.
    pub amount: u64,
}

/// A value that tells which of several messages of M-Mbox-Delete.conf or M-Delete.conf it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted<T> {
    /// The Status-count-value; 0 where the other side left it out.
    pub count: u64,
    /// The value.
    pub value: T,
}

/// What follows the Content-Type field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// One of the multipart types.
    Multipart(Vec<Part>),
    /// A body that is a single part by itself.
    Single(Bytes),
}

/// Content-Type and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What it is.
    pub content_type: ContentType,
    /// The octets.
    pub body: Body,
}

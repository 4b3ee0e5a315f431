//! Transaction identifiers, trailer flags, transaction classes and abort reasons
//! (WAP-224-WTP-20010710-a clauses 8.2 and 8.3).

use std::fmt;

use crate::codec::wsp::pdu::AbortReason;

/// Transaction Identifier as it stands in a PDU (clause 8.2.7). The high-order bit is clear in what
/// the initiator of the transaction sends and set in what the responder sends (clause 7.8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tid(pub u16);

impl Tid {
    const RESPONDER: u16 = 0x8000;

    /// As the initiator sends it; the high-order bit of `value` does not matter.
    #[must_use]
    pub const fn of_initiator(value: u16) -> Self {
        Self(value & !Self::RESPONDER)
    }

    /// The 15 bits that both sides have in common.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0 & !Self::RESPONDER
    }

    /// Whether the responder of the transaction sent it.
    #[must_use]
    pub const fn is_of_responder(self) -> bool {
        self.0 & Self::RESPONDER != 0
    }

    /// As the other side sends it (table 41: RcvTID = SendTID XOR 0x8000).
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self(self.0 ^ Self::RESPONDER)
    }

    /// The one in a PDU of which nothing else may be readable, so that the transaction can be
    /// aborted (table 37); `None` when the PDU ends before it.
    #[must_use]
    pub fn peek(pdu: &[u8]) -> Option<Self> {
        match pdu {
            [_, high, low, ..] => Some(Self(u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }
}

/// The 15 bits in hexadecimal, and whose they are.
impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.is_of_responder() { "responder" } else { "initiator" };
        write!(f, "{:#06x} of the {side}", self.value())
    }
}

/// GTR and TTR: where a packet stands in a segmented message (table 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trailer {
    /// Neither: more packets of the group follow.
    NotLast,
    /// TTR: the last packet of the message.
    LastOfMessage,
    /// GTR: the last packet of a group, to be acknowledged before the next group.
    LastOfGroup,
    /// Both: the sender does not segment and cannot join segments.
    SarNotSupported,
}

impl Trailer {
    const GTR: u8 = 0x04;
    const TTR: u8 = 0x02;

    pub(super) const fn from_octet(octet: u8) -> Self {
        match (octet & Self::GTR != 0, octet & Self::TTR != 0) {
            (false, false) => Self::NotLast,
            (false, true) => Self::LastOfMessage,
            (true, false) => Self::LastOfGroup,
            (true, true) => Self::SarNotSupported,
        }
    }

    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::NotLast => 0,
            Self::LastOfMessage => Self::TTR,
            Self::LastOfGroup => Self::GTR,
            Self::SarNotSupported => Self::GTR | Self::TTR,
        }
    }

    /// Whether the message ends with this packet.
    #[must_use]
    pub const fn ends_message(self) -> bool {
        matches!(self, Self::LastOfMessage | Self::SarNotSupported)
    }

    /// The words of table 12.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotLast => "not last packet",
            Self::LastOfMessage => "last packet of message",
            Self::LastOfGroup => "last packet of packet group",
            Self::SarNotSupported => "segmentation and re-assembly not supported",
        }
    }
}

/// TCL: what a transaction promises (clause 5.2 and table 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionClass {
    /// 0: unreliable, without result.
    Class0,
    /// 1: acknowledged, without result.
    Class1,
    /// 2: with a result that is acknowledged.
    Class2,
    /// 3: without a meaning.
    Undefined,
}

impl TransactionClass {
    pub(super) const fn from_octet(octet: u8) -> Self {
        match octet & 0x03 {
            0 => Self::Class0,
            1 => Self::Class1,
            2 => Self::Class2,
            _ => Self::Undefined,
        }
    }

    /// The number, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Class0 => 0,
            Self::Class1 => 1,
            Self::Class2 => 2,
            Self::Undefined => 3,
        }
    }
}

/// Who aborted a transaction and why (tables 18 and 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abort {
    /// 0: the peer's WTP.
    Provider(ProviderReason),
    /// 1: the peer's user of WTP, which is WSP.
    User(AbortReason),
    /// An abort type that is not defined.
    Other {
        /// 2 to 7.
        abort_type: u8,
        /// Of unknown meaning.
        reason: u8,
    },
}

impl Abort {
    pub(super) const fn new(abort_type: u8, reason: u8) -> Self {
        match abort_type {
            0 => Self::Provider(ProviderReason(reason)),
            1 => Self::User(AbortReason(reason)),
            _ => Self::Other { abort_type, reason },
        }
    }

    /// Abort type and abort reason.
    pub(super) const fn codes(self) -> (u8, u8) {
        match self {
            Self::Provider(reason) => (0, reason.0),
            Self::User(reason) => (1, reason.0),
            Self::Other { abort_type, reason } => (abort_type & 0x07, reason),
        }
    }
}

/// Type and reason in words.
impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider(reason) => write!(f, "PROVIDER, {reason}"),
            Self::User(reason) => write!(f, "USER, {reason}"),
            Self::Other { abort_type, reason } => {
                write!(f, "abort type {abort_type}, reason {reason:#04x}")
            }
        }
    }
}

/// Why the peer's WTP aborted (table 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProviderReason(pub u8);

/// Name and description by number.
const REASONS: [(&str, &str); 11] = [
    ("UNKNOWN", "an unexpected error"),
    ("PROTOERR", "the PDU could not be interpreted"),
    ("INVALIDTID", "no transaction with this TID is outstanding"),
    ("NOTIMPLEMENTEDCL2", "class 2 transactions are not supported"),
    ("NOTIMPLEMENTEDSAR", "segmentation and re-assembly are not supported"),
    ("NOTIMPLEMENTEDUACK", "user acknowledgements are not supported"),
    ("WTPVERSIONONE", "only version one is supported"),
    ("CAPTEMPEXCEEDED", "overloaded for the moment"),
    ("NORESPONSE", "the user of WTP did not respond"),
    ("MESSAGETOOLARGE", "the message is larger than the receiver takes"),
    ("NOTIMPLEMENTEDESAR", "extended segmentation and re-assembly are not supported"),
];

impl ProviderReason {
    /// 0x00
    pub const UNKNOWN: Self = Self(0x00);
    /// 0x01
    pub const PROTOERR: Self = Self(0x01);
    /// 0x02
    pub const INVALIDTID: Self = Self(0x02);
    /// 0x03
    pub const NOTIMPLEMENTEDCL2: Self = Self(0x03);
    /// 0x04
    pub const NOTIMPLEMENTEDSAR: Self = Self(0x04);
    /// 0x05
    pub const NOTIMPLEMENTEDUACK: Self = Self(0x05);
    /// 0x06
    pub const WTPVERSIONONE: Self = Self(0x06);
    /// 0x07
    pub const CAPTEMPEXCEEDED: Self = Self(0x07);
    /// 0x08
    pub const NORESPONSE: Self = Self(0x08);
    /// 0x09
    pub const MESSAGETOOLARGE: Self = Self(0x09);
    /// 0x0A
    pub const NOTIMPLEMENTEDESAR: Self = Self(0x0A);

    /// The name in table 19; `None` for a number without an assignment.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        REASONS.get(usize::from(self.0)).map(|(name, _)| *name)
    }
}

/// The name and what it means, or the bare number.
impl fmt::Display for ProviderReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match REASONS.get(usize::from(self.0)) {
            Some((name, meaning)) => write!(f, "{name}: {meaning}"),
            None => write!(f, "{:#04x}", self.0),
        }
    }
}

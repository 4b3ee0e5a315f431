//! Transport Information Items, the variable part of a WTP header (WAP-224-WTP-20010710-a clause
//! 8.4). One that is not known, or whose content has no known form, is kept with its octets.

use bytes::Bytes;

use super::Tid;
use crate::codec::DecodeError;
use crate::codec::wsp::{Reader, Warnings};

/// Most octets of one item: its length has eight bits at most.
pub const MAX_TPI_OCTETS: usize = 255;

const FIELD: &str = "TPI";
/// CON: another item follows.
pub(super) const CON: u8 = 0x80;
/// The length is an octet of its own.
const LONG: u8 = 0x04;
/// Highest sequence number, with the 24 bits of extended segmentation.
const MAX_PSN: u32 = 0x00FF_FFFF;

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tpi {
    /// 0, code 1: the peer does not know an item.
    UnknownTpi {
        /// Identity of that item, 0 to 15.
        identity: u8,
    },
    /// 0, code 2: the peer knows an item, but not its content.
    UnknownContent {
        /// Identity of that item, 0 to 15.
        identity: u8,
        /// The first octet of its content.
        first_octet: u8,
    },
    /// 1: a little data along with the PDU; WSP puts Acknowledgement Headers here. At most
    /// [`MAX_TPI_OCTETS`] are written.
    Info(Bytes),
    /// 2: a parameter of the transaction.
    Option(TransactionOption),
    /// 3: Packet Sequence Number, 24 bits. In Ack and Negative Ack the whole number, in a segment
    /// the bits above the eight of its fixed header.
    PacketSequenceNumber(u32),
    /// 4: here an SDU ends.
    SduBoundary,
    /// 5: here a frame of the user begins.
    FrameBoundary,
    /// Anything else.
    Other {
        /// 0 to 15.
        identity: u8,
        /// At most [`MAX_TPI_OCTETS`] are written.
        data: Bytes,
    },
}

/// The content of an Option TPI (table 30). Values are unsigned integers of as many octets as they
/// need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransactionOption {
    /// 1: most octets that the initiator takes in the result.
    MaximumReceiveUnit(u32),
    /// 2: octets of the whole segmented message.
    TotalMessageSize(u32),
    /// 3: how long to wait before the next group, tenths of a second.
    DelayTransmissionTimer(u32),
    /// 4: most octets of a group; 1 405 where absent.
    MaximumGroup(u32),
    /// 5: the last TID that the responder remembers.
    CurrentTid(Tid),
    /// 6: the responder remembers none.
    NoCachedTid,
    /// 7: groups that may be outstanding; its presence offers extended segmentation, 0 closes the
    /// window.
    NumGroups(u32),
    /// Anything else.
    Other {
        /// The option's number.
        identity: u8,
        /// At most 254 octets are written.
        value: Bytes,
    },
}

impl Tpi {
    /// The four bits that say what it is (table 25).
    #[must_use]
    pub const fn identity(&self) -> u8 {
        match self {
            Self::UnknownTpi { .. } | Self::UnknownContent { .. } => 0,
            Self::Info(_) => 1,
            Self::Option(_) => 2,
            Self::PacketSequenceNumber(_) => 3,
            Self::SduBoundary => 4,
            Self::FrameBoundary => 5,
            Self::Other { identity, .. } => *identity & 0x0F,
        }
    }

    /// The name in table 25 or 30.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Option(option) => option.name(),
            _ => match self.identity() {
                0 => "Error TPI",
                1 => "Info TPI",
                2 => "Option TPI",
                3 => "PSN TPI",
                4 => "SDU Boundary TPI",
                5 => "Frame Boundary TPI",
                _ => "unknown TPI",
            },
        }
    }

    /// Reads one item and whether another follows.
    ///
    /// # Errors
    /// `Truncated`, and `LengthExceedsInput` for one that is longer than the PDU.
    pub(super) fn decode(
        reader: &mut Reader<'_>,
        warnings: &mut Warnings,
    ) -> Result<(Self, bool), DecodeError> {
        let start = reader.position();
        let head = reader.u8(FIELD)?;
        let identity = (head >> 3) & 0x0F;
        let length = if head & LONG == 0 {
            head & 0x03
        } else {
            if head & 0x03 != 0 {
                warnings.note(FIELD, start, format!("reserved bits in {head:#04x}"));
            }
            reader.u8("TPI Length")?
        };
        let data = reader
            .bytes(usize::from(length), FIELD)
            .map_err(|error| DecodeError { offset: start, ..error })?;
        let known = Self::typed(identity, &data);
        if known.is_none() && identity <= 5 {
            warnings.not_understood(FIELD, start, "kept: content of no known form");
        } else if known.is_none() {
            warnings.not_understood(FIELD, start, format!("kept: unknown identity {identity}"));
        } else if let Some(Self::Option(TransactionOption::Other { identity, .. })) = known {
            warnings.not_understood(FIELD, start, format!("kept: option {identity} as it is"));
        }
        Ok((known.unwrap_or(Self::Other { identity, data }), head & CON != 0))
    }

    /// Reads the content; `None` where it has no known form.
    fn typed(identity: u8, data: &Bytes) -> Option<Self> {
        Some(match (identity, &data[..]) {
            (0, &[first]) if first >> 4 == 1 => Self::UnknownTpi { identity: first & 0x0F },
            (0, &[first, first_octet]) if first >> 4 == 2 => {
                Self::UnknownContent { identity: first & 0x0F, first_octet }
            }
            (1, _) => Self::Info(data.clone()),
            (2, &[option, ..]) => Self::Option(TransactionOption::new(option, data.slice(1..))),
            (3, octets) => {
                Self::PacketSequenceNumber(unsigned(octets).filter(|&psn| psn <= MAX_PSN)?)
            }
            (4, []) => Self::SduBoundary,
            (5, []) => Self::FrameBoundary,
            _ => return None,
        })
    }

    /// Writes the item in its shortest form.
    pub(super) fn encode(&self, another_follows: bool, out: &mut Vec<u8>) {
        let mut content = Vec::with_capacity(8);
        match self {
            Self::UnknownTpi { identity } => content.push(0x10 | (identity & 0x0F)),
            Self::UnknownContent { identity, first_octet } => {
                content.extend([0x20 | (identity & 0x0F), *first_octet]);
            }
            Self::Info(data) | Self::Other { data, .. } => content.extend_from_slice(data),
            Self::Option(option) => option.encode(&mut content),
            Self::PacketSequenceNumber(psn) => put_unsigned(&mut content, *psn & MAX_PSN),
            Self::SduBoundary | Self::FrameBoundary => {}
        }
        content.truncate(MAX_TPI_OCTETS);
        let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
        let head = if another_follows { CON } else { 0 } | (self.identity() << 3);
        match length {
            0..=3 => out.push(head | length),
            _ => out.extend([head | LONG, length]),
        }
        out.extend_from_slice(&content);
    }

    /// The content for people.
    pub(super) fn text(&self) -> String {
        match self {
            Self::UnknownTpi { identity } => format!("the peer does not know TPI {identity}"),
            Self::UnknownContent { identity, first_octet } => {
                format!("the peer does not know {first_octet:#04x} in TPI {identity}")
            }
            Self::Info(data) | Self::Other { data, .. } => hex::encode(data),
            Self::Option(option) => option.text(),
            Self::PacketSequenceNumber(psn) => psn.to_string(),
            Self::SduBoundary | Self::FrameBoundary => String::new(),
        }
    }
}

impl TransactionOption {
    fn new(identity: u8, value: Bytes) -> Self {
        let number = unsigned(&value);
        match (identity, number) {
            (1, Some(octets)) => Self::MaximumReceiveUnit(octets),
            (2, Some(octets)) => Self::TotalMessageSize(octets),
            (3, Some(tenths)) => Self::DelayTransmissionTimer(tenths),
            (4, Some(octets)) => Self::MaximumGroup(octets),
            (5, Some(tid)) => match u16::try_from(tid) {
                Ok(tid) => Self::CurrentTid(Tid(tid)),
                Err(_) => Self::Other { identity, value },
            },
            (6, None) if value.is_empty() => Self::NoCachedTid,
            (7, Some(groups)) => Self::NumGroups(groups),
            // The specification's short form of 1.
            (7, None) if value.is_empty() => Self::NumGroups(1),
            _ => Self::Other { identity, value },
        }
    }

    const fn identity(&self) -> u8 {
        match self {
            Self::MaximumReceiveUnit(_) => 1,
            Self::TotalMessageSize(_) => 2,
            Self::DelayTransmissionTimer(_) => 3,
            Self::MaximumGroup(_) => 4,
            Self::CurrentTid(_) => 5,
            Self::NoCachedTid => 6,
            Self::NumGroups(_) => 7,
            Self::Other { identity, .. } => *identity,
        }
    }

    /// The name in table 30.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.identity() {
            1 => "Maximum Receive Unit",
            2 => "Total Message Size",
            3 => "Delay Transmission Timer",
            4 => "Maximum Group",
            5 => "Current TID",
            6 => "No Cached TID",
            7 => "NumGroups",
            _ => "unknown option",
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.identity());
        match self {
            Self::MaximumReceiveUnit(number)
            | Self::TotalMessageSize(number)
            | Self::DelayTransmissionTimer(number)
            | Self::MaximumGroup(number)
            | Self::NumGroups(number) => put_unsigned(out, *number),
            Self::CurrentTid(tid) => out.extend(tid.0.to_be_bytes()),
            Self::NoCachedTid => {}
            Self::Other { value, .. } => out.extend_from_slice(value),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::MaximumReceiveUnit(octets)
            | Self::TotalMessageSize(octets)
            | Self::MaximumGroup(octets) => format!("{octets} octets"),
            Self::DelayTransmissionTimer(tenths) => format!("{}.{} s", tenths / 10, tenths % 10),
            Self::CurrentTid(tid) => tid.to_string(),
            Self::NoCachedTid => String::new(),
            Self::NumGroups(groups) => groups.to_string(),
            Self::Other { identity, value } => format!("{identity:#04x}: {}", hex::encode(value)),
        }
    }
}

/// The number that the octets mean; `None` for none, or above 32 bits.
fn unsigned(octets: &[u8]) -> Option<u32> {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    let significant = octets.get(zeros..).filter(|left| left.len() <= 4 && !octets.is_empty())?;
    Some(significant.iter().fold(0, |number, &octet| (number << 8) | u32::from(octet)))
}

/// The octets that the number needs, one at least.
fn put_unsigned(out: &mut Vec<u8>, number: u32) {
    let octets = number.to_be_bytes();
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count().min(3);
    out.extend_from_slice(&octets[zeros..]);
}

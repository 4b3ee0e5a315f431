//! WTP protocol data units (WAP-224-WTP-20010710-a clauses 8.2 and 8.3).

use bytes::Bytes;

use super::tpi::CON;
use super::{Abort, Tid, Tpi, Trailer, TransactionClass};
use crate::codec::wsp::{Reader, Warnings};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Most items in one variable header; a few are defined and each makes sense once.
pub const MAX_TPIS: usize = 32;

/// The version of this specification, in Invoke.
pub const VERSION: u8 = 0;

/// Retransmission Indicator, in all PDUs but Abort.
const RID: u8 = 0x01;

/// A PDU: what all kinds have in common and what makes its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// Which transaction.
    pub tid: Tid,
    /// The kind with its fixed fields and its user data.
    pub body: Body,
    /// The variable part of the header.
    pub tpis: Vec<Tpi>,
}

/// The kinds of PDU. `retransmission` (RID) tells a packet that its sender sent again from one that
/// the network doubled; `psn` is the packet's number in its message, Invoke and Result are number 0.
/// `data` is a slice of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// 1: begins a transaction.
    Invoke {
        /// Where it stands in a segmented message.
        trailer: Trailer,
        /// RID.
        retransmission: bool,
        /// 0 to 3; [`VERSION`].
        version: u8,
        /// The next TID will be lower than the last.
        tid_new: bool,
        /// U/P: the user of WTP is to acknowledge, not WTP alone.
        user_acknowledgement: bool,
        /// TCL.
        class: TransactionClass,
        /// User data.
        data: Bytes,
    },
    /// 2: the result of a class 2 transaction.
    Result {
        /// Where it stands in a segmented message.
        trailer: Trailer,
        /// RID.
        retransmission: bool,
        /// User data.
        data: Bytes,
    },
    /// 3: acknowledges; a group of segments by its PSN TPI.
    Ack {
        /// RID.
        retransmission: bool,
        /// Tve/Tok: from the responder "is there such a transaction?", from the initiator "yes".
        verify: bool,
    },
    /// 4: ends the transaction.
    Abort(Abort),
    /// 5: a further segment of an Invoke.
    SegmentedInvoke {
        /// Where it stands.
        trailer: Trailer,
        /// RID.
        retransmission: bool,
        /// Packet Sequence Number, its low eight bits.
        psn: u8,
        /// User data.
        data: Bytes,
    },
    /// 6: a further segment of a Result.
    SegmentedResult {
        /// Where it stands.
        trailer: Trailer,
        /// RID.
        retransmission: bool,
        /// Packet Sequence Number, its low eight bits.
        psn: u8,
        /// User data.
        data: Bytes,
    },
    /// 7: asks for segments again.
    NegativeAck {
        /// RID.
        retransmission: bool,
        /// PSNs of the missing segments; none means the whole group. More than 255 cannot be
        /// written and mean the whole group too.
        missing: Bytes,
    },
}

impl Body {
    /// The four bits that say what it is (table 11).
    #[must_use]
    pub const fn pdu_type(&self) -> u8 {
        match self {
            Self::Invoke { .. } => 1,
            Self::Result { .. } => 2,
            Self::Ack { .. } => 3,
            Self::Abort(_) => 4,
            Self::SegmentedInvoke { .. } => 5,
            Self::SegmentedResult { .. } => 6,
            Self::NegativeAck { .. } => 7,
        }
    }

    /// The name in table 11.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invoke { .. } => "Invoke",
            Self::Result { .. } => "Result",
            Self::Ack { .. } => "Ack",
            Self::Abort(_) => "Abort",
            Self::SegmentedInvoke { .. } => "Segmented Invoke",
            Self::SegmentedResult { .. } => "Segmented Result",
            Self::NegativeAck { .. } => "Negative Ack",
        }
    }

    /// GTR and TTR, where the kind has them.
    #[must_use]
    pub const fn trailer(&self) -> Option<Trailer> {
        match self {
            Self::Invoke { trailer, .. }
            | Self::Result { trailer, .. }
            | Self::SegmentedInvoke { trailer, .. }
            | Self::SegmentedResult { trailer, .. } => Some(*trailer),
            _ => None,
        }
    }

    /// RID, where the kind has it.
    #[must_use]
    pub const fn retransmission(&self) -> Option<bool> {
        match self {
            Self::Invoke { retransmission, .. }
            | Self::Result { retransmission, .. }
            | Self::Ack { retransmission, .. }
            | Self::SegmentedInvoke { retransmission, .. }
            | Self::SegmentedResult { retransmission, .. }
            | Self::NegativeAck { retransmission, .. } => Some(*retransmission),
            Self::Abort(_) => None,
        }
    }

    /// User data, where the kind has it.
    #[must_use]
    pub const fn data(&self) -> Option<&Bytes> {
        match self {
            Self::Invoke { data, .. }
            | Self::Result { data, .. }
            | Self::SegmentedInvoke { data, .. }
            | Self::SegmentedResult { data, .. } => Some(data),
            _ => None,
        }
    }
}

impl Pdu {
    /// Without a variable header.
    #[must_use]
    pub const fn new(tid: Tid, body: Body) -> Self {
        Self { tid, body, tpis: Vec::new() }
    }

    /// The number of the packet that this is, or that it acknowledges, with the high-order bits of
    /// extended segmentation (clause 8.4.5); `None` for Abort and for an Ack without PSN TPI.
    #[must_use]
    pub fn packet_sequence_number(&self) -> Option<u32> {
        let tpi = self.tpis.iter().find_map(|tpi| match tpi {
            Tpi::PacketSequenceNumber(psn) => Some(*psn),
            _ => None,
        });
        match &self.body {
            Body::Invoke { .. } | Body::Result { .. } => Some(0),
            Body::SegmentedInvoke { psn, .. } | Body::SegmentedResult { psn, .. } => {
                Some(tpi.unwrap_or(0) << 8 | u32::from(*psn))
            }
            Body::Ack { .. } | Body::NegativeAck { .. } => tpi,
            Body::Abort(_) => None,
        }
    }

    /// Reads one PDU that fills `octets`. A datagram may hold several: [`super::decode_datagram`].
    ///
    /// # Errors
    /// When the type is none of table 11, when the PDU ends inside its header, or its variable
    /// header has more than [`MAX_TPIS`] items.
    pub fn decode(octets: &Bytes) -> Result<Decoded<Self>, DecodeError> {
        let mut warnings = Warnings::new();
        let value = Self::read(&mut Reader::new(octets), &mut warnings)?;
        Ok(Decoded { value, warnings: warnings.into_sorted() })
    }

    /// Reads the PDU that fills `reader`.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        warnings: &mut Warnings,
    ) -> Result<Self, DecodeError> {
        let start = reader.position();
        let first = reader.u8("PDU Type")?;
        let pdu_type = (first >> 3) & 0x0F;
        if !(1..=7).contains(&pdu_type) {
            let kind = DecodeErrorKind::UnexpectedPdu(pdu_type);
            return Err(DecodeError { field: "PDU Type", offset: start, kind });
        }
        let tid = Tid(u16::from_be_bytes([reader.u8("TID")?, reader.u8("TID")?]));
        let mut body = fixed_header(first, reader, warnings)?;
        let mut tpis = Vec::new();
        let mut more = first & CON != 0;
        while more {
            if tpis.len() == MAX_TPIS {
                return Err(reader.error("TPI", DecodeErrorKind::LimitExceeded { limit: MAX_TPIS }));
            }
            let (tpi, another) = Tpi::decode(reader, warnings)?;
            tpis.push(tpi);
            more = another;
        }
        match &mut body {
            Body::Invoke { data, .. }
            | Body::Result { data, .. }
            | Body::SegmentedInvoke { data, .. }
            | Body::SegmentedResult { data, .. } => *data = reader.rest(),
            _ if !reader.is_empty() => {
                let place = reader.position();
                warnings.not_understood("Data", place, "octets behind the header passed over");
            }
            _ => {}
        }
        Ok(Self { tid, body, tpis })
    }

    /// The octets.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let data = self.body.data().map_or(&[][..], |data| &data[..]);
        let mut out = Vec::with_capacity(16 + data.len());
        let rid = if self.body.retransmission() == Some(true) { RID } else { 0 };
        let trailer = self.body.trailer().map_or(0, Trailer::bits);
        let con = if self.tpis.is_empty() { 0 } else { CON };
        let own = match &self.body {
            Body::Ack { verify: true, .. } => TVE_TOK,
            Body::Abort(abort) => abort.codes().0,
            _ => 0,
        };
        out.push(con | self.body.pdu_type() << 3 | trailer | own | rid);
        out.extend(self.tid.0.to_be_bytes());
        match &self.body {
            Body::Invoke { version, tid_new, user_acknowledgement, class, .. } => {
                let tid_new = if *tid_new { TID_NEW } else { 0 };
                let user = if *user_acknowledgement { USER_ACKNOWLEDGEMENT } else { 0 };
                out.push((version & 0x03) << 6 | tid_new | user | class.number());
            }
            Body::Abort(abort) => out.push(abort.codes().1),
            Body::SegmentedInvoke { psn, .. } | Body::SegmentedResult { psn, .. } => out.push(*psn),
            Body::NegativeAck { missing, .. } => {
                let count = u8::try_from(missing.len()).unwrap_or(0);
                out.push(count);
                out.extend_from_slice(&missing[..usize::from(count)]);
            }
            Body::Result { .. } | Body::Ack { .. } => {}
        }
        for (index, tpi) in self.tpis.iter().enumerate() {
            tpi.encode(index + 1 < self.tpis.len(), &mut out);
        }
        out.extend_from_slice(data);
        Bytes::from(out)
    }
}

const TVE_TOK: u8 = 0x04;
const TID_NEW: u8 = 0x20;
const USER_ACKNOWLEDGEMENT: u8 = 0x10;

/// What the fixed header says beyond type and TID; user data is filled in by the caller.
fn fixed_header(
    first: u8,
    reader: &mut Reader<'_>,
    warnings: &mut Warnings,
) -> Result<Body, DecodeError> {
    let start = reader.position();
    let trailer = Trailer::from_octet(first);
    let retransmission = first & RID != 0;
    let data = Bytes::new();
    let mut reserved = |octet: u8, bits: u8, offset: usize| {
        if octet & bits != 0 {
            warnings.note("RES", offset, format!("reserved bits in {octet:#04x}"));
        }
    };
    // The first octet stands three before what is behind the TID.
    let first_offset = start.saturating_sub(3);
    Ok(match (first >> 3) & 0x0F {
        1 => {
            let flags = reader.u8("Version")?;
            reserved(flags, 0x0C, start);
            Body::Invoke {
                trailer,
                retransmission,
                version: flags >> 6,
                tid_new: flags & TID_NEW != 0,
                user_acknowledgement: flags & USER_ACKNOWLEDGEMENT != 0,
                class: TransactionClass::from_octet(flags),
                data,
            }
        }
        2 => Body::Result { trailer, retransmission, data },
        3 => {
            reserved(first, 0x02, first_offset);
            Body::Ack { retransmission, verify: first & TVE_TOK != 0 }
        }
        4 => Body::Abort(Abort::new(first & 0x07, reader.u8("Abort reason")?)),
        5 => {
            let psn = reader.u8("Packet Sequence Number")?;
            Body::SegmentedInvoke { trailer, retransmission, psn, data }
        }
        6 => {
            let psn = reader.u8("Packet Sequence Number")?;
            Body::SegmentedResult { trailer, retransmission, psn, data }
        }
        _ => {
            reserved(first, 0x06, first_offset);
            let count = usize::from(reader.u8("Number of Missing Packets")?);
            let missing = reader
                .bytes(count, "Number of Missing Packets")
                .map_err(|error| DecodeError { offset: start, ..error })?;
            Body::NegativeAck { retransmission, missing }
        }
    })
}

//! Several WTP PDUs in one datagram (WAP-224-WTP-20010710-a clause 8.5).

use std::ops::Range;

use bytes::Bytes;

use super::Pdu;
use crate::codec::wsp::{Reader, Warnings};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Most PDUs of one datagram; the shortest takes four octets with its length, and what is worth
/// joining are a few acknowledgements.
pub const MAX_CONCATENATED_PDUS: usize = 64;
/// Most octets of one PDU beside others: its length has 15 bits at most.
pub const MAX_CONCATENATED_OCTETS: usize = 0x7FFF;

/// The octet before the first length.
const CONCATENATION_INDICATOR: u8 = 0x00;
/// In the first octet of a length: it has a second octet.
const TWO_OCTETS: u8 = 0x80;

/// What lies at one place of a datagram. A PDU that cannot be read does not hide its neighbours,
/// and its TID may be readable all the same: [`super::Tid::peek`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The octets of the PDU, without its length.
    pub range: Range<usize>,
    /// The PDU, or what is wrong with it; offsets are those of the datagram.
    pub pdu: Result<Pdu, DecodeError>,
}

/// Takes a datagram apart. Total: what cannot be told apart any more is the last frame, with its
/// error.
#[must_use]
pub fn decode_datagram(octets: &Bytes) -> Decoded<Vec<Frame>> {
    let mut warnings = Warnings::new();
    let mut reader = Reader::new(octets);
    let mut frames = Vec::new();
    if reader.peek() != Some(CONCATENATION_INDICATOR) {
        let pdu = Pdu::read(&mut reader, &mut warnings);
        frames.push(Frame { range: 0..octets.len(), pdu });
        return Decoded { value: frames, warnings: warnings.into_sorted() };
    }
    let mut rest = reader.sub(octets.len(), "Concatenation Indicator").unwrap_or(reader);
    let _ = rest.u8("Concatenation Indicator");
    if rest.is_empty() {
        warnings.note("Concatenation Indicator", 0, "nothing behind it");
    }
    while !rest.is_empty() {
        let start = rest.position();
        match next(&mut rest, frames.len()) {
            Ok(mut one) => {
                let range = one.position()..one.position() + one.remaining();
                frames.push(Frame { range, pdu: Pdu::read(&mut one, &mut warnings) });
            }
            Err(error) => {
                frames.push(Frame { range: start..octets.len(), pdu: Err(error) });
                break;
            }
        }
    }
    Decoded { value: frames, warnings: warnings.into_sorted() }
}

/// The octets of the next PDU behind its length.
fn next<'a>(reader: &mut Reader<'a>, before: usize) -> Result<Reader<'a>, DecodeError> {
    const FIELD: &str = "WTP PDU Length";
    let start = reader.position();
    if before == MAX_CONCATENATED_PDUS {
        let kind = DecodeErrorKind::LimitExceeded { limit: MAX_CONCATENATED_PDUS };
        return Err(reader.error("Concatenated PDUs", kind));
    }
    let first = reader.u8(FIELD)?;
    let mut length = usize::from(first & !TWO_OCTETS);
    if first & TWO_OCTETS != 0 {
        length = length << 8 | usize::from(reader.u8(FIELD)?);
    }
    reader.sub(length, FIELD).map_err(|error| DecodeError { offset: start, ..error })
}

/// Joins PDUs that are encoded already; one alone is a datagram as it is. `None` when there is none,
/// more than [`MAX_CONCATENATED_PDUS`], or one beside others is longer than
/// [`MAX_CONCATENATED_OCTETS`].
#[must_use]
pub fn encode_datagram(pdus: &[Bytes]) -> Option<Bytes> {
    if let [only] = pdus {
        return Some(only.clone());
    }
    if pdus.is_empty() || pdus.len() > MAX_CONCATENATED_PDUS {
        return None;
    }
    let mut out = Vec::with_capacity(1 + pdus.iter().map(|pdu| pdu.len() + 2).sum::<usize>());
    out.push(CONCATENATION_INDICATOR);
    for pdu in pdus {
        let [high, low] = u16::try_from(pdu.len())
            .ok()
            .filter(|&length| usize::from(length) <= MAX_CONCATENATED_OCTETS)?
            .to_be_bytes();
        if high == 0 && low & TWO_OCTETS == 0 {
            out.push(low);
        } else {
            out.extend([TWO_OCTETS | high, low]);
        }
        out.extend_from_slice(pdu);
    }
    Some(Bytes::from(out))
}

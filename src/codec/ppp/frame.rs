//! Packets to frames (RFC 1662), with the compressions of RFC 1661 sections 6.5 and 6.6.

use memchr::memchr2_iter;

use super::deframe::{ESCAPE, ESCAPE_BIT, FLAG};
use super::fcs::{INITIAL, fcs16};
use crate::codec::{DecodeError, DecodeErrorKind};

/// All-Stations address and Unnumbered-Information control.
const ADDRESS_CONTROL: [u8; 2] = [0xFF, 0x03];

/// How frames are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameFormat {
    /// Async-Control-Character-Map: which octets below 20 are escaped, lowest bit for 00.
    pub accm: u32,
    /// Leave address and control out (not for LCP).
    pub acfc: bool,
    /// Write protocols below 0100 in one octet (not for LCP).
    pub pfc: bool,
}

impl Default for FrameFormat {
    /// What every peer understands before LCP is open, and what LCP itself always uses.
    fn default() -> Self {
        Self { accm: 0xFFFF_FFFF, acfc: false, pfc: false }
    }
}

impl FrameFormat {
    /// Appends one frame with both its flags. The octets that no ACCM covers are all octets from
    /// 20 up besides flag and escape.
    pub fn encode(&self, protocol: u16, payload: &[u8], out: &mut Vec<u8>) {
        let mut header = [0; 4];
        let mut length = 0;
        let mut put = |octet| {
            if let Some(place) = header.get_mut(length) {
                *place = octet;
                length += 1;
            }
        };
        if !self.acfc {
            ADDRESS_CONTROL.into_iter().for_each(&mut put);
        }
        let [high, low] = protocol.to_be_bytes();
        if !(self.pfc && high == 0) {
            put(high);
        }
        put(low);
        let header = header.get(..length).unwrap_or(&header);
        let fcs = !fcs16(fcs16(INITIAL, header), payload);

        out.reserve(payload.len() + payload.len() / 16 + 16);
        out.push(FLAG);
        let parts = [header, payload, &fcs.to_le_bytes()];
        if self.accm == 0 {
            parts.into_iter().for_each(|part| escape_rare(part, out));
        } else {
            self.escape_mapped(parts, out);
        }
        out.push(FLAG);
    }

    /// With control characters to escape, random octets have an escape every eight: without a branch
    /// for each octet, since nothing predicts which it is.
    fn escape_mapped(&self, parts: [&[u8]; 3], out: &mut Vec<u8>) {
        let built;
        let written = if self.accm == u32::MAX {
            &ALL_MAPPED
        } else {
            built = written(self.accm);
            &built
        };
        // An octet more than the escaped ones, since two are written for each.
        let mut room = [0; 2 * PIECE + 1];
        for piece in parts.into_iter().flat_map(|part| part.chunks(PIECE)) {
            let mut end = 0;
            for &octet in piece {
                let written = written[usize::from(octet)];
                if let Some(place) = room.get_mut(end..end + 2) {
                    place.copy_from_slice(&(written as u16).to_le_bytes());
                }
                end += (written >> 16) as usize;
            }
            out.extend_from_slice(room.get(..end).unwrap_or_default());
        }
    }
}

/// Octets that are escaped before they are appended.
const PIECE: usize = 128;

/// What is written before LCP has agreed on anything.
static ALL_MAPPED: [u32; 256] = written(u32::MAX);

/// For each octet what is written: two octets and how many of them count, lowest first.
const fn written(accm: u32) -> [u32; 256] {
    let mut written = [0; 256];
    let mut octet = 0_u8;
    loop {
        let mapped = octet < 0x20 && accm >> octet & 1 == 1;
        let octets = if mapped || octet == FLAG || octet == ESCAPE {
            [ESCAPE, octet ^ ESCAPE_BIT, 2, 0]
        } else {
            [octet, 0, 1, 0]
        };
        written[octet as usize] = u32::from_le_bytes(octets);
        if octet == u8::MAX {
            return written;
        }
        octet += 1;
    }
}

/// With flag and escape alone to escape, most octets are copied in long runs.
fn escape_rare(octets: &[u8], out: &mut Vec<u8>) {
    let mut begin = 0;
    for at in memchr2_iter(FLAG, ESCAPE, octets) {
        let (Some(plain), Some(octet)) = (octets.get(begin..at), octets.get(at)) else { break };
        out.extend_from_slice(plain);
        out.extend_from_slice(&[ESCAPE, octet ^ ESCAPE_BIT]);
        begin = at + 1;
    }
    out.extend_from_slice(octets.get(begin..).unwrap_or_default());
}

/// Splits a frame without FCS into protocol and payload, with or without address, control and the
/// high octet of the protocol.
///
/// # Errors
/// When there is no valid protocol field.
pub fn split_frame(frame: &[u8]) -> Result<(u16, &[u8]), DecodeError> {
    let (body, offset) = frame.strip_prefix(&ADDRESS_CONTROL).map_or((frame, 0), |body| (body, 2));
    let error = |kind| DecodeError { field: "Protocol", offset, kind };
    match body {
        [low, payload @ ..] if low & 1 == 1 => Ok((u16::from(*low), payload)),
        [high, low, payload @ ..] if low & 1 == 1 => {
            Ok((u16::from_be_bytes([*high, *low]), payload))
        }
        [_, low, ..] => Err(error(DecodeErrorKind::InvalidValue(*low))),
        _ => Err(error(DecodeErrorKind::Truncated)),
    }
}

/// The frame as a capture shows it: `FF 03`, the protocol in two octets, the payload.
#[must_use]
pub fn normalised(protocol: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 4);
    frame.extend_from_slice(&ADDRESS_CONTROL);
    frame.extend_from_slice(&protocol.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lcp_configure_request_is_escaped_as_rfc_1662_says() {
        // Configure-Request, id 1, no options; FCS worked by the bitwise definition.
        let mut out = Vec::new();
        FrameFormat::default().encode(0xC021, &[0x01, 0x01, 0x00, 0x04], &mut out);
        assert_eq!(
            out,
            hex::decode("7eff7d23c0217d217d217d207d24d1b57e").unwrap_or_default(),
            "{out:02x?}"
        );
    }

    #[test]
    fn compressed_header_has_one_octet() {
        let mut out = Vec::new();
        FrameFormat { accm: 0, acfc: true, pfc: true }.encode(0x0021, b"ip", &mut out);
        assert_eq!(out.get(..4), Some(&[0x7E, 0x21, b'i', b'p'][..]));
        assert_eq!(split_frame(&[0x21, b'i', b'p']), Ok((0x0021, &b"ip"[..])));
    }

    #[test]
    fn even_protocol_is_no_protocol() {
        assert!(split_frame(&[0xFF, 0x03, 0xC0, 0x20]).is_err());
        assert!(split_frame(&[0xFF, 0x03]).is_err());
        assert!(split_frame(&[]).is_err());
    }

    proptest! {
        #[test]
        fn split_undoes_normalised(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
            let frame = normalised(0x8021, &payload);
            prop_assert_eq!(split_frame(&frame), Ok((0x8021, payload.as_slice())));
        }
    }
}

//! Captures that `--keep` writes (draft-ietf-opsawg-pcapng sections 3 and 4): PPP frames told, AT
//! dialogue and frames of the multiplexer shown. Both byte orders are read; blocks of other kinds are passed over.

use bytes::Bytes;

use super::decode_ppp::Frames;
use super::decode_report::{Failure, Report};
use crate::codec::cmux::{Deframed, Deframer, MAX_INFORMATION};

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const LINKTYPE_PPP: u16 = 9;
const LINKTYPE_USER0: u16 = 147;
const LINKTYPE_MUX27010: u16 = 236;
/// Direction in the flags of a packet.
const OPT_FLAGS: u16 = 2;

/// Most interfaces of one section.
const MAX_INTERFACES: usize = 64;

/// Whether the octets begin with a section header.
pub(super) fn begins(octets: &[u8]) -> bool {
    octets.starts_with(&SECTION_HEADER.to_be_bytes())
        && octets.get(8..12).is_some_and(|magic| {
            magic == BYTE_ORDER_MAGIC.to_le_bytes() || magic == BYTE_ORDER_MAGIC.to_be_bytes()
        })
}

/// Numbers in the byte order of the section.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let word: [u8; 4] = octets.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn u16(self, octets: &[u8], at: usize) -> Option<u16> {
        let word: [u8; 2] = octets.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) })
    }
}

/// Every packet of the file.
pub(super) fn report(file: &Bytes) -> Report {
    let mut frames = Frames::new(file.clone());
    let mut interfaces: Vec<u16> = Vec::new();
    let mut order = Order { big: false };
    let mut at = 0;
    let mut broken = None;
    while at < file.len() {
        let rest = file.get(at..).unwrap_or_default();
        if rest.starts_with(&SECTION_HEADER.to_be_bytes()) {
            order.big = rest.get(8..12) == Some(&BYTE_ORDER_MAGIC.to_be_bytes());
            interfaces.clear();
        }
        let kind = order.u32(rest, 0).unwrap_or_default();
        let length = order.u32(rest, 4).and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
        let Some(body) = rest.get(8..length.saturating_sub(4)).filter(|_| length.is_multiple_of(4))
        else {
            broken = Some(at);
            break;
        };
        match kind {
            INTERFACE_DESCRIPTION if interfaces.len() < MAX_INTERFACES => {
                interfaces.push(order.u16(body, 0).unwrap_or_default());
            }
            ENHANCED_PACKET => {
                let read = packet(&mut frames, order, &interfaces, body, at);
                broken = broken.or_else(|| read.is_none().then_some(at));
            }
            _ => {}
        }
        at += length;
    }
    let mut report = frames.report("packets");
    report.kind = "pcapng";
    report.error = broken.map(|at| {
        report.pdu = None;
        Failure::new("block", at, "the file ends within a block, or the block is broken")
    });
    report
}

fn packet(
    frames: &mut Frames,
    order: Order,
    interfaces: &[u16],
    body: &[u8],
    at: usize,
) -> Option<()> {
    let interface = usize::try_from(order.u32(body, 0)?).ok()?;
    let high = u64::from(order.u32(body, 4)?);
    let nanoseconds = high << 32 | u64::from(order.u32(body, 8)?);
    let captured = usize::try_from(order.u32(body, 12)?).ok()?;
    let octets = body.get(20..captured.checked_add(20)?)?;
    let start = at + 8 + 20;
    let range = start..start + octets.len();
    let options = body.get(20 + captured.next_multiple_of(4)..).unwrap_or_default();
    let direction = match flags(order, options) & 3 {
        1 => "received ",
        2 => "sent ",
        _ => "",
    };
    let seconds = nanoseconds / 1_000_000_000;
    let lead = format!("{seconds}.{:06} {direction}", nanoseconds % 1_000_000_000 / 1000);
    match interfaces.get(interface).copied() {
        Some(LINKTYPE_PPP) => frames.frame(octets, range, &lead),
        Some(LINKTYPE_USER0) => {
            let text = String::from_utf8_lossy(octets);
            let text = text.trim().replace('\r', "\\r").replace('\n', "\\n");
            frames.item("text", "AT", &format!("{lead}{text}"), range);
        }
        Some(LINKTYPE_MUX27010) => {
            // The index of the PPP inside, the direction, the frame.
            let index = usize::from(octets.first().copied().unwrap_or_default());
            let mut text = lead.clone();
            Deframer::new(MAX_INFORMATION).feed(octets.get(index + 2..)?, |one| match one {
                Deframed::Frame(frame) => text.push_str(&frame.to_string()),
                Deframed::Bad(error) => text.push_str(&error.to_string()),
                Deframed::Text(_) => text.push_str("no frame"),
            });
            frames.item("frame", "CMUX", &text, range);
        }
        other => {
            let link = other.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
            let text = format!("{lead}{} octets of link type {link}", octets.len());
            frames.item("packet", "packet", &text, range);
        }
    }
    Some(())
}

fn flags(order: Order, mut options: &[u8]) -> u32 {
    while let (Some(code), Some(length)) = (order.u16(options, 0), order.u16(options, 2)) {
        let length = usize::from(length);
        if code == OPT_FLAGS {
            return order.u32(options, 4).unwrap_or(0);
        }
        match options.get(4 + length.next_multiple_of(4)..) {
            Some(rest) if code != 0 => options = rest,
            _ => break,
        }
    }
    0
}

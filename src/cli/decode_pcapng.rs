//! Captures that `--pcap` and `--keep` write, and those of other programs: PPP frames told, AT
//! dialogue and frames of the multiplexer shown.

use bytes::Bytes;

use super::decode_ppp::Frames;
use super::decode_report::{Failure, Report};
use crate::codec::cmux::{Deframed, Deframer, MAX_INFORMATION};
use crate::codec::pcapng::{
    Block, Blocks, Captured, LINKTYPE_MUX27010, LINKTYPE_PPP, LINKTYPE_USER0,
};
use crate::model::TapDirection;

/// Every packet of the file.
pub(super) fn report(file: &Bytes) -> Report {
    let mut frames = Frames::new(file.clone());
    let mut interfaces: Vec<u16> = Vec::new();
    let mut broken = None;
    for block in Blocks::new(file) {
        match block {
            Ok((_, Block::Section)) => interfaces.clear(),
            Ok((_, Block::Interface(interface))) => interfaces.push(interface.link_type),
            Ok((_, Block::Packet(found))) => {
                let octets = file.get(found.octets.clone()).unwrap_or_default();
                packet(&mut frames, interfaces.get(found.interface).copied(), &found, octets);
            }
            Ok((_, Block::Other(_))) => {}
            Err(at) => broken = Some(at),
        }
    }
    let mut report = frames.report("packets");
    report.kind = "pcapng";
    report.error = broken.map(|at| {
        report.pdu = None;
        Failure::new("block", at, "the file ends within a block, or the block is broken")
    });
    report
}

fn packet(frames: &mut Frames, link_type: Option<u16>, found: &Captured, octets: &[u8]) {
    let range = found.octets.clone();
    let direction = match found.direction {
        Some(TapDirection::Received) => "received ",
        Some(TapDirection::Sent) => "sent ",
        None => "",
    };
    let (seconds, rest) = (found.nanoseconds / 1_000_000_000, found.nanoseconds % 1_000_000_000);
    let lead = format!("{seconds}.{:06} {direction}", rest / 1000);
    match link_type {
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
            let frame = octets.get(index + 2..).unwrap_or_default();
            Deframer::new(MAX_INFORMATION).feed(frame, |one| match one {
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
}

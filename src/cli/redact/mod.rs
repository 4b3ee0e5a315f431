//! A copy of a capture without what is private, packet by packet as long as it was, so that somebody
//! who helps can read it: phone numbers, identities of SIM and modem, PINs, names and passwords,
//! contents and addresses of messages are replaced, checksums are made anew. What is not understood
//! is hidden wholly.
//!
//! The file is written anew: of the blocks only interfaces and packets are carried over, of their
//! options only those that this program writes. What a multiplexer's frames carry is hidden wholly,
//! since it stands on the other interfaces.

mod at;
pub(super) mod command;
mod http;
mod mask;
mod mms;
mod ppp;
mod streams;

use crate::codec::cmux::{self, Deframed, Deframer, MAX_INFORMATION};
use crate::codec::pcapng::{
    self, Block, Blocks, INTERFACE_STATISTICS, LINKTYPE_MUX27010, LINKTYPE_PPP, LINKTYPE_USER0,
    MAX_INTERFACES,
};
use crate::model::TapDirection;

/// One packet on its way through.
#[derive(Debug)]
struct Packet {
    interface: usize,
    nanoseconds: u64,
    octets: Vec<u8>,
    original: usize,
    direction: Option<TapDirection>,
    comment: String,
    dropped: u64,
}

/// What was made of a capture.
#[derive(Debug)]
pub(super) struct Redacted {
    /// The copy.
    pub(super) file: Vec<u8>,
    /// Packets in it.
    pub(super) packets: usize,
    /// Blocks that are not in it, as those of other programs that may say anything.
    pub(super) left_out: usize,
    /// Where the capture is broken; what comes behind is not in the copy.
    pub(super) broken: Option<usize>,
}

/// Makes the copy.
pub(super) fn redact(file: &[u8]) -> Redacted {
    let mut interfaces = Vec::new();
    let mut packets = Vec::new();
    let (mut left_out, mut broken, mut first) = (0, None, 0);
    for block in Blocks::new(file) {
        match block {
            Ok((_, Block::Section)) => first = interfaces.len(),
            Ok((_, Block::Interface(interface))) if interfaces.len() < MAX_INTERFACES => {
                interfaces.push(interface);
            }
            Ok((_, Block::Packet(found))) if first + found.interface < interfaces.len() => {
                packets.push(Packet {
                    interface: first + found.interface,
                    nanoseconds: found.nanoseconds,
                    octets: file.get(found.octets).unwrap_or_default().to_vec(),
                    original: found.original,
                    direction: found.direction,
                    comment: found.comment,
                    dropped: found.dropped,
                });
            }
            // Counts of what is missing, which the packets tell as well.
            Ok((_, Block::Other(INTERFACE_STATISTICS))) => {}
            Ok(_) => left_out += 1,
            Err(at) => broken = Some(at),
        }
    }
    let link_types: Vec<u16> = interfaces.iter().map(|interface| interface.link_type).collect();
    hide(&mut packets, &link_types);

    let mut copy = pcapng::section("redacted by mm1gate capture redact");
    for interface in &interfaces {
        let (name, description) = (plain(&interface.name), plain(&interface.description));
        copy.extend(pcapng::interface(interface.link_type, &name, &description));
    }
    for packet in &packets {
        copy.extend(
            pcapng::Packet {
                interface: u32::try_from(packet.interface).unwrap_or(u32::MAX),
                nanoseconds: packet.nanoseconds,
                octets: &packet.octets,
                original: packet.original,
                direction: packet.direction,
                comment: &plain(&packet.comment),
                dropped: packet.dropped,
            }
            .encode(),
        );
    }
    Redacted { file: copy, packets: packets.len(), left_out, broken }
}

fn hide(packets: &mut [Packet], link_types: &[u16]) {
    let mut streams = streams::Streams::default();
    let mut dialogues: Vec<at::Dialogue> =
        link_types.iter().map(|_| at::Dialogue::default()).collect();
    for (index, packet) in packets.iter_mut().enumerate() {
        match link_types.get(packet.interface).copied() {
            Some(LINKTYPE_PPP) => ppp::hide(index, packet, &mut streams),
            Some(LINKTYPE_USER0) => {
                dialogues[packet.interface].hide(packet.direction, &mut packet.octets);
            }
            Some(LINKTYPE_MUX27010) => multiplexed(&mut packet.octets),
            _ => mask::wholly(&mut packet.octets),
        }
    }
    streams.hide(packets);
    for packet in packets {
        if link_types.get(packet.interface) == Some(&LINKTYPE_PPP) {
            ppp::mend(packet);
        }
    }
}

/// A frame of the multiplexer: what it carries is hidden, on the control channel too unless it is
/// one of the commands that say nothing about anybody, and the checksum is made anew.
fn multiplexed(octets: &mut [u8]) {
    // The index of the PPP inside, the direction.
    let [0, _, frame @ ..] = octets else { return mask::wholly(octets) };
    let mut anew = None;
    Deframer::new(MAX_INFORMATION).feed(frame, |one| {
        if let Deframed::Frame(found) = one
            && anew.is_none()
        {
            let hidden = match found.dlci {
                0 => found.information.to_vec(),
                _ => vec![mask::OTHER; found.information.len()],
            };
            let mut octets = Vec::new();
            cmux::Frame { information: &hidden, ..found }.encode(&mut octets);
            anew = Some(octets);
        }
    });
    match anew.filter(|anew| anew.len() == frame.len()) {
        Some(anew) => frame.copy_from_slice(&anew),
        None => mask::wholly(frame),
    }
}

/// Names and comments without numbers of anybody.
fn plain(text: &str) -> String {
    let mut octets = text.as_bytes().to_vec();
    mask::numbers(&mut octets, (false, false));
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests;

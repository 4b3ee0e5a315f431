//! pcapng files with a PPP, an AT and a multiplexer interface (draft-ietf-opsawg-pcapng sections 3
//! and 4): octets only, the caller writes them.
//!
//! Wireshark reads the interfaces of PPP and multiplexer as they are; for the AT interface, which has the first of the
//! link types kept for private use (USER0), it shows octets and comments.

mod read;

use crate::model::{TapChannel, TapDirection};

pub use read::{Block, Blocks, Captured, Interface, MAX_INTERFACES, begins};

/// LINKTYPE_PPP: frames that begin with `FF 03`.
pub const LINKTYPE_PPP: u16 = 9;
/// LINKTYPE_USER0.
pub const LINKTYPE_USER0: u16 = 147;
/// LINKTYPE_MUX27010: the size of an index of the PPP inside, which is not used here; the direction;
/// the frame with its flags.
pub const LINKTYPE_MUX27010: u16 = 236;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Interface Statistics Block (section 4.6).
pub const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// Octets that one packet block carries; more are cut off and the block says so. The largest
/// observation is one read of a tty or one PPP frame, far below this.
pub const SNAP_LENGTH: usize = 65_535;

/// Octets of the longest comment or name that is written.
const MAX_OPTION: usize = 1024;

/// Interfaces that [`interfaces`] adds for each modem.
pub const INTERFACES: u32 = 3;

/// The beginning of a file; an empty `comment` is left out.
#[must_use]
pub fn section(comment: &str) -> Vec<u8> {
    let mut file = Vec::new();
    block(SECTION_HEADER, &mut file, |body| {
        body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        // The section's length is not known.
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        if !comment.is_empty() {
            option(OPT_COMMENT, comment.as_bytes(), body);
        }
        option(SHB_USERAPPL, concat!("mm1gate ", env!("CARGO_PKG_VERSION")).as_bytes(), body);
        end_of_options(body);
    });
    file
}

/// The interfaces of one modem, in the order of PPP, AT and multiplexer.
#[must_use]
pub fn interfaces(name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let interfaces = [
        (LINKTYPE_PPP, "ppp", "PPP frames, escapes and FCS removed"),
        (LINKTYPE_USER0, "at", "AT dialogue on the tty, octets as they are"),
        (LINKTYPE_MUX27010, "mux", "frames of the multiplexer, flags included"),
    ];
    for (link_type, suffix, description) in interfaces {
        file.extend(interface(link_type, &format!("{name}-{suffix}"), description));
    }
    file
}

/// One interface, whose time stamps count nanoseconds. Empty texts are left out.
#[must_use]
pub fn interface(link_type: u16, name: &str, description: &str) -> Vec<u8> {
    let mut file = Vec::new();
    block(INTERFACE_DESCRIPTION, &mut file, |body| {
        body.extend_from_slice(&link_type.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        body.extend_from_slice(&(SNAP_LENGTH as u32).to_le_bytes());
        for (code, text) in [(IF_NAME, name), (IF_DESCRIPTION, description)] {
            if !text.is_empty() {
                option(code, text.as_bytes(), body);
            }
        }
        option(IF_TSRESOL, &[9], body);
        end_of_options(body);
    });
    file
}

/// What an interface has seen: packets that are missing from the file because whoever wrote it could
/// not keep up (section 4.6).
#[must_use]
pub fn statistics(interface: u32, nanoseconds: u64, dropped: u64) -> Vec<u8> {
    let mut file = Vec::new();
    block(INTERFACE_STATISTICS, &mut file, |body| {
        body.extend_from_slice(&interface.to_le_bytes());
        body.extend_from_slice(&((nanoseconds >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(nanoseconds as u32).to_le_bytes());
        option(ISB_IFDROP, &dropped.to_le_bytes(), body);
        end_of_options(body);
    });
    file
}

/// Where a channel stands among a modem's interfaces.
#[must_use]
pub const fn place(channel: TapChannel) -> u32 {
    match channel {
        TapChannel::Ppp => 0,
        TapChannel::At => 1,
        TapChannel::Mux => 2,
    }
}

/// A packet of any interface.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The number of its interface in the section.
    pub interface: u32,
    /// Since 1970-01-01 UTC.
    pub nanoseconds: u64,
    /// The octets, as its link type wants them.
    pub octets: &'a [u8],
    /// How many there were before any were cut off.
    pub original: usize,
    /// Which way it went, where that is known.
    pub direction: Option<TapDirection>,
    /// For people; empty: none.
    pub comment: &'a str,
    /// Packets of this interface that are missing before this one.
    pub dropped: u64,
}

impl Packet<'_> {
    /// The block.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.octets.len() + 80);
        block(ENHANCED_PACKET, &mut file, |body| {
            body.extend_from_slice(&self.interface.to_le_bytes());
            body.extend_from_slice(&((self.nanoseconds >> 32) as u32).to_le_bytes());
            body.extend_from_slice(&(self.nanoseconds as u32).to_le_bytes());
            body.extend_from_slice(&length(self.octets.len()).to_le_bytes());
            body.extend_from_slice(&length(self.original).to_le_bytes());
            padded(self.octets, body);
            if !self.comment.is_empty() {
                option(OPT_COMMENT, self.comment.as_bytes(), body);
            }
            if let Some(direction) = self.direction {
                let flags: u32 = match direction {
                    TapDirection::Received => 1,
                    TapDirection::Sent => 2,
                };
                option(EPB_FLAGS, &flags.to_le_bytes(), body);
            }
            if self.dropped > 0 {
                option(EPB_DROPCOUNT, &self.dropped.to_le_bytes(), body);
            }
            end_of_options(body);
        });
        file
    }
}
fn block(kind: u32, file: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    fill(&mut body);
    let total = length(body.len() + 12).to_le_bytes();
    file.extend_from_slice(&kind.to_le_bytes());
    file.extend_from_slice(&total);
    file.extend_from_slice(&body);
    file.extend_from_slice(&total);
}

fn option(code: u16, value: &[u8], body: &mut Vec<u8>) {
    let value = value.get(..MAX_OPTION).unwrap_or(value);
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&(value.len() as u16).to_le_bytes());
    padded(value, body);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend_from_slice(&[0; 4]);
}

fn padded(octets: &[u8], body: &mut Vec<u8>) {
    body.extend_from_slice(octets);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks the blocks of a file and gives their types and bodies.
    fn blocks(mut file: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let word = |at: &[u8]| u32::from_le_bytes(at[..4].try_into().unwrap());
        let mut found = Vec::new();
        while !file.is_empty() {
            let total = word(&file[4..]) as usize;
            assert_eq!(total % 4, 0);
            assert_eq!(word(&file[total - 4..]) as usize, total);
            found.push((word(file), file[8..total - 4].to_vec()));
            file = &file[total..];
        }
        found
    }

    #[test]
    fn file_has_section_three_interfaces_and_packets() {
        let packet = |interface, nanoseconds, octets: &[u8], direction, comment, dropped| {
            let original = octets.len();
            let direction = Some(direction);
            Packet { interface, nanoseconds, octets, original, direction, comment, dropped }
                .encode()
        };
        let mut file = [section("why"), interfaces("front-desk")].concat();
        let (sent, received) = (TapDirection::Sent, TapDirection::Received);
        file.extend(packet(place(TapChannel::At), 0x1_0000_0002, b"AT\r", sent, "hello", 0));
        file.extend(packet(place(TapChannel::Ppp), 7, &[0xFF, 3, 0, 0x21, 0x45], received, "", 3));
        file.extend(statistics(2, 9, 5));
        let blocks = blocks(&file);
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [SECTION_HEADER, 1, 1, 1, 6, 6, 5]);
        assert_eq!(blocks[0].1[16..23], *b"\x01\0\x03\0why");
        for (block, link_type) in [(1, 9), (2, 147), (3, 236)] {
            assert_eq!(blocks[block].1[..2], [link_type, 0]);
        }
        assert_eq!(
            blocks[4].1,
            [
                &[1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0][..],
                b"AT\r\0",
                &[1, 0, 5, 0],
                b"hello\0\0\0",
                &[2, 0, 4, 0, 2, 0, 0, 0],
                &[0, 0, 0, 0],
            ]
            .concat()
        );
        assert_eq!(blocks[5].1[20..28], [0xFF, 3, 0, 0x21, 0x45, 0, 0, 0]);
        assert_eq!(blocks[5].1[28..36], [2, 0, 4, 0, 1, 0, 0, 0]);
        assert_eq!(blocks[5].1[36..48], [4, 0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(blocks[6].1[..12], [2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]);
        assert_eq!(blocks[6].1[12..24], [5, 0, 8, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
    }
}

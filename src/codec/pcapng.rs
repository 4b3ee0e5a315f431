//! pcapng files with a PPP, an AT and a multiplexer interface (draft-ietf-opsawg-pcapng sections 3
//! and 4): octets only, the caller writes them.
//!
//! Wireshark reads the interfaces of PPP and multiplexer as they are; for the AT interface, which has the first of the
//! link types kept for private use (USER0), it shows octets and comments.

use crate::model::{TapChannel, TapDirection};

/// LINKTYPE_PPP: frames that begin with `FF 03`.
const LINKTYPE_PPP: u16 = 9;
/// LINKTYPE_USER0.
const LINKTYPE_USER0: u16 = 147;
/// LINKTYPE_MUX27010: the size of an index of the PPP inside, which is not used here; the direction;
/// the frame with its flags.
const LINKTYPE_MUX27010: u16 = 236;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;

/// Octets that one packet block carries; more are cut off and the block says so. The largest
/// observation is one read of a tty or one PPP frame, far below this.
pub const SNAP_LENGTH: usize = 65_535;

/// Octets of the longest comment or name that is written.
const MAX_OPTION: usize = 1024;

/// The beginning of a file: section header and the three interfaces. `name` is the modem's name.
#[must_use]
pub fn header(name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    block(SECTION_HEADER, &mut file, |body| {
        body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend_from_slice(&1_u16.to_le_bytes());
        body.extend_from_slice(&0_u16.to_le_bytes());
        // The section's length is not known.
        body.extend_from_slice(&u64::MAX.to_le_bytes());
        option(SHB_USERAPPL, concat!("mm1gate ", env!("CARGO_PKG_VERSION")).as_bytes(), body);
        end_of_options(body);
    });
    let interfaces = [
        (LINKTYPE_PPP, "ppp", "PPP frames, escapes and FCS removed"),
        (LINKTYPE_USER0, "at", "AT dialogue on the tty, octets as they are"),
        (LINKTYPE_MUX27010, "mux", "frames of the multiplexer, flags included"),
    ];
    for (link_type, suffix, description) in interfaces {
        block(INTERFACE_DESCRIPTION, &mut file, |body| {
            body.extend_from_slice(&link_type.to_le_bytes());
            body.extend_from_slice(&0_u16.to_le_bytes());
            body.extend_from_slice(&(SNAP_LENGTH as u32).to_le_bytes());
            option(IF_NAME, format!("{name}-{suffix}").as_bytes(), body);
            option(IF_DESCRIPTION, description.as_bytes(), body);
            option(IF_TSRESOL, &[9], body);
            end_of_options(body);
        });
    }
    file
}

/// One observation as a packet block. `nanoseconds` count from 1970-01-01 UTC; an empty `comment`
/// is left out.
#[must_use]
pub fn packet(
    channel: TapChannel,
    direction: TapDirection,
    nanoseconds: u64,
    octets: &[u8],
    comment: &str,
) -> Vec<u8> {
    let interface: u32 = match channel {
        TapChannel::Ppp => 0,
        TapChannel::At => 1,
        TapChannel::Mux => 2,
    };
    let lead: &[u8] = match (channel, direction) {
        (TapChannel::Ppp | TapChannel::At, _) => &[],
        (TapChannel::Mux, TapDirection::Sent) => &[0, 0],
        (TapChannel::Mux, TapDirection::Received) => &[0, 1],
    };
    let flags: u32 = match direction {
        TapDirection::Received => 1,
        TapDirection::Sent => 2,
    };
    let captured = octets.get(..SNAP_LENGTH - lead.len()).unwrap_or(octets);
    let mut file = Vec::with_capacity(captured.len() + 64);
    block(ENHANCED_PACKET, &mut file, |body| {
        body.extend_from_slice(&interface.to_le_bytes());
        body.extend_from_slice(&((nanoseconds >> 32) as u32).to_le_bytes());
        body.extend_from_slice(&(nanoseconds as u32).to_le_bytes());
        body.extend_from_slice(&length(lead.len() + captured.len()).to_le_bytes());
        body.extend_from_slice(&length(lead.len() + octets.len()).to_le_bytes());
        padded(&[lead, captured].concat(), body);
        if !comment.is_empty() {
            option(OPT_COMMENT, comment.as_bytes(), body);
        }
        option(EPB_FLAGS, &flags.to_le_bytes(), body);
        end_of_options(body);
    });
    file
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
        let mut file = header("front-desk");
        file.extend(packet(TapChannel::At, TapDirection::Sent, 0x1_0000_0002, b"AT\r", "hello"));
        file.extend(packet(
            TapChannel::Ppp,
            TapDirection::Received,
            7,
            &[0xFF, 3, 0, 0x21, 0x45],
            "",
        ));
        let frame = [0xF9, 0x03, 0x73, 0x01, 0xD7, 0xF9];
        file.extend(packet(TapChannel::Mux, TapDirection::Received, 9, &frame, ""));
        let blocks = blocks(&file);
        let kinds: Vec<u32> = blocks.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [SECTION_HEADER, 1, 1, 1, 6, 6, 6]);
        assert_eq!(blocks[1].1[..2], [9, 0]);
        assert_eq!(blocks[2].1[..2], [147, 0]);
        assert_eq!(blocks[3].1[..2], [236, 0]);
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
        assert_eq!(blocks[6].1[12..16], [8, 0, 0, 0]);
        assert_eq!(blocks[6].1[20..28], [0, 1, 0xF9, 0x03, 0x73, 0x01, 0xD7, 0xF9]);
    }

    #[test]
    fn too_long_observation_is_cut_and_says_so() {
        let file = packet(TapChannel::Ppp, TapDirection::Sent, 0, &vec![0; SNAP_LENGTH + 10], "");
        let (_, body) = &blocks(&file)[0];
        assert_eq!(body[12..16], (SNAP_LENGTH as u32).to_le_bytes());
        assert_eq!(body[16..20], (SNAP_LENGTH as u32 + 10).to_le_bytes());
    }
}

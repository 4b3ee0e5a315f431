//! Reads pcapng files of any program, in both byte orders (draft-ietf-opsawg-pcapng sections 3
//! and 4): interfaces and packets are told, blocks of other kinds only named.

use std::ops::Range;

use super::{
    BYTE_ORDER_MAGIC, ENHANCED_PACKET, EPB_DROPCOUNT, EPB_FLAGS, IF_DESCRIPTION, IF_NAME,
    IF_TSRESOL, INTERFACE_DESCRIPTION, OPT_COMMENT, SECTION_HEADER,
};
use crate::model::TapDirection;

/// Most interfaces of one section.
pub const MAX_INTERFACES: usize = 256;
/// Most options of one block that are looked at.
const MAX_OPTIONS: usize = 64;

/// Whether the octets begin with a section header.
#[must_use]
pub fn begins(octets: &[u8]) -> bool {
    octets.starts_with(&SECTION_HEADER.to_be_bytes())
        && octets.get(8..12).is_some_and(|magic| {
            magic == BYTE_ORDER_MAGIC.to_le_bytes() || magic == BYTE_ORDER_MAGIC.to_be_bytes()
        })
}

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A section begins, and with it the numbering of interfaces.
    Section,
    /// An interface, numbered from 0 in its section.
    Interface(Interface),
    /// A packet.
    Packet(Captured),
    /// Something else, by its type.
    Other(u32),
}

/// What is told of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The link type (LINKTYPE_...).
    pub link_type: u16,
    /// Its name; empty when it has none.
    pub name: String,
    /// What it is, in words; empty when it does not say.
    pub description: String,
}

/// A packet and where its octets lie in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// The number of its interface in the section.
    pub interface: usize,
    /// Since 1970-01-01 UTC, whatever unit the interface has.
    pub nanoseconds: u64,
    /// Its octets.
    pub octets: Range<usize>,
    /// How many there were before any were cut off.
    pub original: usize,
    /// Which way it went, where that is told.
    pub direction: Option<TapDirection>,
    /// For people; empty when there is none.
    pub comment: String,
    /// Packets of this interface that are missing before this one.
    pub dropped: u64,
}

/// The blocks of a file with their places. A broken block is the last: its place is told.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    file: &'a [u8],
    at: usize,
    order: Order,
    /// Units of the interfaces' time stamps (`if_tsresol`).
    resolutions: Vec<u8>,
}

impl<'a> Blocks<'a> {
    /// Reads a file.
    #[must_use]
    pub const fn new(file: &'a [u8]) -> Self {
        Self { file, at: 0, order: Order { big: false }, resolutions: Vec::new() }
    }

    fn block(&mut self) -> Option<Block> {
        let rest = self.file.get(self.at..)?;
        if rest.starts_with(&SECTION_HEADER.to_be_bytes()) {
            self.order.big = rest.get(8..12)? == BYTE_ORDER_MAGIC.to_be_bytes();
            self.resolutions.clear();
        }
        let kind = self.order.u32(rest, 0)?;
        let length = usize::try_from(self.order.u32(rest, 4)?).ok()?;
        let body = rest.get(8..length.checked_sub(4)?).filter(|_| length.is_multiple_of(4))?;
        let start = self.at + 8;
        self.at += length;
        rest.get(..length)?;
        Some(match kind {
            SECTION_HEADER => Block::Section,
            INTERFACE_DESCRIPTION => Block::Interface(self.interface(body)?),
            ENHANCED_PACKET => Block::Packet(self.packet(body, start)?),
            other => Block::Other(other),
        })
    }

    fn interface(&mut self, body: &[u8]) -> Option<Interface> {
        if self.resolutions.len() >= MAX_INTERFACES {
            return None;
        }
        let link_type = self.order.u16(body, 0)?;
        let mut found = Interface { link_type, name: String::new(), description: String::new() };
        let mut resolution = 6;
        for (code, value) in self.order.options(body.get(8..).unwrap_or_default()) {
            match code {
                IF_NAME => found.name = String::from_utf8_lossy(value).into_owned(),
                IF_DESCRIPTION => found.description = String::from_utf8_lossy(value).into_owned(),
                IF_TSRESOL => resolution = value.first().copied().unwrap_or(6),
                _ => {}
            }
        }
        self.resolutions.push(resolution);
        Some(found)
    }

    fn packet(&self, body: &[u8], start: usize) -> Option<Captured> {
        let interface = usize::try_from(self.order.u32(body, 0)?).ok()?;
        let stamp = u64::from(self.order.u32(body, 4)?) << 32 | u64::from(self.order.u32(body, 8)?);
        let captured = usize::try_from(self.order.u32(body, 12)?).ok()?;
        let original = usize::try_from(self.order.u32(body, 16)?).ok()?;
        let end = captured.checked_add(20)?;
        body.get(20..end)?;
        let mut found = Captured {
            interface,
            nanoseconds: nanoseconds(stamp, *self.resolutions.get(interface)?),
            octets: start + 20..start + end,
            original,
            direction: None,
            comment: String::new(),
            dropped: 0,
        };
        let options = body.get(end.checked_next_multiple_of(4)?..).unwrap_or_default();
        for (code, value) in self.order.options(options) {
            match code {
                OPT_COMMENT => found.comment = String::from_utf8_lossy(value).into_owned(),
                EPB_FLAGS => {
                    found.direction = match self.order.u32(value, 0)? & 3 {
                        1 => Some(TapDirection::Received),
                        2 => Some(TapDirection::Sent),
                        _ => None,
                    };
                }
                EPB_DROPCOUNT => found.dropped = self.order.u64(value)?,
                _ => {}
            }
        }
        Some(found)
    }
}

impl Iterator for Blocks<'_> {
    /// A block and where it begins, or where the file is broken.
    type Item = Result<(usize, Block), usize>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.file.len() {
            return None;
        }
        let at = self.at;
        let block = self.block();
        if block.is_none() {
            self.at = self.file.len();
        }
        Some(block.map(|block| (at, block)).ok_or(at))
    }
}

/// Stamps of a unit that is a power of ten or, with the high bit, of two (section 4.2).
fn nanoseconds(stamp: u64, resolution: u8) -> u64 {
    let stamp = u128::from(stamp);
    let power = u32::from(resolution & 0x7F);
    let nanoseconds = if resolution & 0x80 == 0 {
        match power {
            0..=9 => stamp * 10_u128.pow(9 - power),
            _ => stamp / 10_u128.checked_pow(power - 9).unwrap_or(u128::MAX),
        }
    } else {
        (stamp * 1_000_000_000) >> power
    };
    u64::try_from(nanoseconds).unwrap_or(u64::MAX)
}

/// Numbers in the byte order of the section.
#[derive(Debug, Clone, Copy)]
struct Order {
    big: bool,
}

impl Order {
    fn u64(self, octets: &[u8]) -> Option<u64> {
        let octets = *octets.first_chunk()?;
        Some(if self.big { u64::from_be_bytes(octets) } else { u64::from_le_bytes(octets) })
    }

    fn u32(self, octets: &[u8], at: usize) -> Option<u32> {
        let word = *octets.get(at..)?.first_chunk()?;
        Some(if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) })
    }

    fn u16(self, octets: &[u8], at: usize) -> Option<u16> {
        let word = *octets.get(at..)?.first_chunk()?;
        Some(if self.big { u16::from_be_bytes(word) } else { u16::from_le_bytes(word) })
    }

    /// Options up to their end or to the first that is broken.
    fn options(self, mut octets: &[u8]) -> Vec<(u16, &[u8])> {
        let mut found = Vec::new();
        while found.len() < MAX_OPTIONS
            && let (Some(code @ 1..), Some(length)) = (self.u16(octets, 0), self.u16(octets, 2))
            && let Some(value) = octets.get(4..4 + usize::from(length))
        {
            found.push((code, value));
            octets = octets.get(4 + usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Packet, interfaces, section, statistics};
    use super::*;

    fn file() -> Vec<u8> {
        let packet = Packet {
            interface: 1,
            nanoseconds: 1_790_000_000_123_456_789,
            octets: b"AT\r",
            original: 5,
            direction: Some(TapDirection::Sent),
            comment: "hello",
            dropped: 7,
        };
        [section("why"), interfaces("desk"), packet.encode(), statistics(1, 2, 3)].concat()
    }

    #[test]
    fn what_was_written_is_read() {
        let file = file();
        let blocks: Vec<Block> = Blocks::new(&file).map(|block| block.unwrap().1).collect();
        assert_eq!(blocks.len(), 6);
        assert_eq!(blocks[0], Block::Section);
        let Block::Interface(interface) = &blocks[2] else { panic!("{blocks:?}") };
        assert_eq!((interface.link_type, interface.name.as_str()), (147, "desk-at"));
        let Block::Packet(packet) = &blocks[4] else { panic!("{blocks:?}") };
        assert_eq!(&file[packet.octets.clone()], b"AT\r");
        assert_eq!((packet.interface, packet.original, packet.dropped), (1, 5, 7));
        assert_eq!(packet.nanoseconds, 1_790_000_000_123_456_789);
        assert_eq!(
            (packet.direction, packet.comment.as_str()),
            (Some(TapDirection::Sent), "hello")
        );
        assert_eq!(blocks[5], Block::Other(5));
    }

    #[test]
    fn stamps_of_any_unit_are_read() {
        for (stamp, resolution, expected) in [
            (5, 0, 5_000_000_000),
            (5, 6, 5_000),
            (5, 9, 5),
            (5_000, 12, 5),
            (3, 0x81, 1_500_000_000),
            (1, 0x7F, 0),
            (u64::MAX, 0, u64::MAX),
        ] {
            assert_eq!(nanoseconds(stamp, resolution), expected, "{stamp} {resolution}");
        }
    }

    proptest! {
        #[test]
        fn broken_files_end_where_they_are_broken(
            at in 0..400_usize, octet in any::<u8>(), cut in 0..500_usize,
        ) {
            let mut file = file();
            let at = at % file.len();
            file[at] = octet;
            file.truncate(cut);
            let blocks: Vec<_> = Blocks::new(&file).collect();
            prop_assert!(blocks.len() < 200);
            for block in blocks.iter().flatten() {
                if let Block::Packet(packet) = &block.1 {
                    prop_assert!(packet.octets.end <= file.len());
                }
            }
        }
    }
}

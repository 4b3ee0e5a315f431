//! The frame check sequence, FCS-16 (RFC 1662 appendix C.2): short runs sixteen octets a step by
//! tables, long ones folded first.

use std::ops::BitXorAssign;

/// What [`fcs16`] begins with.
pub(crate) const INITIAL: u16 = 0xFFFF;

/// What [`fcs16`] gives over a whole intact frame with its FCS.
pub(crate) const GOOD: u16 = 0xF0B8;

/// The generator polynomial, bits reversed.
const POLYNOMIAL: u16 = 0x8408;

/// `TABLES[n][octet]`: the effect of an octet that `n` more octets follow.
static TABLES: [[u16; 256]; STEP] = tables();

/// Octets that the tables take at once.
const STEP: usize = 16;

/// Octets that are folded at once.
const BLOCK: usize = 128;

/// Octets from which on folding pays.
const MIN_FOLDED: usize = 2 * BLOCK;

/// Goes on with a checksum over `octets`; begin with `FFFF`, and complement the end to send it,
/// low octet first.
#[must_use]
pub fn fcs16(fcs: u16, octets: &[u8]) -> u16 {
    if octets.len() < MIN_FOLDED { sliced(fcs, octets) } else { folded(fcs, octets) }
}

fn sliced(mut fcs: u16, octets: &[u8]) -> u16 {
    let mut chunks = octets.chunks_exact(STEP);
    for chunk in &mut chunks {
        let Ok(mut chunk) = <[u8; STEP]>::try_from(chunk) else { break };
        // Only the first two octets meet what came before; the other look-ups wait for nothing.
        let [low, high] = fcs.to_le_bytes();
        chunk[0] ^= low;
        chunk[1] ^= high;
        fcs = 0;
        for (octet, table) in chunk.iter().zip(TABLES.iter().rev()) {
            fcs ^= table[usize::from(*octet)];
        }
    }
    for &octet in chunks.remainder() {
        let [low, high] = fcs.to_le_bytes();
        fcs = u16::from(high) ^ TABLES[0][usize::from(low ^ octet)];
    }
    fcs
}

/// Makes a long message a short one with the same checksum, without any table.
///
/// The generator is `x^16 + x^12 + x^5 + 1`, and over two elements the power of a sum is the sum of
/// the powers when the exponent is a power of two: its 64th power, a multiple of it, is
/// `x^1024 + x^768 + x^320 + 1`. All of that moves whole words of 64 bits: a word may be taken off
/// when it is added to the words 4, 11 and 16 behind it.
fn folded(fcs: u16, octets: &[u8]) -> u16 {
    let (head, blocks) = octets.split_at(octets.len() % BLOCK);
    let mut block = [0; BLOCK];
    let mut blocks = blocks.chunks_exact(BLOCK);
    if head.len() >= 2 {
        // Zeros before the beginning change nothing once what came before is in the octets that
        // it meets.
        let begin = BLOCK - head.len();
        block[begin..].copy_from_slice(head);
        meet(&mut block[begin..], fcs);
    } else {
        if let Some(first) = blocks.next() {
            block.copy_from_slice(first);
        }
        meet(&mut block, sliced(fcs, head));
    }
    let mut taken = [0; 16];
    let mut words = words(&block);
    for block in blocks {
        taken = take_off(&taken, words);
        words = self::words(block);
    }
    let words = halves(rest(&taken, words));
    let short = rest(&take_off(&[0; 16], words.0), words.1);
    let mut octets = [0; BLOCK / 2];
    for (place, half) in octets.chunks_exact_mut(4).zip(short) {
        place.copy_from_slice(&half.to_le_bytes());
    }
    sliced(0, &octets)
}

/// Adds a checksum to the octets that go on with it.
fn meet(octets: &mut [u8], fcs: u16) {
    for (octet, part) in octets.iter_mut().zip(fcs.to_le_bytes()) {
        *octet ^= part;
    }
}

fn words(block: &[u8]) -> [u64; 16] {
    let mut words = [0; 16];
    for (word, octets) in words.iter_mut().zip(block.chunks_exact(8)) {
        *word = octets.try_into().map_or(0, u64::from_le_bytes);
    }
    words
}

/// The sixteen words as they are when it is their turn to be taken off, after those of the block
/// before: each has what was 4, 11 and 16 before it.
#[inline(always)]
fn take_off<T: Copy + BitXorAssign>(before: &[T; 16], mut words: [T; 16]) -> [T; 16] {
    for at in 0..16 {
        let four = if at >= 4 { words[at - 4] } else { before[at + 12] };
        let eleven = if at >= 11 { words[at - 11] } else { before[at + 5] };
        words[at] ^= before[at];
        words[at] ^= four;
        words[at] ^= eleven;
    }
    words
}

/// The last sixteen words, which stay: with what those before them left, and nothing of each other.
#[inline(always)]
fn rest<T: Copy + BitXorAssign>(before: &[T; 16], mut words: [T; 16]) -> [T; 16] {
    for at in 0..16 {
        words[at] ^= before[at];
        if at < 4 {
            words[at] ^= before[at + 12];
        }
        if at < 11 {
            words[at] ^= before[at + 5];
        }
    }
    words
}

/// The same octets as words of half the size: the 32nd power of the generator folds those likewise.
fn halves(words: [u64; 16]) -> ([u32; 16], [u32; 16]) {
    let (mut first, mut second) = ([0; 16], [0; 16]);
    for (at, word) in words.into_iter().enumerate() {
        let half = if at < 8 { &mut first } else { &mut second };
        half[at % 8 * 2] = (word & u64::from(u32::MAX)) as u32;
        half[at % 8 * 2 + 1] = (word >> 32) as u32;
    }
    (first, second)
}

const fn tables() -> [[u16; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][octet] = value;
        octet += 1;
    }
    let mut step = 1;
    while step < STEP {
        let mut octet = 0;
        while octet < 256 {
            let before = tables[step - 1][octet];
            tables[step][octet] = (before >> 8) ^ tables[0][(before & 0xFF) as usize];
            octet += 1;
        }
        step += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One bit at a time, straight from the definition.
    fn bitwise(mut fcs: u16, octets: &[u8]) -> u16 {
        for &octet in octets {
            fcs ^= u16::from(octet);
            for _ in 0..8 {
                fcs = if fcs & 1 == 1 { (fcs >> 1) ^ POLYNOMIAL } else { fcs >> 1 };
            }
        }
        fcs
    }

    #[test]
    fn check_value_of_the_catalogue() {
        // CRC-16/IBM-SDLC (X.25) of "123456789" is 906E.
        assert_eq!(!fcs16(INITIAL, b"123456789"), 0x906E);
    }

    #[test]
    fn lengths_around_whole_blocks_equal_the_bitwise_definition() {
        let octets: Vec<u8> = (0..1600_u32).map(|at| ((at * at * 31) >> 3) as u8).collect();
        for length in (240..400).chain(1480..1550) {
            let octets = &octets[..length];
            assert_eq!(fcs16(INITIAL, octets), bitwise(INITIAL, octets), "{length}");
        }
    }

    proptest! {
        #[test]
        fn every_length_equals_the_bitwise_definition(octets in proptest::collection::vec(any::<u8>(), 0..700), start in any::<u16>()) {
            prop_assert_eq!(fcs16(start, &octets), bitwise(start, &octets));
            prop_assert_eq!(sliced(start, &octets), bitwise(start, &octets));
        }

        #[test]
        fn intact_frame_leaves_the_good_value(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            let fcs = (!fcs16(INITIAL, &octets)).to_le_bytes();
            prop_assert_eq!(fcs16(fcs16(INITIAL, &octets), &fcs), GOOD);
        }
    }
}

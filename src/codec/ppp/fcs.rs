//! The frame check sequence, FCS-16 (RFC 1662 appendix C.2), sixteen octets a step.

/// What [`fcs16`] begins with.
pub(crate) const INITIAL: u16 = 0xFFFF;

/// What [`fcs16`] gives over a whole intact frame with its FCS.
pub(crate) const GOOD: u16 = 0xF0B8;

/// The generator polynomial, bits reversed.
const POLYNOMIAL: u16 = 0x8408;

/// `TABLES[n][octet]`: the effect of an octet that `n` more octets follow.
static TABLES: [[u16; 256]; STEP] = tables();

/// Octets taken at once.
const STEP: usize = 16;

/// Goes on with a checksum over `octets`; begin with `FFFF`, and complement the end to send it,
/// low octet first.
#[must_use]
pub fn fcs16(mut fcs: u16, octets: &[u8]) -> u16 {
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

    proptest! {
        #[test]
        fn sliced_equals_bitwise(octets in proptest::collection::vec(any::<u8>(), 0..100), start in any::<u16>()) {
            prop_assert_eq!(fcs16(start, &octets), bitwise(start, &octets));
        }

        #[test]
        fn intact_frame_leaves_the_good_value(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            let fcs = (!fcs16(INITIAL, &octets)).to_le_bytes();
            prop_assert_eq!(fcs16(fcs16(INITIAL, &octets), &fcs), GOOD);
        }
    }
}

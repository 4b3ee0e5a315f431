//! Magic numbers (RFC 1661 section 6.4) and challenges from a seed, so that a run can be replayed.

/// A small generator (SplitMix64); not for secrets.
#[derive(Debug, Clone)]
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A magic number, which is never zero (RFC 1661 section 6.4).
    pub(super) fn magic(&mut self) -> u32 {
        loop {
            let number = (self.next() >> 32) as u32;
            if number != 0 {
                return number;
            }
        }
    }

    /// An interface identifier that belongs to nobody's hardware (RFC 5072 section 4.1: the bit
    /// "universal" is clear) and is not zero.
    pub(super) fn interface_id(&mut self) -> u64 {
        loop {
            let number = self.next() & !(1 << 57);
            if number != 0 {
                return number;
            }
        }
    }

    /// Sixteen octets for a CHAP challenge.
    pub(super) fn challenge(&mut self) -> [u8; 16] {
        ((u128::from(self.next()) << 64) | u128::from(self.next())).to_be_bytes()
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

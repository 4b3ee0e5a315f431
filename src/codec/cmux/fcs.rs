//! The frame check sequence, eight bits, low bit first (3GPP TS 27.010 clause 5.2.1.6 and annex B).

/// What [`fcs8`] begins with.
pub(crate) const INITIAL: u8 = 0xFF;

/// What [`fcs8`] gives over intact octets with their FCS.
pub(crate) const GOOD: u8 = 0xCF;

/// The generator polynomial `x^8 + x^2 + x + 1`, bits reversed.
const POLYNOMIAL: u8 = 0xE0;

static TABLE: [u8; 256] = table();

/// Goes on with a checksum over `octets`; begin with `FF`, and complement the end to send it.
#[must_use]
pub fn fcs8(fcs: u8, octets: &[u8]) -> u8 {
    octets.iter().fold(fcs, |fcs, octet| TABLE[usize::from(fcs ^ octet)])
}

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u8;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[octet] = value;
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_catalogue() {
        // CRC-8/ROHC is this one without the complement at the end: D0 over "123456789".
        assert_eq!(fcs8(INITIAL, b"123456789"), 0xD0);
    }

    #[test]
    fn octets_with_their_fcs_give_the_constant() {
        for octets in [&[0x03, 0x3F, 0x01][..], &[0x07, 0xEF, 0x09], &[]] {
            let fcs = !fcs8(INITIAL, octets);
            assert_eq!(fcs8(fcs8(INITIAL, octets), &[fcs]), GOOD);
        }
    }
}

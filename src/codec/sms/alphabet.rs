//! Text in septets and their packing (3GPP TS 23.038 clauses 6.1.2.1 and 6.2.1).

use super::Language;
use super::national::{self, ESCAPE, UNDEFINED};

/// Shown for a septet that no table defines.
const UNKNOWN: char = '\u{fffd}';

/// Which tables are in force; neither is, unless the user data header says so
/// (3GPP TS 23.040 clauses 9.2.3.24.15 and .16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Shift {
    /// The language whose locking shift table stands for the default alphabet.
    pub locking: Option<Language>,
    /// The language whose single shift table stands for the extension table.
    pub single: Option<Language>,
}

/// Septets to text, in time linear in their number. The highest bit of each octet is ignored.
///
/// A septet behind an escape that the extension table does not know is read from the main table,
/// as clause 6.2.1.1 says; a second escape is a blank. A septet that the main table of a national
/// language does not know becomes U+FFFD.
#[must_use]
pub fn decode_gsm7(septets: &[u8], shift: Shift) -> String {
    let (main, extension) = (national::locking(shift.locking), national::single(shift.single));
    let point = |table: &[u16; 128], septet: u8| {
        table.get(usize::from(septet & 0x7f)).copied().unwrap_or(UNDEFINED)
    };
    let mut text = String::with_capacity(septets.len() + septets.len() / 8);
    let mut octets = septets.iter();
    while let Some(septet) = octets.next() {
        let mut found = point(main, *septet);
        if septet & 0x7f == ESCAPE {
            // An escape at the very end says nothing.
            let Some(behind) = octets.next() else { break };
            found = match point(extension, *behind) {
                _ if behind & 0x7f == ESCAPE => u16::from(b' '),
                UNDEFINED => point(main, *behind),
                defined => defined,
            };
        }
        text.push(match found {
            UNDEFINED => UNKNOWN,
            found => char::from_u32(u32::from(found)).unwrap_or(UNKNOWN),
        });
    }
    text
}

/// Text to septets, one to an octet; none when a character is in neither table. Linear in the
/// length of the text.
#[must_use]
pub fn encode_gsm7(text: &str, shift: Shift) -> Option<Vec<u8>> {
    let main = national::locking_reverse(shift.locking)?;
    let extension = national::single_reverse(shift.single)?;
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        if let Some(septet) = main.septet(character) {
            septets.push(septet);
        } else {
            septets.extend([ESCAPE, extension.septet(character)?]);
        }
    }
    Some(septets)
}

/// Takes `count` septets out of `octets`, of which the first begins at bit `first_bit`; fewer when
/// the octets end. Seven octets at a time.
pub(super) fn unpack(octets: &[u8], first_bit: usize, count: usize) -> Vec<u8> {
    let available = (octets.len() * 8).saturating_sub(first_bit) / 7;
    let count = count.min(available);
    let octets = octets.get(first_bit / 8..).unwrap_or_default();
    let skipped = first_bit % 8;
    let mut septets = Vec::with_capacity(count.next_multiple_of(8));
    let mut left = octets;
    while septets.len() < count {
        // Eight septets begin within the first octet and end within the eighth.
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(left) {
            *to = *from;
        }
        let bits = u64::from_le_bytes(word) >> skipped;
        septets.extend((0..8).map(|index| (bits >> (index * 7)) as u8 & 0x7f));
        left = left.get(7..).unwrap_or_default();
    }
    septets.truncate(count);
    septets
}

/// Packs septets behind `first_bit` fill bits (0 to 6), which are zero. Eight septets at a time.
pub(super) fn pack(septets: &[u8], first_bit: usize) -> Vec<u8> {
    let length = (first_bit + septets.len() * 7).div_ceil(8);
    let mut octets = Vec::with_capacity(length + 7);
    let mut carry = 0;
    for group in septets.chunks(8) {
        let mut bits = 0;
        for (index, septet) in group.iter().enumerate() {
            bits |= u64::from(septet & 0x7f) << (index * 7);
        }
        // 56 bits behind at most six: nothing is lost at the top.
        let word = (carry | bits << first_bit).to_le_bytes();
        octets.extend_from_slice(word.get(..7).unwrap_or_default());
        carry = u64::from(word[7]);
    }
    octets.push(u8::try_from(carry).unwrap_or_default());
    octets.truncate(length);
    octets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Shift = Shift { locking: None, single: None };

    /// Every pair of tables.
    fn shifts() -> impl Iterator<Item = Shift> {
        let every = || std::iter::once(None).chain(Language::ALL.into_iter().map(Some));
        every().flat_map(move |locking| every().map(move |single| Shift { locking, single }))
    }

    #[test]
    fn packing_follows_the_example_of_the_specification() {
        // "hellohello" in septets, worked by hand from clause 6.1.2.1.
        let septets = encode_gsm7("hellohello", PLAIN).unwrap();
        let packed = [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37];
        assert_eq!(pack(&septets, 0), packed);
        assert_eq!(decode_gsm7(&unpack(&packed, 0, 10), PLAIN), "hellohello");
    }

    #[test]
    fn every_character_of_every_pair_of_tables_survives() {
        for shift in shifts() {
            // A septet that no table defines has no way back.
            let every: String = (0..0x80_u8)
                .filter(|septet| *septet != ESCAPE)
                .flat_map(|septet| {
                    [decode_gsm7(&[septet], shift), decode_gsm7(&[ESCAPE, septet], shift)]
                })
                .filter(|text| *text != UNKNOWN.to_string())
                .collect();
            let septets = encode_gsm7(&every, shift).unwrap();
            assert_eq!(decode_gsm7(&septets, shift), every, "{shift:?}");
        }
    }

    #[test]
    fn unknown_extension_falls_back_to_the_main_table() {
        assert_eq!(decode_gsm7(&[0x1b, 0x41, 0x1b, 0x65, 0x1b], PLAIN), "A€");
        assert_eq!(decode_gsm7(&[0x1b, 0x1b, 0x41], PLAIN), " A");
        let hindi = Shift { locking: Some(Language::Hindi), single: None };
        assert_eq!(decode_gsm7(&[0x03, 0x1b, 0x03, 0x1b, 0x3c], hindi), "अअ[");
        let kannada = Shift { locking: Some(Language::Kannada), single: None };
        assert_eq!(decode_gsm7(&[0x00, 0x03], kannada), "\u{fffd}ಅ");
    }

    #[test]
    fn text_outside_the_tables_has_no_septets() {
        for text in ["日", "ş", "अ", "😀", "\u{1b}", "\0", "\u{fffd}"] {
            assert_eq!(encode_gsm7(text, PLAIN), None, "{text:?}");
        }
        let turkish = Shift { locking: None, single: Some(Language::Turkish) };
        assert_eq!(encode_gsm7("ş", turkish), Some(vec![0x1b, 0x73]));
    }

    #[test]
    fn missing_octets_give_fewer_septets() {
        assert_eq!(unpack(&[0xff], 0, 100), [0x7f]);
        assert_eq!(unpack(&[], 3, 5), Vec::<u8>::new());
        assert_eq!(unpack(&[0xff; 3], 40, 5), Vec::<u8>::new());
        assert_eq!(pack(&[], 0), Vec::<u8>::new());
        assert_eq!(pack(&[], 3), [0]);
    }

    proptest! {
        #[test]
        fn packed_septets_come_back(
            septets in prop::collection::vec(0_u8..0x80, 0..200),
            first_bit in 0_usize..7,
        ) {
            let packed = pack(&septets, first_bit);
            prop_assert_eq!(packed.len(), (first_bit + septets.len() * 7).div_ceil(8));
            prop_assert_eq!(unpack(&packed, first_bit, septets.len()), septets.clone());
            // Bit by bit, as the clause draws it.
            for (index, septet) in septets.iter().enumerate() {
                for bit in 0..7 {
                    let at = first_bit + index * 7 + bit;
                    let got = packed[at / 8] >> (at % 8) & 1;
                    prop_assert_eq!(got, septet >> bit & 1);
                }
            }
        }
    }
}

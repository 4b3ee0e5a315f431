//! Text-strings whose octets need not be UTF-8 (WAP-230 clause 8.4.2.1, which knows no charset): an
//! identifier must go back to its owner octet for octet (OMA-TS-MMS_ENC-V1_3 clause 6.2).
//!
//! An octet that is not part of UTF-8 text becomes one character of U+EF80 to U+EFFF, a part of the
//! private use area that this module keeps for itself: where such a character comes in as UTF-8, its
//! three octets are mapped one by one as well, so no two inputs give the same text.

use std::borrow::Cow;

/// U+EF80 stands for octet 0x80.
const FIRST: u32 = 0xEF80;

/// The text that stands for these octets.
pub(super) fn from_octets(octets: &[u8]) -> String {
    match std::str::from_utf8(octets) {
        Ok(text) if !has_mapped(text) => text.to_owned(),
        _ => map(octets),
    }
}

/// The octets that a text of a PDU stands for.
#[must_use]
pub fn wire_octets(text: &str) -> Cow<'_, [u8]> {
    if !has_mapped(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut utf8 = [0; 4];
    for character in text.chars() {
        match octet_of(character) {
            Some(octet) => octets.push(octet),
            None => octets.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes()),
        }
    }
    Cow::Owned(octets)
}

fn octet_of(character: char) -> Option<u8> {
    let offset = u32::from(character).checked_sub(FIRST)?;
    u8::try_from(offset).ok().filter(|&offset| offset < 0x80).map(|offset| 0x80 | offset)
}

/// The mapped characters begin with octets EE BE and EE BF.
fn has_mapped(text: &str) -> bool {
    text.as_bytes().contains(&0xEE) && text.chars().any(|character| octet_of(character).is_some())
}

fn map(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 3);
    for chunk in octets.utf8_chunks() {
        for character in chunk.valid().chars() {
            if octet_of(character).is_some() {
                let mut utf8 = [0; 4];
                let octets = character.encode_utf8(&mut utf8).as_bytes();
                text.extend(octets.iter().filter_map(|&octet| mapped(octet)));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().filter_map(|&octet| mapped(octet)));
    }
    text
}

fn mapped(octet: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(octet & 0x7F))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_text() {
        for text in ["", "T1", "mavodi-7@mmsc", "caf\u{e9}", "\u{ee00}\u{20ac}"] {
            assert_eq!(from_octets(text.as_bytes()), text);
            assert_eq!(wire_octets(text), text.as_bytes());
        }
    }

    #[test]
    fn octets_that_are_no_text_are_told_apart() {
        assert_eq!(from_octets(b"a\xE9"), "a\u{EFE9}");
        assert_eq!(from_octets("\u{EFE9}".as_bytes()), "\u{EFEE}\u{EFBF}\u{EFA9}");
    }

    proptest! {
        #[test]
        fn any_octets_come_back(octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = from_octets(&octets);
            prop_assert_eq!(&wire_octets(&text)[..], &octets[..]);
        }

        #[test]
        fn octets_around_the_mapped_characters_come_back(
            octets in prop::collection::vec(
                prop::sample::select(&[0xEE_u8, 0xBE, 0xBF, 0x80, 0x8F, 0xEF, b'a'][..]), 0..12),
        ) {
            let text = from_octets(&octets);
            prop_assert_eq!(&wire_octets(&text)[..], &octets[..]);
        }
    }
}

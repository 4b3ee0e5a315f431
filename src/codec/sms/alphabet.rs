//! The GSM 7-bit default alphabet with its extension table, and septet packing
//! (3GPP TS 23.038 clause 6).

const ESCAPE: u8 = 0x1b;

/// Clause 6.2.1; the escape at 0x1B stands for itself here and is shown as a blank.
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', //
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ' ', 'Æ', 'æ', 'ß', 'É', //
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/', //
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', //
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', //
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', //
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', //
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// Clause 6.2.1.1, what follows the escape.
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Septets to text. A septet that the extension table does not know is read from the default
/// table, as the clause says.
#[must_use]
pub fn decode_gsm7(septets: &[u8]) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut escaped = false;
    for septet in septets {
        let septet = septet & 0x7f;
        if septet == ESCAPE && !escaped {
            escaped = true;
            continue;
        }
        let extended = EXTENSION.iter().find(|(code, _)| escaped && *code == septet);
        let plain = DEFAULT.get(usize::from(septet)).copied().unwrap_or(' ');
        text.push(extended.map_or(plain, |(_, character)| *character));
        escaped = false;
    }
    text
}

/// Text to septets; none when a character is not in the alphabet.
#[must_use]
pub fn encode_gsm7(text: &str) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        let plain = DEFAULT
            .iter()
            .enumerate()
            .find(|(code, known)| **known == character && *code != usize::from(ESCAPE));
        if let Some((code, _)) = plain {
            septets.push(u8::try_from(code).ok()?);
        } else {
            let (code, _) = EXTENSION.iter().find(|(_, known)| *known == character)?;
            septets.extend([ESCAPE, *code]);
        }
    }
    Some(septets)
}

/// Takes `count` septets out of `octets`, of which the first begins at bit `first_bit`; fewer when
/// the octets end.
pub(super) fn unpack(octets: &[u8], first_bit: usize, count: usize) -> Vec<u8> {
    let available = (octets.len() * 8).saturating_sub(first_bit) / 7;
    (0..count.min(available))
        .map(|index| {
            let bit = first_bit + index * 7;
            let octet = |at: usize| u16::from(octets.get(at).copied().unwrap_or_default());
            let pair = octet(bit / 8) | octet(bit / 8 + 1) << 8;
            u8::try_from((pair >> (bit % 8)) & 0x7f).unwrap_or_default()
        })
        .collect()
}

/// Packs septets behind `first_bit` fill bits (0 to 6), which are zero.
pub(super) fn pack(septets: &[u8], first_bit: usize) -> Vec<u8> {
    let mut octets = vec![0; (first_bit + septets.len() * 7).div_ceil(8)];
    for (index, septet) in septets.iter().enumerate() {
        let bit = first_bit + index * 7;
        let [low, high] = (u16::from(septet & 0x7f) << (bit % 8)).to_le_bytes();
        if let Some(octet) = octets.get_mut(bit / 8) {
            *octet |= low;
        }
        if let Some(octet) = octets.get_mut(bit / 8 + 1) {
            *octet |= high;
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_follows_the_example_of_the_specification() {
        // "hellohello" in septets, worked by hand from clause 6.1.2.1.
        let septets = encode_gsm7("hellohello").unwrap();
        let packed = [0xe8, 0x32, 0x9b, 0xfd, 0x46, 0x97, 0xd9, 0xec, 0x37];
        assert_eq!(pack(&septets, 0), packed);
        assert_eq!(decode_gsm7(&unpack(&packed, 0, 10)), "hellohello");
    }

    #[test]
    fn every_character_survives() {
        let mut all: String = DEFAULT.iter().collect();
        all.extend(EXTENSION.iter().map(|(_, character)| *character));
        let septets = encode_gsm7(&all).unwrap();
        for first_bit in 0..7 {
            let packed = pack(&septets, first_bit);
            assert_eq!(unpack(&packed, first_bit, septets.len()), septets);
        }
        assert_eq!(decode_gsm7(&septets), all);
        assert_eq!(encode_gsm7("日"), None);
    }

    #[test]
    fn unknown_extension_falls_back_to_the_default_table() {
        assert_eq!(decode_gsm7(&[0x1b, 0x41, 0x1b, 0x65, 0x1b]), "A€");
    }

    #[test]
    fn missing_octets_give_fewer_septets() {
        assert_eq!(unpack(&[0xff], 0, 100), [0x7f]);
        assert_eq!(unpack(&[], 3, 5), Vec::<u8>::new());
    }
}

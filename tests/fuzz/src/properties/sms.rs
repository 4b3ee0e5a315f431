//! SMS TPDUs in both directions, with and without the service centre's address; concatenation.

use mm1gate::codec::Decoded;
use mm1gate::codec::sms::{
    Deliver, Direction, Language, MAX_PARTS, MAX_TPDU, Shift, Tpdu, decode_gsm7, encode_gsm7,
    from_hex, join_text, outline, outline_with_smsc, split_smsc, split_text, to_hex,
};
use mm1gate::proto::sms_reassembly::{Assembly, Fragment, Piece, assemble};

use super::checks;

/// The octets as a TPDU in both directions, as septets and digits, as text to be sent, and as
/// several TPDUs in a row.
pub(crate) fn check(octets: &[u8]) {
    for direction in [Direction::ToMobile, Direction::FromMobile] {
        check_tpdu(octets, direction);
        checks::nodes(&[outline_with_smsc(octets, direction)], 0, octets.len());
        match split_smsc(octets) {
            Ok((_, tpdu)) => {
                assert!(tpdu.len() < octets.len() && octets.ends_with(tpdu));
                check_tpdu(tpdu, direction);
            }
            Err(error) => checks::error(&error, octets),
        }
    }
    alphabets(octets);
    if octets.len() <= MAX_TPDU {
        assert_eq!(from_hex(&to_hex(octets)).as_deref(), Ok(octets));
    }
    let text = String::from_utf8_lossy(octets);
    if let Err(error) = from_hex(&text) {
        assert!(!error.to_string().is_empty());
    }
    splitting(&text);
    joining(octets);
}

fn alphabets(octets: &[u8]) {
    let languages = [None, Some(Language::Turkish), Some(Language::Urdu)];
    for locking in languages {
        for single in languages {
            let shift = Shift { locking, single };
            let text = decode_gsm7(octets, shift);
            assert!(text.len() <= 3 * octets.len());
            // A septet without a character is shown as U+FFFD, which nothing writes.
            let Some(septets) = encode_gsm7(&text, shift) else {
                assert!(text.contains('\u{FFFD}'), "{shift:?} {text:?}");
                continue;
            };
            assert_eq!(decode_gsm7(&septets, shift), text, "{shift:?}");
        }
    }
}

/// Text is sent and read as it is, but for marks of the order of octets at its beginning.
fn splitting(text: &str) {
    let text = text.trim_start_matches(['\u{FEFF}', '\u{FFFE}']);
    for languages in [&[][..], &[Language::Spanish, Language::Hindi]] {
        match split_text(text, languages, 7_u8) {
            Ok(parts) => {
                assert!(!parts.is_empty() && parts.len() <= MAX_PARTS);
                let joined = join_text(parts.iter().map(|(dcs, data)| (*dcs, data)));
                assert_eq!(joined.as_deref(), Some(text));
            }
            Err(error) => assert!(text.len() > MAX_PARTS * 60, "{error}: {} octets", text.len()),
        }
    }
}

fn check_tpdu(octets: &[u8], direction: Direction) {
    checks::nodes(&[outline(octets, direction)], 0, octets.len());
    let decoded = match Tpdu::decode(octets, direction) {
        Ok(decoded) => decoded,
        Err(error) => return checks::error(&error, octets),
    };
    assert!(octets.len() <= MAX_TPDU);
    checks::warnings(&decoded.warnings, octets);
    let value = decoded.value;
    let text = match &value {
        Tpdu::Deliver(deliver) => deliver.text(),
        Tpdu::Submit(submit) => submit.text(),
        _ => None,
    };
    assert!(text.is_none_or(|text| text.len() <= 4 * octets.len() + 4));
    // What is more than the specification allows is read with a warning, but never written.
    let Ok(encoded) = value.encode() else {
        assert!(!decoded.warnings.is_empty(), "cannot be written: {value:?}");
        return;
    };
    let again = Tpdu::decode(&encoded, direction);
    let again = again.unwrap_or_else(|e| panic!("{e}: {encoded:02X?} of {value:?}"));
    assert_eq!(again.value, value, "{encoded:02X?}");
}

/// TPDUs one behind the other, each with its length in front, as the segments of messages.
fn joining(octets: &[u8]) {
    let mut left = octets;
    let mut fragments: Vec<Fragment> = Vec::new();
    while let [length, rest @ ..] = left {
        let Some((tpdu, next)) = rest.split_at_checked(usize::from(*length)) else { break };
        left = next;
        let Ok(Decoded { value, .. }) = Deliver::decode(tpdu) else { continue };
        match Piece::of(&value) {
            Piece::Whole(datagram) => assert!(datagram.data.len() <= 8 * tpdu.len() / 7 + 1),
            Piece::Part(fragment) => {
                assert!(fragment.total >= 2);
                assert!((1..=fragment.total).contains(&fragment.sequence));
                fragments.push(fragment);
            }
        }
    }
    let offered: usize = fragments.iter().map(|fragment| fragment.data.len()).sum();
    match assemble(&fragments) {
        Assembly::Complete(datagram) => assert!(datagram.data.len() <= offered),
        Assembly::Missing(numbers) => assert!(fragments.is_empty() || !numbers.is_empty()),
    }
}

//! Charsets that encoding_rs does not read: UTF-32, UTF-7 (RFC 2152), ISO-2022-KR (RFC 1557) and
//! HZ-GB-2312 (RFC 1843). Each in one pass; what is wrong inside becomes U+FFFD.

use encoding_rs::Encoding;

use super::Order;

/// By encoding_rs, under its label of the encoding standard.
pub(super) fn labelled(octets: &[u8], label: &str) -> Option<String> {
    Encoding::for_label(label.as_bytes()).map(|encoding| encoding.decode(octets).0.into_owned())
}

pub(super) fn utf32(octets: &[u8], order: Order) -> String {
    let (order, octets) = match octets {
        [0, 0, 0xFE, 0xFF, rest @ ..] => (Order::BigEndian, rest),
        [0xFF, 0xFE, 0, 0, rest @ ..] => (Order::LittleEndian, rest),
        _ => (order, octets),
    };
    octets
        .chunks(4)
        .map(|unit| {
            let unit = <[u8; 4]>::try_from(unit).ok()?;
            char::from_u32(match order {
                Order::BigEndian => u32::from_be_bytes(unit),
                Order::LittleEndian => u32::from_le_bytes(unit),
            })
        })
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

pub(super) fn utf7(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = tail;
        if octet != b'+' {
            text.push(if octet.is_ascii() {
                char::from(octet)
            } else {
                char::REPLACEMENT_CHARACTER
            });
            continue;
        }
        let length = rest.iter().take_while(|&&octet| sextet(octet).is_some()).count();
        let (packed, tail) = rest.split_at(length);
        if packed.is_empty() {
            text.push('+');
        } else {
            text.extend(
                char::decode_utf16(units(packed))
                    .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)),
            );
        }
        rest = tail.strip_prefix(b"-").unwrap_or(tail);
    }
    text
}

/// The units of UTF-16 that base64 without padding holds; bits that fill none are padding.
fn units(packed: &[u8]) -> impl Iterator<Item = u16> {
    let (mut bits, mut held) = (0_u32, 0_u32);
    packed.iter().filter_map(move |&octet| {
        bits = (bits << 6) | u32::from(sextet(octet)?);
        held += 6;
        if held < 16 {
            return None;
        }
        held -= 16;
        u16::try_from((bits >> held) & 0xFFFF).ok()
    })
}

const fn sextet(octet: u8) -> Option<u8> {
    match octet {
        b'A'..=b'Z' => Some(octet - b'A'),
        b'a'..=b'z' => Some(octet - b'a' + 26),
        b'0'..=b'9' => Some(octet - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Octets between SO and SI get the eighth bit that the charset of `label` wants.
pub(super) fn shifted(octets: &[u8], label: &str) -> Option<String> {
    const DESIGNATOR: &[u8] = b"\x1B$)C";
    let octets = octets.strip_prefix(DESIGNATOR).unwrap_or(octets);
    let mut wide = false;
    let mut eight = Vec::with_capacity(octets.len());
    for &octet in octets {
        match octet {
            0x0E => wide = true,
            0x0F => wide = false,
            0x21..=0x7E if wide => eight.push(octet | 0x80),
            _ => eight.push(octet),
        }
    }
    labelled(&eight, label)
}

pub(super) fn hz(octets: &[u8]) -> Option<String> {
    let mut wide = false;
    let mut eight = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&octet, tail)) = rest.split_first() {
        rest = match (octet, tail) {
            (b'~', [b'{', tail @ ..]) => {
                wide = true;
                tail
            }
            (b'~', [b'}', tail @ ..]) => {
                wide = false;
                tail
            }
            (b'~', [b'~', tail @ ..]) if !wide => {
                eight.push(b'~');
                tail
            }
            (b'~', [b'\n', tail @ ..]) => tail,
            (0x21..=0x7E, _) if wide => {
                eight.push(octet | 0x80);
                tail
            }
            _ => {
                eight.push(octet);
                tail
            }
        };
    }
    labelled(&eight, "gbk")
}

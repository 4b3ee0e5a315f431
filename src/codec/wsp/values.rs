//! The compact values of parameters and headers as text: integers of any size, Q-values, versions
//! and dates (WAP-230 clause 8.4.2.3), each both ways.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::reader::{LENGTH_QUOTE, Reader, big_endian};
use super::writer::{put_integer, put_with_length};
use crate::codec::DecodeError;

/// HTTP-date (RFC 9110 clause 5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// An Integer-value in decimal; one above 64 bits is `0x` and its octets in hexadecimal.
pub(super) fn integer(reader: &mut Reader<'_>, field: &'static str) -> Result<String, DecodeError> {
    match reader.peek() {
        Some(short @ 0x80..) => {
            reader.u8(field)?;
            Ok((short & 0x7F).to_string())
        }
        _ => reader.long_integer_octets(field).map(number),
    }
}

/// Big-endian octets as [`integer`] shows them.
pub(super) fn number(octets: &[u8]) -> String {
    match big_endian(octets) {
        u64::MAX => hexadecimal(octets),
        number => number.to_string(),
    }
}

/// Writes what [`integer`] shows as `text`; false when it is no such text.
pub(super) fn put_integer_text(out: &mut Vec<u8>, text: &str) -> bool {
    if let Some(number) = canonical_number(text).filter(|&number| number < u64::MAX) {
        put_integer(out, number);
        return true;
    }
    let wide = from_hexadecimal(text)
        .filter(|octets| octets.len() < usize::from(LENGTH_QUOTE) && number(octets) == text);
    if let Some(octets) = &wide {
        put_with_length(out, octets);
    }
    wide.is_some()
}

/// The number that `text` is the one decimal form of.
pub(super) fn canonical_number(text: &str) -> Option<u64> {
    text.parse::<u64>().ok().filter(|number| number.to_string() == text)
}

/// `0x` and the octets in hexadecimal, lower case.
pub(super) fn hexadecimal(octets: &[u8]) -> String {
    format!("0x{}", hex::encode(octets))
}

/// The octets that [`hexadecimal`] shows as `text`.
pub(super) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let octets = hex::decode(text.strip_prefix("0x")?).ok()?;
    (!octets.is_empty() && hexadecimal(&octets) == text).then_some(octets)
}

/// Q-value: two digits up to 100, three above.
pub(super) fn quality(coded: u32) -> String {
    let thousandths = match coded {
        1..=100 => (coded - 1) * 10,
        101..=1099 => coded - 100,
        _ => 1000,
    };
    if thousandths >= 1000 {
        return "1".into();
    }
    let text = format!("0.{thousandths:03}");
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

/// The uintvar that [`quality`] shows as `text`. 1 is the value that is left out, and has no code.
pub(super) fn quality_uintvar(text: &str) -> Option<u64> {
    let digits = match text.split_once('.') {
        None if text == "0" => "",
        Some(("0", digits)) if digits.len() <= 3 => digits,
        _ => return None,
    };
    let thousandths: u64 =
        if digits.is_empty() { 0 } else { format!("{digits:0<3}").parse().ok()? };
    let coded =
        if thousandths.is_multiple_of(10) { thousandths / 10 + 1 } else { thousandths + 100 };
    (quality(u32::try_from(coded).ok()?) == text).then_some(coded)
}

/// Version-value: major in bits 6-4, minor in bits 3-0, 15 for none.
pub(super) fn version(octet: u8) -> String {
    let (major, minor) = ((octet >> 4) & 0x07, octet & 0x0F);
    if minor == 15 { major.to_string() } else { format!("{major}.{minor}") }
}

/// The octet that [`version`] shows as `text`.
pub(super) fn version_octet(text: &str) -> Option<u8> {
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (major.parse::<u8>().ok()?, minor.parse::<u8>().ok()?),
        None => (text.parse().ok()?, 15),
    };
    if major > 7 || minor > 15 {
        return None;
    }
    let octet = 0x80 | (major << 4) | minor;
    (version(octet) == text).then_some(octet)
}

/// Seconds since 1970 as an HTTP-date; in decimal beyond the year 9999.
pub(super) fn date(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| seconds.to_string(), |time| time.strftime(HTTP_DATE).to_string())
}

/// The seconds that [`date`] shows as `text`.
pub(super) fn date_seconds(text: &str) -> Option<u64> {
    let seconds = match canonical_number(text) {
        Some(seconds) => seconds,
        None => {
            let time = DateTime::strptime(HTTP_DATE, text).ok()?;
            let time = time.to_zoned(TimeZone::UTC).ok()?;
            u64::try_from(time.timestamp().as_second()).ok()?
        }
    };
    (seconds < u64::MAX && date(seconds) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn quality_of_every_code_comes_back() {
        for (coded, text) in [(1, "0"), (51, "0.5"), (100, "0.99"), (433, "0.333"), (11, "0.1")] {
            assert_eq!(quality(coded), text);
            assert_eq!(quality_uintvar(text), Some(u64::from(coded)));
        }
        assert_eq!(quality_uintvar("1.5"), None);
    }

    #[test]
    fn versions_come_back() {
        for octet in 0x80..=0xFF {
            assert_eq!(version_octet(&version(octet)), Some(octet));
        }
    }

    #[test]
    fn dates_are_those_of_http() {
        assert_eq!(date(893_338_897), "Thu, 23 Apr 1998 13:41:37 GMT");
        for seconds in [0, 1, 893_338_897, u64::from(u32::MAX), 1 << 40, u64::MAX - 1] {
            assert_eq!(date_seconds(&date(seconds)), Some(seconds));
        }
        assert_eq!(date_seconds("Fri, 23 Apr 1998 13:41:37 GMT"), None);
        assert_eq!(date_seconds("893338897"), None);
        assert_eq!(date_seconds("soon"), None);
    }

    #[test]
    fn integers_of_any_size_come_back() {
        for octets in
            [&b"\x85"[..], b"\x01\x80", b"\x04\0\0\0\x07", b"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"]
        {
            let input = Bytes::copy_from_slice(octets);
            let text = integer(&mut Reader::new(&input), "x").unwrap();
            let mut out = Vec::new();
            assert!(put_integer_text(&mut out, &text), "{text}");
            let out = Bytes::from(out);
            assert_eq!(integer(&mut Reader::new(&out), "x"), Ok(text));
        }
        let huge = Bytes::from([&[30][..], &[0xAB; 30]].concat());
        let text = integer(&mut Reader::new(&huge), "x").unwrap();
        let mut out = Vec::new();
        assert!(put_integer_text(&mut out, &text));
        assert_eq!(out, huge);
        assert!(!put_integer_text(&mut out, "0x05"));
        assert!(!put_integer_text(&mut out, "007"));
    }
}

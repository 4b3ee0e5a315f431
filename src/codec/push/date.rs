//! Dates of Service Indications and e-mail notifications: as text (a subset of ISO 8601) and as
//! semi-octets (WAP-167-ServiceInd-20010731-a clauses 5.2 and 8.2.2).

use crate::model::Timestamp;

/// Digits of year, month, day, hour, minute and second.
const DIGITS: usize = 14;

/// `YYYYMMDDhhmmss` in semi-octets, trailing zero octets left out, as text; none when it is no date.
pub(super) fn from_opaque(octets: &[u8]) -> Option<String> {
    if octets.len() > DIGITS / 2 {
        return None;
    }
    let mut digits = hex::encode(octets);
    digits.extend(std::iter::repeat_n('0', DIGITS - digits.len()));
    let part = |from: usize, to: usize| digits.get(from..to);
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    parse(&text).map(|_| text)
}

/// The semi-octets of a time between the years 0 and 9999.
pub(super) fn to_opaque(at: Timestamp) -> Vec<u8> {
    let digits: String = format(at).chars().filter(char::is_ascii_digit).collect();
    let mut octets = hex::decode(digits).unwrap_or_default();
    while octets.last() == Some(&0) {
        octets.pop();
    }
    octets
}

/// The time that a text tells.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp::from_millis(at.as_second().checked_mul(1000)?))
}

/// A time as text, in whole seconds.
pub(super) fn format(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.as_millis().div_euclid(1000)).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_are_left_out() {
        for (octets, text) in [
            (&[0x20, 0x26, 0x11, 0x21, 0x10, 0x20, 0x30][..], "2026-11-21T10:20:30Z"),
            (&[0x20, 0x26, 0x11, 0x21, 0x10], "2026-11-21T10:00:00Z"),
            (&[0x20, 0x26, 0x11, 0x21], "2026-11-21T00:00:00Z"),
        ] {
            assert_eq!(from_opaque(octets).as_deref(), Some(text));
            let at = parse(text).unwrap();
            assert_eq!((to_opaque(at), format(at)), (octets.to_vec(), text.to_owned()));
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for octets in [&[][..], &[0x20, 0x26, 0x13, 0x01], &[0x20, 0x26, 0x1a, 0x01], &[0x11; 8]] {
            assert_eq!(from_opaque(octets), None, "{octets:02X?}");
        }
        assert_eq!(parse("tomorrow"), None);
    }
}

//! Time stamps of seven swapped semi-octet pairs (3GPP TS 23.040 clause 9.2.3.11).

use std::fmt;

use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::{Offset, TimeZone};

use super::reader::Reader;
use crate::codec::{DecodeError, Warning};
use crate::model::Timestamp;

/// The bit of the last octet that puts the zone west of Greenwich.
const ZONE_SIGN: u8 = 0x08;

/// TP-Service-Centre-Time-Stamp or TP-Discharge-Time as on the wire.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scts(pub [u8; 7]);

impl Scts {
    /// `at` in a zone `quarter_hours` east of UTC; a time outside the years 1970 to 2069, or a
    /// zone beyond 14 hours, cannot be told and is written as zeros.
    #[must_use]
    pub fn new(at: Timestamp, quarter_hours: i8) -> Self {
        Self::checked(at, quarter_hours).unwrap_or(Self([0; 7]))
    }

    /// The time it tells; none when it is no time, as from a service centre without a clock. A
    /// semi-octet that is no digit counts as 0, as the clause says.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        let zoned = self.zoned()?;
        Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
    }

    /// Reads one, with a warning for what is no time.
    pub(super) fn read(
        field: &'static str,
        reader: &mut Reader<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        let scts = Self(reader.array(field)?);
        if scts.zoned().is_none() {
            warnings.push(Warning::forgiven(field, offset, "this is no time"));
        } else if let Some(at) = scts.first_bad_digit() {
            let text = "a semi-octet that is no digit, read as 0";
            warnings.push(Warning::forgiven(field, offset + at, text));
        }
        Ok(scts)
    }

    /// The octet of the first semi-octet that is no digit.
    fn first_bad_digit(self) -> Option<usize> {
        (0..).zip(self.0).find_map(|(at, octet)| {
            let octet = if at == 6 { octet & !ZONE_SIGN } else { octet };
            (octet & 0x0f > 9 || octet >> 4 > 9).then_some(at)
        })
    }

    fn zoned(self) -> Option<Zoned> {
        let [year, month, day, hour, minute, second, zone] = self.0;
        let year = i16::from(unswap(year));
        let local = date(if year >= 70 { 1900 } else { 2000 } + year, 1, 1);
        let month = i8::try_from(unswap(month)).ok()?;
        let day = i8::try_from(unswap(day)).ok()?;
        let local = local.with().month(month).day(day).build().ok()?;
        let hour = i8::try_from(unswap(hour)).ok()?;
        let minute = i8::try_from(unswap(minute)).ok()?;
        let second = i8::try_from(unswap(second)).ok()?;
        let local = local
            .to_datetime(jiff::civil::Time::midnight())
            .with()
            .hour(hour)
            .minute(minute)
            .second(second)
            .build()
            .ok()?;
        let quarters = i32::from(unswap(zone & !ZONE_SIGN));
        let quarters = if zone & ZONE_SIGN == 0 { quarters } else { -quarters };
        let offset = Offset::from_seconds(quarters * 900).ok()?;
        local.to_zoned(TimeZone::fixed(offset)).ok()
    }

    fn checked(at: Timestamp, quarter_hours: i8) -> Option<Self> {
        if !(-56..=56).contains(&quarter_hours) {
            return None;
        }
        let offset = Offset::from_seconds(i32::from(quarter_hours) * 900).ok()?;
        let instant = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        let local = offset.to_datetime(instant);
        if !(1970..2070).contains(&local.year()) {
            return None;
        }
        let swap_i8 = |value: i8| Some(swap(u8::try_from(value).ok()?));
        let sign = if quarter_hours < 0 { ZONE_SIGN } else { 0 };
        Some(Self([
            swap(u8::try_from(local.year() % 100).ok()?),
            swap_i8(local.month())?,
            swap_i8(local.day())?,
            swap_i8(local.hour())?,
            swap_i8(local.minute())?,
            swap_i8(local.second())?,
            swap(quarter_hours.unsigned_abs()) | sign,
        ]))
    }
}

/// The local time with its zone, for people.
impl fmt::Display for Scts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.zoned() {
            Some(zoned) => write!(f, "{} {}", zoned.datetime(), zoned.offset()),
            None => f.write_str("no time"),
        }
    }
}

impl fmt::Debug for Scts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scts({:02X?})", self.0)
    }
}

const fn swap(value: u8) -> u8 {
    ((value % 10) << 4) | ((value / 10) % 10)
}

const fn unswap(octet: u8) -> u8 {
    let (tens, ones) = (octet & 0x0f, octet >> 4);
    let tens = if tens > 9 { 0 } else { tens };
    let ones = if ones > 9 { 0 } else { ones };
    tens * 10 + ones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_east_and_west_of_greenwich() {
        // 2006-05-04 03:02:01, GMT+2: 8 quarters.
        let scts = Scts([0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x80]);
        let at = scts.timestamp().unwrap();
        assert_eq!(at.to_string(), "2006-05-04T01:02:01.000Z");
        assert_eq!(Scts::new(at, 8), scts);
        // The same at GMT-7: 28 quarters with the sign bit.
        let west = Scts([0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x8a]);
        assert_eq!(west.timestamp().unwrap().to_string(), "2006-05-04T10:02:01.000Z");
        assert_eq!(Scts::new(west.timestamp().unwrap(), -28), west);
    }

    #[test]
    fn semi_octets_that_are_no_digits_count_as_zero() {
        // 2006-05-04 03:02:0B, and a zone of a sign and a letter.
        let octets = [0x60, 0x50, 0x40, 0x30, 0x20, 0xb0, 0xb8];
        let mut warnings = Vec::new();
        let scts = Scts::read("TP-SCTS", &mut Reader::new(&octets), &mut warnings).unwrap();
        assert_eq!(scts.timestamp().unwrap().to_string(), "2006-05-04T03:02:00.000Z");
        assert_eq!(scts.0, octets);
        assert_eq!((&*warnings[0].field, warnings[0].offset), ("TP-SCTS", 5));
    }

    #[test]
    fn text_tells_the_zone() {
        let west = Scts([0x60, 0x50, 0x40, 0x30, 0x20, 0x10, 0x8a]);
        assert_eq!(west.to_string(), "2006-05-04T03:02:01 -07");
        assert_eq!(Scts([0; 7]).to_string(), "no time");
    }

    #[test]
    fn nonsense_is_no_time() {
        assert_eq!(Scts([0; 7]).timestamp(), None);
        assert_eq!(Scts([0xff; 7]).timestamp(), None);
        assert_eq!(Scts([0x60, 0x20, 0x03, 0, 0, 0, 0]).timestamp(), None);
        assert_eq!(Scts::new(Timestamp::from_secs(-1), 0), Scts([0; 7]));
    }
}

//! Which country a number belongs to, and what a number in national form is in international form
//! (ITU-T E.164 and its lists of country codes and of dialling procedures).

use super::Address;

/// Codes of two digits; one digit is 1 or 7, all others have three.
const TWO_DIGITS: &[&str] = &[
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47",
    "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65",
    "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Countries in which a number is dialled as it is, whatever it begins with.
const NO_PREFIX: &[&str] = &[
    "30", "34", "39", "45", "47", "48", "65", "351", "352", "354", "356", "357", "372", "378",
    "420", "501", "502", "503", "504", "505", "506", "507", "852", "853", "965", "968", "973",
    "974",
];

/// What is dialled before a number of one's own country, where that is not 0.
const OTHER_PREFIX: &[(&str, &str)] = &[("1", "1"), ("7", "8"), ("36", "06"), ("52", "01")];

/// Digits of the country code in front of an international number without its `+`.
#[must_use]
pub fn country_code_length(digits: &str) -> usize {
    if digits.starts_with(['1', '7']) {
        1
    } else if digits.get(..2).is_some_and(|code| TWO_DIGITS.contains(&code)) {
        2
    } else {
        3
    }
}

/// The country code of a number in international form, without its `+`.
#[must_use]
pub fn country_code(number: &Address) -> Option<&str> {
    let Address::Msisdn(number) = number else { return None };
    let digits = number.strip_prefix('+')?;
    digits.get(..country_code_length(digits))
}

/// Whether it is a number that means somebody else in another country.
#[must_use]
pub fn is_national(address: &Address) -> bool {
    matches!(address, Address::Msisdn(number) if !number.starts_with('+'))
}

/// A number as one dials it in the country with this code, in international form; everything else
/// stays as it is, short codes too.
#[must_use]
pub fn international(address: &Address, country: &str) -> Address {
    let Address::Msisdn(number) = address else { return address.clone() };
    if number.starts_with('+') {
        return address.clone();
    }
    let other = OTHER_PREFIX.iter().find(|(code, _)| *code == country);
    let prefix = match other {
        Some((_, prefix)) => prefix,
        None if NO_PREFIX.contains(&country) => "",
        None => "0",
    };
    let rest = number.strip_prefix(prefix).unwrap_or(number);
    Address::Msisdn(format!("+{country}{rest}"))
}

/// Countries whose numbers never begin with 0, and in which a 0 is dialled before them: one behind the
/// country's code is a slip that other countries' networks do not mend.
const NEVER_ZERO: &[&str] = &[
    "20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "60", "61", "62", "63", "64",
    "66", "81", "82", "84", "86", "90", "91", "92", "94", "353", "355", "358", "359", "380", "381",
    "385", "386", "972",
];

/// Countries in which every number has as many digits, with the country's code.
const FIXED_LENGTH: &[(&str, usize)] = &[("1", 11), ("7", 11)];

/// Fewest digits of a number with its country's code: the smallest islands have four of their own.
const LEAST_DIGITS: usize = 7;

/// Most digits (ITU-T E.164 clause 6.2.1).
const MOST_DIGITS: usize = 15;

/// What cannot be right about a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberFlaw {
    /// There is no such country.
    #[error("no country's code begins with 0")]
    NoCountry,
    /// More or fewer digits than such numbers have.
    #[error("a number with +{code} has {expected} digits, this has {digits}")]
    Length {
        /// The country's code.
        code: String,
        /// How many such a number has.
        expected: String,
        /// How many this has.
        digits: usize,
    },
    /// What is dialled within the country stands behind its code.
    #[error("the 0 behind +{code} is dialled within the country alone; {instead} is meant")]
    Trunk {
        /// The country's code.
        code: String,
        /// The number without it.
        instead: String,
    },
}

/// What cannot be right about a number, which is one of the country with this code when it is written
/// in national form; short codes and mail addresses are left alone, and so is what only that country's
/// own plan could tell.
#[must_use]
pub fn number_flaw(address: &Address, country: Option<&str>) -> Option<NumberFlaw> {
    let Address::Msisdn(typed) = address else { return None };
    let is_national = is_national(address);
    let full = match country {
        Some(country) => international(address, country),
        None => address.clone(),
    };
    let digits = full.text().strip_prefix('+')?;
    if digits.starts_with('0') {
        return Some(NumberFlaw::NoCountry);
    }
    let (code, rest) = digits.split_at_checked(country_code_length(digits))?;
    if !is_national && NEVER_ZERO.contains(&code) && rest.starts_with('0') {
        let instead = format!("+{code}{}", rest.trim_start_matches('0'));
        return Some(NumberFlaw::Trunk { code: code.to_owned(), instead });
    }
    let fixed = FIXED_LENGTH.iter().find(|(fixed, _)| *fixed == code).map(|(_, length)| *length);
    let (least, most) = match fixed {
        // Services are dialled by fewer digits within a country.
        _ if is_national => (0, MOST_DIGITS),
        Some(length) => (length, length),
        None => (LEAST_DIGITS, MOST_DIGITS),
    };
    if (least..=most).contains(&digits.len()) {
        return None;
    }
    let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
    let digits = if is_national { typed.len() } else { digits.len() };
    Some(NumberFlaw::Length { code: code.to_owned(), expected, digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Address {
        Address::Msisdn(text.to_owned())
    }

    #[test]
    fn national_number_is_told_in_international_form() {
        for (typed, country, expected) in [
            ("07700900123", "44", "+447700900123"),
            ("015112345678", "49", "+4915112345678"),
            ("0612345678", "39", "+390612345678"),
            ("612345678", "34", "+34612345678"),
            ("06301234567", "36", "+36301234567"),
            ("89161234567", "7", "+79161234567"),
            ("15551234567", "1", "+15551234567"),
            ("5551234567", "1", "+15551234567"),
            ("+447700900123", "49", "+447700900123"),
        ] {
            assert_eq!(international(&number(typed), country), number(expected), "{typed}");
        }
        let code = Address::ShortCode("86888".to_owned());
        assert_eq!(international(&code, "49"), code, "short codes are left alone");
    }

    #[test]
    fn country_of_a_number_is_its_code() {
        for (text, code) in [("+4915112345678", "49"), ("+353861234567", "353"), ("+15550", "1")] {
            assert_eq!(country_code(&number(text)), Some(code));
        }
        assert_eq!(country_code(&number("07700900123")), None);
        assert!(is_national(&number("07700900123")) && !is_national(&number("+447700900123")));
        assert!(!is_national(&Address::ShortCode("86888".to_owned())));
    }

    #[test]
    fn numbers_that_cannot_be_are_told_and_short_codes_left_alone() {
        let told =
            |text: &str, country| number_flaw(&number(text), country).map(|it| it.to_string());
        for good in ["+447700900123", "+390612345678", "+22507123456", "+6834002", "+15551234567"] {
            assert_eq!(told(good, Some("49")), None, "{good}");
        }
        for (typed, country) in [("07700900123", "44"), ("030123456", "49"), ("0800", "49")] {
            assert_eq!(told(typed, Some(country)), None, "{typed}");
            assert_eq!(told(typed, None), None, "{typed}");
        }
        let code = Address::ShortCode("86888".to_owned());
        assert_eq!(number_flaw(&code, Some("1")), None);
        assert_eq!(number_flaw(&Address::Email("a@b.example".to_owned()), Some("1")), None);
        assert_eq!(
            told("+4407700900123", None).as_deref(),
            Some("the 0 behind +44 is dialled within the country alone; +447700900123 is meant")
        );
        assert_eq!(told("+0447700900", None).as_deref(), Some("no country's code begins with 0"));
        assert_eq!(
            told("+1555123456", Some("44")).as_deref(),
            Some("a number with +1 has 11 digits, this has 10")
        );
        assert_eq!(
            told("+44770", None).as_deref(),
            Some("a number with +44 has 7 to 15 digits, this has 5")
        );
        assert!(told("012345678901234", Some("353")).is_some(), "longer than any number");
    }
}

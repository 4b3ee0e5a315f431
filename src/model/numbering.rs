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
}

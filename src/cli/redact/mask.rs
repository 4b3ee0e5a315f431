//! What stands in the place of what is hidden, octet for octet.

/// Takes the place of letters and of octets that are not understood.
pub(super) const OTHER: u8 = b'x';
/// Takes the place of digits.
pub(super) const DIGIT: u8 = b'0';

/// Digits of the shortest run that may be a number of somebody; what is shorter is a count, a code or
/// a version.
pub(super) const SHORTEST: usize = 5;

/// Hides every octet.
pub(super) fn wholly(octets: &mut [u8]) {
    octets.fill(OTHER);
}

/// Hides letters and digits; spaces and punctuation of ASCII show how a text is built and stay.
pub(super) fn words(octets: &mut [u8]) {
    for octet in octets {
        *octet = match *octet {
            b'0'..=b'9' => DIGIT,
            b' '..=b'/' | b':'..=b'@' | b'['..=b'`' | b'{'..=b'~' | b'\r' | b'\n' | b'\t' => *octet,
            _ => OTHER,
        };
    }
}

/// Hides words of letters and digits that hold [`SHORTEST`] digits or more, or that touch an end of
/// the octets that is `open`: what belongs to them may lie beyond. Octets that are no text go too.
pub(super) fn numbers(octets: &mut [u8], open: (bool, bool)) {
    let mut at = 0;
    while at < octets.len() {
        let from = at;
        while octets.get(at).is_some_and(u8::is_ascii_alphanumeric) {
            at += 1;
        }
        if at == from {
            if !(b' '..=b'~').contains(&octets[at]) && !matches!(octets[at], b'\r' | b'\n' | b'\t')
            {
                octets[at] = OTHER;
            }
            at += 1;
            continue;
        }
        let touches = open.0 && from == 0 || open.1 && at == octets.len();
        let digits = octets[from..at].iter().filter(|octet| octet.is_ascii_digit()).count();
        if digits >= SHORTEST || touches && digits > 0 || is_spread(octets, from, at) {
            words(&mut octets[from..at]);
        }
    }
}

/// Whether a short word of digits is a piece of a number that is written with separators, as in
/// `+44 7700 900-123`.
fn is_spread(octets: &[u8], from: usize, at: usize) -> bool {
    if !octets[from..at].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let part =
        |octet: &u8| octet.is_ascii_digit() || matches!(octet, b' ' | b'-' | b'(' | b')' | b'+');
    let before = octets[..from].iter().rev().take_while(|octet| part(octet)).count();
    let behind = octets[at..].iter().take_while(|octet| part(octet)).count();
    let whole = &octets[from - before..at + behind];
    let digits = whole.iter().filter(|octet| octet.is_ascii_digit()).count();
    digits > SHORTEST + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str, open: (bool, bool)) -> String {
        let mut octets = text.as_bytes().to_vec();
        numbers(&mut octets, open);
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn numbers_are_hidden_and_counts_stay() {
        let closed = (false, false);
        assert_eq!(hidden("+CSQ: 17,99", closed), "+CSQ: 17,99");
        assert_eq!(hidden("call +447700900123 now", closed), "call +000000000000 now");
        assert_eq!(hidden("IMEI 35-209900-176148-1", closed), "IMEI 00-000000-000000-0");
        assert_eq!(hidden("+44 7700 900 123", closed), "+00 0000 000 000");
        assert_eq!(hidden("8944100AB12F", closed), "0000000xx00x");
        assert_eq!(hidden("10.11.12.13", closed), "10.11.12.13");
    }

    #[test]
    fn piece_of_a_number_at_an_open_end_is_hidden() {
        assert_eq!(hidden("12,34", (true, false)), "00,34");
        assert_eq!(hidden("12,34", (false, true)), "12,00");
        assert_eq!(hidden("ab,cd", (true, true)), "ab,cd");
    }
}

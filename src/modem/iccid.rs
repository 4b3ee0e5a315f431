//! The SIM's own number: the questions that modems know for it, and what they answer (ITU-T E.118;
//! 3GPP TS 51.011 clause 10.1.1, EF_ICCID).

use crate::codec::at::{fields, value_behind};

/// Ways to ask, and the code before the answer; many modems tell it before the PIN is entered.
pub(super) const QUESTIONS: [(&str, &str); 7] = [
    ("AT+CCID", "+CCID:"),
    ("AT+ICCID", "+ICCID:"),
    ("AT+QCCID", "+QCCID:"),
    ("AT^ICCID?", "^ICCID:"),
    ("AT#CCID", "#CCID:"),
    ("AT+ZGETICCID", "+ZGETICCID:"),
    // EF_ICCID, 10 octets, two digits each with the low one first.
    ("AT+CRSM=176,12258,0,0,10", "+CRSM:"),
];

/// The 18 to 20 digits of an ICCID (ITU-T E.118) in an answer, with the code before it or without.
pub(super) fn digits_in(line: &str, code: &str) -> Option<String> {
    if code == "+CRSM:" {
        // +CRSM: 144,0,"98441010..."
        let list = fields(value_behind(line, code)?);
        let status: u16 = list.first()?.number()?;
        let swapped = list.get(2)?.text.trim().to_owned();
        let digits: String = swapped
            .as_bytes()
            .chunks_exact(2)
            .flat_map(|pair| [char::from(pair[1]), char::from(pair[0])])
            .collect();
        return (status == 144).then(|| plausible(&digits)).flatten();
    }
    let value = value_behind(line, code).unwrap_or(line);
    fields(value).iter().find_map(|field| plausible(field.text.trim()))
}

fn plausible(text: &str) -> Option<String> {
    let digits = text.trim_matches('"').trim_end_matches(['F', 'f']);
    let all = digits.bytes().all(|it| it.is_ascii_digit());
    (all && (18..=20).contains(&digits.len()) && digits.starts_with("89"))
        .then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iccid_is_read_in_every_form() {
        const SWAPPED: &str = "+CRSM: 144,0,\"984410000000000010F2\"";
        for (line, code, told) in [
            ("+CCID: 8944100000000000012", "+CCID:", Some("8944100000000000012")),
            ("+CCID: \"89441000000000000123\"", "+CCID:", Some("89441000000000000123")),
            ("8944100000000000012F", "+CCID:", Some("8944100000000000012")),
            ("^ICCID: 8944100000000000012", "^ICCID:", Some("8944100000000000012")),
            ("#CCID: 8944100000000000012", "#CCID:", Some("8944100000000000012")),
            (SWAPPED, "+CRSM:", Some("8944010000000000012")),
            ("+CRSM: 106,130", "+CRSM:", None),
            ("+CCID: 123", "+CCID:", None),
            ("350000000000006", "+CCID:", None),
        ] {
            assert_eq!(digits_in(line, code).as_deref(), told, "{line}");
        }
    }
}

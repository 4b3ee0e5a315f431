//! AT dialogue without what is private: what a command or an answer is called stays, with short
//! numbers and known words where the command is one of those that carry nothing else; everything
//! else is hidden. Texts, PDUs and lines that nobody knows are hidden wholly.

use super::mask;
use crate::model::TapDirection;

/// Commands whose short numbers say nothing about anybody (3GPP TS 27.007, TS 27.005, V.250).
const HARMLESS: &[&str] = &[
    "CFUN",
    "CMEE",
    "CMGF",
    "CPMS",
    "CNMI",
    "CSCS",
    "CSMS",
    "CSQ",
    "CREG",
    "CGREG",
    "CEREG",
    "C5GREG",
    "COPS",
    "CGATT",
    "CGACT",
    "CGDCONT",
    "CGPADDR",
    "CGCONTRDP",
    "CMUX",
    "CMGD",
    "CMGR",
    "CMGL",
    "CMGS",
    "CMGW",
    "CMTI",
    "CDSI",
    "CMT",
    "CDS",
    "CSCA",
    "CNMA",
    "CGEREP",
    "CGEV",
    "WS46",
    "CRC",
    "GCAP",
    "IPR",
    "IFC",
    "ICF",
    "DS",
    "CGMI",
    "CGMM",
    "CGMR",
    "GMI",
    "GMM",
    "GMR",
    "CME ERROR",
    "CMS ERROR",
    "CEER",
    "CGSMS",
    "CSDH",
    "CGDATA",
    "CGAUTO",
    "CLAC",
    "CPAS",
    "CESQ",
    "CBST",
];
/// Those among them whose texts in quotes are names of networks and access points.
const NAMING: &[&str] = &["CGDCONT", "CGCONTRDP", "COPS"];
/// Words in quotes that stay wherever they stand.
const WORDS: &[&str] = &[
    "",
    "SM",
    "ME",
    "MT",
    "BM",
    "SR",
    "TA",
    "IP",
    "IPV6",
    "IPV4V6",
    "PPP",
    "GSM",
    "IRA",
    "UCS2",
    "HEX",
    "8859-1",
    "PCCP437",
    "REC UNREAD",
    "REC READ",
    "STO UNSENT",
    "STO SENT",
    "ALL",
];
/// Whole lines that stay.
const RESULTS: &[&str] = &[
    "OK",
    "ERROR",
    "NO CARRIER",
    "BUSY",
    "NO ANSWER",
    "NO DIALTONE",
    "NO DIAL TONE",
    "RING",
    "RDY",
    "Call Ready",
    "SMS Ready",
    "> ",
    ">",
];
/// Commands that ask the modem what it is, not who.
const ABOUT: &[&str] = &["I", "+CGMI", "+CGMM", "+CGMR", "+GMI", "+GMM", "+GMR", "+GCAP"];
const CTRL_Z: u8 = 0x1A;
const ESCAPE: u8 = 0x1B;

/// What is known of the dialogue with one modem.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    /// The lines that come are about the modem.
    about: bool,
    /// The last octets of a direction ended within a line.
    open: [bool; 2],
}

impl Dialogue {
    /// Hides what is private in the next octets. They may begin and end within a line: what does
    /// is judged more strictly, since the rest of it is not in sight.
    pub(super) fn hide(&mut self, direction: Option<TapDirection>, octets: &mut [u8]) {
        let way = usize::from(direction == Some(TapDirection::Sent));
        let mut at = 0;
        while at < octets.len() {
            let rest = &octets[at..];
            let length = rest.iter().position(|octet| is_end(*octet)).unwrap_or(rest.len());
            let ended = length < rest.len();
            if length > 0 {
                let line = &mut octets[at..at + length];
                if self.open[way] {
                    mask::words(line);
                } else {
                    self.line(line, !ended);
                }
            }
            self.open[way] = !ended && (length > 0 || self.open[way]);
            at += length + 1;
        }
    }

    fn line(&mut self, line: &mut [u8], cut: bool) {
        let text = String::from_utf8_lossy(line).into_owned();
        let plain = text.trim();
        let upper = plain.to_ascii_uppercase();
        if !line.iter().all(|octet| (b' '..=b'~').contains(octet)) {
            return mask::wholly(line);
        }
        if RESULTS.iter().any(|known| *known == text || *known == plain) {
            if plain == "OK" || plain == "ERROR" {
                self.about = false;
            }
            return;
        }
        if let Some(command) = upper.strip_prefix("AT") {
            self.about = ABOUT.contains(&command.trim_end_matches('?'));
            return commands(line, cut);
        }
        if let Some(rate) = upper.strip_prefix("CONNECT") {
            if !(rate.is_empty() || rate.trim().bytes().all(|octet| octet.is_ascii_digit())) {
                mask::words(&mut line["CONNECT".len()..]);
            }
            return;
        }
        let named = upper.starts_with(|first| "+^*$%#&".contains(first));
        if let Some(colon) = upper.find(':').filter(|_| named) {
            let known = is_harmless(&upper[1..colon]);
            let naming = NAMING.contains(&upper[1..colon].trim());
            let from = colon + 1 + (text.len() - text.trim_start().len());
            mask::numbers(&mut line[..from], (false, false));
            return values(&mut line[from..], known, naming, cut);
        }
        if self.about && !cut {
            return mask::numbers(line, (false, false));
        }
        mask::words(line);
    }
}

const fn is_end(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n' | CTRL_Z | ESCAPE)
}

fn is_harmless(name: &str) -> bool {
    HARMLESS.contains(&name.trim())
}

/// A command line: several commands may stand in it, parted by semicolons (V.250 clause 5.2.1).
fn commands(line: &mut [u8], cut: bool) {
    let mut from = 0;
    loop {
        let quoted = |part: &[u8]| part.iter().filter(|octet| **octet == b'"').count() % 2 == 1;
        let end = (from..line.len())
            .find(|&at| line[at] == b';' && !quoted(&line[from..at]))
            .unwrap_or(line.len());
        let last = end == line.len();
        command(&mut line[from..end], from == 0, cut && last);
        if last {
            return;
        }
        from = end + 1;
    }
}

fn command(one: &mut [u8], first: bool, cut: bool) {
    let upper = String::from_utf8_lossy(one).to_ascii_uppercase();
    let trimmed = upper.trim_start();
    let lead = upper.len() - trimmed.len();
    let name = if first { trimmed.strip_prefix("AT").unwrap_or(trimmed) } else { trimmed };
    let skip = lead + trimmed.len() - name.len();
    if let Some(dialled) = name.strip_prefix('D') {
        // A context is called by a code, a person by a number.
        if !dialled.starts_with("*99") || dialled.len() > 16 {
            mask::words(&mut one[skip + 1..]);
        }
        return;
    }
    if !name.starts_with(|first| "+^*$%#&".contains(first)) || name.starts_with('&') {
        return mask::numbers(&mut one[skip..], (false, cut));
    }
    let Some(equals) = upper.find('=') else {
        return mask::numbers(&mut one[skip..], (false, cut));
    };
    let called = upper[skip..equals].trim_start_matches(|first| "+^*$%#".contains(first));
    let (known, naming) = (is_harmless(called), NAMING.contains(&called));
    mask::numbers(&mut one[..equals], (false, false));
    values(&mut one[equals + 1..], known, naming, cut);
}

/// What stands behind a name: texts in quotes are hidden unless they are words of the standards.
fn values(octets: &mut [u8], known: bool, naming: bool, cut: bool) {
    if !known {
        // States of the SIM and the like are words without a digit.
        let text = String::from_utf8_lossy(octets).trim().to_owned();
        let state = ["READY", "SIM PIN", "SIM PUK", "SIM PIN2", "SIM PUK2", "?"];
        if !state.contains(&text.as_str()) {
            mask::words(octets);
        }
        return;
    }
    let mut at = 0;
    while at < octets.len() {
        let rest = &octets[at..];
        let open = rest.iter().position(|octet| *octet == b'"').unwrap_or(rest.len());
        let last = open == rest.len();
        mask::numbers(&mut octets[at..at + open], (false, cut && last));
        let from = at + open + 1;
        let Some(inner) = octets.get(from..) else { return };
        let close = inner.iter().position(|octet| *octet == b'"');
        let end = from + close.unwrap_or(inner.len());
        let word = String::from_utf8_lossy(&octets[from..end]).to_ascii_uppercase();
        if close.is_none() {
            mask::words(&mut octets[from..]);
        } else if naming {
            mask::numbers(&mut octets[from..end], (false, false));
        } else if !WORDS.contains(&word.as_str()) {
            mask::words(&mut octets[from..end]);
        }
        at = end + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of octets that come in these pieces, the first way sent.
    fn hidden(pieces: &[(TapDirection, &str)]) -> Vec<String> {
        let mut dialogue = Dialogue::default();
        pieces
            .iter()
            .map(|(direction, text)| {
                let mut octets = text.as_bytes().to_vec();
                dialogue.hide(Some(*direction), &mut octets);
                assert_eq!(octets.len(), text.len());
                String::from_utf8(octets).unwrap()
            })
            .collect()
    }

    fn sent(text: &str) -> String {
        hidden(&[(TapDirection::Sent, text)]).remove(0)
    }

    fn received(text: &str) -> String {
        hidden(&[(TapDirection::Received, text)]).remove(0)
    }

    #[test]
    fn harmless_commands_and_answers_stay() {
        for line in [
            "AT\r",
            "ATE0V1;+CMEE=1\r",
            "AT+CPMS=\"SM\",\"SM\",\"MT\"\r",
            "AT+CGDCONT=1,\"IP\",\"mms.example\"\r",
            "ATD*99***1#\r",
            "AT+CMGS=23\r",
            "AT+CPIN?\r",
        ] {
            assert_eq!(sent(line), line);
        }
        for line in [
            "\r\nOK\r\n",
            "\r\n+CSQ: 17,99\r\n",
            "\r\n+CME ERROR: 11\r\n",
            "\r\n+CPIN: SIM PIN\r\n",
            "\r\nCONNECT 150000000\r\n",
            "\r\n+CMTI: \"SM\",3\r\n",
            "\r\n+COPS: 0,0,\"Example Mobile\",7\r\n",
            "\r\n> ",
            "\r\nNO CARRIER\r\n",
        ] {
            assert_eq!(received(line), line);
        }
    }

    #[test]
    fn what_is_private_is_hidden() {
        for (line, hidden) in [
            ("AT+CPIN=1234\r", "AT+CPIN=0000\r"),
            ("AT+CPIN=\"1234\";+CSQ\r", "AT+CPIN=\"0000\";+CSQ\r"),
            ("AT+CLCK=\"SC\",1,\"9\"\r", "AT+CLCK=\"xx\",0,\"0\"\r"),
            ("ATD+447700900123;\r", "ATD+000000000000;\r"),
            ("AT+CMGS=\"0123\"\r", "AT+CMGS=\"0000\"\r"),
            ("AT+CGAUTH=1,1,\"shop\",\"pass1\"\r", "AT+CGAUTH=0,0,\"xxxx\",\"xxxx0\"\r"),
            ("AT+CUSD=1,\"*100#\"\r", "AT+CUSD=0,\"*000#\"\r"),
            ("0011000B9144\x1a", "0000000x0000\x1a"),
        ] {
            assert_eq!(sent(line), hidden);
        }
        for (line, hidden) in [
            ("\r\n001010123456789\r\n", "\r\n000000000000000\r\n"),
            ("\r\n+CNUM: \"Bo\",\"+4477\",145\r\n", "\r\n+CNUM: \"xx\",\"+0000\",000\r\n"),
            ("\r\n+ICCID: 8944\r\n", "\r\n+ICCID: 0000\r\n"),
            ("\r\n+CREG: 2,1,\"1A2B\",\"0C\",7\r\n", "\r\n+CREG: 2,1,\"0x0x\",\"0x\",7\r\n"),
            ("\r\n+CSCA: \"+44770\",145\r\n", "\r\n+CSCA: \"+00000\",145\r\n"),
            ("\r\nHello Ann, 5 pm?\r\n", "\r\nxxxxx xxx, 0 xx?\r\n"),
            ("\r\n\u{e9}\r\n", "\r\nxx\r\n"),
        ] {
            assert_eq!(received(line), hidden);
        }
    }

    #[test]
    fn lines_in_pieces_hide_as_much_as_whole_ones() {
        use TapDirection::{Received, Sent};
        let told = hidden(&[
            (Sent, "AT+CI"),
            (Sent, "MI\r"),
            (Received, "\r\n00101"),
            (Received, "0123456"),
            (Received, "789\r\n\r\nOK\r\n"),
            (Sent, "AT+CPIN=\"12"),
            (Sent, "34\"\r"),
            (Received, "\r\n+CSQ: 1"),
            (Received, "7,99\r\n"),
        ]);
        assert_eq!(told[2..5], ["\r\n00000", "0000000", "000\r\n\r\nOK\r\n"]);
        assert_eq!(told[5..7], ["AT+CPIN=\"00", "00\"\r"]);
        assert_eq!(told[7..9], ["\r\n+CSQ: 0", "0,00\r\n"]);
    }

    #[test]
    fn modem_says_what_it_is_and_not_who() {
        use TapDirection::{Received, Sent};
        let told = hidden(&[
            (Sent, "ATI\r"),
            (Received, "\r\nQuectel EC25\r\nIMEI: 352099001761481\r\n\r\nOK\r\n"),
            (Received, "\r\nQuectel\r\n"),
        ]);
        assert_eq!(told[1], "\r\nQuectel EC25\r\nIMEI: 000000000000000\r\n\r\nOK\r\n");
        assert_eq!(told[2], "\r\nxxxxxxx\r\n");
    }
}

//! Lines of an AT dialogue without what is private: numbers, cards, addresses, cells, places, names
//! and texts. As long as before, to the octet.

use super::pdu;
use super::pseudonyms::{Pseudonyms, swapped};
use super::{MARK, Secrets};

/// Fewest digits in a line that may be a person's.
const MIN_DIGITS: usize = 10;
/// The same behind a plus.
const MIN_INTERNATIONAL: usize = 5;
/// Last digits of a known number that tell it.
const MIN_TAIL: usize = 6;
/// Shortest run of hexadecimal digits that is a PDU or a record of the SIM.
const MIN_PDU: usize = 14;

/// TS 27.007 clauses 7.2, 10.1.20, 10.1.22, 10.1.47: the area and the cell are places.
const REGISTRATION: [&str; 4] = ["+CREG:", "+CGREG:", "+CEREG:", "+C5GREG:"];

/// What tells the cell, its neighbours or the position.
const PLACES: [&str; 32] = [
    "+CPSI:",
    "+QENG:",
    "+QNWINFO:",
    "+QCAINFO:",
    "+QCELL",
    "^LOCINFO",
    "^MONSC",
    "^MONNC",
    "^SMONI",
    "^SMONP",
    "^SMOND",
    "^SMONC",
    "+CENG:",
    "+CCED:",
    "+CGED:",
    "+UCELLINFO",
    "+UCGED:",
    "#MONI:",
    "#SERVINFO:",
    "#RFSTS:",
    "#GPSACP:",
    "!GSTATUS",
    "$QCRSRP",
    "+CLBS:",
    "+CGPSINFO:",
    "+CGNSINF:",
    "+CGNSSINFO:",
    "+QGPSLOC:",
    "+UULOC:",
    "+QCELLLOC:",
    "+QLBS",
    "$G",
];

/// Lines with numbers, names and texts in quotes.
const NAMED: [&str; 28] = [
    "+CNUM:",
    "+CPBR:",
    "+CPBF:",
    "+CLIP:",
    "+CCWA:",
    "+COLP:",
    "+CLCC:",
    "+CDIP:",
    "+CNAP:",
    "+CCFC:",
    "+CSCA:",
    "+CMT:",
    "+CMGL:",
    "+CMGR:",
    "+CDS:",
    "+CBM:",
    "+CUSD:",
    "^CLCC:",
    "^ORIG:",
    "+CVMN:",
    "+CSVM:",
    "AT+CUSD=",
    "AT+CPBW=",
    "AT+CSCA=",
    "AT+CMGS=\"",
    "AT+CMGW=\"",
    "AT+CCFC=",
    "AT+CSVM=",
];

/// Headers behind which a text stands, where the modem does not show PDUs.
const HEADERS: [&str; 5] = ["+CMT:", "+CMGL:", "+CMGR:", "+CDS:", "+CBM:"];

/// Values in quotes that tell nothing.
const WORDS: [&str; 14] = [
    "REC UNREAD",
    "REC READ",
    "STO UNSENT",
    "STO SENT",
    "ALL",
    "SM",
    "ME",
    "MT",
    "SR",
    "BM",
    "TA",
    "GSM",
    "UCS2",
    "IRA",
];

/// Where lines with a PIN are.
const LOCKS: [&str; 5] = ["CPIN=", "CLCK=", "CPWD=", "CPIN2=", "SPIC="];

/// One direction of one port: what earlier lines mean for this one.
#[derive(Default)]
pub(super) struct Dialogue {
    /// A text in quotes goes on over the line's end.
    quoted: bool,
    /// The text of a message follows.
    text_follows: bool,
}

/// What is replaced, and by what.
pub(super) struct Lines<'a> {
    pub(super) numbers: &'a mut Pseudonyms,
    pub(super) secrets: &'a Secrets,
}

impl Lines<'_> {
    /// A whole stream of octets; a line may have come in any pieces.
    pub(super) fn stream(&mut self, octets: &[u8]) -> Vec<u8> {
        let mut dialogue = Dialogue::default();
        let mut clean = Vec::with_capacity(octets.len());
        for piece in octets.split_inclusive(|octet| is_end(*octet)) {
            let end = piece.len() - usize::from(piece.last().is_some_and(|octet| is_end(*octet)));
            let (body, tail) = piece.split_at(end);
            // Whatever the octets are, each is one character here.
            let text: String = body.iter().copied().map(char::from).collect();
            let mut line = self.line(&text, &mut dialogue);
            if line.chars().count() != body.len() {
                line = "x".repeat(body.len());
            }
            clean.extend(line.chars().map(|c| u8::try_from(c).unwrap_or(b'?')));
            clean.extend(tail);
        }
        clean
    }

    fn line(&mut self, text: &str, dialogue: &mut Dialogue) -> String {
        if text.is_empty() {
            return String::new();
        }
        let is_result = matches!(text, "OK" | "ERROR") || text.starts_with("CONNECT");
        if std::mem::take(&mut dialogue.quoted) {
            let (inside, rest) = text.split_at(text.find('"').unwrap_or(text.len()));
            dialogue.quoted = rest.is_empty() && !is_result;
            return if is_result { text.to_owned() } else { masked(inside) + &self.text(rest) };
        }
        // An echoed prompt stands before what was typed.
        let (prompt, body) = text.split_at(if text.starts_with("> ") { 2 } else { 0 });
        if is_pdu(body)
            && let Ok(octets) = hex::decode(body)
        {
            dialogue.text_follows = false;
            let clean = pdu::pdu(&octets, self.numbers);
            let lower = body.bytes().any(|digit| digit.is_ascii_lowercase());
            let shown = if lower { hex::encode(clean) } else { hex::encode_upper(clean) };
            return format!("{prompt}{shown}");
        }
        let is_header = is_result || has_code(text);
        if dialogue.text_follows && !is_header {
            let is_ours = text.contains(MARK);
            return if is_ours { self.text(text) } else { masked(text) };
        }
        dialogue.text_follows = begins(text, &HEADERS);
        if is_result {
            return text.to_owned();
        }
        if begins(text, &PLACES) {
            return place(text);
        }
        let mut clean = text.to_owned();
        if begins(text, &NAMED) {
            clean = self.quoted(&clean);
            dialogue.quoted = text.matches('"').count() % 2 == 1;
        }
        if LOCKS.iter().any(|word| text.contains(word)) {
            clean = without_pin(&clean);
        }
        clean = self.text(&clean);
        if begins(text, &REGISTRATION) {
            clean = cells(&clean);
        }
        if text.starts_with("^DHCP:") {
            clean = hexadecimals(&clean, 8);
        }
        clean
    }

    /// What may stand in any text: numbers, cards, records, IP addresses and words.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut clean = String::new();
        let mut plain = String::new();
        for token in pieces(text, |c: char| c.is_ascii_hexdigit()) {
            match self.card(token) {
                Some(card) => {
                    clean.push_str(&self.digits(&addresses(&std::mem::take(&mut plain))));
                    clean.push_str(&card);
                }
                None => plain.push_str(token),
            }
        }
        clean.push_str(&self.digits(&addresses(&plain)));
        let words = self.secrets.words.iter().filter(|word| !word.is_empty());
        words.fold(clean, |clean, word| without_word(&clean, word))
    }

    /// Numbers, however they are grouped by blanks, hyphens and parentheses.
    fn digits(&mut self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut clean = chars.clone();
        let mut at = 0;
        while at < chars.len() {
            if !chars[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            let places = grouped(&chars, at);
            let run = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            let is_international = at > 0 && chars[at - 1] == '+';
            let least = if is_international { MIN_INTERNATIONAL } else { MIN_DIGITS };
            let of = |places: &[usize]| places.iter().map(|at| chars[*at]).collect::<String>();
            let alone: Vec<usize> = (at..at + run).collect();
            let chosen = [alone.as_slice(), places.as_slice()].into_iter().find(|places| {
                let digits = of(places);
                digits.len() >= least || self.is_known(&digits)
            });
            if let Some(places) = chosen {
                for (place, digit) in places.iter().zip(self.numbers.of(&of(places)).chars()) {
                    clean[*place] = digit;
                }
                at = places.last().map_or(at + run, |last| last + 1);
            } else {
                at += run;
            }
        }
        clean.into_iter().collect()
    }

    /// Whether digits are a number met before, or the end of one of the rig's.
    fn is_known(&self, digits: &str) -> bool {
        let is_tail = digits.len() >= MIN_TAIL
            && self.secrets.numbers.iter().any(|number| number.ends_with(digits));
        is_tail || self.numbers.knows(digits)
    }

    /// A run of hexadecimal digits that is the number of a card (ITU-T E.118) or a record of the
    /// SIM; none when it is neither.
    fn card(&mut self, token: &str) -> Option<String> {
        let digits = token.trim_end_matches(['F', 'f']);
        let filler = token.get(digits.len()..)?;
        let is_plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let has_letters = token.bytes().any(|it| it.is_ascii_alphabetic());
        // EF_ICCID as it is stored, two digits swapped (TS 51.011 clause 10.1.1).
        if token.len() == 20 && token.starts_with("98") && is_semi_octets(token) {
            let told = swapped(token);
            let number = told.trim_end_matches(['F', 'f']);
            let filler = told.get(number.len()..)?;
            return Some(swapped(&format!("{}{filler}", self.numbers.of(number))));
        }
        if is_plain && (18..=20).contains(&token.len()) && token.starts_with("89") {
            return Some(format!("{}{filler}", self.numbers.of(digits)));
        }
        // A card's number with letters in it, or something else that is stored.
        (has_letters && token.len() >= MIN_PDU).then(|| hexadecimals(token, 1))
    }

    /// Every value in quotes: numbers get others, names and texts are covered.
    fn quoted(&mut self, line: &str) -> String {
        let mut clean = Vec::new();
        for (at, value) in line.split('"').enumerate() {
            let is_number = value.len() >= 3
                && value.chars().all(|c| c.is_ascii_digit() || "+*#pw".contains(c));
            let is_time = value.contains('/')
                && value.chars().all(|c| c.is_ascii_digit() || "/,:+-".contains(c));
            clean.push(if at % 2 == 0 || WORDS.contains(&value) || is_time {
                value.to_owned()
            } else if is_number {
                let runs = pieces(value, |c: char| c.is_ascii_digit());
                let other = |run: &str| match run.len() {
                    3.. if run.bytes().all(|it| it.is_ascii_digit()) => self.numbers.of(run),
                    _ => run.to_owned(),
                };
                runs.into_iter().map(other).collect()
            } else if value.contains(MARK) {
                value.to_owned()
            } else {
                masked(value)
            });
        }
        clean.join("\"")
    }
}

const fn is_end(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n' | 0x1a | 0x1b)
}

fn begins(line: &str, codes: &[&str]) -> bool {
    codes.iter().any(|code| line.starts_with(code))
}

/// Whether a line begins with the code of an answer, such as `+CREG:`.
fn has_code(line: &str) -> bool {
    let mut rest = line.chars();
    let is_sign = rest.next().is_some_and(|c| "+^#$!%*".contains(c));
    let name: String = rest.by_ref().take_while(|c| *c != ':').collect();
    is_sign
        && line.contains(':')
        && (2..=16).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ')
}

/// Whether a line is nothing but a PDU; a number in digits alone is none.
fn is_pdu(line: &str) -> bool {
    let is_card = (18..=20).contains(&line.len())
        && (line.starts_with("89") || line.starts_with("98"))
        && line.trim_end_matches(['F', 'f']).bytes().all(|digit| digit.is_ascii_digit());
    line.len() >= MIN_PDU
        && line.len().is_multiple_of(2)
        && line.bytes().all(|digit| digit.is_ascii_hexdigit())
        && (line.len() > 22 || line.bytes().any(|digit| !digit.is_ascii_digit()))
        && !is_card
}

/// Two digits an octet, with a filler at most in the end.
fn is_semi_octets(token: &str) -> bool {
    let told = swapped(token);
    told.trim_end_matches(['F', 'f']).bytes().all(|digit| digit.is_ascii_digit())
}

/// A text in runs of what `is_in` takes and what it does not.
fn pieces(text: &str, is_in: impl Fn(char) -> bool) -> Vec<&str> {
    let mut all = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let now = is_in(c);
        if before.is_some_and(|before| before != now) {
            all.push(&text[start..at]);
            start = at;
        }
        before = Some(now);
    }
    all.push(&text[start..]);
    all
}

/// Where the digits of a number are that begins here, with one or two signs between groups.
fn grouped(chars: &[char], start: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = start;
    loop {
        while chars.get(at).is_some_and(char::is_ascii_digit) {
            places.push(at);
            at += 1;
        }
        let signs =
            chars[at..].iter().take(2).take_while(|c| matches!(c, ' ' | '-' | '(' | ')')).count();
        if signs == 0 || !chars.get(at + signs).is_some_and(char::is_ascii_digit) {
            return places;
        }
        at += signs;
    }
}

/// Letters and digits covered.
fn masked(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0'..='9' => '0',
            c if c.is_alphabetic() => 'x',
            c if c.is_ascii() => c,
            _ => 'x',
        })
        .collect()
}

/// Hexadecimal runs of at least `least` digits become zeros; fillers stay.
fn hexadecimals(text: &str, least: usize) -> String {
    let cover = |token: &str| -> String {
        let is_long = token.len() >= least && token.bytes().all(|it| it.is_ascii_hexdigit());
        let zero = |c: char| if is_long && !matches!(c, 'F' | 'f') { '0' } else { c };
        token.chars().map(zero).collect()
    };
    pieces(text, |c: char| c.is_ascii_hexdigit()).into_iter().map(cover).collect()
}

/// Every digit behind the code, and what may be a cell in hexadecimal.
fn place(line: &str) -> String {
    let (code, rest) = line.split_at(line.find(':').map_or(0, |at| at + 1));
    let cover = |token: &str| -> String {
        let is_cell = token.len() >= 4 && token.bytes().all(|it| it.is_ascii_hexdigit());
        let one = |c: char| if c.is_ascii_digit() || is_cell { '1' } else { c };
        token.chars().map(one).collect()
    };
    let rest: String =
        pieces(rest, |c: char| c.is_ascii_alphanumeric()).into_iter().map(cover).collect();
    format!("{code}{rest}")
}

/// Area and cell of a registration line, in quotes or without; state and technology stay.
fn cells(line: &str) -> String {
    let (code, rest) = line.split_at(line.find(':').map_or(0, |at| at + 1));
    let cover = |field: &str| -> String {
        let value = field.trim();
        let bare = value.len() >= 3 && value.bytes().all(|it| it.is_ascii_hexdigit());
        let is_place = value.starts_with('"') || value.ends_with('"') || bare;
        let one = |c: char| if is_place && c.is_ascii_hexdigit() { '1' } else { c };
        field.chars().map(one).collect()
    };
    let fields: Vec<String> = rest.split(',').map(cover).collect();
    format!("{code}{}", fields.join(","))
}

/// IP addresses: four or more groups with dots, or a colon form in quotes. None at all stays.
fn addresses(text: &str) -> String {
    let cover = |token: &str| -> String {
        let groups: Vec<&str> = token.split('.').collect();
        let numbers = groups.iter().all(|it| !it.is_empty() && it.len() <= 3);
        if groups.len() >= 4 && numbers && groups.iter().any(|it| it.bytes().any(|c| c != b'0')) {
            let other = |group: &&str| format!("{:0<width$}", "1", width = group.len());
            groups.iter().map(other).collect::<Vec<_>>().join(".")
        } else {
            token.to_owned()
        }
    };
    let dotted: String =
        pieces(text, |c: char| c.is_ascii_digit() || c == '.').into_iter().map(cover).collect();
    let is_v6 = |value: &str| {
        value.matches(':').count() >= 2
            && value.contains(|c: char| c.is_ascii_alphabetic() || value.contains("::") || c == '1')
            && value.chars().all(|c| c.is_ascii_hexdigit() || ":/ ".contains(c))
            && (value.contains("::") || value.matches(':').count() >= 7)
    };
    let values = dotted.split('"').map(|value| {
        let digit = |c: char| if c.is_ascii_hexdigit() && c != '0' { '1' } else { c };
        if is_v6(value) { value.chars().map(digit).collect() } else { value.to_owned() }
    });
    values.collect::<Vec<String>>().join("\"")
}

/// PINs in quotes or alone: whoever's they are.
fn without_pin(line: &str) -> String {
    pieces(line, |c: char| c.is_ascii_digit())
        .into_iter()
        .map(|run| match run.len() {
            4..=8 if run.bytes().all(|it| it.is_ascii_digit()) => "0".repeat(run.len()),
            _ => run.to_owned(),
        })
        .collect()
}

/// A word that is a whole value: in quotes, or between `=`, `,` and the ends.
fn without_word(text: &str, word: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, found) = rest.split_at(at);
        let (found, behind) = found.split_at(word.len());
        clean.push_str(before);
        let opens = clean.is_empty() || clean.ends_with(['"', '=', ',']);
        let closes = behind.is_empty() || behind.starts_with(['"', ',']);
        if opens && closes {
            clean.push_str(&"x".repeat(found.chars().count()));
        } else {
            clean.push_str(found);
        }
        rest = behind;
    }
    clean + rest
}

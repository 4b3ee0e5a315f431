//! What `decode` is given: octets as they are, hexadecimal in the layouts that people and tools
//! write, base64, and AT dialogues (3GPP TS 27.005 clauses 3.4 and 3.5) with PDUs in them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;

use super::decode_dump;

/// Largest input, octets: above every message that a phone takes, twice for hexadecimal and once
/// more for the offsets and characters of a dump.
pub(super) const MAX_INPUT: usize = 64 * 1024 * 1024;

/// Fewest characters that are taken for base64: shorter ones are words.
const MIN_BASE64: usize = 12;

/// How the octets were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Binary,
    /// Hexadecimal digits.
    Hexadecimal,
    /// Hexadecimal digits with offsets in front and characters behind.
    Dump,
    /// Base64.
    Base64,
    /// The dialogue with a modem.
    Dialogue,
}

impl Form {
    /// For people.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Hexadecimal => "hexadecimal",
            Self::Dump => "a hexadecimal dump",
            Self::Base64 => "base64",
            Self::Dialogue => "an AT dialogue",
        }
    }
}

/// One line of octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the text, from 1; 0 where the input is no text.
    pub(super) number: usize,
    pub(super) octets: Bytes,
    /// Octets of the TPDU without the service centre's address, where a modem announced them.
    pub(super) announced: Option<usize>,
    /// Whether a single digit stood behind the last octet.
    pub(super) half: bool,
}

impl Line {
    const fn new(number: usize, octets: Bytes) -> Self {
        Self { number, octets, announced: None, half: false }
    }
}

/// The octets of an input, and those of its lines where it is text.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) form: Form,
    pub(super) whole: Bytes,
    pub(super) lines: Vec<Line>,
    /// What was passed over although it should have been a PDU: line and what is wrong with it.
    pub(super) unread: Vec<(usize, String)>,
}

impl Input {
    /// Takes the octets of a file.
    pub(super) fn new(file: Bytes) -> Self {
        let text = text_of(&file);
        text.and_then(|text| from_text(&text)).unwrap_or_else(|| Self::of(Form::Binary, vec![file]))
    }

    /// The octets as they are.
    pub(super) fn binary(file: Bytes) -> Self {
        Self::of(Form::Binary, vec![file])
    }

    /// Whether the same characters could be meant as they are.
    pub(super) fn is_guess(&self) -> bool {
        self.form == Form::Base64
    }

    fn of(form: Form, chunks: Vec<Bytes>) -> Self {
        let lines = chunks.into_iter().map(|octets| Line::new(0, octets)).collect();
        Self::with_lines(form, lines)
    }

    fn with_lines(form: Form, lines: Vec<Line>) -> Self {
        let whole = match lines.as_slice() {
            [line] => line.octets.clone(),
            lines => {
                let mut whole = Vec::with_capacity(lines.iter().map(|it| it.octets.len()).sum());
                lines.iter().for_each(|line| whole.extend_from_slice(&line.octets));
                Bytes::from(whole)
            }
        };
        Self { form, whole, lines, unread: Vec::new() }
    }
}

/// The input as text, if it can be one: UTF-8, or UTF-16 with its mark in front, as Windows writes
/// it; of the control characters only those that end lines, Ctrl-Z and ESC, which end a PDU in a
/// dialogue.
fn text_of(file: &[u8]) -> Option<Cow<'_, str>> {
    let text = match file {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)?),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)?),
        _ => {
            let text = std::str::from_utf8(file).ok()?;
            Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text))
        }
    };
    let strange = |octet: u8| octet < 0x20 && !b"\t\r\n\x0C\x1A\x1B".contains(&octet);
    (!text.bytes().any(|octet| strange(octet) || octet == 0x7F)).then_some(text)
}

fn utf16(octets: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
}

fn from_text(text: &str) -> Option<Input> {
    if let Some(input) = dialogue(text) {
        return Some(input);
    }
    if let Some(chunks) = decode_dump::read(text) {
        return Some(Input::of(Form::Dump, chunks));
    }
    hexadecimal(text).or_else(|| base64(text))
}

/// The line without a comment. A `#` or `;` begins one anywhere, `//` too.
fn without_comment(line: &str) -> &str {
    let line = line.split(['#', ';']).next().unwrap_or_default();
    line.split("//").next().unwrap_or_default().trim()
}

/// The octets of a line of digits: pairs with blanks, colons, commas or dashes between them, `0x`
/// and `\x` before them.
fn digits(line: &str) -> Option<Vec<u8>> {
    let separator = |c: char| c.is_whitespace() || matches!(c, ':' | ',' | '-' | '{' | '}' | '"');
    let mut packed = String::with_capacity(line.len());
    for word in line.split(separator).filter(|word| !word.is_empty()) {
        let word = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word);
        if word.contains("\\x") {
            word.split("\\x").for_each(|pair| packed.push_str(pair));
        } else {
            packed.push_str(word);
        }
    }
    hex::decode(packed).ok()
}

/// Nothing but lines of digits.
fn hexadecimal(text: &str) -> Option<Input> {
    let mut lines = Vec::new();
    let mut whole = true;
    let bare = || text.lines().map(without_comment);
    for (at, line) in bare().enumerate().filter(|(_, line)| !line.is_empty()) {
        match digits(line) {
            Some(octets) => {
                lines.push(Line::new(at + 1, Bytes::from(octets)));
            }
            None => {
                whole = false;
                break;
            }
        }
    }
    if whole {
        lines.retain(|line| !line.octets.is_empty());
        return (!lines.is_empty()).then(|| Input::with_lines(Form::Hexadecimal, lines));
    }
    // Digits that were broken into lines in the middle of an octet.
    let joined: String = bare().collect();
    let octets = digits(&joined).filter(|octets| !octets.is_empty())?;
    Some(Input::of(Form::Hexadecimal, vec![Bytes::from(octets)]))
}

/// Nothing but base64 of octets that are no text by themselves.
fn base64(text: &str) -> Option<Input> {
    let packed: Vec<u8> = text.lines().flat_map(|line| line.trim().bytes()).collect();
    let padding = packed.iter().rev().take_while(|&&octet| octet == b'=').count();
    let packed = packed.get(..packed.len() - padding.min(2)).unwrap_or_default();
    if packed.len() < MIN_BASE64 || packed.len() % 4 == 1 {
        return None;
    }
    let octets = STANDARD_NO_PAD.decode(packed).or_else(|_| URL_SAFE_NO_PAD.decode(packed)).ok()?;
    Some(Input::of(Form::Base64, vec![Bytes::from(octets)]))
}

/// What announces a PDU on the next line.
const ANNOUNCEMENTS: &[&str] =
    &["+CMT:", "+CMGR:", "+CMGL:", "+CDS:", "+CDSI:", "+CBM:", "AT+CMGS=", "AT+CMGW=", "AT+CNMA="];

/// Most commas in an announcement of a PDU: index, status, name, length.
const MAX_COMMAS: usize = 3;

/// Whether these are the digits of octets and one more, as logs cut them off.
fn has_half_octet(digits: &str) -> bool {
    digits.len() >= 5
        && !digits.len().is_multiple_of(2)
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// Why what stands in the place of a PDU is none.
fn why_no_pdu(length: Option<usize>, found: &str) -> String {
    if length.is_none() {
        return "a message in text mode, which has no octets to decode".to_owned();
    }
    let strange = found.chars().enumerate().find(|(_, it)| !it.is_ascii_hexdigit());
    match strange {
        Some((at, strange)) if at > 0 => {
            format!("{strange:?} among the digits of a PDU, in their column {}", at + 1)
        }
        _ => "a PDU was announced, this is none".to_owned(),
    }
}

/// Result codes and the like that stand where a PDU could.
fn is_chatter(line: &str) -> bool {
    let words = ["OK", "ERROR", "RING", ">", "NO CARRIER", "CONNECT", "BUSY", "NO ANSWER"];
    words.contains(&line)
        || line.starts_with(['+', '^', '*', '%', '&', '$'])
        || line.get(..2).is_some_and(|first| first.eq_ignore_ascii_case("AT"))
}

/// The announcement in a line, wherever a log put it.
fn announcement(line: &str) -> Option<&str> {
    let upper = line.to_ascii_uppercase();
    let at = ANNOUNCEMENTS.iter().filter_map(|word| upper.find(word)).min()?;
    line.get(at..)
}

/// A dialogue: at least one announcement, and lines of digits behind them.
fn dialogue(text: &str) -> Option<Input> {
    let mut lines = Vec::new();
    let mut unread = Vec::new();
    let mut waiting: Option<(usize, Option<usize>)> = None;
    let mut any = false;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(found) = announcement(trimmed) {
            any = true;
            let length = found.rsplit([',', '=']).next().map(|it| it.trim().trim_matches('"'));
            // In text mode a length may stand at the end too, behind everything else.
            let length = length.filter(|_| found.matches(',').count() <= MAX_COMMAS);
            waiting = Some((at + 1, length.and_then(|it| it.parse().ok())));
            continue;
        }
        // A log may have put its own words before the digits, a modem its prompt.
        let last = trimmed.rsplit(char::is_whitespace).next().unwrap_or_default();
        let last = last.trim_start_matches('>');
        let pdu = [trimmed, last]
            .into_iter()
            .find_map(|digits| hex::decode(digits).ok())
            .filter(|octets| octets.len() >= 2);
        match (pdu, waiting.take()) {
            (Some(octets), announced) => {
                let announced = announced.and_then(|(_, length)| length);
                let octets = Bytes::from(octets);
                lines.push(Line { number: at + 1, octets, announced, half: false });
            }
            (None, Some((_, Some(announced)))) if has_half_octet(last) => {
                let digits = last.get(..last.len() - 1).unwrap_or_default();
                let octets = Bytes::from(hex::decode(digits).unwrap_or_default());
                let announced = Some(announced);
                lines.push(Line { number: at + 1, octets, announced, half: true });
            }
            (None, Some(announced)) if is_chatter(trimmed) => {
                // What the modem says on its own may stand between the two.
                waiting = (!matches!(trimmed, "OK" | "ERROR")).then_some(announced);
            }
            (None, Some((_, length))) => {
                unread.push((at + 1, why_no_pdu(length, last)));
            }
            (None, None) => {}
        }
    }
    if !any || lines.is_empty() && unread.is_empty() {
        return None;
    }
    let mut input = Input::with_lines(Form::Dialogue, lines);
    input.unread = unread;
    Some(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Form, Vec<Vec<u8>>) {
        let input = Input::new(Bytes::copy_from_slice(text.as_bytes()));
        (input.form, input.lines.iter().map(|line| line.octets.to_vec()).collect())
    }

    #[test]
    fn hexadecimal_is_told_from_binary() {
        let hex =
            |lines: &[&[u8]]| (Form::Hexadecimal, lines.iter().map(|it| it.to_vec()).collect());
        assert_eq!(read("8c 81\n98:54"), hex(&[&[0x8C, 0x81], &[0x98, 0x54]]));
        assert_eq!(read("0x8c, 0x81 ,0x98\n"), hex(&[&[0x8C, 0x81, 0x98]]));
        assert_eq!(read("\"\\x8c\\x81\""), hex(&[&[0x8C, 0x81]]));
        assert_eq!(read("8C-81-98"), hex(&[&[0x8C, 0x81, 0x98]]));
        assert_eq!(read("\u{feff}8c81\r\n"), hex(&[&[0x8C, 0x81]]));
        assert_eq!(read("# a comment\n0x0102 // two\n\n"), hex(&[&[1, 2]]));
        assert_eq!(read("8c81 # type\n98 ; id\n"), hex(&[&[0x8C, 0x81], &[0x98]]));
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            let text: Vec<u8> = "\u{feff}8c81\r\n".encode_utf16().flat_map(unit).collect();
            let input = Input::new(Bytes::from(text));
            assert_eq!((input.form, &input.whole[..]), (Form::Hexadecimal, &[0x8C, 0x81][..]));
        }
        assert_eq!(read("8c819\n854\n"), hex(&[&[0x8C, 0x81, 0x98, 0x54]]), "broken in an octet");
        for text in ["8c8", "hello", "# nothing\n", "8c 81 zz"] {
            assert_eq!(read(text).0, Form::Binary, "{text}");
        }
        assert_eq!(Input::new(Bytes::from_static(b"\x8C\x81")).form, Form::Binary);
        assert_eq!(Input::new(Bytes::from_static(b"00\x00")).form, Form::Binary);
    }

    #[test]
    fn base64_is_read_with_and_without_padding_and_line_ends() {
        let octets: Vec<u8> = (0..=40).map(|n| n ^ 0x8C).collect();
        let text = base64::engine::general_purpose::STANDARD.encode(&octets);
        let (first, second) = text.split_at(20);
        for text in [text.clone(), format!("{first}\r\n{second}\n"), text.replace('=', "")] {
            assert_eq!(read(&text), (Form::Base64, vec![octets.clone()]));
        }
        assert_eq!(read("hello world this is text").0, Form::Binary);
    }

    #[test]
    fn dialogue_gives_the_lines_that_were_announced() {
        let text = "AT+CMGL=4\r\r\n+CMGL: 0,1,,3\r\n\r\n^RSSI:17\r\n07000405\r\n\
                    +CMGL: 1,1,,3\r\n07000406\r\nOK\r\n+CMT: ,3\r\n07000407\r\n";
        let input = Input::new(Bytes::copy_from_slice(text.as_bytes()));
        let lines: Vec<_> = input
            .lines
            .iter()
            .map(|line| (line.number, hex::encode(&line.octets), line.announced))
            .collect();
        let line = |number, digits: &str| (number, digits.to_owned(), Some(3));
        assert_eq!(lines, [line(5, "07000405"), line(7, "07000406"), line(10, "07000407")]);
        assert_eq!(input.form, Form::Dialogue);
    }

    #[test]
    fn what_was_sent_is_found_behind_the_prompt() {
        let (form, lines) = read("AT+CMGS=3\r\n> 00010405\u{1a}\r\n+CMGS: 7\r\nOK\r\n");
        assert_eq!((form, lines), (Form::Dialogue, vec![vec![0, 1, 4, 5]]));
        let (form, lines) = read("12:00:01 <- +CMT: ,3\n12:00:01 <- 00000405\n");
        assert_eq!((form, lines), (Form::Dialogue, vec![vec![0, 0, 4, 5]]));
    }

    #[test]
    fn message_in_text_mode_is_named() {
        let text = "+CMT: \"+447700900123\",,\"21/01/01,10:00:00+00\"\r\nhello there\r\n";
        let input = Input::new(Bytes::copy_from_slice(text.as_bytes()));
        assert_eq!(input.unread.len(), 1);
        assert!(input.unread[0].1.contains("text mode"), "{:?}", input.unread);
    }
}

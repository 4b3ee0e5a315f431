//! The form of a message as text: lines of headers, an empty line, the text (as smstools has it).

use super::item::Refusal;
use crate::model::suggest;

/// Most lines of headers.
const MAX_HEADERS: usize = 200;

/// What a header may be called, in small letters.
const HEADERS: &[&str] = &[
    "to",
    "from",
    "subject",
    "type",
    "modem",
    "route",
    "priority",
    "report",
    "read-report",
    "group",
    "validity",
    "send-at",
    "expires-at",
    "reference",
];

/// A message as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Names in small letters and values, in order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Takes it apart.
///
/// # Errors
/// What is wrong, with the number of the line.
pub(super) fn parse(octets: &[u8]) -> Result<Letter, String> {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    let text = std::str::from_utf8(octets).map_err(|error| {
        let before = octets.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|octet| **octet == b'\n').count() + 1;
        format!("line {line} is not UTF-8; save the file in that encoding")
    })?;
    let mut headers = Vec::new();
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.strip_suffix('\r').unwrap_or(line);
        (rest, number) = (after, number + 1);
        if line.trim().is_empty() {
            if headers.is_empty() {
                // Editors and programs begin with an empty line now and then.
                continue;
            }
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!(
                "line {number} is no header like \"To: +447700900123\"; the text begins after an \
                 empty line"
            ));
        };
        if headers.len() == MAX_HEADERS {
            return Err(format!("more than {MAX_HEADERS} lines of headers"));
        }
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    if !headers.iter().any(|(name, _)| name == "to") {
        return Err("there is no line \"To: +447700900123\" at its beginning".to_owned());
    }
    // The last end of line belongs to the file.
    let body = rest.strip_suffix('\n').unwrap_or(rest);
    Ok(Letter { headers, body: body.strip_suffix('\r').unwrap_or(body).to_owned() })
}

/// What to say of a header that means nothing here.
pub(super) fn unknown(name: &str) -> String {
    let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
    match suggest::nearest(name, HEADERS.iter().copied()) {
        Some(near) => format!("there is no header '{shown}'; did you mean '{near}'?"),
        None => format!(
            "there is no header '{shown}'; there are: {}. The text begins after an empty line",
            HEADERS.join(", ")
        ),
    }
}

/// Whether a header says yes.
pub(super) fn is_on(name: &str, value: &str) -> Result<bool, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(Refusal::Wrong(format!("{name} must be yes or no"))),
    }
}

/// A text that is to stand in one line of a header.
pub(super) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_with_an_empty_line_and_the_text_stays_as_it_is() {
        let letter = parse(
            b"\xef\xbb\xbfTo: +447700900123\r\nSUBJECT:  Cake \r\n\r\nHi: there\r\n\r\nBye\r\n",
        );
        let letter = letter.unwrap();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(letter.headers, [header("to", "+447700900123"), header("subject", "Cake")]);
        assert_eq!(letter.body, "Hi: there\r\n\r\nBye");
        assert_eq!(parse(b"\nTo: 1\n\nx").unwrap().body, "x");
        assert_eq!(parse(b"To: 1").unwrap().body, "");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert!(parse(b"Hello").unwrap_err().starts_with("line 1 is no header"));
        assert!(parse(b"To: 1\nHello\n").unwrap_err().starts_with("line 2 is no header"));
        assert!(parse(b"To: 1\n\nGr\xfc\xdfe").unwrap_err().starts_with("line 3 is not UTF-8"));
        assert!(parse(b"Subject: x\n\ny").unwrap_err().contains("To: "));
        assert!(parse(b"").unwrap_err().contains("To: "));
        assert!(parse(&b"To: 1\n".repeat(300)).unwrap_err().contains("more than 200"));
        assert!(unknown("subjekt").contains("did you mean 'subject'"));
        assert!(is_on("report", "maybe").is_err() && is_on("report", "YES").unwrap());
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        assert_eq!(one_line("a\r\nStatus: sent\u{7}b"), "a Status: sent b");
    }
}

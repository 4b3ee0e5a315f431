//! What an answer that is no MMS PDU says to people: a page's title or the first line of a text.

use super::Answer;
use crate::mm1::Seen;

/// Octets of a body that are looked at.
const PROBE: usize = 16 * 1024;
/// Characters kept.
const MAX_TEXT: usize = 160;

impl Seen {
    pub(in crate::mm1) fn of(answer: &Answer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type.clone(),
            text: text_of(answer),
        }
    }
}

fn text_of(answer: &Answer) -> Option<String> {
    let probe = answer.body.get(..PROBE).unwrap_or(&answer.body);
    let text = String::from_utf8_lossy(probe);
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|at| {
        let from = at + lower.get(at..)?.find('>')? + 1;
        let to = from + lower.get(from..)?.find("</title")?;
        shorten(text.get(from..to)?)
    });
    title.or_else(|| first_line(&text))
}

fn first_line(text: &str) -> Option<String> {
    // Binary content has nothing to say to people.
    let odd = text
        .chars()
        .filter(|c| *c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace()))
        .count();
    if odd * 10 > text.chars().count() {
        return None;
    }
    without_tags(text).lines().find_map(shorten)
}

/// The text between tags; scripts and styles are no text.
fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let Some((tag, after)) = tag.split_once('>') else {
            return out;
        };
        let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        rest = after;
        for hidden in ["script", "style"] {
            if name.eq_ignore_ascii_case(hidden) {
                let end = after.to_ascii_lowercase().find(&format!("</{hidden}"));
                rest = end.and_then(|at| after.get(at..)).unwrap_or_default();
            }
        }
        out.push('\n');
    }
    out.push_str(rest);
    out
}

fn shorten(text: &str) -> Option<String> {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect();
    let line = words.join(" ");
    if line.is_empty() {
        return None;
    }
    let mut short: String = line.chars().take(MAX_TEXT).collect();
    if short.len() < line.len() {
        short.push('\u{2026}');
    }
    Some(short)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn seen(body: &[u8]) -> Option<String> {
        text_of(&Answer {
            status: 200,
            content_type: None,
            body: Bytes::copy_from_slice(body),
            released: true,
            by: String::new(),
        })
    }

    #[test]
    fn title_of_a_page_is_told() {
        let page = b"<!DOCTYPE html><HTML><head><TITLE lang=en>\n Radius query\n failed </TITLE>";
        assert_eq!(seen(page).as_deref(), Some("Radius query failed"));
    }

    #[test]
    fn page_without_title_and_plain_text_give_their_first_line() {
        let page = b"<html><style>p{}</style><body>\n<p>Not <b>found</b></p>more";
        assert_eq!(seen(page).as_deref(), Some("Not"));
        assert_eq!(seen(b"\r\nno such user\r\nbye").as_deref(), Some("no such user"));
        assert_eq!(seen(b"").as_deref(), None);
        assert_eq!(seen(b"\x8c\x81\x98\x00\xff\xfe\x01\x02").as_deref(), None);
    }

    #[test]
    fn long_text_is_cut() {
        let text = seen("x".repeat(5000).as_bytes()).unwrap();
        assert_eq!(text.chars().count(), MAX_TEXT + 1);
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_survived(body: Vec<u8>) {
            let _ = seen(&body);
        }

        #[test]
        fn any_markup_is_survived(body in "[<>a-zé/ !]{0,60}(<title|</title|<script|</script|>){0,6}") {
            let _ = seen(body.as_bytes());
        }
    }
}

//! RFC 2047 encoded words, which some MMSCs leave in a Subject (RFC 2047 clause 2;
//! OMA-TS-MMS_ENC-V1_3 clause 7.3 knows none of them).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::codec::wsp::{charset, quoted_printable};

/// The text with every encoded word replaced; `None` when it has none.
pub(super) fn decode(text: &str) -> Option<String> {
    if !text.as_bytes().contains(&b'=') {
        return None;
    }
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some((before, tail)) = rest.split_once("=?") {
        match word(tail) {
            Some((decoded, after)) => {
                // Blanks between two encoded words are folding, not text.
                if !(found && before.bytes().all(|octet| octet.is_ascii_whitespace())) {
                    out.push_str(before);
                }
                out.push_str(&decoded);
                found = true;
                rest = after;
            }
            None => {
                out.push_str(before);
                out.push_str("=?");
                rest = tail;
            }
        }
    }
    if !found {
        return None;
    }
    out.push_str(rest);
    Some(out)
}

/// Longest encoded word we look at; RFC 2047 allows 75 octets, some writers none the less put a
/// whole subject into one.
const MAX_WORD: usize = 1024;

/// What stands behind `=?`, and what follows the word.
fn word(text: &str) -> Option<(String, &str)> {
    let window = text.get(..text.floor_char_boundary(MAX_WORD)).unwrap_or(text);
    let (label, rest) = window.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (body, _) = rest.split_once("?=")?;
    let used = label.len() + encoding.len() + body.len() + 4;
    let octets = match encoding {
        "B" | "b" => STANDARD.decode(body.trim()).ok()?,
        "Q" | "q" => quoted_printable(body.replace('_', " ").as_bytes()),
        _ => return None,
    };
    let label = label.split('*').next().unwrap_or(label);
    Some((charset::to_text(&octets, Some(label)), text.get(used..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_are_read() {
        assert_eq!(decode("=?utf-8?B?Y2Fmw6k=?=").as_deref(), Some("café"));
        assert_eq!(
            decode("Re: =?iso-8859-1?Q?caf=E9_noir?= !").as_deref(),
            Some("Re: café noir !")
        );
        assert_eq!(decode("=?utf-8?Q?a?= =?utf-8?Q?b?=").as_deref(), Some("ab"));
        assert_eq!(decode("=?utf-8?B??=").as_deref(), Some(""));
    }

    #[test]
    fn text_that_only_looks_like_one_stays() {
        assert_eq!(decode("what =? that"), None);
        assert_eq!(decode("=?utf-8?X?a?="), None);
        assert_eq!(decode("=?utf-8?B?***?="), None);
    }
}

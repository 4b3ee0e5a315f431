//! Parameters in their MIME form (RFC 2045 clause 5.1): `name=value`, quoted where it must be.

/// Most parameters of one value; the longest list registered has fewer than thirty.
pub(super) const MAX_PARAMETERS: usize = 64;

/// The parameter that has no value (WAP-230 table 38); alone it is written as its name.
const VALUELESS: &str = "secure";

/// The parameters of a text, each up to `separator`; names in lower case.
pub(super) fn split(text: &str, separator: char) -> Vec<(String, String)> {
    let mut list = Vec::new();
    let mut rest = text;
    while list.len() < MAX_PARAMETERS && !rest.is_empty() {
        let (parameter, more) = split_first(rest, separator);
        rest = more;
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, value),
            None if parameter.trim().eq_ignore_ascii_case(VALUELESS) => (parameter, ""),
            None => continue,
        };
        let name = name.trim().to_ascii_lowercase();
        if is_token(&name) {
            list.push((name, unquote(value.trim())));
        }
    }
    list
}

/// What stands before the first `separator` outside quotation marks, and what stands behind it.
pub(super) fn split_first(text: &str, separator: char) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                let behind = at + character.len_utf8();
                return (
                    text.get(..at).unwrap_or_default(),
                    text.get(behind..).unwrap_or_default(),
                );
            }
            _ => {}
        }
    }
    (text, "")
}

/// Appends `parameters` to `text`, each behind `separator`.
pub(super) fn append<'a>(
    text: &mut String,
    separator: &str,
    parameters: impl Iterator<Item = (&'a str, &'a str)>,
) {
    for (index, (name, value)) in parameters.enumerate() {
        if index > 0 || !text.is_empty() {
            text.push_str(separator);
        }
        text.push_str(name);
        if !(value.is_empty() && name == VALUELESS) {
            text.push('=');
            push_value(text, value);
        }
    }
}

/// The value as a token, or quoted where it is none. Control characters have no place in it.
pub(super) fn push_value(text: &mut String, value: &str) {
    let token = !value.is_empty()
        && value
            .bytes()
            .all(|octet| octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&octet));
    if token {
        text.push_str(value);
    } else {
        push_quoted(text, value);
    }
}

/// The value between quotation marks.
pub(super) fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// A value without its quotation marks.
pub(super) fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(character);
            escaped = false;
        }
    }
    text
}

/// Whether a peer's name for something can be shown as one: a token (RFC 9110 clause 5.6.2).
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_octet)
}

fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&octet)
}

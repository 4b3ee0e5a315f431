//! The query of a URL as names and values (WHATWG URL, application/x-www-form-urlencoded).

/// Most pairs looked at; no resource has more than a dozen parameters, forms of others have thirty.
const MAX_PAIRS: usize = 64;

/// Names and values with their escapes taken off; what is no UTF-8 becomes replacement characters.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(MAX_PAIRS)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The first value of one name.
pub(super) fn value(query: Option<&str>, wanted: &str) -> Option<String> {
    pairs(query).into_iter().find(|(name, _)| name == wanted).map(|(_, value)| value)
}

/// Escapes a value for use in a query or as one segment of a path.
pub(crate) fn encode(value: &str) -> String {
    let mut out = String::new();
    for octet in value.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_~".contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push_str(&format!("%{octet:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        octets.push(match first {
            b'+' => b' ',
            b'%' => match tail.get(..2).and_then(|pair| hex::decode(pair).ok()) {
                Some(escaped) => {
                    rest = tail.get(2..).unwrap_or_default();
                    escaped.first().copied().unwrap_or(b'%')
                }
                None => b'%',
            },
            other => *other,
        });
    }
    String::from_utf8_lossy(&octets).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_go_both_ways() {
        let query = format!("to={}&x", encode("+44 7700&=ü"));
        assert_eq!(value(Some(&query), "to").as_deref(), Some("+44 7700&=ü"));
        assert_eq!(value(Some(&query), "x").as_deref(), Some(""));
        assert_eq!(value(Some("a=%"), "a").as_deref(), Some("%"));
        assert_eq!(value(Some("a=%zz%4"), "a").as_deref(), Some("%zz%4"));
        assert_eq!(value(Some("a=1+2"), "a").as_deref(), Some("1 2"));
        assert_eq!(value(None, "a"), None);
    }
}

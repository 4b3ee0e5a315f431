//! One direction of an HTTP/1.1 connection without what is private (RFC 9112): heads keep what is
//! known to be harmless, MMS PDUs keep their shape, everything else is hidden.

use std::ops::Range;

use super::{mask, mms};

/// Octets of the longest head that is looked at.
const LONGEST_HEAD: usize = 65_536;

/// Headers whose values stay but for long numbers in them.
const KEPT: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "date",
    "expires",
    "host",
    "keep-alive",
    "last-modified",
    "mime-version",
    "pragma",
    "profile",
    "proxy-connection",
    "server",
    "te",
    "trailer",
    "user-agent",
    "vary",
    "via",
    "wap-profile",
    "x-wap-profile",
];
/// Those that frame the body, whose values stay when they are what they should be.
const FRAMING: &[&str] = &["content-length", "transfer-encoding"];
const MMS: &str = "application/vnd.wap.mms-message";

/// Hides what is private in the octets that one side has sent since the connection began.
pub(super) fn hide(octets: &mut [u8], by_client: bool) {
    let mut at = 0;
    while at < octets.len() {
        let Some(behind) = message(octets, at, by_client) else {
            return mask::wholly(&mut octets[at..]);
        };
        at = behind;
    }
}

/// One message; answers what is behind it. Nothing: it is none, or not all of it is there.
fn message(octets: &mut [u8], at: usize, by_client: bool) -> Option<usize> {
    let rest = &octets[at..octets.len().min(at + LONGEST_HEAD)];
    let body = at + rest.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = Head::read(&octets[at..body], by_client)?;
    let extent = head.extent(octets, body)?;
    head.hide(&mut octets[at..body], by_client);
    match extent {
        Extent::Plain(range) => {
            hide_body(&mut octets[range.clone()], head.is_mms);
            Some(range.end)
        }
        Extent::Chunks { data, end } => {
            let mut joined: Vec<u8> =
                data.iter().flat_map(|range| octets[range.clone()].iter().copied()).collect();
            hide_body(&mut joined, head.is_mms);
            let mut from = 0;
            for range in data {
                let to = from + range.len();
                octets[range].copy_from_slice(&joined[from..to]);
                from = to;
            }
            Some(end)
        }
    }
}

fn hide_body(body: &mut [u8], is_mms: bool) {
    if is_mms {
        mms::hide(body);
    } else {
        mask::wholly(body);
    }
}

/// What a head says of the body.
#[derive(Default)]
struct Head {
    length: Option<usize>,
    chunked: bool,
    is_mms: bool,
    /// A status that comes without a body, or a request without a length.
    bodiless: bool,
}

enum Extent {
    Plain(Range<usize>),
    Chunks { data: Vec<Range<usize>>, end: usize },
}

impl Head {
    fn read(head: &[u8], by_client: bool) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n");
        let first = lines.next()?;
        let mut found = Self::default();
        if by_client {
            let words: Vec<&str> = first.split(' ').collect();
            let [method, _, version] = words.as_slice() else { return None };
            let known = ["GET", "POST", "HEAD", "PUT", "CONNECT", "OPTIONS"].contains(method);
            if !known || !version.starts_with("HTTP/1.") {
                return None;
            }
            found.bodiless = true;
        } else {
            let status = first.strip_prefix("HTTP/1.")?.get(2..5)?;
            found.bodiless = status.starts_with('1') || status == "204" || status == "304";
        }
        for line in lines.filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let length = value.parse().ok()?;
                    if found.length.is_some_and(|known| known != length) {
                        return None;
                    }
                    found.length = Some(length);
                }
                "transfer-encoding" => found.chunked = value.eq_ignore_ascii_case("chunked"),
                "content-encoding" if !value.eq_ignore_ascii_case("identity") => return None,
                "content-type" => {
                    let main = value.split(';').next().unwrap_or_default().trim();
                    found.is_mms = main.eq_ignore_ascii_case(MMS);
                }
                _ => {}
            }
        }
        // Nobody agrees what that means.
        (!(found.chunked && found.length.is_some())).then_some(found)
    }

    fn extent(&self, octets: &[u8], body: usize) -> Option<Extent> {
        if self.chunked {
            return chunks(octets, body);
        }
        let end = match self.length {
            Some(length) => body.checked_add(length).filter(|end| *end <= octets.len())?,
            None if self.bodiless => body,
            // Up to the end of the connection.
            None => octets.len(),
        };
        Some(Extent::Plain(body..end))
    }

    #[expect(clippy::unused_self, reason = "the head was read before it is hidden")]
    fn hide(&self, head: &mut [u8], by_client: bool) {
        let mut at = 0;
        let mut kept = false;
        while at < head.len() {
            let end = at + head[at..].windows(2).position(|two| two == b"\r\n").unwrap_or(0);
            let line = &mut head[at..end];
            if at == 0 {
                first_line(line, by_client);
            } else if line.first().is_some_and(|octet| matches!(octet, b' ' | b'\t')) {
                // Goes on with the value before.
                if kept {
                    mask::numbers(line, (false, false));
                } else {
                    mask::words(line);
                }
            } else {
                kept = header(line);
            }
            at = end + 2;
        }
    }
}

fn first_line(line: &mut [u8], by_client: bool) {
    if !by_client {
        return mask::numbers(line, (false, false));
    }
    let spaces: Vec<usize> = (0..line.len()).filter(|&at| line[at] == b' ').collect();
    let [first, last] = spaces.as_slice() else { return mask::wholly(line) };
    let posted = line.starts_with(b"POST ");
    let target = &mut line[first + 1..*last];
    // The host stays, and the path of an MMSC; what is fetched is named by a secret.
    let authority = target.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let path = target[authority..].iter().position(|octet| *octet == b'/');
    let path = path.map_or(target.len(), |at| authority + at);
    if let Some(user) = target[authority..path].iter().rposition(|octet| *octet == b'@') {
        mask::words(&mut target[authority..authority + user]);
    }
    mask::numbers(&mut target[..path], (false, false));
    let plain = posted && !target[path..].iter().any(|octet| matches!(octet, b'?' | b'=' | b';'));
    if plain {
        mask::numbers(&mut target[path..], (false, false));
    } else {
        mask::words(&mut target[path..]);
    }
}

/// Whether its value stays.
fn header(line: &mut [u8]) -> bool {
    let Some(colon) = line.iter().position(|octet| *octet == b':') else {
        mask::words(line);
        return false;
    };
    let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
    mask::numbers(&mut line[..colon], (false, false));
    let value = &mut line[colon + 1..];
    if KEPT.contains(&name.as_str()) {
        mask::numbers(value, (false, false));
        true
    } else if FRAMING.contains(&name.as_str()) {
        false
    } else if name == "content-type" {
        let parameters = value.iter().position(|octet| *octet == b';').unwrap_or(value.len());
        mask::numbers(&mut value[..parameters], (false, false));
        mask::words(&mut value[parameters..]);
        false
    } else {
        mask::words(value);
        false
    }
}

/// Where the octets of a chunked body are (RFC 9112 clause 7.1); extensions and trailers make it one
/// that is not understood.
fn chunks(octets: &[u8], mut at: usize) -> Option<Extent> {
    let mut data = Vec::new();
    loop {
        let rest = octets.get(at..)?;
        let line = rest.iter().take(18).position(|octet| *octet == b'\r')?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        let from = at + line + 2;
        let end = from.checked_add(size)?;
        if octets.get(from - 1) != Some(&b'\n') || octets.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        at = end + 2;
        if size == 0 {
            return Some(Extent::Chunks { data, end: at });
        }
        data.push(from..end);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(text: &str, by_client: bool) -> String {
        let mut octets = text.as_bytes().to_vec();
        hide(&mut octets, by_client);
        assert_eq!(octets.len(), text.len());
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn heads_keep_what_is_harmless() {
        let request = "POST http://mmsc.example:8002/servlets/mms HTTP/1.1\r\nHost: mmsc.example:8002\r\n\
            User-Agent: Phone/1.0\r\nX-MSISDN: 447700900123\r\nProxy-Authorization: Basic c2hvcDpwYXNz\r\n\
            Content-Length: 5\r\nContent-Type: text/plain; name=\"ann.txt\"\r\n\r\nHello";
        let expected = "POST http://mmsc.example:8002/servlets/mms HTTP/1.1\r\nHost: mmsc.example:8002\r\n\
            User-Agent: Phone/1.0\r\nX-MSISDN: 000000000000\r\nProxy-Authorization: xxxxx x0xxxxxxxxxx\r\n\
            Content-Length: 5\r\nContent-Type: text/plain; xxxx=\"xxx.xxx\"\r\n\r\nxxxxx";
        assert_eq!(hidden(request, true), expected);
        let get = "GET http://ann:pw@mmsc.example/r/a7f3?n=44770 HTTP/1.1\r\nHost: a\r\n\r\n";
        let expected = "GET http://xxx:xx@mmsc.example/x/x0x0?x=00000 HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(hidden(get, true), expected);
    }

    #[test]
    fn folded_values_and_several_messages_are_understood() {
        let two = "GET /a HTTP/1.1\r\nX-Up-Calling-Line-Id: 4477\r\n 00900123\r\n\r\n\
                   GET /b HTTP/1.1\r\nCookie: id=4711\r\n\r\n";
        let expected = "GET /x HTTP/1.1\r\nX-Up-Calling-Line-Id: 0000\r\n 00000000\r\n\r\n\
                        GET /x HTTP/1.1\r\nCookie: xx=0000\r\n\r\n";
        assert_eq!(hidden(two, true), expected);
    }

    #[test]
    fn chunks_are_joined_and_a_pdu_in_them_is_found() {
        let mut pdu = vec![0x8C, 0x81, 0x98];
        pdu.extend(b"T4711\0");
        pdu.extend([0x8D, 0x92, 0x92, 0x80]);
        let (one, two) = pdu.split_at(6);
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.wap.mms-message\r\n\
            Transfer-Encoding: chunked\r\n\r\n6\r\n"
            .to_vec();
        answer.extend(one);
        answer.extend(format!("\r\n{:x}\r\n", two.len()).bytes());
        answer.extend(two);
        answer.extend(b"\r\n0\r\n\r\n");
        let mut told = answer.clone();
        hide(&mut told, false);
        assert_eq!(told.len(), answer.len());
        let text = String::from_utf8_lossy(&told).into_owned();
        assert!(!text.contains("47") && !text.contains("11\0"), "{text}");
        assert!(told.windows(3).any(|it| it == [0x8C, 0x81, 0x98]));
        assert!(told.ends_with(b"\r\n0\r\n\r\n"));
    }

    #[test]
    fn what_is_not_understood_is_hidden_wholly() {
        for text in [
            "hello",
            "GET /secret HTTP/1.1\r\nNo: end\r\n",
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "POST /a HTTP/1.1\r\nContent-Length: 50\r\n\r\ncut",
            "POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
        ] {
            assert_eq!(hidden(text, true), "x".repeat(text.len()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_keeps_its_length(
            octets in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n')], 0..300),
            by_client in any::<bool>(),
        ) {
            for start in [&b""[..], b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"] {
                let mut text = [start, &octets].concat();
                let before = text.len();
                hide(&mut text, by_client);
                prop_assert_eq!(text.len(), before);
            }
        }
    }
}

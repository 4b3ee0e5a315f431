//! HTTP messages as a proxy's or a modem's dump has them (RFC 9112), several in a row too, and what
//! their bodies are.

use std::ops::Range;

use bytes::Bytes;
use httparse::{Header, ParserConfig, Request, Response, Status};

use super::decode_kinds;
use super::decode_report::{BodyReport, Failure, Report, View, add};
use crate::codec::wsp::ContentType;
use crate::codec::{Node, Warning, mms};

/// Most header fields of one message.
const MAX_HEADERS: usize = 128;
/// Most messages of one dump.
pub(super) const MAX_MESSAGES: usize = 1000;
/// Characters of a page's title that are told.
const MAX_TITLE: usize = 200;

/// Whether the octets begin like an HTTP message.
pub(super) fn begins(octets: &[u8]) -> bool {
    let octets = octets.trim_ascii_start();
    if octets.starts_with(b"HTTP/1.") {
        return true;
    }
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default().trim_ascii_end();
    let mut words = line.split(|octet| *octet == b' ');
    let method = words.next().unwrap_or_default();
    let is_method = (3..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    let version = words.next_back().unwrap_or_default();
    is_method && version.starts_with(b"HTTP/1.")
}

/// Every message of the dump.
pub(super) fn report(octets: &Bytes) -> Report {
    let mut messages = Vec::new();
    let mut at = 0;
    let mut left_over = None;
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        let blank = rest.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
        if blank == rest.len() {
            break;
        }
        let begin = at + blank;
        if !begins(rest) || messages.len() == MAX_MESSAGES {
            let text = if messages.len() == MAX_MESSAGES {
                format!("more than {MAX_MESSAGES} messages")
            } else {
                format!("{} octets behind the last body are no HTTP message", octets.len() - at)
            };
            left_over = Some((at, text));
            break;
        }
        let (message, end) = message(octets, begin);
        messages.push(message);
        at = end;
    }
    let mut report = match (messages.pop(), messages.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            messages.push(last);
            let list = Some(("messages", messages));
            Report { kind: "http", list, ..Report::default() }
        }
        (None, _) => {
            let failure = Failure::new("start line", 0, "no HTTP message begins here");
            Report::failed("http", failure)
        }
    };
    if let Some((at, text)) = left_over {
        report.warnings.push(Warning::not_understood("body", at, text));
    }
    report
}

/// The head of a message.
struct Head {
    report: Report,
    /// The status of a response.
    status: Option<u16>,
    fields: Vec<(String, String)>,
    nodes: Vec<Node>,
    /// Where the body begins.
    end: usize,
}

/// One message, and where the next one may begin.
fn message(octets: &Bytes, at: usize) -> (Report, usize) {
    let head = match head(octets, at) {
        Ok(head) => head,
        Err(failure) => {
            let node = Node::new("HTTP message", at..octets.len(), "its head cannot be read");
            let view = View { octets: octets.clone(), nodes: vec![node], ..View::default() };
            let report = Report { view: Some(view), ..Report::failed("http", failure) };
            return (report, octets.len());
        }
    };
    let Head { mut report, status, fields, mut nodes, end } = head;
    for (name, value) in &fields {
        add(&mut report.headers, name, value);
    }
    let (body, next) = body(octets, end, status, &fields, &mut report.warnings);
    match body {
        Body::None => {}
        Body::Plain(range) => {
            nodes.push(Node::new("body", range.clone(), format!("{} octets", range.len())));
            open(&mut report, octets, range, &fields, None);
        }
        Body::Joined(joined, range) => {
            let text = format!("{} octets in chunks", joined.len());
            nodes.push(Node::new("body", range, text));
            let all = 0..joined.len();
            open(&mut report, &joined, all, &fields, Some("the chunks joined"));
        }
    }
    report.view = Some(View { octets: octets.clone(), nodes, ..View::default() });
    (report, next)
}

/// Reads the head; what a strict reader refuses is forgiven with a warning.
fn head(octets: &Bytes, at: usize) -> Result<Head, Failure> {
    let rest = octets.get(at..).unwrap_or_default();
    let strict = ParserConfig::default();
    let mut lenient = ParserConfig::default();
    lenient
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_space_before_first_header_name(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true);
    match parse(octets, rest, at, &strict) {
        Ok(head) => Ok(head),
        Err(first) => {
            let mut head = parse(octets, rest, at, &lenient).map_err(|_| first.clone())?;
            let text = format!("{}; lines that are no header fields are passed over", first.text);
            head.report.warnings.push(Warning::not_understood("header", first.offset, text));
            Ok(head)
        }
    }
}

fn parse(octets: &Bytes, rest: &[u8], at: usize, config: &ParserConfig) -> Result<Head, Failure> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let failure = |error: httparse::Error| Failure::new("header", at, error.to_string());
    let cut = || Failure::new("header", octets.len(), "the input ends within the head");
    let line_end = rest.iter().position(|octet| *octet == b'\n').unwrap_or(rest.len());
    let line = at..at + rest.get(..line_end).unwrap_or_default().trim_ascii_end().len();
    let text = String::from_utf8_lossy(octets.get(line.clone()).unwrap_or_default()).into_owned();
    if rest.starts_with(b"HTTP/1.") {
        let mut response = Response::new(&mut headers);
        let length = match config.parse_response(&mut response, rest).map_err(failure)? {
            Status::Complete(length) => length,
            Status::Partial => return Err(cut()),
        };
        let mut report = Report::new("http", "response");
        report.extra("version", format!("1.{}", response.version.unwrap_or(1)));
        report.extra("status", response.code.unwrap_or_default());
        report.extra("reason", response.reason.unwrap_or_default());
        let (fields, mut nodes) = fields(response.headers, octets);
        nodes.insert(0, Node::new("Status line", line, text));
        Ok(Head { report, status: response.code, fields, nodes, end: at + length })
    } else {
        let mut request = Request::new(&mut headers);
        let parsed = config.parse_request(&mut request, rest).map_err(failure)?;
        let length = match parsed {
            Status::Complete(length) => length,
            Status::Partial => return Err(cut()),
        };
        let mut report = Report::new("http", "request");
        report.extra("method", request.method.unwrap_or_default());
        report.extra("target", request.path.unwrap_or_default());
        report.extra("version", format!("1.{}", request.version.unwrap_or(1)));
        let (fields, mut nodes) = fields(request.headers, octets);
        nodes.insert(0, Node::new("Request line", line, text));
        Ok(Head { report, status: None, fields, nodes, end: at + length })
    }
}

fn fields(headers: &[Header<'_>], octets: &Bytes) -> (Vec<(String, String)>, Vec<Node>) {
    let base = octets.as_ptr() as usize;
    headers
        .iter()
        .map(|header| {
            let start = (header.name.as_ptr() as usize).saturating_sub(base);
            let end = (header.value.as_ptr() as usize + header.value.len()).saturating_sub(base);
            let value = String::from_utf8_lossy(header.value).trim().to_owned();
            let node = Node::new(header.name, start..end.max(start), value.clone());
            ((header.name.to_ascii_lowercase(), value), node)
        })
        .unzip()
}

/// The value of the first field of a name.
fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

enum Body {
    None,
    /// As it stands in the octets.
    Plain(Range<usize>),
    /// Put together from chunks, which stand at this place.
    Joined(Bytes, Range<usize>),
}

/// The body that begins at `at` (RFC 9112 section 6.3), and where it ends.
fn body(
    octets: &Bytes,
    at: usize,
    status: Option<u16>,
    fields: &[(String, String)],
    warnings: &mut Vec<Warning>,
) -> (Body, usize) {
    let left = octets.len() - at;
    if status.is_some_and(|code| code / 100 == 1 || code == 204 || code == 304) {
        return (Body::None, at);
    }
    let coding = field(fields, "transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    if coding.contains("chunked") {
        return chunked(octets, at, warnings);
    }
    let length = field(fields, "content-length");
    match length.map(str::parse::<usize>) {
        Some(Ok(0)) => (Body::None, at),
        Some(Ok(length)) if length <= left => (Body::Plain(at..at + length), at + length),
        Some(Ok(length)) => {
            let text = format!("{length} octets are announced, there are {left}");
            warnings.push(Warning::not_understood("content-length", at, text));
            (if left == 0 { Body::None } else { Body::Plain(at..octets.len()) }, octets.len())
        }
        Some(Err(_)) => {
            let text = "no number; the body is taken to the end";
            warnings.push(Warning::not_understood("content-length", at, text));
            (Body::Plain(at..octets.len()), octets.len())
        }
        None if left == 0 => (Body::None, at),
        // A response without length goes on until the connection is closed.
        None if status.is_some() => (Body::Plain(at..octets.len()), octets.len()),
        None => {
            let next = octets.get(at..).unwrap_or_default();
            if next.iter().all(u8::is_ascii_whitespace) || begins(next) {
                return (Body::None, at);
            }
            let text = "a request without a length has no body; what follows is taken for one";
            warnings.push(Warning::forgiven("content-length", at, text));
            (Body::Plain(at..octets.len()), octets.len())
        }
    }
}

fn chunked(octets: &Bytes, start: usize, warnings: &mut Vec<Warning>) -> (Body, usize) {
    let mut joined = Vec::new();
    let mut at = start;
    let mut stop = |at: usize, text: &str| {
        warnings.push(Warning::not_understood("chunk", at, text));
    };
    loop {
        let rest = octets.get(at..).unwrap_or_default();
        let (head, size) = match httparse::parse_chunk_size(rest) {
            Ok(Status::Complete(found)) => found,
            Ok(Status::Partial) => {
                stop(at, "the input ends before the last chunk");
                at = octets.len();
                break;
            }
            Err(_) => {
                stop(at, "no size of a chunk is here; the rest is passed over");
                at = octets.len();
                break;
            }
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let body = rest.get(head..).unwrap_or_default();
        if size == 0 {
            at += head + trailer(body);
            break;
        }
        let chunk = body.get(..size.min(body.len())).unwrap_or_default();
        joined.extend_from_slice(chunk);
        if chunk.len() < size {
            stop(at, "the input ends within a chunk");
            at = octets.len();
            break;
        }
        let behind = body.get(size..).unwrap_or_default();
        let line_end =
            if behind.starts_with(b"\r\n") { 2 } else { usize::from(behind.starts_with(b"\n")) };
        at += head + size + line_end;
    }
    if joined.is_empty() { (Body::None, at) } else { (Body::Joined(joined.into(), start..at), at) }
}

/// Octets of the trailer fields and the empty line behind the last chunk.
fn trailer(octets: &[u8]) -> usize {
    let mut at = 0;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        if at + line.len() == octets.len() && !line.ends_with(b"\n") || begins(line) {
            break;
        }
        at += line.len();
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    at
}

/// Names the body, and opens it where it is one of ours.
fn open(
    report: &mut Report,
    octets: &Bytes,
    range: Range<usize>,
    fields: &[(String, String)],
    title: Option<&str>,
) {
    let body = octets.slice(range.clone());
    let content_type = field(fields, "content-type").map(ContentType::from_mime);
    let media_type = content_type.as_ref().map_or("", |it| it.media_type.as_str()).to_owned();
    let said_mms = media_type == mms::CONTENT_TYPE;
    let keep = |report: &mut Report| {
        report.body = Some(BodyReport {
            name: "body",
            content_type: if media_type.is_empty() {
                "application/octet-stream".to_owned()
            } else {
                media_type.clone()
            },
            octets: body.clone(),
            file: None,
        });
    };
    if let Some(coding) = field(fields, "content-encoding").filter(|coding| *coding != "identity") {
        let text = format!("compressed ({coding}), which is not opened");
        report.warnings.push(Warning::not_understood("content-encoding", range.start, text));
        return keep(report);
    }
    if let Some(title) = page_title(&body) {
        let mut text = "an HTML page".to_owned();
        if !title.is_empty() {
            text.push_str(&format!(", titled '{title}'"));
        }
        if said_mms {
            text.push_str(", where an MMS PDU was announced");
        }
        report.warnings.push(Warning::forgiven("body", range.start, text));
        return keep(report);
    }
    if said_mms || decode_kinds::is_mms(&body) {
        if !said_mms {
            let text = format!("an MMS PDU, announced as {media_type}");
            report.warnings.push(Warning::forgiven("content-type", range.start, text));
        }
        let mut inner = decode_kinds::mms(octets, range);
        if let Some(view) = &mut inner.view {
            view.title = title.unwrap_or_default().to_owned();
        }
        report.content = Some(Box::new(inner));
        return;
    }
    keep(report);
}

/// The title of an HTML page; `None` for what is no page, empty for one without title.
fn page_title(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default());
    let lower = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if !["<!doctype html", "<html", "<head", "<body"].iter().any(|it| lower.starts_with(it)) {
        return None;
    }
    let title = lower.find("<title>").and_then(|at| {
        // Lower case in ASCII leaves every place where it is.
        let trimmed = text.trim_start_matches('\u{feff}').trim_start();
        let rest = trimmed.get(at + "<title>".len()..)?;
        let end = rest.to_ascii_lowercase().find("</title>").unwrap_or(rest.len());
        rest.get(..end)
    });
    let words: Vec<&str> = title.unwrap_or_default().split_whitespace().collect();
    Some(words.join(" ").chars().take(MAX_TITLE).collect())
}

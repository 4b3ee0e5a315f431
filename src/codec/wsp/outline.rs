//! Headers and multiparts as annotated trees (WAP-230-WSP-20010705-a clauses 8.4 and 8.5), for
//! showing octets to people.
//!
//! Each function is total: it covers everything up to the end of its reader, and what cannot be
//! read becomes a node whose text says so. Offsets are those of the reader's whole input.

use super::content_type::ContentType;
use super::header::decode_headers;
use super::multipart::MAX_DEPTH;
use super::reader::Reader;
use super::{MAX_HEADERS, MAX_PARTS, Warnings};
use crate::codec::Node;

/// A Content-type-value (clause 8.4.2.24), as the node `Content-Type` with its MIME form; takes the
/// octets it covers.
#[must_use]
pub fn outline_content_type(reader: &mut Reader<'_>) -> Node {
    let start = reader.position();
    match ContentType::decode(reader, &mut Warnings::new()) {
        Ok(value) => Node::new("Content-Type", start..reader.position(), value.to_string()),
        Err(error) => unreadable("Content-Type", reader, &error.kind.to_string()),
    }
}

/// Headers to the end of the reader (clause 8.4.2.6), one node each: the field's name, its value
/// and the octets of both.
#[must_use]
pub fn outline_headers(reader: &mut Reader<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    while !reader.is_empty() {
        let start = reader.position();
        if nodes.len() == MAX_HEADERS {
            nodes.push(unreadable("headers", reader, "more headers than are read"));
            break;
        }
        let mut probe = reader.clone();
        let first = reader.peek().unwrap_or_default();
        let extent = match first {
            0x00..=0x1F => probe.u8("header").map(|_| ()),
            0x7F => probe.take(2, "header").map(|_| ()),
            0x80.. => probe.u8("header").and_then(|_| probe.skip_value("header")).map(|_| ()),
            _ => probe.text_string("header").and_then(|_| probe.skip_value("header")).map(|_| ()),
        };
        if let Err(error) = extent {
            nodes.push(unreadable("header", reader, &error.kind.to_string()));
            break;
        }
        let end = probe.position();
        let mut one = reader.within(start..end);
        for (name, value) in decode_headers(&mut one, &mut Warnings::new()) {
            nodes.push(Node::new(name, start..end, value));
        }
        *reader = probe;
    }
    nodes
}

/// A multipart to the end of the reader (clause 8.5.1): the number of entries, and one node `part`
/// an entry with its lengths, its headers and its body; a multipart inside a body is opened.
#[must_use]
pub fn outline_multipart(reader: &mut Reader<'_>) -> Vec<Node> {
    outline_entries(reader, MAX_DEPTH)
}

fn outline_entries(reader: &mut Reader<'_>, depth: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    let start = reader.position();
    let Ok(count) = reader.uintvar("multipart count") else {
        nodes.push(unreadable("multipart count", reader, "no number"));
        return nodes;
    };
    nodes.push(Node::new("nEntries", start..reader.position(), count.to_string()));
    let mut entries = 0;
    while !reader.is_empty()
        && entries < MAX_PARTS
        && count > entries.try_into().unwrap_or(u32::MAX)
    {
        entries += 1;
        match outline_entry(reader, depth) {
            Some(node) => nodes.push(node),
            None => break,
        }
    }
    if !reader.is_empty() {
        nodes.push(unreadable("multipart", reader, "octets behind the last entry that is read"));
    }
    nodes
}

fn outline_entry(reader: &mut Reader<'_>, depth: usize) -> Option<Node> {
    let start = reader.position();
    let mut probe = reader.clone();
    let header_length = probe.uintvar("HeadersLen").ok()?;
    let headers_len = Node::new("HeadersLen", start..probe.position(), header_length.to_string());
    let at = probe.position();
    let data_length = probe.uintvar("DataLen").ok()?;
    let data_len = Node::new("DataLen", at..probe.position(), data_length.to_string());
    let mut headers = probe.sub(usize::try_from(header_length).ok()?, "part headers").ok()?;
    let body_at = probe.position();
    let mut body = probe.sub(usize::try_from(data_length).ok()?, "part body").ok()?;
    let end = probe.position();
    let mut children = vec![headers_len, data_len];
    let mut multipart = false;
    if !headers.is_empty() {
        let mut typed = headers.clone();
        multipart = ContentType::decode(&mut typed, &mut Warnings::new())
            .is_ok_and(|value| value.is_multipart());
        children.push(outline_content_type(&mut headers));
        children.extend(outline_headers(&mut headers));
    }
    let text = format!("{} octets", end - body_at);
    let inner =
        if multipart && depth > 0 { outline_entries(&mut body, depth - 1) } else { Vec::new() };
    children.push(Node::new("Data", body_at..end, text).with(inner));
    *reader = probe;
    Some(Node::new("part", start..end, "").with(children))
}

/// Everything that is left, as one node that says why it was not read.
fn unreadable(name: &str, reader: &mut Reader<'_>, why: &str) -> Node {
    let start = reader.position();
    let length = reader.rest().len();
    Node::new(name, start..start + length, format!("not read: {why}"))
}

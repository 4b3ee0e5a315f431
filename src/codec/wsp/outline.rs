//! Headers and multiparts as annotated trees (WAP-230-WSP-20010705-a clauses 8.4 and 8.5), for
//! showing octets to people.
//!
//! Each function is total: it covers everything up to the end of its reader, and what cannot be
//! read becomes a node whose text says so. Offsets are those of the reader's whole input.

use super::content_type::ContentType;
use super::header::{Item, next_item};
use super::multipart::{MAX_DEPTH, MAX_PART_HEADER_OCTETS};
use super::reader::{LENGTH_QUOTE, Reader};
use super::{MAX_HEADERS, MAX_PARTS, Warnings, parameter};
use crate::codec::Node;

/// A Content-type-value (clause 8.4.2.24) as the node `Content-Type` with its MIME form, and its
/// parameters one by one; takes the octets it covers.
#[must_use]
pub fn outline_content_type(reader: &mut Reader<'_>) -> Node {
    let start = reader.position();
    let mut probe = reader.clone();
    match ContentType::decode(&mut probe, &mut Warnings::new()) {
        Ok(value) => {
            let whole = start..probe.position();
            let parameters = outline_parameters(&mut reader.within(whole.clone()));
            *reader = probe;
            Node::new("Content-Type", whole, value.to_string()).with(parameters)
        }
        Err(error) => unreadable("Content-Type", reader, &error.kind.to_string()),
    }
}

/// The parameters of the general form; the others have none.
fn outline_parameters(reader: &mut Reader<'_>) -> Vec<Node> {
    let general = matches!(reader.peek(), Some(1..=LENGTH_QUOTE));
    if !general || reader.value_length("Content-Type").is_err() {
        return Vec::new();
    }
    let media = match reader.peek() {
        Some(0..=LENGTH_QUOTE | 0x80..) => reader.integer("Content-Type").map(|_| ()),
        _ => reader.text_string("Content-Type").map(|_| ()),
    };
    if media.is_err() {
        return Vec::new();
    }
    let mut nodes: Vec<Node> = parameter::decode_places(reader, &mut Warnings::new())
        .into_iter()
        .map(|(place, name, value)| Node::new(name, place, value))
        .collect();
    if !reader.is_empty() {
        nodes.push(unreadable("parameter", reader, "of no known form"));
    }
    nodes
}

/// Headers to the end of the reader (clause 8.4.2.6), a node each: the field's name, its value, and
/// below it the octets of both. Shifts of the code page and stray octets are nodes as well.
#[must_use]
pub fn outline_headers(reader: &mut Reader<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut page = 1;
    while !reader.is_empty() {
        if nodes.len() == MAX_HEADERS {
            nodes.push(unreadable("headers", reader, "more headers than are shown"));
            break;
        }
        match next_item(reader, &mut page, &mut Warnings::new()) {
            Ok(Item::Field(field)) => {
                let whole = field.name_at.start..field.value_at.end;
                let name = Node::new("field name", field.name_at, field.name.clone());
                let value = Node::new("value", field.value_at, field.text.clone());
                nodes.push(Node::new(field.name, whole, field.text).with(vec![name, value]));
            }
            Ok(Item::Nameless(place)) => {
                nodes.push(Node::new("header", place, "not read: its name is no token"));
            }
            Ok(Item::Shift(place)) => {
                nodes.push(Node::new("shift", place, format!("to header code page {page}")));
            }
            Ok(Item::Padding(place)) => nodes.push(Node::new("header", place, "stray NUL octets")),
            Err(error) => {
                nodes.push(unreadable(error.field, reader, &error.kind.to_string()));
                break;
            }
        }
    }
    nodes
}

/// A multipart to the end of the reader (clause 8.5.1): the number of entries, and one node `part`
/// an entry with its lengths, its headers and its body; a multipart inside a body is opened, up to
/// [`MAX_DEPTH`]. Of all depths together it shows [`MAX_PARTS`].
#[must_use]
pub fn outline_multipart(reader: &mut Reader<'_>) -> Vec<Node> {
    let mut budget = MAX_PARTS;
    outline_entries(reader, MAX_DEPTH, &mut budget)
}

fn outline_entries(reader: &mut Reader<'_>, depth: usize, budget: &mut usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    let start = reader.position();
    let count = match reader.uintvar("multipart count") {
        Ok(count) => usize::try_from(count).unwrap_or(usize::MAX),
        Err(error) => {
            nodes.push(unreadable("multipart count", reader, &error.kind.to_string()));
            return nodes;
        }
    };
    nodes.push(Node::new("nEntries", start..reader.position(), count.to_string()));
    let mut left = count;
    while left > 0 && *budget > 0 && !reader.is_empty() {
        left -= 1;
        *budget -= 1;
        nodes.push(outline_entry(reader, depth, budget));
    }
    if !reader.is_empty() {
        let why =
            if left > 0 { "more parts than are shown" } else { "octets behind the last entry" };
        nodes.push(unreadable("multipart", reader, why));
    }
    nodes
}

/// One entry; a cut one goes to the end.
fn outline_entry(reader: &mut Reader<'_>, depth: usize, budget: &mut usize) -> Node {
    let start = reader.position();
    let mut children = Vec::new();
    let mut lengths = [0_usize; 2];
    for (name, length) in ["HeadersLen", "DataLen"].into_iter().zip(&mut lengths) {
        let at = reader.position();
        match reader.uintvar(name) {
            Ok(value) => {
                *length = usize::try_from(value).unwrap_or(usize::MAX);
                children.push(Node::new(name, at..reader.position(), value.to_string()));
            }
            Err(error) => {
                children.push(unreadable(name, reader, &error.kind.to_string()));
                return Node::new("part", start..reader.position(), "").with(children);
            }
        }
    }
    let [header_length, data_length] = lengths;
    let mut multipart = false;
    let at = reader.position();
    match reader.sub(header_length, "part headers") {
        Ok(mut headers) if header_length <= MAX_PART_HEADER_OCTETS => {
            let typed = ContentType::decode(&mut headers.clone(), &mut Warnings::new());
            multipart = typed.is_ok_and(|content_type| content_type.is_multipart());
            if !headers.is_empty() {
                children.push(outline_content_type(&mut headers));
                children.extend(outline_headers(&mut headers));
            }
        }
        Ok(_) => {
            let text = format!("not read: more than the limit of {MAX_PART_HEADER_OCTETS} octets");
            children.push(Node::new("part headers", at..reader.position(), text));
        }
        Err(error) => {
            children.push(unreadable("part headers", reader, &error.kind.to_string()));
            return Node::new("part", start..reader.position(), "").with(children);
        }
    }
    let at = reader.position();
    match reader.sub(data_length, "part body") {
        Ok(mut body) => {
            let inner = if multipart && depth > 0 && !body.is_empty() {
                outline_entries(&mut body, depth - 1, budget)
            } else {
                Vec::new()
            };
            let text = format!("{data_length} octets");
            children.push(Node::new("Data", at..reader.position(), text).with(inner));
        }
        Err(error) => children.push(unreadable("Data", reader, &error.kind.to_string())),
    }
    Node::new("part", start..reader.position(), "").with(children)
}

/// Everything that is left, as one node that says why it was not read.
fn unreadable(name: &str, reader: &mut Reader<'_>, why: &str) -> Node {
    let start = reader.position();
    let length = reader.rest().len();
    Node::new(name, start..start + length, format!("not read: {why}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::wsp::{Part, put_multipart};

    fn count(nodes: &[Node], name: &str) -> usize {
        nodes.iter().map(|node| usize::from(node.name == name) + count(&node.children, name)).sum()
    }

    fn wrapped(parts: &[Part]) -> Part {
        let mut body = Vec::new();
        put_multipart(&mut body, parts);
        Part::new(ContentType::new("application/vnd.wap.multipart.mixed"), Bytes::from(body))
    }

    #[test]
    fn parts_of_all_depths_together_have_a_limit() {
        let empty = Part::new(ContentType::new("text/plain"), Bytes::new());
        let inner = wrapped(&vec![empty; 100]);
        let outer = wrapped(&vec![inner; 100]);
        let nodes = outline_multipart(&mut Reader::new(&outer.body));
        assert_eq!(count(&nodes, "part"), MAX_PARTS);
        assert_eq!(nodes.last().map(|node| node.range.end), Some(outer.body.len()));
    }

    #[test]
    fn depth_has_a_limit() {
        let mut part = Part::new(ContentType::new("text/plain"), Bytes::new());
        for _ in 0..MAX_DEPTH + 4 {
            part = wrapped(&[part]);
        }
        let nodes = outline_multipart(&mut Reader::new(&part.body));
        assert_eq!(count(&nodes, "part"), MAX_DEPTH + 1);
    }

    #[test]
    fn headers_and_parameters_have_a_limit() {
        let input = Bytes::from(b"\xB4\x81".repeat(4 * MAX_HEADERS));
        assert_eq!(outline_headers(&mut Reader::new(&input)).len(), MAX_HEADERS + 1);
        let mut input = vec![0x1F, 0x87, 0x69, 0x83];
        input.extend(b"\x88\x81".repeat(500));
        let input = Bytes::from(input);
        let node = outline_content_type(&mut Reader::new(&input));
        assert_eq!(node.range, 0..input.len());
        assert!(node.children.len() <= 65);
    }
}

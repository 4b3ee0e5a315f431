//! A PDU as an annotated tree for showing (OMA-TS-MMS_ENC-V1_3 clause 7).

use bytes::Bytes;

use super::fields::{self, MAX_FIELDS, UNKNOWN_FIELD};
use super::{Header, HeaderName, Value, field, read};
use crate::codec::Node;
use crate::codec::wsp::{ContentType, Reader, Warnings, outline_content_type, outline_multipart};

/// Every header field with its value, and the body with its parts, whatever the octets are: what
/// cannot be read is a node that says so. Offsets are those of `octets`.
#[must_use]
pub fn outline(octets: &Bytes) -> Node {
    let counted = message_type_of(octets).is_some_and(fields::counts_in);
    let mut name = "MMS PDU".to_owned();
    let mut nodes = Vec::new();
    let mut reader = Reader::new(octets);
    while let Some(first) = reader.peek() {
        if nodes.len() >= MAX_FIELDS {
            nodes.push(unread(&mut reader, "more header fields than are read"));
        } else if first == 0 {
            let start = reader.position();
            let zeros = reader.left().iter().take_while(|&&octet| octet == 0).count();
            nodes.push(Node::new("padding", start..start + zeros, "NUL octets"));
            reader = reader.within(start + zeros..octets.len());
        } else if first == 0x80 | field::CONTENT_TYPE.code {
            content(&mut reader, &mut nodes);
        } else {
            let node = header(&mut reader, counted);
            if node.name == field::MESSAGE_TYPE.name {
                name.clone_from(&node.text);
            }
            nodes.push(node);
        }
    }
    Node::new(name, 0..octets.len(), format!("{} octets", octets.len())).with(nodes)
}

/// X-Mms-Message-Type, if it is the first field, as it has to be.
fn message_type_of(octets: &Bytes) -> Option<u8> {
    let (first, kind) = (octets.first()?, octets.get(1)?);
    (*first == 0x80 | field::MESSAGE_TYPE.code).then_some(*kind)
}

fn header(reader: &mut Reader<'_>, counted: bool) -> Node {
    let start = reader.position();
    let mut probe = reader.clone();
    let (name, range) = match fields::extent(&mut probe) {
        Ok(found) => found,
        Err(error) => return unread(reader, &error.kind.to_string()),
    };
    let end = range.end;
    let mut value = reader.within(range);
    let value = match &name {
        HeaderName::Known(field) => read::value(field, counted, value, &mut Warnings::new()),
        HeaderName::Number(_) => Value::Raw(value.rest()),
        HeaderName::Text(_) => fields::application_value(value),
    };
    *reader = probe;
    let shown = match &name {
        HeaderName::Known(field) => field.name.to_owned(),
        HeaderName::Text(text) => text.clone(),
        HeaderName::Number(_) => name.json_name(),
    };
    Node::new(shown, start..end, Header { name, value }.text())
}

/// Content-Type and everything behind it.
fn content(reader: &mut Reader<'_>, nodes: &mut Vec<Node>) {
    let start = reader.position();
    let end = start + reader.remaining();
    *reader = reader.within(start + 1..end);
    let multipart = ContentType::decode(&mut reader.clone(), &mut Warnings::new())
        .is_ok_and(|value| value.is_multipart());
    let mut node = outline_content_type(reader);
    node.range.start = start;
    nodes.push(node);
    let body = reader.position();
    if !reader.is_empty() {
        let parts = if multipart { outline_multipart(reader) } else { Vec::new() };
        nodes.push(Node::new("body", body..end, format!("{} octets", end - body)).with(parts));
    }
    *reader = reader.within(end..end);
}

/// Everything that is left, as one node that says why it was not read.
fn unread(reader: &mut Reader<'_>, why: &str) -> Node {
    let start = reader.position();
    let length = reader.rest().len();
    Node::new(UNKNOWN_FIELD, start..start + length, format!("not read: {why}"))
}

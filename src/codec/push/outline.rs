//! A push unit as an annotated tree (WAP-235-PushOTA-20010425-a, WAP-230-WSP-20010705-a clause
//! 8.2.4.1): its numbers, its headers and what its body is.

use bytes::Bytes;

use super::Push;
use crate::codec::wsp::{Reader, outline_content_type, outline_headers};
use crate::codec::{DecodeError, Node};

/// The tree of a push unit. Total: what cannot be read is a node that says so.
#[must_use]
pub fn outline(octets: &Bytes) -> Node {
    let mut nodes = Vec::new();
    if let Err(error) = walk(octets, &mut nodes) {
        let range = error.offset.min(octets.len())..octets.len();
        nodes.push(Node::new(error.field, range, format!("cannot be read: {}", error.kind)));
    }
    Node::new("WAP Push", 0..octets.len(), "").with(nodes)
}

fn walk(octets: &Bytes, nodes: &mut Vec<Node>) -> Result<(), DecodeError> {
    let mut reader = Reader::new(octets);
    let transaction = reader.u8("Transaction Identifier")?;
    nodes.push(Node::new("Transaction Identifier", 0..1, transaction.to_string()));
    let kind = reader.u8("PDU Type")?;
    let name = match kind {
        super::PUSH => "Push",
        super::CONFIRMED_PUSH => "ConfirmedPush",
        _ => "no push",
    };
    nodes.push(Node::new("PDU Type", 1..2, format!("{kind:#04x} ({name})")));
    let at = reader.position();
    let length = usize::try_from(reader.uintvar("HeadersLen")?).unwrap_or(usize::MAX);
    nodes.push(Node::new("HeadersLen", at..reader.position(), length.to_string()));
    let mut headers = reader.sub(length, "push headers")?;
    nodes.push(outline_content_type(&mut headers));
    nodes.extend(outline_headers(&mut headers));
    let body = reader.position()..octets.len();
    let application = Push::decode(octets).map(|decoded| decoded.value.application());
    let text = application.map_or("", |application| application.as_str());
    nodes.push(Node::new("body", body, text));
    Ok(())
}

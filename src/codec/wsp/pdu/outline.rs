//! WSP PDUs as a tree for showing (WAP-230-WSP-20010705-a clause 8.2).

use bytes::Bytes;

use super::capability::Side;
use super::decode::Length;
use super::{
    Address, Capability, GetMethod, MAX_CAPABILITIES, MAX_CAPABILITY_OCTETS, MAX_HEADER_OCTETS,
    MAX_URI_OCTETS, PostMethod, Status,
};
use crate::codec::wsp::{Reader, Warnings, outline_content_type, outline_headers};
use crate::codec::{DecodeError, DecodeErrorKind, Node};

/// The PDU of a session, the user data of a whole WTP message. Content is named, not taken apart.
#[must_use]
pub fn outline(octets: &Bytes) -> Node {
    whole(octets, Vec::new(), &mut Reader::new(octets))
}

/// A datagram of WSP without a connection.
#[must_use]
pub fn outline_unit(octets: &Bytes) -> Node {
    let mut reader = Reader::new(octets);
    let transaction_id = reader.u8("TID").ok();
    let nodes = transaction_id.map(|id| Node::new("TID", 0..1, format!("{id:#04x}")));
    whole(octets, nodes.into_iter().collect(), &mut reader)
}

fn whole(octets: &Bytes, mut nodes: Vec<Node>, reader: &mut Reader<'_>) -> Node {
    let pdu_type = reader.peek();
    if let Err(error) = walk(reader, &mut nodes) {
        let from = nodes.last().map_or(0, |node| node.range.end);
        nodes.push(Node::new(error.field, from..octets.len(), error.kind.to_string()));
    } else if !reader.is_empty() {
        let range = reader.position()..octets.len();
        nodes.push(Node::new("octets behind the PDU", range, ""));
    }
    let name = format!("WSP {}", pdu_type.and_then(name_of).unwrap_or("PDU"));
    Node::new(name, 0..octets.len(), "").with(nodes)
}

const fn name_of(pdu_type: u8) -> Option<&'static str> {
    Some(match pdu_type {
        0x01 => "Connect",
        0x02 => "ConnectReply",
        0x03 => "Redirect",
        0x04 => "Reply",
        0x05 => "Disconnect",
        0x06 => "Push",
        0x07 => "ConfirmedPush",
        0x08 => "Suspend",
        0x09 => "Resume",
        0x80 => "Data Fragment",
        other => match (GetMethod::new(other), PostMethod::new(other)) {
            (Some(method), _) => method.name(),
            (None, Some(method)) => method.name(),
            (None, None) => return None,
        },
    })
}

/// Takes fields from the reader and puts a node for each; the first that cannot be read ends it.
fn walk(reader: &mut Reader<'_>, nodes: &mut Vec<Node>) -> Result<(), DecodeError> {
    let start = reader.position();
    let pdu_type = reader.u8("Type")?;
    let name = name_of(pdu_type).unwrap_or("unknown");
    nodes.push(Node::new("Type", start..start + 1, format!("{name} ({pdu_type:#04x})")));
    match pdu_type {
        0x01 => {
            let start = reader.position();
            let version = reader.u8("Version")?;
            let text = format!("{}.{}", version >> 4, version & 0x0F);
            nodes.push(Node::new("Version", start..start + 1, text));
            session_fields(reader, Side::Offer, nodes)
        }
        0x02 => {
            session_id(reader, "ServerSessionId", nodes)?;
            session_fields(reader, Side::Answer, nodes)
        }
        0x03 => redirect(reader, nodes),
        0x04 => {
            let start = reader.position();
            let status = Status(reader.u8("Status")?);
            nodes.push(Node::new("Status", start..start + 1, status.to_string()));
            let length = length(reader, "HeadersLen", MAX_HEADER_OCTETS, nodes)?;
            entity(length, reader, nodes)
        }
        0x05 => session_id(reader, "ServerSessionId", nodes),
        0x06 | 0x07 => {
            let length = length(reader, "HeadersLen", MAX_HEADER_OCTETS, nodes)?;
            entity(length, reader, nodes)
        }
        0x08 => session_id(reader, "SessionId", nodes),
        0x09 => {
            session_id(reader, "SessionId", nodes)?;
            let length = length(reader, "CapabilitiesLen", MAX_CAPABILITY_OCTETS, nodes)?;
            capabilities(&mut length.section(reader)?, Side::Offer, nodes);
            remaining_headers(reader, nodes)
        }
        0x80 => {
            let length = length(reader, "HeadersLen", MAX_HEADER_OCTETS, nodes)?;
            headers(&mut length.section(reader)?, nodes);
            data(reader, nodes);
            Ok(())
        }
        0x40..=0x5F => {
            let length = length(reader, "URILen", MAX_URI_OCTETS, nodes)?;
            uri(length, reader, nodes)?;
            remaining_headers(reader, nodes)
        }
        0x60..=0x7F => {
            let uri_length = length(reader, "UriLen", MAX_URI_OCTETS, nodes)?;
            let header_length = length(reader, "HeadersLen", MAX_HEADER_OCTETS, nodes)?;
            uri(uri_length, reader, nodes)?;
            entity(header_length, reader, nodes)
        }
        other => {
            let kind = DecodeErrorKind::UnexpectedPdu(other);
            Err(DecodeError { field: "Contents", offset: reader.position(), kind })
        }
    }
}

fn length(
    reader: &mut Reader<'_>,
    field: &'static str,
    limit: usize,
    nodes: &mut Vec<Node>,
) -> Result<Length, DecodeError> {
    let start = reader.position();
    let length = Length::read(reader, field, limit)?;
    nodes.push(Node::new(field, start..reader.position(), length.octets.to_string()));
    Ok(length)
}

fn session_id(
    reader: &mut Reader<'_>,
    field: &'static str,
    nodes: &mut Vec<Node>,
) -> Result<(), DecodeError> {
    let start = reader.position();
    let id = reader.uintvar(field)?;
    nodes.push(Node::new(field, start..reader.position(), id.to_string()));
    Ok(())
}

fn session_fields(
    reader: &mut Reader<'_>,
    side: Side,
    nodes: &mut Vec<Node>,
) -> Result<(), DecodeError> {
    let capability_length = length(reader, "CapabilitiesLen", MAX_CAPABILITY_OCTETS, nodes)?;
    let header_length = length(reader, "HeadersLen", MAX_HEADER_OCTETS, nodes)?;
    capabilities(&mut capability_length.section(reader)?, side, nodes);
    headers(&mut header_length.section(reader)?, nodes);
    Ok(())
}

fn capabilities(section: &mut Reader<'_>, side: Side, nodes: &mut Vec<Node>) {
    let range = section.position()..section.position() + section.remaining();
    let mut children = Vec::new();
    while !section.is_empty() {
        let start = section.position();
        let mut warnings = Warnings::new();
        let decoded = if children.len() < MAX_CAPABILITIES {
            Capability::decode(section, side, &mut warnings)
        } else {
            Err("more capabilities than are shown".to_owned())
        };
        let remark: String =
            warnings.into_sorted().iter().map(|warning| format!(" ({})", warning.text)).collect();
        match decoded {
            Ok(capability) => {
                let (name, text) = capability.map_or_else(
                    || ("Capability".to_owned(), String::new()),
                    |capability| (capability.name(), capability.text()),
                );
                let text = format!("{text}{remark}");
                children.push(Node::new(name, start..section.position(), text));
            }
            Err(text) => {
                children.push(Node::new("Capability", start..range.end, text));
                break;
            }
        }
    }
    if !range.is_empty() {
        nodes.push(Node::new("Capabilities", range, "").with(children));
    }
}

fn redirect(reader: &mut Reader<'_>, nodes: &mut Vec<Node>) -> Result<(), DecodeError> {
    let start = reader.position();
    let flags = reader.u8("Flags")?;
    nodes.push(Node::new("Flags", start..start + 1, format!("{flags:#04x}")));
    let mut addresses = 0;
    while !reader.is_empty() && addresses < super::MAX_ADDRESSES {
        let start = reader.position();
        let address = Address::decode(reader)?;
        nodes.push(Node::new("Address", start..reader.position(), address.to_string()));
        addresses += 1;
    }
    Ok(())
}

fn uri(length: Length, reader: &mut Reader<'_>, nodes: &mut Vec<Node>) -> Result<(), DecodeError> {
    let start = reader.position();
    let uri = length.section(reader)?;
    let text = String::from_utf8_lossy(uri.left()).into_owned();
    nodes.push(Node::new("URI", start..reader.position(), text));
    Ok(())
}

/// Content type, headers and data.
fn entity(
    length: Length,
    reader: &mut Reader<'_>,
    nodes: &mut Vec<Node>,
) -> Result<(), DecodeError> {
    let mut section = length.section(reader)?;
    if !section.is_empty() {
        nodes.push(outline_content_type(&mut section));
        headers(&mut section, nodes);
    }
    data(reader, nodes);
    Ok(())
}

fn headers(section: &mut Reader<'_>, nodes: &mut Vec<Node>) {
    let range = section.position()..section.position() + section.remaining();
    if !range.is_empty() {
        nodes.push(Node::new("Headers", range, "").with(outline_headers(section)));
    }
}

fn remaining_headers(reader: &mut Reader<'_>, nodes: &mut Vec<Node>) -> Result<(), DecodeError> {
    let mut section = reader.sub(reader.remaining(), "Headers")?;
    headers(&mut section, nodes);
    Ok(())
}

fn data(reader: &mut Reader<'_>, nodes: &mut Vec<Node>) {
    let start = reader.position();
    let data = reader.rest();
    if !data.is_empty() {
        let text = format!("{} octets", data.len());
        nodes.push(Node::new("Data", start..reader.position(), text));
    }
}

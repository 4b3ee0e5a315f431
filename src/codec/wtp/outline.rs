//! WTP datagrams as trees for showing (WAP-224-WTP-20010710-a clause 8), with the WSP PDU inside
//! where a PDU carries a whole one.

use std::ops::Range;

use bytes::Bytes;

use super::{Body, Frame, Pdu, Tpi, decode_datagram};
use crate::codec::Node;
use crate::codec::wsp::{Reader, Warnings, pdu};

/// One node for each PDU of a datagram.
#[must_use]
pub fn outline(octets: &Bytes) -> Vec<Node> {
    decode_datagram(octets)
        .value
        .into_iter()
        .map(|Frame { range, pdu }| match pdu {
            Ok(pdu) => whole(octets, range, &pdu),
            Err(error) => Node::new("WTP PDU", range, error.to_string()),
        })
        .collect()
}

fn whole(octets: &Bytes, range: Range<usize>, pdu: &Pdu) -> Node {
    let start = range.start;
    let data_length = pdu.body.data().map_or(0, Bytes::len);
    let mut nodes = vec![Node::new("PDU Type", start..start + 1, flags(&pdu.body))];
    nodes.push(Node::new("TID", start + 1..start + 3, pdu.tid.to_string()));
    let fixed = fixed(&pdu.body, start + 3);
    let mut position = fixed.iter().map(|node| node.range.end).max().unwrap_or(start + 3);
    nodes.extend(fixed);
    let mut reader = Reader::between(octets, position..range.end);
    for tpi in &pdu.tpis {
        // The item was read from here before: what it covers is what reading it again takes.
        if Tpi::decode(&mut reader, &mut Warnings::new()).is_ok() {
            nodes.push(Node::new(tpi.name(), position..reader.position(), tpi.text()));
            position = reader.position();
        }
    }
    let left = position..range.end;
    if data_length > 0 {
        nodes.push(user_data(octets, left, &pdu.body));
    } else if !left.is_empty() {
        nodes.push(Node::new("octets behind the header", left, ""));
    }
    Node::new(format!("WTP {}", pdu.body.name()), range, "").with(nodes)
}

/// The first octet in words.
fn flags(body: &Body) -> String {
    let mut words = vec![body.name()];
    words.extend(body.trailer().map(super::Trailer::name));
    if body.retransmission() == Some(true) {
        words.push("re-transmission");
    }
    if matches!(body, Body::Ack { verify: true, .. }) {
        words.push("Tve/Tok");
    }
    words.join(", ")
}

/// The fields behind the TID.
fn fixed(body: &Body, at: usize) -> Vec<Node> {
    let one = at..at + 1;
    match body {
        Body::Invoke { version, tid_new, user_acknowledgement, class, .. } => {
            let mut text = format!("version {version}, class {}", class.number());
            if *tid_new {
                text.push_str(", TIDnew");
            }
            if *user_acknowledgement {
                text.push_str(", user acknowledgement");
            }
            vec![Node::new("Invoke Flags", one, text)]
        }
        Body::Abort(abort) => vec![Node::new("Abort reason", one, abort.to_string())],
        Body::SegmentedInvoke { psn, .. } | Body::SegmentedResult { psn, .. } => {
            vec![Node::new("Packet Sequence Number", one, psn.to_string())]
        }
        Body::NegativeAck { missing, .. } => {
            let list: Vec<_> = missing.iter().map(ToString::to_string).collect();
            let text = if list.is_empty() { "the whole group".to_owned() } else { list.join(", ") };
            let range = at..at + 1 + missing.len();
            vec![Node::new("Missing Packets", range, text)]
        }
        Body::Result { .. } | Body::Ack { .. } => Vec::new(),
    }
}

/// A WSP PDU where the packet is the whole message, else a segment of one.
fn user_data(octets: &Bytes, range: Range<usize>, body: &Body) -> Node {
    let begins = matches!(body, Body::Invoke { .. } | Body::Result { .. });
    if begins && body.trailer().is_some_and(super::Trailer::ends_message) {
        return pdu::outline(&octets.slice(range.clone())).shifted(range.start);
    }
    let text = format!("{} octets, a segment of a message", range.len());
    Node::new("Data", range, text)
}

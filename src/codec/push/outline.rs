//! A push unit as an annotated tree (WAP-235-PushOTA-20010425-a, WAP-230-WSP-20010705-a clause
//! 8.2.4.1): its numbers, its headers, and its body as far as that is read.

use bytes::Bytes;

use super::content::{Document, document};
use super::wbxml::Head;
use super::{Push, PushApplication};
use crate::codec::wsp::{Reader, charset, outline_content_type, outline_headers};
use crate::codec::{DecodeError, Decoded, Node, mms};

/// The tree of a push unit. Total: what cannot be read is a node that says so.
#[must_use]
pub fn outline(octets: &Bytes) -> Node {
    let mut nodes = Vec::new();
    if let Err(error) = walk(octets, &mut nodes) {
        let range = error.offset.min(octets.len())..octets.len();
        nodes.push(Node::new(error.field, range, unreadable(&error)));
    }
    Node::new("WAP Push", 0..octets.len(), "").with(nodes)
}

fn unreadable(error: &DecodeError) -> String {
    format!("cannot be read: {}", error.kind)
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
    nodes.push(match Push::decode(octets) {
        Ok(decoded) => body(&decoded.value, reader.position()),
        Err(_) => Node::new("body", reader.position()..octets.len(), ""),
    });
    Ok(())
}

/// The body, which begins at `start`.
fn body(push: &Push, start: usize) -> Node {
    let application = push.application();
    if application == PushApplication::Mms {
        return mms::outline(&push.body).shifted(start);
    }
    let mut text = application.as_str().to_owned();
    if let Some(method) = push.security() {
        text.push_str(&format!(", secured by {}", method.as_str()));
    }
    let children = match document(push) {
        None => Vec::new(),
        Some(Ok(Decoded { value: Document { head, root }, .. })) => {
            let mut nodes = head.as_ref().map(head_nodes).unwrap_or_default();
            nodes.push(root.node());
            nodes
        }
        Some(Err(error)) => {
            let from = error.offset.min(push.body.len());
            vec![Node::new(error.field, from..push.body.len(), unreadable(&error))]
        }
    };
    let range = start..start + push.body.len();
    let children = children.into_iter().map(|node| node.shifted(start)).collect();
    Node::new("body", range, text).with(children)
}

fn head_nodes(head: &Head) -> Vec<Node> {
    let [version, public_id, charset, table] = head.ranges.clone();
    let public_text = match head.public_id {
        0 => "named by the string table".to_owned(),
        1 => "unknown".to_owned(),
        5 => "SI 1.0".to_owned(),
        6 => "SL 1.0".to_owned(),
        7 => "CO 1.0".to_owned(),
        0x0b => "PROV 1.0".to_owned(),
        0x0d => "EMN 1.0".to_owned(),
        other => format!("{other:#x}"),
    };
    let version_text = format!("{}.{}", (head.version >> 4) + 1, head.version & 0x0f);
    let mut nodes = vec![
        Node::new("WBXML version", version, version_text),
        Node::new("public identifier", public_id, public_text),
    ];
    if !charset.is_empty() {
        nodes.push(Node::new("charset", charset, charset::name_of(u64::from(head.charset))));
    }
    if !table.is_empty() {
        nodes.push(Node::new("string table", table.clone(), format!("{} octets", table.len())));
    }
    nodes
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::push::ServiceIndication;
    use crate::codec::wsp::ContentType;

    fn lines(node: &Node, depth: usize, out: &mut Vec<String>) {
        let Range { start, end } = node.range;
        let line = format!("{:depth$}{} {start}..{end} {}", "", node.name, node.text);
        out.push(line.trim_end().to_owned());
        for child in &node.children {
            lines(child, depth + 1, out);
        }
    }

    fn told(octets: &Bytes) -> Vec<String> {
        let mut out = Vec::new();
        lines(&outline(octets), 0, &mut out);
        out
    }

    #[test]
    fn indication_is_shown_with_its_places() {
        let indication = ServiceIndication {
            href: Some("http://m/1".into()),
            text: "pay".into(),
            ..ServiceIndication::default()
        };
        let push = Push {
            transaction_id: 7,
            content_type: ContentType::new("application/vnd.wap.sic"),
            headers: Vec::new(),
            body: indication.to_wbxml(),
        };
        assert_eq!(
            told(&push.encode()),
            [
                "WAP Push 0..25",
                " Transaction Identifier 0..1 7",
                " PDU Type 1..2 0x06 (Push)",
                " HeadersLen 2..3 1",
                " Content-Type 3..4 application/vnd.wap.sic",
                " body 4..25 service indication",
                "  WBXML version 4..5 1.3",
                "  public identifier 5..6 SI 1.0",
                "  charset 6..7 utf-8",
                "  si 8..25",
                "   indication 9..24 pay",
                "    action 10..11 signal-medium",
                "    href 11..17 http://m/1",
            ]
        );
    }

    #[test]
    fn mms_body_and_unreadable_units() {
        let mms = Push::mms(1, Bytes::from_static(b"\x8C\x82\x98T\0\x8D\x90"));
        let shown = told(&mms.encode());
        assert!(shown.iter().any(|line| line.contains("ransaction")), "{shown:#?}");
        assert_eq!(outline(&mms.encode()).children.last().unwrap().range, 6..13);
        assert_eq!(
            told(&Bytes::from_static(b"\x01\x06\x09\xAE"))[4],
            " push headers 3..4 cannot be read: 9 octets are announced, more than there are"
        );
        assert_eq!(told(&Bytes::new()).len(), 2);
    }

    proptest! {
        #[test]
        fn any_octets_have_an_outline_within_themselves(
            head in prop::sample::select(vec![&b""[..], b"\x01\x06\x01\xAE", b"\x01\x06\x01\xB6",
                b"\x01\x06\x01\xBE", b"\x01\x06\x01\xAE\x03\x05\x6A\x00\x45"]),
            octets in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            fn nested(node: &Node, within: &Range<usize>) -> bool {
                within.start <= node.range.start
                    && node.range.start <= node.range.end
                    && node.range.end <= within.end
                    && node.children.iter().all(|child| nested(child, &node.range))
            }
            let octets = Bytes::from([head, &octets].concat());
            prop_assert!(nested(&outline(&octets), &(0..octets.len())));
            if let Ok(decoded) = Push::decode(&octets) {
                let _ = decoded.value.content();
            }
        }
    }
}

//! MMS PDUs without what is private: what a field is and the codes in it stay, addresses, texts,
//! identifiers and bodies are hidden (OMA-TS-MMS_ENC-V1_3 clause 7). Whatever is not known to be
//! harmless is hidden, and a PDU that would not be read the same way afterwards is hidden wholly.

use std::ops::Range;

use bytes::Bytes;

use super::mask;
use crate::codec::Node;
use crate::codec::mms::{Field, Form, outline};

/// The beginning of every PDU: X-Mms-Message-Type.
const MESSAGE_TYPE: u8 = 0x8C;
/// Value-length as a number of its own (WAP-230 clause 8.4.2.2).
const LENGTH_QUOTE: u8 = 31;
/// Before a text that begins with an octet above 127 (WAP-230 clause 8.4.2.1).
const QUOTE: u8 = 127;
/// How the kind of an address is written behind it.
const KIND: &[u8] = b"/TYPE=";
/// The longest kind: `PLMN`, `IPv4`, `IPv6`.
const LONGEST_KIND: usize = 4;

/// Hides what is private in a PDU.
pub(super) fn hide(pdu: &mut [u8]) {
    if pdu.first() != Some(&MESSAGE_TYPE) {
        return mask::wholly(pdu);
    }
    let before = outline(&Bytes::copy_from_slice(pdu));
    let mut hidden = Hidden { from: pdu, to: vec![mask::OTHER; pdu.len()] };
    hidden.pdu(&before);
    let to = hidden.to;
    let after = outline(&Bytes::copy_from_slice(&to));
    if before.name == after.name && is_alike(&before, &after) {
        pdu.copy_from_slice(&to);
    } else {
        mask::wholly(pdu);
    }
}

/// Whether the same octets are read as pieces of the same extent.
fn is_alike(one: &Node, other: &Node) -> bool {
    one.range == other.range
        && one.children.len() == other.children.len()
        && one.children.iter().zip(&other.children).all(|(one, other)| is_alike(one, other))
}

/// A copy in which everything is hidden that was not put back.
struct Hidden<'a> {
    from: &'a [u8],
    to: Vec<u8>,
}

impl Hidden<'_> {
    fn pdu(&mut self, pdu: &Node) {
        for node in &pdu.children {
            match node.name.as_str() {
                "padding" => self.keep(node.range.clone()),
                "Content-Type" => {
                    self.keep(node.range.start..node.range.start + 1);
                    self.content_type(node, node.range.start + 1);
                }
                "body" => self.parts(&node.children),
                name => self.header(name, node.range.clone()),
            }
        }
    }

    fn header(&mut self, name: &str, range: Range<usize>) {
        let first = self.octet(range.start);
        let field =
            Field::of_code(first & 0x7F).filter(|field| first >= 0x80 && field.name == name);
        let Some(field) = field else {
            // A header of somebody's own: two texts.
            return self.text(range);
        };
        let value = range.start + 1..range.end;
        self.keep(range.start..value.start);
        match field.form {
            Form::YesNo
            | Form::Token
            | Form::Version
            | Form::Date
            | Form::Time
            | Form::Long
            | Form::Integer
            | Form::Totals
            | Form::FieldName
            | Form::PreviouslySentDate => self.keep(value),
            Form::MessageClass if self.octet(value.start) >= 0x80 => self.keep(value),
            Form::Text | Form::MessageClass => self.text(value),
            Form::Encoded | Form::Address => self.encoded(value),
            Form::From => {
                let behind = self.length(&value);
                // Address-present or insert-address.
                self.keep(behind..behind + 1);
                self.encoded(behind + 1..value.end);
            }
            Form::PreviouslySentBy | Form::MmFlags => {
                let behind = self.length(&value);
                let number = self.integer(behind..value.end);
                self.encoded(number..value.end);
            }
            Form::ElementDescriptor => {
                let behind = self.length(&value);
                self.text(behind..value.end);
            }
            Form::ContentType | Form::Opaque => {}
        }
    }

    /// The type stays, and of the parameters what names a type or a character set.
    fn content_type(&mut self, node: &Node, from: usize) {
        let parameters = node.children.first().map_or(node.range.end, |first| first.range.start);
        self.keep(from..parameters);
        if let Some(main) = self.to.get_mut(from..parameters)
            && main.iter().filter(|octet| octet.is_ascii_digit()).count() >= mask::SHORTEST
        {
            mask::wholly(main);
        }
        for parameter in &node.children {
            let name = parameter.name.to_ascii_lowercase();
            if name == "charset" || name == "type" || name == "q" {
                self.keep(parameter.range.clone());
            } else {
                self.parameter(parameter.range.clone());
            }
        }
    }

    /// A name, as a token or a text, and a text.
    fn parameter(&mut self, range: Range<usize>) {
        let first = self.octet(range.start);
        let value = if first >= 0x80 { range.start + 1 } else { range.start };
        self.keep(range.start..value);
        // A short integer, a size or a date is no text.
        if self.octet(value) >= 0x80 && value + 1 == range.end {
            return self.keep(value..range.end);
        }
        self.text(value..range.end);
    }

    fn parts(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node.name.as_str() {
                "nEntries" | "HeadersLen" | "DataLen" => self.keep(node.range.clone()),
                "part" => self.parts(&node.children),
                "Content-Type" => self.content_type(node, node.range.start),
                // A multipart inside a part, or octets, which stay hidden.
                "Data" => self.parts(&node.children),
                _ => self.part_header(node),
            }
        }
    }

    fn part_header(&mut self, node: &Node) {
        let [name, value] = node.children.as_slice() else { return };
        if self.octet(name.range.start) >= 0x80 {
            self.keep(name.range.clone());
        } else {
            self.text(name.range.clone());
        }
        let range = value.range.clone();
        if self.octet(range.start) > LENGTH_QUOTE {
            if self.octet(range.start) >= 0x80 && range.len() == 1 {
                return self.keep(range);
            }
            return self.text(range);
        }
        // Of a value with a length, tokens at its begin and behind each text show where texts are.
        let behind = self.length(&range);
        let mut token = true;
        for at in behind..range.end {
            let octet = self.octet(at);
            if octet >= 0x80 && token {
                self.keep(at..at + 1);
            } else {
                self.text(at..at + 1);
                token = octet == 0;
            }
        }
    }

    /// Encoded-string-value: a text, or its length, its character set and itself.
    fn encoded(&mut self, range: Range<usize>) {
        if range.is_empty() || self.octet(range.start) > LENGTH_QUOTE {
            return self.text(range);
        }
        let behind = self.length(&range);
        let text = self.integer(behind..range.end);
        self.text(text..range.end);
    }

    /// A Value-length stays; answers what is behind it.
    fn length(&mut self, range: &Range<usize>) -> usize {
        let mut behind = range.start + 1;
        match self.octet(range.start) {
            ..LENGTH_QUOTE => {}
            LENGTH_QUOTE => {
                while behind < range.end && self.octet(behind) >= 0x80 {
                    behind += 1;
                }
                behind += 1;
            }
            _ => return range.start,
        }
        let behind = behind.min(range.end);
        self.keep(range.start..behind);
        behind
    }

    /// An Integer-value stays, unless it is longer than any number of ours; answers what is behind
    /// it.
    fn integer(&mut self, range: Range<usize>) -> usize {
        let first = self.octet(range.start);
        let behind = match first {
            0x80.. => range.start + 1,
            1..=4 => range.start + 1 + usize::from(first),
            _ => return range.start,
        };
        let behind = behind.min(range.end);
        self.keep(range.start..behind);
        behind
    }

    /// The ends of texts stay, and what shows a number and its kind.
    fn text(&mut self, range: Range<usize>) {
        let Some(text) = self.from.get(range.clone()) else { return };
        let kind = text.windows(KIND.len()).rposition(|octets| octets == KIND).filter(|at| {
            let rest =
                text[at + KIND.len()..].split(|octet| *octet == 0).next().unwrap_or_default();
            rest.len() <= LONGEST_KIND && rest.iter().all(u8::is_ascii_alphanumeric)
        });
        for (index, octet) in text.iter().enumerate() {
            self.to[range.start + index] = match octet {
                0 => 0,
                &QUOTE | b'"' if index == 0 => *octet,
                b'0'..=b'9' if kind.is_none_or(|kind| index < kind) => mask::DIGIT,
                b'+' | b'@' | b'.' | b'<' | b'>' => *octet,
                _ if kind.is_some_and(|kind| index >= kind) => *octet,
                _ => mask::OTHER,
            };
        }
    }

    fn keep(&mut self, range: Range<usize>) {
        if let (Some(from), Some(to)) = (self.from.get(range.clone()), self.to.get_mut(range)) {
            to.copy_from_slice(from);
        }
    }

    fn octet(&self, at: usize) -> u8 {
        self.from.get(at).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hidden(pdu: &[u8]) -> Vec<u8> {
        let mut octets = pdu.to_vec();
        hide(&mut octets);
        assert_eq!(octets.len(), pdu.len());
        octets
    }

    #[test]
    fn send_req_shows_its_shape_and_nobody() {
        let mut pdu = vec![0x8C, 0x80, 0x98];
        pdu.extend(b"T4711\0");
        pdu.extend([0x8D, 0x92, 0x89, 25, 0x80]);
        pdu.extend(b"+447700900123/TYPE=PLMN\0");
        pdu.push(0x97);
        pdu.extend(b"+447700900456/TYPE=PLMN\0");
        pdu.extend([0x97]);
        pdu.extend(b"ann@example.com\0");
        // Subject in UTF-8: length, charset 106.
        pdu.extend([0x96, 7, 0xEA]);
        pdu.extend("Gru\u{df}\0".bytes());
        pdu.extend([0x86, 0x80, 0x84, 0x83]);
        pdu.extend(b"Hello Ann");
        let told = hidden(&pdu);
        let text = String::from_utf8_lossy(&told).into_owned();
        for secret in ["7700", "4711", "ann", "example", "Gru", "Hello"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert_eq!(text.matches("+000000000000/TYPE=PLMN\0").count(), 2, "{text}");
        assert!(text.contains("xxx@xxxxxxx.xxx\0"), "{text}");
        assert_eq!(told[..3], [0x8C, 0x80, 0x98]);
        assert_eq!(outline(&Bytes::from(told)).name, "m-send.req (0x80)");
    }

    #[test]
    fn what_is_no_pdu_is_hidden_wholly() {
        assert_eq!(hidden(b"<html>"), b"xxxxxx");
        assert_eq!(hidden(b""), b"");
    }

    proptest! {
        #[test]
        fn anything_keeps_its_length(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            hidden(&octets);
            hidden(&[&[MESSAGE_TYPE, 0x80][..], &octets].concat());
            hidden(&[&[MESSAGE_TYPE, 0x84, 0x84, 0xA3, 1][..], &octets].concat());
        }
    }
}

//! A presentation as a tree for showing (XML 1.0; OMA-TS-MMS-CONF clause 8).

use std::ops::Range;

use super::MAX_DEPTH;
use super::decode::local;
use super::markup::{Token, TokenKind, tokens};
use super::source::Source;
use crate::codec::Node;

/// Most characters of text that a node repeats.
const MAX_SHOWN: usize = 200;

/// Every element with its attributes, comments and text, as they lie in `octets`. What is too long
/// to be read is one node that says so.
#[must_use]
pub fn outline(octets: &[u8], charset: Option<&str>) -> Node {
    let mut source = match Source::new(octets, charset) {
        Ok(source) => source,
        Err(error) => return Node::new("SMIL", 0..octets.len(), error.to_string()),
    };
    let tokens = tokens(&mut source);
    let mut tree = Tree { open: Vec::new(), top: Vec::new() };
    for token in &tokens {
        let range = source.place(token.range.start)..source.place(token.range.end);
        match &token.kind {
            TokenKind::Open { closed, .. } => {
                tree.open.push(element(&source, token, range));
                if *closed || tree.open.len() > MAX_DEPTH {
                    tree.close();
                }
            }
            TokenKind::Close { name } => tree.close_named(&written(&source, name), range),
            TokenKind::Text | TokenKind::Data => {
                tree.add(Node::new("text", range, text(&source, &token.range)));
            }
            TokenKind::Comment => {
                tree.add(Node::new("comment", range, text(&source, &token.range)));
            }
            TokenKind::Instruction => {
                let text = text(&source, &token.range);
                tree.add(Node::new("processing instruction", range, text));
            }
            TokenKind::Doctype => {
                tree.add(Node::new("DOCTYPE", range, text(&source, &token.range)));
            }
        }
    }
    while !tree.open.is_empty() {
        tree.close();
    }
    Node::new("SMIL", 0..octets.len(), "").with(tree.top)
}

struct Tree {
    /// Elements whose end is awaited, the innermost last.
    open: Vec<Node>,
    top: Vec<Node>,
}

impl Tree {
    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            Some(parent) => {
                parent.range.end = node.range.end;
                parent.children.push(node);
            }
            None => self.top.push(node),
        }
    }

    fn close(&mut self) {
        if let Some(node) = self.open.pop() {
            self.add(node);
        }
    }

    fn close_named(&mut self, name: &str, range: Range<usize>) {
        let index = self.open.iter().rposition(|open| open.name.eq_ignore_ascii_case(name));
        let Some(index) = index else {
            self.add(Node::new(name, range, "closes nothing"));
            return;
        };
        while self.open.len() > index + 1 {
            self.close();
        }
        if let Some(node) = self.open.last_mut() {
            node.range.end = range.end;
        }
        self.close();
    }
}

fn element(source: &Source<'_>, token: &Token, range: Range<usize>) -> Node {
    let TokenKind::Open { name, attributes, .. } = &token.kind else {
        return Node::new("", range, "");
    };
    let children = attributes.iter().map(|attribute| {
        let raw = source.octets.get(attribute.value.clone()).unwrap_or_default();
        let range = source.place(attribute.name.start)..source.place(attribute.value.end);
        Node::new(written(source, &attribute.name), range, cut(&source.value(raw).0))
    });
    Node::new(written(source, name), range, "").with(children.collect())
}

/// A name as it stands there, without the prefix of a namespace; `?` where there is none.
fn written(source: &Source<'_>, name: &Range<usize>) -> String {
    let name = source.octets.get(name.clone()).unwrap_or_default();
    match local(name) {
        [] => "?".to_owned(),
        name => cut(&String::from_utf8_lossy(name)),
    }
}

fn text(source: &Source<'_>, range: &Range<usize>) -> String {
    let raw = source.octets.get(range.clone()).unwrap_or_default();
    cut(&String::from_utf8_lossy(raw.trim_ascii()))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

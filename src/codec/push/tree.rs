//! Elements with attributes and text, of binary XML (WAP-192-WBXML-20010725-a) and of XML alike.

use std::ops::Range;

use crate::codec::Node;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Self>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// An attribute with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) range: Range<usize>,
}

impl Element {
    pub(super) fn new(name: impl Into<String>, at: usize) -> Self {
        Self {
            name: name.into(),
            attributes: Vec::new(),
            children: Vec::new(),
            text: String::new(),
            range: at..at,
        }
    }

    /// The value of the first attribute of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.attribute(name).map(|attribute| attribute.value.as_str())
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element as a node of an outline. A value that unlocks something is not shown.
    pub(super) fn node(&self) -> Node {
        let secret = self.value("name").or_else(|| self.value("NAME")).is_some_and(is_secret);
        let attribute = |attribute: &Attribute| {
            let hidden = secret && attribute.name.eq_ignore_ascii_case("value");
            let text = if hidden { "(not shown)" } else { attribute.value.as_str() };
            Node::new(shown(&attribute.name), attribute.range.clone(), text)
        };
        let mut children: Vec<Node> = self.attributes.iter().map(attribute).collect();
        children.extend(self.children.iter().map(Self::node));
        Node::new(shown(&self.name), self.range.clone(), self.text.trim()).with(children)
    }
}

impl Attribute {
    pub(super) fn new(name: impl Into<String>, at: usize) -> Self {
        Self { name: name.into(), value: String::new(), range: at..at }
    }
}

/// A name to be shown: a literal whose string is not there has none.
const fn shown(name: &str) -> &str {
    if name.is_empty() { "(no name)" } else { name }
}

/// Whether a setting of this name holds a password or the like.
fn is_secret(name: &str) -> bool {
    ["SECRET", "-PW", "PASSWORD", "AUTHDATA"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_name_is_shown_as_such() {
        let mut element = Element::new("", 0);
        element.attributes.push(Attribute::new("", 0));
        let node = element.node();
        assert_eq!((&*node.name, &*node.children[0].name), ("(no name)", "(no name)"));
    }
}

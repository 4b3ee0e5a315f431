//! Decoded octets as a tree for showing: what each piece is called in its specification (OMA-TS-MMS_ENC,
//! WAP-230 and the others), where it lies and what it says.

use std::ops::Range;

/// One piece.
///
/// An outline is total: what cannot be read becomes a node whose text says so, up to the end of the
/// octets it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name in the specification.
    pub name: String,
    /// The value for people; empty where the children say it all.
    pub text: String,
    /// Where its octets lie, from the beginning of the input.
    pub range: Range<usize>,
    /// What it consists of, in the order of the octets.
    pub children: Vec<Self>,
}

impl Node {
    /// A piece without children.
    #[must_use]
    pub fn new(name: impl Into<String>, range: Range<usize>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), range, children: Vec::new() }
    }

    /// The same with its children.
    #[must_use]
    pub fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    /// Moves the tree by `octets`: for an outline of a slice that begins there in its input.
    #[must_use]
    pub fn shifted(mut self, octets: usize) -> Self {
        self.range = self.range.start + octets..self.range.end + octets;
        self.children = self.children.into_iter().map(|child| child.shifted(octets)).collect();
        self
    }
}

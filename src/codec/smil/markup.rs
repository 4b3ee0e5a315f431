//! Tags in octets, as forgiving as a reader of the field must be (XML 1.0 clauses 2 and 3).
//!
//! One pass, and no octet is looked at more than a few times: a search for an end that is not
//! there is made once for each kind of end.

use std::ops::Range;

use super::source::Source;
use crate::codec::wsp::MAX_WARNINGS;

/// Most tags, comments and runs of text that are read; phones write fewer than a hundred.
pub const MAX_TOKENS: usize = 8192;
/// Most attributes of one element; the specification has fewer than forty.
pub const MAX_ATTRIBUTES: usize = 64;

/// A piece of the document; ranges are in [`Source::octets`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An opening tag.
    Open {
        name: Range<usize>,
        attributes: Vec<Attribute>,
        closed: bool,
    },
    /// A closing tag.
    Close {
        name: Range<usize>,
    },
    /// More than blanks between tags.
    Text,
    /// A CDATA section.
    Data,
    Comment,
    Instruction,
    Doctype,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    /// Without quotation marks.
    pub(super) value: Range<usize>,
}

/// Everything in the document, in order.
pub(super) fn tokens(source: &mut Source<'_>) -> Vec<Token> {
    let octets = std::mem::take(&mut source.octets);
    let mut scanner =
        Scanner { octets: &octets, at: 0, missing: Missing::default(), faults: Vec::new() };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.token() {
        if tokens.len() == MAX_TOKENS {
            let text = format!("more than {MAX_TOKENS} tags; the rest is left out");
            scanner.fault_at("smil", token.range.start, text, true);
            break;
        }
        tokens.push(token);
    }
    let faults = scanner.faults;
    source.octets = octets;
    for fault in faults {
        if fault.lost {
            source.not_understood(fault.field, fault.at, fault.text);
        } else {
            source.note(fault.field, fault.at, fault.text);
        }
    }
    tokens
}

struct Fault {
    field: &'static str,
    at: usize,
    text: String,
    lost: bool,
}

/// The ends that are known not to come any more.
#[derive(Debug, Default)]
struct Missing {
    comment: bool,
    data: bool,
    doctype: bool,
}

struct Scanner<'a> {
    octets: &'a [u8],
    at: usize,
    missing: Missing,
    faults: Vec<Fault>,
}

impl Scanner<'_> {
    fn token(&mut self) -> Option<Token> {
        let mut start = self.at;
        loop {
            let rest = self.octets.get(self.at..).filter(|rest| !rest.is_empty());
            let Some(rest) = rest else { return self.text(start) };
            let markup = rest.first() == Some(&b'<') && begins_markup(rest);
            if markup {
                if let Some(text) = self.text(start) {
                    return Some(text);
                }
                start = self.at;
                if let Some(kind) = self.markup(rest) {
                    return Some(Token { kind, range: start..self.at });
                }
                // Only the mark of something without end was passed over.
                start = self.at;
                continue;
            }
            if rest.first() == Some(&b'<') {
                self.fault("smil", "'<' begins no tag; taken as text");
            }
            let next = rest.iter().skip(1).position(|&octet| octet == b'<');
            self.at += next.map_or(rest.len(), |next| next + 1);
        }
    }

    /// What lies between `start` and here, if it is more than blanks.
    fn text(&self, start: usize) -> Option<Token> {
        let range = start..self.at;
        let blank = |octet: &u8| octet.is_ascii_whitespace() || *octet == 0;
        let text = self.octets.get(range.clone())?;
        (!text.iter().all(blank)).then_some(Token { kind: TokenKind::Text, range })
    }

    /// What begins with the `<` here.
    fn markup(&mut self, rest: &[u8]) -> Option<TokenKind> {
        if rest.starts_with(b"<!--") {
            return self.until(b"<!--", b"-->", TokenKind::Comment, |missing| &mut missing.comment);
        }
        if rest.starts_with(b"<![CDATA[") {
            return self.until(b"<![CDATA[", b"]]>", TokenKind::Data, |missing| &mut missing.data);
        }
        if rest.starts_with(b"<!") {
            self.doctype(rest);
            return Some(TokenKind::Doctype);
        }
        if rest.starts_with(b"<?") {
            let end = rest.iter().position(|&octet| octet == b'>');
            if !end.and_then(|end| rest.get(..end)).is_some_and(|inner| inner.ends_with(b"?")) {
                self.fault("processing instruction", "it does not end with '?>'");
            }
            self.at += end.map_or(rest.len(), |end| end + 1);
            return Some(TokenKind::Instruction);
        }
        if rest.starts_with(b"</") {
            self.at += 2;
            let name = self.name();
            let tail = self.octets.get(self.at..).unwrap_or_default();
            let end = tail.iter().position(|&octet| matches!(octet, b'<' | b'>'));
            let closed = end.is_some_and(|end| tail.get(end) == Some(&b'>'));
            if !closed {
                self.fault("smil", "a closing tag without '>'");
            }
            self.at += end.map_or(tail.len(), |end| end + usize::from(closed));
            return Some(TokenKind::Close { name });
        }
        Some(self.open())
    }

    /// From a mark to its end; without an end the mark alone is passed over.
    fn until(
        &mut self,
        mark: &'static [u8],
        end: &[u8],
        kind: TokenKind,
        missing: impl Fn(&mut Missing) -> &mut bool,
    ) -> Option<TokenKind> {
        let inner = self.octets.get(self.at + mark.len()..).unwrap_or_default();
        let found = if *missing(&mut self.missing) {
            None
        } else {
            inner.windows(end.len()).position(|window| window == end)
        };
        let Some(found) = found else {
            *missing(&mut self.missing) = true;
            let what = String::from_utf8_lossy(mark);
            self.fault("smil", format!("'{what}' has no end; what follows is read"));
            self.at += mark.len();
            return None;
        };
        self.at += mark.len() + found + end.len();
        Some(kind)
    }

    /// A DOCTYPE or another declaration; what it declares is not looked at.
    fn doctype(&mut self, rest: &[u8]) {
        let mut end = None;
        if !self.missing.doctype {
            end = declaration_end(rest);
            if end.is_none() {
                self.missing.doctype = true;
                let text = "brackets or quotation marks do not match; read to the first '>'";
                self.fault("DOCTYPE", text);
            }
        }
        let end = end.or_else(|| rest.iter().position(|&octet| octet == b'>'));
        let end = end.map_or(rest.len(), |end| end + 1);
        let declares = rest.get(..end).is_some_and(|inner| {
            inner.windows(8).any(|window| window.eq_ignore_ascii_case(b"<!ENTITY"))
        });
        if declares {
            self.fault("DOCTYPE", "it declares entities; they are not expanded");
        }
        self.at += end;
    }

    fn open(&mut self) -> TokenKind {
        self.at += 1;
        let name = self.name();
        let mut attributes = Vec::new();
        let mut closed = false;
        let mut too_many = false;
        loop {
            let slash = self.skip(|octet| octet.is_ascii_whitespace() || octet == b'/');
            match self.peek() {
                Some(b'>') => {
                    closed |= slash;
                    self.at += 1;
                    break;
                }
                Some(b'<') => {
                    self.fault("smil", "the tag before this one has no '>'");
                    closed |= slash;
                    break;
                }
                None => {
                    self.fault("smil", "the document ends inside a tag");
                    break;
                }
                Some(_) => {}
            }
            let at = self.at;
            let (attribute, ends) = self.attribute();
            closed = ends;
            match attribute {
                Some(_) if attributes.len() == MAX_ATTRIBUTES => {
                    if !too_many {
                        let text = format!("more than {MAX_ATTRIBUTES}; the rest is left out");
                        self.fault_at("attribute", at, text, true);
                    }
                    too_many = true;
                }
                Some(attribute) => attributes.push(attribute),
                None => {}
            }
        }
        TokenKind::Open { name, attributes, closed }
    }

    /// One attribute, if it has a value; second is whether an unquoted value ended with the slash
    /// that closes its element.
    fn attribute(&mut self) -> (Option<Attribute>, bool) {
        let at = self.at;
        let name = self.name();
        self.skip(|octet| octet.is_ascii_whitespace());
        if self.peek() != Some(b'=') {
            if name.is_empty() {
                // One octet of what is no name, so that this ends.
                self.at += 1;
            }
            self.fault_at("attribute", at, "it has no value; left out", false);
            return (None, false);
        }
        self.at += 1;
        self.skip(|octet| octet.is_ascii_whitespace());
        let begin = self.at;
        let rest = self.octets.get(begin..).unwrap_or_default();
        if let Some((&quote @ (b'"' | b'\''), inner)) = rest.split_first() {
            let end = inner.iter().position(|&octet| octet == quote);
            let value = end.and_then(|end| inner.get(..end));
            if let (Some(end), Some(value)) = (end, value)
                && !runs_into_the_next(value, inner.get(end + 1))
            {
                self.at = begin + end + 2;
                return (Some(Attribute { name, value: begin + 1..begin + 1 + end }), false);
            }
            self.fault("attribute", "a quotation mark without its counterpart");
            self.at += 1;
        } else {
            self.fault("attribute", "a value without quotation marks");
        }
        let begin = self.at;
        self.skip_until(|octet| octet.is_ascii_whitespace() || matches!(octet, b'<' | b'>'));
        let value = self.octets.get(begin..self.at).unwrap_or_default();
        let closed = value.last() == Some(&b'/') && self.peek() == Some(b'>');
        let value = begin..self.at - usize::from(closed);
        (Some(Attribute { name, value }), closed)
    }

    /// A name, empty where none begins.
    fn name(&mut self) -> Range<usize> {
        let begin = self.at;
        self.skip_until(|octet| {
            octet.is_ascii_whitespace() || matches!(octet, b'=' | b'>' | b'<' | b'/')
        });
        begin..self.at
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    /// Whether the last of the octets passed over is a slash.
    fn skip(&mut self, passed: impl Fn(u8) -> bool) -> bool {
        let begin = self.at;
        self.skip_until(|octet| !passed(octet));
        self.octets.get(begin..self.at).is_some_and(|passed| passed.ends_with(b"/"))
    }

    fn skip_until(&mut self, stops: impl Fn(u8) -> bool) {
        let rest = self.octets.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|&octet| stops(octet)).unwrap_or(rest.len());
    }

    fn fault(&mut self, field: &'static str, text: impl Into<String>) {
        self.fault_at(field, self.at, text, false);
    }

    /// Of what is only odd no more are kept than anyone is told; what is lost is rarer.
    fn fault_at(&mut self, field: &'static str, at: usize, text: impl Into<String>, lost: bool) {
        if lost || self.faults.len() < MAX_WARNINGS {
            self.faults.push(Fault { field, at, text: text.into(), lost });
        }
    }
}

/// Whether the `<` at the beginning is one of a tag, a comment or a declaration.
fn begins_markup(rest: &[u8]) -> bool {
    let name = |octet: &u8| octet.is_ascii_alphabetic() || matches!(octet, b'_' | b':' | 0x80..);
    match rest {
        [_, b'!' | b'?', ..] => true,
        [_, b'/', octet, ..] | [_, octet, ..] => name(octet),
        _ => false,
    }
}

/// Whether the quotation mark between `value` and `after` is rather the opening one of the next
/// attribute.
fn runs_into_the_next(value: &[u8], after: Option<&u8>) -> bool {
    let blank = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b'<' | b'>');
    value.trim_ascii_end().ends_with(b"=")
        && value.iter().any(blank)
        && after.is_some_and(|octet| !blank(octet) && *octet != b'/')
}

/// The `>` of a declaration, outside of its quotation marks and brackets.
fn declaration_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0_usize;
    for (at, &octet) in rest.iter().enumerate() {
        match (quote, octet) {
            (Some(open), octet) => quote = (octet != open).then_some(open),
            (None, b'"' | b'\'') => quote = Some(octet),
            (None, b'[') => depth += 1,
            (None, b']') => depth = depth.saturating_sub(1),
            (None, b'>') if depth == 0 => return Some(at),
            _ => {}
        }
    }
    None
}

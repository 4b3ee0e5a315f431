//! Binary XML (WAP-192-WBXML-20010725-a clauses 5 to 7) as a tree of names and texts.
//!
//! What tokens mean is handed in as a [`Vocabulary`]. Only the tree's size is bounded by the limits
//! here; the octets are by whatever brought them.

use std::ops::Range;

use bytes::Bytes;

use super::tree::{Attribute, Element};
use super::vocabulary::Vocabulary;
use crate::codec::wsp::{Reader, Warnings, charset};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Deepest nesting of elements; the document types of WAP Push nest four deep.
pub const MAX_WBXML_DEPTH: usize = 32;
/// Most elements and attributes together: one octet can be one of them.
pub const MAX_WBXML_ITEMS: usize = 4096;
/// Octets of the longest string table; one that comes by SMS is shorter than the SMS.
pub const MAX_STRING_TABLE: usize = 8 * 1024;
/// Most octets of text in one document: each reference of two octets can repeat a whole string of
/// the table.
pub const MAX_WBXML_TEXT: usize = 64 * 1024;

const SWITCH_PAGE: u8 = 0x00;
const END: u8 = 0x01;
const ENTITY: u8 = 0x02;
const STR_I: u8 = 0x03;
const LITERAL: u8 = 0x04;
const EXT_I: Range<u8> = 0x40..0x43;
const PI: u8 = 0x43;
const LITERAL_C: u8 = 0x44;
const EXT_T: Range<u8> = 0x80..0x83;
const STR_T: u8 = 0x83;
const LITERAL_A: u8 = 0x84;
const EXT: Range<u8> = 0xc0..0xc3;
const OPAQUE: u8 = 0xc3;
const LITERAL_AC: u8 = 0xc4;
/// Bits of a tag.
const HAS_ATTRIBUTES: u8 = 0x80;
const HAS_CONTENT: u8 = 0x40;
const TAG: u8 = 0x3f;

/// What stands in front of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Version in two semi-octets, the major one less one.
    pub(super) version: u8,
    /// The registered number of the document type; 0 when the string table names it, 1 when
    /// nothing does.
    pub(super) public_id: u32,
    /// MIBenum of the charset.
    pub(super) charset: u32,
    /// Where each of the above lies, and the string table.
    pub(super) ranges: [Range<usize>; 4],
}

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) head: Head,
    pub(super) root: Element,
}

/// Reads the head alone.
pub(super) fn read_head(reader: &mut Reader<'_>) -> Result<Head, DecodeError> {
    let mut at = reader.position();
    let mut lies = |reader: &Reader<'_>| {
        let range = at..reader.position();
        at = range.end;
        range
    };
    let version = reader.u8("WBXML version")?;
    let first = lies(reader);
    let public_id = reader.uintvar("public identifier")?;
    if public_id == 0 {
        reader.uintvar("public identifier")?;
    }
    let second = lies(reader);
    // Version 1.0 has no charset.
    let charset = if version == 0 { 0 } else { reader.uintvar("charset")? };
    let third = lies(reader);
    let length = usize::try_from(reader.uintvar("string table")?).unwrap_or(usize::MAX);
    if length > MAX_STRING_TABLE {
        let kind = DecodeErrorKind::LimitExceeded { limit: MAX_STRING_TABLE };
        return Err(reader.error("string table", kind));
    }
    let from = reader.position();
    reader.take(length, "string table")?;
    lies(reader);
    let ranges = [first, second, third, from..reader.position()];
    Ok(Head { version, public_id, charset, ranges })
}

/// Reads a document. What is cut off or makes no sense behind a beginning that does is a warning,
/// and the tree ends there.
pub(super) fn read(
    octets: &Bytes,
    vocabulary: &'static Vocabulary,
) -> Result<Decoded<Document>, DecodeError> {
    let mut reader = Reader::new(octets);
    let head = read_head(&mut reader)?;
    let table = octets.get(head.ranges[3].clone()).unwrap_or_default();
    let mut body = Body {
        reader,
        vocabulary,
        table,
        charset: (head.charset != 0).then(|| charset::name_of(u64::from(head.charset))),
        // UCS-2, UTF-16 and their two orders have units of two octets.
        wide: matches!(head.charset, 1000 | 1013..=1015),
        tag_page: 0,
        attribute_page: 0,
        items: 0,
        text: 0,
        open: Vec::new(),
        root: None,
        warnings: Warnings::new(),
    };
    let ended = body.read();
    let Body { reader, open, root, mut warnings, .. } = body;
    let unfinished = !open.is_empty();
    let root = close_all(open, root, reader.position());
    match (ended, root) {
        (Err(error), _) if matches!(error.kind, DecodeErrorKind::LimitExceeded { .. }) => {
            Err(error)
        }
        (Err(error), None) => Err(error),
        (Ok(()), None) => Err(reader.error("WBXML body", DecodeErrorKind::Truncated)),
        (Err(error), Some(root)) => {
            let text = format!("the document ends here: {}", error.kind);
            warnings.not_understood(error.field, error.offset, text);
            Ok(Decoded { value: Document { head, root }, warnings: warnings.into_sorted() })
        }
        (Ok(()), Some(root)) => {
            if unfinished {
                let at = reader.position();
                warnings.note("WBXML body", at, "ends before its elements do");
            } else if !reader.is_empty() {
                let text = format!("{} octets behind the document", reader.remaining());
                warnings.note("WBXML body", reader.position(), text);
            }
            Ok(Decoded { value: Document { head, root }, warnings: warnings.into_sorted() })
        }
    }
}

/// Puts what is still open into one tree.
fn close_all(open: Vec<Element>, root: Option<Element>, end: usize) -> Option<Element> {
    let mut inner: Option<Element> = None;
    for mut element in open.into_iter().rev() {
        element.range.end = end;
        element.children.extend(inner.take());
        inner = Some(element);
    }
    root.or(inner)
}

struct Body<'a> {
    reader: Reader<'a>,
    vocabulary: &'static Vocabulary,
    table: &'a [u8],
    charset: Option<String>,
    wide: bool,
    tag_page: u8,
    attribute_page: u8,
    items: usize,
    text: usize,
    /// Elements whose end was not seen, the outermost first.
    open: Vec<Element>,
    root: Option<Element>,
    warnings: Warnings,
}

impl Body<'_> {
    /// To the end of the root element, or of the octets.
    fn read(&mut self) -> Result<(), DecodeError> {
        while self.root.is_none() && !self.reader.is_empty() {
            let at = self.reader.position();
            let token = self.reader.u8("WBXML body")?;
            match token {
                SWITCH_PAGE => self.tag_page = self.reader.u8("SWITCH_PAGE")?,
                END => match self.open.pop() {
                    Some(element) => self.close(element),
                    None => {
                        let kind = DecodeErrorKind::InvalidValue(END);
                        return Err(DecodeError { field: "END", offset: at, kind });
                    }
                },
                PI => {
                    self.warnings.note("PI", at, "a processing instruction, passed over");
                    self.attributes(&mut Element::new("", at))?;
                }
                _ if self.is_text(token) => {
                    let text = self.piece(token, at, false)?;
                    match self.open.last_mut() {
                        Some(element) => element.text.push_str(&text),
                        None => {
                            self.warnings.note("WBXML body", at, "text outside of the document");
                        }
                    }
                }
                _ => self.element(token, at)?,
            }
        }
        Ok(())
    }

    fn element(&mut self, token: u8, at: usize) -> Result<(), DecodeError> {
        self.count(at)?;
        if self.open.len() == MAX_WBXML_DEPTH {
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_WBXML_DEPTH };
            return Err(DecodeError { field: "WBXML body", offset: at, kind });
        }
        let literal = matches!(token, LITERAL | LITERAL_C | LITERAL_A | LITERAL_AC);
        let name = if literal {
            self.reference("LITERAL")?
        } else {
            match self.vocabulary.tag(self.tag_page, token & TAG) {
                Some(name) => name.to_owned(),
                None => {
                    let text = format!("tag {:#04x} of page {}", token & TAG, self.tag_page);
                    self.warnings.not_understood("WBXML tag", at, text);
                    format!("tag-{:02x}", token & TAG)
                }
            }
        };
        let mut element = Element::new(name, at);
        if token & HAS_ATTRIBUTES != 0 {
            let done = self.attributes(&mut element);
            if let Err(error) = done {
                // What was read so far is kept in the tree.
                self.open.push(element);
                return Err(error);
            }
        }
        if token & HAS_CONTENT != 0 {
            self.open.push(element);
        } else {
            self.close(element);
        }
        Ok(())
    }

    fn close(&mut self, mut element: Element) {
        element.range.end = self.reader.position();
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    /// Attributes up to their END.
    fn attributes(&mut self, element: &mut Element) -> Result<(), DecodeError> {
        loop {
            let at = self.reader.position();
            let token = self.reader.u8("WBXML attribute")?;
            if let Some(last) = element.attributes.last_mut() {
                last.range.end = at;
            }
            match token {
                END => return Ok(()),
                SWITCH_PAGE => self.attribute_page = self.reader.u8("SWITCH_PAGE")?,
                LITERAL => {
                    self.count(at)?;
                    let name = self.reference("LITERAL")?;
                    element.attributes.push(Attribute::new(name, at));
                }
                _ if self.is_text(token) || token >= 0x80 => {
                    let last = element.attributes.last();
                    let dates = self.vocabulary.dates;
                    let is_date = last.is_some_and(|it| dates.contains(&it.name.as_str()));
                    let text = self.piece(token, at, is_date)?;
                    match element.attributes.last_mut() {
                        Some(attribute) => attribute.value.push_str(&text),
                        None => {
                            self.warnings.not_understood(
                                "WBXML attribute",
                                at,
                                "a value of nothing",
                            );
                        }
                    }
                }
                _ => {
                    self.count(at)?;
                    let known = self.vocabulary.attribute(self.attribute_page, token);
                    let (name, begin) = known.unwrap_or_default();
                    let mut attribute = Attribute::new(name, at);
                    if known.is_none() {
                        let text =
                            format!("attribute {token:#04x} of page {}", self.attribute_page);
                        self.warnings.not_understood("WBXML attribute", at, text);
                        attribute.name = format!("attribute-{token:02x}");
                    }
                    self.spend(begin.len(), at)?;
                    attribute.value.push_str(begin);
                    element.attributes.push(attribute);
                }
            }
        }
    }

    const fn is_text(&self, token: u8) -> bool {
        matches!(token, ENTITY | STR_I | STR_T | OPAQUE)
            || (EXT_I.start <= token && token < EXT_I.end)
            || (EXT_T.start <= token && token < EXT_T.end)
            || (EXT.start <= token && token < EXT.end)
    }

    /// A piece of text: a string, an entity, opaque octets, an extension, or, in an attribute, a
    /// token for a part of its value, which may be a date.
    fn piece(&mut self, token: u8, at: usize, is_date: bool) -> Result<String, DecodeError> {
        let text = match token {
            STR_I => self.inline()?,
            STR_T => return self.reference("STR_T"),
            ENTITY => {
                let number = self.reader.uintvar("ENTITY")?;
                char::from_u32(number).map_or_else(
                    || {
                        self.warnings.not_understood("ENTITY", at, "no character");
                        String::new()
                    },
                    String::from,
                )
            }
            OPAQUE => {
                let length = self.reader.uintvar("OPAQUE")?;
                let octets =
                    self.reader.take(usize::try_from(length).unwrap_or(usize::MAX), "OPAQUE")?;
                self.opaque(octets, at, is_date)
            }
            _ if self.is_text(token) => {
                self.warnings.not_understood(
                    "WBXML extension",
                    at,
                    "no document of WAP Push has one",
                );
                if EXT_I.contains(&token) {
                    self.inline()?
                } else {
                    if EXT_T.contains(&token) {
                        self.reader.uintvar("WBXML extension")?;
                    }
                    String::new()
                }
            }
            _ => match self.vocabulary.value(self.attribute_page, token) {
                Some(text) => text.to_owned(),
                None => {
                    let text = format!("value {token:#04x} of page {}", self.attribute_page);
                    self.warnings.not_understood("WBXML value", at, text);
                    String::new()
                }
            },
        };
        self.spend(text.len(), at)?;
        Ok(text)
    }

    /// A date in semi-octets where the attribute is one, else hexadecimal digits.
    fn opaque(&mut self, octets: &[u8], at: usize, is_date: bool) -> String {
        if is_date {
            match super::date::from_opaque(octets) {
                Some(date) => return date,
                None => self.warnings.not_understood("OPAQUE", at, "this is no date"),
            }
        }
        hex::encode(octets.get(..MAX_WBXML_TEXT).unwrap_or(octets))
    }

    /// A string up to its NUL.
    fn inline(&mut self) -> Result<String, DecodeError> {
        let left = self.reader.left();
        let length = self
            .length_of(left)
            .ok_or_else(|| self.reader.error("inline string", DecodeErrorKind::InvalidText))?;
        let octets = self.reader.take(length, "inline string")?;
        self.reader.take(if self.wide { 2 } else { 1 }, "inline string")?;
        Ok(charset::to_text(octets, self.charset.as_deref()))
    }

    /// A string of the table, by its offset: a text or a name.
    fn reference(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let at = self.reader.position();
        let offset = usize::try_from(self.reader.uintvar(field)?).unwrap_or(usize::MAX);
        let Some(behind) = self.table.get(offset..).filter(|behind| !behind.is_empty()) else {
            self.warnings.not_understood(field, at, format!("no string {offset} in the table"));
            return Ok(String::new());
        };
        // The last string of a table has no NUL now and then.
        let octets = behind.get(..self.length_of(behind).unwrap_or(behind.len()));
        let octets = octets.unwrap_or_default();
        // Before the string is copied: that is what costs, whatever its charset makes of it.
        self.spend(octets.len(), at)?;
        Ok(charset::to_text(octets, self.charset.as_deref()))
    }

    /// Octets in front of the first NUL.
    fn length_of(&self, octets: &[u8]) -> Option<usize> {
        if self.wide {
            octets.chunks_exact(2).position(|unit| unit == [0, 0]).map(|units| units * 2)
        } else {
            octets.iter().position(|octet| *octet == 0)
        }
    }

    fn spend(&mut self, octets: usize, at: usize) -> Result<(), DecodeError> {
        self.text += octets;
        if self.text > MAX_WBXML_TEXT { Err(too_much_text(at)) } else { Ok(()) }
    }

    fn count(&mut self, at: usize) -> Result<(), DecodeError> {
        self.items += 1;
        if self.items > MAX_WBXML_ITEMS {
            let kind = DecodeErrorKind::LimitExceeded { limit: MAX_WBXML_ITEMS };
            return Err(DecodeError { field: "WBXML body", offset: at, kind });
        }
        Ok(())
    }
}

const fn too_much_text(offset: usize) -> DecodeError {
    let kind = DecodeErrorKind::LimitExceeded { limit: MAX_WBXML_TEXT };
    DecodeError { field: "WBXML text", offset, kind }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::Warning;
    use crate::codec::push::vocabulary::{PROVISIONING, SERVICE_INDICATION};

    /// WBXML 1.3, SI 1.0, UTF-8 and this string table in front.
    fn si(table: &[u8], body: &[u8]) -> Bytes {
        let length = u8::try_from(table.len()).unwrap();
        [&[0x03, 0x05, 0x6a, length], table, body].concat().into()
    }

    fn document(octets: &Bytes) -> (Element, Vec<Warning>) {
        let decoded = read(octets, &SERVICE_INDICATION).unwrap();
        (decoded.value.root, decoded.warnings)
    }

    fn limit(octets: &Bytes) -> usize {
        match read(octets, &SERVICE_INDICATION).unwrap_err().kind {
            DecodeErrorKind::LimitExceeded { limit } => limit,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn strings_inline_from_the_table_and_by_entity() {
        // <si><indication href="http://www." "shop" ".com/" >Pay &amp; go</indication></si>
        let octets = si(
            b"go\0shop\0",
            b"\x45\xC6\x0D\x83\x03\x85\x03x\0\x01\x03Pay \0\x02\x26\x03 \0\x83\x00\x01\x01",
        );
        let (root, warnings) = document(&octets);
        assert_eq!(warnings, []);
        let indication = &root.children[0];
        assert_eq!(indication.value("href"), Some("http://www.shop.com/x"));
        assert_eq!(indication.text, "Pay & go");
        assert_eq!((root.range.clone(), indication.range.clone()), (12..37, 13..36));
    }

    #[test]
    fn literals_pages_and_processing_instructions() {
        let octets = si(b"own\0", b"\x43\x0B\x03a\0\x01\x84\x00\x04\x00\x03v\0\x01");
        let (root, warnings) = document(&octets);
        assert_eq!((&*root.name, root.value("own")), ("own", Some("v")));
        assert_eq!(warnings.len(), 1);
        let pages = Bytes::from_static(
            b"\x03\x0B\x6A\x00\x45\xC6\x00\x01\x55\x01\x87\x36\x00\x00\x06\x03w4\0\x01\x01\x01",
        );
        let decoded = read(&pages, &PROVISIONING).unwrap();
        assert_eq!(decoded.warnings, []);
        let application = &decoded.value.root.children[0];
        assert_eq!(application.value("type"), Some("APPLICATION"));
        assert_eq!(application.children[0].value("name"), Some("APPID"));
        assert_eq!(application.children[0].value("value"), Some("w4"));
    }

    #[test]
    fn text_in_two_octets_a_character_ends_at_a_whole_zero() {
        let octets =
            Bytes::from_static(b"\x03\x05\x87\x68\x00\x45\x47\x03\0h\x01\x00\0i\0\0\x01\x01");
        let (root, warnings) = document(&octets);
        assert_eq!((&*root.children[0].text, warnings.len()), ("hĀi", 0));
    }

    #[test]
    fn unknown_tokens_are_named_with_their_place() {
        let octets = si(b"", b"\x45\xFF\x3F\x0B\xFF\x03u\0\x01\x40i\0\xC1\x80\x05\x83\x09\x01\x01");
        let (root, warnings) = document(&octets);
        assert_eq!(root.children[0].name, "tag-3f");
        assert_eq!(root.children[0].value("attribute-3f"), Some(""));
        assert_eq!(root.children[0].value("href"), Some("u"));
        assert_eq!(root.children[0].text, "i");
        let places: Vec<_> = warnings.iter().map(|it| (&*it.field, it.offset)).collect();
        assert_eq!(
            places,
            [
                ("WBXML tag", 5),
                ("WBXML attribute", 6),
                ("WBXML value", 8),
                ("WBXML extension", 13),
                ("WBXML extension", 16),
                ("WBXML extension", 17),
                ("STR_T", 20),
            ]
        );
    }

    #[test]
    fn document_that_is_cut_keeps_what_there_is() {
        let whole = si(b"", b"\x45\xC6\x0C\x03a\0\x08\x01\x03hi\0\x01\x01");
        for length in 5..whole.len() {
            let (root, warnings) = document(&whole.slice(..length));
            assert_eq!((&*root.name, warnings.len()), ("si", 1), "{length} octets");
        }
        assert!(read(&whole.slice(..4), &SERVICE_INDICATION).is_err());
        let padded = Bytes::from([&whole[..], b"\0\0"].concat());
        assert_eq!(document(&padded).1[0].offset, whole.len());
    }

    #[test]
    fn every_size_meets_its_limit() {
        assert_eq!(limit(&si(b"", &[0x45; MAX_WBXML_DEPTH + 1])), MAX_WBXML_DEPTH);
        assert!(read(&si(b"", &[0x45; MAX_WBXML_DEPTH]), &SERVICE_INDICATION).is_ok());
        let many = [&b"\x45"[..], &[0x06; MAX_WBXML_ITEMS]].concat();
        assert_eq!(limit(&si(b"", &many)), MAX_WBXML_ITEMS);
        let table = [b"\x03\x05\x6A\xC0\x01".to_vec(), vec![b'a'; MAX_STRING_TABLE + 1]].concat();
        assert_eq!(limit(&table.into()), MAX_STRING_TABLE);
        // A short document that repeats a long string.
        let mut bomb = b"\x03\x05\x6A\xBF\x00".to_vec();
        bomb.extend([b'a'; 8064]);
        bomb.push(0x45);
        let named = bomb.clone();
        bomb.extend(b"\x83\x00".repeat(1000));
        assert_eq!(limit(&bomb.into()), MAX_WBXML_TEXT);
        // The same as names of elements.
        let named = [&named[..], &b"\x04\x00".repeat(1000)].concat();
        assert_eq!(limit(&named.into()), MAX_WBXML_TEXT);
        // So do its parts, each offset another string.
        let opaque = [b"\x45\xC3\x82\x80\x80\x00".to_vec(), vec![0; 0x8000]].concat();
        assert!(read(&si(b"", &opaque), &SERVICE_INDICATION).is_ok());
    }

    proptest! {
        #[test]
        fn any_octets_give_a_tree_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&octets.clone().into(), &SERVICE_INDICATION);
            let _ = read(&octets.into(), &PROVISIONING);
        }

        #[test]
        fn any_body_keeps_its_elements_within_the_octets(
            body in prop::collection::vec(prop_oneof![
                Just(0x45_u8), Just(0xC6), Just(0x01), Just(0x03), Just(0), Just(0x83), any::<u8>(),
            ], 0..200),
        ) {
            fn within(element: &Element, outer: &Range<usize>) -> bool {
                outer.start <= element.range.start
                    && element.range.end <= outer.end
                    && element.children.iter().all(|child| within(child, &element.range))
            }
            let octets = si(b"a\0bc\0", &body);
            if let Ok(decoded) = read(&octets, &SERVICE_INDICATION) {
                prop_assert!(within(&decoded.value.root, &(0..octets.len())));
            }
        }
    }
}

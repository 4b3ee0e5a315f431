//! The same documents as text (WAP-167, WAP-168 and WAP-175 clause 5; XML 1.0), read into the tree
//! of the binary form.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::tree::{Attribute, Element};
use super::wbxml::{MAX_WBXML_DEPTH, MAX_WBXML_ITEMS};
use crate::codec::wsp::{Warnings, charset};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Reads a document. What is wrong behind a beginning that is right is a warning, and the tree
/// ends there. Offsets are those of the octets. In a charset other than UTF-8 with several octets
/// a character they are those of the text in UTF-8, and none is beyond the octets.
pub(super) fn read(octets: &[u8], charset: Option<&str>) -> Result<Decoded<Element>, DecodeError> {
    let text = charset::to_text(octets, charset);
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut warnings = Warnings::new();
    let mut open: Vec<Element> = Vec::new();
    let mut items = 0;
    let mut places = Places::new(octets, &text);
    let mut at = places.of(0);
    let root = loop {
        let event = reader.read_event();
        let position = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let begins = std::mem::replace(&mut at, places.of(position));
        match event {
            Ok(Event::Start(start)) => {
                if open.len() == MAX_WBXML_DEPTH {
                    return Err(limit(begins, MAX_WBXML_DEPTH));
                }
                let element = element(&start, begins..at, &mut warnings);
                items += 1 + element.attributes.len();
                open.push(element);
            }
            Ok(Event::Empty(start)) => {
                let element = element(&start, begins..at, &mut warnings);
                items += 1 + element.attributes.len();
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => break Some(element),
                }
            }
            Ok(Event::End(_)) => {
                let Some(mut element) = open.pop() else { continue };
                element.range.end = at;
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => break Some(element),
                }
            }
            Ok(Event::Text(piece)) => add(&mut open, &piece.xml_content(XmlVersion::Implicit1_0)),
            Ok(Event::CData(piece)) => add(&mut open, &piece.xml_content(XmlVersion::Implicit1_0)),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(character)) => add(&mut open, character.encode_utf8(&mut [0; 4])),
                _ => match resolve_predefined_entity(&reference) {
                    Some(text) => add(&mut open, text),
                    None => warnings.not_understood("entity", begins, "an entity without meaning"),
                },
            },
            Ok(Event::Eof) => {
                if !open.is_empty() {
                    warnings.note("XML", at, "ends before its elements do");
                }
                break None;
            }
            Ok(_) => {}
            Err(error) => {
                warnings.not_understood("XML", begins, format!("the document ends here: {error}"));
                break None;
            }
        }
        if items > MAX_WBXML_ITEMS {
            return Err(limit(begins, MAX_WBXML_ITEMS));
        }
    };
    let root = root.or_else(|| {
        open.into_iter().rev().fold(None, |inner, mut element| {
            element.range.end = at;
            element.children.extend(inner);
            Some(element)
        })
    });
    let missing = DecodeError { field: "XML", offset: 0, kind: DecodeErrorKind::InvalidText };
    Ok(Decoded { value: root.ok_or(missing)?, warnings: warnings.into_sorted() })
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(
    start: &BytesStart<'_>,
    range: std::ops::Range<usize>,
    warnings: &mut Warnings,
) -> Element {
    let mut element = Element::new(start.name().as_ref(), range.start);
    element.range = range.clone();
    for attribute in start.attributes().with_checks(false) {
        match attribute {
            Ok(attribute) if element.attributes.len() <= MAX_WBXML_ITEMS => {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                // An ampersand that nobody escaped, as in many a link.
                let value = value.unwrap_or_else(|_| attribute.value.clone());
                let name = attribute.key.as_ref().to_owned();
                element.attributes.push(Attribute {
                    name,
                    value: value.into_owned(),
                    range: range.clone(),
                });
            }
            Ok(_) => break,
            Err(error) => {
                let text = format!("the attributes end here: {error}");
                warnings.not_understood("XML attribute", range.start, text);
                break;
            }
        }
    }
    element
}

const fn limit(offset: usize, limit: usize) -> DecodeError {
    DecodeError { field: "XML", offset, kind: DecodeErrorKind::LimitExceeded { limit } }
}

/// Where the octets of a text came from.
struct Places<'a> {
    text: &'a str,
    octets: usize,
    /// Each character is one octet.
    single: bool,
    /// Octets in front of the text that are none of it: a byte order mark.
    skipped: usize,
    /// The last place asked for, and characters in front of it.
    last: (usize, usize),
}

impl<'a> Places<'a> {
    fn new(octets: &[u8], text: &'a str) -> Self {
        let same = octets.ends_with(text.as_bytes());
        let single = !same && text.chars().count() == octets.len();
        let skipped = if same { octets.len() - text.len() } else { 0 };
        Self { text, octets: octets.len(), single, skipped, last: (0, 0) }
    }

    /// The octet for a place in the text; places only grow.
    fn of(&mut self, at: usize) -> usize {
        if self.single {
            let (from, count) = self.last;
            let more = self.text.get(from..at).map_or(0, |text| text.chars().count());
            self.last = (at, count + more);
            return self.last.1.min(self.octets);
        }
        (at + self.skipped).min(self.octets)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = "<?xml version=\"1.0\"?>\n<!DOCTYPE si PUBLIC \"-//WAPFORUM//DTD SI \
        1.0//EN\" \"http://www.wapforum.org/DTD/si.dtd\">\n<si><indication href=\"http://m/?a=1&amp;b=2\" \
        action='signal-low'>Bill &#x26; <![CDATA[<more>]]></indication></si>\n";

    #[test]
    fn document_with_declarations_entities_and_sections() {
        let Decoded { value, warnings } = read(DOCUMENT.as_bytes(), None).unwrap();
        assert_eq!(warnings, []);
        let indication = value.child("indication").unwrap();
        assert_eq!(indication.value("href"), Some("http://m/?a=1&b=2"));
        assert_eq!(indication.value("action"), Some("signal-low"));
        assert_eq!(indication.text, "Bill & <more>");
        assert_eq!(&DOCUMENT[value.range.clone()][..4], "<si>");
        assert!(DOCUMENT[value.range].ends_with("</si>"));
    }

    #[test]
    fn documents_with_faults_keep_what_there_is() {
        let read = |text: &str| read(text.as_bytes(), None);
        let bare = read("<sl href=\"http://m/?a=1&b=2\"/>").unwrap();
        assert_eq!(bare.value.value("href"), Some("http://m/?a=1&b=2"));
        let cut = read("<si><indication href=\"u\">text").unwrap();
        assert_eq!((&*cut.value.children[0].text, cut.warnings.len()), ("text", 1));
        let crossed = read("<si><indication>text</si></indication>").unwrap();
        assert_eq!((&*crossed.value.children[0].text, crossed.warnings.len()), ("text", 1));
        assert_eq!(read("no document").unwrap_err().kind, DecodeErrorKind::InvalidText);
    }

    #[test]
    fn places_are_those_of_the_octets_whatever_the_charset() {
        let range = |octets: &[u8], charset| read(octets, charset).unwrap().value.range;
        assert_eq!(range(b"\xEF\xBB\xBF<sl a='b'/>", None), 3..14);
        assert_eq!(range(b"<!--\xE9\xE9--><sl a='\xE9'/>", Some("iso-8859-1")), 9..20);
        assert_eq!(range(b"<!--\xC3\xA9--><sl/>", Some("utf-8")), 9..14);
        // No UTF-8 all the same, and cut.
        assert_eq!(range(b"<sl>\xE9\x80\x81", None), 0..7);
    }

    #[test]
    fn every_size_meets_its_limit() {
        let kind = |text: String| read(text.as_bytes(), None).unwrap_err().kind;
        let limit = MAX_WBXML_DEPTH;
        assert_eq!(kind("<a>".repeat(limit + 1)), DecodeErrorKind::LimitExceeded { limit });
        let limit = MAX_WBXML_ITEMS;
        let many = format!("<a>{}", "<b/>".repeat(limit));
        assert_eq!(kind(many), DecodeErrorKind::LimitExceeded { limit });
    }

    proptest! {
        #[test]
        fn any_text_gives_a_tree_or_an_error(
            text in "[<>/a-b=\"'&;# !\\[\\]-]{0,200}",
            octets in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let _ = read(text.as_bytes(), None);
            let _ = read(&octets, Some("utf-8"));
        }
    }
}

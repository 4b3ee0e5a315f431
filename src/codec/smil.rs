//! SMIL presentations of MMS (OMA-TS-MMS-CONF-V1_3 clause 8; SMIL 2.0 basic profile).
//!
//! Written plainly, without a DOCTYPE, in per cent, with regions that do not overlap, since that
//! is what every phone shows. Read without trust: only the references to parts, in their order.

use std::fmt::Write as _;
use std::time::Duration;

/// The media type of a presentation.
pub const CONTENT_TYPE: &str = "application/smil";
/// How long a slide is shown unless something says otherwise.
pub const DEFAULT_DURATION: Duration = Duration::from_millis(5000);
/// Most references taken from one presentation: twice as many as a message may have parts.
pub const MAX_SOURCES: usize = 512;

/// Where text stands on slides that have both a picture and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Picture above, text below.
    #[default]
    TextBelow,
    /// Text above, picture below.
    TextAbove,
}

/// What a reference shows, which is its element's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the elements of the specification")]
pub enum MediaKind {
    Text,
    Image,
    Video,
    Audio,
    /// Anything that no phone shows in place, such as a business card.
    Ref,
}

impl MediaKind {
    /// The kind for a media type's part before the slash.
    #[must_use]
    pub fn of(top: &str, subtype: &str) -> Self {
        match (top, subtype) {
            // Cards and calendar entries are attachments, not text to be shown.
            ("text", "plain" | "html") => Self::Text,
            ("image", _) => Self::Image,
            ("video", _) => Self::Video,
            ("audio", _) => Self::Audio,
            _ => Self::Ref,
        }
    }

    const fn element(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "img",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Ref => "ref",
        }
    }

    const fn region(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("Text"),
            Self::Image | Self::Video => Some("Image"),
            Self::Audio | Self::Ref => None,
        }
    }
}

/// One reference to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// How to show it.
    pub kind: MediaKind,
    /// Content-Location of the part, or `cid:` and its Content-ID.
    pub src: String,
}

/// What is shown at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slide {
    /// How long.
    pub duration: Duration,
    /// At most one visible medium and one text make sense; every one given is written.
    pub media: Vec<Media>,
}

/// A presentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Smil {
    /// Of all slides.
    pub layout: Layout,
    /// In order.
    pub slides: Vec<Slide>,
}

impl Smil {
    /// The document, UTF-8 without a declaration.
    #[must_use]
    pub fn write(&self) -> String {
        let shows = |region| {
            let mut media = self.slides.iter().flat_map(|slide| &slide.media);
            media.any(|media| media.kind.region() == Some(region))
        };
        let mut out = String::with_capacity(512 + 128 * self.slides.len());
        out.push_str("<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>");
        match (shows("Image"), shows("Text"), self.layout) {
            (true, true, Layout::TextBelow) => {
                region(&mut out, "Image", 0, 70);
                region(&mut out, "Text", 70, 30);
            }
            (true, true, Layout::TextAbove) => {
                region(&mut out, "Text", 0, 30);
                region(&mut out, "Image", 30, 70);
            }
            (true, false, _) => region(&mut out, "Image", 0, 100),
            (false, true, _) => region(&mut out, "Text", 0, 100),
            (false, false, _) => {}
        }
        out.push_str("</layout></head><body>");
        for slide in &self.slides {
            let _ = write!(out, "<par dur=\"{}ms\">", slide.duration.as_millis());
            for media in &slide.media {
                let _ = write!(out, "<{} src=\"{}\"", media.kind.element(), escape(&media.src));
                if let Some(region) = media.kind.region() {
                    let _ = write!(out, " region=\"{region}\"");
                }
                out.push_str("/>");
            }
            out.push_str("</par>");
        }
        out.push_str("</body></smil>");
        out
    }
}

fn region(out: &mut String, id: &str, top: u8, height: u8) {
    let _ = write!(
        out,
        "<region id=\"{id}\" left=\"0%\" top=\"{top}%\" width=\"100%\" height=\"{height}%\" fit=\"meet\"/>"
    );
}

/// As an attribute value (XML 1.0 clause 2.4); characters that no XML may hold are left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            other if other.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// The `src` of every element between `<` and `>`, in order, entities resolved, at most
/// [`MAX_SOURCES`]. Reads anything; comments and what is no element give nothing.
#[must_use]
pub fn sources(document: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = document;
    while let Some((_, tail)) = rest.split_once('<') {
        if found.len() == MAX_SOURCES {
            break;
        }
        if let Some(comment) = tail.strip_prefix("!--") {
            let Some((_, after)) = comment.split_once("-->") else { break };
            rest = after;
            continue;
        }
        let (source, after) = tag(tail);
        found.extend(source.filter(|source| !source.is_empty()));
        rest = after;
    }
    found
}

/// The `src` of the tag that begins here, and what follows the tag.
fn tag(text: &str) -> (Option<String>, &str) {
    let mut rest =
        text.trim_start_matches(|c: char| !c.is_whitespace() && !matches!(c, '>' | '<' | '/'));
    let mut source = None;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        match rest.chars().next() {
            None | Some('<') => return (source, rest),
            Some('>') => return (source, rest.get(1..).unwrap_or_default()),
            Some(_) => {}
        }
        let name_end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '<' | '/'))
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at(name_end);
        let tail = tail.trim_start();
        let Some(tail) = tail.strip_prefix('=') else {
            // An attribute without value; one more character makes sure that this ends.
            rest = if name.is_empty() { skip_one(tail) } else { tail };
            continue;
        };
        let (value, after) = attribute_value(tail.trim_start());
        if source.is_none() && name.eq_ignore_ascii_case("src") {
            source = Some(unescape(value.trim()));
        }
        rest = after;
    }
}

fn skip_one(text: &str) -> &str {
    let mut characters = text.chars();
    characters.next();
    characters.as_str()
}

fn attribute_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(text.len());
    let (value, after) = text.split_at(end);
    (value.strip_suffix('/').unwrap_or(value), after)
}

/// Longest entity between `&` and `;`: `&#x10FFFF;` and the five of XML are shorter.
const MAX_ENTITY: usize = 10;

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('&') {
        out.push_str(before);
        let window = tail.get(..tail.floor_char_boundary(MAX_ENTITY)).unwrap_or(tail);
        let entity = window.split_once(';').map(|(name, _)| name);
        match entity.and_then(|name| Some((name, character(name)?))) {
            Some((name, character)) => {
                out.push(character);
                rest = tail.get(name.len() + 1..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slide(media: &[(MediaKind, &str)]) -> Slide {
        let media = media.iter().map(|(kind, src)| Media { kind: *kind, src: (*src).to_owned() });
        Slide { duration: DEFAULT_DURATION, media: media.collect() }
    }

    #[test]
    fn written_presentation_has_no_doctype_and_regions_side_by_side() {
        let smil = Smil {
            layout: Layout::TextBelow,
            slides: vec![slide(&[(MediaKind::Image, "a&b.jpg"), (MediaKind::Text, "t.txt")])],
        };
        assert_eq!(
            smil.write(),
            "<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>\
             <region id=\"Image\" left=\"0%\" top=\"0%\" width=\"100%\" height=\"70%\" fit=\"meet\"/>\
             <region id=\"Text\" left=\"0%\" top=\"70%\" width=\"100%\" height=\"30%\" fit=\"meet\"/>\
             </layout></head><body><par dur=\"5000ms\"><img src=\"a&amp;b.jpg\" region=\"Image\"/>\
             <text src=\"t.txt\" region=\"Text\"/></par></body></smil>"
        );
    }

    #[test]
    fn every_written_reference_is_read_back_in_order() {
        let names = ["a&b.jpg", "<x>.txt", "it's \"5\".mp3", "cid:card@x", "ünï.mp4"];
        let kinds =
            [MediaKind::Image, MediaKind::Text, MediaKind::Audio, MediaKind::Ref, MediaKind::Video];
        let slides = kinds.into_iter().zip(names).map(|pair| slide(&[pair])).collect();
        assert_eq!(sources(&Smil { layout: Layout::TextAbove, slides }.write()), names);
    }

    #[test]
    fn references_are_found_in_what_phones_write() {
        let document = "<?xml version='1.0'?><!DOCTYPE smil PUBLIC \"-//W3C//DTD\" \"x\">\n\
            <smil><body><!-- <img src=\"no.jpg\"/> --><par dur=5s><IMG region=i SRC = 'one.jpg' />\
            <text src=two.txt/><audio\n src=\"cid:&lt;three&gt;\"></audio><ref src=\"\"/>\
            <video alt=\"a > b\" src=\"f&#111;ur.3gp\"/><img src=\"five & six\"";
        assert_eq!(
            sources(document),
            ["one.jpg", "two.txt", "cid:<three>", "four.3gp", "five & six"]
        );
    }

    #[test]
    fn garbage_ends() {
        for text in [
            "<",
            "<<<<",
            "< = = =",
            "<a b",
            "<a src",
            "<a src=",
            "<!--",
            "<a /\u{e9}=",
            "&<a =\"\">",
        ] {
            assert_eq!(sources(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(sources(&"<a src=b>".repeat(10_000)).len(), MAX_SOURCES);
    }
}

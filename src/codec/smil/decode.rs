//! Slides from markup (OMA-TS-MMS-CONF clause 8; SMIL 2.0 structure, layout, media and timing modules).

use std::ops::Range;
use std::time::Duration;

use super::clock::{Clock, clock};
use super::layout::{Measure, measure};
use super::markup::{Attribute, Token, TokenKind, tokens};
use super::source::Source;
use super::{
    Fit, Length, MAX_CLOCK, MAX_VALUE, Media, MediaKind, Region, RootLayout, Slide, Smil, Span,
};
use crate::codec::{DecodeError, DecodeErrorKind, Decoded};

/// Most slides: ten times what phones show.
pub const MAX_SLIDES: usize = 256;
/// Most references: twice as many as a message may have parts.
pub const MAX_MEDIA: usize = 512;
/// Most regions; phones know two.
pub const MAX_REGIONS: usize = 64;
/// How deep elements may lie in each other; MMS needs four.
pub const MAX_DEPTH: usize = 32;

/// Longest name of an element that a warning repeats.
const MAX_SHOWN: usize = 32;

/// Reads a presentation. `charset` is the one of the part's Content-Type, if it has one.
///
/// Whatever can be told from the octets is taken; limits cut the rest off with a warning.
///
/// # Errors
/// `MissingField` when there is neither a `smil` nor any slide or medium, `LimitExceeded` above
/// [`super::MAX_OCTETS`].
pub fn decode(octets: &[u8], charset: Option<&str>) -> Result<Decoded<Smil>, DecodeError> {
    let mut source = Source::new(octets, charset)?;
    let tokens = tokens(&mut source);
    let mut builder = Builder {
        closes_every_par: closes_every_par(&source, &tokens),
        source,
        smil: Smil::default(),
        media: 0,
        stack: Vec::new(),
        slide: None,
        seen: Seen::default(),
    };
    builder.read(&tokens);
    if !builder.seen.smil && builder.smil.slides.is_empty() {
        let kind = DecodeErrorKind::MissingField;
        return Err(DecodeError { field: "smil", offset: 0, kind });
    }
    Ok(Decoded { value: builder.smil, warnings: builder.source.warnings.into_sorted() })
}

/// What an element means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Smil,
    Head,
    Layout,
    RootLayout,
    Region,
    Body,
    Par,
    Seq,
    Media(MediaKind),
    /// Of the specification, and nothing to MMS.
    Passed,
    Unknown,
}

/// Elements by their names in the specification; the last ones are not of MMS.
const ELEMENTS: &[(&str, Element)] = &[
    ("smil", Element::Smil),
    ("head", Element::Head),
    ("layout", Element::Layout),
    ("root-layout", Element::RootLayout),
    ("region", Element::Region),
    ("body", Element::Body),
    ("par", Element::Par),
    ("seq", Element::Seq),
    ("text", Element::Media(MediaKind::Text)),
    ("img", Element::Media(MediaKind::Image)),
    ("video", Element::Media(MediaKind::Video)),
    ("audio", Element::Media(MediaKind::Audio)),
    ("ref", Element::Media(MediaKind::Ref)),
    ("textstream", Element::Media(MediaKind::Text)),
    ("animation", Element::Media(MediaKind::Image)),
    ("meta", Element::Passed),
    ("metadata", Element::Passed),
    ("title", Element::Passed),
    ("a", Element::Passed),
    ("area", Element::Passed),
    ("anchor", Element::Passed),
    ("param", Element::Passed),
    ("switch", Element::Passed),
    ("transition", Element::Passed),
    ("animate", Element::Passed),
    ("set", Element::Passed),
    ("prefetch", Element::Passed),
    ("brush", Element::Passed),
];

/// The name without the prefix of a namespace.
pub(super) fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|&octet| octet == b':').next().unwrap_or(name)
}

fn element(name: &[u8]) -> (&'static str, Element) {
    let local = local(name);
    ELEMENTS
        .iter()
        .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(local))
        .copied()
        .unwrap_or(("", Element::Unknown))
}

/// As many closing tags of slides as opening ones: only then a slide inside another is meant so.
fn closes_every_par(source: &Source<'_>, tokens: &[Token]) -> bool {
    let mut open = 0_usize;
    let mut close = 0_usize;
    let is_par = |name: &Range<usize>| {
        source.octets.get(name.clone()).is_some_and(|name| element(name).1 == Element::Par)
    };
    for token in tokens {
        match &token.kind {
            TokenKind::Open { name, closed: false, .. } if is_par(name) => open += 1,
            TokenKind::Close { name } if is_par(name) => close += 1,
            _ => {}
        }
    }
    close >= open
}

/// An element whose end is awaited.
struct Open {
    element: Element,
    name: Range<usize>,
}

/// What is told once.
#[derive(Default)]
struct Seen {
    smil: bool,
    no_smil: bool,
    no_body: bool,
    text: bool,
    too_deep: bool,
    too_many: bool,
}

struct Builder<'a> {
    source: Source<'a>,
    closes_every_par: bool,
    smil: Smil,
    /// References so far.
    media: usize,
    stack: Vec<Open>,
    /// The slide that is open.
    slide: Option<usize>,
    seen: Seen,
}

impl Builder<'_> {
    fn read(&mut self, tokens: &[Token]) {
        for token in tokens {
            let at = token.range.start;
            let told = match token.kind {
                TokenKind::Comment | TokenKind::Instruction | TokenKind::Doctype => continue,
                _ => self.seen.smil && self.stack.is_empty(),
            };
            if told {
                self.source.note("smil", at, "something stands behind its end; left out");
                return;
            }
            match &token.kind {
                TokenKind::Open { name, attributes, closed } => {
                    self.open(name, attributes, *closed);
                }
                TokenKind::Close { name } => self.close(name),
                _ if !self.seen.text => {
                    self.seen.text = true;
                    self.source.note("smil", at, "text between the elements; left out");
                }
                _ => {}
            }
        }
        let end = self.source.octets.len();
        self.unwind(0, end);
    }

    fn open(&mut self, name: &Range<usize>, attributes: &[Attribute], closed: bool) {
        let (canonical, element) = self.element(name);
        let at = name.start;
        match element {
            Element::Smil => {
                if self.seen.smil {
                    self.source.note("smil", at, "one inside another");
                }
                self.seen.smil = true;
            }
            Element::Unknown | Element::Media(_) | Element::Par | Element::Seq | Element::Body
                if !self.seen.smil && !self.seen.no_smil =>
            {
                self.seen.no_smil = true;
                self.source.note("smil", at, "no smil element is around this one");
            }
            _ => {}
        }
        if matches!(element, Element::Par | Element::Seq | Element::Media(_))
            && !self.inside(Element::Body)
            && !self.seen.no_body
        {
            self.seen.no_body = true;
            self.source.note("body", at, "no body element is around this one");
        }
        match element {
            Element::RootLayout => self.root_layout(attributes),
            Element::Region => self.region(at, attributes),
            Element::Par => self.par(at, attributes),
            Element::Seq if self.inside(Element::Par) => {
                let text = "one inside a slide; its media are taken as shown together";
                self.source.note("seq", at, text);
            }
            Element::Media(kind) => {
                if canonical != kind.element() {
                    let text = format!("no element of MMS; taken as {}", kind.element());
                    self.source.note(canonical, at, text);
                }
                self.medium(kind, canonical, at, attributes);
            }
            Element::Unknown => self.unknown(name, attributes),
            _ => {}
        }
        if closed {
            if element == Element::Par {
                self.slide = None;
            }
        } else if self.stack.len() < MAX_DEPTH {
            self.stack.push(Open { element, name: name.clone() });
        } else if !self.seen.too_deep {
            self.seen.too_deep = true;
            let text = format!("elements lie more than {MAX_DEPTH} deep; read as if they did not");
            self.source.not_understood("smil", at, text);
        }
    }

    /// The element and its name in the specification; says so when it is written another way.
    fn element(&mut self, name: &Range<usize>) -> (&'static str, Element) {
        let written = self.source.octets.get(name.clone()).unwrap_or_default();
        let (canonical, element) = element(written);
        if element != Element::Unknown && local(written) != canonical.as_bytes() {
            self.source.note(canonical, name.start, "not in lower case");
        }
        (canonical, element)
    }

    fn close(&mut self, name: &Range<usize>) {
        let written = self.source.octets.get(name.clone()).unwrap_or_default();
        let closes = |open: &Open| {
            let opened = self.source.octets.get(open.name.clone()).unwrap_or_default();
            local(opened).eq_ignore_ascii_case(local(written))
        };
        match self.stack.iter().rposition(closes) {
            Some(index) => {
                self.unwind(index + 1, name.start);
                if self.stack.pop().is_some_and(|open| open.element == Element::Par) {
                    self.leave_par();
                }
            }
            None => {
                let shown = shown(written);
                self.source.note("smil", name.start, format!("'</{shown}>' closes nothing"));
            }
        }
    }

    /// Closes what was left open, down to `depth`, as if its end stood at `at`.
    fn unwind(&mut self, depth: usize, at: usize) {
        while self.stack.len() > depth {
            let Some(open) = self.stack.pop() else { return };
            let written = self.source.octets.get(open.name.clone()).unwrap_or_default();
            let text = format!(
                "'<{}>' is never closed; closed at octet {}",
                shown(written),
                self.source.place(at)
            );
            self.source.note("smil", open.name.start, text);
            if open.element == Element::Par {
                self.leave_par();
            }
        }
    }

    fn leave_par(&mut self) {
        // Only the outermost slide is one; those inside it belong to it.
        if !self.inside(Element::Par) {
            self.slide = None;
        }
    }

    fn inside(&self, element: Element) -> bool {
        self.stack.iter().any(|open| open.element == element)
    }

    fn par(&mut self, at: usize, attributes: &[Attribute]) {
        if let Some(index) = self.stack.iter().position(|open| open.element == Element::Par) {
            if self.closes_every_par {
                let text = "one inside another; its media belong to the slide around it";
                self.source.note("par", at, text);
                return;
            }
            self.unwind(index, at);
        }
        let duration = self.span(attributes);
        self.slide = self.new_slide(at, duration);
    }

    /// The index of a slide that begins here, unless there are too many.
    fn new_slide(&mut self, at: usize, duration: Option<Span>) -> Option<usize> {
        if self.smil.slides.len() == MAX_SLIDES {
            let text = format!("more than {MAX_SLIDES} slides; the rest is left out");
            self.too_many("par", at, text);
            return None;
        }
        self.smil.slides.push(Slide { duration, media: Vec::new() });
        Some(self.smil.slides.len() - 1)
    }

    fn too_many(&mut self, field: &str, at: usize, text: String) {
        if !self.seen.too_many {
            self.source.not_understood(field, at, text);
        }
        self.seen.too_many = true;
    }

    fn medium(&mut self, kind: MediaKind, name: &str, at: usize, attributes: &[Attribute]) {
        let Some(src) = self.text(attributes, "src") else {
            self.source.note(name, at, "no src; it shows nothing and is left out");
            return;
        };
        if self.media == MAX_MEDIA {
            let text = format!("more than {MAX_MEDIA} media; the rest is left out");
            self.too_many(name, at, text);
            return;
        }
        let media = Media {
            kind,
            src,
            region: self.text(attributes, "region"),
            begin: self.time(attributes, "begin"),
            end: self.time(attributes, "end"),
            alt: self.text(attributes, "alt"),
        };
        let span = self.span(attributes);
        let slide = if self.inside(Element::Par) {
            self.slide
        } else {
            self.source.note(name, at, "outside of any slide; taken as a slide of its own");
            self.new_slide(at, None)
        };
        let Some(slide) = slide.and_then(|slide| self.smil.slides.get_mut(slide)) else { return };
        if slide.duration.is_none() {
            slide.duration = span;
        }
        slide.media.push(media);
        self.media += 1;
    }

    fn unknown(&mut self, name: &Range<usize>, attributes: &[Attribute]) {
        let written = self.source.octets.get(name.clone()).unwrap_or_default();
        let shown = shown(written);
        if self.find(attributes, "src").is_some() {
            self.source.note(&shown, name.start, "unknown element with a src; taken as ref");
            self.medium(MediaKind::Ref, &shown, name.start, attributes);
        } else {
            self.source.not_understood(&shown, name.start, "unknown element; passed over");
        }
    }

    fn root_layout(&mut self, attributes: &[Attribute]) {
        let width = self.length(attributes, "width");
        let height = self.length(attributes, "height");
        if self.smil.root.is_none() {
            self.smil.root = Some(RootLayout { width, height });
        }
    }

    fn region(&mut self, at: usize, attributes: &[Attribute]) {
        let mut names = ["id", "regionName", "name"].into_iter();
        let Some(id) = names.find_map(|name| self.text(attributes, name)) else {
            self.source.note("region", at, "no id; nothing can name it and it is left out");
            return;
        };
        if self.smil.regions.len() == MAX_REGIONS {
            let text = format!("more than {MAX_REGIONS} regions; the rest is left out");
            self.too_many("region", at, text);
            return;
        }
        let region = Region {
            id,
            left: self.length(attributes, "left"),
            top: self.length(attributes, "top"),
            width: self.length(attributes, "width"),
            height: self.length(attributes, "height"),
            fit: self.fit(attributes),
        };
        self.smil.regions.push(region);
    }

    fn fit(&mut self, attributes: &[Attribute]) -> Option<Fit> {
        let attribute = self.find(attributes, "fit")?;
        let word = self.value(&attribute, "fit")?;
        let fit = Fit::of(&word);
        if fit.is_none() {
            self.source.note(
                "fit",
                attribute.value.start,
                "no word of the specification; left out",
            );
        }
        fit
    }

    fn length(&mut self, attributes: &[Attribute], name: &str) -> Option<Length> {
        let attribute = self.find(attributes, name)?;
        let text = self.value(&attribute, name)?;
        match measure(&text) {
            Measure::Exactly(length) => Some(length),
            Measure::Cut(length) => {
                self.source.note(name, attribute.value.start, "its fraction is left out");
                Some(length)
            }
            Measure::Auto => None,
            Measure::Unreadable => {
                let text = "neither pixels nor per cent; left out";
                self.source.note(name, attribute.value.start, text);
                None
            }
        }
    }

    /// The value of `dur`.
    fn span(&mut self, attributes: &[Attribute]) -> Option<Span> {
        let (at, clock) = self.clock(attributes, "dur")?;
        match clock {
            Clock::At(time) => Some(Span::For(time)),
            Clock::Indefinite => Some(Span::Indefinite),
            Clock::TooLong => {
                self.source.note("dur", at, "longer than a day; cut to one");
                Some(Span::For(MAX_CLOCK))
            }
            Clock::Unreadable => {
                self.source.note("dur", at, "no time; left out");
                None
            }
        }
    }

    /// The value of `begin` or `end`.
    fn time(&mut self, attributes: &[Attribute], name: &str) -> Option<Duration> {
        let (at, clock) = self.clock(attributes, name)?;
        match clock {
            Clock::At(time) => Some(time),
            Clock::Indefinite if name == "end" => None,
            Clock::TooLong => {
                self.source.note(name, at, "later than a day; cut to one");
                Some(MAX_CLOCK)
            }
            Clock::Indefinite | Clock::Unreadable => {
                self.source.note(name, at, "no time of the slide; left out");
                None
            }
        }
    }

    fn clock(&mut self, attributes: &[Attribute], name: &str) -> Option<(usize, Clock)> {
        let attribute = self.find(attributes, name)?;
        let text = self.value(&attribute, name)?;
        Some((attribute.value.start, clock(&text)))
    }

    /// A value that is not empty.
    fn text(&mut self, attributes: &[Attribute], name: &str) -> Option<String> {
        let attribute = self.find(attributes, name)?;
        self.value(&attribute, name).filter(|value| !value.is_empty())
    }

    fn value(&mut self, attribute: &Attribute, name: &str) -> Option<String> {
        let raw = self.source.octets.get(attribute.value.clone())?;
        let at = attribute.value.start;
        if raw.len() > MAX_VALUE {
            let text = format!("longer than {MAX_VALUE} octets; left out");
            self.source.not_understood(name, at, text);
            return None;
        }
        let (value, fault) = self.source.value(raw);
        if let Some(fault) = fault {
            self.source.note(name, at, fault);
        }
        Some(value)
    }

    /// The first attribute of this name, in any case.
    fn find(&mut self, attributes: &[Attribute], name: &str) -> Option<Attribute> {
        let octets = &self.source.octets;
        let is_named = |attribute: &&Attribute| {
            octets
                .get(attribute.name.clone())
                .is_some_and(|written| local(written).eq_ignore_ascii_case(name.as_bytes()))
        };
        let mut found = attributes.iter().filter(is_named);
        let first = found.next()?.clone();
        let second = found.next().map(|attribute| attribute.name.start);
        let exact =
            octets.get(first.name.clone()).is_some_and(|written| local(written) == name.as_bytes());
        if !exact {
            self.source.note(name, first.name.start, "not written as the specification does");
        }
        if let Some(second) = second {
            self.source.note(name, second, "given twice; the first is taken");
        }
        Some(first)
    }
}

fn shown(name: &[u8]) -> String {
    let name = name.get(..MAX_SHOWN).unwrap_or(name);
    String::from_utf8_lossy(name).into_owned()
}

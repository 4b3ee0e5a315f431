//! SMIL presentations of MMS (OMA-TS-MMS-CONF-V1_3 clause 8; SMIL 2.0; XML 1.0).
//!
//! [`decode`] takes what phones and gateways write, well-formed or not, in any charset, and gives the
//! slides in their order with the list of what it forgave. [`Smil::compose`] and [`Smil::write`] make
//! the form that strict receivers show: no DOCTYPE, per cent, regions that do not overlap.
//! [`resolve`] finds the part that a reference means and the parts that no reference means.
//!
//! The reading of markup is our own (`markup`), since an XML library gives up, and loses every slide
//! behind that point, where the field is broken most: at a missing quotation mark, at a comment,
//! DOCTYPE or CDATA section without end, at a document that is cut off. Entities are never expanded.

mod clock;
mod decode;
mod layout;
mod markup;
mod outline;
mod resolve;
mod source;
mod write;

use std::time::Duration;

pub use clock::{MAX_CLOCK, Span};
pub use decode::{MAX_DEPTH, MAX_MEDIA, MAX_REGIONS, MAX_SLIDES, decode};
pub use layout::{Fit, Layout, Length, Region, RootLayout};
pub use markup::{MAX_ATTRIBUTES, MAX_TOKENS};
pub use outline::outline;
pub use resolve::{PartNames, Resolved, resolve};
pub use source::{MAX_OCTETS, MAX_VALUE};

/// The media type of a presentation.
pub const CONTENT_TYPE: &str = "application/smil";
/// How long a slide is shown unless something says otherwise.
pub const DEFAULT_DURATION: Duration = Duration::from_millis(5000);

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

    /// The element's name.
    #[must_use]
    pub const fn element(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "img",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Ref => "ref",
        }
    }

    /// The region that [`Smil::compose`] shows it in.
    const fn region(self) -> Option<&'static str> {
        match self {
            Self::Text => Some(layout::TEXT),
            Self::Image | Self::Video => Some(layout::IMAGE),
            Self::Audio | Self::Ref => None,
        }
    }
}

/// One reference to a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// How to show it.
    pub kind: MediaKind,
    /// Content-Location of the part, or `cid:` and its Content-ID, never empty; [`resolve`] finds the
    /// part.
    pub src: String,
    /// The [`Region::id`] to show it in.
    pub region: Option<String>,
    /// From when on, counted from the beginning of its slide.
    pub begin: Option<Duration>,
    /// Until when, counted from the beginning of its slide.
    pub end: Option<Duration>,
    /// What to show instead where it cannot be shown.
    pub alt: Option<String>,
}

impl Media {
    /// Shown as long as its slide, wherever the layout puts its kind.
    #[must_use]
    pub fn new(kind: MediaKind, src: impl Into<String>) -> Self {
        Self { kind, src: src.into(), region: None, begin: None, end: None, alt: None }
    }
}

/// What is shown at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slide {
    /// How long; a phone decides where this is absent.
    pub duration: Option<Span>,
    /// At most one visible medium and one text make sense; every one given is written.
    pub media: Vec<Media>,
}

/// A presentation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Smil {
    /// The size of the whole, where it is given.
    pub root: Option<RootLayout>,
    /// Where things are shown, in the order of the document.
    pub regions: Vec<Region>,
    /// In order.
    pub slides: Vec<Slide>,
}

impl Smil {
    /// A presentation of these slides for every phone: one region for pictures and films, one for
    /// text, side by side in per cent, and no region that nothing is shown in.
    #[must_use]
    pub fn compose(layout: Layout, mut slides: Vec<Slide>) -> Self {
        for media in slides.iter_mut().flat_map(|slide| &mut slide.media) {
            media.region = media.kind.region().map(str::to_owned);
        }
        let media = || slides.iter().flat_map(|slide| &slide.media);
        let shows = |region| media().any(|media| media.kind.region() == Some(region));
        let regions = layout.regions(shows(layout::IMAGE), shows(layout::TEXT));
        Self { root: Some(RootLayout::WHOLE), regions, slides }
    }

    /// Every reference, in the order of the document.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.slides.iter().flat_map(|slide| &slide.media).map(|media| media.src.as_str())
    }
}

#[cfg(test)]
mod tests;

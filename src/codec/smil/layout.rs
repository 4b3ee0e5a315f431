//! Where things are shown: root-layout and regions (OMA-TS-MMS-CONF clause 8; SMIL 2.0 layout module).

use super::{MediaKind, Smil};

/// The region of pictures and films.
pub(super) const IMAGE: &str = "Image";
/// The region of text.
pub(super) const TEXT: &str = "Text";

/// Most pixels or per cent that are taken: more than any screen has.
pub(super) const MAX_LENGTH: u32 = 100_000;

/// Where text stands on slides that have both a picture and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Picture above, text below.
    #[default]
    TextBelow,
    /// Text above, picture below.
    TextAbove,
}

impl Layout {
    /// The regions that are needed; what stands above comes first.
    pub(super) fn regions(self, image: bool, text: bool) -> Vec<Region> {
        match (image, text, self) {
            (true, true, Self::TextBelow) => {
                vec![Region::strip(IMAGE, 0, 70), Region::strip(TEXT, 70, 30)]
            }
            (true, true, Self::TextAbove) => {
                vec![Region::strip(TEXT, 0, 30), Region::strip(IMAGE, 30, 70)]
            }
            (true, false, _) => vec![Region::strip(IMAGE, 0, 100)],
            (false, true, _) => vec![Region::strip(TEXT, 0, 100)],
            (false, false, _) => Vec::new(),
        }
    }
}

/// A place or size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Hundredths of what is around it.
    Percent(u32),
    /// Pixels.
    Pixels(u32),
}

/// How a medium fills its region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the specification")]
pub enum Fit {
    Fill,
    Hidden,
    Meet,
    Scroll,
    Slice,
}

impl Fit {
    const ALL: [(Self, &str); 5] = [
        (Self::Fill, "fill"),
        (Self::Hidden, "hidden"),
        (Self::Meet, "meet"),
        (Self::Scroll, "scroll"),
        (Self::Slice, "slice"),
    ];

    /// The word of the specification.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(fit, _)| *fit == self).map_or("", |(_, word)| word)
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(word)).map(|(fit, _)| *fit)
    }
}

/// The size of the whole presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RootLayout {
    /// Its width.
    pub width: Option<Length>,
    /// Its height.
    pub height: Option<Length>,
}

impl RootLayout {
    /// The whole screen.
    pub(super) const WHOLE: Self =
        Self { width: Some(Length::Percent(100)), height: Some(Length::Percent(100)) };
}

/// A place for media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// What media call it; never empty.
    pub id: String,
    /// Distance from the left edge.
    pub left: Option<Length>,
    /// Distance from the upper edge.
    pub top: Option<Length>,
    /// Its width.
    pub width: Option<Length>,
    /// Its height.
    pub height: Option<Length>,
    /// How media fill it.
    pub fit: Option<Fit>,
}

impl Region {
    /// As wide as the screen.
    fn strip(id: &str, top: u32, height: u32) -> Self {
        Self {
            id: id.to_owned(),
            left: Some(Length::Percent(0)),
            top: Some(Length::Percent(top)),
            width: Some(Length::Percent(100)),
            height: Some(Length::Percent(height)),
            fit: Some(Fit::Meet),
        }
    }
}

impl Smil {
    /// Where the text stands: told by the regions that text and pictures are shown in, by the names
    /// of regions where media name none; below where nothing tells.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let text = self.top_of(TEXT, |kind| kind == MediaKind::Text);
        let image = self.top_of(IMAGE, |kind| matches!(kind, MediaKind::Image | MediaKind::Video));
        match (text, image) {
            (Some(text), Some(image)) if text < image => Layout::TextAbove,
            _ => Layout::TextBelow,
        }
    }

    /// The upper edge, in hundredths of a per cent, of the region that media of this kind name first,
    /// else of the region with this name.
    fn top_of(&self, name: &str, is_kind: impl Fn(MediaKind) -> bool) -> Option<u64> {
        let mut media = self.slides.iter().flat_map(|slide| &slide.media);
        let named = media
            .find(|media| is_kind(media.kind) && media.region.is_some())
            .and_then(|media| media.region.as_deref());
        let called = |id: &str| self.regions.iter().find(|one| one.id.eq_ignore_ascii_case(id));
        let region = named.and_then(called).or_else(|| called(name))?;
        match region.top {
            None => Some(0),
            Some(Length::Percent(percent)) => Some(u64::from(percent) * 100),
            Some(Length::Pixels(0)) => Some(0),
            Some(Length::Pixels(pixels)) => {
                // Without the root's height the lowest edge of the regions stands for it.
                let height = match self.root.and_then(|root| root.height) {
                    Some(Length::Pixels(height)) => u64::from(height),
                    _ => self.regions.iter().map(Region::bottom).max().unwrap_or(0),
                };
                Some(u64::from(pixels) * 10_000 / height.max(1))
            }
        }
    }
}

impl Region {
    /// Its lower edge in pixels, as far as it is given in them.
    fn bottom(&self) -> u64 {
        let pixels = |length| match length {
            Some(Length::Pixels(pixels)) => u64::from(pixels),
            _ => 0,
        };
        pixels(self.top) + pixels(self.height)
    }
}

/// What an attribute with a length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Exactly(Length),
    /// The same without its fraction.
    Cut(Length),
    /// Left to whoever shows it.
    Auto,
    Unreadable,
}

pub(super) fn measure(text: &str) -> Measure {
    let text = text.trim();
    if text.eq_ignore_ascii_case("auto") {
        return Measure::Auto;
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let Ok(value) = whole.parse::<u32>() else { return Measure::Unreadable };
    if value > MAX_LENGTH || fraction.contains('.') {
        return Measure::Unreadable;
    }
    let length = match unit.trim() {
        "%" => Length::Percent(value),
        unit if unit.is_empty() || unit.eq_ignore_ascii_case("px") => Length::Pixels(value),
        _ => return Measure::Unreadable,
    };
    if fraction.bytes().any(|digit| digit != b'0') {
        Measure::Cut(length)
    } else {
        Measure::Exactly(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_the_units_of_the_field() {
        assert_eq!(measure("100%"), Measure::Exactly(Length::Percent(100)));
        assert_eq!(measure(" 70 % "), Measure::Exactly(Length::Percent(70)));
        assert_eq!(measure("176"), Measure::Exactly(Length::Pixels(176)));
        assert_eq!(measure("176px"), Measure::Exactly(Length::Pixels(176)));
        assert_eq!(measure("176 PX"), Measure::Exactly(Length::Pixels(176)));
        assert_eq!(measure("33.0%"), Measure::Exactly(Length::Percent(33)));
        assert_eq!(measure("33.3%"), Measure::Cut(Length::Percent(33)));
        assert_eq!(measure("Auto"), Measure::Auto);
        for text in ["", "%", "-1", "1e3", "12em", "1.2.3", "100001", "99999999999999", "\u{b2}%"] {
            assert_eq!(measure(text), Measure::Unreadable, "{text}");
        }
    }

    fn region(id: &str, top: Option<Length>, height: u32) -> Region {
        let height = Some(Length::Pixels(height));
        Region { id: id.into(), left: None, top, width: None, height, fit: None }
    }

    #[test]
    fn layout_is_told_by_the_regions_used_else_by_their_names() {
        let smil = |regions| Smil { root: None, regions, slides: Vec::new() };
        let top = |pixels| Some(Length::Pixels(pixels));
        assert_eq!(Smil::default().layout(), Layout::TextBelow);
        let named = smil(vec![region("IMAGE", top(40), 120), region("text", None, 40)]);
        assert_eq!(named.layout(), Layout::TextAbove);
        let mixed =
            smil(vec![region("Image", Some(Length::Percent(10)), 0), region("Text", top(100), 60)]);
        assert_eq!(mixed.layout(), Layout::TextBelow);
        let mut used = smil(vec![region("a", top(40), 120), region("b", top(0), 40)]);
        let media = |kind, region: &str| super::super::Media {
            region: Some(region.to_owned()),
            ..super::super::Media::new(kind, "x")
        };
        used.slides.push(super::super::Slide {
            duration: None,
            media: vec![media(MediaKind::Video, "a"), media(MediaKind::Text, "b")],
        });
        assert_eq!(used.layout(), Layout::TextAbove);
    }
}

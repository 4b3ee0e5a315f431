//! Presentations to text (OMA-TS-MMS-CONF clause 8; XML 1.0): UTF-8 without declaration and DOCTYPE.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Length, MAX_CLOCK, Media, Smil, Span};

impl Smil {
    /// The document. It is well-formed XML whatever the texts hold; characters that no XML may hold
    /// are left out, and times above [`MAX_CLOCK`] are cut to it.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = String::with_capacity(512 + 128 * self.slides.len());
        out.push_str("<smil><head><layout>");
        if let Some(root) = self.root {
            out.push_str("<root-layout");
            length(&mut out, "width", root.width);
            length(&mut out, "height", root.height);
            out.push_str("/>");
        }
        for region in &self.regions {
            out.push_str("<region");
            text(&mut out, "id", Some(&region.id));
            length(&mut out, "left", region.left);
            length(&mut out, "top", region.top);
            length(&mut out, "width", region.width);
            length(&mut out, "height", region.height);
            text(&mut out, "fit", region.fit.map(super::Fit::as_str));
            out.push_str("/>");
        }
        out.push_str("</layout></head><body>");
        for slide in &self.slides {
            out.push_str("<par");
            match slide.duration {
                Some(Span::For(span)) => time(&mut out, "dur", Some(span)),
                Some(Span::Indefinite) => out.push_str(" dur=\"indefinite\""),
                None => {}
            }
            out.push('>');
            slide.media.iter().for_each(|media| medium(&mut out, media));
            out.push_str("</par>");
        }
        out.push_str("</body></smil>");
        out
    }
}

fn medium(out: &mut String, media: &Media) {
    out.push('<');
    out.push_str(media.kind.element());
    text(out, "src", Some(&media.src));
    text(out, "region", media.region.as_deref());
    time(out, "begin", media.begin);
    time(out, "end", media.end);
    text(out, "alt", media.alt.as_deref());
    out.push_str("/>");
}

fn length(out: &mut String, name: &str, length: Option<Length>) {
    let _ = match length {
        Some(Length::Percent(percent)) => write!(out, " {name}=\"{percent}%\""),
        Some(Length::Pixels(pixels)) => write!(out, " {name}=\"{pixels}\""),
        None => Ok(()),
    };
}

fn time(out: &mut String, name: &str, time: Option<Duration>) {
    if let Some(time) = time {
        let _ = write!(out, " {name}=\"{}ms\"", time.min(MAX_CLOCK).as_millis());
    }
}

/// An attribute (XML 1.0 clauses 2.2, 2.4 and 3.3.3): blanks that a reader would change or trim are
/// written as references.
fn text(out: &mut String, name: &str, value: Option<&str>) {
    let Some(value) = value else { return };
    let _ = write!(out, " {name}=\"");
    let inner =
        value.len() - value.trim_start_matches(' ').len()..value.trim_end_matches(' ').len();
    for (at, character) in value.char_indices() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A byte order mark at the beginning would be taken off.
            '\t' | '\n' | '\r' | '\u{FEFF}' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            ' ' if !inner.contains(&at) => out.push_str("&#32;"),
            other if is_xml(other) => out.push(other),
            _ => {}
        }
    }
    out.push('"');
}

/// Whether XML 1.0 may hold it (clause 2.2).
pub(super) const fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{1_0000}'..)
}

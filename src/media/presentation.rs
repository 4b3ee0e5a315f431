//! The slides of a composed message (OMA-TS-MMS-CONF clause 8): every part is named by one, since
//! phones and MMSCs drop what no slide names.

use std::time::Duration;

use crate::codec::smil::{DEFAULT_DURATION, Layout, Media, MediaKind, Slide, Smil, Span};

/// How long a slide with film or sound is shown: films within the size limits are shorter, and a
/// phone cuts off what lasts longer than its slide.
const PLAYING: Duration = Duration::from_secs(60);

/// A slide holds one picture or film, one text and one sound, film excluding sound; what does not
/// fit opens the next slide. Attachments go with the slide before them.
pub(super) fn arrange(parts: Vec<Media>) -> Smil {
    let mut slides: Vec<Slide> = Vec::new();
    for media in parts {
        if !slides.last().is_some_and(|slide| fits(slide, media.kind)) {
            let duration = Some(Span::For(DEFAULT_DURATION));
            slides.push(Slide { duration, media: Vec::new() });
        }
        let Some(slide) = slides.last_mut() else { continue };
        if matches!(media.kind, MediaKind::Video | MediaKind::Audio) {
            slide.duration = Some(Span::For(PLAYING));
        }
        slide.media.push(media);
    }
    Smil::compose(Layout::TextBelow, slides)
}

fn fits(slide: &Slide, kind: MediaKind) -> bool {
    let has = |kind| slide.media.iter().any(|media| media.kind == kind);
    match kind {
        MediaKind::Image => !has(MediaKind::Image) && !has(MediaKind::Video),
        MediaKind::Video => {
            !has(MediaKind::Image) && !has(MediaKind::Video) && !has(MediaKind::Audio)
        }
        MediaKind::Audio => !has(MediaKind::Audio) && !has(MediaKind::Video),
        MediaKind::Text => !has(MediaKind::Text),
        MediaKind::Ref => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slides(kinds: &[MediaKind]) -> Vec<usize> {
        let media = |kind: &MediaKind| Media::new(*kind, "x");
        arrange(kinds.iter().map(media).collect())
            .slides
            .iter()
            .map(|slide| slide.media.len())
            .collect()
    }

    #[test]
    fn picture_text_and_sound_share_a_slide() {
        use MediaKind::{Audio, Image, Ref, Text, Video};
        assert_eq!(slides(&[Text, Image, Audio, Ref]), [4]);
        assert_eq!(slides(&[Text, Image, Image]), [2, 1]);
        assert_eq!(slides(&[Text, Text]), [1, 1]);
        assert_eq!(slides(&[Video, Audio]), [1, 1], "film has its own sound");
        assert_eq!(slides(&[Ref]), [1], "an attachment alone is referenced too");
    }

    #[test]
    fn film_is_not_cut_off_by_its_slide() {
        let film = Media::new(MediaKind::Video, "a.3gp");
        assert_eq!(arrange(vec![film]).slides[0].duration, Some(Span::For(PLAYING)));
    }
}

//! The SMIL presentation of a composed message (OMA-TS-MMS-CONF clause 8): slides that name every
//! part, since phones and MMSCs drop what no slide names. No DOCTYPE, sizes in per cent.

use super::types::Role;

/// How long a slide without sound or film is shown.
const SLIDE: &str = "5000ms";

/// One part to be shown: how, and its Content-Location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) role: Role,
    pub(super) location: String,
}

#[derive(Default)]
struct Slide<'a> {
    visual: Option<&'a Shown>,
    sound: Option<&'a Shown>,
    text: Option<&'a Shown>,
    others: Vec<&'a Shown>,
}

/// The document. Locations are our own safe names and need no escaping.
pub(super) fn write(parts: &[Shown]) -> String {
    let slides = arrange(parts);
    let has = |roles: &[Role]| parts.iter().any(|part| roles.contains(&part.role));
    let visual = has(&[Role::Image, Role::Video]);
    let text = has(&[Role::Text]);
    let mut out = String::from("<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>");
    if visual {
        let height = if text { "70%" } else { "100%" };
        out.push_str(&region("Image", "0%", height, "meet"));
    }
    if text {
        let (top, height) = if visual { ("70%", "30%") } else { ("0%", "100%") };
        out.push_str(&region("Text", top, height, "scroll"));
    }
    out.push_str("</layout></head><body>");
    for slide in &slides {
        let plays =
            slide.sound.is_some() || slide.visual.is_some_and(|shown| shown.role == Role::Video);
        if plays {
            // Film and sound end by themselves; a duration would cut them off.
            out.push_str("<par>");
        } else {
            out.push_str(&format!("<par dur=\"{SLIDE}\">"));
        }
        for shown in slide.visual.iter().chain(&slide.sound).chain(&slide.text).chain(&slide.others)
        {
            out.push_str(&element(shown));
        }
        out.push_str("</par>");
    }
    out.push_str("</body></smil>");
    out
}

fn region(name: &str, top: &str, height: &str, fit: &str) -> String {
    format!(
        "<region id=\"{name}\" left=\"0%\" top=\"{top}\" width=\"100%\" height=\"{height}\" \
         fit=\"{fit}\"/>"
    )
}

fn element(shown: &Shown) -> String {
    let (name, region) = match shown.role {
        Role::Image => ("img", " region=\"Image\""),
        Role::Video => ("video", " region=\"Image\""),
        Role::Audio => ("audio", ""),
        Role::Text => ("text", " region=\"Text\""),
        Role::Attachment => ("ref", ""),
    };
    format!("<{name} src=\"{}\"{region}/>", shown.location)
}

/// A slide holds one picture or film, one text and one sound, film excluding sound; what comes
/// next and does not fit opens the next slide. Attachments go with the slide before them.
fn arrange(parts: &[Shown]) -> Vec<Slide<'_>> {
    let mut slides: Vec<Slide<'_>> = Vec::new();
    for part in parts {
        let fits = slides.last().is_some_and(|slide| match part.role {
            Role::Image => slide.visual.is_none(),
            Role::Video => slide.visual.is_none() && slide.sound.is_none(),
            Role::Audio => {
                slide.sound.is_none() && slide.visual.is_none_or(|shown| shown.role != Role::Video)
            }
            Role::Text => slide.text.is_none(),
            Role::Attachment => true,
        });
        if !fits {
            slides.push(Slide::default());
        }
        let Some(slide) = slides.last_mut() else { continue };
        match part.role {
            Role::Image | Role::Video => slide.visual = Some(part),
            Role::Audio => slide.sound = Some(part),
            Role::Text => slide.text = Some(part),
            Role::Attachment => slide.others.push(part),
        }
    }
    slides
}

/// Every `src` in a SMIL document, in order, `cid:` taken off; forgiving, for documents of others.
pub(super) fn references(smil: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = smil;
    while let Some(at) = rest.find("src") {
        let before = rest.get(..at).and_then(|text| text.chars().next_back());
        rest = rest.get(at + "src".len()..).unwrap_or_default();
        if !before.is_some_and(char::is_whitespace) {
            continue;
        }
        let Some(value) = rest.trim_start().strip_prefix('=') else { continue };
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            continue;
        };
        let Some((value, after)) = value.get(1..).and_then(|text| text.split_once(quote)) else {
            break;
        };
        let value = value.trim();
        found.push(value.strip_prefix("cid:").unwrap_or(value).to_owned());
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(role: Role, location: &str) -> Shown {
        Shown { role, location: location.to_owned() }
    }

    #[test]
    fn picture_and_text_share_a_slide() {
        let smil = write(&[shown(Role::Text, "a.txt"), shown(Role::Image, "b.jpg")]);
        assert_eq!(
            smil,
            "<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>\
             <region id=\"Image\" left=\"0%\" top=\"0%\" width=\"100%\" height=\"70%\" fit=\"meet\"/>\
             <region id=\"Text\" left=\"0%\" top=\"70%\" width=\"100%\" height=\"30%\" \
             fit=\"scroll\"/></layout></head><body><par dur=\"5000ms\">\
             <img src=\"b.jpg\" region=\"Image\"/><text src=\"a.txt\" region=\"Text\"/></par>\
             </body></smil>"
        );
    }

    #[test]
    fn film_has_no_sound_beside_it_and_is_not_cut_off() {
        let parts = [shown(Role::Video, "a.3gp"), shown(Role::Audio, "b.amr")];
        let smil = write(&parts);
        assert_eq!(smil.matches("<par>").count(), 2, "{smil}");
    }

    #[test]
    fn attachment_alone_still_is_referenced() {
        assert_eq!(references(&write(&[shown(Role::Attachment, "c.vcf")])), ["c.vcf"]);
    }

    #[test]
    fn references_are_read_from_documents_of_others() {
        let smil = "<smil><body><par><img region='a' SRC='x' src = 'cid:one' /><xsrc=\"no\">\n\
                    <text src=\"two.txt\"/><ref src=three/></par><audio src=\"";
        assert_eq!(references(smil), ["one", "two.txt"]);
    }
}

//! Media types that travel in MMS, their file extensions and the word that names them
//! (OMA-TS-MMS-CONF clause 7; extensions as phones use them).

use crate::codec::smil::MediaKind;
use crate::model::MediaType;

struct Known {
    media_type: &'static str,
    extensions: &'static [&'static str],
    word: &'static str,
    kind: MediaKind,
}

const fn known(
    media_type: &'static str,
    extensions: &'static [&'static str],
    word: &'static str,
    kind: MediaKind,
) -> Known {
    Known { media_type, extensions, word, kind }
}

/// The first extension of a line is the one that is written.
const TABLE: &[Known] = &[
    known("image/jpeg", &["jpg", "jpeg", "jpe"], "image", MediaKind::Image),
    known("image/png", &["png"], "image", MediaKind::Image),
    known("image/gif", &["gif"], "image", MediaKind::Image),
    known("image/webp", &["webp"], "image", MediaKind::Image),
    known("image/bmp", &["bmp"], "image", MediaKind::Image),
    known("image/vnd.wap.wbmp", &["wbmp"], "image", MediaKind::Image),
    known("image/heic", &["heic", "heif"], "image", MediaKind::Image),
    known("video/3gpp", &["3gp", "3gpp"], "video", MediaKind::Video),
    known("video/3gpp2", &["3g2"], "video", MediaKind::Video),
    known("video/mp4", &["mp4", "m4v"], "video", MediaKind::Video),
    known("audio/amr", &["amr"], "audio", MediaKind::Audio),
    known("audio/amr-wb", &["awb"], "audio", MediaKind::Audio),
    known("audio/3gpp", &["3ga"], "audio", MediaKind::Audio),
    known("audio/mp4", &["m4a"], "audio", MediaKind::Audio),
    known("audio/mpeg", &["mp3"], "audio", MediaKind::Audio),
    known("audio/aac", &["aac"], "audio", MediaKind::Audio),
    known("audio/ogg", &["ogg", "oga", "opus"], "audio", MediaKind::Audio),
    known("audio/wav", &["wav"], "audio", MediaKind::Audio),
    known("audio/midi", &["mid", "midi"], "audio", MediaKind::Audio),
    known("audio/imelody", &["imy"], "audio", MediaKind::Audio),
    known("text/plain", &["txt"], "text", MediaKind::Text),
    known("text/html", &["html", "htm"], "page", MediaKind::Ref),
    known("text/x-vcard", &["vcf"], "contact", MediaKind::Ref),
    known("text/x-vcalendar", &["vcs"], "event", MediaKind::Ref),
    known("text/calendar", &["ics"], "event", MediaKind::Ref),
    known("application/smil", &["smil", "smi"], "presentation", MediaKind::Ref),
    known("application/pdf", &["pdf"], "document", MediaKind::Ref),
    known("application/zip", &["zip"], "archive", MediaKind::Ref),
];

/// Other names of types in the table.
const ALIASES: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/x-png", "image/png"),
    ("image/x-ms-bmp", "image/bmp"),
    ("image/x-bmp", "image/bmp"),
    ("image/heif", "image/heic"),
    ("audio/x-amr", "audio/amr"),
    ("audio/mp3", "audio/mpeg"),
    ("audio/mid", "audio/midi"),
    ("audio/x-midi", "audio/midi"),
    ("audio/sp-midi", "audio/midi"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/x-imelody", "audio/imelody"),
    ("video/3gp", "video/3gpp"),
    // Phones know the old names; the new ones are shown as unknown files.
    ("text/vcard", "text/x-vcard"),
    ("text/directory", "text/x-vcard"),
    ("text/vcalendar", "text/x-vcalendar"),
    ("application/x-smil", "application/smil"),
    ("application/smil+xml", "application/smil"),
];

/// The name that phones know a type by.
pub(super) fn canonical(media_type: &MediaType) -> MediaType {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == media_type.as_str())
        .map_or_else(|| media_type.clone(), |(_, name)| MediaType::new(name))
}

fn find(media_type: &MediaType) -> Option<&'static Known> {
    let media_type = canonical(media_type);
    TABLE.iter().find(|known| known.media_type == media_type.as_str())
}

/// The file extension of a type, without its dot; `bin` when the type is unknown.
#[must_use]
pub fn extension_for(media_type: &MediaType) -> &'static str {
    find(media_type).and_then(|known| known.extensions.first()).copied().unwrap_or("bin")
}

/// The type that a file name's extension stands for.
#[must_use]
pub fn type_for_name(name: &str) -> Option<MediaType> {
    let (_, extension) = name.rsplit_once('.')?;
    TABLE
        .iter()
        .find(|known| known.extensions.iter().any(|one| one.eq_ignore_ascii_case(extension)))
        .map(|known| MediaType::new(known.media_type))
}

/// How a presentation shows it, and the word that names it.
pub(super) fn kind_of(media_type: &MediaType) -> (MediaKind, &'static str) {
    if let Some(known) = find(media_type) {
        return (known.kind, known.word);
    }
    let (top, subtype) = media_type.as_str().split_once('/').unwrap_or_default();
    let kind = MediaKind::of(top, subtype);
    let word = match kind {
        MediaKind::Text => "text",
        MediaKind::Image => "image",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Ref => "file",
    };
    (kind, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_leads_back_to_its_type() {
        for known in TABLE {
            let media_type = MediaType::new(known.media_type);
            let name = format!("x.{}", extension_for(&media_type).to_ascii_uppercase());
            assert_eq!(type_for_name(&name), Some(media_type));
        }
    }

    #[test]
    fn aliases_point_into_the_table() {
        for (alias, name) in ALIASES {
            assert!(TABLE.iter().any(|known| known.media_type == *name), "{alias} -> {name}");
            assert!(TABLE.iter().all(|known| known.media_type != *alias), "{alias}");
        }
    }

    #[test]
    fn new_vcard_name_becomes_the_one_that_phones_know() {
        assert_eq!(canonical(&MediaType::new("text/vCard")).as_str(), "text/x-vcard");
        assert_eq!(extension_for(&MediaType::new("text/vcard; charset=utf-8")), "vcf");
        assert_eq!(extension_for(&MediaType::new("chemical/x-pdb")), "bin");
    }
}

//! From what a caller wants sent to the body of M-Send.req: one part each for text and files, safe
//! names, a presentation that references all of them (OMA-TS-MMS-CONF clauses 7 and 8).

use bytes::Bytes;

use super::presentation::arrange;
use super::sniff::sniff;
use super::types::{canonical, extension_for, kind_of, type_for_name};
use crate::codec::smil::{self, Media};
use crate::codec::wsp::{ContentType, Part};
use crate::model::{self, MediaType, NewMessage, NewPart};

/// Most parts of content in a message, presentation aside: phones show about as many slides.
pub const MAX_PARTS: usize = 20;
/// Longest Content-Location taken from a caller, octets: some phones cut longer ones.
const MAX_NAME: usize = 40;

const SMIL_ID: &str = "smil";

/// The body of a message, ready for M-Send.req.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// Multipart type with its parameters.
    pub content_type: ContentType,
    /// The presentation first, then text and files.
    pub parts: Vec<Part>,
    /// What the caller called each of `parts`; phones never see it.
    pub names: Vec<Option<String>>,
}

impl Composed {
    /// The parts as they are stored and shown: with the caller's own names where there are any.
    #[must_use]
    pub fn stored_parts(&self) -> Vec<model::Part> {
        let names = self.names.iter().cloned().chain(std::iter::repeat(None));
        self.parts
            .iter()
            .zip(names)
            .map(|(part, name)| model::Part {
                media_type: part.content_type.media_type.clone(),
                charset: part.content_type.charset.clone(),
                name: name.or_else(|| part.content_type.name.clone()),
                content_id: part.content_id.clone(),
                content_location: part.content_location.clone(),
                body: part.body.clone(),
            })
            .collect()
    }
}

/// Why a message cannot be composed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// Neither text nor part.
    #[error("the message has neither text nor a file")]
    Empty,
    /// Above [`MAX_PARTS`].
    #[error("the message has {count} parts, more than the limit of {MAX_PARTS}")]
    TooManyParts {
        /// How many.
        count: usize,
    },
    /// A part without octets.
    #[error("{name} is empty")]
    EmptyPart {
        /// Its name or number.
        name: String,
    },
    /// Nobody can tell what it is.
    #[error("{name}: its type cannot be told from its name or content; give its media type")]
    UnknownType {
        /// Its name or number.
        name: String,
    },
    /// Two presentations given.
    #[error("{name}: a message has one SMIL presentation, this is the second")]
    SecondPresentation {
        /// Its name or number.
        name: String,
    },
    /// The presentation given has neither slides nor media.
    #[error("{name}: this is no SMIL presentation")]
    NotAPresentation {
        /// Its name or number.
        name: String,
    },
    /// A name that the presentation given can reference only at the risk of being dropped.
    #[error(
        "{name}: beside a SMIL presentation each file needs a name of its own, of at most \
             {MAX_NAME} letters, digits, dots, dashes and underscores"
    )]
    UnsafeName {
        /// Its name or number.
        name: String,
    },
    /// The presentation given leaves a part out.
    #[error("{name}: the SMIL presentation given does not reference it, so phones would drop it")]
    Unreferenced {
        /// Its name or number.
        name: String,
    },
}

/// Composes a message with a presentation (`multipart/related`): a generated one, or the caller's
/// own when one of the parts is SMIL.
///
/// # Errors
/// [`ComposeError`] names the part.
pub fn compose(message: &NewMessage) -> Result<Composed, ComposeError> {
    let mut contents = contents_of(message)?;
    let given = take_presentation(&mut contents)?;
    if contents.is_empty() {
        return Err(ComposeError::Empty);
    }
    let document = match given {
        Some(given) => {
            keep_names(&mut contents, &given)?;
            given.body
        }
        None => {
            let media = contents.iter().map(|content| {
                Media::new(kind_of(&content.media_type).0, content.location.clone())
            });
            Bytes::from(arrange(media.collect()).write())
        }
    };
    let mut content_type = ContentType::new("application/vnd.wap.multipart.related");
    content_type.start = Some(format!("<{SMIL_ID}>"));
    content_type.kind = Some(smil::CONTENT_TYPE.to_owned());
    let location = "presentation.smil".to_owned();
    let mut first = ContentType::new(smil::CONTENT_TYPE);
    first.name = Some(location.clone());
    let first = Part {
        content_type: first,
        content_id: Some(SMIL_ID.to_owned()),
        content_location: Some(location),
        headers: Vec::new(),
        body: document,
    };
    let (mut parts, mut names) = (vec![first], vec![None]);
    for content in contents {
        names.push(content.name.clone());
        parts.push(content.into_part());
    }
    Ok(Composed { content_type, parts, names })
}

/// Composes a message without presentation (`multipart/mixed`), for recipients that are machines.
///
/// # Errors
/// [`ComposeError`] names the part.
pub fn compose_mixed(message: &NewMessage) -> Result<Composed, ComposeError> {
    let contents = contents_of(message)?;
    if contents.is_empty() {
        return Err(ComposeError::Empty);
    }
    let names = contents.iter().map(|content| content.name.clone()).collect();
    let parts = contents.into_iter().map(Content::into_part).collect();
    let content_type = ContentType::new("application/vnd.wap.multipart.mixed");
    Ok(Composed { content_type, parts, names })
}

/// One part on its way.
struct Content {
    media_type: MediaType,
    charset: Option<&'static str>,
    /// What the caller calls it.
    name: Option<String>,
    /// How complaints call it.
    label: String,
    location: String,
    body: Bytes,
}

impl Content {
    fn into_part(self) -> Part {
        let mut content_type = ContentType::new(self.media_type.as_str());
        content_type.charset = self.charset.map(str::to_owned);
        content_type.name = Some(self.location.clone());
        Part {
            content_type,
            content_id: Some(self.location.clone()),
            content_location: Some(self.location),
            headers: Vec::new(),
            body: self.body,
        }
    }
}

fn contents_of(message: &NewMessage) -> Result<Vec<Content>, ComposeError> {
    let text = message.text.as_deref().filter(|text| !text.trim().is_empty());
    let count = message.parts.len() + usize::from(text.is_some());
    if count > MAX_PARTS {
        return Err(ComposeError::TooManyParts { count });
    }
    let mut contents = Vec::with_capacity(count);
    if let Some(text) = text {
        let body = Bytes::copy_from_slice(text.as_bytes());
        contents.push(Content {
            media_type: MediaType::new("text/plain"),
            charset: Some("utf-8"),
            name: None,
            label: "the text".to_owned(),
            location: String::new(),
            body,
        });
    }
    for (index, part) in message.parts.iter().enumerate() {
        contents.push(content_of(index, part)?);
    }
    let mut counters: Vec<(&'static str, usize)> = Vec::new();
    for content in &mut contents {
        let word = kind_of(&content.media_type).1;
        let number = match counters.iter_mut().find(|(known, _)| *known == word) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                counters.push((word, 1));
                1
            }
        };
        content.location = format!("{word}{number:04}.{}", extension_for(&content.media_type));
    }
    Ok(contents)
}

fn content_of(index: usize, part: &NewPart) -> Result<Content, ComposeError> {
    let name = part.name.clone().filter(|name| !name.trim().is_empty());
    let label = name.clone().unwrap_or_else(|| format!("part {}", index + 1));
    if part.body.is_empty() {
        return Err(ComposeError::EmptyPart { name: label });
    }
    let Some(media_type) = type_of(part) else {
        return Err(ComposeError::UnknownType { name: label });
    };
    let charset = (media_type.top() == "text").then(|| charset_of(&part.body));
    Ok(Content {
        media_type,
        charset,
        name,
        label,
        location: String::new(),
        body: part.body.clone(),
    })
}

/// The octets' own magic wins over what the caller says, since a phone believes the octets; text
/// has no magic, so there the caller wins.
fn type_of(part: &NewPart) -> Option<MediaType> {
    let sniffed = sniff(&part.body);
    let declared = part
        .media_type
        .as_ref()
        .map(canonical)
        .filter(|declared| declared.as_str().contains('/'))
        .filter(|declared| {
            !matches!(
                declared.as_str(),
                "application/octet-stream" | "application/x-www-form-urlencoded"
            )
        });
    let named = || part.name.as_deref().and_then(type_for_name);
    match (sniffed, declared) {
        (Some(sniffed), Some(declared))
            if is_picture_magic(&sniffed) && declared.top() == "image" =>
        {
            Some(sniffed)
        }
        (_, Some(declared)) => Some(declared),
        (Some(sniffed), None) if sniffed.as_str() == "text/plain" => {
            named().filter(|named| named.top() == "text").or(Some(sniffed))
        }
        (Some(sniffed), None) => Some(sniffed),
        (None, None) => named(),
    }
}

fn is_picture_magic(media_type: &MediaType) -> bool {
    media_type.top() == "image" && media_type.as_str() != "image/vnd.wap.wbmp"
}

fn charset_of(octets: &[u8]) -> &'static str {
    if octets.starts_with(&[0xFE, 0xFF]) || octets.starts_with(&[0xFF, 0xFE]) {
        "utf-16"
    } else if std::str::from_utf8(octets).is_ok() {
        "utf-8"
    } else {
        "iso-8859-1"
    }
}

fn take_presentation(contents: &mut Vec<Content>) -> Result<Option<Content>, ComposeError> {
    let is_smil = |content: &Content| content.media_type.is_smil();
    let Some(first) = contents.iter().position(is_smil) else { return Ok(None) };
    let given = contents.remove(first);
    match contents.iter().find(|content| is_smil(content)) {
        Some(second) => Err(ComposeError::SecondPresentation { name: second.label.clone() }),
        None => Ok(Some(given)),
    }
}

/// With a presentation of the caller's the parts keep the names that it references them by.
fn keep_names(contents: &mut [Content], given: &Content) -> Result<(), ComposeError> {
    let presentation = smil::decode(&given.body, None)
        .map_err(|_| ComposeError::NotAPresentation { name: given.label.clone() })?
        .value;
    let mut taken: Vec<String> = Vec::new();
    for content in &mut *contents {
        // The message's own text has no name; the presentation may use the one it gets here.
        let own = content.name.clone().unwrap_or_else(|| content.location.clone());
        let safe = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if own.len() > MAX_NAME || !own.bytes().all(safe) || taken.contains(&own) {
            return Err(ComposeError::UnsafeName { name: content.label.clone() });
        }
        taken.push(own.clone());
        content.location = own;
    }
    // Each part has its name in all three places, and phones do not look any further than this.
    let references: Vec<&str> = presentation
        .sources()
        .map(|source| source.strip_prefix("cid:").unwrap_or(source))
        .collect();
    match contents.iter().find(|content| !references.contains(&content.location.as_str())) {
        Some(content) => Err(ComposeError::Unreferenced { name: content.label.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF";

    fn part(name: Option<&str>, media_type: Option<&str>, body: &'static [u8]) -> NewPart {
        NewPart {
            media_type: media_type.map(MediaType::new),
            name: name.map(str::to_owned),
            body: Bytes::from_static(body),
        }
    }

    fn message(text: Option<&str>, parts: Vec<NewPart>) -> NewMessage {
        NewMessage { text: text.map(str::to_owned), parts, ..NewMessage::default() }
    }

    #[test]
    fn every_part_is_referenced_and_named_alike() {
        let composed = compose(&message(
            Some("Gr\u{fc}\u{df}e"),
            vec![
                part(Some("../../my holiday.PNG"), Some("image/png"), JPEG),
                part(None, None, JPEG),
                part(Some("me.vcf"), None, b"BEGIN:VCARD\r\nEND:VCARD\r\n"),
                part(None, None, b"#!AMR\n\x3c\x00"),
            ],
        ))
        .unwrap();
        assert_eq!(
            composed.content_type.media_type.as_str(),
            "application/vnd.wap.multipart.related"
        );
        assert_eq!(composed.content_type.start.as_deref(), Some("<smil>"));
        assert_eq!(composed.content_type.kind.as_deref(), Some("application/smil"));
        let first = &composed.parts[0];
        assert!(first.content_type.media_type.is_smil());
        assert_eq!(first.content_id.as_deref(), Some("smil"));
        let document = String::from_utf8(first.body.to_vec()).unwrap();
        assert!(!document.contains("DOCTYPE"));
        let presentation = smil::decode(document.as_bytes(), None).unwrap();
        assert_eq!(presentation.warnings, []);
        let references: Vec<&str> = presentation.value.sources().collect();
        let mut locations: Vec<String> = composed.parts[1..]
            .iter()
            .map(|part| {
                let location = part.content_location.clone().unwrap();
                assert_eq!(part.content_type.name.as_ref(), Some(&location));
                assert_eq!(part.content_id.as_ref(), Some(&location));
                let extension = extension_for(&part.content_type.media_type);
                assert!(location.ends_with(extension), "{location}");
                assert!(part.headers.is_empty(), "no Content-Disposition");
                location
            })
            .collect();
        assert_eq!(
            locations,
            ["text0001.txt", "image0001.jpg", "image0002.jpg", "contact0001.vcf", "audio0001.amr"]
        );
        locations.sort();
        let mut sorted = references.clone();
        sorted.sort();
        assert_eq!(sorted, locations, "each exactly once");
        assert_eq!(composed.parts[1].content_type.charset.as_deref(), Some("utf-8"));
        assert_eq!(composed.parts[2].content_type.media_type.as_str(), "image/jpeg");
        assert!(document.contains("<ref src=\"contact0001.vcf\"/>"));
    }

    #[test]
    fn stored_parts_keep_the_callers_names() {
        let composed =
            compose(&message(Some("hi"), vec![part(Some("a b.jpg"), None, JPEG)])).unwrap();
        let stored = composed.stored_parts();
        assert_eq!(stored[2].name.as_deref(), Some("a b.jpg"));
        assert_eq!(stored[2].content_location.as_deref(), Some("image0001.jpg"));
        assert_eq!(stored[1].name.as_deref(), Some("text0001.txt"));
        assert_eq!(stored.len(), 3);
    }

    #[test]
    fn type_is_told_by_octets_then_caller_then_name() {
        let kind = |part: NewPart| {
            compose(&message(None, vec![part]))
                .map(|composed| composed.parts[1].content_type.media_type.as_str().to_owned())
        };
        assert_eq!(kind(part(None, Some("application/octet-stream"), JPEG)).unwrap(), "image/jpeg");
        assert_eq!(kind(part(None, Some("image/jpg"), b"??")).unwrap(), "image/jpeg");
        assert_eq!(kind(part(Some("x.html"), None, b"hello")).unwrap(), "text/html");
        assert_eq!(kind(part(Some("x.mp3"), None, b"hello")).unwrap(), "text/plain");
        assert_eq!(kind(part(Some("x.mp3"), None, b"\x00\x01")).unwrap(), "audio/mpeg");
        assert_eq!(kind(part(None, Some("text/vcard"), b"BEGIN:VCARD")).unwrap(), "text/x-vcard");
        assert_eq!(
            kind(part(Some("data"), None, b"\x00\x01")),
            Err(ComposeError::UnknownType { name: "data".into() })
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_labelled_and_left_alone() {
        let composed =
            compose(&message(None, vec![part(None, Some("text/plain"), b"Gr\xFC\xDFe")])).unwrap();
        assert_eq!(composed.parts[1].content_type.charset.as_deref(), Some("iso-8859-1"));
        assert_eq!(composed.parts[1].body.as_ref(), b"Gr\xFC\xDFe");
    }

    #[test]
    fn presentation_of_the_caller_is_used_when_it_references_everything() {
        let smil = part(Some("my.smil"), None, b"<smil><body><img src=\"a.jpg\"/></body></smil>");
        let composed =
            compose(&message(None, vec![part(Some("a.jpg"), None, JPEG), smil.clone()])).unwrap();
        assert_eq!(composed.parts[0].body, smil.body);
        assert_eq!(composed.parts[1].content_location.as_deref(), Some("a.jpg"));
        assert_eq!(
            compose(&message(None, vec![part(Some("b.jpg"), None, JPEG), smil.clone()])),
            Err(ComposeError::Unreferenced { name: "b.jpg".into() })
        );
        assert_eq!(
            compose(&message(Some("x"), vec![smil.clone(), smil.clone()])),
            Err(ComposeError::SecondPresentation { name: "my.smil".into() })
        );
        assert_eq!(compose(&message(None, vec![smil])), Err(ComposeError::Empty));
    }

    #[test]
    fn mixed_has_no_presentation() {
        let composed = compose_mixed(&message(Some("x"), vec![])).unwrap();
        assert_eq!(
            composed.content_type.media_type.as_str(),
            "application/vnd.wap.multipart.mixed"
        );
        assert_eq!(composed.parts.len(), 1);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(compose(&message(Some(" \n"), vec![])), Err(ComposeError::Empty));
        assert_eq!(
            compose(&message(None, vec![part(Some("a.jpg"), None, b"")])),
            Err(ComposeError::EmptyPart { name: "a.jpg".into() })
        );
        assert_eq!(
            compose(&message(Some("x"), vec![part(None, None, JPEG); MAX_PARTS])),
            Err(ComposeError::TooManyParts { count: MAX_PARTS + 1 })
        );
    }
}

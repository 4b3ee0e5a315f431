//! Which part a reference means (OMA-TS-MMS-CONF clause 8; RFC 2392, RFC 2557).
//!
//! Phones name parts by Content-Location, Content-ID, Name or Filename, whichever they like, in and
//! out of `cid:`, and MMSCs rewrite any of them. So each way of matching is tried in turn for all
//! references, the strictest first, and a part that something means already is not taken by a looser
//! way while another one fits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::codec::wsp::Part;

/// What a part can be called by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartNames<'a> {
    /// Content-ID, with or without angle brackets.
    pub content_id: Option<Cow<'a, str>>,
    /// Content-Location.
    pub content_location: Option<Cow<'a, str>>,
    /// The parameter Name of Content-Type.
    pub name: Option<Cow<'a, str>>,
    /// The parameter Filename of Content-Type or Content-Disposition.
    pub filename: Option<Cow<'a, str>>,
    /// Whether it is a presentation itself: such a part is never among the unreferenced.
    pub presentation: bool,
}

impl<'a> PartNames<'a> {
    /// The names of a part as it stands in a multipart.
    #[must_use]
    pub fn of(part: &'a Part) -> Self {
        let disposition = || {
            let value = part.header("content-disposition")?;
            crate::codec::wsp::ContentType::from_mime(value).filename.map(Cow::Owned)
        };
        let borrowed = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            content_id: borrowed(&part.content_id),
            content_location: borrowed(&part.content_location),
            name: borrowed(&part.content_type.name),
            filename: borrowed(&part.content_type.filename).or_else(disposition),
            presentation: part.content_type.media_type.is_smil(),
        }
    }
}

/// Which parts the references mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// For each reference the index of its part, if there is one.
    pub parts: Vec<Option<usize>>,
    /// Indexes of the parts that no reference means, presentations aside: attachments, which some
    /// phones and MMSCs drop.
    pub unreferenced: Vec<usize>,
}

/// Which part each of `sources` means, by the names of all parts of its message.
///
/// Where several parts have the same name, references that repeat it mean one after the other.
#[must_use]
pub fn resolve<'s>(
    sources: impl IntoIterator<Item = &'s str>,
    parts: &[PartNames<'_>],
) -> Resolved {
    let sources: Vec<Source<'_>> = sources.into_iter().map(Source::new).collect();
    let mut found = vec![None; sources.len()];
    let mut used = vec![false; parts.len()];
    for way in WAYS {
        let mut index: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, part) in parts.iter().enumerate() {
            for name in way.fields.iter().filter_map(|field| field.of(part)) {
                let key = (way.key)(name);
                let entries = index.entry(key).or_default();
                if entries.last() != Some(&at) {
                    entries.push(at);
                }
            }
        }
        for (source, found) in sources.iter().zip(&mut found) {
            if found.is_some() || !way.applies_to(source) {
                continue;
            }
            let Some(candidates) = index.get_mut(&(way.key)(source.text)) else { continue };
            // Each candidate that is taken already leaves the list, so that many references of one
            // name do not look through it again and again; the last one stays for repetitions.
            while let [first, _, ..] = candidates.as_slice()
                && used.get(*first).copied().unwrap_or(true)
            {
                candidates.remove(0);
            }
            let &[part, ref others @ ..] = candidates.as_slice() else { continue };
            if way.unique && !others.is_empty() {
                continue;
            }
            *found = Some(part);
            if let Some(used) = used.get_mut(part) {
                *used = true;
            }
        }
    }
    let unreferenced = parts
        .iter()
        .zip(&used)
        .enumerate()
        .filter(|(_, (part, used))| !**used && !part.presentation)
        .map(|(index, _)| index)
        .collect();
    Resolved { parts: found, unreferenced }
}

/// A reference, its `cid:` taken off.
struct Source<'a> {
    text: &'a str,
    is_id: bool,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.trim();
        let bracketed = text.strip_prefix('<').unwrap_or(text);
        match bracketed.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("cid:")) {
            Some(_) => Self { text: bracketed.get(4..).unwrap_or_default(), is_id: true },
            None => Self { text, is_id: text.starts_with('<') && text.ends_with('>') },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Id,
    Location,
    Name,
    Filename,
}

impl Field {
    fn of<'a>(self, part: &'a PartNames<'_>) -> Option<&'a str> {
        let name = match self {
            Self::Id => &part.content_id,
            Self::Location => &part.content_location,
            Self::Name => &part.name,
            Self::Filename => &part.filename,
        };
        name.as_deref().filter(|name| !name.trim().is_empty())
    }
}

/// One way of matching.
struct Way {
    /// References with `cid:` only, those without only, or both.
    ids: Option<bool>,
    fields: &'static [Field],
    /// What has to be equal.
    key: fn(&str) -> String,
    /// Only where no second part fits.
    unique: bool,
}

impl Way {
    fn applies_to(&self, source: &Source<'_>) -> bool {
        self.ids.is_none_or(|ids| ids == source.is_id) && !(self.key)(source.text).is_empty()
    }
}

const ANY: &[Field] = &[Field::Location, Field::Name, Field::Filename, Field::Id];

const WAYS: &[Way] = &[
    Way { ids: Some(true), fields: &[Field::Id], key: bare, unique: false },
    Way { ids: Some(false), fields: &[Field::Location], key: bare, unique: false },
    Way { ids: Some(false), fields: &[Field::Name], key: bare, unique: false },
    Way { ids: Some(false), fields: &[Field::Filename], key: bare, unique: false },
    Way { ids: None, fields: ANY, key: bare, unique: false },
    Way { ids: None, fields: ANY, key: decoded, unique: false },
    Way { ids: None, fields: ANY, key: last_segment, unique: false },
    Way { ids: None, fields: ANY, key: folded, unique: false },
    Way { ids: None, fields: ANY, key: stem, unique: true },
];

/// Without brackets, quotation marks and blanks around it.
fn bare(name: &str) -> String {
    let around = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\u{201c}' | '\u{201d}')
    };
    name.trim_matches(around).to_owned()
}

/// Also with `%xx` resolved (RFC 3986 clause 2.1) and without a `cid:` of its own.
fn decoded(name: &str) -> String {
    let bare = bare(name);
    let bare = match bare.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("cid:") => bare.get(4..).unwrap_or_default(),
        _ => &bare,
    };
    let mut out = Vec::with_capacity(bare.len());
    let mut rest = bare.as_bytes();
    while let Some((&octet, tail)) = rest.split_first() {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        rest = match (octet, tail) {
            (b'%', &[high, low, ref after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                out.push(hex(high).unwrap_or(0) << 4 | hex(low).unwrap_or(0));
                after
            }
            _ => {
                out.push(octet);
                tail
            }
        };
    }
    let text = String::from_utf8_lossy(&out);
    self::bare(&text)
}

/// Also without the path before it and what an address has behind it.
fn last_segment(name: &str) -> String {
    let decoded = decoded(name);
    let path = decoded.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

/// Also in lower case.
fn folded(name: &str) -> String {
    last_segment(name).to_lowercase()
}

/// Also without extension, and without what follows the `@` of an id.
fn stem(name: &str) -> String {
    let folded = folded(name);
    let local = folded.split('@').next().unwrap_or_default();
    match local.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => local.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> PartNames<'_> {
        PartNames { content_id: Some(id.into()), ..PartNames::default() }
    }

    fn location(location: &str) -> PartNames<'_> {
        PartNames { content_location: Some(location.into()), ..PartNames::default() }
    }

    fn name(name: &str) -> PartNames<'_> {
        PartNames { name: Some(name.into()), ..PartNames::default() }
    }

    fn one(source: &str, part: PartNames<'_>) -> bool {
        resolve([source], &[location("other.gif"), part]).parts == [Some(1)]
    }

    #[test]
    fn every_way_of_the_field_to_name_a_part_finds_it() {
        assert!(one("cid:a@b", id("a@b")));
        assert!(one("cid:a@b", id("<a@b>")));
        assert!(one("CID:<a@b>", id("\"<a@b>\"")), "brackets inside and quotation marks around");
        assert!(one("<cid:a@b>", id("a@b")));
        assert!(one("<a@b>", id("a@b")), "an id without its scheme");
        assert!(one("a@b", id("<a@b>")));
        assert!(one("cid:a%40b", id("a@b")));
        assert!(one("a@b", id("cid:a@b")), "the scheme in the header");
        assert!(one("a.jpg", location("a.jpg")));
        assert!(one("cid:a.jpg", location("a.jpg")));
        assert!(one("a.jpg", name("a.jpg")));
        assert!(one("a.jpg", PartNames { filename: Some("a.jpg".into()), ..PartNames::default() }));
        assert!(one("\"a.jpg\"", name("a.jpg")));
        assert!(one("mein%20bild.jpg", location("mein bild.jpg")));
        assert!(one("mein bild.jpg", location("mein%20bild.jpg")));
        assert!(one("a.jpg", location("http://mmsc.example/tmp/17/a.jpg?x=1")));
        assert!(one("./media\\a.jpg", location("a.jpg")));
        assert!(one("A.JPG", location("a.jpg")));
        assert!(one("image1", location("image1.jpg")));
        assert!(one("image1.jpg", id("image1@phone")));
    }

    #[test]
    fn what_no_part_is_called_is_found_nowhere() {
        assert!(!one("b.jpg", location("a.jpg")));
        assert!(!one("", location("a.jpg")));
        assert!(!one("cid:", id("a")));
        assert!(!one("cid:<>", id("")));
        assert!(!one("http://example.com/", location("/")));
        let both = [location("a.jpg"), location("a.gif")];
        assert_eq!(resolve(["a.png"], &both).parts, [None], "two fit without extension");
    }

    #[test]
    fn strict_match_wins_over_an_earlier_loose_one() {
        let parts = [location("x/a.jpg"), location("A.jpg"), id("a.jpg"), location("a.jpg")];
        assert_eq!(resolve(["a.jpg"], &parts).parts, [Some(3)]);
        assert_eq!(resolve(["cid:a.jpg"], &parts).parts, [Some(2)]);
        assert_eq!(resolve(["A.jpg", "a.jpg"], &parts).parts, [Some(1), Some(3)]);
    }

    #[test]
    fn parts_of_one_name_are_taken_in_turn_and_repetitions_repeat() {
        let parts = [location("a.jpg"), location("b.txt"), location("a.jpg")];
        let resolved = resolve(["a.jpg", "a.jpg", "a.jpg", "b.txt", "b.txt"], &parts);
        assert_eq!(resolved.parts, [Some(0), Some(2), Some(2), Some(1), Some(1)]);
        assert_eq!(resolved.unreferenced, Vec::<usize>::new());
    }

    #[test]
    fn parts_that_nothing_means_are_told_without_the_presentation() {
        let smil = PartNames { presentation: true, ..location("smil.xml") };
        let parts = [smil, location("a.jpg"), location("card.vcf"), PartNames::default()];
        let resolved = resolve(["a.jpg", "gone.gif"], &parts);
        assert_eq!(resolved.parts, [Some(1), None]);
        assert_eq!(resolved.unreferenced, [2, 3]);
    }
}

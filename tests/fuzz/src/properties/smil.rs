//! Presentations: what is read can be written, and reads the same again; references find parts.

use std::borrow::Cow;

use mm1gate::codec::smil::{
    MAX_MEDIA, MAX_REGIONS, MAX_SLIDES, PartNames, Smil, decode, outline, resolve,
};

use super::checks;

/// The octets as a document in a charset that they tell themselves, and in a given one.
pub(crate) fn check(octets: &[u8]) {
    for charset in [None, Some("shift_jis")] {
        checks::nodes(&[outline(octets, charset)], 0, octets.len());
        match decode(octets, charset) {
            Ok(decoded) => {
                checks::warnings(&decoded.warnings, octets);
                check_presentation(&decoded.value, octets.len());
            }
            Err(error) => checks::error(&error, octets),
        }
    }
}

fn check_presentation(smil: &Smil, length: usize) {
    let sources: Vec<&str> = smil.sources().collect();
    assert!(sources.len() <= MAX_MEDIA);
    assert!(smil.slides.len() <= MAX_SLIDES && smil.regions.len() <= MAX_REGIONS);
    // A single octet in another charset has three in UTF-8.
    assert!(sources.iter().map(|source| source.len()).sum::<usize>() <= 3 * length);
    let _ = smil.layout();
    let written = smil.write();
    let again = decode(written.as_bytes(), None).unwrap_or_else(|e| panic!("{e}: {written}"));
    assert_eq!(again.warnings, [], "{written}");
    assert_eq!(&again.value, smil, "{written}");
    assert_eq!(again.value.write(), written);
    references(&sources);
}

/// Every reference is found among parts that are called so, and nowhere else.
fn references(sources: &[&str]) {
    let parts: Vec<PartNames<'_>> = sources
        .iter()
        .map(|source| PartNames {
            content_location: Some(Cow::Borrowed(source)),
            ..PartNames::default()
        })
        .collect();
    let resolved = resolve(sources.iter().copied(), &parts);
    assert_eq!(resolved.parts.len(), sources.len());
    assert!(resolved.parts.iter().flatten().all(|&part| part < parts.len()));
    assert!(resolved.unreferenced.iter().all(|part| !resolved.parts.contains(&Some(*part))));
    let none = resolve(sources.iter().copied(), &[]);
    assert!(none.parts.iter().all(Option::is_none) && none.unreferenced.is_empty());
}

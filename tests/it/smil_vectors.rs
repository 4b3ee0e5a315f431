//! Presentations made by hand, `tests/vectors/smil`: what phones and gateways write and how it is
//! read. A `.smil` file tells in a comment of its own what is odd in it; where the octets allow no
//! comment the file is `.hex`.

use std::fs;
use std::time::Duration;

use mm1gate::codec::smil::{
    self, Fit, Layout, Length, MediaKind, PartNames, RootLayout, Smil, Span, resolve,
};
use mm1gate::codec::{DecodeErrorKind, Warning};

use crate::vectors::{folder, names, octets};

fn input(name: &str) -> Vec<u8> {
    let path = folder("smil").join(format!("{name}.smil"));
    if path.exists() { fs::read(path).unwrap() } else { octets("smil", name).to_vec() }
}

/// The presentation, and each warning as its field and what stands at its offset.
fn read(name: &str) -> (Smil, Vec<(String, String)>) {
    let octets = input(name);
    let decoded = smil::decode(&octets, None).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = decoded.value.write();
    let again = smil::decode(written.as_bytes(), None).unwrap();
    assert_eq!((&again.value, again.warnings.as_slice()), (&decoded.value, &[][..]), "{name}");
    let told = decoded.warnings.iter().map(|warning| place(warning, &octets)).collect();
    (decoded.value, told)
}

fn place(warning: &Warning, octets: &[u8]) -> (String, String) {
    let at: Vec<u8> = octets[warning.offset..].iter().copied().take(7).collect();
    (warning.field.clone(), String::from_utf8_lossy(&at).into_owned())
}

/// The sources of the slides, media of one slide joined by blanks.
fn slides(smil: &Smil) -> Vec<String> {
    smil.slides
        .iter()
        .map(|slide| {
            slide.media.iter().map(|media| media.src.as_str()).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

/// Reads a vector of which only the slides and the warnings matter.
fn check(name: &str, expected: &[&str], warnings: &[(&str, &str)]) {
    let (smil, told) = read(name);
    assert_eq!(slides(&smil), expected, "{name}");
    let told: Vec<_> = told.iter().map(|(field, at)| (field.as_str(), at.as_str())).collect();
    assert_eq!(told, warnings, "{name}");
}

#[test]
fn every_vector_tells_what_it_is() {
    let names = names("smil");
    assert!(names.len() > 30);
    for name in names {
        let path = folder("smil").join(format!("{name}.smil"));
        let path = if path.exists() { path } else { path.with_extension("hex") };
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        assert!(text.contains("Made by hand."), "{name}: no origin");
        assert!(["clause", "module"].iter().any(|word| text.contains(word)), "{name}: no clause");
    }
}

#[test]
fn ordinary_presentation_is_read_whole() {
    let (smil, told) = read("phone-presentation");
    assert_eq!(told, []);
    let pixels = |pixels| Some(Length::Pixels(pixels));
    assert_eq!(smil.root, Some(RootLayout { width: pixels(176), height: pixels(208) }));
    let tops: Vec<_> =
        smil.regions.iter().map(|region| (region.id.as_str(), region.top, region.fit)).collect();
    assert_eq!(
        tops,
        [("Image", pixels(0), Some(Fit::Meet)), ("Text", pixels(140), Some(Fit::Scroll))]
    );
    assert_eq!(smil.layout(), Layout::TextBelow);
    assert_eq!(slides(&smil), ["cake.jpg hello.txt", "cid:film@phone song.amr me.vcf"]);
    assert_eq!(smil.slides[0].duration, Some(Span::For(Duration::from_secs(5))));
    assert_eq!(smil.slides[1].duration, Some(Span::Indefinite));
    let [picture, text] = smil.slides[0].media.as_slice() else { panic!("two media") };
    assert_eq!(picture.alt.as_deref(), Some("A cake & candles"));
    assert_eq!(picture.region.as_deref(), Some("Image"));
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!((text.begin, text.end), (seconds(1), seconds(4)));
    let kinds: Vec<_> = smil.slides[1].media.iter().map(|media| media.kind).collect();
    assert_eq!(kinds, [MediaKind::Video, MediaKind::Audio, MediaKind::Ref]);
}

#[test]
fn slides_are_found_in_tags_that_do_not_match() {
    check(
        "elements-never-closed",
        &["1.jpg 1.txt", "2.jpg"],
        &[
            ("smil", "region "),
            ("smil", "par dur"),
            ("smil", "img src"),
            ("smil", "text sr"),
            ("smil", "par dur"),
            ("smil", "img src"),
        ],
    );
    check(
        "closing-tags-crossed",
        &["1.jpg", "2.txt"],
        &[("smil", "img src"), ("smil", "img></p"), ("smil", "par><pa")],
    );
    check("tag-without-end", &["a.jpg b.txt"], &[("smil", "img src"), ("smil", "<text s")]);
    check(
        "cut-off",
        &["a.jpg b.tx"],
        &[
            ("smil", "smil><b"),
            ("smil", "body><p"),
            ("smil", "par dur"),
            ("smil", "text sr"),
            ("attribute", "\"b.tx"),
            ("smil", ""),
        ],
    );
    check("stray-less-than", &["a<b.txt c.jpg"], &[("smil", " 3 < 4 "), ("smil", "< 4 </t")]);
}

#[test]
fn values_are_found_without_their_quotation_marks() {
    check(
        "values-without-quotes",
        &["a.jpg b.txt"],
        &[
            ("attribute", "5000ms>"),
            ("attribute", "a.jpg r"),
            ("attribute", "Image/>"),
            ("attribute", "b.txt /"),
        ],
    );
    check(
        "quotation-mark-missing",
        &["a.jpg b.txt c.amr"],
        &[("attribute", "\"a.jpg "), ("attribute", "\"b.txt/")],
    );
    check(
        "attributes-odd",
        &["a.jpg"],
        &[("attribute", "repeat>"), ("src", "src=\"b."), ("attribute", "\" alt=\"")],
    );
}

#[test]
fn names_in_capitals_and_under_prefixes_are_the_same_names() {
    check(
        "names-in-capitals",
        &["A.JPG"],
        &[
            ("smil", "SMIL><B"),
            ("body", "BODY><P"),
            ("par", "PAR DUR"),
            ("dur", "DUR=\"5s"),
            ("img", "IMG SRC"),
            ("src", "SRC=\"A."),
        ],
    );
    check("namespace-prefixes", &["a.jpg"], &[("v:bubble", "v:bubbl")]);
}

#[test]
fn references_of_xml_are_resolved_and_no_others() {
    check(
        "references-broken",
        &["salt & pepper.jpg a&nbsp;b.jpg cd.jpg e\u{e9}\u{e9}.jpg f&g.jpg"],
        &[("src", "salt & "), ("src", "a&nbsp;"), ("src", "c&#0;d.")],
    );
    check(
        "entities-declared",
        &["&c; &file; a.jpg"],
        &[("DOCTYPE", "<!DOCTY"), ("src", "&c;\"/><"), ("src", "&file;\"")],
    );
}

#[test]
fn what_has_no_end_hides_nothing_behind_it() {
    check("doctype-broken", &["a.jpg"], &[("DOCTYPE", "<!DOCTY")]);
    check("comment-without-end", &["a.jpg", "b.txt"], &[("smil", "<!-- th"), ("smil", " the se")]);
    check("cdata", &["a.jpg", "b.txt"], &[("smil", "<![CDAT"), ("smil", "<![CDAT")]);
    check("instructions", &["a.jpg"], &[("processing instruction", "<?xml v")]);
}

#[test]
fn what_stands_around_the_presentation_is_left_out() {
    check("garbage-behind-the-end", &["a.jpg"], &[("smil", "\0\0\nr></")]);
    check("garbage-before-the-beginning", &["a.jpg"], &[("smil", "Content")]);
    check("no-frame", &["a.jpg", "b.txt"], &[("smil", "par dur"), ("body", "par dur")]);
    let error = smil::decode(&input("picture-instead"), None).unwrap_err();
    assert_eq!((error.field, error.kind), ("smil", DecodeErrorKind::MissingField));
}

#[test]
fn slides_come_in_their_order_whatever_contains_them() {
    check(
        "media-outside-of-slides",
        &["a.jpg", "b.txt", "c.amr"],
        &[("img", "img src"), ("audio", "audio s")],
    );
    check(
        "slides-nested",
        &["a.jpg b.txt c.amr d.amr", "e.jpg"],
        &[("par", "par><te"), ("seq", "seq><au")],
    );
    check("slides-in-seq", &["a.jpg", "b.txt"], &[]);
    check("links", &["a.jpg b.jpg"], &[]);
    check("media-without-source", &["a.jpg", ""], &[("text", "text sr"), ("text", "text/><")]);
    check(
        "elements-unknown",
        &["a.svg b.bin c.txt"],
        &[
            ("blink", "blink/>"),
            ("animation", "animati"),
            ("object", "object "),
            ("textstream", "textstr"),
        ],
    );
}

#[test]
fn sizes_that_mean_nothing_are_left_out() {
    let (smil, told) = read("lengths-odd");
    let fields: Vec<_> = told.iter().map(|(field, at)| (field.as_str(), at.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("left", "-5\" top"),
            ("top", "33.3%\" "),
            ("height", "12em\" f"),
            ("fit", "stretch"),
            ("width", "\" heigh"),
            ("region", "region "),
        ]
    );
    let [image, text] = smil.regions.as_slice() else { panic!("two regions") };
    assert_eq!(smil.root, Some(RootLayout { width: Some(Length::Pixels(176)), height: None }));
    assert_eq!(
        (image.left, image.top, image.width, image.height, image.fit),
        (None, Some(Length::Percent(33)), Some(Length::Percent(100)), None, None)
    );
    assert_eq!((text.id.as_str(), text.height), ("Text", Some(Length::Percent(30))));
    assert_eq!(smil.layout(), Layout::TextAbove);
}

#[test]
fn layout_is_told_by_the_regions_in_use() {
    let (smil, told) = read("text-above");
    assert_eq!((smil.layout(), told), (Layout::TextAbove, Vec::new()));
    let (smil, told) = read("region-not-declared");
    assert_eq!((smil.layout(), told), (Layout::TextBelow, Vec::new()));
    assert_eq!(smil.slides[0].media[0].region.as_deref(), Some("Nowhere"));
}

#[test]
fn times_are_read_in_every_form() {
    let (smil, told) = read("durations-odd");
    let fields: Vec<_> = told.iter().map(|(field, at)| (field.as_str(), at.as_str())).collect();
    assert_eq!(
        fields,
        [("dur", "soon\"><"), ("dur", "-5s\"><i"), ("dur", "999h\"><"), ("begin", "click\" "),]
    );
    let milliseconds: Vec<_> = smil
        .slides
        .iter()
        .map(|slide| match slide.duration {
            Some(Span::For(time)) => i64::try_from(time.as_millis()).unwrap(),
            Some(Span::Indefinite) => -1,
            None => 0,
        })
        .collect();
    assert_eq!(milliseconds, [5000, 5000, 30_000, 8000, 0, 0, 86_400_000, -1, 7000]);
    let last = &smil.slides[8].media[0];
    assert_eq!(last.begin, Some(Duration::from_secs(1)));
    assert_eq!(last.end, Some(Duration::from_millis(2500)));
}

#[test]
fn charsets_are_told_by_mark_pattern_type_and_declaration() {
    for name in ["utf-16-with-mark", "utf-16-without-mark", "utf-8-with-mark"] {
        let (smil, _) = read(name);
        assert_eq!(slides(&smil), ["gr\u{fc}\u{df}e \u{20ac}.txt x.txt"], "{name}");
    }
    // Offsets are of the octets, not of the characters.
    let wide = smil::decode(&input("utf-16-with-mark"), None).unwrap();
    assert_eq!(input("utf-16-with-mark")[wide.warnings[0].offset..][..4], *b"x\0.\0");
    check("utf-8-with-mark", &["gr\u{fc}\u{df}e \u{20ac}.txt x.txt"], &[]);
    check("latin-1-declared", &["gr\u{fc}\u{df}e.txt"], &[]);
    check("encoding-contradicted", &["gr\u{fc}\u{df}e.txt"], &[("encoding", "<?xml v")]);
    let japanese = smil::decode(&input("shift-jis-by-content-type"), Some("shift_jis")).unwrap();
    assert_eq!(slides(&japanese.value), ["\u{5199}\u{771f}.jpg"]);
    check("zeros-inside", &["a.jpg b.txt"], &[("src", "b\0.txt\"")]);
}

#[test]
fn sources_of_every_form_mean_their_parts() {
    let (smil, _) = read("sources-in-all-forms");
    let ids = ["one@phone", "<two@phone>", "three@phone", "four@phone"];
    let places = ["five.jpg", "six.txt", "http://mmsc.example/17/seven.jpg", "eight words.txt"];
    let mut parts: Vec<PartNames<'_>> = Vec::new();
    parts.push(PartNames {
        content_location: Some("smil.xml".into()),
        presentation: true,
        ..PartNames::default()
    });
    parts.extend(ids.map(|id| PartNames { content_id: Some(id.into()), ..PartNames::default() }));
    parts.extend(
        places.map(|place| PartNames {
            content_location: Some(place.into()),
            ..PartNames::default()
        }),
    );
    parts.push(PartNames { name: Some("nine.gif".into()), ..PartNames::default() });
    parts.push(PartNames { filename: Some("card.vcf".into()), ..PartNames::default() });
    let resolved = resolve(smil.sources(), &parts);
    let expected: Vec<_> = (1..=9).map(Some).chain([None]).collect();
    assert_eq!(resolved.parts, expected);
    assert_eq!(resolved.unreferenced, [10]);
}

#[test]
fn outline_of_every_vector_lies_within_it() {
    for name in names("smil") {
        let octets = input(&name);
        let tree = smil::outline(&octets, None);
        assert_eq!(tree.range, 0..octets.len());
        assert!(!tree.children.is_empty(), "{name}");
    }
}

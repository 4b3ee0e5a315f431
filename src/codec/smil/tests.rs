//! Tests over the whole of reading and writing presentations (OMA-TS-MMS-CONF clause 8).

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::codec::wsp::MAX_WARNINGS;
use crate::codec::{DecodeErrorKind, Decoded};

fn read(document: &str) -> Decoded<Smil> {
    decode(document.as_bytes(), None).unwrap()
}

/// The sources of each slide.
fn slides(document: &str) -> Vec<Vec<String>> {
    let of = |slide: &Slide| slide.media.iter().map(|media| media.src.clone()).collect();
    read(document).value.slides.iter().map(of).collect()
}

fn five_seconds(media: Vec<Media>) -> Slide {
    Slide { duration: Some(Span::For(DEFAULT_DURATION)), media }
}

#[test]
fn written_presentation_has_no_doctype_and_regions_side_by_side() {
    let media = vec![Media::new(MediaKind::Image, "a&b.jpg"), Media::new(MediaKind::Text, "t.txt")];
    let smil = Smil::compose(Layout::TextBelow, vec![five_seconds(media)]);
    assert_eq!(
        smil.write(),
        "<smil><head><layout><root-layout width=\"100%\" height=\"100%\"/>\
         <region id=\"Image\" left=\"0%\" top=\"0%\" width=\"100%\" height=\"70%\" fit=\"meet\"/>\
         <region id=\"Text\" left=\"0%\" top=\"70%\" width=\"100%\" height=\"30%\" fit=\"meet\"/>\
         </layout></head><body><par dur=\"5000ms\"><img src=\"a&amp;b.jpg\" region=\"Image\"/>\
         <text src=\"t.txt\" region=\"Text\"/></par></body></smil>"
    );
}

#[test]
fn what_phones_write_is_read_without_a_complaint() {
    let read = read(
        "<?xml version='1.0' encoding=\"utf-8\"?>\n\
         <!DOCTYPE smil PUBLIC \"-//W3C//DTD SMIL 2.0//EN\" \"http://www.w3.org/SMIL20.dtd\">\n\
         <smil xmlns=\"http://www.w3.org/2001/SMIL20/Language\"><head>\
         <meta name=\"title\" content=\"x\"/><layout><root-layout width=\"176\" height=\"208px\" \
         background-color='#fff'/><region id=\"Image\" top='40' left=\"0\" width=\"100%\" \
         height=\"168\" fit=\"Meet\"/><region id=\"Text\" top=\"0\" height=\"40\"/></layout></head>\
         <!-- <img src=\"no.jpg\"/> --><body><par dur=\"3s\"><img region=\"Image\" \
         src=\"cid:&lt;one&gt;\" alt=\"one &amp; only\"></img>\
         <text src=\"t.txt\" region=\"Text\" begin=\"1s\" end=\"00:02\"/></par>\
         <par><audio src=\"ton.amr\"/></par></body></smil>\n",
    );
    assert_eq!(read.warnings, []);
    let smil = read.value;
    let pixels = |pixels| Some(Length::Pixels(pixels));
    assert_eq!(smil.root, Some(RootLayout { width: pixels(176), height: pixels(208) }));
    assert_eq!(smil.regions.len(), 2);
    assert_eq!(smil.regions[0].width, Some(Length::Percent(100)));
    assert_eq!(smil.regions[1].left, None);
    assert_eq!(smil.layout(), Layout::TextAbove);
    assert_eq!(smil.slides[0].duration, Some(Span::For(Duration::from_secs(3))));
    assert_eq!(
        smil.slides[0].media,
        [
            Media {
                region: Some("Image".to_owned()),
                alt: Some("one & only".to_owned()),
                ..Media::new(MediaKind::Image, "cid:<one>")
            },
            Media {
                region: Some("Text".to_owned()),
                begin: Some(Duration::from_secs(1)),
                end: Some(Duration::from_secs(2)),
                ..Media::new(MediaKind::Text, "t.txt")
            }
        ]
    );
    assert_eq!(smil.slides[1].duration, None);
    assert_eq!(smil.sources().collect::<Vec<_>>(), ["cid:<one>", "t.txt", "ton.amr"]);
}

#[test]
fn slides_that_were_never_closed_are_told_from_slides_in_slides() {
    assert_eq!(
        slides("<smil><body><par><img src='1'/><par><img src='2'/></body></smil>"),
        [["1"], ["2"]]
    );
    assert_eq!(
        slides(
            "<smil><body><par><img src='1'/><par><img src='2'/></par></par><par><img src='3'/></par></body></smil>"
        ),
        [vec!["1", "2"], vec!["3"]]
    );
}

#[test]
fn media_outside_of_slides_are_slides_of_their_own() {
    let read = read("<smil><body><img src='1' dur='2s'/><seq><text src='2'/></seq></body></smil>");
    assert_eq!(read.value.slides.len(), 2);
    assert_eq!(read.value.slides[0].duration, Some(Span::For(Duration::from_secs(2))));
    let places: Vec<_> = read.warnings.iter().map(|one| (one.field.as_str(), one.offset)).collect();
    assert_eq!(places, [("img", 13), ("text", 41)]);
}

#[test]
fn nothing_of_a_presentation_is_an_error() {
    for text in
        ["", "hello", "<", "<<<<", "<html></html>", "< = = =", "\0\0", "&&&", "<!--", "</smil>"]
    {
        let error = decode(text.as_bytes(), None).unwrap_err();
        assert_eq!((error.field, error.kind), ("smil", DecodeErrorKind::MissingField), "{text}");
    }
    assert_eq!(read("<smil/>").value, Smil::default());
}

#[test]
fn every_limit_cuts_the_rest_off_and_says_so() {
    let lost = |document: &str| {
        let read = read(document);
        let lost: Vec<_> = read.warnings.into_iter().filter(|one| !one.understood).collect();
        assert_eq!(lost.len(), 1, "{}", document.get(..60).unwrap_or(document));
        (read.value, lost[0].clone())
    };
    let (smil, warning) =
        lost(&format!("<smil><body>{}</body></smil>", "<par/>".repeat(MAX_SLIDES + 1)));
    assert_eq!((smil.slides.len(), warning.offset), (MAX_SLIDES, 12 + 6 * MAX_SLIDES + 1));
    let many = "<img src='x'/>".repeat(MAX_MEDIA + 1);
    let (smil, _) = lost(&format!("<smil><body><par>{many}</par></body></smil>"));
    assert_eq!(smil.slides[0].media.len(), MAX_MEDIA);
    let many = "<region id='x'/>".repeat(MAX_REGIONS + 1);
    assert_eq!(lost(&format!("<smil>{many}</smil>")).0.regions.len(), MAX_REGIONS);
    let deep = "<switch>".repeat(MAX_DEPTH) + "<img src='x'/>" + &"</switch>".repeat(MAX_DEPTH);
    let (smil, _) = lost(&format!("<smil><body>{deep}</body></smil>"));
    assert_eq!(smil.sources().collect::<Vec<_>>(), ["x"]);
    let many = "<meta/>".repeat(MAX_TOKENS);
    assert_eq!(lost(&format!("<smil><body><img src='x'/>{many}</body></smil>")).0.slides.len(), 1);
    let many = "a='b' ".repeat(MAX_ATTRIBUTES);
    assert_eq!(lost(&format!("<smil><body><img {many} src='x'/></body></smil>")).0.slides, []);
    let long = "x".repeat(MAX_VALUE + 1);
    assert_eq!(lost(&format!("<smil><body><img src='{long}'/></body></smil>")).0.slides, []);
    let long = vec![b' '; MAX_OCTETS + 1];
    let error = decode(&long, None).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::LimitExceeded { limit: MAX_OCTETS });
}

#[test]
fn declared_entities_are_not_expanded() {
    let mut document = "<!DOCTYPE smil [<!ENTITY a \"x\">".to_owned();
    for pair in ["ab", "bc", "cd", "de"] {
        let (of, name) = pair.split_at(1);
        document += &format!("<!ENTITY {name} \"{}\">", format!("&{of};").repeat(100));
    }
    document += "]><smil><body><par><text src=\"&e;\"/></par></body></smil>";
    let read = read(&document);
    assert_eq!(read.value.sources().collect::<Vec<_>>(), ["&e;"]);
    assert!(read.warnings.iter().any(|one| one.field == "DOCTYPE"));
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,20}",
        any::<String>().prop_map(|text| text
            .chars()
            .filter(|c| write::is_xml(*c))
            .take(40)
            .collect()),
    ]
    .prop_filter("a name is not empty", |name: &String| !name.is_empty())
}

fn time() -> impl Strategy<Value = Duration> {
    (0..=u64::try_from(MAX_CLOCK.as_millis()).unwrap()).prop_map(Duration::from_millis)
}

fn medium() -> impl Strategy<Value = Media> {
    let kind = prop::sample::select(vec![
        MediaKind::Text,
        MediaKind::Image,
        MediaKind::Video,
        MediaKind::Audio,
        MediaKind::Ref,
    ]);
    let at = || prop::option::of(time());
    (kind, name(), at(), at(), prop::option::of(name()))
        .prop_map(|(kind, src, begin, end, alt)| Media { kind, src, region: None, begin, end, alt })
}

fn slide() -> impl Strategy<Value = Slide> {
    let span = prop_oneof![time().prop_map(Span::For), Just(Span::Indefinite)];
    (prop::option::of(span), prop::collection::vec(medium(), 0..4))
        .prop_map(|(duration, media)| Slide { duration, media })
}

fn composed() -> impl Strategy<Value = Smil> {
    (any::<bool>(), prop::collection::vec(slide(), 0..6)).prop_map(|(above, slides)| {
        let layout = if above { Layout::TextAbove } else { Layout::TextBelow };
        Smil::compose(layout, slides)
    })
}

/// Text made of the pieces that markup is made of.
fn broken() -> impl Strategy<Value = String> {
    let pieces = [
        "<smil>",
        "</smil>",
        "<body>",
        "</body>",
        "<par dur='5s'>",
        "</par>",
        "<par",
        "<img src=\"a\"",
        "<text src='b",
        "/>",
        ">",
        "<",
        "\"",
        "'",
        "=",
        " ",
        "&amp;",
        "&#65;",
        "&",
        ";",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<!DOCTYPE x [",
        "]>",
        "<?x",
        "?>",
        "<region id=r top=1%",
        "<seq>",
        "</seq>",
        "\0",
        "\u{e9}",
        "<x:img SRC=c/>",
        "<a href='x'>",
        "</",
        "<root-layout height=9",
        "<audio src=\"d\" begin=\"1s\" end=\"x\"/>",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|all| all.concat())
}

proptest! {
    #[test]
    fn what_is_composed_is_read_back_equal_without_warnings(smil in composed()) {
        let document = smil.write();
        let read = decode(document.as_bytes(), Some("utf-8")).unwrap();
        prop_assert_eq!(&read.value, &smil);
        prop_assert_eq!(read.warnings, []);
        for unit in [u16::to_be_bytes, u16::to_le_bytes] {
            let wide: Vec<u8> = document.encode_utf16().flat_map(unit).collect();
            prop_assert_eq!(&decode(&wide, None).unwrap().value, &smil);
        }
    }

    #[test]
    fn a_strict_reader_of_xml_takes_what_is_written(smil in composed()) {
        let document = smil.write();
        let tree = roxmltree::Document::parse(&document).unwrap();
        let sources: Vec<_> = tree.descendants().filter_map(|node| node.attribute("src")).collect();
        prop_assert_eq!(sources, smil.sources().collect::<Vec<_>>());
        prop_assert!(!document.contains("<!"));
    }

    #[test]
    fn what_was_read_from_anything_is_written_so_that_it_is_read_the_same(document in broken()) {
        if let Ok(read) = decode(document.as_bytes(), None) {
            let written = read.value.write();
            prop_assert!(roxmltree::Document::parse(&written).is_ok(), "{}", written);
            let again = decode(written.as_bytes(), None).unwrap();
            prop_assert_eq!(again.value, read.value);
            prop_assert_eq!(again.warnings, []);
        }
    }

    #[test]
    fn any_octets_are_survived(
        octets in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), broken().prop_map(String::into_bytes)],
        charset in prop::option::of("(utf-8|utf-16|shift_jis|iso-2022-jp|windows-1251|x)"),
    ) {
        if let Ok(read) = decode(&octets, charset.as_deref()) {
            prop_assert!(read.warnings.len() <= MAX_WARNINGS);
            prop_assert!(read.warnings.iter().all(|warning| warning.offset <= octets.len()));
        }
        let node = outline(&octets, charset.as_deref());
        prop_assert!(is_nested(&node, octets.len()), "{:?}", node);
    }
}

/// Whether every node lies inside its parent.
fn is_nested(node: &crate::codec::Node, end: usize) -> bool {
    let inside = |child: &crate::codec::Node| {
        child.range.start >= node.range.start && child.range.end <= node.range.end
    };
    node.range.start <= node.range.end
        && node.range.end <= end
        && node.children.iter().all(|child| inside(child) && is_nested(child, node.range.end))
}

#[test]
fn outline_shows_elements_with_their_attributes_where_they_stand() {
    let document = "<smil><body><par dur='5s'><img src='a&amp;b'></par>text</body></smil>";
    let tree = outline(document.as_bytes(), None);
    let smil = &tree.children[0];
    assert_eq!((smil.name.as_str(), smil.range.clone()), ("smil", 0..document.len()));
    let par = &smil.children[0].children[0];
    assert_eq!(
        (par.name.as_str(), &document[par.range.clone()]),
        ("par", "<par dur='5s'><img src='a&amp;b'></par>")
    );
    assert_eq!((par.children[0].name.as_str(), par.children[0].text.as_str()), ("dur", "5s"));
    let img = &par.children[1];
    assert_eq!(img.children[0].text, "a&b");
    assert_eq!(smil.children[0].children[1].text, "text");
}

#[test]
fn outline_gives_elements_and_attributes_without_a_name_one() {
    let tree = outline(b"<s:><par =\"x\"/></s:>", None);
    let nameless = &tree.children[0];
    assert_eq!(nameless.name, "?");
    assert_eq!(nameless.children[0].children[0].name, "?");
    assert_eq!(nameless.children[0].children[0].text, "x");
}

//! Bodies that we write, as tshark reads them: parts with their types, parameters, headers, sizes
//! and octets, the presentation, multiparts inside multiparts (WAP-230 clauses 8.4.2 and 8.5,
//! OMA-TS-MMS_ENC-V1_3 clause 6).
//!
//! Limits of tshark 4.0: a part without octets it calls malformed (python-messaging reads ours), a
//! multipart inside another stays closed, and Max-Age and the dates among the parameters have no
//! values.

use bytes::Bytes;
use mm1gate::codec::mms::{self, Body, Pdu};
use mm1gate::codec::wsp::{ContentType, Part, put_multipart};

use crate::pdml::Item;
use crate::pdus::{self, SMIL, noise, part};
use crate::tshark;

/// A retrieved message with this content.
fn message(content_type: ContentType, body: Body) -> Bytes {
    Pdu::RetrieveConf(mms::RetrieveConf { content_type, body, ..pdus::retrieve_conf() }).encode()
}

fn mixed(parts: Vec<Part>) -> Bytes {
    message(ContentType::new("application/vnd.wap.multipart.mixed"), Body::Multipart(parts))
}

/// The parts of the outermost multipart.
fn parts(tree: &Item) -> Vec<&Item> {
    let body = tree.below().into_iter().find(|item| item.line() == "Multipart body");
    let body = body.unwrap_or_else(|| panic!("no multipart:\n{}", tree.text()));
    body.items.iter().filter(|item| item.name == "wsp.multipart").collect()
}

fn one<'a>(item: &'a Item, name: &str) -> &'a Item {
    let found: Vec<_> = item.items.iter().filter(|item| item.name == name).collect();
    assert_eq!(found.len(), 1, "{name} in\n{}", item.text());
    found[0]
}

/// A part's own Content-Type, and the other headers in order.
fn lines(part: &Item) -> (&str, Vec<&str>) {
    let content_type = one(part, "wsp.header.content_type").line();
    let headers = part.items.iter().find(|item| item.name == "wsp.headers");
    let headers = headers.map_or(&[][..], |headers| &headers.items);
    let lines = headers.iter().filter(|item| item.name.starts_with("wsp.header."));
    (content_type, lines.map(Item::line).collect())
}

#[test]
#[ignore = "needs tshark"]
fn parts_have_the_same_headers() {
    let send_req = Pdu::SendReq(pdus::send_req()).encode();
    let tree = tshark::mms_trees(&[send_req]).remove(0);
    assert_eq!(
        one(&tree, "wsp.header.content_type").line(),
        "Content-Type: application/vnd.wap.multipart.related; type=application/smil; Start=<smil>"
    );
    let found: Vec<_> = parts(&tree).into_iter().map(lines).collect();
    let wanted = [
        (
            "Content-Type: application/smil; charset=UTF-8; Name=smil.xml",
            vec!["Content-Id: \"<smil>\"", "Content-Location: smil.xml"],
        ),
        (
            "Content-Type: text/plain; charset=UTF-8; Name=text.txt",
            vec![
                "Content-Id: \"<text>\"",
                "Content-Location: text.txt",
                "Content-Disposition: attachment; Filename=text.txt",
            ],
        ),
        (
            "Content-Type: image/jpeg; Name=photo.jpg",
            vec!["Content-Id: \"<photo>\"", "Content-Location: photo.jpg"],
        ),
    ];
    assert_eq!(found, wanted);
}

#[test]
#[ignore = "needs tshark"]
fn presentation_is_dissected_as_smil() {
    let tree = tshark::mms_trees(&[Pdu::SendReq(pdus::send_req()).encode()]).remove(0);
    let parts = parts(&tree);
    let smil = one(parts[0], "smil");
    assert_eq!(smil.size, SMIL.len());
    assert_eq!(smil.items[0].octets, SMIL.as_bytes());
    assert_eq!(smil.shows("smil.img.src"), ["photo.jpg"]);
    assert_eq!(smil.shows("smil.text.src"), ["text.txt"]);
    assert_eq!(smil.shows("smil.par.dur"), ["5000ms"]);
}

/// Lengths around which a length takes another form, and bodies that span many segments.
const LENGTHS: [usize; 14] =
    [2, 3, 29, 30, 31, 32, 127, 128, 129, 16_383, 16_384, 16_385, 100_000, 250_000];

#[test]
#[ignore = "needs tshark"]
fn parts_of_any_length_have_the_same_octets() {
    let pdus: Vec<Bytes> = LENGTHS
        .iter()
        .map(|length| {
            let name = "n".repeat((*length).clamp(1, 4_000));
            mixed(vec![
                part("image/gif", "first.gif", noise(*length)),
                part("application/x-own", &name, noise(length / 2)),
                part("image/png", "last.png", noise(7)),
            ])
        })
        .collect();
    for (length, tree) in LENGTHS.iter().zip(tshark::mms_trees(&pdus)) {
        let parts = parts(&tree);
        let numbers: Vec<&str> = parts.iter().map(|part| part.show.as_str()).collect();
        assert_eq!(numbers, ["1", "2", "3"], "{length}");
        for (part, size) in parts.iter().zip([*length, length / 2, 7]) {
            // The item has the lengths, the headers and the body of the part.
            let body = noise(size);
            assert!(part.octets.ends_with(&body), "{length}: the part ends otherwise");
            let content_type = one(part, "wsp.header.content_type");
            let headers = part.items.iter().find(|item| item.name == "wsp.headers");
            let headers = content_type.size + headers.map_or(0, |headers| headers.size);
            let lengths = part.size - headers - size;
            let uintvar = |value: usize| match value {
                0..=0x7F => 1,
                0x80..=0x3FFF => 2,
                _ => 3,
            };
            assert_eq!(lengths, uintvar(headers) + uintvar(size), "{length}");
        }
    }
}

#[test]
#[ignore = "needs tshark"]
fn hundreds_of_parts_are_counted_alike() {
    let counts = [0, 1, 127, 128, 200];
    let pdus: Vec<Bytes> = counts
        .iter()
        .map(|count| {
            mixed((0..*count).map(|at| part("text/css", "t.css", noise(at + 1))).collect())
        })
        .collect();
    for (count, tree) in counts.iter().zip(tshark::mms_trees(&pdus)) {
        let found: Vec<&str> = tree.shows("wsp.multipart");
        let wanted: Vec<String> = (1..=*count).map(|number| number.to_string()).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
#[ignore = "needs tshark"]
fn parameters_are_read_alike() {
    let mut cases = Vec::new();
    let mut add = |wanted: &'static str, change: &dyn Fn(&mut ContentType)| {
        let mut content_type = ContentType::new("text/plain");
        change(&mut content_type);
        cases.push((content_type, wanted));
    };
    add("text/plain", &|_| {});
    add("text/plain; charset=ISO-8859-1", &|it| it.charset = Some("iso-8859-1".into()));
    add("text/plain; charset=Big5", &|it| it.charset = Some("big5".into()));
    add("text/plain; charset=windows-1251", &|it| it.charset = Some("windows-1251".into()));
    add("text/plain; Name=a b.txt", &|it| it.name = Some("a b.txt".into()));
    add("text/plain; Filename=f.txt", &|it| it.filename = Some("f.txt".into()));
    add("text/plain; Comment=some words", &|it| {
        it.others.push(("comment".into(), "some words".into()));
    });
    add("text/plain; Size=300000", &|it| it.others.push(("size".into(), "300000".into())));
    add("text/plain; q=0.50", &|it| it.others.push(("q".into(), "0.5".into())));
    add("text/plain; q=0.333", &|it| it.others.push(("q".into(), "0.333".into())));
    add("text/plain; level=1.2", &|it| it.others.push(("level".into(), "1.2".into())));
    add("text/plain; x-own=word", &|it| it.others.push(("x-own".into(), "word".into())));
    add("text/plain; x-own=7", &|it| it.others.push(("x-own".into(), "7".into())));
    add("application/vnd.wap.wmlscriptc", &|it| {
        *it = ContentType::new("application/vnd.wap.wmlscriptc");
    });
    add("video/3gpp; Name=v.3gp", &|it| {
        *it = ContentType::new("video/3gpp");
        it.name = Some("v.3gp".into());
    });
    let pdus: Vec<Bytes> = cases
        .iter()
        .map(|(content_type, _)| mixed(vec![Part::new(content_type.clone(), noise(1))]))
        .collect();
    for ((_, wanted), tree) in cases.iter().zip(tshark::mms_trees(&pdus)) {
        let (line, _) = lines(parts(&tree)[0]);
        assert_eq!(line.trim_start_matches("Content-Type: "), *wanted, "{}", tree.text());
    }
}

#[test]
#[ignore = "needs tshark"]
fn bodies_of_a_single_part_are_read_alike() {
    let mut text = ContentType::new("text/plain");
    text.charset = Some("utf-8".into());
    let cases = [
        (text, Bytes::from_static(b"the message was not found"), "text/plain; charset=UTF-8"),
        (ContentType::new("image/jpeg"), noise(70_000), "image/jpeg"),
        (ContentType::new("application/x-own"), noise(1), "application/x-own"),
    ];
    let pdus: Vec<Bytes> = cases
        .iter()
        .map(|(content_type, body, _)| message(content_type.clone(), Body::Single(body.clone())))
        .collect();
    for ((_, body, wanted), tree) in cases.iter().zip(tshark::mms_trees(&pdus)) {
        let line = one(&tree, "wsp.header.content_type").line();
        assert_eq!(line, format!("Content-Type: {wanted}"));
        let data = tree.all("wsp.post.data");
        assert_eq!(data.len(), 1);
        assert_eq!(data[0].size, body.len());
    }
}

#[test]
#[ignore = "needs tshark"]
fn multipart_inside_a_multipart_is_read_alike() {
    let inner = vec![
        part("text/plain", "plain.txt", "plain".into()),
        part("text/html", "rich.html", "<p>rich</p>".into()),
    ];
    let mut octets = Vec::new();
    put_multipart(&mut octets, &inner);
    let alternative = ContentType::new("application/vnd.wap.multipart.alternative");
    let outer = vec![
        Part::new(alternative.clone(), octets.clone().into()),
        part("image/gif", "i.gif", noise(20)),
    ];
    // What stays closed inside is opened where it stands alone.
    let alone = message(alternative, Body::Single(octets.clone().into()));
    let trees = tshark::mms_trees(&[mixed(outer), alone]);
    let outside = parts(&trees[0]);
    let types: Vec<&str> = outside.iter().map(|part| lines(part).0).collect();
    let wanted = [
        "Content-Type: application/vnd.wap.multipart.alternative",
        "Content-Type: image/gif; Name=i.gif",
    ];
    assert_eq!(types, wanted);
    assert!(outside[0].octets.ends_with(&octets));
    let types: Vec<&str> = parts(&trees[1]).iter().map(|part| lines(part).0).collect();
    let wanted =
        ["Content-Type: text/plain; Name=plain.txt", "Content-Type: text/html; Name=rich.html"];
    assert_eq!(types, wanted);
}

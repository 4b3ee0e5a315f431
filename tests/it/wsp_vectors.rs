//! WSP octets made by hand, `tests/vectors/wsp`: what the field writes and how it is read.

use bytes::Bytes;
use mm1gate::codec::wsp::{self, ContentType, Part, Reader, Warnings};
use mm1gate::codec::{DecodeErrorKind, Warning};

use crate::vectors::{octets, places};

fn multipart(name: &str) -> (Vec<Part>, Vec<Warning>) {
    let octets = octets("wsp", name);
    let mut warnings = Warnings::new();
    let parts = wsp::decode_multipart(&mut Reader::new(&octets), &mut warnings).unwrap();
    let mut written = Vec::new();
    wsp::put_multipart(&mut written, &parts);
    let written = Bytes::from(written);
    let again = wsp::decode_multipart(&mut Reader::new(&written), &mut Warnings::new()).unwrap();
    assert_eq!(again, parts, "{name}");
    (parts, warnings.into_sorted())
}

#[test]
fn multipart_with_all_usual_headers_is_read() {
    let (parts, warnings) = multipart("multipart-related");
    assert_eq!(warnings, []);
    assert_eq!(parts[0].content_type.charset.as_deref(), Some("utf-8"));
    assert_eq!(parts[0].content_id.as_deref(), Some("s"));
    assert_eq!(parts[1].text().as_deref(), Some("Grüße"));
    let disposition = parts[1].header("content-disposition");
    assert_eq!(disposition, Some("attachment; filename=\"text file.tx\""));
    assert_eq!(parts[2].content_location.as_deref(), Some("p.jpg"));
}

#[test]
fn multipart_with_odd_headers_is_read() {
    let (parts, warnings) = multipart("part-location-not-quoted");
    assert_eq!(parts[0].content_location.as_deref(), Some("фото.jpg"));
    assert_eq!(warnings.len(), 1);

    let (parts, warnings) = multipart("part-type-empty");
    assert_eq!(parts[0].content_type.media_type.as_str(), "application/octet-stream");
    assert_eq!(parts[0].content_location.as_deref(), Some("x"));
    assert_eq!(warnings.len(), 1);

    let (parts, warnings) = multipart("part-type-in-mime-form");
    assert_eq!(parts[0].text().as_deref(), Some("été"));
    assert_eq!(parts[0].file_name().as_deref(), Some("a.txt"));
    assert_eq!(warnings.len(), 1);
}

type Headers = Vec<(String, String)>;

fn headers(octets: &Bytes) -> (Headers, Vec<Warning>) {
    let mut warnings = Warnings::new();
    let headers = wsp::decode_headers(&mut Reader::new(octets), &mut warnings);
    (headers, warnings.into_sorted())
}

fn written(headers: &Headers) -> Bytes {
    let mut out = Vec::new();
    for (name, value) in headers {
        wsp::put_header(&mut out, name, value);
    }
    Bytes::from(out)
}

/// Reads a list of headers that must be read the same once it was written.
fn read(name: &str) -> (Headers, Vec<Warning>) {
    let (read, warnings) = headers(&octets("wsp", name));
    assert_eq!(headers(&written(&read)).0, read, "{name}");
    (read, warnings)
}

fn pairs(headers: &Headers) -> Vec<(&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const DATE: &str = "Thu, 23 Apr 1998 13:41:37 GMT";

#[test]
fn every_field_reads_as_http_and_goes_back_into_the_same_octets() {
    let (list, warnings) = read("headers-every-form");
    assert_eq!(warnings, []);
    assert_eq!(written(&list), octets("wsp", "headers-every-form"));
    let expected = [
        ("accept", "text/plain"),
        ("accept", "image/gif; q=0.5"),
        ("accept-charset", "*"),
        ("accept-charset", "utf-8; q=0.7"),
        ("accept-encoding", "compress"),
        ("accept-encoding", "*; q=0"),
        ("accept-language", "en"),
        ("accept-language", "la; q=0.9"),
        ("accept-ranges", "bytes"),
        ("age", "3600"),
        ("allow", "GET"),
        ("authorization", "Basic dXNlcjpzZWNyZXQ="),
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=200"),
        ("cache-control", "private=\"set-cookie, x-own\""),
        ("cache-control", "s-maxage=60"),
        ("connection", "close"),
        ("content-base", "http://a/"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-length", "95"),
        ("content-location", "a.jpg"),
        ("content-md5", "AAECAwQFBgcICQoLDA0ODw=="),
        ("content-range", "bytes 100-*/488"),
        ("content-range", "bytes 100-*/*"),
        ("content-type", "text/plain; charset=utf-8"),
        ("date", DATE),
        ("etag", "x1"),
        ("expires", DATE),
        ("from", "a@b"),
        ("host", "a.example"),
        ("if-modified-since", DATE),
        ("if-match", "*"),
        ("if-none-match", "*"),
        ("if-range", DATE),
        ("if-unmodified-since", DATE),
        ("location", "http://a/"),
        ("last-modified", DATE),
        ("max-forwards", "10"),
        ("pragma", "no-cache"),
        ("proxy-authenticate", "Basic realm=\"shop\""),
        ("proxy-authorization", "Basic dXNlcjpzZWNyZXQ="),
        ("public", "POST"),
        ("range", "bytes=100-121"),
        ("range", "bytes=-100"),
        ("referer", "http://a/"),
        ("retry-after", "60"),
        ("retry-after", DATE),
        ("server", "s"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "HTTP/2"),
        ("user-agent", "phone"),
        ("vary", "accept-language"),
        ("via", "1.1 proxy"),
        ("warning", "110"),
        ("warning", "199 proxy \"cut it\""),
        ("www-authenticate", "Digest realm=\"shop\", nonce=abc1"),
        ("content-disposition", "attachment; filename=a.jpg"),
        ("x-wap-application-id", "x-wap-application:mms.ua"),
        ("x-wap-content-uri", "http://a/"),
        ("x-wap-initiator-uri", "http://a/"),
        ("accept-application", "*"),
        ("bearer-indication", "3"),
        ("push-flag", "7"),
        ("profile", "http://a/p"),
        ("profile-diff", "0x02016a"),
        ("profile-warning", "101"),
        ("profile-warning", "202 http://a/ \"Thu, 23 Apr 1998 13:41:37 GMT\""),
        ("expect", "100-continue"),
        ("expect", "own=yes"),
        ("te", "trailers"),
        ("te", "gzip; q=0.2"),
        ("trailer", "content-md5"),
        ("x-wap-tod", DATE),
        ("content-id", "<photo>"),
        ("set-cookie", "id=ab1; version=1; path=\"/\"; secure"),
        ("cookie", "$Version=1; id=ab1; $Path=\"/\"; n=v"),
        ("encoding-version", "1.3"),
        ("encoding-version", "1.4; code-page=2"),
        ("x-wap-security", "close-subordinate"),
        ("x-wap-loc-invocation", "0x0102"),
        ("x-wap-loc-delivery", "text"),
    ];
    assert_eq!(pairs(&list), expected);
}

#[test]
fn longer_forms_and_other_encoding_versions_mean_the_same() {
    let (list, warnings) = read("headers-other-forms");
    assert_eq!(warnings, []);
    let expected = [
        ("accept", "image/*"),
        ("accept-charset", "iso-10646-ucs-2"),
        ("accept-charset", "iso-10646-ucs-2; q=0.5"),
        ("accept-language", "en-US"),
        ("content-encoding", "br"),
        ("content-length", "133"),
        ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("vary", "X-Own"),
        ("content-disposition", "inline"),
        ("cache-control", "public"),
        ("cache-control", "own; name=\"a b\""),
        ("proxy-authenticate", "Digest realm=\"shop\", algorithm=MD5"),
        ("authorization", "Digest username=user"),
        ("pragma", "name=x"),
        ("range", "bytes=100-"),
        ("x-wap-application-id", "x-own:app"),
        ("x-wap-application-id", "x-wap-nai:mvsw.command"),
        ("encoding-version", "code-page=2"),
        ("date", DATE),
    ];
    assert_eq!(pairs(&list), expected);
}

#[test]
fn push_headers_of_operators_are_read() {
    let (list, warnings) = read("headers-push-of-the-field");
    assert_eq!(warnings, []);
    let expected = [
        ("x-wap-application-id", "x-wap-application:mms.ua"),
        ("push-flag", "1"),
        ("content-length", "95"),
        ("content-length", "133"),
        ("content-length", "0"),
        ("encoding-version", "1.5"),
    ];
    assert_eq!(pairs(&list), expected);
    assert_eq!(written(&list).len(), octets("wsp", "headers-push-of-the-field").len());
}

#[test]
fn values_that_cannot_be_read_survive() {
    let (list, warnings) = read("headers-unreadable-values");
    let expected = [
        ("cache-control", "127"),
        ("cache-control", "0x8180"),
        ("content-md5", "0x010203"),
        ("range", "0x8301"),
        ("cookie", "0x907f696400"),
        ("accept", "0x8385637574"),
        ("x-wsp-header-55", "0xabcd"),
        ("x-wsp-header-55", "5"),
    ];
    assert_eq!(pairs(&list), expected);
    let places = places(&warnings);
    let expected = [
        ("cache-control", 1),
        ("cache-control", 3),
        ("content-md5", 7),
        ("range", 12),
        ("cookie", 16),
        ("accept", 23),
    ];
    assert_eq!(places, expected);
    assert!(warnings.iter().all(|warning| !warning.understood));
    assert_eq!(written(&list), octets("wsp", "headers-unreadable-values"));
}

#[test]
fn headers_of_other_code_pages_survive() {
    let (list, warnings) = read("headers-of-other-code-pages");
    let expected =
        [("x-wsp-header-02-01", "5"), ("x-wsp-header-40-10", "text"), ("push-flag", "1")];
    assert_eq!((pairs(&list), warnings), (expected.to_vec(), vec![]));
}

#[test]
fn odd_headers_are_told_with_their_place() {
    let one = [("content-location", "a.jpg")];
    let location_and_id = |location, id| vec![("content-location", location), ("content-id", id)];
    for (name, expected, place, understood) in [
        ("headers-stray-nul", location_and_id("a", "b"), ("header", 3), true),
        ("headers-name-no-token", vec![("x-own", "value")], ("header", 0), false),
        ("headers-text-without-end", one.to_vec(), ("content-id", 8), false),
        (
            "headers-value-longer-than-list",
            vec![("content-location", "a")],
            ("content-disposition", 4),
            false,
        ),
        (
            "headers-location-not-quoted",
            location_and_id("ф.jpg", "a"),
            ("content-location", 1),
            true,
        ),
    ] {
        let (list, warnings) = read(name);
        assert_eq!((pairs(&list), places(&warnings)), (expected, vec![place]), "{name}");
        assert_eq!(warnings[0].understood, understood, "{name}");
    }

    let (list, warnings) = read("headers-location-with-charset");
    assert_eq!(pairs(&list), location_and_id("a.jpg", "é"));
    assert_eq!(places(&warnings), [("content-location", 1), ("content-id", 10)]);

    let (list, warnings) = read("headers-disposition-without-length");
    let values: Vec<_> = list.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["attachment", "inline", "15"]);
    let name = "content-disposition";
    assert_eq!(places(&warnings), [(name, 1), (name, 3), (name, 11), (name, 11)]);
}

#[test]
fn more_headers_than_the_limit_are_told() {
    let input = Bytes::from(b"\xB4\x81".repeat(wsp::MAX_HEADERS + 1));
    let (list, warnings) = headers(&input);
    assert_eq!(list.len(), wsp::MAX_HEADERS);
    assert_eq!(places(&warnings), [("header", 2 * wsp::MAX_HEADERS)]);
}

fn content_type(name: &str) -> (ContentType, Vec<Warning>) {
    let input = octets("wsp", name);
    let mut warnings = Warnings::new();
    let value = ContentType::decode(&mut Reader::new(&input), &mut warnings).unwrap();
    let mut out = Vec::new();
    value.encode(&mut out);
    let out = Bytes::from(out);
    let again = ContentType::decode(&mut Reader::new(&out), &mut Warnings::new());
    assert_eq!(again.as_ref(), Ok(&value), "{name}");
    (value, warnings.into_sorted())
}

#[test]
fn content_type_is_read_in_every_form() {
    for (name, text) in [
        ("type-text", "application/vnd.wap.mms-message"),
        ("type-well-known", "application/vnd.wap.mms-message"),
        ("type-general-length-one", "application/vnd.wap.mms-message"),
        ("type-general-length-quote", "application/vnd.wap.mms-message; charset=iso-8859-1"),
        ("type-number-unknown", "application/x-wsp-type-7a01; name=a"),
        ("type-number-of-five-octets", "application/x-wsp-type-102030405"),
        ("type-number-of-one-octet-long", "image/jpeg"),
    ] {
        let (value, warnings) = content_type(name);
        assert_eq!((value.to_string().as_str(), warnings), (text, vec![]), "{name}");
    }
}

#[test]
fn odd_content_types_are_told_with_their_place() {
    for (name, text, place, understood) in [
        ("type-empty", "application/octet-stream", 0, true),
        ("type-text-no-type", "application/octet-stream", 0, false),
        ("type-text-without-end", "application/octet-stream", 1, false),
    ] {
        let (value, warnings) = content_type(name);
        assert_eq!(value.to_string(), text, "{name}");
        assert_eq!(places(&warnings), [("Content-Type", place)], "{name}");
        assert_eq!(warnings[0].understood, understood, "{name}");
    }
    let input = octets("wsp", "type-length-too-long");
    let error = ContentType::decode(&mut Reader::new(&input), &mut Warnings::new()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::LengthExceedsInput { declared: 9 });
}

#[test]
fn parameters_are_read_by_number_of_any_version_and_by_name() {
    let (value, warnings) = content_type("type-parameters-of-each-version");
    assert_eq!(warnings, []);
    let text = "image/jpeg; start=\"<s>\"; name=a; filename=b; start-info=i; name=c";
    assert_eq!(value.to_string(), text);

    let (value, warnings) = content_type("type-parameters-typed");
    assert_eq!(warnings, []);
    let text = format!(
        "text/plain; type=5; charset=utf-8; name=n; q=0.5; level=1.2; \
         differences=content-location; padding=4; type=\"text/plain\"; start-info=\"<s>\"; \
         comment=!; domain=a.b; max-age=60; path=\"/\"; secure; sec=2; mac=f0; \
         creation-date=\"{DATE}\"; size=256"
    );
    assert_eq!(value.to_string(), text);

    let (value, warnings) = content_type("type-parameters-untyped");
    assert_eq!(warnings, []);
    let text = "text/plain; charset=utf-8; name=n; q=0.5; size=256; secure; x-own=5";
    assert_eq!(value.to_string(), text);
}

#[test]
fn odd_parameters_are_read() {
    let (value, warnings) = content_type("type-parameters-quoted");
    assert_eq!(warnings, []);
    assert_eq!(value.name.as_deref(), Some("a.jpg"));
    assert_eq!(value.filename.as_deref(), Some("b.jpg"));
    let others = [("x-one", "\"c\""), ("x-two", "d\"")];
    assert_eq!(pairs(&value.others), others);

    let (value, warnings) = content_type("type-parameter-unknown");
    let name = "x-wsp-parameter-3f";
    let others = [(name, "5"), (name, "text"), (name, "0x010203040506070809")];
    assert_eq!((pairs(&value.others), warnings), (others.to_vec(), vec![]));

    let (value, warnings) = content_type("type-parameter-without-end");
    assert_eq!(
        (value.to_string().as_str(), places(&warnings)),
        ("image/jpeg", vec![("parameter", 2)])
    );
    assert!(!warnings[0].understood);

    let (value, warnings) = content_type("type-parameter-not-quoted");
    assert_eq!(value.name.as_deref(), Some("é.j"));
    assert_eq!(places(&warnings), [("name", 3)]);
}

#[test]
fn text_in_any_charset_is_text() {
    for (name, text, place) in [
        ("text-ucs2-little-endian", "П", None),
        ("text-utf32", "\u{1F600}", None),
        ("text-utf7", "aé", None),
        ("text-any-charset", "é", None),
        ("text-unknown-charset", "été", Some((1, false))),
        ("text-of-another-charset", "été", Some((1, false))),
        ("text-length-without-charset", "abc", Some((1, true))),
        ("text-charset-without-end", "abc", Some((2, true))),
        ("text-charset-without-length", "abc", Some((0, true))),
    ] {
        let input = octets("wsp", name);
        let mut warnings = Warnings::new();
        let mut reader = Reader::new(&input);
        let read = reader.encoded_string("Subject", &mut warnings);
        assert_eq!((read.as_deref(), reader.is_empty()), (Ok(text), true), "{name}");
        let told: Vec<_> = warnings
            .into_sorted()
            .iter()
            .map(|warning| (warning.offset, warning.understood))
            .collect();
        assert_eq!(told, place.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn parts_with_odd_headers_are_kept() {
    let (parts, warnings) = multipart("part-without-headers");
    assert_eq!(parts[0].content_type.media_type.as_str(), "application/octet-stream");
    assert_eq!((&parts[0].body[..], places(&warnings)), (&b"hi"[..], vec![("part headers", 3)]));

    let (parts, warnings) = multipart("part-headers-broken");
    assert_eq!((&parts[0].body[..], &parts[1].body[..]), (&b"\xFF\xD8"[..], &b"hi"[..]));
    assert_eq!(places(&warnings), [("content-id", 5)]);
    assert!(!warnings[0].understood);

    let (parts, warnings) = multipart("part-content-ids");
    let ids: Vec<_> = parts.iter().map(|part| part.content_id.as_deref()).collect();
    assert_eq!((ids, warnings), (vec![Some("a"), Some("b"), None, Some("d")], vec![]));

    let (parts, warnings) = multipart("part-disposition-odd");
    let names: Vec<_> = parts.iter().filter_map(Part::file_name).collect();
    assert_eq!(names, ["p.jpg", "q.jpg"]);
    assert!(parts.iter().all(|part| part.header("content-disposition") == Some("attachment")));
    let name = "content-disposition";
    assert_eq!(places(&warnings), [(name, 5), (name, 18)]);
}

#[test]
fn transfer_encodings_are_taken_off_or_told() {
    let (parts, warnings) = multipart("part-transfer-encodings");
    let bodies: Vec<_> = parts.iter().map(|part| &part.body[..]).collect();
    assert_eq!(bodies, [&b"hi"[..], b"hi", b"hi", b"hi", b"\xFF\xFF"]);
    assert_eq!(parts[3].header("content-transfer-encoding"), Some("x-uuencode"));
    let name = "content-transfer-encoding";
    assert_eq!(places(&warnings), [(name, 167), (name, 205)]);
    // A body that is plain whatever its header says is understood, one in an unknown encoding not.
    assert_eq!(
        warnings.iter().map(|warning| warning.understood).collect::<Vec<_>>(),
        [false, true]
    );
}

#[test]
fn multiparts_that_are_nested_cut_or_too_long() {
    let (parts, warnings) = multipart("multipart-nested");
    assert_eq!(warnings, []);
    let flat = wsp::flatten(&parts);
    assert_eq!(flat[0].text().as_deref(), Some("hi"));
    assert_eq!(flat[1], parts[1]);

    let (parts, warnings) = multipart("multipart-octets-behind");
    assert_eq!((parts.len(), places(&warnings)), (1, vec![("multipart", 6)]));
    let (parts, warnings) = multipart("multipart-count-too-high");
    assert_eq!((parts.len(), places(&warnings)), (1, vec![("multipart count", 0)]));

    for (name, text) in [
        ("multipart-count-beyond-limit", "multipart count at octet 0: more than the limit of 256"),
        (
            "multipart-count-beyond-32-bits",
            "multipart count at octet 0: a number of more than 32 bits",
        ),
    ] {
        let input = octets("wsp", name);
        let result = wsp::decode_multipart(&mut Reader::new(&input), &mut Warnings::new());
        assert_eq!(result.unwrap_err().to_string(), text);
    }
}

#[test]
fn outline_shows_every_octet_in_its_place() {
    let input = octets("wsp", "multipart-nested");
    let nodes = wsp::outline_multipart(&mut Reader::new(&input));
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.range.clone())).collect();
    assert_eq!(names, [("nEntries", 0..1), ("part", 1..36), ("part", 36..41)]);
    let alternative = &nodes[1].children;
    assert_eq!(alternative[2].text, "multipart/alternative");
    let data = &alternative[3];
    assert_eq!((data.name.as_str(), data.range.clone()), ("Data", 25..36));
    assert_eq!(data.children[1].children[2].text, "text/plain");
    assert_eq!(data.children[2].range, 31..36);

    let input = octets("wsp", "headers-of-other-code-pages");
    let nodes = wsp::outline_headers(&mut Reader::new(&input));
    let names: Vec<_> = nodes.iter().map(|node| (node.name.as_str(), node.range.clone())).collect();
    let expected = [
        ("shift", 0..1),
        ("x-wsp-header-02-01", 1..3),
        ("shift", 3..5),
        ("x-wsp-header-40-10", 5..11),
        ("shift", 11..12),
        ("push-flag", 12..14),
    ];
    assert_eq!(names, expected);
    assert_eq!(nodes[1].children[1].range, 2..3);

    let input = octets("wsp", "type-parameters-of-each-version");
    let node = wsp::outline_content_type(&mut Reader::new(&input));
    assert_eq!(node.text, "image/jpeg; start=\"<s>\"; name=a; filename=b; start-info=i; name=c");
    let first = &node.children[0];
    assert_eq!(
        (first.name.as_str(), first.text.as_str(), first.range.clone()),
        ("name", "a", 2..6)
    );
}

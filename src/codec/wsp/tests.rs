//! Random tests over whole WSP structures (WAP-230 clauses 8.4 and 8.5): nothing panics, and what
//! was read once is read the same after it was written.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::codec::push::Push;

fn content_type(octets: &Bytes) -> Option<ContentType> {
    ContentType::decode(&mut Reader::new(octets), &mut Warnings::new()).ok()
}

fn headers(octets: &Bytes) -> Vec<(String, String)> {
    decode_headers(&mut Reader::new(octets), &mut Warnings::new())
}

/// Octets of which many mean something to a decoder of WSP.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|octet| vec![octet]),
        (0x80..=0xFF_u8).prop_map(|octet| vec![octet]),
        "[ -~]{0,12}".prop_map(|text| [text.as_bytes(), b"\0"].concat()),
        "\"?<?[a-z/]{0,6}>?\"?".prop_map(|text| [text.as_bytes(), b"\0"].concat()),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(|octets| {
            let mut out = Vec::new();
            put_with_length(&mut out, &octets);
            out
        }),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A header in each form that a field of table 39 has.
fn header() -> impl Strategy<Value = (&'static str, String)> {
    let date = (0..253_402_300_799_u64).prop_map(values::date).boxed();
    let token = "[a-z]{1,8}";
    let quality = "(; q=0(\\.[0-9]{0,2}[1-9])?)?";
    let form = |name: &'static str, form: &str| {
        proptest::string::string_regex(form).unwrap().prop_map(move |text| (name, text)).boxed()
    };
    let any_date = |name: &'static str| date.clone().prop_map(move |date| (name, date)).boxed();
    prop::strategy::Union::new([
        form("accept", &format!("(text/plain|image/\\*|a/b){quality}")),
        form("accept-charset", &format!("(\\*|utf-8|iso-10646-ucs-2|mib-999|own){quality}")),
        form("accept-encoding", &format!("(\\*|gzip|br){quality}")),
        form("accept-language", &format!("(\\*|en|la|en-gb){quality}")),
        form("accept-ranges", &format!("none|bytes|{token}")),
        form("age", "0|[1-9][0-9]{0,18}"),
        form("allow", "GET|POST|PUT|PATCH"),
        form("authorization", "Basic dXNlcjpzZWNyZXQ=|Digest a=[a-z]{1,3}, b=\"[a-z /]{1,9} \""),
        form("www-authenticate", "(Basic|Digest) realm=\"[a-z ]{0,9}\"(, a=[a-z]{1,3}){0,3}"),
        form("cache-control", "no-cache|no-store|max-stale|private|public|own"),
        form("cache-control", "(max-age|max-stale|min-fresh|s-maxage)=(0|[1-9][0-9]{0,9})"),
        form("cache-control", "(no-cache|private)=\"(accept|x-own)(, (via|x-own)){0,4}\""),
        form("connection", &format!("close|{token}")),
        form("content-disposition", "(form-data|inline|own)(; filename=\"[a-z /]{1,9} \")?"),
        form("content-encoding", &format!("gzip|compress|deflate|{token}")),
        form("content-language", "en|rm|en-gb"),
        form("content-md5", "[A-Za-z0-9+/]{21}[AQgw]=="),
        form("content-range", "bytes (0|[1-9][0-9]{0,8})-\\*/(\\*|[1-9][0-9]{0,8})"),
        form("content-type", "(text/plain|a/b)(; charset=(utf-8|own))?(; name=[a-z]{1,9})?"),
        form("encoding-version", "[0-7]\\.([0-9]|1[0-4])(; code-page=[1-9])?|code-page=[1-9]"),
        form("expect", "100-continue|[a-z]{1,5}=[a-z]{1,5}(; [a-z]{1,5}=[a-z]{1,5})?"),
        form("pragma", "no-cache|[b-p]{1,5}=[a-z]{1,5}"),
        form("profile-warning", "10[0-2]|20[0-3]|202 http://[a-z]{1,9}"),
        form("range", "bytes=((0|[1-9][0-9]{0,8})-([1-9][0-9]{0,8})?|-[1-9][0-9]{0,8})"),
        form("retry-after", "0|[1-9][0-9]{0,9}"),
        form(
            "set-cookie",
            "[A-Za-z]{1,5}=[a-z]{1,5}; version=1(; path=\"/[a-z]{0,5}\")?(; secure)?",
        ),
        form("cookie", "\\$Version=1(; [A-Za-z]{1,5}=[a-z]{1,5}(; \\$Domain=[a-z.]{1,5})?){0,3}"),
        form("te", "trailers|(chunked|identity|gzip|own)(; q=0\\.[1-9])?"),
        form("vary", "accept|x-wsp-header-7f|x-own"),
        form("warning", "110|214|199 [a-z.]{1,9} \"[a-z \\\\]{0,1}[a-z ]{0,9}\""),
        form("x-wap-application-id", "x-wap-application:(mms|wml)\\.ua|[0-9]{2}|own:a"),
        form("x-wap-security", "close-subordinate|own"),
        form("x-wsp-header-7f", "[a-z]{0,5}|[0-9]{2}|0x([0-9a-f]{2}){1,9}"),
        form("x-wsp-header-02-05", "[a-z]{0,5}|[0-9]{2}|0x([0-9a-f]{2}){1,9}"),
        form("x-wsp-header-40-00", "[a-z]{0,5}|[0-9]{2}|0x([0-9a-f]{2}){1,9}"),
        any_date("date"),
        any_date("if-range"),
        any_date("retry-after"),
        any_date("x-wap-tod"),
    ])
}

fn any_content_type() -> impl Strategy<Value = ContentType> {
    let media = prop_oneof![
        Just("text/plain"),
        Just("image/jpeg"),
        Just("application/smil"),
        Just("a/b"),
        Just("application/x-wsp-type-7a01"),
        Just("application/vnd.wap.multipart.related"),
    ];
    let name = prop_oneof![
        Just("q"),
        Just("level"),
        Just("differences"),
        Just("padding"),
        Just("start-info"),
        Just("comment"),
        Just("domain"),
        Just("max-age"),
        Just("path"),
        Just("secure"),
        Just("sec"),
        Just("mac"),
        Just("creation-date"),
        Just("modification-date"),
        Just("read-date"),
        Just("size"),
        Just("uaprof"),
        Just("x-own"),
        Just("x-wsp-parameter-3f"),
    ];
    let value = prop_oneof![
        "[^\0\u{FEFF}]{0,12}",
        "[0-9]{1,19}",
        "0\\.[1-9]",
        "[0-7]\\.[0-9]",
        "0x([0-9a-f]{2}){0,40}",
        (0..9_999_999_999_u64).prop_map(values::date),
    ];
    let text = || prop::option::of("[^\0\u{FEFF}]{0,20}");
    let charset = prop::option::of(prop_oneof![
        Just("utf-8"),
        Just("iso-8859-1"),
        Just("mib-9999"),
        Just("own"),
        Just("*"),
    ]);
    (media, charset, text(), text(), text(), text(), prop::collection::vec((name, value), 0..5))
        .prop_map(|(media, charset, name, filename, start, kind, others)| {
            let mut value = ContentType::new(media);
            value.charset = charset.map(str::to_owned);
            value.name = name;
            value.filename = filename;
            value.start = start;
            value.kind = kind;
            value.others =
                others.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            value
        })
}

/// Parts, some of them multiparts of their own.
fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let body = prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let id = || prop::option::of("[A-Za-z0-9@._]{1,12}");
    let part = move |kind: BoxedStrategy<ContentType>, body: BoxedStrategy<Bytes>| {
        (kind, body, id(), id(), prop::collection::vec(header(), 0..3)).prop_map(
            |(content_type, body, content_id, content_location, headers)| {
                let mut part = Part::new(content_type, body);
                part.content_id = content_id;
                part.content_location = content_location;
                part.headers =
                    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                part
            },
        )
    };
    let leaf = part(any_content_type().boxed(), body.boxed());
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let nested = prop::collection::vec(inner, 0..4).prop_map(|parts| {
            let mut out = Vec::new();
            put_multipart(&mut out, &parts);
            Bytes::from(out)
        });
        part(Just(ContentType::new("application/vnd.wap.multipart.mixed")).boxed(), nested.boxed())
    })
    .prop_map(|part| vec![part])
}

/// Each node lies within the one above it, and its children are in their order.
fn in_order(nodes: &[crate::codec::Node], within: &std::ops::Range<usize>) -> bool {
    let mut at = within.start;
    nodes.iter().all(|node| {
        let fits = at <= node.range.start
            && node.range.start <= node.range.end
            && node.range.end <= within.end
            && in_order(&node.children, &node.range);
        at = node.range.end;
        fits
    })
}

proptest! {
    #[test]
    fn header_in_every_form_is_read_as_it_was_written((name, text) in header()) {
        let mut out = Vec::new();
        put_header(&mut out, name, &text);
        let out = Bytes::from(out);
        let read = headers(&out);
        prop_assert_eq!(&read, &vec![(name.to_owned(), text.clone())]);
        let mut again = Vec::new();
        put_header(&mut again, name, &text);
        prop_assert_eq!(again, out);
    }

    #[test]
    fn content_type_is_read_as_it_was_written(value in any_content_type()) {
        let mut out = Vec::new();
        value.encode(&mut out);
        prop_assert_eq!(content_type(&Bytes::from(out)), Some(value));
    }

    #[test]
    fn multipart_is_read_as_it_was_written(parts in any_parts()) {
        let mut out = Vec::new();
        put_multipart(&mut out, &parts);
        let out = Bytes::from(out);
        let mut warnings = Warnings::new();
        let read = decode_multipart(&mut Reader::new(&out), &mut warnings);
        prop_assert_eq!(read, Ok(parts));
    }

    #[test]
    fn outline_of_any_octets_stays_in_them(octets in likely(), cut in any::<u8>()) {
        let mut input = vec![1];
        put_uintvar(&mut input, u64::try_from(octets.len()).unwrap());
        input.push(cut);
        input.extend_from_slice(&octets);
        for octets in [octets, input] {
            let whole = 0..octets.len();
            let octets = Bytes::from(octets);
            let nodes = outline_multipart(&mut Reader::new(&octets));
            prop_assert!(in_order(&nodes, &whole), "{nodes:?}");
            let nodes = outline_headers(&mut Reader::new(&octets));
            prop_assert!(in_order(&nodes, &whole), "{nodes:?}");
            prop_assert_eq!(nodes.last().map_or(0, |node| node.range.end), whole.end);
            let node = outline_content_type(&mut Reader::new(&octets));
            prop_assert!(in_order(&[node], &whole));
        }
    }

    #[test]
    fn content_type_that_was_read_is_read_again(octets in likely()) {
        if let Some(first) = content_type(&Bytes::from(octets)) {
            let mut out = Vec::new();
            first.encode(&mut out);
            prop_assert_eq!(content_type(&Bytes::from(out)), Some(first));
        }
    }

    #[test]
    fn content_type_with_a_length_that_was_read_is_read_again(octets in likely()) {
        let mut input = Vec::new();
        put_with_length(&mut input, &octets);
        if let Some(first) = content_type(&Bytes::from(input)) {
            let mut out = Vec::new();
            first.encode(&mut out);
            prop_assert_eq!(content_type(&Bytes::from(out)), Some(first));
        }
    }

    #[test]
    fn headers_that_were_read_are_read_again(octets in likely()) {
        let first = headers(&Bytes::from(octets));
        let mut out = Vec::new();
        for (name, value) in &first {
            put_header(&mut out, name, value);
        }
        prop_assert_eq!(headers(&Bytes::from(out)), first);
    }

    #[test]
    fn any_header_by_its_name_survives(
        name in prop_oneof![
            Just("content-location"), Just("content-id"), Just("etag"), Just("accept"),
            Just("push-flag"), Just("x-own"), Just("x-wap-application-id"), Just("x-wsp-header-6f"),
            Just("encoding-version"), Just("age"),
        ],
        value in "[^\0]{0,20}",
    ) {
        let value = value.trim_start_matches('\u{FEFF}').to_owned();
        // Hexadecimal is the form of values that are no text.
        prop_assume!(!value.starts_with("0x"));
        let mut out = Vec::new();
        put_header(&mut out, name, &value);
        prop_assert_eq!(headers(&Bytes::from(out)), vec![(name.to_owned(), value)]);
    }

    #[test]
    fn push_that_was_read_is_read_again(tid in any::<u8>(), content in likely(), body in likely()) {
        let mut octets = vec![tid, 0x06];
        put_uintvar(&mut octets, u64::try_from(content.len()).unwrap());
        octets.extend(content);
        octets.extend(body);
        if let Ok(first) = Push::decode(&Bytes::from(octets)) {
            prop_assert_eq!(Push::decode(&first.value.encode()).unwrap().value, first.value);
        }
    }

    #[test]
    fn arbitrary_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let octets = Bytes::from(octets);
        let _ = content_type(&octets);
        let _ = headers(&octets);
        let _ = Push::decode(&octets);
        let mut warnings = Warnings::new();
        if let Ok(parts) = decode_multipart(&mut Reader::new(&octets), &mut warnings) {
            let _ = flatten(&parts);
        }
        prop_assert!(warnings.into_sorted().len() <= MAX_WARNINGS);
    }

    #[test]
    fn arbitrary_octets_in_any_charset_are_some_text(
        octets in prop::collection::vec(any::<u8>(), 0..64),
        mib in 0..2300_u64,
    ) {
        let _ = charset::to_text(&octets, Some(&charset::name_of(mib)));
    }

    #[test]
    fn mime_form_of_any_text_parameter_is_read_back(name in "[^\0-\x1F\x7F-\u{9F}]{1,20}") {
        let mut content_type = ContentType::new("image/jpeg");
        content_type.name = Some(name);
        prop_assert_eq!(ContentType::from_mime(&content_type.to_string()), content_type);
    }
}

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

proptest! {
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
        // The text of a disposition is put into its plainest form.
        let mut first = headers(&Bytes::from(octets));
        first.retain(|(name, _)| name != "content-disposition");
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
        if let Ok(mut first) = Push::decode(&Bytes::from(octets)) {
            first.value.headers.retain(|(name, _)| name != "content-disposition");
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

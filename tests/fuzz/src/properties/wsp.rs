//! WSP content types, headers and multiparts: what decodes can be encoded, and decodes to the same
//! again.

use bytes::Bytes;
use mm1gate::codec::wsp::{
    ContentType, MAX_HEADERS, MAX_PARTS, MAX_WARNINGS, Part, Reader, Warnings, decode_headers,
    decode_multipart, flatten, outline_content_type, outline_headers, outline_multipart,
    put_header, put_multipart,
};
use mm1gate::codec::{DecodeError, Decoded};

use super::checks;

type Headers = Vec<(String, String)>;

fn headers_of(input: &Bytes) -> Result<Decoded<Headers>, DecodeError> {
    let mut warnings = Warnings::new();
    let value = decode_headers(&mut Reader::new(input), &mut warnings);
    Ok(Decoded { value, warnings: warnings.into_sorted() })
}

fn put_headers(headers: &Headers) -> Bytes {
    let mut out = Vec::new();
    for (name, value) in headers {
        put_header(&mut out, name, value);
    }
    Bytes::from(out)
}

fn content_type_of(input: &Bytes) -> Result<Decoded<ContentType>, DecodeError> {
    let mut warnings = Warnings::new();
    let mut reader = Reader::new(input);
    let value = ContentType::decode(&mut reader, &mut warnings)?;
    assert!(reader.position() <= input.len());
    Ok(Decoded { value, warnings: warnings.into_sorted() })
}

fn put_content_type(content_type: &ContentType) -> Bytes {
    let mut out = Vec::new();
    content_type.encode(&mut out);
    Bytes::from(out)
}

fn multipart_of(input: &Bytes) -> Result<Decoded<Vec<Part>>, DecodeError> {
    let mut warnings = Warnings::new();
    let value = decode_multipart(&mut Reader::new(input), &mut warnings)?;
    Ok(Decoded { value, warnings: warnings.into_sorted() })
}

fn multipart(parts: &[Part]) -> Bytes {
    let mut out = Vec::new();
    put_multipart(&mut out, parts);
    Bytes::from(out)
}

/// The octets as a content type, and as headers.
pub(crate) fn check_headers(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    checks::nodes(&[outline_content_type(&mut Reader::new(&input))], 0, octets.len());
    checks::nodes(&outline_headers(&mut Reader::new(&input)), 0, octets.len());
    match content_type_of(&input) {
        Ok(decoded) => {
            checks::warnings(&decoded.warnings, octets);
            check_content_type(&decoded.value);
        }
        Err(error) => checks::error(&error, octets),
    }
    let decoded = headers_of(&input).expect("headers always give something");
    assert!(decoded.value.len() <= MAX_HEADERS && decoded.warnings.len() <= MAX_WARNINGS);
    checks::warnings(&decoded.warnings, octets);
    let again = checks::settles(&decoded.value, put_headers, headers_of);
    same_headers(&decoded.value, &again.value);
}

fn check_content_type(content_type: &ContentType) {
    let again = checks::settles(content_type, put_content_type, content_type_of);
    same_content_types(content_type, &again.value);
    // The MIME form loses what no MIME form can show, but not twice.
    let mime = ContentType::from_mime(&content_type.to_string());
    assert_eq!(mime.media_type, content_type.media_type);
    let mime = ContentType::from_mime(&mime.to_string());
    assert_eq!(ContentType::from_mime(&mime.to_string()), mime);
}

/// The octets as a multipart, which is opened.
pub(crate) fn check_multipart(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    checks::nodes(&outline_multipart(&mut Reader::new(&input)), 0, octets.len());
    let parts = match multipart_of(&input) {
        Ok(decoded) => {
            checks::warnings(&decoded.warnings, octets);
            decoded.value
        }
        Err(error) => return checks::error(&error, octets),
    };
    check_parts(&parts, &input);
    let again = checks::settles(&parts, |parts| multipart(parts), multipart_of);
    same_parts(&parts, &again.value);
}

/// What holds of the parts that were decoded from `input`.
pub(crate) fn check_parts(parts: &[Part], input: &Bytes) {
    assert!(parts.len() <= MAX_PARTS);
    let flat = flatten(parts);
    assert!(flat.len() <= MAX_PARTS);
    let copies = checks::names_transfer_encoding(input);
    for part in parts.iter().chain(&flat) {
        if !copies {
            checks::slice_of(&part.body, input);
        }
        assert!(part.file_name().is_none_or(|name| !name.trim().is_empty()));
        if let Some(text) = part.text() {
            assert!(text.len() <= 3 * part.body.len() + 3, "{} of {part:?}", text.len());
        }
    }
}

/// Nothing is lost of what was read, besides characters that no header can carry.
pub(crate) fn same_parts(before: &[Part], after: &[Part]) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        same_content_types(&before.content_type, &after.content_type);
        same_text(before.content_id.as_deref(), after.content_id.as_deref());
        same_text(before.content_location.as_deref(), after.content_location.as_deref());
        same_headers(&before.headers, &after.headers);
        assert_eq!(before.body, after.body);
    }
}

fn same_content_types(before: &ContentType, after: &ContentType) {
    assert_eq!(before.media_type, after.media_type);
    for (before, after) in [
        (&before.charset, &after.charset),
        (&before.name, &after.name),
        (&before.filename, &after.filename),
        (&before.start, &after.start),
        (&before.kind, &after.kind),
    ] {
        same_text(before.as_deref(), after.as_deref());
    }
    same_headers(&before.others, &after.others);
}

fn same_headers(before: &[(String, String)], after: &[(String, String)]) {
    let names = |list: &[(String, String)]| -> Vec<String> {
        list.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(before), names(after), "{before:?} {after:?}");
}

fn same_text(before: Option<&str>, after: Option<&str>) {
    let bare = |text: Option<&str>| checks::bare(text.unwrap_or_default());
    assert_eq!(bare(before), bare(after));
}

//! The names that our decoders give to the numbers of WSP (WAP-230 tables 38 to 40), for comparison
//! with the tables of foreign programs.

use bytes::Bytes;
use mm1gate::codec::wsp::{
    ContentType, Reader, Warnings, decode_headers, put_integer, put_with_length,
};

/// A Content-type-value in its general form: a number, and parameters as they are.
pub(crate) fn general_form(media_type: u64, parameters: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    put_integer(&mut value, media_type);
    value.extend_from_slice(parameters);
    let mut out = Vec::new();
    put_with_length(&mut out, &value);
    out
}

/// What our decoder makes of a Content-type-value.
pub(crate) fn content_type(octets: &[u8]) -> ContentType {
    let octets = Bytes::copy_from_slice(octets);
    ContentType::decode(&mut Reader::new(&octets), &mut Warnings::new()).expect("a content type")
}

/// The name of a media type.
pub(crate) fn media_type(number: u64) -> String {
    content_type(&general_form(number, &[])).media_type.as_str().to_owned()
}

/// The name of a parameter of content types.
pub(crate) fn parameter(number: u8) -> String {
    // Its value is a number, or a text: the one that it cannot have gives no parameter.
    let number = 0x80 | number;
    [&[number, 0x83][..], &[number, b'x', 0]]
        .into_iter()
        .map(|parameter| first_parameter(&content_type(&general_form(3, parameter))))
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

fn first_parameter(found: &ContentType) -> String {
    let named = [
        ("type", &found.kind),
        ("start", &found.start),
        ("charset", &found.charset),
        ("name", &found.name),
        ("filename", &found.filename),
    ];
    let named = named.iter().find(|(_, value)| value.is_some()).map(|(name, _)| *name);
    let other = found.others.first().map(|(name, _)| name.as_str());
    named.or(other).unwrap_or_default().to_owned()
}

/// The name of a header.
pub(crate) fn header(number: u8) -> String {
    let octets = Bytes::from(vec![0x80 | number, b'x', 0]);
    let headers = decode_headers(&mut Reader::new(&octets), &mut Warnings::new());
    headers.first().map(|(name, _)| name.clone()).unwrap_or_default()
}

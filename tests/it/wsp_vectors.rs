//! WSP octets made by hand, `tests/vectors/wsp`: what the field writes and how it is read.

use bytes::Bytes;
use mm1gate::codec::Warning;
use mm1gate::codec::wsp::{self, Part, Reader, Warnings};

use crate::vectors::octets;

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

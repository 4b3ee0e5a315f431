//! Connectionless pushes: what decodes can be encoded, and decodes to the same again; the documents
//! that they carry, as binary and as text.

use bytes::Bytes;
use mm1gate::codec::push::{Content, Push, outline};
use mm1gate::codec::wsp::ContentType;

use super::checks;

/// Content types of the documents, and one that is none.
const DOCUMENTS: &[&str] = &[
    "application/vnd.wap.sic",
    "application/vnd.wap.slc",
    "application/vnd.wap.coc",
    "application/vnd.wap.emn+wbxml",
    "application/vnd.wap.connectivity-wbxml",
    "application/x-wap-prov.browser-settings",
    "text/vnd.wap.si",
    "text/vnd.wap.connectivity-xml",
    "text/plain",
];

/// The octets as one push, and as each document that a push can carry.
pub(crate) fn check(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    checks::nodes(&[outline(&input)], 0, octets.len());
    for kind in DOCUMENTS {
        check_document(kind, &input);
    }
    let decoded = match Push::decode(&input) {
        Ok(decoded) => decoded,
        Err(error) => return checks::error(&error, octets),
    };
    checks::warnings(&decoded.warnings, octets);
    let push = decoded.value;
    checks::slice_of(&push.body, &input);
    assert!(!push.application().as_str().is_empty());
    let again = checks::settles(&push, Push::encode, Push::decode).value;
    assert_eq!(again.transaction_id, push.transaction_id);
    assert_eq!(again.application(), push.application());
    assert_eq!(again.body, push.body);
}

fn check_document(kind: &str, body: &Bytes) {
    let push = Push {
        transaction_id: 0,
        content_type: ContentType::new(kind),
        headers: Vec::new(),
        body: body.clone(),
    };
    let decoded = match push.content() {
        Ok(Some(decoded)) => decoded,
        Ok(None) => return assert_eq!(kind, "text/plain"),
        Err(error) => return checks::error(&error, body),
    };
    checks::warnings(&decoded.warnings, body);
    // What we write reads the same, but for a NUL, which no string of binary XML can hold.
    let Some(written) = written(&decoded.value) else { return };
    let kind = match decoded.value {
        Content::ServiceIndication(_) => "application/vnd.wap.sic",
        _ => "application/vnd.wap.slc",
    };
    let push = Push { content_type: ContentType::new(kind), body: written.clone(), ..push };
    let again = push.content().unwrap_or_else(|e| panic!("{e}: {written:02X?}"));
    let again = again.expect("a document").value;
    assert_eq!(self::written(&again).as_ref(), Some(&written), "{again:?}");
    if !format!("{:?}", decoded.value).contains("\\0") {
        assert_eq!(again, decoded.value, "{written:02X?}");
    }
}

fn written(content: &Content) -> Option<Bytes> {
    match content {
        Content::ServiceIndication(content) => Some(content.to_wbxml()),
        Content::ServiceLoading(content) => Some(content.to_wbxml()),
        _ => None,
    }
}

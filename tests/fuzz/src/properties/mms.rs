//! MMS PDUs: what decodes can be encoded, and decodes to the same again.

use bytes::Bytes;
use mm1gate::codec::mms::{self, Body, Pdu};

use super::{checks, wsp};

/// The octets as one PDU, decoded and outlined; what decodes is written and taken apart again.
pub(crate) fn check(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    checks::nodes(&[mms::outline(&input)], 0, octets.len());
    let decoded = match mms::decode(&input) {
        Ok(decoded) => decoded,
        Err(error) => return checks::error(&error, octets),
    };
    checks::warnings(&decoded.warnings, octets);
    let pdu = decoded.value;
    assert!(!pdu.name().is_empty());
    match pdu.content() {
        Some((_, Body::Single(octets))) => checks::slice_of(octets, &input),
        Some((_, Body::Multipart(parts))) => wsp::check_parts(parts, &input),
        None => {}
    }
    let again = checks::settles(&pdu, Pdu::encode, mms::decode).value;
    assert_eq!(again.name(), pdu.name());
    // Text of a wide charset may hold a NUL, which a Text-string cannot.
    let id = |pdu: &Pdu| pdu.transaction_id().map(|id| id.replace('\0', ""));
    assert_eq!(id(&again), id(&pdu));
    match (pdu.content(), again.content()) {
        (Some((_, Body::Multipart(before))), Some((_, Body::Multipart(after)))) => {
            wsp::same_parts(before, after);
        }
        (before, after) => assert_eq!(before.map(|(_, body)| body), after.map(|(_, body)| body)),
    }
    // The list of fields is the whole PDU.
    let content = pdu.content().map(|(content_type, body)| mms::Content {
        content_type: content_type.clone(),
        body: body.clone(),
    });
    match Pdu::from_headers(pdu.message_type(), pdu.headers(), content) {
        Ok(built) => assert_eq!(built.encode(), pdu.encode()),
        // What came with nothing to forgive can be built.
        Err(error) => assert!(!decoded.warnings.is_empty(), "{error}: {pdu:?}"),
    }
}

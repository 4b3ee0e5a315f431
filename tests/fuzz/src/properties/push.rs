//! Connectionless pushes: what decodes can be encoded, and decodes to the same again.

use bytes::Bytes;
use mm1gate::codec::push::{Push, outline};

use super::checks;

/// The octets as one push.
pub(crate) fn check(octets: &[u8]) {
    let input = Bytes::copy_from_slice(octets);
    checks::nodes(&[outline(&input)], 0, octets.len());
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

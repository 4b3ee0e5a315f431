//! `mm1gate decode`: whatever the file holds is found out, told as JSON and shown without anything
//! that a terminal would obey.

use bytes::Bytes;
use mm1gate::cli::explain;

/// The octets as a file.
pub(crate) fn check(octets: &[u8]) {
    let (json, text) = explain(Bytes::copy_from_slice(octets));
    assert!(json["kind"].is_string(), "{json}");
    assert!(json["warnings"].is_array() || json["error"].is_object(), "{json}");
    assert!(!text.is_empty());
    let obeyed = |character: char| character.is_control() && character != '\n';
    assert!(!text.contains(obeyed), "{text:?}");
}

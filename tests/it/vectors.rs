//! Octets made by hand, `tests/vectors`: what the field writes and how it is read. Each file tells in
//! its comments what is odd in it and the clause of the specification.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use mm1gate::codec::Warning;

pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The octets of one file; what stands behind `#` is for people.
pub(crate) fn octets(kind: &str, name: &str) -> Bytes {
    let path = folder(kind).join(format!("{name}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let digits: String = text
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::split_whitespace)
        .collect();
    Bytes::from(hex::decode(&digits).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

pub(crate) fn names(kind: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder(kind))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Each warning as its field and offset.
pub(crate) fn places(warnings: &[Warning]) -> Vec<(&str, usize)> {
    warnings.iter().map(|warning| (warning.field.as_str(), warning.offset)).collect()
}

#[test]
fn every_vector_tells_what_it_is() {
    for kind in ["mms", "wsp", "wsp_pdu", "wtp", "push"] {
        let names = names(kind);
        assert!(!names.is_empty());
        for name in names {
            let text = fs::read_to_string(folder(kind).join(format!("{name}.hex"))).unwrap();
            let head: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
            assert!(head.len() >= 2, "{kind}/{name}: origin and clause are missing");
            assert!(head.iter().any(|line| line.contains("clause")), "{kind}/{name}: no clause");
            assert!(!octets(kind, &name).is_empty());
        }
    }
}

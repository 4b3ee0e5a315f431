//! Reading the octets made by hand in `tests/vectors`.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

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

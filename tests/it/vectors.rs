//! Octets made by hand, `tests/vectors`: what the field writes and how it is read. Each file tells in
//! its comments what is odd in it and the clause of the specification.

use std::fs;

use mm1gate::codec::Warning;

pub(crate) use crate::support::vectors::{folder, names, octets};

/// Each warning as its field and offset.
pub(crate) fn places(warnings: &[Warning]) -> Vec<(&str, usize)> {
    warnings.iter().map(|warning| (warning.field.as_str(), warning.offset)).collect()
}

#[test]
fn every_vector_tells_what_it_is() {
    for kind in ["mms", "wsp", "wsp_pdu", "wtp", "push", "sms", "cmux"] {
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

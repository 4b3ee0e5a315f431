//! The code points of WSP as python-messaging lists them (WAP-230 tables 38 to 40 and 42): each of
//! its numbers is read by our decoders, and has the same name there.

use mm1gate::codec::wsp::charset;
use serde_json::{Value, json};

use super::ask;
use crate::names;

/// Numbers that we name otherwise, and why.
const NAMED_OTHERWISE: &[(&str, usize, &str)] =
    &[("content types", 0x0E, "byterantes, as the specification prints the type byteranges")];

fn assert_same(table: &str, theirs: &Value, ours: impl Fn(usize) -> String) {
    let entries: Vec<(usize, &str)> = match theirs {
        Value::Array(names) => {
            names.iter().enumerate().map(|(at, name)| (at, name.as_str().unwrap())).collect()
        }
        Value::Object(names) => names
            .iter()
            .map(|(number, name)| (number.parse().unwrap(), name.as_str().unwrap()))
            .collect(),
        other => panic!("{table}: {other}"),
    };
    assert!(entries.len() > 10, "{table}: {theirs}");
    let faults: Vec<String> = entries
        .iter()
        .filter(|(number, name)| {
            let known = NAMED_OTHERWISE.iter().find(|(t, n, _)| *t == table && n == number);
            let same = ours(*number).eq_ignore_ascii_case(name);
            same == known.is_some()
        })
        .map(|(number, name)| format!("{number:#x}: theirs {name}, ours {}", ours(*number)))
        .collect();
    assert!(faults.is_empty(), "{table}\n{}", faults.join("\n"));
}

fn octet(number: usize) -> u8 {
    u8::try_from(number).expect("a number below 128")
}

#[test]
#[ignore = "needs python-messaging"]
fn names_of_numbers_agree() {
    let tables = ask(&[json!({ "do": "tables" })]).remove(0);
    assert_same("content types", &tables["content_types"], |at| names::media_type(at as u64));
    assert_same("charsets", &tables["charsets"], |at| charset::name_of(at as u64));
    assert_same("headers", &tables["headers"], |at| names::header(octet(at)));
    assert_same("parameters", &tables["parameters"], |at| names::parameter(octet(at)));
}

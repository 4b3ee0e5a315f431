//! The code points of WSP as python-messaging lists them (WAP-230 tables 38 to 40 and 42): each of
//! its numbers is read by our decoders, and has the same name there.

use bytes::Bytes;
use mm1gate::codec::wsp::{ContentType, Reader, Warnings, charset, decode_headers};
use serde_json::{Value, json};

use super::ask;

/// Numbers that we name otherwise, and why.
const NAMED_OTHERWISE: &[(&str, usize, &str)] = &[(
    "parameters",
    0x03,
    "a Type that is an Integer-value, of WSP 1.1: kept under its number, so that it goes out as it came",
)];

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

fn content_type(octets: &[u8]) -> ContentType {
    let octets = Bytes::copy_from_slice(octets);
    ContentType::decode(&mut Reader::new(&octets), &mut Warnings::new()).expect("a content type")
}

fn short(number: usize) -> u8 {
    0x80 | u8::try_from(number).expect("a Short-integer")
}

#[test]
#[ignore = "needs python-messaging"]
fn names_of_numbers_agree() {
    let tables = ask(&[json!({ "do": "tables" })]).remove(0);
    assert_same("content types", &tables["content_types"], |number| {
        content_type(&[short(number)]).media_type.as_str().to_owned()
    });
    assert_same("charsets", &tables["charsets"], |number| {
        charset::name_of(u64::try_from(number).expect("a number"))
    });
    assert_same("headers", &tables["headers"], |number| {
        let octets = Bytes::from(vec![short(number), b'x', 0]);
        let headers = decode_headers(&mut Reader::new(&octets), &mut Warnings::new());
        headers.first().map(|(name, _)| name.clone()).unwrap_or_default()
    });
    assert_same("parameters", &tables["parameters"], |number| {
        // text/plain with one parameter, whose value is a number, or a text.
        let number = short(number);
        [&[3, 0x83, number, 0x83][..], &[4, 0x83, number, b'x', 0]]
            .into_iter()
            .map(|octets| parameter_name(&content_type(octets)))
            .find(|name| !name.is_empty())
            .unwrap_or_default()
    });
}

fn parameter_name(found: &ContentType) -> String {
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

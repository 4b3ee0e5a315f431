//! `mm1gate encode` as its users run it: what `decode` told becomes the same again, and what cannot be
//! encoded is named by its place in the JSON.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli_basics::{mm1gate, run};
use crate::vectors;

fn place() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn encode(home: &Path, json: &Value, arguments: &[&str]) -> (i32, Vec<u8>, String) {
    let mut command = mm1gate(home);
    command.arg("encode").args(arguments).arg("-").write_stdin(json.to_string());
    let output = command.output().expect("the program runs");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    (output.status.code().expect("the program ends by itself"), output.stdout, err)
}

fn decode(home: &Path, octets: &[u8], arguments: &[&str]) -> (i32, Value) {
    let mut command = mm1gate(home);
    command.args(["decode", "--json"]).args(arguments).arg("-").write_stdin(octets);
    let (exit, out, _) = run(&mut command);
    (exit, serde_json::from_str(&out).expect("JSON"))
}

/// Without what was forgiven in the first octets and is not in the second, and without the names
/// and sizes that a written multipart gives anew.
fn essence(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !["warnings", "file", "segments"].contains(&key.as_str()))
            .filter(|(key, _)| {
                !(object.contains_key("parts") && ["length", "sha256"].contains(&key.as_str()))
            })
            .map(|(key, value)| (key.clone(), essence(value)))
            .collect(),
        Value::Array(list) => list.iter().map(essence).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_vector_that_is_understood_comes_back_from_its_json_and_files() {
    let mut count = 0;
    for kind in ["mms", "push"] {
        for name in vectors::names(kind) {
            let home = place();
            let octets = vectors::octets(kind, &name);
            let (exit, first) =
                decode(home.path(), &octets, &["--type", kind, "--extract", "parts"]);
            if exit != 0 {
                continue;
            }
            let file = home.path().join("parts/told.json");
            fs::write(&file, first.to_string()).expect("a file");
            let mut command = mm1gate(home.path());
            let (exit, _, err) = run(command.args(["encode", "-o", "again", "parts/told.json"]));
            assert_eq!((exit, err.as_str()), (0, ""), "{kind}/{name}: {first}");
            let again = fs::read(home.path().join("again")).expect("the PDU");
            let (exit, second) = decode(home.path(), &again, &["--type", kind]);
            assert_eq!(exit, 0, "{kind}/{name}: {second}");
            assert_eq!(essence(&second), essence(&first), "{kind}/{name}");
            count += 1;
        }
    }
    assert!(count > 60, "{count} vectors came back");
}

#[test]
fn message_written_by_hand_is_encoded_as_an_mmsc_wants_it() {
    let home = place();
    fs::write(home.path().join("photo.jpg"), b"\xFF\xD8\xFF\xE0").expect("a file");
    let message = json!({
        "kind": "mms",
        "pdu": "m-send.req",
        "headers": {
            "subject": "Grüße",
            "to": ["+44 7700 900123", "86888", { "address": "10.0.0.1", "type": "IPv4" }],
            "from": "insert-address",
            "transaction-id": "T1",
            "delivery-report": true,
            "expiry": { "relative": 86400 },
            "priority": "high",
            "x-own": "yes",
            "field-0x52": "0x81",
        },
        "parts": [
            { "content_type": "application/smil", "content_id": "s", "text": "<smil></smil>" },
            { "text": "Hello", "name": "t.txt" },
            { "file": "photo.jpg", "name": "photo.jpg", "content_location": "photo.jpg" },
            { "content_type": "image/png", "base64": "iVBORw0=" },
        ],
    });
    let (exit, octets, err) = encode(home.path(), &message, &[]);
    assert_eq!((exit, err.as_str()), (0, ""));
    // Type, Transaction-Id and version come first, Content-Type last.
    assert!(octets.starts_with(b"\x8C\x80\x98T1\0\x8D\x92\x89\x01\x81\x97"), "{octets:02x?}");
    let (exit, told) = decode(home.path(), &octets, &[]);
    assert_eq!(exit, 1, "nobody knows field 0x52: {told}");
    let headers = &told["headers"];
    assert_eq!(headers["to"][0], json!({ "address": "+447700900123", "type": "PLMN" }));
    assert_eq!(headers["to"][1], json!({ "address": "86888", "type": null }));
    assert_eq!(headers["to"][2], json!({ "address": "10.0.0.1", "type": "IPv4" }));
    assert_eq!(headers["subject"], "Grüße");
    assert_eq!(headers["x-own"], "yes");
    assert_eq!(headers["field-0xd2"], "0x81");
    let content_type = headers["content-type"].as_str().expect("text");
    assert!(content_type.starts_with("application/vnd.wap.multipart.related;"), "{content_type}");
    let parts = told["parts"].as_array().expect("a list");
    let lengths: Vec<_> = parts.iter().map(|part| part["length"].as_u64()).collect();
    assert_eq!(lengths, [Some(13), Some(5), Some(4), Some(5)]);
    assert_eq!(parts[2]["content_type"], "image/jpeg");
    assert_eq!(parts[1]["charset"], "utf-8");
}

fn notification() -> Value {
    json!({
        "kind": "mms",
        "pdu": "m-notification.ind",
        "headers": {
            "transaction-id": "T1",
            "content-location": format!("http://mmsc.example/{}", "x".repeat(200)),
            "message-class": "personal",
            "message-size": 1234,
            "expiry": { "absolute": "2026-11-28T10:20:30.000Z" },
        },
    })
}

#[test]
fn push_in_short_messages_is_found_again() {
    let home = place();
    let push =
        json!({ "kind": "push", "headers": { "transaction-id": 7 }, "content": notification() });
    for (pdu, party) in [("sms-deliver", "from"), ("sms-submit", "to")] {
        let message = json!({
            "kind": "tpdu",
            "pdu": pdu,
            "headers": {
                party: "+447700900123",
                "smsc": "+447785016005",
                "destination-port": 2948,
            },
            "content": push,
        });
        let (exit, lines, err) = encode(home.path(), &message, &[]);
        assert_eq!((exit, err.as_str()), (0, ""));
        let text = String::from_utf8(lines).expect("digits");
        assert!(text.lines().count() > 1, "{text}");
        let (exit, told) = decode(home.path(), text.as_bytes(), &[]);
        assert_eq!((exit, &told["pdu"]), (0, &json!(pdu)), "{told}");
        assert_eq!(told["headers"]["smsc"], "+447785016005");
        let inner = &told["content"]["content"]["headers"];
        assert_eq!(inner["message-size"], 1234, "{told}");
        assert_eq!(inner["expiry"], notification()["headers"]["expiry"]);
        let (exit, again, err) = encode(home.path(), &told, &[]);
        assert_eq!((exit, err.as_str()), (0, ""));
        let (_, told_again) = decode(home.path(), &again, &[]);
        assert_eq!(essence(&told_again), essence(&told));
    }
}

#[test]
fn long_text_is_split_and_joined() {
    let home = place();
    for text in ["Hello ".repeat(60), "Grüße 😀 ".repeat(30), "short".to_owned()] {
        let message = json!({
            "kind": "tpdu", "pdu": "sms-submit", "headers": { "to": "86888", "text": text },
        });
        let (exit, lines, err) = encode(home.path(), &message, &[]);
        assert_eq!((exit, err.as_str()), (0, ""));
        let (exit, told) = decode(home.path(), &lines, &[]);
        assert_eq!((exit, told["headers"]["text"].as_str()), (0, Some(text.as_str())), "{told}");
    }
}

#[test]
fn digits_go_where_octets_cannot() {
    let home = place();
    let (_, octets, _) = encode(home.path(), &notification(), &[]);
    let (exit, digits, _) = encode(home.path(), &notification(), &["--hex"]);
    assert_eq!((exit, digits), (0, format!("{}\n", hex::encode(&octets)).into_bytes()));
    let (exit, out, _) = encode(home.path(), &notification(), &["-o", "out.mms"]);
    assert_eq!((exit, out.as_slice()), (0, &b""[..]));
    assert_eq!(fs::read(home.path().join("out.mms")).expect("written"), octets);
    let (exit, _, err) = encode(home.path(), &notification(), &["-o", "out.mms"]);
    assert_eq!(exit, 73, "a file is never replaced: {err}");
}

#[test]
fn what_cannot_be_encoded_is_named_by_its_place() {
    let home = place();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut message = notification();
        change(&mut message);
        message
    };
    let cases: [(Value, &str, &str); 15] = [
        (json!([]), "standard input: ", "an object"),
        (json!({ "kind": "fax" }), "kind: ", "\"fax\" cannot be encoded"),
        (json!({}), "kind: ", "\"mms\""),
        (with(&|it| it["pdu"] = json!("m-notificaton.ind")), "pdu: ", "\"m-notification.ind\""),
        (with(&|it| it["header"] = json!({})), "header: ", "did you mean 'headers'?"),
        (
            with(&|it| it["headers"]["mesage-class"] = json!("auto")),
            "headers.mesage-class: ",
            "did you mean 'message-class'?",
        ),
        (
            with(&|it| it["headers"]["message-size"] = json!("big")),
            "headers.message-size: ",
            "a number",
        ),
        (
            with(&|it| it["headers"]["expiry"] = json!({ "relative": -1 })),
            "headers.expiry.relative: ",
            "a number",
        ),
        (with(&|it| it["headers"]["priority"] = json!("hihg")), "headers.priority: ", "\"high\""),
        (
            with(&|it| it["headers"]["delivery-report"] = json!("yes!")),
            "headers.delivery-report: ",
            "true or false",
        ),
        (
            with(&|it| it["headers"]["to"] = json!(["+44", { "adress": "x" }])),
            "headers.to[1].adress: ",
            "address",
        ),
        (
            with(&|it| it["headers"]["transaction-id"] = Value::Null),
            "headers.transaction-id: ",
            "text",
        ),
        (
            with(&|it| {
                it["headers"].as_object_mut().expect("one").remove("content-location");
            }),
            "headers: ",
            "X-Mms-Content-Location",
        ),
        (with(&|it| it["error"] = json!({})), "error: ", "do not decode"),
        (
            with(&|it| it["parts"] = json!([{ "text": "x", "base64": "eA==" }])),
            "parts[0]: ",
            "text, base64",
        ),
    ];
    for (message, place, expected) in cases {
        let (exit, out, err) = encode(home.path(), &message, &[]);
        assert_eq!((exit, out.as_slice()), (65, &b""[..]), "{message}: {err}");
        let first = err.lines().next().expect("a sentence");
        assert!(first.contains(place) && first.contains(expected), "{message}: {err}");
    }
    let missing = with(&|it| {
        it["pdu"] = json!("m-send.req");
        it["parts"] = json!([{ "file": "gone.jpg" }]);
    });
    let (exit, _, err) = encode(home.path(), &missing, &[]);
    assert_eq!(exit, 66, "{err}");
    assert!(err.contains("parts[0].file: gone.jpg: no such file"), "{err}");
    let mut command = mm1gate(home.path());
    let (exit, _, err) = run(command.args(["encode", "-"]).write_stdin("{"));
    assert_eq!(exit, 65);
    assert!(err.contains("is no JSON"), "{err}");
}

/// The lines of a message, and what `decode` tells of them.
fn there_and_back(message: &Value) -> Value {
    let home = place();
    fs::write(home.path().join("in.json"), message.to_string()).expect("a file");
    let (exit, lines, err) = run(mm1gate(home.path()).args(["encode", "in.json"]));
    assert_eq!((exit, err.as_str()), (0, ""), "{message}");
    let (exit, told) = decode(home.path(), lines.as_bytes(), &["--type", "tpdu"]);
    assert_eq!(exit, 0, "{told}");
    told
}

#[test]
fn sms_options_are_written_and_told_the_same() {
    let headers = json!({
        "to": { "address": "+447700900123", "type": "international" },
        "message-reference": 7, "status-report-request": true, "reply-path": true,
        "validity-period": { "relative": 3600 }, "protocol-identifier": 0, "message-class": 0,
        "languages": ["Turkish"], "text": "ışık ğ",
    });
    let message = json!({ "kind": "tpdu", "pdu": "sms-submit", "headers": headers });
    let told = there_and_back(&message);
    for (name, value) in headers.as_object().expect("headers") {
        assert_eq!(&told["headers"][name], value, "{name}: {told}");
    }
    assert_eq!(told["headers"]["alphabet"], "gsm7", "{told}");
    assert_eq!(there_and_back(&told)["headers"], told["headers"]);
}

#[test]
fn several_messages_are_written_in_their_order() {
    let one = |text: &str| {
        let headers = json!({ "from": "+447700900123", "text": text });
        json!({ "kind": "tpdu", "pdu": "sms-deliver", "headers": headers })
    };
    let told = there_and_back(&json!({ "kind": "tpdu", "messages": [one("a"), one("b")] }));
    let texts = [&told["messages"][0]["headers"]["text"], &told["messages"][1]["headers"]["text"]];
    assert_eq!(texts, ["a", "b"], "{told}");
}

#[test]
fn service_indication_is_written_as_it_is_told() {
    let headers = json!({
        "href": "http://www.m.example/1", "text": "pay", "action": "signal-high",
        "created": "2026-11-21T10:20:30.000Z", "si-id": "x",
    });
    let content = json!({ "kind": "si", "headers": headers });
    let headers_of = json!({ "from": "+447700900123", "destination-port": 2948 });
    let push = json!({ "kind": "push", "content": content });
    let told = there_and_back(
        &json!({ "kind": "tpdu", "pdu": "sms-deliver", "headers": headers_of, "content": push }),
    );
    assert_eq!(told["content"]["content"]["headers"], headers, "{told}");
    assert_eq!(told["content"]["application"], "service indication");
}

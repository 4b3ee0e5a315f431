//! A new message as JSON.

use base64::Engine;
use base64::engine::general_purpose;
use bytes::Bytes;
use serde_json::{Map, Value};

use axum::http::StatusCode;

use super::{Draft, Handed, RawPart, unknown_field};
use crate::api::fetch::MAX_URL;
use crate::api::problem::Problem;

/// The fields of a message.
pub(crate) const FIELDS: &[&str] = &[
    "kind",
    "to",
    "subject",
    "text",
    "parts",
    "group",
    "delivery_report",
    "read_report",
    "expires_at",
    "validity_seconds",
    "send_at",
    "priority",
    "client_ref",
    "modem",
    "route",
    "from",
];

/// The fields of a part.
const PART_FIELDS: &[&str] = &["data_base64", "content_type", "filename", "url"];

/// Reads the body of a request.
pub(super) fn parse(body: &[u8]) -> Result<Handed, Problem> {
    let mut draft = Draft::default();
    for (name, value) in &object(body)? {
        field(&mut draft, name, value);
    }
    let urls = std::mem::take(&mut draft.urls);
    draft.finish().map(|message| Handed { message, urls })
}

/// The object that a request body is.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        let what = if body.is_empty() {
            "the request has no body".to_owned()
        } else {
            format!("the body is not JSON: {error}")
        };
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "the request body cannot be read",
            what,
        )
    })?;
    let Value::Object(object) = value else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "the request body cannot be read",
            "the body is not a JSON object",
        )
        .hint("for example {\"to\": \"+447700900123\", \"text\": \"Hello\"}"));
    };
    Ok(object)
}

pub(super) fn field(draft: &mut Draft, name: &str, value: &Value) {
    match (name, value) {
        (_, Value::Null) if FIELDS.contains(&name) => {}
        ("to", Value::String(text)) => draft.recipient("/to", text),
        ("to", Value::Array(list)) => {
            for (index, entry) in list.iter().enumerate() {
                let pointer = format!("/to/{index}");
                match entry {
                    Value::String(text) => draft.recipient(&pointer, text),
                    _ => draft.complain(
                        pointer,
                        "invalid-type",
                        "each entry of 'to' must be a text, such as \"+447700900123\"",
                    ),
                }
            }
        }
        ("kind", Value::String(text)) => draft.kind("/kind", text),
        ("subject", Value::String(text)) => draft.subject("/subject", text),
        ("text", Value::String(text)) => draft.text("/text", text),
        ("client_ref", Value::String(text)) => draft.client_ref("/client_ref", text),
        ("modem", Value::String(text)) => draft.modem("/modem", text),
        ("route", Value::String(text)) => draft.route("/route", text),
        ("from", Value::String(text)) => draft.from("/from", text),
        ("expires_at", Value::String(text)) => draft.expires_at("/expires_at", text),
        ("send_at", Value::String(text)) => draft.send_at("/send_at", text),
        ("priority", Value::String(text)) => draft.priority("/priority", text),
        ("validity_seconds", Value::Number(number)) => {
            draft.validity("/validity_seconds", number.as_u64());
        }
        ("validity_seconds", _) => wrong_type(draft, name, "a number"),
        ("group", Value::Bool(yes)) => draft.message.group = *yes,
        ("delivery_report", Value::Bool(yes)) => draft.delivery_report = Some(*yes),
        ("read_report", Value::Bool(yes)) => draft.message.read_report = *yes,
        ("parts", Value::Array(list)) => {
            for (index, entry) in list.iter().enumerate() {
                part(draft, &format!("/parts/{index}"), entry);
            }
        }
        ("to", _) => wrong_type(draft, name, "a text or a list of texts"),
        ("parts", _) => wrong_type(draft, name, "a list of objects"),
        ("group" | "delivery_report" | "read_report", _) => {
            wrong_type(draft, name, "true or false");
        }
        (
            "kind" | "subject" | "text" | "client_ref" | "expires_at" | "send_at" | "priority"
            | "modem" | "route" | "from",
            _,
        ) => {
            wrong_type(draft, name, "a text");
        }
        _ => {
            let complaint = unknown_field(pointer_of(name), name, FIELDS);
            draft.complain(complaint.pointer, "unknown-field", complaint.detail);
        }
    }
}

fn part(draft: &mut Draft, pointer: &str, entry: &Value) {
    let Value::Object(object) = entry else {
        draft.complain(pointer, "invalid-type", "each entry of 'parts' must be an object");
        return;
    };
    for name in object.keys().filter(|name| !PART_FIELDS.contains(&name.as_str())) {
        let complaint = unknown_field(format!("{pointer}{}", pointer_of(name)), name, PART_FIELDS);
        draft.complain(complaint.pointer, "unknown-field", complaint.detail);
    }
    let (Ok(media_type), Ok(name)) = (
        text_of(draft, pointer, object, "content_type"),
        text_of(draft, pointer, object, "filename"),
    ) else {
        return;
    };
    let (Ok(data), Ok(url)) =
        (text_of(draft, pointer, object, "data_base64"), text_of(draft, pointer, object, "url"))
    else {
        return;
    };
    let data = match (data, url) {
        (Some(data), None) => data,
        (None, Some(url)) if url.len() <= MAX_URL => {
            draft.part_url(pointer, url, RawPart { name, media_type, body: Bytes::new() });
            return;
        }
        (None, Some(_)) => {
            let detail = format!("a URL has at most {MAX_URL} octets");
            draft.complain(format!("{pointer}/url"), "url-not-allowed", detail);
            return;
        }
        (Some(_), Some(_)) => {
            let detail = "a part has data_base64 or url, not both";
            draft.complain(format!("{pointer}/url"), "two-sources", detail);
            return;
        }
        (None, None) => {
            let detail = "a part needs data_base64 or url";
            draft.complain(format!("{pointer}/data_base64"), "missing-field", detail);
            return;
        }
    };
    let Some(body) = decode_base64(data) else {
        draft.complain(
            format!("{pointer}/data_base64"),
            "invalid-base64",
            "data_base64 is not Base64 (RFC 4648)",
        );
        return;
    };
    draft.part(pointer, RawPart { name, media_type, body: Bytes::from(body) });
}

fn text_of<'a>(
    draft: &mut Draft,
    pointer: &str,
    object: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, ()> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => {
            let detail = format!("'{name}' must be a text");
            draft.complain(format!("{pointer}/{name}"), "invalid-type", detail);
            Err(())
        }
    }
}

/// Takes the standard and the URL-safe alphabet, with and without padding, with line breaks as
/// `base64` prints them.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let lenient = general_purpose::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    let standard = general_purpose::GeneralPurpose::new(&base64::alphabet::STANDARD, lenient);
    // Most have neither line breaks nor the other alphabet.
    standard.decode(text).ok().or_else(|| {
        let compact: Vec<u8> = text
            .bytes()
            .filter(|octet| !octet.is_ascii_whitespace())
            .map(|octet| match octet {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            })
            .collect();
        let mixed = text.contains(['-', '_']) && text.contains(['+', '/']);
        standard.decode(compact).ok().filter(|_| !mixed)
    })
}

pub(super) fn wrong_type(draft: &mut Draft, name: &str, wanted: &str) {
    draft.complain(pointer_of(name), "invalid-type", format!("'{name}' must be {wanted}"));
}

/// RFC 6901 escapes.
pub(super) fn pointer_of(name: &str) -> String {
    let name: String = name.chars().take(40).collect();
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Kind};

    fn codes(body: &str) -> Vec<(String, String)> {
        let problem = parse(body.as_bytes()).expect_err("the body is wrong");
        problem.errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    fn pair(pointer: &str, code: &str) -> (String, String) {
        (pointer.to_owned(), code.to_owned())
    }

    #[test]
    fn whole_message_is_read() {
        let handed = parse(
            br#"{"to": ["+44 7700 900123", "0044 7700 900123"], "subject": " Hi ", "text": "a\r\nb",
                "parts": [{"data_base64": "/9j/\n4A==", "filename": "C:\\p\\a.jpg",
                           "content_type": "image/jpeg"}],
                "group": true, "delivery_report": true, "client_ref": "order 7",
                "expires_at": "2026-12-24T18:00:00Z"}"#,
        )
        .expect("a message");
        assert_eq!(handed.message.to, [Address::Msisdn("+447700900123".into())]);
        assert_eq!(handed.message.subject.as_deref(), Some("Hi"));
        assert_eq!(handed.message.text.as_deref(), Some("a\nb"));
        assert_eq!(handed.message.parts[0].body.as_ref(), [0xff, 0xd8, 0xff, 0xe0]);
        assert_eq!(handed.message.parts[0].name.as_deref(), Some("a.jpg"));
        assert!(handed.message.group && handed.message.delivery_report);
        assert_eq!(
            handed.message.expires_at.map(|at| at.to_string()).as_deref(),
            Some("2026-12-24T18:00:00.000Z")
        );
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        assert_eq!(
            codes(r#"{"to": ["12", 5], "subjcet": "x", "text": 7, "parts": [{"data": "x"}, 3]}"#),
            [
                pair("/to/0", "invalid-recipient"),
                pair("/to/1", "invalid-type"),
                pair("/subjcet", "unknown-field"),
                pair("/text", "invalid-type"),
                pair("/parts/0/data", "unknown-field"),
                pair("/parts/0/data_base64", "missing-field"),
                pair("/parts/1", "invalid-type"),
            ]
        );
        let problem = parse(br#"{"to": "+447700900123", "txet": "x"}"#).expect_err("unknown");
        assert!(problem.detail.contains("did you mean 'text'?"), "{}", problem.detail);
    }

    #[test]
    fn message_without_recipient_or_content_is_refused() {
        assert_eq!(codes(r#"{"text": "x"}"#), [pair("/to", "no-recipient")]);
        assert_eq!(codes(r#"{"to": []}"#), [pair("/to", "no-recipient")]);
        assert_eq!(codes(r#"{"to": "+447700900123", "text": "  "}"#), [pair("", "empty-message")]);
    }

    #[test]
    fn short_message_has_text_and_nothing_else() {
        let Handed { message, .. } =
            parse(br#"{"to": "+447700900123", "text": "Hi", "kind": "sms"}"#).expect("one");
        assert!(message.kind == Kind::Sms && message.delivery_report, "reported unless said");
        let quiet = br#"{"kind": "sms", "to": "86888", "text": "Hi", "delivery_report": false}"#;
        assert!(!parse(quiet).expect("a message").message.delivery_report);
        assert_eq!(
            codes(
                r#"{"kind": "sms", "to": "86888", "text": "x", "subject": "a", "group": true,
                    "parts": [{"data_base64": "AA==", "content_type": "image/png"}]}"#
            ),
            [
                pair("/subject", "not-in-sms"),
                pair("/parts", "not-in-sms"),
                pair("/group", "not-in-sms")
            ]
        );
        assert_eq!(codes(r#"{"kind": "sms", "to": "86888"}"#), [pair("", "empty-message")]);
        assert_eq!(
            codes(r#"{"kind": "fax", "to": "86888", "text": "x"}"#),
            [pair("/kind", "invalid-kind")]
        );
    }

    #[test]
    fn part_is_given_by_its_octets_or_its_url_and_not_by_both() {
        let body = r#"{"to": "86888", "parts": [{"url": "http://x/a.jpg", "filename": "a.jpg"}]}"#;
        let handed = parse(body.as_bytes()).expect("a message");
        assert!(handed.has_urls() && handed.message.parts[0].body.is_empty());
        assert_eq!(handed.message.parts[0].name.as_deref(), Some("a.jpg"));
        let elsewhere = parse(body.replace("a.jpg\", \"f", "b.jpg\", \"f").as_bytes());
        assert_ne!(handed.fingerprint(), elsewhere.expect("a message").fingerprint());
        for (part, field, code) in [
            (r#"{"url": "http://x/", "data_base64": "AA=="}"#, "/parts/0/url", "two-sources"),
            ("{}", "/parts/0/data_base64", "missing-field"),
            (r#"{"url": 7}"#, "/parts/0/url", "invalid-type"),
        ] {
            let body = format!(r#"{{"to": "86888", "parts": [{part}]}}"#);
            assert_eq!(codes(&body), [pair(field, code)]);
        }
    }

    #[test]
    fn limits_hold() {
        let many: Vec<String> =
            (0..=super::super::MAX_RECIPIENTS).map(|n| format!("\"+4477009{n:05}\"")).collect();
        assert_eq!(
            codes(&format!(r#"{{"text": "x", "to": [{}]}}"#, many.join(","))),
            [pair("/to", "too-many-recipients")]
        );
        let long = "x".repeat(super::super::MAX_SUBJECT + 1);
        assert_eq!(
            codes(&format!(r#"{{"text": "x", "to": "86888", "subject": "{long}"}}"#)),
            [pair("/subject", "subject-too-long")]
        );
        assert_eq!(
            codes(r#"{"text": "x", "to": "86888", "subject": "a\nBcc: x"}"#),
            [pair("/subject", "invalid-subject")]
        );
        assert_eq!(
            codes(r#"{"to": "86888", "parts": [{"data_base64": "!!"}]}"#),
            [pair("/parts/0/data_base64", "invalid-base64")]
        );
        assert_eq!(
            codes(
                r#"{"to": "86888", "parts": [{"data_base64": "AA==", "content_type": "x\r\ny"}]}"#
            ),
            [pair("/parts/0", "invalid-content-type")]
        );
    }
}

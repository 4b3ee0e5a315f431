//! A new message as a form (RFC 7578): what `curl -F` and browsers send.

use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use bytes::Bytes;

use super::{Draft, MAX_BODY, RawPart, unknown_field};
use crate::api::body;
use crate::api::problem::Problem;
use crate::model::NewMessage;

/// The fields of the form.
pub(crate) const FORM_FIELDS: &[&str] = &[
    "kind",
    "to",
    "subject",
    "text",
    "file",
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

/// Reads the form of a request; the router has set the limit of the body.
pub(super) async fn read(request: Request) -> Result<NewMessage, Problem> {
    let mut form = Multipart::from_request(request, &()).await.map_err(rejected)?;
    let mut draft = Draft::default();
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        one(&mut draft, field).await?;
    }
    draft.finish()
}

async fn one(draft: &mut Draft, field: Field<'_>) -> Result<(), Problem> {
    let Some(name) = field.name().map(str::to_owned) else {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-form",
            "the form cannot be read",
            "a field of the form has no name",
        ));
    };
    let filename = field.file_name().map(str::to_owned);
    let media_type = field.content_type().map(str::to_owned);
    let body = field.bytes().await.map_err(malformed)?;
    let pointer = format!("/{name}");
    match name.as_str() {
        "file" | "files" => {
            // A browser sends an empty file without a name when none was chosen.
            if !body.is_empty() || filename.as_deref().is_some_and(|name| !name.is_empty()) {
                draft.part(
                    &pointer,
                    RawPart { name: filename.as_deref(), media_type: media_type.as_deref(), body },
                );
            }
        }
        known if FORM_FIELDS.contains(&known) => {
            let Some(text) = utf8(draft, &pointer, &body) else { return Ok(()) };
            text_field(draft, known, &pointer, text);
        }
        unknown => {
            let complaint = unknown_field(pointer, unknown, FORM_FIELDS);
            draft.complain(complaint.pointer, "unknown-field", complaint.detail);
        }
    }
    Ok(())
}

fn text_field(draft: &mut Draft, name: &str, pointer: &str, text: &str) {
    match name {
        // One field may hold several numbers, as people type them.
        "to" => {
            let pieces = text.split([',', ';', '\n']).map(str::trim);
            for piece in pieces.filter(|piece| !piece.is_empty()) {
                draft.recipient(pointer, piece);
            }
        }
        "kind" => draft.kind(pointer, text),
        "subject" => draft.subject(pointer, text),
        "text" => draft.text(pointer, text),
        "client_ref" => draft.client_ref(pointer, text),
        "modem" => draft.modem(pointer, text),
        "route" => draft.route(pointer, text),
        "from" => draft.from(pointer, text),
        "send_at" | "priority" | "validity_seconds" if text.trim().is_empty() => {}
        "send_at" => draft.send_at(pointer, text),
        "priority" => draft.priority(pointer, text),
        "validity_seconds" => draft.validity(pointer, text.trim().parse().ok()),
        "expires_at" if text.trim().is_empty() => {}
        "expires_at" => draft.expires_at(pointer, text),
        "group" | "delivery_report" | "read_report" => {
            let yes = match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => true,
                "" | "false" | "0" | "no" | "off" => false,
                _ => {
                    draft.complain(pointer, "invalid-type", format!("'{name}' must be yes or no"));
                    return;
                }
            };
            match name {
                "group" => draft.message.group = yes,
                "read_report" => draft.message.read_report = yes,
                _ => draft.delivery_report = Some(yes),
            }
        }
        _ => {}
    }
}

fn utf8<'a>(draft: &mut Draft, pointer: &str, body: &'a Bytes) -> Option<&'a str> {
    let text = std::str::from_utf8(body).ok();
    if text.is_none() {
        draft.complain(pointer, "invalid-text", format!("'{}' is not UTF-8", &pointer[1..]));
    }
    text
}

pub(in crate::api) fn malformed(error: MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::too_large(MAX_BODY);
    }
    if body::is_too_slow(&error) {
        return body::unreadable(&error, MAX_BODY);
    }
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed-form",
        "the form cannot be read",
        format!("the form cannot be read: {}", error.body_text()),
    )
}

pub(in crate::api) fn rejected(rejection: MultipartRejection) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed-form",
        "the form cannot be read",
        rejection.body_text(),
    )
    .hint("the Content-Type of a form names its boundary")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    async fn form(fields: &str) -> Result<NewMessage, Problem> {
        let body = format!("{}--b--\r\n", fields.replace('\n', "\r\n"));
        let request = axum::http::Request::post("/")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .expect("a request");
        read(request).await
    }

    fn field(name: &str, value: &str) -> String {
        format!("--b\nContent-Disposition: form-data; name=\"{name}\"\n\n{value}\n")
    }

    #[tokio::test]
    async fn several_numbers_in_one_field_are_several_recipients() {
        let fields = format!(
            "{}{}{}",
            field("to", "+447700900123, +447700900124"),
            field("to", "86888"),
            field("text", "Hi"),
        );
        let message = form(&fields).await.expect("a message");
        assert_eq!(message.to.len(), 3);
    }

    #[tokio::test]
    async fn file_input_left_empty_is_no_part() {
        let fields = format!(
            "{}{}--b\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\n\
             Content-Type: application/octet-stream\n\n\n",
            field("to", "86888"),
            field("text", "Hi"),
        );
        let message = form(&fields).await.expect("a message");
        assert!(message.parts.is_empty());
    }

    #[tokio::test]
    async fn unknown_form_field_is_named() {
        let fields = format!("{}{}", field("To", "86888"), field("text", "Hi"));
        let problem = form(&fields).await.expect_err("unknown field");
        assert!(problem.detail.contains("did you mean 'to'?"), "{}", problem.detail);
    }

    #[tokio::test]
    async fn form_cut_short_is_malformed() {
        let request = axum::http::Request::post("/")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from("--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n+4477"))
            .expect("a request");
        assert_eq!(read(request).await.expect_err("cut").code.as_ref(), "malformed-form");
    }
}

//! REST: messages handed in, read back, listed; every refusal a problem+json (RFC 9457).

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use serde_json::json;
use sha2::Digest;

use crate::api_rig::{PNG, Rig};

#[tokio::test]
async fn json_message_is_accepted_and_read_back() {
    let rig = Rig::start().await;
    let answer = rig
        .post_json(&json!({
            "to": ["+44 7700 900123", "86888"], "subject": "Cake", "text": "Ready",
            "parts": [{"filename": "a.png",
                       "data_base64": base64::engine::general_purpose::STANDARD.encode(PNG)}],
            "delivery_report": true, "client_ref": "order 7",
        }))
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let accepted = answer.json();
    let id = accepted["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), format!("/api/v1/messages/{id}"));
    assert!(accepted["state"].is_string());

    let message = rig.get(answer.header("location")).await.json();
    assert_eq!(message["direction"], "out");
    assert_eq!(message["subject"], "Cake");
    assert_eq!(message["client_ref"], "order 7");
    assert_eq!(message["settled"], false);
    let recipients = message["recipients"].as_array().expect("recipients");
    assert_eq!(recipients.len(), 2);
    assert_eq!(recipients[0]["address"], "+447700900123");
    let picture = message["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .find(|part| part["content_type"] == "image/png")
        .expect("the picture, its type found out from its octets");
    assert_eq!(picture["sha256"], hex::encode(sha2::Sha256::digest(PNG)));
    let body = rig.get(picture["url"].as_str().expect("a URL")).await;
    assert_eq!(body.body, PNG);
    let timeline = message["timeline"].as_array().expect("a timeline");
    assert_eq!(timeline[0]["state"], "accepted");
    // More may have happened since.
    let events = rig.get(&format!("/api/v1/messages/{id}/events")).await.json();
    let events = events["events"].as_array().expect("events");
    assert!(events.starts_with(timeline), "{events:?}");
}

#[tokio::test]
async fn one_line_of_curl_is_accepted() {
    let rig = Rig::start().await;
    let id = rig.send("Form", PNG).await;
    let message = rig.get(&format!("/api/v1/outbox/{id}")).await.json();
    assert_eq!(message["subject"], "Form");
    assert_eq!(rig.get(&format!("/api/v1/inbox/{id}")).await.status, 404, "it is not inbound");
}

#[tokio::test]
async fn refused_messages_name_what_is_wrong_and_leave_nothing() {
    let rig = Rig::start().await;
    let cases = [
        (json!({"text": "x"}), 422, "no-recipient"),
        (json!({"to": "12", "text": "x"}), 422, "invalid-recipient"),
        (json!({"to": "+44\r\nAT", "text": "x"}), 422, "invalid-recipient"),
        (json!({"to": "86888"}), 422, "empty-message"),
        (json!({"to": "86888", "txet": "x"}), 422, "unknown-field"),
        (json!({"to": "x", "txet": "x"}), 422, "invalid-fields"),
        (json!({"to": "86888", "parts": [{"url": "http://127.0.0.1/"}]}), 422, "url-not-allowed"),
        (json!({"to": "86888", "parts": [{"url": "file:///etc/passwd"}]}), 422, "url-not-allowed"),
        (
            json!({"to": "86888", "parts": [{"url": "x", "data_base64": "AA=="}]}),
            422,
            "two-sources",
        ),
        (json!({"to": "86888", "parts": [{}]}), 422, "missing-field"),
        (json!({"to": "86888", "parts": [{"data_base64": "?"}]}), 422, "invalid-base64"),
        (json!([1]), 400, "malformed-json"),
    ];
    for (body, status, code) in cases {
        rig.post_json(&body).await.is_problem(status, code);
    }
    rig.post("/api/v1/messages", "application/json", b"{\"to\":".to_vec())
        .await
        .is_problem(400, "malformed-json");
    rig.post("/api/v1/messages", "text/plain", b"hi".to_vec())
        .await
        .is_problem(415, "unsupported-media-type");
    rig.post("/api/v1/messages", "multipart/form-data", b"hi".to_vec())
        .await
        .is_problem(400, "malformed-form");
    let list = rig.get("/api/v1/messages").await.json();
    assert_eq!(list["messages"], json!([]), "nothing was stored");
}

#[tokio::test]
async fn sizes_above_the_limits_are_refused() {
    let rig = Rig::start().await;
    let huge = vec![b' '; 17 * 1024 * 1024];
    rig.post("/api/v1/messages", "application/json", huge.clone())
        .await
        .is_problem(413, "body-too-large");
    rig.post_form("/api/v1/messages", &[("to", "86888")], &[("a.bin", "image/jpeg", &huge)])
        .await
        .is_problem(413, "body-too-large");
    let above_operator = vec![0xff; 700 * 1024];
    let answer = rig
        .post_form(
            "/api/v1/messages",
            &[("to", "86888")],
            &[("a.jpg", "image/jpeg", &above_operator)],
        )
        .await;
    answer.is_problem(422, "message-too-large");
    assert!(answer.json()["hint"].as_str().is_some_and(|hint| hint.contains("smaller")));
}

#[tokio::test]
async fn list_is_newest_first_and_pages() {
    let rig = Rig::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(rig.send(&format!("Number {number}"), PNG).await);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut path = "/api/v1/messages?limit=2&direction=out".to_owned();
    loop {
        let page = rig.get(&path).await.json();
        let messages = page["messages"].as_array().expect("a list");
        assert!(messages.len() <= 2);
        seen.extend(messages.iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/messages?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    assert_eq!(rig.get("/api/v1/inbox").await.json()["messages"], json!([]));
    assert_eq!(
        rig.get("/api/v1/outbox").await.json()["messages"].as_array().map(Vec::len),
        Some(5)
    );
    rig.get("/api/v1/messages?limit=x").await.is_problem(400, "invalid-limit");
    rig.get("/api/v1/messages?colour=x").await.is_problem(400, "unknown-parameter");
}

#[tokio::test]
async fn message_is_canceled_once() {
    let rig = Rig::start().await;
    let id = rig.send("Never mind", PNG).await;
    let cancel = format!("/api/v1/messages/{id}/cancel");
    let answer = rig.post(&cancel, "application/json", Vec::new()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["state"], "canceled");
    rig.post(&cancel, "application/json", Vec::new()).await.is_problem(409, "wrong-state");
    rig.post(&format!("/api/v1/messages/{id}/retry"), "application/json", Vec::new())
        .await
        .is_problem(409, "wrong-state");
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_problems() {
    let rig = Rig::start().await;
    for path in
        ["/api/v1/messages/msg_../../etc/passwd", "/api/v1/nothing", "/api/v2/messages", "/nothing"]
    {
        rig.get(path).await.is_problem(404, "not-found");
    }
    let none = "msg_00000000000000000000000000";
    for path in [
        "/api/v1/messages/7".to_owned(),
        format!("/api/v1/messages/{none}"),
        format!("/api/v1/messages/{none}/events"),
        format!("/api/v1/inbox/{none}"),
    ] {
        rig.get(&path).await.is_problem(404, "message-not-found");
    }
    let id = rig.send("Parts", PNG).await;
    for part in ["99", "x", "-1"] {
        rig.get(&format!("/api/v1/messages/{id}/parts/{part}"))
            .await
            .is_problem(404, "part-not-found");
    }
    let delete = Request::delete("/api/v1/messages").body(Body::empty()).expect("a request");
    let answer = rig.ask(delete).await;
    answer.is_problem(405, "method-not-allowed");
    assert!(answer.header("allow").contains("POST"), "{}", answer.header("allow"));
}

#[tokio::test]
async fn parts_are_served_so_that_no_browser_runs_them() {
    let rig = Rig::start().await;
    let answer = rig
        .post_form(
            "/api/v1/messages",
            &[("to", "86888")],
            &[
                ("a.png", "image/png", PNG),
                ("page.html", "text/html", b"<script>alert(1)</script>"),
                ("x.svg", "image/svg+xml", b"<svg onload='alert(1)'/>"),
            ],
        )
        .await;
    let location = answer.header("location").to_owned();
    let message = rig.get(&location).await.json();
    for part in message["parts"].as_array().expect("parts") {
        let answer = rig.get(part["url"].as_str().expect("a URL")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-security-policy").contains("sandbox"));
        let in_place = part["content_type"] == "image/png";
        let disposition = answer.header("content-disposition");
        assert_eq!(disposition.starts_with("inline"), in_place, "{part}: {disposition}");
        assert_eq!(disposition.starts_with("attachment"), !in_place, "{part}: {disposition}");
    }
    let png = message["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .find(|part| part["content_type"] == "image/png")
        .expect("the picture");
    let url = format!("{}/thumbnail", png["url"].as_str().expect("a URL"));
    let small = rig.get(&url).await;
    assert_eq!((small.status.as_u16(), small.header("content-type")), (200, "image/jpeg"));
    let again = Request::get(&url).header("if-none-match", small.header("etag"));
    let again = rig.ask(again.body(Body::empty()).expect("a request")).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let html = message["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .find(|part| part["content_type"] == "text/html")
        .expect("the page");
    rig.get(&format!("{}/thumbnail", html["url"].as_str().expect("a URL")))
        .await
        .is_problem(404, "no-thumbnail");
}

#[tokio::test]
async fn unplugged_modem_is_shown_with_what_to_do() {
    let rig = Rig::start().await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let modems = rig.get("/api/v1/modems").await.json();
        assert_eq!(modems["modems"][0]["name"], "front-desk");
        let fault = &modems["modems"][0]["fault"];
        if fault.is_object() {
            assert!(fault["remedy"].as_str().is_some_and(|text| !text.is_empty()), "{fault}");
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "no fault: {modems}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let health = rig.get("/healthz").await;
    assert_eq!((health.status.as_u16(), health.json()["status"].as_str()), (200, Some("ok")));
}

#[tokio::test]
async fn description_names_what_is_served_and_what_is_answered() {
    let rig = Rig::start().await;
    let id = rig.send("Described", PNG).await;
    let document = rig.get("/api/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().expect("paths");
    assert!(paths.len() >= 12);
    for (path, operations) in paths {
        let path = path.replace("{id}", &id).replace("{index}", "0");
        for method in operations.as_object().expect("operations").keys() {
            if path == "/api/v1/events" {
                continue;
            }
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(&path);
            let answer = rig.ask(request.body(Body::empty()).expect("a request")).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            if answer.status == 404 {
                assert_ne!(answer.json()["code"], "not-found", "{method} {path}");
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    let message = rig.get(&format!("/api/v1/messages/{id}")).await.json();
    let mut described = vec![("Message", &message)];
    described.extend(message["parts"].as_array().expect("parts").iter().map(|part| ("Part", part)));
    let recipients = message["recipients"].as_array().expect("recipients");
    described.extend(recipients.iter().map(|recipient| ("Recipient", recipient)));
    for (schema, value) in described {
        for member in value.as_object().expect("an object").keys() {
            assert!(schemas[schema]["properties"][member].is_object(), "{schema}.{member}");
        }
    }
}

#[tokio::test]
async fn number_that_nobody_can_have_is_refused_and_a_short_code_is_not() {
    let rig = Rig::start().await;
    for kind in ["mms", "sms"] {
        for (number, words) in [
            ("+44 (0)7700 900123", "+447700900123 is meant"),
            ("+44770", "has 7 to 15 digits, this has 5"),
            ("+1 555 123 456", "has 11 digits, this has 10"),
            ("+0447700900123", "no country's code begins with 0"),
        ] {
            let body = json!({ "kind": kind, "to": ["86888", number], "text": "Hi" });
            let answer = rig.post_json(&body).await;
            answer.is_problem(422, "no-such-number");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/to");
            assert!(answer.text().contains(words), "{}", answer.text());
        }
        for number in ["86888", "112", "07700900123", "+6834002"] {
            let body = json!({ "kind": kind, "to": number, "text": "Hi" });
            let answer = rig.post_json(&body).await;
            assert_eq!(answer.status, 202, "{number}: {}", answer.text());
        }
    }
}

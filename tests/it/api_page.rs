//! The page, the event stream, and who may ask.

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;

use crate::api_rig::{PNG, Rig};

const HOSTILE: &str = "<script>alert(1)</script>\"'&";

#[tokio::test]
async fn first_page_shows_messages_and_runs_nothing_of_theirs() {
    let rig = Rig::start().await;
    let empty = rig.get("/").await;
    assert_eq!(empty.status, 200);
    assert!(empty.text().contains("No messages yet"), "an empty list says what to do");

    let id = rig.send(HOSTILE, PNG).await;
    let page = rig.get("/").await;
    let html = page.text();
    assert!(html.contains(&format!("/messages/{id}")));
    assert!(html.contains("+447700900123"));
    assert!(html.contains("/thumbnail\""), "the picture is shown");
    assert!(html.contains("&lt;script&gt;alert(1)"), "received text is escaped");
    assert!(!html.contains("<script>alert"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!html.contains("http://") && !html.contains("https://"), "no outside request");
    assert!(!html.contains(" style=") && !html.contains(" onclick="), "nothing in line");

    let detail = rig.get(&format!("/messages/{id}")).await.text();
    assert!(detail.contains("What happened") && detail.contains("Recipients"));
    assert!(detail.contains("Hello\nthere"), "the whole text is there");
    assert!(!detail.contains("<script>alert"));
}

#[tokio::test]
async fn reply_fills_in_the_recipient() {
    let rig = Rig::start().await;
    let html = rig.get("/?to=%2B447700900123%22%3E").await.text();
    assert!(html.contains("value=\"+447700900123&quot;&gt;\""), "escaped, and in its field");
}

#[tokio::test]
async fn every_file_that_the_page_names_is_served() {
    let rig = Rig::start().await;
    let html = rig.get("/").await.text();
    let mut found = 0;
    for piece in html.split(['"']).filter(|piece| piece.starts_with("/assets/")) {
        let answer = rig.get(piece).await;
        assert_eq!(answer.status, 200, "{piece}");
        assert!(!answer.body.is_empty());
        found += 1;
    }
    assert!(found >= 3, "stylesheet, script and icon");
}

#[tokio::test]
async fn form_without_scripts_leads_to_the_message() {
    let rig = Rig::start().await;
    let fields =
        [("to", "+447700900123"), ("subject", ""), ("text", "Hi"), ("delivery_report", "yes")];
    let answer =
        rig.post_form("/messages", &fields, &[("", "application/octet-stream", b"")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let page = rig.get(answer.header("location")).await;
    assert_eq!(page.status, 200);

    let refused = rig.post_form("/messages", &[("to", "x"), ("text", "Hi")], &[]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.header("content-type").starts_with("text/html"));
    assert!(refused.text().contains("cannot be part of a phone number"), "{}", refused.text());
}

#[tokio::test]
async fn unknown_page_is_a_page_for_browsers() {
    let rig = Rig::start().await;
    let request = Request::get("/nothing").header("accept", "text/html,*/*;q=0.8");
    let answer = rig.ask(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("Back to the messages"));
    let answer = rig.get("/messages/msg_00000000000000000000000000").await;
    assert_eq!(answer.status, 404);
    assert!(answer.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn other_web_sites_are_kept_out() {
    let rig = Rig::start().await;
    let rebound = Request::get("/api/v1/messages").header("host", "evil.example");
    rig.ask(rebound.body(Body::empty()).expect("a request"))
        .await
        .is_problem(403, "host-not-allowed");
    let forged = Request::post("/api/v1/messages")
        .header("content-type", "application/json")
        .header("origin", "http://evil.example");
    let body = r#"{"to": "86888", "text": "x"}"#;
    rig.ask(forged.body(Body::from(body)).expect("a request"))
        .await
        .is_problem(403, "cross-origin");
    let own = Request::post("/api/v1/messages")
        .header("content-type", "application/json")
        .header("origin", "http://127.0.0.1:8411")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(rig.ask(own.body(Body::from(body)).expect("a request")).await.status, 202);
}

#[tokio::test]
async fn event_stream_tells_of_a_new_message_and_ends_with_the_gateway() {
    let rig = Rig::start().await;
    let request = Request::get("/api/v1/events").header("host", "localhost");
    let response = rig.raw(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let id = rig.send("Events", PNG).await;
    let mut text = String::new();
    while !text.contains(&id) {
        let chunk = stream.next().await.expect("the stream goes on").expect("a chunk");
        text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    assert!(text.contains("event: state\n"), "{text}");
    let number = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("a number");
    // Whoever comes back is told what changed, with its present state.
    let other = rig.send("While nobody listened", PNG).await;
    let again = Request::get("/api/v1/events").header("host", "localhost");
    let again = again.header("last-event-id", number).body(Body::empty()).expect("a request");
    let mut resumed = rig.raw(again).await.into_body().into_data_stream();
    let mut told = String::new();
    while !told.contains(&other) {
        let chunk = resumed.next().await.expect("the stream goes on").expect("a chunk");
        told.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
    }
    let wrong = Request::get("/api/v1/events").header("last-event-id", "x");
    rig.ask(wrong.body(Body::empty()).expect("a request"))
        .await
        .is_problem(400, "invalid-last-event-id");
    rig.shutdown.cancel();
    while let Some(chunk) = stream.next().await {
        chunk.expect("no error at the end");
    }
}

//! REST under attack: every operation of the description asked by those who may not, pictures that
//! unpack to more than there is memory, and what an owner may forget.

use axum::body::Body;
use axum::http::Request;
use mm1gate::store::TokenRecord;
use serde_json::{Value, json};

use crate::api_rig::{Answer, PNG, Rig};

/// Every operation that needs a scope, as method and path with an id that nothing has.
async fn operations(rig: &Rig) -> Vec<(String, String)> {
    let document = rig.get("/api/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if operation["security"].as_array().is_some_and(|wanted| !wanted.is_empty()) {
                let plain: Vec<&str> = path
                    .split('/')
                    .map(|piece| if piece.starts_with('{') { "1" } else { piece })
                    .collect();
                found.push((method.to_uppercase(), plain.join("/")));
            }
        }
    }
    assert!(found.len() > 40, "{} operations need a scope", found.len());
    found
}

async fn ask(rig: &Rig, method: &str, path: &str, head: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    rig.ask(request.body(Body::empty()).expect("a request")).await
}

/// Makes a token and gives its header.
async fn token(rig: &Rig, scope: &str, account: Option<&str>) -> String {
    let (id, text) = rig.gateway.new_token();
    let record = TokenRecord {
        id,
        name: "test".to_owned(),
        account: account.map(str::to_owned),
        scopes: vec![scope.to_owned()],
        created_at: rig.gateway.now(),
        expires_at: None,
        last_used_at: None,
    };
    rig.gateway.access().add(&text, record).await.expect("added");
    format!("Bearer {text}")
}

#[tokio::test]
async fn no_operation_answers_those_who_may_not_ask() {
    let rig = Rig::start().await;
    let metrics = token(&rig, "metrics:read", None).await;
    for (method, path) in operations(&rig).await {
        ask(&rig, &method, &path, &[]).await.is_problem(401, "token-missing");
        ask(&rig, &method, &path, &[("authorization", "Bearer mm1_00000000_x")])
            .await
            .is_problem(401, "token-unknown");
        if path != "/metrics" {
            ask(&rig, &method, &path, &[("authorization", &metrics)])
                .await
                .is_problem(403, "scope-missing");
        }
        if method != "GET" {
            let forged = [("authorization", metrics.as_str()), ("origin", "https://evil.example")];
            ask(&rig, &method, &path, &forged).await.is_problem(403, "cross-origin");
        }
    }
}

/// A PNG of which nothing but the head exists: signature, IHDR, an empty IDAT.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut png = vec![0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13];
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend_from_slice(&width.to_be_bytes());
    ihdr.extend_from_slice(&height.to_be_bytes());
    ihdr.extend_from_slice(&[8, 6, 0, 0, 0]);
    // CRC-32 of ISO 3309, bit by bit.
    let crc = ihdr.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    });
    png.extend_from_slice(&ihdr);
    png.extend_from_slice(&(!crc).to_be_bytes());
    png.extend_from_slice(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
    png
}

#[tokio::test]
async fn picture_that_unpacks_to_gigabytes_is_not_unpacked() {
    let rig = Rig::start().await;
    for (width, height) in [(60_000, 60_000), (10_000, 10_000), (1, 200_000)] {
        let id = rig.send("bomb", &png_of(width, height)).await;
        let message = rig.get(&format!("/api/v1/messages/{id}")).await.json();
        let parts = message["parts"].as_array().expect("parts");
        let part = parts.iter().find(|part| part["content_type"] == "image/png");
        let url = part.and_then(|part| part["url"].as_str()).expect("the picture").to_owned();
        rig.get(&format!("{url}/thumbnail")).await.is_problem(404, "picture-too-large");
    }
}

#[tokio::test]
async fn message_that_is_settled_can_be_forgotten_and_no_other() {
    let rig = Rig::start().await;
    let id = rig.send("old", PNG).await;
    let path = format!("/api/v1/messages/{id}");
    ask(&rig, "DELETE", &path, &[]).await.is_problem(409, "wrong-state");
    assert_eq!(ask(&rig, "POST", &format!("{path}/cancel"), &[]).await.status, 202);
    assert_eq!(ask(&rig, "DELETE", &path, &[]).await.status, 204);
    rig.get(&path).await.is_problem(404, "message-not-found");
    rig.get(&format!("{path}/parts/1")).await.is_problem(404, "part-not-found");
    ask(&rig, "DELETE", &path, &[]).await.is_problem(404, "message-not-found");
    ask(&rig, "DELETE", "/api/v1/messages/..%2f..", &[]).await.is_problem(404, "message-not-found");
}

#[tokio::test]
async fn token_of_an_account_forgets_only_what_the_account_has_handed_in() {
    let rig = Rig::start().await;
    let others = rig.send("others", PNG).await;
    rig.gateway.cancel(&others.parse().expect("an id")).await.expect("withdrawn");
    let account = mm1gate::store::Account {
        name: "shop".to_owned(),
        modems: Vec::new(),
        limits: mm1gate::store::AccountLimits::default(),
    };
    rig.gateway.access().set_account(account, rig.gateway.now()).await.expect("an account");
    let shop = token(&rig, "messages:send", Some("shop")).await;
    let path = format!("/api/v1/messages/{others}");
    ask(&rig, "DELETE", &path, &[("authorization", &shop)])
        .await
        .is_problem(404, "message-not-found");
    let body = json!({ "to": "+447700900123", "text": "Ready" }).to_string();
    let request = Request::post("/api/v1/messages")
        .header("authorization", &shop)
        .header("content-type", "application/json");
    let own: Value = rig.ask(request.body(Body::from(body)).expect("a request")).await.json();
    let own = own["id"].as_str().expect("an id").to_owned();
    rig.gateway.cancel(&own.parse().expect("an id")).await.expect("withdrawn");
    let path = format!("/api/v1/messages/{own}");
    assert_eq!(ask(&rig, "DELETE", &path, &[("authorization", &shop)]).await.status, 204);
}

#[tokio::test]
async fn part_by_url_is_fetched_once_and_its_message_is_known_again_under_its_key() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rig = Rig::configured(|config| {
        config.api.part_urls_allow = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/menu.png", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("asked");
        let mut head = [0_u8; 2048];
        let length = stream.read(&mut head).await.expect("a request");
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PNG.len());
        stream.write_all(answer.as_bytes()).await.expect("written");
        stream.write_all(PNG).await.expect("written");
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let body = json!({ "to": "+447700900123", "parts": [{ "url": url, "filename": "menu.png" }] });
    let request = || {
        Request::post("/api/v1/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", "order-7")
            .body(Body::from(body.to_string()))
            .expect("a request")
    };
    let taken = rig.ask(request()).await;
    assert_eq!(taken.status, 202, "{}", taken.text());
    assert!(server.await.expect("a server").starts_with("GET /menu.png HTTP/1.1\r\n"));
    let id = taken.json()["id"].as_str().expect("an id").to_owned();
    let message = rig.get(&format!("/api/v1/messages/{id}")).await.json();
    let parts = message["parts"].as_array().expect("parts");
    let part = parts.iter().find(|part| part["filename"] == "menu.png").expect("the picture");
    assert_eq!(part["content_type"], "image/png", "{part}");
    assert_eq!(rig.get(part["url"].as_str().expect("a URL")).await.body, PNG);
    // The server is gone; the answer is the same.
    let again = rig.ask(request()).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (202, "true"));
    assert_eq!(again.json()["id"], id.as_str());
}

#[tokio::test]
async fn compressed_body_is_refused_before_it_is_unpacked() {
    let rig = Rig::start().await;
    // Ten octets of gzip's head; what they would unpack to is nobody's concern.
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    for (path, encoding) in
        [("/api/v1/messages", "gzip"), ("/messages", "identity, br"), ("/", "deflate")]
    {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(Body::from(gzip.to_vec()))
            .expect("a request");
        let answer = rig.ask(request).await;
        answer.is_problem(415, "content-encoding-unsupported");
        assert_eq!(answer.header("accept-encoding"), "identity");
    }
    let plain = Request::post("/api/v1/messages")
        .header("content-type", "application/json")
        .header("content-encoding", "identity")
        .body(Body::from(json!({"to": "+447700900123", "text": "Hi"}).to_string()))
        .expect("a request");
    assert_eq!(rig.ask(plain).await.status, 202);
    rig.gateway.stop().await;
}

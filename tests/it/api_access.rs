//! REST: tokens, scopes, accounts with rights and limits; each refusal a problem of its own.

use axum::body::Body;
use axum::http::Request;
use mm1gate::store::TokenRecord;
use serde_json::{Value, json};

use crate::api_rig::{Answer, PNG, Rig};

/// Asks with this Authorization header.
pub(crate) async fn ask_as(
    rig: &Rig,
    credentials: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if !credentials.is_empty() {
        request = request.header("authorization", credentials);
    }
    let request = request.header("content-type", "application/json");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    rig.ask(request.body(Body::from(body)).expect("a request")).await
}

/// Makes a token with these scopes and gives its header.
pub(crate) async fn token(rig: &Rig, scopes: &[&str], account: Option<&str>) -> String {
    let (id, text) = rig.gateway.new_token();
    let record = TokenRecord {
        id,
        name: "test".to_owned(),
        account: account.map(str::to_owned),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: rig.gateway.now(),
        expires_at: None,
        last_used_at: None,
    };
    rig.gateway.access().add(&text, record).await.expect("added");
    format!("Bearer {text}")
}

fn text() -> Value {
    json!({ "to": "+447700900123", "text": "Ready" })
}

#[tokio::test]
async fn first_token_closes_the_door_for_those_without() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/api/v1/messages").await.status, 200, "open until there is a token");
    assert_eq!(rig.get("/").await.status, 200);
    let sender = token(&rig, &["messages:send"], None).await;

    for path in ["/api/v1/messages", "/api/v1/modems", "/api/v1/events", "/metrics", "/"] {
        let answer = rig.get(path).await;
        answer.is_problem(401, "token-missing");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"mm1gate\"", "{path}");
    }
    rig.post_json(&text()).await.is_problem(401, "token-missing");
    for wrong in ["Bearer mm1_00000000_x", "Bearer ", "Basic x", "Digest y", "mm1_x"] {
        ask_as(&rig, wrong, "GET", "/api/v1/messages", &Value::Null)
            .await
            .is_problem(401, "token-unknown");
    }
    for open in ["/healthz", "/api/openapi.json", "/assets/style.css"] {
        assert_eq!(rig.get(open).await.status, 200, "{open}");
    }
    let answer = ask_as(&rig, &sender, "POST", "/api/v1/messages", &text()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    ask_as(&rig, &sender, "GET", "/api/v1/messages", &Value::Null)
        .await
        .is_problem(403, "scope-missing");
    ask_as(&rig, &sender, "POST", "/api/v1/tokens", &json!({}))
        .await
        .is_problem(403, "scope-missing");

    // A browser is asked for a password and gives the token as such.
    let request = Request::get("/").header("accept", "text/html");
    let answer = rig.ask(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").starts_with("Basic realm="));
    let reader = token(&rig, &["messages:read"], None).await;
    let basic = {
        use base64::Engine;
        let pair = format!("anybody:{}", reader.trim_start_matches("Bearer "));
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    };
    assert_eq!(ask_as(&rig, &basic, "GET", "/", &Value::Null).await.status, 200);
    // Whoever has a token may ask by any name, but not on behalf of another site.
    let by_name = Request::get("/api/v1/messages")
        .header("host", "gateway.example")
        .header("authorization", &reader);
    assert_eq!(rig.ask(by_name.body(Body::empty()).expect("a request")).await.status, 200);
    let forged = Request::post("/api/v1/messages")
        .header("origin", "https://evil.example")
        .header("authorization", &sender)
        .header("content-type", "application/json");
    rig.ask(forged.body(Body::from(text().to_string())).expect("a request"))
        .await
        .is_problem(403, "cross-origin");
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_by_who_may_everything() {
    let rig = Rig::start().await;
    // Without any token this machine may do everything else.
    ask_as(&rig, "", "POST", "/api/v1/tokens", &json!({"name": "x", "scopes": ["admin"]}))
        .await
        .is_problem(403, "scope-missing");
    let admin = token(&rig, &["admin"], None).await;
    let wish = json!({"name": "webshop", "scopes": ["messages:send"], "expires_in_days": 30});
    let answer = ask_as(&rig, &admin, "POST", "/api/v1/tokens", &wish).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.json();
    let secret = made["token"].as_str().expect("the token").to_owned();
    let id = made["id"].as_str().expect("an id").to_owned();
    assert!(secret.starts_with(&format!("mm1_{id}_")) && secret.len() >= 13 + 43, "{secret}");

    let list = ask_as(&rig, &admin, "GET", "/api/v1/tokens", &Value::Null).await;
    assert!(!list.text().contains(&secret), "told once only");
    assert_eq!(list.json()["tokens"].as_array().map(Vec::len), Some(2));
    let file = rig.data_dir().join("mm1gate.db");
    for name in [file.clone(), file.with_extension("db-wal")] {
        let octets = std::fs::read(&name).expect("the store");
        let found = octets.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{} holds a token", name.display());
    }

    let sender = format!("Bearer {secret}");
    let answer = ask_as(&rig, &sender, "POST", "/api/v1/messages", &text()).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(ask_as(&rig, &admin, "DELETE", &path, &Value::Null).await.status, 204);
    ask_as(&rig, &sender, "POST", "/api/v1/messages", &text())
        .await
        .is_problem(401, "token-unknown");
    ask_as(&rig, &admin, "DELETE", &path, &Value::Null).await.is_problem(404, "token-not-found");

    for (wish, code) in [
        (json!({"scopes": ["admin"]}), "missing-field"),
        (json!({"name": "x"}), "missing-field"),
        (json!({"name": "x", "scopes": []}), "missing-field"),
        (json!({"name": "x", "scopes": "admin"}), "invalid-type"),
        (json!({"name": "x", "scopes": ["root"]}), "unknown-scope"),
        (json!({"name": "\u{0}", "scopes": ["admin"]}), "invalid-name"),
        (json!({"name": "x", "scopes": ["admin"], "expires_in_days": 0}), "invalid-number"),
        (json!({"name": "x", "scopes": ["admin"], "account": "none"}), "unknown-account"),
        (json!({"name": "x", "scopes": ["admin"], "scope": "admin"}), "unknown-field"),
    ] {
        let answer = ask_as(&rig, &admin, "POST", "/api/v1/tokens", &wish).await;
        answer.is_problem(422, code);
    }
}

#[tokio::test]
async fn token_whose_time_is_over_holds_no_longer() {
    let rig = Rig::start().await;
    let (id, text) = rig.gateway.new_token();
    let now = rig.gateway.now();
    let record = TokenRecord {
        id,
        name: "old".to_owned(),
        account: None,
        scopes: vec!["admin".to_owned()],
        created_at: now,
        expires_at: Some(now),
        last_used_at: None,
    };
    rig.gateway.access().add(&text, record).await.expect("added");
    ask_as(&rig, &format!("Bearer {text}"), "GET", "/api/v1/messages", &Value::Null)
        .await
        .is_problem(401, "token-expired");
}

#[tokio::test]
async fn account_sends_by_its_modems_and_as_much_as_it_may() {
    let rig = Rig::start().await;
    let admin = token(&rig, &["admin"], None).await;
    let path = "/api/v1/accounts/webshop";
    let wish = json!({"modems": ["front-desk"], "per_hour": 3});
    let answer = ask_as(&rig, &admin, "PUT", path, &wish).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["per_hour"]), (201, &json!(3)));
    let shop = token(&rig, &["messages:send"], Some("webshop")).await;

    let two = json!({"to": ["+447700900123", "+447700900124"], "text": "Hi"});
    let answer = ask_as(&rig, &shop, "POST", "/api/v1/messages", &two).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let answer = ask_as(&rig, &shop, "POST", "/api/v1/messages", &two).await;
    answer.is_problem(429, "account-limit-reached");
    assert!(answer.json()["hint"].as_str().is_some_and(|hint| hint.contains("free again at")));
    let answer = ask_as(&rig, &shop, "POST", "/api/v1/messages", &text()).await;
    assert_eq!(answer.status, 202, "one more fits: {}", answer.text());

    let wish = json!({"modems": ["nowhere"]});
    ask_as(&rig, &admin, "PUT", path, &wish).await.is_problem(422, "unknown-modem");
    ask_as(&rig, &admin, "PUT", path, &json!({"per_day": 1.5}))
        .await
        .is_problem(422, "invalid-number");
    // A right that names no configured modem any more is no right to another.
    let account = mm1gate::store::Account {
        name: "webshop".to_owned(),
        modems: vec!["sold".to_owned()],
        ..Default::default()
    };
    rig.gateway.access().set_account(account, rig.gateway.now()).await.expect("set");
    for body in [text(), json!({"to": "86888", "text": "x", "modem": "front-desk"})] {
        ask_as(&rig, &shop, "POST", "/api/v1/messages", &body)
            .await
            .is_problem(403, "modem-not-allowed");
    }
    assert_eq!(ask_as(&rig, &admin, "DELETE", path, &Value::Null).await.status, 204);
    ask_as(&rig, &shop, "POST", "/api/v1/messages", &text()).await.is_problem(401, "token-unknown");
    ask_as(&rig, &admin, "DELETE", path, &Value::Null).await.is_problem(404, "account-not-found");
}

#[tokio::test]
async fn what_a_proxy_forwards_is_not_from_this_machine() {
    let rig = Rig::start().await;
    for header in ["forwarded", "x-forwarded-for", "via"] {
        let request = Request::get("/api/v1/messages").header(header, "192.0.2.1");
        rig.ask(request.body(Body::empty()).expect("a request"))
            .await
            .is_problem(401, "token-missing");
    }
}

#[tokio::test]
async fn message_under_the_same_key_is_taken_once() {
    let rig = Rig::start().await;
    let send = async |key: &str, body: &Value| {
        let request = Request::post("/api/v1/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", key);
        rig.ask(request.body(Body::from(body.to_string())).expect("a request")).await
    };
    let first = send("order-7", &text()).await;
    assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (202, ""));
    let again = send("order-7", &text()).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    send("order-7", &json!({"to": "+447700900123", "text": "Other"}))
        .await
        .is_problem(409, "idempotency-key-reused");
    // What was refused has used nothing up.
    send("order-8", &json!({"to": "1", "text": "x"})).await.is_problem(422, "invalid-recipient");
    assert_eq!(send("order-8", &text()).await.status, 202);
    for wrong in ["", " ", "a b", &"x".repeat(256)] {
        send(wrong, &text()).await.is_problem(400, "invalid-idempotency-key");
    }
    let list = rig.get("/api/v1/messages").await.json();
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(2), "{list}");
}

#[tokio::test]
async fn many_at_once_under_one_key_are_one_message() {
    let rig = Rig::start().await;
    let send = async || {
        let request = Request::post("/api/v1/messages")
            .header("content-type", "application/json")
            .header("idempotency-key", "all-at-once");
        rig.ask(request.body(Body::from(text().to_string())).expect("a request")).await
    };
    let answers = futures_util::future::join_all((0..20).map(|_| send())).await;
    let first = &answers[0];
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (202, &first.body));
    }
    let fresh = answers.iter().filter(|it| it.header("idempotent-replayed").is_empty()).count();
    assert_eq!(fresh, 1);
    let list = rig.get("/api/v1/messages").await.json();
    assert_eq!(list["messages"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn form_with_another_boundary_is_the_same_message() {
    let rig = Rig::start().await;
    let mut bodies = Vec::new();
    for boundary in ["one", "another"] {
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n86888\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\
             \r\n\r\n"
        );
        let mut body = body.into_bytes();
        body.extend_from_slice(PNG);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let request = Request::post("/api/v1/messages")
            .header("content-type", format!("multipart/form-data; boundary={boundary}"))
            .header("idempotency-key", "form");
        let answer = rig.ask(request.body(Body::from(body)).expect("a request")).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn lists_are_narrowed_and_walked_both_ways() {
    let rig = Rig::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let body = json!({
            "to": format!("+44770090012{number}"), "text": "x", "client_ref": format!("ref {number}"),
        });
        let answer = rig.post_json(&body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        ids.push(answer.json()["id"].as_str().expect("an id").to_owned());
    }
    ids.reverse();
    let list = async |query: &str| {
        let answer = rig.get(&format!("/api/v1/messages?{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        let page = answer.json();
        let found: Vec<String> = page["messages"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["id"].as_str().expect("an id").to_owned())
            .collect();
        (found, page)
    };
    assert_eq!(list("to=%2B447700900123").await.0, ids[1..2]);
    assert_eq!(list("client_ref=ref+0").await.0, ids[4..]);
    assert_eq!(list("state=queued,sending&modem=front-desk").await.0, ids);
    assert!(list("state=sent").await.0.is_empty());
    assert!(list("from=SHOP").await.0.is_empty());
    assert_eq!(list("since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z").await.0, ids);
    assert!(list("until=2020-01-01T00:00:00Z").await.0.is_empty());

    let (first, page) = list("limit=2").await;
    assert_eq!(first, ids[..2]);
    assert!(page.get("previous").is_none());
    let (second, page) = list(&format!("limit=2&after={}", page["next"].as_str().unwrap())).await;
    assert_eq!(second, ids[2..4]);
    let before = page["previous"].as_str().expect("newer ones");
    let (back, page) = list(&format!("limit=2&before={before}")).await;
    assert_eq!(back, ids[..2]);
    assert!(page.get("previous").is_none(), "{page}");
    let (one, page) = list(&format!("limit=1&before={}", ids[3])).await;
    assert_eq!(one, ids[2..3], "the nearest newer one, not the newest");
    assert_eq!(page["previous"].as_str(), Some(&*ids[2]));
    assert_eq!(page["next"].as_str(), Some(&*ids[2]));
}

#[tokio::test]
async fn gateway_without_a_modem_that_is_up_is_not_ready() {
    let rig = Rig::start().await;
    let answer = rig.get("/readyz").await;
    answer.is_problem(503, "not-ready");
    assert!(answer.text().contains("front-desk is "), "{}", answer.text());
}

#[tokio::test]
async fn forms_of_other_gateways_are_taken_with_a_token_as_password() {
    let rig = Rig::start().await;
    let answer = rig
        .post_form(
            "/",
            &[
                ("PhoneNumber", "+447700900123,+447700900124"),
                ("MMSSubject", "Cake"),
                ("MMSText", "Ready"),
                ("MMSFrom", "shop@example.com"),
                ("MMSReadReport", "No"),
                ("DRMConstraintEnd", ""),
            ],
            &[],
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains(", Recipient=+447700900124"), "{}", answer.text());
    rig.post_form(
        "/",
        &[("PhoneNumber", "86888"), ("MMSText", "x"), ("MMSForwardLock", "Yes")],
        &[],
    )
    .await
    .is_problem(422, "not-supported");

    // A link in a web page must not send: there a token is needed always.
    let path = "/cgi-bin/sendmms?username=x&to=%2B447700900123+86888&text=Hi&subject=S";
    let answer = rig.get(path).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert!(answer.text().starts_with("Authentication failed"), "{}", answer.text());
    let sender = token(&rig, &["messages:send"], None).await;
    let secret = sender.trim_start_matches("Bearer ");
    let answer = rig.get(&format!("{path}&password={secret}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().starts_with("Accepted: msg_"), "{}", answer.text());
    let answer = rig.get(&format!("{path}&password={secret}x")).await;
    assert_eq!(answer.status, 401);
    let answer = rig.get(&format!("{path}&password={secret}&dlr-url=http://x/")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().starts_with("not-supported: "), "{}", answer.text());
    let reader = token(&rig, &["messages:read"], None).await;
    let reader = reader.trim_start_matches("Bearer ");
    assert_eq!(rig.get(&format!("{path}&password={reader}")).await.status, 403);

    let body = format!("username=x&password={secret}&to=%2B447700900123&text=Hello");
    let answer =
        rig.post("/cgi-bin/sendsms", "application/x-www-form-urlencoded", body.into_bytes()).await;
    assert_eq!((answer.status.as_u16(), &*answer.text()), (202, "0: Accepted for delivery"));
    let admin = token(&rig, &["admin"], None).await;
    let list = ask_as(&rig, &admin, "GET", "/api/v1/outbox?kind=sms", &Value::Null);
    let list = list.await.json();
    assert_eq!(list["messages"][0]["text"], "Hello", "{list}");
}

#[tokio::test]
async fn priority_of_other_gateways_forms_counts() {
    let rig = Rig::start().await;
    let sender = token(&rig, &["messages:send"], None).await;
    let secret = sender.trim_start_matches("Bearer ");
    let form = async |path: &str, body: String| {
        let body = format!("password={secret}&to=86888&text=x&{body}").into_bytes();
        rig.post(path, "application/x-www-form-urlencoded", body).await
    };
    for (priority, mms, rank) in
        [("low", true, 0), ("High", true, 2), ("0", false, 0), ("3", false, 2)]
    {
        let path = if mms { "/cgi-bin/sendmms" } else { "/cgi-bin/sendsms" };
        let answer = form(path, format!("priority={priority}")).await;
        assert!(answer.status.is_success(), "{priority}: {}", answer.text());
        let database = rusqlite::Connection::open(rig.data_dir().join("mm1gate.db")).unwrap();
        let sql = "SELECT priority FROM submission ORDER BY id DESC LIMIT 1";
        let found: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, rank, "{priority}");
        let answer = form(path, "priority=urgent".to_owned()).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().starts_with("invalid-priority: "), "{}", answer.text());
    }
    let fields = [("PhoneNumber", "86888"), ("MMSText", "x"), ("MMSPriority", "urgent")];
    let request = rig.post_form("/", &fields, &[]).await;
    request.is_problem(401, "token-missing");
}

#[tokio::test]
async fn names_and_texts_do_not_break_out_of_what_they_stand_in() {
    let rig = Rig::start().await;
    let answer = rig
        .post_form(
            "/api/v1/messages",
            &[("to", "86888")],
            &[("../../etc/passwd", "image/png", PNG), ("..\\..\\x.png", "image/png", PNG)],
        )
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let message = rig.get(answer.header("location")).await.json();
    for part in message["parts"].as_array().expect("parts") {
        let name = part["filename"].as_str().unwrap_or_default();
        assert!(!name.contains(['/', '\\']) && name != "..", "{part}");
        let answer = rig.get(part["url"].as_str().expect("a URL")).await;
        assert!(!answer.header("content-disposition").contains(".."), "{part}");
    }
    for (field, value, code) in [
        ("subject", json!("a\r\nBcc: x"), "invalid-subject"),
        ("to", json!("+44770090\r\n0123"), "invalid-recipient"),
        ("text", json!("a\u{0}b"), "invalid-text"),
    ] {
        let mut body = text();
        body[field] = value;
        rig.post_json(&body).await.is_problem(422, code);
    }
    let part = json!({"data_base64": "AAAA", "filename": "a\r\nb"});
    rig.post_json(&json!({"to": "86888", "parts": [part]}))
        .await
        .is_problem(422, "invalid-filename");
    let part = json!({"data_base64": "AAAA", "content_type": "text/html\r\nX: y"});
    rig.post_json(&json!({"to": "86888", "parts": [part]}))
        .await
        .is_problem(422, "invalid-content-type");
    let length = Request::post("/api/v1/messages")
        .header("content-type", "application/json")
        .header("content-length", "999999999999");
    let endless =
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    rig.ask(length.body(endless).expect("a request")).await.is_problem(413, "body-too-large");
}

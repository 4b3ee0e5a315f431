//! `/webhooks` over HTTP: made, listed without secrets, tested, told again, switched off and on, and
//! every wrong field named with its code; the receiver is a real server on this machine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use mm1gate::model::{Clock, Fault, Random};
use mm1gate::world::{self, SystemClient, SystemRunner, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::api_rig::{Answer, Rig};

const WEBHOOKS: &str = "/api/v1/webhooks";

/// Takes events, or refuses them, and keeps heads and bodies.
struct Receiver {
    url: String,
    status: Arc<Mutex<u16>>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        // By name: an address of this machine is refused when the webhook is made.
        let url = format!("http://localhost:{}/hook", listener.local_addr().unwrap().port());
        let (status, seen) = (Arc::new(Mutex::new(200)), Arc::default());
        let receiver = Self { url, status: Arc::clone(&status), seen: Arc::clone(&seen) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut octets = Vec::new();
                let (head, body) = loop {
                    let mut block = [0; 4_096];
                    match stream.read(&mut block).await {
                        Ok(count @ 1..) => octets.extend_from_slice(&block[..count]),
                        _ => break (String::new(), Value::Null),
                    }
                    let text = String::from_utf8_lossy(&octets).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n")
                        && let Ok(body) = serde_json::from_str(body)
                    {
                        break (head.to_owned(), body);
                    }
                };
                seen.lock().unwrap().push((head, body));
                let answer = format!(
                    "HTTP/1.1 {} x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nword",
                    *status.lock().unwrap()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        receiver
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    async fn until(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..1_000 {
            let seen = self.seen.lock().unwrap().clone();
            if seen.len() >= count {
                return seen;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("only {} requests came", self.seen.lock().unwrap().len());
    }
}

async fn world(rig: &Rig) -> World {
    let allow = ["127.0.0.0/8", "::1"].map(|it| it.parse().unwrap()).to_vec();
    let deps = world::Deps {
        client: Arc::new(SystemClient::new(allow, false)),
        runner: Arc::new(SystemRunner),
        clock: Clock::system(),
        random: Random::from_system(),
    };
    World::start(&rig.gateway, deps).await.expect("the world")
}

async fn ask(rig: &Rig, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    rig.ask(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn create(rig: &Rig, body: Value) -> Value {
    let answer = ask(rig, Method::POST, WEBHOOKS, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    made
}

/// The newest delivery, when `good` says it is as expected.
async fn delivery(rig: &Rig, id: &str, good: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..1_000 {
        let list = rig.get(&format!("{WEBHOOKS}/{id}/deliveries")).await.json();
        last = list["deliveries"][0].clone();
        if good(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the newest delivery is {last}");
}

#[tokio::test]
async fn webhook_is_made_tested_and_listed_and_its_secret_is_shown_once() {
    let (rig, receiver) = (Rig::start().await, Receiver::start().await);
    let world = world(&rig).await;
    let wish = json!({ "url": receiver.url, "name": "Shop", "events": ["message.received"] });
    let made = create(&rig, wish).await;
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("whk_"), "{id}");
    let secret = made["secret"].as_str().unwrap();
    for path in [WEBHOOKS.to_owned(), format!("{WEBHOOKS}/{id}")] {
        let shown = rig.get(&path).await;
        assert_eq!(shown.status, 200);
        let text = shown.text();
        assert!(text.contains("Shop") && !text.contains("secret") && !text.contains(secret));
    }
    let answer = ask(&rig, Method::POST, &format!("{WEBHOOKS}/{id}/test"), json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(answer.json()["deliveries"], format!("{WEBHOOKS}/{id}/deliveries"));
    let (head, body) = receiver.until(1).await.remove(0);
    assert_eq!((&body["type"], &body["data"]["webhook"]), (&json!("system.ping"), &json!(id)));
    // As a receiver checks it: by the reference implementation, with the secret that was shown.
    let mut headers = axum::http::HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        headers.insert(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    let witness = standardwebhooks::Webhook::new(secret).unwrap();
    let told = delivery(&rig, id, |it| it["state"] == "delivered").await;
    let number = told["id"].as_str().unwrap();
    let one = rig.get(&format!("{WEBHOOKS}/{id}/deliveries/{number}")).await.json();
    let text = one["body"].to_string();
    witness.verify(text.as_bytes(), &headers).expect("the signature is good");
    assert_eq!(
        (&one["history"][0]["status"], &one["history"][0]["response"]),
        (&json!(200), &json!("word"))
    );
    // What it did not ask for, it is not told.
    rig.send("Cake", crate::api_rig::PNG).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.seen.lock().unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn what_was_not_taken_is_told_again_on_request_under_the_same_id() {
    let (rig, receiver) = (Rig::start().await, Receiver::start().await);
    let world = world(&rig).await;
    receiver.answers(500);
    let made = create(&rig, json!({ "url": receiver.url, "events": ["message.canceled"] })).await;
    let id = made["id"].as_str().unwrap();
    let message = rig.send("Cake", crate::api_rig::PNG).await;
    rig.post(&format!("/api/v1/messages/{message}/cancel"), "application/json", Vec::new()).await;
    let failed = delivery(&rig, id, |it| it["attempts"] == 1).await;
    assert_eq!(failed["state"], "pending");
    assert_eq!(failed["message"], message.as_str());
    assert!(failed["next_attempt_at"].is_string());
    receiver.answers(200);
    let number = failed["id"].as_str().unwrap();
    let path = format!("{WEBHOOKS}/{id}/deliveries/{number}");
    let again = ask(&rig, Method::POST, &format!("{path}/redeliver"), json!({})).await;
    assert_eq!(again.status, 202, "{}", again.text());
    delivery(&rig, id, |it| it["state"] == "delivered").await;
    let seen = receiver.until(2).await;
    let name = |head: &str| {
        head.lines().find(|line| line.to_lowercase().starts_with("webhook-id")).map(str::to_owned)
    };
    assert_eq!(name(&seen[0].0), name(&seen[1].0));
    assert_eq!(seen[0].1, seen[1].1);
    let shown = rig.get(&path).await.json();
    let history = shown["history"].as_array().unwrap();
    assert_eq!(history.len(), 2);
    assert!(history[0]["error"].as_str().unwrap().contains("500"));
    for (query, expected) in [("?state=delivered", 1), ("?state=failed", 0), ("?limit=1", 1)] {
        let list = rig.get(&format!("{WEBHOOKS}/{id}/deliveries{query}")).await.json();
        assert_eq!(list["deliveries"].as_array().unwrap().len(), expected, "{query}");
    }
    world.stop().await;
}

#[tokio::test]
async fn deliveries_are_paged_newest_first() {
    let (rig, receiver) = (Rig::start().await, Receiver::start().await);
    let world = world(&rig).await;
    let made = create(&rig, json!({ "url": receiver.url, "events": ["message.read"] })).await;
    let id = made["id"].as_str().unwrap();
    for count in 1..=5 {
        ask(&rig, Method::POST, &format!("{WEBHOOKS}/{id}/test"), json!({})).await;
        receiver.until(count).await;
    }
    let (mut after, mut found) = (String::new(), Vec::new());
    loop {
        let page = rig.get(&format!("{WEBHOOKS}/{id}/deliveries?limit=2{after}")).await.json();
        for item in page["deliveries"].as_array().unwrap() {
            found.push(item["id"].as_str().unwrap().parse::<u64>().unwrap());
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(found.len(), 5);
    assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "{found:?}");
    world.stop().await;
}

#[tokio::test]
async fn webhook_that_is_off_is_told_nothing_but_a_test_and_goes_on_when_it_is_on_again() {
    let (rig, receiver) = (Rig::start().await, Receiver::start().await);
    let world = world(&rig).await;
    let made = create(&rig, json!({ "url": receiver.url })).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("{WEBHOOKS}/{id}");
    let off = ask(&rig, Method::PATCH, &path, json!({ "enabled": false })).await.json();
    assert_eq!(
        (&off["enabled"], &off["reason"]),
        (&json!(false), &json!("switched off by a person"))
    );
    rig.send("Cake", crate::api_rig::PNG).await;
    let fault = Fault {
        layer: "gateway".to_owned(),
        code: "webhook-disabled".to_owned(),
        summary: "the webhook was switched off".to_owned(),
        verbatim: None,
        remedy: String::new(),
        blame: "caller".to_owned(),
    };
    rig.gateway.raise_alarm(&format!("webhook:{id}"), &fault).await.unwrap();
    ask(&rig, Method::POST, &format!("{path}/test"), json!({})).await;
    assert_eq!(receiver.until(1).await[0].1["type"], "system.ping");
    assert_eq!(rig.gateway.alarms().await.unwrap().len(), 1);
    let on =
        ask(&rig, Method::PATCH, &path, json!({ "enabled": true, "name": "New" })).await.json();
    assert_eq!(
        (&on["enabled"], &on["reason"], &on["name"]),
        (&json!(true), &Value::Null, &json!("New"))
    );
    assert!(rig.gateway.alarms().await.unwrap().is_empty(), "the alarm ends with its cause");
    let message = rig.send("Cake", crate::api_rig::PNG).await;
    rig.post(&format!("/api/v1/messages/{message}/cancel"), "application/json", Vec::new()).await;
    let types: Vec<Value> =
        receiver.until(3).await.iter().map(|(_, body)| body["type"].clone()).collect();
    assert!(types.contains(&json!("message.canceled")), "{types:?}");
    world.stop().await;
}

#[tokio::test]
async fn new_secret_comes_with_rotation_and_a_given_one_is_kept() {
    let rig = Rig::start().await;
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let made = create(&rig, json!({ "url": "https://shop.example/", "secret": secret })).await;
    assert_eq!(made["secret"], secret);
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
    let rotated = ask(&rig, Method::POST, &format!("{path}/rotate-secret"), json!({})).await.json();
    let new = rotated["secret"].as_str().unwrap();
    assert!(new.starts_with("whsec_") && new != secret);
    let endpoint = rig.gateway.store().endpoint(made["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(endpoint.unwrap().former_secret.unwrap().0, b"01234567890123456789012345678901");
    let gone = ask(&rig, Method::DELETE, &path, json!({})).await;
    assert_eq!(gone.status, 204);
    rig.get(&path).await.is_problem(404, "webhook-not-found");
}

#[tokio::test]
async fn every_wrong_field_is_named_with_its_code_and_nothing_is_made() {
    let rig = Rig::start().await;
    let long = "x".repeat(3_000);
    for (field, value, code) in [
        ("name", json!(7), "wrong-type"),
        ("name", json!("a\nb"), "invalid-name"),
        ("name", json!("x".repeat(65)), "invalid-name"),
        ("url", json!(["https://shop.example/"]), "wrong-type"),
        ("url", json!("shop.example/mms"), "url-not-allowed"),
        ("url", json!("ftp://shop.example/"), "url-not-allowed"),
        ("url", json!("https:///path"), "url-not-allowed"),
        ("url", json!("https://user:pass@shop.example/"), "url-not-allowed"),
        ("url", json!("https://shop.example/#part"), "url-not-allowed"),
        ("url", json!(format!("https://shop.example/{long}")), "url-not-allowed"),
        ("url", json!("http://127.0.0.1/"), "url-not-allowed"),
        ("url", json!("http://[::1]:8080/"), "url-not-allowed"),
        ("url", json!("http://169.254.169.254/latest/meta-data/"), "url-not-allowed"),
        ("url", json!("http://[fd00:ec2::254]/"), "url-not-allowed"),
        ("url", json!("http://[::ffff:10.0.0.1]/"), "url-not-allowed"),
        ("url", json!("https://10.1.2.3/"), "url-not-allowed"),
        ("events", json!("message.received"), "wrong-type"),
        ("events", json!([1]), "wrong-type"),
        ("events", json!(["message.recieved"]), "unknown-event"),
        ("events", json!(vec!["message.received"; 100]), "too-many-events"),
        ("ordered", json!("yes"), "wrong-type"),
        ("enabled", json!(1), "wrong-type"),
        ("concurrency", json!(0), "invalid-concurrency"),
        ("concurrency", json!(17), "invalid-concurrency"),
        ("concurrency", json!("2"), "invalid-concurrency"),
        ("secret", json!("short"), "invalid-secret"),
        ("secret", json!("whsec_c2hvcnQ="), "invalid-secret"),
        ("secret", json!("whsec_!!!"), "invalid-secret"),
        ("ulr", json!("https://shop.example/"), "unknown-field"),
    ] {
        let mut body = json!({ "url": "https://shop.example/" });
        body[field] = value.clone();
        let answer = ask(&rig, Method::POST, WEBHOOKS, body).await;
        answer.is_problem(422, code);
        let problem = answer.json();
        let wrong = &problem["errors"][0];
        assert_eq!(
            (&wrong["pointer"], &wrong["code"]),
            (&json!(format!("/{field}")), &json!(code)),
            "{value}: {problem}"
        );
    }
    for (body, status, code) in [
        ("{}", 422, "missing-field"),
        ("", 400, "malformed-json"),
        ("[]", 400, "malformed-json"),
        ("{\"url\": \"https://a.example/\"", 400, "malformed-json"),
    ] {
        let answer = rig.post(WEBHOOKS, "application/json", body.into()).await;
        answer.is_problem(status, code);
    }
    let large = vec![b' '; 65 * 1024];
    rig.post(WEBHOOKS, "application/json", large).await.is_problem(413, "body-too-large");
    assert_eq!(rig.get(WEBHOOKS).await.json()["webhooks"], json!([]));
}

#[tokio::test]
async fn ids_and_parameters_that_mean_nothing_are_problems() {
    let rig = Rig::start().await;
    let made = create(&rig, json!({ "url": "https://shop.example/" })).await;
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
    for (method, rest) in [
        (Method::GET, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::POST, "/test"),
        (Method::POST, "/rotate-secret"),
        (Method::GET, "/deliveries"),
        (Method::GET, "/deliveries/1"),
        (Method::POST, "/deliveries/1/redeliver"),
    ] {
        let answer = ask(&rig, method, &format!("{WEBHOOKS}/whk_none{rest}"), json!({})).await;
        answer.is_problem(404, "webhook-not-found");
    }
    for number in ["1", "-1", "x", "99999999999999999999"] {
        let one = rig.get(&format!("{path}/deliveries/{number}")).await;
        one.is_problem(404, "delivery-not-found");
    }
    for (query, code) in [
        ("state=done", "invalid-parameter"),
        ("after=x", "invalid-parameter"),
        ("limit=0", "invalid-parameter"),
        ("limit=201", "invalid-parameter"),
        ("sort=up", "unknown-parameter"),
    ] {
        let answer = rig.get(&format!("{path}/deliveries?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["errors"][0]["code"], code, "{query}");
    }
}

#[tokio::test]
async fn there_are_no_more_webhooks_than_fit() {
    let rig = Rig::start().await;
    for _ in 0..100 {
        create(&rig, json!({ "url": "https://shop.example/" })).await;
    }
    let one_more =
        ask(&rig, Method::POST, WEBHOOKS, json!({ "url": "https://shop.example/" })).await;
    one_more.is_problem(409, "too-many-webhooks");
}

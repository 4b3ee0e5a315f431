//! REST: fetching, rejecting and reading what comes in, pausing and resuming modems; each refusal a
//! problem of its own.

use std::time::Duration;

use mm1gate::gateway::Config;
use mm1gate::sim::{Behaviour, EntryKind, Outgoing};
use serde_json::{Value, json};

use crate::api_access::{ask_as, token};
use crate::api_rig;
use crate::gateway_rig::{OWN, PHONE, Ports, Rig, text};

async fn deferring() -> Rig {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let toml =
        "[receiving]\nretrieve = \"deferred\"\n[[modem]]\nname = \"desk\"\nport = \"/dev/x\"\n";
    let read = Config::parse(toml, "t").unwrap();
    rig.reconfigure(|config| config.receiving = read.receiving).await;
    rig
}

async fn announced(rig: &Rig) -> String {
    let note = Outgoing { text: Some("Look".to_owned()), ..Outgoing::default() };
    let stored = rig.operator.send_from_phone(PHONE, OWN, &note).unwrap();
    rig.operator.mmsc().ask_read_report(&stored);
    tokio::time::sleep(Duration::from_secs(120)).await;
    rig.inbox().await.remove(0).id.to_string()
}

#[tokio::test(start_paused = true)]
async fn announced_message_is_fetched_and_read_over_rest() {
    let rig = deferring().await;
    let id = announced(&rig).await;
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/read"), None).await;
    assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")), "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("it is not here"), "{answer}");
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/retrieve"), None).await;
    assert_eq!((status, &answer["id"]), (202, &json!(id)));
    assert_eq!(answer["state"], "notified");
    rig.until(&id.parse().unwrap(), &["acknowledged"]).await;
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/retrieve"), None).await;
    assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")));
    assert!(answer["detail"].as_str().unwrap().contains("it is here already"), "{answer}");
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/reject"), None).await;
    assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")), "{answer}");
    for _ in 0..2 {
        let (status, answer) = rig.ask("POST", &format!("/messages/{id}/read"), None).await;
        assert_eq!((status, &answer["id"]), (202, &json!(id)));
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::ReadReport).count(), 1, "told once");
    assert_eq!(journal.complaints, []);
}

#[tokio::test(start_paused = true)]
async fn announced_message_is_rejected_over_rest() {
    let rig = deferring().await;
    let id = announced(&rig).await;
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/reject"), None).await;
    assert_eq!((status, &answer["state"]), (202, &json!("rejected")), "{answer}");
    let (status, answer) = rig.ask("POST", &format!("/messages/{id}/reject"), None).await;
    assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")), "{answer}");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let journal = rig.operator.mmsc().journal();
    let last = journal.of(EntryKind::NotifyResp).last().unwrap().status;
    assert_eq!(last, Some(0x82));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_that_came_in_is_neither_fetched_rejected_nor_read() {
    let rig = deferring().await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let sent = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    let absent = format!("msg_{}", "0".repeat(26));
    for action in ["retrieve", "reject", "read"] {
        let (status, answer) = rig.ask("POST", &format!("/messages/{sent}/{action}"), None).await;
        assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")), "{action}: {answer}");
        for id in [&*absent, "x", "%2e%2e"] {
            let (status, answer) = rig.ask("POST", &format!("/messages/{id}/{action}"), None).await;
            assert_eq!((status, &answer["code"]), (404, &json!("message-not-found")), "{action}");
        }
        let (status, answer) = rig.ask("GET", &format!("/messages/{sent}/{action}"), None).await;
        assert_eq!((status, &answer["code"]), (405, &json!("method-not-allowed")), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn modem_is_paused_and_resumed_over_rest() {
    let rig = deferring().await;
    let (status, answer) = rig.ask("POST", "/modems/desk/pause", None).await;
    assert_eq!((status, &answer["pauses"][0]["scope"]), (200, &json!("modem:desk")), "{answer}");
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = rig.view(&id).await;
    assert_eq!(view.summary.state.as_str(), "queued");
    assert_eq!(view.summary.fault.unwrap().code, "sending-paused");
    let (status, answer) = rig.ask("POST", "/modems/desk/resume", None).await;
    assert_eq!((status, &answer["pauses"]), (200, &json!([])), "{answer}");
    rig.until(&id, &["delivered"]).await;
    // Once more says the same.
    let (status, answer) = rig.ask("POST", "/modems/desk/resume", None).await;
    assert_eq!((status, &answer["pauses"]), (200, &json!([])), "{answer}");
    let why = json!({ "reason": "new antenna", "until": "2099-01-01T00:00:00Z" });
    let (_, answer) = rig.ask("POST", "/modems/desk/pause", Some(&why)).await;
    assert_eq!(answer["pauses"][0]["reason"], "new antenna");
    for (body, code) in [
        (json!({ "until": "tomorrow" }), "invalid-until"),
        (json!({ "until": "2001-01-01T00:00:00Z" }), "invalid-until"),
        (json!({ "reason": "a\nb" }), "invalid-reason"),
        (json!({ "reason": "x".repeat(1_000) }), "invalid-reason"),
        (json!({ "reason": 7 }), "invalid-type"),
        (json!({ "why": "x" }), "unknown-field"),
    ] {
        let (status, answer) = rig.ask("POST", "/modems/desk/pause", Some(&body)).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some(code)), "{answer}");
    }
    for action in ["pause", "resume"] {
        let (status, answer) = rig.ask("POST", &format!("/modems/other/{action}"), None).await;
        assert_eq!((status, &answer["code"]), (404, &json!("modem-not-found")));
        assert!(answer["detail"].as_str().unwrap().contains("there are: desk"), "{answer}");
    }
}

#[tokio::test]
async fn each_of_them_asks_for_its_scope() {
    let rig = api_rig::Rig::start().await;
    let id = rig.send("Hello", api_rig::PNG).await;
    let sends = token(&rig, &["messages:send"], None).await;
    let reads = token(&rig, &["messages:read", "modems:read", "settings:manage"], None).await;
    let manages = token(&rig, &["modems:manage"], None).await;
    for action in ["retrieve", "reject", "read", "forward"] {
        let path = format!("/api/v1/messages/{id}/{action}");
        let body = json!({ "to": "+447700900123" });
        for without in [&reads, &manages] {
            let answer = ask_as(&rig, without, "POST", &path, &body).await;
            answer.is_problem(403, "scope-missing");
            assert!(answer.text().contains("messages:send"), "{}", answer.text());
        }
        ask_as(&rig, &sends, "POST", &path, &body).await.is_problem(409, "wrong-state");
        ask_as(&rig, "", "POST", &path, &body).await.is_problem(401, "token-missing");
    }
    for path in ["modems/front-desk/pause", "modems/front-desk/resume", "pause", "resume"] {
        let path = format!("/api/v1/{path}");
        for without in [&reads, &sends] {
            let answer = ask_as(&rig, without, "POST", &path, &Value::Null).await;
            answer.is_problem(403, "scope-missing");
        }
        let answer = ask_as(&rig, &manages, "POST", &path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

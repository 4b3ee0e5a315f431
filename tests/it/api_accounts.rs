//! REST: a token that is bound to an account sees and handles what that account has handed in, and
//! nothing else; and what counts against the account's limits.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use mm1gate::model::Address;
use mm1gate::store::Account;
use serde_json::{Value, json};

use crate::api_access::{ask_as, token};
use crate::api_rig::Rig;

const BOTH: &[&str] = &["messages:send", "messages:read"];

async fn account(rig: &Rig, name: &str) -> String {
    let account = Account { name: name.to_owned(), ..Account::default() };
    rig.gateway.access().set_account(account, rig.gateway.now()).await.expect("set");
    token(rig, BOTH, Some(name)).await
}

async fn send(rig: &Rig, who: &str, text: &str) -> String {
    let body = json!({ "to": "+447700900123", "text": text });
    let answer = ask_as(rig, who, "POST", "/api/v1/messages", &body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()["id"].as_str().expect("an id").to_owned()
}

async fn listed(rig: &Rig, who: &str, path: &str) -> Vec<String> {
    let answer = ask_as(rig, who, "GET", path, &Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.json();
    let ids = page["messages"].as_array().expect("a list").iter();
    ids.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn bound_token_sees_what_its_account_has_sent_and_nothing_else() {
    let rig = Rig::start().await;
    let (shop, club) = (account(&rig, "shop").await, account(&rig, "club").await);
    let whole = token(&rig, BOTH, None).await;
    let of_shop = send(&rig, &shop, "Shop").await;
    let of_club = send(&rig, &club, "Club").await;
    let of_owner = send(&rig, &whole, "Owner").await;
    for path in ["/api/v1/messages", "/api/v1/outbox", "/api/v1/messages?kind=mms&limit=1"] {
        assert_eq!(listed(&rig, &shop, path).await, std::slice::from_ref(&of_shop), "{path}");
        assert_eq!(listed(&rig, &club, path).await, std::slice::from_ref(&of_club), "{path}");
    }
    assert!(listed(&rig, &shop, "/api/v1/inbox").await.is_empty());
    assert_eq!(
        listed(&rig, &whole, "/api/v1/messages").await,
        [of_owner.clone(), of_club.clone(), of_shop.clone()]
    );
    let of_one = ["", "/events", "/parts/0", "/parts/0/thumbnail"];
    for other in [&of_club, &of_owner] {
        for rest in of_one {
            let path = format!("/api/v1/messages/{other}{rest}");
            ask_as(&rig, &shop, "GET", &path, &Value::Null)
                .await
                .is_problem(404, "message-not-found");
        }
        let path = format!("/api/v1/outbox/{other}");
        ask_as(&rig, &shop, "GET", &path, &Value::Null).await.is_problem(404, "message-not-found");
        for action in ["retry", "cancel", "retrieve", "reject", "read", "forward"] {
            let path = format!("/api/v1/messages/{other}/{action}");
            let body = json!({ "to": "+447700900123" });
            ask_as(&rig, &shop, "POST", &path, &body).await.is_problem(404, "message-not-found");
        }
        let path = format!("/api/v1/messages/{other}");
        ask_as(&rig, &shop, "DELETE", &path, &Value::Null)
            .await
            .is_problem(404, "message-not-found");
        assert_eq!(
            ask_as(&rig, &whole, "GET", &path, &Value::Null).await.json()["state"],
            "queued"
        );
    }
    // Its own it may handle.
    for path in of_one.map(|rest| format!("/api/v1/messages/{of_shop}{rest}")) {
        let answer = ask_as(&rig, &shop, "GET", &path, &Value::Null).await;
        assert!(answer.status == 200 || path.ends_with("thumbnail"), "{path}: {}", answer.text());
    }
    let path = format!("/api/v1/messages/{of_shop}/cancel");
    assert_eq!(ask_as(&rig, &shop, "POST", &path, &Value::Null).await.status, 202);
    let path = format!("/api/v1/messages/{of_owner}/cancel");
    assert_eq!(ask_as(&rig, &whole, "POST", &path, &Value::Null).await.status, 202);
    // The page is the same in HTML.
    let page = ask_as(&rig, &shop, "GET", "/", &Value::Null).await.text();
    assert!(page.contains(&of_shop) && !page.contains(&of_club), "{page}");
    for action in ["", "/retry", "/cancel"] {
        let method = if action.is_empty() { "GET" } else { "POST" };
        let path = format!("/messages/{of_club}{action}");
        assert_eq!(ask_as(&rig, &shop, method, &path, &Value::Null).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn missing_scope_is_told_before_whose_message_it_is() {
    let rig = Rig::start().await;
    account(&rig, "shop").await;
    let sends = token(&rig, &["messages:send"], Some("shop")).await;
    for id in [send(&rig, &sends, "Mine").await, "none".to_owned()] {
        let path = format!("/api/v1/messages/{id}");
        ask_as(&rig, &sends, "GET", &path, &Value::Null).await.is_problem(403, "scope-missing");
    }
}

#[tokio::test]
async fn bound_listener_hears_of_its_own_messages_alone() {
    let rig = Rig::start().await;
    let (shop, club) = (account(&rig, "shop").await, account(&rig, "club").await);
    let before = send(&rig, &club, "Before").await;
    let request = Request::get("/api/v1/events")
        .header("authorization", &shop)
        .header("host", "127.0.0.1:8411")
        .header("last-event-id", "0");
    let response = rig.raw(request.body(Body::empty()).expect("a request")).await;
    let mut events = response.into_body().into_data_stream();
    let others = send(&rig, &club, "Club").await;
    let own = send(&rig, &shop, "Shop").await;
    let mut heard = String::new();
    let listening = async {
        while !heard.contains(&own) {
            let chunk = events.next().await.expect("goes on").expect("octets");
            heard.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(Duration::from_secs(30), listening).await.expect("told");
    assert!(!heard.contains(&others) && !heard.contains(&before), "{heard}");
    assert!(!heard.contains("front-desk"), "modems are the owner's: {heard}");
    rig.shutdown.cancel();
}

#[tokio::test]
async fn who_wants_nothing_more_does_not_count_against_the_account() {
    let rig = Rig::start().await;
    let out = Address::parse_recipient("+447700900999").expect("a number");
    rig.gateway.opt_out(out).await.expect("entered");
    let name = "shop".to_owned();
    let limits = mm1gate::store::AccountLimits { per_hour: Some(2), ..Default::default() };
    let account = Account { name, limits, ..Account::default() };
    rig.gateway.access().set_account(account, rig.gateway.now()).await.expect("set");
    let shop = token(&rig, BOTH, Some("shop")).await;
    for kind in ["mms", "sms"] {
        let to = ["+447700900123", "+447700900999"];
        let body = json!({ "kind": kind, "to": to, "text": "Hi" });
        let answer = ask_as(&rig, &shop, "POST", "/api/v1/messages", &body).await;
        assert_eq!(answer.status, 202, "{kind}: {}", answer.text());
        assert_eq!(answer.json()["refused"].as_array().map(Vec::len), Some(1));
    }
    let body = json!({ "to": "+447700900123", "text": "Hi" });
    ask_as(&rig, &shop, "POST", "/api/v1/messages", &body)
        .await
        .is_problem(429, "account-limit-reached");
}

//! `/webhooks`: who is told of events, and the history of telling them.

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::auth::Scope;
use super::endpoint::{Endpoint as Entry, reference};
use super::openapi::object;
use super::problem::{FieldProblem, Problem};
use super::{Context, query};
use crate::gateway::{Gateway, check_event};
use crate::model::{MessageId, Timestamp, why_not_public};
use crate::store::{
    Attempt, Delivery, DeliveryState, EVENT_TYPES, Endpoint, EndpointChange, EndpointKind, NewEvent,
};

/// Most webhooks.
const MAX_WEBHOOKS: usize = 100;
/// Octets of a request.
const MAX_BODY: usize = 64 * 1024;
/// Octets of a URL.
const MAX_URL: usize = 2_048;
/// Characters of a name.
const MAX_NAME: usize = 64;
/// Events at the same time at most.
const MAX_CONCURRENCY: usize = 16;
/// How many there are unless the caller says.
const CONCURRENCY: usize = 4;
/// Octets of a secret, as Standard Webhooks bounds them; ours have 32.
const SECRET: std::ops::RangeInclusive<usize> = 24..=64;
/// How long the secret that was replaced goes on signing.
const FORMER_SECRET: std::time::Duration = std::time::Duration::from_secs(24 * 3_600);
/// Deliveries in one answer at most.
const MAX_LIST: usize = 200;
/// Deliveries in one answer unless the caller says.
const LIST: usize = 50;

const FIELDS: &[&str] = &["name", "url", "events", "ordered", "concurrency", "enabled", "secret"];

pub(super) fn endpoints() -> Vec<Entry> {
    let read = Scope::SettingsRead;
    let manage = Scope::SettingsManage;
    vec![
        Entry::get("/api/v1/webhooks", read, list)
            .named("listWebhooks", "Who is told of events; programs of the configuration too")
            .answers(200, "All of them.", "WebhookList"),
        Entry::post("/api/v1/webhooks", manage, create)
            .named(
                "createWebhook",
                "Have a URL told of events (Standard Webhooks); this answer alone shows the secret",
            )
            .json_body("NewWebhook")
            .answers(201, "Made.", "Webhook"),
        Entry::get("/api/v1/webhooks/{id}", read, one).named("getWebhook", "One of them").answers(
            200,
            "This is it.",
            "Webhook",
        ),
        Entry::new(Method::PATCH, "/api/v1/webhooks/{id}", manage, change)
            .named("changeWebhook", "Change what is named")
            .json_body("NewWebhook")
            .answers(200, "Changed.", "Webhook"),
        Entry::delete("/api/v1/webhooks/{id}", manage, remove)
            .named("deleteWebhook", "Forget it with its history")
            .response(204, json!({ "description": "Gone." })),
        Entry::post("/api/v1/webhooks/{id}/test", manage, test)
            .named("testWebhook", "Send it system.ping")
            .answers(202, "On its way.", "WebhookTest"),
        Entry::post("/api/v1/webhooks/{id}/rotate-secret", manage, rotate)
            .named("rotateWebhookSecret", "Make a new secret; the former signs beside it for a day")
            .answers(200, "Made.", "Webhook"),
        Entry::get("/api/v1/webhooks/{id}/deliveries", read, deliveries)
            .named("listDeliveries", "What it was told, newest first")
            .query("state", &json!({ "enum": ["pending", "delivered", "failed"] }), "Only these.")
            .query("after", &json!({ "type": "string" }), "The `next` of the page before.")
            .query(
                "limit",
                &json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIST, "default": LIST }),
                "How many at most.",
            )
            .answers(200, "Some of it.", "DeliveryList"),
        Entry::get("/api/v1/webhooks/{id}/deliveries/{delivery}", read, delivery)
            .named("getDelivery", "One of them with every attempt")
            .answers(200, "This is it.", "Delivery"),
        Entry::post("/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver", manage, redeliver)
            .named("redeliver", "Tell it once more, under the same id")
            .answers(202, "On its way.", "Delivery"),
    ]
}

async fn list(State(context): State<Context>) -> Result<Json<Value>, Problem> {
    let endpoints = context.gateway.store().endpoints().await?;
    Ok(Json(json!({ "webhooks": endpoints.iter().map(view).collect::<Vec<_>>() })))
}

async fn create(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    let gateway = &context.gateway;
    let wish = read(gateway, request).await?;
    let Some(url) = wish.change.url else {
        return Err(Problem::fields(vec![FieldProblem::new(
            "/url",
            "missing-field",
            "url is missing: where events are sent, for example https://shop.example/mms",
        )]));
    };
    let count = gateway.store().endpoints().await?.len();
    if count >= MAX_WEBHOOKS {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "too-many-webhooks",
            "there are too many webhooks",
            format!("there are {count} endpoints, and {MAX_WEBHOOKS} is the most"),
        )
        .hint("remove one that nobody listens to any more"));
    }
    let at = gateway.now();
    let id = MessageId::of(at, gateway.random().array());
    let endpoint = Endpoint {
        id: format!("whk_{}", id.as_str().trim_start_matches("msg_")),
        kind: EndpointKind::Webhook,
        name: wish.change.name.unwrap_or_default(),
        url: Some(url),
        secret: wish.secret.unwrap_or_else(|| gateway.random().array::<32>().to_vec()),
        former_secret: None,
        events: wish.change.events.unwrap_or_default(),
        ordered: wish.change.ordered.unwrap_or(false),
        concurrency: wish.change.concurrency.unwrap_or(CONCURRENCY),
        enabled: wish.change.enabled.unwrap_or(true),
        created_at: at,
        failing_since: None,
        failures: 0,
        taken_at: None,
        reason: None,
    };
    let body = with_secret(&endpoint);
    let location = format!("/api/v1/webhooks/{}", endpoint.id);
    gateway.store().add_endpoint(endpoint).await?;
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn one(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&find(&context.gateway, &id).await?)))
}

async fn change(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let gateway = &context.gateway;
    let endpoint = find(gateway, &id).await?;
    let mut wish = read(gateway, request).await?;
    if endpoint.kind != EndpointKind::Webhook {
        return Err(configured(&id));
    }
    let at = gateway.now();
    wish.change.secret = wish.secret.map(|secret| (secret, at.plus(FORMER_SECRET)));
    let enabled = wish.change.enabled;
    gateway.store().change_endpoint(&id, wish.change, at).await?;
    if enabled == Some(true) {
        gateway.clear_alarm(&format!("webhook:{id}"), "webhook-disabled").await?;
    }
    Ok(Json(view(&find(gateway, &id).await?)))
}

async fn remove(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let gateway = &context.gateway;
    if find(gateway, &id).await?.kind != EndpointKind::Webhook {
        return Err(configured(&id));
    }
    gateway.store().remove_endpoint(&id).await?;
    gateway.clear_alarm(&format!("webhook:{id}"), "webhook-disabled").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends `system.ping` to this webhook alone, also when it is off.
async fn test(State(context): State<Context>, Path(id): Path<String>) -> Result<Response, Problem> {
    let gateway = &context.gateway;
    let endpoint = find(gateway, &id).await?;
    let event = NewEvent {
        at: gateway.now(),
        kind: "system.ping",
        message: None,
        recipient: None,
        data: Some(json!({ "webhook": endpoint.id, "name": endpoint.name }).to_string()),
        endpoint: Some(endpoint.id),
    };
    gateway.store().tell_world(event).await?;
    let url = format!("/api/v1/webhooks/{id}/deliveries");
    Ok((StatusCode::ACCEPTED, Json(json!({ "deliveries": url }))).into_response())
}

async fn rotate(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let gateway = &context.gateway;
    if find(gateway, &id).await?.kind != EndpointKind::Webhook {
        return Err(configured(&id));
    }
    let at = gateway.now();
    let secret = gateway.random().array::<32>().to_vec();
    let change =
        EndpointChange { secret: Some((secret, at.plus(FORMER_SECRET))), ..Default::default() };
    gateway.store().change_endpoint(&id, change, at).await?;
    Ok(Json(with_secret(&find(gateway, &id).await?)))
}

async fn deliveries(
    State(context): State<Context>,
    Path(id): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Json<Value>, Problem> {
    find(&context.gateway, &id).await?;
    let (mut state, mut before, mut limit, mut wrong) = (None, None, LIST, Vec::new());
    for (name, value) in query::pairs(text.as_deref()) {
        let good = match name.as_str() {
            "state" => {
                state = DeliveryState::parse(&value);
                state.is_some()
            }
            "after" => {
                before = value.parse::<i64>().ok();
                before.is_some()
            }
            "limit" => {
                limit = value.parse().unwrap_or(0);
                (1..=MAX_LIST).contains(&limit)
            }
            _ => {
                let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
                wrong.push(FieldProblem::new(
                    shown.clone(),
                    "unknown-parameter",
                    format!("there is no parameter '{shown}'; there are: state, after, limit"),
                ));
                continue;
            }
        };
        if !good {
            let expected = match name.as_str() {
                "state" => "state must be 'pending', 'delivered' or 'failed'".to_owned(),
                "after" => "after must be the 'next' of an earlier answer".to_owned(),
                _ => format!("limit must be a number from 1 to {MAX_LIST}"),
            };
            wrong.push(FieldProblem::new(name, "invalid-parameter", expected));
        }
    }
    if !wrong.is_empty() {
        let mut problem = Problem::fields(wrong);
        problem.status = StatusCode::BAD_REQUEST.as_u16();
        problem.title = "the request's parameters cannot be used".into();
        return Err(problem);
    }
    let store = context.gateway.store();
    let mut found = store.deliveries(&id, state, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    let items: Vec<Value> = found.iter().map(delivery_view).collect();
    Ok(Json(json!({ "deliveries": items, "next": next })))
}

async fn delivery(
    State(context): State<Context>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let (delivery, attempts) = find_delivery(&context.gateway, &id, &delivery).await?;
    Ok(Json(whole(&delivery, &attempts)))
}

async fn redeliver(
    State(context): State<Context>,
    Path((id, delivery)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let gateway = &context.gateway;
    let (found, _) = find_delivery(gateway, &id, &delivery).await?;
    gateway.store().redeliver(found.id, gateway.now()).await?;
    let (found, attempts) = find_delivery(gateway, &id, &delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(whole(&found, &attempts))).into_response())
}

async fn find(gateway: &Gateway, id: &str) -> Result<Endpoint, Problem> {
    gateway.store().endpoint(id).await?.ok_or_else(|| {
        let id: String = id.chars().take(64).flat_map(char::escape_debug).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "webhook-not-found",
            "there is no such webhook",
            format!("there is no webhook '{id}'"),
        )
        .hint("GET /api/v1/webhooks lists the ids")
    })
}

async fn find_delivery(
    gateway: &Gateway,
    id: &str,
    delivery: &str,
) -> Result<(Delivery, Vec<Attempt>), Problem> {
    find(gateway, id).await?;
    let found = match delivery.parse() {
        Ok(number) => gateway.store().delivery(number).await?,
        Err(_) => None,
    };
    found.filter(|(found, _)| found.endpoint == id).ok_or_else(|| {
        let shown: String = delivery.chars().take(40).flat_map(char::escape_debug).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "delivery-not-found",
            "there is no such delivery",
            format!("webhook '{id}' has no delivery '{shown}'"),
        )
        .hint("GET /api/v1/webhooks/ID/deliveries lists them")
    })
}

fn configured(id: &str) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "configured",
        "this stands in the configuration",
        format!("'{id}' stands in the configuration file and is changed there"),
    )
    .hint("change the file and start the gateway again")
}

/// What a caller wants of a webhook.
#[derive(Default)]
struct Wish {
    change: EndpointChange,
    secret: Option<Vec<u8>>,
}

async fn read(gateway: &Gateway, request: Request) -> Result<Wish, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY)
        .await
        .map_err(|_| Problem::too_large(MAX_BODY))?;
    let fields: Map<String, Value> = serde_json::from_slice(&body).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-json",
            "the request body cannot be read",
            format!("the body is not a JSON object: {error}"),
        )
    })?;
    let (mut wish, mut wrong) = (Wish::default(), Vec::new());
    for (name, value) in &fields {
        if let Err((code, detail)) = field(gateway, &mut wish, name, value) {
            let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
            wrong.push(FieldProblem::new(format!("/{shown}"), code, detail));
        }
    }
    if wrong.is_empty() {
        return Ok(wish);
    }
    let mut problem = Problem::fields(wrong);
    problem.title = "the webhook cannot be taken as it is".into();
    Err(problem)
}

fn field(
    gateway: &Gateway,
    wish: &mut Wish,
    name: &str,
    value: &Value,
) -> Result<(), (&'static str, String)> {
    let kind = |what: &str| ("wrong-type", format!("{name} must be {what}"));
    let text = || value.as_str().ok_or_else(|| kind("a text"));
    let truth = || value.as_bool().ok_or_else(|| kind("true or false"));
    match name {
        "name" => {
            let text = text()?;
            if text.chars().count() > MAX_NAME || text.chars().any(char::is_control) {
                let detail = format!("name must have at most {MAX_NAME} characters on one line");
                return Err(("invalid-name", detail));
            }
            wish.change.name = Some(text.to_owned());
        }
        "url" => {
            let text = text()?;
            check_url(gateway, text).map_err(|detail| ("url-not-allowed", detail))?;
            wish.change.url = Some(text.to_owned());
        }
        "events" => {
            let list = value.as_array().ok_or_else(|| kind("a list of texts"))?;
            let mut events = Vec::new();
            for item in list.iter().take(EVENT_TYPES.len() + 1) {
                let item = item.as_str().ok_or_else(|| kind("a list of texts"))?;
                let shown: String = item.chars().take(40).flat_map(char::escape_debug).collect();
                check_event(item).map_err(|why| ("unknown-event", format!("'{shown}': {why}")))?;
                events.push(item.to_owned());
            }
            if list.len() > EVENT_TYPES.len() {
                return Err(("too-many-events", "there are not so many events".to_owned()));
            }
            wish.change.events = Some(events);
        }
        "ordered" => wish.change.ordered = Some(truth()?),
        "enabled" => wish.change.enabled = Some(truth()?),
        "concurrency" => {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            let number = number.filter(|number| (1..=MAX_CONCURRENCY).contains(number));
            let detail = format!("concurrency must be a number from 1 to {MAX_CONCURRENCY}");
            wish.change.concurrency = Some(number.ok_or(("invalid-concurrency", detail))?);
        }
        "secret" => {
            let secret = text()?.strip_prefix("whsec_").and_then(|it| STANDARD.decode(it).ok());
            let detail = "secret must be whsec_ and 24 to 64 octets in base64; leave it out and \
                          one is made";
            let secret = secret.filter(|secret| SECRET.contains(&secret.len()));
            wish.secret = Some(secret.ok_or_else(|| ("invalid-secret", detail.to_owned()))?);
        }
        other => {
            let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
            let detail = match crate::model::suggest::nearest(other, FIELDS.iter().copied()) {
                Some(near) => format!("there is no field '{shown}'; did you mean '{near}'?"),
                None => format!("there is no field '{shown}'; there are: {}", FIELDS.join(", ")),
            };
            return Err(("unknown-field", detail));
        }
    }
    Ok(())
}

/// What shows before a name is resolved; the rest is judged at each attempt.
fn check_url(gateway: &Gateway, text: &str) -> Result<(), String> {
    if text.len() > MAX_URL {
        return Err(format!("url may have {MAX_URL} octets"));
    }
    let uri: axum::http::Uri =
        text.parse().map_err(|_| "url must be like https://shop.example/mms".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("url must begin with https:// (or http://)".to_owned());
    }
    let Some(authority) = uri.authority().filter(|it| !it.host().is_empty()) else {
        return Err("url names no host".to_owned());
    };
    if authority.as_str().contains('@') || text.contains('#') {
        return Err(
            "url may hold neither a user nor a fragment; the signature shows who speaks".to_owned()
        );
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let config = gateway.world();
    let Ok(address) = host.parse() else { return Ok(()) };
    if config.allow.iter().any(|network| network.contains(address)) {
        return Ok(());
    }
    match why_not_public(address) {
        Some(why) => Err(format!(
            "{address} is {why}; the gateway's owner can add it to allow under [webhooks]"
        )),
        None => Ok(()),
    }
}

fn view(endpoint: &Endpoint) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": endpoint.id,
        "kind": endpoint.kind.as_str(),
        "name": endpoint.name,
        "url": endpoint.url,
        "events": endpoint.events,
        "ordered": endpoint.ordered,
        "concurrency": endpoint.concurrency,
        "enabled": endpoint.enabled,
        "created_at": endpoint.created_at.to_string(),
        "taken_at": time(endpoint.taken_at),
        "failing_since": time(endpoint.failing_since),
        "failures": endpoint.failures,
        "reason": endpoint.reason,
    })
}

/// With the secret, which is shown when it is made and never again.
fn with_secret(endpoint: &Endpoint) -> Value {
    let mut value = view(endpoint);
    value["secret"] = format!("whsec_{}", STANDARD.encode(&endpoint.secret)).into();
    value
}

fn delivery_view(delivery: &Delivery) -> Value {
    let pending = delivery.state == DeliveryState::Pending;
    json!({
        "id": delivery.id.to_string(),
        "event_id": delivery.event_id,
        "type": delivery.kind,
        "timestamp": delivery.event_at.to_string(),
        "message": delivery.message,
        "state": delivery.state.as_str(),
        "attempts": delivery.attempts,
        "next_attempt_at": pending.then(|| delivery.next_attempt_at.to_string()),
        "settled_at": delivery.settled_at.map(|at| at.to_string()),
    })
}

fn whole(delivery: &Delivery, attempts: &[Attempt]) -> Value {
    let mut value = delivery_view(delivery);
    value["body"] = serde_json::from_str(&delivery.body).unwrap_or_default();
    let history = attempts.iter().map(|attempt| {
        json!({
            "at": attempt.at.to_string(),
            "milliseconds": u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
            "status": attempt.status,
            "error": attempt.error,
            "response": attempt.response,
        })
    });
    value["history"] = history.collect::<Vec<_>>().into();
    value
}

/// The shapes of the answers here.
pub(super) fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let count = || json!({ "type": "integer", "minimum": 0 });
    let truth = || json!({ "type": "boolean" });
    let names: Vec<&str> = EVENT_TYPES.iter().map(|(name, _)| *name).collect();
    let events = json!({ "type": "array", "items": { "enum": names },
        "description": "None: all of them." });
    let wish = json!({
        "name": { "type": "string", "maxLength": MAX_NAME },
        "url": { "type": "string", "maxLength": MAX_URL },
        "events": events, "ordered": truth(), "enabled": truth(),
        "concurrency": { "type": "integer", "minimum": 1, "maximum": MAX_CONCURRENCY },
        "secret": { "type": "string", "pattern": "^whsec_",
            "description": "24 to 64 octets in base64; left out, one is made." },
    });
    json!({
        "NewWebhook": { "type": "object", "additionalProperties": false, "properties": wish },
        "Webhook": object(json!({
            "id": text(), "kind": { "enum": ["webhook", "hook", "folder", "mail"] }, "name": text(),
            "url": maybe(), "events": events, "ordered": truth(), "concurrency": count(),
            "enabled": truth(), "created_at": text(), "taken_at": maybe(),
            "failing_since": maybe(), "failures": count(), "reason": maybe(), "secret": text(),
        })),
        "WebhookList": object(json!({
            "webhooks": { "type": "array", "items": reference("Webhook") },
        })),
        "WebhookTest": object(json!({ "deliveries": text() })),
        "Delivery": object(json!({
            "id": text(), "event_id": text(), "type": text(), "timestamp": text(),
            "message": maybe(), "state": { "enum": ["pending", "delivered", "failed"] },
            "attempts": count(), "next_attempt_at": maybe(), "settled_at": maybe(),
            "body": { "type": "object" },
            "history": { "type": "array", "items": object(json!({
                "at": text(), "milliseconds": count(), "status": { "type": ["integer", "null"] },
                "error": maybe(), "response": maybe(),
            })) },
        })),
        "DeliveryList": object(json!({
            "deliveries": { "type": "array", "items": reference("Delivery") }, "next": maybe(),
        })),
    })
}

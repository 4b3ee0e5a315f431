//! Whether it lives (`/healthz`), whether it can do its work (`/readyz`), and what it serves.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::endpoint::Endpoint;
use super::problem::Problem;
use super::{Context, openapi};

/// What needs no token, since it tells nothing of messages.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::open("/healthz", health)
            .named("health", "Whether the gateway answers")
            .answers(200, "It does.", "Health"),
        Endpoint::open("/readyz", ready)
            .named("ready", "Whether messages can be taken and sent: store and modems")
            .answers(200, "They can.", "Readiness")
            .response(503, json!({ "$ref": "#/components/responses/Problem" })),
        Endpoint::open("/api/openapi.json", || async { Json(openapi::document()) })
            .named("describe", "This document")
            .response(
                200,
                json!({ "description": "OpenAPI 3.1.", "content": {
                "application/json": { "schema": { "type": "object" } },
            } }),
            ),
    ]
}

/// The shapes of the answers here.
pub(super) fn schemas() -> Value {
    json!({
        "Health": openapi::object(json!({
            "status": { "const": "ok" }, "version": { "type": "string" },
        })),
        "Readiness": openapi::object(json!({
            "status": { "const": "ready" },
            "modems": { "type": "object", "additionalProperties": { "type": "string" },
                "description": "The condition of each." },
        })),
    })
}

async fn health() -> impl IntoResponse {
    let body = Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
    (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], body)
}

/// `GET /readyz`: something is written and a modem is up.
async fn ready(State(context): State<Context>) -> Response {
    let mut missing = Vec::new();
    if !context.gateway.store().has_room() {
        missing.push("the disk is full: nothing new is taken".to_owned());
    } else if let Err(error) = context.gateway.write_something().await {
        missing.push(format!("nothing can be written: {error}"));
    }
    let modems = context.gateway.modems();
    if !modems.iter().any(|modem| matches!(modem.condition, "ready" | "calling")) {
        let each: Vec<String> =
            modems.iter().map(|modem| format!("{} is {}", modem.name, modem.condition)).collect();
        missing.push(match each.as_slice() {
            [] => "no modem is configured".to_owned(),
            some => format!("no modem is up: {}", some.join(", ")),
        });
    }
    if !missing.is_empty() {
        return Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not-ready",
            "the gateway cannot do its work now",
            missing.join("; "),
        )
        .hint("mm1gate doctor tells what stands in the way")
        .into_response();
    }
    let conditions: serde_json::Map<String, Value> = modems
        .iter()
        .map(|modem| (modem.name.to_string(), modem.condition.to_string().into()))
        .collect();
    let body = Json(json!({ "status": "ready", "modems": conditions }));
    (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

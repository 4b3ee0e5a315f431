//! The edges on the ordinary network: REST under `/api/v1`, the page, and their listeners.
//!
//! May use: gateway, store, model, media.

mod alarms;
mod events;
mod guard;
mod intake;
mod listen;
mod metrics;
mod modem_view;
mod openapi;
mod page;
mod parts;
mod problem;
pub(crate) mod query;
mod rest;
pub mod view;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

pub use guard::Access;
pub use listen::{Listeners, SOCKET_NAME};
pub use problem::{FieldProblem, Problem};

/// What the handlers share.
#[derive(Clone)]
struct Context {
    gateway: Gateway,
    shutdown: CancellationToken,
}

/// From a request to its answer. Event streams end with `shutdown`.
pub fn router(gateway: Gateway, access: Access, shutdown: CancellationToken) -> Router {
    Router::new()
        .nest("/api/v1", rest::routes().merge(alarms::routes()))
        .route("/api/openapi.json", rest::methods(get(|| async { Json(openapi::document()) })))
        .route("/metrics", rest::methods(get(metrics::metrics)))
        .route("/healthz", rest::methods(get(health)))
        .merge(page::routes())
        .fallback(|request: Request| async move { page::not_found(&request) })
        .layer(DefaultBodyLimit::max(intake::MAX_BODY))
        .layer(middleware::from_fn_with_state(access, guard::guard))
        .with_state(Context { gateway, shutdown })
}

async fn health() -> impl IntoResponse {
    let body = Json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
    (StatusCode::OK, [(header::CACHE_CONTROL, "no-store")], body)
}

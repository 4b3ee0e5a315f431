//! The edges on the ordinary network: REST under `/api/v1`, the page, and their listeners.
//!
//! May use: gateway, store, model, media.

mod access;
mod alarms;
mod arrivals;
mod auth;
mod body;
mod endpoint;
mod events;
mod facade;
mod fetch;
mod figures;
mod filter;
mod guard;
mod health;
pub(crate) mod intake;
mod listen;
mod metrics;
mod modem_view;
mod openapi;
mod page;
mod parts;
mod problem;
pub(crate) mod query;
mod rest;
mod routes;
mod sending;
mod serving;
mod sight;
pub mod view;
mod webhooks;

use axum::extract::{DefaultBodyLimit, Request};
use axum::{Router, middleware};
use tokio_util::sync::CancellationToken;

use crate::gateway::Gateway;

pub use auth::Scope;
pub use guard::Access;
pub use listen::{Listeners, SOCKET_NAME};
pub use problem::{FieldProblem, Problem};

/// What the handlers share.
#[derive(Clone)]
struct Context {
    gateway: Gateway,
    fetcher: fetch::Fetcher,
    shutdown: CancellationToken,
}

/// From a request to its answer. Event streams end with `shutdown`.
pub fn router(gateway: Gateway, access: Access, shutdown: CancellationToken) -> Router {
    let fetcher = fetch::Fetcher::new(gateway.config().api.part_urls_allow.clone());
    let guard = guard::Guard { access, gateway: gateway.clone() };
    endpoint::router(endpoint::all(), &gateway)
        .fallback(|request: Request| async move { page::not_found(&request) })
        .layer(DefaultBodyLimit::max(intake::MAX_BODY))
        .layer(middleware::from_fn_with_state(body::Room::new(), body::bounded))
        .layer(middleware::from_fn_with_state(guard, guard::guard))
        .with_state(Context { gateway, fetcher, shutdown })
}

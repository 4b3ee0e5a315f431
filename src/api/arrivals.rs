//! `POST /messages/{id}/retrieve`, `/reject` and `/read`: what a person does with a message that comes in.

use axum::extract::{Path, State};
use axum::response::Response;

use super::Context;
use super::auth::Scope;
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::rest::after_action;
use crate::model::MessageId;

/// What a person does with a message that comes in.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/messages/{id}/retrieve", Scope::MessagesSend, retrieve)
            .named(
                "retrieveMessage",
                "Fetch an announced message that is deferred, rejected, expired or failed",
            )
            .answers(202, "To be fetched.", "Message"),
        Endpoint::post("/api/v1/messages/{id}/reject", Scope::MessagesSend, reject)
            .named("rejectMessage", "Tell the MMSC that an announced message is not wanted")
            .answers(202, "Rejected.", "Message"),
        Endpoint::post("/api/v1/messages/{id}/read", Scope::MessagesSend, read)
            .named(
                "readMessage",
                "Note that a message was read; its sender is told where that asked for it",
            )
            .answers(202, "Noted.", "Message"),
    ]
}

fn parse(id: &str) -> Result<MessageId, Problem> {
    id.parse().map_err(|_| Problem::no_message(id))
}

async fn retrieve(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    context.gateway.retrieve(&parse(&id)?).await?;
    after_action(&context.gateway, &id).await
}

async fn reject(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    context.gateway.reject(&parse(&id)?).await?;
    after_action(&context.gateway, &id).await
}

async fn read(State(context): State<Context>, Path(id): Path<String>) -> Result<Response, Problem> {
    context.gateway.mark_read(&parse(&id)?).await?;
    after_action(&context.gateway, &id).await
}

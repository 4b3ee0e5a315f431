//! `POST /messages/{id}/retrieve`, `/reject`, `/read` and `/forward`: what a person does with a message
//! that comes in. Each asks for the scope `messages:send`, since of each something leaves: the MMSC or
//! the sender is told, or others get the message.

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::auth::{Caller, Scope};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::rest::{accepted, after_action};
use super::{Context, intake};
use crate::model::{Kind, MessageId, Once};

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
                "Note that a message was read; its sender is told where that asked for it, which is \
                 why this takes the scope for sending",
            )
            .answers(202, "Noted.", "Message"),
        Endpoint::post("/api/v1/messages/{id}/forward", Scope::MessagesSend, forward)
            .named(
                "forwardMessage",
                "Have the MMSC send on a message that was announced and not fetched. Few operators can: \
                 where yours cannot, the new message fails with `forward-not-supported`; retrieve it \
                 then and send its parts",
            )
            .parameter(intake::key_parameter())
            .json_body("Forward")
            .answers(202, "A message of its own, accepted and stored.", "Accepted"),
    ]
}

/// The shapes of requests here.
pub(super) fn schemas() -> Value {
    json!({ "Forward": {
        "type": "object", "additionalProperties": false, "required": ["to"],
        "properties": {
            "to": { "oneOf": [{ "type": "string", "minLength": 1 }, { "type": "array",
                "items": { "type": "string", "minLength": 1 }, "minItems": 1,
                "maxItems": intake::MAX_RECIPIENTS }], "examples": ["+447700900123"] },
            "group": { "type": ["boolean", "null"], "default": false,
                "description": "Several recipients see each other." },
            "delivery_report": { "type": ["boolean", "null"], "default": false },
            "read_report": { "type": ["boolean", "null"], "default": false },
            "priority": { "enum": ["low", "normal", "high", null], "default": "normal" },
            "client_ref": { "type": ["string", "null"], "maxLength": intake::MAX_CLIENT_REF },
        },
    } })
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

async fn forward(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let parsed = parse(&id)?;
    let key = intake::key(request.headers())?;
    let mut wish = intake::forward(request).await?;
    let mut origin = caller.origin(&context.gateway);
    origin.once =
        key.map(|key| Once { key, fingerprint: intake::forward_fingerprint(&wish, &parsed) });
    wish.origin = origin;
    let taken = context.gateway.forward(&parsed, wish).await?;
    Ok(accepted(&context.gateway, Kind::Mms, "", &taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_taken_is_described() {
        let schemas = schemas();
        let described = schemas["Forward"]["properties"].as_object().expect("properties");
        for field in intake::FORWARD_FIELDS {
            assert!(described.contains_key(*field), "{field}");
        }
        assert_eq!(described.len(), intake::FORWARD_FIELDS.len());
    }
}

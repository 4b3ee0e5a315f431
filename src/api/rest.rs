//! The REST resources under `/api/v1`: messages, inbox, outbox, modems.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Extension, Json};
use serde_json::json;

use super::auth::{Caller, Scope};
use super::endpoint::{Endpoint, reference};
use super::problem::Problem;
use super::view::{self, Message, MessageList, Modem, ModemList, TextCost, Timeline};
use super::{Context, filter, intake, metrics, openapi, parts};
use crate::gateway::{AcceptError, Gateway};
use crate::model::{Address, Direction, Fault, Kind, MessageId, Once};
use crate::store::{Acceptance, MessageView};

/// Most messages in one answer.
pub(super) const MAX_LIST: usize = 200;
/// Messages in one answer when the caller does not say.
pub(super) const DEFAULT_LIST: usize = 50;

/// Messages and modems.
pub(super) fn endpoints() -> Vec<Endpoint> {
    use Scope::{MessagesRead, MessagesSend, ModemsManage, ModemsRead};
    let mut all = Vec::new();
    for (path, one, direction, ids, summaries) in [
        (
            "/api/v1/messages",
            "/api/v1/messages/{id}",
            None,
            ("listMessages", "getMessage"),
            ("Messages of both directions, newest first", "One message"),
        ),
        (
            "/api/v1/inbox",
            "/api/v1/inbox/{id}",
            Some(Direction::Inbound),
            ("listInbox", "getInboxMessage"),
            ("Messages that arrived, newest first", "A message that arrived"),
        ),
        (
            "/api/v1/outbox",
            "/api/v1/outbox/{id}",
            Some(Direction::Outbound),
            ("listOutbox", "getOutboxMessage"),
            ("Messages sent, newest first", "A message sent"),
        ),
    ] {
        let list = move |State(context): State<Context>,
                         Extension(caller): Extension<Caller>,
                         RawQuery(query): RawQuery| async move {
            list(&context.gateway, &caller, direction, query.as_deref()).await
        };
        let get = move |State(context): State<Context>, Path(id): Path<String>| async move {
            self::one(&context.gateway, direction, &id).await
        };
        let list = Endpoint::get(path, MessagesRead, list).named(ids.0, summaries.0);
        all.push(filter::describe(list, direction).answers(200, "A page of them.", "MessageList"));
        all.push(Endpoint::get(one, MessagesRead, get).named(ids.1, summaries.1).answers(
            200,
            "The message.",
            "Message",
        ));
    }
    all.extend([
        Endpoint::post("/api/v1/messages", MessagesSend, submit)
            .named("sendMessage", "Hand in a message; it is durable when the answer arrives")
            .parameter(intake::key_parameter())
            .body(json!({ "required": true, "content": {
                "application/json": { "schema": reference("NewMessage") },
                "multipart/form-data": { "schema": reference("NewMessageForm") },
            }}))
            .response(
                202,
                json!({
                    "description": "Accepted and stored; it will be sent.",
                    "headers": {
                        "Location": { "schema": { "type": "string" } },
                        "Idempotent-Replayed": { "schema": { "const": "true" }, "description":
                            "It had been taken before under the same Idempotency-Key." },
                    },
                    "content": { "application/json": { "schema": reference("Accepted") } },
                }),
            ),
        Endpoint::delete("/api/v1/messages/{id}", MessagesSend, remove)
            .named(
                "removeMessage",
                "Forget a message that is settled, with its parts and its timeline; with the token of \
                 an account only what that has handed in",
            )
            .response(204, json!({ "description": "Gone." })),
        Endpoint::get("/api/v1/messages/{id}/events", MessagesRead, timeline)
            .named("getTimeline", "What happened to a message, oldest first")
            .answers(200, "All of it.", "Timeline"),
        Endpoint::post("/api/v1/messages/{id}/retry", MessagesSend, retry)
            .named(
                "retryMessage",
                "Send an `unknown`, `failed` or `expired` message once more, or fetch one again; \
                 with `modem`, also one that waits goes by that modem instead",
            )
            .body(openapi::small_body("modem", "Name of the modem that is to send it."))
            .answers(202, "On its way again.", "Message"),
        Endpoint::post("/api/v1/messages/{id}/cancel", MessagesSend, cancel)
            .named("cancelMessage", "Withdraw a message that was not released to the operator")
            .answers(202, "Withdrawn.", "Message"),
        Endpoint::get("/api/v1/messages/{id}/parts/{index}", MessagesRead, parts::download)
            .named("downloadPart", "The octets of a part")
            .response(200, json!({ "description": "The octets.", "content": { "*/*": {} } }))
            .response(304, json!({ "description": "As If-None-Match says." })),
        Endpoint::get(
            "/api/v1/messages/{id}/parts/{index}/thumbnail",
            MessagesRead,
            parts::thumbnail,
        )
        .named("getThumbnail", "A small picture of a part")
        .response(200, json!({ "description": "The octets.", "content": { "image/jpeg": {} } }))
        .response(304, json!({ "description": "As If-None-Match says." })),
        Endpoint::get("/api/v1/modems", ModemsRead, modems)
            .named("listModems", "Every configured modem")
            .answers(200, "All of them.", "ModemList"),
        Endpoint::get("/api/v1/modems/{name}", ModemsRead, modem)
            .named("getModem", "One modem")
            .answers(200, "The modem.", "Modem"),
        Endpoint::post("/api/v1/modems/{name}/test", ModemsManage, test)
            .named(
                "testModem",
                "Send a short text to the SIM's own number; it comes back into the inbox",
            )
            .body(openapi::small_body(
                "to",
                "The SIM's number, where neither the SIM nor the configuration tells it.",
            ))
            .answers(202, "On its way; costs one SMS.", "TestText"),
        Endpoint::post("/api/v1/sms/count", MessagesSend, count)
            .named("countSms", "What a text would take as SMS; nothing is sent")
            .body(json!({ "required": true, "content": { "application/json": { "schema": {
                "type": "object", "required": ["text"], "additionalProperties": false,
                "properties": { "text": { "type": "string", "maxLength": intake::MAX_TEXT } },
            } } } }))
            .answers(200, "Counted.", "TextCost"),
        Endpoint::get("/metrics", Scope::MetricsRead, metrics::metrics)
            .named("metrics", "Figures for Prometheus")
            .response(
                200,
                json!({ "description": "OpenMetrics 1.0.", "content": {
                "application/openmetrics-text": { "schema": { "type": "string" } },
            } }),
            ),
    ]);
    all
}

/// The same routes, with a problem instead of an empty answer to other methods.
pub(super) fn methods(routes: MethodRouter<Context>) -> MethodRouter<Context> {
    routes.fallback(|request: Request| async move {
        Problem::method(request.method().as_str(), request.uri().path())
    })
}

/// The message that an id in a path names.
pub(super) async fn find(gateway: &Gateway, id: &str) -> Result<MessageView, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(id))?;
    gateway.message(&parsed).await?.ok_or_else(|| Problem::no_message(id))
}

async fn submit(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let key = intake::key(request.headers())?;
    let mut handed = intake::read(request).await?;
    let mut origin = caller.origin(&context.gateway);
    let (kind, text) = (handed.message.kind, handed.message.text.clone().unwrap_or_default());
    if let Some(key) = key {
        let once = Once { key, fingerprint: handed.fingerprint() };
        // What was taken is not fetched again: it may have gone from there.
        if handed.has_urls()
            && let Some(taken) =
                context.gateway.taken_before(origin.account.clone(), once.clone()).await?
        {
            return Ok(accepted(&context.gateway, kind, &text, &taken));
        }
        origin.once = Some(once);
    }
    handed.message.origin = origin;
    let message = handed.fetched(&context.fetcher).await?;
    let taken = context.gateway.submit(message).await?;
    Ok(accepted(&context.gateway, kind, &text, &taken))
}

/// The answer to a message that was taken, the same however often it is handed in.
pub(super) fn accepted(gateway: &Gateway, kind: Kind, text: &str, taken: &Acceptance) -> Response {
    let location = format!("/api/v1/messages/{}", taken.id);
    let mut body = json!({
        "id": taken.id.as_str(), "kind": kind.as_str(), "state": taken.state.as_str(),
        "url": location,
    });
    if kind == Kind::Sms {
        let cost = gateway.text_cost(text);
        body["segments"] = cost.segments.into();
        body["encoding"] = cost.encoding.into();
    }
    if !taken.refused.is_empty() {
        let one = |(address, fault): &(Address, Fault)| json!({ "address": address.to_string(), "code": fault.code, "detail": fault.summary });
        body["refused"] = taken.refused.iter().map(one).collect();
    }
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(&location) {
        headers.insert(header::LOCATION, location);
    }
    if taken.change.is_none() {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

async fn list(
    gateway: &Gateway,
    caller: &Caller,
    direction: Option<Direction>,
    query: Option<&str>,
) -> Result<Json<MessageList>, Problem> {
    let mut filter = filter::parse(query, direction)?;
    filter.account = caller.account().map(str::to_owned);
    let limit = filter.limit;
    // One more than asked for tells whether there is a further page.
    filter.limit += 1;
    let backward = filter.newer_than.is_some();
    let (after, before) = (filter.before.clone(), filter.newer_than.clone());
    let mut found = gateway.messages(filter).await?;
    let more = found.len() > limit;
    // Newest first in both directions; what is too many lies at the end that was walked to.
    if backward && more {
        found.remove(0);
    }
    found.truncate(limit);
    let last = found.last().map(|last| last.id.to_string());
    let first = found.first().map(|first| first.id.to_string());
    let (next, previous) = if backward {
        (last.or_else(|| before.map(|id| id.to_string())), first.filter(|_| more))
    } else {
        (last.filter(|_| more), first.filter(|_| after.is_some()))
    };
    Ok(Json(MessageList { messages: found.iter().map(Message::from).collect(), next, previous }))
}

async fn one(
    gateway: &Gateway,
    direction: Option<Direction>,
    id: &str,
) -> Result<Json<Message>, Problem> {
    let view = find(gateway, id).await?;
    if direction.is_some_and(|wanted| wanted != view.summary.direction) {
        return Err(Problem::no_message(id));
    }
    Ok(Json(Message::whole(&view, &gateway.modems())))
}

async fn timeline(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Json<Timeline>, Problem> {
    let view = find(&context.gateway, &id).await?;
    Ok(Json(Timeline { events: view.timeline.iter().map(Into::into).collect() }))
}

async fn retry(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    match intake::texts(request, &["modem"]).await?.get("modem") {
        Some(modem) => {
            may_use(&context, &caller, modem)?;
            context.gateway.send_by(&parsed, modem).await?;
        }
        None => context.gateway.retry(&parsed).await?,
    }
    after_action(&context.gateway, &id).await
}

/// Whether the caller's account may send by the modem of this name.
pub(super) fn may_use(context: &Context, caller: &Caller, modem: &str) -> Result<(), Problem> {
    let origin = caller.origin(&context.gateway);
    if origin.may_use(modem) {
        return Ok(());
    }
    Err(Problem::from(AcceptError::ModemNotAllowed {
        account: origin.account.unwrap_or_default(),
        allowed: origin.modems.join(", "),
    }))
}

async fn cancel(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    context.gateway.cancel(&parsed).await?;
    after_action(&context.gateway, &id).await
}

async fn remove(
    State(context): State<Context>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    let account = caller.origin(&context.gateway).account;
    context.gateway.remove(&parsed, account.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn after_action(gateway: &Gateway, id: &str) -> Result<Response, Problem> {
    let view = find(gateway, id).await?;
    Ok((StatusCode::ACCEPTED, Json(Message::whole(&view, &gateway.modems()))).into_response())
}

async fn modems(State(context): State<Context>) -> Json<ModemList> {
    Json(ModemList { modems: context.gateway.modems().iter().map(Modem::from).collect() })
}

async fn modem(
    State(context): State<Context>,
    Path(name): Path<String>,
) -> Result<Json<Modem>, Problem> {
    let modems = context.gateway.modems();
    let found = modems.iter().find(|modem| modem.name == name);
    found.map(|modem| Json(Modem::from(modem))).ok_or_else(|| Problem::no_modem(&name, &modems))
}

/// `POST /modems/{name}/test`: a text to the SIM's own number.
async fn test(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let modems = context.gateway.modems();
    if !modems.iter().any(|modem| modem.name == name) {
        return Err(Problem::no_modem(&name, &modems));
    }
    let to = match intake::texts(request, &["to"]).await?.get("to") {
        Some(text) => Some(intake::recipient("/to", text)?),
        None => None,
    };
    let sent = context.gateway.send_test(&name, to).await?;
    let body = view::TestText {
        id: sent.id.to_string(),
        modem: name,
        to: sent.to.to_string(),
        text: sent.text,
        url: format!("/api/v1/messages/{}", sent.id),
    };
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// `POST /sms/count`: what a text would take.
async fn count(
    State(context): State<Context>,
    request: Request,
) -> Result<Json<TextCost>, Problem> {
    let text = intake::text_to_count(request).await?;
    Ok(Json(TextCost::from(context.gateway.text_cost(&text))))
}

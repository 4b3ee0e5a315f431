//! The REST resources under `/api/v1`: messages, inbox, outbox, modems.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};

use super::problem::{FieldProblem, Problem};
use super::view::{self, Message, MessageList, Modem, ModemList, TextCost, Timeline};
use super::{Context, events, intake, parts, query};
use crate::gateway::Gateway;
use crate::model::{Direction, Kind, MessageId};
use crate::store::{Filter, MessageView};

/// Most messages in one answer.
pub(super) const MAX_LIST: usize = 200;
/// Messages in one answer when the caller does not say.
pub(super) const DEFAULT_LIST: usize = 50;

/// Everything under `/api/v1`.
pub(super) fn routes() -> Router<Context> {
    let list = |direction: Option<Direction>| {
        get(move |State(context): State<Context>, RawQuery(query): RawQuery| async move {
            list(&context.gateway, direction, query.as_deref()).await
        })
    };
    let one = |direction: Option<Direction>| {
        get(move |State(context): State<Context>, Path(id): Path<String>| async move {
            one(&context.gateway, direction, &id).await
        })
    };
    Router::new()
        .route("/messages", methods(list(None).post(submit)))
        .route("/messages/{id}", methods(one(None)))
        .route("/messages/{id}/events", methods(get(timeline)))
        .route("/messages/{id}/retry", methods(post(retry)))
        .route("/messages/{id}/cancel", methods(post(cancel)))
        .route("/messages/{id}/parts/{index}", methods(get(parts::download)))
        .route("/messages/{id}/parts/{index}/thumbnail", methods(get(parts::thumbnail)))
        .route("/inbox", methods(list(Some(Direction::Inbound))))
        .route("/inbox/{id}", methods(one(Some(Direction::Inbound))))
        .route("/outbox", methods(list(Some(Direction::Outbound))))
        .route("/outbox/{id}", methods(one(Some(Direction::Outbound))))
        .route("/modems", methods(get(modems)))
        .route("/modems/{name}", methods(get(modem)))
        .route("/modems/{name}/test", methods(post(test)))
        .route("/sms/count", methods(post(count)))
        .route("/events", methods(get(events::stream)))
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

async fn submit(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    let message = intake::read(request).await?;
    let cost = (message.kind == Kind::Sms)
        .then(|| context.gateway.text_cost(message.text.as_deref().unwrap_or_default()));
    let kind = message.kind.as_str();
    let id = context.gateway.accept(message).await?;
    let location = format!("/api/v1/messages/{id}");
    // The modem may already have it; the caller learns the state as it is now. From here on no
    // error may be told: who hears one sends the message again.
    let view = context.gateway.message(&id).await.ok().flatten();
    let state = view.map_or("accepted", |view| view.summary.state.as_str());
    let mut body =
        serde_json::json!({ "id": id.as_str(), "kind": kind, "state": state, "url": location });
    if let Some(cost) = cost {
        body["segments"] = cost.segments.into();
        body["encoding"] = cost.encoding.into();
    }
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn list(
    gateway: &Gateway,
    direction: Option<Direction>,
    query: Option<&str>,
) -> Result<Json<MessageList>, Problem> {
    let mut filter = parse_query(query, direction)?;
    let limit = filter.limit;
    // One more than asked for tells whether there is a next page.
    filter.limit += 1;
    let mut found = gateway.messages(filter).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(Json(MessageList { messages: found.iter().map(Message::from).collect(), next }))
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
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    match intake::texts(request, &["modem"]).await?.get("modem") {
        Some(modem) => context.gateway.send_by(&parsed, modem).await?,
        None => context.gateway.retry(&parsed).await?,
    }
    after_action(&context.gateway, &id).await
}

async fn cancel(
    State(context): State<Context>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let parsed: MessageId = id.parse().map_err(|_| Problem::no_message(&id))?;
    context.gateway.cancel(&parsed).await?;
    after_action(&context.gateway, &id).await
}

async fn after_action(gateway: &Gateway, id: &str) -> Result<Response, Problem> {
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

fn parse_query(text: Option<&str>, direction: Option<Direction>) -> Result<Filter, Problem> {
    let mut filter = Filter { direction, limit: DEFAULT_LIST, ..Filter::default() };
    let mut wrong = Vec::new();
    for (name, value) in query::pairs(text) {
        match name.as_str() {
            "limit" => match value.parse::<usize>() {
                Ok(limit) if (1..=MAX_LIST).contains(&limit) => filter.limit = limit,
                _ => wrong.push(FieldProblem::new(
                    name,
                    "invalid-limit",
                    format!("limit must be a number from 1 to {MAX_LIST}"),
                )),
            },
            "after" => match value.parse() {
                Ok(id) => filter.before = Some(id),
                Err(error) => wrong.push(FieldProblem::new(
                    name,
                    "invalid-cursor",
                    format!("after must be the 'next' of an earlier answer: {error}"),
                )),
            },
            "kind" => match Kind::parse(&value) {
                Some(kind) => filter.kind = Some(kind),
                None => wrong.push(FieldProblem::new(
                    name,
                    "invalid-kind",
                    "kind must be 'mms' or 'sms'",
                )),
            },
            "direction" if direction.is_none() => match view::parse_direction(&value) {
                Some(direction) => filter.direction = Some(direction),
                None => wrong.push(FieldProblem::new(
                    name,
                    "invalid-direction",
                    "direction must be 'in' or 'out'",
                )),
            },
            other => {
                let shown: String = other.chars().take(40).flat_map(char::escape_debug).collect();
                let known = ["limit", "after", "kind", "direction"];
                let known = if direction.is_some() { &known[..3] } else { &known[..] };
                wrong.push(FieldProblem::new(
                    shown.clone(),
                    "unknown-parameter",
                    match crate::model::suggest::nearest(other, known.iter().copied()) {
                        Some(near) => {
                            format!("there is no parameter '{shown}'; did you mean '{near}'?")
                        }
                        None => format!(
                            "there is no parameter '{shown}'; there are: {}",
                            known.join(", ")
                        ),
                    },
                ));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(filter);
    }
    let mut problem = Problem::fields(wrong);
    problem.status = StatusCode::BAD_REQUEST.as_u16();
    problem.title = "the request's parameters cannot be used".into();
    Err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_read_strictly() {
        let filter = parse_query(Some("limit=2&direction=in"), None).expect("a filter");
        assert_eq!((filter.limit, filter.direction), (2, Some(Direction::Inbound)));
        for (query, code) in [
            ("limit=0", "invalid-limit"),
            ("limit=100000", "invalid-limit"),
            ("after=7", "invalid-cursor"),
            ("direction=up", "invalid-direction"),
            ("limt=3", "unknown-parameter"),
        ] {
            assert_eq!(parse_query(Some(query), None).expect_err(query).code.as_ref(), code);
        }
    }
}

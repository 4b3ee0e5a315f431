//! Everything that happens, as server-sent events (WHATWG HTML, clause 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::auth::Scope;
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::view::EventItem;
use super::{Context, query};
use crate::gateway::Event;
use crate::model::MessageId;

/// How often a line is sent when nothing happens, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Most event streams at once; each holds a connection and a place in the queue of events.
const MAX_LISTENERS: usize = 64;

static LISTENERS: Semaphore = Semaphore::const_new(MAX_LISTENERS);

struct Listener {
    _place: SemaphorePermit<'static>,
    events: Receiver<Event>,
    only: Option<MessageId>,
    shutdown: CancellationToken,
    greeted: bool,
}

/// The event stream.
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/events", Scope::MessagesRead, stream)
            .named(
                "listen",
                "Everything that happens, as server-sent events: state, stage, modem, alarm, missed",
            )
            .query("message", &json!({ "type": "string" }), "Only what concerns this message.")
            .response(
                200,
                json!({ "description": "Goes on until the gateway ends.", "content": {
                "text/event-stream": { "schema": { "type": "string" } },
            } }),
            ),
    ]
}

/// `GET /events`, with `?message=ID` only what concerns that message.
pub(super) async fn stream(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, Problem> {
    let only = match query::value(query.as_deref(), "message") {
        None => None,
        Some(id) => Some(id.parse::<MessageId>().map_err(|_| Problem::no_message(&id))?),
    };
    let place = LISTENERS.try_acquire().map_err(|_| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-listeners",
            "too many listen already",
            format!("{MAX_LISTENERS} event streams are open"),
        )
        .hint("close one, or use webhooks")
    })?;
    let listener = Listener {
        _place: place,
        events: context.gateway.subscribe(),
        only,
        shutdown: context.shutdown.clone(),
        greeted: false,
    };
    let stream = stream::unfold(listener, next);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

async fn next(mut listener: Listener) -> Option<(Result<Sent, Infallible>, Listener)> {
    if !listener.greeted {
        // Sends the head of the answer at once, so that the caller knows it is subscribed.
        listener.greeted = true;
        return Some((Ok(Sent::default().comment("listening")), listener));
    }
    loop {
        let received = tokio::select! {
            biased;
            () = listener.shutdown.cancelled() => return None,
            received = listener.events.recv() => received,
        };
        let item = match received {
            Ok(event) => EventItem::from(&event),
            Err(RecvError::Lagged(events)) => EventItem::Missed { events },
            Err(RecvError::Closed) => return None,
        };
        let wanted = match (&listener.only, &item) {
            (None, _) | (_, EventItem::Missed { .. }) => true,
            (Some(only), item) => item.message() == Some(only.as_str()),
        };
        if !wanted {
            continue;
        }
        if let Ok(sent) = Sent::default().event(item.kind()).json_data(&item) {
            return Some((Ok(sent), listener));
        }
    }
}

//! Everything that happens, as server-sent events (WHATWG HTML, clause 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::auth::{Caller, Scope};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::sight::Sight;
use super::view::EventItem;
use super::{Context, query};
use crate::gateway::{Event, Gateway};
use crate::model::MessageId;

/// How often a line is sent when nothing happens, so that both sides notice a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Most event streams at once; each holds a connection and a place in the queue of events.
const MAX_LISTENERS: usize = 64;

static LISTENERS: Semaphore = Semaphore::const_new(MAX_LISTENERS);

/// Most changes told to a listener that comes back; more are a reason to read the lists.
const MAX_MISSED: usize = 1000;

struct Listener {
    _place: SemaphorePermit<'static>,
    events: Receiver<Event>,
    only: Option<MessageId>,
    sight: Sight,
    shutdown: CancellationToken,
    gateway: Gateway,
    greeted: bool,
    /// What changed while a listener was away.
    missed: VecDeque<EventItem>,
    /// The number of the last of those.
    known: i64,
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
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
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
    let mut listener = Listener {
        _place: place,
        events: context.gateway.subscribe(),
        only,
        sight: Sight::of(&caller),
        shutdown: context.shutdown.clone(),
        gateway: context.gateway.clone(),
        greeted: false,
        missed: VecDeque::new(),
        known: 0,
    };
    // After the subscription, so that nothing falls between the two.
    if let Some(number) = last_event(&headers)? {
        listener.known = context.gateway.last_change().await?;
        let mut events = context.gateway.changes_since(number, MAX_MISSED + 1).await?;
        if events.len() > MAX_MISSED {
            listener.missed.push_back(EventItem::Missed {
                events: u64::try_from(events.len()).unwrap_or(u64::MAX),
            });
            events.clear();
        }
        listener.missed.extend(events.iter().map(EventItem::from));
    }
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
        let (item, number) = match listener.missed.pop_front() {
            Some(item) => (item, listener.known),
            None => {
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
                (item, 0)
            }
        };
        let wanted = match (&listener.only, &item) {
            (None, _) | (_, EventItem::Missed { .. }) => true,
            (Some(only), item) => item.message() == Some(only.as_str()),
        };
        let seen = match item.message() {
            Some(id) => listener.sight.sees(&listener.gateway, id).await,
            // Modems and alarms are the owner's.
            None => listener.sight.is_whole() || matches!(item, EventItem::Missed { .. }),
        };
        if !wanted || !seen {
            continue;
        }
        let mut sent = Sent::default().event(item.kind());
        // Only what the store remembers has a number; a store that fails takes none of the rest.
        if matches!(item, EventItem::State { .. }) {
            let number = match number {
                0 => listener.gateway.last_change().await.unwrap_or(0),
                known => known,
            };
            if number > 0 {
                sent = sent.id(number.to_string());
            }
        }
        if let Ok(sent) = sent.json_data(&item) {
            return Some((Ok(sent), listener));
        }
    }
}

/// What a listener that comes back has seen (WHATWG HTML, clause 9.2.4).
fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
    number.filter(|number| *number >= 0).map(Some).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-last-event-id",
            "this Last-Event-ID is none of ours",
            "Last-Event-ID must be the id of an earlier event",
        )
    })
}

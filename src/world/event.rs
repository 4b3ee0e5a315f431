//! What is told of an event: the body that every endpoint sees, made once and kept.

use serde_json::{Map, Value, json};

use crate::api::view::Message;
use crate::gateway::Gateway;
use crate::model::{Random, Timestamp};
use crate::store::{MessageView, OutboxEvent, StoreError};

/// Octets of a text that are told; a longer one is cut and can be fetched.
const MAX_TEXT: usize = 64 * 1024;

/// An id that sorts by time, as Standard Webhooks wants it: the same for every endpoint and attempt.
pub(super) fn id(at: Timestamp, random: &Random) -> String {
    let id = crate::model::MessageId::of(at, random.array());
    format!("evt_{}", id.as_str().trim_start_matches("msg_"))
}

/// `{"type", "timestamp", "data"}`; of a message `data.message` is what `GET /messages/{id}` shows.
pub(super) async fn body(
    gateway: &Gateway,
    event: &OutboxEvent,
    at: Timestamp,
) -> Result<String, StoreError> {
    let mut data: Map<String, Value> =
        event.data.as_deref().and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
    if let Some(id) = &event.message {
        let view = gateway.message(id).await?;
        let message = match &view {
            Some(view) => message(gateway, view).await?,
            None => json!({ "id": id.as_str(), "gone": true }),
        };
        data.insert("message".to_owned(), message);
    }
    if let Some(recipient) = &event.recipient {
        data.insert("recipient".to_owned(), recipient.to_string().into());
    }
    if let Some(state) = &event.state {
        data.insert("state".to_owned(), state.as_str().into());
    }
    Ok(json!({ "type": event.kind, "timestamp": at.to_string(), "data": data }).to_string())
}

async fn message(gateway: &Gateway, view: &MessageView) -> Result<Value, StoreError> {
    let summary = &view.summary;
    let mut message = Message::from(summary);
    if let Some(text) = text(gateway, view).await? {
        message.text = Some(text);
    }
    let mut value = serde_json::to_value(message).unwrap_or_default();
    if !view.inbound_to.is_empty() {
        let to: Vec<String> = view.inbound_to.iter().map(ToString::to_string).collect();
        value["addressed_to"] = json!(to);
    }
    Ok(value)
}

/// The whole text, where lists show its beginning.
pub(super) async fn text(
    gateway: &Gateway,
    view: &MessageView,
) -> Result<Option<String>, StoreError> {
    let texts = |media: &str| media == "text/plain";
    let Some(part) = view.summary.parts.iter().find(|it| texts(it.media_type.as_str())) else {
        return Ok(None);
    };
    let Some(part) = gateway.part(&view.summary.id, part.index).await? else { return Ok(None) };
    let head = part.body.get(..MAX_TEXT).unwrap_or(&part.body);
    Ok(Some(String::from_utf8_lossy(head).into_owned()))
}

//! Where a message would go: the few fields of one that decide about it.

use axum::extract::Request;
use serde_json::Value;

use super::{Draft, fields, json};
use crate::api::problem::{FieldProblem, Problem};
use crate::model::NewMessage;

/// A message without content, and whose it would be.
pub(crate) struct Question {
    pub(crate) message: NewMessage,
    pub(crate) account: Option<String>,
}

/// Reads it.
///
/// # Errors
/// A [`Problem`] that names every field that is wrong.
pub(crate) async fn question(request: Request, known: &[&str]) -> Result<Question, Problem> {
    let (object, complaints) = fields(request, known).await?;
    let mut draft = Draft::default();
    for complaint in complaints {
        draft.add(complaint);
    }
    let mut account = None;
    for (name, value) in object.iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let pointer = json::pointer_of(name);
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("to", Value::String(text)) => draft.recipient(&pointer, text),
            ("kind", Value::String(text)) => draft.kind(&pointer, text),
            ("from", Value::String(text)) => draft.from(&pointer, text),
            ("modem", Value::String(text)) => draft.modem(&pointer, text),
            ("route", Value::String(text)) => draft.route(&pointer, text),
            (_, Value::String(text)) => account = Some(text.clone()).filter(|it| !it.is_empty()),
            _ => json::wrong_type(&mut draft, name, "a text"),
        }
    }
    if draft.message.to.is_empty() && draft.complaints.is_empty() {
        draft.complain("/to", "no-recipient", "say to whom: \"to\": \"+447700900123\"");
    }
    if draft.complaints.is_empty() {
        Ok(Question { message: draft.message, account })
    } else {
        Err(Problem::fields(draft.complaints))
    }
}

/// One field that is wrong.
pub(crate) fn wrong(pointer: &str, code: &'static str, detail: String) -> Problem {
    Problem::fields(vec![FieldProblem::new(pointer, code, detail)])
}

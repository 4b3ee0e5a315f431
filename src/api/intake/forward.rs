//! To whom the MMSC is to send on a message that it keeps: the few fields that M-Forward.req has.

use axum::extract::Request;
use sha2::{Digest, Sha256};

use super::{Draft, MAX_RECIPIENTS, fields, fingerprint, json};
use crate::api::problem::Problem;
use crate::model::{MessageId, NewMessage};

/// The fields of such a request.
pub(crate) const FORWARD_FIELDS: &[&str] =
    &["to", "group", "delivery_report", "read_report", "priority", "client_ref"];

/// Reads it: a message without content.
///
/// # Errors
/// A [`Problem`] that names every field that is wrong.
pub(crate) async fn forward(request: Request) -> Result<NewMessage, Problem> {
    let (object, complaints) = fields(request, FORWARD_FIELDS).await?;
    let mut draft = Draft::default();
    for complaint in complaints {
        draft.add(complaint);
    }
    for (name, value) in object.iter().filter(|(name, _)| FORWARD_FIELDS.contains(&name.as_str())) {
        json::field(&mut draft, name, value);
    }
    let count = draft.message.to.len();
    if count == 0 && draft.complaints.is_empty() {
        draft.complain("/to", "no-recipient", "say to whom: \"to\": \"+447700900123\"");
    }
    if count > MAX_RECIPIENTS {
        let detail = format!("{count} recipients, more than the limit of {MAX_RECIPIENTS}");
        draft.complain("/to", "too-many-recipients", detail);
    }
    if !draft.complaints.is_empty() {
        return Err(Problem::fields(draft.complaints));
    }
    draft.message.delivery_report = draft.delivery_report.unwrap_or_default();
    Ok(draft.message)
}

/// SHA-256 of such a request about this message.
pub(crate) fn forward_fingerprint(wish: &NewMessage, of: &MessageId) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(fingerprint(wish));
    hash.update(format!("forward {of}"));
    hash.finalize().into()
}

//! Acceptance: what is checked before a message is made durable.

use std::time::Duration;

use bytes::Bytes;

use super::accept_text::accept_text;
use super::gate::{OPTED_OUT, OptedOut};
use super::line::Line;
use super::way::{Chosen, Ways};
use super::{AcceptError, ActionError, Core, encode};
use crate::media::{self, ComposeError};
use crate::model::{Address, Direction, Explain, Fault, Kind, MessageId, NewMessage, Timestamp};
use crate::store::{Acceptance, NewOutbound};

/// Most recipients of one message. Each costs a transaction of the SIM; a hundred are hours on
/// 2G, and more than a fair-use clause allows.
pub(super) const MAX_RECIPIENTS: usize = 100;

/// Checks a message, encodes it and makes it durable.
pub(super) async fn accept(
    core: &Core,
    lines: &[Line],
    mut message: NewMessage,
) -> Result<Acceptance, AcceptError> {
    check(&mut message)?;
    let now = core.now();
    let expires_at = times(core, &mut message, now)?;
    let blocked = core.opted_out(&message.to).await?;
    if blocked.len() == message.to.len() {
        return Err(AcceptError::OptedOut(blocked));
    }
    let mut taken = if message.kind == Kind::Sms {
        accept_text(core, lines, message, &blocked, expires_at).await?
    } else {
        accept_mms(core, lines, message, &blocked, expires_at, now).await?
    };
    taken.refused = match &taken.change {
        Some(_) => blocked.iter().map(|it| (it.address.clone(), it.to_fault())).collect(),
        None => core.store.refused(&taken.id, OPTED_OUT).await?,
    };
    Ok(taken)
}

async fn accept_mms(
    core: &Core,
    lines: &[Line],
    message: NewMessage,
    blocked: &[OptedOut],
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<Acceptance, AcceptError> {
    let composed = media::compose(&message).map_err(|error| part_error(&error))?;
    let sending = core.sending.get();
    let mut ways = Ways::new(core, lines, &message, &sending.routes).await?;
    let (mut submissions, mut chosen) = (Vec::new(), Vec::<&Line>::new());
    for group in groups(&message, blocked) {
        let Chosen { line, way } = ways.choose(&group.0).await?;
        submissions.push(encode::encode(
            core,
            &line.effective(),
            &message,
            &composed,
            group,
            way,
            now,
        )?);
        if !chosen.iter().any(|other| other.config().name == line.config().name) {
            chosen.push(line);
        }
    }
    let new = NewOutbound {
        id: MessageId::generate(&core.clock, &core.random),
        subject: message.subject.clone(),
        client_ref: message.client_ref.clone(),
        origin: message.origin.clone(),
        parts: composed.stored_parts(),
        expires_at,
        end_named: message.expires_at.is_some() || message.send_at.is_some(),
        priority: message.priority,
        send_at: message.send_at,
        forwards: None,
        submissions,
    };
    let taken = core.store.accept(new, now).await?;
    told(core, &taken, &chosen);
    Ok(taken)
}

/// Tells everybody of a message that is new.
pub(super) fn told(core: &Core, taken: &Acceptance, lines: &[&Line]) {
    if let Some(change) = &taken.change {
        core.events.change(change);
        lines.iter().for_each(|line| line.wake());
    }
}

/// Who gets a PDU together, and why it is not sent where it is not. Those who want nothing more are
/// never among others.
fn groups(message: &NewMessage, blocked: &[OptedOut]) -> Vec<(Vec<Address>, Option<Fault>)> {
    let why = |address: &Address| blocked.iter().find(|it| it.address == *address);
    let mut groups = Vec::with_capacity(message.to.len());
    if message.group {
        let to = message.to.iter().filter(|to| why(to).is_none()).cloned().collect();
        groups.push((to, None));
    }
    for to in &message.to {
        let fault = why(to).map(Explain::to_fault);
        if !message.group || fault.is_some() {
            groups.push((vec![to.clone()], fault));
        }
    }
    groups
}

/// Longest time ahead that a message can be scheduled for.
const MAX_AHEAD: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longest validity; no MMSC keeps a message longer.
const MAX_VALIDITY: Duration = Duration::from_secs(366 * 24 * 3600);
/// Shortest validity: nobody sends anything within less.
const MIN_VALIDITY: Duration = Duration::from_secs(60);

/// Checks when a message is to leave and how long it is of use; when it is given up. What is
/// scheduled for a time that has come is sent at once.
fn times(core: &Core, message: &mut NewMessage, now: Timestamp) -> Result<Timestamp, AcceptError> {
    let wrong = |field, reason: &str| {
        Err(AcceptError::Schedule { field, reason: format!("{field}: {reason}") })
    };
    message.send_at = message.send_at.filter(|at| now < *at);
    if message.send_at.is_some_and(|at| now.plus(MAX_AHEAD) < at) {
        return wrong("send_at", "it is more than a year ahead");
    }
    let begin = message.send_at.unwrap_or(now);
    if let Some(at) = message.expires_at.filter(|at| *at <= now) {
        return Err(AcceptError::Late { at, now });
    }
    if message.expires_at.is_some_and(|at| at <= begin) {
        return wrong("expires_at", "it is over before the message is to be sent (send_at)");
    }
    if let Some(validity) = message.validity {
        if message.expires_at.is_some() {
            return wrong("validity_seconds", "give this or expires_at, not both");
        }
        if !(MIN_VALIDITY..=MAX_VALIDITY).contains(&validity) {
            return wrong("validity_seconds", "a time from 60 seconds to 366 days is expected");
        }
        return Ok(begin.plus(validity));
    }
    Ok(message.expires_at.unwrap_or_else(|| begin.plus(core.timing.give_up_after)))
}

/// What needs neither modem nor operator.
fn check(message: &mut NewMessage) -> Result<(), AcceptError> {
    let mut seen: Vec<Address> = Vec::with_capacity(message.to.len());
    for address in message.to.drain(..) {
        // The same number twice is a slip, not a wish for two messages.
        if !seen.contains(&address) {
            seen.push(address);
        }
    }
    message.to = seen;
    message.subject = message
        .subject
        .take()
        .map(|subject| subject.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|subject| !subject.is_empty());
    message.text = message.text.take().filter(|text| !text.trim().is_empty());
    if message.to.is_empty() {
        return Err(AcceptError::NoRecipient);
    }
    if message.to.len() > MAX_RECIPIENTS {
        let count = message.to.len();
        return Err(AcceptError::TooManyRecipients { count, limit: MAX_RECIPIENTS });
    }
    if message.text.is_none() && message.parts.is_empty() {
        return Err(AcceptError::Empty);
    }
    Ok(())
}

/// The composer's complaint, its leading name apart.
fn part_error(error: &ComposeError) -> AcceptError {
    let text = error.to_string();
    match error {
        ComposeError::Empty => AcceptError::Empty,
        ComposeError::EmptyPart { name }
        | ComposeError::UnknownType { name }
        | ComposeError::SecondPresentation { name }
        | ComposeError::NotAPresentation { name }
        | ComposeError::UnsafeName { name }
        | ComposeError::Unreferenced { name } => {
            let rest = text.strip_prefix(name.as_str()).unwrap_or(&text);
            let reason = rest.trim_start_matches([':', ' ']).to_owned();
            AcceptError::Part { name: name.clone(), reason }
        }
        _ => AcceptError::Part { name: "message".to_owned(), reason: text },
    }
}

/// The modem of this name.
pub(super) fn named<'a>(lines: &'a [Line], name: &str) -> Result<&'a Line, AcceptError> {
    lines.iter().find(|line| line.config().name == name).ok_or_else(|| AcceptError::NoSuchModem {
        name: name.to_owned(),
        known: lines.iter().map(|line| line.config().name.clone()).collect::<Vec<_>>().join(", "),
    })
}

/// The PDUs of a message as the operator of `line` wants them.
pub(super) async fn for_another(
    core: &Core,
    line: &Line,
    id: &MessageId,
) -> Result<Vec<(i64, Bytes)>, ActionError> {
    let Some(view) = core.store.message(id).await? else { return Ok(Vec::new()) };
    if view.summary.direction == Direction::Inbound || view.summary.kind == Kind::Sms {
        return Ok(Vec::new());
    }
    let mut recoded = Vec::new();
    for (key, pdu) in core.store.pdus(id).await? {
        recoded.push((key, encode::recode(&pdu, &line.effective(), None, None)?));
    }
    Ok(recoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NewPart;

    fn message() -> NewMessage {
        NewMessage {
            to: vec![Address::Msisdn("+447700900123".into())],
            text: Some("Hello".into()),
            ..NewMessage::default()
        }
    }

    #[test]
    fn message_without_recipient_or_content_is_refused() {
        let mut no_recipient = NewMessage { to: Vec::new(), ..message() };
        assert_eq!(check(&mut no_recipient), Err(AcceptError::NoRecipient));
        let mut blank = NewMessage { text: Some(" \n".into()), ..message() };
        assert_eq!(check(&mut blank), Err(AcceptError::Empty));
        let part = NewPart { media_type: None, name: None, body: Bytes::from_static(b"x") };
        let mut only_part = NewMessage { text: None, parts: vec![part], ..message() };
        assert_eq!(check(&mut only_part), Ok(()));
    }

    #[test]
    fn same_recipient_twice_is_one_and_subject_is_one_line() {
        let to = vec![Address::Msisdn("+447700900123".into()); 3];
        let mut twice = NewMessage { to, subject: Some(" a\r\n b ".into()), ..message() };
        check(&mut twice).unwrap();
        assert_eq!(twice.to.len(), 1);
        assert_eq!(twice.subject.as_deref(), Some("a b"));
        let mut blank = NewMessage { subject: Some("  ".into()), ..message() };
        check(&mut blank).unwrap();
        assert_eq!(blank.subject, None);
    }

    #[test]
    fn too_many_recipients_are_counted() {
        let to = (0..=MAX_RECIPIENTS).map(|n| Address::Msisdn(format!("+4477{n:08}"))).collect();
        let mut many = NewMessage { to, ..message() };
        let count = MAX_RECIPIENTS + 1;
        let limit = MAX_RECIPIENTS;
        assert_eq!(check(&mut many), Err(AcceptError::TooManyRecipients { count, limit }));
    }
}

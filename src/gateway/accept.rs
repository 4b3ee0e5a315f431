//! Acceptance: what is checked before a message is made durable, and the PDUs it becomes
//! (OMA-TS-MMS_ENC-V1_3 clause 6.1.1; mms-in-the-field 6).

use std::time::Duration;

use super::accept_text::accept_text;
use super::config::ModemConfig;
use super::line::Line;
use super::policy::MmsNotConfigured;
use super::{AcceptError, ActionError, Core};
use crate::codec::mms::{Body, Expiry, From, MessageClass, Pdu, Priority, SendReq, Version};
use crate::media::{self, ComposeError, Composed};
use crate::model::{
    self, Address, Direction, Kind, MessageId, NewMessage, Timestamp, TransactionId,
};
use crate::operators::{FromMode, Settings};
use crate::store::{Acceptance, NewOutbound, NewSubmission};

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
    core.check_opt_outs(&message.to).await?;
    if message.kind == Kind::Sms {
        return accept_text(core, lines, message, expires_at).await;
    }
    let composed = media::compose(&message).map_err(|error| part_error(&error))?;
    let line = choose(core, lines, &message).await?;
    let submissions = encode(core, line.config(), &message, &composed, now)?;
    let new = NewOutbound {
        id: MessageId::generate(&core.clock, &core.random),
        subject: message.subject,
        client_ref: message.client_ref,
        origin: message.origin,
        parts: composed.stored_parts(),
        modem: line.config().name.clone(),
        sim: line.sim(),
        expires_at,
        end_named: message.expires_at.is_some() || message.send_at.is_some(),
        priority: message.priority,
        send_at: message.send_at,
        submissions,
    };
    let taken = core.store.accept(new, now).await?;
    if let Some(change) = &taken.change {
        core.events.change(change);
        line.wake();
    }
    Ok(taken)
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

/// The modem that is to carry a message: the one that was asked for, else one that works rather
/// than one that does not, and among those the one with the shortest queue.
pub(super) async fn choose<'a>(
    core: &Core,
    lines: &'a [Line],
    message: &NewMessage,
) -> Result<&'a Line, AcceptError> {
    let carries = |line: &&Line| message.kind == Kind::Sms || line.config().operator.is_some();
    let allowed = |line: &&Line| message.origin.may_use(&line.config().name);
    if let Some(name) = &message.modem {
        let line = named(lines, name)?;
        if !allowed(&line) {
            return Err(not_allowed(message));
        }
        return Some(line).filter(carries).ok_or_else(|| no_settings(name));
    }
    let mut best: Option<((bool, usize), &Line)> = None;
    if !lines.is_empty() && !lines.iter().any(|line| allowed(&line)) {
        return Err(not_allowed(message));
    }
    for line in lines.iter().filter(allowed).filter(carries) {
        let backlog = core.store.backlog(&line.config().name).await?;
        let rank = (line.view().fault.is_some(), backlog);
        if best.as_ref().is_none_or(|(other, _)| rank < *other) {
            best = Some((rank, line));
        }
    }
    best.map(|(_, line)| line).ok_or_else(|| match lines.first() {
        Some(line) => no_settings(&line.config().name),
        None => AcceptError::NotConfigured(
            "no modem is configured: add a [[modem]] with its port to the configuration".to_owned(),
        ),
    })
}

fn not_allowed(message: &NewMessage) -> AcceptError {
    AcceptError::ModemNotAllowed {
        account: message.origin.account.clone().unwrap_or_default(),
        allowed: message.origin.modems.join(", "),
    }
}

/// The modem of this name.
pub(super) fn named<'a>(lines: &'a [Line], name: &str) -> Result<&'a Line, AcceptError> {
    lines.iter().find(|line| line.config().name == name).ok_or_else(|| AcceptError::NoSuchModem {
        name: name.to_owned(),
        known: lines.iter().map(|line| line.config().name.clone()).collect::<Vec<_>>().join(", "),
    })
}

/// Whether `line` can send a message that was made for another modem.
pub(super) async fn may_carry(
    core: &Core,
    lines: &[Line],
    line: &Line,
    id: &MessageId,
) -> Result<(), ActionError> {
    let Some(view) = core.store.message(id).await? else { return Ok(()) };
    if view.summary.direction == Direction::Inbound || view.summary.kind == Kind::Sms {
        return Ok(());
    }
    let name = &line.config().name;
    let Some(settings) = &line.config().operator else { return Err(no_settings(name).into()) };
    let size = core.store.largest_pdu(id).await?;
    if size > settings.max_message_size {
        return Err(AcceptError::TooLarge { size, limit: settings.max_message_size }.into());
    }
    let named = |settings: &Settings| settings.from_mode == FromMode::Number;
    let before = lines.iter().find(|it| Some(&it.config().name) == view.summary.modem.as_ref());
    let holds_number = before.and_then(|it| it.config().operator.as_ref()).is_some_and(named);
    if (holds_number || named(settings)) && view.summary.modem.as_ref() != Some(name) {
        return Err(ActionError::WrongState {
            id: id.clone(),
            state: view.summary.state.as_str(),
            reason: "the operator wants the sender's number in it; write it anew for the other modem",
        });
    }
    Ok(())
}

fn no_settings(modem: &str) -> AcceptError {
    AcceptError::NotConfigured(MmsNotConfigured { modem: modem.to_owned() }.to_string())
}

fn encode(
    core: &Core,
    modem: &ModemConfig,
    message: &NewMessage,
    composed: &Composed,
    now: Timestamp,
) -> Result<Vec<NewSubmission>, AcceptError> {
    let Some(settings) = &modem.operator else { return Err(no_settings(&modem.name)) };
    let groups: Vec<Vec<Address>> = if message.group {
        if message.to.len() > settings.max_recipients {
            return Err(AcceptError::TooManyRecipients {
                count: message.to.len(),
                limit: settings.max_recipients,
            });
        }
        vec![message.to.clone()]
    } else {
        message.to.iter().map(|address| vec![address.clone()]).collect()
    };
    let from = match (settings.from_mode, &modem.own_number) {
        (FromMode::Number, Some(number)) => From::Address(number.clone()),
        _ => From::InsertAddress,
    };
    let (major, minor) = settings.mms_version;
    let mut submissions = Vec::with_capacity(groups.len());
    for recipients in groups {
        let transaction_id = TransactionId::generate(&core.random);
        let pdu = Pdu::SendReq(SendReq {
            transaction_id: transaction_id.as_str().to_owned(),
            version: Version { major, minor },
            // The MMSC puts in its own (OMA-TS-MMS_ENC-V1_3 clause 6.1.1).
            date: core.clock.is_synchronised().then_some(now),
            from: from.clone(),
            to: recipients.clone(),
            cc: Vec::new(),
            bcc: Vec::new(),
            subject: message.subject.clone(),
            message_class: Some(MessageClass::Personal),
            expiry: expiry(message),
            delivery_time: None,
            priority: Some(match message.priority {
                model::Priority::Low => Priority::Low,
                model::Priority::Normal => Priority::Normal,
                model::Priority::High => Priority::High,
            }),
            sender_visibility_hide: None,
            delivery_report: Some(message.delivery_report),
            read_report: Some(message.read_report),
            extra: Vec::new(),
            content_type: composed.content_type.clone(),
            body: Body::Multipart(composed.parts.clone()),
        })
        .encode();
        if pdu.len() > settings.max_message_size {
            return Err(AcceptError::TooLarge {
                size: pdu.len(),
                limit: settings.max_message_size,
            });
        }
        submissions.push(NewSubmission { transaction_id, pdu, recipients });
    }
    Ok(submissions)
}

/// How long the MMSC is to keep it: as long as the caller says, in the caller's own way of telling
/// it, since one of both clocks may be wrong.
fn expiry(message: &NewMessage) -> Option<Expiry> {
    match (message.validity, message.expires_at) {
        (Some(validity), _) => Some(Expiry::After(validity)),
        (None, at) => at.map(Expiry::At),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

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

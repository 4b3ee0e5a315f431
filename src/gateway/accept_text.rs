//! Acceptance of plain short messages: what is checked before one is made durable, and the
//! SMS-SUBMITs it becomes (3GPP TS 23.040 clause 9.2.2.2).

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::gate::OptedOut;
use super::line::Line;
use super::way::{Chosen, Ways};
use super::{AcceptError, Core, accept};
use crate::codec::sms::{
    Language, MAX_PARTS, SmsAddress, SmsSubmit, TextCoding, TextCount, ValidityPeriod, count_text,
};
use crate::model::{Address, Explain, MessageId, NewMessage, Timestamp, TransactionId};
use crate::store::{Acceptance, NewText, NewTextSubmission};

/// Most short messages that one text may take: each is paid for, and phones show longer ones as
/// several.
pub(super) const MAX_SEGMENTS: usize = 30;

/// What a text takes on the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCost {
    /// Short messages for each recipient.
    pub segments: usize,
    /// `gsm7`, `gsm7-shift` (with the tables of a language) or `ucs2`.
    pub encoding: &'static str,
    /// Units of the whole text: septets, or UTF-16 units.
    pub units: usize,
    /// Units that the last short message still has room for.
    pub left: usize,
    /// Short messages that one text may take.
    pub limit: usize,
    /// The first characters that no alphabet for short texts has, so that UCS-2 is needed.
    pub beyond: Vec<char>,
}

/// Most characters told that make a text longer; whoever replaces these sees the next.
const MAX_BEYOND: usize = 5;

/// The first different characters of a text that make it UCS-2 each by itself.
fn beyond(text: &str, languages: &[Language]) -> Vec<char> {
    let mut found = Vec::new();
    for character in text.chars() {
        if found.len() == MAX_BEYOND {
            break;
        }
        let needs_ucs2 = || {
            let alone = count_text(character.encode_utf8(&mut [0; 4]), languages, false);
            alone.coding == TextCoding::Ucs2
        };
        if !character.is_ascii() && !found.contains(&character) && needs_ucs2() {
            found.push(character);
        }
    }
    found
}

/// Counts what a text takes; `languages` are those whose tables may be used.
#[must_use]
pub(super) fn cost(text: &str, languages: &[Language]) -> TextCost {
    let TextCount { coding, units, parts, left } = count_text(text, languages, false);
    TextCost {
        segments: parts,
        encoding: match coding {
            TextCoding::Gsm7(shift) if shift.locking.is_none() && shift.single.is_none() => "gsm7",
            TextCoding::Gsm7(_) => "gsm7-shift",
            TextCoding::Ucs2 => "ucs2",
        },
        units,
        left,
        limit: MAX_SEGMENTS.min(MAX_PARTS),
        beyond: match coding {
            TextCoding::Gsm7(_) => Vec::new(),
            TextCoding::Ucs2 => beyond(text, languages),
        },
    }
}

/// Checks a short message, encodes it and makes it durable.
pub(super) async fn accept_text(
    core: &Core,
    lines: &[Line],
    message: NewMessage,
    blocked: &[OptedOut],
    expires_at: Timestamp,
) -> Result<Acceptance, AcceptError> {
    let text = check(&message, &core.sms_languages)?;
    let now = core.now();
    let sending = core.sending.get();
    let mut ways = Ways::new(core, lines, &message, &sending.routes).await?;
    let reference = core.sms_reference.fetch_add(1, Ordering::Relaxed);
    let (mut submissions, mut chosen) = (Vec::new(), Vec::<&Line>::new());
    for recipient in &message.to {
        let Chosen { line, way } = ways.choose(std::slice::from_ref(recipient)).await?;
        let refused = blocked.iter().find(|it| it.address == *recipient).map(Explain::to_fault);
        let segments = segments(core, recipient, text, reference, &message, expires_at)?;
        submissions.push(NewTextSubmission {
            transaction_id: TransactionId::generate(&core.random),
            recipient: recipient.clone(),
            segments,
            way,
            refused,
        });
        if !chosen.iter().any(|other| other.config().name == line.config().name) {
            chosen.push(line);
        }
    }
    let new = NewText {
        id: MessageId::generate(&core.clock, &core.random),
        client_ref: message.client_ref.clone(),
        origin: message.origin.clone(),
        text: text.to_owned(),
        expires_at,
        end_named: message.expires_at.is_some() || message.send_at.is_some(),
        priority: message.priority,
        send_at: message.send_at,
        submissions,
    };
    let taken = core.store.accept_text(new, now).await?;
    accept::told(core, &taken, &chosen);
    Ok(taken)
}

/// What needs no modem; the text.
fn check<'a>(message: &'a NewMessage, languages: &[Language]) -> Result<&'a str, AcceptError> {
    let not_in_sms = |field| Err(AcceptError::NotInSms { field });
    if message.subject.is_some() {
        return not_in_sms("subject");
    }
    if !message.parts.is_empty() {
        return not_in_sms("parts");
    }
    if message.group {
        return not_in_sms("group");
    }
    let Some(text) = message.text.as_deref() else { return Err(AcceptError::Empty) };
    if let Some(address) =
        message.to.iter().find(|to| !matches!(to, Address::Msisdn(_) | Address::ShortCode(_)))
    {
        return Err(AcceptError::NoNumber { address: address.clone() });
    }
    let segments = cost(text, languages).segments;
    if segments > MAX_SEGMENTS {
        return Err(AcceptError::TextTooLong { segments, limit: MAX_SEGMENTS });
    }
    Ok(text)
}

/// The SMS-SUBMITs for one recipient.
fn segments(
    core: &Core,
    recipient: &Address,
    text: &str,
    reference: u8,
    message: &NewMessage,
    expires_at: Timestamp,
) -> Result<Vec<Bytes>, AcceptError> {
    let mut submit = SmsSubmit::text(SmsAddress::from_text(recipient.text()), text)
        .languages(&core.sms_languages)
        .reference(reference);
    if message.expires_at.is_some() || message.validity.is_some() {
        // What is left by then is written into it as it leaves.
        submit = submit.validity(ValidityPeriod::relative(expires_at.since(core.now())));
    }
    if message.delivery_report {
        submit = submit.request_status_report();
    }
    let unusable = |_| AcceptError::NoNumber { address: recipient.clone() };
    submit
        .parts()
        .map_err(|_| AcceptError::TextTooLong { segments: MAX_PARTS + 1, limit: MAX_SEGMENTS })?
        .iter()
        .map(|part| part.encode().map(Bytes::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn message() -> NewMessage {
        NewMessage {
            kind: Kind::Sms,
            to: vec![Address::Msisdn("+447700900123".into())],
            text: Some("Hello".into()),
            ..NewMessage::default()
        }
    }

    #[test]
    fn what_a_short_message_cannot_carry_is_named() {
        assert_eq!(check(&message(), &[]), Ok("Hello"));
        let subject = NewMessage { subject: Some("x".into()), ..message() };
        assert_eq!(check(&subject, &[]), Err(AcceptError::NotInSms { field: "subject" }));
        let address = Address::Email("a@b.example".into());
        let email = NewMessage { to: vec![address.clone()], ..message() };
        assert_eq!(check(&email, &[]), Err(AcceptError::NoNumber { address }));
        let long = NewMessage { text: Some("x".repeat(153 * MAX_SEGMENTS + 1)), ..message() };
        let (segments, limit) = (MAX_SEGMENTS + 1, MAX_SEGMENTS);
        assert_eq!(check(&long, &[]), Err(AcceptError::TextTooLong { segments, limit }));
    }

    #[test]
    fn text_is_counted_as_it_will_be_sent() {
        let text = "\u{15f}imdi haz\u{131}r ".repeat(8);
        let plain = cost(&text, &[]);
        assert_eq!((plain.encoding, plain.segments), ("ucs2", 2));
        let turkish = cost(&text, &[Language::Turkish]);
        assert_eq!((turkish.encoding, turkish.segments), ("gsm7-shift", 1));
        assert_eq!(turkish.beyond, Vec::<char>::new());
        let cake = cost("\u{201c}Cake\u{201d} \u{1f382}\u{1f382} \u{e9}\u{20ac}", &[]);
        assert_eq!(cake.beyond, ['\u{201c}', '\u{201d}', '\u{1f382}']);
        assert_eq!((cost("Hello", &[]).encoding, cost("Hello", &[]).left), ("gsm7", 155));
    }
}

//! One retrieval, and the acknowledgements that are due, over a network that is up: a message is
//! durable before it is acknowledged, and an acknowledgement that fails hides nothing
//! (mms-in-the-field 8, 4.F).

use std::time::Duration;

use super::alarms::modem_scope;
use super::policy::{self, FetchVerdict, Suspicious};
use super::push::MISSED_MMS;
use super::schedule::Schedule;
use super::shift::Shift;
use crate::codec::mms::{self, CancelStatus, MmsStatus, ReadStatus, RetrieveConf};
use crate::codec::wsp::{self, charset};
use crate::mm1::{Client, Mm1Error, ReadReport, Retrieved, Target};
use crate::model::{Blame, Explain, Fault, Layer, Part, Retry, Timestamp};
use crate::operators::AckMode;
use crate::store::{
    AckKind, AckResult, LEAST_LIFE, NewAck, PendingAck, PendingRetrieval, Received, Retrieval,
    StoreError,
};

/// How long an acknowledgement is worth trying when the notification named no later end: MMSCs
/// deliver again every day, for a week at most.
const ACK_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// After so many refusals of the kind that does not pass, an acknowledgement is given up.
const MAX_REFUSED_ACKS: u32 = 7;

/// After so many pages for people in answer to an acknowledgement it counts as taken: no portal
/// stands there for as long, but some MMSCs answer this way.
const BELIEVED_PAGES: u32 = 3;

/// The code of [`AckGivenUp`].
const ACK_GIVEN_UP: &str = "acknowledgement-given-up";

/// The MMSC does not take what it is told of messages that came in.
#[derive(Debug, thiserror::Error)]
#[error("the MMSC takes no acknowledgement: {summary}")]
struct AckGivenUp {
    summary: String,
}

impl Explain for AckGivenUp {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        ACK_GIVEN_UP
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        "nothing is lost here, but the MMSC may announce messages again, tell their senders nothing, or \
         keep the next ones for the web: try another `ack` or `ack_to_location` in [modem.operator]"
            .to_owned()
    }
}

/// Fetches what was claimed and records how it ended.
pub(super) async fn retrieve(
    shift: &Shift,
    client: &Client,
    pending: PendingRetrieval,
) -> Result<(), StoreError> {
    let core = &shift.core;
    let stages = shift.stages(Some(&pending.message));
    let outcome =
        client.retrieve(&pending.content_location, &pending.transaction_id, &stages).await;
    let now = core.now();
    if let Ok(retrieved) = &outcome {
        core.figures.octets("in", retrieved.pdu.len());
        shift.line.set_up_works().await?;
    }
    let mut outcome = match outcome {
        Ok(retrieved) => received(retrieved, &pending, shift.settings.ack_mode),
        Err(error) => match policy::after_fetch(&error, pending.attempt, pending.not_found) {
            FetchVerdict::Undecodable { fault, is_message } => {
                let ack = NewAck {
                    kind: AckKind::NotifyResp(MmsStatus::UNRECOGNISED.0),
                    transaction_id: pending.transaction_id,
                };
                Retrieval::Undecodable {
                    pdu: error.octets().cloned().unwrap_or_default(),
                    fault,
                    acks: is_message.then_some(ack).into_iter().collect(),
                }
            }
            FetchVerdict::Failed { fault } => Retrieval::Failed { fault },
            FetchVerdict::Again { fault, not_found } => {
                shift.line.try_next_set_up(&fault);
                let end = if core.clock.is_synchronised() {
                    pending.expires_at
                } else {
                    pending.expires_at.max(pending.notified_at.plus(LEAST_LIFE))
                };
                match Schedule::RETRIEVE.next(pending.attempt, now, Some(end), &core.random) {
                    Some(at) => Retrieval::Again { at, fault, not_found },
                    None => Retrieval::Expired { fault: Some(fault) },
                }
            }
        },
    };
    if let Retrieval::Received { message, .. } = &mut outcome {
        message.wish =
            message.preview.as_deref().and_then(|text| core.sending.get().words.find(text));
    }
    let here = matches!(&outcome, Retrieval::Received { acks, .. } if !acks.is_empty());
    let change = core.store.settle_retrieval(&pending.message, outcome, now).await?;
    core.events.change(&change);
    if here {
        core.clear(&modem_scope(&shift.modem), MISSED_MMS).await?;
    }
    Ok(())
}

/// Sends one acknowledgement and records how it went.
pub(super) async fn acknowledge(
    shift: &Shift,
    client: &Client,
    pending: PendingAck,
) -> Result<(), StoreError> {
    let core = &shift.core;
    let stages = shift.stages(Some(&pending.message));
    let report_allowed = (!core.receiving.get().delivery_reports).then_some(false);
    let target = Target::Location {
        location: &pending.content_location,
        transaction_id: &pending.notified_as,
    };
    let transaction_id = &pending.ack.transaction_id;
    let outcome = match pending.ack.kind {
        AckKind::NotifyResp(status) => {
            let status = MmsStatus(status);
            client.notify_resp(transaction_id, status, report_allowed, target, &stages).await
        }
        AckKind::Acknowledge => {
            client.acknowledge(transaction_id, report_allowed, target, &stages).await
        }
        AckKind::CancelConf(status) => {
            client.cancel_conf(transaction_id, CancelStatus(status), &stages).await
        }
        AckKind::Delete => return delete(shift, client, vec![pending]).await,
        AckKind::ReadRec(status) => {
            let report = ReadReport {
                message_id: pending.mmsc_message_id.clone().unwrap_or_default(),
                to: pending.sender.clone().into_iter().collect(),
                date: core.clock.is_synchronised().then(|| core.now()),
                status: ReadStatus(status),
            };
            client.read_report(report, &stages).await
        }
    };
    let now = core.now();
    let result = match outcome {
        Ok(()) => AckResult::Done,
        Err(error) => after_ack(&error, &pending, shift, now),
    };
    settle_ack(shift, &pending, result).await
}

/// Has the MMSC delete messages that are not wanted, and records what it says of each. Where it does
/// not do that, it is told that they are not wanted instead.
pub(super) async fn delete(
    shift: &Shift,
    client: &Client,
    all: Vec<PendingAck>,
) -> Result<(), StoreError> {
    let Some(first) = all.first() else { return Ok(()) };
    let stages = shift.stages(Some(&first.message));
    let locations = all.iter().map(|pending| pending.content_location.clone()).collect();
    let told = client.delete(&first.ack.transaction_id, locations, &stages).await;
    let now = shift.core.now();
    for (index, pending) in all.iter().enumerate() {
        let result = match &told {
            Ok(told) => match told.get(index).and_then(Option::as_ref) {
                Some(one) if one.is_gone() => AckResult::Done,
                Some(one) => after_deletion(&one.refusal(), pending, shift, now),
                None => again(NotTold.to_fault(), pending, shift, now),
            },
            Err(error) if is_refusal(error) => instead(error.to_fault(), pending),
            Err(error) if error.is_unknown() => again(error.to_fault(), pending, shift, now),
            Err(error) => after_deletion(error, pending, shift, now),
        };
        settle_ack(shift, pending, result).await?;
    }
    Ok(())
}

/// Whether an answer says that the MMSC knows no M-Delete.req, although it may have read it.
fn is_refusal(error: &Mm1Error) -> bool {
    match error {
        Mm1Error::WrongPdu { .. } => true,
        Mm1Error::HttpStatus { seen, .. } => seen.status == 501,
        _ => false,
    }
}

fn after_deletion(
    error: &impl Explain,
    pending: &PendingAck,
    shift: &Shift,
    now: Timestamp,
) -> AckResult {
    match error.retry() {
        Retry::Never => instead(error.to_fault(), pending),
        _ => again(error.to_fault(), pending, shift, now),
    }
}

/// What every MMSC understands.
fn instead(fault: Fault, pending: &PendingAck) -> AckResult {
    let remedy = "set delete = false in [modem.operator]; what is not wanted stays at the MMSC until it \
                  expires, and can be fetched until then";
    let ack = NewAck {
        kind: AckKind::NotifyResp(MmsStatus::REJECTED.0),
        transaction_id: pending.notified_as.clone(),
    };
    AckResult::Instead { ack, fault: Fault { remedy: remedy.to_owned(), ..fault } }
}

async fn settle_ack(
    shift: &Shift,
    pending: &PendingAck,
    result: AckResult,
) -> Result<(), StoreError> {
    let core = &shift.core;
    let now = core.now();
    let given_up = match &result {
        AckResult::GivenUp { fault } => Some(fault.clone()),
        _ => None,
    };
    let taken = matches!(result, AckResult::Done);
    let change = core.store.settle_ack(pending.key, result, now).await?;
    core.events.changes(&change);
    let scope = modem_scope(&shift.modem);
    if let Some(fault) = given_up {
        let verbatim = fault.verbatim;
        let fault = Fault { verbatim, ..AckGivenUp { summary: fault.summary }.to_fault() };
        core.raise(&scope, &fault).await?;
    } else if taken {
        core.clear(&scope, ACK_GIVEN_UP).await?;
    }
    Ok(())
}

fn after_ack(error: &Mm1Error, pending: &PendingAck, shift: &Shift, now: Timestamp) -> AckResult {
    if matches!(error, Mm1Error::NotMms { .. }) && pending.attempt >= BELIEVED_PAGES {
        return AckResult::Done;
    }
    let final_refusal = error.retry() == Retry::Never && !error.is_unknown();
    if final_refusal && pending.attempt >= MAX_REFUSED_ACKS {
        return AckResult::GivenUp { fault: error.to_fault() };
    }
    again(error.to_fault(), pending, shift, now)
}

/// Once more, unless the message is over by then.
fn again(fault: Fault, pending: &PendingAck, shift: &Shift, now: Timestamp) -> AckResult {
    let at = now.plus(Schedule::ACK.pause(pending.attempt, &shift.core.random));
    let end = pending.notified_at.plus(ACK_LIFE);
    let end = pending.expires_at.map_or(end, |expires_at| end.max(expires_at));
    if end <= at { AckResult::GivenUp { fault } } else { AckResult::Again { at, fault } }
}

/// The answer to M-Delete.req leaves one of the messages out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the MMSC's answer does not say what became of this message")]
struct NotTold;

impl Explain for NotTold {
    fn layer(&self) -> Layer {
        Layer::Mmsc
    }

    fn code(&self) -> &'static str {
        "deletion-not-told"
    }

    fn retry(&self) -> Retry {
        Retry::Backoff
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        "wait: it is asked again by itself".to_owned()
    }
}

fn received(retrieved: Retrieved, pending: &PendingRetrieval, mode: AckMode) -> Retrieval {
    let conf = retrieved.conf.value;
    let acks = if retrieved.suspicious {
        Vec::new()
    } else {
        // Whoever has answered the notification acknowledges the message
        // (OMA-TS-MMS-CTR-V1_3 clause 8.2.3, deferred retrieval).
        let mode = if pending.deferred { AckMode::Acknowledge } else { mode };
        acks_for(mode, &pending.transaction_id, conf.transaction_id.as_deref())
    };
    let fault = retrieved.suspicious.then(|| Suspicious.to_fault());
    let message = Box::new(take_apart(conf));
    Retrieval::Received { pdu: retrieved.pdu, message, acks, fault }
}

/// Which PDUs acknowledge a message: by default M-NotifyResp.ind with the Transaction-Id of the
/// notification; M-Acknowledge.ind carries that of M-Retrieve.conf where there is one.
fn acks_for(mode: AckMode, notified: &str, retrieved: Option<&str>) -> Vec<NewAck> {
    let notify = NewAck {
        kind: AckKind::NotifyResp(MmsStatus::RETRIEVED.0),
        transaction_id: notified.to_owned(),
    };
    let acknowledge = NewAck {
        kind: AckKind::Acknowledge,
        transaction_id: retrieved.unwrap_or(notified).to_owned(),
    };
    match mode {
        AckMode::NotifyResp => vec![notify],
        AckMode::Acknowledge => vec![acknowledge],
        AckMode::Both => vec![notify, acknowledge],
    }
}

fn take_apart(conf: RetrieveConf) -> Received {
    let parts = match conf.body {
        mms::Body::Multipart(parts) => parts,
        mms::Body::Single(body) => vec![wsp::Part::new(conf.content_type, body)],
    };
    let parts: Vec<Part> = wsp::flatten(&parts).into_iter().map(part_of).collect();
    let text = parts.iter().find(|part| part.media_type.as_str() == "text/plain");
    let preview = text.map(|part| charset::to_text(&part.body, part.charset.as_deref()));
    Received {
        wish: None,
        preview,
        from: match conf.from {
            Some(mms::From::Address(address)) => Some(address),
            _ => None,
        },
        to: conf.to.into_iter().chain(conf.cc).collect(),
        subject: conf.subject.filter(|subject| !subject.is_empty()),
        mmsc_message_id: conf.message_id,
        sent_at: conf.date,
        read_report: conf.read_report == Some(true),
        parts,
    }
}

fn part_of(part: wsp::Part) -> Part {
    Part {
        name: part.file_name(),
        media_type: part.content_type.media_type,
        charset: part.content_type.charset,
        content_id: part.content_id,
        content_location: part.content_location,
        body: part.body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Decoded;

    #[test]
    fn acknowledgement_follows_the_operators_mode() {
        let kinds = |mode, retrieved| {
            acks_for(mode, "N", retrieved)
                .into_iter()
                .map(|ack| (ack.kind, ack.transaction_id))
                .collect::<Vec<_>>()
        };
        let notify = (AckKind::NotifyResp(0x81), "N".to_owned());
        let acknowledge = |id: &str| (AckKind::Acknowledge, id.to_owned());
        assert_eq!(kinds(AckMode::NotifyResp, Some("R")), std::slice::from_ref(&notify));
        assert_eq!(kinds(AckMode::Acknowledge, Some("R")), [acknowledge("R")]);
        assert_eq!(kinds(AckMode::Acknowledge, None), [acknowledge("N")]);
        assert_eq!(kinds(AckMode::Both, Some("R")), [notify, acknowledge("R")]);
    }

    #[test]
    fn error_text_dressed_up_as_a_message_is_shown_but_not_acknowledged() {
        let mut conf = conf_of(Vec::new());
        conf.content_type = wsp::ContentType::new("text/plain");
        conf.body = mms::Body::Single(bytes::Bytes::from_static(b"Message not found"));
        let pending = PendingRetrieval {
            message: "msg_00000000000000000000000000".parse().unwrap(),
            transaction_id: "N".to_owned(),
            content_location: "http://mmsc.example/1".to_owned(),
            size: None,
            attempt: 1,
            not_found: 0,
            deferred: false,
            notified_at: Timestamp::from_secs(0),
            expires_at: Timestamp::from_secs(1_000),
        };
        let outcome = |suspicious| {
            let conf = Decoded { value: conf.clone(), warnings: Vec::new() };
            let retrieved = Retrieved { pdu: bytes::Bytes::new(), conf, suspicious };
            match received(retrieved, &pending, AckMode::Both) {
                Retrieval::Received { message, acks, fault, .. } => {
                    assert_eq!(message.preview.as_deref(), Some("Message not found"));
                    (acks.len(), fault.map(|fault| fault.code))
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(outcome(true), (0, Some("suspicious-message".to_owned())));
        assert_eq!(outcome(false), (2, None));
    }

    fn conf_of(parts: Vec<wsp::Part>) -> RetrieveConf {
        RetrieveConf {
            transaction_id: None,
            version: mms::Version::V1_2,
            message_id: None,
            date: None,
            from: None,
            to: Vec::new(),
            cc: Vec::new(),
            subject: None,
            message_class: None,
            priority: None,
            delivery_report: None,
            read_report: None,
            retrieve_status: None,
            retrieve_text: None,
            extra: Vec::new(),
            content_type: wsp::ContentType::new("application/vnd.wap.multipart.mixed"),
            body: mms::Body::Multipart(parts),
        }
    }

    #[test]
    fn multipart_inside_a_multipart_is_opened() {
        let part = |kind: &str, body: &[u8]| {
            wsp::Part::new(wsp::ContentType::new(kind), bytes::Bytes::copy_from_slice(body))
        };
        let mut inner = Vec::new();
        wsp::put_multipart(&mut inner, &[part("text/plain", b"Hello"), part("text/html", b"<p>")]);
        let nested = part("application/vnd.wap.multipart.alternative", &inner);
        let received = take_apart(conf_of(vec![part("image/gif", b"GIF89a"), nested]));
        let kinds: Vec<&str> = received.parts.iter().map(|part| part.media_type.as_str()).collect();
        assert_eq!(kinds, ["image/gif", "text/plain"]);
        assert_eq!(received.preview.as_deref(), Some("Hello"));
    }

    #[test]
    fn part_is_named_by_its_disposition_when_nothing_comes_before() {
        let mut part = wsp::Part::new(wsp::ContentType::new("image/jpeg"), bytes::Bytes::new());
        part.content_location = Some("/tmp/7f3a".to_owned());
        part.headers = vec![(
            "content-disposition".to_owned(),
            "attachment; filename=\"beach.jpg\"".to_owned(),
        )];
        assert_eq!(part_of(part).name.as_deref(), Some("beach.jpg"));
    }
}

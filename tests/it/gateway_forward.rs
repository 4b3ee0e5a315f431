//! An announced message goes to others without being fetched, where the operator can do that, and
//! says what to do instead where it cannot: over every layer and a virtual operator, in virtual time.

use std::time::Duration;

use mm1gate::codec::mms::{self, ForwardReq, Pdu};
use mm1gate::gateway::{ActionError, Config};
use mm1gate::model::{Address, InboundState, MessageId, NewMessage, OutboundState, State};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, OutgoingPart};
use mm1gate::store::MessageView;
use serde_json::json;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture};

const SECOND: &str = "+447700900002";
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn rig() -> Rig {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    let toml =
        "[receiving]\nretrieve = \"deferred\"\n[[modem]]\nname = \"desk\"\nport = \"/dev/x\"\n";
    let read = Config::parse(toml, "t").unwrap();
    rig.reconfigure(|config| config.receiving = read.receiving).await;
    rig
}

/// A message that lies at the MMSC for the first SIM.
async fn announced(rig: &Rig, octets: usize) -> MessageId {
    let outgoing = Outgoing {
        text: Some("Look".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "beach.jpg".to_owned(),
            body: picture(octets),
        }],
        ..Outgoing::default()
    };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let newest = rig.inbox().await.remove(0);
    assert_eq!(newest.state, State::In(InboundState::Deferred));
    newest.id
}

fn to(numbers: &[&str]) -> NewMessage {
    NewMessage {
        to: numbers.iter().map(|number| Address::parse_recipient(number).unwrap()).collect(),
        ..NewMessage::default()
    }
}

async fn forward(rig: &Rig, id: &MessageId, wish: NewMessage) -> MessageId {
    rig.gateway.forward(id, wish).await.unwrap().id
}

fn requests(rig: &Rig) -> Vec<ForwardReq> {
    let journal = rig.operator.mmsc().journal();
    let read = |octets| match mms::decode(octets).unwrap().value {
        Pdu::ForwardReq(request) => request,
        other => panic!("{other:?}"),
    };
    journal.of(EntryKind::Forward).map(|entry| read(&entry.body)).collect()
}

fn code(view: &MessageView) -> Option<&str> {
    view.summary.fault.as_ref().map(|fault| &*fault.code)
}

#[tokio::test(start_paused = true)]
async fn announced_message_goes_to_somebody_else_unfetched() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    let sent = forward(&rig, &id, NewMessage { delivery_report: true, ..to(&[PHONE]) }).await;
    let view = rig.until(&sent, &["delivered"]).await;
    assert_eq!(view.summary.forwards.as_ref(), Some(&id));
    assert_eq!(view.summary.modem.as_deref(), Some("desk"));
    let got = rig.operator.phone(PHONE).unwrap().received();
    assert_eq!((got.len(), &*got[0].from), (1, OWN));
    assert_eq!(got[0].media().count(), 1, "with the picture");
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::Retrieval).count(), 0);
    assert_eq!(journal.stored[0].forwarded, 1);
    assert_eq!(journal.complaints, []);
    // The one that was forwarded says so, and can be fetched as before.
    let original = rig.view(&id).await;
    assert_eq!(original.summary.state, State::In(InboundState::Deferred));
    let line = format!("forwarded by the MMSC, unfetched, as {sent}");
    assert!(original.timeline.iter().any(|it| it.text == line), "{:?}", original.timeline);
    rig.gateway.retrieve(&id).await.unwrap();
    rig.until(&id, &["acknowledged"]).await;
}

#[tokio::test(start_paused = true)]
async fn message_that_is_about_to_be_fetched_stays_at_the_mmsc_once_it_is_forwarded() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    // The MMSC cannot be reached: it is announced, and not fetched yet.
    rig.operator.faults().set(Fault::ProxyStatus { status: 503 });
    let note = Outgoing { text: Some("Hi".to_owned()), ..Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &note).unwrap();
    let id = rig.inbound_until(&["notified"]).await.summary.id;
    let sent = loop {
        // In the middle of an attempt it is refused, with the reason.
        match rig.gateway.forward(&id, to(&[PHONE])).await {
            Ok(taken) => break taken.id,
            Err(ActionError::WrongState { state: "retrieving", .. }) => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(rig.view(&id).await.summary.state, State::In(InboundState::Deferred));
    rig.operator.faults().clear_all();
    rig.until(&sent, &["sent"]).await;
    tokio::time::sleep(DAY).await;
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::Retrieval).count(), 0);
    let answers: Vec<_> = journal.of(EntryKind::NotifyResp).map(|entry| entry.status).collect();
    assert!(!answers.is_empty() && answers.iter().all(|it| *it == Some(0x83)), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn operator_that_does_not_forward_is_told_with_what_to_do_and_costs_the_sim_nothing() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    let text = Some("Unsupported message".to_owned());
    for fault in [
        Fault::MmscResponseStatus { status: 0x88, text: text.clone() },
        Fault::MmscResponseStatus { status: 0xe1, text },
        Fault::MmscHttpStatus { status: 403 },
        Fault::MmscHttpStatus { status: 405 },
    ] {
        rig.operator.faults().set_times(fault, 1);
        let sent = forward(&rig, &id, to(&[PHONE])).await;
        let view = rig.until(&sent, &["failed"]).await;
        assert_eq!(code(&view), Some("forward-not-supported"));
        let fault = view.summary.fault.unwrap();
        assert!(fault.remedy.contains("/retrieve"), "{}", fault.remedy);
    }
    assert!(rig.gateway.alarms().await.unwrap().is_empty(), "the SIM is not refused");
    let other = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&other, &["sent"]).await;
    // What the remedy says works.
    rig.gateway.retrieve(&id).await.unwrap();
    let view = rig.until(&id, &["acknowledged"]).await;
    assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000));
    assert_eq!(rig.operator.phone(PHONE).unwrap().received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn message_that_is_gone_from_the_mmsc_is_told_as_such() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    rig.meddle("UPDATE inbound SET content_location = content_location || 'X'");
    let sent = forward(&rig, &id, to(&[PHONE])).await;
    assert_eq!(code(&rig.until(&sent, &["failed"]).await), Some("forward-gone"));
}

#[tokio::test(start_paused = true)]
async fn lost_answer_leaves_a_forward_unknown_and_nothing_is_forwarded_twice() {
    let mut rig = rig().await;
    let id = announced(&rig, 5_000).await;
    rig.operator.faults().set_times(Fault::MmscSendConfLost {}, 1);
    let sent = forward(&rig, &id, to(&[PHONE])).await;
    rig.until(&sent, &["unknown"]).await;
    rig.restart().await;
    tokio::time::sleep(DAY).await;
    assert_eq!(requests(&rig).len(), 1);
    assert_eq!(rig.operator.phone(PHONE).unwrap().received().len(), 1);
    // With a person's word it is the same request.
    rig.gateway.retry(&sent).await.unwrap();
    rig.until(&sent, &["sent"]).await;
    let both = requests(&rig);
    assert_eq!((both.len(), &both[0]), (2, &both[1]));
}

#[tokio::test(start_paused = true)]
async fn recipients_do_not_see_each_other_and_who_wants_nothing_gets_nothing() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    let out = Address::parse_recipient("+447700900999").unwrap();
    rig.gateway.opt_out(out.clone()).await.unwrap();
    let taken = rig.gateway.forward(&id, to(&[PHONE, SECOND, "+447700900999"])).await.unwrap();
    assert_eq!(taken.refused.iter().map(|it| &it.0).collect::<Vec<_>>(), [&out]);
    rig.until(&taken.id, &["sent", "failed"]).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let made = requests(&rig);
    assert_eq!((made.len(), made[0].to.len(), made[0].bcc.len()), (1, 0, 2));
    let view = rig.view(&taken.id).await;
    let states: Vec<_> = view.summary.recipients.iter().map(|it| it.state).collect();
    let (sent, failed) = (OutboundState::Sent, OutboundState::Failed);
    assert_eq!(states, [sent, sent, failed]);
    let open = NewMessage { group: true, ..to(&[PHONE, SECOND]) };
    let sent = forward(&rig, &id, open).await;
    rig.until(&sent, &["sent"]).await;
    assert_eq!(requests(&rig)[1].to.len(), 2);
    // Nobody is left when all want nothing more.
    let error = rig.gateway.forward(&id, to(&["+447700900999"])).await.unwrap_err();
    assert!(error.to_string().contains("no more messages"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_the_sim_that_it_was_announced_to_forwards_a_message() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let sent = forward(&rig, &id, to(&[PHONE])).await;
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    assert!(rig.gateway.send_by(&sent, "second").await.is_err());
    // Not even when its SIM has not been seen for long.
    rig.meddle(
        "UPDATE submission SET modem = 'second', next_attempt_at = 0; UPDATE sim SET seen_at = 0",
    );
    tokio::time::sleep(Duration::from_secs(1_800)).await;
    assert!(requests(&rig).is_empty());
    rig.meddle("UPDATE submission SET modem = 'desk'");
    rig.gateway.resume(Some("desk")).await.unwrap();
    rig.until(&sent, &["sent"]).await;
    assert_eq!(requests(&rig).len(), 1);
    assert_eq!(rig.operator.mmsc().journal().complaints, []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_forwarded_says_why() {
    let rig = rig().await;
    let id = announced(&rig, 5_000).await;
    let path = format!("/messages/{id}/forward");
    let body = json!({ "to": "+447700900123" });
    for (body, code) in [
        (json!({}), "no-recipient"),
        (json!({ "to": [] }), "no-recipient"),
        (json!({ "to": "x" }), "invalid-recipient"),
        (json!({ "to": 7 }), "invalid-type"),
        (json!({ "to": "+447700900123", "text": "Look" }), "unknown-field"),
        (json!({ "to": "+447700900123", "priority": "urgent" }), "invalid-priority"),
    ] {
        let (status, answer) = rig.ask("POST", &path, Some(&body)).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some(code)), "{answer}");
    }
    let absent = MessageId::generate(&rig.clock, &mm1gate::model::Random::seeded(9));
    for other in [absent.as_str(), "nothing"] {
        let (status, answer) =
            rig.ask("POST", &format!("/messages/{other}/forward"), Some(&body)).await;
        assert_eq!((status, &answer["code"]), (404, &json!("message-not-found")));
    }
    let (status, answer) = rig.ask("POST", &path, Some(&body)).await;
    assert_eq!((status, &answer["state"]), (202, &json!("queued")), "{answer}");
    let sent: MessageId = answer["id"].as_str().unwrap().parse().unwrap();
    let view = rig.until(&sent, &["sent"]).await;
    assert_eq!(view.summary.recipients.len(), 1);
    let (_, shown) = rig.ask("GET", &format!("/messages/{sent}"), None).await;
    assert_eq!(shown["forwards"], json!(id.as_str()));
    // One that we send, one that is here, one that is not wanted.
    let wrong = async |id: &MessageId, words: &str| {
        let (status, answer) =
            rig.ask("POST", &format!("/messages/{id}/forward"), Some(&body)).await;
        assert_eq!((status, &answer["code"]), (409, &json!("wrong-state")), "{answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{detail}");
    };
    wrong(&sent, "only an announced MMS").await;
    rig.gateway.retrieve(&id).await.unwrap();
    rig.until(&id, &["acknowledged"]).await;
    wrong(&id, "it is here: send its parts").await;
    let unwanted = announced(&rig, 6_000).await;
    rig.gateway.reject(&unwanted).await.unwrap();
    wrong(&unwanted, "not wanted").await;
}

//! What is done about messages that come in besides fetching them: deferred, rejected, withdrawn,
//! announced twice by different names, read; and what the MMSC is told of each.

use std::time::Duration;

use mm1gate::codec::sms::{Deliver, Scts, SmsAddress, UserData};
use mm1gate::gateway::Config;
use mm1gate::model::{InboundState, Kind, MessageId, State};
use mm1gate::operators::AckMode;
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, OutgoingPart};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture};

fn send(rig: &Rig, octets: usize) -> String {
    let outgoing = Outgoing {
        text: Some("Look".to_owned()),
        parts: vec![OutgoingPart {
            content_type: "image/jpeg".to_owned(),
            name: "beach.jpg".to_owned(),
            body: picture(octets),
        }],
        ..Outgoing::default()
    };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap()
}

/// A gateway with this `[receiving]` table.
async fn rig_with(table: &str) -> Rig {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let toml = format!("{table}\n[[modem]]\nname = \"desk\"\nport = \"/dev/x\"\n");
    let read = Config::parse(&toml, "t").unwrap();
    rig.reconfigure(|config| config.receiving = read.receiving).await;
    rig
}

/// X-Mms-Status of every M-NotifyResp.ind, in order.
fn answers(rig: &Rig) -> Vec<Option<u8>> {
    let journal = rig.operator.mmsc().journal();
    journal.of(EntryKind::NotifyResp).map(|entry| entry.status).collect()
}

async fn only(rig: &Rig) -> MessageId {
    rig.inbound_until(&["deferred", "rejected", "received", "acknowledged", "notified"])
        .await
        .summary
        .id
}

#[tokio::test(start_paused = true)]
async fn deferred_message_is_fetched_when_somebody_says_so_and_acknowledged_as_such() {
    let rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["deferred"]).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    // Also when the MMSC reminds us.
    assert!(!answers(&rig).is_empty() && answers(&rig).iter().all(|it| *it == Some(0x83)));
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::Retrieval).count(), 0);
    rig.gateway.retrieve(&view.summary.id).await.unwrap();
    let view = rig.until(&view.summary.id, &["acknowledged"]).await;
    assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000));
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::Acknowledge).count(), 1);
    assert!(answers(&rig).iter().all(|it| *it == Some(0x83)));
    assert_eq!(journal.complaints, []);
}

#[tokio::test(start_paused = true)]
async fn deferred_message_that_nobody_fetches_expires() {
    let rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["deferred"]).await;
    rig.meddle("UPDATE message SET expires_at = created_at + 3600000");
    tokio::time::sleep(Duration::from_secs(2 * 3_600)).await;
    let view = rig.view(&view.summary.id).await;
    assert_eq!(view.summary.state, State::In(InboundState::Expired));
}

#[tokio::test(start_paused = true)]
async fn size_and_sender_decide_what_is_fetched() {
    let rig = rig_with(
        "[receiving]\ndefer_above_kb = 20\n[[receiving.rule]]\nfrom = \"+4477009009*\"\n\
         retrieve = \"rejected\"",
    )
    .await;
    send(&rig, 50_000);
    rig.inbound_until(&["deferred"]).await;
    send(&rig, 5_000);
    tokio::time::sleep(Duration::from_secs(300)).await;
    let newest = rig.inbox().await.remove(0);
    assert_eq!(newest.state, State::In(InboundState::Acknowledged));
    let note = Outgoing { text: Some("Win".to_owned()), ..Outgoing::default() };
    rig.operator.send_from_phone("+447700900999", OWN, &note).unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let newest = rig.inbox().await.remove(0);
    assert_eq!(newest.state, State::In(InboundState::Rejected));
    assert!(answers(&rig).contains(&Some(0x82)));
    assert_eq!(rig.operator.mmsc().journal().complaints, []);
}

#[tokio::test(start_paused = true)]
async fn message_that_somebody_does_not_want_is_rejected_and_told_so() {
    let rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    send(&rig, 5_000);
    let id = rig.inbound_until(&["deferred"]).await.summary.id;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.reject(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(answers(&rig), [Some(0x83), Some(0x82)]);
    assert!(rig.gateway.reject(&id).await.is_err(), "once is enough");
    // Who thinks better of it hears what the MMSC says.
    rig.gateway.retrieve(&id).await.unwrap();
    let view = rig.until(&id, &["failed"]).await;
    assert_eq!(view.summary.fault.map(|fault| fault.code).as_deref(), Some("gone"));
}

#[tokio::test(start_paused = true)]
async fn withdrawal_is_answered_and_ends_what_is_not_here_yet() {
    let rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    let token = send(&rig, 5_000);
    let id = rig.inbound_until(&["deferred"]).await.summary.id;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.operator.faults().set_times(Fault::MmscHttpStatus { status: 500 }, 2);
    rig.operator.mmsc().cancel(OWN, &token).unwrap();
    let view = rig.until(&id, &["rejected"]).await;
    let code = view.summary.fault.map(|fault| fault.code);
    assert_eq!(code.as_deref(), Some("withdrawn-by-sender"));
    tokio::time::sleep(Duration::from_secs(600)).await;
    let confs = || rig.operator.mmsc().journal().of(EntryKind::CancelConf).count();
    assert_eq!(confs(), 1, "until it was taken");
    // Of a message that nobody knows, too.
    rig.operator.mmsc().cancel(OWN, "UNKNOWN").unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(confs(), 2);
    assert_eq!(rig.operator.mmsc().journal().complaints, []);
}

#[tokio::test(start_paused = true)]
async fn withdrawal_of_a_message_that_is_here_takes_nothing_away() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["acknowledged"]).await;
    let message_id = rig.operator.mmsc().journal().stored[0].message_id.clone();
    rig.operator.mmsc().cancel(OWN, &message_id).unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let after = rig.view(&view.summary.id).await;
    assert_eq!(after.summary.state, State::In(InboundState::Acknowledged));
    assert_eq!(rig.part_named(&after, "image/jpeg").await, picture(5_000));
    assert!(after.timeline.iter().any(|line| line.text.contains("withdraws")));
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::CancelConf).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn notification_that_changes_one_of_its_names_is_the_same_message() {
    for transaction in [true, false] {
        let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        let token = send(&rig, 5_000);
        rig.inbound_until(&["acknowledged"]).await;
        rig.operator.mmsc().announce_renamed(&token, transaction).unwrap();
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(rig.inbox().await.len(), 1, "{transaction}");
        let journal = rig.operator.mmsc().journal();
        assert_eq!(journal.of(EntryKind::Retrieval).count(), 1, "{transaction}");
        // The MMSC knows it by the newer name.
        assert_eq!(journal.of(EntryKind::NotifyResp).count(), 2, "{transaction}");
        assert_eq!(journal.complaints, [], "{transaction}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_follow_the_operators_mode_over_the_line() {
    for (mode, told) in
        [(AckMode::NotifyResp, (1, 0)), (AckMode::Acknowledge, (0, 1)), (AckMode::Both, (1, 1))]
    {
        let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        rig.reconfigure(|config| {
            config.modems[0].operator.as_mut().unwrap().ack_mode = mode;
        })
        .await;
        // One of them is refused once: only that one is repeated.
        rig.operator.faults().set_times(Fault::MmscRefusesAcknowledgement { status: 500 }, 1);
        send(&rig, 5_000);
        rig.inbound_until(&["acknowledged"]).await;
        let journal = rig.operator.mmsc().journal();
        let taken = |kind| journal.of(kind).filter(|entry| entry.http_status == Some(200)).count();
        assert_eq!((taken(EntryKind::NotifyResp), taken(EntryKind::Acknowledge)), told);
        assert_eq!(journal.of(EntryKind::Retrieval).count(), 1);
        assert_eq!(journal.complaints, []);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledgement_that_is_given_up_is_an_alarm_and_hides_no_message() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::MmscRefusesAcknowledgement { status: 403 });
    })
    .await;
    send(&rig, 5_000);
    let view = rig.inbound_until(&["received"]).await;
    tokio::time::sleep(Duration::from_secs(6 * 3_600)).await;
    let alarms = rig.gateway.alarms().await.unwrap();
    let codes: Vec<&str> = alarms.iter().map(|alarm| alarm.code.as_str()).collect();
    assert_eq!(codes, ["acknowledgement-given-up"]);
    assert!(!alarms[0].fault.remedy.is_empty());
    let view = rig.view(&view.summary.id).await;
    assert_eq!(rig.part_named(&view, "image/jpeg").await, picture(5_000));
    // The next one that is taken ends it.
    rig.operator.faults().clear_all();
    send(&rig, 6_000);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(rig.gateway.alarms().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn senders_who_asked_hear_that_their_message_was_read_and_others_do_not() {
    let rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    let token = send(&rig, 5_000);
    rig.operator.mmsc().ask_read_report(&token);
    let id = rig.inbound_until(&["deferred"]).await.summary.id;
    assert!(rig.gateway.mark_read(&id).await.is_err(), "it is not here");
    rig.gateway.retrieve(&id).await.unwrap();
    rig.until(&id, &["acknowledged"]).await;
    assert!(rig.gateway.mark_read(&id).await.unwrap());
    assert!(!rig.gateway.mark_read(&id).await.unwrap(), "told once");
    tokio::time::sleep(Duration::from_secs(300)).await;
    let reports = || rig.operator.mmsc().journal().of(EntryKind::ReadReport).count();
    assert_eq!(reports(), 1);
    send(&rig, 6_000);
    tokio::time::sleep(Duration::from_secs(300)).await;
    let other = rig.inbox().await.remove(0).id;
    rig.gateway.retrieve(&other).await.unwrap();
    rig.until(&other, &["acknowledged"]).await;
    assert!(!rig.gateway.mark_read(&other).await.unwrap());
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(reports(), 1);
    assert_eq!(rig.operator.mmsc().journal().complaints, []);
}

#[tokio::test(start_paused = true)]
async fn reports_are_told_apart_and_can_be_refused() {
    let rig = rig_with("[receiving]\ndelivery_reports = false").await;
    send(&rig, 5_000);
    rig.inbound_until(&["acknowledged"]).await;
    let journal = rig.operator.mmsc().journal();
    let entry = journal.of(EntryKind::NotifyResp).next().unwrap();
    match mm1gate::codec::mms::decode(&entry.body).unwrap().value {
        mm1gate::codec::mms::Pdu::NotifyRespInd(ack) => assert_eq!(ack.report_allowed, Some(false)),
        other => panic!("{other:?}"),
    }
    let mut new = message(2_000);
    (new.delivery_report, new.read_report) = (true, true);
    let id = rig.gateway.accept(new).await.unwrap();
    let view = rig.until(&id, &["delivered"]).await;
    let recipient = &view.summary.recipients[0];
    assert!(recipient.delivered_at.is_some());
    assert_eq!(recipient.read_at, None);
    let journal = rig.operator.mmsc().journal();
    let entry = journal.of(EntryKind::Submission).next().unwrap();
    match mm1gate::codec::mms::decode(&entry.body).unwrap().value {
        mm1gate::codec::mms::Pdu::SendReq(request) => assert_eq!(request.read_report, Some(true)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn text_about_an_mms_on_the_web_is_shown_with_what_to_do() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let words = "You have a picture message. View it at www.example.com/mms with code 77";
    let sender = SmsAddress::from_text("87676");
    let now = Scts::new(rig.clock.now(), 0);
    let (dcs, user_data) = UserData::from_text(words);
    let text = Deliver::new(sender, dcs, now, user_data);
    rig.operator.deliver_sms(OWN, &[text.encode().unwrap().into()]).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let shown = rig.inbox().await.remove(0);
    assert_eq!(shown.kind, Kind::Sms);
    assert_eq!(shown.text.as_deref(), Some(words), "the text stays");
    assert_eq!(shown.fault.map(|fault| fault.code).as_deref(), Some("missed-mms"));
    assert_eq!(rig.gateway.alarms().await.unwrap()[0].code, "missed-mms");
    // One that comes as it should ends the alarm.
    send(&rig, 5_000);
    only(&rig).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(rig.gateway.alarms().await.unwrap().is_empty());
}

/// A gateway that defers everything, at an operator that may delete what is deferred.
async fn deleting(deletes: bool) -> Rig {
    let mut rig = rig_with("[receiving]\nretrieve = \"deferred\"").await;
    rig.reconfigure(|config| config.modems[0].operator.as_mut().unwrap().deletes = deletes).await;
    rig
}

/// Messages that lie at the MMSC, which knows that they are fetched later.
async fn deferred(rig: &Rig, count: usize) -> Vec<MessageId> {
    for number in 0..count {
        send(rig, 5_000 + number);
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    let found: Vec<_> = rig.inbox().await.into_iter().map(|one| one.id).collect();
    assert_eq!((found.len(), answers(rig).len()), (count, count));
    found
}

#[tokio::test(start_paused = true)]
async fn deferred_messages_that_nobody_wants_are_deleted_at_the_mmsc_in_one_request() {
    let rig = deleting(true).await;
    let ids = deferred(&rig, 3).await;
    rig.gateway.reject(&ids[0]).await.unwrap();
    rig.gateway.reject(&ids[1]).await.unwrap();
    let until_told = rig.gateway.remove(&ids[0], None).await.unwrap_err();
    assert!(until_told.to_string().contains("still to be told"), "{until_told}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let journal = rig.operator.mmsc().journal();
    let requests: Vec<_> = journal.of(EntryKind::Delete).collect();
    assert_eq!(requests.len(), 1, "one for both");
    match mm1gate::codec::mms::decode(&requests[0].body).unwrap().value {
        mm1gate::codec::mms::Pdu::DeleteReq(request) => {
            assert_eq!((request.content_location.len(), request.version.minor), (2, 3));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(journal.stored.iter().filter(|it| it.deleted).count(), 2);
    assert!(answers(&rig).iter().all(|it| *it == Some(0x83)), "nothing else is told");
    for id in &ids[..2] {
        let view = rig.view(id).await;
        assert_eq!(view.summary.state, State::In(InboundState::Rejected));
        let line = "the request to delete it at the MMSC was taken by the MMSC";
        assert!(view.timeline.iter().any(|it| it.text == line), "{:?}", view.timeline);
    }
    rig.gateway.remove(&ids[0], None).await.unwrap();
    let lies_there = rig.gateway.remove(&ids[2], None).await.unwrap_err();
    assert!(lies_there.to_string().contains("reject it first"), "{lies_there}");
    assert_eq!(journal.complaints, []);
}

#[tokio::test(start_paused = true)]
async fn deletion_that_did_not_happen_is_told_and_leaves_the_message_to_be_had() {
    let status = |status| Fault::MmscResponseStatus { status, text: None };
    for (fault, code) in [
        (status(0x88), "mmsc-refused"),
        (Fault::MmscHttpStatus { status: 405 }, "http-status"),
        (Fault::MmscHttpStatus { status: 501 }, "http-status"),
    ] {
        let rig = deleting(true).await;
        let id = deferred(&rig, 1).await.remove(0);
        rig.operator.faults().set_times(fault, 1);
        rig.gateway.reject(&id).await.unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
        // What every MMSC understands is told instead.
        assert_eq!(answers(&rig), [Some(0x83), Some(0x82)]);
        let view = rig.view(&id).await;
        let line = view.timeline.iter().find(|it| it.text.contains("is not supported")).unwrap();
        assert_eq!(line.cause.as_deref(), Some(code));
        let fault = line.fault.as_ref().unwrap();
        assert!(fault.remedy.contains("delete = false"), "{}", fault.remedy);
        assert!(!rig.operator.mmsc().journal().stored[0].deleted);
        assert_eq!(view.summary.state, State::In(InboundState::Rejected), "shown, not gone");
        assert!(rig.gateway.alarms().await.unwrap().is_empty());
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn deletion_is_asked_again_until_the_mmsc_says_that_it_is_gone() {
    let rig = deleting(true).await;
    let id = deferred(&rig, 1).await.remove(0);
    let later = Fault::MmscResponseStatus { status: 0xc0, text: None };
    rig.operator.faults().set_times(later, 1);
    rig.gateway.reject(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let journal = rig.operator.mmsc().journal();
    assert_eq!(journal.of(EntryKind::Delete).count(), 2);
    assert!(journal.stored[0].deleted);
    // Who thinks better of it hears that it is gone.
    rig.gateway.retrieve(&id).await.unwrap();
    assert_eq!(rig.until(&id, &["failed"]).await.summary.fault.unwrap().code, "gone");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_where_the_operator_is_not_known_to_do_that() {
    let rig = deleting(false).await;
    let id = deferred(&rig, 1).await.remove(0);
    rig.gateway.reject(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(answers(&rig), [Some(0x83), Some(0x82)]);
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::Delete).count(), 0);
}

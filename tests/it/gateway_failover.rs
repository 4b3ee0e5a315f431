//! What a SIM cannot send goes by another one of its route: after the route's time, once, and only
//! when nobody can have any of it. Over every layer and a virtual operator, in virtual time.

use std::time::Duration;

use mm1gate::codec::mms::{self, From, Pdu, Version};
use mm1gate::gateway::{Limits, SendRoute, Strategy};
use mm1gate::model::{Address, Kind, MessageId, NewMessage, OutboundState, State};
use mm1gate::operators::FromMode;
use mm1gate::sim::{self, Behaviour, EntryKind, Fault};
use mm1gate::store::MessageView;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};
use crate::gateway_routes::route;

const SECOND: &str = "+447700900002";
const MINUTE: Duration = Duration::from_secs(60);

/// A route by both modems that keeps a recipient at the first one, and has messages go by the other
/// after ten minutes.
fn sticky() -> SendRoute {
    SendRoute {
        strategy: Strategy::StickySender,
        failover: Some(10 * MINUTE),
        default: true,
        ..route("customers", &[], &["desk", "second"])
    }
}

/// The phone knows the number of the first modem.
async fn rig() -> Rig {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.reconfigure(|config| config.sending.routes = vec![sticky()]).await;
    known(&rig).await;
    rig
}

async fn known(rig: &Rig) {
    tokio::time::sleep(MINUTE).await;
    let first = NewMessage { modem: Some("desk".to_owned()), ..text(PHONE, "Hi") };
    let id = rig.gateway.accept(first).await.unwrap();
    rig.until(&id, &["delivered"]).await;
}

fn got(rig: &Rig) -> usize {
    // The first text made the number known.
    rig.operator.texts_of(PHONE).len() - 1 + rig.operator.phone(PHONE).unwrap().received().len()
}

fn is(view: &MessageView, state: OutboundState, modem: &str) -> bool {
    view.summary.state == State::Out(state) && view.summary.modem.as_deref() == Some(modem)
}

async fn transaction_id(rig: &Rig, id: &MessageId) -> String {
    let sql =
        format!("SELECT CAST(transaction_id AS BLOB) FROM submission WHERE message_id = '{id}'");
    String::from_utf8(rig.octets(&sql).to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn message_of_a_sim_that_rests_goes_by_the_other_one_after_the_routes_time() {
    for new in [text(PHONE, "Hi"), message(2_000)] {
        let rig = rig().await;
        rig.gateway.pause(Some("desk"), None, Some("new antenna".to_owned())).await.unwrap();
        let kind = new.kind;
        let id = rig.gateway.accept(new).await.unwrap();
        let before = transaction_id(&rig, &id).await;
        tokio::time::sleep(9 * MINUTE).await;
        assert!(is(&rig.view(&id).await, OutboundState::Queued, "desk"));
        let view = rig.until(&id, &["sent", "delivered"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("second"));
        let moved = view.timeline.iter().find(|it| it.text.contains("now (route")).unwrap();
        assert_eq!(
            moved.text,
            "by modem second now (route customers): desk has not been able to send it for 10 minutes"
        );
        assert_eq!(moved.cause.as_deref(), Some("sending-paused"));
        assert_eq!(transaction_id(&rig, &id).await, before);
        if kind == Kind::Sms {
            assert_eq!(rig.operator.texts_of(PHONE)[1].from, SECOND);
        }
        // Once, whatever the first one does afterwards; and the customer's number stays what it was.
        rig.gateway.resume(Some("desk")).await.unwrap();
        tokio::time::sleep(60 * MINUTE).await;
        assert_eq!(got(&rig), 1);
        let next = rig.gateway.accept(text(PHONE, "Again")).await.unwrap();
        assert!(is(&rig.until(&next, &["delivered"]).await, OutboundState::Delivered, "desk"));
    }
}

#[tokio::test(start_paused = true)]
async fn pdu_is_written_anew_as_the_other_operator_wants_it() {
    let mut rig = rig().await;
    rig.reconfigure(|config| {
        let other = &mut config.modems[1];
        other.own_number = Some(Address::parse_recipient(SECOND).unwrap());
        let settings = other.operator.as_mut().unwrap();
        settings.from_mode = FromMode::Number;
        settings.mms_version = (1, 0);
    })
    .await;
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let mut new = message(2_000);
    // Several share what is alike; each of them keeps its own head.
    new.to.push(Address::parse_recipient(OWN).unwrap());
    let id = rig.gateway.accept(new).await.unwrap();
    let pdus = |rig: &Rig| {
        let one = |which: &str| {
            let sql = format!(
                "SELECT CAST(head || body AS BLOB) FROM submission JOIN payload USING (message_id)
                 WHERE message_id = '{id}' ORDER BY id {which} LIMIT 1"
            );
            match mms::decode(&rig.octets(&sql)).unwrap().value {
                Pdu::SendReq(request) => request,
                other => panic!("{other:?}"),
            }
        };
        [one("ASC"), one("DESC")]
    };
    let before = pdus(&rig);
    rig.until(&id, &["sent"]).await;
    let after = pdus(&rig);
    // The second recipient is not known to anybody, so that its modem was the idle one at once.
    for (before, mut after) in before.into_iter().zip(after) {
        assert_eq!(after.from, From::Address(Address::parse_recipient(SECOND).unwrap()));
        assert_eq!(after.version, Version { major: 1, minor: 0 });
        after.from = before.from.clone();
        after.version = before.version;
        assert_eq!(after, before, "nothing else is another");
    }
    let received = rig.operator.phone(PHONE).unwrap().received();
    assert_eq!((received.len(), received[0].from.as_str()), (1, SECOND));
}

#[tokio::test(start_paused = true)]
async fn what_the_other_operator_does_not_take_waits_for_its_own() {
    let mut rig = rig().await;
    rig.reconfigure(|config| {
        config.modems[1].operator.as_mut().unwrap().max_message_size = 5_000;
    })
    .await;
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let large = rig.gateway.accept(message(20_000)).await.unwrap();
    let small = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&small, &["sent"]).await;
    tokio::time::sleep(60 * MINUTE).await;
    assert!(is(&rig.view(&large).await, OutboundState::Queued, "desk"));
    rig.gateway.resume(Some("desk")).await.unwrap();
    assert!(is(&rig.until(&large, &["sent"]).await, OutboundState::Sent, "desk"));
}

#[tokio::test(start_paused = true)]
async fn message_that_may_have_arrived_never_goes_by_another_sim() {
    for kind in [Kind::Mms, Kind::Sms] {
        let rig = rig().await;
        let new = match kind {
            Kind::Mms => {
                rig.operator.faults().set(Fault::MmscSendConfLost {});
                message(2_000)
            }
            Kind::Sms => {
                rig.operator.faults().set(Fault::SubmitUnanswered {});
                // A report would tell that it has arrived.
                NewMessage { delivery_report: false, ..text(PHONE, "Hi") }
            }
        };
        let id = rig.gateway.accept(new).await.unwrap();
        let view = rig.until(&id, &["unknown"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("desk"));
        rig.operator.faults().clear_all();
        rig.gateway.pause(Some("desk"), None, None).await.unwrap();
        tokio::time::sleep(60 * MINUTE).await;
        assert!(is(&rig.view(&id).await, OutboundState::Unknown, "desk"));
        // By a person's word it waits for the SIM that may have sent it, however long.
        rig.gateway.retry(&id).await.unwrap();
        tokio::time::sleep(60 * MINUTE).await;
        let view = rig.view(&id).await;
        assert!(is(&view, OutboundState::Queued, "desk"), "{view:#?}");
        assert!(got(&rig) <= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn text_of_which_a_part_has_left_stays_with_its_sim() {
    let rig = rig().await;
    rig.operator.faults().switch(sim::ActiveFault {
        after_times: Some(1),
        ..sim::ActiveFault::from(Fault::SubmitRefused { cms: 42 })
    });
    let id = rig.gateway.accept(text(PHONE, &"apple ".repeat(60))).await.unwrap();
    tokio::time::sleep(60 * MINUTE).await;
    assert!(is(&rig.view(&id).await, OutboundState::Queued, "desk"));
    rig.operator.faults().clear_all();
    assert!(is(&rig.until(&id, &["delivered"]).await, OutboundState::Delivered, "desk"));
}

#[tokio::test(start_paused = true)]
async fn what_is_above_the_limit_of_one_sim_goes_by_the_other() {
    let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.reconfigure(|config| {
        let hourly = Limits { per_day: Some(2), ..Limits::default() };
        config.sending.limits_of.insert("desk".to_owned(), hourly);
        config.sending.routes = vec![sticky()];
    })
    .await;
    known(&rig).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(rig.gateway.accept(text(PHONE, "Hi")).await.unwrap());
    }
    tokio::time::sleep(30 * MINUTE).await;
    let mut by = Vec::new();
    for id in &ids {
        by.push(rig.view(id).await.summary.modem.unwrap());
    }
    assert_eq!(by, ["desk", "second", "second"]);
    assert_eq!(got(&rig), 3);
}

#[tokio::test(start_paused = true)]
async fn message_of_a_modem_that_was_unplugged_goes_by_the_other_one_and_comes_not_back() {
    for new in [text(PHONE, "Hi"), message(2_000)] {
        let (mut rig, bus) = Rig::on_usb(Ports::Two, sim::Timing::usb_stick(), Some(SECOND)).await;
        rig.reconfigure(|config| config.sending.routes = vec![sticky()]).await;
        tokio::time::sleep(2 * MINUTE).await;
        known(&rig).await;
        bus.unplug(0);
        tokio::time::sleep(MINUTE).await;
        let id = rig.gateway.accept(new).await.unwrap();
        tokio::time::sleep(5 * MINUTE).await;
        // The time it has waited is not forgotten.
        rig.restart().await;
        tokio::time::sleep(8 * MINUTE).await;
        let view = rig.until(&id, &["sent", "delivered"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("second"), "{view:#?}");
        bus.plug(0);
        tokio::time::sleep(30 * MINUTE).await;
        assert_eq!(got(&rig), 1);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_another_way_unless_the_route_says_so() {
    let mut rig = rig().await;
    rig.reconfigure(|config| config.sending.routes[0].failover = None).await;
    tokio::time::sleep(MINUTE).await;
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    tokio::time::sleep(60 * MINUTE).await;
    assert!(is(&rig.view(&id).await, OutboundState::Queued, "desk"));
    // Nor what a person wants by this modem, nor while all sending rests.
    rig.reconfigure(|config| config.sending.routes = vec![sticky()]).await;
    tokio::time::sleep(MINUTE).await;
    let named = NewMessage { modem: Some("desk".to_owned()), ..text(PHONE, "Hi") };
    let named = rig.gateway.accept(named).await.unwrap();
    rig.gateway.pause(None, None, None).await.unwrap();
    let held = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    tokio::time::sleep(60 * MINUTE).await;
    for id in [&named, &held] {
        assert!(is(&rig.view(id).await, OutboundState::Queued, "desk"));
    }
    rig.gateway.resume(None).await.unwrap();
    tokio::time::sleep(30 * MINUTE).await;
    assert!(is(&rig.view(&named).await, OutboundState::Queued, "desk"));
    assert!(is(&rig.view(&held).await, OutboundState::Delivered, "second"));
}

#[tokio::test(start_paused = true)]
async fn refused_sim_gives_its_queue_away_and_tries_again_by_one_message() {
    let rig = rig().await;
    // Three submissions are refused, and then the operator is content again; the SIM still rests.
    rig.operator.faults().switch(sim::ActiveFault {
        times: Some(3),
        ..sim::ActiveFault::from(Fault::MmscResponseStatus { status: 0xeb, text: None })
    });
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(rig.gateway.accept(message(2_000)).await.unwrap());
    }
    tokio::time::sleep(30 * MINUTE).await;
    let mut ends = Vec::new();
    for id in &ids {
        let view = rig.view(id).await;
        ends.push(format!("{} {}", view.summary.state.as_str(), view.summary.modem.unwrap()));
    }
    let expected = ["failed desk", "failed desk", "sent second"];
    assert_eq!(ends[..3], expected);
    assert!(ends[3..].iter().all(|end| end == "sent second"), "{ends:?}");
    let journal = rig.operator.mmsc();
    assert_eq!(journal.journal().of(EntryKind::RefusedSubmission).count(), 3);
    assert_eq!(got(&rig), 4);
    // After its hour the SIM has its chance by the next message.
    tokio::time::sleep(60 * MINUTE).await;
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    assert!(is(&rig.until(&id, &["sent"]).await, OutboundState::Sent, "desk"));
    assert_eq!(rig.gateway.alarms().await.unwrap(), []);
    assert_eq!(rig.operator.texts_of(PHONE)[0].from, OWN);
}

#[tokio::test(start_paused = true)]
async fn queue_of_messages_that_may_go_no_other_way_hides_none_that_may() {
    let rig = rig().await;
    let modems = vec!["desk".to_owned()];
    let account = mm1gate::store::Account {
        name: "shop".to_owned(),
        modems: modems.clone(),
        ..Default::default()
    };
    rig.gateway.access().set_account(account, rig.clock.now()).await.unwrap();
    rig.gateway.pause(Some("desk"), None, None).await.unwrap();
    let origin =
        mm1gate::model::Origin { account: Some("shop".to_owned()), modems, ..Default::default() };
    for number in 0..500 {
        let bound = text(PHONE, &format!("Number {number}"));
        rig.gateway.accept(NewMessage { origin: origin.clone(), ..bound }).await.unwrap();
    }
    let free = rig.gateway.accept(text(PHONE, "Free")).await.unwrap();
    tokio::time::sleep(12 * MINUTE).await;
    let view = rig.view(&free).await;
    assert!(is(&view, OutboundState::Delivered, "second"), "{:?}", view.summary.state);
    let waiting = rig.count("SELECT count(*) FROM submission WHERE state = 'queued'");
    assert_eq!((waiting, got(&rig)), (500, 1));
}

//! When a message may leave: the breaker of a SIM, pauses, limits, quiet hours, priorities, scheduled
//! sending, and who wants nothing more. Over every layer and a virtual operator, in virtual time.

use std::time::Duration;

use mm1gate::gateway::{AcceptError, Event, Limits};
use mm1gate::model::{Address, MessageId, NewMessage, OutboundState, Priority, State};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing};
use mm1gate::store::MessageView;
use serde_json::{Value, json};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

const HOUR: Duration = Duration::from_secs(3600);

fn code(view: &MessageView) -> Option<&str> {
    view.summary.fault.as_ref().map(|fault| fault.code.as_str())
}

fn is(view: &MessageView, state: OutboundState) -> bool {
    view.summary.state == State::Out(state)
}

async fn accept(rig: &Rig, count: usize) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(rig.gateway.accept(message(3_000)).await.unwrap());
    }
    ids
}

fn refused(rig: &Rig) -> usize {
    rig.operator.mmsc().journal().of(EntryKind::RefusedSubmission).count()
}

#[tokio::test(start_paused = true)]
async fn lapsed_sim_does_not_burn_the_queue() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let words = Some("Guthaben aufgebraucht".to_owned());
    rig.operator.faults().set(Fault::MmscResponseStatus { status: 0xeb, text: words.clone() });
    let mut events = rig.gateway.subscribe();
    let ids = accept(&rig, 10).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    // Two are refused before it is clear that it is not them; the third and all others wait.
    for (index, id) in ids.iter().enumerate() {
        let view = rig.view(id).await;
        if index < 2 {
            assert!(is(&view, OutboundState::Failed), "{index}");
        } else {
            assert!(is(&view, OutboundState::Queued), "{index}");
            assert!(view.next_attempt_at.unwrap() > rig.clock.now());
        }
    }
    let waiting = rig.view(&ids[5]).await;
    assert_eq!(code(&waiting), Some("sim-refused"));
    assert_eq!(waiting.summary.fault.unwrap().verbatim, words);
    assert_eq!(refused(&rig), 3);
    let alarms = rig.gateway.alarms().await.unwrap();
    assert_eq!((alarms.len(), alarms[0].scope.as_str()), (1, "modem:desk"));
    let fault = rig.gateway.modems().remove(0).fault.unwrap();
    assert_eq!(fault.code, "sim-refused");
    let mut raised = 0;
    while let Ok(event) = events.try_recv() {
        raised += usize::from(matches!(event, Event::Alarm { raised: true, .. }));
    }
    assert_eq!(raised, 1, "told once");

    // It holds over a restart, and no call is made for nothing.
    let calls = rig.operator.modem().state().calls;
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!((refused(&rig), rig.operator.modem().state().calls), (3, calls));
    assert_eq!(rig.gateway.modems().remove(0).fault.unwrap().code, "sim-refused");

    // After an hour one message tries, and one only.
    tokio::time::sleep(HOUR).await;
    assert_eq!(refused(&rig), 4);
    tokio::time::sleep(HOUR).await;
    assert_eq!(refused(&rig), 5);
    for id in &ids[2..] {
        assert!(is(&rig.view(id).await, OutboundState::Queued));
    }

    // Credit again: the next one that tries brings all of them out.
    rig.operator.faults().clear_all();
    for id in &ids[2..] {
        rig.until(id, &["sent"]).await;
    }
    assert_eq!(rig.gateway.alarms().await.unwrap(), []);
    assert_eq!(rig.gateway.modems().remove(0).fault, None);
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 8, "each once");
}

#[tokio::test(start_paused = true)]
async fn person_who_has_mended_the_contract_need_not_wait_for_the_probe() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set(Fault::MmscHttpStatus { status: 403 });
    let ids = accept(&rig, 5).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(code(&rig.view(&ids[4]).await), Some("sim-refused"));
    rig.operator.faults().clear_all();
    let mended = rig.clock.now();
    let (status, _) = rig.ask("POST", "/modems/desk/resume", None).await;
    assert_eq!(status, 200);
    rig.until(&ids[4], &["sent"]).await;
    assert!(rig.clock.now().since(mended) < Duration::from_secs(120));
    assert_eq!(rig.gateway.alarms().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_the_messages_themselves_pause_nothing() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set(Fault::MmscResponseStatus { status: 0xe5, text: None });
    for id in accept(&rig, 6).await {
        rig.until(&id, &["failed"]).await;
    }
    assert_eq!(rig.gateway.alarms().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn who_writes_stop_gets_nothing_more_until_start() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    // One waits already, by its schedule.
    let mut later = text(PHONE, "Tomorrow we are closed");
    later.send_at = Some(rig.clock.now().plus(HOUR));
    let waiting = rig.gateway.accept(later).await.unwrap();
    rig.write_sms(PHONE, OWN, "Stop.");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let refused = rig.gateway.accept(message(3_000)).await.unwrap_err();
    assert!(matches!(refused, AcceptError::OptedOut(_)), "{refused:?}");
    let national = rig.gateway.accept(text("07700 900123", "Hi")).await.unwrap_err();
    assert!(matches!(national, AcceptError::OptedOut(_)), "the same phone, written otherwise");
    let new = json!({ "to": ["+447700900199", PHONE], "kind": "sms", "text": "Sale" });
    let (status, taken) = rig.ask("POST", "/messages", Some(&new)).await;
    assert_eq!((status, taken["refused"].as_array().unwrap().len()), (202, 1));
    assert_eq!(taken["refused"][0]["address"], PHONE);
    assert_eq!(taken["refused"][0]["code"], "recipient-opted-out");
    let sale: MessageId = taken["id"].as_str().unwrap().parse().unwrap();
    let new = json!({ "to": [PHONE], "kind": "sms", "text": "Sale" });
    let (status, problem) = rig.ask("POST", "/messages", Some(&new)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("recipient-opted-out")));
    // What waited is not sent either, and says why.
    tokio::time::sleep(2 * HOUR).await;
    let view = rig.view(&waiting).await;
    assert!(is(&view, OutboundState::Failed), "{view:#?}");
    assert_eq!(code(&view), Some("recipient-opted-out"));
    assert_eq!(view.timeline.last().unwrap().fault.as_ref().unwrap().code, "recipient-opted-out");
    assert_eq!(rig.operator.texts_of(PHONE).len(), 0);
    // The other one got it, and of this one it is on record.
    let view = rig.view(&sale).await;
    assert_eq!(view.summary.recipients[0].state, OutboundState::Delivered, "{view:#?}");
    assert_eq!(view.summary.recipients[1].state, OutboundState::Failed);
    let told = view.timeline.iter().find(|it| it.state == "failed").unwrap();
    assert_eq!(told.recipient.as_ref().unwrap().text(), PHONE);

    let (_, list) = rig.ask("GET", "/opt-outs", None).await;
    assert_eq!(list["opt_outs"][0]["number"], PHONE);
    assert_eq!(list["opt_outs"][0]["word"], "STOP");
    let id: MessageId = list["opt_outs"][0]["message"].as_str().unwrap().parse().unwrap();
    let told = rig.view(&id).await.timeline.pop().unwrap().text;
    assert_eq!(told, "STOP: nothing more is sent to its sender");

    rig.write_sms(PHONE, OWN, "START");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let id = rig.gateway.accept(text(PHONE, "Hello again")).await.unwrap();
    rig.until(&id, &["delivered"]).await;
}

#[tokio::test(start_paused = true)]
async fn stop_in_a_picture_message_counts_and_its_owner_can_lift_it() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let stop = Outgoing {
        subject: None,
        text: Some("UNSUBSCRIBE\n-- \nSent from my phone".to_owned()),
        parts: Vec::new(),
    };
    rig.operator.send_from_phone(PHONE, OWN, &stop).unwrap();
    rig.inbound_until(&["acknowledged"]).await;
    assert!(rig.gateway.accept(message(3_000)).await.is_err());
    rig.restart().await;
    assert!(rig.gateway.accept(message(3_000)).await.is_err());
    let path = format!("/opt-outs/{PHONE}");
    assert_eq!(rig.ask("GET", &path, None).await.0, 200);
    assert_eq!(rig.ask("DELETE", &path, None).await.0, 200);
    let (status, problem) = rig.ask("DELETE", &path, None).await;
    assert_eq!((status, &problem["code"]), (404, &json!("opt-out-not-found")));
    let id = rig.gateway.accept(message(3_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    // And enter it; short codes as well.
    for number in [PHONE, "86888"] {
        assert_eq!(rig.ask("PUT", &format!("/opt-outs/{number}"), None).await.0, 201);
        assert_eq!(rig.ask("PUT", &format!("/opt-outs/{number}"), None).await.0, 200);
        let refused = rig.gateway.accept(text(number, "Hi")).await;
        assert!(matches!(refused, Err(AcceptError::OptedOut(_))), "{number}");
    }
    let (status, problem) = rig.ask("PUT", "/opt-outs/nobody!", None).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid-recipient")));
}

#[tokio::test(start_paused = true)]
async fn sim_sends_no_more_than_it_may_in_any_hour_and_counts_over_a_restart() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(|config| {
        config.sending.limits = Limits { per_hour: Some(3), ..Limits::default() };
    })
    .await;
    let begun = rig.clock.now();
    let pictures = accept(&rig, 2).await;
    for id in &pictures {
        rig.until(id, &["sent"]).await;
    }
    // Texts of the same SIM count as well, each part of one.
    let first = rig.gateway.accept(text(PHONE, "one")).await.unwrap();
    rig.until(&first, &["sent", "delivered"]).await;
    let more = rig.gateway.accept(text(PHONE, "two")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let view = rig.view(&more).await;
    assert_eq!((code(&view), is(&view, OutboundState::Queued)), (Some("sim-limit-reached"), true));
    let lines = view.timeline.len();
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 1);
    assert_eq!(rig.view(&more).await.timeline.len(), lines, "told once");
    let (_, limits) = rig.ask("GET", "/limits", None).await;
    let hour = limits["limits"].as_array().unwrap().iter().find(|it| it["name"] == "per_hour");
    let hour = hour.unwrap();
    assert_eq!(
        (&hour["used"], &hour["most"], &hour["modem"]),
        (&json!(3), &json!(3), &json!("desk"))
    );
    rig.until(&more, &["sent", "delivered"]).await;
    assert!(rig.clock.now().since(begun) >= HOUR);
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_while_sending_rests_and_everything_after() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let body = json!({ "reason": "new antenna" });
    let (status, held) = rig.ask("POST", "/modems/desk/pause", Some(&body)).await;
    assert_eq!((status, &held["pauses"][0]["scope"]), (200, &json!("modem:desk")));
    let mut ids = accept(&rig, 2).await;
    ids.push(rig.gateway.accept(text(PHONE, "Hi")).await.unwrap());
    rig.restart().await;
    tokio::time::sleep(3 * HOUR).await;
    for id in &ids {
        let view = rig.view(id).await;
        assert_eq!(code(&view), Some("sending-paused"));
        assert!(view.summary.fault.as_ref().unwrap().summary.contains("new antenna"));
    }
    assert_eq!(rig.operator.modem().state().calls, 0, "nothing is dialled for nothing");
    // What comes still comes.
    rig.operator
        .send_from_phone(
            PHONE,
            OWN,
            &Outgoing { subject: None, text: Some("Hi".to_owned()), parts: Vec::new() },
        )
        .unwrap();
    rig.inbound_until(&["acknowledged"]).await;
    let (status, held) = rig.ask("POST", "/modems/desk/resume", None).await;
    assert_eq!((status, held), (200, json!({ "pauses": [] })));
    for id in &ids {
        rig.until(id, &["sent", "delivered"]).await;
    }
    // All of it, until a time.
    let until = rig.clock.now().plus(HOUR);
    let body = json!({ "until": until.to_string() });
    assert_eq!(rig.ask("POST", "/pause", Some(&body)).await.0, 200);
    let id = rig.gateway.accept(text(PHONE, "Later")).await.unwrap();
    rig.until(&id, &["sent", "delivered"]).await;
    assert!(rig.clock.now() >= until);
    for (path, body, status, code) in [
        ("/modems/nobody/pause", json!({}), 404, "modem-not-found"),
        ("/pause", json!({ "until": "tomorrow" }), 422, "invalid-until"),
        ("/pause", json!({ "until": "2001-01-01T00:00:00Z" }), 422, "invalid-until"),
        ("/pause", json!({ "reason": "x".repeat(201) }), 422, "invalid-reason"),
        ("/pause", json!({ "why": "x" }), 422, "unknown-field"),
    ] {
        let (found, problem) = rig.ask("POST", path, Some(&body)).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{path} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_waits_for_its_time_through_restarts_and_expires_from_there() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let at = rig.clock.now().plus(7 * HOUR);
    let new = json!({ "to": PHONE, "text": "Happy birthday", "send_at": at.to_string(),
                      "validity_seconds": 7200 });
    let (status, answer) = rig.ask("POST", "/messages", Some(&new)).await;
    assert_eq!((status, &answer["state"]), (202, &json!("scheduled")));
    let id: MessageId = answer["id"].as_str().unwrap().parse().unwrap();
    let withdrawn = {
        let again = NewMessage { send_at: Some(at), ..message(3_000) };
        rig.gateway.accept(again).await.unwrap()
    };
    tokio::time::sleep(HOUR).await;
    // A start lets nothing wait for long, but this.
    rig.restart().await;
    tokio::time::sleep(3 * HOUR).await;
    let view = rig.view(&id).await;
    assert!(is(&view, OutboundState::Scheduled));
    assert_eq!(view.expires_at, Some(at.plus(2 * HOUR)));
    rig.gateway.cancel(&withdrawn).await.unwrap();
    let view = rig.until(&id, &["sent"]).await;
    let now = rig.clock.now();
    assert!(now >= at && now.since(at) < Duration::from_secs(120), "{now}");
    let states: Vec<&str> = view.timeline.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(states, ["accepted", "scheduled", "queued", "sending", "sent"]);
    tokio::time::sleep(HOUR).await;
    assert!(is(&rig.view(&withdrawn).await, OutboundState::Canceled));
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);

    let year = rig.clock.now().plus(400 * 24 * HOUR).to_string();
    for (more, code) in [
        (json!({ "send_at": year }), "schedule-unusable"),
        (json!({ "send_at": "soon" }), "invalid-send-at"),
        (json!({ "validity_seconds": 5 }), "schedule-unusable"),
        (json!({ "validity_seconds": -5 }), "invalid-validity"),
        (json!({ "validity_seconds": "60" }), "invalid-type"),
        (json!({ "priority": "urgent" }), "invalid-priority"),
    ] {
        let mut new = json!({ "to": PHONE, "text": "x" });
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, problem) = rig.ask("POST", "/messages", Some(&new)).await;
        assert_eq!((status, &problem["code"]), (422, &json!(code)), "{more}");
    }
}

#[tokio::test(start_paused = true)]
async fn urgent_messages_leave_first() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.gateway.pause(None, None, None).await.unwrap();
    let of = |priority| NewMessage { priority, ..text(PHONE, priority.as_str()) };
    let mut ids = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        ids.push(rig.gateway.accept(of(priority)).await.unwrap());
    }
    rig.gateway.resume(None).await.unwrap();
    for id in &ids {
        rig.until(id, &["sent", "delivered"]).await;
    }
    let order: Vec<String> =
        rig.operator.texts_of(PHONE).iter().map(|it| it.text.clone()).collect();
    assert_eq!(order, ["high", "normal", "low"]);
}

#[tokio::test(start_paused = true)]
async fn in_quiet_hours_only_what_is_urgent_leaves() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    // It is 14:13 UTC.
    rig.reconfigure(|config| {
        config.data.calendar = mm1gate::model::Calendar::named("UTC").unwrap();
        config.sending.quiet = Some("14:00-16:30".parse().unwrap());
    })
    .await;
    let usual = rig.gateway.accept(message(3_000)).await.unwrap();
    let urgent = NewMessage { priority: Priority::High, ..message(3_000) };
    let urgent = rig.gateway.accept(urgent).await.unwrap();
    let view = rig.until(&urgent, &["sent"]).await;
    assert!(is(&view, OutboundState::Sent));
    let view = rig.view(&usual).await;
    assert_eq!((code(&view), is(&view, OutboundState::Queued)), (Some("quiet-hours"), true));
    rig.until(&usual, &["sent"]).await;
    let now = rig.clock.now().to_string();
    assert!(now.contains("T16:3"), "{now}");
}

#[tokio::test(start_paused = true)]
async fn numbers_that_opted_out_are_listed_in_pages() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    for number in ["+447700900101", "+447700900102", "+447700900103"] {
        let address = Address::parse_recipient(number).unwrap();
        assert!(rig.gateway.opt_out(address).await.unwrap());
    }
    let (_, first) = rig.ask("GET", "/opt-outs?limit=2", None).await;
    assert_eq!(first["opt_outs"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap().replace('+', "%2B");
    let (_, rest) = rig.ask("GET", &format!("/opt-outs?limit=2&after={next}"), None).await;
    assert_eq!(rest["opt_outs"][0]["number"], "+447700900103");
    assert_eq!(rest["next"], Value::Null);
    for (query, code) in
        [("limit=0", "invalid-limit"), ("after=!", "invalid-cursor"), ("x=1", "unknown-parameter")]
    {
        let (status, problem) = rig.ask("GET", &format!("/opt-outs?{query}"), None).await;
        assert_eq!((status, &problem["code"]), (400, &json!(code)));
    }
}

#[tokio::test(start_paused = true)]
async fn group_goes_out_without_those_who_want_nothing_more_and_says_so() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let (left_before, leaves_later) = ("+447700900150", OWN);
    let address = |text: &str| Address::parse_recipient(text).unwrap();
    rig.gateway.opt_out(address(left_before)).await.unwrap();
    rig.gateway.pause(None, None, None).await.unwrap();
    let mut new = message(3_000);
    new.group = true;
    new.to = [left_before, PHONE, leaves_later].into_iter().map(address).collect();
    let taken = rig.gateway.submit(new.clone()).await.unwrap();
    let refused: Vec<&str> = taken.refused.iter().map(|(address, _)| address.text()).collect();
    assert_eq!(refused, [left_before]);
    rig.gateway.opt_out(address(leaves_later)).await.unwrap();
    rig.gateway.resume(None).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = rig.view(&taken.id).await;
    for it in &view.summary.recipients {
        let sent = it.address.text() == PHONE;
        let expected = if sent { OutboundState::Sent } else { OutboundState::Failed };
        assert_eq!(it.state, expected, "{view:#?}");
        let code = it.fault.as_ref().map(|fault| fault.code.as_str());
        assert_eq!(code, (!sent).then_some("recipient-opted-out"));
    }
    for address in [left_before, leaves_later] {
        let of = |it: &&mm1gate::store::TimelineEntry| {
            it.recipient.as_ref().is_some_and(|it| it.text() == address)
        };
        assert!(view.timeline.iter().filter(of).any(|it| it.state == "failed"), "{address}");
    }
    // One PDU left, and it names nobody else.
    let journal = rig.operator.mmsc().journal();
    let sent: Vec<_> = journal.of(EntryKind::Submission).collect();
    assert_eq!(sent.len(), 1);
    let received = rig.operator.phone(PHONE).unwrap().received();
    assert_eq!((received.len(), &received[0].to), (1, &vec![PHONE.to_owned()]));

    // Should one change their mind, the message can be sent to them, alone.
    rig.gateway.opt_in(&address(leaves_later)).await.unwrap();
    rig.gateway.retry(&taken.id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = rig.view(&taken.id).await;
    let state = |address: &str| {
        let of = view.summary.recipients.iter().find(|it| it.address.text() == address);
        of.unwrap().state
    };
    assert_eq!(state(leaves_later), OutboundState::Sent, "{view:#?}");
    assert_eq!(state(left_before), OutboundState::Failed);
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::Submission).count(), 2);

    // When nobody is left, nothing is taken, and each is named.
    rig.gateway.opt_out(address(PHONE)).await.unwrap();
    new.to = vec![address(PHONE), address(left_before)];
    let AcceptError::OptedOut(all) = rig.gateway.accept(new).await.unwrap_err() else {
        panic!("another refusal")
    };
    assert_eq!(all.len(), 2);
    let new = json!({ "to": [PHONE, left_before], "text": "Hi", "kind": "sms" });
    let (status, problem) = rig.ask("POST", "/messages", Some(&new)).await;
    assert_eq!((status, problem["errors"].as_array().unwrap().len()), (422, 2));
}

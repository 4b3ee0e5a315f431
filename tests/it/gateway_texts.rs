//! The life of a plain text that goes out, over every layer and a virtual service centre.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::codec::sms::{Scts, SmsAddress, StatusReport, Tpdu, ValidityPeriod};
use mm1gate::gateway::Event;
use mm1gate::model::{Kind, MessageId, OutboundState, State, Timestamp};
use mm1gate::sim::{self, Behaviour, Fault};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

const OTHER: &str = "+447700900124";

fn long(word: &str) -> String {
    format!("{word} ").repeat(60)
}

/// The SMS-SUBMITs that the service centre got.
fn submits(rig: &Rig) -> Vec<Tpdu> {
    let submitted = rig.operator.state().submitted_sms;
    submitted
        .iter()
        .map(|one| Tpdu::from_mobile(&hex::decode(&one.tpdu).unwrap()).unwrap().value)
        .collect()
}

async fn told(rig: &Rig, id: &MessageId) -> String {
    let view = rig.view(id).await;
    view.timeline.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn text_goes_out_and_is_reported_delivered() {
    for ports in [Ports::Two, Ports::One] {
        let rig = Rig::new(ports, Behaviour::Receive).await;
        let id = rig.gateway.accept(text(PHONE, "Ready to collect \u{20ac}5")).await.unwrap();
        let view = rig.until(&id, &["delivered"]).await;
        let got = rig.operator.texts_of(PHONE);
        assert_eq!((got.len(), got[0].text.as_str()), (1, "Ready to collect \u{20ac}5"));
        assert_eq!(got[0].from, OWN);
        assert_eq!(view.summary.recipients[0].report.as_deref(), Some("received by the recipient"));
        assert_eq!(view.summary.sms.unwrap().segments, 1);
        // A text needs no data call.
        assert_eq!(rig.operator.mmsc().journal().entries.len(), 0);
        assert_eq!(rig.operator.modem().state().stored_sms, [0, 0]);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn long_text_to_two_phones_is_delivered_when_all_of_it_is() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let mut new = text(PHONE, &long("apple"));
    new.to.extend(text(OTHER, "").to);
    rig.operator.report_texts(OTHER, None);
    let id = rig.gateway.accept(new).await.unwrap();
    rig.until(&id, &["sent"]).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    for number in [PHONE, OTHER] {
        let got = rig.operator.texts_of(number);
        assert_eq!((got.len(), got[0].segments, got[0].text.clone()), (1, 3, long("apple")));
    }
    let view = rig.view(&id).await;
    let states: Vec<_> = view.summary.recipients.iter().map(|one| one.state).collect();
    assert_eq!(states, [OutboundState::Delivered, OutboundState::Sent]);
    let report = view.summary.recipients[0].report.clone().unwrap();
    assert_eq!(report, "all 3 parts received by the recipient");
    // The parts of one text have one reference, those for both phones the same text.
    assert_eq!(submits(&rig).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn report_that_says_no_is_shown_in_its_words() {
    for (status, state, words) in [
        (0x46, "expired", "validity period expired"),
        (0x43, "undelivered", "not obtainable"),
        (0x22, "sent", "no response from the recipient, still trying"),
        (0x01, "sent", "forwarded, delivery cannot be confirmed"),
    ] {
        let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        rig.operator.report_texts(PHONE, Some(status));
        let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
        rig.until(&id, &[state]).await;
        // A report that the modem does not announce is found by the next look.
        tokio::time::sleep(Duration::from_secs(600)).await;
        let view = rig.until(&id, &[state]).await;
        assert_eq!(view.summary.recipients[0].report.as_deref(), Some(words));
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_without_an_answer_is_unknown_and_stays_so_until_a_person_says() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.report_texts(PHONE, None);
        operator.faults().set_times(Fault::SubmitUnanswered {}, 1);
    })
    .await;
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    let view = rig.until(&id, &["unknown"]).await;
    assert_eq!(view.summary.fault.unwrap().code, "sms-unknown");
    tokio::time::sleep(Duration::from_secs(86_400)).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 1);
    assert_eq!(rig.view(&id).await.summary.state, State::Out(OutboundState::Unknown));
    rig.gateway.retry(&id).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn report_tells_what_became_of_a_text_without_an_answer() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set_times(Fault::SubmitUnanswered {}, 1);
    })
    .await;
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    let view = rig.until(&id, &["delivered"]).await;
    assert!(view.summary.recipients[0].report_inferred);
    assert!(told(&rig, &id).await.contains("inferred"));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn unknown_text_is_sent_once_more_where_the_owner_wants_that() {
    let mut rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.report_texts(PHONE, None);
        operator.faults().set(Fault::SubmitUnanswered {});
    })
    .await;
    rig.reconfigure(|config| config.resend_unknown = true).await;
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.until(&id, &["unknown"]).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn refusals_keep_the_modems_words_and_say_what_to_do() {
    for (cms, state, words, remedy) in [
        (330, "failed", "+CMS ERROR: 330", "AT+CSCA"),
        (21, "failed", "+CMS ERROR: 21", "credit"),
        (1, "failed", "+CMS ERROR: 1", "check the number"),
        (304, "failed", "+CMS ERROR: 304", "defect"),
    ] {
        let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
            operator.faults().set_times(Fault::SubmitRefused { cms }, 1);
        })
        .await;
        let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
        let fault = rig.until(&id, &[state, "delivered"]).await.summary.fault.expect("a fault");
        assert!(fault.verbatim.clone().unwrap().starts_with(words), "{fault:?}");
        assert!(fault.remedy.contains(remedy), "{fault:?}");
        assert_eq!(rig.operator.texts_of(PHONE).len(), 0);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_that_may_pass_is_tried_again() {
    for cms in [38, 42, 314, 500, 515] {
        let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
            operator.faults().set_times(Fault::SubmitRefused { cms }, 2);
        })
        .await;
        let id = rig.gateway.accept(text(PHONE, &long("pear"))).await.unwrap();
        rig.until(&id, &["delivered"]).await;
        let got = rig.operator.texts_of(PHONE);
        assert_eq!((got.len(), got[0].text.clone()), (1, long("pear")), "{cms}");
        // What had left is not sent again.
        assert_eq!(submits(&rig).len(), got[0].segments, "{cms}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_in_parts_that_is_refused_in_the_middle_goes_on_there_when_a_person_says() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().switch(sim::ActiveFault {
        times: Some(1),
        after_times: Some(1),
        ..sim::ActiveFault::from(Fault::SubmitRefused { cms: 21 })
    });
    let id = rig.gateway.accept(text(PHONE, &long("apple"))).await.unwrap();
    let view = rig.until(&id, &["failed"]).await;
    let fault = view.summary.fault.unwrap();
    assert!(fault.summary.starts_with("part 2 of 3:"), "{}", fault.summary);
    assert!(rig.gateway.cancel(&id).await.is_err(), "a part of it has left");
    rig.gateway.retry(&id).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    assert_eq!((submits(&rig).len(), rig.operator.texts_of(PHONE).len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn stop_behind_the_last_octet_leaves_the_text_unknown() {
    let slow = sim::Timing { submit: Duration::from_secs(60), ..sim::Timing::default() };
    let mut rig = Rig::timed(Ports::Two, Behaviour::Receive, slow, |operator| {
        operator.report_texts(PHONE, None);
    })
    .await;
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.until(&id, &["sending"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.restart().await;
    rig.until(&id, &["unknown"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(rig.operator.texts_of(PHONE).len() <= 1);
    assert!(told(&rig, &id).await.contains("interrupted"));
}

#[tokio::test(start_paused = true)]
async fn texts_leave_during_a_data_call_on_two_ports_and_in_turn_with_it_on_one() {
    for (ports, meanwhile) in [(Ports::Two, true), (Ports::One, false)] {
        let rig = Rig::with(ports, Behaviour::Receive, |operator| {
            operator.faults().set(Fault::MmscSlow { millis: 60_000 });
        })
        .await;
        let mut events = rig.gateway.subscribe();
        let first = rig.gateway.accept(message(20_000)).await.unwrap();
        let second = rig.gateway.accept(message(20_000)).await.unwrap();
        rig.until(&first, &["sending"]).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
        rig.until(&id, &["delivered"]).await;
        rig.until(&second, &["sent"]).await;
        // The order in which the outcomes came.
        let mut order = Vec::new();
        while let Ok(event) = events.try_recv() {
            // A report may be quicker than the answer.
            if let Event::State { id, state: State::Out(state), .. } = event
                && matches!(state, OutboundState::Sent | OutboundState::Delivered)
                && !order.contains(&id)
            {
                order.push(id);
            }
        }
        let text_first =
            order.iter().position(|it| *it == id) < order.iter().position(|it| *it == first);
        assert_eq!(text_first, meanwhile, "{ports:?}");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_is_of_use_only_as_long_as_its_sender_said() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::NoCoverage {});
    })
    .await;
    let new = |hours: u64| {
        let mut new = text(PHONE, "Lunch?");
        new.expires_at = Some(rig.clock.now().plus(Duration::from_secs(hours * 3600)));
        new
    };
    let short = rig.gateway.accept(new(1)).await.unwrap();
    let ends = rig.clock.now().plus(Duration::from_secs(4 * 3600));
    let long = rig.gateway.accept(new(4)).await.unwrap();
    rig.until(&short, &["expired"]).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let left = ends.since(rig.clock.now());
    assert!(left < Duration::from_secs(3 * 3600));
    rig.operator.faults().clear_all();
    rig.until(&long, &["delivered"]).await;
    let [Tpdu::Submit(submit)] = &submits(&rig)[..] else { panic!("one text") };
    // What is left of its four hours.
    let ValidityPeriod::Relative(steps) = submit.validity else { panic!("{submit:?}") };
    let told = (u64::from(steps) + 1) * 300;
    assert!(told <= left.as_secs() + 300, "{steps} steps of five minutes, {left:?}");
}

#[tokio::test(start_paused = true)]
async fn text_withdrawn_before_it_left_never_leaves() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::NoCoverage {});
    })
    .await;
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    rig.gateway.cancel(&id).await.unwrap();
    rig.operator.faults().clear_all();
    tokio::time::sleep(Duration::from_secs(7200)).await;
    assert_eq!(rig.operator.texts_of(PHONE).len(), 0);
    assert_eq!(rig.view(&id).await.summary.state, State::Out(OutboundState::Canceled));
}

#[tokio::test(start_paused = true)]
async fn report_for_a_text_without_a_reference_is_never_taken_for_another_ones() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::SubmitReferenceUntold {});
    })
    .await;
    // Alone it is told by its recipient, whatever number of parts it has.
    for words in ["Hi".to_owned(), long("apple")] {
        let id = rig.gateway.accept(text(PHONE, &words)).await.unwrap();
        let view = rig.until(&id, &["delivered"]).await;
        assert!(view.summary.recipients[0].report_inferred, "{view:#?}");
    }
    // Of two that are open, neither is said to be delivered by the report of one.
    rig.operator.report_texts(PHONE, None);
    let mut ids = Vec::new();
    for words in ["first", "second"] {
        let id = rig.gateway.accept(text(PHONE, words)).await.unwrap();
        rig.until(&id, &["sent"]).await;
        ids.push(id);
    }
    for reference in [0, 5] {
        rig.operator.deliver_sms(OWN, &[delivered(&rig, reference)]).unwrap();
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    for id in &ids {
        assert_eq!(rig.view(id).await.summary.state, State::Out(OutboundState::Sent));
    }
}

/// An SMS-STATUS-REPORT that says "received by the recipient".
fn delivered(rig: &Rig, reference: u8) -> Bytes {
    let now = Scts::new(rig.clock.now(), 0);
    let report = StatusReport::new(reference, SmsAddress::from_text(PHONE), now, now, 0);
    report.encode().unwrap().into()
}

#[tokio::test(start_paused = true)]
async fn many_texts_on_the_only_port_let_a_call_through() {
    let timing = sim::Timing { submit: Duration::from_secs(20), ..sim::Timing::default() };
    let rig = Rig::timed(Ports::One, Behaviour::Receive, timing, |operator| {
        operator.faults().set(Fault::MmscSlow { millis: 20_000 });
    })
    .await;
    let call = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&call, &["sending"]).await;
    // Twenty minutes of texts, which wait for the end of the call.
    let mut texts = Vec::new();
    for number in 0..60 {
        let words = format!("Number {number}");
        texts.push(rig.gateway.accept(text(PHONE, &words)).await.unwrap());
    }
    rig.until(&call, &["sent"]).await;
    rig.until(&texts[0], &["sent", "delivered"]).await;
    let second = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&second, &["sent"]).await;
    let left = rig.view(&texts[59]).await.summary.state;
    assert_eq!(left.as_str(), "queued", "it did not wait for all of them");
    tokio::time::sleep(Duration::from_secs(1_200)).await;
    for id in &texts {
        rig.until(id, &["sent", "delivered"]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn text_is_not_stuck_when_the_store_fails_under_it() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let first = rig.gateway.accept(text(PHONE, "first")).await.unwrap();
    rig.until(&first, &["delivered"]).await;
    // What became of a segment can not be written for a while.
    rig.meddle(
        "CREATE TRIGGER full BEFORE UPDATE OF message_reference ON segment
         WHEN NEW.state = 'sent' BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    let second = rig.gateway.accept(text(PHONE, "second")).await.unwrap();
    rig.until(&second, &["sending"]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    rig.meddle("DROP TRIGGER full");
    // It left, what became of it is not known, and its report tells.
    rig.until(&second, &["delivered"]).await;
    assert!(told(&rig, &second).await.contains("interrupted"));
    let third = rig.gateway.accept(text(PHONE, "third")).await.unwrap();
    rig.until(&third, &["delivered"]).await;
    let got: Vec<String> = rig.operator.texts_of(PHONE).into_iter().map(|it| it.text).collect();
    assert_eq!(got, ["first", "second", "third"]);
}

#[tokio::test(start_paused = true)]
async fn message_that_cannot_wait_for_its_next_attempt_is_tried_once_more_before_its_end() {
    let refused = || Fault::SubmitRefused { cms: 42 };
    let busy = || Fault::MmscResponseStatus { status: 0xc3, text: None };
    for (kind, fault) in
        [(Kind::Sms, refused()), (Kind::Mms, busy()), (Kind::Mms, Fault::DialNoCarrier {})]
    {
        for mended in [true, false] {
            let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
                operator.faults().set(fault.clone());
            })
            .await;
            let mut new = if kind == Kind::Sms { text(PHONE, "Lunch?") } else { message(2_000) };
            // By their schedules all are tried last within 33 minutes, and next after 51.
            let end = rig.clock.now().plus(Duration::from_secs(38 * 60));
            new.expires_at = Some(end);
            let id = rig.gateway.accept(new).await.unwrap();
            tokio::time::sleep(Duration::from_secs(36 * 60)).await;
            let view = rig.view(&id).await;
            assert_eq!(view.summary.state.as_str(), "queued", "{fault:?}: {view:#?}");
            if mended {
                rig.operator.faults().clear_all();
                let view = rig.until(&id, &["sent", "delivered", "expired"]).await;
                assert_ne!(view.summary.state.as_str(), "expired", "{fault:?}: {view:#?}");
                assert!(rig.clock.now() < end);
            } else {
                let view = rig.until(&id, &["expired"]).await;
                let late = |at: Timestamp| at > end.earlier(Duration::from_secs(2 * 60));
                let tries = view.timeline.iter().filter(|it| {
                    late(it.at) && (it.state == "sending" || it.text.starts_with("no data call"))
                });
                assert_eq!(tries.count(), 1, "{fault:?}: {view:#?}");
            }
            rig.gateway.stop().await;
        }
    }
}

//! The life of a message that goes out, over every layer and a virtual operator.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use mm1gate::gateway::AcceptError;
use mm1gate::model::{NewMessage, OutboundState, State};
use mm1gate::sim::{Behaviour, EntryKind, Fault};
use mm1gate::store::Filter;

use crate::gateway_rig::{Ports, Rig, message, picture};

#[tokio::test(start_paused = true)]
async fn picture_goes_out_and_is_reported_delivered() {
    for ports in [Ports::Two, Ports::One] {
        let rig = Rig::new(ports, Behaviour::Receive).await;
        let mut new = message(100_000);
        new.delivery_report = true;
        let id = rig.gateway.accept(new).await.unwrap();
        let view = rig.until(&id, &["delivered"]).await;
        assert_eq!(view.summary.recipients[0].report.as_deref(), Some("retrieved"));
        assert!(!view.summary.recipients[0].report_inferred);
        let phone = rig.operator.phone(crate::gateway_rig::PHONE).unwrap();
        let received = phone.received();
        let body = received[0].media().find(|part| part.content_type == "image/jpeg").unwrap();
        assert_eq!(body.body, picture(100_000));
        assert_eq!(rig.operator.mmsc().journal().complaints, []);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn several_messages_share_one_data_call() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::NoCoverage {});
    })
    .await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(rig.gateway.accept(message(2_000)).await.unwrap());
    }
    rig.operator.faults().clear_all();
    for id in &ids {
        rig.until(id, &["sent"]).await;
    }
    assert_eq!(rig.operator.modem().state().calls, 1);
}

#[tokio::test(start_paused = true)]
async fn send_conf_lost_after_last_octet_is_unknown() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::MmscSendConfLost {}, 1);
    let id = rig.gateway.accept(message(20_000)).await.unwrap();
    let view = rig.until(&id, &["unknown", "sent", "failed"]).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Unknown));
    assert!(view.summary.fault.is_some());
    // Nothing sends it again by itself, however long one waits.
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
    // A person may; the Transaction-Id stays the same.
    rig.gateway.retry(&id).await.unwrap();
    rig.until(&id, &["sent"]).await;
    let journal = rig.operator.mmsc().journal();
    let ids = journal.submitted_ids();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn unknown_is_sent_once_more_where_the_owner_wants_that() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(|config| config.resend_unknown = true).await;
    rig.operator.faults().set_times(Fault::MmscSendConfLost {}, 5);
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["unknown"]).await;
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    let journal = rig.operator.mmsc().journal();
    let ids = journal.submitted_ids();
    assert_eq!(ids.len(), 2, "once more, not for ever");
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn delivery_report_resolves_an_unknown() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::MmscSendConfLost {}, 1);
    let mut new = message(5_000);
    new.delivery_report = true;
    let id = rig.gateway.accept(new).await.unwrap();
    let view = rig.until(&id, &["delivered"]).await;
    assert!(view.summary.recipients[0].report_inferred);
}

#[tokio::test(start_paused = true)]
async fn connection_lost_before_release_is_retried_with_the_same_transaction_id() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::ProxyClosesMidRequest { after: 4_000 }, 2);
    let id = rig.gateway.accept(message(50_000)).await.unwrap();
    let view = rig.until(&id, &["sent", "unknown", "failed"]).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Sent));
    assert_eq!(view.attempts, 3);
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn html_page_with_status_200_is_unknown() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::MmscHtml {}, 1);
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    let view = rig.until(&id, &["sent", "unknown", "failed"]).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Unknown));
    assert_eq!(view.summary.fault.unwrap().code, "not-mms");
}

#[tokio::test(start_paused = true)]
async fn answer_that_breaks_off_leaves_the_message_unknown() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::MmscCutsBody {}, 1);
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.until(&id, &["unknown"]).await;
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn call_that_breaks_during_the_upload_is_dialled_again() {
    for fault in [Fault::CarrierLost { after: 20_000 }, Fault::LineStall { after: 20_000 }] {
        for ports in [Ports::One, Ports::Two] {
            let rig = Rig::new(ports, Behaviour::Receive).await;
            rig.operator.faults().set_times(fault.clone(), 1);
            let id = rig.gateway.accept(message(60_000)).await.unwrap();
            let view = rig.until(&id, &["sent", "unknown", "failed"]).await;
            let sent = State::Out(OutboundState::Sent);
            assert_eq!(view.summary.state, sent, "{fault:?} {ports:?}: {view:#?}");
            assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
            rig.gateway.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_refusal_is_final_and_keeps_the_operators_words() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let text = Some("Servicio no permitido".to_owned());
    rig.operator.faults().set(Fault::MmscResponseStatus { status: 0xe1, text: text.clone() });
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    let view = rig.until(&id, &["sent", "unknown", "failed"]).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Failed));
    assert_eq!(view.summary.fault.unwrap().verbatim, text);
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(rig.operator.mmsc().journal().of(EntryKind::RefusedSubmission).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn busy_mmsc_is_asked_again_later() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::MmscHttpStatus { status: 503 }, 2);
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    let started = rig.clock.now();
    let view = rig.until(&id, &["sent", "unknown", "failed"]).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Sent));
    assert!(rig.clock.now().since(started) >= Duration::from_secs(25), "5 s and 20 s");
}

#[tokio::test(start_paused = true)]
async fn modem_without_network_shows_why_and_loses_nothing() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::RegistrationDenied {});
    })
    .await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = rig.view(&id).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Queued));
    assert_eq!(view.summary.fault.map(|fault| fault.layer), Some("modem".to_owned()));
    let modem = rig.gateway.modems().remove(0);
    assert!(modem.fault.is_some(), "{modem:?}");
    rig.operator.faults().clear_all();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.gateway.modems().remove(0).fault, None);
}

#[tokio::test(start_paused = true)]
async fn refused_call_is_dialled_again_with_growing_pauses() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::DialNoCarrier {}, 3);
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    let started = rig.clock.now();
    rig.until(&id, &["sent"]).await;
    let waited = rig.clock.now().since(started);
    assert!(waited >= Duration::from_secs(5 + 15 + 30), "{waited:?}");
    assert!(waited < Duration::from_secs(90), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn restart_goes_on_with_what_was_accepted() {
    let mut rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::ModemSilent {});
    })
    .await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.operator.faults().clear_all();
    rig.restart().await;
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.mmsc().journal().submitted_ids().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn withdrawn_message_never_leaves() {
    let rig = Rig::with(Ports::Two, Behaviour::Receive, |operator| {
        operator.faults().set(Fault::NoCoverage {});
    })
    .await;
    let id = rig.gateway.accept(message(5_000)).await.unwrap();
    rig.gateway.cancel(&id).await.unwrap();
    assert!(rig.gateway.cancel(&id).await.is_err());
    rig.operator.faults().clear_all();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.view(&id).await.summary.state, State::Out(OutboundState::Canceled));
    assert_eq!(rig.operator.mmsc().journal().entries.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn message_above_the_operators_limit_is_refused_with_both_numbers() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let error = rig.gateway.accept(message(400_000)).await.unwrap_err().to_string();
    assert!(error.contains("307200") && error.contains("400"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn second_gateway_on_the_same_folder_is_refused() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let first = rig.gateway.clone();
    let second = rig.try_start().await;
    assert!(second.unwrap_err().to_string().contains("in use by another mm1gate"));
    first.stop().await;
    rig.start().await;
}

#[tokio::test(start_paused = true)]
async fn message_whose_caller_goes_away_in_the_middle_does_not_wait_for_another_occasion() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    {
        let mut accepting = pin!(rig.gateway.accept(message(3_000)));
        let done = poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx).is_ready())).await;
        assert!(!done, "the caller is to go away before it hears");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let found = rig.gateway.messages(Filter::default()).await.unwrap();
    let states: Vec<&str> = found.iter().map(|one| one.state.as_str()).collect();
    assert_eq!(states, ["sent"]);
}

#[tokio::test(start_paused = true)]
async fn message_whose_time_is_over_is_refused() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    let now = rig.clock.now();
    let late = NewMessage { expires_at: Some(now), ..message(3_000) };
    let error = rig.gateway.accept(late).await.unwrap_err();
    assert!(matches!(error, AcceptError::Late { .. }), "{error:?}");
    assert_eq!(rig.gateway.messages(Filter::default()).await.unwrap(), []);
}

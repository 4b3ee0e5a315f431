//! Which modem carries a message: what was asked for, what can, and never another SIM by itself.

use std::time::Duration;

use mm1gate::gateway::{AcceptError, ActionError, TestError};
use mm1gate::model::{Address, Kind, OutboundState, State};
use mm1gate::sim::{self, Behaviour, Fault};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

const SECOND: &str = "+447700900002";

fn by(modem: &str, mut new: mm1gate::model::NewMessage) -> mm1gate::model::NewMessage {
    new.modem = Some(modem.to_owned());
    new
}

#[tokio::test(start_paused = true)]
async fn modem_without_operator_carries_texts_and_keeps_pictures_for_later() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(|config| config.modems[0].operator = None).await;
    let id = rig.gateway.accept(text(PHONE, "Ready")).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    let refused = rig.gateway.accept(message(2_000)).await.unwrap_err();
    assert!(matches!(&refused, AcceptError::NotConfigured(why) if why.contains("plain SMS only")));
    // What is announced waits and says why; no call is made.
    let picture = sim::Outgoing { text: Some("Look".to_owned()), ..sim::Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &picture).unwrap();
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let mms = rig.inbox().await.into_iter().find(|it| it.kind == Kind::Mms).expect("announced");
    assert_eq!(mms.state.as_str(), "notified");
    assert_eq!(mms.fault.unwrap().code, "mms-not-configured");
    assert_eq!(rig.operator.modem().state().calls, 0);
    let settings = rig.settings();
    rig.reconfigure(|config| config.modems[0].operator = Some(settings)).await;
    rig.until(&mms.id, &["acknowledged"]).await;
}

#[tokio::test(start_paused = true)]
async fn message_goes_by_the_modem_that_was_asked_for() {
    let rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    for (modem, number) in [("second", SECOND), ("desk", OWN), ("second", SECOND)] {
        let id = rig.gateway.accept(by(modem, text(PHONE, "Hi"))).await.unwrap();
        let view = rig.until(&id, &["delivered"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some(modem));
        assert_eq!(rig.operator.texts_of(PHONE).last().unwrap().from, number);
    }
    let unknown = rig.gateway.accept(by("third", text(PHONE, "Hi"))).await.unwrap_err();
    assert_eq!(unknown.to_string(), "there is no modem 'third'; there are: desk, second");
}

#[tokio::test(start_paused = true)]
async fn message_for_a_modem_that_is_away_changes_its_sim_only_when_a_person_says_so() {
    for new in [text(PHONE, "Hi"), message(2_000)] {
        let (rig, bus) = Rig::on_usb(Ports::Two, sim::Timing::usb_stick(), Some(SECOND)).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        bus.unplug(0);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let kind = new.kind;
        let id = rig.gateway.accept(by("desk", new)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
        let view = rig.view(&id).await;
        assert_eq!(view.summary.state, State::Out(OutboundState::Queued), "{view:#?}");
        assert_eq!(view.summary.modem.as_deref(), Some("desk"));
        assert!(view.summary.fault.is_some(), "it is told why: {view:#?}");
        let gone = rig.gateway.send_by(&id, "third").await.unwrap_err();
        assert!(matches!(gone, ActionError::Modem(AcceptError::NoSuchModem { .. })), "{gone}");
        rig.gateway.send_by(&id, "second").await.unwrap();
        let view = rig.until(&id, &["sent", "delivered"]).await;
        assert_eq!(view.summary.modem.as_deref(), Some("second"));
        assert!(view.timeline.iter().any(|it| it.text.contains("by modem second, on request")));
        if kind == Kind::Sms {
            assert_eq!(rig.operator.texts_of(PHONE)[0].from, SECOND);
        }
        // And once: the first modem has nothing left of it.
        bus.plug(0);
        tokio::time::sleep(Duration::from_secs(600)).await;
        let wrong = rig.gateway.send_by(&id, "desk").await.unwrap_err();
        assert!(wrong.to_string().contains("has it already"), "{wrong}");
        let got = rig.operator.texts_of(PHONE).len()
            + rig.operator.phone(PHONE).unwrap().received().len();
        assert_eq!(got, 1);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn parts_of_one_text_never_leave_from_two_numbers() {
    let rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.operator.faults().switch(sim::ActiveFault {
        times: Some(1),
        after_times: Some(1),
        ..sim::ActiveFault::from(Fault::SubmitRefused { cms: 21 })
    });
    let id = rig.gateway.accept(by("desk", text(PHONE, &"apple ".repeat(60)))).await.unwrap();
    rig.until(&id, &["failed"]).await;
    let refused = rig.gateway.send_by(&id, "second").await.unwrap_err();
    assert!(refused.to_string().contains("parts of it have left"), "{refused}");
    rig.gateway.retry(&id).await.unwrap();
    rig.until(&id, &["delivered"]).await;
    assert_eq!(rig.operator.texts_of(PHONE)[0].from, OWN);
}

#[tokio::test(start_paused = true)]
async fn run_with_one_of_several_modems_leaves_the_others_their_messages() {
    for others in [vec!["desk".to_owned()], Vec::new()] {
        let mut rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        rig.operator.faults().set(Fault::NoCoverage {});
        let id = rig.gateway.accept(by("desk", text(PHONE, "Hi"))).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let known = others.clone();
        rig.reconfigure(move |config| {
            config.modems.remove(0);
            config.others = known;
        })
        .await;
        rig.operator.faults().clear_all();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let view = rig.view(&id).await;
        if others.is_empty() {
            assert_eq!(view.summary.modem.as_deref(), Some("second"));
            let told = view.timeline.iter().any(|it| it.text.contains("no modem desk any more"));
            assert!(told, "{view:#?}");
        } else {
            assert_eq!(view.summary.state.as_str(), "queued");
            assert_eq!(view.summary.modem.as_deref(), Some("desk"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn text_to_oneself_comes_back() {
    for ports in [Ports::One, Ports::Two] {
        let rig = Rig::new(ports, Behaviour::Receive).await;
        let early = rig.gateway.send_test("desk", None).await.unwrap_err();
        assert!(matches!(early, TestError::NotReady { .. }), "{early}");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let sent = rig.gateway.send_test("desk", None).await.unwrap();
        assert_eq!(sent.to, Address::Msisdn(OWN.to_owned()));
        let back = rig.inbound_until(&["received"]).await;
        assert_eq!(back.summary.text.as_deref(), Some(sent.text.as_str()));
        rig.until(&sent.id, &["delivered"]).await;
        let other = rig.gateway.send_test("desk", None).await.unwrap();
        assert_ne!(other.text, sent.text);
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn test_text_needs_a_number_where_the_sim_tells_none() {
    let mut rig = Rig::nameless().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let refused = rig.gateway.send_test("desk", None).await.unwrap_err();
    assert_eq!(refused, TestError::NumberUnknown { modem: "desk".to_owned() });
    let own = Address::parse_recipient(OWN).unwrap();
    let sent = rig.gateway.send_test("desk", Some(own.clone())).await.unwrap();
    rig.until(&sent.id, &["delivered"]).await;
    rig.reconfigure(|config| config.modems[0].own_number = Some(own)).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    rig.gateway.send_test("desk", None).await.unwrap();
    rig.operator.faults().set(Fault::RegistrationDenied {});
    tokio::time::sleep(Duration::from_secs(600)).await;
    let view = rig.gateway.modems().remove(0);
    assert_eq!(view.condition, "waiting", "{view:#?}");
}

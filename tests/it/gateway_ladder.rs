//! Rungs of the recovery ladder that help, each on a modem that needs just that one; calls that are
//! refused for hours or not allowed abroad; a modem that is pulled out while it sends a text.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use mm1gate::gateway::{Event, ModemView};
use mm1gate::model::{MessageId, Stage};
use mm1gate::modem::{OpenPort, Port, PortOpener, Registration, Rung};
use mm1gate::sim::{Behaviour, Fault, Outgoing, Timing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, text};

/// What becomes of octets on their way from the gateway to a port.
type Tamper = Arc<dyn Fn(&str, &mut Vec<u8>) + Send + Sync>;

/// Ports whose octets are tampered with.
struct Tampered {
    inner: Arc<dyn PortOpener>,
    tamper: Tamper,
}

impl PortOpener for Tampered {
    fn open<'a>(&'a self, name: &'a str) -> OpenPort<'a> {
        Box::pin(async move {
            let far = self.inner.open(name).await?;
            let (near, host) = tokio::io::duplex(64 * 1024);
            tokio::spawn(carry(host, far, Arc::clone(&self.tamper), name.to_owned()));
            Ok(Box::new(near) as Box<dyn Port>)
        })
    }
}

async fn carry(
    mut host: tokio::io::DuplexStream,
    mut far: Box<dyn Port>,
    tamper: Tamper,
    name: String,
) {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        let passed = tokio::select! {
            biased;
            read = host.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let mut octets = up[..count].to_vec();
                tamper(&name, &mut octets);
                far.write_all(&octets).await
            }
            read = far.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                host.write_all(&down[..count]).await
            }
        };
        if passed.is_err() {
            return;
        }
    }
}

async fn tampered(tamper: impl Fn(&str, &mut Vec<u8>) + Send + Sync + 'static) -> Rig {
    Rig::through(Ports::Two, Timing::usb_stick(), |inner| {
        Arc::new(Tampered { inner, tamper: Arc::new(tamper) })
    })
    .await
}

fn view(rig: &Rig) -> ModemView {
    rig.gateway.modems().remove(0)
}

fn told(rig: &Rig) -> Vec<(Rung, &'static str)> {
    view(rig).steps.iter().map(|step| (step.rung, step.result.as_str())).collect()
}

async fn until(rig: &Rig, condition: &str, limit: Duration) -> Duration {
    let start = Instant::now();
    while view(rig).condition != condition {
        assert!(start.elapsed() < limit, "not {condition}: {:#?}", view(rig));
        sleep(Duration::from_millis(200)).await;
    }
    start.elapsed()
}

async fn sent_within(rig: &Rig, id: &MessageId, seconds: u64) {
    let sent = tokio::time::timeout(Duration::from_secs(seconds), rig.until(id, &["sent"])).await;
    assert!(sent.is_ok(), "{:#?}", view(rig));
}

#[tokio::test(start_paused = true)]
async fn dead_control_port_is_left_and_everything_goes_over_the_other_one() {
    let deaf = Arc::new(AtomicBool::new(false));
    let dead = Arc::clone(&deaf);
    let rig = tampered(move |port, octets| {
        if port.contains("control") && dead.load(Ordering::Relaxed) {
            octets.clear();
        }
    })
    .await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    assert_eq!(view(&rig).device.ports, ["/dev/virtual-control", "/dev/virtual-data"]);
    deaf.store(true, Ordering::Relaxed);
    sleep(Duration::from_secs(30)).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    assert_eq!(told(&rig), [(Rung::Reopen, "failed"), (Rung::OtherPort, "worked")]);
    assert_eq!(view(&rig).device.ports, ["/dev/virtual-data"]);
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
    rig.until(&id, &["sent"]).await;
    rig.inbound_until(&["acknowledged"]).await;
}

#[tokio::test(start_paused = true)]
async fn modem_that_refuses_its_settings_until_it_restarts_is_restarted_by_command() {
    let confused = Arc::new(AtomicBool::new(false));
    let restarts = Arc::new(AtomicU32::new(0));
    let (state, count) = (Arc::clone(&confused), Arc::clone(&restarts));
    let rig = tampered(move |_, octets| {
        if octets.starts_with(b"AT+CFUN=1,1") {
            state.store(false, Ordering::Relaxed);
            count.fetch_add(1, Ordering::Relaxed);
        }
        if state.load(Ordering::Relaxed) && octets.starts_with(b"AT+CMGF=0") {
            octets[8] = b'9';
        }
    })
    .await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    confused.store(true, Ordering::Relaxed);
    rig.operator.modem().power_cycle();
    sleep(Duration::from_secs(20)).await;
    until(&rig, "ready", Duration::from_secs(120)).await;
    let steps = told(&rig);
    assert_eq!(steps.last(), Some(&(Rung::Restart, "worked")), "{steps:?}");
    assert!(steps.iter().rev().skip(1).all(|(_, result)| *result != "worked"), "{steps:?}");
    assert_eq!(restarts.load(Ordering::Relaxed), 1);
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
}

#[tokio::test(start_paused = true)]
async fn text_whose_modem_is_pulled_out_before_the_answer_is_unknown_and_goes_once() {
    let (rig, bus) = Rig::on_usb(Ports::Two, Timing::usb_stick(), None).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    rig.operator.report_texts(PHONE, None);
    rig.operator.faults().set(Fault::SubmitUnanswered {});
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    while rig.operator.state().submitted_sms.is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    bus.replug(0, Duration::from_secs(10));
    let view = rig.until(&id, &["unknown"]).await;
    assert_eq!(view.summary.fault.unwrap().code, "sms-unknown");
    rig.operator.faults().clear_all();
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.operator.state().submitted_sms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn text_whose_modem_is_pulled_out_before_the_prompt_is_sent_when_it_is_back() {
    let (rig, bus) = Rig::on_usb(Ports::Two, Timing::usb_stick(), None).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    rig.operator.report_texts(PHONE, None);
    rig.operator.faults().set(Fault::PromptLate { millis: 8_000 });
    let id = rig.gateway.accept(text(PHONE, "Hi")).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    bus.replug(0, Duration::from_secs(10));
    rig.operator.faults().clear_all();
    sent_within(&rig, &id, 90).await;
    assert_eq!(rig.operator.state().submitted_sms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_out_abroad_until_it_is_allowed_or_the_sim_is_home() {
    for allowed in [false, true] {
        let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        until(&rig, "ready", Duration::from_secs(60)).await;
        rig.operator.faults().set(Fault::RegistrationStatus { stat: 5 });
        sleep(Duration::from_secs(15)).await;
        let id = rig.gateway.accept(message(2_000)).await.unwrap();
        sleep(Duration::from_secs(3 * 3600)).await;
        let waiting = rig.view(&id).await;
        assert_eq!(waiting.summary.state.as_str(), "queued");
        let fault = waiting.summary.fault.expect("said why");
        assert_eq!(fault.code, "roaming", "{fault:?}");
        assert!(fault.remedy.contains("roaming = true"), "{fault:?}");
        assert_eq!(rig.operator.modem().state().calls, 0);
        if allowed {
            rig.reconfigure(|config| config.modems[0].roaming = true).await;
            assert!(rig.operator.modem().state().registration == 5);
        } else {
            rig.operator.faults().clear_all();
        }
        sent_within(&rig, &id, 90).await;
        // What was used abroad is counted apart.
        let used = rig.gateway.modems()[0].data.clone().expect("a SIM").used;
        assert_eq!((used.calls, used.roaming_calls), (1, u64::from(allowed)));
        assert_eq!(used.roaming_octets, if allowed { used.octets() } else { 0 });
        assert!(used.octets() > 2_000);
        rig.gateway.stop().await;
    }
}

/// Refuses calls for three hours; then the pause has grown to half an hour.
async fn refused_for_hours() -> (Rig, MessageId) {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::DialNoCarrier {});
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    sleep(Duration::from_secs(3 * 3600)).await;
    assert_eq!(rig.view(&id).await.summary.state.as_str(), "queued");
    (rig, id)
}

#[tokio::test(start_paused = true)]
async fn calls_refused_for_ten_minutes_are_made_within_ninety_seconds_of_the_end() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::DialNoCarrier {});
    let id = rig.gateway.accept(message(2_000)).await.unwrap();
    sleep(Duration::from_secs(9 * 60)).await;
    rig.operator.faults().clear_all();
    sent_within(&rig, &id, 90).await;
}

#[tokio::test(start_paused = true)]
async fn change_of_the_network_or_of_the_modem_ends_the_pause_between_refused_calls() {
    let (rig, id) = refused_for_hours().await;
    let before = view(&rig);
    assert_eq!(before.fault.map(|fault| fault.code).as_deref(), Some("call-failed"));
    rig.operator.faults().clear_all();
    rig.operator.faults().set(Fault::RegistrationStatus { stat: 9 });
    rig.operator.faults().set(Fault::NoCoverage {});
    sleep(Duration::from_secs(40)).await;
    assert_eq!(view(&rig).registration, Some(Registration::Searching));
    rig.operator.faults().clear_all();
    sent_within(&rig, &id, 90).await;
    rig.gateway.stop().await;

    let (rig, id) = refused_for_hours().await;
    rig.operator.faults().clear_all();
    rig.operator.modem().power_cycle();
    sent_within(&rig, &id, 90).await;
}

#[tokio::test(start_paused = true)]
async fn calls_refused_for_a_day_are_not_made_more_than_every_half_hour() {
    let (rig, id) = refused_for_hours().await;
    let mut events = rig.gateway.subscribe();
    let count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&count);
    let counting = tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            if matches!(event, Event::Stage { stage: Stage::ContextSet { .. }, .. }) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    sleep(Duration::from_secs(24 * 3600)).await;
    counting.abort();
    assert_eq!(rig.view(&id).await.summary.state.as_str(), "queued");
    let calls = count.load(Ordering::Relaxed);
    assert!((40..=60).contains(&calls), "{calls} calls in a day");
}

#[tokio::test(start_paused = true)]
async fn modem_without_coverage_says_so_and_makes_no_call() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    until(&rig, "ready", Duration::from_secs(60)).await;
    rig.operator.faults().set(Fault::RegistrationStatus { stat: 4 });
    sleep(Duration::from_secs(60)).await;
    let picture = rig.gateway.accept(message(2_000)).await.unwrap();
    sleep(Duration::from_secs(120)).await;
    assert_eq!(view(&rig).registration, Some(Registration::NoCoverage));
    let fault = rig.view(&picture).await.summary.fault.unwrap();
    assert_eq!(fault.code, "not-registered", "{fault:?}");
    assert!(fault.summary.contains("no coverage now"), "{fault:?}");
    assert_eq!(rig.operator.modem().state().calls, 0);
    rig.operator.faults().clear_all();
    sent_within(&rig, &picture, 90).await;
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn modem_with_circuits_only_sends_texts_and_says_why_no_mms_go() {
    for stat in [0, 2, 3, 4] {
        let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        until(&rig, "ready", Duration::from_secs(60)).await;
        rig.operator.faults().set(Fault::PacketStatus { stat });
        let picture = rig.gateway.accept(message(2_000)).await.unwrap();
        let words = rig.gateway.accept(text(PHONE, "plain")).await.unwrap();
        let gone = rig.until(&words, &["sent", "delivered"]);
        tokio::time::timeout(Duration::from_secs(90), gone).await.unwrap();
        sleep(Duration::from_secs(120)).await;
        let waiting = rig.view(&picture).await;
        assert_eq!(waiting.summary.state.as_str(), "queued");
        let fault = waiting.summary.fault.unwrap();
        assert_eq!(fault.code, "not-registered-for-data", "{fault:?}");
        assert!(fault.summary.contains("registered for calls but not for data"), "{fault:?}");
        assert!(fault.summary.contains("+CGREG: "), "{fault:?}");
        assert_eq!(view(&rig).registration, Some(Registration::Home));
        assert_eq!(rig.operator.modem().state().calls, 0);
        rig.operator.faults().clear_all();
        sent_within(&rig, &picture, 90).await;
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn sim_with_sms_only_sends_texts_and_says_why_no_mms_go() {
    for stat in [6, 7] {
        let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        until(&rig, "ready", Duration::from_secs(60)).await;
        rig.operator.faults().set(Fault::RegistrationStatus { stat });
        let picture = rig.gateway.accept(message(2_000)).await.unwrap();
        let words = rig.gateway.accept(text(PHONE, "plain")).await.unwrap();
        let gone = rig.until(&words, &["sent", "delivered"]);
        tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
        sleep(Duration::from_secs(120)).await;
        let waiting = rig.view(&picture).await;
        assert_eq!(waiting.summary.state.as_str(), "queued");
        let fault = waiting.summary.fault.unwrap();
        assert_eq!(fault.code, "sms-only", "{fault:?}");
        assert!(fault.summary.contains("no MMS can come or go"), "{fault:?}");
        assert_eq!(view(&rig).registration, Some(Registration::SmsOnly));
        assert_eq!(rig.operator.modem().state().calls, 0);
        rig.operator.faults().clear_all();
        sent_within(&rig, &picture, 90).await;
        rig.gateway.stop().await;
    }
}

//! What data calls carry is counted as operators count it, survives whatever ends the program, and
//! stays under the month's cap.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mm1gate::gateway::Config;
use mm1gate::model::{
    Calendar, OutboundState, State, Tap, TapChannel, TapDirection, TapEvent, Timestamp,
};
use mm1gate::sim::{Behaviour, Fault, Outgoing, OutgoingPart};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture, text};

/// Adds up the IP packets that go by, and counts the connections that we open.
#[derive(Default)]
struct Octets {
    octets: Mutex<(u64, u64)>,
    connections: Mutex<BTreeSet<[u8; 2]>>,
}

impl Tap for Octets {
    fn observe(&self, event: TapEvent<'_>) {
        let ip = event.octets.strip_prefix(&[0xFF, 0x03, 0x00, 0x21]);
        if let (TapChannel::Ppp, Some(packet)) = (event.channel, ip) {
            // The packet's own length, not ours.
            let length = u64::from(u16::from_be_bytes([packet[2], packet[3]]));
            let mut octets = self.octets.lock().unwrap();
            match event.direction {
                TapDirection::Sent => {
                    octets.0 += length;
                    // TCP, SYN without ACK: our port tells one from the other.
                    if packet[9] == 6 && packet[33] & 0x12 == 0x02 {
                        self.connections.lock().unwrap().insert([packet[20], packet[21]]);
                    }
                }
                TapDirection::Received => octets.1 += length,
            }
        }
    }
}

fn utc(config: &mut Config) {
    config.data.calendar = Calendar::named("UTC").unwrap();
}

/// With a cap of so many octets.
fn capped(octets: u64) -> impl FnOnce(&mut Config) {
    move |config| {
        utc(config);
        config.modems[0].monthly_cap = Some(octets);
    }
}

fn used(rig: &Rig) -> u64 {
    rig.gateway.modems()[0].data.as_ref().map_or(0, |data| data.used.octets())
}

fn calls(rig: &Rig) -> u64 {
    rig.operator.modem().state().calls
}

async fn hung_up(rig: &Rig) {
    for _ in 0..3_000 {
        if rig.gateway.modems()[0].condition != "calling" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("still in a call: {:#?}", rig.gateway.modems());
}

fn send_in(rig: &Rig, octets: usize) {
    let part = OutgoingPart {
        content_type: "image/jpeg".to_owned(),
        name: "cake.jpg".to_owned(),
        body: picture(octets),
    };
    let message = Outgoing { subject: None, text: None, parts: vec![part] };
    rig.operator.send_from_phone(PHONE, OWN, &message).unwrap();
}

#[tokio::test(start_paused = true)]
async fn octets_of_a_call_are_those_of_the_ip_packets_on_the_line() {
    let tap = Arc::new(Octets::default());
    let rig = Rig::tapped(Ports::Two, Arc::clone(&tap) as Arc<dyn Tap>).await;
    let id = rig.gateway.accept(message(100_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    hung_up(&rig).await;
    let data = rig.gateway.modems()[0].data.clone().unwrap();
    let seen = *tap.octets.lock().unwrap();
    assert_eq!((data.used.octets_out, data.used.octets_in), seen);
    assert!(seen.0 > 100_000 && seen.0 < 115_000, "{seen:?}");
    assert_eq!((data.used.calls, data.used.roaming_calls), (1, 0));
    let modem = rig.gateway.modems().remove(0);
    assert_eq!(modem.calls, (1, seen.0, seen.1));
    let stored =
        rig.count("SELECT octets_out FROM data_call WHERE ended_at IS NOT NULL AND NOT cut");
    assert_eq!(u64::try_from(stored).unwrap(), seen.0);
}

/// Looks at the MSS that each side names, and at the largest packet.
#[derive(Default)]
struct Sizes(Mutex<(BTreeSet<u16>, u16)>);

impl Tap for Sizes {
    fn observe(&self, event: TapEvent<'_>) {
        let ip = event.octets.strip_prefix(&[0xFF, 0x03, 0x00, 0x21]);
        if let (TapChannel::Ppp, Some(packet)) = (event.channel, ip)
            && packet[9] == 6
        {
            let mut seen = self.0.lock().unwrap();
            if packet[33] & 0x02 != 0 && event.direction == TapDirection::Sent {
                let options = &packet[40..];
                let at = options.windows(2).position(|it| it == [2, 4]).unwrap();
                seen.0.insert(u16::from_be_bytes([options[at + 2], options[at + 3]]));
            }
            seen.1 = seen.1.max(u16::from_be_bytes([packet[2], packet[3]]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn packets_and_segments_are_as_large_as_the_configuration_says() {
    for (mtu, mss, named, largest) in
        [(1400, None, 1360, 1400), (1000, None, 960, 1000), (1400, Some(600), 600, 640)]
    {
        let tap = Arc::new(Sizes::default());
        let mut rig = Rig::tapped(Ports::Two, Arc::clone(&tap) as Arc<dyn Tap>).await;
        rig.reconfigure(|config| {
            config.data.mtu = mtu;
            config.data.mss = mss;
        })
        .await;
        let id = rig.gateway.accept(message(20_000)).await.unwrap();
        rig.until(&id, &["sent"]).await;
        send_in(&rig, 20_000);
        rig.inbound_until(&["acknowledged"]).await;
        let seen = tap.0.lock().unwrap().clone();
        // The MMSC's answers are cut by the MSS that we name.
        assert_eq!(seen, (BTreeSet::from([named]), largest));
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn call_that_dies_is_counted_and_its_time_is_known() {
    let rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.operator.faults().set_times(Fault::CarrierLost { after: 30_000 }, 1);
    let id = rig.gateway.accept(message(60_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    hung_up(&rig).await;
    let ended = rig.count("SELECT count(*) FROM data_call WHERE ended_at > begun_at AND NOT cut");
    assert_eq!(ended, 2);
    let first = rig.count("SELECT octets_out FROM data_call ORDER BY id LIMIT 1");
    assert!(first > 10_000, "{first} octets of the call that died");
    assert_eq!(rig.count("SELECT sum(octets_out + octets_in) FROM data_call"), {
        i64::try_from(used(&rig)).unwrap()
    });
}

#[tokio::test(start_paused = true)]
async fn counts_are_written_down_while_the_call_is_up_and_go_on_after_a_restart() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(utc).await;
    rig.operator.faults().set_times(Fault::LineStall { after: 100_000 }, 1);
    let id = rig.gateway.accept(message(300_000)).await.unwrap();
    // A look from outside in the middle of the call is what `kill -9` would leave.
    let mut written = 0;
    for _ in 0..6_000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        written =
            rig.count("SELECT coalesce(max(octets_out), 0) FROM data_call WHERE ended_at IS NULL");
        if written > 50_000 {
            break;
        }
    }
    assert!((50_001..300_000).contains(&written), "{written}");
    rig.until(&id, &["sent"]).await;
    hung_up(&rig).await;
    let before = used(&rig);
    rig.meddle("UPDATE data_call SET ended_at = NULL");
    rig.restart().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(used(&rig), before);
    assert_eq!(rig.count("SELECT count(*) FROM data_call WHERE cut AND ended_at = counted_at"), 2);
}

#[tokio::test(start_paused = true)]
async fn submissions_a_retrieval_and_acknowledgements_share_a_call_and_a_connection() {
    let tap = Arc::new(Octets::default());
    let rig = Rig::tapped(Ports::Two, Arc::clone(&tap) as Arc<dyn Tap>).await;
    rig.operator.faults().set(Fault::NoCoverage {});
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(rig.gateway.accept(message(5_000)).await.unwrap());
    }
    send_in(&rig, 5_000);
    rig.operator.faults().clear_all();
    for id in &ids {
        rig.until(id, &["sent"]).await;
    }
    rig.inbound_until(&["acknowledged"]).await;
    hung_up(&rig).await;
    assert_eq!(calls(&rig), 1);
    assert_eq!(rig.count("SELECT count(*) FROM data_call"), 1);
    assert_eq!(tap.connections.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn call_lingers_as_long_as_it_is_told_and_no_longer() {
    for linger in [0, 5, 120] {
        let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
        rig.reconfigure(|config| config.timing.linger = Duration::from_secs(linger)).await;
        let id = rig.gateway.accept(message(2_000)).await.unwrap();
        rig.until(&id, &["sent"]).await;
        hung_up(&rig).await;
        let ended = rig.count("SELECT ended_at FROM data_call");
        let sent = rig.view(&id).await.summary.updated_at.as_millis();
        let stayed = Duration::from_millis(u64::try_from(ended - sent).unwrap()).as_secs_f64();
        let expected = linger as f64;
        // LCP's farewell and the hanging-up come on top.
        assert!((expected..expected + 5.0).contains(&stayed), "{stayed} s instead of {linger}");
    }
}

#[tokio::test(start_paused = true)]
async fn cap_lets_a_message_end_then_holds_calls_until_the_month_is_over() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(capped(50_000)).await;
    // An hour before October, and a little.
    rig.restart_at(Timestamp::from_secs(1_790_809_000)).await;
    // More than the cap in one message: what has begun is brought to its end.
    let first = rig.gateway.accept(message(80_000)).await.unwrap();
    rig.until(&first, &["sent"]).await;
    hung_up(&rig).await;
    assert!(used(&rig) > 80_000);
    let second = rig.gateway.accept(message(5_000)).await.unwrap();
    let short = rig.gateway.accept(text(PHONE, "SMS go on")).await.unwrap();
    rig.until(&short, &["sent", "delivered"]).await;
    tokio::time::sleep(Duration::from_secs(3_000)).await;
    assert_eq!(calls(&rig), 1);
    let view = rig.view(&second).await;
    assert_eq!(view.summary.state, State::Out(OutboundState::Queued));
    let fault = view.summary.fault.unwrap();
    assert_eq!(fault.code, "data-cap-reached");
    assert!(fault.remedy.contains("until 1 October 2026 (UTC)"), "{fault:?}");
    assert!(fault.remedy.contains("monthly_cap_mb"), "{fault:?}");
    let modem = rig.gateway.modems().remove(0);
    assert_eq!(modem.fault.map(|it| it.code).as_deref(), Some("data-cap-reached"));
    assert_eq!(modem.condition, "ready");
    rig.until(&second, &["sent"]).await;
    let october = Calendar::named("UTC").unwrap().month(rig.clock.now());
    assert_eq!(october.to_string(), "2026-10");
    hung_up(&rig).await;
    let modem = rig.gateway.modems().remove(0);
    assert_eq!(modem.fault, None);
    assert_eq!(modem.data.unwrap().month, october);
    assert!(used(&rig) < 40_000, "{} octets in October", used(&rig));
}

#[tokio::test(start_paused = true)]
async fn message_that_was_fetched_as_the_cap_was_reached_is_acknowledged() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(capped(10_000)).await;
    send_in(&rig, 40_000);
    rig.inbound_until(&["acknowledged"]).await;
    hung_up(&rig).await;
    assert_eq!((calls(&rig), rig.operator.mmsc().journal().acknowledged()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn raised_cap_lets_go_at_once_what_waited() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(capped(10_000)).await;
    let first = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&first, &["sent"]).await;
    hung_up(&rig).await;
    let second = rig.gateway.accept(message(20_000)).await.unwrap();
    send_in(&rig, 5_000);
    tokio::time::sleep(Duration::from_secs(1_200)).await;
    assert_eq!(rig.inbox().await[0].fault.as_ref().unwrap().code, "data-cap-reached");
    assert_eq!(rig.view(&second).await.summary.fault.unwrap().code, "data-cap-reached");
    let before = rig.clock.now();
    rig.reconfigure(capped(1_000_000)).await;
    rig.until(&second, &["sent"]).await;
    assert!(rig.clock.now().since(before) < Duration::from_secs(120));
    rig.inbound_until(&["acknowledged"]).await;
    // A warning, since 80 % of another cap are used.
    let near = used(&rig) * 10 / 9;
    rig.reconfigure(capped(near)).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let fault = rig.gateway.modems().remove(0).fault.unwrap();
    assert_eq!(fault.code, "data-cap-near");
}

#[tokio::test(start_paused = true)]
async fn what_was_used_follows_the_sim() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.reconfigure(capped(10_000)).await;
    let first = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&first, &["sent"]).await;
    hung_up(&rig).await;
    let before = used(&rig);
    // Another name for the modem is another modem as far as the store goes.
    rig.reconfigure(|config| config.modems[0].name = "other".to_owned()).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(used(&rig), before);
    assert_eq!(rig.gateway.modems()[0].calls, (0, 0, 0));
}

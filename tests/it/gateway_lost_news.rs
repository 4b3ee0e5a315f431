//! What arrives although nobody announced it, and what goes out although the line fell silent: how
//! soon the gateway finds out by itself, and what it asks the modem for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mm1gate::model::{Tap, TapChannel, TapDirection, TapEvent};
use mm1gate::sim::{self, Behaviour, Class, Fault, Outgoing};
use tokio::time::{Instant, sleep};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message};

/// From a message's arrival in the modem to its being acknowledged, when nobody says so.
const SOON: Duration = Duration::from_secs(60);

fn send(rig: &Rig) {
    let outgoing = Outgoing { text: Some("Look".to_owned()), ..Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
}

/// A gateway that has been in service for a while.
async fn settled(ports: Ports) -> Rig {
    let rig = Rig::timed(ports, Behaviour::Receive, sim::Timing::usb_stick(), |_| {}).await;
    sleep(Duration::from_secs(100)).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn message_whose_indication_got_lost_is_found_within_a_minute() {
    for ports in [Ports::Two, Ports::One, Ports::Multiplexed] {
        // Class 2 goes to the SIM wherever the others go.
        for class in [None, Class::new(2)] {
            let rig = settled(ports).await;
            rig.operator.faults().set(Fault::CmtiMissing {});
            if let Some(class) = class {
                rig.operator.faults().set(Fault::MessageClassIs { class });
            }
            let begun = Instant::now();
            send(&rig);
            rig.inbound_until(&["acknowledged"]).await;
            assert!(begun.elapsed() < SOON, "{ports:?}, {class:?}: {:?}", begun.elapsed());
            rig.gateway.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn settings_that_the_modem_lost_are_noticed_and_sent_again_within_a_minute() {
    for ports in [Ports::Two, Ports::One, Ports::Multiplexed] {
        let rig = settled(ports).await;
        let lost = || rig.gateway.modems()[0].recovery.losses;
        let before = lost();
        rig.operator.faults().set_times(Fault::SettingsLost {}, 1);
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        send(&rig);
        rig.inbound_until(&["acknowledged"]).await;
        assert!(begun.elapsed() < SOON, "{ports:?}: {:?}", begun.elapsed());
        assert_eq!(lost(), before + 1, "{ports:?}");
        // Later ones are announced again.
        let begun = Instant::now();
        send(&rig);
        while rig.inbox().await.len() < 2 {
            sleep(Duration::from_millis(200)).await;
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{ports:?}: {:?}", begun.elapsed());
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn indication_in_a_damaged_frame_makes_the_gateway_look_at_once() {
    let rig = settled(Ports::Multiplexed).await;
    // Right behind a look, so that the next one is far.
    sleep(Duration::from_secs(6)).await;
    rig.operator.faults().set_times(Fault::CmuxWrongFcs {}, 1);
    let begun = Instant::now();
    send(&rig);
    while rig.inbox().await.is_empty() {
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(rig.operator.faults().fired().by_name().get("cmux-wrong-fcs"), Some(&1));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn line_that_falls_silent_is_hung_up_and_dialled_anew() {
    for deaf_to_echo in [false, true] {
        let rig = settled(Ports::Two).await;
        if deaf_to_echo {
            rig.operator.faults().set(Fault::PppDeafToEcho {});
        }
        // In the middle of the message; nothing clears it but a new call.
        rig.operator.faults().set_times(Fault::LineStall { after: 4_000 }, 1);
        let begun = Instant::now();
        let id = rig.gateway.accept(message(30_000)).await.unwrap();
        let view = rig.until(&id, &["sent", "failed", "unknown"]).await;
        assert_eq!(view.summary.state.as_str(), "sent");
        let limit = Duration::from_secs(if deaf_to_echo { 150 } else { 90 });
        assert!(begun.elapsed() < limit, "{deaf_to_echo}: {:?}", begun.elapsed());
        // The phone takes a moment.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(rig.operator.phone(PHONE).unwrap().received().len(), 1);
        rig.gateway.stop().await;
    }
}

/// Counts command lines.
#[derive(Default)]
struct Commands(AtomicUsize);

impl Tap for Commands {
    fn observe(&self, event: TapEvent<'_>) {
        if event.channel == TapChannel::At && event.direction == TapDirection::Sent {
            let lines = event.octets.iter().filter(|octet| **octet == b'\r').count();
            self.0.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn modem_in_service_is_asked_little() {
    let commands = Arc::<Commands>::default();
    let tap = Arc::clone(&commands);
    let _rig = Rig::tapped(Ports::Two, tap).await;
    sleep(Duration::from_secs(100)).await;
    let before = commands.0.load(Ordering::Relaxed);
    sleep(Duration::from_secs(3_600)).await;
    let asked = commands.0.load(Ordering::Relaxed) - before;
    // Four times a minute whether it is there, twice what it holds and announces; and every five
    // minutes a look through all storages and at everything that may be forgotten.
    assert!((480..=720).contains(&asked), "{asked} commands in an hour");
}

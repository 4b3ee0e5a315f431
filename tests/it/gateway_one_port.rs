//! A modem with one port: with a multiplexer short messages come in while a call is up, without one
//! calls are kept short enough for them.

use std::time::Duration;

use bytes::Bytes;
use mm1gate::gateway::PortSharing;
use mm1gate::model::MessageId;
use mm1gate::sim::{Behaviour, Fault, Timing};
use tokio::time::{Instant, sleep};

use crate::gateway_rig::{OWN, Ports, Rig, message};

/// SMS-DELIVER from 12345, 7 bit, "hi", sent in second `second` of its minute.
fn text(second: u8) -> Bytes {
    let swapped = second % 10 * 16 + second / 10;
    let octets = format!("0405812143F50000621112000000{swapped:02X}0002E834");
    // Seven octets of time: year to second, then the zone.
    let octets = octets.replacen("621112000000", "6211120000", 1);
    Bytes::from(hex::decode(octets).unwrap())
}

fn slow() -> Timing {
    Timing { up_rate: Some(5_000), ..Timing::default() }
}

/// How long until so many texts are in the inbox.
async fn texts_come_in(rig: &Rig, count: usize, limit: Duration) -> Duration {
    let since = Instant::now();
    while rig.inbox().await.len() < count {
        assert!(
            since.elapsed() < limit,
            "{} of {count} texts in {limit:?}",
            rig.inbox().await.len()
        );
        sleep(Duration::from_millis(200)).await;
    }
    since.elapsed()
}

async fn begun(rig: &Rig, octets: usize) -> MessageId {
    let id = rig.gateway.accept(message(octets)).await.unwrap();
    rig.until(&id, &["sending"]).await;
    sleep(Duration::from_secs(10)).await;
    id
}

#[tokio::test(start_paused = true)]
async fn texts_come_in_while_a_large_message_is_in_transfer_on_the_only_port() {
    let rig = Rig::timed(Ports::Multiplexed, Behaviour::Receive, slow(), |_| {}).await;
    let id = begun(&rig, 250_000).await;
    for number in 1..=5 {
        rig.operator.deliver_sms(OWN, &[text(number)]).unwrap();
        texts_come_in(&rig, usize::from(number), Duration::from_secs(5)).await;
    }
    assert_eq!(rig.operator.modem().state().stored_sms, [0, 0], "the SIM is free again");
    assert_eq!(rig.view(&id).await.summary.state.as_str(), "sending");
    assert_eq!(rig.gateway.modems()[0].device.sharing, Some(PortSharing::Multiplexed));
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.modem().state().calls, 1);
}

#[tokio::test(start_paused = true)]
async fn texts_that_come_directly_behind_no_carrier_are_kept_once_each() {
    let behind = Fault::DirectBehindCarrier {};
    for in_frame in [false, true] {
        let rig = Rig::timed(Ports::One, Behaviour::Receive, slow(), |_| {}).await;
        rig.operator.faults().set(behind.clone());
        let id = begun(&rig, 100_000).await;
        for number in 1..=5 {
            rig.operator.deliver_sms(OWN, &[text(number)]).unwrap();
        }
        assert!(rig.inbox().await.is_empty(), "the call holds the port");
        let fault = match in_frame {
            true => Fault::CarrierLostInFrame { after: 1 },
            false => Fault::CarrierLost { after: 1 },
        };
        rig.operator.faults().set_times(fault, 1);
        texts_come_in(&rig, 5, Duration::from_secs(60)).await;
        let fired = rig.operator.faults().fired().by_name();
        assert!(fired.contains_key("direct-behind-carrier"), "{fired:?}");
        assert_eq!(rig.operator.modem().state().stored_sms, [0, 0], "they lay nowhere else");
        rig.operator.faults().clear_all();
        rig.until(&id, &["sent"]).await;
        sleep(Duration::from_secs(120)).await;
        assert_eq!(rig.inbox().await.len(), 5, "each of them once");
        rig.gateway.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_checksums_cost_packets_and_not_the_call() {
    let rig = Rig::timed(Ports::Multiplexed, Behaviour::Receive, slow(), |_| {}).await;
    let id = begun(&rig, 100_000).await;
    for _ in 0..10 {
        rig.operator.faults().set_times(Fault::CmuxWrongFcs {}, 1);
        sleep(Duration::from_secs(1)).await;
    }
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.modem().state().calls, 1);
    assert_eq!(rig.gateway.modems()[0].fault, None);
}

#[tokio::test(start_paused = true)]
async fn modem_that_restarts_in_the_multiplexer_sends_the_message_all_the_same() {
    let rig = Rig::timed(Ports::Multiplexed, Behaviour::Receive, slow(), |_| {}).await;
    let id = begun(&rig, 100_000).await;
    rig.operator.modem().power_cycle();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.operator.modem().state().calls, 2);
    rig.operator.deliver_sms(OWN, &[text(7)]).unwrap();
    texts_come_in(&rig, 1, Duration::from_secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn modem_that_refuses_the_multiplexer_takes_turns() {
    let refuse = |operator: &mm1gate::sim::Operator| operator.faults().set(Fault::CmuxRefused {});
    let rig = Rig::timed(Ports::Multiplexed, Behaviour::Receive, slow(), refuse).await;
    let id = begun(&rig, 100_000).await;
    rig.operator.deliver_sms(OWN, &[text(1)]).unwrap();
    assert_eq!(rig.gateway.modems()[0].device.sharing, Some(PortSharing::One));
    rig.until(&id, &["sent"]).await;
    texts_come_in(&rig, 1, Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn restart_of_the_gateway_finds_the_modem_in_command_mode() {
    let mut rig = Rig::new(Ports::Multiplexed, Behaviour::Receive).await;
    let id = rig.gateway.accept(message(3_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    rig.restart().await;
    let id = rig.gateway.accept(message(3_000)).await.unwrap();
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.gateway.modems()[0].device.sharing, Some(PortSharing::Multiplexed));
}

#[tokio::test(start_paused = true)]
async fn long_queue_on_one_port_does_not_hold_texts_up() {
    let rig = Rig::timed(Ports::One, Behaviour::Receive, slow(), |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(rig.gateway.accept(message(60_000)).await.unwrap());
    }
    // Twelve seconds each: ten minutes in all.
    rig.until(&ids[0], &["sent"]).await;
    let mut slowest = Duration::ZERO;
    for number in 1..=6 {
        rig.operator.deliver_sms(OWN, &[text(number)]).unwrap();
        let limit = Duration::from_secs(180 + 30);
        slowest = slowest.max(texts_come_in(&rig, usize::from(number), limit).await);
        if rig.view(&ids[49]).await.summary.state.as_str() == "sent" {
            break;
        }
    }
    assert!(slowest > Duration::from_secs(60), "they did wait for calls: {slowest:?}");
    for id in &ids {
        rig.until(id, &["sent"]).await;
    }
    let calls = rig.operator.modem().state().calls;
    assert!((4..=8).contains(&calls), "{calls} calls for 50 messages");
}

/// How long a picture takes from the dial string to the MMSC's answer.
async fn transfer(ports: Ports, rate: Option<u64>) -> Duration {
    let prepare = |operator: &mm1gate::sim::Operator| {
        if let Some(rate) = rate {
            operator.faults().set(Fault::LinePaced { rate });
        }
    };
    let rig = Rig::timed(ports, Behaviour::Receive, Timing::default(), prepare).await;
    while rig.gateway.modems()[0].condition != "ready" {
        sleep(Duration::from_millis(50)).await;
    }
    let since = Instant::now();
    let id = rig.gateway.accept(message(250_000)).await.unwrap();
    while rig.view(&id).await.summary.state.as_str() != "sent" {
        sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

#[tokio::test(start_paused = true)]
async fn multiplexer_costs_a_picture_hardly_more_than_its_octets() {
    // Six octets for each frame of 128: 4.7 %.
    for (rate, most) in [(Some(11_520), 1.10), (None, 1.10)] {
        let plain = transfer(Ports::One, rate).await;
        let multiplexed = transfer(Ports::Multiplexed, rate).await;
        let ratio = multiplexed.as_secs_f64() / plain.as_secs_f64();
        assert!(ratio < most, "{rate:?} octets a second: {multiplexed:?}, without {plain:?}");
    }
}

//! Several modems: each works for itself, and one that fails does not hold the others up.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mm1gate::model::MessageId;
use mm1gate::sim::{Behaviour, Fault, Outgoing};

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message};

const SECOND: &str = "+447700900002";

async fn carriers(rig: &Rig, ids: &[MessageId]) -> Vec<String> {
    let mut names = Vec::new();
    for id in ids {
        names.push(rig.until(id, &["sent"]).await.summary.modem.unwrap_or_default());
    }
    names.sort();
    names
}

#[tokio::test(start_paused = true)]
async fn messages_are_shared_among_the_modems_that_work() {
    let rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(rig.gateway.accept(message(3_000)).await.unwrap());
    }
    assert_eq!(carriers(&rig, &ids).await, ["desk", "desk", "second", "second"]);
    let calls: Vec<u64> = rig.operator.modems().iter().map(|modem| modem.state().calls).collect();
    assert_eq!(calls, [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn modem_that_is_gone_gets_no_new_messages() {
    let rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.operator.modems()[0].stop();
    // Noticed at the next look through its storages at the latest.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(rig.gateway.modems()[0].fault.is_some(), "{:?}", rig.gateway.modems());
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(rig.gateway.accept(message(3_000)).await.unwrap());
    }
    assert_eq!(carriers(&rig, &ids).await, ["second", "second"]);
}

#[tokio::test(start_paused = true)]
async fn same_notification_on_two_sims_is_two_messages() {
    let rig = Rig::with_second(Ports::Two, Behaviour::Receive, SECOND).await;
    rig.operator.faults().set(Fault::DuplicateNotification {});
    let text = Outgoing { text: Some("Hello".to_owned()), ..Outgoing::default() };
    rig.operator.send_from_phone(PHONE, OWN, &text).unwrap();
    rig.operator.send_from_phone(PHONE, SECOND, &text).unwrap();
    tokio::time::sleep(Duration::from_secs(300)).await;
    let mut carriers: Vec<_> = rig.inbox().await.into_iter().map(|one| one.modem).collect();
    carriers.sort();
    assert_eq!(carriers, [Some("desk".to_owned()), Some("second".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn modem_whose_worker_panics_is_worked_again() {
    let mut rig = Rig::new(Ports::Two, Behaviour::Receive).await;
    rig.gateway.stop().await;
    rig.panics.store(2, Ordering::Relaxed);
    rig.start().await;
    let id = rig.gateway.accept(message(3_000)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let fault = rig.gateway.modems()[0].fault.clone().expect("shown at the modem");
    assert_eq!(fault.code, "worker-failed");
    rig.until(&id, &["sent"]).await;
    assert_eq!(rig.gateway.modems()[0].fault, None);
    rig.gateway.stop().await;
}

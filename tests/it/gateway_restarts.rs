//! Restarts at any moment: nothing lost, nothing sent twice, `unknown` only after a release.

use std::collections::BTreeMap;
use std::time::Duration;

use mm1gate::model::{Direction, OutboundState, Random, State};
use mm1gate::sim::{Behaviour, EntryKind, Fault, Outgoing, OutgoingPart, Timing};
use mm1gate::store::Filter;

use crate::gateway_rig::{OWN, PHONE, Ports, Rig, message, picture};

/// Slow enough that a stop hits every stage of a transfer.
const SLOW: Timing = Timing {
    reply: Duration::from_millis(20),
    register: Duration::from_millis(700),
    dial: Duration::from_millis(900),
    submit: Duration::ZERO,
    up_rate: Some(3_000),
    down_rate: Some(6_000),
};

#[tokio::test(start_paused = true)]
async fn stops_at_random_moments_lose_nothing_and_send_nothing_twice() {
    for seed in 1..=6 {
        let random = Random::seeded(seed);
        let ports = if seed % 2 == 0 { Ports::One } else { Ports::Two };
        let mut rig = Rig::timed(ports, Behaviour::Receive, SLOW, |_| {}).await;
        let mut ids = Vec::new();
        for round in 0..6_u32 {
            ids.push(rig.gateway.accept(message(30_000)).await.unwrap());
            let outgoing = Outgoing {
                subject: Some(format!("round {round}")),
                text: None,
                parts: vec![OutgoingPart {
                    content_type: "image/jpeg".to_owned(),
                    name: "p.jpg".to_owned(),
                    body: picture(20_000),
                }],
            };
            rig.operator.send_from_phone(PHONE, OWN, &outgoing).unwrap();
            if random.below(3) == 0 {
                rig.operator.faults().set_times(Fault::MmscSendConfLost {}, 1);
            }
            if random.below(3) == 0 {
                rig.operator.faults().set_times(Fault::CarrierLost { after: 9_000 }, 1);
            }
            tokio::time::sleep(Duration::from_millis(random.below(25_000))).await;
            rig.restart().await;
        }
        rig.operator.faults().clear_all();
        for id in &ids {
            rig.until(id, &["sent", "unknown"]).await;
        }
        // Long enough for every retrieval and acknowledgement, and for resending, were there any.
        tokio::time::sleep(Duration::from_secs(4 * 3600)).await;
        check(&rig, ids.len(), seed).await;
        rig.gateway.stop().await;
    }
}

async fn check(rig: &Rig, rounds: usize, seed: u64) {
    let journal = rig.operator.mmsc().journal();
    let mut times = BTreeMap::new();
    for id in journal.submitted_ids() {
        *times.entry(id.to_owned()).or_insert(0) += 1;
    }
    assert!(times.values().all(|count| *count == 1), "seed {seed}: {times:?}");
    let all = rig.gateway.messages(Filter { limit: 100, ..Filter::default() }).await.unwrap();
    let (inbound, outbound): (Vec<_>, Vec<_>) =
        all.iter().partition(|one| one.direction == Direction::Inbound);
    assert_eq!((inbound.len(), outbound.len()), (rounds, rounds), "seed {seed}");
    for message in &inbound {
        assert_eq!(message.state.as_str(), "acknowledged", "seed {seed}: {message:#?}");
    }
    assert_eq!(journal.acknowledged(), rounds, "seed {seed}");
    let sent = |state| move |one: &&&_| summary_is(one, state);
    let sent_count = outbound.iter().filter(sent(OutboundState::Sent)).count();
    let unknown = outbound.iter().filter(sent(OutboundState::Unknown)).count();
    assert_eq!(sent_count + unknown, rounds, "seed {seed}");
    // Whatever is `sent` was taken; an `unknown` was taken or not.
    assert!(times.len() >= sent_count, "seed {seed}: {times:?}");
    assert_eq!(journal.of(EntryKind::RefusedSubmission).count(), 0);
}

fn summary_is(summary: &mm1gate::store::Summary, state: OutboundState) -> bool {
    summary.state == State::Out(state)
}

#[tokio::test(start_paused = true)]
async fn message_withdrawn_during_its_upload_is_held_back() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, SLOW, |_| {}).await;
    let id = rig.gateway.accept(message(60_000)).await.unwrap();
    rig.until(&id, &["sending"]).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    rig.gateway.cancel(&id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(rig.view(&id).await.summary.state, State::Out(OutboundState::Canceled));
    assert_eq!(rig.operator.mmsc().journal().submitted_ids(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn sms_is_taken_during_a_call_on_the_second_port() {
    let rig = Rig::timed(Ports::Two, Behaviour::Receive, SLOW, |_| {}).await;
    let id = rig.gateway.accept(message(100_000)).await.unwrap();
    rig.until(&id, &["sending"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    rig.operator.send_from_phone(PHONE, OWN, &Outgoing::default()).unwrap();
    let view = rig.inbound_until(&["notified"]).await;
    assert_eq!(rig.view(&id).await.summary.state, State::Out(OutboundState::Sending));
    rig.until(&id, &["sent"]).await;
    rig.until(&view.summary.id, &["acknowledged"]).await;
    // Both went over one call.
    assert_eq!(rig.operator.modem().state().calls, 1);
}

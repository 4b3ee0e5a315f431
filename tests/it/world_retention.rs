//! Keeping the store in bounds: what goes when its time is over or when the store is too large, what
//! stays, and what is said of what went. Over every layer, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use mm1gate::gateway::Retention;
use mm1gate::model::{MessageId, Random};
use mm1gate::sim::Behaviour;
use mm1gate::world::{self, SystemClient, SystemRunner, World};

use crate::gateway_rig::{Ports, Rig, message};

const DAY: u64 = 86_400;

fn days(days: u64) -> Option<Duration> {
    Some(Duration::from_secs(days * DAY))
}

/// What looks after the store, with these times.
async fn keeper(rig: &Rig, retention: Retention) -> World {
    let mut config = (*rig.gateway.world()).clone();
    config.retention = retention;
    rig.gateway.set_world(config);
    let deps = world::Deps {
        client: Arc::new(SystemClient::new(Vec::new(), false)),
        runner: Arc::new(SystemRunner),
        clock: rig.clock,
        random: Random::seeded(6),
    };
    World::start(&rig.gateway, deps).await.expect("the world")
}

async fn part(rig: &Rig, id: &MessageId, what: &str) -> (u16, serde_json::Value) {
    rig.ask("GET", &format!("/messages/{id}/parts/0{what}"), None).await
}

/// Whether the message has lost its parts, and that everything that is said of it says so.
async fn is_without_parts(rig: &Rig, id: &MessageId, why: &str) -> bool {
    let view = rig.view(id).await;
    let (status, message) = rig.ask("GET", &format!("/messages/{id}"), None).await;
    assert_eq!(status, 200);
    let told = view.timeline.iter().any(|entry| entry.text.contains(why));
    let removed = view.summary.parts_removed_at.is_some();
    assert_eq!(removed, told, "{view:#?}");
    assert_eq!(message["parts"][0]["removed_at"].is_string(), removed, "{message:#}");
    if removed {
        for what in ["", "/thumbnail"] {
            let (status, problem) = part(rig, id, what).await;
            assert_eq!(
                (status, problem["code"].as_str()),
                (410, Some("part-removed")),
                "{problem}"
            );
            assert!(problem["hint"].as_str().unwrap().contains("[retention]"), "{problem}");
        }
    }
    removed
}

#[tokio::test(start_paused = true)]
async fn parts_and_raw_octets_go_when_their_days_are_over_and_messages_stay() {
    let mut rig = Rig::new(Ports::Two, Behaviour::SendBack).await;
    let mut new = message(20_000);
    new.delivery_report = true;
    let out = rig.gateway.accept(new).await.unwrap();
    rig.until(&out, &["delivered"]).await;
    let here = rig.inbound_until(&["acknowledged"]).await.summary.id;
    rig.restart_at(rig.clock.now().plus(Duration::from_secs(40 * DAY))).await;
    let young = rig.gateway.accept(message(20_000)).await.unwrap();
    rig.until(&young, &["sent"]).await;
    let retention = Retention {
        messages: days(400),
        events: days(30),
        media: days(30),
        raw: days(10),
        max_size: None,
    };
    let world = keeper(&rig, retention).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    for (id, goes) in [(&out, true), (&here, true), (&young, false)] {
        assert_eq!(is_without_parts(&rig, id, "media_days").await, goes, "{id}");
    }
    let old = rig.count("SELECT count(*) FROM message WHERE raw_removed_at IS NOT NULL");
    assert_eq!(old, 2);
    let raw = "SELECT (SELECT coalesce(sum(length(pdu)), 0) FROM inbound JOIN message
                       ON message.id = message_id WHERE raw_removed_at IS NOT NULL)
                    + (SELECT coalesce(sum(length(octets)), 0) FROM push JOIN message
                       ON message.id = message_id WHERE raw_removed_at IS NOT NULL)";
    assert_eq!(rig.count(raw), 0);
    // A message that went is sent by nobody once more, and the answer says why.
    rig.meddle(&format!("UPDATE message SET state = 'failed' WHERE id = '{out}'"));
    let (status, problem) = rig.ask("POST", &format!("/messages/{out}/retry"), None).await;
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("content was removed"), "{problem}");
    world.stop().await;
    rig.gateway.stop().await;
}

#[tokio::test(start_paused = true)]
async fn store_that_is_too_large_loses_the_oldest_parts_and_nothing_that_waits_or_is_unseen() {
    let rig = Rig::new(Ports::Two, Behaviour::SendBack).await;
    let empty = rig.gateway.store().size().await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..6 {
        let id = rig.gateway.accept(message(60_000)).await.unwrap();
        rig.until(&id, &["sent"]).await;
        sent.push(id);
    }
    while rig.inbox().await.len() < 6 {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    tokio::time::sleep(Duration::from_secs(300)).await;
    let inbox: Vec<MessageId> = rig.inbox().await.into_iter().map(|it| it.id).collect();
    let mut waiting = message(60_000);
    waiting.send_at = Some(rig.clock.now().plus(Duration::from_secs(6 * 3_600)));
    let waiting = rig.gateway.accept(waiting).await.unwrap();
    // Half of it is what nobody has seen or what waits; there is room for that and for three more.
    let full = rig.gateway.store().size().await.unwrap();
    let most = empty + (full - empty) * 10 / 13;
    let usual = Retention { media: None, raw: None, max_size: Some(most), ..Retention::default() };
    let world = keeper(&rig, usual).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let mut gone = Vec::new();
    for id in &sent {
        gone.push(is_without_parts(&rig, id, "max_size_mb").await);
    }
    assert_eq!(gone[..4], [true; 4], "the oldest first: {gone:?}");
    assert!(!gone[5], "no more than is needed: {gone:?}");
    for id in inbox.iter().chain([&waiting]) {
        assert!(!is_without_parts(&rig, id, "max_size_mb").await);
    }
    assert!(rig.gateway.store().size().await.unwrap() <= most);
    assert_eq!(rig.gateway.alarms().await.unwrap(), []);
    world.stop().await;
    // What may not be removed alone is more than is allowed: somebody has to see to it.
    let world = keeper(&rig, Retention { max_size: Some(1), ..usual }).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let alarms = rig.gateway.alarms().await.unwrap();
    assert_eq!(alarms.iter().map(|it| it.code.as_str()).collect::<Vec<_>>(), ["store-too-large"]);
    assert!(is_without_parts(&rig, &sent[5], "max_size_mb").await);
    // Opened: by who takes a part, and by who looks at the page.
    assert_eq!(part(&rig, &inbox[0], "").await.0, 200);
    assert_eq!(rig.ask_for("GET", &format!("/messages/{}", inbox[1]), None).await.0, 200);
    tokio::time::sleep(Duration::from_secs(3_700)).await;
    for (index, id) in inbox.iter().enumerate() {
        assert_eq!(is_without_parts(&rig, id, "max_size_mb").await, index < 2, "{index}");
    }
    world.stop().await;
    let world = keeper(&rig, Retention { max_size: None, ..usual }).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(rig.gateway.alarms().await.unwrap(), [], "no limit, no alarm");
    let view = rig.until(&waiting, &["sent"]).await;
    assert!(view.summary.parts_removed_at.is_none(), "what waited left whole");
    world.stop().await;
    rig.gateway.stop().await;
}

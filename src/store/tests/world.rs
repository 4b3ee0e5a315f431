//! What the outside world is told, and what is removed when its time is over.

use super::*;

/// An endpoint that wants all.
pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        id: "whk_1".to_owned(),
        kind: EndpointKind::Webhook,
        name: String::new(),
        url: Some("https://shop.example/".to_owned()),
        secret: vec![1; 32],
        former_secret: None,
        events: Vec::new(),
        ordered: false,
        concurrency: 1,
        enabled: true,
        created_at: NOW,
        failing_since: None,
        failures: 0,
        taken_at: None,
        reason: None,
    }
}

/// Types of the events that wait, with the recipient, and hands them on.
pub(super) async fn told(store: &Store) -> Vec<(String, Option<Address>)> {
    let events = store.outbox(100).await.unwrap();
    for event in &events {
        let id = format!("evt_{}", event.seq);
        store.hand_on(event.seq, id, "{}".to_owned(), NOW).await.unwrap();
    }
    events.into_iter().map(|event| (event.kind, event.recipient)).collect()
}

async fn announced(store: &Store, maker: &Maker, historic: bool) -> MessageId {
    let tpdu = NewTpdu {
        sim: SIM.to_owned(),
        modem: "m".to_owned(),
        slot: "SM 1".to_owned(),
        identity: Bytes::from(maker.id().as_str().to_owned()),
        octets: Bytes::from_static(b"tpdu"),
        first_sweep: false,
    };
    store.keep_tpdus(vec![tpdu], NOW).await.unwrap();
    let tpdus = store.pending_tpdus(SIM).await.unwrap().iter().map(|kept| kept.key).collect();
    let mut push = maker.push(tpdus, notification(maker.id().as_str(), later(86_400)));
    push.historic = historic;
    let id = push.id.clone();
    store.file_push(push, NOW).await.unwrap();
    id
}

#[tokio::test]
async fn every_transition_is_told_once_for_each_recipient_and_only_while_somebody_listens() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let unheard = maker.outbound(&[number(1)]);
    store.accept(unheard.clone(), NOW).await.unwrap();
    store.cancel(&unheard.id, NOW).await.unwrap().unwrap();
    assert_eq!(told(&store).await, [], "nobody listened");
    store.add_endpoint(endpoint()).await.unwrap();
    let new = maker.outbound(&[number(1), number(2)]);
    store.accept(new.clone(), NOW).await.unwrap();
    assert_eq!(told(&store).await, [], "accepted is no news for who handed it in");
    store.cancel(&new.id, later(7)).await.unwrap().unwrap();
    let events = store.outbox(100).await.unwrap();
    assert!(events.iter().all(|event| event.at == Some(later(7)) && event.message.is_some()));
    let canceled = |last| ("message.canceled".to_owned(), Some(number(last)));
    assert_eq!(told(&store).await, [canceled(1), canceled(2)]);
    assert_eq!(told(&store).await, [], "once");
    let id = announced(&store, &maker, false).await;
    assert_eq!(told(&store).await, [("message.announced".to_owned(), None)]);
    received(&store, &id, Vec::new()).await;
    assert_eq!(told(&store).await, [("message.received".to_owned(), None)]);
    announced(&store, &maker, true).await;
    assert_eq!(told(&store).await, [], "what was on the SIM before is no news");
}

#[tokio::test]
async fn event_is_handed_on_once_even_when_it_is_done_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    store.add_endpoint(endpoint()).await.unwrap();
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    store.cancel(&new.id, NOW).await.unwrap();
    let seq = store.outbox(1).await.unwrap()[0].seq;
    let hand_on = |id: &str| store.hand_on(seq, id.to_owned(), "{}".to_owned(), NOW);
    assert_eq!(hand_on("evt_a").await.unwrap(), 1);
    assert_eq!(hand_on("evt_b").await.unwrap(), 0);
    let deliveries = store.deliveries("whk_1", None, None, 10).await.unwrap();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].event_id, "evt_a");
}

#[tokio::test]
async fn message_past_its_time_goes_with_all_that_belonged_to_it_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let old = maker.outbound(&[number(1)]);
    store.accept(old.clone(), NOW).await.unwrap();
    store.cancel(&old.id, NOW).await.unwrap();
    let waiting = maker.outbound(&[number(2)]);
    store.accept(waiting.clone(), NOW).await.unwrap();
    let here = announced(&store, &maker, false).await;
    let ack = NewAck { kind: AckKind::Acknowledge, transaction_id: "t".to_owned() };
    received(&store, &here, vec![ack]).await;
    let young = announced(&store, &maker, false).await;
    received(&store, &young, Vec::new()).await;
    let age = |id: &MessageId| format!("UPDATE message SET updated_at = 0 WHERE id = '{id}'");
    for id in [&old.id, &waiting.id, &here] {
        let sql = age(id);
        store.write(move |db| Ok(db.execute_batch(&sql)?)).await.unwrap();
    }
    assert_eq!(store.prune_messages(NOW).await.unwrap(), 1);
    assert_eq!(store.message(&old.id).await.unwrap(), None);
    for kept in [&waiting.id, &here, &young] {
        assert!(
            store.message(kept).await.unwrap().is_some(),
            "waits, is to be acknowledged, young"
        );
    }
    assert_eq!(store.remove_message(&here, None).await.unwrap(), Removal::UnderWay);
    let key = store.due_acks(SIM, later(1)).await.unwrap()[0].key;
    store.settle_ack(key, AckResult::Done, later(1)).await.unwrap();
    assert_eq!(store.remove_message(&here, None).await.unwrap(), Removal::Removed);
    assert_eq!(store.remove_message(&here, None).await.unwrap(), Removal::NotFound);
    store.give_back().await.unwrap();
    let left: i64 = store
        .read(|db| {
            Ok(db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |r| r.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(left, 0);
    let pushes: i64 = store
        .read(|db| Ok(db.query_row("SELECT count(*) FROM push", [], |r| r.get(0))?))
        .await
        .unwrap();
    assert_eq!(pushes, 1, "that of the young one");
}

#[tokio::test]
async fn room_of_what_was_removed_goes_back_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let mut new = maker.outbound(&[number(1)]);
    new.parts[0].body = Bytes::from(vec![0x55; 3_000_000]);
    store.accept(new.clone(), NOW).await.unwrap();
    store.cancel(&new.id, NOW).await.unwrap();
    let pages = || async {
        let count: i64 = store
            .read(|db| Ok(db.query_row("PRAGMA page_count", [], |row| row.get(0))?))
            .await
            .unwrap();
        count
    };
    let before = pages().await;
    assert_eq!(store.remove_message(&new.id, None).await.unwrap(), Removal::Removed);
    store.give_back().await.unwrap();
    assert!(pages().await < before / 2, "{before} pages before, {} after", pages().await);
}

#[tokio::test]
async fn history_of_events_goes_when_its_time_is_over_and_what_waits_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    store.add_endpoint(endpoint()).await.unwrap();
    for _ in 0..2 {
        let new = maker.outbound(&[number(1)]);
        store.accept(new.clone(), NOW).await.unwrap();
        store.cancel(&new.id, NOW).await.unwrap();
    }
    told(&store).await;
    let all = store.deliveries("whk_1", None, None, 10).await.unwrap();
    let attempt = Attempt {
        at: NOW,
        took: Duration::from_secs(1),
        status: Some(200),
        error: None,
        response: Some("\u{20ac}".repeat(1_000)),
    };
    store.settle_delivery(all[0].id, attempt, AttemptResult::Delivered, NOW).await.unwrap();
    let (_, attempts) = store.delivery(all[0].id).await.unwrap().unwrap();
    assert!(attempts[0].response.as_ref().unwrap().len() <= 1_024);
    assert_eq!(store.prune_events(NOW).await.unwrap(), 0, "not yet");
    assert_eq!(store.prune_events(later(1)).await.unwrap(), 1);
    let left = store.deliveries("whk_1", None, None, 10).await.unwrap();
    assert_eq!(left.iter().map(|it| it.id).collect::<Vec<_>>(), [all[1].id]);
}

//! Parts and raw octets that go while their message stays.

use super::*;

const PICTURE: &[u8] = &[0x55; 20_000];

/// A picture message to somebody, with this modem's claim on it settled so.
async fn ended(store: &Store, maker: &Maker, settlement: Settlement) -> MessageId {
    let mut new = maker.outbound(&[number(1)]);
    new.parts[0].body = Bytes::from_static(PICTURE);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    store.release(claimed.key, NOW).await.unwrap();
    store.settle(claimed.key, settlement, NOW).await.unwrap();
    new.id
}

fn sent() -> Settlement {
    Settlement::Sent { mmsc_message_id: Some("M1".to_owned()), text: "sent".to_owned() }
}

async fn came(store: &Store, maker: &Maker) -> MessageId {
    let push = maker.push(vec![], notification(maker.id().as_str(), later(9_000)));
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    let part = Part { body: Bytes::from_static(PICTURE), ..raw_part(Bytes::new()) };
    let received = Retrieval::Received {
        pdu: Bytes::from_static(PICTURE),
        message: Box::new(Received { parts: vec![part], ..Received::default() }),
        acks: Vec::new(),
        fault: None,
    };
    store.settle_retrieval(&id, received, NOW).await.unwrap();
    id
}

/// Whether its picture is there; its row and its parts' names always are.
async fn has_parts(store: &Store, id: &MessageId) -> bool {
    let summary = store.message(id).await.unwrap().expect("the message stays").summary;
    assert_eq!(summary.parts.len(), 1);
    assert_eq!(summary.parts[0].size, PICTURE.len());
    let part = store.part(id, 0).await.unwrap();
    assert_eq!(part.is_some(), summary.parts_removed_at.is_none());
    part.is_some()
}

async fn prune(store: &Store, why: PartsGo) -> usize {
    store.prune_parts(why, None, later(5)).await.unwrap().messages
}

#[tokio::test]
async fn parts_past_their_time_go_and_the_timeline_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let out = ended(&store, &maker, sent()).await;
    let here = came(&store, &maker).await;
    let waiting = maker.outbound(&[number(2)]);
    store.accept(waiting.clone(), NOW).await.unwrap();
    assert_eq!(prune(&store, PartsGo::OlderThan(NOW)).await, 0, "not yet");
    assert_eq!(prune(&store, PartsGo::OlderThan(later(1))).await, 2);
    assert_eq!(prune(&store, PartsGo::OlderThan(later(1))).await, 0, "once");
    for id in [&out, &here] {
        assert!(!has_parts(&store, id).await);
        let view = store.message(id).await.unwrap().unwrap();
        assert_eq!(view.summary.parts_removed_at, Some(later(5)));
        assert_eq!(view.summary.updated_at, NOW, "nothing has happened to the message itself");
        assert!(view.timeline.last().unwrap().text.contains("media_days"), "{view:?}");
    }
    let octets: i64 = store
        .read(|db| {
            let sql = "SELECT (SELECT coalesce(sum(length(body)), 0) FROM part WHERE size > 100)
                            + (SELECT coalesce(sum(length(pdu)), 0) FROM inbound)
                            + (SELECT count(*) FROM payload)";
            Ok(db.query_row(sql, [], |row| row.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(octets, 1, "the payload of what waits");
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    assert_eq!(claimed.pdu, waiting.submissions[0].pdu);
}

#[tokio::test]
async fn parts_of_what_somebody_is_still_to_be_told_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    store.add_endpoint(world::endpoint()).await.unwrap();
    let out = ended(&store, &maker, sent()).await;
    let here = came(&store, &maker).await;
    let why = PartsGo::OlderThan(later(1));
    assert_eq!(prune(&store, why).await, 0, "not put into words yet");
    world::told(&store).await;
    assert_eq!(prune(&store, why).await, 0, "not taken yet");
    for delivery in store.deliveries("whk_1", None, None, 10).await.unwrap() {
        let taken = Attempt {
            at: NOW,
            took: Duration::from_secs(1),
            status: Some(200),
            error: None,
            response: None,
        };
        store.settle_delivery(delivery.id, taken, AttemptResult::Delivered, NOW).await.unwrap();
    }
    assert_eq!(prune(&store, why).await, 2);
    assert!(!has_parts(&store, &out).await && !has_parts(&store, &here).await);
}

#[tokio::test]
async fn for_room_goes_only_what_somebody_has_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let unseen = came(&store, &maker).await;
    let opened = came(&store, &maker).await;
    let read = came(&store, &maker).await;
    store.opened(&opened, later(1)).await.unwrap();
    store.mark_read(&read, None, later(2)).await.unwrap();
    let failed = ended(&store, &maker, Settlement::Failed { fault: fault("refused") }).await;
    let out = ended(&store, &maker, sent()).await;
    assert_eq!(prune(&store, PartsGo::ForRoom).await, 3);
    for (id, stays) in
        [(&unseen, true), (&failed, true), (&opened, false), (&read, false), (&out, false)]
    {
        assert_eq!(has_parts(&store, id).await, stays, "{id}");
    }
    // What needs a person still is what it was; by its age it goes all the same, and is not sent again.
    let again = || store.send_again(&failed, modems(), later(9_000), later(9));
    assert_eq!(prune(&store, PartsGo::OlderThan(later(1))).await, 2);
    assert_eq!(again().await.unwrap(), None, "there is nothing left to be sent");
    assert_eq!(out_state(&store, &failed).await, OutboundState::Failed);
}

#[tokio::test]
async fn taken_by_a_receiver_counts_as_seen_and_survives_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    store.add_endpoint(world::endpoint()).await.unwrap();
    let id = came(&store, &maker).await;
    world::told(&store).await;
    let deliveries = store.deliveries("whk_1", None, None, 10).await.unwrap();
    for delivery in deliveries {
        let attempt =
            Attempt { at: NOW, took: Duration::ZERO, status: None, error: None, response: None };
        store.settle_delivery(delivery.id, attempt, AttemptResult::Delivered, NOW).await.unwrap();
    }
    while store.prune_events(later(1)).await.unwrap() > 0 {}
    assert_eq!(prune(&store, PartsGo::ForRoom).await, 1);
    assert!(!has_parts(&store, &id).await);
}

#[tokio::test]
async fn raw_octets_go_and_what_may_be_sent_once_more_keeps_its_pdu() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let here = came(&store, &maker).await;
    let out = ended(&store, &maker, sent()).await;
    let failed = ended(&store, &maker, Settlement::Failed { fault: fault("refused") }).await;
    let stray = maker.push(vec![], report("M", number(1), ReportStatus::Retrieved));
    store.file_push(stray, NOW).await.unwrap();
    assert_eq!(store.prune_raw(NOW, None, later(5)).await.unwrap().messages, 0, "not yet");
    assert_eq!(store.prune_raw(later(1), None, later(5)).await.unwrap().messages, 2);
    assert_eq!(store.prune_stray_raw(later(1)).await.unwrap(), 1);
    assert_eq!(store.prune_stray_raw(later(1)).await.unwrap(), 0, "once");
    for id in [&here, &out, &failed] {
        assert!(has_parts(&store, id).await);
    }
    let left: (i64, i64, i64) = store
        .read(|db| {
            let sql = "SELECT (SELECT sum(length(octets)) FROM push),
                              (SELECT sum(length(pdu)) FROM inbound), (SELECT count(*) FROM payload)";
            Ok(db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?)
        })
        .await
        .unwrap();
    assert_eq!(left, (0, 0, 1));
    store.send_again(&failed, modems(), later(9_000), later(9)).await.unwrap().unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, later(9)).await.unwrap().unwrap();
    assert!(claimed.pdu.len() > 5_000, "the whole PDU goes once more");
}

#[tokio::test]
async fn content_that_is_fetched_once_more_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let push = || maker.push(vec![], notification("T1", later(9_000)));
    let id = store.file_push(push(), NOW).await.unwrap().message.unwrap();
    let received = |parts: Vec<Part>| Retrieval::Received {
        pdu: Bytes::from_static(b"pdu"),
        message: Box::new(Received { parts, ..Received::default() }),
        acks: Vec::new(),
        fault: None,
    };
    let part = || Part { body: Bytes::from_static(PICTURE), ..raw_part(Bytes::new()) };
    store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    store.settle_retrieval(&id, received(vec![part()]), NOW).await.unwrap();
    assert_eq!(prune(&store, PartsGo::OlderThan(later(1))).await, 1);
    store.file_push(push(), later(60)).await.unwrap();
    let (again, _) = store.claim_retrieval(SIM, "m", later(60)).await.unwrap().unwrap();
    assert_eq!(again.message, id);
    store.settle_retrieval(&id, received(vec![part()]), later(60)).await.unwrap();
    assert!(has_parts(&store, &id).await);
}

#[tokio::test]
async fn look_through_many_messages_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (store, maker) = (open(dir.path()), Maker::new());
    let mut ids = Vec::new();
    for _ in 0..9 {
        ids.push(ended(&store, &maker, sent()).await);
    }
    let (mut from, mut batches) = (None, Vec::new());
    loop {
        let batch = store.prune_parts(PartsGo::ForRoom, from, later(5)).await.unwrap();
        batches.push(batch.messages);
        let Some(until) = batch.until else { break };
        from = Some(until);
    }
    assert_eq!(batches, [4, 4, 1, 0], "all of them were changed in the same moment");
    for id in &ids {
        assert!(!has_parts(&store, id).await);
    }
}

//! What belongs to a SIM, whatever it is called, and for how long.

use super::*;

const PORT: &str = "modem:m";
const CARD: &str = "iccid:8944100000000000012";

fn tpdu(sim: &str, octets: &'static [u8]) -> NewTpdu {
    NewTpdu {
        sim: sim.to_owned(),
        modem: "m".to_owned(),
        slot: "direct".to_owned(),
        identity: Bytes::from_static(octets),
        octets: Bytes::from_static(octets),
        first_sweep: false,
    }
}

fn former(sim: &str) -> FormerName {
    FormerName { sim: sim.to_owned(), same_card: sim == CARD }
}

async fn inbound(store: &Store) -> Vec<(String, State)> {
    let all = store.messages(Filter::default()).await.unwrap();
    let mut found = Vec::new();
    for one in all {
        let view = store.message(&one.id).await.unwrap().unwrap();
        found.push((view.notification.unwrap().0, one.state));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[tokio::test]
async fn short_message_kept_before_its_sim_was_known_does_not_stay_behind_as_a_second_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let kept = vec![tpdu(PORT, b"one"), tpdu(PORT, b"two"), tpdu(SIM, b"two")];
    store.keep_tpdus(kept, NOW).await.unwrap();
    let store = reopen(store, dir.path());
    store.adopt_tpdus(PORT, SIM).await.unwrap();
    let mut octets: Vec<Bytes> =
        store.pending_tpdus(SIM).await.unwrap().into_iter().map(|tpdu| tpdu.octets).collect();
    octets.sort();
    assert_eq!(octets, ["one", "two"]);
    assert_eq!(store.sims_with_pending().await.unwrap(), [(SIM.to_owned(), "m".to_owned())]);
    assert_eq!(store.kept_tpdus(PORT).await.unwrap(), 0);
    // And with it in another modem, or behind the same one, nothing is known of it.
    let other = store.keep_tpdus(vec![tpdu(PORT, b"two")], NOW).await.unwrap();
    assert!(!other[0].duplicate);
}

#[tokio::test]
async fn announced_message_and_its_acknowledgement_follow_a_sim_that_gets_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    for from in [PORT, CARD] {
        let store = open(dir.path());
        store.see_sim(from, None, "m", true, NOW).await.unwrap();
        let push = |id| NewPush {
            sim: from.to_owned(),
            ..maker.push(vec![], notification(id, later(90_000)))
        };
        let fetched = store.file_push(push("FETCHED"), NOW).await.unwrap().message.unwrap();
        store.claim_retrieval(from, "m", NOW).await.unwrap().unwrap();
        let ack = NewAck { kind: AckKind::NotifyResp(0x81), transaction_id: "A".to_owned() };
        let received = Retrieval::Received {
            pdu: Bytes::from_static(b"pdu"),
            message: Box::default(),
            acks: vec![ack],
            fault: None,
        };
        store.settle_retrieval(&fetched, received, NOW).await.unwrap();
        store.file_push(push("ANNOUNCED"), NOW).await.unwrap();
        let store = reopen(store, dir.path());
        assert!(store.claim_retrieval(SIM, "m", NOW).await.unwrap().is_none());
        store.see_sim(SIM, None, "m", false, NOW).await.unwrap();
        store.adopt(former(from), SIM, NOW).await.unwrap();
        let (pending, _) = store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
        assert_eq!(pending.transaction_id, "ANNOUNCED", "{from}");
        assert_eq!(store.due_acks(SIM, NOW).await.unwrap().len(), 1, "{from}");
        assert_eq!(store.sim(from).await.unwrap(), None);
        drop(store);
        std::fs::remove_file(dir.path().join(DB_FILE)).unwrap();
    }
}

#[tokio::test]
async fn notification_known_under_both_names_is_one_message() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let file = |sim: &str, id, until| {
        let new =
            NewPush { sim: sim.to_owned(), ..maker.push(vec![], notification(id, later(until))) };
        store.file_push(new, NOW)
    };
    // One is here under the SIM's name, one is over, one waits.
    let here = file(SIM, "HERE", 90_000).await.unwrap().message.unwrap();
    let ack = NewAck { kind: AckKind::NotifyResp(0x81), transaction_id: "A".to_owned() };
    received(&store, &here, vec![ack]).await;
    let acks = store.due_acks(SIM, NOW).await.unwrap();
    store.settle_ack(acks[0].key, AckResult::Done, NOW).await.unwrap();
    let over = file(SIM, "OVER", 10).await.unwrap().message.unwrap();
    store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    store.settle_retrieval(&over, Retrieval::Expired { fault: None }, NOW).await.unwrap();
    file(SIM, "WAITS", 90_000).await.unwrap();
    for id in ["OVER", "HERE", "WAITS", "NEW"] {
        file(PORT, id, 90_000).await.unwrap();
    }
    let changes = store.adopt(former(PORT), SIM, NOW).await.unwrap();
    let notified = State::In(InboundState::Notified);
    assert!(changes.iter().any(|change| change.id == over && change.state == notified));
    assert_eq!(
        inbound(&store).await,
        [
            ("HERE".to_owned(), State::In(InboundState::Acknowledged)),
            ("NEW".to_owned(), notified),
            ("OVER".to_owned(), notified),
            ("WAITS".to_owned(), notified),
        ]
    );
    // Of the one that is here the MMSC has not heard.
    assert_eq!(store.due_acks(SIM, NOW).await.unwrap().len(), 1);
    for _ in 0..3 {
        assert!(store.claim_retrieval(SIM, "m", NOW).await.unwrap().is_some());
    }
    assert!(store.claim_retrieval(SIM, "m", NOW).await.unwrap().is_none());
}

#[tokio::test]
async fn delivery_report_reaches_what_was_sent_while_the_sim_had_no_name() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", PORT, NOW).await.unwrap().unwrap();
    store.release(claimed.key, NOW).await.unwrap();
    let taken = Settlement::Sent { mmsc_message_id: Some("ID1".to_owned()), text: String::new() };
    store.settle(claimed.key, taken, NOW).await.unwrap();
    // The report comes when the SIM has its name, and waits for the message.
    let push = maker.push(vec![], report("ID1", number(1), ReportStatus::Retrieved));
    assert_eq!(store.file_push(push, NOW).await.unwrap().changes, []);
    let changes = store.adopt(former(PORT), SIM, NOW).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Delivered);
}

#[tokio::test]
async fn first_sight_of_a_card_is_that_of_its_sim_and_that_of_a_port_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for (from, inherits) in [(CARD, true), (PORT, false)] {
        store.see_sim(from, None, "m", true, NOW).await.unwrap();
        store.swept(from, Vec::new(), true, NOW).await.unwrap();
        store.see_sim(SIM, None, "m", false, later(50)).await.unwrap();
        store.adopt(former(from), SIM, later(50)).await.unwrap();
        let record = store.sim(SIM).await.unwrap().unwrap();
        assert_eq!(record.swept, inherits, "{from}");
        let first = if inherits { NOW } else { later(50) };
        assert_eq!(record.first_seen_at, first, "{from}");
        store
            .adopt(FormerName { sim: SIM.to_owned(), same_card: false }, "gone", NOW)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn modem_that_does_not_tell_its_sim_for_once_holds_the_one_it_held() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.see_sim(SIM, Some("8944100000000000012"), "m", false, NOW).await.unwrap();
    store.swept(SIM, Vec::new(), true, NOW).await.unwrap();
    assert_eq!(store.sim_of_card("8944100000000000012").await.unwrap().as_deref(), Some(SIM));
    assert_eq!(store.sim_of_card("8944100000000000013").await.unwrap(), None);
    let record = store.see_sim(PORT, None, "m", true, later(900)).await.unwrap();
    assert_eq!((record.first_seen_at, record.swept), (NOW, true));
    let other = store.see_sim("modem:n", None, "n", true, later(900)).await.unwrap();
    assert_eq!((other.first_seen_at, other.swept), (later(900), false));
}

#[tokio::test]
async fn sim_that_was_replaced_is_forgotten_after_more_than_a_year_and_no_other_one() {
    const DAY: u64 = 86_400;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.see_sim(SIM, None, "m", false, NOW).await.unwrap();
    store.see_sim("in a modem that is off", None, "off", false, NOW).await.unwrap();
    for sim in [SIM, "in a modem that is off", "of an earlier version"] {
        let kept = store.keep_tpdus(vec![tpdu(sim, b"one")], NOW).await.unwrap();
        store.set_tpdus_aside(vec![kept[0].key], TpduFate::Done, "").await.unwrap();
    }
    store.swept(SIM, vec!["SM".to_owned()], false, NOW).await.unwrap();
    let sweep = |days: u64| {
        let store = store.clone();
        async move {
            store.see_sim("another", None, "m", false, later(days * DAY)).await.unwrap();
            store.swept("another", Vec::new(), true, later(days * DAY)).await.unwrap();
        }
    };
    // It lies in a drawer for most of a year.
    sweep(300).await;
    assert_eq!(store.kept_tpdus(SIM).await.unwrap(), 1);
    assert!(store.sim(SIM).await.unwrap().unwrap().has_swept("SM"));
    sweep(401).await;
    assert_eq!(store.kept_tpdus(SIM).await.unwrap(), 0);
    assert_eq!(store.kept_tpdus("of an earlier version").await.unwrap(), 0);
    assert_eq!(store.kept_tpdus("in a modem that is off").await.unwrap(), 1);
    let again = store.see_sim(SIM, None, "m", false, later(402 * DAY)).await.unwrap();
    assert_eq!((again.first_seen_at, again.has_swept("SM")), (later(402 * DAY), false));
}

#[tokio::test]
async fn storage_that_could_not_be_read_is_still_to_be_looked_through_for_the_first_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.see_sim(SIM, None, "m", false, NOW).await.unwrap();
    store.swept(SIM, vec!["ME".to_owned()], false, NOW).await.unwrap();
    let store = reopen(store, dir.path());
    let record = store.sim(SIM).await.unwrap().unwrap();
    assert_eq!((record.has_swept("ME"), record.has_swept("SM")), (true, false));
    store.swept(SIM, vec!["SM".to_owned(), "ME".to_owned()], true, NOW).await.unwrap();
    let record = store.sim(SIM).await.unwrap().unwrap();
    assert!(record.has_swept("SM") && record.has_swept("MT"));
}

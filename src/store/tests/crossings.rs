//! What crosses on its way: a notification with the fetching of its message, a report with the answer
//! to what it reports.

use super::*;

#[tokio::test]
async fn message_announced_by_another_name_while_it_is_fetched_is_acknowledged_by_that() {
    let dir = tempfile::tempdir().unwrap();
    let (maker, store) = (Maker::new(), open(dir.path()));
    let PushKind::Notification(mut announced) = notification("T1", later(9_000)) else { panic!() };
    let push = maker.push(vec![], PushKind::Notification(announced.clone()));
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    let (pending, _) = store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    announced.transaction_id = "T1b".to_owned();
    let again = store.file_push(maker.push(vec![], PushKind::Notification(announced)), NOW).await;
    assert_eq!(again.unwrap().message.as_ref(), Some(&id));
    let ack =
        |transaction_id: &str, kind| NewAck { kind, transaction_id: transaction_id.to_owned() };
    let acks = vec![
        ack(&pending.transaction_id, AckKind::NotifyResp(0x81)),
        ack("R1", AckKind::Acknowledge),
    ];
    let (pdu, message, fault) = (Bytes::from_static(b"pdu"), Box::default(), None);
    let received = Retrieval::Received { pdu, message, acks, fault };
    store.settle_retrieval(&id, received, NOW).await.unwrap();
    let due = store.due_acks(SIM, NOW).await.unwrap();
    let told: Vec<&str> = due.iter().map(|it| it.ack.transaction_id.as_str()).collect();
    assert_eq!(told, ["T1b", "R1"]);
}

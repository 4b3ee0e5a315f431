//! The order of the queue.

use super::*;

#[tokio::test]
async fn what_is_urgent_overtakes_and_what_has_waited_long_does_so_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let maker = Maker::new();
    let accept = async |priority, at: Timestamp| {
        let new = NewOutbound { priority, ..maker.outbound(&[number(1)]) };
        let id = new.id.clone();
        store.accept(new, at).await.unwrap();
        id
    };
    let old = accept(Priority::Low, NOW).await;
    let usual = accept(Priority::Normal, later(10 * 60)).await;
    let patient = accept(Priority::Low, later(10 * 60)).await;
    let urgent = accept(Priority::High, later(35 * 60)).await;
    let young = accept(Priority::Normal, later(36 * 60)).await;
    let mut order = Vec::new();
    while let Some((next, _)) = store.claim_submission("m", SIM, later(3_600)).await.unwrap() {
        order.push(next.message);
    }
    // A step of priority is worth a quarter of an hour.
    assert_eq!(order, [usual, old, urgent, patient, young]);
}

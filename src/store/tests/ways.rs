//! Which way a submission goes, and how it goes another one.

use super::*;

/// Two recipients by a route and the modem `m`, handed in and held back.
async fn held(store: &Store, maker: &Maker) -> NewOutbound {
    let mut new = maker.outbound(&[number(1), number(2)]);
    for submission in &mut new.submissions {
        submission.way.route = Some("r".to_owned());
    }
    store.accept(new.clone(), NOW).await.unwrap();
    let wait = Wait { whom: Whom::All, fault: fault("rests"), until: later(3_600), here: true };
    store.hold(Kind::Mms, "m", wait, later(60)).await.unwrap();
    new
}

fn other() -> Way {
    Way { modem: "other".to_owned(), why: Some("elsewhere".to_owned()), ..Way::default() }
}

async fn kept(store: &Store, at: Timestamp) -> Vec<Waiting> {
    store.waiting("r", "m", at, None).await.unwrap()
}

#[tokio::test]
async fn what_is_held_waits_since_it_was_held_first_and_goes_over_with_its_octets() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let new = held(&store, &Maker::new()).await;
    assert_eq!(kept(&store, later(59)).await, []);
    let wait = Wait { whom: Whom::All, fault: fault("rests"), until: later(9_000), here: true };
    store.hold(Kind::Mms, "m", wait, later(3_700)).await.unwrap();
    let waiting = kept(&store, later(60)).await;
    assert_eq!((waiting.len(), waiting[0].held_since), (2, Some(later(60))));
    assert_eq!(waiting[0].recipients, [number(1)]);

    // Its own octets change from the middle of what both share.
    let mut pdu = new.submissions[0].pdu.to_vec();
    pdu[3_000] = 0xaa;
    let moved = store.take_over(&waiting[0], other(), Some(pdu.clone().into()), later(4_000)).await;
    assert!(moved.unwrap().is_some());
    assert_eq!(kept(&store, later(9_999)).await.len(), 1);
    let (first, _) =
        store.claim_submission("other", SIM, later(4_000)).await.unwrap().expect("at once");
    assert_eq!(&first.pdu[..], &pdu[..]);
    assert_eq!(first.transaction_id, new.submissions[0].transaction_id);
    assert_eq!(store.claim_submission("other", SIM, later(4_000)).await.unwrap(), None);
    let (second, _) = store.claim_submission("m", SIM, later(9_000)).await.unwrap().unwrap();
    assert_eq!(second.pdu, new.submissions[1].pdu, "the other one's octets are what they were");
}

#[tokio::test]
async fn what_was_claimed_or_may_have_arrived_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    held(&store, &Maker::new()).await;
    let waiting = kept(&store, later(60)).await;
    let (claimed, _) = store.claim_submission("m", SIM, later(3_600)).await.unwrap().unwrap();
    let one = waiting.iter().find(|it| it.key == claimed.key).unwrap();
    assert_eq!(store.take_over(one, other(), None, later(3_600)).await.unwrap(), None);
    store.release(claimed.key, later(3_600)).await.unwrap();
    let again = |in_doubt| Settlement::Again { at: later(3_700), fault: fault("x"), in_doubt };
    store.settle(claimed.key, again(true), later(3_600)).await.unwrap();
    assert!(kept(&store, later(9_999)).await.iter().all(|it| it.key != claimed.key));
    assert_eq!(store.take_over(one, other(), None, later(3_600)).await.unwrap(), None);

    // A certain failure is another matter.
    let (claimed, _) = store.claim_submission("m", SIM, later(3_650)).await.unwrap().unwrap();
    store.release(claimed.key, later(3_650)).await.unwrap();
    store.settle(claimed.key, again(false), later(3_650)).await.unwrap();
    let waiting = kept(&store, later(9_999)).await;
    assert_eq!(waiting.iter().map(|it| it.key).collect::<Vec<_>>(), [claimed.key]);
    let moved = store.take_over(&waiting[0], other(), None, later(3_700)).await.unwrap();
    assert!(moved.is_some());
    // Whoever comes second has nothing.
    assert_eq!(store.take_over(&waiting[0], other(), None, later(3_700)).await.unwrap(), None);
}

#[tokio::test]
async fn recipient_is_known_by_the_sim_wherever_that_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut new = Maker::new().outbound(&[number(1)]);
    new.submissions[0].way =
        Way { modem: "m".to_owned(), sim: Some(SIM.to_owned()), remember: true, ..Way::default() };
    store.accept(new, NOW).await.unwrap();
    assert_eq!(store.served_by(&number(1)).await.unwrap().as_deref(), Some("m"));
    assert_eq!(store.served_by(&number(2)).await.unwrap(), None);
    store.see_sim(SIM, None, "other", false, later(60)).await.unwrap();
    assert_eq!(store.served_by(&number(1)).await.unwrap().as_deref(), Some("other"));
}

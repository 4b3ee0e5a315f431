//! What the store promises of texts that go out, and of what waits for a modem.

use super::*;

struct Rig {
    store: Store,
    clock: Clock,
    random: Random,
    phone: Address,
}

impl Rig {
    fn open(dir: &Path) -> Self {
        Self {
            store: Store::open(dir).unwrap(),
            clock: Clock::starting_at(NOW),
            random: Random::seeded(11),
            phone: Address::Msisdn("+447700900123".to_owned()),
        }
    }

    /// A text of so many parts.
    async fn accept(&self, parts: u8) -> MessageId {
        let id = MessageId::generate(&self.clock, &self.random);
        let text = NewText {
            id: id.clone(),
            client_ref: None,
            origin: crate::model::Origin::default(),
            text: "Hi".to_owned(),
            expires_at: later(86_400),
            end_named: false,
            priority: Priority::Normal,
            send_at: None,
            submissions: vec![NewTextSubmission {
                transaction_id: TransactionId::stored(format!("T{id}")),
                recipient: self.phone.clone(),
                segments: (0..parts).map(|part| Bytes::copy_from_slice(&[1, part])).collect(),
                way: Way { modem: "m".to_owned(), ..Way::default() },
                refused: None,
            }],
        };
        self.store.accept_text(text, NOW).await.unwrap();
        id
    }

    async fn claim(&self, at: Timestamp) -> TextSubmission {
        self.store.claim_text("m", SIM, at).await.unwrap().expect("something is due").0
    }

    /// One segment leaves.
    async fn leave(&self, segment: &TextSegment, outcome: SegmentOutcome, at: Timestamp) {
        self.store.release_segment(segment.key, segment.tpdu.clone(), at).await.unwrap();
        self.store.settle_segment(segment.key, outcome).await.unwrap();
    }

    async fn settle(&self, key: i64, settlement: Settlement, at: Timestamp) {
        self.store.settle(key, settlement, at).await.unwrap();
    }

    /// The report about `reference`, which the service centre accepted at `accepted`.
    async fn report(&self, reference: u8, outcome: StatusOutcome, accepted: Timestamp, at: u64) {
        let tpdu = NewTpdu {
            sim: SIM.to_owned(),
            modem: "m".to_owned(),
            slot: "direct".to_owned(),
            identity: Bytes::copy_from_slice(&at.to_be_bytes()),
            octets: Bytes::from_static(b"report"),
            first_sweep: false,
        };
        self.store.keep_tpdus(vec![tpdu], later(at)).await.unwrap();
        let kept = self.store.pending_tpdus(SIM).await.unwrap().remove(0);
        let report = SmsStatus {
            message_reference: reference,
            recipient: self.phone.clone(),
            accepted_at: Some(accepted),
            status: if outcome == StatusOutcome::Delivered { 0 } else { 0x41 },
            outcome,
            text: "as told".to_owned(),
        };
        self.store.file_status_report(SIM, kept.key, report, later(at)).await.unwrap();
    }

    async fn state(&self, id: &MessageId) -> OutboundState {
        self.store.message(id).await.unwrap().unwrap().summary.recipients[0].state
    }
}

fn taken() -> Settlement {
    Settlement::Sent { mmsc_message_id: None, text: "taken".to_owned() }
}

#[tokio::test]
async fn part_that_is_refused_does_not_end_a_text_whose_rest_is_still_to_leave() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    let id = rig.accept(2).await;
    let claimed = rig.claim(NOW).await;
    rig.leave(&claimed.segments[0], SegmentOutcome::Sent(Some(5)), NOW).await;
    rig.leave(&claimed.segments[1], SegmentOutcome::NotTaken, NOW).await;
    let again = Settlement::Again { at: later(60), fault: fault("no-prompt"), in_doubt: false };
    rig.settle(claimed.key, again, NOW).await;
    rig.report(5, StatusOutcome::Failed, NOW, 2).await;
    assert_eq!(rig.state(&id).await, OutboundState::Queued, "nothing is final yet");
    let claimed = rig.claim(later(60)).await;
    rig.leave(&claimed.segments[0], SegmentOutcome::Sent(Some(6)), later(60)).await;
    rig.settle(claimed.key, taken(), later(61)).await;
    assert_eq!(rig.state(&id).await, OutboundState::Undelivered);
}

#[tokio::test]
async fn report_that_comes_twice_confirms_no_other_text() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    let first = rig.accept(1).await;
    let claimed = rig.claim(NOW).await;
    rig.leave(&claimed.segments[0], SegmentOutcome::Sent(Some(5)), NOW).await;
    rig.settle(claimed.key, taken(), NOW).await;
    rig.report(5, StatusOutcome::Delivered, later(1), 2).await;
    assert_eq!(rig.state(&first).await, OutboundState::Delivered);
    let second = rig.accept(1).await;
    let claimed = rig.claim(later(3)).await;
    rig.leave(&claimed.segments[0], SegmentOutcome::Unknown, later(3)).await;
    let unknown = Settlement::Unknown { mmsc_message_id: None, fault: fault("no-answer") };
    rig.settle(claimed.key, unknown, later(4)).await;
    rig.report(5, StatusOutcome::Delivered, later(1), 5).await;
    assert_eq!(rig.state(&second).await, OutboundState::Unknown, "it was about the first one");
    // One with a stamp of its own is about the second.
    rig.report(6, StatusOutcome::Delivered, later(3), 6).await;
    assert_eq!(rig.state(&second).await, OutboundState::Delivered);
}

#[tokio::test]
async fn claim_that_is_put_back_is_told_and_leaves_no_attempt_behind() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    let id = rig.accept(1).await;
    for _ in 0..3 {
        let claimed = rig.claim(NOW).await;
        assert_eq!(claimed.attempt, 1);
        let change = rig.store.unclaim(claimed.key, NOW).await.unwrap().expect("it was claimed");
        assert_eq!(change.state.as_str(), "queued");
    }
    let view = rig.store.message(&id).await.unwrap().unwrap();
    let told: Vec<&str> = view.timeline.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(told, ["accepted and stored, one SMS"]);
}

#[tokio::test]
async fn pause_after_an_attempt_is_not_cut_short_by_the_modems_return() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    rig.accept(1).await;
    let hold = fault("no-registration");
    rig.store
        .postpone_submissions("m", Kind::Sms, Hold::NoModem, hold, later(1_800), NOW)
        .await
        .unwrap();
    assert_eq!(rig.store.resume("m", SIM, later(10)).await.unwrap(), 1, "it waited for the modem");
    rig.store
        .postpone_submissions(
            "m",
            Kind::Sms,
            Hold::NoModem,
            fault("no-registration"),
            later(1_800),
            later(10),
        )
        .await
        .unwrap();
    let claimed = rig.claim(later(1_800)).await;
    let again = Settlement::Again { at: later(2_700), fault: fault("busy"), in_doubt: false };
    rig.settle(claimed.key, again, later(1_800)).await;
    assert_eq!(rig.store.resume("m", SIM, later(1_810)).await.unwrap(), 0, "it was tried since");
    assert_eq!(rig.store.claim_text("m", SIM, later(1_811)).await.unwrap(), None);
}

#[tokio::test]
async fn delivery_that_was_reported_before_the_answer_has_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    let id = rig.accept(2).await;
    let claimed = rig.claim(NOW).await;
    for (segment, reference) in claimed.segments.iter().zip([5, 6]) {
        rig.leave(segment, SegmentOutcome::Sent(Some(reference)), NOW).await;
        rig.report(reference, StatusOutcome::Delivered, NOW, u64::from(reference)).await;
    }
    rig.settle(claimed.key, taken(), later(7)).await;
    let view = rig.store.message(&id).await.unwrap().unwrap();
    assert_eq!(view.summary.recipients[0].state, OutboundState::Delivered);
    let last = view.timeline.last().unwrap();
    assert_eq!(last.state, "delivered");
    assert_eq!(
        last.text,
        "delivery report, which came before the modem's answer: all 2 parts received by the recipient"
    );
}

#[tokio::test]
async fn text_to_the_same_phone_makes_the_report_of_a_message_not_ambiguous() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path());
    let maker = Maker::new();
    let message = maker.outbound(std::slice::from_ref(&rig.phone));
    let unknown = Settlement::Unknown { mmsc_message_id: None, fault: fault("no-answer") };
    sent(&rig.store, &message, unknown).await;
    rig.accept(1).await;
    let claimed = rig.claim(NOW).await;
    rig.leave(&claimed.segments[0], SegmentOutcome::Sent(Some(5)), NOW).await;
    rig.settle(claimed.key, taken(), NOW).await;
    let push = maker.push(vec![], report("A", rig.phone.clone(), ReportStatus::Retrieved));
    rig.store.file_push(push, later(5)).await.unwrap();
    assert_eq!(rig.state(&message.id).await, OutboundState::Delivered);
}

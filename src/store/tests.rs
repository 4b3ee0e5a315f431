//! What the store promises, held by reopening it after every step.

mod alarms;
mod crossings;
mod media;
mod queue;
mod sims;
mod texts;
mod ways;
mod world;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::model::{
    Address, Clock, Direction, Fault, InboundState, Kind, MessageId, OutboundState, Priority,
    Random, ReportStatus, State, Timestamp, TransactionId,
};

const SIM: &str = "262011234567890";
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn fault(code: &str) -> Fault {
    Fault {
        layer: "mmsc".to_owned(),
        code: code.to_owned(),
        summary: format!("test: {code}"),
        verbatim: None,
        remedy: "none".to_owned(),
        blame: "operator".to_owned(),
    }
}

fn number(last: u8) -> Address {
    Address::Msisdn(format!("+44770090012{last}"))
}

struct Maker {
    clock: Clock,
    random: Random,
}

impl Maker {
    fn new() -> Self {
        Self { clock: Clock::starting_at(NOW), random: Random::seeded(11) }
    }

    fn id(&self) -> MessageId {
        MessageId::generate(&self.clock, &self.random)
    }

    fn outbound(&self, recipients: &[Address]) -> NewOutbound {
        let tail = vec![0x55; 5_000];
        NewOutbound {
            id: self.id(),
            subject: Some("Hello".to_owned()),
            client_ref: None,
            origin: crate::model::Origin::default(),
            parts: vec![Part {
                media_type: MediaType::new("text/plain"),
                charset: Some("utf-8".to_owned()),
                name: None,
                content_id: None,
                content_location: None,
                body: Bytes::from_static(b"Good morning"),
            }],
            expires_at: later(86_400),
            end_named: false,
            priority: Priority::Normal,
            send_at: None,
            forwards: None,
            submissions: recipients
                .iter()
                .map(|address| {
                    let transaction_id = TransactionId::generate(&self.random);
                    let mut pdu = transaction_id.as_str().as_bytes().to_vec();
                    pdu.extend_from_slice(&tail);
                    NewSubmission {
                        transaction_id,
                        pdu: Bytes::from(pdu),
                        recipients: vec![address.clone()],
                        way: Way { modem: "m".to_owned(), ..Way::default() },
                        refused: None,
                    }
                })
                .collect(),
        }
    }

    fn push(&self, tpdus: Vec<i64>, what: PushKind) -> NewPush {
        NewPush {
            sim: SIM.to_owned(),
            modem: "m".to_owned(),
            tpdus,
            id: self.id(),
            octets: Bytes::from_static(b"\x01\x06push"),
            content_type: Some("application/vnd.wap.mms-message".to_owned()),
            what,
            historic: false,
        }
    }
}

fn notification(transaction_id: &str, expires_at: Timestamp) -> PushKind {
    PushKind::Notification(Notification {
        transaction_id: transaction_id.to_owned(),
        content_location: format!("http://mmsc.example/{transaction_id}"),
        from: Some(number(7)),
        subject: None,
        size: Some(1_000),
        retrieve: Retrieve::Now,
        life: Life { until: expires_at, counted: false, over: expires_at <= NOW },
    })
}

fn report(mmsc_message_id: &str, address: Address, status: ReportStatus) -> PushKind {
    PushKind::Reports(vec![Report {
        mmsc_message_id: mmsc_message_id.to_owned(),
        address: Some(address),
        what: ReportKind::Delivery(status),
    }])
}

fn open(dir: &Path) -> Store {
    Store::open(dir).unwrap()
}

/// What a crash leaves: the process is gone, the files stay.
fn reopen(store: Store, dir: &Path) -> Store {
    drop(store);
    open(dir)
}

async fn out_state(store: &Store, id: &MessageId) -> OutboundState {
    match store.state(id).await.unwrap() {
        Some(State::Out(state)) => state,
        other => panic!("{other:?}"),
    }
}

async fn in_state(store: &Store, id: &MessageId) -> InboundState {
    match store.state(id).await.unwrap() {
        Some(State::In(state)) => state,
        other => panic!("{other:?}"),
    }
}

fn modems() -> Vec<String> {
    vec!["m".to_owned()]
}

#[tokio::test]
async fn accepted_message_survives_and_keeps_its_octets() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1), number(2), number(3)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let store = reopen(store, dir.path());
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    for submission in &new.submissions {
        let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
        assert_eq!(claimed.pdu, submission.pdu);
        assert_eq!(claimed.transaction_id, submission.transaction_id);
    }
    assert_eq!(store.claim_submission("m", SIM, NOW).await.unwrap(), None);
    // Three recipients share one copy of what their PDUs have in common.
    let stored: i64 = store
        .read(|db| Ok(db.query_row("SELECT sum(length(head)) FROM submission", [], |r| r.get(0))?))
        .await
        .unwrap();
    assert_eq!(stored, 3 * 32);
}

#[tokio::test]
async fn restart_before_release_queues_and_after_release_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (first, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();

    let store = reopen(store, dir.path());
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Sending);
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Queued);

    let (second, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    assert_eq!((second.pdu, second.attempt), (first.pdu, 2));
    store.release(second.key, NOW).await.unwrap();
    let store = reopen(store, dir.path());
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Unknown);
    assert_eq!(store.claim_submission("m", SIM, later(99)).await.unwrap(), None);
    let view = store.message(&new.id).await.unwrap().unwrap();
    assert_eq!(view.summary.fault.map(|fault| fault.code), Some("lost".to_owned()));

    // Only a person's word sends it again, with the same Transaction-Id.
    store.send_again(&new.id, modems(), later(86_400), later(100)).await.unwrap().unwrap();
    let (third, _) = store.claim_submission("m", SIM, later(100)).await.unwrap().unwrap();
    assert_eq!(third.transaction_id, new.submissions[0].transaction_id);
    // The new attempt starts unreleased.
    let store = reopen(store, dir.path());
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Queued);
}

#[tokio::test]
async fn line_picks_up_only_what_its_own_session_left() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let (ours, theirs) = (maker.outbound(&[number(1)]), maker.outbound(&[number(2)]));
    let mut theirs = theirs;
    theirs.submissions[0].way.modem = "other".to_owned();
    store.accept(ours.clone(), NOW).await.unwrap();
    store.accept(theirs.clone(), NOW).await.unwrap();
    store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    store.claim_submission("other", "sim2", NOW).await.unwrap().unwrap();
    store.recover_line("m", fault("lost"), false, NOW).await.unwrap();
    assert_eq!(out_state(&store, &ours.id).await, OutboundState::Queued);
    assert_eq!(out_state(&store, &theirs.id).await, OutboundState::Sending);
}

#[tokio::test]
async fn restart_resends_a_released_message_once_where_the_owner_wants_that() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let new = Maker::new().outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    for expected in [OutboundState::Queued, OutboundState::Unknown] {
        let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
        store.release(claimed.key, NOW).await.unwrap();
        store.recover(modems(), fault("lost"), true, NOW).await.unwrap();
        assert_eq!(out_state(&store, &new.id).await, expected);
    }
}

#[tokio::test]
async fn withdrawn_message_cannot_be_released() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    assert!(store.cancel(&new.id, NOW).await.unwrap().is_some());
    assert!(matches!(store.release(claimed.key, NOW).await, Err(StoreError::NotFound { .. })));
    let again = Settlement::Again { at: NOW, fault: fault("x"), in_doubt: false };
    assert_eq!(store.settle(claimed.key, again, NOW).await.unwrap(), []);
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Canceled);
}

#[tokio::test]
async fn released_message_cannot_be_withdrawn() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    store.release(claimed.key, NOW).await.unwrap();
    assert_eq!(store.cancel(&new.id, NOW).await.unwrap(), None);
}

/// Counts commits, and forbids those behind the last that may be.
#[derive(Default)]
struct Commits(AtomicU64, Option<u64>);

impl Probe for Commits {
    fn may_commit(&self) -> bool {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        self.1.is_none_or(|last| count <= last)
    }
}

#[tokio::test]
async fn nothing_behind_the_end_of_the_process_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open_probed(dir.path(), Arc::new(Commits(0.into(), Some(1)))).unwrap();
    let maker = Maker::new();
    let (first, second) = (maker.outbound(&[number(1)]), maker.outbound(&[number(2)]));
    let (kept, lost) = (first.id.clone(), second.id.clone());
    store.accept(first, NOW).await.unwrap();
    store.accept(second, NOW).await.unwrap_err();
    drop(store);
    let store = open(dir.path());
    assert!(store.message(&kept).await.unwrap().is_some());
    assert_eq!(store.message(&lost).await.unwrap(), None);
}

#[tokio::test]
async fn writers_that_wait_share_one_commit_and_one_failure_undoes_only_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let commits = Arc::new(Commits::default());
    let store = Store::open_probed(dir.path(), Arc::<Commits>::clone(&commits)).unwrap();
    let before = commits.0.load(Ordering::Relaxed);
    let mut waiting = Vec::new();
    let mut ids = Vec::new();
    for last in 0..9_u8 {
        let new = maker.outbound(&[number(last)]);
        ids.push(new.id.clone());
        let (answer, serve) = store.engine.queue(move |db| {
            db.execute(
                "INSERT INTO message (id, direction, state, created_at, updated_at)
                 VALUES (?1, 'out', 'queued', 1, 1)",
                [new.id.as_str()],
            )?;
            if last == 4 {
                return Err(StoreError::NotFound { what: "luck".to_owned() }.into());
            }
            Ok(())
        });
        assert_eq!(serve, last == 0, "one serves all");
        waiting.push(answer);
    }
    store.engine.drain();
    let after = commits.0.load(Ordering::Relaxed);
    assert_eq!(after - before, 1);
    for (last, (answer, id)) in waiting.into_iter().zip(&ids).enumerate() {
        assert_eq!(answer.await.unwrap().is_err(), last == 4);
        let kept: bool = store
            .engine
            .read(|db| {
                let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE id = ?1)";
                Ok(db.query_row(sql, [id.as_str()], |row| row.get(0))?)
            })
            .unwrap();
        assert_eq!(kept, last != 4);
    }
}

#[tokio::test]
async fn work_that_panics_fails_and_the_next_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let defect = store.write(|_| -> Result<(), Failure> { panic!("a defect") }).await;
    assert!(matches!(defect, Err(StoreError::Database { .. })), "{defect:?}");
    store.answers().await.unwrap();
}

#[tokio::test]
async fn tpdu_is_known_again_after_a_crash_between_commit_and_deletion() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let tpdu = NewTpdu {
        sim: SIM.to_owned(),
        modem: "m".to_owned(),
        slot: "SM 1".to_owned(),
        octets: Bytes::from_static(b"tpdu"),
        identity: Bytes::from_static(b"tpdu"),
        first_sweep: false,
    };
    let first = store.keep_tpdus(vec![tpdu.clone()], NOW).await.unwrap()[0];
    assert!(!first.duplicate);
    let store = reopen(store, dir.path());
    assert_eq!(store.pending_tpdus(SIM).await.unwrap()[0].octets, tpdu.octets);
    let again = store.keep_tpdus(vec![tpdu.clone()], NOW).await.unwrap()[0];
    assert_eq!((again.key, again.duplicate), (first.key, true));
    // The same octets on another SIM are another message.
    let other = NewTpdu { sim: "other".to_owned(), ..tpdu };
    assert!(!store.keep_tpdus(vec![other], NOW).await.unwrap()[0].duplicate);
    let push = maker.push(vec![first.key], notification("T1", later(1_000)));
    store.file_push(push, NOW).await.unwrap();
    assert!(store.pending_tpdus(SIM).await.unwrap().is_empty());
}

#[tokio::test]
async fn notification_is_one_message_until_it_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let push = maker.push(vec![], notification("T1", later(9_000)));
    let filed = store.file_push(push, NOW).await.unwrap();
    let id = filed.message.unwrap();
    let again = maker.push(vec![], notification("T1", later(9_000)));
    let repeated = store.file_push(again, NOW).await.unwrap();
    assert_eq!((repeated.message, repeated.repeated), (Some(id.clone()), true));

    let (pending, _) = store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    assert_eq!(store.claim_retrieval(SIM, "m", NOW).await.unwrap(), None);
    let store = reopen(store, dir.path());
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    let (again, _) = store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    assert_eq!((again.message, again.attempt), (pending.message, 2));

    let received = Retrieval::Received {
        pdu: Bytes::from_static(b"pdu"),
        message: Box::new(Received { from: Some(number(7)), ..Received::default() }),
        acks: vec![NewAck { kind: AckKind::NotifyResp(0x81), transaction_id: "T1".to_owned() }],
        fault: None,
    };
    store.settle_retrieval(&id, received, NOW).await.unwrap();
    let store = reopen(store, dir.path());
    store.recover(modems(), fault("lost"), false, NOW).await.unwrap();
    assert_eq!(in_state(&store, &id).await, InboundState::Received);
    let ack = store.due_acks(SIM, NOW).await.unwrap().remove(0);
    let retry = AckResult::Again { at: later(60), fault: fault("http-500") };
    store.settle_ack(ack.key, retry, NOW).await.unwrap();
    assert_eq!(in_state(&store, &id).await, InboundState::Received);
    assert!(store.due_acks(SIM, later(59)).await.unwrap().is_empty());
    assert_eq!(store.next_due("m", Some(SIM)).await.unwrap(), Some(later(60)));
    let ack = store.due_acks(SIM, later(60)).await.unwrap().remove(0);
    assert_eq!(ack.attempt, 2);
    store.settle_ack(ack.key, AckResult::Done, later(60)).await.unwrap();
    assert_eq!(in_state(&store, &id).await, InboundState::Acknowledged);

    // Announced once more after that: only the acknowledgement is repeated.
    let again = maker.push(vec![], notification("T1", later(9_000)));
    store.file_push(again, later(70)).await.unwrap();
    assert_eq!(store.claim_retrieval(SIM, "m", later(70)).await.unwrap(), None);
    assert_eq!(store.due_acks(SIM, later(70)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn notification_announced_too_late_is_filed_as_expired() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let push = Maker::new().push(vec![], notification("T1", NOW));
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    assert_eq!(in_state(&store, &id).await, InboundState::Expired);
    assert_eq!(store.claim_retrieval(SIM, "m", later(1)).await.unwrap(), None);
}

async fn sent(store: &Store, new: &NewOutbound, settlement: Settlement) {
    store.accept(new.clone(), NOW).await.unwrap();
    while let Some((claimed, _)) = store.claim_submission("m", SIM, NOW).await.unwrap() {
        store.release(claimed.key, NOW).await.unwrap();
        store.settle(claimed.key, settlement.clone(), NOW).await.unwrap();
    }
}

#[tokio::test]
async fn report_that_was_quicker_than_the_answer_finds_its_recipient_later() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    store.release(claimed.key, NOW).await.unwrap();
    let push = maker.push(vec![], report("ID9", number(1), ReportStatus::Retrieved));
    assert!(store.file_push(push, NOW).await.unwrap().changes.is_empty());
    assert_eq!(store.unmatched_reports(SIM).await.unwrap(), 1);
    let settlement =
        Settlement::Sent { mmsc_message_id: Some("ID9".to_owned()), text: String::new() };
    store.settle(claimed.key, settlement, NOW).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Delivered);
    assert_eq!(store.unmatched_reports(SIM).await.unwrap(), 0);
}

#[tokio::test]
async fn report_resolves_an_unknown_only_when_nothing_else_fits() {
    let unknown = Settlement::Unknown { mmsc_message_id: None, fault: fault("no-answer") };
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let one = maker.outbound(&[number(1)]);
    sent(&store, &one, unknown.clone()).await;
    // Another recipient, and a report from before the release, fit nothing.
    let push = maker.push(vec![], report("A", number(2), ReportStatus::Retrieved));
    assert!(store.file_push(push, later(5)).await.unwrap().changes.is_empty());
    let push = maker.push(vec![], report("B", number(1), ReportStatus::Retrieved));
    store.file_push(push, later(5)).await.unwrap();
    assert_eq!(out_state(&store, &one.id).await, OutboundState::Delivered);
    let view = store.message(&one.id).await.unwrap().unwrap();
    assert!(view.summary.recipients[0].report_inferred);
    assert_eq!(view.summary.fault, None);
    // What is known to have arrived is not sent again.
    assert_eq!(store.send_again(&one.id, modems(), later(99), later(6)).await.unwrap(), None);

    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (one, two) = (maker.outbound(&[number(1)]), maker.outbound(&[number(1)]));
    sent(&store, &one, unknown.clone()).await;
    sent(&store, &two, unknown).await;
    let push = maker.push(vec![], report("B", number(1), ReportStatus::Retrieved));
    assert!(store.file_push(push, later(5)).await.unwrap().changes.is_empty());
    assert_eq!(out_state(&store, &one.id).await, OutboundState::Unknown);
    assert_eq!(out_state(&store, &two.id).await, OutboundState::Unknown);
}

#[tokio::test]
async fn group_message_keeps_a_state_for_each_recipient() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let mut new = maker.outbound(&[number(1)]);
    new.submissions[0].recipients = vec![number(1), number(2)];
    let settlement =
        Settlement::Sent { mmsc_message_id: Some("G".to_owned()), text: String::new() };
    sent(&store, &new, settlement).await;
    let push = maker.push(vec![], report("G", number(2), ReportStatus::Retrieved));
    store.file_push(push, later(5)).await.unwrap();
    let view = store.message(&new.id).await.unwrap().unwrap();
    let states: Vec<_> = view.summary.recipients.iter().map(|one| one.state).collect();
    assert_eq!(states, [OutboundState::Sent, OutboundState::Delivered]);
    assert_eq!(view.summary.state, State::Out(OutboundState::Sent));
}

#[tokio::test]
async fn queued_message_expires_with_the_reason_it_was_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    store
        .postpone_submissions("m", Kind::Mms, Hold::NoCall, fault("no-carrier"), later(60), NOW)
        .await
        .unwrap();
    assert_eq!(store.claim_submission("m", SIM, later(59)).await.unwrap(), None);
    assert!(store.expire_submissions(later(86_399)).await.unwrap().is_empty());
    store.expire_submissions(later(86_400)).await.unwrap();
    let view = store.message(&new.id).await.unwrap().unwrap();
    assert_eq!(view.summary.state, State::Out(OutboundState::Expired));
    assert_eq!(view.summary.fault.map(|fault| fault.code), Some("no-carrier".to_owned()));
}

#[tokio::test]
async fn undecodable_push_is_shown_with_its_octets() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let push = maker.push(vec![], PushKind::Undecodable { fault: fault("bad-push") });
    let octets = push.octets.clone();
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    assert_eq!(in_state(&store, &id).await, InboundState::Failed);
    assert_eq!(store.part(&id, 0).await.unwrap().unwrap().body, octets);
}

#[tokio::test]
async fn submissions_of_a_modem_that_is_gone_go_to_the_first_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.accept(Maker::new().outbound(&[number(1)]), NOW).await.unwrap();
    store.recover(vec!["new".to_owned()], fault("lost"), false, NOW).await.unwrap();
    assert!(store.claim_submission("new", SIM, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn listing_pages_from_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let mut ids = Vec::new();
    for last in 0..5 {
        let new = maker.outbound(&[number(last)]);
        ids.push(new.id.clone());
        store.accept(new, NOW).await.unwrap();
    }
    ids.sort();
    ids.reverse();
    let filter = Filter { limit: 2, ..Filter::default() };
    let page = store.messages(filter.clone()).await.unwrap();
    assert_eq!(page.iter().map(|one| &one.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    let filter = Filter { before: Some(ids[1].clone()), ..filter };
    let page = store.messages(filter).await.unwrap();
    assert_eq!(page.iter().map(|one| &one.id).collect::<Vec<_>>(), [&ids[2], &ids[3]]);
    assert_eq!(page[0].text.as_deref(), Some("Good morning"));
    let inbound = Filter { direction: Some(Direction::Inbound), ..Filter::default() };
    assert!(store.messages(inbound).await.unwrap().is_empty());
}

#[test]
fn store_of_a_newer_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    rusqlite::Connection::open(dir.path().join(DB_FILE))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::TooNew { found: 99, known: 8.. }), "{error}");
}

async fn received(store: &Store, id: &MessageId, acks: Vec<NewAck>) {
    store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    let received = Retrieval::Received {
        pdu: Bytes::from_static(b"pdu"),
        message: Box::default(),
        acks,
        fault: None,
    };
    store.settle_retrieval(id, received, NOW).await.unwrap();
}

#[tokio::test]
async fn error_in_the_shape_of_a_message_is_fetched_again_when_announced_again() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let push = || maker.push(vec![], notification("T1", later(9_000)));
    let id = store.file_push(push(), NOW).await.unwrap().message.unwrap();
    received(&store, &id, Vec::new()).await;
    assert_eq!(in_state(&store, &id).await, InboundState::Received);
    store.file_push(push(), later(60)).await.unwrap();
    let (again, _) = store.claim_retrieval(SIM, "m", later(60)).await.unwrap().unwrap();
    assert_eq!(again.message, id);
    assert_eq!(store.due_acks(SIM, later(60)).await.unwrap(), []);
}

#[tokio::test]
async fn message_fetched_again_on_request_is_not_declined_before() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let push = maker.push(vec![], notification("T1", later(9_000)));
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    store.claim_retrieval(SIM, "m", NOW).await.unwrap().unwrap();
    let undecodable = Retrieval::Undecodable {
        pdu: Bytes::from_static(b"?"),
        fault: fault("undecodable"),
        acks: vec![NewAck { kind: AckKind::NotifyResp(0x84), transaction_id: "T1".to_owned() }],
    };
    store.settle_retrieval(&id, undecodable, NOW).await.unwrap();
    assert_eq!(store.due_acks(SIM, NOW).await.unwrap().len(), 1);
    store.fetch_again(&id, later(9_000), later(5)).await.unwrap().unwrap();
    assert_eq!(store.due_acks(SIM, later(5)).await.unwrap(), []);
    assert!(store.claim_retrieval(SIM, "m", later(5)).await.unwrap().is_some());
}

#[tokio::test]
async fn message_sent_again_after_its_modem_is_gone_goes_to_another_one() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    store.accept(new.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    let failed = Settlement::Failed { fault: fault("refused") };
    store.settle(claimed.key, failed, NOW).await.unwrap();
    let other = vec!["other".to_owned()];
    store.recover(other.clone(), fault("lost"), false, NOW).await.unwrap();
    store.send_again(&new.id, other, later(99), NOW).await.unwrap().unwrap();
    assert!(store.claim_submission("other", SIM, NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn clock_that_was_set_back_does_not_delay_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let push = maker.push(vec![], notification("T1", later(9_000)));
    let id = store.file_push(push, NOW).await.unwrap().message.unwrap();
    let ack = NewAck { kind: AckKind::NotifyResp(0x81), transaction_id: "T1".to_owned() };
    received(&store, &id, vec![ack]).await;
    store.file_push(maker.push(vec![], notification("T2", later(9_000))), NOW).await.unwrap();
    store.accept(maker.outbound(&[number(1)]), NOW).await.unwrap();
    let store = reopen(store, dir.path());
    let past = Timestamp::from_secs(1_600_000_000);
    store.recover(modems(), fault("lost"), false, past).await.unwrap();
    assert_eq!(store.due_acks(SIM, past).await.unwrap().len(), 1);
    assert!(store.claim_retrieval(SIM, "m", past).await.unwrap().is_some());
    assert!(store.claim_submission("m", SIM, past).await.unwrap().is_some());
}

#[tokio::test]
async fn report_that_fits_for_certain_after_another_answer_is_told_as_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let (lost, open_yet) = (maker.outbound(&[number(1)]), maker.outbound(&[number(1)]));
    let unknown = Settlement::Unknown { mmsc_message_id: None, fault: fault("no-answer") };
    sent(&store, &lost, unknown).await;
    store.accept(open_yet.clone(), NOW).await.unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    store.release(claimed.key, NOW).await.unwrap();
    let push = maker.push(vec![], report("ID1", number(1), ReportStatus::Retrieved));
    assert_eq!(store.file_push(push, later(1)).await.unwrap().changes, []);
    let refused = Settlement::Failed { fault: fault("refused") };
    let changes = store.settle(claimed.key, refused, later(2)).await.unwrap();
    assert_eq!(out_state(&store, &lost.id).await, OutboundState::Delivered);
    let told: Vec<&str> = changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(told, [lost.id.as_str(), open_yet.id.as_str()]);
}

#[tokio::test]
async fn recipient_who_has_it_keeps_it_when_another_attempt_fails() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let new = maker.outbound(&[number(1)]);
    let partial = Settlement::Unknown {
        mmsc_message_id: Some("ID1".to_owned()),
        fault: fault("partial-success"),
    };
    sent(&store, &new, partial).await;
    store.send_again(&new.id, modems(), later(99), NOW).await.unwrap().unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    let push = maker.push(vec![], report("ID1", number(1), ReportStatus::Retrieved));
    store.file_push(push, later(1)).await.unwrap();
    let failed = Settlement::Failed { fault: fault("refused") };
    store.settle(claimed.key, failed, later(2)).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Delivered);
}

#[tokio::test]
async fn unknown_that_is_sent_again_without_success_stays_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let maker = Maker::new();
    let store = open(dir.path());
    let lost = || Settlement::Unknown { mmsc_message_id: None, fault: fault("no-answer") };
    for (index, way) in ["refused", "too late", "expired", "withdrawn"].into_iter().enumerate() {
        let new = maker.outbound(&[number(u8::try_from(index).unwrap())]);
        sent(&store, &new, lost()).await;
        store.send_again(&new.id, modems(), later(99), NOW).await.unwrap().unwrap();
        if way == "expired" {
            store.expire_submissions(later(86_401)).await.unwrap();
        } else if way == "withdrawn" {
            store.cancel(&new.id, NOW).await.unwrap().unwrap();
        } else {
            let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
            let end = match way {
                "refused" => Settlement::Failed { fault: fault("refused") },
                _ => Settlement::Expired { fault: fault("no-carrier") },
            };
            store.settle(claimed.key, end, NOW).await.unwrap();
        }
        assert_eq!(out_state(&store, &new.id).await, OutboundState::Unknown, "{way}");
    }

    // Once the MMSC has taken it there is no doubt left.
    let new = maker.outbound(&[number(9)]);
    sent(&store, &new, lost()).await;
    store.send_again(&new.id, modems(), later(99), NOW).await.unwrap().unwrap();
    let (claimed, _) = store.claim_submission("m", SIM, NOW).await.unwrap().unwrap();
    let taken = Settlement::Sent { mmsc_message_id: None, text: String::new() };
    store.settle(claimed.key, taken, NOW).await.unwrap();
    assert_eq!(out_state(&store, &new.id).await, OutboundState::Sent);
}

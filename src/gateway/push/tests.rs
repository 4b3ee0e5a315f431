//! What becomes of short messages, the store reopened where a crash would be.

use std::sync::Arc;

use super::*;
use crate::codec::mms::Pdu;
use crate::codec::mms::{DeliveryInd, Expiry, MmsStatus, NotificationInd, Version};
use crate::codec::push::Push;
use crate::codec::sms::{
    Body, Concat, ConcatReference, Scts, SmsAddress, Udh, UserData, join_smsc,
    port_addressed_delivers, split_text,
};
use crate::gateway::config::Timing;
use crate::gateway::events::Events;
use crate::gateway::live::Live;
use crate::model::Address;
use crate::model::{Clock, InboundState, Kind, OutboundState, Random, State};
use crate::modem::VolatilePins;
use crate::store::{Filter, Store, Summary};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

struct Rig {
    dir: tempfile::TempDir,
    intake: Intake,
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let intake = intake(dir.path());
        Self { dir, intake }
    }

    /// What a crash leaves.
    fn reopen(self) -> Self {
        let dir = self.dir;
        drop(self.intake);
        let intake = intake(dir.path());
        Self { dir, intake }
    }

    async fn arrive(&self, tpdus: impl IntoIterator<Item = Bytes>) {
        let raw = tpdus.into_iter().map(|octets| ("SM 1".to_owned(), octets, false));
        self.intake.keep(raw).await.unwrap();
        self.intake.digest(&StageSink::none()).await.unwrap();
    }

    /// What the first look through the SIM finds.
    async fn first_look(&self, tpdus: impl IntoIterator<Item = Bytes>) {
        let core = &self.intake.core;
        core.store.see_sim(&self.intake.sim, None, "m", false, core.now()).await.unwrap();
        let raw = tpdus.into_iter().map(|octets| ("SM 1".to_owned(), octets, true));
        self.intake.keep(raw).await.unwrap();
        core.store.swept(&self.intake.sim, Vec::new(), true, core.now()).await.unwrap();
        self.intake.digest(&StageSink::none()).await.unwrap();
    }

    async fn digest_after(&self, seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        self.intake.digest(&StageSink::none()).await.unwrap();
    }

    /// Plain short messages, newest first.
    async fn texts(&self) -> Vec<Summary> {
        let filter = Filter { kind: Some(Kind::Sms), ..Filter::default() };
        self.intake.core.store.messages(filter).await.unwrap()
    }

    async fn shown(&self) -> Vec<(State, Option<String>)> {
        let found = self.intake.core.store.messages(Filter::default()).await.unwrap();
        found.into_iter().map(|one| (one.state, one.fault.map(|fault| fault.code))).collect()
    }
}

fn intake(dir: &std::path::Path) -> Intake {
    let clock = Clock::starting_at(NOW);
    let core = Core {
        store: Store::open(dir).unwrap(),
        pins: Arc::new(VolatilePins::default()),
        clock,
        random: Random::seeded(3),
        events: Events::new(clock),
        timing: Timing::default(),
        data: crate::gateway::DataPolicy::default(),
        operators: crate::operators::table::Table::embedded(),
        sending: Live::default(),
        resend_unknown: false,
        receiving: Live::default(),
        sms_languages: Vec::new().into(),
        sms_reference: Arc::default(),
        figures: Arc::default(),
        filing: Arc::default(),
        setting_clock: Arc::default(),
    };
    Intake { core, modem: "m".to_owned(), sim: "262011234567890".to_owned() }
}

fn notification(id: &str) -> Bytes {
    let ind = NotificationInd {
        transaction_id: id.to_owned(),
        version: Version::V1_2,
        from: None,
        subject: Some("so long that it takes two short messages ".repeat(3)),
        delivery_report: None,
        message_class: None,
        priority: None,
        message_size: Some(30_000),
        expiry: Some(Expiry::After(Duration::from_secs(86_400))),
        content_location: format!("http://mmsc.example/mms/{id}"),
        extra: Vec::new(),
    };
    Push::mms(1, Pdu::NotificationInd(ind).encode()).encode()
}

fn sms(payload: &[u8], port: u16, reference: u8, at: Timestamp) -> Vec<Bytes> {
    let sender = SmsAddress::from_text("86888");
    let stamp = Scts::new(at, 0);
    port_addressed_delivers(payload, &sender, port, 9200, reference, stamp)
        .unwrap()
        .iter()
        .map(|deliver| Bytes::from(join_smsc(None, &deliver.encode().unwrap()).unwrap()))
        .collect()
}

const NOTIFIED: (State, Option<String>) = (State::In(InboundState::Notified), None);

#[tokio::test]
async fn notification_in_two_short_messages_survives_a_restart_between_them() {
    let parts = sms(&notification("T1"), PORT_WAP_PUSH, 7, NOW);
    assert_eq!(parts.len(), 2);
    let rig = Rig::new();
    rig.arrive([parts[1].clone()]).await;
    assert_eq!(rig.shown().await, []);
    let rig = rig.reopen();
    rig.arrive([parts[0].clone()]).await;
    assert_eq!(rig.shown().await, std::slice::from_ref(&NOTIFIED));
    // The SIM gives both once more: nothing new.
    rig.arrive(parts).await;
    assert_eq!(rig.shown().await, [NOTIFIED]);
}

#[tokio::test]
async fn notification_repeated_under_another_reference_is_one_message() {
    let rig = Rig::new();
    rig.arrive(sms(&notification("T1"), PORT_WAP_PUSH, 7, NOW)).await;
    let later = NOW.plus(Duration::from_secs(60));
    rig.arrive(sms(&notification("T1"), PORT_WAP_PUSH, 8, later)).await;
    assert_eq!(rig.shown().await, std::slice::from_ref(&NOTIFIED));
    rig.arrive(sms(&notification("T2"), PORT_WAP_PUSH, 9, later)).await;
    assert_eq!(rig.shown().await.len(), 2);
}

#[tokio::test]
async fn part_of_an_older_message_with_the_same_reference_is_not_mixed_in() {
    let yesterday = Timestamp::from_secs(NOW.as_secs() - 86_400);
    let old = sms(&notification("OLD"), PORT_WAP_PUSH, 7, yesterday);
    let new = sms(&notification("NEW"), PORT_WAP_PUSH, 7, NOW);
    let rig = Rig::new();
    rig.arrive([old[1].clone(), new[0].clone()]).await;
    assert_eq!(rig.shown().await, []);
    rig.arrive([new[1].clone()]).await;
    let found = rig.intake.core.store.messages(Filter::default()).await.unwrap();
    let view = rig.intake.core.store.message(&found[0].id).await.unwrap().unwrap();
    assert_eq!((found.len(), view.notification.unwrap().0), (1, "NEW".to_owned()));
}

#[tokio::test]
async fn messages_with_the_same_reference_that_arrive_at_once_are_kept_apart() {
    let first = sms(&notification("T1"), PORT_WAP_PUSH, 7, NOW);
    let later = NOW.plus(Duration::from_secs(20));
    let second = sms(&notification("T2"), PORT_WAP_PUSH, 7, later);
    let rig = Rig::new();
    // As a modem lists them that fills free places.
    let (a, b) = (first.clone(), second.clone());
    rig.arrive([a[0].clone(), b[0].clone(), a[1].clone(), b[1].clone()]).await;
    assert_eq!(rig.shown().await, [NOTIFIED, NOTIFIED]);

    // Of an earlier one only a part came.
    let rig = Rig::new();
    rig.arrive([first[0].clone(), second[0].clone(), second[1].clone()]).await;
    let found = rig.intake.core.store.messages(Filter::default()).await.unwrap();
    let view = rig.intake.core.store.message(&found[0].id).await.unwrap().unwrap();
    assert_eq!((found.len(), view.notification.unwrap().0), (1, "T2".to_owned()));
    rig.arrive([first[1].clone()]).await;
    assert_eq!(rig.shown().await, [NOTIFIED, NOTIFIED]);
}

#[tokio::test(start_paused = true)]
async fn parts_that_come_again_when_all_is_filed_are_nothing_new() {
    let first = sms(&notification("T1"), PORT_WAP_PUSH, 7, NOW);
    let second = sms(&notification("T2"), PORT_WAP_PUSH, 7, NOW.plus(Duration::from_secs(20)));
    let rig = Rig::new();
    rig.arrive([second[1].clone(), first[0].clone()]).await;
    rig.arrive([first[1].clone(), second[0].clone()]).await;
    assert_eq!(rig.shown().await, [NOTIFIED, NOTIFIED]);
    // Once as it was, once with other messages waiting behind it in the service centre.
    let mut again = first[1].to_vec();
    again[1] ^= 0x04;
    rig.arrive([first[0].clone(), again.into()]).await;
    tokio::time::advance(FRAGMENT_LIFE).await;
    rig.intake.digest(&StageSink::none()).await.unwrap();
    assert_eq!(rig.shown().await, [NOTIFIED, NOTIFIED]);
}

#[test]
fn text_that_was_cut_within_a_character_is_joined_whole() {
    let part = |sequence: u8, dcs: Dcs, body: Body| {
        let concat = Concat { reference: 7, wide: false, total: 2, sequence };
        let udh = Udh { elements: vec![concat.into()], rest: Vec::new() };
        let sender = SmsAddress::from_text("86888");
        let user_data = UserData { udh, body };
        let deliver = Deliver::new(sender, dcs, Scts::new(NOW, 0), user_data);
        let octets = join_smsc(None, &deliver.encode().unwrap()).unwrap().into();
        let pending = PendingTpdu {
            key: i64::from(sequence),
            octets,
            received_at: NOW,
            first_sweep: false,
            historic: false,
            shown: None,
        };
        match read(&pending) {
            Ok(Read::Part(kept)) => kept,
            _ => panic!("a part"),
        }
    };
    let ucs2 = |octets: &'static [u8]| Body::Octets(Bytes::from_static(octets));
    let cake = [
        part(2, Dcs::UCS2, ucs2(&[0xdf, 0x82, 0, b'!'])),
        part(1, Dcs::UCS2, ucs2(&[0, b'a', 0xd8, 0x3c])),
    ];
    assert_eq!(joined_text(&cake).as_deref(), Some("a\u{1f382}!"));
    let euro = [
        part(1, Dcs::GSM7, Body::Septets(vec![b'5', 0x1b])),
        part(2, Dcs::GSM7, Body::Septets(vec![0x65, b'.'])),
    ];
    assert_eq!(joined_text(&euro).as_deref(), Some("5\u{20ac}."));
    let mixed =
        [part(1, Dcs::GSM7, Body::Septets(b"ab".to_vec())), part(2, Dcs::UCS2, ucs2(&[0, b'c']))];
    assert_eq!(joined_text(&mixed).as_deref(), Some("abc"));
}

#[tokio::test(start_paused = true)]
async fn parts_whose_siblings_never_come_are_shown_in_the_end() {
    let parts = sms(&notification("T1"), PORT_WAP_PUSH, 7, NOW);
    let rig = Rig::new();
    rig.arrive([parts[0].clone()]).await;
    tokio::time::advance(FRAGMENT_LIFE).await;
    rig.intake.digest(&StageSink::none()).await.unwrap();
    let failed = State::In(InboundState::Failed);
    assert_eq!(rig.shown().await, [(failed, Some("push-incomplete".to_owned()))]);
    rig.intake.digest(&StageSink::none()).await.unwrap();
    assert_eq!(rig.shown().await.len(), 1);
}

#[tokio::test]
async fn push_that_cannot_be_read_is_shown_with_its_octets() {
    let rig = Rig::new();
    // An M-Notification.ind that ends in the middle of a field.
    let octets = Push::mms(1, Bytes::from_static(&[0x8c, 0x82, 0x98, b'T'])).encode();
    rig.arrive(sms(&octets, PORT_WAP_PUSH, 7, NOW)).await;
    let failed = State::In(InboundState::Failed);
    assert_eq!(rig.shown().await, [(failed, Some("pdu-undecodable".to_owned()))]);
    let found = rig.intake.core.store.messages(Filter::default()).await.unwrap();
    let part = rig.intake.core.store.part(&found[0].id, 0).await.unwrap().unwrap();
    assert_eq!(part.body, octets);
}

#[tokio::test]
async fn push_of_another_service_is_kept_and_shown() {
    let rig = Rig::new();
    // Push, no headers but the content type: application/vnd.wap.sic (0x2E), an SI.
    let octets = [0x01, 0x06, 0x01, 0xae, 0x02, 0x05, 0x6a];
    rig.arrive(sms(&octets, PORT_WAP_PUSH, 7, NOW)).await;
    assert_eq!(rig.shown().await, [(State::In(InboundState::Pushed), None)]);
}

#[tokio::test(start_paused = true)]
async fn text_messages_are_kept_and_garbage_is_shown_without_disturbing_anything() {
    let rig = Rig::new();
    let (dcs, user_data) = UserData::from_text("Good morning");
    let sender = SmsAddress::from_text("+447700900123");
    let text = Deliver::new(sender, dcs, Scts::new(NOW, 0), user_data);
    let text = Bytes::from(join_smsc(None, &text.encode().unwrap()).unwrap());
    // A moment apart, since they are shown in the order in which they came.
    let moment = Duration::from_millis(10);
    rig.arrive([text]).await;
    tokio::time::sleep(moment).await;
    rig.arrive([Bytes::from_static(b"no hex"), Bytes::new()]).await;
    tokio::time::sleep(moment).await;
    rig.arrive(sms(b"data", 16_000, 3, NOW)).await;
    let damaged = (State::In(InboundState::Failed), Some("sms-undecodable".to_owned()));
    let text = (State::In(InboundState::Received), None);
    assert_eq!(rig.shown().await, [text.clone(), damaged, text]);
    let texts = rig.texts().await;
    assert_eq!(texts[1].text.as_deref(), Some("Good morning"));
    // Data for a port is no text; its octets are the part.
    assert_eq!((texts[0].text.as_deref(), texts[0].parts[0].size), (None, 4));
    let left = rig.intake.core.store.pending_tpdus(&rig.intake.sim).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn notification_that_expired_on_the_sim_is_not_fetched() {
    let rig = Rig::new();
    let weeks_ago = Timestamp::from_secs(NOW.as_secs() - 20 * 86_400);
    rig.arrive(sms(&notification("T1"), PORT_WAP_PUSH, 7, weeks_ago)).await;
    assert_eq!(rig.shown().await, [(State::In(InboundState::Expired), None)]);
}

#[tokio::test]
async fn delivery_report_reaches_its_recipient() {
    use crate::model::TransactionId;
    use crate::store::{NewOutbound, NewSubmission, Settlement};
    let rig = Rig::new();
    let core = &rig.intake.core;
    let id = MessageId::generate(&core.clock, &core.random);
    let address = Address::Msisdn("+447700900123".into());
    let new = NewOutbound {
        id: id.clone(),
        subject: None,
        client_ref: None,
        origin: crate::model::Origin::default(),
        parts: Vec::new(),
        expires_at: NOW.plus(Duration::from_secs(60)),
        end_named: false,
        priority: crate::model::Priority::Normal,
        send_at: None,
        forwards: None,
        submissions: vec![NewSubmission {
            transaction_id: TransactionId::generate(&core.random),
            pdu: Bytes::from_static(b"pdu"),
            recipients: vec![address.clone()],
            way: crate::store::Way { modem: "m".to_owned(), ..crate::store::Way::default() },
            refused: None,
        }],
    };
    core.store.accept(new, NOW).await.unwrap();
    let (claimed, _) =
        core.store.claim_submission("m", &rig.intake.sim, NOW).await.unwrap().unwrap();
    core.store.release(claimed.key, NOW).await.unwrap();
    let sent = Settlement::Sent { mmsc_message_id: Some("ID1".to_owned()), text: String::new() };
    core.store.settle(claimed.key, sent, NOW).await.unwrap();
    let report = |status| {
        let ind = DeliveryInd {
            version: Version::V1_2,
            message_id: "ID1".to_owned(),
            to: vec![address.clone()],
            date: Some(NOW),
            status,
            extra: Vec::new(),
        };
        Push::mms(2, Pdu::DeliveryInd(ind).encode()).encode()
    };
    rig.arrive(sms(&report(MmsStatus::DEFERRED), PORT_WAP_PUSH, 1, NOW)).await;
    assert_eq!(core.store.state(&id).await.unwrap(), Some(State::Out(OutboundState::Sent)));
    rig.arrive(sms(&report(MmsStatus::RETRIEVED), PORT_WAP_PUSH, 2, NOW)).await;
    let delivered = Some(State::Out(OutboundState::Delivered));
    assert_eq!(core.store.state(&id).await.unwrap(), delivered);
}

/// A text as SMS-DELIVERs.
fn text(
    from: &str,
    text: &str,
    reference: impl Into<ConcatReference>,
    at: Timestamp,
) -> Vec<Bytes> {
    split_text(text, &[], reference)
        .unwrap()
        .into_iter()
        .map(|(dcs, data)| delivered(from, dcs, data, at))
        .collect()
}

fn delivered(from: &str, dcs: Dcs, data: UserData, at: Timestamp) -> Bytes {
    let deliver = Deliver::new(SmsAddress::from_text(from), dcs, Scts::new(at, 4), data);
    join_smsc(None, &deliver.encode().unwrap()).unwrap().into()
}

fn long(word: &str) -> String {
    format!("{word} ").repeat(60)
}

#[tokio::test]
async fn texts_of_two_senders_with_the_same_reference_are_joined_across_a_restart() {
    let sent = NOW.plus(Duration::from_secs(5));
    for wide in [false, true] {
        let reference = if wide { ConcatReference::Wide(7) } else { ConcatReference::Narrow(7) };
        let first = text("+447700900123", &long("apple"), reference, sent);
        let second = text("Shop", &long("pear"), reference, sent);
        assert_eq!((first.len(), second.len()), (3, 2));
        let rig = Rig::new();
        rig.arrive([second[1].clone(), first[2].clone()]).await;
        rig.arrive([first[0].clone()]).await;
        assert_eq!(rig.texts().await.len(), 0);
        let rig = rig.reopen();
        rig.arrive([second[0].clone(), first[1].clone()]).await;
        // The SIM did not let go of them.
        rig.arrive([first.clone(), second.clone()].concat()).await;
        let mut found = rig.texts().await;
        found.sort_by_key(|one| one.from.as_ref().map(ToString::to_string));
        let shown: Vec<_> = found
            .iter()
            .map(|one| (one.from.as_ref().unwrap().to_string(), one.text.clone().unwrap()))
            .collect();
        assert_eq!(
            shown,
            [("+447700900123".to_owned(), long("apple")), ("Shop".to_owned(), long("pear"))]
        );
        let sms = found[0].sms.clone().unwrap();
        assert_eq!((sms.segments, sms.class, sms.missing), (3, None, Vec::new()));
        assert_eq!(found[0].sent_at, Some(sent));
        // Its zone is not ours; the time is the same.
        assert!(found.iter().all(|one| one.state == State::In(InboundState::Received)));
    }
}

#[tokio::test]
async fn narrow_and_wide_references_of_one_sender_are_not_mixed() {
    let narrow = text("+447700900123", &long("apple"), ConcatReference::Narrow(7), NOW);
    let wide = text("+447700900123", &long("grape"), ConcatReference::Wide(7), NOW);
    let rig = Rig::new();
    let mixed = narrow.iter().zip(&wide).flat_map(|(a, b)| [a.clone(), b.clone()]);
    rig.arrive(mixed.collect::<Vec<_>>()).await;
    let mut texts: Vec<String> = rig.texts().await.into_iter().filter_map(|one| one.text).collect();
    texts.sort();
    assert_eq!(texts, [long("apple"), long("grape")]);
}

#[tokio::test]
async fn flash_message_and_nameless_sender_are_shown_as_such() {
    let rig = Rig::new();
    let (dcs, data) = UserData::from_text("Your code is 4711");
    let flash = dcs.with_class(MessageClass::Flash).unwrap();
    rig.arrive([delivered("", flash, data, NOW)]).await;
    let found = rig.texts().await;
    assert_eq!((found[0].from.clone(), found[0].sms.clone().unwrap().class), (None, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn text_whose_parts_do_not_come_is_shown_with_a_mark_and_completed_when_they_do() {
    let parts = text("+447700900123", &format!("{}end", long("apple")), 7_u8, NOW);
    let rig = Rig::new();
    rig.arrive([parts[2].clone(), parts[0].clone()]).await;
    rig.digest_after(TEXT_PATIENCE.as_secs() - 60).await;
    assert_eq!(rig.texts().await.len(), 0);
    let rig = rig.reopen();
    // The clock of the rig begins anew; the limit counts from when the last part came.
    rig.digest_after(TEXT_PATIENCE.as_secs()).await;
    let shown = rig.texts().await.pop().unwrap();
    let incomplete = shown.text.clone().unwrap();
    assert!(incomplete.starts_with("apple ") && incomplete.ends_with("end"), "{incomplete}");
    assert_eq!(incomplete.matches(MISSING_MARK).count(), 1);
    assert_eq!(shown.sms.unwrap().missing, [2]);
    assert_eq!(shown.fault.unwrap().code, "sms-incomplete");
    // Looking again changes nothing.
    rig.digest_after(600).await;
    let before = rig.intake.core.store.message(&shown.id).await.unwrap().unwrap();
    assert_eq!(before.timeline.len(), 1);

    rig.arrive([parts[1].clone()]).await;
    let found = rig.texts().await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, found[0].fault.clone()), (&shown.id, None));
    assert_eq!(found[0].text, Some(format!("{}end", long("apple"))));
    assert_eq!(found[0].sms.clone().unwrap().missing, Vec::<u8>::new());
    let part = rig.intake.core.store.part(&shown.id, 0).await.unwrap().unwrap();
    assert_eq!(part.body, format!("{}end", long("apple")));
}

#[tokio::test(start_paused = true)]
async fn text_that_stays_incomplete_is_let_go_in_the_end() {
    let parts = text("+447700900123", &long("apple"), 7_u8, NOW);
    let rig = Rig::new();
    rig.arrive([parts[1].clone()]).await;
    rig.digest_after(TEXT_PATIENCE.as_secs()).await;
    rig.digest_after(FRAGMENT_LIFE.as_secs()).await;
    assert_eq!(rig.intake.core.store.pending_tpdus(&rig.intake.sim).await.unwrap(), []);
    let found = rig.texts().await;
    assert_eq!((found.len(), found[0].sms.clone().unwrap().missing), (1, vec![1, 3]));
}

#[tokio::test]
async fn what_a_sim_held_before_its_first_sight_is_shown_but_no_news() {
    let days =
        |count: u64| Timestamp::from_secs(NOW.as_secs() - i64::try_from(count).unwrap() * 86_400);
    let rig = Rig::new();
    let mut events = rig.intake.core.events.subscribe();
    rig.first_look(
        [
            text("+447700900123", "old", 1_u8, days(30)),
            text("+447700900123", "just now", 1_u8, Timestamp::from_secs(NOW.as_secs() - 30)),
            sms(&notification("FRESH"), PORT_WAP_PUSH, 7, days(0)),
            sms(&notification("STALE"), PORT_WAP_PUSH, 8, days(20)),
        ]
        .concat(),
    )
    .await;
    let found = rig.intake.core.store.messages(Filter::default()).await.unwrap();
    let mut shown: Vec<_> = found
        .iter()
        .map(|one| (one.text.clone().unwrap_or_default(), one.historic, one.state.as_str()))
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            (String::new(), false, "notified"),
            (String::new(), true, "expired"),
            ("just now".to_owned(), false, "received"),
            ("old".to_owned(), true, "received"),
        ]
    );
    let mut news = 0;
    while let Ok(event) = events.try_recv() {
        if let crate::gateway::Event::State { historic: false, .. } = event {
            news += 1;
        }
    }
    assert_eq!(news, 2);
    // A month later the gateway was off for a week: what came meanwhile is news.
    let week_old = Timestamp::from_secs(NOW.as_secs() - 7 * 86_400);
    rig.arrive(text("+447700900123", "while we were away", 2_u8, week_old)).await;
    assert!(!rig.texts().await[0].historic);
}

#[test]
fn stamp_that_contradicts_our_clock_makes_what_was_found_old() {
    let at = |seconds: i64| Some(Timestamp::from_secs(NOW.as_secs() + seconds));
    let first = at(0);
    assert!(!is_historic(at(-60), first));
    assert!(!is_historic(at(14 * 3600), first), "a zone is wrong");
    assert!(is_historic(at(-3600), first));
    assert!(is_historic(at(3 * 86_400), first), "our clock is behind");
    assert!(is_historic(at(0), Some(Timestamp::from_secs(60))), "a computer that began in 1970");
    assert!(is_historic(None, first));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_deleted_is_known_again_for_months_and_what_is_gone_is_forgotten() {
    let rig = Rig::new();
    let stuck = text("+447700900123", "stuck", 1_u8, NOW);
    rig.first_look(stuck.clone()).await;
    let store = rig.intake.core.store.clone();
    let many: Vec<Bytes> = (0..crate::store::KEPT_HASHES + 20)
        .flat_map(|number| text("+447700900124", &format!("number {number}"), 1_u8, NOW))
        .collect();
    rig.arrive(many.clone()).await;
    let count = || async { store.kept_tpdus(&rig.intake.sim).await.unwrap() };
    assert_eq!(count().await, crate::store::KEPT_HASHES + 21);
    for _ in 0..80 {
        tokio::time::advance(Duration::from_secs(86_400)).await;
        rig.arrive(stuck.clone()).await;
        store.swept(&rig.intake.sim, Vec::new(), true, rig.intake.core.now()).await.unwrap();
    }
    assert_eq!(count().await, crate::store::KEPT_HASHES);
    let stuck = |one: &Summary| one.text.as_deref() == Some("stuck");
    let mut all =
        rig.intake.core.store.messages(Filter { limit: 1_000, ..Filter::default() }).await.unwrap();
    let before = all.last().unwrap().id.clone();
    let filter = Filter { limit: 1_000, before: Some(before), ..Filter::default() };
    all.extend(rig.intake.core.store.messages(filter).await.unwrap());
    assert_eq!(all.iter().filter(|one| stuck(one)).count(), 1);
}

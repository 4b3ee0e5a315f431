//! From short messages to notifications and reports: raw octets are durable first, then the modem
//! may forget them, then they are joined, decoded and filed (3GPP TS 23.040 clause 9.2.3.24,
//! WAP-235, OMA-TS-MMS_ENC-V1_3 clauses 6.2, 6.5 and 6.6).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::{Core, schedule};
use crate::codec::mms::{self, Pdu, ReadStatus};
use crate::codec::push::Push;
use crate::codec::sms::{Dcs, Deliver, PORT_WAP_PUSH, Tpdu, UserData, join_text, split_smsc};
use crate::model::{Address, Blame, Explain, Layer, MessageId, Retry, Stage, StageSink, Timestamp};
use crate::proto::sms_reassembly::{
    Assembly, Datagram, Fragment, FragmentKey, Piece, assemble, messages,
};
use crate::store::{
    KeptTpdu, NewPush, NewSms, NewTpdu, Notification, PendingTpdu, PushKind, Report, ReportKind,
    StoreError, TpduFate,
};

/// How long missing parts are waited for: a phone that is off gets its messages within days.
const FRAGMENT_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);

/// Longest reassembled push that is looked at: 255 segments of 140 octets.
const MAX_PUSH: usize = 255 * 140;

/// Takes the short messages of one SIM.
#[derive(Clone)]
pub(super) struct Intake {
    pub(super) core: Core,
    pub(super) modem: String,
    pub(super) sim: String,
}

/// Why a push cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PushError {
    /// Its WSP headers do not decode.
    #[error("a WAP Push that cannot be read: {0}")]
    Headers(crate::codec::DecodeError),
    /// Its MMS PDU does not decode.
    #[error("an MMS notification that cannot be read: {0}")]
    Pdu(crate::codec::DecodeError),
    /// It is no SMS that can be read.
    #[error("a short message that cannot be read: {0}")]
    Sms(String),
    /// A part of it never came.
    #[error("of a message in {total} parts only {have} came")]
    Incomplete {
        /// Parts that came.
        have: usize,
        /// Parts in all.
        total: u8,
    },
}

impl Explain for PushError {
    fn layer(&self) -> Layer {
        Layer::Message
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Sms(_) => "sms-undecodable",
            Self::Headers(_) => "push-undecodable",
            Self::Pdu(_) => "pdu-undecodable",
            Self::Incomplete { .. } => "push-incomplete",
        }
    }

    fn retry(&self) -> Retry {
        Retry::Never
    }

    fn blame(&self) -> Blame {
        Blame::Operator
    }

    fn remedy(&self) -> String {
        match self {
            Self::Incomplete { .. } => "ask the sender to send it again".to_owned(),
            _ => {
                "its octets are kept: save the part and look at it with `mm1gate decode`".to_owned()
            }
        }
    }
}

impl Intake {
    /// Makes short messages durable; afterwards the modem may forget them.
    pub(super) async fn keep(
        &self,
        messages: impl IntoIterator<Item = (String, Bytes)>,
    ) -> Result<Vec<KeptTpdu>, StoreError> {
        let tpdus = messages
            .into_iter()
            .map(|(slot, octets)| NewTpdu {
                sim: self.sim.clone(),
                modem: self.modem.clone(),
                slot,
                identity: identity(&octets),
                octets,
            })
            .collect();
        self.core.store.keep_tpdus(tpdus, self.core.now()).await
    }

    /// Files whatever is complete among the short messages kept so far.
    pub(super) async fn digest(&self, stages: &StageSink) -> Result<(), StoreError> {
        let mut groups: BTreeMap<FragmentKey, Vec<Kept>> = BTreeMap::new();
        for pending in self.core.store.pending_tpdus(&self.sim).await? {
            match read(&pending) {
                Ok(Read::Whole(deliver, datagram)) => {
                    let (text, sent_at) = (deliver.text(), stamp(&deliver));
                    self.file(vec![pending.key], &datagram, text, sent_at, stages).await?;
                }
                Ok(Read::Part(kept)) => groups.entry(kept.fragment.key()).or_default().push(kept),
                Ok(Read::Nothing(note)) => {
                    self.set_aside(vec![pending.key], TpduFate::Done, note).await?;
                }
                Err(note) => {
                    tracing::warn!(modem = %self.modem, "SMS kept as it is: {note}");
                    self.show_unreadable(&pending, &note).await?;
                }
            }
        }
        for group in groups.into_values() {
            let at = |kept: &Kept| kept.sent_at.unwrap_or(kept.received_at);
            for cluster in messages(group, |kept| (&kept.fragment, at(kept))) {
                self.join(cluster, stages).await?;
            }
        }
        Ok(())
    }

    /// What was damaged may have been the notification of a message: people see that something came.
    async fn show_unreadable(&self, pending: &PendingTpdu, note: &str) -> Result<(), StoreError> {
        if !pending.octets.is_empty() {
            let what = PushKind::Undecodable { fault: PushError::Sms(note.to_owned()).to_fault() };
            self.file_push(vec![pending.key], pending.octets.clone(), None, what).await?;
        }
        self.set_aside(vec![pending.key], TpduFate::Undecodable, note).await
    }

    async fn join(&self, cluster: Vec<Kept>, stages: &StageSink) -> Result<(), StoreError> {
        let keys: Vec<i64> = cluster.iter().map(|kept| kept.key).collect();
        let fragments: Vec<Fragment> = cluster.iter().map(|kept| kept.fragment.clone()).collect();
        let sent_at = cluster.iter().filter_map(|kept| kept.sent_at).min();
        match assemble(&fragments) {
            Assembly::Complete(datagram) => {
                let text = joined_text(&cluster);
                self.file(keys, &datagram, text, sent_at, stages).await
            }
            Assembly::Missing(missing) => {
                let newest = cluster.iter().map(|kept| kept.received_at).max().unwrap_or_default();
                if self.core.now().since(newest) < FRAGMENT_LIFE {
                    return Ok(());
                }
                self.give_up(keys, &cluster, missing.len()).await
            }
        }
    }

    /// Parts that never came: what did come is kept, and shown when it was meant for us.
    async fn give_up(
        &self,
        keys: Vec<i64>,
        cluster: &[Kept],
        missing: usize,
    ) -> Result<(), StoreError> {
        let total = cluster.first().map_or(0, |kept| kept.fragment.total);
        let have = usize::from(total).saturating_sub(missing);
        let error = PushError::Incomplete { have, total };
        let for_us =
            cluster.iter().any(|kept| kept.fragment.destination_port == Some(PORT_WAP_PUSH));
        if for_us {
            let octets: Bytes =
                cluster.iter().flat_map(|kept| kept.fragment.data.iter().copied()).collect();
            let what = PushKind::Undecodable { fault: error.to_fault() };
            self.file_push(keys.clone(), octets, None, what).await?;
        }
        self.set_aside(keys, TpduFate::Incomplete, &error.to_string()).await
    }

    /// Files one message, however many parts it came in, and tells people what it is.
    async fn file(
        &self,
        keys: Vec<i64>,
        datagram: &Datagram,
        text: Option<String>,
        sent_at: Option<Timestamp>,
        stages: &StageSink,
    ) -> Result<(), StoreError> {
        if datagram.destination_port == Some(PORT_WAP_PUSH) {
            let (content_type, what) = understand(&datagram.data, sent_at, self.core.now());
            stages.tell(Stage::SmsRead { what: describe(&what).to_owned() });
            return self.file_push(keys, datagram.data.clone(), content_type, what).await;
        }
        stages.tell(Stage::SmsRead { what: "a text message, kept".to_owned() });
        let sms = NewSms {
            sim: self.sim.clone(),
            modem: self.modem.clone(),
            tpdus: keys,
            from: Some(datagram.originator.to_address()),
            text: text.filter(|_| datagram.destination_port.is_none()),
            octets: datagram.data.clone(),
        };
        self.core.store.file_sms(sms, self.core.now()).await.map(|_| ())
    }

    async fn file_push(
        &self,
        tpdus: Vec<i64>,
        octets: Bytes,
        content_type: Option<String>,
        what: PushKind,
    ) -> Result<(), StoreError> {
        let push = NewPush {
            sim: self.sim.clone(),
            modem: self.modem.clone(),
            tpdus,
            id: MessageId::generate(&self.core.clock, &self.core.random),
            octets,
            content_type,
            what,
        };
        let filed = self.core.store.file_push(push, self.core.now()).await?;
        self.core.events.changes(&filed.changes);
        Ok(())
    }

    async fn set_aside(
        &self,
        keys: Vec<i64>,
        fate: TpduFate,
        note: &str,
    ) -> Result<(), StoreError> {
        self.core.store.set_tpdus_aside(keys, fate, note).await
    }
}

/// A part that waits for its siblings.
struct Kept {
    key: i64,
    received_at: Timestamp,
    sent_at: Option<Timestamp>,
    dcs: Dcs,
    user_data: UserData,
    fragment: Fragment,
}

enum Read {
    Whole(Box<Deliver>, Datagram),
    Part(Kept),
    /// Nothing that is filed; why.
    Nothing(&'static str),
}

/// The octets without what differs when the service centre delivers a message again, since it saw
/// no acknowledgement: whether others wait behind it (TP-MMS, clause 9.2.3.2).
fn identity(octets: &Bytes) -> Bytes {
    const MMS: u8 = 0x04;
    let Ok((_, tpdu)) = split_smsc(octets) else { return octets.clone() };
    let at = octets.len() - tpdu.len();
    let mut same = octets.to_vec();
    // SMS-DELIVER and SMS-STATUS-REPORT have the bit.
    if let Some(first) = same.get_mut(at).filter(|first| **first & 0b01 == 0) {
        *first |= MMS;
    }
    same.into()
}

fn read(pending: &PendingTpdu) -> Result<Read, String> {
    let (_, tpdu) = split_smsc(&pending.octets).map_err(|error| error.to_string())?;
    let tpdu = Tpdu::from_network(tpdu).map_err(|error| error.to_string())?;
    let deliver = match tpdu.value {
        Tpdu::Deliver(deliver) => deliver,
        Tpdu::StatusReport(_) => return Ok(Read::Nothing("status report of a short message")),
        _ => return Ok(Read::Nothing("a short message of our own")),
    };
    match Piece::of(&deliver) {
        Piece::Whole(datagram) => Ok(Read::Whole(Box::new(deliver), datagram)),
        Piece::Part(fragment) => Ok(Read::Part(Kept {
            key: pending.key,
            received_at: pending.received_at,
            sent_at: stamp(&deliver),
            dcs: deliver.dcs,
            user_data: deliver.user_data,
            fragment,
        })),
    }
}

fn stamp(deliver: &Deliver) -> Option<Timestamp> {
    deliver.scts.timestamp()
}

/// The text of a message in parts, and none of it twice.
fn joined_text(cluster: &[Kept]) -> Option<String> {
    let parts: BTreeMap<u8, &Kept> =
        cluster.iter().map(|kept| (kept.fragment.sequence, kept)).collect();
    join_text(parts.values().map(|kept| (kept.dcs, &kept.user_data)))
}

/// What a push is. Content types other than ours are not an error, they are other services.
fn understand(
    octets: &Bytes,
    sent_at: Option<Timestamp>,
    now: Timestamp,
) -> (Option<String>, PushKind) {
    if octets.len() > MAX_PUSH {
        return (None, PushKind::Other { body: octets.clone() });
    }
    let push = match Push::decode(octets) {
        Ok(decoded) => decoded.value,
        Err(error) => {
            let fault = PushError::Headers(error).to_fault();
            return (None, PushKind::Undecodable { fault });
        }
    };
    let kind = push.content_type.media_type.as_str().to_owned();
    if kind != mms::CONTENT_TYPE {
        return (Some(kind), PushKind::Other { body: push.body });
    }
    let what = match mms::decode(&push.body) {
        Ok(decoded) => sort(decoded.value, &push.body, sent_at, now),
        Err(error) => PushKind::Undecodable { fault: PushError::Pdu(error).to_fault() },
    };
    (Some(kind), what)
}

fn sort(pdu: Pdu, body: &Bytes, sent_at: Option<Timestamp>, now: Timestamp) -> PushKind {
    match pdu {
        Pdu::NotificationInd(ind) => PushKind::Notification(Notification {
            expires_at: schedule::expiry(&ind, sent_at, now),
            transaction_id: ind.transaction_id,
            content_location: ind.content_location,
            from: match ind.from {
                Some(mms::From::Address(address)) => Some(address),
                _ => None,
            },
            subject: ind.subject.filter(|subject| !subject.is_empty()),
            size: ind.message_size,
        }),
        Pdu::DeliveryInd(ind) => {
            let what = match ind.status.report() {
                Some(status) => ReportKind::Delivery(status),
                None => ReportKind::Other(ind.status.0),
            };
            PushKind::Reports(reports(&ind.message_id, ind.to, what))
        }
        Pdu::ReadOrigInd(ind) => {
            let what = ReportKind::Read { read: ind.read_status == ReadStatus::READ };
            // Here From names the one who read it (OMA-TS-MMS_ENC-V1_3 clause 6.6.2).
            let reader = match ind.from {
                Some(mms::From::Address(address)) => vec![address],
                _ => ind.to,
            };
            PushKind::Reports(reports(&ind.message_id, reader, what))
        }
        _ => PushKind::Other { body: body.clone() },
    }
}

fn reports(id: &str, addresses: Vec<Address>, what: ReportKind) -> Vec<Report> {
    let one = |address| Report { mmsc_message_id: id.to_owned(), address, what };
    if addresses.is_empty() {
        return vec![one(None)];
    }
    addresses.into_iter().map(|address| one(Some(address))).collect()
}

const fn describe(what: &PushKind) -> &'static str {
    match what {
        PushKind::Notification(_) => "notification of a multimedia message",
        PushKind::Reports(_) => "report about a sent message",
        PushKind::Other { .. } => "a WAP Push of another service, kept",
        PushKind::Undecodable { .. } => "a WAP Push that cannot be read, kept",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::mms::{DeliveryInd, Expiry, MmsStatus, NotificationInd, Version};
    use crate::codec::sms::{
        Body, Concat, Scts, SmsAddress, Udh, UserData, join_smsc, port_addressed_delivers,
    };
    use crate::gateway::config::Timing;
    use crate::gateway::events::Events;
    use crate::model::{Clock, InboundState, OutboundState, Random, State};
    use crate::store::{Filter, Store};

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
            let raw = tpdus.into_iter().map(|octets| ("SM 1".to_owned(), octets));
            self.intake.keep(raw).await.unwrap();
            self.intake.digest(&StageSink::none()).await.unwrap();
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
            clock,
            random: Random::seeded(3),
            events: Events::new(clock),
            timing: Timing::default(),
            resend_unknown: false,
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
            let pending = PendingTpdu { key: i64::from(sequence), octets, received_at: NOW };
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
        let mixed = [
            part(1, Dcs::GSM7, Body::Septets(b"ab".to_vec())),
            part(2, Dcs::UCS2, ucs2(&[0, b'c'])),
        ];
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

    #[tokio::test]
    async fn text_messages_are_kept_and_garbage_is_shown_without_disturbing_anything() {
        let rig = Rig::new();
        let (dcs, user_data) = UserData::from_text("Good morning");
        let sender = SmsAddress::from_text("+447700900123");
        let text = Deliver::new(sender, dcs, Scts::new(NOW, 0), user_data);
        let text = Bytes::from(join_smsc(None, &text.encode().unwrap()).unwrap());
        rig.arrive([text, Bytes::from_static(b"no hex"), Bytes::new()]).await;
        rig.arrive(sms(b"data", 16_000, 3, NOW)).await;
        let damaged = (State::In(InboundState::Failed), Some("sms-undecodable".to_owned()));
        assert_eq!(rig.shown().await, [damaged]);
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
            parts: Vec::new(),
            modem: "m".to_owned(),
            expires_at: NOW.plus(Duration::from_secs(60)),
            submissions: vec![NewSubmission {
                transaction_id: TransactionId::generate(&core.random),
                pdu: Bytes::from_static(b"pdu"),
                recipients: vec![address.clone()],
            }],
        };
        core.store.accept(new, NOW).await.unwrap();
        let (claimed, _) =
            core.store.claim_submission("m", &rig.intake.sim, NOW).await.unwrap().unwrap();
        core.store.release(claimed.key, NOW).await.unwrap();
        let sent =
            Settlement::Sent { mmsc_message_id: Some("ID1".to_owned()), text: String::new() };
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
}

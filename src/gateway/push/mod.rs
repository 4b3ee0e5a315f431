//! From short messages to notifications and reports: raw octets are durable first, then the modem
//! may forget them, then they are joined, decoded and filed (3GPP TS 23.040 clause 9.2.3.24,
//! WAP-235, OMA-TS-MMS_ENC-V1_3 clauses 6.2, 6.5 and 6.6).

mod missed;
#[cfg(test)]
mod tests;
mod understand;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::Core;
use super::alarms::modem_scope;
use super::schedule::Arrival;
pub(super) use missed::{MISSED_MMS, MissedMms, MissedPatterns};

use crate::codec::sms::{
    self, Dcs, Deliver, MessageClass, PORT_WAP_PUSH, SmsAddress, StatusReport, Tpdu, UserData,
    join_text, split_smsc,
};
use crate::model::{Blame, Explain, Layer, MessageId, Retry, Stage, StageSink, Timestamp};
use crate::proto::sms_reassembly::{
    Assembly, Datagram, Fragment, FragmentKey, Piece, assemble, messages,
};
use crate::store::{
    KeptTpdu, NewPush, NewSms, NewTpdu, PendingTpdu, PushKind, ShownSms, SmsStatus, StatusOutcome,
    StoreError, TpduFate,
};

/// How long missing parts are waited for: a phone that is off gets its messages within days.
const FRAGMENT_LIFE: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long missing parts of a text are waited for before it is shown without them; they complete it
/// whenever they come within [`FRAGMENT_LIFE`].
const TEXT_PATIENCE: Duration = Duration::from_secs(3600);

/// What stands in a text for parts that are missing.
const MISSING_MARK: &str = "[\u{2026}]";

/// How long before a SIM's first sight a message may be stamped and count as one that came just now:
/// the service centre's clock and ours are not the same.
const FRESH: Duration = Duration::from_secs(120);

/// How far ahead of our clock a service centre's stamp can be: a day of time zones and a little.
/// What is stamped later than that tells that our clock is wrong.
const CLOCK_SLACK: Duration = Duration::from_secs(26 * 3600);

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
    /// Its sender does not want it shown any more.
    #[error("its sender has withdrawn it")]
    Withdrawn,
    /// A part of it never came.
    #[error("of a message in {total} parts only {have} came")]
    Incomplete {
        /// Whether it is a text, of which the missing parts still count when they come.
        text: bool,
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
            Self::Withdrawn => "withdrawn-by-sender",
            Self::Headers(_) => "push-undecodable",
            Self::Pdu(_) => "pdu-undecodable",
            Self::Incomplete { text: true, .. } => "sms-incomplete",
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
            Self::Incomplete { text: true, .. } => "ask the sender to send it again, unless the \
                missing parts still come: then it is completed"
                .to_owned(),
            Self::Incomplete { .. } => "ask the sender to send it again".to_owned(),
            Self::Withdrawn => "nothing is to be done; ask the sender what was in it".to_owned(),
            _ => {
                "its octets are kept: save the part and look at it with `mm1gate decode`".to_owned()
            }
        }
    }
}

impl Intake {
    /// Makes short messages durable; afterwards the modem may forget them. Each with its place, its
    /// octets, and whether it was found by the first look through this SIM.
    pub(super) async fn keep(
        &self,
        messages: impl IntoIterator<Item = (String, Bytes, bool)>,
    ) -> Result<Vec<KeptTpdu>, StoreError> {
        let tpdus = messages
            .into_iter()
            .map(|(slot, octets, first_sweep)| NewTpdu {
                sim: self.sim.clone(),
                modem: self.modem.clone(),
                slot,
                identity: identity(&octets),
                octets,
                first_sweep,
            })
            .collect();
        self.core.store.keep_tpdus(tpdus, self.core.now()).await
    }

    /// Files whatever is complete among the short messages kept so far, and what was waited for long
    /// enough.
    pub(super) async fn digest(&self, stages: &StageSink) -> Result<(), StoreError> {
        let _filing = self.core.filing.lock().await;
        let _still = self.core.setting_clock.read().await;
        let mut groups: BTreeMap<FragmentKey, Vec<Kept>> = BTreeMap::new();
        let first_seen = self.core.store.sim(&self.sim).await?.map(|sim| sim.first_seen_at);
        for pending in self.core.store.pending_tpdus(&self.sim).await? {
            let is_old = |sent_at| {
                pending.historic || pending.first_sweep && is_historic(sent_at, first_seen)
            };
            match read(&pending) {
                Ok(Read::Whole(deliver, datagram)) => {
                    let sent_at = stamp(&deliver);
                    let found = Found {
                        keys: vec![pending.key],
                        shown: None,
                        sent_at,
                        class: class(deliver.dcs),
                        historic: is_old(sent_at),
                        segments: 1,
                    };
                    self.file(found, &datagram, deliver.text(), stages).await?;
                }
                Ok(Read::Part(mut kept)) => {
                    kept.historic = is_old(kept.sent_at);
                    groups.entry(kept.fragment.key()).or_default().push(kept);
                }
                Ok(Read::Report(report)) => {
                    let now = self.core.now();
                    let filed =
                        self.core.store.file_status_report(&self.sim, pending.key, report, now);
                    self.core.events.changes(&filed.await?);
                    stages.tell(Stage::SmsRead { what: "delivery report of a text".to_owned() });
                }
                Ok(Read::Nothing(note)) => {
                    self.set_aside(vec![pending.key], TpduFate::Done, note).await?;
                }
                Err(note) => {
                    tracing::warn!(modem = %self.modem, "SMS kept as it is: {note}");
                    self.show_unreadable(&pending, is_old(None), &note).await?;
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
    async fn show_unreadable(
        &self,
        pending: &PendingTpdu,
        historic: bool,
        note: &str,
    ) -> Result<(), StoreError> {
        if !pending.octets.is_empty() {
            let what = PushKind::Undecodable { fault: PushError::Sms(note.to_owned()).to_fault() };
            let found = Found { historic, ..Found::of(vec![pending.key]) };
            self.file_push(found, pending.octets.clone(), None, what).await?;
        }
        self.set_aside(vec![pending.key], TpduFate::Undecodable, note).await
    }

    async fn join(&self, cluster: Vec<Kept>, stages: &StageSink) -> Result<(), StoreError> {
        let fragments: Vec<Fragment> = cluster.iter().map(|kept| kept.fragment.clone()).collect();
        let found = Found {
            keys: cluster.iter().map(|kept| kept.key).collect(),
            shown: cluster.iter().filter_map(|kept| kept.shown).min(),
            sent_at: cluster.iter().filter_map(|kept| kept.sent_at).min(),
            class: cluster.first().and_then(|kept| class(kept.dcs)),
            // A part that came later makes it news.
            historic: cluster.iter().all(|kept| kept.historic),
            segments: cluster.first().map_or(1, |kept| kept.fragment.total),
        };
        match assemble(&fragments) {
            Assembly::Complete(datagram) => {
                self.file(found, &datagram, joined_text(&cluster), stages).await
            }
            Assembly::Missing(missing) => {
                let newest = cluster.iter().map(|kept| kept.received_at).max().unwrap_or_default();
                let waited = self.core.now().since(newest);
                let for_us = fragments.iter().any(|it| it.destination_port == Some(PORT_WAP_PUSH));
                if !for_us && waited >= TEXT_PATIENCE && cluster.iter().any(|it| it.shown.is_none())
                {
                    self.show_without(&found, &cluster, &missing).await?;
                }
                if waited < FRAGMENT_LIFE {
                    return Ok(());
                }
                self.give_up(found, &cluster, missing.len(), for_us).await
            }
        }
    }

    /// Shows a text though parts of it are missing.
    async fn show_without(
        &self,
        found: &Found,
        cluster: &[Kept],
        missing: &[u8],
    ) -> Result<(), StoreError> {
        let Some(first) = cluster.first() else { return Ok(()) };
        let total = first.fragment.total;
        let have = usize::from(total).saturating_sub(missing.len());
        let sms = NewSms {
            text: text_with_gaps(cluster, total),
            port: first.fragment.destination_port,
            octets: joined_octets(cluster),
            missing: missing.to_vec(),
            fault: Some(PushError::Incomplete { text: true, have, total }.to_fault()),
            ..self.sms(found.clone(), &first.fragment.originator)
        };
        let change = self.core.store.file_sms(sms, self.core.now()).await?;
        self.core.events.change(&change);
        Ok(())
    }

    /// Parts that never came: what did come is kept, and shown.
    async fn give_up(
        &self,
        found: Found,
        cluster: &[Kept],
        missing: usize,
        for_us: bool,
    ) -> Result<(), StoreError> {
        let total = found.segments;
        let have = usize::from(total).saturating_sub(missing);
        let error = PushError::Incomplete { text: !for_us, have, total };
        let keys = found.keys.clone();
        if for_us {
            let what = PushKind::Undecodable { fault: error.to_fault() };
            self.file_push(found, joined_octets(cluster), None, what).await?;
        }
        self.set_aside(keys, TpduFate::Incomplete, &error.to_string()).await
    }

    /// Files one message, however many parts it came in, and tells people what it is.
    async fn file(
        &self,
        found: Found,
        datagram: &Datagram,
        text: Option<String>,
        stages: &StageSink,
    ) -> Result<(), StoreError> {
        if datagram.destination_port == Some(PORT_WAP_PUSH) {
            let now = self.core.now();
            let arrival = Arrival {
                sent_at: found.sent_at,
                historic: found.historic,
                now,
                known: self.core.clock.is_synchronised(),
            };
            let (content_type, mut what) = understand::understand(&datagram.data, &arrival);
            if let PushKind::Notification(new) = &mut what {
                let policy = self.core.receiving.get();
                new.retrieve = policy.decide(&self.modem, new.from.as_ref(), new.size);
            }
            stages.tell(Stage::SmsRead { what: understand::describe(&what).to_owned() });
            return self.file_push(found, datagram.data.clone(), content_type, what).await;
        }
        stages.tell(Stage::SmsRead { what: "a text message".to_owned() });
        let text = text.filter(|_| datagram.destination_port.is_none());
        let missed = text.as_deref().filter(|text| {
            let sender = &datagram.originator.text;
            self.core.receiving.get().missed.matches(sender, text)
        });
        let fault = missed.map(|_| MissedMms.to_fault());
        if let Some(fault) = &fault
            && !found.historic
        {
            self.core.raise(&modem_scope(&self.modem), fault).await?;
        }
        let sms = NewSms {
            wish: text.as_deref().and_then(|text| self.core.sending.get().words.find(text)),
            text,
            fault,
            port: datagram.destination_port,
            octets: datagram.data.clone(),
            ..self.sms(found, &datagram.originator)
        };
        let change = self.core.store.file_sms(sms, self.core.now()).await?;
        self.core.events.change(&change);
        Ok(())
    }

    /// What is known of a short message besides its content.
    fn sms(&self, found: Found, originator: &SmsAddress) -> NewSms {
        NewSms {
            sim: self.sim.clone(),
            modem: self.modem.clone(),
            tpdus: found.keys,
            id: MessageId::generate(&self.core.clock, &self.core.random),
            shown: found.shown,
            from: (!originator.text.is_empty()).then(|| originator.to_address()),
            sent_at: found.sent_at,
            class: found.class,
            text: None,
            wish: None,
            octets: Bytes::new(),
            port: None,
            segments: found.segments,
            missing: Vec::new(),
            fault: None,
            historic: found.historic,
        }
    }

    async fn file_push(
        &self,
        found: Found,
        octets: Bytes,
        content_type: Option<String>,
        what: PushKind,
    ) -> Result<(), StoreError> {
        let push = NewPush {
            sim: self.sim.clone(),
            modem: self.modem.clone(),
            tpdus: found.keys,
            id: MessageId::generate(&self.core.clock, &self.core.random),
            octets,
            content_type,
            what,
            historic: found.historic,
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

/// The short messages that make one message, and what they have in common.
#[derive(Clone)]
struct Found {
    keys: Vec<i64>,
    shown: Option<ShownSms>,
    sent_at: Option<Timestamp>,
    class: Option<u8>,
    historic: bool,
    segments: u8,
}

impl Found {
    const fn of(keys: Vec<i64>) -> Self {
        Self { keys, shown: None, sent_at: None, class: None, historic: false, segments: 1 }
    }
}

/// A part that waits for its siblings.
struct Kept {
    key: i64,
    received_at: Timestamp,
    shown: Option<ShownSms>,
    historic: bool,
    sent_at: Option<Timestamp>,
    dcs: Dcs,
    user_data: UserData,
    fragment: Fragment,
}

enum Read {
    Whole(Box<Deliver>, Datagram),
    Part(Kept),
    Report(SmsStatus),
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
        Tpdu::StatusReport(report) => return Ok(Read::Report(status(&report))),
        _ => return Ok(Read::Nothing("a short message of our own")),
    };
    if deliver.pid == sms::PID_TYPE_0 {
        return Ok(Read::Nothing("a silent short message (type 0), which is shown to nobody"));
    }
    match Piece::of(&deliver) {
        Piece::Whole(datagram) => Ok(Read::Whole(Box::new(deliver), datagram)),
        Piece::Part(fragment) => Ok(Read::Part(Kept {
            key: pending.key,
            received_at: pending.received_at,
            shown: pending.shown,
            historic: false,
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

fn class(dcs: Dcs) -> Option<u8> {
    dcs.class().map(MessageClass::number)
}

/// What a status report says of a short message that we sent.
fn status(report: &StatusReport) -> SmsStatus {
    SmsStatus {
        message_reference: report.message_reference,
        recipient: report.recipient.to_address(),
        accepted_at: report.scts.timestamp(),
        status: report.status,
        outcome: match (report.status, report.outcome()) {
            (0x00, _) => StatusOutcome::Delivered,
            (_, sms::StatusOutcome::Completed) => StatusOutcome::HandedOn,
            (_, sms::StatusOutcome::StillTrying) => StatusOutcome::Trying,
            // "Validity period expired".
            (0x46, _) => StatusOutcome::Expired,
            _ => StatusOutcome::Failed,
        },
        text: sms::status_name(report.status).to_owned(),
    }
}

/// Whether what the first look through a SIM found had been there before: by the service centre's
/// stamp it is older than our first sight of the SIM. Without a stamp, or with one that contradicts
/// our clock (a computer without a battery for it begins in the past), it counts as old: what is news
/// is announced by the modem as well.
fn is_historic(sent_at: Option<Timestamp>, first_seen: Option<Timestamp>) -> bool {
    let (Some(sent_at), Some(first_seen)) = (sent_at, first_seen) else { return true };
    first_seen.since(sent_at) > FRESH || sent_at.since(first_seen) > CLOCK_SLACK
}

/// The octets of what came, in the order of the parts.
fn joined_octets(cluster: &[Kept]) -> Bytes {
    let parts: BTreeMap<u8, &Kept> =
        cluster.iter().map(|kept| (kept.fragment.sequence, kept)).collect();
    parts.values().flat_map(|kept| kept.fragment.data.iter().copied()).collect()
}

/// The text of a message of which parts are missing, with a mark in their place; none when it is
/// data.
fn text_with_gaps(cluster: &[Kept], total: u8) -> Option<String> {
    let parts: BTreeMap<u8, &Kept> =
        cluster.iter().map(|kept| (kept.fragment.sequence, kept)).collect();
    let mut text = String::new();
    let mut run: Vec<&Kept> = Vec::new();
    let mut gap = false;
    for number in 1..=total {
        if let Some(kept) = parts.get(&number) {
            gap = false;
            run.push(kept);
            continue;
        }
        text.push_str(&join_text(run.drain(..).map(|kept| (kept.dcs, &kept.user_data)))?);
        if !gap {
            text.push_str(MISSING_MARK);
        }
        gap = true;
    }
    text.push_str(&join_text(run.into_iter().map(|kept| (kept.dcs, &kept.user_data)))?);
    Some(text)
}

/// The text of a message in parts, and none of it twice.
fn joined_text(cluster: &[Kept]) -> Option<String> {
    let parts: BTreeMap<u8, &Kept> =
        cluster.iter().map(|kept| (kept.fragment.sequence, kept)).collect();
    join_text(parts.values().map(|kept| (kept.dcs, &kept.user_data)))
}

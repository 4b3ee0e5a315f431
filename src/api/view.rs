//! What the API says of messages, modems and events: the JSON shapes, shared with the command
//! line, which reads them back.

use serde::{Deserialize, Serialize};

pub use super::alarms::{Alarm, AlarmList};
pub use super::modem_view::{Modem, RecoveryStep, Storage};
use crate::gateway::{self, Event, ModemView};
use crate::model::{Direction, Fault, Kind, Stage, State};
use crate::store::{
    self, MessageView, PartInfo, RecipientView, Summary, TimelineEntry, TokenRecord,
};

/// A page of messages, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageList {
    /// The messages.
    pub messages: Vec<Message>,
    /// Give this as `after` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Give this as `before` to get the page of newer ones; absent when none are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// The tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenList {
    /// Oldest first.
    pub tokens: Vec<Token>,
}

/// A token without what it is proven by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// Names it: what stands between `mm1_` and the next `_`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The account in whose name it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What it allows.
    pub scopes: Vec<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC: until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// RFC 3339, UTC: about when it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// What is known of it.
    #[serde(flatten)]
    pub record: Token,
}

/// The accounts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountList {
    /// By name.
    pub accounts: Vec<Account>,
}

/// An account and what it may.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The modems that it may send by; any when empty.
    pub modems: Vec<String>,
    /// Most recipients in 60 seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
    /// Most recipients in 60 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour: Option<u32>,
    /// Most recipients in 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u32>,
    /// Most recipients in 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<u32>,
}

impl From<&TokenRecord> for Token {
    fn from(token: &TokenRecord) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            account: token.account.clone(),
            scopes: token.scopes.clone(),
            created_at: token.created_at.to_string(),
            expires_at: token.expires_at.map(|at| at.to_string()),
            last_used_at: token.last_used_at.map(|at| at.to_string()),
        }
    }
}

impl From<&store::Account> for Account {
    fn from(account: &store::Account) -> Self {
        Self {
            name: account.name.clone(),
            modems: account.modems.clone(),
            per_minute: account.limits.per_minute,
            per_hour: account.limits.per_hour,
            per_day: account.limits.per_day,
            per_month: account.limits.per_month,
        }
    }
}

/// One message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    /// Our id, the same from the beginning to the end.
    pub id: String,
    /// `mms` or `sms`.
    #[serde(default = "mms")]
    pub kind: String,
    /// `out` or `in`.
    pub direction: String,
    /// How far it got.
    pub state: String,
    /// Whether nothing more will happen by itself, delivery reports aside.
    pub settled: bool,
    /// It was on the SIM before the gateway first saw that SIM: shown, but no news.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub historic: bool,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
    /// Inbound: when it was sent, by the clock of the MMSC or the short message centre. RFC 3339,
    /// UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
    /// Inbound: who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Outbound: the recipients, each with its own state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Recipient>,
    /// Its subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The beginning of its text; of an SMS all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// SMS: how many it takes on the air, for each recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<u32>,
    /// SMS: class 0, which phones show at once and do not keep.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flash: bool,
    /// Inbound SMS: the segments, from 1, that did not come in time; the text has a mark in their
    /// place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_segments: Vec<u8>,
    /// Its parts without their octets.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// Name of the modem that carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modem: Option<String>,
    /// The error that ended it or that the next attempt has to overcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The caller's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ref: Option<String>,
    /// Outbound: id of the announced message that the MMSC passes on unfetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwards: Option<String>,
    /// What only the view of a single message holds.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
}

/// What only the view of a single message holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Detail {
    /// Inbound: whom the sender addressed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addressed_to: Vec<String>,
    /// Inbound: the MMSC's X-Mms-Transaction-Id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// Inbound: where the MMSC keeps or kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_location: Option<String>,
    /// Inbound: the MMSC's Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mmsc_message_id: Option<String>,
    /// RFC 3339: until when it is worth trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Failed or unfinished attempts so far.
    pub attempts: u32,
    /// RFC 3339: when the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// Outbound: the modem that it waits for, while that modem is out of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// What happened, oldest first.
    pub timeline: Vec<TimelineItem>,
}

/// A modem that a message waits for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaitingFor {
    /// Its name.
    pub modem: String,
    /// Its condition.
    pub condition: String,
    /// RFC 3339: since when it is in this condition.
    pub since: String,
    /// Other modems that could send it, each under the number of its own SIM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
}

impl WaitingFor {
    /// The modem that a message waits for, when it is out of service.
    pub(crate) fn of(message: &Summary, modems: &[ModemView]) -> Option<Self> {
        use crate::model::OutboundState::{Accepted, Queued};
        if !matches!(message.state, State::Out(Accepted | Queued)) {
            return None;
        }
        let name = message.modem.as_ref()?;
        let modem = modems.iter().find(|it| it.name == *name)?;
        let others =
            modems.iter().filter(|it| it.name != *name && (it.mms || message.kind == Kind::Sms));
        (!matches!(modem.condition, "ready" | "calling")).then(|| Self {
            modem: name.clone(),
            condition: modem.condition.to_owned(),
            since: modem.since.to_string(),
            others: others.map(|it| it.name.clone()).collect(),
        })
    }
}

/// One recipient of an outbound message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recipient {
    /// Number or e-mail address.
    pub address: String,
    /// How far it got.
    pub state: String,
    /// The Message-ID that the MMSC gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mmsc_message_id: Option<String>,
    /// The last delivery report's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// When the first report said that the phone has it, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<String>,
    /// When the first report said that it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
    /// The last error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Name of the modem that it goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modem: Option<String>,
}

/// A part without its octets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Position in the message, from 0.
    pub index: usize,
    /// Media type.
    pub content_type: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Content-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// Charset of a text part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Octets.
    pub size: usize,
    /// SHA-256 of the octets, lower-case hexadecimal.
    pub sha256: String,
    /// Where to get it.
    pub url: String,
    /// RFC 3339: when its octets were removed to keep the store in bounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<String>,
}

/// One transition in the life of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimelineItem {
    /// RFC 3339, UTC.
    pub at: String,
    /// Whom it concerns, when it is about one recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The state after it.
    pub state: String,
    /// What happened, for people.
    pub text: String,
    /// The error behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What the other side said, as it said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbatim: Option<String>,
    /// The modem that had the message then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modem: Option<String>,
    /// In which attempt, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

/// A message's timeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timeline {
    /// Oldest first.
    pub events: Vec<TimelineItem>,
}

/// What a text takes as SMS.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TextCost {
    /// SMS for each recipient.
    pub segments: usize,
    /// `gsm7`, `gsm7-shift` (with the tables of a language) or `ucs2`.
    pub encoding: String,
    /// Units of the whole text: septets, or UTF-16 units.
    pub units: usize,
    /// Units that the last SMS still has room for.
    pub left: usize,
    /// SMS that one text may take.
    pub limit: usize,
    /// The first characters that are in no alphabet for SMS and make the text longer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<char>,
}

/// A text to oneself that is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestText {
    /// The message that is sent.
    pub id: String,
    /// The modem that sends it.
    pub modem: String,
    /// Where it goes: the SIM's own number.
    pub to: String,
    /// What it says; the message that comes back says the same.
    pub text: String,
    /// Where to look how it fares.
    pub url: String,
}

/// Every modem.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ModemList {
    /// In the order of the configuration.
    pub modems: Vec<Modem>,
}

/// Something that happened, as the event stream tells it; the kind is the name of the
/// server-sent event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventItem {
    /// A message reached a state.
    State {
        /// RFC 3339, UTC.
        at: String,
        /// Which message.
        id: String,
        /// `mms` or `sms`.
        #[serde(default = "mms")]
        kind: String,
        /// `out` or `in`.
        direction: String,
        /// The state reached.
        state: String,
        /// Whether nothing more will happen by itself, delivery reports aside.
        settled: bool,
        /// It was on the SIM before the gateway first saw that SIM: to be shown, but no news for
        /// whatever answers messages.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        historic: bool,
    },
    /// A step on the way.
    Stage {
        /// RFC 3339, UTC.
        at: String,
        /// The modem's name.
        modem: String,
        /// The message it is about, when it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// Stable short name of the step.
        stage: String,
        /// The step in words.
        text: String,
        /// Octets done so far, for transfers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Octets in all, for transfers where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
    },
    /// A modem's condition changed.
    Modem {
        /// RFC 3339, UTC.
        at: String,
        /// Its condition now.
        modem: Box<Modem>,
    },
    /// Something that a person has to see to began or is over.
    Alarm {
        /// RFC 3339, UTC.
        at: String,
        /// The fault's code.
        code: String,
        /// What it is about: `gateway`, `modem:NAME`, `webhook:ID`.
        scope: String,
        /// It began; otherwise it is over.
        raised: bool,
        /// What is, or was, wrong.
        fault: Fault,
    },
    /// The listener was too slow and missed some events: read the lists again.
    Missed {
        /// How many.
        events: u64,
    },
}

impl EventItem {
    /// The name of the server-sent event.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::State { .. } => "state",
            Self::Stage { .. } => "stage",
            Self::Modem { .. } => "modem",
            Self::Alarm { .. } => "alarm",
            Self::Missed { .. } => "missed",
        }
    }

    /// The message it is about, when it is about one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::State { id, .. } => Some(id),
            Self::Stage { id, .. } => id.as_deref(),
            Self::Modem { .. } | Self::Alarm { .. } | Self::Missed { .. } => None,
        }
    }
}

impl From<&Summary> for Message {
    fn from(summary: &Summary) -> Self {
        Self {
            id: summary.id.to_string(),
            kind: summary.kind.as_str().to_owned(),
            direction: summary.direction.as_str().to_owned(),
            state: summary.state.as_str().to_owned(),
            settled: summary.kind.is_settled(summary.state),
            historic: summary.historic,
            sent_at: summary.sent_at.map(|at| at.to_string()),
            segments: summary.sms.as_ref().map(|sms| sms.segments),
            flash: summary.sms.as_ref().is_some_and(|sms| sms.class == Some(0)),
            missing_segments: summary.sms.as_ref().map_or_else(Vec::new, |sms| sms.missing.clone()),
            created_at: summary.created_at.to_string(),
            updated_at: summary.updated_at.to_string(),
            from: summary.from.as_ref().map(ToString::to_string),
            recipients: summary.recipients.iter().map(Recipient::from).collect(),
            subject: summary.subject.clone(),
            text: summary.text.clone(),
            parts: summary.parts.iter().map(|part| part_view(summary, part)).collect(),
            modem: summary.modem.clone(),
            fault: summary.fault.clone(),
            client_ref: summary.client_ref.clone(),
            forwards: summary.forwards.as_ref().map(ToString::to_string),
            detail: None,
        }
    }
}

impl From<&MessageView> for Message {
    fn from(view: &MessageView) -> Self {
        let (transaction_id, content_location) = view.notification.clone().unzip();
        Self {
            detail: Some(Detail {
                addressed_to: view.inbound_to.iter().map(ToString::to_string).collect(),
                transaction_id,
                content_location,
                mmsc_message_id: view.message_id.clone(),
                expires_at: view.expires_at.map(|at| at.to_string()),
                attempts: view.attempts,
                next_attempt_at: view.next_attempt_at.map(|at| at.to_string()),
                waiting_for: None,
                timeline: view.timeline.iter().map(TimelineItem::from).collect(),
            }),
            ..Self::from(&view.summary)
        }
    }
}

impl Message {
    /// Everything about a message, with how the modem fares that it may wait for.
    pub(crate) fn whole(view: &MessageView, modems: &[ModemView]) -> Self {
        let mut message = Self::from(view);
        if let Some(detail) = &mut message.detail {
            detail.waiting_for = WaitingFor::of(&view.summary, modems);
        }
        message
    }
}

impl From<&RecipientView> for Recipient {
    fn from(recipient: &RecipientView) -> Self {
        Self {
            address: recipient.address.to_string(),
            state: recipient.state.as_str().to_owned(),
            mmsc_message_id: recipient.mmsc_message_id.clone(),
            report: recipient.report.clone(),
            delivered_at: recipient.delivered_at.map(|at| at.to_string()),
            read_at: recipient.read_at.map(|at| at.to_string()),
            fault: recipient.fault.clone(),
            modem: Some(recipient.modem.clone()),
        }
    }
}

impl From<&TimelineEntry> for TimelineItem {
    fn from(entry: &TimelineEntry) -> Self {
        Self {
            at: entry.at.to_string(),
            recipient: entry.recipient.as_ref().map(ToString::to_string),
            state: entry.state.clone(),
            text: entry.text.clone(),
            fault: entry.fault.clone(),
            cause: entry.cause.clone(),
            verbatim: entry.verbatim.clone(),
            modem: entry.modem.clone(),
            attempt: entry.attempt,
        }
    }
}

impl From<gateway::TextCost> for TextCost {
    fn from(cost: gateway::TextCost) -> Self {
        Self {
            segments: cost.segments,
            encoding: cost.encoding.to_owned(),
            units: cost.units,
            left: cost.left,
            limit: cost.limit,
            beyond: cost.beyond,
        }
    }
}

impl From<&Event> for EventItem {
    fn from(event: &Event) -> Self {
        match event {
            Event::State { at, id, kind, direction, state, historic } => Self::State {
                at: at.to_string(),
                id: id.to_string(),
                kind: kind.as_str().to_owned(),
                direction: direction.as_str().to_owned(),
                state: state.as_str().to_owned(),
                settled: kind.is_settled(*state),
                historic: *historic,
            },
            Event::Stage { at, modem, id, stage } => {
                let (done, total) = match stage {
                    Stage::Uploading { done, total } => (Some(*done), Some(*total)),
                    Stage::Downloading { done, total } => (Some(*done), *total),
                    _ => (None, None),
                };
                Self::Stage {
                    at: at.to_string(),
                    modem: modem.clone(),
                    id: id.as_ref().map(ToString::to_string),
                    stage: stage.code().to_owned(),
                    text: stage.to_string(),
                    done,
                    total,
                }
            }
            Event::Modem { at, modem } => {
                Self::Modem { at: at.to_string(), modem: Box::new(Modem::from(&**modem)) }
            }
            Event::Alarm { at, code, scope, raised, fault } => Self::Alarm {
                at: at.to_string(),
                code: code.clone(),
                scope: scope.clone(),
                raised: *raised,
                fault: (**fault).clone(),
            },
        }
    }
}

/// What a gateway of an earlier version does not say.
fn mms() -> String {
    Kind::Mms.as_str().to_owned()
}

/// Reads `in`, `inbound`, `out` or `outbound`.
pub(crate) fn parse_direction(text: &str) -> Option<Direction> {
    match text {
        "out" | "outbound" => Some(Direction::Outbound),
        "in" | "inbound" => Some(Direction::Inbound),
        _ => None,
    }
}

/// Whether a retry by a person's word makes sense in this state.
pub(crate) const fn may_retry(state: State) -> bool {
    use crate::model::{InboundState, OutboundState};
    matches!(
        state,
        State::Out(OutboundState::Unknown | OutboundState::Failed | OutboundState::Expired)
            | State::In(InboundState::Failed | InboundState::Deferred)
    )
}

/// Whether a message in this state can still be withdrawn.
pub(crate) const fn may_cancel(state: State) -> bool {
    use crate::model::OutboundState;
    matches!(
        state,
        State::Out(OutboundState::Accepted | OutboundState::Scheduled | OutboundState::Queued)
    )
}

fn part_view(summary: &Summary, part: &PartInfo) -> Part {
    Part {
        index: part.index,
        content_type: part.media_type.to_string(),
        filename: part.name.clone(),
        content_id: part.content_id.clone(),
        charset: part.charset.clone(),
        size: part.size,
        sha256: part.sha256.clone(),
        url: format!("/api/v1/messages/{}/parts/{}", summary.id, part.index),
        removed_at: summary.parts_removed_at.map(|at| at.to_string()),
    }
}

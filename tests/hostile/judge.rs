//! What has to be true, by the operator's own books: nothing taken twice, nothing lost, every end
//! explained.
//!
//! * A message that the gateway calls sent was taken, once; one that failed was not, and its reason holds
//!   the words of a refusal that the operator said during that attempt.
//! * `unknown` is a message whose answer something took during that attempt; the MMSC has it once or
//!   not at all.
//! * What was announced is here as it was sent, once, and the MMSC knows; or the MMSC had taken it
//!   back, in its own words.

use std::time::Duration;

use mm1gate::gateway::Gateway;
use mm1gate::model::{Direction, InboundState, MessageId, OutboundState, State, Timestamp};
use mm1gate::sim::{Entry, EntryKind, Fault};
use mm1gate::store::{Filter, MessageView, RecipientView};
use tokio::time::Instant;

use crate::draw;
use crate::explained::unexplained;
use crate::run::{PHONES, World};

/// X-Mms-Status "retrieved".
const RETRIEVED: u8 = 0x81;

/// A message that the gateway was given.
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) mark: String,
    pub(crate) report: bool,
}

/// A message that the operator has for the gateway.
pub(crate) struct Coming {
    pub(crate) mark: String,
    pub(crate) token: String,
    /// Of its picture.
    pub(crate) sha256: String,
}

/// The calendar of the virtual world, for what the simulator tells in instants.
#[derive(Clone, Copy)]
pub(crate) struct Calendar {
    pub(crate) zero: Instant,
    pub(crate) start: Timestamp,
}

impl Calendar {
    fn date(&self, at: Instant) -> Timestamp {
        self.start.plus(at - self.zero)
    }
}

#[derive(Default)]
pub(crate) struct Verdict {
    /// May still come right.
    pub(crate) open: Vec<String>,
    /// Never will.
    pub(crate) wrong: Vec<String>,
    /// The last states of recipients, and of messages that came in.
    pub(crate) ends: Vec<String>,
}

pub(crate) async fn views(gateway: &Gateway) -> Vec<MessageView> {
    let mut all = Vec::new();
    let filter = Filter { limit: 1_000, ..Filter::default() };
    for summary in gateway.messages(filter).await.unwrap() {
        all.extend(gateway.message(&summary.id).await.unwrap());
    }
    all
}

pub(crate) async fn judge(world: &World) -> Verdict {
    let mut verdict = Verdict::default();
    let all = views(&world.gateway).await;
    for sent in &world.sent {
        match all.iter().find(|view| view.summary.id == sent.id) {
            None => verdict.wrong.push(format!("lost: {} is not in the store", sent.mark)),
            Some(view) => outgoing(&mut verdict, world, sent, view),
        }
    }
    for coming in &world.coming {
        incoming(&mut verdict, world, coming, &all);
    }
    if all.len() > world.sent.len() + world.coming.len() {
        let marks: Vec<_> = all.iter().map(|view| &view.summary.subject).collect();
        verdict.wrong.push(format!("ghost: the store has {marks:?}"));
    }
    for view in all.iter().filter(|view| view.summary.kind.is_settled(view.summary.state)) {
        verdict.wrong.extend(unexplained(view));
    }
    verdict
}

/// What may not be there any more when nothing has happened for long.
pub(crate) async fn leftovers(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let modem = world.operator.modem().state();
    if let Some(apn) = modem.call {
        wrong.push(format!("stuck: a data call to {apn} is still up"));
    }
    if modem.stored_sms != [0, 0] || modem.waiting_sms > 0 {
        wrong.push("stuck: SMS were left behind".to_owned());
    }
    for view in world.gateway.modems().iter().filter(|view| view.condition != "ready") {
        wrong.push(format!("stuck: the modem is '{}'", view.condition));
    }
    wrong
}

/// Everything that there is to know of a run, for whoever replays it.
pub(crate) async fn tell_all(world: &World) {
    let journal = world.operator.mmsc().journal();
    for entry in &journal.entries {
        eprintln!("{:?}", Entry { body: bytes::Bytes::new(), ..entry.clone() });
    }
    eprintln!("{:#?}", journal.stored);
    for view in views(&world.gateway).await {
        let summary = &view.summary;
        eprintln!("{:?} {} {:?}", summary.subject, summary.state.as_str(), view.notification);
        for entry in &view.timeline {
            let why = entry.fault.as_ref().map(|fault| &fault.summary);
            let to = entry.recipient.as_ref().map(ToString::to_string).unwrap_or_default();
            eprintln!("    {} {to} {}: {} {why:?}", entry.at, entry.state, entry.text);
        }
    }
}

fn outgoing(verdict: &mut Verdict, world: &World, sent: &Sent, view: &MessageView) {
    let mark = &sent.mark;
    for recipient in &view.summary.recipients {
        verdict.ends.push(recipient.state.to_string());
        let what = format!("{mark} to {}", recipient.address);
        let taken = taken(world, sent, recipient);
        if taken > 1 {
            verdict.wrong.push(format!("twice: {what} was taken {taken} times"));
        }
        match (recipient.state, taken) {
            (OutboundState::Delivered, 1) if recipient.address.text() == PHONES[0] => {}
            (OutboundState::Undelivered, 1) if recipient.address.text() == PHONES[1] => {}
            (OutboundState::Sent, 1) if !sent.report => {}
            // Two recipients of one PDU: the report of a Message-ID that nobody told fits both.
            (OutboundState::Sent, 1) if was_unnamed(world) => {}
            (OutboundState::Unknown, 0 | 1) => {
                if let Err(why) = in_doubt(world, view, recipient) {
                    verdict.wrong.push(format!("lost: nothing took the answer to {what}: {why}"));
                }
            }
            (OutboundState::Failed, 0) => {
                if let Err(why) = refused(world, view, recipient) {
                    verdict.wrong.push(format!("lost: nobody refused {what}: {why}"));
                }
            }
            (OutboundState::Failed | OutboundState::Expired | OutboundState::Canceled, _) => {
                verdict.wrong.push(format!(
                    "lost: {what} is {}, taken {taken} times: {:?}",
                    recipient.state, recipient.fault
                ));
            }
            (state, _) => verdict.open.push(format!(
                "stuck: {what} is {state}, taken {taken} times: {:?}",
                recipient.fault
            )),
        }
    }
}

/// Whether some M-Send.conf had no Message-ID.
fn was_unnamed(world: &World) -> bool {
    world.operator.faults().fired().by_name().contains_key("mmsc-omits-message-id")
}

/// How often the MMSC took a message for a recipient.
fn taken(world: &World, sent: &Sent, recipient: &RecipientView) -> usize {
    let (mark, number) = (sent.mark.as_bytes(), recipient.address.text().as_bytes());
    let journal = world.operator.mmsc().journal();
    journal
        .of(EntryKind::Submission)
        .filter(|entry| holds(&entry.body, mark) && holds(&entry.body, number))
        .count()
}

fn holds(body: &[u8], mark: &[u8]) -> bool {
    body.windows(mark.len()).any(|window| window == mark)
}

/// What has shown during the last attempt with a recipient.
fn shown(world: &World, view: &MessageView, recipient: &RecipientView) -> Vec<Fault> {
    let mine = || {
        view.timeline.iter().rev().filter(|it| it.recipient.as_ref() == Some(&recipient.address))
    };
    let begun = mine().find(|it| it.state == "sending").map(|it| it.at);
    let ended = mine().find(|it| it.state == recipient.state.as_str()).map(|it| it.at);
    let (Some(begun), Some(ended)) = (begun, ended) else { return Vec::new() };
    let shown = world.operator.faults().shown();
    shown
        .into_iter()
        .map(|(at, fault)| (world.calendar.date(at), fault))
        // What shows again within a second is told as one.
        .filter(|(at, _)| begun <= at.plus(Duration::from_secs(1)) && *at <= ended)
        .map(|(_, fault)| fault)
        .collect()
}

fn in_doubt(world: &World, view: &MessageView, recipient: &RecipientView) -> Result<(), String> {
    // A connection that is to break is armed when it begins, and one serves many requests; lost
    // datagrams are nobody's fault.
    let resets = world.operator.faults().fired().by_name().contains_key("connection-reset");
    let shown = shown(world, view, recipient);
    if resets || world.wap.is_some() || shown.iter().any(draw::takes_answer) {
        return Ok(());
    }
    Err(format!("{shown:?}; {:?}", recipient.fault))
}

fn refused(world: &World, view: &MessageView, recipient: &RecipientView) -> Result<(), String> {
    let shown = shown(world, view, recipient);
    let said = recipient.fault.as_ref().map(|fault| {
        format!("{} {}", fault.summary, fault.verbatim.as_deref().unwrap_or_default())
    });
    let said = said.unwrap_or_default();
    let words: Vec<String> = shown.iter().filter_map(draw::refusal).collect();
    if words.iter().any(|words| said.to_lowercase().contains(&words.to_lowercase())) {
        return Ok(());
    }
    Err(format!("'{said}' has none of {words:?}; {shown:?}"))
}

fn incoming(verdict: &mut Verdict, world: &World, coming: &Coming, all: &[MessageView]) {
    let mark = &coming.mark;
    let found: Vec<&MessageView> = all
        .iter()
        .filter(|view| {
            view.summary.direction == Direction::Inbound
                && view.summary.subject.as_ref() == Some(mark)
        })
        .collect();
    let view = match found.as_slice() {
        [] => return verdict.open.push(format!("lost: {mark} is not in the inbox")),
        [view] => *view,
        several => {
            let count = several.len();
            return verdict.wrong.push(format!("twice: {mark} is in the inbox {count} times"));
        }
    };
    let State::In(state) = view.summary.state else { return };
    verdict.ends.push(format!("in:{state}"));
    let journal = world.operator.mmsc().journal();
    let renamed = format!("{}b", coming.token);
    let stored = journal.stored.iter().find(|it| it.token == coming.token || it.token == renamed);
    match state {
        InboundState::Acknowledged => {
            if view.summary.parts.iter().filter(|part| part.sha256 == coming.sha256).count() != 1 {
                verdict.wrong.push(format!("lost: {mark} has another picture in the inbox"));
            }
            if stored.and_then(|it| it.acknowledged) != Some(RETRIEVED) {
                verdict.wrong.push(format!("lost: the MMSC does not know that {mark} is here"));
            }
        }
        InboundState::Failed | InboundState::Expired => {
            let fault = view.summary.fault.as_ref().map(|fault| &fault.summary);
            let fired: Vec<Fault> =
                world.operator.faults().shown().into_iter().map(|(_, fault)| fault).collect();
            if !fired.iter().any(draw::takes_content) {
                verdict.wrong.push(format!("lost: {mark} is {state}: {fault:?}; {fired:?}"));
            }
        }
        state => verdict.open.push(format!(
            "stuck: {mark} is {state}: {:?}",
            view.summary.fault.as_ref().map(|fault| &fault.summary)
        )),
    }
}

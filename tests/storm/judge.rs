//! What lost, twice and stuck mean. The simulator's own books count, never the gateway's word:
//! the phones and the message centre say what arrived there, the MMSC's journal what was
//! acknowledged, the storages what was left behind.
//!
//! * **Lost, outgoing**: nobody got it although the gateway does not say that it failed for a
//!   reason that the network gave. A message may end as `unknown` where something took its answer
//!   (`doubt`); it has arrived once then or not at all.
//! * **Lost, incoming**: the network handed it over and it is not in the inbox as it was sent, or
//!   the MMSC was never told that it was fetched.
//! * **Twice**: somebody got an outgoing message, or a part of one, more than once, or the inbox has
//!   an incoming one more than once.
//! * **Ghost**: the inbox has what nobody sent ([`ghosts`] names who else does send).
//! * **Stuck**: a message is still under way, a short message still lies in a storage or in the
//!   network, the modem is not ready, or a data call is still up.

use mm1gate::codec::sms::{Tpdu, UserData};
use mm1gate::gateway::Gateway;
use mm1gate::model::{Direction, Fault, InboundState, Kind, MessageId, OutboundState, State};
use mm1gate::sim::Operator;
use mm1gate::store::{Filter, Summary};

use crate::doubt::{self, Calendar};

/// More messages than any run has.
const MAX_LISTED: usize = 1_000;
/// X-Mms-Status "retrieved".
const RETRIEVED: u8 = 0x81;

/// A message that the gateway was given.
pub(crate) struct Sent {
    pub(crate) id: MessageId,
    pub(crate) kind: Kind,
    /// Its subject, and in its text where there is no subject: nothing else has it.
    pub(crate) mark: String,
    /// Text of a short message.
    pub(crate) text: String,
    /// Octets that it has at least.
    pub(crate) octets: usize,
    /// It is to end as delivered, by the report that was asked for.
    pub(crate) report: bool,
}

/// A message that the operator has for the gateway.
pub(crate) struct Coming {
    pub(crate) kind: Kind,
    pub(crate) mark: String,
    /// Text of the message.
    pub(crate) text: String,
    /// Under which the MMSC keeps it.
    pub(crate) token: Option<String>,
}

/// What stands between this moment and everything being where it belongs.
#[derive(Default)]
pub(crate) struct Verdict {
    /// May still come right.
    pub(crate) open: Vec<String>,
    /// Will never.
    pub(crate) wrong: Vec<String>,
    /// Messages that ended as unknown.
    pub(crate) unknown: u64,
    /// Messages that failed by a refusal for good: texts, MMS.
    refused: [u64; 2],
}

pub(crate) async fn judge(
    gateway: &Gateway,
    operator: &Operator,
    calendar: Calendar,
    phone: &str,
    sent: &[Sent],
    coming: &[Coming],
) -> Verdict {
    let mut verdict = Verdict::default();
    let all = gateway.messages(Filter { limit: MAX_LISTED, ..Filter::default() }).await.unwrap();
    for message in sent {
        outgoing(&mut verdict, &all, operator, phone, message);
        if all.iter().any(|one| one.id == message.id && is_unknown(one)) {
            let view = gateway.message(&message.id).await.unwrap().unwrap();
            match doubt::excuse(&view, operator, calendar, message) {
                Ok(()) => verdict.unknown += 1,
                Err(why) => verdict.wrong.push(format!(
                    "lost: nothing took the answer to {}, which is unknown ({}): {why}",
                    message.mark,
                    fault_of(&view.summary)
                )),
            }
        }
    }
    compare_refusals(&mut verdict, operator);
    for message in coming {
        incoming(&mut verdict, &all, operator, message);
    }
    let modem = operator.modem().state();
    if modem.stored_sms != [0, 0] {
        verdict.open.push(format!("stuck: SMS lie in the storages: {:?}", modem.stored_sms));
    }
    if modem.waiting_sms > 0 {
        verdict.open.push(format!("stuck: {} SMS wait in the network", modem.waiting_sms));
    }
    for view in gateway.modems() {
        if !matches!(view.condition, "ready" | "calling") {
            verdict.open.push(format!(
                "stuck: the modem is '{}': {}",
                view.condition,
                view.fault.map_or_else(|| "no reason told".to_owned(), |fault| fault.summary)
            ));
        }
    }
    verdict
}

/// What may not be there any more when nothing has happened for long, and what never may.
pub(crate) async fn leftovers(
    gateway: &Gateway,
    operator: &Operator,
    coming: &[Coming],
) -> Vec<String> {
    let all = gateway.messages(Filter { limit: MAX_LISTED, ..Filter::default() }).await.unwrap();
    let mut wrong = ghosts(&all, operator, coming);
    wrong.extend(parts_twice(operator));
    if let Some(apn) = operator.modem().state().call {
        wrong.push(format!("stuck: a data call to {apn} is still up"));
    }
    for view in gateway.modems() {
        if view.condition != "ready" {
            wrong.push(format!("stuck: the modem is '{}' without work", view.condition));
        }
    }
    wrong
}

/// Who sends in parts besides the operator where `sms-reference-shared` strikes: data for a port at
/// which nobody listens, one message each time.
const STRANGER: &str = "+447700900777";

/// What the inbox has that nobody sent.
fn ghosts(all: &[Summary], operator: &Operator, coming: &[Coming]) -> Vec<String> {
    let fired = operator.faults().fired().by_name();
    let mut strangers = fired.get("sms-reference-shared").copied().unwrap_or(0);
    let mut wrong = Vec::new();
    for one in all.iter().filter(|one| one.direction == Direction::Inbound) {
        let from = one.from.as_ref().map(ToString::to_string).unwrap_or_default();
        if coming.iter().any(|message| is_it(one, message)) {
            continue;
        }
        if strangers > 0 && one.kind == Kind::Sms && one.text.is_none() && from == STRANGER {
            strangers -= 1;
            continue;
        }
        wrong.push(format!(
            "ghost: nobody sent the {} from '{from}' that is {}: subject {:?}, text {:?}, {}",
            one.kind.as_str(),
            one.state.as_str(),
            one.subject,
            one.text,
            fault_of(one)
        ));
    }
    wrong
}

/// The message centre joins the parts of a text whatever comes of it twice; what came is in its
/// journal.
fn parts_twice(operator: &Operator) -> Vec<String> {
    let mut seen: Vec<(String, UserData)> = Vec::new();
    let mut wrong = Vec::new();
    for submitted in operator.state().submitted_sms {
        let octets = hex::decode(&submitted.tpdu).unwrap();
        let Tpdu::Submit(submit) = Tpdu::from_mobile(&octets).unwrap().value else { continue };
        let one = (submit.destination.to_string(), submit.user_data);
        if seen.contains(&one) {
            let sequence = one.1.udh.concat().map_or(1, |concat| concat.sequence);
            wrong.push(format!("twice: part {sequence} of a text was submitted again"));
        }
        seen.push(one);
    }
    wrong
}

fn is_unknown(summary: &Summary) -> bool {
    summary.state == State::Out(OutboundState::Unknown)
}

fn outgoing(verdict: &mut Verdict, all: &[Summary], operator: &Operator, phone: &str, sent: &Sent) {
    let Some(summary) = all.iter().find(|one| one.id == sent.id) else {
        return verdict.wrong.push(format!("lost: {} is not in the store", sent.mark));
    };
    let arrived = match sent.kind {
        Kind::Mms => operator.phone(phone).map_or(0, |phone| {
            phone.received().iter().filter(|it| it.subject.as_ref() == Some(&sent.mark)).count()
        }),
        Kind::Sms => operator.texts_of(phone).iter().filter(|it| it.text == sent.text).count(),
    };
    let mark = &sent.mark;
    match (arrived, summary.state) {
        (2.., _) => verdict.wrong.push(format!("twice: {mark} arrived {arrived} times")),
        // The report says that it arrived.
        (1, State::Out(OutboundState::Unknown | OutboundState::Sent)) if sent.report => {
            let state = summary.state.as_str();
            verdict.open.push(format!("stuck: {mark} is {state}, and its report says delivered"));
        }
        // Whether it may be, `doubt` says.
        (_, State::Out(OutboundState::Unknown)) => {}
        (1, State::Out(OutboundState::Sent | OutboundState::Delivered)) => {}
        (0, State::Out(OutboundState::Sent | OutboundState::Delivered)) => {
            // The phone takes a moment.
            verdict.open.push(format!("lost: {mark} counts as sent and nobody got it"));
        }
        // Refused by the modem or the proxy, and its owner told so in their words.
        (0, State::Out(OutboundState::Failed)) if says_refusal(summary) => match sent.kind {
            Kind::Sms => verdict.refused[0] += 1,
            Kind::Mms => verdict.refused[1] += 1,
        },
        (arrived, State::Out(OutboundState::Failed)) => verdict
            .wrong
            .push(format!("lost: {mark} failed, arrived {arrived} times: {}", fault_of(summary))),
        (arrived, state) => verdict.open.push(format!(
            "stuck: {mark} is {}, arrived {arrived} times: {}",
            state.as_str(),
            fault_of(summary)
        )),
    }
}

/// Refusals for good that scenarios draw, by kind of message: the fault, and what the other side
/// says then. A text's length is refused by the modem; a redirection is followed by no submission
/// (RFC 9110 clause 15.4).
const REFUSALS: [(Kind, &str, &[&str]); 2] = [
    (Kind::Sms, "prompt-wrong-length", &["+CMS ERROR: 304"]),
    (Kind::Mms, "proxy-redirects", &["HTTP 301", "HTTP 302", "HTTP 307", "HTTP 308"]),
];

/// Whether a message's own fault holds the words of a refusal for good.
fn says_refusal(summary: &Summary) -> bool {
    let words = REFUSALS.iter().find(|(kind, ..)| *kind == summary.kind).map(|(.., words)| *words);
    let fault = fault(summary);
    words.unwrap_or_default().iter().any(|word| {
        fault.iter().any(|it| {
            it.summary.contains(word)
                || it.verbatim.as_ref().is_some_and(|said| said.contains(word))
        })
    })
}

/// Each refusal fails one message: more failures than refusals are losses that use their words.
fn compare_refusals(verdict: &mut Verdict, operator: &Operator) {
    let fired = operator.faults().fired().by_name();
    for ((_, name, _), failed) in REFUSALS.iter().zip(verdict.refused) {
        let fired = fired.get(*name).copied().unwrap_or(0);
        if failed > fired {
            verdict.wrong.push(format!("lost: {failed} messages failed of {fired} times {name}"));
        }
    }
}

/// Whether an announcement was filed as expired long before the gateway first saw the SIM, in a
/// scenario whose message centre stamps with wrong times: at first sight nothing tells such a one
/// from what has lain there for years, so it is shown and not fetched by itself.
fn is_old_at_first_sight(one: &Summary, operator: &Operator) -> bool {
    one.historic
        && one.kind == Kind::Mms
        && one.state == State::In(InboundState::Expired)
        && operator.faults().fired().by_name().contains_key("odd-message-time")
}

/// Whether a message of the inbox is this one.
fn is_it(one: &Summary, coming: &Coming) -> bool {
    one.direction == Direction::Inbound
        && one.kind == coming.kind
        && match coming.kind {
            Kind::Mms => one.subject.as_ref() == Some(&coming.mark),
            Kind::Sms => one.text.as_ref() == Some(&coming.text),
        }
}

fn incoming(verdict: &mut Verdict, all: &[Summary], operator: &Operator, coming: &Coming) {
    let mark = &coming.mark;
    let found: Vec<&Summary> = all.iter().filter(|one| is_it(one, coming)).collect();
    let summary = match found.as_slice() {
        [] => return verdict.open.push(format!("lost: {mark} is not in the inbox")),
        [one] if is_old_at_first_sight(one, operator) => return,
        [one] => *one,
        several => {
            return verdict
                .wrong
                .push(format!("twice: {mark} is in the inbox {} times", several.len()));
        }
    };
    if !summary.kind.is_settled(summary.state) {
        return verdict.open.push(format!(
            "stuck: {mark} is {}: {}",
            summary.state.as_str(),
            fault_of(summary)
        ));
    }
    if summary.text.as_ref() != Some(&coming.text) {
        verdict.wrong.push(format!("lost: {mark} says {:?} in the inbox", summary.text));
    }
    let Some(token) = &coming.token else { return };
    let journal = operator.mmsc().journal();
    let acknowledged =
        journal.stored.iter().find(|it| it.token == *token).and_then(|it| it.acknowledged);
    if acknowledged != Some(RETRIEVED) {
        verdict
            .open
            .push(format!("stuck: the MMSC has no acknowledgement of {mark}: {acknowledged:?}"));
    }
}

/// A message's own fault, or that of its recipient.
fn fault(summary: &Summary) -> Option<Fault> {
    let recipients = summary.recipients.iter().find_map(|one| one.fault.clone());
    summary.fault.clone().or(recipients)
}

fn fault_of(summary: &Summary) -> String {
    fault(summary).map_or_else(|| "no reason told".to_owned(), |fault| fault.summary)
}
